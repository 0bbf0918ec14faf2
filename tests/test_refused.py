"""The table of refused inputs: every one ends with status 2 and one true sentence on stderr;
nothing is written.

A row of refused.csv has a name, the command, its arguments in a folder of their own, and the
sentence.  What makes the input there stands here, by that name; where nothing does, a row that asks
about net.safetensors has the network :data:`B1`.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import pickle
import shlex
import warnings
import zipfile
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save
from torch import nn
from torch.nn.utils import parametrizations

from tests.certified import made
from tests.commands import tree
from tests.pulse.test_exact_error import THREE
from theory.citations import pages
from verify import all as verify_all
from verify import certificate, network, predict, train

Made = Callable[[Path], object]
"""Puts the input into a folder."""


B1: Mapping[str, Any] = {
    "conv.weight": np.array([[[0.5, -0.25, 0.75]]]),
    "conv.bias": np.array([0.5]),
    "readout.weight": np.array([[0.5]]),
    "readout.bias": np.array([-4.25]),
}
"""Exact for relu, 17 pixels, sum pooling and zeros outside."""
SAID = {"activation": "relu", "length": "17"}


def content(data: bytes, name: str = "net.safetensors") -> Made:
    """A file of these bytes."""
    return lambda folder: (folder / name).write_bytes(data)


def stored(metadata: Mapping[str, str] | None = None, **tensors: Any) -> Made:
    """net.safetensors: B1 with these tensors in place of its own, conv_bias for conv.bias; None
    leaves one out.
    """
    changed = {name.replace("_", "."): value for name, value in tensors.items()}
    kept = {name: np.asarray(x) for name, x in {**B1, **changed}.items() if x is not None}
    return content(save(kept, dict(SAID if metadata is None else metadata)))


def said(metadata: Mapping[str, str], **tensors: Any) -> Made:
    """The same with this metadata beside the usual one."""
    return stored({**SAID, **metadata}, **tensors)


def certified(case: Any, high: Fraction) -> Made:
    """net.json: the certificate of this network, as of tests.certified.made, from radius 1/2 on."""
    return content(json.dumps(made(case, Fraction(1, 2), high)).encode(), "net.json")


def torch_saved(state: Callable[[], object], **options: Any) -> Made:
    """net.pt: what torch.save makes of this."""
    return lambda folder: torch.save(state(), folder / "net.pt", **options)


def tensors(**changed: Any) -> dict[str, torch.Tensor]:
    """B1 as a state_dict; names and None as for :func:`stored`."""
    named = {**B1, **{name.replace("_", "."): value for name, value in changed.items()}}
    return {name: torch.as_tensor(x) for name, x in named.items() if x is not None}


def large(folder: Path) -> None:
    """A file with a hole of 17 MiB."""
    with (folder / "net.pt").open("wb") as file:
        file.truncate(17 * 2**20)


# ------------------------------------------------------------------------------------------ files

FILES: dict[str, Made] = {
    "folder": lambda folder: (folder / "net.pt").mkdir(),
    "pipe": lambda folder: os.mkfifo(folder / "net.pt"),
    "link to nothing": lambda folder: (folder / "net.pt").symlink_to("absent"),
    "too large": large,
    "NaN": stored(conv_bias=np.array([np.nan])),
    "infinity": stored(readout_weight=np.array([[np.inf]])),
    "large weight": stored(readout_bias=np.array([1e31])),
    "small weight": stored(readout_bias=np.array([1e-200])),
}

# ---------------------------------------------------------------------------------------- formats

OLD = {"_use_new_zipfile_serialization": False}


def net_of(*layers: nn.Module) -> nn.Sequential:
    """Conv1d(1, 2, 3), these layers, Linear(2, 1)."""
    return nn.Sequential(nn.Conv1d(1, 2, 3), *layers, nn.Linear(2, 1))


def state(*layers: nn.Module) -> dict[str, torch.Tensor]:
    """The state_dict of that."""
    return net_of(*layers).state_dict()


def script(folder: Path) -> None:
    """net.pt: a TorchScript archive."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch is about to give it up
        traced = torch.jit.trace(nn.Linear(2, 1), torch.ones(1, 2))  # type: ignore[no-untyped-call]
        torch.jit.save(traced, folder / "net.pt")  # type: ignore[no-untyped-call]


def archived(folder: Path) -> None:
    """net.pt: an archive of NumPy."""
    with (folder / "net.pt").open("wb") as file:
        np.savez(file, **B1)


def bomb(folder: Path) -> None:
    """net.pt: 17 MiB of zeros, in a few kilobytes."""
    with zipfile.ZipFile(folder / "net.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data.pkl", bytes(17 * 2**20))


FORMATS: dict[str, Made] = {
    "no bytes": content(b"", "net.pt"),
    "text": content(b"weights", "net.pt"),
    "random bytes": content(bytes(range(40, 90)), "net.pt"),
    "damaged header": content((2**20).to_bytes(8, "little") + b"{}"),
    "unpacks to much": bomb,
    "whole module": torch_saved(net_of),
    "whole module, old": torch_saved(net_of, **OLD),
    "class beside": torch_saved(lambda: {**state(), "args": argparse.Namespace()}),
    "class beside, old": torch_saved(lambda: {"model": state(), "path": Path("a")}, **OLD),
    "protocol": torch_saved(state, pickle_protocol=5),
    "TorchScript": script,
    "NumPy": archived,
    "pickle": content(pickle.dumps([1]), "net.pt"),
    "Keras": content(b"\x89HDF\r\n\x1a\n", "net.pt"),
    "gzip": content(gzip.compress(b"x"), "net.pt"),
    "one of several files": content(save(dict(B1)), "net-00001-of-00002.safetensors"),
    "index": content(b'{"weight_map": {}}', "net.pt"),
}

# ---------------------------------------------------------------------------------------- wrapped

WRAPPED: dict[str, Made] = {
    "empty": torch_saved(dict),
    "one tensor": torch_saved(lambda: torch.ones(1)),
    "no tensors": torch_saved(lambda: {"epoch": 3}),
    "optimizer": torch_saved(lambda: torch.optim.SGD(net_of().parameters(), 0.1).state_dict()),
    "two networks": torch_saved(lambda: {"model": state(), "ema": state()}),
    "stride in hyper_parameters": torch_saved(
        lambda: {"state_dict": state(), "hyper_parameters": {"stride": 2}}
    ),
    "stride in JSON": said({"config": '{"stride": 2}'}),
    "layer by layer, three outputs": torch_saved(
        lambda: {"encoder": nn.Conv1d(1, 2, 3).state_dict(), "head": nn.Linear(2, 3).state_dict()}
    ),
    "another key": torch_saved(lambda: {"model": state()}),
}

# ----------------------------------------------------------------------------------------- layers

LAYERS: dict[str, Made] = {
    "no filters": stored(conv_weight=None),
    "no readout": stored(readout_weight=None),
    "flat readout": torch_saved(lambda: {**state(), "1.weight": torch.ones(2)}),
    "colours": stored(conv_weight=np.ones((1, 3, 3, 3))),
    "even taps": stored(conv_weight=np.ones((1, 1, 4))),
    "oblong filters": stored(conv_weight=np.ones((1, 1, 3, 5))),
    "two convolutions": torch_saved(lambda: state(nn.Conv1d(2, 2, 3))),
    "hidden layer": torch_saved(lambda: state(nn.Linear(2, 2))),
    "three outputs": torch_saved(
        lambda: nn.Sequential(nn.Conv1d(1, 2, 3), nn.Linear(2, 3)).state_dict()
    ),
    "transposed": stored(
        conv_weight=np.ones((2, 1, 3)), conv_bias=None, readout_weight=np.ones((2, 1))
    ),
    "not pooled": stored(readout_weight=np.ones((1, 17))),
    "unknown tensor": stored(scale=np.ones(3)),
    "which bias": torch_saved(
        lambda: {"w": torch.ones(1, 1, 3), "a": torch.ones(1, 1), "b": torch.ones(1)}
    ),
    "whole numbers": stored(conv_weight=np.ones((1, 1, 3), dtype=np.int64)),
    "bytes": stored(conv_weight=np.ones((1, 1, 3), dtype=np.uint8)),
    "sparse": torch_saved(lambda: tensors(conv_bias=torch.ones(1).to_sparse())),
    "layer norm": torch_saved(lambda: state(nn.GroupNorm(1, 2))),
    "batch norm elsewhere": torch_saved(lambda: state(nn.ReLU(), nn.BatchNorm1d(2))),
    "batch norm in front": torch_saved(
        lambda: {
            **{f"bn.{name}": x for name, x in nn.BatchNorm1d(1).state_dict().items()},
            **tensors(),
        }
    ),
    "two batch norms": torch_saved(lambda: state(nn.BatchNorm1d(2), nn.BatchNorm1d(2))),
    "spectral norm": torch_saved(
        lambda: nn.Sequential(
            parametrizations.spectral_norm(nn.Conv1d(1, 2, 3)), nn.Linear(2, 1)
        ).state_dict()
    ),
    "LoRA": torch_saved(lambda: {**state(), "0.lora_A.weight": torch.ones(2, 3)}),
    "slopes": torch_saved(lambda: state(nn.PReLU(3))),
    "another slope": torch_saved(lambda: state(nn.PReLU())),
    "slopes of another": torch_saved(
        lambda: {**state(nn.PReLU(2)), "1.weight": torch.tensor([0.125, 0.25])}
    ),
    "quantised": torch_saved(lambda: {**state(), "0.zero_point": torch.tensor(0)}),
    "slope of another": torch_saved(lambda: state(nn.PReLU())),
}

# ---------------------------------------------------------------------------------------- options

OPTIONS: dict[str, Made] = {"repair of images": stored(conv_weight=np.ones((1, 1, 3, 3)))}

# ------------------------------------------------------------------------------------------ setup

SETUP: dict[str, Made] = {
    "no activation": stored({"length": "17"}),
    "no length": stored({"activation": "relu"}),
    "even length": said({"length": "16"}),
    "nothing said": stored({}),
    "long signal": said({"length": "20003"}),
    "no number of pixels": said({"length": "many"}),
    "sides that differ": said({"length": "21x25"}, conv_weight=np.ones((1, 1, 3, 3))),
    "off centre": said({"center": "(3, 4)"}),
    "stride": said({"stride": "2"}),
    "dilation": said({"dilation": "(2,)"}),
    "groups": said({"groups": "2"}),
    "output padding": said({"output_padding": "1"}),
    "slope of relu": said({"negative_slope": "0.2"}),
    "slope of relu, said twice": said({"negative_slope": "0.2"}),
    "slope": said({"slope": "0.1"}),
    "other taps": said({"kernel_size": "5"}),
    "other dimensions": said({"dimensions": "2"}),
    "no biases": said({"bias": "False"}),
    "normalised": said({"normalize": "True"}),
    "scale": said({"input_scale": "2"}),
    "mean": said({"mean": "0.5"}),
    "deviation": said({"std": "(0.25,)"}),
    "short signal": said({"length": "9"}, conv_weight=np.ones((1, 1, 7))),
    "setting under a name": said({"conv.padding": "0"}),
    "taps that do not fit": stored(conv_weight=np.ones((1, 1, 19))),
    "radii": said({"r_max": "99"}),
    "radius": said({"r_min": "1/0"}),
}

# ---------------------------------------------------------------------------------------- predict

PREDICT: dict[str, Made] = {
    "predict: pruned": torch_saved(
        lambda: {
            "w_orig": torch.ones(1, 1, 3),
            "w_mask": torch.ones(1, 1, 3),
            "a": torch.ones(1, 1),
        }
    ),
    "predict: two networks": torch_saved(lambda: {"model": state(), "ema": state()}),
    "predict: saddle": stored(
        {},
        conv_weight=np.ones((1, 1, 1)),
        readout_weight=-np.ones((1, 1)),
        conv_bias=None,
        readout_bias=None,
    ),
    "predict: bends": stored({}, conv_bias=np.array([-0.5])),
    "predict: runs away": stored({}),
    "predict: mean pooling": stored({"pooling": "mean"}),
    "predict: other taps": stored(conv_bias=None, readout_bias=None),
}

# ------------------------------------------------------------------------------------------ train

TRAIN: dict[str, Made] = {"train: full folder": content(b"mine"), "train: a file": content(b"mine")}

# ------------------------------------------------------------------------------------ certificate

CERTIFICATE: dict[str, Made] = {
    "certificate: pipe": lambda folder: os.mkfifo(folder / "net.json"),
    "certificate: kernel, degree 3": certified(
        ("cube", "zeros", 3, THREE, Fraction(0)), Fraction(3)
    ),
    "certificate: kernel, a long signal": certified(
        ("relu", "zeros", 10**5, THREE, Fraction(0)), Fraction(50)
    ),
}

# -------------------------------------------------------------------------------------------- all


def taken(*names: str) -> Made:
    """An output folder in which a file has the name of a folder, or the other way round."""

    def make(folder: Path) -> None:
        (folder / "out").mkdir()
        for name in names:
            path = folder / "out" / name
            path.mkdir() if path.suffix else path.touch()

    return make


ALL: dict[str, Made] = {
    "all: out is a file": content(b"mine", "out"),
    "all: report is a folder": taken("report.json"),
    "all: store is a file": taken("store"),
}

MADE = FILES | FORMATS | WRAPPED | LAYERS | OPTIONS | SETUP | PREDICT | TRAIN | CERTIFICATE | ALL
COMMANDS: Mapping[str, Any] = {
    "network": network,
    "predict": predict,
    "train": train,
    "certificate": certificate,
    "all": verify_all,
}
ROWS = list(csv.DictReader(Path(__file__).with_name("refused.csv").read_text("utf-8").splitlines()))


def test_names_are_told_apart_and_used() -> None:
    names = [row["name"] for row in ROWS]
    assert len(set(names)) == len(names) and set(MADE) <= set(names)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_refused(
    row: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    command, arguments = COMMANDS[row["command"]], shlex.split(row["arguments"])
    usual = stored() if "net.safetensors" in row["arguments"] else lambda folder: None
    MADE.get(row["name"], usual)(tmp_path)
    before = tree(tmp_path)
    with pytest.raises(SystemExit) as end:
        command.main(arguments)
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    cited = err.replace(f"{pages()}/", "docs/")  # its path, as it is seen from this folder
    assert cited == f"{command.PROGRAM}: {row['sentence']}\n"
    assert err[:-1].isprintable()
    assert tree(tmp_path) == before
