"""Enclosed Taylor coefficients: against mpmath, inside one another, at kinks; known inflections."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import sympy as sp
from flint import arb, arb_series
from hypothesis import assume, given
from hypothesis import strategies as st

from numerics.arithmetic.taylor import TERMS, Kinked, expanding, inflections, series, taylor
from theory.expressions.activation import ACTIVATIONS, z
from verify.shape.rates.height import ROWS

SMOOTH = tuple(name for name in ROWS if name != "softsign")


@given(st.sampled_from(ROWS), st.floats(-4, 4), st.integers(0, 12))
def test_taylor_coefficients_are_enclosed(name, centre_at, order) -> None:
    assume(name != "softsign" or abs(centre_at) > 0.1)
    mpmath.mp.prec = 200
    function = sp.lambdify(z, ACTIVATIONS[name].expression, "mpmath")
    stated = mpmath.taylor(function, mpmath.mpf(centre_at), order)[order]
    low, high = taylor(name, centre_at)
    slack = 1e-12 * (1 + abs(float(stated)))
    assert low[order] - slack <= stated <= high[order] + slack
    assert high[order] - low[order] <= slack


@given(st.sampled_from(SMOOTH), st.floats(-4, 4), st.floats(0, 0.25), st.floats(-1, 1))
def test_wide_enclosures_hold_what_lies_inside(name, middle, radius, where) -> None:
    low, high = taylor(name, middle, radius)
    inner = taylor(name, middle + 0.999 * where * radius)
    assert np.all(low <= inner[1]) and np.all(inner[0] <= high)


def test_no_enclosure_at_a_kink() -> None:
    low, high = taylor("softsign", 0.1, 0.2)
    assert np.all(np.isinf(low)) and np.all(np.isinf(high))
    assert np.all(np.isfinite(taylor("softsign", 0.3, 0.2)))


def test_inflections() -> None:
    assert inflections("tanh") == inflections("tanhshrink") == inflections("softsign") == (0.0,)
    assert inflections("exp") == inflections("softplus") == inflections("square") == ()
    assert inflections("gelu") == pytest.approx([-math.sqrt(2), math.sqrt(2)], abs=1e-15)
    assert inflections("sin") == pytest.approx([k * math.pi for k in range(-2, 3)], abs=1e-15)


@pytest.mark.parametrize(
    "sigma", [1 / (z + sp.Rational(1, 20)), sp.Max(z, 2 * z), sp.Abs(z)], ids=str
)
def test_an_expression_that_is_not_smooth_on_the_ball_is_not_expanded(sigma: sp.Expr) -> None:
    with expanding():
        function = series(sigma)
        assert function(arb_series([arb(1, 0.1), 1], prec=TERMS + 1))[0].is_finite()
        with pytest.raises(Kinked):
            function(arb_series([arb(0, 0.1), 1], prec=TERMS + 1))
