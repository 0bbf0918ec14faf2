"""Mutation testing: python -m tests.mutation [--only GLOB,...] [--most N] [--jobs N] [--minutes N]

A mutant is a module with one operator, constant or comparison changed (tests/mutation/mutants.py).
It is judged in a process that was forked after the libraries were imported; the package is imported
there, changed.  Of the modules that judge others all mutants are judged, of the rest a sample of
all, or with --most the first N of each.  Outcomes are kept after each mutant: what was judged is
not judged again until the module or its judges change.

--judge tests   the module's own tests; outcomes in tests/mutation/counts.json
--judge verify  the evidence that verify.all asks for, of the claims that import a module of theory;
                no test is run; outcomes in tests/mutation/evidence.json

Exit status: 0 no mutant survived without a reason, 1 some did, 2 usage or something fails without a
mutant, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from functools import partial
from types import CodeType
from typing import Any

import hypothesis

from tests.mutation.counts import (
    KILLED,
    LATE,
    ROOT,
    STOPPED,
    SURVIVED,
    Count,
    digest,
    reasons,
)
from tests.mutation.imports import name_of, prepare
from tests.mutation.judges import JUDGES, Judge
from tests.mutation.mutants import Mutants

__all__ = ["main"]

LIBRARIES = (
    *("flint", "jinja2", "latex2mathml.converter", "matplotlib.pyplot", "mpmath", "numpy"),
    *("rich", "safetensors", "scipy.integrate", "scipy.optimize", "scipy.special", "sympy"),
    *("torch", "hypothesis.strategies", "tests.conftest"),
)
SPARE, TIMES, WAITING = 5, 4, 10
"""A mutant may take five seconds more than four times the processor time of what judges it, and ten
times as long by the clock.
"""
BYTES = 4 * 2**30


class _Changed(importlib.machinery.SourceFileLoader):
    """Loads a module's file with another text."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self._text.encode(), self.path)  # type: ignore[return-value]


class _Finder(importlib.abc.MetaPathFinder):
    """Finds one module changed."""

    def __init__(self, module: str, text: str) -> None:
        self._path, self._text = str(ROOT / module), text
        self._name = name_of(ROOT / module)

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname != self._name:
            return None
        loader = _Changed(fullname, self._path, self._text)
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


def _ask(judge: Judge, parts: Sequence[str], seconds: dict[str, float]) -> int:
    """What the first part says that notices anything; one that takes too long ends the process."""
    for part in parts:
        began = time.process_time()
        if part in seconds:
            limit = SPARE + round(TIMES * seconds[part])
            until = round(began) + limit
            resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))
            signal.alarm(WAITING * limit)
        if said := judge.ask(part, seconds):
            return said
        seconds[part] = time.process_time() - began
    return 0


def _started(
    judge: Judge,
    module: str,
    text: str,
    parts: Sequence[str],
    seconds: dict[str, float],
    kept: Any = None,
) -> int:
    """The process that judges a module with this text; its status is what is said."""
    if pid := os.fork():
        return pid
    said = 2
    try:
        os.setsid()  # an interrupt is for the command alone
        resource.setrlimit(resource.RLIMIT_DATA, (BYTES, BYTES))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        sys.meta_path.insert(0, _Finder(module, text))
        said = _ask(judge, parts, seconds)
        if kept:
            json.dump(seconds, kept)
            kept.flush()
    finally:
        os._exit(said)


def _outcome(status: int) -> str:
    """What the status of a process says; one that crashes has decided nothing."""
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGALRM):
        return LATE
    return {0: SURVIVED, 1: KILLED}.get(os.waitstatus_to_exitcode(status), STOPPED)


def _measure(
    judge: Judge, module: str, text: str, parts: Sequence[str], seconds: dict[str, float]
) -> None:
    """Measure the seconds of each part, and of each test, without a mutant.

    Raises
    ------
    ValueError: something is noticed in the unchanged module, or there is nothing to ask.
    """
    with tempfile.TemporaryFile("w+") as kept:
        _, status = os.waitpid(_started(judge, module, text, parts, {}, kept), 0)
        if status:
            raise ValueError(f"{', '.join(parts)} without a mutant: status {status}")
        kept.seek(0)
        seconds |= json.load(kept)


Work = tuple[str, int, str, Callable[[], int]]
"""Module, place, change, and what starts its process."""


def _work(
    judge: Judge, names: Sequence[str], most: int | None, kept: dict[str, Count]
) -> Iterator[Work]:
    """The mutants that are still to be judged."""
    seconds, same = dict[str, float](), reasons()
    for module in names:
        text = (ROOT / module).read_text("utf-8")
        mutants = Mutants(text, module)
        wanted = judge.store.drawn(module, len(mutants)) if most is None else most
        wanted = len(mutants) if module in judge.whole else min(wanted, len(mutants))
        if not wanted:
            continue
        parts = judge.parts(module)
        files = [judge.file(part) for part in parts]
        digests = digest(ROOT / module), digest(*files)
        if module not in kept or kept[module].module != digests[0]:
            kept[module] = Count(*digests, len(mutants))
        elif kept[module].tests != digests[1]:
            kept[module].again(digests[1], {change for name, change in same if name == module})
        places = kept[module].open(wanted)
        if places:
            prepare(ROOT / module, files)
            if new := [part for part in parts if part not in seconds]:
                _measure(judge, module, text, new, seconds)
            parts.sort(key=lambda part: seconds[part])
        for place in places:
            changed, change = mutants[place]
            start = partial(_started, judge, module, changed, tuple(parts), seconds)
            yield module, place, change, start


def _run(
    work: Iterator[Work], jobs: int, end: float, kept: dict[str, Count], keep: Callable[..., None]
) -> None:
    """Judge mutants side by side until the time is over, and keep each outcome."""
    running: dict[int, tuple[str, int, str]] = {}
    try:
        while True:
            item = next(work, None) if time.monotonic() < end else None
            if item:
                module, place, change, start = item
                running[start()] = module, place, change
            if not running:
                return
            if item and len(running) < jobs:
                continue
            pid, status, _ = os.wait4(-1, 0)
            module, place, change = running.pop(pid)
            kept[module].judged(place, _outcome(status), change)
            keep(kept)
            print(f"{module} {place + 1}: {_outcome(status)} {change}", flush=True)
    finally:
        for pid in running:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status, or raises SystemExit as argparse does."""
    assert __doc__
    first, _, more = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser("python -m tests.mutation", description=first, epilog=more)
    add: Callable[..., Any] = parser.add_argument
    add("--only", metavar="GLOB,...", default="*", help="these modules, such as theory/pulse/*")
    add("--judge", choices=tuple(JUDGES), default="tests", help="default: %(default)s")
    add("--most", type=int, metavar="N", help="of each module (default: one sample of all)")
    add("--jobs", type=int, default=os.cpu_count(), metavar="N", help="default: %(default)s")
    add("--minutes", type=float, default=115, metavar="N", help="default: %(default)s")
    options = parser.parse_args(arguments)
    globs, judge = options.only.split(","), JUDGES[options.judge]
    names = [name for name in judge.modules() if any(fnmatch(name, glob) for glob in globs)]
    if not names:
        parser.error(f"no module is called {options.only}")
    os.environ |= {"HYPOTHESIS_PROFILE": "mutants", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # nobody reads what shrinks
    hypothesis.settings.register_profile(
        "mutants", max_examples=60, deadline=None, derandomize=True, phases=phases
    )
    for name in LIBRARIES:
        importlib.import_module(name)
    kept, end = judge.store.read(), time.monotonic() + 60 * options.minutes
    try:
        work = _work(judge, names, options.most, kept)
        _run(work, options.jobs, end, kept, judge.store.write)
    except ValueError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    same = reasons() | (reasons("unseen.csv") if options.judge == "verify" else {})
    alive = [
        f"{name}: {change}"
        for name in names
        if name in kept
        for change in kept[name].survivors.values()
        if (name, change) not in same
    ]
    print(*alive, sep="\n")
    return int(bool(alive))


if __name__ == "__main__":
    sys.exit(main())
