r"""Where training can end: every stationary level follows from the signs of the pre-activations
alone.

Let σ be positively homogeneous, σ(z) = s₊z for z > 0 and s₋z for z < 0.  In the effective weights
v_k = |a_k| (w_k, b_k), with τ_k = sign a_k, a channel answers

    a_k Σ_i σ(z_i + b_k) = τ_k Σ_i s_i (window_i, 1) · v_k,

and s_i depends on the sign of the pre-activation only.  So inside a *cell* (all signs fixed) r̂ is
affine in (v, c), the loss is a convex quadratic, and every stationary point with a_k ≠ 0 attains
its minimum: the *level* of the cell is a least-squares residual, rational when the radii are.  On a
*face* (some pre-activations held at 0) the same holds on a subspace.  The named endings:

    exact         level 0;
    dead          every response is constant: level Var r;
    blind         Σ a_k Δ_k = 0: r̂ depends on φ alone, level >= Var m, attained iff r̂ - φ is
                  constant;
    thresholded   any other smooth stationary point with a positive level: it has crossed steps;
    pinned        a face held by the kink itself: along every direction d the one-sided slope
                  g·d + Σ_s γ_s |n_s·d| is not negative, n_s = (U_s, 1).

Such a point, with every a_k ≠ 0, is a local minimum: each adjacent closed cell carries a convex
quadratic. The gradient in a_k vanishes with that in (w_k, b_k), by Euler's identity a ∂_a = w·∂_w +
b ∂_b.  Derivation: docs/pulse/endings.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.expressions.activation import ACTIVATIONS
from theory.pulse.network import preactivations, readout_bias, taps
from theory.pulse.signal import HALF, phi, pulse
from theory.types import Function, Scalar, Vector

__all__ = ["CLAIM", "LAW", "EndingLaw", "blind_floor", "tilt"]


def tilt(window: Vector, slope: Scalar) -> list[Any]:
    """The row that multiplies v = |a| (w, b): s (window, 1)."""
    return [slope * x for x in (*window, 1)]


def blind_floor(cells: Scalar) -> Any:
    """Var m = (cells² - 1)/12 for m uniform on that many consecutive integers: no blind network is
    better.
    """
    return (cells**2 - 1) / 12


@dataclass(frozen=True)
class EndingLaw:
    """The law: the rows of the least-squares problem, whether it has a constant, and the blind
    floor.
    """

    tilt: Callable[[Vector, Scalar], list[Any]]
    constant: bool
    blind_floor: Function


LAW = EndingLaw(tilt, True, blind_floor)
"""The law as derived; wrong laws replace one of its parts."""
PROVED_TAPS = (1, 3, 5, 7)


def prove(law: EndingLaw) -> Proof:
    """Affine in a cell, minimum of a convex quadratic, no condition from a, the floor, and the
    kink.
    """

    def steps() -> Iterator[Step]:
        yield from _prove_floor(law)
        yield from _prove_affine(law)
        yield from _prove_rows()
        yield from _prove_minimum()

    covers = (
        "n = 1, 3, 5, 7 and every cell m = 1..h+2 with an arbitrary slope at every position; the"
        " quadratic for 3 radii and 2 unknowns; the floor for 1 to 4 cells of 1 to 3 fractions;"
        " every homogeneous row"
    )
    return Proof(steps(), covers)


def _prove_rows() -> Iterator[Step]:
    """σ(z) = s_± z, and σ(z) = (s₊ + s₋)/2 z + (s₊ - s₋)/2 |z|: across a face only |z| bends."""
    p = sp.Symbol("p", positive=True)
    for row in ACTIVATIONS.values():
        if row.homogeneous:
            low, high = row.slopes
            linear = row(p) == high * p and sp.expand(row(-p) - low * (-p)) == 0
            mean, half = (high + low) / 2, (high - low) / 2
            split = all(
                sp.expand(row(value) - mean * value - half * sp.Abs(value)) == 0
                for value in (p, -p)
            )
            yield Step(f"lemma: {row.name} is two rays, a line plus |z|", linear and split)


def _prove_affine(law: EndingLaw) -> Iterator[Step]:
    """r̂ from the double sum, with an arbitrary slope s_i at every position, against the law's
    rows.
    """
    size, b = sp.Symbol("A", positive=True), sp.Symbol("b", real=True)
    for n in PROVED_TAPS:
        w, h = taps(n), n // 2
        v = [size * weight for weight in (*w, b)]
        for m in range(1, h + 3):
            x = pulse(m, phi, m + h)
            padded = (0,) * h + x + (0,) * h
            slopes = sp.symbols(f"s0:{len(x)}", real=True)
            z = preactivations(w, x)
            for sign in (1, -1):
                direct = readout_bias + sp.Add(
                    *(sign * size * s * (value + b) for s, value in zip(slopes, z, strict=True))
                )
                rows = (law.tilt(padded[i : i + n], s) for i, s in enumerate(slopes))
                claimed = sp.Add(
                    *(sign * sp.Add(*map(sp.Mul, row, v)) for row in rows),
                    readout_bias if law.constant else sp.Integer(0),
                )
                affine = sp.expand(direct - claimed) == 0
                yield Step(f"affine in (v, c): n = {n}, m = {m}, sign {sign}", affine)
            euler = size * sp.diff(direct, size) - sp.Add(
                *(weight * sp.diff(direct, weight) for weight in (*w, b))
            )
            yield Step(f"lemma: Euler's identity: n = {n}, m = {m}", sp.expand(euler) == 0)


def _prove_minimum() -> Iterator[Step]:
    """|Mx - r|² = (r·r - x*·Mᵀr) + |M(x - x*)|² whenever Mᵀ(r - Mx*) = 0: the level is the least
    loss.

    With ρ = r - Mx* the two sides differ by (2x - x*)·Mᵀρ, for every M, singular ones included.
    """
    design = sp.Matrix(3, 2, lambda i, j: sp.Symbol(f"M{i}{j}", real=True))
    x, best = (sp.Matrix(sp.symbols(f"{letter}0:2", real=True)) for letter in "xy")
    rho = sp.Matrix(sp.symbols("rho0:3", real=True))
    target = design * best + rho
    level = target.dot(target) - best.dot(design.T * target)
    change = design * (x - best)
    loss = (design * x - target).dot(design * x - target)
    normal = (2 * x - best).dot(design.T * rho)
    yield Step(
        "lemma: the level is the least value of the quadratic",
        sp.expand(loss - level - change.dot(change) + normal) == 0,
    )


def _prove_floor(law: EndingLaw) -> Iterator[Step]:
    """mean (f(φ) - r)² = Var m + mean (f(φ) - φ - mean m + 1/2)², for every
    function f of φ alone.
    """
    for cells in range(1, 5):
        for fractions in range(1, 4):
            f = sp.symbols(f"f0:{fractions}", real=True)
            phis = sp.symbols(f"phi0:{fractions}", real=True)
            middle = sp.Rational(cells + 1, 2) - HALF
            loss = sp.Add(
                *(
                    (f_t - (m - HALF + p)) ** 2
                    for m in range(1, cells + 1)
                    for f_t, p in zip(f, phis, strict=True)
                )
            ) / (cells * fractions)
            square = sp.Add(*((f_t - p - middle) ** 2 for f_t, p in zip(f, phis, strict=True)))
            remainder = loss - law.blind_floor(sp.Integer(cells)) - square / fractions
            name = f"blind floor for {cells} cells of {fractions} fractions"
            yield Step(name, sp.expand(remainder) == 0)


def _no_bias(window: Vector, slope: Scalar) -> list[Any]:
    """Wrong: the bias of the filter is forgotten."""
    return [*tilt(window, slope)[:-1], 0 * slope]


def _straight_bias(window: Vector, slope: Scalar) -> list[Any]:
    """Wrong: the bias enters with slope 1 whatever the activation does."""
    return [*tilt(window, slope)[:-1], slope**0]


CLAIM: Claim[EndingLaw] = Claim(
    id="endings",
    title="Endings: the level at which training stops follows from signs alone",
    statement=(
        r"\mathrm{loss} = \min_{v,\, c} \frac1R \sum_r \Big(c + \sum_k \tau_k \sum_i s_{k,i}(r)\,"
        r" (\mathrm{window}_i, 1)\cdot v_k - r\Big)^2, \qquad v_k = |a_k|\,(w_k, b_k), \quad"
        r" \text{dead: } \mathrm{Var}\, r, \quad \text{blind} \ge \mathrm{Var}\, m"
    ),
    assumptions=(
        (
            r"$\sigma$ positively homogeneous: slope $s_+$ above 0, $s_-$ below; $s_{k,i}$ is the"
            r" slope at the"
            r" sign of the pre-activation, $\tau_k$ the sign of $a_k$"
        ),
        (
            r"a stationary point inside a cell, all $a_k \neq 0$; on a face the minimum is over the"
            r" $v_k$ that"
            r" keep the held pre-activations at 0"
        ),
        (
            r"blind floor: $m$ and $\varphi$ independent, $m$ uniform on consecutive integers,"
            r" plateau radii, $m + h \le L$"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("the filter's bias is forgotten", EndingLaw(_no_bias, True, blind_floor)),
        Wrong("the bias is not tilted by the slope", EndingLaw(_straight_bias, True, blind_floor)),
        Wrong("the readout bias is forgotten", EndingLaw(tilt, False, blind_floor)),
    ),
    requires=("kinks", "readout", "symmetry"),
)
