"""Exercises on the command line: what is shown, what is right, what is no answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from verify.exercises import main, written
from verify.teaching.problems import PROBLEMS

DOCS = Path(__file__).parents[1] / "docs"


def test_ten_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines] == [each.title for each in PROBLEMS]
    assert len(lines) == 10


@pytest.mark.parametrize("number", range(1, 11))
def test_the_solution_that_is_printed_is_right(
    number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = PROBLEMS[number - 1]
    assert main([str(number)]) == 0
    shown = capsys.readouterr().out
    assert "Hint" not in shown and "Solution" not in shown
    assert shown.endswith(f"\n\nAnswer: {problem.form}\n")
    assert main([str(number), "--hint", "--solution"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert problem.text in shown and problem.hint in shown and problem.why in shown
    words = written(problem.solution)
    assert words in shown and (DOCS / problem.page).is_file()
    assert main([str(number), *words.split()]) == 0
    assert capsys.readouterr().out == "right\n"


def test_a_wrong_answer_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["2", "a=0.5", "c=-4"]) == 1
    assert capsys.readouterr().out == "not right: the network errs by 0.25 pixel at r = 1.5\n"


@pytest.mark.parametrize(
    "words",
    [
        ["2", "a=.5", "c=-4.25"],
        ["2", "a=[1/2]", "c=−17/4"],
        ["1", "sums=[0, 3/4, 1/2, 1, 1/4]"],
        ["1", "sums=(0,3/4,.5,1,.25)"],
    ],
)
def test_values_as_people_write_them(words: list[str]) -> None:
    assert main(words) == 0


def test_an_answer_of_its_form_is_read() -> None:
    assert PROBLEMS[3].form == "w1=…,…,… w2=…,…,… b=…,… a=…,… c=…"
    for number, problem in enumerate(PROBLEMS, start=1):
        words = problem.form.removesuffix(" and so on").replace("…", "-.5").split()
        assert main([str(number), *words]) == 1


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["0"], "needs a whole number from 1 to 10"),
        (["two"], "needs a whole number from 1 to 10"),
        (["2", "a=1/2"], "c= is missing: this problem asks for a=… c=…"),
        (["2", "a=1/2", "a=1/2", "c=1"], "'a=1/2': this problem asks for a=… c=…, each once"),
        (["2", "a", "c=1"], "'a': this problem asks for"),
        (["2", "q=1", "c=1"], "'q=1': this problem asks for"),
        (["2", "a=1/0", "c=1"], "values are numbers such as"),
        (["2", "a=__import__('os')", "c=1"], "values are numbers such as"),
        (["2", "a=" + "9" * 400, "c=1"], "values are numbers such as"),
        (["2", "a=1/2,c=3"], "write a space between a=1/2 and c=3"),
        (["4", "w1=1,2,3,w2=1,2,3"], "write a space between w1=1,2,3 and w2=1,2,3"),
        (["1", "sums=[0,", "1/2]"], "values are numbers such as"),
        (["2", "a=1,2", "c=1"], "a is 1 number, not 2"),
        (["4", "w1=1"], "w1 is 3 numbers, not 1"),
        (["2", "-x"], "'-x' is no option; an answer is"),
        (["2", "--hintt"], "'--hintt' is no option: did you mean --hint?"),
        (["1", "sums=" + ",".join(["1"] * 2000)], "values are numbers such as"),
    ],
)
def test_what_is_no_answer_is_refused(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and reason in error
