"""``make proofs`` in a folder of its own, once for all tests of these proofs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from theory.proofs.statements import BUILT, SOURCES, state

ROOT = Path(__file__).parents[2]

GRANTED = """Axiom granted : forall n : nat, n = 0.
Theorem all_zero n : n = 0.
Proof. exact (granted n). Qed.
"""

needs_coq = pytest.mark.skipif(
    shutil.which("coqc") is None,
    reason="coqc is not installed: apt install coq libcoq-mathcomp-algebra",
)


def made(folder: Path, changed: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """``make proofs`` in that folder, whatever comes of it."""
    make = shutil.which("make")
    assert make is not None
    # Options of a make that runs these tests are not for this one.
    outer = ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "ARGS")
    environment = {k: x for k, x in os.environ.items() if k not in outer} | changed
    return subprocess.run(
        [make, "proofs"], cwd=folder, env=environment, check=False, capture_output=True, text=True
    )


def compile_file(folder: Path, name: str, text: str) -> subprocess.CompletedProcess[str]:
    """What coqc says of a file among the compiled proofs."""
    (folder / name).write_text(text, encoding="utf-8")
    command = ["coqc", "-w", "none", "-Q", ".", "Everyweight", name]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``make proofs`` compiles, a copy of it where it was accepted already."""
    root = tmp_path_factory.mktemp("tree")
    folder = root / "build" / "proofs"
    if state() == "checked by Coq's kernel":
        shutil.copytree(BUILT, folder)
    else:
        shutil.copy(ROOT / "Makefile", root)
        shutil.copytree(SOURCES, root / "theory" / "proofs")
        done = made(root, {})
        assert done.returncode == 0, done.stderr
    return folder
