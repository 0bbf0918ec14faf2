"""A dense readout: against projections by Gram and Schmidt in rational numbers, and every weight of trained networks."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from numerics.arithmetic import oracle
from numerics.arithmetic.rounding import gamma
from numerics.invariance.gram_schmidt import Vector, dot, residual
from numerics.pulse.sample import pulse
from theory.invariance.dense import LAW, Dense, changing, end
from verify.invariance.atlas import Place
from verify.invariance.positional import Positional, Trained, spectrum
from verify.invariance.positional import train as descend
from verify.invariance.table import Seen
from verify.models.ensemble import Setting
from verify.optimise.gradient import batches
from verify.optimise.minimise import on_the_way
from verify.report import figures as draw
from verify.report import path_figures
from verify.report.evidence import Evidence
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "figures", "seen", "train"]

Array = NDArray[np.float64]
HALF = Fraction(1, 2)


# ------------------------------------------------------------------------------------------ check


def check(law: Dense, lab: Lab) -> Column:
    """Random radii and starts in rationals: fixed pixels, the projection of the start, and a shift, all without the law."""
    rng = lab.rng("dense")
    draws = max(lab.profile.draws, 60)
    wrong = 0
    for t in range(draws):
        radii, bias = _some_radii(rng, t % 5), bool(t % 2)
        length = int(max(radii) + HALF) + 3
        start = [Fraction(int(k), 4) for k in rng.integers(-8, 9, 2 * length + 1 + bias)]
        found, basis = _projected(start, radii, length, bias)
        claimed = end(law, radii, length, bias)
        stated = [sum((p * y for p, y in zip(row, start, strict=True)), q) for row, q in zip(claimed.matrix, claimed.offset, strict=True)]  # fmt: skip
        pairs = {m for m in changing(radii) if not any(residual(_pair(m, length, bias), basis))}
        wrong += stated != found or law.fixed(radii) != pairs or not _shifted(law, found, radii, length, 1 + t % 2)  # fmt: skip
    detail = (
        "cases, of as many sets of radii with random starts, in which a weight, a fixed pixel or the effect of a shift is another than by "
        f"Gram-Schmidt and simulation in rationals ({draws} cases)"
    )
    return column(wrong, 0, detail)


def _some_radii(rng: np.random.Generator, kind: int) -> list[Fraction]:
    """Many per pixel; half-integers with gaps; one per pixel, all at one fraction; crowds at one side; anything, with repetitions."""
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
    """The nearest exact readout: the start, moved along orthogonalised signals until each is answered right."""
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
    there = [max(min(i + HALF, s + r) - max(i - HALF, s - r), Fraction(0)) for i in range(-length, length + 1)]  # fmt: skip
    x = oracle.overlap_pulse(r, length)
    return bool(dot(v, there) - dot(v, x) == law.moved(v, x, s))


# --------------------------------------------------------------------------------------- training


@dataclass(frozen=True)
class Task:
    """Radii in quarters, σ, whether c is trained, and how: plain steps, momentum, or mini-batches of ``batch``."""

    name: str
    quarters: tuple[int, ...]
    activation: str
    bias: bool
    accelerated: bool = False
    batch: int = 0

    @property
    def radii(self) -> list[Fraction]:
        return [Fraction(q, 4) for q in self.quarters]

    @property
    def length(self) -> int:
        """Two pixels never lit on either side, so that shifts stay inside."""
        return int(max(self.radii) + HALF) + 2


TASKS = (
    Task("every quarter", tuple(range(7, 24)), "identity", False, accelerated=True),
    Task("every quarter, with c", tuple(range(10, 23)), "relu", True),
    Task("half-integers with gaps, with c", (6, 14, 18, 30), "identity", True, accelerated=True),
    Task("one radius per pixel", (11, 15, 19, 23), "relu", False, accelerated=True),
    Task("some radii, with c", (9, 10, 16, 17, 25), "identity", True, accelerated=True),
    Task("mini-batches of two", (6, 8, 10, 14), "identity", False, batch=2),
)  # fmt: skip
SHARP = 1e-6
"""A network whose weights the loss left does not pin down to this is not judged, and turns the column red."""


@lru_cache(maxsize=32)
def _trained(task: Task, networks: int, seed: int) -> Trained:
    """torch's own random starts, trained until the loss is rounding."""
    r = np.array([float(x) for x in task.radii])
    x = pulse(r, task.length)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(zlib.crc32(f"{seed}\n{task}".encode()))
        net = Positional(task.activation, x.shape[1], networks, task.bias)
    top, low = (2 * s * s / len(r) for s in spectrum(x, task.bias))
    rate, momentum, steps = 2 / (top + low), 0.0, int(20 * top / low)
    order = None
    if task.accelerated:
        root = (top / low) ** 0.5
        rate, momentum = 4 / (top**0.5 + low**0.5) ** 2, ((root - 1) / (root + 1)) ** 2
        steps = int(24 * root)
    if task.batch:
        # One signal y alone contracts for steps below 1/|y|².
        rate = 1 / float(2 * np.max(np.sum(x * x, axis=1)))
        steps, order = (
            int(40 / (rate * low)),
            batches(len(r), task.batch, np.random.default_rng(seed)),
        )
    return descend(net, torch.tensor(x), torch.tensor(r), steps, rate, momentum, order)


def _allowed(task: Task, run: Trained) -> Array:
    """(B,): how far a weight may lie from the projection.

    Let e be the remaining errors.  The part of the distance inside the row space is at most |e|/σ, σ the smallest
    nonzero singular value of the signals; the part outside is rounding alone.
    """
    r = np.array([float(x) for x in task.radii])
    size = run.end.shape[1]
    x = pulse(r, task.length)
    answers = 2 * gamma(size + 3) * (np.abs(run.end).sum(axis=1) + np.max(r))
    outside = np.sqrt(size) * run.rounding
    left = np.sqrt(len(r)) * (np.sqrt(run.loss) + answers)
    return np.asarray(left / spectrum(x, task.bias)[1] + outside)


def _predicted(law: Dense, task: Task, run: Trained) -> Array:
    found = end(law, task.radii, task.length, task.bias)
    matrix = np.array([[float(x) for x in row] for row in found.matrix])
    return np.asarray(run.start @ matrix.T + np.array([float(x) for x in found.offset]))


def train(law: Dense, lab: Lab) -> Column:
    """Every weight that torch.optim.SGD ends at against the start's projection; and shifted pulses."""
    worst, apart, widest, networks = 0.0, 0.0, 0.0, 0
    for task in TASKS:
        run = _trained(task, lab.profile.networks, lab.seed)
        allowed = _allowed(task, run)
        off = np.max(np.abs(run.end - _predicted(law, task, run)), axis=1)
        shift, moved = _shift(law, task, run)
        worst = float(np.max([worst, np.max(off / allowed), shift]))
        apart, widest = max(apart, moved), max(widest, float(np.max(allowed)))
        networks += len(off)
    pooled = _pooled(lab)
    detail = (
        f"every weight of {networks} networks after torch.optim.SGD ({len(TASKS)} sets of radii; plain, with momentum, mini-batches) against the start's projection, "
        f"in units of what the loss left and rounding allow (at most {widest:.1g}); shifted by one or two pixels their answers move by up to {apart:.2f}, as stated, "
        "and those of sum-pooling networks by rounding"
    )
    good = widest <= SHARP and pooled <= 1
    return column(worst if good else float("inf"), 1.0, detail)


def _shift(law: Dense, task: Task, run: Trained) -> tuple[float, float]:
    """(distance of torch's change under shifts from the law in units of the rounding bound, the largest change)."""
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
            stated = np.stack([law.moved(list(v), list(row), s) for row in x], axis=1)
            worst = max(worst, float(np.max(np.abs(there - stated) / bound[:, None])))
            most = max(most, float(np.max(np.abs(there))))
    return worst, most


SUMS = (Setting("identity", 2, 3), Setting("relu", 2, 5), Setting("tanh", 1, 3))
"""Sum-pooling networks, stopped on the way."""


def _pooled(lab: Lab) -> float:
    """The largest change of a sum-pooling network's answer when the pulse is shifted, in units of the rounding bound."""
    worst = 0.0
    for setting in SUMS:
        r = setting.radii.r
        x = pulse(r, setting.radii.half_length(setting.taps) + 2)
        for net in on_the_way(setting, 4, lab.seed):
            with torch.no_grad():
                here = net(torch.tensor(x))
                values = net.activation(net.preactivation(torch.tensor(x))).abs().sum(dim=2)
                total = float((values @ net.readout.weight.abs()[0]).max() + net.readout.bias.abs().max())  # fmt: skip
                # The same summands in another order.
                bound = 2 * float(gamma(x.shape[1] + setting.channels + 2)) * total
                for s in (-2, -1, 1, 2):
                    there = net(torch.tensor(np.roll(x, s, axis=1)))
                    worst = max(worst, float((there - here).abs().max()) / bound)
    return worst


def seen(lab: Lab) -> dict[Place, list[Seen]]:
    """What became of the networks of :func:`train`, by cells of the atlas of invariance.

    A readout that is right at the radii that it was trained on is right at all others exactly if they fix every pixel that changes.
    """
    found: dict[Place, list[Seen]] = {}
    for task in TASKS:
        run = _trained(task, lab.profile.networks, lab.seed)
        off = np.max(np.abs(run.end - _predicted(LAW, task, run)), axis=1)
        there, total = int(np.sum(off <= _allowed(task, run))), len(off)
        settled = LAW.fixed(task.radii) == set(changing(task.radii))
        words = (
            "as predicted, exact" if settled else "as predicted, exact at the trained radii only"
        )
        kind = "linear" if task.activation == "identity" else "relu 1"
        place = Place("nothing", "dense", "real", "any", kind)
        found.setdefault(place, []).append(
            Seen(task.name, total, ((words, there), ("elsewhere", total - there)))
        )
    return found


# ---------------------------------------------------------------------------------------- figures


def figures(lab: Lab) -> list[Figure]:
    """The weights of one network before and after training, by position."""
    task = TASKS[2]
    run = _trained(task, lab.profile.networks, lab.seed)
    drawing = path_figures.positions(
        np.arange(-task.length, task.length + 1),
        run.start[0, :-1],
        _predicted(LAW, task, run)[0, :-1],
        run.end[0, :-1],
    )
    names = ", ".join(str(r) for r in task.radii)
    caption = (
        f"One network with a readout weight per position, trained on the radii {names}. Grey: its random start. Rings: the projection of the start onto the exact readouts. "
        "Dots: where torch.optim.SGD ended. Pixels that no training radius tells apart have moved by the same amount; the outermost have not moved."
    )
    return [draw.figure("dense-weights", "One weight per position", caption, drawing)]


EVIDENCE = Evidence(check=check, train=train, figures=figures)
"""What the claim rests on."""
