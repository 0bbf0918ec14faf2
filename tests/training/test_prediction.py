"""Which method answers which start, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from numerics.pulse.sample import Radii
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
        ({"w": 1e200 * W}, "finite"),
        ({"w": 0 * W, "a": 0 * A}, "U > 0"),
        ({"step": 50.0}, "bound: at step"),
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
