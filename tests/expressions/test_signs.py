"""Signs on intervals: at the roots of polynomials, and for exponents that nothing can be expanded
with.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from itertools import pairwise

import mpmath
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from tests.formulas import exact, points_inside
from tests.strategies import rationals
from theory.expressions import signs as signs_module
from theory.expressions.enclosure import NotCertified, z
from theory.expressions.signs import signs

oo, H = sp.oo, sp.Rational(1, 2)


@given(st.lists(rationals(), min_size=1, max_size=5), rationals().filter(bool))
def test_polynomials_change_sign_at_their_roots(roots: list[Fraction], lead: Fraction) -> None:
    f = sp.expand(exact(lead) * sp.Mul(*(z - exact(root) for root in roots)))
    cells = signs(f, -oo, oo)
    assert [b for _, b, _ in cells[:-1]] == [exact(root) for root in sorted(set(roots))]
    for low, high, s in cells:
        for x in points_inside(low, high):
            value = reduce(lambda p, root, x=x: p * (x - root), roots, lead)
            assert s == (value > 0) - (value < 0)


def test_huge_exponents_end() -> None:
    power = z ** (10**9 + 1)
    assert [s for _, _, s in signs(power * (sp.exp(z) - 1), -oo, oo)] == [1, 1]
    assert [s for _, _, s in signs(z * power * (sp.exp(z) - 1), -oo, oo)] == [-1, 1]
    assert [s for _, _, s in signs((1 - z) ** (10**9 + 1), -oo, oo)] == [1, -1]


def _checked(f: sp.Expr, low: sp.Expr, high: sp.Expr) -> list[tuple[sp.Expr, sp.Expr, int]]:
    """The cells, in order and disjoint, each with the sign that f has at some places in it."""
    cells = list(signs(f, low, high))
    ends = [low, *(end for a, b, _ in cells for end in (a, b)), high]
    assert all(a == b or sp.N(b - a) > 0 for a, b in pairwise(ends)), ends
    value = sp.lambdify(z, f, "mpmath")
    with mpmath.workdps(80):
        for a, b, s in cells:
            for x in points_inside(a, b):
                if abs(x) < 4:  # beyond, erf is 1 to 80 digits
                    assert mpmath.sign(value(mpmath.mpf(x.numerator) / x.denominator)) == s
    return cells


INVERTIBLE = {
    "exp": (sp.exp, {-1: [1], 0: [1], 2: [-1, 1]}),
    "log": (sp.log, {-1: [-1, 1], 2: [-1, 1]}),
    "tanh": (sp.tanh, {-2: [1], -1: [1], H: [-1, 1], 0: [-1, 1], 1: [-1], 2: [-1]}),
    "atan": (
        sp.atan,
        {
            -2: [1],
            -sp.pi / 2: [1],
            sp.Rational(-6, 5): [-1, 1],
            1: [-1, 1],
            sp.Rational(6, 5): [-1, 1],
            sp.pi / 2: [-1],
            2: [-1],
        },
    ),
    "erf": (sp.erf, {-1: [1], 0: [-1, 1], 1: [-1], 3: [-1]}),
    "sqrt": (sp.sqrt, {-1: [1], 0: [1], H: [-1, 1], 2: [-1, 1]}),
    "2^u": (lambda u: 2**u, {-1: [1], 0: [1], H: [-1, 1], 3: [-1, 1]}),
}
"""Increasing functions, and the signs of h - level from left to right, for levels below the range,
at its ends, inside, and above.
"""


@pytest.mark.parametrize(
    ("name", "level"), [(name, level) for name, (_, row) in INVERTIBLE.items() for level in row]
)
def test_a_level_is_crossed_once_or_lies_outside_the_range(name: str, level: sp.Expr) -> None:
    h, row = INVERTIBLE[name]
    low, inner = (0, 3 * z) if name in ("log", "sqrt") else (-oo, 3 * z - 1)
    for scale in (1, -2):
        cells = _checked(scale * (h(inner) - level), sp.sympify(low), oo)
        assert [s for _, _, s in cells] == [s if scale > 0 else -s for s in row[level]]
        assert (cells[0][0], cells[-1][1]) == (low, oo)
        assert all(left[1] == right[0] for left, right in pairwise(cells))
    squared = [s for _, _, s in _checked((h(inner) - level) ** 2, sp.sympify(low), oo)]
    assert squared == [1] * len(row[level])


@pytest.mark.parametrize(
    ("wave", "level"),
    [(sp.sin, -2), (sp.sin, -1), (sp.sin, H), (sp.cos, 0), (sp.cos, 1), (sp.cos, 2)],
)
def test_waves_change_sign_where_they_cross_a_level(wave: sp.Function, level: sp.Expr) -> None:
    f = wave(2 * z) - level
    cells = _checked(f, sp.Integer(-5), sp.Integer(5))
    assert all(left[1] == right[0] for left, right in pairwise(cells))
    assert (cells[0][0], cells[-1][1]) == (-5, 5)
    values = [float(wave(0.03125 * k + 0.01)) - float(level) for k in range(-320, 320)]
    crossings = sum(x * y < 0 for x, y in pairwise(values))
    changes = sum(left[2] != right[2] for left, right in pairwise(cells))
    assert changes == crossings


@pytest.mark.parametrize(
    ("f", "row"),
    [
        (sp.exp(z) + sp.exp(-z), [1]),
        (-sp.exp(z) - z**2, [-1]),
        (sp.exp(z) + z - 3, [-1, 1]),
        (3 - z - sp.exp(z), [1, -1]),
        (sp.exp(z) - 1 - z, [1, 1]),
        (z * sp.exp(z) + 1 + z**2, [1]),
        (sp.tanh(z) + z**3, [-1, 1]),
        (sp.exp(2 * z) - 3 * sp.exp(z) + 2, [1, -1, 1]),
        (sp.exp(2 * z) - 3 * sp.exp(z) + 1, [1, -1, 1]),
        ((sp.pi - 3) * (z * sp.exp(z) + 1), [1]),
        (z**4 - 2, [1, -1, 1]),
    ],
    ids=str,
)
def test_sums_and_monotone_functions(f: sp.Expr, row: list[int]) -> None:
    """What is left out is narrow: a bracket around a zero that is not known exactly."""
    cells = _checked(f, -oo, oo)
    joined = [
        s for k, (_, _, s) in enumerate(cells) if not k or cells[k - 1][2] != s or row == [1, 1]
    ]
    assert joined == row
    assert (cells[0][0], cells[-1][1]) == (-oo, oo)
    assert all(0 <= sp.N(right[0] - left[1]) < 1e-6 for left, right in pairwise(cells))


def test_a_point_and_a_constant_have_their_sign() -> None:
    assert signs(z - 1, sp.Integer(3), sp.Integer(3)) == ((3, 3, 1),)
    assert signs(sp.Integer(-2), -oo, oo) == ((-oo, oo, -1),)
    assert signs(sp.Integer(0), -oo, oo) == ((-oo, oo, 0),)
    assert signs(z - 3, sp.Integer(0), sp.Integer(3)) == ((0, 3, -1),)
    assert signs(z - 3, sp.Integer(3), sp.Integer(4)) == ((3, 4, 1),)


def test_a_wave_is_followed_for_a_few_periods_and_left_out_where_it_touches() -> None:
    five, pi = sp.Integer(5), sp.pi
    touching = signs(sp.cos(2 * z) - 1, -five, five)
    assert touching == ((-5, -pi, -1), (-pi, 0, -1), (0, pi, -1), (pi, 5, -1))
    straight = signs(sp.sin(z), sp.Integer(-100), sp.Integer(100))
    assert (straight[0][0], straight[-1][1]) == (-8 * pi, 8 * pi)
    bent = signs(sp.sin(z**2) - H, sp.Integer(0), sp.Integer(10))
    assert bent[-1] == (sp.sqrt(5 * pi / 6), sp.sqrt(13 * pi / 6), -1)


def test_an_inverse_that_is_not_elementary_is_not_made_up() -> None:
    root = sp.sqrt(2)
    assert signs(sp.erf(z - root), -oo, oo) == ((-oo, root, -1), (root, oo, 1))
    cells = signs(sp.erf(z) - H, -oo, oo)
    below, above = max(b for _, b, s in cells if s < 0), min(a for a, _, s in cells if s > 0)
    assert below < sp.erfinv(H).n(20) < above < below + sp.Rational(1, 10**6)


def test_derivatives_end_and_what_no_inverse_decides_is_searched() -> None:
    _checked(sp.sin(z) + sp.cos(sp.sqrt(2) * z), sp.Integer(0), sp.Integer(3))
    cells = _checked(sp.erf(z) ** 2 - sp.erf(z) - 1, -oo, oo)
    assert {s for _, _, s in cells} == {-1, 1} and (cells[0][0], cells[-1][1]) == (-oo, oo)


def test_intervals_are_put_in_order_wherever_they_end() -> None:
    far = 10**5
    places = [-oo, -far, 1 - far, 0, far - 1, far, oo]
    cells = [(sp.sympify(a), sp.sympify(b), 1) for a, b in pairwise(places)]
    assert signs_module.ordered(cells[::-1]) == cells


def test_a_root_that_cannot_be_placed_leaves_everything_open() -> None:
    """ζ(3) has no enclosure here; √2 + √3 is the other root, which is not seen without squaring."""
    hidden = sp.sqrt(2) + sp.sqrt(3) - sp.sqrt(5 + 2 * sp.sqrt(6))
    assert signs(sp.exp(z) - hidden, -oo, oo) == ()
    assert signs(z - sp.zeta(3), -oo, oo) == ()
    assert signs(z - sp.sqrt(5 + 2 * sp.sqrt(6)), sp.sqrt(2) + sp.sqrt(3), sp.Integer(4)) == ()


def test_the_rules_for_sums_and_slopes_as_they_stand() -> None:
    cube = sp.exp(z) + z**3
    assert signs_module._summed(cube, -oo, oo, 0) == [(0, oo, 1)]
    assert signs_module._summed(-cube, -oo, oo, 0) == [(0, oo, -1)]
    assert signs_module._summed(sp.exp(z), -oo, oo, 0) == []
    for f in (sp.exp(z) - z, sp.exp(z) + z**3):  # three derivatives, and no more
        assert signs_module._monotone(f, -oo, oo, 3) == []
        assert signs_module._monotone(f, -oo, oo, 2) != []
    cells = [(0, 1, 1), (1, 2, 1), (2, 3, -1), (4, 5, -1), (5, 6, 1)]
    assert signs_module._joined(cells) == [(0, 2, 1), (2, 3, -1), (4, 5, -1), (5, 6, 1)]


# --- the search ---------------------------------------------------------------------------------


def _tried(low: int, high: int) -> list[Fraction]:
    """Where the search for a zero looks first."""
    near, width = Fraction(1, 2**20), high - low
    shares = (near, *(Fraction(k, 16) for k in (1, 4, 8, 12, 15)), 1 - near)
    points = {low + width * share for share in shares}
    return sorted(points | {Fraction(k) for k in (-64, -8, -1, 0, 1, 8, 64) if low < k < high})


@pytest.mark.parametrize(("low", "high"), [(-100, 100), (-64, 64), (0, 1), (-8, 64)])
@pytest.mark.parametrize("rising", [1, -1])
def test_a_zero_is_bracketed_by_halving_thirty_times(low: int, high: int, rising: int) -> None:
    """In every gap between the places where the search looks, and before and after all of them."""
    points, third = _tried(low, high), exact(Fraction(1000, 3001))
    ends = [Fraction(low), *points, Fraction(high)]
    for left, right in pairwise(ends):
        zero = exact(left) + third * exact(right - left)
        f = rising * ((z - zero) ** 3 + (z - zero))
        cells = signs_module._crossing(f, rising, sp.Integer(low), sp.Integer(high))
        places = (cells[0][:2], cells[-1][:2])
        if left == low:  # nothing is known to be below
            assert cells == [(exact(right), high, rising)]
        elif right == high:
            assert cells == [(low, exact(left), -rising)]
        else:
            assert [s for _, _, s in cells] == [-rising, rising]
            (first, below), (above, last) = places
            assert (first, last) == (low, high)
            assert above - below == exact(right - left) / 2**30 and below < zero < above


def test_a_zero_that_is_a_simple_fraction_is_found() -> None:
    def crossing(zero: sp.Expr, low: int = 0, high: int = 1) -> list[tuple[sp.Expr, ...]]:
        f = (z - zero) ** 3 + z - zero
        return signs_module._crossing(f, 1, sp.Integer(low), sp.Integer(high))

    halved = H / 2 + sp.Rational(5, 2**13)
    for zero in (sp.Rational(1, 3), sp.Rational(999, 1000), H, sp.Rational(1, 2**20), halved):
        assert crossing(zero) == [(0, zero, -1), (zero, 1, 1)]
    assert crossing(sp.Integer(0), -1) == [(-1, 0, -1), (0, 1, 1)]
    [(_, below, _), (above, _, _)] = crossing(sp.Rational(500, 1001))
    assert below < sp.Rational(500, 1001) < above


def test_where_no_place_has_a_sign_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ends say that there is a zero; inside, something is told on one side at most."""
    f, half = z**3 + z - 1, Fraction(1, 2)
    for told, row in (
        (lambda x: None, []),
        (lambda x: -1 if x < half else None, [(-1, 0, -1)]),
        (lambda x: 1 if x > half else None, [(sp.Rational(7, 8), 1, 1)]),
        (
            lambda x: 1 if x > half else -1 if x == 0 else None,
            [(-1, 0, -1), (sp.Rational(7, 8), 1, 1)],
        ),
    ):
        monkeypatch.setattr(signs_module, "point_sign", lambda f, x, told=told: told(x))
        assert signs_module._crossing(f, 1, sp.Integer(-1), sp.Integer(1)) == row


@pytest.mark.parametrize(
    ("zero", "left", "right"),
    [
        (Fraction(1, 3), Fraction(21, 64), Fraction(22, 64)),
        (Fraction(-1, 3), Fraction(-22, 64), Fraction(-21, 64)),
        (Fraction(79, 10), Fraction(505, 64), Fraction(506, 64)),
        (Fraction(-79, 10), Fraction(-506, 64), Fraction(-505, 64)),
        (Fraction(25, 3), Fraction(8), Fraction(17, 2)),
        (Fraction(-25, 3), Fraction(-17, 2), Fraction(-8)),
        (Fraction(100, 3), Fraction(33), Fraction(67, 2)),
    ],
)
def test_the_grid_leaves_small_cells(zero: Fraction, left: Fraction, right: Fraction) -> None:
    """Of 1/64 up to 8, of 1/2 beyond, up to 64; what is next to each other is one."""
    for lead in (1, -1):
        f = lead * (z - exact(zero)) * (z**2 + 5)
        cells = signs_module._grid(f, -oo, oo, 0)
        assert cells == [(-64, exact(left), -lead), (exact(right), 64, lead)]
    assert signs_module._grid(z - 3, sp.Integer(3), sp.Integer(5), 0)[-1][1:] == (5, 1)
    assert signs_module._grid(z**2, -oo, sp.Integer(0), 0)[0][::2] == (-64, 1)
    for low in (64, 65):
        assert signs_module._grid(z + 1, sp.Integer(low), sp.Integer(70), 0) == []
    assert signs_module._grid(z + 1, sp.Integer(1), sp.Integer(1), 0) == []
    assert signs_module._grid(z + 1, sp.Integer(1), sp.Integer(2), 1) == []


def test_the_grid_decides_what_is_positive_by_little() -> None:
    fine = sp.Rational(1, 64)
    for lead in (1, -1):  # at 0 it has no sign, though it changes none
        touching = signs_module._grid(lead * z**2, -oo, oo, 0)
        assert touching == [(-64, -fine, lead), (fine, 64, lead)]
    f = z**2 + sp.Rational(1, 100)
    assert signs_module._grid(f, sp.Integer(-1), sp.Integer(1), 0) == [(-1, 1, 1)]
    assert signs_module._grid(-f, sp.Integer(-1), sp.Integer(1), 0) == [(-1, 1, -1)]
    logarithm = signs_module._grid(sp.log(z - 1), sp.Integer(1), sp.Integer(5), 0)
    assert logarithm == [
        (1 + sp.Rational(1, 64), 2 - sp.Rational(1, 64), -1),
        (2 + sp.Rational(1, 64), 5, 1),
    ]


@pytest.mark.parametrize(
    ("nodes", "undecided", "calls"),
    [
        (361, (1, 2, 4, 3, 5), 21 + 10),
        (301, (1, 2, 4, 5, 5), 25),
        (301, (1, 2, 4, 4, 5), 23 + 10),
        (319, (1, 2, 4, 5, 5), 25),
    ],
)
def test_the_grid_stops_when_its_budget_is_spent(
    nodes: int, undecided: tuple[int, ...], calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An enclosure costs 1, and 1 more for every 20 nodes; from 400 on no row is halved again."""
    widths: list[Fraction] = []

    def enclosed(f: sp.Expr, a: Fraction, b: Fraction) -> tuple[Fraction, Fraction]:
        widths.append(b - a)
        level = 7 - (b - a).numerator.bit_length() + (b - a).denominator.bit_length()
        if widths.count(b - a) <= undecided[level] if level < len(undecided) else False:
            raise NotCertified
        return Fraction(1), Fraction(2)

    monkeypatch.setattr(signs_module, "enclose", enclosed)
    monkeypatch.setattr(signs_module, "rational_inside", lambda low, high: (-64, Fraction(64)))
    f = sp.Add(*(z ** (k + 2) for k in range((nodes - 1) // 3)), evaluate=False)
    assert len(list(sp.preorder_traversal(f))) // 20 == nodes // 20
    signs_module._grid(f, -oo, oo, 0)
    assert len(widths) == calls
