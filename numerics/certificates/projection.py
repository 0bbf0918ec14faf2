r"""Projection of a network onto the conditions of a pattern: the best multipliers, the bound that
they prove, an exact point.

With F = q(x₀), G = ∇q(x₀) and p_{i,k} the products of numerics/certificates/conditions.py, in the
step δ from the network

    |δ|² + μ·q = |δ|² + μ·F + (Gᵀμ)·δ + Σ_k δa_k (Σ_i μ_i p_{i,k})·δv_k,

a quadratic that couples a_k with v_k only: with p = Σ_i μ_i p_{i,k} and (s, t) the part of Gᵀμ on
(v_k, a_k),

    min over (δv, δa) = -|s|²/4 - (t - p·s/2)² / (4 (1 - |p|²/4)),   if |p| < 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from flint import fmpq, fmpq_mat
from scipy.linalg.lapack import dgelsy, dgelsy_lwork

from numerics.arithmetic.numbers import rational, to_float
from numerics.arithmetic.types import Array, Flags
from numerics.certificates.conditions import Condition, Stored, dot

__all__ = [
    "Bounds",
    "Effort",
    "closest",
    "descended",
    "dual_of",
    "least",
    "least_step",
    "lower_bound",
    "shortest",
    "solved",
    "solved_by_readout",
    "with_nearest_readout",
    "with_readout",
]

ZERO = fmpq(0)
PROJECTIONS = 60
"""Linear projections in a row, at most; what is found is made exact later."""
STEPS, BACK, ROUNDS = 60, 20, 40
"""Steps of a descent, those back onto the conditions after each, and bounds that become active."""
PACES = 0.5 ** np.arange(6)
"""Shares of a step that are tried."""
SETTLED = 1e-9
"""A step, or a gain, of this size relative to the distance is none."""


@dataclass
class Effort:
    """How many multiplications are left: large networks are given up after the same number
    everywhere, not after a time.
    """

    left: float = 2e9

    def spend(self, conditions: int, weights: int) -> bool:
        """For one linear problem of that size; False once nothing is left."""
        self.left -= conditions**2 * (conditions + weights)
        return self.left > 0


def dual_of(
    conditions: Sequence[Condition], net: Stored, effort: Effort
) -> tuple[list[Stored], Array | None]:
    """(points about the nearest one, the multipliers), by Newton's method in floats; ([net], None)
    where it fails.

    Everything is written in the step from the network, whose exact residuals come first: no digits
    are lost where the network is nearly exact.
    """
    system = _System(conditions, net)
    if not np.all(np.isfinite(system.gradient)):
        return [net], None
    steps, mu = _newton(system, effort)
    return [_moved(net, step, system.size) for step in steps], mu


def least_step(conditions: Sequence[Condition], net: Stored) -> float:
    """The length of the shortest step that meets the conditions on filters and biases alone, in
    floats: one linear problem.
    """
    alone = [x for x in conditions if not x.product and not x.offset]
    if not alone:
        return 0.0
    system = _System(alone, net)
    step = least(system.gradient, -system.residual)
    return float(np.linalg.norm(step)) if np.all(np.isfinite(step)) else 0.0


def with_readout(conditions: Sequence[Condition], net: Stored, a: tuple[fmpq, ...]) -> list[Stored]:
    """A point near the nearest one that has the readout ``a``, in floats: a linear problem."""
    system = _System(conditions, net)
    if not np.all(np.isfinite(system.gradient)):
        return [net]
    step = np.zeros(system.gradient.shape[1])
    places = system.places
    step[places] = [to_float(new - old) for new, old in zip(a, net.a, strict=True)]
    slopes = system.local(step)
    slopes[:, places] = 0
    with np.errstate(all="ignore"):
        moved = least(slopes, -system.value(step))
    if not np.all(np.isfinite(moved)):
        return [net]
    return [replace(_moved(net, step + moved, system.size), a=a)]


@dataclass(frozen=True)
class Bounds:
    """normals (m, total) @ step >= low (m,): what windows may do in a step from the network."""

    normals: Array
    low: Array


def descended(
    conditions: Sequence[Condition],
    bounds: Bounds,
    net: Stored,
    readout: Sequence[fmpq],
    limit: float,
    effort: Effort,
) -> tuple[Stored, Flags] | None:
    """A point that meets conditions and bounds and is nearest among its neighbours, in floats, and
    at which bounds it stands: from a readout on, and None where there is none nearer than
    ``limit``.

    It goes towards the nearest point under the conditions made linear about where it is, and back
    onto the conditions, as long as that helps (sequential quadratic programming).

    Returns
    -------
    the network, and for each of the m bounds whether the network stands at it (m,).
    """
    system = _System(conditions, net)
    total = system.gradient.shape[1]
    if not np.all(np.isfinite(system.gradient)):
        return None

    def linear(base: Array, x: Array, more: Array) -> tuple[Array, Flags] | None:
        if not effort.spend(total, total):
            return None
        slopes = np.vstack([system.local(x), more])
        right = np.concatenate([slopes[: len(system.residual)] @ x - system.value(x), more @ base])
        apart = closest(slopes, right - slopes @ base, bounds, base)
        return None if apart is None else (base + apart[0], apart[1])

    none = np.zeros((0, total))

    def restored(x: Array) -> Array | None:
        point = x
        for _ in range(BACK):
            ahead = linear(x, point, none)
            if ahead is None or np.linalg.norm(ahead[0]) > 4 * limit:
                return None
            change, point = np.linalg.norm(ahead[0] - point), ahead[0]
            if change <= SETTLED * np.linalg.norm(point):
                return point
        return None

    start = np.zeros(total)
    start[system.places] = [to_float(x - y) for x, y in zip(readout, net.a, strict=True)]
    ahead = linear(start, start, np.eye(total)[system.places])
    here, standing = restored(start if ahead is None else ahead[0]), None
    for _ in range(STEPS):
        ahead = None if here is None else linear(np.zeros(total), here, none)
        if here is None or ahead is None:
            break
        standing = ahead[1]
        if np.linalg.norm(ahead[0]) > 1.25 * limit:
            break
        size = np.linalg.norm(here)
        tried = (restored(here + pace * (ahead[0] - here)) for pace in PACES)
        nearer = next((x for x in tried if x is not None and np.linalg.norm(x) < size), None)
        if nearer is None:
            break
        here = nearer
        if size - np.linalg.norm(here) <= SETTLED * size:
            break
    if here is None or standing is None or not np.linalg.norm(here) < limit:
        return None
    return _moved(net, here, system.size), standing


def closest(rows: Array, right: Array, bounds: Bounds, base: Array) -> tuple[Array, Flags] | None:
    """The shortest step y (C,) from ``base`` with rows (R, C) @ y = right (R,) and all bounds, and
    at which of them it stands; None where there is none.

    The dual method of Goldfarb and Idnani (1983): the bound that fails most becomes active, and
    those that would push the wrong way are let go.
    """
    step = least(rows, right)
    if not np.all(np.abs(rows @ step - right) <= 1e-7 * (1 + np.abs(right))):
        return None
    active: list[int] = []
    pushes = np.zeros(0)
    for _ in range(ROUNDS):
        lack = bounds.low - bounds.normals @ (base + step)
        worst = int(np.argmax(lack)) if len(lack) else 0
        if not len(lack) or lack[worst] <= 1e-11:
            return step, np.isin(np.arange(len(lack)), active)
        normal, push = bounds.normals[worst], 0.0
        while True:
            held = np.vstack([rows, bounds.normals[active]])
            factors = least(held.T, normal)
            free = normal - factors @ held
            own, room = factors[len(rows) :], float(free @ normal)
            missing = float(bounds.low[worst] - normal @ (base + step))
            whole = missing / room if room > 1e-10 * normal @ normal else np.inf
            with np.errstate(all="ignore"):
                ratios = np.where(own > 1e-12, pushes / own, np.inf)
            blocking = int(np.argmin(ratios)) if active else 0
            pace = min(whole, ratios[blocking] if active else np.inf)
            if not np.isfinite(pace):
                return None
            pushes, push = pushes - pace * own, push + pace
            if np.isfinite(whole):
                step = step + pace * free
            if pace == whole:
                break
            del active[blocking]
            pushes = np.delete(pushes, blocking)
        active.append(worst)
        pushes = np.append(pushes, push)
    return None


class _System:
    """Residuals q(δ) of the conditions in the step δ, flat as (v_1, a_1, v_2, a_2, ..., c)."""

    def __init__(self, conditions: Sequence[Condition], net: Stored) -> None:
        channels, n = net.channels, net.taps
        self.size = size = n + 2  # v_k and a_k
        self.channels = channels
        self.places = np.arange(channels) * size + size - 1
        total = channels * size + 1
        self.residual = np.array([to_float(x.residual(net)) for x in conditions])
        self.gradient = np.zeros((len(conditions), total))
        self.couples = np.zeros((len(conditions), channels, n + 1))
        vectors = net.vectors
        readout = [to_float(x) for x in net.a]
        for i, x in enumerate(conditions):
            for k, (p, t) in x.product.items():
                self.couples[i, k] = [to_float(y) for y in p]
                begin = k * size
                self.gradient[i, begin : begin + n + 1] += readout[k] * self.couples[i, k]
                self.gradient[i, begin + n + 1] += to_float(dot(p, vectors[k]) + t)
            for k, q in x.plain.items():
                self.gradient[i, k * size : (k + 1) * size - 1] += [to_float(y) for y in q]
            self.gradient[i, -1] = to_float(x.offset)
        free = np.ones(total, dtype=bool)
        if net.b is None:
            free[size - 2 : -1 : size] = False
            self.couples[:, :, -1] = 0
        free[-1] = net.c is not None
        self.gradient[:, ~free] = 0

    def split(self, step: Array) -> tuple[Array, Array]:
        """(v (..., K, n + 1), a (..., K)) of (..., total)."""
        blocks = step[..., :-1].reshape(*step.shape[:-1], self.channels, self.size)
        return blocks[..., :-1], blocks[..., -1]

    def local(self, step: Array) -> Array:
        """∇q at the step, (conditions, total)."""
        gradient = self.gradient.copy()
        blocks = gradient[:, :-1].reshape(-1, self.channels, self.size)
        v, a = self.split(step)
        blocks[:, :, :-1] += a[:, None] * self.couples
        blocks[:, :, -1] += np.einsum("ikn,kn->ik", self.couples, v)
        return gradient

    def value(self, step: Array) -> Array:
        """q at the step."""
        v, a = self.split(step)
        curved: Array = np.einsum("ikn,kn,k->i", self.couples, v, a)
        return self.residual + self.gradient @ step + curved

    def halves(self, mu: Array) -> Array:
        """p_k/2 (K, n + 1), the off-diagonal of H."""
        half: Array = np.einsum("i,ikn->kn", mu, self.couples) / 2
        return half

    def over(self, half: Array, right: Array) -> Array:
        """H⁻¹ applied to (..., total): H couples a_k with v_k only."""
        solution = right.copy()
        v, a = self.split(solution)
        left = 1 - np.sum(half**2, axis=-1)
        last = (a - np.einsum("...kn,kn->...k", v, half)) / left
        blocks = solution[..., :-1].reshape(*solution.shape[:-1], self.channels, self.size)
        blocks[..., :-1] -= last[..., None] * half
        blocks[..., -1] = last
        return solution


@dataclass(frozen=True)
class _Dual:
    """The dual function at μ: its value, the minimiser (as a step), its gradient q(x), and p/2."""

    value: float
    step: Array
    q: Array
    half: Array


def _dual(system: _System, mu: Array) -> _Dual | None:
    """None where H is not positive definite: its least eigenvalue is 1 - max |p_k|/2."""
    half = system.halves(mu)
    if not np.max(np.sum(half**2, axis=-1)) <= (1 - 1e-9) ** 2:
        return None
    step = system.over(half, -system.gradient.T @ mu / 2)
    q = system.value(step)
    return _Dual(float(step @ step + mu @ q), step, q, half)


HALVES = 0.5 ** np.arange(31)
"""Lengths of steps that are tried."""


def _newton(system: _System, effort: Effort) -> tuple[list[Array], Array]:
    """Damped Newton ascent of the dual function, concave where H is positive definite: (steps, μ)
    as far as it came.

    Where the dual function is largest at its border there is a gap; a second step then comes from
    projecting onto the conditions, linear about the last point, again and again.
    """
    mu = np.zeros(len(system.residual))
    with np.errstate(all="ignore"):
        here = _dual(system, mu)
        assert here is not None  # H = 1
        for _ in range(100):
            if not effort.spend(*system.gradient.shape):
                break
            slopes = system.local(here.step)
            curved = slopes @ system.over(here.half, slopes).T / 2
            change = least(curved, here.q)
            # The longest step that does not clearly leave the domain; 0 if all do.
            ahead = here.half + HALVES[:, None, None] * system.halves(change)
            inside = np.nonzero(np.sum(ahead**2, axis=-1).max(axis=-1) <= 1)[0]
            size_of = float(HALVES[inside[0]]) if len(inside) else 0.0
            while size_of > 1e-9:
                tried = _dual(system, mu + size_of * change)
                if tried is not None and tried.value >= here.value - 1e-12 * abs(here.value):
                    break
                size_of /= 2
            else:
                break
            here, mu = tried, mu + size_of * change
            if np.all(np.abs(change) <= 1e-13 * np.max(np.abs(mu))):
                break
        gap = np.max(np.abs(here.q)) > 1e-6 * np.max(np.abs(system.residual))
        return ([here.step, _projected(system, here.step, effort)] if gap else [here.step]), mu


def least(matrix: Array, right: Array) -> Array:
    """The shortest least-squares solution (C,) for a matrix (R, C) and right sides (R,), by a
    pivoted QR; nan where the numbers are not finite.
    """
    if not (np.all(np.isfinite(matrix)) and np.all(np.isfinite(right))):
        return np.full(matrix.shape[1], np.nan)
    rows, columns = matrix.shape
    if not matrix.size:
        return np.zeros(columns)
    padded = np.zeros((max(rows, columns), 1))
    padded[:rows, 0] = right
    # scipy's lstsq takes three times as long to call the same routine.
    room, _ = dgelsy_lwork(rows, columns, 1, 1e-12)
    pivots = np.zeros((columns, 1), dtype=np.int32)
    _, solution, *_ = dgelsy(matrix, padded, pivots, 1e-12, int(room))
    return np.asarray(solution[:columns, 0])


def _projected(system: _System, step: Array, effort: Effort) -> Array:
    for _ in range(PROJECTIONS):
        if not effort.spend(*system.gradient.shape):
            break
        slopes = system.local(step)
        right = slopes @ step - system.value(step)
        last, step = step, least(slopes, right)
        if not np.all(np.isfinite(step)):
            return last
        if np.max(np.abs(step - last)) <= 1e-13 * np.max(np.abs(step)):
            break
    return step


def _moved(net: Stored, step: Array, size: int) -> Stored:
    """The network a step further; the step is a float, the sum is exact."""
    exact = np.array([rational(float(x)) for x in step])
    blocks = exact[:-1].reshape(-1, size)
    flat = _sum(net.flat, [*blocks[:, :-1].ravel(), exact[-1]])
    return net.with_flat(flat, a=tuple(_sum(net.a, blocks[:, -1])))


def _sum(numbers: Sequence[fmpq], more: Iterable[fmpq]) -> list[fmpq]:
    return [x + y for x, y in zip(numbers, more, strict=True)]


def lower_bound(conditions: Sequence[Condition], net: Stored, mu: Array) -> fmpq:
    """min_x |x - x₀|² + μ·q(x), μ (conditions,), exactly; 0 where H is not positive definite."""
    n = net.taps
    factors = [rational(float(x)) for x in mu]
    total = sum((f * x.residual(net) for f, x in zip(factors, conditions, strict=True)), ZERO)
    for k in range(net.channels):
        p, slope = [ZERO] * (n + 1), [ZERO] * (n + 1)  # of a v, and of v
        rise = ZERO  # of a
        for f, x in zip(factors, conditions, strict=True):
            if k in x.product:
                form, t = x.product[k]
                p = [old + f * y for old, y in zip(p, form, strict=True)]
                rise += f * (dot(form, net.vector(k)) + t)
            if k in x.plain:
                slope = [old + f * y for old, y in zip(slope, x.plain[k], strict=True)]
        slope = [s + net.a[k] * y for s, y in zip(slope, p, strict=True)]
        if net.b is None:
            p[-1] = slope[-1] = ZERO
        curved = 1 - dot(p, p) / 4
        if curved <= 0:
            return ZERO
        total -= dot(slope, slope) / 4 + (rise - dot(p, slope) / 2) ** 2 / (4 * curved)
    if net.c is not None:
        pull = sum((f * x.offset for f, x in zip(factors, conditions, strict=True)), ZERO)
        total -= pull**2 / 4
    return max(total, ZERO)


def solved(conditions: Sequence[Condition], net: Stored) -> Stored | None:
    """The exact projection of (w, b, c) onto the conditions, a as it is; None where they contradict
    each other.

    Conditions on a alone (silent channels, copies that cancel) are met first.
    """
    net = replace(net, a=_readout(conditions, net))
    step = shortest([[*x.row(net), -x.residual(net)] for x in conditions])
    return None if step is None else net.with_flat(_sum(net.flat, step))


def solved_by_readout(conditions: Sequence[Condition], net: Stored) -> Stored | None:
    """An exact point with the filters first: (w, b) projected onto the conditions on them alone,
    then (a, c) onto the rest.

    Where windows stand on both ends of a channel's branch its filter has no room left, and only the
    readout can give way.
    """
    alone = [x for x in conditions if not x.product and not x.offset]
    near = solved(alone, net) if alone else net
    if near is None:
        return None
    vectors = near.vectors
    rows = []
    for x in conditions:
        if x.product or x.offset:
            row = [ZERO] * net.channels
            for k, (p, t) in x.product.items():
                row[k] = dot(p, vectors[k]) + t
            rows.append([*row, x.offset, -x.residual(near)])
    return with_nearest_readout(near, rows)


def with_nearest_readout(net: Stored, rows: Sequence[Sequence[fmpq]]) -> Stored | None:
    """The network with the nearest (a, c) whose step meets the rows [of a | of c | right]; None
    where they contradict each other.
    """
    stored = fmpq(int(net.c is not None))
    step = shortest([[*row, stored * unit, right] for *row, unit, right in rows])
    if step is None:
        return None
    return net.changed(a=tuple(_sum(net.a, step[:-1])), c=net.offset + step[-1])


def shortest(rows: list[list[fmpq]]) -> list[fmpq] | None:
    """The shortest x with M x = y, exactly, for rows [M | y]; None where they contradict each
    other.
    """
    reduced, rank = fmpq_mat(rows).rref()
    table = reduced.tolist()[:rank]
    if any(not any(row[:-1]) for row in table):
        return None
    if not table:
        return [ZERO] * (len(rows[0]) - 1)
    matrix = fmpq_mat([row[:-1] for row in table])
    target = fmpq_mat([[row[-1]] for row in table])
    step = (matrix.transpose() * (matrix * matrix.transpose()).solve(target)).tolist()
    return [x[0] for x in step]


def _readout(conditions: Sequence[Condition], net: Stored) -> tuple[fmpq, ...]:
    """The nearest a that meets the conditions on a alone (silent channels, copies that cancel), if
    there is one.
    """
    rows: list[list[fmpq]] = []
    for x in conditions:
        if (
            x.product
            and not x.plain
            and not x.offset
            and not any(any(p) for p, _ in x.product.values())
        ):
            row = [x.product[k][1] if k in x.product else ZERO for k in range(net.channels)]
            rows.append([*row, -x.residual(net)])
    step = shortest(rows) if rows else None
    return net.a if step is None else tuple(_sum(net.a, step))
