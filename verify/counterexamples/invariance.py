"""The chapter of unknown backgrounds and contrasts: rings, dense readouts, exact fractions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import combinations, product
from typing import Any

from numerics.arithmetic import oracle
from theory.invariance import background, contrast, dense, pair
from verify.counterexamples.exact import covariance, dot, projected, risk
from verify.counterexamples.pulse import border
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

__all__ = ["REASONS", "SEARCHES"]

HALF = Fraction(1, 2)


# --- dense --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table(Case):
    """A readout with a weight per position, its start, and the radii it is trained on."""

    L: int
    sigma: str
    radii: tuple[Fraction, ...]
    v: tuple[int, ...]


def _tables() -> Iterator[Table]:
    for L in (1, 2):
        grid = [Fraction(k, 2) for k in range(1, 2 * L + 4)]
        for count in (1, 2):
            for radii in combinations(grid, count):
                for sigma in ("identity", "square"):
                    start = (0,) * L + tuple(range(1, L + 2))
                    yield Table(L, sigma, radii, start)


def _table_rows(case: Table) -> list[list[Any]]:
    sigma = oracle.RATIONAL[case.sigma]
    return [[sigma(x) for x in oracle.overlap_pulse(r, case.L)] for r in case.radii]


def _table_law(case: Table) -> Any:
    end = dense.end(dense.LAW, case.radii, case.L, False)
    return tuple(dot(row, case.v) + q for row, q in zip(end.matrix, end.offset, strict=True))


def _radii_inside(case: Table) -> bool:
    return max(case.radii) <= case.L + HALF


DENSE = Search(
    "dense",
    "where gradient descent on the readout ends, without c",
    "L = 1, 2, one radius, then two, on multiples of 1/2, σ; v from 0 at the left to L + 1",
    _tables,
    (
        Hypothesis(
            r"one tap, $\sigma(z) = z$ on $[0, 1]$",
            "σ(z) = z²",
            lambda case: case.sigma == "identity",
        ),
        Hypothesis(
            r"finitely many radii $\frac12 \le r \le L + \frac12$",
            "a pulse is cut off by the border",
            _radii_inside,
        ),
    ),
    _table_law,
    lambda case: projected(case.v, _table_rows(case), case.radii),
)


def _share_of_one(case: Table) -> Any:
    """v_m + (1 - v_m - v_{-m})/2 at the outermost pixel."""
    low, high = case.v[0], case.v[-1]
    return high + Fraction(1 - low - high, 2)


def _outermost(case: Table) -> Any:
    end = projected(case.v, _table_rows(case), case.radii)
    return end[-1] if isinstance(end, tuple) else end


DENSE_FIXED = Search(
    "dense",
    "the outermost weight: half of what it and its mirror image lack to 1",
    "L = 1, 2, one radius, then two, on multiples of 1/2; v from 0 at the left to L + 1",
    lambda: (case for case in _tables() if case.sigma == "identity" and _radii_inside(case)),
    (
        Hypothesis(
            r"the pixels $\pm m$ change with $r$ and are *fixed*: … strictly between its outer"
            " neighbours as it has members",
            "the outermost pixels are not fixed",
            lambda case: case.L in dense.fixed(case.radii),
        ),
    ),
    _share_of_one,
    _outermost,
)


@dataclass(frozen=True)
class Shift(Case):
    """A filter, pooled by a sum, and a pulse shifted by s."""

    N: int
    w: tuple[int, ...]
    s: int
    r: Fraction


def _pooled_shift(case: Shift, s: int) -> Any:
    half = case.N // 2
    long = oracle.overlap_pulse(case.r, 2 * case.N)
    middle = len(long) // 2
    x = long[middle - half - s : middle + half + 1 - s]
    return sum(oracle.preactivations(case.w, 0, x))


DENSE_SHIFT = Search(
    "dense",
    "sum pooling does not see a shift",
    "N = 3, 5, the sum of the absolute values of w up to 1, these in lexicographic order, s, r",
    lambda: (
        Shift(size, w, s, r)
        for size in (3, 5)
        for n in (1, 3)
        for w in ordered(n, 1)
        for s in range(3)
        for r in (HALF, Fraction(3, 2))
        if r <= Fraction(size, 2)
    ),
    (
        Hypothesis(
            "a pulse shifted by $s$ pixels, inside the signal",
            "shifted beyond the border",
            lambda case: len(case.w) > 1 or case.r + case.s <= Fraction(case.N, 2),
        ),
        Hypothesis(
            "with $n$ taps if the pulse keeps $h$ pixels from the border",
            "it comes nearer to the border",
            lambda case: len(case.w) == 1 or case.r + case.s + 1 <= Fraction(case.N, 2),
        ),
    ),
    lambda case: _pooled_shift(case, 0),
    lambda case: _pooled_shift(case, case.s),
)


# --- background and contrast, one filter --------------------------------------------------------


@dataclass(frozen=True)
class Lit(Case):
    """x = β + α x_r and one channel."""

    N: int
    w: tuple[int, ...]
    b: int
    sigma: str
    padding: str
    alpha: int
    beta: int
    r: Fraction


def _lit(paddings: tuple[str, ...], levels: tuple[tuple[int, int], ...]) -> Iterator[Lit]:
    for size, n in ((3, 1), (5, 1), (5, 3), (7, 3)):
        radii = [Fraction(k, 2) for k in range(1, size + 1)]
        for *w, b in ordered(n + 1, 2):
            for sigma, padding in product(("identity", "square"), paddings):
                for (alpha, beta), r in product(levels, radii):
                    yield Lit(size, tuple(w), b, sigma, padding, alpha, beta, r)


def _lit_truth(case: Lit) -> Any:
    x = [case.beta + case.alpha * v for v in oracle.overlap_pulse(case.r, case.N // 2)]
    return sum(map(oracle.RATIONAL[case.sigma], border(case.padding, case.w, case.b, x)))


def _plateau(case: Lit) -> bool:
    return case.r >= Fraction(len(case.w), 2)


def _clear(case: Lit) -> bool:
    return case.r <= Fraction(case.N, 2) - len(case.w) // 2


def _whole(case: Lit) -> bool:
    return (case.r + HALF).denominator == 1


LIT_ORDER = (
    "(N, n) = (3, 1), (5, 1), (5, 3), (7, 3), the sum of the absolute values of w and b up to 2,"
    " these in lexicographic order, σ, padding, "
)
FALSE_BEYOND = r"beyond $\frac N2 - h$ a window … it is false"
FROM_N_HALF = r"\tfrac n2 \le r"

BACKGROUND = Search(
    "background",
    "the pooled response on a background",
    LIT_ORDER + "β, r on multiples of 1/2",
    lambda: _lit(("a ring", "zeros"), ((1, 0), (1, 1), (1, -1))),
    (
        Hypothesis(
            "on a ring of $N$ pixels", "zeros beyond the border", lambda c: c.padding != "zeros"
        ),
        Hypothesis("half-integers", "r between half-integers", _whole),
        Hypothesis(FALSE_BEYOND, "r > N/2 - h", _clear),
        Hypothesis(FROM_N_HALF, "the pulse is narrower than the filter", _plateau),
    ),
    lambda case: background.response(
        oracle.shifted(oracle.RATIONAL[case.sigma], case.b), case.w, case.beta, case.r, case.N
    ),
    _lit_truth,
)

BACKGROUND_ZEROS = Search(
    "background",
    "the sum of all windows with zero padding",
    LIT_ORDER + "β, r on multiples of 1/2; b = 0",
    lambda: (case for case in _lit(("zeros",), ((1, 0), (1, 1))) if case.b == 0),
    (
        Hypothesis(r"all real $r \le \frac N2 - h$", "r > N/2 - h", _clear),
        Hypothesis("identity", "σ(z) = z²", lambda case: case.sigma == "identity"),
    ),
    lambda case: 2 * case.r * sum(case.w) + case.beta * background.border(case.w, case.N),
    _lit_truth,
)

CONTRAST = Search(
    "contrast",
    "the pooled response at a contrast",
    LIT_ORDER + "α, r on multiples of 1/2",
    lambda: _lit(("zeros", "a ring", "none"), ((1, 0), (2, 0))),
    (
        Hypothesis("half-integers", "r between half-integers", _whole),
        Hypothesis(
            "zero padding or a ring",
            "no padding: only windows inside the signal",
            lambda case: case.padding != "none",
        ),
        Hypothesis(FALSE_BEYOND, "r > N/2 - h", _clear),
        Hypothesis(FROM_N_HALF, "the pulse is narrower than the filter", _plateau),
    ),
    lambda case: contrast.response(
        oracle.shifted(oracle.RATIONAL[case.sigma], case.b), case.w, case.alpha, case.r, case.N
    ),
    _lit_truth,
)


# --- background: least losses -------------------------------------------------------------------


@dataclass(frozen=True)
class Joint(Case):
    """Radii and backgrounds that occur together, equally likely, and one tap on N = 5 pixels."""

    pairs: tuple[tuple[Fraction, int], ...]
    sigma: str

    @property
    def radii(self) -> list[Fraction]:
        """r of each pair."""
        return [r for r, _ in self.pairs]


def _joint() -> Iterator[Joint]:
    grid = list(product((HALF, Fraction(3, 2), Fraction(5, 2)), (0, 1)))
    for count in (2, 3, 4):
        for pairs in combinations(grid, count):
            if len({r for r, _ in pairs}) > 1 and len({beta for _, beta in pairs}) > 1:
                for sigma in ("identity", "square"):
                    yield Joint(pairs, sigma)


def _independent(case: Joint) -> bool:
    radii, levels = ({p[j] for p in case.pairs} for j in (0, 1))
    return len(case.pairs) == len(radii) * len(levels)


def _pooled_joint(case: Joint) -> list[Any]:
    sigma = oracle.RATIONAL[case.sigma]
    return [sum(sigma(b + x) for x in oracle.overlap_pulse(r, 2)) for r, b in case.pairs]


def _linear_risk(case: Joint) -> Any:
    levels = [beta for _, beta in case.pairs]
    return background.risk(covariance(case.radii, case.radii), 5, covariance(levels, levels))


BACKGROUND_LINEAR = Search(
    "background",
    "the least loss of one linear tap on an unknown background",
    "2 to 4 pairs (r, β) of r = 1/2, 3/2, 5/2 and β = 0, 1, in lexicographic order, σ; N = 5",
    _joint,
    (
        Hypothesis(r"$r$ and $\beta$ independent", "they depend on each other", _independent),
        Hypothesis("identity", "σ(z) = z²", lambda case: case.sigma == "identity"),
    ),
    _linear_risk,
    lambda case: risk([_pooled_joint(case)], case.radii),
)


def _free_risk(case: Joint) -> Any:
    """The least loss of any σ and K with one tap: the values of f at 0, 1 and 2 are free."""
    seen = [[b + int(x) for x in oracle.overlap_pulse(r, 2)] for r, b in case.pairs]
    return risk([[row.count(level) for row in seen] for level in range(3)], case.radii)


BACKGROUND_TAP = Search(
    "background",
    "the least loss of one-tap networks, any σ and K, on two backgrounds",
    "2 to 4 pairs (r, β) of r = 1/2, 3/2, 5/2 and β = 0, 1, in lexicographic order; N = 5",
    lambda: (case for case in _joint() if case.sigma == "identity"),
    (
        Hypothesis(
            "both backgrounds equally likely",
            "for some radius they are not",
            _independent,
        ),
    ),
    lambda case: background.one_tap(
        covariance(case.radii, case.radii), 5, sum(case.radii) / Fraction(len(case.radii))
    ),
    _free_risk,
)


# --- exact networks on a background -------------------------------------------------------------


@dataclass(frozen=True)
class Known(Case):
    """An exact network of the claim, made for β in [0, 1], and what it is shown."""

    network: str
    N: int
    sigma: str
    padding: str
    beta: Fraction
    r: Fraction


def _made(name: str, size: int) -> Any:
    low, high, n = Fraction(0), Fraction(1), Fraction(size)
    build: dict[str, Callable[[], Any]] = {
        "two channels": lambda: background.two_channels(low, high, low, n, low, high),
        "three channels": lambda: background.three_channels(low, high, low, n, low, high),
        "pair": lambda: pair.pair(low, high, 3, 5, 0),
        "short pair": lambda: pair.short_pair(low, Fraction(1, 4)),
    }
    return build[name]()


def _known_truth(case: Known) -> Any:
    net = _made(case.network, case.N)
    x = [case.beta + v for v in oracle.overlap_pulse(case.r, case.N // 2)]
    row = (net.w, net.biases, net.a, net.c, oracle.RATIONAL[case.sigma])
    return oracle.answer(*row, x, partial(border, case.padding))


BETAS = (Fraction(0), HALF, Fraction(1), Fraction(-1), Fraction(2))


def _shown(names: tuple[str, ...], sizes: tuple[int, ...], step: Fraction) -> Iterator[Known]:
    for name, size in product(names, sizes):
        radii = [k * step for k in range(1, int(Fraction(size, 2) / step) + 1)]
        for sigma, padding in product(("relu", "hardtanh"), ("a ring", "zeros")):
            for beta, r in product(BETAS, radii):
                yield Known(name, size, sigma, padding, beta, r)


KINK_AT_0 = Hypothesis[Known](
    r"$\sigma$ with slope $p$ below a kink at 0 and $q$ above, $p \ne q \ne 0$",
    "σ with another kink",
    lambda case: case.sigma == "relu",
)
RING = Hypothesis[Known](
    "on a ring of $N$ pixels", "zeros beyond the border", lambda case: case.padding == "a ring"
)
KNOWN_BETA = Hypothesis[Known](
    r"every $\beta \in [\beta_0, \beta_1]$",
    "a background outside",
    lambda case: 0 <= case.beta <= 1,
)

BACKGROUND_TWO = Search(
    "background",
    "two channels of three taps answer r",
    "N = 7, σ, padding, β = 0, 1/2, 1, -1, 2, r on multiples of 1/2; made for β in [0, 1]",
    lambda: _shown(("two channels",), (7,), HALF),
    (
        KINK_AT_0,
        Hypothesis(RING.words, "zeros beyond the border, ReLU", RING.holds, needed=False),
        KNOWN_BETA,
        Hypothesis(
            r"all half-integers $\frac32 \le r \le \frac N2 - 1$",
            "r between half-integers",
            lambda case: (case.r + HALF).denominator == 1,
        ),
        Hypothesis(
            r"all half-integers $\frac32 \le r \le \frac N2 - 1$",
            "r < 3/2 or r > N/2 - 1",
            lambda case: Fraction(3, 2) <= case.r <= Fraction(case.N, 2) - 1,
        ),
    ),
    lambda case: case.r,
    _known_truth,
)

BACKGROUND_THREE = Search(
    "background",
    "three channels of three taps answer r",
    "N = 7, σ, padding, β = 0, 1/2, 1, -1, 2, r on multiples of 1/4; made for β in [0, 1]",
    lambda: _shown(("three channels",), (7,), Fraction(1, 4)),
    (
        KINK_AT_0,
        RING,
        KNOWN_BETA,
        Hypothesis(
            "all real $r$ in that range",
            "r < 3/2 or r > N/2 - 1",
            lambda case: Fraction(3, 2) <= case.r <= Fraction(case.N, 2) - 1,
        ),
    ),
    lambda case: case.r,
    _known_truth,
)


# --- contrast: silence and the ruler ------------------------------------------------------------


@dataclass(frozen=True)
class Silent(Case):
    """One channel on N = 7 pixels, and contrasts; α_0 = 1."""

    w: tuple[int, ...]
    b: int
    sigma: str
    contrasts: str


CONTRASTS = {
    "all from 1 on": tuple(Fraction(k, 4) for k in (4, 5, 6, 8, 12, 400)),
    "1 alone": (Fraction(1),),
}


def _silent() -> Iterator[Silent]:
    for *w, b in ordered(4, 3):
        for sigma, contrasts in product(("relu", "abs"), CONTRASTS):
            yield Silent(tuple(w), b, sigma, contrasts)


def _ignores(case: Silent) -> bool:
    """A readout is exact at r = 3/2 and 5/2 and all contrasts."""
    sigma = oracle.RATIONAL[case.sigma]
    seen: dict[Fraction, set[Any]] = {Fraction(3, 2): set(), Fraction(5, 2): set()}
    for alpha, r in product(CONTRASTS[case.contrasts], seen):
        x = [alpha * v for v in oracle.overlap_pulse(r, 3)]
        seen[r].add(sum(map(sigma, oracle.ring(case.w, case.b, x))))
    return all(len(values) == 1 for values in seen.values()) and len(set.union(*seen.values())) == 2


SILENCE = Search(
    "contrast",
    "which channels can ignore the contrast",
    "the sum of the absolute values of w and b up to 3, these in lexicographic order, σ, contrasts;"
    " a ring of 7 pixels, n = 3, r = 3/2 and 5/2",
    _silent,
    (
        Hypothesis(
            r"exact for all $\alpha \ge \alpha_0$",
            "asked at α_0 only",
            lambda case: case.contrasts != "1 alone",
        ),
        Hypothesis(r"K = 1, \text{ ReLU}", "σ = |·|", lambda case: case.sigma == "relu"),
    ),
    lambda case: contrast.mute_on_pulse(
        tuple(map(Fraction, case.w)), Fraction(case.b), Fraction(1)
    ),
    _ignores,
)


@dataclass(frozen=True)
class Ruler(Case):
    """The ruler on N = 5 pixels: a pulse around s that reaches to s ± k, γ = 1."""

    sigma: str
    padding: str
    alpha: Fraction
    beta: int
    s: int
    k: int


def _rulers() -> Iterator[Ruler]:
    for sigma, padding in product(("hardtanh", "relu", "cube"), ("a ring", "zeros")):
        for alpha, beta in product((Fraction(1), Fraction(2), HALF), (0, 1)):
            for s, k in product(range(-2, 3), (0, 1)):
                yield Ruler(sigma, padding, alpha, beta, s, k)


def _ruler_truth(case: Ruler) -> Any:
    x = [case.beta + case.alpha * int(abs(i - case.s) <= case.k) for i in range(-2, 3)]
    sigma = oracle.RATIONAL[case.sigma]
    windows = border(case.padding, (-1, 1, 0), 0, x)
    return sum(sigma(z) * -Fraction(i, 2) for i, z in zip(range(-2, 3), windows, strict=True))


SATURATES = r"$\sigma(0) = 0$ and $\sigma(z) = \pm1$ for $\pm z \ge 1$"
INSIDE = r"any $s$ with both legs inside, $-L \le s - k$ and $s + k < L$"

RULER = Search(
    "contrast",
    "the ruler answers k + 1/2",
    "σ, padding, α = 1, 2, 1/2, β = 0, 1, s, k = 0, 1; N = 5, γ = 1, v_0 = 0, c = 0",
    _rulers,
    (
        Hypothesis(SATURATES, "σ does not saturate on both sides", lambda c: c.sigma == "hardtanh"),
        Hypothesis("on a ring", "zeros beyond the border", lambda case: case.padding == "a ring"),
        Hypothesis(r"$\gamma\alpha \ge 1$", "γα < 1", lambda case: case.alpha >= 1),
        Hypothesis(
            INSIDE, "a leg lies outside", lambda case: case.s - case.k >= -2 and case.s + case.k < 2
        ),
    ),
    lambda case: case.k + HALF,
    _ruler_truth,
)


# --- pair ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked(Case):
    """A network made for β in [0, 1] ([0, 1/4] for the short pair), and where it is asked."""

    network: str
    N: int
    radii: str


def _asked() -> Iterator[Asked]:
    rows = (("two channels", 9), ("two channels", 11), ("three channels", 9), ("short pair", 25))
    for network, size in rows:
        for radii in ("every quarter", "half-integers"):
            yield Asked(network, size, radii)


def _taps(case: Asked) -> int:
    return 5 if case.network == "short pair" else 3


def _asked_truth(case: Asked) -> bool:
    """Exact at all backgrounds and radii asked."""
    n = _taps(case)
    step = 4 if case.radii == "every quarter" else 1
    last = Fraction(case.N, 2) - n // 2
    count = int((last - Fraction(n, 2)) * step)
    radii = [Fraction(n, 2) + Fraction(k, step) for k in range(count + 1)]
    last_level = Fraction(1, 4) if case.network == "short pair" else Fraction(1)
    levels = (Fraction(0), last_level / 2, last_level)
    return all(
        _known_truth(Known(case.network, case.N, "relu", "a ring", beta, r)) == r
        for beta, r in product(levels, radii)
    )


PAIR_NONE = Search(
    "pair",
    "exact on N ≥ n² pixels",
    "two channels with N = 9, 11, three with N = 9, the short pair with N = 25; radii",
    _asked,
    (
        Hypothesis(
            r"every real $r$ from $\frac n2$ to $\frac N2 - h$",
            "half-integers only",
            lambda case: case.radii == "every quarter",
        ),
        Hypothesis("$K = 2$", "three channels", lambda case: case.network != "three channels"),
        Hypothesis(
            r"\beta_1 - \beta_0 \ge \tfrac12",
            "backgrounds less than 1/2 apart",
            lambda case: case.network != "short pair",
        ),
    ),
    lambda case: pair.limit(_taps(case)) > case.N,
    _asked_truth,
)


def _long_pair() -> Iterator[Known]:
    for size, beta in product((21, 23), BETAS):
        for r in (Fraction(9, 2), Fraction(21, 4), Fraction(13, 2), Fraction(7), Fraction(7, 2)):
            for sigma, padding in (("relu", "a ring"), ("hardtanh", "a ring"), ("relu", "zeros")):
                yield Known("pair", size, sigma, padding, beta, r)


PAIR = Search(
    "pair",
    "nine taps on 21 pixels answer r",
    "N = 21, 23, β = 0, 1/2, 1, -1, 2, r = 9/2, 21/4, 13/2, 7, 7/2, σ, padding; (ν, k, l) ="
    " (3, 5, 0), made for β in [0, 1]",
    _long_pair,
    (
        Hypothesis("ReLU", "hardtanh", lambda case: case.sigma == "relu"),
        Hypothesis("on a ring of $N$ pixels", RING.instead, RING.holds),
        Hypothesis(
            r"for every $\beta \in [\beta_0, \beta_1]$", KNOWN_BETA.instead, KNOWN_BETA.holds
        ),
        Hypothesis(
            r"every real $r$ from $\frac n2$ to $\frac N2 - h$",
            "r < n/2 or r > N/2 - h",
            lambda case: Fraction(9, 2) <= case.r <= Fraction(13, 2),
        ),
        Hypothesis(r"N = \nu(k + 2) + l", "another ring", lambda case: case.N == 21),
    ),
    lambda case: case.r,
    _known_truth,
)

SEARCHES: tuple[Search[Any], ...] = (
    DENSE,
    DENSE_FIXED,
    DENSE_SHIFT,
    BACKGROUND,
    BACKGROUND_LINEAR,
    BACKGROUND_TAP,
    BACKGROUND_TWO,
    BACKGROUND_THREE,
    BACKGROUND_ZEROS,
    CONTRAST,
    SILENCE,
    RULER,
    PAIR_NONE,
    PAIR,
)
"""The searches of this chapter, in the order of its claims."""

REASONS: dict[str, tuple[tuple[str, str], ...]] = {
    "dense": (
        (r"$\hat r = c + \sum_i v_i x(i)$", DEFINES),
        ("squared error", "says what is trained on"),
        ("or an interval of them, with any positive weights", ASKS_NOTHING),
        ("first line:", NAMES),
        ("on an interval all that change are fixed", STATES),
        ("second line: … pixels never lit stay", DEFINES),
        ("third line: any radii;… with $c$ one more", DEFINES),
        ("last line:", NAMES),
        ("sum pooling does not see the shift, nor", STATES),
    ),
    "background": (
        (r"$x = \beta + x_r$", DEFINES),
        (r"$n = 2h + 1$ taps", DEFINES),
        ("sum pooling", "with a weight per position other laws hold"),
        (r"the pulse inside the ring, $r \le \frac N2$", "the range below is narrower"),
        (r"first line: any $\sigma$", ASKS_NOTHING),
        (r"$\kappa_\beta = … - g((\beta+1)S)]$", DEFINES),
        ("so one strictly monotone channel … comes as close to that as one likes", STATES),
        ("second line:", NAMES),
        ("any $K$ and $n$", ASKS_NOTHING),
        (r"$B = \mathrm{Var}\, \beta$", DEFINES),
        (r"third line: any $\sigma$ and $K$", ASKS_NOTHING),
        ("fourth line:", NAMES),
        (": exact", STATES),
        ("fifth line:", NAMES),
        ("last line:", NAMES),
    ),
    "contrast": (
        (r"first line: $x = \alpha x_r$, any $\sigma$", ASKS_NOTHING),
        (r"$\kappa_\alpha = … - g(\alpha S)]$", DEFINES),
        ("second line:", NAMES),
        ("these radii, if and only if", STATES),
        ("between half-integers no network … analytic on the whole line", STATES),
        (r"third line: $x(i) = … \le k\,]$", DEFINES),
        (r"any $\beta$", ASKS_NOTHING),
        ("no linear network does it", STATES),
        ("last line: gradient descent … left legs move by", STATES),
    ),
    "pair": (
        (r"$x = \beta + x_r$", DEFINES),
        ("$n$ odd, sum pooling", "with a weight per position other laws hold"),
        ("exact:", NAMES),
        (r"$\beta_0 < \beta_1$", "one background is none that is unknown"),
        ("$n = 2h + 1$", DEFINES),
        (
            r"two cells at least, for which the ring needs $N \ge 2n + 3$",
            "smaller rings: not tried",
        ),
        ("second and third line: … taps are enough", STATES),
        ("last two lines: … $N \\ge 13$", STATES),
    ),
}
"""What of the assumptions no search drops, and why."""
