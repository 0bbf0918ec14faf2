"""What a benchmark measures: seconds of the processor, the peak of memory, on a machine with a
name.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from theory.process import system_module
from verify.report.arguments import cores

__all__ = ["Row", "machine", "measured"]

T = TypeVar("T")
STATUS, REFERENCES = Path("/proc/self/status"), Path("/proc/self/clear_refs")
LIBRARIES = ("numpy", "scipy", "torch", "sympy", "python-flint")


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    what: what was done.
    seconds: of the processor, for one result; of the clock where the line says so.
    ratio: how many times less than what ``against`` names, or more where it says so.
    peak: of the process's memory while it was done, in MiB.
    note: what else was seen.
    """

    what: str
    seconds: float
    ratio: float | None = None
    against: str = ""
    peak: float | None = None
    note: str = ""


def measured(
    function: Callable[..., T], *arguments: Any, rounds: int = 1
) -> tuple[float, float | None, T]:
    """The least seconds of so many calls, the peak of memory in MiB, and what the
    last call gives.
    """
    with suppress(OSError):
        REFERENCES.write_text("5", "utf-8")  # on Linux: the peak begins anew
    least = float("inf")
    for _ in range(rounds):
        begin = time.process_time()
        result = function(*arguments)
        least = min(least, time.process_time() - begin)
    return least, _peak(), result


def _peak() -> float | None:
    """MiB: of this process since the last call of :func:`measured` where Linux says so, else since
    its beginning; None on Windows, which does not say.
    """
    if STATUS.exists():
        lines = STATUS.read_text("utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    resource = system_module("resource")
    if resource is None:
        return None
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def machine() -> dict[str, str]:
    """The processor, how many of its cores, and the versions of what computes."""
    info = Path("/proc/cpuinfo")
    names = (
        [line for line in info.read_text("utf-8").splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    processor = names[0].partition(": ")[2] if names else platform.processor() or platform.machine()
    versions = {name: metadata.version(name) for name in LIBRARIES}
    return {
        "processor": processor,
        "cores": str(cores()),
        "system": platform.system(),
        "python": platform.python_version(),
        **versions,
    }
