"""An unknown background: rational simulations on a ring, and networks trained
on many backgrounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import activation
from numerics.arithmetic.types import Array
from numerics.invariance.gram_schmidt import Vector, dot, orthogonal, residual
from numerics.pulse.sample import pulse
from theory.invariance.background import LAW, Background
from theory.pulse.network import Network as Weights
from verify.invariance import contrast_training, dense_training
from verify.invariance import figures as pictures
from verify.invariance.background_training import (
    BENT,
    FAR,
    LINEAR,
    ONE_TAP,
    PADDED,
    SEEKING,
    STEEP,
    Scene,
    answers,
    columns,
    errors,
    exact_counts,
    from_least,
    linear_ratios,
    loss_bound,
    networks,
    off_readout,
    on_a_ring,
    outcomes,
    padded_ratio,
    readout,
    rounding,
    trained,
)
from verify.invariance.table import section
from verify.models.networks import Elementwise, Network
from verify.optimise.sgd import settle
from verify.report import figures as draw
from verify.report import path_figures
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.page import Figure, Section
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "figures", "sections", "train"]

Sigma = Callable[[Any], Any]
HALF = Fraction(1, 2)
KINKS = {
    "relu": (Fraction(0), 1),
    "leaky_relu": (Fraction(1, 100), 1),
    "prelu": (Fraction(1, 4), 1),
    "abs": (Fraction(-1), 1),
}
"""Slopes below and above the kink at 0."""


# ------------------------------------------------------------------------------------------ check


def check(law: Background, lab: Lab) -> Column:
    """Everything again in rationals, by loops over the ring: answers, best losses, exact networks.

    The first case that differs ends the loops.
    """
    rng = lab.rng("background")
    draws = max(lab.profile.draws // 4, 12)
    wrong = not all(agrees for t in range(draws) for agrees in _agreements(law, rng, t))
    detail = (
        f"cases, of 8 times {draws} in exact rationals, in which a response, the last radius at"
        " which it holds, a best loss, the weight of the border or the answer of an exact network"
        " is another than by simulation"
    )
    return column(wrong, 0, detail)


def _agreements(law: Background, rng: np.random.Generator, t: int) -> Iterator[bool]:
    yield _response_agrees(law, rng, t)
    yield _linear_agrees(law, rng)
    yield _domain_agrees(law, rng, t)
    yield _steep_agrees(law, rng, t)
    yield _border_agrees(law, rng)
    yield _one_tap_agrees(law, rng)
    yield _reads(law.two_channels, rng, t, [HALF * k for k in (3, 5, 7)])
    yield _reads(law.three_channels, rng, t, [Fraction(k, 7) for k in (11, 16, 20, 23)])


def _ring(w: Vector, b: Fraction, sigma: Sigma, x: Vector) -> Fraction:
    """Σ_i σ(Σ_u w_u x(i + u) + b) on a ring."""
    return sum((sigma(z) for z in oracle.ring(w, b, x)), Fraction(0))


def _quarters(rng: np.random.Generator, count: int) -> Vector:
    return [Fraction(int(k), 4) for k in rng.integers(-8, 9, count)]


def _mean(values: Vector) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def _spread(values: Vector) -> Fraction:
    return _mean([x * x for x in values]) - _mean(values) ** 2


def _left(target: Vector, features: list[Vector]) -> Fraction:
    """The mean square of what is left of the target after its regression on the features."""
    remainder = residual(target, orthogonal(features))
    return dot(remainder, remainder) / len(remainder)


def _response_agrees(law: Background, rng: np.random.Generator, t: int) -> bool:
    n = (1, 3, 5)[t % 3]
    sigma = list(oracle.RATIONAL.values())[t % len(oracle.RATIONAL)]
    w, (b, beta) = _quarters(rng, n), _quarters(rng, 2)
    r = n // 2 + HALF + int(rng.integers(0, 3))
    length = int(r + HALF) + n // 2 + int(rng.integers(0, 2))
    x = [beta + value for value in oracle.overlap_pulse(r, length)]
    claimed = law.response(oracle.shifted(sigma, b), w, beta, r, len(x))
    return bool(claimed == _ring(w, b, sigma, x))


def _domain_agrees(law: Background, rng: np.random.Generator, t: int) -> bool:
    """Three random filters and a bent σ at the half-integers from n/2 on, until the ring is full;
    the light that zeros beyond the border leave, at every multiple of 1/2; the networks of three
    taps: each is as stated up to the last radius only.
    """
    n, length = (1, 3, 5)[t % 3], 6 + int(rng.integers(0, 3))
    size, low = 2 * length + 1, Fraction(int(rng.integers(-8, 5)), 4)
    last, bent = law.last_radius(n, size), oracle.RATIONAL["softsign"]
    filters = [[Fraction(int(k), 4) for k in rng.integers(1, 9, n)] for _ in range(3)]
    cases = list(zip(filters, _quarters(rng, 3), _quarters(rng, 3), strict=True))
    nets = {1: law.two_channels, 2: law.three_channels} if n == 3 else {}
    for k in range(n, size + 1):
        r, pulse = HALF * k, oracle.overlap_pulse(HALF * k, length)
        signals = [[beta + value for value in pulse] for _, _, beta in cases]
        # A response may be right by chance, where σ is odd about the middle: all three are not.
        agreements = [
            all(
                sum(oracle.preactivations(w, Fraction(0), x), Fraction(0))
                == 2 * r * sum(w) + beta * law.border(w, size)
                for (w, _, beta), x in zip(cases, signals, strict=True)
            )
        ]
        if k % 2:
            agreements.append(
                all(
                    law.response(oracle.shifted(bent, b), w, beta, r, size) == _ring(w, b, bent, x)
                    for (w, b, beta), x in zip(cases, signals, strict=True)
                )
            )
        for step, make in nets.items():
            if k % 2 or step == 2:
                net = make(low, low + 1, -low, size, *KINKS["relu"])
                levels = (low, low + Fraction(1, 3), low + 1)
                agreements.append(
                    all(
                        on_a_ring(net, "relu", [beta + value for value in pulse]) == r
                        for beta in levels
                    )
                )
        if set(agreements) != {r <= last}:
            return False
    return True


def _features(
    w: Vector, sigma: Sigma, b: Fraction, radii: Vector, backgrounds: Vector, length: int
) -> Vector:
    return [
        _ring(w, b, sigma, [beta + value for value in oracle.overlap_pulse(r, length)])
        for r in radii
        for beta in backgrounds
    ]


def _scene(rng: np.random.Generator) -> tuple[Vector, Vector, int, Vector]:
    """Radii, backgrounds, half-length, and the target."""
    radii = [HALF * k for k in (3, 5, 7)[: int(rng.integers(2, 4))]]
    backgrounds = sorted({Fraction(int(k), 8) for k in rng.integers(-12, 13, 3)} | {Fraction(2)})
    target = [r for r in radii for _ in backgrounds]
    return radii, backgrounds, 5 + int(rng.integers(0, 2)), target


def _linear_agrees(law: Background, rng: np.random.Generator) -> bool:
    radii, backgrounds, length, target = _scene(rng)
    w = [*_quarters(rng, 2), Fraction(5)]
    features = _features(w, oracle.RATIONAL["identity"], Fraction(1), radii, backgrounds, length)
    ones = [Fraction(1)] * len(features)
    (centred,) = orthogonal([ones, features])[1:]
    theta = dot(target, centred) / dot(centred, centred) * sum(w, Fraction(0))
    v, b, size = _spread(radii), _spread(backgrounds), 2 * length + 1
    return bool(
        theta == law.angle(v, size, b) and _left(target, [ones, features]) == law.risk(v, size, b)
    )


def _steep_agrees(law: Background, rng: np.random.Generator, t: int) -> bool:
    """No channel, with its best readout, is below the price of its slopes; that of slopes t, s, t
    is what it says.
    """
    radii, backgrounds, length, target = _scene(rng)
    name = ("prelu", "leaky_relu", "identity")[t % 3]
    (b,) = _quarters(rng, 1)
    low = KINKS[name][0] if name in KINKS else Fraction(1)
    features = _features(_quarters(rng, 3), oracle.RATIONAL[name], b, radii, backgrounds, length)
    loss = _left(target, [[Fraction(1)] * len(features), features])
    v, size = _spread(radii), 2 * length + 1
    price = law.risk(v, size, _spread(backgrounds), 1 / low)
    # Slope t up to the last background, 1 from there to the first plateau, t beyond.
    near, slope = [beta / 8 for beta in backgrounds], Fraction(1, int(rng.integers(2, 9)))
    top, first = max(near), min(near) + 1

    def sigma(z: Fraction) -> Fraction:
        return slope * z + (1 - slope) * min(max(z, top), first)

    features = _features([Fraction(1)], sigma, Fraction(0), radii, near, length)
    reached = law.risk(v, size, _spread(near), 1 + (1 / slope - 1) * (first - top))
    return bool(
        loss >= price and _left(target, [[Fraction(1)] * len(features), features]) == reached
    )


def _border_agrees(law: Background, rng: np.random.Generator) -> bool:
    w = _quarters(rng, (1, 3, 5)[int(rng.integers(3))])
    length = len(w) // 2 + int(rng.integers(1, 4))
    ones = [Fraction(1)] * (2 * length + 1)
    return bool(
        law.border(w, len(ones)) == sum(oracle.preactivations(w, Fraction(0), ones), Fraction(0))
    )


def _one_tap_agrees(law: Background, rng: np.random.Generator) -> bool:
    """Least squares with f(β), f(β + 1), f(β + 2) and c free: pixels above and below, counted."""
    radii = [HALF * k for k in sorted({int(k) for k in rng.integers(0, 5, 4) * 2 + 1} | {11})]
    size = 13 + 2 * int(rng.integers(0, 4))
    target = [r for _ in range(2) for r in radii]
    columns = [[Fraction(1)] * len(target), *([Fraction(0)] * len(target) for _ in range(3))]
    for j in range(2):
        for k, r in enumerate(radii):
            columns[1 + j][j * len(radii) + k] = size - 2 * r
            columns[2 + j][j * len(radii) + k] = 2 * r
    return bool(_left(target, columns) == law.one_tap(_spread(radii), size, _mean(radii)))


def _reads(
    make: Callable[..., Weights[Any]], rng: np.random.Generator, t: int, radii: Vector
) -> bool:
    """A network for a random interval, simulated at its ends and inside."""
    name = list(KINKS)[t % len(KINKS)]
    low, more, length = (Fraction(int(k), 4) for k in rng.integers((-12, 0, 0), (12, 9, 25)))
    half_length = 5 + int(rng.integers(0, 3))
    size = 2 * half_length + 1
    net = make(low, low + length, more - low, size, *KINKS[name])
    for share in (Fraction(0), Fraction(int(rng.integers(1, 7)), 7), Fraction(1)):
        for r in radii:
            x = [low + share * length + value for value in oracle.overlap_pulse(r, half_length)]
            if on_a_ring(net, name, x) != r:
                return False
    return True


# --------------------------------------------------------------------------------------- training


def train(law: Background, lab: Lab) -> Column:
    """Losses against the best that there is, answers against the law, and trained readouts of the
    exact networks.
    """
    count = networks(lab)
    ratios = [_linear(law, lab, scene, count) for scene in LINEAR]
    ratios += [_below(law.risk(*_price(scene)), lab, scene, count) for scene in STEEP]
    for scene in ONE_TAP:
        v, _, mean = scene.moments
        ratios.append(_below(law.one_tap(v, scene.pixels, mean), lab, scene, count))
    ratios += [_answered(law, lab, scene, count) for scene in (*STEEP, *SEEKING, *ONE_TAP)]
    ratios += [_until(law, lab, scene, 4) for scene in BENT]
    padded = [padded_ratio(law, lab, scene, count) for scene in PADDED]
    frozen = [_frozen(law, lab, j) for j in range(6)] + [_counted(law, lab), _steepest(law, lab)]
    worst = float(np.max([*ratios, *(ratio for ratio, _ in padded), *frozen]))
    exact = [exact_counts(lab, scene, count) for scene in SEEKING]
    endings = " and ".join(
        f"{fitted} of {count} with {scene.activation} ({between} of them also on 65 backgrounds"
        " between)"
        for (fitted, between), scene in zip(exact, SEEKING, strict=True)
    )
    detail = (
        f"{count} networks per setting: every linear one ends at the best loss, none of one steep"
        " channel or of one tap is below its price; answers of bent ones as by the law, readouts"
        " of the exact networks as trained; in units of what gradient, loss and rounding allow. "
        f" With zero padding {sum(n for _, n in padded)} of {2 * count} linear networks became"
        f" exact; with two channels on a ring, on backgrounds from 0 to 2, {endings}"
    )
    return column(worst, 1.0, detail)


def _linear(law: Background, lab: Lab, scene: Scene, count: int) -> float:
    return max(0.0, *linear_ratios(law, lab, scene, count))


def _price(scene: Scene) -> tuple[float, int, float, float]:
    v, b, _ = scene.moments
    return v, scene.pixels, b, float(1 / KINKS[scene.activation][0])


def _below(least: float, lab: Lab, scene: Scene, count: int) -> float:
    """The largest (least - loss), in units of rounding: nothing is below the price."""
    x, r = scene.data()
    worst = -math.inf
    for net in trained(lab, scene, count):
        error, bound = errors(net, x, r)
        worst = max(worst, (least - float(np.mean(error**2))) / loss_bound(error, bound))
    return worst


def _stated(law: Background, scene: Scene, net: Network, beta: Array, r: Array) -> Array:
    """r̂ by the law, for arrays of β and r."""
    sigma = activation(scene.activation)[0]
    with torch.no_grad():
        w, b = net.conv.weight[:, 0].numpy(), net.conv.bias.numpy()  # type: ignore[union-attr]
        a, c = net.readout.weight[0].numpy(), float(net.readout.bias)
    return np.asarray(
        c
        + sum(
            a[k] * law.response(oracle.shifted(sigma, b[k]), list(w[k]), beta, r, scene.pixels)
            for k in range(len(a))
        )
    )


def _answered(law: Background, lab: Lab, scene: Scene, count: int) -> float:
    x, r = scene.data()
    beta = np.tile(np.array(scene.backgrounds), len(scene.r))
    worst = 0.0
    for net in trained(lab, scene, count):
        off = np.abs(answers(net, x) - _stated(law, scene, net, beta, r.numpy()))
        worst = float(np.max([worst, np.max(off / (2 * rounding(net, x)))]))
    return worst


def _until(law: Background, lab: Lab, scene: Scene, count: int) -> float:
    """Half-integers from n/2 until the ring is full, background 0, in units of rounding: the law up
    to its last radius.

    inf if beyond it there is a radius at which no network errs.
    """
    r = np.arange(scene.taps // 2, scene.half_length + 1, dtype=np.float64) + 0.5
    x = torch.tensor(pulse(r, scene.half_length))
    dark: Array = np.zeros(len(r))
    off = np.array(
        [
            np.abs(np.subtract(answers(net, x), _stated(law, scene, net, dark, r)))
            / (2 * rounding(net, x))
            for net in trained(lab, scene, count)
        ]
    )
    inside = r <= law.last_radius(scene.taps, scene.pixels)
    idle = np.any(np.max(off[:, ~inside], axis=0) <= 1)
    return math.inf if idle else float(np.max(off[:, inside]))


def _frozen(law: Background, lab: Lab, j: int) -> float:
    """Readouts trained on the filters of the exact networks: (a, c) lies within |errors|/σ of the
    law's, if the errors vanish.
    """
    rng = lab.rng(f"background {j}")
    make, full = (law.two_channels, False) if j % 2 else (law.three_channels, True)
    name = ("relu", "abs", "prelu")[j // 2]
    low, length = float(rng.integers(-4, 5)) / 4, float(rng.integers(1, 9)) / 4
    left, right = (float(slope) for slope in KINKS[name])
    shape = Scene(
        name,
        3 if full else 2,
        3,
        tuple(low + length * t / 4 for t in range(5)),
        per_cell=4 if full else 1,
    )
    claimed = make(low, low + length, 0.25 - low, shape.pixels, left, right)
    scene = Scene(name, len(claimed.a), 3, shape.backgrounds, per_cell=shape.per_cell)
    return off_readout(lab, scene, claimed)


def _counted(law: Background, lab: Lab) -> float:
    """One-tap filters whose kinks separate the three levels: the trained readout's loss is the
    price of one tap.
    """
    rng = lab.rng("background, one tap")
    scene = ONE_TAP[0]
    v, _, mean = scene.moments
    b = tuple(float(-k - rng.uniform(0.2, 0.8)) for k in (0, 1))
    net = readout(lab, scene, ((1.0,), (1.0,)), b)
    return _reaches(net, scene, law.one_tap(v, scene.pixels, mean))


def _steepest(law: Background, lab: Lab) -> float:
    """Slopes 1/4, 1, 1/4, with bends at the last background and at the first plateau: the trained
    readout's loss is the price.
    """
    scene, slope = replace(STEEP[0], taps=1), 0.25
    top = max(scene.backgrounds)

    def bent(z: Tensor) -> Tensor:
        return slope * z + (1 - slope) * (torch.clamp(z, top, 1.0) - top)

    net = Network("identity", 1, 1, circular=True)
    net.activation = Elementwise(bent)
    with torch.no_grad():
        net.conv.weight.fill_(1.0)
        net.conv.bias.fill_(0.0)  # type: ignore[union-attr]
    net.conv.requires_grad_(False)
    settle(net, *scene.data(), 30)
    v, b, _ = scene.moments
    return _reaches(net, scene, law.risk(v, scene.pixels, b, 1 + (1 / slope - 1) * (1 - top)))


def _reaches(net: Network, scene: Scene, least: float) -> float:
    """|loss - least| of a trained readout, in units of what gradient and rounding allow."""
    x, r = scene.data()
    error, bound = errors(net, x, r)
    allowed, _ = from_least(columns(net, x), error, bound)
    return abs(float(np.mean(error**2)) - least) / allowed


# ---------------------------------------------------------------------------------------- figures


def figures(lab: Lab) -> list[Figure]:
    """The errors of three networks in torch over the background; the atlas of invariance at a
    glance; an edge and a ruler.
    """
    scene = Scene("relu", 1, 3, FAR)
    low, high = scene.backgrounds[0], scene.backgrounds[-1]
    v, b, mean = scene.moments
    theta = LAW.angle(v, scene.pixels, b)
    offset = mean - theta * (2 * mean + scene.pixels * float(np.mean(scene.backgrounds)))
    # A filter that stays above the kink is linear: its bias is large enough for every background
    # shown.
    line = Weights(((0.0, 1.0, 0.0),), (2.0,), (theta,), offset - 2 * theta * scene.pixels)
    nets = {"the best linear": line}
    nets["two channels"] = LAW.two_channels(low, high, 2.0, scene.pixels, 0.0, 1.0)
    nets["three channels"] = LAW.three_channels(low, high, 2.0, scene.pixels, 0.0, 1.0)
    backgrounds = np.linspace(low - 0.25, high + 0.25, 161)
    panels = {
        f"r = {r}": {name: _errors(net, scene, backgrounds, r) for name, net in nets.items()}
        for r in (2.5, 2.75)
    }
    drawing = path_figures.unknown(backgrounds, panels, (low, high))
    caption = (
        r"Errors over the background $\beta$; shaded: the interval for which the networks are made."
        r" The best linear network trades radius against background. Two ReLU channels are exact at"
        r" half-integers "
        "and off by pixels between; three are exact at every radius. Outside the interval neither"
        " promises anything."
    )
    errors = draw.figure("background-errors", "Who ignores the background", caption, drawing)
    glance = (
        r"What is unknown, by line; readout and radii, by block; in each block linear networks,"
        r" ReLU with one, two and three channels, and any $\sigma$. A dot on a full square: exact"
        r" networks exist. "
        "A cross: a theorem says that there is none."
    )
    how = (
        r"Left: a pulse on three backgrounds, and below what the second of two channels sees of it,"
        r" before $\sigma$. All positions lie at or below the kink but one, which says how bright"
        r" the background is. "
        "Right: two pulses with different background and contrast. Their edges, saturated, are two"
        " legs on a readout whose weights are the marks of a ruler."
    )
    return [
        errors,
        draw.figure("background-atlas", "Who can ignore what", glance, pictures.matrix()),
        draw.figure("background-compass", "An edge and a ruler", how, pictures.compass()),
    ]


def sections(lab: Lab) -> tuple[Section, ...]:
    """The atlas of invariance, with all that the three claims on invariance have trained."""
    by_place = dense_training.outcomes(lab) | outcomes(lab) | contrast_training.outcomes(lab)
    return (section(by_place),)


def _errors(exact: Weights[Any], scene: Scene, backgrounds: Array, r: float) -> Array:
    """r̂ - r of a ReLU network in torch, at all these backgrounds."""
    net = Network("relu", len(exact.a), 3, circular=True)
    with torch.no_grad():
        net.conv.weight.copy_(torch.tensor(exact.w)[:, None, :])
        net.conv.bias.copy_(torch.tensor(exact.biases))  # type: ignore[union-attr]
        net.readout.weight.copy_(torch.tensor(exact.a)[None, :])
        net.readout.bias.fill_(exact.offset)
    return answers(net, torch.tensor(pulse(r, scene.half_length) + backgrounds[:, None])) - r


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "the circular double sum with an undefined g and symbols for ends and slopes",
            ("theory.pulse.network.circular", "theory.pulse.network.preactivations"),
        ),
        check=Judge(
            "answers by loops over a ring, and regressions by Gram-Schmidt, in fractions",
            (
                "numerics.arithmetic.oracle",
                "numerics.invariance.gram_schmidt",
                "verify.invariance.background_training.on_a_ring",
            ),
        ),
        training=Judge(
            "losses, answers and readouts of trained torch modules with circular padding",
            (
                "verify.invariance.background_training.trained",
                "verify.invariance.background_training.readout",
                "verify.invariance.background_training.answers",
                "verify.models.networks",
                "verify.optimise.sgd",
            ),
        ),
    ),
    figures=figures,
    sections=sections,
)
"""What the claim rests on."""
