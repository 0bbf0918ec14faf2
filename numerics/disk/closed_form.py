r"""The perimeter coefficient P in closed form, where there is one: σ is made of lines, and the edge
responses of the filter change their sign at known places only.

σ(z) = α + βz + Σ_j (J_j/2) |z - κ_j| with the bends J_j at the kinks κ_j.  A line adds nothing to
P, so

    P = Σ_j (J_j/2) P of |z + b - κ_j|,     P of |z + b| = P of |z - S - b|
    (p_{θ+π}(-t) = S - p_θ(t)),

and each term is 0, 4|m|, ±4 Σ_u w_u D(u) or ∮ |M_θ| dθ by its class (:mod:`theory.disk.zero_lines`,
:mod:`theory.disk.laplacian`).  Classes are decided in rational numbers, values enclosed in balls.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import arb, ctx

from numerics.arithmetic.ball import constant_ball
from numerics.arithmetic.numbers import fraction
from numerics.arithmetic.types import Array, Rational
from theory.disk.laplacian import strength, turned
from theory.disk.zero_lines import crossing
from theory.expressions.spelling import spelled

__all__ = ["LARGEST", "ODD", "Balls", "ClosedForm", "closed_form", "rational"]

LARGEST = 7
"""Wider filters are not classified: the corners meet in too many directions."""
BITS = 192
AFFINE = "0, as σ is affine on all that edges show"
ODD = "0, as σ is odd about the middle between dark and bright"
"""A law in words: P knows only the part of σ that is even about that middle
(docs/disk/shares.md).
"""


class Balls:
    """The arithmetic of balls: how to write a fraction, √ and asinh."""

    @staticmethod
    def number(x: Rational) -> arb:
        """A fraction."""
        return constant_ball(x)

    @staticmethod
    def sqrt(x: arb) -> arb:
        """√x."""
        return x.sqrt()

    @staticmethod
    def asinh(x: arb) -> arb:
        """asinh x."""
        return x.asinh()


@dataclass(frozen=True)
class ClosedForm:
    """P: |P - value| <= error; ``law`` says it in words."""

    value: float
    error: float
    law: str


def rational(w: Array) -> dict[tuple[int, int], Fraction]:
    """The taps of a filter (n, n) as they are, by their offset from the middle."""
    h = len(w) // 2
    return {(i - h, j - h): Fraction(float(tap)) for (i, j), tap in np.ndenumerate(w)}


def closed_form(w: Array, b: float, name: str) -> ClosedForm | None:
    """P of a filter (n, n) with a bias and a row of the catalogue; None where no closed form is
    known.
    """
    row = spelled(name)
    if len(w) > LARGEST or not row.piecewise_linear:
        return None
    taps = rational(w)
    middle = -sum(taps.values(), Fraction(0)) / 2
    bends: defaultdict[Fraction, Fraction] = defaultdict(Fraction)
    for kink in row.kinks:
        location, jump = map(fraction, (kink.location, kink.jump))
        level = Fraction(b) - location
        bends[max(level, 2 * middle - level)] += jump / 2
    before = ctx.prec
    ctx.prec = BITS
    try:
        total, words = arb(0), []
        for level, bend in bends.items():
            if bend:
                term = _level(taps, level)
                if term is None:
                    return None
                size, factor, law = term
                total += Balls.number(bend) * size
                words += [_times(bend * factor, law)] if law else []
        value = float(total.mid())
        return ClosedForm(
            value,
            float((total - arb(value)).abs_upper()),
            " + ".join(words) or (ODD, AFFINE)[any(bends.values())],
        )
    finally:
        ctx.prec = before


def _level(w: dict[tuple[int, int], Fraction], b: Fraction) -> tuple[arb, int, str] | None:
    """P of |z + b|, and in words: a number times what follows; nothing follows where P = 0."""
    zeros = crossing(w, b)
    if zeros.kind == "other":
        return None
    if zeros.kind == "none":
        return arb(0), 0, ""
    if zeros.kind == "dipole":
        m = [Balls.number(sum(place[k] * tap for place, tap in w.items())) for k in (0, 1)]
        return 4 * Balls.sqrt(m[0] * m[0] + m[1] * m[1]), 4, "|m|"
    assert zeros.centre is not None
    if zeros.turns:
        return turned(w, zeros.centre, Balls), 1, "∮|M|dθ"
    level = sum(w.values())
    sign, word = (1, "|Σ w D|") if level == 0 else (-1 if level > 0 else 1, "Σ w D")
    return strength(w, zeros.centre, Balls), 4 * sign, word


def _times(factor: Fraction, law: str) -> str:
    if abs(factor) == 1:
        return "-" * (factor < 0) + law
    return f"{factor}{law}" if factor.denominator == 1 else f"{float(factor):.6g} {law}"
