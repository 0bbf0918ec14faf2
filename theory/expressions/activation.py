"""The catalogue of activations: every elementwise activation of torch.nn, and a few more.

A row states the exact expression in one real symbol z, with torch's default parameters as exact
numbers, and the family it belongs to, with symbols named as torch names them.  Everything else is
derived from the expression (:mod:`theory.expressions.traits`) or compiled from it: kinks and jumps,
affine pieces, parity, inflections, the numpy function.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import sympy as sp

from theory.expressions import traits
from theory.expressions.pieces import z
from theory.expressions.traits import AffinePiece, Inflection, Jump, Kink
from theory.types import Scalar

__all__ = ["ACTIVATIONS", "Activation"]


@dataclass(frozen=True)
class Activation:
    """An activation function.

    Attributes
    ----------
    name: the name used on command lines and in reports.
    expression: σ(z), exact, in the symbol :data:`z`.
    torch: the class in ``torch.nn``, or empty when torch offers none.
    options: what that class is given, by keyword.
    family: σ with its parameters as symbols; ``expression`` is its value at ``parameters``.
    parameters: the default of each symbol.
    note: what else must be known to read the row.
    """

    name: str
    expression: sp.Expr
    torch: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    family: sp.Expr = z
    parameters: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict, hash=False)
    note: str = ""

    def __call__(self, argument: sp.Expr) -> sp.Expr:
        """σ at a symbolic or exact argument."""
        return self.expression.xreplace({z: sp.sympify(argument)})

    @cached_property
    def derivative(self) -> sp.Expr:
        """σ'(z) away from kinks and jumps; there, the mean of the slopes on both sides."""
        slope = sp.diff(self.expression, z).replace(sp.DiracDelta, lambda *_: sp.Integer(0))
        slope = slope.replace(_squared_sign, lambda _: sp.Integer(1))
        return slope.replace(sp.Heaviside, lambda argument, _: sp.Heaviside(argument))

    @cached_property
    def kinks(self) -> tuple[Kink, ...]:
        """Where σ is continuous and its slope jumps, and by how much."""
        return traits.kinks(self.expression)

    @cached_property
    def jumps(self) -> tuple[Jump, ...]:
        """Where σ is discontinuous."""
        return traits.jumps(self.expression)

    @cached_property
    def affine_pieces(self) -> tuple[AffinePiece, ...]:
        """(low, high, slope, intercept) of every open interval on which σ is affine."""
        return traits.affine_pieces(self.expression)

    @cached_property
    def piecewise_linear(self) -> bool:
        """σ is continuous, and affine between its kinks."""
        pieces = self.affine_pieces
        ends = [-sp.oo, *(kink.location for kink in self.kinks), sp.oo]
        return not self.jumps and [piece[0] for piece in pieces] + [sp.oo] == ends

    @cached_property
    def homogeneous(self) -> bool:
        """σ(tz) = tσ(z) for t > 0: affine pieces that meet, if at all, in one kink at 0."""
        return (
            self.piecewise_linear
            and all(kink.location == 0 for kink in self.kinks)
            and self(sp.Integer(0)) == 0
        )

    @cached_property
    def slopes(self) -> tuple[sp.Expr, sp.Expr]:
        """(slope for z < 0, slope for z > 0) of a positively homogeneous σ.

        Raises
        ------
        ValueError: σ is not positively homogeneous.
        """
        if not self.homogeneous:
            raise ValueError(f"{self.name} is not positively homogeneous")
        return -self(sp.Integer(-1)), self(sp.Integer(1))

    @cached_property
    def parity(self) -> str:
        """``odd``, ``even``, or empty where neither is shown."""
        return traits.parity(self.expression)

    @cached_property
    def inflections(self) -> tuple[Inflection, ...]:
        """The sign changes of σ'' found on [-8, 8], exact or enclosed; see
        :func:`theory.expressions.traits.inflections`.
        """
        return traits.inflections(self.expression)


def _squared_sign(part: sp.Expr) -> bool:
    """An even power of a sign, which is 1: a point where the sign is 0 has the slopes beside it."""
    return bool(part.is_Pow and isinstance(part.base, sp.sign) and part.exp.is_even)


def _row(
    name: str,
    torch: str,
    family: sp.Expr,
    parameters: Mapping[sp.Symbol, Scalar] | None = None,
    options: Mapping[str, Any] | None = None,
    note: str = "",
) -> Activation:
    defaults = {symbol: sp.sympify(value) for symbol, value in (parameters or {}).items()}
    return Activation(
        name=name,
        expression=family.xreplace(defaults),
        torch=torch,
        options=MappingProxyType(dict(options or {})),
        family=family,
        parameters=MappingProxyType(defaults),
        note=note,
    )


def _bent_once(slope: sp.Expr) -> sp.Expr:
    return sp.Max(z, 0) + slope * sp.Min(z, 0)


def _affine_rows() -> tuple[Activation, ...]:
    """The rows with an affine piece."""
    half = sp.Rational(1, 2)
    leak, weight, lower, upper = sp.symbols("negative_slope weight lower upper", real=True)
    low, high, threshold, value = sp.symbols("min_val max_val threshold value", real=True)
    alpha, lambd = sp.symbols("alpha lambd", positive=True)
    ramp = sp.Max(0, sp.Min(1, z / 6 + half))
    selu_alpha = sp.Rational("1.6732632423543772848170429916717")
    selu_scale = sp.Rational("1.0507009873554804934193349852946")
    return (
        _row("identity", "Identity", z),
        _row("relu", "ReLU", sp.Max(z, 0)),
        _row("leaky_relu", "LeakyReLU", _bent_once(leak), {leak: sp.Rational(1, 100)}),
        _row(
            "prelu", "PReLU", _bent_once(weight), {weight: sp.Rational(1, 4)},
            note="torch can learn the weight; here it keeps its initial value",
        ),
        _row(
            "rrelu", "RReLU", _bent_once((lower + upper) / 2),
            {lower: sp.Rational(1, 8), upper: sp.Rational(1, 3)},
            note="in evaluation mode: the slope is the mean of the two bounds",
        ),
        _row("relu6", "ReLU6", sp.Max(0, sp.Min(6, z))),
        _row("hardtanh", "Hardtanh", sp.Max(low, sp.Min(high, z)), {low: -1, high: 1}),
        _row("hardsigmoid", "Hardsigmoid", ramp),
        _row("hardswish", "Hardswish", z * ramp),
        _row(
            "hardshrink", "Hardshrink", z * sp.Heaviside(sp.Abs(z) - lambd, 0), {lambd: half},
            note="jumps at ±lambd, where it is 0",
        ),
        _row(
            "softshrink", "Softshrink", sp.Max(z - lambd, 0) + sp.Min(z + lambd, 0), {lambd: half}
        ),
        _row(
            "threshold", "Threshold", value + (z - value) * sp.Heaviside(z - threshold, 0),
            {threshold: 1, value: half}, {"threshold": 1.0, "value": 0.5},
            note="torch has no defaults; threshold 1 and value 1/2 make it jump, from 1/2 to 1",
        ),
        _row("elu", "ELU", sp.Max(z, 0) + alpha * (sp.exp(sp.Min(z, 0)) - 1), {alpha: 1}),
        _row("celu", "CELU", sp.Max(z, 0) + alpha * (sp.exp(sp.Min(z, 0) / alpha) - 1), {alpha: 1}),
        _row(
            "selu", "SELU",
            selu_scale * (sp.Max(z, 0) + selu_alpha * (sp.exp(sp.Min(z, 0)) - 1)),
            note="its two constants are the decimals in torch's source, exactly",
        ),
        _row("abs", "", sp.Abs(z)),
    )  # fmt: skip


def _curved_rows() -> tuple[Activation, ...]:
    """The rows without an affine piece."""
    beta = sp.Symbol("beta", positive=True)
    cubic = z + sp.Rational("0.044715") * z**3
    return (
        _row(
            "softplus", "Softplus", sp.log(1 + sp.exp(beta * z)) / beta, {beta: 1},
            note="torch answers z itself where beta z is above its threshold, 20",
        ),
        _row("logsigmoid", "LogSigmoid", -sp.log(1 + sp.exp(-z))),
        _row("gelu", "GELU", z / 2 * (1 + sp.erf(z / sp.sqrt(2)))),
        _row(
            "gelu_tanh", "GELU", z / 2 * (1 + sp.tanh(sp.sqrt(2 / sp.pi) * cubic)),
            options={"approximate": "tanh"},
        ),
        _row("silu", "SiLU", z / (1 + sp.exp(-z))),
        _row("square", "", z**2),
        _row("cube", "", z**3),
        _row("tanh", "Tanh", sp.tanh(z)),
        _row("sigmoid", "Sigmoid", 1 / (1 + sp.exp(-z))),
        _row("arctan", "", sp.atan(z)),
        _row("erf", "", sp.erf(z)),
        _row("softsign", "Softsign", z / (1 + sp.Abs(z))),
        _row("mish", "Mish", z * sp.tanh(sp.log(1 + sp.exp(z)))),
        _row("tanhshrink", "Tanhshrink", z - sp.tanh(z)),
        _row("sin", "", sp.sin(z)),
        _row("exp", "", sp.exp(z)),
    )  # fmt: skip


ACTIVATIONS = MappingProxyType({row.name: row for row in (*_affine_rows(), *_curved_rows())})
"""Every row by name."""
