"""What coverage has counted, as tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.raises import main, never

SOURCE = "def f(x):\n    if x:\n        raise ValueError(\n            'a'\n        )\n    raise\n"


def test_the_raises_that_did_not_run() -> None:
    assert never(SOURCE, [3, 4]) == [(3, "raise ValueError('a')")]
    assert never(SOURCE, [2]) == []


def test_the_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "theory/expressions/tokens.py"
    lines = Path(__file__).parents[1].joinpath(name).read_text("utf-8").splitlines()
    place = next(k for k, line in enumerate(lines, 1) if line.strip().startswith("raise"))
    counts = {
        "covered_lines": 3,
        "num_statements": 4,
        "covered_branches": 1,
        "num_branches": 2,
    }
    files = {name: {"summary": counts, "missing_lines": [place]}}
    (tmp_path / "coverage.json").write_text(json.dumps({"files": files}), "utf-8")
    assert main([str(tmp_path / "coverage.json")]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[1].split() == ["theory/expressions", "75.0%", "50.0%"]
    assert out[2].split() == ["together", "75.0%", "50.0%"]
    assert out[3].startswith(f"{name}:{place}: raise ") and out[4].startswith("1 raises")
    files[name]["missing_lines"] = [1]
    (tmp_path / "coverage.json").write_text(json.dumps({"files": files}), "utf-8")
    assert main([str(tmp_path / "coverage.json")]) == 0
    assert capsys.readouterr().out.endswith("\n0 raises that no test has run\n")
