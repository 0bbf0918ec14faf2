r"""The sub-pixel law: between half-integers the response bends by the chord deviation D(φ).

    δ(p, q; φ) = g(p + φ(q - p)) - (1 - φ) g(p) - φ g(q)
    Σ_i [g(z_i) - g(0)] = 2rΔ + κ + D(φ),    D(φ) = Σ_u [δ(C_{u-1}, C_u; φ) + δ(T_{u+1}, T_u; φ)]

for r = m - 1/2 + φ.  D(0) = D(1) = 0, and D does not depend on m.  Derivation:
docs/pulse/subpixel.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sympy as sp

from theory.claim import Claim, Kernel, Proof, Step, Wrong
from theory.pulse.network import direct_response, g, taps
from theory.pulse.plateau import plateau_response, r
from theory.pulse.signal import phi, radius
from theory.pulse.staircase import C, T, dark_beyond, to_taps

__all__ = ["CLAIM", "Law", "chord_deviation", "deviation", "subpixel_response"]


def chord_deviation(p: sp.Expr, q: sp.Expr, f: sp.Function = g) -> sp.Expr:
    """δ(p, q; φ): how far g bends away from its chord between p and q."""
    return f(p + phi * (q - p)) - (1 - phi) * f(p) - phi * f(q)


def _edge(steps: list[tuple[sp.Expr, sp.Expr, sp.Expr]], f: sp.Function) -> sp.Expr:
    """The chord deviations of one edge, each step (p, q, w) with its tap w = q - p."""
    return sp.Add(*(chord_deviation(p, q, f).xreplace({q - p: w}) for p, q, w in steps))


def deviation(n: int, f: sp.Function = g) -> sp.Expr:
    """D(φ), in staircase symbols and taps."""
    h, w = n // 2, taps(n)
    left = [(C(u - 1, n), C(u, n), w[u + h]) for u in range(-h, h + 1)]
    right = [(T(u + 1, n), T(u, n), w[u + h]) for u in range(-h, h + 1)]
    return _edge(left, f) + _edge(right, f)


def subpixel_response(n: int, f: sp.Function = g) -> sp.Expr:
    """The law: the pooled response, background subtracted, as a function of r and φ."""
    return plateau_response(n, f) + deviation(n, f)


Law = Callable[[int], sp.Expr]
"""n -> the pooled response, background subtracted, as a function of r and φ."""
PROVED_TAPS = (1, 3, 5, 7, 9, 21)


def prove(law: Law) -> Proof:
    """Direct double sum minus law vanishes identically in φ, the taps and the undefined g."""

    def steps() -> Iterator[Step]:
        for n in PROVED_TAPS:
            h = n // 2
            claimed = to_taps(law(n), n)
            for m in range(h + 1, h + 4) if n < 10 else (h + 1,):
                direct = direct_response(taps(n), m, phi, m + h)
                difference = direct - claimed.xreplace({r: radius(m)})
                name = f"n = {n}, r in [{2 * m - 1}/2, {2 * m + 1}/2]"
                yield Step(name, sp.expand(difference) == 0)
                yield dark_beyond(n, m, phi, m + h)
            ends = to_taps(law(n) - plateau_response(n), n)
            for end in (sp.Integer(0), sp.Integer(1)):
                value = sp.expand(ends.xreplace({phi: end}))
                yield Step(f"n = {n}, D({end}) = 0", value == 0)

    covers = (
        "n = 1, 3, 5, 7, 9, 21; r in [n/2, n/2+1] and, below 10 taps, up to n/2+3; all φ, any g;"
        " zero padding, a ring or repeated border pixels"
    )
    return Proof(steps(), covers)


def _opposite(n: int) -> sp.Expr:
    """Wrong: the sign of D."""
    return plateau_response(n) - deviation(n)


def _one_edge(n: int) -> sp.Expr:
    """Wrong: both edges climb the staircase C."""
    h, w = n // 2, taps(n)
    left = [(C(u - 1, n), C(u, n), w[u + h]) for u in range(-h, h + 1)]
    return plateau_response(n) + 2 * _edge(left, g)


def _late(n: int) -> sp.Expr:
    """Wrong: off by one, the border pixel meets the tap after the one it should."""
    h, w = n // 2, taps(n)
    late = [(C(u, n), C(u + 1, n), w[u + h + 1]) for u in range(-h, h)]
    right = [(T(u + 1, n), T(u, n), w[u + h]) for u in range(-h, h + 1)]
    return plateau_response(n) + _edge(late, g) + _edge(right, g)


CLAIM: Claim[Law] = Claim(
    id="subpixel",
    title="The sub-pixel law: between half-integers only the chord deviation of σ remains",
    statement=(
        r"\sum_i \left[g(z_i) - g(0)\right] = 2r\,\Delta + \kappa + D(\varphi), \qquad"
        r" D(\varphi) = \sum_u \left[\delta(C_{u-1}, C_u; \varphi) + \delta(T_{u+1}, T_u;"
        r" \varphi)\right]"
    ),
    assumptions=(
        r"plateau radii $r = m - \tfrac12 + \varphi \ge n/2$, $0 \le \varphi \le 1$",
        r"any activation and bias; any taps",
        (
            r"zero padding, a ring or repeated border pixels, and $m + h \le L$: no filter position"
            r" sees a pulse cut off by the border"
        ),
        r"$\delta(p,q;\varphi) = g(p+\varphi(q-p)) - (1-\varphi)\,g(p) - \varphi\,g(q)$",
    ),
    law=subpixel_response,
    prove=prove,
    wrong=(
        Wrong("D with the opposite sign", _opposite),
        Wrong("both edges climb the same staircase C", _one_edge),
        Wrong("off by one: the border pixel meets the next tap", _late),
    ),
    requires=("plateau",),
    kernel=Kernel(
        "all n, m, L and φ, any taps and any g; zero padding",
        ("Subpixel.subpixel_law", "Subpixel.deviation_0", "Subpixel.deviation_1"),
    ),
)
