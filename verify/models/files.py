"""Files: read without waiting, written whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

__all__ = ["content", "put"]


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


def content(path: Path, most: int) -> bytes:
    """Up to ``most`` + 1 bytes of a regular file; never waits for a pipe.

    Raises
    ------
    ValueError: it is missing, not readable or not a regular file; the message says so, without the name.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise ValueError("it is not a regular file")
            with os.fdopen(handle, "rb", closefd=False) as file:
                return file.read(most + 1)
        finally:
            os.close(handle)
    except OSError as error:
        raise ValueError(str(error.strerror or error).lower()) from error
