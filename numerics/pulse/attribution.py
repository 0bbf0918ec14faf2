r"""The loss over every real radius, attributed term by term, exactly.

On plateau radii r̂ - r = α r + β + D(φ) (theory/pulse/loss.py), with α and β from the sums of the
filters and their partial sums, and D the chord deviation, the same on all cells.  Elsewhere, where
the pulse is narrower than the filter or its edge meets the border, a rest s(r) is left.  Over an
interval of real radii

    E(r̂ - r)² = α² E r² + β² + E D² + 2αβ E r + 2α E[rD] + 2β E D + E[s² + 2s(αr + β + D)],

seven rational numbers that add up to the exact loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from flint import fmpq, fmpq_poly

from numerics.arithmetic.piecewise import Piecewise
from numerics.pulse.channel import exact_quantities
from numerics.pulse.domain import HALF, Domain
from numerics.pulse.exact_error import cells, error_on
from theory.pulse.loss import TERMS, Moments, attribution, residuals
from theory.pulse.network import Network

__all__ = ["NAMES", "Attribution", "attribute"]

NAMES = (*TERMS, "small radii")
"""The parts of the loss, in order."""
ZERO = fmpq(0)


@dataclass(frozen=True)
class Attribution:
    """Exact residuals and the parts of the loss.

    Attributes
    ----------
    alpha, beta: slope error and offset error.
    deviation: D(φ).
    parts: by name, in the order of :data:`NAMES`; they add up to ``loss``.
    loss: the mean of (r̂ - r)² over all real radii of the domain.
    """

    alpha: fmpq
    beta: fmpq
    deviation: Piecewise
    parts: dict[str, fmpq]
    loss: fmpq


def attribute(net: Network[fmpq], domain: Domain) -> Attribution:
    """The loss of a network over an interval of real radii, part by part.

    With valid padding the number of positions, not of pixels, counts in β.

    Raises
    ------
    ValueError: the radii are a single one, or as :func:`numerics.pulse.exact_error.error_on`.
    """
    if domain.low == domain.high:
        raise ValueError("the parts are for an interval of radii, not for one radius")
    alpha, beta = _residuals(net, domain)
    deviation = _deviation(net)
    sums = [ZERO] * 6  # of r, r², D, rD, D², and of what s adds
    for m, low, high in cells(domain):
        r = fmpq_poly([m - HALF, 1])
        for left, right, error, bent in _common(error_on(net, m, domain), deviation, low, high):
            base = alpha * r + beta + bent
            remainder = error - base
            for j, f in enumerate(
                (
                    r,
                    r * r,
                    bent,
                    r * bent,
                    bent * bent,
                    remainder * remainder + 2 * remainder * base,
                )
            ):
                whole = f.integral()
                sums[j] += whole(right) - whole(left)
    mean = [value / (domain.high - domain.low) for value in sums]
    terms = attribution(alpha, beta, Moments(mean[0], mean[1], mean[2], mean[3], mean[4]))
    parts = dict(zip(NAMES, (*terms, mean[5]), strict=True))
    return Attribution(alpha, beta, deviation, parts, sum(parts.values(), ZERO))


def _residuals(net: Network[fmpq], domain: Domain) -> tuple[fmpq, fmpq]:
    channels = [
        exact_quantities(w, lambda value, b=b: net.sigma(value + b), [])  # type: ignore[misc]
        for w, b, _ in net.listed
    ]
    alpha, beta, _ = residuals(
        net.readout,
        net.offset,
        domain.windows(net.taps),
        [q.slope for q in channels],
        [q.background for q in channels],
        [q.kappa for q in channels],
        [ZERO for _ in channels],
    )
    return alpha, beta


def _deviation(net: Network[fmpq]) -> Piecewise:
    """The error on a plateau cell far from the border, less its chord."""
    m = net.taps // 2 + 1
    error = error_on(net, m, Domain(3 * m, HALF, fmpq(m)))
    first, last = error.points[0], error.points[-1]
    return error.shifted(fmpq_poly([-first, first - last]))


def _common(
    first: Piecewise, second: Piecewise, low: fmpq, high: fmpq
) -> Iterator[tuple[fmpq, fmpq, fmpq_poly, fmpq_poly]]:
    """(from, to, polynomial of one, polynomial of the other) on the pieces of both within [low,
    high].
    """
    cuts = sorted({low, high, *(cut for cut in (*first.cuts, *second.cuts) if low < cut < high)})
    places = [0, 0]
    for left, right in pairwise(cuts):
        for j, f in enumerate((first, second)):
            while f.cuts[places[j] + 1] <= left:
                places[j] += 1
        yield left, right, first.pieces[places[0]], second.pieces[places[1]]
