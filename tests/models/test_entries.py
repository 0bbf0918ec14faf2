"""Entries: the mappings of a file that hold named tensors, however deep, and none of an
optimizer's.
"""

from __future__ import annotations

from typing import Any

import torch

from verify.models.entries import begins_with, entries, groups, joined

X = torch.ones(1)


def test_every_mapping_with_tensors_is_an_entry() -> None:
    optimizer = {"state": {0: {"exp_avg": X}}, "param_groups": [{"lr": 0.1}]}
    held = {
        "x": X,
        "epoch": 3,
        "a": {"b": {"y": X, "z": "text"}, "losses": [X]},
        "optimizer": optimizer,
    }
    found = entries(held)
    assert {place: list(tensors) for place, tensors in found.items()} == {"": ["x"], "a.b": ["y"]}
    assert entries({}) == entries({"epoch": 3}) == {}


def test_a_mapping_in_itself_and_deep_ones_end() -> None:
    held: dict[str, Any] = {"x": X}
    held["again"] = held
    assert list(entries(held)) == [""]
    deep: dict[str, Any] = {"x": X}
    for _ in range(100):
        deep = {"a": deep}
    assert entries(deep) == {}


def test_a_key_is_a_path_or_how_names_begin() -> None:
    found = entries({"state_dict": {"ema.0.weight": X, "net.0.weight": X}, "ema": {"w": X}})
    assert list(begins_with(found, "state_dict")) == ["ema.0.weight", "net.0.weight"]
    assert list(begins_with(found, "ema")) == ["w"]
    assert list(begins_with(found, "net")) == ["net.0.weight"]
    assert list(begins_with(found, "state_dict.ema")) == ["ema.0.weight"]
    assert begins_with(found, "em") == begins_with(found, "none") == {}


def test_entries_that_cannot_be_named_are_passed_over() -> None:
    """But no tensor is: what is behind a name that cannot be printed is refused
    where it is read.
    """
    held = {"x": X, "\x1b[31m": X, "y" * 201: {"x": X}, "\a": {"x": X}, 3: {"x": X}}
    assert entries(held) == {"": {"x": X, "\x1b[31m": X}}


def test_groups_by_the_first_part_of_names() -> None:
    found = groups({"a.0.weight": X, "a.4.weight": X, "b.weight": X, "n_averaged": X})
    assert {name: list(part) for name, part in found.items()} == {
        "a": ["a.0.weight", "a.4.weight"],
        "b": ["b.weight"],
    }


def test_entries_side_by_side_are_joined() -> None:
    found = entries({"net": {"conv": {"weight": X}, "out": {"weight": X}}, "ema": {"weight": X}})
    assert {place: list(tensors) for place, tensors in joined(found).items()} == {
        "net": ["conv.weight", "out.weight"]
    }
    both = entries({"conv": {"weight": X}, "out": {"weight": X}})
    assert list(joined(both)[""]) == ["conv.weight", "out.weight"]
    assert joined(entries({"x": X})) == {}
