"""Filters with different activations side by side, and their sums over disks anywhere: every disk
is cut once for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from numerics.arithmetic.compile import activation
from numerics.arithmetic.rounding import lipschitz
from numerics.arithmetic.types import Array
from numerics.disk.disk import ring

__all__ = ["Filters", "Point"]

Point = tuple[float, float]
"""The middle of a disk."""


@dataclass(frozen=True)
class Filters:
    """Filters w (B, n, n) with biases b (B,), one activation after the other: names, and how many
    filters each has.
    """

    w: Array
    b: Array
    names: tuple[str, ...]
    counts: tuple[int, ...]

    def _each(self, which: int) -> Callable[[Array], Array]:
        ends = [0, *np.cumsum(self.counts).tolist()]

        def apply(z: Array) -> Array:
            values = np.empty_like(z)
            for name, first, last in zip(self.names, ends[:-1], ends[1:], strict=True):
                values[first:last] = activation(name)[which](z[first:last])
            return values

        return apply

    @cached_property
    def sigma(self) -> Callable[[Array], Array]:
        """σ of every filter: (B, ...) -> (B, ...)."""
        return self._each(0)

    @cached_property
    def slope(self) -> Callable[[Array], Array]:
        """σ' of every filter: (B, ...) -> (B, ...)."""
        return self._each(1)

    @cached_property
    def flat(self) -> Array:
        """The taps, (B, n²)."""
        return self.w.reshape(len(self.w), -1)

    @property
    def rise(self) -> Array:
        """Δ, (B,)."""
        return np.asarray(self.sigma(self.w.sum(axis=(1, 2)) + self.b) - self.sigma(self.b))

    @property
    def steep(self) -> Array:
        """σ's Lipschitz constants, (B,)."""
        size = np.abs(self.flat).sum(axis=1) + np.abs(self.b)
        named = np.repeat(self.names, self.counts).tolist()
        return np.array([lipschitz(name, x) for name, x in zip(named, size, strict=True)])

    def summed(self, r: float, centre: Point) -> Array:
        """Σ_p [g(z_p) - g(0)] for the disk of radius r around ``centre``: (B,)."""
        windows, lit, _, _ = ring(r, centre, self.w.shape[-1])
        z = self.flat @ windows.reshape(len(windows), -1).T + self.b[:, None]
        values = self.sigma(z) - self.sigma(self.b)[:, None]
        return np.asarray(np.sum(values, axis=1) + lit * self.rise)
