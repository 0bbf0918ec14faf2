"""What mutants are put before: the tests of their module, or the evidence of claims."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.counts import CHECKERS, EVIDENCE, ROOT, STORE, Store, modules, own_tests
from tests.mutation.imports import claims_of, evidence_of
from theory.claim import order

__all__ = ["JUDGES", "Judge"]

OPTIONS = (
    *("-q", "-x", "-pno:cacheprovider", "-p_hypothesis_pytestplugin"),
    "-Wignore::pytest.PytestAssertRewriteWarning",
)
"""Of the plugins that are installed one alone: to find them takes as long as many tests."""
PROOFS = "tests/test_claim.py"
LAW = re.compile(r"theory/\w+/\w+?(?=\.py|/__init__\.py)")


@dataclass(frozen=True)
class Judge:
    """What mutants are put before.

    Attributes
    ----------
    store: where their outcomes are kept.
    modules: whose mutants are judged.
    whole: of these, those of which all are, instead of a sample.
    parts: what judges a module, in this order.
    file: where a part is written.
    ask: 0 when a part notices nothing, 1 when it does, 2 when it could not be computed; the seconds
        are those of all parts and tests without a mutant, and are written there.
    """

    store: Store
    modules: Callable[[], list[str]]
    whole: tuple[str, ...]
    parts: Callable[[str], list[str]]
    file: Callable[[str], Path]
    ask: Callable[[str, dict[str, float]], int]


class _Chosen:
    """Takes the tests of a claim alone, or all; those first that are quickest without a mutant."""

    def __init__(self, claim: str, seconds: dict[str, float]) -> None:
        self.claim, self.seconds = claim, seconds

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self.claim:
            items[:] = [item for item in items if _claim(item) == self.claim]
        items.sort(key=lambda item: self.seconds.get(item.nodeid, 0.0))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration


def _claim(item: pytest.Item) -> str:
    """The claim that a test is about, where its parameter is one."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return parameters["claim"].id if "claim" in parameters else ""


def _tests_of(module: str) -> list[str]:
    """Its own tests; of a claim also whether its proof holds and rejects every wrong law."""
    names = [name for chapter, name in order() if f"theory/{chapter}/{name}" in LAW.findall(module)]
    return [own_tests(module).relative_to(ROOT).as_posix(), *(f"{PROOFS}::{x}" for x in names)]


def _tested(part: str, seconds: dict[str, float]) -> int:
    """Whether a test fails."""
    file, _, claim = part.partition("::")
    options = [*OPTIONS, "-m", ""] if claim else OPTIONS
    return int(pytest.main([*options, str(ROOT / file)], [_Chosen(claim, seconds)]) != 0)


@functools.cache
def _lab() -> Any:
    """One for all claims, in the process of the mutant."""
    from verify.report.lab import PROFILES, Lab

    return Lab(PROFILES["smoke"])


def _examined(claim: str, seconds: dict[str, float]) -> int:
    """Whether the proof, the check or the training of a claim does not hold; a module that cannot
    be imported stops them.
    """
    try:
        from theory.claim import claim_of  # imported where one of them may be the mutant
        from verify.mutants import COLUMNS, outcome

        said = outcome(None, claim_of(claim), _lab(), COLUMNS)
    except Exception:  # noqa: BLE001 - counted
        return 2
    return ("accepted", "rejected", "stopped").index(said)


JUDGES = {
    "tests": Judge(
        STORE,
        modules,
        CHECKERS,
        _tests_of,
        lambda part: ROOT / part.partition("::")[0],
        _tested,
    ),
    "verify": Judge(
        EVIDENCE,
        lambda: [name for name in modules() if name.startswith("theory/") and claims_of(name)],
        (),
        claims_of,
        evidence_of,
        _examined,
    ),
}
"""By the word on the command line."""
