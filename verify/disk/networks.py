"""Networks on disks as torch runs them: Conv2d -> activation -> sum pooling -> Linear, float64; and
one way to train them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from numerics.arithmetic.types import Array
from numerics.disk.disk import disk
from verify.models.networks import Network
from verify.optimise.sgd import iterates, lbfgs, samples

__all__ = [
    "ARRIVED",
    "Difference",
    "across",
    "combination",
    "disks",
    "drawn",
    "excess",
    "loss",
    "loss_with_gradient",
    "train",
]

ARRIVED = 1e-6
"""A network whose loss, by its own gradient, could still fall by more than this part has not
arrived.
"""


def drawn(activation: str, channels: int, taps: int, rng: np.random.Generator) -> Network:
    """A network for images whose weights ``rng`` draws as torch draws its own: uniform on
    ±1/sqrt(fan in), n² and K.
    """
    net = Network(activation, channels, taps, dimensions=2)
    _draw(net.conv, taps * taps, rng)
    _draw(net.readout, channels, rng)
    return net


def _draw(layer: nn.Module, size: int, rng: np.random.Generator) -> None:
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.tensor(rng.uniform(-1, 1, parameter.shape) / size**0.5))


class Difference(Network):
    """r̂(x) = Linear(Σ σ(κ ⋆ (x(p + e) - x(p)))): one channel, no bias, the taps of κ at random in
    (1/2, 3/2) where ``mask`` is 1.

    Parameters
    ----------
    activation: a row of the catalogue.
    step: e, the fixed difference that comes first.
    mask: n × n zeros and ones; a tap under a zero is 0 and stays so.
    rng: draws κ and, as torch.nn.Linear does, the readout.
    """

    mask: Tensor

    def __init__(
        self, activation: str, step: tuple[int, int], mask: ArrayLike, rng: np.random.Generator
    ) -> None:
        here = np.asarray(mask, dtype=float)
        super().__init__(activation, 1, len(here), dimensions=2, conv_bias=False)
        self.step = step
        self.register_buffer("mask", torch.tensor(here.copy()))
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor(rng.uniform(0.5, 1.5, here.shape) * here))
        _draw(self.readout, 1, rng)
        self.conv.weight.register_hook(lambda gradient: gradient * self.mask)

    def preactivation(self, x: Tensor) -> Tensor:
        """κ ⋆ (x(p + e) - x(p)) at every position: (signals, N, N) -> (signals, 1, N, N)."""
        moved = torch.roll(x, (-self.step[0], -self.step[1]), dims=(1, 2))
        return super().preactivation(moved - x)


def across(step: tuple[int, int]) -> Array:
    """(3, 3): 1 where a tap moves the difference across e only."""
    return np.array(
        [[float(step[0] * u + step[1] * v == 0) for v in (-1, 0, 1)] for u in (-1, 0, 1)]
    )


def combination(activation: str, start: ArrayLike, rng: np.random.Generator) -> Network:
    """r̂(y) = Linear(Σ σ(Σ_k w_k y_k)) of C images y of a disk, w starting at ``start`` (C,): one
    channel, one tap, no bias.
    """
    weights = torch.tensor(np.asarray(start, dtype=float))
    net = Network(activation, 1, 1, dimensions=2, inputs=len(weights), conv_bias=False)
    with torch.no_grad():
        net.conv.weight.copy_(weights[None, :, None, None])
    _draw(net.readout, 1, rng)
    return net


def disks(radii: Sequence[float] | Array, half_length: int) -> Tensor:
    """The disks of these radii as a float64 tensor (R, N, N)."""
    return torch.tensor(disk(radii, half_length))


def loss(net: Network, x: Tensor, r: Tensor, share: Tensor) -> Tensor:
    """Σ share (r̂ - r)² of images x (R, N, N), r and share (R,), the shares adding up to 1."""
    return torch.sum(share * (net(x) - r) ** 2)


def loss_with_gradient(net: Network, x: Tensor, r: ArrayLike, share: ArrayLike) -> float:
    """The loss of images x (R, N, N), r and share (R,); torch's own gradient of it is left with the
    weights.
    """
    net.zero_grad()
    value = loss(net, x, torch.tensor(np.asarray(r)), torch.tensor(np.asarray(share)))
    value.backward()
    return float(value.item())


def excess(features: Array, share: Array, gradient: Array) -> float:
    """gᵀH⁻¹g/2: how far Σ share (Σ_j θ_j feature_j - r)² with this gradient g by θ lies above its
    least value, features (F, R).
    """
    bend = 2 * (share * features) @ features.T
    return float(gradient @ np.linalg.solve(bend, gradient)) / 2


def train(
    net: Network, x: Tensor, r: ArrayLike, share: ArrayLike, steps: int, rounds: int = 5
) -> None:
    """LBFGS on the weighted squared error of images x (R, N, N), r and share (R,), in place, begun
    anew until it finds no way down or ``rounds`` times.
    """
    target, weight = torch.tensor(np.asarray(r)), torch.tensor(np.asarray(share))

    def squares(answers: Tensor, r: Tensor) -> Tensor:
        return torch.sum(weight * (answers - r) ** 2)

    for _ in range(rounds):
        optimizer = lbfgs(steps, 2 * steps)(net.parameters())
        next(iterates(net, samples(x, target), optimizer, loss=squares))
        if optimizer.state[net.conv.weight]["n_iter"] < steps:
            break
