"""What a file holds: tensors by name, in mappings that may be nested; nothing in it can run.

safetensors is a header and bytes; what torch.save wrote is loaded with weights_only.  Size limits hold before anything is
unpacked.
"""

from __future__ import annotations

import io
import json
import math
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize

from verify.models.files import content
from verify.models.tensors import LARGEST, TAKEN, CheckpointError, Tensor

__all__ = ["contents"]

KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4"}
"""The types of safetensors that are read; bfloat16 is the upper half of float32."""


def contents(path: Path) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """Everything in a file by name, tensors and other things, and the metadata of a safetensors file.

    Raises
    ------
    CheckpointError: the file is missing, no regular file, too large or damaged, or needs more than weights_only.
    """
    try:
        file = content(path, LARGEST)
    except ValueError as error:
        raise CheckpointError(str(error)) from error
    if len(file) > LARGEST:
        raise CheckpointError(f"it is larger than {LARGEST // 2**20} MiB")
    if file.startswith(b"PK"):
        return _loaded(file), {}
    return _deserialized(file), _metadata(file)


def _deserialized(file: bytes) -> dict[str, Any]:
    try:
        entries: list[tuple[str, dict[str, Any]]] = deserialize(file)
    except (SafetensorError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0].removeprefix("Error while deserializing: ")[:120]
        raise CheckpointError(f"it is no safetensors file ({reason})") from error
    tensors: dict[str, Any] = {}
    for name, spec in entries:
        kind, shape = str(spec["dtype"]), tuple(int(size) for size in spec["shape"])
        if kind not in KINDS:
            raise CheckpointError(f"{name[:60]} is {kind[:12]}; {TAKEN}")
        values = np.frombuffer(bytes(spec["data"]), dtype=KINDS[kind])
        if values.size != math.prod(shape):
            raise CheckpointError(
                f"{name[:60]} has {values.size} numbers for the shape {list(shape)}"
            )
        values = values.reshape(shape)
        if kind == "BF16":
            single = (values.astype("<u4") << 16).view("<f4")
            tensors[name] = Tensor(single.astype(np.float64), "bfloat16")
        else:
            tensors[name] = values
    return tensors


def _metadata(file: bytes) -> Mapping[str, str]:
    """The strings in the header, which :func:`_deserialized` has found to be well-formed."""
    size = 8 + int.from_bytes(file[:8], "little")
    return dict(json.loads(file[8:size]).get("__metadata__") or {})


def _loaded(file: bytes) -> Mapping[str, Any]:
    """What torch.load makes of it with weights_only."""
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
    return state
