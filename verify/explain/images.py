"""A network for images explained: what every filter measures, by how much, and how well that
explains the answers.

:func:`explain` judges what disk_facts.py measures; docs/network.md describes what it finds.  Shares
and slopes are those of an even grid of radii; the error is bounded at every radius, as far as that
is not too much work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np

from numerics.arithmetic.compile import activation
from numerics.arithmetic.decimals import rounded_up
from numerics.arithmetic.numbers import to_float
from numerics.arithmetic.types import Array
from numerics.disk.perimeter import reach
from numerics.disk.perimeter_enclosure import Filter, Strength, filter_of, strength_of
from numerics.disk.supremum import CLOSE, disk_supremum
from theory.disk.disk import least
from theory.expressions.spelling import spelled
from verify.explain.alternatives import Trial, changed, names, told, trials
from verify.explain.disk_facts import DiskFacts, cost, features, measured, preactivations, wavering
from verify.explain.text import MINOR, cancels, error_in_words, next_step
from verify.explain.value import (
    Alternative,
    FilterShare,
    Identity,
    ImageError,
    ImageExplanation,
    ImageWeight,
    Shares,
    graded,
    unfit,
)
from verify.models.checkpoint import Checkpoint
from verify.models.pooling import POOLINGS
from verify.models.setup import Setup

__all__ = ["explain", "image_error", "too_much"]

LARGEST, SMALLEST = 1e12, 1e-100
"""Weights of a size between these are explained, and 0."""
WAVES = 1000
"""Pre-activations in front of a wave: it would turn too often on one pixel."""
WIDEST, CORNERS, WORK = 15, 2500, 1e10
"""Taps per side; K (n + 1)² at most; and products on the grid: about a minute each."""
FLAT = 1e-9
"""A channel that moves the answer by no more than this, in pixels, over all
radii adds a constant.
"""
EXAMINED = 1e8
"""Products on windows that the bound between the grid's radii takes at most: a few seconds."""
FEW = 17
"""Radii at which other settings are tried."""
IDLE = ("dead", "adds a constant")
"""Roles of channels that do not measure."""


def too_much(checkpoint: Checkpoint, setup: Setup) -> str:
    """Why this network is not explained at all, or an empty string."""
    channels, n, _ = checkpoint.w.shape
    if reason := unfit(checkpoint, setup, SMALLEST, LARGEST, WAVES):
        return reason
    if n > WIDEST or channels * (n + 1) ** 2 > CORNERS:
        return (
            f"{channels} filters of {n} × {n} taps are too many: n may be {WIDEST}, and K (n + 1)²"
            f" {CORNERS}"
        )
    if cost(checkpoint, setup) > WORK:
        return (
            f"radii up to {setup.as_dict()['r_max']} with {channels} filters of {n} × {n} taps are"
            " too many pixels"
        )
    return ""


def explain(
    checkpoint: Checkpoint, setup: Setup, tolerance: Fraction, file: str = ""
) -> ImageExplanation:
    """Explain a network; ``tolerance`` is in pixels, ``file`` its name.

    The caller has asked :func:`too_much`.
    """
    filters = tuple(
        filter_of(w, b, setup.activation)
        for w, b in zip(checkpoint.w, checkpoint.biases.tolist(), strict=True)
    )
    strengths = tuple(map(strength_of, filters))
    facts, limit = measured(checkpoint, setup), float(tolerance)
    shares = _shares(facts, filters, strengths)
    identity = _identity(facts, shares, strengths, checkpoint.w.shape[1])
    largest = disk_supremum(filters, facts.a, facts.offset, facts.r, limit, EXAMINED)
    r, error = (largest.r, largest.error) if len(largest.r) else (facts.r, facts.error)
    worst = image_error(r, error, largest.bound, limit)
    failing = _failing(facts, worst, identity, limit)
    roles = [
        _role(facts, share, filter_, k, r)
        for k, (share, filter_) in enumerate(zip(shares, filters, strict=True))
    ]
    lattice = wavering(facts, filters)
    # No radius errs by more than the bound, which is next to the largest error that was found.
    most = worst.value if worst.bound is None else worst.bound
    needed = None if {"edges", "bound"} & set(failing) else most
    explanation = ImageExplanation(
        file=file,
        checkpoint=checkpoint,
        setup=setup,
        channels=len(filters),
        taps=checkpoint.w.shape[1],
        notes=checkpoint.notes,
        tolerance=limit,
        grade=graded(worst.value, None, tolerance, exact=False),
        tolerance_needed=needed,
        verdict=checkpoint.supposing(_verdict(worst, failing, shares, identity, facts)),
        failing=tuple(failing),
        alternatives=_alternatives(checkpoint, setup) if failing else (),
        next_step="",
        residuals={
            "area": float(np.sum(facts.a * [filter_.rise for filter_ in filters])),
            "perimeter": identity.perimeter - 1,
        },
        identity=identity,
        lattice=lattice and lattice[0],
        loss={
            "value": facts.loss,
            "floor": least(float(facts.r[0]), float(facts.r[-1]), len(facts.r)),
        },
        worst_error=worst,
        filters=tuple(map(_filter, range(len(filters)), roles, filters, strengths, shares)),
        weights=tuple(_weights(checkpoint, setup, facts, filters, strengths, roles)),
        drawn=filters,
        error=(r, error),
        law=lattice and (facts.r, lattice[1]),
    )
    return replace(explanation, next_step=next_step(explanation))


# -------------------------------------------------------------------------------------- the slope


def _shares(
    facts: DiskFacts, filters: Sequence[Filter], strengths: Sequence[Strength]
) -> list[Shares]:
    """The identity at finite radii, channel by channel."""
    rise, value = (np.array(x) for x in ([x.rise for x in filters], [x.value for x in strengths]))
    area = 2 * float(np.mean(facts.r)) * np.pi * facts.a * rise
    perimeter = facts.a * value
    rest = facts.a * facts.slopes(facts.pooled) - area - perimeter
    return [
        Shares(*share) for share in zip(*(x.tolist() for x in (area, perimeter, rest)), strict=True)
    ]


def _identity(
    facts: DiskFacts, shares: Sequence[Shares], strengths: Sequence[Strength], n: int
) -> Identity:
    """The same of all filters together."""
    errors = [
        None if x.error is None else abs(a) * x.error
        for a, x in zip(facts.a.tolist(), strengths, strict=True)
        if a
    ]
    known = [error for error in errors if error is not None]
    return Identity(
        area=float(np.sum([share.area for share in shares])),
        perimeter=float(np.sum([share.perimeter for share in shares])),
        rest=float(np.sum([share.rest for share in shares])),
        slope=float(facts.slopes(facts.answers)),
        explains=1 - facts.loss / float(np.var(facts.r)),
        scale=(reach(n) / float(np.mean(facts.r))) ** 2,
        error=float(np.sum(known)) if len(known) == len(errors) else None,
        unsettled=facts.unsettled(),
    )


def image_error(r: Array, error: Array, bound: float | None, tolerance: float) -> ImageError:
    """The largest error at the radii (R,), and what a bound on all others tells of it."""
    place = int(np.argmax(np.abs(error)))
    value = float(np.abs(error[place]))
    certified = bound is not None and bound <= max(tolerance, CLOSE * value)
    return ImageError(value, float(r[place]), len(r), bound, certified)


# ------------------------------------------------------------------------------------------- roles


def _role(facts: DiskFacts, share: Shares, filter_: Filter, k: int, radii: Array) -> str:
    """What a channel does: idle is who is so on the grid and at all radii that were looked at."""

    def spread(pooled: Array) -> float:
        return float(abs(facts.a[k]) * np.ptp(pooled))

    if spread(facts.pooled[:, k]) <= FLAT and (
        facts.a[k] == 0
        or spread(features(filter_.w[None], np.array([filter_.b]), filter_.name, radii)) <= FLAT
    ):
        silent = facts.a[k] == 0 or (facts.dark[k] == 0 and not np.any(facts.pooled[:, k]))
        return "dead" if silent else "adds a constant"
    area, length = abs(share.area), abs(share.perimeter)
    if min(area, length) >= MINOR:
        return "measures both"
    return "measures the area" if area > length else "measures the perimeter"


def _weights(
    checkpoint: Checkpoint,
    setup: Setup,
    facts: DiskFacts,
    filters: Sequence[Filter],
    strengths: Sequence[Strength],
    roles: Sequence[str],
) -> Iterator[ImageWeight]:
    name = checkpoint.name
    for place, tap in np.ndenumerate(checkpoint.w):
        yield _weight(name("conv.weight"), (place[0], 0, *place[1:]), float(tap), roles[place[0]])
    for k, b in enumerate(() if checkpoint.b is None else checkpoint.b.tolist()):
        yield _weight(name("conv.bias"), (k,), b, roles[k])
    live = [k for k, role in enumerate(roles) if role not in IDLE]
    share = setup.share(checkpoint.w.shape[1]) ** 2
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
        yield _weight(name("readout.weight"), (0, k), a, roles[k], derived, law)
    if checkpoint.c is not None:
        c = checkpoint.offset
        derived, law = c - float(np.mean(facts.error)), "the mean error is 0"
        yield _weight(name("readout.bias"), (0,), c, "moves the offset", derived, law)


def _weight(
    name: str,
    index: tuple[int, ...],
    value: float,
    role: str,
    derived: float | None = None,
    law: str = "",
) -> ImageWeight:
    residual = None if derived is None else value - derived
    return ImageWeight(name, index, value, role, derived, residual, law)


def _filter(k: int, role: str, filter_: Filter, strength: Strength, shares: Shares) -> FilterShare:
    row, moment = spelled(filter_.name), filter_.moment
    excess = None
    if row.homogeneous and moment:
        below, above = row.slopes
        if above != below:
            excess = strength.value / (2 * float(above - below) * moment) - 1
    return FilterShare(
        channel=k,
        role=role,
        sum=filter_.total,
        rise=filter_.rise,
        dipole=filter_.dipole,
        moment=moment,
        perimeter=strength.value,
        error=strength.error,
        closed_form=strength.law,
        difference=strength.step,
        excess=excess,
        shares=shares,
    )


# ----------------------------------------------------------------------------------- alternatives


def _alternatives(checkpoint: Checkpoint, setup: Setup) -> tuple[Alternative, ...]:
    """Poolings, activations and units under which it errs by much less, with the error at the
    grid's radii.
    """
    r = np.linspace(float(setup.domain.low), float(setup.domain.high), FEW)
    a, b = checkpoint.a, checkpoint.biases
    size = setup.domain.windows(checkpoint.w.shape[1]) ** 2
    blocks: dict[str, list[Array]] = {name: [] for name in names(setup, learned=checkpoint.learned)}
    for z in preactivations(checkpoint.w, b, r):
        for name, answers in blocks.items():
            sigma = activation(name)[0]
            with np.errstate(all="ignore"):
                dark = sigma(b)
                answers.append(np.sum(sigma(z) - dark, axis=1) @ a + size * float(a @ dark))
    tried: list[Trial] = []
    for (name, answers), pooling in product(blocks.items(), POOLINGS):
        other = replace(setup, activation=name, pooling=pooling)
        answered = np.concatenate(answers) / (size if pooling == "mean" else 1) + checkpoint.offset
        every = changed(setup, pooling=pooling, activation=name)
        tried += trials(every, other, r, answered, size if name == setup.activation else 0)

    def sampled(trial: Trial) -> tuple[float, bool]:
        facts = measured(checkpoint, trial.setup)
        scale, offset = to_float(trial.scale), to_float(trial.offset)
        return float(np.max(np.abs(scale * facts.answers + offset - facts.r))), False

    return told(tried, sampled)


# ----------------------------------------------------------------------------------- what is said


def _terms(facts: DiskFacts, slope: float) -> dict[str, float]:
    """The largest part of the error that is a constant, a slope, and neither."""
    mean, t = float(np.mean(facts.error)), facts.r - np.mean(facts.r)
    return {
        "offset": abs(mean),
        "slope": abs(slope - 1) * float(np.max(t)),
        "shape": float(np.max(np.abs(facts.error - mean - (slope - 1) * t))),
    }


def _failing(
    facts: DiskFacts, worst: ImageError, identity: Identity, tolerance: float
) -> list[str]:
    """What is too large of an error that is; and whether straight edges account for the slope."""
    failing = []
    if worst.value > tolerance:
        sizes = _terms(facts, identity.slope)
        failing = [name for name, size in sizes.items() if size > tolerance] or list(sizes)
        if np.max(np.abs(facts.error)) <= tolerance:
            failing = ["between"]
    left, doubt = abs(identity.rest), np.inf if identity.error is None else identity.error
    if left - doubt > identity.scale or identity.scale >= 1:
        failing.append("edges")
    elif not left + doubt <= identity.scale:
        failing.append("bound")
    return failing


def _verdict(
    worst: ImageError,
    failing: Sequence[str],
    shares: Sequence[Shares],
    identity: Identity,
    facts: DiskFacts,
) -> str:
    areas = [share.area for share in shares]
    cancel = f" (parts of {max(map(abs, areas)):.3g} cancel)" if cancels(areas) else ""
    source = (
        f"of a slope of {identity.slope:.4g} the area gives {identity.area:.3g}{cancel} "
        f"and the perimeter {identity.perimeter:.3g}"
    )
    errs = error_in_words(worst)
    if not failing:
        return f"explained: {source}, and {errs}"
    sizes, on_grid = _terms(facts, identity.slope), float(np.max(np.abs(facts.error)))
    reasons = [f"{name} (up to {rounded_up(sizes[name])})" for name in failing if name in sizes]
    others = {
        "between": (
            f"on an even grid of {len(facts.r)} radii it errs by {rounded_up(on_grid)} at most"
        ),
        "edges": "straight ones do not account for what it answers",
        "bound": (
            "σ jumps, and P is not proved"
            if identity.error is None
            else f"Σ aP is known to {rounded_up(identity.error, 2)} only"
        ),
    }
    reasons += [f"{name} ({others[name]})" for name in failing if name in others]
    return f"not explained by these laws: {errs}; {source}; what fails: {', '.join(reasons)}"
