"""``python -m theory.shape EXPRESSION``: see theory/shape/command.py."""

import sys

from theory.process import run
from theory.shape.command import PROGRAM, main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(run(PROGRAM, main))
