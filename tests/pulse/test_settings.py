"""What is trained: each setting once, and the radii that its name promises."""

from __future__ import annotations

import numpy as np
import torch

from theory.expressions.activation import ACTIVATIONS
from verify.models.networks import data, weights_of
from verify.models.problem import Setting, initial
from verify.pulse.settings import (
    BENT,
    CENSUS,
    EVERY_RADIUS,
    LAWS,
    STRAIGHT,
    finished_and_stopped,
    on_the_way,
    stopped,
)
from verify.report.lab import TINY, Lab


def test_every_setting_is_there_once() -> None:
    for settings in (CENSUS, EVERY_RADIUS, LAWS, STRAIGHT, BENT):
        assert len(set(settings)) == len(settings)
        assert {setting.activation for setting in settings} <= set(ACTIVATIONS)


def test_the_census_takes_all_homogeneous_activations_with_one_and_two_channels() -> None:
    homogeneous = {name for name, row in ACTIVATIONS.items() if row.homogeneous}
    assert {setting.activation for setting in CENSUS} <= homogeneous
    assert {setting.channels for setting in CENSUS} == {1, 2}


def test_radii_begin_on_the_plateau_or_at_a_half() -> None:
    assert all(setting.radii.r[0] == setting.taps / 2 for setting in (*CENSUS, *LAWS))
    assert all(setting.radii.r[0] == 0.5 for setting in EVERY_RADIUS)


def test_networks_on_the_way_are_neither_start_nor_end() -> None:
    setting = Setting("abs", 1, 3)
    nets, (x, r) = on_the_way(setting, 3, 0), data(setting)
    assert not np.any(weights_of(nets).w == initial(setting, 3, 0).w)
    with torch.inference_mode():
        assert min(float(torch.mean((net(x) - r) ** 2)) for net in nets) > 1e-6


def test_finished_networks_come_before_those_that_are_stopped() -> None:
    lab, setting = Lab(TINY), BENT[0]
    assert setting.activation != "identity"
    both = finished_and_stopped(lab, setting, 2, 3)
    assert np.array_equal(both.w[:2], lab.ensemble(setting).w[:2])
    assert np.array_equal(both.c[2:], weights_of(stopped(lab, setting)[:3]).c)
    assert len(finished_and_stopped(lab, setting).c) == TINY.networks + len(stopped(lab, setting))
