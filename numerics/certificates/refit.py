r"""The nearest exact network for σ made of polynomials of higher degree, by Gauss-Newton steps.

While no window passes a break of σ, the error is a polynomial of the degree d of σ on every cell,
and 0 where it vanishes at d + 1 radii of it.  These equations are linear in (a, c):

    Σ_k a_k/share Σ_i σ(z_{k,i}(r) + b_k) + c = r        at d + 1 radii r per cell.

So a point near the nearest one is found in floats, by projecting onto the equations, linear about
the last point, again and again; its filters are then kept as they are, and the readout nearest to
its own is solved for in rational numbers. Whether the result is exact over *every* real radius is
for :func:`numerics.pulse.exact_error.summary` to say.

Where no rational network is near (one cube: Σ w³ = 0) the point is refined in balls, θ -> θ - J⁺e.
With m equations f and m of the weights x free, the others fixed, Krawczyk's operator on a cube X
about x₀,

    K(X) = x₀ - Y f(x₀) + (1 - Y f'(X)) (X - x₀),        Y close to f'(x₀)⁻¹,

maps X into its interior only if X holds a solution: an exact network, known to the size of X.  For
any other σ the same steps lead to a network whose error over every real radius is enclosed: nearly
exact, and no more is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
from flint import arb, arb_mat, ctx, fmpq
from scipy.linalg import qr

from numerics.arithmetic.ball import sigma_ball
from numerics.arithmetic.compile import activation
from numerics.arithmetic.numbers import middle, rational, to_float
from numerics.arithmetic.piecewise import exact_activation
from numerics.arithmetic.regression import RANK
from numerics.arithmetic.types import Array
from numerics.certificates.conditions import Form, Stored, dot, exact_of
from numerics.certificates.patterns import Stretch, stretches
from numerics.certificates.projection import least, with_nearest_readout
from numerics.certificates.supremum import supremum
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import summary
from theory.expressions.spelling import spelled

__all__ = ["NEGLIGIBLE", "Refined", "read_again", "refined", "refitted"]

ROUNDS = 200
BITS = 256
"""Of a refinement."""
GOAL = 1e-55
"""The error at the nodes that it ends at, in pixels."""
CYCLES = 12
"""J⁺ is computed anew this often at most, for four steps each."""
ROOM = fmpq(1, 2**130)
"""Half the side of Krawczyk's cube."""
NEGLIGIBLE = Fraction(1, 10**20)
"""The largest error, over every real radius, of a network that is said to be nearly exact."""
INTERVALS = 600
"""Per cell, for its enclosure."""


def refitted(name: str, net: Stored, domain: Domain) -> Stored | None:
    """An exact network near ``net``, for a continuous σ made of polynomials, one of degree 2 or
    more; None where none is found.
    """
    sigma = exact_activation(name)
    if sigma is None or not sigma.continuous:
        return None
    degree = max(piece.degree() for piece in sigma.pieces)
    if degree < 2:
        return None
    system = _Nodes(name, net, stretches(net.taps, domain), degree)
    near = system.moved(_projected(system))
    moved = _read(near, zip(system.radii, system.pooled(near), strict=True))
    if moved is None:
        return None
    exact = exact_of(moved, name)
    return moved if exact is not None and summary(exact, domain).worst.high == 0 else None


def _read(net: Stored, sampled: Iterable[tuple[fmpq, Sequence[fmpq]]]) -> Stored | None:
    """With the nearest readout that answers r wherever the pooled values are known; None where
    there is none.
    """
    rows = [[*pooled, fmpq(1), r - dot(pooled, net.a) - net.offset] for r, pooled in sampled]
    return with_nearest_readout(net, rows)


def read_again(name: str, net: Stored, domain: Domain) -> Stored | None:
    """The network with the same filters and the nearest readout without an error, for σ made of
    polynomials; None where there is none.

    Between two radii at which a window passes a break of σ the error is a polynomial, linear in
    (a, c), of the degree of σ: it is 0 where it vanishes at one radius more.
    """
    sigma = exact_activation(name)
    if sigma is None:
        return None
    count = max(1, *(piece.degree() for piece in sigma.pieces)) + 1
    sampled = []
    for cell in stretches(net.taps, domain):
        runs = [
            [(dot(x.first, v), dot(x.last, v), x.count) for x in cell.windows] for v in net.vectors
        ]
        passed = {
            (kink - y) / (z - y) for x in runs for y, z, _ in x for kink in sigma.breaks if y != z
        }
        cuts = sorted({fmpq(0), fmpq(1), *(x for x in passed if 0 < x < 1)})
        for left, right in pairwise(cuts):
            for j in range(count):
                phi = left + (right - left) * fmpq(2 * j + 1, 2 * count)
                pooled = [
                    sum((n * sigma(y + phi * (z - y)) for y, z, n in x), fmpq(0)) / net.share
                    for x in runs
                ]
                sampled.append((cell.low + phi * (cell.high - cell.low), pooled))
    return _read(net, sampled)


@dataclass(frozen=True)
class Refined:
    """A network beside an exact one, or one that is nearly exact.

    Attributes
    ----------
    net: its weights, rational.
    slack: an exact network is no farther from it than this; 0 where none is proved to be there.
    error: |r̂ - r| of ``net`` itself is no larger at any radius; 0 where an exact network is proved
        to be there.
    """

    net: Stored
    slack: float
    error: Fraction


def refined(name: str, net: Stored, domain: Domain) -> Refined | None:
    """The nearest network that is exact at the nodes, and what is proved of it; None where none is
    found.

    For a σ made of polynomials that there is an exact network there, by Krawczyk's operator; for
    every other one, that its error is at most :data:`NEGLIGIBLE`.  Where no step of all weights
    leads to one (a window that stands on a break would pass it), the filters are kept and the
    readout alone is moved.
    """
    if spelled(name).jumps:
        return None
    with np.errstate(all="ignore"):  # steps may lead anywhere; what is not finite is left
        return _refined(name, net, domain, kept=False) or _refined(name, net, domain, kept=True)


def _refined(name: str, net: Stored, domain: Domain, *, kept: bool) -> Refined | None:
    exact = exact_activation(name)
    degree = None if exact is None else max(piece.degree() for piece in exact.pieces)
    cells = stretches(net.taps, domain)
    count = net.channels * (net.taps + 2) + 1 if degree is None else max(degree, 1)
    system = _Nodes(name, net, cells, count)
    if kept:
        system.keep[: system.size] = False
    with ctx.workprec(BITS):
        start = system.x if kept else _projected(system)
        there = _newton(system, [arb(y) for y in start.tolist()])
        if there is None:
            return None
        refined_net = system.network([middle(y) for y in there])
        if exact is not None:
            wide = _krawczyk(system, there)
            if wide is not None:
                return Refined(refined_net, wide, Fraction(0))
    error = _largest_error(name, refined_net, domain, cells)
    return None if error is None else Refined(refined_net, 0.0, error)


def _newton(system: _Nodes, x: list[arb]) -> list[arb] | None:
    """θ -> θ - J⁺e, e in balls and J⁺ in float64: the error falls by a large factor per step."""
    size = np.inf
    for _ in range(CYCLES):
        jacobian = system.linear(np.array([float(y) for y in x]))[1]
        if not np.all(np.isfinite(jacobian)):
            return None
        inverse = np.linalg.pinv(jacobian, rcond=RANK)
        for _ in range(4):
            errors = system.errors(x)
            before, size = size, max(float(abs(e).upper()) for e in errors)
            if size < GOAL:
                return x
            if not size < before / 2:
                break
            step = inverse @ np.array([float(e) for e in errors])
            x = [(y - arb(float(d))).mid() for y, d in zip(x, step, strict=True)]
        if not size < 1:
            return None
    return x if size < NEGLIGIBLE / 2**10 else None


def _krawczyk(system: _Nodes, x: list[arb]) -> float | None:
    """How far, at most, an exact network is from x; None where none is proved to be in the cube."""
    jacobian = system.linear(np.array([float(y) for y in x]))[1]
    size = len(jacobian)
    if size > jacobian.shape[1]:
        return None
    _, upper, order = qr(jacobian, mode="economic", pivoting=True)
    if abs(upper[size - 1, size - 1]) <= RANK * abs(upper[0, 0]):
        return None
    free = order[:size].tolist()
    inverse = arb_mat(np.linalg.inv(jacobian[:, free]).tolist())
    wide = list(x)
    for place in free:
        wide[place] = arb(x[place], arb(ROOM))
    slopes = system.slopes(wide)
    if slopes is None:
        return None
    steep = arb_mat([[row[place] for place in free] for row in slopes])
    identity = arb_mat(size, size, [int(i == j) for i in range(size) for j in range(size)])
    moved = inverse * arb_mat([[e] for e in system.errors(x)])
    spread = (identity - inverse * steep) * arb_mat([[arb(0, arb(ROOM))] for _ in range(size)])
    image = (spread - moved).tolist()
    if not all(abs(y[0]) < arb(ROOM) for y in image):
        return None
    return float((arb(ROOM) * arb(size).sqrt()).upper())


def _largest_error(
    name: str, net: Stored, domain: Domain, cells: Sequence[Stretch]
) -> Fraction | None:
    """A bound over every real radius, or None where it is not negligible.

    One plateau cell stands for all: the next one differs by 2 Σ aΔ - 1, what the error grows by
    over the cell, at most twice its bound.
    """
    largest, more = Fraction(0), 1 + 2 * domain.half_length
    for cell in cells:
        part = replace(domain, low=cell.low, high=cell.high)
        try:
            bound = supremum(
                replace(net, sigma=name), part, NEGLIGIBLE / (2 * more), INTERVALS, BITS
            )
        except ValueError:
            return None
        largest = max(largest, more * bound.high)
        if largest > NEGLIGIBLE:
            return None
    return largest


class _Nodes:
    """The answers at d + 1 radii per cell, as functions of the weights, flat as (v_1, ..., v_K, a,
    c).
    """

    def __init__(self, name: str, net: Stored, cells: Sequence[Stretch], degree: int) -> None:
        self.name, self.net = name, net
        self.radii: list[fmpq] = []
        self.seen: list[list[tuple[tuple[fmpq, ...], int]]] = []  # (form, count) at every radius
        for cell in cells:
            for j in range(degree + 1):
                phi = fmpq(j, degree)
                if cell.low + phi * (cell.high - cell.low) in self.radii:
                    continue  # the end of the cell before
                self.radii.append(cell.low + phi * (cell.high - cell.low))
                self.seen.append(
                    [
                        (
                            tuple(
                                x + phi * (y - x)
                                for x, y in zip(window.first, window.last, strict=True)
                            ),
                            window.count,
                        )
                        for window in cell.windows
                    ]
                )
        self.windows = {(window.first, window.last) for cell in cells for window in cell.windows}
        self.forms = np.array(
            [[to_float(x) for x in form] for windows in self.seen for form, _ in windows]
        )
        self.counts = np.array([float(count) for windows in self.seen for _, count in windows])
        self.starts = np.cumsum([0, *(len(windows) for windows in self.seen[:-1])])
        self.r = np.array([to_float(x) for x in self.radii])
        channels, n = net.channels, net.taps
        self.shape = channels, n + 1
        self.size = channels * (n + 1)
        self.keep = np.ones(self.size + channels + 1, dtype=bool)
        self.keep[n : self.size : n + 1] = net.b is not None
        self.keep[-1] = net.c is not None
        *taps, c = net.flat
        self.x = np.array([to_float(x) for x in (*taps, *net.a, c)])

    def linear(self, x: Array) -> tuple[Array, Array]:
        """(error at the radii, its derivative by the weights)."""
        vectors, a, c = (
            x[: self.size].reshape(self.shape),
            x[self.size : -1] / self.net.share,
            x[-1],
        )
        value, slope = activation(self.name)
        z = self.forms @ vectors.T
        pooled = np.add.reduceat(self.counts[:, None] * value(z), self.starts)
        steep = a * self.counts[:, None] * slope(z)
        taps = np.add.reduceat(steep[:, :, None] * self.forms[:, None, :], self.starts)
        rows = len(self.r)
        derivative = np.concatenate(
            [taps.reshape(rows, -1), pooled / self.net.share, np.ones((rows, 1))], axis=1
        )
        derivative[:, ~self.keep] = 0
        error: Array = pooled @ a + c - self.r
        return error, derivative

    def errors(self, x: Sequence[arb]) -> list[arb]:
        """The same error in balls."""
        sigma = sigma_ball(self.name)
        errors = []
        for radius, windows in zip(self.radii, self.seen, strict=True):
            total = x[-1] - arb(radius)
            for k in range(self.net.channels):
                pooled = arb(0)
                for form, count in windows:
                    pooled += count * sigma(self._preactivation(x, k, form))
                total += x[self.size + k] * pooled / self.net.share
            errors.append(total)
        return errors

    def _preactivation(self, x: Sequence[arb], k: int, form: Form) -> arb:
        taps = zip(x[k * len(form) :], form, strict=False)
        return sum((weight * arb(y) for weight, y in taps if y), arb(0))

    def slopes(self, x: Sequence[arb]) -> list[list[arb]] | None:
        """Its derivative by the weights in balls; None where a window may pass a break of σ between
        two radii.
        """
        sigma, steep = sigma_ball(self.name), sigma_ball(spelled(self.name).derivative)
        channels, width = self.shape
        if not all(
            self._on_one_piece(self._preactivation(x, k, first), self._preactivation(x, k, last))
            for k in range(channels)
            for first, last in self.windows
        ):
            return None
        rows = []
        for windows in self.seen:
            row = [arb(0) for _ in x]
            row[-1] = arb(1)
            for k in range(channels):
                a = x[self.size + k] / self.net.share
                for form, count in windows:
                    argument = self._preactivation(x, k, form)
                    slope = a * count * steep(argument)
                    for u in range(width):
                        row[k * width + u] += slope * arb(form[u])
                    row[self.size + k] += count * sigma(argument) / self.net.share
            rows.append([y if keep else arb(0) for y, keep in zip(row, self.keep, strict=True)])
        return rows

    def _on_one_piece(self, first: arb, last: arb) -> bool:
        """No break of σ lies between the two, or on one of them."""
        exact = exact_activation(self.name)
        assert exact is not None
        return all(
            (first < arb(kink) and last < arb(kink)) or (first > arb(kink) and last > arb(kink))
            for kink in exact.breaks
        )

    def moved(self, x: Array) -> Stored:
        """The network with these weights; those that are not stored stay away."""
        return self.network([rational(float(y)) for y in x])

    def network(self, exact: Sequence[fmpq]) -> Stored:
        """The same in exact numbers."""
        a = tuple(exact[self.size : -1])
        return self.net.with_flat([*exact[: self.size], exact[-1]], a=a)

    def pooled(self, net: Stored) -> list[list[fmpq]]:
        """Σ_i σ(z_{k,i} + b_k) / share, exactly: per radius, per channel."""
        sigma = exact_activation(self.name)
        assert sigma is not None
        vectors = net.vectors
        return [
            [
                sum((count * sigma(dot(form, v)) for form, count in windows), fmpq(0)) / net.share
                for v in vectors
            ]
            for windows in self.seen
        ]


def _projected(system: _Nodes) -> Array:
    start = x = system.x
    for _ in range(ROUNDS):
        error, derivative = system.linear(x)
        back = start - x
        step = back + least(derivative, -error - derivative @ back)
        if not np.all(np.isfinite(step)):
            return x
        x = x + step
        if np.max(np.abs(step)) <= 1e-15 * max(1.0, float(np.max(np.abs(x)))):
            break
    return x
