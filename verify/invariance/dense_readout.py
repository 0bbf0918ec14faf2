"""Networks with one readout weight per position, as torch runs and trains them.

    r̂(x) = c + Σ_i v_i σ((w ⋆ x)_i):
    Conv1d on a ring (w held, by default one tap 1; bias 0) -> σ -> Linear over positions.

The loss is a quadratic form in (v, c) with Hessian 2 YᵀY/R, Y the features with a column of ones if
there is c.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from numerics.arithmetic.regression import rank
from numerics.arithmetic.rounding import UNIT, gamma
from numerics.arithmetic.types import Array, Indices
from verify.models.networks import Network
from verify.optimise.sgd import SGD, iterates, mean_squares, samples

__all__ = ["DenseReadout", "DenseRun", "spectrum", "train"]


class _Answers(nn.Linear):
    """c + Σ_i v_i y_i of every network: (R, N) -> (B, R)."""

    def forward(self, y: Tensor) -> Tensor:
        return super().forward(y).T


class DenseReadout(nn.Module):
    """B networks that share nothing but the clock: row j of the last layer is the readout of
    network j.
    """

    def __init__(
        self,
        activation: str,
        positions: int,
        networks: int,
        bias: bool,
        taps: Sequence[float] = (1.0,),
    ) -> None:
        super().__init__()
        half = len(taps) // 2
        self.conv = nn.Conv1d(
            1, 1, len(taps), padding=half, padding_mode="circular", dtype=torch.float64
        )
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor(taps).double()[None, None, :])
            torch.nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]
        self.conv.requires_grad_(False)
        self.activation = Network(activation, 1, 1).activation
        self.readout = _Answers(positions, networks, bias=bias, dtype=torch.float64)

    def features(self, x: Tensor) -> Tensor:
        """σ at every position: (R, N) -> (R, N)."""
        values: Tensor = self.activation(self.conv(x[:, None, :]))[:, 0, :]
        return values

    def forward(self, x: Tensor) -> Tensor:
        """r̂: (R, N) -> (B, R)."""
        answers: Tensor = self.readout(self.features(x))
        return answers

    @property
    def weights(self) -> Array:
        """(v, c) of every network: (B, N) or (B, N + 1)."""
        parts = [self.readout.weight.detach().numpy()]
        if self.readout.bias is not None:
            parts.append(self.readout.bias.detach().numpy()[:, None])
        return np.concatenate(parts, axis=1).copy()


def spectrum(x: Array, bias: bool) -> tuple[float, float]:
    """The largest and the smallest nonzero singular value of the signals (R, N), with the column of
    ones if ``bias``.
    """
    rows = np.concatenate([x, np.ones((len(x), int(bias)))], axis=1)
    values = np.linalg.svd(rows, compute_uv=False)
    return float(values[0]), float(values[rank(values) - 1])


@dataclass(frozen=True)
class DenseRun:
    """Start and end (B, ·), the loss left (B,), how far rounding may have taken a weight (B,), and
    the trained module.
    """

    start: Array
    end: Array
    loss: Array
    rounding: Array
    net: DenseReadout


def train(
    net: DenseReadout,
    x: Tensor,
    r: Tensor,
    steps: int,
    rate: float,
    momentum: float = 0.0,
    order: Iterator[Indices] | None = None,
) -> DenseRun:
    """``steps`` steps of torch.optim.SGD on mean((r̂ - r)²), in place, with signals x (R, N) of
    radii r (R,); ``order``: mini-batches.

    Rounding, for features in [-1, 1].  A step's gradient, a sum of at most R terms of total size 2
    mean|r̂ - r| <= 2√L, is off by γ_{R+4} times that, whatever r̂ itself is; the momentum's buffer
    and the weight round three times more.  Steps pass an error on with weights that add up to at
    most 1/(1 - momentum), and the buffers add up to that times the gradients.
    """
    start = net.weights
    optimizer = SGD(net.parameters(), lr=rate, momentum=momentum, foreach=False)
    with torch.no_grad():  # the filter is held
        y = net.features(x)
    run = iterates(net.readout, samples(y, r, order), optimizer)
    pulled = sum((2 * np.sqrt(loss) for loss in islice(run, steps)), np.zeros(len(start)))
    with torch.no_grad():
        loss = mean_squares(net(x), r).numpy()
    lag = 1 / (1 - momentum)
    size = np.max(np.abs(start), axis=1) + rate * lag * pulled
    rounding = steps * UNIT * size + rate * lag**2 * (gamma(len(x) + 4) + 4 * UNIT) * pulled
    return DenseRun(start, net.weights, loss, rounding, net)
