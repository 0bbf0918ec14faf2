"""Networks on disks as torch runs them: Conv2d -> activation -> sum pooling -> Linear, float64, and one way to train them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from numerics.disk import disk
from verify.nets import elementwise

__all__ = ["Plane", "disks", "loss", "train"]

Array = NDArray[np.float64]


class Plane(nn.Module):
    """r̂(x) = Linear(Σ σ(Conv2d(x))) with n × n taps and zero padding "same".

    Parameters
    ----------
    activation: a row of the catalogue.
    channels, taps: K and n.
    rng: draws the weights as torch.nn.Conv2d and Linear draw theirs: uniform on ±1/sqrt(fan in), n² and K.
    """

    def __init__(self, activation: str, channels: int, taps: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, channels, taps, padding=taps // 2, dtype=torch.float64)
        self.activation = elementwise(activation)
        self.readout = nn.Linear(channels, 1, dtype=torch.float64)
        with torch.no_grad():
            for layer, size in ((self.conv, taps * taps), (self.readout, channels)):
                for parameter in layer.parameters():
                    drawn = rng.uniform(-1, 1, parameter.shape) / size**0.5
                    parameter.copy_(torch.tensor(drawn))

    def forward(self, x: Tensor) -> Tensor:
        """r̂: (signals, N, N) -> (signals,)."""
        values: Tensor = self.activation(self.conv(x[:, None]))
        answer: Tensor = self.readout(values.sum(dim=(2, 3)))[:, 0]
        return answer

    def weights(self) -> tuple[Array, Array, Array, float]:
        """w (K, n, n), b (K,), a (K,), c."""
        w, b, a, c = (one.detach().numpy().copy() for one in self.parameters())
        return w[:, 0], b, a[0], float(c[0])


def disks(radii: Sequence[float] | Array, half_length: int) -> Tensor:
    """The disks of these radii as a float64 tensor (R, N, N)."""
    return torch.tensor(disk(radii, half_length))


def loss(net: Plane, x: Tensor, r: Tensor, share: Tensor) -> Tensor:
    """Σ share (r̂ - r)², the shares adding up to 1."""
    return torch.sum(share * (net(x) - r) ** 2)


def train(
    net: Plane, x: Tensor, r: ArrayLike, share: ArrayLike, steps: int, rounds: int = 5
) -> None:
    """LBFGS on the weighted squared error, in place, begun anew until it finds no way down or ``rounds`` times."""
    target, weight = torch.tensor(np.asarray(r)), torch.tensor(np.asarray(share))
    first = net.conv.weight
    for _ in range(rounds):
        chosen = torch.optim.LBFGS(
            net.parameters(),
            max_iter=steps,
            max_eval=2 * steps,
            history_size=50,
            line_search_fn="strong_wolfe",
            tolerance_grad=0.0,
            tolerance_change=0.0,
        )

        def closure() -> Tensor:
            chosen.zero_grad()  # noqa: B023
            value = loss(net, x, target, weight)
            value.backward()
            return value

        chosen.step(closure)
        if chosen.state[first]["n_iter"] < steps:
            break
