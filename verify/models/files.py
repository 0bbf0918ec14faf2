"""Files: read without waiting, written whole or not at all."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex

__all__ = ["content", "document", "probe", "put", "put_all", "reason"]

READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""How a file is opened: a pipe does not wait, and Windows leaves line ends as they are."""


def reason(error: OSError | ValueError) -> str:
    """Why a file or a folder is not to be had, in the words of every command: no such file or
    directory.
    """
    return str(getattr(error, "strerror", None) or error).lower()


def put(path: Path, content: bytes, *, over: bool = True) -> None:
    """Write a file in one step; with ``over`` false an existing one is left as it is.

    Raises
    ------
    FileExistsError: it exists, and ``over`` is false.
    OSError: it cannot be written.
    """
    put_all({path: content}, over=over)


def put_all(contents: Mapping[Path, bytes], *, over: bool = True) -> None:
    """Write files in one step each, the first when all are on the disk; errors as
    for :func:`put`.
    """
    ready = [(path.parent / f".unfinished-{token_hex(8)}", path) for path in contents]
    try:
        # The disk puts several files in place for the price of one, when they come at a time.
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(_write, (name for name, _ in ready), contents.values()))
        for unfinished, path in ready:
            if over:
                unfinished.replace(path)
            else:
                os.link(unfinished, path)  # fails where the name is taken; a rename would not
    finally:
        for unfinished, _ in ready:
            unfinished.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def probe(folder: Path, names: Iterable[str] = ()) -> None:
    """Make the folder and find out, before the long work, whether files can be put there.

    Raises
    ------
    OSError: it cannot be made or written, or a folder has the name of one of the files.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        if folder.is_file():
            raise NotADirectoryError(20, "it is a file, not a folder", str(folder)) from error
        raise
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".probe-") as file:
        file.write(bytes(2**16))  # a full disk still takes a file without content
        file.flush()
    for name in names:
        if (folder / name).is_dir():
            raise IsADirectoryError(21, "Is a directory", str(folder / name))


def content(path: Path, most: int) -> bytes:
    """Up to ``most`` + 1 bytes of a regular file; never waits for a pipe.

    Raises
    ------
    ValueError: it is missing, not readable or not a regular file; the message says so, without the
        name.
    """
    try:
        handle = os.open(path, READING)
        try:
            mode = os.fstat(handle).st_mode
            if stat.S_ISDIR(mode):
                raise ValueError("it is a folder")
            if not stat.S_ISREG(mode):
                raise ValueError("it is not a regular file")
            with os.fdopen(handle, "rb", closefd=False) as file:
                return file.read(most + 1)
        finally:
            os.close(handle)
    except OSError as error:
        raise ValueError(reason(error)) from error


def document(path: Path, most: int) -> object:
    """What is in a JSON file of at most ``most`` bytes.

    Raises
    ------
    ValueError: it is none, or nested too deeply, or as for :func:`content`.
    """
    try:
        return json.loads(content(path, most))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
