r"""How far a run in floating point may be from the reduced dynamics iterated in float64: proved,
step by step.

Two runs δ apart obey  δ_{t+1} = J_t δ_t + second and third order in δ_t + what both round,  J_t the
Jacobian of the step. Errors are enclosed in sums of ellipsoids, which J_t maps to ellipsoids.  The
answer's rounding pulls along ∇r̂ only, where training contracts; it has ellipsoids of its own, so
that it does not spread to the directions that stay.  The loss is a polynomial of degree 4: the
orders beyond the first are bounded as they stand.  Coordinates are (a, s = S/√n, b, c) of at most
four channels, the deviations of the taps, and lr times the buffers of all of them: as θ and β are
inner products over channels, these may be rotated until three hold the network, and one stands for
all others, which are alike.  Derivation: docs/training/steps.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from numerics.arithmetic.types import Array, Indices
from numerics.training.reduced import Problem, Weights, descend, directions, hessian
from theory.training.reduced import Sgd

__all__ = [
    "HIGHEST",
    "UNITS",
    "Ellipsoids",
    "Enclosed",
    "Rounding",
    "enclosed",
    "margins",
    "rounding",
]

UNITS = {"float64": 2.0**-53, "float32": 2.0**-24}
"""The unit roundoff of a type."""
LEAST = {"float64": 2.0**-1022, "float32": 2.0**-126}
"""The least normal number: an operation that underflows loses at most this much, denormal numbers
or none.
"""
HIGHEST = {kind: float(np.finfo(kind).max) for kind in UNITS}
"""The largest number of a type."""
SLACK = 2.0**-36
"""What rounding in the enclosure itself may add, as a part of the numbers in it: its matrices have
at most 28 rows.
"""
SUNK = 2.0**-1000
"""What underflow in the enclosure itself may take from a shape, whose entries are squares of
errors.
"""
SPANNING = 3
"""Directions of channel space that hold a network: those of a, S and b."""


@dataclass(frozen=True, eq=False)
class Ellipsoids:
    """Sets {z : zᵀ P⁻¹ z <= 1}, closed up where P is singular; shapes P (sets, d, d)."""

    shapes: Array

    @classmethod
    def of_boxes(cls, boxes: Array) -> Ellipsoids:
        """Around the boxes [-ε, ε], ε (sets, d): P = diag(ε_i Σε)."""
        square = boxes * boxes.sum(axis=1, keepdims=True)
        return cls(square[:, :, None] * np.eye(boxes.shape[1]))

    @classmethod
    def of_pairs(cls, pairs: Array) -> Ellipsoids:
        """Around all sg + th with |s|, |t| <= 1, for pairs (g, h) of vectors: (sets, 2, d)."""
        weights = _weights(np.linalg.norm(pairs, axis=2).T).T
        return cls(np.einsum("sg,sgi,sgj->sij", weights, pairs, pairs))

    def moved(self, jacobian: Array, local: Ellipsoids, size: float) -> Ellipsoids:
        """Around J z + y, J (d, d), z in the old sets and y in the ``local`` ones, by weights that
        make the trace least.

        ``size`` bounds the terms of which the Jacobian is made.
        """
        image = jacobian @ self.shapes @ jacobian.T
        sizes = np.sqrt(np.trace(np.stack([image, local.shapes]), axis1=2, axis2=3))
        first, second = _weights(sizes)[..., None, None]
        trace = np.trace(self.shapes, axis1=1, axis2=2)
        grown = float(np.sum(jacobian**2)) + size**2
        slack = SLACK * (grown * trace + sizes[1] ** 2) + SUNK * (1 + grown)
        eye = np.eye(len(jacobian))
        return Ellipsoids(first * image + second * local.shapes + slack[:, None, None] * eye)

    def along(self, directions: Array) -> Array:
        """A bound (sets, count) on y · z for directions y (count, D), D at most d: of the first D
        coordinates.
        """
        size = directions.shape[1]
        image = directions @ self.shapes[:, :size, :size]
        square = np.sum(image * directions, axis=2)
        return np.asarray((1 + SLACK) * np.sqrt(np.maximum(square, 0)))

    @property
    def reach(self) -> Array:
        """A bound (sets, d) on every coordinate."""
        return np.asarray((1 + SLACK) * np.sqrt(np.einsum("sii->si", self.shapes)))


def _weights(sizes: Array) -> Array:
    """Σ sizes/size, the weights of a sum of ellipsoids along the first axis; 0 for those that are
    points.
    """
    sums = sizes.sum(axis=0)
    return np.asarray(np.divide(sums, sizes, out=np.zeros_like(sizes), where=sizes > 0))


@dataclass(frozen=True, eq=False)
class Enclosed:
    """The reduced dynamics at one step, and how far two runs may be from it.

    x, buffer (3K + 2,): as iterated in float64.  exact, run (2, 3K + 2): bounds on the distance of
    the exact numbers (a, S, b, c, and last the deviation of any tap), and of those of torch; the
    second row is of lr times the buffers.
    largest: no number that torch computes in the step to here is larger; above the range of its
        type nothing is shown.
    """

    x: Array
    buffer: Array
    exact: Array
    run: Array
    largest: float = 0.0

    @classmethod
    def known(cls, x: Array) -> Enclosed:
        """Numbers x (3K + 2,) that are exact, and nothing is known of the buffers."""
        none = np.zeros((2, len(x)))
        return cls(x, none[0], none, none)


def _tap_reach(off: Array, channels: int, taps: int) -> Array:
    """(K,) bounds on every tap, from those on S and on the deviations."""
    return np.asarray(off[channels : 2 * channels] / taps + off[-1])


@dataclass(frozen=True, eq=False)
class Rounding:
    """Bounds on what one step rounds: in E[(r̂ - r) r] and E[r̂ - r], and beside them a box (2, 3K
    + 2) of weights and buffers.

    largest: a bound on the size of all numbers, sums on their way too, that the step computes.
    """

    pulls: Array
    box: Array
    largest: float


def rounding(
    start: Weights, problem: Problem, rule: Sgd, x: Array, buffer: Array, off: Array, kind: str
) -> Rounding:
    """What one step in this type rounds, at any weights and buffers within ``off`` (2, 3K + 2) of
    those given.

    Conv1d, sum, Linear, the mean of squares and their gradients, in any order of summation; then
    torch's step.  With A = |c| + N Σ|a||b| + r (1 + 2 Σ|a||w|₁) the error r̂ - r is off by γA, and
    a gradient, a mean over radii of 2(r̂ - r) times terms of total size M, by 2 E[γ'|r̂ - r| M]
    more.  An operation that underflows loses LEAST, which later ones multiply.
    """
    k, n, pixels, unit = len(start.a), problem.taps, problem.pixels, UNITS[kind]

    def gamma(count: int) -> float:
        return count * unit / (1 - count * unit) if count * unit < 1 else math.inf

    answer = gamma(n + pixels + k + 4)
    operations = len(problem.r) * pixels + n + pixels + k + 12
    chain, least = gamma(operations), LEAST[kind]
    a, sums, b = np.abs(x[: 3 * k]).reshape(3, k)
    off_a, off_s, off_b = off[0, : 3 * k].reshape(3, k)
    # |r̂ - r| <= level + tilt r, wherever the run may be.
    theta, level = problem.line(x)
    tilt = abs(2 * theta - 1) + 2 * float(a @ off_s + off_a @ sums + off_a @ off_s)
    level = abs(level) + off[0, 3 * k]
    level += pixels * float(a @ off_b + off_a @ b + off_a @ off_b)
    a, b, c = a + off_a, b + off_b, abs(x[3 * k]) + off[0, 3 * k]
    taps = np.abs(start.at(x).w) + _tap_reach(off[0], k, n)[:, None]
    mass = taps.sum(axis=1)

    # Every product in the convolution may underflow, then those with a.
    sunk = least * (pixels * (n + 2) * float(np.sum(a)) + k + 2)
    tall = answer * (c + pixels * float(a @ b)) + sunk
    steep = answer * (1 + 2 * float(a @ mass))
    # 2 E[|r̂ - r| M] by a, by each tap, by b and by c.
    constant, linear = level + tall, tilt + steep
    first = 2 * (constant + linear * problem.mean)
    second = 2 * (constant * problem.mean + linear * problem.second)
    slopes = (
        2 * mass * second + pixels * b * first,
        2 * (a * second)[:, None],
        pixels * a * first * (start.b is not None),
        np.array([first * (start.c is not None)]),
    )
    lit = (
        2 * float(np.max(problem.r)) * mass + pixels * b
    )  # of a channel, summed over all positions
    below = (
        least * (operations + pixels * (n + 2) * first) * (4 + 2 * float(np.max(lit) + np.max(a)))
    )
    # The error, its square, and a gradient, each summed over the radii before the mean is taken.
    error = c + float(a @ lit) + float(np.max(problem.r)) + sunk
    summed = 2 * len(problem.r) * error
    steepest = summed * (1 + max(float(np.max(lit)), pixels * float(np.max(a))))
    reached = [error * summed, steepest]
    stored = rule.lr * buffer
    held = np.abs(stored) + off[1]
    taps_held = np.abs(start.at(stored).w) + _tap_reach(off[1], k, n)[:, None]
    weights = (a, taps, b, np.array([c]))
    buffers = (held[:k], taps_held, held[2 * k : 3 * k], held[3 * k : -1])
    places = (slice(0, k), slice(k, 2 * k), slice(2 * k, 3 * k), slice(3 * k, -1))
    box = np.zeros((2, len(x)))
    share = 1 + rule.momentum if rule.nesterov else 1
    for place, weight, old, slope in zip(places, weights, buffers, slopes, strict=True):
        wrong = chain * slope + below
        taken = rule.momentum * old + rule.lr * (slope + wrong + rule.weight_decay * weight)
        rounds = rule.lr * (wrong + 2 * least) + gamma(8) * taken
        steps = share * (rounds + gamma(8) * taken) + unit * (weight + share * taken) + 4 * least
        both = np.stack([steps, rounds])
        # A buffer as torch holds it, what is taken, and the weight after it.
        kept = rule.momentum * old / rule.lr + steepest + rule.weight_decay * weight
        reached += [share * float(np.max(kept)), float(np.max(weight + share * taken))]
        if both.ndim == 3:
            box[:, -1] = 2 * np.max(both, axis=(1, 2))
            both = both.sum(axis=2)
        box[:, place] = both
    pulls = [tall * problem.mean + steep * problem.second, tall + steep * problem.mean]
    return Rounding(np.array(pulls), box, (1 + chain) * float(np.max(reached)))


@dataclass(frozen=True, eq=False)
class _Coordinates:
    """From (a, S, b, c, deviation) of K channels to those of the frame, and bounds
    there and back.
    """

    # (K, m), orthonormal columns that span a, S and b; the last is 0 where it stands for the others
    basis: Array
    others: int  # so many channels are alike
    root: float
    free: Indices  # the places, of 3m + 2, that there are

    @classmethod
    def of(cls, start: Weights) -> _Coordinates:
        k, n = start.w.shape
        basis, others = np.eye(k), 0
        if k > SPANNING + 1:
            numbers = start.numbers[: 3 * k].reshape(3, k)
            basis = np.column_stack([np.linalg.qr(numbers.T)[0], np.zeros(k)])
            others = k - SPANNING
        m = basis.shape[1]
        there = np.repeat([True, True, start.b is not None], m)
        free = np.flatnonzero(np.append(there, [start.c is not None, n > 1]))
        return cls(basis, others, math.sqrt(n), free)

    @cached_property
    def scale(self) -> Array:
        """From (a, s, b) to (a, S, b)."""
        return np.array([[1.0], [self.root], [1.0]])

    def turned(self, x: Array) -> Array:
        """(a, s, b) in the frame: (3, m)."""
        return np.asarray(x[: 3 * len(self.basis)].reshape(3, -1) / self.scale @ self.basis)

    def inwards(self, off: Array) -> Array:
        """Bounds (parts, 3K + 2) of errors as bounds in the frame, (parts, d)."""
        k = len(self.basis)
        y = off[:, : 3 * k].reshape(-1, 3, k) / self.scale
        turned = y @ np.abs(self.basis)
        if self.others:
            turned[..., -1] = np.linalg.norm(y, axis=2)
        return np.concatenate([turned.reshape(len(off), -1), off[:, 3 * k :]], axis=1)[:, self.free]

    def outwards(self, reach: Array) -> Array:
        """Bounds (parts, d) in the frame as bounds (2, 3K + 2), 0 for parts that there are not."""
        m = self.basis.shape[1]
        every = np.zeros((2, 3 * m + 2))
        every[: len(reach), self.free] = reach
        y = every[:, : 3 * m].reshape(2, 3, m) * self.scale
        back = np.abs(self.basis)
        if self.others:
            back = back + math.sqrt(self.others) * (np.arange(m) == m - 1)
        return np.concatenate([(y @ back.T).reshape(2, -1), every[:, 3 * m :]], axis=1)

    def length(self, shapes: Array) -> float:
        """A bound on the Euclidean length of the errors of (a, s, b, c) of all channels, in the sum
        of these ellipsoids.
        """
        inside = np.abs(shapes[:, : self.moving, : self.moving])
        # No eigenvalue is larger than the largest sum of a row, nor than the root of the sum of
        # squares.
        rows = np.max(inside.sum(axis=2), axis=1)
        largest = np.minimum(rows, np.sqrt(np.sum(inside**2, axis=(1, 2))))
        return float(np.sum(np.sqrt(largest))) * math.sqrt(max(self.others, 1)) * (1 + SLACK)

    @cached_property
    def moving(self) -> int:
        """So many of the coordinates are not the deviations."""
        return int(np.sum(self.free <= 3 * self.basis.shape[1]))


def enclosed(
    start: Weights, problem: Problem, rule: Sgd, kind: str, away: Array | None = None
) -> Iterator[Enclosed]:
    """The reduced dynamics before the first step, after it, ..., with both bounds.

    ``start`` is exact in the type ``kind``, or known to within ``away`` (2, 3K + 2), rows as in
    :class:`Enclosed`.
    """
    k, n = start.w.shape
    coordinates = _Coordinates.of(start)
    free, m, moving = coordinates.free, coordinates.basis.shape[1], coordinates.moving
    d, parts = len(free), 2 if rule.momentum else 1
    # What a gradient changes in the weights, and in the buffers.
    signs = np.array([-(1 + rule.momentum) if rule.nesterov else -1.0, 1.0])[:parts, None]
    inner = np.array([[problem.second, problem.mean], [problem.mean, 1.0]])
    # ∇r̂ = rα + β: how fast α and β change.
    largest = 0.0
    bends = np.array([2 * math.sqrt(n), 0.0 if start.b is None else float(problem.pixels)])
    spread = float(np.max(np.abs(start.deviations)))
    # S and the deviations of the start are rounded once.
    mass = np.abs(start.w).sum(axis=1)
    off = np.zeros((2, 3 * k + 2))
    off[0, k : 2 * k] = (n + 1) * UNITS["float64"] * mass
    off[0, -1] = 2 * (n + 2) * UNITS["float64"] * float(np.max(mass))
    off = off if away is None else off + away
    boxes = np.zeros((4, parts * d))
    boxes[0] = coordinates.inwards(off[:parts]).ravel()
    # Of the iteration here, then of torch's: what is rounded beside the answer, and in it.
    sets, bounds = Ellipsoids.of_boxes(boxes), [off, off]
    path = descend(start, problem, rule)
    x, buffer = next(path)
    first = True
    while True:
        yield Enclosed(x, buffer, bounds[0], bounds[1], largest)
        y = coordinates.turned(x)
        size = math.sqrt(float(np.sum(y**2)))
        pulled = np.zeros((2, 3 * m + 2))
        pulled[:, :-1] = directions(y, problem)
        pulled = pulled[:, free]
        turns = sets.along(inner @ pulled)  # of E[er] and E[e], to first order
        rounds = rounding(start, problem, rule, x, buffer, bounds[1], kind)
        largest = rounds.largest
        box = coordinates.inwards(rounds.box[:parts])
        boxes, pairs = np.zeros_like(boxes), np.zeros((4, 2, parts * d))
        for those, share in ((2, UNITS["float64"] / UNITS[kind]), (4, 1.0)):
            length = coordinates.length(sets.shapes[:those])
            # E[er] and E[e] change to first order, to second, and by the answer's rounding; α and β
            # to first alone.
            curved = bends * length**2 / 2
            pull = inner @ curved + share * rounds.pulls
            changed = turns[:those].sum(axis=0) + pull
            beside = np.zeros((parts, d))
            beside[:, :moving] = 2 * rule.lr * length * float(bends @ changed) * np.abs(signs)
            boxes[those - 2] = (share * box + beside).ravel()
            change = 2 * rule.lr * pulled * pull[:, None]
            pairs[those - 1] = (change[:, None, :] * signs).reshape(2, -1)
        curvature = np.zeros((3 * m + 2, 3 * m + 2))
        curvature[:-1, :-1] = hessian(y, *problem.pulls(x), problem)
        slope = rule.lr * (curvature[np.ix_(free, free)] + rule.weight_decay * np.eye(d))
        local = Ellipsoids.of_boxes(boxes).shapes + Ellipsoids.of_pairs(pairs).shapes
        terms = rule.lr * _terms(problem, size, abs(x[3 * k]))
        sets = sets.moved(_jacobian(slope, rule, first=first), Ellipsoids(local), terms)
        x, buffer = next(path)
        first = False
        reach = sets.reach.reshape(4, parts, d)
        bounds = [coordinates.outwards(reach[:those].sum(axis=0)) for those in (2, 4)]
        for bound in bounds:  # taps are put together from S and F in floats
            bound[0, -1] += (
                8 * UNITS["float64"] * (float(np.max(np.abs(x[k : 2 * k]))) + abs(x[-1]) * spread)
            )


def _jacobian(slope: Array, rule: Sgd, *, first: bool) -> Array:
    """Of a step, by the weights and lr times the buffers; ``slope`` is lr times the Hessian with
    its decay.
    """
    eye = np.eye(len(slope))
    share = rule.share(first=first)
    if not rule.momentum:
        return np.asarray(eye - share * slope)
    kept, filled = rule.momentum * eye, share * slope
    if rule.nesterov:
        return np.block(
            [[eye - slope - rule.momentum * filled, -rule.momentum * kept], [filled, kept]]
        )
    return np.block([[eye - filled, -kept], [filled, kept]])


def _terms(problem: Problem, size: float, offset: float) -> float:
    """A bound on the sums of absolute terms of any entry of the Hessian."""
    width = 2 * math.sqrt(problem.taps * problem.second) + problem.pixels + 1
    return 6 * width**2 * (size**2 + offset + 1)


def margins(start: Weights, moment: Enclosed, kind: str) -> Array:
    """(K,) lower bounds on every partial sum of the taps, plus bias, in the run and as the run
    computes it.

    ReLU is the identity where they are positive; with a conv bias it alone, the background, counts
    too.
    """
    now, (k, n) = start.at(moment.x), start.w.shape
    off = moment.run[0]  # at least as large as that of exact arithmetic
    gamma = (n + 2) * UNITS[kind] / (1 - (n + 2) * UNITS[kind])
    tap = _tap_reach(off, k, n)[:, None]
    sums = np.concatenate([np.cumsum(now.w[:, ::step], axis=1) for step in (1, -1)], axis=1)
    taps = np.tile(np.arange(1, n + 1), 2)
    least = sums - taps * tap
    if now.b is not None:
        sure = now.b - off[2 * k : 3 * k]
        least = np.column_stack([least + sure[:, None], sure])
    size = np.abs(now.w).sum(axis=1) + n * tap[:, 0]
    if now.b is not None:
        size = size + np.abs(now.b) + off[2 * k : 3 * k]
    return np.asarray(np.min(least, axis=1) - 2 * gamma * size)
