"""Training at a fixed height of the staircase: the height is kept, and a fixed
norm would not do.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from verify.report.lab import TINY, Lab
from verify.shape.rates.height import HEIGHTS, measured, trained


def test_training_keeps_the_height() -> None:
    found = trained("gelu", 3, 2, np.random.default_rng(0))
    assert np.sum(found.w, axis=1) == pytest.approx(found.height)
    assert sorted(set(found.height)) == sorted(HEIGHTS)
    assert np.all((found.gradient < 1) | found.left)


def test_a_long_step_to_where_all_is_flat_does_not_stop_a_network() -> None:
    """One of these goes from 2.07 to 5.58 in one step; with its old damping each further one is as
    small as rounding.
    """
    rng = Lab(TINY, 3).rng(("rates", "gelu_tanh", 1))
    found = trained("gelu_tanh", 1, 10, rng)
    assert np.all((found.gradient < 1) | found.left)


def test_at_a_fixed_norm_three_taps_have_no_best_loss() -> None:
    """(η, v, -v') with Σ w³ = 0 and |w| = 1/2: the loss goes to 0 with η, far below one tap of that
    norm.
    """
    losses = []
    for eta in (0.2, 0.1, 0.05, 0.025):
        taps = np.array([eta, 1.0, -np.cbrt(1 + eta**3)])
        w = (0.5 * taps / np.linalg.norm(taps))[None]
        height = np.sum(w, axis=1)
        losses.append(float(measured("tanh", height, w, -height / 2, np.zeros(1)).loss[0]))
    assert all(after < before / 10 for before, after in pairwise(losses))
    single = measured("tanh", np.array([0.5]), np.array([[0.5]]), np.array([-0.25]), np.zeros(1))
    assert losses[-1] < 1e-9 * single.loss[0]
