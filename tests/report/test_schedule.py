"""The order of work: the story's, but for what would end too late; each ensemble trained once;
nothing done twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from theory.claim import order
from verify.models.problem import Setting
from verify.report import schedule
from verify.report.judge import Examined
from verify.report.lab import PROFILES, TINY, Lab
from verify.report.schedule import TYPICAL, Schedule, State, typical
from verify.report.verdict import COLUMNS, Column, Verdict
from verify.work.executor import Serial, Workers
from verify.work.store import Store

NAMES = tuple(name for _, name in order())


def verdict(name: str, status: Any = "holds") -> Examined:
    """What examining a claim ends with."""
    return Examined(Verdict(name, name, "x", dict.fromkeys(COLUMNS, Column(status, 0, 0, "")), 1.0))


class Clock(Workers):
    """Processes in a time of their own: a piece takes the seconds that are set for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: Mapping[str, float]) -> None:
        self.now = 0.0
        self.begun: list[str] = []
        self.under_way: dict[Future[Any], tuple[float, Callable[[], Any]]] = {}
        self.seconds = seconds
        monkeypatch.setattr(schedule, "monotonic", lambda: self.now)
        monkeypatch.setattr("verify.work.executor.wait", self.wait)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        name = str(args[0])
        self.begun.append(name)
        future: Future[Any] = Future()
        self.under_way[future] = self.now + self.seconds.get(name, 1.0), lambda: fn(*args)
        return future

    def wait(self, *_: Any, **__: Any) -> Any:
        """The next that ends, at its time."""
        future = min(self.under_way, key=lambda each: self.under_way[each][0])
        self.now, call = self.under_way.pop(future)
        try:
            future.set_result(call())
        except Exception as error:  # noqa: BLE001 - handed over
            future.set_exception(error)
        return SimpleNamespace(done={future})


def run(
    clock: Workers, jobs: int, lab: Lab | None = None, store: Store | None = None, **seconds: float
) -> tuple[Schedule, list[State]]:
    """A run of these claims, and all its states."""
    states: list[State] = []
    known = {name: (took, 0.0) for name, took in seconds.items()}
    work = Schedule(list(seconds), lab or Lab(TINY), known, states.append)
    clock.jobs = jobs
    work.run(clock, store)
    return work, states


@pytest.fixture(autouse=True)
def _examined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is examined in truth."""
    monkeypatch.setattr(schedule, "_examined", lambda name, lab, debug: verdict(name))


LONG = {
    "signal": 1.0,
    "staircase": 4.0,
    "plateau": 5.0,
    "loss": 3.0,
    "kinks": 4.0,
    "endings": 2.0,
    "flow": 3.0,
    "noise": 12.0,
}


def test_one_process_follows_the_story(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, LONG)
    run(clock, 1, **LONG)
    assert clock.begun == list(LONG)


def test_the_first_come_first_and_the_cores_end_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the story alone the long claim at its end would begin last, and take until
    23.
    """
    clock = Clock(monkeypatch, LONG)
    run(clock, 2, **LONG)
    assert clock.begun[:2] == ["signal", "staircase"]
    assert clock.now <= 1.1 * sum(LONG.values()) / 2
    assert [name for name in clock.begun if name != "noise"] == [
        name for name in LONG if name != "noise"
    ]


def test_what_is_left_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of half the speed takes twice as long, which shows after a while."""
    clock = Clock(monkeypatch, {name: 2 * took for name, took in LONG.items()})
    _, states = run(clock, 1, **LONG)
    assert states[1].left == sum(LONG.values())
    for state in states[len(states) // 2 :]:
        assert state.left <= 1.1 * (clock.now - state.when)
        assert state.left >= 0.6 * (clock.now - state.when)
    assert states[-1].left == 0 and not states[-1].running
    assert list(states[-1].examined) == list(LONG)


A, B, C = (Setting("relu", 1, taps) for taps in (3, 5, 7))
NEEDS = {"plateau": (A, B), "loss": (B, C), "flow": ()}


@pytest.fixture
def needy(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[Setting]]:
    """Claims with needs; returned is what each was given."""
    given: dict[str, set[Setting]] = {}

    def examined(name: str, lab: Lab, debug: bool) -> Any:
        lacks = tuple(setting for setting in NEEDS[name] if not lab.has(setting))
        if not lacks:
            given[name] = set(lab.sends or ())
        return lacks or verdict(name)

    def trained(setting: Setting, networks: int, seed: int) -> Any:
        if setting == C:
            raise FloatingPointError("overflow")
        return f"{setting}, {networks}, {seed}"

    monkeypatch.setattr(schedule, "_examined", examined)
    monkeypatch.setattr(schedule, "trained", trained)
    return given


def test_an_ensemble_is_trained_once_and_sent_to_those_who_asked(
    monkeypatch: pytest.MonkeyPatch, needy: dict[str, set[Setting]]
) -> None:
    clock, lab = Clock(monkeypatch, {str(A): 5.0, str(B): 2.0, str(C): 1.0}), Lab(TINY, 3)
    work, states = run(clock, 2, lab, plateau=9.0, loss=1.0, flow=1.0)
    assert sorted(name for name in clock.begun if name not in NEEDS) == sorted(map(str, (A, B, C)))
    assert needy == {"plateau": {A, B}, "loss": {B, C}, "flow": set()}
    assert list(work.examined) == ["loss", "flow", "plateau"]  # none waits for what others lack
    assert lab.ensemble(A) == f"{A}, {TINY.networks}, 3"
    with pytest.raises(RuntimeError, match="FloatingPointError: overflow"):
        lab.ensemble(C)
    assert [work.examined[name].training for name in NEEDS] == [7.0, 1.0, 0.0]
    assert max(state.asked for state in states) == max(state.trained for state in states) == 3


def test_debug_ends_at_the_first_exception(needy: Any) -> None:
    work = Schedule(["loss"], Lab(TINY), {}, lambda state: None, debug=True)
    with pytest.raises(FloatingPointError):
        work.run(Serial())


def test_what_is_kept_comes_first_and_is_not_done_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A blocked claim is examined again, as is another seed."""
    trouble: list[str] = []
    done = {"signal": "holds", "loss": "blocked", "noise": "fails"}
    monkeypatch.setattr(schedule, "_examined", lambda name, *_: verdict(name, done[name]))
    clock = Clock(monkeypatch, {})
    for seed, again in ((0, list(done)), (0, ["loss"]), (1, list(done))):
        store = Store(tmp_path, trouble.append)
        clock.begun.clear()
        work, states = run(clock, 1, Lab(TINY, seed), store, **dict.fromkeys(done, 1.0))
        assert clock.begun == again
        kept = [name for name, result in work.examined.items() if result.kept is not None]
        assert kept == [name for name in done if name not in again]
        assert list(states[0].examined) == kept
    assert trouble == []


# --- the seconds that are known -------------------------------------------------------------------


def test_shipped_seconds_are_of_claims() -> None:
    for name, seconds in json.loads(TYPICAL.read_text(encoding="utf-8")).items():
        assert name in PROFILES
        assert set(seconds) <= set(NAMES)
        assert typical(PROFILES[name], Path("nothing")).keys() == seconds.keys()


def _reports() -> Iterator[tuple[str, str]]:
    claim = {"id": "loss", "seconds": 3, "training_seconds": 1.5}
    yield "no JSON", "{"
    yield "no report", "[]"
    yield "another profile", json.dumps({"profile": "full", "claims": [claim]})
    yield (
        "an older version",
        json.dumps({"profile": "quick", "claims": [{"id": "loss", "seconds": 3}]}),
    )
    yield "nested deeply", "[" * 10**5
    yield (
        "too large a number",
        json.dumps({"profile": "quick", "claims": [claim | {"seconds": 10**400}]}),
    )
    yield "no number", json.dumps({"profile": "quick", "claims": [claim | {"seconds": "x"}]})


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in _reports()])
def test_a_report_that_does_not_tell_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text, "utf-8")
    quick = PROFILES["quick"]
    assert typical(quick, tmp_path / "report.json") == typical(quick, tmp_path / "absent")


def test_the_last_report_counts(tmp_path: Path) -> None:
    claims = [
        {"id": "loss", "seconds": 3, "training_seconds": 1.5},
        {"id": "flow", "seconds": float("inf"), "training_seconds": 0},
    ]
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"profile": "quick", "claims": claims}), "utf-8")
    known = typical(PROFILES["quick"], path)
    assert known["loss"] == (3.0, 1.5)
    assert "flow" not in known and "noise" in known
