"""Steps of finite size: replayed by two numbers, extrapolated to zero, and to first order in closed
form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from numerics.arithmetic import oracle
from numerics.arithmetic.rounding import UNIT
from numerics.arithmetic.types import Array
from numerics.training.linear_cell import Cone, coordinates, weights_at
from numerics.training.steps import end_at, sharpness, shift_error
from theory.training import linear_cell
from theory.training.steps import Steps
from verify.models.networks import data, load
from verify.models.problem import Model
from verify.optimise.sgd import descend, step_rounding
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.page import Section
from verify.report.render import render, sentence
from verify.report.verdict import Column, column
from verify.training.dynamics import (
    Run,
    corrected,
    end_rounding,
    run,
    second_moment,
    shift,
    shuffled,
    starts,
)
from verify.training.optimizers import NAMES, survival

__all__ = ["EVIDENCE", "check", "sections", "train"]

FRACTIONS = (0.08, 0.04, 0.02)
"""The three step sizes, in units of 1/λ."""
MODEL = Model("identity", 2, 5)
REAL = 1
"""Networks that are trained as modules of their own, beside the bundles."""


def check(law: Steps, lab: Lab) -> Column:
    """Exact steps in rational numbers from exact gradients of the simulated loss, and ρ₁ against a
    sum over 4000 small steps.

    n is a square here, so that √n is rational.
    """
    exact, sums = lab.once("steps", _stepped, lab)
    wrong = sum(not _one_step(law, step) for step in exact)
    wrong += sum(not _first_order(law, small) for small in sums)
    detail = sentence("steps", "check", exact=len(exact), sums=len(sums))
    return column(wrong, 0, detail)


@dataclass(frozen=True)
class Exact:
    """u, v before and after one exact step, √n, η and E[er] before it."""

    before: tuple[list[Fraction], list[Fraction]]
    after: tuple[list[Fraction], list[Fraction]]
    root: int
    rate: Fraction
    pull: Fraction


@dataclass(frozen=True)
class Small:
    """Where many small steps of size η (1,) went: -Σ log(1 - δ²)."""

    start: Cone
    moment: float
    rate: Array
    rho: float


def _stepped(lab: Lab) -> tuple[list[Exact], list[Small]]:
    """No law is asked."""
    rng = lab.rng("steps")
    exact = [_exact(rng, (1, 9)[t % 2], 1 + t % 3) for t in range(lab.profile.draws // 2)]
    return exact, [_small(rng) for _ in range(10)]


def _exact(rng: np.random.Generator, n: int, channels: int) -> Exact:
    def eighths(count: int) -> list[Fraction]:
        return [Fraction(int(v), 8) for v in np.asarray(rng.integers(-16, 17, count))]

    def split(p: list[Fraction]) -> tuple[list[list[Fraction]], list[Fraction]]:
        return [p[k * n : (k + 1) * n] for k in range(channels)], p[n * channels :]

    start = [*(tap for _ in range(channels) for tap in eighths(n)), *eighths(channels)]
    h, root, eta = n // 2, math.isqrt(n), Fraction(int(rng.integers(1, 64)), 128)
    radii = [h + Fraction(int(v), 4) for v in np.asarray(rng.integers(2, 8, 2))]
    identity, zeros = oracle.RATIONAL["identity"], [Fraction(0)] * channels
    pulses = [oracle.overlap_pulse(r, 2 * h + 3) for r in radii]

    def errors(p: list[Fraction]) -> list[Fraction]:
        w, a = split(p)
        return [
            oracle.answer(w, zeros, a, -r, identity, x) for r, x in zip(radii, pulses, strict=True)
        ]

    # The answer is affine in each weight: one difference is its derivative.
    now, slopes = errors(start), []
    for j in range(len(start)):
        moved = errors([x + (i == j) for i, x in enumerate(start)])
        terms = (2 * e * (y - e) for e, y in zip(now, moved, strict=True))
        slopes.append(sum(terms, Fraction(0)) / len(radii))
    w, a = split(start)
    new_w, new_a = split([x - eta * slope for x, slope in zip(start, slopes, strict=True)])
    pull = sum((e * r for e, r in zip(now, radii, strict=True)), Fraction(0)) / len(radii)
    before = linear_cell.light_cone(w, a, root)
    return Exact(before, linear_cell.light_cone(new_w, new_a, root), root, eta, pull)


def _one_step(law: Steps, step: Exact) -> bool:
    grow, shrink = law.factors(-4 * step.root * step.rate * step.pull)
    (u, v), (new_u, new_v) = step.before, step.after
    same = all(y == grow * x for x, y in zip(u, new_u, strict=True))
    return same and all(y == shrink * x for x, y in zip(v, new_v, strict=True))


def _small(rng: np.random.Generator) -> Small:
    """The two-number recursion, which the rational steps confirm."""
    w, a = rng.normal(size=(1, 2, 3)) / 2, rng.normal(size=(1, 2))
    c, moment = coordinates(w, a), 5.0
    rate = 0.01 / sharpness(c, moment)
    rho, delta = 0.0, math.inf
    first = second = 1.0
    for _ in range(8000):
        theta = float(linear_cell.theta(c.big_u, c.big_w, c.root, first, second)[0])
        delta = 4 * c.root * moment * float(rate[0]) * (1 - 2 * theta)
        first, second = first * (1 + delta), second * (1 - delta)
        rho -= math.log1p(-delta * delta)
    return Small(c, moment, rate, rho)


def _first_order(law: Steps, small: Small) -> bool:
    """ηρ₁ against the sum over the small steps."""
    c, moment, rate = small.start, small.moment, small.rate
    error = float(shift_error(c, moment, rate)[0])
    return abs(small.rho - float((rate * shift(law, c, moment))[0])) <= error + 1e-12


# --------------------------------------------------------------------------------------- training


def _replay(law: Steps, lab: Lab) -> float:
    """Two numbers, stepped by the law, against all weights that torch stepped: the ratio to
    rounding.

    Mini-batches at a large step.
    """
    steps, networks, model = 300, lab.profile.networks, Model("identity", 3, 3)
    done = run(lab, model, networks, 0.3, steps, 2)
    order = shuffled(lab, model, 2)
    moments = [float(np.mean(model.radii.r[next(order)] ** 2)) for _ in range(steps)]
    c = done.cone
    first, second = np.ones(networks), np.ones(networks)
    stretched = np.ones(networks)
    for moment in moments:
        theta = linear_cell.theta(c.big_u, c.big_w, c.root, first, second)
        delta = 4 * c.root * done.rate * moment * (1 - 2 * theta)
        grow, shrink = law.factors(delta)
        first, second = first * grow, second * shrink
        stretched *= 1 + np.abs(delta)
    w, a = weights_at(done.start.w, done.start.a, first, second)
    off = np.maximum(
        np.max(np.abs(w - done.path.end.w), axis=(1, 2)),
        np.max(np.abs(a - done.path.end.a), axis=1),
    )
    # Every step rounds, and later steps stretch: on the curve by the factors, across it they
    # contract.
    each = np.maximum(
        step_rounding(done.model, done.start, done.rate),
        step_rounding(done.model, done.path.end, done.rate),
    )
    return float(np.max(off / (len(moments) * each * stretched**2 + 64 * UNIT)))


def _single_ends(lab: Lab) -> tuple[tuple[Array, Array], ...]:
    """The same starts as real Conv1d and Linear modules, at the three step sizes."""

    def train() -> tuple[tuple[Array, Array], ...]:
        start = starts(lab, MODEL, REAL)
        rate = 1 / sharpness(coordinates(start.w, start.a), second_moment(MODEL.radii))
        ends = []
        for fraction in FRACTIONS:
            each = [
                descend(
                    load(MODEL, start, j), *data(MODEL), int(45 / fraction), fraction * rate[j]
                ).end
                for j in range(REAL)
            ]
            ends.append(
                (np.concatenate([end.w for end in each]), np.concatenate([end.a for end in each]))
            )
        return tuple(ends)

    return lab.once("steps/single modules", train)


def _runs(lab: Lab) -> list[Run]:
    """Full batches at the three step sizes."""
    return [run(lab, MODEL, lab.profile.networks, f, int(45 / f)) for f in FRACTIONS]


def _ratios(law: Steps, lab: Lab) -> list[float]:
    """First order and Richardson, in units of their bounds, for bundles and for single modules."""
    runs = _runs(lab)
    start, moment = runs[0].start, runs[0].second_moment
    bundles = [(done.path.end.w, done.path.end.a) for done in runs]
    ratios = _against(law, start.w, start.a, moment, runs, bundles)
    few = starts(lab, MODEL, REAL)
    cone = coordinates(few.w, few.a)
    scale = 1 / sharpness(cone, moment)
    pretend = [
        Run(MODEL, few, f * scale, done.path, cone, moment, moment)
        for f, done in zip(FRACTIONS, runs, strict=True)
    ]
    rounding = float(np.max(end_rounding(runs[-1])))
    return ratios + _against(law, few.w, few.a, moment, pretend, list(_single_ends(lab)), rounding)


def _against(
    law: Steps,
    w: Array,
    a: Array,
    moment: float,
    runs: list[Run],
    ends: list[tuple[Array, Array]],
    rounding: float | None = None,
) -> list[float]:
    flow_w, flow_a = end_at(w, a, np.zeros(len(w)))
    ratios = []
    predicted = [corrected(law, w, a, moment, done.rate) for done in runs]
    off = [
        np.full(len(w), rounding) if rounding is not None else end_rounding(done) for done in runs
    ]
    for (got_w, got_a), (want_w, want_a, tap, read), more in zip(ends, predicted, off, strict=True):
        ratios.append(
            _ratio(got_w - want_w, got_a - want_a, tap + more[:, None], read + more[:, None])
        )
    for coarse, fine in ((0, 1), (1, 2)):
        (w1, a1), (w2, a2) = ends[coarse], ends[fine]
        p1, p2 = predicted[coarse], predicted[fine]
        more = (2 * off[fine] + off[coarse])[:, None]
        # 2 w(η/2) - w(η) - w(0): twice and once what is left beyond first order, and the curvature
        # of the end in ρ.
        tap = 2 * p2[2] + p1[2] + np.max(np.abs(2 * p2[0] - p1[0] - flow_w), axis=2) + more
        read = 2 * p2[3] + p1[3] + np.abs(2 * p2[1] - p1[1] - flow_a) + more
        ratios.append(_ratio(2 * w2 - w1 - flow_w, 2 * a2 - a1 - flow_a, tap, read))
    return ratios


def _ratio(off_w: Array, off_a: Array, tap: Array, read: Array) -> float:
    if not (np.all(np.isfinite(tap)) and np.all(np.isfinite(read))):
        return math.inf
    return float(np.max([np.max(np.abs(off_w) / tap[..., None]), np.max(np.abs(off_a) / read)]))


def _linear(lab: Lab) -> tuple[float, float]:
    """The smallest and largest factor by which half the step shortens the distance to the flow's
    end.
    """
    runs = _runs(lab)
    w, a = end_at(runs[0].start.w, runs[0].start.a, np.zeros(len(runs[0].rate)))
    off = [
        np.sqrt(
            np.sum((done.path.end.w - w) ** 2, axis=(1, 2))
            + np.sum((done.path.end.a - a) ** 2, axis=1)
        )
        for done in runs
    ]
    factors = np.concatenate([off[0] / off[1], off[1] / off[2]])
    return float(np.min(factors)), float(np.max(factors))


def train(law: Steps, lab: Lab) -> Column:
    """Replay, first order, Richardson, and the ratios that momentum keeps; everything in units of
    its proved bound.
    """
    networks = lab.profile.networks
    ratios = [_replay(law, lab), *_ratios(law, lab)]
    low, high = _linear(lab)
    # Kept to rounding: 400 steps of at most some hundred operations each, through a momentum buffer
    # of gain 10.
    kept = [survival(lab, name, networks).ratios for name in NAMES if name != "Adam"]
    ratios.append(float(np.max(kept)) / (400 * 10 * 1000 * UNIT))
    detail = sentence("steps", "train", networks=networks, real=REAL, low=low, high=high)
    return column(float(np.max(ratios)), 1.0, detail)


def sections(lab: Lab) -> list[Section]:
    """What survives which optimizer."""
    rows = [(name, survival(lab, name, lab.profile.networks)) for name in NAMES]
    html = render("steps.html", rows=rows, networks=lab.profile.networks)
    return [Section("steps-optimizers", "What survives which optimizer", html)]


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "one step along the gradient of the double sum on symbols",
            ("theory.training.steps._problem",),
        ),
        check=Judge(
            "gradients by exact differences of answers simulated by loops in fractions; for"
            " ρ₁ a sum of 8000 steps of the two numbers u and v",
            (f"{__name__}._exact", f"{__name__}._small"),
            ("theory.training.linear_cell.theta",),
        ),
        training=Judge(
            "weights along torch.optim.SGD, in mini-batches, with momentum",
            ("verify.models.networks", "verify.optimise.sgd"),
        ),
    ),
    sections=sections,
)
"""What the claim rests on."""
