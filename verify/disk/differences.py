"""Networks on disks that take a difference, then κ; and networks with one filter, all of whose
weights are free: both trained once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from numerics.arithmetic.compile import activation
from numerics.arithmetic.types import Array
from numerics.disk.perimeter import Midpoints, strength
from theory.disk.perimeter import STEPS
from verify.disk.ensemble import disk_windows, filters_of, fit
from verify.disk.networks import Difference, across, disks, drawn, excess, loss_with_gradient
from verify.disk.networks import train as train_one
from verify.models.networks import Network, load, weights_of
from verify.models.problem import NetworkShape
from verify.report.lab import Lab

__all__ = [
    "COUNT",
    "FAR",
    "FRESH",
    "HALF_LENGTH",
    "HIGH",
    "LOW",
    "Free",
    "TrainedDifference",
    "differences",
    "free",
    "networks_of_each",
]


LOW = 3
"""The least radius of training."""
HIGH = 10
"""The greatest."""
COUNT = 15
"""How many radii."""
HALF_LENGTH = 14
"""The signals have (2·14 + 1)² pixels."""
STEPS_OF_LBFGS = 60
FEW_STEPS = 5
"""Of the last network of each kind, one tap of which starts with the other sign: it has to keep
both.
"""
FRESH = np.array([3.53125, 5.0, 6.28125, 8.515625, 9.75])
"""Radii between those."""
FAR = np.array([80.3, 150.7])
"""Radii far beyond."""


@dataclass(frozen=True)
class TrainedDifference:
    """A network at its end: κ, what it answers, and how far its loss can still fall.

    Attributes
    ----------
    weight, c: aΣ|κ|, times a half for ReLU; the readout bias.
    loss, excess: as torch has it; gᵀH⁻¹g/2 by (aΣκ, c), how far it lies above its least value.
    error: r̂ - r on the training radii.
    answers, far: to the disks of radii :data:`FRESH` and :data:`FAR`.
    """

    net: Difference
    kappa: Array
    weight: float
    c: float
    loss: float
    excess: float
    error: Array
    answers: Array
    far: Array

    @property
    def one_sign(self) -> bool:
        """Whether κ >= 0 still holds, or κ <= 0 throughout."""
        taps = self.kappa[self.net.mask.numpy() > 0]
        return bool(np.all(taps > 0) or np.all(taps < 0))


def networks_of_each(lab: Lab) -> int:
    """How many networks of each kind."""
    return max(lab.profile.networks // 5, 2)


def differences(lab: Lab) -> tuple[TrainedDifference, ...]:
    """:func:`networks_of_each` of each kind: abs and ReLU, three differences."""
    return lab.once("perimeter/differences", _train, lab)


def _train(lab: Lab) -> tuple[TrainedDifference, ...]:
    rng, nets, networks = lab.rng("perimeter/differences"), [], networks_of_each(lab)
    r, share = np.linspace(LOW, HIGH, COUNT), np.full(COUNT, 1 / COUNT)
    x, fresh = disks(r, HALF_LENGTH), disks(FRESH, HALF_LENGTH)
    distant = disks(FAR, int(FAR[-1]) + 5)
    for name in ("abs", "relu"):
        for step in STEPS:
            for k in range(networks):
                net, last = Difference(name, step, across(step), rng), k == networks - 1
                if last:
                    with torch.no_grad():
                        net.conv.weight[:, :, 1, 1] *= -1
                train_one(net, x, r, share, FEW_STEPS if last else STEPS_OF_LBFGS, 1 if last else 5)
                value = loss_with_gradient(net, x, r, share)
                kappa = net.conv.weight.detach().numpy()[0, 0]
                readout = list(net.readout.parameters())
                by_a, by_c = (float(p.grad.sum()) for p in readout if p.grad is not None)
                a, c = (float(p.detach().sum()) for p in readout)
                with torch.no_grad():
                    answers = net(x).numpy()
                    # By (a, c): the feature is what torch answers, less c, over a.
                    features = np.stack([(answers - c) / a, np.ones(COUNT)])
                    g = np.array([by_a, by_c])
                    weight = a * float(np.abs(kappa).sum()) * (0.5 if name == "relu" else 1.0)
                    nets.append(
                        TrainedDifference(
                            net,
                            kappa,
                            weight,
                            c,
                            value,
                            excess(features, share, g),
                            answers - r,
                            net(fresh).numpy(),
                            net(distant).numpy(),
                        )
                    )
    return tuple(nets)


FREE, FREE_COUNT, FREE_STEPS, FREE_RULE = 12, 29, 400, Midpoints(3, 360)
"""Networks per activation, their training radii and steps, and the rule for their P, which is only
looked at.
"""


@dataclass(frozen=True)
class Free:
    """A network with one filter of 3 × 3, all of whose weights were trained.

    Attributes
    ----------
    area, length: aπΔ and aP, the coefficients of r² and r in its answers to large disks.
    share: 1 - L/Var r, the part of the variance of r that it explains.
    """

    name: str
    net: Network
    area: float
    length: float
    share: float


def free(lab: Lab) -> tuple[Free, ...]:
    """abs and ReLU with all biases, from random starts, by Levenberg-Marquardt on the training
    radii.
    """
    return lab.once("perimeter/free filters", _train_free, lab)


def _train_free(lab: Lab) -> tuple[Free, ...]:
    rng, nets = lab.rng("perimeter/free filters"), []
    r = np.linspace(LOW, HIGH, FREE_COUNT)
    x, cut = disks(r, HIGH + 2), disk_windows(r, 3, HIGH + 2)
    for name in ("abs", "relu"):
        sigma, shape = activation(name)[0], NetworkShape(name, 1, 3)
        start = weights_of([drawn(name, 1, 3, rng) for _ in range(FREE)])
        fitted = fit(shape, cut, r, filters_of(start), FREE_STEPS)
        for j in range(FREE):
            net = load(shape, fitted, j)
            w, b, a, _ = fitted.network(j)
            dark, full = sigma(np.array([b[0], w.sum() + b[0]]))
            with torch.no_grad():
                value = float(torch.mean((net(x) - torch.tensor(r)) ** 2))
            length = float(a[0] * strength(w, b, sigma, FREE_RULE)[0])
            area = float(a[0] * np.pi * (full - dark))
            nets.append(Free(name, net, area, length, 1 - value / float(np.var(r))))
    return tuple(nets)
