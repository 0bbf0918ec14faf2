"""The chapter of disks: areas of pixels from their definition, small images in whole numbers."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from itertools import chain, combinations, pairwise, product
from types import SimpleNamespace
from typing import Any

import numpy as np

from numerics.disk.perimeter import strength
from theory.disk import disk, laplacian, perimeter, shares
from verify.counterexamples.exact import covariance, dot, risk
from verify.counterexamples.search import Case, Hypothesis, Search, close, grid, ordered
from verify.counterexamples.signals import HALF, PADDED, SIGMAS

__all__ = ["area"]

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


def _square(half: int) -> Iterator[tuple[int, int]]:
    span = range(-half, half + 1)
    return product(span, span)


def _disk(r: Fraction, half: int) -> dict[tuple[int, int], float]:
    return {(i, j): area(i, j, float(r)) for i, j in _square(half)}


# --- disk -----------------------------------------------------------------------------------------


def _pooled(c: Case) -> float:
    """A filter of n × n taps, row by row, on L pixels to each side of the disk's centre."""
    h, x = math.isqrt(len(c.w)) // 2, _disk(c.r, c.L)
    taps = list(zip(_square(h), c.w, strict=True))
    places = _square(c.L - h if c.padding == "none" else c.L)
    windows = (sum(t * x.get((i + u, j + v), 0.0) for (u, v), t in taps) for i, j in places)
    return float(sum(map(SIGMAS[c.sigma], windows)))


DISK = Search(
    "disk",
    "the sum of all windows, θπr² without c",
    "(L, n) = (0, 1), (1, 1), (1, 3), (2, 3), one tap ±1, these in lexicographic order, σ, padding,"
    " r on multiples of 1/2; in floats, to nine digits",
    lambda: grid(
        (Case(L=L, w=w) for L, n in ((0, 1), (1, 1), (1, 3), (2, 3)) for w in ordered(n * n, 1)),
        sigma=("identity", "relu"),
        padding=("zeros", "none"),
        r=lambda c: [Fraction(k, 2) for k in range(1, 2 * c.L + 3)],
    ),
    (
        Hypothesis(
            "the disk lies inside the signal",
            "it reaches beyond",
            lambda c: c.r <= c.L + HALF or len(c.w) > 1,
        ),
        Hypothesis("identity activation", "ReLU", lambda c: c.sigma == "identity"),
        Hypothesis("zero padding", PADDED["none"], lambda c: c.padding == "zeros" or len(c.w) == 1),
        Hypothesis(
            "the disk farther from the border than half a filter",
            "it comes nearer",
            lambda c: len(c.w) == 1 or c.r + 1 <= c.L + HALF,
        ),
    ),
    lambda c: math.pi * float(c.r) ** 2 * sum(c.w),
    _pooled,
    close(SAME),
)

LEAST = Search(
    "disk",
    "the least loss of a network without σ",
    "3 and 4 radii from 1 to 6, in lexicographic order",
    lambda: grid(radii=[*combinations(range(1, 7), 3), *combinations(range(1, 7), 4)]),
    (
        Hypothesis(
            r"$q$ equidistant radii with mean $\mu$ and spacing $s$",
            "radii at other distances",
            lambda c: len({after - before for before, after in pairwise(c.radii)}) == 1,
        ),
    ),
    lambda c: disk.least(Fraction(c.radii[0]), Fraction(c.radii[-1]), Fraction(len(c.radii))),
    lambda c: risk([[r * r for r in c.radii]], c.radii),
)


# --- perimeter ------------------------------------------------------------------------------------


def _shown(w: Sequence[int]) -> list[Fraction]:
    """p of a row of taps before an upright edge, n = (1, 0), at t = -5/2, -3/2, …, between which it
    is straight.
    """
    h = len(w) // 2
    return [
        dot(
            w,
            [min(max(Fraction(k + 1, 2) + u, Fraction(0)), Fraction(1)) for u in range(-h, h + 1)],
        )
        for k in range(-2 * h - 3, 2 * h + 5, 2)
    ]


def _integral(low: Fraction, high: Fraction) -> Fraction:
    """∫ |y| over a unit step from low to high."""
    if low * high >= 0:
        return abs(low + high) / 2
    return (low * low + high * high) / (2 * (abs(low) + abs(high)))


def _upright_law(c: Case) -> Any:
    """|m·n| + 2 min(∫p₊, ∫p₋), the two sides being what p shows above and below 0."""
    steps = list(pairwise(_shown(c.w)))
    if steps[-1][1]:
        return "∞"
    size = sum(_integral(*step) for step in steps)
    sign = sum((low + high) / 2 for low, high in steps)
    h = len(c.w) // 2
    moment = abs(dot(range(-h, h + 1), c.w))
    return moment + perimeter.gap((size + sign) / 2, (size - sign) / 2)


def _upright_truth(c: Case) -> Any:
    """∫ [g(p) - g(0) - Δ 1{t > 0}] dt, for |·| or ReLU, whose kink lies at -b."""
    steps, full = list(pairwise(p + c.b for p in _shown(c.w))), sum(c.w) + c.b
    after = Fraction(len(steps), 2)  # the edge t = 0 lies in the middle
    size = sum(_integral(*step) for step in steps) - after * (abs(full) + abs(c.b))
    linear = sum((low + high) / 2 for low, high in steps) - after * (full + c.b)
    return size if c.sigma == "abs" else (size + linear) / 2  # (|y| + y)/2


UPRIGHT = Search(
    "perimeter",
    "what an upright edge adds to P: |m·n| and the lesser side twice",
    "n = 1, 3, the sum of |w| up to 3, in lexicographic order, b = 0, 1/2, -1/2, σ",
    lambda: grid(
        w=[*ordered(1, 3), *ordered(3, 3)], b=(Fraction(0), HALF, -HALF), sigma=("abs", "relu")
    ),
    (
        Hypothesis("$S = 0$", "S ≠ 0", lambda c: sum(c.w) == 0),
        Hypothesis(r"$\sigma = |\cdot|$", "ReLU", lambda c: c.sigma == "abs"),
        Hypothesis("$b = 0$", "b = ±1/2", lambda c: c.b == 0),
    ),
    _upright_law,
    _upright_truth,
)


def _crest_law(c: Case) -> Any:
    """2 Σκ Σ of the largest pixel of each chain with step e; the chains are walked."""
    chains: dict[tuple[int, int], float] = defaultdict(float)
    e = c.step
    for (i, j), value in _disk(c.r, 8).items():
        # The chain through p: its member with the least part along e.
        steps = (i * e[0] + j * e[1]) // (e[0] ** 2 + e[1] ** 2)
        member = (i - steps * e[0], j - steps * e[1])
        chains[member] = max(chains[member], value)
    return 2 * (1 + c.second) * sum(chains.values())


def _crest_truth(c: Case) -> Any:
    """Σ |κ ⋆ differences|, κ with two taps, 1 at 0 and ``second`` at ``place``."""
    x = _disk(c.r, c.L)
    (a, b), (u, v) = c.step, c.place

    def rise(i: int, j: int) -> float:
        """x(p + e) - x(p)."""
        return x.get((i + a, j + b), 0.0) - x.get((i, j), 0.0)

    places = _square(c.L + 8 if c.L > 3 else c.L)
    return sum(abs(rise(i, j) + c.second * rise(i + u, j + v)) for i, j in places)


def _places(c: Case) -> list[tuple[int, int]]:
    """Across e and along it."""
    return [(-c.step[1], c.step[0]), c.step] if c.second else [(0, 0)]


CREST = Search(
    "perimeter",
    "the sum of absolute differences over a disk",
    "the second tap of κ: 0, 1, -1, e = (1, 0), (1, 1), (2, 0), (2, 1), (3, 0), its place across e"
    " or along it, L = 6, 2, r = 3/2, 5/2; in floats, to nine digits",
    lambda: grid(
        (
            Case(step=step, second=second)
            for second, step in product((0, 1, -1), ((1, 0), (1, 1), (2, 0), (2, 1), (3, 0)))
        ),
        place=_places,
        L=(6, 2),
        r=(Fraction(3, 2), Fraction(5, 2)),
    ),
    (
        Hypothesis(r"$\kappa \ge 0$", "a tap below 0", lambda c: c.second >= 0),
        Hypothesis(
            "moves the difference across $e$ only",
            "along e",
            lambda c: c.second == 0 or c.place != c.step,
        ),
        Hypothesis(
            "$e$ is $(1, 0)$, $(2, 0)$ or $(1, 1)$ or one of their mirror images",
            "another e; the largest pixels of its chains are found by walking them",
            lambda c: c.step in perimeter.STEPS,
            kept="the proof uses it, since it decides pixel by pixel; no counterexample is known",
        ),
        Hypothesis("the disk far from the border", "near the border", lambda c: c.L == 6),
    ),
    _crest_law,
    _crest_truth,
    close(SAME),
)


# --- shares ---------------------------------------------------------------------------------------


def _share_truth(c: Case) -> Any:
    """1 - L/V + (a ∂L/∂a + (c - μ) ∂L/∂c)/2V, for one channel with F = r²."""
    r, n = c.radii, Fraction(len(c.radii))
    errors = [c.c + c.a * x * x - x for x in r]
    by_a = 2 * dot(errors, [x * x for x in r]) / n
    by_c = 2 * sum(errors) / n
    spread, level = covariance(r, r), dot(errors, errors) / n
    return 1 - level / spread + (c.a * by_a + (c.c - sum(r) / n) * by_c) / (2 * spread)


SHARE = Search(
    "shares",
    "how area and perimeter share the work",
    "3 and 4 radii from 1 to 5, in lexicographic order, a = 1, -1, c = 0, 1; F(r) = r²",
    lambda: (
        Case(a=a, c=c, radii=radii)
        for radii in chain(combinations(range(1, 6), 3), combinations(range(1, 6), 4))
        for a, c in product((1, -1), (0, 1))
    ),
    (
        Hypothesis(
            r"radii that lie symmetrically about $\mu$",
            "they do not",
            lambda c: {c.radii[0] + c.radii[-1] - r for r in c.radii} == set(c.radii),
        ),
    ),
    lambda c: shares.share([c.a], [0], [1], [0], sum(c.radii) / Fraction(len(c.radii))),
    _share_truth,
)

ONE, PLUS, OTHER = ((0, 0),), ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)), ((0, 0), (1, 0))
"""Small images, by their lit pixels: two with the symmetries of the square, one without."""


def _squares_law(c: Case) -> Any:
    """Σ W_d Σ x(p) x(p + d) + 2bS Σ x, over d = (i, j) with i >= j >= 0."""
    weights = shares.lags({(u, v): 1 for u, v in c.w})
    products = sum(
        weight * sum((i + d[0], j + d[1]) in c.lit for i, j in c.lit)
        for d, weight in weights.items()
    )
    return products + 2 * c.b * len(c.w) * len(c.lit)


def _squares_truth(c: Case) -> Any:
    z = [sum((i + u, j + v) in c.lit for u, v in c.w) + c.b for i, j in _square(c.L)]
    return sum(value * value - c.b**2 for value in z)


SQUARES = Search(
    "shares",
    "the sum of squares of all windows",
    "one or two taps of 1 at places of a 3 × 3 filter, in lexicographic order, b = 0, 1, the image,"
    " L = 3, 1",
    lambda: grid(
        w=[*combinations(_square(1), 1), *combinations(_square(1), 2)],
        b=(0, 1),
        lit=(ONE, PLUS, OTHER),
        L=(3, 1),
    ),
    (
        Hypothesis(
            "$x$ has the symmetries of the square",
            "two pixels side by side",
            lambda c: c.lit != OTHER,
        ),
        Hypothesis("far from the border", "the image reaches the border", lambda c: c.L > 1),
    ),
    _squares_law,
    _squares_truth,
)


# --- laplacian ------------------------------------------------------------------------------------

FLOATS: Any = SimpleNamespace(number=float, sqrt=math.sqrt, asinh=math.asinh)
"""Square roots and inverse hyperbolic sines of floats."""


def _laplacian_law(c: Case) -> float:
    """4 |Σ w D|, or -sgn(S) 4 Σ w D, with D in floats from its antiderivative."""
    total = dot(c.w, [laplacian.distance(u, 0, FLOATS) for u in (-1, 0, 1)])
    return float(-math.copysign(4, sum(c.w)) * total if sum(c.w) else 4 * abs(total))


def _laplacian_truth(c: Case) -> float:
    """P of three taps in a row of a 3 × 3 filter, by the integral over directions and distances."""
    w = np.zeros((1, 3, 3))
    w[0, :, 1] = c.w
    return float(strength(w, float(c.b), np.abs)[0])


LAPLACIAN = Search(
    "laplacian",
    "P in closed form, and by integration, to three digits",
    "the sum of |w| up to 4, in lexicographic order, b = -S/2, 0; three taps in a row",
    lambda: grid(
        w=[w for w in ordered(3, 4) if any(w)], b=lambda c: {-Fraction(sum(c.w), 2), Fraction(0)}
    ),
    (
        Hypothesis(r"with bias $b = -\frac S2$", "b = 0", lambda c: c.b == -Fraction(sum(c.w), 2)),
        Hypothesis(
            "$w$ is even, $w_{c+u} = w_{c-u}$",
            "it is not even about the middle",
            lambda c: c.w[0] == c.w[2],
        ),
        Hypothesis(
            r"$p_\theta - \frac S2$ has one sign … decided exactly",
            "neither of the two cases that are named",
            lambda c: c.w[1] * sum(c.w) >= 0,
        ),
    ),
    _laplacian_law,
    _laplacian_truth,
    lambda law, truth: abs(law - truth) < INTEGRATED * (1 + abs(truth)),
)
