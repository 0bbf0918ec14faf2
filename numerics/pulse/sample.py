"""Pulses as arrays, and the windows that a filter sees of signals and images.

x_r(i) = |[i-1/2, i+1/2] ∩ [-r, r]| = clip(r + 1/2 - |i|, 0, 1),   i = -L..L.
Derivation: docs/pulse/signal.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from numerics.arithmetic.types import Array, Indices

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


@dataclass(frozen=True, eq=False)
class Windows:
    r"""All that filters see of some signals or images x_i: windows U_s, and how often x_i shows
    each.

        Σ_p g((w ⋆ x_i)_p + b) = Σ_s N_s(i) g(U_s · w + b),    U_s · w + b = (U_s, 1) · (w, b),

    for all w, b and g: pooling knows nothing else.  Pulses share their windows, and each is listed
    once; disks hardly do, and theirs are listed image by image.

    Attributes
    ----------
    windows: U_s, shape (W, n); of images (W, n·n), row by row.
    counts: N_s(i), integer-valued, shape (signals, W); or (W,) where each is shown by one image
        only.
    starts: in that case the first window of each image, (images,).
    """

    windows: Array
    counts: Array
    starts: Indices | None = None

    @cached_property
    def rows(self) -> Array:
        """(U_s, 1), shape (W, n + 1): the final 1 multiplies the bias."""
        return np.hstack([self.windows, np.ones((len(self.windows), 1))])

    @cached_property
    def _tilted(self) -> Array:
        """N_s(i) (U_s, 1), shape (W, signals·(n + 1))."""
        tilted = self.counts[:, None, :] * self.rows.T
        return tilted.reshape(-1, len(self.rows)).T

    @cached_property
    def parts(self) -> tuple[slice, ...]:
        """The windows of each signal: all of them where they are shared."""
        if self.starts is None:
            return (slice(None),) * len(self.counts)
        ends = [*self.starts[1:].tolist(), len(self.windows)]
        return tuple(map(slice, self.starts.tolist(), ends))

    def summed(self, values: Array) -> Array:
        """Σ_s N_s(i) values_s: (..., W) becomes (..., signals)."""
        if self.starts is None:
            return np.asarray(values @ self.counts.T)
        return np.asarray(np.add.reduceat(values * self.counts, self.starts, axis=-1))

    def adjoint(self, values: Array) -> Array:
        """Σ_i N_s(i) values_i: shape (signals,) becomes (W,)."""
        if self.starts is None:
            return np.asarray(self.counts.T @ values)
        return np.asarray(
            self.counts * np.repeat(values, np.diff(self.starts, append=len(self.windows)))
        )

    def columns(self, s: Indices) -> Array:
        """N_s(i) of some windows s (S,): (signals, S)."""
        if self.starts is None:
            return self.counts[:, s]
        columns = np.zeros((len(self.starts), len(s)))
        image = np.searchsorted(self.starts, s, side="right") - 1
        columns[image, np.arange(len(s))] = self.counts[s]
        return columns

    def moments(self, values: Array) -> Array:
        """Σ_s N_s(i) values_s (U_s, 1): shape (..., W) becomes (..., signals, n + 1).

        With values σ' these are the derivatives of Σ_p σ((w ⋆ x_i)_p + b) by (w, b).
        """
        if self.starts is None:
            flat = values @ self._tilted
            return np.asarray(flat.reshape(*values.shape[:-1], len(self.counts), -1))
        weighted = values * self.counts
        return np.stack([weighted[..., part] @ self.rows[part] for part in self.parts], axis=-2)


def windows(x: Array, taps: int) -> Windows:
    """Cut zero-padded ("same") windows of ``taps`` samples from signals (signals, N), or of taps ×
    taps pixels from images (images, N, N), and count the distinct ones, in lexicographic order.

    Nothing about pulses or disks is assumed.
    """
    h, axes = taps // 2, tuple(range(1, x.ndim))
    padded = np.pad(x, ((0, 0), *((h, h) for _ in axes)))
    cut = np.lib.stride_tricks.sliding_window_view(padded, (taps,) * len(axes), axis=axes)
    flat = cut.reshape(-1, taps ** len(axes))
    distinct, index = np.unique(flat, axis=0, return_inverse=True)
    counts = np.zeros((len(x), len(distinct)))
    np.add.at(counts, (np.repeat(np.arange(len(x)), x[0].size), index.reshape(-1)), 1.0)
    return Windows(distinct, counts)
