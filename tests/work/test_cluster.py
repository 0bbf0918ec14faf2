"""Dask: a real scheduler and two worker processes on loopback, some of them killed."""

from __future__ import annotations

import math
import os
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from verify import train
from verify.work import cluster
from verify.work.codec import Codec
from verify.work.executor import ExecutorError, Serial, Task, completed, environment, open_executor
from verify.work.store import Store


@pytest.fixture(scope="module")
def workers() -> Iterator[Any]:
    """A scheduler of its own, with two worker processes."""
    from distributed import LocalCluster

    with (
        environment(),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as local,
    ):
        yield local


def _pids(local: Any) -> list[int]:
    from distributed import Client

    with Client(local) as client:
        return list(client.run(os.getpid).values())


def test_outcomes_are_those_of_this_process(workers: Any) -> None:
    tasks = [Task(str(x), math.sqrt, (x,)) for x in (4.0, -1.0, 9.0, math.inf)]
    here = {outcome.index: outcome for outcome in completed(Serial(), tasks)}
    with open_executor("dask", 1, workers.scheduler_address) as executor:
        there = {outcome.index: outcome for outcome in completed(executor, tasks)}
    assert {k: o.result for k, o in there.items()} == {k: o.result for k, o in here.items()}
    assert isinstance(there[1].error, ValueError) and str(there[1].error) == str(here[1].error)


def _square(number: int) -> int:
    time.sleep(0.03)
    return number**2


def test_a_killed_worker_loses_nothing_and_nothing_counts_twice(
    workers: Any, tmp_path: Path
) -> None:
    said: list[str] = []
    store = Store(tmp_path, said.append)
    tasks = [Task(str(k), _square, (k,), Codec(int)) for k in range(60)]
    victims = _pids(workers)[:1]
    counts: Counter[int] = Counter()
    with open_executor("dask", 1, workers.scheduler_address) as executor:
        for outcome in completed(executor, tasks, store):
            assert outcome.result == outcome.index**2
            counts[outcome.index] += 1
            if len(counts) == 10:
                os.kill(victims.pop(), signal.SIGKILL)
    assert not victims and counts == Counter(range(60))
    assert [o.kept is not None for o in completed(Serial(), tasks, store)] == [True] * 60
    assert said == []


def _fatal() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_task_that_kills_its_workers_is_no_outcome() -> None:
    """With workers of its own: one that is killed while it starts does not come back."""
    with (
        pytest.raises(ChildProcessError, match=r"ended each worker|no worker is left"),
        open_executor("dask", 1) as executor,
    ):
        list(completed(executor, [Task("", _fatal)]))


def test_a_worker_with_other_code_is_refused(workers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "code_digest", lambda: "0" * 64)
    with (
        pytest.raises(ExecutorError, match=r"the worker at tcp://.*: its code, or a library, is"),
        open_executor("dask", 1, workers.scheduler_address),
    ):
        pass


def test_a_worker_in_another_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = cluster._refusal.__wrapped__
    for name, value in cluster.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    assert refusal(cluster.code_digest()) == ""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("PYTHONHASHSEED")
    assert refusal("") == "it was not started with OMP_NUM_THREADS=1 PYTHONHASHSEED=6640"


def test_tasks_of_one_process_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch's random numbers belong to the whole process."""
    monkeypatch.setattr(cluster, "_refusal", lambda code: "")
    under_way: list[int] = []

    def task() -> int:
        under_way.append(1)
        time.sleep(0.01)
        most = len(under_way)
        under_way.pop()
        return most

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: cluster._run("", task), range(8))) == {1}


def test_a_worker_that_joined_later_is_no_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_refusal", lambda code: "its code is of another version")
    with pytest.raises(ChildProcessError, match="a worker: its code is of another version"):
        cluster._run("", list)


def test_what_is_no_scheduler_is_refused(workers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "WAIT", 0.5)
    with socket.socket() as silent, socket.socket() as closed:
        for each in (silent, closed):
            each.bind(("127.0.0.1", 0))
        silent.listen()
        addresses = {
            f"tcp://127.0.0.1:{silent.getsockname()[1]}": "no scheduler answers at tcp://127",
            f"tcp://127.0.0.1:{closed.getsockname()[1]}": "no scheduler answers at tcp://127",
            workers.workers[0].address: "is no scheduler but a Nanny",
            "tls://127.0.0.1:8786": "tls:// needs certificates",
            "127.0.0.1:8786": "a scheduler is tcp://HOST:PORT",
            "inproc://127.0.0.1:8786": "a scheduler is tcp://HOST:PORT",
            "": "a scheduler is tcp://HOST:PORT",
        }
        for address, sentence in addresses.items():
            start = time.monotonic()
            with pytest.raises(ExecutorError, match=sentence), open_executor("dask", 1, address):
                pass
            assert time.monotonic() - start < 5


def test_a_scheduler_without_workers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster

    monkeypatch.setattr(cluster, "WAIT", 0.5)
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as local,
        pytest.raises(ExecutorError, match="has no worker"),
        open_executor("dask", 1, local.scheduler_address),
    ):
        pass


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ExecutorError, match=r"everyweight\[cluster\]"), open_executor("dask", 1):
        pass


@pytest.mark.slow
def test_work_without_workers_is_no_outcome() -> None:
    import dask
    from distributed import LocalCluster

    with (
        environment(),
        dask.config.set({cluster.NO_WORKERS: "1s"}),
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as local,
        pytest.raises(ChildProcessError, match="no worker is left"),
        open_executor("dask", 1, local.scheduler_address) as executor,
    ):
        for _ in completed(executor, [Task(str(k), _square, (k,)) for k in range(100)]):
            local.scale(0)


@pytest.mark.slow
def test_a_lost_scheduler_is_no_outcome() -> None:
    from distributed import LocalCluster

    with environment():
        local = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0")
        with (
            pytest.raises(ChildProcessError, match="scheduler was lost"),
            open_executor("dask", 1, local.scheduler_address) as executor,
        ):
            for _ in completed(executor, [Task(str(k), _square, (k,)) for k in range(100)]):
                local.close()


@pytest.mark.slow
def test_trained_files_are_the_same_and_a_killed_worker_costs_nothing(
    workers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "BLOCK", 2)
    arguments = ["--seeds", "40", "--channels", "2"]
    assert train.main([*arguments, "--out", str(tmp_path / "a"), "--executor", "serial"]) == 0
    put_all, victims = train.put_all, _pids(workers)[:1]

    def killing(files: dict[Path, bytes]) -> None:
        put_all(files)
        if victims:
            os.kill(victims.pop(), signal.SIGKILL)

    monkeypatch.setattr(train, "put_all", killing)
    dask = ["--executor", "dask", "--scheduler", workers.scheduler_address]
    assert train.main([*arguments, "--out", str(tmp_path / "b"), *dask]) == 0
    here, there = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "ab"
    )
    assert len(here) == 42 and here == there and not victims
