r"""σ in ball arithmetic (Arb): enclosures of its values, to any precision, with the rounding
accounted for.

σ is evaluated from its expression, node by node.  Where an argument's ball meets a jump, the
value's ball holds both sides: no value is assumed at the jump itself.  Constants are exact: floats
are dyadic rationals, and a derived weight may hold sqrt, π or log.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TypeAlias

import sympy as sp
from flint import arb, fmpq

from numerics.arithmetic.numbers import rational
from numerics.arithmetic.types import Rational
from numerics.arithmetic.walk import Arithmetic, compiled, expression_of

__all__ = ["BALLS", "Number", "constant_ball", "sigma_ball"]

Function = Callable[[arb], arb]
Number: TypeAlias = "Rational | fmpq | sp.Expr"
"""An exact number: rational, or with sqrt, π, log and the like."""


def sigma_ball(sigma: str | sp.Expr) -> Function:
    """x -> an enclosure of σ(x), for a row of the catalogue or an expression in z.

    The precision is flint's current one.  A ball that meets a jump is sent to the hull of both
    sides; where σ is not defined (a logarithm of 0, say) the value is not a number.

    Raises
    ------
    GrammarError: the name is no spelling of an activation.
    ValueError: the expression holds a function that has no enclosure here.
    """
    return compiled(expression_of(sigma), BALLS)


def constant_ball(number: Number) -> arb:
    """An enclosure of an exact number, at flint's current precision.

    Floats are taken as the dyadic rationals they are; sympy numbers may hold sqrt, π, log and the
    like.

    Raises
    ------
    ValueError: a symbolic number with a function that has no enclosure here, or with a free symbol.
    """
    if isinstance(number, sp.Basic):
        if number.free_symbols:
            raise ValueError(f"not a number: {number}")
        return arb(compiled(number, BALLS)(arb(0)))
    return arb(number) if isinstance(number, int | float) else arb(rational(number))


def _constant(expression: sp.Expr) -> Callable[[], arb] | None:
    """Enclosed when called, at the precision of the call."""
    if expression.is_Rational:
        value = rational(expression)
        return lambda: arb(value)
    return {sp.pi: arb.pi, sp.E: arb.const_e}.get(expression)


def _power(x: arb, n: int) -> arb:
    """x^n by squaring; an even power is taken of |x|, so that its ball does not reach below 0."""
    base, left, result = abs(x) if n % 2 == 0 else x, n, arb(1)
    while left:
        if left % 2:
            result = result * base
        left //= 2
        if left:
            base = base * base
    return result


def _rising(apply: Callable[[arb], arb]) -> Callable[[arb], arb]:
    """A function that increases, on wide balls from its values at both ends."""

    def value(x: arb) -> arb:
        if x.rad() < NARROW or not x.is_finite():
            return apply(x)
        return apply(arb(x.lower())).union(apply(arb(x.upper())))

    return value


NARROW = 2**-4
"""Balls with a smaller radius are sent through a formula as they are."""


@_rising
def _sigmoid(x: arb) -> arb:
    """1/(1 + exp(-x)); the exponential is never large."""
    small = (-abs(x)).exp()
    return small / (1 + small) if x < 0 else 1 / (1 + small) if x > 0 else 1 / (1 + (-x).exp())


@_rising
def _softplus(x: arb) -> arb:
    """log(1 + exp(x)), likewise."""
    if x > 0:
        return x + (-x).exp().log1p()
    return x.exp().log1p()


def _sides(x: arb) -> arb:
    """The sign of every number in the ball but 0; both signs when 0 is in it."""
    if x > 0:
        return arb(1)
    return arb(-1) if x < 0 else arb(0, 1)


def _step(x: arb) -> arb:
    """The Heaviside step; [0, 1] when 0 is in the ball."""
    if x > 0:
        return arb(1)
    return arb(0) if x < 0 else arb(fmpq(1, 2), fmpq(1, 2))


BALLS = Arithmetic(
    constant=_constant,
    functions={
        sp.sqrt: arb.sqrt,
        sp.Abs: abs,
        sp.sign: _sides,
        sp.Heaviside: _step,
        sp.exp: arb.exp,
        sp.log: arb.log,
        sp.sin: arb.sin,
        sp.cos: arb.cos,
        sp.tan: arb.tan,
        sp.sinh: arb.sinh,
        sp.cosh: arb.cosh,
        sp.tanh: _rising(arb.tanh),
        sp.atan: _rising(arb.atan),
        sp.erf: _rising(arb.erf),
        sp.erfc: arb.erfc,
    },
    joins={
        sp.Add: operator.add,
        sp.Mul: operator.mul,
        sp.Pow: operator.pow,
        sp.Max: arb.max,
        sp.Min: arb.min,
    },
    power=_power,
    divide=operator.truediv,
    logistic=_sigmoid,
    softplus=_softplus,
)
"""Balls at flint's current precision."""
