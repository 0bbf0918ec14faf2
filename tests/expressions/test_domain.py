"""Where an expression has no real value: found, with a place where it has none; never said of one
that has.
"""

from __future__ import annotations

import pytest
import sympy as sp
from hypothesis import assume, example, given

from tests.expressions.test_printing import TREES, written
from theory.expressions.domain import undefined
from theory.expressions.grammar import parse
from theory.expressions.pieces import z
from theory.expressions.tokens import GrammarError

PLACES = {
    "log(x)": "z = -1",
    "1 + sqrt(x)": "z = -1",
    "sqrt(1 - x**2)": "z = -2",
    "x**(-1/2)": "z = -1",
    "1/sqrt(abs(x))": "z = 0",
    "log(x**2)": "z = 0",
    "1/(x**2 - 2*x + 1)": "z = 1",
    "1/(x**2 - 2)": "z = -sqrt(2)",
    "x/abs(x)": "z = 0",
    "atan(1/x)": "z = 0",
    "tan(x)": "z = -pi/2",
    "1/sin(x - 1)": "z = 1",
    "1/(exp(x) - 3*x - 5)": "some z close to -1.59932",
    "log(2 - relu(x))": "z = 3",
}
EVERYWHERE = (
    "sqrt(x**2 + 1)",
    "log(1 + exp(x))",
    "log(x + sqrt(x**2 + 1))",
    "x/(1 + abs(x))",
    "sqrt(relu(x))",
    "1/(2 + sin(x))",
    "log(cosh(x))",
    "cbrt(x)",
    "(1 + x**4)**(-1/2)",
    "sin(x)/x",
    "tanh(x)/x",
    "x/(exp(x) - 1)",
    "exp(-1/x**2)",
    "x*log(abs(x))",
    "where(x > 0, log(1 + x), x)",
    "1/(1 + relu(x))",
)


@pytest.mark.parametrize("text", PLACES)
def test_places(text: str) -> None:
    reason = undefined(parse(text, everywhere=False))
    assert f" has no real value at {PLACES[text]};" in reason
    with pytest.raises(GrammarError, match="no real value"):
        parse(text)


@pytest.mark.parametrize("text", EVERYWHERE)
def test_what_is_real_everywhere_is_read(text: str) -> None:
    """Single points that both sides fill in are no gaps."""
    assert undefined(parse(text, everywhere=False)) == ""


@given(TREES)
@example(("/", "1", "z"))
@example(("max", "z", "z", ("**", "z", "-1")))
@example(("log", ("-", "z", "1")))
@example(("*", ("sqrt", "z"), ("sqrt", "z")))
def test_at_the_place_there_is_no_value(tree: object) -> None:
    """The place is put into the expression: sympy finds no finite real number there."""
    try:
        expression = parse(written(tree), everywhere=False)
    except GrammarError:
        assume(False)
    _, _, place = undefined(expression).partition(" has no real value at z = ")
    if place:
        try:
            value = expression.xreplace({z: sp.sympify(place.split(";")[0])})
        except ValueError:  # max and min of what is no number
            return
        assert not (value.is_finite and value.is_real)
