"""The benchmarks: a quick run has its shape, and what they measure is what they say."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import loop, page, training
from benchmarks.measure import Row, machine, measured
from verify.models.networks import load, signals
from verify.models.problem import initial


def test_a_quick_run_has_its_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, threads = page.PAGE.read_text("utf-8"), torch.get_num_threads()
    out = tmp_path / "deeper" / "benchmarks.json"
    monkeypatch.setattr("sys.argv", ["benchmarks", "--quick", "--only", "bcd", "--out", str(out)])
    assert command.main() == 0
    torch.set_num_threads(threads)
    result = json.loads(out.read_text("utf-8"))
    assert result["quick"] and result["machine"] == machine()
    assert len(result["parts"]) == 3
    rows = [row for part in result["parts"].values() for row in part]
    assert len(rows) >= 20 and all(row["seconds"] > 0 for row in rows)
    assert all(row["peak"] is None or row["peak"] > 1 for row in rows)
    assert page.PAGE.read_text("utf-8") == before


@pytest.mark.parametrize("letters", ["", "az"])
def test_an_unknown_part_is_refused(letters: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks", "--only", letters])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2


def test_the_page_keeps_all_but_the_tables() -> None:
    text = page.PAGE.read_text("utf-8")
    row = Row("a law", 2.5e-6, 3.0, "a loop", 12.0, "seen")
    assert "4,530 × torch" in page.table("", [Row("", 1.0, 4530.0, "torch")])
    new = page.written(text, {"processor": "P", "numpy": "2"}, 600, {"(a) Laws,\nall.\n": [row]})
    (begin, *_), (_, end) = text.split(page.BEGIN), text.split(page.END)
    assert new.startswith(begin) and new.endswith(end)
    assert "| a law | 2.5 µs | 3 × a loop | 12 MiB | seen |" in new and "numpy 2" in new
    assert "\n### (a) Laws, all.\n\n| what |" in new
    with pytest.raises(ValueError, match="no marks"):
        page.written("nothing", {}, 0, {})


def test_seconds_and_memory_are_those_of_the_call() -> None:
    small = measured(np.ones, 10)[1]
    seconds, large, ones = measured(np.ones, 1 << 24, rounds=2)
    assert seconds > 0 and len(ones) == 1 << 24 and large > small
    assert set(asdict(Row("", 1.0))) == {"what", "seconds", "ratio", "against", "peak", "note"}


def test_the_radii_are_53_in_25_samples() -> None:
    assert len(training.SETTING.radii.r) == 53
    assert signals(training.SETTING.radii, 5).shape == (53, 25)


def test_the_loop_ends_where_it_says() -> None:
    """Of the same starts the ensemble's ends are as low, and no gradient is small by mistake."""
    x, r = signals(training.SETTING.radii, 5), torch.tensor(training.SETTING.radii.r)
    start = initial(training.SETTING, 6, 0)
    for j in range(6):
        net = load(training.SETTING, start, j)
        ended = loop.train(net, x, r, 20)
        loss = torch.mean((net(x) - r) ** 2)
        slopes = torch.autograd.grad(loss, list(net.parameters()))
        length = float(sum(torch.sum(slope**2).item() for slope in slopes) ** 0.5)
        assert ended.gradient == pytest.approx(length, rel=1e-6, abs=1e-15)
        assert ended.loss == pytest.approx(loss.item(), rel=1e-9, abs=1e-25)


def test_outcomes_by_their_loss() -> None:
    dead = float(np.var(training.SETTING.radii.r))
    assert training.outcome(1e-25, False) == "exact"
    assert training.outcome(dead, True) == "dead"
    assert training.outcome(dead, False) == "stuck"
    assert training.outcome(dead / 2, True) == "another level"
