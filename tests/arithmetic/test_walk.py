"""One walk for all arithmetics: what it computes is the expression, on numbers that it has never
seen.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import pytest
import sympy as sp

from numerics.arithmetic.ball import BALLS
from numerics.arithmetic.taylor import SERIES
from numerics.arithmetic.walk import Arithmetic, compiled, expression_of
from theory.expressions.activation import ACTIVATIONS, z


def _constant(expression: sp.Expr) -> Callable[[], float] | None:
    value = None if expression.free_symbols else float(expression)
    return None if value is None else lambda: value


FLOATS = Arithmetic(
    constant=_constant,
    functions={
        sp.Abs: abs,
        sp.Heaviside: lambda x: float(x > 0),
        sp.exp: math.exp,
        sp.log: math.log,
        sp.sin: math.sin,
        sp.tanh: math.tanh,
        sp.atan: math.atan,
        sp.erf: math.erf,
    },
    joins={sp.Add: operator.add, sp.Mul: operator.mul, sp.Max: max, sp.Min: min},
    power=operator.pow,
    divide=operator.truediv,
    logistic=lambda u: 1 / (1 + math.exp(-u)),
    softplus=lambda u: math.log1p(math.exp(u)),
)
"""Python's floats."""


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_the_walk_evaluates_the_expression(name: str) -> None:
    row = ACTIVATIONS[name]
    for x in (-7.5, -2.25, -0.3, 0.2, 0.9, 5.5):
        claimed = float(row.expression.subs(z, sp.Rational(x)).evalf(30))
        assert compiled(row.expression, FLOATS)(x) == pytest.approx(claimed, rel=1e-12, abs=1e-14)


def test_an_unknown_function_is_refused() -> None:
    for arithmetic in (FLOATS, BALLS, SERIES):
        with pytest.raises(ValueError, match="no enclosure for gamma"):
            compiled(sp.gamma(z), arithmetic)
    with pytest.raises(ValueError, match="no enclosure for Pow"):
        compiled(sp.sqrt(z), SERIES)
    assert expression_of("square") == expression_of(z**2) == z**2
