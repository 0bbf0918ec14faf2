r"""The descent of :mod:`verify.optimise.regions` for many networks at once, for piecewise-linear σ.

Shapes: B networks, K channels, J kinks, W windows, D numbers in the frame, and n + 2 numbers in a
    product x_k.
Steps within a face, walks to the first minimum and the last refinement are made for all networks
together, each by matrix products of its own: a network's bits do not depend on its neighbours.
Where a network is to leave its faces, :func:`verify.optimise.regions.release` is asked for it
alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from numerics.arithmetic.types import Array, Flags, Indices, Signs
from verify.optimise.regions import RANK, Point, Task, first_minimum, release, zero

__all__ = ["DescendedBatch", "Points", "descend_batch"]

FEW = 12
"""Kinks of a walk that are looked at first."""


@dataclass(frozen=True, eq=False)
class Points:
    """Where B networks are: as :class:`verify.optimise.regions.Point`, with one more axis in front.

    ``free``: the projections (B, K, n + 2, n + 2) on the spaces of what keeps the held faces.
    """

    task: Task
    signs: Array
    v: Array
    c: Array
    pattern: Signs
    free: Array

    def __getitem__(self, chosen: Indices | Flags) -> Points:
        signs, v, c = self.signs[chosen], self.v[chosen], self.c[chosen]
        return Points(self.task, signs, v, c, self.pattern[chosen], self.free[chosen])

    def point(self, j: int) -> Point:
        """Network j alone."""
        return Point(self.task, self.signs[j], self.v[j], float(self.c[j]), self.pattern[j])

    @cached_property
    def pre(self) -> Array:
        """n_js·v_k, (B, K, J, W)."""
        return _onto(self.task, self.v)

    @cached_property
    def by_v(self) -> Array:
        """∂r̂/∂v_k, (B, K, D, n + 2)."""
        (t, half), (slope, intercept) = self.task.kinks, self.task.mean
        signs = self.signs[..., None]
        slopes = self.task.windows.moments(signs * (slope + half @ self.pattern))
        last = self.task.windows.summed(signs * (intercept - (half * t) @ self.pattern))
        return np.concatenate([slopes, last[..., None]], axis=3)

    def added(self, v: Array) -> Array:
        """What the channels add to r̂ with these products on the same pieces, (B, D)."""
        return np.asarray((self.by_v @ v[..., None])[..., 0].sum(axis=1))

    def error(self, v: Array, c: Array) -> Array:
        """r̂ - r in the frame, (B, D), of these products and c on the same pieces."""
        _, ones, target = self.task.frame
        return np.asarray(self.added(v) + c[:, None] * ones - target)

    @cached_property
    def noise(self) -> Array:
        """Bounds on the lengths of the errors' rounding errors, (B,)."""
        _, ones, target = self.task.frame
        mass = np.abs(self.v).sum(axis=1)[:, None] @ self.task.mass.T
        size = np.linalg.norm(mass[:, 0], axis=1)
        size += np.abs(self.c) * np.linalg.norm(ones) + np.linalg.norm(target)
        terms = sum(self.task.normals.shape) + self.v.shape[1]
        return np.asarray(np.sqrt(terms) * np.finfo(float).eps * size)

    def least_squares(self) -> tuple[Array, Array, Array, Array]:
        """The shortest steps (dv, dc) to the cells' minima on the held faces, the errors, the
        lengths removed.
        """
        count, ones = len(self.c), self.task.frame[1]
        columns = np.empty((count, len(ones), self.v[0].size + 1))
        columns[..., :-1] = (self.by_v @ self.free).swapaxes(1, 2).reshape(count, len(ones), -1)
        columns[..., -1] = ones
        left, size, right = np.linalg.svd(columns, full_matrices=False)
        kept = size > RANK * size[:, :1]
        error = self.error(self.v, self.c)
        removable = np.where(kept, (error[:, None] @ left)[:, 0], 0.0)
        z = removable / np.where(kept, size, 1.0)
        step = -(z[:, None] @ right)[:, 0]
        dv = (self.free @ step[:, :-1].reshape(*self.v.shape, 1))[..., 0]
        return dv, step[:, -1], error, np.linalg.norm(removable, axis=1)


def _onto(task: Task, v: Array) -> Array:
    flat = v @ task.normals.reshape(-1, v.shape[-1]).T
    return np.asarray(flat.reshape(*v.shape[:-1], *task.normals.shape[:2]))


def _on_kinks(task: Task, signs: Array, v: Array, c: Array, pattern: Signs) -> Points:
    """With the faces held where a pre-activation is on its kink to rounding, and v on them."""
    pattern = np.where(np.abs(_onto(task, v)) <= zero(task, v), 0, pattern).astype(np.int8)
    if not np.any(task.kinks[1]):
        pattern = np.ones_like(pattern)
    width = v.shape[-1]
    held = (pattern == 0).reshape(-1, *pattern.shape[2:])
    free = np.broadcast_to(np.eye(width), (len(held), width, width)).copy()
    across = np.zeros_like(free)
    some = np.nonzero(np.any(held, axis=(1, 2)))[0]
    for i in some.tolist():
        implied, within, beyond = task.face(held[i])
        held[i] = implied
        free[i], across[i] = within @ within.T, beyond @ beyond.T
    free, across = (each.reshape(*v.shape, width) for each in (free, across))
    pattern = np.where(held.reshape(pattern.shape), 0, pattern).astype(np.int8)
    return Points(task, signs, v - (across @ v[..., None])[..., 0], c, pattern, free)


def _first_minima(points: Points, dv: Array, dc: Array, error: Array) -> Points:
    """:func:`verify.optimise.regions.first_minimum` along one step each, on the held faces."""
    task, count = points.task, len(points.c)
    rates = _onto(task, dv)
    rates = np.where(np.abs(rates) > zero(task, dv), rates, 0.0)
    meets = points.pattern * rates < 0
    with np.errstate(divide="ignore", invalid="ignore"):
        when = np.where(meets, np.maximum(-points.pre / rates, 0.0), np.inf).reshape(count, -1)
    turn = 2 * task.kinks[1][:, None] * np.abs(rates) * points.signs[..., None, None]
    turn = np.where(meets, turn, 0.0).reshape(count, -1)
    velocity = points.added(dv) + dc[:, None] * task.frame[1]
    order = np.argsort(when, axis=1, kind="stable")
    most = meets.reshape(count, -1).sum(axis=1)
    length, stops = np.zeros((count, 1)), np.zeros((count, 1), dtype=bool)
    # Most walks end at one of the first kinks: the later ones are looked at where they matter.
    left, few = np.arange(count), FEW
    while len(left):
        near = order[left, :few]
        length[left], stops[left], passed = _along(
            task,
            velocity[left],
            error[left],
            np.take_along_axis(when[left], near, axis=1),
            np.take_along_axis(turn[left], near, axis=1),
            near % meets.shape[-1],
        )
        left, few = left[passed & (most[left] > few)], order.shape[1]
    ahead = np.sign(points.pre + length[..., None, None] * rates)
    pattern = np.where(rates == 0, points.pattern, ahead)
    stopped = ((when == length) & stops).reshape(pattern.shape)
    pattern = np.where(stopped, 0, pattern).astype(np.int8)
    v, c = points.v + length[..., None] * dv, points.c + length[:, 0] * dc
    return _on_kinks(task, points.signs, v, c, pattern)


def _along(
    task: Task, velocity: Array, error: Array, when: Array, turn: Array, window: Indices
) -> tuple[Array, Flags, Flags]:
    """How far the first minima are, (B, 1), whether at a kink, (B, 1), and whether beyond all these
    kinks, (B,).

    ``velocity`` and ``error`` (B, D) at the beginning; ``when`` the kinks are met, in their order,
    by how much each turns the velocity, along the counts of its ``window``; inf and 0 where there
    is none.
    """
    turns = task.windows.counts.T[window] * turn[..., None]
    turns = np.concatenate([velocity[:, None], turns], axis=1)
    velocities = np.cumsum(turns, axis=1)
    # A velocity that cancelled to rounding is none: followed, it would lead far along a valley
    # floor.
    spent = np.cumsum(np.linalg.norm(turns, axis=2), axis=1)
    nothing = np.linalg.norm(velocities, axis=2) <= RANK * spent
    velocities = np.where(nothing[..., None], 0.0, velocities)
    places = np.where(np.isfinite(when), when, 0.0)
    gaps = np.maximum(np.diff(places, prepend=0.0, axis=1), 0.0)
    errors = np.concatenate([error[:, None], velocities[:, :-1] * gaps[..., None]], axis=1)
    after = np.sum(np.cumsum(errors, axis=1) * velocities, axis=2)
    curve = np.sum(velocities * velocities, axis=2)
    begins = np.concatenate([np.zeros((len(when), 1)), when], axis=1)
    ends = np.concatenate([when, np.full((len(when), 1), np.inf)], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = np.where(after < 0, begins - after / curve, begins)
    index = np.argmax(inner <= ends, axis=1)[:, None]
    stops = (index > 0) & (np.take_along_axis(after, index, axis=1) >= 0)
    return np.take_along_axis(inner, index, axis=1), stops, index[:, 0] == when.shape[1]


def _refined(points: Points, dv: Array, dc: Array, error: Array) -> Points:
    """One more least-squares step within the cell, taken where it makes the error smaller."""
    v, c = points.v + dv, points.c + dc
    pattern = points.pattern
    outside = (pattern != 0) & (np.sign(_onto(points.task, v)) != pattern)
    better = np.linalg.norm(points.error(v, c), axis=1) < np.linalg.norm(error, axis=1)
    taken = better & ~np.any(outside, axis=(1, 2, 3))
    v = np.where(taken[:, None, None], v, points.v)
    return replace(points, v=v, c=np.where(taken, c, points.c))


@dataclass(frozen=True, eq=False)
class DescendedBatch:
    """Where the descents stopped: products and c, signs, and, each (B,), how.

    Attributes
    ----------
    exact: the error is rounding.
    stationary, steps: as in :class:`verify.optimise.regions.Descended`.
    """

    points: Points
    exact: Flags
    stationary: Flags
    steps: Indices


def descend_batch(task: Task, signs: Array, v: Array, c: Array, cap: int = 2000) -> DescendedBatch:
    """Go down from products v (B, K, n + 2) and c (B,), with the signs (B, K) of the readout
    weights.
    """
    now = _on_kinks(task, signs, v, c, np.sign(_onto(task, v)).astype(np.int8))
    live = np.arange(len(c))
    ends: list[tuple[Indices, Points, Flags, int, bool]] = []
    for step in range(cap + 1):
        dv, dc, error, removable = now.least_squares()
        exact = np.sum(error * error, axis=1) <= now.noise**2
        lowest = removable <= now.noise
        released = dict(_released(now, np.nonzero(lowest & ~exact)[0]))
        ended = lowest.copy()
        ended[list(released)] = False
        if np.any(ended):
            refined = _refined(now[ended], dv[ended], dc[ended], error[ended])
            ends.append((live[ended], refined, exact[ended], step, True))
        if step == cap or np.all(ended):
            break
        walking = np.nonzero(~lowest)[0]
        there = [_alone(point) for point in released.values()]
        if len(walking):
            far = now[walking], dv[walking], dc[walking], error[walking]
            there = [_first_minima(*far), *there]
        order = np.concatenate([walking, np.array(list(released), dtype=int)])
        live, now = live[order], _joined(there)
    if not np.all(ended):
        ends.append((live[~ended], now[~ended], exact[~ended], cap, False))
    order = np.argsort(np.concatenate([index for index, *_ in ends]))
    return DescendedBatch(
        _joined([points for _, points, *_ in ends])[order],
        np.concatenate([exact for *_, exact, _, _ in ends])[order],
        np.concatenate([np.full(len(index), way) for index, *_, way in ends])[order],
        np.concatenate([np.full(len(index), step) for index, *_, step, _ in ends])[order],
    )


def _released(points: Points, chosen: Indices) -> Iterator[tuple[int, Point]]:
    """Those of the chosen networks that a way leads down from, with its first minimum."""
    for j in chosen.tolist():
        if np.any(points.pattern[j] == 0) and (line := release(points.point(j))) is not None:
            yield j, first_minimum(line)


def _alone(point: Point) -> Points:
    """One network as a batch."""
    free = np.array([free @ free.T for _, free, _ in point.faces])
    signs, v, c = point.signs[None], point.v[None], np.array([point.c])
    return Points(point.task, signs, v, c, point.pattern[None], free[None])


def _joined(batches: list[Points]) -> Points:
    signs, v, c, pattern, free = (
        np.concatenate([getattr(each, name) for each in batches])
        for name in ("signs", "v", "c", "pattern", "free")
    )
    return Points(batches[0].task, signs, v, c, pattern, free)
