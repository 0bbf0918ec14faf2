"""Gates: columns by hand, the regression, and networks that come as close to a
gate as one likes.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.arithmetic.compile import activation
from tests.disk.gates import behind, best, residual
from verify.disk.ensemble import disk_windows, state

R = np.linspace(3, 10, 29)
SEEN = disk_windows(R, 3, 13)
seeds = st.integers(0, 2**32 - 1)


def _columns(name: str, v: np.ndarray) -> np.ndarray:
    return behind(activation(name)[1], v, SEEN.rows, SEEN.counts, SEEN.parts)


def _behind(columns: np.ndarray) -> tuple[float, np.ndarray]:
    """The least loss behind a gate, and what stands behind it."""
    centred = columns - columns.mean(axis=0)
    q = np.linalg.lstsq(centred, R - R.mean(), rcond=1e-11)[0]
    return float(np.mean((centred @ q - (R - R.mean())) ** 2)), q


@given(seeds, st.sampled_from(["tanh", "softplus", "square"]))
@settings(max_examples=10)
def test_the_columns_are_derivatives_of_the_features(seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    v = rng.normal(size=10)
    for i in range(10):
        way = np.eye(10)[i]
        ends = [
            state((v + s * 1e-5 * way)[None, None], SEEN, R, activation(name)[0]).features[0, 0]
            for s in (1, -1)
        ]
        slope = (ends[0] - ends[1]) / 2e-5
        assert np.allclose(slope, _columns(name, v)[:, i], rtol=1e-5, atol=1e-4)


def test_squares_are_gated_by_themselves() -> None:
    """σ' = 2z: behind it stand the lags of two filters, and less is left than by one channel of
    squares.
    """
    v = np.append(np.arange(9) - 4.0, 0)
    left = np.mean(residual(_columns("square", v), R) ** 2)
    assert left <= state(v[None, None], SEEN, R, np.square).loss[0] * (1 + 1e-9)


@pytest.mark.parametrize("name", ["tanh", "softplus", "silu"])
def test_two_channels_come_as_close_as_one_likes(name: str) -> None:
    v, losses = best(activation(name)[1], SEEN, R, np.random.default_rng(1), 2)
    for start, loss in zip(v, losses, strict=True):
        told, q = _behind(_columns(name, start))
        assert abs(told / loss - 1) < 1e-3
        q *= np.linalg.norm(start) / np.linalg.norm(q)
        pairs = [
            state(
                np.stack([start + s * eps * q for s in (1, -1)])[None], SEEN, R, activation(name)[0]
            ).loss[0]
            for eps in (1e-2, 1e-3)
        ]
        assert abs(pairs[1] / loss - 1) < max(0.1 * abs(pairs[0] / loss - 1), 1e-2)


@given(seeds, st.sampled_from(["tanh", "softplus", "silu"]))
@settings(max_examples=8)
def test_behind_any_filter_two_channels_come_down_to_the_residual(seed: int, name: str) -> None:
    """Not only behind the best one: at most the residual, but for what falls with ε."""
    start = np.random.default_rng(seed).normal(size=10)
    told, q = _behind(_columns(name, start))
    q *= np.linalg.norm(start) / np.linalg.norm(q)
    losses = [
        state(
            np.stack([start + s * eps * q for s in (1, -1)])[None], SEEN, R, activation(name)[0]
        ).loss[0]
        for eps in (1e-2, 1e-3, 1e-4)
    ]
    assert losses[2] <= told * 1.01 + 1e-9
    assert losses[2] <= told + 0.2 * max(losses[0] - told, 0) + 1e-2 * told


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "erf"])
def test_one_channel_of_an_odd_activation_comes_as_close_as_one_likes(name: str) -> None:
    """sigmoid is odd but for a constant."""
    v, losses = best(activation(name)[1], SEEN, R, np.random.default_rng(1), 2, odd=True)
    for start, loss in zip(v, losses, strict=True):
        assert np.allclose(start[:9], -start[8::-1])
        _, q = _behind(_columns(name, start))
        q *= np.linalg.norm(start) / np.linalg.norm(q)
        near = state((start + 1e-4 * q)[None, None], SEEN, R, activation(name)[0]).loss[0]
        assert abs(near / loss - 1) < 1e-2
