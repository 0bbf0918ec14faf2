r"""Where the response of a filter to a straight edge changes its sign, decided in rational numbers for every direction at once.

With u = tan θ and x = t/cos θ, and the mixed differences d_v of w at the corners v of pixels, v = (v₁, v₂),

    2u (p_θ(t) + b) = Σ_v d_v (x + v₁ + v₂u)₊² + 2ub,     0 < u < 1:

a quadratic in (u, x) on every polygon between the lines x = -v₁ - v₂u.  They meet at rational u, so the polygons are
trapezoids with rational corners, and a quadratic takes its least and its largest value there, on an edge where its slope
along the edge is 0, or where its gradient is.  Seven rotations and mirror images bring the other directions.
Derivation: docs/laplacian.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal

__all__ = ["Crossing", "Stretch", "centre_of", "corners", "crossing", "stretches"]

Point = tuple[Fraction, Fraction]
Filter = Mapping[tuple[int, int], Fraction]
HALF = Fraction(1, 2)
ZERO = (Fraction(0), Fraction(0))

OCTANTS = tuple(((p, q), (r, s)) for p, q, r, s in ((1, 0, 0, 1), (0, 1, 1, 0), (0, -1, 1, 0), (1, 0, 0, -1)))  # fmt: skip
"""Images of the corners; with v = (v₁, v₂) seen at tan θ = u in (0, 1) they cover half a turn, and their opposites the other half."""


def corners(w: Filter) -> dict[Point, Fraction]:
    """d_v where it is not 0: each pixel adds its tap, with the sign of (v - pixel)₁ (v - pixel)₂."""
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
    """q(u, x) = Σ_v d_v (x + v₁ + v₂u)² + 2ub between two values of u and two lines x = -v₁ - v₂u.

    Attributes
    ----------
    left, right: the values of u.
    low, high: the v of the lines below and above.
    powers: the coefficients of 1, u, x, u², ux, x².
    """

    left: Fraction
    right: Fraction
    low: Point
    high: Point
    powers: tuple[Fraction, ...]

    def __call__(self, u: Fraction, x: Fraction) -> Fraction:
        one, by_u, by_x, uu, ux, xx = self.powers
        return one + u * (by_u + u * uu + x * ux) + x * (by_x + x * xx)

    def places(self) -> Iterator[Point]:
        """Where its extremes are, and its middle."""
        at = lambda u, v: (u, -v[0] - v[1] * u)
        ring = [at(self.left, self.low), at(self.right, self.low), at(self.right, self.high), at(self.left, self.high)]  # fmt: skip
        yield from ring
        for (u, x), (v, y) in pairwise([*ring, ring[0]]):
            first, half, last = self(u, x), self((u + v) / 2, (x + y) / 2), self(v, y)
            bent = 2 * (first - 2 * half + last)
            share = (3 * first - 4 * half + last) / (2 * bent) if bent else HALF
            if 0 < share < 1:
                yield u + share * (v - u), x + share * (y - x)
        middle = (self.left + self.right) / 2
        yield middle, (at(middle, self.low)[1] + at(middle, self.high)[1]) / 2
        _, by_u, by_x, uu, ux, xx = self.powers
        if det := 4 * uu * xx - ux * ux:
            u, x = (ux * by_x - 2 * xx * by_u) / det, (ux * by_u - 2 * uu * by_x) / det
            if self.left < u < self.right and at(u, self.low)[1] < x < at(u, self.high)[1]:
                yield u, x


@dataclass(frozen=True)
class Stretch:
    """What 2u (p_θ(t) + b) shows where tan θ runs from ``left`` to ``right``, after the image ``octant`` of the plane.

    Attributes
    ----------
    signs: a place (u, x) for each sign, -1 or 1, that occurs above the centre's line, or anywhere if there is no centre.
    """

    octant: tuple[tuple[int, int], tuple[int, int]]
    left: Fraction
    right: Fraction
    signs: Mapping[int, Point]


def stretches(w: Filter, b: Fraction = Fraction(0), centre: Point | None = None) -> Iterator[Stretch]:  # fmt: skip
    """Half a turn in stretches of tan θ between places where lines meet."""
    d = corners(w)
    total = sum(w.values(), Fraction(0))
    for octant in OCTANTS:
        image = lambda v, o=octant: (o[0][0] * v[0] + o[0][1] * v[1], o[1][0] * v[0] + o[1][1] * v[1])  # fmt: skip
        side = sum(octant[0]) * sum(octant[1])  # d_v has the sign of (v - pixel)₁ (v - pixel)₂
        heights = {image(v): side * value for v, value in d.items()}
        cut = None if centre is None else image(centre)
        lines = {*heights} | ({cut} if cut else set())
        meets = {(p[0] - q[0]) / (q[1] - p[1]) for p in lines for q in lines if p[1] != q[1]}
        for left, right in pairwise(sorted({Fraction(0), Fraction(1)} | {u for u in meets if 0 < u < 1})):  # fmt: skip
            signs: dict[int, Point] = {}
            for part in _trapezoids(heights, lines, left, right, b, total):
                middle = (left + right) / 2
                if cut and part.low[0] + part.low[1] * middle > cut[0] + cut[1] * middle:
                    continue
                for place in part.places():
                    if value := part(*place):
                        signs.setdefault(1 if value > 0 else -1, place)
            yield Stretch(octant, left, right, signs)


def _trapezoids(
    heights: Mapping[Point, Fraction],
    lines: set[Point],
    left: Fraction,
    right: Fraction,
    b: Fraction,
    total: Fraction,
) -> Iterator[_Trapezoid]:
    """From below all lines, where the edge has not arrived, to above all, where it has passed."""
    middle = (left + right) / 2
    order = sorted(lines, key=lambda v: -v[0] - v[1] * middle)
    beyond = lambda v, step: (v[0] + step, v[1])
    powers = [Fraction(0), 2 * b, *[Fraction(0)] * 4]
    yield _Trapezoid(left, right, beyond(order[0], 1), order[0], tuple(powers))
    for v, following in pairwise([*order, beyond(order[-1], -1)]):
        p, q = v
        for k, factor in enumerate((p * p, 2 * p * q, 2 * p, q * q, 2 * q, 1)):
            powers[k] += heights.get(v, 0) * factor
        yield _Trapezoid(left, right, v, following, tuple(powers))


@dataclass(frozen=True)
class Crossing:
    """What is known of the sign changes of p_θ + b.

    Attributes
    ----------
    kind: ``none``: p_θ + b never takes both signs, whatever θ is; ``dipole``: b = S = 0, and no p_θ takes both; ``centre``: the filter is
        even about a point, b = -S/2, and p_θ + b changes its sign where the line passes that point, and nowhere else; else ``other``.
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
    seen: set[int] = set()
    for one in stretches(w, b, centre):
        if len(one.signs) > 1:
            return None
        seen |= set(one.signs)
    return seen


def _one_sign(w: Filter, b: Fraction, total: Fraction) -> bool:
    """Whether p_θ + b has one sign for all θ; p_θ(t) + p_θ₊π(-t) = S brings the other half of the turn."""
    opposite = {p: -tap for p, tap in w.items()}
    one, two = _every(w, b, None), _every(opposite, total + b, None)
    return one is not None and two is not None and len(one | two) == 1
