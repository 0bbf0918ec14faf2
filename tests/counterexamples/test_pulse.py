"""The counterexamples of the chapter on pulses, judged once more by numpy."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from verify.counterexamples.catalogue import searched, searches_of
from verify.counterexamples.pulse import filters, order
from verify.counterexamples.signals import Filter

MODES: dict[str, Any] = {"zeros": "constant", "reflect": "reflect"}


ACT: dict[str, Any] = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "hardtanh": lambda z: np.clip(z, -1, 1),
    "square": np.square,
}


def _lifted(case: Any, r: Fraction) -> float:
    """Σ [σ(z) - σ(b)] by numpy."""
    half = case.N // 2
    x = np.clip(float(r) + 0.5 - abs(np.arange(-half, half + 1)), 0, 1)
    if case.padding != "none":
        x = np.pad(x, len(case.w) // 2, mode=MODES[case.padding])
    sigma, z = ACT[case.sigma], np.correlate(x, case.w, "valid") + case.b
    return float(np.sum(sigma(z) - sigma(np.array(case.b))))


@pytest.mark.parametrize("claim", ["plateau", "subpixel"])
def test_responses_are_those_of_numpy_and_not_those_of_the_law(claim: str) -> None:
    outcomes = [o for result in searched(claim) for o in result.outcomes if o.case is not None]
    assert len(outcomes) >= 3
    for outcome in outcomes:
        assert _lifted(outcome.case, outcome.case.r) == float(outcome.truth) != float(outcome.law)


def test_two_kinks_inside_steps_may_leave_the_response_straight() -> None:
    """Their bends cancel: D = 0, and yet the kinks are crossed."""
    result = searched("kinks")[1]
    outcome = next(o for o in result.outcomes if o.instead == "two kinks")
    ((w, b, _),) = outcome.case.channels
    case = Filter(N=7, w=w, b=b, sigma=outcome.case.sigma)
    low, middle, high = (_lifted(case, Fraction(k, 4)) for k in (6, 8, 10))
    assert (outcome.law, outcome.truth) == (False, True)
    assert middle == (low + high) / 2


def test_filters_come_in_the_order_that_is_stated() -> None:
    cases = list(filters(5, {1: 1, 3: 1}, ("relu",)))
    keys = [(c.N, len(c.w), sum(map(abs, (*c.w, c.b))), (*c.w, c.b), c.r) for c in cases]
    assert keys == sorted(keys) and all(any(c.w) for c in cases)
    assert {c.r for c in cases if c.N == 5} == {Fraction(k, 2) for k in range(1, 6)}
    assert "up to N = 5 and the sum 1" in order(1, Fraction(1, 2), 5)
    assert searches_of("plateau")[0].order == order(2, Fraction(1, 2), 5)
