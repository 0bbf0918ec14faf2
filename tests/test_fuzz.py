"""Every reader on some changed inputs; what it must not do is seen; a million are recorded."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fuzz.__main__ import RECORD, Fault, _case, main, tried
from tests.fuzz.readers import READERS, Reader


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """The handler of the time limit goes again."""
    before = signal.getsignal(signal.SIGPROF)
    yield
    signal.signal(signal.SIGPROF, before)


def test_every_reader_answers_or_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cases", "2000", "--seed", "7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    taken = {
        line[:17].strip(): int(line.split(" cases")[1].split()[0].replace(",", ""))
        for line in lines
    }
    assert taken.keys() == READERS.keys() and all(taken.values())


def _raises(_: bytes) -> None:
    raise KeyError("x")


def _says_two_lines(_: bytes) -> None:
    raise ValueError("first\nsecond")


def _hangs(_: bytes) -> None:
    while True:
        time.process_time()


def _writes(_: bytes) -> None:
    Path("/dev/null").write_bytes(b"x")


def _unpickles(_: bytes) -> None:
    import pickle

    pickle.loads(b"cbuiltins\nlen\n.")


BAD: dict[str, tuple[Callable[[bytes], None], str]] = {
    "another exception": (_raises, "KeyError: 'x'"),
    "two lines": (_says_two_lines, "no sentence"),
    "a hang": (_hangs, "no answer within 0.2 s"),
    "a file written": (_writes, "it did open '/dev/null'"),
    "a class unpickled": (_unpickles, "it did pickle.find_class 'builtins'"),
    "an exit": (lambda _: sys.exit(0), "exit with status 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_a_reader_must_not_do_is_seen(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read, words = BAD[name]
    monkeypatch.setitem(
        READERS, "bad", Reader(lambda: (), lambda data, rng: data, read, (ValueError,), 1, 0.2)
    )
    monkeypatch.setattr("tests.fuzz.__main__._case", lambda *_: b"data")
    assert main(["bad", "--cases", "1"]) == 1
    assert words in capsys.readouterr().out


def test_a_million_cases_are_recorded() -> None:
    runs = json.loads(RECORD.read_text("utf-8"))
    assert sum(run["cases"] for run in runs) >= 10**6
    assert {run["reader"] for run in runs} == READERS.keys()
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", run["date"]) for run in runs)


@pytest.mark.parametrize("name", READERS)
def test_a_case_depends_on_its_number_alone(name: str) -> None:
    """No case leaves anything in what the next is made of."""
    seeds = READERS[name].seeds()
    cases = [_case(name, seeds, 1, number) for number in range(200)]
    assert cases == [_case(name, seeds, 1, number) for number in range(199, -1, -1)][::-1]


def test_a_case_is_repeated_by_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokens", "--seed", "3", "--number", "123456"]) == 0
    assert "1 cases" in capsys.readouterr().out


def test_an_unknown_reader_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["nothing"])
    assert "no reader is called 'nothing'" in capsys.readouterr().err


def test_a_fault_names_what_was_done() -> None:
    with pytest.raises(Fault, match="IndexError"):
        tried(Reader(lambda: (), lambda data, rng: data, lambda data: data[9], (), 1), b"")
