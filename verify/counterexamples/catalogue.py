"""All searches, by claim; what they found is kept for the process."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from verify.counterexamples import certificates, disk, invariance, pulse, readout, shape, training
from verify.counterexamples.search import Search, Searched, text

__all__ = ["CHAPTERS", "HEAD", "REASONS", "reasons_of", "rows_of", "searched", "searches_of"]

CHAPTERS = (pulse, readout, training, shape, certificates, invariance, disk)
"""Each :class:`Search` that such a module defines is one of the catalogue."""
REASONS = Path(__file__).with_name("reasons.csv")
"""A row for each part of an assumption that no search drops: the claim, the part, and why."""
HEAD = ("without", "but with", "smallest case", "the law says", "true is", "cases tried")
"""What :func:`rows_of` gives."""


@cache
def searches_of(claim: str) -> tuple[Search, ...]:
    """Those of one claim."""
    values = [value for chapter in CHAPTERS for value in vars(chapter).values()]
    return tuple(s for s in values if isinstance(s, Search) and s.claim == claim)


def reasons_of(claim: str) -> tuple[tuple[str, str], ...]:
    """(a part of its assumptions, why no search drops it)."""
    with REASONS.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return tuple((row["part"], row["reason"]) for row in rows if row["claim"] == claim)


@cache
def searched(claim: str) -> tuple[Searched, ...]:
    """What the searches of one claim find."""
    return tuple(search.run() for search in searches_of(claim))


def rows_of(result: Searched) -> list[tuple[str, ...]]:
    """A row per hypothesis, under :data:`HEAD`."""
    rows: list[tuple[str, ...]] = []
    for outcome in result.outcomes:
        found = (str(outcome.case), text(outcome.law), text(outcome.truth))
        values = found if outcome.case is not None else (f"none: {outcome.kept}", "", "")
        words = outcome.words
        if "\\" in words and "$" not in words:  # a part of the statement
            words = f"${words}$"
        rows.append((words, outcome.instead, *values, str(outcome.tried)))
    return rows
