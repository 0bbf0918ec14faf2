"""Claims: their bookkeeping, their proofs, and that no sign of any law in theory/ can be changed unnoticed."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory import claim as registry
from theory.claim import Claim, Proof, Step, Wrong, find_claims

CLAIMS = find_claims()
IDS = [claim.id for claim in CLAIMS]


# --- bookkeeping ------------------------------------------------------------------------------


@given(st.lists(st.booleans()))
def test_a_proof_holds_when_all_its_steps_do(found: list[bool]) -> None:
    proof = Proof(tuple(Step(str(k), holds) for k, holds in enumerate(found)), "nothing")
    assert proof.holds == (bool(found) and all(found))
    assert [step.name for step in proof.open] == [
        str(k) for k, holds in enumerate(found) if not holds
    ]


def test_claims_come_after_what_they_require() -> None:
    for position, claim in enumerate(CLAIMS):
        assert set(claim.requires) <= set(IDS[:position])
    assert {"signal", "staircase", "plateau", "subpixel", "loss", "readout", "small_radius", "symmetry",
            "kinks"} <= set(IDS)  # fmt: skip


def _claim(name: str, requires: tuple[str, ...] = ()) -> Claim:
    proof = Proof((Step("one", True),), "all")
    return Claim(name, "t", "s", ("a",), None, lambda law: proof, (Wrong("w", None),), requires)


def _package(monkeypatch: pytest.MonkeyPatch, claims: dict[str, Claim]) -> None:
    """Replace the CLAIM of modules of the package by others."""
    for name, claim in claims.items():
        monkeypatch.setattr(importlib.import_module(f"theory.{name}"), "CLAIM", claim)


def test_a_claim_carries_the_name_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    _package(monkeypatch, {"plateau": _claim("another")})
    with pytest.raises(ValueError, match="calls itself 'another'"):
        find_claims()


def test_an_unknown_requirement_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _package(monkeypatch, {"plateau": _claim("plateau", ("nowhere",))})
    with pytest.raises(ValueError, match="required, but not there: nowhere"):
        find_claims()


def test_a_circle_of_requirements_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _package(monkeypatch, {"signal": _claim("signal", ("kinks",))})
    with pytest.raises(ValueError, match="cycle"):
        find_claims()


def test_order_does_not_depend_on_discovery(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = list(registry.pkgutil.iter_modules(importlib.import_module("theory").__path__))
    monkeypatch.setattr(registry.pkgutil, "iter_modules", lambda path: listed[::-1])
    assert [claim.id for claim in find_claims()] == IDS


# --- proofs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_proof_holds_and_says_what_it_covers(claim: Claim) -> None:
    proof = claim.prove(claim.law)
    assert proof.holds, proof.open
    names = [step.name for step in proof.steps]
    module = importlib.import_module(f"theory.{claim.id}")
    numbers = set(re.findall(r"\d+", proof.covers))
    assert {str(n) for n in getattr(module, "PROVED_TAPS", ())} <= numbers
    if claim.id != "signal":  # the pulse knows no filter
        assert re.search(r"\bn = 1?3?", proof.covers)
        stated = {int(n) for name in names for n in re.findall(r"\bn = (\d+)", name)}
        assert {str(n) for n in stated} <= numbers
    assert re.search(r"radi|\br\b|\bm\b|step", proof.covers), "no radii are named"


@pytest.mark.parametrize(
    ("claim", "wrong"),
    [
        pytest.param(claim, wrong, id=f"{claim.id}: {wrong.name}")
        for claim in CLAIMS
        for wrong in claim.wrong
    ],
)
def test_proof_rejects_every_wrong_law(claim: Claim, wrong: Wrong) -> None:
    proof = claim.prove(wrong.law)
    assert proof.steps
    assert proof.open


# --- one sign, anywhere -----------------------------------------------------------------------

LAWS: dict[str, tuple[str, ...]] = {
    "signal": ("pixel", "overlap"),
    "staircase": ("preactivation_counts", "partial_sums"),
    "plateau": ("slope", "kappa", "plateau_response"),
    "subpixel": ("chord_deviation", "_edge", "deviation", "subpixel_response"),
    "point_sampled": ("best_answer", "grid_risk"),
    "small_radius": ("defect", "_window_sum", "sliding_deviation", "small_response"),
    "loss": ("residuals", "attribution"),
    "readout": ("exact_readout", "least_squares"),
    "symmetry": ("negate", "negate_filter"),
    "kinks": ("segments", "bend"),
    "endings": ("tilt", "blind_floor"),
    "span": ("response_rate", "copies"),
    "asymptotes": ("balance",),
    "conserved": ("deviations", "products", "everywhere"),
    "flow": ("cone.stretch", "cone.unfold", "cone.moved"),
    "trajectory": ("rate", "roots", "stretch_at", "time_of"),
    "steps": ("factors", "first_order"),
    "sharpness": ("gain", "gain_from_start", "pair", "threshold"),
    "conv_bias": ("balance", "readout_squared"),
    "ridge": ("collapse", "angle", "least"),
    "noise": ("angle", "linear_risk", "gaussian.first", "gaussian.second", "gaussian.product"),
    "extremes": ("lines", "places"),
    "shares": ("opposite", "share", "lags", "orbit", "facets.part"),
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
        "crossings.corners",
        "crossings.centre_of",
        "crossings.stretches",
        "crossings._height",
        "crossings._trapezoids",
        "crossings.crossing",
        "crossings._one_sign",
    ),
    "disk": ("arc", "corner", "pixel", "least", "limit"),
    "background": ("response", "angle", "risk", "border", "reader", "full_reader", "one_tap"),
    "pair": ("kinks", "pixels", "pair", "short_pair"),
    "contrast": ("partial_sums", "response", "quiet", "silence", "legs"),
    "dense": ("changing", "fixed", "_block", "groups", "share", "kernel", "moved"),
    "shape": ("polynomials._line", "families.family"),
    "rates": (
        "expansion.basis",
        "expansion.moments",
        "expansion.centre",
        "expansion.chord_slope",
        "expansion.components",
        "expansion.kinked_deviation",
        "leading.spread",
        "leading.loss",
        "leading.after_radius",
        "leading.remaining",
        "leading.curved_rate",
        "leading.inflection_rate",
        "leading.free_filter_rate",
    ),
}
"""The functions that make up the law of each claim; from another file than the claim's with its name and a dot."""

SLOW = frozenset(
    {"readout", "rates", "conserved", "noise", "running", "disk", "perimeter", "laplacian", "curvature", "lattice", "dense", "background", "contrast", "pair", "shape"}
)  # fmt: skip
"""Claims whose proof takes a second: their mutants run with the slow tests."""

REMEMBERED: dict[str, tuple[str, ...]] = {"shape": ("classify.classify", "_symbolic")}
"""The functions whose results are kept, and would be those of another law."""

UNCHANGED = frozenset(
    {
        # Only the spelling: where q - p is not replaced by its tap, it stays a difference of the same value.
        ("subpixel", "_edge", "q - p -> q + p"),
        # Two pixels of a chain are equally large; either may stand on the crest.
        ("perimeter", "crest", "k + 1 -> k - 1"),
        # Of an arc only the absolute value counts.
        (
            "laplacian",
            "turned",
            "part += f.number(ahead * value) * gain -> part -= f.number(ahead * value) * gain",
        ),
        # Above all lines the quadratic is S + b times 2u, wherever its trapezoid ends.
        ("laplacian", "crossings._trapezoids", "-1 -> 1"),
        ("laplacian", "crossings._trapezoids", "order[-1][0] - 2 -> order[-1][0] + 2"),
    }
)


class _Flip(ast.NodeTransformer):
    """Change the sign at one place; count the places on the way."""

    def __init__(self, place: int) -> None:
        self.place, self.seen, self.change = place, 0, ""

    def _here(self) -> bool:
        self.seen += 1
        return self.seen - 1 == self.place

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        swap = {ast.Add: ast.Sub, ast.Sub: ast.Add}.get(type(node.op))
        if swap and self._here():
            before = ast.unparse(node)
            node.op = swap()
            self.change = f"{before} -> {ast.unparse(node)}"
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        swap = {ast.Add: ast.Sub, ast.Sub: ast.Add}.get(type(node.op))
        if swap and self._here():
            before = ast.unparse(node)
            node.op = swap()
            self.change = f"{before} -> {ast.unparse(node)}"
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.USub) and self._here():
            self.change = f"{ast.unparse(node)} -> {ast.unparse(node.operand)}"
            return node.operand
        return node


def _source(module: ModuleType, name: str) -> ast.FunctionDef:
    tree = ast.parse(inspect.getsource(module))
    (found,) = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    return found


def _place(claim: str, path: str) -> tuple[ModuleType, str]:
    """The module that defines a function of the table, and the function's name there."""
    file, _, name = path.rpartition(".")
    return importlib.import_module(f"theory.{file or claim}"), name


def _mutants() -> Iterator[Any]:
    for claim, names in LAWS.items():
        marks = [pytest.mark.slow] if claim in SLOW else []
        for path in names:
            module, name = _place(claim, path)
            count = _Flip(-1)
            count.visit(_source(module, name))
            for place in range(count.seen):
                flip = _Flip(place)
                flip.visit(_source(module, name))
                yield pytest.param(
                    claim, path, place, id=f"{claim}.{path}: {flip.change}", marks=marks
                )


def _mutated(module: ModuleType, name: str, place: int) -> tuple[Callable[..., Any], str]:
    flip = _Flip(place)
    tree = flip.visit(_source(module, name))
    code = compile(ast.fix_missing_locations(ast.Module([tree], [])), f"<mutant of {name}>", "exec")
    found: dict[str, Any] = {}
    exec(code, vars(module), found)  # noqa: S102 - the package's own source, one sign changed
    return found[name], flip.change


def _rebuilt(law: Any, before: Any, after: Any) -> Any:
    """The law with one of its functions replaced; helpers are found through their module."""
    if law is before:
        return after
    if dataclasses.is_dataclass(law) and not isinstance(law, type):
        fields = {f.name: getattr(law, f.name) for f in dataclasses.fields(law)}
        return dataclasses.replace(law, **{k: after for k, v in fields.items() if v is before})
    return law


@pytest.fixture
def forget(claim: str) -> Iterator[None]:
    """Nothing that was kept before the mutant is used, nor anything kept from it afterwards."""
    kept = [getattr(*_place(claim, path)) for path in REMEMBERED.get(claim, ())]
    for function in kept:
        function.cache_clear()
    yield
    for function in kept:
        function.cache_clear()


@pytest.mark.usefixtures("forget")
@pytest.mark.parametrize(("claim", "path", "place"), list(_mutants()))
def test_one_changed_sign_turns_the_proof_red(
    claim: str, path: str, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, name = _place(claim, path)
    proved = importlib.import_module(f"theory.{claim}")
    before = getattr(module, name)
    after, change = _mutated(module, name, place)
    for user in (module, proved):  # a proof in another file has its own binding of the function
        if vars(user).get(name) is before:
            monkeypatch.setattr(user, name, after)
    if "PROVED_TAPS" in vars(proved):
        monkeypatch.setattr(proved, "PROVED_TAPS", (3, 5))
    try:
        holds = proved.CLAIM.prove(_rebuilt(proved.CLAIM.law, before, after)).holds
    except (ValueError, IndexError):  # a partial sum, or a tap, that does not exist
        holds = False
    assert holds == ((claim, path, change) in UNCHANGED)
