"""The chapter of one pulse and one network: small integer weights, simulated by plain loops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, partial
from itertools import pairwise, product
from typing import Any

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import exact_law, exact_values
from numerics.pulse.channel import exact_quantities
from theory.pulse.endings import blind_floor, tilt
from theory.pulse.kinks import bridge, crossings
from theory.pulse.point_sampled import best_answer, grid_risk
from theory.pulse.readout import exact_readout, least_squares
from theory.pulse.signal import pixel
from theory.pulse.small_radius import small_response
from theory.pulse.staircase import preactivation_counts
from theory.pulse.symmetry import LAW as SYMMETRIES
from theory.pulse.symmetry import Channel
from verify.counterexamples.exact import covariance, risk
from verify.counterexamples.search import (
    ASKS_NOTHING,
    DEFINES,
    NAMES,
    STATES,
    Case,
    Hypothesis,
    Search,
    at_least,
    ordered,
    text,
)

__all__ = ["REASONS", "SEARCHES", "Filter", "border"]

HALF = Fraction(1, 2)
NARROW = "the pulse is narrower than the filter"
CUT = "windows at the border see the edge of the pulse"
UNPADDED = "no padding: only windows inside the signal"


# --- one filter, one pulse ----------------------------------------------------------------------


def _valid(w: Sequence[Any], b: Any, x: Sequence[Any]) -> list[Any]:
    """Only where the whole filter lies inside the signal."""
    h = len(w) // 2
    return oracle.preactivations(w, b, x)[h : len(x) - h]


def _extended(index: Callable[[int, int], int]) -> Callable[..., list[Any]]:
    """The signal goes on beyond its border with the pixel of this index."""

    def border(w: Sequence[Any], b: Any, x: Sequence[Any]) -> list[Any]:
        h, size = len(w) // 2, len(x)
        longer = [x[index(i, size)] for i in range(-h, size + h)]
        return _valid(w, b, longer)

    return border


BORDERS: dict[str, Callable[..., list[Any]]] = {
    "zeros": oracle.preactivations,
    "a ring": oracle.ring,
    "replicate": _extended(lambda i, size: min(max(i, 0), size - 1)),
    "reflect": _extended(lambda i, size: size - 1 - abs(size - 1 - abs(i))),
    "none": _valid,
}
"""What a window sees beyond the border: with none there are no such windows."""


def border(name: str, w: Sequence[Any], b: Any, x: Sequence[Any]) -> list[Any]:
    """The pre-activations with this padding."""
    return BORDERS[name](w, b, x)


@dataclass(frozen=True)
class Filter(Case):
    """One channel and the radius of a pulse on N = 2L + 1 pixels."""

    N: int
    w: tuple[int, ...]
    b: int
    sigma: str
    padding: str
    r: Fraction

    @property
    def h(self) -> int:
        """n = 2h + 1 taps."""
        return len(self.w) // 2

    @property
    def m(self) -> int:
        """r = m - 1/2 + φ with 0 <= φ < 1."""
        return int(self.r + HALF)

    @property
    def phi(self) -> Fraction:
        """φ."""
        return self.r + HALF - self.m

    @property
    def g(self) -> Callable[[Any], Any]:
        """g(z) = σ(z + b)."""
        return oracle.shifted(oracle.RATIONAL[self.sigma], self.b)


def _pixels(r: Fraction, size: int) -> list[Any]:
    """The pulse; whole pixels as integers, which are faster."""
    x = oracle.overlap_pulse(r, size // 2)
    return [int(v) if v.denominator == 1 else v for v in x]


def _pooled(case: Filter) -> Any:
    """Σ_i [g(z_i) - g(0)], by the definition."""
    sigma = oracle.RATIONAL[case.sigma]
    z = border(case.padding, case.w, case.b, _pixels(case.r, case.N))
    return sum(sigma(value) - sigma(case.b) for value in z)


def _filters(
    sizes: Sequence[int],
    most: dict[int, int],
    sigmas: Sequence[str],
    paddings: Sequence[str],
    step: Fraction,
) -> Iterator[Filter]:
    """In the order that :data:`ORDER` states; ``most`` bounds the sum for each n; filters
    that are 0 are left out.
    """
    for size in sizes:
        radii = [k * step for k in range(1, int((Fraction(size, 2)) / step) + 1)]
        for n, bound in most.items():
            for *w, b in ordered(n + 1, bound) if n <= size else ():
                if any(w):
                    for sigma, padding, r in product(sigmas, paddings, radii):
                        yield Filter(size, tuple(w), b, sigma, padding, r)


ORDER = "pixels N, taps n, sum of the absolute values of w and b, these in lexicographic order"


def _order(most: int, step: Fraction, last: int) -> str:
    grid = "half-integers" if step == 1 else f"multiples of {step}"
    return f"{ORDER}, σ, padding, r on {grid}; up to N = {last} and the sum {most}"


def _plateau(case: Filter) -> bool:
    return case.r >= Fraction(len(case.w), 2)


def _clear(case: Filter) -> bool:
    """m + h <= L with φ <= 1, that is r <= N/2 - h."""
    return case.r <= Fraction(case.N, 2) - case.h


def _padding(words: str, extra: bool) -> tuple[Hypothesis[Filter], ...]:
    """Zero padding, dropped for each of the others; ``extra``: reflected pixels are lit."""
    instead: list[tuple[str, str, bool]] = [
        ("a ring", "the signal is closed to a ring", False),
        ("replicate", "the border pixel is repeated", False),
        ("reflect", "the signal is reflected at its border", extra),
        ("none", UNPADDED, True),
    ]
    return tuple(
        Hypothesis(words, how, partial(_padded_otherwise, name), needed)
        for name, how, needed in instead
    )


def _padded_otherwise(name: str, case: Filter) -> bool:
    return case.padding != name


# --- the pulse ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pulse(Case):
    """A radius on N pixels."""

    N: int
    r: Fraction


def _pulse_law(case: Pulse) -> Any:
    m = int(case.r + HALF)
    fraction = case.r + HALF - m
    half = case.N // 2
    pixels = [Fraction(str(pixel(i, m, fraction))) for i in range(-half, half + 1)]
    return tuple(pixels), 2 * case.r


def _pulse_truth(case: Pulse) -> Any:
    pixels = oracle.overlap_pulse(case.r, case.N // 2)
    return tuple(pixels), sum(pixels)


SIGNAL = Search(
    "signal",
    "the pixels, and their sum",
    "pixels N, then r on multiples of 1/4; up to N = 5 and r = 3",
    lambda: (Pulse(size, Fraction(k, 4)) for size in (1, 3, 5) for k in range(1, 13)),
    (
        Hypothesis(r"$r \ge \tfrac12$", "r < 1/2", lambda case: case.r >= HALF),
        Hypothesis(
            r"the pulse stays inside the signal, $m \le L$",
            "the pulse is cut off by the border",
            lambda case: case.r <= Fraction(case.N, 2),
        ),
    ),
    _pulse_law,
    _pulse_truth,
)


# --- staircase, plateau, sub-pixel --------------------------------------------------------------


def _counted(values: dict[Any, int]) -> str:
    return ", ".join(f"{n} × {text(v)}" for v, n in sorted(values.items()) if n)


def _staircase_law(case: Filter) -> str:
    claimed = preactivation_counts(len(case.w), case.m, case.N // 2)
    values = exact_values(list(claimed), len(case.w))(case.w, case.phi)
    total: Counter[Any] = Counter()
    for value, count in zip(values, claimed.values(), strict=True):
        total[Fraction(value)] += count
    return _counted(total)


def _staircase_truth(case: Filter) -> str:
    z = border(case.padding, case.w, 0, _pixels(case.r, case.N))
    return _counted(Counter(map(Fraction, z)))


QUARTERS = Fraction(1, 4)

STAIRCASE = Search(
    "staircase",
    "how often each pre-activation occurs",
    _order(2, HALF, 7),
    lambda: (
        case
        for case in _filters((3, 5, 7), {1: 2, 3: 2}, ("identity",), (*BORDERS,), HALF)
        if case.b == 0
    ),
    (
        Hypothesis(
            r"plateau radii, $r = m - \tfrac12 + \varphi$ with $m \ge h+1$", NARROW, _plateau
        ),
        *_padding("zero padding", True),
        Hypothesis(
            r"$m + h \le L$: no filter position sees a pulse cut off by the border", CUT, _clear
        ),
    ),
    _staircase_law,
    _staircase_truth,
)


def _response_law(case: Filter) -> Any:
    """2rΔ + κ + D(φ)."""
    q = exact_quantities(case.w, case.g, [case.phi])
    return 2 * case.r * q.slope + q.kappa + q.deviation[0]


def _plateau_law(case: Filter) -> Any:
    q = exact_quantities(case.w, case.g, [])
    return 2 * case.r * q.slope + q.kappa


PLATEAU = Search(
    "plateau",
    "the pooled response",
    _order(2, HALF, 5),
    lambda: _filters((3, 5), {1: 2, 3: 2}, ("identity", "relu", "square"), ("zeros",), HALF),
    (
        Hypothesis("half-integer", "r between half-integers", lambda case: case.phi == 0),
        Hypothesis(r"plateau radii $r \ge n/2$", NARROW, _plateau),
        Hypothesis(
            r"$r \le L - h$",
            "r = L - h + 1/2, where the windows at the border still miss the pulse",
            lambda case: case.r <= case.N // 2 - case.h or case.r > Fraction(case.N, 2) - case.h,
            needed=False,
        ),
        Hypothesis(r"$r \le L - h$", "r > L - h + 1/2", _clear),
    ),
    _plateau_law,
    _pooled,
)

PLATEAU_PADDED = Search(
    "plateau",
    "the pooled response, with other paddings",
    _order(1, Fraction(1), 11) + " less 1/2",
    lambda: (
        replace(case, r=case.r - HALF)
        for case in _filters(
            (3, 5, 7, 9, 11), {1: 1, 3: 1, 5: 1}, ("relu", "square"), (*BORDERS,), Fraction(1)
        )
        if case.r - HALF >= Fraction(len(case.w), 2) and case.r - HALF <= case.N // 2 - case.h
    ),
    _padding("zero padding", False),
    _plateau_law,
    _pooled,
)

SUBPIXEL = Search(
    "subpixel",
    "the pooled response",
    _order(2, HALF, 7),
    lambda: _filters((3, 5, 7), {1: 2, 3: 2}, ("relu", "square"), (*BORDERS,), HALF),
    (
        Hypothesis(r"plateau radii $r = m - \tfrac12 + \varphi \ge n/2$", NARROW, _plateau),
        *_padding("zero padding", True),
        Hypothesis(
            r"$m + h \le L$: no filter position sees a pulse cut off by the border", CUT, _clear
        ),
    ),
    _response_law,
    _pooled,
)


# --- loss ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pooling(Case):
    """One channel of a readout, with sum or mean pooling."""

    network: Filter
    a: Fraction
    c: Fraction
    pooling: str


def _pooling_law(case: Pooling) -> Any:
    """α r + β + D."""
    f = case.network
    q = exact_quantities(f.w, f.g, [f.phi])
    alpha = 2 * case.a * q.slope - 1
    beta = case.c + case.a * (f.N * q.background + q.kappa)
    return alpha * f.r + beta + case.a * q.deviation[0]


def _answer(f: Filter, a: Any, c: Any) -> Any:
    """r̂, by the definition."""
    sigma = oracle.RATIONAL[f.sigma]
    return c + a * sum(map(sigma, border(f.padding, f.w, f.b, _pixels(f.r, f.N))))


def _pooling_truth(case: Pooling) -> Any:
    f = case.network
    return _answer(f, case.a / (f.N if case.pooling == "mean" else 1), case.c) - f.r


LOSS_PLATEAU = r"plateau radii, $m + h \le L$"

LOSS = Search(
    "loss",
    "the error α r + β + D",
    _order(2, HALF, 7) + ", sum and mean; a = 1, c = 0",
    lambda: (
        Pooling(case, Fraction(1), Fraction(0), pooling)
        for case in _filters((3, 5, 7), {1: 2, 3: 2}, ("relu", "square"), ("zeros",), HALF)
        for pooling in ("sum", "mean")
    ),
    (
        Hypothesis(LOSS_PLATEAU, NARROW, lambda case: _plateau(case.network)),
        Hypothesis(LOSS_PLATEAU, CUT, lambda case: _clear(case.network)),
        Hypothesis(
            r"sum pooling; with mean pooling $a_k/N$ takes the place of $a_k$",
            "mean pooling, and a is not divided by N",
            lambda case: case.pooling == "sum",
        ),
    ),
    _pooling_law,
    _pooling_truth,
)

FRACTIONS = tuple(Fraction(p, q) for q in (2, 3, 4) for p in range(1, q))
"""Enough to see every bend of the small integer filters tried here."""


@dataclass(frozen=True)
class Read(Case):
    """One channel with its readout, and the radii at which it is asked to be exact."""

    N: int
    w: tuple[int, ...]
    b: int
    a: Fraction
    c: Fraction
    sigma: str
    radii: str

    @property
    def asked(self) -> list[Fraction]:
        """The radii of the first plateau cell that are asked."""
        first = Fraction(len(self.w), 2)
        between = [first + part for part in FRACTIONS]
        return {
            "one half-integer": [first],
            "two half-integers": [first, first + 1],
            "two half-integers and between": [first, first + 1, *between],
        }[self.radii]


def _three_laws(case: Read) -> bool:
    """α = 0, β = 0 and D ≡ 0."""
    g = oracle.shifted(oracle.RATIONAL[case.sigma], case.b)
    q = exact_quantities(case.w, g, FRACTIONS)
    alpha = 2 * case.a * q.slope - 1
    beta = case.c + case.a * (case.N * q.background + q.kappa)
    return alpha == 0 and beta == 0 and not any(case.a * d for d in q.deviation)


def _exact(case: Read) -> bool:
    f = Filter(case.N, case.w, case.b, case.sigma, "zeros", HALF)
    return all(_answer(replace(f, r=r), case.a, case.c) == r for r in case.asked)


def _readouts() -> Iterator[Read]:
    ways = ("two half-integers and between", "one half-integer", "two half-integers")
    for size, n in ((3, 1), (5, 1), (7, 3)):
        for *w, b in ordered(n + 1, 2):
            for a, c in product((-1, 1), (-2, -1, 0, 1, 2)):
                for sigma in ("identity", "relu", "square"):
                    for radii in ways:
                        yield Read(size, tuple(w), b, Fraction(a, 2), Fraction(c, 2), sigma, radii)


LOSS_IFF = Search(
    "loss",
    "exact if and only if α = 0, β = 0 and D ≡ 0",
    "(N, n) = (3, 1), (5, 1), (7, 3), sum of the absolute values of w and b up to 2, a = ±1/2,"
    " c = -1 to 1 in halves, σ, radii of the first cell",
    _readouts,
    (
        Hypothesis(
            "exact on two half-integers",
            "asked at one half-integer only",
            lambda case: case.radii != "one half-integer",
        ),
        Hypothesis(
            "every radius between them",
            "asked at two half-integers only",
            lambda case: case.radii != "two half-integers",
        ),
    ),
    _three_laws,
    _exact,
)


# --- readout ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Features(Case):
    """One channel, and the radii on which its readout is fitted."""

    N: int
    w: tuple[int, ...]
    b: int
    sigma: str
    padding: str
    radii: tuple[Fraction, ...]

    @property
    def filters(self) -> list[Filter]:
        """The channel at each radius."""
        return [Filter(self.N, self.w, self.b, self.sigma, self.padding, r) for r in self.radii]

    @property
    def pooled(self) -> list[Any]:
        """Σ_i g(z_i) at each radius, by the definition."""
        return [_answer(f, 1, 0) for f in self.filters]


def _features(sets: Callable[[int], list[tuple[Fraction, ...]]]) -> Iterator[Features]:
    for size, n in ((3, 1), (5, 1), (5, 3), (7, 3), (9, 3)):
        for *w, b in ordered(n + 1, 2):
            for sigma, padding in product(("identity", "square"), ("zeros", "none")):
                for radii in sets(size):
                    yield Features(size, tuple(w), b, sigma, padding, radii)


def _pairs(size: int) -> list[tuple[Fraction, ...]]:
    grid = [Fraction(k, 2) for k in range(1, size + 1)]
    return [(r,) for r in grid] + [(r, s) for j, r in enumerate(grid) for s in grid[j + 1 :]]


def _smallest_law(case: Features) -> Any:
    q = exact_quantities(case.w, case.filters[0].g, [])
    if q.slope == 0:
        return "0/0"
    (a,), c = exact_readout([Fraction(q.slope)], [case.N * q.background + q.kappa])
    return a, c


def _smallest_truth(case: Features) -> Any:
    """The exact readout with the smallest |a|, from the responses."""
    f, r = case.pooled, case.radii
    if len(r) == 1:
        return Fraction(0), r[0]
    if f[0] == f[1]:
        return "no exact readout"
    a = Fraction(r[1] - r[0]) / (f[1] - f[0])
    return a, r[0] - a * f[0]


READOUT_ORDER = (
    "(N, n) = (3, 1), (5, 1), (5, 3), (7, 3), (9, 3), sum of the absolute values of w and b up to"
    " 2, σ, padding, radii on multiples of 1/2: "
)

READOUT = Search(
    "readout",
    "the exact readout of smallest norm",
    READOUT_ORDER + "one, then two",
    lambda: _features(_pairs),
    (
        Hypothesis("two or more", "one radius", lambda case: len(case.radii) > 1),
        Hypothesis(
            "half-integer",
            "radii between half-integers",
            lambda case: all(f.phi == 0 for f in case.filters),
        ),
        Hypothesis("plateau radii", NARROW, lambda case: all(map(_plateau, case.filters))),
        Hypothesis(r"$m + h \le L$", CUT, lambda case: all(map(_clear, case.filters))),
        Hypothesis(
            r"some $\Delta_k \neq 0$",
            "Δ = 0",
            lambda case: case.filters[0].g(sum(case.w)) != case.filters[0].g(0),
        ),
        Hypothesis("zero padding", UNPADDED, lambda case: case.padding != "none"),
    ),
    _smallest_law,
    _smallest_truth,
)


def _level_law(case: Features) -> Any:
    fs, rs, n = case.filters, case.radii, Fraction(len(case.radii))
    q = exact_quantities(case.w, fs[0].g, [f.phi for f in fs])
    ds, offset = q.deviation, case.N * q.background + q.kappa
    moments = (sum(rs) / n, covariance(rs, rs), sum(ds) / n, covariance(rs, ds), covariance(ds, ds))
    try:
        fit = least_squares(Fraction(q.slope), offset, *moments)
    except ZeroDivisionError:
        return "0/0"
    return fit.a, fit.c, fit.level


def _level_truth(case: Features) -> Any:
    """The regression of r on the responses."""
    f, r, n = case.pooled, case.radii, len(case.radii)
    variance = covariance(f, f)
    if variance == 0:
        return "any a, loss " + text(covariance(r, r))
    a = covariance(f, r) / variance
    return a, sum(r) / n - a * sum(f) / n, covariance(r, r) - a * covariance(f, r)


def _triples(size: int) -> list[tuple[Fraction, ...]]:
    grid = [Fraction(k, 2) for k in range(1, size + 1)]
    return [tuple(grid[j : j + 3]) for j in range(len(grid) - 2)]


READOUT_LEVEL = Search(
    "readout",
    "the best readout and its loss",
    READOUT_ORDER + "three in a row",
    lambda: _features(_triples),
    (
        Hypothesis("any plateau radii", NARROW, lambda case: all(map(_plateau, case.filters))),
        Hypothesis(r"$m + h \le L$", CUT, lambda case: all(map(_clear, case.filters))),
        Hypothesis("zero padding", UNPADDED, lambda case: case.padding != "none"),
        Hypothesis(
            "a response that is not constant",
            "the response is constant",
            lambda case: len(set(case.pooled)) > 1,
        ),
    ),
    _level_law,
    _level_truth,
)


# --- symmetry -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Image(Case):
    """A channel before and after one of the symmetries, and a pulse that may be shifted."""

    N: int
    w: tuple[int, ...]
    b: int
    sigma: str
    symmetry: str
    padding: str
    shift: int
    r: Fraction


MIRRORED: dict[str, Callable[[Channel], Channel]] = {
    "reversed": SYMMETRIES.reverse,
    "scaled by 2": lambda channel: SYMMETRIES.rescale(channel, Fraction(2)),
    "all negated": SYMMETRIES.odd,
    "filter negated": SYMMETRIES.even,
}
HOMOGENEOUS, ODD, EVEN = ("identity", "relu", "abs"), ("identity", "hardtanh"), ("abs", "square")


def _one_sided(w: Sequence[Any], b: Any, x: Sequence[Any]) -> list[Any]:
    """All zeros on the left, as causal layers pad."""
    return _valid(w, b, [0] * (2 * (len(w) // 2)) + list(x))


def _image_answer(case: Image, channel: Channel) -> Any:
    sigma = oracle.RATIONAL[case.sigma]
    x = _pixels(case.r, case.N)
    x = [x[i - case.shift] if 0 <= i - case.shift < case.N else 0 for i in range(case.N)]
    windows = _one_sided if case.padding == "zeros on the left" else BORDERS[case.padding]
    return channel.a * sum(map(sigma, windows(channel.w, channel.b, x)))


def _images() -> Iterator[Image]:
    sigmas = ("identity", "relu", "abs", "hardtanh", "square")
    paddings = ("zeros", "a ring", "reflect", "zeros on the left")
    for size, n in ((3, 1), (3, 3)):
        for *w, b in ordered(n + 1, 1):
            for sigma, symmetry, padding in product(sigmas, MIRRORED, paddings):
                for shift, r in product((0, 1), (QUARTERS, HALF, Fraction(1), Fraction(3, 2))):
                    yield Image(size, tuple(w), b, sigma, symmetry, padding, shift, r)


def _original(case: Image) -> Channel:
    return Channel(Fraction(1), case.b, case.w)


SYMMETRY = Search(
    "symmetry",
    "the answer of a channel and of its image",
    "(N, n) = (3, 1), (3, 3), sum of the absolute values of w and b up to 1, σ, symmetry,"
    " padding, shift, r = 1/4, 1/2, 1, 3/2; a = 1",
    _images,
    (
        Hypothesis("centred pulses", "a shifted pulse", lambda case: case.shift == 0),
        Hypothesis(
            r"of every radius $r \ge \tfrac12$",
            "r < 1/2",
            lambda case: case.r >= HALF,
            needed=False,
        ),
        Hypothesis(
            "zero padding",
            "the signal is closed to a ring",
            lambda case: case.padding != "a ring",
            needed=False,
        ),
        Hypothesis(
            "zero padding",
            "the signal is reflected at its border",
            lambda case: case.padding != "reflect",
            needed=False,
        ),
        Hypothesis(
            "zero padding",
            "all zeros on the left",
            lambda case: case.padding != "zeros on the left",
        ),
        Hypothesis(
            r"scale: positively homogeneous $\sigma$",
            "scaled, σ not homogeneous",
            lambda case: case.symmetry != "scaled by 2" or case.sigma in HOMOGENEOUS,
        ),
        Hypothesis(
            r"negation of all: odd $\sigma$",
            "all negated, σ not odd",
            lambda case: case.symmetry != "all negated" or case.sigma in ODD,
        ),
        Hypothesis(
            r"negation of the filter: even $\sigma$",
            "the filter negated, σ not even",
            lambda case: case.symmetry != "filter negated" or case.sigma in EVEN,
        ),
    ),
    lambda case: _image_answer(case, _original(case)),
    lambda case: _image_answer(case, MIRRORED[case.symmetry](_original(case))),
)


# --- small radii --------------------------------------------------------------------------------


def _small_law(case: Filter) -> Any:
    if case.m < 1:
        return "no such cell"
    law = exact_law(small_response(len(case.w), case.m), len(case.w))
    return law(case.w, case.r, case.phi, case.g)


SMALL = Search(
    "small_radius",
    "the pooled response",
    _order(2, HALF, 7),
    lambda: (
        case
        for case in _filters((3, 5, 7), {3: 2}, ("relu",), ("zeros",), QUARTERS)
        if case.phi in (0, HALF) or case.r < HALF
    ),
    (
        Hypothesis(
            r"half-integer radii $\tfrac12 \le r < n/2$", "r < 1/2", lambda case: case.r >= HALF
        ),
        Hypothesis(
            r"half-integer radii $\tfrac12 \le r < n/2$",
            "r ≥ n/2: there it is the plateau law",
            lambda case: case.r < Fraction(len(case.w), 2),
            needed=False,
        ),
        Hypothesis(r"$m + h \le L$", CUT, _clear),
    ),
    _small_law,
    _pooled,
)


def _one_side(case: Filter) -> bool:
    """No pre-activation changes its side of 0, at any radius up to the border: the linear cell."""
    radii = [Fraction(k, 2) for k in range(1, case.N - 2 * case.h + 1)]
    z = [v for r in radii for v in border("zeros", case.w, case.b, _pixels(r, case.N))]
    return bool(min(z) >= 0 or max(z) <= 0)


SMALL_LINEAR = Search(
    "small_radius",
    "ε = 0 in a linear cell",
    _order(2, Fraction(1), 5),
    lambda: (
        replace(case, r=case.r - HALF)
        for case in _filters((5,), {3: 2}, ("relu",), ("zeros",), Fraction(1))
        if case.r == 1
    ),
    (Hypothesis("in a linear cell", "a partial sum beyond the kink", _one_side),),
    lambda case: 0,
    lambda case: _pooled(case) - _plateau_law(case),
)


# --- kinks --------------------------------------------------------------------------------------

KINKS: dict[str, list[tuple[Any, Any]]] = {
    "identity": [],
    "relu": [(0, 1)],
    "abs": [(0, 2)],
    "hardtanh": [(-1, 1), (1, -1)],
    "hardshrink": [(-HALF, -1), (HALF, 1)],
    "square": [],
}
"""Places and slope jumps; a jump of σ itself is none."""


def _bends(case: Filter) -> Any:
    """D by the crossings."""
    part = case.phi
    found = crossings(tuple(map(Fraction, case.w)), Fraction(case.b), KINKS[case.sigma])
    return -sum(crossing.jump * bridge(part, crossing.star) for crossing in found)


@cache
def _bent(case: Filter) -> Any:
    """D by the definition: the response less its chord."""
    low = case.m - HALF
    ends = [_pooled(replace(case, r=low + end)) for end in (0, 1)]
    return _pooled(case) - (1 - case.phi) * ends[0] - case.phi * ends[1]


KINKS_SEARCH = Search(
    "kinks",
    "D as a sum over the crossings",
    _order(3, HALF, 5),
    lambda: (
        case
        for case in _filters(
            (3, 5), {1: 3, 3: 3}, ("relu", "hardshrink", "square"), ("zeros",), HALF
        )
        if case.phi and case.r < Fraction(case.N, 2)
    ),
    (
        Hypothesis(r"$\sigma$ continuous", "σ jumps", lambda case: case.sigma != "hardshrink"),
        Hypothesis(
            "piecewise linear with kinks $t$ and slope jumps $J$",
            "σ is curved",
            lambda case: case.sigma != "square",
        ),
        Hypothesis("plateau radii", NARROW, _plateau),
        Hypothesis(r"$m + h \le L$", CUT, _clear),
    ),
    _bends,
    _bent,
)


@dataclass(frozen=True)
class Straight(Case):
    """Channels (w, b, a) and their activation."""

    channels: tuple[tuple[tuple[int, ...], int, int], ...]
    sigma: str


def _straights() -> Iterator[Straight]:
    for w, b in ordered(2, 6):
        for a, sigma in product((1, 0), ("relu", "hardtanh")):
            yield Straight((((w,), b, a),), sigma)
    for w, b, v, d in ordered(4, 6):
        yield Straight((((w,), b, 1), ((v,), d, -1)), "relu")
    for *taps, b in ordered(4, 4):
        yield Straight(((tuple(taps), b, 1),), "hardtanh")


def _uncrossed(case: Straight) -> bool:
    """No kink lies inside a step."""
    return not any(
        crossings(tuple(map(Fraction, w)), Fraction(b), KINKS[case.sigma])
        for w, b, _ in case.channels
    )


def _is_straight(case: Straight) -> bool:
    """D ≡ 0 by the definition, on the first cell of the plateau."""
    n = len(case.channels[0][0])
    size, first = (3, HALF) if n == 1 else (7, Fraction(3, 2))
    return not any(
        sum(a * _bent(Filter(size, w, b, case.sigma, "zeros", first + p)) for w, b, a in rows if a)
        for rows in (case.channels,)
        for p in FRACTIONS
    )


KINKS_IFF = Search(
    "kinks",
    "straight if and only if no open step contains the kink",
    "taps n, channels, the sum of the absolute values of w and b (up to 6 for n = 1, 4 for n = 3),"
    " these in lexicographic order, a, σ; N = 3 for n = 1, else 7",
    _straights,
    (
        Hypothesis("$K = 1$", "two channels", lambda case: len(case.channels) == 1),
        Hypothesis(r"$a \neq 0$", "a = 0", lambda case: all(a for *_, a in case.channels)),
        Hypothesis("one kink", "two kinks", lambda case: len(KINKS[case.sigma]) == 1),
    ),
    _uncrossed,
    _is_straight,
)


# --- point-sampled pulses -----------------------------------------------------------------------


@dataclass(frozen=True)
class Sampled(Case):
    """How a pulse is sampled, and its radii."""

    sampling: str
    q: int
    place: str
    radii: tuple[Fraction, ...]


def _samples() -> Iterator[Sampled]:
    for sampling, q in product(("points", "areas"), (1, 2)):
        parts = {
            "midpoints": [Fraction(2 * t + 1, 2 * q) for t in range(q)],
            "left ends": [Fraction(t, q) for t in range(q)],
            "midpoints, the last left out": [Fraction(2 * t + 1, 2 * q) for t in range(q - 1)],
        }
        for place, fractions in parts.items():
            if fractions:
                radii = tuple(k + f for k in (1, 2) for f in fractions)
                yield Sampled(sampling, q, place, radii)


def _risk(case: Sampled) -> Any:
    """The least risk of any answer to the pixels, and that of k + 1/2, by enumeration."""
    seen: dict[tuple[Any, ...], list[Fraction]] = {}
    for r in case.radii:
        points = tuple(int(abs(i) <= r) for i in range(-4, 5))
        pixels = points if case.sampling == "points" else tuple(oracle.overlap_pulse(r, 4))
        seen.setdefault(pixels, []).append(r)
    number = len(case.radii)
    least = sum(len(group) * covariance(group, group) for group in seen.values())
    middle = sum((best_answer(Fraction(int(r))) - r) ** 2 for r in case.radii)
    return Fraction(least) / number, middle / number


POINTS = Search(
    "point_sampled",
    "the least risk, and the risk of ⌊r⌋ + 1/2",
    "sampling, q = 1 and 2 radii in each of two cells, their places",
    _samples,
    (
        Hypothesis(
            r"point-sampled pulse: $x_r(i) = 1$ if $|i| \le r$, else 0",
            "pixels hold areas",
            lambda case: case.sampling == "points",
        ),
        Hypothesis(
            "$q$ equidistant midpoints",
            "the left ends of q equal parts",
            lambda case: case.place != "left ends",
        ),
        Hypothesis(
            "$r$ uniform on whole cells $[k, k+1)$",
            "a part of each cell is left out",
            lambda case: "left out" not in case.place,
        ),
    ),
    lambda case: (grid_risk(Fraction(case.q)), grid_risk(Fraction(case.q))),
    _risk,
)


def _attained_law(case: Filter) -> Any:
    return best_answer(Fraction(int(case.r)))


def _attained_truth(case: Filter) -> Any:
    """The answer with the readout of the claim, at a point-sampled pulse."""
    q = exact_quantities(case.w, case.g, [])
    if q.slope == 0:
        return "no readout: 1/0"
    a = 1 / Fraction(2 * q.slope)
    c = -a * (case.N * q.background + q.kappa)
    half = case.N // 2
    x = [int(abs(i) <= case.r) for i in range(-half, half + 1)]
    sigma = oracle.RATIONAL[case.sigma]
    return c + a * sum(map(sigma, border(case.padding, case.w, case.b, x)))


ATTAINED = Search(
    "point_sampled",
    "the readout that answers ⌊r⌋ + 1/2",
    ORDER + ", σ, padding, r = 0, 1, …; up to N = 11 and the sum 2, 1 for n = 5",
    lambda: (
        replace(case, r=case.r - 1)
        for case in _filters(
            (3, 5, 7, 9, 11), {1: 2, 3: 2, 5: 1}, ("relu", "square"), ("zeros", "none"), Fraction(1)
        )
    ),
    (
        Hypothesis(r"$k \ge h$", NARROW, lambda case: case.r >= case.h),
        Hypothesis(r"$\Delta \neq 0$", "Δ = 0", lambda case: case.g(sum(case.w)) != case.g(0)),
        Hypothesis("zero padding", UNPADDED, lambda case: case.padding != "none"),
        Hypothesis(
            r"$k + 1 + h \le L$",
            "k + h = L, where the windows at the border still miss the pulse's edge",
            lambda case: case.r + case.h != case.N // 2,
            needed=False,
        ),
        Hypothesis(r"$k + 1 + h \le L$", "k + h > L", lambda case: case.r + case.h <= case.N // 2),
    ),
    _attained_law,
    _attained_truth,
)


# --- endings ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cells(Case):
    """The cells m, each with its fractions φ, of a training set."""

    cells: tuple[int, ...]
    fractions: tuple[tuple[Fraction, ...], ...]


def _training_sets() -> Iterator[Cells]:
    pairs = ((Fraction(0),), (Fraction(1, 4),), (Fraction(0), HALF))
    for count in (1, 2, 3):
        for cells in product(range(1, 5), repeat=count):
            for fractions in product(pairs, repeat=count):
                yield Cells(cells, fractions)


def _consecutive(case: Cells) -> bool:
    return all(after == before + 1 for before, after in pairwise(case.cells))


def _floor_truth(case: Cells) -> Any:
    """The least loss of an answer that depends on φ alone; "at least" is tried by its sign."""
    groups: dict[Fraction, list[Fraction]] = {}
    for m, fractions in zip(case.cells, case.fractions, strict=True):
        for part in fractions:
            groups.setdefault(part, []).append(m - HALF + part)
    number = sum(map(len, groups.values()))
    return Fraction(sum(len(g) * covariance(g, g) for g in groups.values())) / number


FLOOR = Search(
    "endings",
    "the least loss of an answer that depends on φ alone",
    "cells, their numbers from 1 to 4 in lexicographic order, the fractions in each: 0, 1/4, or 0"
    " and 1/2; up to 3 cells",
    _training_sets,
    (
        Hypothesis(
            r"$m$ and $\varphi$ independent",
            "cells with different fractions",
            lambda case: len(set(case.fractions)) == 1,
        ),
        Hypothesis(
            "$m$ uniform on consecutive integers", "other cells, or one of them twice", _consecutive
        ),
    ),
    lambda case: blind_floor(Fraction(len(case.cells))),
    _floor_truth,
    at_least,
)


@dataclass(frozen=True)
class Blind(Case):
    """A filter whose sum says nothing, S = 0, on half-integers."""

    N: int
    w: tuple[int, ...]
    sigma: str
    padding: str
    radii: tuple[Fraction, ...]


def _blind_filters() -> Iterator[Blind]:
    for size in (5, 7):
        half_integers = [Fraction(k, 2) for k in range(1, size + 1, 2)]
        for w in ordered(3, 2):
            if any(w) and sum(w) == 0:
                for low, high in product(range(len(half_integers)), repeat=2):
                    if low < high:
                        radii = tuple(half_integers[low : high + 1])
                        yield Blind(size, w, "relu", "zeros", radii)


def _least_loss(case: Blind) -> Any:
    features = Features(case.N, case.w, 0, case.sigma, case.padding, case.radii)
    return risk([features.pooled], case.radii)


BLIND = Search(
    "endings",
    "the least loss of a filter with Δ = 0, any readout",
    "N = 5, 7, the sum of the absolute values of w up to 2, these in lexicographic order, two or"
    " more half-integers in a row; n = 3, b = 0",
    _blind_filters,
    (
        Hypothesis("plateau radii", NARROW, lambda case: case.radii[0] >= Fraction(3, 2)),
        Hypothesis(r"$m + h \le L$", CUT, lambda case: case.radii[-1] <= Fraction(case.N, 2) - 1),
    ),
    lambda case: blind_floor(Fraction(len(case.radii))),
    _least_loss,
    at_least,
)


@dataclass(frozen=True)
class Ended(Case):
    """One channel of one tap with its readout, on N = 3 pixels at r = 1/2 and 3/2."""

    w: int
    b: int
    a: Fraction
    c: Fraction
    sigma: str

    @property
    def seen(self) -> list[tuple[Fraction, list[Fraction]]]:
        """Each radius with its pixels."""
        return [(r, oracle.overlap_pulse(r, 1)) for r in (HALF, Fraction(3, 2))]


SLOPES = {"relu": (0, 1), "abs": (-1, 1), "hardtanh": (1, 1)}
"""Below and above 0, next to it."""
DERIVATIVES: dict[str, Callable[[Any], int]] = {
    "relu": lambda z: int(z > 0),
    "abs": lambda z: (z > 0) - (z < 0),
    "hardtanh": lambda z: int(-1 < z < 1),
}


def _ends() -> Iterator[Ended]:
    for w, b in ordered(2, 2):
        for a, c in product((0, 1, -1), sorted(range(-4, 5), key=abs)):
            for sigma in SLOPES:
                yield Ended(w, b, Fraction(a, 2), Fraction(c, 2), sigma)


def _ending_law(case: Ended) -> Any:
    """The least squares of the cell, by the law's rows."""
    rows = []
    for _, x in case.seen:
        slopes = [SLOPES[case.sigma][case.w * v + case.b >= 0] for v in x]
        tilted = [tilt((v,), s) for v, s in zip(x, slopes, strict=True)]
        rows.append([Fraction(sum(column)) for column in zip(*tilted, strict=True)])
    return risk(list(zip(*rows, strict=True)), [r for r, _ in case.seen])


def _errors(case: Ended) -> list[Any]:
    sigma = oracle.RATIONAL[case.sigma]
    row = ([[case.w]], [case.b], [case.a], case.c, sigma)
    return [oracle.answer(*row, x) - r for r, x in case.seen]


def _stationary(case: Ended) -> bool:
    """The gradient in w, b, a and c is 0, term by term."""
    slope, sigma = DERIVATIVES[case.sigma], oracle.RATIONAL[case.sigma]
    gradient = [Fraction(0)] * 4
    for error, (_, x) in zip(_errors(case), case.seen, strict=True):
        z = [case.w * v + case.b for v in x]
        parts = (
            case.a * sum(slope(y) * v for y, v in zip(z, x, strict=True)),
            case.a * sum(map(slope, z)),
            sum(map(sigma, z)),
            1,
        )
        gradient = [g + error * part for g, part in zip(gradient, parts, strict=True)]
    return not any(gradient)


LEVEL = Search(
    "endings",
    "the loss of a network, as the level of its cell",
    "sum of |w| + |b| up to 2, these in lexicographic order, a = 0, 1/2, -1/2, |c| up to 2 in"
    " halves, σ; n = 1, N = 3, r = 1/2 and 3/2",
    _ends,
    (
        Hypothesis(
            r"$\sigma$ positively homogeneous: slope $s_+$ above 0, $s_-$ below",
            "σ with other kinks",
            lambda case: case.sigma != "hardtanh",
        ),
        Hypothesis("a stationary point", "the gradient is not 0", _stationary),
        Hypothesis(
            "inside a cell",
            "a pre-activation is 0",
            lambda case: all(case.w * v + case.b for _, x in case.seen for v in x),
        ),
        Hypothesis(r"all $a_k \neq 0$", "a = 0", lambda case: case.a != 0),
    ),
    _ending_law,
    lambda case: sum(e * e for e in _errors(case)) / Fraction(2),
)


SEARCHES: tuple[Search[Any], ...] = (
    SIGNAL,
    STAIRCASE,
    PLATEAU,
    PLATEAU_PADDED,
    SUBPIXEL,
    LOSS,
    LOSS_IFF,
    READOUT,
    READOUT_LEVEL,
    SYMMETRY,
    SMALL,
    SMALL_LINEAR,
    KINKS_SEARCH,
    KINKS_IFF,
    POINTS,
    ATTAINED,
    FLOOR,
    BLIND,
    LEVEL,
)
"""The searches of this chapter, in the order of its claims."""

REASONS: dict[str, tuple[tuple[str, str], ...]] = {
    "plateau": (("any activation and bias,…; any taps", ASKS_NOTHING),),
    "subpixel": (
        (r"$0 \le \varphi \le 1$", "how m and φ are chosen: each radius has such a pair"),
        ("any activation and bias; any taps", ASKS_NOTHING),
        (r"$\delta(p,q;\varphi) = … \varphi\,g(q)$", DEFINES),
    ),
    "loss": (
        ("any number of channels, activation, taps and biases", ASKS_NOTHING),
        ("if and only if … and $D \\equiv 0$", STATES),
    ),
    "readout": (
        ("first pair:", NAMES),
        (r"of all exact readouts … $\sum_k a_k^2$", "says which exact readout is meant"),
        ("second pair: $K = 1$", "the formula is written for one channel"),
        (r"$V = … \mathrm{Var}\, D$", DEFINES),
    ),
    "symmetry": (
        ("permutation of channels always", ASKS_NOTHING),
        (r"reversal: any $\sigma$", ASKS_NOTHING),
    ),
    "small_radius": (
        (r"$\ell = 2r$ lit pixels", DEFINES),
        (r"$\varepsilon_\ell = 0$ for $\ell \ge n$", STATES),
        ("for an arbitrary $g$ these laws are independent", STATES),
        (r"every $\varepsilon_\ell$ is 0", STATES),
        (r"between them $(1-\varphi)… D_m(\varphi)$", STATES),
        (
            r"exact down to … $\sum_k a_k D_{k,m} \equiv 0$",
            "of these conditions the wrong laws leave one out each",
        ),
    ),
    "kinks": (
        ("$C$ stands for both … $T_{u+1}$)", DEFINES),
        (r"$D \equiv 0$ iff the jumps … $\varphi^*$", STATES),
        ("iff no open step contains it", STATES),
    ),
    "point_sampled": (
        ("of each cell the constant … $\\tfrac{1}{12}$", STATES),
        ("attained:", NAMES),
        (r"any $\sigma$", ASKS_NOTHING),
    ),
    "endings": (
        ("$s_{k,i}$ is the slope … sign of $a_k$", DEFINES),
        ("on a face … at 0", "says what holds instead where a pre-activation is 0"),
        ("blind floor:", NAMES),
    ),
}
"""What of the assumptions no search drops, and why."""
