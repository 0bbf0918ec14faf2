"""What one system lacks is missed by a sentence alone, and text is read and written as UTF-8."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("theory", "numerics", "verify", "benchmarks")

# --- a system without fork ----------------------------------------------------------------------

WINDOWS = """
import os, signal, sys
sys.modules["resource"] = None
del os.fork, os.sched_getaffinity, signal.pthread_sigmask
"""
"""Takes away, before a command or a worker of it begins, what Windows does not have."""


def ended(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Status, output and error of a command on a system that lacks much."""
    (folder / "lacks").mkdir(exist_ok=True)
    (folder / "lacks" / "sitecustomize.py").write_text(WINDOWS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "lacks"), str(ROOT)])},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_an_activation_is_classified_without_a_limit_of_memory(tmp_path: Path) -> None:
    status, out, err = ended(tmp_path, "theory.shape", "--json", "relu")
    assert status == 0 and json.loads(out)["class"] == "affine_piece"
    assert err.count("\n") == 1 and "bounds no memory" in err


def test_mutants_are_refused_in_one_line(tmp_path: Path) -> None:
    status, out, err = ended(tmp_path, "verify.mutants", "--only", "signal")
    assert (status, out, err.count("\n")) == (2, "", 1) and "Linux or macOS" in err


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_claims_are_examined(tmp_path: Path, executor: str) -> None:
    status, out, err = ended(
        tmp_path, "verify.all", "--only", "signal", "--jobs", "1", "--executor", executor
    )
    assert status == 0 and "1 verified" in out and "Traceback" not in err


@pytest.mark.slow
def test_a_network_is_trained_explained_and_certified(tmp_path: Path) -> None:
    assert ended(tmp_path, "verify.train", "--seeds", "1", "--jobs", "1", "--out", "nets")[0] == 0
    file = os.path.join("nets", "net-00000.safetensors")
    assert ended(tmp_path, "verify.network", file, "--out", "explained")[0] in (0, 1)
    status, out, _ = ended(tmp_path, "verify.certificate", "explained/certificate.json")
    assert status == 0 and out.startswith("accepted")


# --- what the sources name ----------------------------------------------------------------------


def trees(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Every source in these folders, by its name."""
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


LACKING = {
    *("resource", "fcntl", "grp", "pty", "pwd", "syslog", "termios", "tty"),
    *("SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGSTOP", "SIGUSR1"),
    *(
        "alarm",
        "fchmod",
        "fork",
        "getpgid",
        "getuid",
        "kill",
        "killpg",
        "mkfifo",
        "pthread_sigmask",
    ),
    *("sched_getaffinity", "setitimer", "setrlimit", "setsid", "uname", "wait4", "waitpid"),
}
"""Modules and functions that Windows or macOS does not have, or has for another purpose."""
ASKED = {
    "theory/shape/command.py": {"setrlimit"},
    "verify/mutants.py": {"setrlimit"},
    "verify/report/arguments.py": {"sched_getaffinity"},
    "verify/work/executor.py": {"pthread_sigmask"},
}
"""Who uses one, where it is there."""


def test_what_a_system_may_lack_is_named_where_it_is_asked_for() -> None:
    named: dict[str, set[str]] = {}
    for name, tree in trees(*PACKAGES):
        for node in ast.walk(tree):
            used = set()
            if isinstance(node, ast.Import | ast.ImportFrom):
                used = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            elif isinstance(node, ast.Attribute) and not isinstance(node.value, ast.Attribute):
                used = {node.attr} if ast.unparse(node.value) != "child" else set()
            if used & LACKING:
                named[name] = named.get(name, set()) | used & LACKING
    assert named == ASKED


TEXT = {"read_text": 0, "write_text": 1}
"""Methods of a path whose argument after so many is the encoding."""


def test_text_has_its_encoding() -> None:
    """Windows would take another one than UTF-8, and σ would be two characters."""
    bare = []
    for name, tree in trees(*PACKAGES, "tests", "docs"):
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            given = {keyword.arg for keyword in call.keywords}
            if method in TEXT and len(call.args) <= TEXT[method] and "encoding" not in given:
                bare.append(f"{name}: {ast.unparse(call)}")
            opened = isinstance(call.func, ast.Name) and call.func.id == "open"
            if opened and not given & {"encoding", "buffering"} and "b" not in ast.unparse(call):
                bare.append(f"{name}: {ast.unparse(call)}")
    assert bare == []
