"""Claims: their bookkeeping, their proofs, and that no sign of any law in theory/ can be changed unnoticed."""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory import claim as registry
from theory.claim import Claim, Proof, Step, Wrong, find_claims
from verify.mutants import LAWS, REMEMBERED, UNCHANGED, Mutant, install, mutants

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


def test_claims_come_after_what_they_require() -> None:
    for position, claim in enumerate(CLAIMS):
        assert set(claim.requires) <= set(IDS[:position])
    assert {"signal", "staircase", "plateau", "subpixel", "loss", "readout", "small_radius", "symmetry",
            "kinks"} <= set(IDS)  # fmt: skip


def _claim(name: str, requires: tuple[str, ...] = ()) -> Claim:
    proof = Proof((Step("one", True),), "all")
    return Claim(name, "t", "s", ("a",), None, lambda law: proof, (Wrong("w", None),), requires)


def _package(monkeypatch: pytest.MonkeyPatch, claims: dict[str, Claim]) -> None:
    """Replace the CLAIM of modules of the package by others."""
    for name, claim in claims.items():
        monkeypatch.setattr(importlib.import_module(f"theory.{name}"), "CLAIM", claim)


def test_a_claim_carries_the_name_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    _package(monkeypatch, {"plateau": _claim("another")})
    with pytest.raises(ValueError, match="calls itself 'another'"):
        find_claims()


def test_an_unknown_requirement_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _package(monkeypatch, {"plateau": _claim("plateau", ("nowhere",))})
    with pytest.raises(ValueError, match="required, but not there: nowhere"):
        find_claims()


def test_a_circle_of_requirements_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _package(monkeypatch, {"signal": _claim("signal", ("kinks",))})
    with pytest.raises(ValueError, match="cycle"):
        find_claims()


def test_order_does_not_depend_on_discovery(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = list(registry.pkgutil.iter_modules(importlib.import_module("theory").__path__))
    monkeypatch.setattr(registry.pkgutil, "iter_modules", lambda path: listed[::-1])
    assert [claim.id for claim in find_claims()] == IDS


UNBOUNDED = {"trajectory": "assumes what flow does", "laplacian": "is about edges, not about radii"}
"""Claims that name no last radius, and why."""


@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_a_claim_says_up_to_which_radius(claim: Claim) -> None:
    """Cause: "plateau radius" had no upper end, so statements ran into the border, or around the ring, and were false there.

    Siblings: background, contrast, pair and dense, eight claims on plateau radii and six on the linear cell.
    """
    words = r"\\le L|L \+ \\frac12|\\frac N2|inside the signal|border|circular|any( real)? radi|every radius"
    named = re.search(words, " ".join((claim.statement, *claim.assumptions)))
    assert bool(named) == (claim.id not in UNBOUNDED)


# --- proofs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_proof_holds_and_says_what_it_covers(claim: Claim) -> None:
    proof = claim.prove(claim.law)
    assert proof.holds, proof.open
    names = [step.name for step in proof.steps]
    module = importlib.import_module(f"theory.{claim.id}")
    numbers = set(re.findall(r"\d+", proof.covers))
    assert {str(n) for n in getattr(module, "PROVED_TAPS", ())} <= numbers
    if claim.id != "signal":  # the pulse knows no filter
        assert re.search(r"\bn = 1?3?", proof.covers)
        stated = {int(n) for name in names for n in re.findall(r"\bn = (\d+)", name)}
        assert {str(n) for n in stated} <= numbers
    assert re.search(r"radi|\br\b|\bm\b|step", proof.covers), "no radii are named"


@pytest.mark.parametrize(
    ("claim", "wrong"),
    [
        pytest.param(claim, wrong, id=f"{claim.id}: {wrong.name}")
        for claim in CLAIMS
        for wrong in claim.wrong
    ],
)
def test_proof_rejects_every_wrong_law(claim: Claim, wrong: Wrong) -> None:
    proof = claim.prove(wrong.law)
    assert proof.steps
    assert proof.open


# --- one sign, anywhere -----------------------------------------------------------------------

SLOW = frozenset(
    {"readout", "rates", "conserved", "noise", "running", "disk", "perimeter", "laplacian", "curvature", "lattice", "dense", "background", "contrast", "pair", "shape"}
)  # fmt: skip
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
    for path in REMEMBERED.get(mutant.claim, ()):
        kept = dataclasses.replace(mutant, path=path)
        getattr(kept.module, kept.name).cache_clear()


@pytest.mark.usefixtures("forget")
@pytest.mark.parametrize("mutant", list(_signs()))
def test_one_changed_sign_turns_the_proof_red(
    mutant: Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    law = install(mutant, monkeypatch.setattr)
    proved = importlib.import_module(f"theory.{mutant.claim}")
    if "PROVED_TAPS" in vars(proved):
        monkeypatch.setattr(proved, "PROVED_TAPS", (3, 5))
    try:
        holds = proved.CLAIM.prove(law).holds
    except (ValueError, IndexError):  # a partial sum, or a tap, that does not exist
        holds = False
    assert holds == ((mutant.claim, mutant.path, mutant.change) in UNCHANGED)
