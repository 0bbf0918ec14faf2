"""Trained networks and their certificates: accepted, and no more than they are worth."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from verify.models.problem import NetworkBatch, Setting, initial
from verify.pulse.certified import accepted, agrees, answer_error, certified_net, plateau

RELU = Setting("relu", 1, 3)
EXACT = NetworkBatch(
    np.array([[[0.5, 0.25, 0.25]]]), np.array([[0.5]]), np.array([[0.5]]), np.array([-3.25])
)
"""r̂ = r, by hand, on 13 pixels."""


def test_an_exact_network_is_certified_as_exact() -> None:
    assert plateau(RELU).half_length == 6
    assert agrees(RELU, EXACT, 0) == 0
    claim = accepted(certified_net(RELU, EXACT, 0), plateau(RELU))
    assert claim is not None and claim["worst"] == (0, 0)


@pytest.mark.parametrize("j", range(3))
def test_torch_errs_by_what_is_claimed_where_it_is_claimed(j: int) -> None:
    weights = initial(RELU, 3, 0)
    worst = agrees(RELU, weights, j)
    assert worst is not None and worst > Fraction(1, 100)
    assert 0 < answer_error(RELU, weights, j, 4.0) < 1e-12


def test_what_is_not_made_of_polynomials_has_no_certificate() -> None:
    setting = Setting("tanh", 1, 3)
    with pytest.raises(ValueError):
        certified_net(setting, initial(setting, 1, 0), 0)


def test_a_rounded_radius_moves_the_answer_by_its_slope() -> None:
    """At most (1 + 2 Σ |a||w|) times the radius' rounding, which grows with it, at both edges."""
    near, far = (answer_error(RELU, EXACT, 0, r) for r in (4.0, 12.0))
    assert far - near == pytest.approx(8 * 2 * (12 - 4) * 2.0**-53)
