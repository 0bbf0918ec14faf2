"""Changed inputs for every reader: python -m tests.fuzz [READER …] [--cases N] [--seed S]

A reader gives a value or raises its documented error, one sentence, within seconds of the processor
and a bounded memory. It opens no file to write and starts nothing. What is changed in a case
depends on the reader's name, the seed and its number alone: --number repeats it.

With --record the counts are added to tests/fuzz/record.json, under their seed.

Exit status: 0 all held, 1 one did not (it is printed), 2 usage.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fuzz.readers import READERS, SCRATCH, Reader, Refusal
from theory.process import system_module

__all__ = ["RECORD", "Fault", "main", "tried"]

RECORD = Path(__file__).parent / "record.json"
"""The runs: reader, seed, cases, seconds, date."""
MOST = 2**30
"""Bytes beyond those that are taken before the first case."""
STARTS = frozenset(
    {
        *(
            "os.exec",
            "os.fork",
            "os.posix_spawn",
            "os.system",
            "subprocess.Popen",
            "pickle.find_class",
        ),
        *("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate"),
        *("socket.connect", "socket.bind", "webbrowser.open"),
    }
)
"""What no reader does, as Python's audit events name it."""


class Fault(Exception):
    """What a reader must not do."""


class _TooLong(BaseException):
    """The time of a case is over; no reader catches it."""


class _Watch:
    """What is done while a reader runs: the events of :data:`STARTS`, and files opened to write."""

    events: list[str] | None = None

    @classmethod
    def hear(cls, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook, for the whole process."""
        if cls.events is None:
            return
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 3
        own = writes and str(arguments[0]).startswith(str(SCRATCH))
        if event in STARTS or (writes and not own):
            cls.events.append(f"{event} {arguments[0]!r:.60}")


sys.addaudithook(_Watch.hear)


def _late(*_: object) -> None:
    raise _TooLong


@contextmanager
def _bounded() -> Iterator[None]:
    """The memory of this process has a limit, where the system knows one."""
    resource, statm = system_module("resource"), Path("/proc/self/statm")
    if resource is None or not statm.exists():
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(statm.read_text(encoding="utf-8").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (taken + MOST, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def tried(reader: Reader, data: bytes) -> bool:
    """Whether the reader takes the input; else it has raised a documented error.

    Raises
    ------
    Fault: it did something else; the message says what.
    """
    _Watch.events = events = []
    signal.setitimer(signal.ITIMER_PROF, reader.seconds)
    try:
        reader.read(data)
        taken = True
    except _TooLong:
        raise Fault(f"no answer within {reader.seconds} s") from None
    except Exception as error:
        if not isinstance(error, reader.refusals):
            raise Fault(f"{type(error).__name__}: {error}"[:500]) from error
        message, taken = str(error), False
        if not message or "\n" in message:
            raise Fault(f"no sentence: {message!r:.300}") from error
    except SystemExit as end:
        raise Fault(f"exit with status {end.code}") from end
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        _Watch.events = None
    if events:
        raise Fault(f"it did {events[0]}")
    return taken


def _case(name: str, seeds: Sequence[bytes], seed: int, number: int) -> bytes:
    """The input of this number."""
    rng = random.Random(f"{name} {seed} {number}")
    first = rng.choice(seeds)
    if rng.random() < 0.02:  # two inputs, cut and joined
        second = rng.choice(seeds)
        return first[: rng.randrange(len(first) + 1)] + second[rng.randrange(len(second) + 1) :]
    return READERS[name].change(first, rng)


def _run(name: str, cases: range, seed: int) -> tuple[int, float]:
    """How many of these cases are taken, and the seconds of the processor."""
    reader, begin, taken = READERS[name], time.process_time(), 0
    seeds = reader.seeds()
    for whole in seeds:
        _warm(reader, whole)
    with _bounded():
        for number in cases:
            data = _case(name, seeds, seed, number)
            try:
                taken += tried(reader, data)
            except Fault as fault:
                raise Fault(
                    f"{name}, --seed {seed} --number {number}: {fault}\n{data!r}"
                ) from fault
            if number % 256 == 0 and sys.stderr.isatty():
                print(f"\r{name}: {number:,} of {cases.stop:,}\x1b[K", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    return taken, time.process_time() - begin


def _warm(reader: Reader, whole: bytes) -> None:
    """What is imported at the first use is imported before anything is counted."""
    try:
        reader.read(whole)
    except (*reader.refusals, Refusal):
        pass


def _record(name: str, seed: int, cases: int, seconds: float) -> None:
    runs = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else []
    run = {
        "reader": name,
        "seed": seed,
        "cases": cases,
        "seconds": round(seconds),
        "date": datetime.date.today().isoformat(),
    }
    runs = [old for old in runs if (old["reader"], old["seed"]) != (name, seed)] + [run]
    lines = ",\n".join(json.dumps(run) for run in sorted(runs, key=lambda x: list(x.values())[:2]))
    RECORD.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the readers, print a line for each; the exit status."""
    assert __doc__
    first, _, text = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        "python -m tests.fuzz",
        description=first,
        epilog=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"of {', '.join(READERS)}")
    parser.add_argument("--cases", type=int, default=10_000, metavar="N", help="of all readers")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="default: 0")
    parser.add_argument("--number", type=int, metavar="N", help="this case of one reader alone")
    parser.add_argument("--record", action="store_true", help=f"add the counts to {RECORD.name}")
    options = parser.parse_args(arguments)
    names = options.readers or list(READERS)
    if unknown := [name for name in names if name not in READERS]:
        parser.error(f"no reader is called {unknown[0]!r}")
    signal.signal(signal.SIGPROF, _late)
    warnings.simplefilter("error")
    shares = sum(READERS[name].share for name in names)
    failed = 0
    for name in names:
        cases = range(options.cases * READERS[name].share // shares)
        if options.number is not None:
            cases = range(options.number, options.number + 1)
        try:
            taken, seconds = _run(name, cases, options.seed)
        except Fault as fault:
            print(f"FAULT {fault}", flush=True)
            failed = 1
            continue
        print(f"{name:17} {len(cases):9,} cases  {taken:9,} taken  {seconds:6.0f} s", flush=True)
        if options.record:
            _record(name, options.seed, len(cases), seconds)
    return failed


if __name__ == "__main__":
    sys.exit(main())
