"""Levenberg-Marquardt on problems whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from numerics.arithmetic.types import Array, Flags
from verify.optimise.least_squares import levenberg_marquardt

RNG = np.random.default_rng(0)
OPTIONS = ({}, {"geodesic": True}, {"scaled": True})


def rosenbrock(points: Array) -> tuple[Array, Array]:
    """e = (10(y - x²), 1 - x): a long curved valley to (1, 1)."""
    x, y = points.T
    zero = np.zeros_like(x)
    rows = [np.stack([-20 * x, zero + 10], axis=1), np.stack([zero - 1, zero], axis=1)]
    return np.stack([10 * (y - x**2), 1 - x], axis=1), np.stack(rows, axis=1)


@pytest.mark.parametrize("options", OPTIONS)
def test_linear_problems_end_at_their_least_squares(options: dict[str, bool]) -> None:
    a, target = RNG.normal(size=(5, 7, 3)), RNG.normal(size=(5, 7))

    def residuals(points: Array) -> tuple[Array, Array]:
        return (a @ points[..., None])[..., 0] - target, a

    ended = levenberg_marquardt(residuals, np.zeros((5, 3)), 40, **options)
    best = [np.linalg.lstsq(a[j], target[j], rcond=None)[0] for j in range(5)]
    assert np.allclose(ended.points, best, rtol=0, atol=1e-8)
    assert not ended.retired.any()


@pytest.mark.parametrize("options", OPTIONS)
def test_a_curved_valley_is_followed_to_its_end(options: dict[str, bool]) -> None:
    ended = levenberg_marquardt(rosenbrock, RNG.uniform(-3, 3, (50, 2)), 200, **options)
    assert np.max(np.abs(ended.points - 1)) < 1e-8


def test_points_do_not_know_of_each_other_and_retire_alone() -> None:
    start, asked = RNG.uniform(-3, 3, (20, 2)), []

    def residuals(points: Array) -> tuple[Array, Array]:
        asked.append(len(points))
        return rosenbrock(points)

    def arrived(points: Array, value: Array) -> Flags:
        return np.asarray(value < 1e-20)

    together = levenberg_marquardt(residuals, start, 200, arrived=arrived)
    assert together.retired.all() and sum(asked) == len(start) + int(np.sum(together.steps))
    for j in range(20):
        alone = levenberg_marquardt(rosenbrock, start[j : j + 1], 200, arrived=arrived)
        assert np.array_equal(alone.points[0], together.points[j])
        assert alone.steps[0] == together.steps[j]
    short = levenberg_marquardt(rosenbrock, start, 2, arrived=arrived)
    assert not short.retired.any() and np.all(short.steps == 2)


def test_a_point_retires_where_only_rounding_is_promised() -> None:
    """|e|² = 1 + x²: at 0 there is no better place."""

    def residuals(points: Array) -> tuple[Array, Array]:
        one = np.ones_like(points)
        return np.hstack([one, points]), np.stack([0 * one, one], axis=1)

    ended = levenberg_marquardt(residuals, np.array([[0.0], [3.0]]), 200, patience=20)
    assert ended.retired.all() and ended.steps[0] == 1 < ended.steps[1] < 30
    assert np.all(np.abs(ended.points) < 1e-4)


def test_patience_ends_where_each_step_gains_next_to_nothing() -> None:
    """Beyond 0 the slope is wrong: every step is refused, however much it promises."""

    def residuals(points: Array) -> tuple[Array, Array]:
        return 1 + np.abs(points), np.ones((*points.shape, 1))

    ended = levenberg_marquardt(residuals, np.array([[0.0]]), 200, patience=5)
    assert ended.retired.all() and ended.steps[0] == 5 and ended.points[0] == 0


@pytest.mark.parametrize("options", OPTIONS)
def test_fixed_coordinates_stay_and_no_step_leads_where_the_error_is_infinite(
    options: dict[str, bool],
) -> None:
    """y stays where it is; x may not pass 1/2 on its way to 1; a start that is forbidden stays."""

    def residuals(points: Array) -> tuple[Array, Array]:
        x, y = points.T
        error = np.stack([x - 1, 0 * y], axis=1)
        slope = np.zeros((len(x), 2, 2))
        slope[:, 0, 0] = x <= 0.5
        return np.where(x[:, None] <= 0.5, error, np.inf), slope

    start = np.array([[-3.0, 7.0], [0.25, -1.0], [2.0, 0.0]])
    ended = levenberg_marquardt(residuals, start, 60, **options)
    assert np.array_equal(ended.points[:, 1], start[:, 1])
    assert np.all(ended.points[:2, 0] <= 0.5) and np.all(ended.points[:2, 0] > 0.45)
    assert np.array_equal(ended.points[2], start[2])


def test_scaled_steps_do_not_see_the_units() -> None:
    """With the coordinates in other units (powers of 2) the same points, but for rounding."""
    units, start = np.array([2.0**5, 2.0**-5]), RNG.uniform(-3, 3, (20, 2))

    def residuals(points: Array) -> tuple[Array, Array]:
        error, jacobian = rosenbrock(points / units)
        return error, jacobian / units

    plain = levenberg_marquardt(rosenbrock, start, 6, scaled=True)
    other = levenberg_marquardt(residuals, start * units, 6, scaled=True)
    assert np.allclose(other.points / units, plain.points, rtol=1e-9, atol=0)
