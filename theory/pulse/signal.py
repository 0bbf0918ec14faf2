r"""The area-sampled pulse: Σ_i x_r(i) = 2r exactly, and r -> x_r is piecewise linear.

x_r(i) = |[i - 1/2, i + 1/2] ∩ [-r, r]|.  With r = m - 1/2 + φ, m a positive integer and 0 <= φ <=
1,

    x_r(i) = 1 for |i| < m,    φ for |i| = m,    0 for |i| > m.

So between two half-integers a pulse is the chord x = (1 - φ) x_{m-1/2} + φ x_{m+1/2}: all that this
package proves about fractional radii comes from this one line.  Derivation: docs/pulse/signal.md.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from theory.claim import Claim, Kernel, Proof, Step, Wrong

__all__ = ["CLAIM", "Law", "overlap", "phi", "pixel", "pulse", "radius"]

phi = sp.Symbol("varphi", real=True)
"""The fraction of the border pixels that the pulse covers, 0 <= φ <= 1."""

HALF = sp.Rational(1, 2)


def radius(m: sp.Expr | int, fraction: sp.Expr = phi) -> sp.Expr:
    """r = m - 1/2 + φ."""
    return m - HALF + fraction


def overlap(i: int, r: sp.Rational) -> sp.Rational:
    """The definition: the length of [i - 1/2, i + 1/2] ∩ [-r, r], for an exact number r >= 0."""
    return sp.Max(0, sp.Min(i + HALF, r) - sp.Max(i - HALF, -r))


def pixel(i: int, m: int, fraction: sp.Expr = phi) -> sp.Expr:
    """The law: x_r(i) for r = m - 1/2 + φ."""
    if abs(i) < m:
        return sp.Integer(1)
    return sp.sympify(fraction) if abs(i) == m else sp.Integer(0)


def pulse(m: int, fraction: sp.Expr, half_length: int) -> tuple[sp.Expr, ...]:
    """The pixels -L..L of the pulse of radius m - 1/2 + φ.

    Raises
    ------
    ValueError: the pulse leaves the signal (m > L) or m < 1.
    """
    if not 1 <= m <= half_length:
        raise ValueError(f"m must lie in 1..{half_length}, not {m}")
    return tuple(pixel(i, m, fraction) for i in range(-half_length, half_length + 1))


LARGEST = 6


Law = Callable[[int, int, sp.Expr], sp.Expr]
"""The law: the intensity of pixel i for r = m - 1/2 + φ."""


def prove(law: Law) -> Proof:
    """Decide the law for every pixel |i| <= 7 and every m <= 6.

    As a function of r the overlap is a maximum of minima of affine functions, whose pieces change
    only where two of i ± 1/2, ±r and 0 agree: at half-integers.  On the cell m - 1/2 <= r <= m +
    1/2 it is therefore affine, and two affine functions are equal when they agree at both ends; the
    middle is decided too, so that a law that is not affine in φ is rejected.
    """
    steps = []
    for m in range(1, LARGEST + 1):
        pixels = range(-LARGEST - 1, LARGEST + 2)
        for fraction in (sp.Integer(0), HALF, sp.Integer(1)):
            r = radius(m, fraction)
            agree = all(law(i, m, fraction) == overlap(i, r) for i in pixels)
            steps.append(Step(f"pixels at r = {r}, m = {m}", agree))
        affine = all(sp.diff(law(i, m, phi), phi, 2) == 0 for i in pixels)
        steps.append(Step(f"affine in φ for m = {m}", affine))
        total = sp.Add(*(law(i, m, phi) for i in pixels))
        steps.append(Step(f"sum is 2r for m = {m}", sp.expand(total - 2 * radius(m)) == 0))
    return Proof(
        tuple(steps), f"every pixel |i| <= {LARGEST + 1}, all real r in [1/2, {LARGEST}.5]"
    )


def _whole_pixels(i: int, m: int, fraction: sp.Expr) -> sp.Expr:
    """Wrong: the border pixel counts as lit."""
    return sp.Integer(1) if abs(i) <= m else sp.Integer(0)


def _shifted(i: int, m: int, fraction: sp.Expr) -> sp.Expr:
    """Wrong: off by one, the border is taken one pixel too far in."""
    return pixel(i, m - 1, fraction)


CLAIM: Claim[Law] = Claim(
    id="signal",
    title="The pulse: its sum is 2r, and it moves linearly between half-integers",
    statement=(
        r"x_r(i) = \left|[i-\tfrac12, i+\tfrac12] \cap [-r, r]\right|, \qquad \sum_i x_r(i) = 2r,"
        r" \qquad x_{m-\frac12+\varphi} = (1-\varphi)\, x_{m-\frac12} + \varphi\, x_{m+\frac12}"
    ),
    assumptions=(r"$r \ge \tfrac12$", r"the pulse stays inside the signal, $m \le L$"),
    law=pixel,
    prove=prove,
    wrong=(
        Wrong("the border pixels are fully lit", _whole_pixels),
        Wrong("off by one: the border is one pixel further in", _shifted),
    ),
    kernel=Kernel(
        "every pixel, m, L and φ",
        ("Signal.pixel_is_overlap", "Signal.pulse_sum", "Signal.pulse_chord"),
    ),
)
