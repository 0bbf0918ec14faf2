"""Networks with a dense readout, trained until the loss is rounding: their tasks, where they end,
and where the law says.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

from numerics.arithmetic.rounding import gamma
from numerics.arithmetic.types import Array
from numerics.pulse.sample import pulse
from theory.invariance.dense import LAW, Dense, changing, end
from verify.invariance.atlas import Place
from verify.invariance.dense_readout import DenseReadout, DenseRun, spectrum, train
from verify.invariance.table import TrainingOutcome
from verify.optimise.sgd import batches
from verify.report.lab import Lab

__all__ = ["TASKS", "Task", "outcomes", "predicted_weights", "trained", "weight_tolerance"]

HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Task:
    """Radii in quarters, σ, whether c is trained, and how: plain steps, momentum, or mini-batches
    of ``batch``.
    """

    name: str
    quarters: tuple[int, ...]
    activation: str
    bias: bool
    accelerated: bool = False
    batch: int = 0

    @property
    def radii(self) -> list[Fraction]:
        """The radii, as fractions."""
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
"""What is trained."""


def trained(lab: Lab, task: Task) -> DenseRun:
    """torch's own random starts, trained until the loss is rounding."""
    return lab.once(task, _trained, lab, task)


def _trained(lab: Lab, task: Task) -> DenseRun:
    r = np.array([float(x) for x in task.radii])
    x = pulse(r, task.length)
    with lab.torch(task):
        net = DenseReadout(task.activation, x.shape[1], lab.profile.networks, task.bias)
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
        steps = int(40 / (rate * low))
        order = batches(len(r), task.batch, lab.rng(("dense", "batches", task)))
    return train(net, torch.tensor(x), torch.tensor(r), steps, rate, momentum, order)


def weight_tolerance(task: Task, run: DenseRun) -> Array:
    """(B,): how far a weight may lie from the projection.

    Let e be the remaining errors.  The part of the distance inside the row space is at most |e|/σ,
    σ the smallest nonzero singular value of the signals; the part outside is rounding alone.
    """
    r = np.array([float(x) for x in task.radii])
    size = run.end.shape[1]
    x = pulse(r, task.length)
    answers = 2 * gamma(size + 3) * (np.abs(run.end).sum(axis=1) + np.max(r))
    outside = np.sqrt(size) * run.rounding
    left = np.sqrt(len(r)) * (np.sqrt(run.loss) + answers)
    return np.asarray(left / spectrum(x, task.bias)[1] + outside)


def predicted_weights(law: Dense, task: Task, run: DenseRun) -> Array:
    """(B, ·): where the law says that each start ends."""
    claimed = end(law, task.radii, task.length, task.bias)
    matrix = np.array([[float(x) for x in row] for row in claimed.matrix])
    return np.asarray(run.start @ matrix.T + np.array([float(x) for x in claimed.offset]))


def outcomes(lab: Lab) -> dict[Place, list[TrainingOutcome]]:
    """What became of the networks of all tasks, by cells of the atlas of invariance.

    A readout that is right at the radii that it was trained on is right at all others exactly if
    they fix every pixel that changes.
    """
    by_place: dict[Place, list[TrainingOutcome]] = {}
    for task in TASKS:
        run = trained(lab, task)
        off = np.max(np.abs(run.end - predicted_weights(LAW, task, run)), axis=1)
        predictable, total = int(np.sum(off <= weight_tolerance(task, run))), len(off)
        settled = LAW.fixed(task.radii) == set(changing(task.radii))
        words = (
            "as predicted, exact" if settled else "as predicted, exact at the trained radii only"
        )
        kind = "linear" if task.activation == "identity" else "relu 1"
        place = Place("nothing", "dense", "real", "any", kind)
        counts = ((words, predictable), ("elsewhere", total - predictable))
        by_place.setdefault(place, []).append(TrainingOutcome(task.name, total, counts))
    return by_place
