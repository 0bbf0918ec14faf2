"""The catalogue of activations: one row per σ.

A row is the exact expression in one real symbol z, from which everything else is derived or compiled:
the numpy function, the slope on each side of a kink, parity, and the torch module it is checked against.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import sympy as sp

__all__ = ["ACTIVATIONS", "Activation", "Kink", "z"]

z = sp.Symbol("z", real=True)
"""The argument of every activation."""


@dataclass(frozen=True)
class Kink:
    """A point where σ is continuous and its slope jumps: ``jump`` = slope after - slope before."""

    location: sp.Rational
    jump: sp.Rational


@dataclass(frozen=True)
class Activation:
    """An activation function.

    Attributes
    ----------
    name: the name used on command lines and in reports.
    expression: σ(z), exact, in the symbol :data:`z`.
    torch: the class in ``torch.nn``, or empty when torch offers none.
    kinks: where the slope jumps, and by how much (empty for smooth σ).
    piecewise_linear: σ is affine between its kinks.
    """

    name: str
    expression: sp.Expr
    torch: str
    kinks: tuple[Kink, ...] = ()
    piecewise_linear: bool = False

    def __call__(self, argument: sp.Expr) -> sp.Expr:
        """σ at a symbolic or exact argument."""
        return self.expression.xreplace({z: sp.sympify(argument)})

    @cached_property
    def derivative(self) -> sp.Expr:
        """σ'(z) away from the kinks."""
        return sp.diff(self.expression, z)

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
        """``odd``, ``even`` or empty, decided symbolically on the two half-lines."""
        p = sp.Symbol("p", positive=True)
        # simplify does not look into nested Max and Min; as Piecewise their cases are compared.
        for name, combination in (("odd", self(-p) + self(p)), ("even", self(-p) - self(p))):
            if sp.simplify(combination.rewrite(sp.Piecewise)) == 0:
                return name
        return ""


def _rows() -> tuple[Activation, ...]:
    zero, one = sp.Integer(0), sp.Integer(1)
    leak = sp.Rational(1, 100)
    erf_half = z / 2 * (1 + sp.erf(z / sp.sqrt(2)))
    return (
        Activation("identity", z, "Identity", piecewise_linear=True),
        Activation("relu", sp.Max(z, 0), "ReLU", (Kink(zero, one),), True),
        Activation(
            "leaky_relu",
            sp.Max(z, 0) + leak * sp.Min(z, 0),
            "LeakyReLU",
            (Kink(zero, 1 - leak),),
            True,
        ),
        Activation("abs", sp.Abs(z), "", (Kink(zero, sp.Integer(2)),), True),
        Activation(
            "hardtanh",
            sp.Max(-1, sp.Min(1, z)),
            "Hardtanh",
            (Kink(-one, one), Kink(one, -one)),
            True,
        ),
        Activation("tanh", sp.tanh(z), "Tanh"),
        Activation("sigmoid", 1 / (1 + sp.exp(-z)), "Sigmoid"),
        Activation("softplus", sp.log(1 + sp.exp(z)), "Softplus"),
        Activation("gelu", erf_half, "GELU"),
        Activation("silu", z / (1 + sp.exp(-z)), "SiLU"),
        Activation("square", z**2, ""),
    )


ACTIVATIONS = MappingProxyType({row.name: row for row in _rows()})
"""Every row by name.  The four positively homogeneous ones are those that section 3 solves completely."""
