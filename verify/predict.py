"""Predict every weight, then train: python -m verify.predict

From the initial weights of a network without biases - torch's own random ones, or those in a
safetensors file - the end of every weight is computed in closed form.  Then torch.optim.SGD trains
the network (Conv1d, activation, sum, Linear) on plateau radii, and the two are put side by side.

  predicted    where gradient flow ends, whatever the data
  trained      where SGD ended, with the step --step times 1/sharpness
  difference   trained - predicted: what the finite step adds, at most the proved bound
  beyond       what is left of it when the first order in the step, in closed form too, is taken out

Exit status: 0 every weight lies within its proved bound, 1 one does not, 2 usage, a bad file, or a
start outside the theorem's conditions, 3 the output could not be written or the machine failed, 130
interrupted.
"""

from __future__ import annotations

import math
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from theory.process import run
from verify.report.arguments import Parser, command_parser, named, odd, whole

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from numerics.arithmetic.types import Array
    from verify.models.problem import Model, NetworkBatch
    from verify.training import prediction as trained

__all__ = ["Condition", "OutsideTheorem", "Prediction", "Weight", "main", "predict", "prediction"]

PROGRAM = "python -m verify.predict"
NEAREST = 1e-8
"""Starts with U below this share of U + W pass the saddle so closely that rounding may decide."""
SEARCHED = 400
"""Further seeds that are looked at for a start that satisfies the conditions."""


@dataclass(frozen=True)
class Condition:
    """A condition of the theorem, the number that decides it, and what that is."""

    name: str
    holds: bool
    value: float
    text: str


@dataclass(frozen=True)
class Weight:
    """One weight: where it began, where gradient flow and where SGD end, and how far apart these are proved to be.

    ``corrected`` is the prediction to first order in the step, ``beyond`` what training adds to it.
    """

    name: str
    index: tuple[int, ...]
    initial: float
    predicted: float
    trained: float
    difference: float
    bound: float
    corrected: float
    beyond: float
    beyond_bound: float

    @property
    def agrees(self) -> bool:
        """Both distances are within their bounds."""
        return abs(self.difference) <= self.bound and abs(self.beyond) <= self.beyond_bound


@dataclass(frozen=True)
class Prediction:
    """A network predicted and trained; its fields are those of docs/predict.md."""

    model: Mapping[str, str | int]
    conditions: tuple[Condition, ...]
    sharpness: float
    step: Mapping[str, float]
    drift: Mapping[str, float]
    loss: Mapping[str, float]
    weights: tuple[Weight, ...]
    agrees: bool


class OutsideTheorem(ValueError):
    """The start does not satisfy a condition of the theorem; the message names it."""


def predict(
    module: nn.Module,
    optimizer: Optimizer | None = None,
    *,
    lr: float | None = None,
    step: float | None = None,
    momentum: float | None = None,
    weight_decay: float | None = None,
    steps: int | None = None,
    length: int | None = None,
) -> trained.Prediction:
    """Predict how a live module trains on full batches of pulses from its weights now; torch trains a copy.

    ``optimizer`` is the module's own torch.optim.SGD, Adam or AdamW, whose settings are read.  Without one
    they are the arguments, torch's; ``step`` is in units of 1/sharpness.  The module stays as it is.

    Raises
    ------
    ValueError: the module or the optimizer is not understood, or the start is outside the theorem's
        conditions; one sentence.
    """
    from verify.training.module import predicted

    given = {
        "lr": lr,
        "step": step,
        "momentum": momentum,
        "weight_decay": weight_decay,
        "steps": steps,
    }
    return predicted(module, optimizer, given, length)


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 1e-4 <= value <= 0.5:
        raise ArgumentTypeError(f"needs a number from 0.0001 to 0.5, not {text[:40]!r}")
    return value


def _activation(text: str) -> str:
    """One of the two that the theorem is for, by any spelling."""
    from verify.models.setup import activation_of

    try:
        name = activation_of({"activation": text}).name
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
    if name not in ("identity", "relu"):
        raise ArgumentTypeError(f"the closed form is for identity and relu, not {name[:60]}")
    return name


def _parser() -> Parser:
    assert __doc__
    parser = command_parser(PROGRAM, __doc__)
    add = parser.add_argument
    add("--channels", type=whole(1, 64), metavar="K", help="1 to 64 (default: 1, or the file's)")
    add("--taps", type=odd(127), metavar="N", help="odd, 1 to 127 (default: 3, or the file's)")
    add("--seed", type=whole(0), help="of torch's random initial weights (default: 0)")
    add(
        "--init",
        type=named("file"),
        metavar="FILE",
        help="initial weights, safetensors or a state_dict: conv.weight (K, 1, N), readout.weight (1, K)",
    )
    add(
        "--key",
        metavar="NAME",
        help="which network, where the file holds several: ema, state_dict.student",
    )
    add(
        "--activation",
        type=_activation,
        default="identity",
        metavar="NAME",
        help="identity or relu (default: %(default)s)",
    )
    add(
        "--step",
        type=_fraction,
        default=0.01,
        help="the step of SGD, in units of 1/sharpness (default: %(default)s)",
    )
    add("--json", action="store_true", help="print one JSON object instead of the table")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status, or raises SystemExit as argparse does."""
    parser = _parser()
    return _run(parser.parse_args(arguments), parser)


def _run(options: Namespace, parser: Parser) -> int:
    from verify.models.problem import Model
    from verify.report.render import json_text

    if options.init is None:
        channels, taps = options.channels or 1, options.taps or 3
        model = Model(options.activation, channels, taps)
        start = _drawn(model, options.seed or 0)
    else:
        if options.seed is not None:
            parser.error("--seed draws initial weights and --init reads them: give one of the two")
        start = _read(options.init, options.key, parser)
        channels, taps = start.w.shape[1:]
        for name, wanted, actual in (
            ("channels", options.channels, channels),
            ("taps", options.taps, taps),
        ):
            if wanted is not None and wanted != actual:
                parser.error(f"--{name} {wanted}, but {options.init} has {actual} {name}")
        if channels > 64 or taps > 127:
            parser.error(
                f"{options.init}: {channels} channels of {taps} taps; at most 64 of 127 are trained here"
            )
        model = Model(options.activation, channels, taps)
    try:
        outcome = prediction(model, start, options.step)
    except OutsideTheorem as error:
        hint = ""
        if options.init is None:
            other = _next_seed(model, options.seed or 0, options.step)
            hint = f"; --seed {other} satisfies it" if other is not None else ""
        parser.error(f"{error}{hint}")
    if options.json:
        print(json_text(outcome), end="", flush=True)
    else:
        _table(outcome)
    return 0 if outcome.agrees else 1


def _drawn(model: Model, seed: int) -> NetworkBatch:
    from verify.report.lab import TINY, Lab
    from verify.training.dynamics import starts

    return starts(Lab(TINY, seed), model, 1)


def _read(path: Path, key: str | None, parser: Parser) -> NetworkBatch:
    import numpy as np

    from verify.models.checkpoint import read
    from verify.models.problem import NetworkBatch
    from verify.models.tensors import CheckpointError

    try:
        checkpoint = read(path, key=key)
    except CheckpointError as error:
        parser.error(f"{path}: {error}")
    for name, bias in (("conv.bias", checkpoint.b), ("readout.bias", checkpoint.c)):
        if bias is not None:
            parser.error(f"{path}: it has {name}; the closed form is for networks without biases")
    zero = np.zeros((1, len(checkpoint.a)))
    return NetworkBatch(checkpoint.w[None], zero, checkpoint.a[None], np.zeros(1))


def _next_seed(model: Model, seed: int, step: float) -> int | None:
    for other in range(seed + 1, seed + 1 + SEARCHED):
        try:
            _conditions(model, _drawn(model, other), step)
        except OutsideTheorem:
            continue
        return other
    return None


def _conditions(model: Model, start: NetworkBatch, step: float) -> tuple[list[Condition], Array]:
    """The theorem's conditions, each with its number; the drift bound of the step.

    Raises
    ------
    OutsideTheorem: one of them does not hold.
    """
    import numpy as np

    from numerics.training.active import margins
    from numerics.training.linear_cell import coordinates
    from numerics.training.steps import drift_bound, sharpness
    from verify.training.dynamics import second_moment

    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        c = coordinates(start.w, start.a)
        big_u, big_w = float(c.big_u[0]), float(c.big_w[0])
        moment = second_moment(model.radii)
        speed = float(sharpness(c, moment)[0])
    if not math.isfinite(big_u + big_w) or not 0 < speed < math.inf:
        raise OutsideTheorem("finite: the squares of these weights overflow")
    if not big_u > NEAREST * (big_u + big_w):
        raise OutsideTheorem(
            f"U > 0: U = Σ(a + S/√n)² is {big_u:.3g} beside W = {big_w:.3g}; from there training runs into the saddle at 0"
        )
    met = [Condition("U > 0", True, big_u, "the start does not lead into the saddle at 0")]
    rate = step / speed
    rho = drift_bound(c, moment, rate)
    if not math.isfinite(float(rho[0])):
        raise OutsideTheorem(
            f"step: with --step {step:g} the steps of this start are not shown to shrink; try a smaller one"
        )
    text = "the steps shrink, and their drift is at most this"
    met.append(Condition("step", True, float(rho[0]), text))
    if model.activation == "relu":
        room = margins(start.w, start.a, rho)[0]
        worst = int(np.argmin(room))
        if not room[worst] > 0:
            raise OutsideTheorem(
                f"linear cell: in channel {worst} a partial sum of the taps is or becomes negative on the way (margin {room[worst]:.3g}), so ReLU bends"
            )
        text = "least margin of a partial sum on the way"
        met.append(Condition("linear cell", True, float(room[worst]), text))
    return met, rho


def prediction(model: Model, start: NetworkBatch, step: float) -> Prediction:
    """Predict, train and compare one network without biases.

    ``step`` is in units of 1/λ, λ the sharpness of the end point.

    Raises
    ------
    OutsideTheorem: the start does not satisfy a condition; the message names it.
    """
    import numpy as np

    from numerics.training.linear_cell import coordinates
    from numerics.training.steps import change_bound, end_at, sharpness
    from theory.training import linear_cell
    from theory.training.steps import LAW, first_order
    from verify.models.networks import data, load
    from verify.optimise.sgd import descend
    from verify.training.dynamics import Run, corrected, end_rounding, second_moment

    met, rho = _conditions(model, start, step)
    c, moment = coordinates(start.w, start.a), second_moment(model.radii)
    speed = float(sharpness(c, moment)[0])
    rate = np.array([step / speed])
    e = linear_cell.stretch(c.big_u, c.big_w, c.root, np.sqrt)
    low = (1 - np.sqrt(1 + c.root**2 * c.big_u * c.big_w)) / (c.root * c.big_u)
    # e^{-λt} times where the logistic equation begins, down to rounding.
    begin = float(np.abs((1 - e) / (1 - low))[0])
    steps = math.ceil((40 + math.log1p(begin)) / step)
    path = descend(load(model, start), *data(model), steps, rate)
    want_w, want_a = end_at(start.w, start.a, np.zeros(1))
    near_w, near_a, near_tap, near_read = corrected(LAW, start.w, start.a, moment, rate)
    tap, read = change_bound(c, np.zeros(1), rho)
    more = float(end_rounding(Run(model, start, rate, path, c, moment, moment))[0])

    def weight(
        name: str, index: tuple[int, ...], values: Sequence[Any], bound: float, left: float
    ) -> Weight:
        initial, predicted, trained, corrected_end = map(float, values)
        beyond = trained - corrected_end
        difference = trained - predicted
        return Weight(
            name,
            index,
            initial,
            predicted,
            trained,
            difference,
            bound + more,
            corrected_end,
            beyond,
            left + more,
        )

    ends = (start.w, want_w, path.end.w, near_w), (start.a, want_a, path.end.a, near_a)
    weights = [
        weight("conv.weight", (k, 0, u), [w[0, k, u] for w in ends[0]], tap[0, k], near_tap[0, k])
        for k in range(model.channels)
        for u in range(model.taps)
    ]
    weights += [
        weight("readout.weight", (0, k), [a[0, k] for a in ends[1]], read[0, k], near_read[0, k])
        for k in range(model.channels)
    ]
    drift = float((rate * first_order(c.big_u, c.big_w, c.root, moment, e, np.log))[0])
    return Prediction(
        model={"activation": model.activation, "channels": model.channels, "taps": model.taps},
        conditions=tuple(met),
        sharpness=speed,
        step={"fraction": step, "size": float(rate[0]), "steps": steps},
        drift={"first_order": drift, "bound": float(rho[0])},
        loss={"initial": float(path.losses[0, 0]), "final": float(path.losses[-1, 0])},
        weights=tuple(weights),
        agrees=all(weight.agrees for weight in weights),
    )


def _table(outcome: Prediction) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    grid.add_column("weight", no_wrap=True)
    for name in ("initial", "predicted", "trained", "difference", "bound", "beyond", "bound"):
        grid.add_column(name, justify="right", no_wrap=True)
    for x in outcome.weights:
        place = f"{x.name} {','.join(map(str, x.index))}"
        ends = (f"{end:.9f}" for end in (x.initial, x.predicted, x.trained))
        sizes = (f"{size:.1e}" for size in (x.difference, x.bound, x.beyond, x.beyond_bound))
        grid.add_row(place, *ends, *sizes)
    console.print(grid)
    step, loss = outcome.step, outcome.loss
    lines = [f"condition {x.name}: holds, {x.value:.3g} ({x.text})" for x in outcome.conditions]
    lines.append(
        f"{step['steps']} steps of {step['size']:.3g} = {step['fraction']:g}/sharpness, "
        f"loss {loss['initial']:.3g} to {loss['final']:.2g}: "
        f"{'every weight within its bound' if outcome.agrees else 'a weight lies outside its bound'}"
    )
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(run(PROGRAM, main))
