r"""The whole path, and its pace: without a readout bias the turn obeys a logistic equation.

With R = E r² and E = e^{2τ} (see theory/training/flow.py), E_± = (1 ± √(1 + nUW))/(√n U),

    dE/dt = -4nRU (E - E₊)(E - E₋),    (E - E₊)/(E - E₋) = (1 - E₊)/(1 - E₋) e^{-λt},
    λ = 8√n R √(1 + nUW).

So t(E) and E(t) are both explicit, and with E every weight at every time.  λ is the rate along the
whole path, and the sharpness (largest eigenvalue of the Hessian) of the end: it is known before the
first step, since UW is conserved.  Derivation: docs/training/trajectory.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.pulse.network import taps
from theory.pulse.signal import pulse
from theory.training import linear_cell
from theory.training.invariants import answer, field
from theory.types import Function, Scalar

__all__ = ["CLAIM", "LAW", "Trajectory", "rate", "roots", "stretch_at", "time_of"]


def rate(big_u: Scalar, big_w: Scalar, root: Scalar, second_moment: Scalar, sqrt: Function) -> Any:
    """λ = 8√n E[r²] √(1 + nUW)."""
    return 8 * root * second_moment * sqrt(1 + root**2 * big_u * big_w)


def roots(big_u: Scalar, big_w: Scalar, root: Scalar, sqrt: Function) -> tuple[Any, Any]:
    """(E₊, E₋): where E ends, and the root that it never meets (E₋ <= 0)."""
    spread = sqrt(1 + root**2 * big_u * big_w)
    return (1 + spread) / (root * big_u), (1 - spread) / (root * big_u)


def stretch_at(plus: Scalar, minus: Scalar, decay: Scalar) -> Any:
    """E at the time t with ``decay`` = e^{-λt}; 1 at t = 0, E₊ at the end."""
    ratio = (1 - plus) / (1 - minus) * decay
    return (plus - minus * ratio) / (1 - ratio)


def time_of(plus: Scalar, minus: Scalar, speed: Scalar, e: Scalar, log: Function) -> Any:
    """t at which the factor is E, for E between 1 and E₊; ``speed`` = λ."""
    return log((1 - plus) * (e - minus) / ((1 - minus) * (e - plus))) / speed


@dataclass(frozen=True)
class Trajectory:
    """The law: the rate λ, the two roots, E(t) and t(E)."""

    rate: Callable[[Scalar, Scalar, Scalar, Scalar, Function], Any]
    roots: Callable[[Scalar, Scalar, Scalar, Function], tuple[Any, Any]]
    stretch_at: Callable[[Scalar, Scalar, Scalar], Any]
    time_of: Callable[[Scalar, Scalar, Scalar, Scalar, Function], Any]


LAW = Trajectory(rate, roots, stretch_at, time_of)
"""The law as derived here."""
MODELS = ((1, 1), (3, 1), (3, 2), (5, 2))
"""(n, K) for which dE/dt is derived from the double sum."""


def prove(law: Trajectory) -> Proof:
    """dE/dt from the double sum on arbitrary radii, then the logistic equation solved."""

    def steps() -> Iterator[Step]:
        yield from _solution(law)
        for model in MODELS:
            yield _speed(*model)

    covers = (
        "dE/dt for n = 1, 3, 5, K = 1, 2 and three radii with any shares; E(t) and t(E) for every U"
        " > 0, W >= 0, R, n"
    )
    return Proof(steps(), covers)


def _speed(n: int, channels: int) -> Step:
    """u̇_k = (dτ/dt) u_k and v̇_k = -(dτ/dt) v_k with dτ/dt = 4√n R (1 - 2θ), R the mean of r²."""
    numbers = range(1, channels + 1)
    w = [taps(n, str(k)) for k in numbers]
    a = [sp.Symbol(f"a_{k}", real=True) for k in numbers]
    variables = [*(tap for row in w for tap in row), *a]
    h, root = n // 2, sp.sqrt(n)
    shares = sp.symbols("p1:4", positive=True)
    velocity = [sp.Integer(0)] * len(variables)
    second_moment = sp.Integer(0)
    for share, (m, part) in zip(
        shares,
        ((h + 1, sp.Integer(0)), (h + 1, sp.Rational(1, 3)), (h + 2, sp.Rational(1, 2))),
        strict=True,
    ):
        r = m - sp.Rational(1, 2) + part
        given = answer(w, [sp.Integer(0)] * channels, a, sp.Integer(0), pulse(m, part, 3 * h + 3))
        pull = field(given, variables)
        velocity = [x - 2 * share * (given - r) * p for x, p in zip(velocity, pull, strict=True)]
        second_moment += share * r**2
    moving = dict(zip(variables, velocity, strict=True))
    u, v = linear_cell.light_cone(w, a, root)
    theta = sum(x * sum(row) for x, row in zip(a, w, strict=True))
    turn = 4 * root * second_moment * (1 - 2 * theta)
    holds = all(
        sp.expand(sum(sp.diff(x, y) * speed for y, speed in moving.items()) - sign * turn * x) == 0
        for group, sign in ((u, 1), (v, -1))
        for x in group
    )
    return Step(f"the pace of the turn, n = {n}, K = {channels}", holds)


def _solution(law: Trajectory) -> list[Step]:
    big_u = sp.Symbol("U", positive=True)
    big_w = sp.Symbol("W", nonnegative=True)
    root, second = sp.Symbol("rho", positive=True), sp.Symbol("R", positive=True)
    plus, minus = law.roots(big_u, big_w, root, sp.sqrt)
    e = sp.Symbol("E", positive=True)
    # dE/dt = 2E dτ/dt with dτ/dt = 4√n R (1 - 2θ), θ = (√n/4)(UE - W/E).
    turn = 4 * root * second * (1 - root * (big_u * e - big_w / e) / 2)
    speed = law.rate(big_u, big_w, root, second, sp.sqrt)
    logistic = -4 * root**2 * second * big_u * (e - plus) * (e - minus)
    steps = [
        Step(
            "dE/dt is a quadratic with the roots E₊, E₋",
            sp.simplify(sp.expand(2 * e * turn - logistic)) == 0,
        ),
        Step(
            "λ = 4nRU(E₊ - E₋)",
            sp.simplify(speed - 4 * root**2 * second * big_u * (plus - minus)) == 0,
        ),
        Step("E₋ <= 0", sp.simplify(plus * minus + big_w / big_u) == 0),
    ]
    # From here E₊ and E₋ are letters.
    p, q, t = (
        sp.Symbol("P", positive=True),
        sp.Symbol("Q", nonpositive=True),
        sp.Symbol("t", positive=True),
    )
    rho = sp.Symbol("lambda", positive=True)
    path = law.stretch_at(p, q, sp.exp(-rho * t))
    flow = sp.together(sp.diff(path, t) + rho / (p - q) * (path - p) * (path - q))
    steps.append(Step("E(t) solves it", sp.simplify(flow) == 0))
    steps.append(Step("E(0) = 1", sp.simplify(path.subs(t, 0) - 1) == 0))
    steps.append(Step("E(∞) = E₊", sp.simplify(law.stretch_at(p, q, sp.Integer(0)) - p) == 0))
    inside = sp.exp(-rho * law.time_of(p, q, rho, e, sp.log))
    back = law.stretch_at(p, q, sp.simplify(inside))
    steps.append(Step("t(E) is its inverse", sp.simplify(back - e) == 0))
    return steps


def _half_rate(big_u: Scalar, big_w: Scalar, root: Scalar, second: Scalar, sqrt: Function) -> Any:
    """Wrong by a factor of 2: E = e^τ instead of e^{2τ}."""
    return rate(big_u, big_w, root, second, sqrt) / 2


def _exponential(plus: Scalar, minus: Scalar, decay: Scalar) -> Any:
    """Wrong: E itself decays to its end like an exponential."""
    return plus + (1 - plus) * decay


def _without_width(
    big_u: Scalar, big_w: Scalar, root: Scalar, second: Scalar, sqrt: Function
) -> Any:
    """Wrong: the sharpness of balanced networks for all."""
    return 8 * root * second + 0 * big_u * big_w


CLAIM: Claim[Trajectory] = Claim(
    id="trajectory",
    title="The whole path of every weight, and its pace",
    statement=(
        r"\frac{E(t) - E_+}{E(t) - E_-} = \frac{1 - E_+}{1 - E_-}\, e^{-\lambda t}, \quad E_\pm ="
        r" \frac{1 \pm \sqrt{1 + nUW}}{\sqrt n\, U}"
        r" \qquad \lambda = 8\sqrt n\, \mathrm{E}[r^2] \sqrt{1 + nUW}"
        r" \qquad a_k(t) \pm \frac{S_k(t)}{\sqrt n} = E(t)^{\pm 1/2}\left(a_k(0) \pm"
        r" \frac{S_k(0)}{\sqrt n}\right)"
    ),
    assumptions=(
        r"as for the end point, without a readout bias $c$",
        r"$\mathrm{E}[r^2]$: the mean over the training radii",
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("half the rate", replace(LAW, rate=_half_rate)),
        Wrong("E decays like an exponential", replace(LAW, stretch_at=_exponential)),
        Wrong("the rate of balanced networks for all", replace(LAW, rate=_without_width)),
    ),
    requires=("flow",),
)
