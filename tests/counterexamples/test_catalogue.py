"""Every hypothesis of every claim: dropped, with the smallest case that then disobeys, or excused.

One pass of a search tries all cases of its order, so that no smaller one disobeys; what is true
comes from the definitions.  Here the cases are judged once more, hypothesis by hypothesis.
"""

from __future__ import annotations

import csv
import re
from typing import Any

import pytest

from theory.claim import Claim, find_claims
from verify.counterexamples.catalogue import (
    CHAPTERS,
    HEAD,
    REASONS,
    reasons_of,
    rows_of,
    searched,
    searches_of,
)
from verify.counterexamples.search import Search

CLAIMS = {claim.id: claim for claim in find_claims()}
SEARCHED = [name for name in CLAIMS if searches_of(name)]
GLUE = re.compile(r"(?:[\s,;:.]|\b(?:and|or|with|so|on|for)\b)*")
ASYMPTOTIC = {"curvature", "lattice"}
"""Claims of laws that hold in a limit: nothing is tried."""
BUDGET = 5000
"""Cases tried for one hypothesis, at most."""


def _left(claim: Claim[Any], parts: list[str]) -> list[str]:
    """What the parts leave of the claim's assumptions; some are asked in its statement."""
    sentences = [*claim.assumptions, claim.statement]
    for part in sorted(set(parts), key=len, reverse=True):
        pattern = re.compile(".*?".join(map(re.escape, part.split("…"))))
        assert any(map(pattern.search, sentences)), part
        sentences = [pattern.sub(" ", sentence) for sentence in sentences]
    return [sentence for sentence in sentences[:-1] if not GLUE.fullmatch(sentence)]


@pytest.mark.parametrize("name", CLAIMS)
def test_every_word_of_the_assumptions_is_dropped_or_excused(name: str) -> None:
    words = [h.words for search in searches_of(name) for h in search.hypotheses]
    excused = [part for part, reason in reasons_of(name) if reason]
    assert _left(CLAIMS[name], [*words, *excused]) == []


@pytest.mark.parametrize("name", SEARCHED)
def test_the_smallest_case_without_a_hypothesis_disobeys_and_with_all_none_does(name: str) -> None:
    for search, result in zip(searches_of(name), searched(name), strict=True):
        assert result.kept > 0
        assert result.refuting == ()
        for hypothesis, outcome in zip(search.hypotheses, result.outcomes, strict=True):
            assert 0 < outcome.tried <= BUDGET, hypothesis
            assert (outcome.case is None) == bool(hypothesis.kept), hypothesis
            if outcome.case is not None:
                assert not search.agree(outcome.law, outcome.truth)
                assert [h for h in search.hypotheses if not h.holds(outcome.case)] == [hypothesis]


def test_each_search_and_each_reason_is_of_a_claim() -> None:
    assert set(CLAIMS) - set(SEARCHED) == ASYMPTOTIC
    everywhere = [
        s for chapter in CHAPTERS for s in vars(chapter).values() if isinstance(s, Search)
    ]
    assert len(everywhere) == sum(len(searches_of(name)) for name in CLAIMS)
    with REASONS.open(encoding="utf-8", newline="") as file:
        assert {row["claim"] for row in csv.DictReader(file)} <= set(CLAIMS)


def test_rows_are_shown_for_each_hypothesis() -> None:
    for result in searched("plateau"):
        rows = rows_of(result)
        assert len(rows) == len(result.outcomes)
        assert {len(row) for row in rows} == {len(HEAD)}
