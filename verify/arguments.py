"""What the commands share in reading their arguments: one line on stderr and status 2 for what is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

__all__ = ["Parser", "whole"]


class Parser(argparse.ArgumentParser):
    """argparse's parser whose errors are one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        """Print ``program: message`` on stderr and exit with status 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """A reader of whole numbers from ``least`` to ``most``, for an argument's ``type``."""
    span = f">= {least}" if most is None else f"from {least} to {most}"

    def read(text: str) -> int:
        # int() alone also takes "1_0" and digits of other scripts; 20 digits are enough for any seed.
        good = text.isascii() and text.isdigit() and len(text) <= 20 and int(text) >= least
        if not good or (most is not None and int(text) > most):
            raise argparse.ArgumentTypeError(f"needs a whole number {span}, not {text[:40]!r}")
        return int(text)

    return read
