"""A live torch module traced by torch.fx, and its graph run with every value kept.

The module stays as it was: its weights, its modes, no gradients, and torch's random numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._python_dispatch import TorchDispatchMode

from verify.models.live.flow import operation
from verify.models.tensors import CheckpointError

__all__ = ["OTHER_LAYERS", "STATED", "Drawing", "Recorded", "evaluated", "first_line", "traced"]

OTHER_LAYERS = (
    nn.RNNBase,
    nn.RNNCellBase,
    nn.Transformer,
    nn.TransformerEncoder,
    nn.TransformerEncoderLayer,
    nn.MultiheadAttention,
    nn.Embedding,
    nn.Bilinear,
    nn.Conv3d,
    nn.modules.conv._ConvTransposeNd,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.LocalResponseNorm,
    nn.modules.instancenorm._InstanceNorm,
)
"""Layers that no network of the model has, whatever stands around them."""
STATED = (
    "networks of one convolution, an activation, sum or mean over all positions, and one Linear "
    "are explained"
)
"""What is explained, in the words of a refusal."""


@contextmanager
def evaluated(module: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; all modes, and torch's random numbers, as they were in the
    end.
    """
    modes = {part: part.training for part in module.modules()}
    try:
        module.eval()
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            yield
    finally:
        for part, training in modes.items():
            part.training = training


class Drawing(TorchDispatchMode):
    """Takes down which random numbers are drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if torch.Tag.nondeterministic_seeded in func.tags:
            self.names.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))

    def refuse(self, name: str = "") -> None:
        """Raise if there were any; under the name of what drew them, if it is known.

        Raises
        ------
        CheckpointError: random numbers were drawn.
        """
        if self.names:
            raise CheckpointError(
                f"its forward draws random numbers ({name or self.names[0]}): what it answers is "
                "no function of the signal"
            )


class Recorded(fx.Interpreter):
    """Runs a graph and keeps every value."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph, garbage_collect_values=False)
        self.layers = dict(graph.named_modules())

    def run_node(self, n: fx.Node) -> Any:
        """The value of a node, which is no random one."""
        with Drawing() as drawing:
            value = super().run_node(n)
        drawing.refuse(operation(n, self.layers))
        return value

    def again(self, start: fx.Node, value: Any, end: fx.Node) -> Any:
        """The value of ``end`` if ``start`` had another one."""
        self.env[start] = value
        for node in (node for node in start.graph.nodes if start < node <= end):
            self.env[node] = self.run_node(node)
        return self.env[end]


class _Called(nn.Module):
    """A module called with one signal.  What tracing adds is added here, and not
    to the user's own.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.own = module

    def forward(self, signal: Tensor) -> Any:
        return self.own(signal)


class _Signal(fx.Proxy):
    """The input of a trace: one signal, as its length says."""

    def __len__(self) -> int:
        return 1


class _Tracer(fx.Tracer):
    def proxy(self, node: fx.Node) -> fx.Proxy:
        """What stands for a value while the forward runs."""
        return _Signal(node, self) if node.op == "placeholder" else super().proxy(node)


def traced(module: nn.Module) -> fx.GraphModule:
    """The graph of a module, with the module's own names.

    Raises
    ------
    CheckpointError: a layer or the forward cannot be traced.
    """
    called = _Called(module)
    try:
        if isinstance(module, torch.jit.ScriptModule):
            raise TypeError("it is TorchScript")
        graph = _Tracer().trace(called)
    except Exception as error:
        for name, layer in module.named_modules():
            if isinstance(layer, OTHER_LAYERS):
                raise CheckpointError(
                    f"its layer {name} is of the kind {type(layer).__name__}; {STATED}"
                ) from error
        raise CheckpointError(
            f"its forward cannot be traced ({first_line(error)}): give its state_dict(), with "
            "activation, pooling and padding as options"
        ) from error
    parts: dict[str, Any] = {}
    for node in graph.nodes:
        if node.op in ("call_module", "get_attr"):
            value: Any = called
            for name in str(node.target).split("."):
                value = getattr(value, name)
            node.target = str(node.target).removeprefix("own.")
            parts[node.target] = value
    return fx.GraphModule(parts, graph)


def first_line(error: Exception) -> str:
    """The first line of another's message."""
    lines = str(error).splitlines()
    return lines[0][:120] if lines else type(error).__name__
