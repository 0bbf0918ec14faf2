"""The error of networks on the pulses of a setting: itself, its derivatives, its rounding, its
largest value.

    r̂(x) = c + Σ_k a_k Σ_i σ((w_k ⋆ x)_i + b_k) = c + Σ_k a_k Σ_s counts_s σ(U_s · w_k + b_k),
    loss = mean over the radii of (r̂ - r)²,

with the distinct windows U_s of the signals and how often each signal shows them; nothing else
about the signals is used.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from numerics.arithmetic.compile import activation as compiled
from numerics.arithmetic.rounding import gamma
from numerics.arithmetic.types import Array, Flags
from numerics.pulse.sample import Windows, pulse, windows
from theory.expressions.spelling import spelled
from verify.models.problem import NetworkBatch, Setting
from verify.optimise.regions import Task

__all__ = [
    "biases",
    "error_and_jacobian",
    "loss_gradient",
    "most_rounding",
    "packed",
    "rounding",
    "task",
    "unpacked",
    "worst",
]


@lru_cache(maxsize=64)
def task(setting: Setting) -> Task:
    """The windows, counts and radii of a setting, and its activation."""
    radii = setting.radii
    view = windows(pulse(radii.r, radii.half_length(setting.taps)), setting.taps)
    return Task(view, radii.r, setting.activation)


def packed(weights: NetworkBatch) -> Array:
    """Each network as a point (w, b, a, c): (B, K(n+2)+1)."""
    return np.concatenate(
        [weights.w.reshape(len(weights.c), -1), weights.b, weights.a, weights.c[:, None]], axis=1
    )


def unpacked(setting: Setting, points: Array) -> NetworkBatch:
    """The networks at these points (B, K(n+2)+1)."""
    channels, bias = setting.channels, biases(setting)
    w, b, a = points[:, : bias.start], points[:, bias], points[:, bias.stop : -1]
    return NetworkBatch(w.reshape(len(points), channels, setting.taps), b, a, points[:, -1])


def biases(setting: Setting) -> slice:
    """Where a point holds b."""
    size = setting.channels * setting.taps
    return slice(size, size + setting.channels)


def error_and_jacobian(
    setting: Setting,
    weights: NetworkBatch,
    view: Windows,
    ones: Array,
    target: Array,
    held: Flags | None = None,
) -> tuple[Array, Array]:
    """e = r̂ - r, shape (B, D), and its derivatives by (w, b, a, c), shape (B, D, K(n+2)+1).

    ``view``, ``ones`` and ``target``: windows and their counts, 1 and r, one row per radius, or the
    shorter ones of ``Task.frame``, which give the same Σ e².  One matrix product per network: its
    neighbours in the batch do not change the result.
    """
    sigma, slope = compiled(setting.activation)
    pre = weights.w @ view.windows.T + weights.b[..., None]
    if held is not None:
        pre = np.where(held, 0.0, pre)
    feature = view.summed(sigma(pre))
    by_conv = weights.a[..., None, None] * view.moments(slope(pre))
    error = (weights.a[..., None] * feature).sum(axis=1) + weights.c[:, None] * ones - target
    bias = biases(setting)
    jacobian = np.empty((*error.shape, bias.stop + setting.channels + 1))
    by_w = jacobian[..., : bias.start].reshape(*error.shape, setting.channels, -1)
    by_w[...] = by_conv[..., :-1].swapaxes(1, 2)
    jacobian[..., bias] = by_conv[..., -1].swapaxes(1, 2)
    jacobian[..., bias.stop : -1] = feature.swapaxes(1, 2)
    jacobian[..., -1] = ones
    return error, jacobian


def loss_gradient(
    setting: Setting, weights: NetworkBatch, held: Flags | None = None
) -> tuple[Array, Array]:
    """The loss (B,) and its gradient (B, K(n+2)+1) by (w, b, a, c); at a kink σ' is the mean slope.

    ``held`` (B, K, W): pre-activations that are 0 but for rounding, and are taken as exactly 0.
    """
    problem = task(setting)
    count = len(problem.radii)
    error, jacobian = error_and_jacobian(
        setting, weights, problem.view, np.ones(count), problem.radii, held
    )
    return np.sum(error**2, axis=1) / count, 2 / count * np.matmul(error[:, None], jacobian)[:, 0]


@lru_cache(maxsize=64)
def _terms(setting: Setting) -> float:
    """γ_p = pε/(1 - pε) for the p roundings on the longest path from the weights to r̂ - r."""
    positions = 2 * setting.radii.half_length(setting.taps) + 1
    count = (setting.taps + 1) + positions + (setting.channels + 2)
    return float(gamma(2 * count))


def rounding(setting: Setting, weights: NetworkBatch) -> Array:
    """(B, R): bound of the rounding error of r̂ - r, for any order of summation.

    A sum of p products is off by at most pε/(1 - pε) times the sum of their absolute values; σ is
    exact but for its argument's error, times its largest slope (1 for the catalogue's homogeneous
    rows).
    """
    problem = task(setting)
    mass = np.abs(weights.w) @ problem.view.windows.T + np.abs(weights.b)[..., None]
    size = np.sum(np.abs(weights.a)[..., None] * (mass @ problem.view.counts.T), axis=1)
    return np.asarray(_terms(setting) * (size + np.abs(weights.c)[:, None] + problem.radii))


def most_rounding(setting: Setting, weights: NetworkBatch) -> Array:
    """(B,): the same for all radii at once, larger and cheaper: every window is within [0, 1]^n."""
    mass = np.abs(weights.w).sum(axis=2) + np.abs(weights.b)
    size = setting.pixels * (np.abs(weights.a) * mass).sum(axis=1) + np.abs(weights.c)
    return np.asarray(_terms(setting) * (size + task(setting).radii[-1]))


def worst(setting: Setting, weights: NetworkBatch) -> Array:
    """(B,) the largest |r̂ - r| over all real radii of the training cells, for piecewise-linear σ.

    Between half-integers every window is affine in φ, so r̂ is affine between the φ at which a
    pre-activation crosses a kink: the error is evaluated there and at both ends.
    """
    radii, n = setting.radii, setting.taps
    length = radii.half_length(n)
    sigma, _ = compiled(setting.activation)
    kinks = np.array([float(kink.location) for kink in spelled(setting.activation).kinks])
    result = np.zeros(len(weights.c))
    for m in range(radii.first, radii.first + radii.cells):
        ends = np.pad(pulse(np.array([m - 0.5, m + 0.5]), length), ((0, 0), (n // 2, n // 2)))
        low, high = np.lib.stride_tricks.sliding_window_view(ends, n, axis=1)
        for j in range(len(weights.c)):
            begin = low @ weights.w[j].T + weights.b[j]
            speed = (high - low) @ weights.w[j].T
            with np.errstate(divide="ignore", invalid="ignore"):
                phi = ((kinks[:, None, None] - begin) / speed).ravel()
            phi = np.concatenate([[0.0, 1.0], phi[(phi > 0) & (phi < 1)]])
            pooled = sigma(begin + phi[:, None, None] * speed).sum(axis=1)
            error = weights.c[j] + pooled @ weights.a[j] - (m - 0.5 + phi)
            result[j] = max(result[j], float(np.max(np.abs(error))))
    return result
