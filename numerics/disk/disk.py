r"""Area-sampled disks as arrays, without cancellation: each pixel is a rectangle, a trapezoid and a
circular segment.

x_r(i, j) = area of the pixel around (i, j) inside X² + Y² <= r².  By symmetry let i >= j >= 0, and
X, Y >= 0.  The length of the row at height Y inside the pixel [x₀, x₁] × [y₀, y₁], clip(√(r² - Y²)
- x₀, 0, x₁ - x₀), is full up to p, falls, and is zero from q on, so

    area = (p - y₀)(x₁ - x₀) + (q - p)(f_p + f_q)/2 + r²(asin s - s√(1 - s²)),
    2rs = |chord of the arc|.

The mixed second difference of theory/disk/disk.py would lose r² units in the last place; this loses
r (:func:`disk_bound`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from numerics.arithmetic.rounding import UNIT
from numerics.arithmetic.types import Array, Indices

__all__ = ["arcs", "disk", "disk_bound", "pixels", "ring"]


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
    place = np.abs(np.arange(-half_length, half_length + 1))
    return quarter[:, place[:, None], place]


def disk_bound(r: ArrayLike) -> Array:
    """12(r + 3)u, r <= 10⁶, of the shape of r: no pixel of :func:`disk` is farther from its area
    (derived in docs/disk/disk.md).
    """
    return 12 * (np.asarray(r, dtype=float) + 3) * UNIT


def ring(r: float, centre: tuple[float, float], taps: int) -> tuple[Array, int, Array, Array]:
    """The windows of n × n pixels that the edge of a disk around ``centre`` may meet, (W, n, n),
    the number of lit ones beside them, and where their middles are, seen from ``centre``: x (W,)
    and y (W,).

    A window whose centre is farther than n/√2 from the edge is dark or lit.  For r >= 3 pixels keep
    to :func:`disk_bound`, whose proof in docs/disk/disk.md asks of their place only that no slope
    of the circle in them exceeds 3.
    """
    reach, half = taps / 2**0.5, int(r + 2 * taps) + 3
    wide = 2 * half + 1
    image = np.zeros(wide * wide)
    i, j, _ = _beside(r, centre, 2 * reach)
    image[(i + half) * wide + j + half] = _anywhere(r, *_seen(i, j, centre))
    i, j, lit = _beside(r, centre, reach)
    offset = np.arange(taps) - taps // 2 + half
    place = (i * wide + j)[:, None, None] + offset[:, None] * wide + offset
    return image[place], lit, *_seen(i, j, centre)


def _seen(i: Indices, j: Indices, centre: tuple[float, float]) -> tuple[Array, Array]:
    """Pixels from ``centre``."""
    return np.asarray(i - centre[0], dtype=np.float64), np.asarray(j - centre[1], dtype=np.float64)


def _beside(r: float, centre: tuple[float, float], reach: float) -> tuple[Indices, Indices, int]:
    """The pixels (i, j) whose centres lie within ``reach`` of the circle, and the number of those
    farther inside.
    """
    half = int(r + reach) + 2
    i = np.arange(-half, half + 1)
    d = i - centre[0]
    far, near = (np.sqrt(np.maximum(c * abs(c) - d**2, 0)) for c in (r + reach, r - reach))
    ends = (
        np.ceil(centre[1] - far),
        np.floor(centre[1] - near),
        np.ceil(centre[1] + near),
        np.floor(centre[1] + far),
    )
    first, stop, start, last = (end.astype(np.intp) for end in ends)
    lit = np.where(near > 0, np.maximum(start - stop - 1, 0), 0)
    # Of every row the places from first to last but the lit ones, which follow on stop.
    many = np.maximum(last - first + 1, 0) - lit
    begin = np.repeat(np.cumsum(many) - many, many)
    j = np.arange(many.sum()) - begin + np.repeat(first, many)
    j += np.where(j > np.repeat(stop, many), np.repeat(lit, many), 0)
    return np.repeat(i, many), j, int(lit.sum())


def _anywhere(r: float, x: Array, y: Array) -> Array:
    """The area of the pixels around points (x, y), seen from the centre of the disk."""
    x, y = np.abs(x), np.abs(y)
    x, y = np.maximum(x, y), np.minimum(x, y)
    area = np.zeros_like(x)
    # What the axes cut off lies on the other side of them.
    for left, right in (
        (np.maximum(x - 0.5, 0.0), x + 0.5),
        (np.zeros_like(x), np.maximum(0.5 - x, 0.0)),
    ):
        for low, high in (
            (np.maximum(y - 0.5, 0.0), y + 0.5),
            (np.zeros_like(y), np.maximum(0.5 - y, 0.0)),
        ):
            some = (right > left) & (high > low)
            area[some] += _lit(
                np.asarray(r), left[some], (right - left)[some], low[some], high[some]
            )
    return area


def pixels(r: ArrayLike, i: ArrayLike, j: ArrayLike) -> Array:
    """x_r(i, j), all three broadcast: of a pixel on an axis the part with X, Y >= 0 is computed,
    times 2 or 4.
    """
    r, i, j = np.asarray(r, dtype=float), np.abs(i), np.abs(j)
    i, j = np.maximum(i, j), np.minimum(i, j)
    left, low = np.maximum(i - 0.5, 0.0), np.maximum(j - 0.5, 0.0)
    copies = (1 + (i == 0)) * (1 + (j == 0))
    area: Array = copies * _lit(r, left, i + 0.5 - left, low, j + 0.5)
    return area


def arcs(r: ArrayLike, i: ArrayLike, j: ArrayLike) -> Array:
    """The length of the circle inside the pixel (i, j), all three broadcast: dx_r(i, j)/dr."""
    r, i, j = np.asarray(r, dtype=float), np.abs(i), np.abs(j)
    i, j = np.maximum(i, j), np.minimum(i, j)
    left, low = np.maximum(i - 0.5, 0.0), np.maximum(j - 0.5, 0.0)
    copies = (1 + (i == 0)) * (1 + (j == 0))
    p, q = (np.clip(_leg(r, x), low, j + 0.5) for x in (i + 0.5, left))
    at_p, at_q = (_leg(r, y) for y in (p, q))
    chord = np.where(q > p, np.hypot(q - p, at_p - at_q), 0.0)
    return np.asarray(copies * 2 * r * np.arcsin(chord / (2 * r)))


def _lit(r: Array, left: Array, wide: Array, low: Array, high: Array) -> Array:
    """The area of [left, left + wide] × [low, high], both >= 0, inside the disk."""
    p, q = (np.clip(_leg(r, x), low, high) for x in (left + wide, left))
    at_p, at_q = (_leg(r, y) - left for y in (p, q))
    flat = (p - low) * wide + (q - p) * (at_p + at_q) / 2
    return np.asarray(flat + _segment(r, np.hypot(q - p, at_p - at_q)))


def _leg(r: Array, x: Array) -> Array:
    """√(r² - x²), and 0 for x > r."""
    return np.sqrt(np.maximum((r - x) * (r + x), 0.0))


_TERMS = 24
"""(1/4)^24 C(48, 24)/4^24 / (51/3) < 2⁻⁵³: what the series leaves out for s <= 1/2, in units of its
first term.
"""


def _coefficients() -> list[float]:
    """asin s - s√(1 - s²) = ∫ 2t²/√(1 - t²) dt = Σ_k 2 C(2k, k) 4⁻ᵏ s^(2k+3)/(2k + 3)."""
    binomial, coefficients = 1.0, []
    for k in range(_TERMS):
        coefficients.append(2 * binomial / (2 * k + 3))
        binomial *= (2 * k + 1) / (2 * k + 2)
    return coefficients


_SERIES = _coefficients()


def _segment(r: Array, chord: Array) -> Array:
    """The area between a chord and its arc of at most a quarter turn."""
    s = chord / (2 * r)
    small = np.zeros_like(s)
    for coefficient in reversed(_SERIES):
        small *= s
        small *= s
        small += coefficient
    small *= s**3
    if (long := s > 0.5).any():
        small = np.where(long, np.arcsin(s) - s * np.sqrt(1 - s * s), small)
    return r * r * small
