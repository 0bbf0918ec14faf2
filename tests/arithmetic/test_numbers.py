"""Conversions keep the value; only the nearest float rounds."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy as sp
from flint import arb, fmpq
from hypothesis import given
from hypothesis import strategies as st

from numerics.arithmetic.numbers import dyadic, fraction, middle, rational, to_float


@given(st.fractions())
def test_a_number_stays_what_it_is(x: Fraction) -> None:
    exact, symbolic = fmpq(x.numerator, x.denominator), sp.Rational(x.numerator, x.denominator)
    for number in (x, exact, symbolic):
        assert fraction(number) == x and rational(number) == exact
    assert to_float(exact) == float(x)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_a_dyadic_rational(x: float) -> None:
    assert fraction(x) == Fraction(x) == fraction(rational(x))
    assert to_float(rational(x)) == x
    assert dyadic(arb(x, 2.0**-20)) == Fraction(x) == fraction(middle(arb(x)))


def test_what_is_no_number_is_refused() -> None:
    for convert in (fraction, rational):
        with pytest.raises(OverflowError):
            convert(float("inf"))
        with pytest.raises(ValueError, match="NaN"):
            convert(float("nan"))
