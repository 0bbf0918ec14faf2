"""The three residuals of trained networks: slope error α, offset error β, sub-pixel error D."""

from __future__ import annotations

from numerics.arithmetic.types import Array
from numerics.pulse.channel import quantities
from theory.pulse.loss import Decomposition
from verify.models.problem import NetworkBatch, Setting

__all__ = ["residual_errors"]


def residual_errors(
    law: Decomposition, setting: Setting, weights: NetworkBatch
) -> tuple[Array, Array, Array]:
    """α (B,), β (B,) and D (B, R), at the training radii, of every network of a batch, sum pooling.

    r̂ - r = α r + β + D(φ) on plateau radii; ``law`` says how the three follow from each channel's
    Δ, g(0), κ, D.
    """
    size = setting.pixels
    q = quantities(weights.w, weights.b, setting.activation, setting.radii.phi)
    channels = range(setting.channels)
    alpha, beta, _ = law.residuals(
        list(weights.a.T), weights.c, size, q.slope.T, q.background.T, q.kappa.T, q.kappa.T
    )
    zero = [0.0 for _ in channels]
    _, _, d = law.residuals(
        [weights.a[:, k, None] for k in channels], 0.0, size,
        zero, zero, zero, [q.deviation[:, k] for k in channels],
    )  # fmt: skip
    return alpha, beta, d
