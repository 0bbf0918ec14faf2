"""A network in exact numbers, and what is measured of it: residuals, loss, worst error, sensitivities."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpq

from numerics.certificates.conditions import Stored, exact_of
from numerics.certificates.supremum import supremum
from numerics.pulse.attribution import attribute
from numerics.pulse.exact_error import Worst, largest, summary
from numerics.pulse.quadrature import LossQuadrature, loss_quadrature
from numerics.pulse.sensitivity import Sensitivity, sensitivities
from verify.models.checkpoint import Checkpoint
from verify.models.setup import Setup

__all__ = [
    "Facts",
    "Sides",
    "biases",
    "enclosed",
    "facts_of",
    "floats",
    "fraction",
    "number",
    "rational",
    "rational_of",
    "stored_of",
]

INTERVALS = 4_000
"""That the search for the worst error of a smooth σ may look at."""
Sides = tuple[float | None, float | None]
"""For the weight made smaller, and made larger; None where there is no finite value."""


@dataclass(frozen=True)
class Facts:
    """α, β, max |D|, the parts of the loss, the worst error, and per weight (gradient, curvature) on both sides.

    ``exact``: rational numbers throughout; else floats, but for the worst error.
    """

    exact: bool
    alpha: Any
    beta: Any
    deviation: float
    parts: dict[str, Any]
    loss: Any
    worst: Worst
    sensitivities: list[tuple[Sides, Sides]]


def facts_of(stored: Stored, least: Stored, setup: Setup) -> Facts:
    """Everything measured of a network: exactly where σ is made of polynomials, else in float64.

    What belongs to the answers is measured of ``least``, which gives the same ones: then it is the same for all that do.
    """
    net, short = (exact_of(x, setup.activation) for x in (stored, least))
    if net is None or short is None:
        return _computed(stored, least, setup)
    parts, whole = attribute(short, setup.domain), summary(short, setup.domain)
    changes = sensitivities(net, setup.domain)
    share = stored.share

    def sides(change: Sensitivity, scale: int = 1) -> tuple[Sides, Sides]:
        return _scaled(change.gradient, scale), _scaled(change.curvature, scale**2)

    each = [sides(change) for row in changes.w for change in row]
    if stored.b is not None:
        each += [sides(change) for change in changes.b]
    each += [sides(change, share) for change in changes.a]
    if stored.c is not None:
        each.append(sides(changes.c))
    return Facts(
        True,
        parts.alpha,
        parts.beta,
        number(largest(parts.deviation, fmpq(0), fmpq(0), fmpq(1)).high),
        parts.parts,
        parts.loss,
        whole.worst,
        each,
    )


def _scaled(sides: tuple[fmpq | None, fmpq | None], scale: int) -> Sides:
    below, above = (None if x is None else number(x / scale) for x in sides)
    return below, above


def _computed(stored: Stored, least: Stored, setup: Setup) -> Facts:
    """In float64, but for the worst error."""
    own, laws = (_measured(net, setup) for net in (stored, least))
    worst = enclosed(least, setup)
    k, n = len(stored.w), len(stored.w[0])
    scale = np.concatenate([np.ones(k * n + k), np.full(k, 1 / stored.share), [1.0]])
    keep = np.concatenate(
        [
            np.ones(k * n, bool),
            np.full(k, stored.b is not None),
            np.ones(k, bool),
            [stored.c is not None],
        ]
    )
    gradient, curvature = (own.gradient * scale)[:, keep], (own.curvature * scale**2)[:, keep]
    pair = lambda values, j: (float(values[0, j]), float(values[1, j]))
    each: list[tuple[Sides, Sides]] = [
        (pair(gradient, j), pair(curvature, j)) for j in range(gradient.shape[1])
    ]
    return Facts(False, laws.alpha, laws.beta, laws.deviation, laws.parts, laws.loss, worst, each)


def _measured(net: Stored, setup: Setup) -> LossQuadrature:
    w, b, a, c = floats(net)
    return loss_quadrature(setup.activation, w, b, a / net.share, c, setup.domain)


def enclosed(stored: Stored, setup: Setup) -> Worst:
    """The worst error of a network with any activation without jumps, in ball arithmetic."""
    bound = supremum(replace(stored, sigma=setup.activation), setup.domain, most=INTERVALS)
    return Worst(rational_of(bound.low), rational_of(bound.high), rational_of(bound.radius), True)


def stored_of(checkpoint: Checkpoint, setup: Setup) -> Stored:
    """The weights of a checkpoint in rational numbers."""

    def exact(values: Any) -> tuple[fmpq, ...]:
        return tuple(rational(x) for x in values)

    return Stored(
        tuple(exact(row) for row in checkpoint.w),
        None if checkpoint.b is None else exact(checkpoint.b),
        exact(checkpoint.a),
        None if checkpoint.c is None else exact(checkpoint.c)[0],
        setup.share(checkpoint.w.shape[1]),
    )


def biases(stored: Stored) -> tuple[fmpq, ...]:
    """b, or zeros where the network has none."""
    return stored.b if stored.b is not None else tuple(fmpq(0) for _ in stored.a)


def floats(stored: Stored) -> tuple[Any, Any, Any, float]:
    """w (K, n), b (K), a (K), c: the nearest float64 of each, 0 for a bias that is not there."""
    w = np.array([[number(x) for x in row] for row in stored.w])
    b, a = (np.array([number(x) for x in row]) for row in (biases(stored), stored.a))
    return w, b, a, number(stored.c if stored.c is not None else fmpq(0))


def fraction(number: fmpq) -> Fraction:
    """A rational of flint as a Fraction."""
    return Fraction(int(number.p), int(number.q))


def rational(value: float) -> fmpq:
    """The dyadic rational that a float is."""
    return fmpq(*float(value).as_integer_ratio())


def rational_of(number: Fraction) -> fmpq:
    """A Fraction as a rational of flint."""
    return fmpq(number.numerator, number.denominator)


def number(value: Any) -> float:
    """The nearest float."""
    return float(fraction(value)) if isinstance(value, fmpq) else float(value)
