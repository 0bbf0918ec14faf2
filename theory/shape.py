r"""What the shape of an activation permits: exact with how many channels and which weights, or never.

A network is exact at every plateau radius iff a constant is a combination of dilated, shifted copies of σ'
(theory.span).  From the expression of σ alone follows its class:

    affine piece         one channel, staircase on the piece
    linear odd part      σ(t+z) - σ(t-z) = s z: a channel and its mirror image
    polynomial           of degree d: differences in b
    affine combination   shifts, dilations or mirror images that leave a polynomial
    impossible           an obstruction applies: no network of any size is exact
    undecided            no construction and no obstruction is known

``python -m theory.shape EXPRESSION`` prints it for any expression in z.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import sympy as sp

from theory.activation import ACTIVATIONS, Activation
from theory.claim import Claim, Proof, Step, Wrong
from theory.classify import Shape, classify, needs_two
from theory.families import family
from theory.impossible import obstructions
from theory.kinks import segments
from theory.pieces import Piece, pieces, z
from theory.recipes import Construction, Recipe, decide

__all__ = ["CLAIM", "LAW", "ShapeLaw", "prove"]

ShapeLaw = Callable[[sp.Expr], Shape]
"""The law: σ(z) -> what its shape permits."""

LAW: ShapeLaw = classify
"""The law as derived."""


def prove(law: ShapeLaw) -> Proof:
    """For every row of the catalogue the stated network is decided exact, or an obstruction to apply.

    So are, where there are networks, those with all weights and parameters as symbols (theory.families).
    """
    steps: list[Step] = []
    for row in ACTIVATIONS.values():
        stated = law(row.expression)
        found = [*_steps(row.expression, stated), *_symbolic(row)]
        steps += [replace(s, name=f"{row.name}: {s.name}") for s in found]
    covers = (
        "every row of the catalogue, all plateau radii r >= n/2 and n = 3 taps for the networks, every K and n for "
        "what is impossible"
    )
    return Proof(tuple(steps), covers)


@cache
def _symbolic(row: Activation) -> tuple[Step, ...]:
    """The networks with all weights and parameters as symbols: derived from the row, whatever the law says."""
    found = family(row)
    return () if found is None else (found.decide(),)


def _steps(expression: sp.Expr, stated: Shape) -> Iterator[Step]:
    parts = pieces(expression)
    if stated.recipe is not None:
        yield from _exact(stated.recipe, parts.parts)
        yield Step(
            f"{stated.channels} channels are those of the network",
            stated.recipe.channels == stated.channels,
        )
        if stated.minimal and stated.recipe.channels > 1:
            lower = needs_two(parts)
            yield Step("one channel is never enough", lower is not None)
            yield from lower.steps if lower else ()
            yield Step("two channels are the fewest", stated.recipe.channels == 2)
        return
    against = tuple(obstructions(parts.branches))
    yield Step(
        f"stated {stated.kind}, and an obstruction applies",
        bool(against) and stated.kind == "impossible",
    )
    for one in against:
        yield from one.steps


def _exact(recipe: Recipe, parts: tuple[Piece, ...]) -> Iterator[Step]:
    """The network on the piece that holds its staircases."""
    ends = [
        b + end
        for w, b in zip(recipe.w, recipe.b, strict=True)
        for pair in segments(w)
        for end in pair
    ]
    for piece in parts:
        steps = decide(Construction("", recipe, piece, ""))
        if steps[0].holds:
            yield from steps
            return
    yield Step(f"one piece of σ holds the staircases from {min(ends)} to {max(ends)}", False)


def _one_channel(expression: sp.Expr) -> Shape:
    """Wrong: of a channel and its mirror image the first is said to be enough."""
    true = classify(expression)
    if true.recipe is None or true.recipe.channels == 1:
        return true
    first = Recipe(true.recipe.w[:1], true.recipe.b[:1], true.recipe.a[:1], true.recipe.conditions)
    return replace(true, channels=1, minimal=True, recipe=first)


def _straight_enough(expression: sp.Expr) -> Shape:
    """Wrong: what is smooth at 0 is taken for affine there."""
    true = classify(expression)
    slope = sp.diff(expression, z)
    if true.kind != "impossible" or slope.has(sp.sign, sp.Abs):
        return true
    at = slope.xreplace({z: sp.Integer(0)})
    if not at.is_finite or at == 0:
        return true
    w = (sp.Rational(1, 4), sp.Rational(1, 2), sp.Rational(1, 4))
    recipe = Recipe((w,), (sp.Rational(-1, 2),), (1 / (2 * at),), "")
    return replace(true, kind="affine_piece", channels=1, minimal=True, recipe=recipe)


def _kinked_never(expression: sp.Expr) -> Shape:
    """Wrong: what has a kink is said to be impossible."""
    true = classify(expression)
    if not expression.has(sp.Max, sp.Min, sp.Abs):
        return true
    return replace(true, kind="impossible", channels=None, minimal=True, recipe=None)


def _without_answer(expression: sp.Expr) -> Shape:
    """Wrong: what has no affine piece is left undecided."""
    true = classify(expression)
    if true.kind == "affine_piece":
        return true
    return Shape("undecided", None, False, None, (), "")


CLAIM = Claim(
    id="shape",
    title="The shape of σ decides: exact with how many channels and which weights, or never",
    statement=(
        r"\text{exact for some } K, n \iff"
        r" 1 \in \operatorname{span}\{\varphi \mapsto \sigma'(\alpha\varphi+\beta)\}, \qquad"
        r" \sigma = s z + t \text{ on } J \Rightarrow K = 1, \qquad"
        r" \sigma(t{+}z) - \sigma(t{-}z) = s z \Rightarrow K = 2, \qquad"
        r" s_- + s_+ = 0 \Rightarrow \text{never}"
    ),
    assumptions=(
        r"plateau radii $r \ge n/2$, every $\varphi$; zero padding and $m + h \le L$",
        r"$\sigma$ is analytic but for finitely many points in each bounded interval",
        r"impossible: for every number of channels $K$ and of taps $n$, and every weight",
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("of a channel and its mirror image one is enough", _one_channel),
        Wrong("what is smooth at 0 counts as affine there", _straight_enough),
        Wrong("what has a kink is impossible", _kinked_never),
        Wrong("what has no affine piece is left undecided", _without_answer),
    ),
    requires=("span", "asymptotes"),
)


if __name__ == "__main__":
    from theory.command import main

    sys.exit(main())
