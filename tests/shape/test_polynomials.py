"""How many channels a polynomial needs."""

from __future__ import annotations

import pytest
import sympy as sp

from theory.expressions.pieces import Piece, z
from theory.shape.classify import classify
from theory.shape.polynomials import polynomial_channels


@pytest.mark.parametrize("text", ["z**3", "z**3 + z**2", "z**5 + z**4", "z**4 - z"])
def test_the_cubic_construction_is_the_shortest(text: str) -> None:
    """A wrong shift leaves the differences, which need more channels: the count is part of the
    claim.
    """
    f = sp.sympify(text, {"z": z})
    whole = Piece(-sp.oo, sp.oo, f)
    fewest = min(len(channels) for channels, _, _ in polynomial_channels(f, whole))
    assert fewest == max(1, sp.degree(f, z) - 2) == classify(f).channels
