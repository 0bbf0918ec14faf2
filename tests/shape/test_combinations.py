"""Mirror images, shifts and dilations: what they leave of σ is the polynomial that they promise."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sympy as sp

from theory.expressions.pieces import Piece, pieces, z
from theory.shape.combinations import across, dilations, mirror, shifts
from theory.shape.recipes import Construction, decide

oo = sp.oo
CASES: list[tuple[Callable[[Piece], Iterator[Construction]], sp.Expr, sp.Expr]] = [
    (mirror, sp.log(1 + sp.exp(z)), -oo),
    (mirror, z * (1 + sp.erf(z / sp.sqrt(2))) / 2, -oo),
    (shifts, z + sp.exp(z), -oo),
    (shifts, z + sp.sin(z), -oo),
    (shifts, z + sp.cos(2 * z), -oo),
    (shifts, 2 * z + sp.exp(-z / 2) * sp.sin(3 * z), sp.Integer(0)),
    (dilations, z + sp.sqrt(z), sp.Integer(0)),
    (dilations, z + 1 / z, sp.Integer(0)),
]


@pytest.mark.parametrize(
    ("construct", "f", "low"), CASES, ids=lambda x: getattr(x, "__name__", str(x))
)
def test_what_is_proposed_is_exact(construct: Callable, f: sp.Expr, low: sp.Expr) -> None:
    proposed = list(construct(Piece(low, oo, f)))
    assert proposed
    for construction in proposed:
        steps = decide(construction)
        assert steps and all(step.holds for step in steps), construction


@pytest.mark.parametrize("construct", [mirror, shifts, dilations])
@pytest.mark.parametrize("f", [sp.tanh(z), 1 / (1 + sp.exp(-z)), sp.exp(z)], ids=str)
def test_nothing_is_proposed_for_what_has_no_line_in_it(construct: Callable, f: sp.Expr) -> None:
    assert list(construct(Piece(-oo, oo, f))) == []


SOFT = sp.log(1 + sp.exp(2 * z)) / 2


@pytest.mark.parametrize(
    "f",
    [
        SOFT + 3 * sp.sign(z) / 10,  # σ(z) - σ(-z) = z + 3/5: it jumps
        sp.Piecewise((SOFT, sp.Ne(z, 1)), (5, True)) - sp.Abs(z),  # one value is another
        SOFT - 3 * sp.Abs(z - 1) / 10,  # what is left of the kink is not even about 0
        sp.Abs(z),  # the slope is 0
    ],
    ids=str,
)
def test_no_line_is_claimed_across_pieces_where_there_is_none(f: sp.Expr) -> None:
    assert across(f, pieces(f)) is None


def test_a_line_joins_the_pieces_on_both_sides_of_kinks() -> None:
    f = SOFT - sp.Abs(z - 1) / 7 - sp.Abs(z + 1) / 7
    found = across(f, pieces(f))
    assert found is not None and all(step.holds for step in found[1])
    assert [step.name.rpartition("in ")[2] for step in found[1][1:]] == ["(0, 1)", "(1, oo)"]
