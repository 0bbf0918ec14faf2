"""Losses between the training radii."""

from __future__ import annotations

import numpy as np
import torch

from verify.disk.endings import CREST, between
from verify.disk.ensemble import NetworkShape
from verify.disk.networks import disks
from verify.disk.trained import R as R71
from verify.disk.trained import trained
from verify.report.lab import TINY, Lab


def test_losses_between_the_radii_are_those_of_torch() -> None:
    one = trained(Lab(TINY), NetworkShape("abs", 1), 3)
    middle = (R71[1:] + R71[:-1]) / 2
    for j, loss in enumerate(between(one)):
        net = one.nets.module(j)
        with torch.no_grad():
            error = net(disks(middle, 13)).numpy() - middle
        assert abs(np.mean(error**2) / loss - 1) < 1e-6


def test_crests_are_lower_with_the_area_beside_them() -> None:
    assert all(beside < alone for alone, beside in CREST.values())
    assert min(CREST, key=lambda step: CREST[step][1]) == (1, 0)
