"""The chapter of activations: which networks are exact between half-integers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from numerics.arithmetic import oracle
from theory.shape.rates.leading import Spread, loss
from theory.shape.span import copies
from verify.counterexamples.exact import covariance, risk
from verify.counterexamples.pulse import border
from verify.counterexamples.search import (
    ASKS_NOTHING,
    DEFINES,
    STATES,
    Case,
    Hypothesis,
    Search,
    ordered,
)

__all__ = ["REASONS", "SEARCHES"]

HALF = Fraction(1, 2)
SAME = 1e-12
"""Two answers of tanh that agree so far are the same."""
Slope = Callable[[Any], Any]
SIGMAS: dict[str, tuple[Slope, Slope]] = {
    "identity": (lambda z: z, lambda z: 1),
    "relu": (oracle.RATIONAL["relu"], lambda z: int(z > 0)),
    "square": (lambda z: z * z, lambda z: 2 * z),
    "z + [z > 0]": (lambda z: z + int(z > 0), lambda z: 1),
}
"""σ and its slope, where it has one."""
PARTS = (Fraction(1, 7), Fraction(3, 7), Fraction(5, 7))
"""Fractions at which no window of a small filter meets a kink or a jump."""


@dataclass(frozen=True)
class Slopes(Case):
    """One channel with its readout weight; c is right at the first half-integer, and shifted."""

    N: int
    w: tuple[int, ...]
    b: int
    a: Fraction
    sigma: str
    padding: str
    shift: int
    radii: str

    @property
    def asked(self) -> list[Fraction]:
        """Of two cells."""
        first = Fraction(len(self.w), 2)
        whole = [first + k for k in range(3)]
        if self.radii == "half-integers":
            return whole
        if self.radii == "narrower":
            first = HALF
        last = {"to the border": Fraction(self.N, 2)}.get(self.radii, first + 2)
        cells = [first + k for k in range(int(last - first) + 1)]
        return cells + [r + part for r in cells[:-1] for part in PARTS]


def _answer(case: Slopes, r: Fraction) -> Any:
    x = oracle.overlap_pulse(r, case.N // 2)
    return case.a * sum(map(SIGMAS[case.sigma][0], border(case.padding, case.w, case.b, x)))


def _span_law(case: Slopes) -> bool:
    """The span condition at a few φ."""
    slope = SIGMAS[case.sigma][1]
    return all(
        sum(case.a * tap * slope(level + part * tap) for tap, level in copies(case.w, case.b)) == 1
        for part in PARTS
    )


def _span_truth(case: Slopes) -> bool:
    """Exact at all radii asked, c right at the first of them but for the shift."""
    first = Fraction(len(case.w), 2)
    c = first - _answer(case, first) + case.shift
    return all(_answer(case, r) + c == r for r in case.asked)


def _slopes() -> Iterator[Slopes]:
    kinds = ("all of two cells", "half-integers", "to the border")
    for size, n in ((5, 1), (9, 3)):
        for *w, b in ordered(n + 1, 2):
            for a, sigma in product((HALF, -HALF, HALF / 2), SIGMAS):
                for padding, shift, radii in product(("zeros", "none"), (0, 1), kinds):
                    if n > 1 or radii != "to the border":
                        yield Slopes(size, tuple(w), b, a, sigma, padding, shift, radii)
    for *w, b in ordered(4, 3):
        for radii in (kinds[0], "narrower"):
            yield Slopes(9, tuple(w), b, HALF, "relu", "zeros", 0, radii)


SPAN = Search(
    "span",
    "exact if and only if the span condition holds",
    "(N, n) = (5, 1), (9, 3), the sum of the absolute values of w and b up to 2, these in"
    " lexicographic order, a = 1/2, -1/2, 1/4, σ, padding, an error in c, radii; then up to"
    " 3 with ReLU and a = 1/2",
    _slopes,
    (
        Hypothesis(
            r"all plateau radii $r = m - \tfrac12 + \varphi \ge n/2$",
            "asked at half-integers",
            lambda case: case.radii != "half-integers",
        ),
        Hypothesis(
            r"all plateau radii $r = m - \tfrac12 + \varphi \ge n/2$",
            "asked where the pulse is narrower than the filter",
            lambda case: case.radii != "narrower",
        ),
        Hypothesis("the right readout bias $c$", "c + 1", lambda case: case.shift == 0),
        Hypothesis(
            r"$\sigma$ continuous and piecewise $C^1$",
            "σ jumps",
            lambda case: case.sigma != "z + [z > 0]",
        ),
        Hypothesis(
            "zero padding",
            "no padding: only windows inside the signal",
            lambda case: case.padding == "zeros" or len(case.w) == 1,
        ),
        Hypothesis(
            r"$m + h \le L$",
            "windows at the border see the edge of the pulse",
            lambda case: case.radii != "to the border",
        ),
    ),
    _span_law,
    _span_truth,
)


# --- asymptotes ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Channels(Case):
    """Channels (w, b, a) of one tap, c right at r = 1/2, on N = 5 pixels."""

    channels: tuple[tuple[int, int, Fraction], ...]
    sigma: str


ENDS = {"identity": (1, 1), "relu": (1, 0), "square": (math.inf, -math.inf)}
"""s₊ and s₋."""


def _channel_sets() -> Iterator[Channels]:
    for w, b in ordered(2, 2):
        for a, sigma in product((Fraction(1, 2), Fraction(-1, 2)), ENDS):
            yield Channels(((w, b, a),), sigma)
    for w, b, v, d in ordered(4, 4):
        eighth = Fraction(1, 8)
        yield Channels(((w, b, eighth), (v, d, -eighth)), "square")


def _exact_on_a_cell(case: Channels) -> bool:
    sigma = SIGMAS[case.sigma][0]
    w = [(tap,) for tap, _, _ in case.channels]
    b, a = [b for _, b, _ in case.channels], [a for *_, a in case.channels]
    errors = {
        oracle.answer(w, b, a, Fraction(0), sigma, oracle.overlap_pulse(r, 2)) - r
        for r in (HALF + part for part in (Fraction(0), *PARTS, Fraction(1)))
    }
    return len(errors) == 1


def _residuals(case: Channels) -> Any:
    """(s₊ + s₋) Σ aS - 1 and (s₊ - s₋) Σ a|w|, written out once more."""
    right, left = ENDS[case.sigma]
    if math.inf in (right, left):
        return "∞"
    total = sum(a * w for w, _, a in case.channels)
    size = sum(a * abs(w) for w, _, a in case.channels)
    return (right + left) * total - 1, (right - left) * size


ASYMPTOTES = Search(
    "asymptotes",
    "the first two laws of an exact network: what should vanish",
    "channels, the sum of the absolute values of w and b up to 2 (4 for two channels), these in"
    " lexicographic order, a = ±1/2 (1/8 and -1/8), σ; n = 1, N = 5",
    _channel_sets,
    (
        Hypothesis(
            r"$\sigma$ real-analytic on $\mathbb{R}$", "ReLU", lambda case: case.sigma != "relu"
        ),
        Hypothesis(
            r"$s_\pm = … \sigma(z)/z$ finite", "σ(z) = z²", lambda case: case.sigma != "square"
        ),
        Hypothesis("is exact", "the network is not exact", _exact_on_a_cell),
    ),
    lambda case: (0, 0),
    _residuals,
)


# --- shape --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Never(Case):
    """One tap w = 1, a = 1/(2Δ), the right c, N = 5, and where it is asked."""

    sigma: str
    radii: str


FLOATS: dict[str, Callable[[float], float]] = {"tanh": math.tanh, "atan": math.atan}


def _found_exact(case: Never) -> bool:
    """Exact to twelve digits."""
    sigma = FLOATS[case.sigma]
    radii = [0.5, 1.5, 2.5] + ([0.75, 1.25] if case.radii == "every quarter" else [])
    a = 1 / (2 * sigma(1.0))
    return all(abs(a * sum(map(sigma, oracle.overlap_pulse(r, 2))) - r) < SAME for r in radii)


SHAPE = Search(
    "shape",
    "never exact: tanh and atan, whose slopes at both ends add up to 0",
    "σ, radii",
    lambda: (Never(s, r) for s in FLOATS for r in ("every quarter", "half-integers")),
    (
        Hypothesis(
            r"every $\varphi$", "half-integers only", lambda case: case.radii == "every quarter"
        ),
    ),
    lambda case: False,
    _found_exact,
)


# --- rates --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fitted(Case):
    """Channels of one tap (w, b), the same b, and a readout that is the best or 1 for all."""

    w: tuple[int, ...]
    b: Fraction
    sigma: str
    readout: str


RADII = tuple(HALF + Fraction(k, 4) for k in range(8))


def _responses(case: Fitted) -> list[list[Any]]:
    sigma = oracle.RATIONAL[case.sigma]
    return [
        [
            sum(sigma(w * v + case.b) - sigma(case.b) for v in oracle.overlap_pulse(r, 3))
            for r in RADII
        ]
        for w in case.w
    ]


def _rates_law(case: Fitted) -> Any:
    """The loss from Δ, V, q = Cov(D, r) and v = Var D of the first channel, D from its chord."""
    sigma = oracle.RATIONAL[case.sigma]
    slope = sigma(case.w[0] + case.b) - sigma(case.b)
    bent = [f - 2 * r * slope for f, r in zip(_responses(case)[0], RADII, strict=True)]
    try:
        moments = ((covariance(bent, RADII),), ((covariance(bent, bent),),))
        return loss(slope, (1,), Spread(covariance(RADII, RADII), *moments))
    except ZeroDivisionError:
        return "0/0"


def _rates_truth(case: Fitted) -> Any:
    rows = _responses(case)
    if case.readout == "best":
        return risk(rows, RADII)
    errors = [sum(column) - r for column, r in zip(zip(*rows, strict=True), RADII, strict=True)]
    return covariance(errors, errors)


RATES = Search(
    "rates",
    "the loss from slope and bend",
    "the sum of |w| up to 3, in lexicographic order, K = 1, 2, b = 0, -1/2, σ, readout; n = 1, N ="
    " 7, r = 1/2 to 9/4 in quarters",
    lambda: (
        Fitted(w, b, sigma, readout)
        for count in (1, 2)
        for w in ordered(count, 3)
        if all(w)
        for b, sigma in product((Fraction(0), -HALF), ("square", "cube"))
        for readout in ("best", "a = 1")
    ),
    (
        Hypothesis("$K = 1$", "two channels", lambda case: len(case.w) == 1),
        Hypothesis(
            "the best readout $(a, c)$", "a = 1 and the best c", lambda case: case.readout == "best"
        ),
    ),
    _rates_law,
    _rates_truth,
    lambda law, truth: law == truth or law == "0/0",
)


@dataclass(frozen=True)
class Smooth(Case):
    """One tap and its bias, ReLU."""

    w: int
    b: Fraction


SMOOTH = Search(
    "rates",
    "D = 0 where the second to fifth derivatives of σ at the middle are 0, here of ReLU",
    "|w| up to 2, w, b = 0, 1/2, -1/2, 1, -1, 2, -2; n = 1, φ = 1/2, N = 3",
    lambda: (
        Smooth(w, Fraction(b, 2))
        for (w,) in ordered(1, 2)
        for b in (0, 1, -1, 2, -2, 4, -4)
        if w + b != 0
    ),
    (
        Hypothesis(
            r"$\sigma$ seven times continuously differentiable … partial sum plus $b$",
            "the kink lies between them",
            lambda case: case.b * (case.w + case.b) >= 0,
        ),
    ),
    lambda case: 0,
    lambda case: _bend(case),
)


def _bend(case: Smooth) -> Any:
    """D at φ = 1/2 from three responses."""
    relu = oracle.RATIONAL["relu"]
    low, middle, high = (
        oracle.pooled((case.w,), case.b, relu, oracle.overlap_pulse(r, 1))
        for r in (HALF, Fraction(1), Fraction(3, 2))
    )
    return middle - (low + high) / 2


SEARCHES: tuple[Search[Any], ...] = (SPAN, ASYMPTOTES, SHAPE, RATES, SMOOTH)
"""The searches of this chapter, in the order of its claims."""

BORDER = "is dropped under span, which this claim builds on"
REASONS: dict[str, tuple[tuple[str, str], ...]] = {
    "span": (
        ("with jumps: … are 0", STATES),
        ("$C$ and $T$ are the staircases of channel $k$", DEFINES),
        (r"consequence ($\sigma$ continuous): … then enough", STATES),
    ),
    "asymptotes": (
        (r"for the third law also $d_\pm = \lim\,(\sigma(z) - s_\pm z)$", DEFINES),
        ("the network, any $K$ and $n$,", ASKS_NOTHING),
        (r"for all $\varphi$ in some interval … $m + h \le L$", BORDER),
        ("$N_k$ is the number … minus the number of negative ones", DEFINES),
        (r"hence: … $a_1/a_2 = …\lVert w_1\rVert_1$", STATES),
    ),
    "shape": (
        (r"plateau radii $r \ge n/2$", BORDER),
        (r"zero padding and $m + h \le L$", BORDER),
        (r"$\sigma$ is analytic but … on a piece", "the classes are stated for such σ: not tried"),
        ("impossible: … every weight", ASKS_NOTHING),
    ),
    "rates": (
        (r"plateau radii, $m + h \le L$", "is dropped under readout, which this claim builds on"),
        (r"$s_k = … E\,(1-2\varphi)$", DEFINES),
        (r"$O(S^6)$, $O(S^7)$: … $w/S$", DEFINES),
    ),
}
"""What of the assumptions no search drops, and why."""
