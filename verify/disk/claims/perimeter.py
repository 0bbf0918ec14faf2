"""Edges: half squares by clipping polygons, sums over exact disks, and trained differences that
measure a width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import torch
from torch import Tensor

from numerics.arithmetic.compile import activation
from numerics.arithmetic.rounding import gamma
from numerics.arithmetic.types import Array
from numerics.disk.disk import disk, disk_bound, pixels
from numerics.disk.perimeter import (
    Midpoints,
    circle_bound,
    circle_windows,
    difference,
    edge_response,
    half_squares,
    reach,
    sides,
    strength,
    strength_bound,
)
from numerics.disk.perimeter_enclosure import Strength, by_direction, filter_of, quadrature_of
from theory.disk.perimeter import STEPS, Perimeter
from verify.disk import figures as draw
from verify.disk.clipping import clipped, rational_direction
from verify.disk.differences import (
    COUNT,
    FAR,
    FRESH,
    HALF_LENGTH,
    HIGH,
    LOW,
    TrainedDifference,
    differences,
    free,
    networks_of_each,
)
from verify.disk.networks import ARRIVED, across, disks
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.figures import figure
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "figures", "floor", "train"]

Step = tuple[int, int]
DIGITS = 40
NAMES = {(1, 0): "next pixel", (2, 0): "next but one", (1, 1): "along the diagonal"}


def _width(law: Perimeter, step: Step, r: float) -> Any:
    """The law's sum for Σκ = 1, in 40 digits."""
    with mpmath.workdps(DIGITS):
        return law.width(step, mpmath.mpf(r), int(r + 1), mpmath)


def _straight(r: float) -> float:
    """4 + 18/r: how far 2 Σ x_r over the crest may be from 4|e|r (derived in
    docs/disk/perimeter.md).
    """
    return 4 + 18 / r


# ------------------------------------------------------------------------------------------ check


def _one_signed(rng: np.random.Generator, step: Step) -> Array:
    """κ ⋆ (difference along e) with κ >= 0 wherever it fits into 3 × 3."""
    w = np.zeros((3, 3))
    for u in range(3):
        for v in range(3):
            if 0 <= u + step[0] < 3 and 0 <= v + step[1] < 3:
                tap = rng.uniform(0, 1)
                w[u + step[0], v + step[1]] += tap
                w[u, v] -= tap
    return w


@dataclass(frozen=True)
class _Known:
    """Filters w (F, n, n) with biases b (F,) behind one row of the catalogue, and P of each by
    splines, with a proved error.
    """

    name: str
    w: Array
    b: Array
    strengths: tuple[Strength, ...]

    def apart(self, lengths: Array, bound: Array) -> int:
        """How many P differ from those by more than both errors."""
        off = [np.inf if exact.error is None else exact.error for exact in self.strengths]
        near = np.abs(lengths - [exact.value for exact in self.strengths]) <= bound + off
        return int(np.sum(~near))


def _known(name: str, w: Array, b: Array) -> _Known:
    edges = (filter_of(taps, x, name) for taps, x in zip(w, b.tolist(), strict=True))
    return _Known(name, w, b, tuple(quadrature_of(edge, most=1 << 12) for edge in edges))


@dataclass(frozen=True)
class _Sum:
    """Σ |κ ⋆ (x(p + e) - x(p))| over the disk of radius r, Σκ, and by how much rounding may move
    it.
    """

    step: Step
    r: float
    weight: float
    total: float
    slack: float


@dataclass(frozen=True)
class _Cases:
    """What the law is held to.

    Attributes
    ----------
    edges: t, cos θ, sin θ and the area of a square clipped there, in fractions.
    flat: smoothed differences of one sign, then any filters with S = 0; wide: filters with Δ ≠ 0.
    sums: over disks.
    """

    edges: tuple[tuple[Fraction, Fraction, Fraction, Fraction], ...]
    flat: _Known
    wide: tuple[_Known, ...]
    sums: tuple[_Sum, ...]


def _cases(lab: Lab) -> _Cases:
    rng, edges, wide, sums = lab.rng("perimeter"), [], [], []
    axes = [(Fraction(x), Fraction(y)) for x, y in ((1, 0), (0, 1), (-1, 0), (0, -1))]
    for c, s in (*axes * 4, *(rational_direction(rng) for _ in range(lab.profile.draws))):
        t = Fraction(int(rng.integers(-96, 97)), 96)
        edges.append((t, c, s, clipped(t, c, s)))
    signed = [_one_signed(rng, e) for e in ((1, 0), (0, 2), (1, 1), (1, -1), (2, 1))]
    others = rng.normal(size=(12, 3, 3))
    w = np.concatenate([signed, others - others.mean(axis=(1, 2), keepdims=True)])
    for name, some in zip(("relu", "tanh"), rng.normal(size=(2, 4, 3, 3)), strict=True):
        wide.append(_known(name, some, rng.uniform(-0.5, 0.5, len(some))))
    for r in (*rng.uniform(0.5, 12, max(lab.profile.draws // 8, 6)).tolist(), 300.25):
        x = np.pad(disk([r], int(r) + 1)[0], 5)
        for step in STEPS:
            kappa = rng.uniform(0, 1, (3, 3)) * across(step)
            moved = np.roll(x, (-step[0], -step[1]), axis=(0, 1)) - x
            places = np.argwhere(kappa).tolist()
            z = sum(kappa[u, v] * np.roll(moved, (1 - u, 1 - v), axis=(0, 1)) for u, v in places)
            total, weight = float(np.sum(np.abs(z))), float(kappa.sum())
            sums.append(_Sum(step, r, weight, total, float(_slack(weight, r, x.size, 3))))
    return _Cases(tuple(edges), _known("abs", w, np.zeros(len(w))), tuple(wide), tuple(sums))


def check(law: Perimeter, lab: Lab) -> Column:
    """Half squares in fractions, P by quadrature against 4|m|, and the double sums over numpy's
    disks; the first of these that fails is enough.
    """
    cases = lab.once("perimeter/cases", _cases, lab)
    edges = sum(law.edge(t, c, s) != area for t, c, s, area in cases.edges)
    words = (
        f"half squares, of {len(cases.edges)}, whose area is not that of the clipped square:"
        f" {edges}"
    )
    if edges:
        return column(edges, 0, words)
    flat, w, place = cases.flat, cases.flat.w, np.arange(-1, 2)
    moment = np.stack([np.einsum("fij,i->f", w, place), np.einsum("fij,j->f", w, place)])
    (up, down), bound = sides(w, law.edge), strength_bound(w)
    least = np.array([float(law.dipole(x, y, mpmath)) for x, y in moment.T.tolist()])
    price = np.sum(law.gap(up, down), axis=1)
    # A midpoint rule is off by its bound in ∫ p₊ and in ∫ p₋, whose smaller part counts twice.
    dipoles = flat.apart(least + price, 2 * bound)
    dipoles += flat.apart(np.sum(up + down, axis=1), bound)
    both = 2 * np.sum(np.minimum(up, down), axis=1) > 2 * bound
    part = float(np.max(bound / np.array([strength.value for strength in flat.strengths])))
    words += (
        f"; filters with S = 0, of {len(w)}, whose P is not 4|m| and what both signs add, or not"
        f" that of their quadrature: {dipoles} (the midpoint rule is bounded to {part:.0%} of P;"
        f" {int(np.sum(both))} have P > 4|m| by more than the tolerance)"
    )
    if dipoles:
        return column(dipoles, 0, words)
    sums, areas = 0, 0
    for some in cases.wide:
        sigma = activation(some.name)[0]
        lengths = strength(some.w, some.b, sigma, law=law.edge, add=law.lack)
        areas += some.apart(lengths, strength_bound(some.w))
    for each in cases.sums if not areas else ():
        width = each.weight * float(_width(law, each.step, each.r))
        sums += not abs(each.total - width) <= each.slack
        x, y = (each.weight * side for side in each.step)
        along = float(law.dipole(x, y, mpmath)) * each.r
        sums += not abs(each.total - along) <= each.weight * _straight(each.r) + each.slack
    count = sum(len(some.w) for some in cases.wide)
    words += (
        f"; filters with Δ ≠ 0, of {count}, with another P: {areas}; sums over disks, of"
        f" {2 * len(cases.sums)}, that differ from the law: {sums}"
    )
    shown = np.any(both) and not np.all(both)
    return column(areas + sums if shown else float("nan"), 0, words)


def _slack(weight: float, r: float | Array, size: int, taps: int) -> Any:
    """Rounding of Σ |κ ⋆ (x(p + e) - x(p))|: at most 3(8r + 4) differences are not 0, each of two
    pixels.
    """
    met = 8 * r + 4
    return weight * met * (6 * disk_bound(r) + 6 * gamma(taps * taps + size + 6))


# --------------------------------------------------------------------------------------- training

LINES = 8
"""Directions in which torch's answers are added up across an edge."""
PATCHES, FARTHEST = 40, 1.0e5


@dataclass(frozen=True)
class Patches:
    """Windows 7 × 7 at random places of a disk so large that it is straight; t (P,) and the inner
    normal (P, 2).
    """

    windows: Array
    t: Array
    normal: Array


def _patches(lab: Lab) -> Patches:
    rng = lab.rng("perimeter/patches")
    turn, inside = rng.uniform(0, 2 * np.pi, PATCHES), rng.uniform(-2.5, 2.5, PATCHES)
    centre = np.rint((FARTHEST - inside) * np.stack([np.cos(turn), np.sin(turn)])).astype(int)
    offset = np.arange(-3, 4)
    i, j = np.broadcast_arrays(
        centre[0][:, None, None] + offset[:, None], centre[1][:, None, None] + offset
    )
    length = np.hypot(*centre.astype(float))
    return Patches(pixels(FARTHEST, i, j), FARTHEST - length, -(centre / length).T)


def _edge_ratio(squares: Array, w: Array, z: Tensor, patches: Patches) -> float:
    """The largest distance between torch's pre-activations z at the edge and p_θ(t), in units of
    what the curvature may do.
    """
    claimed = squares @ np.pad(w, (7 - len(w)) // 2).ravel()
    weight, rho = float(np.abs(w).sum()), reach(len(w))
    # The formula divides four squares of at most (ρ + 1)² by cs.
    steep = (rho + 1) ** 2 / float(np.min(np.abs(np.prod(patches.normal, axis=1))))
    allowed = circle_bound(FARTHEST, rho) + float(gamma(60)) * steep
    return float(np.max(np.abs(z.detach()[:, 3, 3].numpy() - claimed))) / (weight * allowed)


def _half_squares(law: Perimeter, patches: Patches) -> Array:
    """H_θ(t + u·n) for every patch and pixel: (P, 49)."""
    places = zip(patches.t, patches.normal.tolist(), strict=True)
    return np.array([half_squares(7, t, c, s, law.edge) for t, (c, s) in places])


@dataclass(frozen=True)
class _Line:
    """What torch's answers add up to across an edge, in :data:`LINES` directions, by one filter
    (L,) each.

    Attributes
    ----------
    parts: ∫ z₊ and ∫ z₋ of a difference; of a free filter σ(z) at all places, (L, PLACES), then σ
        in the dark and in the light.
    claimed: |m·n| of a difference; of a free filter ∫ [g(p) - g(0) - Δ 1{t > 0}] by splines.
    bound: how far a sum may be off.
    """

    free: bool
    parts: tuple[Array, ...]
    claimed: Array
    bound: Array

    def score(self, law: Perimeter) -> float:
        """The largest distance from the law in units of its bound."""
        if self.free:
            values, dark, full = self.parts
            added = law.lack(values, dark, full, (ACROSS.t > 0) * 1.0)
            integrals = np.sum(added, axis=1) * ACROSS.steps[0]
            return float(np.max(np.abs(integrals - self.claimed) / self.bound))
        up, down = self.parts
        gap = np.abs(up + down - self.claimed - law.gap(up, down))
        return float(np.max(gap / (3 * self.bound)))


ACROSS = Midpoints(7, places=800)
"""Places across an edge, at which torch's answers are added up, for windows of 7 × 7."""


def _lines(lab: Lab) -> tuple[_Line, ...]:
    """One network of each kind with κ of one sign, all with both, and the free ones, at a circle of
    radius :data:`FARTHEST`.
    """
    return lab.once("perimeter/lines", _across_lines, lab)


def _across_lines(lab: Lab) -> tuple[_Line, ...]:
    rng, step, rho = lab.rng("perimeter/lines"), ACROSS.steps[0], reach(7)
    turn = rng.uniform(0.05, np.pi / 2 - 0.05, LINES) + rng.integers(0, 4, LINES) * np.pi / 2
    c, s = np.cos(turn), np.sin(turn)
    shown = circle_windows(FARTHEST, ACROSS.t, c[:, None], s[:, None], 7)
    windows = torch.tensor(shown.reshape(-1, 7, 7))
    # The slope of a pixel rises and falls by at most √2, and is turned over where z passes a kink:
    # it varies by 6√2|w|₁.  The curvature of the circle, and the rounding of pixels and places.
    smooth = 6 * 2**0.5 * step**2 / 8
    off = smooth + 2 * rho * circle_bound(FARTHEST, rho)
    lines, trained_differences, filters = [], differences(lab), free(lab)
    with torch.no_grad():
        for k, trained in enumerate(trained_differences):
            if trained.one_sign and k % networks_of_each(lab):
                continue
            z = trained.net.preactivation(windows)[:, 0, 3, 3].numpy().reshape(LINES, -1)
            w = difference(trained.kappa, trained.net.step)
            place, weight = np.arange(len(w)) - len(w) // 2, float(np.abs(w).sum())
            moment = np.abs(float(np.sum(w.T @ place)) * c + float(np.sum(w @ place)) * s)
            parts = tuple(np.sum(np.maximum(v, 0), axis=1) * step for v in (z, -z))
            lines.append(_Line(False, parts, moment, np.full(LINES, weight * off)))
        for each in filters:
            w, b, _, _ = each.net.weights.network()
            sigma, filtered = each.net.activation, each.net.conv(windows[:, None])[:, 0, 3, 3]
            values = sigma(filtered).numpy().reshape(LINES, -1)
            dark, full = sigma(torch.tensor([b[0], w[0].sum() + b[0]])).numpy()
            claimed, doubt = by_direction(filter_of(w[0], float(b[0]), each.name), turn)
            bound = float(np.abs(w).sum()) * off + doubt
            lines.append(_Line(True, (values, dark, full), claimed, bound))
    return tuple(lines)


def floor(law: Perimeter, step: Step) -> float:
    """The least E(c + θ width - r)² on the training radii, in 40 digits."""
    with mpmath.workdps(DIGITS):
        r = [LOW + mpmath.mpf(HIGH - LOW) * k / (COUNT - 1) for k in range(COUNT)]
        wide = [law.width(step, x, HIGH + 1, mpmath) for x in r]

        def mean(values: Sequence[mpmath.mpf]) -> mpmath.mpf:
            return sum(values, mpmath.mpf(0)) / COUNT

        mean_r, mean_width = mean(r), mean(wide)
        both = mean([(x - mean_r) * (y - mean_width) for x, y in zip(r, wide, strict=True)])
        spread = mean([(y - mean_width) ** 2 for y in wide])
        return float(mean([(x - mean_r) ** 2 for x in r]) - both**2 / spread)


def _bound(trained: TrainedDifference, r: Array, size: int) -> Array:
    """Rounding of answers to disks of radii r (R,) on so many pixels."""
    sum_kappa = float(np.abs(trained.kappa).sum())
    slack = 2 * abs(trained.weight / sum_kappa) * _slack(sum_kappa, r, size, 3)
    return np.asarray(slack + gamma(size) * (abs(trained.c) + r))


def _straight_scores(law: Perimeter, lab: Lab) -> Iterator[float]:
    """What torch's networks answer where the edge is straight, or nearly so, in units of the
    bounds: across it, at places beside it, and far beyond the training radii.
    """
    yield from (line.score(law) for line in _lines(lab))
    patches = _patches(lab)
    squares, windows = _half_squares(law, patches), torch.tensor(patches.windows)
    for each in free(lab):
        w, b, _, _ = each.net.weights.network()
        z = each.net.conv(windows[:, None])[:, 0] - float(b[0])
        yield _edge_ratio(squares, w[0], z, patches)
    size, straight = (2 * int(FAR[-1]) + 11) ** 2, np.array([_straight(r) for r in FAR.tolist()])
    for trained in differences(lab):
        step = trained.net.step
        z = trained.net.preactivation(windows)[:, 0]
        yield _edge_ratio(squares, difference(trained.kappa, step), z, patches)
        if trained.one_sign:
            along = float(law.dipole(float(step[0]), float(step[1]), mpmath)) * FAR
            gap = np.abs(trained.far - trained.c - trained.weight * along)
            allowed = abs(trained.weight) * straight + _bound(trained, FAR, size)
            yield float(np.max(gap / allowed))


def train(law: Perimeter, lab: Lab) -> Column:
    """torch's pre-activations at a straight edge and answers far from the training radii, then
    losses and answers to new radii, against the law; κ of one sign.
    """
    nets, whole, lines = differences(lab), free(lab), _lines(lab)
    scores = []
    for score in _straight_scores(law, lab):
        scores.append(score)
        if score > 1:
            return column(score, 1.0, "a network answers otherwise where the edge is straight")
    late, above = 0, dict.fromkeys(STEPS, 0.0)
    floors = {step: floor(law, step) for step in STEPS}
    widths = {
        step: np.array([float(_width(law, step, r)) for r in FRESH.tolist()]) for step in STEPS
    }
    size, radii = (2 * HALF_LENGTH + 1) ** 2, np.linspace(LOW, HIGH, COUNT)
    mixed = sum(not trained.one_sign for trained in nets)
    for trained in nets:
        if not trained.one_sign:
            continue
        step = trained.net.step
        late += trained.excess > ARRIVED * trained.loss
        on = _bound(trained, radii, size)
        margin = float(np.mean(2 * np.abs(trained.error) * on + on**2))
        margin += float(gamma(COUNT + 4)) * trained.loss
        scores.append(abs(trained.loss - floors[step] - trained.excess) / margin)
        near = np.abs(trained.answers - trained.c - trained.weight * widths[step])
        scores.append(float(np.max(near / _bound(trained, FRESH, size))))
        above[step] = max(above[step], abs(trained.loss - floors[step]) / trained.loss)
    both = sum(
        not line.free and bool(np.any(np.minimum(*line.parts) > 3 * line.bound)) for line in lines
    )
    apart = [each.length + (LOW + HIGH) * each.area - each.share for each in whole]
    kinds = ", ".join(f"{NAMES[step]} {floors[step]:.3g} (to {above[step]:.0e})" for step in STEPS)
    detail = (
        f"{len(nets)} networks, abs and ReLU of a difference, κ trained from random starts; {mixed}"
        f" ended with κ of both signs, {late} of the others had not arrived (six digits). Floors"
        f" that they reach: {kinds}. Figure: the largest distance in units of its bound, of losses,"
        f" of answers to new radii, of answers at radius {FAR[0]:g} and {FAR[1]:g} from 4|m|r, and"
        f" of pre-activations at {PATCHES} places of a circle of radius {FARTHEST:g} from p_θ(t),"
        f" also of {len(whole)} filters of 3 × 3 that were trained freely, of ∫ |z| across {LINES}"
        f" edges from |m·n| and what both signs add ({both} networks show both), and of ∫ [g(z) -"
        " g(0) - Δ 1] of the free ones from splines; for these (only seen) aP + 2μaπΔ lies between"
        f" {min(apart):+.3f} and {max(apart):+.3f} of 1 - L/Var r"
    )
    good = not late and 2 * mixed <= len(nets) and both
    return column(float(np.max(scores)) if good else float("nan"), 1.0, detail)


# ---------------------------------------------------------------------------------------- figures


def figures(lab: Lab) -> tuple[Figure, ...]:
    """What a difference shows of straight edges, and the errors of the trained ones."""
    t = np.linspace(-1.6, 1.6, 161)
    w = difference(np.ones((1, 1)), (1, 0))[None]
    turns = {0: 0.0, 30: np.pi / 6, 60: np.pi / 3, 80: np.pi / 2.25}
    edges = {
        f"{name}°": edge_response(w, t, float(np.cos(x)), float(np.sin(x)))[0]
        for name, x in turns.items()
    }
    fine = np.linspace(2.5, 11, 341)
    x = disks(fine, HALF_LENGTH)
    first = {trained.net.step: trained.net for trained in reversed(differences(lab))}
    with torch.no_grad():
        errors = {NAMES[step]: first[step](x).numpy() - fine for step in STEPS}
    caption = (
        "Left: the response of the difference of two neighbours at the distance t inside a"
        " straight edge, by the angle between the edge's normal and the difference: its area is"
        " the cosine. Right: the error of one trained network of each kind, trained on radii from"
        f" {LOW} to {HIGH}. Along a row nothing fluctuates; along the diagonal the two ends of the"
        " crest do."
    )
    drawing = draw.edges_and_errors(t, edges, fine, errors, (LOW, HIGH))
    free_caption = (
        "Each point is a network with one filter of 3 × 3, abs or ReLU, all of whose weights were"
        " trained from a random start: by how much its answer grows per unit of r through the area"
        " (2μaπΔ, at the mean radius μ) and through the perimeter (aP). The line is where both"
        " together give 1. Bottom right: networks that use the area, as without σ; top left: those"
        " for which the area cancels; dead networks lie at the origin."
    )
    points = {
        name: [((LOW + HIGH) * net.area, net.length) for net in free(lab) if net.name == name]
        for name in ("abs", "relu")
    }
    return (
        figure("perimeter-width", "Differences measure a width", caption, drawing),
        figure("perimeter-or-area", "Area or perimeter", free_caption, draw.area_or_length(points)),
    )


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "rows of a square, integrated; the double sum over pixels of disks",
            ("theory.disk.perimeter.half_square",),
        ),
        check=Judge(
            "squares clipped in fractions, P by splines with a proved error, and sums over "
            "numpy's disks",
            ("verify.disk.clipping.clipped", "numerics.disk.perimeter_enclosure.quadrature_of"),
        ),
        training=Judge(
            "torch's pre-activations at a straight edge, and losses and answers of trained "
            "differences",
            ("verify.disk.differences._train", "verify.disk.networks", "verify.models.networks"),
        ),
    ),
    figures=figures,
)
"""What the claim rests on."""
