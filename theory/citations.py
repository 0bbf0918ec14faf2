"""Where the theorems and claims stand that programs cite: a page of docs, and the anchor on it.

A citation is ``docs/<page>.md#<anchor>``, the same everywhere; what is printed for a reader goes
through :func:`located`, since the pages are in the clone, or where the wheel has put them.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata
from pathlib import Path

from theory.claim import chapter_of

__all__ = ["THEOREMS", "located", "pages", "statement", "theorem"]

_SHAPE = ("asymptotes", "exponentials", "nearest pole", "one exponential", "verticals")
THEOREMS = dict.fromkeys(_SHAPE, "shape/shape") | {
    "chain of contrasts": "invariance/atlas",
    "large rings": "invariance/pair",
    "no quotient": "invariance/contrast",
    "one kink": "pulse/kinks",
    "price of invariance": "invariance/background",
    "quiet channel": "invariance/contrast",
    "small radii": "pulse/small_radius",
}
"""The page of each theorem that is cited, by its name; docs/theorems.md lists them all."""


def theorem(name: str) -> str:
    """``docs/shape/shape.md#theorem-nearest-pole`` for the theorem *nearest pole*.

    Raises
    ------
    KeyError: the theorem is not in the table.
    """
    return f"docs/{THEOREMS[name]}.md#theorem-{name.replace(' ', '-')}"


def statement(claim: str) -> str:
    """``docs/training/flow.md#claim-flow`` for the claim *flow*.

    Raises
    ------
    ValueError: there is no such claim.
    """
    return f"docs/{chapter_of(claim)}/{claim}.md#claim-{claim}"


@cache
def pages() -> Path | None:
    """The folder of the pages: ``docs`` of the clone, else what the installed wheel lists; None
    where they are not there.
    """
    clone = Path(__file__).resolve().parents[1] / "docs"
    if (clone / "glossary.md").is_file():
        return clone
    try:
        listed = metadata.files("everyweight") or ()
    except metadata.PackageNotFoundError:
        return None
    places = (Path(str(file.locate())) for file in listed if file.name == "glossary.md")
    return next((place.resolve().parent for place in places if place.is_file()), None)


def located(text: str) -> str:
    """The text with every ``docs/<page>.md`` as a path that opens from the current folder."""
    folder = pages()
    try:
        here = folder is None or Path("docs").samefile(folder)
    except OSError:
        here = False
    if folder is None or here:
        return text
    return re.sub(r"(?<![\w/.-])docs/(?=[\w/]+\.md)", lambda _: f"{folder.as_posix()}/", text)
