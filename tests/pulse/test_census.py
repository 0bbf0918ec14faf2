"""The census by blocks: the same counts whatever the blocks, readable at every moment, every stray
with its weights.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from theory.pulse.endings import LAW
from verify.models.problem import Setting
from verify.optimise.ensemble import train_ensemble
from verify.pulse import census as module
from verify.pulse.census import Census, census, explained, table
from verify.pulse.classify import Ending, classify
from verify.work.executor import open_executor
from verify.work.store import Store

SETTINGS = (Setting("relu", 1, 3, 0, 2, 4), Setting("abs", 2, 3, 0, 2, 4))
NETWORKS = 20


def counted(path: Path, store: Store | None = None) -> tuple[tuple[Census, ...], list[int]]:
    """The census, and how many networks its file held after each block."""
    moments: list[int] = []

    def look(done: int, total: int) -> None:
        document = json.loads(path.read_text("utf-8"))
        moments.append(sum(row["networks"] for row in document["settings"]))
        assert total == 2 * document["blocks"]

    with open_executor("serial", 1) as executor:
        result = census(3, NETWORKS, executor, path, store, SETTINGS, look)
    return result, moments


def test_the_counts_are_those_of_the_whole_and_grow_block_by_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", 8)
    result, moments = counted(tmp_path / "census.json")
    assert moments == [8, 16, 24, 32, 36, 40]
    document = json.loads((tmp_path / "census.json").read_text("utf-8"))
    for each, row in zip(result, document["settings"], strict=True):
        endings = classify(train_ensemble(each.setting, NETWORKS, 3))
        kinds = Counter(ending.kind for ending in endings)
        assert {kind: number for kind, number in each.kinds.items() if number} == kinds
        assert row["kinds"] == each.kinds and row["networks"] == NETWORKS
        assert row["activation"] == each.setting.activation
        assert row["unexplained"] == [] and all(explained(each.setting, x, LAW) for x in endings)


def test_every_stray_is_shown_with_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the theory explained no network of a loss above 1/8."""

    def small(setting: Setting, ending: Ending, law: object) -> bool:
        return ending.loss < 1 / 8

    monkeypatch.setattr(module, "explained", small)
    (relu, _), _ = counted(tmp_path / "census.json")
    ensemble = train_ensemble(SETTINGS[0], NETWORKS, 3)
    assert [stray.number for stray in relu.strays] == [
        j for j in range(NETWORKS) if ensemble.loss[j] >= 1 / 8
    ]
    assert relu.strays
    out = io.StringIO()
    table((relu,), Console(file=out, width=120))
    document = json.loads((tmp_path / "census.json").read_text("utf-8"))
    for stray, row in zip(relu.strays, document["settings"][0]["unexplained"], strict=True):
        assert stray.w[0] == tuple(ensemble.w[stray.number, 0].tolist())
        assert row["w"] == [list(taps) for taps in stray.w] and row["c"] == stray.c
        assert str(stray) in out.getvalue()


def test_what_is_kept_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store", pytest.fail)
    first, _ = counted(tmp_path / "census.json", store)

    def again(*_: object) -> None:
        pytest.fail("it was kept")

    monkeypatch.setattr(module, "count", again)
    assert counted(tmp_path / "census.json", store)[0] == first


def test_a_blind_network_below_the_floor_is_not_explained() -> None:
    setting = SETTINGS[0]
    endings = classify(train_ensemble(Setting("relu", 1, 5), 60, 0))
    blind = next(ending for ending in endings if ending.kind == "blind")
    low = Ending("blind", "", blind.level * 0, 0.0, 1e-9, 1.0, 0.0)
    assert low.explained and not explained(setting, low, LAW)
    assert explained(Setting("relu", 1, 5), blind, LAW)


def test_what_a_block_raises_ends_the_census(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "count", broken)
    with pytest.raises(ZeroDivisionError):
        counted(tmp_path / "census.json")
