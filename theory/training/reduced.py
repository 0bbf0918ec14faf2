r"""Training with every bias, momentum and weight decay: 3K + 1 numbers move, and the taps follow.

On the linear cell (identity, or ReLU while every pre-activation is positive) and N positions clear
of the border

    r̂ = c + Σ_k a_k (2r S_k + N b_k) = c + Nβ + 2rθ,    θ = Σ_k a_k S_k,  β = Σ_k a_k b_k.

With p = E[(r̂ - r) r] and q = E[r̂ - r], two numbers for all channels, the gradient of E(r̂ - r)²
is

    by a_k: 4 S_k p + 2N b_k q,    by every tap of channel k: 4 a_k p,    by b_k: 2N a_k q,
    by c: 2q.

All taps of a filter have the same gradient.  So any rule that treats them alike moves S_k, and
their deviations w_{k,u} - S_k/n follow the rule with gradient 0: one common factor, the same for
every tap of every channel.  In (a_k, s_k = S_k/√n, b_k) a step without decay adds to every channel
the same symmetric matrix, times its three numbers.  Derivation: docs/training/steps.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from theory.types import Scalar, Vector

__all__ = ["Sgd", "couplings", "pulls", "slopes"]


def pulls(theta: Scalar, level: Scalar, second: Scalar, mean: Scalar) -> tuple[Any, Any]:
    """(p, q) = (E[er], E[e]) of e = (2θ - 1) r + level, level = c + Nβ; second and mean are those
    of r.
    """
    slope = 2 * theta - 1
    return slope * second + level * mean, slope * mean + level


def slopes(
    a: Vector, sums: Vector, b: Vector, p: Scalar, q: Scalar, pixels: Scalar
) -> tuple[list[Any], list[Any], list[Any], Any]:
    """The gradient of E[e²]: by a_k, by each tap of channel k, by b_k, each (K,), and by c."""
    by_a = [4 * s * p + 2 * pixels * y * q for s, y in zip(sums, b, strict=True)]
    return by_a, [4 * x * p for x in a], [2 * pixels * x * q for x in a], 2 * q


def couplings(p: Scalar, q: Scalar, root: Scalar, pixels: Scalar) -> tuple[Any, Any]:
    """(P, Q): the gradient by (a_k, s_k, b_k) is [[0, P, Q], [P, 0, 0], [Q, 0, 0]] times it;
    ``root`` is √n.
    """
    return 4 * root * p, 2 * pixels * q


@dataclass(frozen=True)
class Sgd:
    """torch.optim.SGD: g + ωx goes into the buffer, the buffer times lr is taken from x.

    The buffer is damped neither at the first step nor without momentum, where torch has none.
    """

    lr: Any
    momentum: Any = 0
    weight_decay: Any = 0
    dampening: Any = 0
    nesterov: bool = False

    def share(self, *, first: bool) -> Any:
        """How much of a gradient goes into the buffer."""
        return 1 if first or self.momentum == 0 else 1 - self.dampening

    def step(self, x: Scalar, buffer: Scalar, slope: Scalar, *, first: bool) -> tuple[Any, Any]:
        """(x, buffer) after one step."""
        slope = slope + self.weight_decay * x
        buffer = self.momentum * buffer + self.share(first=first) * slope
        taken = slope + self.momentum * buffer if self.nesterov else buffer
        return x - self.lr * taken, buffer
