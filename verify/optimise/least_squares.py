r"""Least squares by Levenberg-Marquardt, for a whole batch of points x at once.

    minimise |e(x)|²:    (JᵀJ + μD) δ = -Jᵀe,    D = I (Levenberg) or diag JᵀJ (Marquardt),

each point with its own μ, by Nielsen's rule: from the gain, the fall of |e|² over the fall that e +
Jδ promises, an accepted step makes μ up to three times smaller, refused ones make it 2, 4, 8, ...
times larger.  Long curved valleys are followed with *geodesic acceleration*: the step is bent by δ'
= -½ (JᵀJ + μD)⁻¹Jᵀ e''(δ, δ), and refused where 2|δ'| > 3|δ|/4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from numerics.arithmetic.types import Array, Flags, Indices

__all__ = ["Minimised", "levenberg_marquardt"]

Residuals = Callable[[Array], tuple[Array, Array]]
"""Points (B, P) -> e (B, m) and its Jacobian (B, m, P)."""

EPS = float(np.finfo(float).eps)
GAIN = 1e-10
"""A step that makes |e|² smaller by less than this part of it is no progress."""
REACH = 0.1
"""The part of a step over which the change of J shows e''."""
SMALL = 1e-9
"""The least of D, as a part of the largest."""


@dataclass(frozen=True, eq=False)
class Minimised:
    """Where the points (B, P) are, after how many trials (B,), and which have retired (B,)."""

    points: Array
    steps: Indices
    retired: Flags


# A trial step may overflow: its |e|² is inf or NaN, no better than the one at hand, and refused.
@np.errstate(over="ignore", invalid="ignore")
def levenberg_marquardt(
    residuals: Residuals,
    start: Array,
    steps: int,
    *,
    arrived: Callable[[Array, Array], Flags] | None = None,
    patience: int | None = None,
    scaled: bool = False,
    geodesic: bool = False,
) -> Minimised:
    """At most ``steps`` trial steps from each of the points ``start`` (B, P).

    Parameters
    ----------
    residuals: e and J, finite in J.  Where e is not finite no step leads; a coordinate whose column
        of J is 0 stays.
    arrived: points (B, P) and their |e|² (B,) -> those that retire.  Retired points are not
        evaluated any more.
    patience: a point retires after so many trials in a row without progress, and where a step is
        refused that promised only rounding of |e|²; None: it never does.
    scaled: Marquardt's D, for coordinates of different sizes.
    geodesic: whether steps are bent.
    """
    tiny = float(np.finfo(float).tiny)
    points, count = start.copy(), np.zeros(len(start), dtype=np.int64)
    retired = np.zeros(len(start), dtype=bool)
    live, here = np.arange(len(start)), start.copy()
    error, jacobian = (part.copy() for part in residuals(here))
    value = (error**2).sum(axis=1)
    diagonal = np.sum(jacobian**2, axis=1)
    damping = 1e-3 * np.max(diagonal / _weights(diagonal, scaled), axis=1)
    grow = np.full(len(start), 2.0)
    idle = np.zeros(len(start), dtype=np.int64)
    for trial in range(1, steps + 1):
        if not len(live):
            break
        turned = jacobian.swapaxes(1, 2)
        system = turned @ jacobian
        size = system.shape[1]
        diagonal = system.reshape(len(live), -1)[:, :: size + 1]
        weight = _weights(diagonal, scaled)
        # The floor keeps the system solvable where JᵀJ is singular to rounding.
        damping = np.maximum(damping, size * EPS * (diagonal / weight).sum(axis=1) + tiny)
        diagonal += damping[:, None] * weight
        step = np.asarray(-np.linalg.solve(system, turned @ error[..., None]), dtype=float)
        ahead = (jacobian @ step)[..., 0]
        promised = -(ahead * (2 * error + ahead)).sum(axis=1)
        allowed = np.ones(len(live), dtype=bool)
        if geodesic:
            step, allowed = _bent(residuals, here, jacobian, system, step)
        there = here + step[..., 0]
        error_there, jacobian_there = residuals(there)
        value_there = (error_there**2).sum(axis=1)
        better = allowed & (value_there < value)
        idle = np.where(better & (value_there < (1 - GAIN) * value), 0, idle + 1)
        gain = (value - value_there) / np.maximum(promised, tiny)
        shrink = np.maximum(1 / 3, 1 - (2 * np.minimum(gain, 1) - 1) ** 3)
        damping = damping * np.where(better, shrink, grow)
        grow = np.where(better, 2.0, np.minimum(2 * grow, 64.0))
        here[better], value[better] = there[better], value_there[better]
        error[better], jacobian[better] = error_there[better], jacobian_there[better]
        leave = np.zeros(len(live), dtype=bool)
        moved = np.nonzero(better | (trial == 1))[0]  # the others have been asked before
        if arrived is not None and len(moved):
            leave[moved] = arrived(here[moved], value[moved])
        if patience is not None:
            # Refused, a step becomes shorter and shorter: where it promises rounding, nothing
            # follows.
            leave |= (idle >= patience) | (~better & (promised <= EPS * value))
        if np.any(leave):
            gone, stay = live[leave], ~leave
            points[gone], count[gone], retired[gone] = here[leave], trial, True
            live, here, error, jacobian = live[stay], here[stay], error[stay], jacobian[stay]
            value, damping, grow, idle = value[stay], damping[stay], grow[stay], idle[stay]
    points[live], count[live] = here, steps
    return Minimised(points, count, retired)


def _weights(diagonal: Array, scaled: bool) -> Array:
    """The diagonal of D, from that of JᵀJ."""
    if not scaled:
        return np.ones_like(diagonal)
    largest = np.max(diagonal, axis=1, keepdims=True)
    return np.asarray(np.maximum(diagonal, np.where(largest > 0, SMALL * largest, 1.0)))


def _bent(
    residuals: Residuals, here: Array, jacobian: Array, system: Array, step: Array
) -> tuple[Array, Flags]:
    """Steps (B, P, 1) with their geodesic acceleration, and which of them bend little enough."""
    _, beyond = residuals(here + REACH * step[..., 0])
    second = (beyond - jacobian) @ step / REACH
    finite = np.all(np.isfinite(second), axis=(1, 2))
    down = np.swapaxes(jacobian, 1, 2) @ np.where(finite[:, None, None], second, 0.0)
    bend = -np.linalg.solve(system, down) / 2
    length, across = ((part[..., 0] ** 2).sum(axis=1) for part in (step, bend))
    return step + bend, finite & (4 * across <= 0.75**2 * length)
