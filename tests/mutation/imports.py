"""What of the package can be imported before a module is mutated: all that does not import it."""

from __future__ import annotations

import ast
import functools
import importlib
import sys
from pathlib import Path

from tests.mutation.counts import ROOT

__all__ = ["name_of", "prepare"]

PACKAGES = ("theory", "numerics", "verify", "tests")


def name_of(path: Path) -> str:
    """The name under which a file is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def _graph() -> dict[str, set[str]]:
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
        graph[name_of(path)] = names if "import_module" in text else found & names
    return graph


def _reached(name: str, graph: dict[str, set[str]]) -> set[str]:
    """A module and all that it leads to."""
    reached, new = {name}, {name}
    while new:
        new = set().union(*(graph.get(each, set()) for each in new)) - reached
        reached |= new
    return reached


def prepare(module: Path, tests: Path) -> None:
    """Import what the tests of a module need, but for what imports the module: that is forgotten,
    and so imported anew, changed, in each process.
    """
    graph = _graph()
    users: dict[str, set[str]] = {name: set() for name in graph}
    for name, imported in graph.items():
        for each in imported:
            users[each].add(name)
    anew = _reached(name_of(module), users) - {"tests.conftest"}
    for name in anew & set(sys.modules):
        if not name.startswith("tests.mutation"):
            parent, _, last = name.rpartition(".")
            vars(sys.modules.get(parent, sys)).pop(last, None)
            del sys.modules[name]
    for name in sorted(_reached(name_of(tests), graph) - anew):
        importlib.import_module(name)
