"""How steep the end is: torch's Hessian, steps beyond the threshold, and the columns."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.training.linear_cell import coordinates
from numerics.training.steps import end_at
from theory.training.sharpness import (
    LAW,
    flattest,
    gain,
    gain_from_start,
    pair,
    settles,
    threshold,
    turned,
)
from verify.models.networks import Bundle, data
from verify.models.problem import Model
from verify.optimise.sgd import descend
from verify.report.lab import TINY, Lab
from verify.training.claims.sharpness import check, figures
from verify.training.dynamics import second_moment, starts

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(1, 4), st.integers(0, 4))
@example(0, 1, 0)
def test_the_start_knows_how_steep_the_end_is(seed: int, channels: int, h: int) -> None:
    rng = np.random.default_rng(seed)
    n = 2 * h + 1
    w, a = rng.normal(size=(1, channels, n)), rng.normal(size=(1, channels))
    c = coordinates(w, a)
    if c.big_u[0] < 1e-4:
        return  # beside the saddle
    last_w, last_a = end_at(w, a, np.zeros(1))
    there = gain(list(last_w[0].sum(axis=1)), list(last_a[0]), n)
    from_start = gain_from_start(float(c.big_u[0]), float(c.big_w[0]), math.sqrt(n), math.sqrt)
    assert there == pytest.approx(from_start, rel=1e-8)
    assert from_start >= 4 * math.sqrt(n)


@given(st.floats(1, 1e3), st.floats(0.1, 100), st.floats(0, 1))
def test_the_pair_are_eigenvalues(square: float, moment: float, part: float) -> None:
    mean = part * math.sqrt(moment)
    g = math.sqrt(square)
    matrix = 2 * np.array([[moment * square, mean * g], [mean * g, 1.0]])
    total, product = pair(square, moment, mean)
    assert np.trace(matrix) == pytest.approx(total)
    assert np.linalg.det(matrix) == pytest.approx(product, rel=1e-6, abs=1e-9 * total**2)


@given(st.floats(0, 0.99), st.floats(0.01, 0.99))
def test_below_the_threshold_the_roots_lie_inside_the_circle(beta: float, part: float) -> None:
    for share, stays in ((part, True), (1 + part, False)):
        step = share * threshold(1.0, beta)
        inside = np.max(np.abs(np.roots([1, -(1 + beta - step), beta]))) < 1
        assert inside == stays


@given(st.floats(-2, 2), st.floats(-3, 8))
@example(0.5, 3.0)
@example(-0.5, 1.1)
def test_schur_and_cohn(beta: float, step: float) -> None:
    """Both roots inside the circle iff |β| < 1, p(1) > 0 and p(-1) > 0; for any sign of β and of
    the step.
    """
    largest = np.max(np.abs(np.roots([1, -(1 + beta - step), beta])))
    if abs(largest - 1) > 1e-6:
        inside = abs(beta) < 1 and step > 0 and 2 * (1 + beta) - step > 0
        assert (largest < 1) == inside


@given(st.floats(1.01, 1.3))
def test_it_can_be_hit_in_two_steps(share: float) -> None:
    """Cause: "unless it hits it in one step": two and more do, too, and stay.

    The balanced recursion s -> f(s), one step back at a time: f(0) = 0, f(1/q) = q > 1.
    """
    wanted, high = 1.0, 1 / share
    for _ in range(2):
        low = 0.0
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if turned(middle, share) < wanted else (low, middle)
        wanted = low
    assert low < 0.9 and turned(turned(low, share), share) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    "model", [Model("identity", 2, 3), Model("identity", 1, 3, readout_bias=True)]
)
def test_no_exact_network_is_stable_beyond_the_flattest(model: Model) -> None:
    """η > 1/(4√n E r²): training settles at no exact network, from any of these starts."""
    start = starts(Lab(TINY, 1), model, 20)
    rate = 1.02 / (4 * math.sqrt(model.taps) * second_moment(model.radii))
    with np.errstate(over="ignore", invalid="ignore"):
        losses = descend(Bundle(model, start), *data(model), 3000, rate).losses[-1]
    assert not np.any(losses < 1e-12)


@pytest.mark.parametrize(("share", "settled"), [(0.98, True), (1.0, True), (1.02, False)])
def test_at_the_flattest_step_training_still_settles(share: float, settled: bool) -> None:
    """Cause: |1 - ηλ| = 1 was counted as unstable; the next terms decide (s -> s (2 - s)²,
    Schwarzian derivative -12).

    Siblings: the column tried 0.98 and 1.02 of a threshold, never the threshold itself.  At
        equality 4t x² -> 1.
    """
    s, last = 0.7, 20000
    for _ in range(last):
        s = turned(s, share)
    x = (s - 1) ** 2
    assert (x < 1e-3) == settled == settles(share)
    if share == 1:
        assert 4 * last * x == pytest.approx(1, abs=1e-2)


def test_with_c_nothing_settles_at_the_flattest_step() -> None:
    """The larger eigenvalue with c lies above the one without, where E r is not 0."""
    for root, moment, mean in ((1.0, 2.0, 1.0), (3.0, 7.0, 2.5)):
        total, product = pair(4 * root, moment, mean)
        steep = total / 2 + math.sqrt(total * total / 4 - product)
        assert threshold(steep) < flattest(root, moment)


def test_beyond_the_threshold_training_ends_flatter_if_at_all() -> None:
    model = Model("identity", 2, 3)
    start = starts(Lab(TINY, 0), model, 20)
    start = type(start)(3 * start.w, start.b, 3 * start.a, start.c)
    c, moment = coordinates(start.w, start.a), second_moment(model.radii)
    steep = 2 * moment * LAW.gain_from_start(c.big_u, c.big_w, c.root, np.sqrt)
    rate = 1.2 * threshold(steep)
    path = descend(Bundle(model, start), *data(model), 4000, rate)
    settled = path.losses[-1] < 1e-20
    assert np.sum(settled) > 3
    later = 2 * moment * gain(list(path.end.w.sum(axis=2).T), list(path.end.a.T), 3)
    assert np.all((rate * later)[settled] <= 2 + 1e-6)
    assert np.all(later[settled] < steep[settled])


def test_the_figure_is_drawn() -> None:
    assert [figure.id for figure in figures(Lab(TINY))] == ["sharpness-catapult"]


def test_a_law_without_a_root_stops_the_check() -> None:
    def odd(big_u: Any, big_w: Any, root: Any, sqrt: Any) -> Any:
        return gain_from_start(big_u, big_w, root, lambda square: sqrt(2 * square))

    with pytest.raises(ValueError, match="is no square of a rational number"):
        check(replace(LAW, gain_from_start=odd), Lab(TINY))
