"""Squares cut by a line: areas known without any formula, and what symmetry says."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.disk.clipping import clipped, rational_direction

HALF, ONE, ZERO = Fraction(1, 2), Fraction(1), Fraction(0)
directions = st.integers(0, 2**32 - 1).map(
    lambda seed: rational_direction(np.random.default_rng(seed))
)
distances = st.fractions(-2, 2, max_denominator=48)


@pytest.mark.parametrize(
    ("t", "c", "s", "area"),
    [
        (ZERO, ONE, ZERO, HALF),
        (Fraction(1, 4), ZERO, ONE, Fraction(3, 4)),
        (-HALF, ONE, ZERO, ZERO),
        (HALF, -ONE, ZERO, ONE),
        (Fraction(-7, 10), Fraction(3, 5), Fraction(4, 5), ZERO),
        (Fraction(-1, 10), Fraction(3, 5), Fraction(4, 5), Fraction(3, 8)),
    ],
)
def test_areas_by_hand(t: Fraction, c: Fraction, s: Fraction, area: Fraction) -> None:
    """The last line goes through the corner (1/2, -1/2) and through (-1/2, 1/4): a triangle."""
    assert clipped(t, c, s) == area


@given(directions, distances)
def test_both_sides_of_a_line_make_the_square(way: tuple[Fraction, Fraction], t: Fraction) -> None:
    c, s = way
    assert c * c + s * s == 1
    assert clipped(t, c, s) + clipped(-t, -c, -s) == 1
    assert clipped(t, c, s) == clipped(t, s, c) == clipped(t, -c, s)
