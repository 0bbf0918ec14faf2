r"""Where the response of a filter to a straight edge changes its sign, decided in rational numbers
for every direction at once.

With u = tan θ and x = t/cos θ, and the mixed differences d_v of w at the corners v of pixels, v =
(v₁, v₂),

    2u (p_θ(t) + b) = Σ_v d_v (x + v₁ + v₂u)₊² + 2ub,     0 < u < 1:

a quadratic in (u, x) on every polygon between the lines x = -v₁ - v₂u.  They meet at rational u, so
the polygons are trapezoids with rational corners, and a quadratic takes its least and its largest
value there, on an edge where its slope along the edge is 0, or where its gradient is.  Seven
rotations and mirror images bring the other directions.
Derivation: docs/disk/laplacian.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import Literal

__all__ = [
    "OCTANTS",
    "Crossing",
    "Filter",
    "Stretch",
    "centre_of",
    "corners",
    "crossing",
    "stretches",
]

Point = tuple[Fraction, Fraction]
Octant = tuple[tuple[int, int], tuple[int, int]]
Filter = Mapping[tuple[int, int], Fraction]
"""Taps by their places."""
HALF = Fraction(1, 2)

OCTANTS = tuple(
    ((p, q), (r, s)) for p, q, r, s in ((1, 0, 0, 1), (0, 1, 1, 0), (0, -1, 1, 0), (1, 0, 0, -1))
)
"""Images of the corners; with v = (v₁, v₂) seen at tan θ = u in (0, 1) they cover half a turn, and
their opposites the other half.
"""


def corners(w: Filter) -> dict[Point, Fraction]:
    """d_v where it is not 0: each pixel adds its tap, with the sign of (v -
    pixel)₁ (v - pixel)₂.
    """
    d: defaultdict[Point, Fraction] = defaultdict(Fraction)
    for (i, j), tap in w.items():
        for a in (1, -1):
            for b in (1, -1):
                d[i + a * HALF, j + b * HALF] += a * b * tap
    return {v: value for v, value in d.items() if value}


def centre_of(w: Filter) -> Point | None:
    """The point about which the filter is even; None where there is none, or no tap."""
    lit = [p for p, tap in w.items() if tap]
    if not lit:
        return None
    i, j = (min(p[k] for p in lit) + max(p[k] for p in lit) for k in (0, 1))
    even = all(w[p] == w.get((i - p[0], j - p[1]), 0) for p in lit)
    return (Fraction(i, 2), Fraction(j, 2)) if even else None


@dataclass(frozen=True)
class _Trapezoid:
    """q(u, x) = Σ_v d_v (x + v₁ + v₂u)² + 2ub between two values of u and two lines, in whole
    numbers.

    Attributes
    ----------
    ring: the four corners (u, x) in units of 1/``unit``, all multiples of 4.
    powers: the coefficients of 1, u, x, u², ux, x², times one positive number.
    """

    ring: tuple[tuple[int, int], ...]
    unit: int
    powers: tuple[int, ...]

    def __call__(self, u: int, x: int) -> int:
        constant, by_u, by_x, uu, ux, xx = self.powers
        return (
            self.unit * (self.unit * constant + by_u * u + by_x * x)
            + u * (uu * u + ux * x)
            + xx * x * x
        )

    def signs(self) -> dict[int, Point]:
        """A place for each sign, -1 or 1, that q takes."""
        places: dict[int, Point] = {}

        def see(value: int, u: int | Fraction, x: int | Fraction) -> None:
            if value:
                places.setdefault(
                    1 if value > 0 else -1, (Fraction(u) / self.unit, Fraction(x) / self.unit)
                )

        values = [self(u, x) for u, x in self.ring]
        for value, place in zip(values, self.ring, strict=True):
            see(value, *place)
        for k, (u, x) in enumerate(self.ring):
            (v, y), first, last = self.ring[k - 1], values[k], values[k - 1]
            half = self((u + v) // 2, (x + y) // 2)
            # first + slope s + bent s² along the edge, 0 <= s <= 1.
            slope, bent = 4 * half - 3 * first - last, 2 * (first - 2 * half + last)
            if bent and 0 < -slope * bent < 2 * bent * bent:
                share = Fraction(-slope, 2 * bent)
                extreme = (4 * first * bent - slope * slope) * (1 if bent > 0 else -1)
                see(extreme, u + share * (v - u), x + share * (y - x))
        middle = (sum(u for u, _ in self.ring) // 4, sum(x for _, x in self.ring) // 4)
        see(self(*middle), *middle)
        constant, by_u, by_x, uu, ux, xx = self.powers
        if (det := 4 * uu * xx - ux * ux) > 0:
            # Where the gradient is 0; elsewhere than at an extreme there is nothing new.
            u, x = self.unit * (ux * by_x - 2 * xx * by_u), self.unit * (ux * by_u - 2 * uu * by_x)
            if self._inside(u, x, det):
                value = (
                    constant * det
                    + (by_u * (ux * by_x - 2 * xx * by_u) + by_x * (ux * by_u - 2 * uu * by_x)) // 2
                )
                see(value, Fraction(u, det), Fraction(x, det))
        return places

    def _inside(self, u: int, x: int, scale: int) -> bool:
        """Whether (u, x)/``scale`` lies in the ring, which runs from left to right below and back
        above.
        """
        turns = (
            (b[0] - a[0]) * (x - scale * a[1]) - (b[1] - a[1]) * (u - scale * a[0])
            for a, b in pairwise((*self.ring, self.ring[0]))
        )
        return all(turn >= 0 for turn in turns)  # a side may have no length


@dataclass(frozen=True)
class Stretch:
    """What 2u (p_θ(t) + b) shows where tan θ runs from ``left`` to ``right``, after the image
    ``octant`` of the plane.

    Attributes
    ----------
    signs: a place (u, x) for each sign, -1 or 1, that occurs above the centre's line, or anywhere
        if there is no centre.
    """

    octant: Octant
    left: Fraction
    right: Fraction
    signs: Mapping[int, Point]


def stretches(
    w: Filter, b: Fraction = Fraction(0), centre: Point | None = None
) -> Iterator[Stretch]:
    """Half a turn in stretches of tan θ between places where lines meet."""
    d = corners(w)
    scale = lcm(b.denominator, *(value.denominator for value in d.values()))
    for octant in OCTANTS:

        def image(v: Point, o: Octant = octant) -> tuple[int, ...]:
            return tuple(int(2 * (p * v[0] + q * v[1])) for p, q in o)

        side = sum(octant[0]) * sum(octant[1])  # d_v has the sign of (v - pixel)₁ (v - pixel)₂
        heights = {image(v): int(side * scale * value) for v, value in d.items()}
        cut = None if centre is None else image(centre)
        lines = {*heights} | ({cut} if cut else set())
        apart = {(p[0] - q[0], q[1] - p[1]) for p in lines for q in lines if q[1] > p[1]}
        meets = {Fraction(*one) for one in apart if 0 < one[0] < one[1]}
        for left, right in pairwise(sorted({Fraction(0), Fraction(1)} | meets)):
            signs: dict[int, Point] = {}
            for low, part in _trapezoids(heights, lines, left, right, int(8 * scale * b)):
                if cut is None or _height(low, left + right) >= _height(cut, left + right):
                    for sign, place in part.signs().items():
                        signs.setdefault(sign, place)
            yield Stretch(octant, left, right, signs)


def _height(v: tuple[int, ...], twice: Fraction) -> Fraction:
    """Four times the x of the line of v/2 at u = ``twice``/2."""
    return -2 * v[0] - v[1] * twice


def _trapezoids(
    heights: Mapping[tuple[int, ...], int],
    lines: set[tuple[int, ...]],
    left: Fraction,
    right: Fraction,
    bias: int,
) -> Iterator[tuple[tuple[int, ...], _Trapezoid]]:
    """The line below, in halves, and the trapezoid above it: from below all lines, where the edge
    has not arrived, to above all, where it has passed.
    """
    order = sorted(lines, key=lambda v: _height(v, left + right))
    order = [(order[0][0] + 2, order[0][1]), *order, (order[-1][0] - 2, order[-1][1])]
    unit = 8 * left.denominator * right.denominator
    ends = [int(unit * u) for u in (left, right)]

    def at(k: int, v: tuple[int, ...]) -> tuple[int, int]:
        return ends[k], -(unit * v[0] + ends[k] * v[1]) // 2

    powers = [0, bias, 0, 0, 0, 0]
    for v, following in pairwise(order):
        p, q = v
        for k, factor in enumerate((p * p, 2 * p * q, 4 * p, q * q, 4 * q, 4)):
            powers[k] += heights.get(v, 0) * factor
        yield (
            v,
            _Trapezoid(
                (at(0, v), at(1, v), at(1, following), at(0, following)), unit, tuple(powers)
            ),
        )


@dataclass(frozen=True)
class Crossing:
    """What is known of the sign changes of p_θ + b.

    Attributes
    ----------
    kind: ``none``: p_θ + b never takes both signs, whatever θ is; ``dipole``: b = S = 0, and no p_θ
        takes both; ``centre``: the filter is even about a point, b = -S/2, and p_θ + b changes its
        sign where the line passes that point, and nowhere else; else ``other``.
    centre: that point, of kind ``centre``.
    turns: which side is the positive one depends on the direction; of kind ``centre``.
    """

    kind: Literal["none", "dipole", "centre", "other"]
    centre: Point | None = None
    turns: bool = False


def crossing(w: Filter, b: Fraction = Fraction(0)) -> Crossing:
    """The class of a filter (row, column) -> tap behind z ↦ |z + b|, decided exactly."""
    total = sum(w.values(), Fraction(0))
    if not any(w.values()):
        return Crossing("none")
    if (total or b) and b * (total + b) >= 0 and _one_sign(w, b, total):
        return Crossing("none")
    if total == b == 0 and _every(w, b, None) is not None:
        return Crossing("dipole")
    centre = centre_of(w)
    if centre is not None and total + 2 * b == 0:
        found = _every(w, b, centre)
        if found is not None:
            return Crossing("centre", centre, len(found) > 1)
    return Crossing("other")


def _every(w: Filter, b: Fraction, centre: Point | None) -> set[int] | None:
    """The signs that stretches have, one each; None if one has both."""
    signs: set[int] = set()
    for stretch in stretches(w, b, centre):
        if len(stretch.signs) > 1:
            return None
        signs |= set(stretch.signs)
    return signs


def _one_sign(w: Filter, b: Fraction, total: Fraction) -> bool:
    """Whether p_θ + b has one sign for all θ; p_θ(t) + p_θ₊π(-t) = S brings the other half of the
    turn.
    """
    opposite = {p: -tap for p, tap in w.items()}
    one, two = _every(w, b, None), _every(opposite, total + b, None)
    return one is not None and two is not None and len(one | two) == 1
