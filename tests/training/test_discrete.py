"""Steps of a finite size: exact ends, brackets and bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.training.discrete import (
    between,
    drift_bound,
    end_at,
    factors_at,
    from_losses,
    path_error,
    shift_error,
)
from tests.cells import cone

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(1, 3), st.integers(0, 2), st.floats(0, 2))
def test_the_end_for_any_drift_is_exact(seed: int, channels: int, h: int, rho: float) -> None:
    w, a, c = cone(seed, channels, h)
    new_w, new_a = end_at(w, a, np.array([rho]))
    assert float(np.sum(new_a * new_w.sum(axis=2))) == pytest.approx(0.5, abs=1e-8)
    first, second = factors_at(c, np.array([rho]))
    assert float(first[0] * second[0]) == pytest.approx(math.exp(-rho))


@given(seeds, st.integers(1, 3), st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 1))
def test_brackets_hold_every_drift_between(
    seed: int, channels: int, low: float, more: float, part: float
) -> None:
    w, a, c = cone(seed, channels, 1)
    tap, read = between(c, np.array([low]), np.array([low + more]))
    (w0, a0), (w1, a1) = (end_at(w, a, np.array([x])) for x in (low, low + part * more))
    assert np.all(np.abs(w1 - w0) <= tap[..., None] + 1e-12)
    assert np.all(np.abs(a1 - a0) <= read + 1e-12)


def test_steps_that_are_too_large_have_no_bound() -> None:
    _, _, c = cone(1, 2, 1)
    assert (
        drift_bound(c, 5.0, 10.0)[0]
        == shift_error(c, 5.0, 10.0)[0]
        == path_error(c, 5.0, 10.0)[0]
        == np.inf
    )
    assert from_losses(c, 5.0, 1.0, np.full((3, 1), 100.0))[0] == np.inf
    tap, read = between(c, np.zeros(1), np.array([np.inf]))
    assert np.all(np.isinf(tap)) and np.all(np.isinf(read))
