"""Perimeter coefficients in closed form: where there is one, and its balls."""

from __future__ import annotations

from fractions import Fraction
from math import asinh

import numpy as np
import pytest
from flint import arb

from numerics.disk.closed_form import LARGEST, Balls, closed_form
from tests.disks import known
from verify.disk.claims.laplacian import SECONDS


@pytest.mark.parametrize(
    ("size", "width", "kind"),
    [
        (3, 0.5, "centre"),
        (5, 0.7, "centre"),
        (7, 0.7, "centre"),
        (5, 1.0, "centre"),
        (3, 0.8, "other"),
        (5, 1.2, "other"),
        (7, 1.6, "other"),
    ],
)
def test_laplacians_of_gaussians(size: int, width: float, kind: str) -> None:
    """Narrow ones are sums of second differences; it had been said of all that they have a closed
    form.
    """
    at = np.arange(size) - size // 2
    r2 = at[:, None] ** 2 + at**2
    w = np.rint((r2 - 2 * width**2) * np.exp(-r2 / (2 * width**2)) * 64) / 64
    w[size // 2, size // 2] -= w.sum()
    assert known(w).kind == kind
    assert (np.sum(w < 0) == 1) == (2 * width**2 <= 1)
    assert (closed_form(w, 0.0, "abs") is not None) is (kind == "centre")


def test_too_wide_and_not_made_of_lines() -> None:
    w = np.zeros((LARGEST + 2, LARGEST + 2))
    w[1:-1, 1:-1] = 1
    assert closed_form(w, -float(w.sum()) / 2, "abs") is None
    assert closed_form(SECONDS[0], 0.0, "tanh") is None
    assert closed_form(SECONDS[0], 0.25, "abs") is None


def test_balls() -> None:
    assert Balls.number(Fraction(1, 3)).contains(arb(1) / 3)
    assert float(Balls.asinh(Balls.sqrt(arb(4)))) == pytest.approx(asinh(2))
