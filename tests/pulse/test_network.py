"""The symbols of a network, and how far its laws reach."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.pulse.network import last_radius, taps


@pytest.mark.parametrize("n", [0, -1, 2])
def test_filters_have_odd_widths(n: int) -> None:
    with pytest.raises(ValueError, match="odd number of taps"):
        taps(n)


HALF = Fraction(1, 2)


@given(st.integers(0, 3), st.data())
def test_no_window_meets_both_grey_pixels_up_to_the_last_radius(h: int, data) -> None:
    """The windows themselves: on a ring none holds both, with zeros beyond every tap finds the grey pixel."""
    length = data.draw(st.integers(h + 1, h + 6))
    m, size = data.draw(st.integers(h + 1, length)), 2 * length + 1
    inside = m + HALF <= last_radius(2 * h + 1, Fraction(size))
    windows = [{(i + u) % size for u in range(-h, h + 1)} for i in range(size)]
    assert any({m, size - m} <= window for window in windows) == (not inside)
    assert (size - 2 * m > 2 * h) == inside == (m + h <= length)
    assert all(abs(m - u) <= length for u in range(-h, h + 1)) == inside
