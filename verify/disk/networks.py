"""Networks on disks as torch runs them: Conv2d -> activation -> sum pooling -> Linear, float64; and one way to train them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from numerics.arithmetic.types import Array
from numerics.disk.disk import disk
from verify.models.networks import elementwise

__all__ = ["Combination", "Difference", "DiskNetwork", "across", "disks", "loss", "train"]


class DiskNetwork(nn.Module):
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
        w, b, a, c = (parameter.detach().numpy().copy() for parameter in self.parameters())
        return w[:, 0], b, a[0], float(c[0])


class Difference(nn.Module):
    """r̂(x) = Linear(Σ σ(Conv2d(x(p + e) - x(p)))): one channel, no bias, the taps of κ at random in (1/2, 3/2) where ``mask`` is 1.

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
        super().__init__()
        here = np.asarray(mask, dtype=float)
        self.step = step
        self.register_buffer("mask", torch.tensor(here.copy()))
        taps = len(here)
        self.conv = nn.Conv2d(1, 1, taps, padding=taps // 2, bias=False, dtype=torch.float64)
        self.activation = elementwise(activation)
        self.readout = nn.Linear(1, 1, dtype=torch.float64)
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor(rng.uniform(0.5, 1.5, here.shape) * here))
            for parameter in self.readout.parameters():
                parameter.copy_(torch.tensor(rng.uniform(-1, 1, parameter.shape)))
        self.conv.weight.register_hook(lambda gradient: gradient * self.mask)

    def response(self, x: Tensor) -> Tensor:
        """κ ⋆ (x(p + e) - x(p)) at every position: (signals, N, N) -> (signals, N, N)."""
        moved = torch.roll(x, (-self.step[0], -self.step[1]), dims=(1, 2))
        return torch.as_tensor(self.conv((moved - x)[:, None]))[:, 0]

    def forward(self, x: Tensor) -> Tensor:
        """r̂: (signals, N, N) -> (signals,)."""
        values: Tensor = self.activation(self.response(x)).sum(dim=(1, 2))
        answer: Tensor = self.readout(values[:, None])[:, 0]
        return answer


def across(step: tuple[int, int]) -> Array:
    """1 where a tap of 3 × 3 moves the difference across e only."""
    return np.array([[float(step[0] * u + step[1] * v == 0) for v in (-1, 0, 1)] for u in (-1, 0, 1)])  # fmt: skip


class Combination(nn.Module):
    """r̂(y) = Linear(Σ σ(Conv2d(y))) of images y (C, N, N) of a disk: one channel, one weight for each image, no bias.

    Parameters
    ----------
    activation: a row of the catalogue.
    start: the weights at the start (C,).
    rng: draws the readout as torch.nn.Linear does.
    """

    def __init__(self, activation: str, start: ArrayLike, rng: np.random.Generator) -> None:
        super().__init__()
        weights = torch.tensor(np.asarray(start, dtype=float))
        self.conv = nn.Conv2d(len(weights), 1, 1, bias=False, dtype=torch.float64)
        self.activation = elementwise(activation)
        self.readout = nn.Linear(1, 1, dtype=torch.float64)
        with torch.no_grad():
            self.conv.weight.copy_(weights[None, :, None, None])
            for parameter in self.readout.parameters():
                parameter.copy_(torch.tensor(rng.uniform(-1, 1, parameter.shape)))

    def forward(self, y: Tensor) -> Tensor:
        """r̂: (signals, C, N, N) -> (signals,)."""
        values: Tensor = self.activation(self.conv(y)).sum(dim=(2, 3))
        answer: Tensor = self.readout(values)[:, 0]
        return answer


def disks(radii: Sequence[float] | Array, half_length: int) -> Tensor:
    """The disks of these radii as a float64 tensor (R, N, N)."""
    return torch.tensor(disk(radii, half_length))


def loss(
    net: DiskNetwork | Difference | Combination, x: Tensor, r: Tensor, share: Tensor
) -> Tensor:
    """Σ share (r̂ - r)², the shares adding up to 1."""
    return torch.sum(share * (net(x) - r) ** 2)


def train(
    net: DiskNetwork | Difference | Combination,
    x: Tensor,
    r: ArrayLike,
    share: ArrayLike,
    steps: int,
    rounds: int = 5,
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
