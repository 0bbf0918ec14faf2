"""Random texts: parsed, written and evaluated, they keep their values; and writing is undone by
parsing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp
from flint import arb, ctx, fmpq
from hypothesis import assume, example, given
from hypothesis import strategies as st

from theory.expressions.grammar import parse
from theory.expressions.pieces import z
from theory.expressions.printing import evaluator, to_text
from theory.expressions.tokens import GrammarError

# --- random texts -----------------------------------------------------------------------------

UNARY = (
    "abs",
    "sign",
    "heaviside",
    "relu",
    "exp",
    "log",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "tanh",
    "sinh",
    "cosh",
    "atan",
    "arctan",
    "erf",
    "sigmoid",
    "softplus",
    "silu",
    "gelu",
    "mish",
)
LEAVES = ("z", "z", "z", "0", "1", "2", "7", "0.5", "1e-3", ".25", "pi", "e", "1/3")
EXPONENTS = ("2", "3", "-1", "(1/2)", "(-2/3)", "0", "5")


def _extend(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.tuples(st.sampled_from("+-*/"), inner, inner),
        st.tuples(st.sampled_from(UNARY), inner),
        st.tuples(st.just("-"), inner),
        st.tuples(st.just("**"), inner, st.sampled_from(EXPONENTS)),
        st.tuples(st.just("c**"), st.sampled_from(("2", "0.3", "pi", "e")), inner),
        st.tuples(st.sampled_from(("max", "min")), inner, inner, inner),
    )


TREES = st.recursive(st.sampled_from(LEAVES), _extend, max_leaves=8)


def written(tree: Any) -> str:
    """The tree as text, with all parentheses."""
    if isinstance(tree, str):
        return tree if tree != "1/3" else "(1/3)"
    head, *parts = tree
    texts = [written(part) for part in parts]
    if head == "c**" or head == "**":
        return f"({texts[0]})**({texts[1]})"
    if head in "+-*/":
        return f"(-({texts[0]}))" if len(texts) == 1 else f"(({texts[0]}){head}({texts[1]}))"
    return f"{head}({', '.join(texts)})"


# --- their values in balls --------------------------------------------------------------------


class Undecided(Exception):
    """A ball touches a point where the function is undefined or jumps."""


def _sign(v: arb) -> arb:
    if v > 0 or v < 0:
        return arb(1) if v > 0 else arb(-1)
    if v == 0:
        return arb(0)
    raise Undecided


def _positive(v: arb) -> arb:
    if not v > 0:
        raise Undecided
    return v


def _power(v: arb, exponent: fmpq) -> arb:
    if exponent.q == 1:
        if exponent < 0 and 0 in v:
            raise Undecided
        return v ** int(exponent.p)
    if v == 0 and exponent > 0:
        return arb(0)
    return _positive(v) ** arb(exponent)


BALLS: dict[str, Callable[..., arb]] = {
    "+": lambda u, v: u + v,
    "*": lambda u, v: u * v,
    "/": lambda u, v: u * _power(v, fmpq(-1)),
    "abs": abs,
    "sign": _sign,
    "heaviside": lambda v: arb(int(_sign(v) > 0)),
    "max": lambda *vs: _fold(arb.max, vs),
    "min": lambda *vs: _fold(arb.min, vs),
    "relu": lambda v: v.max(arb(0)),
    "exp": arb.exp,
    "log": lambda v: _positive(v).log(),
    "sqrt": lambda v: _power(v, fmpq(1, 2)),
    "sin": arb.sin,
    "cos": arb.cos,
    "tan": arb.tan,
    "tanh": arb.tanh,
    "sinh": arb.sinh,
    "cosh": arb.cosh,
    "atan": arb.atan,
    "arctan": arb.atan,
    "erf": arb.erf,
    "sigmoid": lambda v: 1 / (1 + (-v).exp()),
    "softplus": lambda v: (1 + v.exp()).log(),
    "silu": lambda v: v / (1 + (-v).exp()),
    "gelu": lambda v: v * (1 + (v / arb(2).sqrt()).erf()) / 2,
    "mish": lambda v: v * (1 + v.exp()).log().tanh(),
}


def _fold(operation: Callable[[arb, arb], arb], balls: tuple[arb, ...]) -> arb:
    total, *others = balls
    for ball in others:
        total = operation(total, ball)
    return total


def _number(text: str) -> fmpq:
    above, _, below = text.strip("()").partition("/")
    value = sp.Rational(above) / sp.Rational(below or "1")
    return fmpq(int(value.p), int(value.q))


def of_tree(tree: Any, point: fmpq) -> arb:
    """The drawn tree at a point, in balls; written apart from the package."""
    if isinstance(tree, str):
        if tree in ("z", "pi", "e"):
            return {"z": arb(point), "pi": arb.pi(), "e": arb.const_e()}[tree]
        return arb(_number(tree))
    head, *parts = tree
    if head == "**":
        return _power(of_tree(parts[0], point), _number(parts[1]))
    values = [of_tree(part, point) for part in parts]
    if head == "c**":
        return (values[1] * values[0].log()).exp()
    if head == "-":
        return -values[0] if len(values) == 1 else values[0] - values[1]
    return BALLS[head](*values)


HEADS = {
    sp.Abs: "abs", sp.sign: "sign", sp.Max: "max", sp.Min: "min", sp.exp: "exp", sp.log: "log",
    sp.sin: "sin", sp.cos: "cos", sp.tan: "tan", sp.tanh: "tanh", sp.atan: "atan", sp.erf: "erf",
}  # fmt: skip


def of_expression(expression: sp.Expr, point: fmpq) -> arb:
    """A sympy expression at a point, in balls."""
    if expression.is_Rational:
        return arb(fmpq(int(expression.p), int(expression.q)))
    if expression in (z, sp.pi, sp.E):
        return {z: arb(point), sp.pi: arb.pi(), sp.E: arb.const_e()}[expression]
    if expression.is_Pow:
        base, exponent = of_expression(expression.base, point), expression.exp
        if exponent.is_Rational:
            return _power(base, fmpq(int(exponent.p), int(exponent.q)))
        return (of_expression(exponent, point) * base.log()).exp()
    if isinstance(expression, sp.Heaviside):
        return BALLS["heaviside"](of_expression(expression.args[0], point))
    values = [of_expression(argument, point) for argument in expression.args]
    if expression.is_Add or expression.is_Mul:
        return _fold(BALLS["+" if expression.is_Add else "*"], tuple(values))
    return BALLS[HEADS[expression.func]](*values)


# --- text, expression, floats ------------------------------------------------------------------


def accepted(text: str) -> sp.Expr:
    """The parsed text; refused ones are not this test's business."""
    try:
        return parse(text, everywhere=False)
    except GrammarError:
        assume(False)


POINTS = (fmpq(-37, 13), fmpq(-3, 7), fmpq(0), fmpq(11, 29), fmpq(1), fmpq(83, 17))


@given(TREES)
@example(("sqrt", ("*", "z", "z")))
@example(("tan", ("+", "z", ("/", "pi", "2"))))
def test_the_value_is_that_of_the_text(tree: Any) -> None:
    """Balls of 200 bits around text and expression must meet wherever both are defined."""
    expression = accepted(written(tree))
    before, ctx.prec = ctx.prec, 200
    try:
        for point in POINTS:
            try:
                stated, found = of_tree(tree, point), of_expression(expression, point)
            except Undecided:
                continue
            assert not (stated.is_finite() and found.is_finite()) or stated.overlaps(found)
    finally:
        ctx.prec = before


@given(TREES)
@example(("*", "2", ("*", ("exp", "z"), ("+", "z", "1"))))
@example(("-", ("*", ("+", "z", "1"), ("exp", "z"))))
@example(("/", ("**", ("+", "z", "7"), "(-2/3)"), ("c**", "pi", ("sqrt", "2"))))
def test_round_trip(tree: Any) -> None:
    expression = accepted(written(tree))
    text = to_text(expression)
    assert parse(text, everywhere=False) == expression
    assert to_text(parse(text, everywhere=False)) == text
    assert not expression.has(sp.I, sp.zoo, sp.nan, sp.oo)
    assert expression.free_symbols <= {z}


@given(TREES, st.floats(-5, 5, allow_nan=False))
def test_parentheses_and_spaces_and_the_name_of_the_variable_do_not_matter(
    tree: Any, point: float
) -> None:
    text = written(tree)
    expression = accepted(text)
    with_x = "".join("x" if c == "z" else c for c in text.replace("**", " ^ "))
    assert parse(f" ( {with_x} ) ", everywhere=False) == expression
    value = evaluator(expression)(point)
    assert value is None or math.isfinite(value)


def test_a_text_without_place_in_the_grammar() -> None:
    for expression in (sp.gamma(z), sp.Heaviside(z), sp.I):
        with pytest.raises(ValueError, match="no text for"):
            to_text(expression)
    with pytest.raises(KeyError):
        evaluator(sp.gamma(z))


@pytest.mark.parametrize("name", UNARY)
def test_floats_of_each_function(name: str) -> None:
    """Against balls.  No function has more than ten roundings, of 2 ulp each at most (libm), and at
    these points none magnifies a relative error more than tenfold: 10 * 10 * 2 * 2**-53 < 2**-44.
    """
    function = evaluator(parse(f"{name}(z)", everywhere=False))
    for point in (0.125, 0.75, 1.25, 3.5):
        value = function(point)
        exact = BALLS[name](arb(point))
        assert value is not None
        assert abs(arb(value) - exact) <= abs(exact) * arb(2) ** -44


def test_floats_have_gaps_where_the_expression_has() -> None:
    for text, point in (("log(z)", -1.0), ("1/z", 0.0), ("exp(exp(z))", 50.0), ("z**(1/3)", -1.0)):
        assert evaluator(parse(text, everywhere=False))(point) is None
    assert evaluator(parse("1/(1+exp(-z))"))(-1e6) == 0
