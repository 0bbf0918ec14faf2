r"""The perimeter's coefficient P = ∮ dθ ∫ |p_θ(t)| dt of filters with sum 0, by a midpoint rule with a bound.

p_θ(t) = Σ_u w_u H_θ(t + u·n) vanishes for |t| > ρ = h√2 + 1/√2, the reach of the window's corners.  A line meets a pixel
on at most √2, so p_θ moves by at most √2|w|₁ per unit of t and ρ√2|w|₁ per unit of θ.  A midpoint rule with steps τ and η
is off by a quarter of step times slope times length: at most

    |w|₁ √2 (2π · 2ρ) (τ + ρη)/4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.perimeter import edge

__all__ = ["difference", "edge_response", "reach", "strength", "strength_bound"]

Array = NDArray[np.float64]
Edge = Callable[[Any, Any, Any], Any]

TURNS, PLACES = 720, 480
"""Directions over half a turn (the other half has the same |p|, S = 0), and places across an edge."""


def reach(taps: int) -> float:
    """ρ: the distance of the corners of a window of n × n pixels from its centre."""
    return (taps // 2) * 2**0.5 + 0.5**0.5


def edge_response(w: Array, t: Array, c: float, s: float, law: Edge = edge) -> Array:
    """p_θ(t) of filters w (F, n, n) at distances t (T,) inside an edge whose inner normal is (c, s): (F, T)."""
    h = w.shape[-1] // 2
    offsets = range(-h, h + 1)
    seen = np.stack([law(t + u * c + v * s, c, s) for u in offsets for v in offsets])
    return np.asarray(w.reshape(len(w), -1) @ seen)


def strength(w: Array, law: Edge = edge) -> Array:
    """P of filters w (F, n, n) with sum 0: (F,)."""
    rho = reach(w.shape[-1])
    t = rho * ((2 * np.arange(PLACES) + 1) / PLACES - 1)
    total = np.zeros(len(w))
    for turn in (np.arange(TURNS) + 0.5) * np.pi / TURNS:
        p = edge_response(w, t, float(np.cos(turn)), float(np.sin(turn)), law)
        total += np.sum(np.abs(p), axis=1)
    return np.asarray(total * (2 * rho / PLACES) * (2 * np.pi / TURNS))


def strength_bound(w: Array) -> Array:
    """How far :func:`strength` may be from P: (F,)."""
    rho = reach(w.shape[-1])
    steps = 2 * rho / PLACES + rho * np.pi / TURNS
    weight = np.abs(w).sum(axis=(1, 2))
    return np.asarray(weight * 2**0.5 * (2 * np.pi * 2 * rho) * steps / 4)


def difference(kappa: Array, step: tuple[int, int]) -> Array:
    """The filter whose correlation is that of κ (n, n) with x(p + e) - x(p): (n + 2k, n + 2k), k the largest |e_i|."""
    k = max(abs(step[0]), abs(step[1]))
    w = np.zeros((len(kappa) + 2 * k, len(kappa) + 2 * k))
    size = len(kappa)
    w[k + step[0] : k + step[0] + size, k + step[1] : k + step[1] + size] += kappa
    w[k : k + size, k : k + size] -= kappa
    return w
