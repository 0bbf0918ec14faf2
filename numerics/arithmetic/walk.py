"""σ as a function on numbers of any arithmetic: one walk over its expression, a closure per node.

An :class:`Arithmetic` says what the nodes do.  A negative power becomes one division, as a/b is
tighter than a · b⁻¹; and 1/(1 + exp -u) and log(1 + exp u) are functions of their own, as their
exponentials overflow where they do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp

from theory.expressions.pieces import z
from theory.expressions.spelling import spelled

__all__ = ["Arithmetic", "compiled", "exponent", "expression_of"]

Unary = Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class Arithmetic:
    """One kind of number.

    Attributes
    ----------
    constant: an expression to what makes its number when called; None where its nodes do.
    functions: of one argument, by sympy's class; the square root as ``sp.sqrt``.
    joins: of two arguments, likewise; more are joined from the first to the last.
    power: (x, n) -> x^n, n > 0 a whole number.
    divide: (x, y) -> x/y.
    logistic, softplus: u -> 1/(1 + exp(-u)), log(1 + exp(u)).
    """

    constant: Callable[[sp.Expr], Callable[[], Any] | None]
    functions: Mapping[Any, Unary]
    joins: Mapping[Any, Callable[[Any, Any], Any]]
    power: Callable[[Any, int], Any]
    divide: Callable[[Any, Any], Any]
    logistic: Unary
    softplus: Unary


def expression_of(sigma: str | sp.Expr) -> sp.Expr:
    """σ(z) in the symbol z: that of a row of the catalogue, or the expression itself."""
    return spelled(sigma).expression if isinstance(sigma, str) else sigma


@lru_cache(maxsize=8192)
def compiled(expression: sp.Expr, arithmetic: Arithmetic) -> Unary:
    """x -> the expression at z = x.

    Raises
    ------
    ValueError: the expression holds a function that the arithmetic has not.
    """

    def see(part: sp.Expr) -> Unary:
        return compiled(part, arithmetic)

    if expression == z:
        return lambda x: x
    if (constant := arithmetic.constant(expression)) is not None:
        return lambda x: constant()
    args, kind = expression.args, expression.func
    over, under = sp.fraction(expression) if kind in (sp.Mul, sp.Pow) else (expression, 1)
    if under != 1:
        inner = exponent(under)
        if inner is not None:
            rises = sp.exp(inner) in sp.Mul.make_args(over)  # exp(u)/(1 + exp(u))
            above = see(over / sp.exp(inner) if rises else over)
            argument, logistic = see(inner if rises else -inner), arithmetic.logistic
            return lambda x: above(x) * logistic(argument(x))
        above, below, divide = see(over), see(under), arithmetic.divide
        return lambda x: divide(above(x), below(x))
    if kind is sp.Pow and args[1].is_Integer:
        base, power, n = see(args[0]), arithmetic.power, int(args[1])
        return lambda x: power(base(x), n)
    if kind is sp.log and (inner := exponent(args[0])) is not None:
        argument, softplus = see(inner), arithmetic.softplus
        return lambda x: softplus(argument(x))
    name = sp.sqrt if kind is sp.Pow and args[1] == sp.S.Half else kind
    if name in arithmetic.functions:
        argument, function = see(args[0]), arithmetic.functions[name]
        return lambda x: function(argument(x))
    if name not in arithmetic.joins or not args:
        raise ValueError(f"no enclosure for {kind.__name__}: {expression}")
    join, (first, *others) = arithmetic.joins[name], map(see, args)

    def value(x: Any) -> Any:
        total = first(x)
        for other in others:
            total = join(total, other(x))
        return total

    return value


def exponent(expression: sp.Expr) -> sp.Expr | None:
    """u where the expression is 1 + exp(u), else None."""
    exponential = expression - 1 if expression.is_Add else None
    return exponential.args[0] if isinstance(exponential, sp.exp) else None
