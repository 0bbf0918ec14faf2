"""Settings beside the weights are read as metadata is: plain values only, whatever else stands
there.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import nn

from verify.models.checkpoint import network_in
from verify.models.hyperparameters import HOLDERS, beside
from verify.models.setup import merged, setup_of
from verify.models.tensors import CheckpointError

PLAIN = {"padding": 0, "pooling": "mean", "activation": "leaky_relu", "negative_slope": 0.25}
TEXTS = {"padding": "0", "pooling": "mean", "activation": "leaky_relu", "negative_slope": "0.25"}


def state() -> dict[str, Any]:
    """One convolution and its readout."""
    return nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU(), nn.Linear(2, 1)).state_dict()


@pytest.mark.parametrize("place", HOLDERS)
def test_plain_values_are_read(place: str) -> None:
    assert beside({place: PLAIN}) == {place: TEXTS}
    assert beside({place: json.dumps(PLAIN)}) == {place: TEXTS}
    for held, metadata in (
        ({"state_dict": state(), place: PLAIN}, {}),
        (state(), {place: json.dumps(PLAIN)}),
    ):
        found = network_in(held, metadata)
        setup = setup_of(merged({"length": "17"}, found.metadata), 3)
        assert (setup.activation, setup.pooling) == ("leaky_relu(negative_slope=0.25)", "mean")
        assert setup.as_dict()["padding"] == "valid"
        note = (
            f"{place} is taken as metadata is: padding = 0, pooling = mean, activation ="
            " leaky_relu, negative_slope = 0.25"
        )
        assert found.notes[-1] == note and not any("ignored" in x for x in found.notes)


OTHERS: tuple[Any, ...] = (
    {"lr": 0.1, 3: "stride"},
    {"stride": {"conv": 2}, "padding": None, "length": torch.ones(1), "pooling": nn.ReLU},
    {"length": 10**5000, "activation": "x" * 201, "dilation": ["2", [2]]},
    "stride = 2",
    "[" * 90_000,
    '{"stride": 2}' + " " * 100_000,
    [("stride", 2)],
    torch.ones(2),
    None,
)


@pytest.mark.parametrize("value", OTHERS, ids=range(len(OTHERS)))
def test_what_is_not_plain_is_not_looked_at(value: Any) -> None:
    assert beside({"config": value}) == {}


def test_a_row_of_numbers_is_plain() -> None:
    assert beside({"args": {"stride": (2,), "kernel_size": [3, 3]}}) == {
        "args": {"stride": "(2)", "kernel_size": "(3, 3)"}
    }


def test_metadata_of_its_own_comes_first_and_two_places_agree() -> None:
    found = network_in(state(), {"padding": "1", "config": '{"padding": 0}'})
    assert found.metadata["padding"] == "1" and found.notes == ()
    with pytest.raises(CheckpointError, match="its config says padding = 0, and its args 1"):
        network_in({"net": state(), "config": {"padding": 0}, "args": {"padding": 1}}, {})
