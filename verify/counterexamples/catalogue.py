"""All searches, by claim; what they found is kept for the process."""

from __future__ import annotations

from functools import cache
from typing import Any

from verify.counterexamples import certificates, disk, invariance, pulse, shape, training
from verify.counterexamples.search import Search, Searched, text

__all__ = ["CHAPTERS", "HEAD", "reasons_of", "rows_of", "searched", "searches_of"]

CHAPTERS = (pulse, training, shape, certificates, invariance, disk)
"""The modules of the chapters."""
HEAD = ("without", "but with", "smallest case", "the law says", "true is", "cases tried")
"""What :func:`rows_of` gives."""


def searches_of(claim: str) -> tuple[Search[Any], ...]:
    """Those of one claim."""
    return tuple(s for chapter in CHAPTERS for s in chapter.SEARCHES if s.claim == claim)


def reasons_of(claim: str) -> tuple[tuple[str, str], ...]:
    """(a part of its assumptions, why no search drops it)."""
    return tuple(row for chapter in CHAPTERS for row in chapter.REASONS.get(claim, ()))


@cache
def searched(claim: str) -> tuple[Searched, ...]:
    """What the searches of one claim find."""
    return tuple(search.run() for search in searches_of(claim))


def rows_of(result: Searched) -> list[tuple[str, ...]]:
    """A row per hypothesis, under :data:`HEAD`."""
    rows: list[tuple[str, ...]] = []
    for outcome in result.outcomes:
        found = (str(outcome.case), text(outcome.law), text(outcome.truth))
        values = found if outcome.case is not None else ("none: not needed", "", "")
        words = outcome.words
        if "\\" in words and "$" not in words:  # a part of the statement
            words = f"${words}$"
        rows.append((words, outcome.instead, *values, str(outcome.tried)))
    return rows
