r"""Light-cone coordinates of batches of networks, as arrays: w (B, K, n), a (B, K), everything
float64.

The formulas are those of :mod:`theory.training.linear_cell`, channel by channel, with arrays over
the batch as numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from numerics.arithmetic.types import Array
from theory.training import linear_cell

__all__ = ["Cone", "channels", "coordinates", "weights_at"]


@dataclass(frozen=True)
class Cone:
    """u, v: (B, K); U = Σ u², W = Σ v²: (B,); root = √n."""

    u: Array
    v: Array
    big_u: Array
    big_w: Array
    root: float


def channels(w: Array, a: Array) -> tuple[list[list[Array]], list[Array]]:
    """(w[k][u], a[k]), each (B,), of w (B, K, n) and a (B, K): what the formulas of
    :mod:`theory.training.linear_cell` take.
    """
    return [list(taps) for taps in np.moveaxis(w, 0, 2)], list(a.T)


def coordinates(w: Array, a: Array) -> Cone:
    """The light-cone coordinates of every network, w (B, K, n) and a (B, K)."""
    root = math.sqrt(w.shape[2])
    u, v = linear_cell.light_cone(*channels(w, a), root)
    big_u, big_w = linear_cell.squares(u, v)
    return Cone(np.stack(u, axis=1), np.stack(v, axis=1), big_u, big_w, root)


def weights_at(w: Array, a: Array, first: Array, second: Array) -> tuple[Array, Array]:
    """(w, a) after u was multiplied by A and v by B; A and B of shape (B,) or (T,
    B), times first.
    """
    root = math.sqrt(w.shape[2])
    taps, readout = channels(w, a)
    u, v = linear_cell.light_cone(taps, readout, root)
    new_a, sums = linear_cell.unfold(u, v, root, first, second)
    new_w = linear_cell.moved(taps, sums)
    return np.stack([np.stack(t, axis=-1) for t in new_w], axis=-2), np.stack(new_a, axis=-1)
