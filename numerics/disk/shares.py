r"""The perimeter coefficients of many filters at once, from half a turn.

What an edge shows from the other side is known:
P = ∫_0^π dθ ∫ [g(p_θ(t)) + g(p_{θ+π}(-t)) - g(0) - g(S)] dt, by a midpoint rule with steps τ in t, η in θ.  Along t each
pixel rises once from 0 to 1, so p varies by |w|₁ in all; along θ the line turns about a point at most ρ away from any point
of the window, so ∫ |∂_θ p| dt <= ρ|w|₁.  With the Lipschitz constant Λ of g a midpoint rule is off by at most

    2πΛ|w|₁ (τ/2 + ρη/4).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from numerics.arithmetic.types import Array
from numerics.disk.perimeter import reach
from theory.disk.perimeter import edge

__all__ = ["lengths", "lengths_bound", "nodes"]

TURNS, PLACES = 192, 96
"""Directions over a whole turn, and places across an edge; both even: no node on an axis or at t = 0."""


def nodes(taps: int, turns: int = TURNS) -> tuple[Array, Array, float]:
    """θ (first half of the directions), t, and the weight of a node."""
    rho = reach(taps)
    turn = (np.arange(turns // 2) + 0.5) * 2 * np.pi / turns
    t = rho * ((2 * np.arange(PLACES) + 1) / PLACES - 1)
    return turn, t, (2 * np.pi / turns) * (2 * rho / PLACES)


@lru_cache(maxsize=4)
def _half_turn(taps: int) -> Array:
    """H_θ(t + u·n) for all nodes and all places u of a filter: (n², nodes)."""
    turn, t, _ = nodes(taps)
    offsets = range(-(taps // 2), taps // 2 + 1)
    blocks = []
    for angle in turn.tolist():
        c, s = float(np.cos(angle)), float(np.sin(angle))
        blocks.append(np.stack([edge(t + u * c + v * s, c, s) for u in offsets for v in offsets]))
    return np.concatenate(blocks, axis=1)


def lengths(
    w: Array, b: Array, sigma: Callable[[Array], Array], opposite: Callable[[Array, Array], Array]
) -> Array:
    """P of filters w (F, n, n) with biases b (F,): (F,)."""
    taps = w.shape[-1]
    responses, weight = _half_turn(taps), nodes(taps)[2]
    full, values = w.sum(axis=(1, 2)), np.empty(len(w))
    for first in range(0, len(w), 16):
        k = slice(first, first + 16)
        p, s, bias = w[k].reshape(-1, taps * taps) @ responses, full[k, None], b[k, None]
        both = sigma(p + bias) + sigma(opposite(p, s) + bias)
        values[k] = weight * np.sum(both - (sigma(bias) + sigma(s + bias)), axis=1)
    return values


def lengths_bound(w: Array, steepest: Array) -> Array:
    """How far :func:`lengths` may be from P, for g with the Lipschitz constants ``steepest`` (F,): (F,)."""
    rho = reach(w.shape[-1])
    step = rho / PLACES + rho * (2 * np.pi / TURNS) / 4
    return np.asarray(2 * np.pi * steepest * np.abs(w).sum(axis=(1, 2)) * step)
