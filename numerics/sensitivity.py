r"""How much the loss depends on each single weight, exactly.

With e(r) = r̂(r) - r and J = E e² over all real radii of a domain, a small change t of one weight x gives

    J(x + t) = J + 2t E[e ∂r̂/∂x] + t² E[(∂r̂/∂x)²] + ...,        ∂r̂/∂w_u = Σ_k a_k Σ_i σ'(z_i + b) x_r(i + u),

both averages being rational numbers for a σ made of polynomials.  At an exact network the first vanishes, and the second
is what a change costs.  On a kink of σ the two directions differ: both are given.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from flint import fmpq, fmpq_poly

from numerics.certificate import Domain, ExactNet, cells, error_on
from numerics.path import Line, far_from_border, lines
from numerics.piecewise import Activation, Piecewise, Term, added

__all__ = ["Sensitivities", "Sensitivity", "sensitivities"]

ZERO, ONE = fmpq(0), fmpq(1)


@dataclass(frozen=True)
class Sensitivity:
    """Of the loss to one weight: (weight made smaller, weight made larger).

    Attributes
    ----------
    gradient: 2 E[e ∂r̂/∂x], the derivative of the loss; on a kink the left and the right one.
    curvature: E[(∂r̂/∂x)²], what a unit of change costs at an exact network, in squared units.
    """

    gradient: tuple[fmpq, fmpq]
    curvature: tuple[fmpq, fmpq]


@dataclass(frozen=True)
class Sensitivities:
    """One per weight: w[k][u], b[k], a[k] (of the sum-pooling network) and c."""

    w: tuple[tuple[Sensitivity, ...], ...]
    b: tuple[Sensitivity, ...]
    a: tuple[Sensitivity, ...]
    c: Sensitivity


Curve = tuple[tuple[fmpq, ...], tuple[fmpq_poly, ...]]
"""Cuts 0 = first < ... < last = 1 and the polynomial in φ between neighbours."""


@dataclass(frozen=True)
class _OnCells:
    """A function of r: a curve per cell; on the plateau cells from ``first`` to ``last``, ``base`` + (m - first) ``step``."""

    single: dict[int, Curve]
    base: Curve | None
    step: fmpq


class _Radii:
    """The cells of a domain, those of the plateau together."""

    def __init__(self, taps: int, domain: Domain) -> None:
        self.domain = domain
        self.cells = list(cells(domain))
        h, half, padding = taps // 2, domain.half_length, domain.padding
        whole = [
            m
            for m, low, high in self.cells
            if low == 0 and high == 1 and m > h and far_from_border(taps, m, half, padding)
        ]
        # Two cells give the step; for fewer than three nothing is saved.
        self.plateau = whole if len(whole) > 2 else []

    def function(self, curve_on: dict[int, Curve]) -> _OnCells:
        """Put together from the curves on the cells of :meth:`needed`."""
        if not self.plateau:
            return _OnCells(curve_on, None, ZERO)
        first, second = self.plateau[:2]
        step = curve_on[second][1][0](ZERO) - curve_on[first][1][0](ZERO)
        single = {m: curve for m, curve in curve_on.items() if m not in (first, second)}
        return _OnCells(single, curve_on[first], step)

    def needed(self) -> list[int]:
        """The cells on which a curve is needed."""
        return [m for m, _, _ in self.cells if m not in self.plateau] + self.plateau[:2]

    def mean(self, f: _OnCells, g: _OnCells) -> fmpq:
        """E[f g] over the radii."""
        total = ZERO
        for m, low, high in self.cells:
            if m not in self.plateau:
                total += _product(f.single[m], g.single[m], low, high)
        if f.base is not None and g.base is not None:
            count = len(self.plateau)
            one = ((ZERO, ONE), (fmpq_poly([1]),))
            mixed = f.step * _product(g.base, one) + g.step * _product(f.base, one)
            squares = fmpq(count * (count - 1) * (2 * count - 1), 6)
            total += count * _product(f.base, g.base) + mixed * fmpq(count * (count - 1), 2)
            total += f.step * g.step * squares
        return total / (self.domain.high - self.domain.low)


def _product(f: Curve, g: Curve, low: fmpq = ZERO, high: fmpq = ONE) -> fmpq:
    """∫ f g from low to high."""
    (cuts, pieces), (others, factors) = f, g
    i = j = 0
    total, left = ZERO, low
    while left < high:
        while cuts[i + 1] <= left:
            i += 1
        while others[j + 1] <= left:
            j += 1
        right = min(cuts[i + 1], others[j + 1], high)
        whole = (pieces[i] * factors[j]).integral()
        total += whole(right) - whole(left)
        left = right
    return total


def sensitivities(net: ExactNet, domain: Domain) -> Sensitivities:
    """The sensitivity of the loss over the domain to every weight.

    Raises
    ------
    ValueError: σ jumps, the radii are a single one, or as :func:`numerics.certificate.error_on`.
    """
    if not net.sigma.continuous:
        raise ValueError("sensitivities are for activations without jumps")
    if domain.low == domain.high:
        raise ValueError("sensitivities are for an interval of radii, not for one radius")
    n = len(net.w[0])
    radii = _Radii(n, domain)
    needed = radii.needed()
    error = radii.function({m: _curve(error_on(net, m, domain)) for m in needed})

    def both(below: _OnCells, above: _OnCells) -> Sensitivity:
        found = [
            (2 * radii.mean(error, f), radii.mean(f, f))
            for f in (below, above)[: 1 + (below is not above)]
        ]
        return Sensitivity((found[0][0], found[-1][0]), (found[0][1], found[-1][1]))

    def lit(u: int, m: int) -> tuple[Line, ...]:
        unit = [fmpq(int(u == v)) for v in range(n)]
        return lines(unit, m, domain.half_length, domain.padding)

    light = {m: [lit(u, m) for u in range(n)] for m in needed}
    w, b, a = [], [], []
    for row, bias, weight in zip(net.w, net.b, net.a, strict=True):
        seen = {m: lines(row, m, domain.half_length, domain.padding) for m in needed}
        slopes = {m: [_slope(net.sigma, weight, bias, line) for line in seen[m]] for m in needed}
        # Only a window that rests on a kink tells the two directions apart.
        kinked = any(one is not other for found in slopes.values() for (one, other), _ in found)

        def moved(by: dict[int, list[Line] | tuple[Line, ...]]) -> Sensitivity:
            below, above = (
                radii.function({m: _summed(slopes[m], by[m], side) for m in needed})  # noqa: B023
                for side in (0, 1)
            )
            return both(below, above) if kinked else both(below, below)  # noqa: B023

        w.append(tuple(moved({m: light[m][u] for m in needed}) for u in range(n)))
        b.append(moved({m: [Line(ONE, ZERO, line.count) for line in seen[m]] for m in needed}))
        pooled = {
            m: _curve(
                added(net.sigma, (Term(fmpq(x.count), x.start + bias, x.slope) for x in seen[m]))
            )
            for m in needed
        }
        whole = radii.function(pooled)
        a.append(both(whole, whole))
    one = radii.function({m: ((ZERO, ONE), (fmpq_poly([1]),)) for m in needed})
    return Sensitivities(tuple(w), tuple(b), tuple(a), both(one, one))


def _curve(found: Piecewise) -> Curve:
    return found.cuts, found.pieces


Slope = tuple[tuple[fmpq_poly, fmpq_poly], tuple[tuple[fmpq, fmpq_poly], ...]]
"""a count σ' along a line: just after φ = 0 (seen from below and from above), and its changes (φ*, by how much)."""


def _slope(sigma: Activation, weight: fmpq, bias: fmpq, line: Line) -> Slope:
    factor, start, slope = weight * line.count, line.start + bias, line.slope

    def along(place: int) -> fmpq_poly:
        return factor * sigma.pieces[place].derivative()(fmpq_poly([start, slope]))

    if slope == 0:
        sides = [side(sigma.breaks, start) for side in (bisect_left, bisect_right)]
        flat = along(sides[0])
        return (flat, flat if sides[0] == sides[1] else along(sides[1])), ()
    side = bisect_right if slope > 0 else bisect_left
    first = along(side(sigma.breaks, start))
    low, high = sorted((start, start + slope))
    sign = 1 if slope > 0 else -1
    changes = tuple(
        ((sigma.breaks[j] - start) / slope, sign * (along(j + 1) - along(j)))
        for j in range(bisect_right(sigma.breaks, low), bisect_left(sigma.breaks, high))
    )
    return (first, first), changes


def _summed(slopes: Sequence[Slope], light: Sequence[Line], side: int) -> Curve:
    """Σ over the lines of a count σ' times the light: what the answer gains per unit of the weight."""
    current = fmpq_poly([0])
    changes: dict[fmpq, fmpq_poly] = {}
    for (first, crossings), x in zip(slopes, light, strict=True):
        if not x.start and not x.slope:
            continue
        seen = fmpq_poly([x.start, x.slope])
        current += first[side] * seen
        for phi, change in crossings:
            changes[phi] = changes.get(phi, fmpq_poly([0])) + change * seen
    cuts, pieces = [ZERO], [current]
    for phi in sorted(changes):
        current = current + changes[phi]
        cuts.append(phi)
        pieces.append(current)
    return (*cuts, ONE), tuple(pieces)
