"""Shares: exact random cases, and ensembles trained on disks, every network of
which obeys the law.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from math import pi

import numpy as np
import torch

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import activation
from numerics.arithmetic.numbers import fraction
from numerics.arithmetic.rounding import UNIT, gamma, lipschitz
from numerics.arithmetic.types import Array
from numerics.disk.autocorrelation import (
    correlations,
    lags_within,
    least_loss,
    least_loss_of_one_sign,
)
from numerics.disk.disk import disk, disk_bound
from numerics.disk.lattice import fluctuation
from numerics.disk.perimeter import circle_bound, reach, strength, strength_bound
from theory.disk.linear_regions import part, pieces
from theory.disk.shares import Lag, Opposite, Shares, opposite
from theory.expressions.activation import ACTIVATIONS
from verify.disk import share_figures as draw
from verify.disk.clipping import clipped, rational_direction
from verify.disk.endings import CREST, HEADER, PARABOLA, grown, off_level, row_of
from verify.disk.networks import disks
from verify.disk.trained import (
    COUNT,
    FAR,
    FAR_LENGTH,
    HALF_LENGTH,
    HIGH,
    LARGE,
    LOW,
    MEAN,
    SETTINGS,
    SIX_DIGITS,
    SPREAD,
    R,
    TorchReadings,
    TrainedEnsemble,
    areas,
    ensembles,
    midpoints,
    name_of,
    starts,
    trained,
)
from verify.models.networks import load
from verify.models.problem import NetworkBatch, NetworkShape
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.figures import figure
from verify.report.lab import Lab
from verify.report.page import Figure, Section
from verify.report.render import render
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "figures", "floors", "sections", "table_of", "train"]


# ------------------------------------------------------------------------------------------ check


def _some(rng: np.random.Generator) -> Fraction:
    return Fraction(int(rng.integers(-12, 13)), 4)


def _filter(rng: np.random.Generator, n: int) -> dict[Lag, Fraction]:
    offsets = range(-(n // 2), n // 2 + 1)
    return {(u, v): _some(rng) for u in offsets for v in offsets}


def _other_side(law: Shares, rng: np.random.Generator) -> bool:
    """Squares clipped by the line and by the same line seen from behind."""
    w, (c, s) = _filter(rng, 3), rational_direction(rng)
    t = Fraction(int(rng.integers(-96, 97)), 48)
    here = sum((tap * clipped(t + u * c + v * s, c, s) for (u, v), tap in w.items()), Fraction(0))
    back = sum(
        (tap * clipped(-t - u * c - v * s, -c, -s) for (u, v), tap in w.items()), Fraction(0)
    )
    return bool(law.opposite(here, sum(w.values(), Fraction(0))) == back)


def _regression(law: Shares, rng: np.random.Generator) -> bool:
    """A random network and random features: sums, and the loss's derivative by differences, exact
    for a parabola.
    """
    channels, half = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    mean = Fraction(int(rng.integers(8, 40)), 4)
    apart = [Fraction(int(k), 8) for k in rng.choice(np.arange(1, 24), half, replace=False)]
    r = [mean + s * t for t in apart for s in (1, -1)]
    f = [[_some(rng) for _ in r] for _ in range(channels)]
    values = [_some(rng) for _ in range(channels + 1)]

    def average(row: list[Fraction]) -> Fraction:
        return sum(row, Fraction(0)) / len(row)

    spread = average([(x - mean) ** 2 for x in r])

    def lost(every: list[Fraction]) -> Fraction:
        answers = [
            every[-1] + sum((a * row[j] for a, row in zip(every, f, strict=False)), Fraction(0))
            for j in range(len(r))
        ]
        return average([(y - x) ** 2 for y, x in zip(answers, r, strict=True)])

    def along(k: int) -> Fraction:
        up, down = ([v + s * (j == k) for j, v in enumerate(values)] for s in (1, -1))
        return (lost(up) - lost(down)) / 2

    length, area = ([_some(rng) for _ in range(channels)] for _ in range(2))
    slopes = [
        average([(x - mean) * (y - d * x * x - p * x) for x, y in zip(r, row, strict=True)])
        / spread
        for row, d, p in zip(f, area, length, strict=True)
    ]
    left = sum(
        (values[k] * along(k) for k in range(channels)), (values[-1] - mean) * along(channels)
    )
    claimed = law.share(values[:-1], length, area, slopes, mean)
    return bool(claimed == 1 - lost(values) / spread + left / (2 * spread))


def _squares(law: Shares, rng: np.random.Generator) -> bool:
    """A random image with the symmetries of the square, a random filter: the double sum."""
    n, reach_ = int(rng.choice([1, 3, 5])), 2
    w, b = _filter(rng, n), _some(rng)
    inside = range(-reach_, reach_ + 1)
    free = {(i, j): _some(rng) for i in range(reach_ + 1) for j in range(i + 1)}
    x = {(i, j): free[max(abs(i), abs(j)), min(abs(i), abs(j))] for i in inside for j in inside}
    h = n // 2
    wide = range(-reach_ - h, reach_ + h + 1)
    total = Fraction(0)
    for i in wide:
        for j in wide:
            z = sum((tap * x.get((i + u, j + v), 0) for (u, v), tap in w.items()), b)
            total += z * z - b * b

    def correlation(u: int, v: int) -> Fraction:
        products = (pixel * x.get((i + u, j + v), 0) for (i, j), pixel in x.items())
        return sum(products, Fraction(0))

    claimed = sum((value * correlation(*d) for d, value in law.lags(w).items()), Fraction(0))
    claimed += 2 * b * sum(w.values(), Fraction(0)) * sum(x.values(), Fraction(0))
    return bool(claimed == total)


BENT = tuple(name for name, row in ACTIVATIONS.items() if row.piecewise_linear)


def _pieces(law: Shares, rng: np.random.Generator) -> bool:
    """A random channel on random pixels: a σ(z) by the oracle, and from the piece
    on which z lies.
    """
    name = BENT[int(rng.integers(len(BENT)))]
    kinks = [fraction(kink.location) for kink in ACTIVATIONS[name].kinks]
    w, x, b, a = (
        [_some(rng) for _ in range(4)],
        [_some(rng) for _ in range(4)],
        _some(rng),
        _some(rng),
    )
    pre = sum((tap * pixel for tap, pixel in zip(w, x, strict=True)), b)
    products = sum((a * tap * pixel for tap, pixel in zip(w, x, strict=True)), a * b)
    slope, intercept = pieces(name)[sum(pre > kink for kink in kinks)]
    return bool(
        law.part(fraction(slope), fraction(intercept), products, a)
        == a * oracle.RATIONAL[name](pre)
    )


def check(law: Shares, lab: Lab) -> Column:
    """Everything in fractions: clipped squares, losses of random networks, sums over random images,
    pieces of σ; up to the first that differs.
    """
    rng, draws = lab.rng("shares"), lab.profile.draws
    parts = {"edges": _other_side, "networks": _regression, "images": _squares, "pieces": _pieces}
    for name, agrees in parts.items():
        for k in range(draws):
            if not agrees(law, rng):
                return column(1, 0, f"{name}: random case {k + 1} of {draws} differs from the law")
    detail = (
        f"random cases, in fractions, that differ from the law, of {draws} each: {', '.join(parts)}"
    )
    return column(0, 0, detail)


# ---------------------------------------------------------------------------------------- the law


def _lengths(ensemble: TrainedEnsemble, law_opposite: Opposite) -> Array:
    """P by the law, (B, K)."""
    nets = ensemble.nets
    w, b, sigma = (
        nets.w.reshape(-1, *nets.w.shape[2:]),
        nets.b.ravel(),
        activation(ensemble.shape.activation)[0],
    )
    rule = midpoints(ensemble.shape.taps)
    return ensemble.once(
        law_opposite, lambda: strength(w, b, sigma, rule, behind=law_opposite).reshape(nets.b.shape)
    )


def _steepest(ensemble: TrainedEnsemble) -> Array:
    """Λ of every channel, (B, K)."""
    nets = ensemble.nets
    return lipschitz(ensemble.shape.activation, np.abs(nets.w).sum(axis=(2, 3)) + np.abs(nets.b))


def _share_score(
    law: Shares, nets: NetworkBatch, j: int, readings: TorchReadings, length: Array, area: Array
) -> float:
    """The distance of the shares from what the loss says, in units of its rounding bound."""
    remainder = readings.features - area[:, None] * R**2 - length[:, None] * R
    slopes = (remainder @ (R - MEAN)) / (COUNT * SPREAD)
    a = nets.a[j].tolist()
    claimed = law.share(a, length.tolist(), area.tolist(), slopes.tolist(), MEAN)
    explained = 1 - readings.loss / SPREAD + readings.left / (2 * SPREAD)
    # Every term is a mean of products of a part of an answer with r - μ or with the error, in
    # chains of R + K + 40.
    part = readings.largest + HIGH + np.abs(a) @ (HIGH**2 * np.abs(area) + HIGH * np.abs(length))
    factor = (
        (HIGH - LOW) / 2
        + 2 * float(np.max(np.abs(readings.error)))
        + float(gamma(COUNT + 40)) * part
    )
    allowed = 8 * float(gamma(COUNT + len(a) + 40)) * part * factor / SPREAD
    return float(abs(claimed - explained) / allowed)


def _length_scores(ensemble: TrainedEnsemble, observed: Array, claimed: Array) -> Array:
    """The distance of P from what torch sees at a large circle, in units of what its curvature may
    do: (B, K).
    """
    nets, shape = ensemble.nets, ensemble.shape
    rho, weight = reach(shape.taps), np.abs(nets.w).sum(axis=(2, 3))
    size = weight + np.abs(nets.b)
    steep, rule = _steepest(ensemble), midpoints(shape.taps)
    edge = weight * circle_bound(LARGE, rho)
    # Then σ itself, and the sum over all nodes.
    value = np.abs(activation(shape.activation)[0](0.0)) + steep * size
    rounding = float(gamma(shape.taps**2 + 4)) * steep * size + (
        16 + rule.turns * rule.places
    ) * UNIT * (1 + size + value)
    return np.asarray(np.abs(observed - claimed) / (2 * pi * 2 * rho * (steep * edge + rounding)))


@lru_cache(maxsize=4)
def floors(taps: int) -> tuple[float, float, float]:
    """What squares cannot go below on the training radii: any readout, all a_k > 0, all a_k < 0."""
    x = disk(R, HALF_LENGTH)
    always = np.stack([np.ones(COUNT), pi * R**2], axis=1)
    cone = correlations(x, taps)
    one_sign = [least_loss_of_one_sign(always, cone, taps, R, sign) for sign in (1, -1)]
    return least_loss(np.hstack([always, cone]), R), one_sign[0], one_sign[1]


def _square_scores(
    law: Shares, nets: NetworkBatch, j: int, readings: TorchReadings
) -> tuple[float, float]:
    """torch's errors against the lags, and how far its loss is below the floor, both in units of
    the rounding bound.
    """
    taps, h = nets.w.shape[2], nets.w.shape[2] // 2
    columns = _columns(taps)
    claimed, size = np.full(COUNT, nets.c[j]), (2 * HALF_LENGTH + 1) ** 2
    for a, b, w in zip(nets.a[j].tolist(), nets.b[j].tolist(), nets.w[j], strict=True):
        there = {(u - h, v - h): float(w[u, v]) for u in range(taps) for v in range(taps)}
        of = law.lags(there)
        weights = np.array([of.get(d, 0.0) for d in lags_within(taps)])
        claimed += a * (columns @ weights + 2 * b * float(w.sum()) * pi * R**2 + size * b * b)
    level = np.abs(nets.w[j]).sum(axis=(1, 2)) + np.abs(nets.b[j])
    terms = abs(nets.c[j]) + np.abs(nets.a[j]) @ level**2 * size + R
    met = np.abs(nets.a[j]) @ level**2 * 2 * taps**2 * (8 * R + 4) * disk_bound(R)
    bound = 4 * float(gamma(taps**4 + size + 20)) * terms + met
    which = 0 if np.min(nets.a[j]) < 0 < np.max(nets.a[j]) else 1 if np.max(nets.a[j]) > 0 else 2
    floor = floors(taps)[which]
    margin = np.mean(2 * np.abs(readings.error) * bound + bound**2) + SIX_DIGITS * floor
    below = (floor - readings.loss) / margin
    return float(np.max(np.abs(readings.error + R - claimed) / bound)), float(below)


@lru_cache(maxsize=4)
def _columns(taps: int) -> Array:
    return correlations(disk(R, HALF_LENGTH), taps)


def train(law: Shares, lab: Lab) -> Column:
    """Every network: its shares, the P of its channels as torch sees them, the level of its pieces,
    and for squares answers and floors.
    """
    scores: dict[str, list[float]] = {
        "shares": [],
        "lengths": [],
        "squares": [],
        "below": [],
        "levels": [],
    }
    endings, total, dead, settings = [], 0, 0, 0
    within, beyond, grew, alike = 0, 0, 0, 0
    at_rest, freed, bent, identity = [0, 0], 0, 0, [0, 0]
    for ensemble in ensembles(lab):
        nets, shape, done = ensemble.nets, ensemble.shape, ensemble.finished
        row, count = ACTIVATIONS[shape.activation], len(ensemble.nets.c)
        length, area = _lengths(ensemble, law.opposite), areas(ensemble)
        for j, m in enumerate(ensemble.measured):
            scores["shares"].append(_share_score(law, nets, j, m, length[j], area[j]))
            if shape.activation == "square":
                answers, below = _square_scores(law, nets, j, m)
                scores["squares"].append(answers)
                scores["below"].append(below)
        if not row.jumps:
            scores["lengths"] += _length_scores(ensemble, ensemble.lengths, length).ravel().tolist()
            inside = _within(ensemble, length, area)
            within, beyond = within + int(np.sum(inside)), beyond + inside.size
        if row.piecewise_linear:
            under, over = off_level(ensemble, law.part)
            scores["levels"] += under.tolist() + over[done.ended].tolist()
        if row.kinks and not row.jumps:
            at_rest = [at_rest[0] + int(np.sum(done.ended)), at_rest[1] + count]
            stuck = done.stalled < (1 - SIX_DIGITS) * SPREAD
            bent, freed = (
                bent + int(np.sum(stuck)),
                freed + int(np.sum(done.loss[stuck] < 0.9 * done.stalled[stuck])),
            )
        if shape.activation == "identity":
            identity = [
                identity[0] + int(np.sum(np.abs(ensemble.losses / PARABOLA - 1) <= SIX_DIGITS)),
                identity[1] + count,
            ]
        settings, total = settings + 1, total + count
        dead += int(np.sum(ensemble.losses > (1 - SIX_DIGITS) * SPREAD))
        own = grown(ensemble, length, area)
        grew, alike = grew + len(own), alike + int(np.sum(np.abs(own - 1) < 0.1))
        if shape in SETTINGS:
            losses = ensemble.losses
            endings.append(f"{name_of(shape)} {np.min(losses):.2g}/{np.median(losses):.2g}")
    worst = {name: float(np.max(values)) for name, values in scores.items()}
    networks = starts(lab)
    any_sign, plus, minus = floors(3)
    single, double = (trained(lab, NetworkShape("square", k), networks).losses for k in (1, 2))
    on = [int(np.sum(np.abs(single / floor - 1) < 1e-3)) for floor in (minus, plus)]
    pair = int(np.sum(double < 1.001 * any_sign))
    detail = (
        f"{total} networks of {settings} kinds from random starts, {dead} of them dead. Figure: the"
        f" largest distance from the law in units of its bound, of shares ({worst['shares']:.1e}),"
        f" of P as torch sees it at a circle of radius {LARGE:g} ({worst['lengths']:.2f}), of the"
        f" answers of squares ({worst['squares']:.1e}), of losses from the level of their pieces"
        f" ({worst['levels']:.1e}; networks that came to rest, and no others below it). With kinks"
        f" {at_rest[0]} of {at_rest[1]} came to rest, {freed} of {bent} by leaving where the smooth"
        " trainer had stalled for a loss at least a tenth lower. Least/median loss:"
        f" {', '.join(endings)}. Floors: identity {PARABOLA:.6g}, met in six digits by"
        f" {identity[0]} of {identity[1]}; squares {any_sign:.4g}, and with readouts of one sign"
        f" {minus:.6g} (-) or {plus:.6g} (+): of {len(single)} with one channel {on[0]} and {on[1]}"
        f" end there (three digits), of {len(double)} with two {pair} at {any_sign:.4g}; none is"
        f" below its own. Only seen: {grew} networks with σ count the area of a grown disk, {alike}"
        f" of them within a tenth of the loss that this has; at radii up to {FAR[-1]:g}, {within}"
        f" of {beyond} answers lie within the bound that perimeter proves for the mean over centres"
    )
    good = identity[0] == identity[1] and worst["below"] <= 1
    figure_ = max(worst[name] for name in ("shares", "lengths", "squares", "levels"))
    return column(figure_ if good else float("nan"), 1.0, detail)


def table_of(every: Iterable[TrainedEnsemble]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The header and one row of text for each setting."""
    rows = []
    for ensemble in every:
        length = _lengths(ensemble, opposite)
        rows.append(row_of(ensemble, part, length, areas(ensemble)).cells())
    return HEADER, rows


def sections(lab: Lab) -> tuple[Section, ...]:
    """One row for every setting."""
    header, rows = table_of(ensembles(lab))
    html = render("disks.html", header=header, rows=rows, radii=COUNT)
    return (Section("shares-table", "Where networks on disks end", html),)


def _dark(ensemble: TrainedEnsemble, half_length: int) -> Array:
    """Σ a_k g_k(0) over all pixels, what a network answers to darkness, less c: (B,)."""
    nets, sigma = ensemble.nets, activation(ensemble.shape.activation)[0]
    return np.asarray((2 * half_length + 1) ** 2 * np.sum(nets.a * sigma(nets.b), axis=1))


def _far(ensemble: TrainedEnsemble, j: int, length: Array, area: Array, r: Array) -> Array:
    """c + Σ a_k(N²g_k(0) + πr²Δ_k + P_k r + the lattice's fluctuation) of network j, of the rests
    only the mean over the training radii: (R,).
    """
    nets, sigma = ensemble.nets, activation(ensemble.shape.activation)[0]
    a = nets.a[j]
    swung = a @ fluctuation(nets.w[j], nets.b[j], sigma, np.concatenate([R, r]), reach=8)

    def by_law(x: Array, wavers: Array) -> Array:
        return np.asarray(a @ area[j] * x**2 + a @ length[j] * x + wavers)

    remainder = np.mean(a @ ensemble.measured[j].features - by_law(R, swung[:COUNT]))
    constant = nets.c[j] + _dark(ensemble, HALF_LENGTH)[j] + remainder
    return np.asarray(constant + by_law(r, swung[COUNT:]))


def _within(ensemble: TrainedEnsemble, length: Array, area: Array) -> Array:
    """Whether r̂ at :data:`FAR` less Σ a_k(πr²Δ_k + P_k r) keeps to Σ|a_k| times the bound on the
    rest: (B, FAR).
    """
    nets, rho = ensemble.nets, reach(ensemble.shape.taps)
    claimed = (
        (nets.c + _dark(ensemble, FAR_LENGTH))[:, None]
        + (nets.a * area).sum(axis=1)[:, None] * FAR**2
        + (nets.a * length).sum(axis=1)[:, None] * FAR
    )
    weight = np.abs(nets.w).sum(axis=(2, 3))
    steep = np.abs(nets.a) * _steepest(ensemble) * weight
    flat, rule = nets.w.reshape(-1, *nets.w.shape[2:]), midpoints(ensemble.shape.taps)
    loose = np.abs(nets.a) * strength_bound(flat, _steepest(ensemble).ravel(), rule).reshape(
        nets.a.shape
    )
    allowed = (
        2 * pi * rho**2 * steep.sum(axis=1)[:, None] * (1 + 2 * 2**0.5 * rho * (1 + rho / FAR))
        + loose.sum(axis=1)[:, None] * FAR
    )
    return np.asarray(np.abs(np.array([m.far for m in ensemble.measured]) - claimed) <= allowed)


# ---------------------------------------------------------------------------------------- figures

SHOWN = (
    NetworkShape("identity", 1),
    NetworkShape("square", 1),
    NetworkShape("tanh", 2),
    NetworkShape("abs", 1),
    NetworkShape("relu", 1),
)

SHOWN_NETWORKS = 8
"""Of each kind, at least."""


def figures(lab: Lab) -> tuple[Figure, ...]:
    """The losses, errors far beyond the training radii, and what filters answer to a disk."""
    fine = np.concatenate([np.linspace(2.5, HIGH, 91), np.linspace(HIGH, FAR[-1], 91)[1:]])
    x = disks(fine, FAR_LENGTH)
    errors, pictures = {}, []
    networks = max(starts(lab), SHOWN_NETWORKS)
    shown = disks([4.3], 6)
    for shape in SHOWN:
        ensemble = trained(lab, shape, networks)
        j = int(np.argmin(ensemble.losses))
        net = load(shape, ensemble.nets, j)
        with torch.no_grad():
            answers = torch.cat([net(x[k : k + 16]) for k in range(0, len(fine), 16)]).numpy()
            # The larger signal has more dark pixels, which its c would take care of.
            answers -= _dark(ensemble, FAR_LENGTH)[j] - _dark(ensemble, HALF_LENGTH)[j]
            values = net.activation(net.conv(shown[:, None]))[0, 0].numpy()
        length = _lengths(ensemble, opposite)
        claimed = _far(ensemble, j, length, areas(ensemble), fine)
        errors[name_of(shape)] = (answers - fine, claimed - fine)
        if shape.channels == 1:
            pictures.append((shape.activation, ensemble.nets.w[j, 0], values))
    every = {name_of(shape): trained(lab, shape, networks).losses for shape in SETTINGS}
    lines: dict[str, list[float]] = {"identity K=1": [PARABOLA]}
    for shape in SETTINGS:
        if shape.activation == "square":
            level = floors(shape.taps)
            lines[name_of(shape)] = list(level[1:]) if shape.channels == 1 else [level[0]]
        elif ACTIVATIONS[shape.activation].kinks and shape.taps == 3:
            lines[name_of(shape)] = [CREST[1, 0][1], PARABOLA, SPREAD]
    kinked = [
        trained(lab, shape, networks)
        for shape in SETTINGS
        if shape.activation in ("abs", "relu", "leaky_relu", "softshrink")
        and shape.taps == 3
        and shape.channels == 1
    ]
    pairs = {
        name_of(ensemble.shape): (ensemble.finished.stalled, ensemble.finished.loss)
        for ensemble in kinked
    }
    free_caption = (
        f"{networks} networks of each kind with one channel. Below the thin line: runs that went on"
        " along the kinks where the smooth trainer had stopped. The level is the floor of the"
        " crest with the area beside it."
    )
    losses_caption = (
        f"Every point is a network trained from a random start, {networks} of each kind; the lines"
        " are levels that theory knows: the parabola of networks that count pixels; of squares"
        " what their lags leave, with one channel for either sign of its readout; with kinks the"
        " crest with the area beside it, counted pixels, and a constant answer."
    )
    far_caption = (
        f"The error of the best of {networks} networks of each kind, trained on the shaded radii; a"
        " logarithmic scale beyond ±0.001. Dots: area, perimeter and the fluctuation of the"
        " lattice, with a constant that makes the rest 0 in the mean over the training radii. The"
        " best networks of abs and of ReLU are the same difference and err alike; squares waver."
    )
    filters_caption = (
        "Filters of the best networks with one channel (above; white is 0), and σ(w ⋆ x + b) on a"
        " disk of radius 4.3 (below; white is the background). Without σ the whole disk counts; the"
        " others answer at the edge."
    )
    return (
        figure(
            "shares-losses",
            "Where training on disks ends",
            losses_caption,
            draw.losses(every, lines),
        ),
        figure(
            "shares-beyond",
            "Beyond the radii of training",
            far_caption,
            draw.beyond(fine, errors, (LOW, HIGH), 1e-3),
        ),
        figure("shares-freed", "Past the kinks", free_caption, draw.freed(pairs, CREST[1, 0][1])),
        figure(
            "shares-filters",
            "What filters answer to a disk",
            filters_caption,
            draw.filters(pictures),
        ),
    )


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "the loss differentiated, images pixel by pixel, and half squares from both sides",
            ("theory.disk.shares._image",),
        ),
        check=Judge(
            "clipped squares, losses and double sums over random images, and σ, all in fractions",
            ("verify.disk.clipping", "numerics.arithmetic.oracle"),
        ),
        training=Judge(
            "losses, features and P of trained torch modules",
            (
                "verify.disk.trained._measured",
                "verify.disk.trained._torch_lengths",
                "verify.models.networks",
            ),
            (
                "verify.disk.trained.midpoints",
                "numerics.disk.perimeter.Midpoints",
                "numerics.disk.perimeter.angles",
                "numerics.disk.perimeter.reach",
            ),
        ),
    ),
    figures=figures,
    sections=sections,
)
"""What the claim rests on."""
