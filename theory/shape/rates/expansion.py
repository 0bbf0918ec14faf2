r"""The expansion of a short staircase: what one channel shows of σ, to fifth order in its height.

Expand σ at the *centre* c = b + S/2, halfway between background and plateau: s_k = σ⁽ᵏ⁾(c)/k!.  The
two staircases are mirror images about c, so even orders bend symmetrically in φ and odd orders
antisymmetrically. With E = φ(1-φ), O = E(1-2φ), p_k = Σ w_u^k and m_{ij} = Σ (x_u)^i w_u^j, x_u the
middle of step u seen from c,

    Δ = s_1 S + s_3 S³/4 + s_5 S⁵/16 + ...
    D = -[2 s_2 p_2 + s_4 (12 m_22 + p_4)] E + [s_3 p_3 + s_5 (10 m_23 + p_5/2)] O
        + 2 s_4 p_4 E² - s_5 p_5 EO + ...

up to O(S⁷) in Δ and, at a fixed shape w/S, up to O(S⁶) in D.

Where σ has no second derivative there is no such series, and D is the sum over the steps p -> q = p
+ w_u of both staircases, measured from the kink: D = Σ f(p + φ w_u) - (1 - φ) f(p) - φ f(q) with
f(x) = x|x|.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from theory.types import Function, Scalar, Vector

__all__ = [
    "Basis",
    "Moments",
    "basis",
    "centre",
    "chord_slope",
    "components",
    "kinked_deviation",
    "moments",
    "signed_square",
]


Basis = Callable[[Any], tuple[Any, ...]]
"""Functions of φ that a chord deviation is made of."""


def basis(fraction: Scalar) -> tuple[Any, Any, Any, Any]:
    """(E, O, E², EO) at φ, for numbers, symbols or arrays."""
    even = fraction * (1 - fraction)
    odd = even * (1 - 2 * fraction)
    return even, odd, even * even, even * odd


@dataclass(frozen=True)
class Moments:
    """What the first orders see of a filter: S, p_2..p_5, m_22 = Σ x_u² w_u² and m_23 = Σ x_u²
    w_u³.
    """

    S: Any
    p2: Any
    p3: Any
    p4: Any
    p5: Any
    m22: Any
    m23: Any


def moments(w: Vector) -> Moments:
    """The moments of a filter w (n,); x_u = C_{u-1} + w_u/2 - S/2, so that the ends of the
    staircase are ∓S/2.
    """
    total = sum(w)
    middles, reached = [], 0 * total
    for tap in w:
        middles.append(reached + tap / 2 - total / 2)
        reached = reached + tap
    powers = [sum(tap**k for tap in w) for k in (2, 3, 4, 5)]
    mixed = [sum(x**2 * tap**k for x, tap in zip(middles, w, strict=True)) for k in (2, 3)]
    return Moments(total, *powers, *mixed)


def centre(b: Scalar, height: Scalar) -> Any:
    """c = b + S/2: the middle between the background's pre-activation b and the plateau's b + S."""
    return b + height / 2


def chord_slope(s: Vector, height: Scalar) -> Any:
    """Δ to fifth order, from s = (s_1, ..., s_5) at the centre."""
    return s[0] * height + s[2] * height**3 / 4 + s[4] * height**5 / 16


def components(s: Vector, of: Moments) -> tuple[Any, Any, Any, Any]:
    """The coefficients of D on (E, O, E², EO), to fifth order, from s = (s_1, ..., s_5) at the
    centre.
    """
    return (
        -2 * s[1] * of.p2 - s[3] * (12 * of.m22 + of.p4),
        s[2] * of.p3 + s[4] * (10 * of.m23 + of.p5 / 2),
        2 * s[3] * of.p4,
        -s[4] * of.p5,
    )


def signed_square(x: Scalar) -> Any:
    """x|x|: its slope has a kink at 0."""
    return x * abs(x)


def kinked_deviation(w: Vector, c: Scalar, fraction: Scalar, f: Function = signed_square) -> Any:
    """D(φ) at φ = ``fraction`` of σ(t + x) = x|x| (or f) and taps w (n,), the centre c measured
    from t: exact, step by step on both staircases.
    """
    low, high = c - sum(w) / 2, c + sum(w) / 2
    result: Any = 0
    for tap in w:
        high = high - tap
        for p in (low, high):
            bent = f(p + fraction * tap) - (1 - fraction) * f(p) - fraction * f(p + tap)
            result = result + bent
        low = low + tap
    return result
