"""Which networks on disks are trained, and where single ones end."""

from __future__ import annotations

import numpy as np
import torch

from theory.expressions.activation import ACTIVATIONS
from verify.disk.claims import shares as evidence
from verify.disk.ensemble import NetworkShape, Together, train_networks
from verify.disk.networks import disks
from verify.disk.trained import JUMPING, KINKED, MORE, MOST, SETTINGS, shown
from verify.disk.trained import R as R71
from verify.report.lab import TINY, Lab


def test_what_the_full_profile_trains() -> None:
    """162 kinds: every row with kinks, the main smooth ones and the identity, K = 1 to 4, n = 3 and 5, and the two that jump."""
    bent = {name for name, row in ACTIVATIONS.items() if row.kinks and not row.jumps}
    assert bent == set(KINKED)
    kinds = {*SETTINGS, *MORE}
    assert len(kinds) == len(SETTINGS) + len(MORE) == 162 and MOST == 50
    for shape in kinds:
        assert (shape.activation in JUMPING) <= ((shape.channels, shape.taps) == (1, 3))
    assert {row for row, found in ACTIVATIONS.items() if found.jumps} == set(JUMPING)


def test_one_channel_of_squares_ends_at_the_floor_of_its_sign() -> None:
    """Given time: after the 150 steps of an ensemble one in some dozens is still on its way."""
    shape = NetworkShape("square", 1)
    nets = train_networks(shape, shown(3), 24, Lab(TINY).rng(("disks", shape)), 600)
    together = Together(nets)
    with torch.no_grad():
        error = together.answers(together.features(disks(R71, 13))).numpy() - R71[:, None]
    _, plus, minus = evidence.floors(3)
    floor = np.where(nets.a[:, 0] > 0, plus, minus)
    assert np.all(np.abs(np.mean(error**2, axis=0) / floor - 1) < 1e-5)
