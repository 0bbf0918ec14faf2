"""Levenberg and Marquardt on the distinct windows of disks: the windows are all there, and the loss falls."""

from __future__ import annotations

import numpy as np
import torch

from numerics.pulse.sample import windows
from verify.disk.fit import fit
from verify.disk.networks import disks, drawn

R = np.linspace(1.5, 3.5, 17)


def test_distinct_windows_come_with_their_number() -> None:
    x = disks(R, 5).numpy()
    data = windows(x, 3)
    assert len(np.unique(data.windows, axis=0)) == len(data.windows)
    assert np.all(data.counts.sum(axis=1) == x[0].size)
    # Every pixel is seen by every tap but at the border, where all is dark.
    assert np.allclose((data.counts @ data.windows)[:, 4], x.sum(axis=(1, 2)), rtol=1e-12)


def test_what_is_found_is_in_the_torch_module_and_not_worse() -> None:
    before, fitted = (drawn("tanh", 1, 3, np.random.default_rng(0)) for _ in range(2))
    x = disks(R, 5)
    fit(fitted, "tanh", windows(x.numpy(), 3), R, 60)
    with torch.no_grad():
        old, new = (float(torch.mean((net(x) - torch.tensor(R)) ** 2)) for net in (before, fitted))
    assert new < old / 10
