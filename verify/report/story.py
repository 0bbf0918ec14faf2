"""Claims in the order of the story, for whatever lists them; and the words of ``--only``."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from theory import claim as registry
from theory.claim import Chapter
from theory.parser import meant

__all__ = ["APPENDIX", "parts", "selected"]

APPENDIX = Chapter(
    "appendix", "Appendix", "What goes beyond the six chapters, in their order.", "", ()
)
"""The last heading; its claims are those of every chapter's appendix."""


def parts(names: Collection[str]) -> tuple[Chapter, ...]:
    """The six chapters and the appendix, each with those of its claims that are
    named; none empty.
    """
    beyond = tuple(name for chapter in registry.CHAPTERS for name in chapter.appendix)
    every = (*registry.CHAPTERS, replace(APPENDIX, claims=beyond))
    kept = (
        replace(part, claims=tuple(name for name in part.claims if name in names)) for part in every
    )
    return tuple(part for part in kept if part.claims)


def selected(names: tuple[str, ...], words: str) -> tuple[str, ...]:
    """Those of the claims that a list like ``s*,loss,training`` names, in their order.

    A word is a claim's id or a glob of ids; else it is a chapter, with its appendix.  ``shape`` and
    ``disk`` are both: so spelt they are the claim, and ``shape/`` and ``disk/`` the chapter.

    Raises
    ------
    ValueError: there is no word, or one that matches nothing.
    """
    patterns = [word.strip() for word in words.split(",") if word.strip()]
    if not patterns:
        raise ValueError("--only needs at least one claim or chapter")
    matched = {name for pattern in patterns for name in _matched(names, pattern)}
    return tuple(name for name in names if name in matched)


def _matched(names: tuple[str, ...], word: str) -> Iterator[str]:
    chapter = word.removesuffix("/")
    named = [name for name in names if fnmatchcase(name, word)]
    named = named or [name for name in names if registry.chapter_of(name) == chapter]
    if not named:
        folders = [f"{chapter.name}/" for chapter in registry.CHAPTERS]
        alike = meant(word, [*names, *folders])
        raise ValueError(
            f"no claim and no chapter matches {word!r}{alike or ';'} --list shows the claims,"
            f" the chapters are {', '.join(folders)}"
        )
    yield from named
