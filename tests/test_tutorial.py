"""The tutorial notebook: stored without outputs, and what its text says is what its cells find."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

NOTEBOOK = Path(__file__).parent.parent / "docs" / "tutorial.ipynb"


def notebook() -> dict[str, Any]:
    """The file."""
    content: dict[str, Any] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return content


def test_it_is_stored_without_outputs() -> None:
    stored = notebook()
    assert set(stored["metadata"]) == {"kernelspec", "language_info"}
    assert stored["metadata"]["language_info"] == {"name": "python"}  # no version of one machine
    for cell in stored["cells"]:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None


def test_its_cells_find_what_its_text_says(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    with torch.random.fork_rng():
        for cell in notebook()["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), names)  # noqa: S102 - our own notebook
    trained, fixed = names["explanation"], names["fixed"]
    assert trained.grade == "near exact" and trained.replay.agrees
    assert trained.replay.dtype == "float32" and trained.worst_error.exact
    # The text speaks of these roles, and of the scale of the repaired channels.
    assert {"dead", "puts a partial sum on the kink"} <= {weight.role for weight in trained.weights}
    assert {weight.dtype for weight in fixed.parameters()} == {torch.float32}
    for a in fixed[4].weight[0].abs().tolist():
        assert torch.frexp(torch.tensor(a)).mantissa in (0.5, 17 / 32)
    printed = capsys.readouterr().out
    assert "explained: it errs by 0 pixel at most" in printed
    assert "worst error of the repaired network: ['0', '0']" in printed
