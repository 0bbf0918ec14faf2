"""Mirror images, shifts and dilations: what they leave of σ is the polynomial that they promise."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sympy as sp

from theory.expressions.pieces import Piece, z
from theory.shape.combinations import dilations, mirror, shifts
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
