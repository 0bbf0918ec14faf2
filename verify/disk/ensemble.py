r"""Many networks on disks at once: Levenberg-Marquardt on the filters, the readout always the best
one (variable projection).

With φ_k(r) = Σ_p σ(w_k ⋆ x_r + b_k)_p, centred over the radii, r̂ is the projection of r on the
span of the φ_k, and the Jacobian of r̂ - r by the filters is (1 - Π) Σ_k a_k ∂φ_k (Kaufman).  Only
windows that meet the circle are visited: all others are dark or lit, and come with their number.

Shapes: B networks, K channels, R radii, n² + 1 numbers per channel (taps, then bias).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt

import numpy as np

from numerics.arithmetic.compile import activation
from numerics.arithmetic.regression import RANK, regression
from numerics.arithmetic.types import Array, Flags, Indices
from numerics.disk.disk import disk
from numerics.pulse.sample import Windows
from verify.models.problem import NetworkBatch, NetworkShape
from verify.optimise.least_squares import levenberg_marquardt

__all__ = [
    "INTERPOLATED",
    "LARGEST",
    "Sigma",
    "State",
    "disk_windows",
    "features_of",
    "filters_of",
    "fit",
    "nets_of",
    "read",
    "state",
    "train_networks",
]

Sigma = Callable[[Array], Array]
"""σ or σ', elementwise."""


def disk_windows(r: Array, taps: int, half_length: int) -> Windows:
    """The zero-padded windows of the disks of these radii (R,) on (2·half_length + 1)² pixels,
    radius by radius.

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


def filters_of(nets: NetworkBatch) -> Array:
    """Filters with their biases (B, K, n² + 1)."""
    return np.concatenate([nets.w.reshape(*nets.b.shape, -1), nets.b[..., None]], axis=2)


def features_of(conv: Array, windows: Windows, sigma: Sigma) -> Array:
    """φ_k(r) of filters with their biases: (B, K, n² + 1) -> (B, K, R)."""
    values = sigma(conv.reshape(-1, conv.shape[-1]) @ windows.rows.T)
    return windows.summed(values).reshape(*conv.shape[:2], -1)


@dataclass(frozen=True, eq=False)
class State:
    """Networks under way: their numbers, φ, and the best readout (an orthonormal basis of the
    centred φ, a, error, loss).
    """

    conv: Array
    features: Array
    basis: Array
    a: Array
    error: Array
    loss: Array


INTERPOLATED = 1e-20
"""Below this loss a network passes through all radii, and there is nothing to be learned from its
digits.
"""
LARGEST = 1e5
"""No weight leaves ±this: beyond, the sum of a thousand activations keeps fewer than six digits of
a pixel in float64.
"""


def state(conv: Array, windows: Windows, r: Array, sigma: Sigma) -> State:
    """Filters (B, K, n² + 1) with their features and the best readout."""
    return read(conv, features_of(conv, windows, sigma), r)


def read(conv: Array, features: Array, r: Array) -> State:
    """The best readout of features (B, K, R); the loss is infinite where one of
    them is not finite.
    """
    wild = ~np.all(np.isfinite(features), axis=(1, 2))
    features = np.where(wild[:, None, None], 0, features)
    centred = np.swapaxes(features - features.mean(axis=-1, keepdims=True), 1, 2)
    # What is left of a constant after its mean is rounding.
    size = np.linalg.norm(centred, axis=1)
    alive = size > RANK * (1 + np.abs(features).max(axis=-1))
    best = regression(centred * alive[:, None, :], r - r.mean())
    loss = np.where(wild, np.inf, best.loss)
    return State(conv, features, best.basis, best.coefficients, best.error, loss)


def fit(
    shape: NetworkShape, windows: Windows, r: Array, start: Array, steps: int = 150
) -> NetworkBatch:
    """The networks after at most ``steps`` trial steps from the filters ``start`` (B, K, n² + 1).

    One that eight trials in a row do not make better, or whose loss falls below
    :data:`INTERPOLATED`, has ended.
    """
    sigma, slope = activation(shape.activation)

    def residuals(points: Array) -> tuple[Array, Array]:
        conv = points.reshape(-1, *start.shape[1:])
        pre = conv.reshape(-1, start.shape[2]) @ windows.rows.T
        now = read(conv, windows.summed(sigma(pre)).reshape(*conv.shape[:2], -1), r)
        slopes = windows.moments(slope(pre)).reshape(*conv.shape[:2], len(r), -1)
        jacobian = np.swapaxes(slopes * now.a[..., None, None], 1, 2).reshape(*now.error.shape, -1)
        jacobian = jacobian - jacobian.mean(axis=1, keepdims=True)
        jacobian -= now.basis @ (np.swapaxes(now.basis, 1, 2) @ jacobian)
        largest = np.maximum(np.abs(points).max(axis=1), np.abs(now.a).max(axis=1))
        refused = np.isinf(now.loss) | (largest > LARGEST)
        error = np.where(refused[:, None], np.inf, now.error)
        return error, np.where(refused[:, None, None], 0.0, jacobian)

    def arrived(points: Array, value: Array) -> Flags:
        return np.asarray(value < INTERPOLATED * len(r))

    points = start.reshape(len(start), -1)
    ended = levenberg_marquardt(residuals, points, steps, arrived=arrived, patience=8, scaled=True)
    return nets_of(state(ended.points.reshape(start.shape), windows, r, sigma), r)


def train_networks(
    shape: NetworkShape,
    windows: Windows,
    r: Array,
    networks: int,
    rng: np.random.Generator,
    steps: int = 150,
) -> NetworkBatch:
    """``networks`` networks from torch's own starts, uniform on ±1/n, fitted to radii r (R,)."""
    n = shape.taps
    start = rng.uniform(-1, 1, (networks, shape.channels, n * n + 1)) / n
    return fit(shape, windows, r, start, steps)


def nets_of(every: State, r: Array) -> NetworkBatch:
    """The networks of a state, with the best c for the radii r (R,)."""
    c = r.mean() - np.einsum("bk,bk->b", every.a, every.features.mean(axis=-1))
    taps = isqrt(every.conv.shape[2] - 1)
    w = every.conv[..., :-1].reshape(*every.conv.shape[:2], taps, taps)
    return NetworkBatch(w, every.conv[..., -1], every.a, c)
