"""Files: safetensors, and what torch.save wrote before and since 1.6; whatever else is refused in
one sentence, and nothing runs.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import io
import os
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.numpy import save
from safetensors.torch import save as save_tensors

from tests.commands import Bomb
from verify.models.archive import contents
from verify.models.checkpoint import read
from verify.models.tensors import LARGEST, CheckpointError, tensors_of

GOOD = {
    "conv.weight": np.array([[[0.5, -0.25, 1.0]], [[0.1, 0.2, 0.3]]]),
    "readout.weight": np.array([[1.0, -2.0]]),
}
BYTES = save(GOOD)
STATE = {name: torch.tensor(value) for name, value in GOOD.items()}


def archive(state: object, **options: Any) -> bytes:
    """What torch.save writes."""
    file = io.BytesIO()
    torch.save(state, file, **options)
    return file.getvalue()


def refused(path: Path) -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(CheckpointError) as error:
        contents(path)
    message = str(error.value)
    assert message and "\n" not in message
    return message


# --- what is read -------------------------------------------------------------------------------

OLD = {"_use_new_zipfile_serialization": False}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("form", ["safetensors", "since 1.6", "before 1.6"])
def test_what_is_stored_is_read(tmp_path: Path, dtype: str, form: str) -> None:
    path = tmp_path / "net"
    state = {name: x.to(getattr(torch, dtype)) for name, x in STATE.items()}
    old = OLD if form == "before 1.6" else {}
    path.write_bytes(save_tensors(state) if form == "safetensors" else archive(state, **old))
    held, metadata = contents(path)
    found = tensors_of(held)
    assert metadata == {} and set(found) == set(STATE)
    assert all(np.array_equal(found[name].values, x.double().numpy()) for name, x in state.items())
    assert {tensor.dtype for tensor in found.values()} == {dtype}


@pytest.mark.parametrize("old", [{}, OLD], ids=["since 1.6", "before 1.6"])
def test_other_things_beside_tensors_are_kept_apart(tmp_path: Path, old: dict[str, bool]) -> None:
    path = tmp_path / "net"
    state = collections.OrderedDict(STATE)
    path.write_bytes(archive({"state_dict": state, "epoch": 3, "losses": [0.5]}, **old))
    held, _ = contents(path)
    assert held["epoch"] == 3 and set(held["state_dict"]) == set(STATE)


def test_a_header_may_be_as_long_as_another_format_begins(tmp_path: Path) -> None:
    """Its length stands in the first bytes: PK, {, and the beginnings of pickles, of HDF5 and of
    gzip among them.
    """
    for begin in (b"PK", b"{", b"\x80", b"\x80\x02", b"\x1f\x8b", b"\x89"):
        size = int.from_bytes(begin, "little")
        plain = int.from_bytes(BYTES[:8], "little")
        path = tmp_path / "net.safetensors"
        if size >= plain:
            path.write_bytes(
                size.to_bytes(8, "little")
                + BYTES[8 : 8 + plain]
                + b" " * (size - plain)
                + BYTES[8 + plain :]
            )
            assert set(contents(path)[0]) == set(GOOD), begin


# --- what is refused ----------------------------------------------------------------------------


class Net(torch.nn.Module):
    """A module of a user."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv1d(1, 2, 3)


def scripted() -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch is about to give it up
        torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 1), torch.ones(1, 2)), file)  # type: ignore[no-untyped-call]
    return file.getvalue()


def zipped(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in files.items():
            made.writestr(name, content)
    return file.getvalue()


def numpy_archive() -> bytes:
    file = io.BytesIO()
    np.savez(file, **GOOD)  # type: ignore[arg-type]
    return file.getvalue()


ALONE = "store the weights alone: torch.save(model.state_dict(), FILE)"
HERE = __name__
TORCH = f"which torch does not load with weights_only; {ALONE}"
KINDS: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "it is empty: 0 bytes"),
    "text": (lambda: b"hello", "it is neither a torch nor a safetensors file"),
    "module": (
        lambda: archive(Net()),
        f"it is a whole pickled module and needs {HERE}.Net, {TORCH}",
    ),
    "old module": (
        lambda: archive(Net(), **OLD),
        f"it is a whole pickled module and needs {HERE}.Net, {TORCH}",
    ),
    "torch's module": (
        lambda: archive(torch.nn.Linear(2, 1)),
        "it is a whole pickled module and needs torch.nn.modules.linear.Linear",
    ),
    "object": (
        lambda: archive(argparse.Namespace(w=torch.ones(1))),
        f"it is a whole pickled object and needs argparse.Namespace, {TORCH}",
    ),
    "class beside": (
        lambda: archive({**STATE, "args": argparse.Namespace(lr=0.1)}),
        f"beside its tensors it needs argparse.Namespace, {TORCH}",
    ),
    "class beside, old": (
        lambda: archive(collections.OrderedDict(STATE, args=argparse.Namespace()), **OLD),
        "beside its tensors it needs argparse.Namespace",
    ),
    "NumPy's scalar": (
        lambda: archive({**STATE, "loss": np.float64(1)}),
        "beside its tensors it needs numpy._core.multiarray.scalar",
    ),
    "TorchScript": (scripted, f"it is a TorchScript archive, which holds code; {ALONE}"),
    "list": (lambda: archive([torch.ones(1)]), f"it holds no state_dict but a list; {ALONE}"),
    "tensor": (lambda: archive(torch.ones(1)), f"it holds no state_dict but a Tensor; {ALONE}"),
    "npz": (
        numpy_archive,
        (
            "it is a NumPy archive; store its arrays with"
            " safetensors.numpy.save_file(dict(numpy.load(FILE)), NEW)"
        ),
    ),
    "one byte pickled": (
        lambda: zipped(**{"archive/data.pkl": b"\x80"}),
        "it is no state_dict that torch loads with weights_only",
    ),
    "other zip": (
        lambda: zipped(readme=b"text"),
        "it is a zip archive that torch.save did not write",
    ),
    "damaged zip": (lambda: archive(STATE)[:-30], "it is a damaged zip archive"),
    "damaged, old": (
        lambda: archive(STATE, **OLD)[:60],
        "it is a damaged file of torch before 1.6",
    ),
    "pickle": (
        lambda: pickle.dumps(GOOD),
        f"it is a pickle that torch.save did not write, and such a file can run code; {ALONE}",
    ),
    "gzip": (lambda: gzip.compress(BYTES), "it is compressed by gzip; unpack it"),
    "HDF5": (
        lambda: b"\x89HDF\r\n\x1a\n" + b"\0" * 40,
        (
            "it is an HDF5 file, as Keras writes them; store the arrays with"
            " safetensors.numpy.save_file"
        ),
    ),
    "index": (
        lambda: b'{"metadata": {}, "weight_map": {}}',
        "it is the index of a checkpoint in several files; store it in one",
    ),
    "JSON": (lambda: b"{}", "it is JSON, not a checkpoint"),
    "eighths": (
        lambda: save({"x": np.ones(2, dtype=np.int8)}),
        "x is I8; float16, bfloat16, float32 and float64 are taken",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_files_of_other_kinds_are_named(kind: str, tmp_path: Path) -> None:
    made, words = KINDS[kind]
    path = tmp_path / "net"
    path.write_bytes(made())
    assert words in refused(path)


def test_a_part_of_a_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model-00001-of-00002.safetensors"
    path.write_bytes(BYTES)
    assert refused(path) == "it is part 1 of 2 of a checkpoint; store it in one file"
    path = path.rename(tmp_path / "model-00001-of-00001.safetensors")
    assert set(contents(path)[0]) == set(GOOD)


def test_an_old_file_that_claims_much_is_refused_before_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size of a storage stands in the pickle, before the numbers."""
    content = archive({"x": torch.ones(12345)}, **OLD)
    claimed = content.replace(b"M90", b"J\x00\x00\x00\x7f")
    assert claimed.count(b"J\x00\x00\x00\x7f") == 2  # of the storage, and of the tensor
    path = tmp_path / "net"
    path.write_bytes(claimed)
    monkeypatch.setattr(torch, "load", None)
    assert refused(path) == "it unpacks to more than 16 MiB"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "absent")
    assert "it is a folder" in refused(tmp_path) or "directory" in refused(tmp_path)
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


def test_an_archive_that_unpacks_to_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("net/data.pkl", b"0" * (LARGEST + 1))
    assert "unpacks to more than" in refused(path)


def test_code_in_a_file_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.pt"
    held = {**STATE, "x": Bomb()}
    for content in (archive(held), archive(held, **OLD), pickle.dumps(Bomb())):
        path.write_bytes(content)
        assert f"it needs {os.name}.mkdir, " in refused(path) or content.startswith(b"\x80\x04")
        assert not (tmp_path / "ran").exists()
    path.write_bytes(archive(Bomb()))
    assert f"it is a whole pickled object and needs {os.name}.mkdir" in refused(path)


@given(st.binary(max_size=400))
@example(b"\xff" * 8)
@example((2**63).to_bytes(8, "little") + b"{}")
@example(len(b"[" * 100).to_bytes(8, "little") + b"[" * 100)
def test_random_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "random.safetensors"
    path.write_bytes(content)
    refused(path)


WHOLE = (BYTES, archive(STATE), archive(STATE, **OLD))


@given(st.sampled_from(WHOLE), st.integers(0, 2**16), st.integers(0, 2**16))
def test_bit_flips_and_cuts_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, bit: int, cut: int
) -> None:
    content = bytearray(whole)
    content[bit // 8 % len(whole)] ^= 1 << bit % 8
    path = tmp_path_factory.getbasetemp() / "flipped"
    for changed in (bytes(content), whole[: cut % len(whole)]):
        path.write_bytes(changed)
        try:
            found = read(path)
        except CheckpointError as error:
            assert "\n" not in str(error)
        else:
            assert np.all(np.isfinite(found.w)) and np.all(np.isfinite(found.a))


@pytest.mark.parametrize("shape", ["[2,1,2]", "[2,1,4]", "[6,6]"])
def test_numbers_that_do_not_fill_their_shape_are_refused(shape: str, tmp_path: Path) -> None:
    (path := tmp_path / "net.safetensors").write_bytes(BYTES)
    assert BYTES.count(b"[2,1,3]") == 1
    path.write_bytes(BYTES.replace(b"[2,1,3]", shape.ljust(7).encode()))
    assert refused(path).startswith("it is no safetensors file (invalid shape")
