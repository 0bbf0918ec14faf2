"""Activations that the page knows: their texts are read, and the answers are
those of theory.shape.
"""

from __future__ import annotations

import json

from theory.expressions.spelling import spelled
from theory.shape.classify import CLASSES
from verify.explorer.classified import NAMED, answer, module


def test_named_activations_are_answered() -> None:
    told = json.loads(module().removeprefix("export const classified = ").rstrip(";\n"))
    assert list(told) == list(NAMED)
    # elu and celu agree where alpha is 1.
    assert len({spelled(text).expression for text in NAMED.values()}) == len(NAMED) - 1 >= 70
    for name, each in told.items():
        assert each["class"] in CLASSES
        assert (each["weights"] is None) == (each["channels"] is None), name
        assert each["weights"] is None or len(each["weights"]["w"]) == each["channels"]


def test_an_answer_in_full() -> None:
    told = answer("x*sigmoid(1.702*x)")
    assert (told["class"], told["channels"], told["minimal"]) == ("linear_odd_part", 2, True)
    assert told["weights"] == {
        "w": [["1/4", "1/2", "1/4"], ["-1/4", "-1/2", "-1/4"]],
        "b": ["0", "0"],
        "a": ["1/2", "-1/2"],
    }
