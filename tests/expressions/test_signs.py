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
from theory.expressions.enclosure import z
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
    "atan": (sp.atan, {-2: [1], -sp.pi / 2: [1], 1: [-1, 1], sp.pi / 2: [-1], 2: [-1]}),
    "erf": (sp.erf, {-1: [1], 0: [-1, 1], 1: [-1], 3: [-1]}),
    "sqrt": (sp.sqrt, {-1: [1], 0: [1], 2: [-1, 1]}),
    "2^u": (lambda u: 2**u, {-1: [1], 0: [1], 3: [-1, 1]}),
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
