"""Which tensor of a network is which: decided by structure, whatever the names are.

The one tensor of three or four dimensions holds the filters, the one of two dimensions is the
readout.  A tensor that shares its prefix with one of these (conv.weight and conv.bias, 0.weight and
0.bias) is its bias; where prefixes do not decide, shapes that leave one way only do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from verify.models.tensors import CheckpointError, Tensor

__all__ = ["ROLES", "layer_of", "listed", "roles_of", "without_ties"]

ROLES = ("conv.weight", "conv.bias", "readout.weight", "readout.bias")
"""Of the tensors of the model; the names that they have in it."""
PARAMETER = re.compile(r"(weight|bias|running_mean|running_var)$")
"""How the names of a layer's tensors end."""
NAMED = "name them as torch does: X.weight, X.bias"


def layer_of(name: str) -> str:
    """What the names of one layer's tensors begin with, as 0. of 0.weight and 0.bias; another name
    is a layer of its own.
    """
    return PARAMETER.sub("", name)


def without_ties(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same without layers that are another one under a second name: all their tensors are tied
    to its.
    """
    layers: dict[str, dict[str, object]] = {}
    for name, tensor in tensors.items():
        layer = layer_of(name)
        layers.setdefault(layer, {})[name[len(layer) :]] = tensor.place
    first: dict[frozenset[tuple[str, object]], str] = {}
    for layer, places in layers.items():
        if None not in places.values():
            first.setdefault(frozenset(places.items()), layer)
    kept = {*first.values(), *(layer for layer, x in layers.items() if None in x.values())}
    return {name: tensor for name, tensor in tensors.items() if layer_of(name) in kept}


def roles_of(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """The name that the tensor of each role has; the biases are there if the network has them.

    Raises
    ------
    CheckpointError: this is no network of one convolution and one readout, or which tensor is which
        is left open.
    """
    conv = _filters(tensors)
    channels, bias = tensors[conv].shape[0], f"{layer_of(conv)}bias"
    readout = _readout({name: x for name, x in tensors.items() if name != bias}, channels)
    found = {"conv.weight": conv, "readout.weight": readout}
    for role, weight, size in (("conv.bias", conv, channels), ("readout.bias", readout, 1)):
        name = f"{layer_of(weight)}bias"
        if name in tensors:
            shape = tensors[name].shape
            if shape != (size,):
                raise CheckpointError(f"{name} has the shape {list(shape)}, not [{size}]")
            found[role] = name
    others = [name for name in tensors if name not in found.values()]
    return found | _by_shape(tensors, others, channels, [x for x in ROLES if x not in found])


def _filters(tensors: Mapping[str, Tensor]) -> str:
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    convs = [name for name, shape in shapes.items() if len(shape) in (3, 4)]
    if len(convs) > 1:
        raise CheckpointError(
            f"it has {len(convs)} convolutions, {listed(convs)}; networks with one are explained"
        )
    for name, shape in shapes.items():
        if len(shape) > 4 or (not convs and name == "conv.weight"):
            raise CheckpointError(
                f"{name} has the shape {list(shape)}, not (K, 1, n) or (K, 1, n, n)"
            )
    if not convs:
        raise CheckpointError("it has no tensor of filters, (K, 1, n) or (K, 1, n, n)")
    (name,), shape = convs, shapes[convs[0]]
    if 0 in shape:
        raise CheckpointError(f"{name} has the shape {list(shape)}, not (K, 1, n) or (K, 1, n, n)")
    if shape[1] != 1:
        raise CheckpointError(
            f"{name} has the shape {list(shape)}: filters of {shape[1]} channels of input; those of"
            " one are explained"
        )
    taps, *across = shape[2:]
    if across not in ([], [taps]):
        raise CheckpointError(
            f"the filters of {name} have {taps} × {across[0]} taps; squares are needed: with"
            " padding 'same' zeros around them change nothing"
        )
    if taps % 2 == 0:
        raise CheckpointError(
            f"the filters of {name} have {taps} taps; an odd number is needed: with padding 'same' "
            "a zero in front of each changes nothing"
        )
    return name


def _readout(tensors: Mapping[str, Tensor], channels: int) -> str:
    linear = [name for name, tensor in tensors.items() if tensor.values.ndim == 2]
    if not linear:
        rows = [name for name, x in tensors.items() if x.shape == (channels,) != (1,)]
        verb = "has" if len(rows) == 1 else "have"
        flat = (
            f"; {listed(rows)} {verb} the shape [{channels}]: store the readout as a row"
            if rows
            else ""
        )
        raise CheckpointError(f"it has no readout, no tensor of the shape (1, {channels}){flat}")
    if len(linear) > 1:
        raise CheckpointError(
            f"it has {len(linear)} Linear layers, {listed(linear)}; networks with one, (1,"
            f" {channels}), are explained"
        )
    (name,) = linear
    outputs, inputs = shape = tensors[name].shape
    said = f"{name} has the shape {list(shape)}, not [1, {channels}]"
    if shape == (1, channels):
        return name
    if shape == (channels, 1):
        raise CheckpointError(f"{said}: it is transposed; store {name}.T")
    if outputs != 1 and inputs == channels:
        raise CheckpointError(
            f"{said}: it has {outputs} outputs; store the row of the one to explain"
        )
    if outputs == 1 and inputs > channels and inputs % channels == 0:
        raise CheckpointError(
            f"{said}: it weighs {inputs // channels} positions per channel one by one; pooled"
            " networks are explained"
        )
    raise CheckpointError(said)


def _by_shape(
    tensors: Mapping[str, Tensor], others: list[str], channels: int, open_: list[str]
) -> dict[str, str]:
    """The biases among other tensors, where these leave one way only."""
    sizes = {"conv.bias": (channels,), "readout.bias": (1,)}
    fits = {
        name: [
            role
            for role in open_
            if tensors[name].shape == sizes[role] and not name.endswith("weight")
        ]
        for name in others
    }
    for name, roles in fits.items():
        if not roles:
            raise CheckpointError(f"it holds {name!r}, which this model does not have")
    found: dict[str, str] = {}
    for name, roles in fits.items():
        if len(roles) > 1 or roles[0] in found:
            which = listed(others)
            raise CheckpointError(f"the shapes do not say which bias is which: {which}; {NAMED}")
        found[roles[0]] = name
    return found


def listed(names: list[str]) -> str:
    """a, b and c; the first three of many."""
    shown = names[:3]
    if len(names) > 3:
        return f"{', '.join(shown)} and {len(names) - 3} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]
