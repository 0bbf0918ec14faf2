"""Every spelling of an activation is the row that it means, and the name of a row means it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from theory.expressions.activation import ACTIVATIONS
from theory.expressions.pieces import z
from theory.expressions.printing import evaluator
from theory.expressions.spelling import spelled
from theory.expressions.tokens import GrammarError

SPELLINGS = {
    "ReLU": "relu",
    "nn.ReLU()": "relu",
    "torch.nn.ReLU(inplace=True)": "relu",
    "ReLU(True)": "relu",
    "F.relu": "relu",
    "relu(x)": "relu",
    "max(x, 0)": "relu",
    "np.maximum(0, x)": "relu",
    "lambda x: torch.relu(x)": "relu",
    "SiLU": "silu",
    "swish": "silu",
    "Swish()": "silu",
    "x*sigmoid(x)": "silu",
    "GELU": "gelu",
    "GELU(approximate='none')": "gelu",
    "gelu_new": "gelu_tanh",
    "GELU('tanh')": "gelu_tanh",
    "0.5*x*(1+tanh(sqrt(2/pi)*(x+0.044715*x**3)))": "gelu_tanh",
    "leaky-relu": "leaky_relu",
    "Leaky ReLU": "leaky_relu",
    "LeakyReLU(0.01)": "leaky_relu",
    "Softplus(beta=1.0, threshold=20.0)": "softplus",
    "hard-swish": "hardswish",
    "HardTanh": "hardtanh",
    "log_sigmoid": "logsigmoid",
    "linear": "identity",
    "x": "identity",
    "PReLU(num_parameters=8)": "prelu",
    "arctan": "arctan",
    "atan": "arctan",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "expit": "sigmoid",
    "ELU(1)": "elu",
    "where(x > 0, x, exp(x) - 1)": "elu",
    "Threshold(1, 0.5)": "threshold",
    "RReLU(1/8, 1/3)": "rrelu",
}


@pytest.mark.parametrize("text", SPELLINGS)
def test_spellings_of_the_catalogue(text: str) -> None:
    assert spelled(text) is ACTIVATIONS[SPELLINGS[text]]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_catalogue_spells_itself(name: str) -> None:
    entry = ACTIVATIONS[name]
    assert spelled(name) is entry
    if entry.torch and not entry.options:
        assert spelled(entry.torch) is spelled(repr(getattr(torch.nn, entry.torch)())) is entry


PARAMETERS = {
    "LeakyReLU(0.2)": "leaky_relu(negative_slope=0.2)",
    "leaky-relu(0.2)": "leaky_relu(negative_slope=0.2)",
    "LeakyReLU(negative_slope=0.2, inplace=True)": "leaky_relu(negative_slope=0.2)",
    "ELU(0.5)": "elu(alpha=0.5)",
    "CELU(alpha=2)": "celu(alpha=2)",
    "Softplus(beta=5)": "softplus(beta=5)",
    "Hardtanh(-2, 2)": "hardtanh(min_val=-2, max_val=2)",
    "nn.PReLU(8, 0.3)": "prelu(weight=0.3)",
    "PReLU(init=1/3)": "prelu(weight=1/3)",
    "Threshold(0.1, 20)": "threshold(threshold=0.1, value=20)",
    "Hardshrink(0.25)": "hardshrink(lambd=0.25)",
    "RReLU(0.1, 0.3)": "rrelu(lower=0.1, upper=0.3)",
}
POINTS = np.array([-3.5, -0.5, -0.125, 0.0, 0.0625, 0.75, 2.5])


@pytest.mark.parametrize("text", PARAMETERS)
def test_rows_with_parameters(text: str) -> None:
    """Named by torch's names; their class of torch.nn with their options has their values."""
    entry = spelled(text)
    assert entry.name == PARAMETERS[text] and spelled(entry.name) == entry
    kind = {"dtype": torch.float64} if entry.torch == "PReLU" else {}
    module = getattr(torch.nn, entry.torch)(**entry.options, **kind).eval()
    with torch.no_grad():
        theirs = module(torch.tensor(POINTS)).numpy()
    ours = [evaluator(entry.expression)(point) for point in POINTS]
    assert ours == pytest.approx(list(theirs), rel=1e-14, abs=1e-15)
    assert entry.family.xreplace(entry.parameters) == entry.expression
    assert entry.family == ACTIVATIONS[entry.name.partition("(")[0]].family


def test_fresh_rows() -> None:
    entry = spelled("x * torch.sigmoid(1.702 * x)")
    assert entry == spelled("quick_gelu") and entry.torch == "" and not entry.parameters
    assert entry.expression == z / (1 + sp.exp(-sp.Rational(851, 500) * z))
    assert spelled(entry.name) == entry
    assert entry.parity == "" and entry.kinks == ()
    assert spelled("where(x > 1, x, 0)").jumps[0].location == 1


@given(st.fractions(-4, 4, max_denominator=999), st.sampled_from(["leaky_relu", "prelu", "elu"]))
@example(Fraction(0.1), "prelu")
def test_any_slope_has_a_name(slope: Fraction, name: str) -> None:
    """Learned slopes are dyadic rationals with long numerators."""
    if name == "elu" and slope <= 0:
        with pytest.raises(GrammarError, match="alpha has to be positive"):
            spelled(f"elu({slope})")
        return
    entry = spelled(f"{name}({slope})")
    assert list(entry.parameters.values()) == [sp.Rational(str(slope))]
    assert spelled(entry.name) == entry


REFUSED = {
    "gellu": "did you mean gelu?",
    "leeky-relu": "no activation is called that: did you mean leaky_relu?",
    "ReLU7": "did you mean relu",
    "sofplus": "did you mean softplus?",
    "Softmax": "it mixes channels or positions",
    "ELU(-1)": "alpha has to be positive",
    "Softplus(5, 10)": "threshold is read as 20 only",
    "LeakyReLU(slope=2)": "has no parameter 'slope' here; its parameters: negative_slope",
    "log": "no real value at z = -1",
    "max": "max takes 1 to 7 parameters, found 0",
    "": "expected a number, a name",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refusals(text: str) -> None:
    with pytest.raises(GrammarError) as refusal:
        spelled(text)
    assert REFUSED[text] in str(refusal.value) and str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 200


PIECES = st.sampled_from(
    [
        "ReLU",
        "leaky",
        "-",
        " ",
        "_",
        "relu",
        "nn.",
        "torch.",
        "(",
        ")",
        "0.2",
        ",",
        "x",
        "alpha",
        "=",
        "1/3",
        "GELU",
        "'tanh'",
        "Softplus",
        "beta",
        "True",
        "prelu",
        "hard",
        "swish",
        "tanh",
        "*",
        "sigmoid",
        "+",
        "max",
        "e",
        "pi",
    ]
)


@given(st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=30))
@example("Softplus(beta=pi)")
@example("leaky-relu(1/3)")
@example("hard-swish - x")
@example("nn.PReLU()")
@example("prelu(None)")
@example("elu(True)")
def test_any_text_is_a_row_or_refused(text: str) -> None:
    try:
        entry = spelled(text)
    except GrammarError as error:
        assert str(error).isprintable()
        return
    assert spelled(entry.name) == entry
    assert entry.name.isascii() and entry.name.isprintable()
    assert entry.expression.free_symbols <= {z}
