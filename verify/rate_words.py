"""The rates of one channel with one tap in words, for the atlas: exponent, constant, and where the bias goes."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from theory.activation import ACTIVATIONS, Activation
from theory.classify import classify
from theory.growth import UnknownOrder, order, slopes_at_infinity
from theory.pieces import pieces, z

__all__ = ["in_words"]

SLOPELESS = 1e-6
"""A slope below this, at an inflection that is known to 2^-40, counts as 0."""
PERIODIC = {"sin": r"k\pi"}
"""Inflections that repeat."""


def in_words(name: str) -> str:
    """How the best loss of one channel with one tap falls with its height S, and where its bias goes.

    At an inflection t (σ''(t) = 0, σ'(t) ≠ 0): L ~ (γ/σ'(t))² S⁴/840, γ = σ'''(t)/6; everywhere L ~ ρ² S²/720
    with ρ = σ''/σ'; at softsign's kink of σ' L ~ S²/480 (docs/rates.md; uniform φ, large Var r).
    LaTeX between dollars; empty where one channel is exact.
    """
    row = ACTIVATIONS[name]
    shape = classify(row.expression)
    if shape.channels == 1:
        return ""
    found = [*_at_inflections(row), *_escapes(row)]
    if not sp.diff(row.derivative / row.expression, z):
        found = ["$S^2/720$ at every bias"]
    return "; ".join(dict.fromkeys(found))


def _at_inflections(row: Activation) -> Iterator[str]:
    second, third = sp.diff(row.expression, z, 2), sp.diff(row.expression, z, 3)
    for turn in sorted(row.inflections, key=lambda one: abs(one.low)):
        at = turn.location if turn.exact else (turn.low + turn.high) / 2
        slope = float(row.derivative.subs(z, at))
        where = sp.latex(at) if turn.exact else f"{float(at):.3f}"
        if second.has(sp.sign, sp.Abs, sp.DiracDelta):
            yield f"$S^2/480$ at its bend ${where}$"
        elif abs(slope) < SLOPELESS:
            continue
        else:
            factor = (float(third.subs(z, at)) / 6 / slope) ** 2 / 840
            yield f"$S^4/{_grouped(1 / factor)}$ at ${PERIODIC.get(row.name, where)}$"


def _escapes(row: Activation) -> Iterator[str]:
    """Where the relative curvature ρ tends to 0, the bias runs off, and at any height the loss falls with it."""
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
