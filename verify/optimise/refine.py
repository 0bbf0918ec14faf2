r"""Training continued with long numbers: is there an exact network beside the trained one?

In float64 a network that is exact and one that errs by 1e-17 look alike.  So Levenberg-Marquardt goes on from
the trained weights with hundreds of bits, on more radii than the network has weights,

    (JᵀJ + μI) δ = -Jᵀe,    μ ~ |e|².

Beside an exact network the error falls quadratically, to any precision; a family that only approaches exactness
(weights that shrink, a bias that escapes) gains a factor per step at best.  What is found counts once enclosures
of its error over other radii say so (:func:`numerics.pulse.error_enclosure.largest_error`).
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
from numerics.pulse.error_enclosure import window_counts
from theory.expressions.activation import z
from theory.pulse.network import Network

__all__ = ["BITS", "GOAL", "Refined", "refine"]

BITS = 256
"""The precision of the continued training."""
GOAL = 1e-50
"""The largest error at which it stops: far above the rounding of 256 bits, far below any float64."""
STALL = 12
"""Accepted steps that together must make the error a hundred times smaller."""


@dataclass(frozen=True)
class Refined:
    """Where the continued training stopped.

    Attributes
    ----------
    net: the weights, as exact dyadic rationals.
    error: the largest |r̂ - r| over the radii it was trained on.
    steps: the number of accepted steps.
    moved: the largest distance of a weight from where it started.
    """

    net: Network[Any]
    error: float
    steps: int
    moved: float

    @property
    def exact(self) -> bool:
        """The error fell to :data:`GOAL` on the radii it was trained on."""
        return self.error <= GOAL


@lru_cache(maxsize=256)
def _slope(expression: sp.Expr) -> sp.Expr:
    """σ' away from the jumps, which stay where they are."""
    return sp.diff(expression, z).replace(sp.DiracDelta, lambda *_: sp.S.Zero)


class _Problem:
    """The radii as distinct windows and their counts, and σ with its slope."""

    def __init__(self, net: Network[Any], radii: Sequence[Fraction], half_length: int) -> None:
        self.sigma, self.slope = sigma_ball(net.sigma), sigma_ball(_slope(expression_of(net.sigma)))
        counted = [dict(window_counts(r, half_length, net.taps)) for r in radii]
        distinct = sorted(set().union(*counted))
        self.windows = [[constant_ball(x) for x in (*window, 1)] for window in distinct]
        self.counts = arb_mat(
            [[arb(each.get(window, 0)) for window in distinct] for each in counted]
        )
        self.target = [constant_ball(r) for r in radii]
        self.channels, self.taps = len(net.w), net.taps

    def error(self, x: list[arb]) -> tuple[list[arb], arb_mat]:
        """e and J at the weights x = (w_1, b_1, a_1, w_2, ..., c); midpoints only."""
        width = self.taps + 2
        columns: list[list[arb]] = [[] for _ in self.windows]
        values = [arb(0) for _ in self.windows]
        for k in range(self.channels):
            *v, a = x[k * width : (k + 1) * width]
            for s, window in enumerate(self.windows):
                pre = sum((p * q for p, q in zip(v, window, strict=True)), arb(0)).mid()
                sigma, slope = self.sigma(pre).mid(), (a * self.slope(pre)).mid()
                columns[s] += [slope * u for u in window] + [sigma]
                values[s] += a * sigma
        answers = (self.counts * arb_mat([[value] for value in values])).tolist()
        error = [(row[0] + x[-1] - r).mid() for row, r in zip(answers, self.target, strict=True)]
        jacobian = (self.counts * arb_mat(columns)).tolist()
        return error, arb_mat([[value.mid() for value in row] + [arb(1)] for row in jacobian])


def refine(
    net: Network[Any], radii: Sequence[Fraction], half_length: int, steps: int = 30
) -> Refined:
    """Train on from ``net`` until all errors are below :data:`GOAL`, nothing is gained, or the steps end.

    Raises
    ------
    ValueError: the readout bias c is left open.
    """
    if net.open:
        raise ValueError("a readout bias is needed to train on")
    with ctx.workprec(BITS):
        problem = _Problem(net, radii, half_length)
        start = [constant_ball(value).mid() for w, b, a in net.listed for value in (*w, b, a)] + [
            constant_ball(net.offset).mid()
        ]
        x = start
        error, jacobian = problem.error(x)
        value = _square(error)
        # The floor of μ keeps the rounding of the solution, about 2^-bits |JᵀJ|/μ, far below the step.
        damping, floor = arb(1), arb(2) ** (-BITS // 2)
        history = [_largest(error)]
        trials = 0
        while history[-1] > GOAL and len(history) <= steps and trials < 3 * steps:
            trials += 1
            turned = jacobian.transpose()
            normal = turned * jacobian
            top = max(float(normal[i, i]) for i in range(len(x)))
            size = arb(top) * (damping * value).max(floor)
            rows = normal.tolist()
            for i, row in enumerate(rows):
                row[i] += size
            down = turned * arb_mat([[-e] for e in error])
            step = arb_mat(rows).solve(down, algorithm="approx")
            there = [(p + q[0]).mid() for p, q in zip(x, step.tolist(), strict=True)]
            error_there, jacobian_there = problem.error(there)
            value_there = _square(error_there)
            if not value_there < value:  # also when it is not a number
                damping = damping * 3
                continue
            x, error, jacobian, value = there, error_there, jacobian_there, value_there
            damping = damping / 1000
            history.append(_largest(error))
            if len(history) > STALL and history[-1] > 1e-2 * history[-1 - STALL]:
                break
        moved = max(float(abs(p - q)) for p, q in zip(x, start, strict=True))
        return Refined(_as_net(net, x), history[-1], len(history) - 1, moved)


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
        tuple(row[-2] for row in rows),
        tuple(row[-1] for row in rows),
        exact[-1],
        sigma=net.sigma,
    )
