"""P in balls: closed forms and the midpoint rule lie in them, and they are small."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from numerics.disk.perimeter_enclosure import filter_of, quadrature_of
from tests.disk.elliptic import _negative, _roots, _Strip, enclosed
from tests.disk.filters import SOBEL

Array = NDArray[np.float64]
SMALL = 1e-12
"""For taps that add up to 1 in absolute value."""
seeds = st.integers(0, 2**32 - 1)


def ball(w: Array, b: float, name: str) -> arb:
    found = enclosed(w, b, name)
    assert found is not None
    assert float(found.rad()) <= SMALL * float(np.abs(w).sum())
    return found


@settings(max_examples=2, deadline=None)
@given(seeds, st.sampled_from(["abs", "relu", "hardtanh"]), st.integers(-8, 8), st.booleans())
@example(5, "abs", 0, True)
def test_the_midpoint_rule(seed: int, name: str, b: int, whole: bool) -> None:
    """Also of whole taps, where roots and lines meet in many ways."""
    rng = np.random.default_rng(seed)
    w = rng.integers(-2, 3, (3, 3)).astype(float) if whole else rng.normal(size=(3, 3))
    by = quadrature_of(filter_of(w, b / 4, name), most=1 << 13)
    assert by.error is not None
    if np.any(w):
        assert ball(w, b / 4, name).overlaps(arb(by.value, by.error))


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(12))
def test_the_midpoint_rule_on_many(seed: int) -> None:
    """The midpoint rule with many directions comes to within a few 1e-9 of the ball."""
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(3, 3)) if seed % 2 else rng.integers(-3, 4, (3, 3)).astype(float)
    b = float(rng.integers(-4, 5)) / 4
    by = quadrature_of(filter_of(w, b, "abs"))
    assert by.error is not None
    assert ball(w, b, "abs").overlaps(arb(by.value, by.error))
    assert float(ball(w, b, "abs")) == pytest.approx(by.value, abs=1e-7)


@settings(max_examples=1, deadline=None)
@given(seeds)
def test_the_symmetries_of_the_square_and_the_other_side(seed: int) -> None:
    w = np.random.default_rng(seed).normal(size=(3, 3))
    w = np.round(w * 64) / 64
    one = ball(w, 0.25, "abs")
    assert one.overlaps(ball(w.T[::-1], 0.25, "abs"))
    assert one.overlaps(ball(w, -float(w.sum()) - 0.25, "abs"))
    assert (2 * one).overlaps(ball(-2 * w, -0.5, "abs"))


def test_activations_not_made_of_lines_and_no_taps() -> None:
    assert enclosed(SOBEL, 0.0, "tanh") is None and enclosed(SOBEL, 0.0, "hardshrink") is None
    nothing = enclosed(np.zeros((3, 3)), 0.5, "abs")
    assert nothing is not None and nothing == 0


def test_roots_have_one_key_each() -> None:
    """x² - 2 and its multiples have the same roots, 2x - 1 a rational one; outside the interval
    there are none.
    """
    wide = (Fraction(0), Fraction(2))
    one, two = ((Fraction(-2 * k), Fraction(0), Fraction(k)) for k in (1, -3))
    (first,), (second,) = (list(_roots(poly, *wide)) for poly in (one, two))
    assert first[0] == second[0] and first[1].overlaps(second[1])
    assert first[1].overlaps(arb(2).sqrt())
    assert [key for key, _ in _roots((Fraction(-1), Fraction(2), Fraction(0)), *wide)] == [
        Fraction(1, 2)
    ]
    assert not list(_roots(one, Fraction(0), Fraction(1)))
    assert not list(_roots((Fraction(1), Fraction(0), Fraction(1)), *wide))


@pytest.mark.parametrize(
    ("powers", "stretches"),
    [
        ((1, 0, 0), []),
        ((-1, 0, 0), [(1, "low"), (-1, "high")]),
        ((0, 1, 0), [(1, "low"), (-1, 1)]),
        ((0, -1, 0), [(1, -1), (-1, "high")]),
        ((-1, 0, 4), [(1, -1), (-1, 1)]),
        ((1, 0, -4), [(1, "low"), (-1, 1), (1, -1), (-1, "high")]),
        ((-1, 0, 1), [(1, "low"), (-1, "high")]),
    ],
)
def test_where_a_quadratic_is_negative(powers: tuple[int, ...], stretches: list[Any]) -> None:
    """On -1 < x < 1: constants, lines, and parabolas that dip inside, rise inside, or are 0 at both
    ends.
    """
    gamma, beta, alpha = (Fraction(x) for x in powers)
    low, high = (Fraction(1), Fraction(0)), (Fraction(-1), Fraction(0))
    nothing = (Fraction(0), Fraction(0))
    strip = _Strip(low, high, alpha, (beta, *nothing), (gamma, *nothing))
    names = {low: "low", high: "high"}
    found = [(sign, names.get(end, end)) for sign, end in _negative(strip, Fraction(1, 2))]
    assert sorted(found, key=str) == sorted(stretches, key=str)
