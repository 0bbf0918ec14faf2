"""The exact worst error against a verifier of another kind: mixed-integer programming, by HiGHS, a public solver.

Every crossing window of a ReLU network is one binary variable (the usual big-M encoding of a ReLU), φ is the only other
unknown, and the solver maximises ±(r̂ - r) over a cell.  It knows nothing of breakpoints, and works in floats to about 1e-6.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from numerics.arithmetic import oracle
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import exact_net, summary
from tests.strategies import few

F = Fraction
SOLVED = 1e-5
"""The solver's feasibility tolerance is 1e-6, that of integrality, too; big-M is below 10 here."""


def solved(
    w: list[list[F]], b: list[F], a: list[F], c: F, half_length: int, first: int, cells: int
) -> float:
    """max |r̂ - r| over the cells, from the definition: simulated pre-activations at the two ends of each cell."""
    worst = 0.0
    for m in range(first, first + cells):
        r = F(2 * m - 1, 2)
        ends = [[oracle.preactivations(row, bias, oracle.overlap_pulse(r + j, half_length)) for row, bias in zip(w, b, strict=True)] for j in (0, 1)]  # fmt: skip
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


def _largest(sign: int, constant: float, slope: float, crossing: list[tuple[float, float, float]]) -> float:  # fmt: skip
    """max of sign · (constant + slope φ + Σ weight max(start + rise φ, 0)): unknowns φ, then y and its binary per window."""
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
    found = milp(cost, constraints=constraints, integrality=binary, bounds=Bounds(0, high), options={"mip_rel_gap": 0.0})  # fmt: skip
    assert found.success
    return float(-found.fun + sign * constant)


numbers = st.integers(-16, 16).map(lambda k: F(k, 8))


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[list[F]], list[F], list[F], F]:
    n, channels = draw(st.sampled_from((1, 3, 5))), draw(st.integers(1, 3))
    row = lambda size: draw(st.lists(numbers, min_size=size, max_size=size))
    return [row(n) for _ in range(channels)], row(channels), row(channels), draw(numbers)


@few
@given(networks(), st.integers(1, 4))
@example(([[F(1), F(-1), F(2)]], [F(-1, 2)], [F(1)], F(0)), 2)
@example(([[F(1), F(1), F(1)]], [F(0)], [F(1, 6)], F(0)), 1)
def test_an_independent_verifier_finds_the_same_worst_error(
    net: tuple[list[list[F]], list[F], list[F], F], first: int
) -> None:
    w, b, a, c = net
    half_length = first + 2 + len(w[0])
    low = fmpq(2 * first - 1, 2)
    exact = summary(exact_net("relu", w, b, a, c), Domain(half_length, low, low + 2)).worst
    assert exact.exact
    found = solved(w, b, a, c, half_length, first, 2)
    value = int(exact.high.p) / int(exact.high.q)
    assert found == pytest.approx(value, abs=SOLVED * (1 + value))
