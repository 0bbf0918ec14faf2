"""The lab: streams and trainings by key, kept once, and no key that two places
ask for by accident.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from theory.claim import find_claims
from verify.models.problem import Setting
from verify.report.judge import evidence_of
from verify.report.lab import TINY, Lab, TrainingError


def _drawn(lab: Lab, key: object) -> list[float]:
    with lab.torch(key):
        return torch.rand(3).tolist()


def test_torch_draws_by_seed_and_key_and_is_left_as_it_was() -> None:
    before = torch.get_rng_state()
    lab = Lab(TINY, 3)
    first = _drawn(lab, ("a", 1))
    assert _drawn(lab, "b") != first
    assert _drawn(lab, ("a", 1)) == _drawn(Lab(TINY, 3), "a/1") == first
    assert _drawn(Lab(TINY, 4), ("a", 1)) != first
    assert torch.equal(torch.get_rng_state(), before)


def test_a_tuple_names_a_stream_as_its_words_do() -> None:
    lab = Lab(TINY, 3)
    assert lab.rng(("a", 1)).random() == lab.rng("a/1").random() != lab.rng("a/2").random()


def test_one_training_serves_all_who_ask() -> None:
    lab, done = Lab(TINY), []

    def train() -> list[int]:
        done.append(1)
        return [1]

    assert lab.once("x", train) is lab.once("x", train)
    assert lab.once(("x", 1), train) == [1]
    assert len(done) == 2
    assert lab.once(("sum", 1, 2), sum, (1, 2), start=3) == 6


def test_a_failed_training_is_not_tried_again() -> None:
    lab, done = Lab(TINY), []

    def train() -> None:
        done.append(1)
        raise FloatingPointError("overflow")

    for _ in range(2):  # the same words, whoever is first
        with pytest.raises(TrainingError, match="FloatingPointError: overflow"):
            lab.once("x", train)
    assert len(done) == 1


def test_a_lack_of_memory_is_no_failed_training() -> None:
    lab = Lab(TINY)

    def starved() -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        lab.once("x", starved)
    assert lab.once("x", lambda: 1) == 1


def test_a_process_keeps_what_it_trains_for_the_next_claim() -> None:
    """Each claim is sent with a lab of its own."""
    lab = Lab(TINY, 1234567)
    lab.once("ahead", lambda: "by the parent")
    sent = pickle.dumps(lab)
    first = pickle.loads(sent)
    assert first.once("ahead", lambda: "again") == "by the parent"
    first.once("here", lambda: "by the first claim")
    assert pickle.loads(sent).once("here", lambda: "again") == "by the first claim"
    assert pickle.loads(pickle.dumps(Lab(TINY, 7654321))).once("here", lambda: "new") == "new"


def test_another_process_is_sent_what_it_asked_for() -> None:
    a, b, c = (Setting("relu", 1, taps) for taps in (3, 5, 7))
    lab: Any = Lab(TINY, 7654322)
    for setting in (a, b):
        lab.keep(setting, str(setting))
    lab.keep(c, ValueError("no"))
    sent = pickle.loads(pickle.dumps(lab.sending((b, c))))
    assert [sent.has(setting) for setting in (a, b, c)] == [False, True, True]
    assert sent.ensemble(b) == str(b)
    with pytest.raises(TrainingError, match="ValueError: no"):
        sent.ensemble(c)
    assert lab.sending(()).ensemble(a) is lab.ensemble(a)  # in this process it is the same lab


def test_who_asked_is_listed() -> None:
    lab = Lab(TINY)
    for _ in range(2):
        lab.rng("a")
        _drawn(lab, ("b", 2))
    _other(lab)
    here = f"{__name__}.test_who_asked_is_listed"
    assert lab.asked == {
        ("numpy", "a"): {here, f"{__name__}._other"},
        ("torch", "b/2"): {f"{__name__}._drawn"},
    }


def _other(lab: Lab) -> None:
    [lab.rng("a") for _ in range(1)]


# --- the keys of a run --------------------------------------------------------------------------


def _run(names: Sequence[str]) -> Lab:
    """A run of these claims with everything that they show."""
    lab = Lab(TINY)
    for claim in find_claims():
        if claim.id in names:
            evidence = evidence_of(claim.id)
            evidence.check(claim.law, lab)
            evidence.train(claim.law, lab)
            list(evidence.figures(lab))
            list(evidence.sections(lab))
    return lab


def _hold_apart(lab: Lab) -> None:
    asked = lab.asked
    assert {name: places for name, places in asked.items() if len(places) > 1} == {}
    # torch takes in 32 bits of a key: no two keys of a run may agree in them.
    keys = [key for kind, key in asked if kind == "torch"]
    assert len({zlib.crc32(f"{lab.seed}\n{key}".encode()) for key in keys}) == len(keys)
    assert [key for _, key in asked if " at 0x" in key] == []  # an address is another in every run


@pytest.mark.slow
def test_no_key_of_a_short_run_is_asked_for_by_two() -> None:
    lab = _run(
        ("signal", "symmetry", "kinks", "trajectory", "span", "averages", "contrast", "disk")
    )
    assert {kind for kind, _ in lab.asked} == {"numpy", "torch", "training"}
    assert ("numpy", "kinks") in lab.asked
    _hold_apart(lab)


@pytest.mark.thorough
def test_no_key_of_a_run_is_asked_for_by_two() -> None:
    _hold_apart(_run([claim.id for claim in find_claims()]))
