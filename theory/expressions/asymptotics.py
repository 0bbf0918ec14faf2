r"""How a function of z behaves for z -> ∞: its leading term, exactly, or an upper bound of its
order.

    f(z) = c z^k e^{λz} (1 + o(1))   with an exact c != 0          (a leading term), or
    f(z) = O(z^k e^{λz}),  or  o(z^k e^{λz})                        (a bound).

From this the asymptotic slopes s_± = lim σ(z)/z at ±∞, whenever the rules below reach them.  The
rules are those of sums, products, powers and compositions; what they do not cover is reported as
unknown, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp

from theory.expressions.normal_form import Unsettled, number_sign, positive, vanishes
from theory.expressions.pieces import z

__all__ = ["Order", "UnknownOrder", "analytic", "order", "slopes_at_infinity"]


class UnknownOrder(Unsettled):
    """The rules do not reach this expression."""


@dataclass(frozen=True)
class Order:
    """f = c z^power e^{rate z} (1 + o(1)) when ``leading`` = c is given; else a bound, ``little``
    for o(.).
    """

    power: sp.Expr
    rate: sp.Expr
    leading: sp.Expr | None = None
    little: bool = False

    @property
    def vanishes(self) -> bool:
        """f -> 0 is certain."""
        key = _compare(self, _ONE)
        return key < 0 or (key == 0 and self.little)

    @property
    def bounded(self) -> bool:
        """f = O(1) is certain."""
        return _compare(self, _ONE) <= 0


_ZERO = sp.Integer(0)
_ONE = Order(_ZERO, _ZERO, sp.Integer(1))
_NONE = Order(_ZERO, -sp.oo, None, True)
"""Smaller than every e^{-λz}: the order of the zero function, and of Gaussians."""


def _compare(f: Order, g: Order) -> int:
    """-1, 0, 1 as z^k e^{λz} of f is smaller than, equal to or larger than that of g."""
    for left, right in ((f.rate, g.rate), (f.power, g.power)):
        if left == right:
            continue
        sign = -1 if left == -sp.oo else 1 if right == -sp.oo else number_sign(left - right)
        if sign is None:
            raise UnknownOrder("two exponents cannot be told apart")
        if sign:
            return sign
    return 0


def order(expression: sp.Expr) -> Order:
    """The order of an expression in z as z -> +∞.

    Raises
    ------
    UnknownOrder: the rules do not reach it, or it is not defined for all large z.
    """
    if not expression.has(z):
        return _NONE if _settled_zero(expression) else Order(_ZERO, _ZERO, expression)
    if expression == z:
        return Order(sp.Integer(1), _ZERO, sp.Integer(1))
    if expression.is_Add:
        return _sum([order(part) for part in expression.args])
    if expression.is_Mul:
        total = _ONE
        for factor in expression.args:
            total = _product(total, order(factor))
        return total
    if isinstance(expression, sp.exp):
        return _exponential(expression.args[0])
    if expression.is_Pow:
        return _power(expression.base, expression.exp)
    rule = _RULES.get(type(expression))
    if rule is None:
        raise UnknownOrder(f"no rule for {type(expression).__name__}")
    return rule(expression.args[0])


def _sum(parts: list[Order]) -> Order:
    total = parts[0]
    for part in parts[1:]:
        key = _compare(total, part)
        if key:
            total = total if key > 0 else part
        elif total.leading is not None and part.leading is not None:
            leading = sp.expand(total.leading + part.leading)
            zero = _settled_zero(leading)
            total = Order(total.power, total.rate, None if zero else leading, zero)
        elif total.leading is not None and part.little:
            continue
        elif part.leading is not None and total.little:
            total = part
        else:
            total = Order(total.power, total.rate, None, total.little and part.little)
    return total


def _product(f: Order, g: Order) -> Order:
    if -sp.oo in (f.rate, g.rate):
        return _NONE
    leading = None
    if f.leading is not None and g.leading is not None:
        leading = f.leading * g.leading
    return Order(f.power + g.power, f.rate + g.rate, leading, f.little or g.little)


def _power(base: sp.Expr, exponent: sp.Expr) -> Order:
    if exponent.has(z) or not exponent.is_real:
        raise UnknownOrder("a variable exponent")
    inner = order(base)
    if inner.leading is None:
        if number_sign(exponent) != 1 or not exponent.is_integer:
            raise UnknownOrder("a power of something whose leading term is not known")
        if inner.rate == -sp.oo:
            return _NONE
        return Order(inner.power * exponent, inner.rate * exponent, None, inner.little)
    if not exponent.is_integer and number_sign(inner.leading) != 1:
        raise UnknownOrder("a root of something negative")
    return Order(inner.power * exponent, inner.rate * exponent, inner.leading**exponent)


def _limit(inner: Order) -> sp.Expr | None:
    """The limit in [-∞, ∞] of a function of this order, None when it is not known."""
    if inner.vanishes:
        return _ZERO
    if inner.leading is None:
        return None
    if _compare(inner, _ONE) == 0:
        return inner.leading
    sign = number_sign(inner.leading)
    return None if sign is None else sp.oo * sign


def _exponential(argument: sp.Expr) -> Order:
    if argument.is_polynomial(z) and sp.degree(argument, z) == 1:
        rate, constant = sp.Poly(argument, z).all_coeffs()
        if rate.is_real:
            return Order(_ZERO, rate, sp.exp(constant))
    inner = order(argument)
    limit = _limit(inner)
    if limit == -sp.oo and inner.leading is not None:
        linear = _compare(inner, Order(sp.Integer(1), _ZERO))
        if linear > 0:
            return _NONE
        if linear == 0:
            # The argument is c z + o(z), c < 0: below (c/2) z from some z on.
            return Order(_ZERO, inner.leading / 2, None, True)
        return Order(_ZERO, _ZERO, None, True)
    if limit is not None and limit != sp.oo:
        return Order(_ZERO, _ZERO, sp.exp(limit))
    if limit is None and inner.bounded:
        return Order(_ZERO, _ZERO)
    raise UnknownOrder("an exponential of something that may tend to infinity")


def _logarithm(argument: sp.Expr) -> Order:
    inner = order(argument)
    if inner.leading is None or number_sign(inner.leading) != 1:
        raise UnknownOrder(
            "a logarithm of something whose leading term is not known or not positive"
        )
    if not _settled_zero(inner.rate):
        return Order(sp.Integer(1), _ZERO, inner.rate)
    if not _settled_zero(inner.power):
        return Order(sp.Rational(1, 2), _ZERO, None, True)  # log z = o(√z)
    value = sp.log(inner.leading)
    if not _settled_zero(value):
        return Order(_ZERO, _ZERO, value)
    return Order(_ZERO, _ZERO, None, True)


def _settled_zero(value: sp.Expr) -> bool:
    zero = vanishes(value)
    if zero is None:
        raise UnknownOrder(f"is {value} zero?")
    return zero


def _saturating(function: type[sp.Function], top: sp.Expr) -> Callable[[sp.Expr], Order]:
    """Odd, increasing, bounded functions with f(x) ~ f'(0) x at 0: tanh, atan, erf."""

    def rule(argument: sp.Expr) -> Order:
        inner = order(argument)
        limit = _limit(inner)
        if limit in (sp.oo, -sp.oo):
            return Order(_ZERO, _ZERO, top if limit == sp.oo else -top)
        if limit == 0:
            if inner.leading is None:
                return inner
            x = sp.Symbol("x")
            return _product(inner, Order(_ZERO, _ZERO, sp.diff(function(x), x).subs(x, 0)))
        return Order(_ZERO, _ZERO, None if limit is None else function(limit))

    return rule


def _wave(argument: sp.Expr) -> Order:
    return Order(_ZERO, _ZERO)


_RULES: dict[type[sp.Expr], Callable[[sp.Expr], Order]] = {
    sp.log: _logarithm,
    sp.tanh: _saturating(sp.tanh, sp.Integer(1)),
    sp.atan: _saturating(sp.atan, sp.pi / 2),
    sp.erf: _saturating(sp.erf, sp.Integer(1)),
    sp.sin: _wave,
    sp.cos: _wave,
    sp.sinh: lambda argument: order((sp.exp(argument) - sp.exp(-argument)) / 2),
    sp.cosh: lambda argument: order((sp.exp(argument) + sp.exp(-argument)) / 2),
}


def slopes_at_infinity(expression: sp.Expr) -> tuple[sp.Expr, sp.Expr] | None:
    """(s_-, s_+), the limits of σ(z)/z at -∞ and +∞, exact; None when one is infinite or not
    reached.
    """
    slopes = []
    for argument in (-z, z):
        try:
            growth = order(expression.xreplace({z: argument}))
            key = _compare(growth, Order(sp.Integer(1), _ZERO))
        except Unsettled:
            return None
        if key < 0 or (key == 0 and growth.little):
            slopes.append(_ZERO)
        elif key == 0 and growth.leading is not None:
            slopes.append(growth.leading if argument == z else -growth.leading)
        else:
            return None
    return slopes[0], slopes[1]


_ENTIRE = (sp.exp, sp.sin, sp.cos, sp.sinh, sp.cosh, sp.erf)


def analytic(expression: sp.Expr) -> bool:
    """True only if the expression is real-analytic at every real z.

    Entire functions, tanh and arctan of analytic functions; sums, products and natural powers;
    reciprocals, roots and logarithms of analytic functions that are shown to be positive (or
    negative, for reciprocals).
    """
    if not expression.has(z):
        return bool(expression.is_real)
    if expression == z:
        return True
    if (
        expression.is_Add
        or expression.is_Mul
        or isinstance(expression, (*_ENTIRE, sp.tanh, sp.atan))
    ):
        return all(analytic(part) for part in expression.args)
    if expression.is_Pow:
        base, power = expression.args
        if power.has(z) or not power.is_real or not analytic(base):
            return False
        if power.is_integer:
            return bool(power.is_positive) or positive(base) or positive(-base)
        return positive(base)
    if isinstance(expression, sp.log):
        return analytic(expression.args[0]) and positive(expression.args[0])
    return False
