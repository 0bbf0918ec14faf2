"""Many descents at once: each is the one that its network would make alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.models.problem import Setting, initial
from verify.optimise.batch import descend_batch
from verify.optimise.regions import descend, multipliers
from verify.optimise.residuals import task

SETTINGS = (
    Setting("relu", 1, 5),
    Setting("abs", 2, 3, 1, 4, 4),
    Setting("leaky_relu", 2, 5, 0, 3, 8),
    Setting("identity", 2, 3),
    Setting("hardtanh", 1, 3, 0, 4, 4),
)


def products(setting: Setting, networks: int, seed: int) -> tuple[np.ndarray, ...]:
    """Signs, products and c of random starts; a readout weight of 0 is no case of its own here."""
    start = initial(setting, networks, seed)
    ones = np.ones((*start.b.shape, 1))
    v = np.abs(start.a)[..., None] * np.concatenate([start.w, start.b[..., None], ones], axis=2)
    return np.where(start.a < 0, -1.0, 1.0), v, start.c


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_a_batch_ends_where_each_network_ends_alone(setting: Setting) -> None:
    problem = task(setting)
    signs, v, c = products(setting, 30, 3)
    batch = descend_batch(problem, signs, v, c)
    assert batch.stationary.all()
    for j in range(30):
        alone = descend(problem, signs[j], v[j], float(c[j]))
        point = batch.points.point(j)
        one, other = (float(np.linalg.norm(end.error)) for end in (alone.point, point))
        assert alone.stationary and abs(one - other) <= max(alone.point.noise, 1e-12 * one)
        exact = float(point.error @ point.error) <= 4 * point.noise**2
        assert batch.exact[j] <= exact
        if batch.exact[j]:
            assert not np.any(multipliers(point)[1])


def test_a_network_that_is_cut_off_is_not_stationary() -> None:
    problem = task(SETTINGS[0])
    whole = descend_batch(problem, *products(SETTINGS[0], 40, 0))
    short = descend_batch(problem, *products(SETTINGS[0], 40, 0), cap=1)
    assert np.array_equal(short.stationary, whole.steps <= 1)
    assert np.all(short.steps == np.minimum(whole.steps, 1)) and np.any(whole.steps > 1)


@settings(max_examples=20)
@given(st.sampled_from(SETTINGS), st.integers(0, 1000), st.data())
def test_no_network_sees_its_neighbours(setting: Setting, seed: int, data: st.DataObject) -> None:
    signs, v, c = products(setting, 12, seed)
    whole = descend_batch(task(setting), signs, v, c)
    some = np.array(data.draw(st.lists(st.integers(0, 11), min_size=1, max_size=12)))
    part = descend_batch(task(setting), signs[some], v[some], c[some])
    for name in ("v", "c", "pattern"):
        assert np.array_equal(getattr(part.points, name), getattr(whole.points, name)[some]), name
    assert np.array_equal(part.steps, whole.steps[some])
