"""Slow and obvious: disks anywhere by the corner function, and one tap behind
a ReLU by integrals.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

from numerics.disk.closed_form import rational
from theory.disk.zero_lines import Crossing, crossing

Array = NDArray[np.float64]


def around(r: float, centre: tuple[float, float], half_length: int) -> Array:
    """The disk of radius r around any point (X, Y) of the signal, (N, N): mixed second differences
    of corners, off by 64(r² + 1)u at most.
    """
    edges: Array = np.arange(2 * half_length + 2, dtype=np.float64) - (half_length + 0.5)
    x, y = edges[:, None] - centre[0], edges[None, :] - centre[1]
    sign = np.sign(x) * np.sign(y)
    x, y = (np.minimum(np.abs(one), r) for one in (x, y))
    across, along = (np.sqrt((r - one) * (r + one)) for one in (x, y))
    # The arcsine loses half its digits near 1, the arctangent does not.
    angle = np.arctan2(x, across) + np.arctan2(y, along) - np.pi / 2
    beyond = (x * across + y * along + r * r * angle) / 2
    corners = sign * np.where(x * x + y * y <= r * r, x * y, beyond)
    return np.asarray(np.diff(np.diff(corners, axis=0), axis=1))


def one_tap(level: float) -> float:
    """P of one tap 1 behind (z - level)₊, the level at most 1/2: an integral over levels and
    directions.
    """

    def slope(x: Any) -> Any:
        turn = mpmath.atan(2 * x)
        cut = mpmath.quad(
            lambda a: (
                mpmath.sqrt(2 * x * mpmath.cos(a) * mpmath.sin(a))
                - (mpmath.cos(a) + mpmath.sin(a)) / 2
            ),
            [turn, mpmath.pi / 4],
        )
        return 8 * (cut + (x - 0.5) * mpmath.sin(turn))

    return float(mpmath.quad(slope, [0, level]))


def known(w: Array, b: float = 0.0) -> Crossing:
    """What is decided of the signs of a filter's edge responses."""
    return crossing(rational(w), Fraction(b))


def direction(k: Fraction) -> tuple[Fraction, Fraction]:
    """A rational point of the circle."""
    return (1 - k * k) / (1 + k * k), 2 * k / (1 + k * k)
