"""(f) Every claim and column of a quick run: seconds of the processor and of
the clock, and memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks.measure import Row, measured
from theory.claim import find_claims
from verify.report.judge import evidence_of
from verify.report.lab import PROFILES, Lab
from verify.work.executor import Task, completed, open_executor

__all__ = ["rows"]


def rows(quick: bool) -> Iterator[Row]:
    """One line for a claim, on two processes; the sum comes last."""
    names = [claim.id for claim in find_claims()]
    names = ["signal", "plateau"] if quick else names
    begin = time.perf_counter()
    total, outcomes = 0.0, {}
    with open_executor("processes", 2) as executor:
        for outcome in completed(executor, [Task(name, examine, (name,)) for name in names]):
            if outcome.error:
                raise outcome.error
            outcomes[outcome.index] = outcome.result
    for index, name in enumerate(names):
        columns, clock, peak = outcomes[index]
        seconds = sum(columns.values())
        total += seconds
        shares = ", ".join(f"{column} {value:.1f}" for column, value in columns.items())
        yield Row(name, seconds, peak=peak, note=f"{shares}; by the clock {clock:.1f} s")
    clock = time.perf_counter() - begin
    yield Row(
        f"all {len(names)}",
        total,
        total / clock,
        "by the clock, on two processes",
        note=f"{clock:.0f} s; ensembles are trained in each process anew",
    )


def examine(name: str) -> tuple[dict[str, float], float, float]:
    """Seconds of each column, of the clock, and the peak of memory, of one claim."""
    claim = next(each for each in find_claims() if each.id == name)
    evidence, lab = evidence_of(name), Lab(PROFILES["quick"])
    columns: dict[str, Callable[[Any], object]] = {
        "proof": lambda law: (
            claim.prove(law).refuted if law is not claim.law else claim.prove(law).open
        ),
        "check": lambda law: evidence.check(law, lab),
        "training": lambda law: evidence.train(law, lab),
    }
    wrong = [partial(run, each.law) for run in columns.values() for each in claim.wrong]
    parts: dict[str, Callable[[], object]] = {
        "ensembles": lambda: lab.prepare(evidence.needs(lab.profile)),
        **{column: partial(run, claim.law) for column, run in columns.items()},
        "control": lambda: [run() for run in wrong],
        "figures": lambda: (evidence.figures(lab), evidence.sections(lab)),
    }
    begin = time.perf_counter()
    seconds, peaks = {}, []
    for part, run in parts.items():
        seconds[part], peak, _ = measured(run)
        peaks += [] if peak is None else [peak]
    return seconds, time.perf_counter() - begin, max(peaks, default=None)
