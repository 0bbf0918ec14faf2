"""Mutants of the code: the kept counts hold together, and none of a judge survives unexplained."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutation.counts import (
    CHECKERS,
    EVIDENCE,
    ROOT,
    STORE,
    Count,
    Store,
    modules,
    own_tests,
    reasons,
    wilson,
)
from tests.mutation.imports import claims_of
from tests.mutation.judges import JUDGES
from theory.claim import order


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
    assert count.tally(()) == {"k": 1, "s": 1}
    assert count.tally(("a -> b",)) == {"k": 1, "=": 1}
    assert count.tally(("a -> b",), 2) == {"k": 1}
    count.again("others")
    assert (count.tests, count.open(4), count.survivors) == ("others", [1, 2, 3], {})


def test_what_computes_the_same_is_not_judged_again() -> None:
    count = Count("module", "tests", 2)
    for place in (0, 1):
        count.judged(place, "s", f"change {place}")
    count.again("others", {"change 1"})
    assert (count.outcomes, count.survivors) == ("as", {"1": "change 1"})


def test_what_is_killed_by_a_test_that_was_written_for_it_is_counted_apart() -> None:
    """What survived the first tests, and is killed by those that came after, or survives again."""
    count = Count("module", "tests", 3)
    for place, outcome in enumerate("sks"):
        count.judged(place, outcome, f"change {place}")
    count.again("others")
    assert count.outcomes == "aka"
    count.judged(0, "k", "change 0")
    count.judged(2, "s", "change 2")
    assert (count.outcomes, count.survivors) == ("mks", {"2": "change 2"})
    assert count.tally(()) == {"m": 1, "k": 1, "s": 1}


def test_a_sample_is_drawn_for_each_module_by_its_name(tmp_path: Path) -> None:
    """A larger chance adds to it, and other modules do not matter."""
    few, many = (Store(tmp_path / "counts.json", chance) for chance in (1 / 100, 1 / 10))
    drawn = [few.drawn(f"module {k}", 500) for k in range(100)]
    assert drawn == [few.drawn(f"module {k}", 500) for k in range(100)]
    assert all(n <= many.drawn(f"module {k}", 500) for k, n in enumerate(drawn))
    assert abs(sum(drawn) - 500) < 4 * 500**0.5
    assert [Store(few.file, chance).drawn("module", 9) for chance in (0.0, 1.0)] == [0, 9]


def test_counts_are_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "counts.json", 1.0)
    assert store.read() == {}
    counts = {"a.py": Count("module", "tests", 3, "ks", {"1": "é -> e"})}
    store.write(counts)
    assert store.read() == counts and [path.name for path in tmp_path.iterdir()] == ["counts.json"]


@pytest.mark.parametrize("judge", JUDGES)
def test_counts_hold_together(judge: str) -> None:
    """Every module of the sample is there, and so is whatever survived."""
    counted, store = JUDGES[judge].store.read(), JUDGES[judge].store
    assert set(JUDGES[judge].whole) <= set(counted) <= set(JUDGES[judge].modules())
    for module, count in counted.items():
        assert len(count.outcomes) <= count.mutants, module
        found = {str(place) for place, letter in enumerate(count.outcomes) if letter == "s"}
        assert found == set(count.survivors), module
    assert store is {"tests": STORE, "verify": EVIDENCE}[judge]


def test_the_claims_of_a_module_import_it() -> None:
    assert claims_of("theory/training/flow.py") == ["flow"]
    assert claims_of("theory/shape/rates/expansion.py") == ["shape", "rates"]
    assert claims_of("theory/pulse/staircase.py") == [name for _, name in order()]
    assert "theory/shape/sketch.py" not in JUDGES["verify"].modules()
    flow = JUDGES["tests"].parts("theory/training/flow.py")
    assert flow == ["tests/training/test_flow.py", "tests/test_claim.py::flow"]
    assert JUDGES["tests"].parts("numerics/arithmetic/ball.py") == ["tests/arithmetic/test_ball.py"]


@pytest.mark.parametrize("name", CHECKERS)
def test_what_judges_has_no_survivors_but_equivalent_ones(name: str) -> None:
    same = reasons()
    changes = STORE.read()[name].survivors.values()
    assert [change for change in changes if (name, change) not in same] == []


def test_wilson_s_interval_holds_the_share_and_narrows() -> None:
    assert wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1), abs=1e-4)
    low, high = wilson(95, 100)
    assert (low, high) == pytest.approx((0.8882, 0.9785), abs=1e-4)
    assert low < wilson(950, 1000)[0] < 0.95 < wilson(950, 1000)[1] < high
