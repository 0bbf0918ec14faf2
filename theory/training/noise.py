r"""Noisy pulses: how far the answer shrinks, what it costs, and the exact risk of ReLU.

Every pixel of x_r carries independent noise s N(0, 1), N pixels, circular padding.  On the linear
cell only θ = Σ a_k S_k
matters: r̂ = c + θ(2r + s Σξ), and the least risk is

    θ = 2V/(4V + Ns²),    c = (1 - 2θ) E r,    risk = V N s²/(4V + Ns²),    V = Var r.

With zero padding the pixels beside the border are weighed by partial sums; filters for which these
cancel there do
better: N - 2h takes the place of N.  ReLU's risk is a sum of moments of rectified Gaussians
    (theory/training/gaussian.py).
As s -> 0 one tap can silence the dark pixels (w > 0) or the lit ones (w < 0), whichever are more,
and nothing else: see :func:`silenced`.
Derivation: docs/training/noise.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.pulse.network import circular, preactivations, taps
from theory.pulse.signal import phi, pulse
from theory.training import gaussian
from theory.training.gaussian import SYMBOLIC, Normal
from theory.types import Scalar, Vector

__all__ = ["CLAIM", "LAW", "Noise", "angle", "linear_risk", "passing", "silenced"]


def angle(spread: Scalar, pixels: Scalar, noise: Scalar) -> Any:
    """θ = 2V/(4V + Ns²); 1/2 without noise."""
    return 2 * spread / (4 * spread + pixels * noise**2)


def linear_risk(spread: Scalar, pixels: Scalar, noise: Scalar) -> Any:
    """V N s²/(4V + Ns²): the least E(r̂ - r)² on the linear cell."""
    return spread * pixels * noise**2 / (4 * spread + pixels * noise**2)


def passing(x: Vector) -> tuple[int, int]:
    """How many pixels of a pulse x (N,) get past a threshold just above 0 with w > 0, and, with w <
    0, past one just below 1.
    """
    return sum(bool(value > 0) for value in x), sum(bool(value < 1) for value in x)


def silenced(count: Scalar, pixels: Scalar, bend: Scalar, threshold: Scalar, normal: Normal) -> Any:
    """[E k + (N - E k) v + (τ + ψ)² u]/N: risk over linear risk as s -> 0, one tap, the threshold
    τs before the silenced level.

    k(r) pixels pass, of mean ``count``; the others add noise of variance v = Var (ξ - τ)₊ instead
    of 1; ψ = E (ξ - τ)₊, and u = ``bend`` = min over α of Var(k - αr).
    """
    psi = gaussian.first(-threshold, 1, normal)
    rest = gaussian.second(-threshold, 1, normal) - psi**2
    return (count + (pixels - count) * rest + (threshold + psi) ** 2 * bend) / pixels


First = Callable[[Scalar, Scalar, Normal], Any]
Product = Callable[[Scalar, Scalar, Scalar, Scalar, Scalar, Normal], Any]


@dataclass(frozen=True)
class Noise:
    """The law: θ and the risk of the linear cell, the three moments of ReLU's risk, and what one
    tap silences as s -> 0.
    """

    angle: Callable[[Scalar, Scalar, Scalar], Any]
    linear_risk: Callable[[Scalar, Scalar, Scalar], Any]
    first: First
    second: Callable[[Scalar, Scalar, Normal], Any]
    product: Product
    passing: Callable[[Vector], tuple[int, ...]]
    silenced: Callable[[Scalar, Scalar, Scalar, Scalar, Normal], Any]


LAW = Noise(
    angle, linear_risk, gaussian.first, gaussian.second, gaussian.product, passing, silenced
)
"""The law as derived here."""
PROVED_TAPS = (1, 3, 5)


def prove(law: Noise) -> Proof:
    """What noise adds to the double sum; the least risk; the moments from the Gaussian density."""

    def steps() -> Iterator[Step]:
        yield from _least(law)
        yield from _silence(law)
        yield from _single(law)
        yield from _pair(law.product)
        yield from _kink()
        for n in PROVED_TAPS:
            yield from _sums(n)
            yield from _turned(n)

    covers = (
        "the noisy double sum for n = 1, 3, 5 on pulses with m = h + 1, both paddings; the least"
        " risk for every V, N, s; the moments for every mean, deviation and correlation; any radii;"
        " the limit of little noise for one tap of either sign, on radii among which are two"
        " half-integers, first order in s, on pulses with m = 1 and 3; that nothing with three taps"
        " or more has a closed form here is not claimed"
    )
    return Proof(steps(), covers)


def _sums(n: int) -> list[Step]:
    """The coefficient of every pixel's noise: S everywhere; with zero padding partial sums beside
    the border.
    """
    h, w = n // 2, taps(n)
    clean = pulse(h + 1, sp.Rational(1, 3), 3 * h + 3)
    xi = sp.symbols(f"xi0:{len(clean)}", real=True)
    noisy = [x + e for x, e in zip(clean, xi, strict=True)]
    total = sp.Add(*w)
    r = h + sp.Rational(1, 2) + sp.Rational(1, 3)
    round_sum = sp.expand(sp.Add(*circular(w, noisy)) - total * (2 * r + sp.Add(*xi)))
    zero_sum = sp.expand(sp.Add(*preactivations(w, noisy)))
    border = True
    for j, e in enumerate(xi):
        # Pixel j is seen by the taps u with j - u inside.
        inside = [w[u + h] for u in range(-h, h + 1) if 0 <= j - u < len(xi)]
        border = border and sp.expand(zero_sum.coeff(e) - sp.Add(*inside)) == 0
    partial = sum(len(xi) - h > j >= h for j in range(len(xi)))
    return [
        Step(f"circular: the sum is S(2r + Σξ), n = {n}", round_sum == 0),
        Step(
            f"zeros: N - 2h pixels count S, the others a partial sum, n = {n}",
            border and partial == len(xi) - 2 * h,
        ),
    ]


def _least(law: Noise) -> Iterator[Step]:
    """E(c + θ(2r + sΣξ) - r)² = (c - (1 - 2θ)μ)² + (2θ - 1)²V + θ²Ns², a quadratic form."""
    spread, pixels, noise = sp.symbols("V N s", positive=True)
    theta, c, mean, r, e = sp.symbols("theta c mu r Xi", real=True)
    error = sp.expand((c + theta * (2 * r + noise * e) - r) ** 2)
    # E r = μ, E r² = V + μ², E Ξ = 0, E Ξ² = N, independent.
    poly = sp.Poly(error, r, e)
    moments = {(0, 0): 1, (1, 0): mean, (2, 0): spread + mean**2, (0, 2): pixels}
    value = sp.Add(*(k * moments.get(power, 0) for power, k in poly.terms()))
    best = law.angle(spread, pixels, noise)
    form = (
        (c - (1 - 2 * theta) * mean) ** 2
        + (4 * spread + pixels * noise**2) * (theta - best) ** 2
        + law.linear_risk(spread, pixels, noise)
    )
    more = sp.Symbol("d", positive=True)
    falls = law.linear_risk(spread, pixels + more, noise) - law.linear_risk(spread, pixels, noise)
    yield Step("the risk is least at θ and c", sp.cancel(sp.together(value - form)) == 0)
    less = sp.factor(sp.together(falls)).is_positive is True
    yield Step("fewer noisy pixels, less risk", less)


def _single(law: Noise) -> Iterator[Step]:
    """Antiderivatives of z p(z) and z² p(z), and their values at 0 and far away."""
    mu, z = sp.symbols("mu z", real=True)
    sd = sp.Symbol("varsigma", positive=True)
    density = SYMBOLIC.pdf((z - mu) / sd) / sd
    below = SYMBOLIC.cdf((z - mu) / sd)
    first_moment = mu * below - sd**2 * density
    second_moment = (mu**2 + sd**2) * below - sd**2 * (z + mu) * density
    for name, inside, whole, power, claimed in (
        ("first", first_moment, mu, 1, law.first),
        ("second", second_moment, mu**2 + sd**2, 2, law.second),
    ):
        at_zero = inside.subs(z, 0)
        value = sp.simplify((whole - at_zero - claimed(mu, sd, SYMBOLIC)).rewrite(sp.erf)) == 0
        far = value and sp.simplify(sp.limit(inside, z, sp.oo) - whole) == 0
        yield Step(f"the {name} moment", value and far)
        slope = sp.simplify(sp.diff(inside, z) - z**power * density) == 0
        yield Step(f"the {name} moment's antiderivative", slope)


def _turned(n: int) -> list[Step]:
    """On a ring the filter -w with the bias S + b sees in x what w with b sees in 1 - x: dark and
    lit change places.
    """
    w, b = taps(n), sp.Symbol("b", real=True)
    x = pulse(n // 2 + 1, phi, 3 * (n // 2) + 3)
    there = [z + b for z in circular(w, [1 - value for value in x])]
    here = [z + b + sp.Add(*w) for z in circular([-tap for tap in w], x)]
    same = all(sp.expand(p - q) == 0 for p, q in zip(there, here, strict=True))
    return [Step(f"turned over, dark is lit, n = {n}", same)]


def _kink() -> list[Step]:
    """Without noise a threshold t in (0, 1) takes every pixel φ in (0, 1) below its chord: (φ - t)₊
    < φ (1 - t).

    With w < 0, (t - φ)₊ < t (1 - φ).  At half-integers nothing is grey: what that adds is no line
    in r if there are two.
    """
    q, d = sp.symbols("q d", positive=True)
    t = 1 / (1 + q)
    below, above = t / (1 + d), t + (1 - t) / (1 + d)
    bends = {
        "below": (-below * (1 - t), t - below - t * (1 - below)),
        "above": (above - t - above * (1 - t), -t * (1 - above)),
    }
    return [
        Step(
            f"a grey pixel {name} the threshold bends, any radius",
            all(sp.factor(bend).is_negative is True for bend in both),
        )
        for name, both in bends.items()
    ]


def _silence(law: Noise) -> Iterator[Step]:
    """A pixel at y > 0 passes the threshold τs but for terms beyond all orders: mean y - τs,
    variance s²; at 0 it adds sψ, s²v.
    """
    s, tau, mean, spread, cross, square = sp.symbols("s tau mu V C Q", real=True)
    psi, variance, size = sp.symbols("psi v N", real=True)
    for m, fraction in ((1, sp.Rational(1, 3)), (3, sp.Rational(1, 3)), (3, sp.Integer(0))):
        x = pulse(m, fraction, 4)
        counts = law.passing(x)
        r = m - sp.Rational(1, 2) + fraction
        good = len(counts) == 2
        for count, y, sign in zip(counts, (x, [1 - value for value in x]), (1, -1), strict=False):
            total = sp.Add(*(value - tau * s if value > 0 else s * psi for value in y))
            plain = 2 * r if sign > 0 else len(x) - 2 * r
            good = (
                good and sp.expand(total - plain - len(x) * s * psi + s * count * (tau + psi)) == 0
            )
        yield Step(f"either sign: what passes, and the mean, r = {r}", bool(good))
    # a = (1 + sβ)/2, f = 2r - s (τ + ψ) k and a constant: Var(af - r) + a² s² [k + (N - k) v], Var
    # r = V, Cov = C, Var k = Q.
    beta = sp.Symbol("beta", real=True)
    a = (1 + s * beta) / 2
    slope, bent = 2 * a - 1, a * s * (tau + psi)
    value = slope**2 * spread - 2 * slope * bent * cross + bent**2 * square
    value += a**2 * s**2 * (mean + (size - mean) * variance)
    order = sp.expand(value).coeff(s, 2)
    best = sp.solve(sp.diff(order, beta), beta)[0]
    # Φ and φ as letters: ψ and v are what the moments make of them.
    letters = replace(SYMBOLIC, cdf=sp.Function("Phi"), pdf=sp.Function("varphi"))
    claimed = law.silenced(mean, size, square - cross**2 / spread, tau, letters)
    first, second = (moment(-tau, 1, letters) for moment in (gaussian.first, gaussian.second))
    least = order.subs(beta, best).subs(
        {psi: first, variance: second - first**2}, simultaneous=True
    )
    linear = sp.diff(law.linear_risk(spread, size, s), s, 2).subs(s, 0) / 2
    same = sp.expand(sp.cancel(least / linear) - claimed) == 0
    yield Step("the risk to first order, any radii", same)


def _vanishes(expression: sp.Expr, rho: sp.Symbol) -> bool:
    """0: so is, with q² = 1 - ρ², the rational factor of every product of exponentials, Φ and Φ₂; a
    quick no where it is far from 0.
    """
    if _far_from_zero(expression):
        return False
    q, square = sp.Symbol("q", positive=True), 1 - rho**2

    def root(power: sp.Pow) -> sp.Expr:
        multiple = sp.cancel(power.base / square)
        return (multiple * q**2) ** power.exp if multiple.is_number else power

    plain = expression.replace(lambda x: x.is_Pow and x.base.has(rho), root)
    parts: dict[tuple[sp.Expr, sp.Expr], list[sp.Expr]] = {}
    for term in sp.Add.make_args(sp.expand(plain, power_exp=False)):
        exponent, other, rational = sp.Integer(0), sp.Integer(1), sp.Integer(1)
        for factor in sp.Mul.make_args(term):
            base, power = factor.as_base_exp()
            if base is sp.E:
                exponent += power
            elif factor.is_Rational or (factor.free_symbols and factor.is_rational_function()):
                rational *= factor
            else:
                other *= factor
        exponent = sp.cancel(sp.together(exponent.subs(q, sp.sqrt(square))))
        parts.setdefault((exponent, other), []).append(rational)
    relation = sp.Poly(q**2 - square, q)
    numerators = (sp.fraction(sp.together(sp.Add(*each)))[0] for each in parts.values())
    return all(sp.Poly(top, q).rem(relation).is_zero for top in numerators)


def _far_from_zero(expression: sp.Expr) -> bool:
    """At one point, in 30 digits, with any function in place of Φ₂."""
    symbols = sorted(expression.free_symbols, key=str)
    point = {symbol: sp.Rational(k + 2, 2 * k + 5) for k, symbol in enumerate(symbols)}
    plain = expression.replace(SYMBOLIC.bivariate, lambda x, y, rho: x + 2 * y + 3 * rho)
    return bool(abs(plain.xreplace(point).evalf(30)) > sp.Float("1e-15"))


def _pair(product: Product) -> Iterator[Step]:
    """E X₊Y₊: a product at ρ = 0; its slope in ρ is ςτΦ₂ (Price); and the derivatives that the
    gradient of the risk needs.
    """
    mu, nu, rho = sp.symbols("mu nu rho", real=True)
    sd, other = sp.symbols("varsigma tau", positive=True)
    normal = SYMBOLIC
    alpha, beta = mu / sd, nu / other
    both = normal.bivariate(alpha, beta, rho)
    q = sp.sqrt(1 - rho**2)
    slopes = {
        rho: gaussian.bivariate_density(alpha, beta, rho, normal),
        mu: normal.pdf(alpha) * normal.cdf((beta - rho * alpha) / q) / sd,
        sd: -mu / sd**2 * normal.pdf(alpha) * normal.cdf((beta - rho * alpha) / q),
    }

    def by(expression: sp.Expr, variable: sp.Symbol) -> sp.Expr:
        mark = sp.Dummy()
        plain = expression.subs(both, mark)
        chain = sp.diff(plain, mark) * slopes[variable]
        return (sp.diff(plain, variable) + chain).subs(mark, both)

    value = product(mu, nu, sd, other, rho, normal)
    alone = product(mu, nu, sd, other, sp.Integer(0), normal).replace(
        normal.bivariate, lambda x, y, _: normal.cdf(x) * normal.cdf(y)
    )
    apart = gaussian.first(mu, sd, normal) * gaussian.first(nu, other, normal)
    yield Step("E X₊Y₊ of independent X, Y", _vanishes(alone - apart, rho))
    slope = by(value, rho)
    yield Step("∂E X₊Y₊/∂ρ = ςτ Φ₂", _vanishes(slope - sd * other * both, rho))
    one_sided = gaussian.one_sided(mu, nu, sd, other, rho, normal)
    yield Step("∂E X₊Y₊/∂μ = E 1{X > 0} Y₊", _vanishes(by(value, mu) - one_sided, rho))
    # At a fixed covariance ρςτ, ς moves ρ.
    along = (by(value, sd) - rho / sd * slope) / (2 * sd)
    pinned = gaussian.pinned(mu, nu, sd, other, rho, normal) / 2
    yield Step("∂E X₊Y₊/∂ς² at a fixed covariance", _vanishes(along - pinned, rho))
    x, y = sp.symbols("x y", real=True)
    density = gaussian.bivariate_density(x, y, rho, normal)
    price = sp.simplify(sp.diff(density, rho) - sp.diff(density, x, y)) == 0
    yield Step("∂φ₂/∂ρ = ∂²φ₂/∂x∂y", bool(price))


def _unbiased(spread: Scalar, pixels: Scalar, noise: Scalar) -> Any:
    """Wrong: the slope of the noiseless network."""
    return angle(spread, pixels, 0 * noise)


def _lit_only(spread: Scalar, pixels: Scalar, noise: Scalar) -> Any:
    """Wrong: as if one pixel in two were dark and silent."""
    return linear_risk(spread, pixels / 2, noise)


def _dark_only(x: Vector) -> tuple[int, ...]:
    """Wrong: a threshold can silence nothing but the dark."""
    return passing(x)[:1]


def _no_edge(mean: Scalar, deviation: Scalar, normal: Normal) -> Any:
    """Wrong: the second moment without the term at the kink."""
    return (mean**2 + deviation**2) * normal.cdf(mean / deviation)


def _independent(
    mu: Scalar, nu: Scalar, deviation: Scalar, other: Scalar, rho: Scalar, normal: Normal
) -> Any:
    """Wrong: as if neighbouring positions saw independent noise."""
    return gaussian.first(mu, deviation, normal) * gaussian.first(nu, other, normal) + 0 * rho


CLAIM: Claim[Noise] = Claim(
    id="noise",
    title="Noisy pulses: how far the answer shrinks, and what a threshold buys",
    statement=(
        r"\theta = \frac{2V}{4V + N s^2}, \quad c = (1 - 2\theta)\,\mathrm{E} r, \quad"
        r" \mathrm{E}(\hat r - r)^2 = \frac{V N s^2}{4V + N s^2}"
        r" \qquad \mathrm{E} X_+ = \mu\Phi(\tfrac\mu\varsigma) +"
        r" \varsigma\varphi(\tfrac\mu\varsigma), \quad \mathrm{E} X_+^2 = (\mu^2 +"
        r" \varsigma^2)\Phi(\tfrac\mu\varsigma) + \mu\varsigma\varphi(\tfrac\mu\varsigma), \quad"
        r" \frac{\partial}{\partial\rho}\mathrm{E} X_+ Y_+ = \varsigma\tau\,\Phi_2"
        r" \qquad n = 1,\ s \to 0: \quad \frac{\text{risk, ReLU}}{\text{risk, linear}} \to"
        r" \min_{k,\,\tau} \frac1N\left[\mathrm{E} k + (N - \mathrm{E} k)\, v + (\tau + \psi)^2"
        r" \min_\alpha \mathrm{Var}(k - \alpha r)\right]"
    ),
    assumptions=(
        (
            r"independent noise $s\,\mathcal N(0, 1)$ on each of $N$ pixels, circular padding; $V ="
            r" \mathrm{Var}\, r$"
        ),
        (
            r"first line: linear cell, $\theta = \sum_k a_k S_k$; second line: pre-activations $X,"
            r" Y$ of ReLU with means $\mu, \nu$, deviations $\varsigma, \tau$, correlation $\rho$"
        ),
        (
            r"third line: one channel, two half-integers at least among the radii; $k(r)$ counts"
            r" the pixels above 0 (then $w > 0$, the dark is silenced) or those below 1 ($w < 0$,"
            r" the lit are): the less of the two; $\psi = \mathrm{E}(\xi - \tau)_+$, $v ="
            r" \mathrm{Var}(\xi - \tau)_+$"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("the slope of the noiseless network", replace(LAW, angle=_unbiased)),
        Wrong("only every other pixel is noisy", replace(LAW, linear_risk=_lit_only)),
        Wrong("the second moment without its edge", replace(LAW, second=_no_edge)),
        Wrong("only the dark can be silenced", replace(LAW, passing=_dark_only)),
        Wrong("neighbouring positions are independent", replace(LAW, product=_independent)),
    ),
    requires=("loss",),
)
