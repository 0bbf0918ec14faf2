"""Networks on disks trained by scipy's Levenberg-Marquardt on the distinct windows that the disks show.

What it finds is loaded into the torch module that it came from; only what that one answers counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import least_squares

from numerics.arithmetic.compile import activation
from numerics.arithmetic.types import Array
from verify.models.networks import Network

__all__ = ["DistinctWindows", "distinct_windows", "fit"]


@dataclass(frozen=True)
class DistinctWindows:
    """The distinct windows (W, n²) of some signals, how often each signal shows them (R, W), and the radii (R,)."""

    windows: Array
    counts: Array
    r: Array


def distinct_windows(x: Array, taps: int, r: Array) -> DistinctWindows:
    """Cut the zero-padded windows of signals x (R, N, N)."""
    h = taps // 2
    padded = np.pad(x, ((0, 0), (h, h), (h, h)))
    cut = np.lib.stride_tricks.sliding_window_view(padded, (taps, taps), axis=(1, 2))
    flat = cut.reshape(-1, taps * taps)
    distinct, index = np.unique(flat, axis=0, return_inverse=True)
    counts = np.zeros((len(x), len(distinct)))
    rows = np.repeat(np.arange(len(x)), x.shape[1] * x.shape[2])
    np.add.at(counts, (rows, index.reshape(-1)), 1.0)
    return DistinctWindows(distinct, counts, r)


def fit(net: Network, name: str, data: DistinctWindows, evaluations: int = 400) -> None:
    """Minimise the mean of (r̂ - r)² from the network's weights, in place; σ by its name in the catalogue."""
    sigma, slope = activation(name)
    w, b, a, c = net.weights.network()
    channels, size = len(a), w[0].size
    extended = np.hstack([data.windows, np.ones((len(data.windows), 1))])

    def parts(y: Array) -> tuple[Array, Array, float]:
        conv = y[: channels * (size + 1)].reshape(channels, size + 1)
        return extended @ conv.T, y[channels * (size + 1) : -1], float(y[-1])

    def error(y: Array) -> Array:
        z, read, offset = parts(y)
        return data.counts @ sigma(z) @ read + offset - data.r

    def jacobian(y: Array) -> Array:
        z, read, _ = parts(y)
        steep = slope(z) * read
        by_conv = [data.counts @ (steep[:, k, None] * extended) for k in range(channels)]
        return np.hstack([*by_conv, data.counts @ sigma(z), np.ones((len(data.r), 1))])

    conv = np.hstack([w.reshape(channels, size), b[:, None]])
    start = np.concatenate([conv.ravel(), a, [c]])
    solution = least_squares(error, start, jacobian, method="lm", max_nfev=evaluations).x
    conv = solution[: channels * (size + 1)].reshape(channels, size + 1)
    with torch.no_grad():
        net.conv.weight.copy_(torch.tensor(conv[:, :-1].reshape(net.conv.weight.shape)))
        new = (conv[:, -1], solution[channels * (size + 1) : -1][None], solution[-1:])
        for parameter, value in zip(list(net.parameters())[1:], new, strict=True):
            parameter.copy_(torch.tensor(value))
