"""How every command ends: what it printed has arrived or its status says so, and nothing outlives
it.

An output that failed was a verdict: print raised inside a command, and its status 1, or Python's
own 120 at exit, read as "not explained" or "rejected".  Siblings found: rich ends a broken pipe
with 1, print(file=None) moves errors to standard output, argparse swallows them, a lack of memory
blocked a claim, any crash was 1.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import fmpq
from safetensors.numpy import save_file

from numerics.certificates.certificate import certificate
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import exact_net
from theory.process import FAILED, run

ROOT = Path(__file__).parent.parent
COMMANDS = {
    "all": ["-m", "verify.all", "--list"],
    "all --only": ["-m", "verify.all", "--only", "signal", "--jobs", "1", "--out", "out"],
    "network": ["-m", "verify.network", "net.safetensors"],
    "network --json": ["-m", "verify.network", "net.safetensors", "--json"],
    "train": ["-m", "verify.train", "--out", "nets", "--seeds", "1"],
    "predict": ["-m", "verify.predict", "--step", "0.5"],
    "certificate": ["-m", "verify.certificate", "certificate.json"],
    "checker": [str(ROOT / "numerics" / "certificates" / "checker.py"), "certificate.json"],
    "shape": ["-m", "theory.shape", "abs(z)"],
    "shape --json": ["-m", "theory.shape", "--json", "z"],
    "benchmarks": ["-m", "benchmarks", "--help"],
}
"""Each ends with 0 and prints something where its streams are whole."""
WRONG = {
    "all": ["-m", "verify.all", "--only", "nothing"],
    "network": ["-m", "verify.network", "absent"],
    "train": ["-m", "verify.train", "--out", "net.safetensors/below"],
    "predict": ["-m", "verify.predict", "--init", "absent"],
    "certificate": ["-m", "verify.certificate", "absent"],
    "checker": [str(ROOT / "numerics" / "certificates" / "checker.py"), "absent"],
    "shape": ["-m", "theory.shape", "y"],
    "benchmarks": ["-m", "benchmarks", "--only", "z"],
}
"""Each ends with 2 and a line on standard error."""

HEAVY = {"all --only", "network --json", "train", "predict", "shape --json", "benchmarks"}
"""These train networks, or repeat what others show; with all streams they take long."""
LIGHT = {"certificate", "checker"}
"""These start at once: all streams; the others in between meet each fault on one stream."""


def _rows(commands: dict[str, list[str]], streams: Sequence[str], few: set[str]) -> list[Any]:
    """Every command with every arrangement of its streams: slow where a heavy command meets the
    last, thorough where a row repeats what others show.
    """

    def marks(name: str, each: str) -> Any:
        if name in HEAVY:
            return pytest.mark.slow if each == streams[-1] else pytest.mark.thorough
        return () if name in LIGHT or each in few else pytest.mark.thorough

    return [
        pytest.param(name, each, marks=marks(name, each)) for name in commands for each in streams
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An explained network and an accepted certificate."""
    found = tmp_path_factory.mktemp("commands")
    exact = {
        "conv.weight": np.array([[[0.5, 0.25, 0.125]]]),
        "conv.bias": np.array([0.125]),
        "readout.weight": np.array([[4 / 7]]),
        "readout.bias": np.array([-9 * 0.125 * 4 / 7]),
    }
    save_file(exact, found / "net.safetensors", {"activation": "relu", "length": "9"})
    net = exact_net("relu", [[0.1, 0.7, -0.2]], [0.05], [0.9], -0.1)
    document = certificate(net, Domain(8, fmpq(1, 2), fmpq(6)))
    (found / "certificate.json").write_text(json.dumps(document), "utf-8")
    return found


def ended(folder: Path, arguments: list[str], streams: str) -> tuple[int, str, str]:
    """Status, standard output and error of a command whose streams the shell has arranged so."""
    out = subprocess.PIPE
    if streams == "| true":  # which has ended before the command begins
        end, out = os.pipe()
        os.close(end)
        streams = ""
    done = subprocess.run(
        ["sh", "-c", f'"$0" "$@" {streams}', sys.executable, *arguments],
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        cwd=folder,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    if out != subprocess.PIPE:
        os.close(out)
    return done.returncode, done.stdout or "", done.stderr


@pytest.mark.parametrize(
    ("name", "streams"),
    _rows(COMMANDS, ("", ">&-", ">/dev/full", "| true", "2>&-", "2>/dev/full"), {"", ">/dev/full"}),
)
def test_a_failed_output_is_no_verdict(folder: Path, name: str, streams: str) -> None:
    """3 and one line where the output is lost; where standard error is, nothing was lost."""
    status, out, err = ended(folder, COMMANDS[name], streams)
    if streams in ("", "2>&-", "2>/dev/full"):
        assert (status, err) == (0, "") and out
    else:
        assert (status, out, err.count("\n")) == (FAILED, "", 1)
        assert "output could not be written: " in err


@pytest.mark.parametrize(
    ("name", "streams"),
    _rows(WRONG, ("", ">&-", ">/dev/full", "2>&-", "2>/dev/full"), {"2>/dev/full"}),
)
def test_an_error_that_is_lost_is_said_on_the_other_stream(
    folder: Path, name: str, streams: str
) -> None:
    status, out, err = ended(folder, WRONG[name], streams)
    lost = streams.startswith("2")
    assert status == (FAILED if lost else 2)
    assert bool(err) is not lost and out.count("\n") == lost
    assert " could not be written: " in out or not lost


@pytest.mark.parametrize(
    ("name", "streams"),
    _rows({k: x for k, x in COMMANDS.items() if k not in HEAVY}, (">&- 2>&- <&-",), set()),
)
def test_all_streams_lost(folder: Path, name: str, streams: str) -> None:
    assert ended(folder, COMMANDS[name], streams)[0] == FAILED


def test_a_rejected_certificate_has_the_same_two_ends(folder: Path) -> None:
    (folder / "bad.json").write_text((folder / "certificate.json").read_text("utf-8")[:-1], "utf-8")
    for start in (COMMANDS["certificate"][:2], COMMANDS["checker"][:1]):
        status, out, err = ended(folder, [*start, "bad.json"], "")
        assert (status, out.startswith("rejected: "), err) == (1, True, "")
        assert ended(folder, [*start, "bad.json"], ">/dev/full")[0] == FAILED


@pytest.mark.parametrize(
    "error", [MemoryError(), OSError(12, "Cannot allocate"), ImportError("no\nmemory")], ids=repr
)
def test_what_the_machine_lacks_is_one_line(
    error: Exception, capfd: pytest.CaptureFixture[str]
) -> None:
    def main() -> int:
        raise error

    assert run("it", main) == FAILED
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("it: ")


def test_a_crash_is_no_verdict_and_shows_where(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("it", lambda: [].pop()) == FAILED
    assert "IndexError" in capfd.readouterr().err


def test_the_status_of_main_is_kept(capfd: pytest.CaptureFixture[str]) -> None:
    def refusing() -> int:
        print("said")
        sys.exit(2)

    assert [run("it", main) for main in (lambda: 0, lambda: 1, lambda: 2)] == [0, 1, 2]
    assert run("it", refusing) == 2
    assert capfd.readouterr() == ("said\n", "")


# --- what a command has started -----------------------------------------------------------------

TREE = """
import signal, sys, time
from theory.process import run
sys.path.insert(0, {folder!r})
import slow
if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored
    sys.exit(run("it", slow.{main}))
"""
WORK = """
import time
from pathlib import Path

MARK = Path(__file__).with_name("working")

def work(*_):
    while True:
        MARK.touch()
        time.sleep(0.02)

def pool():
    from verify.work.executor import Task, completed, open_executor
    with open_executor("processes", 2) as executor:
        return len(list(completed(executor, [Task("a", work), Task("b", work)])))

def shape():
    from theory.shape import command
    command.classify = work
    return command.main(["z"])
"""


@pytest.mark.parametrize("main", ["pool", "shape"])
@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_workers_end_with_their_parent(tmp_path: Path, main: str, number: int) -> None:
    """They waited on a pipe whose other end they held; a sibling: theory.shape's child went on."""
    (tmp_path / "slow.py").write_text(WORK, "utf-8")
    script = tmp_path / "script.py"
    script.write_text(TREE.format(folder=str(tmp_path), main=main), "utf-8")
    mark = tmp_path / "working"
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )

    def works() -> bool:
        mark.unlink(missing_ok=True)
        time.sleep(1)
        return mark.exists()

    try:
        assert _within(120, works)
        parent.send_signal(number)
        assert parent.wait(timeout=60) == -number
        assert _within(60, lambda: not works())
    finally:
        with suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    limit = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < limit:
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_not_the_current_folder(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Path('') is '.': networks went into the current folder.  Siblings: all
    arguments for files.
    """
    monkeypatch.chdir(tmp_path)
    for command, arguments in (
        ("verify.all", ["--out", name]),
        ("verify.train", ["--out", name]),
        ("verify.network", ["net.safetensors", "--out", name]),
        ("verify.network", ["net.safetensors", "--repair", name]),
        ("verify.network", [name]),
        ("verify.predict", ["--init", name]),
        ("verify.certificate", [name]),
        ("theory.shape.command", ["z", "--plot", name.strip()]),
    ):
        main = importlib.import_module(command).main
        status = run(command, lambda main=main, arguments=arguments: main(arguments))
        out, err = capfd.readouterr()
        assert (status, out, err.count("\n")) == (2, "", 1), (command, arguments)
    assert list(tmp_path.iterdir()) == []
