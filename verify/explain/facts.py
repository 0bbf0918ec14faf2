"""What is measured of a network for signals: residuals, loss, worst error, and what a change of
each weight costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from flint import fmpq

from numerics.arithmetic.numbers import rational
from numerics.certificates.conditions import Stored, exact_of
from numerics.certificates.supremum import supremum
from numerics.pulse.attribution import attribute
from numerics.pulse.exact_error import Worst, largest, summary
from numerics.pulse.quadrature import loss_quadrature
from numerics.pulse.sensitivity import Sensitivity, sensitivities
from verify.models.setup import Setup

__all__ = ["Facts", "enclosed", "facts_of", "named"]

INTERVALS = 4_000
"""That the search for the worst error of a smooth σ may look at."""


@dataclass(frozen=True)
class Facts:
    """α, β, max |D|, the parts of the loss, the worst error, and what a change of each weight
    costs.

    ``exact``: rational numbers throughout; else the floats that were computed, but for the worst
    error.
    """

    exact: bool
    alpha: fmpq
    beta: fmpq
    deviation: float
    parts: Mapping[str, fmpq]
    loss: fmpq
    worst: Worst
    changes: tuple[Sensitivity, ...]


def facts_of(stored: Stored, least: Stored, setup: Setup) -> Facts:
    """Everything measured of a network: exactly where σ is made of polynomials, else in float64.

    What belongs to the answers is measured of ``least``, which gives the same ones: then it is the
    same for all that do.
    """
    domain = setup.domain
    net, short = (exact_of(x, setup.activation) for x in (stored, least))
    if net is not None and short is not None:
        exact, worst = attribute(short, domain), summary(short, domain).worst
        deviation = float(largest(exact.deviation, fmpq(0), fmpq(0), fmpq(1)).high)
        changes = sensitivities(net, domain)
        return Facts(
            True, exact.alpha, exact.beta, deviation, exact.parts, exact.loss, worst, changes
        )
    own, laws = (loss_quadrature(setup.activation, x, domain) for x in (stored, least))
    alpha, beta, loss = map(rational, (laws.alpha, laws.beta, laws.loss))
    parts = {name: rational(part) for name, part in laws.parts.items()}
    worst = enclosed(least, setup)
    return Facts(False, alpha, beta, laws.deviation, parts, loss, worst, own.changes)


def enclosed(stored: Stored, setup: Setup) -> Worst:
    """The worst error of a network with any activation without jumps, in ball arithmetic."""
    bound = supremum(replace(stored, sigma=setup.activation), setup.domain, most=INTERVALS)
    return Worst(rational(bound.low), rational(bound.high), rational(bound.radius), True)


def named(stored: Stored) -> Iterator[tuple[str, tuple[int, ...], fmpq]]:
    """Tensor, place in it and value of every weight that is there, in the order of a file."""
    for k, row in enumerate(stored.w):
        yield from (("conv.weight", (k, 0, u), tap) for u, tap in enumerate(row))
    yield from (("conv.bias", (k,), value) for k, value in enumerate(stored.b or ()))
    yield from (("readout.weight", (0, k), value) for k, value in enumerate(stored.a))
    if stored.c is not None:
        yield "readout.bias", (0,), stored.c
