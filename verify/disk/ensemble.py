r"""Many networks on disks at once: Levenberg-Marquardt on the filters, the readout always the best one (variable projection).

With φ_k(r) = Σ_p σ(w_k ⋆ x_r + b_k)_p, centred over the radii, r̂ is the projection of r on the span of the φ_k.  The step
solves (JᵀJ + λD)δ = -Jᵀe, J = (1 - Π) Σ_k a_k ∂φ_k (Kaufman), D = diag JᵀJ.  Only windows that meet the circle are visited:
all others are dark or lit, and come with their number.

Shapes: B networks, K channels, R radii, n² + 1 numbers per channel (taps, then bias).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt

import numpy as np

from numerics.arithmetic.compile import activation
from numerics.arithmetic.types import Array, Flags, Indices
from numerics.disk.disk import disk
from numerics.pulse.sample import Windows
from verify.models.problem import NetworkBatch, NetworkShape

__all__ = [
    "INTERPOLATED",
    "LARGEST",
    "NEGLIGIBLE",
    "Sigma",
    "State",
    "disk_windows",
    "features_of",
    "nets_of",
    "read",
    "state",
    "train_networks",
]

Sigma = Callable[[Array], Array]
"""σ or σ', elementwise."""


def disk_windows(r: Array, taps: int, half_length: int) -> Windows:
    """The zero-padded windows of the disks of these radii on (2·half_length + 1)² pixels, radius by radius.

    Of each radius those that are neither dark nor lit, and these two.
    """
    h = taps // 2
    rows: list[Array] = []
    counts: list[Indices] = []
    starts = [0]
    for radius in r.tolist():
        padded = np.pad(disk([radius], half_length)[0], h)
        cut = np.lib.stride_tricks.sliding_window_view(padded, (taps, taps))
        flat = cut.reshape(-1, taps * taps)
        dark, lit = np.all(flat == 0, axis=1), np.all(flat == 1, axis=1)
        edge, many = np.unique(flat[~(dark | lit)], axis=0, return_counts=True)
        rows += [edge, np.zeros((1, taps * taps)), np.ones((1, taps * taps))]
        counts += [many, np.array([dark.sum(), lit.sum()])]
        starts.append(starts[-1] + len(edge) + 2)
    return Windows(
        np.concatenate(rows), np.concatenate(counts).astype(float), np.array(starts[:-1])
    )


def features_of(conv: Array, windows: Windows, sigma: Sigma) -> Array:
    """φ_k(r) of filters with their biases: (B, K, n² + 1) -> (B, K, R)."""
    values = sigma(conv.reshape(-1, conv.shape[-1]) @ windows.rows.T)
    return windows.summed(values).reshape(*conv.shape[:2], -1)


def _slopes(conv: Array, windows: Windows, slope: Sigma) -> Array:
    """∂φ_k(r) by the numbers of channel k: (B, K, R, n² + 1)."""
    slopes = windows.moments(slope(conv.reshape(-1, conv.shape[-1]) @ windows.rows.T))
    return slopes.reshape(*conv.shape[:2], *slopes.shape[1:])


@dataclass
class State:
    """Networks under way: their numbers, φ, and the best readout (an orthonormal basis of the centred φ, a, error, loss)."""

    conv: Array
    features: Array
    basis: Array
    a: Array
    error: Array
    loss: Array

    def take(self, chosen: Flags | Indices) -> State:
        return State(*(value[chosen] for value in vars(self).values()))

    def put(self, chosen: Indices, other: State) -> None:
        for name, value in vars(other).items():
            getattr(self, name)[chosen] = value


INTERPOLATED = 1e-20
"""Below this loss a network passes through all radii, and there is nothing to be learned from its digits."""
LARGEST = 1e5
"""No weight leaves ±this: beyond, the sum of a thousand activations keeps fewer than six digits of a pixel in float64."""
NEGLIGIBLE = 1e-11
"""Directions of the features, each scaled to length 1, that are smaller than this part of the largest are rounding."""


def state(conv: Array, windows: Windows, r: Array, sigma: Sigma) -> State:
    """Filters (B, K, n² + 1) with their features and the best readout."""
    return read(conv, features_of(conv, windows, sigma), r)


def read(conv: Array, features: Array, r: Array) -> State:
    """The best readout of features (B, K, R); the loss is infinite where one of them is not finite."""
    wild = ~np.all(np.isfinite(features), axis=(1, 2))
    features = np.where(wild[:, None, None], 0, features)
    centred = np.swapaxes(features - features.mean(axis=-1, keepdims=True), 1, 2)
    size = np.linalg.norm(centred, axis=1)
    scale = np.where(size > NEGLIGIBLE * (1 + np.abs(features).max(axis=-1)), size, np.inf)
    left, values, right = np.linalg.svd(centred / scale[:, None, :], full_matrices=False)
    kept = values > NEGLIGIBLE * np.maximum(values[:, :1], 0.5)
    basis = left * kept[:, None, :]
    target = r - r.mean()
    along = np.einsum("brk,r->bk", basis, target)
    inverse = np.where(kept, 1 / np.where(kept, values, 1), 0)
    a = np.einsum("bjk,bj->bk", right, inverse * along) / scale
    error = np.einsum("brk,bk->br", basis, along) - target
    loss = np.where(wild, np.inf, np.mean(error**2, axis=-1))
    return State(conv, features, basis, a, error, loss)


def _tried(now: State, damping: Array, windows: Windows, slope: Sigma) -> Array:
    """The filters after a damped step."""
    count = len(now.conv)
    moved = _slopes(now.conv, windows, slope) * now.a[:, :, None, None]
    jac = np.swapaxes(moved, 1, 2).reshape(count, now.error.shape[-1], -1)
    jac -= jac.mean(axis=1, keepdims=True)
    jac -= now.basis @ (np.swapaxes(now.basis, 1, 2) @ jac)
    normal = np.swapaxes(jac, 1, 2) @ jac
    down = np.einsum("brq,br->bq", jac, now.error)
    own = np.einsum("bqq->bq", normal)
    floor = 1e-9 * own.max(axis=1, keepdims=True) + 1e-30
    added = damping[:, None] * np.maximum(own, floor)
    step = np.linalg.solve(normal + added[:, :, None] * np.eye(own.shape[1]), down[..., None])
    return np.asarray(now.conv - step.reshape(now.conv.shape))


def train_networks(
    shape: NetworkShape,
    windows: Windows,
    r: Array,
    networks: int,
    rng: np.random.Generator,
    steps: int = 150,
) -> NetworkBatch:
    """``networks`` networks after at most ``steps`` steps from torch's own starts, uniform on ±1/n.

    One that no step makes better, or whose loss falls by less than 1e-9 of itself or below 1e-20, has ended.
    """
    sigma, slope = activation(shape.activation)
    n, channels = shape.taps, shape.channels
    every = state(rng.uniform(-1, 1, (networks, channels, n * n + 1)) / n, windows, r, sigma)
    damping, live = np.full(networks, 1e-2), np.arange(networks)
    for _ in range(steps):
        now = every.take(live)
        other = state(_tried(now, damping[live], windows, slope), windows, r, sigma)
        large = np.maximum(np.abs(other.conv).max(axis=(1, 2)), np.abs(other.a).max(axis=1)) > LARGEST  # fmt: skip
        better = (other.loss < now.loss) & ~large
        every.put(live[better], other.take(better))
        damping[live] = np.maximum(np.where(better, damping[live] / 3, damping[live] * 4), 1e-9)
        ended = better & (other.loss > (1 - 1e-9) * now.loss) | (damping[live] > 1e8)
        ended |= every.loss[live] < INTERPOLATED
        live = live[~ended]
        if not len(live):
            break
    return nets_of(every, r)


def nets_of(every: State, r: Array) -> NetworkBatch:
    """The networks of a state, with the best c."""
    c = r.mean() - np.einsum("bk,bk->b", every.a, every.features.mean(axis=-1))
    taps = isqrt(every.conv.shape[2] - 1)
    w = every.conv[..., :-1].reshape(*every.conv.shape[:2], taps, taps)
    return NetworkBatch(w, every.conv[..., -1], every.a, c)
