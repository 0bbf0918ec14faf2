"""One table of filters whose P is known, from formulas of their own, for every way to compute P."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import mpmath as mp
import numpy as np
from numpy.typing import NDArray

from tests.disks import one_tap

__all__ = ["BLUR", "FILTERS", "SOBEL", "KnownFilter"]

Array = NDArray[np.float64]
SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1.0]])
BLUR = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1.0]]) / 16
AHEAD = np.array([[0, 0, 0], [0, -1, 0], [0, 1, 0.0]])
ASKEW = np.array([[0, 0, 0], [0, -1, 0], [0, 0, 1.0]])
SECOND = np.array([[0, 0, 0], [1, -2, 1], [0, 0, 0.0]])
DIAGONAL = np.array([[1, 0, 0], [0, -2, 0], [0, 0, 1.0]])
TAP = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0.0]])


@dataclass(frozen=True)
class KnownFilter:
    """A filter with its bias and its row of the catalogue, and a formula for P, to 14 digits."""

    label: str
    w: Array
    b: float
    name: str
    formula: Callable[[], float]

    def __str__(self) -> str:
        return f"{self.name} of {self.label}"


@cache
def _about_the_middle(taps: tuple[tuple[int, int, float], ...]) -> float:
    """∮ |Σ w_u E|(u + X)·n|| dθ, X a point of the pixel at 0."""

    def far(t: mp.mpf, c: mp.mpf, s: mp.mpf) -> mp.mpf:
        cubes = [abs(t + k * (c + m * s) / 2) ** 3 * m for k in (1, -1) for m in (1, -1)]
        return sum(cubes) / (6 * c * s)

    def around(theta: mp.mpf) -> mp.mpf:
        c, s = mp.cos(theta), mp.sin(theta)
        return abs(sum(tap * far(i * c + j * s, abs(c), abs(s)) for i, j, tap in taps))

    # Between edges that pass through two corners at once, and the diagonals.
    ends = {mp.atan2(a, b) % mp.pi for a in range(4) for b in range(-3, 4) if a or b} | {mp.pi}
    return float(2 * sum(mp.quad(around, pair) for pair in pairwise(sorted(ends))))


def _middle(w: Array) -> float:
    """P of |z - S/2| where the sign changes at the middle: :func:`_about_the_middle`, of a filter
    with a sum its opposite.
    """
    taps = tuple((i - 1, j - 1, float(tap)) for (i, j), tap in np.ndenumerate(w) if tap)
    return _about_the_middle(taps) * (-1 if w.sum() else 1)


def _square() -> float:
    """∫ H(1 - H) dt is half the mean of |(X - Y)·n| over two points of a pixel, whose mean distance
    is (2 + √2 + 5 asinh 1)/15.
    """
    return float(-2 * (2 + mp.sqrt(2) + 5 * mp.asinh(1)) / 15)


DIPOLES = {
    "a difference": (AHEAD, 4.0),
    "a difference along the diagonal": (ASKEW, 4 * 2**0.5),
    "Sobel": (SOBEL, 32.0),
}
MIDDLES = {
    "a second difference": SECOND,
    "two second differences": SECOND.T + DIAGONAL,
    "five points": SECOND + SECOND.T,
    "a saddle": SECOND - SECOND.T,
    "a tap at its half": TAP,
    "a blur at its half": BLUR,
}
FACTORS = {"abs": 1.0, "relu": 0.5, "leaky_relu": 0.495}

FILTERS = (
    *(
        KnownFilter(label, w, 0.0, name, lambda value=value, factor=factor: factor * value)
        for label, (w, value) in DIPOLES.items()
        for name, factor in FACTORS.items()
    ),
    *(
        KnownFilter(label, w, -w.sum() / 2, name, lambda w=w, factor=factor: factor * _middle(w))
        for label, w in MIDDLES.items()
        for name, factor in FACTORS.items()
    ),
    KnownFilter("a tap", TAP, 0.0, "square", _square),
    KnownFilter("a tap at a quarter", TAP, -0.25, "relu", lambda: one_tap(0.25)),
    KnownFilter("a blur that σ does not bend", BLUR, 0.25, "abs", lambda: 0.0),
    KnownFilter("Sobel about its middle", SOBEL, 0.0, "hardtanh", lambda: 0.0),
    KnownFilter("a blur about its middle", BLUR, -0.5, "tanh", lambda: 0.0),
)
"""The table."""
