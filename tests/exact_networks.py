"""The networks of the atlas of invariance a second time, in fractions and by the oracle."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from numerics.arithmetic import oracle
from numerics.invariance.gram_schmidt import Vector, dot
from theory.pulse.network import Network
from verify.invariance import networks


def sigma_of(net: Network[Any]) -> Callable[[Fraction], Fraction]:
    """σ a second time: torch's by the oracle, others from their values at two bends."""
    name = net.sigma.name
    if name in oracle.RATIONAL:
        return oracle.RATIONAL[name]
    if name.startswith("prelu"):
        slope = Fraction(name[6:-1])
        return lambda z: z if z > 0 else slope * z
    (low, _), (high, _) = net.sigma.bends
    outer, inner = net.sigma.slope, net.sigma.slope + net.sigma.bends[0][1]
    at = net.sigma.level + outer * low
    return lambda z: (
        at
        + (
            outer * (z - low)
            if z < low
            else inner * (min(z, high) - low) + outer * max(z - high, 0)
        )
    )


def windows(w: Vector, b: Fraction, x: Vector, padding: str) -> Vector:
    """w ⋆ x + b at every position."""
    return (oracle.ring if padding == "ring" else oracle.preactivations)(w, b, x)


def answer(net: Network[Any], x: Vector, padding: str) -> Fraction:
    """r̂ in fractions."""
    sigma, value = sigma_of(net), net.c
    for w, b, a in net.listed:
        values = [sigma(z) for z in windows(list(w), b, x, padding)]
        weights = a if isinstance(a, tuple) else (a,) * len(values)
        value += dot(list(weights), values)
    return value


def signal(r: Fraction, beta: Fraction, alpha: Fraction, s: int) -> Vector:
    """β + α times the pulse of radius r, moved by s pixels."""
    pulse = oracle.overlap_pulse(r, networks.HALF_LENGTH)
    moved = (
        [Fraction(0)] * s + pulse[: len(pulse) - s] if s >= 0 else pulse[-s:] + [Fraction(0)] * -s
    )
    return [beta + alpha * value for value in moved]
