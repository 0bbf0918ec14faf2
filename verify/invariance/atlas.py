"""The atlas of invariance: for every unknown, readout, set of radii, padding and kind of network,
whether one is exact.

A row is a statement about a kind of network: an exact network of :mod:`verify.invariance.networks`;
or the theorem that there is none, and the least loss where it is known.  :func:`largest_error` runs
a row's network in rationals over a grid of what is unknown.  :mod:`verify.invariance.table` puts
the rows into words, :mod:`verify.invariance.figures` draws them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import product
from types import MappingProxyType
from typing import Any

from theory.citations import theorem
from theory.invariance.nuisances import background_contrast_risk, dense_risk, sum_risk
from theory.pulse.network import Network, last_radius
from verify.invariance import networks
from verify.invariance.networks import (
    HALF,
    HIGH,
    IDENTITY,
    LEAST,
    LOW,
    MOST,
    PIXELS,
    RELU,
    answer,
    signal,
)

__all__ = [
    "BACKGROUNDS",
    "CONTRASTS",
    "KINDS",
    "LAST",
    "LINES",
    "LOSS_BACKGROUNDS",
    "LOSS_CONTRASTS",
    "RADII",
    "SHIFTS",
    "AtlasEntry",
    "Loss",
    "Place",
    "Reason",
    "entries",
    "largest_error",
    "moments",
    "scenes",
]

BACKGROUNDS = (LOW, Fraction(-1, 3), HALF, Fraction(8, 7), HIGH)
"""Backgrounds in [-1, 2], where the rows promise to be exact."""
CONTRASTS = (LEAST, Fraction(4, 3), MOST)
"""Contrasts in [1, 2]."""
SHIFTS = (0, 1, 3)
"""Where the pulse may be."""
RADII: Mapping[str, tuple[Fraction, ...]] = MappingProxyType(
    {
        "half": tuple(m - HALF for m in (2, 3, 4, 5)),
        "real": tuple(m - HALF + Fraction(t, 4) for m in (2, 3, 4) for t in range(4)),
    }
)
"""The radii on which networks are run and losses stated: half-integers, and quarters."""
LAST = last_radius(3, PIXELS)
"""Networks are run there, too, and half a cell or one cell before: beyond it a window of three taps
meets both edges.
"""
LOSS_BACKGROUNDS = (Fraction(0), Fraction(1))
"""The backgrounds of a stated loss, equally likely."""
LOSS_CONTRASTS = (Fraction(1), Fraction(2))
"""The contrasts of a stated loss, equally likely."""

# ------------------------------------------------------------------------------------- the axes

LINES: tuple[tuple[str, str], ...] = (
    ("nothing", "any"),
    ("place", "any"),
    ("background", "ring"),
    ("background", "zeros"),
    ("contrast", "any"),
    ("both", "ring"),
    ("both", "zeros"),
)
"""(what is unknown, padding): what lies beyond the border matters where a background does."""
READOUTS = ("sum", "dense")
KINDS = ("linear", "relu 1", "relu 2", "relu 3", "any")
"""Linear networks with any K; ReLU with 1, 2 or 3 channels; any σ with any K."""


@dataclass(frozen=True, order=True)
class Place:
    """A cell of the atlas.

    Attributes
    ----------
    unknown: nothing, place, background, contrast, or both of the last two.
    readout: ``sum`` pooling, or ``dense``, a weight for each position.
    radii: ``half``-integers, or every ``real`` radius.
    padding: ``ring``, ``zeros``, or ``any`` where it does not matter.
    kind: one of :data:`KINDS`.
    """

    unknown: str
    readout: str
    radii: str
    padding: str
    kind: str


@dataclass(frozen=True)
class Reason:
    """A theorem or construction by name, and the page and anchor where it is proved."""

    name: str
    page: str


@dataclass(frozen=True)
class Loss:
    """A loss for equally likely radii, backgrounds 0, 1 and contrasts 1, 2; ``attained``: or else a
    bound from below.
    """

    value: Fraction
    formula: str
    attained: bool


@dataclass(frozen=True)
class AtlasEntry:
    """What is known of a cell: ``status`` is feasible or infeasible."""

    place: Place
    status: str
    reason: Reason
    net: Network[Any] | None = None
    loss: Loss | None = None


# ---------------------------------------------------------------------------- running the networks


def scenes(unknown: str) -> tuple[tuple[Fraction, Fraction, int], ...]:
    """The grid of (β, α, s) for what is unknown."""
    shades = BACKGROUNDS if unknown in ("background", "both") else (Fraction(0),)
    lights = CONTRASTS if unknown in ("contrast", "both") else (Fraction(1),)
    places = SHIFTS if unknown == "place" else (0,)
    return tuple(product(shades, lights, places))


def largest_error(row: AtlasEntry) -> Fraction:
    """The largest |r̂ - r| of a row's network on the grid of its radii and of what it does not
    know.

    Raises
    ------
    ValueError: the row has no network.
    """
    if row.net is None:
        raise ValueError(f"{row.place} has no network")
    place = row.place
    return _error(row.net, place.unknown, place.radii, place.padding)


_shown = cache(signal)


@cache
def _error(net: Network[Any], unknown: str, radii: str, padding: str) -> Fraction:
    # Cells share networks: each is run once for a task.
    return max(
        Fraction(abs(answer(net, _shown(r, *scene), padding) - r))
        for r in (*RADII[radii], LAST - (1 if radii == "half" else HALF), LAST)
        for scene in scenes(unknown)
        if r + scene[2] <= LAST
    )


# ------------------------------------------------------------------------------------- reasons

LINEAR_CELL = Reason("the linear cell: the pixels add up to 2r", theorem("one kink"))
SUMS_AGREE = Reason(
    "sum pooling does not see a shift", "docs/invariance/dense.md#a-pulse-that-is-not-centred"
)
EQUAL = Reason(
    "a dense readout may be sum pooling", "docs/invariance/dense.md#the-error-is-a-spline"
)
TRADE = Reason("a linear network trades radius against background", theorem("price of invariance"))
FLAT = Reason("ReLU has only one flat piece", "docs/invariance/background.md#one-channel")
EDGE = Reason(
    "two channels read the background at an edge",
    "docs/invariance/background.md#two-channels-read-the-background-at-an-edge",
)
MIRROR = Reason(
    "three channels, each straight where another bends",
    "docs/invariance/background.md#two-channels-read-the-background-at-an-edge",
)
CROWDED = Reason(
    "two channels with three taps cannot balance bends and slopes",
    theorem("large rings"),
)
DROPPED = Reason(
    "a slope at which one channel is enough",
    "docs/invariance/atlas.md#one-channel-with-a-slope-of-its-own",
)
BORDER = Reason("the border is an edge", "docs/invariance/background.md#zeros-beyond-the-border")
NO_WEIGHT = Reason(
    "weights that add up to 0", "docs/invariance/background.md#zeros-beyond-the-border"
)
LIGHT = Reason(
    "a linear network measures light", "docs/invariance/atlas.md#what-linear-networks-lose"
)
SILENCE = Reason("counting silence", theorem("quiet channel"))
QUOTIENT = Reason("no sum of activations is a quotient", theorem("no quotient"))
CHAIN = Reason("two backgrounds and a contrast make a chain", theorem("chain of contrasts"))
LEG = Reason("one leg of the compass", "docs/invariance/atlas.md#one-leg")
RULER = Reason("the ruler", "docs/invariance/contrast.md#the-ruler")


# ---------------------------------------------------------------------------------------- rows


def moments(values: Sequence[Fraction]) -> tuple[Fraction, Fraction]:
    """(mean, variance) of equally likely values."""
    mean = sum(values, Fraction(0)) / len(values)
    return mean, sum(((x - mean) ** 2 for x in values), Fraction(0)) / len(values)


def _linear_loss(place: Place) -> Loss:
    (mean, spread) = moments(RADII[place.radii])
    level, light = (
        moments(LOSS_CONTRASTS) if place.unknown != "background" else (Fraction(1), Fraction(0))
    )
    shade = moments(LOSS_BACKGROUNDS)[1] if place.unknown != "contrast" else Fraction(0)
    if place.readout == "dense":
        return Loss(dense_risk(spread, light, level), r"\frac{VA}{A + \mu^2}", True)
    lift = PIXELS if place.padding == "ring" else Fraction(0)
    formula = r"V - \frac{(2\mu V)^2}{4(VA + V\mu^2 + Am^2) + T^2B}"
    return Loss(sum_risk(spread, mean, light, level, shade, lift), formula, True)


def _row(place: Place) -> AtlasEntry:
    unknown, dense, real = place.unknown, place.readout == "dense", place.radii == "real"
    linear, relu = place.kind == "linear", place.kind.startswith("relu")
    straight = RELU if relu else IDENTITY
    if unknown in ("nothing", "place"):
        net = networks.linear_cell(straight)
        if dense:
            return AtlasEntry(place, "feasible", EQUAL, networks.as_dense(net))
        return AtlasEntry(
            place, "feasible", LINEAR_CELL if unknown == "nothing" else SUMS_AGREE, net
        )
    if unknown == "background":
        if dense:
            return AtlasEntry(
                place,
                "feasible",
                NO_WEIGHT,
                networks.zero_sum(straight, -LOW if relu else Fraction(0)),
            )
        if place.padding == "zeros":
            return AtlasEntry(place, "feasible", BORDER, networks.border_edge(straight))
        return _on_the_ring(place)
    if linear:
        return AtlasEntry(place, "infeasible", LIGHT, loss=_linear_loss(place))
    if unknown == "both" and not dense:
        # Between half-integers V is the variance of the half-integers alone, and V/12 need not be
        # sharp.  With a given σ it is a bound; with σ at will it is reached.
        spread = moments(sorted({(r - HALF) // 1 + HALF for r in RADII[place.radii]}))[1]
        price = background_contrast_risk(spread)
        loss = Loss(price, r"\frac{V}{12}", place.radii == "half" and not relu)
        return AtlasEntry(place, "infeasible", CHAIN, loss=loss)
    if real:
        return AtlasEntry(place, "infeasible", QUOTIENT)
    if unknown == "contrast":
        net = networks.silence_counting()
        return AtlasEntry(place, "feasible", SILENCE, networks.as_dense(net) if dense else net)
    if relu:
        return AtlasEntry(place, "feasible", LEG, networks.right_edge())
    return AtlasEntry(place, "feasible", RULER, networks.ruler())


def _on_the_ring(place: Place) -> AtlasEntry:
    """Background, sums, ring: where the number of channels counts."""
    real = place.radii == "real"
    if place.kind == "linear":
        return AtlasEntry(place, "infeasible", TRADE, loss=_linear_loss(place))
    if place.kind == "relu 1":
        return AtlasEntry(place, "infeasible", FLAT)
    if place.kind == "any":
        net = networks.merged_channels() if real else networks.dropped_channel()
        return AtlasEntry(place, "feasible", DROPPED, net)
    if real and place.kind == "relu 2":
        return AtlasEntry(place, "infeasible", CROWDED)
    if real:
        return AtlasEntry(place, "feasible", MIRROR, networks.edge_channels("three"))
    return AtlasEntry(place, "feasible", EDGE, networks.edge_channels("two"))


@cache
def entries() -> tuple[AtlasEntry, ...]:
    """Every cell once, line by line."""
    return tuple(
        _row(Place(unknown, readout, radii, padding, kind))
        for (unknown, padding), readout, radii, kind in product(LINES, READOUTS, RADII, KINDS)
    )
