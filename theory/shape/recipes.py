r"""Networks that are exact at every plateau radius, and the one proof for all of them.

A construction only proposes (:mod:`theory.shape.constructions`).  What makes it exact is decided
afterwards, in the same way for all: on an interval J where σ equals one smooth function f,

    every step of every staircase lies in J,   and
    Σ_k a_k Σ_steps (q - p) f'(b_k + p + φ (q - p)) = 1 for all φ.

Which other weights do as well is a :class:`Freedom`: in words, with members that are run before the
words are printed (:mod:`theory.shape.crosscheck`).  Nearly all have one form: where Σ_j c_j f(d_j y
+ s_j) = s y + t for all y in an interval I, the channels (d_j w, d_j b + s_j, c_j a) with a = 1/(2
s S) are exact for any w and b whose staircase stays in I.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import sympy as sp

from theory.claim import Step
from theory.expressions.normal_form import is_zero, number_sign, shortest
from theory.expressions.pieces import Piece, z
from theory.pulse.kinks import segments
from theory.pulse.network import Network, g, taps
from theory.pulse.plateau import kappa
from theory.pulse.signal import phi
from theory.pulse.staircase import to_taps

__all__ = [
    "Channel",
    "Construction",
    "Freedom",
    "Recipe",
    "combined",
    "decide",
    "free_interval",
    "freedom",
    "freedom_of_cubic",
    "readout_bias",
    "rising",
    "within",
]

Channel = tuple[tuple[sp.Expr, ...], sp.Expr, sp.Expr]
"""(w, b, a)."""


@dataclass(frozen=True)
class Freedom:
    """Which other weights do as well: in words, and networks of the family, each a list of
    channels.
    """

    words: str
    members: tuple[tuple[Channel, ...], ...]


Recipe: TypeAlias = Network[sp.Expr]
"""A network that is exact at every plateau radius, in exact numbers, its readout bias left open."""


@dataclass(frozen=True)
class Construction:
    """A proposed recipe on one piece of σ: its class, and in one sentence why it should work.

    ``others`` is the family that the recipe belongs to, None where none is stated.
    """

    kind: str
    recipe: Recipe
    piece: Piece
    reason: str
    others: Freedom | None = None


def decide(construction: Construction) -> tuple[Step, ...]:
    """The exact steps that prove a recipe, from the sub-pixel law alone: all of them hold, or it is
    no recipe.
    """
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
    for w, b, a in recipe.listed:
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
    """a / lead, as the fraction that it is shown to be: differences give rational shares of one
    weight.
    """
    digits = (a / lead).evalf(60, maxn=200)
    guess = sp.nsimplify(digits, rational=True, tolerance=sp.Float("1e-30"))
    return guess if is_zero(sp.expand(a - guess * lead)) else a / lead


def within(value: sp.Expr, piece: Piece) -> bool:
    """Strictly inside: σ may jump where the piece ends."""
    above = piece.low == -sp.oo or number_sign(value - piece.low) == 1
    return above and (piece.high == sp.oo or number_sign(piece.high - value) == 1)


def readout_bias(expression: sp.Expr, recipe: Recipe, length: int) -> sp.Expr:
    """c = -Σ_k a_k (N g_k(0) + κ_k), exact, for σ as an expression in z and a signal of N =
    ``length`` pixels.
    """
    n = recipe.taps
    law = length * g(sp.Integer(0)) + to_taps(kappa(n), n)
    c = sp.Integer(0)
    for w, b, a in recipe.listed:
        there = law.xreplace(dict(zip(taps(n), w, strict=True)))
        c -= a * there.replace(g, lambda v, b=b: expression.xreplace({z: sp.expand(v + b)}))
    return shortest(c)


def free_interval(piece: Piece) -> tuple[sp.Expr, sp.Expr] | None:
    """Rationals p < q strictly inside the piece, q - p = 1 where there is room;
    None without any.
    """
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


# --- which other weights do as well -----------------------------------------------------------

Term = tuple[sp.Expr, sp.Expr, sp.Expr]
"""(d, s, c): the channel (d w, d b + s, c a)."""

MOST_TERMS = 4
"""Families of more channels are not put into words."""
SHAPES = tuple(
    tuple(sp.Rational(tap) for tap in shape.split())
    for shape in ("1/4 1/2 1/4", "4 4 4", "1 -2 3", "-1 0 -2", "1/3 -1 2 1 -1/5", "40 -7 5")
)
"""Filters of the members, S != 0: rising and falling ones, small and large, of three and of five
taps.
"""
SCALES = tuple(map(sp.Rational, ("1/4", "1", "3")))
CUBIC_SHAPES = (
    (sp.Integer(1), sp.Integer(1), -sp.cbrt(2)),
    (sp.Integer(2), -sp.Integer(1), -sp.cbrt(7)),
    tuple(map(sp.Integer, (3, 4, 5, -6, 0))),
)
"""Filters with Σ w_u³ = 0 and S != 0; the last by 3³ + 4³ + 5³ = 6³."""


def freedom(terms: Sequence[Term], slope: sp.Expr, low: sp.Expr, high: sp.Expr) -> Freedom | None:
    """The family of Σ_j c_j f(d_j y + s_j) = slope y + t on (low, high); None without a member."""
    inner = _rational_ends(low, high)
    if inner is None or len(terms) > MOST_TERMS:
        return None
    fits = (fit for shape in SHAPES for fit in _fitted(shape, *inner))
    members = tuple(
        tuple(
            (tuple(d * tap for tap in w), d * b + s, c / (2 * slope * sp.Add(*w)))
            for d, s, c in terms
        )
        for w, b in fits
    )
    words = f"any w and b with S != 0{_inside(low, high)}"
    if terms != ((1, 0, 1),):
        words += f": channels {', '.join(_channel_words(*term) for term in terms)}"
    share = 1 / (2 * slope)
    above, below = (share.p, share.q) if share.is_Rational else (f"({share})", 1)
    return Freedom(f"{words}; a = {above}/{'S' if below == 1 else f'({below} S)'}", members)


def freedom_of_cubic(f: sp.Expr, centre: sp.Expr, low: sp.Expr, high: sp.Expr) -> Freedom | None:
    """The family of one channel with Σ w_u³ = 0 on a cubic f with its inflection at ``centre``."""
    members = []
    for w in (tuple(t * tap for tap in shape) for shape in CUBIC_SHAPES for t in SCALES):
        total = sp.Add(*w)
        b = sp.expand(centre - total / 2)
        rise = sp.expand(f.xreplace({z: b + total}) - f.xreplace({z: b}))
        values = {b + end for pair in segments(w) for end in pair}
        if number_sign(rise) and all(within(v, Piece(low, high, f)) for v in values):
            members.append(((w, b, 1 / (2 * rise)),))
    start = "-S/2" if centre == 0 else f"{centre} - S/2"
    words = f"any w with Σ w_u³ = 0 (three taps or more), b = {start} and Δ = σ(b + S) - σ(b) != 0"
    return Freedom(f"{words}{_inside(low, high)}; a = 1/(2Δ)", tuple(members)) if members else None


def _inside(low: sp.Expr, high: sp.Expr) -> str:
    if low == -sp.oo and high == sp.oo:
        return ""
    values = "all of b, b + C_j, b + T_j"
    if high == sp.oo:
        return f" and {values} > {low}"
    return f" and {values} < {high}" if low == -sp.oo else f" and {values} in ({low}, {high})"


def _channel_words(d: sp.Expr, s: sp.Expr, c: sp.Expr) -> str:
    b = f"{_factor(d)}b"
    if s != 0:
        b = f"{b} + {s}" if d > 0 else f"{s} - {_factor(-d)}b"
    return f"({_factor(d)}w, {b}, {_factor(c)}a)"


def _factor(value: sp.Expr) -> str:
    """A coefficient in front of a letter."""
    signs = {sp.Integer(1): "", sp.Integer(-1): "-"}
    return signs.get(value, f"{value} " if value.is_Rational else f"({value}) ")


def _rational_ends(low: sp.Expr, high: sp.Expr) -> tuple[sp.Expr, sp.Expr] | None:
    """Rational ends up to 2^-20 inside (low, high), infinite ones as they are;
    None without room.
    """
    unit = sp.Rational(1, 2**20)
    if low.is_finite and not low.is_Rational:
        low = (sp.floor(low / unit) + 1) * unit
    if high.is_finite and not high.is_Rational:
        high = (sp.ceiling(high / unit) - 1) * unit
    return (low, high) if low < high else None


def _fitted(
    w: tuple[sp.Expr, ...], low: sp.Expr, high: sp.Expr
) -> list[tuple[tuple[sp.Expr, ...], sp.Expr]]:
    """(w, b), the filter made smaller where it has to be, with its staircase close to each end."""
    reach = [end for pair in segments(w) for end in pair]
    gap = sp.Rational(1, 1000)
    if low.is_finite and high.is_finite:
        gap = min(gap, (high - low) / 1000)
        scale = min(sp.Integer(1), (high - low - 2 * gap) / (max(reach) - min(reach)))
        w, reach = tuple(scale * tap for tap in w), [scale * end for end in reach]
    starts = [low + gap - min(reach)] if low.is_finite else []
    starts += [high - gap - max(reach)] if high.is_finite else []
    return [(w, b) for b in starts or [sp.Integer(0), -sp.Rational(7, 3)]]
