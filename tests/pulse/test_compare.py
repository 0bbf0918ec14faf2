"""The comparisons that the claims share: they accept the law, and reject it as soon as it is wrong."""

from __future__ import annotations

import dataclasses
import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.arithmetic.compile import activation
from theory.claim import Claim, Proof, Step, Wrong, chapter_of, find_claims
from theory.pulse.network import g
from theory.pulse.plateau import plateau_response, slope
from theory.pulse.signal import phi
from theory.pulse.subpixel import deviation, subpixel_response
from verify.models.ensemble import Setting
from verify.models.networks import measure
from verify.pulse.compare import check_response, law_response, train_response
from verify.report import judge
from verify.report.lab import TINY, Lab
from verify.report.verdict import COLUMNS, Column, Verdict, column

SETTINGS = (Setting("relu", 2, 3, 0, 2, 4), Setting("tanh", 1, 5, 0, 2, 4))
# Few networks, but enough draws for two of every activation: ten see one and three taps only.
LAB = Lab(dataclasses.replace(TINY, draws=40))
FEW = Lab(TINY)
PLATEAU = lambda n: range(n // 2 + 1, n // 2 + 5)
WRONG: dict[str, Callable[[int, int], sp.Expr]] = {
    "sign of Δ": lambda n, m: subpixel_response(n) - 4 * plateau_response(1),
    "one background more": lambda n, m: subpixel_response(n) + g(sp.Integer(0)),
    "sign of D": lambda n, m: plateau_response(n) - deviation(n),
    "half of D": lambda n, m: plateau_response(n) + deviation(n) / 2,
    "without D": lambda n, m: plateau_response(n),
    "r off by a half": lambda n, m: subpixel_response(n) + slope(),
    "φ for 1 - φ": lambda n, m: subpixel_response(n).xreplace({phi: 1 - phi}),
}


def right(n: int, m: int) -> sp.Expr:
    return subpixel_response(n)


def test_the_law_is_accepted() -> None:
    found = check_response(right, LAB, "test", PLATEAU, fractions=True)
    assert (found.status, found.figure, found.tolerance) == ("holds", 0.0, 0.0)
    found = train_response(right, LAB, SETTINGS, fractions=True)
    assert found.status == "holds"
    assert 0 < found.figure <= 1


@pytest.mark.parametrize("key", WRONG)
def test_wrong_laws_are_rejected(key: str) -> None:
    assert check_response(WRONG[key], LAB, "test", PLATEAU, fractions=True).status == "fails"
    found = train_response(WRONG[key], LAB, SETTINGS, fractions=True)
    assert found.status == "fails"
    assert found.figure > 1e6  # no matter of rounding


@settings(max_examples=10)  # every example compiles a law of its own
@given(st.integers(1, 40))
def test_a_change_far_above_rounding_is_seen(power: int) -> None:
    """A term of 2^-power added to the law: exact cases see any, trained networks those above rounding."""
    small = lambda n, m: subpixel_response(n) + sp.Rational(1, 2**power)
    assert check_response(small, FEW, "test", PLATEAU, fractions=True).figure >= TINY.draws
    found = train_response(small, LAB, SETTINGS, fractions=True)
    if power <= 20:
        assert found.status == "fails"


def test_half_integers_only() -> None:
    """The plateau law says nothing of fractions; where D is left out it still holds at φ = 0."""
    cut = lambda n, m: plateau_response(n)
    assert check_response(cut, LAB, "test", PLATEAU, fractions=False).status == "holds"
    assert train_response(cut, LAB, SETTINGS, fractions=False).status == "holds"


def test_below_the_plateau_the_law_is_not_claimed() -> None:
    below = lambda n: range(1, n // 2 + 2)
    assert check_response(right, LAB, "test", below, fractions=True).status == "fails"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.activation)
def test_law_response_has_one_entry_per_feature(setting: Setting) -> None:
    ensemble = LAB.ensemble(setting)
    found = law_response(right, ensemble)
    features = measure(ensemble).pooled
    assert found.shape == features.shape
    size = 2 * setting.radii.half_length(setting.taps) + 1
    background = activation(setting.activation)[0](ensemble.b)
    # Far from rounding, far from another order of networks, radii or channels.
    assert np.max(np.abs(features - size * background[:, None, :] - found)) < 1e-9


# --- columns and the judge --------------------------------------------------------------------


@given(st.floats(), st.floats(0, 1e9))
def test_a_column_holds_up_to_its_tolerance(figure: float, tolerance: float) -> None:
    found = column(figure, tolerance, "")
    assert (found.status == "holds") == (not math.isnan(figure) and figure <= tolerance)


@given(st.lists(st.sampled_from(["holds", "fails", "blocked"]), min_size=4, max_size=4))
def test_verdict_of_four_columns(states: list[str]) -> None:
    columns = {k: Column(v, 0.0, 0.0, "") for k, v in zip(COLUMNS, states, strict=True)}  # type: ignore[arg-type]
    expected = "failed" if "fails" in states else "blocked" if "blocked" in states else "verified"
    found = Verdict("id", "title", "statement", columns, 0.5)
    assert found.verdict == found.as_dict()["verdict"] == expected


def _toy(room: dict[str, Any], monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Claim:
    """A claim whose law is a number that should be 2, with a room of the given columns."""

    class Room:
        check = staticmethod(room.get("check", lambda law, lab: column(abs(law - 2), 0, "check")))
        train = staticmethod(room.get("train", lambda law, lab: column(abs(law - 2), 0, "train")))

    monkeypatch.setattr(judge, "room", lambda name: Room)
    base = Claim(
        "toy",
        "t",
        "s",
        ("a",),
        2,
        lambda law: Proof((Step("two", law == 2),), "all"),
        (Wrong("three", 3),),
    )
    return dataclasses.replace(base, **changes)


def test_judge_accepts_a_claim_and_its_control(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = judge.judge(_toy({}, monkeypatch), LAB)
    assert verdict.verdict == "verified"
    assert [verdict.columns[name].status for name in COLUMNS] == ["holds"] * 4


@pytest.mark.parametrize("law", [3, -2])
def test_judge_fails_a_wrong_law(law: int, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = judge.judge(_toy({}, monkeypatch, law=law), LAB)
    assert verdict.verdict == "failed"
    assert [verdict.columns[name].status for name in COLUMNS[:3]] == ["fails"] * 3


@pytest.mark.parametrize("question", ["check", "train"])
def test_a_column_that_accepts_everything_fails_the_control(
    question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = judge.judge(_toy({question: lambda law, lab: column(0, 0, "")}, monkeypatch), LAB)
    assert verdict.columns["control"].status == "fails"
    assert verdict.columns["control"].figure == 1


@pytest.mark.parametrize("wrong", [(), (Wrong("not wrong", 2),)])
def test_a_control_must_be_wrong(wrong: tuple[Wrong, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = judge.judge(_toy({}, monkeypatch, wrong=wrong), LAB)
    assert verdict.columns["control"].status == "fails"
    assert verdict.verdict == "failed"


def _raise(law: Any, lab: Any) -> Column:
    raise RuntimeError("nothing to see")


def test_what_raises_is_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = judge.judge(_toy({"check": _raise}, monkeypatch), LAB)
    assert verdict.columns["check"].status == "blocked"
    assert verdict.columns["control"].status == "blocked"
    assert verdict.verdict == "blocked"
    with pytest.raises(RuntimeError, match="nothing to see"):
        judge.judge(_toy({"check": _raise}, monkeypatch), LAB, debug=True)


def test_a_column_cannot_hold_against_its_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    liar = {"check": lambda law, lab: Column("holds", 2.0, 1.0, "")}
    assert judge.judge(_toy(liar, monkeypatch), LAB).columns["check"].status == "blocked"


def test_a_proof_without_steps_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = _toy({}, monkeypatch, prove=lambda law: Proof((), "nothing"))
    assert judge.judge(empty, LAB).columns["proof"].status == "fails"


def test_a_nan_is_no_rejection(monkeypatch: pytest.MonkeyPatch) -> None:
    nan = {"train": lambda law, lab: column(0.0 if law == 2 else math.nan, 0, "")}
    assert judge.judge(_toy(nan, monkeypatch), LAB).columns["control"].status == "blocked"


# --- the claims' own rooms --------------------------------------------------------------------

ROOMS = [claim for claim in find_claims() if not isinstance(judge.room(claim.id), Exception)]


LONG = frozenset({"extremes", "active", "conv_bias", "ridge", "steps"})
"""Claims whose check takes long, four times over."""


@pytest.mark.parametrize(
    "claim",
    [
        pytest.param(claim, id=claim.id, marks=pytest.mark.slow if claim.id in LONG else ())
        for claim in ROOMS
    ],
)
def test_check_columns_accept_the_law_and_reject_wrong_ones(claim: Claim) -> None:
    module = importlib.import_module(f"verify.{chapter_of(claim.id)}.claims.{claim.id}")
    assert module.check(claim.law, LAB).status == "holds"
    for wrong in claim.wrong:
        found = module.check(wrong.law, LAB)
        assert (found.status, math.isnan(found.figure)) == ("fails", False), wrong.name


@pytest.mark.slow
@pytest.mark.parametrize("claim", ROOMS, ids=lambda claim: claim.id)
def test_every_claim_is_verified(claim: Claim) -> None:
    verdict = judge.judge(claim, LAB, debug=True)
    assert {
        name: verdict.columns[name].detail
        for name in COLUMNS
        if verdict.columns[name].status != "holds"
    } == {}
