r"""What the classifier says of σ, checked against evaluations of σ itself.

The classifier finds pieces, slopes, poles and symmetries by exact rules.  Here the same statements
are asked again by numbers, and by nothing that the classifier uses: the expression is evaluated
node by node in floats on a grid with tails and next to every place where a switch turns, to 30
digits (sympy's evalf) at single points, and with complex numbers off the line; networks are run on
pulses.

    pieces      σ(x) is the value of the formula that is said to hold around x
    slopes      (σ(2R) - σ(R))/R for R -> ±∞
    poles       Newton's iteration for 1/σ' from a grid in the strip below the stated height
    networks    Σ_k a_k Σ_i σ((w_k ⋆ x)_i + b_k) grows as the radius does

A number cannot prove the statement; it can refute it.  What is refuted is not printed
(:mod:`theory.shape.classify`).
"""

from __future__ import annotations

import cmath
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

import sympy as sp

from theory.expressions.pieces import SWITCHES, Pieces, z
from theory.expressions.printing import evaluator

__all__ = [
    "convex",
    "fades",
    "fades_vertically",
    "keeps_quotient",
    "measures_radius",
    "mirrored",
    "misplaced",
    "oblique",
    "only_nearest_pole",
    "regular",
    "same",
    "same_off_the_line",
    "slopes_are",
    "slopes_cancel",
    "slopes_differ",
]

Real = Callable[[float], float | None]
Complex = Callable[[complex], complex | None]

NEAR = 1e-7
"""Floats that differ by more, relative to the larger of them and 1, are looked at again to 30
digits.
"""
FAR = sp.Float("1e-12")
"""Values of 30 digits that differ by more are different."""
GRID = tuple(sorted(
    sign * x for sign in (1.0, -1.0)
    for x in (*(0.0137 + k / 8 for k in range(130)), *(1.37 * 2.0**k for k in range(-20, 40)))
))  # fmt: skip
"""Points of no significance: dense on [-16, 16], and tails up to 10^12 and down to 10^-6."""


# --- values -----------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _real(f: sp.Expr) -> Real:
    """f in floats, None where it is undefined or overflows."""
    try:
        return evaluator(f)
    except KeyError:  # a function that has no place in the grammar
        return lambda x: _as_float(_digits(f, sp.Rational(x)))


def _as_float(value: sp.Expr | None) -> float | None:
    return None if value is None else float(value)


@lru_cache(maxsize=256)
def _exponents(f: sp.Expr) -> tuple[Real, ...]:
    """The arguments of the functions whose values may be too large even for an exponent."""
    steep = f.atoms(sp.exp, sp.sinh, sp.cosh, sp.tanh)
    try:
        return tuple(evaluator(node.args[0]) for node in steep)
    except KeyError:
        return ()


def _digits(f: sp.Expr, place: sp.Expr) -> sp.Expr | None:
    """f(place) to 30 digits for an exact real number; None where it is undefined, or too many
    digits cancel.
    """
    x = float(place)
    if any(inner(x) is None for inner in _exponents(f)):
        return None
    return _evalf(f, place, 30, maxn=400, strict=True)


def _evalf(f: sp.Expr, place: sp.Expr, digits: int, **options: int) -> sp.Expr | None:
    """sympy's evaluation of f(place); None where it is not real, or fails."""
    try:
        value = f.evalf(digits, subs={z: place}, **options)
    except (ArithmeticError, NotImplementedError, RecursionError, TypeError, ValueError):
        return None
    return value if value.is_Float or value.is_Rational else None


TABLE = {
    "exp": cmath.exp, "log": cmath.log, "sqrt": cmath.sqrt, 
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan,
    "sinh": cmath.sinh, "cosh": cmath.cosh, "tanh": cmath.tanh, "atan": cmath.atan,
    "pi": math.pi, "I": 1j, "E": math.e,
}  # fmt: skip


@lru_cache(maxsize=256)
def _complex(f: sp.Expr) -> Complex:
    """f off the real line, None where it has no finite value in floats."""
    function = sp.lambdify([z], f, modules=[TABLE], cse=True)

    def evaluate(point: complex) -> complex | None:
        try:
            value = complex(function(point))
        except (ArithmeticError, NameError, TypeError, ValueError):
            return None
        return value if cmath.isfinite(value) else None

    return evaluate


def _apart(f: sp.Expr, g: sp.Expr, x: float) -> bool:
    """f(x) and g(x) are shown to differ."""
    left, right = _real(f)(x), _real(g)(x)
    if left is not None and right is not None:
        if abs(left - right) <= NEAR * max(1.0, abs(left), abs(right)):
            return False
    elif (left is None) == (right is None):
        return False
    exact = sp.Rational(x)
    first, second = _digits(f, exact), _digits(g, exact)
    if first is None or second is None:
        return False
    return bool(abs(first - second) > FAR * max(1, abs(first), abs(second)))


def same(f: sp.Expr, g: sp.Expr) -> bool:
    """The two have one value at all points of the grid where both have any; at three at least."""
    left, right = _real(f), _real(g)
    known = sum(left(x) is not None and right(x) is not None for x in GRID)
    return known >= 3 and not any(_apart(f, g, x) for x in GRID)


# --- pieces -----------------------------------------------------------------------------------


def _comparators(expression: sp.Expr) -> Iterator[sp.Expr]:
    """What changes its sign where a switch turns."""
    for switch in expression.atoms(*SWITCHES):
        if isinstance(switch, sp.Max | sp.Min):
            yield from (a - b for k, a in enumerate(switch.args) for b in switch.args[:k])
        elif isinstance(switch, sp.Piecewise):
            relations = (r for _, condition in switch.args for r in condition.atoms(sp.Rel))
            yield from (relation.lhs - relation.rhs for relation in relations)
        else:
            yield switch.args[0]


def _turns(f: sp.Expr) -> Iterator[float]:
    """Places where f changes its sign between two points of the grid."""
    value = _real(f)
    known = [(x, y) for x in GRID if (y := value(x)) is not None]
    for (low, below), (high, above) in pairwise(known):
        if (below < 0) == (above < 0):
            continue
        for _ in range(60):
            middle = (low + high) / 2
            there = value(middle)
            if there is None:
                break
            low, high = (middle, high) if (there < 0) == (below < 0) else (low, middle)
        yield (low + high) / 2


def misplaced(expression: sp.Expr, parts: Pieces) -> str | None:
    """A place where σ is not what the pieces say, in words; None where none is found."""
    ends = [(float(part.low), float(part.high), part.expression) for part in parts.parts]
    turns = [t for f in _comparators(expression) for t in _turns(f)]
    turns += [end for low, high, _ in ends for end in (low, high) if math.isfinite(end)]
    steps = (1e-5, -1e-5, 1e-2, -1e-2)
    for x in (*GRID, *(t + step * max(1.0, abs(t)) for t in turns for step in steps)):
        branches = [f for low, high, f in ends if _inside(x, low, high)]
        close = any(not math.isinf(t) and abs(x - t) <= 1e-9 * max(1.0, abs(t)) for t in turns)
        if close or (branches and not _apart(expression, branches[0], x)):
            continue
        if branches or all(_apart(expression, branch, x) for branch in parts.branches):
            claimed = branches[0] if branches else " or ".join(map(str, parts.branches))
            return f"σ({x:.6g}) = {_shown(expression, x)} is no value of {claimed}"
    return None


def _inside(x: float, low: float, high: float) -> bool:
    return low < x < high


def _shown(expression: sp.Expr, x: float) -> str:
    value = _real(expression)(x)
    return "undefined" if value is None else f"{value:.6g}"


# --- far away ---------------------------------------------------------------------------------

REACHES = tuple(map(sp.Integer, (10**15, 10**9, 10**5, 1000, 200, 100, 50, 25, 12, 6, 3)))


@lru_cache(maxsize=256)
def _slopes(f: sp.Expr) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Slopes at -∞ and +∞, each with its uncertainty: twice as much as it changed in the last step.

    From the two farthest places at which σ can be evaluated; None where there are no two, or the
    slopes grow.
    """
    measured = []
    for side in (-1, 1):
        values = []
        for reach in REACHES:
            near, far = _digits(f, side * reach), _digits(f, 2 * side * reach)
            if near is not None and far is not None:
                values.append(float((far - near) / (side * reach)))
            if len(values) == 2:
                break
        if len(values) < 2 or abs(values[0]) > 10 * abs(values[1]) + 1:
            return None
        measured.append((values[0], 1e-9 + 2 * abs(values[0] - values[1])))
    return measured[0], measured[1]


def slopes_are(f: sp.Expr, left: sp.Expr, right: sp.Expr) -> bool:
    """f(z)/z tends to ``left`` at -∞ and to ``right`` at +∞, within the uncertainty."""
    slopes = _slopes(f)
    return slopes is not None and all(
        abs(slope - float(claimed)) <= uncertainty * max(1.0, abs(slope))
        for (slope, uncertainty), claimed in zip(slopes, (left, right), strict=True)
    )


def slopes_cancel(f: sp.Expr) -> bool:
    """The slopes at -∞ and +∞ add up to 0, within their uncertainty."""
    slopes = _slopes(f)
    if slopes is None:
        return False
    (left, first), (right, second) = slopes
    return abs(left + right) <= (first + second) * max(1.0, abs(left))


def slopes_differ(f: sp.Expr) -> bool:
    """The slopes at -∞ and +∞ differ by more than their uncertainty."""
    slopes = _slopes(f)
    if slopes is None:
        return False
    (left, first), (right, second) = slopes
    return abs(left - right) > (first + second) * max(1.0, abs(left))


def fades(f: sp.Expr) -> bool:
    """A rational function tends to 0 at both ends: by a factor of 1000 for a thousand times the
    argument.
    """
    value = _real(f)
    for side in (-1.0, 1.0):
        near, far = value(side * 1e6), value(side * 1e9)
        if near is None or far is None or abs(far) > max(2e-3 * abs(near), 1e-300):
            return False
    return True


def fades_vertically(f: sp.Expr) -> bool:
    """|f(x + iy)| falls for y -> ±∞ where f is real on the line: to half at least, and never rises
    at the end.
    """
    real, off = _real(f), _complex(f)
    start = next((x for x in (0.37, -0.37, 2.9, -2.9, 17.3, -17.3) if real(x) is not None), None)
    if start is None:
        return False
    for side in (-1, 1):
        sizes = [
            abs(value)
            for k in range(2, 42)
            if (value := off(complex(start, side * 2.0**k))) is not None
        ]
        late = sizes[len(sizes) // 2 :]
        falls = all(b <= a * (1 + 1e-9) + 1e-12 for a, b in pairwise(late))
        if len(sizes) < 4 or not falls or sizes[-1] > max(sizes[0] / 2, 1e-12):
            return False
    return True


# --- on the line ------------------------------------------------------------------------------

COMPACT = tuple(x for x in GRID if abs(x) <= 32)
SIMPLE = tuple(k / 4 for k in range(-32, 33))
"""Where denominators and logarithms of plain expressions vanish, if they do."""


def regular(f: sp.Expr) -> bool:
    """No denominator, root or logarithm in f comes near 0, nor below where it must not."""
    for node in f.atoms(sp.Pow, sp.log):
        inner = node.args[0]
        whole = isinstance(node, sp.Pow) and node.exp.is_Integer
        if not inner.has(z) or (whole and node.exp > 0):
            continue
        value = _real(inner)
        points = sorted((*COMPACT, *SIMPLE))
        values = [value(x) for x in points]
        if any(v is None or v == 0 or (v < 0 and not whole) for v in values):
            return False
        if len({v > 0 for v in values if v is not None}) > 1 or _dips(value, points):
            return False
    return True


def _dips(value: Real, points: Sequence[float]) -> bool:
    """|value| falls below a millionth of its surroundings between some of the points."""

    def size(x: float) -> float:
        there = value(x)
        return math.inf if there is None else abs(there)

    sizes = [size(x) for x in points]
    for k in range(1, len(points) - 1):
        if sizes[k] > min(sizes[k - 1], sizes[k + 1]):
            continue
        low, high = points[k - 1], points[k + 1]
        for _ in range(80):
            p, q = low + (high - low) / 3, high - (high - low) / 3
            low, high = (low, q) if size(p) < size(q) else (p, high)
        if size((low + high) / 2) < 1e-6 * min(sizes[k - 1], sizes[k + 1]):
            return True
    return False


def convex(expression: sp.Expr, sign: int) -> bool:
    """No chord of sign · σ lies below it, and where three points lie on a line, it is level; on
    [-4, 4].
    """
    value = _real(expression)
    for x in (k / 16 + 0.0137 for k in range(-64, 64)):
        left, here, right = (value(x + step / 16) for step in (-1, 0, 1))
        if left is None or here is None or right is None:
            return False
        size = max(1.0, abs(left), abs(here), abs(right))
        bend = sign * (left - 2 * here + right)
        if bend < -1e-9 * size or (bend < 1e-12 * size and abs(right - left) > 1e-9 * size):
            return False
    return True


def mirrored(f: sp.Expr, centre: sp.Expr, sign: int) -> bool:
    """f(2t - z) = sign · f(z)."""
    return same(f.xreplace({z: 2 * centre - z}), sign * f)


OFF = (0.31 + 0.2j, -1.13 - 0.4j, 0.77 + 0.9j, -0.29 + 0.6j, 1.71 - 0.8j)
"""Points of no significance off the real line."""


def same_off_the_line(f: sp.Expr, g: sp.Expr) -> bool:
    """The two have one value wherever both have any on :data:`OFF`; at three points at least."""
    left, right = _complex(f), _complex(g)
    pairs = [(a, b) for x in OFF if (a := left(x)) is not None and (b := right(x)) is not None]
    close = (abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b)) for a, b in pairs)
    return len(pairs) >= 3 and all(close)


def keeps_quotient(f: sp.Expr, g: sp.Expr) -> bool:
    """f/g is one number wherever both are evaluated: they may be proportional."""
    left, right = _complex(f), _complex(g)
    quotients = [a / b for x in OFF if (a := left(x)) is not None and (b := right(x))]
    return all(abs(q - quotients[0]) <= 1e-9 * max(1.0, abs(quotients[0])) for q in quotients)


# --- poles ------------------------------------------------------------------------------------


def only_nearest_pole(f: sp.Expr, place: sp.Expr) -> bool:
    """f has a pole there, and Newton's iteration finds no other between the real line and its
    height.

    The zeros of u = -f/f' = 1/f : (1/f)' are the poles and the zeros of f, all simple; |f| tells
    them apart.
    """
    target = complex(place.evalf(20))
    height = target.imag
    functions = [_complex(sp.diff(f, z, k)) for k in range(3)]
    near = functions[0](target + 1e-4 * height * (0.6 + 0.8j))
    closer = functions[0](target + 1e-5 * height * (0.6 + 0.8j))
    if height <= 0 or near is None or closer is None or abs(closer) < 5 * abs(near):
        return False
    columns = [target.real + k / 4 for k in range(-64, 65)]
    starts = [complex(x, y * height) for x in columns for y in (0.02, 0.35, 0.7, 1.0)]
    for start in starts:
        pole = _newton(functions, start)
        if pole is None or abs(pole - target) < 1e-6 * max(1.0, abs(target)):
            continue
        if -1e-9 * height < pole.imag < height * (1 + 1e-9):
            return False
    return True


def oblique(f: sp.Expr, place: sp.Expr) -> bool:
    """The coefficient p of the highest term p (z - place)^-m of f at its pole is neither real nor
    imaginary.
    """
    target, value = complex(place.evalf(20)), _complex(f)
    step = 1e-5 * abs(target.imag)
    near, closer = value(target + step), value(target + step / 10)
    if near is None or closer is None:
        return False
    order = round(math.log10(abs(closer / near)))
    top = closer * (step / 10) ** order
    return min(abs(top.real), abs(top.imag)) > 1e-3 * abs(top)


def _newton(functions: Sequence[Complex], point: complex) -> complex | None:
    """The pole at which the iteration ends, None where it ends at a zero or nowhere."""
    for _ in range(40):
        f, first, second = (function(point) for function in functions)
        if f is None or first is None or second is None or first == 0:
            return None
        bend = -1 + f * second / first**2
        if bend == 0:
            return None
        step = -f / first / bend
        if abs(step) > 2:
            return None
        point -= step
        if abs(step) < 1e-7 * max(1.0, abs(point)):
            here, beside = functions[0](point), functions[0](point + 1e-3)
            if beside is None:
                return None
            return point if here is None or abs(here) > 100 * abs(beside) else None
    return None


# --- networks ---------------------------------------------------------------------------------

Channels = Sequence[tuple[Sequence[sp.Expr], sp.Expr, sp.Expr]]

OFFSETS = tuple(Fraction(*part) for part in ((0, 1), (1, 3), (5, 7), (7, 5), (22, 9)))
"""Radii n/2 + these: plateau radii on three cells."""


def measures_radius(expression: sp.Expr, channels: Channels, digits: int = 30) -> bool:
    """The answers Σ_k a_k Σ_i σ((w_k ⋆ x)_i + b_k) to pulses grow exactly as their radii do.

    Exact fractions where σ and the weights are rational; ``digits`` digits, or floats for 0, where
    they are not.
    """
    return _measures(expression, tuple((tuple(w), b, a) for w, b, a in channels), digits)


@lru_cache(maxsize=4096)
def _measures(expression: sp.Expr, channels: Channels, digits: int) -> bool:
    numbers = [value for w, b, a in channels for value in (*w, b, a)]
    if _rational_arithmetic(expression) and all(value.is_Rational for value in numbers):
        return _in_fractions(expression, channels)
    return _in_digits(expression, channels, digits) if digits else _in_floats(expression, channels)


def _gaps(
    channels: Channels,
    number: Callable[[Any], Any],
    sigma: Callable[[Any], Any],
    add: Callable[[Sequence[Any]], Any],
) -> tuple[list[Any], Any] | None:
    """(Σ_k a_k Σ_i σ(...) - r at each radius, the largest term) in numbers of one kind; None where
    σ is undefined.
    """
    exact = [([*map(number, w)], number(b), number(a)) for w, b, a in channels]
    gaps, largest = [], number(sp.Integer(1))
    for r, windows in _windows(len(exact[0][0])):
        terms = [-number(r)]
        for window, count in windows:
            pixels = [*map(number, window)]
            for w, b, a in exact:
                value = sigma(add([b, *(tap * x for tap, x in zip(w, pixels, strict=True))]))
                if value is None:
                    return None
                terms.append(count * a * value)
        gaps.append(add(terms))
        largest = max(largest, *map(abs, terms))
    return gaps, largest


def _in_fractions(expression: sp.Expr, channels: Channels) -> bool:
    """Exactly: all gaps between answer and radius are one number."""
    exact = _rational(expression)

    @cache
    def sigma(x: Fraction) -> Fraction | None:
        try:
            return exact(x)
        except ZeroDivisionError:
            return None

    measured = _gaps(channels, Fraction, sigma, sum)
    return measured is not None and len(set(measured[0])) == 1


def _rational(expression: sp.Expr) -> Callable[[Fraction], Fraction]:
    """A function of fractions, from an expression of :func:`_rational_arithmetic`."""
    if expression == z:
        return lambda x: x
    if expression.is_Rational:
        number = Fraction(expression.p, expression.q)
        return lambda x: number
    parts = [*map(_rational, expression.args)]
    combine = next(f for kind, f in _IN_FRACTIONS.items() if isinstance(expression, kind))
    return lambda x: combine(*(part(x) for part in parts))


_IN_FRACTIONS: dict[type[sp.Basic], Callable[..., Any]] = {
    sp.Add: lambda *terms: sum(terms),
    sp.Mul: lambda *factors: math.prod(factors),
    sp.Pow: lambda base, power: base**power.numerator,
    sp.Abs: abs,
    sp.Max: max,
    sp.Min: min,
    sp.sign: lambda x: (x > 0) - (x < 0),
    sp.Heaviside: lambda x, at_0: Fraction(x > 0) if x else at_0,
}


def _in_digits(expression: sp.Expr, channels: Channels, digits: int) -> bool:
    def sigma(place: sp.Expr) -> sp.Float | None:
        # What cancels to 0 comes with one bit, and would take a sum's digits away.
        value = _evalf(expression, place, digits, maxn=200)
        return None if value is None else sp.Float(value, digits)

    measured = _gaps(channels, sp.sympify, sigma, lambda numbers: sp.Add(*numbers))
    if measured is None:
        return _in_floats(expression, channels)
    gaps, largest = measured
    apart = (max(gaps) - min(gaps)).evalf(digits)
    return bool(apart < largest * sp.Float("1e-20"))


def _in_floats(expression: sp.Expr, channels: Channels) -> bool:
    measured = _gaps(channels, float, _real(expression), math.fsum)
    return measured is not None and max(measured[0]) - min(measured[0]) < 1e-9 * measured[1]


@lru_cache(maxsize=8)
def _windows(n: int) -> list[tuple[Fraction, list[tuple[tuple[Fraction, ...], int]]]]:
    """For some plateau radii the windows of n pixels that a filter sees of the pulse, and how
    often.
    """
    h = n // 2
    windows = []
    for r in (Fraction(n, 2) + offset for offset in OFFSETS):
        reach = n + 3
        x = [
            min(max(r + Fraction(1, 2) - abs(i), Fraction(0)), Fraction(1))
            for i in range(-reach - h, reach + h + 1)
        ]
        windows.append(
            (r, list(Counter(tuple(x[i : i + n]) for i in range(2 * reach + 1)).items()))
        )
    return windows


@lru_cache(maxsize=256)
def _rational_arithmetic(expression: sp.Expr) -> bool:
    """Only rational numbers, sums, products, small powers and switches."""
    return all(
        node == z or node.is_Rational or node.is_Add or node.is_Mul
        or isinstance(node, SWITCHES[:-1])
        or (node.is_Pow and node.exp.is_Integer and abs(node.exp) <= 64)
        for node in sp.preorder_traversal(expression)
    )  # fmt: skip
