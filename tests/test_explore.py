"""The command that writes the interactive page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from verify.explore import main
from verify.explorer.server import Server


def test_the_page_is_written_in_one_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verify.explorer.page.html", lambda served: "<!doctype html>")
    path = tmp_path / "page.html"
    path.write_text("an older one", encoding="utf-8")
    assert main(["--out", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}\n"
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("file/page.html", "not a folder"), (".", "directory"), ("", "needs the name of a file")],
)
def test_a_file_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, reason: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as ended:
        main(["--out", str(tmp_path / name) if name else ""])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and reason in error


def test_help_needs_no_library() -> None:
    code = (
        "import sys, verify.explore as m; m._parser(m.PROGRAM).format_help();"
        " print(sorted({'sympy', 'torch', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_port_that_is_taken_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Server(0) as server, pytest.raises(SystemExit) as ended:
        main(["--serve", "--port", str(server.server_address[1])])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "address already in use" in error


def test_it_serves_until_it_is_interrupted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(server: Server) -> None:
        assert server.page == b"the page"
        raise KeyboardInterrupt

    monkeypatch.setattr("verify.explore._page", lambda served: "the page" if served else "")
    monkeypatch.setattr(Server, "serve_forever", interrupted)
    assert main(["--serve"]) == 0
    assert capsys.readouterr().out.startswith("http://127.0.0.1:")
