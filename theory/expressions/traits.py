r"""What can be read off a function of z: affine pieces, kinks, jumps, parity, inflections.

Nothing is looked up by name: everything follows from the pieces of the expression
(:mod:`theory.expressions.pieces`), on each of which it is one formula without switches.  With σ =
σ_i on the open interval (t_i, t_{i+1}):

    kink at t:   σ_{i-1}(t) = σ_i(t) = σ(t),  σ_{i-1}'(t) ≠ σ_i'(t)
    jump at t:   σ_{i-1}(t), σ_i(t), σ(t) are not all equal
    parity:      σ_i(z) = ∓ σ_j(-z) on every interval of z > 0 without boundaries of either, and at
                 these
    inflection:  σ differentiable at t, and σ'' has opposite signs on its two sides
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import sympy as sp

from theory.expressions.normal_form import is_zero, number_sign
from theory.expressions.pieces import Piece, pieces, z

__all__ = [
    "AffinePiece",
    "Inflection",
    "Jump",
    "Kink",
    "affine_pieces",
    "even_part",
    "inflections",
    "jumps",
    "kinks",
    "odd_part",
    "parity",
]

AffinePiece = tuple[sp.Expr, sp.Expr, sp.Expr, sp.Expr]
"""(low, high, slope, intercept): σ(z) = slope·z + intercept on the open interval (low, high)."""

SEARCHED = 8
"""Inflections are searched on [-SEARCHED, SEARCHED]."""
GRID = sp.Rational(1, 8)
"""σ'' is looked at on multiples of this, and close to every boundary of a piece."""
WIDTH = sp.Rational(1, 2**40)
"""The widest enclosure of an inflection that is not known exactly."""
CLOSE = WIDTH / 2


@dataclass(frozen=True)
class Kink:
    """A point where σ is continuous and its slope jumps: ``jump`` = slope after - slope before."""

    location: sp.Expr
    jump: sp.Expr


@dataclass(frozen=True)
class Jump:
    """A point where σ is discontinuous: ``height`` = value after - value before (0 at an isolated
    value).
    """

    location: sp.Expr
    height: sp.Expr


@dataclass(frozen=True)
class Inflection:
    """A sign change of σ'' between ``low`` and ``high``; they are equal when the point is known
    exactly.

    ``turn`` is the sign of σ'' after it: 1 when σ becomes convex, -1 when it becomes concave.
    """

    low: sp.Expr
    high: sp.Expr
    turn: int

    @property
    def exact(self) -> bool:
        """The point itself is known, not only an enclosure."""
        return bool(self.low == self.high)

    @property
    def location(self) -> sp.Expr:
        """The point, or the middle of its enclosure."""
        return (self.low + self.high) / 2


def _parts(expression: sp.Expr) -> tuple[Piece, ...]:
    partition = pieces(expression)
    if not partition.complete:
        raise ValueError(f"the pieces of {expression} are not known completely")
    return partition.parts


# --- boundaries -------------------------------------------------------------------------------


def _edge(function: sp.Expr, end: sp.Expr, side: str) -> sp.Expr:
    """The value, or one-sided limit, of a formula at the end of its interval."""
    value = function.xreplace({z: end})
    if value.is_finite is not True:
        value = sp.limit(function, z, end, side)
    return sp.simplify(value)


def _boundaries(expression: sp.Expr) -> Iterator[tuple[sp.Expr, sp.Expr, sp.Expr]]:
    """(t, σ before t, σ after t) for every boundary between two pieces."""
    for left, right in pairwise(_parts(expression)):
        yield left.high, left.expression, right.expression


def jumps(expression: sp.Expr) -> tuple[Jump, ...]:
    """Every point of discontinuity, in increasing order.

    Raises
    ------
    ValueError: the pieces of the expression are not known completely (so for every function here).
    """
    discontinuities = []
    for location, before, after in _boundaries(expression):
        low, high = _edge(before, location, "-"), _edge(after, location, "+")
        if not (is_zero(high - low) and is_zero(expression.xreplace({z: location}) - low)):
            discontinuities.append(Jump(location, sp.simplify(high - low)))
    return tuple(discontinuities)


def kinks(expression: sp.Expr) -> tuple[Kink, ...]:
    """Every point where the expression is continuous and its slope jumps, in increasing order."""
    torn = {jump.location for jump in jumps(expression)}
    corners = []
    for location, before, after in _boundaries(expression):
        if location in torn:
            continue
        slopes = _edge(sp.diff(before, z), location, "-"), _edge(sp.diff(after, z), location, "+")
        if not is_zero(slopes[1] - slopes[0]):
            corners.append(Kink(location, sp.simplify(slopes[1] - slopes[0])))
    return tuple(corners)


def affine_pieces(expression: sp.Expr) -> tuple[AffinePiece, ...]:
    """The open intervals on which the expression is shown to be affine, as long as they can be."""
    torn = {jump.location for jump in jumps(expression)}
    intervals: list[AffinePiece] = []
    for part in _parts(expression):
        line = _line(part.expression)
        if line is None:
            continue
        if intervals and intervals[-1][1:] == (part.low, *line) and part.low not in torn:
            intervals[-1] = (intervals[-1][0], part.high, *line)
        else:
            intervals.append((part.low, part.high, *line))
    return tuple(intervals)


def _line(function: sp.Expr) -> tuple[sp.Expr, sp.Expr] | None:
    """(slope, intercept) of a formula that is shown to be affine, else None."""
    if not is_zero(sp.diff(function, z, 2)):
        return None
    sample = sp.Integer(0) if function.xreplace({z: sp.Integer(0)}).is_finite else sp.Integer(1)
    slope = sp.simplify(sp.diff(function, z).xreplace({z: sample}))
    return slope, sp.simplify(function.xreplace({z: sample}) - slope * sample)


# --- mirror -----------------------------------------------------------------------------------


def _halves(expression: sp.Expr) -> list[tuple[sp.Expr, sp.Expr]]:
    """(formula at z, formula at -z) on the intervals of z > 0 that no boundary divides, from 0
    outwards.
    """
    parts = _parts(expression)
    cuts = {abs(end) for part in parts for end in (part.low, part.high)} | {sp.Integer(0)}
    halves = []
    for low, high in pairwise(sorted(cuts)):
        middle = low + 1 if high == sp.oo else (low + high) / 2
        right, left = (
            next(part.expression for part in parts if part.low < point < part.high)
            for point in (middle, -middle)
        )
        halves.append((right, left.xreplace({z: -z})))
    return halves


def parity(expression: sp.Expr) -> str:
    """``odd``, ``even``, or empty where neither is shown."""
    parts = _parts(expression)
    ends = [part.high for part in parts[:-1]] + [sp.Integer(0)]
    for name, sign in (("odd", 1), ("even", -1)):
        points = (
            expression.xreplace({z: end}) + sign * expression.xreplace({z: -end}) for end in ends
        )
        if all(is_zero(right + sign * left) for right, left in _halves(expression)) and all(
            is_zero(value) for value in points
        ):
            return name
    return ""


def odd_part(expression: sp.Expr) -> sp.Expr:
    """(σ(z) - σ(-z))/2, exact; s·z where it is shown to be that."""
    return _halved(expression)[0]


def even_part(expression: sp.Expr) -> sp.Expr:
    """(σ(z) + σ(-z))/2, exact; s·|z| + y where it is shown to be that."""
    return _halved(expression)[1]


def _halved(expression: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """(odd part, even part): where one of them is a line on z > 0, the other is what it leaves."""
    kind, zero = parity(expression), sp.Integer(0)
    if kind:
        return (expression, zero) if kind == "odd" else (zero, expression)
    mirrored = expression.xreplace({z: -z})
    plain = (expression - mirrored) / 2, (expression + mirrored) / 2
    if jumps(expression):
        return plain
    lines = [
        {_line((right + sign * left) / 2) for right, left in _halves(expression)}
        for sign in (-1, 1)
    ]
    odd, even = (distinct.pop() if len(distinct) == 1 else None for distinct in lines)
    # σ is continuous: its odd part vanishes at 0, and what holds for z > 0 determines both parts.
    if odd is not None and even is not None:
        return odd[0] * z, even[0] * sp.Abs(z) + even[1]
    if odd is not None:
        return odd[0] * z, sp.expand(expression - odd[0] * z)
    if even is not None:
        line = even[0] * sp.Abs(z) + even[1]
        return sp.expand(expression - line), line
    return plain


# --- bending ----------------------------------------------------------------------------------


def inflections(expression: sp.Expr) -> tuple[Inflection, ...]:
    """The sign changes of σ'' on [-8, 8] that a look at its multiples of 1/8 shows, in increasing
    order.

    Each is certified, by the signs of σ'' on both sides of an interval no wider than 2⁻⁴⁰; exact
    where σ'' is shown to vanish at a root of a polynomial factor, a multiple of π or a dyadic
    number in it, or to jump from one sign to the other where two pieces meet.  Kinks are none: σ'
    has no value there.  Two sign changes between neighbours of the grid are not seen: the list is
    what was found, not a proof that there are no others.
    """
    broken = {jump.location for jump in jumps(expression)}
    broken |= {kink.location for kink in kinks(expression)}
    turns: list[Inflection] = []
    last: tuple[sp.Expr, int, sp.Expr] | None = None
    for part in _parts(expression):
        second = sp.diff(part.expression, z, 2)
        if part.low in broken or is_zero(second):
            last = None
        if is_zero(second):
            continue
        for point in _telling(second, _samples(part)):
            sign = number_sign(second.xreplace({z: point}))
            if not sign:
                continue
            if last is not None and sign == -last[1]:
                if part.low < last[0]:
                    turns += _enclosed(second, last[0], point, sign)
                elif _steps(last[2], second, part.low, sign):
                    turns.append(Inflection(part.low, part.low, sign))
                elif point - last[0] <= WIDTH:
                    turns.append(Inflection(last[0], point, sign))
            last = (point, sign, second)
    return tuple(turns)


def _telling(second: sp.Expr, points: list[sp.Expr]) -> list[sp.Expr]:
    """Both ends, and the points at which σ'' has another sign than at a neighbour, or none, in
    floating point: between the others no change of sign shows.
    """
    function = sp.lambdify(z, second, "math")

    def sign(point: sp.Expr) -> int | None:
        try:
            return int(sp.sign(function(float(point))))
        except (ArithmeticError, NameError, TypeError, ValueError):
            return None

    signs = [0, *map(sign, points), 0]
    around = zip(points, signs, signs[1:], signs[2:], strict=False)
    return [point for point, left, here, right in around if not here or not left == here == right]


def _steps(before: sp.Expr, after: sp.Expr, boundary: sp.Expr, turn: int) -> bool:
    """σ'' goes from the sign -turn to the sign turn at the boundary itself."""
    signs = number_sign(_edge(before, boundary, "-")), number_sign(_edge(after, boundary, "+"))
    return signs == (-turn, turn)


def _samples(part: Piece) -> list[sp.Expr]:
    """Where to look at σ'': the grid inside the piece, and two points close to its ends."""
    ends = [end for end in (part.low, part.high) if end.is_finite]
    points = {GRID * k for k in range(-SEARCHED * 8, SEARCHED * 8 + 1)}
    points |= {
        sp.Rational(end.round(15)) + step if not end.is_Rational else end + step
        for end in ends
        for step in (-CLOSE, CLOSE)
    }
    return sorted(
        point for point in points if part.low < point < part.high and abs(point) <= SEARCHED
    )


def _enclosed(second: sp.Expr, low: sp.Expr, high: sp.Expr, turn: int) -> list[Inflection]:
    """A sign change of σ'' between low and high: exact if a candidate is one, else bisected; or
    none.
    """

    def sign(point: sp.Expr) -> int | None:
        return number_sign(second.xreplace({z: point}))

    def crossed(point: sp.Expr) -> bool:
        return sign(point) == 0 and (sign(point - WIDTH), sign(point + WIDTH)) == (-turn, turn)

    for point in _candidates(second, low, high):
        if crossed(point):
            return [Inflection(point, point, turn)]
    near = _near_zero(second, low, high)
    if near is not None and (sign(near[0]), sign(near[1])) == (-turn, turn):
        return [Inflection(*near, turn)]
    while high - low > WIDTH:
        # A zero without a change of sign may sit in the middle: then cut beside it.
        cuts = (low + (high - low) * share / 8 for share in (4, 5))
        cut = next((point for point in cuts if sign(point) or crossed(point)), None)
        if cut is None:
            return []
        if crossed(cut):
            return [Inflection(cut, cut, turn)]
        low, high = (low, cut) if sign(cut) == turn else (cut, high)
    return [Inflection(low, high, turn)]


def _near_zero(second: sp.Expr, low: sp.Expr, high: sp.Expr) -> tuple[sp.Expr, sp.Expr] | None:
    """Where bisection in floating point ends: what signs at both ends have yet to confirm."""
    function = sp.lambdify(z, second, "math")
    try:
        end = function(float(high))
        while high - low > WIDTH:
            cut = (low + high) / 2
            low, high = (low, cut) if function(float(cut)) * end > 0 else (cut, high)
    except (ArithmeticError, NameError, TypeError, ValueError):
        return None
    return low, high


def _candidates(second: sp.Expr, low: sp.Expr, high: sp.Expr) -> list[sp.Expr]:
    """Numbers in (low, high) that may be zeros: multiples of π, roots of polynomial factors."""
    numbers = [sp.pi * k for k in range(-3, 4)]
    for factor in sp.Mul.make_args(sp.factor(second)):
        base = factor.base if factor.is_Pow else factor
        if base.has(z) and base.is_polynomial(z):
            poly = sp.Poly(base, z)
            numbers += poly.real_roots() if poly.domain.is_ZZ or poly.domain.is_QQ else []
    return [number for number in numbers if low < number < high]
