"""The counterexamples to the certificates, judged once more."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from scipy import integrate

from verify.counterexamples.catalogue import searched
from verify.counterexamples.search import Outcome


def _outcome(claim: str, instead: str) -> Outcome:
    (found,) = (o for r in searched(claim) for o in r.outcomes if o.instead == instead)
    return found


def _error(case: Any, r: float) -> float:
    """r̂ - r by numpy, with hardshrink or ReLU."""
    half = case.N // 2
    x = np.clip(r + 0.5 - abs(np.arange(-half, half + 1)), 0, 1)
    z = np.correlate(np.pad(x, len(case.w) // 2), np.array(case.w, float), "valid") + case.b
    act = z * (2 * abs(z) > 1) if case.sigma == "hardshrink" else np.maximum(z, 0)
    return float(case.c + float(case.a) * act.sum() - r)


def test_beyond_a_jump_the_error_is_larger_than_at_all_places_of_the_law() -> None:
    outcome = _outcome("extremes", "σ jumps")
    case = outcome.case
    worst = max(abs(_error(case, r)) for r in np.linspace(float(case.low), float(case.high), 2001))
    assert worst >= float(outcome.truth) > float(outcome.law)


def test_the_mean_over_half_a_cell_is_another() -> None:
    outcome = _outcome("averages", "half a cell")
    case = outcome.case
    low, high = float(case.low), float(case.high)
    total, _ = integrate.quad(lambda r: _error(case, r) ** 2, low, high, points=[low + 0.25])
    np.testing.assert_allclose(total / (high - low), float(outcome.truth), rtol=1e-6)


def test_a_square_that_underflows_is_lost() -> None:
    outcome = _outcome("running", "a square below 2⁻¹⁰⁷⁴")
    w, q = outcome.case.w, outcome.case.q
    assert (w * (1 / q)) ** 2 == 0.0
    assert (Fraction(w) / q) ** 2 == outcome.truth > outcome.law
