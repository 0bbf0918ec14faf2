"""Networks as the page holds them: texts of numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def state_of(
    sigma: str,
    w: Iterable[Iterable[Any]],
    b: Iterable[Any],
    a: Iterable[Any],
    c: Any = 0,
    half: int = 9,
) -> dict[str, Any]:
    """The state of a page with this network."""
    filters = [list(map(str, row)) for row in w]
    readout = {"b": list(map(str, b)), "a": list(map(str, a)), "c": str(c)}
    return {"sigma": sigma, "w": filters, **readout, "half": half}
