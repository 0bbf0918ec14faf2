"""Independent tasks, run by a :class:`concurrent.futures.Executor`, one of

    serial      in the calling process, each when it is handed over
    processes   spawned single-threaded processes; they end with their parent
    dask        the workers of a dask.distributed scheduler (verify.work.cluster)

A task's result depends on its arguments alone, so the executor decides only how long it takes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from theory.process import end_with_parent

if TYPE_CHECKING:
    from verify.work.codec import Codec
    from verify.work.store import Store

__all__ = [
    "ENVIRONMENT",
    "ExecutorError",
    "Outcome",
    "Serial",
    "Task",
    "Workers",
    "completed",
    "environment",
    "interrupts_held",
    "open_executor",
]

AHEAD = 1000
"""So many tasks are handed over before the first has ended: what bounds memory."""

ENVIRONMENT = MappingProxyType(
    {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "PYTHONHASHSEED": "6640",
    }
)
"""What workers inherit.

One thread per process: they share the cores, and a sum does not depend on their number.  A fixed
hash seed, the one that dask gives its workers: the order of sets, hence of terms in a sum, is the
same in every run.
"""


class ExecutorError(ValueError):
    """An executor cannot be had; the message says why."""


@dataclass(frozen=True)
class Task:
    """A call that depends on nothing but its arguments.

    Attributes
    ----------
    key: names all that determines the result, but for the code: what for, profile, seed.
    function: of a module, so that another process can import it.
    arguments: pickled on their way to another process.
    codec: of the result; without it the result is never kept.
    lasting: whether a result may be kept, where not all may.
    """

    key: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    codec: Codec | None = None
    lasting: Callable[[Any], bool] = lambda result: True


@dataclass(frozen=True)
class Outcome:
    """The end of one task: its place among the tasks, and either its result or what it raised.

    ``kept`` is the date of a result that was there before, and None of one that was computed now.
    """

    index: int
    result: Any = None
    error: Exception | None = None
    kept: str | None = None


def completed(
    executor: Executor, tasks: Iterable[Task | None], store: Store | None = None, ahead: int = AHEAD
) -> Iterator[Outcome]:
    """The outcome of every task, in the order in which they end; results are kept in the store
    first.

    What the store holds is not computed again.  A task is asked for when fewer than ``ahead`` are
    under way; None in its place means that the next one depends on what is under way.  Places are
    counted with these.  An exception is handed over in its outcome; interrupts and a lack of memory
    pass.

    Raises
    ------
    MemoryError: a task has run out of memory.
    ChildProcessError: a process was killed.
    """
    waiting: dict[Future[Any], tuple[int, Task]] = {}
    for index, task in enumerate(tasks):
        if task is None:
            yield from _ended(waiting, store, len(waiting) - 1)
            continue
        kept = store.get(task.key, task.codec) if store and task.codec else None
        if kept:
            result, date = kept
            yield Outcome(index, result, kept=date)
            continue
        waiting[_submitted(executor, task)] = index, task
        # A serial executor has ended the task already.
        yield from _ended(waiting, store, 0 if isinstance(executor, Serial) else ahead - 1)
    yield from _ended(waiting, store, 0)


LOST = BrokenExecutor, ChildProcessError


def _submitted(executor: Executor, task: Task) -> Future[Any]:
    try:
        return executor.submit(task.function, *task.arguments)
    except BrokenExecutor as error:
        refused: Future[Any] = Future()
        refused.set_exception(error)
        return refused


def _ended(
    waiting: dict[Future[Any], tuple[int, Task]], store: Store | None, most: int
) -> Iterator[Outcome]:
    """Outcomes, until no more than ``most`` are waited for; those of a broken executor come last,
    and of those that have ended meanwhile the first task comes first.
    """

    def turn(future: Future[Any]) -> tuple[bool, int]:
        return isinstance(future.exception(), LOST), waiting[future][0]

    while len(waiting) > most:
        done = wait(waiting, return_when=FIRST_COMPLETED).done
        for future in sorted(done, key=turn):
            index, task = waiting.pop(future)
            outcome = _outcome(index, future)
            if store and task.codec and outcome.error is None and task.lasting(outcome.result):
                store.put(task.key, outcome.result, task.codec)
            yield outcome


def _outcome(index: int, future: Future[Any]) -> Outcome:
    raised = future.exception()
    if raised is None:
        return Outcome(index, future.result())
    if isinstance(raised, BrokenExecutor):
        raise ChildProcessError("a worker was killed before its work was done") from raised
    if isinstance(raised, Exception) and not isinstance(raised, (ChildProcessError, MemoryError)):
        return Outcome(index, error=raised)
    raise raised


@contextmanager
def open_executor(kind: str, jobs: int, scheduler: str | None = None) -> Iterator[Workers]:
    """The executor of that kind, with so many processes; what it started ends with the block.

    Dask's is that of the scheduler at an address, if one is given.  Left by an exception, the block
    does not wait for what is running.

    Raises
    ------
    ExecutorError: there is no such executor to be had.
    """
    if kind == "serial":
        yield Serial()
    elif kind == "processes":
        with _processes(jobs) as executor:
            yield executor
    else:
        from verify.work.cluster import open_cluster

        with open_cluster(jobs, scheduler) as executor:
            yield executor


class Workers(Executor):
    """An executor that runs ``jobs`` tasks at a time."""

    jobs: int


class Serial(Workers):
    """Runs a task when it is submitted, in the calling process; what it prints
    stays out of stdout.
    """

    jobs = 1

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The finished future of a call; interrupts pass."""
        future: Future[Any] = Future()
        try:
            with redirect_stdout(sys.stderr):
                future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - handed over in the future
            future.set_exception(error)
        return future


class _Processes(ProcessPoolExecutor, Workers):
    """A pool whose processes ignore interrupts."""

    def __init__(self, jobs: int) -> None:
        context = multiprocessing.get_context("spawn")
        super().__init__(jobs, mp_context=context, initializer=_settle)
        self.jobs = jobs

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        with interrupts_held():
            return super().submit(fn, *args, **kwargs)


@contextmanager
def _processes(jobs: int) -> Iterator[Workers]:
    others = set(multiprocessing.active_children())
    with environment():
        pool = _Processes(jobs)
        try:
            yield pool
        except BaseException:
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def environment() -> Iterator[None]:
    """What processes started here inherit."""
    saved = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in saved.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Processes started here inherit a blocked SIGINT; ours arrives when the block is left.

    Where signals cannot be blocked, as on Windows, workers ignore it once they have begun.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _settle() -> None:
    """In a fresh worker: it ends with its parent, not with an interrupt, and what a library prints
    stays out of stdout.
    """
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)
