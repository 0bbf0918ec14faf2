"""One-sided exact tests: what they affirm is true, checked in 60 digits; what is false they never
affirm.
"""

from __future__ import annotations

import pytest
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from theory.expressions.normal_form import (
    Unsettled,
    constant_value,
    degree,
    exponential_sum,
    is_zero,
    nonnegative,
    number_sign,
    positive,
    settled,
    shortest,
    vanishes,
)
from theory.expressions.pieces import z

y = sp.Symbol("y", real=True)
leaves = st.sampled_from(
    [
        z,
        z + 1,
        2 * z - 3,
        sp.exp(z),
        sp.exp(-2 * z),
        sp.tanh(z),
        sp.sin(z),
        sp.cos(2 * z),
        sp.erf(z),
        sp.Rational(2, 3),
        sp.sqrt(2),
    ]
)
functions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda f, g: f + g, inner, inner),
        st.builds(lambda f, g: f * g, inner, inner),
        st.builds(lambda f: f**2, inner),
    ),
    max_leaves=5,
)


def value(expression: sp.Expr, at: sp.Expr) -> sp.Expr:
    return sp.sympify(expression.xreplace({z: at})).evalf(60)


@given(functions, functions)
@settings(deadline=None)
def test_zero_is_affirmed_for_rearrangements(f: sp.Expr, g: sp.Expr) -> None:
    assert is_zero((f + g) ** 2 - f**2 - 2 * f * g - g**2)
    assert is_zero(f.rewrite(sp.exp) * g - f * g)


@given(functions)
@settings(deadline=None)
def test_zero_is_never_affirmed_wrongly(f: sp.Expr) -> None:
    if is_zero(f):
        assert all(
            abs(value(f, at)) < sp.Float("1e-45") for at in (sp.Integer(1), sp.Rational(-7, 5))
        )
    assert not is_zero(f**2 + 1)


IDENTITIES = (
    (sp.exp(z) / (1 + sp.exp(z)) - 1 / (1 + sp.exp(-z))) / 2,
    (sp.tanh(z) - sp.sinh(z) / sp.cosh(z)) ** 2 * sp.exp(z),
    sp.log(1 + sp.exp(z)) - sp.log(1 + sp.exp(-z)) - z,
    1 / (1 + sp.exp(-z)) + 1 / (1 + sp.exp(z)) - 1,
    sp.tanh(z) - (sp.exp(2 * z) - 1) / (sp.exp(2 * z) + 1),
    sp.cosh(z) ** 2 - sp.sinh(z) ** 2 - 1,
    sp.sin(z + y) - sp.sin(z) * sp.cos(y) - sp.cos(z) * sp.sin(y),
    1 / (1 + sp.exp(-z - y)) + 1 / (1 + sp.exp(z + y)) - 1,
    sp.exp(sp.Rational(1, 4)) ** 4 * sp.exp(z - 1) - sp.exp(z),
    sp.tanh(z / 3) * (1 + sp.exp(-sp.Rational(2, 3) * z)) + sp.exp(-sp.Rational(2, 3) * z) - 1,
)


@pytest.mark.parametrize("identity", IDENTITIES, ids=str)
def test_identities(identity: sp.Expr) -> None:
    assert is_zero(identity)
    assert not is_zero(identity + sp.Rational(1, 10**6))


def test_what_vanishes_on_a_half_line_only_is_not_zero() -> None:
    assert not is_zero(sp.Abs(z) - z)
    assert not is_zero(sp.log(sp.exp(z) * sp.exp(-z) + z**2) - sp.log(1 + z**2) + sp.Max(z, 0))


@given(functions)
@settings(deadline=None)
def test_signs_on_the_whole_line(f: sp.Expr) -> None:
    """What is called positive or nonnegative is so at many points."""
    at = [sp.Rational(k, 3) for k in range(-9, 10)]
    for candidate in (f, f + 3, f**2 + sp.exp(z), -f - 7):
        values = [value(candidate, point) for point in at]
        if positive(candidate):
            assert min(values) > 0
        if nonnegative(candidate):
            assert min(values) > -sp.Float("1e-45")


POSITIVE = (
    sp.exp(z),
    1 + z**2,
    2 + sp.sin(z),
    sp.exp(2 * z) + 2 * sp.exp(z) + 2,
    1 / (1 + sp.exp(z)) ** 2,
    sp.cosh(z),
    z**4 - z**2 + 1,
    sp.sqrt(1 + z**2),
    3 - sp.tanh(z) - sp.cos(z),
)
NOT_POSITIVE = (
    z,
    z**2,
    1 + sp.sin(z),
    sp.exp(z) - 1,
    z**4 - z**2,
    1 - sp.tanh(z) * 2,
    sp.sin(z) + z**2 / 9,
)


@pytest.mark.parametrize("f", POSITIVE, ids=str)
def test_positive(f: sp.Expr) -> None:
    assert positive(f) and nonnegative(f) and not positive(-f)


@pytest.mark.parametrize("f", NOT_POSITIVE, ids=str)
def test_not_positive(f: sp.Expr) -> None:
    assert not positive(f)


def test_numbers() -> None:
    assert number_sign(sp.exp(1) - sp.Rational(271828, 100000)) == 1
    assert number_sign(sp.sqrt(2) * sp.sqrt(3) - sp.sqrt(6)) == 0
    assert number_sign(sp.I) is None
    assert vanishes(sp.sqrt(5 + 2 * sp.sqrt(6)) - sp.sqrt(2) - sp.sqrt(3)) is True
    assert vanishes(sp.I - 1) is False
    assert number_sign(sp.oo) == 1 and number_sign(-sp.oo) == -1


def test_constants() -> None:
    sigmoid = 1 / (1 + sp.exp(-z))
    assert constant_value(sigmoid + sigmoid.xreplace({z: -z}), sp.Rational(1, 7)) == 1
    assert constant_value(sigmoid, sp.Integer(0)) is None
    assert constant_value(sp.atan(z) + sp.atan(1 / z), sp.Integer(-1)) == -sp.pi / 2
    assert shortest(1 / (1 + sp.E) + sp.E / (1 + sp.E)) == 1


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 2), st.integers(-2, 2)), max_size=4))
@settings(deadline=None)
def test_exponential_sums_are_read_back(terms: list[tuple[int, int, int]]) -> None:
    """Σ c z^k e^{λ z}, shifted: the coefficients by exponent, and their sum is the
    function again.
    """
    f = sum((c * z**k * sp.exp(rate * z + 1) for c, k, rate in terms), sp.Integer(0))
    found = exponential_sum(sp.sympify(f))
    assert found is not None
    assert is_zero(sum((r * sp.exp(q) for q, r in found.items()), sp.Integer(0)) - f)
    assert set(found) <= {rate * z for _, _, rate in terms}


def test_exponential_sums_of_waves_and_gaussians() -> None:
    assert set(exponential_sum(sp.sin(z)) or {}) == {sp.I * z, -sp.I * z}
    assert set(exponential_sum(z * sp.exp(-(z**2)) + 3) or {}) == {-(z**2), sp.Integer(0)}
    assert exponential_sum(sp.tanh(z)) is None
    assert exponential_sum(sp.exp(sp.sin(z))) is None


@given(st.integers(0, 4), st.integers(0, 4))
def test_degree(top: int, bottom: int) -> None:
    assume(top != bottom)
    assert degree((z**top + 1) / (z**bottom + 2)) == top - bottom
    assert degree((z**2 - 1) / (z - 1)) == 1
    assert degree(sp.Integer(0)) is None


def test_a_coefficient_that_may_be_0_settles_nothing() -> None:
    assert settled((sp.sqrt(2) * sp.sqrt(3) - sp.sqrt(6)) * z**2 + z) == sp.Poly(z, z)
    with pytest.raises(Unsettled, match=r"^is sqrt\(2\)/10{50} zero\?$"):
        settled(sp.sqrt(2) / 10**50 * z + 1)
