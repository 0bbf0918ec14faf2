"""Two ReLU channels at every real radius: exact networks on their rings, and no others on small
integers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.invariance.pair import curves, rings
from theory.invariance.pair import kinks, limit, pair, pixels, short_pair
from theory.pulse.network import Network, last_radius
from verify.invariance.background_training import on_a_ring
from verify.invariance.claims import pair as evidence
from verify.report.lab import TINY, Lab

HALF = Fraction(1, 2)
levels = st.fractions(-3, 3, max_denominator=6)
shares = st.fractions(0, 1, max_denominator=9)


def _answer(net, beta: Fraction, r: Fraction, size: int) -> Fraction:
    x = [beta + value for value in oracle.overlap_pulse(r, size // 2)]
    return on_a_ring(net, "relu", x)


FORMS = [
    (turns, wait, rest)
    for turns, wait, rest in product(range(1, 7), range(10), range(5))
    if (size := pixels(turns, wait, rest)) % 2
    and size >= 2 * (max(2 * turns + rest + 1, wait + 3) | 1) + 3
]
"""(ν, k, l) with room for both edges on a ring of an odd number of pixels."""


@given(
    st.sampled_from(FORMS),
    levels,
    st.fractions(0, 9, max_denominator=5),
    shares,
    shares,
    st.booleans(),
    st.integers(0, 2),
)
@example((3, 5, 0), Fraction(-1), Fraction(3), Fraction(0), Fraction(0), False, 0)
def test_turns_and_a_wait_are_exact(
    form: tuple[int, int, int],
    low: Fraction,
    length: Fraction,
    share: Fraction,
    phi: Fraction,
    at_the_end: bool,
    side: int,
) -> None:
    """In the first cell, or in the last one, up to N/2 - h; with two zeros more on either side,
    too.
    """
    net, size = pair(low, low + length, *form), pixels(*form)
    assert size < limit(len(net.w[0]))
    if side:
        more = (Fraction(0),) * 2
        net = replace(net, w=tuple((*more, *w) if side == 1 else (*w, *more) for w in net.w))
    n = len(net.w[0])
    last = last_radius(n, Fraction(size))
    r = max(last - phi, Fraction(n, 2)) if at_the_end else min(Fraction(n, 2) + phi, last)
    assert _answer(net, low + share * length, r, size) == r


@given(
    levels,
    st.fractions(0, Fraction(15, 32), max_denominator=32),
    shares,
    st.integers(4, 20),
    shares,
)
@example(Fraction(0), Fraction(0), Fraction(0), 6, Fraction(0))
@example(Fraction(0), Fraction(15, 32), Fraction(1), 20, Fraction(1))
def test_short_intervals_need_five_taps(
    low: Fraction, length: Fraction, share: Fraction, half_length: int, part: Fraction
) -> None:
    """On every ring, from n/2 to N/2 - h; the first filter has three taps at most
    that are not 0.
    """
    net, size = short_pair(low, low + length), 2 * half_length + 1
    last = last_radius(5, Fraction(size))
    r = last - part * (last - Fraction(5, 2))
    assert _answer(net, low + share * length, r, size) == r
    assert net.w[0][0] == net.w[0][4] == 0


def _seen_below(curve: list[Fraction], p: Fraction, level: Fraction) -> Fraction:
    """Windows of both edges that lie below the level, averaged over the fraction."""
    total = Fraction(0)
    for u, v in pairwise(curve):
        for here, there in ((u, v), (2 * p - 1 - u, 2 * p - 1 - v)):
            low, high = min(here, there), max(here, there)
            if low == high:
                total += low < level
            else:
                total += min(max((level - low) / (high - low), Fraction(0)), Fraction(1))
    return total


@given(levels, st.fractions(HALF, 1, max_denominator=8), shares, shares, st.data())
def test_two_channels_between_do_not_agree_on_half_a_unit(
    low: Fraction, length: Fraction, one: Fraction, two: Fraction, data
) -> None:
    """Halfway between p_1 - 1/2 and p_2 - 1/2, in the interval, one has more than n windows below,
    the other fewer.
    """
    room_left = low + 1 - (low + length)
    p = sorted(low + length + share * room_left for share in (one, two))
    assume(p[0] != p[1])
    level = (p[0] + p[1] - 1) / 2
    assert low < level < low + length
    for start, sign in zip(p, (1, -1), strict=True):
        inner = data.draw(st.lists(levels, min_size=2, max_size=4))
        curve = [start, *inner, start - 1]
        assert sign * (_seen_below(curve, start, level) - (len(curve) - 1)) > 0


@given(st.lists(levels, min_size=3, max_size=5), levels, levels, shares)
def test_a_window_is_above_the_kink_iff_its_level_is_below_the_background(
    w: list[Fraction], b: Fraction, beta: Fraction, phi: Fraction
) -> None:
    """For S > 0; for S < 0 it is the other way round.  Counted over the whole ring."""
    w = w[: len(w) - 1 + len(w) % 2]
    total, n, length = sum(w), len(w), len(w) + 3
    assume(total != 0)
    m, p = n // 2 + 1, -b / total
    x = [beta + value for value in oracle.overlap_pulse(m - HALF + phi, length)]
    above = sum(z > 0 for z in oracle.ring(w, b, x))
    flat = [p] * (len(x) - 2 * m - n) + [p - 1] * (2 * m - n)

    def side(level: Fraction) -> bool:
        return level < beta if total > 0 else level > beta

    assert above == sum(map(side, [*kinks(w, b, phi), *flat]))


def test_from_which_ring_on_turns_and_a_wait_have_room() -> None:
    """None on 9 to 19 pixels, one on every ring of 21 to 999, with √(3N) + 3 taps at most; √(2N)
    would not do.
    """

    def fewest(size: int) -> int:
        forms = ((turns, *divmod(size, turns)) for turns in range(1, size // 2 + 1))
        # Less of a remainder costs less than a longer wait, and the other way round: every l is
        # tried.
        taps = (
            max(2 * turns + rest + turns * more + 1, wait - more + 1) | 1
            for turns, wait, rest in forms
            for more in range(wait - 1)
        )
        return min((n for n in taps if size >= 2 * n + 3), default=0)

    assert [size for size in range(9, 101, 2) if not fewest(size)] == list(range(9, 20, 2))
    found = {size: fewest(size) for size in range(21, 1001, 2)}
    assert all(n**2 > size and n <= (3 * size) ** 0.5 + 3 for size, n in found.items())
    assert max(n - (2 * size) ** 0.5 for size, n in found.items()) > 6
    assert found[21] == found[23] == 9


def test_close_backgrounds_leave_the_bound() -> None:
    """Cause: README said "never with n taps on n² pixels" for all intervals; here n = 5, N = 41,
    backgrounds 0 to 2/5.

    Siblings: index and changelog, which also gave √(2N) taps for every ring, and the last radius.
    """
    net = short_pair(Fraction(0), Fraction(2, 5))
    n, size = 5, 41
    last = last_radius(n, Fraction(size))
    assert limit(n) <= size and len(net.w[0]) == n and last == Fraction(37, 2)
    for beta in (Fraction(0), Fraction(1, 7), Fraction(2, 5)):
        for r in (Fraction(5, 2), Fraction(31, 9), last - Fraction(1, 3), last):
            assert _answer(net, beta, r, size) == r
    assert _answer(net, Fraction(2, 5), last + HALF, size) != last + HALF


@pytest.mark.parametrize("more", [-2, 2])
def test_on_another_ring_they_err(more: int) -> None:
    net = pair(Fraction(0), Fraction(1), 3, 6, 1)
    size = pixels(3, 6, 1)
    answers = {
        _answer(net, beta, Fraction(9, 2), size + more) for beta in (Fraction(0), Fraction(1))
    }
    assert len(answers) == 2


def test_outside_their_interval_they_err() -> None:
    r = Fraction(9, 2)
    for beta in (Fraction(-1), Fraction(2)):
        assert _answer(pair(Fraction(0), Fraction(1), 3, 5, 0), beta, r, 21) != r
        assert _answer(short_pair(Fraction(0), Fraction(1, 4)), beta, r, 21) != r


@given(st.lists(levels, min_size=3, max_size=7), levels, shares)
def test_one_edge_is_the_other_turned_over(w: list[Fraction], b: Fraction, phi: Fraction) -> None:
    total = sum(w)
    assume(total != 0)
    p, n = -b / total, len(w)
    found, back = kinks(w, b, phi), kinks(w, b, 1 - phi)
    assert found[n:] == [2 * p - 1 - level for level in back[:n]]


def test_the_enumerated_curves_are_those_of_the_law() -> None:
    """A channel with p = 2 and the levels 2, 0, 3, 1: its taps are the differences of -γ, S = 1, b
    = -p.
    """
    first, second = curves(2, (0, 3))
    assert (first, second) == ((2, 0, 3, 1), (2, 0, 3, 1))
    w = [Fraction(here - there) for here, there in pairwise(first)]
    assert kinks(w, Fraction(-2), Fraction(0)) == [2, 0, 3, 3, 0, 2]


@pytest.mark.parametrize(
    ("n", "height", "largest"),
    [(3, 5, 4), (5, 3, 12), pytest.param(7, 2, 24, marks=pytest.mark.slow)],
)
def test_no_staircases_on_small_integers_fit_a_ring_that_is_too_large(
    n: int, height: int, largest: int
) -> None:
    found = rings(n, height)
    assert max(found) == largest == (n**2 - 1) // 2 < limit(n)
    assert all(size < 2 * n + 3 for size in found) == (n < 7)


def _responses(p: int, between: tuple[int, ...]) -> np.ndarray:
    """Σ max(β - level, 0) over the edges, over a dark and over a lit window, less its value at β =
    0, on a grid: (3, φ, β).
    """
    n = len(between) + 1
    beta, phi = np.arange(1, 33)[:, None] / 32, np.arange(1, 8) / 8
    curve = (p, *between, p - 1)

    def over(level: float) -> np.ndarray:
        return np.maximum(beta - level, 0) - np.maximum(-level + 0 * beta, 0)

    edges = 0
    for j in range(n):
        edges = edges + over(curve[j] + phi * (curve[j + 1] - curve[j]))
        edges = edges + over(2 * p - 1 - curve[j + 1] + phi * (curve[j + 1] - curve[j]))
    flat = [np.broadcast_to(over(level), edges.shape) for level in (p, p - 1)]
    return np.array([edges, *flat])


@pytest.mark.parametrize(("n", "height"), [(3, 1), (3, 2), (5, 1)])
def test_the_enumeration_is_what_the_definition_asks_for(n: int, height: int) -> None:
    """Cause: the rings were only compared with their largest, so a fault in the second kind of
    pair, both on, was not seen.

    Here every pair of channels is run on every ring: the first, less λ times the second, must not
    move with β.
    """
    asked, together = set(), set()
    starts = (*range(-height, 1), *range(2, height + 2))
    walks = [
        (p, _responses(p, between))
        for p in starts
        for between in product(range(-height, height + 2), repeat=n - 1)
    ]

    def bends(r: np.ndarray) -> bool:
        return np.abs(np.diff(r[0], 2, axis=0)).max() > 1e-9

    walks = [(p, r) for p, r in walks if bends(r)]
    for size in range(1, max(rings(n, height)) + 2):
        # m = h + 1: one window on the plateau, N - 2n - 1 in the dark; formal where that is
        # negative.
        on: dict[bytes, list[float]] = {}
        off: dict[bytes, list[float]] = {}
        for p, r in walks:
            whole = (r[0] + (size - 2 * n - 1) * r[1] + r[2]).ravel()
            length = float(np.linalg.norm(whole))
            if length:
                kind = on if p <= 0 else off
                kind.setdefault((np.round(whole / length, 9) + 0.0).tobytes(), []).append(length)
        both = any(max(found) > min(found) * (1 + 1e-9) for found in on.values())
        if both:
            together.add(size)
        if both or on.keys() & off.keys():
            asked.add(size)
    assert asked == set(rings(n, height))
    assert together == set(rings(n, height, both=True))


def test_three_taps_are_not_enough_for_half_a_unit() -> None:
    """Backgrounds 0 to 1/2 only, all levels multiples of 1/2, channels that are on, off or between:
    no ring of 9 pixels.

    Two channels in proportion on a grid of β and φ leave no bend; they are exact if, so weighed,
    they grow by different amounts.
    """
    n, beta = 3, np.arange(1, 17)[:, None] / 32
    steps = [Fraction(k, 2) for k in range(-2, 5)]
    asked = set()
    walks = []
    for p, between in product(steps, product(steps, repeat=n - 1)):
        curve, phi = [float(level) for level in (p, *between, p - 1)], np.arange(1, 8) / 8

        def over(level: float) -> np.ndarray:
            return np.maximum(beta - level, 0) - np.maximum(-level + 0 * beta, 0)

        pairs = list(pairwise(curve))
        edges = sum(over(u + phi * (v - u)) for u, v in pairs)
        edges = edges + sum(over(2 * curve[0] - 1 - v + phi * (v - u)) for u, v in pairs)
        if np.abs(np.diff(edges, 2, axis=0)).max() > 1e-9:
            dark, lit = over(curve[0]), over(curve[0] - 1)
            grown = lit - dark + max(1 - curve[0], 0) - max(-curve[0], 0)
            walks.append((edges, dark, lit, grown))
    for size in range(1, 14):
        found: dict[bytes, set[bytes]] = {}
        for edges, dark, lit, grown in walks:
            whole = edges + (size - 2 * n - 1) * dark + lit
            length = float(np.linalg.norm(whole))
            if length:
                key = (np.round(whole.ravel() / length, 9) + 0.0).tobytes()
                found.setdefault(key, set()).add((np.round(grown / length, 9) + 0.0).tobytes())
        if any(len(grown) > 1 for grown in found.values()):
            asked.add(size)
    assert asked and max(asked) < limit(n)


def test_what_the_enumeration_finds_is_exact() -> None:
    """Seven taps on seventeen pixels: λ = 2, both edges of the first channel turn."""
    on, off = (0, 0, 1, 1, 2, -3, -2, -1), (2, -3, -3, -3, -3, -3, 0, 1)

    def taps(curve: tuple[int, ...]) -> tuple[Fraction, ...]:
        return tuple(Fraction(here - there) for here, there in pairwise(curve))

    net = Network(
        (taps(on), taps(off)), (Fraction(0), Fraction(-2)), (HALF, Fraction(-1)), Fraction(0)
    )
    radii = [Fraction(7, 2) + Fraction(k, 6) for k in range(13)]

    def offsets(fifths: Iterable[int]) -> set[Fraction]:
        return {_answer(net, Fraction(k, 5), r, 17) - r for r in radii for k in fifths}

    assert len(offsets(range(6))) == 1 < len(offsets((0, 7)))


def test_the_figure_is_drawn() -> None:
    assert [figure.id for figure in evidence.figures(Lab(TINY))] == ["pair-turns"]
