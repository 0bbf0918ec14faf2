"""The outcome of a claim: four columns, each with its figure and the tolerance it was held to.

A verdict is made in one place (:mod:`verify.report.judge`) and only rendered elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["COLUMNS", "Column", "Verdict", "column"]

COLUMNS = ("proof", "check", "training", "control")
"""The four words, in the order in which they are shown."""

Status = Literal["holds", "fails", "blocked"]


@dataclass(frozen=True)
class Column:
    """What one kind of evidence says.

    Attributes
    ----------
    status: ``holds``, ``fails``, or ``blocked`` (the evidence could not be computed).
    figure: the measured number; it must not exceed ``tolerance``.
    tolerance: the number it was held to, derived, in the same unit.
    detail: one sentence: what the figure counts or measures, and over what.
    """

    status: Status
    figure: float
    tolerance: float
    detail: str


def column(figure: float, tolerance: float, detail: str) -> Column:
    """Judge a figure: it holds when it is a number and does not exceed its tolerance."""
    good = not math.isnan(figure) and figure <= tolerance
    return Column("holds" if good else "fails", float(figure), float(tolerance), detail)


@dataclass(frozen=True)
class Verdict:
    """One row of the report.

    ``verdict`` is ``verified`` when all four columns hold, ``failed`` when one fails, and
    ``blocked`` when none fails but one could not be computed.
    """

    id: str
    title: str
    statement: str
    columns: dict[str, Column]
    seconds: float

    @property
    def verdict(self) -> Literal["verified", "failed", "blocked"]:
        """Failed where a column fails, else blocked where one is blocked, else verified."""
        states = [self.columns[name].status for name in COLUMNS]
        if "fails" in states:
            return "failed"
        return "blocked" if "blocked" in states else "verified"

    def as_dict(self) -> dict[str, Any]:
        """The object that report.json holds for this claim (finite numbers; others as null)."""
        columns = {name: asdict(self.columns[name]) for name in COLUMNS}
        for entry in columns.values():
            for key in ("figure", "tolerance"):
                entry[key] = entry[key] if math.isfinite(entry[key]) else None
        return {
            "id": self.id,
            "title": self.title,
            "statement": self.statement,
            "verdict": self.verdict,
            "columns": columns,
            "seconds": round(self.seconds, 3),
        }
