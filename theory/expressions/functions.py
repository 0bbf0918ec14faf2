"""Every function that the grammar reads, by all the names that people give it.

Three kinds: the operations that expressions are made of and others that are written with them;
every row of the catalogue, with its parameters under torch's names; and activations that torch does
not have.  Names are compared without case, ``_`` and ``-``: LeakyReLU, leaky_relu and leaky-relu
are one.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from types import MappingProxyType

import sympy as sp

from theory.expressions.activation import ACTIVATIONS, Activation
from theory.expressions.enclosure import z
from theory.expressions.operations import (
    OPERATIONS,
    Refused,
    applied,
    decided_sign,
    is_constant,
    power,
)

__all__ = ["FUNCTIONS", "PREFIXES", "Function", "find", "hint", "names"]

PREFIXES = frozenset(
    [
        "torch",
        "nn",
        "torch.nn",
        "F",
        "nn.functional",
        "torch.nn.functional",
        "torch.special",
        "special",
        "scipy.special",
        "np",
        "numpy",
        "math",
        "sp",
        "sympy",
    ]
)
"""What may stand before a function's name and a dot."""


@dataclass(frozen=True)
class Function:
    """A function of the grammar.

    Attributes
    ----------
    build: the expression, from the values of the parameters in their order.
    parameters: their names; the first is the argument.
    defaults: of the last parameters; None for one that is left out.
    most: how many arguments without a name there may be beyond the parameters.
    root: what must not be negative, from the same values, or None where nothing is restricted.
    row: the row of the catalogue that it is, or None.
    """

    build: Callable[..., sp.Expr]
    parameters: tuple[str, ...] = ("input",)
    defaults: Mapping[str, sp.Expr | None] = field(default_factory=dict)
    most: int = 0
    root: Callable[..., sp.Expr] | None = None
    row: Activation | None = None


# --- operations -------------------------------------------------------------------------------

MOST_ARGUMENTS = 8
"""Arguments of max and min; sympy compares them pair by pair."""
HALF = sp.Rational(1, 2)
_exp, _log, _abs = OPERATIONS[sp.exp], OPERATIONS[sp.log], OPERATIONS[sp.Abs]
_sign, _heaviside = OPERATIONS[sp.sign], OPERATIONS[sp.Heaviside]
_max, _min = OPERATIONS[sp.Max], OPERATIONS[sp.Min]


def _step(u: sp.Expr, value: sp.Expr) -> sp.Expr:
    """0, ``value`` at 0, 1."""
    return _heaviside(u) + value * (1 - _abs(_sign(u)))


def _clamp(u: sp.Expr, low: sp.Expr | None, high: sp.Expr | None) -> sp.Expr:
    bounded = u if low is None else _max(u, low)
    return bounded if high is None else _min(bounded, high)


def _cbrt(u: sp.Expr) -> sp.Expr:
    return _sign(u) * power(_abs(u), sp.Rational(1, 3))


def _itself(u: sp.Expr) -> sp.Expr:
    return u


def _of_two(build: Callable[[sp.Expr, sp.Expr], sp.Expr], second: str = "other") -> Function:
    return Function(build, ("input", second))


OF_OPERATIONS: Mapping[str, Function] = {
    "abs": Function(_abs),
    "sign": Function(_sign),
    "heaviside": Function(_step, ("input", "values"), {"values": sp.Integer(0)}),
    "max": Function(_max, ("input", "other"), most=MOST_ARGUMENTS - 2),
    "min": Function(_min, ("input", "other"), most=MOST_ARGUMENTS - 2),
    "clamp": Function(_clamp, ("input", "min", "max"), {"min": None, "max": None}),
    "exp": Function(_exp),
    "exp2": Function(lambda u: power(sp.Integer(2), u)),
    "expm1": Function(lambda u: _exp(u) - 1),
    "log": Function(_log, root=_itself),
    "log1p": Function(lambda u: _log(1 + u), root=lambda u: 1 + u),
    "log2": Function(lambda u: _log(u) / sp.log(2), root=_itself),
    "log10": Function(lambda u: _log(u) / sp.log(10), root=_itself),
    "logaddexp": _of_two(lambda u, v: _log(_exp(u) + _exp(v))),
    "sqrt": Function(lambda u: power(u, HALF), root=_itself),
    "rsqrt": Function(lambda u: power(u, -HALF), root=_itself),
    "cbrt": Function(_cbrt),
    "pow": _of_two(power, "exponent"),
    "hypot": _of_two(lambda u, v: power(u**2 + v**2, HALF)),
    "reciprocal": Function(lambda u: power(u, sp.Integer(-1))),
    "neg": Function(lambda u: -u),
    "mul": _of_two(lambda u, v: u * v),
    "add": _of_two(lambda u, v: u + v),
    "sub": _of_two(lambda u, v: u - v),
    "div": _of_two(lambda u, v: u * power(v, sp.Integer(-1))),
    "sin": Function(sp.sin),
    "cos": Function(sp.cos),
    "tan": Function(OPERATIONS[sp.tan]),
    "tanh": Function(OPERATIONS[sp.tanh]),
    "sinh": Function(lambda u: (_exp(u) - _exp(-u)) / 2),
    "cosh": Function(lambda u: (_exp(u) + _exp(-u)) / 2),
    "atan": Function(sp.atan),
    "asinh": Function(lambda u: _log(u + power(u**2 + 1, HALF))),
    "erf": Function(sp.erf),
    "erfc": Function(lambda u: 1 - sp.erf(u)),
    "ndtr": Function(lambda u: (1 + sp.erf(u / sp.sqrt(2))) / 2),
    "float": Function(_itself),
    "tensor": Function(_itself),
    "zeros_like": Function(lambda u: 0 * u),
    "ones_like": Function(lambda u: 0 * u + 1),
}


# --- the catalogue ----------------------------------------------------------------------------

FIXED = {"softplus": {"threshold": sp.Integer(20)}}
"""Parameters that are read with one value only: torch answers z itself where beta z is above this
threshold.
"""
ORDERED = (("min_val", "max_val"), ("lower", "upper"))
"""Parameters of which the first must not be above the second."""


def _of_row(row: Activation, u: sp.Expr, *values: sp.Expr) -> sp.Expr:
    """A row at parameters that are constants."""
    named: dict[str, sp.Expr] = {}
    fixed = FIXED.get(row.name, {})
    names = [*(str(symbol) for symbol in row.parameters), *fixed]
    for name, value in zip(names, values, strict=True):
        if not is_constant(value):
            raise Refused(f"{name} has to be a number")
        if value != fixed.get(name, value):
            raise Refused(f"{name} is read as {fixed[name]} only")
        named[name] = value
    for symbol in row.parameters:
        if symbol.is_positive and decided_sign(named[str(symbol)]) <= 0:
            raise Refused(f"{symbol} has to be positive")
    for low, high in ORDERED:
        if low in named and decided_sign(named[high] - named[low]) < 0:
            raise Refused(f"{low} is above {high}")
    of_symbols = {symbol: named[str(symbol)] for symbol in row.parameters}
    return applied(row.family, {z: u, **of_symbols})


def _function_of(row: Activation) -> Function:
    defaults = {str(symbol): value for symbol, value in row.parameters.items()}
    defaults |= FIXED.get(row.name, {})
    return Function(partial(_of_row, row), ("input", *defaults), defaults, row=row)


# --- activations that torch does not have -----------------------------------------------------


def _others() -> Mapping[str, sp.Expr]:
    sigmoid, root = 1 / (1 + sp.exp(-z)), sp.sqrt(z**2 + 4)
    inner = sp.Rational("0.7978845608") * z * (1 + sp.Rational("0.044715") * z**2)
    return {
        "quick_gelu": z * sigmoid.xreplace({z: sp.Rational("1.702") * z}),
        "gelu_fast": z / 2 * (1 + sp.tanh(inner)),
        "squared_relu": sp.Max(z, 0) ** 2,
        "squareplus": (z + root) / 2,
        "bent_identity": (sp.sqrt(z**2 + 1) - 1) / 2 + z,
        "snake": z + sp.sin(z) ** 2,
        "smish": z * sp.tanh(sp.log(1 + sigmoid)),
        "serf": z * sp.erf(sp.log(1 + sp.exp(z))),
        "symlog": sp.sign(z) * sp.log(1 + sp.Abs(z)),
    }


def _of_expression(expression: sp.Expr, u: sp.Expr) -> sp.Expr:
    return applied(expression, {z: u})


ALIASES = MappingProxyType(
    {
        "ln": "log",
        "fabs": "abs",
        "absolute": "abs",
        "sgn": "sign",
        "maximum": "max",
        "minimum": "min",
        "fmax": "max",
        "fmin": "min",
        "clip": "clamp",
        "power": "pow",
        "multiply": "mul",
        "subtract": "sub",
        "divide": "div",
        "true_divide": "div",
        "negative": "neg",
        "arctan": "atan",
        "arcsinh": "asinh",
        "double": "float",
        "step": "heaviside",
        "expit": "sigmoid",
        "swish": "silu",
        "log_expit": "logsigmoid",
        "linear": "identity",
        "gelu_new": "gelu_tanh",
        "gelu_pytorch_tanh": "gelu_tanh",
        "gelu_accurate": "gelu_tanh",
        "gelu_python": "gelu",
        "relu2": "squared_relu",
    }
)
"""Other names; those of the transformers library for GELU among them."""


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        **{name: _function_of(row) for name, row in ACTIVATIONS.items()},
        **{name: replace(f, row=ACTIVATIONS.get(name)) for name, f in OF_OPERATIONS.items()},
        **{name: Function(partial(_of_expression, f)) for name, f in _others().items()},
    }
)
"""Every function by its name."""


MIXING = frozenset(
    ["softmax", "softmin", "logsoftmax", "glu", "geglu", "swiglu", "reglu", "maxout"]
)
"""Functions of several channels or positions, squeezed."""


PARAMETERS = frozenset(
    {str(symbol) for row in ACTIVATIONS.values() for symbol in row.parameters} | {"gamma", "slope"}
)


def _squeezed(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


@cache
def names() -> Mapping[str, str]:
    """The name of a function, by all of its names, squeezed."""
    return {
        **{_squeezed(name): name for name in FUNCTIONS},
        **{_squeezed(name): target for name, target in ALIASES.items()},
    }


def find(name: str) -> Function | None:
    """The function of a name, None where there is none."""
    known = names().get(_squeezed(name))
    return None if known is None else FUNCTIONS[known]


def hint(name: str) -> str:
    """What to write for an unknown name: the known one that is most like it, if any is."""
    if _squeezed(name) in MIXING:
        return ": it mixes channels or positions, an activation is a function of one number"
    if len(name) == 1 or name in PARAMETERS:
        return ": the variable is x or z, and a parameter is written as a number"
    alike = difflib.get_close_matches(_squeezed(name), names(), 1, 0.7)
    return f": did you mean {names()[alike[0]]}?" if alike else ""
