"""An unknown background: the law on a ring, exact networks on every interval, and what cannot be exact."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, example, given
from hypothesis import strategies as st

from numerics import oracle
from numerics.gram import dot, orthogonal, rest
from tests.columns import hold_and_reject, on_a_ring, plateau_cases
from theory.background import CLAIM, border, full_reader, one_tap, reader, response, risk
from verify.claims import background as room
from verify.lab import TINY, Lab
from verify.ring import Scene, answers, trained

HALF = Fraction(1, 2)
numbers = st.fractions(-3, 3, max_denominator=6)
names = st.sampled_from(sorted(room.KINKS))


def _answer(net, name: str, beta: Fraction, r: Fraction, length: int) -> Fraction:
    x = [beta + value for value in oracle.overlap_pulse(r, length)]
    return on_a_ring(net, name, x)


@pytest.mark.slow
def test_check_and_training_reject_wrong_laws() -> None:
    hold_and_reject(CLAIM, 1)


@given(plateau_cases(numbers), numbers)
def test_the_plateau_law_moves_with_the_background(case, beta: Fraction) -> None:
    name, w, b, r, pulse = case
    x, sigma = [beta + value for value in pulse], oracle.RATIONAL[name]
    assert response(oracle.shifted(sigma, b), w, beta, r, len(x)) == room._ring(w, b, sigma, x)


@given(names, numbers, st.fractions(0, 9, max_denominator=5), st.fractions(0, 1, max_denominator=9),
       st.fractions(0, 2, max_denominator=3), st.integers(2, 5))  # fmt: skip
@example("abs", Fraction(-3), Fraction(9), Fraction(1), Fraction(0), 2)
def test_two_channels_are_exact_on_any_interval(
    name: str, low: Fraction, length: Fraction, share: Fraction, more: Fraction, m: int
) -> None:
    net = reader(low, low + length, more - low, 15, *room.KINKS[name])
    assert _answer(net, name, low + share * length, m - HALF, 7) == m - HALF


@given(names, numbers, st.fractions(0, 9, max_denominator=5), st.fractions(0, 1, max_denominator=9),
       st.fractions(Fraction(3, 2), Fraction(11, 2), max_denominator=24))  # fmt: skip
@example("relu", Fraction(0), Fraction(0), Fraction(0), Fraction(3, 2))
def test_three_channels_are_exact_at_every_radius(
    name: str, low: Fraction, length: Fraction, share: Fraction, r: Fraction
) -> None:
    net = full_reader(low, low + length, -low, 15, *room.KINKS[name])
    assert _answer(net, name, low + share * length, r, 7) == r


def test_outside_their_interval_they_are_not() -> None:
    for make in (reader, full_reader):
        net = make(Fraction(0), Fraction(1), Fraction(0), 15, *room.KINKS["relu"])
        assert _answer(net, "relu", Fraction(2), Fraction(5, 2), 7) != Fraction(5, 2)
        assert _answer(net, "relu", Fraction(-1), Fraction(5, 2), 7) != Fraction(5, 2)


@given(st.fractions(0, Fraction(7, 8), max_denominator=8), numbers, st.integers(1, 4))
def test_a_ramp_counts_the_pixels_above_a_threshold(
    length: Fraction, low: Fraction, m: int
) -> None:
    """One tap: hardtanh from -1 at the last background to 1 at the first plateau; and the same ramp by two ReLUs."""
    slope = 2 / (1 - length)
    high, r, size = low + length, m - HALF, 11
    bias = -1 - slope * high
    for beta in (low, low + length / 3, high):
        x = [beta + value for value in oracle.overlap_pulse(r, 5)]
        hard = room._ring([slope], bias, oracle.RATIONAL["hardtanh"], x)
        assert (hard + size) / 4 == r
        relu = oracle.RATIONAL["relu"]
        ramp = room._ring([slope], bias + 1, relu, x) - room._ring([slope], bias - 1, relu, x)
        assert ramp / 4 == r


@given(st.lists(numbers, min_size=3, max_size=3), st.integers(3, 6), numbers)
def test_a_linear_network_hides_behind_the_border(w: list[Fraction], length: int, beta: Fraction) -> None:  # fmt: skip
    """w_{-1} + w_1 = N S: exact with zero padding, for every radius and background."""
    size = 2 * length + 1
    outer = w[0] + w[2]
    assume(outer != 0)
    taps = [w[0], outer / size - outer, w[2]]
    assert border(taps, size) == 0
    r = Fraction(9, 5)
    x = [beta + value for value in oracle.overlap_pulse(r, length)]
    total = sum(oracle.preactivations(taps, Fraction(0), x), Fraction(0))
    assert total / (2 * sum(taps)) == r


@given(st.lists(st.integers(0, 5), min_size=2, max_size=4, unique=True), st.integers(5, 9))
def test_the_price_of_one_tap(half: list[int], length: int) -> None:
    radii = [j + HALF for j in half]
    size = 2 * length + 1
    mean = sum(radii, Fraction(0)) / len(radii)
    spread = sum(((r - mean) ** 2 for r in radii), Fraction(0)) / len(radii)
    zeros = [Fraction(0)] * len(radii)
    dark, lit = [size - 2 * r for r in radii], [2 * r for r in radii]
    columns = [[Fraction(1)] * 2 * len(radii), dark + zeros, lit + dark, zeros + lit]
    left = rest(radii * 2, orthogonal(columns))
    assert dot(left, left) / len(left) == one_tap(spread, size, mean) > 0


@given(st.floats(0.1, 5), st.integers(5, 40), st.floats(0.001, 5), st.floats(1, 50))
def test_prices_lie_between_nothing_and_the_variance(
    v: float, size: int, b: float, q: float
) -> None:
    assert 0 < risk(v, size, b, q) <= risk(v, size, b) < v


def test_the_cube_is_exact_on_every_background() -> None:
    """Three channels: Σ a S³ = Σ a S² b = 0, 3 Σ a S b² = 1/2, and one partial sum with C (C + 1) = N/2."""
    beta, r, size = sp.Symbol("beta"), sp.Symbol("r"), 21
    c = (sp.sqrt(1 + 2 * size) - 1) / 2
    twelfth = sp.Rational(1, 12)
    channels = [((0, 1, 0), 1, twelfth), ((0, 1, 0), -1, twelfth), ((c, -c, -1), 0, 2 * twelfth)]
    total = sum(
        a * response(lambda z, b=b: (z + b) ** 3, [sp.sympify(t) for t in w], beta, r, size)
        for w, b, a in channels
    )
    assert not sp.expand(total - r).has(beta, r)


def test_smooth_networks_do_not_become_exact() -> None:
    """tanh and softplus, trained on a short interval of backgrounds: all errors stay visible."""
    for name in ("tanh", "softplus"):
        scene = Scene(name, 2, 3, room.NEAR, steps=4)
        assert room._found(scene, 4, 0) == (0, 0)


def test_one_strict_channel_moves_with_the_background() -> None:
    """Trained networks: the answer at every radius is strictly monotone in the background."""
    scene = room.STEEP[0]
    x, _ = scene.data()
    for net in trained(scene, 4, 0):
        found = answers(net, x).reshape(len(scene.r), -1)
        steps = np.diff(found, axis=1)
        assert np.all(steps > 0) or np.all(steps < 0)


def test_the_figures_are_drawn() -> None:
    found = ["background-errors", "background-atlas", "background-compass"]
    assert [figure.id for figure in room.figures(Lab(TINY))] == found
