r"""No exact network is nearer than the worst error allows.

Let x₀ err by E at the radius r, and let an exact network of the same shape lie at a distance d of
all stored weights.  With Λ a Lipschitz constant of σ, P positions, p_k the pooled responses of x₀
at r, and

    G² = (n (2r)² + P²) / share²
    P² only where the conv bias is stored; share = 1 for a sum, P for a mean
    A² = 1 + Σ_k (p_k² + (Λ G a_k)²)      1 only where the readout bias is stored
    B  = Λ G,

the answer at r differs by at most A d + B d²/2.  It has to differ by E, so

    d >= 2E / (A + √(A² + 2 B E)).

Each tap sees no more than the 2r of light: that is G.  For σ(z) = Λz A is the length of the
gradient, so to first order one radius gives no better bound.  Derivation:
docs/certificates/nearest.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, combinations
from typing import Any

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.pulse.network import channel_function, preactivations, taps
from theory.pulse.signal import HALF, phi, pulse
from theory.types import Function, Scalar, Vector

__all__ = ["CLAIM", "LAW", "Facts", "Nearness", "distance"]


@dataclass(frozen=True)
class Facts:
    """What the bound asks of the network that errs.

    Attributes
    ----------
    taps, positions, share: n, P, and what the pooled sum is divided by.
    radius, error: r, and |r̂ - r| there.
    steepest: Λ.
    pooled, readout: p_k at r, and a_k.
    conv_bias, readout_bias: 1 where b, c are stored, else 0.
    """

    taps: int
    positions: int
    share: int
    radius: Scalar
    error: Scalar
    steepest: Scalar
    pooled: tuple[Scalar, ...]
    readout: tuple[Scalar, ...]
    conv_bias: int = 1
    readout_bias: int = 1


def reach(n: int, positions: Scalar, radius: Scalar, share: Scalar, conv_bias: int) -> Any:
    """G²: how far a pooled pre-activation moves when (w_k, b_k) does, squared."""
    return (n * (2 * radius) ** 2 + conv_bias * positions**2) / share**2


def spread(steepest: Scalar, wide: Scalar) -> Any:
    """(Λ G)² = B² from Λ and G²: how far a pooled response moves when (w_k, b_k) does, squared."""
    return steepest**2 * wide


def linear(pooled: Vector, readout: Vector, spread: Scalar, readout_bias: int) -> Any:
    """A², from p_k and a_k (K,), ``spread`` = (Λ G)² and 1 where the readout bias is stored, else
    0.
    """
    total: Any = readout_bias
    for p, a in zip(pooled, readout, strict=True):
        total = total + p**2 + spread * a**2
    return total


def least(error: Scalar, length: Scalar, bend: Scalar, root: Function) -> Any:
    """The d at which A d + B d²/2 reaches E."""
    return 2 * error / (length + root(length**2 + 2 * bend * error))


@dataclass(frozen=True)
class Nearness:
    """The law: G², (Λ G)², A², and the root of the quadratic."""

    reach: Callable[[int, Scalar, Scalar, Scalar, int], Any]
    spread: Callable[[Scalar, Scalar], Any]
    linear: Callable[[Vector, Vector, Scalar, int], Any]
    least: Callable[[Scalar, Scalar, Scalar, Function], Any]


LAW = Nearness(reach, spread, linear, least)
"""The law as derived; wrong laws replace one of its parts."""


def distance(law: Nearness, facts: Facts, root: Function) -> Any:
    """No exact network is nearer than this; ``root`` takes square roots in the arithmetic of the
    facts.
    """
    wide = law.reach(facts.taps, facts.positions, facts.radius, facts.share, facts.conv_bias)
    squared = law.spread(facts.steepest, wide)
    length = root(law.linear(facts.pooled, facts.readout, squared, facts.readout_bias))
    return law.least(facts.error, length, root(squared), root)


# ------------------------------------------------------------------------------------------ proof

PROVED_TAPS = (1, 3, 5)
CHANNELS = (1, 2, 3)


def prove(law: Nearness) -> Proof:
    """The light that a tap sees, the change of the answer, three sums of squares, and the root."""
    steps = chain(_root(law), _squares(law), _gradient(law), _light(law), _change())
    covers = (
        "n = 1, 3, 5 taps, 1 to 3 channels, any weights and any moves of them; light at r = m - 1/2"
        " + φ, every φ, m = 1 to h + 2, zero, circular and valid padding, also at the border; with"
        " and without b and c, sum and mean; any Λ; the change of the answer for an undefined σ"
    )
    return Proof(steps, covers)


def _seen(n: int, m: int, half_length: int, padding: str) -> tuple[list[Any], int]:
    """(Σ_i x(i + u) for every tap u, the number of positions)."""
    x, h = pulse(m, phi, half_length), n // 2
    size = len(x)
    positions = range(h, size - h) if padding == "valid" else range(size)
    light = []
    for u in range(-h, h + 1):
        places = [(i + u) % size if padding == "circular" else i + u for i in positions]
        light.append(sp.expand(sp.Add(*(x[j] for j in places if 0 <= j < size))))
    return light, len(positions)


def _light(law: Nearness) -> Iterator[Step]:
    """Σ_i |Σ_u δw_u x(i+u) + δb| <= Σ_u |δw_u| Σ_i x(i+u) + P |δb|, and G is the length of what
    multiplies.
    """
    share = sp.Symbol("s", positive=True)
    for n in PROVED_TAPS:
        for m in range(1, n // 2 + 3):
            r = m - HALF + phi
            good = True
            for padding in ("zeros", "circular", "valid"):
                for half_length in (m + n // 2 - 1, m + n):
                    if not (m <= half_length and n <= 2 * half_length + 1):
                        continue
                    lights, positions = _seen(n, m, half_length, padding)
                    # A line in φ that is not negative at both ends is not negative between them.
                    short = [sp.expand(2 * r - light) for light in lights]
                    good = good and all(
                        sp.diff(s, phi, 2) == 0 and s.subs(phi, 0) >= 0 and s.subs(phi, 1) >= 0
                        for s in short
                    )
                    if half_length == m + n:
                        good = good and not any(short)
                    for bias in (0, 1):
                        length = sp.Add(*((2 * r) ** 2 for _ in lights)) + bias * positions**2
                        claimed = law.reach(n, positions, r, share, bias) * share**2
                        good = good and sp.expand(length - claimed) == 0
            yield Step(
                f"no tap sees more than 2r of light, n = {n}, m = {m}; G² is the squared length",
                good,
            )


def _change() -> Iterator[Step]:
    """r̂ of two networks on the same pixels, from the double sum: δc + Σ (δa p + a δp + δa δp)."""
    for channels in CHANNELS:
        answers = []
        features = []
        for turn in ("", "'"):
            total = sp.Symbol(f"c{turn}", real=True)
            pooled = []
            for k in range(channels):
                f = sp.Function(f"{channel_function(k).__name__}{turn}", real=True)
                z = preactivations(taps(3, f"{k}{turn}"), pulse(1, phi, 2))
                pooled.append(sp.Add(*(f(value) for value in z)))
                total += sp.Symbol(f"a{turn}_{k}", real=True) * pooled[k]
            answers.append(total)
            features.append(pooled)
        moved = sp.Symbol("c'", real=True) - sp.Symbol("c", real=True)
        for k, (p, other) in enumerate(zip(*features, strict=True)):
            a = sp.Symbol(f"a_{k}", real=True)
            da = sp.Symbol(f"a'_{k}", real=True) - a
            moved += da * p + a * (other - p) + da * (other - p)
        remainder = sp.expand(answers[1] - answers[0] - moved)
        yield Step(f"the change of the answer, {channels} channels, n = 3", remainder == 0)


def _lagrange(left: Vector, right: Vector) -> Any:
    """Σ_{i<j} (x_i y_j - x_j y_i)²."""
    pairs = combinations(range(len(left)), 2)
    return sp.Add(*((left[i] * right[j] - left[j] * right[i]) ** 2 for i, j in pairs))


def _squares(law: Nearness) -> Iterator[Step]:
    """Cauchy-Schwarz as sums of squares: over taps and bias, over all terms of first order; and 2xy
    <= x² + y².
    """
    r, positions, share, steep, wide = sp.symbols("r P s Lambda G", positive=True)
    for n in PROVED_TAPS:
        for bias in (0, 1):
            light = [2 * r] * n + [positions] * bias
            moves = sp.symbols(f"y0:{n + bias}", real=True)
            claimed = law.reach(n, positions, r, share, bias) * share**2
            remainder = (
                claimed * sp.Add(*(y**2 for y in moves))
                - sp.Add(*(x * y for x, y in zip(light, moves, strict=True))) ** 2
            )
            good = sp.expand(remainder - _lagrange(light, moves)) == 0
            yield Step(
                f"the pooled pre-activation moves by at most G|δv|, n = {n},"
                f" {'with' if bias else 'without'} b",
                good,
            )
    for channels in CHANNELS:
        p, a, da, dv = (
            sp.symbols(f"{name}0:{channels}", real=True) for name in ("p", "a", "da", "dv")
        )
        for bias in (0, 1):
            factors = [*p, *(steep * wide * x for x in a), *[sp.Integer(1)] * bias]
            moves = [*da, *dv, *[sp.Symbol("dc", real=True)] * bias]
            claimed = law.linear(p, a, law.spread(steep, wide**2), bias)
            square = sp.Add(*(y**2 for y in moves))
            remainder = (
                claimed * square
                - sp.Add(*(x * y for x, y in zip(factors, moves, strict=True))) ** 2
            )
            good = sp.expand(remainder - _lagrange(factors, moves)) == 0
            yield Step(
                f"the terms of first order add up to at most A d, {channels} channels,"
                f" {'with' if bias else 'without'} c",
                good,
            )
            bend = sp.sqrt(law.spread(steep, wide**2))
            products = steep * wide * sp.Add(*(x * y for x, y in zip(da, dv, strict=True)))
            squares = sp.Add(
                *((x - y) ** 2 for x, y in zip(da, dv, strict=True)),
                *(y**2 for y in moves[2 * channels :]),
            )
            remainder = bend * square / 2 - products - steep * wide * squares / 2
            yield Step(
                f"the products add up to at most B d²/2, {channels} channels,"
                f" {'with' if bias else 'without'} c",
                sp.expand(remainder) == 0,
            )


def _gradient(law: Nearness) -> Iterator[Step]:
    """For σ(z) = Λz, far from the border, A² is the squared gradient by all stored weights."""
    share, steep = sp.symbols("s Lambda", positive=True)
    for n in PROVED_TAPS:
        for channels in (1, 2):
            m = n // 2 + 1
            x = pulse(m, phi, m + n)
            weights = [sp.Symbol("c", real=True)]
            pooled, readout = [], []
            answer = weights[0]
            for k in range(channels):
                w, b, a = (
                    taps(n, str(k)),
                    sp.Symbol(f"b{k}", real=True),
                    sp.Symbol(f"a{k}", real=True),
                )
                pooled.append(
                    sp.expand(sp.Add(*(steep * (z + b) for z in preactivations(w, x))) / share)
                )
                readout.append(a)
                weights += [*w, b, a]
                answer += a * pooled[k]
            square = sp.Add(*(sp.diff(answer, y) ** 2 for y in weights))
            squared = law.spread(steep, law.reach(n, len(x), m - HALF + phi, share, 1))
            claimed = law.linear(pooled, readout, squared, 1)
            yield Step(
                f"A is the length of the gradient for Λz, n = {n}, {channels} channels",
                sp.expand(square - claimed) == 0,
            )


def _root(law: Nearness) -> Iterator[Step]:
    """A d + B d²/2 grows with d and is E at the law's d."""
    error, length, bend, d = sp.symbols("E A B d", positive=True)
    claimed = law.least(error, length, bend, sp.sqrt)
    missing = sp.simplify(length * claimed + bend * claimed**2 / 2 - error)
    yield Step("A d + B d²/2 = E at d = 2E/(A + √(A² + 2BE))", missing == 0)
    yield Step("A d + B d²/2 grows", bool(sp.diff(length * d + bend * d**2 / 2, d).is_positive))
    yield Step("the root is positive", bool(sp.sympify(claimed).is_positive))


# -------------------------------------------------------------------------------------- the claim


def _offset_only(pooled: Vector, readout: Vector, spread: Scalar, bias: int) -> Any:
    """Wrong: as if a weight moved the answer by no more than itself."""
    return 1 + 0 * spread


def _readout_only(pooled: Vector, readout: Vector, spread: Scalar, bias: int) -> Any:
    """Wrong: filters and their biases do not move the answer to first order."""
    return linear(pooled, readout, 0 * spread, bias)


def _no_first_order(pooled: Vector, readout: Vector, spread: Scalar, bias: int) -> Any:
    """Wrong: only products of two moves count."""
    return 0 * spread


def _unsquared(steepest: Scalar, wide: Scalar) -> Any:
    """Wrong: Λ for Λ²."""
    return steepest * wide


def _without_slope(steepest: Scalar, wide: Scalar) -> Any:
    """Wrong: as if Λ were 1."""
    return wide


CLAIM: Claim[Nearness] = Claim(
    id="nearest",
    title="No exact network is nearer than the worst error allows",
    statement=(
        r"|\hat r_{x_0} - r| = E, \ \hat r_x \text{ exact} \implies |x - x_0| \ge \frac{2E}{A +"
        r" \sqrt{A^2 + 2BE}}, \qquad"
        r"A^2 = [c] + \sum_k \left(p_k^2 + (\Lambda G a_k)^2\right), \quad B = \Lambda G, \quad G^2"
        r" = \frac{n (2r)^2 + [b]\,P^2}{\text{share}^2}"
    ),
    assumptions=(
        (
            r"$\sigma$ has the Lipschitz constant $\Lambda$; any $n$, $K$, any real radius $r$; the"
            r" distance is Euclidean in all stored weights; $[b]$, $[c]$ are 1 where that bias is"
            r" stored, else 0"
        ),
        (
            r"$p_k$ is the pooled response $\frac{1}{\text{share}}\sum_i \sigma(z_{k,i} + b_k)$ of"
            r" $x_0$ at $r$; share is 1 for a sum and $P$, the positions, for a mean; zero,"
            r" circular or valid padding"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("no weight moves the answer by more than itself", replace(LAW, linear=_offset_only)),
        Wrong("filters do not count to first order", replace(LAW, linear=_readout_only)),
        Wrong("only products of two moves count", replace(LAW, linear=_no_first_order)),
        Wrong("Λ where Λ² belongs", replace(LAW, spread=_unsquared)),
        Wrong("as if every Λ were 1", replace(LAW, spread=_without_slope)),
    ),
    requires=("extremes",),
)
