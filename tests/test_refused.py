"""The table of refused inputs: every one ends with status 2 and one true sentence on stderr;
nothing is written.

A row has a name, what makes the input in an empty folder, the command's arguments there, and the
sentence.  The tables stand by their subject; the test at the end takes the rows of all.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import pickle
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
from verify import all as verify_all
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
    """net.safetensors: B1 with these tensors in place of its own, conv_bias for conv.bias; None
    leaves one out.
    """
    changed = {name.replace("_", "."): value for name, value in tensors.items()}
    kept = {name: np.asarray(x) for name, x in {**B1, **changed}.items() if x is not None}
    return content(save(kept, dict(SAID if metadata is None else metadata)))


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


ST = ["net.safetensors"]
PT = ["net.pt", *AS_SAID]
ON_FILE = "net.safetensors: "
ON_PT = "net.pt: "

# ------------------------------------------------------------------------------------------ files

FILES = [
    Row("missing", nothing, PT, ON_PT + "no such file or directory"),
    Row(
        "folder", lambda folder: (folder / "net.pt").mkdir(), PT, ON_PT + "it is not a regular file"
    ),
    Row(
        "pipe", lambda folder: os.mkfifo(folder / "net.pt"), PT, ON_PT + "it is not a regular file"
    ),
    Row(
        "link to nothing",
        lambda folder: (folder / "net.pt").symlink_to("absent"),
        PT,
        ON_PT + "no such file or directory",
    ),
    Row("too large", large, PT, ON_PT + "it is larger than 16 MiB"),
    Row("no name", nothing, [""], "argument FILE: needs the name of a file"),
    Row(
        "NaN",
        stored(conv_bias=np.array([np.nan])),
        ST,
        ON_FILE + "conv.bias holds a number that is not finite (NaN or infinity)",
    ),
    Row(
        "infinity",
        stored(readout_weight=np.array([[np.inf]])),
        ST,
        ON_FILE + "readout.weight holds a number that is not finite (NaN or infinity)",
    ),
    Row(
        "large weight",
        stored(readout_bias=np.array([1e31])),
        ST,
        ON_FILE + "a weight of size 1e+31: weights of 1e-100 to 1e+30, and 0, are explained",
    ),
    Row(
        "small weight",
        stored(readout_bias=np.array([1e-200])),
        ST,
        ON_FILE + "a weight of size 1e-200: weights of 1e-100 to 1e+30, and 0, are explained",
    ),
]

# ---------------------------------------------------------------------------------------- formats

ALONE = "store the weights alone: torch.save(model.state_dict(), FILE)"
TORCH = f"which torch does not load with weights_only; {ALONE}"
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


FORMATS = [
    Row("no bytes", content(b"", "net.pt"), PT, ON_PT + "it is empty: 0 bytes"),
    Row(
        "text",
        content(b"weights", "net.pt"),
        PT,
        ON_PT + "it is neither a torch nor a safetensors file (header too small)",
    ),
    Row(
        "random bytes",
        content(bytes(range(40, 90)), "net.pt"),
        PT,
        ON_PT + "it is neither a torch nor a safetensors file (header too large)",
    ),
    Row(
        "damaged header",
        content((2**20).to_bytes(8, "little") + b"{}"),
        ST,
        ON_FILE + "it is no safetensors file (invalid header length)",
    ),
    Row("unpacks to much", bomb, PT, ON_PT + "it unpacks to more than 16 MiB"),
    Row(
        "whole module",
        torch_saved(net_of),
        PT,
        ON_PT
        + f"it is a whole pickled module and needs torch.nn.modules.container.Sequential, {TORCH}",
    ),
    Row(
        "whole module, old",
        torch_saved(net_of, **OLD),
        PT,
        ON_PT
        + f"it is a whole pickled module and needs torch.nn.modules.container.Sequential, {TORCH}",
    ),
    Row(
        "class beside",
        torch_saved(lambda: {**state(), "args": argparse.Namespace()}),
        PT,
        ON_PT + f"beside its tensors it needs argparse.Namespace, {TORCH}",
    ),
    Row(
        "class beside, old",
        torch_saved(lambda: {"model": state(), "path": Path("a")}, **OLD),
        PT,
        ON_PT + f"beside its tensors it needs pathlib.{type(Path()).__name__}, {TORCH}",
    ),
    Row(
        "protocol",
        torch_saved(state, pickle_protocol=5),
        PT,
        ON_PT
        + "its pickle has the protocol 5, and torch reads 2 with weights_only; store it without"
        " pickle_protocol",
    ),
    Row(
        "TorchScript", script, PT, ON_PT + f"it is a TorchScript archive, which holds code; {ALONE}"
    ),
    Row(
        "NumPy",
        archived,
        PT,
        ON_PT + "it is a NumPy archive; store its arrays with"
        " safetensors.numpy.save_file(dict(numpy.load(FILE)), NEW)",
    ),
    Row(
        "pickle",
        content(pickle.dumps([1]), "net.pt"),
        PT,
        ON_PT
        + f"it is a pickle that torch.save did not write, and such a file can run code; {ALONE}",
    ),
    Row(
        "Keras",
        content(b"\x89HDF\r\n\x1a\n", "net.pt"),
        PT,
        ON_PT + "it is an HDF5 file, as Keras writes them; store the arrays with"
        " safetensors.numpy.save_file",
    ),
    Row(
        "gzip",
        content(gzip.compress(b"x"), "net.pt"),
        PT,
        ON_PT + "it is compressed by gzip; unpack it",
    ),
    Row(
        "one of several files",
        content(save(dict(B1)), "net-00001-of-00002.safetensors"),
        ["net-00001-of-00002.safetensors"],
        "net-00001-of-00002.safetensors: it is part 1 of 2 of a checkpoint; store it in one file",
    ),
    Row(
        "index",
        content(b'{"weight_map": {}}', "net.pt"),
        PT,
        ON_PT + "it is the index of a checkpoint in several files; store it in one",
    ),
]

# ---------------------------------------------------------------------------------------- wrapped

WRAPPED = [
    Row("empty", torch_saved(dict), PT, ON_PT + "it is an empty state_dict"),
    Row(
        "one tensor",
        torch_saved(lambda: torch.ones(1)),
        PT,
        ON_PT + f"it holds no state_dict but a Tensor; {ALONE}",
    ),
    Row(
        "no tensors",
        torch_saved(lambda: {"epoch": 3}),
        PT,
        ON_PT + f"it holds no named tensors; {ALONE}",
    ),
    Row(
        "optimizer",
        torch_saved(lambda: torch.optim.SGD(net_of().parameters(), 0.1).state_dict()),
        PT,
        ON_PT + f"it holds an optimizer's state and no weights; {ALONE}",
    ),
    Row(
        "two networks",
        torch_saved(lambda: {"model": state(), "ema": state()}),
        PT,
        ON_PT + "it holds 2 networks, model and ema; choose one with --key ema",
    ),
    Row(
        "stride in hyper_parameters",
        torch_saved(lambda: {"state_dict": state(), "hyper_parameters": {"stride": 2}}),
        PT,
        ON_PT
        + "its metadata says stride = 2, which changes what the weights mean: networks with stride"
        " = 1 are explained",
    ),
    Row(
        "stride in JSON",
        stored({**SAID, "config": '{"stride": 2}'}),
        ST,
        ON_FILE
        + "its metadata says stride = 2, which changes what the weights mean: networks with stride"
        " = 1 are explained",
    ),
    Row(
        "layer by layer, three outputs",
        torch_saved(
            lambda: {
                "encoder": nn.Conv1d(1, 2, 3).state_dict(),
                "head": nn.Linear(2, 3).state_dict(),
            }
        ),
        PT,
        ON_PT
        + "head.weight has the shape [3, 2], not [1, 2]: it has 3 outputs; store the row of the one"
        " to explain",
    ),
    Row(
        "another key",
        torch_saved(lambda: {"model": state()}),
        [*PT, "--key", "ema"],
        ON_PT + "no tensors stand under --key ema; there are some in model",
    ),
]

# ----------------------------------------------------------------------------------------- layers

LAYERS = [
    Row(
        "no filters",
        stored(conv_weight=None),
        ST,
        ON_FILE + "it has no tensor of filters, (K, 1, n) or (K, 1, n, n)",
    ),
    Row(
        "no readout",
        stored(readout_weight=None),
        ST,
        ON_FILE + "it has no readout, no tensor of the shape (1, 1)",
    ),
    Row(
        "flat readout",
        torch_saved(lambda: {**state(), "1.weight": torch.ones(2)}),
        PT,
        ON_PT
        + "it has no readout, no tensor of the shape (1, 2); 1.weight has the shape [2]: store the"
        " readout as a row",
    ),
    Row(
        "colours",
        stored(conv_weight=np.ones((1, 3, 3, 3))),
        ST,
        ON_FILE
        + "conv.weight has the shape [1, 3, 3, 3]: filters of 3 channels of input; those of one are"
        " explained",
    ),
    Row(
        "even taps",
        stored(conv_weight=np.ones((1, 1, 4))),
        ST,
        ON_FILE
        + "the filters of conv.weight have 4 taps; an odd number is needed: with padding 'same' a"
        " zero in front of each changes nothing",
    ),
    Row(
        "oblong filters",
        stored(conv_weight=np.ones((1, 1, 3, 5))),
        ST,
        ON_FILE
        + "the filters of conv.weight have 3 × 5 taps; squares are needed: with padding 'same'"
        " zeros around them change nothing",
    ),
    Row(
        "two convolutions",
        torch_saved(lambda: state(nn.Conv1d(2, 2, 3))),
        PT,
        ON_PT + "it has 2 convolutions, 0.weight and 1.weight; networks with one are explained",
    ),
    Row(
        "hidden layer",
        torch_saved(lambda: state(nn.Linear(2, 2))),
        PT,
        ON_PT
        + "it has 2 Linear layers, 1.weight and 2.weight; networks with one, (1, 2), are explained",
    ),
    Row(
        "three outputs",
        torch_saved(lambda: nn.Sequential(nn.Conv1d(1, 2, 3), nn.Linear(2, 3)).state_dict()),
        PT,
        ON_PT
        + "1.weight has the shape [3, 2], not [1, 2]: it has 3 outputs; store the row of the one to"
        " explain",
    ),
    Row(
        "transposed",
        stored(conv_weight=np.ones((2, 1, 3)), conv_bias=None, readout_weight=np.ones((2, 1))),
        ST,
        ON_FILE + "readout.weight has the shape [2, 1], not [1, 2]: it is transposed; store"
        " readout.weight.T",
    ),
    Row(
        "not pooled",
        stored(readout_weight=np.ones((1, 17))),
        ST,
        ON_FILE
        + "readout.weight has the shape [1, 17], not [1, 1]: it weighs 17 positions per channel one"
        " by one; pooled networks are explained",
    ),
    Row(
        "unknown tensor",
        stored(scale=np.ones(3)),
        ST,
        ON_FILE + "it holds 'scale', which this model does not have",
    ),
    Row(
        "which bias",
        torch_saved(lambda: {"w": torch.ones(1, 1, 3), "a": torch.ones(1, 1), "b": torch.ones(1)}),
        PT,
        ON_PT
        + "the shapes do not say which bias is which: b; name them as torch does: X.weight, X.bias",
    ),
    Row(
        "whole numbers",
        stored(conv_weight=np.ones((1, 1, 3), dtype=np.int64)),
        ST,
        ON_FILE + "conv.weight is int64; float16, bfloat16, float32 and float64 are taken",
    ),
    Row(
        "bytes",
        stored(conv_weight=np.ones((1, 1, 3), dtype=np.uint8)),
        ST,
        ON_FILE + "conv.weight is U8; float16, bfloat16, float32 and float64 are taken",
    ),
    Row(
        "sparse",
        torch_saved(lambda: tensors(conv_bias=torch.ones(1).to_sparse())),
        PT,
        ON_PT + "conv.bias is sparse; dense tensors with values are taken",
    ),
    Row(
        "layer norm",
        torch_saved(lambda: state(nn.GroupNorm(1, 2))),
        PT,
        ON_PT
        + "1.weight and 1.bias scale and shift what is normalised by the input itself (layer norm,"
        " group norm, batch norm without running averages); that is not explained",
    ),
    Row(
        "batch norm elsewhere",
        torch_saved(lambda: state(nn.ReLU(), nn.BatchNorm1d(2))),
        PT,
        ON_PT
        + "the batch norm 2 does not follow the convolution 0 at once; only there it is folded",
    ),
    Row(
        "batch norm in front",
        torch_saved(
            lambda: {
                **{f"bn.{name}": x for name, x in nn.BatchNorm1d(1).state_dict().items()},
                **tensors(),
            }
        ),
        PT,
        ON_PT + "the batch norm bn stands in front of the convolution conv in the file; one between"
        " convolution and activation is folded: if it is called there, explain the module itself"
        " (docs/network.md#from-python)",
    ),
    Row(
        "two batch norms",
        torch_saved(lambda: state(nn.BatchNorm1d(2), nn.BatchNorm1d(2))),
        PT,
        ON_PT + "it has 2 batch norms, 1 and 2; networks with one are explained",
    ),
    Row(
        "spectral norm",
        torch_saved(
            lambda: nn.Sequential(
                parametrizations.spectral_norm(nn.Conv1d(1, 2, 3)), nn.Linear(2, 1)
            ).state_dict()
        ),
        PT,
        ON_PT + "0.parametrizations.weight.0._u belongs to spectral norm: remove it"
        " (remove_parametrizations, remove_spectral_norm) and store the layer",
    ),
    Row(
        "LoRA",
        torch_saved(lambda: {**state(), "0.lora_A.weight": torch.ones(2, 3)}),
        PT,
        ON_PT
        + "0.lora_A.weight belongs to LoRA: merge it into its layer (merge_and_unload) and store"
        " that",
    ),
    Row(
        "slopes",
        torch_saved(lambda: state(nn.PReLU(3))),
        PT,
        ON_PT + "1.weight has 3 slopes for 2 channels; PReLU has one, or one per channel",
    ),
    Row(
        "another slope",
        torch_saved(lambda: state(nn.PReLU())),
        ["net.pt", "--activation", "prelu(0.1)", "--length", "17"],
        ON_PT + "it holds 1.weight, a slope of PReLU; prelu(0.1) is another activation",
    ),
    Row(
        "slopes of another",
        torch_saved(lambda: {**state(nn.PReLU(2)), "1.weight": torch.tensor([0.125, 0.25])}),
        PT,
        ON_PT + "it holds 1.weight, a slope of PReLU; relu is another activation",
    ),
    Row(
        "quantised",
        torch_saved(lambda: {**state(), "0.zero_point": torch.tensor(0)}),
        PT,
        ON_PT
        + "0.zero_point belongs to a quantised layer: store the network before it was quantised",
    ),
    Row(
        "slope of another",
        torch_saved(lambda: state(nn.PReLU())),
        PT,
        ON_PT + "it holds 1.weight, a slope of PReLU; relu is another activation",
    ),
]

# ---------------------------------------------------------------------------------------- options

OPTIONS = [
    Row("no file", nothing, [], "the following arguments are required: FILE"),
    Row("unknown option", stored(), [*ST, "--stride", "2"], "unrecognized arguments: --stride 2"),
    Row(
        "tolerance",
        stored(),
        [*ST, "--tolerance", "0"],
        "argument --tolerance: needs a number of pixels up to 100, not '0'",
    ),
    Row(
        "repair over a file",
        stored(),
        [*ST, "--repair", *ST],
        ON_FILE + "it exists, and is not written over",
    ),
    Row(
        "repair of images",
        stored(conv_weight=np.ones((1, 1, 3, 3))),
        [*ST, "--repair", "new"],
        ON_FILE + "--repair is for signals; of a network for images no nearest exact one is known",
    ),
    Row("out is a file", stored(), [*ST, "--out", *ST], ON_FILE + "file exists"),
    Row(
        "repair where out writes",
        stored(),
        [*ST, "--repair", "network.json", "--out", "."],
        "network.json: --out writes another file there",
    ),
]

# ------------------------------------------------------------------------------------------ setup

SETUP = [
    Row(
        "no activation",
        stored({"length": "17"}),
        ST,
        ON_FILE + "the file does not say its activation; give it as --activation relu",
    ),
    Row(
        "no length",
        stored({"activation": "relu"}),
        ST,
        ON_FILE + "the file does not say its length; give it as --length 17",
    ),
    Row(
        "even length",
        stored({**SAID, "length": "16"}),
        ST,
        ON_FILE
        + "length is an odd number of pixels, not 16: the pulse is centred on the middle pixel;"
        " train on 15 or 17",
    ),
    Row(
        "nothing said",
        stored({}),
        ST,
        ON_FILE + "the file does not say its activation and length; give them as --activation relu"
        " --length 17",
    ),
    Row(
        "long signal",
        stored({**SAID, "length": "20003"}),
        ST,
        ON_FILE + "length is an odd number of pixels up to 20001, and not 20003",
    ),
    Row(
        "no number of pixels",
        stored({**SAID, "length": "many"}),
        ST,
        ON_FILE + "length is an odd number of pixels up to 20001, not 'many'",
    ),
    Row(
        "sides that differ",
        stored({**SAID, "length": "21x25"}, conv_weight=np.ones((1, 1, 3, 3))),
        ST,
        ON_FILE
        + "the image has 21 × 25 pixels: its sides have to be equal; crop or pad it to a square",
    ),
    Row(
        "off centre",
        stored({**SAID, "center": "(3, 4)"}),
        ST,
        ON_FILE
        + "its metadata says center = (3, 4): pulses and disks are centred on the middle pixel"
        " here",
    ),
    Row(
        "stride",
        stored({**SAID, "stride": "2"}),
        ST,
        ON_FILE
        + "its metadata says stride = 2, which changes what the weights mean: networks with stride"
        " = 1 are explained",
    ),
    Row(
        "dilation",
        stored({**SAID, "dilation": "(2,)"}),
        ST,
        ON_FILE
        + "its metadata says dilation = (2,), which changes what the weights mean: networks with"
        " dilation = 1 are explained",
    ),
    Row(
        "groups",
        stored({**SAID, "groups": "2"}),
        ST,
        ON_FILE
        + "its metadata says groups = 2, which changes what the weights mean: networks with groups"
        " = 1 are explained",
    ),
    Row(
        "output padding",
        stored({**SAID, "output_padding": "1"}),
        ST,
        ON_FILE
        + "its metadata says output_padding = 1, which changes what the weights mean: networks with"
        " output_padding = 0 are explained",
    ),
    Row(
        "slope of relu",
        stored({**SAID, "negative_slope": "0.2"}),
        ST,
        ON_FILE
        + "its metadata says negative_slope=0.2, and relu has no negative_slope; if that is of"
        " something else, give --activation 'relu()'",
    ),
    Row(
        "slope of relu, said twice",
        stored({**SAID, "negative_slope": "0.2"}),
        [*ST, "--activation", "relu"],
        ON_FILE
        + "its metadata says negative_slope=0.2, and relu has no negative_slope; if that is of"
        " something else, give --activation 'relu()'",
    ),
    Row(
        "slope",
        stored({**SAID, "slope": "0.1"}),
        ST,
        ON_FILE
        + "its metadata says slope=0.1, and relu has no slope; if that is of something else, give"
        " --activation 'relu()'",
    ),
    Row(
        "other taps",
        stored({**SAID, "kernel_size": "5"}),
        ST,
        ON_FILE + "its metadata says kernel_size = 5, and its filters have 3 taps",
    ),
    Row(
        "other dimensions",
        stored({**SAID, "dimensions": "2"}),
        ST,
        ON_FILE + "its metadata says dimensions = 2, and its filters are for 1",
    ),
    Row(
        "no biases",
        stored({**SAID, "bias": "False"}),
        ST,
        ON_FILE + "its metadata says bias = False, and it has conv.bias",
    ),
    Row(
        "normalised",
        stored({**SAID, "normalize": "True"}),
        ST,
        ON_FILE
        + "its metadata says normalize = True, which changes what the weights mean: networks with"
        " normalize = false are explained",
    ),
    Row(
        "scale",
        stored({**SAID, "input_scale": "2"}),
        ST,
        ON_FILE
        + "its metadata says input_scale = 2, which changes what the weights mean: networks with"
        " input_scale = 1 are explained",
    ),
    Row(
        "mean",
        stored({**SAID, "mean": "0.5"}),
        ST,
        ON_FILE
        + "its metadata says mean = 0.5, which changes what the weights mean: networks with mean ="
        " 0 are explained",
    ),
    Row(
        "deviation",
        stored({**SAID, "std": "(0.25,)"}),
        ST,
        ON_FILE
        + "its metadata says std = (0.25,), which changes what the weights mean: networks with std"
        " = 1 are explained",
    ),
    Row(
        "short signal",
        stored({**SAID, "length": "9"}, conv_weight=np.ones((1, 1, 7))),
        ST,
        ON_FILE
        + "with so few pixels filters of 7 taps see an edge and the border, or its mirror image, at"
        " once from r = 3.5 on; give more pixels, or r_min and r_max",
    ),
    Row(
        "setting under a name",
        stored({**SAID, "conv.padding": "0"}),
        ST,
        ON_FILE + "its metadata says conv.padding = 0: settings are read under the name padding",
    ),
    Row(
        "max pooling",
        stored(),
        [*ST, "--pooling", "AdaptiveMaxPool1d(1)"],
        ON_FILE
        + "it pools by 'AdaptiveMaxPool1d(1)': max pooling is not explained, the theory is for a"
        " sum or a mean over all positions",
    ),
    Row(
        "log-sum-exp pooling",
        stored(),
        [*ST, "--pooling", "logsumexp"],
        ON_FILE
        + "it pools by 'logsumexp': log-sum-exp pooling is not explained, the theory is for a sum"
        " or a mean over all positions",
    ),
    Row(
        "attention",
        stored(),
        [*ST, "--pooling", "attention"],
        ON_FILE
        + "it pools by 'attention': attention pooling is not explained, the theory is for a sum or"
        " a mean over all positions",
    ),
    Row(
        "local pooling",
        stored(),
        [*ST, "--pooling", "AvgPool1d(2)"],
        ON_FILE
        + "it pools by 'AvgPool1d(2)', over some positions at a time: the theory is for a sum or a"
        " mean over all positions",
    ),
    Row(
        "mean over channels",
        stored(),
        [*ST, "--pooling", "x.mean(1)"],
        ON_FILE
        + "it pools by 'x.mean(1)': the positions are the last axis, -1, of (batch, channels,"
        " positions)",
    ),
    Row(
        "padding",
        stored(),
        [*ST, "--padding", "left"],
        ON_FILE + "padding is same, valid or a number of pixels on each side, not 'left'",
    ),
    Row(
        "much padding",
        stored(),
        [*ST, "--padding", "17", "--padding-mode", "reflect"],
        ON_FILE + "17 pixels can be padded with 0 to 16 pixels on each side, not 17",
    ),
    Row(
        "padding mode",
        stored(),
        [*ST, "--padding-mode", "mirror"],
        ON_FILE + "padding_mode is one of zeros, circular, reflect, replicate, not 'mirror'",
    ),
    Row(
        "mirrored at once",
        stored(),
        [*ST, "--padding", "8", "--padding-mode", "reflect"],
        ON_FILE
        + "with so few pixels filters of 3 taps see an edge and the border, or its mirror image, at"
        " once from r = 1.5 on; give more pixels, or r_min and r_max",
    ),
    Row(
        "two modes",
        stored(),
        [*ST, "--padding", "zeros", "--padding-mode", "reflect"],
        ON_FILE + "padding is zeros and padding_mode is reflect; give --padding same",
    ),
    Row(
        "typing error",
        stored(),
        [*ST, "--activation", "gellu"],
        ON_FILE
        + "activation 'gellu': character 1: expected z, x, pi, e or a function, found the name"
        " 'gellu': did you mean gelu?",
    ),
    Row(
        "no real value",
        stored(),
        [*ST, "--activation", "log(x)"],
        ON_FILE
        + "activation 'log(x)': log(z) has no real value at z = -1; an activation needs one at"
        " every z",
    ),
    Row(
        "softmax",
        stored(),
        [*ST, "--activation", "nn.Softmax()"],
        ON_FILE
        + "activation 'nn.Softmax()': character 1: expected z, x, pi, e or a function, found the"
        " name 'Softmax': it mixes channels or positions, an activation is a function of one"
        " number",
    ),
    Row(
        "constant",
        stored(),
        [*ST, "--activation", "2"],
        ON_FILE + "activation '2' is constant: its answers do not depend on the signal",
    ),
    Row(
        "code",
        stored(),
        [*ST, "--activation", "__import__('os')"],
        ON_FILE
        + "activation \"__import__('os')\": character 1: expected z, x, pi, e or a function, found"
        " the name '__import__'",
    ),
    Row(
        "arguments that are none",
        stored(),
        [*ST, "--activation", "ELU", "--activation-args", "1) + exp(x"],
        ON_FILE + "activation_args are numbers, such as 0.2 or beta=5, not '1) + exp(x'",
    ),
    Row(
        "arguments of relu",
        stored(),
        [*ST, "--activation-args", "0.2"],
        ON_FILE + "relu takes no parameters: activation_args '0.2' are left over",
    ),
    Row(
        "arguments of an expression",
        stored(),
        [*ST, "--activation", "x*exp(x)", "--activation-args", "2"],
        ON_FILE
        + "activation 'x*exp(x)' has its parameters already: activation_args '2' are left over",
    ),
    Row(
        "taps that do not fit",
        stored(conv_weight=np.ones((1, 1, 19))),
        ST,
        ON_FILE + "filters of 19 taps do not fit into 17 pixels",
    ),
    Row(
        "radii",
        stored({**SAID, "r_max": "99"}),
        ST,
        ON_FILE
        + "the radii run from 1.5 to 99; they have to increase, from 1/2 at least to 8.5 at most on"
        " 17 pixels",
    ),
    Row(
        "radius",
        stored({**SAID, "r_min": "1/0"}),
        ST,
        ON_FILE + "r_min is a number such as 2.5 or 5/2, not '1/0'",
    ),
]

# ---------------------------------------------------------------------------------------- predict

PREDICT = [
    Row(
        "predict: missing",
        nothing,
        ["--init", "net.pt"],
        ON_PT + "no such file or directory",
        predict,
    ),
    Row(
        "predict: pruned",
        torch_saved(
            lambda: {
                "w_orig": torch.ones(1, 1, 3),
                "w_mask": torch.ones(1, 1, 3),
                "a": torch.ones(1, 1),
            }
        ),
        ["--init", "net.pt"],
        ON_PT
        + "w is made of w_orig and w_mask (pruning), exactly; such a network trains otherwise",
        predict,
    ),
    Row(
        "predict: two networks",
        torch_saved(lambda: {"model": state(), "ema": state()}),
        ["--init", "net.pt"],
        ON_PT + "it holds 2 networks, model and ema; choose one with --key ema",
        predict,
    ),
    Row(
        "predict: even taps",
        nothing,
        ["--taps", "4"],
        "argument --taps: needs an odd number of taps, not 4",
        predict,
    ),
    Row(
        "predict: no channels",
        nothing,
        ["--channels", "0"],
        "argument --channels: needs a whole number from 1 to 64, not '0'",
        predict,
    ),
    Row(
        "predict: two starts",
        stored(),
        ["--init", *ST, "--seed", "1"],
        "--seed draws initial weights and --init reads them: give one of the two",
        predict,
    ),
    Row(
        "predict: a step and a rate",
        nothing,
        ["--step", "0.1", "--lr", "0.1"],
        "argument --lr: not allowed with argument --step",
        predict,
    ),
    Row(
        "predict: no rate",
        nothing,
        ["--lr", "0"],
        "argument --lr: needs a number from 1e-12 to 1000, not '0'",
        predict,
    ),
    Row(
        "predict: momentum",
        nothing,
        ["--momentum", "1"],
        "argument --momentum: needs a number from 0 to 0.9999, not '1'",
        predict,
    ),
    Row(
        "predict: decay",
        nothing,
        ["--weight-decay", "x"],
        "argument --weight-decay: needs a number from 0 to 1000, not 'x'",
        predict,
    ),
    Row(
        "predict: no steps",
        nothing,
        ["--steps", "0"],
        "argument --steps: needs a whole number from 1 to 100000, not '0'",
        predict,
    ),
    Row(
        "predict: SiLU",
        nothing,
        ["--activation", "SiLU"],
        "argument --activation: training is predicted for identity and relu, not silu",
        predict,
    ),
    Row(
        "predict: biases of a file",
        stored(),
        ["--init", *ST, "--bias"],
        "--bias draws initial weights and --init reads them: give one of the two",
        predict,
    ),
    Row(
        "predict: Adam with momentum",
        nothing,
        ["--optimizer", "adam", "--momentum", "0.9"],
        "--momentum and --step belong to SGD; with Adam give --lr",
        predict,
    ),
    Row(
        "predict: Adam with decay",
        nothing,
        ["--optimizer", "adam", "--weight-decay", "0.1"],
        "weight decay enters Adam's gradient, and nothing of the taps is kept; with adamw their"
        " deviations are, but for a factor",
        predict,
    ),
    Row(
        "predict: saddle",
        stored(
            {},
            conv_weight=np.ones((1, 1, 1)),
            readout_weight=-np.ones((1, 1)),
            conv_bias=None,
            readout_bias=None,
        ),
        ["--init", *ST],
        "U > 0: U = Σ(a + S/√n)² is 0 beside W = 4; from there training runs into the saddle at 0;"
        " docs/training/flow.md#claim-flow",
        predict,
    ),
    Row(
        "predict: bends",
        stored({}, conv_bias=np.array([-0.5])),
        ["--init", *ST, "--activation", "relu"],
        "linear cell: in channel 0 a partial sum of the taps is or becomes negative on the way"
        " (margin -0.5), so ReLU bends at step 0; docs/training/active.md#claim-active",
        predict,
    ),
    Row(
        "predict: runs away",
        stored({}),
        ["--init", *ST, "--lr", "1"],
        "bound: at step 5 the bound on rounding is as large as the weights, and nothing is shown"
        " from there on; take a smaller --lr, or --steps 4, where the bound on rounding is a"
        " hundredth of the weights",
        predict,
    ),
    Row(
        "predict: leaves its type",
        nothing,
        ["--lr", "1", "--steps", "4", "--dtype", "float32"],
        "finite: at step 4 a weight, a gradient or the loss may leave float32, which ends at"
        " 3.4e+38; take a smaller --lr, or --steps 3, where the bound on rounding is a hundredth of"
        " the weights, or --dtype float64",
        predict,
    ),
    Row(
        "predict: mean pooling",
        stored({"pooling": "mean"}),
        ["--init", *ST],
        ON_FILE + "its pooling is mean: training with sum pooling is predicted",
        predict,
    ),
    Row(
        "predict: other taps",
        stored(conv_bias=None, readout_bias=None),
        ["--init", *ST, "--taps", "5"],
        "--taps 5, but net.safetensors has 3 taps",
        predict,
    ),
]

# ------------------------------------------------------------------------------------------ train

TRAIN = [
    Row("train: no folder", nothing, [], "the following arguments are required: --out", train),
    Row(
        "train: even taps",
        nothing,
        ["--out", "new", "--taps", "4"],
        "argument --taps: needs an odd number of taps, not 4",
        train,
    ),
    Row(
        "train: no seeds",
        nothing,
        ["--out", "new", "--seeds", "0"],
        "argument --seeds: needs a whole number from 1 to 1000000, not '0'",
        train,
    ),
    Row(
        "train: negative seeds",
        nothing,
        ["--out", "new", "--seeds", "-3"],
        "argument --seeds: needs a whole number from 1 to 1000000, not '-3'",
        train,
    ),
    Row(
        "train: no jobs",
        nothing,
        ["--out", "new", "--jobs", "0"],
        "argument --jobs: needs a whole number >= 1, not '0'",
        train,
    ),
    Row(
        "train: scheduler of nothing",
        nothing,
        ["--out", "new", "--scheduler", "tcp://127.0.0.1:8786"],
        "--scheduler needs --executor dask",
        train,
    ),
    Row(
        "train: no address",
        nothing,
        ["--out", "new", "--executor", "dask", "--scheduler", "localhost"],
        "a scheduler is tcp://HOST:PORT or tls://HOST:PORT, not 'localhost'",
        train,
    ),
    Row(
        "train: no certificates",
        nothing,
        ["--out", "new", "--executor", "dask", "--scheduler", "tls://127.0.0.1:8786"],
        "tls:// needs certificates: distributed.comm.tls in dask's settings",
        train,
    ),
    Row(
        "train: full folder",
        content(b"mine"),
        ["--out", "."],
        ".: the folder is not empty, and holds no run",
        train,
    ),
    Row("train: a file", content(b"mine"), ["--out", *ST], ON_FILE + "not a directory", train),
]

# ------------------------------------------------------------------------------------ certificate

CERTIFICATE = [
    Row(
        "certificate: missing",
        nothing,
        ["net.json"],
        "net.json: no such file or directory",
        certificate,
    ),
    Row(
        "certificate: pipe",
        lambda folder: os.mkfifo(folder / "net.json"),
        ["net.json"],
        "net.json: it is not a regular file",
        certificate,
    ),
    Row(
        "certificate: two",
        nothing,
        ["a.json", "b.json"],
        "unrecognized arguments: b.json",
        certificate,
    ),
    Row(
        "certificate: kernel, degree 3",
        certified(("cube", "zeros", 3, THREE, Fraction(0)), Fraction(3)),
        ["net.json", "--kernel"],
        "net.json: the kernel's checker is for degree 1, and σ has a piece of degree 3",
        certificate,
    ),
    Row(
        "certificate: kernel, a long signal",
        certified(("relu", "zeros", 10**5, THREE, Fraction(0)), Fraction(50)),
        ["net.json", "--kernel"],
        "net.json: the kernel's checker is for at most 10000000 taps × positions × cells",
        certificate,
    ),
    Row(
        "certificate: kernel, no name",
        nothing,
        ["net.json", "--kernel-out", ""],
        "argument --kernel-out: needs the name of a file",
        certificate,
    ),
]

# -------------------------------------------------------------------------------------------- all


def taken(*names: str) -> Made:
    """An output folder in which a file has the name of a folder, or the other way round."""

    def make(folder: Path) -> None:
        (folder / "out").mkdir()
        for name in names:
            path = folder / "out" / name
            path.mkdir() if path.suffix else path.touch()

    return make


OUT = ["--out", "out"]
ALL = [
    Row(
        "all: negative seed",
        nothing,
        ["--seed", "-1"],
        "argument --seed: needs a whole number >= 0, not '-1'",
        verify_all,
    ),
    Row(
        "all: no processes",
        nothing,
        ["--jobs", "0"],
        "argument --jobs: needs a whole number >= 1, not '0'",
        verify_all,
    ),
    Row(
        "all: out is a file",
        content(b"mine", "out"),
        OUT,
        "cannot write to out: File exists",
        verify_all,
    ),
    Row(
        "all: report is a folder",
        taken("report.json"),
        OUT,
        "cannot write to out: Is a directory",
        verify_all,
    ),
    Row(
        "all: store is a file", taken("store"), OUT, "cannot write to out: File exists", verify_all
    ),
    Row(
        "all: unknown claim",
        nothing,
        ["--only", "losses"],
        "no claim and no chapter matches 'losses'; --list shows the claims, the chapters are"
        " pulse/, training/, shape/, certificates/, invariance/, disk/",
        verify_all,
    ),
    Row(
        "all: claim outside of the profile",
        nothing,
        ["--profile", "smoke", "--only", "noise"],
        "no claim and no chapter matches 'noise'; --list shows the claims, the chapters are pulse/,"
        " training/, shape/, certificates/, invariance/, disk/; --profile smoke is for pulse/"
        " alone",
        verify_all,
    ),
    Row(
        "all: scheduler without dask",
        nothing,
        ["--scheduler", "tcp://127.0.0.1:8786"],
        "--scheduler needs --executor dask",
        verify_all,
    ),
    Row(
        "all: no address",
        nothing,
        ["--executor", "dask", "--scheduler", "nowhere"],
        "a scheduler is tcp://HOST:PORT or tls://HOST:PORT, not 'nowhere'",
        verify_all,
    ),
    Row(
        "all: no scheduler there",
        nothing,
        ["--executor", "dask", "--scheduler", "tcp://127.0.0.1:1"],
        "no scheduler answers at tcp://127.0.0.1:1",
        verify_all,
    ),
]

ROWS = [*FILES, *FORMATS, *WRAPPED, *LAYERS, *OPTIONS, *SETUP, *PREDICT, *TRAIN, *CERTIFICATE, *ALL]


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
