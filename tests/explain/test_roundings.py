"""Bounds on rounding by type, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from torch import Tensor

from tests.modules import B2
from verify.explain.roundings import FOLDED, JUMPS, UNKNOWN, roundings
from verify.network import explain


def _roundings(
    activation: str, weights: Mapping[str, Tensor] = B2, **changes: Any
) -> dict[str, Fraction | str]:
    explanation: Any = explain(dict(weights), length=17, activation=activation)
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
    assert _roundings(activation, **changes) == {"float32": reason, "float64": reason}


def test_smooth_activations_round_too() -> None:
    bounds = _roundings("tanh")
    assert 0 < bounds["float64"] < bounds["float32"] < 1  # type: ignore[operator]


def test_a_type_that_does_not_hold_the_weights_has_no_bound() -> None:
    double = {name: weight.double() for name, weight in B2.items()}
    assert list(_roundings("relu", double)) == ["float32", "float64"]
    finer = double | {"readout.bias": double["readout.bias"] + 2.0**-40}
    assert list(_roundings("relu", finer)) == ["float64"]


def test_a_type_that_overflows_says_so() -> None:
    bounds = _roundings("relu", {k: 1024 * v for k, v in B2.items()}, dtype="float16")
    assert list(bounds) == ["float16", "float32", "float64"]
    assert "overflow" in str(bounds["float16"]) and isinstance(bounds["float64"], Fraction)


def test_without_a_bound_in_float64_there_is_no_explanation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    explanation: Any = explain(dict(B2), length=17, activation="relu")

    def fail(*arguments: object) -> Fraction:
        raise ValueError("too many operations")

    monkeypatch.setattr("verify.explain.roundings.running_error", fail)
    with pytest.raises(ValueError, match="too many operations"):
        roundings(explanation.stored, explanation.checkpoint, explanation.setup)
