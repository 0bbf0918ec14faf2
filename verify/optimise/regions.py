r"""Finite descent on the kinks: from any weights to a stationary point of the non-smooth loss.

A σ with kinks t_j is g(z) + Σ_j h_j |z - t_j|, g smooth, 2h_j the jump of its slope.  What a
channel adds depends on the products x_k = |a_k| (w_k, b_k, 1) and on s_k = sign a_k alone:

    r̂ = c + Σ_k s_k Σ_s N_s [α_k g(U_s·x_k / α_k) + Σ_j h_j |n_js·x_k|],    n_js = (U_s, -t_j),

U_s the windows with a 1 for the bias, N_s their counts, α_k = |a_k| the last entry of x_k.  (A
positively homogeneous σ has t = 0 and a linear g: α_k is of no account.)

Within a *cell* (the sign of every n_js·x_k) of a piecewise-linear σ, r̂ is affine in (x, c): the
loss is a convex quadratic and least squares gives its minimum; for other σ least squares on the
tangents is a Gauss-Newton step.  On a *face* n_js·x_k = 0 the same holds on a subspace.  Across a
held face the slope of the loss jumps, and its one-sided derivative along d is

    f'(d) = g·d + Σ γ_kjs |n_js·d_k|,     γ_kjs = s_k h_j ∂loss/∂F_ks,

g being the gradient with the mean of both slopes on every held face.  The point is stationary when
f'(d) >= 0 for all d.  For independent faces that means γ >= |λ| with g + Σ λ n = 0: stronger than
Clarke's |γ| >= |λ|, which also admits ridges (γ < 0), from which both sides descend.

The loop: least squares on the face; walk along the step through the cells it crosses; where a kink
stops the walk, hold that face; where the face's minimum is reached, leave it if some f'(d) < 0.
The loss falls with every step and no face's minimum is met twice; that the loop ends is seen, not
proved, and a network that the cap on steps cuts off is reported as not stationary.
Derivation: docs/pulse/endings.md, docs/disk/shares.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from math import comb

import numpy as np
from scipy.linalg import qr
from scipy.optimize import linprog, lsq_linear

from numerics.arithmetic.compile import activation
from numerics.arithmetic.types import Array, Flags, Indices, Signs
from numerics.pulse.sample import Windows
from theory.expressions.spelling import spelled

__all__ = [
    "RANK",
    "Descended",
    "Line",
    "Point",
    "Task",
    "descend",
    "first_minimum",
    "multipliers",
    "release",
    "zero",
]

"""-1, 0 or 1; 0 on a held face."""
EPS = float(np.finfo(float).eps)
RANK = 1e-10
"""Relative size below which a singular value counts as zero.

The matrices are made of windows, counts and slopes alone, never of weights, so they are singular to
rounding or clearly not: over 36 settings the zeros are below 1e-15 and the others above 1e-6."""
NEARLY = 1e-6
"""A vector whose square is within this part of that of its projection is looked at closely: far
more than rounding.
"""
RAYS = 3000
"""Largest number of edge directions that is enumerated."""
FACES = 20_000
"""Largest number of faces that are remembered."""
PROGRAMMES = 300
"""Largest number of held faces, with more edges than that, for which linear
programming takes over.
"""


@dataclass(frozen=True, eq=False)
class Task:
    """Radii (R,) to be fitted by networks with this activation, seen through windows."""

    view: Windows
    radii: Array
    activation: str

    @cached_property
    def straight(self) -> bool:
        """σ is piecewise linear."""
        return spelled(self.activation).piecewise_linear

    @cached_property
    def kinks(self) -> tuple[Array, Array]:
        """t_j and h_j, (J,); one of size 0 where there are none."""
        row = spelled(self.activation)
        half = [float(kink.jump) / 2 for kink in row.kinks] or [0.0]
        return np.array([float(kink.location) for kink in row.kinks] or [0.0]), np.array(half)

    @cached_property
    def mean(self) -> Array:
        """Slope and intercept of g, (2,), for a piecewise-linear σ."""
        pieces = spelled(self.activation).affine_pieces
        return np.array([float(pieces[0][i]) + float(pieces[-1][i]) for i in (2, 3)]) / 2

    @cached_property
    def normals(self) -> Array:
        """n_js, (J, W, n + 2)."""
        last = np.broadcast_to(-self.kinks[0][:, None], (len(self.kinks[0]), len(self.view.rows)))
        return np.concatenate([np.stack([self.view.rows] * len(last)), last[..., None]], axis=2)

    def onto(self, v: Array) -> Array:
        """n_js·v_k, (K, J, W)."""
        flat = v @ self.normals.reshape(-1, v.shape[1]).T
        return flat.reshape(len(v), *self.normals.shape[:2])

    @cached_property
    def distinct(self) -> tuple[Array, Indices]:
        """The distinct normals (distinct, n + 2), and which one each of them is, (J, W)."""
        flat = self.normals.reshape(-1, self.normals.shape[2])
        rows, index = np.unique(flat, axis=0, return_inverse=True)
        return rows, index.reshape(self.normals.shape[:2])

    @cached_property
    def frame(self) -> tuple[Array, Array, Array]:
        """(counts, 1, r); of shared windows in an orthonormal basis of their common span: lengths
        are unchanged.

        Many radii show the filter the same edges, so this span is far smaller than R.
        """
        ones = np.ones(len(self.radii))
        if self.view.starts is not None:
            return self.view.counts, ones, self.radii
        stacked = np.column_stack([self.view.counts, ones, self.radii])
        left, size, _ = np.linalg.svd(stacked, full_matrices=False)
        coordinates = left[:, size > RANK * size[0]].T @ stacked
        return coordinates[:, :-2], coordinates[:, -2], coordinates[:, -1]

    @cached_property
    def windows(self) -> Windows:
        """The windows, counted in the frame."""
        return replace(self.view, counts=self.frame[0])

    @cached_property
    def bounds(self) -> Array:
        """|∂F_ks/∂x_k| is at most this, (W, n + 2), whatever the cell."""
        (t, half), (slope, intercept) = self.kinks, np.abs(self.mean)
        constant = intercept + np.sum(np.abs(half * t))
        rows = (slope + np.sum(np.abs(half))) * np.abs(self.view.rows)
        return np.column_stack([rows, np.full(len(rows), constant)])

    @cached_property
    def mass(self) -> Array:
        """|∂r̂/∂x_k| is at most this, (D, n + 2), by sums of absolute values."""
        return replace(self.windows, counts=np.abs(self.frame[0])).summed(self.bounds.T).T

    @cached_property
    def reach(self) -> Array:
        """How much an error of length 1 in r̂ - r changes ∂loss/∂F_s, at most: (W,)."""
        size = np.linalg.norm(np.atleast_2d(self.frame[0]), axis=0)
        return np.asarray(2 / len(self.radii) * size)

    @cached_property
    def _faces(self) -> dict[bytes, tuple[Flags, Array, Array]]:
        return {}

    def face(self, held: Flags) -> tuple[Flags, Array, Array]:
        """All n_js that vanish where the ``held`` (J, W) do; bases of that space and of its
        complement.

        The bases are orthonormal columns of length n + 2.
        """
        key = np.packbits(held).tobytes()
        if key not in self._faces:
            if len(self._faces) == FACES:
                self._faces.clear()
            few = bool(np.sum(held) < self.normals.shape[2])
            _, size, right = np.linalg.svd(self.normals[held], full_matrices=few)
            rank = int(np.sum(size > RANK * size[0])) if size.size else 0
            free, across = right[rank:].T, right[:rank].T
            # Few normals lie so nearly in the span that their distance from it has to be computed.
            inside = np.sum((self.normals @ across) ** 2, axis=2)
            implied = inside >= (1 - NEARLY) * np.sum(self.normals**2, axis=2)
            implied[implied] = np.linalg.norm(self.normals[implied] @ free, axis=1) <= RANK
            self._faces[key] = (implied, free, across)
        return self._faces[key]


@dataclass(frozen=True, eq=False)
class Point:
    """Where a network is: s_k, the products v (K, n + 2), c, and the sign of each n_js·v_k, (K, J,
    W), 0 on a held face.
    """

    task: Task
    signs: Array
    v: Array
    c: float
    pattern: Signs

    @cached_property
    def faces(self) -> list[tuple[Flags, Array, Array]]:
        """For each channel what :meth:`Task.face` says: (J, W), (n + 2, free), (n + 2, across)."""
        return [self.task.face(signs == 0) for signs in self.pattern]

    @cached_property
    def pre(self) -> Array:
        """n_js·v_k, (K, J, W)."""
        return self.task.onto(self.v)

    @cached_property
    def tangents(self) -> tuple[Array, Array]:
        """Slope and intercept of σ at every pre-activation, (K, W); on a held face the mean of both
        sides.
        """
        t, half = self.task.kinks
        slope, intercept = self.task.mean
        if not self.task.straight:
            sigma, steep = activation(self.task.activation)
            # A channel whose readout weight is 0 adds nothing: its filter counts as 0.
            scale = np.where(self.v[:, -1:] > 0, self.v[:, -1:], 1)
            z = self.v[:, :-1] @ self.task.view.rows.T / scale
            for j, location in enumerate(t):
                z = np.where(self.pattern[:, j] == 0, location, z)
            away = z[:, None] - t[:, None]
            slope = steep(z) - half @ np.sign(away)
            intercept = sigma(z) - half @ np.abs(away) - z * slope
        return slope + half @ self.pattern, intercept - (half * t) @ self.pattern

    @cached_property
    def by_v(self) -> Array:
        """∂r̂/∂v_k, (K, D, n + 2); times v_k it is what the channel adds."""
        slope, intercept = (self.signs[:, None] * values for values in self.tangents)
        last = self.task.windows.summed(intercept)[..., None]
        return np.concatenate([self.task.windows.moments(slope), last], axis=2)

    def added(self, v: Array) -> Array:
        """What each channel adds to r̂ with these products on the same pieces, (K, D)."""
        return np.asarray((self.by_v @ v[..., None])[..., 0])

    @cached_property
    def error(self) -> Array:
        """r̂ - r in the frame, (D,)."""
        _, ones, target = self.task.frame
        return np.asarray(self.added(self.v).sum(axis=0) + self.c * ones - target)

    @cached_property
    def noise(self) -> float:
        """A bound on the length of the error's rounding error."""
        _, ones, target = self.task.frame
        size = np.linalg.norm(self.task.mass @ np.abs(self.v).sum(axis=0))
        size += abs(self.c) * np.linalg.norm(ones) + np.linalg.norm(target)
        return float(np.sqrt(sum(self.task.normals.shape) + len(self.v)) * EPS * size)

    @cached_property
    def columns(self) -> Array:
        """The derivatives of r̂ along the free directions of the channels, (D, free)."""
        return np.hstack([d @ f for d, (_, f, _) in zip(self.by_v, self.faces, strict=True)])

    @cached_property
    def free(self) -> tuple[Array, Array, Array]:
        """Singular vectors and values, but zeros, of these columns and that of c: (D, q), (q,),
        (q, free + 1).
        """
        columns = np.column_stack([self.columns, self.task.frame[1]])
        left, size, right = np.linalg.svd(columns, full_matrices=False)
        rank = int(np.sum(size > RANK * size[0]))
        return left[:, :rank], size[:rank], right[:rank]

    def along(self, z: Array) -> Array:
        """A step by these coordinates in the free directions, (K, n + 2)."""
        parts = np.split(z, np.cumsum([free.shape[1] for _, free, _ in self.faces])[:-1])
        return np.array([f @ part for (_, f, _), part in zip(self.faces, parts, strict=True)])

    def settled(self) -> Point:
        """With the held set closed under linear dependence, and v on it."""
        v, pattern = self.v.copy(), self.pattern.copy()
        for k, (implied, _, across) in enumerate(self.faces):
            pattern[k, implied] = 0
            v[k] -= across @ (across.T @ v[k])
        return replace(self, v=v, pattern=pattern)


def zero(task: Task, v: Array) -> Array:
    """(..., 1, 1): rounding bound of n·v, v (..., n + 2), an inner product of n + 1 terms or one
    more.

    Relative to the whole channel, not to the window: least squares rounds v as a whole.
    """
    size = np.abs(v[..., :-1]).sum(axis=-1) + np.max(np.abs(task.kinks[0])) * np.abs(v[..., -1])
    return np.asarray(4 * (v.shape[-1] - 1) * EPS * size)[..., None, None]


def _on_kinks(point: Point) -> Point:
    """The same with pattern 0 where a pre-activation is on its kink to rounding; all 1 when σ has
    no kink.
    """
    if not np.any(point.task.kinks[1]):
        return replace(point, pattern=np.ones_like(point.pattern))
    near = np.abs(point.pre) <= zero(point.task, point.v)
    return replace(point, pattern=np.where(near, 0, point.pattern).astype(np.int8)).settled()


@dataclass(frozen=True, eq=False)
class Line:
    """A step (dv, dc) from a point; ``leaves``: off its held faces."""

    point: Point
    dv: Array
    dc: float
    leaves: bool = False

    @cached_property
    def rates(self) -> Array:
        """How n_js·v_k changes, (K, J, W); 0 if by rounding only."""
        rates = self.point.task.onto(self.dv)
        return np.where(np.abs(rates) > zero(self.point.task, self.dv), rates, 0.0)

    @cached_property
    def side(self) -> Signs:
        """The pattern (K, J, W) just after the beginning."""
        pattern = self.point.pattern
        if not self.leaves:
            return pattern
        return np.where(pattern == 0, np.sign(self.rates).astype(np.int8), pattern)

    @cached_property
    def added(self) -> Array:
        """How what each channel adds begins to change, (K, D)."""
        added = self.point.added(self.dv)
        if self.leaves:
            left = np.nonzero((self.point.pattern == 0) & (self.rates != 0))
            np.add.at(added, left[0], self.turns(*left).T / 2)
        return added

    @cached_property
    def velocity(self) -> Array:
        """How r̂ begins to change, in the frame, (D,)."""
        return np.asarray(self.added.sum(axis=0) + self.dc * self.point.task.frame[1])

    @cached_property
    def promised(self) -> tuple[float, float]:
        """Where the first cell's quadratic has its minimum, and how much less |r̂ -
        r|² is there.
        """
        down = -float(self.point.error @ self.velocity)
        curve = float(self.velocity @ self.velocity)
        return (down / curve, down**2 / curve) if down > 0 and curve > 0 else (0.0, 0.0)

    def crossings(self, end: float = np.inf) -> tuple[Indices, Indices, Indices, Array]:
        """Channel, kink, window and place (M,) of all that it meets before ``end``, in order."""
        met = np.nonzero(self.side * self.rates < 0)
        when = np.maximum(-self.point.pre[met] / self.rates[met], 0.0)
        near = np.nonzero(when < end)[0]
        order = near[np.argsort(when[near], kind="stable")]
        channel, kink, window = (index[order] for index in met)
        return channel, kink, window, when[order]

    def turns(self, channel: Indices, kink: Indices, window: Indices) -> Array:
        """By how much crossings (M,) turn the velocity of r̂: N_s s_k 2h_j |n_js·dv_k|, (D, M)."""
        task, rates = self.point.task, np.abs(self.rates[channel, kink, window])
        turn = self.point.signs[channel] * (2 * task.kinks[1][kink] * rates)
        return task.windows.columns(window) * turn

    def at(self, length: float, on: tuple[Indices, ...] | None = None) -> Point:
        """So far along it, with the faces ``on`` (channel, kink, window) held."""
        ahead = np.sign(self.point.pre + length * self.rates)
        pattern = np.where(self.rates == 0, self.point.pattern, ahead).astype(np.int8)
        if on is not None:
            pattern[on] = 0
        v, c = self.point.v + length * self.dv, self.point.c + length * self.dc
        return _on_kinks(replace(self.point, v=v, c=c, pattern=pattern))


def first_minimum(line: Line) -> Point:
    """The first local minimum of the loss along a line, exactly, for piecewise-linear σ.

    Along it r̂ is continuous and affine between kinks; each turns its velocity, so all velocities
    and errors are two cumulative sums.
    """
    *met, when = line.crossings()
    turns = np.column_stack([line.velocity, line.turns(*met)])
    velocity = np.cumsum(turns, axis=1)
    # A velocity that cancelled to rounding is none: followed, it would lead far along a valley
    # floor.
    spent = np.cumsum(np.linalg.norm(turns, axis=0))
    velocity = np.where(np.linalg.norm(velocity, axis=0) <= RANK * spent, 0.0, velocity)
    gaps = np.diff(when, prepend=0.0)
    errors = np.cumsum(np.column_stack([line.point.error, velocity[:, :-1] * gaps]), axis=1)
    after = np.sum(errors * velocity, axis=0)
    curve = np.sum(velocity * velocity, axis=0)
    begin, end = np.insert(when, 0, 0.0), np.append(when, np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = np.where(after < 0, begin - after / curve, begin)
    index = int(np.argmax(inner <= end))
    length = float(inner[index])
    stopped = (when == length) & bool(index and after[index] >= 0)
    return line.at(length, tuple(place[stopped] for place in met))


def _kinks(point: Point, k: int) -> tuple[tuple[Indices, Indices], Array, Array, Array]:
    """Held faces of channel k, mean gradient by v_k, γ (held,), and how an error reaches γ (held,).

    An error of length ε in r̂ - r changes γ by at most ε times the last array.
    """
    task, (slope, intercept) = point.task, point.tangents
    force = point.signs[k] * 2 / len(task.radii) * task.windows.adjoint(point.error)
    gradient = np.append((force * slope[k]) @ task.view.rows, force @ intercept[k])
    kink, window = np.nonzero(point.pattern[k] == 0)
    half = task.kinks[1][kink]
    return (kink, window), gradient, force[window] * half, np.abs(half) * task.reach[window]


def _rays(normals: Array) -> Array:
    """Edge directions (rows) of the fan cut by hyperplanes with these normals (rows, full column
    rank).

    A function that is linear on each cone of the fan is >= 0 everywhere iff it is on these edges.
    """
    faces, rank = normals.shape
    if faces == rank:
        half = np.linalg.inv(normals).T
    elif rank == 1:
        half = np.ones((1, 1))
    else:
        chosen = normals[np.array(list(combinations(range(faces), rank - 1)))]
        _, size, right = np.linalg.svd(chosen, full_matrices=True)
        half = right[size[:, -1] > RANK, -1]
    half = half / np.linalg.norm(half, axis=1, keepdims=True)
    return np.vstack([half, -half])


def _candidates(gradient: Array, normals: Array, gamma: Array) -> Array:
    """Directions (rows) worth trying where the edges are too many to list.

    One is exact: if 0 is outside the Clarke subdifferential g + Σ [-|γ|, |γ|] ν, the loss falls
    away from its nearest point.  For the ridges that Clarke admits, minimise the rising part and
    linearise the falling one, min_t (g + Σ_{γ<0} γ sign(ν·t₀) ν) · t + Σ_{γ>0} γ |ν·t| over |t| <=
    1 componentwise, and repeat; where faces are very many, try the edges of independent ones.
    """
    rank = normals.shape[1]
    directions = [-(gradient + _balance(normals, gradient, gamma) @ normals)]
    if len(normals) > PROGRAMMES:
        order = qr(normals.T, mode="r", pivoting=True)[-1]
        directions += list(_rays(normals[order[:rank]]))
        return _unit(directions)
    up, down = gamma > 0, gamma < 0
    rising = normals[up]
    eye = np.eye(len(rising))
    inequality = np.block([[rising, -eye], [-rising, -eye]])
    answers: dict[bytes, Array | None] = {}
    for t in np.vstack([np.eye(rank), -np.eye(rank), -gradient[None]]):
        for _ in range(20):
            sides = np.sign(normals[down] @ t)
            if (key := sides.tobytes()) not in answers:
                x = linprog(
                    np.concatenate([gradient + (gamma[down] * sides) @ normals[down], gamma[up]]),
                    A_ub=inequality,
                    b_ub=np.zeros(len(inequality)),
                    bounds=[(-1, 1)] * rank + [(0, None)] * len(rising),
                ).x
                answers[key] = None if x is None else x[:rank]
            answer = answers[key]
            if answer is None or np.allclose(answer, t, rtol=0, atol=1e-12):
                break
            t = answer
        directions.append(t)
    return _unit(directions)


def _unit(directions: list[Array]) -> Array:
    length = np.linalg.norm(directions, axis=1, keepdims=True)
    return np.asarray(directions / np.where(length > 0, length, 1.0))


def release(point: Point) -> Line | None:
    """The way off the held faces that promises most, or None when nothing descends.

    Normals of different channels are orthogonal, so f' is a sum over channels: each is asked alone.
    """
    task, (left, size, right) = point.task, point.free
    most, chosen = 0.0, None
    for k, (_, _, basis) in enumerate(point.faces):
        rank = basis.shape[1]
        if not rank:
            continue
        held, gradient, gamma, _ = _kinks(point, k)
        rows, index = np.unique(task.distinct[1][held], return_inverse=True)
        normals = task.distinct[0][rows] @ basis
        bend = np.bincount(index, gamma).astype(float)
        slope = basis.T @ gradient
        if len(rows) == rank or comb(len(rows), rank - 1) <= RAYS:
            rays = _rays(normals)
        else:
            rays = _candidates(slope, normals, bend)
        value = rays @ slope + np.abs(rays @ normals.T) @ bend
        sensitivity = np.abs(rays @ basis.T) @ (task.bounds.T @ task.reach)
        # What is left of a sum after cancellation below RANK of its terms is rounding.
        terms = np.abs(rays) @ np.abs(slope) + np.abs(rays @ normals.T) @ np.abs(bend)
        floor = np.maximum(2 * point.noise * sensitivity, RANK * terms)
        ways = rays[value < -floor] @ basis.T
        bent = task.windows.columns(held[1]) * (point.signs[k] * task.kinks[1][held[0]])
        velocity = point.by_v[k] @ ways.T + bent @ np.abs(task.normals[held] @ ways.T)
        curve = np.sum((velocity - left @ (left.T @ velocity)) ** 2, axis=0)
        for way, promised in zip(ways, (point.error @ velocity) ** 2 / curve, strict=True):
            if promised > most:
                most, chosen = promised, (k, way)
    if chosen is None:
        return None
    dv = np.zeros_like(point.v)
    dv[chosen[0]] = chosen[1]
    line = Line(point, dv, 0.0, leaves=True)
    # The free directions make up for it: the step to the minimum beyond the face that it leaves.
    *z, dc = -right.T @ (left.T @ line.velocity / size)
    return replace(line, dv=dv + point.along(np.array(z)), dc=float(dc))


def _least_squares(point: Point) -> tuple[Line, float]:
    """The shortest step to the minimum of the cell's quadratic on the held faces.

    Also the length of the error that it removes: 0 to rounding exactly at the minimum.
    """
    left, size, right = point.free
    removable = left.T @ point.error
    *z, dc = -right.T @ (removable / size)
    return Line(point, point.along(np.array(z)), float(dc)), float(np.linalg.norm(removable))


@dataclass(frozen=True)
class Descended:
    """Where the descent stopped; ``stationary``: no direction descends; ``steps`` taken."""

    point: Point
    stationary: bool
    steps: int


def descend(
    task: Task,
    signs: Array,
    v: Array,
    c: float,
    cap: int = 2000,
    walk: Callable[[Line], Point] = first_minimum,
    promise: float = 0.0,
) -> Descended:
    """Go down from products v (K, n + 2) and c, with the signs (K,) of the readout weights.

    ``walk``: how far to go along a line.  A step that promises no more than ``promise`` of the loss
        is
    none: with 0, ``stationary`` is meant to rounding.  It is False only when ``cap`` steps did not
    suffice, or a walk led nowhere.
    """
    point = _on_kinks(Point(task, signs, v, c, np.sign(task.onto(v)).astype(np.int8)))
    for step in range(cap + 1):
        line, removable = _least_squares(point)
        loss = float(point.error @ point.error)
        if removable <= max(point.noise, (promise * loss) ** 0.5):
            out = None if loss <= point.noise**2 else release(point)
            if out is None or out.promised[1] <= promise * loss:
                return Descended(_refined(point), True, step)
            line = out
        there = walk(line)
        if there is point:
            break
        point = there
    return Descended(point, False, step)


def _refined(point: Point) -> Point:
    """One more least-squares step within the cell, taken if it makes the error smaller."""
    line, _ = _least_squares(point)
    there = replace(point, v=point.v + line.dv, c=point.c + line.dc)
    outside = (point.pattern != 0) & (np.sign(there.pre) != point.pattern)
    better = np.linalg.norm(there.error) < np.linalg.norm(point.error)
    return there if better and not np.any(outside) else point


def multipliers(point: Point) -> tuple[tuple[tuple[int, int], ...], Array]:
    """Every held face (k, s) of a σ with one kink, with its (λ, γ), shape (faces, 2), in the
    coordinates v_k.

    λ solves g_k + Σ_s λ_s n_s = 0; where faces depend on each other, within |λ_s| <= |γ_s|.
    A face whose γ is no larger than its rounding is idle: both numbers are 0, the loss is smooth.
    """
    faces: list[tuple[int, int]] = []
    tables = [np.zeros((0, 2))]
    for k in range(len(point.v)):
        (kink, window), gradient, gamma, reach = _kinks(point, k)
        faces += [(k, int(s)) for s in window]
        table = np.zeros((len(window), 2))
        active = np.abs(gamma) > reach * point.noise
        if np.any(active):
            normals = point.task.normals[kink[active], window[active]]
            table[active, 1] = gamma[active]
            table[active, 0] = _balance(normals, gradient, gamma[active])
        tables.append(table)
    return tuple(faces), np.vstack(tables)


def _balance(normals: Array, gradient: Array, gamma: Array) -> Array:
    """λ nearest to gradient + λ · normals = 0; within |λ| <= |γ| when it is not unique."""
    if np.linalg.matrix_rank(normals, RANK) == len(normals):
        return np.asarray(np.linalg.lstsq(normals.T, -gradient, rcond=RANK)[0])
    scaled = normals.T * gamma
    share = np.linalg.lstsq(scaled, -gradient, rcond=RANK)[0]
    if np.max(np.abs(share)) > 1:
        # In units of the largest slope, which the solver's own tolerances assume.
        unit = np.max(np.abs(gamma))
        share = lsq_linear(scaled / unit, -gradient / unit, (-1, 1), method="bvls", tol=EPS).x
    return np.asarray(gamma * np.clip(share, -1, 1))
