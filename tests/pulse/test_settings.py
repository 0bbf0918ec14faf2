"""What is trained: each setting once, and the radii that its name promises."""

from __future__ import annotations

import numpy as np
import torch

from theory.expressions.activation import ACTIVATIONS
from verify.models.networks import data, weights_of
from verify.models.problem import Setting, initial
from verify.pulse.settings import CENSUS, EVERY_RADIUS, LAWS, on_the_way


def test_every_setting_is_there_once() -> None:
    for settings in (CENSUS, EVERY_RADIUS, LAWS):
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
