"""The functions of the grammar as a module of JavaScript: what an expression typed into the page is
made of.

    functions.leaky_relu = {parameters: ["input", "negative_slope"],
                            defaults: {negative_slope: "1/100"}, most: 0, row: true,
                            build: (f, input, negative_slope) => …}
    names.leakyrelu = "leaky_relu"      every name that people give it, without case, _ and -

Each is built from the definition that the package's own grammar uses, in any arithmetic ``f``.
"""

from __future__ import annotations

import json

import sympy as sp

from numerics.arithmetic.compile import steady
from numerics.arithmetic.javascript import Law, function
from theory.expressions.enclosure import z
from theory.expressions.functions import FUNCTIONS, PREFIXES, Function, names
from theory.expressions.grammar import CONSTANTS

__all__ = ["module"]

BY_THE_PAGE = {
    "max": "(f, ...values) => f.max(...values)",
    "min": "(f, ...values) => f.min(...values)",
    "logaddexp": "(f, input, other) => f.add(other, f.Softplus(f.add(input, f.neg(other))))",
    **dict.fromkeys(("pow", "clamp"), "null"),
}
"""Those with many arguments, or that the page builds: what their arguments are decides how."""


def module() -> str:
    """The text of the module."""
    entries = ",\n".join(f"{name}: {_entry(name, each)}" for name, each in FUNCTIONS.items())
    return (
        f"export const functions = {{\n{entries}\n}};\n"
        f"export const names = {json.dumps(dict(names()))};\n"
        f"export const prefixes = {json.dumps(sorted(PREFIXES))};\n"
        f"export const constants = {json.dumps(sorted(CONSTANTS))};\n"
    )


def _entry(name: str, each: Function) -> str:
    defaults = {key: None if x is None else str(x) for key, x in each.defaults.items()}
    told = {
        "parameters": list(each.parameters),
        "defaults": defaults,
        "most": each.most,
        "row": each.row is not None,
    }
    parts = [f"{key}: {json.dumps(value)}" for key, value in told.items()]
    return "{" + ", ".join([*parts, f"build: {BY_THE_PAGE.get(name) or _build(each)}"]) + "}"


def _build(each: Function) -> str:
    if each.row is not None:
        symbols = [z, *each.row.parameters]
        expression = each.row.family
    else:
        symbols = [z, *(sp.Symbol(f"{name}_", real=True) for name in each.parameters[1:])]
        expression = each.build(*symbols)
    text = function(Law("build", tuple(symbols), steady(expression)), "members")
    head, _, body = text.partition(") {")
    return f"(f, {head.partition('(')[2]}) => {{{body}"
