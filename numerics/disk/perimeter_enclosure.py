r"""The perimeter coefficient P of any filter and any row of the catalogue, with a proved error:
P = ∮ Q(θ) dθ, Q(θ) = ∫ [g(p_θ(t)) - g(0) - Δ 1{t > 0}] dt.

A filter is a step function W on the plane, w_u on the pixel u, and p_θ(t) its integral over the
half plane x·n > -t.  With the mixed differences d_v of w at the corners v of its pixels,

    p_θ(t) = Σ_v d_v (t + v·n)₊² / (2 cos θ sin θ):

a quadratic spline whose breaks are known.  Between them, and between the roots of p_θ = break of σ,
Gauss' rule is exact for polynomial pieces; else it is off by l¹³ (6!)⁴/(13 (12!)²) times the
twelfth Taylor coefficient of g∘p, from enclosures of those of σ on what the piece answers
(:mod:`numerics.arithmetic.derivatives`), and pieces are divided until that is little.

Over θ a midpoint rule with step η is off by η²/8 · Var Q'.  Along the line of p_θ(t), y from its
foot, ∂p/∂θ = ∫ y W dy, so

    Var Q' <= Λ 4 Σ_e |[W]_e| ∫_e |x| |x_e| dl + min(Λ₂ 2π (16/15) ρ⁵ max w², B X) + Σ_kinks J X,
    X = ∫ max|w| (ρ² - t²) N(t) dt,

e the edges of pixels, x_e the coordinate along e, Λ₂ = sup |σ''|, B = ∫ |σ''| dz, J the bend of a
kink, and N(t) = 4(2 #{v: |v| > |t|} + 4) a bound on how often p_θ(t) passes a value while θ turns.
Derivation: docs/network.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import comb, factorial, hypot, isfinite, pi

import numpy as np
import sympy as sp

from numerics.arithmetic.compile import activation
from numerics.arithmetic.derivatives import Derivatives, derivatives
from numerics.arithmetic.rounding import UNIT, gamma
from numerics.arithmetic.taylor import TERMS
from numerics.arithmetic.types import Array, Flags, Indices
from numerics.disk.closed_form import ODD, closed_form, rational
from theory.expressions.spelling import spelled

__all__ = [
    "Filter",
    "Strength",
    "by_direction",
    "derivatives_of",
    "difference_of",
    "filter_of",
    "quadrature_of",
    "strength_of",
]

FEWEST, MOST = 1 << 12, 1 << 18
"""Directions over a turn."""
AIM = 1e-6
"""The relative error that the number of directions is chosen for."""
BLOCK = 1 << 16
"""Pieces at a time, before they are divided."""
POINTS, PARTS, ROUNDS = TERMS // 2, 4, 16
"""Of Gauss' rule; in how many a piece is divided at most, and how often."""
CROWD, WORK = 64, 1 << 24
"""Pieces that may come of one in the mean; and over the turn, where fewer directions are taken for
it.
"""


# -------------------------------------------------------------------------------------- the filter


@dataclass(frozen=True)
class Filter:
    """A filter and what follows σ: g(z) = σ(z + b).

    Attributes
    ----------
    w, b, name: the filter (n, n), its bias, and σ's row.
    total, rise: S and Δ = g(S) - g(0), from the correctly rounded sum.
    dipole: m = Σ u w_u.
    """

    w: Array
    b: float
    name: str
    total: float
    rise: float
    dipole: tuple[float, float]

    @property
    def moment(self) -> float:
        """|m|."""
        return hypot(*self.dipole)


def filter_of(w: Array, b: float, name: str) -> Filter:
    """A filter (n, n), n odd, with a bias and a row of the catalogue."""
    b, taps = float(b), rational(w)
    total = sum(taps.values(), Fraction(0))
    x, y = (float(sum(place[axis] * tap for place, tap in taps.items())) for axis in (0, 1))
    sigma = activation(name)[0]
    full, dark = (float(sigma(np.array(z))) for z in (float(total + Fraction(b)), b))
    return Filter(w, b, name, float(total), full - dark, (x, y))


def difference_of(w: Array) -> tuple[int, int] | None:
    """A step e for which w(p) = κ(p - e) - κ(p), w (n, n), with κ of one sign, in exact numbers;
    None where there is none.
    """
    n = len(w)
    if not np.any(w):
        return None
    exact = [[Fraction(float(x)) for x in row] for row in w]
    steps = [(i, j) for i in range(n) for j in range(1 - n, n) if (i, j) > (0, 0)]
    for e in sorted(steps, key=lambda e: (e[0] ** 2 + e[1] ** 2, e)):
        signs, closed = set(), True
        for i, j in np.ndindex(n, n):
            if 0 <= i - e[0] < n and 0 <= j - e[1] < n:
                continue  # not the first of its chain
            kappa = Fraction(0)
            while 0 <= i < n and 0 <= j < n:
                kappa += exact[i][j]
                signs.add((kappa > 0) - (kappa < 0))
                i, j = i + e[0], j + e[1]
            closed = closed and kappa == 0
        if closed and not {1, -1} <= signs:
            return e
    return None


@dataclass(frozen=True)
class _Corners:
    """d_v where it is not 0, v, and ρ, the distance of the farthest corner of a pixel that is not
    0.
    """

    d: Array
    v: Array
    rho: float


def _corners(w: Array) -> _Corners:
    n = len(w)
    d = np.zeros((n + 1, n + 1))
    d[1:, 1:] += w
    d[:-1, :-1] += w
    d[1:, :-1] -= w
    d[:-1, 1:] -= w
    axis = np.arange(n + 1) - n / 2
    padded = np.pad(w != 0, 1)
    meets = padded[1:, 1:] | padded[:-1, :-1] | padded[1:, :-1] | padded[:-1, 1:]
    i, j = np.nonzero(meets)
    v = np.stack([axis[i], axis[j]], axis=1)
    return _Corners(d[i, j], v, float(np.max(np.hypot(v[:, 0], v[:, 1]), initial=0.0)))


def _variation(w: Array, corners: _Corners, bent: Derivatives) -> float:
    """The bound on Var Q' of the head of this file."""
    n, most, rho = len(w), float(np.max(np.abs(w))), corners.rho
    across = np.abs(np.diff(np.pad(w, ((1, 1), (0, 0))), axis=0))  # (n + 1, n): edges at x₁ = α
    along = np.abs(np.diff(np.pad(w, ((0, 0), (1, 1))), axis=1)).T
    alpha, beta = np.abs(np.arange(n + 1) - n / 2)[:, None], np.abs(np.arange(n) - n // 2)
    weight = np.hypot(alpha, beta + 0.5) * np.where(beta == 0, 0.25, beta)
    turning = 4 * float(np.sum((across + along) * weight))
    curved = 2 * bent.sizes[2] * 2 * pi * 16 / 15 * rho**5 * most**2
    radii = np.sort(np.hypot(corners.v[:, 0], corners.v[:, 1]))
    cuts = np.concatenate([[0.0], radii])
    passed = 4 * (2 * (len(radii) - np.arange(len(radii))) + 4)
    inner = rho**2 * cuts - cuts**3 / 3
    crossing = 2 * most * float(np.sum(np.diff(inner) * passed))
    smooth = min(curved, bent.bend * crossing)
    return (bent.sizes[1] * turning + smooth + sum(bent.bends) * crossing) * (1 + 1e-12)


# ------------------------------------------------------------------------------------- quadrature


@dataclass(frozen=True)
class _Quadratics:
    """p = p₀ + t (p₁ + t p₂) for 0 <= t <= length, of one ``direction``; all (pieces,)."""

    direction: Indices
    length: Array
    p0: Array
    p1: Array
    p2: Array

    def __call__(self, t: Array) -> Array:
        return self.p0 + t * (self.p1 + t * self.p2)

    def hull(self) -> tuple[Array, Array]:
        """The least and the greatest value on each."""
        turn = np.divide(-self.p1, 2 * self.p2, out=np.zeros_like(self.p1), where=self.p2 != 0)
        ends = np.stack([self.p0, self(self.length), self(np.clip(turn, 0, self.length))])
        return np.min(ends, axis=0), np.max(ends, axis=0)

    def take(self, which: Indices | Flags, start: Array, length: Array) -> _Quadratics:
        """The stretches of some pieces from ``start`` on."""
        p0, p1, p2 = self.p0[which], self.p1[which], self.p2[which]
        return _Quadratics(
            self.direction[which], length, p0 + start * (p1 + start * p2), p1 + 2 * start * p2, p2
        )


def _spline(corners: _Corners, c: Array, s: Array) -> tuple[_Quadratics, Array]:
    """The pieces of p_θ in the directions (B,), and the last break (B,)."""
    x = -(np.multiply.outer(c, corners.v[:, 0]) + np.multiply.outer(s, corners.v[:, 1]))
    order = np.argsort(x, axis=1)
    x = np.take_along_axis(x, order, axis=1)
    steep = corners.d[order] / (2 * c * s)[:, None]
    length = np.diff(x, axis=1)
    p2 = np.cumsum(steep, axis=1)[:, :-1]
    p1 = np.cumsum(2 * p2 * length, axis=1) - 2 * p2 * length
    p0 = np.cumsum(length * (p1 + length * p2), axis=1) - length * (p1 + length * p2)
    direction = np.repeat(np.arange(len(c)), length.shape[1])
    return _Quadratics(direction, *(values.ravel() for values in (length, p0, p1, p2))), x[:, -1]


def _cut(pieces: _Quadratics, levels: tuple[float, ...]) -> _Quadratics:
    """The same pieces, cut where they pass one of the levels."""
    if not levels:
        return pieces
    low, high = pieces.hull()
    met = np.zeros(len(low), bool)
    for level in levels:
        met |= (low < level) & (level < high)
    which = np.nonzero(met)[0]
    p1, p2, end = pieces.p1[which], pieces.p2[which], pieces.length[which]
    cuts = [np.zeros(len(which)), end]
    with np.errstate(divide="ignore", invalid="ignore"):
        for level in levels:
            constant = pieces.p0[which] - level
            root = np.sqrt(p1 * p1 - 4 * p2 * constant)
            q = -(p1 + np.copysign(root, p1)) / 2
            cuts += [np.clip(np.nan_to_num(t, nan=0.0), 0, end) for t in (q / p2, constant / q)]
    edges = np.sort(np.stack(cuts), axis=0)
    parts = [pieces.take(~met, np.zeros(int(np.sum(~met))), pieces.length[~met])]
    return _joined(parts + [pieces.take(which, low, high - low) for low, high in pairwise(edges)])


def _joined(parts: list[_Quadratics]) -> _Quadratics:
    return _Quadratics(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("direction", "length", "p0", "p1", "p2")
        )
    )


def _leading(pieces: _Quadratics, sizes: Array) -> Array:
    """l¹³ (6!)⁴/(13 (12!)²) Σ_j C(12 - j, j) |s_{12-j}| |p'|^{12-2j} |p''/2|^j: what 6 points leave
    out; s_6, ..., s_12 of each piece (7, pieces).
    """
    l, p1 = (
        pieces.length,
        np.maximum(np.abs(pieces.p1), np.abs(pieces.p1 + 2 * pieces.length * pieces.p2)),
    )
    steep, curved = (p1 * l) ** 2, np.abs(pieces.p2) * l * l
    total, power = sizes[-1], np.ones_like(l)
    for j in range(1, POINTS + 1):
        power = power * curved
        total = total * steep + comb(TERMS - j, j) * sizes[-1 - j] * power
    return np.asarray(total * l * (factorial(POINTS) ** 4 / ((TERMS + 1) * factorial(TERMS) ** 2)))


def _refined(
    pieces: _Quadratics, bent: Derivatives, b: float, aim: float
) -> tuple[_Quadratics, Array]:
    """The same pieces, divided until the rule leaves out ``aim`` per unit of t at most, and what it
    leaves out of each.
    """
    which, start, length = (
        np.arange(len(pieces.direction)),
        np.zeros(len(pieces.direction)),
        pieces.length,
    )
    whole = np.array(bent.sizes[POINTS:])[:, None]
    kept, off, room = [], [], CROWD * len(which)
    for left in reversed(range(ROUNDS)):
        part, goal = pieces.take(which, start, length), aim * length
        with np.errstate(over="ignore", invalid="ignore"):
            lost = _leading(part, whole)
            # Only where the bound of all that the filter answers is too rough.
            some = ~(lost <= goal)
            close = part.take(some, np.zeros(int(np.sum(some))), length[some])
            low, high = close.hull()
            lost[some] = _leading(close, bent.over(low + b, high + b, slice(POINTS, None)))
        lost = np.nan_to_num(lost, nan=np.inf)
        over = np.clip(lost / np.maximum(goal, 1e-300), 1, 1e18) ** (1 / TERMS)
        parts = np.where(lost <= goal, 1, np.clip(np.ceil(over), 2, PARTS)).astype(int)
        room -= len(which)
        done = parts == 1 if left and np.sum(parts) <= room else np.ones(len(which), bool)
        kept.append(part.take(done, np.zeros(int(np.sum(done))), length[done]))
        off.append(lost[done])
        parts = np.where(done, 0, parts)
        again = np.repeat(np.arange(len(which)), parts)
        number = np.arange(len(again)) - np.repeat(np.cumsum(parts) - parts, parts)
        length = (length / np.maximum(parts, 1))[again]
        which, start = which[again], start[again] + number * length
        if not len(which):
            break
    return _joined(kept), np.concatenate(off)


def by_direction(filter_: Filter, theta: Array) -> tuple[Array, Array]:
    """Q(θ) and the error of its quadrature in t, each (T,); no θ a multiple of π/2."""
    if not np.any(filter_.w):
        return np.zeros(len(theta)), np.zeros(len(theta))
    bent = derivatives_of(filter_)
    return _over(filter_, _corners(filter_.w), bent, theta, _fine(filter_, bent, AIM))[:2]


def _fine(filter_: Filter, bent: Derivatives, aim: float) -> float:
    """An error per unit of t that is small for a relative ``aim``, where there is a quadrature in t
    at all.
    """
    return aim * float(np.max(np.abs(filter_.w))) * bent.sizes[1] / 64


def derivatives_of(filter_: Filter) -> Derivatives:
    """What is known of σ on all that the filter can answer."""
    return derivatives(filter_.name, *_range(filter_))


def _range(filter_: Filter) -> tuple[float, float]:
    """Between these lie all pre-activations."""
    low = filter_.b + float(np.sum(np.minimum(filter_.w, 0)))
    high = filter_.b + float(np.sum(np.maximum(filter_.w, 0)))
    wide = 1e-9 * (1 + abs(low) + abs(high))
    return low - wide, high + wide


def _over(
    filter_: Filter, corners: _Corners, bent: Derivatives, theta: Array, aim: float
) -> tuple[Array, Array, int]:
    """Q(θ), its error, and the number of pieces."""
    sigma = activation(filter_.name)[0]
    dark = float(sigma(np.array(filter_.b)))
    node, share = np.polynomial.legendre.leggauss(bent.points)
    value, error = np.zeros(len(theta)), np.zeros(len(theta))
    tall, number = bent.sizes[0] + abs(dark), 0
    step = max(1, BLOCK // max(1, len(corners.d)))
    for first in range(0, len(theta), step):
        c, s = np.cos(theta[first : first + step]), np.sin(theta[first : first + step])
        pieces, last = _spline(corners, c, s)
        pieces = _cut(pieces, tuple(z - filter_.b for z in bent.breaks))
        if bent.points == POINTS:
            pieces, off = _refined(pieces, bent, filter_.b, aim)
            error[first : first + step] = np.bincount(pieces.direction, off, len(c))
        number += len(pieces.direction)
        # Sums of so many terms, rounded.
        error[first : first + step] += np.bincount(pieces.direction, minlength=len(c)) * (
            4 * UNIT * corners.rho * tall
        )
        total = np.zeros(len(pieces.direction))
        for x, weight in zip(node.tolist(), share.tolist(), strict=True):
            total += weight / 2 * (sigma(pieces(pieces.length * (1 + x) / 2) + filter_.b) - dark)
        value[first : first + step] = np.bincount(pieces.direction, total * pieces.length, len(c))
        value[first : first + step] -= filter_.rise * last
    return value, error, number


@dataclass(frozen=True)
class Strength:
    """P of a filter.

    Attributes
    ----------
    value, error: |P - value| <= error; None where nothing is proved, as σ jumps within the filter's
        reach.
    turns: directions of the midpoint rule, 0 for a closed form.
    step: e, where the filter is a difference along e that is smoothed with one sign: every p_θ has
        one sign.
    law: the closed form in words, or empty.
    """

    value: float
    error: float | None
    turns: int
    step: tuple[int, int] | None
    law: str


def strength_of(filter_: Filter, aim: float = AIM, most: int = MOST) -> Strength:
    """P with its error; ``most`` directions at most, fewer where ``aim``, relative, is reached with
    fewer.
    """
    return _closed(filter_) or quadrature_of(filter_, aim, most)


def quadrature_of(filter_: Filter, aim: float = AIM, most: int = MOST) -> Strength:
    """P with its error by the midpoint rule, also where there is a closed form."""
    corners, bent = _corners(filter_.w), derivatives_of(filter_)
    fine, alike = _fine(filter_, bent, aim), _alike(filter_.w)

    def turn(count: int) -> Array:
        return np.asarray((np.arange(count // alike) + 0.5) * (2 * pi / count), dtype=float)

    first, _, pieces = _over(filter_, corners, bent, turn(256), fine)
    rough = float(np.sum(first)) * alike * 2 * pi / 256
    variation = _variation(filter_.w, corners, bent)
    goal = aim * max(abs(rough), bent.sizes[1] * float(np.max(np.abs(filter_.w)))) / 1.25
    count = 2 * pi * (variation / (8 * goal)) ** 0.5 if goal else FEWEST
    turns = int(min(max(count, FEWEST), most, max(WORK * 256 / (alike * pieces), FEWEST))) // 4 * 4
    theta, step = turn(turns), 2 * pi / turns
    value, error, _ = _over(filter_, corners, bent, theta, fine)
    total = float(np.sum(value)) * alike * step
    off = (
        step**2 / 8 * variation
        + float(np.sum(error)) * alike * step
        + _rounding(filter_, corners, bent, theta)
    )
    if bent.jumps or not isfinite(off):
        return Strength(total, None, turns, difference_of(filter_.w), "")
    return Strength(total, off * (1 + 1e-9), turns, difference_of(filter_.w), "")


def _alike(w: Array) -> int:
    """How many of the four quarters of a turn have the same Q: those that turn w into itself."""
    return next(4 // k for k in (1, 2, 4) if np.array_equal(np.rot90(w, k), w))


def _rounding(filter_: Filter, corners: _Corners, bent: Derivatives, theta: Array) -> float:
    """Sums of M corners, divided by cos θ sin θ, then σ: a priori, not sharp."""
    length, size = 2 * corners.rho, len(corners.d) + 8
    mean = float(np.mean(1 / np.abs(np.cos(theta) * np.sin(theta))))
    p = 4 * size * float(np.sum(np.abs(corners.d))) * length**2 * mean
    reach = float(np.sum(np.abs(filter_.w))) + abs(filter_.b)
    tall = 1 + reach + bent.sizes[0]
    return 2 * pi * length * UNIT * (bent.sizes[1] * p + 16 * size * tall)


def _closed(filter_: Filter) -> Strength | None:
    """P where it needs no quadrature: σ affine on all that the filter can answer, homogeneous
    behind a one-signed difference, or what :mod:`numerics.disk.closed_form` knows.
    """
    row = spelled(filter_.name)
    low = high = sp.Rational(*filter_.b.as_integer_ratio())
    for tap in np.ravel(filter_.w).tolist():
        exact = sp.Rational(*tap.as_integer_ratio())
        low, high = low + min(exact, 0), high + max(exact, 0)
    for left, right, *_ in row.affine_pieces:
        if left <= low and high <= right:
            return Strength(
                0.0, 0.0, 0, difference_of(filter_.w), "0, as σ is affine on all that it answers"
            )
    if not np.any(filter_.w):
        return Strength(0.0, 0.0, 0, None, "0, as all taps are 0")
    step = difference_of(filter_.w)
    if row.parity == "odd" and not row.jumps and low + high == 0:  # S + 2b
        return Strength(0.0, 0.0, 0, step, ODD)
    if step is None or filter_.b != 0 or not row.homogeneous:
        known = closed_form(filter_.w, filter_.b, filter_.name)
        return None if known is None else Strength(known.value, known.error, 0, step, known.law)
    below, above = row.slopes
    value = 2 * float(above - below) * filter_.moment
    law = {2: "4|m|", 1: "2|m|"}.get(above - below, "2(s₊ - s₋)|m|")
    return Strength(value, float(gamma(8)) * abs(value), 0, step, law)
