"""Files: written whole or not at all, and read without waiting."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from verify.models.files import content, document, probe, put, put_all


def test_what_is_put_is_read(tmp_path: Path) -> None:
    path = tmp_path / "net"
    put(path, b"12345")
    assert content(path, 10) == b"12345"
    assert content(path, 3) == b"1234"  # one more than allowed: it is too large
    assert path.stat().st_mode & 0o777 == 0o644


def test_nothing_is_written_over_unless_it_may_be(tmp_path: Path) -> None:
    path = tmp_path / "net"
    put(path, b"old")
    with pytest.raises(FileExistsError):
        put(path, b"new", over=False)
    assert path.read_bytes() == b"old"
    put(path, b"new")
    assert path.read_bytes() == b"new"
    assert [file.name for file in tmp_path.iterdir()] == ["net"]  # nothing unfinished stays


def test_what_fails_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        put(tmp_path / "net", b"12345")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (("absent", "no such file"), ("pipe", "not a regular"), ("", "a folder")):
        with pytest.raises(ValueError, match=reason):
            content(tmp_path / name, 10)


def test_files_are_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_all({tmp_path / "a": b"old", tmp_path / "b": b"old"})
    kept, calls = os.fsync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        kept(descriptor)

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        put_all({tmp_path / "a": b"new", tmp_path / "b": b"new"})
    monkeypatch.undo()
    assert {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()} == {
        "a": "old",
        "b": "old",
    }


def test_probe_finds_out_before_the_work(tmp_path: Path) -> None:
    probe(tmp_path / "new" / "folder")
    assert list((tmp_path / "new" / "folder").iterdir()) == []
    (tmp_path / "file").touch()
    (tmp_path / "report.json").mkdir()
    for folder in (tmp_path / "file", tmp_path / "file" / "below", tmp_path):
        with pytest.raises(OSError, match="not a folder|directory"):
            probe(folder, ["report.json"])


def test_a_link_to_nowhere_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "absent")
    with pytest.raises(FileExistsError):
        probe(tmp_path / "link")


def test_a_document_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text('{"a": 1}', "utf-8")
    assert document(path, 100) == {"a": 1}
    for text in ("[" * 10**5, "{", '{"a": 1} ' * 100):
        path.write_text(text, "utf-8")
        with pytest.raises(ValueError):
            document(path, 10**5)
