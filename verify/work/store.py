"""The store of finished tasks: a file for each, believed only if it is whole and of this very code.

    line 1    SHA-256 of all that follows
    line 2    JSON: the key of the task, the digest of the code, the date
    then      the result, as :mod:`verify.work.codec` writes it

A file is put in place in one step.  One that is damaged, of another task or of other code is
reported and computed again.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from verify.models.files import content, probe, put
from verify.work.codec import Codec

__all__ = ["Store", "code_digest"]

MOST = 1 << 28
"""Bytes of the largest entry."""
LEFT = 3600
"""Seconds after which an unfinished file is that of a killed run."""

ROOT = Path(__file__).parents[2]
LIBRARIES = ("numpy", "torch", "sympy", "scipy", "mpmath", "python-flint")


def code_digest() -> str:
    """SHA-256 of every file of the three packages and of the versions of what computes."""
    digest = hashlib.sha256(_versions().encode())
    for package in ("theory", "numerics", "verify"):
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix != ".pyc" and path.name[0] != "." and path.is_file():
                name, data = path.relative_to(ROOT).as_posix(), path.read_bytes()
                digest.update(f"\n{name} {len(data)}\n".encode() + data)
    return digest.hexdigest()


@cache
def _versions() -> str:
    libraries = [f"{name} {metadata.version(name)}" for name in LIBRARIES]
    return "\n".join([f"python {platform.python_version()}", *libraries])


@dataclass
class Store:
    """Results of finished tasks in a folder.

    Attributes
    ----------
    folder: made if it is not there.
    notice: is given one sentence for each kind of trouble, once.
    fresh: nothing that is there is believed.

    Raises
    ------
    OSError: the folder cannot be made, or no file can be put there.
    """

    folder: Path
    notice: Callable[[str], None]
    fresh: bool = False
    _code: str = field(default_factory=code_digest, repr=False)
    _noticed: set[str] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        probe(self.folder)
        for path in self.folder.glob(".unfinished-*"):
            with suppress(FileNotFoundError):  # another run may have been quicker
                if time.time() - path.stat().st_mtime > LEFT:
                    path.unlink()

    def get(self, key: str, codec: Codec) -> tuple[Any, str] | None:
        """The result of a task and the date on which it was computed, or None."""
        path = self._path(key)
        if self.fresh or not os.path.lexists(path):
            return None
        try:
            return self._read(path, key, codec)
        except ValueError as error:
            self._trouble(f"{path}: ", str(error), "such results are computed again")
            return None

    def _read(self, path: Path, key: str, codec: Codec) -> tuple[Any, str]:
        digest, _, rest = content(path, MOST).partition(b"\n")
        if digest != _digest(rest):
            raise ValueError("it is damaged")
        head, _, data = rest.partition(b"\n")
        try:
            task, code, date = json.loads(head)
            if (task, code) == (key, self._code):
                return codec.decode(data), str(date)
        except Exception as error:
            raise ValueError("it holds no such result") from error
        raise ValueError("it is of another task" if task != key else "it is of other code")

    def put(self, key: str, value: Any, codec: Codec) -> None:
        """Keep the result of a task; where that is impossible, say so once and go on.

        Raises
        ------
        TypeError: the codec does not take the value.
        """
        head = json.dumps([key, self._code, datetime.now(UTC).isoformat(timespec="seconds")])
        rest = head.encode() + b"\n" + codec.encode(value)
        try:
            if len(rest) > MOST:
                raise OSError(0, f"a result of {len(rest)} bytes is too large")
            if code_digest() != self._code:
                raise OSError(0, "the code has been changed since the run began")
            put(self._path(key), _digest(rest) + b"\n" + rest)
        except OSError as error:
            reason = str(error.strerror or error).lower()
            self._trouble(f"{self.folder}: ", reason, "the run goes on, and keeps not all results")

    def _path(self, key: str) -> Path:
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.task"

    def _trouble(self, place: str, reason: str, consequence: str) -> None:
        if reason not in self._noticed:
            self._noticed.add(reason)
            self.notice(f"{place}{reason}; {consequence}")


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()
