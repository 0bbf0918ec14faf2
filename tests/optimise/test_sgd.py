"""Steps of torch.optim: bundles train as their networks alone, every optimizer descends and repeats
itself.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from verify.models.networks import Bundle, Network, data, load
from verify.models.problem import Model, Setting, initial
from verify.optimise.sgd import (
    OPTIMIZERS,
    batches,
    descend,
    gradient_length,
    iterates,
    samples,
    sgd,
)
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


SETTING = Setting("abs", 1, 3)


def _started() -> Network:
    return load(SETTING, initial(SETTING, 1, 4))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_loss_falls_and_runs_repeat(optimizer: str) -> None:
    rate = 1e-4 if "SGD" in optimizer else 1.0
    make = sgd() if "decay" in optimizer else OPTIMIZERS[optimizer]
    runs = [descend(_started(), *data(SETTING), 40, rate, make) for _ in range(2)]
    assert runs[0].losses[-1, 0] < runs[0].losses[0, 0]
    assert np.array_equal(runs[0].losses, runs[1].losses)


def test_what_requires_no_gradient_stays() -> None:
    net = _started()
    before, readout = net.conv.weight.detach().clone(), net.readout.weight.detach().clone()
    net.conv.requires_grad_(False)
    descend(net, *data(SETTING), 5, make=OPTIMIZERS["LBFGS"])
    assert torch.equal(net.conv.weight, before)
    assert not torch.equal(net.readout.weight, readout)


def test_gradient_length_is_that_of_torch() -> None:
    net, (x, r) = _started(), data(SETTING)
    descend(net, x, r, 3, make=OPTIMIZERS["Adam"])
    net.zero_grad()
    torch.mean((net(x) - r) ** 2).backward()
    squares = [float(torch.sum(p.grad**2)) for p in net.parameters() if p.grad is not None]
    assert gradient_length(net, x, r) == pytest.approx(sum(squares) ** 0.5, rel=1e-12)


def test_lbfgs_yields_the_loss_before_its_iterations() -> None:
    net, (x, r) = _started(), data(SETTING)
    with torch.no_grad():
        first = float(torch.mean((net(x) - r) ** 2))
    run = iterates(net, samples(x, r), OPTIMIZERS["LBFGS"](net.parameters()))
    assert next(run).tolist() == [first]
    assert float(next(run)[0]) < first
