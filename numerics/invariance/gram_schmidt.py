"""Orthogonal vectors in rational numbers, by Gram and Schmidt without any root: the slow, obvious
projection.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

__all__ = ["Vector", "dot", "orthogonal", "residual"]

Vector = list[Fraction]
"""A vector of rational numbers."""


def dot(x: Vector, y: Vector) -> Fraction:
    """Σ x_i y_i, for x and y (N,)."""
    return sum((p * q for p, q in zip(x, y, strict=True)), Fraction(0))


def residual(y: Vector, basis: list[Vector]) -> Vector:
    """y (N,) less its components along orthogonal vectors, each (N,) and not 0."""
    for e in basis:
        share = dot(y, e) / dot(e, e)
        y = [p - share * q for p, q in zip(y, e, strict=True)]
    return y


def orthogonal(vectors: Iterable[Vector]) -> list[Vector]:
    """Orthogonal vectors (N,), none of them 0, that span the same space."""
    basis: list[Vector] = []
    for vector in vectors:
        left = residual(vector, basis)
        if any(left):
            basis.append(left)
    return basis
