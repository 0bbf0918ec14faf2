"""Bounds on rounding by type, or the reason why there is none."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from tests.modules import B2
from verify.explain.roundings import FOLDED, JUMPS, UNKNOWN, roundings
from verify.network import explain


def _roundings(activation: str, **changes: Any) -> dict[str, Fraction | str]:
    explanation: Any = explain(dict(B2), length=17, activation=activation)
    checkpoint = replace(explanation.checkpoint, **changes)
    return roundings(explanation.stored, checkpoint, explanation.setup)


def test_coarser_types_round_more() -> None:
    bounds = _roundings("relu")
    assert list(bounds) == ["float32", "float64"]
    assert 0 < bounds["float64"] < bounds["float32"] / 10**6 < Fraction(1, 10**6)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("activation", "changes", "reason"),
    [
        ("z*tanh(z)", {}, UNKNOWN),
        ("hardshrink", {}, JUMPS),
        ("relu", {"rational": {"conv.weight": None}}, FOLDED),
    ],
)
def test_why_there_is_none(activation: str, changes: dict[str, Any], reason: str) -> None:
    assert set(_roundings(activation, **changes).values()) == {reason}
