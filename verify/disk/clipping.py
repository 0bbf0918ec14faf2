"""Squares cut by a line, in fractions: what one pixel shows of a straight edge, without the law of
edges.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np

__all__ = ["clipped", "rational_direction"]


def clipped(t: Fraction, c: Fraction, s: Fraction) -> Fraction:
    """The area of {|X|, |Y| <= 1/2, cX + sY <= t}: a square cut by a line (Sutherland-Hodgman),
    measured by its corners.
    """
    half = Fraction(1, 2)
    square = [(-half, -half), (half, -half), (half, half), (-half, half)]
    kept = []
    for start, end in pairwise([*square, square[0]]):
        a, b = (c * x + s * y - t for x, y in (start, end))
        if a <= 0:
            kept.append(start)
        if a * b < 0:
            share = a / (a - b)
            kept.append(
                (start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]))
            )
    twice = sum((x * v - u * y for (x, y), (u, v) in pairwise([*kept, *kept[:1]])), Fraction(0))
    return twice / 2


def rational_direction(rng: np.random.Generator) -> tuple[Fraction, Fraction]:
    """A rational point of the circle, in any quadrant."""
    k = Fraction(int(rng.integers(-30, 31)), 12)
    c, s = (1 - k * k) / (1 + k * k), 2 * k / (1 + k * k)
    return (c, s) if rng.integers(2) else (s, c)
