"""What the tests of python -m verify.network share: what it prints, how it refuses, and what it
leaves behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from verify.network import main


def safetensors(
    usual: Mapping[str, Any], said: Mapping[str, str], told: Any = None, **tensors: Any
) -> bytes:
    """A safetensors file with these tensors and metadata in place of the usual ones; None leaves a
    tensor out.
    """
    found = {**usual, **{name.replace("_", ".", 1): value for name, value in tensors.items()}}
    kept = {name: np.asarray(value) for name, value in found.items() if value is not None}
    return save(kept, dict(said if told is None else told))


def placed(folder: Path, content: bytes, name: str = "net.safetensors") -> str:
    """The name of a new file with this content, in the folder that a test is in."""
    (folder / name).write_bytes(content)
    return name


def tree(folder: Path) -> set[str]:
    """All that is there, hidden files too."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def shown(arguments: Sequence[str], capsys: pytest.CaptureFixture[str], status: int) -> str:
    """What is printed for these arguments, which end with this status and nothing on stderr."""
    assert main(arguments) == status
    out, err = capsys.readouterr()
    assert err == ""
    return str(out)


def refused(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr with which these arguments are refused."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    out, err = capsys.readouterr()
    assert (end.value.code, out, len(err.splitlines()), err[-1]) == (2, "", 1, "\n")
    assert err[:-1].isprintable()
    return str(err)
