"""Recipes are proposals; the decision about them starts from the sub-pixel law, and catches false
ones.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.expressions.pieces import Piece, z
from theory.shape.constructions import constructions
from theory.shape.recipes import Construction, Recipe, decide

LINE = (-sp.oo, sp.oo)


def first(f: sp.Expr, low: sp.Expr = LINE[0], high: sp.Expr = LINE[1]) -> Construction:
    return next(found for _, found in constructions([Piece(sp.sympify(low), sp.sympify(high), f)]))


CASES = (
    (z, *LINE),
    (3 * z - 1, 0, 1),
    (z**2, *LINE),
    (z**2, 0, sp.Rational(1, 8)),
    (z**3, *LINE),
    (z**3, 1, 2),
    (z**7 - z**2, *LINE),
    (sp.log(1 + sp.exp(z)), *LINE),
    (z + sp.sin(z), *LINE),
    (z + sp.exp(z), *LINE),
    (z**2 + z * sp.exp(-z), *LINE),
    (z + sp.sqrt(z), 0, sp.oo),
    (z + sp.log(z), 0, sp.oo),
    (2 * z + sp.sqrt(-z), -sp.oo, 0),
    (sp.tanh(z) + z**2, *LINE),
)


@pytest.mark.parametrize(("f", "low", "high"), CASES, ids=str)
def test_the_first_proposal_is_exact(f: sp.Expr, low: sp.Expr, high: sp.Expr) -> None:
    assert all(step.holds for step in decide(first(f, low, high)))


@pytest.mark.parametrize(("f", "low", "high"), CASES, ids=str)
def test_changed_recipes_are_rejected(f: sp.Expr, low: sp.Expr, high: sp.Expr) -> None:
    """A readout weight off by 1 %, or one channel dropped, or turned round."""
    good = first(f, low, high)
    recipe = good.recipe
    off = replace(recipe, a=(recipe.a[0] * sp.Rational(101, 100), *recipe.a[1:]))
    turned = replace(recipe, a=(-recipe.a[0], *recipe.a[1:]))
    less = Recipe(recipe.w[1:], recipe.b[1:], recipe.a[1:])
    for wrong in (off, turned, less):
        assert not all(step.holds for step in decide(replace(good, recipe=wrong)))


def test_staircases_that_leave_the_piece_are_rejected() -> None:
    good = first(z, sp.Integer(0), sp.Integer(1))
    outside = replace(good.recipe, b=(good.recipe.b[0] + 1,))
    steps = decide(replace(good, recipe=outside))
    assert not steps[0].holds and steps[1].holds
    falling = replace(good.recipe, w=((sp.Integer(2), sp.Integer(-2), sp.Rational(1, 4)),))
    assert not decide(replace(good, recipe=falling))[0].holds


@given(
    st.fractions(-3, 3, max_denominator=9),
    st.fractions(min_value="1/1000", max_value=3, max_denominator=1000),
    st.fractions(-3, 3, max_denominator=5).filter(bool),
)
@settings(deadline=None)
def test_there_is_room_on_every_interval(low: object, width: object, slope: object) -> None:
    left, across, s = (sp.Rational(v.numerator, v.denominator) for v in (low, width, slope))
    found = first(s * z, left, left + across)
    assert all(step.holds for step in decide(found))
    assert found.kind == "affine_piece"
