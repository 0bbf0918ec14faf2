r"""Rates: how small the loss of one channel is when its staircase is short, with exact constants.

The law has four parts: the centre c = b + S/2 at which σ is expanded, the two expansions

    Δ = s_1 S + s_3 S³/4 + s_5 S⁵/16 + ...,
    D = d_E E + d_O O + 2 s_4 p_4 E² - s_5 p_5 EO + ...

of :mod:`theory.shape.rates.expansion`, and the loss L = (V v - q²)/(4Δ²V + 4Δq + v) of
:mod:`theory.shape.rates.leading`.  The proof takes the expansions from the sub-pixel law and the
loss from the readout, and finds the leading terms as limits S -> 0:

    away from inflections L ~ S²;  at an inflection L ~ S⁴;
    and with Σ w_u³ -> 0 L ~ S⁶, or S⁸ when s_4 = 0.

All orders in S are those of a fixed shape w/S: w = (√S, S, -√S) has the height S, and D ~ S.
Derivation: docs/shape/rates.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp
from sympy.polys.fields import FracField
from sympy.polys.rings import PolyElement, PolyRing

from theory.claim import Claim, Proof, Step, Wrong
from theory.expressions.activation import ACTIVATIONS, z
from theory.pulse.network import taps
from theory.pulse.plateau import slope as response_slope
from theory.pulse.readout import least_squares
from theory.pulse.signal import phi
from theory.pulse.staircase import to_taps
from theory.pulse.subpixel import deviation
from theory.shape.rates.expansion import (
    Basis,
    Moments,
    basis,
    centre,
    chord_slope,
    components,
    kinked_deviation,
    moments,
    signed_square,
)
from theory.shape.rates.leading import (
    CUBIC_FREE,
    CURVATURES,
    Spread,
    after_radius,
    curved_rate,
    free_filter_rate,
    inflection_rate,
    loss,
    remaining,
    spread,
)
from theory.types import Function, Scalar, Vector

__all__ = ["CLAIM", "LAW", "RateLaw"]


@dataclass(frozen=True)
class RateLaw:
    """The law: where σ is expanded, the two expansions, and the loss that they give."""

    centre: Callable[[Scalar, Scalar], Any]
    slope: Callable[[Vector, Scalar], Any]
    components: Callable[[Vector, Moments], tuple[Any, Any, Any, Any]]
    loss: Callable[[Scalar, Vector, Spread], Any]


LAW = RateLaw(centre, chord_slope, components, loss)
"""The law as derived; wrong laws replace one of its parts."""


# --- proof ------------------------------------------------------------------------------------

PROVED_TAPS = (1, 3, 5)
ORDERS = (1, 2, 3, 4, 5)


def prove(law: RateLaw) -> Proof:
    """Both expansions from the sub-pixel law, the loss from the readout, the rates as limits."""
    covers = (
        "both expansions for n = 1, 3, 5 taps, any weights and bias, all plateau radii, σ a"
        " polynomial of degree up to 5 (Taylor's remainder is bounded where it is used); orders in"
        " S at fixed shapes w/S; the loss for any covariances over the radii, the rates for φ in"
        " {t/4}, V = 5/4"
    )
    return Proof(_steps(law), covers)


def _steps(law: RateLaw) -> Iterator[Step]:
    """The steps that the law enters, then the lemmas beside it."""
    yield from _prove_expansion(law)
    yield from _prove_loss(law)
    yield from _prove_rates(law)
    yield from _prove_constants(spread, basis)
    yield from _prove_kink(kinked_deviation)
    yield from _prove_cubic_free()
    yield from _prove_curvatures()


def _decided_once(lemmas: Callable[..., Iterator[Step]]) -> Callable[..., tuple[Step, ...]]:
    """Lemmas that the law does not enter are decided once for the functions they are about, not
    again for every law.
    """
    return cache(lambda *functions: tuple(lemmas(*functions)))


def _units() -> Iterator[tuple[int, tuple[sp.Expr, ...]]]:
    for k in ORDERS:
        yield k, tuple(sp.Integer(j == k) for j in ORDERS)


def _prove_expansion(law: RateLaw) -> Iterator[Step]:
    """σ(x) = (x - c)^k, one order at a time: D and Δ are linear in σ."""
    b = sp.Symbol("b", real=True)
    for n in PROVED_TAPS:
        w = taps(n)
        for k, s in _units():

            def g(x: sp.Expr, n: int = n, w: tuple[sp.Symbol, ...] = w, k: int = k) -> sp.Expr:
                return (x + b - law.centre(b, sp.Add(*w))) ** k

            of = moments(w)
            claimed = sum(x * f for x, f in zip(law.components(s, of), basis(phi), strict=True))
            direct = to_taps(deviation(n, g), n)
            yield Step(f"D to order {k}, n = {n}", _vanishes(direct - claimed))
            direct = to_taps(response_slope(g), n)
            yield Step(f"Δ to order {k}, n = {n}", _vanishes(direct - law.slope(s, of.S)))


def _vanishes(expression: sp.Expr) -> bool:
    """A polynomial in its symbols is 0, decided in a polynomial ring: far faster than expanding a
    sum.
    """
    symbols = sorted(expression.free_symbols, key=str)
    return bool((PolyRing(symbols, sp.QQ).from_expr(expression) if symbols else expression) == 0)


def _equal(value: sp.Expr, other: sp.Expr) -> bool:
    """Two rational functions are the same."""
    return _vanishes(sp.numer(sp.together(value - other)))


def _prove_loss(law: RateLaw) -> Iterator[Step]:
    """The loss is the level of the least-squares readout; it is R/(λ² + R/V), λ the slope of D +
    2Δr on r.
    """
    delta, x, y = sp.symbols("Delta x y", real=True)
    v, cov1, cov2, g11, g12, g22 = sp.symbols("V c1 c2 g11 g12 g22", real=True)
    over = Spread(v, (cov1, cov2), ((g11, g12), (g12, g22)))
    q, var = x * cov1 + y * cov2, x**2 * g11 + 2 * x * y * g12 + y**2 * g22
    level = least_squares(delta, 0, 0, v, 0, q, var).level
    claimed = law.loss(delta, (x, y), over)
    yield Step("the loss is the level of the best readout", _equal(claimed, level))
    left = after_radius(over)
    unexplained = x**2 * left[0][0] + 2 * x * y * left[0][1] + y**2 * left[1][1]
    steep = (2 * delta + q / v) ** 2
    yield Step("L (λ² + R/V) = R", _equal(claimed * (steep + unexplained / v), unexplained))
    m = sp.MatrixSymbol("m", 3, 3)
    whole = [[m[min(i, j), max(i, j)] for j in range(3)] for i in range(3)]
    for j in (1, 2):
        minor = [sp.Matrix(whole)[:k, :k].det() for k in (j, j + 1)]
        entries = {entry: sp.Symbol(f"m{k}") for k, entry in enumerate(sorted(m, key=str))}
        pair = (value.xreplace(entries) for value in (remaining(whole, j), minor[1] / minor[0]))
        yield Step(f"lemma: pivot {j} is a quotient of determinants", _equal(*pair))


@_decided_once
def _prove_constants(averages: Callable[[Vector, Scalar], Spread], parts: Basis) -> Iterator[Step]:
    """q -> oo: the sampled fractions t/q become uniform ones."""
    q, x, v = sp.symbols("q x V", positive=True)

    def mean(f: sp.Expr) -> sp.Expr:
        """Over x = t/q, t < q: Σ t^k = (B_{k+1}(q) - B_{k+1}(0))/(k + 1)."""
        powers = (
            c * (sp.bernoulli(k + 1, q) - sp.bernoulli(k + 1, 0)) / ((k + 1) * q ** (k + 1))
            for (k,), c in sp.Poly(f, x).terms()
        )
        return sp.expand(sp.Add(*powers))

    for name, f, variance, cov in (
        ("E", parts(x)[0], sp.Rational(1, 180), 0),
        ("O", parts(x)[1], sp.Rational(1, 210), sp.Rational(-1, 60)),
    ):
        cov_q, var_q = mean(f * x) - mean(f) * mean(x), mean(f * f) - mean(f) ** 2
        limits = tuple(sp.Poly(moment, 1 / q).nth(0) for moment in (var_q, cov_q))
        yield Step(f"lemma: Var {name} and Cov({name}, φ) for uniform φ", limits == (variance, cov))
        k = ("E", "O").index(name)
        over = averages([sp.Rational(i, 8) for i in range(8)], v)
        at_eight = (over.gram[k][k] - var_q.subs(q, 8), over.cov[k] - cov_q.subs(q, 8))
        yield Step(f"lemma: the same as sums over 8 fractions, {name}", at_eight == (0, 0))


RATE_FRACTIONS = (4,)
Element = Any
"""A rational function of the names below, with its arithmetic."""
_NAMES = ("e", "x1", "x2", "k", "p2", "p4", "p5", "m22", "m23", *(f"s{j}" for j in ORDERS))


def _prove_rates(law: RateLaw) -> Iterator[Step]:
    """The leading term of the loss at height e -> 0, and where c - t and Σ w³ make it smallest.

    c - t = x1 e^a + x2 e^(a+1), Σ w³ = k e^(3+a).  A stationary point in x1 and k is the minimum:
    the leading term is a positive quadratic form in them.
    """
    field = FracField(_NAMES, sp.QQ)
    e, x1, x2, k, p2, p4, p5, m22, m23, *s = field.gens
    flat = (s[0], field.zero, *s[2:])
    for count in RATE_FRACTIONS:
        over = spread([sp.QQ(i, count) for i in range(count)], sp.QQ(5, 4))
        among = f"{count} fractions"
        for n in PROVED_TAPS:
            mean = moments([e / n] * n)
            order, lead = _series(law, s, mean, x1 * e, over, 0)
            rate = curved_rate(s, n, over)
            name = f"S² where σ is curved, n = {n}, {among}"
            yield Step(name, order == rate.exponent == 2 and lead[0] == rate.constant)
            rate = inflection_rate(flat, n, over)
            order, lead = _series(law, flat, mean, x1 * e + x2 * e**2, over, 2)
            best = dict(zip((x1, x2), map(field, rate.offset), strict=True))
            name = f"S⁴ at an inflection, n = {n}, {among}"
            holds = order == rate.exponent == 4 and _at(lead[0], best) == rate.constant
            yield Step(name, holds)
            still = (lead[0].diff(x1), lead[2].diff(x2))
            moved = all(_at(value, best) == 0 for value in still)
            yield Step(f"the bias at an inflection, n = {n}, {among}", moved)
        for even, power in ((s[3], 1), (field.zero, 2)):
            coefficients = (s[0], field.zero, s[2], even, s[4])
            free = Moments(
                e, p2 * e**2, k * e ** (3 + power), p4 * e**4, p5 * e**5, m22 * e**4, m23 * e**5
            )
            order, lead = _series(law, coefficients, free, x1 * e ** (power + 1), over, 0)
            rate = free_filter_rate(coefficients, p4, p5, over)
            holds = order == rate.exponent and _smallest(lead[0], x1, k) == rate.constant
            yield Step(f"S^{rate.exponent} where Σ w³ -> 0, {among}", holds)


def _smallest(form: Element, x: Element, y: Element) -> Element:
    """The stationary value of a quadratic form in x and y, by Newton's step from 0, which ends
    there.
    """
    gradient = [form.diff(v) for v in (x, y)]
    (xx, xy), (_, yy) = ([g.diff(v) for v in (x, y)] for g in gradient)
    at_zero = [_at(g, {x: 0 * x, y: 0 * y}) for g in gradient]
    determinant = xx * yy - xy**2
    if determinant == 0:
        return form
    step = [
        (xy * at_zero[1] - yy * at_zero[0]) / determinant,
        (xy * at_zero[0] - xx * at_zero[1]) / determinant,
    ]
    return _at(form, {x: step[0], y: step[1]})


def _at(value: Element, places: dict[Element, Element]) -> Element:
    """A rational function with some of its names replaced."""
    field = value.field
    gens = [places.get(gen, gen) for gen in field.gens]
    parts = []
    for polynomial in (value.numer, value.denom):
        total = field.zero
        for powers, number in polynomial.terms():
            factors = (gen**power for gen, power in zip(gens, powers, strict=True) if power)
            total += math.prod(factors, start=field(number))
        parts.append(total)
    return parts[0] / parts[1]


def _series(
    law: RateLaw, s: Vector, of: Moments, shift: Scalar, over: Spread, further: int
) -> tuple[int, list[Element]]:
    """The order in S of the loss, and the first 1 + ``further`` coefficients of its series.

    σ(t + x) = Σ s_k x^k, and the centre is t + shift.
    """
    field = of.S.field
    coefficients = [
        sum((math.comb(j, k) * s[j - 1] * shift ** (j - k) for j in range(k, 6)), field.zero)
        for k in ORDERS
    ]
    value = law.loss(law.slope(coefficients, of.S), law.components(coefficients, of), over)
    above, below = _by_power(value.numer, field), _by_power(value.denom, field)
    first, start = min(above), min(below)
    series: list[Element] = []
    for j in range(further + 1):
        known = sum(
            (below.get(start + j - i, field.zero) * x for i, x in enumerate(series)), field.zero
        )
        series.append((above.get(first + j, field.zero) - known) / below[start])
    return first - start, series


def _by_power(polynomial: PolyElement, field: FracField) -> dict[int, Element]:
    """The coefficients of the powers of the first name, as rational functions of the others."""
    coefficients: dict[int, Element] = {}
    for (power, *powers), number in polynomial.terms():
        term = field.ring.from_dict({(0, *powers): number})
        coefficients[power] = coefficients.get(power, field.zero) + field(term)
    return coefficients


@_decided_once
def _prove_kink(bends: Callable[[Vector, Scalar, Scalar, Function], Any]) -> Iterator[Step]:
    """Where the second derivative jumps: the steps make up D, and one step through the kink,
    centred, bends by f.
    """
    whole, b = sp.Function("g", real=True), sp.Symbol("b", real=True)
    for n in PROVED_TAPS:
        w = taps(n)
        direct = to_taps(deviation(n, whole), n).replace(whole, lambda x: whole(sp.expand(x + b)))
        claimed = bends(w, b + sp.Add(*w) / 2, phi, lambda x: whole(sp.expand(x)))
        yield Step(f"lemma: D step by step, n = {n}", sp.expand(direct - claimed) == 0)
    height, s = sp.symbols("S s", positive=True)
    for where, fraction in (("before", 1 / (2 + 2 * s)), ("after", (1 + 2 * s) / (2 + 2 * s))):
        y = sp.factor(2 * fraction - 1)
        bent = bends([height], sp.Integer(0), fraction, lambda x: signed_square(sp.factor(x)))
        difference = bent - 2 * height**2 * (signed_square(y) - y) / 4
        yield Step(f"lemma: x|x| bends by 2 S² f, φ {where} 1/2", sp.simplify(difference) == 0)


@_decided_once
def _prove_cubic_free() -> Iterator[Step]:
    """Σ ω = 1, Σ ω³ = 0 and P = Σ ω² leave p_4 = (3P² - 6P + 1)/6 and p_5 = (1 - 5P)/6, and P >=
    P_0.
    """
    x, y, value = sp.symbols("x y P", real=True)
    w = (x, y, 1 - x - y)
    p2, p3, p4, p5 = (sp.expand(sum(tap**k for tap in w)) for k in (2, 3, 4, 5))
    for name, claimed in (("p4", p4 - (3 * p2**2 - 6 * p2 + 1) / 6), ("p5", p5 - (1 - 5 * p2) / 6)):
        yield Step(f"lemma: {name} by P", sp.rem(sp.expand(claimed), p3, x) == 0)
    cubic = x**3 - x**2 + (1 - value) / 2 * x - (1 - 3 * value) / 6
    bound = 3 * value**3 - 21 * value**2 + 9 * value - 1
    discriminant = sp.expand(sp.discriminant(cubic, x) - bound / 6) == 0
    yield Step("lemma: three real taps need 3P³ - 21P² + 9P - 1 >= 0", discriminant)
    smallest = sum(tap**2 for tap in CUBIC_FREE)
    roots = sp.Poly(bound, value).count_roots()
    minimal = sp.minimal_polynomial(smallest, value) == bound
    yield Step("lemma: equality for (1, 1, -∛2)/(2 - ∛2) alone", roots == 1 and minimal)
    sums = [sp.minimal_polynomial(sum(tap**k for tap in CUBIC_FREE), value) for k in (1, 3)]
    yield Step("lemma: its taps have sum 1 and Σ ω³ = 0", sums == [value - 1, value])


@_decided_once
def _prove_curvatures() -> Iterator[Step]:
    for name, curvature in CURVATURES.items():
        slope = ACTIVATIONS[name].derivative
        difference = (sp.diff(slope, z) - curvature * slope).rewrite(sp.exp)
        yield Step(f"lemma: σ''/σ' of {name}", sp.simplify(difference) == 0)


# --- controls ---------------------------------------------------------------------------------


def _far_centre(b: Scalar, height: Scalar) -> Any:
    """Wrong: S + β in place of S + 2β."""
    return b + height


def _three_thirds(s: Vector, of: Moments) -> tuple[Any, Any, Any, Any]:
    """Wrong: Σ w³ without its third."""
    even, odd, fourth, fifth = components(s, of)
    return even, odd + 2 * s[2] * of.p3, fourth, fifth


def _one_edge(s: Vector, of: Moments) -> tuple[Any, Any, Any, Any]:
    """Wrong: one edge bends, the other does not."""
    even, odd, fourth, fifth = components(s, of)
    return even / 2, odd / 2, fourth / 2, fifth / 2


def _noise(delta: Scalar, coefficients: Vector, over: Spread) -> Any:
    """Wrong: D is taken for uncorrelated with r."""
    return loss(delta, coefficients, Spread(over.V, tuple(0 * x for x in over.cov), over.gram))


CLAIM: Claim[RateLaw] = Claim(
    id="rates",
    title=(
        "Rates: how fast the loss falls with the height of the staircase, and where the bias goes"
    ),
    statement=(
        r"D = d_E E + d_O\, O + 2 s_4 p_4 E^2 - s_5 p_5\, EO + O(S^6), \qquad d_E = -2 s_2 p_2 -"
        r" s_4(12 m_{22} + p_4), \quad"
        r" d_O = s_3 p_3 + s_5(10 m_{23} + \tfrac12 p_5), \qquad"
        r" \Delta = s_1 S + \tfrac14 s_3 S^3 + \tfrac1{16} s_5 S^5 + O(S^7),"
        r" \qquad L = \frac{V v - q^2}{4\Delta^2 V + 4\Delta q + v}, \quad V = \mathrm{Var}\,r,"
        r" \quad q = \mathrm{Cov}(D, r), \quad v = \mathrm{Var}\,D"
    ),
    assumptions=(
        r"$K = 1$, plateau radii, $m + h \le L$, the best readout $(a, c)$",
        (
            r"$s_k = \sigma^{(k)}(b + S/2)/k!$; $p_k = \sum_u w_u^k$, $m_{ij} = \sum_u x_u^i w_u^j$"
            r" with $x_u$ the middle"
            r" of step $u$ less $S/2$; $E = \varphi(1-\varphi)$, $O = E\,(1-2\varphi)$"
        ),
        (
            r"$\sigma$ seven times continuously differentiable between the lowest and the highest"
            r" partial sum plus $b$"
        ),
        r"$O(S^6)$, $O(S^7)$: $S \to 0$ at a fixed centre and, for $D$, a fixed shape $w/S$",
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("the bias is measured by S + β", RateLaw(_far_centre, chord_slope, components, loss)),
        Wrong("Σ w³ without its third", RateLaw(centre, chord_slope, _three_thirds, loss)),
        Wrong("one edge instead of two", RateLaw(centre, chord_slope, _one_edge, loss)),
        Wrong("D is uncorrelated with r", RateLaw(centre, chord_slope, components, _noise)),
    ),
    requires=("readout",),
)
