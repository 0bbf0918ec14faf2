"""The chapter of disks: areas of pixels from their definition, small images in whole numbers."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import combinations, pairwise, product
from typing import Any

import numpy as np

from numerics.arithmetic import oracle
from numerics.disk.perimeter import strength
from theory.disk import disk, laplacian, perimeter, shares
from verify.counterexamples.exact import covariance, dot, risk
from verify.counterexamples.search import (
    ASKS_NOTHING,
    DEFINES,
    NAMES,
    STATES,
    Case,
    Hypothesis,
    Search,
    ordered,
)

__all__ = ["REASONS", "SEARCHES", "area"]

HALF = Fraction(1, 2)
SAME = 1e-9
"""Two sums of areas that agree so far are the same."""
INTEGRATED = 2e-3
"""So far the integral over all directions is off, relative to 1 + P, at most."""


@cache
def area(i: int, j: int, r: float) -> float:
    """The area of the pixel around (i, j) inside the disk: its columns, integrated piece by piece
    with an antiderivative of √(r² - t²).
    """
    low, high = max(i - 0.5, -r), min(i + 0.5, r)
    if low >= high:
        return 0.0
    ends = {low, high}
    for edge in (j - 0.5, j + 0.5):
        if abs(edge) < r:
            root = math.sqrt(r * r - edge * edge)
            ends |= {t for t in (root, -root) if low < t < high}
    places, total = sorted(ends), 0.0
    for t, s in pairwise(places):
        root = math.sqrt(max(r * r - ((t + s) / 2) ** 2, 0.0))
        top, bottom = min(j + 0.5, root), max(j - 0.5, -root)
        if top > bottom:
            curved = (_primitive(s, r) - _primitive(t, r)) * ((top == root) + (bottom == -root))
            flat = top * (top != root) - bottom * (bottom != -root)
            total += curved + flat * (s - t)
    return total


def _primitive(t: float, r: float) -> float:
    t = min(max(t, -r), r)
    return (t * math.sqrt(r * r - t * t) + r * r * math.asin(t / r)) / 2


def _disk(r: Fraction, half: int) -> dict[tuple[int, int], float]:
    span = range(-half, half + 1)
    return {(i, j): area(i, j, float(r)) for i, j in product(span, span)}


def close(law: Any, truth: Any) -> bool:
    """Two results agree to nine digits."""
    return bool(np.allclose(law, truth, rtol=SAME, atol=SAME))


# --- disk -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pooled(Case):
    """A filter of n × n taps, row by row, on L pixels to each side, and the disk's radius."""

    L: int
    w: tuple[int, ...]
    sigma: str
    padding: str
    r: Fraction


def _pooled_law(case: Pooled) -> float:
    return math.pi * float(case.r) ** 2 * sum(case.w)


def _windows(case: Pooled) -> list[float]:
    n = math.isqrt(len(case.w))
    h, x = n // 2, _disk(case.r, case.L)
    inner = case.L - h if case.padding == "none" else case.L
    span = range(-inner, inner + 1)
    taps = list(zip(product(range(-h, h + 1), repeat=2), case.w, strict=True))
    return [
        sum(t * x.get((i + u, j + v), 0.0) for (u, v), t in taps) for i, j in product(span, span)
    ]


def _pooled_disks() -> Iterator[Pooled]:
    for L, n in ((0, 1), (1, 1), (1, 3), (2, 3)):
        for w in ordered(n * n, 1):
            for sigma, padding in product(("identity", "relu"), ("zeros", "none")):
                for k in range(1, 2 * L + 3):
                    yield Pooled(L, w, sigma, padding, Fraction(k, 2))


DISK = Search(
    "disk",
    "the sum of all windows, θπr² without c",
    "(L, n) = (0, 1), (1, 1), (1, 3), (2, 3), one tap ±1, these in lexicographic order, σ, padding,"
    " r on multiples of 1/2; in floats, to nine digits",
    _pooled_disks,
    (
        Hypothesis(
            "the disk lies inside the signal",
            "it reaches beyond",
            lambda case: case.r <= case.L + HALF or len(case.w) > 1,
        ),
        Hypothesis("identity activation", "ReLU", lambda case: case.sigma == "identity"),
        Hypothesis(
            "zero padding",
            "no padding: only windows inside the signal",
            lambda case: case.padding == "zeros" or len(case.w) == 1,
        ),
        Hypothesis(
            "the disk farther from the border than half a filter",
            "it comes nearer",
            lambda case: len(case.w) == 1 or case.r + 1 <= case.L + HALF,
        ),
    ),
    _pooled_law,
    lambda case: sum(map(oracle.RATIONAL[case.sigma], _windows(case))),
    close,
)


@dataclass(frozen=True)
class Radii(Case):
    """Radii of training."""

    radii: tuple[int, ...]


def _gaps(case: Radii) -> set[int]:
    return {after - before for before, after in pairwise(case.radii)}


LEAST = Search(
    "disk",
    "the least loss of a network without σ",
    "3 and 4 radii from 1 to 6, in lexicographic order",
    lambda: (Radii(radii) for count in (3, 4) for radii in combinations(range(1, 7), count)),
    (
        Hypothesis(
            r"$q$ equidistant radii with mean $\mu$ and spacing $s$",
            "radii at other distances",
            lambda case: len(_gaps(case)) == 1,
        ),
    ),
    lambda case: disk.least(
        Fraction(case.radii[0]), Fraction(case.radii[-1]), Fraction(len(case.radii))
    ),
    lambda case: risk([[r * r for r in case.radii]], case.radii),
)


# --- perimeter ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference(Case):
    """κ with two taps, 1 at 0 and ``second`` at ``place``, a step e, and a disk."""

    step: tuple[int, int]
    second: int
    place: tuple[int, int]
    L: int
    r: Fraction


def _crest_law(case: Difference) -> float:
    """2 Σκ Σ of the largest pixel of each chain with step e; the chains are walked."""
    chains: dict[tuple[int, int], float] = defaultdict(float)
    e = case.step
    for (i, j), value in _disk(case.r, 8).items():
        # The chain through p: its member with the least part along e.
        steps = (i * e[0] + j * e[1]) // (e[0] ** 2 + e[1] ** 2)
        chain = (i - steps * e[0], j - steps * e[1])
        chains[chain] = max(chains[chain], value)
    return 2 * (1 + case.second) * sum(chains.values())


def _crest_truth(case: Difference) -> float:
    x, reach = _disk(case.r, case.L), case.L + 8
    span = range(-reach, reach + 1) if case.L > 3 else range(-case.L, case.L + 1)
    (a, b), (u, v) = case.step, case.place

    def rise(i: int, j: int) -> float:
        """x(p + e) - x(p)."""
        return x.get((i + a, j + b), 0.0) - x.get((i, j), 0.0)

    return sum(abs(rise(i, j) + case.second * rise(i + u, j + v)) for i, j in product(span, span))


def _differences() -> Iterator[Difference]:
    steps = ((1, 0), (1, 1), (2, 0), (2, 1), (3, 0))
    for second, step in product((0, 1, -1), steps):
        for place in ((-step[1], step[0]), step) if second else ((0, 0),):
            for L, r in product((6, 2), (Fraction(3, 2), Fraction(5, 2))):
                yield Difference(step, second, place, L, r)


CREST = Search(
    "perimeter",
    "the sum of absolute differences over a disk",
    "the second tap of κ: 0, 1, -1, e = (1, 0), (1, 1), (2, 0), (2, 1), (3, 0), its place across e"
    " or along it, L = 6, 2, r = 3/2, 5/2; in floats, to nine digits",
    _differences,
    (
        Hypothesis(r"$\kappa \ge 0$", "a tap below 0", lambda case: case.second >= 0),
        Hypothesis(
            "moves the difference across $e$ only",
            "along e",
            lambda case: case.second == 0 or case.place != case.step,
        ),
        Hypothesis(
            "$e$ is $(1, 0)$, $(2, 0)$ or $(1, 1)$ or one of their mirror images",
            "another e; the largest pixels of its chains are found by walking them",
            lambda case: case.step in perimeter.STEPS,
            needed=False,
        ),
        Hypothesis("the disk far from the border", "near the border", lambda case: case.L == 6),
    ),
    _crest_law,
    _crest_truth,
    close,
)


@dataclass(frozen=True)
class Upright(Case):
    """A row of taps before an upright edge: n = (1, 0)."""

    w: tuple[int, ...]
    b: Fraction
    sigma: str


def _shown(case: Upright) -> list[Fraction]:
    """p at t = -5/2, -3/2, …, between which it is straight."""
    h = len(case.w) // 2
    shown = []
    for k in range(-2 * h - 3, 2 * h + 5, 2):
        lit = [min(max(Fraction(k + 1, 2) + u, Fraction(0)), Fraction(1)) for u in range(-h, h + 1)]
        shown.append(Fraction(dot(case.w, lit)))
    return shown


def _integral(low: Fraction, high: Fraction) -> Fraction:
    """∫ |y| over a unit step from low to high."""
    if low * high >= 0:
        return abs(low + high) / 2
    return (low * low + high * high) / (2 * (abs(low) + abs(high)))


def _upright_law(case: Upright) -> Any:
    """|m·n| + 2 min(∫p₊, ∫p₋), the two sides being what p shows above and below 0."""
    values = _shown(case)
    sides = [Fraction(0), Fraction(0)]
    for low, high in pairwise(values):
        size, sign = _integral(low, high), (low + high) / 2
        sides[0] += (size + sign) / 2
        sides[1] += (size - sign) / 2
    if values[-1]:
        return "∞"
    h = len(case.w) // 2
    moment = abs(dot(range(-h, h + 1), case.w))
    return moment + perimeter.gap(*sides)


def _upright_truth(case: Upright) -> Any:
    """∫ [g(p) - g(0) - Δ 1{t > 0}] dt, for |·| or ReLU, whose kink lies at -b."""
    values, full = [p + case.b for p in _shown(case)], sum(case.w) + case.b
    steps = list(pairwise(values))
    half = len(steps) // 2  # the edge t = 0 lies in the middle of a step
    total = sum(_integral(low, high) for low, high in steps) - len(steps) * abs(case.b)
    total -= (Fraction(half) + HALF * (len(steps) % 2)) * (abs(full) - abs(case.b))
    if case.sigma == "relu":  # (|y| + y)/2
        linear = sum((low + high) / 2 for low, high in steps) - len(steps) * case.b
        linear -= (Fraction(half) + HALF * (len(steps) % 2)) * (full - case.b)
        return (total + linear) / 2
    return total


UPRIGHT = Search(
    "perimeter",
    "what an upright edge adds to P: |m·n| and the lesser side twice",
    "n = 1, 3, the sum of |w| up to 3, in lexicographic order, b = 0, 1/2, -1/2, σ",
    lambda: (
        Upright(w, Fraction(b, 2), sigma)
        for n in (1, 3)
        for w in ordered(n, 3)
        for b in (0, 1, -1)
        for sigma in ("abs", "relu")
    ),
    (
        Hypothesis("$S = 0$", "S ≠ 0", lambda case: sum(case.w) == 0),
        Hypothesis(r"$\sigma = |\cdot|$", "ReLU", lambda case: case.sigma == "abs"),
        Hypothesis("$b = 0$", "b = ±1/2", lambda case: case.b == 0),
    ),
    _upright_law,
    _upright_truth,
)


# --- shares ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Share(Case):
    """One channel with F = r² (area 1, no perimeter), its readout, and radii."""

    a: int
    c: int
    radii: tuple[int, ...]


def _share_law(case: Share) -> Any:
    """The right side: 1 - L/V + (a ∂L/∂a + (c - μ) ∂L/∂c)/2V."""
    r, n = case.radii, Fraction(len(case.radii))
    errors = [case.c + case.a * x * x - x for x in r]
    by_a = 2 * dot(errors, [x * x for x in r]) / n
    by_c = 2 * sum(errors) / n
    spread, mean = covariance(r, r), sum(r) / n
    level = dot(errors, errors) / n
    return 1 - level / spread + (case.a * by_a + (case.c - mean) * by_c) / (2 * spread)


SHARE = Search(
    "shares",
    "how area and perimeter share the work",
    "3 and 4 radii from 1 to 5, in lexicographic order, a = 1, -1, c = 0, 1; F(r) = r²",
    lambda: (
        Share(a, c, radii)
        for count in (3, 4)
        for radii in combinations(range(1, 6), count)
        for a, c in product((1, -1), (0, 1))
    ),
    (
        Hypothesis(
            r"radii that lie symmetrically about $\mu$",
            "they do not",
            lambda case: (
                {case.radii[0] + case.radii[-1] - r for r in case.radii} == set(case.radii)
            ),
        ),
    ),
    lambda case: shares.share([case.a], [0], [1], [0], sum(case.radii) / Fraction(len(case.radii))),
    _share_law,
)


@dataclass(frozen=True)
class Squares(Case):
    """A filter of 3 × 3 taps by their places, a bias, and a small image by its lit pixels."""

    w: tuple[tuple[int, ...], ...]
    b: int
    lit: tuple[tuple[int, int], ...]
    L: int


SYMMETRIC = {
    "one pixel": ((0, 0),),
    "a plus": ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)),
}
OTHER = ((0, 0), (1, 0))


def _squares_law(case: Squares) -> Any:
    """Σ W_d Σ x(p) x(p + d) + 2bS Σ x, over d = (i, j) with i >= j >= 0."""
    x = dict.fromkeys(case.lit, 1)
    weights = shares.lags({(u, v): 1 for u, v in case.w})
    pairs = {d: sum(x.get((p[0] + d[0], p[1] + d[1]), 0) for p in x) for d in weights}
    products = sum(weight * pairs[d] for d, weight in weights.items())
    return products + 2 * case.b * len(case.w) * len(x)


def _squares_truth(case: Squares) -> Any:
    span = range(-case.L, case.L + 1)
    z = [
        sum((i + u, j + v) in case.lit for u, v in case.w) + case.b for i, j in product(span, span)
    ]
    return sum(value * value - case.b**2 for value in z)


def _square_cases() -> Iterator[Squares]:
    places = list(product((-1, 0, 1), repeat=2))
    for count in (1, 2):
        for w in combinations(places, count):
            for b, lit, L in product((0, 1), (*SYMMETRIC.values(), OTHER), (3, 1)):
                yield Squares(w, b, lit, L)


SQUARES = Search(
    "shares",
    "the sum of squares of all windows",
    "one or two taps of 1 at places of a 3 × 3 filter, in lexicographic order, b = 0, 1, the image,"
    " L = 3, 1",
    _square_cases,
    (
        Hypothesis(
            "$x$ has the symmetries of the square",
            "two pixels side by side",
            lambda case: case.lit != OTHER,
        ),
        Hypothesis("far from the border", "the image reaches the border", lambda c: c.L > 1),
    ),
    _squares_law,
    _squares_truth,
)


# --- laplacian ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row(Case):
    """Three taps in a row of a 3 × 3 filter, and a bias."""

    w: tuple[int, ...]
    b: Fraction


def _laplacian_law(case: Row) -> float:
    """4 |Σ w D|, or -sgn(S) 4 Σ w D, with D in floats from its antiderivative."""
    distances = [laplacian.distance(u, 0, FLOATS) for u in (-1, 0, 1)]
    total, s = dot(case.w, distances), sum(case.w)
    return float(4 * abs(total) if s == 0 else -math.copysign(4, s) * total)


class _Floats:
    """Square roots and inverse hyperbolic sines of floats."""

    number = staticmethod(float)
    sqrt = staticmethod(math.sqrt)
    asinh = staticmethod(math.asinh)


FLOATS: Any = _Floats()


def _laplacian_truth(case: Row) -> float:
    """P by the integral over all directions and distances."""
    w = np.zeros((1, 3, 3))
    w[0, :, 1] = case.w
    return float(strength(w, float(case.b), np.abs)[0])


def _rows() -> Iterator[Row]:
    for w in ordered(3, 4):
        for b in {-Fraction(sum(w), 2), Fraction(0)}:
            if any(w):
                yield Row(w, b)


LAPLACIAN = Search(
    "laplacian",
    "P in closed form, and by integration, to three digits",
    "the sum of |w| up to 4, in lexicographic order, b = -S/2, 0; three taps in a row",
    _rows,
    (
        Hypothesis(
            r"with bias $b = -\frac S2$",
            "b = 0",
            lambda case: case.b == -Fraction(sum(case.w), 2),
        ),
        Hypothesis(
            "$w$ is even, $w_{c+u} = w_{c-u}$",
            "it is not even about the middle",
            lambda case: case.w[0] == case.w[2],
        ),
        Hypothesis(
            r"$p_\theta - \frac S2$ has one sign … decided exactly",
            "neither of the two cases that are named",
            lambda case: case.w[1] * sum(case.w) >= 0,
        ),
    ),
    _laplacian_law,
    _laplacian_truth,
    lambda law, truth: abs(law - truth) < INTEGRATED * (1 + abs(truth)),
)

SEARCHES: tuple[Search[Any], ...] = (DISK, LEAST, UPRIGHT, CREST, SHARE, SQUARES, LAPLACIAN)
"""The searches of this chapter, in the order of its claims."""

NOT_TRIED = "of an asymptotic law: not tried"
REASONS: dict[str, tuple[tuple[str, str], ...]] = {
    "disk": (
        ("$A$ is odd in $x$ and in $y$, which are cut at $r > 0$", DEFINES),
        ("any filters", ASKS_NOTHING),
        (r"$\hat r = c + \theta\pi r^2$", STATES),
        (r"as $q \to \infty$, $r$ uniform on $[\mu - d, \mu + d]$", STATES),
    ),
    "perimeter": (
        (r"$H_\theta(t)$: … $n = (\cos\theta, \sin\theta)$", DEFINES),
        ("third line:", NAMES),
        (
            "equality if and only if almost every $p_\\theta$ has one sign; ReLU has half of it",
            STATES,
        ),
        ("last line:", NAMES),
        ("the crest is the largest pixel of each chain of pixels with step $e$", DEFINES),
    ),
    "shares": (
        (r"$F_k(r) = … \varrho_k(r)$ with … over", DEFINES),
        ("the parenthesis on the right is 0 for the best readout", STATES),
        (r"$p_\theta$: what a filter shows … about $S/2$", DEFINES),
        ("squares:", NAMES),
        ("as a disk has", ASKS_NOTHING),
        ("$d = (i, j)$ with … images of $d$", DEFINES),
        ("last line: … at least that", "the same for signals is dropped under endings"),
    ),
    "laplacian": (
        (r"$\sigma = |\cdot|$", "is dropped under perimeter, which this claim builds on"),
        (r"so that $\Delta = 0$; … measured from the point $c$ about which", DEFINES),
        ("so it is when … and when all taps are $\\ge 0$", STATES),
        ("$S = 0$: the positive side … in closed form", STATES),
    ),
    "curvature": (
        (r"$\bar F(r)$: … far from the border", NOT_TRIED),
        ("with kinks: … have no area", NOT_TRIED),
        (r"$M_\theta(t; u)$: … in the perimeter", DEFINES),
        ("last line: $e$ is a row, a column or a diagonal", NOT_TRIED),
    ),
    "lattice": (
        ("a disk around any point $c$, far from the border", NOT_TRIED),
        (r"$\sigma$ continuous and piecewise smooth", NOT_TRIED),
        ("$q$ runs over the primitive vectors of the lattice", DEFINES),
        ("$h_q(T)$: … inside", DEFINES),
        ("proved: … not proved", STATES),
    ),
}
"""What of the assumptions no search drops, and why."""
