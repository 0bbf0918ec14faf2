r"""Finite descent on the kinks: from any weights to a stationary point of the non-smooth loss.

For σ with σ(tz) = tσ(z), t > 0, put v_k = |a_k| (w_k, b_k) and s_k = sign a_k.  With the distinct
windows U_s (a 1 appended for the bias) and their counts,

    r̂ = c + Σ_k s_k Σ_s counts_s σ(U_s · v_k).

Within a *cell* (the sign of every U_s · v_k) r̂ is affine in (v, c): the loss is a convex quadratic
and least squares gives its minimum.  On a *face* U_s · v_k = 0 the same holds on a subspace.
Across a held face the slope of the loss jumps, and its one-sided derivative along d is

    f'(d) = g · d + Σ_s γ_s |U_s · d|,     γ_s = s_k (σ'₊ - σ'₋)/2 · ∂loss/∂F_k,s,

g being the gradient with the mean of both slopes on every held face.  The point is stationary when
f'(d) >= 0 for all d.  For independent faces that means γ_s >= |λ_s| with g + Σ λ_s U_s = 0:
stronger than Clarke's |γ_s| >= |λ_s|, which also admits ridges (γ_s < 0), from which both sides
descend.

The loop: least squares on the face; walk along the step, exactly, through the cells it crosses;
where a kink stops the walk, hold that face; where the face's minimum is reached, leave it if some
f'(d) < 0. The loss falls with every step and no face's minimum is met twice; that the loop ends is
seen, not proved, and a network that the cap on steps cuts off is reported as not stationary.
Derivation: docs/pulse/endings.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog, lsq_linear

from numerics.arithmetic.types import Array, Flags, Indices
from numerics.pulse.sample import Windows

__all__ = ["Descended", "Task", "descend", "multipliers"]

Signs = NDArray[np.int8]
EPS = float(np.finfo(float).eps)
RANK = 1e-10
"""Relative size below which a singular value counts as zero.

The matrices are made of windows, counts and slopes alone, never of weights, so they are singular to
rounding or clearly not: over 36 settings the zeros are below 1e-15 and the others above 1e-6."""
RAYS = 3000
"""Largest number of edge directions that is enumerated; beyond it linear programming takes over."""


@dataclass(frozen=True, eq=False)
class Task:
    """Radii to be fitted, seen through distinct windows.

    ``view``: windows with their counts (R, W); ``radii`` (R,); ``slopes`` = (σ'₋, σ'₊).
    """

    view: Windows
    radii: Array
    slopes: tuple[float, float]

    @cached_property
    def frame(self) -> tuple[Array, Array, Array]:
        """(counts, 1, r) in an orthonormal basis of their common span: lengths are unchanged.

        Many radii show the filter the same edges, so this span is far smaller than R.
        """
        ones = np.ones((len(self.radii), 1))
        stacked = np.hstack([self.view.counts, ones, self.radii[:, None]])
        left, size, _ = np.linalg.svd(stacked, full_matrices=False)
        coordinates = left[:, size > RANK * size[0]].T @ stacked
        return coordinates[:, :-2], coordinates[:, -2], coordinates[:, -1]

    @cached_property
    def _faces(self) -> dict[bytes, tuple[Flags, Array, Array]]:
        return {}

    def face(self, held: Flags) -> tuple[Flags, Array, Array]:
        """All windows that vanish where the ``held`` (W,) do; bases of that space and of its
        complement.

        The bases are orthonormal columns of length n+1.
        """
        key = held.tobytes()
        if key not in self._faces:
            _, size, right = np.linalg.svd(self.view.rows[held], full_matrices=True)
            rank = int(np.sum(size > RANK * size[0])) if size.size else 0
            free, across = right[rank:].T, right[:rank].T
            implied = np.linalg.norm(self.view.rows @ free, axis=1) <= RANK
            self._faces[key] = (implied, free, across)
        return self._faces[key]


@dataclass(frozen=True)
class Descended:
    """Where the descent stopped.

    ``v`` (K, n+1), ``c``; ``pattern`` (K, W) the sign of each pre-activation, 0 on a held face;
    ``stationary``: no direction descends; ``steps`` taken.
    """

    v: Array
    c: float
    pattern: Signs
    stationary: bool
    steps: int


@dataclass(frozen=True)
class _State:
    v: Array
    c: float
    pattern: Signs


def _slopes(task: Task, pattern: Signs) -> Array:
    """σ' per pre-activation; on a held face the mean of both sides."""
    low, high = task.slopes
    return np.asarray((low + high) / 2 + (high - low) / 2 * pattern)


def _zero(task: Task, v: Array) -> Array:
    """(K, 1): rounding bound of U · v, an inner product of n+1 terms with |U| <= 1.

    Relative to the whole channel, not to the window: least squares rounds v as a whole.
    """
    return np.asarray(4 * task.view.rows.shape[1] * EPS * np.sum(np.abs(v), 1, keepdims=True))


def _settle(
    task: Task, v: Array, c: float, pattern: Signs
) -> tuple[_State, list[Array], list[Array]]:
    """Close the held set under linear dependence, put v on it, and return each channel's bases."""
    v, pattern = v.copy(), pattern.copy()
    free, across = [], []
    for k in range(len(v)):
        implied, basis, normals = task.face(pattern[k] == 0)
        pattern[k, implied] = 0
        if normals.shape[1]:
            v[k] -= normals @ (normals.T @ v[k])
        free.append(basis)
        across.append(normals)
    return _State(v, c, pattern), free, across


def _error(task: Task, signs: Array, state: _State) -> tuple[Array, float]:
    """r̂ - r in the frame, and a bound on the length of its rounding error."""
    counts, ones, target = task.frame
    pre = np.where(state.pattern == 0, 0.0, state.v @ task.view.rows.T)
    response = (signs[:, None] * _slopes(task, state.pattern) * pre).sum(axis=0)
    error = counts @ response + state.c * ones - target
    mass = (np.abs(state.v) @ np.abs(task.view.rows).T).sum(axis=0) * max(map(abs, task.slopes))
    size = np.linalg.norm(np.abs(counts) @ mass) + abs(state.c) * np.linalg.norm(ones)
    terms = sum(task.view.rows.shape) + len(signs)
    return error, float(np.sqrt(terms) * EPS * (size + np.linalg.norm(target)))


def _walk(
    task: Task, signs: Array, state: _State, error: Array, dv: Array, dc: float
) -> tuple[float, Signs]:
    """First local minimum of the loss along (dv, dc): the step length and the pattern there.

    Along the ray r̂ is continuous and affine between breakpoints; each crossing turns its velocity
    by (σ'₊ - σ'₋)|U · dv| s_k counts_s, so all velocities and errors are two cumulative sums.
    """
    counts, ones, _ = task.frame
    pre, speed = state.v @ task.view.rows.T, dv @ task.view.rows.T
    moving = np.abs(speed) > _zero(task, dv)
    speed = np.where(moving, speed, 0.0)
    side = np.where(state.pattern == 0, np.sign(speed), state.pattern).astype(np.int8)
    ahead = moving & (side * speed < 0)
    channel, window = np.nonzero(ahead)
    when = np.maximum(-pre[ahead] / speed[ahead], 0.0)
    order = np.argsort(when, kind="stable")
    channel, window, when = channel[order], window[order], when[order]
    start = counts @ (signs[:, None] * _slopes(task, side) * speed).sum(axis=0) + dc * ones
    turn = (task.slopes[1] - task.slopes[0]) * signs[channel] * np.abs(speed[channel, window])
    turns = np.column_stack([start, counts[:, window] * turn])
    velocity = np.cumsum(turns, axis=1)
    # A velocity that cancelled to rounding is none: followed, it would lead far along a valley floor.
    spent = np.cumsum(np.linalg.norm(turns, axis=0))
    velocity = np.where(np.linalg.norm(velocity, axis=0) <= RANK * spent, 0.0, velocity)
    gaps = np.diff(when, prepend=0.0)
    errors = np.cumsum(np.column_stack([error, velocity[:, :-1] * gaps]), axis=1)
    after = np.sum(errors * velocity, axis=0)
    curve = np.sum(velocity * velocity, axis=0)
    last = np.append(when, np.inf)
    begin = np.insert(when, 0, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = np.where(after < 0, begin - after / curve, begin)
    stops = inner <= last
    index = int(np.argmax(stops))
    length = float(inner[index])
    pattern = side.copy()
    passed = slice(0, index)
    pattern[channel[passed], window[passed]] *= -1
    at_kink = when == length
    if index and after[index] >= 0:
        pattern[channel[at_kink], window[at_kink]] = 0
    still = (state.pattern == 0) & ~moving
    pattern[still] = 0
    return length, pattern


def _kinks(
    task: Task, signs: Array, state: _State, error: Array, k: int
) -> tuple[Indices, Array, Array, Array]:
    """Held windows of channel k, mean gradient (n+1,), γ (held,), and how an error reaches γ (W,).

    An error of length ε in r̂ - r changes the slope of the loss by a window's feature by at most
    ε times the last array.
    """
    counts, _, _ = task.frame
    force = signs[k] * 2 / len(task.radii) * (counts.T @ error)
    gradient = (force * _slopes(task, state.pattern[k])) @ task.view.rows
    held = np.nonzero(state.pattern[k] == 0)[0]
    gamma = force[held] * (task.slopes[1] - task.slopes[0]) / 2
    reach = 2 / len(task.radii) * np.linalg.norm(counts, axis=0)
    return held, gradient, gamma, reach


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
    1 componentwise, and repeat.
    """
    rank = normals.shape[1]
    up, down = gamma > 0, gamma < 0
    rising = normals[up]
    eye = np.eye(len(rising))
    inequality = np.block([[rising, -eye], [-rising, -eye]])
    nearest = gradient + _balance(normals, gradient, gamma) @ normals
    directions = [-nearest]
    for t in np.vstack([np.eye(rank), -np.eye(rank), -gradient[None]]):
        for _ in range(20):
            tilt = gradient + (gamma[down] * np.sign(normals[down] @ t)) @ normals[down]
            answer = linprog(
                np.concatenate([tilt, gamma[up]]),
                A_ub=inequality,
                b_ub=np.zeros(len(inequality)),
                bounds=[(-1, 1)] * rank + [(0, None)] * len(rising),
            )
            if answer.x is None or np.allclose(answer.x[:rank], t, rtol=0, atol=1e-12):
                break
            t = answer.x[:rank]
        directions.append(t)
    rays = np.array(directions)
    length = np.linalg.norm(rays, axis=1, keepdims=True)
    return rays / np.where(length > 0, length, 1.0)


def _release(
    task: Task, signs: Array, state: _State, error: Array, noise: float, across: list[Array]
) -> Array | None:
    """The steepest descending direction (K, n+1) off the held faces, or None when there is none.

    Normals of different channels are orthogonal, so f' is a sum over channels: each is asked alone.
    """
    best, chosen = 0.0, None
    for k, basis in enumerate(across):
        rank = basis.shape[1]
        if not rank:
            continue
        held, gradient, gamma, reach = _kinks(task, signs, state, error, k)
        normals = task.view.rows[held] @ basis
        slope = basis.T @ gradient
        if len(held) == rank or comb(len(held), rank - 1) <= RAYS:
            rays = _rays(normals)
        else:
            rays = _candidates(slope, normals, gamma)
        value = rays @ slope + np.abs(rays @ normals.T) @ gamma
        sensitivity = np.abs(rays @ basis.T) @ (np.abs(task.view.rows).T @ reach)
        # What is left of a sum after cancellation below RANK of its terms is rounding.
        terms = np.abs(rays) @ np.abs(slope) + np.abs(rays @ normals.T) @ np.abs(gamma)
        floor = np.maximum(2 * max(map(abs, task.slopes)) * noise * sensitivity, RANK * terms)
        value = np.where(value < -floor, value, 0.0)
        index = int(np.argmin(value))
        if value[index] < best:
            best, chosen = value[index], (k, basis @ rays[index])
    if chosen is None:
        return None
    direction = np.zeros_like(state.v)
    direction[chosen[0]] = chosen[1]
    return direction


def _least_squares(
    task: Task, signs: Array, state: _State, error: Array, free: list[Array]
) -> tuple[Array, float, float]:
    """The shortest step (dv, dc) to the minimum of the cell's quadratic on the held faces.

    Also the length of the error that it removes: 0 to rounding exactly at the minimum.
    """
    counts, ones, _ = task.frame
    weighted = counts * (signs[:, None] * _slopes(task, state.pattern))[:, None, :]
    blocks = [(weighted[k] @ task.view.rows) @ basis for k, basis in enumerate(free)]
    left, size, right = np.linalg.svd(np.hstack([*blocks, ones[:, None]]), full_matrices=False)
    rank = int(np.sum(size > RANK * size[0]))
    removable = left[:, :rank].T @ error
    z = -right[:rank].T @ (removable / size[:rank])
    parts = np.split(z, np.cumsum([basis.shape[1] for basis in free]))
    dv = np.array([basis @ part for basis, part in zip(free, parts[:-1], strict=True)])
    return dv, float(parts[-1][0]), float(np.linalg.norm(removable))


def _refine(task: Task, signs: Array, state: _State, error: Array, free: list[Array]) -> _State:
    """One more least-squares step within the cell, taken if it makes the error smaller."""
    dv, dc, _ = _least_squares(task, signs, state, error, free)
    v = state.v + dv
    pre = v @ task.view.rows.T
    outside = (state.pattern != 0) & (np.sign(pre) != state.pattern)
    there = _State(v, state.c + dc, state.pattern)
    if np.any(outside) or np.linalg.norm(_error(task, signs, there)[0]) >= np.linalg.norm(error):
        return state
    return there


def descend(task: Task, signs: Array, v: Array, c: float, cap: int = 2000) -> Descended:
    """Go down from (v, c) to a stationary point; v (K, n+1), signs (K,) of the readout weights.

    ``stationary`` is False only when ``cap`` steps did not suffice.
    """
    pattern = _pattern(task, v, np.sign(v @ task.view.rows.T))
    for step in range(cap + 1):
        state, free, across = _settle(task, v, c, pattern)
        error, noise = _error(task, signs, state)
        dv, dc, residual = _least_squares(task, signs, state, error, free)
        if residual <= noise:
            exact = np.linalg.norm(error) <= noise
            out = None if exact else _release(task, signs, state, error, noise, across)
            if out is None:
                end = _refine(task, signs, state, error, free)
                return Descended(end.v, end.c, end.pattern, True, step)
            dv, dc = out, 0.0
        length, pattern = _walk(task, signs, state, error, dv, dc)
        v, c = state.v + length * dv, state.c + length * dc
        pattern = _pattern(task, v, pattern)
    return Descended(state.v, state.c, state.pattern, False, cap)


def _pattern(task: Task, v: Array, side: Array | Signs) -> Signs:
    """The given signs, 0 where the pre-activation is 0 to rounding; all 1 when σ has no kink."""
    if task.slopes[0] == task.slopes[1]:
        return np.ones(side.shape, dtype=np.int8)
    return np.where(np.abs(v @ task.view.rows.T) <= _zero(task, v), 0, side).astype(np.int8)


def multipliers(
    task: Task, signs: Array, ending: Descended
) -> tuple[tuple[tuple[int, int], ...], Array]:
    """Every held face (k, s) with its (λ, γ), shape (faces, 2), in the coordinates v_k.

    λ solves g_k + Σ_s λ_s U_s = 0; where faces depend on each other, within |λ_s| <= |γ_s|.
    A face whose γ is no larger than its rounding is idle: both numbers are 0, the loss is smooth.
    """
    state = _State(ending.v, ending.c, ending.pattern)
    error, noise = _error(task, signs, state)
    faces: list[tuple[int, int]] = []
    rows = [np.zeros((0, 2))]
    for k in range(len(ending.v)):
        held, gradient, gamma, reach = _kinks(task, signs, state, error, k)
        faces += [(k, int(s)) for s in held]
        table = np.zeros((len(held), 2))
        active = np.abs(gamma) > (task.slopes[1] - task.slopes[0]) / 2 * reach[held] * noise
        if np.any(active):
            table[active, 1] = gamma[active]
            table[active, 0] = _balance(task.view.rows[held[active]], gradient, gamma[active])
        rows.append(table)
    return tuple(faces), np.vstack(rows)


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
