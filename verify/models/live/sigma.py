"""σ from a traced module: what stands between two nodes of a torch.fx graph, as text.

    F.leaky_relu(conv, 0.2)             leaky_relu(negative_slope=0.2)
    conv * torch.sigmoid(1.702 * conv)  x * sigmoid(1.702 * x)

A number in the code is taken by its digits, a learned one exactly.  Nothing is decided here: what
the grammar (theory/expressions) does not read is no activation, and it says why.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, fx, nn

from theory.expressions.functions import find
from verify.models.live.flow import (
    CASTS,
    FILLED,
    IDENTITIES,
    IN_ORDER,
    MOVED,
    UNCHANGED,
    carriers,
    holds,
    name_of,
    sources,
    writes,
)

__all__ = ["activation_text"]

INFIX: Mapping[Callable[..., Any], str] = {
    operator.add: "+",
    operator.sub: "-",
    operator.mul: "*",
    operator.truediv: "/",
    operator.pow: "**",
    operator.gt: ">",
    operator.ge: ">=",
    operator.lt: "<",
    operator.le: "<=",
    operator.and_: "and",
    operator.or_: "or",
}


def activation_text(
    last: fx.Node, first: fx.Node, layers: Mapping[str, nn.Module], values: Mapping[fx.Node, Any]
) -> str:
    """What the node ``last`` is of ``first``: the spelling of a row, or an expression in x.

    ``values`` are those of all nodes on one signal; of these parameters, sizes and types are read.

    Raises
    ------
    ValueError: it needs another input, or a layer or an argument that is no number.
    """
    carrying = carriers(last.graph)

    def unchanged(node: fx.Node) -> bool:
        if node.op == "call_module":
            return isinstance(layers[str(node.target)], IDENTITIES)
        if node.op not in ("call_function", "call_method") or node.kwargs.get("training"):
            return False
        name = name_of(node)
        if name in CASTS:
            return holds(values[node], values[first].dtype)
        return name in UNCHANGED | IN_ORDER

    def text(node: Any) -> str:
        if not isinstance(node, fx.Node):
            return _constant(node)
        if node is first:
            return "x"
        if node not in carrying and not isinstance(values[node], Tensor):
            return _constant(values[node])
        if node.op == "get_attr" or (node not in carrying and name_of(node) in FILLED):
            return _parameter(str(node.target), values[node])
        if unchanged(node):
            return text(node.all_input_nodes[0])
        if node.op == "placeholder":
            raise ValueError(
                "the signal is joined to what the convolution answers (a residual connection)"
            )
        if node.op == "call_module":
            inside = text(node.all_input_nodes[0])
            return f"{_spelled(str(node.target), layers[str(node.target)])}({inside})"
        if not isinstance(node.target, str) and node.target in INFIX:
            left, right = map(text, node.args)
            return f"({left} {INFIX[node.target]} {right})"
        return _call(name_of(node), [*map(text, node.args)], _keywords(node, text))

    def row(node: fx.Node) -> str:
        """The activation of a last layer or function of the catalogue, by its parameters alone."""
        if node.op == "call_module" and node.args == (first,):
            return _spelled(str(node.target), layers[str(node.target)])
        if node.op in ("call_function", "call_method") and node.args[:1] == (first,):
            name = name_of(node)
            function = find(name)
            if function is not None and function.row is not None:
                return _call(name, [*map(text, node.args[1:])], _keywords(node, text))
        return text(node)

    while last is not first and unchanged(last):
        last = last.all_input_nodes[0]
    _written_over(last, first, layers)
    return "identity" if last is first else row(last)


def _written_over(last: fx.Node, first: fx.Node, layers: Mapping[str, nn.Module]) -> None:
    """Refuse a value, or another shape of it, that is changed in its place and
    then used by others.
    """
    for node in (node for node in last.graph.nodes if first < node <= last):
        written = node.args[0] if writes(node, layers) else None
        while isinstance(written, fx.Node):
            readers = [user for user in written.users if written in sources(user)]
            if len(readers) > 1:
                raise ValueError(f"the value that {name_of(node)} writes over is read again")
            written = written.args[0] if name_of(written) in MOVED else None


def _keywords(node: fx.Node, text: Callable[[Any], str]) -> dict[str, str]:
    return {
        name: text(value)
        for name, value in node.kwargs.items()
        if name != "inplace" and value is not None and (name, value) != ("training", False)
    }


def _call(name: str, arguments: list[str], keywords: Mapping[str, str]) -> str:
    listed = [*arguments, *(f"{key}={value}" for key, value in keywords.items())]
    return f"{name}({', '.join(listed)})" if listed else name


def _spelled(name: str, layer: nn.Module) -> str:
    """A layer as it prints itself; PReLU with its learned slope."""
    if isinstance(layer, nn.PReLU):
        return f"PReLU({_parameter(f'{name}.weight', layer.weight)})"
    return str(layer).replace("inplace=True", "").replace(", )", ")")


def _parameter(name: str, value: Any) -> str:
    """A learned number, exactly."""
    if not isinstance(value, Tensor) or value.is_complex():
        raise ValueError(f"stands {name}, which is no number")
    distinct = torch.unique(value.detach()).tolist()
    if len(distinct) != 1:
        raise ValueError(
            f"{name} has {value.numel()} different numbers: one σ for all channels and positions "
            "is explained"
        )
    return str(Fraction(distinct[0]))


def _constant(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    raise ValueError(f"stands {str(value)[:40]!r}, which is no number")
