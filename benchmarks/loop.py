"""The loop that one would write with torch: a module at a time, LBFGS with
strong Wolfe, float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from verify.optimise.sgd import mean_squares

__all__ = ["ARRIVED", "Ended", "train"]

ARRIVED = 1e-10
"""The loop ends where |gradient| is at most this."""


@dataclass(frozen=True)
class Ended:
    """The loss and the length of its gradient where a loop ended."""

    loss: float
    gradient: float


def train(net: nn.Module, x: Tensor, r: Tensor, steps: int, stubborn: bool = False) -> Ended:
    """At most so many steps of 20 iterations; it ends where the gradient is small.

    Unless it is ``stubborn`` it also ends where a step has not made the loss smaller.
    """
    optimizer = torch.optim.LBFGS(
        net.parameters(),
        tolerance_grad=ARRIVED,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )

    def closure() -> float:
        optimizer.zero_grad()
        loss = mean_squares(net(x), r)
        loss.backward()
        return float(loss.item())

    before = float("inf")
    for _ in range(steps):
        optimizer.step(closure)
        loss = closure()
        slopes = [p.grad for p in net.parameters() if p.grad is not None]
        gradient = float(sum(torch.sum(slope**2).item() for slope in slopes) ** 0.5)
        if gradient <= ARRIVED or not (stubborn or loss < before):
            break
        before = loss
    return Ended(loss, gradient)
