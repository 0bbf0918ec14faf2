r"""The perimeter's coefficient P = ∮ dθ ∫ [g(p_θ(t)) - g(0) - (g(S) - g(0)) 1{t > 0}] dt, by a midpoint rule with a bound.

p_θ(t) = Σ_u w_u H_θ(t + u·n) is 0 or S for |t| > ρ = h√2 + 1/√2, the reach of the window's corners.  A line meets a pixel
on at most √2, so p_θ moves by at most √2|w|₁ per unit of t and ρ√2|w|₁ per unit of θ, and g(p_θ) by Λ times that.  A
midpoint rule with steps τ and η is off by a quarter of step times slope times length: at most

    Λ|w|₁ √2 (2π · 2ρ) (τ + ρη)/4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from numerics.arithmetic.types import Array
from theory.disk.perimeter import edge, lack

__all__ = ["difference", "edge_response", "reach", "sides", "strength", "strength_bound"]  # fmt: skip

Edge = Callable[[Array, float, float], Array]
"""H_θ(t), from t, cos θ and sin θ."""

TURNS, PLACES = 1440, 480
"""Directions over a turn, and places across an edge: an even number, t = 0 lies between two."""


def reach(taps: int) -> float:
    """ρ: the distance of the corners of a window of n × n pixels from its centre."""
    return (taps // 2) * math.sqrt(2) + math.sqrt(0.5)


def edge_response(w: Array, t: Array, c: float, s: float, law: Edge = edge) -> Array:
    """p_θ(t) of filters w (F, n, n) at distances t (T,) inside an edge whose inner normal is (c, s): (F, T)."""
    h = w.shape[-1] // 2
    offsets = range(-h, h + 1)
    responses = np.stack([law(t + u * c + v * s, c, s) for u in offsets for v in offsets])
    return np.asarray(w.reshape(len(w), -1) @ responses)


def _turn(w: Array, law: Edge, turns: int) -> tuple[Array, float, Iterator[Array]]:
    """Places across an edge, the weight of a node, and p_θ at all places (F, PLACES), a direction after the other."""
    rho = reach(w.shape[-1])
    t = rho * ((2 * np.arange(PLACES) + 1) / PLACES - 1)
    angles = (np.arange(turns) + 0.5) * 2 * np.pi / turns
    every = (edge_response(w, t, float(np.cos(x)), float(np.sin(x)), law) for x in angles)
    return t, 2 * rho / PLACES * (2 * np.pi / turns), every


def strength(
    w: Array,
    law: Edge = edge,
    g: Callable[[Array], Array] = np.abs,
    turns: int = TURNS,
    add: Callable[..., Array] = lack,
) -> Array:
    """P of filters w (F, n, n): (F,), g of values (F, ...), from what a place adds."""
    t, weight, every = _turn(w, law, turns)
    dark, full = g(np.zeros((len(w), 1))), g(w.sum(axis=(1, 2))[:, None])
    total = np.zeros(len(w))
    for p in every:
        total += np.sum(add(g(p), dark, full, (t > 0) * 1.0), axis=1)
    return np.asarray(total * weight)


def sides(w: Array, law: Edge = edge) -> tuple[Array, Array]:
    """∫ p₊ dt and ∫ p₋ dt of filters (F, n, n) times the step in θ, direction by direction: (F, TURNS) each."""
    _, weight, every = _turn(w, law, TURNS)
    halves = [(np.sum(np.maximum(p, 0), axis=1), np.sum(np.maximum(-p, 0), axis=1)) for p in every]
    up, down = np.transpose(halves, (1, 2, 0))
    return np.asarray(up * weight), np.asarray(down * weight)


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
