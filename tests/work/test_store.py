"""The store of finished tasks: what is whole and of this code is believed, all else is computed
again.
"""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from verify.work import store as module
from verify.work.codec import Codec
from verify.work.executor import Serial, Task, completed
from verify.work.store import Store, code_digest

PAIR = Codec(tuple[int, float])


class Made:
    """A store whose sentences are listed."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.said: list[str] = []
        self.store = Store(folder / "store", self.said.append, **options)


def test_what_was_kept_comes_back_with_its_date(tmp_path: Path) -> None:
    first = Made(tmp_path)
    assert first.store.get("a", PAIR) is None
    first.store.put("a", (1, 0.5), PAIR)
    kept = Made(tmp_path).store.get("a", PAIR)
    assert kept is not None and kept[0] == (1, 0.5)
    assert kept[1] == time.strftime("%Y-%m-%dT", time.gmtime()) + kept[1][11:]
    assert Made(tmp_path).store.get("b", PAIR) is None
    assert Made(tmp_path, fresh=True).store.get("a", PAIR) is None
    assert first.said == []
    assert [path.suffix for path in (tmp_path / "store").iterdir()] == [".task"]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _changed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)


def _renamed(path: Path) -> None:
    store = Made(path.parent.parent).store
    store.put("another", (1, 0.5), PAIR)
    store._path("another").replace(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _other_code(path: Path) -> None:
    other = Made(path.parent.parent).store
    other._code = "0" * 64
    path.unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "code_digest", lambda: "0" * 64)
        other.put("b", (1, 0.5), PAIR)


def _other_type(path: Path) -> None:
    Made(path.parent.parent).store.put("b", "text", Codec(str))


def _foreign(path: Path) -> None:
    data = b"{}\n[]"
    path.write_bytes(module._digest(data) + b"\n" + data)


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (_cut, "it is damaged"),
        (_changed, "it is damaged"),
        (lambda path: path.write_bytes(b""), "it is damaged"),
        (lambda path: path.write_bytes(b"\x80\x04\n" * 9), "it is damaged"),
        (_renamed, "it is of another task"),
        (_other_code, "it is of other code"),
        (_other_type, "it holds no such result"),
        (_foreign, "it holds no such result"),
        (_folder, "it is a folder"),
    ],
)
def test_what_is_not_believed_is_reported_once_and_computed_again(
    spoilt: Any, reason: str, tmp_path: Path
) -> None:
    first = Made(tmp_path)
    first.store.put("b", (1, 0.5), PAIR)
    spoilt(first.store._path("b"))
    again = Made(tmp_path)
    tasks = [Task("b", lambda: (2, 1.5), (), PAIR)] * 2
    for _ in range(2):
        again.store.get("b", PAIR)
    assert len(again.said) == 1 and reason in again.said[0] and "\n" not in again.said[0]
    assert str(tmp_path) in again.said[0] and "computed again" in again.said[0]
    results = [outcome.result for outcome in completed(Serial(), tasks, again.store)]
    assert results == [(2, 1.5)] * 2
    if spoilt is not _folder:
        kept = Made(tmp_path).store.get("b", PAIR)
        assert kept is not None and kept[0] == (2, 1.5) and len(again.said) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_disk_that_fills_costs_no_result(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    made = Made(tmp_path)
    monkeypatch.setattr(module, "put", full)
    tasks = [Task(str(k), pow, (k, 2), Codec(int)) for k in range(3)]
    assert [o.result for o in completed(Serial(), tasks, made.store)] == [0, 1, 4]
    reason = os.strerror(number).lower()
    consequence = "the run goes on, and keeps not all results"
    assert made.said == [f"{tmp_path / 'store'}: {reason}; {consequence}"]


def test_a_folder_that_cannot_be_written_is_refused_before_work(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("mine", "utf-8")
    with pytest.raises(OSError, match="it is a file, not a folder"):
        Made(tmp_path)
    assert (tmp_path / "store").read_text("utf-8") == "mine"


def test_code_that_changes_while_a_run_goes_on_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made(tmp_path)
    monkeypatch.setattr(module, "code_digest", lambda: "0" * 64)
    made.store.put("a", (1, 0.5), PAIR)
    assert len(made.said) == 1 and "changed since the run began" in made.said[0]
    assert list((tmp_path / "store").iterdir()) == []


def test_the_digest_is_of_code_and_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert code_digest() == code_digest() and len(code_digest()) == 64
    monkeypatch.setattr(module, "ROOT", tmp_path)
    for package in ("theory", "numerics", "verify"):
        (tmp_path / package).mkdir()
    seen = {code_digest()}
    source = tmp_path / "verify" / "a.py"
    for text in ("x = 1", "x = 2"):
        source.write_text(text, "utf-8")
        seen.add(code_digest())
    source.rename(source.with_name("b.py"))
    seen.add(code_digest())
    monkeypatch.setattr(module, "_versions", lambda: "numpy 0")
    seen.add(code_digest())
    assert len(seen) == 5
    (tmp_path / "verify" / "b.pyc").write_text("made", "utf-8")
    assert code_digest() in seen


def test_unfinished_files_of_a_killed_run_go(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    for name, age in ((".unfinished-old", 7200), (".unfinished-new", 0)):
        (folder / name).write_bytes(b"")
        os.utime(folder / name, (time.time() - age,) * 2)
    Made(tmp_path)
    assert [path.name for path in folder.iterdir()] == [".unfinished-new"]


def test_errors_and_passing_results_are_not_kept(tmp_path: Path) -> None:
    made = Made(tmp_path)
    tasks = [
        Task("error", int, ("x",), Codec(int)),
        Task("passing", int, ("1",), Codec(int), lambda result: result != 1),
        Task("lasting", int, ("2",), Codec(int), lambda result: result != 1),
        Task("without codec", int, ("3",)),
    ]
    for dates in ((False,) * 4, (False, False, True, False)):
        outcomes = list(completed(Serial(), tasks, made.store))
        assert [bool(outcome.kept) for outcome in outcomes] == list(dates)
        assert [outcome.result for outcome in outcomes] == [None, 1, 2, 3]


def test_what_is_too_large_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    store = Store(tmp_path / "store", said.append)
    monkeypatch.setattr("verify.work.store.MOST", 10)
    store.put("large", 1.5, Codec(float))
    assert len(said) == 1 and " bytes is too large; the run goes on" in said[0]
    assert list((tmp_path / "store").glob("*.task")) == []
