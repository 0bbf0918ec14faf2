"""The catalogue: every row against a second implementation, its kinks, slopes and symmetry."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from strategies import HOMOGENEOUS, KINKS, RATIONAL, SMOOTH, floats, rationals

from numerics import oracle
from numerics.compile import activation
from theory.activation import ACTIVATIONS, z

ROWS = list(ACTIVATIONS.values())


def test_rows_are_named_once() -> None:
    assert list(ACTIVATIONS) == [row.name for row in ROWS]
    assert set(ACTIVATIONS) == {*RATIONAL, *SMOOTH}
    with pytest.raises(TypeError):
        ACTIVATIONS["relu"] = ROWS[0]  # type: ignore[index]


@given(rationals(), st.sampled_from(RATIONAL))
def test_expression_is_the_oracles(value: Fraction, name: str) -> None:
    stated = ACTIVATIONS[name](sp.Rational(value.numerator, value.denominator))
    assert Fraction(int(stated.p), int(stated.q)) == oracle.RATIONAL[name](value)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_expressions_have_one_symbol(row: object) -> None:
    assert row.expression.free_symbols == {z}


@pytest.mark.parametrize("name", RATIONAL)
def test_slopes_jump_at_the_kinks_by_what_is_stated(name: str) -> None:
    """Difference quotients of exact numbers on both sides of every kink, and none elsewhere."""
    sigma, tiny = oracle.RATIONAL[name], Fraction(1, 1000)
    kinks = dict(KINKS[name])
    for at in [Fraction(k, 4) for k in range(-12, 13)]:
        after, before = sigma(at + tiny) - sigma(at), sigma(at) - sigma(at - tiny)
        assert (after - before) / tiny == kinks.get(at, 0)


@pytest.mark.parametrize("name", HOMOGENEOUS)
def test_slopes_of_homogeneous_rows(name: str) -> None:
    row, sigma = ACTIVATIONS[name], oracle.RATIONAL[name]
    low, high = row.slopes
    assert row.homogeneous
    assert (low, high) == (
        sp.Rational(str(-sigma(Fraction(-1)))),
        sp.Rational(str(sigma(Fraction(1)))),
    )


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - set(HOMOGENEOUS)))
def test_other_rows_have_no_two_slopes(name: str) -> None:
    assert not ACTIVATIONS[name].homogeneous
    with pytest.raises(ValueError, match="not positively homogeneous"):
        _ = ACTIVATIONS[name].slopes


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_is_a_difference_quotient(name: str) -> None:
    """Central differences of step s away from kinks: off by s²/6 max|σ'''| (below 2 for every row here),
    and by the rounding 16u(1 + |z| + |σ|)/s of the two values."""
    sigma, slope = activation(name)
    at, step = np.linspace(-5.03, 5.05, 400), 2.0**-13
    at = at[np.all([np.abs(at - float(t)) > step for t, _ in KINKS.get(name, ())], axis=0)]
    quotient = (sigma(at + step) - sigma(at - step)) / (2 * step)
    allowed = 2 * step**2 / 6 + 16 * 2.0**-53 * (1 + np.abs(at) + np.abs(sigma(at))) / step
    assert np.all(np.abs(quotient - slope(at)) <= allowed)


@pytest.mark.parametrize("name", RATIONAL)
def test_slope_at_a_kink_is_the_mean(name: str) -> None:
    sigma, slope = oracle.RATIONAL[name], activation(name)[1]
    for at, _ in KINKS[name]:
        mean = (sigma(at + 1) - sigma(at - 1)) / 2
        assert slope(float(at)) == pytest.approx(float(mean), abs=2.0**-52)


@given(floats(30.0), st.sampled_from(sorted(ACTIVATIONS)))
@example(20.0, "softplus")
def test_torch_agrees(value: float, name: str) -> None:
    row = ACTIVATIONS[name]
    assume(name != "softplus" or value <= 20)
    found = float(activation(name)[0](value))
    if row.torch:
        module = getattr(torch.nn, row.torch)()
        expected = module(torch.tensor(value, dtype=torch.float64)).item()
    else:
        expected = {"abs": abs(value), "square": value * value}[name]
    # Both sides keep to 8u(1 + |z| + |σ|).
    assert abs(found - expected) <= 16 * 2.0**-53 * (1 + abs(value) + abs(expected))


def test_torch_cuts_softplus_at_twenty() -> None:
    """Above its threshold torch answers z itself: below σ by log(1 + exp(-z)), 1.3e-9 here."""
    value = 20.5
    cut = torch.nn.Softplus()(torch.tensor(value, dtype=torch.float64)).item()
    assert cut == value
    missing = float(activation("softplus")[0](value)) - cut
    # σ(20.5) is rounded to a multiple of 2^-48.
    assert abs(missing - math.log1p(math.exp(-value))) <= 2.0**-48


@pytest.mark.parametrize("name", SMOOTH)
def test_large_arguments_stay_finite(name: str) -> None:
    """No overflow, no warning: pre-activations of a thousand come up while networks are trained."""
    at = np.array([-1000.0, 1000.0])
    module = ACTIVATIONS[name].torch
    expected = getattr(torch.nn, module)()(torch.tensor(at)).numpy() if module else at**2
    assert np.array_equal(activation(name)[0](at), expected)
