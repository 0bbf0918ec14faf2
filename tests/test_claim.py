"""Claims: their bookkeeping, their proofs, and that no sign of any law in theory/ can be changed
unnoticed.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy.external.gmpy import GROUND_TYPES

from theory import claim as registry
from theory.claim import (
    CHAPTERS,
    Chapter,
    Claim,
    Proof,
    Step,
    Wrong,
    chapter_of,
    claim_of,
    find_claims,
    title_of,
)
from verify.mutants import install
from verify.report.mutants import LAWS, REMEMBERED, UNCHANGED, Mutant, mutants

CLAIMS = find_claims()
IDS = [claim.id for claim in CLAIMS]


# --- bookkeeping ------------------------------------------------------------------------------


@given(st.lists(st.booleans()))
def test_a_proof_holds_when_all_its_steps_do(found: list[bool]) -> None:
    proof = Proof(tuple(Step(str(k), holds) for k, holds in enumerate(found)), "nothing")
    assert proof.holds == (bool(found) and all(found))
    assert [step.name for step in proof.open] == [
        str(k) for k, holds in enumerate(found) if not holds
    ]


def test_a_proof_decides_no_more_steps_than_are_asked_for() -> None:
    decided: list[int] = []

    def steps() -> Iterator[Step]:
        for k in range(4):
            decided.append(k)
            yield Step(str(k), k != 1)

    proof = Proof(steps(), "nothing")
    assert proof.refuted
    assert decided == [0, 1]
    assert not proof.holds
    assert [step.name for step in proof.steps] == list("0123")
    assert proof.steps == tuple(proof)
    assert decided == [0, 1, 2, 3]


def test_a_proof_that_breaks_off_holds_never() -> None:
    def steps() -> Iterator[Step]:
        yield Step("0", True)
        raise ZeroDivisionError

    proof = Proof(steps(), "nothing")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            _ = proof.holds
        with pytest.raises(ZeroDivisionError):
            _ = proof.steps


def test_claims_come_after_what_they_require() -> None:
    for position, claim in enumerate(CLAIMS):
        assert set(claim.requires) <= set(IDS[:position])


def test_every_claim_stands_in_one_chapter() -> None:
    """All files with a claim are found, in the folder that their chapter names,
    and nothing twice.
    """
    named = [(chapter, name) for chapter, name in registry.order()]
    assert [name for _, name in named] == IDS == list(dict.fromkeys(IDS))
    root = Path(registry.__file__).parent
    written = {
        (
            path.relative_to(root).parts[0],
            path.parent.name if path.stem == "__init__" else path.stem,
        )
        for path in root.rglob("*.py")
        if "\nCLAIM: Claim[" in path.read_text(encoding="utf-8")
    }
    assert written == set(named)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_a_chapter_says_what_it_tells(chapter: Chapter) -> None:
    assert chapter.key in chapter.claims
    assert len(re.findall(r"\.( |$)", chapter.about)) == 2


def _claim(name: str, requires: tuple[str, ...] = ()) -> Claim:
    proof = Proof((Step("one", True),), "all")
    return Claim(name, "t", "s", ("a",), None, lambda law: proof, (Wrong("w", None),), requires)


def _package(monkeypatch: pytest.MonkeyPatch, claims: dict[str, Claim]) -> None:
    """Replace the CLAIM of modules of the package by others."""
    for name, claim in claims.items():
        monkeypatch.setattr(
            importlib.import_module(f"theory.{chapter_of(name)}.{name}"), "CLAIM", claim
        )


def test_a_claim_carries_the_name_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    _package(monkeypatch, {"plateau": _claim("another")})
    with pytest.raises(ValueError, match="calls itself 'another'"):
        find_claims()


@pytest.mark.parametrize("name", ["nowhere", "kinks", "signal"], ids=["unknown", "later", "itself"])
def test_what_is_required_comes_before(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _package(monkeypatch, {"signal": _claim("signal", (name,))})
    with pytest.raises(ValueError, match=f"signal requires what does not come before it: {name}"):
        find_claims()


def test_a_claim_stands_in_its_chapter(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, claims, problem in (
        ("theory.pulse.plateau", ("flow",), "calls itself 'flow'"),
        ("theory.training.flow", ("another",), "calls itself 'another'"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(importlib.import_module(module), "CLAIM", _claim(*claims))
            with pytest.raises(ValueError, match=problem):
                find_claims()
    chapters = (CHAPTERS[1], CHAPTERS[0], *CHAPTERS[2:])
    swapped = tuple(
        dataclasses.replace(chapter, claims=other.claims, key=other.key)
        for chapter, other in zip(CHAPTERS, chapters, strict=True)
    )
    monkeypatch.setattr(registry, "CHAPTERS", swapped)
    with pytest.raises(ValueError, match="stands in pulse, not in training"):
        find_claims()


def test_a_name_without_its_claim_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    first = dataclasses.replace(CHAPTERS[0], claims=("nothing", *CHAPTERS[0].claims))
    monkeypatch.setattr(registry, "CHAPTERS", (first, *CHAPTERS[1:]))
    with pytest.raises(ValueError, match="names the claim 'nothing', which is not there"):
        find_claims()


def test_order_does_not_depend_on_discovery(monkeypatch: pytest.MonkeyPatch) -> None:
    iterate = registry.pkgutil.iter_modules
    monkeypatch.setattr(registry.pkgutil, "iter_modules", lambda path: list(iterate(path))[::-1])
    assert [claim.id for claim in find_claims()] == IDS


@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_a_claim_and_its_title_are_found_by_its_name(claim: Claim) -> None:
    assert claim_of(claim.id) is claim
    assert title_of(claim.id) == claim.title


def test_an_unknown_name_is_no_claim() -> None:
    for ask in (claim_of, title_of):
        with pytest.raises(ValueError, match="no chapter names the claim 'nothing'"):
            ask("nothing")


UNBOUNDED = {"trajectory": "assumes what flow does", "laplacian": "is about edges, not about radii"}
"""Claims that name no last radius, and why."""


@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_a_claim_says_up_to_which_radius(claim: Claim) -> None:
    """Cause: "plateau radius" had no upper end, so statements ran into the border, or around the
    ring, and were false there.

    Siblings: background, contrast, pair and dense, eight claims on plateau radii and six on the
        linear cell.
    """
    words = (
        r"\\le L|L \+ \\frac12|\\frac N2|inside the signal|border|circular|any( real)? radi|every"
        r" radius"
    )
    named = re.search(words, " ".join((claim.statement, *claim.assumptions)))
    assert bool(named) == (claim.id not in UNBOUNDED)


# --- proofs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_a_proof_says_what_it_covers(claim: Claim) -> None:
    covers = claim.prove(claim.law).covers
    module = importlib.import_module(f"theory.{chapter_of(claim.id)}.{claim.id}")
    assert {str(n) for n in getattr(module, "PROVED_TAPS", ())} <= set(re.findall(r"\d+", covers))
    if claim.id != "signal":  # the pulse knows no filter
        assert re.search(r"\bn = 1?3?", covers)
    assert re.search(r"radi|\br\b|\bm\b|step", covers), "no radii are named"


@pytest.mark.thorough
@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_a_proof_holds_for_the_taps_that_it_covers(claim: Claim) -> None:
    """With the integers that the variable names, Python's own in one stage of ``.ci/run``."""
    assert os.environ.get("SYMPY_GROUND_TYPES", GROUND_TYPES) == GROUND_TYPES
    proof = claim.prove(claim.law)
    assert proof.holds, proof.open
    if claim.id != "signal":
        stated = {n for step in proof.steps for n in re.findall(r"\bn = (\d+)", step.name)}
        assert stated <= set(re.findall(r"\d+", proof.covers))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("claim", "wrong"),
    [
        pytest.param(claim, wrong, id=f"{claim.id}: {wrong.name}")
        for claim in CLAIMS
        for wrong in claim.wrong
    ],
)
def test_proof_rejects_every_wrong_law(claim: Claim, wrong: Wrong) -> None:
    assert claim.prove(wrong.law).refuted


# --- one sign, anywhere -----------------------------------------------------------------------

SLOW = frozenset(
    {
        "readout",
        "rates",
        "flow",
        "noise",
        "running",
        "trajectory",
        "perimeter",
        "laplacian",
        "curvature",
        "lattice",
        "dense",
        "background",
        "contrast",
        "pair",
        "shape",
    }
)
"""Claims whose proof takes a second: their mutants run with the slow tests."""


def _signs() -> Iterator[Any]:
    for claim in LAWS:
        marks = [pytest.mark.slow] if claim in SLOW else []
        for mutant in mutants(claim):
            if mutant.sign:
                name = f"{claim}.{mutant.path}: {mutant.change}"
                yield pytest.param(mutant, id=name, marks=marks)


@pytest.fixture
def forget(mutant: Mutant) -> Iterator[None]:
    """Nothing that was kept from a mutant is used afterwards."""
    yield
    for path in REMEMBERED.get(mutant.path, ()):
        kept = dataclasses.replace(mutant, path=path)
        getattr(kept.module, kept.name).cache_clear()


@pytest.mark.usefixtures("forget")
@pytest.mark.parametrize("mutant", list(_signs()))
def test_one_changed_sign_turns_the_proof_red(
    mutant: Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    law = install(mutant, monkeypatch.setattr)
    proved = importlib.import_module(f"theory.{chapter_of(mutant.claim)}.{mutant.claim}")
    if "PROVED_TAPS" in vars(proved):
        monkeypatch.setattr(proved, "PROVED_TAPS", (3, 5))
    try:
        holds = proved.CLAIM.prove(law).holds
    except (ValueError, IndexError):  # a partial sum, or a tap, that does not exist
        holds = False
    assert holds == ((mutant.claim, mutant.path, mutant.change) in UNCHANGED)
