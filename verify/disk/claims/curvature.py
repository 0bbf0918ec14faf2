"""The bend of the edge: pixels in 60 digits, circles against their tangents, means over centres,
and trained channels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import pi

import mpmath
import numpy as np
import torch

from numerics.arithmetic.compile import activation
from numerics.arithmetic.rounding import UNIT, gamma
from numerics.arithmetic.types import Array
from numerics.disk.centre_average import Centres, centres, centres_bound, variation
from numerics.disk.curvature import NARROW, constant_of, direction_bound, nodes, remainder
from numerics.disk.disk import disk_bound, ring
from numerics.disk.perimeter import angles, circle_windows, difference, half_squares, reach
from numerics.disk.perimeter_enclosure import (
    Filter,
    Strength,
    derivatives_of,
    filter_of,
    strength_of,
)
from theory.disk.curvature import LAW, Curvature
from theory.disk.disk import pixel
from theory.disk.perimeter import STEPS, edge
from verify.disk import curvature_figures as draw
from verify.disk.ensemble import disk_windows, train_networks
from verify.disk.networks import Difference, across, disks
from verify.disk.networks import train as train_one
from verify.models.networks import elementwise
from verify.models.problem import NetworkBatch, NetworkShape
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.figures import figure
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "KINDS", "check", "figures", "narrow_bound", "train"]

Step = tuple[int, int]

# ------------------------------------------------------------------------------------------ check

DIGITS, DISTANT = 60, 10**12
"""The radius at which a pixel's area is held to its tangent and bend, in this number of digits."""
CHECKED_RADIUS, CHECKED_PARTS = 16.3, 32
"""A radius, and n of the n × n centres."""
NAMES = ("identity", "square", "cube", "tanh", "softplus", "gelu")
KINKS = ("abs", "relu", "hardtanh")
HUGE, TURNS = 2.0e5, 48
"""A circle that is compared with its tangents, and in how many directions."""
PIXEL_RADIUS, PIXEL_PARTS = 24.3, 112
"""Where the cube of one pixel is held to Sylvester's constant."""
NARROW_RADIUS, NARROW_PARTS = 3.0, 32


def _bends(law: Curvature, rng: np.random.Generator) -> bool:
    """r times what a pixel of a huge disk lacks of a half square, against half the
    second moment.
    """
    with mpmath.workdps(DIGITS):
        turn, r = mpmath.mpf(rng.uniform(0.02, 1.55)), mpmath.mpf(DISTANT)
        quarter = int(rng.integers(4))
        c, s = (
            mpmath.cos(turn + quarter * mpmath.pi / 2),
            mpmath.sin(turn + quarter * mpmath.pi / 2),
        )
        u, v = (int(x) for x in rng.integers(-2, 3, 2))
        t = mpmath.mpf(rng.uniform(-reach(1), reach(1))) - u * c - v * s
        lack = pixel(u - (r - t) * c, v - (r - t) * s, r, mpmath) - edge(t + u * c + v * s, c, s)
        bend = law.moment(t + u * c + v * s, v * c - u * s, c, s) / 2
        # Rows whose end the edge passes: four stretches of δ/|cs| at most, δ wide, with δ <=
        # κρ²/2r; and δ - ℓ²/2r.
        rho = mpmath.mpf(reach(5))
        allowed = (NARROW * rho**2) ** 2 / (4 * r) * (4 / abs(c * s) + 1)
        return bool(abs(r * lack + bend) <= allowed)


@lru_cache(maxsize=8)
def _centres(r: float, parts: int, taps: int) -> Centres:
    return centres(r, parts, taps)


@dataclass(frozen=True)
class _Case:
    """A filter, its P and C, and by how much F̄ - πr²Δ at a radius, found at n² centres, may differ
    from Pr + C.
    """

    edge: Filter
    strength: float
    constant: float
    mean: float
    r: float
    allowed: float


def _cases(lab: Lab) -> tuple[_Case, ...]:
    """Random filters, half of them of one sign, |w|₁ = 1: their sums at all centres by numpy."""
    rng, cases = lab.rng("curvature/means over centres"), [_pixel()]
    for k in range(max(len(NAMES), lab.profile.draws // 8)):
        w = rng.normal(size=(3, 3)) if k % 2 else rng.uniform(0, 1, (3, 3))
        w /= np.abs(w).sum()
        channel = filter_of(w, float(rng.uniform(-0.5, 0.5)), NAMES[k % len(NAMES)])
        strength, sigma = strength_of(channel, 1e-5), activation(channel.name)[0]
        r, grid = CHECKED_RADIUS, _centres(CHECKED_RADIUS, CHECKED_PARTS, 3)
        values = sigma(grid.windows @ channel.w.ravel() + channel.b) - sigma(np.array(channel.b))
        allowed = centres_bound(_varies(channel), r, CHECKED_PARTS) + _off(grid, channel)
        cases.append(_case(channel, strength, float(grid.mean(values, channel.rise)), r, allowed))
    return tuple(cases)


def _case(channel: Filter, strength: Strength, mean: float, r: float, allowed: float) -> _Case:
    """With what P, C and the terms after it may be off."""
    constant = constant_of(channel)
    assert strength.error is not None and constant.error is not None
    allowed += r * strength.error + constant.error + remainder(channel, r)
    return _Case(channel, strength.value, constant.value, mean, r, allowed)


def _pixel() -> _Case:
    """The cube of one pixel: of the centres one eighth, the others are its mirror images."""
    channel, r, parts = filter_of(np.ones((1, 1)), 0.0, "cube"), PIXEL_RADIUS, PIXEL_PARTS
    total, count = 0.0, 0
    for k in range(parts // 2):
        for j in range(k + 1):
            windows, lit, _, _ = ring(r, ((k + 0.5) / parts, (j + 0.5) / parts), 1)
            copies = 8 if j < k else 4
            total += copies * (float(np.sum(windows**3)) + lit - pi * r * r)
            count += copies
    strength = strength_of(channel, 1e-6)
    rounding = (8 * r + 4) * (3 * float(disk_bound(r)) + float(gamma(8 * r * parts**2)))
    allowed = centres_bound(_varies(channel), r, parts) + rounding
    return _case(channel, strength, total / count, r, allowed)


@lru_cache(maxsize=2)
def _circle(taps: int) -> tuple[Array, Array]:
    """What a window shows of a circle of radius :data:`HUGE` at all nodes, and of its tangent: (T,
    pieces, G, n, n).
    """
    node = nodes(taps, TURNS)
    edges = zip(node.t, node.c.ravel().tolist(), node.s.ravel().tolist(), strict=True)
    straight = np.stack([np.moveaxis(half_squares(taps, *tangent), 0, -1) for tangent in edges])
    bent = circle_windows(HUGE, node.t, node.c, node.s, taps)
    return bent, straight.reshape(bent.shape)


OFF = float(disk_bound(HUGE)) + 8 * UNIT * HUGE
"""How far a pixel of :func:`_circle` is from its area: its place is rounded, too."""


@dataclass(frozen=True)
class _Bent:
    """A filter at a circle less its tangent, times the radius: by direction (T,), and how far that
    may be from what C has there.
    """

    edge: Filter
    change: Array
    allowed: Array

    def scores(self, law: Curvature) -> tuple[Array, Array]:
        """Distances from the law's C by direction, and its size, both in units of what is allowed:
        (T,).
        """
        claimed = constant_of(self.edge, law, TURNS, proved=False).by_direction
        return np.abs(self.change - claimed) / self.allowed, np.abs(claimed) / self.allowed


def _bent(channel: Filter, z: Array, p: Array, values: Array, flat: Array, dark: float) -> _Bent:
    """From pre-activations at the circle and at its tangent, and what σ makes of them and of
    darkness.
    """
    node, r = nodes(len(channel.w), TURNS), HUGE
    each = r * (values - flat) - node.t * (values - dark - channel.rise * (node.t > 0))
    change = np.sum(node.weight * each, axis=(1, 2)) * TURNS / (2 * pi)
    return _Bent(channel, change, direction_bound(channel, TURNS, r, z, p, OFF))


def _drawn(lab: Lab) -> tuple[_Bent, ...]:
    """Random filters of |w|₁ = 1, smooth and with kinks."""
    rng, changes, names = lab.rng("curvature/bends"), [], NAMES + KINKS
    for k in range(max(2 * len(names), lab.profile.draws // 4)):
        w = rng.normal(size=(3, 3))
        w /= np.abs(w).sum()
        channel = filter_of(w, float(rng.uniform(-0.5, 0.5)), names[k % len(names)])
        sigma = activation(channel.name)[0]
        z, p = (np.tensordot(x, channel.w, 2) + channel.b for x in _circle(3))
        changes.append(_bent(channel, z, p, sigma(z), sigma(p), float(sigma(np.array(channel.b)))))
    return tuple(changes)


def _varies(channel: Filter) -> float:
    sizes = derivatives_of(channel).sizes
    return variation(float(np.abs(channel.w).sum()), sizes[1], 2 * sizes[2])


def _off(grid: Centres, channel: Filter) -> float:
    """Rounding of a mean over centres: pixels, sums of taps, σ, and the sum over all windows."""
    sizes, count = derivatives_of(channel).sizes, len(grid.windows)
    weight = float(np.abs(channel.w).sum())
    each = sizes[1] * weight * (grid.error + float(gamma(channel.w.size + 4))) + (
        count + 32
    ) * UNIT * (1 + weight + abs(channel.b) + 2 * sizes[0])
    area = 8 * UNIT * pi * grid.r**2 * abs(channel.rise)
    return count / grid.parts**2 * each + area


def _kappa(rng: np.random.Generator, step: Step) -> Array:
    return np.asarray(rng.uniform(0.2, 1, (3, 3)) * across(step))


def narrow_bound(step: Step, r: float, parts: int) -> float:
    """How far the mean over parts² centres of Σ|κ ⋆ (difference along e)| is from Σκ (4|e|r +
    narrowing/r), for Σκ = 1.

    A line passes the one change of sign at most once, where the slope, at most 2, turns around: it
    varies by 8 + 4. Beyond the order 1/r: δ - X²/2r = δ²/2r with δ <= κX²/2r, and E X⁴ for a step
    and a pixel that are independent.
    """
    square = step[0] ** 2 + step[1] ** 2
    tall = 1 / 80 if 0 in step else 1 / 160 + 1 / 96
    fourth = square**2 / 80 + square / 24 + tall
    return float(centres_bound(12.0, r, parts) + NARROW**2 / 2 * square**0.5 * fourth / r**3)


def _narrow_centres(step: Step) -> Centres:
    return _centres(NARROW_RADIUS, NARROW_PARTS, 3 + 2 * max(step))


def _small(step: Step) -> float:
    """Rounding of such a mean: two pixels to a difference, nine differences, and the sum over all
    windows.
    """
    grid = _narrow_centres(step)
    count = len(grid.windows)
    return count / NARROW_PARTS**2 * (2 * grid.error + float(gamma(count + 80)))


def _width(law: Curvature, step: Step, r: float) -> float:
    """4|e|r and the term after it."""
    return float(
        4 * np.hypot(*step) * r + law.narrowing(float(step[0]), float(step[1]), mpmath) / r
    )


def _narrowed(lab: Lab) -> tuple[tuple[Step, float, float], ...]:
    """Steps, the means of Σ|κ ⋆ difference| over all centres for random κ, and Σκ."""
    rng, means = lab.rng("curvature/differences drawn"), []
    for step in STEPS:
        grid = _narrow_centres(step)
        for _ in range(max(2, lab.profile.draws // 40)):
            kappa = _kappa(rng, step)
            z = grid.windows @ difference(kappa, step).ravel()
            means.append((step, float(grid.mean(np.abs(z), 0.0)), float(kappa.sum())))
    return tuple(means)


def _widths_differ(law: Curvature, narrowed: tuple[tuple[Step, float, float], ...]) -> int:
    wrong = 0
    for step, total, weight in narrowed:
        gap = abs(total / weight - _width(law, step, NARROW_RADIUS))
        wrong += not gap <= narrow_bound(step, NARROW_RADIUS, NARROW_PARTS) + _small(step)
    return wrong


def check(law: Curvature, lab: Lab) -> Column:
    """Pixels of a huge disk in 60 digits, differences at a small radius, C by direction, and sums
    at a thousand centres; the first of these that fails is enough.
    """
    rng, draws = lab.rng("curvature"), lab.profile.draws
    bends = sum(not _bends(law, rng) for _ in range(draws))
    words = (
        f"pixels of a disk of radius {DISTANT:.0e}, of {draws}, that do not bend as the law says:"
        f" {bends}"
    )
    if bends:
        return column(bends, 0, words)
    narrowed = lab.once("curvature/differences drawn", _narrowed, lab)
    widths = _widths_differ(law, narrowed)
    words += (
        f"; widths, of {len(narrowed)} at r = {NARROW_RADIUS:g}, that differ in the order 1/r:"
        f" {widths}"
    )
    if widths:
        return column(widths, 0, words)
    drawn = [bent.scores(law) for bent in lab.once("curvature/bends", _drawn, lab)]
    directions = sum(bool(np.max(gaps) > 1) for gaps, _ in drawn)
    sharp = [float(np.median(sizes)) for _, sizes in drawn]
    words += (
        f"; filters, of {len(drawn)}, whose answer to a circle of radius {HUGE:.0e} less that to"
        f" its tangents is not C in one of {TURNS} directions: {directions} (what C has in a"
        f" direction is {np.median(sharp):.0f} times as large as the tolerance there, in the"
        f" median, and {min(sharp):.1f} at least)"
    )
    if directions:
        return column(directions, 0, words)
    sums, cases = 0, lab.once("curvature/means over centres", _cases, lab)
    for case in cases:
        constant = constant_of(case.edge, law, proved=False).value
        sums += not abs(case.mean - case.strength * case.r - constant) <= case.allowed
    ratios = [abs(case.constant) / case.allowed for case in cases]
    words += (
        f"; means over centres, of {len(cases)}, farther from πr²Δ + Pr + C than their bounds:"
        f" {sums} (|C| is {ratios[0]:.1f} times the tolerance for the cube of one pixel, and"
        f" {np.median(ratios):.2f} in the median)"
    )
    return column(sums, 0, words)


# --------------------------------------------------------------------------------------- training

R = np.linspace(3, 10, 36)
HALF_LENGTH, STEPS_OF_LM = 14, 10
KINDS = (
    *(NetworkShape(name, 2) for name in ("tanh", "sigmoid", "gelu", "silu")),
    NetworkShape("abs", 1),
    NetworkShape("relu", 2),
)
"""What is trained."""
MOST = 40
"""Networks of a kind, at most."""
ROWS = 1 << 15


def _networks(lab: Lab) -> int:
    return min(max(lab.profile.networks // 10, 2), MOST)


def _trained(lab: Lab) -> dict[NetworkShape, NetworkBatch]:
    """A few steps of Levenberg-Marquardt from random starts."""
    return lab.once("curvature/networks", _train, lab)


def _train(lab: Lab) -> dict[NetworkShape, NetworkBatch]:
    ensembles, networks = {}, _networks(lab)
    for shape in KINDS:
        rng = lab.rng(("curvature/networks", shape))
        windows = disk_windows(R, shape.taps, HALF_LENGTH)
        ensembles[shape] = train_networks(shape, windows, R, networks, rng, STEPS_OF_LM)
    return ensembles


def _channels(name: str, nets: NetworkBatch) -> list[Filter]:
    flat = nets.w.reshape(-1, *nets.w.shape[2:])
    return [filter_of(w, b, name) for w, b in zip(flat, nets.b.ravel().tolist(), strict=True)]


def _turned(lab: Lab) -> tuple[_Bent, ...]:
    """Every channel of every network, heavy or not: torch's answers to a circle less those to its
    tangents.
    """
    changes = []
    for shape, nets in _trained(lab).items():
        taps, sigma = shape.taps, elementwise(shape.activation)
        w, b = torch.tensor(nets.w.reshape(-1, 1, taps, taps)), torch.tensor(nets.b.reshape(-1))
        with torch.no_grad():
            z, p = (
                torch.nn.functional.conv2d(torch.tensor(x.reshape(-1, 1, taps, taps)), w, b)[
                    :, :, 0, 0
                ].T
                for x in _circle(taps)
            )
            every = [
                x.numpy().reshape(-1, *_circle(taps)[0].shape[:3])
                for x in (z, p, sigma(z), sigma(p))
            ]
            dark = sigma(b).numpy().tolist()
        changes += [
            _bent(channel, *parts)
            for channel, *parts in zip(_channels(shape.activation, nets), *every, dark, strict=True)
        ]
    return tuple(changes)


@dataclass(frozen=True)
class _Narrow:
    """A trained difference: its step, the mean of its sums over centres at :data:`NARROW_RADIUS` by
    torch, twice that of ReLU, and Σ|κ|.
    """

    step: Step
    mean: float
    weight: float


def _differences(lab: Lab) -> tuple[_Narrow, ...]:
    """abs or ReLU of each difference, κ trained from random positive taps; Σκ = 0 stands for one
    that changed its sign.
    """
    rng, differences = lab.rng("curvature/differences trained"), []
    r = np.linspace(3, 10, 15)
    x, share = disks(r, HALF_LENGTH), np.full(15, 1 / 15)
    for step, name in zip(STEPS, ("abs", "relu", "abs"), strict=True):
        net = Difference(name, step, across(step), rng)
        train_one(net, x, r, share, STEPS_OF_LM, 1)
        kappa = net.conv.weight.detach().numpy()[0, 0]
        kept = kappa[across(step) > 0]
        w = torch.tensor(difference(kappa, step))[None, None]
        total = 0.0
        with torch.no_grad():
            for some in torch.tensor(_narrow_centres(step).windows).split(ROWS):
                z = torch.nn.functional.conv2d(some.reshape(-1, 1, *w.shape[2:]), w)
                total += float(torch.sum(net.activation(z)))
        total *= (1 + (name == "relu")) / NARROW_PARTS**2
        weight = float(np.abs(kappa).sum()) if np.all(kept > 0) or np.all(kept < 0) else 0.0
        differences.append(_Narrow(step, total, weight))
    return tuple(differences)


def train(law: Curvature, lab: Lab) -> Column:
    """What torch makes of a circle's bend in every channel, by direction; and differences in the
    order 1/r.
    """
    networks = _networks(lab)
    turned = [bent.scores(law) for bent in lab.once("curvature/channels turned", _turned, lab)]
    farthest = max(float(np.max(gaps)) for gaps, _ in turned)
    sharp = [float(np.median(sizes)) for _, sizes in turned]
    narrow, mixed = [0.0], 0
    for each in lab.once("curvature/differences trained", _differences, lab):
        if not each.weight:
            mixed += 1
            continue
        gap = abs(each.mean / each.weight - _width(law, each.step, NARROW_RADIUS))
        narrow.append(
            gap / (narrow_bound(each.step, NARROW_RADIUS, NARROW_PARTS) + _small(each.step))
        )
    detail = (
        f"{len(KINDS) * networks} networks with one or two channels"
        f" ({', '.join(shape.activation for shape in KINDS)}) from random starts. Figure: the"
        " largest distance from the law in units of its bound, of torch's answers to a circle of"
        f" radius {HUGE:.0e} less those to its tangents, {len(turned)} channels, from C in {TURNS}"
        f" directions ({farthest:.2g}; what C has in a direction is {np.median(sharp):.0f} times as"
        " large as the tolerance there, in the median over directions and channels), and of"
        f" {len(narrow) - 1} trained differences at radius {NARROW_RADIUS:g} from 4|m|r and the"
        f" term 1/r ({np.max(narrow):.2g}; {mixed} more ended with κ of both signs)"
    )
    return column(max(farthest, *narrow) if len(narrow) > 1 else float("nan"), 1.0, detail)


# ---------------------------------------------------------------------------------------- figures

SHOWN_RADII, SHOWN_PARTS = np.array([6.2, 9.1, 13.4, 20.3, 30.1, 45.2]), 8


def figures(lab: Lab) -> tuple[Figure, ...]:
    """Features less area and perimeter, tending to their constants; and C by direction."""
    chosen = []
    for shape, nets in _trained(lab).items():
        light = [
            channel for channel in _channels(shape.activation, nets) if np.abs(channel.w).sum() < 5
        ]
        if light:
            chosen.append(max(light, key=lambda channel: abs(constant_of(channel).value)))
    curves: dict[str, tuple[Array, float]] = {}
    for channel in chosen:
        sigma, length = activation(channel.name)[0], strength_of(channel, 1e-5).value
        values, dark = [], sigma(np.array(channel.b))
        for r in SHOWN_RADII.tolist():
            grid = _centres(r, SHOWN_PARTS, 3)
            response = sigma(grid.windows @ channel.w.ravel() + channel.b) - dark
            values.append(float(grid.mean(response, channel.rise)) - length * r)
        curves[channel.name] = (np.array(values), constant_of(channel).value)
    bend = replace(LAW, local=lambda t, slope, second, lack: -slope * second / 2 + 0 * t * lack)
    panels = []
    for channel in chosen[:3]:
        both, part = constant_of(channel).by_direction, constant_of(channel, bend).by_direction
        panels.append((channel.name, part, both - part))
    caption = (
        "Of every kind of trained network the channel with the largest constant: its mean feature"
        f" over {SHOWN_PARTS**2} centres, less πr²Δ + Pr (points), and C (lines). The points"
        " approach the lines; for abs and ReLU, which have kinks, no bound on the distance is"
        " known."
    )
    by_direction = (
        "What every direction of the edge adds to C: the bend of the edge, the shorter circle"
        " inside it, and both together, for three trained channels. Without an activation the sum"
        " would turn once around to 0; the constant is what σ leaves of it."
    )
    return (
        figure(
            "curvature-rests",
            "What is left beside area and perimeter",
            caption,
            draw.rests(SHOWN_RADII, curves),
        ),
        figure(
            "curvature-directions",
            "The constant by direction",
            by_direction,
            draw.directions(angles(len(panels[0][1])), panels),
        ),
    )


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "chords of a square from its definition, and integrals over a pixel once around",
            ("theory.disk.curvature._chord",),
        ),
        check=Judge(
            "pixels of disks in 60 digits, circles less their tangents, and sums at all "
            "centres by numpy",
            ("numerics.disk.disk", "theory.disk.disk.pixel", f"{__name__}._circle"),
            (
                "numerics.disk.perimeter.half_squares",
                "theory.disk.perimeter.edge",
                "theory.disk.perimeter.kernel",
            ),
        ),
        training=Judge(
            "torch's answers to a circle less those to its tangents",
            (
                "verify.disk.networks",
                "verify.disk.ensemble.train_networks",
                "verify.models.networks",
            ),
        ),
    ),
    figures=figures,
)
"""What the claim rests on."""
