r"""The perimeter's coefficient P = ∮ dθ ∫ [g(p_θ(t)) - g(0) - (g(S) - g(0)) 1{t > 0}] dt, by a midpoint rule with a bound.

p_θ(t) = Σ_u w_u H_θ(t + u·n) is 0 or S for |t| > ρ = h√2 + 1/√2, the reach of the window's corners.  A line meets a pixel
on at most √2, so p_θ moves by at most √2|w|₁ per unit of t and ρ√2|w|₁ per unit of θ, and g(p_θ) by Λ times that.  A
midpoint rule with steps τ and η is off by a quarter of step times slope times length: at most

    Λ|w|₁ √2 (2π · 2ρ) (τ + ρη)/4.
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

TURNS, PLACES = 1440, 480
"""Directions over a turn, and places across an edge: an even number, t = 0 lies between two."""


def reach(taps: int) -> float:
    """ρ: the distance of the corners of a window of n × n pixels from its centre."""
    return (taps // 2) * 2**0.5 + 0.5**0.5


def edge_response(w: Array, t: Array, c: float, s: float, law: Edge = edge) -> Array:
    """p_θ(t) of filters w (F, n, n) at distances t (T,) inside an edge whose inner normal is (c, s): (F, T)."""
    h = w.shape[-1] // 2
    offsets = range(-h, h + 1)
    seen = np.stack([law(t + u * c + v * s, c, s) for u in offsets for v in offsets])
    return np.asarray(w.reshape(len(w), -1) @ seen)


def strength(
    w: Array, law: Edge = edge, g: Callable[[Array], Array] = np.abs, turns: int = TURNS
) -> Array:
    """P of filters w (F, n, n): (F,)."""
    rho = reach(w.shape[-1])
    t = rho * ((2 * np.arange(PLACES) + 1) / PLACES - 1)
    dark, full = g(np.zeros(1)), g(w.sum(axis=(1, 2)))[:, None]
    total = np.zeros(len(w))
    for turn in (np.arange(turns) + 0.5) * 2 * np.pi / turns:
        p = edge_response(w, t, float(np.cos(turn)), float(np.sin(turn)), law)
        total += np.sum(g(p) - np.where(t > 0, full, dark), axis=1)
    return np.asarray(total * (2 * rho / PLACES) * (2 * np.pi / turns))


def strength_bound(w: Array, steepest: float = 1.0) -> Array:
    """How far :func:`strength` may be from P, for g with the Lipschitz constant ``steepest``: (F,)."""
    rho = reach(w.shape[-1])
    steps = 2 * rho / PLACES + rho * 2 * np.pi / TURNS
    weight = steepest * np.abs(w).sum(axis=(1, 2))
    return np.asarray(weight * 2**0.5 * (2 * np.pi * 2 * rho) * steps / 4)


def difference(kappa: Array, step: tuple[int, int]) -> Array:
    """The filter whose correlation is that of κ (n, n) with x(p + e) - x(p): (n + 2k, n + 2k), k the largest |e_i|."""
    k = max(abs(step[0]), abs(step[1]))
    w = np.zeros((len(kappa) + 2 * k, len(kappa) + 2 * k))
    size = len(kappa)
    w[k + step[0] : k + step[0] + size, k + step[1] : k + step[1] + size] += kappa
    w[k : k + size, k : k + size] -= kappa
    return w
