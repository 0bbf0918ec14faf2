r"""The span condition: a network is exact on all plateau radii iff the constant 1 is a sum of
copies of σ'.

On the cell r = m - 1/2 + φ the pooled response has, wherever it is differentiable, the derivative

    d/dφ Σ_i g(z_i) = Σ_u w_u [g'(C_{u-1} + φ w_u) + g'(T_{u+1} + φ w_u)],        ∫_0^1 of it = 2Δ,

and dr/dφ = 1.  σ continuous and piecewise C¹: r̂ = r on all plateau radii, for the right c, **iff**

    (SPAN)   Σ_k a_k Σ_u w_{k,u} [σ'(b_k + C_{u-1} + φ w_u) + σ'(b_k + T_{u+1} + φ w_u)] = 1
    for almost all φ.

With jumps: iff (SPAN) holds and the jumps cancel, on arrival and on leaving each (:func:`leaps`).
A *copy* is a pair (α, β), the function σ(αφ + β); a network is a sum of 2nK copies, and each copy
is a network of one tap with half the readout weight.  So a finite exact network exists, for some K
and n, **iff** one with n = 1 exists, **iff** (σ continuous) a nonzero constant lies in the span of
the functions σ'(αx + β), α ≠ 0, on an interval.  Derivation: docs/shape/span.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.pulse.network import direct_response, g, taps
from theory.pulse.plateau import slope
from theory.pulse.signal import phi, radius
from theory.pulse.staircase import C, T, to_taps
from theory.types import Scalar, Vector

__all__ = ["CLAIM", "Jump", "Leap", "Primitive", "copies", "leaps", "response_rate", "unrolled"]


def response_rate(n: int, f: sp.Function = g) -> sp.Expr:
    """The law: the derivative of the pooled response by φ, in staircase symbols; ``f`` stands for
    g'.
    """
    h, w = n // 2, taps(n)
    edges = ((w[u + h], C(u - 1, n), T(u + 1, n)) for u in range(-h, h + 1))
    return sp.Add(
        *(tap * (f(left + phi * tap) + f(right + phi * tap)) for tap, left, right in edges)
    )


def copies(w: Vector, b: Scalar) -> list[tuple[Any, Any]]:
    """The 2n copies (α, β) of σ in one channel: (w_u, b + C_{u-1}), then (w_u, b + T_{u+1})."""
    found = []
    for side in (w, tuple(reversed(w))):
        level = b
        for tap in side:
            found.append((tap, level))
            level = level + tap
    return found


def unrolled(w: Vector, b: Scalar, a: Scalar) -> list[tuple[Any, Any, Any]]:
    """Channels (w, b, a) of one tap each with the same derivative: a copy (α, β) becomes (α, β,
    a/2).

    On exact numbers nothing is rounded.  Taps that are 0 contribute no channel.
    """
    return [(alpha, beta, a / 2) for alpha, beta in copies(w, b) if alpha != 0]


@dataclass(frozen=True)
class Jump:
    """A jump of σ at ``location``: ``before`` = σ(t) - σ(t-), ``after`` = σ(t+) - σ(t)."""

    location: Any
    before: Any
    after: Any


@dataclass(frozen=True)
class Leap:
    """A jump of the response at φ = ``star``: ``arrive`` = R(φ) - R(φ-), ``leave``
    = R(φ+) - R(φ).
    """

    star: Any
    arrive: Any
    leave: Any


def leaps(w: Vector, b: Scalar, jumps: Sequence[Jump]) -> list[Leap]:
    """Where the response of one channel with taps w (n,) jumps on a cell, and by how much, for
    exact numbers.

    A copy with w_u > 0 passes t from below, one with w_u < 0 from above. At φ = 0 only ``leave``
    and at φ = 1 only ``arrive`` belongs to the cell, the other is 0.
    """
    response_jumps = []
    for alpha, beta in copies(w, b):
        for jump in jumps:
            if alpha == 0:
                continue
            star = (jump.location - beta) / alpha
            arrive, leave = (jump.before, jump.after) if alpha > 0 else (-jump.after, -jump.before)
            if 0 <= star <= 1:
                response_jumps.append(
                    Leap(star, arrive if star > 0 else 0, leave if star < 1 else 0)
                )
    return response_jumps


class Primitive(sp.Function):
    """An undefined function whose derivative is the undefined g: what "any σ, with its derivative"
    is.
    """

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The derivative at the argument."""
        return g(self.args[0])


RateLaw = Callable[[int], sp.Expr]
PROVED_TAPS = (1, 3, 5, 7, 9, 21)


def prove(law: RateLaw) -> Proof:
    """The chain rule on the direct double sum; what the derivative adds up to;
    copies as channels.
    """
    covers = (
        "n = 1, 3, 5, 7, 9, 21; r in [n/2, n/2+1] and, below 10 taps, up to n/2+3; any"
        " differentiable g, all φ (a kink or jump of σ excludes finitely many φ)"
    )
    return Proof(_steps(law), covers)


def _steps(law: RateLaw) -> Iterator[Step]:
    for n in PROVED_TAPS:
        rate = to_taps(law(n), n)
        yield from _prove_derivative(rate, n)
        whole = _antiderivative(rate)
        gain = whole.xreplace({phi: sp.Integer(1)}) - whole.xreplace({phi: sp.Integer(0)})
        due = to_taps(2 * slope(Primitive), n)
        yield Step(f"the integral over a cell is 2Δ, n = {n}", sp.expand(gain - due) == 0)
        parts = sp.Add(
            *(
                half * _one_tap(law(1), tap, level)
                for tap, level, half in unrolled(taps(n), 0, sp.S.One)
            )
        )
        yield Step(f"as {2 * n} channels of one tap, n = {n}", sp.expand(parts - rate) == 0)


def _prove_derivative(rate: sp.Expr, n: int) -> Iterator[Step]:
    h, w = n // 2, taps(n)
    for m in range(h + 1, h + 4) if n < 10 else (h + 1,):
        length = m + 1 + h
        direct = direct_response(w, m, phi, length, Primitive)
        per_radius = sp.diff(direct, phi) / sp.diff(radius(m), phi)
        where = f"n = {n}, r in [{2 * m - 1}/2, {2 * m + 1}/2]"
        yield Step(f"derivative, {where}", sp.expand(per_radius - rate) == 0)
        # The cells join: the derivative everywhere inside is all that there is to know.
        here = direct.xreplace({phi: sp.Integer(1)})
        there = direct_response(w, m + 1, sp.Integer(0), length, Primitive)
        yield Step(f"joins the next cell, {where}", sp.expand(here - there) == 0)


def _antiderivative(rate: sp.Expr) -> sp.Expr:
    """∫ c g(p + φ q) dφ = c G(p + φ q) / q, term by term, G' = g."""
    return rate.replace(g, lambda argument: Primitive(argument) / sp.diff(argument, phi))


def _one_tap(law: sp.Expr, tap: sp.Expr, level: sp.Expr) -> sp.Expr:
    """The law for one tap, with this tap and the bias raised by ``level``."""
    return to_taps(law, 1).xreplace({taps(1)[0]: tap}).replace(g, lambda value: g(level + value))


def _left_only(n: int) -> sp.Expr:
    """Wrong: the staircase T is forgotten."""
    h, w = n // 2, taps(n)
    return sp.Add(*(w[u + h] * g(C(u - 1, n) + phi * w[u + h]) for u in range(-h, h + 1)))


def _late(n: int) -> sp.Expr:
    """Wrong: off by one, each step begins where it should end."""
    h, w = n // 2, taps(n)
    edges = ((w[u + h], C(u, n), T(u, n)) for u in range(-h, h + 1))
    return sp.Add(
        *(tap * (g(left + phi * tap) + g(right + phi * tap)) for tap, left, right in edges)
    )


def _no_factor(n: int) -> sp.Expr:
    """Wrong: the chain rule's factor w_u is missing."""
    h, w = n // 2, taps(n)
    edges = ((w[u + h], C(u - 1, n), T(u + 1, n)) for u in range(-h, h + 1))
    return sp.Add(*(g(left + phi * tap) + g(right + phi * tap) for tap, left, right in edges))


CLAIM: Claim[RateLaw] = Claim(
    id="span",
    title="The span condition: exact iff the constant 1 is a sum of copies of σ'",
    statement=(
        r"\hat r = r \ \Longleftrightarrow\ \sum_k a_k \sum_u w_{k,u} \left[\sigma'(b_k + C_{u-1} +"
        r" \varphi w_{k,u})"
        r" + \sigma'(b_k + T_{u+1} + \varphi w_{k,u})\right] = 1 \ \text{ for almost all } \varphi"
        r" \in (0,1)"
    ),
    assumptions=(
        r"all plateau radii $r = m - \tfrac12 + \varphi \ge n/2$, and the right readout bias $c$",
        (
            r"$\sigma$ continuous and piecewise $C^1$; with jumps: and at every $\varphi$ the jumps"
            r" on arrival add up to 0, and so do those on leaving; terms with $w_{k,u} = 0$ are 0"
        ),
        r"$C$ and $T$ are the staircases of channel $k$; zero padding and $m + h \le L$",
        (
            r"consequence ($\sigma$ continuous): some finite network is exact iff a nonzero"
            r" constant lies in the span of the copies"
            r" $\sigma'(\alpha x + \beta)$, $\alpha \ne 0$, on an interval; one tap is then enough"
        ),
    ),
    law=response_rate,
    prove=prove,
    wrong=(
        Wrong("the staircase T is forgotten", _left_only),
        Wrong("off by one: each step begins where it should end", _late),
        Wrong("the chain rule's factor w is missing", _no_factor),
    ),
    requires=("subpixel",),
)
