"""Gradient descent on bundles of networks: each is trained as if it were alone."""

from __future__ import annotations

import numpy as np
import pytest

from verify.models.networks import Bundle, data, load
from verify.models.problem import Model
from verify.optimise.gradient import batches, descend, sgd
from verify.report.lab import TINY, Lab
from verify.training.dynamics import starts


@pytest.mark.parametrize("name", ["identity", "relu", "tanh"])
@pytest.mark.parametrize("biased", [False, True])
def test_a_bundle_is_its_networks_trained_alone(name: str, biased: bool) -> None:
    model = Model(name, 2, 3, conv_bias=biased, readout_bias=biased)
    start = starts(Lab(TINY, 0), model, 4)
    x, r = data(model)
    rate = np.array([1e-3, 2e-3, 5e-4, 1e-3])
    many = descend(Bundle(model, start), x, r, 30, rate)
    for j in range(4):
        one = descend(load(model, start, j), x, r, 30, rate[j])
        for got, want in zip(
            (one.end.w, one.end.b, one.end.a), (many.end.w, many.end.b, many.end.a), strict=True
        ):
            assert np.allclose(got[0], want[j], rtol=0, atol=1e-13)
        assert np.allclose(one.losses[:, 0], many.losses[:, j], rtol=1e-10, atol=1e-14)


def test_batches_are_epochs() -> None:
    order = batches(8, 2, np.random.default_rng(0))
    epoch = np.concatenate([next(order) for _ in range(4)])
    assert sorted(epoch) == list(range(8))
    with pytest.raises(ValueError, match="does not divide"):
        next(batches(8, 3, np.random.default_rng(0)))


def test_weights_are_kept_when_asked_for() -> None:
    model = Model("identity", 1, 3)
    start = starts(Lab(TINY, 0), model, 2)
    x, r = data(model)
    path = descend(Bundle(model, start), x, r, 10, 1e-3, look=(0, 5, 10), make=sgd(momentum=0.5))
    assert np.array_equal(path.kept[0].w, start.w) and np.array_equal(path.kept[10].w, path.end.w)
    assert path.losses.shape == (10, 2)
