"""The mutants of every law, and how many of them its claim's own evidence rejects.

A mutant is the law with one operator changed: a sign, a product for a quotient, a constant (hence
an index or an exponent) one higher, a comparison that takes or leaves its border, ``and`` for
``or``, ``min`` for ``max``.  What proof, check and training all accept is either the same law in
other letters (unchanged.csv has the reason) or something that the claim's evidence cannot see.

``python -m verify.mutants`` judges them and keeps the counts in the file beside this one; the
report and the documentation quote them.
"""

from __future__ import annotations

import ast
import csv
import dataclasses
import functools
import hashlib
import importlib
import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from theory.claim import chapter_of

__all__ = [
    "LAWS",
    "REMEMBERED",
    "STORE",
    "UNCHANGED",
    "Count",
    "Mutant",
    "counts",
    "digest",
    "mutants",
    "stored",
    "summary",
]

STORE = Path(__file__).with_suffix(".json")
"""The counts of the last judgement of each claim."""

LAWS: dict[str, tuple[str, ...]] = {
    "signal": ("pixel", "overlap"),
    "staircase": ("preactivation_counts", "partial_sums"),
    "plateau": ("slope", "kappa", "plateau_response"),
    "subpixel": ("chord_deviation", "_edge", "deviation", "subpixel_response"),
    "point_sampled": ("best_answer", "grid_risk"),
    "small_radius": ("defect", "_window_sum", "sliding_deviation", "small_response", "conditions"),
    "loss": ("residuals", "attribution"),
    "readout": ("exact_readout", "least_squares"),
    "symmetry": ("negate", "negate_filter"),
    "kinks": ("segments", "bend"),
    "endings": ("tilt", "blind_floor"),
    "span": ("response_rate", "copies"),
    "asymptotes": ("balance",),
    "conserved": ("deviations", "products", "everywhere"),
    "flow": (
        "training.linear_cell.stretch",
        "training.linear_cell.unfold",
        "training.linear_cell.moved",
    ),
    "trajectory": ("rate", "roots", "stretch_at", "time_of"),
    "steps": ("factors", "first_order"),
    "sharpness": ("gain", "gain_from_start", "pair", "threshold", "flattest", "turned", "settles"),
    "conv_bias": ("balance", "readout_squared"),
    "ridge": ("collapse", "angle", "least"),
    "noise": (
        "angle",
        "linear_risk",
        "silenced",
        "passing",
        "training.gaussian.first",
        "training.gaussian.second",
        "training.gaussian.product",
    ),
    "extremes": ("lines", "places"),
    "shares": ("opposite", "share", "lags", "orbit", "disk.linear_regions.part"),
    "curvature": ("moment", "local", "narrowing"),
    "averages": ("mean_bend", "tilted_bend", "overlap", "spread"),
    "nearest": ("reach", "linear", "least", "distance"),
    "running": ("gamma", "lit", "argument", "pooled", "answer", "bound"),
    "active": ("floors", "turning_point"),
    "perimeter": ("kernel", "edge", "dipole", "gap", "lack", "crest", "width"),
    "lattice": ("project", "response", "weight", "swing"),
    "laplacian": (
        "box",
        "distance",
        "strength",
        "across",
        "arc",
        "turned",
        "disk.zero_lines.corners",
        "disk.zero_lines.centre_of",
        "disk.zero_lines.stretches",
        "disk.zero_lines._height",
        "disk.zero_lines._trapezoids",
        "disk.zero_lines.crossing",
        "disk.zero_lines._one_sign",
    ),
    "disk": ("arc", "corner", "pixel", "least", "limit"),
    "background": (
        "response",
        "pulse.network.last_radius",
        "angle",
        "risk",
        "border",
        "two_channels",
        "three_channels",
        "one_tap",
    ),
    "pair": ("kinks", "pixels", "pair", "short_pair"),
    "contrast": ("partial_sums", "response", "mute_on_pulse", "silence_readout", "leg_moves"),
    "dense": ("changing", "fixed", "_block", "groups", "share", "kernel", "moved"),
    "shape": ("shape.polynomials._line", "shape.polynomials._by_cubic", "shape.families.family"),
    "rates": (
        "shape.rates.expansion.basis",
        "shape.rates.expansion.moments",
        "shape.rates.expansion.centre",
        "shape.rates.expansion.chord_slope",
        "shape.rates.expansion.components",
        "shape.rates.expansion.kinked_deviation",
        "shape.rates.leading.spread",
        "shape.rates.leading.loss",
        "shape.rates.leading.after_radius",
        "shape.rates.leading.remaining",
        "shape.rates.leading.curved_rate",
        "shape.rates.leading.inflection_rate",
        "shape.rates.leading.free_filter_rate",
    ),
}
"""The functions that make up each claim's law; those of another file carry its path and a dot."""

with STORE.with_name("unchanged.csv").open(encoding="utf-8", newline="") as _file:
    _rows = list(csv.reader(_file))[1:]
UNCHANGED = {(claim, path, change): reason for claim, path, change, reason in _rows}
"""Mutants that are the same law, as (claim, function, change), each with the reason."""

_SHAPES = ("shape.classify.classify", "_symbolic", "_steps", "_exact_by_hand")
REMEMBERED: dict[str, tuple[str, ...]] = {
    "shape.polynomials._line": _SHAPES,
    "shape.polynomials._by_cubic": _SHAPES,
    "shape.families.family": ("_symbolic",),
}
"""For a function of a law those whose results are kept, and would be those of another law."""

SIGNS = (ast.Add, ast.Sub, ast.USub)
_SWAP: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.USub: ast.UAdd,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
_NAMES = {"min": "max", "max": "min", "Min": "Max", "Max": "Min", "any": "all", "all": "any"}


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One change of one operator: in which function of which claim's law, and what became of it.

    Attributes
    ----------
    claim, path: the claim, and the function as :data:`LAWS` names it.
    place: the number of the changed node among those of the function that can change.
    change: ``before -> after``, the smallest expression around the change.
    sign: the change is one of a sign.
    """

    claim: str
    path: str
    place: int
    change: str
    sign: bool

    @property
    def module(self) -> ModuleType:
        """The module that defines the function."""
        file = self.path.rpartition(".")[0] or f"{chapter_of(self.claim)}.{self.claim}"
        return importlib.import_module(f"theory.{file}")

    @property
    def name(self) -> str:
        """The function's name in its module."""
        return self.path.rpartition(".")[2]

    def function(self) -> Callable[..., Any]:
        """The changed function, compiled in its module."""
        tree = _definition(self.module, self.name)
        setattr(*_swap(list(_nodes(tree))[self.place][0]))
        code = compile(ast.fix_missing_locations(ast.Module([tree], [])), self.path, "exec")
        made: dict[str, Callable[..., Any]] = {}
        exec(code, vars(self.module), made)  # noqa: S102 - the package's own source, one change
        return made[self.name]


@functools.cache
def _sources(module: ModuleType) -> dict[str, str]:
    """The text of the module's functions by name: its file is read once for all of
    their mutants.
    """
    text = inspect.getsource(module)
    lines = text.splitlines(keepends=True)
    sources: dict[str, str] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            sources[node.name] = "".join(lines[first - 1 : node.end_lineno])
    return sources


def _definition(module: ModuleType, name: str) -> ast.FunctionDef:
    """The function's definition, to be changed, without what computes nothing: annotations, a
    docstring.
    """
    definition = cast(ast.FunctionDef, ast.parse(_sources(module)[name]).body[0])
    if ast.get_docstring(definition) is not None:
        definition.body = definition.body[1:]
    for node in ast.walk(definition):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
    return definition


def _nodes(tree: ast.AST, around: ast.AST | None = None) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Every node that can change, with the smallest expression or statement that shows it."""
    if isinstance(tree, ast.AnnAssign):
        children: Iterator[ast.AST] = (x for x in (tree.target, tree.value) if x)
    else:
        children = ast.iter_child_nodes(tree)
    match tree:
        case ast.BinOp(op=op) | ast.AugAssign(op=op) | ast.UnaryOp(op=op) | ast.BoolOp(op=op):
            if type(op) in _SWAP:
                yield tree, tree
        case ast.Compare(ops=[op, *_]) if type(op) in _SWAP:
            yield tree, tree
        case ast.Constant(value=int()):  # True and False are whole numbers too
            yield tree, around or tree
        case ast.Call() if _called(tree) in _NAMES:
            yield tree, tree
    if isinstance(tree, ast.keyword) and tree.arg == "strict":
        return  # of zip: it decides what raises, not what is computed
    shown = tree if isinstance(tree, ast.expr | ast.stmt) else around
    for child in children:
        yield from _nodes(child, shown)


def _called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""


def _swap(node: ast.AST) -> tuple[ast.AST, str, Any]:
    """The change of a node: of which node, which attribute takes which value."""
    match node:
        case ast.BinOp() | ast.AugAssign() | ast.UnaryOp() | ast.BoolOp():
            return node, "op", _SWAP[type(node.op)]()
        case ast.Compare():
            return node, "ops", [_SWAP[type(node.ops[0])](), *node.ops[1:]]
        case ast.Constant(value=bool(value)):
            return node, "value", not value
        case ast.Constant(value=int(value)):
            return node, "value", value + 1
        case ast.Call(func=ast.Name() as function):
            return function, "id", _NAMES[function.id]
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return node.func, "attr", _NAMES[node.func.attr]


def _changes(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """For each place what changes there, and whether it is a sign; the tree keeps each change
    until the next is asked for.
    """
    for node, around in list(_nodes(tree)):
        target, attribute, value = _swap(node)
        before, original = _text(around), getattr(target, attribute)
        setattr(target, attribute, value)
        yield f"{before} -> {_text(around)}", isinstance(original, SIGNS)
        setattr(target, attribute, original)


def _text(node: ast.AST, most: int = 120) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= most else text[:most] + "…"


@functools.cache
def mutants(claim: str) -> tuple[Mutant, ...]:
    """Every mutant of a claim's law, in the order of its functions and their operators."""
    made: list[Mutant] = []
    for path in LAWS[claim]:
        module = Mutant(claim, path, 0, "", False).module
        name = path.rpartition(".")[2]
        for place, (change, sign) in enumerate(_changes(_definition(module, name))):
            made.append(Mutant(claim, path, place, change, sign))
    return tuple(made)


def digest(claim: str) -> str:
    """SHA-256 of the law's functions, as syntax: moves, comments and docstrings leave it."""
    text = "\n".join(
        ast.dump(_definition(Mutant(claim, path, 0, "", False).module, path.rpartition(".")[2]))
        for path in LAWS[claim]
    )
    return hashlib.sha256(text.encode()).hexdigest()


@dataclasses.dataclass(frozen=True)
class Count:
    """What became of a claim's mutants.

    Attributes
    ----------
    law: the digest of the law that was changed.
    mutants: how many there are.
    rejected: how many a column rejected.
    stopped: how many were not rejected, but made a column crash or run on and on: no claim could be
        verified with them, though nothing was decided.
    survivors: (function, change) of those that all columns accept.
    """

    law: str
    mutants: int
    rejected: int
    stopped: int
    survivors: tuple[tuple[str, str], ...]

    def same(self, claim: str) -> int:
        """How many survivors are the law itself, with a reason in :data:`UNCHANGED`."""
        return sum((claim, *survivor) in UNCHANGED for survivor in self.survivors)

    def sentence(self, claim: str) -> str:
        """What the report and the documentation say of the claim."""
        text = f"Its evidence rejects {self.rejected} of {self.mutants} mutants of its law"
        text += " with one operator changed"
        if self.stopped:
            text += f"; {self.stopped} more make it stop"
        if same := self.same(claim):
            text += f"; {same} more {'is' if same == 1 else 'are'} the law in other letters"
        return f"{text}."


def stored() -> dict[str, Any]:
    """What the file holds: for every claim that was counted, the fields of its :class:`Count`."""
    kept: dict[str, Any] = json.loads(STORE.read_text(encoding="utf-8")) if STORE.exists() else {}
    return kept


@functools.cache
def counts() -> dict[str, Count]:
    """The kept counts, of the claims whose law is still the one that was counted."""
    kept = {
        name: Count(**(fields | {"survivors": tuple(map(tuple, fields["survivors"]))}))
        for name, fields in stored().items()
        if name in LAWS
    }
    return {name: count for name, count in kept.items() if count.law == digest(name)}


def summary(claim: str) -> dict[str, int] | None:
    """The counts as report.json holds them: tried, rejected, stopped, and the law itself."""
    if (kept := counts().get(claim)) is None:
        return None
    return {
        "tried": kept.mutants,
        "rejected": kept.rejected,
        "stopped": kept.stopped,
        "same_law": kept.same(claim),
    }
