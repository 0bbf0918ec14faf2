"""An unknown background: the law on a ring, exact networks on every interval, and what cannot be
exact.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import sympy as sp
from flint import fmpq
from hypothesis import assume, example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.invariance.gram_schmidt import dot, orthogonal, residual
from numerics.pulse.preactivations import last_plateau_radius
from tests.columns import plateau_cases
from tests.paddings import domain_of, windows
from theory.invariance.background import (
    border,
    one_tap,
    response,
    risk,
    three_channels,
    two_channels,
)
from theory.invariance.nuisances import border_network
from theory.pulse.network import last_radius
from verify.invariance.background_training import on_a_ring
from verify.invariance.claims import background as evidence
from verify.report.lab import TINY, Lab

HALF = Fraction(1, 2)
numbers = st.fractions(-3, 3, max_denominator=6)
names = st.sampled_from(sorted(evidence.KINKS))
shares = st.fractions(0, 1, max_denominator=9)


def _answer(net, name: str, beta: Fraction, r: Fraction, length: int) -> Fraction:
    x = [beta + value for value in oracle.overlap_pulse(r, length)]
    return on_a_ring(net, name, x)


@given(plateau_cases(numbers), numbers)
def test_the_plateau_law_moves_with_the_background(case, beta: Fraction) -> None:
    name, w, b, r, pulse = case
    x, sigma = [beta + value for value in pulse], oracle.RATIONAL[name]
    assert response(oracle.shifted(sigma, b), w, beta, r, len(x)) == evidence._ring(w, b, sigma, x)


@given(
    names,
    numbers,
    st.fractions(0, 9, max_denominator=5),
    st.fractions(0, 1, max_denominator=9),
    st.fractions(0, 2, max_denominator=3),
    st.integers(2, 7),
)
@example("abs", Fraction(-3), Fraction(9), Fraction(1), Fraction(0), 2)
@example("relu", Fraction(-1), Fraction(3), Fraction(0), Fraction(0), 7)
def test_two_channels_are_exact_on_any_interval(
    name: str, low: Fraction, length: Fraction, share: Fraction, more: Fraction, m: int
) -> None:
    net = two_channels(low, low + length, more - low, 15, *evidence.KINKS[name])
    assert _answer(net, name, low + share * length, m - HALF, 7) == m - HALF


@given(
    names,
    numbers,
    st.fractions(0, 9, max_denominator=5),
    st.fractions(0, 1, max_denominator=9),
    st.fractions(Fraction(3, 2), Fraction(13, 2), max_denominator=24),
)
@example("relu", Fraction(0), Fraction(0), Fraction(0), Fraction(3, 2))
@example("abs", Fraction(-1), Fraction(3), Fraction(0), Fraction(13, 2))
def test_three_channels_are_exact_at_every_radius(
    name: str, low: Fraction, length: Fraction, share: Fraction, r: Fraction
) -> None:
    net = three_channels(low, low + length, -low, 15, *evidence.KINKS[name])
    assert _answer(net, name, low + share * length, r, 7) == r


def test_outside_their_interval_they_are_not() -> None:
    for make in (two_channels, three_channels):
        net = make(Fraction(0), Fraction(1), Fraction(0), 15, *evidence.KINKS["relu"])
        assert _answer(net, "relu", Fraction(2), Fraction(5, 2), 7) != Fraction(5, 2)
        assert _answer(net, "relu", Fraction(-1), Fraction(5, 2), 7) != Fraction(5, 2)


MIRRORED = {"reflect": Fraction(11, 2), "replicate": Fraction(13, 2)}
"""The last radii of three taps on 15 pixels."""


def _mirrored(net, name: str, mode: str, beta: Fraction, r: Fraction) -> Fraction:
    x, sigma = [beta + value for value in oracle.overlap_pulse(r, 7)], oracle.RATIONAL[name]
    seen = windows(x, mode, 3, Fraction(0))
    return net.c + sum(a * sigma(dot(list(w), x) + b) for w, b, a in net.listed for x in seen)


@pytest.mark.parametrize("mode", MIRRORED)
@given(
    names,
    numbers,
    st.fractions(0, 9, max_denominator=5),
    st.fractions(0, 1, max_denominator=9),
    st.fractions(0, 1, max_denominator=24),
)
def test_a_mirrored_background_has_no_edge(
    mode: str, name: str, low: Fraction, length: Fraction, share: Fraction, part: Fraction
) -> None:
    """Up to the last plateau radius, and no farther, networks answer as on a ring."""
    last = MIRRORED[mode]
    domain = domain_of(7, fmpq(1), fmpq(1), mode)
    assert last_plateau_radius(3, domain) == fmpq(last.numerator, last.denominator)
    net = three_channels(low, low + length, -low, 15, *evidence.KINKS[name])
    r = Fraction(3, 2) + part * (last - Fraction(3, 2))
    assert _mirrored(net, name, mode, low + share * length, r) == r
    net = three_channels(Fraction(-1), Fraction(2), Fraction(1), 15, *evidence.KINKS["relu"])
    assert _mirrored(net, "relu", mode, Fraction(-1), last + Fraction(1, 4)) != last + Fraction(
        1, 4
    )


@given(st.sampled_from([1, 3, 5, 7]), st.integers(0, 3), st.data())
def test_the_law_holds_up_to_its_last_radius_and_no_further(n: int, more: int, data) -> None:
    """Cause: "plateau radius" had no upper end, so nobody ran the law where a window meets both
    edges of the pulse.

    Siblings: contrast and pair; the glossary's word, and with it every statement on plateau radii;
        the linear cell.
    """
    length = n + more
    size, sigma = 2 * length + 1, oracle.RATIONAL["softsign"]
    w = data.draw(
        st.lists(st.fractions(Fraction(1, 4), 3, max_denominator=4), min_size=n, max_size=n)
    )
    b, beta = data.draw(numbers), data.draw(numbers)
    last, total = last_radius(n, size), sum(w)
    for k in range(n, size + 1, 2):
        r = k * HALF
        x = [beta + value for value in oracle.overlap_pulse(r, length)]
        if r <= last:
            assert response(oracle.shifted(sigma, b), w, beta, r, size) == evidence._ring(
                w, b, sigma, x
            )
        light = sum(oracle.preactivations(w, Fraction(0), x), Fraction(0))
        assert (light == 2 * r * total + beta * border(w, size)) == (r <= last)
    # Beyond, κ counts windows that meet both edges: with one tap none do, and g = 1 at two levels
    # alone tells the others.
    levels = {beta * total, (beta + 1) * total}
    r = last + 1
    if n > 1:
        x = [beta + value for value in oracle.overlap_pulse(r, length)]

        def flat(z: Fraction) -> Fraction:
            return Fraction(z in levels)

        assert response(flat, w, beta, r, size) != evidence._ring(w, Fraction(0), flat, x)


def test_known_errors_beyond_the_last_radius() -> None:
    """19 pixels: the exact networks at r = 9, between 17/2 = N/2 - 1 and the full ring."""
    last, r = last_radius(3, Fraction(19)), Fraction(9)
    assert last == Fraction(17, 2)
    net = three_channels(Fraction(-1), Fraction(2), Fraction(1), 19, *evidence.KINKS["relu"])
    assert _answer(net, "relu", Fraction(-1), r, 9) - r == Fraction(-133, 16)
    assert _answer(net, "relu", Fraction(-1), last, 9) == last
    hidden = border_network(Fraction(19), Fraction(0))
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


@given(
    st.fractions(Fraction(1, 9), 1, max_denominator=9),
    st.fractions(0, Fraction(7, 8), max_denominator=8),
)
def test_the_price_of_slopes_is_reached(slope: Fraction, top: Fraction) -> None:
    """Slopes t, 1, t, with the bends at the last background and the first plateau: the law at the
    ratio of its mean slopes.
    """
    radii, levels, length = [HALF, 3 * HALF, 7 * HALF], [Fraction(0), top / 3, top], 5
    assume(top > 0)

    def sigma(z: Fraction) -> Fraction:
        return slope * z + (1 - slope) * min(max(z, top), Fraction(1))

    seen = evidence._features([Fraction(1)], sigma, Fraction(0), radii, levels, length)
    target = [r for r in radii for _ in levels]
    left = evidence._left(target, [[Fraction(1)] * len(seen), seen])
    steep = (slope * top + 1 - top) / slope
    assert left == risk(evidence._spread(radii), 2 * length + 1, evidence._spread(levels), steep)


@given(st.fractions(0, Fraction(7, 8), max_denominator=8), numbers, st.integers(1, 4))
def test_a_ramp_counts_the_pixels_above_a_threshold(
    length: Fraction, low: Fraction, m: int
) -> None:
    """One tap: hardtanh from -1 at the last background to 1 at the first plateau; and the same ramp
    by two ReLUs.
    """
    slope = 2 / (1 - length)
    high, r, size = low + length, m - HALF, 11
    bias = -1 - slope * high
    for beta in (low, low + length / 3, high):
        x = [beta + value for value in oracle.overlap_pulse(r, 5)]
        hard = evidence._ring([slope], bias, oracle.RATIONAL["hardtanh"], x)
        assert (hard + size) / 4 == r
        relu = oracle.RATIONAL["relu"]
        ramp = evidence._ring([slope], bias + 1, relu, x) - evidence._ring(
            [slope], bias - 1, relu, x
        )
        assert ramp / 4 == r


@given(st.lists(numbers, min_size=3, max_size=3), st.integers(3, 6), numbers, shares)
def test_a_linear_network_hides_behind_the_border(
    w: list[Fraction], length: int, beta: Fraction, share: Fraction
) -> None:
    """w_{-1} + w_1 = N S: exact with zero padding at every radius up to N/2 - 1 and every
    background, and not beyond.
    """
    size = 2 * length + 1
    outer = w[0] + w[2]
    assume(outer != 0)
    taps = [w[0], outer / size - outer, w[2]]
    assert border(taps, size) == 0
    last = last_radius(3, Fraction(size))
    for r in (last, HALF + share * (last - HALF), last + HALF + share / 2):
        x = [beta + value for value in oracle.overlap_pulse(r, length)]
        total = sum(oracle.preactivations(taps, Fraction(0), x), Fraction(0))
        assert (total / (2 * sum(taps)) == r) == (r <= last)


@given(st.lists(st.integers(0, 5), min_size=2, max_size=4, unique=True), st.integers(5, 9))
def test_the_price_of_one_tap(half: list[int], length: int) -> None:
    radii = [j + HALF for j in half]
    size = 2 * length + 1
    mean = sum(radii, Fraction(0)) / len(radii)
    spread = sum(((r - mean) ** 2 for r in radii), Fraction(0)) / len(radii)
    zeros = [Fraction(0)] * len(radii)
    dark, lit = [size - 2 * r for r in radii], [2 * r for r in radii]
    columns = [[Fraction(1)] * 2 * len(radii), dark + zeros, lit + dark, zeros + lit]
    left = residual(radii * 2, orthogonal(columns))
    assert dot(left, left) / len(left) == one_tap(spread, size, mean) > 0


@given(st.floats(0.1, 5), st.integers(5, 40), st.floats(0.001, 5), st.floats(1, 50))
def test_prices_lie_between_nothing_and_the_variance(
    v: float, size: int, b: float, q: float
) -> None:
    assert 0 < risk(v, size, b, q) <= risk(v, size, b) < v


def test_the_cube_is_exact_on_every_background() -> None:
    """Three channels: Σ a S³ = Σ a S² b = 0, 3 Σ a S b² = 1/2, and one partial sum with C (C + 1) =
    N/2.
    """
    beta, r, size = sp.Symbol("beta"), sp.Symbol("r"), 21
    c = (sp.sqrt(1 + 2 * size) - 1) / 2
    twelfth = sp.Rational(1, 12)
    channels = [((0, 1, 0), 1, twelfth), ((0, 1, 0), -1, twelfth), ((c, -c, -1), 0, 2 * twelfth)]
    total = sum(
        a * response(lambda z, b=b: (z + b) ** 3, [sp.sympify(t) for t in w], beta, r, size)
        for w, b, a in channels
    )
    assert not sp.expand(total - r).has(beta, r)


nets = st.lists(
    st.tuples(st.lists(numbers, min_size=3, max_size=3), numbers, numbers), min_size=1, max_size=3
)


@given(nets, st.sampled_from(sorted(oracle.RATIONAL)), numbers, st.integers(0, 2))
def test_what_exact_means_on_a_background(channels, name: str, beta: Fraction, how: int) -> None:
    """Right at two radii with some c iff f grows by 1/2; else the last weight is mended, or c
    moved.
    """
    sigma, size = oracle.RATIONAL[name], 13

    def f(level: Fraction, some: list[Any]) -> Fraction:
        return sum(a * sigma(level * sum(w) + b) for w, b, a in some)

    last_w, last_b, _ = channels[-1]
    gain = f(beta + 1, [(last_w, last_b, Fraction(1))]) - f(beta, [(last_w, last_b, Fraction(1))])
    if how and gain:
        rest = f(beta + 1, channels[:-1]) - f(beta, channels[:-1])
        channels = [*channels[:-1], (last_w, last_b, (HALF - rest) / gain)]
    x = [[beta + v for v in oracle.overlap_pulse(m - HALF, 6)] for m in (2, 5)]
    first, second = (sum(a * evidence._ring(w, b, sigma, y) for w, b, a in channels) for y in x)
    exact_slope = f(beta + 1, channels) == f(beta, channels) + HALF
    assert (second - first == 3) == exact_slope
    kappa = sum(
        a * (response(oracle.shifted(sigma, b), w, beta, Fraction(0), size)
             - size * sigma(beta * sum(w) + b))
        for w, b, a in channels
    )  # fmt: skip
    if exact_slope:
        assert first - 3 * HALF == size * f(beta, channels) + kappa


@given(st.sampled_from(["leaky_relu", "prelu", "softsign", "identity"]), st.data())
def test_a_strictly_monotone_channel_moves_with_the_background(name: str, data) -> None:
    """Every summand, hence the sum, at any two backgrounds; with S = 0 the answer is one at all
    radii.
    """
    n = data.draw(st.sampled_from([1, 3, 5]))
    w = data.draw(st.lists(numbers, min_size=n, max_size=n))
    b, beta = data.draw(numbers), data.draw(numbers)
    more = data.draw(st.fractions(Fraction(1, 9), 4, max_denominator=9))
    sigma, length = oracle.RATIONAL[name], n + 2
    pulses = [oracle.overlap_pulse(Fraction(n, 2) + k, length) for k in (0, 1)]
    levels = [[[b0 + v for v in x] for b0 in (beta, beta + more)] for x in pulses]
    if total := sum(w):
        for here, there in levels:
            pairs = zip(oracle.ring(w, b, here), oracle.ring(w, b, there), strict=True)
            moves = [sigma(q) - sigma(p) for p, q in pairs]
            assert all(move * total > 0 for move in moves)
    # S = 0: blind to both.
    flat = [*w[:-1], w[-1] - total]
    assert len({evidence._ring(flat, b, sigma, x) for pair in levels for x in pair}) == 1


@given(st.integers(1, 3), st.sampled_from([1, 3, 5]), st.data())
def test_no_linear_network_is_better(count: int, n: int, data) -> None:
    """Any K and n: the best readout leaves the stated loss if some S_k ≠ 0, else the variance."""
    radii = [Fraction(n, 2) + k for k in data.draw(st.sets(st.integers(0, 3), min_size=2))]
    levels = data.draw(st.lists(numbers, min_size=2, max_size=3, unique=True))
    filters = [data.draw(st.lists(numbers, min_size=n, max_size=n)) for _ in range(count)]
    length, linear = n + 2, oracle.RATIONAL["identity"]
    seen = [evidence._features(w, linear, HALF, radii, levels, length) for w in filters]
    left = residual(
        [r for r in radii for _ in levels], orthogonal([[Fraction(1)] * len(seen[0]), *seen])
    )
    spread = evidence._spread(radii)
    least = risk(spread, 2 * length + 1, evidence._spread(levels))
    loss = dot(left, left) / len(left)
    assert loss == (least if any(map(sum, filters)) else spread)


@given(numbers, st.fractions(0, 9, max_denominator=5), shares, shares)
def test_the_windows_of_the_edge_filters_keep_their_sides(
    low: Fraction, length: Fraction, share: Fraction, phi: Fraction
) -> None:
    """At one edge the middle one is never negative, the outer ones are mirror images; all others
    are never positive.
    """
    net, beta, m = three_channels(low, low + length, -low, 15, 0, 1), low + share * length, 4
    x = [beta + value for value in oracle.overlap_pulse(m - HALF + phi, 7)]
    second, third = (oracle.ring(net.w[k], net.b[k], x) for k in (1, 2))
    # Left the second filter's edge, where the grey pixel 7 - m meets the taps from the last to the
    # first.
    groups = []
    for values in (second, third):
        grey = [{(7 + s * m + u) % 15 for u in (-1, 0, 1)} for s in (-1, 1)]
        others = [z for i, z in enumerate(values) if i not in grey[0] | grey[1]]
        assert max(others) <= 0
        edges = [[values[i] for i in sorted(group)] for group in grey]
        groups.append(next(edge for edge in edges if edge[1] >= 0 or max(edge) > 0))
        blind = [edge for edge in edges if edge is not groups[-1]]
        assert groups[-1][1] >= 0 >= max(blind[0])
    assert groups[0][0] in (-groups[1][0], -groups[1][2])
    assert groups[0][2] in (-groups[1][0], -groups[1][2])


@given(
    nets,
    st.sampled_from(["relu", "leaky_relu", "abs", "hardtanh", "identity"]),
    st.sampled_from([-1, 1]),
)
def test_no_network_is_exact_on_all_backgrounds(channels, name: str, side: int) -> None:
    """Far out, where no window meets a kink, one of two radii on one of two backgrounds is wrong,
    for every c.
    """
    far = 10**6 * side
    errors = set()
    for beta, m in ((far, 2), (far, 3), (2 * far, 2)):
        x = [beta + value for value in oracle.overlap_pulse(m - HALF, 5)]
        parts = (a * evidence._ring(w, b, oracle.RATIONAL[name], x) for w, b, a in channels)
        errors.add(sum(parts) - (m - HALF))
    assert len(errors) > 1


@given(st.lists(numbers, min_size=7, max_size=7), numbers, st.booleans())
def test_a_dense_readout_ignores_the_background_iff_it_sums_to_nothing(
    v: list[Fraction], beta: Fraction, mend: bool
) -> None:
    """The pixels ±3, dark up to r = 5/2, take up what the others leave."""
    assume(beta != 0)
    v = [v[0] - mend * sum(v), *v[1:]]
    for r in (HALF, Fraction(9, 5), Fraction(5, 2)):
        x = oracle.overlap_pulse(r, 3)
        assert x[0] == x[-1] == 0
        assert (dot(v, [beta + value for value in x]) == dot(v, x)) == (sum(v) == 0)


@pytest.mark.thorough
def test_the_figures_are_drawn() -> None:
    found = ["background-errors", "background-atlas", "background-compass"]
    assert [figure.id for figure in evidence.figures(Lab(TINY))] == found
