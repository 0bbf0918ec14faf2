r"""The staircase: all that a filter shows of a pulse are the partial sums of its taps.

    C_j = Σ_{u <= j} w_u,    T_j = Σ_{u >= j} w_u,    S = C_h = T_{-h},    C_{-h-1} = T_{h+1} = 0.

On a plateau radius (m >= h + 1) the pre-activations of the pulse of radius m - 1/2 + φ are, as a
multiset,

    C_{u-1} + φ w_u  and  T_{u+1} + φ w_u   once for every tap u   (the two edges),
    S   2m - n times (the filter lies inside),    0   N - 2m - n times (it sees the background).

Derivation: docs/pulse/staircase.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache

import sympy as sp

from theory.claim import Claim, Kernel, Proof, Step, Wrong
from theory.pulse.network import preactivations, taps
from theory.pulse.signal import phi, pulse
from theory.types import Scalar

__all__ = [
    "CLAIM",
    "C",
    "Law",
    "S",
    "T",
    "dark_beyond",
    "definitions",
    "partial_sums",
    "preactivation_counts",
    "to_taps",
]

S = sp.Symbol("S", real=True)
"""The sum of all taps of a filter: the top of its staircase."""


def C(j: int, n: int) -> sp.Expr:
    """C_j for n taps, as a symbol: 0 at j = -h-1 and S at j = h."""
    return _partial("C", j + n // 2 + 1, j, n)


def T(j: int, n: int) -> sp.Expr:
    """T_j for n taps, as a symbol: 0 at j = h+1 and S at j = -h."""
    return _partial("T", n // 2 + 1 - j, j, n)


def _partial(letter: str, count: int, j: int, n: int) -> sp.Expr:
    if not 0 <= count <= n:
        raise ValueError(f"{letter}_{j} is no partial sum of {n} taps")
    if count == 0:
        return sp.Integer(0)
    return S if count == n else sp.Symbol(f"{letter}_{j}", real=True)


def definitions(n: int) -> list[tuple[sp.Symbol, sp.Expr]]:
    """C_j = C_{j-1} + w_j and T_j = T_{j+1} + w_j, in an order in which they can be computed."""
    h, w = n // 2, taps(n)
    left = [(C(j, n), C(j - 1, n) + w[j + h]) for j in range(-h, h + 1)]
    right = [(T(j, n), T(j + 1, n) + w[j + h]) for j in range(h, -h, -1)]
    return left + right


@cache
def partial_sums(n: int, channel: str = "") -> Mapping[sp.Symbol, sp.Expr]:
    """Every staircase symbol, and every tap, of a law in the taps of one channel."""
    h, w = n // 2, taps(n, channel)
    sums = {C(j, n): sp.Add(*w[: j + h + 1]) for j in range(-h, h + 1)}
    sums |= {T(j, n): sp.Add(*w[j + h :]) for j in range(-h, h + 1)}
    return sums | dict(zip(taps(n), w, strict=True))


def to_taps(expression: sp.Expr, n: int, channel: str = "") -> sp.Expr:
    """Replace the staircase symbols by the sums of taps that define them, for one channel."""
    return expression.xreplace(dict(partial_sums(n, channel)))


def preactivation_counts(n: int, m: int, half_length: int) -> Counter[sp.Expr]:
    """The law: how often each pre-activation occurs at radius m - 1/2 + φ, in staircase symbols."""
    h, w, size = n // 2, taps(n), 2 * half_length + 1
    counts: Counter[sp.Expr] = Counter()
    for u in range(-h, h + 1):
        counts[C(u - 1, n) + phi * w[u + h]] += 1
        counts[T(u + 1, n) + phi * w[u + h]] += 1
    counts[S] += 2 * m - n
    counts[sp.Integer(0)] += size - 2 * m - n
    return counts


def dark_beyond(n: int, m: int, fraction: Scalar, half_length: int) -> Step:
    """A ring and repeated border pixels put the same beyond the border as zero padding: the h
    outermost pixels of the pulse of radius m - 1/2 + ``fraction`` are dark.
    """
    h, x = n // 2, pulse(m, fraction, half_length)
    name = f"n = {n}, m = {m}, N = {len(x)}: beyond the border a ring is dark"
    return Step(name, all(pixel == 0 for pixel in (*x[:h], *x[len(x) - h :])))


Law = Callable[[int, int, int], Counter[sp.Expr]]
"""(n, m, L) -> how often each pre-activation occurs."""
PROVED_TAPS = (1, 3, 5, 7, 9)


def prove(law: Law) -> Proof:
    """Compare the law, written in taps, with the pre-activations at every position
    of the signal.
    """

    def steps() -> Iterator[Step]:
        for n in PROVED_TAPS:
            h = n // 2
            for m in range(h + 1, h + 4):
                for half_length in (m + h, m + h + 2):
                    direct = Counter(preactivations(taps(n), pulse(m, phi, half_length)))
                    claimed: Counter[sp.Expr] = Counter()
                    for value, count in law(n, m, half_length).items():
                        claimed[to_taps(value, n)] += count
                    name = f"n = {n}, m = {m}, N = {2 * half_length + 1}"
                    yield Step(name, +claimed == direct and min(claimed.values()) >= 0)
                    yield dark_beyond(n, m, phi, half_length)

    covers = (
        "n = 1, 3, 5, 7, 9; m = h+1..h+3; symbolic taps, all φ in [0, 1]; zero padding, a ring or"
        " repeated border pixels"
    )
    return Proof(steps(), covers)


def _late(n: int, m: int, half_length: int) -> Counter[sp.Expr]:
    """Wrong: off by one, the border pixel meets the tap after the one it should."""
    h, w = n // 2, taps(n)
    counts = preactivation_counts(n, m, half_length)
    for u in range(-h, h + 1):
        counts[C(u - 1, n) + phi * w[u + h]] -= 1
        counts[C(u, n) + phi * w[u + h]] += 1
    return +counts


def _one_edge(n: int, m: int, half_length: int) -> Counter[sp.Expr]:
    """Wrong: the right edge is taken for the mirror image of the left one."""
    h, w = n // 2, taps(n)
    counts = preactivation_counts(n, m, half_length)
    for u in range(-h, h + 1):
        counts[T(u + 1, n) + phi * w[u + h]] -= 1
        counts[C(u - 1, n) + phi * w[u + h]] += 1
    return +counts


CLAIM: Claim[Law] = Claim(
    id="staircase",
    title="The staircase of partial sums is all that a filter shows of a pulse",
    statement=(
        r"\{z_i\} = \{C_{u-1} + \varphi w_u\}_u \cup \{T_{u+1} + \varphi w_u\}_u"
        r" \cup (2m-n)\{S\} \cup (N-2m-n)\{0\}"
    ),
    assumptions=(
        r"plateau radii, $r = m - \tfrac12 + \varphi$ with $m \ge h+1$",
        (
            r"zero padding, a ring or repeated border pixels, and $m + h \le L$: no filter position"
            r" sees a pulse cut off by the border"
        ),
    ),
    law=preactivation_counts,
    prove=prove,
    wrong=(
        Wrong("off by one: the border pixel meets the next tap", _late),
        Wrong("both edges climb the same staircase C", _one_edge),
    ),
    requires=("signal",),
    kernel=Kernel("all n, m, L and φ, any taps; zero padding", ("Staircase.staircase",)),
)
