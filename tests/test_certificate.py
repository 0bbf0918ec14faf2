"""The command verify.certificate: accepted, rejected, unreadable."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from flint import fmpq

from numerics.certificates import kernel
from numerics.certificates.certificate import certificate
from numerics.certificates.checker import BYTES, canonical
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import exact_net
from tests.certificates.test_kernel import needs_coq
from verify.certificate import main

DOCUMENT = certificate(
    exact_net("relu", [[0.1, 0.7, -0.2]], [0.05], [0.9], -0.1), Domain(8, fmpq(1, 2), fmpq(6))
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with a valid certificate."""
    found = tmp_path / "net.certificate.json"
    found.write_text(json.dumps(DOCUMENT, indent=1), "utf-8")
    return found


def test_accepted(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(path)]) == 0
    out, err = capsys.readouterr()
    assert err == "" and out.startswith("accepted: for every real r from 1/2 to 6\n")
    bound = re.search(r"<= (\S+), rounded up; the bound is exactly the error at", out)
    assert bound and Fraction(bound[1]) > Fraction(DOCUMENT["claim"]["worst"][1])
    assert float(bound[1]) == pytest.approx(float(Fraction(DOCUMENT["claim"]["worst"][1])), 1e-11)
    for name, words in (
        ("mean", r"r: between (\S+) and (\S+)"),
        ("mean_square", r"²: at most (\S+)"),
    ):
        low, high = map(Fraction, DOCUMENT["claim"][name])
        shown = re.search(words, out)
        assert shown
        ends = [Fraction(end) for end in shown.groups()]
        assert high <= ends[-1] and (name == "mean_square" or ends[0] <= low)
    assert main([str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["accepted", "reason", "claim", "radius", "domain", "digest"]
    assert (found["accepted"], found["claim"]) == (True, DOCUMENT["claim"])


def test_rejected(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(path.read_text("utf-8").replace('"high": "6"', '"high": "5"'), "utf-8")
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
        file.write(b'{"format": "everyweight-certificate"')
    assert main([str(tmp_path / "huge")]) == 1
    assert f"more than {BYTES} bytes" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text", ['{"network": {"activation": "σ"}}', '\x08\0\0\0\0\0\0\0{"w": {"dtype": "F32"}}', "{}"]
)
def test_another_kind_of_file(text: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(text, "utf-8")
    for options in ([], ["--kernel", "--json"]):
        with pytest.raises(SystemExit) as end:
            main([str(path), *options])
        assert end.value.code == 2
        assert "this is no certificate; `network --out` writes" in capsys.readouterr().err


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


# --- decided by the kernel ----------------------------------------------------------------------


def _fake_coqc(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A coqc that is this shell script, in place of all other programs."""
    program = folder / "bin" / "coqc"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))


@needs_coq
def test_the_kernel_accepts(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(path)])
    first, *more = capsys.readouterr().out.splitlines()
    kept = path.parent / "given.v"
    assert main([str(path), "--kernel-out", str(kept)]) == 0
    by, *same = capsys.readouterr().out.splitlines()
    assert re.sub(r" by the kernel of Coq \d+\.\d+(\.\d+)?", "", by) == first
    assert same == more
    assert "Theorem holds : forall F : ordered_field, claimed F given." in kept.read_text()


@needs_coq
def test_the_kernel_rejects(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = json.loads(path.read_text())
    changed["claim"]["worst"] = [str(Fraction(end) / 2) for end in changed["claim"]["worst"]]
    path.write_text(json.dumps({**changed, "digest": canonical(changed)}))
    assert main([str(path), "--kernel", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found.pop("kernel")
    assert found == {"accepted": False, "reason": "the error exceeds the claim"}


def test_what_is_no_certificate_needs_no_kernel(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(path.parent))
    path.write_text('{"format": "everyweight-certificate"}')
    assert main([str(path), "--kernel", "--json"]) == 1
    assert list(json.loads(capsys.readouterr().out)) == ["accepted", "reason"]


def test_without_coqc(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(path.parent))
    kept = path.parent / "given.v"
    with pytest.raises(SystemExit) as end:
        main([str(path), "--kernel-out", str(kept)])
    out, err = capsys.readouterr()
    assert (end.value.code, out, err.count("\n"), kept.exists()) == (2, "", 1, False)
    assert "coqc is not there: on Debian or Ubuntu, apt install coq" in err


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("[ $2 = --print-version ] && echo 9.9 9 || exit 1", "Coq 9.9 cannot compile its checker"),
        ("echo 9.9 9; : > Certificate.vo", "coqc decided nothing"),
    ],
)
def test_a_coqc_that_decides_nothing_is_no_verdict(
    script: str,
    sentence: str,
    path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _fake_coqc(path.parent, script, monkeypatch)
    assert main([str(path), "--kernel"]) == 3
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert sentence in err


def test_a_coqc_that_takes_too_long(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_coqc(
        path.parent, "[ $2 = --print-version ] && echo 9.9 9 || exec /bin/sleep 60", monkeypatch
    )
    monkeypatch.setattr(kernel, "SECONDS", 0.5)
    with pytest.raises(SystemExit) as end:
        main([str(path), "--kernel"])
    assert end.value.code == 2
    assert "coqc took more than 0.5 s" in capsys.readouterr().err


@needs_coq
@pytest.mark.parametrize(("cache", "home"), [("relative", "."), ("", "file"), ("file", ".")])
def test_where_nothing_can_be_kept_it_is_compiled_anew(
    cache: str, home: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short library in place of the checker's: what is kept where does not depend on it."""
    folder = path.parent
    (folder / "file").touch()
    (folder / "Certificate.v").write_text("Definition kept := 7.\n", encoding="utf-8")
    monkeypatch.setattr(kernel, "SOURCE", folder / "Certificate.v")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / cache) if cache == "file" else cache)
    monkeypatch.setenv("HOME", str(folder / home))
    monkeypatch.chdir(folder)
    before = set(folder.rglob("*"))
    answer = kernel.run("From Everyweight Require Import Certificate. Eval compute in kept.")
    assert (answer.returncode, answer.stdout.split()[:2]) == (0, ["=", "7"])
    assert set(folder.rglob("*")) == before
