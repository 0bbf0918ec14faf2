"""From a claim to its verdict: the one place where verdicts are made.

    proof     the number of open steps of ``claim.prove(claim.law)``, held to 0
    check     ``EVIDENCE.check(law, lab)`` of verify.<chapter>.claims.<id>, an independent
              computation
    training  ``EVIDENCE.train(law, lab)``, trained networks
    control   wrong laws × the three columns above: the pairs that were not rejected, held to 0

A column that raises is *blocked*: neither accepted nor refuted.  That goes for a control too: a
wrong law that crashes a procedure was stopped, but not by the mistake it contains, so it does not
count as rejected.
"""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from theory import claim as registry
from theory.claim import Claim, Proof
from theory.proofs.statements import coverage
from verify.report.evidence import Evidence, Judges
from verify.report.page import Figure, Section
from verify.report.verdict import COLUMNS, Column, Verdict, column

if TYPE_CHECKING:
    from verify.models.problem import Setting
    from verify.report.lab import Lab

__all__ = ["Examined", "evidence_of", "examine", "judge", "lacking", "one_line", "stopped"]

Procedure = Callable[[Any], Column]


def judge(claim: Claim[Any], lab: Lab, *, debug: bool = False) -> Verdict:
    """Run a claim's three procedures on its law and on every wrong law.

    Raises
    ------
    Exception: only with ``debug``: whatever a procedure raises, instead of a blocked column.
    """
    start = time.perf_counter()
    procedures: dict[str, Procedure] = {
        "proof": lambda law: _proof(claim.prove(law), coverage(claim)),
        "check": lambda law: evidence_of(claim.id).check(law, lab),
        "training": lambda law: evidence_of(claim.id).train(law, lab),
    }
    columns = {name: _attempt(run, claim.law, debug) for name, run in procedures.items()}
    columns["control"] = _control(claim, procedures, debug)
    return Verdict(claim.id, claim.title, claim.statement, columns, time.perf_counter() - start)


def evidence_of(name: str) -> Evidence[Any]:
    """What the claim's module offers as ``EVIDENCE``.

    Raises
    ------
    TypeError: it is no Evidence.
    Exception: what the module's import raises.
    """
    module = importlib.import_module(f"verify.{registry.chapter_of(name)}.claims.{name}")
    evidence = module.EVIDENCE
    if not isinstance(evidence, Evidence):
        raise TypeError(f"{module.__name__}.EVIDENCE is no Evidence")
    return evidence


def _proof(proof: Proof, beyond: str) -> Column:
    if not proof.steps:
        return Column("fails", math.nan, 0.0, "no step was decided")
    names = [step.name for step in proof.open]
    still = f"; open: {_some(names)}" if names else ""
    covers = f"{proof.covers}; {beyond}{still}"
    return column(len(names), 0.0, f"steps open, of {len(proof.steps)}; {covers}")


def _refuted(proof: Proof) -> Column:
    """Of a wrong law: the first open step rejects it, and the rest need not be decided."""
    return Column("fails", 1.0, 0.0, "a step is open") if proof.refuted else _proof(proof, "")


def _attempt(procedure: Procedure, law: Any, debug: bool) -> Column:
    """The procedure's column, which may hold only if its figure does not exceed its tolerance;
    blocked if it raises.
    """
    try:
        offered: Any = procedure(law)
        if not isinstance(offered, Column):
            raise TypeError(f"a column was expected, not {type(offered).__name__}")
        figure, tolerance = offered.figure, offered.tolerance
        if offered.status == "holds" and not figure <= tolerance:
            raise ValueError(f"said to hold with figure {figure} against {tolerance}")
        return offered
    except MemoryError:  # what the machine lacks is no verdict on a claim
        raise
    except Exception as error:
        if debug:
            raise
        return Column("blocked", math.nan, 0.0, one_line(error))


def _control(claim: Claim[Any], procedures: dict[str, Procedure], debug: bool) -> Column:
    if not claim.wrong:
        return Column("fails", math.nan, 0.0, "no wrong law was given")
    accepted: list[str] = []
    stopped: list[str] = []
    procedures = {**procedures, "proof": lambda law: _refuted(claim.prove(law))}
    for wrong in claim.wrong:
        for name, run in procedures.items():
            outcome = _attempt(run, wrong.law, debug)
            if outcome.status == "holds":
                accepted.append(f"{name} accepts “{wrong.name}”")
            elif outcome.status == "blocked" or math.isnan(outcome.figure):
                reason = (
                    outcome.detail
                    if outcome.status == "blocked"
                    else f"no figure: {outcome.detail}"
                )
                stopped.append(f"{name} on “{wrong.name}”: {reason}")
    laws = f"{len(claim.wrong)} wrong law{'s' if len(claim.wrong) > 1 else ''}"
    size = f"{laws} × {len(procedures)} columns"
    figure = float(len(accepted) + len(stopped))
    if accepted:
        return Column("fails", figure, 0.0, f"{size}: {_some(accepted + stopped)}")
    if stopped:
        return Column("blocked", figure, 0.0, f"{size}: {_some(stopped)}")
    names = ", ".join(f"“{wrong.name}”" for wrong in claim.wrong)
    return column(0.0, 0.0, f"{size}: all rejected ({names})")


def _some(items: list[str], most: int = 3) -> str:
    more = f"; and {len(items) - most} more" if len(items) > most else ""
    return "; ".join(items[:most]) + more


def one_line(error: BaseException, most: int = 240) -> str:
    """An exception's class and the first line of its message."""
    message = (str(error).strip().splitlines() or [""])[0]
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return text if len(text) <= most else text[: most - 1] + "…"


@dataclass(frozen=True)
class Examined:
    """A verdict with what the report shows beside it, and what went wrong while drawing that.

    ``training`` is how many seconds the ensembles took that were trained ahead for this claim;
    ``kept`` is the date of a verdict of an earlier run; ``judges`` are those of the evidence.
    """

    verdict: Verdict
    figures: tuple[Figure, ...] = ()
    sections: tuple[Section, ...] = ()
    problems: tuple[str, ...] = ()
    training: float = 0.0
    kept: str | None = None
    judges: Judges | None = None


def stopped(claim: Claim[Any], error: Exception) -> Examined:
    """All four columns blocked: the process that examined the claim ended before it could say."""
    blocked = Column("blocked", math.nan, 0.0, one_line(error))
    columns = dict.fromkeys(COLUMNS, blocked)
    return Examined(Verdict(claim.id, claim.title, claim.statement, columns, 0.0))


def lacking(name: str, lab: Lab) -> tuple[Setting, ...]:
    """The settings that the claim needs and whose ensembles the lab does not have."""
    try:
        needed = evidence_of(name).needs(lab.profile)
    except Exception:  # noqa: BLE001 - examine says so
        return ()
    return tuple(setting for setting in dict.fromkeys(needed) if not lab.has(setting))


def examine(name: str, lab: Lab, debug: bool = False) -> Examined:
    """Judge the claim of that name, then draw its evidence's ``figures(lab)`` and
    ``sections(lab)``.

    A drawing that raises does not touch the verdict; it is listed as a problem of the report, and
    so is what ``needs`` raises.

    Raises
    ------
    Exception: only with ``debug``: whatever the claim's own code raises.
    """
    verdict = judge(registry.claim_of(name), lab, debug=debug)
    offered: dict[str, tuple[Any, ...]] = {}
    problems: list[str] = []
    try:
        evidence = evidence_of(name)
    except Exception:  # noqa: BLE001 - the blocked columns already say why
        return Examined(verdict)
    kinds: tuple[tuple[str, type, Callable[[Lab], Iterable[Any]]], ...] = (
        ("needs", object, lambda lab: evidence.needs(lab.profile)),
        ("figures", Figure, evidence.figures),
        ("sections", Section, evidence.sections),
    )
    for kind, wanted, offer in kinds:
        try:
            parts = tuple(offer(lab))
            if others := [type(part) for part in parts if not isinstance(part, wanted)]:
                expected = f"{wanted.__module__}.{wanted.__name__} expected"
                raise TypeError(f"{expected}, not {others[0].__module__}.{others[0].__name__}")
            offered[kind] = parts
        except MemoryError:
            raise
        except Exception as error:
            if debug:
                raise
            problems.append(f"{name}: {kind}: {one_line(error)}")
    figures, sections = (offered.get(kind, ()) for kind in ("figures", "sections"))
    return Examined(verdict, figures, sections, tuple(problems), judges=evidence.judges)
