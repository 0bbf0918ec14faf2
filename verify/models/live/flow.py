"""Which nodes of a traced module carry the signal, and which operations only pass it on.

    x.shape[0], len(x), x.dtype, zeros_like(x)   read no number of the signal
    view, permute, getitem, contiguous, float    leave its numbers as they are
    sum, mean, AdaptiveAvgPool1d, x / 17         are linear in it

What is not listed here is not known to be any of that, however it answers to a few numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn

__all__ = [
    "CASTS",
    "FILLED",
    "IDENTITIES",
    "IN_ORDER",
    "MOVED",
    "PADDED",
    "POOLED",
    "UNCHANGED",
    "carriers",
    "holds",
    "intruder",
    "name_of",
    "operation",
    "sources",
    "writes",
]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


IDENTITIES = (nn.Identity, nn.modules.dropout._DropoutNd)
"""Layers that change nothing in evaluation mode."""
UNCHANGED = _names(
    "contiguous clone detach cpu alpha_dropout dropout dropout1d dropout2d feature_alpha_dropout"
)
"""Functions that change nothing, dropout where it does not train."""
CASTS = _names("to type type_as float double half bfloat16")
"""Functions that change the type; what it must hold is asked of its values."""
IN_ORDER = _names("view reshape view_as reshape_as flatten unflatten ravel squeeze unsqueeze")
"""Functions that change the shape, and not the order."""
MOVED = IN_ORDER | _names(
    "permute transpose swapaxes swapdims movedim moveaxis t getitem select narrow chunk split "
    "unbind expand expand_as"
)
"""Functions that only choose and arrange."""
PADDED = frozenset({"pad"})
"""Functions that may stand before a convolution, besides."""
POOLED = _names(
    "sum mean adaptive_avg_pool1d adaptive_avg_pool2d avg_pool1d avg_pool2d add mul div true_divide"
    " truediv matmul mm einsum cat concat stack"
)
"""Functions that are linear: in all that they join, or in one of their arguments while the others
are constants.
"""
JOINED = _names("cat concat stack")
"""Functions that may join several values of the signal."""
DIVISIONS = _names("div true_divide truediv")
"""Functions that are linear in the first of two arguments."""
FLATTENED = (*IDENTITIES, nn.Flatten, nn.Unflatten)
"""Layers that change the shape at most."""
LAYERS: Mapping[frozenset[str], tuple[type[nn.Module], ...]] = {
    PADDED: (nn.modules.padding._ConstantPadNd, nn.modules.padding._ReflectionPadNd,
             nn.modules.padding._ReplicationPadNd, nn.modules.padding._CircularPadNd),
    POOLED: (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AvgPool1d, nn.AvgPool2d),
}  # fmt: skip
"""Layers that do what these functions do."""
READ = _names(
    "size dim ndimension numel nelement len get_device is_floating_point is_contiguous stride"
)
"""Functions that read no number."""
ATTRIBUTES = _names("T mT data")
"""Attributes that are numbers of the signal; shape, dtype, device and the like are none."""
FILLED = _names("zeros_like ones_like full_like new_zeros new_ones new_full")
"""Functions that only take the type and shape of their first argument."""
ALIKE = _names("to type_as view_as reshape_as expand_as")
"""Functions that only take the type and shape of their second argument."""


def name_of(node: fx.Node) -> str:
    """A function or method by its name in torch, in place or not: torch.relu_ is relu."""
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return str(name).strip("_").removeprefix("special_")


def operation(node: fx.Node, layers: Mapping[str, nn.Module]) -> str:
    """What a node does, as people call it: the class of a layer, the name of a function."""
    if node.op == "call_module":
        return type(layers[str(node.target)]).__name__
    return str(
        node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    )


def sources(node: fx.Node) -> Collection[fx.Node]:
    """The nodes whose numbers a node takes."""
    if node.op in ("call_function", "call_method") and node.args:
        name = name_of(node)
        if name in READ or (name == "getattr" and node.args[1] not in ATTRIBUTES):
            return ()
        own = node.args[0]
        if name in FILLED:
            return [source for source in node.all_input_nodes if source is not own]
        if name in ALIKE and isinstance(own, fx.Node):
            return (own,)
    return node.all_input_nodes


def carriers(graph: fx.Graph) -> set[fx.Node]:
    """The nodes that depend on a number of the signal."""
    carrying: set[fx.Node] = set()
    for node in graph.nodes:
        if node.op == "placeholder" or not carrying.isdisjoint(sources(node)):
            carrying.add(node)
    return carrying


def holds(value: Any, dtype: torch.dtype) -> bool:
    """A value, or every one of a tuple, is of a type that has all numbers of ``dtype``."""
    if isinstance(value, tuple | list):
        return all(holds(part, dtype) for part in value)
    return not isinstance(value, Tensor) or (
        value.is_floating_point() and torch.promote_types(value.dtype, dtype) == value.dtype
    )


def writes(node: fx.Node, layers: Mapping[str, nn.Module]) -> bool:
    """A node changes one of its arguments in its place."""
    if node.op == "call_module":
        return bool(getattr(layers[str(node.target)], "inplace", False))
    name = operation(node, layers)
    inplace = name.endswith("_") and not name.endswith("__")
    return inplace or bool(node.kwargs.get("inplace")) or node.kwargs.get("out") is not None


def intruder(
    nodes: Iterable[fx.Node],
    more: frozenset[str],
    layers: Mapping[str, nn.Module],
    values: Mapping[fx.Node, Any],
    carrying: Collection[fx.Node],
    dtype: torch.dtype,
) -> str:
    """The name of the first node that does not just pass the signal on, or an empty string.

    All nodes are ``carrying`` it, these and others. ``more`` are functions that are allowed
    besides, :data:`PADDED` or :data:`POOLED`; no value may be of a type that lacks numbers of
    ``dtype``.
    """
    for node in nodes:
        if not _passes(node, more, layers, carrying) or not holds(values[node], dtype):
            return operation(node, layers)
    return ""


def _passes(
    node: fx.Node,
    more: frozenset[str],
    layers: Mapping[str, nn.Module],
    carrying: Collection[fx.Node],
) -> bool:
    if writes(node, layers):
        return node.op == "call_module" and isinstance(layers[str(node.target)], IDENTITIES)
    if node.op == "call_module":
        return isinstance(layers[str(node.target)], (*FLATTENED, *LAYERS.get(more, ())))
    name = name_of(node)
    arguments: list[fx.Node] = []  # x * x has it twice
    fx.map_arg((node.args, node.kwargs), arguments.append)
    joined = [x for x in arguments if x in carrying and x in sources(node)]
    if name not in {"getattr"} | UNCHANGED | CASTS | MOVED | more or node.kwargs.get("training"):
        return False
    if name == "add":
        return len(joined) == 2
    if name in DIVISIONS and (node.args[0] not in carrying or node.kwargs.get("rounding_mode")):
        return False
    return len(joined) == 1 or name in JOINED
