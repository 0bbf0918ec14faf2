"""The order of the story: what lists claims by hand agrees with theory/claim.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from theory.claim import CHAPTERS, order
from verify.report.story import APPENDIX, parts, selected

ROOT = Path(__file__).parents[2]
TITLES = [*(chapter.title for chapter in CHAPTERS), APPENDIX.title]


def test_the_first_page_tells_the_story_in_its_order() -> None:
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8").partition("## The story")[2]
    story = text.partition("\n## ")[0]
    assert re.findall(r"^### (.+)$", story, re.MULTILINE) == TITLES
    links = re.findall(r"\]\((\w+)/(\w+)\.md\)", story)
    assert tuple(link for link in links if link[1] != "atlas") == order()


def test_parts_are_the_chapters_that_hold_something() -> None:
    whole = parts([name for _, name in order()])
    assert whole[:-1] == CHAPTERS
    assert [name for part in whole for name in part.claims] == [name for _, name in order()]
    some = parts({"noise", "flow", "lattice", "invented"})
    assert [(part.name, part.claims) for part in some] == [
        ("training", ("flow",)),
        ("appendix", ("noise", "lattice")),
    ]
    assert parts(()) == ()


def test_words_select_in_the_order_of_the_story() -> None:
    names = tuple(name for _, name in order())
    assert selected(names, " shape , sig*,, signal") == ("signal", "shape")
    assert selected(names, "*") == names
    assert selected(("signal", "flow"), "pulse") == ("signal",)
    for words in ("", " , ", "signal,nothing", "signal/"):
        with pytest.raises(ValueError, match="at least one|no claim"):
            selected(names, words)
