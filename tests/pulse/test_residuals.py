"""The three residuals add up to the error that torch's module has."""

from __future__ import annotations

import numpy as np
import pytest

from theory.pulse.loss import LAW
from verify.models.networks import load, signals
from verify.models.problem import Setting, initial
from verify.pulse.residuals import residual_errors


@pytest.mark.parametrize("name", ["relu", "tanh", "abs"])
def test_slope_offset_and_the_rest_are_the_error(name: str) -> None:
    setting = Setting(name, 2, 5)
    weights = initial(setting, 3, 0)
    alpha, beta, d = residual_errors(LAW, setting, weights)
    x, r = signals(setting.radii, setting.taps), setting.radii.r
    for j in range(3):
        answers = load(setting, weights, j)(x).detach().numpy()
        assert np.allclose(alpha[j] * r + beta[j] + d[j], answers - r, rtol=0, atol=1e-12)


def test_at_half_integers_nothing_deviates() -> None:
    setting = Setting("softplus", 2, 3)
    _, _, d = residual_errors(LAW, setting, initial(setting, 4, 1))
    assert np.max(np.abs(d[:, setting.radii.phi == 0])) < 1e-14
    assert np.max(np.abs(d)) > 1e-6
