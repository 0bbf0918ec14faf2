"""The counterexamples to readout, symmetry and endings, judged once more by numpy."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from verify.counterexamples.catalogue import searched
from verify.counterexamples.search import Outcome


def _outcome(claim: str, instead: str) -> Outcome:
    (found,) = (o for r in searched(claim) for o in r.outcomes if o.instead == instead)
    return found


def _pooled(case: Any, r: Fraction, sigma: Any) -> float:
    half = case.N // 2
    x = np.clip(float(r) + 0.5 - abs(np.arange(-half, half + 1)), 0, 1)
    z = np.correlate(np.pad(x, len(case.w) // 2), case.w, "valid") + case.b
    return float(np.sum(sigma(z)))


def test_exact_at_half_integers_and_not_between() -> None:
    case = _outcome("loss", "asked at two half-integers only").case
    act = {"identity": lambda z: z, "relu": lambda z: np.maximum(z, 0), "square": np.square}
    first = Fraction(len(case.w), 2)
    errors = [
        float(case.c) + float(case.a) * _pooled(case, r, act[case.sigma]) - float(r)
        for r in (first, first + 1, first + Fraction(1, 2))
    ]
    assert errors[:2] == [0, 0] and errors[2] != 0


def test_the_exact_readout_of_radii_between_half_integers_is_another() -> None:
    outcome = _outcome("readout", "radii between half-integers")
    case, (a, c) = outcome.case, outcome.truth
    assert case.sigma == "square" and case.padding == "zeros"
    answers = [float(a) * _pooled(case, r, np.square) + float(c) for r in case.radii]
    np.testing.assert_allclose(answers, [float(r) for r in case.radii], atol=1e-12)
    assert outcome.law != outcome.truth


def test_a_loss_that_is_no_level_of_a_cell() -> None:
    outcome = _outcome("endings", "σ with other kinks")
    case, half = outcome.case, np.array([0.5, 1.5])
    x = np.clip(half[:, None] + 0.5 - abs(np.arange(-1, 2)), 0, 1)
    z = case.w * x + case.b
    errors = float(case.c) + float(case.a) * np.clip(z, -1, 1).sum(1) - half
    inside = abs(z) < 1
    by_w = (errors * float(case.a) * (inside * x).sum(1)).sum()
    by_a = (errors * np.clip(z, -1, 1).sum(1)).sum()
    assert (by_w, by_a, errors.sum()) == (0, 0, 0)
    assert np.mean(errors**2) == float(outcome.truth) != float(outcome.law)
