r"""The loss of the best readout, exactly, and its leading terms for a staircase of small height S.

With V = Var r, q = Cov(D, r) and v = Var D over the radii, for the best a and c and any D,

    L = (V v - q²) / (4Δ²V + 4Δq + v).

With the :mod:`expansion <theory.shape.rates.expansion>` of Δ and D, with the covariances M of the
functions 1, E, O, E², EO after regression on r, and with N_f for what is left of Var f after
regression on the functions before f as well:

    away from inflections   L ~ (M_EE/4) (ρ p_2/S)²,  ρ = σ''/σ',                smallest for w =
                            S/n
    at an inflection        L ~ (N_O/4) (s_3 p_3/(s_1 S))² ~ S⁴, and S + 2β -> 0, smallest nearby
                            for w = S/n
    and Σ w_u³ -> 0, n = 3  L ~ N (s_4 p_4/(s_1 S))² ~ S⁶;
                            (N/4) (s_5 p_5/(s_1 S))² ~ S⁸ when s_4 = 0

All of it for S -> 0 at a fixed shape w/S.  That these are the leading terms is decided by
:mod:`theory.shape.rates`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.expressions.activation import z
from theory.shape.rates.expansion import Basis, basis
from theory.types import Matrix, Scalar, Vector

__all__ = [
    "CUBIC_FREE",
    "CURVATURES",
    "Rate",
    "Spread",
    "after_radius",
    "cubic_free_rate",
    "curved_rate",
    "free_filter_rate",
    "inflection_rate",
    "kink_rate",
    "loss",
    "remaining",
    "spread",
    "uniform_spread",
]


@dataclass(frozen=True)
class Spread:
    """Averages over the radii: V = Var r, Cov(r, f_i) and Cov(f_i, f_j) for functions f of φ."""

    V: Any
    cov: tuple[Any, ...]
    gram: tuple[tuple[Any, ...], ...]


def spread(fractions: Vector, variance: Scalar, functions: Basis = basis) -> Spread:
    """The averages for radii m - 1/2 + φ, m and φ independent, φ uniform on ``fractions`` (q,), Var
    r = V.
    """
    count = len(fractions)
    values = [functions(f) for f in fractions]
    rows = [tuple(column) for column in zip(*values, strict=True)]
    means = [sum(row) / count for row in rows]
    mean_f = sum(fractions) / count
    cov = tuple(
        sum(f * v for f, v in zip(fractions, row, strict=True)) / count - mean_f * mean
        for row, mean in zip(rows, means, strict=True)
    )
    gram = tuple(
        tuple(
            sum(x * y for x, y in zip(row, other, strict=True)) / count - mean * also
            for other, also in zip(rows, means, strict=True)
        )
        for row, mean in zip(rows, means, strict=True)
    )
    return Spread(variance, cov, gram)


def loss(delta: Scalar, coefficients: Vector, over: Spread) -> Any:
    """(V v - q²)/(4Δ²V + 4Δq + v) for D = Σ coefficient · f, one coefficient for each f of ``over``
    (F,): the loss of the best readout, exact.
    """
    q = sum(x * cov for x, cov in zip(coefficients, over.cov, strict=True))
    v = sum(
        x * y * entry
        for x, row in zip(coefficients, over.gram, strict=True)
        for y, entry in zip(coefficients, row, strict=True)
    )
    return (over.V * v - q**2) / (4 * delta**2 * over.V + 4 * delta * q + v)


# --- the smallest loss, to leading order ------------------------------------------------------


def uniform_spread() -> Spread:
    """The averages of the basis for φ uniform on (0, 1) and Var r -> ∞, by exact integration."""
    phi = sp.Symbol("varphi", real=True)
    functions = basis(phi)

    def mean(function: sp.Expr) -> sp.Expr:
        return sp.Poly(function, phi).integrate(phi).eval(1)

    means = [mean(f) for f in functions]
    cov = tuple(mean(phi * f) - m / 2 for f, m in zip(functions, means, strict=True))
    gram = tuple(
        tuple(mean(f * g) - m * k for g, k in zip(functions, means, strict=True))
        for f, m in zip(functions, means, strict=True)
    )
    return Spread(sp.oo, cov, gram)


@dataclass(frozen=True)
class Rate:
    """L ~ constant · S^exponent, where c - t ~ offset[0] S + offset[1] S² when there is an
    inflection t.
    """

    exponent: int
    constant: Any
    offset: tuple[Any, Any] = (0, 0)


def after_radius(over: Spread) -> list[list[Any]]:
    """The covariances that are left after regression on r: Cov(f_i, f_j) - Cov(r, f_i) Cov(r,
    f_j)/V.
    """
    return [
        [entry - x * y / over.V for y, entry in zip(over.cov, row, strict=True)]
        for x, row in zip(over.cov, over.gram, strict=True)
    ]


def remaining(matrix: Matrix, j: int) -> Any:
    """The variance of f_j that is left after regression on f_0, ..., f_{j-1}: a pivot of the matrix
    (F, F) of covariances.
    """
    rows = [list(row) for row in matrix]
    for k in range(j):
        for i in range(j, k, -1):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k], strict=True)]
    return rows[j][j]


def curved_rate(s: Vector, n: int, over: Spread) -> Rate:
    """Where σ'' ≠ 0 ≠ σ', for the best filter there, w = S/n; s = (s_1, s_2, ...) with s_k =
    σ⁽ᵏ⁾/k!.
    """
    return Rate(2, remaining(after_radius(over), 0) * (s[1] / (s[0] * n)) ** 2)


def inflection_rate(s: Vector, n: int, over: Spread) -> Rate:
    """At an inflection t with s_1 s_3 ≠ 0, for the mean filter w = S/n; s = (s_1,
    ..., s_5) at t.
    """
    left = after_radius(over)
    first = left[0][1] / (6 * n * left[0][0])
    rest = 2 * left[0][2] - 2 * remaining(left, 1) / 3
    bend = 12 * first**2 - 1 + rest / (left[0][0] * n**2)
    second = s[3] / (6 * s[2]) * bend
    constant = remaining(left, 1) / 4 * (s[2] / (s[0] * n**2)) ** 2
    return Rate(4, constant, (first, second))


_x = 1 / (2 - sp.cbrt(2))
CUBIC_FREE = (_x, _x, -sp.cbrt(2) * _x)
"""The taps with sum 1 and Σ ω³ = 0 whose Σ ω² is smallest, up to order: (1, 1, -∛2)/(2 - ∛2)."""


def free_filter_rate(s: Vector, fourth: Scalar, fifth: Scalar, over: Spread) -> Rate:
    """At an inflection with s_1 s_3 ≠ 0, for filters S ω with Σ ω = 1 and Σ ω³ -> 0; s = (s_1, ...,
    s_5), Σ ω⁴ and Σ ω⁵ are given.

    S⁶ when s_4 ≠ 0, else S⁸. The remnant of Σ ω³ and the bias take E and O away.
    """
    left = after_radius(over)
    if s[3] != 0:
        return Rate(6, remaining(left, 2) * (s[3] * fourth / s[0]) ** 2)
    # E² does not occur: EO is regressed on E and O alone.
    kept = [[left[i][j] for j in (0, 1, 3)] for i in (0, 1, 3)]
    return Rate(8, remaining(kept, 2) / 4 * (s[4] * fifth / s[0]) ** 2)


def cubic_free_rate(s: Vector, over: Spread) -> Rate:
    """The smallest of these for n = 3 and s = (s_1, ..., s_5): Σ ω⁴ and (Σ ω⁵)² grow with Σ ω², so
    ω is :data:`CUBIC_FREE`.
    """
    fourth, fifth = (float(sum(tap**k for tap in CUBIC_FREE)) for k in (4, 5))
    return free_filter_rate(s, fourth, fifth, over)


def kink_rate(s: Vector, fractions: Vector, variance: Scalar) -> Rate:
    """At t with σ(t + x) = s_1 x + s_2 x|x| + ..., n = 1 and c = t: L ~ (s_2/s_1)² Var(f | r) S²,
    from s = (s_1, s_2), φ uniform on ``fractions`` (q,), and Var r.

    f = (y|y| - y)/4 with y = 2φ - 1.
    """

    def function(fraction: Scalar) -> tuple[Any]:
        twice = 2 * fraction - 1
        return ((twice * abs(twice) - twice) / 4,)

    left = after_radius(spread(fractions, variance, function))
    return Rate(2, (s[1] / s[0]) ** 2 * left[0][0])


CURVATURES: dict[str, sp.Expr] = {
    "tanh": -2 * sp.tanh(z),
    "sigmoid": -sp.tanh(z / 2),
    "arctan": -2 * z / (1 + z**2),
    "erf": -2 * z,
    "sin": -sp.tan(z),
    "exp": sp.Integer(1),
    "softplus": 1 / (1 + sp.exp(z)),
    "logsigmoid": -1 / (1 + sp.exp(-z)),
    "square": 1 / z,
    "tanhshrink": 4 / sp.sinh(2 * z),
}
"""ρ = σ''/σ' of the rows where it is short: the loss goes downhill on |ρ|, the bias with it."""
