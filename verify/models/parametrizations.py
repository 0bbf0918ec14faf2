"""Layers that are folded, known by the names that torch gives to their tensors; what cannot be
folded is refused by its name.

X_g, X_v, or parametrizations.X.original0 and 1     weight norm of X
X_orig, X_mask                                      pruning of X
running_mean, running_var, weight, bias             batch norm in evaluation mode
a weight of one dimension alone in its layer        PReLU
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from numerics.arithmetic.decimals import rounded_up
from numerics.arithmetic.types import Array
from verify.models.folding import Folded, batch_norm, masked, mirrored, weight_norm
from verify.models.layers import layer_of, listed
from verify.models.tensors import CheckpointError, Tensor

__all__ = ["EPS", "BatchNorm", "Plain", "normalised", "plain", "refuse", "sloped"]

EPS = 1e-5
"""What batch norm adds to the variance unless it is told otherwise; no file holds it."""
PARTS = (
    (r"(.*)_g", r"\1_v", r"\1", weight_norm, "weight norm"),
    (
        r"((?:.*\.)?)parametrizations\.(\w+)\.original0",
        r"\1parametrizations.\2.original1",
        r"\1\2",
        weight_norm,
        "weight norm",
    ),
    (r"(.*)_orig", r"\1_mask", r"\1", masked, "pruning"),
)
"""How a tensor is stored in two parts: the name of the first, then the second's and its own; what
makes one of them.
"""
REFUSED = {
    r"lora_[AB]\b|lora_embedding": (
        "LoRA: merge it into its layer (merge_and_unload) and store that"
    ),
    r"parametrizations\.(\w+)\.\d+\._[uv]$|weight_u$": (
        "spectral norm: remove it (remove_parametrizations, remove_spectral_norm) and store the"
        " layer"
    ),
    r"\bparametrizations\.\w+\.(?!original[01]$)": (
        "a parametrization that is not known: remove it (remove_parametrizations) and store the"
        " layer"
    ),
    r"zero_point$|_packed_params|absmax$|quant_": (
        "a quantised layer: store the network before it was quantised"
    ),
}
"""Names of tensors of layers that are not folded."""


@dataclass(frozen=True)
class BatchNorm:
    """A batch norm in evaluation mode: its name, and mean, variance, scale and
    shift per channel.
    """

    name: str
    mean: Array
    variance: Array
    scale: Array
    shift: Array


@dataclass(frozen=True)
class Plain:
    """Tensors of layers only, and what was in front of, behind or inside them.

    Attributes
    ----------
    tensors: of convolution and readout.
    norm, slope: a batch norm, and PReLU's learned slopes with their name, if there are any.
    notes: one sentence for every layer that was folded.
    same: the folded network runs as the one in the file does, rounding by rounding.
    """

    tensors: dict[str, Tensor]
    norm: BatchNorm | None
    slope: tuple[str, Array] | None
    notes: tuple[str, ...]
    same: bool


def refuse(names: Iterable[str]) -> None:
    """See that no tensor belongs to a layer that is not folded.

    Raises
    ------
    CheckpointError: one does.
    """
    for pattern, reason in REFUSED.items():
        for name in names:
            if re.search(pattern, name):
                raise CheckpointError(f"{name[:80]} belongs to {reason}")


def plain(tensors: Mapping[str, Tensor]) -> Plain:
    """Fold what is stored in parts, and set batch norm and slopes aside.

    Raises
    ------
    CheckpointError: a layer cannot be folded.
    """
    kept, notes, same = dict(tensors), [], True
    for first, second, whole, fold, kind in PARTS:
        for name in tensors:
            match = re.fullmatch(first, name)
            other, target = (match.expand(x) for x in (second, whole)) if match else ("", "")
            if match is None or other not in tensors:
                continue
            if target in kept:
                raise CheckpointError(f"{target} is there beside {name} and {other} ({kind})")
            parts = kept.pop(name), kept.pop(other)
            made = fold(parts[0].values, parts[1].values)
            kept[target] = Tensor(made.arrays[0], parts[0].dtype)
            notes.append(f"{target} is made of {name} and {other} ({kind}), {_how_exactly(made)}")
            same &= kind == "pruning" and made.arrays[0].dtype == np.float64
    # Without a readout a row of numbers may have been meant to be it.
    ended = any(tensor.values.ndim == 2 for tensor in kept.values())
    norms, slopes = list[BatchNorm](), dict[str, Array]()
    for layer, beside in _layers(kept).items():
        if {"running_mean", "running_var"} <= set(beside):
            norms.append(_batch_norm(layer, beside, kept))
        elif ended and all(kept[name].values.ndim == 1 for name in beside.values()):
            if set(beside) == {"weight", "bias"}:
                raise CheckpointError(
                    f"{beside['weight']} and {beside['bias']} scale and shift what is normalised by"
                    " the input itself (layer norm, group norm, batch norm without running"
                    " averages); that is not explained"
                )
            alone = set(beside) == {"weight"}
            own = (x for x in beside.values() if alone or "prelu" in x.lower())
            slopes |= {x: kept[x].values for x in own}
    for names, kind in (
        ([norm.name for norm in norms], "batch norms"),
        (list(slopes), "slopes of PReLU"),
    ):
        if len(names) > 1:
            raise CheckpointError(
                f"it has {len(names)} {kind}, {listed(names)}; networks with one are explained"
            )
    aside = {
        *slopes,
        *(name for norm in norms for name in kept if layer_of(name) == f"{norm.name}."),
    }
    return Plain(
        {name: tensor for name, tensor in kept.items() if name not in aside},
        norms[0] if norms else None,
        next(iter(slopes.items()), None),
        tuple(notes),
        same and not norms,
    )


def _layers(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, str]]:
    """The names of every layer's tensors by what stands behind the layer's own name."""
    layers: dict[str, dict[str, str]] = {}
    for name in tensors:
        layer = layer_of(name)
        layers.setdefault(layer, {})[name[len(layer) :]] = name
    return layers


def _batch_norm(layer: str, beside: Mapping[str, str], tensors: Mapping[str, Tensor]) -> BatchNorm:
    name = layer.removesuffix(".")
    values = {part: tensors[whole].values for part, whole in beside.items()}
    shape = values["running_mean"].shape
    if len(shape) != 1 or any(value.shape != shape for value in values.values()):
        raise CheckpointError(f"the tensors of the batch norm {name} have different shapes")
    scale, shift = values.get("weight", np.ones(shape)), values.get("bias", np.zeros(shape))
    return BatchNorm(name, values["running_mean"], values["running_var"], scale, shift)


def normalised(
    w: Array, b: Array | None, norm: BatchNorm, conv: str, eps: float, names: Sequence[str] | None
) -> tuple[tuple[Array, Array], str, str]:
    """Filters w (K, ...) and biases b (K,) with the batch norm behind them in them, a note, and
    what is assumed.

    ``conv`` is the layer's name, ``names`` are all tensors' in their order; None where it is known
    that the norm stands there.

    Raises
    ------
    CheckpointError: the batch norm does not fit, or stands elsewhere by torch's numbers or the
        order of the tensors.
    """
    if norm.mean.shape != (len(w),):
        raise CheckpointError(
            f"the batch norm {norm.name} has {len(norm.mean)} channels, and the convolution {conv}"
            f" {len(w)}; one between convolution and activation is folded"
        )
    (before, _, number), (around, _, place) = conv.rpartition("."), norm.name.rpartition(".")
    numbered = number.isdecimal() and place.isdecimal() and before == around
    sure = numbered or names is None
    if (
        names is not None
        and not numbered
        and _registered(names)
        and _first(norm.name, names) < _first(conv, names)
    ):
        raise CheckpointError(
            f"the batch norm {norm.name} stands in front of the convolution {conv} in the file; one"
            " between convolution and activation is folded: if it is called there, explain the"
            " module itself (docs/network.md#from-python)"
        )
    if numbered and int(place) != int(number) + 1:
        raise CheckpointError(
            f"the batch norm {norm.name} does not follow the convolution {conv} at once; only there"
            " it is folded"
        )
    biases = np.zeros(len(w)) if b is None else b
    made = batch_norm(w, biases, norm.mean, norm.variance, norm.scale, norm.shift, eps)
    assumed = f"the batch norm {norm.name} stands between convolution and activation"
    where = "" if sure else "taken to stand between convolution and activation, "
    note = (
        f"the batch norm {norm.name}, {where}with eps = {eps:g}, is part of {conv},"
        f" {_how_exactly(made)}"
    )
    filters, biases = made.arrays
    return (filters, biases), note, "" if sure else assumed


def _registered(names: Sequence[str]) -> bool:
    """Whether the order is torch's, a weight in front of its bias, and not that of the alphabet."""
    places = {name: i for i, name in enumerate(names)}
    return any(
        i < places.get(f"{layer_of(name)}bias", i)
        for name, i in places.items()
        if name.endswith("weight")
    )


def _first(layer: str, names: Sequence[str]) -> int:
    """The place of the first tensor of a layer; the empty name is that of tensors without a dot."""
    begins = (f"{layer}.", f"{layer}_")
    own = [i for i, x in enumerate(names) if (x.startswith(begins) if layer else "." not in x)]
    return min(own, default=len(names))


def sloped(
    w: Array, b: Array | None, a: Array, slope: tuple[str, Array]
) -> tuple[tuple[Array, Array | None, Array], str, str]:
    """Filters (K, ...), biases and readout weights (K,), the activation, and a note, of a network
    with PReLU's learned slopes (K,) or (1,).

    Raises
    ------
    CheckpointError: they are neither one nor one per channel.
    """
    name, slopes = slope
    if len(slopes) not in (1, len(w)):
        raise CheckpointError(
            f"{name} has {len(slopes)} slopes for {len(w)} channels; PReLU has one, or one per"
            " channel"
        )
    if np.all(slopes == slopes[0]):
        text = f"prelu({Fraction(slopes[0].item())})"
        return (
            (w, b, a),
            text,
            f"the activation is PReLU with the learned slope {name} = {slopes[0]:.12g}",
        )
    made = mirrored(w, np.zeros(len(w)) if b is None else b, a, slopes)
    filters, biases, readout = made.arrays
    note = (
        f"{name} holds a slope p per channel, and prelu(z) = relu(z) - p relu(-z): explained are"
        f" {2 * len(w)} channels of relu, those of the file and behind them their mirror images,"
        f" {_how_exactly(made)}"
    )
    return (filters, None if b is None else biases, readout), "relu", note


def _how_exactly(made: Folded) -> str:
    return f"off by {rounded_up(made.error, 2)} at most" if made.error else "exactly"
