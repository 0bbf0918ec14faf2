"""Networks as people write them in torch: two that are exact by hand, in a Sequential or a class of
their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

__all__ = ["B1", "B2", "Net", "Sum", "sequential"]

Function = Callable[[Tensor], Tensor]
B1: Mapping[str, Tensor] = {
    "conv.weight": torch.tensor([[[0.5, -0.25, 0.75]]]),
    "conv.bias": torch.tensor([0.5]),
    "readout.weight": torch.tensor([[0.5]]),
    "readout.bias": torch.tensor([-4.25]),
}
"""Exact for relu, 17 pixels, sum pooling and zeros outside."""
B2: Mapping[str, Tensor] = {
    "conv.weight": torch.tensor([[[0.5, -0.25, 0.75]], [[0.25, 0.25, 0.5]]]),
    "conv.bias": torch.tensor([0.5, 0.5]),
    "readout.weight": torch.tensor([[0.25, 0.25]]),
    "readout.bias": torch.tensor([-4.25]),
}
"""The same with two channels."""


class Sum(nn.Module):
    """Sum pooling as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum(-1)


def _sum(x: Tensor) -> Tensor:
    return x.sum(-1)


class Net(nn.Module):
    """A class of one's own: the weights of a table, or layers as they are."""

    def __init__(
        self,
        weights: Mapping[str, Tensor] | None,
        dtype: torch.dtype = torch.float64,
        sigma: Function = torch.relu,
        pool: Function = _sum,
        layers: tuple[nn.Module, nn.Module] | None = None,
    ) -> None:
        super().__init__()
        channels = 1 if weights is None else len(weights["conv.bias"])
        own = nn.Conv1d(1, channels, 3, padding=1, dtype=dtype), nn.Linear(channels, 1, dtype=dtype)
        self.conv, self.readout = layers or own
        self.sigma, self.pool = sigma, pool
        if weights is not None:
            self.load_state_dict(weights, strict=False)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.readout(self.pool(self.sigma(self.conv(x))))
        return answer


def sequential(weights: Mapping[str, Tensor], dtype: torch.dtype = torch.float64) -> nn.Sequential:
    """The same, as a Sequential; its layers are numbered."""
    net = Net(weights, dtype)
    return nn.Sequential(net.conv, nn.ReLU(), nn.Dropout(0.5), Sum(), net.readout)
