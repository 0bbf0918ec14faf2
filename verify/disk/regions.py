r"""Networks on disks finished on their kinks: where a smooth trainer stalls, hold the face and go on along it.

The loss of the best readout is smooth inside a cell (a piece of σ for every window) and has a kink on every face
U·v_k = t, v_k = (w_k, b_k), t a kink of σ, U a window with a final 1.  Hundreds of pixels lie on two of them at once, the
dark one b_k = t and the lit one S_k + b_k = t; and a filter with b_k = t and zeros among its taps lies on many.  With the
held windows s, their counts N_s and radii r_s, g the gradient for the mean of both slopes, e = r̂ - r and σ's slope jumping
by j at t, the slope along d is

    L'(d) = g·d + Σ γ_s |U_s·d_k|,     γ_s = a_k (j/R) N_s e(r_s).

The loop: a Gauss-Newton step in the subspace of the held faces; walk along it to the lowest place, kinks included; where that
is a kink, hold its face; where a step promises less than :data:`PROMISE` of the loss, leave the face along the steepest way
down (bounded least squares for γ >= 0, and the edges of the face for all γ); if that promises as little, the run has ended.
A promise is L'²/(2C), C the curvature of Gauss-Newton.  Nothing makes the loss larger.

Along the facet the test is complete, off it where the held windows are independent (edges decide) or all γ >= 0 (least squares
do).  Where dependent windows have γ < 0 not every way off is tried: "ended" then means that none of those tried descends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr
from scipy.optimize import lsq_linear

from numerics.arithmetic.compile import activation
from numerics.arithmetic.regression import RANK
from numerics.arithmetic.types import Array, Flags, Indices
from numerics.pulse.sample import Windows
from theory.expressions.spelling import spelled
from verify.disk.ensemble import INTERPOLATED, LARGEST, NEGLIGIBLE, State, nets_of, read, state
from verify.models.problem import NetworkBatch

__all__ = ["PROMISE", "Finished", "finish"]


PROMISE = 1e-8
"""A step that promises less than this part of the loss is none: six digits of the loss are settled with room to spare."""
ZERO = 1e-10
"""A pre-activation this close to its kink, relative to the filter, is on it: far above rounding, far below what a step moves."""
TRIES = 40
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
    dark, lit, single: on how many faces of each sort the channels lie, (B,); single ones are independent of the others.
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


class _Task:
    """The windows and one σ."""

    def __init__(self, name: str, windows: Windows, r: Array) -> None:
        row = spelled(name)
        self.windows, self.r, self.homogeneous = windows, r, row.homogeneous
        self.radius = np.repeat(np.arange(len(r)), [s.stop - s.start for s in windows.parts])
        self.sigma, self.slope = activation(name)
        self.kinks = [(float(kink.location), float(kink.jump)) for kink in row.kinks]
        self.straight = row.piecewise_linear


class _Face:
    """The held windows of one channel: ``normals`` independent ones, all others that follow, the kink of each, the free directions."""

    def __init__(self, task: _Task, normals: Indices, level: Array, v: Array) -> None:
        self.normals, self.level = normals, level
        rows = task.windows.rows
        self.held = np.full(len(rows), -1)
        self.free = np.eye(rows.shape[1])
        if len(normals):
            self.free = np.linalg.svd(rows[normals], full_matrices=True)[2][len(normals) :].T
            z = rows @ self.on(rows, v)
            for j, (t, _) in enumerate(task.kinks):
                near = np.nonzero(np.abs(z - t) < ZERO * (1 + np.abs(v).sum()))[0]
                follows = np.max(np.abs(rows[near] @ self.free), axis=1, initial=0) < ZERO
                self.held[near[follows]] = j

    def on(self, rows: Array, v: Array) -> Array:
        """The nearest filter on the face."""
        if not len(self.normals):
            return v
        n = rows[self.normals]
        return np.asarray(v - np.linalg.lstsq(n, n @ v - self.level, rcond=None)[0])


def _independent(rows: Array, among: Indices) -> Indices:
    """As many of these rows as are independent."""
    if not len(among):
        return among
    _, upper, order = qr(rows[among].T, mode="economic", pivoting=True)
    size = np.abs(np.diag(upper))
    return np.asarray(among[order[: int(np.sum(size > 1e-7 * size[0]))]])


def _begin(task: _Task, v: Array) -> _Face:
    """The face on which a filter lies already, if any."""
    rows, z = task.windows.rows, task.windows.rows @ v
    level = np.full(len(rows), np.nan)
    for t, _ in task.kinks:
        level[np.abs(z - t) < ZERO * np.abs(v).sum()] = t
    normals = _independent(rows, np.nonzero(~np.isnan(level))[0])
    return _Face(task, normals, level[normals], v)


@dataclass
class _Run:
    """One network under way: its filters, faces, and the state of its readout."""

    conv: Array
    faces: list[_Face]
    now: State


def _jacobian(task: _Task, run: _Run) -> Array:
    """a_k ∂φ_k(r), on held faces for the mean of both slopes: (K, R, n² + 1)."""
    rows, slopes = task.windows.rows, []
    for v, a, face in zip(run.conv, run.now.a[0], run.faces, strict=True):
        z = rows @ v
        for j, (t, _) in enumerate(task.kinks):
            z[face.held == j] = t
        slopes.append(task.windows.moments(a * task.slope(z)))
    return np.stack(slopes)


def _cleared(run: _Run, columns: Array) -> Array:
    """(1 - Π): (R, C) less what the readout makes up for."""
    basis = run.now.basis[0]
    centred = columns - columns.mean(axis=0)
    return np.asarray(centred - basis @ (basis.T @ centred))


def _along_faces(run: _Run, jac: Array, damping: float) -> tuple[Array, float]:
    """A damped Gauss-Newton step on the faces, and by how much it promises to lower the loss."""
    whole = np.concatenate([j @ face.free for j, face in zip(jac, run.faces, strict=True)], axis=1)
    columns = _cleared(run, whole)
    # A direction that the readout makes up for, such as a filter's own, leaves rounding.
    columns[:, np.linalg.norm(columns, axis=0) <= NEGLIGIBLE * np.linalg.norm(whole, axis=0)] = 0
    if not np.any(columns):
        return np.zeros_like(run.conv), 0.0
    error = run.now.error[0]
    normal, down = columns.T @ columns, columns.T @ error
    own = np.diag(normal)
    size = np.maximum(own, 1e-9 * own.max() + 1e-30)
    step = -np.linalg.solve(normal + damping * np.diag(size), down)
    promise = -float(2 * down @ step + step @ normal @ step) / len(error)
    return _by_channel(run, step), promise


def _whole_step(run: _Run, jac: Array) -> tuple[Array, float]:
    """The Gauss-Newton step without damping, from a regression on features and derivatives together, and its promise.

    For piecewise-linear σ that is the regression of the level: what it leaves of the loss is the level.
    """
    columns = np.concatenate([run.now.features[0].T, *(j @ face.free for j, face in zip(jac, run.faces, strict=True))], axis=1)  # fmt: skip
    centred = columns - columns.mean(axis=0)
    size = np.linalg.norm(centred, axis=0)
    size = np.where(size > NEGLIGIBLE * np.abs(columns).max(axis=0), size, np.inf)
    left, values, right = np.linalg.svd(centred / size, full_matrices=False)
    kept = values > RANK * values[0]
    along = left[:, kept].T @ run.now.error[0]
    step = -(right[kept].T @ (along / np.where(values[kept] > 0, values[kept], 1))) / size
    return _by_channel(run, step[len(run.conv) :]), float(along @ along) / len(columns)


def _by_channel(run: _Run, step: Array) -> Array:
    """Coordinates on the faces as steps of the filters: (K, n² + 1)."""
    ends = np.cumsum([face.free.shape[1] for face in run.faces])[:-1]
    parts = np.split(step, ends)
    return np.stack([face.free @ part for face, part in zip(run.faces, parts, strict=True)])


def _steepest(rows: Array, g: Array, gamma: Array) -> Array:
    """The way down off held windows that is steepest where γ >= 0; an infinitesimal one if there is none."""
    every, which = np.unique(rows, axis=0, return_inverse=True)
    plus = np.maximum(np.bincount(which.ravel(), gamma), 0) + 1e-300
    solution = lsq_linear(every.T, -g, bounds=(-plus, plus), tol=1e-12)
    return np.asarray(-(g + every.T @ solution.x))[None]


def _off_face(task: _Task, run: _Run, k: int, jac: Array) -> tuple[Array, float]:
    """The most promising way of channel k off its face, as a Gauss-Newton step, and its promise."""
    face, error, count = run.faces[k], run.now.error[0], len(task.r)
    held = np.nonzero(face.held >= 0)[0]
    if not len(held):
        return np.zeros_like(run.conv[k]), 0.0
    rows, radius = task.windows.rows[held], task.radius[held]
    g = 2 / count * error @ jac
    jumps = np.array([j for _, j in task.kinks])[face.held[held]]
    half = run.now.a[0, k] * jumps / 2 * task.windows.counts[held]
    gamma = 2 / count * half * error[radius]
    edges = np.linalg.pinv(task.windows.rows[face.normals]).T
    ways = np.concatenate([_steepest(rows, g, gamma), edges, -edges])
    size = np.linalg.norm(ways, axis=1, keepdims=True)
    ways = ways / np.where(size > 0, size, 1)
    away = np.abs(ways @ rows.T)
    slope = ways @ g + away @ gamma
    bent = np.zeros((count, len(ways)))
    np.add.at(bent, radius, (away * half).T)
    curvature = 2 / count * np.sum(_cleared(run, jac @ ways.T + bent) ** 2, axis=0)
    # Where Gauss-Newton sees no curvature, a step of the size of the filter is as far as one looks.
    length = np.minimum(-slope / np.maximum(curvature, 1e-300), np.linalg.norm(run.conv[k]))
    promise = -slope * length / 2 * (slope < 0)
    best = int(np.argmax(promise))
    return length[best] * ways[best], float(promise[best])


def _off_faces(task: _Task, run: _Run, jac: Array) -> tuple[Array, float]:
    """The most promising way off the faces of one channel, and its promise."""
    every = [_off_face(task, run, k, jac[k]) for k in range(len(run.faces))]
    best = int(np.argmax([promise for _, promise in every]))
    step = np.zeros_like(run.conv)
    step[best] = every[best][0]
    return step, every[best][1]


def _breaks(task: _Task, run: _Run, step: Array) -> tuple[Array, Indices]:
    """Where along a step, 0 < τ <= 1, windows meet kinks; and their channel, row and kink."""
    places, who = [np.empty(0)], [np.empty((0, 3), dtype=np.intp)]
    for k, face in enumerate(run.faces):
        z, speed = task.windows.rows @ run.conv[k], task.windows.rows @ step[k]
        moves = (np.abs(speed) > 1e-14 * np.abs(step[k]).sum()) & (face.held < 0)
        for j, (t, _) in enumerate(task.kinks):
            crossing = (t - z[moves]) / speed[moves]
            inside = (crossing > 0) & (crossing <= 1)
            places.append(crossing[inside])
            row = np.nonzero(moves)[0][inside]
            who.append(np.stack([np.full(len(row), k), row, np.full(len(row), j)], axis=1))
    every, names = np.concatenate(places), np.concatenate(who)
    order = np.argsort(every, kind="stable")
    return every[order], names[order]


def _at(task: _Task, run: _Run, step: Array, places: Array) -> Array:
    """The loss at places along a step; infinite where a weight is too large."""
    return _judged(state(run.conv + places[:, None, None] * step, task.windows, task.r, task.sigma))


def _judged(states: State) -> Array:
    large = np.maximum(np.abs(states.conv).max(axis=(1, 2)), np.abs(states.a).max(axis=1)) > LARGEST
    return np.where(large, np.inf, states.loss)


class _Line:
    """A step, the kinks that it meets, and the loss along it.

    For piecewise-linear σ the features are straight between kinks: φ(τ) = φ + τφ' + Σ_s J_s (τ - τ_s)_+, s the windows met.
    """

    def __init__(self, task: _Task, run: _Run, step: Array) -> None:
        self.task, self.run, self.step = task, run, step
        self.crossings, self.who = _breaks(task, run, step)
        if task.straight:
            windows, jumps = task.windows, np.array([j for _, j in task.kinks])
            k, row, kink = self.who.T
            speed = np.abs(np.sum(step[k] * windows.rows[row], axis=1))
            self.jump = jumps[kink] * speed * windows.counts[row]
            group = k * len(task.r) + task.radius[row]
            self.order = np.argsort(group, kind="stable")
            self.groups, self.first = np.unique(group[self.order], return_index=True)
            self.slope = np.stack([self._begun(v, way, face, jumps) for v, way, face in zip(run.conv, step, run.faces, strict=True)])  # fmt: skip

    def _begun(self, v: Array, way: Array, face: _Face, jumps: Array) -> Array:
        """φ' of a channel at the beginning of the step, held windows leaving their kinks."""
        windows = self.task.windows
        z, speed = windows.rows @ v, windows.rows @ way
        held = face.held >= 0
        for j, (t, _) in enumerate(self.task.kinks):
            z[face.held == j] = t
        rate = self.task.slope(z) * speed
        rate[held] += jumps[face.held[held]] / 2 * np.abs(speed[held])
        return windows.summed(rate)

    def losses(self, places: Array) -> Array:
        """The loss at places (T,)."""
        if not self.task.straight:
            return _at(self.task, self.run, self.step, places)
        features = self.run.now.features + places[:, None, None] * self.slope
        if len(self.crossings):
            bends = (
                np.maximum(places[:, None] - self.crossings[self.order], 0) * self.jump[self.order]
            )
            flat = features.reshape(len(places), -1)
            flat[:, self.groups] += np.add.reduceat(bends, self.first, axis=1)
        conv = self.run.conv + places[:, None, None] * self.step
        return _judged(read(conv, features, self.task.r))


def _lowest(task: _Task, run: _Run, step: Array) -> tuple[float, Indices | None]:
    """The lowest place found along a step, and the kink that it is on, if any; the first kink where nothing is gained."""
    line = _Line(task, run, step)
    crossings, who = line.crossings, line.who
    ends = np.concatenate([[0.0], crossings, [1.0]])
    halves = 0.5 ** np.arange(1, 31)
    places = np.concatenate([crossings, (ends[1:] + ends[:-1]) / 2, halves])
    kink = np.concatenate([np.arange(len(crossings)), np.full(len(places) - len(crossings), -1)])
    order = np.argsort(places, kind="stable")
    places, kink = places[order], kink[order]
    coarse = np.linspace(0, len(places) - 1, TRIES)
    fine = np.searchsorted(places, halves[::2])
    some = np.unique(np.concatenate([coarse.astype(int), np.minimum(fine, len(places) - 1)]))
    while True:
        losses = line.losses(places[some])
        best = int(np.argmin(losses))
        low = some[best - 1] if best else some[0]
        high = some[best + 1] if best + 1 < len(some) else some[-1]
        if high - low <= 2:
            if len(crossings) and not losses[best] < run.now.loss[0] * (1 - 1e-12):
                return float(crossings[0]), who[0]
            met = kink[some[best]]
            return float(places[some[best]]), who[met] if met >= 0 else None
        some = np.unique(np.append(np.linspace(low, high, TRIES).astype(int), some[best]))


def _stay(task: _Task, run: _Run, step: Array) -> list[_Face]:
    """The faces that a step off them keeps."""
    faces = []
    for v, face, way in zip(run.conv, run.faces, step, strict=True):
        size, held = float(np.linalg.norm(way)), np.nonzero(face.held >= 0)[0]
        if not size or not len(held):
            faces.append(face)
            continue
        kept = held[np.abs(task.windows.rows[held] @ way) < 1e-9 * size]
        normals = _independent(task.windows.rows, kept)
        level = np.array([task.kinks[j][0] for j in face.held[normals]])
        faces.append(_Face(task, normals, level, v + way))
    return faces


def _placed(task: _Task, conv: Array, faces: list[_Face]) -> _Run:
    """On its faces exactly, and of length 1 where the length means nothing."""
    on = np.stack([face.on(task.windows.rows, v) for v, face in zip(conv, faces, strict=True)])
    if task.homogeneous:
        size = np.linalg.norm(on, axis=1, keepdims=True)
        on = on / np.where(size > 0, size, 1)
    return _Run(on, faces, state(on[None], task.windows, task.r, task.sigma))


def _held(task: _Task, conv: Array, faces: list[_Face], kink: Indices) -> list[_Face] | None:
    """The faces with one more, if it is independent of them (and, where every face contains 0, if more than 0 is left)."""
    k, row, j = kink.tolist()
    normals = np.append(faces[k].normals, row)
    most = task.windows.rows.shape[1] - task.homogeneous
    if len(normals) > most or len(_independent(task.windows.rows, normals)) < len(normals):
        return None
    level = np.append(faces[k].level, task.kinks[j][0])
    return [*faces[:k], _Face(task, normals, level, conv[k]), *faces[k + 1 :]]


def _finish(task: _Task, conv: Array, cap: int) -> tuple[_Run, bool, int]:
    run = _placed(task, conv, [_begin(task, v) for v in conv])
    damping = FIRST
    for steps in range(cap):
        loss = float(run.now.loss[0])
        if loss < INTERPOLATED:  # through all radii: nothing to be learned, and no rest either
            return run, False, steps
        jac = _jacobian(task, run)
        step, promise = _along_faces(run, jac, damping)
        if promise <= PROMISE * loss:
            step, promise = _along_faces(run, jac, LEAST)
        if promise <= PROMISE * loss:
            step, promise = _whole_step(run, jac)
        faces, leaving = run.faces, promise <= PROMISE * loss
        if leaving:
            step, promise = _off_faces(task, run, jac)
            if promise <= PROMISE * loss:
                return run, True, steps
            faces = _stay(task, run, step)
        place, kink = 1.0, None
        if _at(task, run, step, np.ones(1))[0] < loss - promise / 4:
            damping = max(damping / 3, LEAST)
        else:
            place, kink = _lowest(task, run, step)
            damping *= 2 if place < 0.1 else 1
        there = _moved(task, run, place * step, faces, kink)
        if there is None:
            return run, False, steps
        run = there
    return run, False, cap


def _moved(
    task: _Task, run: _Run, step: Array, faces: list[_Face], kink: Indices | None
) -> _Run | None:
    """After a step, on its kink if there is one; None if rounding makes the loss larger."""
    conv = run.conv + step
    for chosen in (None if kink is None else _held(task, conv, faces, kink), faces):
        if chosen is not None:
            there = _placed(task, conv, chosen)
            if there.now.loss[0] <= run.now.loss[0] * (1 + 1e-12):
                return there
    return None


def finish(name: str, nets: NetworkBatch, windows: Windows, r: Array, cap: int = 120) -> Finished:
    """Go on from trained networks with at most ``cap`` steps each; where σ has no kinks, or jumps, they stay as they are and none has ended."""
    task = _Task(name, windows, r)
    count, channels = nets.b.shape
    conv = np.concatenate([nets.w.reshape(count, channels, -1), nets.b[..., None]], axis=2)
    stalled = state(conv, windows, r, task.sigma).loss
    dark, lit, single = (np.zeros(count, dtype=np.intp) for _ in range(3))
    if not task.kinks or spelled(name).jumps:
        return Finished(nets, stalled, stalled, np.zeros(count, dtype=bool), dark, lit, single, dark)  # fmt: skip
    runs, ended, steps = zip(*(_finish(task, filters, cap) for filters in conv), strict=True)
    for j, run in enumerate(runs):
        for face in run.faces:
            taps = windows.windows[face.held >= 0]
            at_dark, at_lit = bool(np.any(np.all(taps == 0, axis=1))), bool(np.any(np.all(taps == 1, axis=1)))  # fmt: skip
            dark[j], lit[j] = dark[j] + at_dark, lit[j] + at_lit
            single[j] += len(face.normals) - at_dark - at_lit
    every = State(*(np.concatenate([getattr(run.now, name) for run in runs]) for name in vars(runs[0].now)))  # fmt: skip
    return Finished(nets_of(every, r), stalled, every.loss, np.array(ended), dark, lit, single, np.array(steps))  # fmt: skip
