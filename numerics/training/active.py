r"""Which networks stay in the linear cell of ReLU: batches w (B, K, n), a (B, K), plateau radii, no
bias.

A channel is *active* where all its partial sums are positive, *silent* where all are negative (no
gradient: it keeps its weights), *crossed* otherwise.  Derivation: docs/training/active.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.arithmetic.types import Array, Flags
from numerics.training.linear_cell import coordinates
from theory.training import linear_cell
from theory.training.active import LAW, Active

__all__ = ["cells", "lowest_sum", "margins", "stays"]


def cells(w: Array) -> NDArray[np.str_]:
    """ "active", "silent" or "crossed" for every channel: (B, K)."""
    sums = np.concatenate([np.cumsum(w, axis=2), np.cumsum(w[..., ::-1], axis=2)], axis=2)
    active, silent = np.all(sums > 0, axis=2), np.all(sums < 0, axis=2)
    return np.where(active, "active", np.where(silent, "silent", "crossed"))


def lowest_sum(w: Array, a: Array, rho: ArrayLike = 0.0, law: Active = LAW) -> Array:
    """A lower bound (B, K) on S_k along the way to the end; attained for ρ = 0, gradient flow.

    Steps of finite size multiply A and B by e^{-ρ_t/2} with 0 <= ρ_t <= ρ, and their turn may go on
    to the E of ρ.
    """
    c = coordinates(w, a)
    rho = np.broadcast_to(np.asarray(rho, dtype=float), c.big_u.shape)
    grown = np.exp(np.minimum(rho, 300.0))
    e = linear_cell.stretch(c.big_u, c.big_w, c.root, np.sqrt, grown)[:, None]

    def along(x: Array) -> Array:
        return (c.u * np.sqrt(x) - c.v / np.sqrt(x)) / 2

    lowest = np.minimum(along(np.ones_like(e)), along(e))
    valley = (c.u > 0) & (c.v < 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        where, square = law.turning_point(c.u, c.v)
        on_the_way = valley & (where > np.minimum(1.0, e)) & (where < np.maximum(1.0, e))
        lowest = np.where(on_the_way, np.sqrt(np.maximum(square, 0.0)), lowest)
    lowest = np.where(lowest > 0, lowest / np.sqrt(grown)[:, None], lowest)
    bound: Array = c.root * np.where(np.isfinite(rho)[:, None], lowest, -np.inf)
    return bound


def margins(w: Array, a: Array, rho: ArrayLike = 0.0, law: Active = LAW) -> Array:
    """min S_k - S_min (B, K): positive where the channel never leaves the linear cell."""
    floor = np.max(np.stack(law.floors(list(np.moveaxis(w, 2, 0)))), axis=0)
    bound: Array = lowest_sum(w, a, rho, law) - floor
    return bound


def stays(w: Array, a: Array, rho: ArrayLike = 0.0, law: Active = LAW) -> Flags:
    """(B,): every channel stays in the linear cell, for flow (ρ = 0) or steps with a drift of at
    most ρ.
    """
    return np.asarray(np.all(margins(w, a, rho, law) > 0, axis=1))
