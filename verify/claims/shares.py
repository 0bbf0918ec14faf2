"""Shares: exact random cases, and ensembles trained on disks, every network of which obeys the law."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import pi
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from numerics.compile import activation
from numerics.disk import disk, disk_bound, pixels
from numerics.lags import correlations, least, least_of_one_sign, places
from numerics.perimeter import reach
from numerics.rounding import UNIT, gamma, lipschitz
from numerics.shares import PLACES, TURNS, lengths, lengths_bound, nodes
from theory.disk import least as disk_least
from theory.shares import Lag, Shares, opposite
from verify import share_figures as draw
from verify.claims.perimeter import clipped
from verify.figures import figure
from verify.lab import Lab
from verify.nets import elementwise
from verify.page import Figure
from verify.plane import disks
from verify.plane_ensemble import Nets, Shape, Together, plate, train_plane
from verify.verdict import Column, column

__all__ = ["SETTINGS", "Measured", "Trained", "check", "figures", "floors", "train", "trained"]

Array = NDArray[np.float64]

# ------------------------------------------------------------------------------------------ check


def _direction(rng: np.random.Generator) -> tuple[Fraction, Fraction]:
    """A rational point of the circle, in any quadrant."""
    k = Fraction(int(rng.integers(-30, 31)), 12)
    c, s = (1 - k * k) / (1 + k * k), 2 * k / (1 + k * k)
    return (c, s) if rng.integers(2) else (s, c)


def _some(rng: np.random.Generator) -> Fraction:
    return Fraction(int(rng.integers(-12, 13)), 4)


def _filter(rng: np.random.Generator, n: int) -> dict[Lag, Fraction]:
    offsets = range(-(n // 2), n // 2 + 1)
    return {(u, v): _some(rng) for u in offsets for v in offsets}


def _other_side(law: Shares, rng: np.random.Generator) -> bool:
    """Squares clipped by the line and by the same line seen from behind."""
    w, (c, s) = _filter(rng, 3), _direction(rng)
    t = Fraction(int(rng.integers(-96, 97)), 48)
    here = sum((tap * clipped(t + u * c + v * s, c, s) for (u, v), tap in w.items()), Fraction(0))
    back = sum((tap * clipped(-t - u * c - v * s, -c, -s) for (u, v), tap in w.items()), Fraction(0))  # fmt: skip
    return bool(law.opposite(here, sum(w.values(), Fraction(0))) == back)


def _regression(law: Shares, rng: np.random.Generator) -> bool:
    """A random network and random features: sums, and the loss's derivative by differences, exact for a parabola."""
    channels, half = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    mean = Fraction(int(rng.integers(8, 40)), 4)
    apart = [Fraction(int(k), 8) for k in rng.choice(np.arange(1, 24), half, replace=False)]
    r = [mean + s * t for t in apart for s in (1, -1)]
    f = [[_some(rng) for _ in r] for _ in range(channels)]
    values = [_some(rng) for _ in range(channels + 1)]
    average = lambda row: sum(row, Fraction(0)) / len(r)
    spread = average([(x - mean) ** 2 for x in r])

    def lost(every: list[Fraction]) -> Fraction:
        answers = [every[-1] + sum((a * row[j] for a, row in zip(every, f, strict=False)), Fraction(0)) for j in range(len(r))]  # fmt: skip
        return average([(y - x) ** 2 for y, x in zip(answers, r, strict=True)])

    def along(k: int) -> Fraction:
        up, down = ([v + s * (j == k) for j, v in enumerate(values)] for s in (1, -1))
        return (lost(up) - lost(down)) / 2

    length, area = ([_some(rng) for _ in range(channels)] for _ in range(2))
    rest = [average([(x - mean) * (y - d * x * x - p * x) for x, y in zip(r, row, strict=True)]) / spread for row, d, p in zip(f, area, length, strict=True)]  # fmt: skip
    left = sum((values[k] * along(k) for k in range(channels)), (values[-1] - mean) * along(channels))  # fmt: skip
    stated = law.share(values[:-1], length, area, rest, mean)
    return bool(stated == 1 - lost(values) / spread + left / (2 * spread))


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
    same = lambda d: sum((one * x.get((i + d[0], j + d[1]), 0) for (i, j), one in x.items()), Fraction(0))  # fmt: skip
    stated = sum((value * same(d) for d, value in law.lags(w).items()), Fraction(0))
    stated += 2 * b * sum(w.values(), Fraction(0)) * sum(x.values(), Fraction(0))
    return bool(stated == total)


def check(law: Shares, lab: Lab) -> Column:
    """Everything in fractions: clipped squares, losses of random networks, sums over random images."""
    rng = lab.rng("shares")
    parts = {"edges": _other_side, "networks": _regression, "images": _squares}
    wrong = {name: sum(not part(law, rng) for _ in range(lab.profile.draws)) for name, part in parts.items()}  # fmt: skip
    detail = f"of {lab.profile.draws} random cases each, in fractions, those that differ from the law: " + ", ".join(f"{count} {name}" for name, count in wrong.items())  # fmt: skip
    return column(sum(wrong.values()), 0, detail)


# --------------------------------------------------------------------------------------- training

LOW, HIGH, COUNT, HALF_LENGTH = 3, 10, 71, 13
R = np.linspace(LOW, HIGH, COUNT)
MEAN, SPREAD = (LOW + HIGH) / 2, float(np.var(R))
FAR, FAR_LENGTH = np.array([15.3, 22.6, 30.0]), 33
"""Radii up to three times as large as those trained on."""
SETTINGS = tuple(Shape(*one) for one in (("identity", 1), ("abs", 1), ("relu", 1), ("leaky_relu", 1), ("square", 1), ("tanh", 1), ("softplus", 1), ("abs", 2), ("relu", 2), ("square", 2), ("tanh", 2), ("tanh", 3), ("abs", 4), ("square", 4), ("square", 1, 5), ("abs", 1, 5)))  # fmt: skip
"""What every profile trains."""
MORE = tuple(Shape(*one) for one in (("silu", 1), ("leaky_relu", 2), ("silu", 2), ("softplus", 2), ("abs", 3), ("tanh", 4), ("square", 2, 5)))  # fmt: skip
"""What the full profile adds."""
MOST = 300
"""Starts per setting, at most."""
LARGE = 1.0e5
"""The radius of the circle at which torch is shown an edge."""
SIX_DIGITS = 1e-6


@dataclass(frozen=True)
class Measured:
    """What torch says of one network on the training radii.

    Attributes
    ----------
    features: Σ_p [g(z_p) - g(0)] (K, R).
    loss, left: L, and Σ_k a_k ∂L/∂a_k + (c - μ) ∂L/∂c by torch's own gradient.
    error: r̂ - r (R,); far: r̂ at :data:`FAR`.
    largest: the largest sum of absolute values among the terms of an answer.
    """

    features: Array
    loss: float
    left: float
    error: Array
    far: Array
    largest: float


@dataclass(frozen=True)
class Trained:
    """One setting: networks, what torch says of each, and P as torch sees it at a circle of radius :data:`LARGE` (B, K)."""

    nets: Nets
    measured: tuple[Measured, ...]
    seen: Array


def _measured(nets: Nets) -> tuple[Measured, ...]:
    together = Together(nets)
    features = together.features(disks(R, HALF_LENGTH))
    answers = together.answers(features)
    target = torch.tensor(R)[:, None]
    losses = torch.mean((answers - target) ** 2, dim=0)
    losses.sum().backward()
    with torch.no_grad():
        far = together.answers(together.features(disks(FAR, FAR_LENGTH))).numpy()
        dark = (2 * HALF_LENGTH + 1) ** 2 * together.activation(torch.tensor(nets.b)).numpy()
    error, summed, found = answers.detach().numpy() - R[:, None], features.numpy(), []
    for j, readout in enumerate(together.readouts):
        by_a, by_c = (one.grad.numpy() for one in readout.parameters() if one.grad is not None)
        left = float(nets.a[j] @ by_a[0] + (nets.c[j] - MEAN) * by_c[0])
        each = np.abs(summed[:, j]).max(axis=0) + np.abs(dark[j])
        largest = float(abs(nets.c[j]) + np.abs(nets.a[j]) @ each)
        found.append(Measured((summed[:, j] - dark[j]).T, losses[j].item(), left, error[:, j], far[:, j], largest))  # fmt: skip
    return tuple(found)


@lru_cache(maxsize=4)
def _windows(taps: int) -> Array:
    """What a circle of radius :data:`LARGE` shows at all nodes of a whole turn: (nodes, n, n)."""
    turn, t, _ = nodes(taps)
    offset = np.arange(-(taps // 2), taps // 2 + 1)
    whole = np.concatenate([turn, turn + np.pi])
    # The inner normal points at the centre.
    x, y = ((t - LARGE) * np.array([[f(angle)] for angle in whole]) for f in (np.cos, np.sin))
    i, j = x.reshape(-1, 1, 1) + offset[:, None], y.reshape(-1, 1, 1) + offset
    return pixels(LARGE, *np.broadcast_arrays(i, j))


def _seen(nets: Nets) -> Array:
    """P by torch: every channel at every node of a whole turn."""
    shape = nets.shape
    windows, weight = torch.tensor(_windows(shape.taps)[:, None]), nodes(shape.taps)[2]
    w, b = nets.w.reshape(-1, 1, shape.taps, shape.taps), nets.b.reshape(-1)
    sigma, found = elementwise(shape.activation), []
    with torch.no_grad():
        for k in range(0, len(w), 16):
            some, bias = torch.tensor(w[k : k + 16]), torch.tensor(b[k : k + 16])
            values = sigma(torch.nn.functional.conv2d(windows, some, bias))[:, :, 0, 0]
            ends = sigma(bias) + sigma(some.sum(dim=(1, 2, 3)) + bias)
            found.append(weight * torch.sum(values - ends / 2, dim=0).numpy())
    return np.concatenate(found).reshape(nets.b.shape)


@lru_cache(maxsize=64)
def trained(shape: Shape, networks: int, seed: int) -> Trained:
    """``networks`` networks from random starts, loaded into torch and measured there."""
    key = [seed, 12, shape.channels, shape.taps, *shape.activation.encode()]
    nets = train_plane(shape, plate(R, shape.taps, HALF_LENGTH), networks, np.random.default_rng(key))  # fmt: skip
    return Trained(nets, _measured(nets), _seen(nets))


def _ensembles(lab: Lab) -> Iterator[Trained]:
    for shape in SETTINGS + (MORE if lab.profile.name == "full" else ()):
        yield trained(shape, min(lab.profile.networks, MOST), lab.seed)


# ---------------------------------------------------------------------------------------- the law


@lru_cache(maxsize=256)
def _lengths(law_opposite: Any, shape: Shape, networks: int, seed: int) -> Array:
    """P by the law, (B, K)."""
    nets = trained(shape, networks, seed).nets
    sigma = activation(shape.activation)[0]
    return lengths(nets.w.reshape(-1, *nets.w.shape[2:]), nets.b.reshape(-1), sigma, law_opposite).reshape(nets.b.shape)  # fmt: skip


def _areas(nets: Nets) -> Array:
    """πΔ (B, K)."""
    sigma = activation(nets.shape.activation)[0]
    return np.asarray(pi * (sigma(nets.w.sum(axis=(2, 3)) + nets.b) - sigma(nets.b)))


def _steepest(nets: Nets) -> Array:
    """Λ of every channel, (B, K)."""
    return lipschitz(nets.shape.activation, np.abs(nets.w).sum(axis=(2, 3)) + np.abs(nets.b))


def _share_score(law: Shares, nets: Nets, j: int, one: Measured, length: Array, area: Array) -> float:  # fmt: skip
    """The distance of the shares from what the loss says, in units of its rounding bound."""
    rest = one.features - area[:, None] * R**2 - length[:, None] * R
    slopes = (rest @ (R - MEAN)) / (COUNT * SPREAD)
    a = nets.a[j].tolist()
    stated = law.share(a, length.tolist(), area.tolist(), slopes.tolist(), MEAN)
    found = 1 - one.loss / SPREAD + one.left / (2 * SPREAD)
    # Every term is a mean of products of a part of an answer with r - μ or with the error, in chains of R + K + 40.
    part = one.largest + HIGH + np.abs(a) @ (HIGH**2 * np.abs(area) + HIGH * np.abs(length))
    factor = (HIGH - LOW) / 2 + 2 * float(np.max(np.abs(one.error))) + float(gamma(COUNT + 40)) * part  # fmt: skip
    allowed = 8 * float(gamma(COUNT + len(a) + 40)) * part * factor / SPREAD
    return abs(stated - found) / allowed


def _length_scores(nets: Nets, seen: Array, stated: Array) -> Array:
    """The distance of P from what torch sees at a large circle, in units of what its curvature may do: (B, K)."""
    rho, weight = reach(nets.shape.taps), np.abs(nets.w).sum(axis=(2, 3))
    size = weight + np.abs(nets.b)
    steep = _steepest(nets)
    # A place of the size of the radius is rounded by UNIT·LARGE, an edge by at most eight of it; then σ itself, and the sum over all nodes.
    edge = weight * (2**0.5 * rho**2 / LARGE + float(disk_bound(LARGE)) + 8 * UNIT * LARGE)
    value = np.abs(activation(nets.shape.activation)[0](0.0)) + steep * size
    rounding = float(gamma(nets.shape.taps**2 + 4)) * steep * size + (16 + TURNS * PLACES) * UNIT * (1 + size + value)  # fmt: skip
    return np.asarray(np.abs(seen - stated) / (2 * pi * 2 * rho * (steep * edge + rounding)))


@lru_cache(maxsize=4)
def floors(taps: int) -> tuple[float, float, float]:
    """What squares cannot go below on the training radii: any readout, all a_k > 0, all a_k < 0."""
    x = disk(R, HALF_LENGTH)
    always = np.stack([np.ones(COUNT), pi * R**2], axis=1)
    cone = correlations(x, taps)
    one_sign = [least_of_one_sign(always, cone, taps, R, sign) for sign in (1, -1)]
    return least(np.hstack([always, cone]), R), one_sign[0], one_sign[1]


def _square_scores(law: Shares, nets: Nets, j: int, one: Measured) -> tuple[float, float]:
    """torch's errors against the lags, and how far its loss is below the floor, both in units of the rounding bound."""
    taps, h = nets.shape.taps, nets.shape.taps // 2
    columns = _columns(taps)
    stated, size = np.full(COUNT, nets.c[j]), (2 * HALF_LENGTH + 1) ** 2
    for a, b, w in zip(nets.a[j].tolist(), nets.b[j].tolist(), nets.w[j], strict=True):
        there = {(u - h, v - h): float(w[u, v]) for u in range(taps) for v in range(taps)}
        of = law.lags(there)
        weights = np.array([of.get(d, 0.0) for d in places(taps)])
        stated += a * (columns @ weights + 2 * b * float(w.sum()) * pi * R**2 + size * b * b)
    level = np.abs(nets.w[j]).sum(axis=(1, 2)) + np.abs(nets.b[j])
    terms = abs(nets.c[j]) + np.abs(nets.a[j]) @ level**2 * size + R
    met = np.abs(nets.a[j]) @ level**2 * 2 * taps**2 * (8 * R + 4) * disk_bound(R)
    bound = 4 * float(gamma(taps**4 + size + 20)) * terms + met
    which = 0 if np.min(nets.a[j]) < 0 < np.max(nets.a[j]) else 1 if np.max(nets.a[j]) > 0 else 2
    margin = np.mean(2 * np.abs(one.error) * bound + bound**2) + SIX_DIGITS * floors(taps)[which]
    below = (floors(taps)[which] - one.loss) / margin
    return float(np.max(np.abs(one.error + R - stated) / bound)), float(below)


@lru_cache(maxsize=4)
def _columns(taps: int) -> Array:
    return correlations(disk(R, HALF_LENGTH), taps)


def train(law: Shares, lab: Lab) -> Column:
    """Every network: its shares, the P of its channels as torch sees them, and for squares answers and floors."""
    scores: dict[str, list[float]] = {"shares": [], "lengths": [], "squares": [], "below": []}
    told, levels, total, dead = [], {}, 0, 0
    within, beyond, grown, alike = 0, 0, 0, 0
    for one in _ensembles(lab):
        nets, shape = one.nets, one.nets.shape
        count = len(nets.c)
        length, area = _lengths(law.opposite, shape, count, lab.seed), _areas(nets)
        scores["lengths"] += _length_scores(nets, one.seen, length).ravel().tolist()
        ended = np.array([m.loss for m in one.measured])
        for j, m in enumerate(one.measured):
            scores["shares"].append(_share_score(law, nets, j, m, length[j], area[j]))
            if shape.activation == "square":
                answers, below = _square_scores(law, nets, j, m)
                scores["squares"].append(answers)
                scores["below"].append(below)
        total, dead = total + count, dead + int(np.sum(ended > (1 - SIX_DIGITS) * SPREAD))
        inside = _within(one, length, area)
        within, beyond = within + int(np.sum(inside)), beyond + inside.size
        own = _grown(one, length, area)
        grown, alike = grown + len(own), alike + int(np.sum(np.abs(own - 1) < 0.1))
        told.append(f"{_name(shape)} {np.min(ended):.2g}/{np.median(ended):.2g}")
        levels[shape] = ended
    worst = {name: float(np.max(found)) for name, found in scores.items()}
    parabola = float(disk_least(Fraction(LOW), Fraction(HIGH), Fraction(COUNT)))
    line = levels[Shape("identity", 1)]
    flat = int(np.sum(np.abs(line / parabola - 1) > SIX_DIGITS))
    any_sign, plus, minus = floors(3)
    at = levels[Shape("square", 1)]
    on = [int(np.sum(np.abs(at / level - 1) < 1e-3)) for level in (minus, plus)]
    two = int(np.sum(levels[Shape("square", 2)] < 1.001 * any_sign))
    detail = (
        f"{total} networks from random starts, {dead} of them dead. Figure: the largest distance from the law in units of its bound, of shares ({worst['shares']:.1e}), of P as torch sees it at a circle of radius {LARGE:g} "
        f"({worst['lengths']:.2f}), of the answers of squares ({worst['squares']:.1e}). Least/median loss: {', '.join(told)}. Floors: identity {parabola:.6g}, missed by {flat} of {len(line)}; squares {any_sign:.4g}, "
        f"and with readouts of one sign {minus:.6g} (-) or {plus:.6g} (+): of {len(at)} with one channel {on[0]} and {on[1]} end there (three digits), of {len(levels[Shape('square', 2)])} with two {two} at {any_sign:.4g}; none is below its own. "
        f"Only seen: {grown} networks with σ count the area of a grown disk, {alike} of them within a tenth of the loss that this has; at radii up to {FAR[-1]:g}, {within} of {beyond} answers lie within the bound that perimeter proves for the mean over centres"
    )
    good = not flat and worst["below"] <= 1
    figure_ = max(worst[name] for name in ("shares", "lengths", "squares"))
    return column(figure_ if good else float("nan"), 1.0, detail)


def _grown(one: Trained, length: Array, area: Array) -> Array:
    """Of networks with σ that answer through the area more than through the perimeter: loss over the level of their δ = P/(2πΔ)."""
    if one.nets.shape.activation == "identity":
        return np.empty(0)
    by_area, by_length = np.sum(one.nets.a * area, axis=1), np.sum(one.nets.a * length, axis=1)
    chosen = (2 * MEAN * by_area > np.abs(by_length)) & (by_length > SIX_DIGITS)
    delta = by_length[chosen] / (2 * by_area[chosen])
    ended = np.array([m.loss for m in one.measured])[chosen]
    return np.array(ended / [float(disk_least(LOW + d, HIGH + d, COUNT)) for d in delta.tolist()])


def _name(shape: Shape) -> str:
    return f"{shape.activation} K={shape.channels}" + (f" {shape.taps}×{shape.taps}" if shape.taps != 3 else "")  # fmt: skip


def _dark(nets: Nets, half_length: int) -> Array:
    """Σ a_k g_k(0) over all pixels, what a network answers to darkness, less c: (B,)."""
    sigma = activation(nets.shape.activation)[0]
    return np.asarray((2 * half_length + 1) ** 2 * np.sum(nets.a * sigma(nets.b), axis=1))


def _far(one: Trained, length: Array, area: Array, r: Array) -> Array:
    """c + Σ a_k(N²g_k(0) + πr²Δ_k + P_k r), of the rests only the mean over the training radii: (B, R)."""
    rest = []
    for j, m in enumerate(one.measured):
        kept = m.features - area[j][:, None] * R**2 - length[j][:, None] * R
        rest.append(one.nets.a[j] @ kept.mean(axis=1))
    by_area, by_length = np.sum(one.nets.a * area, axis=1), np.sum(one.nets.a * length, axis=1)
    constant = one.nets.c + _dark(one.nets, HALF_LENGTH) + np.array(rest)
    return np.asarray(constant[:, None] + by_area[:, None] * r**2 + by_length[:, None] * r)


def _within(one: Trained, length: Array, area: Array) -> Array:
    """Whether r̂ at :data:`FAR` less Σ a_k(πr²Δ_k + P_k r) keeps to Σ|a_k| times the bound on the rest: (B, FAR)."""
    nets, rho = one.nets, reach(one.nets.shape.taps)
    stated = (nets.c + _dark(nets, FAR_LENGTH))[:, None] + (nets.a * area).sum(axis=1)[:, None] * FAR**2 + (nets.a * length).sum(axis=1)[:, None] * FAR  # fmt: skip
    weight = np.abs(nets.w).sum(axis=(2, 3))
    steep = np.abs(nets.a) * _steepest(nets) * weight
    loose = np.abs(nets.a) * lengths_bound(nets.w.reshape(-1, *nets.w.shape[2:]), _steepest(nets).ravel()).reshape(nets.a.shape)  # fmt: skip
    allowed = 2 * pi * rho**2 * steep.sum(axis=1)[:, None] * (1 + 2 * 2**0.5 * rho * (1 + rho / FAR)) + loose.sum(axis=1)[:, None] * FAR  # fmt: skip
    return np.asarray(np.abs(np.array([m.far for m in one.measured]) - stated) <= allowed)


# ---------------------------------------------------------------------------------------- figures

SHOWN = (Shape("identity", 1), Shape("square", 1), Shape("tanh", 2), Shape("abs", 1), Shape("relu", 1))  # fmt: skip
SHOWN_NETWORKS = 24
"""Of each kind, at least."""


def figures(lab: Lab) -> tuple[Figure, ...]:
    """The losses, errors far beyond the training radii, and what filters answer to a disk."""
    fine = np.concatenate([np.linspace(2.5, HIGH, 91), np.linspace(HIGH, FAR[-1], 91)[1:]])
    x = disks(fine, FAR_LENGTH)
    errors, pictures = {}, []
    networks = max(min(lab.profile.networks, MOST), SHOWN_NETWORKS)
    shown = disks([4.3], 6)
    for shape in SHOWN:
        one = trained(shape, networks, lab.seed)
        j = int(np.argmin([m.loss for m in one.measured]))
        net = one.nets.module(j)
        with torch.no_grad():
            found = torch.cat([net(x[k : k + 16]) for k in range(0, len(fine), 16)]).numpy()
            # The larger signal has more dark pixels, which its c would take care of.
            found -= _dark(one.nets, FAR_LENGTH)[j] - _dark(one.nets, HALF_LENGTH)[j]
            values = net.activation(net.conv(shown[:, None]))[0, 0].numpy()
        length = _lengths(opposite, shape, networks, lab.seed)
        stated = _far(one, length, _areas(one.nets), fine)[j]
        errors[_name(shape)] = (found - fine, stated - fine)
        if shape.channels == 1:
            pictures.append((shape.activation, one.nets.w[j, 0], values))
    every = {_name(shape): [m.loss for m in trained(shape, networks, lab.seed).measured] for shape in SETTINGS}  # fmt: skip
    lines: dict[str, list[float]] = {"identity K=1": [float(disk_least(Fraction(LOW), Fraction(HIGH), Fraction(COUNT)))]}  # fmt: skip
    for shape in SETTINGS:
        if shape.activation == "square":
            level = floors(shape.taps)
            lines[_name(shape)] = list(level[1:]) if shape.channels == 1 else [level[0]]
    told = f"Every point is a network trained from a random start, {networks} of each kind; the lines are the floors that theory knows: the parabola of the identity, and of squares what their lags leave, with one channel for either sign of its readout."
    far = f"The error of the best of {networks} networks of each kind, trained on the shaded radii; a logarithmic scale beyond ±0.001. Dots: area and perimeter alone, c + Σ a(πr²Δ + Pr), c so that the rest is 0 in the mean over the training radii. The best networks of abs and of ReLU are the same difference and err alike; squares fluctuate."
    seen = "Filters of the best networks with one channel (above; white is 0), and σ(w ⋆ x + b) on a disk of radius 4.3 (below; white is the background). Without σ the whole disk counts; the others answer at the edge."
    return (
        figure("shares-losses", "Where training on disks ends", told, draw.losses(every, lines)),
        figure("shares-beyond", "Beyond the radii of training", far, draw.beyond(fine, errors, (LOW, HIGH), 1e-3)),
        figure("shares-filters", "What filters answer to a disk", seen, draw.filters(pictures)),
    )  # fmt: skip
