"""Least squares on columns that may depend on each other, and what rows leave free: with one rank
cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.arithmetic.types import Array

__all__ = ["RANK", "Regression", "kernel", "rank", "regression"]

RANK = 1e-11
"""Singular values below this part of the largest are 0: rounding leaves 1e-13 of sums of a few
hundred terms.

Of the Jacobians of networks near exact ones the smallest others that were seen are about 1e-8.
"""


@dataclass(frozen=True)
class Regression:
    """The least squares of a target on columns.

    Attributes
    ----------
    basis: orthonormal columns that span the same space, and zeros for what is cut (..., R, C).
    coefficients: of the columns (..., C).
    error: the fitted values less the target (..., R).
    """

    basis: Array
    coefficients: Array
    error: Array

    @property
    def loss(self) -> Array:
        """The mean square of the error, (...,)."""
        return np.asarray(np.mean(self.error**2, axis=-1))


def regression(columns: Array, target: Array, rounding: Array | float = 0.0) -> Regression:
    """Of ``target`` (..., R) on ``columns`` (..., R, C), each scaled to length 1 before the cut.

    Directions cut: those below :data:`RANK`, and those whose singular value is at most
    ``rounding``.
    """
    size = np.linalg.norm(columns, axis=-2)
    scale = np.where(size > 0, size, np.inf)
    left, values, right = np.linalg.svd(columns / scale[..., None, :], full_matrices=False)
    kept = values > np.maximum(RANK * values[..., :1], rounding)
    basis = left * kept[..., None, :]
    along = np.einsum("...rk,...r->...k", basis, target)
    inverse = kept / np.where(kept, values, 1)
    coefficients = np.einsum("...kj,...k->...j", right, inverse * along) / scale
    error = np.einsum("...rk,...k->...r", basis, along) - target
    return Regression(basis, coefficients, error)


def rank(values: Array) -> int:
    """How many singular values (C,), the largest first, are not 0."""
    return int(np.sum(values > RANK * values[:1]))


def kernel(rows: Array) -> Array:
    """An orthonormal basis, as columns (D, ·), of the vectors that all ``rows`` (M, D) are 0 on."""
    _, values, right = np.linalg.svd(rows, full_matrices=True)
    return np.asarray(right[rank(values) :].T)
