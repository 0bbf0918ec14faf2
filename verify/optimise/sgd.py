r"""Steps of torch.optim from given starts, on full batches, mini-batches or fresh noise.

    weights <- weights - η ∇ mean((r̂ - r)²)
    (plain SGD; momentum, weight decay, Adam and LBFGS by option)

A module is one :class:`~verify.models.networks.Network` (Conv, σ, sum, Linear) or a
:class:`~verify.models.networks.Bundle` of B of them, which share nothing but the clock.  What
requires no gradient stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from inspect import unwrap
from itertools import repeat
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from numerics.arithmetic.rounding import UNIT, gamma
from numerics.arithmetic.types import Array, Indices
from verify.models.networks import Bundle, Network
from verify.models.problem import Model, NetworkBatch

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Make",
    "Path",
    "batches",
    "descend",
    "gradient_length",
    "iterates",
    "lbfgs",
    "mean_squares",
    "samples",
    "settle",
    "sgd",
    "step_rounding",
]

Make = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
"""An optimizer of these parameters."""
Sample = tuple[Tensor, Tensor]
"""The signals (R, N) and radii (R,) that one step sees."""


def _bare(kind: type[torch.optim.Optimizer]) -> Callable[..., torch.optim.Optimizer]:
    """An optimizer of torch without what torch.compile and the profiler put around its steps: the
    same code in less time, and without a second's import of torch._dynamo.
    """
    step = torch.no_grad()(unwrap(kind.step))
    step.hooked = True  # or torch puts the profiler's hook around it
    return type(kind.__name__, (kind,), {"step": step, "add_param_group": _add_param_group})


_add_param_group = unwrap(torch.optim.Optimizer.add_param_group)
SGD = _bare(torch.optim.SGD)
"""torch.optim.SGD, bare."""
_ADAM, _LBFGS = _bare(torch.optim.Adam), _bare(torch.optim.LBFGS)


def sgd(**options: float) -> Make:
    """torch.optim.SGD with step 1 and torch's options (momentum, nesterov, weight_decay): η comes
    with the loss.
    """
    return partial(SGD, lr=1.0, foreach=False, **options)


def lbfgs(iterations: int = 20, evaluations: int | None = None) -> Make:
    """torch.optim.LBFGS; one step is up to so many iterations, and ends where no
    way down is found.
    """
    return partial(
        _LBFGS,
        max_iter=iterations,
        max_eval=evaluations,
        history_size=50,
        line_search_fn="strong_wolfe",
        tolerance_grad=0.0,
        tolerance_change=0.0,
    )


OPTIMIZERS: MappingProxyType[str, Make] = MappingProxyType(
    {
        "SGD": sgd(),
        "SGD, momentum 0.9": sgd(momentum=0.9),
        "SGD, Nesterov 0.9": sgd(momentum=0.9, nesterov=True),
        "SGD, weight decay 0.01": sgd(weight_decay=0.01),
        "Adam": partial(_ADAM, lr=1e-2, foreach=False),
        "LBFGS": lbfgs(),
    }
)
"""torch's optimizers by the name shown."""


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
    """Endless epochs over ``count`` samples, shuffled anew, in batches (size,).

    Raises
    ------
    ValueError: ``size`` does not divide ``count``.
    """
    if count % size:
        raise ValueError(f"{size} does not divide {count} samples")
    while True:
        order = rng.permutation(count)
        yield from order.reshape(-1, size)


def samples(x: Tensor, r: Tensor, order: Iterator[Indices] | None = None) -> Iterator[Sample]:
    """The same signals (S, ...) and radii (S,) for every step, or those of an ``order`` of index
    arrays, one per step.
    """
    if order is None:
        return repeat((x, r))
    return ((x[index], r[index]) for index in map(torch.as_tensor, order))


def mean_squares(answers: Tensor, r: Tensor) -> Tensor:
    """mean((r̂ - r)²) of every network: (B, R) -> (B,), (R,) -> ()."""
    error = answers - r
    return (error * error).mean(dim=-1)


def iterates(
    module: nn.Module,
    samples: Iterable[Sample],
    optimizer: torch.optim.Optimizer,
    rate: ArrayLike = 1.0,
    loss: Callable[[Tensor, Tensor], Tensor] = mean_squares,
) -> Iterator[Array]:
    """A step of the optimizer on Σ_j rate_j loss_j for every sample, in place; yields the losses
    (B,) before it.
    """
    weight = torch.atleast_1d(torch.as_tensor(np.asarray(rate, dtype=float)))
    rates, parameters = weight.numpy(), list(module.parameters())
    sample: Sample
    before: list[Array] = []

    def closure() -> float:
        for parameter in parameters:
            parameter.grad = None
        x, r = sample
        each = loss(module(x), r)
        each = each if each.dim() else each[None]
        each.backward(weight.expand_as(each))  # each network has the gradient of its own loss
        value = each.detach().numpy()
        before.append(value)
        return float((rates * value).sum())

    for given in samples:
        sample = given
        before.clear()
        optimizer.step(closure)
        yield before[0]


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
    rate: η per network, (B,) or one number.  With plain SGD of step 1 (the default) network j makes
        exactly the steps w <- w - η_j ∇L_j.
    make: another optimizer, of :data:`OPTIMIZERS` or by :func:`sgd`.
    order: index arrays, one per step; without it every step sees all samples.
    look: numbers of steps after which the weights are kept.
    """
    wanted, kept = frozenset(look), {}
    run = iterates(module, samples(x, r, order), (make or sgd())(module.parameters()), rate)
    losses = []
    for step in range(steps):
        if step in wanted:
            kept[step] = module.weights
        losses.append(next(run))
    end = module.weights
    if steps in wanted:
        kept[steps] = end
    return Path(np.array(losses), end, kept)


def settle(module: Bundle | Network, x: Tensor, r: Tensor, steps: int) -> None:
    """At most ``steps`` steps of LBFGS on the sum of mean((r̂ - r)²) over signals x (R, N) and
    radii r (R,), in place.

    Where a step moves nothing the next sees what this one saw, and moves nothing either: it ends.
    """
    optimizer = OPTIMIZERS["LBFGS"](module.parameters())
    run, here = (
        iterates(module, samples(x, r), optimizer),
        parameters_to_vector(module.parameters()),
    )
    for _ in range(steps):
        next(run)
        before, here = here, parameters_to_vector(module.parameters())
        if torch.equal(before, here):
            return


def gradient_length(module: nn.Module, x: Tensor, r: Tensor) -> float:
    """|∇ mean((r̂ - r)²)| of signals x (R, N) and radii r (R,), by all that requires a gradient."""
    weights = [p for p in module.parameters() if p.requires_grad]
    slopes = torch.autograd.grad(mean_squares(module(x), r), weights)
    return float(sum(torch.sum(slope**2).item() for slope in slopes) ** 0.5)


def step_rounding(model: Model, weights: NetworkBatch, rate: ArrayLike) -> Array:
    """(B,): how far any weight may be from the exact step w - η ∇L at these weights, by rounding
    alone.

    For σ with slopes in [-1, 1] and σ(0) = 0.  With A = |c| + r + Σ_k |a_k| Σ_i (|w_k| ⋆ x +
    |b_k|)_i the answer is off by at most γ_p A, and ∇L, a mean over R radii of 2 (r̂ - r) times a
    sum of at most N terms of total size M = max(Σ_i (|w_k| ⋆ x + |b_k|)_i, |a_k| max(2r, N), 1), by
    at most 2 γ A M, where γ covers the longest chain of operations.  The step itself rounds once
    more.
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
