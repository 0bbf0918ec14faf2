r"""P for σ made of lines and any filter, enclosed in balls: a sum of elliptic integrals, one for
each stretch of directions.

With u = tan θ in (0, 1) and x = t/cos θ, q = 2u(p_θ + b) is a quadratic αx² + βx + γ on every
trapezoid between lines x = -v₁ - v₂u (:mod:`theory.disk.zero_lines`).  |z| = z + 2z₋ and a line
adds nothing, so P of |z + b| is twice

    Σ ∫ (1 + u²)^(-3/2) [Σ_trapezoids ∫ q₋ dx/(2u) + (b)₋ x_first - (S + b)₋ x_last] du

over the octants.  Where q₋ begins and ends (lines, or roots of q) changes only at the roots of D =
β² - 4αγ and of q on the lines: numbers that solve quadratic equations.  They are told apart
exactly; between them the integrand is analytic, and enclosed by Gauss' rule (`acb.integral`).
Derivation: docs/disk/laplacian.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import isqrt, lcm
from typing import Any

import numpy as np
from flint import acb, arb, arb_poly, ctx, fmpq

from numerics.arithmetic.types import Array
from numerics.disk.closed_form import rational
from theory.disk.zero_lines import OCTANTS, Filter, Point, corners
from theory.expressions.activation import ACTIVATIONS

__all__ = ["enclosed"]

Quadratic = tuple[Fraction, Fraction, Fraction]
"""Coefficients of 1, u, u²."""
BITS = 320
GOAL = 2.0**-60
"""What each integral is enclosed to, for taps that add up to 1 in absolute value."""


def enclosed(w: Array, b: float, name: str) -> arb | None:
    """P of a filter (n, n) with a bias and a row of the catalogue; None where σ is not made of
    lines or jumps.
    """
    row = ACTIVATIONS[name]
    if not row.piecewise_linear:
        return None
    taps = rational(w)
    before = ctx.prec
    ctx.prec = BITS
    try:
        total = arb(0)
        for kink in row.kinks:
            location, jump = (Fraction(int(x.p), int(x.q)) for x in (kink.location, kink.jump))
            total += _ball(jump) * _half_turn(taps, Fraction(b) - location)
        return total
    finally:
        ctx.prec = before


def _ball(x: Fraction) -> arb:
    return arb(fmpq(x.numerator, x.denominator))


def _half_turn(w: Filter, b: Fraction) -> arb:
    """Half of P of |z + b|: four octants, and the other four as those of -w with
    the level S + b.
    """
    size = sum(abs(tap) for tap in w.values())
    if not size:
        return arb(0)
    w = {place: tap / size for place, tap in w.items()}
    b, opposite = b / size, {place: -tap for place, tap in w.items()}
    return _ball(size) * (_octants(w, b) + _octants(opposite, sum(w.values()) + b))


def _octants(w: Filter, b: Fraction) -> arb:
    d, total = corners(w), sum(w.values(), Fraction(0))
    found = arb(0)
    for octant in OCTANTS:
        side = sum(octant[0]) * sum(octant[1])
        heights: dict[Point, Fraction] = {}
        for v, value in d.items():
            one, two = (p * v[0] + q * v[1] for p, q in octant)
            heights[Fraction(one), Fraction(two)] = side * value
        apart = {(p[0] - q[0], q[1] - p[1]) for p in heights for q in heights if q[1] > p[1]}
        meets = {one / two for one, two in apart if 0 < one < two}
        for left, right in pairwise(sorted({Fraction(0), Fraction(1)} | meets)):
            found += _slab(heights, left, right, b, total)
    return found


# --------------------------------------------------------------------------------- where it changes


@dataclass(frozen=True)
class _Strip:
    """q = αx² + βx + γ between the lines of ``low`` and ``high``."""

    low: Point
    high: Point
    alpha: Fraction
    beta: Quadratic
    gamma: Quadratic

    def on(self, v: Point) -> Quadratic:
        """q on the line x = -v₁ - v₂u."""
        line = (-v[0], -v[1], Fraction(0))
        square = (v[0] * v[0], 2 * v[0] * v[1], v[1] * v[1])
        return _sum((self.alpha, square), (1, self.gamma), (1, _product(self.beta, line)))

    @property
    def discriminant(self) -> Quadratic:
        """D = β² - 4αγ."""
        return _sum((1, _product(self.beta, self.beta)), (-4 * self.alpha, self.gamma))


def _sum(*parts: tuple[Fraction | int, Quadratic]) -> Quadratic:
    one, two, three = (sum((k * poly[j] for k, poly in parts), Fraction(0)) for j in range(3))
    return one, two, three


def _product(p: Quadratic, q: Quadratic) -> Quadratic:
    """Of two lines."""
    return p[0] * q[0], p[0] * q[1] + p[1] * q[0], p[1] * q[1]


def _value(poly: Quadratic, u: Fraction) -> Fraction:
    return poly[0] + u * (poly[1] + u * poly[2])


def _strips(
    heights: Mapping[Point, Fraction], order: Sequence[Point], b: Fraction
) -> Iterator[_Strip]:
    alpha, beta, gamma = Fraction(0), (Fraction(0),) * 3, (Fraction(0), 2 * b, Fraction(0))
    for v, following in pairwise(order):
        d, (p, q) = heights[v], v
        alpha += d
        beta = _sum((1, beta), (2 * d, (p, q, Fraction(0))))
        gamma = _sum((1, gamma), (d, (p * p, 2 * p * q, q * q)))
        yield _Strip(v, following, alpha, beta, gamma)


def _root(x: Fraction) -> Fraction | None:
    """√x where it is rational."""
    p, q = isqrt(x.numerator), isqrt(x.denominator)
    return Fraction(p, q) if p * p == x.numerator and q * q == x.denominator else None


def _roots(poly: Quadratic, left: Fraction, right: Fraction) -> Iterator[tuple[Any, arb]]:
    """The roots strictly between; equal ones have equal keys: a fraction, or the primitive equation
    and which of its two roots.
    """
    c, b, a = poly
    if not a:
        found = [-c / b] if b else []
    else:
        under = b * b - 4 * a * c
        if under < 0:
            return
        exact = _root(under)
        if exact is None:
            scale = lcm(c.denominator, b.denominator, a.denominator) * (1 if a > 0 else -1)
            whole = [int(scale * x) for x in (c, b, a)]
            shared = np.gcd.reduce(np.array(whole, dtype=object))
            for sign in (1, -1):
                x = (-_ball(b) + sign * _ball(under).sqrt() * (1 if a > 0 else -1)) / _ball(2 * a)
                if x > _ball(left) and x < _ball(right):
                    yield (*(one // shared for one in whole), sign), x
            return
        found = [(-b + sign * exact) / (2 * a) for sign in (1, -1)]
    yield from ((x, _ball(x)) for x in found if left < x < right)


def _slab(
    heights: Mapping[Point, Fraction], left: Fraction, right: Fraction, b: Fraction, total: Fraction
) -> arb:
    middle = (left + right) / 2
    order = sorted(heights, key=lambda v: -v[0] - v[1] * middle)
    strips = tuple(_strips(heights, order, b))
    places: dict[Any, arb] = {left: _ball(left), right: _ball(right)}
    for strip in strips:
        for poly in (strip.on(strip.low), strip.on(strip.high), strip.discriminant):
            places |= dict(_roots(poly, left, right))
    ends = sorted(places.values(), key=_middle)
    outside = arb_poly([0])
    if b < 0:
        outside += _ball(-b) * _line(order[0])
    if total + b < 0:
        outside -= _ball(-total - b) * _line(order[-1])
    # |q₋| <= 2u (1 + |b|), on a line no longer than twice the reach of the corners; and the two
    # ends.
    most = float(4 * (1 + abs(b)) * max(abs(v[0]) + abs(v[1]) for v in heights))
    found = arb(0)
    for low, high in pairwise(ends):
        u = _between(low, high)
        if u is None:
            found += arb(0, most * float((high - low).abs_upper()) * (1 + 1e-9))
        else:
            found += _piece(strips, outside, low, high, u)
    return found


def _line(v: Point) -> arb_poly:
    return arb_poly([_ball(-v[0]), _ball(-v[1])])


def _poly(poly: Quadratic) -> arb_poly:
    return arb_poly([_ball(x) for x in poly])


# ------------------------------------------------------------------------------------ the integrals


def _middle(x: arb) -> Fraction:
    """The middle of a ball."""
    man, exp = x.mid().man_exp()
    return Fraction(int(man)) * Fraction(2) ** int(exp)


def _between(low: arb, high: arb) -> Fraction | None:
    """A fraction between the two, None if the balls do not show one."""
    middle = ((low + high) / 2).mid()
    return _middle(middle) if low < middle < high else None


def _piece(strips: Sequence[_Strip], outside: arb_poly, low: arb, high: arb, u: Fraction) -> arb:
    """The integral between two neighbouring places, u between them."""
    first = bool(low == 0)
    known, roots = arb_poly([0]), []
    for strip in strips:
        alpha, beta, gamma = arb_poly([_ball(strip.alpha)]), _poly(strip.beta), _poly(strip.gamma)
        for sign, end in _negative(strip, u):
            x = _line(end) if isinstance(end, tuple) else _straight(strip, end, u)
            if x is None:
                assert not isinstance(end, tuple)
                roots.append((sign, strip, end, beta, gamma, _poly(strip.discriminant)))
            else:
                known += sign * _cubic(alpha, beta, gamma, x)
    if first and not roots:
        # At u = 0 nothing is left of q₋: there q = 0 or the trapezoid is empty.
        known = arb_poly(list(known.coeffs())[1:])

    def integrand(z: acb, analytic: bool) -> acb:
        inner = known(z)
        for sign, strip, way, beta, gamma, under in roots:
            at, by = beta(z), gamma(z)
            if strip.alpha:
                x = (-at + way * under(z).sqrt(analytic=analytic)) / (2 * _ball(strip.alpha))
            else:
                x = -by / at
            inner += sign * _cubic(acb(_ball(strip.alpha)), at, by, x)
        whole = 1 + z * z
        inner = inner / 2 if first and not roots else inner / (2 * z)
        return (inner + outside(z)) / (whole * whole.sqrt(analytic=analytic))

    return acb.integral(integrand, acb(low), acb(high), rel_tol=GOAL, abs_tol=GOAL).real


def _cubic(alpha: Any, beta: Any, gamma: Any, x: Any) -> Any:
    """αx³/3 + βx²/2 + γx."""
    return x * (gamma + x * (beta * arb(0.5) + x * alpha * (arb(1) / 3)))


def _negative(strip: _Strip, u: Fraction) -> Iterator[tuple[int, Point | int]]:
    """The ends of the stretches where q < 0, with the sign that the cubic has there: a line's v, or
    1 for the root where q rises, -1 where it falls.
    """
    a, b, c = strip.alpha, _value(strip.beta, u), _value(strip.gamma, u)
    low, high = (-v[0] - v[1] * u for v in (strip.low, strip.high))

    def at(x: arb) -> arb:
        return (a * x + b) * x + c

    # At an end where q is 0 its slope tells, and then its bend.
    ahead = at(low) or 2 * a * low + b or a
    behind = at(high) or -(2 * a * high + b) or a
    if ahead < 0:
        yield 1, strip.low
    if ahead * behind < 0:
        yield (1, -1) if ahead > 0 else (-1, 1)
    elif a and low < -b / (2 * a) < high and at(-b / (2 * a)) * ahead < 0:
        yield 1, -1
        yield -1, 1
    if behind < 0:
        yield -1, strip.high


def _straight(strip: _Strip, way: int, u: Fraction) -> arb_poly | None:
    """A root that is a polynomial in u, None for all others."""
    if not strip.alpha:
        (b0, b1, _), (c0, c1, c2) = strip.beta, strip.gamma
        if not b1:
            return _poly((-c0 / b0, -c1 / b0, -c2 / b0))
        slope = -c2 / b1
        start = -(c1 + slope * b0) / b1
        return _poly((start, slope, Fraction(0))) if c0 + start * b0 == 0 else None
    d0, d1, d2 = strip.discriminant
    if d1 * d1 != 4 * d0 * d2:
        return None
    root = arb_poly([_ball(d0).sqrt()])
    if d2:
        turn = 1 if u > -d1 / (2 * d2) else -1
        root = _ball(d2).sqrt() * turn * arb_poly([_ball(d1 / (2 * d2)), 1])
    return (way * root - _poly(strip.beta)) * (1 / _ball(2 * strip.alpha))
