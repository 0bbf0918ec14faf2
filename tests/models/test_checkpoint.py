"""Checkpoints: what is read is exact; whatever else is refused in one sentence, never with a traceback."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import save

from verify.models.checkpoint import read
from verify.models.networks import Network
from verify.models.tensors import LARGEST, CheckpointError

GOOD = {
    "conv.weight": np.array([[[0.5, -0.25, 1.0]], [[0.1, 0.2, 0.3]]]),
    "readout.weight": np.array([[1.0, -2.0]]),
}
BYTES = save(GOOD)


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


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "absent")
    assert "not a regular file" in refused(tmp_path) or "directory" in refused(tmp_path)
    assert refused(Path("nul\0byte"))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "not a regular file" in refused(pipe)
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    assert "0 bytes" in refused(empty)


def test_a_large_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)
    assert "larger than 16 MiB" in refused(path)


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


def test_an_archive_that_unpacks_to_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data.pkl", b"0" * (LARGEST + 1))
    assert "unpacks to more than" in refused(path)


def test_code_in_an_archive_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "weights_only" in refused(saved(tmp_path, {"conv.weight": _Bomb()}))
    assert not (tmp_path / "ran").exists()


def test_metadata_is_told(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(save(GOOD, {"activation": "relu"}))
    assert read(path).metadata == {"activation": "relu"}


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("ran",)


def test_a_pickle_is_refused_and_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.pt"
    path.write_bytes(pickle.dumps(_Bomb()))
    refused(path)
    assert not (tmp_path / "ran").exists()


@given(st.binary(max_size=400))
@example(b"\xff" * 8)
@example((2**63).to_bytes(8, "little") + b"{}")
@example(len(b"[" * 100).to_bytes(8, "little") + b"[" * 100)
def test_random_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "random.safetensors"
    path.write_bytes(content)
    refused(path)


@given(st.integers(0, 8 * len(BYTES) - 1), st.integers(0, len(BYTES)))
def test_bit_flips_and_cuts_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, bit: int, cut: int
) -> None:
    content = bytearray(BYTES)
    content[bit // 8] ^= 1 << bit % 8
    path = tmp_path_factory.getbasetemp() / "flipped.safetensors"
    path.write_bytes(content)
    try:
        found = read(path)
    except CheckpointError as error:
        assert "\n" not in str(error)
    else:
        assert np.all(np.isfinite(found.w)) and np.all(np.isfinite(found.a))
    path.write_bytes(BYTES[:cut])
    if cut < len(BYTES):
        refused(path)


def _archive() -> bytes:
    file = io.BytesIO()
    torch.save({name: torch.tensor(value) for name, value in GOOD.items()}, file)
    return file.getvalue()


ARCHIVE = _archive()


@given(st.integers(0, 8 * len(ARCHIVE) - 1), st.integers(0, len(ARCHIVE)))
def test_archives_with_flipped_bits_and_cuts_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, bit: int, cut: int
) -> None:
    content = bytearray(ARCHIVE)
    content[bit // 8] ^= 1 << bit % 8
    path = tmp_path_factory.getbasetemp() / "flipped.pt"
    for changed in (bytes(content), ARCHIVE[:cut]):
        path.write_bytes(changed)
        try:
            found = read(path)
        except CheckpointError as error:
            assert "\n" not in str(error)
        else:
            assert np.all(np.isfinite(found.w)) and np.all(np.isfinite(found.a))
