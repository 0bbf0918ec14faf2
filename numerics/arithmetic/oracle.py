"""The slow, obvious simulation: plain Python loops over positions and taps, for any kind of number.

Used as the independent side of every check.  It shares no code with :mod:`theory`, with the
compiled laws or with torch, not even the names of types, and on ``fractions.Fraction`` it is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["RATIONAL", "answer", "overlap_pulse", "pooled", "preactivations", "ring", "shifted"]

Number = Any
"""A number of any arithmetic: it is added, multiplied and compared."""
Function = Callable[[Number], Number]


def overlap_pulse(r: Number, half_length: int) -> list[Number]:
    """x_r(i) = length of [i - 1/2, i + 1/2] ∩ [-r, r], i = -L..L, in the arithmetic of ``r``."""
    half = (r - r + 1) / 2
    pixels = []
    for i in range(-half_length, half_length + 1):
        low, high = max(i - half, -r), min(i + half, r)
        pixels.append(max(high - low, 0 * r))
    return pixels


def preactivations(w: Sequence[Number], b: Number, x: Sequence[Number]) -> list[Number]:
    """Σ_u w_u x(i + u) + b at every position, zeros outside the signal."""
    h = len(w) // 2
    values = []
    for i in range(len(x)):
        total = b
        for u in range(-h, h + 1):
            if 0 <= i + u < len(x):
                total = total + w[u + h] * x[i + u]
        values.append(total)
    return values


def ring(w: Sequence[Number], b: Number, x: Sequence[Number]) -> list[Number]:
    """Σ_u w_u x(i + u) + b at every position, the signal closed to a ring."""
    h, size = len(w) // 2, len(x)
    values = []
    for i in range(size):
        total = b
        for u, tap in enumerate(w):
            total = total + tap * x[(i + u - h) % size]
        values.append(total)
    return values


def pooled(w: Sequence[Number], b: Number, sigma: Function, x: Sequence[Number]) -> Number:
    """Σ_i [σ((w ⋆ x)_i + b) - σ(b)]."""
    background = sigma(b)
    total = 0 * background
    for value in preactivations(w, b, x):
        total = total + sigma(value) - background
    return total


def answer(
    w: Sequence[Sequence[Number]],
    b: Sequence[Number],
    a: Sequence[Number],
    c: Number,
    sigma: Function,
    x: Sequence[Number],
    border: Callable[..., list[Number]] = preactivations,
) -> Number:
    """r̂ = c + Σ_k a_k Σ_i σ((w_k ⋆ x)_i + b_k), with zeros beyond the border or
    on a :func:`ring`.
    """
    total = c
    for taps, bias, readout in zip(w, b, a, strict=True):
        for value in border(taps, bias, x):
            total = total + readout * sigma(value)
    return total


def shifted(sigma: Function, b: Number) -> Function:
    """g(z) = σ(z + b)."""
    return lambda z: sigma(z + b)


def _half(v: Number) -> Number:
    """1/2 in the arithmetic of ``v``."""
    return (v - v + 1) / 2


def _ramp(v: Number) -> Number:
    """From 0 at -3 to 1 at 3, constant outside."""
    return min(max((v + 3) / 6, 0 * v), 0 * v + 1)


RATIONAL: dict[str, Function] = {
    "identity": lambda v: v,
    "relu": lambda v: max(v, 0 * v),
    "leaky_relu": lambda v: v if v > 0 else v / 100,
    "abs": abs,
    "hardtanh": lambda v: min(max(v, 0 * v - 1), 0 * v + 1),
    "prelu": lambda v: v if v > 0 else v / 4,
    "rrelu": lambda v: v if v > 0 else v * 11 / 48,
    "relu6": lambda v: min(max(v, 0 * v), 0 * v + 6),
    "hardsigmoid": _ramp,
    "softshrink": lambda v: v - min(max(v, -_half(v)), _half(v)),
    "hardshrink": lambda v: v if 2 * abs(v) > 1 else 0 * v,
    "threshold": lambda v: v if v > 1 else _half(v),
    "hardswish": lambda v: v * _ramp(v),
    "square": lambda v: v * v,
    "cube": lambda v: v * v * v,
    "softsign": lambda v: v / (1 + abs(v)),
}
"""The activations that take rational numbers to rational numbers, written a second time."""
