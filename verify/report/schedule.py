"""Which claim is examined when: rows appear in the order of the story, and all cores end together.

A claim asks for the ensembles that it needs.  Each is trained once, as a task of its own, and sent
to the claims that asked; a claim begins when all of its own are there, whatever others still lack.

The order decides when a row appears and when the run ends, and never what is found: see
:mod:`verify.report.lab`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from theory.claim import claim_of
from verify.report import judge
from verify.report.judge import Examined
from verify.report.lab import Lab, trained
from verify.work.executor import Outcome, Task, completed

if TYPE_CHECKING:
    from verify.models.problem import Setting

__all__ = ["Piece", "Schedule", "State"]


@dataclass(frozen=True)
class Piece:
    """What one process does at a time: examine a claim, or train an ensemble for it."""

    claim: str
    setting: Setting | None = None


@dataclass(frozen=True)
class State:
    """Where a run is: the pieces that run, with when they began, and the claims that are done.

    ``waiting`` are claims and ensembles that nobody has begun, ``trained`` how many ensembles are there.
    """

    running: tuple[tuple[Piece, float], ...] = ()
    waiting: tuple[Piece, ...] = ()
    trained: int = 0
    examined: Mapping[str, Examined] = field(default_factory=dict)
