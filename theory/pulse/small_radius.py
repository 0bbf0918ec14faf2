r"""Small radii: below n/2 the pulse slides inside the filter, and each half-integer adds one law.

With ℓ = 2r lit pixels, ℓ odd and ℓ < n, a filter sees the sums of ℓ consecutive taps.  The response
departs from the plateau law, Σ_i [g(z_i) - g(0)] = 2rΔ + κ + ε_ℓ, by

    ε_ℓ = Σ_{windows of ℓ taps} g(w_u + ... + w_{u+ℓ-1}) + (n - 1 - ℓ) g(S)
          - Σ_{j=ℓ}^{n-1} [g(sum of the first j taps) + g(sum of the last j taps)],

and between two half-integers, m <= h, by (1 - φ) ε_{2m-1} + φ ε_{2m+1} + D_m(φ), where D_m is the
sum of the chord deviations of every position, and ε_ℓ = 0 for ℓ >= n.  A network that is exact on
the plateau is exact down to a half-integer r_min iff also Σ_k a_k ε_{k,ℓ} = 0 for every odd ℓ with
2 r_min <= ℓ < n, and Σ_k a_k D_{k,m} ≡ 0 on every cell it crosses.  Derivation:
docs/pulse/small_radius.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.pulse.network import direct_response, g, taps, vanish_together
from theory.pulse.plateau import plateau_response, r
from theory.pulse.signal import phi, radius
from theory.pulse.staircase import C, S, T, to_taps
from theory.pulse.subpixel import chord_deviation

__all__ = ["CLAIM", "LAW", "Small", "conditions", "defect", "sliding_deviation", "small_response"]


def defect(n: int, lit: int, f: sp.Function = g) -> sp.Expr:
    """ε_ℓ in staircase symbols; 0 for ℓ >= n.

    Raises
    ------
    ValueError: ℓ is not odd and positive.
    """
    if lit < 1 or lit % 2 == 0:
        raise ValueError(
            f"a pulse of half-integer radius lights an odd number of pixels, not {lit}"
        )
    if lit >= n:
        return sp.Integer(0)
    h = n // 2
    inside = (f(C(u + lit - 1, n) - C(u - 1, n)) for u in range(-h, h - lit + 2))
    ends = (f(C(j - h - 1, n)) + f(T(h + 1 - j, n)) for j in range(lit, n))
    return sp.Add(*inside) + (n - 1 - lit) * f(S) - sp.Add(*ends)


def _window_sum(n: int, m: int, i: int) -> sp.Expr:
    """z_i for radius m - 1/2: the sum of the taps that lie on lit pixels, |i + u| < m."""
    h = n // 2
    first, last = max(-h, 1 - m - i), min(h, m - 1 - i)
    return C(last, n) - C(first - 1, n) if first <= last else sp.Integer(0)


def sliding_deviation(n: int, m: int, f: sp.Function = g) -> sp.Expr:
    """D_m(φ) on the cell m - 1/2 <= r <= m + 1/2, any m >= 1: the chord deviations of all
    positions.
    """
    h = n // 2
    return sp.Add(
        *(
            chord_deviation(_window_sum(n, m, i), _window_sum(n, m + 1, i), f)
            for i in range(-m - h, m + h + 1)
        )
    )


def small_response(n: int, m: int, f: sp.Function = g) -> sp.Expr:
    """The law: the pooled response, background subtracted, on the cell m - 1/2 <= r <= m + 1/2."""
    below, above = defect(n, 2 * m - 1, f), defect(n, 2 * m + 1, f)
    return plateau_response(n, f) + (1 - phi) * below + phi * above + sliding_deviation(n, m, f)


def conditions(n: int, first: int, f: sp.Function = g) -> list[sp.Expr]:
    """What of every channel, times its a_k, has to add up to 0 from first - 1/2 on, beside the
    plateau's laws.
    """
    h = n // 2
    defects = [defect(n, 2 * m - 1, f) for m in range(first, h + 1)]
    return [*defects, *(sliding_deviation(n, m, f) for m in range(first, h + 1))]


@dataclass(frozen=True)
class Small:
    """The law: the response on every cell, and what exact networks on the plateau
    need beyond it.
    """

    response: Callable[[int, int], sp.Expr]
    conditions: Callable[[int, int], list[sp.Expr]]


LAW = Small(small_response, conditions)
"""The law as derived; wrong laws replace one of its parts."""
PROVED_TAPS = (3, 5, 7, 9)
DECIDED_TAPS = (3, 5, 7)
"""Those for which "exact if and only if" is decided."""


def prove(law: Small) -> Proof:
    """Direct double sum minus law vanishes on every cell below the plateau, and on the first above
    it.

    Where the plateau's laws hold, errors and conditions are combinations of each other.
    """

    def steps() -> Iterator[Step]:
        for n in PROVED_TAPS:
            h = n // 2
            for m in range(1, h + 2):
                claimed = to_taps(law.response(n, m), n).xreplace({r: radius(m)})
                difference = direct_response(taps(n), m, phi, m + h) - claimed
                yield Step(
                    f"n = {n}, r in [{2 * m - 1}/2, {2 * m + 1}/2]", sp.expand(difference) == 0
                )
            yield Step(f"lemma: the {h} laws for n = {n} are independent", _independent(n) == h)
            for first in range(1, h + 1) if n in DECIDED_TAPS else ():
                name = (
                    f"exact from {2 * first - 1}/2 on if and only if the conditions hold, n = {n}"
                )
                yield Step(name, _exact_together(n, first, law))

    covers = (
        "n = 3, 5, 7, 9; every radius from 1/2 to n/2 + 1, all φ, any g, any taps; exact if and"
        " only if, n = 3, 5, 7, from every half-integer below n/2 on, for one channel, and so for"
        " any sum of channels"
    )
    return Proof(steps(), covers)


def _exact_together(n: int, first: int, law: Small) -> bool:
    """What direct sums depart from the plateau law by vanishes, at half-integers and between, where
    the conditions do.
    """
    departures = [x for m in range(first, n // 2 + 1) for x in _departures(n, m)]
    return vanish_together(departures, [to_taps(x, n) for x in law.conditions(n, first)])


@cache
def _departures(n: int, m: int) -> tuple[sp.Expr, ...]:
    """At m - 1/2 and m - 1/2 + φ; no law enters."""
    straight = to_taps(plateau_response(n), n)
    return tuple(
        sp.expand(
            direct_response(taps(n), m, part, m + n // 2) - straight.xreplace({r: radius(m, part)})
        )
        for part in (sp.Integer(0), phi)
    )


def _independent(n: int) -> int:
    """The rank of ε_1, ε_3, ..., ε_{n-2} as combinations of values of g."""
    laws = [sp.expand(to_taps(defect(n, lit), n)) for lit in range(1, n, 2)]
    values = sorted(set().union(*(law.atoms(sp.Function) for law in laws)), key=str)
    return int(sp.Matrix([[law.coeff(value) for value in values] for law in laws]).rank())


def _plateau_everywhere(n: int, m: int) -> sp.Expr:
    """Wrong: the plateau law continued below n/2."""
    return plateau_response(n) + sliding_deviation(n, m)


def _one_window_short(n: int, m: int) -> sp.Expr:
    """Wrong: off by one, the last window inside the filter is forgotten."""
    h, lit = n // 2, 2 * m - 1
    law = small_response(n, m)
    return law if lit >= n else law - (1 - phi) * g(C(h, n) - C(h - lit, n))


def _at_half_integers(n: int, first: int, f: sp.Function = g) -> list[sp.Expr]:
    """Wrong: what lies between half-integers follows."""
    return [defect(n, 2 * m - 1, f) for m in range(first, n // 2 + 1)]


def _one_cell_short(n: int, first: int, f: sp.Function = g) -> list[sp.Expr]:
    """Wrong: nothing is asked at the smallest half-integer itself."""
    return [x for x in conditions(n, first, f) if x != defect(n, 2 * first - 1, f)]


def _from_one_half(n: int, first: int, f: sp.Function = g) -> list[sp.Expr]:
    """Wrong: the laws of all half-integers are needed, also of those below r_min."""
    return conditions(n, 1, f)


CLAIM: Claim[Small] = Claim(
    id="small_radius",
    title="Small radii: each half-integer below n/2 adds one law",
    statement=(
        r"\sum_i \left[g(z_i)-g(0)\right] = 2r\Delta + \kappa + \varepsilon_{2r}, \qquad"
        r" \varepsilon_\ell = \sum_{u} g\Big(\sum_{v=u}^{u+\ell-1} w_v\Big) + (n-1-\ell)\, g(S)"
        r" - \sum_{j=\ell}^{n-1}\left[g(C_{j-h-1}) + g(T_{h+1-j})\right]"
    ),
    assumptions=(
        (
            r"half-integer radii $r \ge \tfrac12$, $\ell = 2r$ lit pixels; $\varepsilon_\ell = 0$"
            r" for $\ell \ge n$, where it is the plateau law"
        ),
        (
            r"for an arbitrary $g$ these laws are independent; in a linear cell every"
            r" $\varepsilon_\ell$ is 0; $m + h \le L$"
        ),
        (
            r"between them $(1-\varphi)\,\varepsilon_{2m-1} + \varphi\,\varepsilon_{2m+1} +"
            r" D_m(\varphi)$"
        ),
        (
            r"exact down to a half-integer $r_{\min}$ iff the plateau laws hold, $\sum_k a_k"
            r" \varepsilon_{k,\ell} = 0$ for odd"
            r" $\ell \ge 2r_{\min}$, and $\sum_k a_k D_{k,m} \equiv 0$"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("the plateau law continued below n/2", replace(LAW, response=_plateau_everywhere)),
        Wrong(
            "off by one: the last window inside the filter is missing",
            replace(LAW, response=_one_window_short),
        ),
        Wrong(
            "exact at half-integers, so exact between them",
            replace(LAW, conditions=_at_half_integers),
        ),
        Wrong(
            "off by one: no law at the smallest radius", replace(LAW, conditions=_one_cell_short)
        ),
        Wrong("the laws below the smallest radius, too", replace(LAW, conditions=_from_one_half)),
    ),
    requires=("subpixel",),
)
