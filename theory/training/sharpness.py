r"""How steep the end is: the Hessian at every exact point, and the steps that can settle there.

At an exact network of the linear cell the residuals vanish, so the Hessian of L = E(r̂ - r)² is 2
E[∇r̂ ∇r̂ᵀ].  With g² = 4 Σ_k (S_k² + n a_k²), R = E r², μ = E r its nonzero eigenvalues are

    without c: λ = 2 R g²;     with c: the two with sum 2(R g² + 1) and product 4 g² (R - μ²);

all others are 0: they belong to the exact networks around.  After gradient flow g² = 4√n √(1 +
nUW), known from the start.  Gradient descent with momentum β settles only where η < 2(1 + β)/λ;
without momentum the error is multiplied by 1 - ηλ in each step.  Since g² >= 4√n, without c no
exact network is stable for η > 1/(4√n R).  At η = q/(4√n R) a balanced network, W = 0, takes s = 2θ
to s (1 + q (1 - s))²: at q = 1 it still settles, its loss like R/(4t).
Derivation: docs/training/sharpness.md.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain, product
from typing import Any, Protocol

import sympy as sp
from sympy.polys.matrices import DomainMatrix

from theory.claim import Claim, Proof, Step, Wrong
from theory.pulse.network import taps
from theory.pulse.signal import pulse
from theory.training import linear_cell
from theory.training.invariants import answer
from theory.types import Function, Scalar, Vector

__all__ = [
    "CLAIM",
    "LAW",
    "Sharpness",
    "flattest",
    "gain",
    "gain_from_start",
    "pair",
    "settles",
    "threshold",
    "turned",
]


def gain(sums: Vector, a: Vector, n: int) -> Any:
    """g² = 4 Σ (S_k² + n a_k²) = |∇(2θ)|², from S_k and a_k (K,)."""
    return sum(4 * (x * x + n * y * y) for x, y in zip(sums, a, strict=True))


def gain_from_start(big_u: Scalar, big_w: Scalar, root: Scalar, sqrt: Function) -> Any:
    """g² = 4√n √(1 + nUW) where gradient flow ends, from the U and W of its start."""
    return 4 * root * sqrt(1 + root**2 * big_u * big_w)


def pair(square: Scalar, second_moment: Scalar, mean: Scalar) -> tuple[Any, Any]:
    """(sum, product) of the two nonzero eigenvalues with c, for g², E r² and E r."""
    return 2 * (second_moment * square + 1), 4 * square * (second_moment - mean**2)


def threshold(largest: Scalar, momentum: Scalar = 0) -> Any:
    """2(1 + β)/λ: steps must be smaller to settle."""
    return 2 * (1 + momentum) / largest


def flattest(root: Scalar, second_moment: Scalar) -> Any:
    """1/(4√n R): the largest step, without c and momentum, at which some exact
    network is stable.
    """
    return 1 / (4 * root * second_moment)


def turned(s: Scalar, share: Scalar) -> Any:
    """s (1 + q (1 - s))²: where a step of q times the flattest one takes s = 2θ of a balanced
    network.
    """
    return s * (1 + share * (1 - s)) ** 2


def settles(share: Scalar) -> bool:
    """Whether balanced networks settle at q times the flattest step: q <= 1."""
    return bool(share <= 1)


class Threshold(Protocol):
    """The largest eigenvalue and, if there is one, the momentum -> the step that
    no longer settles.
    """

    def __call__(self, largest: Scalar, momentum: Scalar = 0) -> Any: ...


@dataclass(frozen=True)
class Sharpness:
    """The law: g² at an exact point and from the start, the eigenvalues with c, the threshold, and
    what is left at the flattest.
    """

    gain: Callable[[Vector, Vector, int], Any]
    gain_from_start: Callable[[Scalar, Scalar, Scalar, Function], Any]
    pair: Callable[[Scalar, Scalar, Scalar], tuple[Any, Any]]
    threshold: Threshold
    flattest: Callable[[Scalar, Scalar], Any]
    turned: Callable[[Scalar, Scalar], Any]
    settles: Callable[[Scalar], bool]


LAW = Sharpness(gain, gain_from_start, pair, threshold, flattest, turned, settles)
"""The law as derived here."""
MODELS = (
    (1, 1, False),
    (1, 1, True),
    (3, 1, False),
    (3, 2, False),
    (5, 1, False),
    (3, 1, True),
    (1, 2, True),
)
"""(n, K, with c) of the machine proof."""


def prove(law: Sharpness) -> Proof:
    """The Hessian from the double sum, its eigenvalues by identities between matrices, and one step
    near the end.
    """
    cheap = (_start, _one_step, _momentum, _flattest)
    steps = chain(
        (step for decide in cheap for step in decide(law)),
        (step for model in MODELS for step in _hessian(law, *model)),
    )
    covers = (
        "the Hessian at every exact point for two radii with any shares: n = 1, 3, 5 with K = 1, n"
        " = 3 with K = 2, without c; n = 1, 3 with K = 1, n = 1 with K = 2, with c; the rest for"
        " every U, W, n, R; what balanced networks do at the flattest step and on both sides of it"
    )
    return Proof(steps, covers)


def _hessian(law: Sharpness, n: int, channels: int, biased: bool) -> list[Step]:
    numbers = range(1, channels + 1)
    w = [taps(n, str(k)) for k in numbers]
    a = [sp.Symbol(f"a_{k}", real=True) for k in numbers]
    offset = sp.Symbol("c", real=True) if biased else sp.Integer(0)
    variables = [*(tap for row in w for tap in row), *a, *([offset] if biased else [])]
    ring = sp.QQ.poly_ring(*variables, sp.Symbol("p")).ring
    *x, share = ring.gens
    readouts = x[channels * n :][:channels]
    sums = [sum(x[k * n + 1 : (k + 1) * n], x[k * n]) for k in range(channels)]
    c = x[-1] if biased else ring.zero
    theta = sum(map(operator.mul, readouts, sums), ring.zero)
    size, h = len(x), n // 2
    loss, second, mean = ring.zero, ring.zero, ring.zero
    outer = [[ring.zero] * size for _ in x]
    bend = [[ring.zero] * size for _ in x]
    zero_there = True
    for weight, (m, part) in zip(
        (share, 1 - share), ((h + 1, sp.Rational(1, 4)), (h + 2, sp.Rational(1, 2))), strict=True
    ):
        r = m - sp.Rational(1, 2) + part
        pooled = answer(w, [sp.Integer(0)] * channels, a, offset, pulse(m, part, 3 * h + 3))
        given, r = ring.from_expr(pooled), sp.QQ.from_sympy(r)
        loss += weight * (given - r) ** 2
        slope = [given.diff(v) for v in x]
        for i, j in product(range(size), repeat=2):
            outer[i][j] += 2 * weight * slope[i] * slope[j]
            bend[i][j] += 2 * weight * (given - r) * slope[i].diff(x[j])
        zero_there = zero_there and given - r == r * (2 * theta - 1) + c
        second += weight * r**2
        mean += weight * r
    name = f"n = {n}, K = {channels}{', c' if biased else ''}"
    whole = all(
        loss.diff(x[i]).diff(x[j]) == outer[i][j] + bend[i][j]
        for i, j in product(range(size), repeat=2)
    )
    domain = ring.to_domain()
    matrix = DomainMatrix(outer, (size, size), domain)
    identity = DomainMatrix.eye(size, domain).to_dense()
    square = law.gain(sums, readouts, n)
    trace = sum((outer[i][i] for i in range(size)), ring.zero)
    squares = sum((value * value for row in outer for value in row), ring.zero)
    if biased:
        total, determinant = law.pair(square, second, mean)
        annihilated = matrix * (
            matrix * matrix - matrix * total + identity * domain.convert(determinant)
        )
        same = trace == total and squares == total**2 - 2 * determinant
    else:
        total = 2 * second * square
        annihilated = matrix * (matrix - identity * domain.convert(total))
        same = trace == total
    return [
        Step(f"the residuals are (2θ - 1) r + c, {name}", zero_there),
        Step(f"the Hessian, {name}", whole),
        Step(f"no other eigenvalues, {name}", annihilated.is_zero_matrix),
        Step(f"their sum and squares, {name}", bool(same)),
    ]


def _start(law: Sharpness) -> list[Step]:
    """g² = 4n Σ(a² + s²) = 2n (UE + W/E) at the E of the flow's end; never below 4√n."""
    big_u, root = sp.symbols("U rho", positive=True)
    big_w = sp.Symbol("W", nonnegative=True)
    e = linear_cell.stretch(big_u, big_w, root, sp.sqrt)
    square = 2 * root**2 * (big_u * e**2 + big_w)  # times E
    claimed = law.gain_from_start(big_u, big_w, root, sp.sqrt)
    u, v, x, y = sp.symbols("u v A B", real=True)
    a, sums = linear_cell.unfold([u], [v], root, x, y)
    by_cone = law.gain(sums, a, 1) - 4 * (sums[0] ** 2 + a[0] ** 2)
    part = 4 * (sums[0] ** 2 + root**2 * a[0] ** 2) - 2 * root**2 * ((u * x) ** 2 + (v * y) ** 2)
    return [
        Step("g² from U and W", sp.simplify(sp.expand(square - claimed * e)) == 0),
        Step("g² = 2n(UA² + WB²)", sp.expand(part) == 0 and sp.expand(by_cone) == 0),
        Step(
            "g² >= 4√n, with equality for W = 0",
            sp.simplify(claimed.subs(big_w, 0) - 4 * root) == 0
            and sp.expand((claimed / (4 * root)) ** 2 - 1 - root**2 * big_u * big_w) == 0,
        ),
    ]


def _one_step(law: Sharpness) -> list[Step]:
    """y = 1 - 2θ after a step, without c: exactly y(1 - ηκ[√n(UA² + WB²) + 2δθ]), δ = ηκy; at y = 0
    the factor is 1 - ηλ.
    """
    p, q, root, second, eta = sp.symbols("P Q rho R eta", positive=True)  # P = UA², Q = WB²
    theta = root * (p - q) / 4
    y = 1 - 2 * theta
    pace = 4 * root * second
    delta = eta * pace * y
    after = 1 - root * (p * (1 + delta) ** 2 - q * (1 - delta) ** 2) / 2
    factor = 1 - eta * pace * (root * (p + q) + 2 * delta * theta)
    largest = 2 * second * 2 * root**2 * (p + q)
    there = sp.simplify((factor - (1 - eta * largest)).subs(q, p - 2 / root))
    edge = factor.subs(eta, law.threshold(largest)).subs(q, p - 2 / root)
    return [
        Step("the error after a step", sp.expand(after - y * factor) == 0),
        Step("at the end a step multiplies it by 1 - ηλ", there == 0),
        Step("at the threshold by -1", sp.simplify(edge + 1) == 0),
    ]


def _momentum(law: Sharpness) -> list[Step]:
    """x₊ = (1 + β - ηλ) x - β x₋: both roots inside the circle iff |β| < 1, p(1) > 0 and p(-1) > 0
    (Schur and Cohn).
    """
    largest, eta = sp.symbols("lambda eta", positive=True)
    beta = sp.Symbol("beta", nonnegative=True)
    z = sp.Symbol("z")
    companion = sp.Matrix([[1 + beta - eta * largest, -beta], [1, 0]])
    p = companion.charpoly(z).as_expr()
    edge = sp.expand(p.subs(z, -1))
    bound = law.threshold(largest, beta)
    return [
        Step("p(1) = ηλ > 0", sp.expand(p.subs(z, 1)) == eta * largest),
        Step("p(0) = β < 1", sp.expand(p.subs(z, 0) - beta) == 0),
        Step("p(-1) = λ (threshold - η)", sp.simplify(edge - largest * (bound - eta)) == 0),
        Step("without momentum 2/λ", sp.simplify(law.threshold(largest) - 2 / largest) == 0),
    ]


def _flattest(law: Sharpness) -> list[Step]:
    """W = 0: θ = √n P/4 with P -> P (1 + δ)², δ = ηκ(1 - 2θ).  The map of s = 2θ has the fixed
    point 1 with the slope 1 - 2q.

    Where the slope is -1 the sign of the Schwarzian derivative decides; twice the map is then 1 + x
    - 4x³ + ..., so x² -> 1/(4t).
    """
    s, share, root, second = sp.symbols("s q rho R", positive=True)
    x = sp.Symbol("x", real=True)
    delta = share * law.flattest(root, second) * 4 * root * second * (1 - s)
    there = law.turned(s, share)
    slope, bend, third = (sp.diff(there, s, k).subs(s, 1) for k in (1, 2, 3))
    schwarz = third / slope - sp.Rational(3, 2) * (bend / slope) ** 2

    def attracts(q: sp.Rational) -> bool:
        steep = slope.subs(share, q)
        return bool(abs(steep) < 1 or (steep == -1 and schwarz.subs(share, q) < 0))

    once = law.turned(1 + x, sp.Integer(1))
    twice = sp.Poly(sp.expand(law.turned(once, sp.Integer(1))), x)
    low = [twice.coeff_monomial(x**k) for k in range(4)]
    sides = [sp.Rational(k, 100) for k in (50, 98, 99, 100, 101, 102, 150)]
    flat = law.threshold(2 * second * 4 * root)  # g² = 4√n
    return [
        Step("a step of a balanced network", sp.expand(s * (1 + delta) ** 2 - there) == 0),
        Step(
            "the flattest step is the threshold where g² = 4√n",
            sp.simplify(flat - law.flattest(root, second)) == 0,
        ),
        Step(
            "it settles at the flattest step and below, and not beyond",
            [law.settles(q) for q in sides] == [attracts(q) for q in sides],
        ),
        Step("at the flattest step x² falls like 1/(4t)", low == [1, 1, 0, -4]),
    ]


def _readout_only(sums: Vector, a: Vector, n: int) -> Any:
    """Wrong: as if the filters did not move."""
    return sum(4 * x * x + 0 * n * y for x, y in zip(sums, a, strict=True))


def _balanced(big_u: Scalar, big_w: Scalar, root: Scalar, sqrt: Function) -> Any:
    """Wrong: every end as flat as the flattest."""
    return 4 * root * sqrt(1 + 0 * big_u * big_w)


def _apart(square: Scalar, second_moment: Scalar, mean: Scalar) -> tuple[Any, Any]:
    """Wrong: c curves on its own, beside the slope."""
    return 2 * (second_moment * square + 1), 4 * square * second_moment + 0 * mean


def _never(share: Scalar) -> bool:
    """Wrong: at the flattest step itself nothing settles."""
    return bool(share < 1)


def _plain_step(s: Scalar, share: Scalar) -> Any:
    """Wrong: the readout moves and the filters stay."""
    return s * (1 + 2 * share * (1 - s))


def _no_momentum(largest: Scalar, momentum: Scalar = 0) -> Any:
    """Wrong: momentum allows no larger steps."""
    return 2 * (1 + 0 * momentum) / largest


CLAIM: Claim[Sharpness] = Claim(
    id="sharpness",
    title="How steep the end is, and the steps that can settle there",
    statement=(
        r"\lambda = 2 \mathrm{E}[r^2]\, g^2, \quad g^2 = 4\sum_k (S_k^2 + n a_k^2) = 4\sqrt n"
        r" \sqrt{1 + nUW}"
        r" \qquad \text{with } c: \quad \lambda_1 + \lambda_2 = 2(\mathrm{E}[r^2]\, g^2 + 1), \quad"
        r" \lambda_1\lambda_2 = 4 g^2\, \mathrm{Var}\, r"
        r" \qquad \eta < \frac{2(1 + \beta)}{\lambda}, \quad \hat r - r \to (1 - \eta\lambda)(\hat"
        r" r - r) \text{ for } \beta = 0"
        r" \qquad \eta = \frac{q}{4\sqrt n\, \mathrm{E}[r^2]}, \ W = 0: \quad 2\theta \to"
        r" 2\theta\,(1 + q(1 - 2\theta))^2; \quad q = 1: \ \mathrm{loss} \sim"
        r" \frac{\mathrm{E}[r^2]}{4t}"
    ),
    assumptions=(
        (
            r"the linear cell, radii up to $\frac N2 - h$, no conv bias; the Hessian of the mean"
            r" squared error at an exact network, all other eigenvalues are 0"
        ),
        (
            r"$U, W$: of the start of gradient flow; $\eta$, $\beta$: step and momentum of gradient"
            r" descent beside the end"
        ),
        (
            r"last line: without $c$ and momentum; for $q > 1$ no exact network is stable, and"
            r" training settles at one only from starts of measure zero; for $q \le 1$ the balanced"
            r" ones are"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("only the readout curves the loss", replace(LAW, gain=_readout_only)),
        Wrong("every end is as flat as the flattest", replace(LAW, gain_from_start=_balanced)),
        Wrong("the bias curves on its own", replace(LAW, pair=_apart)),
        Wrong("momentum allows no larger steps", replace(LAW, threshold=_no_momentum)),
        Wrong("nothing settles at the flattest step", replace(LAW, settles=_never)),
        Wrong("the filters stay", replace(LAW, turned=_plain_step)),
    ),
    requires=("flow", "trajectory"),
)
