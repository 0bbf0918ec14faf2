"""Proposals of constructions: only where there is a reason."""

from __future__ import annotations

import pytest
import sympy as sp

from theory.expressions.pieces import Piece, z
from theory.shape.constructions import constructions
from theory.shape.recipes import decide


@pytest.mark.parametrize("f", [sp.tanh(z), sp.exp(z), sp.sin(z), 1 / z, sp.Integer(2)])
def test_nothing_is_proposed_without_reason(f: sp.Expr) -> None:
    piece = Piece(sp.Integer(1), sp.oo, f)
    assert [
        found for _, found in constructions([piece]) if all(s.holds for s in decide(found))
    ] == []
