"""The command verify.certificate: accepted, rejected, unreadable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from flint import fmpq

from numerics.certificates.certificate import certificate
from numerics.certificates.checker import BYTES
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import exact_net
from verify.certificate import main

DOCUMENT = certificate(
    exact_net("relu", [[0.1, 0.7, -0.2]], [0.05], [0.9], -0.1), Domain(8, fmpq(1, 2), fmpq(6))
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with a valid certificate."""
    found = tmp_path / "net.certificate.json"
    found.write_text(json.dumps(DOCUMENT, indent=1))
    return found


def test_accepted(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(path)]) == 0
    out, err = capsys.readouterr()
    assert err == "" and out.startswith("accepted: for every real r from 1/2 to 6\n")
    assert f"{float(Fraction(DOCUMENT['claim']['worst'][1])):.12g}" in out
    assert main([str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["accepted", "reason", "claim", "radius", "domain", "digest"]
    assert (found["accepted"], found["claim"]) == (True, DOCUMENT["claim"])


def test_rejected(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(path.read_text().replace('"high": "6"', '"high": "5"'))
    assert main([str(path)]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("rejected: the digest does not fit the content\n", "")
    assert main([str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "accepted": False,
        "reason": "the digest does not fit the content",
    }


def test_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    for arguments in (
        [],
        ["absent"],
        [str(tmp_path)],
        [str(tmp_path / "pipe")],
        ["a\0b"],
        ["--what"],
    ):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        out, err = capsys.readouterr()
        assert (end.value.code, out, err.count("\n")) == (2, "", 1)


def test_a_huge_file_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(2**40)
    assert main([str(tmp_path / "huge")]) == 1
    assert f"more than {BYTES} bytes" in capsys.readouterr().out


def test_it_needs_the_standard_library_only(path: Path) -> None:
    code = (
        "import sys; from verify.certificate import main\n"
        f"assert main([{str(path)!r}]) == 0\n"
        "assert not {'numpy', 'sympy', 'torch', 'flint'} & set(sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (0, "")


def test_help() -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
