r"""Gates: what channels of a smooth σ turn into when they come together, and how well a gate can
do.

[σ(U·(v + εq)) - σ(U·v)]/ε tends to σ'(U·v)(U·q): two channels with readouts ±a/ε contain, in the
limit, the answer of σ' as a gate, with anything linear behind it.  One channel does where its own
filter sees nothing, σ odd and v odd under the point reflection.  For a given v the best q is a
regression of r on the columns

    Σ_U N_U(r) σ'(U·v) U_i,        i = 1, ..., n² + 1,

of which, for odd v, those of i and of its mirror image are equal.  Derivation: docs/disk/shares.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import least_squares

from numerics.arithmetic.types import Array
from numerics.pulse.sample import Windows

__all__ = ["Gate", "behind", "best", "residual"]

Gate = Callable[[Array], Array]
"""σ', elementwise."""
RANK = 1e-11
"""Singular values below this part of the largest are rounding; the columns have length 1."""


def behind(gate: Gate, v: Array, rows: Array, counts: Array, parts: Sequence[slice]) -> Array:
    """The columns behind σ' = ``gate`` of windows ``rows`` (W, n² + 1), radius by radius: (R, n² +
    1).
    """
    open_ = counts * gate(rows @ v)
    return np.stack([open_[part] @ rows[part] for part in parts])


def residual(columns: Array, r: Array) -> Array:
    """What a regression on the columns and a constant leaves of r."""
    target, centred = r - r.mean(), columns - columns.mean(axis=0)
    size = np.linalg.norm(centred, axis=0)
    left, values, _ = np.linalg.svd(centred / np.where(size > 0, size, 1), full_matrices=False)
    basis = left[:, values > RANK * values[0]]
    return np.asarray(target - basis @ (basis.T @ target))


def best(
    gate: Gate, seen: Windows, r: Array, rng: np.random.Generator, starts: int, odd: bool = False
) -> tuple[Array, Array]:
    """The filters (starts, n² + 1) behind which least is left, from random starts on ±1/n, and what
    is left: (starts,).

    ``odd``: v changes its sign under the point reflection.
    """
    size = seen.rows.shape[1]
    free = (size - 1) // 2 if odd else size

    def full(x: Array) -> Array:
        return np.concatenate([x, [0.0], -x[::-1], [0.0]]) if odd else x

    def left(x: Array) -> Array:
        return residual(behind(gate, full(x), seen.rows, seen.counts, seen.parts), r)

    found, losses = [], []
    for _ in range(starts):
        start = rng.uniform(-1, 1, free) / (size - 1) ** 0.5
        end = least_squares(left, start, method="lm", max_nfev=60 * free)
        found.append(full(end.x))
        losses.append(float(np.mean(end.fun**2)))
    return np.stack(found), np.array(losses)
