"""Layers: which tensor is which is decided by structure; what no structure decides is refused, and
says which tensors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from verify.models.layers import ROLES, layer_of, listed, roles_of, without_ties
from verify.models.tensors import CheckpointError, Tensor, tensors_of


def shaped(**shapes: tuple[int, ...]) -> dict[str, Tensor]:
    """Tensors of these shapes; __ for a dot."""
    return {
        name.replace("__", "."): Tensor(np.ones(shape), "float64") for name, shape in shapes.items()
    }


prefixes = st.text("abcw01_.-/ü", max_size=8)


@given(
    prefixes,
    prefixes,
    st.permutations(range(4)),
    st.sampled_from((1, 2, 3)),
    st.booleans(),
    st.booleans(),
)
def test_prefixes_decide(
    conv: str, readout: str, order: list[int], channels: int, biased: bool, offset: bool
) -> None:
    """Whatever they are, in any order, K = 1 included."""
    if conv == readout:
        return
    names = [f"{conv}weight", f"{conv}bias", f"{readout}weight", f"{readout}bias"]
    shapes: list[tuple[int, ...]] = [(channels, 1, 3), (channels,), (1, channels), (1,)]
    there = [True, biased, True, offset]
    tensors = {names[j]: Tensor(np.ones(shapes[j]), "float64") for j in order if there[j]}
    want = {role: name for role, name, here in zip(ROLES, names, there, strict=True) if here}
    assert roles_of(tensors) == want


def test_shapes_decide_where_prefixes_do_not() -> None:
    assert roles_of(shaped(w=(2, 1, 3), b=(2,), a=(1, 2), c=(1,))) == {
        "conv.weight": "w", "conv.bias": "b", "readout.weight": "a", "readout.bias": "c",
    }  # fmt: skip
    assert (
        roles_of(shaped(conv__weight=(1, 1, 3), conv__bias=(1,), a=(1, 1), c=(1,)))["readout.bias"]
        == "c"
    )
    assert set(roles_of(shaped(w=(1, 1, 3), a=(1, 1)))) == {"conv.weight", "readout.weight"}


CONV, FC = {"conv__weight": (2, 1, 3)}, {"fc__weight": (1, 2)}
REFUSED: list[tuple[dict[str, tuple[int, ...]], str]] = [
    ({}, "it has no tensor of filters, (K, 1, n) or (K, 1, n, n)"),
    (FC, "it has no tensor of filters, (K, 1, n) or (K, 1, n, n)"),
    (CONV, "it has no readout, no tensor of the shape (1, 2)"),
    (
        {**CONV, "a": (2,), "b": (2,)},
        (
            "it has no readout, no tensor of the shape (1, 2); a and b have the shape [2]: store"
            " the readout as a row"
        ),
    ),
    (
        {"conv__weight": (2, 3), **FC},
        "conv.weight has the shape [2, 3], not (K, 1, n) or (K, 1, n, n)",
    ),
    (
        {"conv__weight": (2, 1, 3, 3, 3), **FC},
        "conv.weight has the shape [2, 1, 3, 3, 3], not (K, 1, n) or (K, 1, n, n)",
    ),
    (
        {"conv__weight": (0, 1, 3), **FC},
        "conv.weight has the shape [0, 1, 3], not (K, 1, n) or (K, 1, n, n)",
    ),
    (
        {"conv__weight": (2, 3, 3), **FC},
        (
            "conv.weight has the shape [2, 3, 3]: filters of 3 channels of input; those of one are"
            " explained"
        ),
    ),
    (
        {"conv__weight": (2, 1, 4), **FC},
        (
            "the filters of conv.weight have 4 taps; an odd number is needed: with padding 'same' a"
            " zero in front of each changes nothing"
        ),
    ),
    (
        {"conv__weight": (2, 1, 3, 5), **FC},
        (
            "the filters of conv.weight have 3 × 5 taps; squares are needed: with padding 'same'"
            " zeros around them change nothing"
        ),
    ),
    (
        {"a__weight": (2, 1, 3), "b__weight": (2, 2, 3), **FC},
        "it has 2 convolutions, a.weight and b.weight; networks with one are explained",
    ),
    (
        {f"c{j}__weight": (2, 1, 3) for j in range(5)},
        (
            "it has 5 convolutions, c0.weight, c1.weight, c2.weight and 2 more; networks with one"
            " are explained"
        ),
    ),
    (
        {**CONV, "a__weight": (8, 2), "b__weight": (1, 8)},
        "it has 2 Linear layers, a.weight and b.weight; networks with one, (1, 2), are explained",
    ),
    (
        {**CONV, "fc__weight": (2, 1)},
        "fc.weight has the shape [2, 1], not [1, 2]: it is transposed; store fc.weight.T",
    ),
    (
        {**CONV, "fc__weight": (3, 2)},
        (
            "fc.weight has the shape [3, 2], not [1, 2]: it has 3 outputs; store the row of the one"
            " to explain"
        ),
    ),
    (
        {**CONV, "fc__weight": (1, 34)},
        (
            "fc.weight has the shape [1, 34], not [1, 2]: it weighs 17 positions per channel one by"
            " one; pooled networks are explained"
        ),
    ),
    ({**CONV, "fc__weight": (1, 5)}, "fc.weight has the shape [1, 5], not [1, 2]"),
    ({**CONV, **FC, "fc__bias": (2,)}, "fc.bias has the shape [2], not [1]"),
    ({**CONV, **FC, "conv__bias": (2, 1)}, "conv.bias has the shape [2, 1], not [2]"),
    (
        {**CONV, **FC, "conv__bias": (2,), "conv__shift": (2,)},
        "it holds 'conv.shift', which this model does not have",
    ),
    ({**CONV, **FC, "scale": (3,)}, "it holds 'scale', which this model does not have"),
    (
        {**CONV, **FC, "x": (2,), "y": (2,)},
        (
            "the shapes do not say which bias is which: x and y; name them as torch does: X.weight,"
            " X.bias"
        ),
    ),
    (
        {"w": (1, 1, 3), "a": (1, 1), "b": (1,)},
        "the shapes do not say which bias is which: b; name them as torch does: X.weight, X.bias",
    ),
]


@pytest.mark.parametrize(("shapes", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_what_is_no_such_network_is_refused(shapes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CheckpointError) as error:
        roles_of(shaped(**shapes))
    assert str(error.value) == sentence


def test_layers_that_are_tied_to_another_are_left_out() -> None:
    weight, bias, other = torch.ones(2, 1, 3), torch.ones(2), torch.ones(1, 2)
    state = {
        "a.weight": weight,
        "a.bias": bias,
        "b.weight": weight,
        "b.bias": bias,
        "fc.weight": other,
    }
    assert list(without_ties(tensors_of(state))) == ["a.weight", "a.bias", "fc.weight"]
    # Only some of its tensors are: then it is a layer of its own.
    state["b.bias"] = bias.clone()
    assert list(without_ties(tensors_of(state))) == list(state)
    arrays = {name: x.numpy() for name, x in state.items()}
    assert list(without_ties(tensors_of(arrays))) == list(state)


def test_names_of_layers() -> None:
    names = ("0.weight", "0.bias", "conv_weight", "weight", "bn.running_mean", "w", "a.b.w")
    assert [layer_of(name) for name in names] == ["0.", "0.", "conv_", "", "bn.", "w", "a.b.w"]


def test_lists_in_words() -> None:
    assert [listed(list("abcde"[:k])) for k in (1, 2, 3, 5)] == [
        "a",
        "a and b",
        "a, b and c",
        "a, b, c and 2 more",
    ]
