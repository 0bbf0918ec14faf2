"""The types hold what the documentation says: laws, parts that are misspelt, numbers of any
arithmetic.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from mypy import api

from theory.claim import Claim, Proof
from verify.report.evidence import Evidence

ROOT = Path(__file__).parents[1]
READ = ("theory/claim.py", "theory/types.py", "verify/report/evidence.py")
"""What mypy reads beside the sentences; it takes whatever these import for untyped."""

SENTENCES = {
    "Evidence(check=judged, train=judged, judges=JUDGES)": "",
    "Evidence(check=judged, train=judged)": 'Missing positional argument "judges"',
    "Evidence(chek=judged, train=judged, judges=JUDGES)": 'argument "chek"',
    "Evidence(check=judged, judges=JUDGES)": 'Missing positional argument "train"',
    'right: Claim[Law] = Claim("id", "", "", (), LAW, prove, (Wrong("no", half),))': "",
    'Claim("id", "", "", (), LAW, prove, wron=())': 'argument "wron"',
    'other: Claim[Law] = Claim("id", "", "", (), LAW, prove, (Wrong("no", word),))': "expected",
    "numbers: Vector = [1, 0.5, Fraction(1, 2)]": "",
    'digit: Scalar = "1"': "Incompatible types in assignment",
}
"""What can be written, and what mypy says to it."""

PREAMBLE = """\
from collections.abc import Callable
from fractions import Fraction
from typing import Any
from theory.claim import Claim, Proof, Wrong
from theory.types import Scalar, Vector
from verify.report.evidence import Evidence, Judge, Judges
Law = Callable[[Scalar], Any]
def double(x: Scalar) -> Any: return 2 * x
def half(x: Scalar) -> Any: return x / 2
def word(x: str) -> Any: return x
def prove(law: Law) -> Proof: return Proof((), "")
def judged(law: Law, lab: object) -> Any: return law
JUDGES = Judges(Judge(""), Judge(""), Judge(""))
LAW: Law = double
"""


def test_mypy_refuses_what_is_misspelt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tmp_path / "sentences.py"
    text.write_text(PREAMBLE + "\n".join(SENTENCES) + "\n", encoding="utf-8")
    monkeypatch.chdir(ROOT)
    options = ["--config-file=", f"--cache-dir={tmp_path}", "--follow-imports=skip"]
    report, faults, _ = api.run([*options, "--no-error-summary", str(text), *READ])
    assert faults == ""
    first = PREAMBLE.count("\n") + 1
    for number, (sentence, message) in enumerate(SENTENCES.items(), first):
        (*errors,) = (line for line in report.splitlines() if f"{text.name}:{number}: " in line)
        assert any(message in line for line in errors) if message else not errors, sentence
    assert all(f"{text.name}:" in line for line in report.splitlines()), report


def test_a_misspelt_part_raises() -> None:
    with pytest.raises(TypeError, match="chek"):
        Evidence(chek=None, train=None)
    with pytest.raises(TypeError, match="wron"):
        Claim("id", "", "", (), None, lambda law: Proof((), ""), wron=())
