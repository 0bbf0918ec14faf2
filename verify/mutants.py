"""Count the mutants of every law that its claim's own evidence rejects: python -m verify.mutants

A mutant is the law with one operator changed (verify/report/mutants.py lists them).  Each is put
before the claim's proof, check and training, the quickest first, until one of them does not hold.
The counts are kept in verify/report/mutants.json.  Exit status: 0 every mutant was judged, 1 the
unchanged law was rejected, 2 usage, 3 the output could not be written, or the machine failed, 130
interrupted.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
import multiprocessing
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from theory.claim import Claim, chapter_of, claim_of, order
from theory.process import run, system_module
from verify.models.files import put
from verify.report.arguments import command_parser, whole
from verify.report.judge import evidence_of
from verify.report.lab import PROFILES, Lab
from verify.report.mutants import REMEMBERED, STORE, Count, Mutant, digest, mutants, stored
from verify.report.story import selected

__all__ = ["COLUMNS", "count", "install", "main", "outcome", "rebuilt"]

PROGRAM = "python -m verify.mutants"
RESOURCE = system_module("resource")
"""Bounds and counts the time of a process that was forked; Windows has neither."""


def rebuilt(law: Any, before: Any, after: Any) -> Any:
    """The law with one of its functions replaced; helpers are found through their module."""
    if law is before:
        return after
    if dataclasses.is_dataclass(law) and not isinstance(law, type):
        fields = {f.name: getattr(law, f.name) for f in dataclasses.fields(law)}
        return dataclasses.replace(law, **{k: after for k, v in fields.items() if v is before})
    return law


def install(mutant: Mutant, assign: Callable[[Any, str, Any], None] = setattr) -> Any:
    """Put the mutant in its function's place, in this process; the claim's law with it."""
    claim_module = importlib.import_module(f"theory.{chapter_of(mutant.claim)}.{mutant.claim}")
    for path in REMEMBERED.get(mutant.path, ()):
        owner = dataclasses.replace(mutant, path=path)
        getattr(owner.module, owner.name).cache_clear()
    before, after = getattr(mutant.module, mutant.name), mutant.function()
    for user in (mutant.module, claim_module):
        if vars(user).get(mutant.name) is before:
            assign(user, mutant.name, after)
    return rebuilt(claim_module.CLAIM.law, before, after)


COLUMNS = ("proof", "check", "training")
"""What judges a mutant; the control runs the same three on laws that a person made wrong."""


def _columns(claim: Claim[Any], lab: Lab) -> dict[str, Callable[[Any], bool]]:
    """For each column, whether it holds for a law."""
    evidence = evidence_of(claim.id)
    return {
        "proof": lambda law: claim.prove(law).holds,
        "check": lambda law: evidence.check(law, lab).status == "holds",
        "training": lambda law: evidence.train(law, lab).status == "holds",
    }


def outcome(mutant: Mutant | None, claim: Claim[Any], lab: Lab, order: Sequence[str]) -> str:
    """``rejected`` by a column; else ``stopped``, when one crashed; else ``accepted`` by all.

    The order of the columns is a matter of time only.
    """
    law = claim.law if mutant is None else install(mutant)
    columns, stopped = _columns(claim, lab), False
    for name in order:
        try:
            if not columns[name](law):
                return "rejected"
        except Exception:  # noqa: BLE001 - counted: a column that crashes has rejected nothing
            stopped = True
    return "stopped" if stopped else "accepted"


def _in_a_process(
    mutant: Mutant | None, claim: Claim[Any], lab: Lab, order: Sequence[str], seconds: int
) -> tuple[str, float]:
    """What :func:`outcome` finds, and the processor seconds that it took.

    ``stopped`` when the process crashed or took more than ``seconds``: the same on a busy machine.
    """
    assert RESOURCE
    context = multiprocessing.get_context("fork")  # the mutant ends with its process
    here, there = context.Pipe(duplex=False)

    def work() -> None:
        RESOURCE.setrlimit(RESOURCE.RLIMIT_CPU, (seconds, seconds))
        there.send(outcome(mutant, claim, lab, order))

    before = RESOURCE.getrusage(RESOURCE.RUSAGE_CHILDREN).ru_utime
    process = context.Process(target=work)
    process.start()
    there.close()
    try:
        name = str(here.recv())
    except EOFError:
        name = "stopped"
    process.join()
    return name, RESOURCE.getrusage(RESOURCE.RUSAGE_CHILDREN).ru_utime - before


def count(claim: Claim[Any], lab: Lab, show: Callable[[str], None]) -> Count:
    """Judge every mutant of a claim.

    Raises
    ------
    ValueError: the unchanged law is rejected.
    """
    lab.prepare(evidence_of(claim.id).needs(lab.profile))
    cost: dict[str, float] = {}
    for name in COLUMNS:
        first, cost[name] = _in_a_process(None, claim, lab, (name,), 7200)
        if first != "accepted":
            raise ValueError(f"{claim.id}: {name} does not hold for the law itself")
    order = sorted(COLUMNS, key=cost.__getitem__)
    seconds = 20 + math.ceil(5 * sum(cost.values()))
    outcomes: Counter[str] = Counter()
    survivors: list[tuple[str, str]] = []
    every = mutants(claim.id)
    for number, mutant in enumerate(every, start=1):
        found, _ = _in_a_process(mutant, claim, lab, order, seconds)
        outcomes[found] += 1
        if found == "accepted":
            survivors.append((mutant.path, mutant.change))
        show(f"{claim.id} {number}/{len(every)} {found}: {mutant.path}: {mutant.change}")
    totals = len(every), outcomes["rejected"], outcomes["stopped"]
    return Count(digest(claim.id), *totals, tuple(survivors))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status, or raises SystemExit as argparse does."""
    assert __doc__
    parser = command_parser(PROGRAM, __doc__)
    parser.add_argument(
        "--only", metavar="ID,...", default="*", help="these claims or chapters; globs match"
    )
    parser.add_argument("--profile", choices=tuple(PROFILES), default="quick")
    parser.add_argument("--seed", type=whole(0), default=0)
    parser.add_argument("--list", action="store_true", help="name the mutants and stop")
    options = parser.parse_args(arguments)
    try:
        names = selected(tuple(name for _, name in order()), options.only)
    except ValueError as error:
        parser.error(str(error))
    if options.list:
        for name in names:
            for mutant in mutants(name):
                print(f"{name}: {mutant.path}: {mutant.change}")
        return 0
    if RESOURCE is None:
        parser.error("judging mutants needs Linux or macOS: forked processes with a limit of time")
    for claim in map(claim_of, names):
        lab = Lab(PROFILES[options.profile], options.seed)
        try:
            counted = count(claim, lab, _show)
        except ValueError as error:
            print(f"{PROGRAM}: {error}", file=sys.stderr)
            return 1
        kept = stored() | {claim.id: dataclasses.asdict(counted)}
        text = json.dumps(dict(sorted(kept.items())), indent=1, ensure_ascii=False) + "\n"
        put(STORE, text.encode())
        print(f"{claim.id}: {counted.sentence(claim.id)}", flush=True)
        for path, change in counted.survivors:
            print(f"  {path}: {change}", flush=True)
    return 0


def _show(line: str) -> None:
    """Progress, where somebody looks."""
    if sys.stderr.isatty():
        print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(run(PROGRAM, main))
