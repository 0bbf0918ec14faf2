"""A command as a process: its status says whether its output arrived, and its workers end with it.

    0, 1, ..   what the command found: the status that its ``main`` returns
    2          bad usage or input
    3          standard output or error could not be written, or the machine failed: no verdict
    130        interrupted

Standard library only, for every command of the package.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["FAILED", "end_with_parent", "run", "system_module"]

FAILED = 3
"""The exit status of a command whose output could not be written, or whose machine failed."""


class _Descriptor(io.RawIOBase):
    """A standard stream that remembers why a write failed, whoever swallows the
    error; then a sink.
    """

    def __init__(self, number: int) -> None:
        # On Windows, where it is a terminal, this is the console, which takes every character.
        self._file = open(number, "wb", buffering=0, closefd=False)  # noqa: SIM115
        self.failure = ""

    def isatty(self) -> bool:
        return self._file.isatty()

    def fileno(self) -> int:
        return self._file.fileno()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int | None:
        if self.failure:
            return len(data)
        try:
            return self._file.write(data)
        except OSError as error:
            self.failure = (error.strerror or str(error)).lower()
            raise


def run(program: str, main: Callable[[], int]) -> int:
    """The exit status of a command: that of ``main``, or 3 where its output is not all written.

    What ends it without a verdict is one line, on whichever of the two streams is left; a fault of
    the program itself is a traceback there.
    """
    while (number := os.open(os.devnull, os.O_RDONLY)) < 3:
        os.set_inheritable(number, True)  # it was closed: no file may take its place
    os.close(number)
    streams = [_stream(1, sys.stdout), _stream(2, sys.stderr)]
    with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        status, message = _ended(program, main)
        lost = ""
        for name, stream in zip(("output", "error"), streams, strict=True):
            with suppress(OSError):
                stream.flush()
            if reason := _failure(stream):
                lost = f"{program}: standard {name} could not be written: {reason}\n"
        for stream in reversed(streams):
            if not _failure(stream):
                with suppress(OSError):
                    stream.write(lost or message)
                    stream.flush()
                    break
        return FAILED if any(map(_failure, streams)) else status


def _stream(number: int, stream: object) -> io.TextIOWrapper:
    raw = _Descriptor(number)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    lines = number == 2 or raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "replace", line_buffering=lines)


def _failure(stream: io.TextIOWrapper) -> str:
    return str(stream.buffer.raw.failure)  # type: ignore[attr-defined]


def _ended(program: str, main: Callable[[], int]) -> tuple[int, str]:
    """The status, and what there is to say about an end without a verdict."""
    try:
        return main(), ""
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED, ""
    except KeyboardInterrupt:
        return 130, f"{program}: interrupted\n"
    except (MemoryError, OSError, ImportError) as error:  # a library may not fit into memory
        text = getattr(error, "strerror", None) or str(error) or "out of memory"
        return FAILED, f"{program}: {text.splitlines()[0].lower()}\n"
    except Exception:  # noqa: BLE001 - a crash is no verdict either
        return FAILED, traceback.format_exc()


def end_with_parent() -> None:
    """In a process that :mod:`multiprocessing` started: end at once when its parent is gone."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(FAILED)

    threading.Thread(target=watch, daemon=True).start()


def system_module(name: str) -> ModuleType | None:
    """A module of the standard library that not every system has, as ``resource``, or None."""
    try:
        return import_module(name)
    except ImportError:
        return None
