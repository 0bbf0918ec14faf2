"""The exact networks of the atlas of invariance, their weights evaluated from the theory's
formulas; and how one is run.

    r̂ = c + Σ_k Σ_i v_k(i) σ((w_k ⋆ x)_i + b_k),    x(i) = β + α x_r(i - s),

in rationals, for σ of finitely many straight pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from theory.invariance.background import three_channels, two_channels
from theory.invariance.contrast import silence_readout
from theory.invariance.nuisances import border_network, right_edge_network
from theory.pulse.network import Network, assembled
from theory.pulse.readout import exact_readout

__all__ = [
    "HALF",
    "HALF_LENGTH",
    "HIGH",
    "IDENTITY",
    "LEAST",
    "LOW",
    "MOST",
    "PIXELS",
    "RELU",
    "Sigma",
    "answer",
    "as_dense",
    "border_edge",
    "dropped_channel",
    "edge_channels",
    "linear_cell",
    "merged_channels",
    "right_edge",
    "ruler",
    "signal",
    "silence_counting",
    "zero_sum",
]

HALF = Fraction(1, 2)
"""1/2, in rationals."""
HALF_LENGTH = 9
"""L: pixels -L, ..., L."""
PIXELS = Fraction(2 * HALF_LENGTH + 1)
"""N."""
LOW = Fraction(-1)
"""The least background."""
HIGH = Fraction(2)
"""The largest background."""
LEAST = Fraction(1)
"""The least contrast."""
MOST = Fraction(2)
"""The largest contrast."""


@dataclass(frozen=True)
class Sigma:
    """σ(z) = level + slope·z + Σ jump·max(z - t, 0) over ``bends``, pairs (t, jump)."""

    name: str
    slope: Fraction
    bends: tuple[tuple[Fraction, Fraction], ...] = ()
    level: Fraction = Fraction(0)

    def __call__(self, z: Fraction) -> Fraction:
        return (
            self.level
            + self.slope * z
            + sum(jump * max(z - t, Fraction(0)) for t, jump in self.bends)
        )


# ---------------------------------------------------------------------------- running a network


def signal(r: Fraction, beta: Fraction, alpha: Fraction, s: int) -> list[Fraction]:
    """x(i) = β + α |[i - 1/2, i + 1/2] ∩ [s - r, s + r]|."""

    def overlap(i: int) -> Fraction:
        return max(min(i + HALF, s + r) - max(i - HALF, s - r), Fraction(0))

    return [beta + alpha * overlap(i) for i in range(-HALF_LENGTH, HALF_LENGTH + 1)]


def answer(net: Network[Any], x: Sequence[Fraction], padding: str) -> Fraction:
    """r̂, in rationals; ``any`` padding is taken as zeros."""
    size, value = len(x), net.offset
    for w, b, a in net.listed:
        h = len(w) // 2
        for i, weight in enumerate(a if isinstance(a, tuple) else (a,) * size):
            if weight == 0:
                continue
            z = b
            for u, tap in enumerate(w, start=i - h):
                if padding == "ring" or 0 <= u < size:
                    z += tap * x[u % size]
            value += weight * net.sigma(z)
    return Fraction(value)


# ------------------------------------------------------------------------------ exact networks

IDENTITY = Sigma("identity", Fraction(1))
"""σ(z) = z."""
RELU = Sigma("relu", Fraction(0), ((Fraction(0), Fraction(1)),))
"""σ(z) = max(z, 0)."""
HARDTANH = Sigma(
    "hardtanh",
    Fraction(0),
    ((Fraction(-1), Fraction(1)), (Fraction(1), Fraction(-1))),
    Fraction(-1),
)
ONE = (Fraction(0), Fraction(1), Fraction(0))


def _prelu(slope: Fraction) -> Sigma:
    """Slope ``slope`` below 0 and 1 above, as a trained PReLU may have."""
    return Sigma(f"prelu({slope})", slope, ((Fraction(0), 1 - slope),))


def _summed(sigma: Sigma, net: Network[Any]) -> Network[Any]:
    """With σ, and without the channels that have the readout weight 0."""
    heard = assembled(channel for channel in net.listed if channel[2] != 0)
    return replace(heard, c=net.c, sigma=sigma)


def linear_cell(sigma: Sigma) -> Network[Any]:
    """One tap in the linear cell: a = 1/(2Δ), c = -aNσ(0)."""
    (a,), c = exact_readout(
        [sigma(Fraction(1)) - sigma(Fraction(0))], [PIXELS * sigma(Fraction(0))]
    )
    return Network((ONE,), (Fraction(0),), (a,), c, sigma=sigma)


def as_dense(net: Network[Any]) -> Network[Any]:
    """Sum pooling as a dense readout: the same weight at every position."""
    return replace(net, a=tuple((a,) * int(PIXELS) for a in net.a))


def zero_sum(sigma: Sigma, bias: Fraction) -> Network[Any]:
    """A dense readout whose weights add up to 0: 1/2 everywhere, less N/2 in the middle, which is
    always lit; c = N/2.
    """
    net = as_dense(linear_cell(sigma))
    (v,) = net.a
    excess = sum(v)
    middle = tuple(p - excess * (i == HALF_LENGTH) for i, p in enumerate(v))
    return replace(net, b=(bias,), a=(middle,), c=net.offset + excess)


def border_edge(sigma: Sigma) -> Network[Any]:
    """The border as an edge; for ReLU with a bias that keeps every window above the kink."""
    (taps,) = border_network(PIXELS, Fraction(0)).w
    worst = max(abs(LOW), abs(HIGH) + 1) * sum(abs(tap) for tap in taps)
    bias = worst if sigma == RELU else Fraction(0)
    return _summed(sigma, border_network(PIXELS, bias))


def silence_counting() -> Network[Any]:
    """Counting silence: one tap -b/α_0, b = 1."""
    w = (Fraction(0), -1 / LEAST, Fraction(0))
    a, c = silence_readout(w[1:2], Fraction(1), PIXELS)
    return Network((w,), (Fraction(1),), (a,), c, sigma=RELU)


def right_edge() -> Network[Any]:
    """One leg of the compass, γ = 1/α_0."""
    net = right_edge_network(1 / LEAST, range(-HALF_LENGTH, HALF_LENGTH + 1))
    return replace(net, sigma=RELU)


def ruler() -> Network[Any]:
    """v_i = v_0 - i/2, here v_0 = 0.  What the first position says is not read: with zeros it sees
    the border.
    """
    v = tuple(-HALF * i * (i > -HALF_LENGTH) for i in range(-HALF_LENGTH, HALF_LENGTH + 1))
    w = (-1 / LEAST, 1 / LEAST, Fraction(0))
    return Network((w,), (Fraction(0),), (v,), Fraction(0), sigma=HARDTANH)


def edge_channels(make: str) -> Network[Any]:
    """The ``two`` channels that read the background at an edge, or the ``three`` for every real
    radius.
    """
    two = two_channels if make == "two" else three_channels
    return _summed(RELU, two(LOW, HIGH, -LOW, PIXELS, Fraction(0), Fraction(1)))


def dropped_channel() -> Network[Any]:
    """The slope at which the first of two channels gets the readout weight 0: p = -1/(N - 1)."""
    slope = -1 / (PIXELS - 1)
    return _summed(_prelu(slope), two_channels(LOW, HIGH, -LOW, PIXELS, slope, Fraction(1)))


def merged_channels() -> Network[Any]:
    """The slope at which the first of three gets 0, p = -2/(N - 2); the other two, each other's
    mirror image, as one σ.

    On a pulse that is its own mirror image a filter and its reversal answer the same; so aσ(y +
    b_2) - aσ(-y + b_3) is one activation of y, with slope 2p from b_3 to -b_2 and p + 1 outside.

    Raises
    ------
    ValueError: the two channels at the edge are no mirror images.
    """
    p = -2 / (PIXELS - 2)
    two = _summed(_prelu(p), three_channels(LOW, HIGH, -LOW, PIXELS, p, Fraction(1)))
    (w, b, a), (image, other, opposite) = two.listed
    if image != tuple(-tap for tap in w[::-1]) or opposite != -a:
        raise ValueError("the two channels at the edge are no mirror images")
    level = p * (b - other) - (1 - p) * other
    sigma = Sigma(
        f"slopes {p + 1}, {2 * p}, {p + 1}, bent at {other} and {-b}",
        p + 1,
        ((other, p - 1), (-b, 1 - p)),
        level,
    )
    return Network((w,), (Fraction(0),), (a,), two.c, sigma=sigma)
