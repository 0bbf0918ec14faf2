"""The command verify.network on networks for images: what it prints and writes, how it ends, and
what it refuses.
"""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.commands import placed, refused, safetensors, shown, tree
from verify.network import IMAGE_FILES

STEP = np.array([[[[0.0, 0.0, 0.0], [0.0, -1.0, 1.0], [0.0, 0.0, 0.0]]]])
NET = {
    "conv.weight": STEP,
    "conv.bias": np.array([0.0]),
    "readout.weight": np.array([[0.25]]),
    "readout.bias": np.array([0.0073]),
}
TOLD = {"activation": "abs", "length": "25", "r_min": "3", "r_max": "10"}


encoded = partial(safetensors, NET, TOLD)


def test_explained_and_not(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = placed(folder, encoded())
    text = shown([net, "--tolerance", "0.01"], capsys, 0)
    assert text.startswith("explained: ") and "4|m|" in text and "certified; at most 0.00" in text
    assert shown([net], capsys, 1).startswith("not explained by these laws: it errs by 0.0")
    far = placed(folder, encoded(readout_bias=np.array([1.0])), "far.safetensors")
    assert "offset (up to 0.99" in shown([far, "--tolerance", "0.01"], capsys, 1)
    assert tree(folder) == {"net.safetensors", "far.safetensors"}


def test_json_is_what_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = placed(folder, encoded())
    text = shown([net, "--json", "--out", "here/there", "--tolerance", "0.01"], capsys, 0)
    out = folder / "here/there"
    assert tree(out) == set(IMAGE_FILES) == {"network.json", "network.html"}
    assert (out / "network.json").read_text(encoding="utf-8") == text
    found = json.loads(text)
    assert found["file"] == "net.safetensors" and found["explained"] is True
    assert found["network"]["dimensions"] == 2 and found["worst_error"]["certified"] is True
    assert set(found) == {
        "file",
        "network",
        "explained",
        "notes",
        "tolerance",
        "grade",
        "tolerance_needed",
        "verdict",
        "failing",
        "alternatives",
        "next_step",
        "residuals",
        "identity",
        "lattice",
        "loss",
        "worst_error",
        "filters",
        "weights",
    }
    assert len(found["weights"]) == 12 and found["filters"][0]["perimeter"] == 4
    page = (out / "network.html").read_text(encoding="utf-8")
    addresses = re.findall(r"[\w:]*=?[\"']?https?://[^\"'\s]*", page)
    assert all(one.startswith("xmlns") for one in addresses)
    assert "<script" not in page and not re.search(r"\s(src|onload|onerror)=", page)
    assert page.count("<svg") == 2


def test_odd_names_and_many_filters(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verify.explain.page.SHOWN", 1)
    many = {
        "conv_weight": np.concatenate([STEP, 0 * STEP]),
        "conv_bias": None,
        "readout_bias": None,
    }
    name = placed(folder, encoded(readout_weight=np.array([[0.25, 1]]), **many), "<b>&'\"")
    shown([name, "--out", ".", "--tolerance", "0.1"], capsys, 0)
    page = (folder / "network.html").read_text(encoding="utf-8")
    assert "<b>&" not in page and "The first 1 of 2 filters" in page and page.count("<svg") == 2


def test_nothing_is_repaired(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = placed(folder, encoded())
    assert "--repair is for signals" in refused([net, "--repair", "new", "--out", "out"], capsys)
    assert tree(folder) == {"net.safetensors"}


BAD: dict[str, tuple[bytes, str]] = {
    "not square": (encoded(conv_weight=np.ones((1, 1, 3, 5))), "squares are needed"),
    "even": (encoded(conv_weight=np.ones((1, 1, 4, 4))), "an odd number is needed"),
    "colours": (encoded(conv_weight=np.ones((1, 3, 3, 3))), "filters of 3 channels of input"),
    "five": (encoded(conv_weight=np.ones((1, 1, 3, 3, 3))), "not (K, 1, n) or (K, 1, n, n)"),
    "no filter": (encoded(conv_weight=np.ones((0, 1, 3, 3))), "not (K, 1, n) or (K, 1, n, n)"),
    "readout": (encoded(readout_weight=np.ones((1, 2))), "not [1, 1]"),
    "NaN": (encoded(conv_weight=np.nan * STEP), "not finite"),
    "huge": (encoded(conv_weight=1e300 * STEP), "1e+300"),
    "denormal": (encoded(conv_weight=1e-310 * STEP), "1e-310"),
    "no metadata": (encoded({}), "activation"),
    "no length": (encoded({"activation": "abs"}), "length"),
    "small": (encoded({**TOLD, "length": "9"}), "border"),
    "border": (encoded({**TOLD, "r_max": "12"}), "border"),
    "no radii": (encoded({**TOLD, "r_min": "10"}), "radii"),
    "padding": (encoded({**TOLD, "padding": "left"}), "padding is same, valid or a number"),
    "pooling": (encoded({**TOLD, "pooling": "max"}), "max pooling is not explained"),
    "large": (encoded({**TOLD, "length": "4001"}), "length"),
    "wide": (encoded({**TOLD, "r_max": "4"}, conv_weight=np.ones((1, 1, 17, 17))), "too many"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, words = BAD[name]
    net = placed(folder, content)
    assert words in refused([net, "--out", "out"], capsys)
    assert tree(folder) == {"net.safetensors"}


def test_a_place_that_cannot_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = placed(folder, encoded())
    refused([net, "--out", net], capsys)
    assert tree(folder) == {"net.safetensors"}


def test_a_state_dict_is_known_by_its_shapes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    torch.save(net.state_dict(), "net.pt")
    out = shown(["--activation", "relu", "--length", "15", "net.pt"], capsys, 1)
    assert "2.weight 0,1" in out
