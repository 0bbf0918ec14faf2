"""What is trained: each setting once, and the radii that its name promises."""

from __future__ import annotations

from theory.expressions.activation import ACTIVATIONS
from verify.pulse.settings import CENSUS, EVERY_RADIUS, LAWS


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
