"""The command that judges mutants: what counts as rejected, and what as stopped."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.columns import JUDGES
from theory import claim as registry
from theory.claim import Proof, Step
from verify import mutants as tool
from verify.report.evidence import Evidence
from verify.report.lab import TINY, Lab
from verify.report.mutants import LAWS
from verify.report.verdict import column


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The claim ``plateau`` with the law 2x + 0 and columns that look at one place each."""
    from theory.pulse import plateau

    source = tmp_path / "toy.py"
    source.write_text("def double(x):\n    return 2 * x + 0\n", encoding="utf-8")
    spec = importlib.util.spec_from_file_location("theory.pulse.toy", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "theory.pulse.toy", module)
    first = dataclasses.replace(registry.CHAPTERS[0], claims=("toy",))
    monkeypatch.setattr(registry, "CHAPTERS", (first, *registry.CHAPTERS[1:]))
    monkeypatch.setitem(LAWS, "toy", ("double",))

    def proof(law: Any) -> Proof:
        return Proof((Step("at 1", law(1) == 2),), "1")

    def judged(point: float) -> Any:
        return lambda law, lab: column(abs(law(point) - 2 * point), 0.0, "distance")

    module.CLAIM = dataclasses.replace(
        plateau.CLAIM, id="toy", law=module.double, prove=proof, requires=()
    )

    columns = Evidence(judged(2.0), judged(3.0), JUDGES)

    monkeypatch.setattr(tool, "evidence_of", lambda name: columns)
    return module


def test_a_mutant_that_one_column_rejects_is_counted_once(toy: Any) -> None:
    """2*x + 0: 2/x agrees at 1 alone, 3*x and +1 nowhere; minus 0 is the same law and survives.

    Which column comes first is a matter of its time, and decides nothing.
    """
    lines: list[str] = []
    counted = tool.count(toy.CLAIM, Lab(TINY), lines.append)
    assert counted.mutants == 4 == len(lines)
    assert (counted.rejected, counted.stopped) == (3, 0)
    assert counted.survivors == (("double", "2 * x + 0 -> 2 * x - 0"),)
    assert counted.sentence("toy").startswith("Its evidence rejects 3 of 4 mutants")


def test_a_crash_is_no_rejection(toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column that stops on a wrong law has not rejected it: the judge's controls say so too."""

    crashing = Evidence(
        check=lambda law, lab: column(0.0 if law(2) == 4 else 1 / 0, 0.0, ""),
        train=lambda law, lab: column(0.0, 0.0, ""),
        judges=JUDGES,
    )

    monkeypatch.setattr(tool, "evidence_of", lambda name: crashing)
    counted = tool.count(toy.CLAIM, Lab(TINY), lambda line: None)
    assert (counted.rejected, counted.stopped, len(counted.survivors)) == (2, 1, 1)


def test_a_law_that_is_rejected_itself_is_no_ground_to_count_on(toy: Any) -> None:
    wrong = dataclasses.replace(toy.CLAIM, law=lambda x: 3 * x)
    with pytest.raises(ValueError, match="proof does not hold for the law itself"):
        tool.count(wrong, Lab(TINY), lambda line: None)


def test_only_takes_a_chapter(capsys: pytest.CaptureFixture[str]) -> None:
    chapter = next(chapter for chapter in registry.CHAPTERS if chapter.name == "certificates")
    assert tool.main(["--list", "--only", "certificates/"]) == 0
    names = {line.partition(":")[0] for line in capsys.readouterr().out.splitlines()}
    assert names == {*chapter.claims, *chapter.appendix}
    with pytest.raises(SystemExit) as end:
        tool.main(["--list", "--only", "nothing"])
    assert end.value.code == 2 and "certificates/" in capsys.readouterr().err
