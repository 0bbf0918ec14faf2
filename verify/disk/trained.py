"""Ensembles of networks on disks: the settings, their training, and what torch says of every
network.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import pi

import numpy as np
import torch

from numerics.arithmetic.compile import activation
from numerics.arithmetic.types import Array
from numerics.disk.perimeter import Midpoints
from numerics.pulse.sample import Windows
from verify.disk.ensemble import disk_windows, train_networks
from verify.disk.networks import disks
from verify.disk.regions import Finished, finish
from verify.models.networks import Bundle, elementwise
from verify.models.problem import NetworkBatch, NetworkShape
from verify.report.lab import Lab

__all__ = [
    "COUNT",
    "EVERY",
    "FAR",
    "FAR_LENGTH",
    "HALF_LENGTH",
    "HIGH",
    "JUMPING",
    "KINKED",
    "LARGE",
    "LOW",
    "MEAN",
    "MORE",
    "MOST",
    "SETTINGS",
    "SIX_DIGITS",
    "SMOOTH",
    "SPREAD",
    "R",
    "TorchReadings",
    "TrainedEnsemble",
    "areas",
    "ensembles",
    "midpoints",
    "name_of",
    "shown",
    "starts",
    "trained",
]


LOW = 3
"""The least radius of training."""
HIGH = 10
"""The greatest."""
COUNT = 71
"""How many radii: more than K = 4 channels of 3 × 3 taps have weights."""
HALF_LENGTH = 13
"""The signals have (2·13 + 1)² pixels."""
R = np.linspace(LOW, HIGH, COUNT)
"""The radii of training."""
MEAN = (LOW + HIGH) / 2
"""Their mean μ."""
SPREAD = float(np.var(R))
"""Their variance."""
FAR = np.array([15.3, 22.6, 30.0])
"""Radii up to three times as large as those trained on."""
FAR_LENGTH = 33
"""The half length of the signals with these."""
KINKED = (
    "relu",
    "leaky_relu",
    "prelu",
    "rrelu",
    "relu6",
    "hardtanh",
    "hardsigmoid",
    "softshrink",
    "abs",
    "hardswish",
    "selu",
)
"""Rows with kinks and no jumps: all that are piecewise linear, and two more."""
SMOOTH = ("square", "tanh", "sigmoid", "softsign", "softplus", "silu", "gelu", "elu")
"""Smooth rows: the main ones."""
JUMPING = ("hardshrink", "threshold")
"""Rows that jump."""
SETTINGS = tuple(
    NetworkShape(*case)
    for case in (
        ("identity", 1),
        ("abs", 1),
        ("relu", 1),
        ("leaky_relu", 1),
        ("softshrink", 1),
        ("square", 1),
        ("tanh", 1),
        ("softplus", 1),
        ("silu", 1),
        ("abs", 2),
        ("relu", 2),
        ("square", 2),
        ("tanh", 2),
        ("tanh", 3),
        ("square", 4),
        ("square", 1, 5),
        ("abs", 1, 5),
    )
)
"""What every profile trains."""
EVERY = tuple(
    NetworkShape(name, channels, taps)
    for taps in (3, 5)
    for channels in (1, 2, 3, 4)
    for name in ("identity", *KINKED, *SMOOTH)
)
"""Every setting with a continuous row."""
MORE = tuple(
    shape
    for shape in (*EVERY, *(NetworkShape(name, 1) for name in JUMPING))
    if shape not in SETTINGS
)
"""What the full profile adds: every row, K = 1 to 4, 3 × 3 and 5 × 5."""
MOST = 50
"""Starts per setting, at most: the full profile trains more settings, not longer ones."""
PART, FEWEST = 6, 3
"""One of so many of the profile's networks is trained per setting: there are 17 settings."""
STEPS = 150
"""Smooth steps of each network, at most."""
DEEP = ((10, 120), (30, 60), (10**9, 20))
"""Steps over kinks, at most, by the number of weights in the filters and biases."""
LARGE = 1.0e5
"""The radius of the circle at which torch is shown an edge."""
SIX_DIGITS = 1e-6
"""What is meant by six digits, relative."""


@dataclass(frozen=True)
class TorchReadings:
    """What torch says of one network on the training radii.

    Attributes
    ----------
    features: Σ_p [g(z_p) - g(0)] (K, R).
    loss, left: L, and Σ_k a_k ∂L/∂a_k + (c - μ) ∂L/∂c by torch's own gradient.
    error: r̂ - r (R,); far: r̂ at :data:`FAR`.
    largest: the largest sum of absolute values among the terms of an answer.
    """

    features: Array
    loss: float
    left: float
    error: Array
    far: Array
    largest: float


@dataclass(frozen=True, eq=False)
class TrainedEnsemble:
    """One setting: networks and how they ended, what torch says of each, and P as torch sees it at
    a circle of radius :data:`LARGE` (B, K).
    """

    shape: NetworkShape
    finished: Finished
    measured: tuple[TorchReadings, ...]
    lengths: Array
    _by_law: dict[Hashable, Array] = field(default_factory=dict, repr=False)

    @property
    def nets(self) -> NetworkBatch:
        """The networks."""
        return self.finished.nets

    @cached_property
    def losses(self) -> Array:
        """L as torch finds it (B,)."""
        return np.array([m.loss for m in self.measured])

    def once(self, key: Hashable, compute: Callable[[], Array]) -> Array:
        """What a part of a law, the key, makes of these networks, (B, ...): computed for the first
        who asks.
        """
        if key not in self._by_law:
            self._by_law[key] = compute()
        return self._by_law[key]


def _measured(shape: NetworkShape, nets: NetworkBatch) -> tuple[TorchReadings, ...]:
    bundle = Bundle(shape, nets)
    with torch.no_grad():
        features = bundle.pooled(disks(R, HALF_LENGTH))
        far = bundle(disks(FAR, FAR_LENGTH)).numpy()
        dark = (2 * HALF_LENGTH + 1) ** 2 * bundle.activation(torch.tensor(nets.b)).numpy()
    answers = bundle.answers(features)
    losses = torch.mean((answers - torch.tensor(R)) ** 2, dim=1)
    losses.sum().backward()
    by_a, by_c = (
        p.grad.numpy()
        for p in (bundle.readout, bundle.offset)
        if p is not None and p.grad is not None
    )
    left = np.sum(nets.a * by_a, axis=1) + (nets.c - MEAN) * by_c
    error, summed, readings = answers.detach().numpy() - R, features.numpy(), []
    for j, loss in enumerate(losses.tolist()):
        each = np.abs(summed[:, j]).max(axis=0) + np.abs(dark[j])
        largest = float(abs(nets.c[j]) + np.abs(nets.a[j]) @ each)
        readings.append(
            TorchReadings(
                (summed[:, j] - dark[j]).T, loss, float(left[j]), error[j], far[j], largest
            )
        )
    return tuple(readings)


def midpoints(taps: int) -> Midpoints:
    """The rule for P of these networks, which are many: 192 directions, 96 places."""
    return Midpoints(taps, 192, 96)


@lru_cache(maxsize=4)
def _windows(taps: int) -> Array:
    return midpoints(taps).windows(LARGE)


def _torch_lengths(shape: NetworkShape, nets: NetworkBatch) -> Array:
    """P by torch: every channel at every node of a whole turn."""
    windows, weight = torch.tensor(_windows(shape.taps)[:, None]), midpoints(shape.taps).weight
    w, b = nets.w.reshape(-1, 1, shape.taps, shape.taps), nets.b.reshape(-1)
    sigma, parts = elementwise(shape.activation), []
    with torch.no_grad():
        for k in range(0, len(w), 16):
            some, bias = torch.tensor(w[k : k + 16]), torch.tensor(b[k : k + 16])
            values = sigma(torch.nn.functional.conv2d(windows, some, bias))[:, :, 0, 0]
            ends = sigma(bias) + sigma(some.sum(dim=(1, 2, 3)) + bias)
            parts.append(weight * torch.sum(values - ends / 2, dim=0).numpy())
    return np.concatenate(parts).reshape(nets.b.shape)


@lru_cache(maxsize=2)
def shown(taps: int) -> Windows:
    """The windows of the training radii."""
    return disk_windows(R, taps, HALF_LENGTH)


def trained(lab: Lab, shape: NetworkShape, networks: int) -> TrainedEnsemble:
    """``networks`` networks from random starts, finished on their kinks, loaded into torch and
    measured there.
    """
    return lab.once(("disks", shape, networks), _trained, lab, shape, networks)


def _trained(lab: Lab, shape: NetworkShape, networks: int) -> TrainedEnsemble:
    rng = lab.rng(("disks", shape))
    nets = train_networks(shape, shown(shape.taps), R, networks, rng, STEPS)
    weights = shape.channels * (shape.taps**2 + 1)
    cap = next(cap for most, cap in DEEP if weights <= most)
    finished = finish(shape.activation, nets, shown(shape.taps), R, cap)
    measured = _measured(shape, finished.nets)
    return TrainedEnsemble(shape, finished, measured, _torch_lengths(shape, finished.nets))


def starts(lab: Lab) -> int:
    """Networks per setting."""
    return max(min(lab.profile.networks // PART, MOST), FEWEST)


def ensembles(lab: Lab) -> Iterator[TrainedEnsemble]:
    """All settings of the profile."""
    for shape in SETTINGS + (MORE if lab.profile.name == "full" else ()):
        yield trained(lab, shape, starts(lab))


def areas(ensemble: TrainedEnsemble) -> Array:
    """πΔ (B, K)."""
    nets, sigma = ensemble.nets, activation(ensemble.shape.activation)[0]
    return np.asarray(pi * (sigma(nets.w.sum(axis=(2, 3)) + nets.b) - sigma(nets.b)))


def name_of(shape: NetworkShape) -> str:
    """The shape in words."""
    return f"{shape.activation} K={shape.channels}" + (
        f" {shape.taps}×{shape.taps}" if shape.taps != 3 else ""
    )
