"""One name for all commands: each runs under it, and none is imported before it is asked for."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from verify import everyweight
from verify.everyweight import COMMANDS, main

ROOT = Path(__file__).parent.parent
LIBRARIES = {"torch", "sympy", "numpy", "scipy", "matplotlib", "rich", "jinja2"}


def ended(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The status of ``everyweight`` with these arguments."""
    monkeypatch.setattr(sys, "argv", ["everyweight", *arguments])
    return main()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_called_by_the_name_that_was_typed(
    name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, name, "--help") == 0
    assert capfd.readouterr().out.startswith(f"usage: everyweight {name} ")
    assert ended(monkeypatch, name, "--nonsense") == 2
    assert capfd.readouterr().err.startswith(f"everyweight {name}: ")


def test_the_help_names_every_command_in_its_own_words() -> None:
    assert everyweight.__doc__
    told = dict(re.findall(r"^  (\w+) +(.+)$", everyweight.__doc__, re.MULTILINE))
    assert list(told) == list(COMMANDS)
    for name, module in COMMANDS.items():
        purpose = str(import_module(module).__doc__).partition(": python -m")[0]
        assert name == "shape" or told[name].startswith(purpose[0].lower() + purpose[1:])


@pytest.mark.parametrize("arguments", [(), ("all",), ("--nonsense",), ("",), ("--", "verify")])
def test_what_is_no_command_is_refused_in_one_line(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, *arguments) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1) and err.startswith("everyweight: ")


def test_a_mistyped_command_is_named_with_the_one_meant(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, "shpae", "relu") == 2
    assert capfd.readouterr().err == "everyweight: no command 'shpae': did you mean shape?\n"
    assert ended(monkeypatch, "all") == 2
    assert "no command 'all': needs one of these commands: " in capfd.readouterr().err


def test_help_is_asked_for_by_a_word_too(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, "help") == ended(monkeypatch, "--help") == 0
    first, second = capfd.readouterr().out.split("usage: ")[1:]
    assert first == second and first.startswith("everyweight COMMAND ...\n")


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("verify", "--help")])
def test_an_answer_that_needs_no_library_imports_none(arguments: tuple[str, ...]) -> None:
    code = (
        "import sys; from verify.everyweight import main; status = main();"
        f"print(status, *{LIBRARIES} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "0\n" and done.stdout
