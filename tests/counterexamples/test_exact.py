"""Exact linear algebra against numpy's."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from verify.counterexamples.exact import covariance, dot, projected, residual, risk

COLUMNS = [[1, 2, 0, 1], [2, 4, 0, 2], [0, 1, 1, 3]]
TARGET = [Fraction(1), Fraction(2), Fraction(5), Fraction(0)]


def test_residuals_are_those_of_least_squares() -> None:
    a = np.array(COLUMNS, float).T
    b = np.array(TARGET, float)
    expected = b - a @ np.linalg.lstsq(a, b, rcond=None)[0]
    np.testing.assert_allclose(np.array(residual(COLUMNS, TARGET), float), expected, atol=1e-12)
    constant = np.column_stack([np.ones(4), a])
    left = b - constant @ np.linalg.lstsq(constant, b, rcond=None)[0]
    np.testing.assert_allclose(float(risk(COLUMNS, TARGET)), np.mean(left**2), atol=1e-12)


def test_the_projection_is_the_nearest_solution() -> None:
    rows, targets = [[1, 1, 0], [1, 1, 1], [2, 2, 1]], [Fraction(1), Fraction(3), Fraction(4)]
    y = projected((2, 0, 0), rows, targets)
    assert y == (Fraction(3, 2), Fraction(-1, 2), 2)
    assert [dot(row, y) for row in rows] == targets
    assert projected((0, 0, 0), rows, [1, 3, 5]) == "no exact readout"


def test_the_covariance() -> None:
    assert covariance([1, 2, 3], [1, 2, 6]) == Fraction(5, 3)
