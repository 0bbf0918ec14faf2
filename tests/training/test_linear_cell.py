"""The linear cell's coordinates, exact and in numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.training.linear_cell import coordinates, weights_at
from tests.cells import drawn
from theory.training import linear_cell

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(1, 5), st.integers(0, 4), st.floats(0.2, 5), st.floats(0.2, 5))
def test_coordinates_are_multiplied(
    seed: int, channels: int, h: int, first: float, second: float
) -> None:
    w, a = (x[None] for x in drawn(seed, channels, 2 * h + 1))
    before = coordinates(w, a)
    after = coordinates(*weights_at(w, a, np.array([first]), np.array([second])))
    assert np.allclose(after.u, first * before.u, rtol=1e-12, atol=1e-12)
    assert np.allclose(after.v, second * before.v, rtol=1e-12, atol=1e-12)
    theta = float(np.sum(a * w.sum(axis=2)))
    assert linear_cell.theta(before.big_u, before.big_w, before.root, 1, 1)[0] == pytest.approx(
        theta, abs=1e-12
    )
