r"""Gradient steps from given starts: what torch.optim makes of every weight, step by step.

    weights <- weights - η ∇ mean((r̂ - r)²)    (plain SGD; momentum, weight decay and Adam by option)

A module is one :class:`~verify.models.networks.Network` (Conv1d, σ, sum, Linear) or a
:class:`~verify.models.networks.Bundle` of B of them, which share nothing but the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from numerics.arithmetic.rounding import UNIT, gamma
from numerics.arithmetic.types import Array, Indices
from verify.models.networks import Bundle, Network
from verify.models.problem import Model, NetworkBatch

__all__ = [
    "Path",
    "batches",
    "descend",
    "sgd",
    "step_rounding",
]

Make = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


def sgd(**options: float) -> Make:
    """torch.optim.SGD with step 1: the steps themselves are given to :func:`descend`, one per network."""
    return lambda parameters: torch.optim.SGD(parameters, lr=1.0, **options)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Path:
    """What a run left.

    Attributes
    ----------
    losses: (T, B), the loss before every step, on that step's batch.
    end: the weights after the last step.
    kept: the weights after so many steps, for the numbers of steps asked for.
    """

    losses: Array
    end: NetworkBatch
    kept: dict[int, NetworkBatch] = field(default_factory=dict)


def batches(count: int, size: int, rng: np.random.Generator) -> Iterator[Indices]:
    """Endless epochs over ``count`` samples, shuffled anew, in batches of ``size`` (a divisor of ``count``)."""
    if count % size:
        raise ValueError(f"{size} does not divide {count} samples")
    while True:
        order = rng.permutation(count)
        yield from order.reshape(-1, size)


def descend(
    module: Bundle | Network,
    x: Tensor,
    r: Tensor,
    steps: int,
    rate: ArrayLike = 1.0,
    make: Make | None = None,
    order: Iterator[Indices] | None = None,
    look: Iterable[int] = (),
) -> Path:
    """``steps`` optimizer steps on Σ_j rate_j mean((r̂_j - r)²), in place.

    Parameters
    ----------
    rate: η per network, (B,) or one number.  With plain SGD of step 1 (the default) network j makes exactly
        the steps w <- w - η_j ∇L_j.
    make: another optimizer; :func:`sgd` takes torch's options (momentum, nesterov, weight_decay).
    order: index arrays, one per step; without it every step sees all samples.
    look: numbers of steps after which the weights are kept.
    """
    optimizer = (make or sgd())(module.parameters())
    weight = torch.as_tensor(np.asarray(rate, dtype=float))
    wanted = frozenset(look)
    losses, kept = [], {}
    for step in range(steps):
        if step in wanted:
            kept[step] = module.weights
        index = None if order is None else torch.as_tensor(next(order))
        signal, target = (x, r) if index is None else (x[index], r[index])
        optimizer.zero_grad()
        each = torch.mean((module(signal) - target) ** 2, dim=-1)
        (weight * each).sum().backward()
        optimizer.step()
        losses.append(each.detach().numpy())
    end = module.weights
    if steps in wanted:
        kept[steps] = end
    return Path(np.array(losses).reshape(steps, -1), end, kept)


def step_rounding(model: Model, weights: NetworkBatch, rate: ArrayLike) -> Array:
    """(B,): how far any weight may be from the exact step w - η ∇L at these weights, by rounding alone.

    For σ with slopes in [-1, 1] and σ(0) = 0.  With A = |c| + r + Σ_k |a_k| Σ_i (|w_k| ⋆ x + |b_k|)_i the answer is off by at most
    γ_p A, and ∇L, a mean over R radii of 2 (r̂ - r) times a sum of at most N terms of total size
    M = max(Σ_i (|w_k| ⋆ x + |b_k|)_i, |a_k| max(2r, N), 1), by at most 2 γ A M, where γ covers the longest chain of
    operations.  The step itself rounds once more.
    """
    r = model.radii.r
    size = 2 * model.radii.half_length(model.taps) + 1
    mass = (
        np.sum(np.abs(weights.w), axis=2)[..., None] * 2 * r + size * np.abs(weights.b)[..., None]
    )
    answer = np.sum(np.abs(weights.a)[..., None] * mass, axis=1) + np.abs(weights.c)[:, None] + r
    lit = np.maximum(2 * r, size) if model.conv_bias else 2 * r
    slope = np.maximum(np.max(mass, axis=1), np.max(np.abs(weights.a), axis=1)[:, None] * lit)
    chain = 2 * (model.taps + size + model.channels + 8) + len(r) * size
    gradient = 2 * np.mean(answer * np.maximum(slope, 1.0), axis=1) * 2 * gamma(chain)
    largest = np.max(
        [
            np.max(np.abs(x).reshape(len(weights.c), -1), axis=1)
            for x in (weights.w, weights.b, weights.a, weights.c)
        ],
        axis=0,
    )
    step = np.asarray(rate) * 2 * np.mean(answer * np.maximum(slope, 1.0), axis=1)
    return np.asarray(np.asarray(rate) * gradient + 2 * UNIT * (largest + step))
