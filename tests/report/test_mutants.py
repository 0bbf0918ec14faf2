"""Mutants: every law has them, each changes one thing, and the kept counts are those of today's
laws.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from theory.claim import find_claims
from verify.report import mutants

IDS = [claim.id for claim in find_claims()]


def test_every_claim_has_mutants() -> None:
    assert sorted(mutants.LAWS) == sorted(IDS)
    assert all(mutants.mutants(name) for name in IDS)


@pytest.mark.parametrize("name", IDS)
def test_a_mutant_differs_from_the_law_in_one_place(name: str) -> None:
    for mutant in mutants.mutants(name):
        before, _, after = mutant.change.partition(" -> ")
        assert before != after or "…" in before
        mutant.function()  # it compiles


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        ("a + b", ["a + b -> a - b"]),
        ("-a", ["-a -> +a"]),
        ("a * b / c", ["a * b / c -> a * b * c", "a * b -> a / b"]),
        ("a ** 2", ["a ** 2 -> a * 2", "a ** 2 -> a ** 3"]),
        ("a[0]", ["a[0] -> a[1]"]),
        ("a <= b", ["a <= b -> a < b"]),
        ("a == b", ["a == b -> a != b"]),
        ("a and b", ["a and b -> a or b"]),
        ("sp.Max(a, b)", ["sp.Max(a, b) -> sp.Min(a, b)"]),
        ("True", ["True -> False"]),
        ("'text'", []),
        ("f(a, b)", []),
    ],
)
def test_what_changes(source: str, changes: list[str]) -> None:
    assert [change for change, _ in mutants._changes(ast.parse(source))] == changes


def test_a_law_is_what_it_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    """No annotation and no docstring of it counts, nor one of a function within."""
    text = """
def f(x: A = 1) -> B:
    'What f is.'
    def g(y: C) -> D:
        return y + x
    return g(x)
"""
    monkeypatch.setattr(mutants, "_sources", lambda module: {"f": text})
    plain = text.replace(": A = 1", "=1").replace(": C", "").replace(" -> D", "")
    plain = plain.replace(" -> B", "").replace("    'What f is.'\n", "")
    assert ast.dump(mutants._definition(mutants, "f")) == ast.dump(ast.parse(plain).body[0])


def test_counts_of_another_law_are_not_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "kept.json"
    entry = {"law": "another", "mutants": 3, "rejected": 2, "stopped": 1, "survivors": []}
    store.write_text(json.dumps({"plateau": entry}), encoding="utf-8")
    monkeypatch.setattr(mutants, "STORE", store)
    mutants.counts.cache_clear()
    assert mutants.counts() == {} and mutants.summary("plateau") is None
    store.write_text(
        json.dumps({"plateau": entry | {"law": mutants.digest("plateau")}}), encoding="utf-8"
    )
    mutants.counts.cache_clear()
    assert mutants.summary("plateau") == {"tried": 3, "rejected": 2, "stopped": 1, "same_law": 0}
    mutants.counts.cache_clear()


@pytest.mark.parametrize("name", IDS)
def test_the_kept_counts_are_those_of_the_law(name: str) -> None:
    """After a change of a law: python -m verify.mutants --only ID."""
    counted = mutants.counts()[name]
    every = {(mutant.path, mutant.change) for mutant in mutants.mutants(name)}
    assert counted.mutants == len(mutants.mutants(name))
    assert counted.mutants == counted.rejected + counted.stopped + len(counted.survivors)
    assert set(counted.survivors) <= every
    unexplained = [
        survivor for survivor in counted.survivors if (name, *survivor) not in mutants.UNCHANGED
    ]
    assert unexplained == [], "what survives is the law in other letters, with a reason"


def test_reasons_are_given_for_mutants_that_exist() -> None:
    every = {(m.claim, m.path, m.change) for name in IDS for m in mutants.mutants(name)}
    assert set(mutants.UNCHANGED) <= every
