r"""Networks on disks finished on their kinks: where a smooth trainer stalls, hold the face and go
on along it.

The descent is that of :mod:`verify.optimise.regions`, with walks of its own.  Hundreds of pixels
lie on two faces at once, the dark one b_k = t and the lit one S_k + b_k = t; but thousands of
windows have kinks that are small and all different.  So a walk does not end at the first minimum.
A step is damped, and taken whole if the loss falls by a quarter of what it promises, whatever kinks
it crosses; else it ends at the lowest place that is found along it, with the best readout at each.

A promise is L'²/(2C), C the curvature of Gauss-Newton; a network has ended where none is larger
than :data:`PROMISE` of the loss.  Of a face with very many edges not all are tried: "ended" then
means that none of those tried descends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from numerics.arithmetic.compile import activation
from numerics.arithmetic.regression import RANK, regression
from numerics.arithmetic.types import Array, Flags, Indices
from numerics.pulse.sample import Windows
from theory.expressions.spelling import spelled
from verify.disk.ensemble import INTERPOLATED, LARGEST, State, filters_of, nets_of, read, state
from verify.models.problem import NetworkBatch
from verify.optimise.regions import Line, Point, Task, descend

__all__ = ["PROMISE", "Finished", "finish"]


PROMISE = 1e-8
"""A step that promises less than this part of the loss is none: six digits of the loss are settled
with room to spare.
"""
TRIES = 16
"""Places tried at once along a step."""
FIRST, LEAST = 1e-3, 1e-9
"""The damping of the first step, and the least."""


@dataclass(frozen=True)
class Finished:
    """Networks and how they ended.

    Attributes
    ----------
    nets: the networks.
    stalled, loss: the loss before and after, (B,).
    ended: none of the ways tried promises more than :data:`PROMISE` of the loss, (B,).
    dark, lit, single: on how many faces of each sort the channels lie, (B,); single ones are
        independent of the others.
    steps: accepted steps (B,).
    """

    nets: NetworkBatch
    stalled: Array
    loss: Array
    ended: Flags
    dark: Indices
    lit: Indices
    single: Indices
    steps: Indices


def _filters(v: Array) -> Array:
    """Products (B, K, n² + 2) as filters with their biases."""
    return np.asarray(v[..., :-1] / np.where(v[..., -1:] > 0, v[..., -1:], 1))


def _judged(now: State) -> State:
    """The loss is infinite where a weight is too large."""
    large = np.maximum(np.abs(now.conv).max(axis=(1, 2)), np.abs(now.a).max(axis=1)) > LARGEST
    return replace(now, loss=np.where(large, np.inf, now.loss))


def _state(task: Task, v: Array) -> State:
    """Products with their best readout."""
    sigma = activation(task.activation)[0]
    return _judged(state(_filters(v), task.view, task.radii, sigma))


def _read(now: State, r: Array) -> tuple[Array, Array, float]:
    """s_k, products and c of one network with its best readout."""
    a, ones = now.a[0], np.ones((len(now.a[0]), 1))
    c = float(r.mean() - a @ now.features[0].mean(axis=-1))
    return np.where(a < 0, -1.0, 1.0), np.abs(a)[:, None] * np.hstack([now.conv[0], ones]), c


@dataclass
class _Walk:
    """Damped steps of one network, which is ``now`` there."""

    now: State
    damping: float = FIRST

    def __call__(self, line: Line) -> Point:
        """The place where a step ends, with its best readout; the old one if the loss
        is not less.
        """
        task, point = line.point.task, line.point
        if not line.leaves:
            damped = _damped(point, self.damping)
            if damped.promised[1] > PROMISE * float(point.error @ point.error):
                line = damped
        end, promised = line.promised
        length, on = end, None
        ahead = _state(task, (point.v + end * line.dv)[None])
        if ahead.loss[0] < self.now.loss[0] - promised / len(task.radii) / 4:
            self.damping = max(self.damping / 3, LEAST)
        else:
            *met, when = line.crossings(end)
            length = _lowest(_losses(line, tuple(met), when), when, end)
            length = length or float(np.min(when, initial=end))
            on = tuple(place[when == length] for place in met)
            ahead = _state(task, (point.v + length * line.dv)[None])
            self.damping *= 2 if length < 0.1 * end else 1
        if ahead.loss[0] > self.now.loss[0] * (1 + 1e-12):
            return point
        self.now = ahead
        signs, v, c = _read(ahead, task.radii)
        return replace(line.at(length, on), signs=signs, v=v, c=c)


def _damped(point: Point, damping: float) -> Line:
    """A damped Gauss-Newton step on the faces, for the best readout (variable projection)."""
    added = point.added(point.v)
    readout = np.column_stack([np.ones(added.shape[1]), added.T])
    made_up = np.linalg.lstsq(readout, point.columns, rcond=RANK)[0]
    columns = point.columns - readout @ made_up
    own = np.sum(columns**2, axis=0)
    size = np.maximum(own, 1e-9 * own.max(initial=0) + 1e-30)
    normal = columns.T @ columns + damping * np.diag(size)
    z = -np.linalg.solve(normal, columns.T @ point.error)
    dc, *scale = -(made_up @ z)
    return Line(point, point.along(z) + np.array(scale)[:, None] * point.v, float(dc))


def _losses(line: Line, met: tuple[Indices, ...], when: Array) -> Callable[[Array], Array]:
    """The loss at places (T,) along a line, with the best readout at each.

    For piecewise-linear σ what a channel adds is straight between kinks: F(τ) = F + τF' + Σ_s J_s
    (τ - τ_s)_+, s the windows met.
    """
    point, task = line.point, line.point.task

    def along(places: Array) -> Array:
        return np.asarray(point.v + places[:, None, None] * line.dv)

    if not task.straight:
        return lambda places: _state(task, along(places)).loss
    begin, slope, turns = point.added(point.v), line.added, line.turns(*met)
    own = [met[0] == k for k in range(len(begin))]

    def losses(places: Array) -> Array:
        features = begin + places[:, None, None] * slope
        bends = np.maximum(places[:, None] - when, 0)
        for k, mine in enumerate(own):
            features[:, k] += bends[:, mine] @ turns[:, mine].T
        return _judged(read(_filters(along(places)), features, task.radii)).loss

    return losses


def _lowest(losses: Callable[[Array], Array], kinks: Array, end: float) -> float:
    """The lowest found of the kinks before ``end``, the middles between them and shorter and
    shorter steps; 0 if none gains.
    """
    ends, halves = np.concatenate([[0.0], kinks, [end]]), end * 0.5 ** np.arange(1, 31)
    places = np.unique(np.concatenate([ends, (ends[1:] + ends[:-1]) / 2, halves]))
    coarse = np.linspace(0, len(places) - 1, 2 * TRIES).astype(int)
    some = np.unique(np.concatenate([coarse, np.searchsorted(places, halves[::2])]))
    while True:
        values = losses(places[some])
        best = int(np.argmin(values))
        low, high = some[max(best - 1, 0)], some[min(best + 1, len(some) - 1)]
        if high - low <= 2:
            return float(places[some[best]])
        some = np.unique(np.append(np.linspace(low, high, TRIES).astype(int), some[best]))


def _along_face(point: Point) -> float:
    """What the held faces' columns, each scaled to length 1, promise of |r̂ - r|²: directions that
    the descent takes for rounding count.
    """
    columns = point.columns - point.columns.mean(axis=0)
    size = np.abs(point.columns).max(axis=0, initial=0)
    heavy = np.linalg.norm(columns, axis=0) > RANK * size
    basis = regression(columns * heavy, point.error).basis
    return float(np.sum((basis.T @ point.error) ** 2))


def finish(name: str, nets: NetworkBatch, windows: Windows, r: Array, cap: int = 120) -> Finished:
    """Go on from networks trained on the radii r (R,) with at most ``cap`` steps each; where σ has
    no kinks, or jumps, they stay as they are and none has ended.
    """
    task, row, count = Task(windows, r, name), spelled(name), len(nets.c)
    sigma, conv = activation(name)[0], filters_of(nets)
    before = state(conv, windows, r, sigma)
    ended = np.zeros(count, dtype=bool)
    dark, lit, single, steps = (np.zeros(count, dtype=np.intp) for _ in range(4))
    for j in range(count if row.kinks and not row.jumps else 0):
        # A channel with a = 0 answers nothing, whatever its filter: it stays.
        live = np.nonzero(before.a[j])[0]
        ended[j] = not len(live)
        if ended[j] or before.loss[j] < INTERPOLATED:
            continue
        now = _state(task, np.dstack([conv[j : j + 1, live], np.ones((1, len(live)))]))
        ending = descend(task, *_read(now, r), cap, _Walk(now), PROMISE)
        conv[j, live], steps[j] = _filters(ending.point.v), ending.steps
        # Through all radii: nothing to be learned, and no rest either.
        point, size = ending.point, float(ending.point.error @ ending.point.error)
        rest = _along_face(point) <= PROMISE * size and size > INTERPOLATED * len(r)
        ended[j] = ending.stationary and rest
        for held, (_, _, across) in zip(ending.point.pattern == 0, ending.point.faces, strict=True):
            taps = windows.windows[np.any(held, axis=0)]
            at_dark, at_lit = (int(np.any(np.all(taps == shade, axis=1))) for shade in (0, 1))
            dark[j], lit[j] = dark[j] + at_dark, lit[j] + at_lit
            single[j] += across.shape[1] - at_dark - at_lit
    after = state(conv, windows, r, sigma)
    nets = nets_of(after, r) if np.any(steps) else nets
    return Finished(nets, before.loss, after.loss, ended, dark, lit, single, steps)
