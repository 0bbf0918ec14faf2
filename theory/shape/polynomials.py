r"""Exact networks on affine and polynomial pieces of σ.

- *affine*, f = s z + t: any filter whose staircase + b stays on the piece, a = 1/(2 s S);
- *degree d*: Σ_j (-1)^(m-j) binom(m, j) f(z + jh) has degree d - m, so d channels that differ in b
  do;
- *cubic*: exact as it is when S + 2b = 2 × its inflection, Σ w_u³ = 0 and Δ != 0, which takes three
  taps; so d - 2 channels of three taps do for d >= 3.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from theory.expressions.normal_form import constant_value, number_sign, settled
from theory.expressions.pieces import Piece, z
from theory.pulse.kinks import segments
from theory.pulse.network import assembled
from theory.shape.recipes import (
    Channel,
    Construction,
    Freedom,
    combined,
    free_interval,
    freedom,
    freedom_of_cubic,
    rising,
    within,
)

__all__ = ["MOST_CHANNELS", "affine", "differences", "polynomial", "polynomial_channels"]

ZERO, ONE = sp.Integer(0), sp.Integer(1)
Found = tuple[list[Channel], str, Freedom | None]
"""Channels, why they are exact, and the family that they belong to."""
MOST_CHANNELS = 64
"""Recipes with more channels are not proposed."""


def affine(piece: Piece) -> Iterator[Construction]:
    """One channel on an affine piece with a slope."""
    room = free_interval(piece)
    if room is None:
        return
    slope = constant_value(sp.diff(piece.expression, z), room[0])
    if slope is None or number_sign(slope) not in (1, -1):
        return
    others = freedom(((ONE, ZERO, ONE),), slope, piece.low, piece.high)
    yield Construction(
        "affine_piece",
        assembled(_line(slope, room)),
        piece,
        f"σ is affine with slope s = {slope} on ({piece.low}, {piece.high})",
        others,
    )


def _line(slope: sp.Expr, room: tuple[sp.Expr, sp.Expr]) -> list[Channel]:
    p, q = room
    return [(rising(q - p), p, 1 / (2 * slope * (q - p)))]


def polynomial(piece: Piece) -> Iterator[Construction]:
    """Channels that differ in b only, on a piece where σ is a polynomial of degree >= 2."""
    if not piece.expression.is_polynomial(z):
        return
    f = settled(piece.expression).as_expr()
    top = sp.degree(f, z)
    if not 2 <= top <= MOST_CHANNELS:
        return
    reason = f"σ is a polynomial of degree {top} on ({piece.low}, {piece.high})"
    for channels, how, others in polynomial_channels(f, piece):
        yield Construction("polynomial", assembled(channels), piece, f"{reason}: {how}", others)


def polynomial_channels(f: sp.Expr, piece: Piece) -> Iterator[Found]:
    """Channels that turn a polynomial into the identity, the fewest first; none for a constant."""
    f = settled(f).as_expr()
    if f.is_number:
        return
    top = sp.degree(f, z)
    if top == 1:
        room = free_interval(piece)
        if room is not None:
            slope = sp.Poly(f, z).LC()
            others = freedom(((ONE, ZERO, ONE),), slope, piece.low, piece.high)
            yield _line(slope, room), "as it is", others
        return
    if top >= 3:
        yield from _by_cubic(f, piece)
    yield from _by_differences(f, piece)


def differences(count: int) -> list[sp.Expr]:
    """(-1)^(m-j) binom(m, j), j = 0..m: the coefficients of the m-fold difference."""
    return [(-1) ** (count - j) * sp.binomial(count, j) for j in range(count + 1)]


def _by_differences(f: sp.Expr, piece: Piece) -> Iterator[Found]:
    """Σ_j (-1)^(d-1-j) binom(d-1, j) f(z + jh) is affine."""
    top = sp.degree(f, z)
    room = free_interval(piece)
    if room is None:
        return
    p, step = room[0], (room[1] - room[0]) / top
    slope = sp.factorial(top) * sp.Poly(f, z).LC() * step ** (top - 1)
    a = 1 / (2 * slope * step)
    terms = tuple((ONE, j * step, c) for j, c in enumerate(differences(top - 1)))
    channels = [(rising(step), p + s, a * c) for _, s, c in terms]
    others = freedom(terms, slope, piece.low, piece.high - (top - 1) * step)
    yield channels, f"the {top - 1}-fold difference in b is affine", others


def _by_cubic(f: sp.Expr, piece: Piece) -> Iterator[Found]:
    """The (d-3)-fold central difference is a cubic with its inflection at the centroid of the roots
    of f.
    """
    poly = sp.Poly(f, z)
    top = poly.degree()
    count = top - 3
    centre = -poly.coeff_monomial(z ** (top - 1)) / (top * poly.LC())
    shape = (ONE, ONE, -sp.cbrt(2))
    for scale in (ONE, ONE / 2, ONE / 4, ONE / 16, ONE / 64):
        w = tuple(scale * tap for tap in shape)
        total = sp.expand(sp.Add(*w))
        start = sp.expand(centre - total / 2)
        shifts = [(j - sp.Rational(count, 2)) * scale for j in range(count + 1)]
        cubic = combined(f, list(zip(shifts, differences(count), strict=True)))
        rise = sp.expand(cubic.xreplace({z: start + total}) - cubic.xreplace({z: start}))
        if not number_sign(rise):
            continue
        a = 1 / (2 * rise)
        a = sp.radsimp(a, symbolic=False) if rise.is_algebraic else a
        channels = [(w, start + s, a * c) for c, s in zip(differences(count), shifts, strict=True)]
        if all(
            within(b + end, piece) for w, b, _ in channels for pair in segments(w) for end in pair
        ):
            how = "a cubic is exact with Σ w³ = 0 and S + 2b = 2 × its inflection, if Δ != 0"
            others = freedom_of_cubic(f, centre, piece.low, piece.high) if count == 0 else None
            if count:
                how = f"the {count}-fold difference in b is a cubic; {how}"
            yield channels, how, others
            return
