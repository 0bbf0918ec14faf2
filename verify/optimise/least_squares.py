r"""Hundreds of networks at once, by second-order steps, each to a stationary point.

    r̂(x) = c + Σ_k a_k Σ_i σ((w_k ⋆ x)_i + b_k) = c + Σ_k a_k Σ_s counts_s σ(U_s · w_k + b_k),
    loss = mean over the radii of (r̂ - r)²,

with the distinct windows U_s of the signals and how often each signal shows them; nothing else
about the signals is used.  First Levenberg-Marquardt on the weights of all networks, (JᵀJ + μI) δ =
-Jᵀe, each with its own μ; then, for positively homogeneous σ, :mod:`verify.optimise.regions` takes each
network over the kinks, where the loss has no second derivative, to its true end, at machine
precision.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from numerics.arithmetic.compile import activation as compiled
from numerics.arithmetic.types import Array, Flags
from numerics.pulse.sample import pulse, windows
from theory.expressions.activation import ACTIVATIONS
from verify.models.ensemble import Ensemble, Faces, NetworkBatch, Setting, initial
from verify.optimise.regions import Descended, Signs, Task, descend, multipliers

__all__ = [
    "loss_gradient",
    "rounding",
    "task",
    "train_ensemble",
    "train_from",
    "worst",
]

EPS = float(np.finfo(float).eps)


@lru_cache(maxsize=64)
def task(setting: Setting) -> Task:
    """The windows, counts and radii of a setting, and σ's slopes on both sides of 0.

    The slopes are (1, 1), and without meaning, when σ is not positively homogeneous.
    """
    radii = setting.radii
    view = windows(pulse(radii.r, radii.half_length(setting.taps)), setting.taps)
    row = ACTIVATIONS[setting.activation]
    low, high = row.slopes if row.homogeneous else (1, 1)
    return Task(view, radii.r, (float(low), float(high)))


def _error_and_jacobian(
    setting: Setting,
    weights: NetworkBatch,
    rows: tuple[Array, Array, Array],
    held: Flags | None = None,
) -> tuple[Array, Array]:
    """e = r̂ - r, shape (B, D), and its derivatives by (w, b, a, c), shape (B, D, K(n+2)+1).

    ``rows``: (counts, 1, r), one row per radius, or the shorter ones of ``Task.frame``, which give
    the same Σ e².  One matrix product per network: its neighbours in the batch do not change the
    result.
    """
    problem = task(setting)
    counts, ones, target = rows
    sigma, slope = compiled(setting.activation)
    batch, channels, n = weights.w.shape
    depth = len(ones)
    pre = weights.w @ problem.view.windows.T + weights.b[..., None]
    if held is not None:
        pre = np.where(held, 0.0, pre)
    feature = sigma(pre) @ counts.T
    tilted = counts[:, None, :] * problem.view.rows.T
    by_conv = slope(pre) @ tilted.reshape(depth * (n + 1), -1).T
    by_conv = weights.a[..., None, None] * by_conv.reshape(batch, channels, depth, n + 1)
    error = np.sum(weights.a[..., None] * feature, axis=1) + weights.c[:, None] * ones - target
    jacobian = np.concatenate(
        [
            np.moveaxis(by_conv[..., :-1], 2, 1).reshape(batch, depth, channels * n),
            np.moveaxis(by_conv[..., -1], 2, 1),
            np.moveaxis(feature, 2, 1),
            np.broadcast_to(ones[:, None], (batch, depth, 1)),
        ],
        axis=2,
    )
    return error, jacobian


def _moved(weights: NetworkBatch, step: Array) -> NetworkBatch:
    _, channels, n = weights.w.shape
    w, b, a, c = np.split(step, np.cumsum([channels * n, channels, channels]), axis=1)
    return NetworkBatch(
        weights.w + w.reshape(weights.w.shape), weights.b + b, weights.a + a, weights.c + c[:, 0]
    )


def loss_gradient(
    setting: Setting, weights: NetworkBatch, held: Flags | None = None
) -> tuple[Array, Array]:
    """The loss (B,) and its gradient (B, K(n+2)+1) by (w, b, a, c); at a kink σ' is the mean slope.

    ``held`` (B, K, W): pre-activations that are 0 but for rounding, and are taken as exactly 0.
    """
    problem = task(setting)
    count = len(problem.radii)
    rows = (problem.view.counts, np.ones(count), problem.radii)
    error, jacobian = _error_and_jacobian(setting, weights, rows, held)
    return np.sum(error**2, axis=1) / count, 2 / count * np.matmul(error[:, None], jacobian)[:, 0]


def _terms(setting: Setting) -> float:
    """γ_p = pε/(1 - pε) for the p roundings on the longest path from the weights to r̂ - r."""
    positions = 2 * setting.radii.half_length(setting.taps) + 1
    count = (setting.taps + 1) + positions + (setting.channels + 2)
    return count * EPS / (1 - count * EPS)


def rounding(setting: Setting, weights: NetworkBatch) -> Array:
    """(B, R): bound of the rounding error of r̂ - r, for any order of summation.

    A sum of p products is off by at most pε/(1 - pε) times the sum of their absolute values; σ is
    exact but for its argument's error, times its largest slope (1 for the catalogue's homogeneous
    rows).
    """
    problem = task(setting)
    mass = np.abs(weights.w) @ np.abs(problem.view.windows).T + np.abs(weights.b)[..., None]
    size = np.sum(np.abs(weights.a)[..., None] * (mass @ problem.view.counts.T), axis=1)
    return np.asarray(_terms(setting) * (size + np.abs(weights.c)[:, None] + problem.radii))


def worst(setting: Setting, weights: NetworkBatch) -> Array:
    """(B,) the largest |r̂ - r| over all real radii of the training cells, for piecewise-linear σ.

    Between half-integers every window is affine in φ, so r̂ is affine between the φ at which a
    pre-activation crosses a kink: the error is evaluated there and at both ends.
    """
    radii, n = setting.radii, setting.taps
    length = radii.half_length(n)
    sigma, _ = compiled(setting.activation)
    kinks = np.array([float(kink.location) for kink in ACTIVATIONS[setting.activation].kinks])
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


# A trial step may overflow (exp, cube): its loss is inf or NaN, no better than the one at hand, and refused.
@np.errstate(over="ignore", invalid="ignore")
def _levenberg_marquardt(
    setting: Setting, weights: NetworkBatch, cap: int
) -> tuple[NetworkBatch, NDArray[np.int64], Flags]:
    """(JᵀJ + μI) δ = -Jᵀe with Nielsen's rule for μ: the weights, their steps, and who retired.

    A network retires when its error is rounding, or after twenty trials in a row without a relative
    gain above 1e-10.
    """
    count = len(weights.c)
    w, b, a, c = (np.array(part) for part in (weights.w, weights.b, weights.a, weights.c))
    steps = np.zeros(count, dtype=np.int64)
    live = np.arange(count)
    here = weights
    rows = task(setting).frame
    error, jacobian = _error_and_jacobian(setting, here, rows)
    value = np.sum(error**2, axis=1)
    damping = 1e-3 * np.max(np.sum(jacobian**2, axis=1), axis=1)
    grow = np.full(count, 2.0)
    idle = np.zeros(count, dtype=np.int64)
    eye = np.eye(jacobian.shape[2])
    for _ in range(cap):
        if not len(live):
            break
        turned = np.swapaxes(jacobian, 1, 2)
        normal, slope = turned @ jacobian, turned @ error[..., None]
        # The floor keeps the system solvable where JᵀJ is singular to rounding.
        floor = 1e-13 * np.trace(normal, axis1=1, axis2=2) + np.finfo(float).tiny
        damping = np.maximum(damping, floor)
        step = -np.linalg.solve(normal + damping[:, None, None] * eye, slope)
        there = _moved(here, step[..., 0])
        error_there, jacobian_there = _error_and_jacobian(setting, there, rows)
        value_there = np.sum(error_there**2, axis=1)
        predicted = np.sum(step * (damping[:, None, None] * step - slope), axis=(1, 2))
        gain = (value - value_there) / np.maximum(predicted, np.finfo(float).tiny)
        better = value_there < value
        idle = np.where(value_there < (1 - 1e-10) * value, 0, idle + 1)
        shrink = np.maximum(1 / 3, 1 - (2 * np.minimum(gain, 1) - 1) ** 3)
        damping = damping * np.where(better, shrink, grow)
        grow = np.where(better, 2.0, np.minimum(2 * grow, 64.0))
        pick = better[:, None]
        here = NetworkBatch(
            np.where(pick[..., None], there.w, here.w),
            np.where(pick, there.b, here.b),
            np.where(pick, there.a, here.a),
            np.where(better, there.c, here.c),
        )
        error = np.where(pick, error_there, error)
        jacobian = np.where(pick[..., None], jacobian_there, jacobian)
        value = np.where(better, value_there, value)
        steps[live] += 1
        w[live], b[live], a[live], c[live] = here.w, here.b, here.a, here.c
        exact = value <= np.sum(rounding(setting, here) ** 2, axis=1) / 64
        stay = np.nonzero(~exact & (idle < 20))[0]
        if len(stay) < len(live):
            live, here = live[stay], here[stay]
            error, jacobian, value = error[stay], jacobian[stay], value[stay]
            damping, grow, idle = damping[stay], grow[stay], idle[stay]
    retired = np.ones(count, dtype=bool)
    retired[live] = False
    return NetworkBatch(w, b, a, c), steps, retired


def _finish(
    setting: Setting, weights: NetworkBatch, j: int
) -> tuple[NetworkBatch, Descended, Faces, Array]:
    """Descend over the kinks from network j; the ending in (w, b, a, c), with |a_k| kept.

    The multipliers by (w_k, b_k) are |a_k| times those by v_k.
    """
    problem = task(setting)
    scale, signs = np.abs(weights.a[j]), np.where(weights.a[j] < 0, -1.0, 1.0)
    v = scale[:, None] * np.column_stack([weights.w[j], weights.b[j]])
    # A readout weight of exactly 0 silences its channel: v = 0, and any scale expresses it.
    scale = np.where(scale == 0, 1.0, scale)
    ending = descend(problem, signs, v, float(weights.c[j]))
    faces, table = multipliers(problem, signs, ending)
    table = table * scale[[k for k, _ in faces]][:, None] if faces else table
    v = ending.v / scale[:, None]
    end = NetworkBatch(v[:, :-1], v[:, -1], signs * scale, np.array(ending.c))
    return end, ending, faces, table


def _residual(
    setting: Setting,
    weights: NetworkBatch,
    pattern: Signs,
    held: tuple[Faces, ...],
    tables: tuple[Array, ...],
) -> Array:
    """(B,) |g + Σ λ_s n_s|, g with the mean slope on held faces, |λ_s| <= |γ_s|, n_s = (U_s, 1).

    The readout weights need no multiplier: on a held face the pre-activation is 0.
    """
    _, gradient = loss_gradient(setting, weights, pattern == 0)
    extended = task(setting).view.rows
    n, channels = setting.taps, setting.channels
    for j, (faces, table) in enumerate(zip(held, tables, strict=True)):
        for (k, s), (multiplier, gamma) in zip(faces, table, strict=True):
            push = np.clip(multiplier, -abs(gamma), abs(gamma)) * extended[s]
            gradient[j, k * n : (k + 1) * n] += push[:-1]
            gradient[j, channels * n + k] += push[-1]
    return np.asarray(np.linalg.norm(gradient, axis=1))


def train_ensemble(setting: Setting, networks: int, seed: int) -> Ensemble:
    """Train ``networks`` times the setting's share from random starts, each to a stationary point of the loss.

    Raises
    ------
    KeyError: the activation is not in the catalogue.
    """
    return train_from(setting, initial(setting, setting.share * networks, seed))


def train_from(setting: Setting, start: NetworkBatch) -> Ensemble:
    """Train from given weights, for instance those that ended on coarser radii."""
    problem = task(setting)
    networks = len(start.c)
    homogeneous = ACTIVATIONS[setting.activation].homogeneous
    # Homogeneous σ need no more: the descent finishes them.
    weights, steps, stationary = _levenberg_marquardt(setting, start, 60 if homogeneous else 600)
    pre = weights.w @ problem.view.windows.T + weights.b[..., None]
    pattern = np.sign(pre).astype(np.int8)
    held: tuple[Faces, ...] = ((),) * networks
    tables: tuple[Array, ...] = (np.zeros((0, 2)),) * networks
    if homogeneous and networks:
        finished = (_finish(setting, weights, j) for j in range(networks))
        ends, endings, held, tables = zip(*finished, strict=True)
        weights = NetworkBatch(*(np.stack([getattr(end, name) for end in ends]) for name in "wbac"))
        pattern = np.stack([ending.pattern for ending in endings])
        stationary = np.array([ending.stationary for ending in endings])
        steps = steps + np.array([ending.steps for ending in endings])
    loss, _ = loss_gradient(setting, weights)
    gradient = _residual(setting, weights, pattern, held, tables)
    return Ensemble(
        setting, weights.w, weights.b, weights.a, weights.c, start, loss, gradient,
        held, tables, pattern, stationary, steps,
    )  # fmt: skip
