"""torch.optim on the real modules."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from verify.models.networks import load, signals, weights_of
from verify.models.problem import Setting, initial
from verify.optimise.minimise import OPTIMIZERS, on_the_way, train

SETTING = Setting("abs", 1, 3)


def _problem() -> tuple[torch.Tensor, torch.Tensor]:
    return signals(SETTING.radii, SETTING.taps), torch.tensor(SETTING.radii.r)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_loss_falls_and_runs_repeat(optimizer: str) -> None:
    x, r = _problem()
    runs = [train(load(SETTING, initial(SETTING, 1, 4), 0), x, r, optimizer, 40) for _ in range(2)]
    assert runs[0].losses[-1] < runs[0].losses[0]
    assert np.array_equal(runs[0].losses, runs[1].losses)
    assert runs[0].gradient == runs[1].gradient


def test_readout_only_leaves_the_filter_alone() -> None:
    x, r = _problem()
    net = load(SETTING, initial(SETTING, 1, 4), 0)
    before = net.conv.weight.detach().clone()
    readout = net.readout.weight.detach().clone()
    train(net, x, r, "lbfgs", 5, readout_only=True)
    assert torch.equal(net.conv.weight, before)
    assert not torch.equal(net.readout.weight, readout)


def test_gradient_is_that_of_the_final_weights() -> None:
    x, r = _problem()
    net = load(SETTING, initial(SETTING, 1, 4), 0)
    trace = train(net, x, r, "adam", 3)
    net.zero_grad()
    torch.mean((net(x) - r) ** 2).backward()
    squares = [float(torch.sum(p.grad**2)) for p in net.parameters() if p.grad is not None]
    assert trace.gradient == pytest.approx(sum(squares) ** 0.5, rel=1e-12)


def test_networks_on_the_way_are_neither_start_nor_end() -> None:
    weights = weights_of(on_the_way(SETTING, 3, 0))
    start = initial(SETTING, 3, 0)
    assert not np.any(weights.w == start.w)
    x, r = _problem()
    with torch.inference_mode():
        losses = [float(torch.mean((load(SETTING, weights, j)(x) - r) ** 2)) for j in range(3)]
    assert min(losses) > 1e-6


def test_unknown_optimizer() -> None:
    x, r = _problem()
    with pytest.raises(KeyError):
        train(load(SETTING, initial(SETTING, 1, 4), 0), x, r, "newton", 1)
