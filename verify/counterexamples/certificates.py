"""The chapter of certificates: worst errors, averages, distances, and floating point."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from numerics.arithmetic import oracle
from numerics.pulse.channel import exact_quantities
from theory.certificates import averages, extremes, nearest, running
from theory.pulse.kinks import crossings
from theory.pulse.loss import attribution
from verify.counterexamples.exact import dot
from verify.counterexamples.pulse import border
from verify.counterexamples.search import (
    ASKS_NOTHING,
    DEFINES,
    Case,
    Hypothesis,
    Search,
    at_least,
    ordered,
)

__all__ = ["REASONS", "SEARCHES"]

HALF = Fraction(1, 2)
SAME = 1e-12
"""A distance below its bound by no more than this part of it is the bound, rounded."""
KINKS: dict[str, list[tuple[Any, Any]]] = {
    "relu": [(0, 1)],
    "hardshrink": [(-HALF, -1), (HALF, 1)],
    "square": [],
}
"""Places and slope jumps; a jump of σ itself is none."""
CUT = "windows at the border see the edge of the pulse"


# --- the worst error, and the mean square -------------------------------------------------------


@dataclass(frozen=True)
class Ranged(Case):
    """One channel with its readout, and an interval of radii."""

    N: int
    w: tuple[int, ...]
    b: int
    sigma: str
    low: Fraction
    high: Fraction
    ends: str
    a: Fraction
    c: int

    @property
    def clear(self) -> bool:
        """r <= N/2 - h."""
        return self.high <= Fraction(self.N, 2) - len(self.w) // 2

    def error(self, r: Fraction) -> Any:
        """r̂ - r by the definition."""
        row = ([self.w], [self.b], [self.a], Fraction(self.c), oracle.RATIONAL[self.sigma])
        return oracle.answer(*row, oracle.overlap_pulse(r, self.N // 2)) - r


def _ranged(
    intervals: tuple[tuple[Fraction, Fraction], ...], ends: tuple[str, ...]
) -> Iterator[Ranged]:
    for size, n in ((3, 1), (5, 1), (5, 3), (7, 3)):
        for *w, b in ordered(n + 1, 3 if n == 1 else 2):
            for sigma, (low, high), kind in product(KINKS, intervals, ends):
                if any(w):
                    for a, c in ((Fraction(1, 2), 0), (Fraction(1, 4), 3)):
                        yield Ranged(size, tuple(w), b, sigma, low, high, kind, a, c)


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


THIRD, LAST = Fraction(1, 3), Fraction(5, 2)

EXTREMES = Search(
    "extremes",
    "the worst error over an interval of radii",
    "(N, n) = (3, 1), (5, 1), (5, 3), (7, 3), the sum of the absolute values of w and b up to 3 (2"
    " for n = 3), these in lexicographic order, σ, the interval [1/2, 3/2] or [1/3 + 1/2, 5/2], its"
    " ends; (a, c) = (1/2, 0), (1/4, 3)",
    lambda: (
        case
        for case in _ranged(((HALF, Fraction(3, 2)), (HALF + THIRD, LAST)), ("counted", "left out"))
        if case.N < 7
    ),
    (
        Hypothesis(r"$\sigma$ continuous", "σ jumps", lambda case: case.sigma != "hardshrink"),
        Hypothesis(
            "piecewise linear with kinks $t$", "σ(z) = z²", lambda case: case.sigma != "square"
        ),
        Hypothesis(
            "over an interval of radii, whose ends count, too",
            "its ends are left out",
            lambda case: case.ends == "counted",
        ),
        Hypothesis(
            "the pulse and the filter's windows around its edges lie inside the signal",
            CUT,
            lambda case: case.clear,
            needed=False,
        ),
    ),
    _worst_law,
    _worst_truth,
)


def _average_law(case: Ranged) -> Any:
    g = oracle.shifted(oracle.RATIONAL[case.sigma], case.b)
    q = exact_quantities(case.w, g, [])
    alpha = 2 * case.a * q.slope - 1
    beta = case.c + case.a * (case.N * q.background + q.kappa)
    w, b = tuple(map(Fraction, case.w)), Fraction(case.b)
    bends = [(case.a * c.jump, c.star) for c in crossings(w, b, KINKS[case.sigma])]
    first = case.low + HALF
    cells = case.high - case.low
    mean = averages.moments(averages.LAW, bends, first, cells)
    return sum(attribution(alpha, beta, mean))


def _average_truth(case: Ranged) -> Any:
    """The integral by Simpson's rule, exact on pieces between the bends; a cell may count twice."""
    first, step, total = case.low, Fraction(1, 6), Fraction(0)
    cells = (case.high - case.low) + (case.ends == "the first cell twice")
    for k in range(int((case.high - case.low) / step)):
        r = first + k * step
        left, middle, right = (case.error(r + part * step) ** 2 for part in (0, HALF, 1))
        twice = 2 if case.ends == "the first cell twice" and k < 6 else 1
        total += twice * step * (left + 4 * middle + right) / 6
    return total / cells


def _averaged() -> Iterator[Ranged]:
    for size, n in ((5, 1), (7, 3)):
        first = Fraction(n, 2)
        spans = (
            (first, first + 1, "whole cells"),
            (first, first + HALF, "whole cells"),
            (first, first + 2, "whole cells"),
            (first, first + 2, "the first cell twice"),
            (first - 1, first, "whole cells"),
        )
        for *w, b in ordered(n + 1, 3):
            for sigma, (low, high, kind) in product(KINKS, spans):
                if any(w) and low > 0:
                    for a, c in ((Fraction(1, 2), 0), (Fraction(1, 4), 3)):
                        yield Ranged(size, tuple(w), b, sigma, low, high, kind, a, c)


AVERAGES = Search(
    "averages",
    "the mean square of the error over an interval of radii",
    "(N, n) = (5, 1), (7, 3), the sum of the absolute values of w and b up to 3,"
    " these in lexicographic order, σ, the interval, from n/2 or n/2 - 1; (a, c) ="
    " (1/2, 0), (1/4, 3)",
    _averaged,
    (
        Hypothesis(r"$\sigma$ continuous", "σ jumps", lambda case: case.sigma != "hardshrink"),
        Hypothesis("piecewise linear", "σ(z) = z²", lambda case: case.sigma != "square"),
        Hypothesis(
            "all real plateau radii",
            "the pulse is narrower than the filter",
            lambda case: case.low >= Fraction(len(case.w), 2),
        ),
        Hypothesis(r"$m + h \le L$", CUT, lambda case: case.clear),
        Hypothesis(
            "of $C$ whole cells",
            "half a cell",
            lambda case: (case.high - case.low).denominator == 1,
        ),
        Hypothesis(
            "equally likely", "the first cell counts twice", lambda case: case.ends == "whole cells"
        ),
    ),
    _average_law,
    _average_truth,
)


# --- the nearest exact network ------------------------------------------------------------------


@dataclass(frozen=True)
class Moved(Case):
    """A network, a = 1, and how it becomes one that is exact at r, c chosen for that."""

    N: int
    w: tuple[Fraction, ...]
    b: int
    sigma: str
    padding: str
    move: str
    r: Fraction


GRADED: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "z": (lambda z: z, lambda z: 1),
    "|z|": (abs, lambda z: (z > 0) - (z < 0)),
    "2z": (lambda z: 2 * z, lambda z: 2),
    "hardshrink": (oracle.RATIONAL["hardshrink"], lambda z: int(2 * abs(z) > 1)),
}


def _pooled(case: Moved, w: Any, b: Any) -> Any:
    x = oracle.overlap_pulse(case.r, case.N // 2)
    return sum(map(GRADED[case.sigma][0], border(case.padding, w, b, x)))


def _gradient(case: Moved) -> list[Any]:
    """Of the pooled response by w and b; every tap of a test filter at each position."""
    x = oracle.overlap_pulse(case.r, case.N // 2)
    slopes = [GRADED[case.sigma][1](z) for z in border(case.padding, case.w, case.b, x)]
    units = [[int(u == v) for v in range(len(case.w))] for u in range(len(case.w))]
    by_taps = [dot(slopes, border(case.padding, unit, 0, x)) for unit in units]
    return [*by_taps, sum(slopes)]


def _there(case: Moved) -> tuple[list[Any], Any, Any, Any]:
    """(w, b), a and c of the exact network, and how far the first is in (w, b) and a, squared."""
    size = len(case.w)
    by_a: Any = 0
    if case.move == "a tap by 1/16":
        step = [Fraction(int(u == 0), 16) for u in range(size + 1)]
    else:
        step = [Fraction(g) / 64 for g in _gradient(case)]
        by_a = _pooled(case, case.w, case.b) / Fraction(64)
    start: list[Any] = [*case.w, case.b]
    moved = [v + s for v, s in zip(start, step, strict=True)]
    a = 1 + by_a
    c = case.r - a * _pooled(case, moved[:-1], moved[-1])
    return moved, a, c, dot(step, step) + by_a**2


def _nearest_law(case: Moved) -> Any:
    _, _, c, _ = _there(case)
    pooled = _pooled(case, case.w, case.b)
    step = Fraction(1, 64) if case.move != "a tap by 1/16" else Fraction(0)
    error = abs(pooled + c - step - case.r)
    facts = nearest.Facts(
        len(case.w), case.N, 1, case.r, error, Fraction(1), (pooled,), (Fraction(1),)
    )
    return nearest.distance(nearest.LAW, facts, lambda v: math.sqrt(v))


def _nearest_truth(case: Moved) -> Any:
    *_, squared = _there(case)
    step = Fraction(1, 64) if case.move != "a tap by 1/16" else Fraction(0)
    return math.sqrt(squared + step**2)


NEAREST = Search(
    "nearest",
    "how far an exact network is at least",
    "n = 1, 3, w in halves and b, the sum of the absolute values up to 1 and 2 halves, these in"
    " lexicographic order, σ, padding, the move: a tap by 1/16 or along the gradient by 1/64, r ="
    " 1/2, 5/4; N = 3, a = 1, Λ = 1",
    lambda: (
        Moved(3, tuple(Fraction(v, 2) for v in w), b, sigma, padding, move, r)
        for n in (1, 3)
        for *w, b in ordered(n + 1, 2)
        for sigma, padding in product(GRADED, ("zeros", "a ring", "none", "reflect"))
        for move, r in product(("a tap by 1/16", "the gradient by 1/64"), (HALF, Fraction(5, 4)))
    ),
    (
        Hypothesis(
            r"$\sigma$ has the Lipschitz constant $\Lambda$",
            "σ jumps, or is steeper",
            lambda case: case.sigma not in ("2z", "hardshrink"),
        ),
        Hypothesis(
            "zero, circular or valid padding",
            "the signal is reflected at its border",
            lambda case: case.padding != "reflect" or len(case.w) == 1,
        ),
    ),
    _nearest_law,
    _nearest_truth,
    lambda law, truth: at_least(law * (1 - SAME), truth),
)


# --- floating point -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Run(Case):
    """One tap, a = 1, b = c = 0, on one pixel that holds 2r = 1/q, and the numbers it runs in."""

    w: float
    sigma: str
    q: int
    numbers: str


ROUNDED: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "square": lambda z: z * z,
    "z [2z ≥ 1]": lambda z: z if 2 * z >= 1 else 0 * z,
}


def _respond(sigma: str) -> Callable[[Any], tuple[Any, Any]]:
    """reach -> the size of the terms of σ and of its slope."""
    return lambda z: (z * z, 2 * z) if sigma == "square" else (z, Fraction(1))


def _running_law(case: Run) -> Any:
    radius = Fraction(1, 2 * case.q)
    sizes = running.Sizes(
        1, 1, radius, (abs(Fraction(case.w)),), (Fraction(1),), Fraction(0), _respond(case.sigma)
    )
    unit = Fraction(1, 2**53)
    return running.bound(running.LAW, sizes, lambda k: running.gamma(k, unit))


def _running_truth(case: Run) -> Any:
    """How far the answer in these numbers is from the exact one; minus, for the law bounds it."""
    number = np.float32 if case.numbers == "float32" else float
    pixel = number(1) / number(case.q)
    run = Fraction(float(ROUNDED[case.sigma](number(case.w) * pixel)))
    z = Fraction(case.w) * Fraction(1, case.q)
    return abs(run - ROUNDED[case.sigma](z))


RUNNING = Search(
    "running",
    "how far the answer in floating point may be from the exact one, u = 2⁻⁵³",
    "w = 1, 1.5, …, 49.5, then 2⁻⁶⁰⁰, σ, q = 2 to 49, float64 and float32; one pixel",
    lambda: (
        Run(w, sigma, q, numbers)
        for w in (*(k / 2 for k in range(2, 100)), 2.0**-600)
        for sigma in ROUNDED
        for q in (3, *(int(2 * w) for _ in range(1) if 2 < 2 * w < 100))
        for numbers in ("float64", "float32")
    ),
    (
        Hypothesis(
            r"every operation rounds by at most $u$",
            "float32",
            lambda case: case.numbers == "float64",
        ),
        Hypothesis(
            "without overflow or underflow", "a square below 2⁻¹⁰⁷⁴", lambda case: case.w > 1e-100
        ),
        Hypothesis(r"$\sigma$ is continuous", "σ jumps", lambda case: "≥" not in case.sigma),
    ),
    _running_law,
    _running_truth,
    lambda law, truth: at_least(truth, law),
)

SEARCHES: tuple[Search[Any], ...] = (EXTREMES, AVERAGES, NEAREST, RUNNING)
"""The searches of this chapter, in the order of its claims."""

REASONS: dict[str, tuple[tuple[str, str], ...]] = {
    "extremes": (("any $K$, $n$", ASKS_NOTHING),),
    "averages": (
        ("any $K$, $n$", ASKS_NOTHING),
        (r"$\mu$ is the mean of $m - \tfrac12$, $\mathrm{Var}\, r = C^2/12$", DEFINES),
        ("$J_i = a_k J |w_u|$ and $s_i$: … from the kinks", DEFINES),
    ),
    "nearest": (
        ("any $n$, $K$, any real radius $r$", ASKS_NOTHING),
        ("the distance is Euclidean … else 0", DEFINES),
        (r"$p_k$ is the pooled response … for a mean", DEFINES),
    ),
    "running": (
        (r"$\mathrm{fl}(y) = y(1+\delta)$", DEFINES),
        ("sums in any order, products fused or not", ASKS_NOTHING),
        ("$\\gamma$'s index times $u$ below 1", "the bound divides by one less that"),
        ("made of polynomials, computed … of its derivative to $\\Lambda_k$", DEFINES),
        ("$P$ positions,… see light; pixels rounded once", DEFINES),
        ("any $n$, $K$, any radius", ASKS_NOTHING),
    ),
}
"""What of the assumptions no search drops, and why."""
