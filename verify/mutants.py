"""Count the mutants of every law that its claim's own evidence rejects: python -m verify.mutants

A mutant is the law with one operator changed: a sign, a product for a quotient, a constant (hence an
index or an exponent) one higher, a comparison that takes or leaves its border, ``and`` for ``or``,
``min`` for ``max``.  Each is put before the claim's proof, check and training, the quickest first,
until one of them does not hold.  What survives all three is either the same law in other letters (then the
reason stands here) or something that the claim's evidence cannot see.

The counts are kept in verify/mutants.json; the report and the documentation quote them.  Exit
status: 0 every mutant was judged, 1 the unchanged law was rejected, 2 usage, 3 the
output could not be written, or the machine failed, 130 interrupted.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import importlib
import inspect
import json
import math
import multiprocessing
import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from theory.claim import Claim, chapter_of, find_claims
from theory.process import run
from verify.models.files import put
from verify.report.arguments import command_parser, whole
from verify.report.evidence import Evidence
from verify.report.judge import evidence_of
from verify.report.lab import PROFILES, Lab

__all__ = [
    "LAWS",
    "UNCHANGED",
    "Count",
    "Mutant",
    "counts",
    "digest",
    "install",
    "mutants",
    "rebuilt",
]

PROGRAM = "python -m verify.mutants"
STORE = Path(__file__).with_suffix(".json")

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
    ("subpixel", "_edge", "q - p -> q + p"): (
        "only the spelling: where q - p is not replaced by its tap, it stays a difference"
    ),
    ("perimeter", "crest", "k + 1 -> k - 1"): (
        "two pixels of a chain are equally large; either may stand on the crest"
    ),
    (
        "laplacian",
        "turned",
        "part += f.number(ahead * value) * gain -> part -= f.number(ahead * value) * gain",
    ): "of an arc only the absolute value counts",
    ("shape", "shape.polynomials._by_cubic", "b + end -> b - end"): (
        "only a proposal: whether the staircases lie on the piece is decided afterwards"
    ),
    ("laplacian", "disk.zero_lines._trapezoids", "-1 -> +1"): (
        "above all lines the quadratic is S + b times 2u, wherever its trapezoid ends"
    ),
    ("laplacian", "disk.zero_lines._trapezoids", "order[-1][0] - 2 -> order[-1][0] + 2"): (
        "above all lines the quadratic is S + b times 2u, wherever its trapezoid ends"
    ),
}
"""Mutants that are the same law, as (claim, function, change), each with the reason."""

REMEMBERED: dict[str, tuple[str, ...]] = {
    "shape": ("shape.classify.classify", "_symbolic", "_steps", "_exact_by_hand")
}
"""The functions whose results are kept, and would be those of another law."""

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
        _changed(tree, self.place)
        code = compile(ast.fix_missing_locations(ast.Module([tree], [])), self.path, "exec")
        made: dict[str, Any] = {}
        exec(code, vars(self.module), made)  # noqa: S102 - the package's own source, one change
        return made[self.name]


def _definition(module: ModuleType, name: str) -> ast.FunctionDef:
    """The function's definition, without annotations (they compute nothing)."""
    tree = ast.parse(inspect.getsource(module))
    (definition,) = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    definition.returns = None
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


def _changed(tree: ast.AST, place: int) -> tuple[str, bool]:
    """Change the tree at one place; what changed, and whether it was a sign."""
    node, around = list(_nodes(tree))[place]
    before, sign = _text(around), False
    match node:
        case ast.BinOp() | ast.AugAssign() | ast.UnaryOp() | ast.BoolOp():
            sign = isinstance(node.op, SIGNS)
            setattr(node, "op", _SWAP[type(node.op)]())  # noqa: B010 - mypy: four classes at once
        case ast.Compare():
            node.ops[:1] = [cast(ast.cmpop, _SWAP[type(node.ops[0])]())]
        case ast.Constant(value=bool(value)):
            node.value = not value
        case ast.Constant(value=int(value)):
            node.value = value + 1
        case ast.Call(func=ast.Name() as function):
            function.id = _NAMES[function.id]
        case ast.Call(func=ast.Attribute() as function):
            function.attr = _NAMES[function.attr]
    return f"{before} -> {_text(around)}", sign


def _text(node: ast.AST, most: int = 120) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= most else text[:most] + "…"


def mutants(claim: str) -> tuple[Mutant, ...]:
    """Every mutant of a claim's law, in the order of its functions and their operators."""
    made: list[Mutant] = []
    for path in LAWS[claim]:
        module = Mutant(claim, path, 0, "", False).module
        name = path.rpartition(".")[2]
        for place in range(len(list(_nodes(_definition(module, name))))):
            change, sign = _changed(_definition(module, name), place)
            made.append(Mutant(claim, path, place, change, sign))
    return tuple(made)


def digest(claim: str) -> str:
    """SHA-256 of the law's functions, as syntax: comments and moves leave it alone."""
    text = "\n".join(
        ast.dump(_definition(Mutant(claim, path, 0, "", False).module, path.rpartition(".")[2]))
        for path in LAWS[claim]
    )
    return hashlib.sha256(text.encode()).hexdigest()


# ------------------------------------------------------------------------------------- judging


def rebuilt(law: Any, before: Any, after: Any) -> Any:
    """The law with one of its functions replaced; helpers are found through their module."""
    if law is before:
        return after
    if dataclasses.is_dataclass(law) and not isinstance(law, type):
        fields = {f.name: getattr(law, f.name) for f in dataclasses.fields(law)}
        return dataclasses.replace(law, **{k: after for k, v in fields.items() if v is before})
    return law


def install(mutant: Mutant, assign: Callable[[Any, str, Any], None] = setattr) -> Any:
    """Put the mutant in its function's place, in this process; the claim's law with it."""
    claim_module = importlib.import_module(f"theory.{chapter_of(mutant.claim)}.{mutant.claim}")
    for path in REMEMBERED.get(mutant.claim, ()):
        owner = dataclasses.replace(mutant, path=path)
        getattr(owner.module, owner.name).cache_clear()
    before, after = getattr(mutant.module, mutant.name), mutant.function()
    for user in (mutant.module, claim_module):
        if vars(user).get(mutant.name) is before:
            assign(user, mutant.name, after)
    return rebuilt(claim_module.CLAIM.law, before, after)


COLUMNS = ("proof", "check", "training")


def _evidence(claim: Claim) -> Evidence[Any]:
    evidence = evidence_of(claim.id)
    if isinstance(evidence, Exception):
        raise evidence
    return evidence


def _columns(claim: Claim, lab: Lab) -> dict[str, Callable[[Any], bool]]:
    """For each column, whether it holds for a law."""
    evidence = _evidence(claim)
    return {
        "proof": lambda law: claim.prove(law).holds,
        "check": lambda law: evidence.check(law, lab).status == "holds",
        "training": lambda law: evidence.train(law, lab).status == "holds",
    }


def _judge(mutant: Mutant | None, claim: Claim, lab: Lab, order: Sequence[str]) -> str:
    """``rejected`` by a column; else ``stopped``, when one crashed; else ``accepted`` by all.

    The order of the columns is a matter of time only.
    """
    law = claim.law if mutant is None else install(mutant)
    columns, stopped = _columns(claim, lab), False
    for name in order:
        try:
            if not columns[name](law):
                return "rejected"
        except Exception:  # noqa: BLE001 - counted: a column that crashes has rejected nothing
            stopped = True
    return "stopped" if stopped else "accepted"


def _in_a_process(
    mutant: Mutant | None, claim: Claim, lab: Lab, order: Sequence[str], seconds: int
) -> tuple[str, float]:
    """What :func:`_judge` finds, and the processor seconds that it took.

    ``stopped`` when the process crashed or took more than ``seconds``: the same on a busy machine.
    """
    context = multiprocessing.get_context("fork")  # the mutant ends with its process
    here, there = context.Pipe(duplex=False)

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        there.send(_judge(mutant, claim, lab, order))

    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    process = context.Process(target=work)
    process.start()
    there.close()
    try:
        name = str(here.recv())
    except EOFError:
        name = "stopped"
    process.join()
    return name, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


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
        text = f"Its evidence rejects {self.rejected} of {self.mutants} mutants of its law with one operator changed"
        if self.stopped:
            text += f"; {self.stopped} more make it stop"
        if same := self.same(claim):
            text += f"; {same} of the others are the law itself"
        return f"{text}."


def count(claim: Claim, lab: Lab, show: Callable[[str], None]) -> Count:
    """Judge every mutant of a claim.

    Raises
    ------
    ValueError: the unchanged law is rejected.
    """
    lab.prepare(_evidence(claim).needs(lab.profile))
    cost: dict[str, float] = {}
    for name in COLUMNS:
        first, cost[name] = _in_a_process(None, claim, lab, (name,), 7200)
        if first != "accepted":
            raise ValueError(f"{claim.id}: {name} does not hold for the law itself")
    order = sorted(COLUMNS, key=cost.__getitem__)
    seconds = 20 + math.ceil(5 * sum(cost.values()))
    outcomes: Counter[str] = Counter()
    survivors: list[tuple[str, str]] = []
    every = mutants(claim.id)
    for place, mutant in enumerate(every, start=1):
        outcome, _ = _in_a_process(mutant, claim, lab, order, seconds)
        outcomes[outcome] += 1
        if outcome == "accepted":
            survivors.append((mutant.path, mutant.change))
        show(f"{claim.id} {place}/{len(every)} {outcome}: {mutant.path}: {mutant.change}")
    found = digest(claim.id), len(every), outcomes["rejected"], outcomes["stopped"]
    return Count(*found, tuple(survivors))


@functools.cache
def counts() -> dict[str, Count]:
    """The kept counts, of the claims whose law is still the one that was counted."""
    kept = json.loads(STORE.read_text(encoding="utf-8")) if STORE.exists() else {}
    made = {
        name: Count(**(entry | {"survivors": tuple(map(tuple, entry["survivors"]))}))
        for name, entry in kept.items()
    }
    return {name: one for name, one in made.items() if name in LAWS and one.law == digest(name)}


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


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status, or raises SystemExit as argparse does."""
    assert __doc__
    parser = command_parser(PROGRAM, __doc__)
    parser.add_argument("--only", metavar="ID,...", default="*", help="these claims; globs match")
    parser.add_argument("--profile", choices=tuple(PROFILES), default="quick")
    parser.add_argument("--seed", type=whole(0), default=0)
    parser.add_argument("--list", action="store_true", help="name the mutants and stop")
    options = parser.parse_args(arguments)
    patterns = options.only.split(",")
    claims = [c for c in find_claims() if any(fnmatchcase(c.id, p) for p in patterns)]
    if not claims:
        parser.error(f"no claim matches {options.only!r}")
    if options.list:
        for claim in claims:
            for mutant in mutants(claim.id):
                print(f"{claim.id}: {mutant.path}: {mutant.change}")
        return 0
    for claim in claims:
        lab = Lab(PROFILES[options.profile], options.seed)
        try:
            counted = count(claim, lab, _show)
        except ValueError as error:
            print(f"{PROGRAM}: {error}", file=sys.stderr)
            return 1
        kept = json.loads(STORE.read_text(encoding="utf-8")) if STORE.exists() else {}
        kept[claim.id] = dataclasses.asdict(counted)
        text = json.dumps(dict(sorted(kept.items())), indent=1, ensure_ascii=False) + "\n"
        put(STORE, text.encode())
        print(f"{claim.id}: {counted.sentence(claim.id)}", flush=True)
        for path, change in counted.survivors:
            print(f"  {path}: {change}", flush=True)
    return 0


def _show(line: str) -> None:
    """Progress, where somebody looks."""
    if sys.stderr.isatty():
        print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(run(PROGRAM, main))
