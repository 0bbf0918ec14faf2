"""A live torch module, read: its convolution, its σ, its pooling, its Linear, and whether that is
all.

torch.fx traces its forward.  Convolution and Linear are found by their classes, σ is read from what
stands between them (sigma.py).  The wiring around is not guessed from names, it is tried:

    before the convolution   it has to see the signal as it is, or padded at both ends
    pooling                  whole numbers as values of σ come out as their sum or their mean
    after the Linear         its answer comes out as it is

The module stays as it was: its weights, its modes, no gradients.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NoReturn

import torch
from torch import Tensor, fx, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel

from numerics.pulse.domain import MODES
from theory.expressions.spelling import spelled
from verify.models.checkpoint import Checkpoint, network_of
from verify.models.live.flow import PADDED, POOLED, carriers, intruder, operation, sources, writes
from verify.models.live.sigma import activation_text
from verify.models.live.trace import (
    OTHER_LAYERS,
    STATED,
    Drawing,
    Recorded,
    evaluated,
    first_line,
    traced,
)
from verify.models.setup import LONGEST, WIDEST
from verify.models.tensors import CheckpointError

__all__ = ["Live", "live"]

WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel, AveragedModel)
"""Modules that only hold another one, as ``module``."""
OTHER_POOLING = re.compile(r"max|min|logsumexp|median|lp_?pool|norm|prod|var|std", re.IGNORECASE)
"""What functions and layers are called that pool in another way than by sum or mean."""
FUNCTIONS = ("conv1d", "conv2d", "linear")
"""Functions of torch that do what a layer does."""


@dataclass(frozen=True, eq=False)
class Live:
    """A module and what was read of it.

    Attributes
    ----------
    module: the user's own.
    checkpoint: its weights; the metadata are its activation, pooling, padding and padding mode.
    shape: of the input for one signal or image.
    conv, readout: the names of the two layers in the module.
    norm: that of a batch norm, or an empty string.
    """

    module: nn.Module
    checkpoint: Checkpoint
    shape: tuple[int, ...]
    conv: str
    readout: str
    norm: str
    subject: ClassVar[str] = "the module itself"

    @property
    def dtype(self) -> str:
        """The type of its weights, in which it computes."""
        return str(self._weight.dtype).removeprefix("torch.")

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self._weight.device

    @property
    def _weight(self) -> Tensor:
        weight = self.module.get_submodule(self.conv).weight
        assert isinstance(weight, Tensor)
        return weight

    @property
    def pixels(self) -> int:
        """Of the signal, or of the image per side, with which it was read."""
        return self.shape[-1]

    def answer(self, light: Tensor, *, training: bool = False) -> float:
        """r̂ of one signal (N,) or image (N, N), as the module computes it in its own type."""
        with evaluated(self.module):
            _, inner = _unwrapped(self.module)
            answer = inner.train(training)(light.to(self._weight).reshape(self.shape))
        return float(_entry(answer).double())


def live(module: nn.Module, length: int) -> Live:
    """Read a module that takes signals of so many pixels, or images with so many per side.

    Raises
    ------
    CheckpointError: it is no network of the model; one sentence that names what is in the way.
    """
    prefix, inner = _unwrapped(module)
    with evaluated(inner):
        wiring = _Wiring(inner, length)
        checkpoint = wiring.checkpoint(prefix)
    with torch.random.fork_rng(devices=[]):
        otherwise = _trains_otherwise(inner, wiring.graph)
    notes: tuple[str, ...] = ()
    if otherwise:
        notes = ("the module is in training mode: what it answers in evaluation mode is explained",)
    return Live(
        module,
        replace(checkpoint, notes=(*checkpoint.notes, *notes)),
        wiring.shape,
        prefix + str(wiring.conv.target),
        prefix + str(wiring.readout.target),
        prefix + str(wiring.norm.target) if wiring.norm else "",
    )


def _trains_otherwise(module: nn.Module, graph: fx.GraphModule) -> bool:
    """The module is in training mode, and that makes a difference."""
    kinds = (_BatchNorm, nn.modules.dropout._DropoutNd, nn.RReLU)
    if any(part.training and isinstance(part, kinds) for part in module.modules()):
        return True
    return traced(module).code != graph.code


def _unwrapped(module: nn.Module) -> tuple[str, nn.Module]:
    """The module inside of what only holds one, and what its names begin with."""
    prefix, inner = "", module
    while True:
        held = getattr(inner, "_orig_mod", None)  # of torch.compile
        if isinstance(held, nn.Module):
            prefix, inner = f"{prefix}_orig_mod.", held
        elif isinstance(inner, WRAPPERS):
            prefix, inner = f"{prefix}module.", inner.module
        else:
            return prefix, inner


def _entry(answer: Any) -> Any:
    """The one entry of a tuple, a list or a dictionary, or what is none."""
    while isinstance(answer, tuple | list | Mapping) and len(answer) == 1:
        answer = next(iter(answer.values() if isinstance(answer, Mapping) else answer))
    return answer


class _Wiring:
    """The traced module, and its nodes by what they do."""

    def __init__(self, module: nn.Module, length: int) -> None:
        with Drawing() as drawing:
            self.graph = traced(module)
        drawing.refuse()
        self.layers = dict(self.graph.named_modules())
        self.nodes = list(self.graph.graph.nodes)
        self.output = self.nodes[-1]
        self.conv, self.readout = self._landmarks()
        convolution = self.layers[str(self.conv.target)]
        self.dimensions = 1 if isinstance(convolution, nn.Conv1d) else 2
        most = LONGEST if self.dimensions == 1 else WIDEST
        if not 1 <= length <= most:
            raise CheckpointError(
                f"length is a positive odd number of pixels up to {most}, not {length}"
            )
        self.norm = self._norm()
        self.first = self.norm or self.conv
        generator = torch.Generator().manual_seed(0)
        light = torch.rand((1, 1, *[length] * self.dimensions), generator=generator)
        self.light = light.to(convolution.weight)
        """Some signal, no two paddings of which are alike."""
        self.shape, self.run = self._run()
        values = self.run.env
        size = values[self.conv].shape
        alike = [
            node
            for node in self.nodes
            if self.conv < node < self.readout
            and isinstance(values[node], Tensor)
            and values[node].shape == size
        ]
        self.last = max([self.first, *alike])
        """The values of σ."""
        self.carrying = carriers(self.graph.graph)

    # --------------------------------------------------------------------------------- what it is

    def _landmarks(self) -> tuple[fx.Node, fx.Node]:
        called = [
            (node, self.layers[str(node.target)]) for node in self.nodes if node.op == "call_module"
        ]
        for node, layer in called:
            if isinstance(layer, OTHER_LAYERS):
                raise CheckpointError(
                    f"its layer {node.target} is of the kind {type(layer).__name__}; {STATED}"
                )
        convolutions = [node for node, layer in called if isinstance(layer, nn.Conv1d | nn.Conv2d)]
        readouts = [node for node, layer in called if isinstance(layer, nn.Linear)]
        for nodes, what in ((convolutions, "Conv1d or Conv2d"), (readouts, "Linear")):
            if len(nodes) != 1:
                functions = [x for x in self.nodes if operation(x, self.layers) in FUNCTIONS]
                hint = (
                    f" (functions such as {functions[0].name} are not read: give its state_dict(), "
                    "with activation, pooling and padding as options)"
                    if functions
                    else ""
                )
                named = f" ({', '.join(str(node.target) for node in nodes)})" if nodes else ""
                raise CheckpointError(
                    f"it calls {len(nodes) or 'no'} layers {what}{named}{hint}; {STATED}"
                )
        (conv,), (readout,) = convolutions, readouts
        if readout < conv:
            raise CheckpointError(
                f"its Linear {readout.target} comes before its convolution; {STATED}"
            )
        self._options(conv, readout)
        return conv, readout

    def _options(self, conv: fx.Node, readout: fx.Node) -> None:
        """What the two layers must not have."""
        layer, linear = self.layers[str(conv.target)], self.layers[str(readout.target)]
        for node, part in ((conv, layer), (readout, linear)):
            if nn.parameter.is_lazy(part.weight) or part.weight.is_meta:
                raise CheckpointError(f"the weights of its layer {node.target} have no values yet")
        for option in ("in_channels", "stride", "dilation", "groups"):
            value = getattr(layer, option)
            if value != 1 and set(value if isinstance(value, tuple) else [value]) != {1}:
                raise CheckpointError(
                    f"its convolution {conv.target} has {option} = {value}: 1 is explained"
                )
        if linear.out_features != 1:
            raise CheckpointError(
                f"its Linear {readout.target} has {linear.out_features} outputs: networks with "
                "one answer, a radius, are explained"
            )

    def _norm(self) -> fx.Node | None:
        """A batch norm right behind the convolution, which is a part of it."""
        norms = [
            node
            for node in self.nodes
            if node.op == "call_module" and isinstance(self.layers[str(node.target)], _BatchNorm)
        ]
        for node in norms:
            if node.all_input_nodes != [self.conv] or len(self.conv.users) != 1:
                raise CheckpointError(
                    f"its batch norm {node.target} does not stand right behind the convolution, "
                    "where it can be folded"
                )
            if self.layers[str(node.target)].running_mean is None:
                raise CheckpointError(
                    f"its batch norm {node.target} keeps no running statistics: what it does "
                    "depends on the batch"
                )
        return norms[0] if norms else None

    def checkpoint(self, prefix: str) -> Checkpoint:
        """The weights as they are computed with, under the module's names, and the settings."""
        slopes = self._slopes()
        tensors = {}
        for node in filter(None, (self.conv, self.norm, slopes, self.readout)):
            for name in ("weight", "bias", "running_mean", "running_var"):
                value = getattr(self.layers[str(node.target)], name, None)
                if isinstance(value, Tensor):
                    tensors[f"{prefix}{node.target}.{name}"] = value.detach().cpu()
        told = {
            "activation": "prelu" if slopes else self.activation(),
            "pooling": self.pooling(),
            **self.padding(),
        }
        self.answered()
        eps = {"eps": self.layers[str(self.norm.target)].eps} if self.norm else {}
        return network_of(tensors, told, placed=True, **eps)

    def _slopes(self) -> fx.Node | None:
        """PReLU, where it is all of σ: its learned slopes are weights."""
        layer = self.layers.get(str(self.last.target)) if self.last.op == "call_module" else None
        alone = isinstance(layer, nn.PReLU) and self.last.args == (self.first,)
        return self.last if alone else None

    def activation(self) -> str:
        """The name of σ."""
        try:
            text = activation_text(self.last, self.first, self.layers, self.run.env)
        except ValueError as error:
            raise CheckpointError(f"between its convolution and its pooling {error}") from None
        try:
            return spelled(text).name
        except ValueError as error:
            raise CheckpointError(
                f"between its convolution and its pooling stands {text[:60]!r}, which is no "
                f"activation: {error}"
            ) from None

    # ------------------------------------------------------------------------------ what is tried

    def _run(self) -> tuple[tuple[int, ...], Recorded]:
        """The shape of an input that is one signal, and what all nodes make of it."""
        reason = ""
        for shape in (self.light.shape, self.light.shape[1:]):
            run = Recorded(self.graph)
            try:
                run.run(self.light.reshape(shape).clone())
            except CheckpointError:
                raise
            except Exception as error:  # noqa: BLE001 - it is the user's code that runs
                reason = reason or first_line(error)
            else:
                return tuple(shape), run
        wanted = " × ".join(map(str, self.light.shape))
        raise CheckpointError(f"it does not take a signal of {wanted} numbers ({reason})")

    def padding(self) -> dict[str, str]:
        """Padding and its mode in torch's words, of the layer or of what stands before it."""
        layer = self.layers[str(self.conv.target)]
        self._passed(self.nodes[0], self.conv, PADDED, "before its convolution")
        seen = self.run.env[self.conv.all_input_nodes[0]]
        more = (seen.shape[-1] - self.light.shape[-1]) // 2 if seen.ndim == self.light.ndim else -1
        if seen.shape == self.light.shape and torch.equal(seen, self.light):
            own = layer.padding
            if not isinstance(own, str):
                if len(set(own)) > 1:
                    raise CheckpointError(
                        f"its convolution {self.conv.target} has padding = {own}: the same for all "
                        "sides is explained"
                    )
                own = str(own[0])
            return {"padding": own, "padding_mode": layer.padding_mode}
        unpadded = layer.padding == "valid" or not any(layer.padding)
        for mode in MODES if unpadded and 0 < more < self.light.shape[-1] else ():
            word = "constant" if mode == "zeros" else mode
            padded = functional.pad(self.light, [more] * 2 * self.dimensions, mode=word)
            if seen.shape == padded.shape and torch.equal(seen, padded):
                return {"padding": str(more), "padding_mode": mode}
        self._changed("its convolution does not see the signal as it is", self.nodes[0], self.conv)

    def pooling(self) -> str:
        """``sum`` or ``mean``."""
        target = self.readout.all_input_nodes[0]
        self._alone(target)
        start = "activation" if self.last is not self.first else "convolution"
        self._passed(self.last, self.readout, POOLED, f"between its {start} and its Linear")
        values = self.run.env[self.last]
        whole = torch.randint(-64, 65, values.shape, generator=torch.Generator().manual_seed(1))
        channels, total = values.shape[1], whole.flatten(2).sum(2)[0]
        try:
            pooled = self.run.again(self.last, whole.double().to(values.device), target)
        except Exception as error:
            raise CheckpointError(
                f"between its activation and its Linear: {first_line(error)}"
            ) from error
        if not isinstance(pooled, Tensor) or pooled.numel() != channels:
            size = " × ".join(map(str, getattr(pooled, "shape", ())))
            self._changed(
                f"its Linear sees {size} numbers, not the sum or mean of each of {channels}"
                " channels",
                self.last,
                self.readout,
            )
        positions = whole[0, 0].numel()
        pooled = pooled.flatten().cpu()
        if torch.equal(pooled, total.double()):
            return "sum"
        # In any order, with a division before or after: P + 1 roundings of each term at most.
        rounding = (positions + 2) * 2.0**-53 * whole.abs().flatten(2).sum(2)[0]
        if torch.all((pooled * positions - total).abs() <= rounding):
            return "mean"
        self._changed(
            f"its pooling is neither the sum nor the mean over all {positions} positions",
            self.last,
            self.readout,
        )

    def answered(self) -> None:
        """Raise where the answer of Linear is not the module's."""
        value, output = self.run.env[self.readout], _entry(self.output.args[0])
        if not isinstance(output, fx.Node):
            raise CheckpointError(f"its forward returns several values; {STATED}")
        self._passed(self.readout, self.output, frozenset(), "behind its Linear")
        for wanted in (-2.5, 3.25):
            answer = self.run.again(self.readout, torch.full_like(value, wanted), output)
            if not isinstance(answer, Tensor) or answer.numel() != 1 or answer.item() != wanted:
                self._changed("the answer of its Linear is changed", self.readout, self.output)

    def _passed(self, start: fx.Node, end: fx.Node, more: frozenset[str], where: str) -> None:
        """Raise where the signal is not just passed on, by the name of what is done to it."""
        feeding, waiting = set(), [end]
        while waiting:
            for node in waiting.pop().all_input_nodes:
                if node not in feeding and start < node:
                    feeding.add(node)
                    waiting.append(node)
        way = [
            node
            for node in self.nodes
            if start < node < end
            and node in self.carrying
            and (node in feeding or writes(node, self.layers))
        ]
        dtype = self.layers[str(self.conv.target)].weight.dtype
        name = intruder(way, more, self.layers, self.run.env, self.carrying, dtype)
        if more is POOLED and OTHER_POOLING.search(name):
            raise CheckpointError(
                f"its pooling is {name}: sum and mean over all positions are explained"
            )
        if name:
            raise CheckpointError(f"its forward calls {name} {where}; {STATED}")

    def _alone(self, target: fx.Node) -> None:
        """Raise where pooling sees more than σ."""
        reached, waiting = set(), [target]
        while waiting:
            node = waiting.pop()
            if node is self.last or node in reached or node not in self.carrying:
                continue
            reached.add(node)
            waiting += sources(node)
            if node.op == "placeholder" or node is self.conv:
                raise CheckpointError(
                    "what its Linear sees does not come through the activation alone (a residual "
                    "connection)"
                )

    def _changed(self, reason: str, start: fx.Node, end: fx.Node) -> NoReturn:
        """Refuse, by the name of a pooling that people know, or with all operations on the way."""
        names = [operation(node, self.layers) for node in self.nodes if start < node < end]
        named = [name for name in names if OTHER_POOLING.search(name)]
        if named and start is self.last:
            raise CheckpointError(
                f"its pooling is {named[0]}: sum and mean over all positions are explained"
            )
        raise CheckpointError(f"{reason}" + (f" ({', '.join(names)})" if names else ""))
