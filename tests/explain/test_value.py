"""The JSON of an explanation: the documented keys, exact numbers as strings, and nothing that only
pictures need.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import fmpq

from tests.accounts import SETUP, account_of
from tests.disk_accounts import STEP, explained
from verify.explain.value import GRADES, LITTLE, SignalExplanation, document, graded

F = Fraction
PAGE = (Path(__file__).parents[2] / "docs/network.md").read_text(encoding="utf-8")


@cache
def _signal() -> SignalExplanation:
    return account_of([[0.5, 0.25, 0.25]], [0.5], [0.5], -3.0, SETUP)


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()


def test_every_key_is_documented() -> None:
    image = explained(np.stack([STEP]), np.array([0.25]), None, 0.0073)
    parts = {*_signal().loss.parts, "float32", "float64"}
    found = _keys(document(image)) | _keys(document(_signal())) - parts
    assert {key for key in found if f"`{key}`" not in PAGE} == set()


def test_exact_numbers_are_strings_unless_they_are_too_long() -> None:
    assert document(_signal())["loss"]["exact"] == "1/16"
    for digits, shown in ((1997, True), (1998, False)):
        number = fmpq(1, 10**digits)
        long = replace(_signal(), loss=replace(_signal().loss, exact=number))
        assert document(long)["loss"]["exact"] == (str(number) if shown else None)


def test_what_fails_decides() -> None:
    assert not _signal().explained and _signal().failing == ("offset", "distance")
    assert document(replace(_signal(), failing=()))["explained"] is True


@pytest.mark.parametrize(
    ("worst", "needed", "tolerance", "grade"),
    [
        (F(1, 10), F(1, 10), F(1, 1000), "near exact"),
        (F(1, 10), F(1, 9), F(1, 1000), "accurate"),
        (F(1, 10), None, F(1, 1000), "accurate"),
        (F(1, 9), F(1, 9), F(1, 1000), "off"),
        (F(1, 9), F(1, 9), F(1, 9), "near exact"),
        (F(1, 9), None, F(1, 9), "accurate"),
        (F(1), None, F(1, 9), "off"),
    ],
)
def test_a_tenth_decides_unless_the_tolerance_is_more(
    worst: Fraction, needed: Fraction | None, tolerance: Fraction, grade: str
) -> None:
    assert graded(worst, needed, tolerance, exact=False) == grade in GRADES
    assert graded(worst, needed, tolerance, exact=True) == "exact"


@pytest.mark.slow
def test_chance_does_not_come_near() -> None:
    """Networks with torch's first weights lie farther from an exact one than the share that counts
    as near.
    """
    for seed in range(12):
        draw, channels, taps = np.random.default_rng(seed), 2 ** (seed % 3), 3 + 2 * (seed % 2)
        w, b = (draw.uniform(-1, 1, size) / taps**0.5 for size in ((channels, taps), channels))
        a, c = (draw.uniform(-1, 1, size) / channels**0.5 for size in (channels, ()))
        for name in ("relu", "abs", "hardtanh"):
            explanation = account_of(w, b, a, float(c), {**SETUP, "activation": name})
            relative = explanation.nearest.relative
            assert explanation.grade == "off" and (relative is None or relative > LITTLE)
