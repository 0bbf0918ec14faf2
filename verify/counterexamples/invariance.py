"""The chapter of unknown backgrounds and contrasts: rings, dense readouts, exact fractions."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, combinations, product
from typing import Any

from numerics.arithmetic import oracle
from theory.invariance import background, contrast, dense, pair
from verify.counterexamples.exact import covariance, dot, projected, risk
from verify.counterexamples.search import Case, Hypothesis, Search, grid, ordered, sums
from verify.counterexamples.signals import (
    BORDERS,
    HALF,
    SIGMAS,
    Filter,
    channels,
    narrow,
    padded,
    pooled,
)

__all__ = ["CONTRASTS"]

BETWEEN = "r between half-integers"
RING = padded("on a ring of $N$ pixels", "zeros")
IDENTITY = Hypothesis("identity", "σ(z) = z²", lambda c: c.sigma == "identity")


# --- dense --------------------------------------------------------------------------------------


def _tables(*sigmas: str) -> Iterator[Case]:
    """A readout with a weight per position, its start v, and the radii it is trained on."""
    for L in (1, 2):
        halves = [Fraction(k, 2) for k in range(1, 2 * L + 4)]
        for radii in chain(combinations(halves, 1), combinations(halves, 2)):
            for sigma in sigmas:
                yield Case(L=L, sigma=sigma, radii=radii, v=(0,) * L + tuple(range(1, L + 2)))


def _trained(case: Case) -> tuple[Any, ...] | str:
    """Where gradient descent on the readout ends, without c."""
    pulses = [oracle.overlap_pulse(r, case.L) for r in case.radii]
    rows = [list(map(SIGMAS[case.sigma], x)) for x in pulses]
    return projected(case.v, rows, case.radii)


def _table_law(case: Case) -> Any:
    end = dense.end(dense.LAW, case.radii, case.L, False)
    return tuple(dot(row, case.v) + q for row, q in zip(end.matrix, end.offset, strict=True))


def _radii_inside(case: Case) -> bool:
    return bool(max(case.radii) <= case.L + HALF)


DENSE = Search(
    "dense",
    "where gradient descent on the readout ends, without c",
    "L = 1, 2, one radius, then two, on multiples of 1/2, σ; v from 0 at the left to L + 1",
    lambda: _tables("identity", "square"),
    (
        Hypothesis(
            r"one tap, $\sigma(z) = z$ on $[0, 1]$", "σ(z) = z²", lambda c: c.sigma == "identity"
        ),
        Hypothesis(
            r"finitely many radii $\frac12 \le r \le L + \frac12$",
            "a pulse is cut off by the border",
            _radii_inside,
        ),
    ),
    _table_law,
    _trained,
)


def _outermost(case: Case) -> Any:
    end = _trained(case)
    return end[-1] if isinstance(end, tuple) else end


DENSE_FIXED = Search(
    "dense",
    "the outermost weight: half of what it and its mirror image lack to 1",
    "L = 1, 2, one radius, then two, on multiples of 1/2; v from 0 at the left to L + 1",
    lambda: filter(_radii_inside, _tables("identity")),
    (
        Hypothesis(
            r"the pixels $\pm m$ change with $r$ and are *fixed*: … strictly between its outer"
            " neighbours as it has members",
            "the outermost pixels are not fixed",
            lambda c: c.L in dense.fixed(c.radii),
        ),
    ),
    lambda c: c.v[-1] + Fraction(1 - c.v[0] - c.v[-1], 2),
    _outermost,
)


def _pooled_shift(case: Case, s: int) -> Any:
    """Of a filter whose pulse is shifted by s."""
    half = case.N // 2
    long = oracle.overlap_pulse(case.r, 2 * case.N)
    middle = len(long) // 2
    x = long[middle - half - s : middle + half + 1 - s]
    return pooled("identity", "zeros", case.w, 0, x)


DENSE_SHIFT = Search(
    "dense",
    "sum pooling does not see a shift",
    f"N = 3, 5, {sums('w', 1)}, s, r",
    lambda: grid(
        N=(3, 5),
        w=[*ordered(1, 1), *ordered(3, 1)],
        s=range(3),
        r=lambda c: [r for r in (HALF, Fraction(3, 2)) if r <= Fraction(c.N, 2)],
    ),
    (
        Hypothesis(
            "a pulse shifted by $s$ pixels, inside the signal",
            "shifted beyond the border",
            lambda c: len(c.w) > 1 or c.r + c.s <= Fraction(c.N, 2),
        ),
        Hypothesis(
            "with $n$ taps if the pulse keeps $h$ pixels from the border",
            "it comes nearer to the border",
            lambda c: len(c.w) == 1 or c.r + c.s + 1 <= Fraction(c.N, 2),
        ),
    ),
    lambda c: _pooled_shift(c, 0),
    lambda c: _pooled_shift(c, c.s),
)


# --- background and contrast, one filter --------------------------------------------------------


def _lit(paddings: tuple[str, ...], levels: tuple[tuple[int, int], ...]) -> Iterator[Filter]:
    """x = β + α x_r, with these (α, β)."""
    cases = grid(
        channels(((3, 1), (5, 1), (5, 3), (7, 3)), 2),
        sigma=("identity", "square"),
        padding=paddings,
    )
    return grid(
        (c.but(alpha=alpha, beta=beta) for c in cases for alpha, beta in levels),
        r=lambda c: [Fraction(k, 2) for k in range(1, c.N + 1)],
    )


def _lit_truth(c: Filter) -> Any:
    return pooled(c.sigma, c.padding, c.w, c.b, [c.beta + c.alpha * v for v in c.x])


LIT_ORDER = f"(N, n) = (3, 1), (5, 1), (5, 3), (7, 3), {sums('w and b', 2)}, σ, padding, "
PLATEAU = (
    Hypothesis(r"beyond $\frac N2 - h$ a window … it is false", "r > N/2 - h", lambda c: c.clear),
    narrow(r"\tfrac n2 \le r"),
)

BACKGROUND = Search(
    "background",
    "the pooled response on a background",
    LIT_ORDER + "β, r on multiples of 1/2",
    lambda: _lit(("a ring", "zeros"), ((1, 0), (1, 1), (1, -1))),
    (RING, Hypothesis("half-integers", BETWEEN, lambda c: c.phi == 0), *PLATEAU),
    lambda c: background.response(c.g, c.w, c.beta, c.r, c.N),
    _lit_truth,
)

CONTRAST = Search(
    "contrast",
    "the pooled response at a contrast",
    LIT_ORDER + "α, r on multiples of 1/2",
    lambda: _lit(("zeros", "a ring", "none"), ((1, 0), (2, 0))),
    (
        Hypothesis("half-integers", BETWEEN, lambda c: c.phi == 0),
        padded("zero padding or a ring", "none"),
        *PLATEAU,
    ),
    lambda c: contrast.response(c.g, c.w, c.alpha, c.r, c.N),
    _lit_truth,
)


# --- background: least losses -------------------------------------------------------------------


def _joint(*sigmas: str) -> Iterator[Case]:
    """Pairs (r, β), equally likely, and one tap on N = 5 pixels."""
    pairs = list(product((HALF, Fraction(3, 2), Fraction(5, 2)), (0, 1)))
    sets = chain(*(combinations(pairs, count) for count in (2, 3, 4)))
    varied = (s for s in sets if all(len(set(values)) > 1 for values in zip(*s, strict=True)))
    return grid((Case(pairs=s) for s in varied), sigma=sigmas)


def _independent(c: Case) -> bool:
    radii, levels = map(set, zip(*c.pairs, strict=True))
    return len(c.pairs) == len(radii) * len(levels)


def _seen(c: Case) -> list[tuple[list[Any], Any]]:
    """The image on its background and the radius of each pair."""
    return [([b + x for x in oracle.overlap_pulse(r, 2)], r) for r, b in c.pairs]


def _linear_risk(c: Case) -> Any:
    radii, levels = zip(*c.pairs, strict=True)
    return background.risk(covariance(radii, radii), 5, covariance(levels, levels))


def _tap_risk(c: Case) -> Any:
    radii = [r for r, _ in c.pairs]
    return background.one_tap(covariance(radii, radii), 5, sum(radii) / Fraction(len(radii)))


def _free_risk(c: Case) -> Any:
    """The least loss of any σ and K with one tap: the values of f at 0, 1 and 2 are free."""
    images, radii = zip(*_seen(c), strict=True)
    return risk([[x.count(level) for x in images] for level in range(3)], radii)


def _joint_truth(c: Case) -> Any:
    images, radii = zip(*_seen(c), strict=True)
    return risk([[pooled(c.sigma, "zeros", (1,), 0, x) for x in images]], radii)


JOINT_ORDER = "2 to 4 pairs (r, β) of r = 1/2, 3/2, 5/2 and β = 0, 1, in lexicographic order"

BACKGROUND_LINEAR = Search(
    "background",
    "the least loss of one linear tap on an unknown background",
    JOINT_ORDER + ", σ; N = 5",
    lambda: _joint("identity", "square"),
    (
        Hypothesis(r"$r$ and $\beta$ independent", "they depend on each other", _independent),
        IDENTITY,
    ),
    _linear_risk,
    _joint_truth,
)

BACKGROUND_TAP = Search(
    "background",
    "the least loss of one-tap networks, any σ and K, on two backgrounds",
    JOINT_ORDER + "; N = 5",
    lambda: _joint("identity"),
    (Hypothesis("both backgrounds equally likely", "for some radius they are not", _independent),),
    _tap_risk,
    _free_risk,
)


# --- exact networks on a background -------------------------------------------------------------


MADE_FOR: dict[str, tuple[int, int | Fraction]] = {
    "two channels": (0, 1),
    "two channels for β < 0": (-3, -2),
    "three channels": (0, 1),
    "pair": (0, 1),
    "short pair": (0, Fraction(1, 4)),
}
"""The backgrounds on which each of the claim's networks is exact."""


def _made(name: str, size: int) -> Any:
    low, high = map(Fraction, MADE_FOR[name])
    zero, one, n = Fraction(0), Fraction(1), Fraction(size)
    if name == "three channels":
        return background.three_channels(low, high, zero, n, zero, one)
    if name.startswith("two channels"):
        return background.two_channels(low, high, -low, n, zero, one)
    return pair.pair(low, high, 3, 5, 0) if name == "pair" else pair.short_pair(low, high)


def _known(c: Case) -> Any:
    """Its answer."""
    net = _made(c.network, c.N)
    x = [c.beta + v for v in oracle.overlap_pulse(c.r, c.N // 2)]
    row = (net.w, net.biases, net.a, net.c, SIGMAS[c.sigma])
    return oracle.answer(*row, x, BORDERS[c.padding])


BETAS = (Fraction(0), HALF, Fraction(1), Fraction(-1), Fraction(2))


def _shown(step: int, *names: str) -> Iterator[Case]:
    return grid(
        network=names,
        N=(7,),
        sigma=("relu", "hardtanh"),
        padding=("a ring", "zeros"),
        beta=lambda c: (Fraction(-3), Fraction(-2)) if "β < 0" in c.network else BETAS,
        r=[Fraction(k, step) for k in range(1, 7 * step // 2 + 1)],
    )


KINK_AT_0 = Hypothesis(
    r"$\sigma$ with slope $p$ below a kink at 0 and $q$ above, $p \ne q \ne 0$",
    "σ with another kink",
    lambda c: c.sigma == "relu",
)
KNOWN_BETA = Hypothesis(
    r"every $\beta \in [\beta_0, \beta_1]$",
    "a background outside",
    lambda c: MADE_FOR[c.network][0] <= c.beta <= MADE_FOR[c.network][1],
)
TWO_RADII = r"all half-integers $\frac32 \le r \le \frac N2 - 1$"


def _in_range(c: Case) -> bool:
    return bool(Fraction(3, 2) <= c.r <= Fraction(c.N, 2) - 1)


BACKGROUND_TWO = Search(
    "background",
    "two channels of three taps answer r",
    "N = 7, σ, padding, β = 0, 1/2, 1, -1, 2, r on multiples of 1/2; made for β in [0, 1], then one"
    " for [-3, -2], β = -3, -2",
    lambda: _shown(2, "two channels", "two channels for β < 0"),
    (
        KINK_AT_0,
        RING,
        KNOWN_BETA,
        Hypothesis(TWO_RADII, BETWEEN, lambda c: (c.r + HALF).denominator == 1),
        Hypothesis(TWO_RADII, "r < 3/2 or r > N/2 - 1", _in_range),
    ),
    lambda c: c.r,
    _known,
)

BACKGROUND_THREE = Search(
    "background",
    "three channels of three taps answer r",
    "N = 7, σ, padding, β = 0, 1/2, 1, -1, 2, r on multiples of 1/4; made for β in [0, 1]",
    lambda: _shown(4, "three channels"),
    (
        KINK_AT_0,
        RING,
        KNOWN_BETA,
        Hypothesis("all real $r$ in that range", "r < 3/2 or r > N/2 - 1", _in_range),
    ),
    lambda c: c.r,
    _known,
)

BACKGROUND_ZEROS = Search(
    "background",
    "the sum of all windows with zero padding",
    LIT_ORDER + "β, r on multiples of 1/2; b = 0",
    lambda: (c for c in _lit(("zeros",), ((1, 0), (1, 1))) if c.b == 0),
    (Hypothesis(r"all real $r \le \frac N2 - h$", "r > N/2 - h", lambda c: c.clear), IDENTITY),
    lambda c: 2 * c.r * sum(c.w) + c.beta * background.border(c.w, c.N),
    _lit_truth,
)


# --- contrast: silence and the ruler ------------------------------------------------------------

CONTRASTS = {
    "all from 1 on": tuple(Fraction(k, 4) for k in (4, 5, 6, 8, 12, 400)),
    "1 alone": (Fraction(1),),
}
"""α; α_0 = 1."""


def _ignores(c: Case) -> bool:
    """One channel on a ring: a readout is exact at r = 3/2 and 5/2 and all contrasts."""
    seen: dict[Fraction, set[Any]] = {Fraction(3, 2): set(), Fraction(5, 2): set()}
    for alpha, r in product(CONTRASTS[c.contrasts], seen):
        x = [alpha * v for v in oracle.overlap_pulse(r, 3)]
        seen[r].add(pooled(c.sigma, "a ring", c.w, c.b, x))
    return all(len(values) == 1 for values in seen.values()) and len(set.union(*seen.values())) == 2


SILENCE = Search(
    "contrast",
    "which channels can ignore the contrast",
    f"{sums('w and b', 3)}, σ, contrasts; a ring of 7 pixels, n = 3, r = 3/2 and 5/2",
    lambda: grid(
        (Case(w=tuple(w), b=b) for *w, b in ordered(4, 3)),
        sigma=("relu", "abs"),
        contrasts=CONTRASTS,
    ),
    (
        Hypothesis(
            r"exact for all $\alpha \ge \alpha_0$",
            "asked at α_0 only",
            lambda c: c.contrasts != "1 alone",
        ),
        Hypothesis(r"K = 1, \text{ ReLU}", "σ = |·|", lambda c: c.sigma == "relu"),
    ),
    lambda c: contrast.mute_on_pulse(tuple(map(Fraction, c.w)), Fraction(c.b), Fraction(1)),
    _ignores,
)


def _ruler_truth(c: Case) -> Any:
    """The ruler on N = 5 pixels: a pulse around s that reaches to s ± k, γ = 1."""
    places = range(-2, 3)
    x = [c.beta + c.alpha * int(abs(i - c.s) <= c.k) for i in places]
    z = BORDERS[c.padding]((-1, 1, 0), 0, x)
    return dot([-Fraction(i, 2) for i in places], list(map(SIGMAS[c.sigma], z)))


RULER = Search(
    "contrast",
    "the ruler answers k + 1/2",
    "σ, padding, α = 1, 2, 1/2, β = 0, 1, s, k = 0, 1; N = 5, γ = 1, v_0 = 0, c = 0",
    lambda: grid(
        sigma=("hardtanh", "relu", "cube"),
        padding=("a ring", "zeros"),
        alpha=(Fraction(1), Fraction(2), HALF),
        beta=(0, 1),
        s=range(-2, 3),
        k=(0, 1),
    ),
    (
        Hypothesis(
            r"$\sigma(0) = 0$ and $\sigma(z) = \pm1$ for $\pm z \ge 1$",
            "σ does not saturate on both sides",
            lambda c: c.sigma == "hardtanh",
        ),
        padded("on a ring", "zeros"),
        Hypothesis(r"$\gamma\alpha \ge 1$", "γα < 1", lambda c: c.alpha >= 1),
        Hypothesis(
            r"any $s$ with both legs inside, $-L \le s - k$ and $s + k < L$",
            "a leg lies outside",
            lambda c: c.s - c.k >= -2 and c.s + c.k < 2,
        ),
    ),
    lambda c: c.k + HALF,
    _ruler_truth,
)


# --- pair ---------------------------------------------------------------------------------------


def _taps(c: Case) -> int:
    return 5 if c.network == "short pair" else 3


def _asked_truth(c: Case) -> bool:
    """Exact at all backgrounds and radii asked."""
    n, step = _taps(c), 4 if c.radii == "every quarter" else 1
    count = int((Fraction(c.N - n, 2) - n // 2) * step)
    last = Fraction(MADE_FOR[c.network][1])
    asked = grid(
        [Case(network=c.network, N=c.N, sigma="relu", padding="a ring")],
        beta=(Fraction(0), last / 2, last),
        r=[Fraction(n, 2) + Fraction(k, step) for k in range(count + 1)],
    )
    return all(_known(case) == case.r for case in asked)


ALL_REAL = r"every real $r$ from $\frac n2$ to $\frac N2 - h$"

PAIR_NONE = Search(
    "pair",
    "exact on N ≥ n² pixels",
    "two channels with N = 9, 11, three with N = 9, the short pair with N = 25; radii",
    lambda: grid(
        (
            Case(network=network, N=size)
            for network, size in (
                ("two channels", 9),
                ("two channels", 11),
                ("three channels", 9),
                ("short pair", 25),
            )
        ),
        radii=("every quarter", "half-integers"),
    ),
    (
        Hypothesis(ALL_REAL, "half-integers only", lambda c: c.radii == "every quarter"),
        Hypothesis("$K = 2$", "three channels", lambda c: c.network != "three channels"),
        Hypothesis(
            r"\beta_1 - \beta_0 \ge \tfrac12",
            "backgrounds less than 1/2 apart",
            lambda c: c.network != "short pair",
        ),
    ),
    lambda c: pair.limit(_taps(c)) > c.N,
    _asked_truth,
)


def _long_pair() -> Iterator[Case]:
    radii = (Fraction(9, 2), Fraction(21, 4), Fraction(13, 2), Fraction(7), Fraction(7, 2))
    ways = (("relu", "a ring"), ("hardtanh", "a ring"), ("relu", "zeros"))
    for size, beta, r, (sigma, padding) in product((21, 23), BETAS, radii, ways):
        yield Case(network="pair", N=size, sigma=sigma, padding=padding, beta=beta, r=r)


PAIR = Search(
    "pair",
    "nine taps on 21 pixels answer r",
    "N = 21, 23, β = 0, 1/2, 1, -1, 2, r = 9/2, 21/4, 13/2, 7, 7/2, σ, padding; (ν, k, l) ="
    " (3, 5, 0), made for β in [0, 1]",
    _long_pair,
    (
        Hypothesis("ReLU", "hardtanh", lambda c: c.sigma == "relu"),
        RING,
        Hypothesis("for " + KNOWN_BETA.words, KNOWN_BETA.instead, KNOWN_BETA.holds),
        Hypothesis(
            ALL_REAL, "r < n/2 or r > N/2 - h", lambda c: Fraction(9, 2) <= c.r <= Fraction(13, 2)
        ),
        Hypothesis(r"N = \nu(k + 2) + l", "another ring", lambda c: c.N == 21),
    ),
    lambda c: c.r,
    _known,
)
