"""What is read off the pieces: random piecewise-linear functions, and the smooth rows in ball
arithmetic.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import pytest
import sympy as sp
from flint import arb, arb_series, ctx
from hypothesis import given
from hypothesis import strategies as st

from tests.formulas import exact
from tests.strategies import KINKS, PIECEWISE_LINEAR, RATIONAL, grid
from theory.expressions import traits
from theory.expressions.activation import ACTIVATIONS, Activation, Kink, z
from theory.expressions.traits import Jump

ROWS = list(ACTIVATIONS.values())
by_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


# --- pieces ------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [traits.jumps, traits.kinks, traits.affine_pieces])
def test_nothing_is_read_off_an_incomplete_list(read: Callable[[sp.Expr], Any]) -> None:
    with pytest.raises(ValueError, match=r"the pieces of Abs\(sin\(z\)\) are not known completely"):
        read(sp.Abs(sp.sin(z)))


@st.composite
def hinges(draw: st.DrawFn) -> tuple[sp.Expr, tuple[Fraction, ...], tuple[Fraction, ...], Fraction]:
    """c + s z + Σ J max(z - t, 0), as Max or |z - t|, with increasing t and nonzero J."""
    places = draw(st.lists(grid(), max_size=3, unique=True).map(sorted))
    heights = [draw(grid().filter(bool)) for _ in places]
    slope, constant = draw(grid()), draw(grid())
    sigma = exact(constant) + exact(slope) * z
    for t, height in zip(places, heights, strict=True):
        step = z - exact(t)
        hinge = draw(st.sampled_from([sp.Max(step, 0), (step + sp.Abs(step)) / 2]))
        sigma += exact(height) * hinge
    return sigma, tuple(places), tuple(heights), slope


@given(hinges())
def test_kinks_of_random_piecewise_linear_functions(
    case: tuple[sp.Expr, tuple[Fraction, ...], tuple[Fraction, ...], Fraction],
) -> None:
    sigma, places, heights, slope = case
    found = traits.kinks(sigma)
    assert [each.location for each in found] == [exact(t) for t in places]
    assert [each.jump for each in found] == [exact(height) for height in heights]
    assert traits.jumps(sigma) == ()
    pieces = traits.affine_pieces(sigma)
    ends = [-sp.oo, *(exact(t) for t in places), sp.oo]
    assert [piece[:2] for piece in pieces] == list(itertools.pairwise(ends))
    sums = itertools.accumulate(heights, initial=slope)
    assert [piece[2] for piece in pieces] == [exact(total) for total in sums]
    for low, high, steep, height in pieces:
        for end in (low, high):
            if end.is_finite:
                assert sigma.xreplace({z: end}) == steep * end + height
    assert traits.inflections(sigma) == ()


@given(hinges(), grid(), grid().filter(bool), st.sampled_from([0, 1, sp.Rational(1, 2)]))
def test_a_step_is_a_jump_wherever_it_stands(
    case: tuple[sp.Expr, tuple[Fraction, ...], tuple[Fraction, ...], Fraction],
    place: Fraction,
    height: Fraction,
    at_step: sp.Expr,
) -> None:
    sigma = case[0] + exact(height) * sp.Heaviside(z - exact(place), at_step)
    assert traits.jumps(sigma) == (Jump(exact(place), exact(height)),)
    expected = [exact(t) for t in case[1] if t != place]
    assert [each.location for each in traits.kinks(sigma)] == expected
    assert all(
        exact(place) in piece[:2] or not piece[0] < exact(place) < piece[1]
        for piece in traits.affine_pieces(sigma)
    )


def test_an_isolated_value_is_a_jump_of_no_height() -> None:
    sigma = z + 1 - sp.Heaviside(z, 0) - sp.Heaviside(-z, 0)
    assert traits.jumps(sigma) == (Jump(sp.Integer(0), sp.Integer(0)),)


@by_row
def test_affine_pieces_of_the_catalogue(row: Activation) -> None:
    """Exact values inside every piece; whole rows are piecewise linear iff pieces and kinks tile
    the line.
    """
    for low, high, slope, intercept in row.affine_pieces:
        left = low if low.is_finite else (high if high.is_finite else 0) - 7
        right = high if high.is_finite else left + 9
        for k in range(1, 4):
            at = left + (right - left) * sp.Rational(k, 4)
            assert row(at) == slope * at + intercept
    assert row.piecewise_linear == (row.name in PIECEWISE_LINEAR)
    if row.piecewise_linear:
        stated = tuple(Kink(exact(t), exact(jump)) for t, jump in KINKS[row.name])
        assert row.kinks == stated


HALF = sp.Rational(1, 2)
TAIL = [(0, sp.oo)]
PIECES: dict[str, list[tuple[Any, Any]]] = {
    "hardswish": [(-sp.oo, -3), (3, sp.oo)],
    "hardshrink": [(-sp.oo, -HALF), (-HALF, HALF), (HALF, sp.oo)],
    "threshold": [(-sp.oo, 1), (1, sp.oo)],
    "elu": TAIL,
    "celu": TAIL,
    "selu": TAIL,
}
JUMPS = {
    "hardshrink": [Jump(-HALF, HALF), Jump(HALF, HALF)],
    "threshold": [Jump(sp.Integer(1), HALF)],
}


@pytest.mark.parametrize(
    "row", [row for row in ROWS if not row.piecewise_linear], ids=lambda row: row.name
)
def test_affine_pieces_of_the_other_rows(row: Activation) -> None:
    assert [piece[:2] for piece in row.affine_pieces] == PIECES.get(row.name, [])
    assert list(row.jumps) == JUMPS.get(row.name, [])
    bent = {"hardswish": [-3, 3], "selu": [0]}.get(row.name, [])
    assert [kink.location for kink in row.kinks] == bent


def test_kinks_that_are_not_piecewise_linear() -> None:
    assert [kink.jump for kink in ACTIVATIONS["hardswish"].kinks] == [-HALF, -HALF]
    (kink,) = ACTIVATIONS["selu"].kinks
    alpha, scale = (
        sp.Rational("1.6732632423543772848170429916717"),
        sp.Rational("1.0507009873554804934193349852946"),
    )
    assert kink.jump == scale - scale * alpha


# --- odd and even ------------------------------------------------------------------------------


@by_row
def test_odd_and_even_part(row: Activation) -> None:
    """σ = odd + even, with their symmetry, at exact points: rational rows exactly, others to 40
    digits.
    """
    odd, even = traits.odd_part(row.expression), traits.even_part(row.expression)
    for k in (1, 2, 3, 4, 7, 8, 24, 25, 48, 56):
        at = sp.Rational(k, 8)
        for value in (
            row(at) - odd.xreplace({z: at}) - even.xreplace({z: at}),
            row(-at) - odd.xreplace({z: -at}) - even.xreplace({z: -at}),
            odd.xreplace({z: at}) + odd.xreplace({z: -at}),
            even.xreplace({z: at}) - even.xreplace({z: -at}),
        ):
            if row.name in RATIONAL:
                assert value == 0
            else:
                # Values below 1000 to 60 digits.
                assert abs(sp.N(value, 60)) < sp.Float("1e-50")
    zero = {z: sp.Integer(0)}
    assert odd.xreplace(zero) == 0
    assert even.xreplace(zero) == row(0)


@pytest.mark.parametrize(
    "name", ["softplus", "logsigmoid", "gelu", "gelu_tanh", "silu", "hardswish", "relu"]
)
def test_linear_odd_parts(name: str) -> None:
    assert traits.odd_part(ACTIVATIONS[name].expression) == z / 2


def test_even_parts_that_are_lines() -> None:
    assert (
        traits.even_part(ACTIVATIONS["sigmoid"].expression)
        == traits.even_part(ACTIVATIONS["hardsigmoid"].expression)
        == sp.Rational(1, 2)
    )
    assert traits.even_part(ACTIVATIONS["relu"].expression) == sp.Abs(z) / 2


@given(hinges())
def test_random_odd_and_even_parts(
    case: tuple[sp.Expr, tuple[Fraction, ...], tuple[Fraction, ...], Fraction],
) -> None:
    sigma = case[0]
    odd, even = traits.odd_part(sigma), traits.even_part(sigma)
    for k in range(-28, 29, 3):
        at = sp.Rational(k, 8)
        here, there = sigma.xreplace({z: at}), sigma.xreplace({z: -at})
        assert odd.xreplace({z: at}) == (here - there) / 2
        assert even.xreplace({z: at}) == (here + there) / 2
    assert traits.parity(odd) == "odd"
    assert traits.parity(even) == "even" or even == 0


# --- bending -----------------------------------------------------------------------------------


def tanh(x: arb_series) -> arb_series:
    return 1 - 2 / ((2 * x).exp() + 1)


def sigmoid(x: arb_series) -> arb_series:
    return 1 / (1 + (-x).exp())


ROOT = arb(2).sqrt()
SERIES: dict[str, Callable[[arb_series], arb_series]] = {
    "softplus": lambda x: (1 + x.exp()).log(),
    "logsigmoid": lambda x: -(1 + (-x).exp()).log(),
    "gelu": lambda x: x / 2 * (1 + (x / ROOT).erf()),
    "gelu_tanh": lambda x: (
        x / 2 * (1 + tanh((2 / arb.pi()).sqrt() * (x + x * x * x * 44715 / 1000000)))
    ),
    "silu": lambda x: x * sigmoid(x),
    "square": lambda x: x * x,
    "cube": lambda x: x * x * x,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "arctan": lambda x: x.atan(),
    "erf": lambda x: x.erf(),
    "mish": lambda x: x * (1 - 2 / ((1 + x.exp()) * (1 + x.exp()) + 1)),
    "tanhshrink": lambda x: x - tanh(x),
    "sin": lambda x: x.sin(),
    "exp": lambda x: x.exp(),
}
"""The analytic rows a second time, as power series of balls: σ'' is twice the coefficient of h²."""


def bends(name: str, at: sp.Rational) -> int:
    """The sign of σ''(at) by automatic differentiation in ball arithmetic; 0 when
    the ball holds 0.
    """
    ctx.prec = 200
    x = arb(int(at.p)) / int(at.q)
    second = SERIES[name](arb_series([x, 1], 3))[2]
    return 1 if second > 0 else -1 if second < 0 else 0


def test_series_cover_the_analytic_rows() -> None:
    bent = {"elu", "celu", "selu", "softsign", "hardswish", "hardshrink", "threshold"}
    assert set(SERIES) == set(ACTIVATIONS) - bent - set(PIECEWISE_LINEAR)


@pytest.mark.parametrize("name", SERIES)
def test_inflections_are_certified(name: str) -> None:
    """Opposite signs of σ'' on both sides, and between two of them one sign on a grid eight times
    finer.
    """
    found = ACTIVATIONS[name].inflections
    small = sp.Rational(1, 2**40)
    cuts = []
    for each in found:
        low, high = each.low, each.high
        if each.exact:
            middle = sp.Rational(Fraction(float(each.low)))
            low, high = (
                middle - small,
                middle + small,
            )  # floats are within 2**-50 of numbers below 8
            assert low < each.location < high
        else:
            assert high - low <= small
        assert (bends(name, low), bends(name, high)) == (-each.turn, each.turn)
        cuts += [(low, high)]
    grid_points = [sp.Rational(2 * k + 1, 128) for k in range(-512, 512)]
    edges = [sp.Integer(-8), *itertools.chain(*cuts), sp.Integer(8)]
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        signs = {bends(name, at) for at in grid_points if left <= at <= right}
        assert len(signs) == 1
    assert [each.turn for each in found] == [found[0].turn * (-1) ** k for k in range(len(found))]


EXACT = {
    "gelu": (-sp.sqrt(2), sp.sqrt(2)),
    **dict.fromkeys(("cube", "tanh", "sigmoid", "arctan", "erf", "softsign", "tanhshrink"), (0,)),
    "sin": tuple(sp.pi * k for k in range(-2, 3)),
}
CURVES: dict[str, Callable[[Any], Any]] = {
    "silu": lambda v: v / (1 + mpmath.exp(-v)),
    "mish": lambda v: v * mpmath.tanh(mpmath.log1p(mpmath.exp(v))),
    "gelu_tanh": lambda v: (
        v / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (v + v**3 * 44715 / 10**6)))
    ),
}
STARTS = {"silu": (-2.4, 2.4), "mish": (-2.3, 1.5), "gelu_tanh": (-1.4, 1.4)}
"""Their inflections are no numbers with a name; mpmath finds them from nearby, with numerical
derivatives.
"""


@by_row
def test_inflections_of_the_catalogue(row: Activation) -> None:
    found = row.inflections
    if row.name in CURVES:
        with mpmath.workdps(40):
            for each, start in zip(found, STARTS[row.name], strict=True):
                root = mpmath.findroot(lambda v: mpmath.diff(CURVES[row.name], v, 2), start)
                assert sp.Rational(-1, 2**60) < sp.Float(root, 40) - each.low
                assert sp.Rational(-1, 2**60) < each.high - sp.Float(root, 40)
                assert not each.exact
    else:
        assert [each.location for each in found] == list(EXACT.get(row.name, ()))
        assert all(each.exact for each in found)


def test_an_inflection_where_two_pieces_meet() -> None:
    """z|z| is smooth at 0 and σ'' jumps from -2 to 2; |z|³ does not change its sign; z² sign is
    bent at a kink.
    """
    (found,) = traits.inflections(z * sp.Abs(z))
    assert (found.location, found.turn) == (0, 1)
    (found,) = traits.inflections(z**3 * sp.Abs(z))
    assert not found.exact
    assert found.low < 0 < found.high
    assert traits.inflections(sp.Abs(z) ** 3) == ()
    assert traits.inflections(sp.Max(z, 0) + sp.sign(z) * z**2) == ()


def test_several_zeros_between_two_grid_points() -> None:
    """A double zero close to a simple one is not taken for the sign change."""
    a, b = sp.Rational(1, 16), sp.Rational(3, 32)
    sigma = sp.integrate(sp.integrate(sp.expand((z - a) ** 2 * (z - b)), z), z)
    (found,) = traits.inflections(sigma)
    assert found.location == b
    curved = sp.integrate(sp.integrate(sp.expand(z**2 * (z - a)), z), z) * sp.pi
    assert [each.location for each in traits.inflections(curved)] == [a]


def test_a_flat_point_in_the_middle_is_passed() -> None:
    """σ'' = z² (z - c) c with c = π/100: no polynomial over the rationals, and 0 in the middle of a
    cell.
    """
    c = sp.pi / 100
    (found,) = traits.inflections(z**5 / 20 - c * z**4 / 12)
    assert found.low < c < found.high
    assert found.high - found.low <= sp.Rational(1, 2**40)
