"""Runs killed with SIGKILL at random moments: the last one ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import json, sys, time
from pathlib import Path

import numpy as np

from verify.work.codec import Codec
from verify.work.executor import Task, completed, open_executor
from verify.work.store import Store

FOLDER = Path(sys.argv[1])

def drawn(number):
    rng = np.random.default_rng(number)
    time.sleep(0.02)
    with (FOLDER / "computed").open("a", encoding="utf-8") as file:
        file.write(f"{number}\\n")
    return number, rng.normal(size=(3, 2))

if __name__ == "__main__":
    said = []
    codec = Codec(tuple[int, np.ndarray])
    tasks = [Task(f"drawn {k}", drawn, (k,), codec) for k in range(30)]
    store = Store(FOLDER / "store", said.append)
    with open_executor(sys.argv[2], 2) as executor:
        results = {o.index: o.result for o in completed(executor, tasks, store)}
    report = {k: (results[k][0], results[k][1].tolist()) for k in range(30)}
    (FOLDER / "report.json").write_text(json.dumps([said, report]))
"""


def _run(folder: Path, command: list[str], after: float | None = None) -> bool:
    """Whether the command ended by itself, before it was killed with all its processes."""
    process = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        cwd=folder,
        start_new_session=True,
    )
    try:
        assert process.wait(timeout=after) == 0
        return True
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)  # which may find that it has just ended
        status = process.wait()
        assert status in (0, -signal.SIGKILL)
        return status == 0


def _resumed(folder: Path, kind: str, moments: int) -> None:
    draw = random.Random(f"{kind} {moments}")
    script = folder / "script.py"
    script.write_text(SCRIPT, "utf-8")
    whole, killed = folder / "whole", folder / "killed"
    for each in (whole, killed):
        each.mkdir()
    start = time.monotonic()
    assert _run(folder, [str(script), str(whole), kind])
    seconds = time.monotonic() - start
    for _ in range(moments):
        _run(folder, [str(script), str(killed), kind], draw.uniform(0, seconds))
    assert _run(folder, [str(script), str(killed), kind])
    assert (killed / "report.json").read_bytes() == (whole / "report.json").read_bytes()
    assert json.loads((killed / "report.json").read_text("utf-8"))[0] == []  # no entry was damaged
    computed = (killed / "computed").read_text("utf-8").split()
    assert sorted(set(computed), key=int) == [str(k) for k in range(30)]
    if kind == "serial":  # a kill costs no more than the task that was under way
        assert len(computed) <= 30 + moments


def test_a_run_that_was_killed_goes_on(tmp_path: Path) -> None:
    _resumed(tmp_path, "serial", 5)


@pytest.mark.slow
def test_a_run_that_was_killed_twenty_times_goes_on(tmp_path: Path) -> None:
    _resumed(tmp_path, "processes", 20)


@pytest.mark.slow
def test_a_training_that_was_killed_goes_on(tmp_path: Path) -> None:
    """The files are the same, byte for byte, as those of an undisturbed run."""
    command = ["-m", "verify.train", "--seeds", "600", "--jobs", "1", "--out"]
    start = time.monotonic()
    assert _run(ROOT, [*command, str(tmp_path / "whole")])
    seconds = time.monotonic() - start
    draw = random.Random("training")
    for _ in range(3):
        _run(ROOT, [*command, str(tmp_path / "killed")], draw.uniform(0, seconds))
    assert _run(ROOT, [*command, str(tmp_path / "killed")])
    whole, killed = (
        {path.name: path.read_bytes() for path in (tmp_path / name).glob("[!.]*")}
        for name in ("whole", "killed")
    )
    assert len(whole) == 602 and killed == whole
