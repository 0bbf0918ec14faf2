"""The page's activations: σ and σ' in the browser against numpy's, and against fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

from numerics.arithmetic.compile import activation
from theory.expressions.activation import ACTIVATIONS
from verify.explorer.catalogue import module

PLACES = [*np.linspace(-8, 8, 401).tolist(), *np.linspace(-700, 700, 29).tolist()]
VALUES = """
async ([name, places]) => {
  const {catalogue} = await import("catalogue");
  const row = catalogue[name];
  return [places.map((z) => row.sigma(z)), places.map((z) => row.slope(z))];
}
"""
EXACT = """
async ([name, places]) => {
  const {activationOf} = await import("expression");
  const {Fraction} = await import("numbers");
  const {exact} = activationOf(name);
  return exact && places.map((z) => String(exact(Fraction.parse(z))));
}
"""


@pytest.mark.browser
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_in_the_browser_is_that_of_numpy(page: Any, name: str) -> None:
    """Within some units in the last place of either library; sums that cancel, relative to their
    terms, which are about 1.
    """
    places = np.array(PLACES)
    for values, function in zip(
        page.evaluate(VALUES, [name, PLACES]), activation(name), strict=True
    ):
        wanted = function(places)
        assert np.all(
            np.abs(np.array(values) - wanted) <= 64 * np.finfo(float).eps * (1 + np.abs(wanted))
        )


@pytest.mark.browser
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_exact_activation_answers_in_fractions(page: Any, name: str) -> None:
    places = [Fraction(k, 7) for k in range(-50, 51, 3)]
    answers = page.evaluate(EXACT, [name, list(map(str, places))])
    row = ACTIVATIONS[name]
    assert (answers is None) == (not row.piecewise_linear)
    if answers is not None:
        for place, answer in zip(places, answers, strict=True):
            assert str(row(sp.Rational(place))) == answer


def test_every_row_is_there() -> None:
    text = module()
    assert all(f"\n{name}: {{" in text for name in ACTIVATIONS)
