"""The tables of a run, and the page that shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measure import Row

__all__ = ["PAGE", "table", "written"]

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
HEADINGS = ("what", "time", "ratio", "memory", "seen")


def table(title: str, rows: Sequence[Row]) -> str:
    """One part as a table in Markdown; its heading stands on one line."""
    lines = [_line(HEADINGS), _line(["---"] * len(HEADINGS))]
    for row in rows:
        ratio = "" if row.ratio is None else f"{_figures(row.ratio)} × {row.against}"
        peak = "" if row.peak is None else f"{row.peak:.0f} MiB"
        lines.append(_line((row.what, _time(row.seconds), ratio, peak, row.note)))
    return f"### {' '.join(title.split())}\n\n" + "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _figures(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 1000 else f"{ratio:.3g}"


def _time(seconds: float) -> str:
    for size, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def written(
    page: str, machine: Mapping[str, str], seconds: int, parts: Mapping[str, Sequence[Row]]
) -> str:
    """The page with the tables of this run between its marks.

    Raises
    ------
    ValueError: the page has no such marks.
    """
    before, begin, after = page.partition(BEGIN)
    _, end, after = after.partition(END)
    if not begin or not end:
        raise ValueError("the page has no marks for what was measured")
    names = {"processor": "", "cores": "cores "}
    words = ", ".join(f"{names.get(key, key + ' ')}{value}" for key, value in machine.items())
    tables = "\n".join(table(title, rows) for title, rows in parts.items())
    head = f"Measured in {seconds / 60:.0f} minutes on: {words}."
    return f"{before}{BEGIN}\n\n{head}\n\n{tables}\n{END}{after}"
