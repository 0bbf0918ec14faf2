"""The enclosure of errors: ellipsoids that hold what they should, tightly, and margins of ReLU."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.training import forward_error
from numerics.training.forward_error import (
    HIGHEST,
    UNITS,
    Ellipsoids,
    Enclosed,
    enclosed,
    margins,
    rounding,
)
from numerics.training.reduced import Problem, Weights, descend
from theory.training.reduced import Sgd, pulls, slopes


def held(sets: Ellipsoids, points: np.ndarray) -> bool:
    """All points (count, d) lie in the first set: in every direction they reach no
    further than it.
    """
    rng = np.random.default_rng(0)
    ways = np.vstack([np.eye(points.shape[1]), rng.normal(size=(50, points.shape[1]))])
    return bool(np.all(np.max(np.abs(points @ ways.T), axis=0) <= sets.along(ways)[0] * (1 + 1e-9)))


@given(st.integers(0, 10**6), st.integers(2, 6))
def test_boxes_and_pairs_are_held(seed: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    box = rng.uniform(0, 1, d) * (rng.uniform(size=d) > 0.3)
    corners = np.array(np.meshgrid(*[[-1, 1]] * d)).reshape(d, -1).T * box
    assert held(Ellipsoids.of_boxes(box[None]), corners)
    pair = rng.normal(size=(2, d)) * np.array([[1.0], [1e-3]])
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    assert held(Ellipsoids.of_pairs(pair[None]), signs @ pair)


@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(1, 30))
def test_errors_stay_inside_on_their_way(seed: int, d: int, steps: int) -> None:
    """The worst errors that a random search makes, and not far inside where matrices are
    orthogonal.
    """
    rng = np.random.default_rng(seed)
    sets = Ellipsoids(np.zeros((1, d, d)))
    points = np.zeros((200, d))
    for _ in range(steps):
        matrix = rng.normal(size=(d, d)) / np.sqrt(d)
        box = rng.uniform(0, 1, d)
        sets = sets.moved(matrix, Ellipsoids.of_boxes(box[None]), 0.0)
        points = points @ matrix.T + box * rng.choice([-1, 1], size=points.shape)
    assert held(sets, points)


def test_what_stays_grows_by_its_steps_alone() -> None:
    """A direction that stays, beside one that contracts: the bound is that of the sum, but for the
    root of the dimension.
    """
    sets = Ellipsoids(np.zeros((1, 2, 2)))
    for _ in range(1000):
        sets = sets.moved(np.diag([1.0, 0.5]), Ellipsoids.of_boxes(np.array([[1e-16, 1e-16]])), 1.0)
    reach = sets.reach[0]
    assert 1e-13 <= reach[0] <= 1.5e-13
    assert 2e-16 <= reach[1] <= 1e-14


WEIGHTS = Weights(np.array([[0.5, 0.25, 0.125]]), np.array([0.5]), np.array([0.25]), 0.125)
PROBLEM = Problem(np.array([1.5, 2.0, 2.5, 3.0]), 11, 3)


def test_rounding_scales_with_the_unit_and_grows_with_the_reach() -> None:
    x, none = WEIGHTS.numbers, np.zeros((2, 5))
    small, large = (rounding(WEIGHTS, PROBLEM, Sgd(0.01), x, 0 * x, none, kind) for kind in UNITS)
    scale = UNITS["float32"] / UNITS["float64"]
    assert np.all(large.pulls >= scale * small.pulls)
    assert np.all(large.box >= scale * small.box * (1 - 1e-9))
    assert np.all(large.box <= scale * small.box * (1 + 1e-4) + 1e-30)
    wider = rounding(WEIGHTS, PROBLEM, Sgd(0.01), x, 0 * x, none + 0.1, "float64")
    assert np.all(wider.pulls > small.pulls)
    assert np.all(wider.box[0, :4] > small.box[0, :4])


def test_nothing_that_a_step_computes_is_larger() -> None:
    """Loss, gradients and steps as torch has them, of weights that a float32 holds and whose loss
    it does not.
    """
    x, none = WEIGHTS.numbers, np.zeros((2, 5))
    for scale in (1.0, 1e4, 1e8, 1e12):
        scaled = Weights(scale * WEIGHTS.w, scale * WEIGHTS.a, WEIGHTS.b, 0.125)
        x = scaled.numbers
        for momentum in (0.0, 0.9):
            step = rounding(scaled, PROBLEM, Sgd(1e-6, momentum, 0.1), x, 0 * x, none, "float32")
            slopes = np.abs(PROBLEM.gradient(x, scaled))
            assert step.largest >= max(4 * PROBLEM.loss(x), 4 * np.max(slopes))
            assert (step.largest > HIGHEST["float32"]) == (scale > 1e8)


def test_as_many_roundings_are_counted_as_there_are() -> None:
    """Of a sum over all radii and positions, with a filter, pooling, channels and a few more."""
    x, none = WEIGHTS.numbers, np.zeros((2, 5))
    single, double = (
        rounding(WEIGHTS, PROBLEM, Sgd(1e-6), x, 0 * x, none, kind).largest
        for kind in ("float32", "float64")
    )
    counted = 4 * 11 + 3 + 11 + 1 + 12
    assert single / double - 1 == pytest.approx(counted * UNITS["float32"], rel=1e-4)


def test_at_the_start_the_sums_are_rounded_once() -> None:
    """S within (n + 1) u |w|, and deviations within twice (n + 2) u |w|."""
    off = next(enclosed(WEIGHTS, PROBLEM, Sgd(0.01), "float64")).exact
    unit, mass = UNITS["float64"], 0.875
    assert off.tolist() == [[0, 4 * unit * mass, 0, 0, 10 * unit * mass], [0] * 5]


def test_a_length_is_rounded_up() -> None:
    """Of one ellipsoid along an axis, and of the sum of two."""
    shapes = np.zeros((2, 5, 5))
    shapes[0, 0, 0], shapes[1, 1, 1] = 4.0, 2.0
    frame = forward_error._Coordinates.of(WEIGHTS)
    for some, length in ((shapes[:1], 2.0), (shapes, 2 + np.sqrt(2.0))):
        assert length < frame.length(some) <= length * (1 + 2.0**-35)


def test_what_underflows_is_counted() -> None:
    """Weights below the least normal number lose digits that no unit counts, and so do squares of
    errors.
    """
    tiny = Weights(1e-200 * WEIGHTS.w, 1e-200 * WEIGHTS.a)
    x, none = tiny.numbers, np.zeros((2, 5))
    for kind, least in (("float64", 2.0**-1022), ("float32", 2.0**-126)):
        step = rounding(tiny, PROBLEM, Sgd(1e-12), x, 0 * x, none, kind)
        assert np.all(step.box[0, :2] >= least)
        assert np.all(step.pulls >= least)
    # The square of 1e-170 is 0 in floats, the set is not.
    sets = Ellipsoids(np.zeros((1, 2, 2)))
    small = Ellipsoids.of_boxes(np.full((1, 2), 1e-170))
    assert np.all(sets.moved(np.eye(2), small, 1.0).reach >= 1e-170)


def test_sums_too_long_for_the_unit_have_no_bound() -> None:
    x, none = WEIGHTS.numbers, np.zeros((2, 5))
    long = Problem(PROBLEM.r, 2**23 + 1, 3)
    step = rounding(WEIGHTS, long, Sgd(0.01), x, 0 * x, none, "float32")
    assert not np.all(np.isfinite(step.box))


def test_margins_are_the_least_partial_sums() -> None:
    moment = Enclosed.known(WEIGHTS.numbers)
    assert margins(WEIGHTS, moment, "float64")[0] == pytest.approx(0.25)  # the background
    bare = Weights(WEIGHTS.w, WEIGHTS.a)
    assert margins(bare, Enclosed.known(bare.numbers), "float64")[0] == pytest.approx(0.125)
    down = Weights(np.array([[0.5, -0.75, 0.5]]), WEIGHTS.a)
    assert margins(down, Enclosed.known(down.numbers), "float64")[0] == pytest.approx(-0.25)
    reach = np.zeros((2, 5))
    reach[0] = 0.01
    wide = Enclosed(WEIGHTS.numbers, reach[0], reach, reach)
    assert margins(WEIGHTS, wide, "float64")[0] < 0.25 - 0.0099


def test_the_bound_grows_where_training_runs_away() -> None:
    """Far beyond the threshold errors grow with the weights: the bound says so, and is never
    silent.
    """
    path = enclosed(WEIGHTS, PROBLEM, Sgd(1.0), "float64")
    with np.errstate(all="ignore"):
        reach = [float(np.max(moment.run)) for moment, _ in zip(path, range(8), strict=False)]
    assert not reach[-1] < 1


@pytest.mark.parametrize(("momentum", "nesterov"), [(0, False), (0.5, False), (0.5, True)])
def test_exact_arithmetic_lies_within_its_bound(momentum: float, nesterov: bool) -> None:
    """Six steps in rational numbers, by the same laws, against the iteration in floats; the bound
    is not far above.
    """
    rule = Sgd(Fraction(1, 64), Fraction(momentum), Fraction(1, 8), nesterov=nesterov)
    floats = Sgd(1 / 64, momentum, 1 / 8, nesterov=nesterov)
    a, sums, b, c = (Fraction(1, 2), Fraction(7, 8), Fraction(1, 4), Fraction(1, 8))
    r = [Fraction(value) for value in PROBLEM.r]
    second, mean = sum(value**2 for value in r) / 4, sum(r) / 4
    numbers, buffers = [a, sums, b, c, Fraction(1)], [Fraction(0)] * 5
    path = enclosed(WEIGHTS, PROBLEM, floats, "float64")
    for t, moment in zip(range(7), path, strict=False):
        off = [abs(Fraction(x) - y) for x, y in zip(moment.x.tolist(), numbers, strict=True)]
        bound = moment.exact[0]
        assert all(x <= Fraction(y) for x, y in zip(off[:4], bound[:4].tolist(), strict=True))
        assert t < 6 or max(off[:4]) > 1e-6 * max(bound[:4])
        a, sums, b, c, _ = numbers
        p, q = pulls(a * sums, c + 11 * a * b, second, mean)
        (by_a,), (by_tap,), (by_b,), by_c = slopes([a], [sums], [b], p, q, 11)
        stepped = [
            rule.step(x, buffer, slope, first=t == 0)
            for x, buffer, slope in zip(
                numbers, buffers, [by_a, 3 * by_tap, by_b, by_c, 0], strict=True
            )
        ]
        numbers, buffers = [x for x, _ in stepped], [x for _, x in stepped]


@given(
    st.integers(0, 10**6),
    st.sampled_from([(0, False), (0.5, False), (0.5, True), (0.99, True)]),
    st.floats(0.01, 4),
    st.sampled_from([0.02, 0.5]),
)
@example(0, (0, False), 4.0, 0.5)
@example(0, (0.99, True), 4.0, 0.5)
def test_errors_that_are_not_small_stay_inside(
    seed: int, kind: tuple[float, bool], size: float, rate: float
) -> None:
    """A start that is only known to within a box: what is bent comes to more than
    what is straight.
    """
    rng = np.random.default_rng(seed)
    problem, rule = Problem(np.array([0.5, 1.0, 1.5]), 3, 1), Sgd(rate, kind[0], nesterov=kind[1])
    numbers = rng.normal(size=4) / 10
    away = np.zeros((2, 5))
    away[0, :4] = size
    path = enclosed(_one(numbers), problem, rule, "float64", away)
    others = [
        descend(_one(numbers + size * rng.choice([-1, 1], 4)), problem, rule) for _ in range(8)
    ]
    for _ in range(3):
        moment = next(path)
        for other in others:
            x, _ = next(other)
            assert np.all(np.abs(x - moment.x)[:4] <= moment.exact[0, :4] * (1 + 1e-9))


def _one(numbers: np.ndarray) -> Weights:
    """One channel of one tap: (a, S, b, c)."""
    a, tap, b, c = numbers.tolist()
    return Weights(np.array([[tap]]), np.array([a]), np.array([b]), c)


UNIT = Fraction(1, 2**24)


def _up(value: Fraction) -> Fraction:
    """A positive result, rounded the whole way up."""
    return value * (1 + UNIT)


def _summed(values: Iterable[Fraction]) -> Fraction:
    """One after the other."""
    total = Fraction(0)
    for value in values:
        total = _up(total + value)
    return total


def test_the_worst_rounding_of_a_step_lies_inside() -> None:
    """Every operation of float32 rounded the same way, sums one after the other: the bound holds,
    and is not ten times that.

    No torch run comes near it: pairs are summed there, and roundings cancel.
    """
    tap, a, b, c, rate = 2.0, 1.5, 0.5, 0.25, 1.0
    problem = Problem(np.arange(4, 20) / 2, 101, 1)
    start = Weights(np.array([[tap]]), np.array([a]), np.array([b]), c)
    path = enclosed(start, problem, Sgd(rate), "float32")
    next(path)
    moment = next(path)
    exact, worst = (
        _step(*map(Fraction, (tap, a, b, c, rate)), problem, up) for up in (Fraction, _up)
    )
    off = np.array([float(abs(x - y)) for x, y in zip(exact, worst, strict=True)])
    assert np.all(np.abs([float(x) for x in exact] - moment.x[:4]) <= moment.exact[0, :4])
    assert np.all(off <= moment.run[0, :4])
    assert np.all(moment.run[0, :4] <= 10 * np.max(off))


def test_the_worst_answers_of_a_step_with_momentum_lie_inside() -> None:
    """An exact network of large numbers: only the answer's rounding pulls, at once 1 + μ times."""
    tap, a, b, rate, momentum = 0.5, 1.0, 1.0, 0.125, 7.0
    problem = Problem(np.arange(4, 20) / 2, 101, 1)
    start = Weights(np.array([[tap]]), np.array([a]), np.array([b]), -101 * a * b)
    path = enclosed(start, problem, Sgd(rate, momentum, nesterov=True), "float32")
    next(path)
    moment = next(path)
    numbers = tuple(map(Fraction, (tap, a, b, -101 * a * b, rate * (1 + momentum))))
    exact, worst = (_step(*numbers, problem, up) for up in (Fraction, _up))
    off = np.array([float(abs(x - y)) for x, y in zip(exact, worst, strict=True)])
    assert np.all(off <= moment.run[0, :4])
    assert np.all(moment.run[0, :4] <= 10 * np.max(off))


def _step(
    tap: Fraction,
    a: Fraction,
    b: Fraction,
    c: Fraction,
    rate: Fraction,
    problem: Problem,
    up: Callable[[Fraction], Fraction],
) -> list[Fraction]:
    """(a, w, b, c) after one step, every operation through ``up``; all terms are positive."""
    half = problem.pixels // 2
    total = _summed if up is _up else sum
    light = [
        [Fraction(max(0.0, min(1.0, r + 0.5 - abs(i)))) for i in range(-half, half + 1)]
        for r in problem.r.tolist()
    ]
    pooled = [total(up(up(tap * x) + b) for x in row) for row in light]
    errors = [
        up(up(up(a * y) + c) - Fraction(r)) for y, r in zip(pooled, problem.r.tolist(), strict=True)
    ]
    slopes = [up(2 * e / len(errors)) for e in errors]
    by_a = total(up(g * y) for g, y in zip(slopes, pooled, strict=True))
    by_tap = total(up(up(g * a) * x) for g, row in zip(slopes, light, strict=True) for x in row)
    by_b = total(up(g * a) for g, row in zip(slopes, light, strict=True) for _ in row)
    by_c = total(slopes)
    return [x - up(rate * g) for x, g in ((a, by_a), (tap, by_tap), (b, by_b), (c, by_c))]
