"""The files that people have: two networks that are exact by hand are explained, with an error of
0, however they are stored.
"""

from __future__ import annotations

import collections
import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.utils import prune

from tests.commands import refused
from verify.network import explain, main

B1 = {
    "conv.weight": [[[0.5, -0.25, 0.75]]],
    "conv.bias": [0.5],
    "readout.weight": [[0.5]],
    "readout.bias": [-4.25],
}
B2 = {
    "conv.weight": [[[0.5, -0.25, 0.75]], [[0.25, 0.25, 0.5]]],
    "conv.bias": [0.5, 0.5],
    "readout.weight": [[0.25, 0.25]],
    "readout.bias": [-4.25],
}
SAID = ("--activation", "relu", "--length", "17")


def explained(path: Path, *options: str, status: int = 0) -> dict[str, Any]:
    """The JSON that is printed."""
    with redirect_stdout(io.StringIO()) as out:
        assert main([str(path), *SAID, "--json", *options]) == status
    return dict(json.loads(out.getvalue()))


def exact(path: Path, *options: str) -> dict[str, Any]:
    """The same of a network that is explained, with an error of 0."""
    found = explained(path, *options)
    assert found["explained"] is True and found["worst_error"]["value"] == "0"
    assert found["nearest"]["distance"] == [0.0, 0.0]
    return found


def named(
    net: dict[str, Any], conv: str, readout: str, dtype: torch.dtype
) -> dict[str, torch.Tensor]:
    """The tensors of a network with these beginnings of their names."""
    names = (name.replace("conv.", conv).replace("readout.", readout) for name in net)
    return {name: torch.tensor(x, dtype=dtype) for name, x in zip(names, net.values(), strict=True)}


LAYERS = [
    ("conv.", "readout."),
    ("0.", "4."),
    ("module.conv.", "module.fc."),
    ("_orig_mod.module.0.", "_orig_mod.module.3."),
    ("model.net.0.", "model.head."),
    ("features.", "classifier."),
    ("conv_", "out_"),
    ("b.", "a."),
    ("weight.", "bias."),
]
WRAPPERS = ["", "state_dict", "model_state_dict", "model", "ema", "checkpoint.model", "a.b.c"]
BESIDE = {
    "epoch": 7,
    "pytorch-lightning_version": "2.4.0",
    "hyper_parameters": {"lr": 0.1},
    "losses": [0.5, 0.25],
    "optimizer": {"state": {0: {"exp_avg": torch.ones(1, 1, 3)}}, "param_groups": [{"lr": 0.1}]},
    "n_averaged": torch.tensor(3),
}
TYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@settings(max_examples=40)
@given(
    st.sampled_from((B1, B2)),
    st.sampled_from(LAYERS),
    st.permutations(range(4)),
    st.sampled_from(WRAPPERS),
    st.sampled_from(TYPES),
    st.sampled_from(("safetensors", "new", "old")),
)
@example(B1, LAYERS[1], [3, 2, 1, 0], "state_dict", torch.float32, "new")
@example(B1, LAYERS[7], [3, 1, 2, 0], "", torch.bfloat16, "safetensors")
@example(B2, LAYERS[8], [0, 1, 2, 3], "a.b.c", torch.float16, "old")
def test_exact_networks_are_explained_however_they_are_stored(
    tmp_path_factory: pytest.TempPathFactory,
    net: dict[str, Any],
    layers: tuple[str, str],
    order: list[int],
    wrapper: str,
    dtype: torch.dtype,
    form: str,
) -> None:
    path = tmp_path_factory.getbasetemp() / f"net.{form}"
    tensors = list(named(net, *layers, dtype).items())
    state = collections.OrderedDict(tensors[j] for j in order)
    if form == "safetensors":
        save_file(state, path, {"format": "pt"})
    else:
        held: Any = state
        for key in reversed(wrapper.split(".")) if wrapper else ():
            held = {**BESIDE, key: held}
        torch.save(held, path, _use_new_zipfile_serialization=form == "new")
    found = exact(path)
    assert {weight["name"] for weight in found["weights"]} == set(state)
    kind = str(dtype).removeprefix("torch.")
    assert kind in found["worst_error"]["as_it_runs"]
    entry = [note for note in found["notes"] if "is the entry" in note]
    assert entry == [] if form == "safetensors" or not wrapper else wrapper in entry[0]


def sequential(net: dict[str, Any], sigma: nn.Module, *before: nn.Module) -> nn.Sequential:
    """The network as nn.Sequential has it, with layers between convolution and activation."""
    channels = len(net["conv.bias"])
    conv, linear = nn.Conv1d(1, channels, 3), nn.Linear(channels, 1)
    with torch.no_grad():
        for layer, name in ((conv, "conv"), (linear, "readout")):
            layer.weight.copy_(torch.tensor(net[f"{name}.weight"]))
            layer.bias.copy_(torch.tensor(net[f"{name}.bias"]))  # type: ignore[union-attr]
    return nn.Sequential(conv, *before, sigma, nn.Flatten(), linear).eval()


def saved(folder: Path, state: object) -> Path:
    path = folder / "net.pt"
    torch.save(state, path)
    return path


def test_models_of_averages_and_compiled_ones(tmp_path: Path) -> None:
    net = sequential(B1, nn.ReLU())
    averaged = torch.optim.swa_utils.AveragedModel(net)
    found = exact(saved(tmp_path, averaged.state_dict()))
    assert found["weights"][0]["name"] == "module.0.weight"
    optimizer = torch.optim.Adam(net.parameters())
    optimizer.zero_grad()
    sum(x.sum() for x in net.parameters()).backward()  # type: ignore[union-attr]
    moments = net.state_dict()
    kept = {name: value.clone() for name, value in moments.items()}
    optimizer.step()
    exact(saved(tmp_path, {"model": kept, "optimizer": optimizer.state_dict(), "epoch": 1}))


def test_two_networks_are_told_apart_by_a_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state, other = sequential(B2, nn.ReLU()).state_dict(), sequential(B1, nn.ReLU()).state_dict()
    path = saved(tmp_path, {"model": state, "ema": other})
    assert "it holds 2 networks, model and ema; choose one with --key ema" in refused(
        [str(path), *SAID], capsys
    )
    assert exact(path, "--key", "model")["network"]["channels"] == 2
    assert exact(path, "--key", "ema")["network"]["channels"] == 1
    assert "no tensors stand under --key teacher; there are some in model and ema" in refused(
        [str(path), "--key", "teacher", *SAID], capsys
    )
    flat = {
        f"{name}.{key}": x
        for name, net in (("online", state), ("ema", other))
        for key, x in net.items()
    }
    path = saved(tmp_path, flat)
    assert "it holds 2 networks, online and ema; choose one with --key ema" in refused(
        [str(path), *SAID], capsys
    )
    found = exact(path, "--key", "online")
    assert found["weights"][0]["name"] == "online.0.weight"
    # Another entry that is no such network does not stand in the way.
    path = saved(
        tmp_path,
        {
            "teacher": nn.Sequential(nn.Conv1d(1, 2, 3), nn.Conv1d(2, 2, 3)).state_dict(),
            "student": other,
        },
    )
    assert "the entry student" in exact(path)["notes"][0]


def test_a_key_from_python(tmp_path: Path) -> None:
    held = {"model": sequential(B2, nn.ReLU()).state_dict(), "epoch": 3}
    assert explain(held, 17, activation="relu").explained  # type: ignore[arg-type]
    held["ema"] = sequential(B1, nn.ReLU()).state_dict()
    for network in (held, saved(tmp_path, held)):
        for key, channels in (("model", 2), ("ema", 1)):
            assert explain(network, 17, activation="relu", key=key).channels == channels  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="it holds 2 networks"):
            explain(network, 17, activation="relu")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a module is one network"):
        explain(sequential(B1, nn.ReLU()), 17, key="model")


def test_memory_does_not_matter(tmp_path: Path) -> None:
    """Not contiguous, channels_last, tied, shared with others: the answers are those of plain
    tensors.
    """
    plain = named(B2, "conv.", "readout.", torch.float32)
    want = exact(saved(tmp_path, plain))
    turned = {
        **plain,
        "conv.weight": plain["conv.weight"].permute(2, 1, 0).contiguous().permute(2, 1, 0),
    }
    strided = {name: torch.stack([x, x + 1], dim=-1)[..., 0] for name, x in plain.items()}
    tied = {
        **plain,
        **{
            f"net.0.{name.partition('.')[2]}": x
            for name, x in plain.items()
            if name.startswith("conv")
        },
    }
    for state in (turned, strided, tied):
        assert exact(saved(tmp_path, state)) == want
    image = {"conv.weight": torch.rand(2, 1, 3, 3), "readout.weight": torch.rand(1, 2)}
    last = {
        **image,
        "conv.weight": image["conv.weight"].contiguous(memory_format=torch.channels_last),
    }
    options = ("--length", "15", "--tolerance", "1")
    first, second = (
        explained(saved(tmp_path, state), *options, status=1) for state in (image, last)
    )
    assert first == second


def test_layers_are_folded_and_said(tmp_path: Path) -> None:
    net = sequential(B1, nn.ReLU())
    prune.custom_from_mask(net[0], "weight", torch.ones(1, 1, 3))
    found = exact(saved(tmp_path, net.state_dict()))
    assert found["notes"] == [
        "0.weight is made of 0.weight_orig and 0.weight_mask (pruning), exactly"
    ]
    assert set(found["worst_error"]["as_it_runs"]) == {"float32", "float64"}
    # γ = 2, var + eps = 4 and μ = 1: twice the filters less 1 in front, over 2.
    norm = nn.BatchNorm1d(1, eps=0).double()
    net = sequential(B1, nn.ReLU(), norm).double()
    with torch.no_grad():
        norm.weight.fill_(2)
        norm.running_mean.fill_(0.5)  # type: ignore[union-attr]
        norm.running_var.fill_(4 - 1e-5)  # type: ignore[union-attr]
        norm.bias.fill_(0.5)
    found = explained(saved(tmp_path, net.state_dict()))
    assert found["explained"] and found["worst_error"]["about"] < 1e-14
    assert "the batch norm 1, with eps = 1e-05, is part of 0, off by" in found["notes"][0]


@pytest.mark.parametrize("new", [False, True])
def test_weight_norm_in_both_spellings(new: bool, tmp_path: Path) -> None:
    net = sequential(B1, nn.ReLU()).double()
    if new:
        normed = nn.utils.parametrizations.weight_norm(net[0])
        parts = normed.parametrizations.weight
        values = parts.original0, parts.original1
    else:
        with pytest.warns(FutureWarning):
            normed = nn.utils.weight_norm(net[0])
        values = normed.weight_g, normed.weight_v
    with (
        torch.no_grad()
    ):  # (0, 3, 4) of length 5, over 7 · 5/7: what is left is 1/7 of it, with Σ = 1
        values[0].fill_(5 / 8)
        values[1].copy_(torch.tensor([[[0.0, 3.0, 4.0]]]))
    found = explained(saved(tmp_path, net.state_dict()), status=1)
    assert [weight["value"] for weight in found["weights"][:3]] == [0.0, 0.375, 0.5]
    note, radii = found["notes"]
    assert note.startswith("0.weight is made of 0.") and note.endswith("(weight norm), exactly")
    assert "an end of the default radii" in radii


def test_fractions_that_are_no_floats_stay_exact(tmp_path: Path) -> None:
    """(4, -3, 0) of length 5: taps 4/5 and -3/5, whose sum 1/5 times 2 · 5/2 is 1, and 5/2 of 17
    ones are taken away.
    """
    state = {
        "0.weight_g": [[[1.0]]],
        "0.weight_v": [[[4.0, -3.0, 0.0]]],
        "0.bias": [1.0],
        "3.weight": [[2.5]],
        "3.bias": [-42.5],
    }
    path = saved(tmp_path, {name: torch.tensor(x) for name, x in state.items()})
    found = exact(path, "--repair", str(tmp_path / "new.safetensors"))
    why = "folded weights are fractions that no type of floats holds"
    assert found["notes"] == [
        "0.weight is made of 0.weight_g and 0.weight_v (weight norm), exactly",
        f"no bound on rounding in float64: {why}",
    ]
    assert exact(tmp_path / "new.safetensors")["notes"] == []
    # The nearest floats are not exact.
    floats = {"0.weight": torch.tensor([[[0.8, -0.6, 0.0]]], dtype=torch.float64)}
    rest = {
        name: torch.tensor(x, dtype=torch.float64)
        for name, x in state.items()
        if "weight_" not in name
    }
    assert explained(saved(tmp_path, floats | rest))["worst_error"]["value"] != "0"


def test_a_learned_slope_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """PReLU by its own slope, whatever it began with; one per channel is twice as many of relu."""
    net = sequential(B2, nn.PReLU(init=0.1))
    path, activation = saved(tmp_path, net.state_dict()), ("--activation", "PReLU")
    slope = float(np.float32(0.1))
    found = exact(path, *activation)
    assert found["network"]["activation"] == "prelu(weight=13421773/134217728)"
    assert f"the learned slope 1.weight = {slope:.12g}" in found["notes"][0]
    assert "a slope of PReLU; relu is another activation" in refused([str(path), *SAID], capsys)
    assert "a slope of PReLU; gelu is another activation" in refused(
        [str(path), "--activation", "gelu", "--length", "17"], capsys
    )

    per_channel = sequential(B2, nn.PReLU(2))
    with torch.no_grad():
        per_channel[1].weight.copy_(torch.tensor([0.25, 0.5]))
    found = exact(saved(tmp_path, per_channel.state_dict()), *activation)
    assert (found["network"]["activation"], found["network"]["channels"]) == ("relu", 4)
    x = torch.rand(5, 1, 17)
    pooled = nn.Sequential(per_channel[0], per_channel[1])(x).sum(-1)
    want = per_channel[3](pooled)
    values = {(w["name"], *w["index"]): w["value"] for w in found["weights"]}
    w = torch.tensor([[[values["0.weight", k, 0, u] for u in range(3)]] for k in range(4)])
    b = torch.tensor([values["0.bias", k] for k in range(4)])
    a = torch.tensor([values["3.weight", 0, k] for k in range(4)])
    again = torch.relu(torch.conv1d(x, w, b)).sum(-1) @ a + values["3.bias", 0]
    assert torch.allclose(again, want[:, 0], atol=1e-5)


def test_a_repaired_network_is_taken_back(tmp_path: Path) -> None:
    """With the user's names, metadata and learned slope: load_state_dict takes it, strictly."""
    net = sequential(B2, nn.PReLU(init=0.25)).double()
    with torch.no_grad():
        net[0].weight.add_(0.001)
    path, new = tmp_path / "net.safetensors", tmp_path / "new.safetensors"
    save_file(net.state_dict(), path, {"format": "pt", "length": "17", "author": "me"})
    with redirect_stdout(io.StringIO()) as out:
        main([str(path), "--repair", str(new)])
    assert "it is exact in its float64 weights" in out.getvalue()
    net.load_state_dict(load_file(new))
    with redirect_stdout(io.StringIO()) as out:
        assert main([str(new), "--json"]) == 0
    found = json.loads(out.getvalue())
    assert found["worst_error"]["value"] == "0" and found["network"]["activation"] == "prelu"
    with safe_open(new, "pt") as file:  # type: ignore[no-untyped-call]
        assert file.metadata().items() >= {"format": "pt", "author": "me"}.items()
