"""Docstrings say what can be decided without reading: names, shapes, errors, and pages."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from theory.claim import Claim, chapter_of, find_claims

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    path for package in ("theory", "numerics", "verify") for path in (ROOT / package).rglob("*.py")
)
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _literal(tree: ast.Module, name: str) -> list[str] | None:
    """The list of strings assigned to a module's name, or None when there is no such assignment."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(t) for t in node.targets] == [name]:
            value = ast.literal_eval(node.value)
            assert isinstance(value, list)
            return value
    return None


def _documented(tree: ast.Module) -> Iterator[str]:
    """The names that a module defines with a docstring: in the body, or as the next statement."""
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if ast.get_docstring(node):
                yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            is_claim = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "Claim"
            text = after.value if isinstance(after, ast.Expr) else None
            is_text = isinstance(text, ast.Constant) and isinstance(text.value, str)
            if is_claim or is_text:  # a claim says what it is in its own title and statement
                yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_every_exported_name_is_documented() -> None:
    silent = []
    for path, tree in TREES.items():
        if path.stem.startswith("_") and path.stem != "__init__":
            continue
        if path.stem == "__init__" and len(tree.body) == 1 and ast.get_docstring(tree):
            continue  # a package that is its docstring exports nothing
        exported = _literal(tree, "__all__")
        if exported is None or not ast.get_docstring(tree):
            silent.append(f"{_name(path)}: no docstring, or no __all__")
            continue
        assert len(exported) == len(set(exported)), _name(path)
        silent += [f"{_name(path)}: {name}" for name in set(exported) - set(_documented(tree))]
    assert silent == []


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """The public functions of a module, and the public methods of its public classes."""
    public = [node for node in tree.body if not getattr(node, "name", "_").startswith("_")]
    for node in public:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        for member in members:
            if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                yield member


ARRAYS = {
    "Array", "Flags", "Indices", "NDArray", "ArrayLike", "Tensor", "Vector", "Matrix", "Taps",
}  # fmt: skip
BY_NAME = re.compile(r"(?:dict|Mapping)\[str, Tensor\]")
"""A state_dict: its shapes are those of the network."""
SHAPE = re.compile(r"(?<![\w)\]])\((?:[^(),]+,)+[^(),]*[()]|\b(?:shape|broadcast)\b")
"""(B, K), or (n,), or words: of the shape of x."""


MIXED = {f"verify/models/{module}.py: NDArray[Any]" for module in ("checkpoint", "folding")}
"""Fractions where floats would round, float64 elsewhere."""


def test_functions_of_arrays_say_their_shapes() -> None:
    silent = []
    for path, tree in TREES.items():
        for function in _functions(tree):
            given = function.args
            taken = [*given.posonlyargs, *given.args, *given.kwonlyargs]
            types = [x for x in (*(arg.annotation for arg in taken), function.returns) if x]
            used = {
                name for x in types for name in re.findall(r"\w+", BY_NAME.sub("", ast.unparse(x)))
            }
            if used & ARRAYS and not SHAPE.search(ast.get_docstring(function) or ""):
                silent.append(f"{_name(path)}: {function.name}")
    assert silent == []


def test_the_dtype_of_an_array_is_its_type() -> None:
    """Float64 goes without saying, which is said once; others have a name, or name their dtype."""
    for package in ("numerics", "verify"):
        assert "are float64" in (ast.get_docstring(TREES[ROOT / package / "__init__.py"]) or "")
    types = ROOT / "numerics" / "arithmetic" / "types.py"
    named = {
        ast.unparse(node.value)
        for node in TREES[types].body
        if isinstance(node, ast.Assign) and "NDArray" in ast.unparse(node.value)
    }
    again = {
        f"{_name(path)}: {ast.unparse(node)}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if path != types and isinstance(node, ast.Subscript)
        if ast.unparse(node) in {*named, "NDArray[Any]"}
    }
    assert again == MIXED


def _raised(body: list[ast.stmt]) -> Iterator[str]:
    """What the statements themselves raise, not what a ``try`` around them may catch."""
    nodes: list[ast.AST] = list(body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Raise) and node.exc is not None:
            error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            yield ast.unparse(error)
        caught = node.body if isinstance(node, ast.Try) and node.handlers else []
        nodes += [child for child in ast.iter_child_nodes(node) if child not in caught]


def _bases(name: str) -> set[str]:
    """The name, and for an error of Python's own the names of what it is a kind of."""
    kind = getattr(builtins, name, None)
    return {name, *(base.__name__ for base in kind.__mro__)} if kind else {name}


def test_functions_name_the_errors_that_they_raise() -> None:
    """Below ``Raises``; where a helper or a process makes the error the section is enough."""
    silent = []
    for path, tree in TREES.items():
        exported = set(_literal(tree, "__all__") or ())
        for owner in tree.body:
            if not (isinstance(owner, ast.FunctionDef | ast.ClassDef) and owner.name in exported):
                continue
            members = owner.body if isinstance(owner, ast.ClassDef) else [owner]
            for function in members:
                if not isinstance(function, ast.FunctionDef):
                    continue
                special = function.name in ("__init__", "__post_init__")
                if function.name.startswith("_") and not special:
                    continue
                text = ast.get_docstring(owner if special else function) or ""
                section = set(re.findall(r"\w+", text.partition("Raises\n------\n")[2]))
                for error in set(_raised(function.body)):
                    kinds = _bases(error) if error[0].isupper() else section
                    if not section or not section & kinds:
                        silent.append(f"{_name(path)}: {owner.name}: {error}")
    assert silent == []


@pytest.mark.parametrize("claim", find_claims(), ids=lambda claim: claim.id)
def test_a_law_names_the_page_of_its_derivation(claim: Claim) -> None:
    module = ROOT / "theory" / chapter_of(claim.id) / claim.id
    path = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
    page = f"docs/{chapter_of(claim.id)}/{claim.id}.md"
    assert page in (ast.get_docstring(TREES[path]) or "")
