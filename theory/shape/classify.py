r"""The class of an activation, from its expression alone: a verified construction, an obstruction,
or neither.

    possible    some construction of theory.shape.constructions is shown to be exact; the one with
                the fewest channels is kept
    impossible  some obstruction of theory.shape.impossible applies, for every number of channels
                and taps
    undecided   neither was found: this says nothing about σ

Both at once would be a contradiction in the mathematics; the tests look for one.  What evaluations
of σ itself contradict (:mod:`theory.shape.crosscheck`) is undecided, too: pieces, premises, and
networks that are no better than others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import sympy as sp

from theory.citations import theorem
from theory.claim import Step
from theory.expressions.asymptotics import analytic, slopes_at_infinity
from theory.expressions.normal_form import (
    constant_value,
    is_zero,
    nonnegative,
    number_sign,
    vanishes,
)
from theory.expressions.pieces import Piece, Pieces, TooManyPieces, pieces, z
from theory.shape import crosscheck
from theory.shape.combinations import across
from theory.shape.constructions import constructions
from theory.shape.impossible import Obstruction, obstructions
from theory.shape.recipes import Construction, Freedom, Recipe, decide

__all__ = ["CLASSES", "Classification", "classify", "needs_two"]

CLASSES = (
    "affine_piece",
    "linear_odd_part",
    "polynomial",
    "affine_combination",
    "impossible",
    "undecided",
)
"""Every class; among constructions with equally many channels the earlier one gives its name."""


@dataclass(frozen=True)
class Classification:
    """What the shape of an activation permits.

    Attributes
    ----------
    kind: one of :data:`CLASSES`.
    channels: the smallest number of channels of a network known to be exact, None when there is
        none.
    minimal: fewer channels are proved impossible, whatever the number of taps.
    recipe: such a network with three taps, None when there is none.
    steps: what was decided.
    reason: why, in one or two sentences.
    lower: why fewer channels do not do, or empty.
    others: the family that the recipe belongs to, None where none is stated.
    """

    kind: str
    channels: int | None
    minimal: bool
    recipe: Recipe | None
    steps: tuple[Step, ...]
    reason: str
    lower: str = ""
    others: Freedom | None = None


@lru_cache(maxsize=1024)
def classify(expression: sp.Expr) -> Classification:
    """The class of σ, given as an expression in :data:`theory.expressions.pieces.z`; none that
    evaluations of σ contradict.
    """
    try:
        parts = pieces(expression)
    except TooManyPieces as error:
        return _undecided(str(error))
    shape = _found(expression, parts)
    wrong = _contradiction(expression, parts, shape)
    if wrong:
        return _undecided(f"evaluations of σ do not agree with what was found: {wrong}")
    return _with_sampled_others(expression, shape)


def _contradiction(expression: sp.Expr, parts: Pieces, shape: Classification) -> str | None:
    """What evaluations of σ do not confirm, in words."""
    if shape.kind == "undecided":
        return None
    refuted = next((step.name for step in shape.steps if not step.holds), None)
    if refuted or (refuted := crosscheck.misplaced(expression, parts)):
        return refuted
    if shape.recipe and not crosscheck.measures_radius(expression, shape.recipe.listed):
        return "the network does not measure the radius of pulses"
    return None


def _with_sampled_others(expression: sp.Expr, shape: Classification) -> Classification:
    """The family of the recipe is kept only if all its members measure the radius of pulses."""
    if shape.others is None:
        return shape
    members = shape.others.members
    if members and all(crosscheck.measures_radius(expression, member, 0) for member in members):
        return shape
    return replace(shape, others=None)


def _found(expression: sp.Expr, parts: Pieces) -> Classification:
    """The class by exact rules alone."""
    possible = _best(parts) or across(expression, parts)
    if possible:
        construction, steps = possible
        channels = construction.recipe.channels
        lower = needs_two(parts) if channels > 1 else None
        minimal = channels == 1 or (channels == 2 and lower is not None)
        words = "" if lower is None else lower.reason
        steps = steps + (lower.steps if lower else ())
        return Classification(
            construction.kind,
            channels,
            minimal,
            construction.recipe,
            steps,
            construction.reason,
            words,
            construction.others,
        )
    against = next(obstructions(parts.branches), None)
    if against:
        where = theorem(against.theorem)
        reason = f"{against.theorem}: {against.reason} ({where})"
        return Classification("impossible", None, True, None, against.steps, reason)
    return _undecided(
        "no construction and no obstruction known here applies, which says nothing about σ"
        " (docs/shape/shape.md#undecided-is-an-answer)"
    )


def _undecided(reason: str) -> Classification:
    return Classification("undecided", None, False, None, (), reason)


def _best(parts: Pieces) -> tuple[Construction, tuple[Step, ...]] | None:
    """The verified construction with the fewest channels."""
    best: tuple[tuple[int, int], Construction, tuple[Step, ...]] | None = None
    for fewest, construction in constructions(_candidates(parts)):
        key = construction.recipe.channels, CLASSES.index(construction.kind)
        if best and (best[0][0] < fewest or best[0] == (1, 0)):
            break
        if best and key >= best[0]:
            continue
        steps = decide(construction)
        if all(step.holds for step in steps):
            best = key, construction, steps
    return best[1:] if best else None


def _candidates(parts: Pieces) -> list[Piece]:
    """The widest pieces of each expression, affine ones first: they need the fewest channels.

    Of two equally wide pieces the right one comes first.
    """
    by_expression: dict[sp.Expr, list[Piece]] = {}
    from_the_right = list(parts.parts[::-1])
    for piece in sorted(from_the_right, key=lambda piece: -_width(piece)):
        by_expression.setdefault(piece.expression, []).append(piece)
    chosen = [piece for group in by_expression.values() for piece in group[:3]]
    return sorted(chosen, key=lambda piece: not piece.expression.is_polynomial(z))


def _width(piece: Piece) -> float:
    width = piece.high - piece.low
    return float(width) if width.is_finite else float("inf")


def needs_two(parts: Pieces) -> Obstruction | None:
    """Why one channel is never enough, for any number of taps, or None when no
    such proof is known.
    """
    return _different_asymptotes(parts) or _convex(parts) or _convex(parts, -1)


def _different_asymptotes(parts: Pieces) -> Obstruction | None:
    """σ analytic on the line and s_- != s_+: (s_+ - s_-) a Σ|w| = 0 is impossible."""
    if len(parts.branches) != 1:
        return None
    f = parts.branches[0]
    slopes = slopes_at_infinity(f) if analytic(f) else None
    if slopes is None or vanishes(slopes[1] - slopes[0]) is not False:
        return None
    return Obstruction(
        "different asymptotes",
        (
            Step("σ is analytic on the real line", crosscheck.regular(f)),
            Step(
                f"divided by z it tends to {slopes[0]} at -∞ and to {slopes[1]} at +∞",
                crosscheck.slopes_are(f, *slopes),
            ),
            Step(
                f"its asymptotic slopes {slopes[0]} and {slopes[1]} differ",
                crosscheck.slopes_differ(f),
            ),
        ),
        "one channel would need (s₊ - s₋) a Σ|w| = 0, and the asymptotic slopes of σ differ",
    )


def _convex(parts: Pieces, sign: int = 1) -> Obstruction | None:
    """sign · σ convex, and every affine piece level: D has one sign, and vanishes only where Δ
    does.
    """
    if not parts.complete:
        return None
    slopes, values = [], []
    for piece in parts.parts:
        f = sign * piece.expression
        second = sp.diff(f, z, 2)
        if _negative_somewhere(second, piece):
            return None
        curvature = sp.factor(sp.together(second.rewrite([sp.tanh, sp.cosh, sp.sinh], sp.exp)))
        if not nonnegative(curvature):
            return None
        inner = _inside(piece)
        near = (inner, (inner + piece.high) / 2 if piece.high.is_finite else inner + 1)
        if not any(number_sign(curvature.xreplace({z: place})) == 1 for place in near):
            if not is_zero(curvature):
                return None
            slope = constant_value(sp.diff(f, z), inner)
            if slope is None or vanishes(slope) is not True:
                return None
        slopes.append(sp.diff(f, z))
        values.append(f)
    for left, right, piece in zip(slopes[:-1], slopes[1:], parts.parts[1:], strict=True):
        rise = (right - left).xreplace({z: piece.low})
        if number_sign(rise) not in (0, 1):
            return None
    for before, after, piece in zip(values[:-1], values[1:], parts.parts[1:], strict=True):
        if vanishes((after - before).xreplace({z: piece.low})) is not True:
            return None
    word = "convex" if sign == 1 else "concave"
    bends = all(crosscheck.convex(piece.expression, sign) for piece in parts.parts)
    return Obstruction(
        word,
        (Step(f"σ is {word} and not affine on any interval where it is not constant", bends),),
        f"σ is {word}: every chord deviation has the same sign, so with one channel D ≡ 0 only"
        " where Δ = 0",
    )


def _inside(piece: Piece) -> sp.Expr:
    if piece.low.is_finite and piece.high.is_finite:
        return (piece.low + piece.high) / 2
    if piece.low.is_finite:
        return piece.low + 1
    return piece.high - 1 if piece.high.is_finite else sp.Integer(0)


def _negative_somewhere(second: sp.Expr, piece: Piece) -> bool:
    """A quick yes, in floating point, from a few points of the piece."""
    low = float(max(piece.low, sp.Integer(-6)))
    high = float(min(piece.high, sp.Integer(6)))
    try:
        function = sp.lambdify(z, second, "math")
        values = [function(low + (high - low) * (2 * k + 1) / 26) for k in range(13)]
        return bool(min(values) < -1e-9 * max(abs(value) for value in values))
    except (ArithmeticError, NameError, TypeError, ValueError):
        return False
