r"""The constant C beside area and perimeter, for any filter and any row of the catalogue, and the
remainder F̄ - πr²Δ - Pr - C, both with bounds.

Between the distances of the corners of its pixels p_θ is a quadratic and q_θ = -N₂/2 a cubic in t,
N_k(t) = ∫ ℓᵏ W dℓ along the line of p_θ(t).  There Gauss' rule with G = 5 points leaves out l¹¹
(5!)⁴/(11 (10!)²) times the tenth Taylor coefficient of the integrand Q, from enclosures of those of
σ.  Over θ a midpoint rule with step η is off by η/2 times the variation of Q, and from ∂p/∂θ = N₁,
∂N₂/∂θ = 2tN₁ + ∂N₃/∂t

    ∮ |∂Q/∂θ| <= 4Λ I₂ + Λ₂ max|w| (π/2 ρ² I₂ + 8/3 ρ I₃),    I_k = ∫ |W| |x|ᵏ dx.

For r >= 2ρ, with κ = 4(2 - √3), e the edges of pixels and E₄ = Σ_e |[W]_e| ∫_e |x|⁴ dl,

    r |F̄ - πr²Δ - Pr - C| <= Λ (2/3 κ I₃ + 4/15 κ² E₄ + 3π/16 κ² I₄/r) + Λ₂ κ² π/12 max|w| ρ³ I₂.

Derivation: docs/disk/curvature.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import comb, factorial, pi

import numpy as np

from numerics.arithmetic.compile import activation
from numerics.arithmetic.rounding import UNIT, gamma
from numerics.arithmetic.types import Array
from numerics.disk.perimeter import angles, half_squares, reach
from numerics.disk.perimeter_enclosure import Filter, derivatives_of
from theory.disk.curvature import LAW, Curvature
from theory.expressions.spelling import spelled

__all__ = ["NARROW", "Constant", "constant_of", "direction_bound", "nodes", "remainder", "spreads"]

TURNS, POINTS = 2048, 5
"""Directions over a turn, none on an axis, and points of Gauss' rule between two breaks."""
NEAR = 1e-8
"""Far above the rounding of p, far below what it differs by from place to place."""
NARROW = 4 * (2 - 3**0.5)
"""κ: r - √(r² - ℓ²) <= κ ℓ²/2r for ℓ <= r/2."""


@dataclass(frozen=True)
class Nodes:
    """All nodes of a turn: t, the weights, cos θ and sin θ, each (T, pieces, G), or (T, 1, 1);
    length (T, pieces).
    """

    t: Array
    weight: Array
    c: Array
    s: Array
    length: Array


@lru_cache(maxsize=4)
def nodes(taps: int, turns: int = TURNS) -> Nodes:
    """Gauss' points between the breaks of all p_θ, in this number of directions."""
    turn = angles(turns)
    c, s = np.cos(turn)[:, None, None], np.sin(turn)[:, None, None]
    axis = np.arange(taps + 1) - taps / 2
    corners = (c * axis[:, None] + s * axis).reshape(turns, -1)
    breaks = np.sort(np.concatenate([corners, np.zeros((turns, 1))], axis=1), axis=1)
    length = np.diff(breaks, axis=1)
    node, share = np.polynomial.legendre.leggauss(POINTS)
    t = breaks[:, :-1, None] + length[..., None] * (1 + node) / 2
    return Nodes(t, length[..., None] * share / 2 * (2 * pi / turns), c, s, length)


def _offsets(taps: int) -> list[tuple[int, int]]:
    inside = range(-(taps // 2), taps // 2 + 1)
    return [(u, v) for u in inside for v in inside]


@lru_cache(maxsize=4)
def _half_squares(taps: int, turns: int) -> Array:
    """H_θ(t + u·n) at all nodes: (n², T, pieces, G)."""
    n = nodes(taps, turns)
    by_turn = zip(n.t, n.c.ravel().tolist(), n.s.ravel().tolist(), strict=True)
    return np.stack([half_squares(taps, *edge) for edge in by_turn], axis=1)


@lru_cache(maxsize=8)
def _moments(taps: int, turns: int, moment: Callable[..., Array]) -> Array:
    """M_θ(t; u) at all nodes: (n², T, pieces, G)."""
    n = nodes(taps, turns)
    return np.stack(
        [moment(n.t + u * n.c + v * n.s, v * n.c - u * n.s, n.c, n.s) for u, v in _offsets(taps)]
    )


# ----------------------------------------------------------------------------------- the constant


@dataclass(frozen=True)
class Constant:
    """C of a filter.

    Attributes
    ----------
    value, error: |C - value| <= error; None if it is not asked for, or where σ has a break within
        the filter's reach, and nothing is proved.
    by_direction: what each direction of :func:`numerics.disk.perimeter.angles` adds, per unit of θ
        (T,).
    """

    value: float
    error: float | None
    by_direction: Array


def constant_of(
    filter_: Filter, law: Curvature = LAW, turns: int = TURNS, proved: bool = True
) -> Constant:
    """C, from the law's second moment and what it lets a place add, by ``turns`` directions; its
    error if it is to be ``proved``.
    """
    taps, grid = len(filter_.w), nodes(len(filter_.w), turns)
    sigma, steep = activation(filter_.name)
    p = np.tensordot(filter_.w.ravel(), _half_squares(taps, turns), 1)
    second = np.tensordot(filter_.w.ravel(), _moments(taps, turns, law.moment), 1)
    dark = float(sigma(np.array(filter_.b)))
    lack = sigma(p + filter_.b) - dark - filter_.rise * (grid.t > 0)
    bent = derivatives_of(filter_)
    slope = steep(p + filter_.b)
    for kink in bent.breaks:
        # Lines may show a kink on a whole stretch: there the slope is that of the side to which the
        # bend leads.  One node of a stretch may hit a kink in passing: it stands for both sides.
        sides = [steep(np.array(kink - NEAR)), steep(np.array(kink + NEAR))]
        met = np.abs(p + filter_.b - kink) <= NEAR
        slope = np.where(met, (sides[0] + sides[1]) / 2, slope)
        slope = np.where(np.all(met, axis=2, keepdims=True), np.where(second > 0, *sides), slope)
    each = np.sum(grid.weight * law.local(grid.t, slope, second, lack), axis=(1, 2))
    error = None
    if proved and not bent.breaks:
        sizes = np.array(bent.sizes)
        error = (
            _left_out(grid, p, second, sizes)
            + _turning(filter_, sizes, turns)
            + _rounding(filter_, grid, sizes)
        )
    return Constant(float(np.sum(each)), error, each * turns / (2 * pi))


def _coefficients(values: Array, degree: int) -> Array:
    """|coefficients| by powers of x in [-1/2, 1/2] of a polynomial from its values at Gauss' nodes:
    (..., degree + 1).
    """
    node = np.polynomial.legendre.leggauss(POINTS)[0] / 2
    inverse = np.linalg.pinv(np.vander(node, degree + 1, increasing=True))
    return np.abs(values @ inverse.T)


def _shifted(centred: Array) -> list[Array]:
    """From them bounds on the Taylor coefficients at any x in [-1/2, 1/2]."""
    last = centred.shape[-1]
    return [
        sum(
            (comb(m, k) * centred[..., m] / 2 ** (m - k) for m in range(k, last)),
            0 * centred[..., 0],
        )
        for k in range(last)
    ]


def _composed(p: list[Array], sizes: Array, order: int) -> Array:
    """A bound on the Taylor coefficient of this order of σ(p), p quadratic, from bounds on those of
    σ.
    """
    total = 0 * p[0]
    for j in range(order // 2 + 1):
        total = total + comb(order - j, j) * sizes[order - j] * p[1] ** (order - 2 * j) * p[2] ** j
    return total


def _left_out(grid: Nodes, p: Array, second: Array, sizes: Array) -> float:
    """Of Gauss' rule, with x = t/l on a piece: -σ'(p) N₂/2 - t (σ(p) - const)."""
    quadratic, by = _shifted(_coefficients(p, 2)), _shifted(_coefficients(second, 3))
    order, slopes = 2 * POINTS, sizes[1:] * np.arange(1, len(sizes))
    coefficient = sum(
        (by[k] / 2 * _composed(quadratic, slopes, order - k) for k in range(4)), 0 * quadratic[0]
    )
    far = np.max(np.abs(grid.t), axis=2) + grid.length
    coefficient = (
        coefficient
        + far * _composed(quadratic, sizes, order)
        + grid.length * _composed(quadratic, sizes, order - 1)
    )
    factor = factorial(POINTS) ** 4 / ((order + 1) * factorial(order) ** 2)
    return float(np.sum(coefficient * grid.length)) * factor * (2 * pi / len(grid.t)) * 1.01


def _turning(filter_: Filter, sizes: Array, turns: int) -> float:
    two, three, _, _ = spreads(filter_.w)
    most, rho = float(np.max(np.abs(filter_.w), initial=0.0)), reach(len(filter_.w))
    across = sizes[1] * 4 * two
    across += 2 * sizes[2] * most * (pi / 2 * rho**2 * two + 8 / 3 * rho * three)
    return pi / turns * float(across)


def _rounding(filter_: Filter, grid: Nodes, sizes: Array) -> float:
    """Cubes of depths over cos θ sin θ, eight to a pixel, then σ: a priori, not sharp."""
    rho, weight = 2 * reach(len(filter_.w)), float(np.sum(np.abs(filter_.w)))
    cubes = float(np.sum(grid.weight * (rho / np.abs(grid.c * grid.s)) ** 3))
    tall = 1 + weight + abs(filter_.b) + float(sizes[0])
    plain = 2 * pi * rho * rho * tall
    return float(gamma(64)) * (8 * weight * (float(sizes[1] + sizes[2]) * cubes) + plain)


def direction_bound(filter_: Filter, turns: int, r: float, z: Array, p: Array, off: float) -> Array:
    """How far r ∫ [g(Z) - g(p)] - ∫ t (g(Z) - g(0) - Δ 1{t > 0}) may be from one direction's C:
    (T,).

    Of a pixel in whose rows |ℓ| <= λ the edge lies δ <= κλ²/2r inside its tangent.  A row on which
    one of its four sides lies between the two is met on δ/|cos θ sin θ| at most, and is off by δ;
    on all others δ - ℓ²/2r = δ²/2r.  Then Taylor's formula for g, whose kinks between p and Z cost
    their whole bend.

    Parameters
    ----------
    z, p: the pre-activations Z and p_θ at the nodes (T, pieces, G), each pixel of which is off by
        ``off`` at most.
    """
    grid, bent = nodes(len(filter_.w), turns), derivatives_of(filter_)
    steep, curved = bent.sizes[1], 2 * bent.sizes[2]
    across = np.abs(grid.c * grid.s)
    apart = 0 * grid.t
    for tap, (u, v) in zip(
        np.abs(filter_.w).ravel().tolist(), _offsets(len(filter_.w)), strict=True
    ):
        far = np.abs(v * grid.c - u * grid.s) + 0.5**0.5
        apart = apart + tap * (NARROW * far**2) ** 2 / r * (1 / across + 1)
    weight = float(np.sum(np.abs(filter_.w)))
    moved = np.abs(z - p) + 2 * weight * off
    error = (
        steep * (apart + 2 * r * weight * off + np.abs(grid.t) * moved) + curved / 2 * r * moved**2
    )
    for kink in spelled(filter_.name).kinks:
        met = np.abs(p - float(kink.location)) <= moved + NEAR
        error = error + abs(float(kink.jump)) * r * moved * met
    rounding = 16 * UNIT * r * (1 + np.abs(p) + moved + bent.sizes[0])
    cubes = float(gamma(64)) * 8 * weight * steep * (2 * reach(len(filter_.w)) / across) ** 3
    each = error + rounding + cubes
    return np.asarray(np.sum(grid.weight * each, axis=(1, 2)) * turns / (2 * pi))


# ---------------------------------------------------------------------------------- the remainder


def spreads(w: Array) -> tuple[float, float, float, float]:
    """Of taps (n, n): I₂, a bound on I₃ (by Cauchy and Schwarz on each pixel), I₄, and E₄."""
    n = len(w)
    centre = np.arange(n) - n // 2
    square_along = centre**2 + 1 / 12  # ∫ X² over a pixel, and ∫ X⁴
    fourth_along = centre**4 + centre**2 / 2 + 1 / 80
    square = square_along[:, None] + square_along
    fourth = fourth_along[:, None] + fourth_along + 2 * square_along[:, None] * square_along
    size = np.abs(w)
    alpha = (np.arange(n + 1) - n / 2)[:, None]
    line = alpha**4 + 2 * alpha**2 * square_along + fourth_along
    jumps = np.abs(np.diff(np.pad(w, ((1, 1), (0, 0))), axis=0))
    jumps = jumps + np.abs(np.diff(np.pad(w, ((0, 0), (1, 1))), axis=1)).T
    return (
        float(np.sum(size * square)),
        float(np.sum(size * np.sqrt(square * fourth))),
        float(np.sum(size * fourth)),
        float(np.sum(jumps * line)),
    )


def remainder(filter_: Filter, r: float) -> float:
    """The bound on |F̄ - πr²Δ - Pr - C|, for σ without kinks within the filter's reach.

    Raises
    ------
    ValueError: r < 2ρ, or σ has a kink or a jump there.
    """
    rho, bent = reach(len(filter_.w)), derivatives_of(filter_)
    if bent.bends or bent.jumps:
        raise ValueError(f"{filter_.name} is not smooth on all that the filter can answer")
    if r < 2 * rho:
        raise ValueError(f"the bound holds from r = {2 * rho:.3f} on, not for r = {r}")
    steep, curved = bent.sizes[1], 2 * bent.sizes[2]
    two, three, four, edges = spreads(filter_.w)
    most = float(np.max(np.abs(filter_.w), initial=0.0))
    first = 2 / 3 * NARROW * three + NARROW**2 * (4 / 15 * edges + 3 * pi / 16 * four / r)
    last = NARROW**2 * pi / 12 * most * rho**3 * two
    return (steep * first + curved * last) / r
