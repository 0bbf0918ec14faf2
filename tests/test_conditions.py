"""Where commands run: an ordinary user without a home, any locale, names with blanks and umlauts,
folders that take nothing, any number of threads.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.certified import RELU, made
from tests.commands import tree
from verify import explore

ROOT = Path(__file__).parent.parent
BARE = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""An environment without a home and with Python's older way to encode."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder and files with blanks and letters beyond ASCII in their names."""
    folder = tmp_path / "öl und Käse σ"
    folder.mkdir()
    document = made(RELU, Fraction(1, 2), Fraction(3))
    (folder / "ein Beweis ü.json").write_text(json.dumps(document), "utf-8")
    net = {
        "conv.weight": np.array([[[0.5, 0.25, 0.125]]]),
        "readout.weight": np.array([[4 / 7]]),
        "readout.bias": np.array([-0.5]),
    }
    save_file(net, folder / "ein Netz ü.safetensors", {"activation": "relu", "length": "9"})
    return folder


def ended(
    folder: Path, *words: str, before: tuple[str, ...] = (), **env: str
) -> tuple[int, str, str]:
    """Status, output and error of a command without a terminal, in the bare environment."""
    done = subprocess.run(
        [*before, sys.executable, "-m", *words],
        cwd=folder,
        env={**BARE, **env},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode()


@pytest.mark.parametrize("name", ["C", "POSIX"])
def test_any_locale_without_a_home(folder: Path, name: str) -> None:
    status, out, err = ended(folder, "verify.certificate", "ein Beweis ü.json", LC_ALL=name)
    assert (status, err) == (0, "") and out.startswith("accepted")
    status, out, err = ended(folder, "verify.certificate", "kein Beweis ü", LC_ALL=name)
    assert (status, out, err.count("\n")) == (2, "", 1) and err.isascii()


@pytest.mark.thorough
@pytest.mark.parametrize(
    "words",
    [
        ("verify.network", "ein Netz ü.safetensors", "--out", "erklärt ü"),
        ("verify.train", "--seeds", "1", "--jobs", "1", "--out", "Netze ü"),
        ("verify.all", "--only", "signal", "--jobs", "1", "--out", "Ergebnis ü"),
        ("verify.explore", "--out", "Seite ü.html"),
        ("verify.doctor",),
        ("theory.shape", "relu", "--plot", "Bild ü.svg"),
    ],
    ids=lambda words: words[0],
)
def test_every_command_in_such_a_place(folder: Path, words: tuple[str, ...]) -> None:
    status, out, err = ended(folder, *words, LC_ALL="C")
    assert status in (0, words[0] == "verify.network") and out and "Traceback" not in err
    if "ü" in words[-1]:
        assert (folder / words[-1]).exists()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_folder_that_takes_nothing_is_told_in_one_line(
    number: int,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    before = tree(folder)
    with pytest.raises(SystemExit, match="2"):
        explore.main(["--out", str(folder / "page.html")])
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and os.strerror(number).lower() in err and tree(folder) == before


@pytest.mark.thorough
def test_a_folder_without_rights(folder: Path) -> None:
    """For the superuser, after the right to pass over rights is given up."""
    plain = () if os.geteuid() else ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
    folder.chmod(0o555)
    status, out, err = ended(folder, "verify.all", "--only", "signal", before=plain, LC_ALL="C")
    assert (status, out, err.count("\n")) == (2, "", 1) and "ermission denied" in err


@pytest.mark.thorough
def test_digits_do_not_depend_on_threads(folder: Path) -> None:
    answers = set()
    for threads in ("1", "2", "4"):
        told = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        words = "verify.network", "ein Netz ü.safetensors", "--json"
        answers.add(ended(folder, *words, **told))
        answers.add(ended(folder, "verify.predict", "--steps", "50", "--json", **told))
    assert len(answers) == 2
