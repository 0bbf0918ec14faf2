"""Sentences stand in one file: what is asked for is there, and nothing else is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from verify.report.render import sentence, sentences

CLAIMS = sorted((Path(__file__).parents[2] / "verify").glob("*/claims/*.py"))
TREES = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in CLAIMS}


def _asked() -> Iterator[tuple[str, str, str, frozenset[str]]]:
    """(module, claim, name, values) of every call."""
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Name("sentence"), args=[claim, name], keywords=values):
                    words = ast.literal_eval(claim), ast.literal_eval(name)
                    yield module, *words, frozenset(str(value.arg) for value in values)


def test_every_sentence_is_asked_for_once_with_its_values() -> None:
    asked = sorted((claim, name, values) for _, claim, name, values in _asked())
    kept = sorted(
        (claim, name, frozenset(field for _, field, _, _ in Formatter().parse(text) if field))
        for claim, table in sentences().items()
        for name, text in table.items()
    )
    assert [words[:2] for words in asked] == [words[:2] for words in kept]
    assert set(asked) == set(kept)
    assert all(module == claim for module, claim, *_ in _asked())


def test_values_are_put_in() -> None:
    text = sentence("averages", "train", networks=7, bent=3, decided=5)
    assert "of 7 torch networks" in text and "3 of which bend" in text and "; 5 cert" in text
    with pytest.raises(KeyError):
        sentence("averages", "train", networks=7)
    with pytest.raises(KeyError):
        sentence("averages", "no such")


LONGEST = 2
"""Lines of code that a string may take in a claim's module, docstrings aside."""


def test_no_sentence_of_a_claim_runs_on_in_its_code() -> None:
    long = []
    for module, tree in TREES.items():
        nodes = list(ast.walk(tree))
        texts = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            is_text = isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in texts
            if is_text and (node.end_lineno or 0) - node.lineno >= LONGEST:
                long.append(f"{module}:{node.lineno}")
    assert long == []
