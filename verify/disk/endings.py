"""Where networks on disks end: the level of their pieces, the levels with a name, and one row of
the table for each setting.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from numerics.arithmetic.compile import activation
from numerics.arithmetic.rounding import gamma
from numerics.arithmetic.types import Array
from numerics.disk.autocorrelation import least_loss
from numerics.disk.linear_regions import level
from numerics.pulse.sample import Windows
from theory.disk.disk import least as disk_least
from theory.disk.linear_regions import Part
from theory.disk.perimeter import STEPS, width
from theory.expressions.spelling import spelled
from verify.disk.ensemble import INTERPOLATED, disk_windows, features_of, filters_of
from verify.disk.trained import (
    COUNT,
    HALF_LENGTH,
    HIGH,
    LOW,
    MEAN,
    SIX_DIGITS,
    SPREAD,
    R,
    TrainedEnsemble,
    shown,
)
from verify.models.problem import NetworkShape

__all__ = [
    "CREST",
    "HEADER",
    "PARABOLA",
    "EndingsRow",
    "between",
    "grown",
    "levels",
    "off_level",
    "row_of",
    "slack",
]


PARABOLA = float(disk_least(Fraction(LOW), Fraction(HIGH), Fraction(COUNT)))
"""The least loss of a network that counts pixels."""


class _Floats:
    sqrt, asin, pi = np.sqrt, np.arcsin, np.pi


def _crest() -> dict[tuple[int, int], tuple[float, float]]:
    floors = {}
    for step in STEPS:
        crest = np.array([width(step, x, HIGH + 1, _Floats) for x in R.tolist()])
        alone = np.stack([np.ones(COUNT), crest], axis=1)
        floors[step] = least_loss(alone, R), least_loss(np.column_stack([alone, R**2]), R)
    return floors


CREST = _crest()
"""By step, the least loss of a difference under abs, and with the area beside it."""


def levels(ensemble: TrainedEnsemble, law_part: Part) -> Array:
    """The level of the pieces of every network, between two numbers (B, 2)."""
    shape = ensemble.shape
    windows = shown(shape.taps)

    def measured() -> Array:
        filters = filters_of(ensemble.nets)
        return np.array([level(law_part, shape.activation, conv, windows, R) for conv in filters])

    return ensemble.once(law_part, measured)


def slack(ensemble: TrainedEnsemble) -> Array:
    """How far a loss may be from its level (B,): six digits of it, and what rounding does to
    answers.
    """
    slacks = []
    for m in ensemble.measured:
        part = m.largest + HIGH
        off = float(gamma((2 * HALF_LENGTH + 1) ** 2 + ensemble.shape.taps**2 + 40)) * part
        slacks.append(SIX_DIGITS * m.loss + float(np.mean(2 * np.abs(m.error) * off + off**2)))
    return np.array(slacks)


def off_level(ensemble: TrainedEnsemble, law_part: Part) -> tuple[Array, Array]:
    """How far each loss is below its level, and above it, in units of what it may be (B,)."""
    low, high = levels(ensemble, law_part).T
    return (low - ensemble.losses) / slack(ensemble), (ensemble.losses - high) / slack(ensemble)


BETWEEN = (R[1:] + R[:-1]) / 2
"""Radii in the middle between those of training."""


@lru_cache(maxsize=2)
def _between(taps: int) -> Windows:
    return disk_windows(BETWEEN, taps, HALF_LENGTH)


def between(ensemble: TrainedEnsemble) -> Array:
    """The loss at radii in the middle between those of training (B,)."""
    windows, nets = _between(ensemble.shape.taps), ensemble.nets
    features = features_of(
        filters_of(ensemble.nets), windows, activation(ensemble.shape.activation)[0]
    )
    answers = nets.c[:, None] + np.einsum("bk,bkr->br", nets.a, features)
    return np.asarray(np.mean((answers - BETWEEN) ** 2, axis=1))


def grown(ensemble: TrainedEnsemble, length: Array, area: Array) -> Array:
    """Of networks with σ that answer through the area (B, K) more than through the perimeter,
    ``length`` (B, K): loss over the level of their δ = P/(2πΔ), one number each.
    """
    nets = ensemble.nets
    if ensemble.shape.activation == "identity":
        return np.empty(0)
    by_area, by_length = np.sum(nets.a * area, axis=1), np.sum(nets.a * length, axis=1)
    chosen = (2 * MEAN * by_area > np.abs(by_length)) & (by_length > SIX_DIGITS)
    delta = by_length[chosen] / (2 * by_area[chosen])
    return np.array(
        ensemble.losses[chosen]
        / [float(disk_least(LOW + d, HIGH + d, COUNT)) for d in delta.tolist()]
    )


HEADER = (
    "σ",
    "K",
    "n",
    "networks",
    "dead",
    "count pixels",
    "grown disk",
    "through all radii",
    "came to rest",
    "at the level of their pieces",
    "freed from kinks",
    "least loss",
    "median",
    "between radii",
    "area",
    "perimeter",
    "rest",
)
"""The columns of the table: counts, then losses, then the shares of the best network."""


@dataclass(frozen=True)
class EndingsRow:
    """One setting.

    Attributes
    ----------
    shape, networks: what was trained.
    dead, parabola, grown, through: networks that answer a constant, that count pixels, that count
        those of a grown disk, that pass through all radii.
    rest, met: networks that came to rest, and those whose loss is the level of their pieces to six
        digits; None where σ is not piecewise linear.
    freed: networks whose loss fell by a tenth or more after the smooth trainer had stalled; None
        without kinks.
    least, median: losses; between: the best network's loss between the radii of training.
    shares: of the best network's slope the parts of the area, the perimeter and the rest.
    """

    shape: NetworkShape
    networks: int
    dead: int
    parabola: int
    grown: int
    through: int
    at_rest: int | None
    met: int | None
    freed: int | None
    least: float
    median: float
    between: float
    shares: tuple[float, float, float]

    def cells(self) -> tuple[str, ...]:
        """As text, in the order of :data:`HEADER`."""

        def text(count: int | None) -> str:
            return "" if count is None else str(count)

        n = self.shape.taps
        return (
            self.shape.activation,
            str(self.shape.channels),
            f"{n} × {n}",
            str(self.networks),
            str(self.dead),
            str(self.parabola),
            str(self.grown),
            str(self.through),
            text(self.at_rest),
            text(self.met),
            text(self.freed),
            f"{self.least:.2e}",
            f"{self.median:.2e}",
            f"{self.between:.2e}",
            *(f"{x:.3f}" for x in self.shares),
        )


def row_of(ensemble: TrainedEnsemble, law_part: Part, length: Array, area: Array) -> EndingsRow:
    """A setting's row; ``length`` and ``area`` are P and πΔ of its channels (B, K)."""
    shape, loss, done = ensemble.shape, ensemble.losses, ensemble.finished
    row, count = spelled(shape.activation), len(loss)
    bent = bool(row.kinks) and not row.jumps
    met = None
    if row.piecewise_linear:
        met = int(np.sum(np.maximum(*off_level(ensemble, law_part)) <= 1))
    j = int(np.argmin(loss))
    a = ensemble.nets.a[j]
    by_area, by_length = float(2 * MEAN * a @ area[j]), float(a @ length[j])
    slope = float((ensemble.measured[j].error + R) @ (R - MEAN)) / (COUNT * SPREAD)
    return EndingsRow(
        shape,
        count,
        int(np.sum(loss > (1 - SIX_DIGITS) * SPREAD)),
        int(np.sum(np.abs(loss / PARABOLA - 1) < SIX_DIGITS)),
        int(np.sum(np.abs(grown(ensemble, length, area) - 1) < 0.1)),
        int(np.sum(done.loss < INTERPOLATED)),
        int(np.sum(done.ended)) if bent else None,
        met,
        int(np.sum(done.loss < 0.9 * done.stalled)) if bent else None,
        float(loss[j]),
        float(np.median(loss)),
        float(between(ensemble)[j]),
        (by_area, by_length, slope - by_area - by_length),
    )
