"""Compiled laws: vectorised equals one by one, shapes, broadcasting, exact numbers, and what is
refused.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from numerics.arithmetic.compile import (
    activation,
    compile_law,
    compile_values,
    exact_law,
    exact_values,
)
from numerics.arithmetic.rounding import response_bound
from tests.strategies import (
    CONTINUOUS,
    PIECEWISE_LINEAR,
    RATIONAL,
    cases,
    exactly,
    filters,
    floating,
    floats,
    sigma_at,
    widths,
)
from theory.expressions.activation import ACTIVATIONS
from theory.expressions.pieces import z
from theory.expressions.spelling import spelled
from theory.expressions.tokens import GrammarError
from theory.pulse.network import g, taps
from theory.pulse.plateau import r, slope
from theory.pulse.signal import phi
from theory.pulse.staircase import C, S
from theory.pulse.subpixel import subpixel_response

NAMES = tuple(ACTIVATIONS)


def batch(data: st.DataObject, shape: tuple[int, ...], n: int) -> tuple[np.ndarray, np.ndarray]:
    count = int(np.prod(shape))
    w = [data.draw(filters(n, floats())) for _ in range(count)]
    b = [data.draw(floats()) for _ in range(count)]
    return np.array(w).reshape(*shape, n), np.array(b).reshape(shape)


@given(
    st.data(),
    widths(9),
    st.sampled_from(NAMES),
    st.sampled_from([(), (2,), (3, 2)]),
    st.integers(1, 3),
)
def test_vectorised_is_elementwise(
    data: st.DataObject, n: int, name: str, shape: tuple[int, ...], radii: int
) -> None:
    w, b = batch(data, shape, n)
    fractions = np.array([data.draw(st.integers(0, 16)) / 16 for _ in range(radii)])
    size = n // 2 + 0.5 + np.arange(radii) + fractions
    function = floating(subpixel_response, name, n)
    found = function(w, b, size, fractions)
    assert found.shape == (*shape, radii)
    assert found.dtype == np.float64
    # numpy may round an elementary function differently in a vector and alone; both keep to the
    # bound
    bound = response_bound(w, b, size, 0, name)
    for index in np.ndindex(*shape):
        for j in range(radii):
            (alone,) = function(w[index], b[index], [size[j]], [fractions[j]])
            assert abs(found[index][j] - alone) <= bound[index][j]


@given(st.data(), widths(9), st.sampled_from(PIECEWISE_LINEAR))
def test_piecewise_linear_laws_are_elementwise_to_the_bit(
    data: st.DataObject, n: int, name: str
) -> None:
    w, b = batch(data, (3,), n)
    fractions = np.arange(4) / 4
    function = floating(subpixel_response, name, n)
    found = function(w, b, n / 2 + fractions, fractions)
    alone = [[function(w[k], b[k], [n / 2 + t], [t])[0] for t in fractions] for k in range(3)]
    assert np.array_equal(found, alone)


@given(cases(most=15), st.sampled_from(CONTINUOUS))
def test_compiled_and_exact_law_agree_within_rounding(case: Any, name: str) -> None:
    n = len(case.w)
    # The floats are exact rationals themselves: both sides see the same numbers.
    w, b = [float(tap) for tap in case.w], float(case.b)
    fraction = round(16 * case.phi) / 16
    radius = case.m - 0.5 + fraction
    exact = exactly(subpixel_response, n)(
        [Fraction(tap) for tap in w],
        Fraction(radius),
        Fraction(fraction),
        sigma_at(name, Fraction(b)),
    )
    found = floating(subpixel_response, name, n)(w, b, [radius], [fraction])[0]
    bound = response_bound(np.array(w), np.array(b), np.array([radius]), 0, name)[0]
    assert abs(Fraction(found) - exact) <= bound


@given(cases(most=15), st.sampled_from(RATIONAL))
def test_exact_law_returns_a_fraction(case: Any, name: str) -> None:
    n = len(case.w)
    value = exactly(subpixel_response, n)(case.w, case.r, case.phi, sigma_at(name, case.b))
    assert type(value) is Fraction


def test_rational_coefficients_stay_exact() -> None:
    law = sp.Rational(1, 3) * g(S) + sp.Rational(1, 2) * r - sp.Rational(2, 7) * phi
    w = [Fraction(1), Fraction(2), Fraction(3)]
    value = exact_law(law, 3)(w, Fraction(1), Fraction(1), lambda z: z)
    assert value == Fraction(6, 3) + Fraction(1, 2) - Fraction(2, 7)


@given(st.data(), st.sampled_from(NAMES))
def test_radii_broadcast(data: st.DataObject, name: str) -> None:
    w, b = batch(data, (2,), 3)
    function = floating(subpixel_response, name, 3)
    whole = function(w, b, [2.0, 2.0, 2.0], [0.5, 0.25, 0.0])
    assert np.array_equal(function(w, b, 2.0, [0.5, 0.25, 0.0]), whole)
    assert np.array_equal(function(w, b, [2.0], [0.5, 0.25, 0.0]), whole)
    assert function(w, b, 2.0, 0.5).shape == (2, 1)
    assert function(w, b, [], []).shape == (2, 0)
    assert function(w[:0], b[:0], [2.0], [0.5]).shape == (0, 1)


@pytest.mark.parametrize("wrong", [1, 3, 7])
def test_another_number_of_taps_is_refused(wrong: int) -> None:
    function = compile_law(slope(), 5, "relu")
    with pytest.raises(ValueError, match=f"compiled for 5 taps, not {wrong}"):
        function(np.zeros(wrong), 0.0, [2.5], [0.0])


def test_the_answer_is_the_callers_own() -> None:
    function = compile_law(slope(), 3, "relu")
    w = np.ones((2, 3))
    found = function(w, np.zeros(2), [1.5, 2.5], [0.0, 0.0])
    found[0, 0] = -1
    assert found[0, 1] == 3.0
    assert np.array_equal(w, np.ones((2, 3)))


def test_an_unknown_activation_is_refused() -> None:
    with pytest.raises(GrammarError):
        compile_law(slope(), 3, "no such row")
    with pytest.raises(GrammarError):
        activation("no such row")


FRESH = (
    "x*sigmoid(1.702*x)",
    "Softplus(beta=5)",
    "x*exp(x)/(1 + exp(x))",
    "x/(1 + exp(-x))**2",
    "smish",
    "x*tanh(softplus(2*x))",
    "LeakyReLU(0.2)",
    "ELU(0.5)",
    "Hardtanh(-2, 2)",
    "symlog",
    "squareplus",
    "where(x > 1, x, x*x)",
    "x*(x > 0)",
    "log(1 + exp(2*x)) - log(1 + exp(x))",
    "3",
    "cos(x) + x",
)
"""Spellings that are no row of the catalogue."""


@pytest.mark.parametrize("text", FRESH)
@pytest.mark.filterwarnings("error")
def test_any_spelling_is_compiled_and_stays_finite(text: str) -> None:
    """Values within 16u(1 + |z| + |σ|) of those to 40 digits; slopes are difference quotients of
    these.
    """
    sigma, steep = activation(text)
    f = spelled(text).expression
    for place in (-1000.0, -40.0, -2.75, -0.6, 0.0, 0.3, 1.75, 2.5, 40.0, 1000.0):
        exact, step = sp.Rational(place), sp.Rational(1, 10**12)
        there, after, before = (
            f.xreplace({z: exact + side * step}).evalf(60, maxn=4000) for side in (0, 1, -1)
        )
        unit = 2.0**-52 * (1 + abs(place) + abs(float(there)))
        assert abs(sigma(place) - float(there)) <= 8 * unit
        assert abs(steep(place) - float((after - before) / (2 * step))) <= 8 * unit + 1e-11


def test_the_slope_of_a_product_of_signs_is_that_beside_its_zero() -> None:
    assert activation("sign(x)*log(1 + abs(x))")[1](np.zeros(1)) == 1.0


@given(st.data(), widths(15))
def test_values_without_an_activation(data: st.DataObject, n: int) -> None:
    w = [data.draw(filters(n)) for _ in range(2)]
    fraction = Fraction(data.draw(st.integers(0, 8)), 8)
    h = n // 2
    expressions = [
        sp.Integer(0),
        S,
        *(C(j - 1, n) + phi * tap for j, tap in zip(range(-h, h + 1), taps(n), strict=True)),
    ]
    found = compile_values(expressions, n)(np.array(w, dtype=float), float(fraction))
    assert found.shape == (2, n + 2)
    for taps_of_one, row in zip(w, found, strict=True):
        exact = exact_values(expressions, n)(taps_of_one, fraction)
        direct = [sum(taps_of_one[:j], Fraction(0)) + fraction * taps_of_one[j] for j in range(n)]
        assert exact == [0, sum(taps_of_one), *direct]
        # n + 3 operations on numbers of at most Σ|w|, and the taps were rounded once
        reach = sum(map(abs, taps_of_one), Fraction(0))
        for x, y in zip(row, exact, strict=True):
            assert abs(Fraction(x) - y) <= (n + 4) * Fraction(1, 2**52) * reach


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_keeps_shapes(name: str) -> None:
    for function in activation(name):
        for shape in ((), (0,), (3,), (2, 1, 4)):
            value = function(np.zeros(shape))
            assert value.shape == shape
            assert value.dtype == np.float64
        for numbers in (np.array([-1, 0, 2]), np.array([-1.5, 0, 0.7], np.float32)):
            value = function(numbers)
            assert value.dtype == np.float64
            assert np.array_equal(value, function(numbers.astype(float)))
