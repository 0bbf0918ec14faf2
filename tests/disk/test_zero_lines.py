"""Second differences of distances: where they are positive, where their signs meet."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from numerics.disk.closed_form import rational
from theory.disk.laplacian import second
from theory.disk.zero_lines import Crossing, centre_of, crossing, stretches
from verify.disk.claims.laplacian import SECONDS

ORIGIN = (Fraction(0), Fraction(0))


@settings(max_examples=30)
@given(st.lists(st.floats(0, 4), min_size=4, max_size=4), st.floats(0, 4))
@example([1.0, 0.0, 0.0, 0.0], 0.0)
def test_what_the_lemma_says(weights: list[float], more: float) -> None:
    """Taps beside the middle >= 0 and S <= 0, or all >= 0: one sign on each side, and the same for
    all directions.
    """
    assume(max(weights) > 2.0**-40)
    w = sum(a * pair for a, pair in zip(weights, SECONDS + 2 * (SECONDS == -2), strict=True))
    for middle in (-2 * float(sum(map(Fraction, weights))) - more, more):
        w[1, 1] = middle
        level = -sum(rational(w).values()) / 2
        if sum(rational(w).values()) <= 0 or middle >= 0:
            assert crossing(rational(w), level) == Crossing("centre", ORIGIN, False)


@pytest.mark.parametrize("e", [(1, 0), (2, 0), (1, 1), (2, 1), (2, -2)])
def test_second_differences_are_nowhere_positive_above_their_middle(e: tuple[int, int]) -> None:
    w = second(e)
    assert crossing(w) == Crossing("centre", ORIGIN, False)
    assert all(set(one.signs) == {-1} for one in stretches(w, centre=ORIGIN))


def test_a_centre_is_where_it_is() -> None:
    assert centre_of({(0, 0): Fraction(0)}) is None
    assert centre_of({(0, 0): Fraction(1), (0, 1): Fraction(1)}) == (0, Fraction(1, 2))
    assert centre_of({(0, 0): Fraction(1), (0, 1): Fraction(2)}) is None
    assert centre_of(rational(np.ones((3, 3)))) == ORIGIN
    assert crossing(rational(np.zeros((3, 3)))).kind == "none"
