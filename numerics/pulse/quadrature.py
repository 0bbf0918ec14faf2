r"""Residuals, loss and sensitivities of a network with a smooth σ, in float64, by Gauss-Legendre
quadrature.

What numerics.pulse.attribution and numerics.pulse.sensitivity have exactly for piecewise
polynomials is here computed: ordinary rounding, and a quadrature of 16 points between cuts: the
ends of the cells of radii, the radii at which a pre-activation meets a break of σ, and, for those
that run far within a cell, 0 and ±8^j/2, between which σ is smooth on its own scale; of waves,
every 4. Nothing here is an enclosure; the worst error, which is, comes from
numerics.certificates.supremum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import sympy as sp
from flint import fmpq
from numpy.lib.stride_tricks import sliding_window_view

from numerics.arithmetic.compile import activation
from numerics.arithmetic.types import Array, Indices
from numerics.pulse.attribution import NAMES
from numerics.pulse.channel import quantities
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import cells
from numerics.pulse.preactivations import far_from_border
from numerics.pulse.sample import pulse
from numerics.pulse.sensitivity import Sensitivity, of_stored
from theory.expressions.pieces import pieces
from theory.expressions.spelling import spelled
from theory.pulse.loss import Moments, attribution, residuals
from theory.pulse.network import Network

__all__ = ["LossQuadrature", "loss_quadrature", "windows"]

POINTS = 16
FAR = 1.0
"""A pre-activation that runs no farther within a cell is smooth there, but for breaks of σ."""
BLOCK = 1 << 22
"""Pre-activations at a time."""
MOST = 3e8
"""Pre-activations that are computed; where there would be more, only breaks and 0 are cut at, and
then nothing.
"""


@dataclass(frozen=True)
class LossQuadrature:
    """Of a network over all radii of a domain, in float64.

    Attributes
    ----------
    alpha, beta, deviation: slope error, offset error, the largest |D| at the nodes.
    parts, loss: as :class:`numerics.pulse.attribution.Attribution`.
    changes: of every stored weight, as :func:`numerics.pulse.sensitivity.sensitivities`; the two
        directions differ where a window stands on a kink.
    """

    alpha: float
    beta: float
    deviation: float
    parts: dict[str, float]
    loss: float
    changes: tuple[Sensitivity, ...]


def loss_quadrature(name: str, net: Network[fmpq], domain: Domain) -> LossQuadrature:
    """Of the network with the activation ``name``.

    Raises
    ------
    ValueError: the radii are a single one.
    """
    if domain.low == domain.high:
        raise ValueError("an interval of radii is needed, not one radius")
    w, b, a = (np.array(x, dtype=float) for x in (net.w, net.biases, net.readout))
    r, phi, weight, place = _nodes(name, w, b, domain)
    n, c = net.taps, float(net.offset)
    sigma, slope = activation(name)
    sides: list[list[Array]] = [[], []]
    errors = []
    # Light is not negative: a larger tap or bias moves every argument up, a smaller one down.
    for block in np.array_split(r, 1 + len(r) * len(w) * domain.positions // BLOCK):
        light = windows(pulse(block, domain.half_length), n, domain)
        z = np.einsum("rpu,ku->rkp", light, w) + b[:, None]
        pooled = np.sum(sigma(z), axis=2)
        errors.append(pooled @ a + c - block)
        for side, end in zip(sides, (-np.inf, np.inf), strict=True):
            steep = slope(np.nextafter(z, end))
            parts = (
                (a[:, None] * np.einsum("rkp,rpu->rku", steep, light)).reshape(len(block), -1),
                a * np.sum(steep, axis=2),
                pooled,
                np.ones((len(block), 1)),
            )
            side.append(np.concatenate(parts, axis=1))
    error = np.concatenate(errors)
    below, above = map(np.concatenate, sides)
    size = light.shape[1]
    q = quantities(w, b, name, phi)
    channels = (q.slope, q.background, q.kappa, q.deviation)
    alpha, beta, d = residuals(list(a), c, size, *channels)
    # On plateau cells far from the border the law is exact, and what is left is rounding.
    plateau = [m > n // 2 and far_from_border(n, m, domain) for m, _, _ in cells(domain)]
    far = np.array(plateau)[place]
    remainder = np.where(far, 0.0, error - (alpha * r + beta + d))

    def mean(values: Array) -> float:
        return float(weight @ values)

    moments = Moments(mean(r), mean(r * r), mean(d), mean(r * d), mean(d * d))
    left = mean(remainder * remainder + 2 * remainder * (error - remainder))
    terms = (*map(float, attribution(alpha, beta, moments)), left)
    slopes, squares = (
        np.stack([values(side) for side in (below, above)], axis=1).tolist()
        for values in (lambda side: 2 * (weight * error) @ side, lambda side: weight @ side**2)
    )
    each, k = (
        [Sensitivity(tuple(x), tuple(y)) for x, y in zip(slopes, squares, strict=True)],
        len(a),
    )
    return LossQuadrature(
        float(alpha),
        float(beta),
        float(np.max(np.abs(d))),
        dict(zip(NAMES, terms, strict=True)),
        mean(error * error),
        of_stored(net, each[: w.size], each[w.size : -k - 1], each[-k - 1 : -1], each[-1]),
    )


def _nodes(name: str, w: Array, b: Array, domain: Domain) -> tuple[Array, Array, Array, Indices]:
    """Radii, their φ, weights that add up to 1, and the number of the cell."""

    def number(y: fmpq) -> float:
        return float(int(y.p) / int(y.q))

    ends = [(m, number(low), number(high)) for m, low, high in cells(domain)]
    expression = spelled(name).expression
    breaks = [float(part.low) for part in pieces(expression).parts[1:]]
    reach = float(np.max(np.sum(np.abs(w), axis=1) + np.abs(b)))
    tails = [8.0**j / 2 for j in range(64) if 8.0**j / 2 < reach]
    if expression.has(sp.sin, sp.cos):
        tails = [4.0 * (j + 1) for j in range(int(min(reach, 1e4) / 4))]
    for levels in ([*breaks, 0.0, *tails, *(-x for x in tails)], [*breaks, 0.0], []):
        cuts = [_cuts(w, b, np.array(levels), len(breaks), cell, domain) for cell in ends]
        if sum(map(len, cuts)) * POINTS * domain.positions * len(w) <= MOST:
            break
    x, share = np.polynomial.legendre.leggauss(POINTS)
    radii, fractions, weights, places = [], [], [], []
    for place, (cell, stops) in enumerate(zip(ends, cuts, strict=True)):
        for begin, end in pairwise(stops.tolist()):
            phi = begin + (end - begin) * (x + 1) / 2
            radii.append(cell[0] - 0.5 + phi)
            fractions.append(phi)
            weights.append(share * (end - begin) / 2)
            places.append(place)
    weight = np.concatenate(weights)
    cell_numbers = np.repeat(places, POINTS)
    return np.concatenate(radii), np.concatenate(fractions), weight / np.sum(weight), cell_numbers


def _cuts(
    w: Array, b: Array, levels: Array, breaks: int, cell: tuple[int, float, float], domain: Domain
) -> Array:
    """The ends of a cell, and the φ between them at which a pre-activation is at one of the levels.

    The first ``breaks`` levels are cut at by every pre-activation, the others by those that run
    far.
    """
    m, low, high = cell
    x = pulse(m - 0.5 + np.array([0.0, 1.0]), domain.half_length)
    first, last = windows(x, w.shape[1], domain)
    start, run = first @ w.T + b, (last - first) @ w.T
    moves = np.abs(run) > 0
    phi = (levels[:, None] - start[moves]) / run[moves]
    far = np.abs(run[moves]) > FAR
    keep = (phi > low) & (phi < high) & (far | (np.arange(len(levels)) < breaks)[:, None])
    return np.unique(np.concatenate([[low, high], phi[keep]]))


def windows(x: Array, n: int, domain: Domain) -> Array:
    """What a filter of n taps sees at every position: (R, N) -> (R, positions, n)."""
    dark = np.pad(x, ((0, 0), (0, 1)))
    return sliding_window_view(dark[:, _places(n, domain)], n, axis=1)


@lru_cache(maxsize=16)
def _places(n: int, domain: Domain) -> Indices:
    """Which pixel, counted from the first, is seen at every place, padded ones included; -1 where
    none is.
    """
    width = domain.half_length + domain.padded(n)
    seen = np.array([domain.pixel(place) for place in range(-width, width + 1)])
    return np.where(np.abs(seen) > domain.half_length, -1, seen + domain.half_length)
