"""``{exports} PACKAGE``: every module of a package with its header and every exported name.

Docstrings here are plain text with equations, shapes and errors, so they are shown as they are.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from worked import RunsCode


def _constants(module: ModuleType) -> dict[str, str]:
    """The text that follows each assignment of a module."""
    body = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")).body
    texts = {}
    for node, after in pairwise(body):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(after, ast.Expr):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
                texts.update({ast.unparse(t): inspect.cleandoc(after.value.value) for t in targets})
    return texts


def _entry(module: ModuleType, name: str, constants: dict[str, str]) -> tuple[str, str]:
    value = getattr(module, name)
    if name == "CLAIM":
        return name, value.title
    if inspect.isclass(value) or inspect.isfunction(value):
        signature = ""
        if inspect.isfunction(value):
            signature = f"({', '.join(inspect.signature(value).parameters)})"
        return name + signature, inspect.getdoc(value) or ""
    return name, constants.get(name) or inspect.getdoc(value) or ""


class Exports(RunsCode):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.depend()
        package = importlib.import_module(self.arguments[0])
        prefix = f"{package.__name__}."
        found: list[nodes.Node] = []
        for info in pkgutil.walk_packages(package.__path__, prefix):
            module = importlib.import_module(info.name)
            names = getattr(module, "__all__", None)
            if names is None:
                continue
            constants = _constants(module)
            section = nodes.section(ids=[nodes.make_id(info.name)])
            section += nodes.title("", "", nodes.literal("", info.name))
            header = inspect.getdoc(module) or ""
            section += nodes.literal_block(header, header, language="text")
            entries = nodes.definition_list()
            for name in names:
                title, text = _entry(module, name, constants)
                if not text:
                    raise self.error(f"{info.name}.{name} is not documented")
                term = nodes.term("", "", nodes.literal("", title))
                body = nodes.literal_block(text, text, language="text")
                definition = nodes.definition("", body)
                entries += nodes.definition_list_item("", term, definition)
            section += entries
            found.append(section)
        return found


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("exports", Exports)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
