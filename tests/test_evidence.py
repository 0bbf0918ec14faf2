"""The evidence of all claims: it holds for the law, and for no wrong one."""

from __future__ import annotations

import dataclasses
import math

import pytest

from theory.claim import Claim, find_claims
from verify.report.judge import evidence_of, judge
from verify.report.lab import TINY, Lab
from verify.report.verdict import COLUMNS

# Few networks, but enough draws for two of every activation: ten see one and three taps only.
LAB = Lab(dataclasses.replace(TINY, draws=40))


@pytest.mark.thorough
@pytest.mark.parametrize("claim", find_claims(), ids=lambda claim: claim.id)
def test_check_columns_accept_the_law_and_reject_wrong_ones(claim: Claim) -> None:
    evidence = evidence_of(claim.id)
    assert evidence.check(claim.law, LAB).status == "holds"
    for wrong in claim.wrong:
        column = evidence.check(wrong.law, LAB)
        assert (column.status, math.isnan(column.figure)) == ("fails", False), wrong.name


@pytest.mark.thorough
@pytest.mark.parametrize("claim", find_claims(), ids=lambda claim: claim.id)
def test_every_claim_is_verified(claim: Claim) -> None:
    verdict = judge(claim, LAB, debug=True)
    assert {
        name: verdict.columns[name].detail
        for name in COLUMNS
        if verdict.columns[name].status != "holds"
    } == {}
