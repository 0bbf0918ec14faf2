"""Which activation a text means: one function from every spelling to a row.

    ReLU, nn.SiLU(), swish, leaky-relu            a row of the catalogue
    LeakyReLU(0.2), Softplus(beta=5)              the row with other parameters
    x*sigmoid(1.702*x), quick_gelu                a row of its own, made of the expression

The name of a row is a text that means it: ``spelled(spelled(text).name) == spelled(text)``.  So a
name in a file or on a command line is all that has to be kept of an activation.
"""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType

import sympy as sp

from theory.expressions.activation import ACTIVATIONS, Activation
from theory.expressions.enclosure import z
from theory.expressions.functions import find, hint
from theory.expressions.grammar import Call, call_of, parse, settled
from theory.expressions.operations import applied
from theory.expressions.printing import to_text
from theory.expressions.tokens import GrammarError

__all__ = ["spelled"]

DASHED = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*(?:[- ][A-Za-z0-9_]+)+)\s*(\(.*\))?\s*", re.DOTALL)
"""A name with dashes or blanks, and perhaps parameters."""
BY_EXPRESSION = MappingProxyType(
    {entry.expression: entry for entry in reversed(list(ACTIVATIONS.values()))}
)
"""The first row of the catalogue with an expression."""
OPTIONS = MappingProxyType({"weight": "init"})
"""Parameters that the class in torch.nn calls otherwise."""


@lru_cache(maxsize=1024)
def spelled(text: str) -> Activation:
    """The activation that a name, a class of torch.nn with its parameters, or an expression means.

    Raises
    ------
    GrammarError: none; one printable line that says where, and the nearest name.
    """
    if text in ACTIVATIONS:
        return ACTIVATIONS[text]
    dashed = DASHED.fullmatch(text)
    if dashed and find(dashed[1]):
        return spelled(re.sub("[- ]", "_", dashed[1]) + (dashed[2] or ""))
    try:
        call = call_of(text)
        return _of_expression(parse(text)) if call is None else _of_call(call)
    except GrammarError as error:
        if dashed and (nearest := hint(dashed[1])):
            raise GrammarError(f"no activation is called that{nearest}") from error
        raise


def _of_expression(expression: sp.Expr) -> Activation:
    """The row of the catalogue with this expression, or one named after it."""
    if expression in BY_EXPRESSION:
        return BY_EXPRESSION[expression]
    return Activation(to_text(expression), expression, "", family=expression)


def _of_call(call: Call) -> Activation:
    """The row that a function is, at its parameters; a default may be rounded, as
    torch prints it.
    """
    base = call.function.row
    if base is None:
        return _of_expression(settled(call.function.build(*call.values)))
    values = {
        symbol: default if float(value) == float(default) else value
        for (symbol, default), value in zip(base.parameters.items(), call.values[1:], strict=False)
        if value is not None
    }
    if values == base.parameters:
        return base
    words = ", ".join(f"{symbol}={_decimal(value)}" for symbol, value in values.items())
    options = {OPTIONS.get(str(s), str(s)): float(value) for s, value in values.items()}
    return Activation(
        name=f"{base.name}({words})",
        expression=applied(base.family, {z: z, **values}),
        torch=base.torch,
        options=MappingProxyType(options),
        family=base.family,
        parameters=MappingProxyType(values),
        note=base.note,
    )


def _decimal(value: sp.Expr) -> str:
    """A number as its shortest exact text: 0.2, 1/3, sqrt(2)."""
    text = to_text(value)
    if not value.is_Rational or value.is_Integer:
        return text
    decimal = repr(float(value))
    return decimal if sp.Rational(decimal) == value else text
