"""Mutation testing: python -m tests.mutation [--only GLOB,...] [--most N] [--jobs N] [--minutes N]

A mutant is a module with one operator, constant or comparison changed (tests/mutation/mutants.py).
The module's own tests run on each, in a process that was forked after the libraries were imported;
its own package is imported there, changed.  Of the modules that judge others all mutants are
judged, of the rest a sample.  Counts are kept in tests/mutation/counts.json after each mutant: what
was judged is not judged again until the module or its tests change.

Exit status: 0 no mutant of those judged survived but equivalent ones, 1 some did, 2 usage or tests
that fail without a mutant, 130 interrupted.
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
import pytest

from tests.mutation.counts import (
    CHECKERS,
    KILLED,
    LATE,
    ROOT,
    SURVIVED,
    Count,
    digest,
    equivalent,
    keep,
    modules,
    own_tests,
    stored,
)
from tests.mutation.imports import name_of, prepare
from tests.mutation.mutants import Mutants

__all__ = ["main"]

LIBRARIES = (
    *("flint", "jinja2", "latex2mathml.converter", "matplotlib.pyplot", "mpmath", "numpy"),
    *("rich", "safetensors", "scipy.integrate", "scipy.optimize", "scipy.special", "sympy"),
    *("torch", "hypothesis.strategies", "tests.conftest"),
)
OPTIONS = (
    *("-q", "-x", "-pno:cacheprovider", "-p_hypothesis_pytestplugin"),
    "-Wignore::pytest.PytestAssertRewriteWarning",
)
"""Of the plugins that are installed one alone: to find them takes as long as many tests."""
SPARE, TIMES, WAITING = 5, 4, 10
"""A mutant may take five seconds more than four times the processor time of the module, and ten
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


class _QuickestFirst:
    """Sorts tests by the seconds that they take without a mutant, and measures these."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = seconds

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self.seconds.get(item.nodeid, 0.0))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration


def _started(
    module: str, text: str, limit: int, seconds: dict[str, float], kept: Any = None
) -> int:
    """The process that runs the tests of a module with this text; its status is that of pytest."""
    if pid := os.fork():
        return pid
    try:
        os.setsid()  # an interrupt is for the command alone
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))  # ends it by SIGKILL
        resource.setrlimit(resource.RLIMIT_DATA, (BYTES, BYTES))
        signal.alarm(WAITING * limit)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        sys.meta_path.insert(0, _Finder(module, text))
        status = pytest.main([*OPTIONS, str(own_tests(module))], [_QuickestFirst(seconds)])
        if kept:
            json.dump(seconds, kept)
            kept.flush()
        os._exit(status)
    finally:
        os._exit(pytest.ExitCode.INTERNAL_ERROR)


def _outcome(status: int) -> str:
    """A mutant that cannot be imported, or that ends the process, is killed."""
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGKILL, signal.SIGALRM):
        return LATE
    return KILLED if status else SURVIVED


def _unchanged(module: str, text: str) -> tuple[int, dict[str, float]]:
    """The processor seconds that a mutant may take, and the seconds of each test.

    Raises
    ------
    ValueError: the tests fail on the unchanged module, or there are none.
    """
    with tempfile.TemporaryFile("w+") as kept:
        _, status, usage = os.wait4(_started(module, text, 600, {}, kept), 0)
        if status:
            raise ValueError(f"{own_tests(module)} fails without a mutant: status {status}")
        kept.seek(0)
        return SPARE + round(TIMES * (usage.ru_utime + usage.ru_stime)), json.load(kept)


Work = tuple[str, int, str, Callable[[], int]]
"""Module, place, change, and what starts its process."""


def _work(names: Sequence[str], most: int, kept: dict[str, Count]) -> Iterator[Work]:
    """The mutants that are still to be judged."""
    for module in names:
        text = (ROOT / module).read_text("utf-8")
        digests = digest(ROOT / module), digest(own_tests(module))
        mutants = Mutants(text, module)
        if module not in kept or kept[module].module != digests[0]:
            kept[module] = Count(*digests, len(mutants))
        elif kept[module].tests != digests[1]:
            kept[module].again(digests[1])
        places = kept[module].open(len(mutants) if module in CHECKERS else min(most, len(mutants)))
        if places:
            prepare(ROOT / module, own_tests(module))
            limit, seconds = _unchanged(module, text)
        for place in places:
            changed, change = mutants[place]
            yield module, place, change, partial(_started, module, changed, limit, seconds)


def _judge(work: Iterator[Work], jobs: int, end: float, kept: dict[str, Count]) -> None:
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
    add("--most", type=int, default=20, metavar="N", help="of a module (default: %(default)s)")
    add("--jobs", type=int, default=os.cpu_count(), metavar="N", help="default: %(default)s")
    add("--minutes", type=float, default=115, metavar="N", help="default: %(default)s")
    options = parser.parse_args(arguments)
    globs = options.only.split(",")
    names = [name for name in modules() if any(fnmatch(name, glob) for glob in globs)]
    if not names:
        parser.error(f"no module is called {options.only}")
    os.environ |= {"HYPOTHESIS_PROFILE": "mutants", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # nobody reads what shrinks
    hypothesis.settings.register_profile(
        "mutants", max_examples=60, deadline=None, derandomize=True, phases=phases
    )
    for name in LIBRARIES:
        importlib.import_module(name)
    kept, end = stored(), time.monotonic() + 60 * options.minutes
    try:
        _judge(_work(names, options.most, kept), options.jobs, end, kept)
    except ValueError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    same = equivalent()
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
