r"""Exact piecewise polynomials: σ as one, and what a network makes of it along r.

σ is a polynomial with rational coefficients between rational breaks (ReLU, abs, Hardswish, square,
...). On a cell, φ -> c - r + Σ_k a_k Σ_i σ(z_{k,i}(φ) + b_k) is then a piecewise polynomial with
rational breaks and coefficients: floats are dyadic rationals, so nothing is rounded anywhere.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp
from flint import fmpq, fmpq_poly

from numerics.arithmetic.numbers import rational
from numerics.arithmetic.walk import expression_of
from theory.expressions.pieces import pieces, z

__all__ = ["Activation", "Piecewise", "Term", "added", "exact_activation"]

ZERO, ONE = fmpq(0), fmpq(1)


@dataclass(
    frozen=True, eq=False
)  # flint's polynomials have no hash: one object per σ, from the cache
class Activation:
    """σ as a piecewise polynomial.

    Attributes
    ----------
    breaks: increasing.  values: σ at each of them.  pieces: one polynomial in z more than there are
        breaks.
    continuous: no break is a jump.
    """

    breaks: tuple[fmpq, ...]
    values: tuple[fmpq, ...]
    pieces: tuple[fmpq_poly, ...]
    continuous: bool

    def __call__(self, value: fmpq) -> fmpq:
        """σ at a rational number, exactly."""
        place = bisect_left(self.breaks, value)
        if place < len(self.breaks) and self.breaks[place] == value:
            return self.values[place]
        return self.pieces[place](value)


@lru_cache(maxsize=256)
def exact_activation(sigma: str | sp.Expr) -> Activation | None:
    """σ of a row of the catalogue, or of an expression in z; None where it is not such a piecewise
    polynomial.

    Raises
    ------
    GrammarError: the name is no spelling of an activation.
    """
    expression = expression_of(sigma)
    decomposed = pieces(expression)
    if not decomposed.complete:
        return None
    parts = decomposed.parts
    ends = [part.high for part in parts[:-1]]
    if [part.low for part in parts[1:]] != ends or not all(end.is_Rational for end in ends):
        return None
    polynomials = []
    for part in parts:
        if not part.expression.is_polynomial(z):
            return None
        coefficients = sp.Poly(part.expression, z).all_coeffs()[::-1]
        if not all(value.is_Rational for value in coefficients):
            return None
        polynomials.append(fmpq_poly([rational(value) for value in coefficients]))
    images = [expression.xreplace({z: end}) for end in ends]
    if not all(value.is_Rational for value in images):
        return None
    breaks, values = tuple(map(rational, ends)), tuple(map(rational, images))
    sides = zip(breaks, values, polynomials, polynomials[1:], strict=False)
    continuous = all(p(t) == v == q(t) for t, v, p, q in sides)
    return Activation(breaks, values, tuple(polynomials), continuous)


@dataclass(frozen=True)
class Term:
    """weight · σ(start + φ slope), with the bias in ``start``."""

    weight: fmpq
    start: fmpq
    slope: fmpq


@dataclass(frozen=True)
class Piecewise:
    """A function of φ on [0, 1].

    Attributes
    ----------
    cuts: 0 = first, ..., last = 1, increasing.
    pieces: the polynomial on each open interval between neighbouring cuts.
    points: the value at each cut.
    """

    cuts: tuple[fmpq, ...]
    pieces: tuple[fmpq_poly, ...]
    points: tuple[fmpq, ...]

    def __call__(self, phi: fmpq) -> fmpq:
        """The value at 0 <= φ <= 1."""
        place = bisect_left(self.cuts, phi)
        return self.points[place] if self.cuts[place] == phi else self.pieces[place - 1](phi)

    def shifted(self, line: fmpq_poly) -> Piecewise:
        """Plus a polynomial in φ."""
        points = tuple(value + line(cut) for cut, value in zip(self.cuts, self.points, strict=True))
        return Piecewise(self.cuts, tuple(piece + line for piece in self.pieces), points)


def _composed(piece: fmpq_poly, term: Term) -> fmpq_poly:
    if piece.degree() <= 1:  # by far the most frequent: one product less than the general way
        first = piece[1]
        return fmpq_poly(
            [term.weight * (piece[0] + first * term.start), term.weight * first * term.slope]
        )
    return term.weight * piece(fmpq_poly([term.start, term.slope]))


def _crossings(sigma: Activation, term: Term) -> list[tuple[fmpq, fmpq_poly]]:
    """(φ, change of the polynomial) at every break of σ met at 0 < φ < 1."""
    low, high = sorted((term.start, term.start + term.slope))
    met = range(bisect_right(sigma.breaks, low), bisect_left(sigma.breaks, high))
    sign = 1 if term.slope > 0 else -1
    return [
        (
            (sigma.breaks[j] - term.start) / term.slope,
            sign * (_composed(sigma.pieces[j + 1], term) - _composed(sigma.pieces[j], term)),
        )
        for j in met
    ]


def added(sigma: Activation, terms: Iterable[Term]) -> Piecewise:
    """Σ of the terms as a function of φ on [0, 1]."""
    terms = tuple(terms)
    sloped = [term for term in terms if term.slope != 0]
    constant = sum((t.weight * sigma(t.start) for t in terms if t.slope == 0), ZERO)
    current = fmpq_poly([constant])  # just after φ = 0
    for term in sloped:
        side = bisect_right if term.slope > 0 else bisect_left
        current += _composed(sigma.pieces[side(sigma.breaks, term.start)], term)
    changes: dict[fmpq, fmpq_poly] = {}
    for term in sloped:
        for phi, change in _crossings(sigma, term):
            changes[phi] = changes[phi] + change if phi in changes else change
    cuts, polynomials = [ZERO], [current]
    for phi in sorted(changes):
        if sigma.continuous and not changes[phi]:
            continue  # kinks that balance
        current = current + changes[phi]
        cuts.append(phi)
        polynomials.append(current)
    cuts.append(ONE)
    return Piecewise(tuple(cuts), tuple(polynomials), _points(sigma, terms, cuts, polynomials))


def _points(
    sigma: Activation, terms: Sequence[Term], cuts: list[fmpq], polynomials: list[fmpq_poly]
) -> tuple[fmpq, ...]:
    if sigma.continuous:
        return (
            polynomials[0](ZERO),
            *(p(cut) for p, cut in zip(polynomials, cuts[1:], strict=True)),
        )
    return tuple(
        sum((t.weight * sigma(t.start + cut * t.slope) for t in terms), ZERO) for cut in cuts
    )
