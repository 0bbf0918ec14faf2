"""Answers are judged by what their networks do: other right ones are right, near ones are not."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.teaching.problems import PROBLEMS, Answer, Problem

BY_TITLE = {problem.title: problem for problem in PROBLEMS}


def _answer(text: str) -> Answer:
    pairs = (word.split("=") for word in text.split())
    return {name: tuple(map(Fraction, values.split(","))) for name, values in pairs}


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Place a kink", "b=-1 a=2 c=1"),
        ("Two kinks that cancel", "w1=3,-2,1 w2=-3,2,-1 b=-3/2,3/2 a=1/4,-1/4 c=51/8"),
        ("A smooth activation", "w1=1,1,1 w2=-1,-1,-1 a=1/6,-1/6 c=0"),
        ("The worst error", "error=3/8 r=3"),
        ("Break a certificate", "r=1.95"),
        ("A disk", "a=1/4 c=1/100"),
    ],
)
def test_other_answers_are_right_too(title: str, text: str) -> None:
    assert BY_TITLE[title].judge(_answer(text)) == ""


@pytest.mark.parametrize(
    ("title", "text", "reason"),
    [
        ("What a filter sees", "sums=0,1/2,1,1/4", "1 value is missing"),
        ("What a filter sees", "sums=0,3/4,1/2,1,1/4,2", "1 value does not occur"),
        ("What a filter sees", "sums=0,1,2,3", "3 values are missing and 2 values do not occur"),
        ("Place a kink", "b=1 a=2/5 c=0", "b is not negative"),
        ("Place a kink", "b=-1/2 a=2/3 c=0", "errs by"),
        ("Two kinks that cancel", "w1=1,1,1 w2=1,1,1 b=1,1 a=1/12,1/12 c=0", "changes its sign"),
        ("A smooth activation", "w1=1,1,1 w2=-1,-1,-1 a=1/6,1/6 c=0", "errs by"),
        ("Predict an end", "w=1/2 a=1.000001", "1e-06 away"),
        ("A network that dies", "loss=1", "too small"),
        ("A network that dies", "loss=2", "too large"),
        ("The worst error", "error=1/4 r=2", "not the error at this radius"),
        ("The worst error", "error=5/16 r=7/4", "elsewhere it is larger"),
        ("The worst error", "error=1 r=8", "not between"),
        ("Break a certificate", "r=7/4", "the bound holds"),
        ("Break a certificate", "r=1/2", "not between"),
        ("A disk", "a=1/2 c=0", "errs by"),
    ],
)
def test_wrong_answers_are_told_why(title: str, text: str, reason: str) -> None:
    assert reason in BY_TITLE[title].judge(_answer(text))


FREE = ("Break a certificate", "A disk")
"""Problems that leave room: many radii refute, and a twentieth of a pixel is allowed."""


@pytest.mark.parametrize(
    "problem",
    [problem for problem in PROBLEMS if problem.title not in FREE],
    ids=lambda problem: problem.title,
)
@given(st.data())
def test_an_answer_that_is_a_little_off_is_wrong(problem: Problem, data: st.DataObject) -> None:
    """One number moved by a thousandth."""
    name = data.draw(st.sampled_from(sorted(problem.solution)))
    values = list(problem.solution[name])
    place = data.draw(st.integers(0, len(values) - 1))
    values[place] += Fraction(data.draw(st.sampled_from((-1, 1))), 1000)
    assert problem.judge({**problem.solution, name: tuple(values)})
