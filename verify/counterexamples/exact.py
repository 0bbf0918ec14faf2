"""Exact linear algebra for the side that judges: nothing here is shared with the laws."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

__all__ = ["covariance", "dot", "projected", "residual", "risk"]


def dot(x: Sequence[Any], y: Sequence[Any]) -> Any:
    """Σ x_i y_i."""
    return sum(p * q for p, q in zip(x, y, strict=True))


def covariance(xs: Sequence[Any], ys: Sequence[Any]) -> Any:
    """Of samples that are equally likely."""
    n = Fraction(len(xs))
    return dot(xs, ys) / n - sum(xs) / n * (sum(ys) / n)


def _orthogonal(vectors: Sequence[Sequence[Any]]) -> list[list[Fraction]]:
    """What of each vector those before it leave: Gram and Schmidt."""
    left: list[list[Fraction]] = []
    for vector in vectors:
        rest = [Fraction(x) for x in vector]
        for other in filter(any, left):
            part = dot(rest, other) / dot(other, other)
            rest = [x - part * y for x, y in zip(rest, other, strict=True)]
        left.append(rest)
    return left


def residual(columns: Sequence[Sequence[Any]], target: Sequence[Any]) -> list[Any]:
    """What of the target the columns leave."""
    return _orthogonal((*columns, target))[-1]


def risk(columns: Sequence[Sequence[Any]], target: Sequence[Any]) -> Fraction:
    """The least mean square of the target less a combination of the columns and a constant."""
    left = residual([[1] * len(target), *columns], target)
    return Fraction(dot(left, left)) / len(left)


def projected(
    start: Sequence[Any], rows: Sequence[Sequence[Any]], targets: Sequence[Any]
) -> tuple[Any, ...] | str:
    """Where gradient descent on Σ (row · y - target)² takes ``start``: the nearest solution, or
    words where there is none.
    """
    y = [Fraction(v) for v in start]
    for row, target, left in zip(rows, targets, _orthogonal(rows), strict=True):
        error = target - dot(row, y)
        if any(left):
            scale = error / dot(left, row)
            y = [v + scale * x for v, x in zip(y, left, strict=True)]
        elif error:
            return "no exact readout"
    return tuple(y)
