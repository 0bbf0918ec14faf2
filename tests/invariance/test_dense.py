"""A dense readout: projections, groups, what radii fix, shifts, and networks trained by torch."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.invariance.gram_schmidt import dot, orthogonal, residual
from numerics.pulse.sample import pulse
from theory.invariance.dense import (
    LAW,
    Group,
    _block,
    changing,
    end,
    fixed,
    groups,
    kernel,
    moved,
)
from verify.invariance.claims import dense as evidence
from verify.invariance.dense_readout import spectrum
from verify.report.lab import TINY, Lab

HALF = Fraction(1, 2)
radii = st.lists(st.fractions(HALF, 5, max_denominator=6), min_size=1, max_size=8)
quarters = st.lists(st.integers(2, 14).map(lambda k: Fraction(k, 4)), min_size=1, max_size=5)
"""Half-integers among them, where runs and blocks end."""
LENGTH = 7


def _rows(found: list[Fraction], bias: bool) -> np.ndarray:
    return np.array(
        [[float(x) for x in oracle.overlap_pulse(r, LENGTH)] + [1.0] * bias for r in found]
    )


@given(radii, st.booleans())
@example([Fraction(9, 4)], True)
@example([Fraction(3, 2), Fraction(7, 2)], False)
@example([Fraction(9, 10), Fraction(9, 10), Fraction(31, 10)], True)
def test_the_end_is_that_of_the_pseudoinverse(found: list[Fraction], bias: bool) -> None:
    """P = 1 - X⁺X, q = X⁺r by numpy; its rounding is at most that of float64 times the condition of
    X.
    """
    claimed = end(LAW, found, LENGTH, bias)
    x = _rows(found, bias)
    inverse = np.linalg.pinv(x, rcond=1e-9)
    top, low = np.linalg.svd(x, compute_uv=False)[0], spectrum(x, False)[1]
    near = 64 * 2.0**-52 * (top / low) ** 2 * 8
    matrix = np.array(claimed.matrix, dtype=float)
    assert np.max(np.abs(matrix - (np.eye(len(matrix)) - inverse @ x))) < near
    want = inverse @ np.array([float(r) for r in found])
    assert np.max(np.abs(np.array(claimed.offset, dtype=float) - want)) < near


@given(radii, st.booleans())
@example([Fraction(3, 2), Fraction(7, 2), Fraction(9, 2)], True)
def test_groups_and_kernel_say_the_same(found: list[Fraction], bias: bool) -> None:
    assert end(LAW, found, LENGTH, bias) == end(
        replace(LAW, groups=lambda *_: None), found, LENGTH, bias
    )


@given(st.integers(2, 17), st.integers(1, 12))
def test_an_interval_fixes_all_that_changes(start: int, length: int) -> None:
    """Radii in quarters from start/4 on: two or more in every pixel, but where an end lies on a
    border.
    """
    found = [Fraction(start + j, 4) for j in range(length + 1)]
    assert fixed(found) == frozenset(changing(found))


@given(st.integers(1, 4), st.integers(1, 4), st.fractions(0, 1, max_denominator=9))
def test_one_radius_per_pixel_is_too_few_but_at_half_integers(
    first: int, cells: int, fraction: Fraction
) -> None:
    found = [first - HALF + j + fraction for j in range(cells + 1)]
    if fraction in (0, 1):
        assert fixed(found) == frozenset(changing(found)) and len(fixed(found)) == cells
    else:
        assert not fixed(found) and groups(found, fixed(found), False) is None


@given(radii | quarters, st.booleans())
@example([Fraction(5, 4), Fraction(9, 4), Fraction(13, 4)], False)
@example([HALF, Fraction(3, 4), Fraction(3, 2), Fraction(7, 2)], False)
@example([Fraction(3, 2), Fraction(5, 2)], True)
@example([Fraction(3, 2), Fraction(3, 2), Fraction(7, 2)], False)
def test_a_pair_is_fixed_iff_the_rows_hold_it(found: list[Fraction], bias: bool) -> None:
    """Exactness forces v_m + v_{-m} = 1 iff that is a combination of the equations, for every m."""
    rows = [oracle.overlap_pulse(r, LENGTH) + [Fraction(1)] * bias for r in found]
    basis = orthogonal(rows)

    def pair(m: int) -> list[Fraction]:
        return [Fraction(abs(i) == m) for i in range(-LENGTH, LENGTH + 1 + bias)]

    forced = {m for m in range(1, LENGTH) if not any(residual(pair(m), basis))}
    assert fixed(found) == forced


@given(radii | quarters, st.integers(1, 3), st.integers(0, 3))
@example([Fraction(1), Fraction(2), Fraction(3)], 1, 2)
@example([HALF, Fraction(3, 4), Fraction(3, 2)], 1, 1)
@example([Fraction(3, 2), Fraction(9, 4), Fraction(5, 2)], 1, 1)
@example([HALF, Fraction(3, 2)], 1, 0)
def test_a_block_is_settled_iff_its_runs_hold_radii_enough(
    found: list[Fraction], first: int, more: int
) -> None:
    """The values at the half-integers, as unknowns of a spline that vanishes at the radii: none is
    left iff settled.
    """
    last = first + more
    knots = [m - HALF for m in range(first, last + 2)]
    inside = [r for r in found if knots[0] <= r <= knots[-1]]
    hats = [[max(1 - abs(r - knot), Fraction(0)) for knot in knots] for r in inside]
    basis = orthogonal(hats) if hats else []

    def unit(j: int) -> list[Fraction]:
        return [Fraction(i == j) for i in range(len(knots))]

    settled = bool(hats) and not any(any(residual(unit(j), basis)) for j in range(len(knots)))
    assert _block(found, first, last) == settled


@given(
    st.integers(1, 4),
    st.lists(st.fractions(-2, 2, max_denominator=4), min_size=2, max_size=4),
    st.lists(st.fractions(-2, 2, max_denominator=4), min_size=15, max_size=15),
)
def test_every_spline_is_the_error_of_a_readout(
    first: int, values: list[Fraction], start: list[Fraction]
) -> None:
    """Its values at half-integers fix c + Σ_lit v and the pairs, and nothing else: those are moved,
    the rest is free.

    So the readout is exact on the interval iff the pairs add up to 1 and c + Σ_lit v = ρ; the
    pixels never lit are free.
    """
    low, cells = first - HALF, len(values) - 1
    v = list(start)
    for j in range(cells):
        m = first + j
        v[LENGTH + m] = 1 + values[j + 1] - values[j] - v[LENGTH - m]
    c = low + values[0] - sum(v[LENGTH + 1 - first : LENGTH + first])

    def error(r: Fraction) -> Fraction:
        return c + dot(v, oracle.overlap_pulse(r, LENGTH)) - r

    quarters = [low + Fraction(k, 4) for k in range(4 * cells + 1)]
    for k, r in enumerate(quarters):
        j, part = min(k // 4, cells - 1), Fraction(k, 4) - min(k // 4, cells - 1)
        assert error(r) == (1 - part) * values[j] + part * values[j + 1]
    assert all(error(r) == 0 for r in quarters) == (not any(values))
    dark = first + cells
    v[LENGTH + dark :] = [Fraction(9)] * (LENGTH + 1 - dark)
    assert [error(low), error(low + cells)] == [values[0], values[-1]]


@given(
    radii,
    st.booleans(),
    st.lists(st.fractions(Fraction(1, 4), 4, max_denominator=4), min_size=8, max_size=8),
)
def test_the_weights_of_the_data_do_not_matter(
    found: list[Fraction], bias: bool, data: list[Fraction]
) -> None:
    """The gradient of the weighted loss leads from any start to the stated end, in exact fractions.

    Along it a readout moves by Σ_j t_j x_j; the end is such a sum away and has no error, for all
    positive weights.
    """
    claimed = end(LAW, found, LENGTH, bias)
    rows = [oracle.overlap_pulse(r, LENGTH) + [Fraction(1)] * bias for r in found]
    start = [Fraction((7 * i) % 5 - 2, 2) for i in range(len(rows[0]))]
    there = [dot(row, start) + q for row, q in zip(claimed.matrix, claimed.offset, strict=True)]
    basis = orthogonal(rows)
    gradient = [
        sum(p * (dot(x, start) - r) * x[i] for p, x, r in zip(data, rows, found, strict=False))
        for i in range(len(start))
    ]
    assert not any(residual(gradient, basis))
    assert not any(residual([q - p for p, q in zip(start, there, strict=True)], basis))
    assert all(dot(x, there) == r for x, r in zip(rows, found, strict=True))


@given(st.sampled_from(sorted(oracle.RATIONAL)), st.integers(0, 2), st.data())
def test_sum_pooling_does_not_see_a_shift(name: str, h: int, data) -> None:
    """Cause: "inside the signal" is not enough with zeros beyond: a window that holds light must
    not be lost.

    No sibling: on a ring nothing is lost, and the atlas keeps a pixel from the border.
    """
    number = st.fractions(-2, 2, max_denominator=4)
    w = data.draw(st.lists(number, min_size=2 * h + 1, max_size=2 * h + 1))
    b, r = data.draw(number), data.draw(st.fractions(HALF, 3, max_denominator=6))
    x, room_left = oracle.overlap_pulse(r, LENGTH), LENGTH - int(r + HALF) - h
    s = data.draw(st.integers(-room_left, room_left))

    def pooled(y: Any, windows: Any) -> Fraction:
        return sum(map(oracle.RATIONAL[name], windows(w, b, y)))

    assert pooled(np.roll(x, s), oracle.preactivations) == pooled(x, oracle.preactivations)
    assert pooled(np.roll(x, s), oracle.ring) == pooled(x, oracle.ring)


def test_at_the_border_sum_pooling_sees_a_shift() -> None:
    w, x = [Fraction(1)] * 3, oracle.overlap_pulse(HALF, 3)
    light = [sum(oracle.preactivations(w, Fraction(0), np.roll(x, s))) for s in (0, 2, 3)]
    assert light == [3, 3, 2]


def test_what_two_half_integers_leave() -> None:
    """The worked example: 3/2 and 5/2 on seven pixels."""
    found = [Fraction(3, 2), Fraction(5, 2)]
    assert fixed(found) == {2}
    assert groups(found, fixed(found), False) == (
        Group((-1, 0, 1), Fraction(3, 2)),
        Group((-2, 2), Fraction(1)),
    )
    claimed = end(LAW, found, 3, False)
    for i in (0, 6):
        assert claimed.offset[i] == 0 and claimed.matrix[i] == [Fraction(i == j) for j in range(7)]


def test_a_gap_shares_what_it_has_to_make_up() -> None:
    """1.5 and 3.5: the pixels 2 and 3 move alike, until the four add up to 2."""
    claimed = end(LAW, [Fraction(3, 2), Fraction(7, 2)], 5, False)
    gap = [5 + i for i in (-3, -2, 2, 3)]
    for i in gap:
        assert claimed.offset[i] == HALF
        assert [claimed.matrix[i][j] for j in gap] == [Fraction(4 * (i == j) - 1, 4) for j in gap]
    dark = [0, 1, 9, 10]
    assert all(claimed.offset[i] == 0 and claimed.matrix[i][i] == 1 for i in dark)


@given(st.fractions(HALF, 6, max_denominator=12), st.fractions(HALF, 6, max_denominator=12))
@example(Fraction(3, 2), Fraction(7, 4))
def test_the_kernel_is_the_product_of_two_pulses(r: Fraction, s: Fraction) -> None:
    product = sum(
        x * y for x, y in zip(oracle.overlap_pulse(r, 8), oracle.overlap_pulse(s, 8), strict=True)
    )

    def cell(t: Fraction) -> int:
        return max(1, -int(-(t - HALF) // 1))

    assert kernel(r, s, cell(r), cell(s)) == product


@given(
    st.lists(st.fractions(-2, 2, max_denominator=8), min_size=15, max_size=15), st.integers(-3, 3)
)
def test_a_shift_moves_the_answer_as_stated(v: list[Fraction], s: int) -> None:
    x = oracle.overlap_pulse(Fraction(13, 4), LENGTH)
    there = [x[i - s] if 0 <= i - s < len(x) else Fraction(0) for i in range(len(x))]
    answers = [sum(p * q for p, q in zip(v, signal, strict=True)) for signal in (x, there)]
    assert answers[1] - answers[0] == moved(v, x, s)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 6))
def test_what_shifts_leave_of_a_dense_readout(first: int, cells: int, most: int) -> None:
    """Exact for all shifts 0..S: 1/2 at every pixel that ever changes, but for one alternating
    pattern if S < 2 m - 1, without c.
    """
    length = first + cells + most + 1
    i = np.arange(-length, length + 1)
    found = np.arange(4 * first - 2, 4 * (first + cells) - 1) / 4
    x = np.concatenate([np.roll(pulse(found, length), s, axis=1) for s in range(most + 1)])
    rank = int(np.linalg.matrix_rank(x))
    core = max(0, 2 * first - 1 - most)
    touched = np.sum(np.any(x > 0, axis=0))
    # The core counts through its sum alone; where there is one, the pattern is free.
    assert rank == touched - core
    pattern = np.where(i >= first, 1.0, -1.0) * (-1.0) ** i
    pattern[(i > most - first) & (i < first)] = 0
    if core:
        # The core makes up for what the pattern adds beside it.
        pattern[i == first - 1] -= x[0] @ pattern
        assert np.allclose(x @ pattern, 0)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 6), st.booleans())
@example(1, 1, 1, True)
@example(2, 2, 3, True)
def test_what_is_left_where_the_two_sides_meet(
    first: int, cells: int, most: int, bias: bool
) -> None:
    """Cause: at S = 2m - 1 the sides touch without overlap, and c makes up for the pattern; only no
    c was ever tried.

    No sibling: it is the only place of the page that asks for a number of shifts.
    """
    length = first + cells + most + 1
    found = np.arange(4 * first - 2, 4 * (first + cells) - 1) / 4
    x = np.concatenate([np.roll(pulse(found, length), s, axis=1) for s in range(most + 1)])
    x = np.hstack([x, np.ones((len(x), int(bias)))])
    free = int(np.sum(np.any(x > 0, axis=0)) - np.linalg.matrix_rank(x))
    core = 2 * first - 1 - most
    # The pattern, what the core's pixels share, and c against their sum.
    assert free == (core + bias if core > 0 else int(core == 0 and bias))


def test_a_pattern_that_two_places_do_not_see() -> None:
    v, c = (
        {-1: Fraction(3, 4), 0: Fraction(1, 4), 1: Fraction(1, 4), 2: Fraction(3, 4)},
        Fraction(1, 4),
    )
    for r in (HALF, Fraction(4, 5), Fraction(3, 2)):
        x = oracle.overlap_pulse(r, 4)
        for s in (0, 1):
            assert c + sum((v[i] * x[i - s + 4] for i in v), Fraction(0)) == r


def test_the_figure_is_drawn() -> None:
    assert [figure.id for figure in evidence.figures(Lab(TINY))] == ["dense-weights"]
