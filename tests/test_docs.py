"""The pages as texts: how each begins and ends, and theorems whose names and anchors hold."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {
    page.relative_to(DOCS).as_posix(): page.read_text(encoding="utf-8")
    for page in sorted(DOCS.rglob("*.md"))
    if "_build" not in page.parts
}
LABEL = re.compile(r"^ *(?:- )?\((theorem-[\w-]+)\)=$", re.MULTILINE)


def _slug(words: str) -> str:
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_begins_with_two_sentences_and_ends_with_what_would_refute_it(name: str) -> None:
    title, first, *_ = PAGES[name].split("\n\n")
    assert title.startswith("# ")
    assert first[0].isalpha() or first[0] in "$[`"
    assert len(re.findall(r"[.:?!](?=\s|$)", first)) >= 2
    assert re.findall(r"^## (.+)$", PAGES[name], re.MULTILINE)[-1] == "What would refute it"


def test_every_theorem_has_a_name_and_an_anchor() -> None:
    labels = [label for text in PAGES.values() for label in LABEL.findall(text)]
    assert labels and len(labels) == len(set(labels))
    for text in PAGES.values():
        lines = text.splitlines()
        for before, line in pairwise(lines):
            if line.startswith("**Theorem"):
                named = re.match(r"\*\*Theorem \(([\w ]+)\)\.\*\*", line)
                assert named, line
                assert before == f"(theorem-{_slug(named[1])})="
