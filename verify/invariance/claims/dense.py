"""A dense readout: against projections by Gram and Schmidt in rational numbers, and every weight of
trained networks.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import torch

from numerics.arithmetic import oracle
from numerics.arithmetic.rounding import gamma
from numerics.invariance.gram_schmidt import Vector, dot, residual
from numerics.pulse.sample import pulse
from theory.invariance.dense import LAW, Dense, changing, end
from verify.invariance.dense_readout import DenseRun
from verify.invariance.dense_training import (
    TASKS,
    Task,
    predicted_weights,
    trained,
    weight_tolerance,
)
from verify.models.problem import Setting
from verify.pulse.settings import stopped
from verify.report import figures as draw
from verify.report import path_figures
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "figures", "train"]

HALF = Fraction(1, 2)


# ------------------------------------------------------------------------------------------ check


def check(law: Dense, lab: Lab) -> Column:
    """Random radii and starts in rationals: fixed pixels, the projection of the start, and a shift,
    all without the law.

    The first case that differs ends the loop.
    """
    rng = lab.rng("dense")
    draws = max(lab.profile.draws, 60)
    wrong = False
    for t in range(draws):
        radii, bias = _some_radii(rng, t % 5), bool(t % 2)
        length = int(max(radii) + HALF) + 3
        start = [Fraction(int(k), 4) for k in rng.integers(-8, 9, 2 * length + 1 + bias)]
        projected, basis = _projected(start, radii, length, bias)
        projection = end(law, radii, length, bias)
        claimed = [
            sum((p * y for p, y in zip(row, start, strict=True)), q)
            for row, q in zip(projection.matrix, projection.offset, strict=True)
        ]
        pairs = {m for m in changing(radii) if not any(residual(_pair(m, length, bias), basis))}
        wrong = (
            claimed != projected
            or law.fixed(radii) != pairs
            or not _shifted(law, projected, radii, length, 1 + t % 2)
        )
        if wrong:
            break
    detail = (
        "cases, of as many sets of radii with random starts, in which a weight, a fixed pixel or"
        " the effect of a shift is another than by Gram-Schmidt and simulation in rationals"
        f" ({draws} cases)"
    )
    return column(wrong, 0, detail)


def _some_radii(rng: np.random.Generator, kind: int) -> list[Fraction]:
    """Many per pixel; half-integers with gaps; one per pixel, all at one fraction; crowds at one
    side; anything, with repetitions.
    """
    first, cells = int(rng.integers(1, 4)), int(rng.integers(2, 5))
    start = first - HALF
    if kind == 0:
        return [start + Fraction(j, 4) for j in range(int(rng.integers(4)), 4 * cells + 1)]
    if kind == 1:
        return [start + j for j in range(cells + 2) if j in (0, cells + 1) or rng.random() < 0.5]
    if kind == 2:
        return [start + j + Fraction(int(rng.integers(1, 4)), 4) for j in range(cells)]
    if kind == 3:  # enough for the whole, but not for the pixels far from the crowd
        crowd = [Fraction(j, 4) for j in range(int(rng.integers(2)), 4 + int(rng.integers(2)))]
        far = [Fraction(int(j), 2) for j in rng.integers(2, 2 * cells + 1, int(rng.integers(1, 3)))]
        turned = bool(rng.integers(2))
        return [start + (cells - x if turned else x) for x in crowd + far]
    return [
        start + Fraction(int(j), 5) for j in rng.integers(0, 5 * cells, int(rng.integers(1, 8)))
    ]


def _pair(m: int, length: int, bias: bool) -> Vector:
    return [Fraction(int(abs(i) == m)) for i in range(-length, length + 1)] + [Fraction(0)] * bias


def _projected(
    start: Vector, radii: list[Fraction], length: int, bias: bool
) -> tuple[Vector, list[Vector]]:
    """The nearest exact readout: the start, moved along orthogonalised signals until each is
    answered right.
    """
    basis: list[Vector] = []
    y = list(start)
    for r in radii:
        x = oracle.overlap_pulse(r, length) + [Fraction(1)] * bias
        e = residual(x, basis)
        if not any(e):
            continue
        # Along e alone: the signals before are orthogonal to it, and stay right.
        step = (r - dot(x, y)) / dot(x, e)
        y = [p + step * q for p, q in zip(y, e, strict=True)]
        basis.append(e)
    return y, basis


def _shifted(law: Dense, v: Vector, radii: list[Fraction], length: int, s: int) -> bool:
    """The answer to a pulse whose edges lie at s ± r, pixel by pixel from the definition."""
    v, r = v[: 2 * length + 1], max(radii)
    there = [
        max(min(i + HALF, s + r) - max(i - HALF, s - r), Fraction(0))
        for i in range(-length, length + 1)
    ]
    x = oracle.overlap_pulse(r, length)
    return bool(dot(v, there) - dot(v, x) == law.moved(v, x, s))


# --------------------------------------------------------------------------------------- training


SHARP = 1e-6
"""A network whose weights the loss left does not pin down to this is not judged, and turns the
column red.
"""


def train(law: Dense, lab: Lab) -> Column:
    """Every weight that torch.optim.SGD ends at against the start's projection;
    and shifted pulses.
    """
    worst, apart, widest, networks = 0.0, 0.0, 0.0, 0
    for task in TASKS:
        run = trained(lab, task)
        allowed = weight_tolerance(task, run)
        off = np.max(np.abs(run.end - predicted_weights(law, task, run)), axis=1)
        shift, moved = _shift(law, task, run)
        worst = float(np.max([worst, np.max(off / allowed), shift]))
        apart, widest = max(apart, moved), max(widest, float(np.max(allowed)))
        networks += len(off)
    pooled = _pooled(lab)
    detail = (
        f"every weight of {networks} networks after torch.optim.SGD ({len(TASKS)} sets of radii;"
        " plain, with momentum, mini-batches) against the start's projection, in units of what the"
        f" loss left and rounding allow (at most {widest:.1g}); shifted by one or two pixels their"
        f" answers move by up to {apart:.2f}, as stated, and those of sum-pooling networks by"
        " rounding"
    )
    good = widest <= SHARP and pooled <= 1
    return column(worst if good else float("inf"), 1.0, detail)


def _shift(law: Dense, task: Task, run: DenseRun) -> tuple[float, float]:
    """(distance of torch's change under shifts from the law in units of the rounding bound, the
    largest change).
    """
    r = np.array([float(x) for x in task.radii])
    x = pulse(r, task.length)
    size = x.shape[1]
    v = run.end[:, :size].T
    bound = 4 * gamma(size + 3) * (np.abs(run.end).sum(axis=1) + np.max(np.abs(run.end)))
    worst, most = 0.0, 0.0
    with torch.no_grad():
        here = run.net(torch.tensor(x)).numpy()
        for s in (-2, -1, 1, 2):
            there = run.net(torch.tensor(np.roll(x, s, axis=1))).numpy() - here
            claimed = np.stack([law.moved(list(v), list(row), s) for row in x], axis=1)
            worst = max(worst, float(np.max(np.abs(there - claimed) / bound[:, None])))
            most = max(most, float(np.max(np.abs(there))))
    return worst, most


SUMS = (Setting("identity", 2, 3), Setting("relu", 2, 5), Setting("tanh", 1, 3))
"""Sum-pooling networks, stopped on the way."""


def _pooled(lab: Lab) -> float:
    """The largest change of a sum-pooling network's answer when the pulse is shifted, in units of
    the rounding bound.
    """
    worst = 0.0
    for setting in SUMS:
        r = setting.radii.r
        x = pulse(r, setting.radii.half_length(setting.taps) + 2)
        for net in stopped(lab, setting):
            with torch.no_grad():
                here = net(torch.tensor(x))
                values = net.activation(net.preactivation(torch.tensor(x))).abs().sum(dim=2)
                total = float(
                    (values @ net.readout.weight.abs()[0]).max() + net.readout.bias.abs().max()
                )
                # The same summands in another order.
                bound = 2 * float(gamma(x.shape[1] + setting.channels + 2)) * total
                for s in (-2, -1, 1, 2):
                    there = net(torch.tensor(np.roll(x, s, axis=1)))
                    worst = max(worst, float((there - here).abs().max()) / bound)
    return worst


# ---------------------------------------------------------------------------------------- figures


def figures(lab: Lab) -> list[Figure]:
    """The weights of one network before and after training, by position."""
    task = TASKS[2]
    run = trained(lab, task)
    drawing = path_figures.positions(
        np.arange(-task.length, task.length + 1),
        run.start[0, :-1],
        predicted_weights(LAW, task, run)[0, :-1],
        run.end[0, :-1],
    )
    names = ", ".join(str(r) for r in task.radii)
    caption = (
        f"One network with a readout weight per position, trained on the radii {names}. Grey: its"
        " random start. Rings: the projection of the start onto the exact readouts. Dots: where"
        " torch.optim.SGD ended. Pixels that no training radius tells apart have moved by the same"
        " amount; the outermost have not moved."
    )
    return [draw.figure("dense-weights", "One weight per position", caption, drawing)]


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "the signal matrix from the pulse, its null vectors and its gradient",
            ("theory.invariance.dense._answer", "theory.pulse.signal.pulse"),
        ),
        check=Judge(
            "projections by Gram-Schmidt in fractions, and pixels from the definition",
            (
                f"{__name__}._projected",
                f"{__name__}._pair",
                "numerics.arithmetic.oracle",
                "numerics.invariance.gram_schmidt",
            ),
        ),
        training=Judge(
            "weights at the end of torch.optim.SGD on a readout with one weight per position",
            ("verify.invariance.dense_readout", "verify.models.networks", "verify.optimise.sgd"),
        ),
    ),
    figures=figures,
)
"""What the claim rests on."""
