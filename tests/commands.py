"""What the tests of python -m verify.network share: what it prints, how it refuses, and what it
leaves behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from verify.network import main


def tree(folder: Path) -> set[str]:
    """All that is there, hidden files too."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def shown(arguments: Sequence[str], capsys: pytest.CaptureFixture[str], status: int) -> str:
    """What is printed for these arguments, which end with this status and nothing on stderr."""
    assert main(arguments) == status
    out, err = capsys.readouterr()
    assert err == ""
    return str(out)


def refused(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr with which these arguments are refused."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    out, err = capsys.readouterr()
    assert (end.value.code, out, len(err.splitlines()), err[-1]) == (2, "", 1, "\n")
    assert err[:-1].isprintable()
    return str(err)
