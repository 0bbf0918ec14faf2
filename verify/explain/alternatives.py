"""Settings other than those asked for under which the same weights err by much less.

Poolings, paddings, the catalogue's activations, and radii in other units are tried together: r̂
over a grid of radii in float64, whose pre-activations are shared.  Each change has to make the
error ten times smaller; so what is told errs by a tenth of the error as asked, or by less.  Of the
few that are left the error is computed over every radius.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from verify.explain.value import LITTLE, Alternative
from verify.models.pooling import POOLINGS
from verify.models.setup import Setup

__all__ = ["Trial", "changed", "names", "signal_alternatives", "told", "trials"]

BETTER, ALIKE = 10.0, 2.0
"""How many times smaller an error has to be for a change of the settings to be told; two that are
closer than the second are both told.
"""
PER_PIXEL, FEWEST, MOST = 8, 33, 513
"""Radii of the grid: in a pixel, and in all."""
BLOCK = 1 << 23
"""Entries of the windows of a grid, unless that leaves too few radii."""
SHOWN = 3
UNIT, FITTED = 3, 9
"""Ranks of other units, beside 2 for each setting that differs, and of units that are fitted, where
nothing else is told.
"""
ROUNDING = 1e-9
"""Errors below this are no better than each other, and an offset below it is none."""
INTERVALS = 400
"""That the search for the worst error of a smooth σ may look at."""
PIXELS = (fmpq(1), fmpq(0))
"""Scale and offset of radii in pixels."""


@dataclass(frozen=True)
class Trial:
    """The weights under other settings: ``scale`` r̂ + ``offset`` errs by ``error``; the simplest
    has the lowest ``rank``.
    """

    options: Mapping[str, str]
    setup: Setup
    scale: fmpq
    offset: fmpq
    error: float
    rank: int

    @property
    def changes(self) -> frozenset[object]:
        """All that differs from what was asked."""
        units = self.scale, self.offset
        return frozenset(self.options.items()) | ({units} - {PIXELS})

    @property
    def limit(self) -> float:
        """It has to err by less: half of what the best constant answer errs by; one of many
        activations, and fitted units, by little.
        """
        spread = to_float(self.setup.domain.high - self.setup.domain.low)
        many = "activation" in self.options or self.rank == FITTED
        return float(LITTLE) * min(1.0, spread / 10) if many else spread / 4


def signal_alternatives(
    stored: Stored, setup: Setup, *, learned: bool = False
) -> tuple[Alternative, ...]:
    """At most three settings under which the network errs by much less, the best one first."""
    w, b = (np.array(x, dtype=float) for x in (stored.w, stored.biases))
    tried: list[Trial] = []
    for options, padded in _paddings(setup, stored.taps):
        light = _light(padded, w, b)
        for name in names(setup, learned=learned):
            with np.errstate(all="ignore"):
                pooled = light.pooled(name) @ np.array(stored.a, dtype=float)
            for pooling in POOLINGS:
                other = replace(padded, activation=name, pooling=pooling)
                every = changed(setup, pooling=pooling) | options | changed(setup, activation=name)
                answers = pooled / other.share(stored.taps) + float(stored.offset)
                places = padded.domain.windows(stored.taps) if name == setup.activation else 0
                tried += trials(every, other, light.r, answers, places)

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
            return float(np.nextafter(float(worst), np.inf)) if worst else 0.0, not worst
        smooth = replace(net, sigma=trial.setup.activation)
        try:
            return float(supremum(smooth, trial.setup.domain, most=INTERVALS).high), False
        except ValueError:  # no enclosure
            return None

    return told(tried, certified)


# ------------------------------------------------------------------------------------ what is tried


def changed(setup: Setup, **options: str) -> dict[str, str]:
    """Those options that are not the ones asked for."""
    return {key: value for key, value in options.items() if value != getattr(setup, key)}


def names(setup: Setup, *, learned: bool) -> Iterable[str]:
    """The activation asked for, then the catalogue; the identity, which says least, is the last
    one.  No other where the file has ``learned`` its slope.
    """
    if learned:
        return (setup.activation,)
    return dict.fromkeys(
        (setup.activation, *(name for name in ACTIVATIONS if name != "identity"), "identity")
    )


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


def trials(
    options: Mapping[str, str], setup: Setup, r: Array, answers: Array, places: int
) -> list[Trial]:
    """Answers (R,) as they are; and, where a mean's number of ``places`` is given and not 0, in
    other units.
    """

    def trial(scale: fmpq, offset: fmpq, rank: int) -> Trial:
        with np.errstate(all="ignore"):
            error = np.max(np.abs(to_float(scale) * answers + to_float(offset) - r))
        return Trial(options, setup, scale, offset, float(np.nan_to_num(error, nan=np.inf)), rank)

    rank = 2 * len(options)
    if not places:
        return [trial(*PIXELS, rank)]
    low, high = setup.domain.low, setup.domain.high
    positions, half = fmpq(setup.domain.positions), fmpq(setup.domain.half_length)
    scales = {fmpq(1, 2), positions, half, positions / 2, high} - {fmpq(1)}
    units = [*((scale, fmpq(0)) for scale in sorted(scales)), (high - low, low)]
    # On a short interval every answer is nearly a line.
    long = not options and high - low >= 2
    fitted = _fitted(r, answers, places) if long else ()
    return [
        trial(*PIXELS, rank),
        *(trial(*unit, rank + UNIT) for unit in units),
        *(trial(*unit, FITTED) for unit in fitted),
    ]


def _fitted(r: Array, answers: Array, places: int) -> Iterator[tuple[fmpq, fmpq]]:
    """A positive scale and an offset by least squares; none with a scale that is close to 1, by the
    other pooling too: then the three laws say what is wrong.
    """
    with np.errstate(all="ignore"):
        spread, largest = np.ptp(answers), np.max(np.abs(answers))
    if ROUNDING * largest < spread < np.inf:
        moved = answers - np.mean(answers)
        scale = float(moved / spread @ r) / float(moved / spread @ moved)
        if scale > 0 and all(abs(scale * k - 1) > LITTLE for k in (1, places, 1 / places)):
            offset = float(np.mean(r)) - scale * float(np.mean(answers))
            yield rational(scale), rational(offset if abs(offset) > ROUNDING else 0.0)


@dataclass(frozen=True)
class _Light:
    """What K filters answer on a grid of radii r (R,): at the E windows that see an edge or the
    border z (E, K), of radius ``place`` (E,); elsewhere ``dark`` and ``lit`` (K,), at so many
    positions ``counts`` (R, 2).
    """

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


def told(
    tried: Sequence[Trial], certified: Callable[[Trial], tuple[float, bool] | None]
) -> tuple[Alternative, ...]:
    """The few that are clearly better, with their error as it is ``certified`` and whether it is
    exactly 0.
    """
    errors = {trial.changes: trial.error for trial in tried}
    limit, kept = np.inf, list[Trial]()
    for rank in sorted({trial.rank for trial in tried} - {0}):
        level = [
            trial
            for trial in tried
            if trial.rank == rank
            and trial.error < min(limit, trial.limit)
            and all(trial.error < e / BETTER for x, e in errors.items() if x < trial.changes)
        ]
        if level and not (kept and rank == FITTED):
            best = max(min(trial.error for trial in level), ROUNDING)
            kept = [trial for trial in level if trial.error <= ALIKE * best]
            limit = best / BETTER if best > ROUNDING else 0.0
    alternatives = []
    for trial in sorted(kept, key=lambda x: max(x.error, ROUNDING))[:SHOWN]:
        known = certified(trial)
        if known is not None and known[0] <= trial.limit:
            numbers = to_float(trial.scale), to_float(trial.offset)
            alternatives.append(Alternative(trial.options, *numbers, *known))
    return tuple(alternatives)
