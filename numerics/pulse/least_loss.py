r"""The least loss in a linear region of the weights: its level, exactly, from signs alone.

That is where training must end.  For positively homogeneous σ the pattern of signs of the
pre-activations U_s · w_k + b_k (0 on a held face) makes r̂ affine in the effective weights v_k =
|a_k| (w_k, b_k) and c.  A stationary point within the cell is therefore a minimum of one quadratic,
whose value

    level = min_x |M x - r|² / R = (r·r - x·Mᵀr) / R,   MᵀM x = Mᵀr,

is a rational number when windows, radii and slopes are.  M has, per channel, the columns
Σ_s counts_s σ'_s U_s restricted to the held faces, and the column of ones.  The signs of the
readout weights only change signs of columns: the level depends neither on them nor on any trained
weight. Derivation: docs/pulse/endings.md.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import numpy as np
from flint import fmpq, fmpq_mat

from numerics.arithmetic.numbers import fraction, rational
from numerics.arithmetic.types import Signs
from numerics.pulse.sample import Radii, pulse, windows
from theory.expressions.spelling import spelled
from theory.pulse.endings import LAW, EndingLaw

__all__ = ["dead_level", "level"]


@lru_cache(maxsize=32)
def _problem(radii: Radii, taps: int) -> tuple[list[list[fmpq]], fmpq_mat, fmpq_mat]:
    """Windows with a final 1, (W, n+1) as lists; counts (R, W); radii (R, 1): exact."""
    if radii.per_cell & (radii.per_cell - 1):
        raise ValueError(f"{radii.per_cell} radii per cell: only powers of two are exact in binary")
    distinct = windows(pulse(radii.r, radii.half_length(taps)), taps)
    extended = [[rational(x) for x in row] + [fmpq(1)] for row in distinct.windows]
    counts = fmpq_mat([[fmpq(int(x)) for x in row] for row in distinct.counts])
    return extended, counts, fmpq_mat([[rational(x)] for x in radii.r])


def _kernel(rows: list[list[fmpq]], width: int) -> fmpq_mat:
    """A basis, as columns (width, ·), of the vectors orthogonal to all given rows."""
    if not rows:
        return fmpq_mat(width, width, [int(i == j) for i in range(width) for j in range(width)])
    null, nullity = fmpq_mat(rows).numer_denom()[0].nullspace()
    return fmpq_mat([row[:nullity] for row in null.tolist()])


def level(
    radii: Radii, taps: int, activation: str, pattern: Signs, law: EndingLaw = LAW
) -> Fraction:
    """The minimum of the loss in the cell, or on the face, named by ``pattern`` (K, W) of -1, 0, 1.

    W counts the distinct windows in the order of :func:`numerics.pulse.sample.windows`.

    Raises
    ------
    ValueError: σ is not positively homogeneous, the radii are not dyadic, or W is wrong.
    """
    pattern = np.ascontiguousarray(pattern, dtype=np.int8)
    extended, _, _ = _problem(radii, taps)
    if pattern.ndim != 2 or pattern.shape[1] != len(extended):
        raise ValueError(f"the pattern needs shape (K, {len(extended)}), not {pattern.shape}")
    # Channels may come in any order: sorting them lets more networks share one computation.
    rows = tuple(sorted(row.tobytes() for row in pattern))
    return _level(radii, taps, activation, rows, law)


@lru_cache(maxsize=4096)
def _level(
    radii: Radii, taps: int, activation: str, pattern: tuple[bytes, ...], law: EndingLaw
) -> Fraction:
    _, counts, target = _problem(radii, taps)
    ones = fmpq_mat([[fmpq(1)] for _ in range(counts.nrows())])
    columns = [ones] if law.constant else []
    for row in pattern:
        block = _block(radii, taps, activation, row, law)
        if block is not None:
            columns.append(block)
    if not columns:
        columns = [0 * ones]
    normal = [[left.transpose() * right for right in columns] for left in columns]
    side = [left.transpose() * target for left in columns]
    rows = []
    for blocks, right in zip(normal, side, strict=True):
        tables = [block.tolist() for block in blocks]
        for i, entry in enumerate(right.tolist()):
            rows.append([x for table in tables for x in table[i]] + entry)
    reduced, rank = fmpq_mat(rows).rref()
    table = reduced.tolist()
    projection = [entry[0] for right in side for entry in right.tolist()]
    total = sum((x[0] * x[0] for x in target.tolist()), fmpq(0))
    for i in range(rank):
        pivot = next(j for j, x in enumerate(table[i]) if x != 0)
        # The equations are consistent, so no pivot falls into the last column.
        total -= table[i][-1] * projection[pivot]
    value = total / counts.nrows()
    return fraction(value)


@lru_cache(maxsize=4096)
def _block(radii: Radii, taps: int, activation: str, row: bytes, law: EndingLaw) -> fmpq_mat | None:
    """The columns of one channel, (R, ·); None when its held faces leave it no freedom."""
    extended, counts, _ = _problem(radii, taps)
    low, high = map(rational, spelled(activation).slopes)
    # On a held face the pre-activation is 0 and contributes nothing, whatever the slope.
    by_sign = {-1: low, 0: fmpq(0), 1: high}
    signs = np.frombuffer(row, dtype=np.int8)
    held = [extended[s] for s in np.nonzero(signs == 0)[0]]
    basis = _kernel(held, taps + 1)
    if not basis.ncols():
        return None
    tilted = [
        law.tilt(window[:-1], by_sign[int(sign)])
        for sign, window in zip(signs, extended, strict=True)
    ]
    return counts * (fmpq_mat(tilted) * basis)


def dead_level(radii: Radii) -> Fraction:
    """Var r over the training radii: the level of every network that answers a constant."""
    r = [Fraction(float(x)) for x in radii.r]
    mean = sum(r, Fraction(0)) / len(r)
    return sum(((x - mean) ** 2 for x in r), Fraction(0)) / len(r)
