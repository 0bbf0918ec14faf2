"""Training on fresh noisy pulses, and how far the average of the iterates may lie from the minimiser.

Every step of torch.optim.SGD sees new noise; the loss is never the same twice.  The average of T iterates around a
minimiser has the covariance H⁻¹ΣH⁻¹/T, H the Hessian of the risk and Σ the covariance of a step's gradient (Polyak and
Juditsky), in any coordinates q of what the network computes: for r̂ = c + Σ_k Σ_i σ((v_k ⋆ x)_i + β_k) these are
q = (v, β, c), v = aw, β = ab, whatever a itself is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from verify.models.networks import Bundle, data
from verify.models.problem import Model, NetworkBatch

__all__ = ["Averaged", "average", "interval"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Averaged:
    """The mean of a function of the weights over the last ``steps`` iterates, (B, q), the same over its two halves (2, B, q), and the last weights."""

    mean: Array
    halves: Array
    steps: int
    end: NetworkBatch


def average(
    model: Model,
    start: NetworkBatch,
    noise: float,
    copies: int,
    schedule: tuple[tuple[float, int], ...],
    look: Callable[[NetworkBatch], Array],
    momentum: float = 0.9,
) -> Averaged:
    """torch.optim.SGD on batches of ``copies`` fresh noisy pulses of every radius; the average of ``look`` over the last stage.

    The noise comes from torch's generator.  ``schedule``: (step size, number of steps) of every stage.
    """
    x, r = data(model)
    signals, target = x.repeat(copies, 1), r.repeat(copies)
    bundle = Bundle(model, start)
    optimizer = torch.optim.SGD(bundle.parameters(), lr=1.0, momentum=momentum)
    halves: list[Array] = []
    for rate, steps in schedule:
        optimizer.param_groups[0]["lr"] = rate
        halves = [np.zeros(()), np.zeros(())]
        for step in range(steps):
            noisy = signals + noise * torch.randn(signals.shape, dtype=signals.dtype)
            optimizer.zero_grad()
            # The sum over networks: each has the gradient of its own loss.
            torch.mean((bundle(noisy) - target) ** 2, dim=1).sum().backward()
            optimizer.step()
            late = int(2 * step >= steps)
            halves[late] = halves[late] + look(bundle.weights)
    steps = schedule[-1][1]
    parts = np.stack([halves[0] / ((steps + 1) // 2), halves[1] / (steps // 2)])
    return Averaged((halves[0] + halves[1]) / steps, parts, steps, bundle.weights)


def interval(hessian: Array, gradients: Array, steps: int) -> Array:
    """Standard deviations (q,) of the average of ``steps`` iterates: √diag(H⁻¹ΣH⁻¹/T); gradients (samples, q) of one batch each."""
    back = np.linalg.inv(hessian)
    return np.asarray(np.sqrt(np.diag(back @ np.cov(gradients.T) @ back) / steps))
