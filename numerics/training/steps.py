r"""Where gradient descent with finite steps ends: a function of one number ρ, and bounds on ρ.

Arrays over a batch of networks, w (B, K, n), a (B, K).  At the end of any training by gradient
steps

    A² = e^{-ρ} E(ρ),  B² = e^{-ρ}/E(ρ),  E(ρ) = (e^ρ + √(e^{2ρ} + nUW))/(√n U),

and both A and B fall as ρ grows, so ρ in [low, high] brackets every weight.  Bounds (full batches,
no c, |δ_t| falling, which a computable condition on η ensures), with κ = 4√n E r², y = 1 - 2θ, δ_0
= ηκ y_0:

    ρ <= ρ̄ = c |τ| / (1 - c/2),  c = |δ_0|/(1 - δ_0²),
    |ρ - ηρ₁| <= the Riemann error of ∫ dτ/dt dτ.

Derivation: docs/training/steps.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numerics.arithmetic.types import Array
from numerics.training.linear_cell import Cone, coordinates, weights_at
from theory.training import linear_cell

__all__ = [
    "change_bound",
    "drift",
    "drift_bound",
    "drift_from_losses",
    "end_at",
    "factors_at",
    "path_error",
    "sharpness",
    "shift_error",
    "slowing",
]


def sharpness(c: Cone, second_moment: float) -> Array:
    """λ = 8√n E[r²] √(1 + nUW) of the end point: (B,)."""
    return 8 * c.root * second_moment * np.sqrt(1 + c.root**2 * c.big_u * c.big_w)


def factors_at(c: Cone, rho: ArrayLike) -> tuple[Array, Array]:
    """(A, B) at the end, for the given ρ (B,)."""
    grown = np.exp(np.minimum(np.asarray(rho, dtype=float), 300.0))
    e = linear_cell.stretch(c.big_u, c.big_w, c.root, np.sqrt, grown)
    return np.sqrt(e / grown), np.sqrt(1 / (e * grown))


def end_at(w: Array, a: Array, rho: ArrayLike) -> tuple[Array, Array]:
    """(w, a) at the end, for the given ρ; ρ = 0 is the end of gradient flow."""
    first, second = factors_at(coordinates(w, a), rho)
    return weights_at(w, a, first, second)


def change_bound(c: Cone, low: ArrayLike, high: ArrayLike) -> tuple[Array, Array]:
    """(bound on the change of every tap of a channel, of a_k), each (B, K), when ρ moves within
    [low, high]; inf for high = inf.
    """
    (a0, b0), (a1, b1) = factors_at(c, low), factors_at(c, high)
    part = np.abs(c.u) * (a0 - a1)[:, None] + np.abs(c.v) * (b0 - b1)[:, None]
    part = np.where(np.isfinite(high)[..., None], part, np.inf)
    return part / (2 * c.root), part / 2


def drift(delta: Any, travelled: Any) -> Any:
    """ρ̄ = c |τ| / (1 - c/2), c = |δ_0|/(1 - δ_0²), for any kind of number."""
    strength = delta / (1 - delta**2)
    return strength * travelled / (1 - strength / 2)


def slowing(pace: Any, root: Any, largest: Any, delta: Any) -> Any:
    """|δ_t| falls where this is at most 1; ``pace`` = ηκ, ``largest`` = max U A² + W B²."""
    return pace * (root * largest + 2 * delta)


def _largest(c: Cone, grown: Array) -> tuple[Array, Array]:
    """(E(ρ), the largest U A² + W B² on the way there): it is convex in log E, so largest at an
    end.
    """
    e = linear_cell.stretch(c.big_u, c.big_w, c.root, np.sqrt, grown)
    return e, np.maximum(c.big_u + c.big_w, c.big_u * e + c.big_w / e)


def drift_bound(c: Cone, second_moment: float, rate: ArrayLike) -> Array:
    """ρ̄ >= ρ (B,) for every step from the start; inf where |δ_t| is not shown to fall (the step is
    too large).

    With mini-batches take the largest r² of the data for ``second_moment``.
    """
    rate = np.asarray(rate, dtype=float)
    pace = 4 * c.root * second_moment * rate
    y = 1 - 2 * linear_cell.theta(c.big_u, c.big_w, c.root, 1.0, 1.0)
    delta = pace * np.abs(y)
    with np.errstate(divide="ignore", invalid="ignore"):
        travelled = np.abs(np.log(linear_cell.stretch(c.big_u, c.big_w, c.root, np.sqrt))) / 2
        bound = drift(delta, travelled)
        _, largest = _largest(c, np.exp(np.minimum(bound, 10.0)))
        good = (delta < 1) & (bound >= 0) & (bound < 10)
        good &= slowing(pace, c.root, largest, delta) <= 1
    return np.where(good, bound, np.inf)


def shift_error(c: Cone, second_moment: float, rate: ArrayLike) -> Array:
    """A bound (B,) on |ρ - ηρ₁|, of order η²; inf where :func:`drift_bound` is."""
    rate = np.asarray(rate, dtype=float)
    rho = drift_bound(c, second_moment, rate)
    finite = np.where(np.isfinite(rho), rho, 0.0)
    pace = 4 * c.root * second_moment * rate
    start = linear_cell.theta(c.big_u, c.big_w, c.root, 1.0, 1.0)
    y = np.abs(1 - 2 * start)
    delta = pace * y
    travelled = (
        np.abs(np.log(linear_cell.stretch(c.big_u, c.big_w, c.root, np.sqrt))) / 2 + finite / 2
    )
    most = np.maximum(np.abs(start), np.exp(finite) / 2)  # |θ| on the way
    off = 2 * most * finite  # how far ρ moves y at the same τ
    fourth = delta**2 / (6 * (1 - delta**2)) * finite
    riemann = off * travelled + np.arctanh(np.minimum(delta, 0.99)) * (y + off) + off * finite / 2
    return np.where(np.isfinite(rho), fourth + pace * riemann, np.inf)


def path_error(c: Cone, second_moment: float, rate: ArrayLike) -> Array:
    """A bound e (B,): at every step t the factors A, B are those of the flow at time ηt, each to
    within e^{±e}.

    Euler's steps for dτ/dt = f(τ), whose slope f' = -4nE[r²](UE + W/E) is negative, so that errors
    do not grow: half the step times the largest |f'| times the way, the third-order part of artanh
    δ, and what ρ does to f over the smallest |f'|.  inf where :func:`drift_bound` is.
    """
    rate = np.asarray(rate, dtype=float)
    rho = drift_bound(c, second_moment, rate)
    finite = np.where(np.isfinite(rho), rho, 0.0)
    start = linear_cell.theta(c.big_u, c.big_w, c.root, 1.0, 1.0)
    delta = 4 * c.root * second_moment * rate * np.abs(1 - 2 * start)
    e, largest = _largest(c, np.exp(finite))
    travelled = (
        np.abs(np.log(linear_cell.stretch(c.big_u, c.big_w, c.root, np.sqrt))) / 2 + finite / 2
    )
    vertex = np.clip(np.sqrt(c.big_w / c.big_u), np.minimum(1.0, e), np.maximum(1.0, e))
    smallest = c.big_u * vertex + c.big_w / vertex
    most = np.maximum(np.abs(start), np.exp(finite) / 2)
    euler = rate * 2 * c.root**2 * second_moment * largest * travelled
    cubic = delta**2 / (3 * (1 - delta**2)) * travelled
    return np.where(
        np.isfinite(rho),
        euler + cubic + 2 * most * finite / (c.root * smallest) + finite / 2,
        np.inf,
    )


def drift_from_losses(c: Cone, second_moment: float, rate: ArrayLike, losses: Array) -> Array:
    """ρ̂ >= ρ (B,) from the recorded losses (T, B) of any training, with c and in batches too.

    |δ_t| = 4√n η |E_b[(r̂ - r) r]| <= 4√n η √(E_b[r²] L_t) by Cauchy-Schwarz; ``second_moment``
    bounds E_b[r²].
    """
    square = 16 * c.root**2 * np.asarray(rate, dtype=float) ** 2 * second_moment * losses
    with np.errstate(invalid="ignore"):
        return np.where(
            np.all(square < 1, axis=0),
            -np.sum(np.log1p(-np.minimum(square, 0.999)), axis=0),
            np.inf,
        )
