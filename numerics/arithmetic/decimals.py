"""A bound in few decimal digits: rounded up where it bounds from above, down from below, so that
what is printed is a bound, too.

Standard library only: the arithmetic of decimals is exact but for the one division, whose direction
is asked for.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from math import isfinite

__all__ = ["rounded_down", "rounded_up"]


def rounded_up(value: float | Fraction, digits: int = 3) -> str:
    """The least number of so many digits, at most 15, that is not below the value, as ``:g`` has
    it.
    """
    return _rounded(value, digits, ROUND_CEILING)


def rounded_down(value: float | Fraction, digits: int = 3) -> str:
    """The largest number of so many digits, at most 15, that is not above the value."""
    return _rounded(value, digits, ROUND_FLOOR)


def _rounded(value: float | Fraction, digits: int, rounding: str) -> str:
    if isinstance(value, float) and not isfinite(value):
        return f"{value:g}"
    exact, context = Fraction(value), Context(prec=digits, rounding=rounding)
    quotient = context.divide(Decimal(exact.numerator), Decimal(exact.denominator))
    text = f"{float(quotient):.{digits}g}"
    return text if Decimal(text) == quotient else f"{quotient.normalize():e}"  # no float is near
