"""A network, what is predicted of it, and what torch makes of it, side by side: the values that
verify.predict prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, replace

import numpy as np
import torch

from numerics.arithmetic.types import Array
from numerics.pulse.sample import pulse
from numerics.training.forward_error import HIGHEST
from numerics.training.linear_cell import coordinates
from numerics.training.reduced import Adam, Problem, Weights
from theory.citations import statement
from theory.training.reduced import Sgd
from verify.models.networks import load
from verify.models.problem import Model, NetworkBatch
from verify.optimise.sgd import Make, Path, mean_squares

__all__ = [
    "CITED",
    "Condition",
    "OutsideTheorem",
    "Prediction",
    "Task",
    "Weight",
    "bends",
    "bounds",
    "condition",
    "flat",
    "judged",
    "kept",
    "leaves",
    "saddle",
    "settings",
    "table",
]


@dataclass(frozen=True)
class Condition:
    """A condition of the theorem, the number that decides it, and what that is."""

    name: str
    holds: bool
    value: float
    text: str


CITED = {
    "U > 0": statement("flow"),
    "linear cell": statement("active"),
    "step": statement("steps"),
    "threshold": statement("sharpness"),
}
"""Where each condition comes from."""


def condition(name: str, holds: bool, value: float, text: str) -> Condition:
    """A condition whose text cites the claim that it comes from."""
    return Condition(name, holds, value, f"{text}: {CITED[name]}")


@dataclass(frozen=True)
class Weight:
    """One weight: where it began, where it is predicted and trained to be, and how far apart these
    are proved to be.

    ``end`` is where gradient flow, or descent with decay, ends, where a law says so.  By closed
    form ``corrected`` is the prediction to first order in the step, ``beyond`` what training adds
    to it.  ``rounding`` bounds the distance of exact arithmetic from the prediction.  None is what
    the method does not give; by simulation there is no bound.
    """

    name: str
    index: tuple[int, ...]
    initial: float
    predicted: float
    trained: float
    difference: float
    bound: float | None
    corrected: float | None = None
    beyond: float | None = None
    beyond_bound: float | None = None
    rounding: float | None = None
    end: float | None = None

    @property
    def agrees(self) -> bool:
        """The distances that have bounds are within them."""
        pairs = (self.difference, self.bound), (self.beyond, self.beyond_bound)
        return all(x is None or most is None or abs(x) <= most for x, most in pairs)


@dataclass(frozen=True)
class Prediction:
    """A network predicted and trained; its fields are those of docs/predict.md."""

    model: Mapping[str, str | int | bool | Mapping[str, float]]
    conditions: tuple[Condition, ...]
    sharpness: float
    step: Mapping[str, float]
    drift: Mapping[str, float] | None
    loss: Mapping[str, float]
    weights: tuple[Weight, ...]
    agrees: bool
    method: str
    law: str | None
    dtype: str
    optimizer: Mapping[str, str | float | bool]
    kept: Mapping[str, float]


class OutsideTheorem(ValueError):
    """The start does not satisfy a condition of the theorem; the message names it."""


@dataclass(frozen=True, eq=False)
class Task:
    """What is trained: the shape with its radii, the initial weights, what the reduced dynamics
    know of the data, the type.
    """

    model: Model
    start: Weights
    problem: Problem
    dtype: str

    @property
    def batch(self) -> NetworkBatch:
        """The initial weights as a batch of one."""
        x, k = self.start.numbers, self.model.channels
        return NetworkBatch(
            self.start.w[None], x[None, 2 * k : 3 * k], self.start.a[None], x[None, 3 * k]
        )

    def trained(self, steps: int, make: Make) -> tuple[Path, Weights]:
        """torch's run from these weights, as a user writes it, and where it ends."""
        kind = getattr(torch, self.dtype)
        x = torch.tensor(pulse(self.problem.r, self.problem.pixels // 2), dtype=kind)
        r = torch.tensor(self.problem.r, dtype=kind)
        with torch.random.fork_rng(devices=[]):  # a new module draws weights
            module = load(self.model, self.batch).to(kind)
        optimizer, losses = make(module.parameters()), []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = mean_squares(module(x), r)
            losses.append(loss.item())
            loss.backward()
            optimizer.step()
        path = Path(np.array(losses)[:, None], module.weights)
        w, b, a, c = (np.asarray(values[0], dtype=float) for values in astuple(path.end))
        conv, readout = self.model.biases
        return path, Weights(w, a, b if conv else None, float(c) if readout else None)


def flat(weights: Weights) -> list[float]:
    """All weights in torch's order: conv.weight, conv.bias, readout.weight, readout.bias."""
    parts = [weights.w, weights.b, weights.a, weights.c]
    return [float(x) for part in parts if part is not None for x in np.ravel(part)]


def table(task: Task, predicted: Weights, trained: Weights) -> list[Weight]:
    """A row for every weight, without bounds."""
    channels, taps = task.start.w.shape
    places: list[tuple[str, tuple[int, ...]]]
    places = [("conv.weight", (k, 0, u)) for k in range(channels) for u in range(taps)]
    places += [("conv.bias", (k,)) for k in range(channels) if task.start.b is not None]
    places += [("readout.weight", (0, k)) for k in range(channels)]
    places += [("readout.bias", (0,))] * (task.start.c is not None)
    columns = (flat(weights) for weights in (task.start, predicted, trained))
    return [
        Weight(name, index, initial, want, got, got - want, None)
        for (name, index), initial, want, got in zip(places, *columns, strict=True)
    ]


def bounds(task: Task, off: Array) -> list[float]:
    """Bounds on (a, S, b, c, deviations) as bounds on every weight, in the order
    of :func:`flat`.
    """
    channels, taps = task.start.w.shape
    sizes = Weights(np.zeros((channels, taps)), off[:channels], task.start.b, task.start.c)
    tap = off[channels : 2 * channels] / taps + off[-1]
    b = None if sizes.b is None else off[2 * channels : 3 * channels]
    c = None if sizes.c is None else float(off[3 * channels])
    return flat(replace(sizes, w=np.repeat(tap[:, None], taps, axis=1), b=b, c=c))


def kept(task: Task, trained: Weights, factor: float, bound: float) -> dict[str, float]:
    """The largest distance of a tap's deviation from the factor times its first one, beside its
    bound.
    """
    off = trained.deviations - factor * task.start.deviations
    return {"factor": factor, "difference": float(np.max(np.abs(off))), "bound": bound}


def judged(
    task: Task,
    weights: list[Weight],
    conditions: tuple[Condition, ...],
    path: Path,
    *,
    sharpness: float,
    step: Mapping[str, float],
    method: str,
    law: str | None,
    optimizer: Mapping[str, str | float | bool],
    kept: Mapping[str, float],
    drift: Mapping[str, float] | None = None,
) -> Prediction:
    """All of it, and whether every weight is within its bounds, and every deviation."""
    model, r = task.model, task.problem.r
    shape: dict[str, str | int | Mapping[str, float]] = {
        "activation": model.activation,
        "channels": model.channels,
        "taps": model.taps,
        "conv_bias": model.conv_bias,
        "readout_bias": model.readout_bias,
        "radii": {
            "first": float(r[0]),
            "last": float(r[-1]),
            "number": len(r),
            "per_pixel": model.per_cell,
        },
        "length": task.problem.pixels,
    }
    within = all(weight.agrees for weight in weights) and kept["difference"] <= kept["bound"]
    return Prediction(
        model=shape,
        conditions=conditions,
        sharpness=sharpness,
        step=step,
        drift=drift,
        loss={"initial": float(path.losses[0, 0]), "final": float(path.losses[-1, 0])},
        weights=tuple(weights),
        agrees=within,
        method=method,
        law=law,
        dtype=task.dtype,
        optimizer=optimizer,
        kept=kept,
    )


def settings(name: str, rule: Sgd | Adam) -> dict[str, str | float | bool]:
    """The optimizer in torch's words."""
    return {"name": name, **asdict(rule)}


def saddle(task: Task) -> list[Condition]:
    """That the start does not lead into the saddle, and by how much; nothing with a conv bias,
    which leads past it.
    """
    if task.start.b is not None:
        return []
    big_u = float(coordinates(task.start.w[None], task.start.a[None]).big_u[0])
    return [condition("U > 0", True, big_u, "the start does not lead into the saddle at 0")]


def leaves(step: int, kind: str) -> str:
    """Why nothing is shown from a step on: a number may leave the range of the type."""
    return (
        f"at step {step} a weight, a gradient or the loss may leave {kind}, "
        f"which ends at {HIGHEST[kind]:.2g}; take a smaller --lr"
    )


def bends(channel: int, margin: float, step: int | None = None) -> str:
    """Why ReLU is outside its linear cell; in the reduced dynamics at which step."""
    when = "" if step is None else f" at step {step}"
    return (
        f"linear cell: in channel {channel} a partial sum of the taps is or becomes negative on the"
        f" way (margin {margin:.3g}), so ReLU bends{when}; {CITED['linear cell']}"
    )
