"""The analytic pieces of an expression: open intervals with exact ends, one switch-free formula on
each.

A *switch* is Abs, Max, Min, sign, Heaviside or Piecewise; it chooses its value by the sign of a
comparator. The tree is resolved from the leaves up, on an interval at a time.  When a node is
reached its arguments are switch-free and real-analytic on the interval, so every question is one
about a sign:

    |f| = ±f,   max(f, g): sign of f - g,   log f and f^(p/q) are real where f > 0,
    1/f where f != 0.

:func:`theory.expressions.signs.signs` answers it.  Where it cannot, nothing is claimed: a gap is
left, the answer is not ``complete``, and ``branches`` still lists every formula that can occur.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import sympy as sp

from theory.expressions.enclosure import NotCertified, constant_sign, enclose, small, z
from theory.expressions.factors import factored
from theory.expressions.signs import ordered, signs

__all__ = ["Piece", "Pieces", "TooManyPieces", "pieces"]

SWITCHES = (sp.Abs, sp.Max, sp.Min, sp.sign, sp.Heaviside, sp.Piecewise)
ENTIRE = (sp.exp, sp.sin, sp.cos, sp.sinh, sp.cosh, sp.tanh, sp.atan, sp.erf)
MOST = 256
"""More parts or branches than this raise :class:`TooManyPieces`."""

Cell = tuple[sp.Expr, sp.Expr, sp.Expr]
"""An open interval (low, high), or a point, with a formula that holds on it."""
Cells = tuple[Cell, ...]


class TooManyPieces(ValueError):
    """The expression has more parts or branches than :data:`MOST`."""


@dataclass(frozen=True)
class Piece:
    """The open interval (low, high), exact or infinite, and the switch-free formula valid on it."""

    low: sp.Expr
    high: sp.Expr
    expression: sp.Expr


@dataclass(frozen=True)
class Pieces:
    """The pieces of an expression.

    Attributes
    ----------
    parts: disjoint, increasing; on each the expression is real-analytic and equals one formula.
    complete: the parts cover R but for finitely many points.
    branches: a superset of the formulas that occur on any open interval, also where parts leave
        gaps.
    """

    parts: tuple[Piece, ...]
    complete: bool
    branches: tuple[sp.Expr, ...]


# --- resolving the switches -------------------------------------------------------------------


def _where(
    f: sp.Expr, low: sp.Expr, high: sp.Expr, allowed: tuple[int, ...]
) -> list[tuple[sp.Expr, sp.Expr]]:
    """The intervals on which the sign of f is one of the allowed ones."""
    return [(a, b) for a, b, s in signs(f, low, high) if s in allowed]


def _chosen(low: sp.Expr, high: sp.Expr, args: tuple[sp.Expr, ...], side: int) -> list[Cell]:
    """Max (side = 1) or Min (side = -1) of switch-free arguments."""
    cells = [(low, high, args[0])]
    for arg in args[1:]:
        cells = [
            (a, b, best if s * side >= 0 else arg)
            for left, right, best in cells
            for a, b, s in signs(best - arg, left, right)
        ]
    return cells


def _truth(condition: sp.Basic, low: sp.Expr, high: sp.Expr) -> list[tuple[sp.Expr, sp.Expr, bool]]:
    """Intervals on which a condition is decided, with its value."""
    if condition in (sp.true, sp.false):
        return [(low, high, bool(condition))]
    if isinstance(condition, sp.Not):
        return [(a, b, not value) for a, b, value in _truth(condition.args[0], low, high)]
    if isinstance(condition, sp.And | sp.Or):
        every = isinstance(condition, sp.And)
        cells = [(low, high, every)]
        for part in condition.args:
            cells = [
                (a, b, (value and new) if every else (value or new))
                for left, right, value in cells
                for a, b, new in _truth(part, left, right)
            ]
        return cells
    if type(condition) not in TRUE_FOR:
        return []
    difference = condition.lhs - condition.rhs
    return [
        (a, b, s in TRUE_FOR[type(condition)])
        for left, right, f in _resolve(difference, low, high)
        for a, b, s in signs(f, left, right)
    ]


TRUE_FOR = {sp.Gt: (1,), sp.Ge: (0, 1), sp.Lt: (-1,), sp.Le: (-1, 0), sp.Eq: (0,), sp.Ne: (-1, 1)}
"""The signs of (left - right) for which a relation is true."""


def _cases(node: sp.Piecewise, low: sp.Expr, high: sp.Expr) -> list[Cell]:
    """Piecewise: the first expression whose condition is true."""
    undecided = [(low, high)]
    cells: list[Cell] = []
    for expression, condition in node.args:
        decided = [cell for a, b in undecided for cell in _truth(condition, a, b)]
        undecided = [(a, b) for a, b, value in decided if not value]
        for a, b, value in decided:
            cells += _resolve(expression, a, b) if value else []
    return ordered(cells) if low != high else cells


def _apply(node: sp.Expr, args: tuple[sp.Expr, ...], low: sp.Expr, high: sp.Expr) -> list[Cell]:
    """The node on an interval where its arguments are switch-free and analytic."""
    func = node.func
    if func is sp.Abs:
        return [(a, b, args[0] if s > 0 else -args[0]) for a, b, s in signs(args[0], low, high)]
    if func is sp.sign:
        return [(a, b, sp.Integer(s)) for a, b, s in signs(args[0], low, high)]
    if func is sp.Heaviside:
        values = {-1: sp.Integer(0), 0: args[1], 1: sp.Integer(1)}
        return [(a, b, values[s]) for a, b, s in signs(args[0], low, high)]
    if func in (sp.Max, sp.Min):
        return _chosen(low, high, args, 1 if func is sp.Max else -1)
    if func is sp.log:
        room = _where(args[0], low, high, (1,))
    elif func is sp.Pow and args[1].is_Integer:
        room = [(low, high)] if args[1] >= 0 else _where(args[0], low, high, (-1, 1))
    elif func is sp.Pow:
        room = _where(args[0], low, high, (1,))
    elif func is sp.tan:
        room = [(low, high)]
        for margin in (args[0] + sp.pi / 2, sp.pi / 2 - args[0]):
            room = [cell for a, b in room for cell in _where(margin, a, b, (1,))]
    elif func in (sp.Add, sp.Mul, *ENTIRE):
        room = [(low, high)]
    else:
        return []
    value = func(*args)
    # sympy turns sqrt(z**2) into Abs(z): such a new switch is resolved again.
    if value.has(*SWITCHES):
        return [cell for a, b in room for cell in _resolve(value, a, b)]
    return [(a, b, value) for a, b in room]


@lru_cache(maxsize=1 << 13)
def _resolve(node: sp.Expr, low: sp.Expr, high: sp.Expr) -> Cells:
    """Intervals within (low, high) on which the node is one analytic, switch-free formula (low =
    high: a point).
    """
    if node == z or node.is_Rational:
        return ((low, high, node),)
    if not node.args or isinstance(node, sp.CRootOf):
        return (
            ((low, high, node),)
            if node.is_number and node.is_finite and constant_sign(node)
            else ()
        )
    if isinstance(node, sp.Piecewise):
        return tuple(_cases(node, low, high))
    cells: list[tuple[sp.Expr, sp.Expr, tuple[sp.Expr, ...]]] = [(low, high, ())]
    for arg in node.args:
        cells = [
            (a, b, (*done, f))
            for left, right, done in cells
            for a, b, f in _resolve(arg, left, right)
        ]
        if len(cells) > 4 * MOST:
            raise TooManyPieces(f"more than {MOST} pieces")
    return tuple(cell for a, b, args in cells for cell in _apply(node, args, a, b))


# --- maximal pieces ---------------------------------------------------------------------------


def _normal(f: sp.Expr) -> sp.Expr:
    """Polynomials of moderate degree expanded; other expressions as they are."""
    return sp.expand(f) if small(f) and f.is_polynomial(z) else f


def _extends(f: sp.Expr, piece: Piece) -> bool:
    """f is analytic on the piece and identical to its expression, as rational functions of
    elementary parts.
    """
    if f == piece.expression:
        return True
    cells = _resolve(f, piece.low, piece.high)
    return [cell[:2] for cell in cells] == [(piece.low, piece.high)] and (
        factored(f - piece.expression)[0] == 0
    )


def _meets(expression: sp.Expr, piece: Piece) -> bool:
    """The piece's formula is analytic at the piece's upper end and has the expression's value
    there.
    """
    f, point = piece.expression, piece.high
    try:
        enclose(f, *enclose(point, Fraction(0), Fraction(0)))
    except NotCertified:
        return False
    return any(
        sp.expand((value - f).xreplace({z: point})) == 0
        for _, _, value in _resolve(expression, point, point)
    )


def _options(switch: sp.Expr) -> list[sp.Expr]:
    """Every value a switch can take."""
    if switch.func is sp.Abs:
        return [switch.args[0], -switch.args[0]]
    if switch.func is sp.sign:
        return [sp.Integer(-1), sp.Integer(0), sp.Integer(1)]
    if switch.func is sp.Heaviside:
        return list(dict.fromkeys([sp.Integer(0), sp.Integer(1), switch.args[1]]))
    if switch.func is sp.Piecewise:
        return [value for value, _ in switch.args]
    return list(switch.args)


def _branches(expression: sp.Expr) -> tuple[sp.Expr, ...]:
    """Every expression got by replacing the switches by their values, the largest switch first.

    A largest switch lies in no other, so no Max is ever rebuilt around a changed argument, which
    sympy may refuse.
    """
    todo = [expression]
    done: dict[sp.Expr, None] = {}
    while todo:
        f = todo.pop()
        switches = f.atoms(*SWITCHES)
        if not switches:
            done[_normal(f)] = None
        else:
            switch = max(switches, key=lambda s: (len(list(sp.preorder_traversal(s))), str(s)))
            todo += [f.xreplace({switch: value}) for value in _options(switch)]
        if len(todo) + len(done) > MOST:
            raise TooManyPieces(f"more than {MOST} branches")
    return tuple(done)


def pieces(expression: sp.Expr) -> Pieces:
    """The analytic pieces of an expression in z.

    Raises
    ------
    TooManyPieces: more than :data:`MOST` parts or, when the parts leave gaps, branches.
    ValueError: another symbol than z, or a floating-point number.
    """
    if not expression.free_symbols <= {z} or expression.has(sp.Float):
        raise ValueError("pieces needs an expression in z with exact numbers")
    parts: list[Piece] = []
    for low, high, f in _resolve(expression, -sp.oo, sp.oo):
        new, last = Piece(low, high, _normal(f)), parts[-1] if parts else None
        if (
            last
            and last.high == low
            and _extends(last.expression, new)
            and _meets(expression, last)
        ):
            parts[-1] = Piece(last.low, high, last.expression)
        else:
            parts.append(new)
    if len(parts) > MOST:
        raise TooManyPieces(f"more than {MOST} pieces")
    ends = [-sp.oo, *(end for part in parts for end in (part.low, part.high)), sp.oo]
    complete = all(a == b for a, b in zip(ends[::2], ends[1::2], strict=True))
    branches = tuple(dict.fromkeys(part.expression for part in parts)) if complete else None
    return Pieces(tuple(parts), complete, branches or _branches(expression))
