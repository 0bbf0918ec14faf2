"""The claim: its proof holds for the catalogue, and is refused to wrong laws."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy as sp

from theory.activation import ACTIVATIONS
from theory.classify import classify
from theory.impossible import obstructions
from theory.pieces import pieces
from theory.shape import CLAIM, LAW, prove
from verify.claims.shape import in_torch

CLASSES = {
    "affine_piece": (
        "identity relu leaky_relu prelu rrelu relu6 hardtanh hardsigmoid hardswish hardshrink softshrink threshold "
        "elu celu selu abs"
    ),
    "linear_odd_part": "softplus logsigmoid gelu gelu_tanh silu",
    "polynomial": "square cube",
    "impossible": "tanh sigmoid arctan erf softsign mish tanhshrink sin exp",
}
CHANNELS = {"affine_piece": 1, "linear_odd_part": 2, "impossible": None}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in CLASSES.items() for name in names.split()]
)
def test_classes_of_the_catalogue(kind: str, name: str) -> None:
    found = classify(ACTIVATIONS[name].expression)
    assert found.kind == kind
    assert found.channels == CHANNELS.get(kind, {"square": 2, "cube": 1}.get(name))
    assert found.minimal


def test_the_whole_catalogue_is_listed_here() -> None:
    assert {name for names in CLASSES.values() for name in names.split()} == set(ACTIVATIONS)


@pytest.mark.parametrize("name", [row.name for row in ACTIVATIONS.values()])
def test_no_row_has_both_a_network_and_an_obstruction(name: str) -> None:
    expression = ACTIVATIONS[name].expression
    found = classify(expression)
    assert bool(tuple(obstructions(pieces(expression).branches))) == (found.kind == "impossible")


def test_most_impossible_rows_are_proved_twice() -> None:
    names = CLASSES["impossible"].split()
    proofs = {
        n: len(tuple(obstructions(pieces(ACTIVATIONS[n].expression).branches))) for n in names
    }
    assert {name for name, count in proofs.items() if count < 2} <= {"mish", "tanhshrink", "exp"}


def test_proof() -> None:
    proof = prove(LAW)
    assert proof.holds and len(proof.steps) >= 3 * len(ACTIVATIONS)


@pytest.mark.parametrize("wrong", CLAIM.wrong, ids=lambda wrong: wrong.name)
def test_wrong_laws_are_open_in_more_than_one_row(wrong: object) -> None:
    open_steps = prove(wrong.law).open  # type: ignore[attr-defined]
    assert len({step.name.partition(":")[0] for step in open_steps}) >= 2


@pytest.mark.parametrize("name", [n for names in list(CLASSES.values())[:3] for n in names.split()])
def test_derived_networks_measure_radii_in_torch(name: str) -> None:
    stated = classify(ACTIVATIONS[name].expression)
    right = in_torch(name, stated)
    assert right is not None and right <= 1
    assert stated.recipe is not None
    a = (stated.recipe.a[0] * sp.Rational(10**9 + 1, 10**9), *stated.recipe.a[1:])
    off = in_torch(name, replace(stated, recipe=replace(stated.recipe, a=a)))
    assert off is not None and off > 1


@pytest.mark.parametrize("name", ["relu", "silu", "square", "cube"])
def test_one_wrong_weight_is_seen(name: str) -> None:
    def law(expression: sp.Expr):
        true = classify(expression)
        if expression != ACTIVATIONS[name].expression or true.recipe is None:
            return true
        a = (true.recipe.a[0] + sp.Rational(1, 10**9), *true.recipe.a[1:])
        return replace(true, recipe=replace(true.recipe, a=a))

    assert {step.name.partition(":")[0] for step in prove(law).open} == {name}


def test_undecided_is_no_answer_for_a_row() -> None:
    def law(expression: sp.Expr):
        return replace(classify(expression), kind="undecided", recipe=None, channels=None)

    assert len(prove(law).open) >= len(ACTIVATIONS)
