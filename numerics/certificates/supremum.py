r"""The worst error over every real radius, enclosed, for any σ that has an enclosure.

On a cell e(φ) = r̂(r) - r, r = m - 1/2 + φ, is enclosed on an interval I around φ₀ where σ is
smooth by Taylor's theorem,

    e(I) ⊂ Σ_{k<12} e⁽ᵏ⁾(φ₀)/k! (I - φ₀)ᵏ + e⁽¹²⁾(I)/12! (I - φ₀)¹²,

in which what the channels cancel is gone before an interval enters; elsewhere by two forms at once,

    e(I) ⊂ (e evaluated on I) ∩ (e(φ₀) + e'(I) (I - φ₀)),

the second being the mean value theorem, which holds at kinks too when e'(I) holds the slopes of
both sides. The largest |e| is then bracketed by best-first bisection: an interval that cannot hold
it is never cut.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp
from flint import arb, arb_series, fmpq

from numerics.arithmetic.ball import constant_ball, sigma_ball
from numerics.arithmetic.numbers import dyadic, fraction, rational
from numerics.arithmetic.taylor import TERMS, Kinked, expanding, series
from numerics.arithmetic.walk import expression_of
from numerics.pulse.domain import HALF, Domain
from numerics.pulse.exact_error import cells
from numerics.pulse.preactivations import lines
from theory.expressions.pieces import z
from theory.expressions.spelling import spelled
from theory.expressions.traits import jumps
from theory.pulse.network import Network

__all__ = ["Enclosure", "supremum"]

WIDTH = Fraction(1, 10**12)
"""The width that is aimed at."""
TINY = arb(2) ** -4096
"""Bounds are given down to this, and up to its inverse."""
MOST = 200_000
"""Intervals that are looked at before the search stops with what it has."""


@dataclass(frozen=True)
class Enclosure:
    """low <= sup |r̂ - r| <= high over all real radii of the domain; |r̂ - r| >= low at ``radius``.

    ``intervals`` counts the intervals that were looked at.  ``high - low`` exceeds the width asked
    for only when they ran out.
    """

    low: Fraction
    high: Fraction
    radius: Fraction
    intervals: int


@lru_cache(maxsize=256)
def _slope(sigma: str | sp.Expr) -> Callable[[arb], arb]:
    """An enclosure of σ' on a ball; where the ball meets a kink it holds the slopes of both sides.

    Raises
    ------
    ValueError: σ jumps somewhere, so that no slope bounds it.
    """
    expression = expression_of(sigma)
    if jumps(expression):
        raise ValueError(f"{sigma} jumps")
    derivative = spelled(sigma).derivative if isinstance(sigma, str) else sp.diff(expression, z)
    return sigma_ball(derivative)


@lru_cache(maxsize=256)
def _expanded(sigma: str | sp.Expr) -> Callable[[arb_series], arb_series] | None:
    """σ on power series, or None where it has none here."""
    try:
        return series(sigma)
    except ValueError:
        return None


class _Cell:
    """The error on the cell of m as a function of φ, with all weights enclosed at the current
    precision.
    """

    def __init__(self, net: Network[Any], m: int, domain: Domain) -> None:
        self.m, self.sigma_of = m, net.sigma
        self.sigma, self.derivative = sigma_ball(net.sigma), _slope(net.sigma)
        self.constant = constant_ball(net.offset) - arb(m - HALF)
        self.terms: list[tuple[arb, arb, arb]] = []
        for w, b, a in net.listed:
            bias, weight = constant_ball(b), constant_ball(a)
            for line in lines(tuple(map(rational, w)), m, domain):
                factor, start = weight * line.count, arb(line.start) + bias
                if line.slope == 0:
                    self.constant += factor * self.sigma(start)
                else:
                    self.terms.append((factor, start, arb(line.slope)))

    def error(self, phi: arb) -> arb:
        total = self.constant - phi
        for factor, start, slope in self.terms:
            total += factor * self.sigma(start + slope * phi)
        return total

    def rate(self, phi: arb) -> arb:
        total = arb(-1)
        for factor, start, slope in self.terms:
            total += factor * slope * self.derivative(start + slope * phi)
        return total

    def expansion(self, middle: fmpq, reach: arb) -> arb | None:
        """The error on middle + reach by Taylor's theorem; None where σ is not smooth, or has no
        series here.
        """
        sigma = _expanded(self.sigma_of)
        if sigma is None:
            return None
        on = arb(middle) + reach
        total, last = arb_series([self.constant - arb(middle), -1], prec=TERMS + 1), arb(0)
        try:
            for factor, start, slope in self.terms:
                here, wide = ([start + slope * x, slope] for x in (arb(middle), on))
                total += factor * sigma(arb_series(here, prec=TERMS + 1))
                last += factor * sigma(arb_series(wide, prec=TERMS + 1))[TERMS]
        except Kinked:
            return None
        value = last
        for k in reversed(range(TERMS)):
            value = total[k] + reach * value
        return value

    def bounds(self, low: fmpq, high: fmpq) -> tuple[Fraction, Fraction | None]:
        """(a lower bound of |e| in the middle, an upper bound of |e| on the whole interval; None
        where there is none yet).
        """
        middle = (low + high) / 2
        centre = self.error(arb(middle))
        if not centre.is_finite():
            raise ValueError(f"σ has no finite enclosure at m = {self.m}, φ = {middle}")
        if low == high:
            return _below(centre), _above(centre)
        reach = arb(0, 1) * arb((high - low) / 2)
        smooth = self.expansion(middle, reach)
        whole = None
        if smooth is not None and smooth.is_finite():
            whole = _above(smooth)
            if whole is not None and whole <= 1:
                return _below(centre), whole
        on = arb(middle) + reach
        forms = (self.error(on), centre + self.rate(on) * reach)
        bounds = [whole, *(_above(form) for form in forms if form.is_finite())]
        return _below(centre), min((x for x in bounds if x is not None), default=None)


def _below(x: arb) -> Fraction:
    """A lower bound of |x|: what is left of a tail, e^(-10^12) say, would be a fraction of as many
    digits.
    """
    low = x.abs_lower()
    return dyadic(low) if low > TINY else Fraction(0)


def _above(x: arb) -> Fraction | None:
    """An upper bound of |x|; None where it is out of all bounds."""
    high = x.abs_upper()
    if high > 1 / TINY:
        return None
    return dyadic(high.max(TINY) if high > 0 else high)


def supremum(
    net: Network[Any],
    domain: Domain,
    width: Fraction = WIDTH,
    most: int = MOST,
    precision: int = 128,
) -> Enclosure:
    """sup |r̂ - r| over all real radii of the domain, enclosed to ``width`` or as far as ``most``
    intervals reach.

    The taps of ``net`` must be rational (floats, ints, Fractions), its readout bias must not be
    left open.

    Raises
    ------
    ValueError: σ jumps or has no finite enclosure at some pre-activation, c is left open, or as
        :class:`Domain`.
    """
    if net.open:
        raise ValueError("the readout bias is needed")
    with expanding(precision):
        return _search(net, domain, width, most)


def _search(net: Network[Any], domain: Domain, width: Fraction, most: int) -> Enclosure:
    best, where = Fraction(-1), Fraction(0)
    number = itertools.count()
    # Those without an upper bound come first, then those with the largest.
    heap: list[tuple[bool, Fraction, int, _Cell, fmpq, fmpq]] = []

    def look(cell: _Cell, low: fmpq, high: fmpq) -> None:
        nonlocal best, where
        least, largest = cell.bounds(low, high)
        if least > best:
            best, where = least, fraction(cell.m - HALF + (low + high) / 2)
        if largest is None or largest > best:
            bound = Fraction(0) if largest is None else -largest
            heapq.heappush(heap, (largest is not None, bound, next(number), cell, low, high))

    for m, low, high in cells(domain):
        look(_Cell(net, m, domain), low, high)
    looked = len(heap)
    while heap and (not heap[0][0] or -heap[0][1] - best > width) and looked < most:
        _, _, _, cell, low, high = heapq.heappop(heap)
        if low == high:  # a single radius: nothing to cut, only the precision is left
            heapq.heappush(heap, (True, -cell.bounds(low, high)[1], next(number), cell, low, high))  # type: ignore[operator]
            break
        middle = (low + high) / 2
        for part in ((low, middle), (middle, high)):
            look(cell, *part)
        looked += 2
    if heap and not heap[0][0]:
        raise ValueError(f"σ has no finite enclosure around m = {heap[0][3].m}, φ = {heap[0][4]}")
    highest = max(best, -heap[0][1]) if heap else best
    # Bisection only tends to an end of the domain, where a monotone error is largest.
    around = list(cells(domain))
    for m, phi in (around[0][:2], around[-1][::2]):
        least, _ = _Cell(net, m, domain).bounds(phi, phi)
        if best < least <= highest:
            best, where = least, fraction(m - HALF + phi)
    return Enclosure(max(best, Fraction(0)), highest, where, looked)
