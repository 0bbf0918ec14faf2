"""The weights of a network of the model, from a file or from named tensors: checked, and exact in float64.

A network has filters (K, 1, n), n odd, or (K, 1, n, n) for images, a readout (1, K), and may have biases (K) and (1); which
tensor is which is decided by structure (layers.py), so the names are the user's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from numerics.arithmetic.types import Array
from verify.models.archive import contents
from verify.models.layers import roles_of, without_ties
from verify.models.tensors import CheckpointError, runs_in, tensors_of

__all__ = ["Checkpoint", "encoded", "network_of", "read"]


@dataclass(frozen=True)
class Checkpoint:
    """The weights: w (K, n), or (K, n, n) of images, a (K,), b (K,) or None, c (1,) or None; all finite float64.

    Attributes
    ----------
    metadata: that of a safetensors file, strings by name, and what a learned slope says of the activation.
    names: the name in the file of every tensor that is there, by its name in the model.
    notes: one sentence each on what was done on reading.
    dtype: the type in which the network runs, float16, bfloat16, float32 or float64.
    """

    w: Array
    a: Array
    b: Array | None
    c: Array | None
    metadata: Mapping[str, str]
    names: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    dtype: str = "float64"

    def name(self, role: str) -> str:
        """The user's own name of the tensor that the model calls ``role``, as conv.weight."""
        return self.names.get(role, role)

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
    named, metadata = contents(path)
    tensors = {name: x for name, x in named.items() if hasattr(x, "dtype")}
    return network_of(tensors, metadata, images=images)


def network_of(
    tensors: Mapping[str, Any], metadata: Mapping[str, str], *, images: bool = True
) -> Checkpoint:
    """The network that named tensors of torch or arrays of NumPy make up, as a state_dict holds them.

    Raises
    ------
    CheckpointError: they make up no network of this model.
    """
    exact = without_ties(tensors_of(tensors))
    names = roles_of(exact)
    arrays = {role: exact[name].values for role, name in names.items()}
    conv = arrays["conv.weight"]
    if conv.ndim == 4 and not images:
        raise CheckpointError(
            f"{names['conv.weight']} has the shape {list(conv.shape)}: a network for images; those for signals, "
            "(K, 1, n), are read"
        )
    return Checkpoint(
        conv[:, 0],
        arrays["readout.weight"][0],
        arrays.get("conv.bias"),
        arrays.get("readout.bias"),
        metadata,
        names,
        (),
        runs_in(tensor.dtype for tensor in exact.values()),
    )


def encoded(checkpoint: Checkpoint) -> bytes:
    """A safetensors file with its header's keys in order: the library writes them in an order of the moment."""
    tensors = {
        "conv.weight": np.expand_dims(checkpoint.w, 1),
        "conv.bias": checkpoint.b,
        "readout.weight": checkpoint.a[None],
        "readout.bias": checkpoint.c,
    }
    stored = {
        checkpoint.name(role): np.ascontiguousarray(x)
        for role, x in tensors.items()
        if x is not None
    }
    content = save(stored, dict(checkpoint.metadata))
    size = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:size]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[size:]
