"""The rounding bounds hold, against the same floats in exact rationals, and are not vacuous."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import activation
from numerics.arithmetic.rounding import (
    UNIT,
    gamma,
    lipschitz,
    preactivation_bound,
    prediction_bound,
    response_bound,
)
from tests.strategies import (
    CONTINUOUS,
    RATIONAL,
    SMOOTH,
    few,
    filters,
    floating,
    floats,
    sigma_at,
    widths,
)
from theory.expressions.activation import ACTIVATIONS
from theory.expressions.tokens import GrammarError
from theory.pulse.subpixel import subpixel_response


def selu(v: mpmath.mpf) -> mpmath.mpf:
    alpha, scale = "1.6732632423543772848170429916717", "1.0507009873554804934193349852946"
    return mpmath.mpf(scale) * (v if v > 0 else mpmath.mpf(alpha) * mpmath.expm1(v))


def gelu_tanh(v: mpmath.mpf) -> mpmath.mpf:
    inner = mpmath.sqrt(2 / mpmath.pi) * (v + mpmath.mpf(44715) / 10**6 * v**3)
    return v / 2 * (1 + mpmath.tanh(inner))


PRECISE = {
    "tanh": mpmath.tanh,
    "sigmoid": lambda v: 1 / (1 + mpmath.exp(-v)),
    "softplus": lambda v: mpmath.log1p(mpmath.exp(v)),
    "gelu": lambda v: v * mpmath.ncdf(v),
    "silu": lambda v: v / (1 + mpmath.exp(-v)),
    "square": lambda v: v * v,
    "elu": lambda v: v if v > 0 else mpmath.expm1(v),
    "celu": lambda v: v if v > 0 else mpmath.expm1(v),
    "selu": selu,
    "logsigmoid": lambda v: -mpmath.log1p(mpmath.exp(-v)),
    "gelu_tanh": gelu_tanh,
    "cube": lambda v: v * v * v,
    "arctan": mpmath.atan,
    "erf": mpmath.erf,
    "softsign": lambda v: v / (1 + abs(v)),
    "mish": lambda v: v * (1 - 2 / ((1 + mpmath.exp(v)) ** 2 + 1)),
    "tanhshrink": lambda v: v - mpmath.tanh(v),
    "sin": mpmath.sin,
    "exp": mpmath.exp,
}
"""The smooth rows a second time, at any precision."""


def test_gamma() -> None:
    assert np.finfo(float).eps / 2 == UNIT
    assert gamma(1) == UNIT / (1 - UNIT)
    assert np.array_equal(gamma(np.array([0.0, 3.0])), [0.0, 3 * UNIT / (1 - 3 * UNIT)])


@few
@given(st.data(), widths(), st.sampled_from(CONTINUOUS), st.integers(1, 4), st.integers(0, 3))
def test_law_and_simulation_keep_to_half_the_bound_each(
    data: st.DataObject, n: int, name: str, above: int, spare: int
) -> None:
    """Both sides in float64 against the same floats in exact arithmetic; together
    within the bound.
    """
    w, b = data.draw(filters(n, floats())), data.draw(floats())
    fraction = data.draw(st.integers(0, 64)) / 64
    m = n // 2 + above
    r, half_length = m - 0.5 + fraction, m + n // 2 + spare
    exact = oracle.pooled(
        [Fraction(tap) for tap in w], Fraction(b), oracle.RATIONAL[name],
        oracle.overlap_pulse(Fraction(r), half_length),
    )  # fmt: skip
    simulated = oracle.pooled(w, b, oracle.RATIONAL[name], oracle.overlap_pulse(r, half_length))
    stated = floating(subpixel_response, name, n)(w, b, [r], [fraction])[0]
    bound = response_bound(np.array(w), np.array(b), np.array([r]), 2 * half_length + 1, name)[0]
    assert abs(Fraction(stated) - exact) + abs(Fraction(simulated) - exact) <= bound


@given(st.data(), widths(9), st.sampled_from(SMOOTH), st.integers(1, 3))
def test_smooth_simulation_keeps_to_the_bound(
    data: st.DataObject, n: int, name: str, above: int
) -> None:
    w, b = data.draw(filters(n, floats())), data.draw(floats())
    fraction = data.draw(st.integers(0, 16)) / 16
    m = n // 2 + above
    r, half_length = m - 0.5 + fraction, m + n // 2
    with mpmath.workdps(40):
        exact = oracle.pooled(
            [mpmath.mpf(tap) for tap in w], mpmath.mpf(b), PRECISE[name],
            oracle.overlap_pulse(mpmath.mpf(r), half_length),
        )  # fmt: skip
        sigma = activation(name)[0]
        simulated = oracle.pooled(
            w, b, lambda v: float(sigma(v)), oracle.overlap_pulse(r, half_length)
        )
        stated = float(floating(subpixel_response, name, n)(w, b, [r], [fraction])[0])
        bound = response_bound(np.array(w), np.array(b), np.array([r]), 2 * half_length + 1, name)[
            0
        ]
        assert abs(stated - exact) + abs(simulated - exact) <= bound


@given(st.data(), widths(), st.sampled_from((*RATIONAL, *SMOOTH)))
def test_response_bound_is_not_vacuous(data: st.DataObject, n: int, name: str) -> None:
    """Below 1e-9 of the sum of absolute values that it is a bound on the rounding of."""
    w, b = np.array(data.draw(filters(n, floats()))), np.array(data.draw(floats()))
    r = np.array([n / 2, n / 2 + 3.5])
    size = 2 * (n + 4) + 1
    reach = np.sum(np.abs(w)) + np.abs(b)
    value = abs(float(activation(name)[0](0.0))) + lipschitz(name, np.array(reach)) * reach
    magnitude = (1 + reach + value) * (size + 4 * r + 16 * n)
    assert np.all(response_bound(w, b, r, size, name) < 1e-9 * magnitude)
    assert np.all(response_bound(w, b, r, size, name) > 0)


@given(st.data(), widths(9), st.integers(1, 3), st.sampled_from((*CONTINUOUS, *SMOOTH)))
def test_prediction_bound_holds_and_is_not_vacuous(
    data: st.DataObject, n: int, channels: int, name: str
) -> None:
    w = np.array([[data.draw(filters(n, floats())) for _ in range(channels)]])
    b, a = (np.array([[data.draw(floats()) for _ in range(channels)]]) for _ in "ba")
    c = np.array([data.draw(floats())])
    fraction = data.draw(st.integers(0, 16)) / 16
    m = n // 2 + 1
    r, half_length = m - 0.5 + fraction, m + n // 2
    size = 2 * half_length + 1
    sigma = activation(name)[0]
    x = oracle.overlap_pulse(r, half_length)
    direct, stated = c[0] - r, c[0] - r
    for k in range(channels):
        values = oracle.preactivations(w[0, k].tolist(), b[0, k], x)
        direct += a[0, k] * sum(float(sigma(v)) for v in values)
        response = floating(subpixel_response, name, n)(w[0, k], b[0, k], [r], [fraction])[0]
        stated += a[0, k] * (response + size * float(sigma(b[0, k])))
    bound = prediction_bound(w, b, a, c, np.array([r]), size, name)
    assert bound.shape == (1, 1)
    assert abs(direct - stated) <= bound[0, 0]
    reach = np.sum(np.abs(w), axis=2) + np.abs(b)
    value = abs(float(sigma(0.0))) + lipschitz(name, reach) * reach
    magnitude = abs(c[0]) + r + np.sum(np.abs(a) * (1 + reach + value)) * (size + 4 * r + 16 * n)
    assert bound[0, 0] < 1e-9 * magnitude


@given(st.data(), widths())
def test_preactivation_bound(data: st.DataObject, n: int) -> None:
    w, b = data.draw(filters(n, floats())), data.draw(floats())
    x = data.draw(st.lists(st.floats(0, 1, allow_subnormal=False), min_size=n, max_size=n))
    exact = oracle.preactivations([Fraction(v) for v in w], Fraction(b), [Fraction(v) for v in x])
    found = oracle.preactivations(w, b, x)
    bound = preactivation_bound(np.array(w), np.array(b))
    # The bound is between two evaluations: one of them against the exact value takes half.
    assert max(abs(Fraction(p) - q) for p, q in zip(found, exact, strict=True)) <= bound / 2
    assert bound <= 1e-9 * (np.sum(np.abs(w)) + abs(b))


@pytest.mark.parametrize("name", ACTIVATIONS)
@few
@given(data=st.data())
def test_lipschitz(name: str, data: st.DataObject) -> None:
    p, q = data.draw(floats(20.0)), data.draw(floats(20.0))
    reach = np.array(max(abs(p), abs(q)))
    constant = Fraction(float(lipschitz(name, reach)))
    if name in RATIONAL:
        sigma = sigma_at(name, Fraction(0))
        assume(name != "cube" or reach > 1e-150)  # its square does not underflow
        # Across a jump there is no constant.
        assume(name != "threshold" or (p > 1) == (q > 1))
        assume(name != "hardshrink" or (p > 0.5, p < -0.5) == (q > 0.5, q < -0.5))
        assert abs(sigma(Fraction(p)) - sigma(Fraction(q))) <= constant * abs(
            Fraction(p) - Fraction(q)
        )
    else:
        with mpmath.workdps(60):
            u, v = mpmath.mpf(p), mpmath.mpf(q)
            # 60 digits of values below 10⁹: their difference is good to 1e-50
            assert abs(PRECISE[name](u) - PRECISE[name](v)) <= mpmath.mpf(float(constant)) * abs(
                u - v
            ) + mpmath.mpf("1e-50")


@pytest.mark.parametrize(
    ("name", "sharp"),
    [
        ("gelu", 1.1289),
        ("gelu_tanh", 1.1289),
        ("silu", 1.0998),
        ("mish", 1.0884),
        ("sigmoid", 0.2499),
        ("erf", 1.1283),
        ("selu", 1.7573),
        ("hardswish", 1.4998),
        ("hardsigmoid", 0.1666),
        ("tanhshrink", 0.9999),
        ("cube", 1199.9),
        ("exp", 4.8516e8),
    ],
)
def test_largest_slopes(name: str, sharp: float) -> None:
    """The constants are above the largest derivative on a fine grid, which comes close to them."""
    slopes = activation(name)[1](np.linspace(-20, 20, 100001))
    constant = float(lipschitz(name, np.array(20.0)))
    assert sharp <= np.max(np.abs(slopes)) <= constant


def test_unknown_rows_are_refused() -> None:
    with pytest.raises(GrammarError):
        lipschitz("no such row", np.array(1.0))


@pytest.mark.parametrize(
    ("text", "sharp"),
    [
        ("x*sigmoid(1.702*x)", 1.0998),
        ("LeakyReLU(3)", 3.0),
        ("ELU(2)", 1.99),
        ("sin(30*x)", 29.99),
        ("x**4", 31999.0),
    ],
)
def test_slopes_of_other_activations_are_enclosed(text: str, sharp: float) -> None:
    slopes = activation(text)[1](np.linspace(-20, 20, 100001))
    constant = lipschitz(text, np.array([20.0, 1.0]))
    assert sharp <= np.max(np.abs(slopes)) <= constant[0] <= 1.05 * sharp
    assert np.isinf(lipschitz("sqrt(abs(x))", np.array(1.0)))
    assert lipschitz("Leaky-ReLU", np.array(2.0)) == 1.0
