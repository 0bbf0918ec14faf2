"""A bias in the convolution: what is kept, where it ends, and when the data decide the sign."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.sample import Radii
from theory.conv_bias import LAW, balance, end, readout_squared, sign_is_kept
from verify.claims import conv_bias as room
from verify.dynamics import second_moment

numbers = st.floats(-2, 2)


@given(st.floats(-20, 20), st.sampled_from((1, 3, 9, 31)))
@example(0.0, 1)
def test_the_end_is_exact_and_keeps_h(h: float, n: int) -> None:
    square = readout_squared(h, n, math.sqrt)
    assert square > 0
    total = 1 / (2 * math.sqrt(square))
    assert square - total**2 / n == pytest.approx(h, abs=1e-9 * (1 + abs(h)) / square)


@given(st.lists(numbers, min_size=3, max_size=3), numbers, numbers, st.sampled_from((-1, 1)))
def test_the_end_from_any_start(w: list[float], b: float, a: float, sign: int) -> None:
    new_w, new_a = end(LAW, w, b, a, sign, math.sqrt)
    assert math.copysign(1, new_a) == sign
    assert new_a * sum(new_w) == pytest.approx(0.5)
    assert balance(new_w, 0.0, new_a) == pytest.approx(balance(w, b, a), abs=1e-6)
    assert np.allclose(np.diff(new_w), np.diff(w), atol=1e-9)


@given(st.integers(0, 2**32 - 1))
@example(0)
def test_a_promised_sign_is_kept_by_the_flow(seed: int) -> None:
    rng = np.random.default_rng(seed)
    w, b, a = rng.normal(size=1) / 2, float(rng.normal()) / 2, float(rng.normal()) / 2
    radii = Radii(1, 2, 2)
    loss = room._loss(w, b, a, radii)
    if not sign_is_kept(balance(list(w), b, a), loss, second_moment(radii)):
        return
    found, stretched, _ = room.integrate(w, b, a, radii)
    if stretched < math.log(room.NEAR_SADDLE):
        assert found[2] * a > 0


def test_the_data_can_choose_the_sign() -> None:
    """h < 0 and a loss above E r² for both: the same start ends at (a, S) or at (-a, -S)."""
    w, b, a = np.array([0.2]), 1.2, -1.1
    assert balance(list(w), b, a) < 0
    ends = [room.integrate(w, b, a, radii)[0] for radii in (Radii(1, 1, 2), Radii(4, 3, 2))]
    assert ends[0][2] > 0 > ends[1][2]
    assert np.allclose(ends[0][[0, 2]], -ends[1][[0, 2]], atol=1e-9)


def test_every_network_without_readout_has_the_same_loss() -> None:
    radii = Radii(2, 3, 4)
    for w, b in (([1.0, 2.0, 3.0], 0.3), ([-1.0, 0.0, 0.5], -2.0)):
        assert room._loss(np.array(w), b, 0.0, radii) == second_moment(radii)
