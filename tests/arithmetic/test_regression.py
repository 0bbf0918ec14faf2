"""Least squares and kernels against numpy's own, with columns that depend on each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.arithmetic.regression import RANK, kernel, rank, regression

seeds = st.integers(0, 2**32 - 1)


def _dependent(seed: int, rows: int, free: int, more: int) -> np.ndarray:
    """Columns of very different sizes, ``more`` of which are combinations of the others."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(rows, free))
    every = np.hstack([columns, columns @ rng.normal(size=(free, more))])
    return np.asarray(every * 10.0 ** rng.integers(-6, 7, free + more))


@given(seeds, st.integers(1, 4), st.integers(0, 3))
def test_it_is_the_least_squares(seed: int, free: int, more: int) -> None:
    columns = _dependent(seed, 12, free, more)
    target = np.random.default_rng(seed + 1).normal(size=12)
    found = regression(columns, target)
    scaled = columns / np.linalg.norm(columns, axis=0)
    best = scaled @ np.linalg.lstsq(scaled, target, rcond=1e-9)[0]
    assert np.allclose(found.error, best - target, rtol=0, atol=1e-9)
    assert np.allclose(columns @ found.coefficients, best, rtol=0, atol=1e-9)
    assert float(found.loss) == pytest.approx(np.mean((best - target) ** 2), abs=1e-9)
    assert np.allclose(
        found.basis.T @ found.basis, np.diag(np.any(found.basis, axis=0)), atol=1e-12
    )
    assert np.sum(np.any(found.basis, axis=0)) == free


def test_batches_are_their_members() -> None:
    columns = np.stack([_dependent(seed, 9, 2, 1) for seed in range(5)])
    target = np.random.default_rng(0).normal(size=(5, 9))
    found = regression(columns, target)
    for j in range(5):
        alone = regression(columns[j], target[j])
        assert np.allclose(found.error[j], alone.error, rtol=0, atol=1e-12)
    several = regression(columns[0], target)  # many targets on the same columns
    assert np.allclose(
        several.error[3], regression(columns[0], target[3]).error, rtol=0, atol=1e-12
    )


def test_no_columns_and_columns_of_zeros_leave_the_target() -> None:
    target = np.arange(4.0)
    for columns in (np.empty((4, 0)), np.zeros((4, 2))):
        found = regression(columns, target)
        assert np.array_equal(found.error, -target) and not np.any(found.coefficients)


def test_what_is_rounding_is_cut() -> None:
    columns = np.array([[1.0, 1.0], [0.0, 1e-6], [0.0, 0.0]])
    target = np.array([0.0, 1.0, 0.0])
    assert float(regression(columns, target).loss) < 1e-15
    assert float(regression(columns, target, 1e-5).loss) == pytest.approx(1 / 3, rel=1e-9)


@given(seeds, st.integers(0, 3), st.integers(0, 3))
def test_a_kernel_is_all_that_the_rows_are_0_on(seed: int, free: int, more: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(free, 5))
    rows = np.vstack([rows, rng.normal(size=(more, free)) @ rows])
    found = kernel(rows)
    assert found.shape == (5, 5 - free)
    assert np.allclose(rows @ found, 0, atol=1e-10)
    assert np.allclose(found.T @ found, np.eye(5 - free), atol=1e-12)


def test_ranks() -> None:
    assert [rank(np.array(values)) for values in ([], [0.0], [2.0, 1.0], [1.0, RANK / 2])] == [
        0,
        0,
        2,
        1,
    ]
