"""Training a live module with its own torch optimizer, predicted: what both say, as
:func:`prediction` takes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn, optim

from verify.models.layers import ROLES
from verify.models.live.module import Live, live
from verify.training.prediction import prediction
from verify.training.side_by_side import OutsideTheorem, Prediction

__all__ = ["predicted"]

LENGTH = 255
"""Pixels of the signal that an unsized module is read with; at least as many as taps that are
predicted.
"""
SGD = ("lr", "momentum", "dampening", "weight_decay", "nesterov")
ADAM = ("lr", "betas", "eps", "weight_decay")
KINDS: Mapping[type[optim.Optimizer], tuple[str, tuple[str, ...]]] = {
    optim.SGD: ("sgd", SGD),
    optim.Adam: ("adam", ADAM),
    optim.AdamW: ("adamw", ADAM),
}
"""Optimizers, their names, and the settings that are read."""
ACTIVATIONS = ("identity", "relu")
OFF = ("maximize", "amsgrad")
"""Settings that have to be off."""


def predicted(
    module: nn.Module,
    optimizer: optim.Optimizer | None,
    given: Mapping[str, Any],
    length: int | None,
) -> Prediction:
    """See :func:`verify.predict.predict`."""
    source = live(module, length or LENGTH)
    _trainable(source)
    settings = {name: value for name, value in given.items() if value is not None}
    if optimizer is not None:
        settings |= _settings(source, optimizer, settings)
    kept = source.checkpoint
    outcome = prediction(
        kept.w,
        kept.a,
        kept.b,
        kept.c,
        activation=kept.metadata["activation"],
        dtype=source.dtype,
        length=length,
        **settings,
    )
    weights = (replace(weight, name=kept.name(weight.name)) for weight in outcome.weights)
    return replace(outcome, weights=tuple(weights))


def _trainable(source: Live) -> None:
    """Raise where training is not that of convolution and readout alone."""
    kept, module = source.checkpoint, source.module
    if kept.w.ndim == 3:
        raise OutsideTheorem("it is a network for images: training on signals is predicted")
    if kept.metadata["pooling"] != "sum":
        raise OutsideTheorem(
            "its pooling is the mean over all positions: training with sum pooling is predicted"
        )
    if kept.metadata["padding"] not in ("same", str(kept.w.shape[1] // 2)):
        raise OutsideTheorem(
            f"its padding is {kept.metadata['padding']}: training with padding same is predicted"
        )
    if kept.metadata["activation"] not in ACTIVATIONS:
        raise OutsideTheorem(
            f"its activation is {kept.metadata['activation']}: training with "
            f"{' or '.join(ACTIVATIONS)} is predicted"
        )
    known = {kept.name(role) for role in ROLES}
    if others := [name for name, _ in module.named_parameters() if name not in known]:
        raise OutsideTheorem(
            f"it trains {', '.join(others)}: training of convolution and Linear alone is predicted"
        )
    light = torch.linspace(0, 1, source.pixels)
    with torch.random.fork_rng(devices=[]):
        if source.answer(light) != source.answer(light, training=True):
            raise OutsideTheorem(
                "it answers otherwise in training mode (dropout): its steps are random"
            )


def _settings(source: Live, optimizer: optim.Optimizer, given: Mapping[str, Any]) -> dict[str, Any]:
    """What an optimizer says, where it trains all weights in one way from the beginning."""
    kind = type(optimizer)
    if kind not in KINDS:
        known = ", ".join(sorted(x.__name__ for x in KINDS))
        raise OutsideTheorem(f"its optimizer is {kind.__name__}: {known} are predicted")
    name, read = KINDS[kind]
    if len(optimizer.param_groups) != 1:
        raise OutsideTheorem(
            f"its optimizer has {len(optimizer.param_groups)} groups of parameters: one is"
            " predicted"
        )
    (group,) = optimizer.param_groups
    for switch in OFF:
        if group.get(switch):
            raise OutsideTheorem(f"its optimizer has {switch}: training without is predicted")
    if optimizer.state:
        raise OutsideTheorem(
            "its optimizer has taken steps already: training from its beginning is predicted"
        )
    trained = {id(weight) for weight in group["params"] if weight.requires_grad}
    for weight, parameter in source.module.named_parameters():
        if id(parameter) not in trained:
            raise OutsideTheorem(
                f"its optimizer does not train {weight}: training of all weights is predicted"
            )
    if said := [key for key in read if key in given]:
        raise ValueError(f"the optimizer says its {said[0]}: leave {said[0]}= out")
    numbers = {key: group[key] for key in read}
    return {
        "optimizer": name,
        **{k: float(x) if isinstance(x, torch.Tensor) else x for k, x in numbers.items()},
    }
