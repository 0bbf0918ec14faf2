r"""Laplacians: what a filter that is even about a point measures of an edge, and its perimeter in
closed form.

Let w be even about c and W its step function, y = x - c.  The half planes on both sides of a line
through c hold the same, so p_θ - S/2 is an odd function of the distance τ from that line.  If, with
b = -S/2, p_θ + b has one sign for τ > 0,

    ∫ [|p_θ + b| - |b|] dt = ± ∫ W |y·n| dy = ± Σ_v d_v |v·n|³/(6 cos θ sin θ),

and, since ∮ |y·n| dθ = 4|y|, with D(u) the integral of |y| over the pixel u,

    P = 4 |Σ_u w_u D(u - c)|    (S = 0, the same side for all θ),
    P = -sgn(S) 4 Σ_u w_u D(u - c)    (S ≠ 0).

Where the positive side turns with the direction P is a sum over arcs, in closed form as well.  For
which filters p_θ + b has one sign on each side is decided exactly (:mod:`theory.disk.zero_lines`);
κ ⋆ (second difference) are among them.  Derivation: docs/disk/laplacian.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Any, Protocol

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.disk.arithmetic import Logarithms
from theory.disk.perimeter import half_square
from theory.disk.zero_lines import Crossing, Filter, Point, centre_of, corners, crossing, stretches
from theory.types import Scalar, Vector

__all__ = [
    "CLAIM",
    "LAW",
    "Exact",
    "Laplacian",
    "across",
    "arc",
    "box",
    "distance",
    "second",
    "strength",
    "turned",
]


class Exact:
    """The arithmetic of sympy: how to write a fraction, √ and asinh."""

    number = staticmethod(sp.Rational)
    sqrt = staticmethod(sp.sqrt)

    @staticmethod
    def asinh(x: sp.Expr) -> sp.Expr:
        """Odd: sympy writes asinh(±1) as two logarithms that it does not know to be opposite."""
        return -sp.asinh(-x) if x.is_negative else sp.asinh(x)


def box(x: Scalar, y: Scalar, f: Logarithms = Exact) -> Any:
    """∫₀ˣ∫₀ʸ √(ξ² + η²) dη dξ = (2xy√(x² + y²) + x³ asinh(y/|x|) + y³ asinh(x/|y|))/6, odd in x and
    in y.
    """
    if x == 0 or y == 0:
        return 0 * x * y
    return (
        2 * x * y * f.sqrt(x * x + y * y) + x**3 * f.asinh(y / abs(x)) + y**3 * f.asinh(x / abs(y))
    ) / 6


def distance(x: Scalar, y: Scalar, f: Logarithms = Exact) -> Any:
    """D(x, y), the integral of the distance from 0 over the unit square around (x, y)."""
    half = f.number(1) / 2
    upper = box(x + half, y + half, f) - box(x - half, y + half, f)
    return upper - (box(x + half, y - half, f) - box(x - half, y - half, f))


def strength(w: Filter, centre: Point, f: Logarithms = Exact) -> Any:
    """P of |z - S/2| for a filter that is even about ``centre``, the side on which p_θ - S/2 is
    positive being the same for all θ.
    """
    total = f.number(0)
    for (i, j), tap in w.items():
        total += f.number(tap) * distance(f.number(i - centre[0]), f.number(j - centre[1]), f)
    level = sum(w.values())
    return 4 * (abs(total) if level == 0 else -total if level > 0 else total)


def across(w: Filter, centre: Point, p: Fraction, q: Fraction) -> Fraction:
    """∫ W |y·(p, q)| dy = Σ_v d_v |v·(p, q)|³/(6|pq|), v seen from the centre; p, q not 0."""
    d = corners(w)

    def along(v: Point) -> Fraction:
        return abs((v[0] - centre[0]) * p + (v[1] - centre[1]) * q) ** 3

    sign = 1 if p * q > 0 else -1
    return sign * sum((value * along(v) for v, value in d.items()), Fraction(0)) / (6 * abs(p * q))


def arc(v: Vector, p: Scalar, q: Scalar, f: Logarithms = Exact) -> Any:
    """An antiderivative of (v·n)³/(6 cos θ sin θ) at the direction n of (p, q), p, q >= 0; on an
    axis without its logarithm.
    """
    size = f.sqrt(p * p + q * q)
    c, s, one, two = p / size, q / size, v[0], v[1]
    rise = 0 if p == 0 else f.asinh(q / p)
    fall = 0 if q == 0 else f.asinh(p / q)
    return (one**3 * (c - fall) + 3 * one * two * (one * s - two * c) + two**3 * (rise - s)) / 6


def turned(w: Filter, centre: Point, f: Logarithms = Exact) -> Any:
    """∮ |∫ W |y·n| dy| dθ, the sum over all arcs between directions in which lines through two
    corners meet.
    """
    total, found = f.number(0), corners(w)
    # Differences of corners are whole numbers up to the width, and no corner is seen under another
    # slope.
    sizes = range(
        1, 1 + max(int(max(v[k] for v in found) - min(v[k] for v in found)) for k in (0, 1))
    )
    ends = [
        (1, 0),
        *(
            u.as_integer_ratio()[::-1]
            for u in sorted({Fraction(a, b) for a in sizes for b in sizes})
        ),
        (0, 1),
    ]
    for side in (1, -1):  # the other half of the turn is the same
        d = {
            (v[0] - centre[0], side * (v[1] - centre[1])): side * value
            for v, value in found.items()
        }
        for (a, b), (p, q) in pairwise(ends):
            part = f.number(0)
            for v, value in d.items():
                ahead = 1 if v[0] * (a + p) + v[1] * (b + q) > 0 else -1
                at = [f.number(x) for x in v]
                gain = arc(at, f.number(p), f.number(q), f) - arc(at, f.number(a), f.number(b), f)
                part += f.number(ahead * value) * gain
            total += 2 * abs(part)
    return total


def second(*steps: tuple[int, int]) -> dict[tuple[int, int], Fraction]:
    """The sum of second differences δ_e - 2δ + δ_{-e}."""
    w: dict[tuple[int, int], Fraction] = {(0, 0): Fraction(-2 * len(steps))}
    for e in steps:
        for place in (e, (-e[0], -e[1])):
            w[place] = w.get(place, Fraction(0)) + 1
    return w


class Distance(Protocol):
    """The centre of a pixel and the arithmetic -> the integral of the distance from 0 over the
    pixel.
    """

    def __call__(self, x: Scalar, y: Scalar, f: Logarithms = Exact, /) -> Any: ...


class Strength(Protocol):
    """A filter, the point about which it is even, and the arithmetic -> P."""

    def __call__(self, w: Filter, centre: Point, f: Logarithms = Exact, /) -> Any: ...


class Crossed(Protocol):
    """A filter and a bias -> the class of its sign changes."""

    def __call__(self, w: Filter, b: Fraction = Fraction(0), /) -> Crossing: ...


@dataclass(frozen=True)
class Laplacian:
    """The law: the mean distance of a pixel, P of a filter even about a point whose sides are the
    same for all θ, and if they turn; the class of a filter.
    """

    distance: Distance
    strength: Strength
    across: Callable[[Filter, Point, Fraction, Fraction], Fraction]
    turned: Strength
    crossing: Crossed


LAW = Laplacian(distance, strength, across, turned, crossing)
"""The law as derived here."""

HALF = Fraction(1, 2)
STEPS = ((1, 0), (0, 1), (1, 1), (1, -1))
SADDLE = {(1, 0): Fraction(1), (-1, 0): Fraction(1), (1, 1): Fraction(-1), (-1, -1): Fraction(-1)}
"""The difference of two second differences: which side is the positive one turns with the
direction.
"""
BLOCK = {(0, 0): Fraction(1), (1, 1): Fraction(1), (0, 1): Fraction(-1), (1, 0): Fraction(-1)}
BLUR = {(i, j): Fraction(4, 2 ** (abs(i) + abs(j))) for i in (-1, 0, 1) for j in (-1, 0, 1)}
RING = {**BLUR, (0, 0): Fraction(-16)}
DENT = {
    (0, 0): Fraction(4),
    (1, 0): Fraction(-3),
    (-1, 0): Fraction(-3),
    (0, 1): Fraction(1),
    (0, -1): Fraction(1),
}
"""Even with sum 0, but both signs occur on either side."""
SLANT = {
    (0, 0): Fraction(3),
    (1, 0): Fraction(-1),
    (1, 1): Fraction(2),
    (-1, 1): Fraction(-4),
    (0, -1): Fraction(1),
}
PIT = {p: Fraction(tap) for p, tap in zip(BLUR, (5, 1, -2, -2, 6, -2, -2, 1, 5), strict=True)}
"""The other sign shows only inside one triangle between the lines, for a few directions."""
ALONG = {(0, 0): Fraction(-1), (1, 1): Fraction(1)}
TWO = {(0, 0): Fraction(1), (1, 0): Fraction(1)}
CROSS = {(1, 0): Fraction(1), (0, 0): Fraction(1), (1, 1): Fraction(1), (1, -1): Fraction(1)}
"""Without a centre, but one tap only has no mirror image."""
TWIST = {(0, 0): Fraction(4), (1, 1): Fraction(4), (0, 1): Fraction(-1), (1, 0): Fraction(-1)}
"""For some directions the other sign shows only next to the centre's line."""
SIDED: tuple[tuple[str, Filter, Point, bool], ...] = (
    ("(1, -2, 1)", second((1, 0)), (Fraction(0), Fraction(0)), False),
    ("(1, -2, 1) along the diagonal", second((1, 1)), (Fraction(0), Fraction(0)), False),
    ("5 points", second(*STEPS[:2]), (Fraction(0), Fraction(0)), False),
    ("9 points", second(*STEPS), (Fraction(0), Fraction(0)), False),
    ("one tap", {(0, 0): Fraction(1)}, (Fraction(0), Fraction(0)), False),
    ("a blur", BLUR, (Fraction(0), Fraction(0)), False),
    ("a ring", RING, (Fraction(0), Fraction(0)), False),
    (
        "four pixels",
        {(0, 0): Fraction(2), (1, 1): Fraction(2), (0, 1): Fraction(1), (1, 0): Fraction(1)},
        (Fraction(1, 2), Fraction(1, 2)),
        False,
    ),
    ("two pixels", TWO, (Fraction(1, 2), Fraction(0)), False),
    ("2 × 2", BLOCK, (Fraction(1, 2), Fraction(1, 2)), True),
    ("a saddle", SADDLE, (Fraction(0), Fraction(0)), True),
)
"""Filters with n = 1 or 3 whose sides have one sign: name, taps, centre, and whether the sides
turn.
"""
DIRECTIONS = tuple(
    (Fraction(a, c), Fraction(b, c))
    for a, b, c in ((4, 3, 5), (5, 12, 13), (4, -3, 5), (15, -8, 17))
)


def prove(law: Laplacian) -> Proof:
    """Distances from triangles, edges from half squares, the turn from antiderivatives, and sides
    from an exact decision.
    """
    covers = (
        f"D of all pixels, and of those at {len(PIXELS)} places from triangles; ∮ |y·n| dθ and the"
        f" antiderivative for all corners; {len(SIDED)} filters with n = 1 or 3, each across two of"
        f" {len(DIRECTIONS)} directions from half squares and around the turn in two ways; both"
        " signs excluded at every direction and distance for the second differences of n = 3 with"
        " every step, hence for their sums; no radius enters"
    )
    return Proof(_steps(law), covers)


def _steps(law: Laplacian) -> Iterator[Step]:
    """What is decided soonest comes first: P of one tap; classes and edges, in fractions; then P of
    small filters before large ones.
    """
    tap, *others = sorted(SIDED, key=lambda case: len(case[1]))
    yield _prove_strength(law, *tap)
    yield from _prove_sides(law)
    for name, w, centre, turns in SIDED:
        level = -sum(w.values(), Fraction(0)) / 2
        own = law.crossing(w, level) == Crossing("centre", centre, turns)
        yield Step(f"the class of {name}", own)
        for c, s in DIRECTIONS[len(name) % 2 :: 2]:
            yield _prove_edge(law, name, w, centre, c, s)
    for case in others:
        yield _prove_strength(law, *case)
    yield from _prove_distance(law)
    yield from _prove_turn()
    yield from _prove_signs()


# ------------------------------------------------------------------------------------- the distance

PIXELS = tuple(
    (Fraction(a, 2), Fraction(b, 2))
    for a, b in ((0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (-2, 2), (3, -1), (0, 4))
)


def _triangle(a: sp.Expr, b: sp.Expr) -> sp.Expr:
    """The integral of the distance from 0 over the triangle 0, (a, 0), (a, b): ∫ (a sec φ)³/3 dφ,
    by u = tan φ up to b/a.
    """
    u = b / a
    return a**3 * (u * sp.sqrt(1 + u * u) + sp.asinh(u)) / 6


def _area(x: Fraction, y: Fraction) -> sp.Expr:
    """D(x, y) from triangles: the unit square, with signs, from rectangles at 0, each of two
    triangles.
    """
    total = sp.Integer(0)
    for i, j in ((1, 1), (-1, -1), (1, -1), (-1, 1)):
        a, b = sp.Rational(x) + i * sp.Rational(1, 2), sp.Rational(y) + j * sp.Rational(1, 2)
        if a and b:
            width, height = abs(a), abs(b)
            total += (
                i
                * j
                * sp.sign(a)
                * sp.sign(b)
                * (_triangle(width, height) + _triangle(height, width))
            )
    return total


def _zero(expression: sp.Expr) -> bool:
    return bool(sp.expand(expression) == 0)


def _prove_distance(law: Laplacian) -> Iterator[Step]:
    u, x, y = sp.symbols("u x y", positive=True)
    primitive = (u * sp.sqrt(1 + u * u) + sp.asinh(u)) / 2
    yield Step("∫ sec³ φ dφ", _zero(sp.simplify(sp.diff(primitive, u) - sp.sqrt(1 + u * u))))
    yield Step(
        "and sec³ φ dφ = √(1 + u²) du", sp.simplify(sp.diff(sp.tan(u), u) - 1 / sp.cos(u) ** 2) == 0
    )
    yield Step(
        "∂²/∂x∂y of the box is the distance",
        _zero(sp.simplify(sp.diff(box(x, y), x, y) - sp.sqrt(x * x + y * y))),
    )
    yield Step(
        "and it is 0 on the axes", box(x, 0) == box(0, y) == 0 and sp.limit(box(x, y), y, 0) == 0
    )
    yield Step(
        "D far from the axes",
        _zero(
            law.distance(x + 1, y + 1)
            - sum(
                i * j * box(x + 1 + i * sp.Rational(1, 2), y + 1 + j * sp.Rational(1, 2))
                for i in (1, -1)
                for j in (1, -1)
            )
        ),
    )
    for place in PIXELS:
        claimed = law.distance(*map(sp.Rational, place))
        yield Step(f"D{tuple(map(str, place))} from triangles", _zero(claimed - _area(*place)))


# ----------------------------------------------------------------------------------------- the edge


def _prove_edge(
    law: Laplacian, name: str, w: Filter, centre: Point, c: Fraction, s: Fraction
) -> Step:
    """∫ [|p_θ + b| - |b|] dt, b = -S/2, from the half squares' definition by Simpson's rule between
    all bends, with no sign changed inside.
    """
    total = sum(w.values(), Fraction(0))
    out, low = (abs(c) + abs(s)) / 2, (abs(c) - abs(s)) / 2
    bends = {k * x - i * c - j * s for i, j in w for x in (out, low) for k in (1, -1)}
    ordered = sorted(bends | {-centre[0] * c - centre[1] * s})

    def level(t: Fraction) -> Fraction:
        squares = (half_square(t + i * c + j * s, abs(c), abs(s)) for i, j in w)
        return sum((tap * p for tap, p in zip(w.values(), squares, strict=True)), -total / 2)

    direct, clean = Fraction(0), True
    ends = [level(t) for t in ordered]
    for (x, y), (left, right) in zip(pairwise(ordered), pairwise(ends), strict=True):
        middle = level((x + y) / 2)
        clean = clean and min(left, middle, right) * max(left, middle, right) >= 0
        direct += (y - x) * (abs(left) + 4 * abs(middle) + abs(right) - 3 * abs(total)) / 6
    claimed = law.across(w, centre, c, s)
    claimed = abs(claimed) if total == 0 else -claimed if total > 0 else claimed
    return Step(f"∫ [|p + b| - |b|] of {name} across ({c}, {s})", bool(clean and direct == claimed))


def _prove_turn() -> Iterator[Step]:
    """∮ |y·n| dθ = 4|y|; ∫ of |y·n| over a pixel; and the antiderivative with its limits."""
    v1, v2 = sp.symbols("v1 v2", real=True)
    angle, u, c, s = sp.symbols("theta u c s", positive=True)
    size = sp.sqrt(v1**2 + v2**2)
    primitive = v1 * sp.sin(angle) - v2 * sp.cos(angle)
    yield Step(
        "the antiderivative of y·n",
        _zero(sp.diff(primitive, angle) - v1 * sp.cos(angle) - v2 * sp.sin(angle)),
    )
    ends = ({sp.cos(angle): k * v2 / size, sp.sin(angle): -k * v1 / size} for k in (1, -1))
    first, last = (primitive.subs(end) for end in ends)
    half = last - first
    yield Step("∮ |y·n| dθ = 4|y|", sp.simplify(2 * half - 4 * size) == 0)
    cube = (c * v1 + s * v2) ** 3 / (6 * c * s)
    yield Step(
        "∂²/∂v₁∂v₂ of (v·n)³/(6cs) is v·n", sp.expand(sp.diff(cube, v1, v2) - c * v1 - s * v2) == 0
    )
    integrand = (v1 + v2 * u) ** 3 / (6 * u * sp.sqrt(1 + u * u)) / (1 + u * u)
    place = (v1, v2)
    yield Step(
        "the antiderivative of (v·n)³/(6cs)",
        sp.simplify(sp.diff(arc(place, sp.Integer(1), u), u) - integrand) == 0,
    )
    first = arc(place, sp.Integer(1), u) + v1**3 * sp.asinh(1 / u) / 6
    last = arc(place, sp.Integer(1), u) - v2**3 * sp.asinh(u) / 6
    yield Step(
        "its start, without the logarithm",
        _zero(sp.limit(first, u, 0) - arc(place, sp.Integer(1), sp.Integer(0))),
    )
    yield Step(
        "its end, without the logarithm",
        _zero(sp.limit(sp.expand(last), u, sp.oo) - arc(place, sp.Integer(0), sp.Integer(1))),
    )
    for n in (1, 3):
        h = n // 2
        w = {(i, j): sp.Symbol(f"w{i}_{j}") for i in range(-h, h + 1) for j in range(-h, h + 1)}
        d: dict[tuple[int, int], sp.Expr] = {}
        for (i, j), tap in w.items():
            for a, b in ((1, 1), (0, 0), (1, 0), (0, 1)):
                d[i + a, j + b] = d.get((i + a, j + b), 0) + (1 if a == b else -1) * tap
        rows = [
            sum(value for v, value in d.items() if v[axis] == k)
            for axis in (0, 1)
            for k in range(-h, h + 2)
        ]
        yield Step(
            f"the logarithms on the axes cancel, n = {n}", all(sp.expand(row) == 0 for row in rows)
        )


def _prove_strength(law: Laplacian, name: str, w: Filter, centre: Point, turns: bool) -> Step:
    """Around the turn by arcs and by distances: one number where the sides do not turn; else arcs
    whose signs half squares have.
    """
    around = law.turned(w, centre)
    if not turns:
        claimed = law.strength(w, centre)
        return Step(
            f"P of {name} in two ways",
            _zero(around - claimed * (1 if sum(w.values()) <= 0 else -1)),
        )
    total = sp.Integer(0)
    d = {
        tuple(sp.Rational(x - y) for x, y in zip(v, centre, strict=True)): value
        for v, value in corners(w).items()
    }
    quadrants = [{(v[0], side * v[1]): side * value for v, value in d.items()} for side in (1, -1)]
    rays = [(6, 0), (6, 2), (6, 3), (6, 4), (6, 6), (4, 6), (3, 6), (2, 6), (0, 6)]
    for k, there in enumerate(quadrants):
        for (a, b), (p, q) in pairwise(rays):
            middle = (Fraction(a + p), Fraction((1, -1)[k] * (b + q)))
            part = sp.Integer(0)
            for v, value in there.items():
                ahead = sp.sign(v[0] * (a + p) + v[1] * (b + q))
                part += (
                    ahead
                    * sp.Rational(value)
                    * (arc(v, sp.Integer(p), sp.Integer(q)) - arc(v, sp.Integer(a), sp.Integer(b)))
                )
            total += 2 * part * _side(w, centre, *middle)
    return Step(f"P of {name}, with signs from half squares", _zero(around - total))


def _side(w: Filter, centre: Point, p: Fraction, q: Fraction) -> int:
    """The sign of -p_θ above the centre's line, from the definition; (p, q) need not be of length
    1.
    """
    middle, size = centre[0] * p + centre[1] * q, abs(p) + abs(q)

    def edge_response(t: Fraction) -> Fraction:
        squares = (half_square(t - middle + i * p + j * q, abs(p), abs(q)) for i, j in w)
        return sum((tap * part for tap, part in zip(w.values(), squares, strict=True)), Fraction(0))

    values = [edge_response(size * Fraction(k, 4)) for k in range(1, 6)]
    (sign,) = {(value > 0) - (value < 0) for value in values} - {0}
    return -sign


# ---------------------------------------------------------------------------------------- the sides


def _prove_sides(law: Laplacian) -> Iterator[Step]:
    """No second difference is positive above the centre's line: nor are sums with
    positive weights.
    """
    for e in STEPS:
        w = second(e)
        good = law.crossing(w) == Crossing("centre", (Fraction(0), Fraction(0)), False)
        signs = [set(stretch.signs) for stretch in stretches(w, centre=(Fraction(0), Fraction(0)))]
        yield Step(
            f"above the centre the second difference along {e} is negative",
            good and all(sides == {-1} for sides in signs),
        )
    cases = (
        ("a dent", DENT, 0, "other"),
        ("a difference", ALONG, 0, "dipole"),
        ("a difference at level 1/2", ALONG, Fraction(1, 2), "other"),
        ("a blur at level 0", BLUR, 0, "none"),
        ("a blur above it", BLUR, 1, "none"),
        ("a blur at level -1", BLUR, -1, "other"),
        ("a blur at -16", BLUR, -16, "none"),
        ("a blur below -16", BLUR, -20, "none"),
        ("a cross without a centre", CROSS, -2, "other"),
        ("a pit", PIT, -5, "other"),
    )
    for name, w, b, kind in cases:
        yield Step(f"the class of {name}", law.crossing(w, Fraction(b)).kind == kind)


def _octant_sign(
    w: Filter,
    b: Fraction,
    octant: tuple[tuple[int, int], tuple[int, int]],
    u: Fraction,
    x: Fraction,
) -> int:
    """The sign of p_θ + b at the place x in the direction (1, u) of an octant, from half squares.

    Rows of the image act on corners; the normal that sees them so is their sum.
    """
    (p, q), (r, s) = octant
    places = {(i, j): x + (p * i + q * j) + (r * i + s * j) * u for i, j in w}
    value = sum((tap * half_square(places[v], Fraction(1), u) for v, tap in w.items()), b)
    return (value > 0) - (value < 0)


def _prove_signs() -> Iterator[Step]:
    """What the trapezoids show is what half squares show: at their extremes, and no other sign
    elsewhere.
    """
    middle, corner = (Fraction(0), Fraction(0)), (HALF, HALF)
    cases: tuple[tuple[str, Filter, Fraction, Point | None, bool], ...] = (
        ("a dent", DENT, Fraction(0), middle, True),
        ("a ring", RING, Fraction(2), middle, False),
        ("a slanted filter", SLANT, HALF, None, True),
        ("a twisted block", TWIST, Fraction(-3), corner, True),
    )
    for name, w, b, centre, expected in cases:
        good, both = True, False
        for stretch in stretches(w, b, centre):
            (p, q), (r, s) = stretch.octant
            see = partial(_octant_sign, w, b, stretch.octant)
            good = good and all(see(*place) == sign for sign, place in stretch.signs.items())
            both = both or len(stretch.signs) > 1
            turn = (stretch.left + stretch.right) / 2
            i, j = centre or middle
            line = -(p * i + q * j) - (r * i + s * j) * turn
            places = (line + Fraction(k, 8) for k in range(1 if centre else -20, 21))
            good = good and {see(turn, x) for x in places} <= {0, *stretch.signs}
        yield Step(f"half squares agree on the signs of {name}", good and both == expected)


# ----------------------------------------------------------------------------------- wrong versions


def _middle(x: Scalar, y: Scalar, f: Logarithms = Exact) -> Any:
    """Wrong: a pixel is its middle."""
    return f.sqrt(x * x + y * y)


def _points(w: Filter, centre: Point, f: Logarithms = Exact) -> Any:
    """Wrong: the same in P."""
    total = sum(
        (
            f.number(tap) * _middle(f.number(i - centre[0]), f.number(j - centre[1]), f)
            for (i, j), tap in w.items()
        ),
        f.number(0),
    )
    return 4 * (abs(total) if sum(w.values()) == 0 else -total)


def _one_side(w: Filter, centre: Point, f: Logarithms = Exact) -> Any:
    """Wrong: only the bright side of the line."""
    return strength(w, centre, f) / 2


def _never(w: Filter, centre: Point, f: Logarithms = Exact) -> Any:
    """Wrong: the sides never turn."""
    return abs(strength(w, centre, f))


def _every_even(w: Filter, b: Fraction = Fraction(0)) -> Crossing:
    """Wrong: every even filter has one sign on each side."""
    true, centre = crossing(w, b), centre_of(w)
    even = true.kind == "other" and centre is not None and sum(w.values()) + 2 * b == 0
    return Crossing("centre", centre, False) if even else true


CLAIM: Claim[Laplacian] = Claim(
    id="laplacian",
    title="Laplacians: a filter that is even about a point has a perimeter in closed form",
    statement=(
        r"\int \left[|p_\theta - \tfrac S2| - |\tfrac S2|\right] dt = \pm\sum_v d_v \frac{|v \cdot"
        r" n|^3}{6 \cos\theta \sin\theta}, \qquad"
        r" P = 4\,\Big|\sum_u w_u D(u)\Big|, \quad D(u) = \int_{\text{pixel } u} |y|\, dy \quad (S"
        r" = 0), \qquad"
        r" P = -\operatorname{sgn}(S)\, 4 \sum_u w_u D(u) \quad (S \ne 0), \qquad"
        r" D(0) = \tfrac16\left(\sqrt2 + \ln(1 + \sqrt2)\right), \qquad"
        r" P\left[(\delta_{(1, 0)} - 2\delta + \delta_{(-1, 0)})\right] = 8\left(D(1, 0) -"
        r" D(0)\right) = 5.2865\ldots"
    ),
    assumptions=(
        (
            r"$\sigma = |\cdot|$ with bias $b = -\frac S2$, so that $\Delta = 0$; $\frac12(s_+ -"
            r" s_-)$ times it for slopes $s_\pm$; distances are measured from the point $c$ about"
            r" which $w$ is even, $w_{c+u} = w_{c-u}$"
        ),
        (
            r"$p_\theta - \frac S2$ has one sign on each side of $t = -c \cdot n$ for every"
            r" $\theta$, which is decided exactly; so it is when all taps but the middle one are"
            r" $\ge 0$ and $S \le 0$, and when all taps are $\ge 0$"
        ),
        (
            r"$S = 0$: the positive side is the same for all $\theta$; where it turns, $P = \oint"
            r" \left|\sum_v d_v \frac{|v \cdot n|^3}{6 \cos\theta \sin\theta}\right| d\theta$ is a"
            r" sum over arcs, in closed form"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("a pixel is its middle", replace(LAW, distance=_middle, strength=_points)),
        Wrong("one side of the line only", replace(LAW, strength=_one_side)),
        Wrong("the sides never turn", replace(LAW, turned=_never)),
        Wrong("every even filter has one sign on each side", replace(LAW, crossing=_every_even)),
    ),
    requires=("perimeter",),
)
