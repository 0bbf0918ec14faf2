"""Noisy pulses: moments, Φ₂, the exact risk and its gradient, limits, and the columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from numerics.noise import NUMERIC, Problem, best, bivariate_cdf, quiet_share, risk, risk_gradient
from numerics.sample import Radii, pulse
from theory import gaussian
from theory.noise import angle, linear_risk
from verify.claims import noise as room
from verify.lab import TINY, Lab
from verify.noisy import interval

reals = st.floats(-3, 3)
deviations = st.floats(0.1, 3)


def _problem(noise: float, cells: int = 3) -> Problem:
    radii = Radii(1, cells, 4)
    return Problem(radii.r, pulse(radii.r, cells + 2), noise)


@given(reals, reals, st.floats(-0.95, 0.95))
@example(0.0, 0.0, 0.5)
@example(0.0, 1.0, -0.5)
@example(-1.0, 0.0, 0.5)
@example(-1.0, 1.0, -0.9)
@example(0.0, -4.634768752256075e-79, 0.0)
def test_the_bivariate_distribution_function(alpha: float, beta: float, rho: float) -> None:
    """Against scipy's own integration, which asks for 1e-8 in one place more than we compare."""
    want = multivariate_normal.cdf([alpha, beta], cov=[[1, rho], [rho, 1]])
    assert float(bivariate_cdf(alpha, beta, rho)) == pytest.approx(want, abs=1e-7)


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


@given(st.integers(0, 2**32 - 1), st.integers(0, 2), st.floats(0.1, 1))
@example(137, 0, 0.25)
def test_the_gradient_is_that_of_the_risk(seed: int, h: int, noise: float) -> None:
    rng = np.random.default_rng(seed)
    problem, y = _problem(noise), np.append(rng.normal(size=2 * h + 1) / 2 + 0.4, rng.normal() / 2)
    value, gradient = risk_gradient(problem, y[:-1], float(y[-1]))
    assert value == pytest.approx(risk(problem, y[:-1], float(y[-1]))[0])
    for j in range(len(y)):
        e = 1e-5 * np.eye(len(y))[j]
        sides = [risk(problem, (y + s * e)[:-1], float((y + s * e)[-1]))[0] for s in (1, -1)]
        scale = 1 + np.max(np.abs(gradient))
        assert (sides[0] - sides[1]) / 2e-5 == pytest.approx(gradient[j], abs=1e-5 * scale)


@given(st.floats(0.01, 3), st.integers(0, 2))
def test_far_in_the_linear_cell_relu_is_linear(noise: float, h: int) -> None:
    problem = _problem(noise)
    w = np.full(2 * h + 1, 1 / (2 * h + 1))
    value, a, _ = risk(problem, w, 40 * (noise + 1))
    pixels = problem.x.shape[1]
    assert value == pytest.approx(linear_risk(problem.spread, pixels, noise), rel=1e-6)
    assert a == pytest.approx(angle(problem.spread, pixels, noise), rel=1e-6)


def test_the_best_network_is_stationary_and_wider_is_no_worse() -> None:
    for noise in (0.05, 0.3, 1.0):
        problem = _problem(noise)
        found = [best(problem, n, starts=2) for n in (1, 3)]
        assert all(one.slope < 1e-6 for one in found)
        line = linear_risk(problem.spread, problem.x.shape[1], noise)
        assert found[1].risk <= found[0].risk * (1 + 1e-6) <= line * (1 + 2e-6)


@pytest.mark.parametrize("cells", [2, 3, 5])
def test_with_little_noise_the_dark_pixels_are_silenced(cells: int) -> None:
    problem = _problem(1e-4, cells)
    line = linear_risk(problem.spread, problem.x.shape[1], problem.noise)
    share = quiet_share(problem)
    assert best(problem, 1, starts=2).risk / line == pytest.approx(share, rel=2e-3)
    assert share < 0.8


def test_zero_padding_counts_fewer_pixels_for_filters_that_cancel_at_the_border() -> None:
    """(-1, 3, -1): the sums of the first two and of the last two taps, 2 and 2, against (1, -1, 1) with 0 and 0."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(20000, 9))
    for w, expected in (((1.0, -1.0, 1.0), 7.0), ((1.0, 1.0, 1.0), 7 * 9 + 2 * 4)):
        padded = np.pad(noise, ((0, 0), (1, 1)))
        total = sum(w[u] * padded[:, u : u + 9] for u in range(3)).sum(axis=1)
        assert float(np.var(total)) == pytest.approx(expected, rel=0.05)


def test_the_interval_of_an_average() -> None:
    """A linear recursion with known noise: q' = q - η(Hq + g)."""
    rng = np.random.default_rng(1)
    hessian, steps, rate = np.array([[2.0, 0.5], [0.5, 1.0]]), 4000, 0.2
    noise = rng.normal(size=(300, steps, 2)) @ np.array([[1.0, 0.0], [0.7, 0.3]])
    q, total = np.zeros((300, 2)), np.zeros((300, 2))
    for t in range(steps):
        q = q - rate * (q @ hessian + noise[:, t])
        total += q
    found = np.std(total / steps, axis=0)
    assert np.allclose(found, interval(hessian, noise[0], steps), rtol=0.15)


@pytest.mark.slow
def test_the_figure_is_drawn() -> None:
    assert [figure.id for figure in room.figures(Lab(TINY))] == ["noise-threshold"]
