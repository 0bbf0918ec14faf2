"""Examine every claim: python -m verify.all

Each claim is held against four kinds of evidence - proof, check, training, control - and the run
ends with a table, report.json and report.html.  Exit status: 0 every claim holds, 1 something does
not (or no claim was examined), 2 usage or an unusable output folder, 3 the output could not be
written or the machine failed, 130 interrupted (earlier results are kept).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, Protocol

from theory.process import run
from verify.report.arguments import Parser, command_parser, named, whole
from verify.report.story import parts, selected

# Nothing here imports torch, matplotlib or sympy: --help and a mistyped option answer at once.

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from theory.claim import Claim
    from verify.report.judge import Examined
    from verify.report.lab import Lab, Profile
    from verify.report.report import Report

__all__ = ["examine_all", "main"]

PROGRAM = "python -m verify.all"


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _version() -> str:
    try:
        return metadata.version("everyweight")
    except metadata.PackageNotFoundError:
        return "not installed"


def _parser() -> Parser:
    assert __doc__
    parser = command_parser(PROGRAM, __doc__)
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
        choices=("quick", "full"),
        default="quick",
        help="50 or 1000 trained networks per setting (default: quick)",
    )
    add("--seed", type=whole(0), default=0, help="same seed, same figures (default: 0)")
    add(
        "--jobs",
        type=whole(1),
        default=_cores(),
        help="processes, at most one for each core (default: %(default)s)",
    )
    add("--json", action="store_true", help="print report.json instead of the table")
    add(
        "--out",
        type=named("folder"),
        default=Path("results"),
        metavar="DIR",
        help="default: %(default)s/",
    )
    add("--debug", action="store_true", help="stop at the first exception, with its traceback")
    add("--version", action="version", version=_version())
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status, or raises SystemExit as argparse does."""
    try:
        parser = _parser()
        return _run(parser.parse_args(arguments), parser)
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted; earlier results are kept", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace, parser: Parser) -> int:
    from theory.claim import find_claims

    claims = find_claims()
    if options.only is not None:
        try:
            claims = selected(claims, options.only)
        except ValueError as error:
            parser.error(str(error))
    if options.list:
        print(_listed(claims))
        return 0

    from rich.console import Console

    from verify.models.files import probe, put_all
    from verify.report import report as reports
    from verify.report.lab import PROFILES
    from verify.work.executor import open_executor

    try:
        probe(options.out, ("report.json", "report.html"))
    except OSError as error:
        parser.error(f"cannot write to {options.out}: {error.strerror}")
    jobs = min(options.jobs, _cores())
    if jobs < options.jobs:
        print(f"{PROGRAM}: --jobs {options.jobs}: {jobs}, one for each core", file=sys.stderr)
    with _progress() as progress, open_executor("processes", jobs) as executor:
        report = examine_all(
            claims, PROFILES[options.profile], options.seed, executor, progress, options.debug
        )
    text = reports.as_json(report)
    texts = {"report.json": text, "report.html": reports.html(report)}
    try:
        put_all({options.out / name: each.encode() for name, each in texts.items()})
    except OSError as error:
        parser.error(f"cannot write to {options.out}: {error.strerror}")
    if options.json:
        print(text, end="", flush=True)
    else:
        console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
        reports.table(report, console)
        console.print(f"{options.out / 'report.html'}", soft_wrap=True)
    return 0 if report.summary["holds"] else 1


def _listed(claims: tuple[Claim[Any], ...]) -> str:
    """A block for each chapter: its title and folder, then the id and the title of each claim."""
    titles = {claim.id: claim.title for claim in claims}
    width = max(map(len, titles), default=0)
    blocks = []
    for part in parts(titles):
        lines = [f"{part.title} · {part.name}/" if part.key else part.title]
        for name in part.claims:
            label = f"  {name:{width}}  "
            text = fill(titles[name], 79 - len(label), break_on_hyphens=False)
            lines.append(label + text.replace("\n", "\n" + " " * len(label)))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


# ------------------------------------------------------------------------------------------- work


class Progress(Protocol):
    """Told how far a stage is."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


def examine_all(
    claims: tuple[Claim[Any], ...],
    profile: Profile,
    seed: int,
    executor: Executor,
    progress: Progress,
    debug: bool = False,
) -> Report:
    """Train what the claims need, then examine them; the result does not depend on the order.

    Raises
    ------
    Exception: only with ``debug``: what a claim's own code raised.
    """
    from verify.report import judge, report
    from verify.report.lab import Lab
    from verify.work.executor import Task, completed

    lab = Lab(profile, seed)
    problems = _prepare(claims, lab, executor, progress, debug)
    results: dict[int, Examined] = {}
    progress("claims", 0, len(claims))
    tasks = [
        Task(f"claim {claim.id}, {profile}, seed {seed}", judge.examine, (claim.id, lab, debug))
        for claim in claims
    ]
    for outcome in completed(executor, tasks):
        if outcome.error is not None:
            if debug:
                raise outcome.error
            results[outcome.index] = judge.stopped(claims[outcome.index], outcome.error)
        else:
            results[outcome.index] = outcome.result
        progress("claims", len(results), len(claims))
    examined = tuple(results[index] for index in range(len(claims)))
    problems += report.undrawn(claims, examined)
    return report.Report(_version(), seed, profile.name, claims, examined, tuple(problems))


def _prepare(
    claims: tuple[Claim[Any], ...], lab: Lab, executor: Executor, progress: Progress, debug: bool
) -> list[str]:
    """Train every setting that a claim needs; what ``needs`` raises is listed as a problem."""
    from verify.report.judge import evidence_of, one_line

    settings: list[Any] = []
    problems: list[str] = []
    for claim in claims:
        try:
            evidence = evidence_of(claim.id)
        except Exception:  # noqa: BLE001, S112 - it blocks its claim later on
            continue
        try:
            settings += evidence.needs(lab.profile)
        except Exception as error:
            if debug:
                raise
            problems.append(f"{claim.id}: {one_line(error)}")
    if settings:
        progress("training", 0, len(set(settings)))
    lab.prepare(settings, executor, lambda done, total: progress("training", done, total))
    return problems


@contextmanager
def _progress() -> Iterator[Progress]:
    """Bars on stderr when it is a terminal, and silence otherwise."""
    if not sys.stderr.isatty():
        yield lambda stage, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    titles = {"training": "training ensembles", "claims": "claims"}
    layout = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*layout, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(titles[stage], total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show


if __name__ == "__main__":
    sys.exit(run(PROGRAM, main))
