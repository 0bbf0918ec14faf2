"""The judge: what holds, what fails, what is only blocked; and controls that must be caught."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from tests.columns import JUDGES
from theory.claim import CHAPTERS, Claim, Proof, Step, Wrong
from verify.models.problem import Setting
from verify.report.evidence import Evidence
from verify.report.judge import examine, judge, lacking, one_line, stopped
from verify.report.lab import TINY, Lab
from verify.report.page import Figure
from verify.report.verdict import COLUMNS, Column, column

LAB = Lab(TINY, 0)
Procedure = Callable[[Any, Lab], Any]


def prove(law: Any) -> Proof:
    """Two steps about the law 1."""
    return Proof((Step("n = 1", law == 1), Step("n = 3", law == 1)), "n = 1 and 3")


def measure(law: Any, lab: Lab) -> Column:
    """The distance of the law from 1."""
    return column(abs(law - 1), 0.5, "distance from 1")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Claim]:
    """A maker of small claims, each with its module under verify/pulse/claims."""

    def make(
        check: Procedure = measure,
        train: Procedure = measure,
        prove: Callable[[Any], Proof] = prove,
        wrong: tuple[Wrong, ...] = (Wrong("a sign", -1), Wrong("off by one", 2)),
        **more: Any,
    ) -> Claim:
        module = ModuleType("verify.pulse.claims.made")
        vars(module).update(EVIDENCE=Evidence(check, train, JUDGES, **more))
        monkeypatch.setitem(sys.modules, module.__name__, module)
        claim = Claim("made", "A made claim", "x = 1", (), 1, prove, wrong)
        theory = ModuleType("theory.pulse.made")
        vars(theory)["CLAIM"] = claim
        monkeypatch.setitem(sys.modules, theory.__name__, theory)
        first, *others = CHAPTERS
        longer = replace(first, claims=(*first.claims, "made"))
        monkeypatch.setattr("theory.claim.CHAPTERS", (longer, *others))
        return claim

    return make


def test_a_good_claim_is_verified(made: Callable[..., Claim]) -> None:
    verdict = judge(made(), LAB)
    assert verdict.verdict == "verified"
    assert 0 < verdict.seconds < 60
    for name in ("proof", "control"):
        assert (verdict.columns[name].figure, verdict.columns[name].tolerance) == (0, 0)
    assert {verdict.columns[name].status for name in COLUMNS} == {"holds"}
    assert verdict.columns["proof"].detail == (
        "steps open, of 2; n = 1 and 3; beyond these: proved in writing"
    )
    assert verdict.columns["control"].detail == (
        "2 wrong laws × 3 columns: all rejected (“a sign”, “off by one”)"
    )


@pytest.mark.parametrize("name", ["check", "train"])
def test_a_wrong_law_that_one_column_accepts_fails_the_claim(
    made: Callable[..., Claim], name: str
) -> None:
    verdict = judge(made(**{name: lambda law, lab: column(0, 1, "always")}), LAB)
    control = verdict.columns["control"]
    assert verdict.verdict == "failed"
    assert (control.status, control.figure, control.tolerance) == ("fails", 2.0, 0.0)
    assert "accepts “a sign”" in control.detail


def test_a_wrong_law_that_the_proof_accepts_fails_the_claim(made: Callable[..., Claim]) -> None:
    verdict = judge(made(prove=lambda law: Proof((Step("always", True),), "nothing")), LAB)
    assert verdict.columns["control"].status == "fails"
    assert verdict.columns["control"].detail.count("proof accepts") == 2


def test_a_claim_without_wrong_laws_fails(made: Callable[..., Claim]) -> None:
    control = judge(made(wrong=()), LAB).columns["control"]
    assert _without_figure(control) == ("fails", 0)


def _without_figure(column: Column) -> tuple[str, float]:
    assert math.isnan(column.figure)
    return column.status, column.tolerance


def test_one_wrong_law_is_one(made: Callable[..., Claim]) -> None:
    control = judge(made(wrong=(Wrong("a sign", -1),)), LAB).columns["control"]
    assert control.detail == "1 wrong law × 3 columns: all rejected (“a sign”)"


def test_the_first_open_step_rejects_a_wrong_law(made: Callable[..., Claim]) -> None:
    """What comes after it is not decided."""

    def steps(law: Any) -> Iterator[Step]:
        yield Step("n = 1", law == 1)
        if law != 1:
            raise AssertionError("decided in vain")

    verdict = judge(made(prove=lambda law: Proof(steps(law), "n = 1")), LAB)
    assert verdict.verdict == "verified"


@pytest.mark.parametrize("law", [-1, 2])
def test_judge_fails_a_wrong_law(made: Callable[..., Claim], law: int) -> None:
    verdict = judge(replace(made(), law=law), LAB)
    assert verdict.verdict == "failed"
    assert [verdict.columns[name].status for name in COLUMNS[:3]] == ["fails"] * 3


def test_a_control_must_be_wrong(made: Callable[..., Claim]) -> None:
    verdict = judge(made(wrong=(Wrong("not wrong", 1),)), LAB)
    assert verdict.columns["control"].status == "fails"
    assert verdict.verdict == "failed"


def test_a_proof_without_steps_fails_and_rejects_nothing(made: Callable[..., Claim]) -> None:
    columns = judge(made(prove=lambda law: Proof((), "nothing")), LAB).columns
    assert _without_figure(columns["proof"]) == ("fails", 0)
    control = columns["control"]
    assert (control.status, control.figure, control.tolerance) == ("blocked", 2, 0)
    assert "no figure: no step was decided" in control.detail


def test_open_steps_are_counted_and_named(made: Callable[..., Claim]) -> None:
    found = judge(made(prove=lambda law: prove(2)), LAB).columns["proof"]
    assert (found.status, found.figure) == ("fails", 2.0)
    assert found.detail.endswith("open: n = 1; n = 3")


@pytest.mark.parametrize(
    ("steps", "named"), [(3, "0; 1; 2"), (4, "0; 1; 2; and 1 more"), (5, "0; 1; 2; and 2 more")]
)
def test_three_open_steps_are_named(made: Callable[..., Claim], steps: int, named: str) -> None:
    opened = Proof(tuple(Step(str(n), False) for n in range(steps)), "nothing")
    found = judge(made(prove=lambda law: opened), LAB).columns["proof"]
    assert found.detail.endswith(f"open: {named}")


def test_a_crash_on_a_wrong_law_is_no_rejection(made: Callable[..., Claim]) -> None:
    def crash(law: Any, lab: Lab) -> Column:
        if law == -1:
            raise ZeroDivisionError("division\nby zero")
        return measure(law, lab)

    verdict = judge(made(check=crash), LAB)
    assert verdict.columns["check"].status == "holds"
    control = verdict.columns["control"]
    assert (control.status, control.figure) == ("blocked", 1.0)
    assert "check on “a sign”: ZeroDivisionError: division" in control.detail
    assert "\n" not in control.detail


def test_not_a_number_on_a_wrong_law_is_no_rejection(made: Callable[..., Claim]) -> None:
    def lost(law: Any, lab: Lab) -> Column:
        return measure(law, lab) if law == 1 else column(math.nan, 1, "lost")

    assert judge(made(check=lost), LAB).columns["control"].status == "blocked"


@pytest.mark.parametrize(
    "answer", [None, 0.0, Column("holds", 2.0, 1.0, "bent"), Column("holds", math.nan, 1.0, "bent")]
)
def test_what_is_no_consistent_column_is_blocked(made: Callable[..., Claim], answer: Any) -> None:
    verdict = judge(made(check=lambda law, lab: answer), LAB)
    assert verdict.columns["check"].status == "blocked"
    assert verdict.verdict == "blocked"


def test_debug_lets_exceptions_pass(made: Callable[..., Claim]) -> None:
    claim = made(train=lambda law, lab: 1 / 0)
    training = judge(claim, LAB).columns["training"]
    assert _without_figure(training) == ("blocked", 0)
    assert training.detail == "ZeroDivisionError: division by zero"
    with pytest.raises(ZeroDivisionError):
        judge(claim, LAB, debug=True)


def test_interrupts_pass(made: Callable[..., Claim]) -> None:
    def interrupted(law: Any, lab: Lab) -> Column:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(made(check=interrupted), LAB)


def test_a_claim_without_a_module_is_blocked() -> None:
    claim = Claim("absent", "No module", "x", (), 1, prove, (Wrong("a sign", -1),))
    verdict = judge(claim, LAB)
    assert verdict.columns["proof"].status == "holds"
    assert verdict.columns["check"].status == "blocked"
    assert "no chapter names the claim" in verdict.columns["check"].detail
    assert verdict.columns["control"].status == "blocked"


def test_drawings_are_kept_and_bad_ones_become_problems(made: Callable[..., Claim]) -> None:
    picture = Figure("made-one", "One", "A caption.", "<svg></svg>")
    made(figures=lambda lab: [picture], sections=lambda lab: ["no section"])
    found = examine("made", LAB)
    assert found.figures == (picture,)
    assert found.sections == ()
    assert len(found.problems) == 1 and "verify.report.page.Section expected" in found.problems[0]
    assert found.verdict.verdict == "verified"


def test_what_needs_raises_is_a_problem_of_the_report(made: Callable[..., Claim]) -> None:
    made(needs=lambda profile: 1 / 0)
    assert lacking("made", LAB) == ()
    result = examine("made", LAB)
    assert result.problems == ("made: needs: ZeroDivisionError: division by zero",)
    assert result.verdict.verdict == "verified"
    with pytest.raises(ZeroDivisionError):
        examine("made", LAB, debug=True)


def test_a_claim_lacks_what_nobody_has_trained(made: Callable[..., Claim]) -> None:
    a, b = Setting("relu", 1), Setting("relu", 2)
    made(needs=lambda profile: (a, b, a))
    lab: Any = Lab(TINY)
    assert lacking("made", lab) == (a, b)
    lab.keep(b, "trained")
    assert lacking("made", lab) == (a,)
    lab.keep(a, FloatingPointError("overflow"))
    assert lacking("made", lab) == ()


def test_a_lost_process_blocks_all_columns(made: Callable[..., Claim]) -> None:
    examined = stopped(made(), RuntimeError("killed"))
    assert (examined.verdict.seconds, examined.training) == (0, 0)
    assert {_without_figure(examined.verdict.columns[name]) for name in COLUMNS} == {("blocked", 0)}


def test_one_line_is_one_line() -> None:
    assert one_line(ValueError("a\nb")) == "ValueError: a"
    assert one_line(ValueError()) == "ValueError"
    assert one_line(ValueError("x" * 228)) == f"ValueError: {'x' * 228}"
    assert one_line(ValueError("x" * 229)) == f"ValueError: {'x' * 227}…"


# --- the lab ----------------------------------------------------------------------------------


def test_random_numbers_depend_on_seed_and_name_alone() -> None:
    first = Lab(TINY, 3).rng("check").integers(1 << 60, size=4).tolist()
    lab = Lab(TINY, 3)
    lab.rng("other").random(100)
    assert lab.rng("check").integers(1 << 60, size=4).tolist() == first
    assert lab.rng("other").integers(1 << 60, size=4).tolist() != first
    assert Lab(TINY, 4).rng("check").integers(1 << 60, size=4).tolist() != first


def test_an_ensemble_is_trained_once_and_a_failure_is_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained: list[Any] = []

    def train_ensemble(setting: Any, networks: int, seed: int) -> Any:
        trained.append(setting)
        if setting == "bad":
            raise FloatingPointError("overflow")
        return setting, networks, seed

    fake = ModuleType("verify.optimise.ensemble")
    vars(fake).update(train_ensemble=train_ensemble)
    monkeypatch.setitem(sys.modules, fake.__name__, fake)
    lab: Any = Lab(TINY, 5)
    lab.prepare(["good", "bad", "good"])
    assert lab.ensemble("good") == ("good", TINY.networks, 5)
    assert lab.ensemble("good") is lab.ensemble("good")
    assert trained == ["good", "bad"]
    with pytest.raises(RuntimeError, match="FloatingPointError: overflow"):
        lab.ensemble("bad")


def test_a_lack_of_memory_passes(made: Callable[..., Claim]) -> None:
    def exhausted(*_: Any) -> Any:
        raise MemoryError

    with pytest.raises(MemoryError):
        judge(made(check=exhausted), LAB)
    made(figures=exhausted)
    with pytest.raises(MemoryError):
        examine("made", LAB)


def test_what_is_no_evidence_blocks_the_columns(made: Callable[..., Claim]) -> None:
    claim = made()
    vars(sys.modules["verify.pulse.claims.made"])["EVIDENCE"] = "none"
    check = judge(claim, LAB).columns["check"]
    assert check.status == "blocked"
    assert "verify.pulse.claims.made.EVIDENCE is no Evidence" in check.detail
