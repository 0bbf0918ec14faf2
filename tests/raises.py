"""What the tests have run, by package, and each raise that none has: python -m tests.raises FILE

FILE is what ``coverage json`` writes; ``make coverage`` makes it and runs this.

Exit status: 0 every raise has run, 1 one has not, 2 usage.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["main", "never", "shares"]

ROOT = Path(__file__).parents[1]


def shares(files: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Of each folder with modules, and of all, the shares of its lines and branches that ran."""
    sums: dict[str, list[int]] = {}
    for name, file in files.items():
        keys = ("covered_lines", "num_statements", "covered_branches", "num_branches")
        for folder in (Path(name).parent.as_posix(), "together"):
            total = sums.setdefault(folder, [0, 0, 0, 0])
            total[:] = [x + file["summary"][key] for x, key in zip(total, keys, strict=True)]
    ordered = sorted(sums.items(), key=lambda item: (item[0] == "together", item[0]))
    return {
        folder: (lines / max(all_lines, 1), branches / all_branches if all_branches else 1.0)
        for folder, (lines, all_lines, branches, all_branches) in ordered
    }


def never(source: str, missing: Sequence[int]) -> list[tuple[int, str]]:
    """The line of each raise that did not run, and what it raises."""
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Raise))
    left = ((node.lineno, ast.unparse(node)) for node in nodes if node.lineno in set(missing))
    return sorted(left)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both tables; the exit status."""
    assert __doc__
    first, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser("python -m tests.raises", description=first, epilog=rest)
    parser.add_argument("file", type=Path, metavar="FILE")
    files = json.loads(parser.parse_args(arguments).file.read_text(encoding="utf-8"))["files"]
    print(f"{'folder':28}  lines  branches")
    for folder, (lines, branches) in shares(files).items():
        print(f"{folder:28}  {lines:5.1%}  {branches:8.1%}")
    count = 0
    for name, file in sorted(files.items()):
        source = (ROOT / name).read_text(encoding="utf-8")
        for line, text in never(source, file["missing_lines"]):
            print(f"{name}:{line}: {text[:120]}")
            count += 1
    print(f"{count} raises that no test has run")
    return int(count > 0)


if __name__ == "__main__":
    sys.exit(main())
