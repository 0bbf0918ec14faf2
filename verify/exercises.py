"""Ten problems, and what is right of an answer: python -m verify.exercises [NUMBER [NAME=VALUE …]]

Without a number the ten are listed. With one the problem is shown; --hint and --solution show more.
An answer gives numbers by name, as fractions or decimals, several with commas:

    python -m verify.exercises 2 a=1/2 c=-17/4

It is judged by running the network that it makes, over every real radius where that can be done
exactly, and not by comparison with the solution: any other answer that is right is right.

Exit status: 0 shown, or right; 1 not right; 2 usage; 3 the output could not be written or the
machine failed; 130 interrupted.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from fractions import Fraction
from textwrap import TextWrapper
from typing import TYPE_CHECKING

from theory.citations import located
from theory.parser import Parser, meant
from theory.process import run
from verify.report.arguments import command_parser, importing, whole

if TYPE_CHECKING:
    from verify.teaching.problems import Answer, Problem

__all__ = ["main"]

PROGRAM = "python -m verify.exercises"
NUMBER = re.compile(r"-?(\d{1,20}(/0*[1-9]\d{0,19}|\.\d{1,20})?|\.\d{1,20})", re.ASCII)
GLUED = re.compile(r"([a-z]\w{0,9}=[^=]{1,40}),([a-z]\w{0,9}=[^=]{1,40}?)(,\w+=.*)?", re.ASCII)
"""Two names in a word."""
BRACKETED = re.compile(r"\[(.*)\]|\((.*)\)")
MOST = 1000
"""Numbers of an answer, at most."""
WRAPPED = TextWrapper(80, break_on_hyphens=False, break_long_words=False)


def _parser(program: str) -> Parser:
    assert __doc__
    parser = command_parser(program, __doc__)
    add = parser.add_argument
    add("number", type=whole(1, 10), nargs="?", metavar="NUMBER", help="which problem, 1 to 10")
    add("answer", nargs="*", metavar="NAME=VALUE", help="an answer to be judged")
    add("--hint", action="store_true", help="show the hint, too")
    add("--solution", action="store_true", help="show a solution and how to find it, too")
    return parser


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """The command line; returns the exit status, or raises SystemExit as argparse does."""
    parser = _parser(program)
    # An answer may be negative: -1 is no option.
    options, rest = parser.parse_known_args(arguments)
    if rest:
        alike = meant(rest[0], ("--hint", "--solution"))
        parser.error(f"{rest[0][:40]!r} is no option{alike or '; an answer is NAME=VALUE'}")
    with importing():
        from verify.teaching.problems import PROBLEMS
    if options.number is None:
        for number, problem in enumerate(PROBLEMS, start=1):
            print(f"{number:2}  {problem.title}")
        return 0
    problem = PROBLEMS[options.number - 1]
    if options.answer:
        wrong = problem.judge(_answer(parser, problem, options.answer))
        print(f"not right: {wrong}" if wrong else "right")
        return 1 if wrong else 0
    print(f"{options.number}. {problem.title}\n\n{WRAPPED.fill(problem.text)}")
    print(f"\nAnswer: {problem.form}")
    if options.hint:
        print(f"\n{WRAPPED.fill(f'Hint: {problem.hint}')}")
    if options.solution:
        print(f"\n{WRAPPED.fill(f'Solution: {written(problem.solution)}')}")
        print(WRAPPED.fill(problem.why))
        print(located(f"The page is docs/{problem.page}."))
    return 0


def written(answer: Answer) -> str:
    """An answer as the command takes it."""
    return " ".join(f"{name}={','.join(map(str, values))}" for name, values in answer.items())


def _answer(parser: Parser, problem: Problem, words: Sequence[str]) -> Answer:
    answer: dict[str, tuple[Fraction, ...]] = {}
    for word in words:
        if glued := GLUED.fullmatch(word):
            parser.error(f"write a space between {glued[1]} and {glued[2]}")
        name, sign, text = word.partition("=")
        if not sign or name not in problem.names or name in answer:
            parser.error(f"{word[:40]!r}: this problem asks for {problem.form}, each once")
        values = BRACKETED.sub(r"\1\2", text.replace("−", "-").replace(" ", "")).split(",")
        if len(values) > MOST or not all(map(NUMBER.fullmatch, values)):
            parser.error(f"{word[:40]!r}: values are numbers such as 2, -1/4 or .25, with commas")
        count = problem.names[name]
        if count and len(values) != count:
            parser.error(f"{name} is {count} number{'s' * (count > 1)}, not {len(values)}")
        answer[name] = tuple(map(Fraction, values))
    if missing := [name for name in problem.names if name not in answer]:
        parser.error(f"{missing[0]}= is missing: this problem asks for {problem.form}")
    return answer


if __name__ == "__main__":
    sys.exit(run(PROGRAM, main))
