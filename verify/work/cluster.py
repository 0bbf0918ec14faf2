"""Tasks on the workers of a :mod:`dask.distributed` scheduler, here or on other machines.

Dask moves, repeats and gathers: a task whose worker dies is run by another one, and each has one
future, so one result.  A worker is asked before its first task whether it has this very code and
the environment that makes results the same everywhere; its tasks take turns, since torch's random
numbers belong to the whole process.

Dask pickles functions, arguments and results between processes that trust each other.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import ExitStack, contextmanager, redirect_stdout
from functools import cache, partial
from typing import Any

from verify.work.executor import ENVIRONMENT, ExecutorError, Workers, environment, interrupts_held
from verify.work.store import code_digest

__all__ = ["open_cluster"]

WAIT = 5
"""Seconds that a scheduler may take to answer, and to have a worker."""
NO_WORKERS = "distributed.scheduler.no-workers-timeout"
"""Dask's setting for how long tasks wait when all workers are gone; those made here do not come
back.
"""
_TURN = threading.Lock()


@contextmanager
def open_cluster(jobs: int, scheduler: str | None = None) -> Iterator[Workers]:
    """An executor of the scheduler at an address, or of one made here with so many processes.

    Raises
    ------
    ExecutorError: dask.distributed is not installed, the scheduler does not answer, or a worker
        would compute something else.
    """
    if scheduler is not None and not re.fullmatch(r"(tcp|tls)://[\w.:\[\]-]+:\d{1,5}", scheduler):
        raise ExecutorError(f"a scheduler is tcp://HOST:PORT or tls://HOST:PORT, not {scheduler!r}")
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ExecutorError("dask.distributed is missing: install everyweight[cluster]") from error
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with ExitStack() as stack:
        stack.enter_context(environment())
        with interrupts_held():
            if scheduler is None:
                stack.enter_context(dask.config.set({NO_WORKERS: "30s"}))
                place: Any = stack.enter_context(
                    LocalCluster(
                        n_workers=jobs,
                        threads_per_worker=1,
                        host="127.0.0.1",
                        dashboard_address="127.0.0.1:0",
                        memory_limit=0,
                        silence_logs=logging.CRITICAL,
                    )
                )
            else:
                place = _answering(scheduler)
            client = stack.enter_context(Client(place))
        try:
            client.wait_for_workers(1, timeout=WAIT)
        except TimeoutError as error:
            raise ExecutorError(f"the scheduler at {scheduler} has no worker") from error
        code = code_digest()
        answers = client.run(_refusal, code, on_error="return")
        for address, answer in answers.items():
            if answer:
                raise ExecutorError(f"the worker at {address}: {answer}")
        yield _Cluster(client.get_executor(pure=False), code, len(answers))


def _answering(address: str) -> str:
    """The address, once a scheduler has answered there."""
    from distributed import rpc
    from distributed.security import Security

    arguments = Security().get_connection_args("client")
    if address.startswith("tls:") and arguments.get("ssl_context") is None:
        raise ExecutorError("tls:// needs certificates: distributed.comm.tls in dask's settings")

    async def kind() -> Any:
        async with asyncio.timeout(WAIT), rpc(address, connection_args=arguments) as remote:
            return (await remote.identity())["type"]

    try:
        answer = asyncio.run(kind())
    except Exception as error:
        raise ExecutorError(f"no scheduler answers at {address}") from error
    if answer != "Scheduler":
        raise ExecutorError(f"what answers at {address} is no scheduler but a {answer}")
    return address


class _Cluster(Workers):
    """Dask's executor, with what it loses told as a ChildProcessError."""

    def __init__(self, executor: Executor, code: str, jobs: int) -> None:
        self._executor = executor
        self._code = code
        self.jobs = jobs

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        task = partial(fn, *args, **kwargs)
        inner = self._executor.submit(_run, self._code, task)
        inner.add_done_callback(partial(_hand_over, future))
        return future


def _hand_over(future: Future[Any], inner: Future[Any]) -> None:
    from distributed import KilledWorker
    from distributed.scheduler import NoWorkerError

    try:
        future.set_result(inner.result())
    except CancelledError:
        future.set_exception(ChildProcessError("the scheduler was lost before its work was done"))
    except KilledWorker:
        future.set_exception(ChildProcessError("a task has ended each worker that it was given to"))
    except NoWorkerError:
        future.set_exception(ChildProcessError("no worker is left"))
    except BaseException as error:  # noqa: BLE001 - handed over in the future
        future.set_exception(error)


@cache
def _refusal(code: str) -> str:
    """Why this process may not run tasks of that code; empty when it may."""
    wanted = ENVIRONMENT.items()
    missing = [f"{name}={value}" for name, value in wanted if os.environ.get(name) != value]
    if missing:
        return f"it was not started with {' '.join(missing)}"
    return "" if code_digest() == code else "its code, or a library, is of another version"


def _run(code: str, task: Callable[[], Any]) -> Any:
    with _TURN, redirect_stdout(sys.stderr):
        if refusal := _refusal(code):
            raise ChildProcessError(f"a worker: {refusal}")
        return task()
