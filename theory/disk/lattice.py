r"""The lattice fluctuation: why the answer to a disk wavers with √r, in which directions, and for
which filters it does not.

Where the normal of the circle is parallel to a primitive vector q of the lattice, the pixels lie in
lines across it: their distances from the edge, in units of 1/|q|, are T = x + m with integer m, and
what a filter shows there is a network in one dimension whose taps are the projections of w,

    p_q(T) = Σ_j W_j h_q(T + j),    W_j = Σ_{u·q = j} w_u,
    h_q(T) = |{|X|, |Y| <= 1/2, q·(X, Y) <= T}|,
    b_q(x) = Σ_m [g(p_q(x + m)) - g(0) - Δ h_q(x + m)].

The circle leaves its tangent like a parabola, and the sum over the lines becomes an integral along
it.  For a disk around c

    Σ_p [g(z_p) - g(0)] = πr²Δ + Pr + √r Σ_q |q|^{-3/2} ∫₀¹ K(|q|r - q·c - u) db_q'(u) + o(√r),
    K(x) = ∫ [B(x - y²/2) - 1/12] dy = (4√2/3) ζ(-3/2, {x}),    B(x) = ({x} - {x}²)/2:

K is what one kink of b_q leaves, ζ the Hurwitz zeta function.  On the axes, q = (±1, 0) and (0,
±1), b_q is the chord deviation of one dimension: there is no fluctuation where the sub-pixel law
holds.  Derivation: docs/disk/lattice.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import gcd
from typing import Any, Protocol

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.disk.arithmetic import Roots
from theory.disk.perimeter import kernel
from theory.pulse.network import g
from theory.pulse.signal import HALF, phi
from theory.pulse.subpixel import chord_deviation
from theory.types import Function, Scalar

__all__ = ["CLAIM", "LAW", "Lag", "Lattice", "directions", "project", "response", "swing", "weight"]

Lag = tuple[int, int]
"""A vector of the lattice."""
Zeta = Callable[[Any, Any], Any]
"""(s, x) -> ζ(s, x), in the arithmetic of the caller."""


def project(w: Mapping[Lag, Scalar], q: Lag) -> dict[int, Any]:
    """W_j, the taps of w added up over u·q = j."""
    found: dict[int, Any] = {}
    for u, tap in w.items():
        j = u[0] * q[0] + u[1] * q[1]
        found[j] = found.get(j, 0 * tap) + tap
    return found


def response(T: Scalar, q: Lag) -> Any:
    """h_q(T), what a pixel holds whose centre lies T/|q| inside a straight edge with the normal q;
    T may be an array.
    """
    long, wide = abs(q[0]), abs(q[1])
    if not long * wide:  # T + 1/2, cut to [0, 1]
        return (abs(2 * T + 1) - abs(2 * T - 1) + 2) / 4
    out, low = long + wide, long - wide
    bent = kernel(2 * T + out) - kernel(2 * T + low) - kernel(2 * T - low) + kernel(2 * T - out)
    return bent / (4 * long * wide)


def weight(q: Lag, f: Roots = sp) -> Any:
    """|q|^{-3/2}."""
    size = f.sqrt(q[0] * q[0] + q[1] * q[1])
    return 1 / (size * f.sqrt(size))


def swing(x: Scalar, zeta: Zeta = sp.zeta, f: Roots = sp) -> Any:
    """K(x) = (4√2/3) ζ(-3/2, x) for 0 < x <= 1."""
    return 4 * f.sqrt(2) / 3 * zeta(-3 * HALF, x)


def directions(reach: int) -> Iterator[Lag]:
    """The primitive vectors q with |q| <= reach."""
    span = range(-reach, reach + 1)
    for q in ((i, j) for i in span for j in span):
        if gcd(*q) == 1 and q[0] ** 2 + q[1] ** 2 <= reach**2:
            yield q


class Weight(Protocol):
    """A direction and the arithmetic -> how much it weighs."""

    def __call__(self, q: Lag, f: Roots = sp, /) -> Any: ...


class Swing(Protocol):
    """x, the Hurwitz zeta function and the arithmetic -> K(x)."""

    def __call__(self, x: Scalar, zeta: Zeta = sp.zeta, f: Roots = sp, /) -> Any: ...


@dataclass(frozen=True)
class Lattice:
    """The law: the projected filter, the pixel across lines of the lattice, the weight of a
    direction, and what a kink leaves.
    """

    project: Callable[[Mapping[Lag, Scalar], Lag], dict[int, Any]]
    response: Callable[[Scalar, Lag], Any]
    weight: Weight
    swing: Swing


LAW = Lattice(project, response, weight, swing)
"""The law as derived here."""

PROVED = tuple(q for q in directions(3) if q > (0, 0))
"""Directions of the proofs, up to their opposites."""


def prove(law: Lattice) -> Proof:
    """Windows at straight edges from half squares, lines of the lattice by counting, and the
    integral along the parabola.
    """
    covers = (
        "filters with n × n taps, n = 3, and sums over lines in the directions"
        f" {', '.join(map(str, PROVED))}; the axes for any g and any 3 × 3 filter; one-signed"
        " differences along e and κ of 2 × 2 taps; the lines of the lattice; the parabola as the"
        " radius r grows; the integral along it for every x in (0, 1], from the limit that defines"
        " ζ(-3/2, x)"
    )
    return Proof(_steps(law), covers)


def _steps(law: Lattice) -> Iterator[Step]:
    """Those that take longest come last."""
    yield from _prove_swing(law)
    yield from _prove_weight(law)
    yield from _prove_axis(law)
    yield from _prove_linear(law)
    yield from _prove_window(law)
    yield from _prove_one_sign(law)


def _taps() -> dict[Lag, sp.Symbol]:
    return {
        (u, v): sp.Symbol(f"w{u + 1}{v + 1}", real=True) for u in (-1, 0, 1) for v in (-1, 0, 1)
    }


# ----------------------------------------------------------------------------------- the windows


def _half_square(T: Fraction, q: Lag) -> Fraction:
    """The definition: rows of {|X|, |Y| <= 1/2, q·(X, Y) <= T}, lines in Y between the places where
    one is just full or empty.
    """
    c, s = (abs(q[0]), abs(q[1])) if q[0] else (abs(q[1]), 0)
    half = Fraction(1, 2)

    def length(y: Fraction) -> Fraction:
        return min(max((T - s * y) / c + half, Fraction(0)), Fraction(1))

    places = {-half, half}
    if s:
        places |= {y for k in (half, -half) if abs(y := (T + k * c) / s) < half}
    total = Fraction(0)
    for low, high in pairwise(sorted(places)):
        total += (high - low) * (length(low) + length(high)) / 2
    return total


def _prove_window(law: Lattice) -> Iterator[Step]:
    """The pixel u lies at T + u·q: the window from nine half squares, against the
    projected taps.
    """
    w = _taps()
    for q in PROVED:
        far = sum(map(abs, q)) * 2
        taps = law.project(w, q)
        half = {k: _half_square(Fraction(k, 6), q) for k in range(-9 * far, 9 * far + 1)}
        # Quadratics between half-integers: three values and more decide each.
        same = True
        for k in range(-6 * far, 6 * far + 1):
            direct = (tap * half[k + 6 * (u * q[0] + v * q[1])] for (u, v), tap in w.items())
            claimed = (tap * law.response(Fraction(k, 6) + j, q) for j, tap in taps.items())
            same = same and sp.expand(sp.Add(*direct) - sp.Add(*claimed)) == 0
        yield Step(f"the window across {q}", same)


def _prove_linear(law: Lattice) -> Iterator[Step]:
    """Σ_m [h(x + m) - 1{x + m > 0}] = x - 1/2 for 0 < x < 1: pixels without σ
    leave no fluctuation.
    """
    for q in PROVED:
        far = sum(map(abs, q))
        good = True
        for k in range(1, 12):
            x = Fraction(k, 12)
            total = sum(law.response(x + m, q) - int(m >= 0) for m in range(-far, far + 1))
            good = good and total == x - Fraction(1, 2)
        yield Step(f"pixels alone do not fluctuate across {q}", good)


def _wave(law: Lattice, taps: Mapping[int, Scalar], q: Lag, x: Scalar, f: Function) -> Any:
    """b_q(x)."""
    far = sum(map(abs, q)) + max(map(abs, taps)) + 1
    dark, rise = f(0 * x), f(sum(taps.values(), 0 * x)) - f(0 * x)
    total = 0 * x
    for m in range(-far, far + 1):
        p = sum((tap * law.response(x + m + j, q) for j, tap in taps.items()), 0 * x)
        total += f(p) - dark - rise * law.response(x + m, q)
    return total


def _prove_axis(law: Lattice) -> Iterator[Step]:
    """Across an axis b_q(φ - 1/2) - b_q(-1/2) = Σ δ(T_{u+1}, T_u; φ) of the projected taps, for any
    g.
    """
    w = _taps()
    for q in ((1, 0), (0, 1), (-1, 0), (0, -1)):
        axis, sign = (0, q[0]) if q[0] else (1, q[1])
        line = [sp.Add(*(tap for u, tap in w.items() if sign * u[axis] == j)) for j in (-1, 0, 1)]
        climb = [sp.Add(*line[k:]) for k in range(4)]  # the last is 0
        claimed = sp.Add(*(chord_deviation(climb[k + 1], climb[k]) for k in range(3)))
        taps, good = law.project(w, q), True
        for share in (sp.Rational(1, 5), HALF, sp.Rational(3, 4)):
            gap = _wave(law, taps, q, share - HALF, g) - _wave(law, taps, q, -HALF, g)
            right = claimed.xreplace({phi: share})
            good = good and sp.expand(_tidy(gap - right)) == 0
        yield Step(f"across {q} the sub-pixel law of one dimension", good)
        bent = -phi * (1 - phi) * sp.Add(*(tap**2 for tap in line))
        square = claimed.replace(g, lambda z: z**2)
        yield Step(f"squares across {q}: -φ(1 - φ) ΣW²", sp.expand(square - bent) == 0)


def _tidy(expression: sp.Expr) -> sp.Expr:
    """The arguments of g, expanded."""
    return expression.replace(g, lambda z: g(sp.expand(z)))


def _prove_one_sign(law: Lattice) -> Iterator[Step]:
    """|p| = ±p if p has one sign: then b_q is constant for abs, and for ReLU."""

    def relu(z: Fraction) -> Fraction:
        return max(z, 0 * z)

    kappa = {
        (0, 0): Fraction(1),
        (1, 0): Fraction(2, 3),
        (0, 1): Fraction(1, 5),
        (1, 1): Fraction(3, 2),
    }
    for e in ((1, 0), (1, 1), (2, -1)):
        w: dict[Lag, Fraction] = {}
        for (u, v), tap in kappa.items():
            w[u + e[0], v + e[1]] = w.get((u + e[0], v + e[1]), Fraction(0)) + tap
            w[u, v] = w.get((u, v), Fraction(0)) - tap
        good = True
        for q in PROVED:
            taps = law.project(w, q)
            for f in (abs, relu):
                values = {_wave(law, taps, q, Fraction(k, 7), f) for k in range(7)}
                good = good and len(values) == 1
        yield Step(f"abs and ReLU of a difference along {e} do not fluctuate", good)


# ------------------------------------------------------------------------------ along the parabola


def _prove_weight(law: Lattice) -> Iterator[Step]:
    """On a line the pixels are |q| apart; at ℓ = λ√(r/|q|) beside the point of contact the edge is
    λ²/2 lines deep.
    """
    lam, r, size = sp.symbols("lambda r Q", positive=True)
    for q in PROVED:
        span = range(-12, 13)
        on = sorted(
            (-q[1] * i + q[0] * j, i, j) for i in span for j in span if i * q[0] + j * q[1] == 1
        )
        gaps = {(k - i, m - j) for (_, i, j), (_, k, m) in pairwise(on)}
        yield Step(
            f"a line across {q}: every pixel is the last one moved by {(-q[1], q[0])}",
            gaps == {(-q[1], q[0])},
        )
        length = sp.sqrt(q[0] ** 2 + q[1] ** 2)
        claimed = law.weight(q) * sp.sqrt(r)
        yield Step(
            f"dℓ/|q| = √r |q|^(-3/2) dλ, q = {q}",
            sp.simplify(sp.diff(lam * sp.sqrt(r / length), lam) / length - claimed) == 0,
        )
    depth = size * (r - sp.sqrt(r**2 - (lam * sp.sqrt(r / size)) ** 2))
    yield Step("the circle is a parabola", sp.limit(depth, r, sp.oo) == lam**2 / 2)


def _prove_swing(law: Lattice) -> Iterator[Step]:
    r"""K(x) = √2 ∫_0^∞ s^{-1/2} (-B₂({x - s})/2) ds, stretch by stretch, against the limit that
    defines ζ(-3/2, x).

    With f(s) = s^{3/2} and f'' = (3/4)s^{-1/2}: up to s = x the integral is elementary, and from a
    to a + 1 it is what the formula of Euler and Maclaurin leaves.  Added up, (3/4)∫ = Σ_{k<N} f(x +
    k) - (2/5)X^{5/2} + X^{3/2}/2 - X^{1/2}/8, X = x + N: by definition ζ(-3/2, x) in the limit.
    """
    s, x, a, y = sp.symbols("s x a y", positive=True)

    def bernoulli(v: sp.Expr) -> sp.Expr:
        return v**2 - v + sp.Rational(1, 6)

    def ends(v: sp.Expr) -> sp.Expr:
        return -2 * v ** (5 * HALF) / 5 + v ** (3 * HALF) / 2 - sp.sqrt(v) / 8

    phase = sp.Symbol("p", real=True)
    inside = sp.Rational(3, 4) / sp.sqrt(s) * (-bernoulli(s - phase) / 2)
    whole = -sp.sqrt(s) * (
        sp.Rational(3, 20) * s**2 - (2 * phase + 1) * s / 4 + sp.Rational(3, 4) * bernoulli(-phase)
    )
    yield Step("the antiderivative", sp.expand(sp.diff(whole, s) - inside) == 0)

    def stretch(low: sp.Expr, high: sp.Expr, p: sp.Expr) -> sp.Expr:
        return (whole.subs(s, high) - whole.subs(s, low)).subs(phase, p)

    yield Step(
        "the parabola's mean is 1/12", sp.integrate((y - y**2) / 2, (y, 0, 1)) == sp.Rational(1, 12)
    )
    yield Step(
        "B less its mean is -B₂/2",
        sp.expand((y - y**2) / 2 - sp.Rational(1, 12) + bernoulli(y) / 2) == 0,
    )
    yield Step("B₂({x - s}) = B₂({s - x})", sp.expand(bernoulli(1 - y) - bernoulli(y)) == 0)
    yield Step("up to s = x", sp.expand(stretch(sp.Integer(0), x, x - 1) - ends(x)) == 0)
    gap = stretch(a, a + 1, a) - (a ** (3 * HALF) + ends(a + 1) - ends(a))
    yield Step("from a to a + 1: Euler and Maclaurin", sp.simplify(sp.expand(gap)) == 0)
    half = sp.integrate(1 / sp.sqrt(2 * s), s)
    yield Step(
        "both arms: dy = ds/√(2s), twice",
        sp.simplify(2 * sp.diff(half, s) - sp.sqrt(2) / sp.sqrt(s)) == 0,
    )
    z = sp.Function("zeta_")
    claimed = law.swing(x, z) - sp.sqrt(2) * sp.Rational(4, 3) * z(-3 * HALF, x)
    yield Step("K = √2 (4/3) ζ(-3/2, x)", sp.expand(claimed) == 0)


# ----------------------------------------------------------------------------------- wrong versions


def _turned(w: Mapping[Lag, Scalar], q: Lag) -> dict[int, Any]:
    """Wrong: taps are added up along the normal, not across it."""
    return project(w, (-q[1], q[0]))


def _sharp(T: Scalar, q: Lag) -> Any:
    """Wrong: every pixel shows its edge as an upright one does."""
    return response(T, (1, 0))


def _dense(q: Lag, f: Roots = sp) -> Any:
    """Wrong: |q|^{-1/2}: pixels lie as densely on the lines of every direction."""
    return weight(q, f) * f.sqrt(q[0] * q[0] + q[1] * q[1])


def _tangent(x: Scalar, zeta: Zeta = sp.zeta, f: Roots = sp) -> Any:
    """Wrong: all lines as at the point of contact: ζ(-1, x) = -B₂(x)/2."""
    return 4 * f.sqrt(2) / 3 * zeta(-2 * HALF, x)


CLAIM: Claim[Lattice] = Claim(
    id="lattice",
    title="The lattice fluctuation: √r times a half-integral of the sub-pixel law",
    statement=(
        r"\sum_p \left[g(z_p) - g(0)\right] = \pi r^2\Delta + P r + \sqrt r \sum_q |q|^{-3/2}"
        r" \int_0^1 K(|q|r - q \cdot c - u)\, db_q'(u) + o(\sqrt r), \qquad"
        r" b_q(x) = \sum_m \left[g(p_q(x + m)) - g(0) - \Delta\, h_q(x + m)\right], \quad p_q(T) ="
        r" \sum_j W_j h_q(T + j), \quad W_j = \sum_{u \cdot q = j} w_u, \qquad"
        r" K(x) = \frac{4\sqrt2}{3}\, \zeta(-\tfrac32, \{x\})"
    ),
    assumptions=(
        (
            r"a disk around any point $c$, far from the border; $\sigma$ continuous and piecewise"
            r" smooth; $q$ runs over the primitive vectors of the lattice"
        ),
        (
            r"$h_q(T)$: the area of a unit square on the inner side of a line across $q$, its"
            r" centre $T/|q|$ inside"
        ),
        (
            r"proved: each Fourier coefficient over $c$, to $O(\log r)$, and so the variance over"
            r" $c$, to $o(r)$; for one disk, such as one around a pixel, the law is tested, not"
            r" proved"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("taps added up along the normal", replace(LAW, project=_turned)),
        Wrong("every pixel as at an upright edge", replace(LAW, response=_sharp)),
        Wrong("pixels as dense on the lines of every direction", replace(LAW, weight=_dense)),
        Wrong("all lines as at the point of contact", replace(LAW, swing=_tangent)),
    ),
    requires=("perimeter", "subpixel"),
)
