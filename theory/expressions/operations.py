"""Operations on exact real expressions in z whose results are real and of bounded size.

Everything is real.  A power has a rational exponent p/q, |p| <= 64, q <= 12, and is real for a base
>= 0 unless q = 1; or its base is a positive constant c and c**u is exp(u log c).  A result may be
undefined at some z (1/z, log(z), tan(z)), but not because of its constants (1/0, log(-1),
tan(pi/2)).

Each exact number is at most 10**100 above and below its fraction bar, each constant between
10**-100 and 10**100 in size; what sympy would build at once in any size is bounded before it is
built, the rest by :func:`checked`.  ``heaviside`` is 0 at 0 and ``sign`` too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import combinations
from types import MappingProxyType

import sympy as sp

from theory.expressions.enclosure import z
from theory.expressions.factors import affine

__all__ = [
    "DIGITS",
    "OPERATIONS",
    "Refused",
    "applied",
    "checked",
    "decided_sign",
    "is_constant",
    "power",
    "where",
]

LARGEST_TREE = 300
"""Nodes of the expression that is built."""
LARGEST_UNSURE = 40
"""The same, where sympy cannot tell that the expression is real for every z: its questions get
slow.
"""
LARGEST_DEGREE = 64
"""Exponents, and the degree that products and powers of powers make together."""
LARGEST_ROOT = 12
"""Denominators of exponents."""
DIGITS = 100
"""Decimal digits before and after the point, and the size of a decimal exponent."""
LARGEST = 10**DIGITS
"""Numerators, denominators and constants."""


class Refused(Exception):
    """Why an operation has no real, bounded result; the parser adds the position."""


# --- constants and bounds ---------------------------------------------------------------------


def is_constant(expression: sp.Expr) -> bool:
    """z does not occur."""
    return not expression.has(z)


def _approximation(constant: sp.Expr) -> sp.Expr:
    """A real constant to 15 digits: nonzero unless the constant is exactly 0."""
    if constant.is_Rational:
        return constant
    value = constant.evalf(15, maxn=150)
    if not value.is_Float:
        raise Refused("the result is not a real number")
    if value._prec == 1 or value == 0:
        raise Refused("cannot decide whether a constant is 0")
    return value


def decided_sign(constant: sp.Expr) -> int:
    """-1, 0 or 1 for a real constant.

    Raises
    ------
    Refused: it is not real, or not told from 0.
    """
    value = _approximation(constant)
    return int(bool(value > 0)) - int(bool(value < 0))


def _degree(expression: sp.Expr) -> sp.Rational:
    """The degree as a polynomial in z and in the functions of z."""
    if expression.is_Add or isinstance(expression, (sp.Max, sp.Min)):
        return max(_degree(argument) for argument in expression.args)
    if expression.is_Mul:
        return sum((_degree(argument) for argument in expression.args), sp.Integer(0))
    if expression.is_Pow and expression.exp.is_Rational:
        return max(1, abs(expression.exp)) * _degree(expression.base)
    return sp.Integer(0 if is_constant(expression) else 1)


def checked(expression: sp.Expr) -> sp.Expr:
    """The expression itself.

    Raises
    ------
    Refused: it is not real, of another kind than :data:`OPERATIONS`, or beyond the bounds above.
    """
    count = 0
    for count, node in enumerate(sp.preorder_traversal(expression), 1):
        if count > LARGEST_TREE:
            raise Refused(f"the expression has more than {LARGEST_TREE} parts")
        if node in (sp.zoo, sp.nan, sp.oo, -sp.oo, sp.I):
            raise Refused("the result is not a real number")
        if node.is_Rational:
            if max(abs(node.p), node.q) > LARGEST:
                raise Refused(f"an exact number exceeds 10**{DIGITS}")
        elif node.is_Pow and node.exp.is_Rational:
            _check_exponent(node.exp)
            if node.exp.q > 1 and node.base.is_Rational and node.base < 0:
                raise Refused("the result is not a real number")
        elif not isinstance(node, KINDS) and node not in (z, sp.pi, sp.E):
            raise Refused(f"the result contains {type(node).__name__}, which has no place here")
    if expression.is_extended_real is False:
        raise Refused("the result is not a real number")
    if count > LARGEST_UNSURE and not expression.is_extended_real:
        raise Refused(
            f"an expression that may be undefined somewhere has more than {LARGEST_UNSURE} parts"
        )
    if is_constant(expression):
        size = abs(_approximation(expression))
        if size != 0 and not sp.Rational(1, LARGEST) <= size <= LARGEST:
            raise Refused(f"a constant is not between 10**-{DIGITS} and 10**{DIGITS} in size")
    elif _degree(expression) > LARGEST_DEGREE:
        raise Refused(f"the degree exceeds {LARGEST_DEGREE}")
    return expression


def _check_exponent(exponent: sp.Rational) -> None:
    if abs(exponent.p) > LARGEST_DEGREE or exponent.q > LARGEST_ROOT:
        raise Refused(
            f"expected an exponent p/q with |p| <= {LARGEST_DEGREE} and q <= {LARGEST_ROOT}"
        )


# --- the operations ---------------------------------------------------------------------------


def _exp(u: sp.Expr) -> sp.Expr:
    """exp(u); sympy turns exp(k log v) into v**k at once, so k is bounded before."""
    for term in sp.Add.make_args(u):
        if is_constant(term) and abs(_approximation(term)) > math.log(LARGEST):
            raise Refused(f"a constant is not between 10**-{DIGITS} and 10**{DIGITS} in size")
        factor, symbolic = term.as_coeff_Mul()
        if isinstance(symbolic, sp.log) and not is_constant(symbolic):
            _check_exponent(factor)
    return sp.exp(u)


def _log(u: sp.Expr) -> sp.Expr:
    if u.is_extended_nonpositive or (is_constant(u) and decided_sign(u) <= 0):
        raise Refused("log of a number that is not positive is not a real number")
    return sp.log(u)


def power(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    """base**exponent for a rational exponent, exp(exponent log base) for a positive constant base.

    Raises
    ------
    Refused: neither, not real for any z, or an exponent beyond the bounds.
    """
    if exponent.is_Rational:
        _check_exponent(exponent)
        if exponent < 0 and base.is_zero:
            raise Refused("division by 0 is not a real number")
        if exponent.q > 1 and (
            base.is_extended_negative or (is_constant(base) and decided_sign(base) < 0)
        ):
            raise Refused("a root of a negative number is not a real number")
        return sp.Pow(base, exponent)
    if not is_constant(base) or decided_sign(base) <= 0:
        raise Refused("expected a rational exponent, or a positive constant as base")
    return _exp(exponent * sp.log(base))


def _tan(u: sp.Expr) -> sp.Expr:
    """tan(u); sympy writes tan(z + pi/2) as -cot(z)."""
    return sp.tan(u).replace(sp.cot, lambda v: sp.cos(v) / sp.sin(v))


def _tanh(u: sp.Expr) -> sp.Expr:
    """tanh(u), by exp where u may be undefined: there sympy splits tanh into real and imaginary
    parts whenever it is asked for a sign, in time that multiplies with each nested tanh."""
    return sp.tanh(u) if u.is_extended_real else 1 - 2 / (1 + _exp(2 * u))


def _abs(u: sp.Expr) -> sp.Expr:
    return decided_sign(u) * u if is_constant(u) else sp.Abs(u)


def _sign_of(u: sp.Expr) -> sp.Expr:
    return sp.Integer(decided_sign(u)) if is_constant(u) else sp.sign(u)


def _heaviside(u: sp.Expr) -> sp.Expr:
    return sp.Integer(decided_sign(u) > 0) if is_constant(u) else sp.Heaviside(u, 0)


def _extreme(kind: type[sp.Max | sp.Min], direction: int) -> Callable[..., sp.Expr]:
    """max or min.  Arguments that differ by a constant are compared here, the others by sympy."""

    def build(*arguments: sp.Expr) -> sp.Expr:
        if any(argument.is_extended_real is False for argument in arguments):
            raise Refused("the result is not a real number")
        kept = list(dict.fromkeys(arguments))
        for first, second in combinations(tuple(kept), 2):
            difference = first - second
            if first in kept and second in kept and is_constant(difference):
                kept.remove(second if decided_sign(difference) * direction > 0 else first)
        return kept[0] if len(kept) == 1 else kind(*kept)

    return build


OPERATIONS: Mapping[type[sp.Basic], Callable[..., sp.Expr]] = MappingProxyType(
    {
        sp.Add: sp.Add,
        sp.Mul: sp.Mul,
        sp.Pow: power,
        sp.exp: _exp,
        sp.log: _log,
        sp.sin: sp.sin,
        sp.cos: sp.cos,
        sp.tan: _tan,
        sp.tanh: _tanh,
        sp.atan: sp.atan,
        sp.erf: sp.erf,
        sp.Abs: _abs,
        sp.sign: _sign_of,
        sp.Max: _extreme(sp.Max, 1),
        sp.Min: _extreme(sp.Min, -1),
        sp.Heaviside: _heaviside,
    }
)
"""All that an expression is made of, beside numbers, pi, E and z, and how each part is built."""
KINDS = tuple(OPERATIONS)


def applied(expression: sp.Expr, values: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    """The expression at these values of its symbols, every operation done again and checked.

    Raises
    ------
    Refused: a result is not real, or too large.
    """
    if not expression.args:
        return values.get(expression, expression)
    parts = expression.args[:1] if isinstance(expression, sp.Heaviside) else expression.args
    build = OPERATIONS[expression.func]
    return checked(build(*(applied(part, values) for part in parts)))


# --- a choice ---------------------------------------------------------------------------------


def where(u: sp.Expr, strict: bool, a: sp.Expr, b: sp.Expr) -> sp.Expr:
    """a where u > 0, or u >= 0 unless ``strict``, and b elsewhere."""
    if not strict:
        return where(-u, True, b, a)
    if is_constant(u):
        return a if decided_sign(u) > 0 else b
    if line := affine(u):
        return _joined(-line[1] / line[0], decided_sign(line[0]), a, b)
    offset, dependent = u.as_independent(z, as_Add=True)
    scale, function = dependent.as_independent(z, as_Add=False)
    if isinstance(function, sp.Abs):
        inside, level = function.args[0], -offset / scale
        if decided_sign(scale) > 0:
            return where(inside - level, True, a, where(-inside - level, True, a, b))
        return where(level - inside, True, where(level + inside, True, a, b), b)
    return checked(b + (a - b) * OPERATIONS[sp.Heaviside](u))


def _joined(place: sp.Expr, side: int, a: sp.Expr, b: sp.Expr) -> sp.Expr:
    """a on one side of a place, b on the other and at it; each is asked for values on its own side
    only.

    a(max(z, t)) - a(t) + b(min(z, t)) + (a(t) - b(t)) heaviside(z - t) for a on the right.
    """
    inner, outer = (sp.Max, sp.Min) if side > 0 else (sp.Min, sp.Max)
    own = applied(a, {z: OPERATIONS[inner](z, place)})
    other = applied(b, {z: OPERATIONS[outer](z, place)})
    start, end = (applied(f, {z: place}) for f in (a, b))
    step = OPERATIONS[sp.Heaviside](side * (z - place))
    return checked(own - start + other + (start - end) * step)
