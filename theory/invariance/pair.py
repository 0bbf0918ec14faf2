r"""Two ReLU channels on an unknown background, exact at every real radius: it takes taps in number
about √N.

A window of the filter w, S = Σ w ≠ 0, holds βS + C + b, where C is a point of the staircase; it
meets the kink at the background β = p - C/S, p = -b/S.  At r = m - 1/2 + φ these are p in the dark,
p - 1 on the plateau, and at the two edges

    γ(j - 1 + φ) and 2p - 1 - γ(j - φ),    j = 1..n,    γ(t) = p - s(t),

with s the staircase of w/S, joined by lines.  In the interval of the backgrounds whatever bends in
one channel has to be made straight by the other.  So pieces of the two channels' curves lie on each
other, with numbers in a fixed ratio λ, and

    windows of one channel that are above the kink = λ × those of the other:    N < n².

That is for backgrounds 1/2 apart or more; closer ones need no more than five taps, on every ring.
One channel turns ν times, the other waits k pixels: N = ν (k + 2) + l pixels and max(2ν + l + 1, k
+ 3) taps are enough.  All radii from n/2 to N/2 - h.  Derivation: docs/invariance/pair.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import Any

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.pulse.network import Network as PooledNetwork  # with sum pooling
from theory.pulse.network import circular, last_radius, taps
from theory.pulse.signal import HALF, phi, pulse
from theory.types import Function, Scalar, Vector

__all__ = ["CLAIM", "LAW", "Pair", "kinks", "limit", "pair", "pixels", "short_pair"]


def kinks(w: Vector, b: Scalar, fraction: Scalar) -> list[Any]:
    """The backgrounds at which the 2n windows at the edges meet the kink of ReLU, for taps w (n,)
    and φ = ``fraction``: those of one edge, then the other.
    """
    total = sum(w[1:], w[0])
    first, second, start = [], [], 0 * total
    for tap in w:
        first.append(-(b + start + fraction * tap) / total)
        start = start + tap
        second.append(-(b + total - start + fraction * tap) / total)
    return [*first, *second]


def pixels(turns: Scalar, wait: Scalar, gap: Scalar) -> Any:
    """N = ν (k + 2) + l, the rings on which :func:`pair` is exact."""
    return turns * (wait + 2) + gap


def pair(low: Scalar, high: Scalar, turns: int, wait: int, gap: int) -> PooledNetwork[Any]:
    """Exact for ReLU, on a ring of ν (k + 2) + l pixels, for every background in [low, high] and
    every r from n/2 to N/2 - h.

    w_1 = (-M, 0 × l, M, then -M, M ν - 1 times, 1), w_2 = (M, 0 × k, -M, 1), M = high - low + 1;
    zeros at the end for an odd n.
    """
    edge = high - low + 1
    unit, zero = edge / edge, 0 * edge
    measure = (-edge, *(zero,) * gap, edge, *(-edge, edge) * (turns - 1), unit)
    waiting = (edge, *(zero,) * wait, -edge, unit)
    size = max(len(measure), len(waiting)) | 1
    w = tuple((*row, *(zero,) * (size - len(row))) for row in (measure, waiting))
    return PooledNetwork(
        w, (-low, -high - unit), (unit / 2, -turns * unit / 2), -(turns + gap) * edge / 2
    )


def short_pair(low: Scalar, high: Scalar) -> PooledNetwork[Any]:
    """Exact for ReLU, on every ring, for every background in [low, high] and 5/2 <= r <= N/2 - 2,
    if high - low < 1/2.
    """
    length = high - low
    zero = 0 * length
    half = (zero + 1) / 2
    room = 1 - 2 * length
    w = ((zero, length, room, length, zero), (room / 2, length, zero, length, room / 2))
    return PooledNetwork(w, (-high, -low - half), (1 / room, -1 / room), -4 * half)


def limit(n: Scalar) -> Any:
    """n²: on a ring of so many pixels, or more, no two ReLU channels with n taps are exact on
    backgrounds 1/2 apart.
    """
    return n**2


@dataclass(frozen=True)
class Pair:
    """The law: where windows meet the kink, the exact networks and their rings, and the rings that
    are too large.
    """

    kinks: Callable[[Vector, Scalar, Scalar], list[Any]]
    pixels: Callable[[Scalar, Scalar, Scalar], Any]
    pair: Callable[[Scalar, Scalar, int, int, int], PooledNetwork[Any]]
    short_pair: Callable[[Scalar, Scalar], PooledNetwork[Any]]
    limit: Callable[[Scalar], Any]


LAW = Pair(kinks, pixels, pair, short_pair, limit)
"""The law as derived here."""


# ------------------------------------------------------------------------------------------ proof

PROVED_TAPS = (1, 3, 5)
TURNS = ((3, 5, 0), (3, 5, 2), (4, 4, 1))
"""(ν, k, l) of the exact networks that are run with symbols: 9, 9 and 11 taps on 21, 23 and 25
pixels.
"""


def prove(law: Pair) -> Proof:
    """The windows from the definition, solved for the background; the exact networks window by
    window; the counts of the bound.
    """
    covers = (
        "where windows meet the kink for n = 1, 3, 5 at m = h + 1 and h + 2, any φ, taps and bias;"
        " the exact networks of 9, 9 and 11 taps on 21, 23 and 25 pixels and, for short intervals,"
        " n = 5 on 13 and 15, for every interval and every r of two cells, and that they err beyond"
        " r = N/2 - h; for n = 7 and 9, too, the counts that the bound N < n² rests on: the bound"
        " itself is proved on the page. It need not be sharp: what is run, enumerated or trained"
        " reaches (n² - 1)/2 pixels at most, and could not tell n² from a bound between"
    )
    return Proof(_steps(law), covers)


def _steps(law: Pair) -> Iterator[Step]:
    """The quickest first."""
    for n in (3, 5, 7, 9):
        yield from _crowd(law, n)
    for case in TURNS:
        yield from _turning(law, *case)
    for n in PROVED_TAPS:
        yield from _meets(law, n)
    yield from _short(law)
    yield _beyond(law)


def _meets(law: Pair, n: int) -> Iterator[Step]:
    """Every window of the ring: at the edges as stated, N - 2m - n in the dark, 2m - n on the
    plateau.
    """
    w, b = taps(n), sp.Symbol("b", real=True)
    total = sp.Add(*w)
    dark = -b / total
    for m in (n // 2 + 1, n // 2 + 2):
        x = pulse(m, phi, n + 2)
        direct = [sp.cancel(-(z + b) / total) for z in circular(w, x)]
        flat = [dark] * (len(x) - 2 * m - n) + [dark - 1] * (2 * m - n)
        claimed = law.kinks(w, b, phi) + flat
        same = Counter(direct) == Counter(sp.cancel(level) for level in claimed)
        yield Step(f"where the windows meet the kink, n = {n}, m = {m}", same)
    levels = law.kinks(w, b, phi)
    turned = [2 * dark - 1 - level.subs(phi, 1 - phi) for level in levels[:n]]
    over = all(sp.cancel(x - y) == 0 for x, y in zip(levels[n:], turned, strict=True))
    yield Step(f"one edge is the other turned over, n = {n}", over)


def _runs(net: PooledNetwork[Any], x: Vector, r: Scalar, scale: Function) -> tuple[bool, bool]:
    """(windows that change sides on 0 <= φ <= 1 cancel line by line, the rest adds up to r)."""
    answer, bent = net.c, Counter[Any]()
    for w, b, a in net.listed:
        for z in circular(w, x):
            z = sp.expand(z + b)
            ends = [scale(z.subs(phi, end)) for end in (0, 1)]
            if all(end.is_nonnegative is True for end in ends):
                answer = answer + a * z
            elif not all(end.is_nonpositive is True for end in ends):
                bent[z] += a
    straight = all(sp.cancel(weight) == 0 for weight in bent.values())
    return bool(bent) and straight, sp.cancel(answer - r) == 0


def _turning(law: Pair, turns: int, wait: int, gap: int) -> Iterator[Step]:
    """β = low + s, high = β + t with s, t >= 0."""
    low = sp.Symbol("beta_0", real=True)
    before, after = sp.symbols("s t", nonnegative=True)
    here, size = low + before, law.pixels(turns, wait, gap)
    net = law.pair(low, here + after, turns, wait, gap)
    n = net.taps
    yield Step(f"a ring of {size} pixels is not too large, n = {n}", size < law.limit(n))
    for m in (n // 2 + 1, n // 2 + 2):
        x = [here + value for value in pulse(m, phi, size // 2)]
        straight, exact = _runs(net, x, m - HALF + phi, sp.expand)
        yield Step(f"bends cancel, N = {size}, n = {n}, m = {m}", len(x) == size and straight)
        yield Step(f"the answer is r, N = {size}, n = {n}, m = {m}", exact)


def _short(law: Pair) -> Iterator[Step]:
    """1/2 = s + t + q with s, t, q >= 0: a 1 without symbols is written as 2 (s + t + q) before a
    sign is asked for.
    """
    low = sp.Symbol("beta_0", real=True)
    before, after, more = sp.symbols("s t q", nonnegative=True)
    here = low + before
    net = law.short_pair(low, here + after)

    def scale(z: sp.Expr) -> sp.Expr:
        constant = z.subs({low: 0, before: 0, after: 0})
        return sp.expand(z + constant * (2 * (before + after + more) - 1))

    for m, half_length in ((3, 6), (4, 7)):
        x = [here + value for value in pulse(m, phi, half_length)]
        straight, exact = _runs(net, x, m - HALF + phi, scale)
        yield Step(f"bends cancel on a short interval, N = {len(x)}, n = 5, m = {m}", straight)
        yield Step(f"the answer is r on a short interval, N = {len(x)}, n = 5, m = {m}", exact)


def _beyond(law: Pair) -> Step:
    """Backgrounds 0, 1/8, 1/4 in numbers: right at every multiple of 1/2 from n/2 to N/2 - h, and
    at no later one.
    """
    quarter, good = HALF / 2, True
    turning = law.pair(0 * HALF, quarter, *TURNS[1])
    for net, size in ((turning, 23), (law.short_pair(0 * HALF, quarter), 15)):
        n, half_length = net.taps, size // 2
        for k in range(n, size):
            r = k * HALF
            m = int(sp.floor(r + HALF))
            lit = pulse(m, r - m + HALF, half_length)
            answers = {
                net.c + sum(a * sp.Max(z + b, 0) for w, b, a in net.listed
                            for z in circular(w, [beta + x for x in lit]))
                for beta in (0 * HALF, quarter / 2, quarter)
            }  # fmt: skip
            good = good and (answers == {r}) == (r <= last_radius(n, sp.Integer(size)))
    return Step("beyond N/2 - h they err, n = 9 on 23 pixels and n = 5 on 15", bool(good))


def _crowd(law: Pair, n: int) -> Iterator[Step]:
    """A curve that begins and ends on one side of the interval crosses it upwards as often as
    downwards: every such walk.
    """
    walks = [(0, *inner, 0) for inner in product((0, 1), repeat=n - 1)]
    most = max(sum(here < there for here, there in pairwise(walk)) for walk in walks)
    yield Step(f"at most n - 1 windows at the edges on a line, n = {n}", 2 * most == n - 1)
    # On, off: N = i + λe with i, e < n.  Both on: N (1 - λ) = i_1 - λ i_2 < n.  λ is a quotient of
    #     numbers up to 2 most.
    ratios = {sp.Rational(p, q) for p in range(1, 2 * most + 1) for q in range(1, 2 * most + 1)}
    bound = max(
        *(n + ratio * n for ratio in ratios), *(n / (1 - ratio) for ratio in ratios if ratio < 1)
    )
    yield Step(f"the counts leave N < n², n = {n}", bound == law.limit(n))
    yield Step(
        f"rings on which two cells have room, n = {n}", (2 * n + 3 < law.limit(n)) == (n > 3)
    )


# ------------------------------------------------------------------------------------- wrong laws


def _one_edge(w: Vector, b: Scalar, fraction: Scalar) -> list[Any]:
    """Wrong: the other edge is the same one again, not turned over."""
    return kinks(w, b, fraction)[: len(w)] * 2


def _wider(turns: Scalar, wait: Scalar, gap: Scalar) -> Any:
    """Wrong: two pixels more do not matter."""
    return pixels(turns, wait, gap) + 2


def _unweighted(low: Scalar, high: Scalar, turns: int, wait: int, gap: int) -> PooledNetwork[Any]:
    """Wrong: the waiting channel need not weigh as much as all the turns of the other."""
    net = pair(low, high, turns, wait, gap)
    return replace(net, a=(net.a[0], net.a[1] / turns))


def _same_bias(low: Scalar, high: Scalar) -> PooledNetwork[Any]:
    """Wrong: both channels meet the kink at the same background."""
    net = short_pair(low, high)
    return replace(net, b=2 * (net.biases[0],))


def _half(n: Scalar) -> Any:
    """Wrong: half as many pixels are too many."""
    return (n - 1) * (n - 2) / 2


def _two_edges(n: Scalar) -> Any:
    """Wrong: no ring on which both edges have room is small enough."""
    return 2 * n


CLAIM: Claim[Pair] = Claim(
    id="pair",
    title=(
        "An unknown background and every real radius: what two ReLU channels can do, and what they"
        " cannot"
    ),
    statement=(
        r"\beta_1 - \beta_0 \ge \tfrac12: \quad \text{exact} \implies N < n^2, \quad \text{so never"
        r" with } n = 3"
        r" \qquad N = \nu(k + 2) + l: \quad w_1 = (-M, 0^l, M, (-M, M)^{\nu - 1}, 1), \quad w_2 ="
        r" (M, 0^k, -M, 1), \quad M = \beta_1 - \beta_0 + 1"
        r" \qquad b = (-\beta_0, -\beta_1 - 1), \quad a = (\tfrac12, -\tfrac\nu2), \quad c ="
        r" -\tfrac12(\nu + l)M"
        r" \qquad \delta = \beta_1 - \beta_0 < \tfrac12: \quad w_1 = (0, \delta, 1 - 2\delta,"
        r" \delta, 0), \quad w_2 = (\tfrac12 - \delta, \delta, 0, \delta, \tfrac12 - \delta)"
        r" \qquad b = (-\beta_1, -\beta_0 - \tfrac12), \quad a_1 = -a_2 = \frac{1}{1 - 2\delta},"
        r" \quad c = -2"
    ),
    assumptions=(
        (
            r"$x = \beta + x_r$ on a ring of $N$ pixels, ReLU, $K = 2$, $n$ odd, sum pooling;"
            r" exact: for every $\beta \in [\beta_0, \beta_1]$, $\beta_0 < \beta_1$, and every real"
            r" $r$ from $\frac n2$ to $\frac N2 - h$, $n = 2h + 1$; two cells at least, for which"
            r" the ring needs $N \ge 2n + 3$"
        ),
        (
            r"second and third line: any $\beta_1 \ge \beta_0$, $n \ge \max(2\nu + l + 1, k + 3)$,"
            r" the filters filled up with zeros: no such ring has 9 to 19 pixels, and from 21 on"
            r" about $\sqrt{3N}$ taps are enough"
        ),
        r"last two lines: $n = 5$, any $N \ge 13$",
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("both edges are alike", replace(LAW, kinks=_one_edge)),
        Wrong("two pixels more do not matter", replace(LAW, pixels=_wider)),
        Wrong("the waiting channel has the weight of the other", replace(LAW, pair=_unweighted)),
        Wrong("one bias for both", replace(LAW, short_pair=_same_bias)),
        Wrong("no ring is small enough", replace(LAW, limit=_two_edges)),
        Wrong("half as large a ring is too large", replace(LAW, limit=_half)),
    ),
    requires=("background",),
)
