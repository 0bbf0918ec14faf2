"""``python -m theory.shape EXPRESSION``: what the shape of an activation permits, for any
expression in z.

The analysis runs in a process of its own with a limit of time and memory, since an expression may
be harmless to read and hopeless to analyse; what the time stops is *undecided*.  A lack of memory
is no answer, nor is one that cannot be written: the exit status is 3, with one line on stderr.
"""

from __future__ import annotations

import contextlib
import errno
import json
import multiprocessing
import os
import signal
import sys
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import sympy as sp

from theory.citations import located
from theory.expressions.functions import FUNCTIONS
from theory.expressions.printing import to_text
from theory.expressions.spelling import spelled
from theory.expressions.tokens import GrammarError
from theory.parser import Parser
from theory.process import FAILED, end_with_parent, system_module
from theory.pulse.kinks import segments
from theory.shape.classify import Classification, classify
from theory.shape.recipes import Recipe, readout_bias
from theory.shape.sketch import sketch, svg
from theory.types import Function

__all__ = ["Answer", "main", "weights"]

PROGRAM = "python -m theory.shape"
LENGTH = 21
"""The number N of pixels for which a readout bias is printed."""
SECONDS = 20
"""The analysis is stopped after this time."""
MEMORY = 3 * 2**30
"""Bytes of address space of the analysis, where the system bounds it and allows as much."""
LIMITS = system_module("resource")
"""What bounds it."""
REFUSED = 2
"""The exit status of input that is no good."""


Json = dict[str, Any]
"""An object of a JSON document."""


@dataclass(frozen=True)
class Answer:
    """What is printed: the JSON object, and the pictures."""

    data: Json
    plot: str
    picture: str


def _parser(program: str) -> Parser:
    parser = Parser(
        prog=program,
        allow_abbrev=False,
        description=(
            "Can a network with this activation measure a radius exactly? With how many channels,"
            " which weights, and why?"
        ),
        epilog=(
            "functions: "
            + ", ".join(sorted(FUNCTIONS))
            + ", where. Operators: + - * / ** ^ < > <= >= and or not if else. Constants: pi, e. "
            "Exit status: 0 an answer was printed (undecided is one), "
            "2 the expression or an option is no good, "
            "3 no answer: memory or an output failed."
        ),
    )
    parser.add_argument(
        "expression",
        help=(
            "σ: an expression in z or x such as 'z*sigmoid(1.702*z)', or a name such as"
            " 'LeakyReLU(0.2)'"
        ),
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object and nothing else"
    )
    parser.add_argument(
        "--plot", metavar="FILE.svg", type=Path, help="also write the picture as SVG"
    )
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    return parser


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """Run the command; the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser(program).parse_args([_guarded(argument) for argument in given])
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # σ and φ on a terminal without them
    if options.plot and options.plot.is_dir():
        return _refuse(program, f"{options.plot} is a folder")
    if LIMITS is None:
        _say(program, "this system bounds no memory: time alone ends the analysis")
    try:
        answer = _bounded(options.expression.strip(), options.ascii)
    except GrammarError as error:
        return _refuse(program, str(error))
    except KeyboardInterrupt:
        return 130
    except (MemoryError, OSError):
        return _refuse(program, "the analysis ran out of memory", FAILED)
    if options.plot:
        try:
            _write(options.plot, answer.picture)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO)
            reason = f"{options.plot} cannot be written: {str(error.strerror).lower()}"
            return _refuse(program, reason, FAILED if full else REFUSED)
    text = json.dumps(answer.data, ensure_ascii=False, indent=2) if options.json else _text(answer)
    print(text, flush=True)
    return 0


def _guarded(argument: str) -> str:
    """An expression such as -z is no option: a blank in front of it says so to argparse."""
    return (
        f" {argument}"
        if argument[:1] == "-" and argument[:2] not in ("--", "-h", "-")
        else argument
    )


def _refuse(program: str, message: str, status: int = REFUSED) -> int:
    """One line on stderr; the status."""
    _say(program, message)
    return status


def _say(program: str, message: str) -> None:
    """One line on stderr, where there is one."""
    with contextlib.suppress(AttributeError, OSError):  # closed: None, or no longer writable
        sys.stderr.write(f"{program}: {message}\n")
        sys.stderr.flush()


def _write(path: Path, text: str) -> None:
    """All of it or nothing."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


# ---------------------------------------------------------------------------- the bounded analysis


def _bounded(text: str, ascii: bool) -> Answer:
    """The answer of a child process, or *undecided* when time stopped it.

    Raises
    ------
    GrammarError: the text is no expression.
    MemoryError: the child ended without a word, as it does for want of memory, or said so.
    """
    context: Any = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_analyse, args=(text, ascii, theirs), daemon=True)
    child.start()
    theirs.close()
    end = time.monotonic() + SECONDS
    read, reason = text, f"not decided within {SECONDS} seconds"
    try:
        while ours.poll(max(end - time.monotonic(), 0)):
            kind, value = ours.recv()
            if kind == "refused":
                raise GrammarError(value)
            if kind == "answer":
                answer: Answer = value
                return answer
            if kind == "memory":
                raise MemoryError
            if kind == "read":
                read = value
            else:
                reason = value
                break
    except EOFError:
        raise MemoryError from None
    finally:
        child.kill()
        child.join()
    return _answer(read, None, Classification("undecided", None, False, None, (), reason), ascii)


def _analyse(text: str, ascii: bool, out: Connection) -> None:
    """In the child: what was read, then the answer, or why there is none."""
    end_with_parent()
    _limit_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    try:
        expression = spelled(text).expression
        read = to_text(expression)
        out.send(("read", read))
        out.send(("answer", _answer(read, expression, classify(expression), ascii)))
    except GrammarError as error:
        out.send(("refused", str(error)))
    except MemoryError:
        out.send(("memory", None))
    except Exception as error:  # noqa: BLE001 - said in the answer, which is then undecided
        line = (str(error).splitlines() or [""])[0]
        out.send(("stopped", f"the analysis stopped: {type(error).__name__} {line}".rstrip()))


def _limit_memory() -> None:
    """:data:`MEMORY`, or what is allowed if that is less; no limit where the system has none."""
    if LIMITS is None:
        return
    _, most = LIMITS.getrlimit(LIMITS.RLIMIT_AS)
    allowed = MEMORY if most == LIMITS.RLIM_INFINITY else min(MEMORY, most)
    with contextlib.suppress(OSError, ValueError):
        LIMITS.setrlimit(LIMITS.RLIMIT_AS, (allowed, most))


def _answer(read: str, expression: sp.Expr | None, shape: Classification, ascii: bool) -> Answer:
    """The answer about an expression; without one (the analysis was stopped) nothing is drawn."""
    recipe = shape.recipe
    example = weights(expression, recipe) if expression is not None and recipe else None
    data = {
        "expression": read,
        "class": shape.kind,
        "channels": shape.channels,
        "minimal": shape.minimal,
        "weights": example,
        "reason": shape.reason,
        "fewer": shape.lower or None,
        "others": shape.others.words if shape.others else None,
        "steps": [{"name": step.name, "holds": step.holds} for step in shape.steps],
    }
    if expression is None:
        return Answer(data, "", svg(sp.Integer(0), []))
    stairs = _stairs(recipe) if recipe else []
    return Answer(data, sketch(expression, stairs, ascii=ascii), svg(expression, stairs))


def _stairs(recipe: Recipe) -> list[list[sp.Expr]]:
    """Per channel all values that its two staircases take, from b on, each once."""
    stairs = []
    for w, b, _ in recipe.listed:
        ends = [b, *(b + end for pair in segments(w) for end in pair)]
        stairs.append(list(dict.fromkeys(sp.expand(end) for end in ends)))
    return stairs


def weights(expression: sp.Expr, recipe: Recipe, length: int = LENGTH) -> dict[str, Any]:
    """The weights of a recipe as floats and, under ``exact``, as expressions; c is for ``length``
    pixels.
    """
    c = readout_bias(expression, recipe, length)
    exact = {"w": recipe.w, "b": recipe.b, "a": recipe.a, "c": c}
    return {
        "length": length,
        **{name: _map(value, lambda v: float(v.evalf(30))) for name, value in exact.items()},
        "exact": {name: _map(value, str) for name, value in exact.items()},
    }


def _map(value: object, function: Function) -> Any:
    """The function of a number, or of every number of nested tuples, as lists."""
    if isinstance(value, tuple):
        return [_map(part, function) for part in value]
    return function(value)


# ------------------------------------------------------------------------------------------- text


WIDTH = 100
INDENT = " " * 10


def _text(answer: Answer) -> str:
    data = answer.data
    lines = [f"σ(z) = {data['expression']}", "", _line("class", data["class"].replace("_", " "))]
    if data["channels"] is not None:
        proved = "no network has fewer" if data["minimal"] else "the fewest known"
        lines.append(_line("channels", f"{data['channels']} ({proved})"))
    lines.append(_line("because", located(data["reason"])))
    if data["fewer"]:
        lines.append(_line("fewer", data["fewer"]))
    if data["weights"]:
        lines += ["", *_weights_text(data["weights"])]
    if data["others"]:
        lines.append(_line("others", data["others"]))
    if data["steps"]:
        lines += ["", "decided:"]
        lines += [
            f"  {'yes' if step['holds'] else 'NO '}  {step['name']}" for step in data["steps"]
        ]
    return "\n".join([*lines, "", answer.plot]).rstrip()


def _line(label: str, text: str) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=label.ljust(len(INDENT)), subsequent_indent=INDENT,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _weights_text(example: Json) -> list[str]:
    exact = example["exact"]
    lines = ["weights   an example with three taps"]
    for k, (w, b, a) in enumerate(zip(exact["w"], exact["b"], exact["a"], strict=True), start=1):
        lines.append(f"  channel {k}:  w = ({', '.join(w)}),  b = {b},  a = {a}")
    c = exact["c"] if len(exact["c"]) <= 40 else f"{example['c']:.12g}"
    lines.append(f"  readout bias for {example['length']} pixels:  c = {c}")
    return lines
