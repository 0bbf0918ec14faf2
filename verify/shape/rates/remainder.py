"""The rates' law at the weights of a network, and a bound on all that it leaves out.

The law keeps orders up to 5 at the centre c.  What it leaves out is the tolerance: orders 6 to 11
as they are, and the rest by enclosed Taylor coefficients.  With X the farthest partial sum from the
centre, |f''| <= 132 |s_12([c±X])| X^10 for the rest f of σ, and a step p -> q bends it by at most
(q - p)²/8 · sup |f''|.  So, e bounding the part of D - D̃ that regression on r leaves, and g
bounding |λ - λ̃|,

    |√R/|λ| - √R̃/|λ̃|| <= (e + g √R̃/|λ̃|)/(|λ̃| - g).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numerics.arithmetic.taylor import TERMS, coefficients_at, last_bound
from numerics.arithmetic.types import Array
from theory.shape.rates import RateLaw
from theory.shape.rates.expansion import kinked_deviation, moments
from theory.shape.rates.leading import Spread, spread
from verify.models.problem import Setting
from verify.shape.rates.height import CELLS, PER_CELL

__all__ = ["FRACTIONS", "OVER", "VARIANCE", "Stated", "root_of", "stated"]


FRACTIONS = np.arange(PER_CELL) / PER_CELL
"""The φ of the trained radii."""
VARIANCE = float(np.var(Setting("tanh", 1, 1, cells=CELLS, per_cell=PER_CELL).radii.r))
"""V = Var r of the trained radii."""
OVER = spread(FRACTIONS.tolist(), VARIANCE)
"""The averages over them."""


@dataclass(frozen=True)
class Stated:
    """√R̃/|λ̃| by the law, and how far √R/|λ| may be from it, network by network."""

    root: Array
    tolerance: Array


def root_of(loss: Array) -> Array:
    """√R/|λ| from the loss, of its shape: L = R/(λ² + R/V)."""
    loss = np.clip(loss, 0.0, VARIANCE * (1 - 1e-15))
    return np.sqrt(loss / (1 - loss / VARIANCE))


def stated(law: RateLaw, name: str, w: Array, b: Array) -> Stated:
    """The law at the networks' own weights w (B, n) and b (B,)."""
    height = np.sum(w, axis=1)
    c = np.asarray(law.centre(b, height))
    begin = np.concatenate([np.cumsum(side, axis=1) - side for side in (w, w[:, ::-1])], axis=1)
    p = begin + (b - c)[:, None]
    q = p + np.concatenate([w, w[:, ::-1]], axis=1)
    reach = np.max(np.abs(np.concatenate([p, q], axis=1)), axis=1)
    s = np.array([coefficients_at(name, x) for x in c.tolist()])
    last = np.array(
        [last_bound(name, x, y) for x, y in zip(c.tolist(), reach.tolist(), strict=True)]
    )
    of = moments(list(w.T))
    low_orders = list(s[:, 1:6].T)
    delta, bends = law.slope(low_orders, height), law.components(low_orders, of)
    # What the law leaves out: orders 6 to 11 as they are, order 12 by its bound.
    x = p[:, :, None] + (q - p)[:, :, None] * FRACTIONS
    dropped, slope = np.zeros((len(b), PER_CELL)), np.zeros(len(b))
    for k in range(6, TERMS):
        chord = (1 - FRACTIONS) * p[:, :, None] ** k + FRACTIONS * q[:, :, None] ** k
        dropped += s[:, k, None] * np.sum(x**k - chord, axis=1)
        slope += s[:, k] * (q[:, w.shape[1] - 1] ** k - p[:, 0] ** k)
    mean = np.mean(dropped, axis=1, keepdims=True)
    cov = np.mean((dropped - mean) * FRACTIONS, axis=1)
    spare = np.sqrt(np.maximum(np.mean((dropped - mean) ** 2, axis=1) - cov**2 / VARIANCE, 0))
    with np.errstate(invalid="ignore", over="ignore"):
        bend = of.p2 / 4 * TERMS * (TERMS - 1) * last * reach ** (TERMS - 2)
        off = (
            np.abs(2 * slope + cov / VARIANCE) + 4 * last * reach**TERMS + bend / np.sqrt(VARIANCE)
        )
    claimed = _compared(law, delta, bends, OVER, spare + bend, off)
    kinked = np.isinf(last) & (np.abs(c) <= reach)
    for j in np.flatnonzero(kinked):
        beside = _at_a_kink(law, w[j], float(c[j]), float(reach[j]))
        claimed.root[j], claimed.tolerance[j] = beside.root[0], beside.tolerance[0]
    return claimed


def _at_a_kink(law: RateLaw, w: Array, c: float, reach: float) -> Stated:
    """softsign around 0: σ = x - x|x| + f with |f| <= |x|³ and |f''| <= 6|x|."""
    taps = w.tolist()
    over = spread(FRACTIONS.tolist(), VARIANCE, lambda x: (-kinked_deviation(taps, c, x),))
    height = sum(taps)
    ends = [c - height / 2, c + height / 2]
    delta = height - (ends[1] * abs(ends[1]) - ends[0] * abs(ends[0]))
    bend = moments(taps).p2 / 4 * 6 * reach
    off = 2 * sum(abs(end) ** 3 for end in ends) + bend / np.sqrt(VARIANCE)
    return _compared(law, np.array([delta]), (np.ones(1),), over, np.array([bend]), np.array([off]))


def _compared(
    law: RateLaw, delta: Array, bends: Sequence[Array], over: Spread, bend: Array, off: Array
) -> Stated:
    """Both remainders in units of the root: see the head of this file."""
    with np.errstate(invalid="ignore"):  # 0/0 where no Taylor coefficient is known
        root = root_of(np.asarray(law.loss(delta, bends, over)))
    lam = np.abs(2 * delta + sum(x * q for x, q in zip(bends, over.cov, strict=True)) / VARIANCE)
    with np.errstate(invalid="ignore"):
        tolerance = np.where(
            lam > off, (bend + off * root) / np.where(lam > off, lam - off, 1.0), np.inf
        )
    return Stated(root, np.where(np.isnan(tolerance), np.inf, tolerance))
