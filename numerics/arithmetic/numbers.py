"""From one kind of number to another: fractions, flint's rationals and balls, sympy's rationals,
floats.

Only :func:`to_float` rounds; a float is the dyadic rational that it is.
"""

from __future__ import annotations

from fractions import Fraction

import sympy as sp
from flint import arb, fmpq

from numerics.arithmetic.types import Rational

__all__ = ["dyadic", "fraction", "middle", "rational", "to_float"]


def rational(number: Rational | fmpq | sp.Rational) -> fmpq:
    """As one of flint's rationals.

    Raises
    ------
    OverflowError or ValueError: an infinite float, or one that is not a number.
    """
    if isinstance(number, fmpq | sp.Rational):
        return fmpq(int(number.p), int(number.q))
    return fmpq(*number.as_integer_ratio())


def fraction(number: Rational | fmpq | sp.Rational) -> Fraction:
    """As one of Python's fractions; errors as for :func:`rational`."""
    if isinstance(number, fmpq | sp.Rational):
        return Fraction(int(number.p), int(number.q))
    return Fraction(number)


def to_float(number: fmpq | int) -> float:
    """The nearest float64."""
    return float(number) if isinstance(number, int) else int(number.p) / int(number.q)


def middle(ball: arb) -> fmpq:
    """The midpoint of a finite ball, as the dyadic rational it is."""
    mantissa, exponent = ball.mid().man_exp()
    return fmpq(int(mantissa)) * fmpq(2) ** int(exponent)


def dyadic(ball: arb) -> Fraction:
    """The same as a fraction."""
    return fraction(middle(ball))
