"""Weights from a safetensors file: read whole, checked, and taken as float64; nothing in it can run.

A checkpoint of the one-dimensional model holds ``conv.weight`` (K, 1, n), n odd, and ``readout.weight`` (1, K), and may hold
``conv.bias`` (K) and ``readout.bias`` (1); float32 or float64, finite.  float32 values are exact in float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from verify.arguments import content

__all__ = ["LARGEST", "Checkpoint", "CheckpointError", "read"]

Array = NDArray[np.float64]

LARGEST = 16 * 2**20
"""Bytes; more than any network of this model has."""
KINDS = {"F64": "<f8", "F32": "<f4"}
NAMES = ("conv.weight", "conv.bias", "readout.weight", "readout.bias")


class CheckpointError(ValueError):
    """The file holds no network of the model; the message is one clear sentence without the file's name."""


@dataclass(frozen=True)
class Checkpoint:
    """The weights: w (K, n), a (K,), b (K,) or None, c (1,) or None; all finite float64."""

    w: Array
    a: Array
    b: Array | None
    c: Array | None


def read(path: Path) -> Checkpoint:
    """The network in a safetensors file.

    Raises
    ------
    CheckpointError: the file is missing, no regular file, too large, damaged, or holds no network of this model.
    """
    return _network(_tensors(_bytes(path)))


def _bytes(path: Path) -> bytes:
    try:
        found = content(path, LARGEST)
    except ValueError as error:
        raise CheckpointError(str(error)) from error
    if len(found) > LARGEST:
        raise CheckpointError(f"it is larger than {LARGEST // 2**20} MiB")
    return found


def _tensors(file: bytes) -> dict[str, Array]:
    try:
        found: list[tuple[str, dict[str, Any]]] = deserialize(file)
    except (SafetensorError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0].removeprefix("Error while deserializing: ")[:120]
        raise CheckpointError(f"it is no safetensors file ({reason})") from error
    tensors = {}
    for name, spec in found:
        if name not in NAMES:
            raise CheckpointError(f"it holds {name[:60]!r}, which this model does not have")
        if spec["dtype"] not in KINDS:
            raise CheckpointError(
                f"{name} is {str(spec['dtype'])[:12]}; float32 and float64 are taken"
            )
        shape = tuple(int(size) for size in spec["shape"])
        values = np.frombuffer(bytes(spec["data"]), dtype=KINDS[spec["dtype"]])
        if values.size != math.prod(shape):
            raise CheckpointError(f"{name} has {values.size} numbers for the shape {list(shape)}")
        if not np.all(np.isfinite(values)):
            raise CheckpointError(f"{name} holds a number that is not finite (NaN or infinity)")
        tensors[name] = values.astype(np.float64).reshape(shape)
    return tensors


def _network(tensors: dict[str, Array]) -> Checkpoint:
    for name in ("conv.weight", "readout.weight"):
        if name not in tensors:
            raise CheckpointError(f"it has no tensor {name}")
    conv, readout = tensors["conv.weight"], tensors["readout.weight"]
    if conv.ndim != 3 or conv.shape[1] != 1 or 0 in conv.shape:
        raise CheckpointError(f"conv.weight has the shape {list(conv.shape)}, not (K, 1, n)")
    channels, _, taps = conv.shape
    if taps % 2 == 0:
        raise CheckpointError(f"the filters have {taps} taps; an odd number is needed")
    wanted = {"readout.weight": (1, channels), "conv.bias": (channels,), "readout.bias": (1,)}
    for name, shape in wanted.items():
        if name in tensors and tensors[name].shape != shape:
            raise CheckpointError(
                f"{name} has the shape {list(tensors[name].shape)}, not {list(shape)}"
            )
    return Checkpoint(conv[:, 0], readout[0], tensors.get("conv.bias"), tensors.get("readout.bias"))
