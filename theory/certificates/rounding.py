r"""Computed numbers: how large a number is, and how far the computed one may be from it.

A rounded operation gives y(1 + δ) with |δ| <= u.  So if x̂, ŷ are within e, f of x, y with |x| <=
X, |y| <= Y,

    |fl(x̂ + ŷ) - (x + y)| <= (e + f) + u (X + Y + e + f),
    |fl(x̂ ŷ) - x y|       <= (e Y + f X + e f) + u (X + e)(Y + f),

and x + 0 is x, unrounded.  Applied operation after operation this bounds any program from its
definition: polynomials in u and in the sizes, with non-negative coefficients.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from theory.types import Scalar

__all__ = ["Computed", "in_every_order", "in_order", "rounded_once"]


@dataclass(frozen=True)
class Computed:
    """|x| <= size and |x̂ - x| <= error."""

    size: Scalar
    error: Scalar

    def plus(self, other: Computed, u: Scalar) -> Computed:
        """Their sum, rounded; with 0 it is not."""
        for zero, number in ((self, other), (other, self)):
            if zero.size == 0 and zero.error == 0:
                return number
        size, error = self.size + other.size, self.error + other.error
        return Computed(size, error + u * (size + error))

    def times(self, other: Computed, u: Scalar) -> Computed:
        """Their product, rounded."""
        size = self.size * other.size
        error = self.error * other.size + other.error * self.size + self.error * other.error
        return Computed(size, error + u * (size + error))


def rounded_once(size: Scalar, u: Scalar) -> Computed:
    """A number that is stored rounded."""
    return Computed(size, u * size)


def in_order(terms: Iterable[Computed], u: Scalar) -> Computed:
    """((x₁ + x₂) + x₃) + ..."""
    total, *others = terms
    for term in others:
        total = total.plus(term, u)
    return total


def in_every_order(terms: Sequence[Computed], u: Scalar) -> Iterator[Computed]:
    """The sum along every binary tree whose leaves are the terms: every order, blocked or not."""
    if len(terms) == 1:
        yield terms[0]
        return
    others = range(1, len(terms))
    # The half that holds the first term, so that no tree comes twice.
    for count in range(len(terms) - 1):
        for chosen in combinations(others, count):
            left_terms = [terms[0], *(terms[j] for j in chosen)]
            right_terms = [terms[j] for j in others if j not in chosen]
            for left in in_every_order(left_terms, u):
                for right in in_every_order(right_terms, u):
                    yield left.plus(right, u)
