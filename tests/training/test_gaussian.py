"""Gaussian integrals: a whole is the sum of its parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.training.noise import NUMERIC
from theory.training import gaussian

reals = st.floats(-3, 3)


deviations = st.floats(0.1, 3)


@given(reals, deviations)
def test_a_gaussian_is_its_two_halves(mu: float, sd: float) -> None:
    """X = X₊ - (-X)₊ and X² = X₊² + (-X)₊²."""
    assert gaussian.first(mu, sd, NUMERIC) - gaussian.first(-mu, sd, NUMERIC) == pytest.approx(mu)
    squares = gaussian.second(mu, sd, NUMERIC) + gaussian.second(-mu, sd, NUMERIC)
    assert squares == pytest.approx(mu**2 + sd**2)


@given(reals, reals, deviations, deviations, st.floats(-0.9, 0.9))
def test_the_four_quadrants_add_up(
    mu: float, nu: float, sd: float, other: float, rho: float
) -> None:
    """E XY from the four signs; and the pair is symmetric."""
    total = sum(
        s * t * gaussian.product(s * mu, t * nu, sd, other, s * t * rho, NUMERIC)
        for s in (-1, 1)
        for t in (-1, 1)
    )
    assert total == pytest.approx(mu * nu + rho * sd * other, abs=1e-9)
    swapped = gaussian.product(nu, mu, other, sd, rho, NUMERIC)
    assert gaussian.product(mu, nu, sd, other, rho, NUMERIC) == pytest.approx(swapped, abs=1e-12)
