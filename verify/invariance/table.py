"""The atlas of invariance in words: five cells to a line, and the table of the report with what
training found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Any

from theory.pulse.network import Network
from verify.invariance.atlas import KINDS, AtlasEntry, Loss, Place, entries, largest_error
from verify.invariance.networks import PIXELS
from verify.report.page import Section
from verify.report.render import render

__all__ = ["PADDINGS", "UNKNOWNS", "Line", "TrainingOutcome", "lines", "section", "weights"]

UNKNOWNS = MappingProxyType(
    {
        "nothing": "nothing",
        "place": "place",
        "background": "background",
        "contrast": "contrast",
        "both": "background and contrast",
    }
)
"""What is unknown, in words."""
PADDINGS = MappingProxyType({"any": "", "ring": "ring", "zeros": "zeros beyond"})
"""What lies beyond the border, in words, where it matters."""


def _number(x: Fraction) -> str:
    return str(x).replace("-", "−")


def weights(net: Network[Any]) -> tuple[str, ...]:
    """A line of plain text for each channel, and one for c; dense weights by what they are along
    the positions.
    """
    texts = [f"σ = {net.sigma.name.replace('-', '−')}"]
    for w, b, a in net.listed:
        readout = f"v = {_along(a)}" if isinstance(a, tuple) else f"a = {_number(a)}"
        texts.append(f"w = ({', '.join(map(_number, w))}), b = {_number(b)}, {readout}")
    return (*texts, f"c = {_number(net.offset)}")


def _along(v: Sequence[Fraction]) -> str:
    """Runs of equal weights as value × length, longer lists by their ends."""
    runs: list[tuple[Fraction, int]] = []
    for value in v:
        if runs and runs[-1][0] == value:
            runs[-1] = (value, runs[-1][1] + 1)
        else:
            runs.append((value, 1))
    parts = [_number(value) + (f" × {count}" if count > 1 else "") for value, count in runs]
    if len(parts) > 6:
        parts = [*parts[:3], "…", parts[-1]]
    return f"({', '.join(parts)})"


@dataclass(frozen=True)
class Line:
    """One line of the table: cells of the same unknown, padding, readout and radii, left to right
    as :data:`KINDS`.
    """

    unknown: str
    padding: str
    readout: str
    radii: str
    cells: tuple[AtlasEntry, ...]

    @property
    def networks(self) -> tuple[tuple[str, Network[Any]], ...]:
        """Each network once."""
        kinds_of: dict[Network[Any], list[str]] = {}
        for row in self.cells:
            if row.net is not None:
                kinds_of.setdefault(row.net, []).append(row.place.kind)
        return tuple((_together(kinds), net) for net, kinds in kinds_of.items())

    @property
    def losses(self) -> tuple[tuple[str, Loss], ...]:
        """Each known loss once."""
        kinds_of: dict[Loss, list[str]] = {}
        for row in self.cells:
            if row.loss is not None:
                kinds_of.setdefault(row.loss, []).append(row.place.kind)
        return tuple((_together(kinds), loss) for loss, kinds in kinds_of.items())


def _together(kinds: Sequence[str]) -> str:
    """The kinds in words: relu 2, relu 3 -> ReLU, K = 2, 3."""
    if len(kinds) == len(KINDS):
        return "all"
    words = ["linear"] if "linear" in kinds else []
    counts = [kind.removeprefix("relu ") for kind in kinds if kind.startswith("relu")]
    if counts:
        words.append(f"ReLU, K = {', '.join(counts)}")
    return "; ".join([*words, *(["any σ"] if "any" in kinds else [])])


@cache
def lines() -> tuple[Line, ...]:
    """The rows, five to a line."""
    cells, size = entries(), len(KINDS)
    return tuple(_line(cells[i : i + size]) for i in range(0, len(cells), size))


def _line(cells: tuple[AtlasEntry, ...]) -> Line:
    place = cells[0].place
    radii = "half-integers" if place.radii == "half" else "every real"
    return Line(UNKNOWNS[place.unknown], PADDINGS[place.padding], place.readout, radii, cells)


@dataclass(frozen=True)
class TrainingOutcome:
    """What became of networks that a claim has trained: every one of them is in one outcome.

    Raises
    ------
    ValueError: the outcomes do not add up.
    """

    what: str
    networks: int
    outcomes: tuple[tuple[str, int], ...]

    def __post_init__(self) -> None:
        if sum(count for _, count in self.outcomes) != self.networks:
            raise ValueError(f"{self.what}: {self.outcomes} do not add up to {self.networks}")


def section(outcomes: Mapping[Place, Sequence[TrainingOutcome]]) -> Section:
    """The table for the report, each network run again, with what training found.

    Raises
    ------
    ValueError: a cell is not in the table, or a network of it is not exact.
    """
    known = {row.place for row in entries()}
    if set(outcomes) - known:
        raise ValueError(f"no such cells: {sorted(set(outcomes) - known)}")
    errors = {row.place: largest_error(row) for row in entries() if row.net is not None}
    wrong = [place for place, error in errors.items() if error != 0]
    if wrong:
        raise ValueError(f"networks that are not exact: {wrong}")
    trained = [
        [
            (_together([row.place.kind]), outcome)
            for row in line.cells
            for outcome in outcomes.get(row.place, ())
        ]
        for line in lines()
    ]
    html = render(
        "invariance.html",
        lines=list(zip(lines(), trained, strict=True)),
        marks={"feasible": "●", "infeasible": "×"},
        weights=weights,
        counts={
            status: sum(row.status == status for row in entries())
            for status in ("feasible", "infeasible")
        },
        pixels=int(PIXELS),
    )
    return Section("background-invariance", "The atlas of invariance", html)
