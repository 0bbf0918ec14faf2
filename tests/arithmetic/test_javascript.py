"""From sympy to JavaScript: the text; what it computes is tried in a browser (tests/explorer)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
import sympy as sp

from numerics.arithmetic.javascript import FRACTION, Law, function, leaves, traced

x, y = sp.symbols("x w_-1", real=True)
g = sp.Function("g")


def _one(expression: Any, arithmetic: Any = "float") -> str:
    return function(Law("f", (x, y), expression), arithmetic)


def test_arguments_are_taken_apart_and_named_for_javascript() -> None:
    text = function(Law("sum", ([[x, y]], g), g(x) + y))
    assert text == "sum([[x, w_m1]], g) {\n  return w_m1 + g(x);\n}"


@dataclass(frozen=True)
class _Pair:
    one: Any
    other: Any


def test_the_shape_of_a_result_is_kept() -> None:
    law = traced("pair", lambda x: _Pair([x, 2 * x], {"deep": x + 1}), x)
    assert "return {one: [x, 2*x], other: {deep: x + 1}};" in function(law)
    assert list(leaves(law.result)) == [x, 2 * x, x + 1]


def test_common_parts_are_computed_once() -> None:
    text = _one([sp.sqrt(x**2 + 1), 1 / sp.sqrt(x**2 + 1)])
    assert text.count("Math.sqrt") == 1


def test_a_power_below_a_fraction_bar_stays_together() -> None:
    """x/y**2 was printed as x/y*y."""
    assert _one(x / y**2) == "f(x, w_m1) {\n  return x/(w_m1*w_m1);\n}"


def test_fractions_are_calls_of_what_the_caller_brings() -> None:
    assert _one(x / 2 - y**2, "fraction").splitlines()[-2].strip() == (
        "return f.add(f.neg(f.power(w_m1, 2)), f.div(x, f.ratio(2n, 1n)));"
    )
    members = set(
        re.findall(r"f\.(\w+)\(", _one(sp.Max(x, -y) / 3 + abs(x) * sp.Min(y, 1) / x, "fraction"))
    )
    assert members <= set(FRACTION)


@pytest.mark.parametrize("expression", [sp.sqrt(x), sp.log(x), sp.exp(x), sp.sin(x)])
def test_what_is_not_rational_has_no_fractions(expression: sp.Expr) -> None:
    with pytest.raises(ValueError, match="not rational"):
        _one(expression, "fraction")


def test_members_take_any_function() -> None:
    text = _one(
        sp.exp(x) + sp.tanh(y) + x ** sp.Rational(1, 3) + sp.Heaviside(x, 0) + sp.pi, "members"
    )
    for call in (
        "f.exp(x)",
        "f.tanh(w_m1)",
        "f.raised(x, f.ratio(1n, 3n))",
        "f.heaviside(x, f.ratio(0n, 1n))",
        "f.pi()",
    ):
        assert call in text


def test_a_step_has_the_value_it_is_given_at_its_place() -> None:
    assert "(x > 0 ? 1 : x < 0 ? 0 : 1/2)" in _one(sp.Heaviside(x))


def test_long_rationals_are_rounded_once() -> None:
    third = sp.Rational(10**30 + 1, 3 * 10**30)
    assert "return 0.3333333333333333;" in _one(third)
