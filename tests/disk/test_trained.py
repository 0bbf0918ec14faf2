"""The settings of the profiles, and ensembles that are trained and measured once."""

from __future__ import annotations

import numpy as np

from theory.expressions.activation import ACTIVATIONS
from verify.disk.trained import JUMPING, KINKED, MORE, MOST, SETTINGS, trained
from verify.models.problem import NetworkShape
from verify.report.lab import TINY, Lab


def test_what_the_full_profile_trains() -> None:
    """162 kinds: every row with kinks, the main smooth ones and the identity, K = 1 to 4, n = 3 and
    5, and the two that jump.
    """
    bent = {name for name, row in ACTIVATIONS.items() if row.kinks and not row.jumps}
    assert bent == set(KINKED)
    kinds = {*SETTINGS, *MORE}
    assert len(kinds) == len(SETTINGS) + len(MORE) == 162 and MOST == 50
    for shape in kinds:
        assert (shape.activation in JUMPING) <= ((shape.channels, shape.taps) == (1, 3))
    assert {row for row, found in ACTIVATIONS.items() if found.jumps} == set(JUMPING)


def test_one_training_serves_all_and_each_law_is_asked_once() -> None:
    lab, shape, asked = Lab(TINY), NetworkShape("identity", 1), []
    ensemble = trained(lab, shape, 2)
    assert trained(lab, shape, 2) is ensemble is not trained(lab, shape, 1)

    def levels(law: str) -> np.ndarray:
        asked.append(law)
        return np.zeros(2)

    first = ensemble.once("one law", lambda: levels("one law"))
    assert ensemble.once("one law", lambda: levels("one law")) is first
    assert ensemble.once("another", lambda: levels("another")) is not first
    assert asked == ["one law", "another"]
