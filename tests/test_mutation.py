"""Mutants of the code: the kept counts hold together, and none of a judge survives unexplained."""

from __future__ import annotations

import pytest

from tests.mutation.counts import (
    CHECKERS,
    ROOT,
    Count,
    equivalent,
    modules,
    own_tests,
    stored,
    wilson,
)


def test_modules_have_their_tests() -> None:
    names = modules()
    assert len(names) == len(set(names)) and all((ROOT / name).is_file() for name in names)
    assert str(own_tests("theory/shape/rates/__init__.py")).endswith("tests/shape/test_rates.py")
    assert all(own_tests(name).is_file() for name in CHECKERS)


def test_an_outcome_is_kept_until_the_tests_change() -> None:
    count = Count("module", "tests", 9)
    assert count.open(3) == [0, 1, 2]
    count.judged(2, "s", "a -> b")
    count.judged(0, "k", "c -> d")
    assert (count.outcomes, count.open(4), count.survivors) == ("k?s", [1, 3], {"2": "a -> b"})
    count.again("others")
    assert (count.tests, count.open(4), count.survivors) == ("others", [1, 2, 3], {})


def test_counts_hold_together() -> None:
    counted = stored()
    assert set(CHECKERS) <= set(counted) <= set(modules())
    for count in counted.values():
        assert len(count.outcomes) <= count.mutants
        found = {str(place) for place, letter in enumerate(count.outcomes) if letter == "s"}
        assert found == set(count.survivors)


@pytest.mark.parametrize("name", CHECKERS)
def test_what_judges_has_no_survivors_but_equivalent_ones(name: str) -> None:
    same = equivalent()
    changes = stored()[name].survivors.values()
    assert [change for change in changes if (name, change) not in same] == []


def test_wilson_s_interval_holds_the_share_and_narrows() -> None:
    assert wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1), abs=1e-4)
    low, high = wilson(95, 100)
    assert (low, high) == pytest.approx((0.8882, 0.9785), abs=1e-4)
    assert low < wilson(950, 1000)[0] < 0.95 < wilson(950, 1000)[1] < high
