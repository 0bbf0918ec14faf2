"""Signs on intervals: at the roots of polynomials, and for exponents that nothing can be expanded
with.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce

import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from tests.formulas import exact, points_inside
from tests.strategies import rationals
from theory.expressions.enclosure import z
from theory.expressions.signs import signs

oo = sp.oo


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
