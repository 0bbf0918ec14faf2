r"""The bend of the edge: the constant that comes after area and perimeter of a large disk, in the
mean over its centre.

The disk's edge leaves its tangent by ℓ²/2r at the distance ℓ from the foot of the normal, so a
filter answers p_θ(t) + q_θ(t)/r + ... in place of p_θ(t), with the second moment of the chords of
its pixels,

    q_θ(t) = -1/2 Σ_u w_u M_θ(t; u),    M_θ(t; u) = ∫ ℓ² dℓ over the chord of pixel u;

and the circle at the distance t inside is shorter than the edge by 2πt.  Together, with g(z) = σ(z
+ b),

    F̄(r) = πr²Δ + P r + C + O(1/r),
    C = ∮ dθ ∫ [g'(p_θ) q_θ - t (g(p_θ) - g(0) - Δ 1{t > 0})] dt.

Seen from the other side q_{θ+π}(-t) = q_θ(t) and p_{θ+π}(-t) = S - p_θ(t): C knows only the part of
g that is odd about S/2, P only the even one.  An affine odd part adds nothing, since the pixels add
up to πr² exactly.  For g = z^k, C is the mean area of the hull of k points of the filter; k = 3 and
one pixel is Sylvester's 11/144.  For the absolute value of a difference along a row, a column or a
diagonal C = 0, and the next term is -|e|(|e|² + 1)/(6r).

Derivation: docs/disk/curvature.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

import sympy as sp
from sympy.polys.domains import QQ
from sympy.polys.fields import FracField

from theory.claim import Claim, Proof, Step, Wrong
from theory.disk.arithmetic import Roots
from theory.disk.perimeter import DIRECTIONS, STEPS, OfVector, edge
from theory.disk.shares import opposite
from theory.pulse.signal import HALF
from theory.types import Scalar

__all__ = ["CLAIM", "LAW", "Curvature", "local", "moment", "narrowing"]


def moment(t: Scalar, y: Scalar, c: Scalar, s: Scalar) -> Any:
    """M: ∫ ℓ² dℓ over the chord of a pixel, n = (c, s), neither 0; t = the centre's distance
    inside, y = its place along the edge, u·n⊥ with n⊥ = (-s, c).
    """
    total = 0 * t
    for i in (1, -1):
        for j in (1, -1):
            inside = t + (i * c + j * s) / 2  # of the corner
            depth, along = (inside + abs(inside)) / 2, y + (j * c - i * s) / 2
            total += i * j * ((along + depth * s / c) ** 3 - (along - depth * c / s) ** 3) / 3
    return total


def local(t: Scalar, slope: Scalar, second: Scalar, lack: Scalar) -> Any:
    """What the distance t inside an edge adds to C: slope = g'(p), second = Σ w_u M_u, lack = g(p)
    - g(0) - Δ 1{t > 0}.
    """
    return -slope * second / 2 - t * lack


def narrowing(x: Scalar, y: Scalar, f: Roots = sp) -> Any:
    """The coefficient of 1/r for the absolute value of the difference along e = (x, y), a row, a
    column or a diagonal.
    """
    square = x * x + y * y
    return -f.sqrt(square) * (square + 1) / 6


@dataclass(frozen=True)
class Curvature:
    """The law: the second moment of a chord, what a place adds to C, and the term
    after the width.
    """

    moment: Callable[[Scalar, Scalar, Scalar, Scalar], Any]
    local: Callable[[Scalar, Scalar, Scalar, Scalar], Any]
    narrowing: OfVector


LAW = Curvature(moment, local, narrowing)
"""The law as derived here."""

PROVED_TAPS = (1, 3)
POINTS = {2: sp.Integer(0), 3: sp.Rational(11, 144)}
"""The mean area of the hull of k random points of a pixel."""


def prove(law: Curvature) -> Proof:
    """Chords from their definition, C for the identity, both sides of an edge, powers on one pixel,
    and widths.
    """
    covers = (
        "the edge and its tangent to the order 1/r³; chords in four directions, those of the axes"
        " left out, between all breaks, for pixels at any place along the edge; the identity for n"
        " = 1, 3, any filter; polynomials g up to degree 5 from both sides; g = z^k, k ="
        f" {', '.join(map(str, POINTS))}, on one pixel; all triangles; the covariogram of the disk"
        f" to the order 1/r³; the steps {', '.join(map(str, STEPS))} at all radii to the order 1/r"
    )
    return Proof(_steps(law), covers)


def _steps(law: Curvature) -> Iterator[Step]:
    """The dearest integrals come last."""
    yield from _prove_narrowing(law)
    yield from _prove_identity(law)
    yield from _prove_moment(law)
    yield from _prove_sides(law)
    yield from _prove_bend()
    yield from _prove_hull()
    yield from _prove_lens()
    yield from _prove_powers(law)


# ------------------------------------------------------------------------------------- the moment

SLANTED = tuple((a * x, b * y) for x, y in DIRECTIONS if x * y != 0 for a, b in ((1, 1), (-1, 1)))


def _prove_bend() -> Iterator[Step]:
    """r - √(r² - ℓ²) = ℓ²/2r + ℓ⁴/8r³ + ..., odd in r."""
    ell, eps = sp.symbols("ell epsilon", positive=True)
    bend = sp.series(1 - sp.sqrt(1 - (eps * ell) ** 2), eps, 0, 6).removeO() / eps
    yield Step(
        "the edge leaves its tangent by ℓ²/2r, and by odd powers of r",
        sp.expand(bend - eps * ell**2 / 2 - eps**3 * ell**4 / 8) == 0,
    )


def _chord(t: Scalar, c: Scalar, s: Scalar) -> tuple[Any, Any]:
    """Where the line X c + Y s = -t enters and leaves |X|, |Y| <= 1/2, as places along (-s, c)."""
    across = sorted(((-t * c - HALF) / s, (-t * c + HALF) / s))
    upright = sorted(((t * s - HALF) / c, (t * s + HALF) / c))
    return max(across[0], upright[0]), min(across[1], upright[1])


def _breaks(c: Scalar, s: Scalar) -> list[Any]:
    """The distances of the corners of a pixel."""
    return sorted({(i * c + j * s) / 2 for i in (1, -1) for j in (1, -1)})


def _prove_moment(law: Curvature) -> Iterator[Step]:
    y = sp.Symbol("y", real=True)
    for c, s in SLANTED:
        same, turned = True, True
        for low, high in pairwise([_breaks(c, s)[0] - 1, *_breaks(c, s), _breaks(c, s)[-1] + 1]):
            for k in range(4):  # a cubic between breaks
                t = low + (high - low) * sp.Rational(k, 4)
                left, right = _chord(t, c, s)
                whole = ((y + right) ** 3 - (y + left) ** 3) / 3 if right > left else sp.Integer(0)
                same = same and sp.expand(law.moment(t, y, c, s) - whole) == 0
                back = law.moment(-t, -y, -c, -s)
                turned = turned and sp.expand(law.moment(t, y, c, s) - back) == 0
        yield Step(f"second moments of chords across ({c}, {s})", same)
        yield Step(f"the same from the other side of ({c}, {s})", turned)


# ----------------------------------------------------------------------------------- the identity


def _fraction(x: sp.Rational) -> Fraction:
    return Fraction(int(x.p), int(x.q))


@lru_cache(maxsize=8)
def _weights(count: int) -> tuple[Fraction, ...]:
    """∫ over [0, 1] of a polynomial of degree < count from its values at k/(count - 1)."""
    x = sp.Symbol("x")
    weights = []
    for k in range(count):
        polynomial = sp.prod(
            (x * (count - 1) - m) / sp.Integer(k - m) for m in range(count) if m != k
        )
        weights.append(_fraction(sp.Poly(polynomial, x).integrate().eval(1)))
    return tuple(weights)


Integrand = Callable[[Any, int], Any]
"""(t, 1{t > 0}) -> what a place adds."""


def _over(breaks: Sequence[Scalar], degree: int, f: Integrand) -> Any:
    """∫ f(t, 1{t > 0}) dt between the first and the last break, for a polynomial between any two, 0
    being one of them.
    """
    weights, total = _weights(degree + 1), 0
    for k, (low, high) in enumerate(pairwise(breaks)):
        lit = int(k >= breaks.index(0))
        for m, weight in enumerate(weights):
            total += weight * (high - low) * f(low + (high - low) * Fraction(m, degree), lit)
    return total


def _prove_identity(law: Curvature) -> Iterator[Step]:
    """g = z: the bend takes what the shorter circle gives, pixel by pixel once around."""
    turn = sp.Symbol("theta", real=True)

    def bent(t: Scalar, lit: int, inside: Scalar, along: Scalar, c: Scalar, s: Scalar) -> Any:
        return law.local(t, 1, law.moment(t + inside, along, c, s), edge(t + inside, c, s) - lit)

    for n in PROVED_TAPS:
        h = n // 2
        good, total = True, sp.Integer(0)
        for u in range(-h, h + 1):
            for v in range(-h, h + 1):
                w = sp.Symbol(f"w{u}_{v}", real=True)
                for c, s in (map(_fraction, x) for x in SLANTED[::2]):
                    inside, along = u * c + v * s, v * c - u * s
                    breaks = sorted({x - inside for x in _breaks(c, s)} | {Fraction(0)})
                    added = partial(bent, inside=inside, along=along, c=c, s=s)
                    # Beyond the pixel's own breaks nothing is left, up to the place where 1{t > 0}
                    # jumps.
                    good = good and _over(breaks, 3, added) == (inside**2 - along**2) / 2
                c, s = sp.cos(turn), sp.sin(turn)
                total += w * ((u * c + v * s) ** 2 - (v * c - u * s) ** 2) / 2
        around = sp.integrate(sp.expand(total), (turn, 0, 2 * sp.pi))
        yield Step(f"the identity by direction, n = {n}", good)
        yield Step(f"the identity once around, n = {n}", sp.expand(around) == 0)


# ------------------------------------------------------------------------------------- both sides


def _prove_sides(law: Curvature) -> Iterator[Step]:
    """What a place adds from both sides together does not contain the even powers
    of g about S/2.
    """
    t, p, full, second, lit = sp.symbols("t p S N lit", real=True)
    q = sp.symbols("q:6", real=True)
    z = sp.Symbol("z", real=True)
    g = sp.Add(*(k * (z - full / 2) ** j for j, k in enumerate(q)))
    dark, rise = g.subs(z, 0), g.subs(z, full) - g.subs(z, 0)

    def side(t: sp.Expr, p: sp.Expr, lit: sp.Expr) -> sp.Expr:
        return law.local(t, sp.diff(g, z).subs(z, p), second, g.subs(z, p) - dark - rise * lit)

    both = sp.expand(side(t, p, lit) + side(-t, opposite(p, full), 1 - lit))
    odd = sp.expand(2 * side(t, p, lit).subs({q[0]: 0, q[2]: 0, q[4]: 0}))
    yield Step("C knows the odd part about S/2 only", sp.expand(both - odd) == 0)


# ------------------------------------------------------------------------------- powers, one pixel


def _prove_powers(law: Curvature) -> Iterator[Step]:
    """Eight octants c > s > 0 alike, by x = s/c: the normal (1, x) has the length q, t and ℓ are q
    times too large.
    """
    d, x, q = sp.symbols("d x q", positive=True)
    c, s, rational = x + d, x, FracField([x, q], QQ)
    breaks = [-(c + s) / 2, -d / 2, sp.Integer(0), d / 2, (c + s) / 2]

    def bent(t: Scalar, lit: int, k: int) -> Any:
        p = edge(t, c, s)
        return law.local(t / q, k * p ** (k - 1), law.moment(t, 0, c, s) / q**3, p**k - lit) / q

    for k, area in POINTS.items():
        # p^(k-1) times a cubic, or t times p^k; p is quadratic.
        added = partial(bent, k=k)
        by_direction = rational.from_expr(_over(breaks, 2 * k + 1, added).subs(d, 1 - x)).as_expr()
        density = sp.apart(sp.cancel(by_direction.subs(q, sp.sqrt(1 + x**2)) / (1 + x**2)), x)
        claimed = sp.expand(8 * sp.integrate(density, (x, 0, 1)))
        yield Step(f"z^{k} on one pixel, n = 1", claimed == area)


def _prove_hull() -> Iterator[Step]:
    """½ ∮ (h² - h'²) dθ = area, h the support of a triangle: h = x·n, h' = x·n⊥ while n turns over
    the corner x.
    """
    a, high, b, turn = (
        sp.Symbol(name, positive=name != "b", real=True) for name in ("a", "h", "b", "theta")
    )
    corners = [sp.Matrix(x) for x in ((0, 0), (a, 0), (b, high))]
    sides = [corners[(k + 1) % 3] - corners[k] for k in range(3)]
    total = sp.Integer(0)
    for k, x in enumerate(corners):  # counterclockwise, from the side before to the side after
        for side, sign in ((sides[k], 1), (sides[k - 1], -1)):
            along, outward = x.dot(side), x.dot(sp.Matrix([side[1], -side[0]]))
            total -= sign * outward * along / side.dot(side) / 2
    x, y = sp.symbols("x y", real=True)
    h = x * sp.cos(turn) + y * sp.sin(turn)
    primitive = -h * sp.diff(h, turn) / 2
    same = sp.expand(sp.diff(primitive, turn) - (h**2 - sp.diff(h, turn) ** 2) / 2) == 0
    yield Step(
        "the support of a triangle gives its area", same and sp.cancel(total - a * high / 2) == 0
    )


# -------------------------------------------------------------------------------------- the disks


def _prove_lens() -> Iterator[Step]:
    """Twice the segment of a chord: two disks at a distance overlap without a constant, so squares
    have none.
    """
    v, eps = sp.symbols("v epsilon", positive=True)
    lens = 2 * sp.acos(v * eps / 2) - v * eps / 2 * sp.sqrt(4 - (v * eps) ** 2)
    expansion = sp.series(lens, eps, 0, 5).removeO()
    claimed = sp.pi - 2 * v * eps + v**3 * eps**3 / 12
    yield Step("two disks overlap on πr² - 2vr + 0 + v³/12r", sp.expand(expansion - claimed) == 0)


def _prove_narrowing(law: Curvature) -> Iterator[Step]:
    """4 ∫ ψ(X) √(r² - X²) dX = 4r ∫ ψ - (2/r) ∫ X²ψ - ..., ψ the response to an edge across e,
    about its middle.
    """

    def weighted(t: Scalar, lit: int, power: int, c: Scalar, s: Scalar, size: Scalar) -> Any:
        return t**power * (edge(t + size / 2, c, s) - edge(t - size / 2, c, s))

    for x, y in STEPS:
        size = sp.sqrt(x * x + y * y)
        c, s = x / size, y / size
        breaks = sorted(
            {b + k * size / 2 for b in _breaks(c, s) for k in (1, -1)} | {sp.Integer(0)}
        )
        mass, second = (
            _over(breaks, 2 + power, partial(weighted, power=power, c=c, s=s, size=size))
            for power in (0, 2)
        )
        yield Step(f"the width along {x, y} is 4|e|r", sp.expand(mass - size) == 0)
        yield Step(
            f"and less by the pixel's and the step's second moments, e = {x, y}",
            sp.expand(-2 * second - law.narrowing(x, y)) == 0,
        )


# ----------------------------------------------------------------------------------- wrong versions


def _straight(t: Scalar, slope: Scalar, second: Scalar, lack: Scalar) -> Any:
    """Wrong: the edge does not bend."""
    return -t * lack + 0 * slope * second


def _as_long(t: Scalar, slope: Scalar, second: Scalar, lack: Scalar) -> Any:
    """Wrong: the circle inside the edge is as long as the edge."""
    return -slope * second / 2 + 0 * t * lack


def _own_foot(t: Scalar, y: Scalar, c: Scalar, s: Scalar) -> Any:
    """Wrong: every pixel bends about its own centre."""
    return moment(t, 0 * y, c, s)


def _points(x: Scalar, y: Scalar, f: Roots = sp) -> Any:
    """Wrong: pixels are points."""
    square = x * x + y * y
    return -f.sqrt(square) * square / 6


def _times(factor: sp.Rational) -> Curvature:
    """Wrong: C is this many times as large."""
    return replace(LAW, local=lambda *place: local(*place) * int(factor.p) / int(factor.q))


CLAIM: Claim[Curvature] = Claim(
    id="curvature",
    title="The bend of the edge: the constant beside area and perimeter",
    statement=(
        r"\bar F(r) = \pi r^2 \Delta + P r + C + O(1/r), \qquad"
        r" C = \oint d\theta \int \left[g'(p_\theta(t))\, q_\theta(t) - t \left(g(p_\theta(t)) -"
        r" g(0) - \Delta\, 1_{t > 0}\right)\right] dt, \qquad"
        r" q_\theta(t) = -\frac12 \sum_u w_u M_\theta(t; u) = q_{\theta+\pi}(-t), \qquad"
        r" g(z) + g(S - z) = \alpha \;\Rightarrow\; P = 0, \quad g(z) - g(S - z) = \alpha + \beta z"
        r" \;\Rightarrow\; C = 0, \qquad"
        r" \sigma = |\cdot|,\ w \star x = x(p + e) - x(p): \quad \bar F(r) = 4|e| r -"
        r" \frac{|e|(|e|^2 + 1)}{6 r} + O(1/r^3)"
    ),
    assumptions=(
        (
            r"$\bar F(r)$: the mean of $\sum_p [g(z_p) - g(0)]$ over all positions of the disk's"
            r" centre in a pixel, $g(z) = \sigma(z + b)$ with a Lipschitz derivative, the disk far"
            r" from the border"
        ),
        (
            r"with kinks: $o(1)$ in place of $O(1/r)$, $g'(p)\, q$ is the derivative at $p$ in the"
            r" direction $q$, and the fourth line holds if the edges that show a kink, $p_\theta(t)"
            r" = z_i$ and $q_\theta(t) \ne 0$, have no area"
        ),
        (
            r"$M_\theta(t; u)$: the second moment of the chord of pixel $u$ on the edge's tangent"
            r" about the foot of its normal, $p_\theta$ and $P$ as in the perimeter"
        ),
        r"last line: $e$ is a row, a column or a diagonal",
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("the edge does not bend", replace(LAW, local=_straight)),
        Wrong("the inner circle is as long as the edge", replace(LAW, local=_as_long)),
        Wrong("every pixel bends about its own centre", replace(LAW, moment=_own_foot)),
        Wrong("pixels are points", replace(LAW, narrowing=_points)),
        Wrong("there is no constant", _times(sp.Integer(0))),
        Wrong("the constant of a hole", _times(sp.Integer(-1))),
        Wrong("twice the constant", _times(sp.Integer(2))),
        Wrong("half the constant", _times(HALF)),
    ),
    requires=("shares",),
)
