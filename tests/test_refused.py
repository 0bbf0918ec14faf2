"""The table of refused inputs: every one ends with status 2 and one true sentence on stderr; nothing is written.

A row has a name, what makes the input in an empty folder, the command's arguments there, and the
sentence.  The tables stand by their subject; the test at the end takes the rows of all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from tests.commands import tree
from verify import certificate, network, predict, train

Made = Callable[[Path], object]
"""Puts the input into a folder."""


@dataclass(frozen=True)
class Row:
    """An input that a command refuses: what makes it, the arguments, the sentence."""

    name: str
    made: Made
    arguments: Sequence[str]
    sentence: str
    command: Any = network


B1: Mapping[str, Any] = {
    "conv.weight": np.array([[[0.5, -0.25, 0.75]]]),
    "conv.bias": np.array([0.5]),
    "readout.weight": np.array([[0.5]]),
    "readout.bias": np.array([-4.25]),
}
"""Exact for relu, 17 pixels, sum pooling and zeros outside."""
SAID = {"activation": "relu", "length": "17"}
AS_SAID = ("--activation", "relu", "--length", "17")


def nothing(folder: Path) -> None:
    """Leave the folder empty."""


def content(data: bytes, name: str = "net.safetensors") -> Made:
    """A file of these bytes."""
    return lambda folder: (folder / name).write_bytes(data)


def stored(metadata: Mapping[str, str] | None = None, **tensors: Any) -> Made:
    """net.safetensors: B1 with these tensors in place of its own, conv_bias for conv.bias; None leaves one out."""
    changed = {name.replace("_", "."): value for name, value in tensors.items()}
    kept = {name: np.asarray(x) for name, x in {**B1, **changed}.items() if x is not None}
    return content(save(kept, dict(SAID if metadata is None else metadata)))


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


ST = ["net.safetensors"]
PT = ["net.pt", *AS_SAID]
ON_FILE = "net.safetensors: "
ON_PT = "net.pt: "

# ------------------------------------------------------------------------------------------ files

FILES = [
    Row("missing", nothing, PT, ON_PT + "no such file or directory"),
    Row("folder", lambda folder: (folder / "net.pt").mkdir(), PT, ON_PT + "it is not a regular file"),
    Row("pipe", lambda folder: os.mkfifo(folder / "net.pt"), PT, ON_PT + "it is not a regular file"),
    Row("link to nothing", lambda folder: (folder / "net.pt").symlink_to("absent"), PT, ON_PT + "no such file or directory"),
    Row("too large", large, PT, ON_PT + "it is larger than 16 MiB"),
    Row("no name", nothing, [""], "argument FILE: needs the name of a file"),
    Row("NaN", stored(conv_bias=np.array([np.nan])), ST, ON_FILE + "conv.bias holds a number that is not finite (NaN or infinity)"),
    Row("infinity", stored(readout_weight=np.array([[np.inf]])), ST, ON_FILE + "readout.weight holds a number that is not finite (NaN or infinity)"),
    Row("large weight", stored(readout_bias=np.array([1e31])), ST, ON_FILE + "a weight of size 1e+31: weights of 1e-100 to 1e+30, and 0, are explained"),
    Row("small weight", stored(readout_bias=np.array([1e-200])), ST, ON_FILE + "a weight of size 1e-200: weights of 1e-100 to 1e+30, and 0, are explained"),
]  # fmt: skip

# ---------------------------------------------------------------------------------------- options

OPTIONS = [
    Row("no file", nothing, [], "the following arguments are required: FILE"),
    Row("unknown option", stored(), [*ST, "--stride", "2"], "unrecognized arguments: --stride 2"),
    Row("tolerance", stored(), [*ST, "--tolerance", "0"], "argument --tolerance: needs a number of pixels up to 100, not '0'"),
    Row("repair over a file", stored(), [*ST, "--repair", *ST], ON_FILE + "it exists, and is not written over"),
    Row("repair of images", stored(conv_weight=np.ones((1, 1, 3, 3))), [*ST, "--repair", "new"], ON_FILE + "--repair is for signals; of a network for images no nearest exact one is known"),
    Row("out is a file", stored(), [*ST, "--out", *ST], ON_FILE + "file exists"),
    Row("repair where out writes", stored(), [*ST, "--repair", "network.json", "--out", "."], "network.json: --out writes another file there"),
]  # fmt: skip

# ------------------------------------------------------------------------------------------ setup

SETUP = [
    Row("no activation", stored({"length": "17"}), ST, ON_FILE + "the file does not say its activation; give them as --activation relu"),
    Row("no length", stored({"activation": "relu"}), ST, ON_FILE + "the file does not say its length; give them as --length 17"),
    Row("even length", stored({**SAID, "length": "16"}), ST, ON_FILE + "length is an odd number of pixels, not 16: the pulse is centred on the middle pixel; train on 15 or 17"),
    Row("nothing said", stored({}), ST, ON_FILE + "the file does not say its activation and length; give them as --activation relu --length 17"),
    Row("long signal", stored({**SAID, "length": "20003"}), ST, ON_FILE + "length is an odd number of pixels up to 20001, and not 20003"),
    Row("no number of pixels", stored({**SAID, "length": "many"}), ST, ON_FILE + "length is an odd number of pixels up to 20001, not 'many'"),
    Row("sides that differ", stored({**SAID, "length": "21x25"}, conv_weight=np.ones((1, 1, 3, 3))), ST, ON_FILE + "the image has 21 × 25 pixels: its sides have to be equal; crop or pad it to a square"),
    Row("off centre", stored({**SAID, "center": "(3, 4)"}), ST, ON_FILE + "its metadata says center = (3, 4): pulses and disks are centred on the middle pixel here"),
    Row("stride", stored({**SAID, "stride": "2"}), ST, ON_FILE + "its metadata says stride = 2, which changes what the weights mean: networks with stride = 1 are explained"),
    Row("dilation", stored({**SAID, "dilation": "(2,)"}), ST, ON_FILE + "its metadata says dilation = (2,), which changes what the weights mean: networks with dilation = 1 are explained"),
    Row("groups", stored({**SAID, "groups": "2"}), ST, ON_FILE + "its metadata says groups = 2, which changes what the weights mean: networks with groups = 1 are explained"),
    Row("output padding", stored({**SAID, "output_padding": "1"}), ST, ON_FILE + "its metadata says output_padding = 1, which changes what the weights mean: networks with output_padding = 0 are explained"),
    Row("slope of relu", stored({**SAID, "negative_slope": "0.2"}), ST, ON_FILE + "its metadata says negative_slope=0.2, and relu has no negative_slope; give --activation with its parameters"),
    Row("setting under a name", stored({**SAID, "conv.padding": "0"}), ST, ON_FILE + "its metadata says conv.padding = 0: settings are read under the name padding"),
    Row("max pooling", stored(), [*ST, "--pooling", "AdaptiveMaxPool1d(1)"], ON_FILE + "it pools by 'AdaptiveMaxPool1d(1)': max pooling is not explained, the theory is for a sum or a mean over all positions"),
    Row("log-sum-exp pooling", stored(), [*ST, "--pooling", "logsumexp"], ON_FILE + "it pools by 'logsumexp': log-sum-exp pooling is not explained, the theory is for a sum or a mean over all positions"),
    Row("attention", stored(), [*ST, "--pooling", "attention"], ON_FILE + "it pools by 'attention': attention pooling is not explained, the theory is for a sum or a mean over all positions"),
    Row("local pooling", stored(), [*ST, "--pooling", "AvgPool1d(2)"], ON_FILE + "it pools by 'AvgPool1d(2)', over some positions at a time: the theory is for a sum or a mean over all positions"),
    Row("mean over channels", stored(), [*ST, "--pooling", "x.mean(1)"], ON_FILE + "it pools by 'x.mean(1)': the positions are the last axis, -1, of (batch, channels, positions)"),
    Row("padding", stored(), [*ST, "--padding", "left"], ON_FILE + "padding is same, valid or a number of pixels on each side, not 'left'"),
    Row("much padding", stored(), [*ST, "--padding", "17", "--padding-mode", "reflect"], ON_FILE + "17 pixels can be padded with 0 to 16 pixels on each side, not 17"),
    Row("padding mode", stored(), [*ST, "--padding-mode", "mirror"], ON_FILE + "padding_mode is one of zeros, circular, reflect, replicate, not 'mirror'"),
    Row("mirrored at once", stored(), [*ST, "--padding", "8", "--padding-mode", "reflect"], ON_FILE + "with so few pixels filters of 3 taps see an edge and the border, or its mirror image, at once from r = 1.5 on; give more pixels, or r_min and r_max"),
    Row("two modes", stored(), [*ST, "--padding", "zeros", "--padding-mode", "reflect"], ON_FILE + "padding is zeros and padding_mode is reflect; give --padding same"),
    Row("typing error", stored(), [*ST, "--activation", "gellu"], ON_FILE + "activation 'gellu': character 1: expected z, x, pi, e or a function, found the name 'gellu': did you mean gelu?"),
    Row("no real value", stored(), [*ST, "--activation", "log(x)"], ON_FILE + "activation 'log(x)': log(z) has no real value at z = -1; an activation needs one at every z"),
    Row("softmax", stored(), [*ST, "--activation", "nn.Softmax()"], ON_FILE + "activation 'nn.Softmax()': character 1: expected z, x, pi, e or a function, found the name 'Softmax': it mixes channels or positions, an activation is a function of one number"),
    Row("constant", stored(), [*ST, "--activation", "2"], ON_FILE + "activation '2' is constant: its answers do not depend on the signal"),
    Row("code", stored(), [*ST, "--activation", "__import__('os')"], ON_FILE + "activation \"__import__('os')\": character 1: expected z, x, pi, e or a function, found the name '__import__'"),
    Row("arguments that are none", stored(), [*ST, "--activation", "ELU", "--activation-args", "1) + exp(x"], ON_FILE + "activation_args are numbers, such as 0.2 or beta=5, not '1) + exp(x'"),
    Row("arguments of relu", stored(), [*ST, "--activation-args", "0.2"], ON_FILE + "relu takes no parameters: activation_args '0.2' are left over"),
    Row("arguments of an expression", stored(), [*ST, "--activation", "x*exp(x)", "--activation-args", "2"], ON_FILE + "activation 'x*exp(x)' has its parameters already: activation_args '2' are left over"),
    Row("taps that do not fit", stored(conv_weight=np.ones((1, 1, 19))), ST, ON_FILE + "filters of 19 taps do not fit into 17 pixels"),
    Row("radii", stored({**SAID, "r_max": "99"}), ST, ON_FILE + "the radii run from 1.5 to 99; they have to increase, from 1/2 at least to 8.5 at most on 17 pixels"),
    Row("radius", stored({**SAID, "r_min": "1/0"}), ST, ON_FILE + "r_min is a number such as 2.5 or 5/2, not '1/0'"),
]  # fmt: skip

# ---------------------------------------------------------------------------------------- predict

PREDICT = [
    Row("predict: missing", nothing, ["--init", "net.pt"], ON_PT + "no such file or directory", predict),
    Row("predict: even taps", nothing, ["--taps", "4"], "argument --taps: needs an odd number of taps, not 4", predict),
    Row("predict: no channels", nothing, ["--channels", "0"], "argument --channels: needs a whole number from 1 to 64, not '0'", predict),
    Row("predict: two starts", stored(), ["--init", *ST, "--seed", "1"], "--seed draws initial weights and --init reads them: give one of the two", predict),
    Row("predict: other taps", stored(conv_bias=None, readout_bias=None), ["--init", *ST, "--taps", "5"], "--taps 5, but net.safetensors has 3 taps", predict),
]  # fmt: skip

# ------------------------------------------------------------------------------------------ train

TRAIN = [
    Row("train: no folder", nothing, [], "the following arguments are required: --out", train),
    Row("train: even taps", nothing, ["--out", "new", "--taps", "4"], "argument --taps: needs an odd number of taps, not 4", train),
    Row("train: no seeds", nothing, ["--out", "new", "--seeds", "0"], "argument --seeds: needs a whole number from 1 to 100000, not '0'", train),
    Row("train: full folder", content(b"mine"), ["--out", "."], ".: the folder is not empty, and holds no run", train),
    Row("train: a file", content(b"mine"), ["--out", *ST], ON_FILE + "file exists", train),
]  # fmt: skip

# ------------------------------------------------------------------------------------ certificate

CERTIFICATE = [
    Row("certificate: missing", nothing, ["net.json"], "net.json: no such file or directory", certificate),
    Row("certificate: pipe", lambda folder: os.mkfifo(folder / "net.json"), ["net.json"], "net.json: it is not a regular file", certificate),
    Row("certificate: two", nothing, ["a.json", "b.json"], "unrecognized arguments: b.json", certificate),
]  # fmt: skip

ROWS = [*FILES, *OPTIONS, *SETUP, *PREDICT, *TRAIN, *CERTIFICATE]


def test_names_are_told_apart() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_refused(
    row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    row.made(tmp_path)
    before = tree(tmp_path)
    with pytest.raises(SystemExit) as end:
        row.command.main(row.arguments)
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert err == f"{row.command.PROGRAM}: {row.sentence}\n"
    assert err[:-1].isprintable()
    assert tree(tmp_path) == before
