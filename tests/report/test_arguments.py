"""Arguments: one line on stderr and status 2 for what is wrong."""

from __future__ import annotations

import gc
import inspect
import os
import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.parser import printable
from verify.report import arguments
from verify.report.arguments import command_parser, importing, named, odd, whole, words, working
from verify.work.executor import ENVIRONMENT


@given(st.text())
def test_printable_text_is_one_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert printable(shown) == shown
    assert shown == text or not text.isprintable()


@pytest.mark.parametrize("text", ["", "-1", "1_0", "٣", "1.0", " 1", "101", "9" * 30])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="needs a whole number from 0 to 100"):
        whole(0, 100)(text)


@given(st.integers(0, 100))
def test_whole_numbers_are_read(number: int) -> None:
    assert whole(0, 100)(str(number)) == whole(0)(str(number)) == number


def test_taps_are_odd() -> None:
    assert odd(7)("5") == 5
    for text in ("4", "9", "0"):
        with pytest.raises(ArgumentTypeError):
            odd(7)(text)


def test_a_name_is_not_empty() -> None:
    assert named("file")("a b") == Path("a b")
    with pytest.raises(ArgumentTypeError, match="the name of a folder"):
        named("folder")(" ")


def test_errors_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    parser = command_parser("prog", "What it does: prog\n\nHow it does it.\n")
    with pytest.raises(SystemExit) as end:
        parser.error("two\nlines\x1b[0m")
    assert (end.value.code, capsys.readouterr().err) == (2, "prog: two\\nlines\\x1b[0m\n")
    assert "How it does it." in parser.format_help()
    assert "What it does" not in parser.format_help()


def test_importing_looks_for_garbage_again_afterwards() -> None:
    with pytest.raises(ImportError), importing():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_nothing_moves_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with working("training"):
        pass
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("script", "program", "anew"),
    [
        ("/usr/bin/everyweight", "everyweight verify", True),
        ("/usr/bin/pytest", "everyweight verify", False),
        ("/usr/bin/everyweight", "python -m verify.all", False),
        ("", "python -m verify.all", False),
    ],
)
def test_the_script_starts_anew_where_its_environment_is_another(
    script: str, program: str, anew: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller of main is no command, and is left alone."""
    started: list[dict[str, str]] = []

    def execve(path: str, given: list[str], surroundings: dict[str, str]) -> None:
        started.append(surroundings)
        raise SystemExit  # it never comes back

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    monkeypatch.setattr(sys, "argv", [script, "verify"])
    monkeypatch.setenv("PYTHONHASHSEED", "random")
    with pytest.raises(SystemExit) if anew else nullcontext():
        arguments._restart(program)
    assert len(started) == anew and all(ENVIRONMENT.items() <= each.items() for each in started)


def printed_words() -> dict[str, set[str]]:
    """Every word that the code can print, by the glossary's section."""
    from numerics.certificates.roles import ROLES
    from theory.shape.classify import CLASSES
    from verify.explain import images, signals
    from verify.explain.roles import MEETS
    from verify.explain.value import GRADES
    from verify.pulse.classify import KINDS

    def quoted(function: Callable[..., object]) -> set[str]:
        return set(re.findall(r'"([a-z][a-z -]+)"', inspect.getsource(function)))

    cells = quoted(signals._cell) | quoted(signals._unpatterned)
    image_roles = quoted(images._role)
    return {
        "grades": set(GRADES),
        "classes": {name.replace("_", " ") for name in CLASSES},
        "cells": cells | {"constant", "silent"},
        "roles": {*ROLES, MEETS},
        "roles in images": image_roles - {"dead"},
        "fails": (quoted(signals._failing) | quoted(images._failing) | {"distance", "replay"}),
        "endings": {*KINDS, "not classified"},
    }


def test_the_glossary_has_every_word_that_is_printed() -> None:
    for section, printed in printed_words().items():
        assert printed <= set(words()[section]), section
    assert set(words()) == {"words", *printed_words()}
    for meanings in words().values():
        assert all(text and not text.endswith(".") for text in meanings.values())


def test_help_ends_with_the_glossary_of_what_is_printed() -> None:
    parser = command_parser("prog", "What it does.\n\nHow.\n", "grades", "endings")
    shown = " ".join(parser.format_help().split())
    for section in ("grades", "endings"):
        for word, meaning in words()[section].items():
            assert f"{word}: {meaning}" in shown
    assert "cells:" not in shown
