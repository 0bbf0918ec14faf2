"""Pulses as arrays, and the distinct windows that a filter can see of them.

x_r(i) = |[i-1/2, i+1/2] ∩ [-r, r]| = clip(r + 1/2 - |i|, 0, 1),   i = -L..L.
Derivation: docs/pulse/signal.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.arithmetic.types import Array

__all__ = ["Radii", "Windows", "pulse", "sampled_pulse", "windows"]


@dataclass(frozen=True)
class Radii:
    """The radii r = m - 1/2 + t/q for m = first..first+cells-1 and t = 0..q-1.

    All are dyadic when ``per_cell`` is a power of two: then every pulse is exact in binary floating
    point, and the integer part m and the fraction φ = t/q are independent and uniform.
    """

    first: int
    cells: int
    per_cell: int

    @property
    def m(self) -> NDArray[np.int64]:
        """The integer parts, shape (cells·per_cell,)."""
        return np.repeat(np.arange(self.first, self.first + self.cells), self.per_cell)

    @property
    def phi(self) -> Array:
        """The fractions in [0, 1), shape (cells·per_cell,)."""
        return np.tile(np.arange(self.per_cell) / self.per_cell, self.cells)

    @property
    def r(self) -> Array:
        """The radii in increasing order, shape (cells·per_cell,)."""
        return self.m - 0.5 + self.phi

    def half_length(self, taps: int) -> int:
        """The smallest L for which a filter of this many taps never sees the border."""
        return self.first + self.cells - 1 + taps // 2


def pulse(r: Array | float, half_length: int) -> Array:
    """The area-sampled centred pulse: shape r.shape + (2·half_length + 1,).

    Raises
    ------
    ValueError: a radius is below 1/2 or the pulse would leave the signal.
    """
    r = np.asarray(r, dtype=float)
    if r.size and not (np.min(r) >= 0.5 and np.max(r) <= half_length + 0.5):
        raise ValueError(f"radii must lie in [1/2, {half_length + 0.5}]")
    i = np.arange(-half_length, half_length + 1)
    return np.clip(r[..., None] + 0.5 - np.abs(i), 0.0, 1.0)


def sampled_pulse(r: Array | float, half_length: int) -> Array:
    """The point-sampled pulse, 1 where |i| <= r, else 0: shape r.shape + (2·half_length + 1,).

    Raises
    ------
    ValueError: a radius is negative or the pulse would leave the signal.
    """
    r = np.asarray(r, dtype=float)
    if r.size and not (np.min(r) >= 0 and np.max(r) < half_length + 1):
        raise ValueError(f"radii must lie in [0, {half_length + 1})")
    i = np.arange(-half_length, half_length + 1)
    return (np.abs(i) <= r[..., None]).astype(float)


@dataclass(frozen=True)
class Windows:
    """All that a filter sees of some signals: each distinct window once, and how often each signal shows it.

    Attributes
    ----------
    windows: shape (W, n), the distinct windows, in lexicographic order.
    counts: shape (signals, W), integer-valued: the number of positions of each signal with that window.
    """

    windows: Array
    counts: Array


def windows(signals: Array, taps: int) -> Windows:
    """Cut zero-padded ("same") windows of ``taps`` samples from signals of shape (signals, N), and count them.

    Nothing about pulses is assumed: pooling only ever sees these counts, for every filter and activation.
    """
    h = taps // 2
    padded = np.pad(signals, ((0, 0), (h, h)))
    cut = np.lib.stride_tricks.sliding_window_view(padded, taps, axis=1)
    distinct, index = np.unique(cut.reshape(-1, taps), axis=0, return_inverse=True)
    counts = np.zeros((len(signals), len(distinct)))
    rows = np.repeat(np.arange(len(signals)), signals.shape[1])
    np.add.at(counts, (rows, index.reshape(-1)), 1.0)
    return Windows(distinct, counts)
