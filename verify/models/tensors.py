"""Tensors by name: exact in float64, with the type that a network of them runs in.

float16, bfloat16, float32 and float64 are dyadic rationals, and float64 holds all of them exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from numerics.arithmetic.types import Array

__all__ = ["FLOATS", "LARGEST", "CheckpointError", "Tensor", "runs_in", "tensors_of"]

LARGEST = 16 * 2**20
"""Bytes; more than any network of this model has."""
FLOATS = ("float16", "bfloat16", "float32", "float64")
"""The types that are read, by torch's names."""
TAKEN = f"{', '.join(FLOATS[:-1])} and {FLOATS[-1]} are taken"
COUNTERS = frozenset({"num_batches_tracked", "n_averaged", "step", "num_updates"})
"""Whole numbers beside weights that no answer depends on."""


class CheckpointError(ValueError):
    """The file holds no network of the model; the message is one clear sentence without the file's
    name.
    """


@dataclass(frozen=True)
class Tensor:
    """Values in float64, the type they are stored in, and where: tied tensors have one place, which
    is not None.
    """

    values: Array
    dtype: str
    place: object = None

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the values."""
        return self.values.shape


def tensors_of(named: Mapping[str, Any]) -> dict[str, Tensor]:
    """Tensors of torch or arrays of NumPy by name, without counters, each in float64.

    Raises
    ------
    CheckpointError: one is no tensor of finite floats, or all of them are too large.
    """
    numbers = 0
    exact = {}
    for name, value in named.items():
        if not name.isprintable() or len(name) > 200:
            raise CheckpointError(f"the name of a tensor is not printable: {name[:40]!r}")
        dtype = str(value.dtype).removeprefix("torch.")
        if "int" in dtype and math.prod(value.shape) == 1 and name.rpartition(".")[2] in COUNTERS:
            continue
        if dtype.startswith(("qint", "quint")):
            raise CheckpointError(f"{name} is quantised ({dtype}); save the network before that")
        if dtype not in FLOATS:
            raise CheckpointError(f"{name} is {dtype}; {TAKEN}")
        numbers += math.prod(value.shape)  # strides can make much of little
        if numbers > LARGEST // 4:
            raise CheckpointError(f"{name[:60]} is too large")
        exact[name] = _exact(name, value, dtype)
    return exact


def _exact(name: str, value: Any, dtype: str) -> Tensor:
    place = None
    if isinstance(value, Tensor):
        value = value.values
    elif not isinstance(value, np.ndarray):
        import torch

        if value.layout != torch.strided or value.is_meta:
            kind = "on the meta device" if value.is_meta else "sparse"
            raise CheckpointError(f"{name} is {kind}; dense tensors with values are taken")
        place = value.data_ptr(), tuple(value.shape), value.stride(), dtype
        value = value.detach().cpu().resolve_neg().to(torch.float64).numpy()
    if not np.all(np.isfinite(value)):
        raise CheckpointError(f"{name} holds a number that is not finite (NaN or infinity)")
    return Tensor(np.array(value, dtype=np.float64, order="C"), dtype, place)


def runs_in(dtypes: Iterable[str]) -> str:
    """The type in which a network with weights of these types runs: the one that
    holds all of them.
    """
    kinds = set(dtypes)
    if len(kinds) == 1:
        return kinds.pop()
    return "float64" if "float64" in kinds or not kinds else "float32"
