"""Random networks of the linear cell, for the tests of how it trains."""

from __future__ import annotations

import math

import numpy as np

from numerics.training.linear_cell import Cone, coordinates


def drawn(seed: int, channels: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """w (K, n) and a (K,) as large as torch draws them."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(channels, n)) / math.sqrt(n), rng.normal(size=channels) / math.sqrt(
        channels
    )


def cone(seed: int, channels: int, h: int) -> tuple[np.ndarray, np.ndarray, Cone]:
    """A batch of one network, with its coordinates."""
    rng = np.random.default_rng(seed)
    w, a = rng.normal(size=(1, channels, 2 * h + 1)) / 2, rng.normal(size=(1, channels)) / 2
    return w, a, coordinates(w, a)
