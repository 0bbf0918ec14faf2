"""A bound that is printed is a bound: rounded up from above, down from below, and no further."""

from __future__ import annotations

from fractions import Fraction
from math import inf

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.arithmetic.decimals import rounded_down, rounded_up

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.fractions()


@given(NUMBERS, st.integers(1, 15))
@example(1.2300000000000002, 3)
@example(Fraction(1, 3), 12)
@example(Fraction(10**12 - 1, 10**12), 12)
@example(0.0, 3)
@example(5e-324, 3)
@example(1.7976931348623157e308, 3)
@example(Fraction(1, 10**400), 12)
@example(Fraction(-(10**400)), 12)
def test_rounded_outwards_by_less_than_the_last_digit(value: float, digits: int) -> None:
    low, high = Fraction(rounded_down(value, digits)), Fraction(rounded_up(value, digits))
    assert low <= Fraction(value) <= high
    assert high - low <= 10 * abs(Fraction(value)) / 10**digits
    assert low == high or Fraction(value) not in (low, high)


def test_digits_are_as_floats_are_printed() -> None:
    assert (rounded_up(2 / 3), rounded_down(2 / 3)) == ("0.667", "0.666")
    assert (rounded_up(2.0**-30), rounded_up(123456.0)) == ("9.32e-10", "1.24e+05")
    assert rounded_up(inf) == "inf"


@pytest.mark.parametrize("digits", [1, 3, 12])
def test_what_has_no_more_digits_stays(digits: int) -> None:
    assert rounded_up(0.5, digits) == rounded_down(0.5, digits) == "0.5"
