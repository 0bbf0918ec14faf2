r"""Point-sampled pulses: no network beats the Bayes risk 1/12, and every filter with Δ ≠ 0 attains
it.

The point-sampled pulse x_r(i) = 1 if |i| <= r, else 0, shows k = ⌊r⌋ and nothing else: it is the
area-sampled pulse of the half-integer radius k + 1/2.  For r uniform on whole cells [k, k+1), and
any answer f that depends on k,

    E (f(k) - r)² = 1/12 + E (f(k) - k - 1/2)²,

and for q equidistant midpoints r = k + (2t+1)/(2q) the constant is (1 - 1/q²)/12.  The best answer
is k + 1/2, and the plateau law gives it to *every* filter with Δ ≠ 0, for every σ: a = 1/(2Δ), c =
-a (N g(0) + κ).  Where the edge lies inside a pixel the network cannot see, so it need not be
straight there: the sub-pixel law drops out.  Derivation: docs/pulse/point_sampled.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.pulse.loss import direct_error
from theory.pulse.network import channel_function, readout_bias, readout_weight
from theory.pulse.plateau import kappa, slope
from theory.pulse.readout import exact_readout
from theory.pulse.signal import HALF, pixel
from theory.pulse.staircase import to_taps
from theory.types import Function, Scalar

__all__ = ["CLAIM", "LAW", "PointLaw", "best_answer", "grid_risk", "sampled_pixel"]


def sampled_pixel(i: int, r: sp.Rational) -> sp.Integer:
    """The definition: x_r(i) = 1 if |i| <= r, else 0."""
    return sp.Integer(1) if abs(i) <= r else sp.Integer(0)


def best_answer(k: Scalar) -> Any:
    """k + 1/2, the radius of the area-sampled pulse with the same pixels."""
    return k + (k - k + 1) / 2  # a half in the arithmetic of k


def grid_risk(q: Scalar) -> Any:
    """(1 - 1/q²)/12: the variance of q equidistant midpoints of a unit cell; 1/12 as q grows."""
    return (1 - 1 / q**2) / 12


@dataclass(frozen=True)
class PointLaw:
    """The law: the best answer after seeing k lit pixels on each side, and the
    risk that remains.
    """

    answer: Function
    risk: Function


LAW = PointLaw(best_answer, grid_risk)
"""The law as derived; wrong laws replace one of its parts."""

PROVED_TAPS = (1, 3, 5, 7)


def prove(law: PointLaw) -> Proof:
    """Same pixels, the risk as a completed square, its limit, and the network that attains it."""
    steps = [*_prove_pixels(law), *_prove_risk(law), *_prove_attained(law)]
    covers = (
        "pixels |i| <= 7 for r at both ends and the middle of the cells k = 0..5; the risk for 1 to"
        " 3 cells of 1 to 4 points and for the continuum; attained at k = h and h + 1 for n = 1, 3,"
        " 5, 7, any g with Δ ≠ 0"
    )
    return Proof(tuple(steps), covers)


def _prove_pixels(law: PointLaw) -> Iterator[Step]:
    """On k <= r < k + 1 the pixels do not change: |i| <= r is |i| <= k for integers i."""
    for k in range(6):
        m = law.answer(sp.Integer(k)) + HALF
        for r in (sp.Integer(k), k + HALF, k + 1 - sp.Rational(1, 10**6)):
            same = all(
                m.is_integer and sampled_pixel(i, r) == pixel(i, int(m), sp.Integer(0))
                for i in range(-7, 8)
            )
            yield Step(f"pixels at r = {r} are those of radius {law.answer(sp.Integer(k))}", same)


def _prove_risk(law: PointLaw) -> Iterator[Step]:
    for cells in range(1, 4):
        f = sp.symbols(f"f0:{cells}", real=True)
        square = sp.Add(*((f[k] - law.answer(sp.Integer(k))) ** 2 for k in range(cells))) / cells
        for q in range(1, 5):
            loss = sp.Add(
                *(
                    (f[k] - k - sp.Rational(2 * t + 1, 2 * q)) ** 2
                    for k in range(cells)
                    for t in range(q)
                )
            ) / (cells * q)
            remainder = sp.expand(loss - law.risk(sp.Integer(q)) - square)
            yield Step(f"completed square for {cells} cells of {q} points", remainder == 0)
    k, answer, x = sp.symbols("k f x", real=True)
    continuum = sp.integrate(sp.expand((answer - k - x) ** 2), (x, 0, 1))
    limit = sp.limit(law.risk(sp.Symbol("q", positive=True)), sp.Symbol("q", positive=True), sp.oo)
    remainder = sp.expand(continuum - limit - (answer - law.answer(k)) ** 2)
    yield Step("completed square for the continuum", remainder == 0)
    yield Step("the limit of the risk is 1/12", limit == sp.Rational(1, 12))


def _prove_attained(law: PointLaw) -> Iterator[Step]:
    """The exact readout of one channel answers ``law.answer(k)`` from the direct double sum."""
    f = channel_function(1)
    for n in PROVED_TAPS:
        h = n // 2
        for k, half_length in ((h, max(2 * h, 1)), (h, 2 * h + 2), (h + 1, 2 * h + 2)):
            size = 2 * half_length + 1
            delta = sp.Symbol("Delta", real=True)
            offset = size * f(sp.Integer(0)) + to_taps(kappa(n, f), n, "1")
            (a,), c = exact_readout([delta], [offset])
            error = direct_error(n, 1, k + 1, sp.Integer(0), half_length)
            # direct_error is r̂ - (k + 1/2); the law says what r̂ should be.
            error = error.xreplace({readout_weight(1): a, readout_bias: c})
            error = error + k + HALF - law.answer(sp.Integer(k))
            numerator = sp.numer(sp.together(error)).xreplace({delta: to_taps(slope(f), n, "1")})
            yield Step(f"attained at k = {k} with n = {n}, N = {size}", sp.expand(numerator) == 0)


def _floor(k: Scalar) -> Any:
    """Wrong: the answer is the largest lit pixel."""
    return k


def _unsharp(q: Scalar) -> Any:
    """Wrong: Sheppard's correction with the opposite sign."""
    return (1 + 1 / q**2) / 12


CLAIM: Claim[PointLaw] = Claim(
    id="point_sampled",
    title="Point-sampled pulses: the Bayes risk is 1/12, and every filter with Δ ≠ 0 attains it",
    statement=(
        r"\operatorname{E}\left(f(\lfloor r \rfloor) - r\right)^2 = \tfrac{1}{12} +"
        r" \operatorname{E}\left(f(\lfloor r \rfloor) - \lfloor r \rfloor - \tfrac12\right)^2,"
        r" \qquad"
        r" \hat r = \lfloor r \rfloor + \tfrac12 \text{ with } a = \frac{1}{2\Delta},\ c ="
        r" -a\left(N g(0) + \kappa\right)"
    ),
    assumptions=(
        (
            r"point-sampled pulse: $x_r(i) = 1$ if $|i| \le r$, else 0; $r$ uniform on whole cells"
            r" $[k, k+1)$"
        ),
        (
            r"on $q$ equidistant midpoints of each cell the constant is $(1 - q^{-2})/12$; it"
            r" tends to"
            r" $\tfrac{1}{12}$"
        ),
        r"attained: $k \ge h$, $\Delta \neq 0$, any $\sigma$, zero padding and $k + h \le L$",
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("the answer is the last lit pixel", PointLaw(_floor, grid_risk)),
        Wrong("the grid's correction has the opposite sign", PointLaw(best_answer, _unsharp)),
    ),
    requires=("readout",),
)
