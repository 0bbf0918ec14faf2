"""Tensors: every type is read exactly, and whatever has no finite floats is refused by its name."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from verify.models.tensors import FLOATS, LARGEST, CheckpointError, runs_in, tensors_of


@given(st.lists(st.floats(-3e4, 3e4), min_size=1, max_size=4), st.sampled_from(FLOATS))
def test_every_type_is_exact(values: list[float], dtype: str) -> None:
    tensor = torch.tensor(values, dtype=torch.float64).to(getattr(torch, dtype))
    found = tensors_of({"x": tensor})["x"]
    assert found.dtype == dtype and found.values.dtype == np.float64
    assert found.values.tolist() == tensor.double().tolist()
    if dtype != "bfloat16":  # which NumPy does not have
        assert tensors_of({"x": tensor.numpy()})["x"].values.tolist() == tensor.double().tolist()


def test_strides_do_not_matter() -> None:
    plain = torch.arange(24.0).reshape(2, 3, 4)
    image = plain[None].contiguous(memory_format=torch.channels_last)
    for tensor in (
        plain.mT.contiguous().mT,
        image[0],
        plain.flip(0).flip(0),
        torch.nn.Parameter(plain),
    ):
        found = tensors_of({"x": tensor})["x"].values
        assert np.array_equal(found, plain.numpy()) and found.flags["C_CONTIGUOUS"]


def test_tied_tensors_have_one_place() -> None:
    x = torch.ones(3)
    found = tensors_of({"a": x, "b": x, "c": x.clone(), "d": x[:2]})
    assert found["a"].place == found["b"].place
    assert len({found[name].place for name in "acd"}) == 3


def test_counters_are_ignored() -> None:
    count = torch.tensor(3)
    named = {
        "bn.num_batches_tracked": count,
        "n_averaged": count,
        "step": count,
        "w": torch.ones(1),
    }
    assert set(tensors_of(named)) == {"w"}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            torch.ones(2, dtype=torch.int64),
            "x is int64; float16, bfloat16, float32 and float64 are taken",
        ),
        (torch.ones(2, dtype=torch.complex64), "x is complex64"),
        (torch.ones(2).to(torch.float8_e4m3fn), "x is float8_e4m3fn"),
        (torch.tensor(True), "x is bool"),
        (torch.tensor([1.0, np.nan]), "x holds a number that is not finite (NaN or infinity)"),
        (torch.ones(2, 2).to_sparse(), "x is sparse"),
        (torch.ones(2, device="meta"), "x is on the meta device"),
        (torch.zeros(1).expand(LARGEST), "x is too large"),
    ],
)
def test_others_are_refused(value: torch.Tensor, words: str) -> None:
    with pytest.raises(CheckpointError) as error:
        tensors_of({"x": value})
    assert words in str(error.value)


def test_quantised_tensors_are_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch is about to give them up
        quantised = torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)
    with pytest.raises(CheckpointError, match=r"x is quantised \(qint8\)"):
        tensors_of({"x": quantised})


def test_odd_names_are_refused() -> None:
    for name in ("\x1b[31m", "x" * 201):
        with pytest.raises(CheckpointError, match="not printable"):
            tensors_of({name: torch.ones(1)})


def test_the_type_that_holds_all() -> None:
    assert [runs_in([x]) for x in FLOATS] == list(FLOATS)
    assert runs_in(["float16", "bfloat16"]) == runs_in(["float16", "float32"]) == "float32"
    assert runs_in(["float16", "float64"]) == runs_in([]) == "float64"
