"""Operations on real expressions: what is not real, or too large, is refused before it is built."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from theory.expressions.functions import FUNCTIONS
from theory.expressions.operations import (
    DIGITS,
    Refused,
    applied,
    checked,
    decided_sign,
    is_constant,
    power,
    where,
)
from theory.expressions.pieces import z

HALF = sp.Rational(1, 2)
VALUES: list[tuple[str, Any, Any]] = [
    ("heaviside", 0, 0),
    ("sign", 0, 0),
    ("abs", -3, 3),
    ("sqrt", 9, 3),
    ("relu", -2, 0),
    ("exp", 0, 1),
    ("sigmoid", 0, HALF),
    ("gelu", 0, 0),
]


@pytest.mark.parametrize(("name", "argument", "value"), VALUES)
def test_values(name: str, argument: Any, value: Any) -> None:
    function = FUNCTIONS[name]
    values = (sp.Integer(argument), *function.defaults.values())
    assert function.build(*values) == value


@pytest.mark.parametrize(
    ("base", "exponent", "reason"),
    [
        (sp.Integer(-2), HALF, "root of a negative"),
        (sp.Integer(0), sp.Integer(-1), "division by 0"),
        (z, sp.Integer(65), "exponent"),
        (z, sp.Rational(1, 13), "exponent"),
        (z, z, "rational exponent"),
        (sp.Integer(-2), z, "rational exponent"),
    ],
)
def test_powers_that_are_refused(base: sp.Expr, exponent: sp.Expr, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        power(base, exponent)


def test_a_positive_constant_may_have_any_exponent() -> None:
    assert power(sp.Integer(2), z).subs(z, 3).equals(8)
    assert power(z, sp.Integer(64)) == z**64


@pytest.mark.parametrize(
    "expression",
    [
        sp.Integer(10) ** DIGITS + 1,
        sp.zoo,
        sp.I * z,
        sp.gamma(z),
        z**33 * (z + 1) ** 32,
        sp.Add(*((z + k) ** 3 for k in range(100))),
    ],
    ids=["a large number", "infinite", "imaginary", "unknown", "a large degree", "a large tree"],
)
def test_what_is_out_of_bounds_is_refused(expression: sp.Expr) -> None:
    with pytest.raises(Refused):
        checked(expression)


def test_what_is_checked_is_left_as_it_is() -> None:
    for expression in (z**2 + sp.pi, 1 / z, sp.tanh(z) * sp.erf(z)):
        assert checked(expression) is expression
    assert is_constant(sp.pi) and not is_constant(z + 1)


def test_the_extremes_compare_what_differs_by_a_constant() -> None:
    assert FUNCTIONS["max"].build(z, z + 1) == z + 1
    assert FUNCTIONS["min"].build(z, z + 1) == z
    assert FUNCTIONS["max"].build(sp.Integer(2), sp.Rational(3, 2)) == 2


def test_a_value_is_put_in_by_the_same_operations() -> None:
    f = sp.log(1 + sp.Abs(z)) / 2
    assert applied(f, {z: sp.Integer(-3)}) == sp.log(4) / 2
    assert applied(sp.Heaviside(z, 0), {z: z - 1}) == sp.Heaviside(z - 1, 0)
    assert applied(z**2, {}) == z**2
    for f, value in ((1 / z, 0), (sp.log(z), -1), (sp.sqrt(z), -1), (z**40, z**3)):
        with pytest.raises(Refused):
            applied(f, {z: sp.sympify(value)})


def test_a_choice_asks_each_side_for_its_own_values() -> None:
    root, line = sp.sqrt(z), sp.Integer(0)
    assert where(z, True, root, line) == sp.sqrt(sp.Max(z, 0))
    assert where(z, False, z, -z) == sp.Max(z, 0) - sp.Min(z, 0)
    assert where(sp.Integer(0), True, z, -z) == -z and where(sp.Integer(0), False, z, -z) == z
    assert where(z, False, sp.Integer(1), line) == 1 - sp.Heaviside(-z, 0)
    with pytest.raises(Refused):
        where(z, True, sp.log(z), line)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (sp.zoo, "not a real number"),
        (sp.Pow(-2, sp.Rational(1, 3), evaluate=False), "not a real number"),
        (sp.exp(3000), f"not between 10**-{DIGITS} and 10**{DIGITS}"),
    ],
    ids=str,
)
def test_what_a_library_might_make_is_refused(made: sp.Expr, words: str) -> None:
    with pytest.raises(Refused) as error:
        checked(made)
    assert words in str(error.value)


def test_an_extreme_of_what_is_not_real_is_refused() -> None:
    with pytest.raises(Refused, match="not a real number"):
        FUNCTIONS["max"].build(z, sp.I)


def test_what_is_not_real_has_no_sign() -> None:
    assert [decided_sign(x) for x in (sp.sqrt(2) - 1, sp.Integer(0), -sp.pi)] == [1, 0, -1]
    for constant in (sp.log(-2), sp.sqrt(-2)):
        with pytest.raises(Refused, match="the result is not a real number"):
            decided_sign(constant)


def test_a_root_of_a_negative_number_is_no_real_number() -> None:
    with pytest.raises(Refused, match="the result is not a real number"):
        checked(z + sp.root(-8, 3))
