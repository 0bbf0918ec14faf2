r"""Where an expression has no real value: the place, and the part that has none.

    u^(p/q), log u       u < 0
    1/u, log u           u = 0
    tan u                cos u = 0

Each u is decided by exact signs (:mod:`theory.expressions.signs`) on the pieces of u; what they
leave open is not said to be undefined.  A single point that the two sides fill in, as 0 does in
sin(z)/z, is no gap either: that alone is asked of numbers, to 40 digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import TypeAlias

import sympy as sp

from theory.expressions.enclosure import constant_sign, rational_inside, z
from theory.expressions.pieces import TooManyPieces, pieces
from theory.expressions.printing import to_text
from theory.expressions.signs import signs

__all__ = ["undefined"]

Signs: TypeAlias = tuple[int, ...]
POSITIVE: Signs = (1,)
NONNEGATIVE: Signs = (0, 1)
NONZERO: Signs = (-1, 1)
ANY: Signs = (-1, 0, 1)
"""Signs that a part may have."""
LONGEST = 40
"""Characters of an expression in a message."""


def undefined(expression: sp.Expr) -> str:
    """Where the expression is shown to have no real value, in words; an empty string where nothing
    is shown.
    """
    for part, inner, above in _restricted(expression):
        try:
            place = _place(expression, inner, above)
        except TooManyPieces:
            continue
        if place:
            text = to_text(part)
            shown = text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
            return f"{shown} has no real value at {place}; an activation needs one at every z"
    return ""


def _restricted(expression: sp.Expr) -> Iterator[tuple[sp.Expr, sp.Expr, Signs]]:
    """(part, u, the signs that u may have) of every root, quotient, logarithm and tangent, the
    inner ones first.
    """
    for part in sp.postorder_traversal(expression):
        inner, allowed = part, POSITIVE
        if isinstance(part, sp.log):
            inner = part.args[0]
        elif isinstance(part, sp.tan):
            inner, allowed = sp.cos(part.args[0]), NONZERO
        elif part.is_Pow and part.exp.is_Rational:
            inner = part.base
            if part.exp.is_Integer:
                allowed = ANY if part.exp > 0 else NONZERO
            elif part.exp > 0:
                allowed = NONNEGATIVE
        if allowed != ANY and inner != part and inner.has(z) and not inner.is_extended_positive:
            yield part, inner, allowed


def _place(expression: sp.Expr, inner: sp.Expr, allowed: Signs) -> str:
    """A place where the sign of ``inner`` is not allowed, or an empty string."""
    if 0 in allowed and inner.is_extended_nonnegative:
        return ""
    cells = [
        cell
        for piece in pieces(inner).parts
        for cell in signs(piece.expression, piece.low, piece.high)
    ]
    for low, high, sign in cells:
        if sign not in allowed and (room := rational_inside(low, high)):
            return f"z = {_simplest(*room)}"
    if 0 in allowed:
        return ""
    zeros, crossings = [], []
    for (_, end, left), (start, _, right) in pairwise(cells):
        if end == start and constant_sign(inner.xreplace({z: end})) == 0:
            zeros.append(end)
        elif left * right < 0 and constant_sign(start - end) == 1:
            crossings.append(float(end + start) / 2)
    for zero in sorted(zeros, key=lambda value: abs(float(value))):
        if not _filled(expression, zero):
            return f"z = {zero}"
    return f"some z close to {crossings[0]:.6g}" if crossings else ""


def _simplest(low: Fraction, high: Fraction) -> Fraction:
    """An integer near 0 strictly between the two where there is one, else their middle."""
    integers = (Fraction(k) for size in range(1, 65) for k in (size, -size))
    return next((k for k in integers if low < k < high), (low + high) / 2)


def _filled(expression: sp.Expr, place: sp.Expr) -> bool:
    """The values on both sides tend to one number.

    Floats are put in: of 2**(1/z) an exact fraction would make a number of 10^12 digits.
    """
    ends = []
    for side in (-1, 1):
        steps = (side * sp.Rational(1, 10**digits) for digits in (12, 15))
        try:
            near, closer = (
                expression.xreplace({z: (place + step).evalf(60)}).evalf(40) for step in steps
            )
        except ValueError:  # sympy's word for max and min of what is no number
            return False
        if not (near.is_Float and closer.is_Float) or abs(near - closer) > sp.Float("1e-6"):
            return False
        ends.append(closer)
    return bool(abs(ends[0] - ends[1]) < sp.Float("1e-6"))
