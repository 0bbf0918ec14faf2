"""Piecewise polynomials of the catalogue, in exact numbers."""

from __future__ import annotations

from fractions import Fraction

import pytest
from flint import fmpq

from numerics.arithmetic import oracle
from numerics.arithmetic.piecewise import exact_activation
from numerics.pulse.exact_error import exact_net
from tests.stored import q
from theory.expressions.activation import ACTIVATIONS

F = Fraction


SIGMAS = {name: sigma for name, sigma in oracle.RATIONAL.items() if name != "softsign"}
"""The piecewise polynomials, written a second time: nothing is taken from the catalogue."""


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_piecewise_polynomials_of_the_catalogue(name: str) -> None:
    exact = exact_activation(name)
    assert (exact is None) == (name not in SIGMAS)
    if exact is None:
        with pytest.raises(ValueError, match="not piecewise polynomial"):
            exact_net(name, [[1.0]], [0.0], [1.0], 0.0)
    else:
        row = ACTIVATIONS[name]
        for value in (F(-7, 2), F(-3), F(-1, 2), F(0), F(1, 2), F(1), F(13, 2)):
            wanted = row(value)
            assert exact(q(value)) == fmpq(int(wanted.p), int(wanted.q))
        assert exact.continuous == (not row.jumps)
