"""The chapter of one network: its loss, its readout, its symmetries, and where training ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations, pairwise, product
from typing import Any

from numerics.arithmetic import oracle
from numerics.pulse.channel import exact_quantities
from theory.pulse.endings import blind_floor, tilt
from theory.pulse.readout import exact_readout, least_squares
from theory.pulse.symmetry import LAW as SYMMETRIES
from theory.pulse.symmetry import Channel
from verify.counterexamples.exact import covariance, dot, risk
from verify.counterexamples.pulse import FRACTIONS, filters, order
from verify.counterexamples.search import Case, Hypothesis, Search, at_least, grid, ordered, text
from verify.counterexamples.signals import (
    BORDERS,
    HALF,
    SIGMAS,
    SLOPES,
    Filter,
    Several,
    channels,
    cut,
    error_law,
    narrow,
    padded,
    valid,
)

__all__ = ["MEANT"]


# --- loss ---------------------------------------------------------------------------------------


def _error_law(c: Filter) -> Any:
    """α r + β + a D."""
    alpha, beta, (deviation,) = error_law(c, c.a, c.c, [c.phi])
    return alpha * c.r + beta + deviation


LOSS_PLATEAU = r"plateau radii, $m + h \le L$"

LOSS = Search(
    "loss",
    "the error α r + β + D",
    order(2, HALF, 7) + ", sum and mean; a = 1, c = 0",
    lambda: grid(
        filters(7, {1: 2, 3: 2}, ("relu", "square")), a=(1,), c=(0,), pooling=("sum", "mean")
    ),
    (
        narrow(LOSS_PLATEAU),
        cut(LOSS_PLATEAU),
        Hypothesis(
            r"sum pooling; with mean pooling $a_k/N$ takes the place of $a_k$",
            "mean pooling, and a is not divided by N",
            lambda c: c.pooling == "sum",
        ),
    ),
    _error_law,
    lambda c: c.c + c.a * Fraction(c.pooled) / (c.N if c.pooling == "mean" else 1) - c.r,
)


def _three_laws(c: Filter) -> bool:
    """α = 0, β = 0 and D ≡ 0."""
    alpha, beta, deviations = error_law(c, c.a, c.c, FRACTIONS)
    return not any([alpha, beta, *deviations])


def _exact(c: Filter) -> bool:
    """At the radii of the first plateau cell that are asked."""
    first, between = Fraction(len(c.w), 2), "between" in c.radii
    asked = [first, *(first + part for part in FRACTIONS if between)]
    asked += [first + 1] if c.radii != "one half-integer" else []
    return all(c.c + c.a * c.but(r=r).pooled == r for r in asked)


LOSS_IFF = Search(
    "loss",
    "exact if and only if α = 0, β = 0 and D ≡ 0",
    "(N, n) = (3, 1), (5, 1), (7, 3), sum of the absolute values of w and b up to 2, a = ±1/2,"
    " c = -1 to 1 in halves, σ, radii of the first cell",
    lambda: grid(
        channels(((3, 1), (5, 1), (7, 3)), 2),
        a=(-HALF, HALF),
        c=[Fraction(c, 2) for c in range(-2, 3)],
        sigma=("identity", "relu", "square"),
        radii=("two half-integers and between", "one half-integer", "two half-integers"),
    ),
    (
        Hypothesis(
            "exact on two half-integers",
            "asked at one half-integer only",
            lambda c: c.radii != "one half-integer",
        ),
        Hypothesis(
            "every radius between them",
            "asked at two half-integers only",
            lambda c: c.radii != "two half-integers",
        ),
    ),
    _three_laws,
    _exact,
)


# --- readout ------------------------------------------------------------------------------------


def _grid(size: int) -> list[Fraction]:
    return [Fraction(k, 2) for k in range(1, size + 1)]


def _fitted(sets: Callable[[list[Fraction]], Sequence[tuple[Fraction, ...]]]) -> Iterator[Several]:
    return grid(
        channels(((3, 1), (5, 1), (5, 3), (7, 3), (9, 3)), 2, Several),
        sigma=("identity", "square"),
        padding=("zeros", "none"),
        radii=lambda c: sets(_grid(c.N)),
    )


def _smallest_law(c: Several) -> Any:
    slope, offset, _ = error_law(c, 1, 0)
    if slope == -1:
        return "0/0"
    (a,), constant = exact_readout([Fraction(slope + 1) / 2], [offset])
    return a, constant


def _smallest_truth(c: Several) -> Any:
    """The exact readout with the smallest |a|, from the responses."""
    f, r = c.pooled, c.radii
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
UNCUT = cut(r"$m + h \le L$")
ZEROS = padded("zero padding", "none")

READOUT = Search(
    "readout",
    "the exact readout of smallest norm",
    READOUT_ORDER + "one, then two",
    lambda: _fitted(lambda radii: [*combinations(radii, 1), *combinations(radii, 2)]),
    (
        Hypothesis("two or more", "one radius", lambda c: len(c.radii) > 1),
        Hypothesis(
            "half-integer", "radii between half-integers", lambda c: not any(f.phi for f in c.at)
        ),
        narrow("plateau radii"),
        UNCUT,
        Hypothesis(r"some $\Delta_k \neq 0$", "Δ = 0", lambda c: c.g(sum(c.w)) != c.g(0)),
        ZEROS,
    ),
    _smallest_law,
    _smallest_truth,
)


def _level_law(c: Several) -> Any:
    q = exact_quantities(c.w, c.g, [f.phi for f in c.at])
    rs, ds, n = c.radii, q.deviation, Fraction(len(c.radii))
    moments = (sum(rs) / n, covariance(rs, rs), sum(ds) / n, covariance(rs, ds), covariance(ds, ds))
    try:
        fit = least_squares(Fraction(q.slope), c.N * q.background + q.kappa, *moments)
    except ZeroDivisionError:
        return "0/0"
    return fit.a, fit.c, fit.level


def _level_truth(c: Several) -> Any:
    """The regression of r on the responses."""
    f, r, n = c.pooled, c.radii, len(c.radii)
    variance = covariance(f, f)
    if variance == 0:
        return "any a, loss " + text(covariance(r, r))
    a = covariance(f, r) / variance
    return a, sum(r) / n - a * sum(f) / n, covariance(r, r) - a * covariance(f, r)


READOUT_LEVEL = Search(
    "readout",
    "the best readout and its loss",
    READOUT_ORDER + "three in a row",
    lambda: _fitted(lambda radii: [*zip(radii, radii[1:], radii[2:], strict=False)]),
    (
        narrow("any plateau radii"),
        UNCUT,
        ZEROS,
        Hypothesis(
            "a response that is not constant",
            "the response is constant",
            lambda c: len(set(c.pooled)) > 1,
        ),
    ),
    _level_law,
    _level_truth,
)


# --- symmetry -----------------------------------------------------------------------------------

MIRRORED: dict[str, Callable[[Channel], Channel]] = {
    "reversed": SYMMETRIES.reverse,
    "scaled by 2": lambda channel: SYMMETRIES.rescale(channel, Fraction(2)),
    "all negated": SYMMETRIES.odd,
    "filter negated": SYMMETRIES.even,
}
MEANT = {
    "reversed": tuple(SIGMAS),
    "scaled by 2": ("identity", "relu", "abs"),
    "all negated": ("identity", "hardtanh"),
    "filter negated": ("abs", "square"),
}
"""For which σ: any, positively homogeneous, odd, even."""


def _image_answer(c: Filter, mirror: Callable[[Channel], Channel]) -> Any:
    channel = mirror(Channel(Fraction(1), c.b, c.w))
    x = [c.x[i - c.shift] if 0 <= i - c.shift < c.N else 0 for i in range(c.N)]
    windows = BORDERS.get(c.padding, valid)
    if c.padding == "zeros on the left":  # as causal layers pad
        x = [0] * (2 * c.h) + x
    return channel.a * sum(map(SIGMAS[c.sigma], windows(channel.w, channel.b, x)))


def _asked(words: str, symmetry: str, instead: str) -> Hypothesis:
    return Hypothesis(
        words, instead, lambda c: c.symmetry != symmetry or c.sigma in MEANT[symmetry]
    )


SYMMETRY = Search(
    "symmetry",
    "the answer of a channel and of its image",
    "(N, n) = (3, 1), (3, 3), sum of the absolute values of w and b up to 1, σ, symmetry,"
    " padding, shift, r = 1/4, 1/2, 1, 3/2; a = 1",
    lambda: grid(
        channels(((3, 1), (3, 3)), 1),
        sigma=("identity", "relu", "abs", "hardtanh", "square"),
        symmetry=MIRRORED,
        padding=("zeros", "a ring", "reflect", "zeros on the left"),
        shift=(0, 1),
        r=(Fraction(1, 4), HALF, Fraction(1), Fraction(3, 2)),
    ),
    (
        Hypothesis(
            "signals that are their own mirror image, such as centred pulses",
            "a shifted pulse",
            lambda c: c.shift == 0,
        ),
        padded("a padding that treats both borders alike", "zeros on the left"),
        _asked(
            r"scale: positively homogeneous $\sigma$", "scaled by 2", "scaled, σ not homogeneous"
        ),
        _asked(r"negation of all: odd $\sigma$", "all negated", "all negated, σ not odd"),
        _asked(
            r"negation of the filter: even $\sigma$",
            "filter negated",
            "the filter negated, σ not even",
        ),
    ),
    lambda c: _image_answer(c, lambda channel: channel),
    lambda c: _image_answer(c, MIRRORED[c.symmetry]),
)


# --- endings ------------------------------------------------------------------------------------


def _floor_truth(c: Case) -> Any:
    """The least loss of an answer that depends on φ alone; "at least" is tried by its sign."""
    groups: dict[Fraction, list[Fraction]] = {}
    for m, fractions in zip(c.cells, c.fractions, strict=True):
        for part in fractions:
            groups.setdefault(part, []).append(m - HALF + part)
    number = sum(map(len, groups.values()))
    return Fraction(sum(len(g) * covariance(g, g) for g in groups.values())) / number


FLOOR = Search(
    "endings",
    "the least loss of an answer that depends on φ alone",
    "cells, their numbers from 1 to 4 in lexicographic order, the fractions in each: 0, 1/4, or 0"
    " and 1/2; up to 3 cells",
    lambda: grid(
        cells=[cells for count in (1, 2, 3) for cells in product(range(1, 5), repeat=count)],
        fractions=lambda c: product(
            ((Fraction(0),), (Fraction(1, 4),), (Fraction(0), HALF)), repeat=len(c.cells)
        ),
    ),
    (
        Hypothesis(
            r"$m$ and $\varphi$ independent",
            "cells with different fractions",
            lambda c: len(set(c.fractions)) == 1,
        ),
        Hypothesis(
            "$m$ uniform on consecutive integers",
            "other cells, or one of them twice",
            lambda c: all(after == before + 1 for before, after in pairwise(c.cells)),
        ),
    ),
    lambda c: blind_floor(Fraction(len(c.cells))),
    _floor_truth,
    at_least,
)

BLIND = Search(
    "endings",
    "the least loss of a filter with Δ = 0, any readout",
    "N = 5, 7, the sum of the absolute values of w up to 2, these in lexicographic order, two or"
    " more half-integers in a row; n = 3, b = 0",
    lambda: grid(
        [Several(N=5), Several(N=7)],
        w=[w for w in ordered(3, 2) if any(w) and sum(w) == 0],
        sigma=("relu",),
        padding=("zeros",),
        radii=lambda c: [
            tuple(_grid(c.N)[low : high + 1 : 2]) for low, high in combinations(range(0, c.N, 2), 2)
        ],
    ),
    (narrow("plateau radii"), UNCUT),
    lambda c: blind_floor(Fraction(len(c.radii))),
    lambda c: risk([c.pooled], c.radii),
    at_least,
)

SEEN = [(r, oracle.overlap_pulse(r, 1)) for r in (HALF, Fraction(3, 2))]
"""Each radius with its pixels."""
SIDES = {"relu": (0, 1), "abs": (-1, 1), "hardtanh": (1, 1)}
"""The slopes below and above 0, next to it."""


def _ending_law(c: Case) -> Any:
    """The least squares of the cell, by the law's rows."""
    rows = []
    for _, x in SEEN:
        slopes = [SIDES[c.sigma][c.w * v + c.b >= 0] for v in x]
        tilted = [tilt((v,), s) for v, s in zip(x, slopes, strict=True)]
        rows.append([Fraction(sum(column)) for column in zip(*tilted, strict=True)])
    return risk(list(zip(*rows, strict=True)), [r for r, _ in SEEN])


def _errors(c: Case) -> list[Any]:
    row = ([[c.w]], [c.b], [c.a], c.c, SIGMAS[c.sigma])
    return [oracle.answer(*row, x) - r for r, x in SEEN]


def _stationary(c: Case) -> bool:
    """The gradient in w, b, a and c is 0, term by term."""
    parts = []
    for _, x in SEEN:
        z = [c.w * v + c.b for v in x]
        slopes = [SLOPES[c.sigma](y) for y in z]
        parts.append((c.a * dot(slopes, x), c.a * sum(slopes), sum(map(SIGMAS[c.sigma], z)), 1))
    return not any(dot(_errors(c), part) for part in zip(*parts, strict=True))


LEVEL = Search(
    "endings",
    "the loss of a network, as the level of its cell",
    "sum of |w| + |b| up to 2, these in lexicographic order, a = 0, 1/2, -1/2, |c| up to 2 in"
    " halves, σ; n = 1, N = 3, r = 1/2 and 3/2",
    lambda: grid(
        (Case(w=w, b=b) for w, b in ordered(2, 2)),
        a=(Fraction(0), HALF, -HALF),
        c=[Fraction(c, 2) for c in sorted(range(-4, 5), key=abs)],
        sigma=SIDES,
    ),
    (
        Hypothesis(
            r"$\sigma$ positively homogeneous: slope $s_+$ above 0, $s_-$ below",
            "σ with other kinks",
            lambda c: c.sigma != "hardtanh",
        ),
        Hypothesis("a stationary point", "the gradient is not 0", _stationary),
        Hypothesis(
            "inside a cell",
            "a pre-activation is 0",
            lambda c: all(c.w * v + c.b for _, x in SEEN for v in x),
        ),
        Hypothesis(r"all $a_k \neq 0$", "a = 0", lambda c: c.a != 0),
    ),
    _ending_law,
    lambda c: sum(e * e for e in _errors(c)) / Fraction(2),
)
