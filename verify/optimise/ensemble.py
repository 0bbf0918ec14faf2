r"""Any number of networks, each to a stationary point of the loss.

First Levenberg-Marquardt on the weights of all networks; then, for positively homogeneous σ,
:mod:`verify.optimise.batch` takes them over the kinks, where the loss has no second derivative,
to their true ends, at machine precision.  Networks are trained in chunks, and none sees another:
its bits are the same whatever the size of the chunk and whoever trains it.
"""

from __future__ import annotations

from concurrent.futures import Executor
from itertools import repeat

import numpy as np

from numerics.arithmetic.types import Array, Flags, Signs
from numerics.pulse.sample import Windows
from theory.expressions.pieces import SWITCHES
from theory.expressions.spelling import spelled
from verify.models.problem import Ensemble, Faces, NetworkBatch, Setting, initial
from verify.optimise.batch import DescendedBatch, descend_batch
from verify.optimise.least_squares import Minimised, levenberg_marquardt
from verify.optimise.regions import multipliers
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

__all__ = ["CHUNK", "fit", "train_ensemble", "train_from"]

CHUNK = 1024
"""Networks that are trained at once, at most: what bounds memory."""
SHARES = 4
"""Chunks of a small ensemble that others train, so that all of them have work."""


def fit(
    setting: Setting,
    start: NetworkBatch,
    steps: int,
    *,
    biased: bool = True,
    patience: int | None = None,
    geodesic: bool = False,
) -> Minimised:
    """Levenberg-Marquardt on the weights, until the error is rounding, with or
    without training b.
    """
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
        if len(near):
            off = rounding(setting, weights[near])
            arrived[near] = value[near] <= np.sum(off**2, axis=1) / 64
        return arrived

    return levenberg_marquardt(
        residuals, packed(start), steps, arrived=arrived, patience=patience, geodesic=geodesic
    )


def _finish(
    setting: Setting, weights: NetworkBatch
) -> tuple[NetworkBatch, DescendedBatch, tuple[Faces, ...], tuple[Array, ...]]:
    """Descend over the kinks; the endings in (w, b, a, c), with |a_k| kept, their held faces and
    multipliers.

    The multipliers by (w_k, b_k) are |a_k| times those by v_k.
    """
    scale, signs = np.abs(weights.a), np.where(weights.a < 0, -1.0, 1.0)
    v = scale[..., None] * np.concatenate([weights.w, weights.b[..., None]], axis=2)
    # A readout weight of exactly 0 silences its channel: v = 0, and any scale expresses it.
    scale = np.where(scale == 0, 1.0, scale)
    v = np.concatenate([v, scale[..., None]], axis=2)
    ending = descend_batch(task(setting), signs, v, weights.c)
    points = ending.points
    held, tables = [], []
    for j, exact in enumerate(ending.exact.tolist()):
        faces = tuple((k, s) for k, s in np.argwhere(points.pattern[j, :, 0] == 0).tolist())
        table = np.zeros((len(faces), 2))
        if faces and not exact:
            table = multipliers(points.point(j))[1] * scale[j, [k for k, _ in faces]][:, None]
        held.append(faces)
        tables.append(table)
    v = points.v / scale[..., None]
    end = NetworkBatch(v[..., :-2], v[..., -2], signs * scale, points.c)
    return end, ending, tuple(held), tuple(tables)


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
        if not np.any(table):
            continue
        for (k, s), (multiplier, gamma) in zip(faces, table, strict=True):
            push = np.clip(multiplier, -abs(gamma), abs(gamma)) * extended[s]
            gradient[j, k * n : (k + 1) * n] += push[:-1]
            gradient[j, channels * n + k] += push[-1]
    return np.asarray(np.linalg.norm(gradient, axis=1))


def train_ensemble(
    setting: Setting, networks: int, seed: int, executor: Executor | None = None
) -> Ensemble:
    """Train ``networks`` times the setting's share from random starts, each to a stationary point
    of the loss.

    Raises
    ------
    GrammarError: the activation is none (theory.expressions.spelling).
    """
    return train_from(setting, initial(setting, setting.share * networks, seed), executor)


def train_from(setting: Setting, start: NetworkBatch, executor: Executor | None = None) -> Ensemble:
    """Train from given weights, for instance those that ended on coarser radii.

    ``executor``: who trains the chunks; by default this process.  The networks are the same, bit by
        bit.
    """
    count = max(len(start.c), 1)
    size = min(CHUNK, -(-count // SHARES)) if executor else CHUNK
    chunks = [start[begin : begin + size] for begin in range(0, count, size)]
    ensembles = (executor.map if executor else map)(_trained, repeat(setting), chunks)
    return Ensemble.joined(list(ensembles))


def _trained(setting: Setting, start: NetworkBatch) -> Ensemble:
    problem = task(setting)
    networks = len(start.c)
    row = spelled(setting.activation)
    homogeneous, smooth = row.homogeneous, not row.expression.has(*SWITCHES)
    # Homogeneous σ need no more: the descent finishes them.  The long valleys of smooth σ are
    # followed farther in 80 bent steps than in 600 straight ones.
    steps_allowed = 60 if homogeneous else 80 if smooth else 300
    fitted = fit(setting, start, steps_allowed, patience=20, geodesic=smooth and not homogeneous)
    weights, steps, stationary = unpacked(setting, fitted.points), fitted.steps, fitted.retired
    pre = weights.w @ problem.view.windows.T + weights.b[..., None]
    pattern = np.sign(pre).astype(np.int8)
    held: tuple[Faces, ...] = ((),) * networks
    tables: tuple[Array, ...] = (np.zeros((0, 2)),) * networks
    if homogeneous:
        weights, ending, held, tables = _finish(setting, weights)
        pattern, stationary = ending.points.pattern[:, :, 0], ending.stationary
        steps = steps + ending.steps
    loss, _ = loss_gradient(setting, weights)
    gradient = _residual(setting, weights, pattern, held, tables)
    return Ensemble(
        setting, weights.w, weights.b, weights.a, weights.c, start, loss, gradient,
        held, tables, pattern, stationary, steps,
    )  # fmt: skip
