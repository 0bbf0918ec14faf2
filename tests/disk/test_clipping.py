"""Squares cut by a line."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from tests.disks import direction
from theory.disk.perimeter import edge
from verify.disk.clipping import clipped

slopes = st.fractions(-3, 3, max_denominator=12)


distances = st.fractions(-1, 1, max_denominator=60)


@given(distances, slopes)
@example(Fraction(0), Fraction(0))
@example(Fraction(1, 2), Fraction(1))
@example(Fraction(7, 10), Fraction(1, 3))
def test_half_squares_are_those_of_the_polygon(t: Fraction, k: Fraction) -> None:
    c, s = direction(k)
    area = edge(t, c, s)
    assert area == clipped(t, c, s)
    assert area == edge(t, s, c) == edge(t, -c, s) == 1 - edge(-t, c, s)
