"""Steps of finite size: the two-number recursion, the bounds on its drift, and torch's modules."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.training.linear_cell import Cone
from numerics.training.steps import (
    change_bound,
    drift_bound,
    drift_from_losses,
    end_at,
    factors_at,
    path_error,
    sharpness,
    shift_error,
)
from tests.cells import cone
from theory.training import linear_cell
from theory.training.conserved import deviations
from theory.training.steps import LAW
from theory.training.trajectory import LAW as PATH
from verify.report.lab import TINY, Lab
from verify.training.claims.steps import sections
from verify.training.dynamics import shift

seeds = st.integers(0, 2**32 - 1)


def _recursion(
    c: Cone, moment: float, rate: float, steps: int
) -> tuple[list[float], list[float], list[float]]:
    """log E, ρ and δ of every step, by the two factors alone."""
    first = second = 1.0
    logs, drifts, deltas = [0.0], [0.0], []
    for _ in range(steps):
        theta = float(linear_cell.theta(c.big_u, c.big_w, c.root, first, second)[0])
        delta = 4 * c.root * moment * rate * (1 - 2 * theta)
        first, second = first * (1 + delta), second * (1 - delta)
        logs.append(math.log(first / second))
        drifts.append(-math.log(first * second))
        deltas.append(delta)
    return logs, drifts, deltas


@given(seeds, st.integers(1, 3), st.integers(0, 2), st.floats(0.003, 0.4), st.floats(0.5, 20))
@example(3, 1, 0, 0.3, 5.0)
def test_bounds_hold_along_the_recursion(
    seed: int, channels: int, h: int, fraction: float, moment: float
) -> None:
    _, _, c = cone(seed, channels, h)
    rate = fraction / float(sharpness(c, moment)[0])
    bound = float(drift_bound(c, moment, rate)[0])
    if not math.isfinite(bound):
        return
    steps = int(60 / fraction)
    logs, drifts, deltas = _recursion(c, moment, rate, steps)
    sizes = np.abs(deltas)
    assert np.all(np.diff(sizes) <= 1e-12) and (min(deltas) >= -1e-12 or max(deltas) <= 1e-12)
    rho = drifts[-1]
    assert -1e-12 <= rho <= bound + 1e-12
    first = float(shift(LAW, c, moment)[0])
    assert abs(rho - rate * first) <= float(shift_error(c, moment, rate)[0]) + 1e-11
    # The two factors stay beside those of the flow.
    speed = float(PATH.rate(c.big_u, c.big_w, c.root, moment, np.sqrt)[0])
    plus, minus = (float(x[0]) for x in PATH.roots(c.big_u, c.big_w, c.root, np.sqrt))
    allowed = float(path_error(c, moment, rate)[0]) + 1e-9
    for t in range(0, steps, max(steps // 15, 1)):
        e = PATH.stretch_at(plus, minus, math.exp(-speed * rate * t))
        assert abs((logs[t] - drifts[t]) / 2 - math.log(e) / 2) <= allowed
        assert abs((-logs[t] - drifts[t]) / 2 + math.log(e) / 2) <= allowed


thirds = st.fractions(-3, 3, max_denominator=6)


@given(
    st.sampled_from((1, 3)), st.integers(1, 3), st.lists(thirds, min_size=1, max_size=5), st.data()
)
@example(1, 1, [Fraction(1)], None)
def test_steps_of_any_size_stretch_all_channels_alike(
    root: int, channels: int, pulls: list[Fraction], data: st.DataObject | None
) -> None:
    """Whatever the losses and batches were: u_k times Π(1 + δ), v_k times Π(1 - δ), the deviations
    as they were.
    """
    n = root * root
    draw = (
        (lambda k: data.draw(st.lists(thirds, min_size=k, max_size=k)))
        if data
        else (lambda k: [Fraction(1)] * k)
    )
    w, a = [draw(n) for _ in range(channels)], draw(channels)
    (u, v), before = linear_cell.light_cone(w, a, root), deviations(w)
    first = second = Fraction(1)
    for pull in pulls:  # a_k += pull S_k and w_{k,u} += pull a_k, at once
        sums = [sum(row) for row in w]
        w = [[tap + pull * y for tap in row] for row, y in zip(w, a, strict=True)]
        a = [y + pull * s for y, s in zip(a, sums, strict=True)]
        first, second = first * (1 + root * pull), second * (1 - root * pull)
    assert linear_cell.light_cone(w, a, root) == ([first * x for x in u], [second * x for x in v])
    assert deviations(w) == before


@given(seeds, st.integers(1, 3), st.integers(0, 2), st.floats(0, 2))
def test_the_end_for_any_drift_is_exact(seed: int, channels: int, h: int, rho: float) -> None:
    w, a, c = cone(seed, channels, h)
    new_w, new_a = end_at(w, a, np.array([rho]))
    assert float(np.sum(new_a * new_w.sum(axis=2))) == pytest.approx(0.5, abs=1e-8)
    first, second = factors_at(c, np.array([rho]))
    assert float(first[0] * second[0]) == pytest.approx(math.exp(-rho))


@given(seeds, st.integers(1, 3), st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 1))
def test_brackets_hold_every_drift_between(
    seed: int, channels: int, low: float, more: float, part: float
) -> None:
    w, a, c = cone(seed, channels, 1)
    tap, read = change_bound(c, np.array([low]), np.array([low + more]))
    (w0, a0), (w1, a1) = (end_at(w, a, np.array([x])) for x in (low, low + part * more))
    assert np.all(np.abs(w1 - w0) <= tap[..., None] + 1e-12)
    assert np.all(np.abs(a1 - a0) <= read + 1e-12)


def test_steps_that_are_too_large_have_no_bound() -> None:
    _, _, c = cone(1, 2, 1)
    assert (
        drift_bound(c, 5.0, 10.0)[0]
        == shift_error(c, 5.0, 10.0)[0]
        == path_error(c, 5.0, 10.0)[0]
        == np.inf
    )
    assert drift_from_losses(c, 5.0, 1.0, np.full((3, 1), 100.0))[0] == np.inf
    tap, read = change_bound(c, np.zeros(1), np.array([np.inf]))
    assert np.all(np.isinf(tap)) and np.all(np.isinf(read))


def test_batches_change_the_drift_by_their_second_moment() -> None:
    """ρ₁ of mini-batches is ρ₁ times E[R_b²]/E[R_b]²: the mean over random batches, against its
    standard error.
    """
    rng = np.random.default_rng(5)
    _, _, c = cone(2, 2, 1)
    moments = np.array([1.0, 2.0, 7.0, 10.0])  # E_b[r²] of four equally likely batches
    mean = float(moments.mean())
    plain = float(shift(LAW, c, mean)[0])
    expected = plain * float(np.mean(moments**2)) / mean**2
    rate = 2e-3 / float(sharpness(c, mean)[0])
    count, steps = 400, 12000
    first = second = np.ones(count)
    drift = np.zeros(count)
    for _ in range(steps):
        theta = linear_cell.theta(c.big_u, c.big_w, c.root, first, second)
        delta = 4 * c.root * rng.choice(moments, count) * rate * (1 - 2 * theta)
        first, second = first * (1 + delta), second * (1 - delta)
        drift -= np.log1p(-delta * delta)
    measured, error = drift.mean() / rate, drift.std() / math.sqrt(count) / rate
    # Second order in the step: 2e-3 of the shift itself.
    assert abs(measured - expected) < 5 * error + 0.01 * expected
    assert abs(measured - plain) > 0.2 * plain


# --- torch --------------------------------------------------------------------------------------


def test_the_table_of_optimizers_is_drawn() -> None:
    assert [section.id for section in sections(Lab(TINY))] == ["steps-optimizers"]
