"""Claims in the order of the story, for whatever lists them; and the words of ``--only``."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from theory import claim as registry
from theory.claim import Chapter, Claim

__all__ = ["APPENDIX", "parts", "selected"]

APPENDIX = Chapter(
    "appendix", "Appendix", "What goes beyond the six chapters, in their order.", "", ()
)
"""The last heading; its claims are those of every chapter's appendix."""


def parts(names: Collection[str]) -> tuple[Chapter, ...]:
    """The six chapters and the appendix, each with those of its claims that are named; none empty."""
    beyond = tuple(name for chapter in registry.CHAPTERS for name in chapter.appendix)
    every = (*registry.CHAPTERS, replace(APPENDIX, claims=beyond))
    kept = (
        replace(part, claims=tuple(name for name in part.claims if name in names)) for part in every
    )
    return tuple(part for part in kept if part.claims)


def selected(claims: tuple[Claim[Any], ...], words: str) -> tuple[Claim[Any], ...]:
    """The claims that a list like ``s*,loss,training`` names, in the order of the story.

    A word is a claim's id or a glob of ids; else it is a chapter, with its appendix.  ``shape`` and
    ``disk`` are both: so spelt they are the claim, and ``shape/`` and ``disk/`` the chapter.

    Raises
    ------
    ValueError: there is no word, or one that matches nothing.
    """
    patterns = [word.strip() for word in words.split(",") if word.strip()]
    if not patterns:
        raise ValueError("--only needs at least one claim or chapter")
    names = {name for pattern in patterns for name in _matched(claims, pattern)}
    return tuple(claim for claim in claims if claim.id in names)


def _matched(claims: tuple[Claim[Any], ...], word: str) -> Iterator[str]:
    named = [claim.id for claim in claims if fnmatchcase(claim.id, word)]
    chapter = word.removesuffix("/")
    named = named or [c.id for c in claims if registry.chapter_of(c.id) == chapter]
    if not named:
        chapters = ", ".join(f"{chapter.name}/" for chapter in registry.CHAPTERS)
        raise ValueError(
            f"no claim and no chapter matches {word!r}; --list shows the claims,"
            f" the chapters are {chapters}"
        )
    yield from named
