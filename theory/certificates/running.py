r"""The network as it runs: a bound on |r̂ as computed - r̂| at every radius, by γ_k = ku/(1 - ku).

Every operation rounds by at most u: fl(y) = y(1 + δ), |δ| <= u.  k factors 1 + δ, or their
reciprocals, are off from 1 by at most γ_k, and k terms summed in any order have at most k - 1
factors each.  So, with Z = Σ|w| + |b|, and M and Λ bounds of |σ| and of its slope as far as Z +
moved,

    moved   = γ_{n+2} Z                       pixel and product rounded, n additions; 0 in the dark
    seen    = Λ moved + γ_8 M                 σ; γ_8 M in the dark
    off     = Q Λ moved + P γ_8 M,  plus γ_{P+1} (P M + that)      P positions, Q of them see light
    |r̂_fl - r̂| <= Σ|a| off + γ_{K+1} (Σ|a| (P M + off) + |c|).

Derivation: docs/certificates/running.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp
from sympy.polys.rings import PolyElement, ring

from theory.certificates.rounding import Computed, in_every_order, in_order, rounded_once
from theory.claim import Claim, Proof, Step, Wrong
from theory.pulse.network import preactivations, taps
from theory.pulse.signal import HALF, pulse
from theory.types import Scalar, Vector

__all__ = ["CLAIM", "LAW", "Running", "Sizes", "bound", "gamma", "lit"]

Gamma = Callable[[int], Any]
"""k -> γ_k for one u."""
Respond = Callable[[Any], tuple[Any, Any]]
"""reach -> (M, Λ) on [-reach, reach]: Σ|coefficient| reach^j and the same of the derivative, the
largest of σ's pieces.
"""


@dataclass(frozen=True)
class Sizes:
    """What the bound asks of a network, its signal and the largest radius.

    Attributes
    ----------
    taps, positions, radius: n, P, and the largest r.
    filters: Z_k = Σ|w_k| + |b_k| per channel.  readout: |a_k|, for a sum.  offset: |c|.
    respond: reach -> (M, Λ).
    """

    taps: int
    positions: int
    radius: Scalar
    filters: tuple[Scalar, ...]
    readout: tuple[Scalar, ...]
    offset: Scalar
    respond: Respond


def gamma(k: Scalar, u: Scalar) -> Any:
    """γ_k = k u / (1 - k u), for k u < 1."""
    return k * u / (1 - k * u)


def lit(positions: int, radius: Scalar, n: int) -> int:
    """How many positions see light, at most: ⌈2r⌉ + 1 pixels with light, n - 1 more, and one to
    spare.
    """
    return min(positions, math.ceil(2 * radius) + n + 1)


def argument(n: int, reach: Scalar, g: Gamma) -> Any:
    """How far Σ w x + b as computed is off, |w|, |b| adding up to ``reach``."""
    return g(n + 2) * reach


def response(size: Scalar, g: Gamma) -> Any:
    """How far σ as computed is off from σ of the same argument, its terms adding up to ``size``."""
    return g(8) * size


def pooled(positions: int, size: Scalar, off: Scalar, g: Gamma) -> Any:
    """How far the sum, or the mean times P, is off: ``off`` for what is summed; P - 1 additions,
    1/P, and a product.
    """
    return off + g(positions + 1) * (positions * size + off)


def answer(sizes: Sizes, values: Vector, offs: Vector, g: Gamma) -> Any:
    """How far r̂ is off, its pooled responses at most ``values`` (K,) and off by ``offs`` (K,): a
    product, K additions.
    """
    total = carried = 0 * sizes.offset
    for a, value, off in zip(sizes.readout, values, offs, strict=True):
        total = total + a * off
        carried = carried + a * (value + off)
    return total + g(len(offs) + 1) * (carried + sizes.offset)


@dataclass(frozen=True)
class Running:
    """The law: γ, the positions that see light, and what each layer adds."""

    gamma: Callable[[Scalar, Scalar], Any]
    lit: Callable[[int, Scalar, int], int]
    argument: Callable[[int, Scalar, Gamma], Any]
    response: Callable[[Scalar, Gamma], Any]
    pooled: Callable[[int, Scalar, Scalar, Gamma], Any]
    answer: Callable[[Sizes, Vector, Vector, Gamma], Any]


LAW = Running(gamma, lit, argument, response, pooled, answer)
"""The law as derived; wrong laws replace one of its parts."""


def bound(law: Running, sizes: Sizes, g: Gamma) -> Any:
    """The layers one after the other."""
    positions, values, offs = sizes.positions, [], []
    seen = law.lit(positions, sizes.radius, sizes.taps)
    for reach in sizes.filters:
        moved = law.argument(sizes.taps, reach, g)
        size, steep = sizes.respond(reach + moved)
        off = seen * steep * moved + positions * law.response(size, g)
        values.append(positions * size)
        offs.append(law.pooled(positions, size, off, g))
    return law.answer(sizes, values, offs, g)


# ------------------------------------------------------------------------------------------ proof

FACTORS = 64
PROVED_TAPS = (1, 3, 5)


def prove(law: Running) -> Proof:
    """γ against binomials, then every layer against the errors of its operations, one by one,
    coefficient by coefficient.
    """
    covers = (
        f"γ_k for all k as identities and for k = 1 to {FACTORS} in numbers; any weights, for n ="
        " 1, 3, 5 taps, 1 to 5 positions and 1 to 3 channels, summed along every binary tree;"
        " pieces of degree 1, 2 and 3 by Horner's rule; light counted at r = m - 1/2 + φ, m = 1 to"
        " h + 2; whole networks of n = 1 and 3 from the pixels to the answer; no index of a γ can"
        " be smaller, with n, P, K = 1 and 3; in numbers that is tested for n + 2 and K + 1, on"
        " trained networks for K + 1 only"
    )
    return Proof(_steps(law), covers)


def _steps(law: Running) -> Iterator[Step]:
    """Those with few symbols first."""
    for part in (_exact_without_rounding, _response, _answer, _argument, _pooled, _factors):
        yield from part(law)
    for part in (_lit, _least, _whole):
        yield from part(law)


def _series(law: Running, k: int, order: int) -> list[Any]:
    """The Taylor coefficients of γ_k in u, from degree 0 to ``order``."""
    u = sp.Symbol("u")
    over, under = (sp.Poly(part, u) for part in sp.fraction(sp.together(law.gamma(k, u))))
    top, bottom = (part.all_coeffs()[::-1] for part in (over, under))
    coefficients: list[Any] = []
    for j in range(order + 1):
        remainder = top[j] if j < len(top) else sp.Integer(0)
        remainder -= sum(
            bottom[i] * coefficients[j - i] for i in range(1, min(j, len(bottom) - 1) + 1)
        )
        coefficients.append(remainder / bottom[0])
    return coefficients


def _factors(law: Running) -> Iterator[Step]:
    """Σ_j C(k, j) u^j, its reciprocal twin, and Bernoulli's k u, all below Σ_j (k u)^j."""
    k, j, u = sp.symbols("k j u", positive=True)
    g = law.gamma(k, u)
    # C(k, j) = C(k, j-1) (k-j+1)/j and C(k+j-1, j) = C(k+j-2, j-1) (k+j-1)/j: each falls behind k
    # times the one before.
    products = sp.cancel(k - (k - j + 1) / j - (j - 1) * (k + 1) / j)
    quotients = sp.cancel(k - (k + j - 1) / j - (j - 1) * (k - 1) / j)
    yield Step(
        "γ_k = k u + k u γ_k, so its coefficients are k^j", sp.cancel(k * u + k * u * g - g) == 0
    )
    yield Step("k C(k, j-1) - C(k, j) = C(k, j-1) (j-1)(k+1)/j", products == 0)
    yield Step("k C(k+j-2, j-1) - C(k+j-1, j) = C(k+j-2, j-1) (j-1)(k-1)/j", quotients == 0)
    # (1 - u)^(k+1) >= (1 - k u)(1 - u) = 1 - (k+1) u + k u²; and (1 + u)(1 - u) <= 1 puts each
    # factor between.
    kept = sp.expand((1 - k * u) * (1 - u) - (1 - (k + 1) * u) - k * u**2)
    yield Step("Bernoulli: one more factor takes at most u more", kept == 0)
    between = sp.expand(1 - (1 + u) * (1 - u) - u**2)
    yield Step("1 - u <= 1/(1 + u) and 1 + u <= 1/(1 - u)", between == 0)
    for count in range(1, FACTORS + 1):
        coefficients = _series(law, count, count)
        below = all(
            coefficients[i] >= max(sp.binomial(count, i), sp.binomial(count + i - 1, i))
            for i in range(1, count + 1)
        )
        yield Step(
            f"coefficients of {count} factors below those of γ_{count}, up to u^{count}", below
        )


def _lit(law: Running) -> Iterator[Step]:
    """Windows of the pulse that hold a pixel with light, counted."""
    for n in PROVED_TAPS:
        for m in range(1, n // 2 + 3):
            good = True
            for part in (sp.Integer(0), sp.Rational(1, 8), HALF, sp.Rational(7, 8), sp.Integer(1)):
                z = preactivations(taps(n), pulse(m, part, m + n))
                count = sum(value != 0 for value in z)
                good = good and count <= law.lit(len(z), m - HALF + part, n) <= count + 2
                good = good and law.lit(count, m - HALF + part, n) == count
            yield Step(f"positions that see light, at most 2 too many, n = {n}, m = {m}", good)


class _Symbols:
    """u and sizes as generators of one ring, and γ_k in it, cut off: what is cut off is not
    negative.
    """

    def __init__(self, law: Running, names: str, order: int) -> None:
        self.ring, self.u, *self.sizes = ring(f"u,{names}", sp.QQ)
        self.law, self.order = law, order
        self.known: dict[int, Any] = {}

    def gamma(self, k: int) -> Any:
        """γ_k up to degree ``order`` in u."""
        if k not in self.known:
            terms = enumerate(_series(self.law, k, self.order))
            value = sum(
                (self.ring(sp.QQ.from_sympy(x)) * self.u**j for j, x in terms), self.ring(0)
            )
            self.known[k] = value
        return self.known[k]


def _below(error: PolyElement, claimed: PolyElement) -> bool:
    """Coefficient by coefficient, so for all sizes and all u."""
    return all(x >= 0 for x in (claimed - error).coeffs())


def _argument(law: Running) -> Iterator[Step]:
    """Pixels in [0, 1], rounded; products; the sum with the bias along every tree."""
    for n in PROVED_TAPS:
        s = _Symbols(law, ",".join([*(f"w{u}" for u in range(n)), "b"]), n + 2)
        *w, b = s.sizes
        unit = s.ring(1)
        products = [rounded_once(unit, s.u).times(Computed(tap, s.ring(0)), s.u) for tap in w]
        errors = {x.error for x in in_every_order([*products, Computed(b, s.ring(0))], s.u)}
        claimed = law.argument(n, sum(w, b), s.gamma)
        yield Step(
            f"the argument of σ, n = {n}, every order of summation",
            all(_below(x, claimed) for x in errors),
        )


def _horner(coefficients: Vector, value: Computed, u: Scalar) -> Computed:
    """(… (s_d z + s_{d-1}) z + …) z + s_0 with rounded constants."""
    *lower, total = (rounded_once(s, u) for s in coefficients)
    for s in reversed(lower):
        total = total.times(value, u).plus(s, u)
    return total


def _polynomial(coefficients: Vector) -> Respond:
    """M and Λ of one piece."""

    def respond(reach: Scalar) -> tuple[Any, Any]:
        size = sum((s * reach**j for j, s in enumerate(coefficients)), 0 * reach)
        steep = (j * s * reach ** (j - 1) for j, s in enumerate(coefficients) if j)
        return size, sum(steep, 0 * reach)

    return respond


def _response(law: Running) -> Iterator[Step]:
    """A term with the eight roundings that are allowed; pieces of degree 1 to 3: their own, and
    what a moved argument changes.
    """
    s = _Symbols(law, "s", 9)
    (term,) = s.sizes
    rounded = Computed(term, s.ring(0))
    for _ in range(8):
        rounded = Computed(term, rounded.error + s.u * (term + rounded.error))
    yield Step("a term with eight roundings", _below(rounded.error, law.response(term, s.gamma)))
    for degree in (1, 2, 3):
        names = ",".join([*(f"s{j}" for j in range(degree + 1)), "x,y"])
        s = _Symbols(law, names, 2 * degree + 1)
        *coefficients, x, y = s.sizes
        respond = _polynomial(coefficients)
        (size, steep), other = respond(x), respond(y)[0]
        own = _horner(coefficients, Computed(x, s.ring(0)), s.u).error
        yield Step(
            f"a piece of degree {degree} as computed", _below(own, law.response(size, s.gamma))
        )
        # (p(x) - p(y))/(x - y) has the coefficients of Λ with x and y in place of the reach.
        slope, remainder = divmod(size - other, x - y)
        positive = all(value >= 0 for value in slope.coeffs())
        same = slope.compose(y, x) == steep
        yield Step(
            f"a piece of degree {degree} moves by Λ times its argument",
            remainder == 0 and positive and same,
        )


def _pooled(law: Running) -> Iterator[Step]:
    """1 to 5 values, some in the light and the others in the dark; sum, and mean times P."""
    for positions in range(1, 6):
        s = _Symbols(law, "M,t,o", positions + 2)
        size, moved, own = s.sizes
        good = True
        for count in range(positions + 1):
            values = [Computed(size, own + moved * int(i < count)) for i in range(positions)]
            off = count * moved + positions * own
            claimed = law.pooled(positions, size, off, s.gamma)
            for total in in_every_order(values, s.u):
                # Times P: the sum divided by P, or multiplied by a rounded 1/P.
                mean = total.error + s.u * (total.size + total.error)
                product = total.times(rounded_once(s.ring(1), s.u), s.u).error
                good = good and all(_below(x, claimed) for x in (total.error, mean, product))
        yield Step(f"pooling {positions} positions, sum and mean", good)


def _answer(law: Running) -> Iterator[Step]:
    for channels in (1, 2, 3):
        names = [f"{x}{k}" for x in "avf" for k in range(channels)]
        s = _Symbols(law, ",".join([*names, "c"]), channels + 4)
        *values, c = s.sizes
        a, v, f = (values[i * channels : (i + 1) * channels] for i in range(3))
        sizes = Sizes(1, 1, sp.Integer(1), (), tuple(a), c, _polynomial([c]))
        terms = [
            Computed(x, s.ring(0)).times(Computed(y, e), s.u)
            for x, y, e in zip(a, v, f, strict=True)
        ]
        claimed = law.answer(sizes, v, f, s.gamma)
        sums = in_every_order([*terms, Computed(c, s.ring(0))], s.u)
        yield Step(
            f"the answer of {channels} channels, every order of summation",
            all(_below(x.error, claimed) for x in sums),
        )


def _whole(law: Running) -> Iterator[Step]:
    """From the pixels to the answer, one operation after the other."""
    for n, channels, degree in ((1, 1, 1), (1, 2, 2), (3, 1, 1), (3, 1, 2)):
        coefficients = [f"s{j}" for j in range(degree + 1)]
        weights = [
            f"{x}{k}" for k in range(channels) for x in ("a", "b", *(f"w{u}_" for u in range(n)))
        ]
        s = _Symbols(law, ",".join(["c", *coefficients, *weights]), 2 * n + 6 * degree + 8)
        c, *letters = s.sizes
        shape, letters = letters[: degree + 1], letters[degree + 1 :]
        rows = [letters[i : i + n + 2] for i in range(0, len(letters), n + 2)]
        half_length = n // 2 + 1
        pixels = [
            rounded_once(s.ring(1), s.u) if x else Computed(s.ring(0), s.ring(0))
            for x in pulse(1, HALF, half_length)
        ]
        positions = len(pixels)
        terms = []
        for a, b, *w in rows:
            responses = []
            for i in range(positions):
                lit_taps = [
                    pixels[i + u - n // 2].times(Computed(w[u], s.ring(0)), s.u)
                    for u in range(n)
                    if 0 <= i + u - n // 2 < positions
                ]
                z = in_order([*lit_taps, Computed(b, s.ring(0))], s.u)
                responses.append(_horner(shape, z, s.u))
            terms.append(Computed(a, s.ring(0)).times(in_order(responses, s.u), s.u))
        total = in_order([*terms, Computed(c, s.ring(0))], s.u)
        sizes = Sizes(
            n, positions, sp.Integer(1), tuple(sum(w, b) for _, b, *w in rows),
            tuple(a for a, *_ in rows), c, _polynomial(shape),
        )  # fmt: skip
        claimed = bound(law, sizes, s.gamma)
        yield Step(
            f"whole network, n = {n}, {channels} channels, degree {degree}",
            _below(total.error, claimed),
        )


def _exact_without_rounding(law: Running) -> Iterator[Step]:
    """Where every γ is 0, a layer hands on what comes in, and adds nothing."""
    s = _Symbols(law, "a,M,o,c", 1)
    a, size, off, c = s.sizes
    zero = s.ring(0)

    def none(k: int) -> PolyElement:
        return zero

    sizes = Sizes(1, 1, sp.Integer(1), (), (a,), c, _polynomial([c]))
    added = (
        law.argument(3, size, none),
        law.response(size, none),
        law.pooled(4, size, off, none) - off,
        law.answer(sizes, [size], [off], none) - a * off,
    )
    yield Step("without rounding nothing is added", not any(added))


def _one_less(g: Gamma) -> Gamma:
    """γ_{k-1} in the place of γ_k."""
    return lambda k: g(k - 1)


def _least(law: Running) -> Iterator[Step]:
    """With γ_{k-1} in the place of γ_k every layer errs by more, for some order of
    its operations.
    """
    for n in (1, 3):
        s = _Symbols(law, ",".join([*(f"w{u}" for u in range(n)), "b"]), n + 2)
        *w, b = s.sizes
        unit, zero = s.ring(1), s.ring(0)
        less = _one_less(s.gamma)
        products = [rounded_once(unit, s.u).times(Computed(tap, zero), s.u) for tap in w]
        sums = in_every_order([*products, Computed(b, zero)], s.u)
        claimed = law.argument(n, sum(w, b), less)
        yield Step(f"γ of the argument, n = {n}", not all(_below(x.error, claimed) for x in sums))
        sums = in_every_order([Computed(b, zero)] * n, s.u)
        means = [total.times(rounded_once(unit, s.u), s.u).error for total in sums]
        claimed = law.pooled(n, b, zero, less)
        yield Step(f"γ of {n} positions", not all(_below(x, claimed) for x in means))
        terms = [Computed(tap, zero).times(Computed(unit, zero), s.u) for tap in w]
        sizes = Sizes(1, 1, sp.Integer(1), (), tuple(w), b, _polynomial([b]))
        claimed = law.answer(sizes, [unit] * n, [zero] * n, less)
        sums = in_every_order([*terms, Computed(b, zero)], s.u)
        yield Step(f"γ of {n} channels", not all(_below(x.error, claimed) for x in sums))
    s = _Symbols(law, "s", 9)
    (term,) = s.sizes
    claimed = law.response(term, _one_less(s.gamma))
    yield Step("γ of σ", not _below(sum(8 * [s.u * term], s.ring(0)), claimed))


# -------------------------------------------------------------------------------------- the claim


def _as_float64(k: Scalar, u: Scalar) -> Any:
    """Wrong: 29 bits more than there are, as if float32 were float64."""
    return gamma(k, u / 2**29)


def _second_order(k: Scalar, u: Scalar) -> Any:
    """Wrong: to first order the roundings cancel."""
    return (k * u) ** 2 / (1 - k * u)


def _one_short(sizes: Sizes, values: Vector, offs: Vector, g: Gamma) -> Any:
    """Wrong: one rounding less in the readout."""
    return answer(sizes, values, offs, lambda k: g(k - 1))


def _last(sizes: Sizes, values: Vector, offs: Vector, g: Gamma) -> Any:
    """Wrong: the answer is right but for its own rounding."""
    return g(1) * sizes.radius


CLAIM: Claim[Running] = Claim(
    id="running",
    title="The network as it runs: how far floating point may be from real arithmetic",
    statement=(
        r"\left|\hat r_{\mathrm{fl}} - \hat r\right| \le \sum_k |a_k|\,\varepsilon_k +"
        r" \gamma_{K+1}\Big(\sum_k |a_k| (P M_k + \varepsilon_k) + |c|\Big), \qquad"
        r"\varepsilon_k = \eta_k + \gamma_{P+1}\,(P M_k + \eta_k), \quad \eta_k ="
        r" Q\,\Lambda_k\,\gamma_{n+2} Z_k + P\,\gamma_8 M_k, \qquad"
        r"\gamma_j = \frac{j u}{1 - j u}, \quad Z_k = \sum_u |w_{k,u}| + |b_k|"
    ),
    assumptions=(
        (
            r"every operation rounds by at most $u$, $\mathrm{fl}(y) = y(1+\delta)$, without"
            r" overflow or underflow; sums in any order, products fused or not; $\gamma$'s index"
            r" times $u$ below 1"
        ),
        (
            r"$\sigma$ is continuous, made of polynomials, computed with at most eight roundings on"
            r" each of their terms (Horner's rule up to degree 3, constants rounded once); on $|z|"
            r" \le Z_k(1 + \gamma_{n+2})$ the terms of each piece add up to at most $M_k$ in"
            r" absolute value, those of its derivative to $\Lambda_k$"
        ),
        (
            r"$P$ positions, of which $Q \le \lceil 2r \rceil + n + 1$ see light; pixels rounded"
            r" once; any $n$, $K$, any radius"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong(
            "float32 rounds as finely as float64",
            Running(_as_float64, lit, argument, response, pooled, answer),
        ),
        Wrong(
            "roundings cancel to first order",
            Running(_second_order, lit, argument, response, pooled, answer),
        ),
        Wrong("one rounding less in the readout", replace(LAW, answer=_one_short)),
        Wrong(
            "only the last rounding counts", Running(gamma, lit, argument, response, pooled, _last)
        ),
    ),
    requires=("extremes",),
)
