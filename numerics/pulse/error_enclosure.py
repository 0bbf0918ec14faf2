r"""Enclosures of a network's error: what r̂(r) - r is, to any precision, with the rounding
accounted for.

    r̂(r) - r = c - r + Σ_k a_k Σ_i σ(b_k + Σ_u w_{k,u} x_r(i + u)),

summed over every position in ball arithmetic (Arb), from the definition: none of the laws enters.
Weights are exact (:mod:`numerics.arithmetic.ball`).  Each ball contains the true value; a ball that
excludes 0 proves that the network errs at that radius, however small the error is.

Where a network's readout bias is left open it is the c that removes the error at half-integers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp
from flint import arb, ctx

from numerics.arithmetic import oracle
from numerics.arithmetic.ball import Number, constant_ball, sigma_ball
from numerics.arithmetic.numbers import dyadic, rational
from theory.pulse.network import Network

__all__ = [
    "PRECISIONS",
    "Certified",
    "certified_error",
    "error_ball",
    "largest_error",
    "responses",
    "window_counts",
]

PRECISIONS = (64, 128, 256, 512)
"""Bits that are tried in turn until a sign is decided."""
Windows = Iterable[tuple[tuple[Fraction, ...], int]]
"""Windows of pixels, each with the number of positions that see it."""


@lru_cache(maxsize=4096)
def window_counts(
    r: Fraction, half_length: int, n: int
) -> tuple[tuple[tuple[Fraction, ...], int], ...]:
    """Every window that a filter of n taps sees of the pulse, and at how many positions; same
    padding.
    """
    h = n // 2
    padded = [Fraction(0)] * h + oracle.overlap_pulse(r, half_length) + [Fraction(0)] * h
    windows = (tuple(padded[i : i + n]) for i in range(2 * half_length + 1))
    return tuple(Counter(windows).items())


def _enclosed(net: Network[Any]) -> Network[arb]:
    """The same at flint's current precision, σ on balls."""
    return replace(net.mapped(constant_ball), sigma=sigma_ball(net.sigma))


def _response(net: Network[arb], windows: Windows) -> arb:
    """Σ_k a_k Σ count σ(b_k + w_k · window)."""
    total, channels = arb(0), net.listed
    for window, count in windows:
        for w, b, a in channels:
            value = b
            for weight, x in zip(w, window, strict=True):
                if x == 1:
                    value = value + weight
                elif x:
                    value = value + weight * arb(rational(x))
            total = total + a * count * net.sigma(value)
    return total


def _background(net: Network[arb], half_length: int) -> arb:
    """Σ_k a_k (N g_k(0) + κ_k): the pulse of radius n/2 answers 2rΔ + κ + N g(0) with r = n/2.

    κ = Σ_{j=-h}^{h-1} [g(C_j) + g(T_{j+1}) - g(0) - g(S)], a window (1..1, 0..0) or (0..0, 1..1)
    for each term.
    """
    n = net.taps
    zero, full = (Fraction(0),) * n, (Fraction(1),) * n
    steps: list[tuple[tuple[Fraction, ...], int]] = [(zero, 2 * half_length + 1)]
    for lit in range(1, n):
        steps += [(full[:lit] + zero[lit:], 1), (zero[lit:] + full[:lit], 1)]
    steps += [(zero, 1 - n), (full, 1 - n)]
    return _response(net, steps)


def responses(
    sigma: str | sp.Expr,
    w: Sequence[Number],
    b: Number,
    radii: Sequence[Fraction],
    half_length: int,
) -> list[arb]:
    """Σ_i σ(b + (w ⋆ x_r)_i) for each radius, enclosed at flint's current precision."""
    net = _enclosed(Network((tuple(w),), (b,), (1,), sigma=sigma))
    return [_response(net, window_counts(r, half_length, len(w))) for r in radii]


def error_ball(net: Network[Any], r: Fraction, half_length: int, precision: int = 128) -> arb:
    """An enclosure of r̂(r) - r on the signal i = -L..L, L = ``half_length``, at ``precision``
    bits.

    Raises
    ------
    ValueError: the pulse would leave the signal.
    """
    if not Fraction(1, 2) <= r <= half_length + Fraction(1, 2):
        raise ValueError(f"the radius {r} does not lie in [1/2, {half_length} + 1/2]")
    with ctx.workprec(precision):
        balls = _enclosed(net)
        c = -_background(balls, half_length) if net.open else balls.offset
        return c + _response(balls, window_counts(r, half_length, net.taps)) - constant_ball(r)


@dataclass(frozen=True)
class Certified:
    """What is proved of |r̂ - r| over some radii.

    Attributes
    ----------
    radius: where the error is proved to be nonzero; None: the sign of no error was decided.
    bound: a lower bound of |r̂ - r| there, exact, > 0 when decided, else 0.
    precision: the bits it took, or the last that were tried.
    """

    radius: Fraction | None
    bound: Fraction
    precision: int

    @property
    def decided(self) -> bool:
        """The error is proved to be nonzero at some radius."""
        return self.radius is not None


def certified_error(
    net: Network[Any],
    radii: Sequence[Fraction],
    half_length: int,
    precisions: Sequence[int] = PRECISIONS,
) -> Certified:
    """The largest lower bound of |r̂ - r| over the radii that is proved to exceed 0.

    The precision is raised until one sign is decided.  When it ends first, nothing is said: the
    network may be exact, or wrong by less than the last precision shows.

    Raises
    ------
    ValueError: no radius, no precision, or a pulse would leave the signal.
    """
    if not radii or not precisions:
        raise ValueError("a radius and a precision are needed")
    for precision in precisions:
        best = Certified(None, Fraction(0), precision)
        for r in radii:
            ball = error_ball(net, r, half_length, precision)
            if ball.is_finite() and dyadic(ball.abs_lower()) > best.bound:
                best = Certified(r, dyadic(ball.abs_lower()), precision)
        if best.decided:
            return best
    return best


def largest_error(
    net: Network[Any], radii: Iterable[Fraction], half_length: int, precision: int = 256
) -> tuple[Fraction, bool]:
    """(an upper bound of max |r̂ - r| over the radii, whether every enclosure contains 0).

    Raises
    ------
    ValueError: some error has no finite enclosure, or a pulse would leave the signal.
    """
    most, inside = Fraction(0), True
    for r in radii:
        ball = error_ball(net, r, half_length, precision)
        if not ball.is_finite():
            raise ValueError(f"the error at {r} has no finite enclosure")
        most = max(most, dyadic(ball.abs_upper()))
        inside = inside and ball.contains(0)
    return most, inside
