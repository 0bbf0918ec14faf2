"""What is measured of a network for signals: residuals, loss, worst error, and what a change of each weight costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from flint import fmpq

from numerics.arithmetic.numbers import rational, to_float
from numerics.arithmetic.types import Array
from numerics.certificates.conditions import Stored, exact_of
from numerics.certificates.supremum import supremum
from numerics.pulse.attribution import attribute
from numerics.pulse.exact_error import Worst, largest, summary
from numerics.pulse.quadrature import LossQuadrature, loss_quadrature
from numerics.pulse.sensitivity import sensitivities
from theory.pulse.network import Network
from verify.explain.value import Sides
from verify.models.checkpoint import Checkpoint
from verify.models.setup import Setup

__all__ = [
    "Facts",
    "enclosed",
    "facts_of",
    "floats",
    "named",
    "stored_of",
]

INTERVALS = 4_000
"""That the search for the worst error of a smooth σ may look at."""
ZERO = fmpq(0)


@dataclass(frozen=True)
class Facts:
    """α, β, max |D|, the parts of the loss, the worst error, and per weight (gradient, curvature) on both sides.

    ``exact``: rational numbers throughout; else they are the floats that were computed, but for the worst error.
    """

    exact: bool
    alpha: fmpq
    beta: fmpq
    deviation: float
    parts: Mapping[str, fmpq]
    loss: fmpq
    worst: Worst
    changes: tuple[tuple[Sides, Sides], ...]


def facts_of(stored: Stored, least: Stored, setup: Setup) -> Facts:
    """Everything measured of a network: exactly where σ is made of polynomials, else in float64.

    What belongs to the answers is measured of ``least``, which gives the same ones: then it is the same for all that do.
    """
    net, short = (exact_of(x, setup.activation) for x in (stored, least))
    if net is None or short is None:
        return _computed(stored, least, setup)
    laws, change = attribute(short, setup.domain), sensitivities(net, setup.domain)
    each = [(x, 1) for row in change.w for x in row]
    each += [(x, 1) for x in change.b if stored.b is not None]
    each += [(x, stored.share) for x in change.a]
    each += [(change.c, 1)] if stored.c is not None else []
    return Facts(
        True,
        laws.alpha,
        laws.beta,
        to_float(largest(laws.deviation, ZERO, ZERO, fmpq(1)).high),
        laws.parts,
        laws.loss,
        summary(short, setup.domain).worst,
        tuple((_sides(x.gradient, share), _sides(x.curvature, share * share)) for x, share in each),
    )


def _sides(sides: tuple[fmpq | None, fmpq | None], share: int) -> Sides:
    below, above = (None if x is None else to_float(x / share) for x in sides)
    return below, above


def _computed(stored: Stored, least: Stored, setup: Setup) -> Facts:
    """In float64, but for the worst error."""
    own, laws = (_quadrature(net, setup) for net in (stored, least))
    k, n = len(stored.w), len(stored.w[0])
    # Of every entry of (w, b, a, c): what its weight is divided by, and whether there is one.
    share = np.repeat([1, 1, stored.share, 1], [k * n, k, k, 1])
    there = np.repeat([True, stored.b is not None, True, stored.c is not None], [k * n, k, k, 1])
    changes = [(own.gradient / share).T[there], (own.curvature / share**2).T[there]]
    return Facts(
        False,
        rational(laws.alpha),
        rational(laws.beta),
        laws.deviation,
        {name: rational(part) for name, part in laws.parts.items()},
        rational(laws.loss),
        enclosed(least, setup),
        tuple(zip(*(map(tuple, change.tolist()) for change in changes), strict=True)),
    )


def _quadrature(net: Stored, setup: Setup) -> LossQuadrature:
    return loss_quadrature(setup.activation, *floats(net), setup.domain)


def enclosed(stored: Stored, setup: Setup) -> Worst:
    """The worst error of a network with any activation without jumps, in ball arithmetic."""
    bound = supremum(replace(stored, sigma=setup.activation), setup.domain, most=INTERVALS)
    return Worst(rational(bound.low), rational(bound.high), rational(bound.radius), True)


# ----------------------------------------------------------------------------------------- numbers


def stored_of(checkpoint: Checkpoint, setup: Setup) -> Stored:
    """The weights of a checkpoint in rational numbers."""
    b, c = checkpoint.b, checkpoint.c
    net: Network[float] = Network(
        tuple(map(tuple, checkpoint.w.tolist())),
        None if b is None else tuple(b.tolist()),
        tuple(checkpoint.a.tolist()),
        None if c is None else float(c[0]),
        setup.share(checkpoint.w.shape[1]),
    )
    return net.mapped(rational)


def floats(stored: Stored) -> tuple[Array, Array, Array, float]:
    """w (K, n), b (K), a (K) of pooled sums, c: the nearest float64 of each, 0 for a bias that is not there."""
    net = stored.mapped(to_float)
    return np.array(net.w), np.array(net.biases), np.array(net.a) / net.share, net.offset


def named(stored: Stored) -> Iterator[tuple[str, tuple[int, ...], fmpq]]:
    """Tensor, place in it and value of every weight that is there, in the order of a file."""
    for k, row in enumerate(stored.w):
        yield from (("conv.weight", (k, 0, u), tap) for u, tap in enumerate(row))
    yield from (("conv.bias", (k,), value) for k, value in enumerate(stored.b or ()))
    yield from (("readout.weight", (0, k), value) for k, value in enumerate(stored.a))
    if stored.c is not None:
        yield "readout.bias", (0,), stored.c
