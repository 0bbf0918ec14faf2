"""The chapter of activations: which networks are exact between half-integers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain
from typing import Any

from numerics.arithmetic import oracle
from theory.shape.rates.leading import Spread, loss
from theory.shape.span import copies
from verify.counterexamples.exact import covariance, risk
from verify.counterexamples.search import Case, Hypothesis, Search, grid, ordered, sums
from verify.counterexamples.signals import CUT, HALF, PADDED, SIGMAS, SLOPES, Filter, channels

__all__ = ["PARTS"]

SAME = 1e-12
"""Two answers of tanh that agree so far are the same."""
PARTS = (Fraction(1, 7), Fraction(3, 7), Fraction(5, 7))
"""Fractions at which no window of a small filter meets a kink or a jump."""


class Asked(Filter):
    """A channel with its readout weight; c is right at the first half-integer, and shifted."""

    @property
    def asked(self) -> list[Fraction]:
        """Radii of two cells, or of more."""
        first = HALF if self.radii == "narrower" else Fraction(len(self.w), 2)
        count = int(Fraction(self.N, 2) - first) if self.radii == "to the border" else 2
        cells = [first + k for k in range(count + 1)]
        if self.radii == "half-integers":
            return cells
        return cells + [r + part for r in cells[:-1] for part in PARTS]


def _span_law(case: Asked) -> bool:
    """The span condition at a few φ."""
    slope = SLOPES[case.sigma]
    return all(
        sum(case.a * tap * slope(level + part * tap) for tap, level in copies(case.w, case.b)) == 1
        for part in PARTS
    )


def _span_truth(case: Asked) -> bool:
    """Exact at all radii asked, c right at the first of them but for the shift."""
    first = Fraction(len(case.w), 2)
    c = first - case.a * case.but(r=first).pooled + case.shift
    return all(case.a * case.but(r=r).pooled + c == r for r in case.asked)


def _asked() -> Iterator[Asked]:
    kinds = ("all of two cells", "half-integers", "to the border")
    yield from grid(
        channels(((5, 1), (9, 3)), 2, Asked),
        a=(HALF, -HALF, HALF / 2),
        sigma=("identity", "relu", "square", "z + [z > 0]"),
        padding=("zeros", "none"),
        shift=(0, 1),
        radii=lambda c: kinds if len(c.w) > 1 else kinds[:2],
    )
    yield from grid(
        channels([(9, 3)], 3, Asked),
        a=(HALF,),
        sigma=("relu",),
        padding=("zeros",),
        shift=(0,),
        radii=(kinds[0], "narrower"),
    )


ALL_PLATEAU = r"all plateau radii $r = m - \tfrac12 + \varphi \ge n/2$"

SPAN = Search(
    "span",
    "exact if and only if the span condition holds",
    f"(N, n) = (5, 1), (9, 3), {sums('w and b', 2)}, a = 1/2, -1/2, 1/4, σ, padding, an error in c,"
    " radii; then up to 3 with ReLU and a = 1/2",
    _asked,
    (
        Hypothesis(ALL_PLATEAU, "asked at half-integers", lambda c: c.radii != "half-integers"),
        Hypothesis(
            ALL_PLATEAU,
            "asked where the pulse is narrower than the filter",
            lambda c: c.radii != "narrower",
        ),
        Hypothesis("the right readout bias $c$", "c + 1", lambda c: c.shift == 0),
        Hypothesis(
            r"$\sigma$ continuous and piecewise $C^1$",
            "σ jumps",
            lambda c: c.sigma != "z + [z > 0]",
        ),
        Hypothesis("zero padding", PADDED["none"], lambda c: c.padding == "zeros" or len(c.w) == 1),
        Hypothesis(r"$m + h \le L$", CUT, lambda c: c.radii != "to the border"),
    ),
    _span_law,
    _span_truth,
)


# --- asymptotes ---------------------------------------------------------------------------------

ENDS = {"identity": (1, 1), "relu": (1, 0), "square": (math.inf, -math.inf)}
"""s₊ and s₋."""


def _channel_sets() -> Iterator[Case]:
    """Channels (w, b, a) of one tap, c right at r = 1/2, on N = 5 pixels."""
    single = ((w, b, a) for w, b in ordered(2, 2) for a in (HALF, -HALF))
    yield from grid((Case(channels=(channel,)) for channel in single), sigma=ENDS)
    eighth = Fraction(1, 8)
    for w, b, v, d in ordered(4, 4):
        yield Case(channels=((w, b, eighth), (v, d, -eighth)), sigma="square")


def _exact_on_a_cell(case: Case) -> bool:
    w, b, a = zip(*case.channels, strict=True)
    row = ([(tap,) for tap in w], b, a, 0, SIGMAS[case.sigma])
    radii = [HALF + part for part in (0, *PARTS, 1)]
    return len({oracle.answer(*row, oracle.overlap_pulse(r, 2)) - r for r in radii}) == 1


def _residuals(case: Case) -> Any:
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
    f"channels, {sums('w and b', '2 (4 for two channels)')}, a = ±1/2 (1/8 and -1/8), σ; n = 1,"
    " N = 5",
    _channel_sets,
    (
        Hypothesis(r"$\sigma$ real-analytic on $\mathbb{R}$", "ReLU", lambda c: c.sigma != "relu"),
        Hypothesis(r"$s_\pm = … \sigma(z)/z$ finite", "σ(z) = z²", lambda c: c.sigma != "square"),
        Hypothesis("is exact", "the network is not exact", _exact_on_a_cell),
    ),
    lambda c: (0, 0),
    _residuals,
)


# --- shape --------------------------------------------------------------------------------------

FLOATS: dict[str, Callable[[float], float]] = {"tanh": math.tanh, "atan": math.atan}


def _found_exact(case: Case) -> bool:
    """One tap w = 1, a = 1/(2Δ), the right c, N = 5: exact to twelve digits."""
    sigma = FLOATS[case.sigma]
    radii = [0.5, 1.5, 2.5] + ([0.75, 1.25] if case.radii == "every quarter" else [])
    a = 1 / (2 * sigma(1.0))
    return all(abs(a * sum(map(sigma, oracle.overlap_pulse(r, 2))) - r) < SAME for r in radii)


SHAPE = Search(
    "shape",
    "never exact: tanh and atan, whose slopes at both ends add up to 0",
    "σ, radii",
    lambda: grid(sigma=FLOATS, radii=("every quarter", "half-integers")),
    (Hypothesis(r"every $\varphi$", "half-integers only", lambda c: c.radii == "every quarter"),),
    lambda c: False,
    _found_exact,
)


# --- rates --------------------------------------------------------------------------------------

RADII = tuple(HALF + Fraction(k, 4) for k in range(8))


def _responses(case: Case) -> list[list[Any]]:
    """Of each channel of one tap w with the bias b, on N = 7 pixels."""
    taps = [Filter(N=7, w=(w,), b=case.b, sigma=case.sigma) for w in case.w]
    return [[f.but(r=r).lifted for r in RADII] for f in taps]


def _rates_law(case: Case) -> Any:
    """The loss from Δ, V, q = Cov(D, r) and v = Var D of the first channel, D from its chord."""
    sigma = SIGMAS[case.sigma]
    slope = sigma(case.w[0] + case.b) - sigma(case.b)
    bent = [f - 2 * r * slope for f, r in zip(_responses(case)[0], RADII, strict=True)]
    try:
        moments = ((covariance(bent, RADII),), ((covariance(bent, bent),),))
        return loss(slope, (1,), Spread(covariance(RADII, RADII), *moments))
    except ZeroDivisionError:
        return "0/0"


def _rates_truth(case: Case) -> Any:
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
    lambda: grid(
        (Case(w=w) for w in chain(ordered(1, 3), ordered(2, 3)) if all(w)),
        b=(Fraction(0), -HALF),
        sigma=("square", "cube"),
        readout=("best", "a = 1"),
    ),
    (
        Hypothesis("$K = 1$", "two channels", lambda c: len(c.w) == 1),
        Hypothesis(
            "the best readout $(a, c)$", "a = 1 and the best c", lambda c: c.readout == "best"
        ),
    ),
    _rates_law,
    _rates_truth,
    lambda law, truth: law == truth or law == "0/0",
)


def _bend(case: Case) -> Any:
    """D of ReLU at φ = 1/2 from three responses."""
    f = Filter(N=3, w=(case.w,), b=case.b, sigma="relu")
    low, middle, high = (f.but(r=r).lifted for r in (HALF, Fraction(1), Fraction(3, 2)))
    return middle - (low + high) / 2


SMOOTH = Search(
    "rates",
    "D = 0 where the second to fifth derivatives of σ at the middle are 0, here of ReLU",
    "|w| up to 2, w, b = 0, 1/2, -1/2, 1, -1, 2, -2; n = 1, φ = 1/2, N = 3",
    lambda: (
        c
        for c in grid(
            (Case(w=w) for (w,) in ordered(1, 2)),
            b=[Fraction(b, 2) for b in (0, 1, -1, 2, -2, 4, -4)],
        )
        if c.w + 2 * c.b
    ),
    (
        Hypothesis(
            r"$\sigma$ seven times continuously differentiable … partial sum plus $b$",
            "the kink lies between them",
            lambda c: c.b * (c.w + c.b) >= 0,
        ),
    ),
    lambda c: 0,
    _bend,
)
