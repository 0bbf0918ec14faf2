"""The public traps: the files are what they are said to be, and our verifiers answer all right."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from fractions import Fraction
from typing import Any

import pytest

from tests.traps.__main__ import main
from tests.traps.build import ANSWERS, FILES, TRAPS, answers, contents
from verify import certificate, network

KEPT = json.loads(ANSWERS.read_text("utf-8"))


def test_the_answers_are_those_of_the_definition() -> None:
    """In fractions, by a simulation that shares no code with what is tested."""
    assert answers() == KEPT
    assert Fraction(KEPT["hat"]["worst_error"]) >= 1 and KEPT["exact"]["worst_error"] == "0"
    tiny = ("threshold-by-one-bit", "rounds-onto-the-kink")
    assert all(0 < Fraction(KEPT[name]["worst_error"]) < Fraction(1, 10**14) for name in tiny)


def _parts(data: bytes) -> tuple[Any, bytes]:
    """The header of a safetensors file, whose names come in any order, and its numbers."""
    if data.startswith(b"{"):
        return json.loads(data), b""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


@pytest.mark.parametrize("name", TRAPS)
def test_the_files_are_these(name: str) -> None:
    file, data = contents(name)
    assert _parts((FILES / file).read_bytes()) == _parts(data)
    assert len(list(FILES.iterdir())) == len(TRAPS)


@pytest.mark.parametrize("name", TRAPS)
def test_ours_answers_right(name: str) -> None:
    trap = KEPT[name]
    program: Any = certificate if trap["file"].endswith(".json") else network
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        try:
            status = program.main([*trap["options"], "--json", str(FILES / trap["file"])])
        except SystemExit as exit:
            status = exit.code
    assert status == trap["status"]
    if "worst_error" in trap:
        document = json.loads(printed.getvalue())
        value = document["worst_error"]["value"]
        low, high = value if isinstance(value, list) else (value, value)
        assert Fraction(low) <= Fraction(trap["worst_error"]) <= Fraction(high)
        assert (document["grade"] == "exact") == (trap["worst_error"] == "0")


def test_a_verifier_that_believes_everything_is_caught(capsys: pytest.CaptureFixture[str]) -> None:
    """Control: the command ``true``, in the words of any platform."""
    believes = f"'{sys.executable}' -c pass"
    assert main(["--network", believes, "--certificate", believes]) == 1
    lines = capsys.readouterr().out.splitlines()
    wrong = [name for name, trap in TRAPS.items() if trap.status]
    assert [line.split()[1] for line in lines if line.startswith("WRONG")] == wrong
