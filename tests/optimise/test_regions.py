"""Descent across kinks."""

from __future__ import annotations

import numpy as np

from verify.models.problem import NetworkBatch, Setting
from verify.optimise.regions import descend
from verify.optimise.residuals import loss_gradient, task


def test_descent_leaves_a_ridge_that_clarke_admits() -> None:
    # One tap, abs, w = b = 0 and the best c.  Both slopes of |z| average to 0, so λ = 0 balances
    # the gradient and Clarke is content; but some γ is negative for either sign of a, and |z| leads
    # down.
    setting = Setting("abs", 1, 1, 0, 4, 4)
    problem = task(setting)
    mean = float(np.mean(problem.radii))
    variance = float(np.var(problem.radii))
    for sign in (1.0, -1.0):
        end = descend(problem, np.array([sign]), np.array([[0.0, 0.0, 1.0]]), mean)
        v = end.point.v
        assert end.stationary
        at = NetworkBatch(
            v[None, :, :-2], v[None, :, -2], np.array([[sign]]), np.array([end.point.c])
        )
        loss, _ = loss_gradient(setting, at)
        assert loss[0] <= 1e-20 * variance
