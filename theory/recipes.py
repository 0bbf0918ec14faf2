r"""Networks that are exact at every plateau radius, and the one proof for all of them.

A construction only proposes (:mod:`theory.constructions`).  What makes it exact is decided afterwards, in the same
way for all: on an interval J where σ equals one smooth function f,

    every step of every staircase lies in J,   and   Σ_k a_k Σ_steps (q - p) f'(b_k + p + φ (q - p)) = 1 for all φ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from theory.claim import Step
from theory.kinks import segments
from theory.network import g, taps
from theory.normal import is_zero, number_sign, shortest
from theory.pieces import Piece, z
from theory.plateau import kappa
from theory.signal import phi
from theory.staircase import to_taps

__all__ = [
    "Channel",
    "Construction",
    "Recipe",
    "assembled",
    "combined",
    "decide",
    "free_interval",
    "readout_bias",
    "rising",
    "within",
]

Channel = tuple[tuple[sp.Expr, ...], sp.Expr, sp.Expr]
"""(w, b, a)."""


@dataclass(frozen=True)
class Recipe:
    """A network that is exact at every plateau radius, but for its readout bias c.

    Attributes
    ----------
    w: one filter per channel, exact numbers.
    b, a: one number per channel.
    conditions: which other weights do as well, in words.
    """

    w: tuple[tuple[sp.Expr, ...], ...]
    b: tuple[sp.Expr, ...]
    a: tuple[sp.Expr, ...]
    conditions: str

    @property
    def channels(self) -> int:
        """K."""
        return len(self.a)


@dataclass(frozen=True)
class Construction:
    """A proposed recipe on one piece of σ: its class, and in one sentence why it should work."""

    kind: str
    recipe: Recipe
    piece: Piece
    reason: str


def decide(construction: Construction) -> tuple[Step, ...]:
    """The exact steps that prove a recipe, from the sub-pixel law alone: all of them hold, or it is no recipe."""
    piece, recipe = construction.piece, construction.recipe
    inside, total = True, sp.Integer(0)
    for w, channels in _by_filter(recipe).items():
        first = channels[0][0]
        slope = combined(sp.diff(piece.expression, z), [(b - first, a) for b, a in channels])
        for p, q in segments(w):
            inside = inside and all(within(b + end, piece) for b, _ in channels for end in (p, q))
            if q != p:
                argument = sp.expand(first + p + phi * (q - p))
                total += (q - p) * slope.xreplace({z: argument})
    where = f"({piece.low}, {piece.high}), where σ(z) = {piece.expression}"
    return (
        Step(f"every staircase lies in {where}", inside),
        Step("the slope of the response in φ is 1 for all φ", is_zero(total - 1)),
    )


def _by_filter(recipe: Recipe) -> dict[tuple[sp.Expr, ...], list[tuple[sp.Expr, sp.Expr]]]:
    """The (b, a) of the channels that share a filter."""
    groups: dict[tuple[sp.Expr, ...], list[tuple[sp.Expr, sp.Expr]]] = {}
    for w, b, a in zip(recipe.w, recipe.b, recipe.a, strict=True):
        groups.setdefault(w, []).append((b, a))
    return groups


def combined(slope: sp.Expr, shifts: list[tuple[sp.Expr, sp.Expr]]) -> sp.Expr:
    """Σ a f'(z + s): for a polynomial f' its own, short, normal form."""
    if not slope.is_polynomial(z):
        return sp.Add(*(a * slope.xreplace({z: z + s}) for s, a in shifts))
    poly, lead = sp.Poly(slope, z), shifts[0][1]
    total = sp.Poly(0, z)
    for s, a in shifts:
        total += _share(a, lead) * poly.compose(sp.Poly(z + sp.expand(s), z))
    return lead * sp.Add(*(sp.expand(c) * z**power for (power,), c in total.terms()))


def _share(a: sp.Expr, lead: sp.Expr) -> sp.Expr:
    """a / lead, as the fraction that it is shown to be: differences give rational shares of one weight."""
    digits = (a / lead).evalf(60, maxn=200)
    guess = sp.nsimplify(digits, rational=True, tolerance=sp.Float("1e-30"))
    return guess if is_zero(sp.expand(a - guess * lead)) else a / lead


def within(value: sp.Expr, piece: Piece) -> bool:
    """Strictly inside: σ may jump where the piece ends."""
    above = piece.low == -sp.oo or number_sign(value - piece.low) == 1
    return above and (piece.high == sp.oo or number_sign(piece.high - value) == 1)


def readout_bias(expression: sp.Expr, recipe: Recipe, length: int) -> sp.Expr:
    """c = -Σ_k a_k (N g_k(0) + κ_k), exact, for σ as an expression in z and a signal of N = ``length`` pixels."""
    n = len(recipe.w[0])
    law = length * g(sp.Integer(0)) + to_taps(kappa(n), n)
    c = sp.Integer(0)
    for w, b, a in zip(recipe.w, recipe.b, recipe.a, strict=True):
        there = law.xreplace(dict(zip(taps(n), w, strict=True)))
        c -= a * there.replace(g, lambda v, b=b: expression.xreplace({z: sp.expand(v + b)}))
    return shortest(c)


def free_interval(piece: Piece) -> tuple[sp.Expr, sp.Expr] | None:
    """Rationals p < q strictly inside the piece, q - p = 1 where there is room; None without any."""
    low, high = piece.low, piece.high
    if low == -sp.oo and high == sp.oo:
        return sp.Integer(0), sp.Integer(1)
    if high == sp.oo:
        p = sp.floor(low) + 1
        return p, p + 1
    if low == -sp.oo:
        q = sp.ceiling(high) - 1
        return q - 1, q
    if number_sign(high - low) != 1:
        return None
    for level in range(60):
        unit = sp.Rational(1, 2**level)
        p, q = (sp.floor(low / unit) + 1) * unit, (sp.ceiling(high / unit) - 1) * unit
        if q > p:
            return p, min(q, p + 1)
    return None


def rising(total: sp.Expr) -> tuple[sp.Expr, ...]:
    """Three taps with a rising staircase: shares 1/4, 1/2, 1/4 of S."""
    return total / 4, total / 2, total / 4


def assembled(channels: Sequence[Channel], conditions: str) -> Recipe:
    """The recipe with these channels."""
    w, b, a = zip(*channels, strict=True)
    return Recipe(tuple(w), tuple(b), tuple(a), conditions)
