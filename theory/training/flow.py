r"""Every weight at convergence, from its initial value.

On the linear cell, with u_k = a_k + S_k/√n, v_k = a_k - S_k/√n, U = Σu_k² > 0, W = Σv_k², gradient
flow on any data, with or without a readout bias, multiplies u by √E and v by 1/√E, and ends where

    E = (1 + √(1 + n U W)) / (√n U),    w_{k,u}(∞) = w_{k,u}(0) + (S_k(∞) - S_k(0))/n.

The data set the pace along this one curve, and nothing else.  Only U = 0 is excluded, a_k = -S_k/√n
in every
channel: from there the flow runs into the saddle a = S = 0.  Derivation: docs/training/flow.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from theory.claim import Claim, Kernel, Proof, Step, Wrong
from theory.pulse.network import taps
from theory.pulse.signal import pulse
from theory.training import linear_cell
from theory.training.invariants import answer, field
from theory.training.linear_cell import Taps
from theory.types import Function, Scalar, Vector

__all__ = ["CLAIM", "LAW", "Flow", "end"]


@dataclass(frozen=True)
class Flow:
    """The law: where the turn ends, what it makes of (a, S), and what S makes of the taps.

    Attributes
    ----------
    stretch: (U, W, √n, sqrt) -> E.
    unfold: (u, v, √n, A, B) -> (a, S) after u was multiplied by A and v by B.
    moved: (w, S) -> the taps after the sums became S.
    """

    stretch: Callable[[Scalar, Scalar, Scalar, Function], Any]
    unfold: Callable[[Vector, Vector, Scalar, Scalar, Scalar], tuple[list[Any], list[Any]]]
    moved: Callable[[Taps, Vector], list[list[Any]]]


def end(
    law: Flow, w: Taps, a: Vector, root: Scalar, sqrt: Function
) -> tuple[list[list[Any]], list[Any]]:
    """(w, a) at convergence, for any kind of number; ``root`` is √n in that kind.  U must be
    positive.
    """
    u, v = linear_cell.light_cone(w, a, root)
    big_u, big_w = linear_cell.squares(u, v)
    factor = sqrt(law.stretch(big_u, big_w, root, sqrt))
    new_a, sums = law.unfold(u, v, root, factor, 1 / factor)
    return law.moved(w, sums), new_a


LAW = Flow(linear_cell.stretch, linear_cell.unfold, linear_cell.moved)
"""The law as derived here."""

MODELS = ((1, 1), (3, 1), (5, 1), (1, 2), (3, 2), (3, 3), (7, 2))
"""(n, K) of the machine proof."""


def prove(law: Flow) -> Proof:
    """The curve solves the flow of the double sum; θ grows along it; its end is exact and the only
    one.
    """

    def steps() -> Iterator[Step]:
        for model in MODELS:
            yield from _curve(law, *model)
        yield from _turning_point(law)

    covers = (
        "n = 1, 3, 5, 7 with K = 1, 2, 3 (n = 3), K = 1, 2 (n = 1), K = 1 (n = 5), K = 2 (n = 7);"
        " any weights with U > 0, any radii and data, with and without c"
    )
    return Proof(steps(), covers)


def _curve(law: Flow, n: int, channels: int) -> list[Step]:
    numbers = range(1, channels + 1)
    w = [taps(n, str(k)) for k in numbers]
    a = [sp.Symbol(f"a_{k}", real=True) for k in numbers]
    flat = [tap for row in w for tap in row]
    variables, root = [*flat, *a], sp.sqrt(n)
    h = n // 2
    zero = [sp.Integer(0)] * channels
    e = sp.Symbol("e", positive=True)  # e = e^τ
    u, v = linear_cell.light_cone(w, a, root)
    new_a, sums = law.unfold(u, v, root, e, 1 / e)
    new_w = law.moved(w, sums)
    curve = [*(tap for row in new_w for tap in row), *new_a]
    along = dict(zip(variables, curve, strict=True))
    steps = []
    name = f"n = {n}, K = {channels}"
    for m, part in ((h + 1, sp.Integer(0)), (h + 2, sp.Rational(2, 5))):
        r = m - sp.Rational(1, 2) + part
        given = answer(w, zero, a, sp.Integer(0), pulse(m, part, 3 * h + 3))
        pull = field(given, variables)
        # d/dτ = e d/de; the field of radius r is 2r√n times the common direction.
        solves = all(
            sp.expand(2 * r * root * e * sp.diff(x, e) - p.xreplace(along)) == 0
            for x, p in zip(curve, pull, strict=True)
        )
        steps.append(Step(f"the curve follows the field of r = {r}, {name}", solves))
        big_u, big_w = linear_cell.squares(u, v)
        here = given.xreplace(along) - 2 * r * root * (big_u * e**2 - big_w / e**2) / 4
        steps.append(Step(f"r̂ along the curve, r = {r}, {name}", sp.expand(here) == 0))
    starts = all(sp.expand(x.subs(e, 1) - v0) == 0 for x, v0 in zip(curve, variables, strict=True))
    return [*steps, Step(f"the curve begins at the start, {name}", starts)]


def _turning_point(law: Flow) -> list[Step]:
    """θ = (√n/4)(UE - W/E) grows with E, from -∞ (or 0) to ∞, and is 1/2 at the law's E alone."""
    big_u = sp.Symbol("U", positive=True)
    big_w, root = sp.Symbol("W", nonnegative=True), sp.Symbol("rho", positive=True)
    e = sp.Symbol("E", positive=True)
    theta = root * (big_u * e - big_w / e) / 4
    grows = sp.expand(sp.diff(theta, e) - root * (big_u + big_w / e**2) / 4) == 0
    claimed = law.stretch(big_u, big_w, root, sp.sqrt)
    # E θ = E/2 is a quadratic equation for E; that avoids dividing by the nested root.
    zero = sp.expand(root * (big_u * claimed**2 - big_w) - 2 * claimed)
    return [
        Step("θ grows with E", bool(grows)),
        Step("θ = 1/2 at the end", sp.simplify(zero) == 0),
        Step("E > 0 at the end", claimed.is_positive is True),
    ]


def _one_edge(big_u: Scalar, big_w: Scalar, root: Scalar, sqrt: Function) -> Any:
    """Wrong: θ = 1 at the end, one edge of the pulse instead of two."""
    return linear_cell.stretch(big_u, big_w, root, sqrt, grown=2)


def _balanced(big_u: Scalar, big_w: Scalar, root: Scalar, sqrt: Function) -> Any:
    """Wrong: W is left out, as if every network started balanced."""
    return linear_cell.stretch(big_u, 0 * big_w, root, sqrt)


def _same_shape(w: Taps, sums: Vector) -> list[list[Any]]:
    """Wrong: the filter keeps its shape and is scaled (by S'/S), instead of shifted."""
    result = []
    for row, total in zip(w, sums, strict=True):
        before = sum(row[1:], row[0])
        result.append([tap * total / before for tap in row])
    return result


CLAIM: Claim[Flow] = Claim(
    id="flow",
    title="Every weight at convergence, from its initial value",
    statement=(
        r"w_{k,u}(\infty) = w_{k,u}(0) + \frac{S_k(\infty) - S_k(0)}{n}"
        r" \qquad a_k(\infty) \pm \frac{S_k(\infty)}{\sqrt n} = E^{\pm 1/2}\left(a_k(0) \pm"
        r" \frac{S_k(0)}{\sqrt n}\right)"
        r" \qquad E = \frac{1 + \sqrt{1 + n U W}}{\sqrt n\, U}, \quad"
        r" U, W = \sum_k \left(a_k(0) \pm \frac{S_k(0)}{\sqrt n}\right)^2"
    ),
    assumptions=(
        (
            r"gradient flow on the mean squared error, any data on two or more radii up to $\frac"
            r" N2 - h$, clear of the border, with or without $c$; no conv bias, sum pooling"
        ),
        r"the linear cell: $\sigma$ the identity, or ReLU while it stays active",
        r"$U > 0$",
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("one edge: θ = 1 at the end", replace(LAW, stretch=_one_edge)),
        Wrong("as if every start were balanced, W = 0", replace(LAW, stretch=_balanced)),
        Wrong("the filter is scaled, not shifted", replace(LAW, moved=_same_shape)),
    ),
    requires=("conserved",),
    kernel=Kernel(
        (
            "all n and K, σ the identity, any start with U > 0: the curve, and its one exact "
            "point, the end; not that the flow arrives there"
        ),
        (
            "Flow.linear_answer",
            "Flow.unfold_start",
            "Flow.unfold_sum",
            "Flow.unfold_follows",
            "Flow.curve_conserves",
            "Flow.stretch_unique",
            "Flow.end_of_flow",
            "Flow.end_is_exact",
        ),
    ),
)
