"""What of the package can be imported before a module is mutated: all that does not import it; and
the claims that do.
"""

from __future__ import annotations

import ast
import functools
import importlib
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.mutation.counts import ROOT
from theory.claim import chapter_of, order

__all__ = ["claims_of", "evidence_of", "name_of", "prepare"]

PACKAGES = ("theory", "numerics", "verify", "tests")


def name_of(path: Path) -> str:
    """The name under which a file is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def _graph(computed: bool = True) -> dict[str, set[str]]:
    """The modules that each module imports, itself or in its functions; one that imports by names
    which it computes may import all.
    """
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    names = {name_of(path) for path in files}
    graph: dict[str, set[str]] = {}
    for path in files:
        text, found = path.read_text("utf-8"), {name_of(path).rpartition(".")[0]}
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom):
                found |= {f"{node.module}.{alias.name}" for alias in node.names} | {
                    str(node.module)
                }
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
        found |= {name.rpartition(".")[0] for name in found}
        graph[name_of(path)] = names if computed and "import_module" in text else found & names
    return graph


def _reached(names: set[str], graph: dict[str, set[str]]) -> set[str]:
    """Modules and all that they lead to."""
    reached, new = names, names
    while new:
        new = set().union(*(graph.get(each, set()) for each in new)) - reached
        reached |= new
    return reached


def evidence_of(claim: str) -> Path:
    """The file of a claim's evidence."""
    return ROOT / "verify" / chapter_of(claim) / "claims" / f"{claim}.py"


@functools.cache
def _imported(claim: str) -> set[str]:
    """What a claim and its evidence lead to, but for what is imported by a computed name."""
    graph = _graph(computed=False)
    law = f"theory.{chapter_of(claim)}.{claim}"
    return _reached({law, name_of(evidence_of(claim))}, graph)


def claims_of(module: str) -> list[str]:
    """The claims that import a module."""
    name = name_of(ROOT / module)
    return [claim for _, claim in order() if name in _imported(claim)]


def prepare(module: Path, judges: Iterable[Path]) -> None:
    """Import what the judges of a module need, but for what imports the module: that is forgotten,
    and so imported anew, changed, in each process.
    """
    graph = _graph()
    users: dict[str, set[str]] = {name: set() for name in graph}
    for name, imported in graph.items():
        for each in imported:
            users[each].add(name)
    anew = _reached({name_of(module)}, users) - {"tests.conftest"}
    for name in anew & set(sys.modules):
        if not name.startswith("tests.mutation"):
            parent, _, last = name.rpartition(".")
            vars(sys.modules.get(parent, sys)).pop(last, None)
            del sys.modules[name]
    needed = _reached(set(map(name_of, judges)), graph)
    tests = _reached(set(map(name_of, judges)), _graph(computed=False))
    for name in sorted(needed - anew):
        if not name.startswith("tests.") or name in tests:
            importlib.import_module(name)
