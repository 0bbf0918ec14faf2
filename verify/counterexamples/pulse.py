"""The chapter of one pulse: what a filter sees, and how its pooled response depends on r."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import exact_law, exact_values
from numerics.pulse.channel import exact_quantities
from theory.pulse.kinks import bridge, crossings
from theory.pulse.point_sampled import best_answer, grid_risk
from theory.pulse.signal import pixel
from theory.pulse.small_radius import small_response
from theory.pulse.staircase import preactivation_counts
from verify.counterexamples.exact import covariance
from verify.counterexamples.search import Case, Hypothesis, Search, grid, ordered, text
from verify.counterexamples.signals import (
    BORDERS,
    HALF,
    KINKS,
    NARROW,
    Filter,
    channels,
    cut,
    error_law,
    narrow,
    padded,
    pooled,
)

__all__ = ["FRACTIONS", "filters", "order"]

RELU_SQUARE = ("relu", "square")
FRACTIONS = tuple(Fraction(p, q) for q in (2, 3, 4) for p in range(1, q))
"""Enough to see every bend of the small integer filters tried here."""


def filters(
    last: int,
    most: dict[int, int],
    sigmas: Sequence[str],
    paddings: Sequence[str] = ("zeros",),
    step: Fraction = HALF,
    shift: Fraction = Fraction(0),
) -> Iterator[Filter]:
    """N = 3 to ``last`` in the order that :func:`order` states; ``most`` bounds the sum for each n;
    r on multiples of ``step``, less ``shift``; filters that are 0 are left out.
    """
    sizes = [(size, n) for size in range(3, last + 1, 2) for n in most if n <= size]
    return grid(
        (c for c in channels(sizes, most) if any(c.w)),
        sigma=sigmas,
        padding=paddings,
        r=lambda c: [k * step - shift for k in range(1, int(c.N / (2 * step)) + 1)],
    )


ORDER = "pixels N, taps n, sum of the absolute values of w and b, these in lexicographic order"


def order(most: int, step: Fraction, last: int) -> str:
    """Of :func:`filters`, in words."""
    radii = "half-integers" if step == 1 else f"multiples of {step}"
    return f"{ORDER}, σ, padding, r on {radii}; up to N = {last} and the sum {most}"


# --- the pulse ----------------------------------------------------------------------------------


def _pulse_law(c: Filter) -> Any:
    span = range(-(c.N // 2), c.N // 2 + 1)
    return tuple(Fraction(str(pixel(i, c.m, c.phi))) for i in span), 2 * c.r


SIGNAL = Search(
    "signal",
    "the pixels, and their sum",
    "pixels N, then r on multiples of 1/4; up to N = 5 and r = 3",
    lambda: grid([Filter()], N=(1, 3, 5), r=[Fraction(k, 4) for k in range(1, 13)]),
    (
        Hypothesis(r"$r \ge \tfrac12$", "r < 1/2", lambda c: c.r >= HALF),
        Hypothesis(
            r"the pulse stays inside the signal, $m \le L$",
            "the pulse is cut off by the border",
            lambda c: c.r <= Fraction(c.N, 2),
        ),
    ),
    _pulse_law,
    lambda c: (tuple(oracle.overlap_pulse(c.r, c.N // 2)), sum(c.x)),
)


# --- staircase, plateau, sub-pixel --------------------------------------------------------------


def _counted(values: dict[Any, int]) -> str:
    return ", ".join(f"{n} × {text(v)}" for v, n in sorted(values.items()) if n)


def _staircase_law(c: Filter) -> str:
    claimed = preactivation_counts(len(c.w), c.m, c.N // 2)
    values = exact_values(list(claimed), len(c.w))(c.w, c.phi)
    total: Counter[Any] = Counter()
    for value, count in zip(values, claimed.values(), strict=True):
        total[Fraction(value)] += count
    return _counted(total)


UNLIT = "zero padding, a ring or repeated border pixels"
PADDING = (padded(UNLIT, "reflect"), padded(UNLIT, "none"))

NO_CUT = r"$m + h \le L$: no filter position sees a pulse cut off by the border"

STAIRCASE = Search(
    "staircase",
    "how often each pre-activation occurs",
    order(2, HALF, 7),
    lambda: (c for c in filters(7, {1: 2, 3: 2}, ("identity",), (*BORDERS,)) if c.b == 0),
    (
        narrow(r"plateau radii, $r = m - \tfrac12 + \varphi$ with $m \ge h+1$"),
        *PADDING,
        cut(NO_CUT),
    ),
    _staircase_law,
    lambda c: _counted(Counter(map(Fraction, BORDERS[c.padding](c.w, 0, c.x)))),
)


def _plateau_law(c: Filter) -> Any:
    """2rΔ + κ."""
    q = exact_quantities(c.w, c.g, [])
    return 2 * c.r * q.slope + q.kappa


PLATEAU = Search(
    "plateau",
    "the pooled response",
    order(2, HALF, 5),
    lambda: filters(5, {1: 2, 3: 2}, ("identity", "relu", "square")),
    (
        Hypothesis("half-integer", "r between half-integers", lambda c: c.phi == 0),
        narrow(r"plateau radii $r \ge n/2$"),
        cut(r"$r \le \frac N2 - h$"),
    ),
    _plateau_law,
    lambda c: c.lifted,
)

PLATEAU_PADDED = Search(
    "plateau",
    "the pooled response, with other paddings",
    order(1, Fraction(1), 11) + " less 1/2",
    lambda: (
        c
        for c in filters(11, {1: 1, 3: 1, 5: 1}, RELU_SQUARE, (*BORDERS,), Fraction(1), HALF)
        if c.plateau and c.clear
    ),
    PADDING,
    _plateau_law,
    lambda c: c.lifted,
)

SUBPIXEL = Search(
    "subpixel",
    "the pooled response",
    order(2, HALF, 7),
    lambda: filters(7, {1: 2, 3: 2}, RELU_SQUARE, (*BORDERS,)),
    (narrow(r"plateau radii $r = m - \tfrac12 + \varphi \ge n/2$"), *PADDING, cut(NO_CUT)),
    lambda c: _plateau_law(c) + exact_quantities(c.w, c.g, [c.phi]).deviation[0],
    lambda c: c.lifted,
)


# --- small radii --------------------------------------------------------------------------------


def _small_law(c: Filter) -> Any:
    if c.m < 1:
        return "no such cell"
    return exact_law(small_response(len(c.w), c.m), len(c.w))(c.w, c.r, c.phi, c.g)


SMALL = Search(
    "small_radius",
    "the pooled response",
    order(2, HALF, 7),
    lambda: (
        c
        for c in filters(7, {3: 2}, ("relu",), step=Fraction(1, 4))
        if c.phi in (0, HALF) or c.r < HALF
    ),
    (
        Hypothesis(r"half-integer radii $r \ge \tfrac12$", "r < 1/2", lambda c: c.r >= HALF),
        cut(r"$m + h \le L$"),
    ),
    _small_law,
    lambda c: c.lifted,
)


def _one_side(c: Filter) -> bool:
    """No pre-activation changes its side of 0, at any radius up to the border: the linear cell."""
    radii = [Fraction(k, 2) for k in range(1, c.N - 2 * c.h + 1)]
    z = [v for r in radii for v in oracle.preactivations(c.w, c.b, c.but(r=r).x)]
    return bool(min(z) >= 0 or max(z) <= 0)


SMALL_LINEAR = Search(
    "small_radius",
    "ε = 0 in a linear cell",
    order(2, Fraction(1), 5),
    lambda: (
        c
        for c in filters(5, {3: 2}, ("relu",), step=Fraction(1), shift=HALF)
        if (c.N, c.r) == (5, HALF)
    ),
    (Hypothesis("in a linear cell", "a partial sum beyond the kink", _one_side),),
    lambda c: 0,
    lambda c: c.lifted - _plateau_law(c),
)


# --- kinks --------------------------------------------------------------------------------------


def _crossings(c: Filter) -> Any:
    """D by the crossings."""
    found = crossings(tuple(map(Fraction, c.w)), Fraction(c.b), KINKS[c.sigma])
    return -sum(crossing.jump * bridge(c.phi, crossing.star) for crossing in found)


def _bends(c: Filter, parts: Sequence[Fraction]) -> list[Any]:
    """D by the definition at each φ: the response less its chord."""
    low, middle, high = (
        [c.but(r=c.m - HALF + part).lifted for part in some] for some in ((0,), parts, (1,))
    )
    return [f - (1 - part) * low[0] - part * high[0] for f, part in zip(middle, parts, strict=True)]


KINKS_SEARCH = Search(
    "kinks",
    "D as a sum over the crossings",
    order(3, HALF, 5),
    lambda: (
        c
        for c in filters(5, {1: 3, 3: 3}, ("relu", "hardshrink", "square"))
        if c.phi and c.r < Fraction(c.N, 2)
    ),
    (
        Hypothesis(r"$\sigma$ continuous", "σ jumps", lambda c: c.sigma != "hardshrink"),
        Hypothesis(
            "piecewise linear with kinks $t$ and slope jumps $J$",
            "σ is curved",
            lambda c: c.sigma != "square",
        ),
        narrow("plateau radii"),
        cut(r"$m + h \le L$"),
    ),
    _crossings,
    lambda c: _bends(c, [c.phi])[0],
)


def _straights() -> Iterator[Case]:
    """Channels (w, b, a) and their activation."""
    for w, b in ordered(2, 6):
        for a, sigma in product((1, 0), ("relu", "hardtanh")):
            yield Case(channels=(((w,), b, a),), sigma=sigma)
    for w, b, v, d in ordered(4, 6):
        yield Case(channels=(((w,), b, 1), ((v,), d, -1)), sigma="relu")
    for *taps, b in ordered(4, 4):
        yield Case(channels=((tuple(taps), b, 1),), sigma="hardtanh")


def _uncrossed(c: Case) -> bool:
    """No kink lies inside a step."""
    return not any(
        crossings(tuple(map(Fraction, w)), Fraction(b), KINKS[c.sigma]) for w, b, _ in c.channels
    )


def _is_straight(c: Case) -> bool:
    """D ≡ 0 by the definition, on the first cell of the plateau."""
    size, r = (3, HALF) if len(c.channels[0][0]) == 1 else (7, Fraction(3, 2))
    total = [Fraction(0)] * len(FRACTIONS)
    for w, b, a in c.channels:
        channel = Filter(N=size, w=w, b=b, sigma=c.sigma, r=r)
        bends = _bends(channel, FRACTIONS)
        total = [t + a * d for t, d in zip(total, bends, strict=True)]
    return not any(total)


KINKS_IFF = Search(
    "kinks",
    "straight if and only if no open step contains the kink",
    "taps n, channels, the sum of the absolute values of w and b (up to 6 for n = 1, 4 for n = 3),"
    " these in lexicographic order, a, σ; N = 3 for n = 1, else 7",
    _straights,
    (
        Hypothesis("$K = 1$", "two channels", lambda c: len(c.channels) == 1),
        Hypothesis(r"$a \neq 0$", "a = 0", lambda c: all(a for *_, a in c.channels)),
        Hypothesis("one kink", "two kinks", lambda c: len(KINKS[c.sigma]) == 1),
    ),
    _uncrossed,
    _is_straight,
)


# --- point-sampled pulses -----------------------------------------------------------------------

PLACES = ("midpoints", "left ends", "midpoints, the last left out")


def _places(q: int, place: str) -> list[Fraction]:
    """The fractions of each cell."""
    if place == "left ends":
        return [Fraction(t, q) for t in range(q)]
    return [Fraction(2 * t + 1, 2 * q) for t in range(q - ("left out" in place))]


def _points(c: Case) -> list[int]:
    """The pulse x(i) = 1 if |i| <= r, on N pixels."""
    return [int(abs(i) <= c.r) for i in range(-(c.N // 2), c.N // 2 + 1)]


def _risk(c: Case) -> Any:
    """The least risk of any answer to the pixels, and that of k + 1/2, by enumeration."""
    seen: dict[tuple[Any, ...], list[Fraction]] = {}
    for r in c.radii:
        pixels = _points(Case(N=9, r=r)) if c.sampling == "points" else oracle.overlap_pulse(r, 4)
        seen.setdefault(tuple(pixels), []).append(r)
    least = sum(len(group) * covariance(group, group) for group in seen.values())
    middle = sum((best_answer(Fraction(int(r))) - r) ** 2 for r in c.radii)
    return Fraction(least) / len(c.radii), middle / len(c.radii)


POINTS = Search(
    "point_sampled",
    "the least risk, and the risk of ⌊r⌋ + 1/2",
    "sampling, q = 1 and 2 radii in each of two cells, their places",
    lambda: grid(
        sampling=("points", "areas"),
        q=(1, 2),
        place=lambda c: [place for place in PLACES if _places(c.q, place)],
        radii=lambda c: [tuple(k + f for k in (1, 2) for f in _places(c.q, c.place))],
    ),
    (
        Hypothesis(
            r"point-sampled pulse: $x_r(i) = 1$ if $|i| \le r$, else 0",
            "pixels hold areas",
            lambda c: c.sampling == "points",
        ),
        Hypothesis(
            "$q$ equidistant midpoints",
            "the left ends of q equal parts",
            lambda c: c.place != "left ends",
        ),
        Hypothesis(
            "$r$ uniform on whole cells $[k, k+1)$",
            "a part of each cell is left out",
            lambda c: "left out" not in c.place,
        ),
    ),
    lambda c: (grid_risk(Fraction(c.q)), grid_risk(Fraction(c.q))),
    _risk,
)


def _attained(c: Filter) -> Any:
    """The answer with the readout of the claim, at a point-sampled pulse."""
    if c.g(sum(c.w)) == c.g(0):
        return "no readout: 1/0"
    a = 1 / Fraction(2 * (c.g(sum(c.w)) - c.g(0)))
    _, offset, _ = error_law(c, a, 0)
    return a * pooled(c.sigma, c.padding, c.w, c.b, _points(c)) - offset


ATTAINED = Search(
    "point_sampled",
    "the readout that answers ⌊r⌋ + 1/2",
    ORDER + ", σ, padding, r = 0, 1, …; up to N = 11 and the sum 2, 1 for n = 5",
    lambda: filters(
        11, {1: 2, 3: 2, 5: 1}, RELU_SQUARE, ("zeros", "none"), Fraction(1), Fraction(1)
    ),
    (
        Hypothesis(r"$k \ge h$", NARROW, lambda c: c.r >= c.h),
        Hypothesis(r"$\Delta \neq 0$", "Δ = 0", lambda c: c.g(sum(c.w)) != c.g(0)),
        padded("zero padding", "none"),
        Hypothesis(r"$k + h \le L$", "k + h > L", lambda c: c.r + c.h <= c.N // 2),
    ),
    lambda c: best_answer(Fraction(int(c.r))),
    _attained,
)
