"""What the commands share: arguments; one line on stderr and status 2 for what is wrong."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from theory.parser import Parser

if TYPE_CHECKING:
    from verify.work.executor import Workers

__all__ = [
    "command_parser",
    "cores",
    "executor_arguments",
    "executor_of",
    "importing",
    "named",
    "odd",
    "whole",
    "words",
    "working",
]


def command_parser(program: str, text: str, *printed: str) -> Parser:
    """The parser of a command whose module docstring is ``text``: without its first paragraph it is
    the help, which ends with a glossary of what is ``printed``, sections of :func:`words`.
    """
    return Parser(
        prog=program,
        description=text.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        epilog="\n\n".join(map(_glossary, printed)),
    )


@cache
def words() -> dict[str, dict[str, str]]:
    """What the words that commands print mean, by section: docs/glossary.md shows the same."""
    path = Path(__file__).parent / "templates" / "words.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _glossary(section: str) -> str:
    lines = (
        fill(f"{word}: {meaning}", 100, initial_indent="  ", subsequent_indent="      ")
        for word, meaning in words()[section].items()
    )
    return "\n".join((f"{section}:", *lines))


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return min(os.cpu_count() or 1, 61)  # Windows waits for no more processes


def executor_arguments(parser: Parser) -> None:
    """Add ``--jobs``, ``--executor`` and ``--scheduler``."""
    add = parser.add_argument
    add(
        "--jobs",
        type=whole(1),
        default=cores(),
        help="processes, at most one for each core (default: %(default)s)",
    )
    add(
        "--executor",
        choices=("serial", "processes", "dask"),
        default="processes",
        help="what does the work: this process, --jobs processes, or dask.distributed with --jobs"
        " processes or with the workers of --scheduler (default: %(default)s)",
    )
    add("--scheduler", metavar="ADDRESS", help="of dask.distributed: tcp://HOST:PORT")


@contextmanager
def executor_of(options: argparse.Namespace, parser: Parser) -> Iterator[Workers]:
    """The executor that the arguments name; one that cannot be had is refused."""
    from verify.work.executor import ExecutorError, open_executor

    if options.scheduler is not None and options.executor != "dask":
        parser.error("--scheduler needs --executor dask")
    if options.executor == "serial":
        _restart(parser.prog)
    jobs = min(options.jobs, cores())
    if jobs < options.jobs:
        print(f"{parser.prog}: --jobs {options.jobs}: {jobs}, one for each core", file=sys.stderr)
    with ExitStack() as stack:
        try:
            executor = stack.enter_context(open_executor(options.executor, jobs, options.scheduler))
        except ExecutorError as error:
            parser.error(str(error))
        yield executor


def _restart(program: str) -> None:
    """Start a command anew in the environment that makes results the same everywhere, unless that
    is its own.

    A library reads the number of its threads when it is loaded, and Python its hash seed when it
    begins.
    """
    from verify.work.executor import ENVIRONMENT

    spec = sys.modules["__main__"].__spec__
    script = Path(sys.argv[0]).stem
    called = program == f"python -m {spec.name}" if spec else program.split()[0] == script
    if not called or all(os.environ.get(name) == value for name, value in ENVIRONMENT.items()):
        return
    anew, surroundings = [sys.executable, *sys.orig_argv[1:]], {**os.environ, **ENVIRONMENT}
    if hasattr(os, "fork"):
        os.execve(sys.executable, anew, surroundings)
    from subprocess import call

    sys.exit(call(anew, env=surroundings))  # Windows would not wait for what replaces it


@contextmanager
def importing() -> Iterator[None]:
    """Inside, large libraries are imported without looking for garbage: what they make stays as
    long as the process.

    Half of the time that torch needs to begin and to end is a search among its own modules.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def working(text: str) -> Iterator[None]:
    """A line that moves on stderr while something takes long, when that is a terminal; nothing
    otherwise.
    """
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


def named(kind: str) -> Callable[[str], Path]:
    """A reader of the name of a file or a folder; an empty one would be the current folder."""

    def read(text: str) -> Path:
        if not text.strip():
            raise argparse.ArgumentTypeError(f"needs the name of a {kind}")
        return Path(text)

    return read


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """A reader of whole numbers from ``least`` to ``most``, for an argument's ``type``."""
    span = f">= {least}" if most is None else f"from {least} to {most}"

    def read(text: str) -> int:
        # int() alone also takes "1_0" and digits of other scripts; 20 digits are enough for any
        # seed.
        good = text.isascii() and text.isdigit() and len(text) <= 20 and int(text) >= least
        if not good or (most is not None and int(text) > most):
            raise argparse.ArgumentTypeError(f"needs a whole number {span}, not {text[:40]!r}")
        return int(text)

    return read


def odd(most: int) -> Callable[[str], int]:
    """A reader of odd numbers of taps up to ``most``."""

    def read(text: str) -> int:
        value = whole(1, most)(text)
        if value % 2 == 0:
            raise argparse.ArgumentTypeError(f"needs an odd number of taps, not {value}")
        return value

    return read
