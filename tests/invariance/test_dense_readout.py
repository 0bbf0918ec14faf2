"""Networks with a weight for each position, as torch runs them."""

from __future__ import annotations

import numpy as np
import torch

from numerics.pulse.sample import pulse
from verify.invariance.dense_readout import DenseReadout


def test_networks_of_a_batch_share_nothing() -> None:
    """The gradient of one network's loss does not reach the others, and the filter stays."""
    net = DenseReadout("relu", 9, 3, True)
    x = torch.tensor(pulse(np.array([1.5, 2.25]), 4))
    (net(x)[1] ** 2).sum().backward()
    assert net.readout.weight.grad is not None
    assert [bool(row.any()) for row in net.readout.weight.grad] == [False, True, False]
    assert all(p.grad is None for p in net.conv.parameters())
