"""The lattice fluctuation: waves in fractions, K from its Fourier series, disks anywhere, and trained networks far beyond their radii."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

from numerics.arithmetic.compile import activation
from numerics.arithmetic.regression import regression
from numerics.arithmetic.rounding import gamma, lipschitz
from numerics.arithmetic.types import Array
from numerics.disk.disk import disk_bound, ring
from numerics.disk.lattice import fluctuation, parts, swing, unsettled
from numerics.disk.perimeter import difference
from theory.disk.lattice import LAW, Lag, Lattice, directions
from theory.disk.perimeter import kernel
from verify.disk import lattice_figures as draw
from verify.disk.clipping import clipped
from verify.disk.ensemble import disk_windows, train_networks
from verify.disk.networks import disks
from verify.models.networks import Bundle, elementwise
from verify.models.problem import NetworkBatch, NetworkShape
from verify.report.evidence import Evidence
from verify.report.figures import figure
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "bending", "check", "drawn_spreads", "figures", "sums", "train"]


NEAR, FAR, WINDOW, COUNT = 25.0, 800.0, 4.0, 24
"""Where two windows of radii begin, their width, and the radii in each."""
REACH, ZONES = 16, 8
"""Directions |q| that take part in the law, and in what it may leave: the part of the others is a hundredth."""

# ------------------------------------------------------------------------------------------ check


def _some(rng: np.random.Generator) -> Fraction:
    return Fraction(int(rng.integers(-12, 13)), 4)


def _wave(law: Lattice, rng: np.random.Generator) -> bool:
    """b_q(x) of a random filter, pixel by pixel: squares cut by a line, against the projected taps; σ is abs or the square."""
    every = list(directions(3))
    q = every[int(rng.integers(len(every)))]
    w = {(u, v): _some(rng) for u in (-1, 0, 1) for v in (-1, 0, 1)}
    b, x = _some(rng), Fraction(int(rng.integers(0, 24)), 24)
    sigma = (lambda z: z * z) if rng.integers(2) else abs
    full, taps = sum(w.values(), Fraction(0)), law.project(w, q)
    direct, claimed = Fraction(0), Fraction(0)
    cut = lambda T: clipped(T, Fraction(q[0]), Fraction(q[1]))
    far = 2 * sum(map(abs, q)) + 2
    for m in range(-far, far + 1):
        z = sum((tap * cut(x + m + u * q[0] + v * q[1]) for (u, v), tap in w.items()), b)
        direct += sigma(z) - sigma(b) - (sigma(full + b) - sigma(b)) * cut(x + m)
        p = sum((tap * law.response(x + m + j, q) for j, tap in taps.items()), b)
        claimed += sigma(p) - sigma(b) - (sigma(full + b) - sigma(b)) * law.response(x + m, q)
    return bool(direct == claimed)


WAVES = 20_000


def _kernel(law: Lattice, x: Array) -> float:
    """K against its Fourier series: each wave of B, -1/(2π²j²) cos 2πjx, integrated along the parabola by Fresnel; in units of the tail and rounding."""
    j = np.arange(1, WAVES + 1)
    turned = 2 * np.pi * (np.outer(x, j) % 1) - np.pi / 4
    series = -(np.cos(turned) @ (1 / (2 * np.pi**2 * j**2.5)))
    tail = WAVES**-1.5 / (3 * np.pi**2)
    return float(np.max(np.abs(swing(x, law) - series)) / (tail + 1e-11))


def sums(w: Array, b: Array, name: str, r: Sequence[float], centre: tuple[float, float] = (0.0, 0.0)) -> Array:  # fmt: skip
    """Σ_p [g(z_p) - g(0)] of filters w (B, n, n), b (B,), for disks of radii r around ``centre``: (B, R)."""
    sigma, columns = activation(name)[0], []
    rise = sigma(w.sum(axis=(1, 2)) + b) - sigma(b)
    for radius in r:
        windows, lit, _, _ = ring(radius, centre, w.shape[-1])
        z = windows.reshape(len(windows), -1) @ w.reshape(len(w), -1).T + b
        columns.append(np.sum(sigma(z) - sigma(b), axis=0) + lit * rise)
    return np.stack(columns, axis=1)


def _rounding(w: Array, steep: Array, r: float) -> Array:
    """What rounding makes of a sum over windows, each pixel off by its bound: w (..., n, n), σ's Lipschitz constant (...,) -> (...,)."""
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


def _windows(rng: np.random.Generator) -> Array:
    """The radii of both windows, (2, COUNT), rising."""
    return np.stack([start + WINDOW * (np.arange(COUNT) + rng.uniform(0, 1, COUNT)) / COUNT for start in (NEAR, FAR)])  # fmt: skip


def bending(w: Array, b: Array, name: str, r: float, centre: tuple[float, float]) -> Array:
    """Σ |σ(Z) - σ(z) - (Z - z)σ'(z)| over the edge, Z at the circle and z at its tangent: what bending does beyond the first order.

    Filters w (F, n, n), b (F,) -> (F,).
    """
    sigma, slope = activation(name)
    n, (windows, _, x, y) = w.shape[-1], ring(r, centre, w.shape[-1])
    length = np.hypot(x, y)
    offset = np.arange(n) - n // 2
    inside = r - (length[:, None, None] + (x / length)[:, None, None] * offset[:, None] + (y / length)[:, None, None] * offset)  # fmt: skip
    c, s = (np.abs(coordinate / length)[:, None, None] for coordinate in (x, y))
    out, low = (c + s) / 2, (c - s) / 2
    tangent = (kernel(inside + out) - kernel(inside + low) - kernel(inside - low) + kernel(inside - out)) / (c * s)  # fmt: skip
    flat = w.reshape(len(w), -1).T
    z = tangent.reshape(len(x), -1) @ flat + b
    moved = (windows.reshape(len(x), -1) @ flat + b) - z
    return np.asarray(np.sum(np.abs(sigma(z + moved) - sigma(z) - moved * slope(z)), axis=0))


@dataclass(frozen=True)
class Grown:
    """Sums over the disks of both windows.

    Attributes
    ----------
    r, sums: radii (2, R) and sums (B, 2, R), with area and line.
    allowed: the spread that the law may leave, (B, 2): what the waves change within the first Fresnel zone of the window's last
        circle, what the bending of its edge does beyond the first order, and rounding.
    """

    r: Array
    sums: Array
    allowed: Array

    def spreads(self, area: Array, claimed: Array) -> tuple[Array, Array]:
        """What is left in units of what is allowed, with the fluctuation ``claimed`` taken off and without: (B, 2) each."""
        plain = self.sums - area[:, None, None] * self.r**2
        left, raw = (np.stack([_rest(r, y[:, k]) for k, r in enumerate(self.r)], axis=1) for y in (plain - claimed, plain))  # fmt: skip
        return self._measured(left), self._measured(raw)

    def _measured(self, spread: Array) -> Array:
        """In units of what is allowed; nothing in units of nothing, as a dead network leaves it, is 0."""
        dead = self.allowed == 0
        ratio = spread / np.where(dead, 1.0, self.allowed)
        return np.asarray(np.where(dead & (spread > 0), np.inf, ratio))


def _allowed(w: Array, b: Array, name: str, r: Array, centre: tuple[float, float]) -> Array:
    """:attr:`Grown.allowed` of filters (F, n, n) with biases (F,): (F, 2)."""
    steep = lipschitz(name, np.abs(w).sum(axis=(1, 2)) + np.abs(b))
    last = r[:, -1].tolist()
    each = (unsettled(w, b, activation(name)[0], x, ZONES) + bending(w, b, name, x, centre) + _rounding(w, steep, x) for x in last)  # fmt: skip
    return np.stack(list(each), axis=1)


CHECKED = ("square", "abs", "relu", "hardtanh", "tanh", "sigmoid", "softplus", "gelu")


@dataclass(frozen=True)
class Drawn:
    """Random filters w (B, 3, 3) with biases b (B,), and their sums over disks around a random point."""

    w: Array
    b: Array
    centre: tuple[float, float]
    grown: Grown


def _drawn(lab: Lab, name: str, filters: int) -> Drawn:
    rng = lab.rng(("lattice/filters", name))
    w, b = rng.normal(size=(filters, 3, 3)), rng.uniform(-0.5, 0.5, filters)
    centre = (float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.5, 0.5)))
    r = _windows(rng)
    values = sums(w, b, name, r.ravel().tolist(), centre).reshape(filters, *r.shape)
    return Drawn(w, b, centre, Grown(r, values, _allowed(w, b, name, r, centre)))


def drawn_spreads(law: Lattice, lab: Lab, name: str, filters: int) -> tuple[Array, Array]:
    """:meth:`Grown.spreads` of random filters: (B, 2) each."""
    drawn = lab.once(("lattice/filters", name, filters), _drawn, lab, name, filters)
    sigma = activation(name)[0]
    r = drawn.grown.r.ravel()
    claimed = fluctuation(drawn.w, drawn.b, sigma, r, drawn.centre, law, REACH).reshape(drawn.grown.sums.shape)  # fmt: skip
    area = np.pi * (sigma(drawn.w.sum(axis=(1, 2)) + drawn.b) - sigma(drawn.b))
    return drawn.grown.spreads(area, claimed)


def check(law: Lattice, lab: Lab) -> Column:
    """Waves in fractions, K by waves, and how the rest grows for disks around any point."""
    rng = lab.rng("lattice")
    waves = sum(not _wave(law, rng) for _ in range(lab.profile.draws))
    kernel = _kernel(law, rng.uniform(0, 1, 24))
    filters = max(lab.profile.draws // 20, 2)
    spreads = [drawn_spreads(law, lab, name, filters) for name in CHECKED]
    left, raw = (np.concatenate([pair[k] for pair in spreads]) for k in (0, 1))
    wavers = raw[:, 1] > 1
    most = float(np.max(left)) if np.any(wavers) else np.nan  # else nothing is shown
    detail = (
        f"of {lab.profile.draws} waves b_q, in fractions, those that differ from clipped squares: {waves}; K from its Fourier series: {kernel:.1e} of what the rest of the series may add. "
        f"Disks around random points, radii about {NEAR:g} and {FAR:g}, {len(left)} random filters with {len(CHECKED)} activations: the spread that the law leaves is {most:.2f} of what it may leave at most, median {np.median(left):.2f}; "
        f"the spread itself is {np.median(raw[wavers, 1]):.1f} times that in the median at the larger radii, and no more than that for {int(np.sum(~wavers))} filters, which say nothing. Figure: waves, K, and the largest spread left"
    )
    return column(float(np.max([waves, kernel, most])), 1.0, detail)


# --------------------------------------------------------------------------------------- training

LOW, HIGH, RADII, HALF_LENGTH = 3, 10, 36, 13
SETTINGS = (*(NetworkShape(name, 1) for name in ("square", "abs", "relu", "tanh", "softplus")), *(NetworkShape(name, 2) for name in ("relu", "tanh")))  # fmt: skip
"""What is trained."""
MOST = 50


@dataclass(frozen=True)
class Watched:
    """Trained networks, and Σ_k a_k F_k as torch has it for disks around a point, far beyond the radii of training."""

    shape: NetworkShape
    nets: NetworkBatch
    centre: tuple[float, float]
    grown: Grown


def _networks(lab: Lab) -> int:
    return max(min(lab.profile.networks // 3, MOST), 3)


def _watched(lab: Lab, shape: NetworkShape) -> Watched:
    return lab.once(("lattice/networks", shape), _train, lab, shape)


def _train(lab: Lab, shape: NetworkShape) -> Watched:
    rng = lab.rng(("lattice/networks", shape))
    radii = np.linspace(LOW, HIGH, RADII)
    windows = disk_windows(radii, shape.taps, HALF_LENGTH)
    nets = train_networks(shape, windows, radii, _networks(lab), rng)
    centre = (float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.5, 0.5)))
    r = _windows(rng)
    values = np.stack([_answered(shape.activation, nets, *ring(radius, centre, shape.taps)[:2]) for radius in r.ravel().tolist()], axis=1)  # fmt: skip
    n = shape.taps
    each = _allowed(nets.w.reshape(-1, n, n), nets.b.ravel(), shape.activation, r, centre)
    allowed = np.sum(np.abs(nets.a)[..., None] * each.reshape(*nets.a.shape, 2), axis=1)
    return Watched(shape, nets, centre, Grown(r, values.reshape(-1, *r.shape), allowed))


def _answered(name: str, nets: NetworkBatch, windows: Array, lit: int) -> Array:
    """torch's Σ_k a_k Σ_p [g_k(z_p) - g_k(0)] for the windows at an edge and the lit ones beside them: (B,)."""
    w, b = torch.tensor(nets.w).flatten(0, 1)[:, None], torch.tensor(nets.b.ravel())
    sigma = elementwise(name)
    with torch.no_grad():
        dark, full = sigma(b), sigma(w.sum(dim=(1, 2, 3)) + b)
        z = torch.nn.functional.conv2d(torch.tensor(windows[:, None]), w, b)[:, :, 0, 0]
        total = torch.sum(sigma(z) - dark, dim=0) + lit * (full - dark)
    return np.asarray(np.sum(nets.a * total.numpy().reshape(nets.a.shape), axis=1))


def _areas(watched: Watched) -> Array:
    """Σ_k a_k πΔ_k: (B,)."""
    nets, sigma = watched.nets, activation(watched.shape.activation)[0]
    rise = sigma(nets.w.sum(axis=(2, 3)) + nets.b) - sigma(nets.b)
    return np.asarray(np.pi * np.sum(nets.a * rise, axis=1))


def _swings(watched: Watched, r: Array, centre: tuple[float, float], law: Lattice) -> Array:
    """Σ_k a_k times the fluctuation of channel k: (B, R)."""
    nets, n = watched.nets, watched.shape.taps
    sigma = activation(watched.shape.activation)[0]
    each = fluctuation(nets.w.reshape(-1, n, n), nets.b.reshape(-1), sigma, r, centre, law, REACH)
    return np.asarray(np.einsum("bk,bkr->br", nets.a, each.reshape(*nets.b.shape, len(r))))


def train(law: Lattice, lab: Lab) -> Column:
    """What torch answers to disks around a point, far beyond the radii of training: what the law leaves, of every network."""
    left, words, undecided = [], [], 0
    for shape in SETTINGS:
        watched = _watched(lab, shape)
        grown = watched.grown
        claimed = _swings(watched, grown.r.ravel(), watched.centre, law)
        settled, raw = grown.spreads(_areas(watched), claimed.reshape(grown.sums.shape))
        decided = raw[:, 1] > 1
        left.append(settled)
        undecided += int(np.sum(~decided))
        size = f"{np.median(raw[decided, 1]):.1f}" if np.any(decided) else "none"
        words.append(f"{shape.activation} K={shape.channels} {size}/{np.max(settled):.2f} ({int(np.sum(decided))})")  # fmt: skip
    every = np.concatenate(left)
    detail = (
        f"{len(every)} networks from random starts, torch's answers to disks with radii about {NEAR:g} and {FAR:g}. The spread that the law leaves, of every network, in units of what it may leave: what its waves change within the first Fresnel zone, what the bending of the edge adds beyond the first order, rounding. "
        f"{undecided} networks waver by no more than that, so that it says nothing of them: dead or linear ones, one-signed differences, those that keep a level near a kink, and those with huge weights. Of the others the spread itself, median, against the largest that is left of all (networks): {', '.join(words)}. Figure: the largest of every network and radius"
    )
    shown = undecided < len(every)
    return column(float(np.max(every)) if shown else float("nan"), 1.0, detail)


# ---------------------------------------------------------------------------------------- figures

SHOWN = {"square": ("square", 0.0), "abs": ("abs", 0.0), "ReLU, b = -0.4": ("relu", -0.4), "tanh, b = 1": ("tanh", 1.0)}  # fmt: skip
"""What is shown of one difference, x(p + (1, 0)) - x(p)."""


def _shown(name: str, b: float, r: Array) -> draw.Sway:
    w, bias = difference(np.ones((1, 1)), (1, 0))[None], np.array([b])
    values = sums(w, bias, name, r.tolist())
    claimed = fluctuation(w, bias, activation(name)[0], r, reach=REACH)
    return draw.Sway(r, _level(r, values)[0], _level(r, claimed)[0])


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
    """One difference and four activations, the directions that take part, and trained networks beyond their radii."""
    r = np.linspace(20, 24, 241)
    shown = {name: _shown(*case, r) for name, case in SHOWN.items()}
    roses = {name: _strokes(*case) for name, case in SHOWN.items()}
    beyond = {}
    far = np.linspace(30, 34, 161)
    for case in (("square", 1), ("tanh", 1), ("relu", 2), ("tanh", 2)):
        shape = NetworkShape(*case)
        watched = _watched(lab, shape)
        answers = _torch_answers(watched, far, int(far[-1]) + 3)
        claimed = _swings(watched, far, (0.0, 0.0), LAW)
        j = int(np.argmin(_losses(watched)))
        flat = answers - _areas(watched)[:, None] * far**2
        beyond[f"{shape.activation}, K = {shape.channels}"] = draw.Sway(far, _level(far, flat)[j], _level(far, claimed)[j])  # fmt: skip
    most = max(size for strokes in roses.values() for _, size in strokes)
    caption = "The sum over all pixels of σ(x(p + (1, 0)) - x(p) + b) for disks around a pixel, less its area and line: as pixels say (line) and as the law says (dots). Only the absolute value does not waver: its edges have one sign."
    where = "Where on the circle the fluctuation comes from: a stroke for every direction of the lattice up to |q| = 5, as long as its part of the spread is large, all to one scale."
    trained = f"The best of the networks of each kind, trained from random starts on radii from {LOW} to {HIGH}: torch's answers at three times these radii, less area and line (line), and the law (dots)."
    return (
        figure("lattice-sway", "What wavers and what does not", caption, draw.sways(shown, 2, "Σ σ less a line")),
        figure("lattice-rose", "The directions that take part", where, draw.rose(roses, most)),
        figure("lattice-trained", "Far beyond the radii of training", trained, draw.sways(beyond, 2, "answer less a line")),
    )  # fmt: skip


EVIDENCE = Evidence(check=check, train=train, figures=figures)
"""What the claim rests on."""
