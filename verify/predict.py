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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from numerics.arithmetic.decimals import rounded_up
from theory.citations import located
from theory.parser import Parser
from theory.process import run
from verify.report.arguments import command_parser, importing, named, odd, whole

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from verify.models.checkpoint import Checkpoint
    from verify.training.side_by_side import Prediction

__all__ = ["main", "predict"]

PROGRAM = "python -m verify.predict"
SEARCHED = 400
"""Further seeds that are looked at for a start that satisfies the conditions."""


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
) -> Prediction:
    """Predict how a live module trains on full batches of pulses from its weights now; torch trains
    a copy.

    ``optimizer`` is the module's own torch.optim.SGD, Adam or AdamW, whose settings are read.
    Without one they are the arguments, torch's; ``step`` is in units of 1/sharpness.  The module
    stays as it is.

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


def _activation(text: str) -> str:
    """One of the two that the theorem is for, by any spelling."""
    from verify.models.setup import activation_of

    try:
        name = activation_of({"activation": text}).name
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
    if name not in ("identity", "relu"):
        raise ArgumentTypeError(f"training is predicted for identity and relu, not {name[:60]}")
    return name


def _number(low: float, high: float) -> Callable[[str], float]:
    """A reader of numbers from low to high."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ArgumentTypeError(f"needs a number from {low:g} to {high:g}, not {text[:40]!r}")
        return value

    return read


def _parser(program: str) -> Parser:
    assert __doc__
    parser = command_parser(program, __doc__)
    add = parser.add_argument
    add("--channels", type=whole(1, 64), metavar="K", help="1 to 64 (default: 1, or the file's)")
    add("--taps", type=odd(127), metavar="N", help="odd, 1 to 127 (default: 3, or the file's)")
    add("--seed", type=whole(0), help="of torch's random initial weights (default: 0)")
    add(
        "--bias",
        nargs="?",
        const="both",
        choices=("conv", "readout", "both"),
        help="drawn networks have biases: in the convolution, the readout, or both (default: none)",
    )
    add(
        "--init",
        type=named("file"),
        metavar="FILE",
        help="initial weights from a file, biases as it has them",
    )
    add(
        "--key",
        metavar="NAME",
        help="which network, where the file holds several: ema, state_dict.student",
    )
    add(
        "--activation",
        type=_activation,
        metavar="NAME",
        help="identity or relu (default: the file's, or identity)",
    )
    add("--optimizer", choices=("sgd", "adam", "adamw"), default="sgd", help="default: %(default)s")
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--step",
        type=_number(1e-4, 10),
        metavar="F",
        help="the step of SGD, in units of 1/sharpness, taken where training by small"
        " steps would end without conv bias, not at the start (default: 0.01)",
    )
    size.add_argument(
        "--lr",
        type=_number(1e-12, 1000),
        metavar="F",
        help="the step as torch takes it (default for Adam: 0.001)",
    )
    add("--momentum", type=_number(0, 0.9999), default=0.0, metavar="F", help="of SGD (default: 0)")
    add(
        "--weight-decay",
        type=_number(0, 1000),
        default=0.0,
        metavar="F",
        help="of all weights and biases, as torch does it (default: 0)",
    )
    add(
        "--steps",
        type=whole(1, 100000),
        metavar="T",
        help="1 to 100000 (default: until training has settled, at most some thousand)",
    )
    add("--dtype", choices=("float64", "float32"), default="float64", help="default: %(default)s")
    add("--json", action="store_true", help="print one JSON object instead of the table")
    return parser


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """The command line; returns the exit status, or raises SystemExit as argparse does."""
    parser = _parser(program)
    return _run(parser.parse_args(arguments), parser)


def _run(options: Namespace, parser: Parser) -> int:
    with importing():
        import torch
        import torch._dynamo  # torch.optim asks for it when it begins

        from verify.report.render import json_text
        from verify.training.prediction import prediction
        from verify.training.side_by_side import OutsideTheorem

    torch.set_num_threads(1)  # small networks: more threads only wait for each other
    drawn = options.init is None
    start = _drawn(options, options.seed or 0) if drawn else _read(options, parser)
    if options.optimizer != "sgd" and (options.momentum or options.step is not None):
        parser.error("--momentum and --step belong to SGD; with Adam give --lr")
    step = 0.01 if options.step is None else options.step
    try:
        outcome = prediction(
            start.w,
            start.a,
            start.b,
            start.c,
            activation=options.activation or "identity",
            optimizer=options.optimizer,
            lr=options.lr,
            step=step,
            momentum=options.momentum,
            weight_decay=options.weight_decay,
            steps=options.steps,
            dtype=options.dtype,
        )
    except OutsideTheorem as error:
        parser.error(f"{error}{_next_seed(options, step) if drawn else ''}")
    weights = tuple(replace(weight, name=start.name(weight.name)) for weight in outcome.weights)
    outcome = replace(outcome, weights=weights)
    if options.json:
        print(json_text(outcome), end="", flush=True)
    else:
        _table(outcome, said=options.activation is not None)
    return 0 if outcome.agrees else 1


def _drawn(options: Namespace, seed: int) -> Checkpoint:
    from verify.models.checkpoint import Checkpoint
    from verify.models.problem import Model
    from verify.report.lab import TINY, Lab
    from verify.training.dynamics import starts

    biases = (options.bias in ("conv", "both"), options.bias in ("readout", "both"))
    model = Model(
        options.activation or "identity", options.channels or 1, options.taps or 3, *biases
    )
    start = starts(Lab(TINY, seed), model, 1)
    b, c = (
        bias if there else None for bias, there in zip((start.b[0], start.c), biases, strict=True)
    )
    return Checkpoint(start.w[0], start.a[0], b, c, {})


def _read(options: Namespace, parser: Parser) -> Checkpoint:
    from verify.models.checkpoint import read
    from verify.models.tensors import CheckpointError

    for name in ("seed", "bias"):
        if getattr(options, name) is not None:
            parser.error(
                f"--{name} draws initial weights and --init reads them: give one of the two"
            )
    try:
        checkpoint = read(options.init, key=options.key)
    except CheckpointError as error:
        parser.error(f"{options.init}: {error}")
    if checkpoint.folded:
        parser.error(f"{options.init}: {checkpoint.folded[0]}; such a network trains otherwise")
    channels, taps = checkpoint.w.shape
    for name, actual in (("channels", channels), ("taps", taps)):
        wanted = getattr(options, name)
        if wanted is not None and wanted != actual:
            parser.error(f"--{name} {wanted}, but {options.init} has {actual} {name}")
    if channels > 64 or taps > 127:
        parser.error(
            f"{options.init}: {channels} channels of {taps} taps; at most 64 of 127 are trained"
            " here"
        )
    settings = checkpoint.metadata
    if settings.get("pooling", "sum") != "sum":
        parser.error(
            f"{options.init}: its pooling is {settings['pooling'][:40]}: training with sum pooling"
            " is predicted"
        )
    if options.activation is None and "activation" in settings:
        try:
            options.activation = _activation(settings["activation"])
        except ArgumentTypeError as error:
            parser.error(f"{options.init}: {error}")
    return checkpoint


def _next_seed(options: Namespace, step: float) -> str:
    """A seed whose start satisfies the conditions, as far as a start alone decides, where that of
    --seed does not.
    """
    from verify.training.prediction import admitted
    from verify.training.side_by_side import OutsideTheorem

    first = options.seed or 0
    for seed in range(first, first + SEARCHED):
        x = _drawn(options, seed)
        try:
            admitted(x.w, x.a, x.b, x.c, activation=options.activation or "identity", step=step)
        except OutsideTheorem:
            continue
        return f"; --seed {seed} satisfies it" if seed > first else ""
    return ""


def _fixed(value: float) -> str:
    """A weight with nine decimals, or nine digits where it is so large or small that they would not
    do.
    """
    return format(value, ".9f" if value == 0 or 1e-6 <= abs(value) < 1e6 else ".9g")


def _short(value: float) -> str:
    return format(value, ".1e")


def _bound(value: float) -> str:
    """A bound in two digits, rounded up."""
    return _short(float(rounded_up(value, 2)))


Column = tuple[str, str, Callable[[float], str]]
COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "closed form": (
        ("beyond 1st order", "beyond", _short),
        ("its bound", "beyond_bound", _bound),
    ),
    "reduced dynamics": (("rounding", "rounding", _short), ("flow ends", "end", _fixed)),
    "simulated": (),
}
"""What a method has beside prediction, training and their distance: heading, field, format."""


def _table(outcome: Prediction, said: bool) -> None:
    """Print it; ``said``: whether an option or the file names the activation."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    grid.add_column("weight", no_wrap=True)
    columns: list[Column] = [(name, name, _fixed) for name in ("initial", "predicted", "trained")]
    columns += [("difference", "difference", _short), ("bound", "bound", _bound)]
    columns = [*columns, *COLUMNS[outcome.method]]
    columns = [x for x in columns if getattr(outcome.weights[0], x[1]) is not None]
    for name, _, _ in columns:
        grid.add_column(name, justify="right", no_wrap=True)
    for x in outcome.weights:
        place = f"{x.name} {','.join(map(str, x.index))}"
        grid.add_row(place, *(shown(getattr(x, name)) for _, name, shown in columns))
    console.print(grid)
    step, loss, kept = outcome.step, outcome.loss, outcome.kept
    law = f", the end by {outcome.law}" if outcome.law else ""
    lines = [f"method: {outcome.method}{law}; {outcome.optimizer['name']}, {outcome.dtype}"]
    radii = outcome.model["radii"]
    assert isinstance(radii, Mapping)
    assumed = "" if said else ", since no activation was given"
    lines.append(f"activation: {outcome.model['activation']}{assumed}")
    lines.append(
        f"trained on {radii['number']} plateau radii from {radii['first']:g} to {radii['last']:g}, "
        f"{outcome.model['length']} pixels, full batches"
    )
    for each in outcome.conditions:
        holds = "holds" if each.holds else "does not hold"
        lines.append(f"condition {each.name}: {holds}, {each.value:.3g} ({each.text})")
    estimate = " (an estimate)" if outcome.method == "simulated" else ""
    lines.append(
        f"deviations of the taps: {kept['factor']:.9g} times their first, to within"
        f" {_bound(kept['difference'])}, bound {_bound(kept['bound'])}{estimate}"
    )
    lines.append(
        f"{step['steps']} steps of {step['size']:.3g} = {step['fraction']:.4g}/sharpness, "
        f"loss {loss['initial']:.3g} to {loss['final']:.2g}: {_verdict(outcome)}"
    )
    for line in lines:
        console.print(located(line), markup=False, soft_wrap=True)


def _verdict(outcome: Prediction) -> str:
    if not outcome.agrees:
        return "a weight lies outside its bound"
    if outcome.method == "simulated":
        return "every deviation within its bound; the other numbers are simulated, and have none"
    return "every weight within its bound"


if __name__ == "__main__":
    sys.exit(run(PROGRAM, main))
