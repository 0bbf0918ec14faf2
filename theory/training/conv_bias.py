r"""A bias in the convolution, none in the readout, one channel: the bias ends at 0, and every
weight has a closed form.

On the linear cell r̂ = a (2rS + Nb), N the number of positions.  Whatever the data, gradient flow
keeps the deviations w_u - S/n and

    h = a² - S²/n - b².

It ends, but for starts of measure zero, where r̂ = r: b = 0, aS = 1/2, hence

    a² = (h + √(h² + 1/n))/2,    w_u(∞) = w_u(0) + (S(∞) - S(0))/n.

The sign of a is that of the start if h > 0, or if the loss at the start is below E r², the loss of
every network with a = 0. Otherwise the data decide.  Derivation: docs/training/conv_bias.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.pulse.network import taps
from theory.pulse.signal import pulse
from theory.training.invariants import answer, conserved, field, invariants, same_span
from theory.training.linear_cell import moved
from theory.types import Function, Scalar, Vector

__all__ = ["CLAIM", "LAW", "ConvBias", "balance", "end", "readout_squared", "sign_is_kept"]


def balance(w: Vector, b: Scalar, a: Scalar) -> Any:
    """h = a² - S²/n - b² of one channel with taps w (n,)."""
    total = sum(w[1:], w[0])
    return a * a - total * total / len(w) - b * b


def readout_squared(h: Scalar, n: Scalar, sqrt: Function) -> Any:
    """a² = (h + √(h² + 1/n))/2 at the end."""
    return (h + sqrt((n * h * h + 1) / n)) / 2


def sign_is_kept(h: Scalar, loss: Scalar, second_moment: Scalar) -> bool:
    """h > 0 or L(0) < E r²: then a never passes through 0."""
    return bool(h > 0) or bool(loss < second_moment)


@dataclass(frozen=True)
class ConvBias:
    """The law: what is conserved, where |a| ends, and when the sign of a is that of the start."""

    balance: Callable[[Vector, Scalar, Scalar], Any]
    readout_squared: Callable[[Scalar, Scalar, Function], Any]
    sign_is_kept: Callable[[Scalar, Scalar, Scalar], bool]


LAW = ConvBias(balance, readout_squared, sign_is_kept)
"""The law as derived here."""


def end(
    law: ConvBias, w: Vector, b: Scalar, a: Scalar, sign: int, sqrt: Function
) -> tuple[list[Any], Any]:
    """(w, a) at the end, where b = 0, for the sign of a that is given."""
    new_a = sign * sqrt(law.readout_squared(law.balance(w, b, a), len(w), sqrt))
    return moved([w], [1 / (2 * new_a)])[0], new_a


PROVED_TAPS = (1, 3, 5)


def prove(law: ConvBias) -> Proof:
    """Conserved, by the fields of the double sum; the only end, by its equations; the sign, by the
    loss at a = 0.
    """

    def steps() -> Iterator[Step]:
        for n in PROVED_TAPS:
            yield from _conserved(law, n)
        yield from _end(law)
        yield from _sign(law)

    covers = (
        "n = 1, 3, 5, K = 1, any radii and data with the border dark under the filter; the end for"
        " every h and n; the saddles for every N, R > μ² and n"
    )
    return Proof(steps(), covers)


def _conserved(law: ConvBias, n: int) -> list[Step]:
    w = taps(n)
    a, b = sp.symbols("a b", real=True)
    variables = [*w, b, a]
    h = n // 2
    fields, form = [], True
    for m, part in ((h + 1, sp.Integer(0)), (h + 2, sp.Rational(1, 3)), (h + 2, sp.Rational(2, 3))):
        x = pulse(m, part, 3 * h + 3)
        given = answer([w], [b], [a], sp.Integer(0), x)
        r = m - sp.Rational(1, 2) + part
        form = form and sp.expand(given - a * (2 * r * sum(w) + len(x) * b)) == 0
        fields.append(field(given, variables))
    claimed = law.balance(w, b, a)
    kept = conserved([claimed], fields, variables)
    steps = [Step(f"r̂ = a (2rS + Nb), n = {n}", bool(form)), Step(f"h is conserved, n = {n}", kept)]
    if n > 1:
        # And nothing else of degree 2 but the deviations.
        deviations = [tap - sum(w) / n for tap in w[:-1]]
        more = [x * y for j, x in enumerate(deviations) for y in deviations[: j + 1]]
        every = invariants(fields, variables)
        steps.append(
            Step(
                f"nothing else is, to degree 2, n = {n}",
                same_span(every, [*deviations, *more, claimed], variables),
            )
        )
    return steps


def _end(law: ConvBias) -> list[Step]:
    h, total, b = sp.symbols("h S b", real=True)
    n = sp.Symbol("n", integer=True, positive=True)
    square = sp.Symbol("x", positive=True)
    steps = []
    claimed = law.readout_squared(h, n, sp.sqrt)
    # a² - S²/n = h with S = 1/(2a): x - 1/(4nx) = h.
    steps.append(
        Step(
            "the end lies on the level of h",
            sp.simplify(sp.expand(claimed**2 - h * claimed - 1 / (4 * n))) == 0,
        )
    )
    # The other root is negative: their product is -1/(4n).
    other = sp.simplify(sp.expand(claimed * (h - claimed)) + 1 / (4 * n)) == 0
    steps.append(Step("a² > 0 there", other and claimed.subs(h, 0).is_positive is True))
    # e = (2aS - 1) r + Nab vanishes on two radii only if both parts do.
    first, second, third, number = (
        sp.Symbol("r1", positive=True),
        sp.Symbol("d", positive=True),
        sp.Symbol("a", nonzero=True, real=True),
        sp.Symbol("N", positive=True),
    )
    errors = [(2 * third * total - 1) * r + number * third * b for r in (first, first + second)]
    solved = sp.solve(errors, [total, b], dict=True)
    exact = solved == [{total: 1 / (2 * third), b: sp.Integer(0)}]
    grows = sp.diff(square - 1 / (4 * n * square), square).is_positive is True
    return [
        *steps,
        Step("r̂ = r on two radii needs b = 0 and aS = 1/2", exact),
        Step("x - 1/(4nx) grows: one a² for every h", grows),
    ]


def _sign(law: ConvBias) -> list[Step]:
    """On a = 0: the loss is R, h <= 0; its critical points lie on a line, and the Hessian there has
    both signs.
    """
    s, b = sp.symbols("s b", positive=True)
    second = sp.Symbol("R", positive=True)
    mean, number, root = sp.symbols("mu N rho", positive=True)
    a = sp.Symbol("a", real=True)
    # L = E[(a(2rS + Nb) - r)²], S = √n s.
    loss = (
        second * (2 * a * root * s - 1) ** 2
        + 2 * mean * (2 * a * root * s - 1) * number * a * b
        + (number * a * b) ** 2
    )
    there = sp.expand(loss.subs(a, 0))
    slope = sp.expand(sp.diff(loss, a).subs(a, 0) + 2 * (2 * root * second * s + number * mean * b))
    cross = sp.diff(loss, a, s).subs(a, 0)
    flat = sp.diff(loss, s, 2).subs(a, 0)
    undecided = law.sign_is_kept(-(s**2) - b**2, second, second)
    kept = law.sign_is_kept(s, 2 * second, second) and law.sign_is_kept(-s, second / 2, second)
    return [
        Step("the loss at a = 0 is E r²", sp.expand(there - second) == 0),
        Step("critical there iff 2√n R s + N μ b = 0", slope == 0),
        Step(
            "a saddle: the Hessian has a negative minor",
            flat == 0 and sp.expand(cross + 4 * root * second) == 0,
        ),
        Step("where the law promises the sign, a = 0 is impossible", not undecided),
        Step("it promises it for h > 0 and below E r²", bool(kept)),
    ]


def _without_bias(w: Vector, b: Scalar, a: Scalar) -> Any:
    """Wrong: as if the bias took nothing."""
    return balance(w, 0 * b, a)


def _balanced(h: Scalar, n: Scalar, sqrt: Function) -> Any:
    """Wrong: the minimum-norm end for every start."""
    return readout_squared(0 * h, n, sqrt)


def _always(h: Scalar, loss: Scalar, second_moment: Scalar) -> bool:
    """Wrong: a never changes its sign."""
    return True


CLAIM: Claim[ConvBias] = Claim(
    id="conv_bias",
    title="A bias in the convolution: it ends at 0, and moves every other weight",
    statement=(
        r"h = a^2 - \frac{S^2}{n} - b^2 \text{ is conserved}"
        r" \qquad b(\infty) = 0, \quad a(\infty)^2 = \frac{h + \sqrt{h^2 + 1/n}}{2}, \quad"
        r" w_u(\infty) = w_u(0) + \frac1n\left(\frac{1}{2a(\infty)} - S(0)\right)"
        r" \qquad \operatorname{sign} a(\infty) = \operatorname{sign} a(0) \text{ if } h > 0 \text{"
        r" or } L(0) < \mathrm{E}[r^2]"
    ),
    assumptions=(
        (
            r"gradient flow, $K = 1$, conv bias $b$, no readout bias, $\sigma$ the identity; data"
            r" on two or more radii up to $\frac N2 - h$, clear of the border"
        ),
        (
            r"where the last line says nothing, the data decide the sign, and starts of measure"
            r" zero end in a saddle with $a = 0$"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("the bias takes nothing: h = a² - S²/n", replace(LAW, balance=_without_bias)),
        Wrong("every start ends with the minimum norm", replace(LAW, readout_squared=_balanced)),
        Wrong("a never changes its sign", replace(LAW, sign_is_kept=_always)),
    ),
    requires=("conserved",),
)
