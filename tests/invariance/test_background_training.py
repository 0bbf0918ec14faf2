"""Networks trained on unknown backgrounds."""

from __future__ import annotations

import numpy as np

from verify.invariance.background_training import NEAR, STEEP, Scene, answers, exact_counts, trained
from verify.report.lab import TINY, Lab


def test_smooth_networks_do_not_become_exact() -> None:
    """tanh and softplus, trained on a short interval of backgrounds: all errors stay visible."""
    for name in ("tanh", "softplus"):
        scene = Scene(name, 2, 3, NEAR, steps=4)
        assert exact_counts(Lab(TINY), scene, 4) == (0, 0)


def test_one_strict_channel_moves_with_the_background() -> None:
    """Trained networks: the answer at every radius is strictly monotone in the background."""
    scene = STEEP[0]
    x, _ = scene.data()
    for net in trained(Lab(TINY), scene, 4):
        found = answers(net, x).reshape(len(scene.r), -1)
        steps = np.diff(found, axis=1)
        assert np.all(steps > 0) or np.all(steps < 0)
