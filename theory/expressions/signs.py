"""The sign of a switch-free expression on an interval, by rules that are each a short proof.

    signs(f, low, high) = disjoint open intervals in (low, high), each with the strict sign
                         of f, or 0 for f = 0

    inverse:     h increasing: h(u) > y where u > h^-1(y); so for exp, log, tanh, atan, tan, erf at
                 0 and u^(p/q)
    waves:       sin and cos in the few periods next to 0
    factors:     the sign of a product is the product of the signs; a polynomial in z or in one such
                 h by its roots
    summands:    all of one sign
    monotone:    f' of one sign: the values at the ends, and a bracket around at most one zero
    enclosure:   on a grid of cells, the rational enclosure of f does not hold 0

The last three are for irreducible factors, each on what the one before has left undecided.  Where
no rule decides, nothing is claimed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import lru_cache
from typing import TypeVar

import sympy as sp

from theory.expressions.enclosure import (
    NotCertified,
    constant_sign,
    enclose,
    point_sign,
    rational,
    rational_inside,
    small,
    value_sign,
    z,
)
from theory.expressions.factors import affine, factored, real_roots

__all__ = ["Signed", "ordered", "signs"]

DERIVATIVES = 3
"""How often a comparator is differentiated in search of a monotone function."""
BISECTIONS = 30
"""How often the interval around a zero that is not known exactly is halved."""
CELLS = 400
"""How many enclosures are spent on one comparator."""

T = TypeVar("T")
Cell = tuple[sp.Expr, sp.Expr, int]
Signed = tuple[Cell, ...]
"""Open intervals (low, high) with the sign of an expression on each."""


def _cut(low: sp.Expr, high: sp.Expr, roots: list[sp.Expr], lead: int) -> Signed:
    """Signs on (low, high) of lead * prod(z - root); nothing when a root cannot be told from an
    end.
    """
    places = [(constant_sign(root - low), constant_sign(high - root)) for root in roots]
    # Between -oo and oo the places say nothing about the root itself: it must be a number that can
    # be enclosed.
    if any(None in place for place in places) or None in map(constant_sign, roots):
        return ()
    inside = [root for root, place in zip(roots, places, strict=True) if place == (1, 1)]
    sign = lead * (-1) ** sum(right != 1 for _, right in places)
    cells = []
    for a, b in reversed(list(itertools.pairwise([low, *inside, high]))):
        cells.append((a, b, sign))
        sign = -sign
    return tuple(cell for cell in reversed(cells) if cell[0] != cell[1])


def _product(
    parts: Iterable[tuple[Callable[[sp.Expr, sp.Expr], Signed], int]], cell: Cell
) -> Signed:
    """Signs of a product of powers, each factor looked at where the earlier ones are decided."""
    cells: list[Cell] = [cell]
    for factor, power in parts:
        cells = [
            (a, b, s * t ** abs(power)) for low, high, s in cells for a, b, t in factor(low, high)
        ]
    return tuple(cells)


def _between(
    u: sp.Expr, below: sp.Expr, above: sp.Expr, low: sp.Expr, high: sp.Expr, depth: int
) -> list[tuple[sp.Expr, sp.Expr]]:
    """The intervals where below < u < above."""
    return [
        (a, b)
        for left, right, s in signs(u - below, low, high, depth)
        if s > 0
        for a, b, t in signs(above - u, left, right, depth)
        if t > 0
    ]


def _waves(h: sp.Expr, level: sp.Expr, low: sp.Expr, high: sp.Expr, depth: int) -> Signed:
    """Signs of sin(u) - level or cos(u) - level in the few periods next to u = 0."""
    u = h.args[0]
    start = sp.asin(level) if h.func is sp.sin else -sp.acos(level)
    length = sp.pi - 2 * start if h.func is sp.sin else -2 * start
    if start.has(sp.asin, sp.acos):
        return ()
    reach = 4 if affine(u) else 1
    cells = []
    for k in range(-reach, reach):
        a = start + 2 * sp.pi * k
        for below, above, s in ((a, a + length, 1), (a + length, a + 2 * sp.pi, -1)):
            if constant_sign(above - below) == 1:
                cells += [(p, q, s) for p, q in _between(u, below, above, low, high, depth)]
    return tuple(ordered(cells))


def ordered(cells: Iterable[tuple[sp.Expr, sp.Expr, T]]) -> list[tuple[sp.Expr, sp.Expr, T]]:
    """Disjoint intervals in increasing order."""
    return sorted(cells, key=lambda cell: _middle(cell[0], cell[1]))


def _middle(low: sp.Expr, high: sp.Expr) -> Fraction:
    """A number by which disjoint intervals are put in order."""
    a = Fraction(-(2**4000)) if low == -sp.oo else enclose(low, Fraction(0), Fraction(0))[0]
    b = Fraction(2**4000) if high == sp.oo else enclose(high, Fraction(0), Fraction(0))[1]
    return a + b


def _level(h: sp.Expr, level: sp.Expr, low: sp.Expr, high: sp.Expr, depth: int) -> Signed | None:
    """Signs of h - level through the inverse of h; None when no rule applies."""
    if h == z:
        return _cut(low, high, [level], 1)
    if h.is_Pow and h.exp.is_Rational and h.exp > 0 and not h.exp.is_Integer:
        least: sp.Expr | None = sp.Integer(0)
        most, inverse, u = None, lambda y: y ** (1 / h.exp), h.base
    elif h.func in (sp.sin, sp.cos):
        least, most, inverse, u = -sp.Integer(1), sp.Integer(1), None, h.args[0]
    elif h.func in INVERSE:
        least, most, inverse = INVERSE[h.func]
        u = h.args[0]
    elif h.is_Pow and not h.exp.is_Integer:
        least, most, inverse, u = sp.Integer(0), None, sp.log, h.exp * sp.log(h.base)
    else:
        return None
    above = 1 if least is None else constant_sign(level - least)
    below = 1 if most is None else constant_sign(most - level)
    if above is None or below is None:
        return ()
    if inverse is None:
        if above < 0 or below < 0:
            return ((low, high, 1 if above < 0 else -1),)
        return _waves(h, level, low, high, depth)
    if above <= 0:
        return ((low, high, 1),)
    if below <= 0:
        return ((low, high, -1),)
    crossing = inverse(level)
    return None if crossing is None else signs(u - crossing, low, high, depth)


INVERSE: dict[
    type[sp.Function], tuple[sp.Expr | None, sp.Expr | None, Callable[[sp.Expr], sp.Expr]]
] = {
    sp.exp: (sp.Integer(0), None, sp.log),
    sp.log: (None, None, sp.exp),
    sp.tanh: (-sp.Integer(1), sp.Integer(1), lambda y: sp.log((1 + y) / (1 - y)) / 2),
    sp.atan: (-sp.pi / 2, sp.pi / 2, sp.tan),
    sp.erf: (-sp.Integer(1), sp.Integer(1), lambda y: y if y == 0 else None),
    sp.tan: (None, None, sp.atan),
}
"""Of increasing functions: the infimum, the supremum (neither attained), the inverse (None: not
elementary).
"""


def _gaps(low: sp.Expr, high: sp.Expr, cells: Iterable[Cell]) -> list[tuple[sp.Expr, sp.Expr]]:
    """What disjoint intervals in increasing order leave of (low, high)."""
    ends = [low, *(end for a, b, _ in cells for end in (a, b)), high]
    return [(a, b) for a, b in zip(ends[::2], ends[1::2], strict=True) if constant_sign(b - a) == 1]


def _joined(cells: Iterable[Cell]) -> list[Cell]:
    """Touching intervals with the same sign become one."""
    out: list[Cell] = []
    for a, b, s in cells:
        if out and out[-1][1] == a and out[-1][2] == s:
            out[-1] = (out[-1][0], b, s)
        else:
            out.append((a, b, s))
    return out


def _summed(f: sp.Expr, low: sp.Expr, high: sp.Expr, depth: int) -> list[Cell]:
    """A sum has the sign of its terms where they all have the same."""
    if not f.is_Add:
        return []
    cells = [(low, high, frozenset[int]())]
    for term in f.args:
        cells = [
            (a, b, term_signs | {s})
            for left, right, term_signs in cells
            for a, b, s in signs(term, left, right, DERIVATIVES)
            if not {-s} & term_signs - {0}
        ]
    return [(a, b, sum(term_signs)) for a, b, term_signs in cells if term_signs != {0}]


def _monotone(f: sp.Expr, low: sp.Expr, high: sp.Expr, depth: int) -> list[Cell]:
    """Where f' has one sign, f has the sign that its end values and at most one zero leave.

    Isolated zeros of f' inside the interval, where f is analytic, do not matter.
    """
    if depth >= DERIVATIVES or not small(f):
        return []
    slopes = _joined(signs(f.diff(z), low, high, depth + 1))
    return [cell for a, b, s in slopes if s for cell in _crossing(f, s, a, b)]


def _crossing(f: sp.Expr, rising: int, low: sp.Expr, high: sp.Expr) -> list[Cell]:
    """Signs of f, strictly monotone on (low, high): by its ends, an exact rational zero, or around
    a bracket.
    """
    left, right = value_sign(f, low), value_sign(f, high)
    if left is not None and rising * left >= 0:
        return [(low, high, rising)]
    if right is not None and rising * right <= 0:
        return [(low, high, -rising)]
    room = rational_inside(low, high)
    if room is None:
        return []
    (a, b), shares = room, (Fraction(1, 2**20), *(Fraction(k, 16) for k in (1, 4, 8, 12, 15)))
    points = {a + (b - a) * share for share in (*shares, 1 - shares[0])}
    points |= {Fraction(k) for k in (-64, -8, -1, 0, 1, 8, 64) if a < k < b}
    below, above = None, None
    for x in sorted(points):
        s = point_sign(f, x)
        if s is not None and s * rising <= 0:
            below = x
        if s is not None and s * rising >= 0 and above is None:
            above = x
    for _ in range(BISECTIONS):
        if below is None or above is None or below >= above:
            break
        middle = (below + above) / 2
        s = point_sign(f, middle)
        if s is None:
            break
        below = middle if s * rising <= 0 else below
        above = middle if s * rising >= 0 else above
    if below is not None and above is not None and below < above:
        simple = ((below + above) / 2).limit_denominator(1000)
        if below < simple < above and point_sign(f, simple) == 0:
            below = above = simple
    cells = []
    if below is not None:
        cells.append((low, rational(below), -rising))
    if above is not None:
        cells.append((rational(above), high, rising))
    return cells


def _grid(f: sp.Expr, low: sp.Expr, high: sp.Expr, depth: int) -> list[Cell]:
    """Signs by enclosures on cells that are halved until they are decided or small."""
    room = rational_inside(low, high)
    if depth or room is None:
        return []
    cells, decided = [(max(room[0], Fraction(-64)), min(room[1], Fraction(64)))], []
    work, size = 0, 1 + len(list(sp.preorder_traversal(f))) // 20
    while cells and work < CELLS:
        narrow = []
        for a, b in cells:
            if a >= b:
                continue
            work += size
            try:
                least, most = enclose(f, a, b)
            except NotCertified:
                least, most = Fraction(-1), Fraction(1)
            if least > 0 or most < 0:
                decided.append((a, b, 1 if least > 0 else -1))
            elif b - a > (Fraction(1, 64) if min(abs(a), abs(b)) < 8 else Fraction(1, 2)):
                narrow += [(a, (a + b) / 2), ((a + b) / 2, b)]
        cells = narrow
    return _joined((rational(a), rational(b), s) for a, b, s in sorted(decided))


def _searched(f: sp.Expr, low: sp.Expr, high: sp.Expr, depth: int) -> Signed:
    """Signs of f by the rules for sums, for monotone functions and by enclosures, each on the gaps
    of the last.
    """
    if f.is_Mul:
        parts = [(lambda a, b, g=g: signs(g, a, b, depth), 1) for g in f.args]
        return _product(parts, (low, high, 1))
    if f.is_Pow and f.exp.is_Integer:
        return _product([(lambda a, b: signs(f.base, a, b, depth), int(f.exp))], (low, high, 1))
    cells: list[Cell] = []
    for rule in (_summed, _monotone, _grid):
        new = [cell for a, b in _gaps(low, high, cells) for cell in rule(f, a, b, depth)]
        cells = ordered([*cells, *new])
    # Not joined: f may vanish at a point where two intervals touch.
    return tuple(cells)


def _factor_signs(
    g: sp.Expr, names: dict[sp.Expr, sp.Expr], low: sp.Expr, high: sp.Expr, depth: int
) -> Signed:
    """Signs of one irreducible factor: a polynomial in one function by its roots,
    others by search.
    """
    moving = [x for x in g.free_symbols if x == z or names[x].has(z)]
    if len(moving) == 1:
        x = moving[0]
        p = sp.Poly([sp.expand(c.xreplace(names)) for c in sp.Poly(g, x).all_coeffs()], x)
        roots = real_roots(p)
        if roots is not None:
            lead = constant_sign(p.LC()) or 0
            if x == z:
                return _cut(low, high, roots, lead)
            cells: list[Cell] | None = [(low, high, lead)]
            for root in roots:
                cells = _times(cells, names[x], root, depth)
            if cells is not None:
                return tuple(cells)
    f = g.xreplace(names)
    return signs(f, low, high, depth) if not f.has(z) else _searched(f, low, high, depth)


def _times(cells: list[Cell] | None, h: sp.Expr, root: sp.Expr, depth: int) -> list[Cell] | None:
    """The signs in ``cells`` times those of h - root; None when there is no rule for h."""
    out = []
    for low, high, s in cells or []:
        signed = _level(h, root, low, high, depth)
        if signed is None:
            return None
        out += [(a, b, s * t) for a, b, t in signed]
    return None if cells is None else out


@lru_cache(maxsize=1 << 13)
def signs(f: sp.Expr, low: sp.Expr, high: sp.Expr, depth: int = 0) -> Signed:
    """Disjoint open intervals (a, b) within (low, high), increasing, with the strict sign of f on
    each.

    f is switch-free and must be real-analytic on (low, high); sign 0 means identically 0.  Where
    the sign is not proved the answer has a gap.  low = high asks for the sign at that point.
    """
    if low == high or not f.has(z):
        s = constant_sign(f.xreplace({z: low}) if low == high else f)
        return () if s is None else ((low, high, s),)
    line = affine(f)
    if line is not None:
        lead = constant_sign(line[0])
        return _cut(low, high, [-line[1] / line[0]], lead) if lead else ()
    offset, dependent = f.as_independent(z, as_Add=True)
    scale, h = dependent.as_independent(z, as_Add=False)
    lead = constant_sign(scale)
    if lead and h.func is not sp.Add:
        signed = _level(h, -offset / scale, low, high, depth)
        if signed is not None:
            return tuple((a, b, lead * s) for a, b, s in signed)
    constant, factors, names = factored(f)
    s = constant_sign(constant)
    if s is None or s == 0:
        return () if s is None else ((low, high, 0),)
    parts = [
        (lambda a, b, g=g: _factor_signs(g, names, a, b, depth), power) for g, power in factors
    ]
    return _product(parts, (low, high, s))
