r"""The perimeter: what a filter shows of a straight edge, and why |difference| or ReLU of one
measures the width of a disk.

Inside a straight edge with normal n = (cos θ, sin θ), at the signed distance t, a pixel holds
H_θ(t), the area of a unit square on the inner side of a line, and a filter answers p_θ(t) = Σ_u w_u
H_θ(t + u·n).  From ∫ [H_θ(t + s) - 1{t > 0}] dt = s,

    ∫ [p_θ(t) - S 1{t > 0}] dt = m·n,    m = Σ_u u w_u.

So for S = 0 and σ = abs the coefficient of r is

    P = ∮ dθ ∫ |p_θ| dt = 4|m| + ∮ 2 min(∫ p₊ dt, ∫ p₋ dt) dθ,

at least ∮ |m·n| dθ = 4|m|, and equal to it if and only if almost every p_θ has one sign; ReLU has
half of it.  For any σ a place adds g(p) - g(0) - Δ 1{t > 0}, and P is the integral of that.  For w
= κ ⋆ (difference along e), κ >= 0, e a row, a column or a diagonal, nothing is left over: at every
radius

    Σ |w ⋆ x_r| = 2 Σκ Σ_p x_r(p),
    over the crest: the largest pixel of each chain of pixels with step e.

Derivation: docs/disk/perimeter.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, Protocol

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.disk.arithmetic import Circle, Roots
from theory.disk.disk import pixel
from theory.pulse.signal import HALF
from theory.types import Scalar

__all__ = [
    "CLAIM",
    "LAW",
    "OfVector",
    "Perimeter",
    "crest",
    "dipole",
    "edge",
    "gap",
    "half_square",
    "kernel",
    "lack",
    "width",
]

STEPS = ((1, 0), (2, 0), (1, 1))
"""The differences e whose crest is known in closed form, up to the symmetries of the square."""


def kernel(t: Scalar) -> Any:
    """t₊²/2."""
    return t * (t + abs(t)) / 4


def edge(t: Scalar, c: Scalar, s: Scalar) -> Any:
    """H_θ(t), the area of the unit square around 0 where X cos θ + Y sin θ <= t, from c = cos θ and
    s = sin θ; t may be an array.
    """
    c, s = abs(c), abs(s)
    out, low = (c + s) / 2, (c - s) / 2
    if not c * s:  # t + 1/2, cut to [0, 1]
        return (abs(t + out) - abs(t - out) + c + s) / 2
    return (kernel(t + out) - kernel(t + low) - kernel(t - low) + kernel(t - out)) / (c * s)


def dipole(x: Scalar, y: Scalar, f: Roots = sp) -> Any:
    """∮ |m·n| dθ = 4|m| for m = (x, y)."""
    return 4 * f.sqrt(x * x + y * y)


def gap(up: Scalar, down: Scalar) -> Any:
    """∫ |p| - |∫ p| = 2 min(∫ p₊, ∫ p₋), from the two integrals: 0 if and only if
    p has one sign.
    """
    return up + down - abs(up - down)


def lack(value: Scalar, dark: Scalar, full: Scalar, lit: Scalar) -> Any:
    """What a place inside an edge (``lit`` = 1) or outside of it (0) adds to P: g(p) - g(0) - (g(S)
    - g(0)) 1{t > 0}.
    """
    return value - dark - (full - dark) * lit


def crest(step: tuple[int, int], reach: int) -> Iterator[tuple[int, int]]:
    """The largest pixel of every chain p, p + e, p + 2e, ... that meets |i|, |j| <= reach, for e in
    :data:`STEPS`.

    Raises
    ------
    ValueError: another step.
    """
    if step not in STEPS:
        raise ValueError(f"the crest is known for {STEPS}, not for {step}")
    for k in range(-reach, reach + 1):
        if step == (1, 1):
            yield from ((k, -k), (k + 1, -k))
        else:
            yield from ((i, k) for i in range(step[0]))


def width(step: tuple[int, int], r: Scalar, reach: int, f: Circle = sp) -> Any:
    """Σ |x_r(p + e) - x_r(p)| = 2 Σ x_r(p) over the crest; ``reach`` + 1/2 >= r."""
    total = 0 * r
    for i, j in crest(step, reach):
        total += 2 * pixel(i * (r / r), j * (r / r), r, f)  # in the arithmetic of r
    return total


class OfVector(Protocol):
    """The two coordinates of a vector and the arithmetic -> a number."""

    def __call__(self, x: Scalar, y: Scalar, f: Roots = sp, /) -> Any: ...


class Width(Protocol):
    """A step e, the radius, a number of pixels beyond it and the arithmetic -> Σ |x_r(p + e) -
    x_r(p)|.
    """

    def __call__(self, step: tuple[int, int], r: Scalar, reach: int, f: Circle = sp, /) -> Any: ...


@dataclass(frozen=True)
class Perimeter:
    """The law: the edge response of a pixel, ∮ |m·n| dθ, what both signs add to it, what a place
    adds to P, and the sum over all positions for a difference.
    """

    edge: Callable[[Scalar, Scalar, Scalar], Any]
    dipole: OfVector
    gap: Callable[[Scalar, Scalar], Any]
    lack: Callable[[Scalar, Scalar, Scalar, Scalar], Any]
    width: Width


LAW = Perimeter(edge, dipole, gap, lack, width)
"""The law as derived here."""

PROVED_TAPS = (1, 3)
RADII = tuple(map(sp.Rational, ("1/3", "1/2", "1", "20/13", "7/4", "28/11")))


def prove(law: Perimeter) -> Proof:
    """Areas of half squares from their definition, their first moment, the integral over
    directions, and sums over pixels.
    """
    covers = (
        "edges in four directions and on both sides of every place where the formula changes,"
        " their moment for every direction; ∮ |m·n| dθ for every m; what both signs add for"
        " columns with one sign and with both, across an axis; the crest and the sum over all"
        f" positions for κ with n × n taps, n = 1, 3, the steps {', '.join(map(str, STEPS))} and"
        f" the radii {', '.join(map(str, RADII))}"
    )
    return Proof(_steps(law), covers)


def _steps(law: Perimeter) -> Iterator[Step]:
    """Edges before disks."""
    yield from _prove_edge(law)
    yield from _prove_gap(law)
    yield from _prove_moment(law)
    yield from _prove_dipole(law)
    yield from (_prove_width(law, step, n, r) for step in STEPS for n in PROVED_TAPS for r in RADII)
    yield from (_prove_crest(step, r) for step in STEPS for r in RADII)


# --------------------------------------------------------------------------------------- the edge

DIRECTIONS = tuple(
    (sp.Rational(a, c), sp.Rational(b, c))
    for a, b, c in ((4, 3, 5), (5, 12, 13), (1, 0, 1), (0, 1, 1))
)


def half_square(t: Scalar, c: Scalar, s: Scalar) -> Any:
    """The definition, ∫ over |y| <= 1/2 of the rows' lengths |{|X| <= 1/2: cX + sy <= t}|: lines
    between the places where a row is just full or empty.
    """
    if not c:  # columns for rows
        c, s = s, c
    zero = t - t
    one = zero + 1
    half = one / 2
    if abs(t) >= (abs(c) + abs(s)) / 2:
        return one if t > 0 else zero
    places = {-half, half}
    if s:
        places |= {y for y in ((t - c / 2) / s, (t + c / 2) / s) if abs(y) < half}
    ordered = sorted(places)
    rows = [min(max((t - s * y) / c + half, zero), one) for y in ordered]
    trapezoids = zip(pairwise(ordered), pairwise(rows), strict=True)
    return sum(
        ((high - low) * (first + second) / 2 for (low, high), (first, second) in trapezoids), zero
    )


def _prove_edge(law: Perimeter) -> Iterator[Step]:
    for c, s in DIRECTIONS:
        bends = sorted(
            {a * (c + s) / 2 + b * (c - s) / 2 for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1))}
        )
        # Between bends a quadratic: three values decide it.
        inner = [x + (y - x) * k / 4 for x, y in pairwise(bends) for k in range(4)]
        tried = [bends[0] - 1, *inner, bends[-1], bends[-1] + 1]
        same = all(sp.expand(law.edge(t, c, s) - half_square(t, c, s)) == 0 for t in tried)
        yield Step(f"half squares across ({c}, {s})", same)


def _prove_moment(law: Perimeter) -> Iterator[Step]:
    """∫ [H(t + σ) - 1{t > 0}] dt = σ, exactly, from Simpson's rule between the bends; and for every
    direction from cubes.
    """
    t, shift, c, s = sp.symbols("t sigma c s", positive=True)
    out, low = (c + s) / 2, (c - s) / 2
    cubes = ((t + out) ** 3 - (t + low) ** 3 - (t - low) ** 3 + (t - out) ** 3) / (6 * c * s)
    whole = ((t + out) ** 2 - (t + low) ** 2 - (t - low) ** 2 + (t - out) ** 2) / (2 * c * s)
    yield Step("far inside H = 1", sp.cancel(whole - 1) == 0)
    yield Step("∫ H from far outside to t is t", sp.cancel(cubes - t) == 0)
    for a, b in DIRECTIONS:
        bends = sorted({k * (a + b) / 2 for k in (-1, 1)} | {k * (a - b) / 2 for k in (-1, 1)})
        total = sp.Integer(0)
        for x, y in pairwise(bends):
            total += (
                (y - x)
                * (law.edge(x, a, b) + 4 * law.edge((x + y) / 2, a, b) + law.edge(y, a, b))
                / 6
            )
        yield Step(
            f"∫ H over its bends is half their distance across ({a}, {b})",
            sp.expand(total - (bends[-1] - bends[0]) / 2) == 0,
        )
        # A filter is a sum of moved pixels, g = z: what a place adds is linear in it, and S is 1
        # for each.
        for u in ((0, 0), (1, -1), (-1, 2)):
            inside = u[0] * a + u[1] * b
            cuts, total = sorted({x - inside for x in bends} | {sp.Integer(0)}), sp.Integer(0)
            for x, y in pairwise(cuts):
                lit = int(bool(x >= 0))
                low, middle, high = (
                    law.lack(law.edge(t + inside, a, b), sp.Integer(0), sp.Integer(1), lit)
                    for t in (x, (x + y) / 2, y)
                )
                total += (y - x) * (low + 4 * middle + high) / 6
            yield Step(
                f"∫ of what places add for the pixel {u} is u·n across ({a}, {b})",
                sp.expand(total - inside) == 0,
            )
    for n in PROVED_TAPS:
        h = n // 2
        w = {
            (u, v): sp.Symbol(f"w{u}_{v}", real=True)
            for u in range(-h, h + 1)
            for v in range(-h, h + 1)
        }
        # ∫ up to T of Σ w H(t + u·n), less S T.
        moment = sp.Add(
            *(tap * (shift + u * c + v * s) for (u, v), tap in w.items())
        ) - shift * sp.Add(*w.values())
        m = [sp.Add(*(k[axis] * tap for k, tap in w.items())) for axis in (0, 1)]
        yield Step(f"∫ [p - S1] = m·n, n = {n}", sp.expand(moment - m[0] * c - m[1] * s) == 0)


def _prove_dipole(law: Perimeter) -> Iterator[Step]:
    """m·n changes its sign at n ⊥ m only; between, its integral x sin θ - y cos θ runs from -|m| to
    |m|.
    """
    x, y, angle = sp.symbols("x y theta", real=True)
    primitive = x * sp.sin(angle) - y * sp.cos(angle)
    yield Step(
        "the antiderivative of m·n",
        sp.expand(sp.diff(primitive, angle) - x * sp.cos(angle) - y * sp.sin(angle)) == 0,
    )
    size = sp.sqrt(x**2 + y**2)
    # At n = (y, -x)/|m| and its opposite: cos θ = ±y/|m|, sin θ = ∓x/|m|.
    half = (x * x + y * y) / size - (-(x * x) - y * y) / size
    yield Step("twice over half a turn", sp.simplify(2 * half - law.dipole(x, y)) == 0)
    z = sp.Symbol("z", real=True)
    yield Step(
        "ReLU is half of abs and half of the identity",
        all(sp.Max(v, 0) - (abs(v) + v) / 2 == 0 for v in (sp.Integer(-3), sp.Integer(0), HALF))
        and sp.integrate(sp.cos(z), (z, 0, 2 * sp.pi)) == 0,
    )


COLUMNS = ((1, -2, 1), (-1, 1, 0), (1, 1, -2), (1, -3, 2), (-2, 5, -3))
"""Filters of sum 0 that vary across an axis; the first, and the last two, show both signs."""


def _prove_gap(law: Perimeter) -> Iterator[Step]:
    """∫ |p| = |m·n| + what both signs add: p is a polygon through the partial sums, cut where it
    passes 0.
    """
    for taps in COLUMNS:
        corners = [sp.Integer(sum(taps[k:])) for k in range(len(taps) + 1)]  # at half-integers
        up = down = sp.Integer(0)
        for x, y in pairwise(corners):
            if x * y < 0:
                cut = x / (x - y)
                parts = (x * cut / 2, y * (1 - cut) / 2)
            else:
                parts = ((x + y) / 2, sp.Integer(0))
            up += sum(part for part in parts if part > 0)
            down -= sum(part for part in parts if part < 0)
        moment = sum(tap * (k - 1) for k, tap in enumerate(taps))
        both = up * down > 0
        good = up + down == abs(moment) + law.gap(up, down) and (up + down > abs(moment)) == both
        yield Step(
            f"∫ |p| of the column {taps}, {'both signs' if both else 'one sign'}", bool(good)
        )
    z = sp.Symbol("z", real=True)
    yield Step(
        "a place far inside, or far outside, adds nothing",
        all(
            sp.expand(law.lack(value, z, 3 * z + 2, lit)) == 0
            for value, lit in ((3 * z + 2, 1), (z, 0))
        ),
    )


# -------------------------------------------------------------------------------------- the crest


@lru_cache(maxsize=16)
def _disk(r: sp.Rational) -> tuple[int, dict[tuple[int, int], sp.Expr]]:
    """A number of pixels that r does not exceed, and the pixels so far from the centre along either
    axis.
    """
    reach = int(sp.ceiling(r))
    inside = range(-reach, reach + 1)
    return reach, {(i, j): pixel(i, j, r) for i in inside for j in inside}


def _at_most(small: sp.Expr, large: sp.Expr) -> bool:
    """one <= two, both exact: equal by expansion, or apart in 30 digits."""
    gap = sp.expand(large - small)
    return bool(gap == 0 or sp.N(gap, 30) > 0)


def _prove_crest(step: tuple[int, int], r: sp.Rational) -> Step:
    """Along every chain the pixels rise to the one on the crest, of which there is one, and fall
    from there on.
    """
    reach, x = _disk(r)
    tops = set(crest(step, reach + 1))
    good, covered = True, set[tuple[int, int]]()
    for i, j in tops:
        chain = [(i + t * step[0], j + t * step[1]) for t in range(-reach - 2, reach + 3)]
        values = [x.get(p, sp.Integer(0)) for p in chain]
        top = reach + 2
        good = good and all(
            _at_most(before, after) for before, after in pairwise(values[: top + 1])
        )
        good = good and all(_at_most(after, before) for before, after in pairwise(values[top:]))
        good = good and sum(p in tops for p in chain) == 1
        covered |= set(chain)
    return Step(f"the crest for e = {step}, r = {r}", good and set(x) <= covered)


def _prove_width(law: Perimeter, step: tuple[int, int], n: int, r: sp.Rational) -> Step:
    """The double sum of |κ ⋆ (x(p + e) - x(p))|, every sign decided, against the law."""
    (reach, x), offsets = _disk(r), range(-(n // 2), n // 2 + 1)
    taps = ((u, v) for u in offsets for v in offsets if _along(step, (u, v)))
    kappa = {(u, v): 1 + sp.Rational(2 * u + 3 * v + 5, 7) for u, v in taps}
    z: defaultdict[tuple[int, int], list[sp.Expr]] = defaultdict(list)
    for (u, v), tap in kappa.items():
        for (i, j), value in x.items():
            if value != 0:  # seen by κ at p + v + e, and at p + v
                z[i - u - step[0], j - v - step[1]].append(tap * value)
                z[i - u, j - v].append(-tap * value)
    answers = (sp.Add(*terms) for terms in z.values())
    total = sp.Add(
        *(answer if answer == 0 or sp.N(answer, 30) > 0 else -answer for answer in answers)
    )
    claimed = sp.Add(*kappa.values()) * law.width(step, r, reach)
    return Step(f"the sum for e = {step}, n = {n}, r = {r}", sp.expand(total - claimed) == 0)


def _along(step: tuple[int, int], tap: tuple[int, int]) -> bool:
    """Whether a tap of κ moves the difference across e only: then all signs still agree."""
    return step[0] * tap[0] + step[1] * tap[1] == 0


# ----------------------------------------------------------------------------------- wrong versions


def _upright(t: Scalar, c: Scalar, s: Scalar) -> Any:
    """Wrong: every edge looks like an upright one."""
    return edge(t, c / c if c else 1 + 0 * t, 0 * s)


def _one_side(x: Scalar, y: Scalar, f: Roots = sp) -> Any:
    """Wrong: only the side where m·n > 0."""
    return dipole(x, y, f) / 2


def _streets(x: Scalar, y: Scalar, f: Roots = sp) -> Any:
    """Wrong: the sum of the two coordinates in place of the length."""
    return 4 * (abs(x) + abs(y))


def _no_price(up: Scalar, down: Scalar) -> Any:
    """Wrong: P = 4|m| for every filter of sum 0, whatever signs it shows."""
    return 0 * (up + down)


def _all_lit(value: Scalar, dark: Scalar, full: Scalar, lit: Scalar) -> Any:
    """Wrong: the area is not taken off."""
    return lack(value, dark, full, 0 * lit)


def _no_caps(step: tuple[int, int], r: Scalar, reach: int, f: Circle = sp) -> Any:
    """Wrong: 4|e|r, as if the circle were straight over the crest."""
    return dipole(step[0] + 0 * r, step[1] + 0 * r, f) * r


CLAIM: Claim[Perimeter] = Claim(
    id="perimeter",
    title="Edges: the absolute value of a difference measures the width of the disk",
    statement=(
        r"p_\theta(t) = \sum_u w_u H_\theta(t + u \cdot n), \qquad"
        r" \int \left[p_\theta(t) - S\,1_{t > 0}\right] dt = m \cdot n, \quad m = \sum_u u\, w_u,"
        r" \qquad"
        r" P = \oint d\theta \int |p_\theta(t)|\, dt = 4|m| + \oint 2 \min\Big(\int p_{\theta+},"
        r" \int p_{\theta-}\Big) d\theta \ge 4|m|, \qquad"
        r" \sum_p \left|\sum_v \kappa_v \left(x_r(p + v + e) - x_r(p + v)\right)\right| = 2 \sum_v"
        r" \kappa_v \sum_{p \in \text{crest}} x_r(p) = 4|m| r + O(1)"
    ),
    assumptions=(
        (
            r"$H_\theta(t)$: the area of a unit square on the inner side of a line at distance $t$"
            r" from its centre, $n = (\cos\theta, \sin\theta)$; the disk far from the border"
        ),
        (
            r"third line: $S = 0$, $\sigma = |\cdot|$, $b = 0$; equality if and only if almost"
            r" every $p_\theta$ has one sign; ReLU has half of it"
        ),
        (
            r"last line: $\kappa \ge 0$ moves the difference across $e$ only, $e$ is $(1, 0)$, $(2,"
            r" 0)$ or $(1, 1)$ or one of their mirror images; the crest is the largest pixel of"
            r" each chain of pixels with step $e$"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("every edge looks like an upright one", replace(LAW, edge=_upright)),
        Wrong("one side of the disk only", replace(LAW, dipole=_one_side)),
        Wrong("the sum of the coordinates of m", replace(LAW, dipole=_streets)),
        Wrong("both signs cost nothing", replace(LAW, gap=_no_price)),
        Wrong("the area is not taken off", replace(LAW, lack=_all_lit)),
        Wrong("the circle is straight over the crest", replace(LAW, width=_no_caps)),
    ),
    requires=("disk",),
)
