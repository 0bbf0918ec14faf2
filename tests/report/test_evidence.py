"""Evidence is a type: a misspelt part, or one that is left out, is an error at once."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.columns import JUDGES
from verify.report.evidence import Evidence
from verify.report.lab import PROFILES, TINY, Lab
from verify.report.verdict import Column, column


def _check(law: Any, lab: Lab) -> Column:
    return column(0, 0, "nothing")


def test_what_is_not_offered_is_empty() -> None:
    evidence = Evidence(_check, _check, JUDGES)
    lab = Lab(TINY)
    assert list(evidence.needs(PROFILES["quick"])) == []
    assert list(evidence.figures(lab)) == list(evidence.sections(lab)) == []


def test_misspelt_and_missing_parts_are_refused() -> None:
    misspelt: dict[str, Any] = {"figure": lambda lab: []}
    with pytest.raises(TypeError, match="figure"):
        Evidence(_check, _check, JUDGES, **misspelt)
    with pytest.raises(TypeError, match="train"):
        Evidence(_check, judges=JUDGES)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="judges"):
        Evidence(_check, _check)  # type: ignore[call-arg]


def test_it_does_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Evidence(_check, _check, JUDGES).check = _check  # type: ignore[misc]
