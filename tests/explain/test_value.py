"""The JSON of an explanation: the documented keys, exact numbers as strings, and nothing that only pictures need."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import fmpq

from tests.accounts import SETUP, account_of
from tests.disk_accounts import STEP, explained
from verify.explain.value import document

PAGE = (Path(__file__).parents[2] / "docs/network.md").read_text(encoding="utf-8")
SIGNAL = account_of([[0.5, 0.25, 0.25]], [0.5], [0.5], -3.0, SETUP)
IMAGE = explained(np.stack([STEP]), np.array([0.25]), None, 0.0073)


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("explanation", [SIGNAL, IMAGE], ids=["signal", "image"])
def test_every_key_is_documented(explanation: Any) -> None:
    found = _keys(document(explanation))
    parts = {*explanation.loss.parts, "float32", "float64"} if explanation is SIGNAL else set()
    assert {key for key in found - parts if f"`{key}`" not in PAGE} == set()


def test_exact_numbers_are_strings_unless_they_are_too_long() -> None:
    assert document(SIGNAL)["loss"]["exact"] == "1/16"
    for digits, shown in ((1997, True), (1998, False)):
        number = fmpq(1, 10**digits)
        long = replace(SIGNAL, loss=replace(SIGNAL.loss, exact=number))
        assert document(long)["loss"]["exact"] == (str(number) if shown else None)


def test_what_fails_decides() -> None:
    assert not SIGNAL.explained and SIGNAL.failing == ("offset", "distance")
    assert document(replace(SIGNAL, failing=()))["explained"] is True
