r"""Residuals, loss and sensitivities of a network with a smooth σ, in float64, by Gauss-Legendre quadrature.

What numerics.attribution and numerics.sensitivity have exactly for piecewise polynomials is here computed: ordinary
rounding, and a quadrature of 16 points per cell of radii, which a bend of σ' makes less accurate.  Nothing here is an
enclosure; the worst error, which is, comes from numerics.supremum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from numerics.attribution import NAMES
from numerics.certificate import Domain, cells
from numerics.channel import quantities
from numerics.compile import activation
from numerics.path import far_from_border
from numerics.sample import pulse
from theory.loss import Moments, attribution, residuals

__all__ = ["Measured", "measured"]

Array = NDArray[np.float64]
POINTS = 16


@dataclass(frozen=True)
class Measured:
    """Of a network over all radii of a domain, in float64.

    Attributes
    ----------
    alpha, beta, deviation: slope error, offset error, the largest |D| at the nodes.
    parts, loss: as :class:`numerics.attribution.Attribution`.
    gradient, curvature: of the loss to w (K, n), b (K), a (K) and c, flat in this order: (2, K(n + 2) + 1), for the weight
        made smaller and made larger, which differ where a window stands on a kink.
    """

    alpha: float
    beta: float
    deviation: float
    parts: dict[str, float]
    loss: float
    gradient: Array
    curvature: Array


def measured(name: str, w: Array, b: Array, a: Array, c: float, domain: Domain) -> Measured:
    """w (K, n), b (K), a (K) of the sum-pooling network with the activation ``name``.

    Raises
    ------
    ValueError: the radii are a single one.
    """
    if domain.low == domain.high:
        raise ValueError("an interval of radii is needed, not one radius")
    r, phi, weight = _nodes(domain)
    n = w.shape[1]
    seen = _windows(pulse(r, domain.half_length), n, domain.padding)
    sigma, slope = activation(name)
    z = np.einsum("rpu,ku->rkp", seen, w) + b[:, None]
    pooled = np.sum(sigma(z), axis=2)
    error = pooled @ a + c - r

    def derivative(steep: Array) -> Array:
        parts = (
            (a[:, None] * np.einsum("rkp,rpu->rku", steep, seen)).reshape(len(r), -1),
            a * np.sum(steep, axis=2),
            pooled,
            np.ones((len(r), 1)),
        )
        return np.concatenate(parts, axis=1)

    # Light is not negative: a larger tap or bias moves every argument up, a smaller one down.
    sides = [derivative(slope(np.nextafter(z, end))) for end in (-np.inf, np.inf)]
    size = seen.shape[1]
    q = quantities(w, b, name, phi)
    channels = (q.slope, q.background, q.kappa, q.deviation)
    alpha, beta, d = residuals(list(a), c, size, *channels)
    # On plateau cells far from the border the law is exact, and what is left is rounding.
    far = np.array([_plateau(m, n, domain) for m, _, _ in cells(domain)]).repeat(POINTS)
    rest = np.where(far, 0.0, error - (alpha * r + beta + d))

    def mean(values: Any) -> float:
        return float(weight @ values)

    moments = Moments(mean(r), mean(r * r), mean(d), mean(r * d), mean(d * d))
    left = mean(rest * rest + 2 * rest * (error - rest))
    parts = (*map(float, attribution(alpha, beta, moments)), left)
    return Measured(
        float(alpha),
        float(beta),
        float(np.max(np.abs(d))),
        dict(zip(NAMES, parts, strict=True)),
        mean(error * error),
        np.stack([2 * (weight * error) @ side for side in sides]),
        np.stack([weight @ side**2 for side in sides]),
    )


def _plateau(m: int, n: int, domain: Domain) -> bool:
    return m > n // 2 and far_from_border(n, m, domain.half_length, domain.padding)


def _nodes(domain: Domain) -> tuple[Array, Array, Array]:
    """Radii, their φ, and weights that add up to 1."""
    x, share = np.polynomial.legendre.leggauss(POINTS)
    radii, fractions, weights = [], [], []
    for m, low, high in cells(domain):
        begin, end = (float(int(y.p) / int(y.q)) for y in (low, high))
        phi = begin + (end - begin) * (x + 1) / 2
        radii.append(m - 0.5 + phi)
        fractions.append(phi)
        weights.append(share * (end - begin) / 2)
    weight = np.concatenate(weights)
    return np.concatenate(radii), np.concatenate(fractions), weight / np.sum(weight)


def _windows(x: Array, n: int, padding: str) -> Array:
    """(R, N) -> (R, positions, n)."""
    h = n // 2
    if padding != "valid":
        x = np.pad(x, ((0, 0), (h, h)), mode="wrap" if padding == "circular" else "constant")
    return sliding_window_view(x, n, axis=1)
