"""The pace: E(t) and t(E) against each other, and the columns.  The integrator's test is in
test_flow.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.training.linear_cell import coordinates
from tests.columns import hold_and_reject
from theory.training.trajectory import CLAIM, LAW, rate, roots, stretch_at, time_of
from verify.training.claims.trajectory import along, figures

positive = st.floats(1e-3, 1e3)


@given(positive, st.floats(0, 1e3), st.sampled_from((1, 3, 5, 31)), st.floats(0, 3))
@example(1.0, 0.0, 1, 1.0)
def test_time_and_stretch_are_inverse(big_u: float, big_w: float, n: int, lapse: float) -> None:
    root = math.sqrt(n)
    plus, minus = roots(big_u, big_w, root, math.sqrt)
    speed = rate(big_u, big_w, root, 7.0, math.sqrt)
    if abs(plus - 1) < 1e-3:
        return  # begins at its end
    e = stretch_at(plus, minus, math.exp(-lapse))
    assert min(1, plus) * (1 - 1e-12) <= e <= max(1, plus) * (1 + 1e-12)
    # e - E₊ cancels: its relative error is eps over the share of the way that is left.
    left = abs(e - plus) / (abs(e) + abs(plus))
    if left > 1e-6:
        assert abs(time_of(plus, minus, speed, e, math.log) * speed - lapse) < 1e-12 / left + 1e-9


@given(positive, st.floats(0, 1e3), st.sampled_from((1, 3, 5)))
def test_the_rate_is_least_for_balanced_networks(big_u: float, big_w: float, n: int) -> None:
    root = math.sqrt(n)
    assert (
        rate(big_u, big_w, root, 2.0, math.sqrt)
        >= rate(big_u, 0.0, root, 2.0, math.sqrt)
        == 16 * root
    )


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 4),
    st.integers(0, 3),
    st.floats(0, 0.2),
    st.floats(0, 0.2),
)
def test_going_on_later_is_going_on(
    seed: int, channels: int, h: int, one: float, two: float
) -> None:
    rng = np.random.default_rng(seed)
    w, a = rng.normal(size=(1, channels, 2 * h + 1)) / 2, rng.normal(size=(1, channels)) / 2
    if coordinates(w, a).big_u[0] < 1e-2:
        return  # beside the saddle small differences grow without bound
    half = along(LAW, w, a, 2.0, np.array([one]))
    then = along(LAW, half[0][0], half[1][0], 2.0, np.array([two]))
    once = along(LAW, w, a, 2.0, np.array([one + two]))
    for x, y in zip(then, once, strict=True):
        assert np.allclose(x, y, rtol=1e-8, atol=1e-8)


@pytest.mark.thorough
def test_columns_hold_and_reject_the_wrong_laws() -> None:
    lab = hold_and_reject(CLAIM)
    assert {figure.id for figure in figures(lab)} == {"trajectory-weights", "trajectory-loss"}
