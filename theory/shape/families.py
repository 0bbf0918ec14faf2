r"""All weights at once: the exact networks of a catalogue row with its parameters and weights as
symbols.

    affine piece      (w, b, a):  a = 1/(2 s S),  every b + C_j, b + T_j on the piece
    linear odd part   (w, b, a), (-w, 2t - b, -a):  a = 1/(2 s S),  w and b free
    square            (w, b + h, a), (w, b, -a):  a = 1/(4 h S),  w, b and h free
    cube              (w, -S/2, 2/S³),  w = (u, v, -(u³ + v³)^(1/3)),  u and v free

Each is decided with all symbols left open: the slope of its response in φ is 1 for all φ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from theory.claim import Step
from theory.expressions.activation import Activation
from theory.expressions.normal_form import is_zero, number_sign
from theory.expressions.pieces import z
from theory.pulse.kinks import segments
from theory.pulse.network import taps
from theory.pulse.signal import phi
from theory.shape.classify import classify

__all__ = ["Family", "family"]

TAPS = 3
"""n: taps per filter."""


@dataclass(frozen=True)
class Family:
    """Every weight but c of the exact networks of one kind, as symbols.

    Attributes
    ----------
    formula: σ on the piece that is used, with its parameters as symbols.
    w, b, a: one entry per channel.
    where: what every value b + C_j, b + T_j, called z, has to satisfy.
    """

    formula: sp.Expr
    w: tuple[tuple[sp.Expr, ...], ...]
    b: tuple[sp.Expr, ...]
    a: tuple[sp.Expr, ...]
    where: tuple[sp.Rel, ...]

    def decide(self) -> Step:
        """The slope of the response in φ is 1, whatever the symbols are."""
        slope = sp.diff(self.formula, z)
        terms = []
        for w, b, a in zip(self.w, self.b, self.a, strict=True):
            for p, q in segments(w):
                terms.append((a * (q - p), sp.expand(b + p + phi * (q - p))))
        name = "with all weights and parameters as symbols the slope is 1"
        if (total := _paired(slope, terms)) is None:
            total = sp.Add(*(weight * slope.xreplace({z: argument}) for weight, argument in terms))
        return Step(name, is_zero(total - 1))


def _paired(slope: sp.Expr, terms: list[tuple[sp.Expr, sp.Expr]]) -> sp.Expr | None:
    """Σ weight σ'(argument) when the terms with arguments y and -y add up to a constant in y, else
    None.
    """
    groups: dict[sp.Expr, sp.Expr] = {}
    for weight, argument in terms:
        key = -argument if -argument in groups else argument
        value = weight * slope.xreplace({z: z if key == argument else -z})
        groups[key] = groups.get(key, sp.Integer(0)) + value
    if not all(is_zero(sp.diff(group, z)) for group in groups.values()):
        return None
    return sp.Add(*(group.xreplace({z: sp.Integer(0)}) for group in groups.values()))


def family(row: Activation) -> Family | None:
    """The family of a row, None where no network is exact.

    Raises
    ------
    ValueError: the row is possible in a way that has no family here.
    """
    shape = classify(row.expression)
    recipe = shape.recipe
    if recipe is None:
        return None
    at = recipe.biases[0] + sp.Add(*recipe.w[0]) / 2
    formula, where = _branch(row.family, row.parameters, at)
    slope = sp.diff(formula, z)
    w, b = taps(TAPS), sp.Symbol("b", real=True)
    total = sp.Add(*w)
    if shape.kind == "affine_piece":
        return Family(formula, (w,), (b,), (1 / (2 * sp.factor(slope) * total),), where)
    if shape.kind == "linear_odd_part":
        a = 1 / (4 * slope.xreplace({z: sp.Integer(0)}) * total)
        return Family(formula, (w, tuple(-tap for tap in w)), (b, -b), (a, -a), where)
    if formula == z**2:
        h = sp.Symbol("h", real=True)
        a = 1 / (4 * h * total)
        return Family(formula, (w, w), (b + h, b), (a, -a), where)
    if formula == z**3:
        u, v = sp.symbols("u v", positive=True)
        filter = (u, v, -sp.cbrt(u**3 + v**3))
        total = sp.Add(*filter)
        return Family(formula, (filter,), (-total / 2,), (2 / total**3,), where)
    raise ValueError(f"no family for {row.name}: {shape.reason}")


def _branch(
    function: sp.Expr, defaults: Mapping[sp.Symbol, sp.Expr], place: sp.Expr
) -> tuple[sp.Expr, tuple[sp.Rel, ...]]:
    """The formula that holds at ``place`` for the default parameters, and the inequalities that
    select it.
    """
    where: list[sp.Rel] = []

    def sign(f: sp.Expr) -> int:
        return number_sign(f.xreplace({**defaults, z: place})) or 0

    def walk(f: sp.Expr) -> sp.Expr:
        if not f.args:
            return f
        arguments = [walk(part) for part in f.args]
        if isinstance(f, sp.Max | sp.Min):
            way = 1 if isinstance(f, sp.Max) else -1
            best = arguments[0]
            for other in arguments[1:]:
                best = other if sign(other - best) == way else best
            where.extend((best > x) if way == 1 else (best < x) for x in arguments if x != best)
            return best
        if isinstance(f, sp.Abs | sp.Heaviside):
            inner = arguments[0]
            where.append(inner > 0 if sign(inner) == 1 else inner < 0)
            if isinstance(f, sp.Abs):
                return inner if sign(inner) == 1 else -inner
            return sp.Integer(1 if sign(inner) == 1 else 0)
        return f.func(*arguments)

    return walk(function), tuple(where)
