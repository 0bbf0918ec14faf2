"""What the shape of an activation permits, for every row of the catalogue and for named activations
of the literature.

The analysis needs sympy, which the page has not: its answers are made with the page.
"""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from typing import Any

import sympy as sp

from numerics.certificates.conditions import Branch
from numerics.certificates.copies import mirror_of
from numerics.certificates.patterns import branches_of
from theory.expressions.activation import ACTIVATIONS
from theory.expressions.printing import to_text
from theory.expressions.spelling import spelled
from theory.shape.classify import Classification, classify

__all__ = ["NAMED", "answer", "module"]

NAMED = {
    **{name: name for name in ACTIVATIONS},
    "quick GELU": "x*sigmoid(1.702*x)",
    "squared ReLU": "max(x, 0)**2",
    "squareplus": "(x + sqrt(x**2 + 4))/2",
    "bent identity": "(sqrt(x**2 + 1) - 1)/2 + x",
    "snake": "x + sin(x)**2",
    "smish": "smish(x)",
    "serf": "serf(x)",
    "symlog": "symlog(x)",
    "LiSHT": "x*tanh(x)",
    "TanhExp": "x*tanh(exp(x))",
    "Logish": "x*log(1 + sigmoid(x))",
    "Phish": "x*tanh(gelu(x))",
    "ELiSH": "where(x > 0, x*sigmoid(x), (exp(x) - 1)*sigmoid(x))",
    "E-swish": "1.5*x*sigmoid(x)",
    "growing cosine unit": "x*cos(x)",
    "non-monotonic cubic unit": "x - x**3",
    "Gaussian": "exp(-x**2)",
    "ISRU": "x/sqrt(1 + x**2)",
    "ISRLU": "where(x > 0, x, x/sqrt(1 + x**2))",
    "ReLU1": "clamp(x, 0, 1)",
    "hard ELiSH": "where(x > 0, x*clamp((x + 1)/2, 0, 1), (exp(x) - 1)*clamp((x + 1)/2, 0, 1))",
    "penalized tanh": "where(x > 0, tanh(x), tanh(x)/4)",
    "SinLU": "(x + sin(x))*sigmoid(x)",
    "DSiLU": "sigmoid(x)*(1 + x*(1 - sigmoid(x)))",
    "hard mish": "x/2*clamp(x + 2, 0, 2)",
    "triangle": "max(0, 1 - abs(x))",
    "triangular wave, one period": "max(x + 1, 0) - 2*max(x, 0) + max(x - 1, 0)",
    "concatenated ReLU, summed": "max(x, 0) + max(-x, 0)",
    "flexible ReLU": "max(x, 0) - 0.398",
    "displaced ReLU": "max(x, -1)",
    "SReLU": "max(min(x, 1), 0) + 0.3*max(x - 1, 0) + 0.1*min(x, 0)",
    "APL unit": "max(x, 0) + 0.5*max(1 - x, 0)",
    "shifted softplus": "softplus(x) - log(2)",
    "softminus": "x - softplus(x)",
    "SQNL": "where(abs(x) > 2, sign(x), x - sign(x)*x**2/4)",
    "Elliott": "0.5*x/(1 + abs(x)) + 0.5",
    "cosine": "cos(x)",
    "quadratic": "x + x**2",
    "Laplace": "0.5*(1 + erf((x - 0.7071)/(0.28209*sqrt(2))))",
    "leaky softplus": "0.1*x + softplus(x)",
    "PAU-like rational": "x**2/(1 + abs(x))",
    "hyperbolic sine": "asinh(x)",
    "cubic root": "cbrt(x)",
    "smooth step": "clamp(3*x**2 - 2*x**3, 0, 1)",
}
"""Texts of the grammar by name."""


def answer(text: str) -> dict[str, Any]:
    """The class of σ, the fewest channels, exact weights where there are any, and the steps of the
    proof.
    """
    activation = spelled(text)
    found: Classification = classify(activation.expression)
    recipe = found.recipe
    weights = recipe and {
        "w": [list(map(str, taps)) for taps in recipe.w],
        "b": list(map(str, recipe.biases)),
        "a": list(map(str, recipe.readout)),
    }
    return {
        "text": text,
        "expression": to_text(activation.expression),
        "class": found.kind,
        "channels": found.channels,
        "minimal": found.minimal,
        "weights": weights,
        "reason": found.reason,
        "fewer": found.lower,
        "others": found.others.words if found.others else "",
        "steps": [step.name for step in found.steps],
        **(_pieces(activation.expression) if found.channels else NONE),
    }


NONE: dict[str, Any] = {"branches": [], "mirror": None}


def _pieces(expression: sp.Expr) -> dict[str, Any]:
    """The affine branches of σ, and the s that is not 0 with σ(z) - σ(-z) = s z for all z; none
    where its pieces are not known.
    """
    try:
        branches, mirror = branches_of(expression), mirror_of(expression)
    except ValueError:
        return NONE
    return {
        "branches": [_texts(branch) for branch in branches],
        "mirror": str(mirror.slope) if mirror and mirror.slope and not mirror.centre else None,
    }


def _texts(branch: Branch) -> dict[str, str | None]:
    return {
        field.name: None if (value := getattr(branch, field.name)) is None else str(value)
        for field in dataclasses.fields(branch)
    }


@cache
def module() -> str:
    """The text of the module: ``classified``, the answers by name."""
    answers = {name: answer(text) for name, text in NAMED.items()}
    return f"export const classified = {json.dumps(answers, indent=1, ensure_ascii=False)};\n"
