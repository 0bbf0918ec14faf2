"""A statement with its assumptions, its law and its proof.

A claim lives in one file of this package, as the constant ``CLAIM``.  The file's name is the claim's
name everywhere else: ``verify/claims/<name>.py`` tests it on trained networks, ``tests/test_<name>.py``
holds its properties, ``docs/<name>.md`` explains it.  Claims are found, never listed.

Every claim separates its *law* (the formula, an ordinary value or function) from the *procedure* that
proves it, so that the same procedure can be run on a deliberately wrong law: that is a control.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

__all__ = ["Claim", "Proof", "Step", "Wrong", "find_claims"]


@dataclass(frozen=True)
class Step:
    """One exact statement that a proof decides: its name, and whether it was found true."""

    name: str
    holds: bool


@dataclass(frozen=True)
class Proof:
    """The decided steps of a machine proof and, in words, the cases that they cover.

    A proof without steps proves nothing and does not hold.
    """

    steps: tuple[Step, ...]
    covers: str

    @property
    def open(self) -> tuple[Step, ...]:
        """The steps that were not found true."""
        return tuple(step for step in self.steps if not step.holds)

    @property
    def holds(self) -> bool:
        """True when there is at least one step and none is open."""
        return bool(self.steps) and not self.open


@dataclass(frozen=True)
class Wrong:
    """A deliberately wrong law, with the mistake in words: the claim's procedures must reject it."""

    name: str
    law: Any


@dataclass(frozen=True)
class Claim:
    """A mathematical statement, its law as executable symbols, and how it is proved.

    Attributes
    ----------
    id: the name of the file the claim lives in.
    title: one line.
    statement: the law in LaTeX, without dollar signs; ``\\qquad`` separates formulas.
    assumptions: sentences (LaTeX between dollars allowed) under which the law holds.
    law: what ``prove``, the check and the training column are run on.
    prove: ``prove(law) -> Proof``, exact, from the definitions.
    wrong: at least one wrong law.
    requires: the ids of the claims this one builds on; they come first in every listing.
    """

    id: str
    title: str
    statement: str
    assumptions: tuple[str, ...]
    law: Any
    prove: Callable[[Any], Proof]
    wrong: tuple[Wrong, ...]
    requires: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        r"""The statement's formulas, one to a line: it is broken at every ``\qquad``."""
        return tuple(re.split(r"[,;]?\s*\\qquad\s*", self.statement))


def find_claims() -> tuple[Claim, ...]:
    """Every ``CLAIM`` of this package, each after the claims it requires, otherwise by name.

    Raises
    ------
    ValueError: a claim's id differs from its file's name, or it requires an unknown claim.
    """
    found: dict[str, Claim] = {}
    package = importlib.import_module("theory")
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda item: item.name):
        claim = getattr(importlib.import_module(f"theory.{info.name}"), "CLAIM", None)
        if claim is None:
            continue
        if claim.id != info.name:
            raise ValueError(f"theory/{info.name}.py holds a claim that calls itself {claim.id!r}")
        found[claim.id] = claim
    return tuple(found[name] for name in _ordered(found.values()))


def _ordered(claims: Iterable[Claim]) -> tuple[str, ...]:
    graph = {claim.id: claim.requires for claim in claims}
    unknown = {need for needs in graph.values() for need in needs} - set(graph)
    if unknown:
        raise ValueError(f"required, but not there: {', '.join(sorted(unknown))}")
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return tuple(order)
