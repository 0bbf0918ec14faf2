"""The least loss in a linear region of the weights, for images: its level, by linear regression.

The regression knows the signs of the responses, and nothing else of the weights.  With the piece of
every window and the held kinks of a network with a continuous piecewise-linear σ, r̂ is linear in
(V_1, a_1, ..., c), V_k = a_k (w_k, b_k) (:mod:`theory.disk.linear_regions`).  The network itself is
one of the candidates: its loss is at least the level, and equal to it where it is stationary along
its facet.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from numerics.arithmetic.regression import RANK, kernel, regression
from numerics.arithmetic.rounding import gamma
from numerics.arithmetic.types import Array
from numerics.pulse.sample import Windows
from theory.disk.linear_regions import pieces
from theory.expressions.spelling import spelled

__all__ = ["level"]

HELD = 1e-12
"""A response this close to a kink, relative to the sizes of its terms, is on it: rounding is a
hundredth of it.
"""


def level(
    part: Callable[..., Array], name: str, conv: Array, windows: Windows, r: Array
) -> tuple[float, float]:
    """The level of filters and biases ``conv`` (K, n² + 1) on the windows of disks of radii r: it
    lies between the two.

    The first counts every direction of the regression, the second only those that stand out of the
    rounding of their columns.

    Raises
    ------
    ValueError: the row is not piecewise linear.
    """
    affine = np.array([[float(x) for x in piece] for piece in pieces(name)])
    kinks = np.array([float(kink.location) for kink in spelled(name).kinks])
    rows, columns = windows.rows, []
    for v in conv:
        z = rows @ v
        slope, intercept = affine[np.searchsorted(kinks, z)].T
        by_conv = part(slope[:, None], 0.0, rows, 0.0)
        by_read = part(slope, intercept, 0.0, 1.0)
        every = np.column_stack([by_conv, by_read])
        met = np.abs(z[:, None] - kinks) <= HELD * (np.abs(v).sum() + np.abs(kinks))
        held, which = np.nonzero(met)
        columns.append(
            windows.summed(every.T).T
            @ kernel(np.unique(np.column_stack([rows[held], -kinks[which]]), axis=0))
        )
    each = windows.summed(np.ones(len(rows)))
    return _least(np.concatenate(columns, axis=1), r, float(np.max(each)) + rows.shape[1])


def _least(columns: Array, r: Array, terms: float) -> tuple[float, float]:
    """The least mean of (r̂ - r)², a constant among the columns, which are sums of so many
    ``terms``.
    """
    centred = columns - columns.mean(axis=0)
    size, largest = np.linalg.norm(centred, axis=0), np.max(np.abs(columns), axis=0, initial=0)
    kept = size > RANK * largest * np.sqrt(len(r))
    # Rounding moves no singular value by more than the norm of what it does to all columns.
    rounding = (
        float(gamma(terms)) * float(np.linalg.norm(largest[kept] / size[kept])) * np.sqrt(len(r))
    )

    def least(cut: float) -> float:
        return float(regression(centred[:, kept], r - r.mean(), cut).loss)

    return least(0.0), least(rounding)
