"""What is measured of a network for images: its pooled features and its answers on exact disks, at
a grid of radii.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from numerics.arithmetic.compile import activation
from numerics.arithmetic.types import Array
from numerics.disk.disk import disk
from numerics.disk.lattice import fluctuation
from numerics.disk.perimeter_enclosure import Filter
from theory.expressions.spelling import spelled
from verify.models.checkpoint import Checkpoint
from verify.models.setup import Setup

__all__ = ["DiskFacts", "cost", "features", "measured", "preactivations", "wavering"]

PER_PIXEL, MOST = 32, 1025
"""Radii in a pixel, and in all."""
BLOCK = 1 << 22
"""Numbers in the windows that are held at a time."""


@dataclass(frozen=True)
class DiskFacts:
    """Answers at a grid of radii.

    Attributes
    ----------
    r: equidistant, both ends included (R,).
    pooled: Σ_p [g_k(z_p) - g_k(0)] (R, K).
    dark: g_k(0) (K,).
    a: readout weights of pooled sums: divided by the positions where the pooling is a mean (K,).
    offset: what it answers to nothing.
    """

    r: Array
    pooled: Array
    dark: Array
    a: Array
    offset: float

    @cached_property
    def answers(self) -> Array:
        """r̂ (R,)."""
        answers: Array = self.pooled @ self.a + self.offset
        return answers

    @property
    def error(self) -> Array:
        """r̂ - r (R,)."""
        return self.answers - self.r

    @property
    def loss(self) -> float:
        """The mean of (r̂ - r)²."""
        return float(np.mean(self.error**2))

    def slopes(self, y: Array) -> Array:
        """Cov(r, y)/Var r along the first axis: (R, ...) becomes (...,)."""
        t = self.r - np.mean(self.r)
        slopes: Array = t @ (y - np.mean(y, axis=0)) / float(t @ t)
        return slopes

    def unsettled(self) -> float:
        """The root mean square of r̂ less what the least-squares readout answers."""
        design = np.column_stack([self.pooled, np.ones(len(self.r))])
        design /= np.maximum(np.max(np.abs(design), axis=0), 1e-300)
        best = np.linalg.lstsq(design, self.error, rcond=None)[0]
        return float(np.sqrt(np.mean((design @ best) ** 2)))


def _grid(setup: Setup) -> Array:
    low, high = (float(x) for x in (setup.domain.low, setup.domain.high))
    return np.linspace(low, high, min(PER_PIXEL * ceil(high - low) + 1, MOST))


def cost(checkpoint: Checkpoint, setup: Setup) -> float:
    """Products that the grid takes."""
    r, (channels, n, _) = _grid(setup), checkpoint.w.shape
    return float(channels * n * n * np.sum((2 * r + 2 * n) ** 2))


def preactivations(w: Array, b: Array, r: Array) -> Iterator[Array]:
    """z_k + b_k at all positions whose window sees the disk, of a few of the increasing radii at a
    time: (radii, positions, K).
    """
    n, flat = w.shape[1], w.reshape(len(w), -1).T
    first = 0
    while first < len(r):
        # The last radius of a block has the largest image.
        step = max(1, int(BLOCK // (n * (2 * r[first] + n + 3)) ** 2))
        some = r[first : first + step]
        half = ceil(some[-1] - 0.5)
        x = np.pad(disk(some, half), ((0, 0), (n - 1, n - 1), (n - 1, n - 1)))
        windows = sliding_window_view(x, (n, n), axis=(1, 2)).reshape(len(some), -1, n * n)
        yield windows @ flat + b
        first += step


def features(w: Array, b: Array, name: str, r: Array) -> Array:
    """Σ_p [g_k(z_p) - g_k(0)] over all positions whose window sees the disk: (R, K) from filters
    (K, n, n).
    """
    sigma = activation(name)[0]
    dark = sigma(b)
    return np.concatenate([np.sum(sigma(z) - dark, axis=1) for z in preactivations(w, b, r)])


def measured(checkpoint: Checkpoint, setup: Setup) -> DiskFacts:
    """A network on the grid of its radii."""
    b = checkpoint.biases
    n = checkpoint.w.shape[1]
    size = setup.domain.windows(n) ** 2
    a = checkpoint.a / setup.share(n) ** 2
    r = _grid(setup)
    pooled = features(checkpoint.w, b, setup.activation, r)
    dark = activation(setup.activation)[0](b)
    return DiskFacts(r, pooled, dark, a, checkpoint.offset + size * float(a @ dark))


DIRECTIONS = 8
"""The longest vector of the lattice that takes part in a fluctuation."""


def wavering(facts: DiskFacts, filters: Sequence[Filter]) -> tuple[dict[str, float], Array] | None:
    """How the answer wavers about its best parabola, and the error (R,) that √r Σ_q … of
    docs/disk/lattice.md makes of that parabola; None where σ jumps, and the law does not hold.
    """
    name = filters[0].name
    if spelled(name).jumps:
        return None
    w, b = (
        np.stack([filter_.w for filter_ in filters]),
        np.array([filter_.b for filter_ in filters]),
    )
    swung = facts.a @ fluctuation(w, b, activation(name)[0], facts.r, reach=DIRECTIONS)
    t = (facts.r - np.mean(facts.r)) / np.ptp(facts.r)
    basis = np.linalg.qr(np.stack([np.ones_like(t), t, t * t], axis=1))[0]
    parabola = basis @ (basis.T @ facts.error)
    wavers, law = facts.error - parabola, swung - basis @ (basis.T @ swung)
    parts = {"measured": wavers, "law": law, "left": wavers - law}
    return {name: float(np.sqrt(np.mean(x**2))) for name, x in parts.items()}, parabola + law
