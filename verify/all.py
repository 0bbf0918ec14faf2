"""Examine every claim: python -m verify.all

Each claim is held against four kinds of evidence - proof, check, training, control - and the run
ends with a table, report.json and report.html.  Exit status: 0 every claim holds, 1 something does
not (or no claim was examined), 2 usage or an unusable output folder, 3 the output could not be
written or the machine failed, 130 interrupted (the same command goes on from there).
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from theory.claim import order, title_of
from theory.parser import Parser
from theory.process import run
from verify.report.arguments import command_parser, executor_arguments, executor_of, named, whole
from verify.report.lab import PROFILES, Lab
from verify.report.story import parts, selected

if TYPE_CHECKING:
    from verify.work.store import Store

# Nothing here imports torch, matplotlib or sympy: --help and a mistyped option answer at once.

__all__ = ["main"]

PROGRAM = "python -m verify.all"


def _version() -> str:
    try:
        return metadata.version("everyweight")
    except metadata.PackageNotFoundError:
        return "not installed"


def _parser(program: str) -> Parser:
    assert __doc__
    parser = command_parser(program, __doc__)
    add = parser.add_argument
    add("--list", action="store_true", help="print the claims, chapter by chapter, and stop")
    add(
        "--only",
        metavar="ID,...",
        help="examine these claims alone; * ? [..] match many. A chapter names all its claims:"
        " training. shape and disk are claims, too: shape/ and disk/ are the chapters",
    )
    add(
        "--profile",
        choices=tuple(PROFILES),
        default="quick",
        help="quick or full: 50 or 1000 trained networks per setting; smoke: 50, the first"
        " chapter alone, with fewer random cases; huge: 10000, and the training of endings alone"
        " (default: quick)",
    )
    add("--seed", type=whole(0), default=0, help="same seed, same figures (default: 0)")
    executor_arguments(parser)
    add("--json", action="store_true", help="print report.json instead of the table")
    add(
        "--out",
        type=named("folder"),
        default=Path("results"),
        metavar="DIR",
        help="default: %(default)s/",
    )
    add("--fresh", action="store_true", help="examine again what earlier runs have kept")
    add("--debug", action="store_true", help="stop at the first exception, with its traceback")
    add("--version", action="version", version=_version())
    return parser


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """The command line; returns the exit status, or raises SystemExit as argparse does."""
    try:
        parser = _parser(program)
        return _run(parser.parse_args(arguments), parser)
    except KeyboardInterrupt:
        print(f"{program}: interrupted; the same command goes on from here", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace, parser: Parser) -> int:
    profile = PROFILES[options.profile]
    names = tuple(name for _, name in order())
    try:
        for words in (profile.only, options.only):
            names = names if words is None else selected(names, words)
    except ValueError as error:
        limit = f"; --profile {profile.name} is for {profile.only} alone" if profile.only else ""
        parser.error(f"{error}{limit}")
    if options.list:
        print(_listed(names))
        return 0
    with _stoppable():
        if profile.name == "huge":
            return _census(options, parser)
        return _examined(options, parser, names)


def _examined(options: argparse.Namespace, parser: Parser, names: tuple[str, ...]) -> int:
    """Examine the claims, and put the results into the folder and on the terminal."""
    from rich.console import Console

    from verify.models.files import put_all, reason
    from verify.report import report as reports
    from verify.report.progress import Progress
    from verify.report.schedule import Schedule, typical

    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    grows = console.is_terminal and not options.json
    progress = Progress(names, console if grows else Console(stderr=True), rows=grows)
    lab = Lab(PROFILES[options.profile], options.seed)
    seconds = typical(lab.profile, options.out / "report.json")
    schedule = Schedule(names, lab, seconds, progress, options.debug)
    try:
        with executor_of(options, parser) as executor, progress:
            schedule.run(executor, _store(options, parser))
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is done will be printed
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    report = reports.made(_version(), lab, names, schedule.examined)
    if report.unexamined:
        if not options.json:
            reports.table(report, console, shown=progress.shown)
        raise KeyboardInterrupt
    text = reports.as_json(report)
    if options.json:
        print(text, end="", flush=True)
    else:
        reports.table(report, console, shown=progress.shown)
    texts = {"report.json": text, "report.html": reports.html(report)}
    try:
        put_all({options.out / name: each.encode() for name, each in texts.items()})
    except OSError as error:
        parser.error(f"cannot write to {options.out}: {reason(error)}")
    if not options.json:
        console.print(f"{options.out / 'report.html'}", soft_wrap=True)
    return 0 if report.summary["holds"] else 1


def _census(options: argparse.Namespace, parser: Parser) -> int:
    """Train and explain the census block by block; the counts stand in census.json
    at every moment.
    """
    from rich.console import Console
    from rich.progress import Progress

    from verify.models.files import reason
    from verify.pulse.census import census, table

    path, networks = options.out / "census.json", PROFILES[options.profile].networks
    quiet = not sys.stderr.isatty()
    bars = Progress(console=Console(stderr=True), transient=True, disable=quiet)
    blocks = bars.add_task(f"blocks of networks, counted in {path}")

    def done(number: int, total: int) -> None:
        bars.update(blocks, completed=number, total=total)

    store = _store(options, parser)
    with executor_of(options, parser) as executor, bars:
        try:
            counted = census(options.seed, networks, executor, path, store, done=done)
        except OSError as error:
            parser.error(f"cannot write to {options.out}: {reason(error)}")
    if options.json:
        print(path.read_text(encoding="utf-8"), end="")
    else:
        console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
        table(counted, console)
        console.print(PROFILES[options.profile].note)
        console.print(f"{path}", soft_wrap=True)
    return 1 if any(each.strays for each in counted) else 0


def _store(options: argparse.Namespace, parser: Parser) -> Store:
    """The store in the output folder, once it is known that all results can be put there."""
    from verify.models.files import probe, reason
    from verify.work.store import Store

    def notice(text: str) -> None:
        print(f"{parser.prog}: {text}", file=sys.stderr)

    folder: Path = options.out
    try:
        probe(folder, ("report.json", "report.html"))
        folder /= "store"
        return Store(folder, notice, options.fresh)
    except OSError as error:
        parser.error(f"cannot write to {folder}: {reason(error)}")


@contextmanager
def _stoppable() -> Iterator[None]:
    """Inside, SIGTERM does what Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listed(names: tuple[str, ...]) -> str:
    """A block for each chapter: its title and folder, then the id and the title of each claim."""
    width = max(map(len, names), default=0)
    blocks = []
    for part in parts(names):
        lines = [f"{part.title} · {part.name}/" if part.key else part.title]
        for name in part.claims:
            label = f"  {name:{width}}  "
            text = fill(title_of(name), 79 - len(label), break_on_hyphens=False)
            lines.append(label + text.replace("\n", "\n" + " " * len(label)))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


if __name__ == "__main__":
    sys.exit(run(PROGRAM, main))
