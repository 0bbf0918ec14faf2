r"""Rounding in the forward pass: how far the answer in floating point may be from the real one.

The weights are floats, so the real-arithmetic network has exactly these weights; what differs is each operation, which
rounds by at most u (2⁻²⁴ in float32, 2⁻⁵³ in float64).  With γ_k = ku/(1 - ku), sums in any order, and per channel
Z = Σ|w| + |b|, M and Λ bounds of |σ| and of its slope on [-Z, Z], P positions of which at most Q see light:

    argument of σ   δ = γ_{n+2} Z                 where there is light, 0 in the dark
    σ               Λ δ + γ_8 M                   at most eight roundings (more for degrees above 3)
    pooled          Q Λ δ + P γ_8 M,  then γ_{P+1} (P M + that)
    answer          Σ |a| pooled,     then γ_{K+1} (Σ |a| (P M + pooled) + |c|)

"Any order" covers direct, blocked and fused summation; convolution by Fourier or Winograd transforms is not covered.

For a σ made of polynomials every line is a theorem.  For the others the second rests on an assumption about the library's
functions, that σ is off by at most 8u (1 + |z| + |σ(z)|) (numerics/arithmetic/rounding.py): tests look at it, no proof does.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpq

from numerics.arithmetic.compile import activation
from numerics.arithmetic.numbers import fraction
from numerics.arithmetic.rounding import lipschitz
from numerics.pulse.exact_error import Domain
from theory.expressions.spelling import spelled
from theory.expressions.traits import jumps
from theory.pulse.network import Network

__all__ = ["UNITS", "assumed_error", "running_error"]

UNITS = {"float32": Fraction(1, 2**24), "float64": Fraction(1, 2**53)}
"""The unit roundoff of each type."""
CUT = 20
"""Above this torch takes the argument for softplus of it, which is off by e^-20 < 2.1e-9 then."""


def _gamma(k: int, unit: Fraction) -> Fraction:
    if k * unit >= 1:
        raise ValueError(f"{k} operations are too many for a unit roundoff of {float(unit):.1e}")
    return k * unit / (1 - k * unit)


def _bounds(net: Network[fmpq], reach: Fraction) -> tuple[Fraction, Fraction]:
    """(M, Λ): on [-reach, reach] every piece of σ is at most M in absolute terms, and no steeper than Λ."""
    size, steep = Fraction(0), Fraction(0)
    for piece in net.sigma.pieces:
        terms = [abs(fraction(piece[j])) for j in range(max(piece.degree(), 0) + 1)]
        size = max(size, sum((x * reach**j for j, x in enumerate(terms)), Fraction(0)))
        slopes = (j * x * reach ** (j - 1) for j, x in enumerate(terms) if j)
        steep = max(steep, sum(slopes, Fraction(0)))
    return size, steep


def running_error(net: Network[fmpq], domain: Domain, kind: str = "float64") -> Fraction:
    """A bound on |r̂ as computed - r̂| at every radius of the domain, for a continuous σ made of polynomials.

    With mean pooling ``net`` has the readout divided by the positions, and the division, or a product with a rounded
    1/P, is covered.  Overflow and
    underflow are not.

    Raises
    ------
    KeyError: ``kind`` is neither float32 nor float64.
    ValueError: σ jumps, or there are too many operations for a bound.
    """
    unit = UNITS[kind]
    if not net.sigma.continuous:
        raise ValueError("an error that carries an argument over a jump has no bound of this kind")

    # Horner's rule rounds twice per degree, and each coefficient once.
    operations = max(8, *(2 * piece.degree() + 1 for piece in net.sigma.pieces))

    def respond(reach: Fraction, _: Fraction) -> tuple[Fraction, Fraction, Fraction]:
        size, steep = _bounds(net, reach)
        return size, steep, _gamma(operations, unit) * size

    return _answer(net, domain, unit, respond)


def assumed_error(net: Network[Any], domain: Domain, kind: str = "float64") -> Fraction:
    """The same for any row of the catalogue without jumps, on the assumption about its σ that the header states.

    Raises
    ------
    KeyError: ``kind`` is neither float32 nor float64.
    ValueError: σ jumps or overflows, c is left open, or there are too many operations for a bound.
    """
    unit, name = UNITS[kind], str(net.sigma)
    if jumps(spelled(name).expression):
        raise ValueError("an error that carries an argument over a jump has no bound of this kind")
    if net.open:
        raise ValueError("the readout bias is needed")
    start = Fraction(float(np.abs(activation(name)[0](np.zeros(1)))[0])) + unit

    def respond(reach: Fraction, top: Fraction) -> tuple[Fraction, Fraction, Fraction]:
        most = float(top if name == "exp" else reach)  # exp is flat below
        with np.errstate(over="ignore"):
            steepest = float(lipschitz(name, np.array([most + abs(most) * 2.0**-50]))[0])
        if not np.isfinite(steepest):
            raise ValueError("σ overflows")
        steep = Fraction(steepest)
        size = steep if name == "exp" else start + steep * reach
        own = 8 * unit * (1 + reach + size)
        return (
            size,
            steep,
            own + (Fraction(21, 10**10) if name == "softplus" and reach > CUT else 0),
        )

    return _answer(net, domain, unit, respond)


Response = Callable[[Fraction, Fraction], tuple[Fraction, Fraction, Fraction]]
"""(reach, top) -> M, Λ, and how far σ as computed is off, all on [-reach, top], where 0 <= |top| <= reach."""


def _answer(net: Network[Any], domain: Domain, unit: Fraction, respond: Response) -> Fraction:
    n, h, exact = net.taps, net.taps // 2, net.mapped(fraction)
    positions = domain.positions - (2 * h if domain.padding == "valid" else 0)
    lit = min(positions, int((2 * domain.high).ceil()) + n + 1)
    total = carried = Fraction(0)
    for w, b, a in exact.listed:
        reach = sum(map(abs, w), abs(b))
        moved = _gamma(n + 2, unit) * reach
        top = sum((tap for tap in w if tap > 0), b) + moved
        size, steep, own = respond(reach + moved, top)
        off = lit * steep * moved + positions * own
        off += _gamma(positions + 1, unit) * (positions * size + off)
        total += abs(a) * off
        carried += abs(a) * (positions * size + off)
    return total + _gamma(net.channels + 1, unit) * (carried + abs(exact.offset))
