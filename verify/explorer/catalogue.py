"""The catalogue of activations as a module of JavaScript: σ and σ' with their parameters, and their
parity.

catalogue.elu.sigma(z, alpha)       float64; without parameters their defaults hold
catalogue.relu.exact(f)
σ in fractions, of rational arithmetic with |.|, max and min; null of others
catalogue.relu.kinks                [{location: "0", jump: "1"}], of the defaults
"""

from __future__ import annotations

import json
from dataclasses import replace

from numerics.arithmetic.compile import steady
from numerics.arithmetic.javascript import Law, function
from theory.expressions.activation import ACTIVATIONS, Activation
from theory.expressions.pieces import z

__all__ = ["module"]


def module() -> str:
    """The text of the module; it takes the functions that JavaScript lacks from the module of
    numbers.
    """
    entries = ",\n".join(f"{name}: {_entry(row)}" for name, row in ACTIVATIONS.items())
    return (
        'import {erf, Logistic, Softplus} from "numbers";\n\n'
        f"export const catalogue = {{\n{entries}\n}};\n"
    )


def _entry(row: Activation) -> str:
    family = replace(row, expression=steady(row.family))
    values = {str(symbol): float(value) for symbol, value in row.parameters.items()}
    functions = [
        _with_defaults(function(Law("sigma", (z, *row.parameters), family.expression)), values),
        _with_defaults(function(Law("slope", (z, *row.parameters), family.derivative)), values),
    ]
    return "{\n" + ",\n".join([f"parity: {json.dumps(row.parity)}", *functions]) + "}"


def _with_defaults(text: str, values: dict[str, float]) -> str:
    """The parameters of the function's head with their defaults."""
    head, brace, body = text.partition(") {")
    for name, value in values.items():
        head = head.replace(f", {name}", f", {name} = {value!r}")
    return head + brace + body
