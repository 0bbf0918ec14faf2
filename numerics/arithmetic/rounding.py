r"""How far floating point may be from real arithmetic: a priori bounds, the source of every
tolerance.

With u = 2⁻⁵³ and γ_k = k u / (1 - k u), a sum or product chain of k operations is off by at most
γ_k times the same chain on absolute values, in any order of summation.  An activation with
Lipschitz constant Λ moves an error of its argument by at most Λ times it and adds its own
evaluation error, at most 8u(1 + |z| + |σ(z)|): a few elementary functions, each good to 4 units in
the last place, of which those below 1 are multiplied by at most |z| (GELU, Mish, SiLU) or 1.76
(SELU); tests/expressions/test_activation.py compares every row with its exact values.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import sympy as sp
from flint import arb

from numerics.arithmetic.ball import sigma_ball
from numerics.arithmetic.compile import activation
from numerics.arithmetic.types import Array
from theory.expressions.activation import ACTIVATIONS
from theory.expressions.pieces import Piece, pieces
from theory.expressions.spelling import spelled

__all__ = [
    "UNIT",
    "gamma",
    "lipschitz",
    "preactivation_bound",
    "prediction_bound",
    "response_bound",
]

UNIT = 2.0**-53
"""The unit roundoff u of float64."""


def gamma(k: float | Array) -> float | Array:
    """γ_k = k u / (1 - k u), for k u < 1; of the shape of k."""
    return k * UNIT / (1 - k * UNIT)


def lipschitz(name: str, reach: Array) -> Array:
    """A Lipschitz constant of σ on [-reach, reach], of the shape of ``reach``.

    Most derivatives lie in [-1, 1] (the affine pieces; tanh, sigmoid, softplus, logsigmoid, arctan,
    sin, softsign and tanhshrink, whose σ' is tanh²).  Larger ones, rounded up: hardswish 3/2, at
    its kink 3; erf 2/√π, at 0; SELU the product of its constants, just below 0; at their
    inflections GELU and its tanh form 1.1290, SiLU 1.0998, Mish 1.0885.  square 2·reach, cube
    3·reach², exp e^reach, the last two enlarged by more than their own rounding.

    hardshrink and threshold jump: for them it is a bound on the slope between the jumps, and |σ(0)|
    + Λ|z| still bounds |σ|, but an error that carries an argument across a jump costs the whole
    jump.

    Rows that are not in the catalogue have their slopes enclosed on [-max reach, max reach]; where
    that fails the constant is infinite.

    Raises
    ------
    GrammarError: the name is no spelling of an activation.
    """
    name = spelled(name).name
    if name not in ACTIVATIONS:
        return np.full_like(reach, _enclosed(name, float(np.max(reach, initial=0.0))))
    if name == "square":
        return 2 * reach
    if name == "cube":
        return 3 * reach**2 * (1 + 8 * UNIT)
    if name == "exp":
        return np.exp(reach) * (1 + 8 * UNIT)
    return np.full_like(reach, _STEEP.get(name, 1.0))


CELLS = 512
"""Balls on [-reach, reach] in which a slope is enclosed."""


@lru_cache(maxsize=256)
def _enclosed(name: str, reach: float) -> float:
    """An upper bound of |σ'| on [-reach, reach] between kinks and jumps, in balls."""
    row = spelled(name)
    known = pieces(row.expression)
    parts = known.parts if known.complete else (Piece(-sp.oo, sp.oo, row.expression),)
    steepest, width = 0.0, reach / CELLS
    for part in parts:
        slope = sigma_ball(replace(row, expression=part.expression).derivative)
        for k in range(-CELLS, CELLS):
            low, high = k * width, (k + 1) * width
            if low <= part.high and part.low <= high:
                steep = float(slope(arb(low).union(arb(high))).abs_upper())
                steepest = max(steepest, steep) if np.isfinite(steep) else float("inf")
    return steepest * (1 + 8 * UNIT)


_STEEP = {
    "hardswish": 1.5,
    "selu": 1.7581,
    "erf": 1.1284,
    "gelu": 1.13,
    "gelu_tanh": 1.13,
    "silu": 1.1,
    "mish": 1.09,
}
"""The rows steeper than 1 somewhere, but nowhere steeper than a constant."""


def response_bound(w: Array, b: Array, r: Array, size: int, name: str) -> Array:
    """A bound on |law - direct sum| for the pooled response Σ_i [g(z_i) - g(0)], both in float64.

    w (..., n), b (...), r (R,), N = ``size``; the value has shape (..., R).  The direct sum has N
    activations, the law fewer than 4r + 8h + 12n of them (each counted with its coefficient),
    reached by chains of at most 2n + 3 operations; A = Σ|w| + |b| bounds every argument and G =
    |σ(0)| + ΛA every value.
    """
    n = w.shape[-1]
    reach = np.sum(np.abs(w), axis=-1) + np.abs(b)
    lip = lipschitz(name, reach)
    value = abs(float(activation(name)[0](0.0))) + lip * reach
    law_terms = 4 * np.asarray(r) + 8 * (n // 2) + 12 * n
    terms = size + law_terms
    argument = lip * gamma(2 * n + 3) * reach + 8 * UNIT * (1 + reach + value)
    summation = gamma(size + 20 * n + 12) * value
    bound: Array = argument[..., None] * terms + summation[..., None] * (terms + size)
    return bound


def preactivation_bound(w: Array, b: Array) -> Array:
    """A bound on the distance between two float64 evaluations of Σ w_u x(i + u) + b, 0 <= x <= 1:
    shape (...).
    """
    n = w.shape[-1]
    bound: Array = 2 * gamma(n + 2) * (np.sum(np.abs(w), axis=-1) + np.abs(b))
    return bound


def prediction_bound(
    w: Array, b: Array, a: Array, c: Array, r: Array, size: int, name: str
) -> Array:
    """A bound on the distance between two float64 evaluations of r̂ - r, one of them by the laws.

    w (B, K, n), b and a (B, K), c (B,), r (R,); the value has shape (B, R).  To the bound of each
    channel's response comes the background N g(0), and the readout's sum over K channels, c and r.
    """
    n, channels = w.shape[-1], w.shape[-2]
    reach = np.sum(np.abs(w), axis=-1) + np.abs(b)
    value = abs(float(activation(name)[0](0.0))) + lipschitz(name, reach) * reach
    terms = size + 4 * r + 8 * (n // 2) + 12 * n
    weight = np.abs(a)[..., None]
    responses = weight * response_bound(w, b, r, size, name)
    readout = weight * value[..., None] * (terms + size) + (np.abs(c) / channels)[:, None, None]
    readout = readout + (r / channels)[None, None, :]
    bound: Array = np.sum(responses + 2 * gamma(size + 20 * n + channels + 20) * readout, axis=1)
    return bound
