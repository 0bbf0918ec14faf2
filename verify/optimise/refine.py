r"""Training continued with long numbers: is there an exact network beside the trained one?

In float64 a network that is exact and one that errs by 1e-17 look alike.  So Levenberg-Marquardt
goes on from the trained weights with hundreds of bits,

    (JᵀJ + μI) δ = -Jᵀe,    μ ~ |e|².

Beside an exact network the error falls quadratically, to any precision, and the steps are those of
least length, δ ~ -J⁺e; a family that only approaches exactness (weights that shrink, a bias that
escapes) gains a factor per step at best.  What is found counts once its error is enclosed, at other
radii too (:func:`numerics.pulse.error_enclosure.largest_error`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp
from flint import arb, arb_mat, ctx

from numerics.arithmetic.ball import constant_ball, sigma_ball
from numerics.arithmetic.numbers import dyadic
from numerics.arithmetic.walk import expression_of
from numerics.pulse.error_enclosure import largest_error, window_counts
from theory.expressions.activation import z
from theory.pulse.network import Network

__all__ = ["BITS", "EXACT", "GOAL", "Refined", "refine"]

BITS = 256
"""The precision of the continued training."""
GOAL = 1e-60
"""The largest error at which it stops: far above the rounding of 256 bits, far
below any float64.
"""
EXACT = 1e3 * GOAL
"""A network counts as exact when its error is enclosed below this, at other radii too."""
STALL = 12
"""Accepted steps that together must make the error a hundred times smaller."""


@dataclass(frozen=True)
class Refined:
    """An exact network beside a trained one.

    Attributes
    ----------
    net: the weights, as exact dyadic rationals.
    error: a bound of |r̂ - r| at all radii that were asked for, at most :data:`EXACT`.
    start: |e| over the radii of the training, at the trained weights.
    moved: the distance from the trained weights; to first order at most |J⁺| |e|.
    """

    net: Network[Any]
    error: float
    start: float
    moved: float


@lru_cache(maxsize=256)
def _slope(expression: sp.Expr) -> sp.Expr:
    """σ' away from the jumps, which stay where they are."""
    return sp.diff(expression, z).replace(sp.DiracDelta, lambda *_: sp.S.Zero)


class _System:
    """The radii as distinct windows and their counts, and σ with its slope."""

    def __init__(self, net: Network[Any], radii: Sequence[Fraction], half_length: int) -> None:
        self.sigma, self.slope = sigma_ball(net.sigma), sigma_ball(_slope(expression_of(net.sigma)))
        counted = [dict(window_counts(r, half_length, net.taps)) for r in radii]
        distinct = sorted(set().union(*counted))
        self.windows = [
            [constant_ball(x) for x in (*window, int(net.b is not None))] for window in distinct
        ]
        self.counts = arb_mat(
            [[arb(each.get(window, 0)) for window in distinct] for each in counted]
        )
        self.target = [constant_ball(r) for r in radii]

    def error(self, x: list[arb]) -> tuple[list[arb], list[tuple[arb, arb]]]:
        """e at the weights x = (w_1, b_1, a_1, w_2, ..., c), and of every channel at every window
        (p, σ(p)), p the pre-activation; midpoints only.
        """
        width = len(self.windows[0]) + 1
        values = [arb(0) for _ in self.windows]
        units = []
        for *v, a in (x[k : k + width] for k in range(0, len(x) - 1, width)):
            for s, window in enumerate(self.windows):
                pre = sum((p * q for p, q in zip(v, window, strict=True)), arb(0)).mid()
                sigma = self.sigma(pre).mid()
                values[s] += a * sigma
                units.append((pre, sigma))
        answers = (self.counts * arb_mat([[value] for value in values])).tolist()
        error = [(row[0] + x[-1] - r).mid() for row, r in zip(answers, self.target, strict=True)]
        return error, units

    def jacobian(self, x: list[arb], units: list[tuple[arb, arb]]) -> arb_mat:
        """J at the weights x, where units are these; midpoints only."""
        width = len(self.windows[0]) + 1
        columns: list[list[arb]] = [[] for _ in self.windows]
        pairs = iter(units)
        for a in x[width - 1 : -1 : width]:
            for column, window in zip(columns, self.windows, strict=True):
                pre, sigma = next(pairs)
                slope = (a * self.slope(pre)).mid()
                column += [slope * u for u in window] + [sigma]
        jacobian = (self.counts * arb_mat(columns)).tolist()
        return arb_mat([[value.mid() for value in row] + [arb(1)] for row in jacobian])


def refine(
    net: Network[Any],
    radii: Sequence[Fraction],
    others: Sequence[Fraction],
    half_length: int,
    steps: int = 30,
) -> Refined | None:
    """Train on at the ``radii`` until all errors are below :data:`GOAL`; None where that, or
    exactness, is not reached.

    A network that stores no conv biases gets none.

    Raises
    ------
    ValueError: the readout bias c is left open.
    """
    if net.open:
        raise ValueError("a readout bias is needed to train on")
    with ctx.workprec(BITS):
        system = _System(net, radii, half_length)
        x = start = [
            constant_ball(value).mid() for w, b, a in net.listed for value in (*w, b, a)
        ] + [constant_ball(net.offset).mid()]
        error, units = system.error(x)
        value = first = _square(error)
        # The floor of μ keeps the rounding of the solution, about 2^-bits |JᵀJ|/μ, far below the
        # step.
        damping, floor = arb(1), arb(2) ** (-BITS // 2)
        history = [_largest(error)]
        trials, accepted = 0, True
        while history[-1] > GOAL and len(history) <= steps and trials < 3 * steps:
            trials += 1
            if accepted:  # a step that was refused leaves the equations as they are
                jacobian = system.jacobian(x, units)
                turned = jacobian.transpose()
                normal = (turned * jacobian).tolist()
                top = arb(max(float(row[i]) for i, row in enumerate(normal)))
                down = turned * arb_mat([[-e] for e in error])
            size = top * (damping * value).max(floor)
            rows = [[*row[:i], row[i] + size, *row[i + 1 :]] for i, row in enumerate(normal)]
            step = arb_mat(rows).solve(down, algorithm="approx")
            there = [(p + q[0]).mid() for p, q in zip(x, step.tolist(), strict=True)]
            error_there, units_there = system.error(there)
            value_there = _square(error_there)
            accepted = bool(value_there < value)  # not when it is not a number
            if not accepted:
                damping = damping * 3
                continue
            x, error, units, value = there, error_there, units_there, value_there
            damping = damping / 1000
            history.append(_largest(error))
            if len(history) > STALL and history[-1] > 1e-2 * history[-1 - STALL]:
                break
        if not history[-1] <= GOAL:
            return None
        moved = _square([p - q for p, q in zip(x, start, strict=True)]).sqrt()
        end = _as_net(net, x)
    bound = largest_error(end, (*radii, *others), half_length, BITS)[0]
    return Refined(end, float(bound), float(first.sqrt()), float(moved)) if bound <= EXACT else None


def _square(error: list[arb]) -> arb:
    return sum((e * e for e in error), arb(0)).mid()


def _largest(error: list[arb]) -> float:
    return max(float(abs(e)) for e in error)


def _as_net(net: Network[Any], x: list[arb]) -> Network[Fraction]:
    exact = [dyadic(value) for value in x]
    width = net.taps + 2
    rows = [exact[k * width : (k + 1) * width] for k in range(len(net.w))]
    return Network(
        tuple(tuple(row[:-2]) for row in rows),
        None if net.b is None else tuple(row[-2] for row in rows),
        tuple(row[-1] for row in rows),
        exact[-1],
        sigma=net.sigma,
    )
