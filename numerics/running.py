r"""The network as it runs: how far its floating-point answer may be from that of real arithmetic, at every radius.

The weights are floats, so the real-arithmetic network has exactly these weights; what differs is each operation, which
rounds by at most u (2⁻²⁴ in float32, 2⁻⁵³ in float64).  With γ_k = ku/(1 - ku), sums in any order, and per channel
Z = Σ|w| + |b|, M and Λ bounds of |σ| and of its slope on [-Z, Z], P positions of which at most Q see light:

    argument of σ   δ = γ_{n+2} Z                 where there is light, 0 in the dark
    σ               Λ δ + γ_8 M                   at most eight operations, and constants of σ rounded once
    pooled          Q Λ δ + P γ_8 M,  then γ_P (P M + that)
    answer          Σ |a| pooled,     then γ_{K+4} (Σ |a| (P M + pooled) + |c|)

"Any order" covers direct, blocked and fused summation; convolution by Fourier or Winograd transforms is not covered.
"""

from __future__ import annotations

from fractions import Fraction

from flint import fmpq

from numerics.certificate import Domain, ExactNet

__all__ = ["UNITS", "running_error"]

UNITS = {"float32": Fraction(1, 2**24), "float64": Fraction(1, 2**53)}
"""The unit roundoff of each type."""


def _gamma(k: int, unit: Fraction) -> Fraction:
    if k * unit >= 1:
        raise ValueError(f"{k} operations are too many for a unit roundoff of {float(unit):.1e}")
    return k * unit / (1 - k * unit)


def _fraction(number: fmpq) -> Fraction:
    return Fraction(int(number.p), int(number.q))


def _bounds(net: ExactNet, reach: Fraction) -> tuple[Fraction, Fraction]:
    """(M, Λ): on [-reach, reach] every piece of σ is at most M in absolute terms, and no steeper than Λ."""
    size, steep = Fraction(0), Fraction(0)
    for piece in net.sigma.pieces:
        terms = [abs(_fraction(piece[j])) for j in range(max(piece.degree(), 0) + 1)]
        size = max(size, sum((x * reach**j for j, x in enumerate(terms)), Fraction(0)))
        slopes = (j * x * reach ** (j - 1) for j, x in enumerate(terms) if j)
        steep = max(steep, sum(slopes, Fraction(0)))
    return size, steep


def running_error(net: ExactNet, domain: Domain, kind: str = "float64") -> Fraction:
    """A bound on |r̂ as computed - r̂| at every radius of the domain, for a continuous σ made of polynomials.

    With mean pooling ``net`` has the readout divided by the positions, and the division is covered.  Overflow and
    underflow are not.

    Raises
    ------
    KeyError: ``kind`` is neither float32 nor float64.
    ValueError: σ jumps, or there are too many operations for a bound.
    """
    unit = UNITS[kind]
    if not net.sigma.continuous:
        raise ValueError("an error that carries an argument over a jump has no bound of this kind")
    n, h = len(net.w[0]), len(net.w[0]) // 2
    positions = domain.positions - (2 * h if domain.padding == "valid" else 0)
    lit = min(positions, int((2 * domain.high).ceil()) + n + 1)
    total = carried = Fraction(0)
    for w, b, a in zip(net.w, net.b, net.a, strict=True):
        reach = sum((abs(_fraction(tap)) for tap in w), abs(_fraction(b)))
        moved = _gamma(n + 2, unit) * reach
        size, steep = _bounds(net, reach + moved)
        off = lit * steep * moved + positions * _gamma(8, unit) * size
        off += _gamma(positions, unit) * (positions * size + off)
        weight = abs(_fraction(a))
        total += weight * off
        carried += weight * (positions * size + off)
    return total + _gamma(len(net.a) + 4, unit) * (carried + abs(_fraction(net.c)))
