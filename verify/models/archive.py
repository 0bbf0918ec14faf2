"""What a file holds: tensors by name, in mappings that may be nested; nothing in it can run.

safetensors is a header and bytes; what torch.save wrote is loaded with weights_only.  Size limits
hold before anything is unpacked.
"""

from __future__ import annotations

import io
import json
import pickletools
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize

from verify.models.files import content
from verify.models.tensors import LARGEST, TAKEN, CheckpointError, Tensor

__all__ = ["ALONE", "contents"]

ALONE = "store the weights alone: torch.save(model.state_dict(), FILE)"
"""The way out where a file holds more than weights."""
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How files of torch before 1.6 begin."""
FORMATS = {
    b"\x1f\x8b": "it is compressed by gzip; unpack it",
    b"\x89HDF": (
        "it is an HDF5 file, as Keras writes them; store the arrays with"
        " safetensors.numpy.save_file"
    ),
    b"\x93NUMPY": (
        "it is a single NumPy array; store all of them by name with safetensors.numpy.save_file"
    ),
    b"\x80": f"it is a pickle that torch.save did not write, and such a file can run code; {ALONE}",
}
"""Files of other kinds, by their first bytes."""
SHARD = re.compile(r"-(\d{5})-of-(\d{5})\b")
WANTED = re.compile(r"\bGLOBAL ([A-Za-z_][\w.]{0,120}) (?:was not an allow|whose module)", re.ASCII)
"""The class or function that torch.load says it would need."""
MAPPING = re.compile(rb"\x80.(\}|ccollections\nOrderedDict\n)", re.DOTALL)
"""How the pickle of a mapping begins."""
KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4"}
"""The types of safetensors that are read; bfloat16 is the upper half of float32."""


def contents(path: Path) -> tuple[Mapping[Any, Any], Mapping[str, str]]:
    """Everything in a file by name, tensors and other things, and the metadata of a safetensors
    file.

    Raises
    ------
    CheckpointError: the file is missing, no regular file, too large or damaged, or needs more than
        weights_only.
    """
    try:
        file = content(path, LARGEST)
    except ValueError as error:
        raise CheckpointError(str(error)) from error
    if len(file) > LARGEST:
        raise CheckpointError(f"it is larger than {LARGEST // 2**20} MiB")
    if not file:
        raise CheckpointError("it is empty: 0 bytes")
    part = SHARD.search(path.name)
    if part and int(part[2]) > 1:
        raise CheckpointError(
            f"it is part {int(part[1])} of {int(part[2])} of a checkpoint; store it in one file"
        )
    if file.startswith(b"{") and b"\0" not in file[:8]:
        index = " is the index of a checkpoint in several files; store it in one"
        raise CheckpointError(
            "it" + (index if b"weight_map" in file else " is JSON, not a checkpoint")
        )
    if file.startswith(b"PK\3\4"):
        return _unzipped(file), {}
    if file.startswith(LEGACY):
        return _legacy(file), {}
    for begin, sentence in FORMATS.items():
        if file.startswith(begin) and file[8:9] != b"{":
            raise CheckpointError(sentence)
    tensors = _deserialized(file)  # the header is well-formed, then
    header = json.loads(file[8 : 8 + int.from_bytes(file[:8], "little")])
    return tensors, dict(header.get("__metadata__") or {})


def _deserialized(file: bytes) -> dict[str, Any]:
    try:
        entries: list[tuple[str, dict[str, Any]]] = deserialize(file)
    except (SafetensorError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0].removeprefix("Error while deserializing: ")[:120]
        kinds = "no" if file[8:9] == b"{" else "neither a torch nor a"
        raise CheckpointError(f"it is {kinds} safetensors file ({reason})") from error
    tensors: dict[str, Any] = {}
    for name, spec in entries:
        kind, shape = str(spec["dtype"]), tuple(int(size) for size in spec["shape"])
        if kind not in KINDS:
            raise CheckpointError(f"{name[:60]} is {kind[:12]}; {TAKEN}")
        values = np.frombuffer(bytes(spec["data"]), dtype=KINDS[kind]).reshape(shape)
        if kind == "BF16":
            single = (values.astype("<u4") << 16).view("<f4")
            tensors[name] = Tensor(single.astype(np.float64), "bfloat16")
        else:
            tensors[name] = values
    return tensors


def _unzipped(file: bytes) -> Mapping[Any, Any]:
    """What torch.save wrote since 1.6: a zip archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
                raise CheckpointError(f"it unpacks to more than {LARGEST // 2**20} MiB")
            names = archive.namelist()
            if any(name.endswith(".npy") for name in names):
                raise CheckpointError(
                    "it is a NumPy archive; store its arrays with"
                    " safetensors.numpy.save_file(dict(numpy.load(FILE)), NEW)"
                )
            if any(name.endswith("/constants.pkl") for name in names):
                raise CheckpointError(f"it is a TorchScript archive, which holds code; {ALONE}")
            pickles = [name for name in names if name.endswith("data.pkl")]
            if not pickles:
                raise CheckpointError("it is a zip archive that torch.save did not write")
            pickled = archive.read(pickles[0])
    except CheckpointError:
        raise
    except Exception as error:  # zipfile raises whatever a damaged archive makes it meet
        raise CheckpointError("it is a damaged zip archive") from error
    return _loaded(file, pickled)


def _legacy(file: bytes) -> Mapping[Any, Any]:
    """What torch.save wrote before 1.6: pickles one after the other, then the numbers."""
    stream, numbers = io.BytesIO(file), 0
    try:
        for _ in range(4):  # a magic number, a version, the machine, and what was saved
            begin, sizes = stream.tell(), list[int]()
            for operation, argument, _ in pickletools.genops(stream):
                if operation.name == "MARK":
                    sizes = []
                elif isinstance(argument, int):
                    sizes.append(argument)
                elif operation.name == "BINPERSID":
                    numbers += max(sizes, default=0)
    except Exception as error:  # pickletools raises whatever damaged bytes make it meet
        raise CheckpointError("it is a damaged file of torch before 1.6") from error
    if numbers > LARGEST:
        raise CheckpointError(f"it unpacks to more than {LARGEST // 2**20} MiB")
    return _loaded(file, file[begin : stream.tell()])


def _loaded(file: bytes, pickled: bytes) -> Mapping[Any, Any]:
    """What torch.load makes of it with weights_only; ``pickled`` is its pickle, in which the
    refused class is.
    """
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols, on files that are refused
            state = torch.load(io.BytesIO(file), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever its unpickler meets
        raise _unsafe(str(error), pickled) from error
    if not isinstance(state, dict):
        kind = type(state).__name__
        raise CheckpointError(f"it holds no state_dict but a {kind}; {ALONE}")
    return state


def _unsafe(message: str, pickled: bytes) -> CheckpointError:
    """Why torch.load refused: the class that the file needs, and whether it is all that the file
    is.
    """
    wanted = WANTED.search(message)
    if wanted is None and pickled[:1] == b"\x80" and pickled[1:2] > b"\2":
        return CheckpointError(
            f"its pickle has the protocol {pickled[1]}, and torch reads 2 with weights_only; store"
            " it without pickle_protocol"
        )
    if wanted is None:
        return CheckpointError("it is no state_dict that torch loads with weights_only")
    if MAPPING.match(pickled):
        what = f"beside its tensors it needs {wanted[1]}"
    else:
        kind = "module" if b"_modules" in pickled else "object"
        what = f"it is a whole pickled {kind} and needs {wanted[1]}"
    return CheckpointError(f"{what}, which torch does not load with weights_only; {ALONE}")
