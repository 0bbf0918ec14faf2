"""Networks on pulses with an unknown background, on a ring or with zeros beyond the border, trained
by LBFGS.

x = β + x_r for every pair of a radius and a background,    r̂ = Linear(Σ_i σ(Conv1d(x))_i).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from numerics.arithmetic import oracle
from numerics.arithmetic.rounding import gamma
from numerics.arithmetic.types import Array
from numerics.pulse.sample import pulse
from theory.invariance.background import LAW, Background
from theory.pulse.network import Network as Weights
from verify.invariance.atlas import Place
from verify.invariance.table import TrainingOutcome
from verify.models.networks import Network
from verify.optimise.sgd import settle
from verify.report.lab import Lab

__all__ = [
    "BENT",
    "EXACT",
    "FAR",
    "LINEAR",
    "NEAR",
    "ONE_TAP",
    "PADDED",
    "SEEKING",
    "STEEP",
    "Scene",
    "answers",
    "columns",
    "errors",
    "exact",
    "exact_counts",
    "from_least",
    "linear_ratios",
    "loss_bound",
    "networks",
    "off_readout",
    "on_a_ring",
    "outcomes",
    "padded_ratio",
    "readout",
    "rounding",
    "trained",
]

EXACT = 1e-20
"""The loss below which a trained network counts as exact on its training data: errors below 1e-10,
far below any other ending.
"""


@dataclass(frozen=True)
class Scene:
    """A network's shape and what it is trained on: radii m - 1/2 + t/q on backgrounds, every pair
    once.
    """

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
        """The radii (cells·per_cell,)."""
        return self.first - 0.5 + np.arange(self.cells * self.per_cell) / self.per_cell

    @property
    def half_length(self) -> int:
        """The ring closes where windows see nothing but background."""
        return self.first + self.cells + self.taps // 2

    @property
    def pixels(self) -> int:
        """N, on the ring."""
        return 2 * self.half_length + 1

    @property
    def moments(self) -> tuple[float, float, float]:
        """(V, B, E r)."""
        return float(np.var(self.r)), float(np.var(self.backgrounds)), float(np.mean(self.r))

    def data(self) -> tuple[Tensor, Tensor]:
        """The signals (R, N) and radii (R,)."""
        x = pulse(self.r, self.half_length)[:, None, :] + np.array(self.backgrounds)[:, None]
        return torch.tensor(x.reshape(-1, self.pixels)), torch.tensor(
            np.repeat(self.r, len(self.backgrounds))
        )


def _net(scene: Scene) -> Network:
    return Network(scene.activation, scene.channels, scene.taps, circular=scene.circular)


def trained(lab: Lab, scene: Scene, networks: int) -> tuple[Network, ...]:
    """torch's own random starts, trained by LBFGS."""

    def train() -> tuple[Network, ...]:
        with lab.torch(scene):
            nets = tuple(_net(scene) for _ in range(networks))
        for net in nets:
            settle(net, *scene.data(), scene.steps)
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
    """How far an answer may be from real arithmetic, (R,): γ times the same sums of absolute
    values.

    For σ with |σ(z)| <= |z|, slopes in [-1, 1] and an evaluation error of 8u(1 + 2|z|).
    """
    with torch.no_grad():
        w, b = net.conv.weight.abs(), net.conv.bias.abs()  # type: ignore[union-attr]
        mass = float(w.sum(dim=2).max()) * x.abs().max(dim=1).values + b.max() + 1
        size = net.readout.weight.abs().sum() * mass * x.shape[1] + net.readout.bias.abs()
    chain = x.shape[1] + net.conv.weight.shape[2] + len(b) + 24
    return np.asarray(2 * gamma(chain) * (size.numpy() + x.shape[1]))


def readout(
    lab: Lab, scene: Scene, w: tuple[tuple[float, ...], ...], b: tuple[float, ...]
) -> Network:
    """Given filters, a random readout, and LBFGS on the readout alone."""
    key = ("readout of given filters", scene, w, b)

    def train() -> Network:
        with lab.torch(key):
            net = _net(scene)
        with torch.no_grad():
            net.conv.weight.copy_(torch.tensor(w)[:, None, :])
            net.conv.bias.copy_(torch.tensor(b))  # type: ignore[union-attr]
        net.conv.requires_grad_(False)
        settle(net, *scene.data(), 30)
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
    """Whether the loss on signals x (R, N) and radii r (R,) is below :data:`EXACT`."""
    return float(np.mean((answers(net, x) - r.numpy()) ** 2)) < EXACT


def loss_bound(error: Array, bound: Array) -> float:
    """How far the mean of the squared errors (R,) may be off, from the bound on each error (R,)."""
    return float(np.mean(2 * np.abs(error) * bound + bound**2)) + 1e-14


def from_least(features: Array, error: Array, bound: Array) -> tuple[float, float]:
    """How far a loss, and the weights of the features (R, F) in it, may be from the best: by the
    slope that is left, and rounding.
    """
    slope = 2 * np.abs(features.T @ error) + 2 * np.abs(features).T @ bound
    size = float(np.linalg.norm(slope)) / len(error)
    bend = 2 * float(np.linalg.svd(features, compute_uv=False)[-1]) ** 2 / len(error)
    return size**2 / (2 * bend) + loss_bound(error, bound), size / bend


def off_readout(lab: Lab, scene: Scene, claimed: Weights[float]) -> float:
    """A readout trained on the stated filters: its distance from the stated one in units of
    |errors|/σ, if the errors vanish.

    σ is the least singular value of the readout's columns; inf where the errors do not vanish, and
    the tolerance, not the law, would decide.
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


# --- what became of them --------------------------------------------------------------------


NEAR = (0.0, 0.125, 0.25, 0.375, 0.5)
"""Backgrounds from 0 to 1/2."""
FAR = (0.0, 0.5, 1.0, 1.5, 2.0)
"""From 0 to 2."""
LINEAR = tuple(Scene("identity", k, n, NEAR, steps=6) for k, n in ((1, 1), (1, 3), (2, 3)))
"""Linear networks on a ring."""
STEEP = (Scene("prelu", 1, 3, NEAR, steps=10), Scene("leaky_relu", 1, 3, FAR, steps=10))
"""One channel whose slopes lie within a factor."""
PADDED = tuple(Scene("identity", k, 3, FAR, steps=12, circular=False) for k in (1, 2))
"""Linear networks with zeros beyond the border."""
SEEKING = (Scene("relu", 2, 3, FAR), Scene("abs", 2, 3, FAR))
"""Two channels, for which exact networks exist."""
BENT = (Scene("tanh", 2, 3, NEAR, steps=2), Scene("tanh", 1, 5, NEAR, steps=2))
"""Networks with a bent activation."""
ONE_TAP = (Scene("relu", 2, 1, (0.0, 1.0)), Scene("tanh", 3, 1, (0.0, 1.0)))
"""One tap, on two backgrounds."""


def networks(lab: Lab) -> int:
    """Of each setting."""
    return max(lab.profile.networks // 5, 4)


def linear_ratios(law: Background, lab: Lab, scene: Scene, count: int) -> list[float]:
    """|loss - law| and |θ - law| from the remaining slope of the quadratic form, in its own
    coordinates (θ, c): a ratio for each network.
    """
    x, r = scene.data()
    v, b, _ = scene.moments
    light = np.stack([x.sum(dim=1).numpy(), np.ones(len(x))], axis=1)
    ratios = []
    for net in trained(lab, scene, count):
        error, bound = errors(net, x, r)
        loss, weight = from_least(light, error, bound)
        off = abs(float(np.mean(error**2)) - law.risk(v, scene.pixels, b))
        with torch.no_grad():
            theta = float(net.readout.weight[0] @ net.conv.weight.sum(dim=(1, 2)))
        turned = abs(theta - law.angle(v, scene.pixels, b))
        ratios.append(max(off / loss, turned / (weight + 1e-14)))
    return ratios


def padded_ratio(law: Background, lab: Lab, scene: Scene, count: int) -> tuple[float, int]:
    """(change of the answer with β against the law, in units of rounding; how many networks became
    exact).
    """
    x, r = scene.data()
    dark = x - x.min(dim=1, keepdim=True).values
    beta = np.tile(np.array(scene.backgrounds), len(scene.r))
    worst, met = 0.0, 0
    for net in trained(lab, scene, count):
        with torch.no_grad():
            w, a = net.conv.weight[:, 0].numpy(), net.readout.weight[0].numpy()
        lift = sum(a[k] * law.border(list(w[k]), scene.pixels) for k in range(len(a)))
        off = np.abs(answers(net, x) - answers(net, dark) - lift * beta)
        worst = max(worst, float(np.max(off / (3 * rounding(net, x)))))
        met += exact(net, x, r)
    return worst, met


def exact_counts(lab: Lab, scene: Scene, count: int) -> tuple[int, int]:
    """(networks that are exact on the training data, those of them that are so at 65 backgrounds
    between, too).
    """
    x, r = scene.data()
    between = np.linspace(min(scene.backgrounds), max(scene.backgrounds), 65)
    fine, target = replace(scene, backgrounds=tuple(between)).data()
    there = [net for net in trained(lab, scene, count) if exact(net, x, r)]
    return len(there), sum(exact(net, fine, target) for net in there)


def outcomes(lab: Lab) -> dict[Place, list[TrainingOutcome]]:
    """What became of these networks, by cells of the atlas of invariance."""
    count = networks(lab)

    def place(padding: str, kind: str) -> Place:
        return Place("background", "sum", "half", padding, kind)

    linear = [ratio for scene in LINEAR for ratio in linear_ratios(LAW, lab, scene, count)]
    best = sum(ratio <= 1 for ratio in linear)
    padded = sum(padded_ratio(LAW, lab, scene, count)[1] for scene in PADDED)
    by_place: dict[Place, list[TrainingOutcome]] = {
        place("ring", "linear"): [
            TrainingOutcome(
                "K = 1, 2, backgrounds in [0, 1/2]",
                len(linear),
                (("at the least loss", best), ("elsewhere", len(linear) - best)),
            )
        ],
        place("zeros", "linear"): [
            TrainingOutcome(
                "K = 1, 2, backgrounds in [0, 2]",
                count * len(PADDED),
                (("exact, by the border", padded), ("not", count * len(PADDED) - padded)),
            )
        ],
    }
    for scene in (*SEEKING, *ONE_TAP, *STEEP):
        fitted, between = exact_counts(lab, scene, count)
        kind = "relu 2" if (scene.activation, scene.channels) == ("relu", 2) else "any"
        words = (
            f"{scene.activation}, K = {scene.channels}, n = {scene.taps}, backgrounds in"
            f" [{scene.backgrounds[0]:g}, {scene.backgrounds[-1]:g}]"
        )
        outcomes = (
            ("exact", between),
            ("exact at the trained backgrounds only", fitted - between),
            ("not exact", count - fitted),
        )
        by_place.setdefault(place("ring", kind), []).append(TrainingOutcome(words, count, outcomes))
    return by_place
