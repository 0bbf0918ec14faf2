r"""The reduced dynamics, iterated: x = (a, S, b, c, F), 3K + 1 numbers and the factor F of all
deviations.

    w_{k,u} = S_k/n + F (w_{k,u}(0) - S_k(0)/n)

One network at a time: w (K, n), a and b (K,), c.  The laws are those of
:mod:`theory.training.reduced`; what rounding adds is bounded in
:mod:`numerics.training.forward_error`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from numerics.arithmetic.types import Array
from theory.training.reduced import Sgd, couplings, pulls, slopes

__all__ = [
    "Adam",
    "Problem",
    "Simulated",
    "Weights",
    "adam",
    "descend",
    "directions",
    "hessian",
    "sharpness",
]


@dataclass(frozen=True, eq=False)
class Weights:
    """w (K, n), a (K,), b (K,) and c; None is a bias that the network has not."""

    w: Array
    a: Array
    b: Array | None = None
    c: float | None = None

    @cached_property
    def numbers(self) -> Array:
        """x = (a, S, b, c, 1): (3K + 2,)."""
        b = np.zeros_like(self.a) if self.b is None else self.b
        return np.concatenate([self.a, self.w.sum(axis=1), b, [self.c or 0.0, 1.0]])

    @cached_property
    def deviations(self) -> Array:
        """w_{k,u} - S_k/n: (K, n)."""
        return np.asarray(self.w - self.w.mean(axis=1, keepdims=True))

    def at(self, x: Array) -> Weights:
        """The weights whose reduced numbers are x (3K + 2,)."""
        k, n = self.w.shape
        w = (x[k : 2 * k] / n)[:, None] + x[-1] * self.deviations
        b = None if self.b is None else x[2 * k : 3 * k]
        return Weights(w, x[:k], b, None if self.c is None else float(x[3 * k]))


@dataclass(frozen=True, eq=False)
class Problem:
    """Pulses of the radii r (R,) on N pixels under filters of n taps, clear of the border and at
    least n wide.
    """

    r: Array
    pixels: int
    taps: int

    @cached_property
    def second(self) -> float:
        """E[r²]."""
        return float(np.mean(self.r**2))

    @cached_property
    def mean(self) -> float:
        """E[r]."""
        return float(np.mean(self.r))

    def line(self, x: Array) -> tuple[float, float]:
        """(θ, level) at x, where the error is (2θ - 1) r + level."""
        k = len(x) // 3
        a, sums, b = x[:k], x[k : 2 * k], x[2 * k : 3 * k]
        return float(a @ sums), x[3 * k] + self.pixels * float(a @ b)

    def pulls(self, x: Array) -> tuple[float, float]:
        """(p, q) at x."""
        return pulls(*self.line(x), self.second, self.mean)

    def loss(self, x: Array) -> float:
        """E(r̂ - r)² at x (3K + 1,) or longer."""
        theta, level = self.line(x)
        return float(np.mean(((2 * theta - 1) * self.r + level) ** 2))

    def gradient(self, x: Array, start: Weights) -> Array:
        """By (a, one tap of each channel, b, c, F); 0 for what is not there, and for F."""
        k = len(x) // 3
        p, q = self.pulls(x)
        a, sums, b = x[:k], x[k : 2 * k], x[2 * k : 3 * k]
        # The laws are linear in a channel's numbers: one call for all channels, as arrays.
        (by_a,), (by_tap,), (by_b,), by_c = slopes([a], [sums], [b], p, q, self.pixels)
        none, last = start.b is None, start.c is None
        return np.concatenate([by_a, by_tap, 0 * a if none else by_b, [0.0 if last else by_c, 0.0]])


def descend(start: Weights, problem: Problem, rule: Sgd) -> Iterator[tuple[Array, Array]]:
    """(x, buffer) before the first step, after it, after the second, ...; the buffers are of S, not
    of one tap.
    """
    x, k = start.numbers, len(start.a)
    sums = np.ones_like(x)
    sums[k : 2 * k] = problem.taps  # S moves n times as fast as a tap
    buffer = np.zeros_like(x)
    yield x, buffer
    first = True
    while True:
        x, buffer = rule.step(x, buffer, sums * problem.gradient(x, start), first=first)
        first = False
        yield x, buffer


@dataclass(frozen=True)
class Adam:
    """torch.optim.Adam, or AdamW where there is weight decay: x -> (1 - lr ω) x before the step."""

    lr: float
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0


@dataclass(frozen=True, eq=False)
class Simulated:
    """x (3K + 2,) at one step of Adam; mean, square: its moments, of S those of one tap."""

    x: Array
    mean: Array
    square: Array


def adam(start: Weights, problem: Problem, rule: Adam) -> Iterator[Simulated]:
    """Before the first step, after it, ...: simulated in floats, with no bound on rounding, which
    Adam enlarges.
    """
    x, k = start.numbers, len(start.a)
    taps = np.ones_like(x)
    taps[k : 2 * k] = problem.taps
    mean, square = np.zeros_like(x), np.zeros_like(x)
    t = 0
    while True:
        yield Simulated(x, mean, square)
        t += 1
        slope = problem.gradient(x, start)
        mean = rule.beta1 * mean + (1 - rule.beta1) * slope
        square = rule.beta2 * square + (1 - rule.beta2) * slope**2
        size = np.sqrt(square / (1 - rule.beta2**t)) + rule.eps
        x = (1 - rule.lr * rule.weight_decay) * x
        x = x - taps * rule.lr / (1 - rule.beta1**t) * mean / size


def directions(y: Array, problem: Problem) -> tuple[Array, Array]:
    """(α, β) with ∇r̂ = rα + β by (a, s, b, c), y = (a, s, b) of shape (3, K): both (3K + 1,)."""
    a, s, b = y
    root, zero = math.sqrt(problem.taps), np.zeros_like(a)
    along = np.concatenate([2 * root * s, 2 * root * a, zero, [0.0]])
    beside = np.concatenate([problem.pixels * b, zero, problem.pixels * a, [1.0]])
    return along, beside


def hessian(y: Array, p: float, q: float, problem: Problem) -> Array:
    """The Hessian of the loss by (a, s, b, c), y = (a, s, b) of shape (3, K): (3K + 1, 3K + 1)."""
    k = y.shape[1]
    along, beside = directions(y, problem)
    pair = np.stack([along, beside])
    inner = np.array([[problem.second, problem.mean], [problem.mean, 1.0]])
    second = 2 * pair.T @ inner @ pair
    by_s, by_b = couplings(p, q, math.sqrt(problem.taps), problem.pixels)
    each = np.arange(k)
    for offset, value in ((k, by_s), (2 * k, by_b)):
        second[each, each + offset] += value
        second[each + offset, each] += value
    return np.asarray(second)


def sharpness(weights: Weights, problem: Problem) -> float:
    """The largest eigenvalue of the Hessian at these weights, by the parameters that there are; inf
    where it overflows.
    """
    x, k = weights.numbers, len(weights.a)
    y = x[: 3 * k].reshape(3, k) / np.array([[1.0], [math.sqrt(problem.taps)], [1.0]])
    there = np.repeat([True, True, weights.b is not None], k)
    free = np.append(there, weights.c is not None)
    with np.errstate(over="ignore", invalid="ignore"):
        second = hessian(y, *problem.pulls(x), problem)[np.ix_(free, free)]
    if not np.all(np.isfinite(second)):
        return math.inf
    return float(np.linalg.eigvalsh(second)[-1])
