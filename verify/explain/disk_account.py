"""What the theory has to say of one network for images: what every filter measures, by how much, and how well that explains the answers.

:func:`disk_account` measures and judges; docs/network.md describes the document.  Shares and
slopes are those of an even grid of
radii; the error is bounded at every radius, as far as that is not too much work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from numerics.arithmetic.types import Array
from numerics.disk.perimeter import reach
from numerics.disk.perimeter_enclosure import Filter, Strength, filter_of, strength_of
from numerics.disk.supremum import CLOSE, disk_supremum
from theory.disk.disk import least
from theory.expressions.activation import ACTIVATIONS
from verify.explain.disk_facts import (
    DiskFacts,
    Shares,
    Wavering,
    cost,
    features,
    measured,
    shares,
    wavering,
)
from verify.explain.text import MINOR, cancels, rounded_up
from verify.models.checkpoint import Checkpoint
from verify.models.setup import Setup, too_large

__all__ = ["DiskAccount", "WorstError", "disk_account", "too_much_disk"]

LARGEST, SMALLEST = 1e12, 1e-100
"""Weights of a size between these are explained, and 0."""
WAVES = 1000
"""Pre-activations in front of a wave: it would turn too often on one pixel."""
WIDEST, CORNERS, WORK = 15, 2500, 1e10
"""Taps per side; K (n + 1)² at most; and products on the grid: about a minute each."""
FLAT = 1e-9
"""A channel that moves the answer by no more than this, in pixels, over all radii adds a constant."""
EXAMINED = 1e8
"""Products on windows that the bound between the grid's radii takes at most: a few seconds."""
IDLE = ("dead", "adds a constant")
"""Roles of channels that do not measure."""


@dataclass(frozen=True)
class WorstError:
    """sup |r̂ - r| as far as it is known.

    Attributes
    ----------
    value, radius: the largest that was found, and where.
    sampled: at how many radii.
    bound: no radius has a larger one; None where that was too much work.
    tolerance: what is asked for.
    """

    value: float
    radius: float
    sampled: int
    bound: float | None
    tolerance: float

    @property
    def certified(self) -> bool:
        """The bound tells on which side of the tolerance the error is, and is near the value or
        under the tolerance.
        """
        return self.bound is not None and self.bound <= max(self.tolerance, CLOSE * self.value)

    def as_dict(self) -> dict[str, Any]:
        """As in the document."""
        names = ("value", "radius", "sampled", "bound", "certified")
        return {name: getattr(self, name) for name in names}

    def words(self) -> str:
        """It errs by how much, and at which radii."""
        if self.bound is not None and self.certified:
            return f"it errs by {rounded_up(self.bound)} pixel at most at every radius"
        known = (
            ""
            if self.bound is None
            else f", and by {rounded_up(self.bound)} at most at every radius"
        )
        where = f"at the sampled radii, {self.sampled} of them"
        return f"it errs by {self.value:.3g} pixel at most {where}{known}"


@dataclass(frozen=True)
class DiskAccount:
    """A network for images explained.

    Attributes
    ----------
    document: what ``--json`` prints.
    setup, filters, strengths, facts: what it was made from.
    r, error: all radii at which the error is known, and the error.
    wavering: how the answer wavers with the pixels, or None where σ jumps.
    """

    document: dict[str, Any]
    setup: Setup
    filters: tuple[Filter, ...]
    strengths: tuple[Strength, ...]
    facts: DiskFacts
    wavering: Wavering | None
    r: Array
    error: Array


def too_much_disk(checkpoint: Checkpoint, setup: Setup) -> str:
    """Why this network is not explained at all, or an empty string."""
    values = [
        checkpoint.w,
        checkpoint.a,
        *(x for x in (checkpoint.b, checkpoint.c) if x is not None),
    ]
    for x in (abs(float(y)) for value in values for y in np.ravel(value)):
        if x and not SMALLEST <= x <= LARGEST:
            return f"a weight of size {x:.3g}: weights of {SMALLEST:g} to {LARGEST:g}, and 0, are explained"
    channels, n, _ = checkpoint.w.shape
    bias = np.zeros(channels) if checkpoint.b is None else checkpoint.b
    if trouble := too_large(
        setup.activation, checkpoint.w.reshape(channels, -1), bias, checkpoint.a, WAVES
    ):
        return trouble
    if n > WIDEST or channels * (n + 1) ** 2 > CORNERS:
        return f"{channels} filters of {n} × {n} taps are too many: n may be {WIDEST}, and K (n + 1)² {CORNERS}"
    if cost(checkpoint, setup) > WORK:
        return f"radii up to {setup.as_dict()['r_max']} with {channels} filters of {n} × {n} taps are too many pixels"
    return ""


def disk_account(
    checkpoint: Checkpoint, setup: Setup, tolerance: Fraction, file: str = ""
) -> DiskAccount:
    """Explain a network; ``tolerance`` is in pixels, ``file`` its name.  The caller has asked :func:`too_much_disk`."""
    biases = np.zeros(len(checkpoint.a)) if checkpoint.b is None else checkpoint.b
    filters = tuple(filter_of(w, float(b), setup.activation) for w, b in zip(checkpoint.w, biases, strict=True))  # fmt: skip
    strengths = tuple(strength_of(filter_) for filter_ in filters)
    facts = measured(checkpoint, setup)
    parts, wavers = shares(facts, filters, strengths), wavering(facts, filters)
    mean = float(np.mean(facts.r))
    slope = float(facts.slopes(facts.answers))
    explains = 1 - facts.loss / float(np.var(facts.r))
    remainder = float(np.sum(parts.remainder))
    scale = (reach(checkpoint.w.shape[1]) / mean) ** 2
    limit = float(tolerance)
    most = disk_supremum(filters, facts.a, facts.offset, facts.r, limit, EXAMINED)
    radii, errors = (most.r, most.error) if len(most.r) else (facts.r, facts.error)
    place = int(np.argmax(np.abs(errors)))
    error = WorstError(
        float(np.abs(errors[place])), float(radii[place]), len(radii), most.bound, limit
    )
    roles = [_role(facts, parts, filter_, k, radii) for k, filter_ in enumerate(filters)]
    failing = _failing(facts, slope, limit) if error.value > limit else []
    if abs(remainder) - parts.doubt > scale or scale >= 1:
        failing.append("edges")
    elif not abs(remainder) + parts.doubt <= scale:
        failing.append("bound")
    low, high, count = float(facts.r[0]), float(facts.r[-1]), len(facts.r)
    document = {
        "file": file,
        "network": {
            **setup.as_dict(),
            "dimensions": 2,
            "channels": len(filters),
            "taps": checkpoint.w.shape[1],
        },
        "explained": not failing,
        "tolerance": float(tolerance),
        "verdict": _verdict(error, failing, parts, facts, slope),
        "failing": failing,
        "residuals": {
            "area": float(np.sum(facts.a * [filter_.rise for filter_ in filters])),
            "perimeter": float(np.sum(parts.perimeter)) - 1,
        },
        "identity": {
            "area": float(np.sum(parts.area)),
            "perimeter": float(np.sum(parts.perimeter)),
            "rest": remainder,
            "slope": slope,
            "explains": explains,
            "scale": scale,
            "error": None if np.isinf(parts.doubt) else parts.doubt,
            "unsettled": facts.unsettled(),
        },
        "lattice": None if wavers is None else wavers.sizes(),
        "loss": {"value": facts.loss, "floor": least(low, high, count)},
        "worst_error": error.as_dict(),
        "filters": [
            _filter(filter_, strength, parts, k, roles[k])
            for k, (filter_, strength) in enumerate(zip(filters, strengths, strict=True))
        ],
        "weights": _weights(checkpoint, setup, facts, filters, strengths, roles),
    }
    return DiskAccount(document, setup, filters, strengths, facts, wavers, radii, errors)


# ------------------------------------------------------------------------------------------- roles


def _role(facts: DiskFacts, parts: Shares, filter_: Filter, k: int, radii: Array) -> str:
    """What a channel does: it is idle if it is on the grid, and at all other radii that were looked
    at.
    """
    spread = lambda pooled: abs(facts.a[k]) * float(np.ptp(pooled))
    if spread(facts.pooled[:, k]) <= FLAT and (
        facts.a[k] == 0
        or spread(features(filter_.w[None], np.array([filter_.b]), filter_.name, radii)) <= FLAT
    ):
        silent = facts.a[k] == 0 or (facts.dark[k] == 0 and not np.any(facts.pooled[:, k]))
        return "dead" if silent else "adds a constant"
    area, length = abs(parts.area[k]), abs(parts.perimeter[k])
    if min(area, length) >= MINOR:
        return "measures both"
    return "measures the area" if area > length else "measures the perimeter"


def _weights(
    checkpoint: Checkpoint,
    setup: Setup,
    facts: DiskFacts,
    filters: tuple[Filter, ...],
    strengths: tuple[Strength, ...],
    roles: Sequence[str],
) -> list[dict[str, Any]]:
    def weight(name: str, index: Sequence[int], value: float, role: str, derived: float | None = None, law: str = "") -> dict[str, Any]:  # fmt: skip
        residual = None if derived is None else value - derived
        return {"name": name, "index": list(index), "value": value, "role": role, "derived": derived, "residual": residual, "law": law}  # fmt: skip

    weights = [weight("conv.weight", (k, 0, i, j), float(checkpoint.w[k, i, j]), roles[k]) for k, i, j in np.ndindex(*checkpoint.w.shape)]  # fmt: skip
    if checkpoint.b is not None:
        weights += [
            weight("conv.bias", (k,), float(b), roles[k]) for k, b in enumerate(checkpoint.b)
        ]
    live = [k for k, role in enumerate(roles) if role not in IDLE]
    share = setup.domain.positions**2 if setup.pooling == "mean" else 1
    slopes, missing = facts.slopes(facts.pooled), 1 - float(facts.slopes(facts.answers))
    for k, (a, strength) in enumerate(zip(checkpoint.a.tolist(), strengths, strict=True)):
        derived, law = None, ""
        if k in live:
            alone = live == [k] and filters[k].rise == 0
            if alone and strength.error is not None and abs(strength.value) > strength.error:
                derived = share / strength.value
                law = f"1/({strength.law})" if strength.law else "1/P"
            elif abs(slopes[k]) > FLAT * abs(strength.value):
                derived, law = a + share * missing / float(slopes[k]), "the slope is 1"
        weights.append(weight("readout.weight", (0, k), a, roles[k], derived, law))
    if checkpoint.c is not None:
        c = float(checkpoint.c[0])
        weights.append(weight("readout.bias", (0,), c, "moves the offset", c - float(np.mean(facts.error)), "the mean error is 0"))  # fmt: skip
    return weights


def _filter(
    filter_: Filter, strength: Strength, parts: Shares, k: int, role: str
) -> dict[str, Any]:
    row, moment = ACTIVATIONS[filter_.name], filter_.moment
    excess = None
    if row.homogeneous and moment:
        below, above = row.slopes
        if above != below:
            excess = strength.value / (2 * float(above - below) * moment) - 1
    return {
        "channel": k,
        "role": role,
        "sum": filter_.total,
        "rise": filter_.rise,
        "dipole": list(filter_.dipole),
        "moment": moment,
        "perimeter": strength.value,
        "error": strength.error,
        "closed_form": strength.law,
        "difference": None if strength.step is None else list(strength.step),
        "excess": excess,
        "shares": {
            "area": float(parts.area[k]),
            "perimeter": float(parts.perimeter[k]),
            "rest": float(parts.remainder[k]),
        },
    }


# ----------------------------------------------------------------------------------- what is said


def _terms(facts: DiskFacts, slope: float) -> dict[str, float]:
    """The largest part of the error that is a constant, a slope, and neither."""
    mean, t = float(np.mean(facts.error)), facts.r - np.mean(facts.r)
    return {
        "offset": abs(mean),
        "slope": abs(slope - 1) * float(np.max(t)),
        "shape": float(np.max(np.abs(facts.error - mean - (slope - 1) * t))),
    }


def _failing(facts: DiskFacts, slope: float, tolerance: float) -> list[str]:
    """What is too large of an error that is too large somewhere."""
    if np.max(np.abs(facts.error)) <= tolerance:
        return ["between"]
    sizes = _terms(facts, slope)
    return [name for name, size in sizes.items() if size > tolerance] or list(sizes)


def _verdict(
    error: WorstError, failing: Sequence[str], parts: Shares, facts: DiskFacts, slope: float
) -> str:
    area, length = float(np.sum(parts.area)), float(np.sum(parts.perimeter))
    most = float(np.max(np.abs(parts.area)))
    cancel = f" (parts of {most:.3g} cancel)" if cancels(parts.area.tolist()) else ""
    source = f"of a slope of {slope:.4g} the area gives {area:.3g}{cancel} and the perimeter {length:.3g}"
    if not failing:
        return f"explained: {source}, and {error.words()}"
    sizes = _terms(facts, slope)
    reasons = [f"{name} (up to {sizes[name]:.3g})" for name in failing if name in sizes]
    if "between" in failing:
        reasons.append(
            f"between (on an even grid of {len(facts.r)} radii it errs by "
            f"{np.max(np.abs(facts.error)):.3g} at most)"
        )
    if "edges" in failing:
        reasons.append("edges (straight ones do not account for what it answers)")
    if "bound" in failing:
        why = (
            "σ jumps, and P is not proved"
            if np.isinf(parts.doubt)
            else f"Σ aP is known to {parts.doubt:.2g} only"
        )
        reasons.append(f"bound ({why})")
    return (
        f"not explained by these laws: {error.words()}; {source}; what fails: {', '.join(reasons)}"
    )
