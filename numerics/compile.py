"""From sympy to numpy: a law in staircase symbols becomes one vectorised function.

The staircase is computed once, by its own recurrence C_j = C_{j-1} + w_j, and common subexpressions of
the rest are shared; there is no Python loop over networks or radii.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray
from sympy.printing.pycode import PythonCodePrinter

from theory.activation import ACTIVATIONS, z
from theory.network import g, taps
from theory.plateau import r
from theory.signal import phi
from theory.staircase import definitions

__all__ = ["activation", "compile_law", "exact_law"]

Array = NDArray[np.float64]
bias = sp.Symbol("b", real=True)


@cache
def activation(name: str) -> tuple[Callable[[Any], Array], Callable[[Any], Array]]:
    """(σ, σ') of a catalogue row as numpy functions, elementwise, float64, any shape.

    At a kink σ' is the mean of the two slopes (numpy's value of the Heaviside step at 0 is 1/2).

    Raises
    ------
    KeyError: there is no such row.
    """
    row = ACTIVATIONS[name]
    return _elementwise(row.expression), _elementwise(row.derivative)


def _elementwise(expression: sp.Expr) -> Callable[[Any], Array]:
    function = sp.lambdify([z], expression, modules=["scipy", "numpy"], cse=True)

    def apply(values: ArrayLike) -> Array:
        values = np.asarray(values, dtype=float)
        # A constant derivative compiles to a scalar: give it the argument's shape.
        return np.broadcast_to(np.asarray(function(values), dtype=float), values.shape)

    return apply


def _concrete(law: sp.Expr, name: str) -> sp.Expr:
    """The law with g(z) = σ(z + b) written out for one activation."""
    row = ACTIVATIONS[name]
    values = {call: row(call.args[0] + bias) for call in law.atoms(sp.Function) if call.func == g}
    return law.xreplace(values)


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


def _function(
    law: sp.Expr, n: int, name: str, modules: list[Any], printer: Any = None
) -> Callable[..., Any]:
    arguments = [list(taps(n)), bias, r, phi]
    expressions = [_concrete(law, name)]
    function = sp.lambdify(
        arguments, expressions, modules=modules, printer=printer, cse=_shared(n)
    )
    return lambda *values: function(*values)[0]


@cache
def compile_law(law: sp.Expr, n: int, name: str) -> Callable[..., Array]:
    """Compile a law for n taps and one activation.

    Parameters
    ----------
    law: an expression in the staircase symbols, the taps, r, φ and the undefined g.
    n: the number of taps.
    name: a row of the catalogue of activations.

    Returns
    -------
    f(w, b, r, phi) with w of shape (..., n), b of shape (...), and r, phi of shape (R,);
    the value has shape (..., R), dtype float64.
    """
    function = _function(law, n, name, ["scipy", "numpy"])

    def evaluate(w: ArrayLike, b: ArrayLike, r: ArrayLike, phi: ArrayLike) -> Array:
        w, b = np.asarray(w, dtype=float), np.asarray(b, dtype=float)
        if w.shape[-1] != n:
            raise ValueError(f"the law was compiled for {n} taps, not {w.shape[-1]}")
        columns = [w[..., u, None] for u in range(n)]
        value = function(columns, b[..., None], np.asarray(r), np.asarray(phi))
        shape = np.broadcast_shapes(w.shape[:-1] + (1,), np.shape(r), np.shape(phi))
        return np.array(np.broadcast_to(value, shape), dtype=float)

    return evaluate


@cache
def exact_law(law: sp.Expr, n: int, name: str) -> Callable[..., Any]:
    """The same law as a function of exact numbers (``fractions.Fraction``): f(w, b, r, phi).

    Only for piecewise-linear activations, whose values at rationals are rational.

    Raises
    ------
    ValueError: the activation is not piecewise linear.
    """
    if not ACTIVATIONS[name].piecewise_linear:
        raise ValueError(f"{name} has irrational values")
    return _function(law, n, name, [{"Fraction": Fraction}], _FractionPrinter())


class _FractionPrinter(PythonCodePrinter):
    """Prints 1/2 as Fraction(1, 2), which Python's own division would round."""

    def _print_Rational(self, expression: sp.Rational) -> str:
        return f"Fraction({expression.p}, {expression.q})"

    _print_Half = _print_Rational
