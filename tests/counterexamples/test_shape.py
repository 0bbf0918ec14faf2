"""The counterexamples on activations, judged once more."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from numerics.arithmetic import oracle
from verify.counterexamples.catalogue import searched


def test_an_exact_relu_network_breaks_the_law_of_asymptotes() -> None:
    (result,) = searched("asymptotes")
    outcome = next(o for o in result.outcomes if o.instead == "ReLU")
    ((w, b, a),) = outcome.case.channels
    relu = oracle.RATIONAL["relu"]
    for r in (Fraction(1, 2), Fraction(2, 3), Fraction(5, 4), Fraction(5, 2)):
        x = oracle.overlap_pulse(r, 3)
        assert oracle.answer([(w,)], [b], [a], Fraction(0), relu, x) == r
    assert outcome.truth == (a * w - 1, a * abs(w))


def test_tanh_is_exact_at_half_integers_and_not_between() -> None:
    (result,) = searched("shape")
    (outcome,) = result.outcomes
    assert (outcome.case.sigma, outcome.law, outcome.truth) == ("tanh", False, True)
    r = np.array([0.5, 1.5, 1.75])
    x = np.clip(r[:, None] + 0.5 - abs(np.arange(-2, 3)), 0, 1)
    errors = np.tanh(x).sum(1) / (2 * np.tanh(1)) - r
    np.testing.assert_allclose(errors[:2], 0, atol=1e-12)
    assert abs(errors[2]) > 0.01
