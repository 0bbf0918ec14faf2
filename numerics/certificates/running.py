r"""Rounding in the forward pass: how far the answer in floating point may be from the real one.

The weights are floats, so the real-arithmetic network has exactly these weights; what differs is
each operation, which rounds by at most u (2⁻¹¹ in float16, 2⁻⁸ in bfloat16, 2⁻²⁴ in float32, 2⁻⁵³
in float64).  With γ_k = ku/(1 - ku), sums in any order, and per channel Z = Σ|w| + |b|, M and Λ
bounds of |σ| and of its slope on [-Z, Z], P positions of which at most Q see light:

    argument of σ   δ = γ_{n+2} Z                 where there is light, 0 in the dark
    σ               Λ δ + γ_8 M                   at most eight roundings (more for degrees above 3)
    pooled          Q Λ δ + P γ_8 M,  then γ_{P+1} (P M + that)
    answer          Σ |a| pooled,     then γ_{K+1} (Σ |a| (P M + pooled) + |c|)

In float16 and bfloat16 an operation may underflow, too: it adds η, half of the least subnormal
number in float16, and in bfloat16, where some processors put 0 in place of all of these, the least
normal one.  With S = γ_{n+2} + 1 and the like,

    argument        S (2n + Z) η              pixels, products, sums; Z η for the pixels; in the
                    dark, too
    σ               8 S η max(1, Z)^d         of degree d
    pooled          S (2P + 1) η              a mean is off by η, hence its sum by P η
    answer          2 S K η

comes on top, and there is a bound if no value on the way can be larger than the type's largest
number.  (1/P underflows for P > 2¹⁴ only, where P + 1 operations are too many.)

"Any order" covers direct, blocked and fused summation; convolution by Fourier or Winograd
transforms is not covered.

For a σ made of polynomials every line is a theorem.  For the others the second rests on an
assumption about the library's functions, that σ is off by at most 8u (1 + |z| + |σ(z)|)
(numerics/arithmetic/rounding.py): tests look at it, no proof does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpq

from numerics.arithmetic.compile import activation
from numerics.arithmetic.numbers import fraction
from numerics.arithmetic.rounding import lipschitz
from numerics.pulse.domain import Domain
from theory.expressions.activation import ACTIVATIONS
from theory.expressions.spelling import spelled
from theory.expressions.traits import jumps
from theory.pulse.network import Network

__all__ = ["FORMATS", "Format", "assumed_error", "computed", "running_error"]


@dataclass(frozen=True)
class Format:
    """A type of floats.

    Attributes
    ----------
    unit: the unit roundoff.
    tiny: what an operation that underflows adds; 0 where that is not covered.
    largest: number; None where overflow is not covered.
    """

    unit: Fraction
    tiny: Fraction = Fraction(0)
    largest: Fraction | None = None

    def gamma(self, k: int) -> Fraction:
        """γ_k.

        Raises
        ------
        ValueError: k u is not below 1.
        """
        if k * self.unit >= 1:
            raise ValueError(
                f"{k} operations are too many where each rounds by {float(self.unit):.1e}"
            )
        return k * self.unit / (1 - k * self.unit)

    def check(self, value: Fraction) -> None:
        """A value on the way is no larger than this.

        Raises
        ------
        ValueError: that may be more than the largest number.
        """
        if self.largest is not None and value > self.largest:
            raise ValueError(
                f"it may overflow: values may reach {float(value):.3g}, and the largest is"
                f" {float(self.largest):.6g}"
            )


FORMATS = {
    "float16": Format(Fraction(1, 2**11), Fraction(1, 2**25), Fraction(65504)),
    "bfloat16": Format(Fraction(1, 2**8), Fraction(1, 2**126), Fraction(255 * 2**120)),
    "float32": Format(Fraction(1, 2**24)),
    "float64": Format(Fraction(1, 2**53)),
}
"""By name."""
CUT = 20
"""Above this torch takes the argument for softplus of it, which is off by e^-20 < 2.1e-9 then."""


def _bounds(net: Network[fmpq], reach: Fraction) -> tuple[Fraction, Fraction]:
    """(M, Λ): on [-reach, reach] every piece of σ is at most M in absolute terms, and no steeper
    than Λ.
    """
    size, steep = Fraction(0), Fraction(0)
    for piece in net.sigma.pieces:
        terms = [abs(fraction(piece[j])) for j in range(max(piece.degree(), 0) + 1)]
        size = max(size, sum((x * reach**j for j, x in enumerate(terms)), Fraction(0)))
        slopes = (j * x * reach ** (j - 1) for j, x in enumerate(terms) if j)
        steep = max(steep, sum(slopes, Fraction(0)))
    return size, steep


def running_error(net: Network[fmpq], domain: Domain, kind: str = "float64") -> Fraction:
    """A bound on |r̂ as computed - r̂| at every radius of the domain, for a continuous σ made of
    polynomials.

    With mean pooling ``net`` has the readout divided by the positions, and the division, or a
    product with a rounded 1/P, is covered.  Overflow and underflow are in float16 and bfloat16,
    else not.

    Raises
    ------
    KeyError: ``kind`` is no name of :data:`FORMATS`.
    ValueError: σ jumps, values may overflow, or there are too many operations for a bound.
    """
    kept = FORMATS[kind]
    if not net.sigma.continuous:
        raise ValueError("an error that carries an argument over a jump has no bound of this kind")

    # Horner's rule rounds twice per degree, and each coefficient once.
    degree = max(piece.degree() for piece in net.sigma.pieces)
    operations = max(8, 2 * degree + 1)

    def respond(reach: Fraction, _: Fraction) -> tuple[Fraction, Fraction, Fraction]:
        size, steep = _bounds(net, reach)
        share, tall = kept.gamma(operations), max(Fraction(1), reach) ** max(degree, 1)
        # On the way there are z + 3 and clamp(z + 3, 0, 6) z of hard sigmoid and hard swish.
        largest = max(_bounds(net, max(Fraction(1), reach))[0], (1 if degree < 2 else 6) * reach)
        kept.check(largest + 6)
        return size, steep, share * size + operations * (1 + share) * kept.tiny * tall

    return _answer(net, domain, kept, respond)


def assumed_error(net: Network[Any], domain: Domain, kind: str = "float64") -> Fraction:
    """The same for any row of the catalogue without jumps, on the assumption about its σ that the
    header states.

    Raises
    ------
    KeyError: ``kind`` is no name of :data:`FORMATS`.
    ValueError: σ is not :func:`computed` by torch, jumps or overflows, values may, c is left open,
        or there are too many operations for a bound.
    """
    kept, row = FORMATS[kind], spelled(str(net.sigma))
    unit = kept.unit
    name = row.name
    if not computed(name):
        raise ValueError("how a machine computes an expression is not known")
    if jumps(row.expression):
        raise ValueError("an error that carries an argument over a jump has no bound of this kind")
    if net.open:
        raise ValueError("the readout bias is needed")
    beta = Fraction(float(*row.parameters.values())) if row.torch == "Softplus" else Fraction(1)
    start = Fraction(float(np.abs(activation(name)[0](np.zeros(1)))[0])) + unit

    def respond(reach: Fraction, top: Fraction) -> tuple[Fraction, Fraction, Fraction]:
        most = float(top if name == "exp" else reach)  # exp is flat below
        with np.errstate(over="ignore"):
            steepest = float(lipschitz(name, np.array([most + abs(most) * 2.0**-50]))[0])
        if not np.isfinite(steepest):
            raise ValueError("σ overflows")
        steep = Fraction(steepest)
        size = steep if name == "exp" else start + steep * reach
        kept.check(size)
        own = 8 * unit * (1 + reach + size)
        if row.torch == "Softplus" and beta * reach > CUT:
            own += Fraction(21, 10**10) / beta
        return size, steep, own

    return _answer(net, domain, kept, respond)


def computed(name: str) -> bool:
    """Is this an activation of the catalogue, perhaps with other parameters?  How any other is
    computed, with which roundings, is its author's affair, and no bound is stated.
    """
    row = spelled(name)
    return bool(row.torch) or row.name in ACTIVATIONS


Response = Callable[[Fraction, Fraction], tuple[Fraction, Fraction, Fraction]]
"""(reach, top) -> M, Λ, and how far σ as computed is off, all on [-reach, top], where 0 <= |top| <=
reach.
"""


def _answer(net: Network[Any], domain: Domain, kept: Format, respond: Response) -> Fraction:
    n, exact, gamma = net.taps, net.mapped(fraction), kept.gamma
    positions = domain.windows(n)
    lit = min(positions, int((2 * domain.high).ceil()) + n + 1 + domain.mirrored(n))
    total = carried = Fraction(0)
    for w, b, a in exact.listed:
        reach = sum(map(abs, w), abs(b))
        moved = gamma(n + 2) * reach
        sunk = (1 + gamma(n + 2)) * (2 * n + reach) * kept.tiny
        top = sum((tap for tap in w if tap > 0), b) + moved + sunk
        size, steep, own = respond(reach + moved + sunk, top)
        off = lit * steep * moved + positions * (own + steep * sunk)
        off += gamma(positions + 1) * (positions * size + off)
        off += (1 + gamma(positions + 1)) * (2 * positions + 1) * kept.tiny
        kept.check(reach + moved + sunk)
        kept.check(positions * size + off)
        total += abs(a) * off
        carried += abs(a) * (positions * size + off)
    total += gamma(net.channels + 1) * (carried + abs(exact.offset))
    total += 2 * net.channels * (1 + gamma(net.channels + 1)) * kept.tiny
    kept.check(carried + abs(exact.offset) + total)
    return total
