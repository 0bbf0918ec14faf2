"""What the chapter on invariance takes for true, against numpy's simulations."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from verify.counterexamples.catalogue import searched, searches_of


def _first(claim: str, formula: str, instead: str) -> Any:
    """The outcome of a search."""
    for search, result in zip(searches_of(claim), searched(claim), strict=True):
        if search.formula == formula:
            return next(o for o in result.outcomes if o.instead == instead)
    raise AssertionError(formula)


def test_gradient_descent_ends_where_the_projection_says() -> None:
    outcome = _first("dense", "where gradient descent on the readout ends, without c", "σ(z) = z²")
    case = outcome.case
    (r,) = map(float, case.radii)
    x = np.clip(r + 0.5 - abs(np.arange(-case.L, case.L + 1)), 0, 1) ** 2
    v = np.array(case.v, float)
    for _ in range(2000):
        v -= 0.05 * (x @ v - r) * x
    np.testing.assert_allclose(v, [float(y) for y in outcome.truth], atol=1e-12)


@pytest.mark.parametrize("instead", ["zeros beyond the border", "r between half-integers"])
def test_backgrounds_by_numpy(instead: str) -> None:
    outcome = _first("background", "the pooled response on a background", instead)
    case = outcome.case
    half = case.N // 2
    x = case.beta + np.clip(float(case.r) + 0.5 - abs(np.arange(-half, half + 1)), 0, 1)
    mode = "constant" if case.padding == "zeros" else "wrap"
    padded = np.pad(x, len(case.w) // 2, mode=mode)  # type: ignore[call-overload]
    z = np.correlate(padded, case.w, "valid") + case.b
    assert np.sum(z**2 if case.sigma == "square" else z) == float(outcome.truth)
    assert outcome.law != outcome.truth


def test_three_channels_are_exact_where_two_cannot_be() -> None:
    outcome = _first("pair", "exact on N ≥ n² pixels", "three channels")
    assert (outcome.law, outcome.truth, outcome.case.N) == (False, True, 9)
    outcome = _first("background", "two channels of three taps answer r", "r between half-integers")
    assert outcome.case.r == Fraction(2)
