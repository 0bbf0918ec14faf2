"""The bend of the edge: pixels in 60 digits, means over centres, and trained channels shown a large circle at random places."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import pi

import mpmath
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special

from numerics.centres import Centres, centres, centres_bound, variation
from numerics.compile import activation
from numerics.curvature import NARROW, constant_of, direction, remainder
from numerics.disk import disk_bound
from numerics.edges import Edge, Strength, bent_of, edge_of, strength_of
from numerics.perimeter import difference, reach
from numerics.rounding import UNIT, gamma
from theory.curvature import LAW, Curvature
from theory.disk import pixel
from theory.perimeter import STEPS, edge
from verify import curvature_figures as draw
from verify.claims.perimeter import across
from verify.figures import figure
from verify.lab import Lab
from verify.nets import elementwise
from verify.page import Figure
from verify.plane import Difference, disks
from verify.plane import train as train_one
from verify.plane_ensemble import Nets, Shape, plate, train_plane
from verify.verdict import Column, column

__all__ = ["KINKED", "SMOOTH", "Channel", "channels", "check", "figures", "narrow_bound", "train"]

Array = NDArray[np.float64]
Step = tuple[int, int]

# ------------------------------------------------------------------------------------------ check

DIGITS, DISTANT = 60, 10**12
"""The radius at which a pixel's area is held to its tangent and bend, in this number of digits."""
CHECKED = ((16.3, 32), (32.6, 24))
"""Radii, and n of the n × n centres."""
NAMES = ("identity", "square", "cube", "tanh", "softplus", "gelu")
NARROW_RADIUS, NARROW_PARTS = 3.0, 32


def _bends(law: Curvature, rng: np.random.Generator) -> bool:
    """r times what a pixel of a huge disk lacks of a half square, against half the second moment."""
    with mpmath.workdps(DIGITS):
        turn, r = mpmath.mpf(rng.uniform(0.02, 1.55)), mpmath.mpf(DISTANT)
        quarter = int(rng.integers(4))
        c, s = mpmath.cos(turn + quarter * mpmath.pi / 2), mpmath.sin(turn + quarter * mpmath.pi / 2)  # fmt: skip
        u, v = (int(x) for x in rng.integers(-2, 3, 2))
        t = mpmath.mpf(rng.uniform(-reach(1), reach(1))) - u * c - v * s
        found = pixel(u - (r - t) * c, v - (r - t) * s, r, mpmath) - edge(t + u * c + v * s, c, s)
        bend = law.moment(t + u * c + v * s, v * c - u * s, c, s) / 2
        # Rows whose end the edge passes: four stretches of δ/|cs| at most, δ wide, with δ <= κρ²/2r; and δ - ℓ²/2r.
        rho = mpmath.mpf(reach(5))
        allowed = (NARROW * rho**2) ** 2 / (4 * r) * (4 / abs(c * s) + 1)
        return bool(abs(r * found + bend) <= allowed)


@lru_cache(maxsize=8)
def _centres(r: float, parts: int, taps: int) -> Centres:
    return centres(r, parts, taps)


@dataclass(frozen=True)
class _Case:
    """A filter, its P, and by how much F̄ - πr²Δ at a radius, found at n² centres, may differ from Pr + C."""

    edge: Edge
    strength: Strength
    found: float
    r: float
    allowed: float


@lru_cache(maxsize=4)
def _cases(seed: int, draws: int) -> tuple[_Case, ...]:
    """Random filters, half of them of one sign, |w|₁ = 1: their sums at all centres by numpy."""
    rng, found = np.random.default_rng([seed, 17]), []
    for k in range(max(2 * len(NAMES), draws // 8)):
        w = rng.normal(size=(3, 3)) if k % 2 else rng.uniform(0, 1, (3, 3))
        one = edge_of(w / np.abs(w).sum(), float(rng.uniform(-0.5, 0.5)), NAMES[k % len(NAMES)])
        strength, sigma = strength_of(one, 1e-5), activation(one.name)[0]
        for r, parts in CHECKED:
            seen = _centres(r, parts, 3)
            values = sigma(seen.windows @ one.w.ravel() + one.b) - sigma(np.array(one.b))
            allowed = centres_bound(_varies(one), r, parts) + remainder(one, r) + _off(seen, one)
            found.append(_Case(one, strength, float(seen.mean(values, one.rise)), r, allowed + r * _certain(strength)))  # fmt: skip
    return tuple(found)


def _certain(strength: Strength) -> float:
    """The error of P, which smooth activations have."""
    assert strength.error is not None
    return strength.error


def _varies(one: Edge) -> float:
    sizes = bent_of(one).sizes
    return variation(float(np.abs(one.w).sum()), sizes[1], 2 * sizes[2])


def _off(seen: Centres, one: Edge) -> float:
    """Rounding of a mean over centres: pixels, sums of taps, σ, and the sum over all windows."""
    sizes, count = bent_of(one).sizes, len(seen.windows)
    weight = float(np.abs(one.w).sum())
    each = sizes[1] * weight * (seen.error + float(gamma(one.w.size + 4))) + (count + 32) * UNIT * (1 + weight + abs(one.b) + 2 * sizes[0])  # fmt: skip
    area = 8 * UNIT * pi * seen.r**2 * abs(one.rise)
    return count / seen.parts**2 * each + area


def _kappa(rng: np.random.Generator, step: Step) -> Array:
    return np.asarray(rng.uniform(0.2, 1, (3, 3)) * across(step))


def narrow_bound(step: Step, r: float, parts: int) -> float:
    """How far the mean over parts² centres of Σ|κ ⋆ (difference along e)| is from Σκ (4|e|r + narrowing/r), for Σκ = 1.

    A line passes the one change of sign at most once, where the slope, at most 2, turns around: it varies by 8 + 4.
    Beyond the order 1/r: δ - X²/2r = δ²/2r with δ <= κX²/2r, and E X⁴ for a step and a pixel that are independent.
    """
    square = step[0] ** 2 + step[1] ** 2
    tall = 1 / 80 if 0 in step else 1 / 160 + 1 / 96
    fourth = square**2 / 80 + square / 24 + tall
    return centres_bound(12.0, r, parts) + NARROW**2 / 2 * square**0.5 * fourth / r**3


def _narrow_centres(step: Step) -> Centres:
    return _centres(NARROW_RADIUS, NARROW_PARTS, 3 + 2 * max(step))


def _small(step: Step) -> float:
    """Rounding of such a mean: two pixels to a difference, nine differences, and the sum over all windows."""
    seen = _narrow_centres(step)
    count = len(seen.windows)
    return count / NARROW_PARTS**2 * (2 * seen.error + float(gamma(count + 80)))


def _width(law: Curvature, step: Step, r: float) -> float:
    """4|e|r and the term after it."""
    return float(4 * np.hypot(*step) * r + law.narrowing(*map(float, step), mpmath) / r)


@lru_cache(maxsize=4)
def _narrowed(seed: int, draws: int) -> tuple[tuple[Step, float, float], ...]:
    """Steps, the means of Σ|κ ⋆ difference| over all centres for random κ, and Σκ."""
    rng, found = np.random.default_rng([seed, 18]), []
    for step in STEPS:
        seen = _narrow_centres(step)
        for _ in range(max(2, draws // 40)):
            kappa = _kappa(rng, step)
            z = seen.windows @ difference(kappa, step).ravel()
            found.append((step, float(seen.mean(np.abs(z), 0.0)), float(kappa.sum())))
    return tuple(found)


def check(law: Curvature, lab: Lab) -> Column:
    """Pixels of a huge disk in 60 digits, sums at a thousand centres, and differences at a small radius."""
    rng = lab.rng("curvature")
    bends = sum(not _bends(law, rng) for _ in range(lab.profile.draws))
    sums, cases, largest = 0, _cases(lab.seed, lab.profile.draws), dict.fromkeys((r for r, _ in CHECKED), 0.0)  # fmt: skip
    for case in cases:
        constant = constant_of(case.edge, law)
        assert constant.error is not None
        gap = abs(case.found - case.strength.value * case.r - constant.value)
        largest[case.r] = max(largest[case.r], gap)
        sums += not gap <= case.allowed + constant.error
    widths, narrowed = 0, _narrowed(lab.seed, lab.profile.draws)
    for step, total, weight in narrowed:
        gap = abs(total / weight - _width(law, step, NARROW_RADIUS))
        widths += not gap <= narrow_bound(step, NARROW_RADIUS, NARROW_PARTS) + _small(step)
    detail = (
        f"pixels of a disk of radius {DISTANT:.0e}, of {lab.profile.draws}, that do not bend as the law says: {bends}; means over {CHECKED[0][1] ** 2} centres, of {len(cases)}, farther from πr²Δ + Pr + C than their bounds: {sums} "
        f"(|w|₁ = 1; the largest distance is {' and '.join(f'{gap:.4f} at r = {r}' for r, gap in largest.items())}); widths, of {len(narrowed)} at r = {NARROW_RADIUS:g}, that differ in the order 1/r: {widths}"
    )
    return column(bends + sums + widths, 0, detail)


# --------------------------------------------------------------------------------------- training

R = np.linspace(3, 10, 36)
HALF_LENGTH, STEPS_OF_LM = 14, 10
SMOOTH = tuple(Shape(name, 2) for name in ("tanh", "sigmoid", "gelu", "silu"))
"""What is trained and held to the bound."""
KINKED = (Shape("abs", 1), Shape("relu", 2))
"""What is trained and only looked at: no bound is known."""
MOST = 40
"""Networks of a kind, at most."""
LARGE, SHIFTS, PARTS = 120.0, 16, 3
"""The circle that torch is shown: random grids of PARTS² centres."""
CHANCE = 1e-9
"""That Student's bound on a mean is exceeded by chance; a run asks it a few hundred times."""
HEAVY = 20.0
"""Beyond this |w|₁ the enclosures of σ's Taylor coefficients are too wide to say anything: such channels are counted."""
ROWS = 1 << 15


@dataclass(frozen=True)
class Channel:
    """One channel of a trained network, with Pr + C as torch finds it.

    Attributes
    ----------
    edge, strength: the filter, and its P.
    found, spread: the mean over random grids of Σ[g(z) - g(0)] - πr²Δ, and its standard error.
    """

    edge: Edge
    strength: Strength
    found: float
    spread: float


def _each(nets: Nets, windows: torch.Tensor) -> Array:
    """Σ [g(z) - g(0)] over windows (W, 1, n, n), by torch: (B K,)."""
    taps, sigma = nets.shape.taps, elementwise(nets.shape.activation)
    w, b = torch.tensor(nets.w.reshape(-1, 1, taps, taps)), torch.tensor(nets.b.reshape(-1))
    total = torch.zeros(len(b), dtype=torch.float64)
    with torch.no_grad():
        for some in windows.split(ROWS):
            z = torch.nn.functional.conv2d(some, w, b)[:, :, 0, 0]
            total += torch.sum(sigma(z) - sigma(b), dim=0)
    return np.asarray(total.numpy())


@lru_cache(maxsize=4)
def _trained(networks: int, seed: int) -> dict[Shape, Nets]:
    """A few steps of Levenberg-Marquardt from random starts."""
    found = {}
    for shape in SMOOTH + KINKED:
        rng = np.random.default_rng([seed, 19, *shape.activation.encode()])
        seen = plate(R, shape.taps, HALF_LENGTH)
        found[shape] = train_plane(shape, seen, networks, rng, STEPS_OF_LM)
    return found


@lru_cache(maxsize=4)
def channels(networks: int, seed: int) -> dict[Shape, tuple[Channel, ...]]:
    """Every channel of ``networks`` networks of each kind that is not heavy, at random grids of centres of a large circle."""
    rng, every = np.random.default_rng([seed, 20]), _trained(networks, seed)
    sums: dict[Shape, list[Array]] = {shape: [] for shape in every}
    edges = {shape: _edges(nets) for shape, nets in every.items()}
    for _ in range(SHIFTS):
        shift = (float(rng.uniform()), float(rng.uniform()))
        seen = centres(LARGE, PARTS, 3, shift)
        windows = torch.tensor(seen.windows.reshape(-1, 1, 3, 3))
        for shape, nets in every.items():
            rise = np.array([one.rise for one in edges[shape]])
            each = _each(nets, windows) / PARTS**2
            sums[shape].append(each + (seen.lit / PARTS**2 - pi * LARGE**2) * rise)
    found = {}
    for shape, rows in sums.items():
        mean, spread = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1) / SHIFTS**0.5
        light = (row for row in zip(edges[shape], mean.tolist(), spread.tolist(), strict=True) if np.abs(row[0].w).sum() <= HEAVY)  # fmt: skip
        found[shape] = tuple(Channel(one, strength_of(one, 1e-5), m, s) for one, m, s in light)
    return found


def _edges(nets: Nets) -> list[Edge]:
    flat = nets.w.reshape(-1, *nets.w.shape[2:])
    return [edge_of(w, b, nets.shape.activation) for w, b in zip(flat, nets.b.ravel().tolist(), strict=True)]  # fmt: skip


@dataclass(frozen=True)
class _Narrow:
    """A trained difference: its step, the mean of its sums over centres at :data:`NARROW_RADIUS` by torch, twice that of ReLU, and Σ|κ|."""

    step: Step
    found: float
    weight: float


@lru_cache(maxsize=4)
def _differences(seed: int) -> tuple[_Narrow, ...]:
    """abs or ReLU of each difference, κ trained from random positive taps; Σκ = 0 stands for one that changed its sign."""
    rng, found = np.random.default_rng([seed, 21]), []
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
        found.append(_Narrow(step, total, weight))
    return tuple(found)


def _score(law: Curvature, one: Channel) -> tuple[float, float]:
    """The distance of what torch finds from Pr + C, in units of its bound; and the bound."""
    constant = constant_of(one.edge, law)
    assert constant.error is not None
    count = 2 * pi * LARGE * 2 * reach(3) * 1.1
    weight = float(np.abs(one.edge.w).sum())
    sizes = bent_of(one.edge).sizes
    rounding = count * (sizes[1] * weight * float(disk_bound(LARGE)) + 1e5 * UNIT * (1 + weight + abs(one.edge.b) + 2 * sizes[0]))  # fmt: skip
    rounding += 8 * UNIT * pi * LARGE**2 * abs(one.edge.rise)
    chance = float(special.stdtrit(SHIFTS - 1, 1 - CHANCE / 2)) * one.spread
    allowed = constant.error + _certain(one.strength) * LARGE + remainder(one.edge, LARGE) + chance + rounding  # fmt: skip
    return abs(one.found - one.strength.value * LARGE - constant.value) / allowed, allowed


def train(law: Curvature, lab: Lab) -> Column:
    """Every channel with a smooth activation against its bound; differences in the order 1/r; kinks are only looked at."""
    networks = min(max(lab.profile.networks // 10, 2), MOST)
    every = channels(networks, lab.seed)
    smooth = [_score(law, one) for shape in SMOOTH for one in every[shape]]
    scores, bounds = np.transpose(smooth)
    sharp = bounds < 0.2
    heavy = 2 * len(SMOOTH) * networks - len(scores)
    told = []
    for shape in KINKED:
        gaps = [abs(one.found - one.strength.value * LARGE - constant_of(one.edge, law).value) for one in every[shape]]  # fmt: skip
        told.append(
            f"{shape.activation} {np.median(gaps):.2g}/{np.max(gaps):.2g} ({len(gaps)} of {shape.channels * networks})"
        )
    narrow, mixed = [0.0], 0
    for each in _differences(lab.seed):
        if not each.weight:
            mixed += 1
            continue
        gap = abs(each.found / each.weight - _width(law, each.step, NARROW_RADIUS))
        narrow.append(gap / (narrow_bound(each.step, NARROW_RADIUS, NARROW_PARTS) + _small(each.step)))  # fmt: skip
    detail = (
        f"{len(SMOOTH) * networks} networks with two channels ({', '.join(shape.activation for shape in SMOOTH)}) from random starts, shown a circle of radius {LARGE:g} at {SHIFTS} random grids of {PARTS**2} centres. Figure: the largest distance from the law in units of its bound, "
        f"of torch's sums from πr²Δ + Pr + C ({np.max(scores):.2g}; for {int(np.sum(sharp))} of {len(bounds)} channels the bound is below 0.2; {heavy} more have |w|₁ > {HEAVY:g} and no bound) and of {len(narrow) - 1} trained differences at radius {NARROW_RADIUS:g} from 4|m|r and the term 1/r ({np.max(narrow):.2g}; {mixed} more ended with κ of both signs). "
        f"Only seen, kinks having no bound: median/largest distance of the channels with |w|₁ <= {HEAVY:g}: {', '.join(told)}"
    )
    good = len(narrow) > 1 and np.any(sharp)
    return column(float(max(np.max(scores), np.max(narrow))) if good else float("nan"), 1.0, detail)


# ---------------------------------------------------------------------------------------- figures

SHOWN_RADII, SHOWN_PARTS = np.array([6.2, 9.1, 13.4, 20.3, 30.1, 45.2]), 8


def figures(lab: Lab) -> tuple[Figure, ...]:
    """Features less area and perimeter, tending to their constants; and C by direction."""
    every = channels(min(max(lab.profile.networks // 10, 2), MOST), lab.seed)
    chosen = []
    for shape in SMOOTH + KINKED:
        light = [one.edge for one in every[shape] if np.abs(one.edge.w).sum() < 5]
        if light:
            chosen.append(max(light, key=lambda one: abs(constant_of(one).value)))
    found: dict[str, tuple[Array, float]] = {}
    for one in chosen:
        sigma, length = activation(one.name)[0], strength_of(one, 1e-5).value
        values = []
        for r in SHOWN_RADII.tolist():
            seen = _centres(r, SHOWN_PARTS, 3)
            edge_values = sigma(seen.windows @ one.w.ravel() + one.b) - sigma(np.array(one.b))
            values.append(float(seen.mean(edge_values, one.rise)) - length * r)
        found[one.name] = (np.array(values), constant_of(one).value)
    bend = replace(LAW, local=lambda t, slope, second, lack: -slope * second / 2 + 0 * t * lack)
    panels = []
    for one in chosen[:3]:
        both, part = constant_of(one).by_direction, constant_of(one, bend).by_direction
        panels.append((one.name, part, both - part))
    told = f"Of every kind of trained network the channel with the largest constant: its mean feature over {SHOWN_PARTS**2} centres, less πr²Δ + Pr (points), and C (lines). The points approach the lines; for abs and ReLU, which have kinks, no bound on the distance is known."
    by_direction = "What every direction of the edge adds to C: the bend of the edge, the shorter circle inside it, and both together, for three trained channels. Without an activation the sum would turn once around to 0; the constant is what σ leaves of it."
    return (
        figure("curvature-rests", "What is left beside area and perimeter", told, draw.rests(SHOWN_RADII, found)),
        figure("curvature-directions", "The constant by direction", by_direction, draw.directions(direction(3), panels)),
    )  # fmt: skip
