r"""How much the loss depends on each single weight, exactly.

With e(r) = r̂(r) - r and J = E e² over all real radii of a domain, a small change t of one weight x
gives

    J(x + t) = J + 2t E[e ∂r̂/∂x] + t² E[(∂r̂/∂x)²] + ...,
    ∂r̂/∂w_u = Σ_k a_k Σ_i σ'(z_i + b) x_r(i + u),

both averages being rational numbers for a σ made of polynomials.  At an exact network the first
vanishes, and the second is what a change costs.  On a kink of σ the two directions differ: both are
given.

Where σ jumps, r̂ jumps at the radii at which a window passes the jump, and these move with x:
between the old radius and the new one the error is another one.  That adds [(e + j)² - e²] |dr/dx|
to the derivative, and makes the second average infinite, as a change then costs |t|, not t².  If a
window rests on the jump, the loss itself jumps with x.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from flint import fmpq, fmpq_poly

from numerics.arithmetic.piecewise import Activation, Piecewise, Term, added
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import cells, error_on
from numerics.pulse.preactivations import Line, far_from_border, lines
from theory.pulse.network import Network

__all__ = ["Sensitivity", "of_stored", "sensitivities"]

ZERO, ONE = fmpq(0), fmpq(1)
Sides = tuple[fmpq | float | None, fmpq | float | None]


@dataclass(frozen=True)
class Sensitivity:
    """Of the loss to one weight: (weight made smaller, weight made larger).

    Attributes
    ----------
    gradient: the derivative of the loss, 2 E[e ∂r̂/∂x] where σ does not jump; on a kink the left
        and the right one.
    curvature: E[(∂r̂/∂x)²], what a unit of change costs at an exact network, in squared units.

    Either is None where it is infinite, which takes a jump of σ.
    """

    gradient: Sides
    curvature: Sides

    def per(self, share: int) -> Sensitivity:
        """Of a weight that is divided by ``share`` before it is used."""
        first, second = (
            tuple(x if x is None else x / divisor for x in sides)
            for sides, divisor in ((self.gradient, share), (self.curvature, share * share))
        )
        return Sensitivity(first, second)  # type: ignore[arg-type]


Each = Sequence[Sensitivity]


def of_stored(
    net: Network[fmpq], w: Each, b: Each, a: Each, c: Sensitivity
) -> tuple[Sensitivity, ...]:
    """Of every weight that is stored, in the order conv.weight, conv.bias, readout.weight,
    readout.bias, from those of the sum-pooling network with all biases.
    """
    biases, offset = b if net.b is not None else (), (c,) if net.c is not None else ()
    return (*w, *biases, *(x.per(net.share) for x in a), *offset)


Curve = tuple[tuple[fmpq, ...], tuple[fmpq_poly, ...]]
"""Cuts 0 = first < ... < last = 1 and the polynomial in φ between neighbours."""


@dataclass(frozen=True)
class _OnCells:
    """A function of r: a curve per cell; on the plateau cells from ``first`` to ``last``, ``base``
    + (m - first) ``step``.
    """

    single: dict[int, Curve]
    base: Curve | None
    step: fmpq


@dataclass(frozen=True)
class _Jump:
    """A place φ on the cell of m where the error jumps by ``height``, and that moves by ``speed``
    per unit of a weight.

    ``rests``: to these sides (-1, 1) the loss itself jumps, as a whole window leaves a jump of σ.
    """

    m: int
    phi: fmpq
    speed: fmpq
    height: fmpq
    rests: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Carried:
    """What moving jumps add to the loss per unit of the weight, and whether the error jumps at
    them.
    """

    gain: fmpq
    jumps: bool


class _Radii:
    """The cells of a domain, those of the plateau together."""

    def __init__(self, taps: int, domain: Domain) -> None:
        self.domain = domain
        self.cells = list(cells(domain))
        h = taps // 2
        whole = [
            m
            for m, low, high in self.cells
            if low == 0 and high == 1 and m > h and far_from_border(taps, m, domain)
        ]
        # Two cells give the step; for fewer than three nothing is saved.
        self.plateau = range(whole[0], whole[-1] + 1) if len(whole) > 2 else range(0)
        # The first plateau cell stands for all.
        self.bounds = {m: (low, high) for m, low, high in self.cells if m not in self.plateau[1:]}

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
        return [m for m, _, _ in self.cells if m not in self.plateau[2:]]

    def mean(self, f: _OnCells, g: _OnCells) -> fmpq:
        """E[f g] over the radii."""
        total = ZERO
        for m, low, high in self.cells:
            if m not in self.plateau:
                total += _product(f.single[m], g.single[m], low, high)
        if f.base is not None and g.base is not None:
            count = len(self.plateau)
            unit = ((ZERO, ONE), (fmpq_poly([1]),))
            mixed = f.step * _product(g.base, unit) + g.step * _product(f.base, unit)
            squares = fmpq(count * (count - 1) * (2 * count - 1), 6)
            total += count * _product(f.base, g.base) + mixed * fmpq(count * (count - 1), 2)
            total += f.step * g.step * squares
        return total / (self.domain.high - self.domain.low)

    def carried(self, error: _OnCells, moved: Sequence[_Jump], sign: int) -> _Carried | None:
        """What moving jumps add as the weight grows (``sign`` 1) or falls (-1); None where the loss
        jumps itself.

        Beside each place the error takes the values that it has between its jumps, on widths that
        the speeds give.
        """
        places: dict[tuple[int, fmpq], list[_Jump]] = {}
        for jump in moved:
            if sign in jump.rests:
                return None
            places.setdefault((jump.m, jump.phi), []).append(jump)
        gain, jumps = ZERO, False
        for (m, phi), here in places.items():
            whole = m in self.plateau
            count = len(self.plateau) if whole else 1
            curve = error.base if whole else error.single[m]
            # The mean of the error's shift over the cells that this one stands for.
            shift = error.step * (count - 1) / 2
            low, high = self.bounds[m]
            for side, end in ((-1, low), (1, high)) if low <= phi <= high else ():
                beyond = [(x.speed * sign * side, x.height) for x in here]
                beyond = sorted((x for x in beyond if x[0] > 0), reverse=True)
                if phi == end or curve is None:
                    continue
                beside = (bisect_left if side < 0 else bisect_right)(curve[0], phi) - 1
                old = new = curve[1][beside](phi) + shift
                for (speed, height), (slower, _) in pairwise([*beyond, (ZERO, ZERO)]):
                    new -= side * height
                    gain += count * sign * (new * new - old * old) * (speed - slower)
                    jumps |= bool(new != old and speed != slower)
        return _Carried(gain / (self.domain.high - self.domain.low), jumps)


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


def sensitivities(net: Network[fmpq], domain: Domain) -> tuple[Sensitivity, ...]:
    """The sensitivity of the loss over the domain to every stored weight, as :func:`of_stored`.

    Raises
    ------
    ValueError: the radii are a single one, or as :func:`numerics.pulse.exact_error.error_on`.
    """
    if domain.low == domain.high:
        raise ValueError("sensitivities are for an interval of radii, not for one radius")
    n = net.taps
    radii = _Radii(n, domain)
    needed = radii.needed()
    error = radii.function({m: _curve(error_on(net, m, domain)) for m in needed})

    def both(below: _OnCells, above: _OnCells, moved: Sequence[_Jump] = ()) -> Sensitivity:
        means = [
            (2 * radii.mean(error, f), radii.mean(f, f))
            for f in (below, above)[: 1 + (below is not above)]
        ]
        (slope, square), (other, last) = means[0], means[-1]
        down, up = (radii.carried(error, moved, sign) for sign in (-1, 1))
        return Sensitivity(
            (None if down is None else slope + down.gain, None if up is None else other + up.gain),
            (square if down and not down.jumps else None, last if up and not up.jumps else None),
        )

    units = [[fmpq(int(u == v)) for v in range(n)] for u in range(n)]
    light = {m: [lines(unit, m, domain) for unit in units] for m in needed}
    w: list[Sensitivity] = []
    b, a = [], []
    for row, bias, weight in net.listed:
        runs = {m: lines(row, m, domain) for m in needed}
        slopes = {m: [_slope(net.sigma, weight, bias, line) for line in runs[m]] for m in needed}
        passed = {m: _passed(net.sigma, weight, bias, runs[m]) for m in radii.bounds}
        # Only a window that rests on a kink tells the two directions apart.
        kinked = any(x is not y for on_cell in slopes.values() for (x, y), _ in on_cell)

        def moved(by: dict[int, list[Line] | tuple[Line, ...]]) -> Sensitivity:
            below, above = (
                radii.function({m: _summed(slopes[m], by[m], side) for m in needed})  # noqa: B023
                for side in (0, 1)
            )
            carried = [x for m, crossed in passed.items() for x in _carried(crossed, by[m], m)]  # noqa: B023
            return both(below, above if kinked else below, carried)  # noqa: B023

        w += [moved({m: light[m][u] for m in needed}) for u in range(n)]
        b.append(moved({m: [Line(ONE, ZERO, line.count) for line in runs[m]] for m in needed}))
        pooled = {
            m: _curve(
                added(net.sigma, (Term(fmpq(x.count), x.start + bias, x.slope) for x in runs[m]))
            )
            for m in needed
        }
        whole = radii.function(pooled)
        a.append(both(whole, whole))
    unit = radii.function({m: ((ZERO, ONE), (fmpq_poly([1]),)) for m in needed})
    return of_stored(net, w, b, a, both(unit, unit))


def _curve(function: Piecewise) -> Curve:
    return function.cuts, function.pieces


Slope = tuple[tuple[fmpq_poly, fmpq_poly], tuple[tuple[fmpq, fmpq_poly], ...]]
"""a count σ' along a line: just after φ = 0 (seen from below and from above), and its changes (φ*,
by how much).
"""


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


Passed = tuple[int, fmpq, fmpq, fmpq, tuple[int, ...]]
"""Line, φ*, slope, height, rests: where a line passes a jump of σ, or rests on one (slope 0)."""


def _passed(sigma: Activation, weight: fmpq, bias: fmpq, runs: Sequence[Line]) -> list[Passed]:
    passed: list[Passed] = []
    if sigma.continuous or not weight:
        return passed
    for place, line in enumerate(runs):
        start = line.start + bias
        for kink, value, p, q in zip(
            sigma.breaks, sigma.values, sigma.pieces, sigma.pieces[1:], strict=False
        ):
            below, above = p(kink), q(kink)
            height = weight * line.count * (above - below)
            if line.slope and height:
                phi = (kink - start) / line.slope
                if 0 <= phi <= 1:
                    sign = 1 if line.slope > 0 else -1
                    passed.append((place, phi, line.slope, sign * height, ()))
            elif not line.slope and start == kink:
                rests = tuple(s for s, x in ((-1, below), (1, above)) if x != value)
                passed.append((place, ZERO, ZERO, ZERO, rests))
    return passed


def _carried(passed: Sequence[Passed], light: Sequence[Line], m: int) -> Iterator[_Jump]:
    """How these move with a weight that sees this light."""
    for place, phi, slope, height, rests in passed:
        lit = light[place]
        if slope:
            yield _Jump(m, phi, -(lit.start + phi * lit.slope) / slope, height)
        elif lit.start or lit.slope:
            yield _Jump(m, phi, ZERO, ZERO, rests)


def _summed(slopes: Sequence[Slope], light: Sequence[Line], side: int) -> Curve:
    """Σ over the lines of a count σ' times the light: what the answer gains per
    unit of the weight.
    """
    current = fmpq_poly([0])
    changes: dict[fmpq, fmpq_poly] = {}
    for (first, crossings), x in zip(slopes, light, strict=True):
        if not x.start and not x.slope:
            continue
        lit = fmpq_poly([x.start, x.slope])
        current += first[side] * lit
        for phi, change in crossings:
            changes[phi] = changes.get(phi, fmpq_poly([0])) + change * lit
    cuts, pieces = [ZERO], [current]
    for phi in sorted(changes):
        current = current + changes[phi]
        cuts.append(phi)
        pieces.append(current)
    return (*cuts, ONE), tuple(pieces)
