"""The lattice fluctuation: waves in fractions, K from its Fourier series, disks anywhere, and
trained networks far beyond their radii.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

import numpy as np
import torch

from numerics.arithmetic.compile import activation
from numerics.arithmetic.regression import regression
from numerics.arithmetic.rounding import gamma
from numerics.arithmetic.types import Array
from numerics.disk.disk import disk_bound, ring
from numerics.disk.lattice import fluctuation, parts, swing, unsettled
from numerics.disk.perimeter import difference
from theory.disk.lattice import LAW, Lag, Lattice, directions
from theory.disk.perimeter import kernel
from verify.disk import lattice_figures as draw
from verify.disk.clipping import clipped
from verify.disk.ensemble import disk_windows, train_networks
from verify.disk.filters import Filters, Point
from verify.disk.networks import disks
from verify.models.networks import Bundle, elementwise
from verify.models.problem import NetworkBatch, NetworkShape
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.figures import figure
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "bending", "check", "drawn_spreads", "figures", "train"]

NEAR, FAR, WINDOW, COUNT = 25.0, 800.0, 4.0, 24
"""Where two windows of radii begin, their width, and the radii in each."""
REACH, ZONES = 16, 8
"""Directions |q| that take part in the law, and in what it may leave: the part of the others is a
hundredth.
"""

# ------------------------------------------------------------------------------------------ check


def _some(rng: np.random.Generator) -> Fraction:
    return Fraction(int(rng.integers(-12, 13)), 4)


@dataclass(frozen=True)
class Wave:
    """b_q(x) of a random filter, pixel by pixel: squares cut by a line; σ is abs or the square."""

    q: Lag
    w: dict[Lag, Fraction]
    b: Fraction
    x: Fraction
    sigma: Callable[[Fraction], Fraction]
    value: Fraction

    @property
    def lines(self) -> range:
        """Beyond them all pixels are dark or lit."""
        far = 2 * sum(map(abs, self.q)) + 2
        return range(-far, far + 1)

    def added(self, pre: Iterable[Fraction], lit: Iterable[Fraction]) -> Fraction:
        """Σ_m [g(z) - g(0) - Δ·lit]."""
        dark = self.sigma(self.b)
        rise = self.sigma(sum(self.w.values(), Fraction(0)) + self.b) - dark
        terms = (self.sigma(z) - dark - rise * x for z, x in zip(pre, lit, strict=True))
        return sum(terms, Fraction(0))


def _waves(lab: Lab, rng: np.random.Generator) -> tuple[Wave, ...]:
    """No law is asked."""
    every, waves = list(directions(3)), []
    for _ in range(lab.profile.draws):
        q = every[int(rng.integers(len(every)))]
        w = {(u, v): _some(rng) for u in (-1, 0, 1) for v in (-1, 0, 1)}
        b, x = _some(rng), Fraction(int(rng.integers(0, 24)), 24)
        sigma = (lambda z: z * z) if rng.integers(2) else abs
        wave = Wave(q, w, b, x, sigma, Fraction(0))
        cut = cache(lambda k, q=q: clipped(k, Fraction(q[0]), Fraction(q[1])))
        pre = (
            sum((tap * cut(x + m + u * q[0] + v * q[1]) for (u, v), tap in w.items()), b)
            for m in wave.lines
        )
        waves.append(replace(wave, value=wave.added(pre, (cut(x + m) for m in wave.lines))))
    return tuple(waves)


def _agrees(law: Lattice, wave: Wave) -> bool:
    """b_q by the projected taps."""
    taps, answer = law.project(wave.w, wave.q), cache(lambda k: law.response(k, wave.q))
    pre = (
        sum((tap * answer(wave.x + m + j) for j, tap in taps.items()), wave.b) for m in wave.lines
    )
    lit = (answer(wave.x + m) for m in wave.lines)
    return bool(wave.value == wave.added(pre, lit))


WAVES = 20_000


def _kernel(law: Lattice, x: Array) -> float:
    """K against its Fourier series: each wave of B, -1/(2π²j²) cos 2πjx, integrated along the
    parabola by Fresnel; in units of the tail and rounding.
    """
    j = np.arange(1, WAVES + 1)
    turned = 2 * np.pi * (np.outer(x, j) % 1) - np.pi / 4
    series = -(np.cos(turned) @ (1 / (2 * np.pi**2 * j**2.5)))
    tail = WAVES**-1.5 / (3 * np.pi**2)
    return float(np.max(np.abs(swing(x, law) - series)) / (tail + 1e-11))


def _rounding(w: Array, steep: Array, r: float) -> Array:
    """What rounding makes of a sum over windows, each pixel off by its bound: w (..., n, n), σ's
    Lipschitz constant (...,) -> (...,).
    """
    windows = 2 * np.pi * (r + 1) * w.shape[-1] * 2**0.5
    each = float(disk_bound(r)) + float(gamma(windows + 20))
    return np.asarray(windows * steep * np.abs(w).sum(axis=(-2, -1)) * each)


def _level(r: Array, values: Array) -> Array:
    """Less the best line: (B, R)."""
    line = np.stack([np.ones_like(r), r - r.mean()], axis=1)
    return -regression(line, values).error


def _rest(r: Array, values: Array) -> Array:
    """The spread about the best line: (B, R) -> (B,)."""
    return np.asarray(np.sqrt(np.mean(_level(r, values) ** 2, axis=1)))


@dataclass(frozen=True)
class Disks:
    """Around a random point, with the radii r of both windows, (2, COUNT), rising."""

    centre: Point
    r: Array


def _disks(lab: Lab, key: str) -> Disks:
    rng = lab.rng(key)
    centre = (float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.5, 0.5)))
    parts = [(np.arange(COUNT) + rng.uniform(0, 1, COUNT)) / COUNT for _ in range(2)]
    return Disks(centre, np.array([[NEAR], [FAR]]) + WINDOW * np.array(parts))


def bending(filters: Filters, r: float, centre: Point) -> Array:
    """Σ |σ(Z) - σ(z) - (Z - z)σ'(z)| over the edge, Z at the circle and z at its tangent: what
    bending does beyond the first order, (B,).
    """
    n = filters.w.shape[-1]
    windows, _, x, y = ring(r, centre, n)
    length = np.hypot(x, y)
    offset = np.arange(n) - n // 2
    inside = r - (
        length[:, None, None]
        + (x / length)[:, None, None] * offset[:, None]
        + (y / length)[:, None, None] * offset
    )
    c, s = (np.abs(coordinate / length)[:, None, None] for coordinate in (x, y))
    out, low = (c + s) / 2, (c - s) / 2
    tangent = (
        kernel(inside + out) - kernel(inside + low) - kernel(inside - low) + kernel(inside - out)
    ) / (c * s)
    z = filters.flat @ tangent.reshape(len(x), -1).T + filters.b[:, None]
    moved = (filters.flat @ windows.reshape(len(x), -1).T + filters.b[:, None]) - z
    gap = filters.sigma(z + moved) - filters.sigma(z) - moved * filters.slope(z)
    return np.asarray(np.sum(np.abs(gap), axis=1))


@dataclass(frozen=True)
class Grown:
    """Sums over the disks of both windows.

    Attributes
    ----------
    r, sums: radii (2, R) and sums (B, 2, R), with area and line.
    allowed: the spread that the law may leave, (B, 2): what the waves change within the first
        Fresnel zone of the window's last circle, what the bending of its edge does beyond the first
        order, and rounding.
    """

    r: Array
    sums: Array
    allowed: Array

    def spreads(self, area: Array, claimed: Array) -> tuple[Array, Array]:
        """What is left in units of what is allowed, with the fluctuation ``claimed`` taken off and
        without: (B, 2) each.
        """
        plain = self.sums - area[:, None, None] * self.r**2
        left, raw = (
            np.stack([_rest(r, y[:, k]) for k, r in enumerate(self.r)], axis=1)
            for y in (plain - claimed, plain)
        )
        return self._measured(left), self._measured(raw)

    def _measured(self, spread: Array) -> Array:
        """In units of what is allowed; nothing in units of nothing, as a dead network leaves it, is
        0.
        """
        dead = self.allowed == 0
        ratio = spread / np.where(dead, 1.0, self.allowed)
        return np.asarray(np.where(dead & (spread > 0), np.inf, ratio))


def _allowed(filters: Filters, disks: Disks) -> Array:
    """:attr:`Grown.allowed` of filters: (B, 2)."""
    w, b, steep, allowed = filters.w, filters.b, filters.steep, []
    for last in disks.r[:, -1].tolist():
        turned = unsettled(w, b, filters.sigma, last, ZONES)
        bent = bending(filters, last, disks.centre)
        allowed.append(turned + bent + _rounding(w, steep, last))
    return np.stack(allowed, axis=1)


CHECKED = ("square", "abs", "relu", "hardtanh", "tanh", "sigmoid", "softplus", "gelu")


@dataclass(frozen=True)
class Drawn:
    """Random filters, and their sums over disks."""

    filters: Filters
    disks: Disks
    grown: Grown


def _drawn(lab: Lab, count: int) -> Drawn:
    w, b, disks = [], [], _disks(lab, "lattice/disks")
    for name in CHECKED:
        rng = lab.rng(("lattice/filters", name))
        w.append(rng.normal(size=(count, 3, 3)))
        b.append(rng.uniform(-0.5, 0.5, count))
    filters = Filters(np.concatenate(w), np.concatenate(b), CHECKED, (count,) * len(CHECKED))
    values = [filters.summed(radius, disks.centre) for radius in disks.r.ravel().tolist()]
    summed = np.stack(values, axis=1).reshape(-1, *disks.r.shape)
    return Drawn(filters, disks, Grown(disks.r, summed, _allowed(filters, disks)))


def drawn_spreads(law: Lattice, lab: Lab, count: int) -> tuple[Array, Array]:
    """:meth:`Grown.spreads` of so many random filters with each of :data:`CHECKED`: (B, 2) each."""
    drawn = lab.once(("lattice/filters", count), _drawn, lab, count)
    filters, disks, grown = drawn.filters, drawn.disks, drawn.grown
    claimed = fluctuation(
        filters.w, filters.b, filters.sigma, disks.r.ravel(), disks.centre, law, REACH
    )
    return grown.spreads(np.pi * filters.rise, claimed.reshape(grown.sums.shape))


def check(law: Lattice, lab: Lab) -> Column:
    """Waves in fractions, K by waves, and how the rest grows for disks around any point; the first
    of these that fails is enough.
    """
    rng, draws = lab.rng("lattice"), lab.profile.draws
    waves, places = lab.once("lattice/waves", lambda: (_waves(lab, rng), rng.uniform(0, 1, 24)))
    kernel = _kernel(law, places)
    if kernel > 1:
        return column(kernel, 1.0, "K differs from its Fourier series")
    for k, wave in enumerate(waves):
        if not _agrees(law, wave):
            words = f"wave {k + 1} of {draws} differs from clipped squares"
            return column(float("inf"), 1.0, words)
    words = (
        f"of {draws} waves b_q, in fractions, none differs from clipped squares;"
        f" K from its Fourier series: {kernel:.1e} of what the rest of the series may add"
    )
    left, raw = drawn_spreads(law, lab, max(lab.profile.draws // 20, 2))
    wavers = raw[:, 1] > 1
    most = float(np.max(left)) if np.any(wavers) else np.nan  # else nothing is shown
    detail = (
        f"{words}. Disks around a random point, radii about {NEAR:g} and {FAR:g}, {len(left)}"
        f" random filters with {len(CHECKED)} activations: the spread that the law leaves is"
        f" {most:.2f} of what it may leave at most, median {np.median(left):.2f}; the spread itself"
        f" is {np.median(raw[wavers, 1]):.1f} times that in the median at the larger radii, and no"
        f" more than that for {int(np.sum(~wavers))} filters, which say nothing. Figure: K, and"
        " the largest spread left"
    )
    return column(float(np.max([kernel, most])), 1.0, detail)


# --------------------------------------------------------------------------------------- training

LOW, HIGH, RADII, HALF_LENGTH = 3, 10, 36, 13
TAPS = 3
SETTINGS = tuple(
    NetworkShape(name, channels, TAPS)
    for channels, names in (
        (1, ("square", "abs", "relu", "tanh", "softplus")),
        (2, ("relu", "tanh")),
    )
    for name in names
)
"""What is trained."""
MOST = 50


@dataclass(frozen=True)
class Watched:
    """Trained networks, and Σ_k a_k F_k as torch has it for disks far beyond the
    radii of training.
    """

    shape: NetworkShape
    nets: NetworkBatch
    disks: Disks
    grown: Grown


def _networks(lab: Lab) -> int:
    return max(min(lab.profile.networks // 3, MOST), 3)


def _watched(lab: Lab, shape: NetworkShape) -> Watched:
    return lab.once("lattice/networks", _train, lab)[shape]


def _train(lab: Lab) -> dict[NetworkShape, Watched]:
    """All settings: every disk is cut once, and shown to all networks."""
    radii, nets = np.linspace(LOW, HIGH, RADII), {}
    windows = disk_windows(radii, TAPS, HALF_LENGTH)
    for shape in SETTINGS:
        rng = lab.rng(("lattice/networks", shape))
        nets[shape] = train_networks(shape, windows, radii, _networks(lab), rng)
    disks = _disks(lab, "lattice/disks beyond")
    rings = (ring(radius, disks.centre, TAPS)[:2] for radius in disks.r.ravel().tolist())
    answers = [_answered(nets, *shown) for shown in rings]
    allowed = _allowed(_filters(nets), disks)
    ends = np.cumsum([batch.b.size for batch in nets.values()])[:-1]
    watched = {}
    for (shape, batch), each in zip(nets.items(), np.split(allowed, ends), strict=True):
        sums = np.stack([answer[shape] for answer in answers], axis=1)
        own = np.sum(np.abs(batch.a)[..., None] * each.reshape(*batch.a.shape, 2), axis=1)
        grown = Grown(disks.r, sums.reshape(-1, *disks.r.shape), own)
        watched[shape] = Watched(shape, batch, disks, grown)
    return watched


def _filters(nets: Mapping[NetworkShape, NetworkBatch]) -> Filters:
    """All channels of all networks."""
    w = np.concatenate([batch.w.reshape(-1, TAPS, TAPS) for batch in nets.values()])
    b = np.concatenate([batch.b.ravel() for batch in nets.values()])
    counts = tuple(batch.b.size for batch in nets.values())
    return Filters(w, b, tuple(shape.activation for shape in nets), counts)


def _answered(
    nets: Mapping[NetworkShape, NetworkBatch], windows: Array, lit: int
) -> dict[NetworkShape, Array]:
    """torch's Σ_k a_k Σ_p [g_k(z_p) - g_k(0)] for the windows at an edge and the lit ones beside
    them: (B,) of every shape.
    """
    answers, shown = {}, torch.tensor(windows[:, None])
    with torch.no_grad():
        for shape, batch in nets.items():
            w, b = torch.tensor(batch.w).flatten(0, 1)[:, None], torch.tensor(batch.b.ravel())
            sigma = elementwise(shape.activation)
            dark, full = sigma(b), sigma(w.sum(dim=(1, 2, 3)) + b)
            z = torch.nn.functional.conv2d(shown, w, b)[:, :, 0, 0]
            total = torch.sum(sigma(z) - dark, dim=0) + lit * (full - dark)
            answers[shape] = np.sum(batch.a * total.numpy().reshape(batch.a.shape), axis=1)
    return answers


def _areas(watched: Watched) -> Array:
    """Σ_k a_k πΔ_k: (B,)."""
    nets, sigma = watched.nets, activation(watched.shape.activation)[0]
    rise = sigma(nets.w.sum(axis=(2, 3)) + nets.b) - sigma(nets.b)
    return np.asarray(np.pi * np.sum(nets.a * rise, axis=1))


def _swings(
    nets: Mapping[NetworkShape, NetworkBatch], r: Array, centre: Point, law: Lattice
) -> dict[NetworkShape, Array]:
    """Σ_k a_k times the fluctuation of channel k: (B, R) of every shape."""
    filters = _filters(nets)
    every = fluctuation(filters.w, filters.b, filters.sigma, r, centre, law, REACH)
    parts = np.split(every, np.cumsum(filters.counts)[:-1])
    return {
        shape: np.einsum("bk,bkr->br", batch.a, part.reshape(*batch.b.shape, len(r)))
        for (shape, batch), part in zip(nets.items(), parts, strict=True)
    }


def train(law: Lattice, lab: Lab) -> Column:
    """What torch answers to disks around a point, far beyond the radii of training: what the law
    leaves, of every network.
    """
    left, words, undecided = [], [], 0
    # A wrong law fails with the first setting: the others are asked together, and later.
    groups, claimed = (SETTINGS[:1], SETTINGS[1:]), dict[NetworkShape, Array]()
    for shape in SETTINGS:
        watched = _watched(lab, shape)
        grown = watched.grown
        if shape not in claimed:
            group = next(group for group in groups if shape in group)
            nets = {each: _watched(lab, each).nets for each in group}
            claimed |= _swings(nets, grown.r.ravel(), watched.disks.centre, law)
        settled, raw = grown.spreads(_areas(watched), claimed[shape].reshape(grown.sums.shape))
        if np.max(settled) > 1:
            return column(
                float(np.max(settled)), 1.0, f"a network with {shape.activation} wavers otherwise"
            )
        decided = raw[:, 1] > 1
        left.append(settled)
        undecided += int(np.sum(~decided))
        size = f"{np.median(raw[decided, 1]):.1f}" if np.any(decided) else "none"
        words.append(
            f"{shape.activation} K={shape.channels} {size}/{np.max(settled):.2f}"
            f" ({int(np.sum(decided))})"
        )
    every = np.concatenate(left)
    detail = (
        f"{len(every)} networks from random starts, torch's answers to disks with radii about"
        f" {NEAR:g} and {FAR:g}. The spread that the law leaves, of every network, in units of what"
        " it may leave: what its waves change within the first Fresnel zone, what the bending of"
        f" the edge adds beyond the first order, rounding. {undecided} networks waver by no more"
        " than that, so that it says nothing of them: dead or linear ones, one-signed differences,"
        " those that keep a level near a kink, and those with huge weights. Of the others the"
        " spread itself, median, against the largest that is left of all (networks):"
        f" {', '.join(words)}. Figure: the largest of every network and radius"
    )
    shown = undecided < len(every)
    return column(float(np.max(every)) if shown else float("nan"), 1.0, detail)


# ---------------------------------------------------------------------------------------- figures

SHOWN = {
    "square": ("square", 0.0),
    "abs": ("abs", 0.0),
    "ReLU, b = -0.4": ("relu", -0.4),
    "tanh, b = 1": ("tanh", 1.0),
}
"""What is shown of one difference, x(p + (1, 0)) - x(p)."""


def _shown(r: Array) -> dict[str, draw.Sway]:
    w = np.stack([difference(np.ones((1, 1)), (1, 0))] * len(SHOWN))
    names, biases = zip(*SHOWN.values(), strict=True)
    filters = Filters(w, np.array(biases), names, (1,) * len(names))
    values = np.stack([filters.summed(radius, (0.0, 0.0)) for radius in r.tolist()], axis=1)
    claimed = fluctuation(w, filters.b, filters.sigma, r, reach=REACH)
    panels = zip(_level(r, values), _level(r, claimed), strict=True)
    return {name: draw.Sway(r, *panel) for name, panel in zip(SHOWN, panels, strict=True)}


def _strokes(name: str, b: float) -> list[tuple[Lag, float]]:
    w, bias = difference(np.ones((1, 1)), (1, 0))[None], np.array([b])
    sizes = parts(w, bias, activation(name)[0], reach=5)
    return [(q, float(size[0])) for q, size in sizes.items()]


def _torch_answers(watched: Watched, r: Array, half_length: int) -> Array:
    """r̂ to the disks of radii r, (B, R)."""
    bundle = Bundle(watched.shape, watched.nets)
    with torch.no_grad():
        parts = [bundle(x) for x in disks(r, half_length).split(16)]
    return np.asarray(torch.cat(parts, dim=1).numpy())


def _losses(watched: Watched) -> Array:
    """On the training radii, (B,)."""
    r = np.linspace(LOW, HIGH, RADII)
    return np.asarray(np.mean((_torch_answers(watched, r, HALF_LENGTH) - r) ** 2, axis=1))


def figures(lab: Lab) -> tuple[Figure, ...]:
    """One difference and four activations, the directions that take part, and trained networks
    beyond their radii.
    """
    r = np.linspace(20, 24, 241)
    shown = _shown(r)
    roses = {name: _strokes(*case) for name, case in SHOWN.items()}
    beyond = {}
    far = np.linspace(30, 34, 161)
    for case in (("square", 1), ("tanh", 1), ("relu", 2), ("tanh", 2)):
        shape = NetworkShape(*case)
        watched = _watched(lab, shape)
        j = int(np.argmin(_losses(watched)))
        best = replace(watched, nets=watched.nets[j : j + 1])
        answers = _torch_answers(best, far, int(far[-1]) + 3)
        claimed = _swings({shape: best.nets}, far, (0.0, 0.0), LAW)[shape]
        flat = answers - _areas(best)[:, None] * far**2
        beyond[f"{shape.activation}, K = {shape.channels}"] = draw.Sway(
            far, _level(far, flat)[0], _level(far, claimed)[0]
        )
    most = max(size for strokes in roses.values() for _, size in strokes)
    caption = (
        "The sum over all pixels of σ(x(p + (1, 0)) - x(p) + b) for disks around a pixel, less its"
        " area and line: as pixels say (line) and as the law says (dots). Only the absolute value"
        " does not waver: its edges have one sign."
    )
    where = (
        "Where on the circle the fluctuation comes from: a stroke for every direction of the"
        " lattice up to |q| = 5, as long as its part of the spread is large, all to one scale."
    )
    trained = (
        f"The best of the networks of each kind, trained from random starts on radii from {LOW} to"
        f" {HIGH}: torch's answers at three times these radii, less area and line (line), and the"
        " law (dots)."
    )
    return (
        figure(
            "lattice-sway",
            "What wavers and what does not",
            caption,
            draw.sways(shown, 2, "Σ σ less a line"),
        ),
        figure("lattice-rose", "The directions that take part", where, draw.rose(roses, most)),
        figure(
            "lattice-trained",
            "Far beyond the radii of training",
            trained,
            draw.sways(beyond, 2, "answer less a line"),
        ),
    )


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "half squares by rows, and the integral along the parabola",
            ("theory.disk.lattice._half_square",),
        ),
        check=Judge(
            "clipped squares in fractions, a Fourier series, and sums over numpy's disks; "
            "what may be left is derived from the law's own waves",
            ("verify.disk.clipping", "verify.disk.filters.Filters.summed"),
        ),
        training=Judge(
            "torch's answers to disks far beyond the radii of training",
            (
                f"{__name__}._answered",
                "verify.disk.ensemble.train_networks",
                "verify.models.networks",
            ),
        ),
    ),
    figures=figures,
)
"""What the claim rests on."""
