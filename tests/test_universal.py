"""Sentences that say any, every, never, always, only, iff: each has a test that would refute it.

``universal.csv`` lists them: where a sentence stands (a page, or ``claim NAME`` for a statement,
its title and its assumptions), the sentence, and the test as ``file::name``; several are separated
by spaces.  A sentence about the program itself, or a definition, names no test but says so: ``text:
…``. A changed sentence is looked at again: its row has to change with it.
"""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from theory.claim import find_claims

ROOT = Path(__file__).parent.parent
WORDS = re.compile(r"\b(any|every|never|always|only|if and only if|iff)\b", re.IGNORECASE)
FENCE = re.compile(r"^([`:]{3,})[^\n]*\n.*?^\1[ \t]*$", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"\n\s*\n|\n(?=[-*|#>]|\d+\. )|\n {4,}|\s\|\s")
END = re.compile(r"(?<=[.;:?!])\s+(?=[A-Z$*(`\[])")


def sentences(text: str) -> Iterator[str]:
    """The sentences of a Markdown text that hold one of the words outside of code."""
    for block in BLOCK.split(re.sub(r"</?[a-zA-Z][^<>]*>", "", FENCE.sub("", text))):
        for sentence in END.split(" ".join(block.split())):
            if WORDS.search(re.sub(r"`[^`]*`", "", sentence)):
                yield sentence.strip(" |#-*>")


@cache
def said() -> dict[str, list[str]]:
    """Where each such sentence stands."""
    pages = [
        ROOT / "README.md",
        *sorted(p for p in (ROOT / "docs").rglob("*.md") if "_build" not in p.parts),
    ]
    spoken = {page.stem: list(sentences(page.read_text(encoding="utf-8"))) for page in pages}
    for claim in find_claims():
        parts = (claim.title, *claim.lines, *claim.assumptions)
        spoken[f"claim {claim.id}"] = [text for part in parts for text in sentences(part)]
    return spoken


def rows() -> list[dict[str, str]]:
    """The list, as it is kept."""
    with (Path(__file__).parent / "universal.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def functions(name: str) -> frozenset[str]:
    """The functions of a file of tests."""
    tree = ast.parse((Path(__file__).parent / name).read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


REVIEWED = sorted(where for where, texts in said().items() if texts)


@pytest.mark.parametrize("where", REVIEWED)
def test_the_list_holds_what_is_said(where: str) -> None:
    listed = [row["sentence"] for row in rows() if row["where"] == where]
    assert sorted(set(listed)) == sorted(set(said()[where]))


@pytest.mark.parametrize("where", REVIEWED)
def test_every_sentence_has_its_test(where: str) -> None:
    for row in rows():
        if row["where"] != where or row["test"].startswith("text: "):
            continue
        assert row["test"].strip(), row["sentence"]
        for identifier in row["test"].split():
            file, _, name = identifier.partition("::")
            assert name in functions(file), identifier


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It never rests. It is short.", ["It never rests."]),
        ("```python\nonly = 1\n```\nNothing.", []),
        ("`--only` picks.", []),
        ("| any | 3 |", ["any"]),
        ("- For every $n$: this.\n- Not here.", ["For every $n$: this."]),
        ("Exact if and only\nif it is so.", ["Exact if and only if it is so."]),
    ],
)
def test_what_counts_as_such_a_sentence(text: str, expected: list[str]) -> None:
    assert list(sentences(text)) == expected
