"""An exact expression in z written as text, and as a function of floats.

The text is in the grammar of :func:`theory.expressions.grammar.parse`, with the least parentheses:

    sum < product < power < atom
    a part is enclosed when it binds less tightly than its place asks for

so that parsing it gives the expression again.  The function evaluates the tree node by node with
the math module; it has no value where the expression is undefined or overflows.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import sympy as sp

from theory.expressions.enclosure import z

__all__ = ["evaluator", "to_text"]

SUM, PRODUCT, POWER, ATOM = range(4)
NAMES = {
    sp.exp: "exp", sp.log: "log", sp.sin: "sin", sp.cos: "cos", sp.tan: "tan", sp.tanh: "tanh",
    sp.atan: "atan", sp.erf: "erf", sp.Abs: "abs", sp.sign: "sign", sp.Max: "max", sp.Min: "min",
    sp.Heaviside: "heaviside",
}  # fmt: skip


def to_text(expression: sp.Expr) -> str:
    """The expression, as :func:`theory.expressions.grammar.parse` returns it, in the grammar.

    Raises
    ------
    ValueError: a part of the expression has no place in the grammar.
    """
    return _written(expression)[0]


def _written(expression: sp.Expr) -> tuple[str, int]:
    """The text, and how tightly its outermost operation binds."""
    if expression.is_Rational:
        tight = expression.is_Integer and expression >= 0
        return str(expression), ATOM if tight else PRODUCT
    if expression == z:
        return "z", ATOM
    if expression == sp.pi:
        return "pi", ATOM
    if expression == sp.E:
        return "exp(1)", ATOM
    if expression.is_Add:
        return _written_sum(expression), SUM
    if expression.is_Mul:
        return _written_product(expression), PRODUCT
    if expression.is_Pow:
        return _written_power(expression)
    if expression.func not in NAMES:
        raise ValueError(f"no text for {type(expression).__name__}")
    arguments = expression.args
    if isinstance(expression, sp.Heaviside):
        if arguments[1] != 0:
            raise ValueError("no text for a Heaviside function that is not 0 at 0")
        arguments = arguments[:1]
    elif isinstance(expression, (sp.Max, sp.Min)):
        arguments = sorted(arguments, key=sp.default_sort_key)
    return f"{NAMES[expression.func]}({', '.join(to_text(a) for a in arguments)})", ATOM


def _enclosed(expression: sp.Expr, level: int) -> str:
    text, binds = _written(expression)
    return text if binds >= level else f"({text})"


def _written_sum(expression: sp.Expr) -> str:
    first, *others = (to_text(term) for term in expression.args)
    signed = (f" - {term[1:]}" if term.startswith("-") else f" + {term}" for term in others)
    return first + "".join(signed)


def _written_product(expression: sp.Expr) -> str:
    coefficient, symbolic = expression.as_coeff_Mul()
    sign = "-" if coefficient < 0 else ""
    above = [str(abs(coefficient.p))] if abs(coefficient.p) != 1 else []
    below = [str(coefficient.q)] if coefficient.q != 1 else []
    for factor in sp.Mul.make_args(symbolic):
        negative = factor.is_Pow and factor.exp.is_Rational and factor.exp < 0
        if negative:
            below.append(_power_text(factor.base, -factor.exp))
        else:
            above.append(_enclosed(factor, POWER))
    return sign + "/".join(["*".join(above) or "1", *below])


def _power_text(base: sp.Expr, exponent: sp.Expr) -> str:
    if exponent == 1:
        return _enclosed(base, ATOM)
    if exponent == sp.Rational(1, 2):
        return f"sqrt({to_text(base)})"
    return f"{_enclosed(base, ATOM)}**{_enclosed(exponent, ATOM)}"


def _written_power(expression: sp.Expr) -> tuple[str, int]:
    base, exponent = expression.base, expression.exp
    if exponent.is_Rational and exponent < 0:
        return f"1/{_power_text(base, -exponent)}", PRODUCT
    return _power_text(base, exponent), ATOM if exponent == sp.Rational(1, 2) else POWER


FLOATS: dict[type[sp.Basic], Callable[..., float]] = {
    sp.Add: lambda *values: math.fsum(values),
    sp.Mul: lambda *values: math.prod(values),
    sp.exp: lambda value: math.exp(value) if value < 709 else math.inf,
    sp.log: math.log,
    sp.sin: math.sin,
    sp.cos: math.cos,
    sp.tan: math.tan,
    sp.tanh: math.tanh,
    sp.atan: math.atan,
    sp.erf: math.erf,
    sp.Abs: abs,
    sp.sign: lambda value: float((value > 0) - (value < 0)),
    sp.Heaviside: lambda value, at_zero: at_zero if value == 0 else float(value > 0),
    sp.Max: max,
    sp.Min: min,
    sp.Pow: math.pow,
}


def evaluator(expression: sp.Expr) -> Callable[[float], float | None]:
    """z -> the expression in floats; None where it is undefined or overflows.

    Raises
    ------
    KeyError: a part of the expression has no place in the grammar.
    """
    tree = _floating(expression)

    def evaluate(point: float) -> float | None:
        try:
            value = tree(point)
        except (ValueError, OverflowError):
            return None
        return value if math.isfinite(value) else None

    return evaluate


def _floating(expression: sp.Expr) -> Callable[[float], float]:
    if expression == z:
        return lambda point: point
    if not expression.args:
        constant = float(expression)
        return lambda point: constant
    operation = FLOATS[expression.func]
    operands = tuple(_floating(argument) for argument in expression.args)
    return lambda point: operation(*(operand(point) for operand in operands))
