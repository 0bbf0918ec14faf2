"""Settings other than those asked for under which the same weights err by much less.

Poolings, paddings, the catalogue's activations, and radii in other units are tried together: r̂ over a grid of radii in float64,
whose pre-activations are shared.  What errs by a tenth of the error as asked at most is told, simplest first; a
second change has to make it ten times better again.  Of the few that are left the error is computed over every radius.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import ceil

import numpy as np
from flint import fmpq

from numerics.arithmetic.compile import activation
from numerics.arithmetic.numbers import rational, to_float
from numerics.arithmetic.types import Array, Indices
from numerics.certificates.conditions import Stored, exact_of
from numerics.certificates.supremum import supremum
from numerics.pulse.domain import MODES
from numerics.pulse.exact_error import summary
from numerics.pulse.preactivations import last_plateau_radius
from numerics.pulse.quadrature import windows
from numerics.pulse.sample import pulse
from theory.expressions.activation import ACTIVATIONS
from verify.explain.disk_facts import measured, preactivations
from verify.explain.grade import LITTLE
from verify.explain.value import Alternative
from verify.models.checkpoint import Checkpoint
from verify.models.pooling import POOLINGS
from verify.models.setup import Setup

__all__ = ["image_alternatives", "signal_alternatives"]

BETTER, ALIKE = 10.0, 2.0
"""How many times smaller an error has to be for a change of the settings to be told; two that are closer than the second are
both told."""
HALF = 0.5
"""The error of a network that counts the lit pixels: what errs by more is no explanation."""
PER_PIXEL, FEWEST, MOST = 8, 33, 513
"""Radii of the grid: in a pixel, and in all."""
BLOCK = 1 << 23
"""Entries of the windows of a grid, unless that leaves too few radii."""
FEW = 17
"""Radii of the grid for images."""
SHOWN = 3
UNIT, FITTED = 3, 9
"""Ranks of other units, beside 2 for each setting that differs, and of units that are fitted, where nothing else is told."""
ROUNDING = 1e-9
"""Errors below this are no better than each other."""
INTERVALS = 400
"""That the search for the worst error of a smooth σ may look at."""
ONE, ZERO = fmpq(1), fmpq(0)


@dataclass(frozen=True)
class Trial:
    """The weights under other settings: ``scale`` r̂ + ``offset`` errs by ``error``; the simplest has the lowest ``rank``."""

    options: Mapping[str, str]
    setup: Setup
    scale: fmpq
    offset: fmpq
    error: float
    rank: int


def signal_alternatives(stored: Stored, setup: Setup) -> tuple[Alternative, ...]:
    """At most three settings under which the network errs by much less, the best one first."""
    w, b = (np.array(x, dtype=float) for x in (stored.w, stored.biases))
    trials: list[Trial] = []
    for options, other in _paddings(setup, stored.taps):
        light = _light(other, w, b)
        for name in dict.fromkeys((setup.activation, *ACTIVATIONS)):
            with np.errstate(all="ignore"):
                pooled = light.pooled(name) @ np.array(stored.a, dtype=float)
            for pooling in POOLINGS:
                changed = (
                    _changed(setup, pooling=pooling) | options | _changed(setup, activation=name)
                )
                tried = replace(other, activation=name, pooling=pooling)
                answers = pooled / tried.share(stored.taps) + float(stored.offset)
                trials += _trials(changed, tried, light.r, answers, scaled=name == setup.activation)

    def certified(trial: Trial) -> tuple[float, bool] | None:
        net = replace(
            stored,
            share=trial.setup.share(stored.taps),
            a=tuple(trial.scale * x for x in stored.a),
            c=trial.scale * stored.offset + trial.offset,
        )
        exact = exact_of(net, trial.setup.activation)
        if exact is not None:
            worst = summary(exact, trial.setup.domain).worst.high
            return float(worst), not worst
        smooth = replace(net, sigma=trial.setup.activation)
        try:
            return float(supremum(smooth, trial.setup.domain, most=INTERVALS).high), False
        except ValueError:  # no enclosure
            return None

    return _told(trials, certified)


def image_alternatives(checkpoint: Checkpoint, setup: Setup) -> tuple[Alternative, ...]:
    """The same of a network for images: pooling, activation and units; the error is that of the sampled radii."""
    r = np.linspace(float(setup.domain.low), float(setup.domain.high), FEW)
    a, size = checkpoint.a, setup.domain.windows(checkpoint.w.shape[1]) ** 2
    pooled = {name: np.empty(0) for name in dict.fromkeys((setup.activation, *ACTIVATIONS))}
    for z in preactivations(checkpoint.w, checkpoint.biases, r):
        for name, answers in pooled.items():
            sigma = activation(name)[0]
            with np.errstate(all="ignore"):
                dark = sigma(checkpoint.biases)
                block = np.sum(sigma(z) - dark, axis=1) @ a + size * float(a @ dark)
            pooled[name] = np.concatenate([answers, block])
    trials: list[Trial] = []
    for (name, answers), pooling in product(pooled.items(), POOLINGS):
        tried = replace(setup, activation=name, pooling=pooling)
        share = size if pooling == "mean" else 1
        changed = _changed(setup, pooling=pooling, activation=name)
        answers = answers / share + checkpoint.offset
        trials += _trials(changed, tried, r, answers, scaled=name == setup.activation)

    def sampled(trial: Trial) -> tuple[float, bool]:
        facts = measured(checkpoint, trial.setup)
        scale, offset = to_float(trial.scale), to_float(trial.offset)
        return float(np.max(np.abs(scale * facts.answers + offset - facts.r))), False

    return _told(trials, sampled)


# ------------------------------------------------------------------------------------ what is tried


def _changed(setup: Setup, **options: str) -> dict[str, str]:
    return {key: value for key, value in options.items() if value != getattr(setup, key)}


def _paddings(setup: Setup, taps: int) -> Iterator[tuple[dict[str, str], Setup]]:
    """The padding asked for and the others; a default radius stays the default one, another stays.

    What lies beyond the border only matters where a window sees both it and an edge of the pulse.
    """
    yield {}, setup
    tries: list[dict[str, str]] = [{"padding": "same"}, {"padding": "valid"}]
    if setup.domain.mirrored(taps) or setup.domain.high > last_plateau_radius(taps, setup.domain):
        tries += [{"padding_mode": mode} for mode in MODES]
    for options in tries:
        try:
            other = setup.varied(taps, **options)
        except ValueError:  # the radii do not fit
            continue
        if other.domain != setup.domain:
            yield options, other


def _trials(
    options: Mapping[str, str], setup: Setup, r: Array, answers: Array, *, scaled: bool
) -> Iterator[Trial]:
    """Answers (R,) as they are; and, where that is asked for, with the units in which radii are often given."""
    low, high = setup.domain.low, setup.domain.high
    positions, half = fmpq(setup.domain.positions), fmpq(setup.domain.half_length)
    units = {(ONE, ZERO)}
    if scaled:
        scales = (fmpq(1, 2), positions, half, positions / 2, high)
        units |= {(scale, ZERO) for scale in scales} | {(high - low, low)}
    for scale, offset in sorted(units):
        error = np.max(np.abs(to_float(scale) * answers + to_float(offset) - r))
        rank = 2 * len(options) + (UNIT if (scale, offset) != (ONE, ZERO) else 0)
        yield Trial(options, setup, scale, offset, float(np.nan_to_num(error, nan=np.inf)), rank)
    largest = float(np.max(np.abs(answers)))
    if scaled and not options and ROUNDING * largest < np.ptp(answers) < np.inf:
        moved = answers - np.mean(answers)
        slope = float(moved @ r) / float(moved @ moved)
        level = float(np.mean(r)) - slope * float(np.mean(answers))
        # Close to r already: then slope and offset are wrong, and not the units.
        if not (abs(slope - 1) < float(LITTLE) and abs(level) < 1):
            error = float(np.max(np.abs(slope * answers + level - r)))
            if error <= float(LITTLE):
                yield Trial(options, setup, rational(slope), rational(level), error, FITTED)


@dataclass(frozen=True)
class _Light:
    """What K filters answer on a grid of radii r (R,): at the E windows that see an edge or the border z (E, K), of radius
    ``place`` (E,); elsewhere ``dark`` and ``lit`` (K,), at so many positions ``counts`` (R, 2)."""

    r: Array
    z: Array
    place: Indices
    dark: Array
    lit: Array
    counts: Array

    def pooled(self, name: str) -> Array:
        """Σ_p σ(z_p + b) (R, K)."""
        sigma = activation(name)[0]
        pooled: Array = self.counts @ np.stack([sigma(self.dark), sigma(self.lit)])
        np.add.at(pooled, self.place, sigma(self.z))
        return pooled


def _light(setup: Setup, w: Array, b: Array) -> _Light:
    domain = setup.domain
    low, high = float(domain.low), float(domain.high)
    most = max(FEWEST, min(MOST, BLOCK // (domain.positions * w.shape[1])))
    r = np.linspace(low, high, min(most, PER_PIXEL * ceil(high - low) + 1))
    light = windows(pulse(r, domain.half_length), w.shape[1], domain)
    dark, lit = np.max(light, axis=2) == 0, np.min(light, axis=2) == 1
    mixed = ~(dark | lit)
    counts = np.stack([np.sum(dark, axis=1), np.sum(lit, axis=1)], axis=1).astype(float)
    return _Light(r, light[mixed] @ w.T + b, np.nonzero(mixed)[0], b, np.sum(w, axis=1) + b, counts)


# ------------------------------------------------------------------------------------- what is told


def _told(
    trials: Sequence[Trial], certified: Callable[[Trial], tuple[float, bool] | None]
) -> tuple[Alternative, ...]:
    """The few that are clearly better, with their error as it is ``certified`` and whether it is exactly 0."""
    asked = next(trial for trial in trials if not trial.rank)
    domain = asked.setup.domain
    # On a short interval a constant answers well: half of what the best one errs by.
    little = min(HALF, to_float(domain.high - domain.low) / 4)
    limit, kept = min(asked.error / BETTER, little), list[Trial]()
    for rank in sorted({trial.rank for trial in trials} - {0}):
        level = [trial for trial in trials if trial.rank == rank and trial.error < limit]
        if level and not (kept and rank == FITTED):
            best = max(min(trial.error for trial in level), ROUNDING)
            kept += [trial for trial in level if trial.error <= ALIKE * best]
            limit = best / BETTER if best > ROUNDING else 0.0
    told = []
    for trial in sorted(kept, key=lambda x: (max(x.error, ROUNDING), x.rank))[:SHOWN]:
        known = certified(trial)
        if known is not None and known[0] <= little:
            numbers = to_float(trial.scale), to_float(trial.offset)
            told.append(Alternative(trial.options, *numbers, *known))
    return tuple(told)
