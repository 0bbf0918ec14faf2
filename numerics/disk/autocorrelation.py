r"""Networks of squares: the least loss of a regression on autocorrelation, and under one sign.

A network of squares answers c + α Σx + Σ_d β_d C(d), whatever K and n; so its loss is at least what
1, Σx and the C(d) leave of r (:func:`least_loss`), and K = 2 and more channels with readouts of
both signs may attain it.  If all readouts have one sign, Σ_d β_d κ_d(ω) = ±Σ_k |a_k| |ŵ_k(ω)|² has
it for every ω, κ_d(ω) the mean of cos(d·ω) over the images of d.  The minimum under finitely many
of these inequalities is not larger.  By duality any λ >= 0 gives a bound from below,

    min_u |u|² over Gu >= h    >=    (h·λ)²/|Gᵀλ|²,

so that the solver need not be trusted (:func:`least_loss_of_one_sign`).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from numerics.arithmetic.regression import regression
from numerics.arithmetic.types import Array
from theory.disk.shares import orbit

__all__ = ["correlations", "lags_within", "least_loss", "least_loss_of_one_sign", "spectrum"]


def lags_within(taps: int) -> list[tuple[int, int]]:
    """The lags (i, j), i >= j >= 0, inside a filter of n × n taps."""
    return [(i, j) for i in range(taps) for j in range(i + 1)]


def correlations(x: Array, taps: int) -> Array:
    """C(d) = Σ_p x(p)x(p + d) of images (R, N, N), dark at the border: (R, D)."""
    columns = []
    for i, j in lags_within(taps):
        size = x.shape[1]
        columns.append(np.sum(x[:, : size - i, : size - j] * x[:, i:, j:], axis=(1, 2)))
    return np.stack(columns, axis=1)


def spectrum(taps: int, waves: Array) -> Array:
    """κ_d(ω) at frequencies (G, 2): (G, D)."""
    horizontal, vertical = waves.T
    rows = [
        np.mean([np.cos(i * horizontal + j * vertical) for i, j in orbit(d)], axis=0)
        for d in lags_within(taps)
    ]
    return np.stack(rows, axis=1)


def _grid(steps: int) -> Array:
    """Frequencies of an eighth of the square |ω_i| <= π; κ has all its symmetries."""
    axis = np.linspace(0, np.pi, steps + 1)
    i, j = np.tril_indices(steps + 1)
    return np.stack([axis[i], axis[j]], axis=1)


def least_loss(columns: Array, r: Array) -> float:
    """The least mean of (r̂ - r)² over r̂ in the span of the columns (R, C)."""
    return float(regression(columns, r).loss)


STEPS, ROUNDS = 24, 8
"""Frequencies on the first grid along an axis; how often the grid is refined where it matters."""


def least_loss_of_one_sign(always: Array, cone: Array, taps: int, r: Array, sign: int) -> float:
    """A bound from below on the mean of (r̂ - r)², r̂ (R,) in the span of ``always`` (R, A) plus
    cone·β, ``cone`` (R, D), with sign·κ(ω)·β >= 0 for all ω.
    """
    basis, _ = np.linalg.qr(always / np.linalg.norm(always, axis=0))

    def clear(y: Array) -> Array:
        return y - basis @ (basis.T @ y)

    q, upper = np.linalg.qr(clear(cone))
    target = q.T @ clear(r)
    waves, spacing, more = _grid(STEPS), np.pi / STEPS, 0.0
    for _ in range(ROUNDS):
        # u = Rβ - target is what the inequalities take away from the regression.
        g = sign * np.linalg.solve(upper.T, spectrum(taps, waves).T).T
        g /= np.linalg.norm(g, axis=1, keepdims=True)
        h = -g @ target
        goal = np.zeros(g.shape[1] + 1)
        goal[-1] = 1
        multiplier, _ = nnls(np.vstack([g.T, h]), goal, maxiter=100 * len(goal))
        pull = float(np.sum((g.T @ multiplier) ** 2))
        if pull > 0:
            more = max(more, max(float(h @ multiplier), 0.0) ** 2 / pull)
        spacing /= 3
        near = spacing * np.stack(np.meshgrid(*[np.arange(-3, 4)] * 2), axis=-1).reshape(-1, 2)
        active = waves[multiplier > 0]
        waves = np.concatenate([active, (active[:, None] + near).reshape(-1, 2)])
    return least_loss(np.hstack([always, cone]), r) + more / len(r)
