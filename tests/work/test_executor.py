"""Executors: all give the same outcomes; what was raised is handed over, what was killed is not."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Iterator

import pytest

from verify.work.executor import Outcome, Serial, Task, completed, open_executor

ROOTS = [Task(f"root of {x}", math.sqrt, (x,)) for x in (4.0, -1.0, 9.0)]


@pytest.mark.parametrize("kind", ["serial", "processes", "dask"])
def test_results_and_exceptions_are_handed_over(kind: str) -> None:
    with open_executor(kind, 2) as executor:
        assert executor.jobs == (1 if kind == "serial" else 2)
        outcomes = {outcome.index: outcome for outcome in completed(executor, ROOTS)}
    assert len(outcomes) == 3
    assert outcomes[0] == Outcome(0, 2.0) and outcomes[2] == Outcome(2, 3.0)
    assert isinstance(outcomes[1].error, ValueError)


def _exhausted() -> None:
    raise MemoryError


@pytest.mark.parametrize("kind", ["serial", "processes"])
def test_a_lack_of_memory_passes(kind: str) -> None:
    with pytest.raises(MemoryError), open_executor(kind, 1) as executor:
        list(completed(executor, [Task("", _exhausted)]))


def test_serial_work_is_done_one_by_one() -> None:
    """The first outcome is there before the second task begins."""
    done: list[int] = []
    tasks = (Task(str(k), done.append, (k,)) for k in range(3))
    outcomes: Iterator[Outcome] = completed(Serial(), tasks)
    for k in range(3):
        assert next(outcomes).index == k and done == list(range(k + 1))


def _killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_is_no_verdict() -> None:
    """It blocked every claim that was left, and the run ended with 1."""
    with pytest.raises(ChildProcessError, match="killed"), open_executor("processes", 1) as pool:
        list(completed(pool, [Task("a", _killed), Task("b", _killed)]))


def test_what_was_done_before_a_worker_was_killed_is_handed_over() -> None:
    results = []
    with pytest.raises(ChildProcessError), open_executor("processes", 1) as pool:
        for outcome in completed(pool, [*ROOTS, Task("", _killed)]):
            results.append(outcome.result)
    assert results == [2.0, None, 3.0]


def test_no_more_processes_than_tasks_and_the_environment_is_as_it_was() -> None:
    before = dict(os.environ)
    with open_executor("processes", 8) as pool:
        assert len(list(completed(pool, ROOTS[:2]))) == 2
        assert len(pool._processes) <= 2  # type: ignore[attr-defined]
    assert dict(os.environ) == before
