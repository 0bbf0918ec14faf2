r"""Gradient steps from given starts: what torch.optim makes of every weight, step by step.

    weights <- weights - η ∇ mean((r̂ - r)²)    (plain SGD; momentum, weight decay and Adam by option)

A *model* says which weights there are, :func:`fresh` draws torch's own initial ones, and :func:`descend` runs a
torch optimizer on a module.  The module is either one :class:`verify.models.networks.Network` (Conv1d, σ, sum, Linear) or
a :class:`Bundle` of B of them, which share nothing but the clock.  Absent biases are zeros in
:class:`~verify.models.ensemble.NetworkBatch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from numerics.arithmetic.rounding import UNIT, gamma
from numerics.arithmetic.types import Array, Indices
from numerics.pulse.sample import Radii
from verify.models.ensemble import NetworkBatch
from verify.models.networks import Network, signals

__all__ = [
    "Bundle",
    "Model",
    "Path",
    "batches",
    "data",
    "descend",
    "fresh",
    "sgd",
    "single",
    "step_rounding",
]

Make = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


@dataclass(frozen=True)
class Model:
    """σ by name, K channels, n taps, which biases there are, the radii (plateau radii by default), and the padding."""

    activation: str
    channels: int
    taps: int
    conv_bias: bool = False
    readout_bias: bool = False
    first: int = 0
    cells: int = 4
    per_cell: int = 2
    circular: bool = False

    @property
    def radii(self) -> Radii:
        """The training radii; ``first`` = 0 means plateau radii only."""
        return Radii(self.first or self.taps // 2 + 1, self.cells, self.per_cell)


def data(model: Model) -> tuple[Tensor, Tensor]:
    """The signals (R, N) and radii (R,) of a model."""
    return signals(model.radii, model.taps), torch.tensor(model.radii.r)


def _network(model: Model) -> Network:
    return Network(
        model.activation,
        model.channels,
        model.taps,
        conv_bias=model.conv_bias,
        readout_bias=model.readout_bias,
        circular=model.circular,
    )


def fresh(model: Model, networks: int) -> NetworkBatch:
    """The initial weights that torch itself gives to ``networks`` modules, one after the other from its generator."""
    nets = [_network(model) for _ in range(networks)]
    return _weights([(net.conv, net.readout) for net in nets])


def _weights(layers: Sequence[tuple[nn.Conv1d, nn.Linear]]) -> NetworkBatch:
    def values(parameter: Tensor | None, like: Tensor) -> Array:
        return (torch.zeros_like(like) if parameter is None else parameter.detach()).numpy().copy()

    return NetworkBatch(
        np.stack([values(conv.weight[:, 0, :], conv.weight) for conv, _ in layers]),
        np.stack([values(conv.bias, conv.weight[:, 0, 0]) for conv, _ in layers]),
        np.stack([values(readout.weight[0], readout.weight[0]) for _, readout in layers]),
        np.stack([values(readout.bias, readout.weight[:, 0]) for _, readout in layers])[:, 0],
    )


class Bundle(nn.Module):
    """B networks of one model in one module: the weights of each are its own.

    ``forward``: (R, N) -> (B, R), row j being what network j alone answers.
    """

    def __init__(self, model: Model, weights: NetworkBatch) -> None:
        super().__init__()
        size, channels, taps = weights.w.shape
        self.conv = nn.Conv1d(
            1,
            size * channels,
            taps,
            padding=taps // 2,
            padding_mode="circular" if model.circular else "zeros",
            bias=model.conv_bias,
            dtype=torch.float64,
        )
        self.activation = _network(model).activation
        self.readout = nn.Parameter(torch.tensor(weights.a))
        self.offset = nn.Parameter(torch.tensor(weights.c)) if model.readout_bias else None
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor(weights.w).reshape(size * channels, 1, taps))
            if self.conv.bias is not None:
                self.conv.bias.copy_(torch.tensor(weights.b).reshape(-1))

    def forward(self, x: Tensor) -> Tensor:
        """r̂ of every network: (R, N) -> (B, R)."""
        pooled = self.activation(self.conv(x[:, None, :])).sum(dim=2)
        features = pooled.reshape(len(x), *self.readout.shape)
        answers = torch.einsum("rbk,bk->br", features, self.readout)
        return answers if self.offset is None else answers + self.offset[:, None]

    @property
    def weights(self) -> NetworkBatch:
        """A copy of all weights as they are now."""
        a = self.readout.detach().numpy().copy()
        w = self.conv.weight.detach().numpy().reshape(*a.shape, -1).copy()
        b = self.conv.bias
        c = self.offset
        return NetworkBatch(
            w,
            np.zeros_like(a) if b is None else b.detach().numpy().reshape(a.shape).copy(),
            a,
            np.zeros(len(a)) if c is None else c.detach().numpy().copy(),
        )


class _Single(Network):
    """One network as a bundle of one, so that the same loop trains it."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[None, :]

    @property
    def weights(self) -> NetworkBatch:
        return _weights([(self.conv, self.readout)])


def single(model: Model, weights: NetworkBatch, j: int = 0) -> _Single:
    """Network j of a batch as real Conv1d and Linear layers: answers (1, R), and ``weights`` as a bundle has."""
    net = _Single(
        model.activation,
        model.channels,
        model.taps,
        conv_bias=model.conv_bias,
        readout_bias=model.readout_bias,
        circular=model.circular,
    )
    with torch.no_grad():
        net.conv.weight.copy_(torch.tensor(weights.w[j])[:, None, :])
        net.readout.weight.copy_(torch.tensor(weights.a[j])[None, :])
        if net.conv.bias is not None:
            net.conv.bias.copy_(torch.tensor(weights.b[j]))
        if model.readout_bias:
            net.readout.bias.copy_(torch.tensor(weights.c[j : j + 1]))
    return net


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
    module: Bundle | _Single,
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
        each = torch.mean((module(signal) - target) ** 2, dim=1)
        (weight * each).sum().backward()
        optimizer.step()
        losses.append(each.detach().numpy())
    end = module.weights
    if steps in wanted:
        kept[steps] = end
    return Path(np.array(losses), end, kept)


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
