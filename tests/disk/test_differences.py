"""Trained differences and free filters: how many, what they keep, and what is said of them."""

from __future__ import annotations

import numpy as np
import torch

from theory.disk.perimeter import STEPS
from verify.disk.differences import (
    COUNT,
    HALF_LENGTH,
    HIGH,
    LOW,
    differences,
    free,
    networks_of_each,
)
from verify.disk.networks import disks
from verify.report.lab import TINY, Lab


def test_every_kind_is_trained_and_counted() -> None:
    lab = Lab(TINY)
    nets, r = differences(lab), np.linspace(LOW, HIGH, COUNT)
    assert len(nets) == 2 * len(STEPS) * networks_of_each(lab)
    assert {trained.net.step for trained in nets} == set(STEPS)
    assert not all(trained.one_sign for trained in nets), "one of each kind starts with both"
    for trained in nets:
        kappa = trained.kappa[trained.net.mask.numpy() > 0]
        assert trained.one_sign == (abs(np.sum(np.sign(kappa))) == len(kappa))
        assert trained.excess >= 0
        assert (
            np.mean(trained.error**2) == np.float64(trained.loss)
            or abs(np.mean(trained.error**2) / trained.loss - 1) < 1e-9
        )
        with torch.no_grad():
            answers = trained.net(disks(r, HALF_LENGTH)).numpy()
        assert np.allclose(answers - r, trained.error, rtol=0, atol=1e-12)


def test_free_filters_explain_a_part_of_the_variance() -> None:
    nets = free(Lab(TINY))
    assert {each.name for each in nets} == {"abs", "relu"}
    assert all(-1e-9 <= each.share <= 1 for each in nets)
    assert max(each.share for each in nets) > 0.99
