"""From sympy to numpy: a law in staircase symbols becomes one vectorised function.

The staircase is computed once, by its own recurrence C_j = C_{j-1} + w_j, and common subexpressions
of the rest are shared; there is no Python loop over networks or radii.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike
from scipy.special import expit
from sympy.printing.numpy import NumPyPrinter, SciPyPrinter
from sympy.printing.pycode import PythonCodePrinter

from numerics.arithmetic.types import Array, Elementwise
from numerics.arithmetic.walk import exponent
from theory.expressions.pieces import z
from theory.expressions.spelling import spelled
from theory.pulse.network import g, taps
from theory.pulse.plateau import r
from theory.pulse.signal import phi
from theory.pulse.staircase import definitions

__all__ = [
    "Logistic",
    "Softplus",
    "activation",
    "compile_law",
    "compile_values",
    "exact_law",
    "exact_values",
    "steady",
]


@cache
def activation(name: str) -> tuple[Elementwise, Elementwise]:
    """(σ, σ') of a row, by any spelling of it, as numpy functions, elementwise, float64, any shape.

    No row of the catalogue overflows or warns for |z| up to 1000, but that exp is infinite above
    709.78.  At a kink, and at a jump, σ' is the mean of the slopes on both sides (the compiled
    Heaviside step at 0 is 1/2).

    Raises
    ------
    GrammarError: the name is no spelling of an activation.
    """
    entry = spelled(name)
    if entry.name in _BY_HAND:
        return _BY_HAND[entry.name]
    sound = replace(entry, expression=steady(entry.expression))
    return _elementwise(sound.expression), _elementwise(sound.derivative)


class Logistic(sp.Function):
    """1/(1 + exp(-u)), in one piece for large |u|."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """s' = s(u) s(-u)."""
        (u,) = self.args
        return self * Logistic(-u)


class Softplus(sp.Function):
    """log(1 + exp(u)), likewise."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The logistic function."""
        return Logistic(self.args[0])


def steady(expression: sp.Expr) -> sp.Expr:
    """The expression with its sigmoids and softplus as functions, whose exponentials never stand
    alone.
    """
    if not expression.args:
        return expression
    if isinstance(expression, sp.log) and (u := exponent(expression.args[0])) is not None:
        return Softplus(steady(u))
    below = expression.is_Pow and expression.exp.is_Integer and expression.exp < 0
    if below and (u := exponent(expression.base)) is not None:
        return Logistic(-steady(u)) ** -expression.exp
    if expression.is_Mul:
        for factor in expression.args:  # exp(u)/(1 + exp(u))
            if isinstance(factor, sp.exp) and 1 / (1 + factor) in expression.args:
                others = expression * (1 + factor) / factor
                return steady(others) * Logistic(steady(factor.args[0]))
    return expression.func(*map(steady, expression.args))


def _logistic(z: ArrayLike) -> Array:
    value: Array = expit(np.asarray(z, dtype=float))
    return value


def _softplus(z: ArrayLike) -> Array:
    z = np.asarray(z, dtype=float)
    value: Array = np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z)))
    return value


def _silu_slope(z: ArrayLike) -> Array:
    z = np.asarray(z, dtype=float)
    slope: Array = expit(z) * (1 + z * expit(-z))
    return slope


def _mish_slope(z: ArrayLike) -> Array:
    z = np.asarray(z, dtype=float)
    level = np.tanh(_softplus(z))
    slope: Array = level + z * (1 - level) * (1 + level) * expit(z)
    return slope


def _exp(z: ArrayLike) -> Array:
    """exp(z), infinite above 709.78 without a warning, as torch has it."""
    with np.errstate(over="ignore"):
        value: Array = np.exp(np.asarray(z, dtype=float))
    return value


# The catalogue's exp(z) overflows for large |z|, where these have ordinary values.
_BY_HAND: dict[str, tuple[Elementwise, Elementwise]] = {
    "sigmoid": (_logistic, lambda z: _logistic(z) * _logistic(-np.asarray(z))),
    "softplus": (_softplus, _logistic),
    "logsigmoid": (lambda z: -_softplus(-np.asarray(z)), lambda z: _logistic(-np.asarray(z))),
    "silu": (lambda z: np.asarray(z) * _logistic(z), _silu_slope),
    "mish": (lambda z: np.asarray(z) * np.tanh(_softplus(z)), _mish_slope),
    "exp": (_exp, _exp),
}


def _elementwise(expression: sp.Expr) -> Elementwise:
    special = {"Logistic": expit, "Softplus": _softplus}
    options = {"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True}
    printer = _ProductPrinter({**options, "user_functions": {name: name for name in special}})
    modules = [special, "scipy", "numpy"]
    function = sp.lambdify([z], expression, modules=modules, printer=printer, cse=True)

    def apply(values: ArrayLike) -> Array:
        values = np.asarray(values, dtype=float)
        with np.errstate(over="ignore"):
            value = np.asarray(function(values), dtype=float)
        if value.shape == values.shape and value is not values:
            return value
        # A constant derivative compiles to a scalar: give it the argument's shape.
        return np.broadcast_to(value, values.shape)

    return apply


class _ProductPrinter(SciPyPrinter):
    """Prints z³ as z*z*z: numpy's power is a hundred times slower; and a step as numpy's, where
    sympy would simplify its pieces first.
    """

    def _print_Heaviside(self, expression: sp.Expr) -> str:
        return f"heaviside({', '.join(map(self._print, expression.args))})"

    def _print_Pow(self, expression: sp.Expr, rational: bool = False) -> str:
        base, exponent = expression.args
        if base.is_Symbol and exponent in (3, 4):
            return f"({'*'.join([self._print(base)] * int(exponent))})"
        return str(super()._print_Pow(expression, rational=rational))


def _shared(n: int) -> Callable[[Sequence[sp.Expr]], tuple[list[Any], list[sp.Expr]]]:
    """A cse for lambdify: the staircase's recurrence first, then sympy's."""

    def cse(expressions: Sequence[sp.Expr]) -> tuple[list[Any], list[sp.Expr]]:
        steps = definitions(n)
        # C_{-1} is no name for a Python variable.
        names = {symbol: sp.Symbol(f"step_{k}", real=True) for k, (symbol, _) in enumerate(steps)}
        renamed = [(names[symbol], value.xreplace(names)) for symbol, value in steps]
        replacements, reduced = sp.cse(
            [expression.xreplace(names) for expression in expressions],
            symbols=sp.numbered_symbols("shared_"),
            order="none",
        )
        return renamed + replacements, reduced

    return cse


@cache
def _function(laws: tuple[sp.Expr, ...], n: int, exact: bool) -> Callable[..., list[Any]]:
    """f(taps, r, φ, g) -> values, with g left open: one compilation serves every activation and
    bias.
    """
    # Neither sorted for a reader nor written into a docstring: that would take half of the time.
    options = {"allow_unknown_functions": True, "order": "none"}
    names = {"fully_qualified_modules": False, "inline": True}
    function: Callable[..., list[Any]] = sp.lambdify(
        [list(taps(n)), r, phi, g],
        list(laws),
        modules=[{"Fraction": Fraction}] if exact else "numpy",
        printer=_FractionPrinter(options) if exact else NumPyPrinter(options | names),
        cse=_shared(n),
        docstring_limit=0,
    )
    return function


class _FractionPrinter(PythonCodePrinter):
    """Prints 1/2 as Fraction(1, 2), which Python's own division would round."""

    def _print_Rational(self, expression: sp.Rational) -> str:
        return f"Fraction({expression.p}, {expression.q})"

    _print_Half = _print_Rational


def compile_law(law: sp.Expr, n: int, name: str) -> Callable[..., Array]:
    """Compile a law for n taps and one activation.

    Parameters
    ----------
    law: an expression in the staircase symbols, the taps, r, φ and the undefined g.
    n: the number of taps.
    name: any spelling of an activation.

    Returns
    -------
    f(w, b, r, phi) with w of shape (..., n), b of shape (...), and r, phi of shape (R,);
    the value has shape (..., R), dtype float64.  It raises ValueError for another number of taps.
    """
    function = _function((law,), n, exact=False)
    sigma = activation(name)[0]

    def evaluate(w: ArrayLike, b: ArrayLike, r: ArrayLike, phi: ArrayLike) -> Array:
        w, b = np.asarray(w, dtype=float), np.asarray(b, dtype=float)
        if w.shape[-1] != n:
            raise ValueError(f"the law was compiled for {n} taps, not {w.shape[-1]}")
        columns = [w[..., u, None] for u in range(n)]
        (value,) = function(
            columns, np.asarray(r), np.asarray(phi), lambda z: sigma(z + b[..., None])
        )
        shape = np.broadcast_shapes(w.shape[:-1] + (1,), np.shape(r), np.shape(phi))
        return np.array(np.broadcast_to(value, shape), dtype=float)

    return evaluate


def exact_law(law: sp.Expr, n: int) -> Callable[..., Any]:
    """The same law on exact numbers: f(w, r, phi, g) with g(z) = σ(z + b) as a Python function.

    On ``fractions.Fraction`` nothing is rounded.
    """
    function = _function((law,), n, exact=True)
    return lambda *values: function(*values)[0]


def compile_values(expressions: Sequence[sp.Expr], n: int) -> Callable[..., Array]:
    """Compile expressions in the staircase symbols, the taps and φ, without any g.

    Returns
    -------
    f(w, phi) with w (..., n) and a number φ; the value has shape (..., len(expressions)), float64.
    """
    function = _function(tuple(expressions), n, exact=False)

    def evaluate(w: ArrayLike, phi: float) -> Array:
        w = np.asarray(w, dtype=float)
        values = function([w[..., u] for u in range(n)], 0.0, phi, None)
        return np.stack([np.broadcast_to(v, w.shape[:-1]) for v in values], axis=-1)

    return evaluate


def exact_values(expressions: Sequence[sp.Expr], n: int) -> Callable[..., list[Any]]:
    """The same on exact numbers: f(w, phi)."""
    function = _function(tuple(expressions), n, exact=True)
    return lambda w, phi: function(w, 0, phi, None)
