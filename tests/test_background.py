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
from theory.background import (  # fmt: skip
    CLAIM,
    border,
    full_reader,
    one_tap,
    reader,
    response,
    risk,
)
from theory.invariance import behind_the_border
from theory.network import last_radius
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
       st.fractions(0, 2, max_denominator=3), st.integers(2, 7))  # fmt: skip
@example("abs", Fraction(-3), Fraction(9), Fraction(1), Fraction(0), 2)
@example("relu", Fraction(-1), Fraction(3), Fraction(0), Fraction(0), 7)
def test_two_channels_are_exact_on_any_interval(
    name: str, low: Fraction, length: Fraction, share: Fraction, more: Fraction, m: int
) -> None:
    net = reader(low, low + length, more - low, 15, *room.KINKS[name])
    assert _answer(net, name, low + share * length, m - HALF, 7) == m - HALF


@given(names, numbers, st.fractions(0, 9, max_denominator=5), st.fractions(0, 1, max_denominator=9),
       st.fractions(Fraction(3, 2), Fraction(13, 2), max_denominator=24))  # fmt: skip
@example("relu", Fraction(0), Fraction(0), Fraction(0), Fraction(3, 2))
@example("abs", Fraction(-1), Fraction(3), Fraction(0), Fraction(13, 2))
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


@given(st.sampled_from([1, 3, 5, 7]), st.integers(0, 3), st.data())
def test_the_law_holds_up_to_its_last_radius_and_no_further(n: int, more: int, data) -> None:
    """Cause: "plateau radius" had no upper end, so nobody ran the law where a window meets both edges of the pulse.

    Siblings: contrast and pair; the glossary's word, and with it every statement on plateau radii; the linear cell.
    """
    length = n + more
    size, sigma = 2 * length + 1, oracle.RATIONAL["softsign"]
    w = data.draw(st.lists(st.fractions(Fraction(1, 4), 3, max_denominator=4), min_size=n, max_size=n))  # fmt: skip
    b, beta = data.draw(numbers), data.draw(numbers)
    last, total = last_radius(n, size), sum(w)
    for k in range(n, size + 1, 2):
        r = k * HALF
        x = [beta + value for value in oracle.overlap_pulse(r, length)]
        if r <= last:
            assert response(oracle.shifted(sigma, b), w, beta, r, size) == room._ring(
                w, b, sigma, x
            )
        light = sum(oracle.preactivations(w, Fraction(0), x), Fraction(0))
        assert (light == 2 * r * total + beta * border(w, size)) == (r <= last)
    # Beyond, κ counts windows that meet both edges: with one tap none do, and g = 1 at two levels alone tells the others.
    levels = {beta * total, (beta + 1) * total}
    r = last + 1
    if n > 1:
        x = [beta + value for value in oracle.overlap_pulse(r, length)]
        flat = lambda z: Fraction(z in levels)
        assert response(flat, w, beta, r, size) != room._ring(w, Fraction(0), flat, x)


def test_known_errors_beyond_the_last_radius() -> None:
    """19 pixels: the exact networks at r = 9, between 17/2 = N/2 - 1 and the full ring."""
    last, r = last_radius(3, Fraction(19)), Fraction(9)
    assert last == Fraction(17, 2)
    net = full_reader(Fraction(-1), Fraction(2), Fraction(1), 19, *room.KINKS["relu"])
    assert _answer(net, "relu", Fraction(-1), r, 9) - r == Fraction(-133, 16)
    assert _answer(net, "relu", Fraction(-1), last, 9) == last
    hidden = behind_the_border(Fraction(19), Fraction(0))
    for radius, error in ((r, Fraction(-19, 4)), (last, Fraction(0))):
        x = [HALF + value for value in oracle.overlap_pulse(radius, 9)]
        light = sum(oracle.preactivations(list(hidden.w[0]), Fraction(0), x), Fraction(0))
        assert hidden.c + hidden.a[0] * light - radius == error


def test_valid_padding_has_fewer_positions_and_a_smaller_last_radius() -> None:
    """N - 2h takes the place of N, in the last radius, too: 15/2 for three taps on 19 pixels."""
    n, length, positions = 3, 9, 17
    last, w, beta = (
        last_radius(n, Fraction(positions)),
        [Fraction(1), Fraction(2), Fraction(5)],
        HALF,
    )
    assert last == Fraction(15, 2)
    sigma = oracle.RATIONAL["softsign"]
    for k in range(n, 2 * length + 2, 2):
        r = k * HALF
        x = [beta + value for value in oracle.overlap_pulse(r, length)]
        seen = sum((sigma(z) for z in oracle.preactivations(w, Fraction(0), x)[1:-1]), Fraction(0))
        assert (seen == response(sigma, w, beta, r, positions)) == (r <= last)


@given(st.fractions(Fraction(1, 9), 1, max_denominator=9), st.fractions(0, Fraction(7, 8), max_denominator=8))  # fmt: skip
def test_the_price_of_slopes_is_reached(slope: Fraction, top: Fraction) -> None:
    """Slopes t, 1, t, with the bends at the last background and the first plateau: the law at the ratio of its mean slopes."""
    radii, levels, length = [HALF, 3 * HALF, 7 * HALF], [Fraction(0), top / 3, top], 5
    assume(top > 0)
    sigma = lambda z: slope * z + (1 - slope) * min(max(z, top), Fraction(1))
    seen = room._features([Fraction(1)], sigma, Fraction(0), radii, levels, length)
    target = [r for r in radii for _ in levels]
    left = room._left(target, [[Fraction(1)] * len(seen), seen])
    steep = (slope * top + 1 - top) / slope
    assert left == risk(room._spread(radii), 2 * length + 1, room._spread(levels), steep)


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
