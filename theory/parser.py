"""The parser of every command: what is wrong is one line on stderr, and names the option that was
meant.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from theory.citations import located

__all__ = ["Parser", "meant", "printable"]


class Parser(argparse.ArgumentParser):
    """argparse's parser whose errors are one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        """Print ``program: message`` on stderr, one line, and exit with status 2."""
        self.exit(2, f"{self.prog}: {printable(located(message))}\n")

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """As argparse does; an option that is none is refused with the one that was meant."""
        words = sys.argv[1:] if args is None else list(args)
        for word in words[: words.index("--") if "--" in words else None]:
            name, known = word.partition("=")[0], self._option_string_actions
            unknown = name.startswith("--") and " " not in name and name not in known
            if unknown and (option := meant(name, known)):
                self.error(f"unrecognized arguments: {word}{option}")
        return super().parse_args(words, namespace)


def printable(text: str) -> str:
    """The text on one line: what a terminal would obey, or could not show, is escaped."""
    return "".join(x if x.isprintable() else x.encode("unicode_escape").decode() for x in text)


def meant(word: str, known: Iterable[str]) -> str:
    """``: did you mean --taps?`` for a word that is like a known one, else nothing."""
    alike = get_close_matches(word, known, 1)
    return f": did you mean {alike[0]}?" if alike else ""
