"""(a) Random starts to their ends: the ensemble, a loop of LBFGS, and Adam on all networks by
torch.func.vmap.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.func import functional_call, vmap

from benchmarks.loop import ARRIVED, Ended, train
from benchmarks.measure import Row, measured
from numerics.arithmetic.types import Array
from numerics.pulse.sample import Radii
from verify.models.networks import data, load
from verify.models.problem import Ensemble, NetworkBatch, Setting, initial
from verify.optimise.ensemble import train_ensemble
from verify.optimise.sgd import mean_squares
from verify.optimise.stationary import descent, signs
from verify.work.executor import open_executor

__all__ = ["SETTING", "outcome", "rows"]

EXACT = 1e-18
"""A loss below it is that of an exact network: the errors are below 1e-9 pixels."""
RATE = 1e-2
"""Adam's step."""


@dataclass(frozen=True)
class _Eighths(Radii):
    """4, 4 1/8, ..., 10 1/2: the 53 plateau radii of five taps that end where 25 samples end."""

    @property
    def r(self) -> Array:
        return np.arange(32, 85) / 8


@dataclass(frozen=True)
class _Setting(Setting):
    @property
    def radii(self) -> Radii:
        return _Eighths(4, 7, 8)


SETTING = _Setting("relu", 1, 5)


def outcome(loss: float, ended: bool) -> str:
    """The class of an ending, from its loss and from whether it is one."""
    dead = float(np.var(SETTING.radii.r))
    if loss <= EXACT:
        return "exact"
    if not ended:
        return "stuck"
    return "dead" if abs(loss - dead) <= 1e-9 * dead else "another level"


def rows(quick: bool) -> Iterator[Row]:
    """The ensemble against the loop, and against Adam."""
    networks, many, sample, steps = (200, 400, 5, 20) if quick else (1000, 10_000, 100, 2000)
    start = initial(SETTING, networks, 0)
    train_ensemble(SETTING, 2, 1)  # nothing is imported or compiled within the time
    seconds, peak, ensemble = measured(train_ensemble, SETTING, networks, 0, rounds=3)
    ends = _outcomes(ensemble)
    counts = Counter(ends)
    exact = seconds / counts["exact"]
    yield Row(
        f"{networks:,} networks, one process", seconds / networks, peak=peak, note=_words(counts)
    )
    with open_executor("processes", 2) as executor:
        list(executor.map(train_ensemble, [SETTING] * 2, [2] * 2, [1] * 2))
        begin = time.perf_counter()
        again = train_ensemble(SETTING, many, 0, executor)
        clock = (time.perf_counter() - begin) / many
    both = seconds / networks / clock
    same = all(
        np.array_equal(getattr(ensemble, name), getattr(again, name)[:networks]) for name in "wbac"
    )
    note = "the same bits" if same else "OTHER BITS"
    yield Row(f"{many:,}, two processes, by the clock", clock, both, "one process", note=note)
    for name, stubborn in (
        ("that gives up where a step gains nothing", False),
        ("that goes on for 100 steps of 20 iterations", True),
    ):
        took, peak, loop = measured(_loop, start, sample, stubborn)
        seen = [outcome(each.loss, each.gradient <= ARRIVED) for each in loop]
        solved = Counter(seen)["exact"]
        ratio = took / solved / exact if solved else None
        lost = {"dead", "another level", "exact"} & set(seen) - set(ends)
        note = f"{_words(Counter(seen))}, of {sample}; classes that the ensemble lost: {len(lost)}"
        if ratio:
            note += f"; by the clock, with both cores, {ratio * both:,.0f} ×"
        yield Row(
            f"a loop of LBFGS {name}",
            took / sample,
            ratio,
            "the ensemble, for each exact network",
            peak,
            note,
        )
    took, peak, losses = measured(_adam, start, steps)
    below = int(np.sum(ensemble.loss <= losses + EXACT))
    note = (
        f"{int(np.sum(losses <= EXACT))} exact; the ensemble's loss is as low in {below} of"
        f" {networks}"
    )
    yield Row(
        f"{steps:,} steps of Adam, all networks by torch.func.vmap",
        took / networks,
        took / seconds,
        "the ensemble",
        peak,
        note,
    )


def _outcomes(ensemble: Ensemble) -> list[str]:
    pattern = signs(SETTING, ensemble.weights)
    ways = [descent(SETTING, ensemble.weights, j, each) for j, each in enumerate(pattern)]
    ended = [way.slope >= -way.noise for way in ways]
    return [outcome(loss, end) for loss, end in zip(ensemble.loss.tolist(), ended, strict=True)]


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


def _loop(start: NetworkBatch, networks: int, stubborn: bool) -> list[Ended]:
    x, r = data(SETTING)
    return [train(load(SETTING, start, j), x, r, 100, stubborn) for j in range(networks)]


def _adam(start: NetworkBatch, steps: int) -> Array:
    """The losses (B,) after so many steps."""
    x, r = data(SETTING)
    net = load(SETTING, start)
    modules = [load(SETTING, start, j) for j in range(len(start.c))]
    names = [name for name, _ in net.named_parameters()]
    weights = {
        name: (
            torch.stack(
                [module.get_parameter(name).detach() for module in modules]
            ).requires_grad_()
        )
        for name in names
    }
    losses = vmap(lambda each: mean_squares(functional_call(net, each, (x,)), r))
    optimizer = torch.optim.Adam(weights.values(), lr=RATE)
    for _ in range(steps):
        optimizer.zero_grad()
        losses(weights).sum().backward()
        optimizer.step()
    return np.asarray(losses(weights).detach().numpy())
