"""Checkpoints: what is read is exact; whatever else is refused in one sentence, never with a
traceback.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import save

from verify.models.checkpoint import encoded, network_in, network_of, read
from verify.models.networks import Network
from verify.models.tensors import CheckpointError

GOOD = {
    "conv.weight": np.array([[[0.5, -0.25, 1.0]], [[0.1, 0.2, 0.3]]]),
    "readout.weight": np.array([[1.0, -2.0]]),
}


def written(folder: Path, **tensors: NDArray[np.generic] | None) -> Path:
    """A file with the good tensors and these; None leaves one out."""
    found = {**GOOD, **{name.replace("_", ".", 1): value for name, value in tensors.items()}}
    path = folder / "net.safetensors"
    path.write_bytes(save({name: value for name, value in found.items() if value is not None}))
    return path


def refused(path: Path) -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(CheckpointError) as error:
        read(path)
    message = str(error.value)
    assert message and "\n" not in message
    return message


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_values_are_read_exactly(tmp_path: Path, kind: type[np.floating]) -> None:
    want = {name: value.astype(kind) for name, value in GOOD.items()}
    path = tmp_path / "net.safetensors"
    path.write_bytes(save({**want, "conv.bias": np.array([3, 4], dtype=kind)}))
    found = read(path)
    assert np.array_equal(found.w, want["conv.weight"][:, 0].astype(float))
    assert np.array_equal(found.a, want["readout.weight"][0].astype(float))
    assert found.b is not None and found.b.tolist() == [3, 4]
    assert found.c is None and found.w.dtype == np.float64


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"conv_weight": None}, "no tensor of filters"),
        ({"readout_weight": None}, "no tensor of the shape (1, 2)"),
        ({"readout_weight": np.ones((1, 3))}, r"readout.weight has the shape [1, 3], not [1, 2]"),
        ({"readout_bias": np.ones(2)}, "readout.bias has the shape"),
        ({"conv_bias": np.ones((2, 1))}, "conv.bias has the shape"),
        ({"conv_weight": np.ones((2, 3))}, "not (K, 1, n)"),
        ({"conv_weight": np.ones((2, 3, 3))}, "filters of 3 channels of input"),
        ({"conv_weight": np.ones((0, 1, 3))}, "not (K, 1, n)"),
        ({"conv_weight": np.ones((2, 1, 4))}, "odd"),
        ({"conv_weight": np.ones((2, 1, 3), dtype=np.int64)}, "conv.weight is int64"),
        ({"conv_weight": np.full((2, 1, 3), np.nan)}, "not finite"),
        ({"readout_weight": np.array([[1.0, -np.inf]])}, "not finite"),
        ({"fc_weight": np.ones(3)}, "fc.weight has 3 slopes for 2 channels"),
        ({"fc_offset": np.ones(3)}, "'fc.offset', which this model does not have"),
    ],
)
def test_other_tensors_are_refused(
    tmp_path: Path, tensors: dict[str, NDArray[np.generic] | None], words: str
) -> None:
    assert words in refused(written(tmp_path, **tensors))


# --- what torch.save makes ----------------------------------------------------------------------


def saved(folder: Path, found: object) -> Path:
    """A file as torch.save writes it."""
    path = folder / "net.pt"
    torch.save(found, path)
    return path


def test_a_state_dict_is_read(tmp_path: Path) -> None:
    net = Network("relu", 2, 3)
    found = read(saved(tmp_path, net.state_dict()))
    assert np.array_equal(found.w, net.conv.weight[:, 0].detach().numpy())
    assert found.b is not None and found.c is not None and found.metadata == {}


def test_names_are_the_user_s_own(tmp_path: Path) -> None:
    """nn.Sequential's numbers, one channel and one tap included."""
    for channels, taps, bias in ((2, 5, True), (1, 5, True), (1, 1, True), (1, 1, False)):
        conv = torch.nn.Conv1d(1, channels, taps, bias=bias)
        linear = torch.nn.Linear(channels, 1, bias=bias)
        net = torch.nn.Sequential(conv, torch.nn.ReLU(), torch.nn.Flatten(), linear)
        found = read(saved(tmp_path, net.state_dict()))
        assert found.w.shape == (channels, taps) and found.a.shape == (channels,)
        assert np.array_equal(found.a, linear.weight[0].detach().double().numpy())
        assert (found.b is None, found.c is None) == (not bias, not bias)
        names = {"conv.weight": "0.weight", "readout.weight": "3.weight"}
        if bias:
            names |= {"conv.bias": "0.bias", "readout.bias": "3.bias"}
            assert np.array_equal(found.biases, conv.bias.detach().double().numpy())
        assert found.names == names


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"conv.weight": torch.ones(2, 1, 3, dtype=torch.int64)}, "int64"),
        ({"conv.weight": torch.full((2, 1, 3), float("nan"))}, "not finite"),
        ({"conv.weight": torch.zeros(1).expand(10**10)}, "too large"),
        ({"conv.weight": 3}, "no named tensors"),
        (
            {
                "conv.weight": torch.ones(2, 1, 3),
                "conv.bias": torch.ones(2),
                "fc.weight": torch.ones(1, 2),
                "config": {"bias": "False"},
            },
            "says bias = False, and it has conv.bias",
        ),
        ([torch.ones(3)], "no state_dict"),
        (
            {"layer.weight": torch.ones(2, 1, 3, 3), "fc.weight": torch.ones(1, 2)},
            "a network for images",
        ),
        ({"layer.weight": torch.ones(3, 3)}, "no tensor of filters"),
        ({}, "an empty state_dict"),
    ],
)
def test_other_things_are_refused(tmp_path: Path, found: object, words: str) -> None:
    assert words in refused(saved(tmp_path, found))


def test_images_are_read_where_they_are_wanted(tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    path = saved(tmp_path, net.state_dict())
    assert "a network for images" in refused(path)
    found = read(path, images=True)
    assert np.array_equal(found.w, net[0].weight[:, 0].detach().double().numpy())
    oblong = torch.nn.Sequential(torch.nn.Conv2d(1, 2, (3, 5)), torch.nn.Linear(2, 1))
    with pytest.raises(CheckpointError, match="squares are needed"):
        read(saved(tmp_path, oblong.state_dict()), images=True)
    # Signals are read as ever.
    assert np.array_equal(read(written(tmp_path), images=True).w, GOOD["conv.weight"][:, 0])


def test_metadata_is_told(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(save(GOOD, {"activation": "relu"}))
    assert read(path).metadata == {"activation": "relu"}


# --- one of several -----------------------------------------------------------------------------

STATE = {name: torch.tensor(value) for name, value in GOOD.items()}
OTHER = {"0.weight": torch.ones(1, 1, 3), "3.weight": torch.ones(1, 1)}
TWO = {
    "0.weight": torch.ones(2, 1, 3),
    "1.weight": torch.ones(2, 2, 3),
    "fc.weight": torch.ones(1, 2),
}


def test_the_one_entry_with_a_network_is_taken() -> None:
    assert network_in(STATE, {}).notes == ()
    found = network_in({"a": {"b": STATE}, "teacher": TWO, "epoch": 3}, {})
    assert found.notes == (
        "the network is the entry a.b of the file; teacher and epoch beside it are ignored",
    )
    assert network_in({"model": STATE}, {}).notes == ("the network is the entry model of the file",)
    assert (
        network_in({"model": STATE, "lr": 0.1}, {}).notes[0].endswith("; lr beside it is ignored")
    )


@pytest.mark.parametrize(
    ("held", "key", "sentence"),
    [
        ({}, None, "it is an empty state_dict"),
        (
            {"epoch": 3},
            None,
            (
                "it holds no named tensors; store the weights alone: torch.save(model.state_dict(),"
                " FILE)"
            ),
        ),
        (
            {"param_groups": [], "state": {}},
            None,
            (
                "it holds an optimizer's state and no weights; store the weights alone:"
                " torch.save(model.state_dict(), FILE)"
            ),
        ),
        ({"a": STATE, "b": OTHER}, None, "it holds 2 networks, a and b; choose one with --key b"),
        (
            {**STATE, "b": OTHER},
            None,
            "it holds 2 networks, its own tensors and b; choose one with --key b",
        ),
        (
            {
                "c": {
                    f"{name}.{key}": x
                    for name, net in (("a", STATE), ("b", OTHER))
                    for key, x in net.items()
                }
            },
            None,
            "it holds 2 networks, c.a and c.b; choose one with --key c.b",
        ),
        (
            {"a": TWO, "x": torch.ones(3)},
            None,
            "it has 2 convolutions, 0.weight and 1.weight; networks with one are explained",
        ),
        ({"a": STATE}, "b", "no tensors stand under --key b; there are some in a"),
        (STATE, "b", "no tensors stand under --key b; there are some in the file itself"),
        (
            {"a": STATE, "b": TWO},
            "b",
            "it has 2 convolutions, 0.weight and 1.weight; networks with one are explained",
        ),
    ],
)
def test_none_or_several_are_refused(
    held: dict[str, object], key: str | None, sentence: str
) -> None:
    with pytest.raises(CheckpointError) as error:
        network_in(held, {}, key=key)
    assert str(error.value) == sentence


def test_names_of_a_part_stay_whole() -> None:
    flat = {
        f"{name}.{key}": x for name, net in (("a", STATE), ("b", OTHER)) for key, x in net.items()
    }
    found = network_in(flat, {}, key="b")
    assert found.names == {"conv.weight": "b.0.weight", "readout.weight": "b.3.weight"}
    # Part of a network is not taken for the whole without being asked for.
    behind = {"0.weight": torch.ones(1, 1, 3), **{f"1.{name}": x for name, x in OTHER.items()}}
    with pytest.raises(CheckpointError, match="2 convolutions"):
        network_in(behind, {})


def test_what_is_written_has_the_names_of_the_file(tmp_path: Path) -> None:
    found = network_in({**OTHER, "1.weight": torch.tensor([0.25])}, {"length": "9"})
    path = tmp_path / "net.safetensors"
    path.write_bytes(encoded(found))
    again = read(path)
    assert (again.names, again.slopes, again.notes) == (found.names, found.slopes, found.notes)
    assert again.metadata == found.metadata == {"length": "9", "activation": "prelu(1/4)"}
    assert np.array_equal(again.w, found.w) and again.dtype == "float64"


def test_second_names_of_tied_tensors_are_no_metadata() -> None:
    """safetensors' save_model keeps them there."""
    assert network_in(STATE, {"tied.weight": "conv.weight", "format": "pt"}).metadata == {
        "format": "pt"
    }


def test_a_learned_slope_is_no_option() -> None:
    net = network_in({**OTHER, "1.weight": torch.tensor([0.5])}, {})
    assert net.learned and not network_in(OTHER, {}).learned
    for activation in (None, "PReLU", "prelu(0.5)"):
        settled, settings = net.settled({"activation": activation, "length": "9"})
        assert not settled.notes[1:] and settings == {"activation": "prelu(1/2)", "length": "9"}
    assert network_in(OTHER, {}).settled({"activation": "relu"})[1] == {"activation": "relu"}
    with pytest.raises(CheckpointError, match="a slope of PReLU; relu is another activation"):
        net.settled({"activation": "relu"})
    with pytest.raises(CheckpointError, match="leave activation_args out"):
        net.settled({"activation_args": "0.5"})


ENDS = (
    "weight",
    "bias",
    "weight_g",
    "weight_v",
    "weight_orig",
    "weight_mask",
    "bias_orig",
    "bias_mask",
    "running_mean",
    "running_var",
    "num_batches_tracked",
    "parametrizations.weight.original0",
    "parametrizations.weight.original1",
    "weight_u",
    "prelu",
    "x",
)
SHAPES = (
    (),
    (1,),
    (2,),
    (3,),
    (0,),
    (1, 1),
    (1, 2),
    (2, 1),
    (1, 0),
    (1, 1, 3),
    (2, 1, 3),
    (2, 1, 1),
    (1, 1, 1),
    (2, 1, 3, 3),
    (2, 1, 4),
    (0, 1, 3),
    (1, 1, 0),
    (1, 1, 1, 1, 1),
)
NAMES = st.builds(
    "{}{}".format, st.sampled_from(("", "0.", "1.", "conv.", "fc.")), st.sampled_from(ENDS)
)
ARRAYS = st.builds(
    np.full,
    st.sampled_from(SHAPES),
    st.sampled_from((0.0, 1.0, -1.0, 0.3, 1e200, 1e-200, np.inf, np.float32(0.3), np.float16(3))),
)


@given(st.dictionaries(NAMES, ARRAYS, max_size=6))
def test_any_tensors_are_a_network_or_refused(tensors: dict[str, NDArray[np.generic]]) -> None:
    try:
        found = network_of(tensors, {})
    except CheckpointError as error:
        assert str(error) and "\n" not in str(error)
        return
    channels, taps = found.w.shape[:2]
    assert found.a.shape == found.biases.shape == (channels,) and taps % 2 == 1
    assert all(np.all(np.isfinite(x)) for x in (found.w, found.a, found.biases, found.offset))
    assert set(found.names) >= {"conv.weight", "readout.weight"}


def test_a_network_stored_layer_by_layer_is_joined(tmp_path: Path) -> None:
    conv, linear = torch.nn.Conv1d(1, 2, 3), torch.nn.Linear(2, 1)
    layers = {"encoder": conv.state_dict(), "head": linear.state_dict()}
    found = read(saved(tmp_path, layers))
    assert found.names["readout.bias"] == "head.bias"
    assert np.array_equal(found.w, conv.weight[:, 0].detach().double().numpy())
    assert found.notes == ("its layers are entries of the file, one by one",)
    inside = read(saved(tmp_path, {"net": layers, "epoch": 3}))
    assert np.array_equal(inside.w, found.w) and "is the entry net" in inside.notes[0]
    assert np.array_equal(read(saved(tmp_path, {"net": layers}), key="net").w, found.w)
