"""The rates of one channel with one tap in words, for the atlas: exponent, constant, and where the
bias goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import sympy as sp

from theory.expressions.activation import ACTIVATIONS, Activation
from theory.expressions.asymptotics import UnknownOrder, order, slopes_at_infinity
from theory.expressions.normal_form import is_zero
from theory.expressions.pieces import pieces, z
from theory.shape.classify import classify
from theory.shape.rates.leading import Rate, Spread, curved_rate, inflection_rate, uniform_spread

__all__ = ["in_words"]

SLOPELESS = 1e-6
"""A slope below this, at an inflection that is known to 2^-40, counts as 0."""
PERIODIC = {"sin": r"k\pi"}
"""Inflections that repeat."""


@cache
def _over() -> Spread:
    return uniform_spread()


def in_words(name: str) -> str:
    """How the best loss of one channel with one tap falls with its height S, and where its bias
    goes.

    At an inflection t (σ''(t) = 0, σ'(t) ≠ 0) by
    :func:`theory.shape.rates.leading.inflection_rate`; where σ''/σ' is constant by
    :func:`theory.shape.rates.leading.curved_rate`; at a jump of σ'' by the integral that
    :func:`theory.shape.rates.leading.kink_rate` samples; all for uniform φ and Var r -> ∞
    (docs/shape/rates.md). LaTeX between dollars; empty where one channel is exact.
    """
    row = ACTIVATIONS[name]
    if classify(row.expression).channels == 1:
        return ""
    if is_zero(sp.diff(sp.diff(row.expression, z, 2) / row.derivative, z)):
        return (
            f"{_power(curved_rate(_taylor(row.expression, sp.Integer(0)), 1, _over()))} at every"
            " bias"
        )
    return "; ".join(dict.fromkeys([*_at_inflections(row), *_escapes(row)]))


def _taylor(f: sp.Expr, point: sp.Expr) -> list[sp.Expr]:
    """(s_1, ..., s_4), s_k = f^(k)(point)/k!."""
    terms = []
    for k in range(1, 5):
        f = sp.diff(f, z) / k
        terms.append(f.subs(z, point))
    return terms


def _at_inflections(row: Activation) -> Iterator[str]:
    parts = pieces(row.expression).parts
    for turn in sorted(row.inflections, key=lambda turn: abs(turn.low)):
        place = turn.location if turn.exact else (turn.low + turn.high) / 2
        where = sp.latex(place) if turn.exact else f"{float(place):.3f}"
        beyond = [part.expression for part in parts if part.low == place]
        s = _taylor(beyond[0] if beyond else row.expression, place)
        if beyond:
            y = sp.Symbol("y")
            bent = sp.integrate(sp.expand(((y**2 - y) / 4) ** 2), (y, 0, 1))
            yield f"{_power(Rate(2, (s[1] / s[0]) ** 2 * bent))} at its bend ${where}$"
        elif abs(float(s[0])) >= SLOPELESS:
            rate = inflection_rate(s, 1, _over())
            yield f"{_power(rate)} at ${PERIODIC.get(row.name, where)}$"


def _power(rate: Rate) -> str:
    return f"$S^{rate.exponent}/{_grouped(1 / float(rate.constant))}$"


def _escapes(row: Activation) -> Iterator[str]:
    """Where the relative curvature ρ tends to 0, the bias runs off, and at any height the loss
    falls with it.
    """
    parts = pieces(row.expression).parts
    ends = []
    for side, f in ((-1, parts[0].expression), (1, parts[-1].expression)):
        slopes = slopes_at_infinity(f)
        straight = slopes is not None and slopes[(side + 1) // 2] != 0
        curvature = sp.diff(f, z, 2) / sp.diff(f, z)
        if straight or _vanishes(curvature.xreplace({z: side * z})):
            ends.append("-" if side < 0 else "")
    if ends:
        where = r"\pm\infty" if len(ends) == 2 else rf"{ends[0]}\infty"
        yield rf"bias off to ${where}$: $L \to 0$ at any $S$"


def _vanishes(function: sp.Expr) -> bool:
    try:
        return order(sp.together(function)).vanishes
    except UnknownOrder:
        return False


def _grouped(number: float) -> str:
    """In groups of three: a whole number whole, any other to four significant digits."""
    whole = abs(number - round(number)) < 1e-6
    digits = 0 if whole else max(0, len(str(int(number))) - 4)
    return f"{int(round(number, -digits)):,}".replace(",", r"\,")
