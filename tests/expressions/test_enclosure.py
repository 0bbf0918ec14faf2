"""Enclosures contain every value, are tight, and end at singularities."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest
import sympy as sp
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.formulas import BINARY, UNARY, H, OutOfReach, evaluate, grown
from tests.strategies import rationals
from theory.expressions.enclosure import NotCertified, enclose, rational_inside, value_sign, z

oo, half = sp.oo, sp.Rational(1, 2)
SMOOTH = [f for f in UNARY[3:20] if f is not H]


@given(grown(SMOOTH, BINARY[2:]), rationals(6), rationals(2).map(abs), st.data())
def test_enclosures_contain(
    f: sp.Expr, low: Fraction, width: Fraction, data: st.DataObject
) -> None:
    try:
        bottom, top = enclose(f, low, low + width)
    except NotCertified:
        assume(False)
    for share in data.draw(st.lists(st.fractions(0, 1), min_size=3, max_size=3)):
        x = low + width * share
        with mpmath.workdps(60):
            try:
                value = Fraction(str(evaluate(f, mpmath.mpf(x.numerator) / x.denominator)))
            except OutOfReach:
                continue
        # 60 digits carry at least 30 after the cancellations of a tree of six leaves
        slack = abs(value) / 10**30
        assert bottom - slack <= value <= top + slack


@pytest.mark.parametrize(
    ("f", "low", "high", "least", "most"),
    [
        (sp.exp(z), 0, 1, sp.Integer(1), sp.E),
        (sp.log(z), half, 3, sp.log(half), sp.log(3)),
        (sp.sin(z), 0, 4, sp.sin(4), sp.Integer(1)),
        (sp.sin(z), 2, 3, sp.sin(3), sp.sin(2)),
        (sp.cos(z), -1, 2, sp.cos(2), sp.Integer(1)),
        (sp.cos(z), -4, -1, sp.Integer(-1), sp.cos(1)),
        (sp.cos(z), -1, 1, sp.cos(1), sp.Integer(1)),
        (sp.cos(z), 1, 2, sp.cos(2), sp.cos(1)),
        (sp.cos(z), 20, 24, sp.Integer(-1), sp.cos(24)),
        (sp.sin(z), -3, -2, -sp.sin(2), -sp.sin(3)),
        (sp.tan(z), -1, sp.Rational(3, 2), -sp.tan(1), sp.tan(sp.Rational(3, 2))),
        (sp.tan(z), 2, 4, sp.tan(2), sp.tan(4)),
        (sp.cosh(z), -1, 2, sp.Integer(1), sp.cosh(2)),
        (sp.tanh(z), -1, 2, -sp.tanh(1), sp.tanh(2)),
        (sp.erf(z), -1, 2, -sp.erf(1), sp.erf(2)),
        (sp.sinh(z), -1, 2, -sp.sinh(1), sp.sinh(2)),
        (sp.atan(z), -1, 2, -sp.pi / 4, sp.atan(2)),
        (z**2, -1, 2, sp.Integer(0), sp.Integer(4)),
        (z**-3, 1, 2, sp.Rational(1, 8), sp.Integer(1)),
        (sp.sqrt(z), half, 2, sp.sqrt(half), sp.sqrt(2)),
        (sp.CRootOf(z**3 - z - 1, 0) * z, 1, 2, *(sp.CRootOf(z**3 - z - 1, 0) * k for k in (1, 2))),
    ],
    ids=str,
)
def test_enclosures_of_one_function_are_tight(
    f: sp.Expr, low: sp.Expr, high: sp.Expr, least: sp.Expr, most: sp.Expr
) -> None:
    """One function has no dependency loss: the enclosure is the range, but for a relative 1e-24."""
    bottom, top = enclose(f, Fraction(str(low)), Fraction(str(high)))
    for found, true in ((bottom, least), (top, most)):
        assert abs(found - Fraction(str(sp.N(true, 50)))) <= Fraction(1, 10**24) * (1 + abs(found))
    assert bottom <= Fraction(str(sp.N(least, 50))) + Fraction(1, 10**45)
    assert top >= Fraction(str(sp.N(most, 50))) - Fraction(1, 10**45)


@pytest.mark.parametrize(
    ("f", "low", "high"),
    [
        (1 / z, -1, 1),
        (sp.log(z), 0, 1),
        (sp.sqrt(z), 0, 1),
        (sp.tan(z), 1, 2),
        (sp.sqrt(sp.Integer(-1) - z**2), 0, 1),
        (sp.exp(sp.exp(z)), 0, 9),
        (sp.Abs(z), -1, 1),
    ],
    ids=str,
)
def test_nothing_is_enclosed_across_a_singularity(f: sp.Expr, low: int, high: int) -> None:
    with pytest.raises(NotCertified):
        enclose(f, Fraction(low), Fraction(high))


@pytest.mark.parametrize(
    ("f", "point", "sign"),
    [
        (1 / (z - 3), sp.Integer(2), -1),
        (1 / (z - 3), sp.Integer(4), 1),
        (1 / (z - 3), sp.Integer(3), None),
        (sp.log(z - 3), sp.Integer(5), 1),
        (sp.log(z - 3), sp.Integer(3), None),
        (sp.log(z - 3), sp.Integer(2), None),
        (sp.tan(z), sp.Integer(2), -1),
        (sp.tan(z), sp.Integer(1), 1),
        (1 + sp.tan(z), sp.pi / 2, None),
        (sp.sqrt(z) - 1, sp.Integer(0), -1),
        (sp.sqrt(z) - 1, sp.Integer(-1), None),
        (1 / sp.sqrt(z), sp.Integer(0), None),
        (z**-2 - 1, sp.Rational(1, 2), 1),
        (sp.exp(z) - 2, oo, 1),
        (sp.exp(z) - 2, -oo, -1),
        (z - sp.exp(z), oo, None),
        (2 + sp.sin(z), oo, None),
        (2**z, oo, None),
    ],
    ids=str,
)
def test_the_sign_at_a_point_or_of_a_limit(f: sp.Expr, point: sp.Expr, sign: int | None) -> None:
    assert value_sign(f, point) == sign


def test_a_rational_interval_inside_is_on_a_fine_grid() -> None:
    """Of multiples of 2^-20, where there are any; up to 1024 where there is no end."""
    fine = 2**20
    third, root = sp.Rational(1, 3), sp.sqrt(2)
    found = rational_inside(third, root)
    assert found == (Fraction(fine // 3 + 1, fine), Fraction(int(root * fine), fine))
    assert rational_inside(-root, third) == (
        Fraction(-int(root * fine), fine),
        Fraction(fine // 3, fine),
    )
    assert rational_inside(-oo, oo) == (-1024, 1024)
    near = sp.Rational(1, 3 * fine)
    assert rational_inside(near, 2 * near) == (Fraction(1, 3 * fine), Fraction(2, 3 * fine))
    assert rational_inside(third, third) is None
