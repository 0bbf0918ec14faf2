r"""The plateau law: at half-integer plateau radii every network measures 2rΔ + κ.

    Σ_i [g(z_i) - g(0)] = 2rΔ + κ,    Δ = g(S) - g(0),
    κ = Σ_{j=-h}^{h-1} [g(C_j) + g(T_{j+1}) - g(0) - g(S)],    T_{j+1} = S - C_j.

The sum S of the taps alone sets the slope; their order enters the offset only.  Derivation:
docs/pulse/plateau.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sympy as sp

from theory.claim import Claim, Kernel, Proof, Step, Wrong
from theory.pulse.network import direct_response, g, taps
from theory.pulse.staircase import C, S, T, dark_beyond, to_taps

__all__ = ["CLAIM", "Law", "kappa", "plateau_response", "r", "slope"]

r = sp.Symbol("r", positive=True)
"""The radius."""


def slope(f: sp.Function = g) -> sp.Expr:
    """Δ = g(S) - g(0)."""
    return f(S) - f(sp.Integer(0))


def kappa(n: int, f: sp.Function = g) -> sp.Expr:
    """κ = Σ_{j=-h}^{h-1} [g(C_j) + g(T_{j+1}) - g(0) - g(S)], in staircase symbols."""
    h = n // 2
    edges = (f(C(j, n)) + f(T(j + 1, n)) for j in range(-h, h))
    return sp.Add(*edges) - 2 * h * (f(sp.Integer(0)) + f(S))


def plateau_response(n: int, f: sp.Function = g) -> sp.Expr:
    """The law: the pooled response, background subtracted, as a function of r."""
    return 2 * r * slope(f) + kappa(n, f)


Law = Callable[[int], sp.Expr]
"""n -> the pooled response, background subtracted, as a function of r."""
PROVED_TAPS = (1, 3, 5, 7, 9, 41)


def prove(law: Law) -> Proof:
    """Direct double sum minus law is the zero combination of values of g.

    g is undefined, so the difference vanishes only if the arguments agree as multisets.  The radii
    m = h+1, h+2, h+3 are decided one by one; a step from m to m + 1 adds 2Δ for every m because it
    lengthens the plateau by two positions and moves the edges (written out in the documentation).
    """

    def steps() -> Iterator[Step]:
        for n in PROVED_TAPS:
            h = n // 2
            claimed = to_taps(law(n), n)
            for m in range(h + 1, h + 4) if n < 10 else (h + 1,):
                for half_length in range(max(m, m + h - 1), m + h + 2):  # from r = N/2 - h on
                    direct = direct_response(taps(n), m, sp.Integer(0), half_length)
                    difference = direct - claimed.xreplace({r: m - sp.Rational(1, 2)})
                    name = f"n = {n}, r = {2 * m - 1}/2, N = {2 * half_length + 1}"
                    yield Step(name, sp.expand(difference) == 0)
                    yield dark_beyond(n, m, sp.Integer(0), half_length)

    covers = (
        "n = 1, 3, 5, 7, 9 at r = n/2, n/2+1, n/2+2 and n = 41 at r = 41/2, on signals from r = N/2"
        " - h on (for n = 1 from N/2 - 1 on); any g, any taps; zero padding, a ring or repeated"
        " border pixels"
    )
    return Proof(steps(), covers)


def _short_edge(n: int) -> sp.Expr:
    """Wrong: off by one, κ stops at j = h - 2."""
    h = n // 2
    if h == 0:
        return plateau_response(n)
    last = g(C(h - 1, n)) + g(T(h, n)) - g(sp.Integer(0)) - g(S)
    return plateau_response(n) - last


def _no_background(n: int) -> sp.Expr:
    """Wrong: κ forgets that the edge positions take the place of background positions."""
    return plateau_response(n) + 2 * (n // 2) * g(sp.Integer(0))


def _opposite(n: int) -> sp.Expr:
    """Wrong: the sign of κ."""
    return 2 * r * slope() - kappa(n)


CLAIM: Claim[Law] = Claim(
    id="plateau",
    title="The plateau law: the sum of the taps sets the slope, their order only the offset",
    statement=(
        r"\sum_i \left[g(z_i) - g(0)\right] = 2r\,\Delta + \kappa, \qquad \Delta = g(S) - g(0),"
        r" \qquad"
        r" \kappa = \sum_{j=-h}^{h-1} \left[g(C_j) + g(S - C_j) - g(0) - g(S)\right]"
    ),
    assumptions=(
        r"half-integer plateau radii $r \ge n/2$",
        r"any activation and bias, $g(z) = \sigma(z + b)$; any taps",
        r"zero padding, a ring or repeated border pixels, and $r \le \frac N2 - h$",
    ),
    law=plateau_response,
    prove=prove,
    wrong=(
        Wrong("off by one: κ misses its last partial sum", _short_edge),
        Wrong("the background that the edges replace is not subtracted", _no_background),
        Wrong("κ with the opposite sign", _opposite),
    ),
    requires=("staircase",),
    kernel=Kernel(
        "all n, m and L, any taps and any g; zero padding; the largest radius as φ = 1 of the"
        " sub-pixel law",
        ("Plateau.plateau_law", "Subpixel.subpixel_law", "Subpixel.deviation_1"),
    ),
)
