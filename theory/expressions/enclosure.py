"""Rational enclosures of an expression over an interval, and the signs of constants that follow
from them.

    enclose(f, a, b) = [c, d],   c <= f(x) <= d for every x in [a, b],   all four rational

It is the natural interval extension, in exact fractions that are rounded outwards when they get
long: sums and products from the ends, increasing functions from their end values, sin and cos also
from their turning points.  Elementary functions are evaluated to 50 digits and widened by a
relative 10^-25.  An enclosure that exists shows more: f is real-analytic on the closed interval.

A constant whose enclosure does not hold 0 has its sign; 0 is only said of what expands to 0.
Everything else is left undecided: :class:`NotCertified`, or None.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache, reduce

import sympy as sp

__all__ = [
    "Interval",
    "NotCertified",
    "constant_sign",
    "enclose",
    "point_sign",
    "rational",
    "rational_inside",
    "small",
    "value_sign",
    "z",
]

z = sp.Symbol("z", real=True)
"""The argument of every activation."""

RISING = (sp.exp, sp.log, sp.sinh, sp.tanh, sp.atan, sp.erf)
WIDER = Fraction(1, 10**25)
"""Relative widening of elementary functions, which are evaluated to 50 digits."""
HUGE = 2000
"""exp is not evaluated beyond this argument."""
DEGREE, TERMS = 24, 160
"""Above this degree, or this number of nodes, an expression is not expanded, factored or
differentiated.
"""

Interval = tuple[Fraction, Fraction]
"""(low, high), the ends of a closed interval."""


class NotCertified(ValueError):
    """No bounded enclosure: the expression is not known to be real-analytic on the
    whole interval.
    """


# --- enclosures -------------------------------------------------------------------------------


def rational(x: Fraction) -> sp.Rational:
    """The same number for sympy."""
    return sp.Rational(x.numerator, x.denominator)


def _round(x: Fraction, up: bool, bits: int = 128) -> Fraction:
    """The dyadic number with ``bits`` bits next to x, above or below."""
    if x.numerator.bit_length() <= bits and x.denominator & (x.denominator - 1) == 0:
        return x
    unit = Fraction(2) ** (x.numerator.bit_length() - x.denominator.bit_length() - bits)
    return (math.ceil(x / unit) if up else math.floor(x / unit)) * unit


def _hull(values: Iterable[Fraction]) -> Interval:
    """The smallest interval that holds all values, with long fractions rounded outwards."""
    numbers = list(values)
    low, high = min(numbers), max(numbers)
    if low.denominator.bit_length() > 256 or high.denominator.bit_length() > 256:
        return _round(low, False, 192), _round(high, True, 192)
    return low, high


def _widen(value: sp.Expr) -> Interval:
    """A number known to 50 digits, widened by :data:`WIDER`."""
    exact = sp.Rational(value)
    x = Fraction(int(exact.p), int(exact.q))
    return x - abs(x) * WIDER, x + abs(x) * WIDER


@lru_cache(maxsize=1 << 15)
def _elementary(function: sp.FunctionClass, x: Fraction) -> Interval:
    """Enclosure of an elementary function at a dyadic number of at most 128 bits (exact as a
    50-digit float).
    """
    return _widen(function(sp.Float(rational(x), 50)))


@lru_cache(maxsize=256)
def _constant(number: sp.Expr) -> Interval:
    """Enclosure of pi, E and the like, and of real algebraic numbers by their
    isolating intervals.
    """
    if isinstance(number, sp.CRootOf) and number.is_real:
        error = Fraction(1, 10**40)
        exact = number.eval_rational(sp.Rational(1, 10**40))
        middle = Fraction(int(exact.p), int(exact.q))
        return middle - error, middle + error
    if isinstance(number, sp.NumberSymbol):
        return _widen(sp.N(number, 50))
    raise NotCertified(f"{number} is no known real number")


def _monotone_range(function: sp.FunctionClass, low: Fraction, high: Fraction) -> Interval:
    """[h(low), h(high)] for an increasing h."""
    if function is sp.log and low <= 0:
        raise NotCertified("log of a number that may be 0 or negative")
    if function in (sp.exp, sp.sinh) and max(abs(low), abs(high)) > HUGE:
        if function is sp.sinh or high > HUGE:
            raise NotCertified("exp of a huge number")
        return Fraction(0), _elementary(function, _round(max(high, Fraction(-HUGE)), True))[1]
    bottom = _elementary(function, _round(low, False))[0]
    top = _elementary(function, _round(high, True))[1]
    return bottom, top


def _turning(low: Fraction, high: Fraction, half: Fraction) -> list[int]:
    """All k (and perhaps some more) with (k + half) pi in [low, high], for an interval shorter than
    7.
    """
    below, above = _constant(sp.pi)
    first, last = math.floor(low / below) - 2, math.ceil(high / below) + 2
    if first < 0 or last < 0:
        first, last = (
            min(first, math.floor(low / above) - 2),
            max(last, math.ceil(high / above) + 2),
        )
    turns = []
    for k in range(first, last + 1):
        left, right = sorted(((k + half) * below, (k + half) * above))
        if left <= high and right >= low:
            turns.append(k)
    return turns


def _periodic(function: sp.FunctionClass, low: Fraction, high: Fraction) -> Interval:
    """sin, cos and tan: values at the ends, and ±1 at the turning points inside; tan only between
    its poles.
    """
    half = Fraction(0) if function is sp.cos else Fraction(1, 2)
    huge = high - low >= 6 or max(abs(low), abs(high)) > 2**40
    inside = [] if huge else _turning(low, high, half)
    if function is sp.tan and (huge or inside):
        raise NotCertified("tan across a pole")
    if huge:
        return Fraction(-1), Fraction(1)
    low, high = _round(low, False), _round(high, True)
    values = [*_elementary(function, low), *_elementary(function, high)]
    return _hull([*values, *(Fraction((-1) ** k) for k in inside)])


def _power(base: Interval, exponent: sp.Expr, box: Interval) -> Interval:
    """base^exponent: integer exponents for any base (not 0 below the line), others as exp(exponent
    log base).
    """
    if not exponent.is_Integer:
        low, high = _monotone_range(sp.log, *base)
        a, b = _range(exponent, box)
        scaled = _hull(x * y for x in (low, high) for y in (a, b))
        return _monotone_range(sp.exp, *scaled)
    n = int(exponent)
    if abs(n) > 256 or (n < 0 and base[0] <= 0 <= base[1]):
        raise NotCertified("a pole or a huge power")
    ends = [x**n for x in base]
    if n > 0 and n % 2 == 0 and base[0] < 0 < base[1]:
        ends.append(Fraction(0))
    return _hull(ends)


def _range(f: sp.Expr, box: Interval) -> Interval:
    """Natural interval extension of f over z in ``box``."""
    if f == z:
        return box
    if f.is_Rational:
        return Fraction(int(f.p), int(f.q)), Fraction(int(f.p), int(f.q))
    if f.is_Pow:
        return _power(_range(f.base, box), f.exp, box)
    if not f.args or isinstance(f, sp.CRootOf):
        return _constant(f)
    args = [_range(arg, box) for arg in f.args]
    if f.is_Add:
        return _hull(
            [sum((x for x, _ in args), Fraction(0)), sum((x for _, x in args), Fraction(0))]
        )
    if f.is_Mul:
        return reduce(lambda p, q: _hull(x * y for x in p for y in q), args)
    if f.func in RISING:
        return _monotone_range(f.func, *args[0])
    if f.func is sp.cosh:
        low, high = args[0]
        least = Fraction(0) if low <= 0 <= high else min(abs(low), abs(high))
        grown, shrunk = _monotone_range(sp.exp, least, max(abs(low), abs(high))), Fraction(1, 2)
        return (grown[0] + 1 / grown[0]) * shrunk, (grown[1] + 1 / grown[1]) * shrunk
    if f.func in (sp.sin, sp.cos, sp.tan):
        return _periodic(f.func, *args[0])
    raise NotCertified(f"no enclosure of {f.func}")


def enclose(f: sp.Expr, low: Fraction, high: Fraction) -> Interval:
    """A rational interval that contains f(x) for every x in [low, high].

    When it exists, f is real-analytic on the closed interval: no pole, log and roots of positive
    numbers only.

    Raises
    ------
    NotCertified: this could not be shown.
    """
    return _range(f, (low, high))


# --- signs of constants -----------------------------------------------------------------------


def _degree(f: sp.Expr) -> int:
    """A bound for the degree of f after expansion, counting every transcendental function as one
    variable.
    """
    if f.is_Add:
        return max(_degree(arg) for arg in f.args)
    if f.is_Mul:
        return sum(_degree(arg) for arg in f.args)
    if f.is_Pow and f.exp.is_Rational:
        return _degree(f.base) * abs(int(f.exp.p)) if f.exp.is_Integer else abs(int(f.exp.p))
    return 0 if f.is_Rational else 1


def small(f: sp.Expr) -> bool:
    """Cheap enough for polynomial algebra."""
    return (
        _degree(f) <= DEGREE
        and len(list(itertools.islice(sp.preorder_traversal(f), TERMS))) < TERMS
    )


@lru_cache(maxsize=1 << 14)
def constant_sign(constant: sp.Expr) -> int | None:
    """The sign of a constant, 0 only if it is identically 0 after expansion; None
    when undecided.
    """
    if constant.is_Rational or constant in (sp.oo, -sp.oo):
        return int(sp.sign(constant))
    try:
        low, high = enclose(constant, Fraction(0), Fraction(0))
    except NotCertified:
        return None
    if low > 0 or high < 0:
        return 1 if low > 0 else -1
    return 0 if small(constant) and sp.expand(constant) == 0 else None


def _continuous(f: sp.Expr, point: sp.Expr) -> bool:
    """f is defined and continuous at the point, at least from the side where it is real."""
    for node in sp.preorder_traversal(f):
        if isinstance(node, sp.log):
            allowed: tuple[int | None, ...] = (1,)
            inner = node.args[0]
        elif isinstance(node, sp.tan):
            allowed, inner = (-1, 1), sp.cos(node.args[0])
        elif isinstance(node, sp.Pow) and not (node.exp.is_Integer and node.exp > 0):
            inner = node.base
            if node.exp.is_Integer:
                allowed = (-1, 1)
            else:
                allowed = (0, 1) if node.exp.is_Rational and node.exp > 0 else (1,)
        else:
            continue
        if constant_sign(inner.xreplace({z: point})) not in allowed:
            return False
    return True


def value_sign(f: sp.Expr, point: sp.Expr) -> int | None:
    """The sign of f at a finite point, or of its limit at ±oo; None when undecided.

    At infinity sympy's arithmetic of oo is the rule of limits (oo - oo and 0*oo give nan, hence
    None); it says nothing about oscillation or powers with a variable exponent, which are left out.
    """
    if point.is_infinite:
        tame = not f.has(sp.sin, sp.cos, sp.tan) and all(p.exp.is_Rational for p in f.atoms(sp.Pow))
        return constant_sign(f.xreplace({z: point})) if tame else None
    return constant_sign(f.xreplace({z: point})) if _continuous(f, point) else None


def point_sign(f: sp.Expr, x: Fraction) -> int | None:
    """The sign of f at a rational point where f is analytic; None when undecided."""
    try:
        low, high = enclose(f, x, x)
    except NotCertified:
        return None
    return 1 if low > 0 else -1 if high < 0 else constant_sign(f.xreplace({z: rational(x)}))


def rational_inside(low: sp.Expr, high: sp.Expr) -> Interval | None:
    """A closed rational interval within [low, high], as wide as can be told, at most to ±1024."""
    a = Fraction(-1024) if low == -sp.oo else enclose(low, Fraction(0), Fraction(0))[1]
    b = Fraction(1024) if high == sp.oo else enclose(high, Fraction(0), Fraction(0))[0]
    c, d = (math.ceil(a * 2**20) / Fraction(2**20), math.floor(b * 2**20) / Fraction(2**20))
    if c < d:
        return c, d
    return (a, b) if a < b else None
