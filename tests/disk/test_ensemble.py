"""Ensembles on disks: the windows that disks show, torch as the judge, and
what training reaches.
"""

from __future__ import annotations

from math import pi

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.arithmetic.rounding import gamma
from verify.disk.claims import shares as evidence
from verify.disk.ensemble import disk_windows, train_networks
from verify.disk.networks import disks
from verify.disk.trained import R as R71
from verify.disk.trained import shown
from verify.models.networks import Bundle, load
from verify.models.problem import NetworkShape
from verify.report.lab import TINY, Lab

seeds = st.integers(0, 2**32 - 1)
R = np.linspace(3, 10, 15)


def test_one_channel_of_squares_ends_at_the_floor_of_its_sign() -> None:
    """Given time: after the 150 steps of an ensemble one in some dozens is still on its way."""
    shape = NetworkShape("square", 1)
    nets = train_networks(shape, shown(3), R71, 24, Lab(TINY).rng(("disks", shape)), 600)
    with torch.no_grad():
        error = Bundle(shape, nets)(disks(R71, 13)).numpy() - R71
    _, plus, minus = evidence.floors(3)
    floor = np.where(nets.a[:, 0] > 0, plus, minus)
    assert np.all(np.abs(np.mean(error**2, axis=1) / floor - 1) < 1e-5)


@pytest.mark.parametrize("taps", [3, 5])
def test_windows_come_with_their_number(taps: int) -> None:
    seen = disk_windows(R, taps, 13)
    assert all(seen.counts[part].sum() == 27**2 for part in seen.parts)
    sums = [seen.counts[part] @ seen.rows[part, (taps * taps) // 2] for part in seen.parts]
    assert np.allclose(sums, pi * R**2, rtol=0, atol=1e-10)


@given(seeds, st.sampled_from(["abs", "relu", "tanh", "square"]), st.sampled_from([1, 2, 3]))
@settings(max_examples=10)
def test_what_is_trained_is_what_torch_runs(seed: int, name: str, channels: int) -> None:
    """The modules alone and together; the readout is the best one by torch's own gradient."""
    shape = NetworkShape(name, channels)
    nets = train_networks(shape, disk_windows(R, 3, 13), R, 3, np.random.default_rng(seed), 8)
    x, target = disks(R, 13), torch.tensor(R)
    both = Bundle(shape, nets)(x)
    size = (
        np.abs(nets.a)
        @ np.ones(channels)
        * 27**2
        * (1 + np.abs(nets.w).sum() + np.abs(nets.b).sum()) ** 2
    )
    for j in range(3):
        net = load(shape, nets, j)
        alone = net(x)
        slack = 4 * gamma(27**2 + 30) * (size[j] + abs(nets.c[j]))
        assert float(torch.max(torch.abs(alone - both[j])).detach()) <= slack
        loss = torch.mean((alone - target) ** 2)
        loss.backward()
        assert net.readout.bias.grad is not None
        assert abs(float(net.readout.bias.grad)) <= 2 * slack + 1e-9
        assert loss.item() <= np.var(R) * (1 + 1e-9) + slack


def test_the_same_start_ends_at_the_same_network_and_longer_is_not_worse() -> None:
    seen, shape = disk_windows(R, 3, 13), NetworkShape("relu", 2)
    short, again, long = (
        train_networks(shape, seen, R, 4, np.random.default_rng(3), steps) for steps in (5, 5, 30)
    )
    assert np.array_equal(short.w, again.w)
    lost = [
        torch.mean((Bundle(shape, nets)(disks(R, 13)) - torch.tensor(R)) ** 2, dim=1)
        .detach()
        .numpy()
        for nets in (short, long)
    ]
    assert np.all(lost[1] <= lost[0] * (1 + 1e-9))
