"""Projection onto linear conditions: shortest steps, exact solutions, and bounds that hold."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog, nnls

from numerics.arithmetic.numbers import to_float
from numerics.certificates.conditions import Stored
from numerics.certificates.patterns import branches_of, snapped_pattern
from numerics.certificates.projection import (
    Bounds,
    Effort,
    closest,
    dual_of,
    least,
    lower_bound,
    shortest,
    solved,
    with_nearest_readout,
)
from numerics.pulse.domain import Domain
from tests.stored import q, stored

F = Fraction
DOMAIN = Domain(6, q(F(3, 2)), q(5))
NEAR = stored([[0.5, 0.25, 0.26]], [0.5], [0.5], -3.25)
"""Next to a network that is exact in the linear cell."""


def _distance(one: Stored, other: Stored) -> float:
    pairs = zip(one.vector(0), other.vector(0), strict=True)
    total = sum(float(to_float(x - y)) ** 2 for x, y in pairs)
    total += sum(to_float(x - y) ** 2 for x, y in zip(one.a, other.a, strict=True))
    assert one.c is not None and other.c is not None
    return total + to_float(one.c - other.c) ** 2


def test_what_is_solved_holds_and_no_bound_is_above_it() -> None:
    pattern = snapped_pattern(NEAR, DOMAIN, branches_of("relu"))
    assert pattern is not None
    points, mu = dual_of(pattern.conditions, NEAR, Effort())
    assert mu is not None
    exact = solved(pattern.conditions, points[0])
    assert exact is not None
    assert all(condition.residual(exact) == 0 for condition in pattern.conditions)
    squared = _distance(exact, NEAR)
    bound = to_float(lower_bound(pattern.conditions, NEAR, mu))
    assert 0 < bound <= squared * (1 + 1e-9)
    assert bound > squared * 0.999  # and it is tight


def test_any_multipliers_prove_a_bound() -> None:
    pattern = snapped_pattern(NEAR, DOMAIN, branches_of("relu"))
    assert pattern is not None
    points, best = dual_of(pattern.conditions, NEAR, Effort())
    assert best is not None
    for mu in (0 * best, best / 2, best + 1e-3):
        assert to_float(lower_bound(pattern.conditions, NEAR, mu)) <= _distance(points[0], NEAR) * (
            1 + 1e-6
        )


@given(st.lists(st.lists(st.integers(-4, 4), min_size=4, max_size=4), min_size=1, max_size=3))
def test_least_is_the_pseudoinverse(rows: list[list[int]]) -> None:
    matrix = np.array(rows, dtype=float)
    right = matrix @ np.ones(4)
    assert np.allclose(least(matrix, right), np.linalg.pinv(matrix) @ right, rtol=0, atol=1e-9)


@given(st.lists(st.lists(st.integers(-4, 4), min_size=4, max_size=4), min_size=1, max_size=3))
def test_the_shortest_solution_is_that_of_floats(rows: list[list[int]]) -> None:
    """Rows are (coefficients, right side)."""
    found = shortest([[fmpq(x) for x in row] for row in rows])
    matrix, right = np.array(rows, float)[:, :3], np.array(rows, float)[:, 3]
    step = np.linalg.pinv(matrix) @ right
    solvable = np.allclose(matrix @ step, right, rtol=0, atol=1e-9)
    assert (found is None) is not solvable
    if found is not None:
        assert np.allclose([to_float(x) for x in found], step, rtol=0, atol=1e-9)


@pytest.mark.parametrize("number", [F(1, 3), F(-(10**300)), F(1, 10**400)])
def test_rationals_of_any_size_have_a_float(number: Fraction) -> None:
    assert to_float(q(number)) == float(number)


def test_effort_runs_out() -> None:
    effort = Effort(100.0)
    assert effort.spend(2, 10) and not effort.spend(10, 10)


@given(
    st.lists(st.lists(st.integers(-4, 4), min_size=4, max_size=4), min_size=1, max_size=2),
    st.sampled_from([None, 2]),
)
def test_the_nearest_readout_meets_its_rows(rows: list[list[int]], c: int | None) -> None:
    """Σ p δa + γ δc = d, without δc where no readout bias is stored; none where rows contradict."""
    net = stored([[1, 0, 0], [0, 1, 0]], [0, 0], [3, -1], c)
    found = with_nearest_readout(net, [[fmpq(x) for x in row] for row in rows])
    table = np.array(rows, float)
    if c is None:
        table[:, 2] = 0
    step = np.linalg.pinv(table[:, :3]) @ table[:, 3]
    if not np.allclose(table[:, :3] @ step, table[:, 3]):
        assert found is None
        return
    assert found is not None
    moves = [to_float(x) for x in (found.a[0] - 3, found.a[1] + 1, found.offset - net.offset)]
    assert moves == pytest.approx(step.tolist(), abs=1e-9)


@given(
    st.lists(st.lists(st.integers(-4, 4), min_size=6, max_size=6), min_size=1, max_size=7),
    st.integers(0, 2),
    st.lists(st.integers(-4, 4), min_size=5, max_size=5),
)
def test_closest_meets_the_conditions_of_a_nearest_point(
    table: list[list[int]], equal: int, base: list[int]
) -> None:
    """Karush, Kuhn and Tucker: feasible, and the step is a sum of normals that push inwards; or
    linear programming finds no point either.
    """
    given_rows = np.array(table, dtype=float)
    rows, right = given_rows[:equal, :5], given_rows[:equal, 5]
    bounds = Bounds(given_rows[equal:, :5], given_rows[equal:, 5])
    found = closest(rows, right, bounds, np.array(base, dtype=float))
    if found is None:
        answer = linprog(
            np.zeros(5),
            A_ub=-bounds.normals,
            b_ub=bounds.normals @ base - bounds.low,
            A_eq=rows if equal else None,
            b_eq=right if equal else None,
            bounds=(None, None),
        )
        assert answer.status == 2
        return
    step, standing = found
    assert np.allclose(rows @ step, right, atol=1e-7)
    gap = bounds.normals @ (base + step) - bounds.low
    assert np.all(gap >= -1e-7) and np.allclose(gap[standing], 0, atol=1e-7)
    inwards = bounds.normals[standing]
    # Both signs of what holds with equality, one of what a bound pushes.
    system = np.vstack([rows, -rows, inwards]).T
    _, rest = nnls(system, step) if system.size else (None, np.linalg.norm(step))
    assert rest <= 1e-6 * (1 + np.linalg.norm(step))
