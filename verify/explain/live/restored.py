"""The nearest exact network in the place of the user's own: in a copy of the
module, or its names.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune
from torch.nn.utils.weight_norm import WeightNorm

from verify.explain.repair import repaired
from verify.explain.value import Explanation, SignalExplanation
from verify.models.live.module import Live
from verify.models.live.trace import first_line

__all__ = ["restored"]


def restored(explanation: Explanation) -> nn.Module | dict[str, Tensor]:
    """See :meth:`Explanation.repair`.

    Raises
    ------
    ValueError: no nearest exact network is known.
    """
    if not isinstance(explanation, SignalExplanation):
        raise ValueError("of a network for images no nearest exact one is known")  # noqa: TRY004 - the method is theirs, too
    live, checkpoint = explanation.live, explanation.checkpoint
    dtype = checkpoint.dtype if live is None else live.dtype
    made = repaired(explanation, dtype)
    if made is None:
        raise ValueError(explanation.nearest.reason)
    if not made.exact:
        warnings.warn(made.text, stacklevel=3)
    kind = getattr(torch, dtype)
    tensors = {role: torch.tensor(x, dtype=kind) for role, x in made.checkpoint.tensors.items()}
    if live is not None:
        return _module(live, tensors)
    return {checkpoint.name(role): x for role, x in tensors.items()}


def _module(live: Live, tensors: Mapping[str, Tensor]) -> nn.Module:
    """A copy with these weights in plain layers; a batch norm, which they include, is gone."""
    try:
        module = copy.deepcopy(live.module)
    except Exception as error:
        raise ValueError(f"the module cannot be copied ({first_line(error)})") from error
    for role, name in (("conv", live.conv), ("readout", live.readout)):
        layer = module.get_submodule(name)
        values = {
            part: nn.Parameter(tensors[f"{role}.{part}"].to(live.device))
            for part in ("weight", "bias")
            if f"{role}.{part}" in tensors
        }
        if values["weight"].shape != getattr(layer, "weight", values["weight"]).shape:
            raise ValueError(
                "the exact network has more channels: each slope of its PReLU is two of them"
            )
        if _computes_its_weight(layer):
            layer = _plain(layer)
            module.set_submodule(name, layer)
        for part, value in values.items():
            layer.register_parameter(part, value)
    if live.norm:
        module.set_submodule(live.norm, nn.Identity())
    return module


def _computes_its_weight(layer: nn.Module) -> bool:
    """From other tensors: weight norm in either spelling, pruning, any other parametrization."""
    hooks = layer._forward_pre_hooks.values()
    kinds = (WeightNorm, prune.BasePruningMethod)
    return parametrize.is_parametrized(layer) or any(isinstance(hook, kinds) for hook in hooks)


def _plain(layer: nn.Module) -> nn.Module:
    """The same layer with a weight of its own.

    torch's removal of a parametrization would change the class that the user's layer has, too.
    """
    if isinstance(layer, nn.Linear):
        return nn.Linear(layer.in_features, 1, bias=layer.bias is not None)
    assert isinstance(layer, nn.Conv1d)
    plain = nn.Conv1d(
        1,
        layer.out_channels,
        layer.kernel_size[0],
        padding=layer.padding if isinstance(layer.padding, str) else layer.padding[0],
        padding_mode=layer.padding_mode,
        bias=layer.bias is not None,
    )
    return plain.train(layer.training)
