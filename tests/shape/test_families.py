"""Symbolic networks: decided with all symbols open, and exact for random values of all of them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache

import pytest
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from theory.expressions.activation import ACTIVATIONS
from theory.expressions.pieces import z
from theory.expressions.spelling import spelled
from theory.pulse.network import taps
from theory.shape.classify import classify
from theory.shape.families import Family, family

IMPOSSIBLE = {"tanh", "sigmoid", "arctan", "erf", "softsign", "mish", "tanhshrink", "sin", "exp"}
"""The rows without an exact network."""
POSSIBLE = tuple(name for name in ACTIVATIONS if name not in IMPOSSIBLE)
RADII = (Fraction(3, 2), Fraction(13, 8), Fraction(12, 5), Fraction(4))


@cache
def family_of(name: str) -> Family:
    """A row's family, derived when the first test asks for it."""
    found = family(ACTIVATIONS[name])
    assert found is not None
    return found


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_possible_row_has_a_family(name: str) -> None:
    row = ACTIVATIONS[name]
    possible = classify(row.expression).channels is not None
    assert (family(row) is not None) == possible == (name in POSSIBLE)


def test_other_polynomials_are_exact_without_a_family() -> None:
    with pytest.raises(ValueError, match=r"^no family for z\*\*5: σ is a polynomial of degree 5"):
        family(spelled("x**5"))


@pytest.mark.parametrize("name", POSSIBLE)
def test_families_are_decided(name: str) -> None:
    assert family_of(name).decide().holds


@pytest.mark.parametrize("name", POSSIBLE)
def test_wrong_families_are_not(name: str) -> None:
    found = family_of(name)
    assert not replace(found, a=(2 * found.a[0], *found.a[1:])).decide().holds
    if len(found.a) > 1:
        assert not replace(found, a=(found.a[0], -found.a[1])).decide().holds


def response(
    found: Family, formula: sp.Expr, values: dict[sp.Symbol, sp.Expr], r: Fraction
) -> sp.Expr:
    x = [sp.Rational(v.numerator, v.denominator) for v in oracle.overlap_pulse(r, 6)]
    total = sp.Integer(0)
    for w, b, a in zip(found.w, found.b, found.a, strict=True):
        filter = [sp.sympify(tap).xreplace(values) for tap in w]
        pre = oracle.preactivations(filter, sp.sympify(b).xreplace(values), x)
        total += a.xreplace(values) * sum(formula.xreplace({z: v}).evalf(40) for v in pre)
    return total


@pytest.mark.parametrize("name", POSSIBLE)
@given(st.lists(st.fractions("1/4", 2, max_denominator=4), min_size=9, max_size=9))
@settings(deadline=None, max_examples=6)
def test_families_are_exact_for_all_values(name: str, drawn: list[Fraction]) -> None:
    """Random taps, biases and parameters; on the piece that is used σ is the formula."""
    found = family_of(name)
    symbols = {*taps(3), *ACTIVATIONS[name].parameters}
    for part in (*found.b, *found.a, *(tap for w in found.w for tap in w)):
        symbols |= sp.sympify(part).free_symbols
    ordered = sorted(symbols, key=str)
    values = {
        s: sp.Rational(v.numerator, v.denominator) for s, v in zip(ordered, drawn, strict=False)
    }
    assume(all(a.xreplace(values).is_finite for a in found.a))
    formula = found.formula.xreplace(values)
    grown = [response(found, formula, values, r) for r in RADII]
    for value, r in zip(grown, RADII, strict=True):
        expected = sp.Rational((r - RADII[0]).numerator, (r - RADII[0]).denominator)
        assert abs((value - grown[0] - expected).evalf(30)) < sp.Float("1e-25")
