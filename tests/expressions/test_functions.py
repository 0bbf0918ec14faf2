"""Every function of the grammar: its values are torch's and numpy's, its names lead to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
import sympy as sp
import torch

from theory.expressions.activation import ACTIVATIONS
from theory.expressions.functions import ALIASES, FUNCTIONS, find, hint
from theory.expressions.grammar import parse
from theory.expressions.pieces import z
from theory.expressions.printing import evaluator

POINTS = (-2.75, -1.0, -0.375, 0.0, 0.625, 1.5, 7.25)
POSITIVE = ("log", "log2", "log10", "sqrt", "rsqrt", "log1p", "reciprocal")
"""Functions that are compared for positive arguments."""
NUMPY: dict[str, Callable[..., Any]] = {
    "clamp": lambda v: np.clip(v, -1, 2),
    "max": lambda v: np.maximum(v, 0.5),
    "min": lambda v: np.minimum(v, 0.5),
    "pow": lambda v: np.power(v, 3),
    "logaddexp": lambda v: np.logaddexp(v, 1),
    "hypot": lambda v: np.hypot(v, 2),
    "mul": lambda v: v * 3,
    "add": lambda v: v + 3,
    "sub": lambda v: v - 3,
    "div": lambda v: v / 3,
    "heaviside": lambda v: np.heaviside(v, 0),
    "rsqrt": lambda v: 1 / np.sqrt(v),
    "neg": lambda v: -v,
    "atan": np.arctan,
    "asinh": np.arcsinh,
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    "ndtr": scipy.special.ndtr,
    "float": lambda v: v,
    "tensor": lambda v: v,
}
SECOND = {
    "clamp": "-1, 2",
    "max": "1/2",
    "min": "0.5",
    "pow": "3",
    "logaddexp": "1",
    "hypot": "2",
    "mul": "3",
    "add": "3",
    "sub": "3",
    "div": "3",
}
OF_NUMPY = sorted({name for name in FUNCTIONS if FUNCTIONS[name].row is None} & {*NUMPY, *dir(np)})


@pytest.mark.parametrize("name", OF_NUMPY)
def test_operations_are_numpys(name: str) -> None:
    more = f", {SECOND[name]}" if name in SECOND else ""
    function = evaluator(parse(f"{name}(x{more})", everywhere=False))
    theirs = NUMPY.get(name) or getattr(np, name)
    for point in POINTS:
        if point > 0 or name not in POSITIVE:
            assert function(point) == pytest.approx(float(theirs(point)), rel=1e-13, abs=1e-15)


CALLS = {
    "F.leaky_relu": (0.2,),
    "F.elu": (0.5,),
    "F.celu": (2.0,),
    "F.hardtanh": (-2.0, 3.0),
    "F.softplus": (5.0,),
    "F.threshold": (0.5, 20.0),
    "F.hardshrink": (0.25,),
    "F.softshrink": (0.25,),
    "F.relu6": (),
    "F.relu": (),
    "F.selu": (),
    "F.silu": (),
    "F.mish": (),
    "F.gelu": (),
    "F.hardswish": (),
    "F.hardsigmoid": (),
    "F.logsigmoid": (),
    "F.softsign": (),
    "F.tanhshrink": (),
    "torch.expm1": (),
    "torch.square": (),
    "torch.exp2": (),
    "torch.special.expit": (),
}


@pytest.mark.parametrize("name", CALLS)
def test_functions_and_parameters_are_torchs(name: str) -> None:
    values = CALLS[name]
    text = f"{name}({', '.join(['x', *map(str, values)])})"
    function = evaluator(parse(text))
    place, word = name.rsplit(".", 1)
    modules = {"F": torch.nn.functional, "torch": torch, "torch.special": torch.special}
    for point in POINTS:
        theirs = getattr(modules[place], word)(torch.tensor(point, dtype=torch.float64), *values)
        assert function(point) == pytest.approx(theirs.item(), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_row_is_a_function(name: str) -> None:
    row = ACTIVATIONS[name]
    function = find(name)
    assert function is not None
    assert function.build(z, *function.defaults.values()) == row.expression
    if row.torch and row.torch != "GELU":
        assert find(row.torch) is function


def test_every_alias_leads_to_a_function() -> None:
    assert set(ALIASES.values()) <= set(FUNCTIONS)
    assert not set(ALIASES) & set(FUNCTIONS) - {"arctan"}
    assert find("Leaky-ReLU") is find("leaky_relu") is FUNCTIONS["leaky_relu"]
    assert find("swish") is FUNCTIONS["silu"] and find("nothing") is None


def test_hints() -> None:
    assert hint("sigmod") == ": did you mean sigmoid?" and hint("qqqq") == ""
    assert "mixes" in hint("log_softmax")
    assert "written as a number" in hint("beta") and "written as a number" in hint("a")


OTHERS = {
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "gelu_fast": lambda x: 0.5 * x * (1 + torch.tanh(x * 0.7978845608 * (1 + 0.044715 * x * x))),
    "squared_relu": lambda x: torch.relu(x) ** 2,
    "squareplus": lambda x: (x + torch.sqrt(x**2 + 4)) / 2,
    "bent_identity": lambda x: (torch.sqrt(x**2 + 1) - 1) / 2 + x,
    "snake": lambda x: x + torch.sin(x) ** 2,
    "smish": lambda x: x * torch.tanh(torch.log(1 + torch.sigmoid(x))),
    "serf": lambda x: x * torch.erf(torch.nn.functional.softplus(x)),
    "symlog": lambda x: torch.sign(x) * torch.log1p(torch.abs(x)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_activations_that_torch_does_not_have(name: str) -> None:
    function = evaluator(FUNCTIONS[name].build(z))
    for point in POINTS:
        theirs = OTHERS[name](torch.tensor(point, dtype=torch.float64))
        assert function(point) == pytest.approx(theirs.item(), rel=1e-12, abs=1e-15)


def test_nothing_is_left_untested() -> None:
    torchs = {name.rsplit(".", 1)[1] for name in CALLS}
    tested = {*OF_NUMPY, *OTHERS, *torchs, *ACTIVATIONS}
    assert set(FUNCTIONS) - tested == set()
    assert sp.Integer(0) == FUNCTIONS["zeros_like"].build(z)
