r"""With weight decay: the box filter, the penalty at which everything collapses, and which optimum
a start ends at.

J = E(r̂ - r)² + λ (|w|² + |a|²), biases free; V = Var r.  For *every* σ with slopes in [-1, 1],
every K, n, radii and padding, with or without conv bias,

    J >= V (1 - (1 - x)²),    x = min(λ/(2√n V), 1),

attained, for the identity and ReLU, by box filters: a_k = S_k/√n, all taps of a channel equal, Σ
a_k² = θ/√n, with

    θ = (1 - λ/(2√n V))/2,    and w = a = 0 for λ >= 2√n V.

The optima of K channels are a sphere.  Gradient flow from any start with u(0) != 0 (u_k = a_k +
S_k/√n; no conv bias) ends at one point of it: a_k = √(θ/√n) u_k(0)/|u(0)|.  Gradient descent that
converges, with momentum too, ends at the same point, whatever its step, but for the sign of all u_k
if a large step turns them over.  torch's weight_decay is 2λ.  Derivation: docs/training/ridge.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.pulse.network import preactivations, taps
from theory.pulse.signal import pulse
from theory.training import linear_cell
from theory.training.invariants import answer, field
from theory.types import Function, Scalar, Vector

__all__ = ["CLAIM", "LAW", "Ridge", "angle", "box", "collapse", "least"]


def collapse(spread: Scalar, root: Scalar) -> Any:
    """2√n V: from this λ on, nothing is left."""
    return 2 * root * spread


def angle(penalty: Scalar, spread: Scalar, root: Scalar) -> Any:
    """θ = (1 - λ/(2√n V))/2 = Σ a_k S_k at the optimum, for λ below the collapse."""
    return (1 - penalty / collapse(spread, root)) / 2


def least(penalty: Scalar, spread: Scalar, root: Scalar) -> Any:
    """The least J, V(1 - (1 - x)²) with x = λ/(2√n V), for λ below the collapse; V
    from there on.
    """
    x = penalty / collapse(spread, root)
    return spread * (1 - (1 - x) ** 2)


def box(u: Vector, theta: Scalar, root: Scalar, sqrt: Function) -> tuple[list[Any], list[Any]]:
    """(a_k, the common value of the taps of channel k) where a start with the
    coordinates u ends.
    """
    size = sqrt(sum(x * x for x in u))
    a = [sqrt(theta / root) * x / size for x in u]
    return a, [x / root for x in a]


@dataclass(frozen=True)
class Ridge:
    """The law: θ and J at the optimum for a given λ, where everything collapses, and the optimum of
    a start.
    """

    collapse: Callable[[Scalar, Scalar], Any]
    angle: Callable[[Scalar, Scalar, Scalar], Any]
    least: Callable[[Scalar, Scalar, Scalar], Any]
    box: Callable[[Vector, Scalar, Scalar, Function], tuple[list[Any], list[Any]]]


LAW = Ridge(collapse, angle, least, box)
"""The law as derived here."""
PROVED_TAPS = (1, 3, 5, 7)


def prove(law: Ridge) -> Proof:
    """The bound for every network, link by link; that box filters attain it; what a step with decay
    does.
    """

    def steps() -> Iterator[Step]:
        yield from _minimum(law)
        yield from _fixed(law)
        for n, channels in ((1, 1), (3, 1), (5, 1), (3, 2), (5, 3)):
            yield _attained(law, n, channels)
        yield from _lawless()

    covers = (
        "windows for n = 1, 3, 5, 7 on pulses with m = 1 to 4; the inequalities for every real"
        " number in them; steps with decay for n = 1, 3, K = 1, 2; box filters for n = 1, 3, 5, K ="
        " 1, 2, 3 at any radii"
    )
    return Proof(steps(), covers)


@cache
def _lawless() -> tuple[Step, ...]:
    """What holds of every network and every step, whatever the law says of the optimum."""
    cases = ((1, 1), (3, 1), (1, 2), (3, 2))
    moved = [step for n, channels in cases for step in _step(n, channels)]
    return (*_lipschitz(), *_squares(), *_spread(), *moved)


def _lipschitz() -> list[Step]:
    """Σ_i |x_r(i) - x_r'(i)| = 2|r - r'|, and every pixel is seen at most once by every tap: so
    |F(r) - F(r')| <= 2|w|₁|r - r'|.
    """
    part, more = sp.symbols("varphi d", positive=True)
    grows = True
    for m in range(1, 5):
        first, second = pulse(m, part, 6), pulse(m, part + more, 6)
        off = [sp.expand(y - x) for x, y in zip(first, second, strict=True)]
        grows = grows and all(x.is_nonnegative for x in off)
        grows = grows and sp.expand(sp.Add(*off) - 2 * more) == 0
    steps = [Step("a pulse grows by 2|r - r'|, m = 1 to 4", bool(grows))]
    for n in PROVED_TAPS:
        x = sp.symbols("x0:9", real=True)
        w = taps(n)
        total = sp.Poly(sp.Add(*preactivations(w, x)), *w, *x)
        once = all(value == 1 for value in total.coeffs())
        steps.append(Step(f"every tap sees every pixel at most once, n = {n}", once))
    return steps


def _squares() -> list[Step]:
    """2|a||w|₁ <= 2√n|a||w| <= √n(a² + |w|²), with what is lost as sums of squares."""
    steps = []
    for n in PROVED_TAPS:
        sizes = sp.symbols(f"y0:{n}", nonnegative=True)
        lost = sp.Add(*((sizes[i] - sizes[j]) ** 2 for i in range(n) for j in range(i)))
        total = sp.expand(n * sp.Add(*(y**2 for y in sizes)) - sp.Add(*sizes) ** 2)
        steps.append(
            Step(f"n|w|² - |w|₁² = Σ (|w_u| - |w_v|)², n = {n}", sp.expand(total - lost) == 0)
        )
    x, y = sp.symbols("x y", nonnegative=True)
    steps.append(
        Step(
            "a² + |w|² - 2|a||w| = (|a| - |w|)²",
            sp.expand(x**2 + y**2 - 2 * x * y - (x - y) ** 2) == 0,
        )
    )
    return steps


def _spread() -> list[Step]:
    """Var(f - r) = ½ E(Δf - Δr)² over two independent radii, and |Δf| <= Λ|Δr|, Λ <= 1, make it at
    least (1 - Λ)² V.
    """
    p, q = sp.symbols("p q", positive=True)
    values = sp.symbols("e1:4", real=True)
    shares = (p, q, 1 - p - q)
    mean = sp.Add(*(s * e for s, e in zip(shares, values, strict=True)))
    variance = sp.Add(*(s * e**2 for s, e in zip(shares, values, strict=True))) - mean**2
    pairs = sp.Add(
        *(
            s * t * (e - f) ** 2
            for s, e in zip(shares, values, strict=True)
            for t, f in zip(shares, values, strict=True)
        )
    )
    slope, most = sp.symbols("kappa Lambda", real=True)
    gap = (1 - slope) ** 2 - (1 - most) ** 2
    return [
        Step("the variance by pairs of radii", sp.expand(variance - pairs / 2) == 0),
        Step(
            "(1 - κ)² - (1 - Λ)² = (Λ - κ)(2 - κ - Λ)",
            sp.expand(gap - (most - slope) * (2 - slope - most)) == 0,
        ),
    ]


def _minimum(law: Ridge) -> list[Step]:
    """(1 - t)² V + λt/√n, t = √n (|w|² + |a|²): its least value over t >= 0."""
    penalty, spread, root, t, more = sp.symbols("lambda V rho t d", positive=True)
    bound = (1 - t) ** 2 * spread + penalty * t / root
    best = 2 * law.angle(penalty, spread, root)
    value = law.least(penalty, spread, root)
    beyond = law.collapse(spread, root) + more
    return [
        Step(
            "below the collapse: V(t - t*)² + J*",
            sp.expand(bound - spread * (t - best) ** 2 - value) == 0,
        ),
        Step(
            "t* > 0 below the collapse, 0 there",
            sp.simplify(best.subs(penalty, law.collapse(spread, root))) == 0
            and sp.diff(best, penalty).is_negative is True,
        ),
        Step(
            "beyond it the bound is V + Vt² + (λ - 2√nV)t/√n",
            sp.expand(bound.subs(penalty, beyond) - spread - spread * t**2 - more * t / root) == 0,
        ),
    ]


def _step(n: int, channels: int) -> list[Step]:
    """A step with decay multiplies u by 1 + δ - 2ηλ, v by 1 - δ - 2ηλ, deviations by 1 - 2ηλ; δ =
    -4√nη E_b[er], with c.
    """
    numbers = range(1, channels + 1)
    w = [taps(n, str(k)) for k in numbers]
    a = [sp.Symbol(f"a_{k}", real=True) for k in numbers]
    c = sp.Symbol("c", real=True)
    variables = [*(tap for row in w for tap in row), *a]
    eta, penalty, share = sp.symbols("eta lambda p", positive=True)
    root, h = sp.sqrt(n), n // 2
    gradient: list[Any] = [sp.Integer(0)] * len(variables)
    pull = sp.Integer(0)
    for weight, (m, part) in zip(
        (share, 1 - share), ((h + 1, sp.Rational(1, 4)), (h + 2, sp.Rational(1, 2))), strict=True
    ):
        r = m - sp.Rational(1, 2) + part
        given = answer(w, [sp.Integer(0)] * channels, a, c, pulse(m, part, 3 * h + 3))
        towards = field(given, variables)
        gradient = [
            x + 2 * weight * (given - r) * y for x, y in zip(gradient, towards, strict=True)
        ]
        pull += weight * (given - r) * r
    after = {
        x: x - eta * (slope + 2 * penalty * x) for x, slope in zip(variables, gradient, strict=True)
    }
    delta = -4 * root * eta * pull
    fade = 1 - 2 * eta * penalty
    u, v = linear_cell.light_cone(w, a, root)
    groups = ((u, fade + delta), (v, fade - delta))
    common = all(
        sp.expand(x.xreplace(after) - factor * x) == 0 for group, factor in groups for x in group
    )
    flat = all(
        sp.expand((row[j] - row[0]).xreplace(after) - fade * (row[j] - row[0])) == 0
        for row in w
        for j in range(1, n)
    )
    name = f"n = {n}, K = {channels}"
    return [
        Step(f"a step with decay multiplies u and v, {name}", common),
        Step(f"and deviations by 1 - 2ηλ, {name}", flat),
    ]


def _fixed(law: Ridge) -> list[Step]:
    """Where nothing moves: deviations 0, and with e = (2θ - 1) r + c, E e = 0: δ =
    4√nηV(1 - 2θ).
    """
    penalty, spread, root, theta, mean, eta = sp.symbols("lambda V rho theta mu eta", positive=True)
    c = (1 - 2 * theta) * mean
    pull = (2 * theta - 1) * (spread + mean**2) + c * mean  # E[er] for that c
    delta = -4 * root * eta * pull
    roots = sp.solve(sp.Eq(delta, 2 * eta * penalty), theta)
    right = roots == [] or sp.simplify(roots[0] - law.angle(penalty, spread, root)) == 0
    at_zero = sp.expand(delta.subs(theta, 0) / eta - 2 * law.collapse(spread, root))
    negative = sp.solve(sp.Eq(delta, -2 * eta * penalty), theta)
    u = sp.symbols("u1:4", real=True)
    q = sp.Symbol("T", positive=True)
    a, flat = law.box(u, q, root, sp.sqrt)
    return [
        Step("u != 0 rests where δ = 2ηλ: at θ", bool(right and roots)),
        Step(
            "v != 0 would rest at θ > 1/2, but u = 0 has θ < 0",
            len(negative) == 1 and sp.simplify(negative[0] - sp.Rational(1, 2)).is_positive is True,
        ),
        Step("at w = a = 0 u grows iff λ is below the collapse", sp.simplify(at_zero) == 0),
        Step(
            "the end keeps the direction of u, and has v = 0",
            all(sp.simplify(a[j] * u[k] - a[k] * u[j]) == 0 for j in range(3) for k in range(j))
            and all(sp.simplify(x - root * y) == 0 for x, y in zip(a, flat, strict=True)),
        ),
    ]


def _attained(law: Ridge, n: int, channels: int) -> Step:
    """The box filters of the law, put through the double sum: J is the bound."""
    u = sp.symbols(f"u1:{channels + 1}", positive=True)
    penalty, spread = sp.symbols("lambda V", positive=True)
    root, theta, h = sp.sqrt(n), sp.Symbol("T", positive=True), n // 2
    a, flat = law.box(u, theta, root, sp.sqrt)
    w = [[x] * n for x in flat]
    part = sp.Symbol("varphi", positive=True)
    m = h + 1
    r = m - sp.Rational(1, 2) + part
    given = answer(w, [sp.Integer(0)] * channels, a, sp.Integer(0), pulse(m, part, 3 * h + 3))
    slope = sp.cancel(sp.diff(given, part))
    straight = sp.cancel(given - slope * r) == 0
    norm = sp.cancel(sp.Add(*(x**2 for x in a), *(y**2 for row in w for y in row)))
    value = ((slope - 1) ** 2 * spread + penalty * norm).subs(
        theta, law.angle(penalty, spread, root)
    )
    holds = straight and sp.simplify(value - law.least(penalty, spread, root)) == 0
    return Step(f"box filters attain the bound, n = {n}, K = {channels}", bool(holds))


def _torch(penalty: Scalar, spread: Scalar, root: Scalar) -> Any:
    """Wrong: λ taken for half of torch's weight_decay where it is all of it."""
    return angle(2 * penalty, spread, root)


def _whole_moment(penalty: Scalar, spread: Scalar, root: Scalar) -> Any:
    """Wrong: the width of the filter does not count."""
    return (1 - penalty / (2 * spread) + 0 * root) / 2


def _equal_shares(
    u: Vector, theta: Scalar, root: Scalar, sqrt: Function
) -> tuple[list[Any], list[Any]]:
    """Wrong: every channel the same, whatever the start."""
    return box([0 * x + 1 for x in u], theta, root, sqrt)


def _unbalanced(
    u: Vector, theta: Scalar, root: Scalar, sqrt: Function
) -> tuple[list[Any], list[Any]]:
    """Wrong: the readout twice as large, the filter half as large; as exact, but of larger norm."""
    a, flat = box(u, theta, root, sqrt)
    return [2 * x for x in a], [x / 2 for x in flat]


CLAIM: Claim[Ridge] = Claim(
    id="ridge",
    title="With weight decay: the box filter, and the point of the sphere that a start ends at",
    statement=(
        r"J = \mathrm{E}(\hat r - r)^2 + \lambda(|w|^2 + |a|^2) \ge V\left(1 - (1 - x)^2\right),"
        r" \quad x = \min\left(\frac{\lambda}{2\sqrt n\, V}, 1\right)"
        r" \qquad a_k = \sqrt n\, w_{k,u} = \sqrt{\frac{\theta}{\sqrt n}}\, \frac{u_k(0)}{|u(0)|},"
        r" \quad \theta = \frac12\left(1 - \frac{\lambda}{2\sqrt n\, V}\right), \quad u_k = a_k +"
        r" \frac{S_k}{\sqrt n}"
        r" \qquad w = a = 0 \text{ for } \lambda \ge 2\sqrt n\, V"
    ),
    assumptions=(
        (
            r"first line: every $\sigma$ with $|\sigma(x) - \sigma(y)| \le |x - y|$, any $K$, $n$,"
            r" radii and padding, biases free; $V = \mathrm{Var}\, r$"
        ),
        (
            r"second line: identity, or ReLU in its linear cell, radii up to $\frac N2 - h$; no"
            r" conv bias, readout bias $c$ free; gradient flow, or gradient descent with momentum"
            r" or without as long as no step turns $u$ over, from $u(0) \ne 0$"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("the penalty counts twice", replace(LAW, angle=_torch)),
        Wrong("the filter's width does not count", replace(LAW, angle=_whole_moment)),
        Wrong("every channel the same share", replace(LAW, box=_equal_shares)),
        Wrong("readout and filter out of balance", replace(LAW, box=_unbalanced)),
    ),
    requires=("flow", "steps"),
)
