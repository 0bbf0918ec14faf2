"""The search itself, on cases of which everything is known."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from verify.counterexamples.search import (
    Case,
    Hypothesis,
    Search,
    at_least,
    close,
    grid,
    ordered,
    sums,
    text,
)


def _search(*hypotheses: Hypothesis) -> Search:
    """Of the numbers from 1 to 20: "it is odd"; what is true is its parity."""
    return Search(
        "claim",
        "it is odd",
        "size",
        lambda: iter(range(1, 21)),
        hypotheses,
        lambda case: True,
        lambda case: case % 2 == 1,
    )


PRIME = Hypothesis("prime", "not prime", lambda n: n > 1 and all(n % d for d in range(2, n)))
ABOVE_TWO = Hypothesis("above 2", "2 or less", lambda n: n > 2)
BELOW_NINE = Hypothesis("below 9", "9 or more", lambda n: n < 9, kept="the proof uses it")


def test_each_hypothesis_is_dropped_alone_and_the_first_case_is_the_smallest() -> None:
    result = _search(PRIME, ABOVE_TWO).run()
    assert [outcome.case for outcome in result.outcomes] == [4, 2]
    assert [outcome.tried for outcome in result.outcomes] == [1, 1]
    assert result.refuting == ()


def test_a_hypothesis_that_is_not_needed_is_tried_to_the_end() -> None:
    result = _search(PRIME, ABOVE_TWO, BELOW_NINE).run()
    last = result.outcomes[-1]
    assert (last.case, last.tried) == (None, len([11, 13, 17, 19]))
    assert result.kept == len([3, 5, 7])


def test_a_law_that_is_false_is_refuted_by_its_own_cases() -> None:
    assert _search(ABOVE_TWO).run().refuting[0] == 4


@pytest.mark.parametrize(("count", "most"), [(0, 2), (1, 3), (2, 3), (3, 2)])
def test_vectors_come_once_each_and_in_order(count: int, most: int) -> None:
    vectors = list(ordered(count, most))
    keys = [(sum(map(abs, v)), v) for v in vectors]
    assert keys == sorted(set(keys))
    # The points of the cross-polytope: Σ_k 2^k (count over k)(most over k).
    size = sum(2**k * math.comb(count, k) * math.comb(most, k) for k in range(count + 1))
    assert len(vectors) == size


def test_a_grid_counts_with_the_last_axis_fastest() -> None:
    cases = list(grid([Case(n=1), Case(n=2)], a=(3, 4), b=lambda case: range(case.n)))
    rows = [tuple(vars(case).values()) for case in cases]
    assert rows == [(1, 3, 0), (1, 4, 0), (2, 3, 0), (2, 3, 1), (2, 4, 0), (2, 4, 1)]
    assert list(grid()) == [Case()]
    assert Case(n=1, a=2).but(n=3, b=4) == Case(n=3, a=2, b=4)


def test_bounds_and_words() -> None:
    assert at_least(1, 1) and at_least(1, 2) and not at_least(1, 0)

    assert close(1e-6)((1.0, 2.0), (1.0, 2.0 + 1e-9)) and not close(1e-6)((1.0, 2.0), (1.0, 2.1))
    assert not close(1e-6)("1/0", (0.0, 0.0)) and close(1e-6)("1/0", "1/0")
    assert str(Case(sigma="relu", r=Fraction(3, 2))) == "σ = relu, r = 3/2"
    assert sums("w and b", 2).startswith("the sum of the absolute values of w and b up to 2")
    assert text((True, None, 0.1234567, (Fraction(1, 2), 3))) == "(yes, none, 0.123457, (1/2, 3))"
