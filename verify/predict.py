"""Predict every weight, then train: python -m verify.predict

From the initial weights of a network - torch's own random ones, or those in a file - every weight
after training is predicted.  Then torch.optim trains the network (Conv1d, activation, sum, Linear)
on plateau radii, and the two are put side by side.  The answer names its method:

  closed form        no biases, plain SGD: where gradient flow ends, whatever the data, and what
                     the finite step adds, within proved bounds
  reduced dynamics   biases, momentum, weight decay, large steps, a given number of steps: 3K + 1
                     numbers are iterated, with a proved bound on rounding
  simulated          Adam: the deviations of the taps are predicted, all else has no bound

Exit status: 0 every weight lies within its bound, 1 one does not, 2 usage, a bad file, or a start
outside the theorem's conditions, 3 the output could not be written or the machine failed, 130
interrupted.
"""

from __future__ import annotations

import math
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from theory.process import run
from verify.report.arguments import Parser, command_parser, named, odd, whole

if TYPE_CHECKING:
    from verify.models.checkpoint import Checkpoint
    from verify.training.side_by_side import Prediction

__all__ = ["main"]

PROGRAM = "python -m verify.predict"
SEARCHED = 400
"""Further seeds that are looked at for a start that satisfies the conditions."""


def _number(low: float, high: float, words: str) -> Callable[[str], float]:
    """A reader of numbers from low to high."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ArgumentTypeError(f"needs a number {words}, not {text[:40]!r}")
        return value

    return read


def _parser() -> Parser:
    assert __doc__
    parser = command_parser(PROGRAM, __doc__)
    add = parser.add_argument
    add("--channels", type=whole(1, 64), metavar="K", help="1 to 64 (default: 1, or the file's)")
    add("--taps", type=odd(127), metavar="N", help="odd, 1 to 127 (default: 3, or the file's)")
    add("--seed", type=whole(0), help="of torch's random initial weights (default: 0)")
    add("--bias", nargs="?", const="both", choices=("conv", "readout", "both"), help="drawn networks have biases: in the convolution, the readout, or both (default: none)")  # fmt: skip
    add("--init", type=named("file"), metavar="FILE", help="initial weights from a file, biases as it has them")  # fmt: skip
    add("--activation", choices=("identity", "relu"), default="identity", help="default: %(default)s")  # fmt: skip
    add("--optimizer", choices=("sgd", "adam", "adamw"), default="sgd", help="default: %(default)s")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--step", type=_number(1e-4, 10, "from 0.0001 to 10"), metavar="F", help="the step of SGD, in units of 1/sharpness (default: 0.01)")  # fmt: skip
    size.add_argument("--lr", type=_number(1e-12, 1e6, "from 1e-12 to 1000000"), metavar="F", help="the step as torch takes it (default for Adam: 0.001)")  # fmt: skip
    add("--momentum", type=_number(0, 0.9999, "from 0 to 0.9999"), default=0.0, metavar="F", help="of SGD (default: 0)")  # fmt: skip
    add("--weight-decay", type=_number(0, 1e6, "from 0 to 1000000"), default=0.0, metavar="F", help="of all weights and biases, as torch does it (default: 0)")  # fmt: skip
    add("--steps", type=whole(1, 100000), metavar="T", help="1 to 100000 (default: until training has settled, at most some thousand)")  # fmt: skip
    add("--dtype", choices=("float64", "float32"), default="float64", help="default: %(default)s")
    add("--json", action="store_true", help="print one JSON object instead of the table")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status, or raises SystemExit as argparse does."""
    parser = _parser()
    return _run(parser.parse_args(arguments), parser)


def _run(options: Namespace, parser: Parser) -> int:
    import torch

    from verify.report.render import json_text
    from verify.training.prediction import prediction
    from verify.training.side_by_side import OutsideTheorem

    torch.set_num_threads(1)  # small networks: more threads only wait for each other
    if options.init is None:
        start = _drawn(options, options.seed or 0)
    else:
        start = _read(options, parser)
    if options.optimizer != "sgd" and (options.momentum or options.step is not None):
        parser.error("--momentum and --step belong to SGD; with Adam give --lr")
    settings = {name: getattr(options, name) for name in ("activation", "optimizer", "lr", "momentum", "weight_decay", "steps", "dtype")}  # fmt: skip
    step = 0.01 if options.step is None else options.step
    try:
        outcome = prediction(start.w, start.a, start.b, start.c, step=step, **settings)
    except OutsideTheorem as error:
        hint = "" if options.init is not None else _next_seed(options, step)
        parser.error(f"{error}{hint}")
    if options.json:
        print(json_text(outcome), end="", flush=True)
    else:
        _table(outcome)
    return 0 if outcome.agrees else 1


def _drawn(options: Namespace, seed: int) -> Checkpoint:
    from verify.models.checkpoint import Checkpoint
    from verify.models.problem import Model
    from verify.report.lab import TINY, Lab
    from verify.training.dynamics import starts

    biases = (options.bias in ("conv", "both"), options.bias in ("readout", "both"))
    model = Model(options.activation, options.channels or 1, options.taps or 3, *biases)
    w, b, a, c = starts(Lab(TINY, seed), model, 1).network()
    return Checkpoint(w, a, b if biases[0] else None, c if biases[1] else None, {})


def _read(options: Namespace, parser: Parser) -> Checkpoint:
    from verify.models.checkpoint import CheckpointError, read

    for name in ("seed", "bias"):
        if getattr(options, name) is not None:
            parser.error(
                f"--{name} draws initial weights and --init reads them: give one of the two"
            )
    try:
        checkpoint = read(options.init)
    except CheckpointError as error:
        parser.error(f"{options.init}: {error}")
    channels, taps = checkpoint.w.shape
    for name, actual in (("channels", channels), ("taps", taps)):
        wanted = getattr(options, name)
        if wanted is not None and wanted != actual:
            parser.error(f"--{name} {wanted}, but {options.init} has {actual} {name}")
    if channels > 64 or taps > 127:
        parser.error(f"{options.init}: {channels} channels of {taps} taps; at most 64 of 127 are trained here")  # fmt: skip
    return checkpoint


def _next_seed(options: Namespace, step: float) -> str:
    """A seed whose start satisfies the conditions, as far as a start alone decides."""
    from verify.training.prediction import admitted
    from verify.training.side_by_side import OutsideTheorem

    first = (options.seed or 0) + 1
    for seed in range(first, first + SEARCHED):
        start = _drawn(options, seed)
        try:
            admitted(start.w, start.a, start.b, start.c, activation=options.activation, step=step)
        except OutsideTheorem:
            continue
        return f"; --seed {seed} satisfies it"
    return ""


COLUMNS = {
    "closed form": (("beyond", "beyond", ".1e"), ("bound", "beyond_bound", ".1e")),
    "reduced dynamics": (("rounding", "rounding", ".1e"), ("flow ends", "end", ".9f")),
    "simulated": (),
}
"""What a method has beside prediction, training and their distance: heading, field, format."""


def _table(outcome: Prediction) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    grid.add_column("weight", no_wrap=True)
    columns = [(name, name, ".9f") for name in ("initial", "predicted", "trained")]
    columns += [("difference", "difference", ".1e"), ("bound", "bound", ".1e")]
    columns = [*columns, *COLUMNS[outcome.method]]
    columns = [x for x in columns if getattr(outcome.weights[0], x[1]) is not None]
    for name, _, _ in columns:
        grid.add_column(name, justify="right", no_wrap=True)
    for x in outcome.weights:
        place = f"{x.name} {','.join(map(str, x.index))}"
        grid.add_row(place, *(format(getattr(x, name), kind) for _, name, kind in columns))
    console.print(grid)
    step, loss, kept = outcome.step, outcome.loss, outcome.kept
    law = f", the end by {outcome.law}" if outcome.law else ""
    lines = [f"method: {outcome.method}{law}; {outcome.optimizer['name']}, {outcome.dtype}"]
    for x in outcome.conditions:
        holds = "holds" if x.holds else "does not hold"
        lines.append(f"condition {x.name}: {holds}, {x.value:.3g} ({x.text})")
    estimate = " (an estimate)" if outcome.method == "simulated" else ""
    lines.append(
        f"deviations of the taps: {kept['factor']:.9g} times their first, to within {kept['difference']:.1e}, bound {kept['bound']:.1e}{estimate}"
    )
    lines.append(
        f"{step['steps']} steps of {step['size']:.3g} = {step['fraction']:.4g}/sharpness, "
        f"loss {loss['initial']:.3g} to {loss['final']:.2g}: {_verdict(outcome)}"
    )
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _verdict(outcome: Prediction) -> str:
    if not outcome.agrees:
        return "a weight lies outside its bound"
    if outcome.method == "simulated":
        return "every deviation within its bound; the other numbers are simulated, and have none"
    return "every weight within its bound"


if __name__ == "__main__":
    sys.exit(run(PROGRAM, main))
