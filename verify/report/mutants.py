"""The mutants of every law, and how many of them its claim's own evidence rejects.

A mutant is the law with one operator changed: a sign, a product for a quotient, a constant (hence
an index or an exponent) one higher, a comparison that takes or leaves its border, ``and`` for
``or``, ``min`` for ``max``.  What proof, check and training all accept is either the same law in
other letters (then the reason stands here) or something that the claim's evidence cannot see.

``python -m verify.mutants`` judges them and keeps the counts in the file beside this one; the
report and the documentation quote them.
"""

from __future__ import annotations

import ast
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

UNCHANGED: dict[tuple[str, str, str], str] = {
    (
        "subpixel",
        "_edge",
        "q - p -> q + p",
    ): "only the spelling: where q - p is not replaced by its tap, it stays a difference",
    (
        "perimeter",
        "crest",
        "k + 1 -> k - 1",
    ): "two pixels of a chain are equally large; either may stand on the crest",
    (
        "laplacian",
        "turned",
        "part += f.number(ahead * value) * gain -> part -= f.number(ahead * value) * gain",
    ): "of an arc only the absolute value counts",
    (
        "shape",
        "shape.polynomials._by_cubic",
        "b + end -> b - end",
    ): "only a proposal: whether the staircases lie on the piece is decided afterwards",
    (
        "shape",
        "shape.polynomials._by_cubic",
        "ONE / 2 -> ONE * 2",
    ): "only a proposal: a network of another size, which is decided afterwards",
    (
        "shape",
        "shape.polynomials._by_cubic",
        "ONE / 2 -> ONE / 3",
    ): "only a proposal: a network of another size, which is decided afterwards",
    (
        "shape",
        "shape.polynomials._by_cubic",
        "ONE / 4 -> ONE * 4",
    ): "only a proposal: a network of another size, which is decided afterwards",
    (
        "shape",
        "shape.polynomials._by_cubic",
        "ONE / 4 -> ONE / 5",
    ): "only a proposal: a network of another size, which is decided afterwards",
    (
        "shape",
        "shape.polynomials._by_cubic",
        "ONE / 16 -> ONE * 16",
    ): "only a proposal: a network of another size, which is decided afterwards",
    (
        "shape",
        "shape.polynomials._by_cubic",
        "ONE / 16 -> ONE / 17",
    ): "only a proposal: a network of another size, which is decided afterwards",
    (
        "shape",
        "shape.polynomials._by_cubic",
        "ONE / 64 -> ONE * 64",
    ): "only a proposal: a network of another size, which is decided afterwards",
    (
        "shape",
        "shape.polynomials._by_cubic",
        "ONE / 64 -> ONE / 65",
    ): "only a proposal: a network of another size, which is decided afterwards",
    (
        "shape",
        "shape.polynomials._by_cubic",
        "(j - sp.Rational(count, 2)) * scale -> (j - sp.Rational(count, 2)) / scale",
    ): "only a proposal: channels further apart, which is decided afterwards",
    (
        "shape",
        "shape.polynomials._by_cubic",
        "sp.radsimp(a, symbolic=False) -> sp.radsimp(a, symbolic=True)",
    ): "only how a number is written",
    (
        "shape",
        "shape.polynomials._by_cubic",
        (
            "all((within(b + end, piece) for w, b, _ in channels for pair in segments(w) for end in"
            " pair)) -> any((within(b + end, piece) for w, b, _ in channels for pair in segments(w)"
            " for end in pair))"
        ),
    ): "only a proposal: whether the staircases lie on the piece is decided afterwards",
    (
        "shape",
        "shape.families.family",
        "sp.Add(*recipe.w[0]) / 2 -> sp.Add(*recipe.w[0]) / 3",
    ): "another place on the same piece",
    (
        "shape",
        "shape.families.family",
        "sp.Symbol('b', real=True) -> sp.Symbol('b', real=False)",
    ): "the steps hold for any b",
    (
        "shape",
        "shape.families.family",
        "sp.Symbol('h', real=True) -> sp.Symbol('h', real=False)",
    ): "the steps hold for any h",
    (
        "shape",
        "shape.families.family",
        "sp.symbols('u v', positive=True) -> sp.symbols('u v', positive=False)",
    ): "the steps hold for any u and v",
    ("laplacian", "box", "0 * x -> 1 * x"): "x or y is 0 there",
    ("laplacian", "strength", "level > 0 -> level >= 0"): "the level 0 comes before",
    ("laplacian", "across", "p * q > 0 -> p * q >= 0"): "neither p nor q is 0",
    ("laplacian", "across", "p * q -> p / q"): "of the sign only; in the divisor it is rejected",
    (
        "laplacian",
        "turned",
        (
            "1 + max((int(max((v[k] for v in found)) - min((v[k] for v in found))) for k in (0,"
            " 1))) -> 2 + max((int(max((v[k] for v in found)) - min((v[k] for v in found))) for k"
            " in (0, 1)))"
        ),
    ): "more arcs, with the same sum",
    ("laplacian", "turned", "(1, 0) -> (2, 0)"): "the same direction",
    ("laplacian", "turned", "(0, 1) -> (0, 2)"): "the same direction",
    (
        "laplacian",
        "turned",
        "v[0] * (a + p) + v[1] * (b + q) > 0 -> v[0] * (a + p) + v[1] * (b + q) >= 0",
    ): "inside an arc no corner but the centre lies on the line, and that one adds 0",
    (
        "laplacian",
        "disk.zero_lines.stretches",
        "sum(octant[0]) * sum(octant[1]) -> sum(octant[0]) / sum(octant[1])",
    ): "both are 1 or -1",
    (
        "laplacian",
        "disk.zero_lines.stretches",
        "q[1] > p[1] -> q[1] >= p[1]",
    ): "parallel lines, which the next line leaves out",
    (
        "laplacian",
        "disk.zero_lines.stretches",
        "0 < one[0] < one[1] -> 0 <= one[0] < one[1]",
    ): "0 is among the ends",
    (
        "laplacian",
        "disk.zero_lines.stretches",
        "0 < one[0] < one[1] -> 1 < one[0] < one[1]",
    ): "where a corner's line meets the centre's it meets its mirror image's, twice as far off",
    (
        "laplacian",
        "disk.zero_lines._trapezoids",
        "order[0][0] + 2 -> order[0][0] + 3",
    ): "below all lines the quadratic is 2ub, wherever its trapezoid begins",
    (
        "laplacian",
        "disk.zero_lines._trapezoids",
        "order[0] -> order[1]",
    ): "below all lines the quadratic is 2ub, wherever its trapezoid begins",
    (
        "laplacian",
        "disk.zero_lines._trapezoids",
        "-1 -> -2",
    ): "above all lines the quadratic is S + b times 2u, wherever its trapezoid ends",
    (
        "laplacian",
        "disk.zero_lines._trapezoids",
        "order[-1][0] -> order[-1][1]",
    ): "above all lines the quadratic is S + b times 2u, wherever its trapezoid ends",
    (
        "laplacian",
        "disk.zero_lines._trapezoids",
        "order[-1][0] - 2 -> order[-1][0] - 3",
    ): "above all lines the quadratic is S + b times 2u, wherever its trapezoid ends",
    (
        "laplacian",
        "disk.zero_lines._trapezoids",
        "-1 -> +1",
    ): "above all lines the quadratic is S + b times 2u, wherever its trapezoid ends",
    (
        "laplacian",
        "disk.zero_lines._trapezoids",
        "order[-1][0] - 2 -> order[-1][0] + 2",
    ): "above all lines the quadratic is S + b times 2u, wherever its trapezoid ends",
    (
        "rates",
        "shape.rates.expansion.moments",
        "0 * total -> 0 / total",
    ): "0 in the arithmetic of the taps",
    ("staircase", "partial_sums", "h + 1 -> h + 2"): "one more name, which no law mentions",
    (
        "small_radius",
        "defect",
        "lit < 1 or lit % 2 == 0 -> lit < 1 and lit % 2 == 0",
    ): "what is refused, and is not asked for",
    ("small_radius", "defect", "lit >= n -> lit > n"): "for ℓ = n the sum is 0, too",
    ("small_radius", "sliding_deviation", "n // 2 -> n * 2"): "more positions, all in the dark",
    ("small_radius", "sliding_deviation", "m + h + 1 -> m + h + 2"): "one more, in the dark",
    ("small_radius", "conditions", "h + 1 -> h + 2"): "one more condition, 0 or the plateau's own",
    ("extremes", "lines", "m + h + 1 -> m + h + 2"): "one more window, without a border pixel",
    ("running", "answer", "0 * sizes.offset -> 0 / sizes.offset"): "0 in the arithmetic of c",
    ("disk", "corner", "x >= 0 -> x > 0"): "at x = 0 the area is 0, and has no sign",
    ("disk", "corner", "y >= 0 -> y > 0"): "at y = 0 the area is 0, and has no sign",
    (
        "disk",
        "corner",
        "x * x + y * y <= r * r -> x * x + y * y < r * r",
    ): "on the circle both formulas are x y",
    ("perimeter", "crest", "reach + 1 -> reach + 2"): "one more chain, in the dark",
    ("perimeter", "width", "0 * r -> 0 / r"): "0 in the arithmetic of r",
    ("perimeter", "width", "i * (r / r) -> i / (r / r)"): "1 in the arithmetic of r",
    ("perimeter", "width", "j * (r / r) -> j / (r / r)"): "1 in the arithmetic of r",
    ("shares", "share", "0 * mean -> 0 / mean"): "0 in the arithmetic of μ",
    ("dense", "_block", "last + 2 -> last + 3"): "an empty range more",
    (
        "dense",
        "_block",
        "last + 1 -> last + 2",
    ): "at the block's last half-integer every radius inside lies below j + 1/2",
    (
        "dense",
        "groups",
        "m - HALF < r < m + HALF -> m - HALF <= r < m + HALF",
    ): "where the groups are not used the kernel takes the start to the same end",
    (
        "dense",
        "groups",
        "low < m < high -> low <= m < high",
    ): "no radius is a whole number m here: it would lie inside the pixel",
    ("dense", "kernel", "m < k -> m <= k"): "m = k comes before",
    ("contrast", "response", "0 * total -> 0 / total"): "0 in the arithmetic of the pulse",
    (
        "contrast",
        "silence_readout",
        "(pixels - len(w) + 1 + zeros) * unit -> (pixels - len(w) + 1 + zeros) / unit",
    ): "1 in the arithmetic of the taps",
    ("background", "response", "0 * total -> 0 / total"): "0 in the arithmetic of the pulse",
    ("background", "two_channels", "0 * edge -> 0 / edge"): "0 in the arithmetic of the taps",
    ("pair", "kinks", "0 * total -> 0 / total"): "0 in the arithmetic of the taps",
    ("pair", "pair", "0 * edge -> 0 / edge"): "0 in the arithmetic of the taps",
    ("pair", "pair", "-turns * unit -> -turns / unit"): "1 in the arithmetic of the taps",
}
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
    definition.returns = None
    if ast.get_docstring(definition) is not None:
        definition.body = definition.body[1:]
    for node in ast.walk(definition):
        if isinstance(node, ast.arg):
            node.annotation = None
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
        case ast.Call(func=ast.Attribute() as function):
            return function, "attr", _NAMES[function.attr]
    raise TypeError(f"{node} is not one of those that can change")


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
