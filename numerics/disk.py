r"""Area-sampled disks as arrays, without cancellation: each pixel is a rectangle, a trapezoid and a circular segment.

x_r(i, j) = area of the pixel around (i, j) inside X² + Y² <= r².  By symmetry let i >= j >= 0, and X, Y >= 0.  The
length of the row at height Y inside the pixel [x₀, x₁] × [y₀, y₁], clip(√(r² - Y²) - x₀, 0, x₁ - x₀), is full up to p,
falls, and is zero from q on, so

    area = (p - y₀)(x₁ - x₀) + (q - p)(f_p + f_q)/2 + r²(asin s - s√(1 - s²)),    2rs = |chord of the arc|.

The mixed second difference of theory/disk.py would lose r² units in the last place; this loses r (:func:`disk_bound`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.rounding import UNIT

__all__ = ["disk", "disk_bound", "pixels"]

Array = NDArray[np.float64]


def disk(radii: ArrayLike, half_length: int) -> Array:
    """The disks of these radii (R,) on (2·half_length + 1)² pixels, zero outside: (R, N, N).

    Equal pixels are equal floats: the eight symmetries of the square are exact.

    Raises
    ------
    ValueError: a radius is not positive or its disk would leave the signal.
    """
    r = np.asarray(radii, dtype=float)
    if r.size and not (np.min(r) > 0 and np.max(r) <= half_length + 0.5):
        raise ValueError(f"radii must lie in (0, {half_length + 0.5}]")
    i, j = np.tril_indices(half_length + 1)
    quarter = np.empty((len(r), half_length + 1, half_length + 1))
    quarter[:, i, j] = quarter[:, j, i] = pixels(r[:, None], i, j)
    at = np.abs(np.arange(-half_length, half_length + 1))
    return quarter[:, at[:, None], at]


def disk_bound(r: ArrayLike) -> Array:
    """12(r + 3)u, r <= 10⁶: no pixel of :func:`disk` is farther from its area (derived in docs/disk.md)."""
    return 12 * (np.asarray(r, dtype=float) + 3) * UNIT


def pixels(r: ArrayLike, i: ArrayLike, j: ArrayLike) -> Array:
    """x_r(i, j), all three broadcast: of a pixel on an axis the part with X, Y >= 0 is computed, times 2 or 4."""
    r, i, j = np.asarray(r, dtype=float), np.abs(i), np.abs(j)
    i, j = np.maximum(i, j), np.minimum(i, j)
    left, low = np.maximum(i - 0.5, 0.0), np.maximum(j - 0.5, 0.0)
    wide, high = i + 0.5 - left, j + 0.5
    p, q = (np.clip(_leg(r, x), low, high) for x in (left + wide, left))
    at_p, at_q = (_leg(r, y) - left for y in (p, q))
    flat = (p - low) * wide + (q - p) * (at_p + at_q) / 2
    copies = (1 + (i == 0)) * (1 + (j == 0))
    return copies * (flat + _segment(r, np.hypot(q - p, at_p - at_q)))


def _leg(r: Array, x: Array) -> Array:
    """√(r² - x²), and 0 for x > r."""
    return np.sqrt(np.maximum((r - x) * (r + x), 0.0))


_TERMS = 24
"""(1/4)^24 C(48, 24)/4^24 / (51/3) < 2⁻⁵³: what the series leaves out for s <= 1/2, in units of its first term."""


def _coefficients() -> list[float]:
    """asin s - s√(1 - s²) = ∫ 2t²/√(1 - t²) dt = Σ_k 2 C(2k, k) 4⁻ᵏ s^(2k+3)/(2k + 3)."""
    binomial, found = 1.0, []
    for k in range(_TERMS):
        found.append(2 * binomial / (2 * k + 3))
        binomial *= (2 * k + 1) / (2 * k + 2)
    return found


_SERIES = _coefficients()


def _segment(r: Array, chord: Array) -> Array:
    """The area between a chord and its arc of at most a quarter turn."""
    s = chord / (2 * r)
    small = np.zeros_like(s)
    for coefficient in reversed(_SERIES):
        small = small * s * s + coefficient
    return r * r * np.where(s <= 0.5, small * s**3, np.arcsin(s) - s * np.sqrt(1 - s * s))
