"""How steep the end is: exact Hessians, and torch.optim.SGD just below and just above the
threshold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

from numerics.arithmetic import oracle
from numerics.arithmetic.types import Array
from numerics.training.linear_cell import coordinates
from numerics.training.steps import end_at
from theory.training import linear_cell
from theory.training.sharpness import LAW, Sharpness
from verify.models.networks import Bundle, data
from verify.models.problem import Model, NetworkBatch
from verify.optimise.sgd import descend, sgd
from verify.report import figures as draw
from verify.report import path_figures
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.render import sentence
from verify.report.verdict import Column, column
from verify.training.dynamics import second_moment, starts

__all__ = ["EVIDENCE", "check", "figures", "largest", "train"]

BELOW, ABOVE = 0.98, 1.02
MOMENTUM = 0.9
MODELS = (
    Model("identity", 2, 5),
    Model("identity", 1, 1, readout_bias=True, first=1, cells=2),
    Model("relu", 2, 3),
)
NEAR, STEPS = 1e-6, 150
"""How far from the end training starts, and for how long: 1.02 of the threshold multiplies the
error by 1.04^150 = 360.
"""
SHARES = (BELOW, 1.0, ABOVE)
"""Steps of balanced networks, in units of the flattest one: below it, equal to it, above it."""
TURNS = 800
LEFT = 100
"""A network whose error has grown so much has left."""


def check(law: Sharpness, lab: Lab) -> Column:
    """Exact Hessians in rational numbers, by differences of the simulated loss; and a recursion
    with momentum.

    n is a square, so that √n is rational; the starts lie a rational stretch before an exact
    network, so that √(1 + nUW) is rational, too.
    """
    hessians = lab.once("sharpness/hessians", _hessians, lab)
    wrong = sum(not _hessian_agrees(law, hessian) for hessian in hessians)
    for beta in (0.0, 0.5, 0.9):
        for share, settles in ((BELOW, True), (ABOVE, False)):
            x, before = 1.0, 1.0
            step = share * law.threshold(3.0, beta)
            for _ in range(4000):
                x, before = (1 + beta - 3.0 * step) * x - beta * before, x
            wrong += (abs(x) < 1) != settles
    wrong += sum(not _turns(law, share) for share in SHARES)
    detail = sentence("sharpness", "check", hessians=len(hessians), shares=len(SHARES))
    return column(wrong, 0, detail)


def _turns(law: Sharpness, share: float) -> bool:
    """Gradient descent on r̂ = 2r Σ a_k w_k, n = 1, a = w, by hand, against the map; and where both
    are in the end.

    At the flattest step 4t (1 - s)² is within 1/10 of 1 after 4000 steps; the next term is of order
    (log t)/t.
    """
    radii = np.array([0.5, 1.75, 3.0])
    second = float(np.mean(radii**2))
    w = a = np.array([0.3, 0.5])
    s, rate = 2 * float(a @ w), share * law.flattest(1.0, second)
    for t in range(1, 4001):
        pull = float(np.mean(4 * radii * (2 * radii * (a @ w) - radii)))
        w, a = w - rate * pull * a, a - rate * pull * w
        s = law.turned(s, share)
        if t == 10 and abs(s - 2 * float(a @ w)) > 1e-9:
            return False
    left = (2 * float(a @ w) - 1) ** 2
    if share == 1 and abs(4 * 4000 * left - 1) > 0.1:
        return False
    return (left < 1e-4) == law.settles(share)


@dataclass(frozen=True)
class Hessian:
    """An exact network, the two numbers that tell its spectrum, and U, W some stretch before it."""

    n: int
    sums: list[Fraction]
    a: list[Fraction]
    biased: bool
    second: Fraction
    mean: Fraction
    trace: Fraction
    squares: Fraction
    big_u: Fraction
    big_w: Fraction


def _hessians(lab: Lab) -> list[Hessian]:
    """No law is asked."""
    rng, draws = lab.rng("sharpness"), max(lab.profile.draws // 8, 6)
    return [_hessian(rng, (1, 9)[t % 2], 1 + t // 2 % 2, t % 3 == 0) for t in range(draws)]


def _hessian(rng: np.random.Generator, n: int, channels: int, biased: bool) -> Hessian:
    def quarters(count: int) -> list[Fraction]:
        signed = (int(rng.integers(1, 9)) * (1 - 2 * int(rng.integers(2))) for _ in range(count))
        return [Fraction(number, 4) for number in signed]

    w = [quarters(n) for _ in range(channels)]
    w[0][0] += 20  # S of the first channel is not 0
    sums = [sum(row, Fraction(0)) for row in w]
    a = [Fraction(0), *quarters(channels - 1)]
    a[0] = (
        Fraction(1, 2) - sum((x * y for x, y in zip(a, sums, strict=True)), Fraction(0))
    ) / sums[0]
    h, root = n // 2, math.isqrt(n)
    radii = [h + Fraction(int(v), 4) for v in np.asarray(rng.integers(2, 8, 2))]
    radii[1] += Fraction(1, 4) * (radii[0] == radii[1])
    pulses = [oracle.overlap_pulse(r, 2 * h + 3) for r in radii]
    # The signals' windows; a pooled feature is linear in the taps.
    unit = [[Fraction(int(j == u)) for j in range(n)] for u in range(n)]
    zero, identity = Fraction(0), oracle.RATIONAL["identity"]
    views = [[oracle.pooled(tap, zero, identity, x) for tap in unit] for x in pulses]
    size = channels * (n + 1) + biased
    flat = [*(tap for row in w for tap in row), *a, *([zero] if biased else [])]

    def loss(moves: dict[int, int]) -> Fraction:
        moved = [value + moves.get(j, 0) for j, value in enumerate(flat)]
        total = zero
        for r, lit in zip(radii, views, strict=True):
            given = moved[-1] if biased else zero
            for k in range(channels):
                feature = sum((moved[k * n + u] * lit[u] for u in range(n)), zero)
                given += moved[channels * n + k] * feature
            total += (given - r) ** 2
        return total / 2

    # Of degree 2 in each variable: central differences are derivatives.
    hessian = [[zero] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            if i == j:
                value = loss({i: 1}) - 2 * loss({}) + loss({i: -1})
            else:
                value = (
                    loss({i: 1, j: 1})
                    - loss({i: 1, j: -1})
                    - loss({i: -1, j: 1})
                    + loss({i: -1, j: -1})
                ) / 4
            hessian[i][j] = hessian[j][i] = value
    trace = sum((hessian[j][j] for j in range(size)), zero)
    squares = sum((x * x for row in hessian for x in row), zero)
    second = sum((r * r for r in radii), zero) / 2
    mean = sum(radii, zero) / 2
    back = Fraction(int(rng.integers(1, 7)), int(rng.integers(1, 7)))
    u, v = linear_cell.light_cone(w, a, Fraction(root))
    big_u, big_w = linear_cell.squares([x / back for x in u], [x * back for x in v])
    return Hessian(n, sums, a, biased, second, mean, trace, squares, big_u, big_w)


def _hessian_agrees(law: Sharpness, end: Hessian) -> bool:
    square = law.gain(end.sums, end.a, end.n)
    total, product = 2 * end.second * square, Fraction(0)
    if end.biased:
        total, product = law.pair(square, end.second, end.mean)
    # A positive semidefinite matrix of rank 2 (1 without c) is known by trace and squares, and they
    # by the law.
    good = end.trace == total and end.squares == total * total - 2 * product
    start = law.gain_from_start(end.big_u, end.big_w, math.isqrt(end.n), _exact_root)
    return bool(good and start == square)


def _exact_root(value: Fraction) -> Fraction:
    """√ of the square of a rational number."""
    value = Fraction(value)
    root = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator))
    if root * root != value:
        raise ValueError(f"{value} is no square of a rational number")
    return root


# --------------------------------------------------------------------------------------- training


def largest(law: Sharpness, model: Model, square: Array) -> Array:
    """λ, the largest eigenvalue, for g² (B,)."""
    r = model.radii.r
    moment = second_moment(model.radii)
    if not model.readout_bias:
        return 2 * moment * square
    total, product = law.pair(square, moment, float(np.mean(r)))
    return np.asarray(total / 2 + np.sqrt(np.maximum(total * total / 4 - product, 0)))


def _beside(lab: Lab, model: Model, networks: int) -> tuple[NetworkBatch, Array, Array]:
    """Weights beside the flow's end of random starts, moved along the steepest eigenvector; U and W
    of the start.

    The eigenvector is that of torch's own Hessian: nothing of the law.
    """
    start = starts(lab, model, networks)
    relu = model.activation == "relu"
    # Small and positive for ReLU: then the sums grow, and it stays in its cell.
    first_w, first_a = (
        (0.3 * np.abs(start.w), 0.3 * np.abs(start.a)) if relu else (2 * start.w, 2 * start.a)
    )
    c = coordinates(first_w, first_a)
    w, a = end_at(first_w, first_a, np.zeros(networks))
    x, r = data(model)
    moved = []
    for j in range(networks):
        flat = np.concatenate(
            [w[j].ravel(), a[j], np.zeros(1) if model.readout_bias else np.zeros(0)]
        )
        bundle = Bundle(model, NetworkBatch(w[j : j + 1], start.b[:1], a[j : j + 1], np.zeros(1)))
        names = [name for name, _ in bundle.named_parameters()]
        shapes = [value.shape for _, value in bundle.named_parameters()]
        order = _order(names)

        def loss(flat: torch.Tensor) -> torch.Tensor:
            parts = torch.split(flat, [int(np.prod(shapes[i])) for i in order])  # noqa: B023
            given = {names[i]: p.reshape(shapes[i]) for i, p in zip(order, parts, strict=True)}  # noqa: B023
            return torch.mean((torch.func.functional_call(bundle, given, (x,)) - r) ** 2)  # noqa: B023

        hessian = torch.autograd.functional.hessian(loss, torch.tensor(flat))
        assert isinstance(hessian, torch.Tensor)
        moved.append(flat + NEAR * np.linalg.eigh(hessian.numpy())[1][:, -1])
    size = w[0].size
    points = np.array(moved)
    weights = NetworkBatch(
        points[:, :size].reshape(w.shape),
        start.b * 0,
        points[:, size : size + model.channels],
        points[:, -1] if model.readout_bias else np.zeros(networks),
    )
    return weights, c.big_u, c.big_w


def _order(names: list[str]) -> list[int]:
    """Taps, readout, offset."""
    return [names.index(name) for name in ("conv.weight", "readout", "offset") if name in names]


def _grows(
    model: Model, weights: NetworkBatch, momentum: float, rate: Array
) -> tuple[Array, Array]:
    """By what factor the error √L has grown after all steps, and at most on the way, for every
    network.

    A network that leaves may settle at a flatter end later, so the way counts.
    """
    make = sgd(momentum=momentum) if momentum else sgd()
    path = descend(Bundle(model, weights), *data(model), STEPS, rate, make)
    last, most = path.losses[-1], np.max(path.losses, axis=0)
    first = path.losses[0]
    return np.sqrt(last / first), np.sqrt(most / first)


def train(law: Sharpness, lab: Lab) -> Column:
    """Networks beside their end under torch.optim.SGD at 0.98 and 1.02 of the law's threshold: do
    they return, do they leave?
    """
    networks = min(lab.profile.networks, 20)
    wrong = asked = 0
    speed = []
    for model in MODELS:
        key = "sharpness/beside", model, networks
        weights, big_u, big_w = lab.once(key, _beside, lab, model, networks)
        root = math.sqrt(model.taps)
        # g² once from the start alone, once from the weights at the end: both have to place the
        # threshold.
        squares = (
            law.gain_from_start(big_u, big_w, root, np.sqrt),
            law.gain(list(weights.w.sum(axis=2).T), list(weights.a.T), model.taps),
        )
        steep = largest(law, model, np.concatenate(squares))
        # One training for both, at both shares.
        four = NetworkBatch.joined([weights] * 4)
        for momentum in (0.0, MOMENTUM):
            threshold = law.threshold(steep, momentum)
            rate = np.concatenate([BELOW * threshold, ABOVE * threshold])
            grown = "sharpness/grows", model, networks, momentum, tuple(rate.tolist())
            last, most = lab.once(grown, _grows, model, four, momentum, rate)
            (settled, _), (_, left) = np.split(last, 2), np.split(most, 2)
            wrong += int(np.sum(~(settled < 1))) + int(np.sum(~(left > LEFT)))
            asked += len(rate)
            if not momentum:
                speed.append(settled ** (1 / (STEPS - 1)))
    for share in SHARES:
        wrong += NETWORKS - int(np.sum(_balanced(law, share, lab)))
        asked += NETWORKS
    low, high = float(np.min(speed)), float(np.max(speed))
    detail = sentence(
        "sharpness", "train", asked=asked, below=BELOW, above=ABOVE, low=low, high=high
    )
    return column(wrong, 0, detail)


NETWORKS = 6
BALANCED = Model("identity", 2, 3)


def _balanced_losses(lab: Lab) -> tuple[Array, dict[float, Array]]:
    """(s = 2θ of random balanced starts, between 1/2 and 3/2; per share their losses (TURNS, B)
    under torch.optim.SGD).
    """
    start, root = starts(lab, BALANCED, NETWORKS), math.sqrt(BALANCED.taps)
    # S_k = √n a_k for every channel: V = W = 0; then the size that makes 2θ = 2√n Σ a².
    s = np.linspace(0.5, 1.5, NETWORKS + 1)[1:] - 1 / 15
    a = start.a * np.sqrt(s / (2 * root * np.sum(start.a**2, axis=1)))[:, None]
    w = start.w - start.w.mean(axis=2, keepdims=True) + (a / root)[:, :, None]
    rate = np.repeat(SHARES, NETWORKS) / (4 * root * second_moment(BALANCED.radii))
    every = NetworkBatch.joined([NetworkBatch(w, start.b, a, start.c)] * len(SHARES))
    losses = descend(Bundle(BALANCED, every), *data(BALANCED), TURNS, rate).losses
    return s, dict(zip(SHARES, np.split(losses, len(SHARES), axis=1), strict=True))


def _balanced(law: Sharpness, share: float, lab: Lab) -> Array:
    """Per network: the losses follow the law's map, and fall by half in the last three quarters iff
    it says that they settle.
    """
    s, every = lab.once("sharpness/balanced", _balanced_losses, lab)
    losses = every[share]
    first, last = (np.max(losses[t - 2 : t], axis=0) for t in (TURNS // 4, TURNS))
    good = (last < np.maximum(first / 2, 1e-20)) == law.settles(share)
    for t in range(11):
        good &= np.abs(losses[t] / second_moment(BALANCED.radii) - (1 - s) ** 2) < 1e-9
        s = law.turned(s, share)
    return np.asarray(good)


# ---------------------------------------------------------------------------------------- figures

CATAPULT = Model("identity", 2, 3)


def figures(lab: Lab) -> list[Figure]:
    """A network at steps below and above the threshold of its flow's end: loss, and the sharpness
    it has to come down from.
    """
    first = starts(lab, CATAPULT, 1)
    start = NetworkBatch(3 * first.w, first.b, np.abs(3 * first.a) + 1, first.c)
    c = coordinates(start.w, start.a)
    moment = second_moment(CATAPULT.radii)
    steep = 2 * moment * float(LAW.gain_from_start(c.big_u, c.big_w, c.root, np.sqrt)[0])
    steps = 120
    losses, levels = [], []
    shares = (0.5, 0.9, 1.1, 1.4)
    for share in shares:
        rate = share * LAW.threshold(steep)
        path = descend(Bundle(CATAPULT, start), *data(CATAPULT), steps, rate, look=range(steps))
        losses.append(path.losses[:, 0])
        ends = [path.kept[t] for t in range(steps)]
        cone = coordinates(np.concatenate([e.w for e in ends]), np.concatenate([e.a for e in ends]))
        later = LAW.gain_from_start(cone.big_u, cone.big_w, cone.root, np.sqrt)
        levels.append(rate * 2 * moment * later)
    drawing = path_figures.catapult(np.array(losses).T, np.array(levels).T, shares)
    caption = sentence("sharpness", "caption")
    return [
        draw.figure(
            "sharpness-catapult", "Steps beyond the threshold end flatter", caption, drawing
        )
    ]


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "second derivatives of the double sum on symbols",
            ("theory.training.invariants.answer",),
        ),
        check=Judge(
            "Hessians by exact differences of losses simulated by loops in fractions; "
            "recursions by hand",
            (f"{__name__}._hessian",),
        ),
        training=Judge(
            "torch.optim.SGD beside the end, along the eigenvector of torch's own Hessian",
            (f"{__name__}._grows", "verify.models.networks", "verify.optimise.sgd"),
        ),
    ),
    figures=figures,
)
"""What the claim rests on."""
