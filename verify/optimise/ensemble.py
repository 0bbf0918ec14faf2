r"""Hundreds of networks at once, each to a stationary point of the loss.

First Levenberg-Marquardt on the weights of all networks; then, for positively homogeneous σ,
:mod:`verify.optimise.regions` takes each network over the kinks, where the loss has no second
derivative, to its true end, at machine precision.
"""

from __future__ import annotations

import numpy as np

from numerics.arithmetic.types import Array, Flags
from numerics.pulse.sample import Windows
from theory.expressions.spelling import spelled
from verify.models.problem import Ensemble, Faces, NetworkBatch, Setting, initial
from verify.optimise.least_squares import Minimised, levenberg_marquardt
from verify.optimise.regions import Descended, Signs, descend, multipliers
from verify.optimise.residuals import (
    biases,
    error_and_jacobian,
    loss_gradient,
    most_rounding,
    packed,
    rounding,
    task,
    unpacked,
)

__all__ = ["fit", "train_ensemble", "train_from"]


def fit(
    setting: Setting,
    start: NetworkBatch,
    steps: int,
    *,
    biased: bool = True,
    patience: int | None = None,
    geodesic: bool = False,
) -> Minimised:
    """Levenberg-Marquardt on the weights, until the error is rounding, with or without training b."""
    counts, ones, target = task(setting).frame
    count = len(task(setting).radii)
    view = Windows(task(setting).view.windows, counts)

    def residuals(points: Array) -> tuple[Array, Array]:
        weights = unpacked(setting, points)
        error, jacobian = error_and_jacobian(setting, weights, view, ones, target)
        if not biased:
            jacobian[..., biases(setting)] = 0
        return error, jacobian

    def arrived(points: Array, value: Array) -> Flags:
        weights = unpacked(setting, points)
        # Few are as near as the cheap bound says; only these are asked for the sharp one.
        near = np.nonzero(value <= count * most_rounding(setting, weights) ** 2 / 60)[0]
        arrived = np.zeros(len(points), dtype=bool)
        off = rounding(setting, weights[near])
        arrived[near] = value[near] <= np.sum(off**2, axis=1) / 64
        return arrived

    return levenberg_marquardt(
        residuals, packed(start), steps, arrived=arrived, patience=patience, geodesic=geodesic
    )


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
    ending = descend(problem, signs, np.column_stack([v, scale]), float(weights.c[j]))
    faces, table = multipliers(ending.point)
    table = table * scale[[k for k, _ in faces]][:, None] if faces else table
    v = ending.point.v / scale[:, None]
    end = NetworkBatch(v[:, :-2], v[:, -2], signs * scale, np.array(ending.point.c))
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
    GrammarError: the activation is none (theory.expressions.spelling).
    """
    return train_from(setting, initial(setting, setting.share * networks, seed))


def train_from(setting: Setting, start: NetworkBatch) -> Ensemble:
    """Train from given weights, for instance those that ended on coarser radii."""
    problem = task(setting)
    networks = len(start.c)
    homogeneous = spelled(setting.activation).homogeneous
    # Homogeneous σ need no more: the descent finishes them.
    fitted = fit(setting, start, 60 if homogeneous else 600, patience=20)
    weights, steps, stationary = unpacked(setting, fitted.points), fitted.steps, fitted.retired
    pre = weights.w @ problem.view.windows.T + weights.b[..., None]
    pattern = np.sign(pre).astype(np.int8)
    held: tuple[Faces, ...] = ((),) * networks
    tables: tuple[Array, ...] = (np.zeros((0, 2)),) * networks
    if homogeneous and networks:
        finished = (_finish(setting, weights, j) for j in range(networks))
        ends, endings, held, tables = zip(*finished, strict=True)
        weights = NetworkBatch(*(np.stack([getattr(end, name) for end in ends]) for name in "wbac"))
        pattern = np.stack([ending.point.pattern[:, 0] for ending in endings])
        stationary = np.array([ending.stationary for ending in endings])
        steps = steps + np.array([ending.steps for ending in endings])
    loss, _ = loss_gradient(setting, weights)
    gradient = _residual(setting, weights, pattern, held, tables)
    return Ensemble(
        setting, weights.w, weights.b, weights.a, weights.c, start, loss, gradient,
        held, tables, pattern, stationary, steps,
    )  # fmt: skip
