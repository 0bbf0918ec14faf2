"""Networks on pulses with an unknown background, on a ring or with zeros beyond the border, trained by LBFGS.

x = β + x_r for every pair of a radius and a background,    r̂ = Linear(Σ_i σ(Conv1d(x))_i).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from numerics.arithmetic import oracle
from numerics.arithmetic.rounding import gamma
from numerics.arithmetic.types import Array
from numerics.pulse.sample import pulse
from theory.pulse.network import Network as Weights
from verify.models.networks import Network
from verify.optimise.sgd import OPTIMIZERS, descend
from verify.report.lab import Lab

__all__ = [
    "EXACT",
    "Scene",
    "answers",
    "columns",
    "errors",
    "exact",
    "from_least",
    "loss_bound",
    "off_readout",
    "on_a_ring",
    "readout",
    "rounding",
    "trained",
]

EXACT = 1e-20
"""The loss below which a trained network counts as exact on its training data: errors below 1e-10, far below any other ending."""


@dataclass(frozen=True)
class Scene:
    """A network's shape and what it is trained on: radii m - 1/2 + t/q on backgrounds, every pair once."""

    activation: str
    channels: int
    taps: int
    backgrounds: tuple[float, ...]
    steps: int = 30
    first: int = 2
    cells: int = 3
    per_cell: int = 1
    circular: bool = True

    @property
    def r(self) -> Array:
        """The radii."""
        return self.first - 0.5 + np.arange(self.cells * self.per_cell) / self.per_cell

    @property
    def half_length(self) -> int:
        """The ring closes where windows see nothing but background."""
        return self.first + self.cells + self.taps // 2

    @property
    def pixels(self) -> int:
        return 2 * self.half_length + 1

    @property
    def moments(self) -> tuple[float, float, float]:
        """(V, B, E r)."""
        return float(np.var(self.r)), float(np.var(self.backgrounds)), float(np.mean(self.r))

    def data(self) -> tuple[Tensor, Tensor]:
        """The signals (R, N) and radii (R,)."""
        x = pulse(self.r, self.half_length)[:, None, :] + np.array(self.backgrounds)[:, None]
        return torch.tensor(x.reshape(-1, self.pixels)), torch.tensor(np.repeat(self.r, len(self.backgrounds)))  # fmt: skip


def _net(scene: Scene) -> Network:
    return Network(scene.activation, scene.channels, scene.taps, circular=scene.circular)


def trained(lab: Lab, scene: Scene, networks: int) -> tuple[Network, ...]:
    """torch's own random starts, trained by LBFGS."""

    def train() -> tuple[Network, ...]:
        with lab.torch(scene):
            nets = tuple(_net(scene) for _ in range(networks))
        for net in nets:
            descend(net, *scene.data(), scene.steps, make=OPTIMIZERS["LBFGS"])
        return nets

    return lab.once((scene, networks), train)


def on_a_ring(net: Weights[Fraction], name: str, x: Sequence[Fraction]) -> Fraction:
    """r̂ of a network in rationals, for a signal closed to a ring, by the oracle."""
    sigma = oracle.RATIONAL[name]
    return Fraction(oracle.answer(net.w, net.biases, net.a, net.offset, sigma, x, oracle.ring))


def answers(net: Network, x: Tensor) -> Array:
    """r̂ of every signal: (R,)."""
    with torch.no_grad():
        return np.asarray(net(x).numpy())


def rounding(net: Network, x: Tensor) -> Array:
    """How far an answer may be from real arithmetic, (R,): γ times the same sums of absolute values.

    For σ with |σ(z)| <= |z|, slopes in [-1, 1] and an evaluation error of 8u(1 + 2|z|).
    """
    with torch.no_grad():
        w, b = net.conv.weight.abs(), net.conv.bias.abs()  # type: ignore[union-attr]
        mass = float(w.sum(dim=2).max()) * x.abs().max(dim=1).values + b.max() + 1
        size = net.readout.weight.abs().sum() * mass * x.shape[1] + net.readout.bias.abs()
    chain = x.shape[1] + net.conv.weight.shape[2] + len(b) + 24
    return np.asarray(2 * gamma(chain) * (size.numpy() + x.shape[1]))


def readout(lab: Lab, scene: Scene, w: tuple[tuple[float, ...], ...], b: tuple[float, ...]) -> Network:  # fmt: skip
    """Given filters, a random readout, and LBFGS on the readout alone."""
    key = ("readout of given filters", scene, w, b)

    def train() -> Network:
        with lab.torch(key):
            net = _net(scene)
        with torch.no_grad():
            net.conv.weight.copy_(torch.tensor(w)[:, None, :])
            net.conv.bias.copy_(torch.tensor(b))  # type: ignore[union-attr]
        net.conv.requires_grad_(False)
        descend(net, *scene.data(), 30, make=OPTIMIZERS["LBFGS"])
        return net

    return lab.once(key, train)


def columns(net: Network, x: Tensor) -> Array:
    """What the readout multiplies, pooled channels and 1: (R, K + 1)."""
    with torch.no_grad():
        return np.asarray(torch.cat([net.pooled(x), torch.ones(len(x), 1, dtype=x.dtype)], dim=1))


def errors(net: Network, x: Tensor, r: Tensor) -> tuple[Array, Array]:
    """r̂ - r and how far rounding may have moved it: (R,) each."""
    return answers(net, x) - r.numpy(), rounding(net, x)


def exact(net: Network, x: Tensor, r: Tensor) -> bool:
    """Whether the loss is below :data:`EXACT`."""
    return float(np.mean((answers(net, x) - r.numpy()) ** 2)) < EXACT


def loss_bound(error: Array, bound: Array) -> float:
    """How far the mean of the squared errors may be off, from the bound on each error."""
    return float(np.mean(2 * np.abs(error) * bound + bound**2)) + 1e-14


def from_least(features: Array, error: Array, bound: Array) -> tuple[float, float]:
    """How far a loss, and the weights of the features (R, F) in it, may be from the best: by the slope that is left, and rounding."""
    slope = 2 * np.abs(features.T @ error) + 2 * np.abs(features).T @ bound
    size = float(np.linalg.norm(slope)) / len(error)
    bend = 2 * float(np.linalg.svd(features, compute_uv=False)[-1]) ** 2 / len(error)
    return size**2 / (2 * bend) + loss_bound(error, bound), size / bend


def off_readout(lab: Lab, scene: Scene, claimed: Weights[float]) -> float:
    """A readout trained on the stated filters: its distance from the stated one in units of |errors|/σ, if the errors vanish.

    σ is the least singular value of the readout's columns; inf where the errors do not vanish, and the tolerance, not the law,
    would decide.
    """
    net = readout(lab, scene, claimed.w, claimed.biases)
    x, r = scene.data()
    error, bound = errors(net, x, r)
    least = float(np.linalg.svd(columns(net, x), compute_uv=False)[-1])
    allowed = float(np.linalg.norm(np.abs(error) + 2 * bound)) / least
    with torch.no_grad():
        trained_readout = np.append(net.readout.weight[0].numpy(), net.readout.bias.numpy())
    off = float(np.linalg.norm(trained_readout - np.array([*claimed.a, claimed.offset])))
    return off / allowed if allowed < 1e-6 else math.inf
