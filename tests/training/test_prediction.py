"""Which method answers which start, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from numerics.pulse.sample import Radii
from numerics.training.forward_error import HIGHEST
from verify.report.render import json_text
from verify.training.prediction import admitted, prediction
from verify.training.side_by_side import OutsideTheorem

W = np.array([[0.5, 0.1, 0.3], [0.2, 0.4, 0.1]])
A = np.array([0.4, 0.3])
B = np.array([0.1, 0.2])


@pytest.mark.parametrize(
    ("given", "method", "law"),
    [
        ({}, "closed form", "flow, steps"),
        ({"lr": 1e-4}, "closed form", "flow, steps"),
        ({"steps": 9}, "reduced dynamics", "flow"),
        ({"momentum": 0.9, "steps": 9}, "reduced dynamics", "flow"),
        ({"dtype": "float32", "steps": 9}, "reduced dynamics", "flow"),
        ({"length": 31, "steps": 9}, "reduced dynamics", "flow"),
        ({"c": 0.5, "steps": 9}, "reduced dynamics", "flow"),
        ({"weight_decay": 0.1, "steps": 9}, "reduced dynamics", "ridge"),
        ({"weight_decay": 1e3, "steps": 9}, "reduced dynamics", "ridge"),
        ({"weight_decay": 0.1, "c": 0.5, "steps": 9}, "reduced dynamics", None),
        ({"b": B, "steps": 9}, "reduced dynamics", None),
        ({"optimizer": "adam", "steps": 9}, "simulated", None),
    ],
)
def test_the_method_is_named(given: dict[str, Any], method: str, law: str | None) -> None:
    found = prediction(W, A, **{"step": 0.1, **given})
    assert (found.method, found.law, found.agrees) == (method, law, True)
    assert all((weight.end is None) == (law is None) for weight in found.weights)
    assert all((weight.bound is None) == (method == "simulated") for weight in found.weights)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("lr", [1e-3, 0.1, 10.0, 1e3])
def test_what_runs_away_is_refused_before_a_number_is_none(
    optimizer: str, dtype: str, lr: float
) -> None:
    """Up to the step that is refused, every number is finite and within its bound."""
    for steps in range(1, 12):
        try:
            found = prediction(W, A, B, 0.1, optimizer=optimizer, lr=lr, dtype=dtype, steps=steps)
        except OutsideTheorem as error:
            assert f"at step {steps} " in str(error)
            assert optimizer == "sgd" or lr == 1e3
            break
        assert found.agrees
        json_text(found)  # refuses inf and nan


@pytest.mark.parametrize("given", [{}, {"steps": 3}, {"optimizer": "adam", "steps": 3}])
def test_the_generator_of_the_caller_stays(given: dict[str, Any]) -> None:
    before = torch.get_rng_state()
    prediction(W, A, **{"step": 0.3, **given})
    assert torch.equal(torch.get_rng_state(), before)


def test_the_data_are_named() -> None:
    found = prediction(W, A, B, steps=3, radii=Radii(3, 2, 4), length=41)
    radii = {"first": 2.5, "last": 4.25, "number": 8, "per_pixel": 4}
    assert (found.model["radii"], found.model["length"]) == (radii, 41)


def test_lr_and_step_say_the_same() -> None:
    first = prediction(W, A, step=0.2)
    second = prediction(W, A, lr=first.step["size"])
    assert [x.trained for x in first.weights] == [x.trained for x in second.weights]
    assert second.step["fraction"] == pytest.approx(0.2)


@pytest.mark.parametrize("activation", ["identity", "relu"])
def test_other_radii_and_pixels_are_their_own(activation: str) -> None:
    for radii, length in ((Radii(2, 3, 4), None), (Radii(3, 2, 2), 41)):
        found = prediction(
            W, A, B, 0.1, radii=radii, length=length, steps=30, activation=activation
        )
        assert found.agrees


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"optimizer": "rmsprop"}, "one of sgd, adam, adamw"),
        ({"optimizer": "adam", "weight_decay": 0.1}, "with adamw"),
        ({"dtype": "bfloat16"}, "float64 and float32"),
        ({"dampening": 2.0}, "from 0 to 1"),
        ({"length": 8}, "odd one from"),
        ({"length": 9}, "odd one from"),
        ({"radii": Radii(1, 3, 2)}, "from 1.5 on"),
        ({"radii": Radii(3, 3, 3)}, "dyadic"),
        ({"w": -W, "activation": "relu"}, "linear cell: in channel 0"),
        ({"w": -W, "b": -B, "activation": "relu", "steps": 5}, "at step 0"),
        ({"w": 1e200 * W}, "overflow"),
        ({"w": 0 * W, "a": 0 * A}, "U > 0"),
        ({"step": 50.0}, "at step"),
        (
            {"lr": 0.1, "momentum": 0.9, "b": B, "c": 0.1, "dtype": "float32", "steps": 7},
            "leave float32",
        ),
        ({"lr": 1.0, "dtype": "float32", "steps": 5}, "leave float32, which ends at 3.4e+38"),
        ({"lr": 1000.0, "steps": 9}, "at step"),
        ({"lr": 1e110, "steps": 1}, "the squares of the weights after step 1 leave float64"),
        ({"lr": float("nan"), "steps": 3}, "lr nan: a positive number"),
        ({"lr": float("inf"), "momentum": 0.5}, "lr inf: a positive number"),
        ({"lr": 0.0}, "lr 0: a positive number"),
        ({"c": float("inf"), "optimizer": "adam"}, "no number that float64 holds"),
        ({"w": 1e39 * W, "dtype": "float32"}, "no number that float32 holds"),
        ({"w": 1e76 * W, "a": 1e76 * A}, "may leave float64 on the way"),
        ({"w": 1e-150 * W, "a": 1e-150 * A}, "underflow"),
        ({"w": 1e200 * W, "a": -1e200 * A, "b": 1e200 * B}, "overflow"),
        ({"w": [[1e100]], "a": [-1e100], "b": [1e100]}, "at step"),
        ({"optimizer": "adam", "lr": 1e30, "steps": 5, "dtype": "float32"}, "leave float32"),
        ({"optimizer": "adam", "lr": 1e160, "steps": 5}, "leave float64"),
        ({"optimizer": "adam", "lr": 1.0, "steps": 9, "activation": "relu"}, "linear cell: in ch"),
        ({"w": [[5e153]], "a": [-5e153], "b": [0.1], "steps": 2}, "the squares of these weights"),
        ({"optimizer": "adam", "lr": 1e307, "steps": 1}, "lr times the sharpness overflows"),
        ({"optimizer": "adam", "w": 1e20 * W, "steps": 5, "dtype": "float32"}, "leave float32"),
        ({"optimizer": "adam", "eps": 0.0, "a": 0 * A, "steps": 5}, "at step"),
    ],
)
def test_refusals_name_the_condition(given: dict[str, Any], words: str) -> None:
    with pytest.raises(OutsideTheorem) as refusal:
        prediction(**{"w": W, "a": A, **given})
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_conv_bias_leads_past_the_saddle() -> None:
    """Without it a = w = 0 rests for ever; with it training moves, and the weights are followed."""
    found = prediction(0 * W, 0 * A, B, lr=1e-3, steps=50)
    assert found.agrees
    assert max(abs(weight.predicted - weight.initial) for weight in found.weights) > 0.01
    assert [condition.name for condition in found.conditions] == ["threshold", "settled"]


def test_admitted_asks_of_the_start_alone() -> None:
    admitted(W, A, activation="relu", step=0.01)
    admitted(W, A, B, activation="relu", step=0.01)
    for w, b in ((-W, None), (W, -B)):
        with pytest.raises(OutsideTheorem, match="linear cell"):
            admitted(w, A, b, activation="relu", step=0.01)


def test_torch_may_leave_its_type_where_the_simulation_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(HIGHEST, "float32", math.inf)
    with pytest.raises(OutsideTheorem, match="the loss may leave float32"):
        prediction(W, A, c=1e20, optimizer="adam", dtype="float32", steps=1)
