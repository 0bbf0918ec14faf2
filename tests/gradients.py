"""How far rounding can move a gradient, for the tests of what ends where it is 0."""

from __future__ import annotations

import numpy as np

from verify.models.problem import NetworkBatch, Setting
from verify.optimise.residuals import _terms, loss_gradient, rounding, task


def gradient_rounding(setting: Setting, weights: NetworkBatch) -> np.ndarray:
    """(B,): bound of the rounding error in the length of the gradient, g = (2/R) Σ_r e_r J_r.

    Twice the bound of e (its evaluation, and that of the weights that make it small), times the
    bound of |J|, plus |e| times the rounding of J.
    """
    problem = task(setting)
    counts = problem.view.counts
    mass = np.abs(weights.w) @ np.abs(problem.view.windows).T + np.abs(weights.b)[..., None]
    by_conv = np.abs(weights.a)[..., None, None] * (counts @ np.abs(problem.view.rows))
    by_read = mass @ counts.T
    size = np.sqrt(np.sum(by_conv**2, axis=(1, 3)) + np.sum(by_read**2, axis=1) + 1)
    loss, _ = loss_gradient(setting, weights)
    off = rounding(setting, weights)
    error = np.sqrt(loss * len(problem.radii))
    own = _terms(setting) * error * np.linalg.norm(size, axis=1)
    return np.asarray(2 / len(problem.radii) * (np.sum(2 * off * size, axis=1) + own))
