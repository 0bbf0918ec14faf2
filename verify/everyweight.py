"""One name for all commands: everyweight COMMAND

  verify       examine every claim: proof, check, training, control
  network      explain a trained network, weight by weight
  predict      predict every weight, then train
  train        train networks and keep them
  shape        say what an activation permits
  certificate  accept or reject a certificate
  explore      write the interactive page
  exercises    ten problems, and what is right of an answer
  doctor       say whether this machine is fit, and what to mend

everyweight COMMAND --help says the rest. Each is a module, too: python -m verify.all, theory.shape,
and verify.COMMAND for the others.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

from theory.citations import pages
from theory.parser import meant
from theory.process import run
from verify.report.arguments import command_parser

# Nothing here imports a command before it is asked for.

__all__ = ["COMMANDS", "main"]

PROGRAM = "everyweight"
COMMANDS = {
    "verify": "verify.all",
    "network": "verify.network",
    "predict": "verify.predict",
    "train": "verify.train",
    "shape": "theory.shape.command",
    "certificate": "verify.certificate",
    "explore": "verify.explore",
    "exercises": "verify.exercises",
    "doctor": "verify.doctor",
}
"""The module of each command: its ``main`` takes the arguments and the name that was called."""


def main() -> int:
    """The console script; returns the exit status of the command that it names."""
    name, *arguments = sys.argv[1:] or [""]
    if name not in COMMANDS:
        return run(PROGRAM, lambda: _without("--help" if name == "help" else name))
    program = f"{PROGRAM} {name}"
    return run(program, lambda: import_module(COMMANDS[name]).main(arguments, program))


def _without(word: str) -> NoReturn:
    """No command: help, the version, or an error."""
    from importlib import metadata

    assert __doc__
    parser = command_parser(PROGRAM, __doc__)
    parser.epilog = f"pages of the documentation: {pages() or 'they are not installed'}"
    parser.usage = f"{PROGRAM} COMMAND ..."
    parser.add_argument("--version", action="version", version=metadata.version(PROGRAM))
    parser.add_argument("command", metavar="COMMAND", nargs="?")
    parser.parse_args([word])
    if alike := meant(word, COMMANDS):
        parser.error(f"no command {word[:40]!r}{alike}")
    asked = f"no command {word[:40]!r}: " if word.strip("-") else ""
    parser.error(f"{asked}needs one of these commands: {', '.join(COMMANDS)}")
