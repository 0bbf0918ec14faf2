r"""Conserved quantities found by linear algebra: what no data can change under gradient flow.

Gradient flow on mean((r̂ - r)²) moves the weights along a combination of the fields X_r = ∇r̂(x_r),
one for each radius, with coefficients -2 (r̂ - r) times its share, which depend on the data.  So a
function F of the weights is conserved *whatever the data* if and only if X_r F = ∇r̂(x_r) · ∇F = 0
for every r.  For polynomials F of bounded degree that is a linear system: :func:`invariants` solves
it.

That none is missing, of any degree or none, follows from a rank: brackets of the fields annihilate
F too, so at a point where the fields and their brackets span a space of dimension d, at most dim -
d conserved quantities are independent (:func:`orbit_dimension`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any

import sympy as sp
from sympy.polys.matrices import DomainMatrix

from theory.pulse.network import preactivations

__all__ = [
    "Field",
    "answer",
    "conserved",
    "field",
    "invariants",
    "jacobian_rank",
    "orbit_dimension",
    "same_span",
]

Field = tuple[sp.Expr, ...]
"""One component per variable, polynomials in the variables."""

QQ = sp.QQ


def answer(
    w: Sequence[Sequence[sp.Expr]],
    b: Sequence[sp.Expr],
    a: Sequence[sp.Expr],
    c: sp.Expr,
    x: Sequence[sp.Expr],
    cell: dict[sp.Symbol, sp.Expr] | None = None,
) -> sp.Expr:
    """r̂(x) by the double sum over positions and taps, σ the identity; with ``cell``, ReLU in the
    cell of that point.

    Raises
    ------
    ValueError: the point lies on a wall: some pre-activation that depends on the weights is 0
        there.
    """
    total = sp.sympify(c)
    for taps, bias, weight in zip(w, b, a, strict=True):
        for z in preactivations(taps, x):
            value = z + bias
            if cell is not None:
                sign = value.xreplace(cell)
                if sign == 0 and value != 0:
                    raise ValueError("the point lies on a wall between two cells")
                value = value if sign > 0 else sp.Integer(0)
            total += weight * value
    return sp.expand(total)


def field(function: sp.Expr, variables: Sequence[sp.Symbol]) -> Field:
    """∇r̂ with respect to the weights."""
    return tuple(sp.expand(sp.diff(function, v)) for v in variables)


def _elements(ring: Any, expressions: Sequence[sp.Expr]) -> list[Any]:
    """As elements of a polynomial ring over the rationals."""
    return [ring.from_expr(sp.sympify(e)) for e in expressions]


def _along(direction: Sequence[Any], f: Any) -> Any:
    """X f = Σ_v X_v ∂f/∂v, of elements of a ring."""
    ring = f.ring
    steps = (component * f.diff(v) for v, component in zip(ring.gens, direction, strict=True))
    return sum(steps, ring.zero)


def _matrix(columns: Sequence[Any]) -> DomainMatrix:
    """A row per monomial that occurs, a column per element of a ring."""
    monomials = sorted({key for column in columns for key in column})
    rows = [[column.get(key, QQ.zero) for column in columns] for key in monomials]
    return DomainMatrix(rows, (len(monomials), len(columns)), QQ)


def conserved(
    quantities: Sequence[sp.Expr], fields: Sequence[Field], variables: Sequence[sp.Symbol]
) -> bool:
    """X F = 0 for all of these polynomials F and fields X."""
    ring = QQ.poly_ring(*variables).ring
    directions = [_elements(ring, direction) for direction in fields]
    return not any(_along(x, q) for q in _elements(ring, quantities) for x in directions)


def invariants(
    fields: Sequence[Field], variables: Sequence[sp.Symbol], degree: int = 2
) -> list[sp.Expr]:
    """A basis of all polynomials F of degree 1 to ``degree`` without constant term with X F = 0 for
    every field.
    """
    ring = QQ.poly_ring(*variables).ring
    monomials = [
        math.prod(chosen, start=ring.one)
        for d in range(1, degree + 1)
        for chosen in combinations_with_replacement(ring.gens, d)
    ]
    directions = [_elements(ring, direction) for direction in fields]
    blocks = [_matrix([_along(x, f) for f in monomials]) for x in directions]
    kernel = blocks[0].vstack(*blocks[1:]).nullspace()
    return [
        sum((f * value for value, f in zip(row, monomials, strict=True)), ring.zero).as_expr()
        for row in kernel.to_dense().to_list()
    ]


def same_span(
    first: Sequence[sp.Expr], second: Sequence[sp.Expr], variables: Sequence[sp.Symbol]
) -> bool:
    """Both lists of polynomials span the same space over the rationals."""
    ring = QQ.poly_ring(*variables).ring

    def rank(group: Sequence[sp.Expr]) -> int:
        return int(_matrix(_elements(ring, group)).rank()) if group else 0

    together = rank([*first, *second])
    return bool(rank(first) == together == rank(second))


def jacobian_rank(
    quantities: Sequence[sp.Expr],
    variables: Sequence[sp.Symbol],
    point: dict[sp.Symbol, sp.Rational],
) -> int:
    """The rank of ∂(quantities)/∂(variables) at a rational point: how many are independent around
    it.
    """
    rows = [[QQ.from_sympy(sp.diff(q, v).xreplace(point)) for v in variables] for q in quantities]
    return int(DomainMatrix(rows, (len(rows), len(variables)), QQ).rank())


def orbit_dimension(
    fields: Sequence[Field], variables: Sequence[sp.Symbol], point: dict[sp.Symbol, sp.Rational]
) -> int:
    """The dimension, at a point, of what the fields and all their brackets span.

    The fields must be affine in the variables, as gradients of a bilinear answer are: x -> Mx + v.
    Then brackets are commutators of the matrices [[M, v], [0, 0]], and the algebra they generate is
    finite.

    Raises
    ------
    ValueError: a field is not affine.
    """
    size = len(variables)
    algebra: list[DomainMatrix] = []

    def independent(matrices: list[DomainMatrix]) -> bool:
        rows = [matrix.to_list_flat() for matrix in matrices]
        return bool(DomainMatrix(rows, (len(rows), (size + 1) ** 2), QQ).rank() == len(rows))

    waiting = [_affine(direction, variables) for direction in fields]
    while waiting:
        matrix = waiting.pop(0)
        if not independent([*algebra, matrix]):
            continue
        waiting += [matrix * other - other * matrix for other in algebra]
        algebra.append(matrix)
    place = [[QQ.from_sympy(sp.sympify(point[v]))] for v in variables]
    column = DomainMatrix([*place, [QQ.one]], (size + 1, 1), QQ)
    rows = [(matrix * column).to_list_flat()[:size] for matrix in algebra]
    return int(DomainMatrix(rows, (len(rows), size), QQ).rank())


def _affine(direction: Field, variables: Sequence[sp.Symbol]) -> DomainMatrix:
    size = len(variables)
    rows = [[QQ.zero] * (size + 1) for _ in range(size + 1)]
    ring = QQ.poly_ring(*variables).ring
    for row, component in zip(rows, _elements(ring, direction), strict=False):
        for powers, value in component.items():
            if sum(powers) > 1:
                raise ValueError(f"not affine: {component}")
            row[powers.index(1) if any(powers) else size] = value
    return DomainMatrix(rows, (size + 1, size + 1), QQ)
