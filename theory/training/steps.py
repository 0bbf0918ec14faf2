r"""What steps of finite size make of it: exactly, to first order, and within bounds.

A gradient step of size η on any batch multiplies every u_k by 1 + δ and every v_k by 1 - δ, δ =
-4√n η E_b[(r̂ - r) r]: so after any steps on any batches u has been multiplied by one common A and
v by one common B.  Momentum and weight decay are linear recurrences common to all channels, and
keep this.  Where training ends,

    U A² - W B² = 2/√n,    AB = e^{-ρ},    ρ = -Σ_t log(1 - δ_t²):

one number ρ is all that the step size, the batches and their order can change.  For full batches
without c,

    ρ = η ρ₁ + O(η²),    ρ₁ = 4√n E[r²] [½ log E - (√n/4)(U(E - 1) + W(1/E - 1))],

with the E of the flow's end.  Derivation, also of the bounds: docs/training/steps.md.
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

__all__ = ["CLAIM", "LAW", "Steps", "factors", "first_order"]


def factors(delta: Scalar) -> tuple[Any, Any]:
    """(1 + δ, 1 - δ): what one step multiplies u and v by."""
    return 1 + delta, 1 - delta


def first_order(
    big_u: Scalar, big_w: Scalar, root: Scalar, second_moment: Scalar, e: Scalar, log: Function
) -> Any:
    """ρ₁ = ∫ (dτ/dt)² dt along the flow up to the factor E: ρ = η ρ₁ + O(η²)."""
    travelled = log(e) / 2
    spent = root * (big_u * (e - 1) + big_w * (1 / e - 1)) / 4
    return 4 * root * second_moment * (travelled - spent)


@dataclass(frozen=True)
class Steps:
    """The law: the factors of a step, and the first-order shift ρ₁."""

    factors: Callable[[Scalar], tuple[Any, Any]]
    first_order: Callable[[Scalar, Scalar, Scalar, Scalar, Scalar, Function], Any]


LAW = Steps(factors, first_order)
"""The law as derived here."""
MODELS = ((1, 1), (3, 1), (3, 2), (5, 1))
"""(n, K) of the machine proof."""


def prove(law: Steps) -> Proof:
    """One step from the double sum, its modified flow, and ρ₁ as an integral."""

    def steps() -> Iterator[Step]:
        for model in MODELS:
            yield from _one_step(law, *model)
        yield from _integral(law)
        for model in ((1, 1), (3, 1), (1, 2)):
            yield from _modified(*model)

    covers = (
        "one step of any size on any batch of two radii, n = 1, 3, 5, K = 1, 2; the modified flow"
        " for n = 1 with K = 1, 2 and n = 3 with K = 1; the first-order shift for every U, W, n, R"
    )
    return Proof(steps(), covers)


def _problem(
    n: int, channels: int
) -> tuple[list[Any], list[Any], list[sp.Symbol], list[Any], sp.Expr]:
    """Taps, readout, variables, the gradient of the loss on two radii with any shares, and E_b[(r̂
    - r) r].
    """
    numbers = range(1, channels + 1)
    w = [taps(n, str(k)) for k in numbers]
    a = [sp.Symbol(f"a_{k}", real=True) for k in numbers]
    variables = [*(tap for row in w for tap in row), *a]
    h = n // 2
    gradient: list[Any] = [sp.Integer(0)] * len(variables)
    pull = sp.Integer(0)
    for share, (m, part) in zip(
        sp.symbols("p1:3", positive=True),
        ((h + 1, sp.Rational(1, 4)), (h + 2, sp.Rational(1, 2))),
        strict=True,
    ):
        r = m - sp.Rational(1, 2) + part
        given = answer(w, [sp.Integer(0)] * channels, a, sp.Integer(0), pulse(m, part, 3 * h + 3))
        towards = field(given, variables)
        gradient = [x + 2 * share * (given - r) * y for x, y in zip(gradient, towards, strict=True)]
        pull += share * (given - r) * r
    return [list(row) for row in w], a, variables, gradient, pull


def _one_step(law: Steps, n: int, channels: int) -> list[Step]:
    w, a, variables, gradient, pull = _problem(n, channels)
    eta, root = sp.Symbol("eta", positive=True), sp.sqrt(n)
    after = {x: x - eta * slope for x, slope in zip(variables, gradient, strict=True)}
    delta = -4 * root * eta * pull
    u, v = linear_cell.light_cone(w, a, root)
    name = f"n = {n}, K = {channels}"
    grown = all(
        sp.expand(x.xreplace(after) - factor * x) == 0
        for group, factor in zip((u, v), law.factors(delta), strict=True)
        for x in group
    )
    fixed = all(
        sp.expand((row[j] - row[0]).xreplace(after) - (row[j] - row[0])) == 0
        for row in w
        for j in range(1, n)
    )
    return [
        Step(f"one step multiplies u and v, {name}", grown),
        Step(f"one step keeps deviations, {name}", fixed),
    ]


def _modified(n: int, channels: int) -> list[Step]:
    """x' = -∇(L + (η/4)|∇L|²): its time-η map is the step but for O(η³), and along it u_j v_k falls
    at the rate η (dτ/dt)².
    """
    w, a, variables, gradient, pull = _problem(n, channels)
    eta, root = sp.Symbol("eta", positive=True), sp.sqrt(n)
    base = [-sp.expand(x) for x in gradient]
    # -∇(|∇L|²)/4, the term of order η.
    square = sp.Add(*(x**2 for x in base)) / 4
    extra = [-sp.diff(square, x) for x in variables]
    curved = [
        sp.Add(*(sp.diff(x, y) * z for y, z in zip(variables, base, strict=True))) / 2 for x in base
    ]
    agrees = all(sp.expand(x + y) == 0 for x, y in zip(extra, curved, strict=True))
    u, v = linear_cell.light_cone(w, a, root)
    turn = -4 * root * pull
    falls = True
    for x in u:
        for y in v:
            product = sp.expand(x * y)
            rate = sp.Add(
                *(
                    sp.diff(product, z) * (first + eta * second)
                    for z, first, second in zip(variables, base, extra, strict=True)
                )
            )
            falls = falls and sp.expand(rate + eta * turn**2 * product) == 0
    name = f"n = {n}, K = {channels}"
    return [
        Step(f"the modified flow follows the step to order η², {name}", agrees),
        Step(f"along it u_j v_k falls at the rate η(dτ/dt)², {name}", falls),
    ]


def _integral(law: Steps) -> list[Step]:
    big_u, big_w, root, second, e = sp.symbols("U W rho R E", positive=True)
    shift = law.first_order(big_u, big_w, root, second, e, sp.log)
    # dτ = dE/(2E); dτ/dt = 4√n R (1 - 2θ).
    pace = 4 * root * second * (1 - root * (big_u * e - big_w / e) / 2)
    return [
        Step("dρ₁/dτ = dτ/dt", sp.simplify(sp.expand(2 * e * sp.diff(shift, e) - pace)) == 0),
        Step("ρ₁ = 0 where nothing has moved", sp.simplify(shift.subs(e, 1)) == 0),
    ]


def _one_sided(delta: Scalar) -> tuple[Any, Any]:
    """Wrong: as if AB = 1 held for steps, too."""
    return 1 + delta, 1 / (1 + delta)


def _half_shift(
    big_u: Scalar, big_w: Scalar, root: Scalar, second: Scalar, e: Scalar, log: Function
) -> Any:
    """Wrong by a factor of 2."""
    return first_order(big_u, big_w, root, second, e, log) / 2


def _no_shift(
    big_u: Scalar, big_w: Scalar, root: Scalar, second: Scalar, e: Scalar, log: Function
) -> Any:
    """Wrong: no effect of first order."""
    return 0 * first_order(big_u, big_w, root, second, e, log)


CLAIM: Claim[Steps] = Claim(
    id="steps",
    title="What steps of finite size change: one number",
    statement=(
        r"u_k \to (1 + \delta)\, u_k, \quad v_k \to (1 - \delta)\, v_k, \quad \delta = -4\sqrt n\,"
        r" \eta\, \mathrm{E}_b[(\hat r - r) r]"
        r" \qquad U A^2 - W B^2 = \frac{2}{\sqrt n}, \quad AB = e^{-\rho}, \quad \rho = -\sum_t"
        r" \log(1 - \delta_t^2)"
        r" \qquad \rho = \eta\rho_1 + O(\eta^2), \quad \rho_1 = 4\sqrt n\,"
        r" \mathrm{E}[r^2]\left[\tfrac12 \log E - \tfrac{\sqrt n}{4}\left(U(E - 1) + W(E^{-1} -"
        r" 1)\right)\right]"
    ),
    assumptions=(
        (
            r"first two lines: gradient steps of any sizes on any batches, in the linear cell,"
            r" radii up to $\frac N2 - h$, no conv bias"
        ),
        (
            r"last line: full batches, no $c$, step $\eta$; $E$ is the factor at the end of"
            r" gradient flow"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("AB = 1 for steps, too", replace(LAW, factors=_one_sided)),
        Wrong("half the first-order shift", replace(LAW, first_order=_half_shift)),
        Wrong("no effect of first order", replace(LAW, first_order=_no_shift)),
    ),
    requires=("flow", "trajectory"),
)
