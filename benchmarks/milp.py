"""The worst error of a ReLU network by mixed-integer programming (HiGHS), which knows nothing of
breakpoints.

Every window that crosses 0 is one binary variable (the usual big-M encoding of a ReLU), φ is the
only other unknown, and the solver maximises ±(r̂ - r) over a cell, in floats, to about 1e-6.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from numerics.arithmetic import oracle

__all__ = ["worst_error"]

Row = Sequence[Fraction]


def worst_error(
    w: Sequence[Row], b: Row, a: Row, c: Fraction, half_length: int, first: int, cells: int
) -> float:
    """max |r̂ - r| over the cells, from the definition: simulated pre-activations at the two ends
    of each cell.
    """
    worst = 0.0
    for m in range(first, first + cells):
        r = Fraction(2 * m - 1, 2)
        pulses = [oracle.overlap_pulse(r + j, half_length) for j in (0, 1)]
        ends = [
            [oracle.preactivations(row, bias, x) for row, bias in zip(w, b, strict=True)]
            for x in pulses
        ]
        constant, slope = float(c - r), -1.0  # of the error, without the windows that cross 0
        crossing: list[tuple[float, float, float]] = []  # weight, start, rise
        for y, low, high in zip(a, *ends, strict=True):
            for p, q in zip(low, high, strict=True):
                if p * q < 0:
                    crossing.append((float(y), float(p), float(q - p)))
                elif p > 0 or q > 0:
                    constant, slope = constant + float(y * p), slope + float(y * (q - p))
        worst = max(worst, *(_largest(sign, constant, slope, crossing) for sign in (1, -1)))
    return worst


def _largest(
    sign: int, constant: float, slope: float, crossing: list[tuple[float, float, float]]
) -> float:
    """max of sign · (constant + slope φ + Σ weight max(start + rise φ, 0)): unknowns φ, then y and
    its binary per window.
    """
    size = 1 + 2 * len(crossing)
    cost = np.zeros(size)
    cost[0] = -sign * slope
    rows, least = [], []
    high = np.ones(size)
    for j, (weight, start, rise) in enumerate(crossing):
        y, active = 1 + 2 * j, 2 + 2 * j
        cost[y] = -sign * weight
        below, above = min(start, start + rise), max(start, start + rise)
        high[y] = above
        for terms, bound in (
            ({y: 1.0, 0: -rise}, start),  # y >= z
            ({y: -1.0, 0: rise, active: below}, below - start),  # y <= z - below (1 - active)
            ({y: -1.0, active: above}, 0.0),  # y <= above active
        ):
            row = np.zeros(size)
            for place, value in terms.items():
                row[place] = value
            rows.append(row)
            least.append(bound)
    binary = np.zeros(size)
    binary[2::2] = 1
    constraints = [LinearConstraint(np.array(rows), np.array(least), np.inf)] if rows else []
    answer = milp(
        cost,
        constraints=constraints,
        integrality=binary,
        bounds=Bounds(0, high),
        options={"mip_rel_gap": 0.0},
    )
    if not answer.success:
        raise ArithmeticError(f"the solver gave up: {answer.message}")
    return float(-answer.fun + sign * constant)
