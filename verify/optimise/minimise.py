"""One network at a time with torch.optim: SGD, Adam or LBFGS on the mean squared error over pulses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn

from numerics.arithmetic.types import Array
from verify.models.networks import Network, data, load
from verify.models.problem import Setting, initial

__all__ = ["OPTIMIZERS", "Trace", "on_the_way", "train"]

Make = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]

OPTIMIZERS: MappingProxyType[str, Make] = MappingProxyType(
    {
        "sgd": lambda parameters: torch.optim.SGD(parameters, lr=1e-4),
        "adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-2),
        "lbfgs": lambda parameters: torch.optim.LBFGS(
            parameters,
            lr=1.0,
            max_iter=20,
            history_size=50,
            line_search_fn="strong_wolfe",
            tolerance_grad=0.0,
            tolerance_change=0.0,
        ),
    }
)
"""The three optimizers, with the options used here; one step of ``lbfgs`` is up to 20 iterations."""


@dataclass(frozen=True)
class Trace:
    """What one training run left: the loss before every step, and the gradient's length at the end."""

    losses: Array
    gradient: float


def train(
    net: Network, x: Tensor, r: Tensor, optimizer: str, steps: int, readout_only: bool = False
) -> Trace:
    """Minimise mean((r̂ - r)²) over signals x (R, N) and radii r (R,), in place.

    Deterministic: full batch, no shuffling.  ``readout_only`` freezes the filters and their biases.

    Raises
    ------
    KeyError: the optimizer is none of :data:`OPTIMIZERS`.
    """
    module = net.readout if readout_only else net
    chosen = OPTIMIZERS[optimizer](module.parameters())
    losses = []

    def closure() -> float:
        chosen.zero_grad()
        loss = torch.mean((net(x) - r) ** 2)
        loss.backward()
        return loss.item()

    for _ in range(steps):
        losses.append(chosen.step(closure))
    closure()
    squared = sum(torch.sum(p.grad**2).item() for p in module.parameters() if p.grad is not None)
    return Trace(np.array(losses), squared**0.5)


def on_the_way(
    setting: Setting, networks: int, seed: int, pooling: str = "sum"
) -> tuple[Network, ...]:
    """Networks stopped after 25 Adam steps from the ensemble's own random starts: trained, not finished.

    A law that holds for every network must hold for these too, and unlike finished networks they bend.
    With mean pooling they start from the same answers, and go another way.
    """
    start = initial(setting, networks, seed)
    x, r = data(setting)
    pixels = setting.pixels if pooling == "mean" else 0
    nets = tuple(load(setting, start, j, pixels) for j in range(networks))
    for net in nets:
        train(net, x, r, "adam", 25)
    return nets
