"""Weight decay: flows integrated by scipy, networks under torch's weight_decay, and nobody below
the bound.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from numerics.arithmetic.compile import activation
from numerics.arithmetic.rounding import UNIT
from numerics.arithmetic.types import Array
from numerics.pulse.sample import Radii, pulse, windows
from numerics.training.linear_cell import coordinates
from theory.training.ridge import LAW, Ridge
from verify.models.networks import Bundle, data, load
from verify.models.problem import Model, NetworkBatch
from verify.optimise.flow import flow
from verify.optimise.sgd import SGD, Make, Path, descend, step_rounding
from verify.report import figures as draw
from verify.report import path_figures
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.render import sentence
from verify.report.verdict import Column, column
from verify.training.dynamics import light, pull, second_moment, starts

__all__ = ["EVIDENCE", "check", "figures", "predicted", "train"]


def _angle(law: Ridge, penalty: float, spread: float, n: int) -> float:
    """θ at the optimum, 0 from the law's collapse on."""
    root = math.sqrt(n)
    return (
        max(float(law.angle(penalty, spread, root)), 0.0)
        if penalty < law.collapse(spread, root)
        else 0.0
    )


def _least(law: Ridge, penalty: float, spread: float, n: int) -> float:
    root = math.sqrt(n)
    return float(law.least(min(penalty, float(law.collapse(spread, root))), spread, root))


def predicted(law: Ridge, w: Array, a: Array, penalty: float, spread: float) -> tuple[Array, Array]:
    """Where networks w (B, K, n), a (B, K) end with the penalty λ: the same shapes."""
    c = coordinates(w, a)
    theta = _angle(law, penalty, spread, w.shape[2])
    readout, flat = law.box(list(c.u.T), theta, c.root, np.sqrt)
    taps = np.broadcast_to(np.stack(flat, axis=1)[..., None], w.shape)
    return taps, np.stack(readout, axis=1)


# ------------------------------------------------------------------------------------------ check


def _flow(w: Array, a: Array, penalty: float, radii: Radii) -> tuple[Array, float]:
    """Gradient flow of J with c, σ the identity, by scipy on the signals' windows: the weights (w,
    a, c) and their accuracy.
    """
    channels, n = w.shape
    seen, size, r = light(radii, n)[:, :-1], channels * n, radii.r

    def slope(y: Array) -> Array:
        taps, readout = y[:size].reshape(channels, n), y[size:-1]
        by_sum, by_c = pull(seen, r, taps, readout, y[-1])
        by_weights = np.concatenate([np.outer(readout, by_sum).ravel(), taps @ by_sum])
        return -np.append(by_weights + 2 * penalty * y[:-1], by_c)

    # The slowest of: deviations, c, and u beside its end; the last one vanishes at the collapse.
    steep = 2 * math.sqrt(n) * float(np.var(radii.r))
    slow = min(2 * penalty, 2 * abs(penalty - steep), 0.1)
    y, evaluations = flow(slope, np.concatenate([w.ravel(), a, [0.0]]), 45 / slow, 1e-12)
    width, end = 1 + float(np.max(np.abs(y))), y[-1]
    sums = y[:, :size].reshape(-1, channels, n).sum(axis=2)
    u = y[:, size:-1] + sums / math.sqrt(n)
    least = float(np.min(np.linalg.norm(u, axis=1)))
    # What an error makes of the direction of u is multiplied as u itself grows; everything else
    # contracts.
    grown = max(1.0, float(np.max(np.abs(end[:-1]))) / least)
    return end, 1e-12 * evaluations * width * grown


@dataclass(frozen=True)
class Decayed:
    """Where the weights w (1, K, n), a (1, K) went under decay, as one vector, and how accurately
    that is known.
    """

    w: Array
    a: Array
    penalty: float
    radii: Radii
    end: Array
    accuracy: float


def _flows(lab: Lab) -> tuple[Decayed, ...]:
    """No law is asked: the same for right and wrong ones."""
    rng, flows = lab.rng("ridge"), []
    for t in range(max(lab.profile.draws // 8, 8)):
        k, n = (1, 2, 3)[t % 3], (1, 3, 5)[t // 3 % 3]
        radii = Radii(1 + t % 2, 2, 2)
        share = float(rng.uniform(0.2, 0.7)) if t % 4 else float(rng.uniform(1.3, 2))
        penalty = share * 2 * math.sqrt(n) * float(np.var(radii.r))
        w, a = rng.normal(size=(1, k, n)) / 2, rng.normal(size=(1, k)) / 2
        flows.append(Decayed(w, a, penalty, radii, *_flow(w[0], a[0], penalty, radii)))
    return tuple(flows)


def check(law: Ridge, lab: Lab) -> Column:
    """Every weight of flows with decay, integrated by scipy; and random networks of seven
    activations, none below the bound.
    """
    worst = []
    for run in lab.once("ridge/flows", _flows, lab):
        _, k, n = run.w.shape
        spread = float(np.var(run.radii.r))
        want_w, want_a = predicted(law, run.w, run.a, run.penalty, spread)
        off = np.max(np.abs(run.end[:-1] - np.concatenate([want_w.ravel(), want_a.ravel()])))
        value = _objective(run.end, k, n, run.penalty, run.radii) - _least(
            law, run.penalty, spread, n
        )
        worst.append(float(np.max([off, abs(value) / (1 + spread)])) / run.accuracy)
    objectives = lab.once("ridge/objectives", _objectives, lab)
    below = sum(
        value < _least(law, penalty, spread, n) * (1 - 1e-12)
        for value, penalty, spread, n in objectives
    )
    detail = sentence("ridge", "check", worst=len(worst), objectives=len(objectives), below=below)
    return column(float(np.max(worst)) if not below else math.inf, 1.0, detail)


def _objective(y: Array, channels: int, n: int, penalty: float, radii: Radii) -> float:
    w, a = y[: channels * n].reshape(channels, n), y[channels * n : -1]
    answer = 2 * radii.r * float(a @ w.sum(axis=1)) + y[-1]
    return float(np.mean((answer - radii.r) ** 2) + penalty * np.sum(y[:-1] ** 2))


BOUNDED = ("identity", "relu", "leaky_relu", "abs", "tanh", "sigmoid", "softplus")
"""Activations with slopes in [-1, 1]."""


def _objectives(lab: Lab) -> tuple[tuple[float, float, float, int], ...]:
    """(J, λ, V, n) of random networks with conv bias and the best readout bias, drawn near the
    optimum.
    """
    rng, objectives = lab.rng("ridge bound"), []
    for t in range(lab.profile.draws):
        n, k = (1, 3, 5)[t % 3], 1 + t % 3
        radii = Radii(1, 3, 4)
        spread = float(np.var(radii.r))
        penalty = float(rng.uniform(0.1, 1.5)) * 2 * math.sqrt(n) * spread
        theta = _angle(LAW, penalty, spread, n)
        scale = math.sqrt(theta / math.sqrt(n) / k) if theta else 0.3
        a = scale * (1 + 0.2 * rng.normal(size=k))
        w = scale / math.sqrt(n) * (1 + 0.2 * rng.normal(size=(k, n)))
        b = np.abs(rng.normal(size=k)) * float(rng.choice([0, 0.1, 3]))
        values = _values(w, b, a, penalty, radii)
        objectives += [(value, penalty, spread, n) for value in values]
    return tuple(objectives)


def _values(w: Array, b: Array, a: Array, penalty: float, radii: Radii) -> Iterator[float]:
    """J with the best readout bias, on the signals' windows, for each of :data:`BOUNDED`."""
    view = windows(pulse(radii.r, radii.half_length(w.shape[1])), w.shape[1])
    for name in BOUNDED:
        answer = view.counts @ activation(name)[0](view.windows @ w.T + b) @ a
        yield float(np.var(answer - radii.r) + penalty * (np.sum(a**2) + np.sum(w**2)))


# --------------------------------------------------------------------------------------- training

MOMENTUM = 0.9
FRACTION, FRACTION_MOMENTUM = 1.0, 0.2
"""Step sizes in units of 1 over the largest curvature, without and with momentum."""
LIFETIMES = 30
"""e^-30 of the way is left; the last step says how much that is."""
MOST = 30
"""Networks per setting."""


def _model(name: str, channels: int, taps: int, conv_bias: bool = False) -> Model:
    return Model(name, channels, taps, conv_bias, readout_bias=True, first=1, cells=3)


SETTINGS = (
    (_model("identity", 1, 3), 0.3, 0.0),
    (_model("identity", 3, 3), 0.5, MOMENTUM),
    (_model("relu", 2, 3), 0.5, 0.0),
    (_model("identity", 2, 5), 1.4, 0.0),
)
"""A model, λ as a share of the collapse, momentum."""
BIASED = tuple(
    _model(name, 2, 3, conv_bias=True) for name in ("identity", "relu", "tanh", "abs", "sigmoid")
)


def decaying(weight_decay: float, momentum: float = 0.0) -> Make:
    """torch.optim.SGD, step 1, decay for the weights and none for the biases: two
    parameter groups.
    """

    def make(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        every = list(parameters)
        groups = [
            {"params": [p for p in every if p.dim() > 1], "weight_decay": weight_decay},
            {"params": [p for p in every if p.dim() == 1], "weight_decay": 0.0},
        ]
        return SGD(groups, lr=1.0, momentum=momentum)

    return make


def _trained(
    lab: Lab, model: Model, share: float, momentum: float, networks: int, steps: int = 0
) -> tuple[NetworkBatch, float, float, Path]:
    """(start, η, λ, path): SGD with weight_decay 2λ in real modules; the loss is multiplied by η,
    and so is the decay.

    Without ``steps`` as many as the slowest direction needs.  Starts are half of torch's, so that
    steps may be large; ReLU's are positive: its sums then grow while its deviations shrink, and it
    stays in its linear cell.
    """

    def train() -> tuple[NetworkBatch, float, float, Path]:
        start = starts(lab, model, networks)
        if not model.conv_bias:
            part = np.abs if model.activation == "relu" else np.asarray
            start = NetworkBatch(part(start.w) / 2, start.b, part(start.a) / 2, start.c)
        r, root = model.radii.r, math.sqrt(model.taps)
        penalty = share * 2 * root * float(np.var(r))
        cone = coordinates(start.w, start.a)
        # The positive part of the Hessian at the start and at the flattest end.
        steep = second_moment(model.radii) * np.maximum(
            4 * model.taps * (cone.big_u + cone.big_w), 8 * root
        )
        part_of = FRACTION_MOMENTUM if momentum else FRACTION
        rate = part_of / (float(np.max(steep)) + 2 + 2 * penalty)
        slow, _ = _eigenvalues(model, share)
        count = steps or math.ceil(LIFETIMES * (1 - momentum) / (rate * slow))
        path = descend(
            Bundle(model, start),
            *data(model),
            count,
            rate,
            decaying(2 * penalty * rate, momentum),
            look=(*range(0, count, 50), count - 1),
        )
        return start, rate, penalty, path

    return lab.once(("ridge", model, share, momentum, networks, steps), train)


def _eigenvalues(model: Model, share: float) -> tuple[float, float]:
    """(smallest off the sphere of optima, largest) eigenvalue of the Hessian of J at the end."""
    r, root = model.radii.r, math.sqrt(model.taps)
    spread, moment, mean = float(np.var(r)), second_moment(model.radii), float(np.mean(r))
    penalty = share * 2 * root * spread
    theta = _angle(LAW, penalty, spread, model.taps)
    square = 8 * root * theta  # g² there
    pair = np.linalg.eigvalsh(
        2 * np.array([[moment * square, mean * math.sqrt(square)], [mean * math.sqrt(square), 1]])
    )
    beside = float(pair[0]) if theta else 2 * (penalty - 2 * root * spread)
    return min(beside, 2 * penalty, 2.0), float(pair[1]) + 4 * penalty


def _worst(
    law: Ridge, lab: Lab, model: Model, share: float, momentum: float, networks: int
) -> tuple[float, int, int]:
    """(worst ratio of distance to bound, networks compared, networks that momentum has turned
    over).
    """
    start, rate, penalty, path = _trained(lab, model, share, momentum, networks)
    spread = float(np.var(model.radii.r))
    want_w, want_a = predicted(law, start.w, start.a, penalty, spread)
    last = path.end
    inside = np.ones(networks, dtype=bool)
    if model.activation == "relu":
        sums = [
            np.cumsum(kept.w[..., ::side], axis=2)
            for kept in path.kept.values()
            for side in (1, -1)
        ]
        inside = np.min(sums, axis=(0, 2, 3)) > 0
    # Momentum may carry all of u through 0, which no step without it does here; the end then has
    # the other sign.
    first, final = (coordinates(weights.w, weights.a).u for weights in (start, last))
    turned = (np.sum(first * final, axis=1) < 0) & (momentum > 0)
    sign = np.where(turned, -1.0, 1.0)
    want_w, want_a = want_w * sign[:, None, None], want_a * sign[:, None]
    before = path.kept[max(path.kept)]
    slow, _ = _eigenvalues(model, share)
    change = np.sqrt(
        np.sum((last.w - before.w) ** 2, axis=(1, 2)) + np.sum((last.a - before.a) ** 2, axis=1)
    )
    each = [coordinates(kept.w, kept.a) for kept in path.kept.values()]
    least = np.min([np.sqrt(cone.big_u) for cone in each], axis=0)
    size = np.sqrt(coordinates(last.w, last.a).big_u)
    grown = np.maximum(1.0, size / least)
    # Rounding of all steps, through a momentum buffer, and what the last step says is still to go,
    # twice.
    allowed = len(path.losses) * step_rounding(model, start, rate) / (1 - momentum) * grown
    allowed = allowed + 2 * change * (1 - momentum) / (rate * slow) + 64 * UNIT
    off = np.maximum(
        np.max(np.abs(last.w - want_w), axis=(1, 2)), np.max(np.abs(last.a - want_a), axis=1)
    )
    ratio = np.where(np.isfinite(off), off / allowed, np.inf)[inside]
    worst = float(np.max(ratio)) if ratio.size else math.inf
    return worst, int(np.sum(inside)), int(np.sum(turned))


def _lowest(law: Ridge, lab: Lab, model: Model, share: float, networks: int) -> float:
    """The lowest J that networks with conv bias reach, in units of the law's least."""
    _, _, penalty, path = _trained(lab, model, share, MOMENTUM, networks, 1000)
    last, spread = path.end, float(np.var(model.radii.r))
    penalised = penalty * (np.sum(last.w**2, axis=(1, 2)) + np.sum(last.a**2, axis=1))
    return float(np.min(path.losses[-1] + penalised)) / _least(law, penalty, spread, model.taps)


def train(law: Ridge, lab: Lab) -> Column:
    """Every weight at the end, by torch.optim.SGD with weight_decay; no network of any activation
    below the bound.
    """
    networks = min(lab.profile.networks, MOST)
    parts = [_worst(law, lab, *setting, networks) for setting in SETTINGS]
    few = min(networks, 20)
    lowest = {model.activation: _lowest(law, lab, model, 0.5, few) for model in BIASED}
    # A network on its way may be above; below means wrong.
    below = sum(value < 1 - 1e-9 for value in lowest.values())
    listed = ", ".join(f"{name} {value:.3f}" for name, value in lowest.items())
    detail = sentence(
        "ridge",
        "train",
        networks=sum(n for _, n, _ in parts),
        turned=sum(t for *_, t in parts),
        few=few,
        listed=listed,
    )
    worst = float(np.max([ratio for ratio, *_ in parts]))
    return column(math.inf if below else worst, 1.0, detail)


# ---------------------------------------------------------------------------------------- figures

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9, 1.2)
VISIBLE = 8
"""e^-8 of the way is less than a mark is wide."""
PATH = _model("identity", 1, 3)


def figures(lab: Lab) -> list[Figure]:
    """The ridge path: from the box filter of least norm to the collapse."""
    spread, root = float(np.var(PATH.radii.r)), math.sqrt(PATH.taps)
    fine = np.linspace(0, 1.4, 200)
    tap, read, value = [], [], []
    for share in fine:
        penalty = float(share) * 2 * root * spread
        size = math.sqrt(_angle(LAW, penalty, spread, PATH.taps) / root)
        read.append(size)
        tap.append(size / root)
        value.append(_least(LAW, penalty, spread, PATH.taps) / spread)
    marks, levels = [], []
    start = starts(lab, PATH, 1)
    rate = FRACTION_MOMENTUM / (8 * root * second_moment(PATH.radii) + 2)
    flip = np.sign(coordinates(start.w, start.a).u[0, 0])  # one of the two ends
    for share in SHARES:
        penalty = share * 2 * root * spread
        make = decaying(2 * penalty * rate, MOMENTUM)
        steps = math.ceil(VISIBLE * (1 - MOMENTUM) / (rate * _eigenvalues(PATH, share)[0]))
        path = descend(load(PATH, start), *data(PATH), steps, rate, make)
        w, a = path.end.w[0, 0], path.end.a[0, 0]
        marks.append([*(flip * w), flip * a])
        levels.append((path.losses[-1, 0] + penalty * (w @ w + a * a)) / spread)
    drawing = path_figures.ridge(fine, tap, read, value, SHARES, marks, levels)
    caption = sentence("ridge", "caption")
    return [draw.figure("ridge-path", "From the box filter to the collapse", caption, drawing)]


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "the gradient of the double sum on symbols; bounds as sums of squares",
            ("theory.training.invariants", "theory.pulse.network.preactivations"),
        ),
        check=Judge(
            "scipy's integrator on the gradient with decay; values of J of random networks",
            (
                f"{__name__}._flow",
                f"{__name__}._objective",
                f"{__name__}._values",
                "verify.optimise.flow",
            ),
        ),
        training=Judge(
            "weights and losses under torch.optim.SGD with weight_decay",
            ("verify.models.networks", "verify.optimise.sgd"),
        ),
    ),
    figures=figures,
)
"""What the claim rests on."""
