"""Train networks and keep them: python -m verify.train --out DIR

Trains --seeds networks (Conv1d, activation, sum, Linear; float64) from random starts to the end of
their training, by second-order steps, and writes each as a safetensors file with its loss and, for
positively homogeneous activations, how it ended. One that runs out of steps first is kept, too, and
has not converged. DIR/table.csv lists them.

Blocks of networks are trained by --jobs processes, or by the workers of a dask.distributed
scheduler; the files are the same. Interrupted or killed, it loses nothing that was written: the
same command goes on where it stopped. Files are put in place in one step each, and none is ever
written over.

Exit status: 0 all networks are there, 2 usage, or a folder that holds another run or cannot be
written, 3 the output could not be written or the machine failed, 130 interrupted.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from theory.parser import Parser
from theory.process import run
from verify.models.files import document, put, put_all, reason
from verify.report.arguments import (
    command_parser,
    executor_arguments,
    executor_of,
    importing,
    named,
    odd,
    whole,
)

if TYPE_CHECKING:
    from verify.models.problem import Ensemble, Setting

__all__ = ["COLUMNS", "block", "main"]

PROGRAM = "python -m verify.train"
BLOCK = 200
"""At most so many networks are trained together: one task."""
COLUMNS = ("file", "number", "loss", "worst", "kind", "converged")
"""The columns of table.csv: worst is the largest error over all real radii of the training range,
where it is known exactly.
"""


def _parser(program: str) -> Parser:
    assert __doc__
    parser = command_parser(program, __doc__, "endings")
    add = parser.add_argument
    add(
        "--activation",
        default="relu",
        metavar="NAME",
        help="a name, nn.LeakyReLU(0.2), or an expression in x (default: %(default)s)",
    )
    add("--activation-args", metavar="ARGS", help="its parameters: 0.2, or beta=5")
    add("--channels", type=whole(1, 16), default=1, metavar="K", help="1 to 16 (default: 1)")
    add("--taps", type=odd(63), default=3, metavar="N", help="odd, 1 to 63 (default: 3)")
    add("--seeds", type=whole(1, 10**6), default=20, help="how many networks (default: 20)")
    add("--seed", type=whole(0, 2**32 - 1), default=0, help="of the whole run (default: 0)")
    add(
        "--out", type=named("folder"), required=True, metavar="DIR", help="the folder for the files"
    )
    executor_arguments(parser)
    add("--json", action="store_true", help="print the table as JSON instead of a summary")
    return parser


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """The command line; returns the exit status, or raises SystemExit as argparse does."""
    parser = _parser(program)
    options = parser.parse_args(arguments)
    try:
        rows = _trained(options, parser)
    except KeyboardInterrupt:
        print(f"{program}: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except OSError as error:
        if error.errno is None:  # of a library that cannot be loaded, not of the folder
            raise
        parser.error(f"{options.out}: {reason(error)}")
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        counts = Counter(row["kind"] or "not classified" for row in rows)
        kinds = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
        ended = sum(row["converged"] == "true" for row in rows)
        left = f"; {ended or 'none'} converged" if ended < len(rows) else ""
        print(f"{len(rows)} networks in {options.out}: {kinds}{left}")
    return 0


def _trained(options: Namespace, parser: Parser) -> list[dict[str, Any]]:
    """Train what is missing in the folder; the rows of its table."""
    with importing():
        from verify.models.problem import Setting
        from verify.models.setup import activation_of

    told = {"activation": options.activation, "activation_args": options.activation_args or ""}
    try:
        name = activation_of(told).name
    except ValueError as error:
        parser.error(str(error))
    setting = Setting(name, options.channels, options.taps)
    _check_folder(options, setting, parser)
    kept = {path.name for path in options.out.iterdir()} if options.out.exists() else set()
    missing = [j for j in range(options.seeds) if _file(options.out, j).name not in kept]
    if missing:
        _train(options, setting, missing, parser)
    rows = [_row(options.out, j) for j in range(options.seeds)]
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    put(options.out / "table.csv", text.getvalue().encode())
    return rows


def _train(options: Namespace, setting: Setting, missing: Sequence[int], parser: Parser) -> None:
    """Train these networks, and put each block's files into the folder when it has ended."""
    from verify.work.executor import Task, completed

    present = options.seeds - len(missing)
    with executor_of(options, parser) as executor, _progress(options.seeds, present) as advance:
        size = min(BLOCK, -(-len(missing) // executor.jobs))
        blocks = [missing[begin : begin + size] for begin in range(0, len(missing), size)]
        tasks = (
            Task(
                f"{setting}, seed {options.seed}, {numbers}",
                block,
                (setting, options.seed, numbers),
            )
            for numbers in blocks
        )
        _claim_folder(options, setting)
        for outcome in completed(executor, tasks):
            if outcome.error is not None:
                raise outcome.error
            numbers = blocks[outcome.index]
            files = (_file(options.out, number) for number in numbers)
            put_all(dict(zip(files, outcome.result, strict=True)))
            advance(len(numbers))


def _file(folder: Path, number: int) -> Path:
    return folder / f"net-{number:05d}.safetensors"


def _run_of(options: Namespace, setting: Setting) -> dict[str, Any]:
    shape = {"activation": setting.activation, "channels": setting.channels, "taps": setting.taps}
    return {**shape, "seed": options.seed}


def _check_folder(options: Namespace, setting: Setting, parser: Parser) -> None:
    """See that the folder is new or empty, or holds this very run; --seeds may differ."""
    if not options.out.exists():
        return
    if not options.out.is_dir():
        parser.error(f"{options.out}: it is a file, and --out names the folder for the networks")
    path = options.out / "run.json"
    if not path.exists():
        if not all(path.name.startswith(".unfinished-") for path in options.out.iterdir()):
            parser.error(f"{options.out}: the folder is not empty, and holds no run")
        return
    try:
        kept = document(path, 2**20)
    except ValueError:
        kept = None
    if kept != _run_of(options, setting):
        parser.error(f"{options.out}: the folder holds another run")


def _claim_folder(options: Namespace, setting: Setting) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "run.json"
    if not path.exists():
        put(path, json.dumps(_run_of(options, setting), indent=2).encode())


def block(setting: Setting, seed: int, numbers: Sequence[int]) -> tuple[bytes, ...]:
    """The files of these networks, trained from their starts: a task for any process."""
    import torch

    from verify.models.problem import starts
    from verify.optimise.ensemble import train_from

    torch.set_num_threads(1)  # small networks: more threads only wait for each other
    ensemble = train_from(setting, starts(setting, numbers, seed))
    return tuple(_encoded(setting, seed, ensemble, numbers))


def _encoded(
    setting: Setting, seed: int, ensemble: Ensemble, numbers: Sequence[int]
) -> Iterator[bytes]:
    from theory.expressions.spelling import spelled
    from verify.models.checkpoint import encoded
    from verify.pulse.certified import checkpoint_of
    from verify.pulse.classify import classify

    homogeneous = spelled(setting.activation).homogeneous
    kinds = [ending.kind for ending in classify(ensemble)] if homogeneous else [""] * len(numbers)
    for place, number in enumerate(numbers):
        worst = _worst(setting, ensemble, place)
        checkpoint = checkpoint_of(setting, ensemble.weights, place)
        metadata = {
            **checkpoint.metadata,
            "seed": str(seed),
            "number": str(number),
            "loss": repr(float(ensemble.loss[place])),
            "worst": "" if worst is None else repr(worst),
            "kind": kinds[place],
            "converged": str(bool(ensemble.stationary[place])).lower(),
        }
        yield encoded(replace(checkpoint, metadata=metadata))


def _worst(setting: Setting, ensemble: Ensemble, place: int) -> float | None:
    """sup |r̂ - r| over all real radii of the training range as a float, or None where it is not
    known exactly.
    """
    from numerics.arithmetic.numbers import to_float
    from numerics.pulse.exact_error import summary
    from verify.pulse.certified import certified_net, plateau

    try:
        net = certified_net(setting, ensemble.weights, place)
    except ValueError:
        return None
    return to_float(summary(net, plateau(setting)).worst.high)


def _row(folder: Path, number: int) -> dict[str, Any]:
    from safetensors import SafetensorError, safe_open

    path = _file(folder, number)
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise OSError(0, f"{path.name} is damaged; remove it, and it is trained again") from error
    return {"file": path.name, **{name: metadata.get(name, "") for name in COLUMNS[1:]}}


class _progress:
    """A bar on a terminal, nothing in a pipe."""

    def __init__(self, total: int, done: int) -> None:
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        self.bar = Progress(
            TextColumn("training"),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task("training", total=total, completed=done)

    def __enter__(self) -> Any:
        self.bar.start()
        return lambda count: self.bar.advance(self.task, count)

    def __exit__(self, *_: object) -> None:
        self.bar.stop()


if __name__ == "__main__":
    sys.exit(run(PROGRAM, main))
