"""The chapter of certificates: worst errors, averages, distances, and floating point."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from numerics.arithmetic import oracle
from theory.certificates import averages, extremes, nearest, running
from theory.pulse.kinks import crossings
from theory.pulse.loss import attribution
from verify.counterexamples.exact import dot
from verify.counterexamples.search import Case, Hypothesis, Search, at_least, grid, sums
from verify.counterexamples.signals import (
    BORDERS,
    HALF,
    KINKS,
    SIGMAS,
    SLOPES,
    Filter,
    channels,
    cut,
    error_law,
    narrow,
    pooled,
)

__all__ = ["Moved", "Ranged"]


# --- the worst error, and the mean square -------------------------------------------------------


class Ranged(Filter):
    """A channel with its readout (a, c), and the radii from ``low`` to ``high``."""

    @property
    def span(self) -> tuple[Fraction, Fraction]:
        """Both."""
        return self.low, self.high

    def error(self, r: Fraction) -> Any:
        """r̂ - r by the definition."""
        x = oracle.overlap_pulse(r, self.N // 2)
        return self.c + self.a * pooled(self.sigma, self.padding, self.w, self.b, x) - r


def _ranged(
    weights: Iterator[Filter],
    spans: Callable[[Filter], Iterable[tuple[Any, Any, str]]],
    paddings: Sequence[str] = ("zeros",),
) -> Iterator[Ranged]:
    """All but the filters that are 0, with (low, high, ends), two readouts and paddings."""
    for f in weights:
        for sigma, (low, high, ends) in product(("relu", "hardshrink", "square"), spans(f)):
            case = Ranged(**vars(f), sigma=sigma, low=low, high=high, ends=ends)
            for (a, c), padding in product(((HALF, 0), (HALF / 2, 3)), paddings):
                if any(f.w):
                    yield case.but(a=a, c=c, padding=padding)


def _worst_law(case: Ranged) -> Any:
    """The largest error at half-integers, where a window meets a kink, and at the ends."""
    places = {case.low, case.high} if case.ends == "counted" else set()
    for m in range(1, case.N):
        cell = [Fraction(0)]
        for t, _ in KINKS[case.sigma]:
            cell += extremes.places(tuple(map(Fraction, case.w)), case.b, t, m)
        places |= {m - HALF + part for part in cell if 0 <= part <= 1}
    return max((abs(case.error(r)) for r in places if case.low <= r <= case.high), default=0)


def _worst_truth(case: Ranged) -> Any:
    """The largest error on a grid that holds all bends of the small filters tried here."""
    count = int((case.high - case.low) * 12)
    return max(abs(case.error(case.low + Fraction(k, 12))) for k in range(count + 1))


CONTINUOUS = Hypothesis(r"$\sigma$ continuous", "σ jumps", lambda c: c.sigma != "hardshrink")

EXTREMES = Search(
    "extremes",
    "the worst error over an interval of radii",
    "(N, n) = (3, 1), (5, 1), (5, 3), (7, 3), the sum of the absolute values of w and b up to 3 (2"
    " for n = 3), these in lexicographic order, σ, the interval [1/2, 3/2] or [1/3 + 1/2, 5/2], its"
    " ends; (a, c) = (1/2, 0), (1/4, 3), padding",
    lambda: _ranged(
        channels(((3, 1), (5, 1), (5, 3)), {1: 3, 3: 2}),
        lambda f: (
            (low, high, ends)
            for low, high in ((HALF, Fraction(3, 2)), (Fraction(5, 6), Fraction(5, 2)))
            for ends in ("counted", "left out")
        ),
        ("zeros", "a ring"),
    ),
    (
        CONTINUOUS,
        Hypothesis("piecewise linear with kinks $t$", "σ(z) = z²", lambda c: c.sigma != "square"),
        Hypothesis(
            "over an interval of radii, whose ends count, too",
            "its ends are left out",
            lambda c: c.ends == "counted",
        ),
        Hypothesis(
            "with a padding other than zeros the filter's windows around its edges do, too",
            "a ring, where a window sees both edges",
            lambda c: c.padding == "zeros" or c.clear,
            kept="the proof uses it; no counterexample is known",
        ),
    ),
    _worst_law,
    _worst_truth,
)


def _average_law(case: Ranged) -> Any:
    alpha, beta, _ = error_law(case, case.a, case.c)
    found = crossings(tuple(map(Fraction, case.w)), Fraction(case.b), KINKS[case.sigma])
    bends = [(case.a * c.jump, c.star) for c in found]
    mean = averages.moments(averages.LAW, bends, case.low + HALF, case.high - case.low)
    return sum(attribution(alpha, beta, mean))


TWICE = "the first cell twice"


def _average_truth(case: Ranged) -> Any:
    """The integral by Simpson's rule, exact on pieces between the bends; a cell may count twice."""
    step, total = Fraction(1, 6), Fraction(0)
    for k in range(int((case.high - case.low) / step)):
        r = case.low + k * step
        left, middle, right = (case.error(r + part * step) ** 2 for part in (0, HALF, 1))
        twice = 2 if case.ends == TWICE and k < 6 else 1
        total += twice * step * (left + 4 * middle + right) / 6
    return total / (case.high - case.low + (case.ends == TWICE))


def _spans(f: Filter) -> Iterator[tuple[Any, Any, str]]:
    first, whole = Fraction(len(f.w), 2), "whole cells"
    for length, ends in ((1, whole), (HALF, whole), (2, whole), (2, TWICE)):
        yield first, first + length, ends
    if first > 1:
        yield first - 1, first, whole


AVERAGES = Search(
    "averages",
    "the mean square of the error over an interval of radii",
    f"(N, n) = (5, 1), (7, 3), {sums('w and b', 3)}, σ, the interval, from n/2 or n/2 - 1; (a, c) ="
    " (1/2, 0), (1/4, 3)",
    lambda: _ranged(channels(((5, 1), (7, 3)), 3), _spans),
    (
        CONTINUOUS,
        Hypothesis("piecewise linear", "σ(z) = z²", lambda c: c.sigma != "square"),
        narrow("all real plateau radii"),
        cut(r"$m + h \le L$"),
        Hypothesis(
            "of $C$ whole cells", "half a cell", lambda c: (c.high - c.low).denominator == 1
        ),
        Hypothesis("equally likely", "the first cell counts twice", lambda c: c.ends != TWICE),
    ),
    _average_law,
    _average_truth,
)


# --- the nearest exact network ------------------------------------------------------------------


class Moved(Filter):
    """A network with a = 1, and a move to one that is exact at r, c chosen for that."""

    @property
    def share(self) -> Fraction:
        """Of a and c in the gradient."""
        return Fraction(int(self.move != "a tap by 1/16"), 64)

    @property
    def gradient(self) -> list[Any]:
        """Of the pooled response by w and b; every tap of a test filter at each position."""
        windows, size = BORDERS[self.padding], len(self.w)
        slopes = [SLOPES[self.sigma](z) for z in windows(self.w, self.b, self.x)]
        units = [[int(u == v) for v in range(size)] for u in range(size)]
        return [*(dot(slopes, windows(unit, 0, self.x)) for unit in units), sum(slopes)]

    @property
    def step(self) -> list[Fraction]:
        """Of w and b."""
        if not self.share:
            return [Fraction(int(u == 0), 16) for u in range(len(self.w) + 1)]
        return [g * self.share for g in self.gradient]


def _nearest_law(c: Moved) -> Any:
    moved = [v + s for v, s in zip((*c.w, c.b), c.step, strict=True)]
    there = c.but(w=moved[:-1], b=moved[-1])
    constant = c.r - (1 + c.pooled * c.share) * there.pooled
    error = abs(c.pooled + constant - c.share - c.r)
    facts = nearest.Facts(len(c.w), c.N, 1, c.r, error, Fraction(1), (c.pooled,), (Fraction(1),))
    return nearest.distance(nearest.LAW, facts, math.sqrt)


def _nearest_truth(c: Moved) -> Any:
    """|the steps of (w, b), a and c|."""
    return math.sqrt(dot(c.step, c.step) + (c.pooled * c.share) ** 2 + c.share**2)


SAME = 1e-12
"""A distance below its bound by no more than this part of it is the bound, rounded."""

NEAREST = Search(
    "nearest",
    "how far an exact network is at least",
    "n = 1, 3, w in halves and b, the sum of the absolute values up to 1 and 2 halves, these in"
    " lexicographic order, σ, padding, the move: a tap by 1/16 or along the gradient by 1/64, r ="
    " 1/2, 5/4; N = 3, a = 1, Λ = 1",
    lambda: grid(
        (Moved(N=3, w=tuple(v * HALF for v in c.w), b=c.b) for c in channels(((3, 1), (3, 3)), 2)),
        sigma=("identity", "abs", "2z", "hardshrink"),
        padding=("zeros", "a ring", "none", "reflect"),
        move=("a tap by 1/16", "the gradient by 1/64"),
        r=(HALF, Fraction(5, 4)),
    ),
    (
        Hypothesis(
            r"$\sigma$ has the Lipschitz constant $\Lambda$",
            "σ jumps, or is steeper",
            lambda c: c.sigma not in ("2z", "hardshrink"),
        ),
        Hypothesis(
            "zero, circular or valid padding",
            "the signal is reflected at its border",
            lambda c: c.padding != "reflect" or len(c.w) == 1,
        ),
    ),
    _nearest_law,
    _nearest_truth,
    lambda law, truth: at_least(law * (1 - SAME), truth),
)


# --- floating point -----------------------------------------------------------------------------


def _sizes(c: Case, z: Any) -> tuple[Any, Any]:
    """The terms of σ and of its slope."""
    return (z * z, 2 * z) if c.sigma == "square" else (z, Fraction(1))


def _running_law(c: Case) -> Any:
    taps = (abs(Fraction(c.w)),)
    sizes = running.Sizes(
        1, 1, Fraction(1, 2 * c.q), taps, (Fraction(1),), Fraction(0), lambda z: _sizes(c, z)
    )
    return running.bound(running.LAW, sizes, lambda k: running.gamma(k, Fraction(1, 2**53)))


def _running_truth(c: Case) -> Any:
    """How far the answer in these numbers is from the exact one."""
    number = np.float32 if c.numbers == "float32" else float
    run = SIGMAS[c.sigma](number(c.w) * (number(1) / number(c.q)))
    return abs(Fraction(float(run)) - SIGMAS[c.sigma](Fraction(c.w) / c.q))


RUNNING = Search(
    "running",
    "how far the answer in floating point may be from the exact one, u = 2⁻⁵³",
    "w = 1, 1.5, …, 49.5, then 2⁻⁶⁰⁰, σ, q = 2 to 49, float64 and float32; one pixel",
    lambda: grid(
        w=(*(k / 2 for k in range(2, 100)), 2.0**-600),
        sigma=("identity", "square", "z [2z ≥ 1]"),
        q=lambda c: [3, int(2 * c.w)] if 2 < 2 * c.w < 100 else [3],
        numbers=("float64", "float32"),
    ),
    (
        Hypothesis(
            r"every operation rounds by at most $u$", "float32", lambda c: c.numbers == "float64"
        ),
        Hypothesis(
            "without overflow or underflow", "a square below 2⁻¹⁰⁷⁴", lambda c: c.w > 1e-100
        ),
        Hypothesis(r"$\sigma$ is continuous", "σ jumps", lambda c: "≥" not in c.sigma),
    ),
    _running_law,
    _running_truth,
    lambda law, truth: at_least(truth, law),
)
