"""Conserved quantities: exact gradients of simulated answers, and along the paths of
torch.optim.SGD.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from flint import fmpq_mat

from numerics.arithmetic import oracle
from numerics.arithmetic.numbers import rational
from numerics.arithmetic.rounding import UNIT
from numerics.arithmetic.types import Array
from theory.training.conserved import Conserved
from verify.models.networks import Bundle, data
from verify.models.problem import Model, NetworkBatch
from verify.optimise.sgd import Path, descend, step_rounding
from verify.report import figures as draw
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.render import sentence
from verify.report.verdict import Column, column
from verify.training.dynamics import jacobian, starts

__all__ = ["EVIDENCE", "check", "figures", "train"]

Point = list[Fraction]

LINEAR = (
    Model("identity", 1, 5),
    Model("identity", 2, 3, readout_bias=True),
    Model("identity", 3, 7, readout_bias=True),
)
BENT = (
    Model("relu", 1, 5, conv_bias=True, readout_bias=True),
    Model("leaky_relu", 2, 3, conv_bias=True, readout_bias=True),
    Model("abs", 2, 5, conv_bias=True),
)
STEPS = 150
RATE = 1e-3
"""Large enough to see the weights move, small enough for these starts not to run away."""

STEP = Fraction(1, 10**12)
"""Differences of r̂, which is linear in each weight inside a cell, are exact; so small a step stays
inside.
"""


# ------------------------------------------------------------------------------------------ check


def _answer(
    sigma: Callable[[Any], Any], n: int, channels: int, x: list[Fraction], p: Point
) -> Fraction:
    """r̂ of the slow simulation; p holds the taps channel by channel, then b, then a (c adds
    nothing here).
    """
    b, a = p[n * channels : -channels], p[-channels:]
    return Fraction(oracle.answer(_rows(p, n, channels), b, a, Fraction(0), sigma, x))


def _rows(p: Point, n: int, channels: int) -> list[Point]:
    """The filters."""
    return [p[k * n : (k + 1) * n] for k in range(channels)]


def _rank(rows: Sequence[Sequence[Fraction]]) -> int:
    if not rows:
        return 0
    return int(fmpq_mat([[rational(x) for x in row] for row in rows]).rank())


def check(law: Conserved, lab: Lab) -> Column:
    """Rational networks: count those whose claimed quantities move with some radius, or are too
    few.

    At a generic point as many quantities are independent as there are weights less the directions
    in which the answers to all radii can pull them.
    """
    linear, bent = lab.once("conserved/gradients", _drawn, lab)
    wrong = sum(not _linear_holds(law, pulled) for pulled in linear)
    wrong += sum(not _homogeneous_holds(law, pulled) for pulled in bent)
    detail = (
        f"networks, of {len(linear) + len(bent)} in exact rationals, of which a claimed quantity"
        " changes along the gradient of an answer, or which leave room for another one"
    )
    return column(wrong, 0, detail)


@dataclass(frozen=True)
class Pulled:
    """A network as one point, and where the answers to all radii can pull its ``free`` weights."""

    n: int
    channels: int
    point: Point
    free: Sequence[int]
    gradients: list[list[Fraction]]
    rank: int


def _drawn(lab: Lab) -> tuple[list[Pulled], list[Pulled]]:
    """Networks in the linear cell, and single channels of homogeneous activations;
    no law is asked.
    """
    rng, linear, bent = lab.rng("conserved"), [], []
    for t in range(lab.profile.draws // 2):
        channels, n = 1 + t % 3, (1, 3, 5)[t // 3 % 3]
        p = [*_numbers(rng, n * channels), *[Fraction(0)] * channels, *_numbers(rng, channels)]
        free = [*range(n * channels), *range((n + 1) * channels, (n + 2) * channels)]
        linear.append(_pulled("identity", n, channels, p, free))
        name = ("relu", "leaky_relu", "abs")[t % 3]
        bent.append(_pulled(name, n, 1, _numbers(rng, n + 2), range(n + 2)))
    return linear, bent


def _pulled(name: str, n: int, channels: int, p: Point, free: Sequence[int]) -> Pulled:
    gradients = _gradients(oracle.RATIONAL[name], n, channels, p, free)
    return Pulled(n, channels, p, free, gradients, _rank(gradients))


def _numbers(rng: np.random.Generator, count: int) -> Point:
    return [Fraction(int(v), 16) for v in rng.integers(1, 64, count) * rng.choice([-1, 1], count)]


def _gradients(
    sigma: Callable[[Any], Any], n: int, channels: int, p: Point, free: Sequence[int]
) -> list[list[Fraction]]:
    h = n // 2
    radii = [h + Fraction(1, 2), h + Fraction(7, 10), h + 1 + Fraction(9, 10), h + Fraction(3, 2)]
    pulses = [oracle.overlap_pulse(r, 2 * h + 3) for r in radii]
    return jacobian(lambda q: [_answer(sigma, n, channels, x, q) for x in pulses], p, free, STEP)


def _unmoved(slopes: list[list[Fraction]], gradients: list[list[Fraction]]) -> bool:
    return all(
        sum((x * y for x, y in zip(slope, gradient, strict=True)), Fraction(0)) == 0
        for slope in slopes
        for gradient in gradients
    )


def _linear_holds(law: Conserved, pulled: Pulled) -> bool:
    n, channels, free = pulled.n, pulled.channels, pulled.free

    def values(q: Point) -> list[Any]:
        w = _rows(q, n, channels)
        return law.deviations(w) + law.products(w, q[(n + 1) * channels :])

    slopes = jacobian(values, pulled.point, free, STEP)
    return _unmoved(slopes, pulled.gradients) and _rank(slopes) == len(free) - pulled.rank


def _homogeneous_holds(law: Conserved, pulled: Pulled) -> bool:
    n = pulled.n
    (slope,) = jacobian(
        lambda q: [law.everywhere(q[:n], q[n], q[n + 1])], pulled.point, pulled.free, STEP
    )
    return any(slope) and _unmoved([slope], pulled.gradients)


# --------------------------------------------------------------------------------------- training


def _path(lab: Lab, model: Model, networks: int) -> Path:
    """SGD with every step kept: the law does not enter, so the controls look at the same paths."""

    def train() -> Path:
        module = Bundle(model, starts(lab, model, networks))
        return descend(module, *data(model), STEPS, RATE / model.taps, look=range(STEPS + 1))

    return lab.once(("conserved", model, networks), train)


def _quantities(law: Conserved, model: Model, weights: NetworkBatch) -> tuple[Array, Array]:
    """The linear ones (B, p) and the quadratic ones (B, q) of every network."""
    w = [list(taps) for taps in np.moveaxis(weights.w, 0, 2)]
    a, b = list(weights.a.T), list(weights.b.T)

    def stack(values: list[Array]) -> Array:
        return np.stack(values, axis=1) if values else np.zeros((len(weights.c), 0))

    if model.activation == "identity":
        return stack(law.deviations(w)), stack(law.products(w, a))
    return stack([]), stack([law.everywhere(w[k], b[k], a[k]) for k in range(len(a))])


def _worst(law: Conserved, lab: Lab, model: Model, networks: int) -> float:
    """The largest |Q(x_T) - Q(x_0) - Σ_t Q(x_{t+1} - x_t)| in units of the rounding that the steps
    may make.

    A step moves a quadratic form Q by ∇Q·Δ + Q(Δ), and the first is 0 where Q is conserved: so the
    identity is exact for steps of any size, but for rounding.  A linear quantity does not move at
    all.
    """
    path = _path(lab, model, networks)
    points = [path.kept[t] for t in range(STEPS + 1)]
    first, last = (_quantities(law, model, points[t]) for t in (0, STEPS))
    moved = np.zeros_like(last[1])
    allowed = np.zeros(networks)
    for now, later in pairwise(points):
        change = NetworkBatch(later.w - now.w, later.b - now.b, later.a - now.a, later.c - now.c)
        moved += _quantities(law, model, change)[1]
        # |∇Q|₁ <= 2n Σ (|w| + |a| + |b|) for every quantity of the law.
        total = sum(np.sum(np.abs(x).reshape(networks, -1), axis=1) for x in (now.w, now.b, now.a))
        steep = 2 * model.taps * total
        allowed += steep * step_rounding(model, now, RATE / model.taps) + 8 * UNIT * steep * (
            1 + total
        )
    linear = np.abs(last[0] - first[0])
    quadratic = np.abs(last[1] - first[1] - moved)
    distance = np.concatenate([linear, quadratic], axis=1)
    return float(np.max(distance / allowed[:, None])) if distance.size else float("nan")


def _independent(law: Conserved, model: Model, weights: NetworkBatch, j: int) -> int:
    """How many quantities are independent at network j: the exact rank of their differences at the
    float weights.
    """
    n, channels = model.taps, model.channels
    exact = [Fraction(float(v)) for v in (*weights.w[j].ravel(), *weights.a[j])]

    def values(q: Point) -> list[Any]:
        w = _rows(q, n, channels)
        return law.deviations(w) + law.products(w, q[n * channels :])

    return _rank(jacobian(values, exact, range(len(exact)), STEP))


def train(law: Conserved, lab: Lab) -> Column:
    """Quantities along SGD against their starts, and their number at the trained weights."""
    networks = lab.profile.networks
    worst = max(_worst(law, lab, model, networks) for model in (*LINEAR, *BENT))
    few = 0
    for model in LINEAR:
        end = _path(lab, model, networks).end
        wanted = model.channels * (model.taps + 1) - 1
        few += sum(_independent(law, model, end, j) != wanted for j in range(min(networks, 5)))
    detail = sentence(
        "conserved", "train", steps=STEPS, networks=networks * (len(LINEAR) + len(BENT)), few=few
    )
    return column(worst if few == 0 else float("inf"), 1.0, detail)


def figures(lab: Lab) -> list[Figure]:
    """One channel, every network's path in the plane of S/√n and a: the hyperbolas that no data can
    leave.
    """
    model = LINEAR[0]
    path = _path(lab, model, min(lab.profile.networks, 8))
    tracks = {}
    for j in range(min(lab.profile.networks, 5)):
        points = [path.kept[t] for t in range(0, STEPS + 1, 6)]
        s = [p.w[j, 0].sum() / np.sqrt(model.taps) for p in points]
        tracks[f"network {j}"] = np.stack([s, [p.a[j, 0] for p in points]], axis=1)
    drawing = draw.scatter(tracks, "s = S/√n", "a", ((-0.9, -0.9), (0.9, 0.9)))
    caption = sentence("conserved", "caption")
    return [draw.figure("conserved-hyperbolas", "Paths on hyperbolas", caption, drawing)]


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "vector fields of the double sum, and ranks over the rational numbers",
            ("theory.training.invariants",),
        ),
        check=Judge(
            "exact differences of answers simulated by loops in fractions",
            (f"{__name__}._pulled", f"{__name__}._gradients", "numerics.arithmetic.oracle"),
            ("verify.training.dynamics.jacobian", f"{__name__}._rank", f"{__name__}._rows"),
        ),
        training=Judge(
            "paths of torch.optim.SGD, every step kept",
            ("verify.models.networks", "verify.optimise.sgd"),
        ),
    ),
    figures=figures,
)
"""What the claim rests on."""
