"""Weights from a file: read whole, checked, and taken as float64; nothing in it can run.

A checkpoint of the one-dimensional model holds ``conv.weight`` (K, 1, n), n odd, and ``readout.weight`` (1, K), and may hold
``conv.bias`` (K) and ``readout.bias`` (1); float32 or float64, finite.  float32 values are exact in float64.  It is a
safetensors file, or what torch.save makes of a state_dict; there, tensors of other names are known by their shapes.
A network for images has ``conv.weight`` (K, 1, n, n) and is read where it is asked for.
"""

from __future__ import annotations

import io
import json
import math
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from numerics.arithmetic.types import Array
from verify.models.files import content

__all__ = ["LARGEST", "Checkpoint", "CheckpointError", "encoded", "read"]


LARGEST = 16 * 2**20
"""Bytes; more than any network of this model has."""
KINDS = {"F64": "<f8", "F32": "<f4"}
TAKEN = "float32 and float64 are taken"
NAMES = ("conv.weight", "conv.bias", "readout.weight", "readout.bias")


class CheckpointError(ValueError):
    """The file holds no network of the model; the message is one clear sentence without the file's name."""


@dataclass(frozen=True)
class Checkpoint:
    """The weights: w (K, n), or (K, n, n) of images, a (K,), b (K,) or None, c (1,) or None; all finite float64.

    ``metadata``: that of a safetensors file, strings by name; empty for other files.
    """

    w: Array
    a: Array
    b: Array | None
    c: Array | None
    metadata: Mapping[str, str]

    @property
    def biases(self) -> Array:
        """b, zeros where the file has none."""
        return np.zeros(len(self.a)) if self.b is None else self.b

    @property
    def offset(self) -> float:
        """c, 0 where the file has none."""
        return 0.0 if self.c is None else float(self.c[0])


def read(path: Path, *, images: bool = False) -> Checkpoint:
    """The network in a safetensors file, or in a state_dict that torch.save wrote; for images too where these are wanted.

    Raises
    ------
    CheckpointError: the file is missing, no regular file, too large, damaged, or holds no network of this model.
    """
    file = _bytes(path)
    if file.startswith(b"PK"):
        return _network(_state_dict(file), {}, images=images)
    return _network(_tensors(file), _metadata(file), images=images)


def encoded(checkpoint: Checkpoint) -> bytes:
    """A safetensors file with its header's keys in order: the library writes them in an order of the moment."""
    tensors = {
        "conv.weight": np.expand_dims(checkpoint.w, 1),
        "conv.bias": checkpoint.b,
        "readout.weight": checkpoint.a[None],
        "readout.bias": checkpoint.c,
    }
    stored = {name: np.ascontiguousarray(x) for name, x in tensors.items() if x is not None}
    content = save(stored, dict(checkpoint.metadata))
    size = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:size]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[size:]


def _bytes(path: Path) -> bytes:
    try:
        file = content(path, LARGEST)
    except ValueError as error:
        raise CheckpointError(str(error)) from error
    if len(file) > LARGEST:
        raise CheckpointError(f"it is larger than {LARGEST // 2**20} MiB")
    return file


def _tensors(file: bytes) -> dict[str, Array]:
    try:
        entries: list[tuple[str, dict[str, Any]]] = deserialize(file)
    except (SafetensorError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0].removeprefix("Error while deserializing: ")[:120]
        raise CheckpointError(f"it is no safetensors file ({reason})") from error
    tensors = {}
    for name, spec in entries:
        if name not in NAMES:
            raise CheckpointError(f"it holds {name[:60]!r}, which this model does not have")
        if spec["dtype"] not in KINDS:
            raise CheckpointError(f"{name} is {str(spec['dtype'])[:12]}; {TAKEN}")
        shape = tuple(int(size) for size in spec["shape"])
        values = np.frombuffer(bytes(spec["data"]), dtype=KINDS[spec["dtype"]])
        if values.size != math.prod(shape):
            raise CheckpointError(f"{name} has {values.size} numbers for the shape {list(shape)}")
        tensors[name] = _finite(name, values).reshape(shape)
    return tensors


def _finite(name: str, values: NDArray[Any]) -> Array:
    if not np.all(np.isfinite(values)):
        raise CheckpointError(f"{name[:60]} holds a number that is not finite (NaN or infinity)")
    return values.astype(np.float64)


def _metadata(file: bytes) -> Mapping[str, str]:
    """The strings in the header, which :func:`_tensors` has found to be well-formed."""
    size = 8 + int.from_bytes(file[:8], "little")
    return dict(json.loads(file[8:size]).get("__metadata__") or {})


def _state_dict(file: bytes) -> dict[str, Array]:
    """The tensors of a torch.save archive, by the names of this model."""
    import torch

    try:
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
                raise CheckpointError(f"it unpacks to more than {LARGEST // 2**20} MiB")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols, on files that are refused
            state = torch.load(io.BytesIO(file), map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except Exception as error:  # torch raises whatever its unpickler meets
        raise CheckpointError("it is no state_dict that torch loads with weights_only") from error
    if not isinstance(state, dict):
        raise CheckpointError("it holds no state_dict")
    tensors = {}
    for name, value in state.items():
        if not (isinstance(name, str) and isinstance(value, torch.Tensor)):
            raise CheckpointError("it holds something that is not a named tensor")
        if value.dtype not in (torch.float32, torch.float64) or value.layout != torch.strided:
            kind = str(value.dtype).removeprefix("torch.")
            raise CheckpointError(f"{name[:60]} is {kind}; {TAKEN}")
        if value.numel() > LARGEST // 4:  # strides can make much of little
            raise CheckpointError(f"{name[:60]} is too large")
        tensors[name] = _finite(name, value.detach().numpy())
    return tensors if set(tensors) <= set(NAMES) else _by_shape(tensors)


def _by_shape(tensors: dict[str, Array]) -> dict[str, Array]:
    """The same tensors under the names of this model, where their shapes leave one way only."""
    roles: dict[str, list[str]] = {name: [] for name in NAMES}
    filters = [name for name, value in tensors.items() if value.ndim in (3, 4)]
    channels = tensors[filters[0]].shape[0] if len(filters) == 1 else 0
    for name, value in tensors.items():
        fits = {
            "conv.weight": value.ndim in (3, 4),
            "readout.weight": value.shape == (1, channels),
            "conv.bias": value.shape == (channels,),
            "readout.bias": value.shape == (1,),
        }
        for role in (role for role, fit in fits.items() if fit):
            roles[role].append(name)
        if not any(fits.values()):
            raise CheckpointError(f"it holds {name[:60]!r}, which this model does not have")
    taken = [names[0] for names in roles.values() if names]
    if any(len(names) > 1 for names in roles.values()) or len(set(taken)) != len(taken):
        raise CheckpointError("the shapes of its tensors do not say which is which")
    return {role: tensors[names[0]] for role, names in roles.items() if names}


def _network(tensors: dict[str, Array], metadata: Mapping[str, str], *, images: bool) -> Checkpoint:
    conv = tensors.get("conv.weight")
    if conv is not None and conv.ndim == 4 and not images:
        raise CheckpointError(
            f"conv.weight has the shape {list(conv.shape)}: a network for images; those for signals, (K, 1, n), are read"
        )
    for name in ("conv.weight", "readout.weight"):
        if name not in tensors:
            raise CheckpointError(f"it has no tensor {name}")
    conv, readout = tensors["conv.weight"], tensors["readout.weight"]
    if conv.ndim not in (3, 4) or conv.shape[1] != 1 or 0 in conv.shape:
        wanted = "(K, 1, n) or (K, 1, n, n)" if images else "(K, 1, n)"
        raise CheckpointError(f"conv.weight has the shape {list(conv.shape)}, not {wanted}")
    channels, _, taps, *across = conv.shape
    if across not in ([], [taps]):
        raise CheckpointError(f"the filters have {taps} × {across[0]} taps; squares are needed")
    if taps % 2 == 0:
        raise CheckpointError(f"the filters have {taps} taps; an odd number is needed")
    shapes = {"readout.weight": (1, channels), "conv.bias": (channels,), "readout.bias": (1,)}
    for name, shape in shapes.items():
        if name in tensors and tensors[name].shape != shape:
            raise CheckpointError(
                f"{name} has the shape {list(tensors[name].shape)}, not {list(shape)}"
            )
    biases = (tensors.get("conv.bias"), tensors.get("readout.bias"))
    return Checkpoint(conv[:, 0], readout[0], *biases, metadata)
