r"""The error of a network over every real radius, exactly.

Along r the signal moves on straight lines, so for a piecewise polynomial σ the map r -> r̂(r) - r
is a piecewise polynomial with rational breaks.  From its pieces follow, without any rounding,

    sup |r̂ - r| and where it is attained,    the mean of r̂ - r,    the mean of (r̂ - r)²

over all real r in [r0, r1].  Weights are exact: floats are the dyadic rationals they are.  Where a
piece has degree 3 or more, the supremum sits at a root of its derivative and is enclosed, not
rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter

import sympy as sp
from flint import acb, arb, ctx, fmpq, fmpq_poly

from numerics.arithmetic.numbers import middle, rational
from numerics.arithmetic.piecewise import Piecewise, Term, added, exact_activation
from numerics.arithmetic.types import Rational
from numerics.pulse.domain import HALF, Domain
from numerics.pulse.preactivations import Line, dark_and_lit, edges, far_from_border, lines
from theory.pulse.network import Network

__all__ = ["Summary", "Worst", "cells", "error_on", "exact_net", "largest", "summary"]

PRECISION = 256
"""Bits for the roots of derivatives of degree 2 or more."""


def exact_net(
    sigma: str | sp.Expr,
    w: Sequence[Sequence[Rational]],
    b: Sequence[Rational],
    a: Sequence[Rational],
    c: Rational,
) -> Network[fmpq]:
    """The rational network that these floats, ints or Fractions are.

    With mean pooling divide a by the number of positions first, as Fractions.

    Raises
    ------
    ValueError: σ is no piecewise polynomial with rational breaks and coefficients, or a weight is
        not finite.
    """
    exact_sigma = exact_activation(sigma)
    if exact_sigma is None:
        raise ValueError(f"{sigma} is not piecewise polynomial with rational coefficients")
    try:
        net = Network(tuple(map(tuple, w)), tuple(b), tuple(a), c, sigma=exact_sigma)
        return net.mapped(rational)
    except OverflowError as error:
        raise ValueError("a weight is not finite") from error


def _terms(
    net: Network[fmpq], of: Callable[[tuple[fmpq, ...]], tuple[Line, ...]]
) -> Iterator[Term]:
    for w, b, a in net.listed:
        for line in of(w):
            yield Term(a * line.count, line.start + b, line.slope)


@lru_cache(maxsize=256)
def _at_edges(net: Network[fmpq], m: int) -> Piecewise:
    """What the pulse's edges add, far from the border: the same on all plateau cells, so it is
    worth keeping.
    """
    return added(net.sigma, _terms(net, lambda w: edges(w, m)))


def error_on(net: Network[fmpq], m: int, domain: Domain) -> Piecewise:
    """φ -> r̂(r) - r at r = m - 1/2 + φ, 0 <= φ <= 1.

    Raises
    ------
    ValueError: m is not in 1..L, or the filter is longer than the signal.
    """
    taps = net.taps
    # r̂ - r at the half-integer, and r grows with φ.
    constant = net.offset - m + HALF
    if far_from_border(taps, m, domain):
        dark, lit = dark_and_lit(taps, m, domain)
        for w, b, a in net.listed:
            constant += a * (dark * net.sigma(b) + lit * net.sigma(sum(w, b)))
        part = _at_edges(net, min(m, taps // 2 + 1))
    else:
        part = added(net.sigma, _terms(net, lambda w: lines(w, m, domain)))
    return part.shifted(fmpq_poly([constant, -1]))


def cells(domain: Domain) -> Iterator[tuple[int, fmpq, fmpq]]:
    """(m, φ from, φ to) for the cells that [low, high] meets; a single radius is one cell of width
    0.
    """
    m = min(int((domain.low + HALF).floor()), domain.half_length)
    while True:
        start = m - HALF
        yield m, max(domain.low - start, fmpq(0)), min(domain.high - start, fmpq(1))
        m += 1
        if m - HALF >= domain.high:
            return


@dataclass(frozen=True)
class Worst:
    """sup |r̂ - r| and a radius where it is attained or approached.

    Attributes
    ----------
    low, high: the supremum lies between them; equal where it is exact.
    radius: a rational radius; where the supremum is enclosed, within 2^-200 of one where it is
        attained.
    attained: the supremum is the error at that radius; False at a jump, where it is only
        approached.
    """

    low: fmpq
    high: fmpq
    radius: fmpq
    attained: bool

    @property
    def exact(self) -> bool:
        """The supremum is known as a rational number."""
        return bool(self.low == self.high)


SIZE = attrgetter("low", "high", "attained")
"""What makes an error the worst one: its size, then that it is attained."""


@dataclass(frozen=True)
class Summary:
    """Over all real radii of the domain: the worst error, the mean of r̂ - r, the mean of (r̂ -
    r)².

    For a single radius the means are the values there.  ``breaks`` counts the pieces' ends inside
    the domain.
    """

    worst: Worst
    mean: fmpq
    mean_square: fmpq
    breaks: int


def summary(net: Network[fmpq], domain: Domain) -> Summary:
    """The exact summary of the error over [low, high].

    Raises
    ------
    ValueError: the filter is longer than the signal.
    """
    worst: list[Worst] = []
    first = second = fmpq(0)
    breaks = 0
    for m, low, high in cells(domain):
        error = error_on(net, m, domain)
        worst.append(largest(error, m - HALF, low, high))
        for a, b, piece in _spans(error, low, high):
            breaks += 1
            first += _integral(piece, a, b)
            second += _integral(piece * piece, a, b)
    best, width = max(worst, key=SIZE), domain.high - domain.low
    if width == 0:
        value = error_on(net, m, domain)(low)
        return Summary(best, value, value * value, 0)
    return Summary(best, first / width, second / width, breaks - 1)


def largest(curve: Piecewise, start: fmpq, low: fmpq, high: fmpq) -> Worst:
    """sup |curve(φ)| over low <= φ <= high, limits on either side of a jump included; φ is the
    radius less ``start``.
    """
    return max(_candidates(curve, start, low, high), key=SIZE)


def _spans(error: Piecewise, low: fmpq, high: fmpq) -> Iterator[tuple[fmpq, fmpq, fmpq_poly]]:
    """The pieces that meet (low, high), with their ends."""
    for start, end, piece in zip(error.cuts, error.cuts[1:], error.pieces, strict=False):
        a, b = max(start, low), min(end, high)
        if a < b:
            yield a, b, piece


def _integral(piece: fmpq_poly, low: fmpq, high: fmpq) -> fmpq:
    whole = piece.integral()
    return whole(high) - whole(low)


def _candidates(error: Piecewise, start: fmpq, low: fmpq, high: fmpq) -> Iterator[Worst]:
    """Where |error| can be largest: both ends of every piece, roots of its derivative, and the cuts
    themselves.
    """

    def point(phi: fmpq, value: fmpq, attained: bool) -> Worst:
        size = abs(value)
        return Worst(size, size, start + phi, attained)

    ends = [low, *(cut for cut in error.cuts if low < cut < high), high]
    values = {phi: error(phi) for phi in ends}
    for phi, value in values.items():
        yield point(phi, value, True)
    for a, b, piece in _spans(error, low, high):
        for phi in (a, b):
            if piece(phi) != values[phi]:  # a jump
                yield point(phi, piece(phi), False)
        if piece.degree() == 2:
            phi = -piece[1] / (2 * piece[2])
            if a < phi < b:
                yield point(phi, piece(phi), True)
        elif piece.degree() > 2:
            yield from _enclosed(piece, a, b, start)


def _enclosed(piece: fmpq_poly, a: fmpq, b: fmpq, start: fmpq) -> Iterator[Worst]:
    """Enclosures of |piece| at the real roots of its derivative in (a, b)."""
    with ctx.workprec(PRECISION):
        roots: list[tuple[acb, int]] = piece.derivative().complex_roots()  # type: ignore[assignment]
        for root, _ in roots:
            if not root.imag.contains(0):
                continue
            phi = root.real
            if phi < arb(a) or phi > arb(b):
                continue
            value = arb(0)
            for coefficient in reversed(piece.coeffs()):
                value = value * phi + arb(coefficient)
            low, high = (middle(end) for end in (value.abs_lower(), value.abs_upper()))
            yield Worst(low, high, start + min(max(middle(phi), a), b), True)
