"""Networks on disks trained by scipy's Levenberg-Marquardt on the distinct windows that the disks show.

What it finds is loaded into the torch module that it came from; only what that one answers counts.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import least_squares

from numerics.arithmetic.compile import activation
from numerics.arithmetic.types import Array
from numerics.pulse.sample import Windows
from verify.models.networks import Network

__all__ = ["fit"]


def fit(net: Network, name: str, windows: Windows, r: Array, evaluations: int = 400) -> None:
    """Minimise the mean of (r̂ - r)² from the network's weights, in place; σ by its name in the catalogue."""
    sigma, slope = activation(name)
    w, b, a, c = net.weights.network()
    channels, size = len(a), w[0].size

    def parts(y: Array) -> tuple[Array, Array, float]:
        conv = y[: channels * (size + 1)].reshape(channels, size + 1)
        return windows.rows @ conv.T, y[channels * (size + 1) : -1], float(y[-1])

    def error(y: Array) -> Array:
        z, read, offset = parts(y)
        return windows.counts @ sigma(z) @ read + offset - r

    def jacobian(y: Array) -> Array:
        z, read, _ = parts(y)
        steep = slope(z) * read
        by_conv = [windows.counts @ (steep[:, k, None] * windows.rows) for k in range(channels)]
        return np.hstack([*by_conv, windows.counts @ sigma(z), np.ones((len(r), 1))])

    conv = np.hstack([w.reshape(channels, size), b[:, None]])
    start = np.concatenate([conv.ravel(), a, [c]])
    solution = least_squares(error, start, jacobian, method="lm", max_nfev=evaluations).x
    conv = solution[: channels * (size + 1)].reshape(channels, size + 1)
    with torch.no_grad():
        net.conv.weight.copy_(torch.tensor(conv[:, :-1].reshape(net.conv.weight.shape)))
        new = (conv[:, -1], solution[channels * (size + 1) : -1][None], solution[-1:])
        for parameter, value in zip(list(net.parameters())[1:], new, strict=True):
            parameter.copy_(torch.tensor(value))
