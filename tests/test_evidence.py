"""The evidence of all claims: it holds for the law, and for no wrong one; and what judges the law
in a column shares no code with it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from pkgutil import resolve_name
from typing import Any

import pytest

from tests.independence import entered, foreign, reached, within
from theory.claim import Claim, find_claims
from verify.report.evidence import Judge
from verify.report.judge import evidence_of, judge
from verify.report.lab import TINY, Lab
from verify.report.verdict import COLUMNS

# Few networks, but enough draws for two of every activation: ten see one and three taps only.
LAB = Lab(dataclasses.replace(TINY, draws=40))
CLAIMS = find_claims()
IDS = [claim.id for claim in CLAIMS]


@pytest.mark.thorough
@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_check_columns_accept_the_law_and_reject_wrong_ones(claim: Claim) -> None:
    evidence = evidence_of(claim.id)
    assert evidence.check(claim.law, LAB).status == "holds"
    for wrong in claim.wrong:
        column = evidence.check(wrong.law, LAB)
        assert (column.status, math.isnan(column.figure)) == ("fails", False), wrong.name


@pytest.mark.thorough
@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_every_claim_is_verified(claim: Claim) -> None:
    verdict = judge(claim, LAB, debug=True)
    assert {
        name: verdict.columns[name].detail
        for name in COLUMNS
        if verdict.columns[name].status != "holds"
    } == {}


# --- independence -----------------------------------------------------------------------------


@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_no_judge_can_reach_what_the_law_reaches(claim: Claim) -> None:
    """In all columns, by the names that stand in the code."""
    judges, below = evidence_of(claim.id).judges, reached([claim.law])
    for column in (judges.proof, judges.check, judges.training):
        assert column.words
        assert column.by
        above = reached(map(resolve_name, column.by))
        assert foreign(above & below, claim.law, column.shared) == set()


def _watched(claim: Claim, judge: Judge, column: Callable[[Any, Lab], Any]) -> None:
    """The judges are at work, and nothing is entered on both sides but what is said to be shared,
    all of which is.
    """
    for name in (*judge.by, *judge.shared):  # what an earlier test has left is not entered again
        getattr(resolve_name(name), "cache_clear", lambda: None)()
    inside, outside = entered(judge, lambda: column(claim.law, Lab(TINY)))
    assert [name for name in judge.by if not any(within(f, [name]) for f in inside)] == []
    both = inside & outside
    assert foreign(both, claim.law, judge.shared) == set()
    assert [name for name in judge.shared if not any(within(f, [name]) for f in both)] == []


DEAR = frozenset(
    {
        "small_radius",
        "endings",
        "steps",
        "conv_bias",
        "ridge",
        "sharpness",
        "shape",
        "rates",
        "extremes",
        "running",
        "dense",
        "background",
        "pair",
        "disk",
        "perimeter",
        "laplacian",
        "curvature",
        "lattice",
    }
)
"""Claims whose check takes half a second or more while every call is watched."""


@pytest.mark.parametrize(
    "claim",
    [
        pytest.param(claim, id=claim.id, marks=[pytest.mark.thorough] * (claim.id in DEAR))
        for claim in CLAIMS
    ],
)
def test_a_check_and_its_law_enter_no_code_in_common(claim: Claim) -> None:
    evidence = evidence_of(claim.id)
    _watched(claim, evidence.judges.check, evidence.check)


@pytest.mark.thorough
@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_training_and_its_law_enter_no_code_in_common(claim: Claim) -> None:
    evidence = evidence_of(claim.id)
    _watched(claim, evidence.judges.training, evidence.train)


def slow_slope(taps: list[Fraction]) -> Fraction:
    """By a loop."""
    total = Fraction(0)
    for tap in taps:
        total += tap
    return total


def asking_slope(taps: list[Fraction]) -> Fraction:
    """By the law: no oracle."""
    return LAW(taps)


def handed_slope(taps: list[Fraction], ask: Callable[[list[Fraction]], Fraction]) -> Fraction:
    """By what it is handed: no name tells."""
    return ask(taps)


def LAW(taps: list[Fraction]) -> Fraction:
    """A toy."""
    return _added(taps)


def _added(taps: list[Fraction]) -> Fraction:
    return sum(taps, Fraction(0))


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """This file counts as one of the project's."""
    monkeypatch.setattr("tests.independence.PACKAGES", (__file__,))
    yield __name__


def test_a_judge_that_asks_the_law_is_caught(planted: str) -> None:
    """Control: by name and at work; one that is handed the law, at work only."""
    taps = [Fraction(1, 2), Fraction(1, 3)]
    for name, ask, by_name, at_work in (
        ("slow_slope", slow_slope, False, False),
        ("asking_slope", asking_slope, True, True),
        ("handed_slope", lambda taps: handed_slope(taps, LAW), False, True),
    ):
        both = reached([globals()[name]]) & reached([LAW])
        assert bool(foreign(both, LAW, ())) == by_name
        judge = Judge(name, (f"{planted}.{name}",))
        inside, outside = entered(judge, lambda ask=ask: ask(taps) == LAW(taps))
        assert bool(foreign(inside & outside, LAW, ())) == at_work
