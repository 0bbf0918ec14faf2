"""A bias in the convolution: the flow integrated by scipy, and networks
trained by torch.optim.SGD.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from numerics.arithmetic.rounding import UNIT
from numerics.arithmetic.types import Array
from numerics.pulse.sample import Radii
from numerics.training.linear_cell import channels
from theory.training.conv_bias import ConvBias, end
from verify.models.networks import Bundle, data
from verify.models.problem import Model, NetworkBatch
from verify.optimise.flow import flow
from verify.optimise.sgd import Path, descend, step_rounding
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.render import sentence
from verify.report.verdict import Column, column
from verify.training.dynamics import light, pull, second_moment, shuffled, starts

__all__ = ["EVIDENCE", "check", "integrate", "train"]

ACCURACY = 1e-12
"""What the integrator is asked for."""
NEAR_SADDLE = 1e3
"""Flows that stretch small errors by more than this pass a saddle so closely that they decide
nothing.
"""


def integrate(w: Array, b: float, a: float, radii: Radii) -> tuple[Array, float, float]:
    """Gradient flow of one channel without readout bias, σ the identity: weights (w, b, a) at the
    end, and a bound on their error.

    The right-hand side is the gradient of the loss on the signals' windows.  Errors grow along a
    flow at most by exp(∫ |e-part of the Hessian| dt), which is integrated along; the other part of
    the Hessian is not negative.
    """
    n, r, seen = len(w), radii.r, light(radii, len(w))

    def slope(y: Array) -> Array:
        by_sum, _ = pull(seen, r, y[None, : n + 1], y[n + 1 : n + 2])
        return -np.concatenate([y[n + 1] * by_sum, [y[: n + 1] @ by_sum, -np.linalg.norm(by_sum)]])

    def loss(y: Array) -> float:
        return float(np.mean((y[n + 1] * seen @ y[: n + 1] - r) ** 2))

    start = np.concatenate([w, [b, a, 0.0]])
    steps, evaluations = flow(slope, start, 1e4, ACCURACY, settled=lambda y: loss(y) - 1e-24)
    y = steps[-1]
    left = math.sqrt(loss(y))
    # The slowest direction of the end: beside it e = (2δθ) r + N δ(ab), of size at least the least
    # singular value.
    a_end, size = float(y[n + 1]), seen[0, -1]
    inner = np.array([[np.mean(r * r), np.mean(r)], [np.mean(r), 1.0]])
    least = math.sqrt(float(np.linalg.eigvalsh(inner)[0])) * min(
        2 * math.sqrt(n) * abs(a_end), size * abs(a_end)
    )
    width = 1 + float(np.max(np.abs(y[: n + 2])))
    error = ACCURACY * evaluations * width * math.exp(min(float(y[n + 2]), 50.0))
    return y, float(y[n + 2]), error + 4 * left / least


@dataclass(frozen=True)
class Integrated:
    """A start (w (n,), b, a), and what :func:`integrate` found of its flow."""

    w: Array
    b: float
    a: float
    radii: Radii
    end: Array
    stretched: float
    error: float


def _flows(lab: Lab) -> tuple[Integrated, ...]:
    """Random starts integrated by scipy; no law is asked."""
    rng, flows = lab.rng("conv_bias"), []
    for t in range(max(lab.profile.draws // 2, 24)):
        n = (1, 3, 5)[t % 3]
        w, b, a = rng.normal(size=n) / 2, float(rng.normal()) / 2, float(rng.normal()) / 2
        if t % 2:  # below h = 0, with a on the wrong side of S: some flip
            w, a = np.abs(w) + 0.5, -0.2 * abs(a)
        radii = Radii(1 + t % 2, 2, 2)
        flows.append(Integrated(w, b, a, radii, *integrate(w, b, a, radii)))
    return tuple(flows)


def check(law: ConvBias, lab: Lab) -> Column:
    """Random starts integrated by scipy: the end against the law, and the sign of a where the law
    promises it.
    """
    worst, near, flips, decided = 0.0, 0, 0, 0
    for run in lab.once("conv_bias/flows", _flows, lab):
        if run.stretched > math.log(NEAR_SADDLE):
            near += 1
            continue
        w, b, a, n = run.w, run.b, run.a, len(run.w)
        h = law.balance(list(w), b, a)
        loss = _loss(w, b, a, run.radii)
        kept = law.sign_is_kept(h, loss, second_moment(run.radii))
        sign = math.copysign(1.0, run.end[n + 1])
        decided += 1
        flips += sign != math.copysign(1.0, a)
        if kept:
            sign = math.copysign(1.0, a)
        want_w, want_a = end(law, list(w), b, a, int(sign), np.sqrt)
        off = np.max(np.abs(run.end[: n + 2] - np.array([*want_w, 0.0, want_a])))
        worst = float(np.max([worst, off / run.error]))
    detail = sentence("conv_bias", "check", decided=decided, flips=flips, near=near)
    return column(worst if decided and flips else math.nan, 1.0, detail)


def _loss(w: Array, b: float, a: float, radii: Radii) -> float:
    size = 2 * radii.half_length(len(w)) + 1
    return float(np.mean((a * (2 * radii.r * np.sum(w) + size * b) - radii.r) ** 2))


# --------------------------------------------------------------------------------------- training

FRACTION = 0.2
SETTLED = 1e-12
"""Root mean square errors of networks that have arrived; then the run ends."""
MOST = 200
"""Networks per setting: every one is looked at after every step."""
SETTINGS = (
    (Model("identity", 1, 1, conv_bias=True, first=1, cells=2), 0),
    (Model("identity", 1, 3, conv_bias=True, first=1, cells=2), 0),
    (Model("identity", 1, 3, conv_bias=True, first=1, cells=2), 2),
)
"""A model, and the size of the batches (0: all)."""
STEPS, BLOCK = 45000, 500
"""The most steps, for those that pass near a saddle; after every block it is asked whether all have
arrived.
"""


def _trace(sums: Array, b: Array, square: Array, n: int, r: Array, size: int) -> Array:
    """2 E|∇r̂|² of networks (B,) with the sums S, the biases b and the squares a²."""
    feature = 2 * r * sums[:, None] + size * b[:, None]
    return np.asarray(
        2 * (np.mean(feature**2, axis=1) + (4 * n * np.mean(r * r) + size**2) * square)
    )


def _run(
    lab: Lab, model: Model, batch: int, networks: int
) -> tuple[NetworkBatch, Array, Path, Array]:
    """Start, steps η (B,), path, and Σ over the steps of a bound on |Δh|."""
    start = starts(lab, model, networks)
    # Half of them below h = 0, with a on the wrong side of S.
    other = np.arange(networks) % 2 == 1
    start = NetworkBatch(
        np.where(other[:, None, None], np.abs(start.w) / 2 + 0.5 / model.taps, start.w),
        start.b / 2,
        np.where(other[:, None], -0.1 * np.abs(start.a), start.a),
        start.c,
    )
    r = model.radii.r
    moment, n = second_moment(model.radii), model.taps
    size = 2 * model.radii.half_length(n) + 1
    # The trace of the Hessian's positive part, at the start and at the end.
    sums, a, b = start.w[:, 0].sum(axis=1), start.a[:, 0], start.b[:, 0]
    h = a**2 - sums**2 / n - b**2
    square = (h + np.sqrt(h * h + 1 / n)) / 2
    rate = FRACTION / np.maximum(
        _trace(sums, b, a**2, n, r, size),
        _trace(1 / (2 * np.sqrt(square)), 0 * b, square, n, r, size),
    )
    x, target = data(model)
    order = shuffled(lab, model, batch) if batch else None
    bundle, passed, losses = Bundle(model, start), [], []
    for _ in range(STEPS // BLOCK):
        path = descend(bundle, x, target, BLOCK, rate, order=order, look=range(BLOCK))
        passed += [path.kept[t] for t in range(BLOCK)]
        losses.append(path.losses)
        if np.all(path.losses[-20:] < SETTLED**2):
            break
    path = Path(np.concatenate(losses), path.end)
    # One step changes h by 4η² [(2Sp + Nbq)² - 4n a²p² - N²a²q²], p = E_b[er], q = E_b[e]; p² <=
    # E_b[r²] L, q² <= L.
    at_w, at_b, at_a = (
        np.stack([weights.w[:, 0].sum(axis=1) for weights in passed]),
        np.stack([weights.b[:, 0] for weights in passed]),
        np.stack([weights.a[:, 0] for weights in passed]),
    )
    most = float(np.max(r) ** 2) if batch else moment
    up = (2 * np.abs(at_w) * math.sqrt(most) + size * np.abs(at_b)) ** 2
    down = (4 * n * most + size**2) * at_a**2
    moved = np.sum(4 * rate**2 * path.losses * np.maximum(up, down), axis=0)
    return start, rate, path, moved


def _worst(
    law: ConvBias, lab: Lab, model: Model, batch: int, networks: int
) -> tuple[float, int, int]:
    """(the worst ratio of distance to bound, networks compared, signs that changed)."""
    key = "conv_bias", model, batch, networks
    start, rate, path, moved = lab.once(key, _run, lab, model, batch, networks)
    n, moment = model.taps, second_moment(model.radii)
    (taps,), (a,) = channels(start.w, start.a)
    b, last = start.b[:, 0], path.end
    h = np.asarray(law.balance(taps, b, a))
    # The loss of mini-batches need not fall, so that only h promises a sign there.
    first = np.mean(
        (
            a[:, None]
            * (
                2 * model.radii.r * start.w[:, 0].sum(axis=1)[:, None]
                + (2 * model.radii.half_length(n) + 1) * b[:, None]
            )
            - model.radii.r
        )
        ** 2,
        axis=1,
    )
    first = np.full_like(first, np.inf) if batch else first
    sign = np.sign(last.a[:, 0])
    # Steps move h by a proved amount: the loss may cross E r² and h cross 0 by as much only.
    kept = np.array(
        [law.sign_is_kept(x - d, y, moment) for x, d, y in zip(h, moved, first, strict=True)]
    )
    flips = int(np.sum(sign != np.sign(a)))
    sign = np.where(kept, np.sign(a), sign)
    r = model.radii.r
    size = 2 * model.radii.half_length(n) + 1
    left = np.sqrt(np.max(path.losses[-20:], axis=0))
    inner = np.array([[moment, np.mean(r)], [np.mean(r), 1.0]])
    least = (
        math.sqrt(float(np.linalg.eigvalsh(inner)[0]))
        * min(2 * math.sqrt(n), size)
        * np.abs(last.a[:, 0])
    )
    growth = np.exp(
        np.minimum(
            np.sum(rate * 2 * math.sqrt(4 * n * moment + size**2) * np.sqrt(path.losses), axis=0),
            50,
        )
    )
    rounding = (
        len(path.losses) * step_rounding(model, start, rate) * growth + 4 * left / least + 64 * UNIT
    )
    worst = 0.0
    allowed_w = allowed_a = rounding
    want_w, want_a = _ends(law, start, h, sign)
    for side in (-1, 1):
        near_w, near_a = _ends(law, start, h + side * moved, sign)
        allowed_a = np.maximum(allowed_a, np.abs(near_a - want_a) + rounding)
        allowed_w = np.maximum(allowed_w, np.max(np.abs(near_w - want_w), axis=1) + rounding)
    ratios = [
        np.max(np.abs(last.w[:, 0] - want_w), axis=1) / allowed_w,
        np.abs(last.a[:, 0] - want_a) / allowed_a,
        np.abs(last.b[:, 0]) / rounding,
    ]
    settled = left < SETTLED
    ratio = np.max(np.where(np.isfinite(ratios), ratios, np.inf), axis=0)
    worst = float(np.max(np.where(settled, ratio, np.inf)))
    return worst, len(h), flips


def _ends(law: ConvBias, start: NetworkBatch, h: Array, sign: Array) -> tuple[Array, Array]:
    """The law's (w (B, n), a (B,)) for given h."""
    n = start.w.shape[2]
    a = sign * np.sqrt(law.readout_squared(h, n, np.sqrt))
    w = start.w[:, 0]
    return w + ((1 / (2 * a) - w.sum(axis=1)) / n)[:, None], a


def train(law: ConvBias, lab: Lab) -> Column:
    """Every weight that torch.optim.SGD ends at, in units of the bound from the steps' proved drift
    of h.
    """
    networks = min(lab.profile.networks, MOST)
    worst, compared, signs = zip(
        *(_worst(law, lab, *setting, networks) for setting in SETTINGS), strict=True
    )
    flips = sum(signs)
    detail = sentence("conv_bias", "train", networks=sum(compared), flips=flips)
    return column(float(np.max(worst)) if flips else math.nan, 1.0, detail)


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "vector fields of the double sum, and the equations of an end",
            ("theory.training.invariants",),
        ),
        check=Judge(
            "scipy's integrator on the gradient of the signals' windows",
            (f"{__name__}.integrate", "verify.optimise.flow"),
        ),
        training=Judge(
            "weights at the end of torch.optim.SGD",
            ("verify.models.networks", "verify.optimise.sgd"),
        ),
    ),
)
"""What the claim rests on."""
