"""Enclosures contain the true value, are tight, and treat jumps soundly."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.arithmetic.ball import constant_ball, sigma_ball
from numerics.arithmetic.compile import activation
from numerics.arithmetic.numbers import dyadic
from numerics.arithmetic.walk import expression_of
from tests.formulas import contains
from theory.expressions.activation import ACTIVATIONS, z
from theory.expressions.tokens import GrammarError

SMOOTH: dict[str, Callable[[Any], Any]] = {
    "elu": lambda x: x if x > 0 else mpmath.expm1(x),
    "celu": lambda x: x if x > 0 else mpmath.expm1(x),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "logsigmoid": lambda x: -mpmath.log1p(mpmath.exp(-x)),
    "gelu": lambda x: x * mpmath.ncdf(x),
    "gelu_tanh": lambda x: (
        x
        / 2
        * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf(44715) / 10**6 * x**3)))
    ),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "arctan": mpmath.atan,
    "erf": mpmath.erf,
    "softsign": lambda x: x / (1 + abs(x)),
    "mish": lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
    "tanhshrink": lambda x: x - mpmath.tanh(x),
    "sin": mpmath.sin,
    "exp": mpmath.exp,
}
"""The rows that are not rational, written once more for mpmath; SELU is compared with torch's
constants below.
"""

SAMPLES = tuple(Fraction(k, 32) for k in range(-320, 321, 7))


def _holds(ball: arb, value: Any) -> bool:
    """The ball meets the tiny one around a value of mpmath, which has 120 more bits."""
    exact = arb(
        fmpq(*map(int, sp.Rational(*mpmath.libmp.to_rational(value._mpf_)).as_numer_denom()))
    )
    return bool(ball.overlaps(exact + arb(0, 1e-60 * (1 + abs(float(value))))))


@pytest.mark.parametrize("name", sorted(SMOOTH))
def test_ball_holds_the_value_and_is_tight(name: str) -> None:
    with mpmath.workprec(300):
        for x in SAMPLES:
            value = mpmath.mpf(SMOOTH[name](mpmath.mpf(x.numerator) / x.denominator))
            for bits in (64, 128):
                with ctx.workprec(bits):
                    ball = sigma_ball(name)(constant_ball(x))
                    assert _holds(ball, value), x
                    assert float(ball.rad()) <= 2.0 ** (24 - bits) * (1 + abs(float(value)))


@pytest.mark.parametrize("name", sorted(oracle.RATIONAL))
def test_ball_of_a_rational_row_holds_the_exact_value(name: str) -> None:
    jumps = {Fraction(str(jump.location)) for jump in ACTIVATIONS[name].jumps}
    for x in SAMPLES:
        value = Fraction(oracle.RATIONAL[name](x))
        with ctx.workprec(128):
            ball = sigma_ball(name)(constant_ball(x))
            assert contains(ball, value)
            if x not in jumps:
                assert float(ball.rad()) <= 2.0**-100 * (1 + abs(value))


def test_every_row_has_an_independent_value() -> None:
    assert set(SMOOTH) | set(oracle.RATIONAL) | {"selu"} == set(ACTIVATIONS)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_ball_agrees_with_the_compiled_function(name: str) -> None:
    jumps = {float(jump.location) for jump in ACTIVATIONS[name].jumps}
    sigma = activation(name)[0]
    for x in map(float, SAMPLES):
        if x not in jumps:
            ball = sigma_ball(name)(arb(x))
            assert math.isclose(float(ball.mid()), float(sigma(x)), rel_tol=1e-11, abs_tol=1e-11)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_wide_ball_holds_the_values_inside(name: str) -> None:
    sigma = sigma_ball(name)
    for low, high in ((-1.25, 1.5), (-0.5, 0.5), (0.25, 6.5), (-4.0, -0.125)):
        wide = sigma(arb((low + high) / 2, (high - low) / 2))
        for x in np.linspace(low, high, 9):
            inside = sigma(arb(float(x)))
            # Where σ is not enclosed at all (a division by a ball with 0) the ball is no number.
            assert not wide.is_finite() or wide.contains(inside.mid()), x


@pytest.mark.parametrize(
    ("name", "at", "before", "after"),
    [("hardshrink", 0.5, 0, 0.5), ("hardshrink", -0.5, -0.5, 0), ("threshold", 1, 0.5, 1)],
)
def test_a_jump_gives_the_hull_of_both_sides(
    name: str, at: float, before: float, after: float
) -> None:
    for x in (arb(at), arb(at, 1e-12)):
        ball = sigma_ball(name)(x)
        assert ball.contains(before) and ball.contains(after)
        assert float(ball.rad()) < 0.51 * (after - before) + 1e-6
    assert not sigma_ball(name)(arb(at + 1e-6)).contains(before)
    assert not sigma_ball(name)(arb(at - 1e-6)).contains(after)


@given(n=st.integers(-6, 6), x=st.fractions(-4, 4, max_denominator=50))
def test_whole_powers(n: int, x: Fraction) -> None:
    if x or n >= 0:
        ball = sigma_ball(z**n if n else sp.Integer(1))(constant_ball(x))
        value = x**n if n else Fraction(1)
        assert contains(ball, value)


def test_even_power_of_a_ball_around_zero_stays_small() -> None:
    ball = sigma_ball(z**2)(arb(0, 0.1))
    assert ball.contains(0) and ball.contains(arb(0.0099)) and float(ball.rad()) < 0.011


def test_constants() -> None:
    with ctx.workprec(200):
        assert constant_ball(0.1).is_exact()
        assert dyadic(constant_ball(0.1)) == Fraction(0.1)
        assert constant_ball(sp.sqrt(2)).contains(arb(2).sqrt())
        assert constant_ball(sp.pi / 3 + sp.log(2)).overlaps(arb.pi() / 3 + arb(2).log())
        assert constant_ball(sp.cbrt(2)).overlaps(arb(2).root(3))
    with pytest.raises(ValueError, match="not a number"):
        constant_ball(z)
    with pytest.raises(ValueError, match="no enclosure"):
        sigma_ball(sp.gamma(z))
    with pytest.raises(GrammarError):
        sigma_ball("nothing")
    assert expression_of("square") == expression_of(z**2) == z**2
