"""Training on fresh noisy pulses, and how far the average of the iterates may lie from the
minimiser.

Every step of torch.optim.SGD sees new noise; the loss is never the same twice.  The average of T
iterates around a minimiser has the covariance H⁻¹ΣH⁻¹/T, H the Hessian of the risk and Σ the
covariance of a step's gradient (Polyak and Juditsky), in any coordinates q of what the network
computes: for r̂ = c + Σ_k Σ_i σ((v_k ⋆ x)_i + β_k) these are q = (v, β, c), v = aw, β = ab,
whatever a itself is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from numerics.arithmetic.types import Array
from verify.models.networks import Bundle, data
from verify.models.problem import Model, NetworkBatch
from verify.optimise.sgd import iterates, sgd

__all__ = ["Averaged", "average", "interval"]


@dataclass(frozen=True)
class Averaged:
    """The mean of a function of the weights over the last ``steps`` iterates, (B, q), the same over
    its two halves (2, B, q), and the last weights.
    """

    mean: Array
    halves: Array
    steps: int
    end: NetworkBatch


def average(
    model: Model,
    start: NetworkBatch,
    noise: float,
    schedule: tuple[tuple[float, int, int], ...],
    look: Callable[[NetworkBatch], Array],
    momentum: float = 0.9,
) -> Averaged:
    """torch.optim.SGD on batches of fresh noisy pulses of every radius; the average of ``look``
    over the last stage.

    The noise comes from torch's generator.  ``schedule``: (step size, number of steps, copies of
    every pulse in a batch) of every stage.
    """
    bundle = Bundle(model, start)
    optimizer = sgd(momentum=momentum)(bundle.parameters())
    halves = [np.zeros(()), np.zeros(())]
    for stage, (rate, steps, copies) in enumerate(schedule, 1):
        optimizer.param_groups[0]["lr"] = rate
        run = iterates(bundle, _noisy(*data(model), noise, copies), optimizer)
        for step, _ in zip(range(steps), run, strict=False):
            if stage == len(schedule):
                late = int(2 * step >= steps)
                halves[late] = halves[late] + look(bundle.weights)
    steps = schedule[-1][1]
    parts = np.stack([halves[0] / ((steps + 1) // 2), halves[1] / (steps // 2)])
    return Averaged((halves[0] + halves[1]) / steps, parts, steps, bundle.weights)


def _noisy(x: Tensor, r: Tensor, noise: float, copies: int) -> Iterator[tuple[Tensor, Tensor]]:
    signals, target = x.repeat(copies, 1), r.repeat(copies)
    while True:
        yield signals + noise * torch.randn(signals.shape, dtype=signals.dtype), target


def interval(hessian: Array, gradients: Array, steps: int) -> Array:
    """Standard deviations (q,) of the average of ``steps`` iterates: √diag(H⁻¹ΣH⁻¹/T); gradients
    (samples, q) of one batch each.
    """
    back = np.linalg.inv(hessian)
    return np.asarray(np.sqrt(np.diag(back @ np.cov(gradients.T) @ back) / steps))
