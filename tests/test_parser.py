"""The parser of every command: errors in one line, with the option that was meant."""

from __future__ import annotations

import pytest

from theory.parser import Parser, meant


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said of these arguments."""
    parser = Parser(prog="prog", allow_abbrev=False)
    parser.add_argument("--taps")
    parser.add_argument("--out", required=True)
    parser.add_argument("file", nargs="?")
    with pytest.raises(SystemExit) as end:
        parser.parse_args(arguments)
    assert end.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--tap", "3", "--out", "x"), "unrecognized arguments: --tap: did you mean --taps?"),
        (("--outt=x",), "unrecognized arguments: --outt=x: did you mean --out?"),
        (("f", "--out", "x", "--stride", "2"), "unrecognized arguments: --stride 2"),
        (("--taps", "3"), "the following arguments are required: --out"),
        (("--", "--tap"), "the following arguments are required: --out"),
    ],
)
def test_errors_name_the_option_that_was_meant(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(capsys, *arguments) == f"prog: {words}\n"


def test_a_word_like_none_means_nothing() -> None:
    assert meant("losses", ["loss", "flow"]) == ": did you mean loss?"
    assert meant("qqqq", ["loss", "flow"]) == ""
