"""Files that are there whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["put"]


def put(path: Path, content: bytes, *, over: bool = True) -> None:
    """Write a file in one step; with ``over`` false an existing one is left as it is.

    Raises
    ------
    FileExistsError: it exists, and ``over`` is false.
    OSError: it cannot be written.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".unfinished-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        if over:
            Path(name).replace(path)
        else:
            os.link(name, path)  # fails where the name is taken; a rename would not
    finally:
        Path(name).unlink(missing_ok=True)
