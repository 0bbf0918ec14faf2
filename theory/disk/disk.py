r"""The area-sampled disk: every pixel in closed form, their sum πr², and the least loss of a
network without σ.

x_r(i, j), the area of the pixel [i - 1/2, i + 1/2] × [j - 1/2, j + 1/2] inside the disk X² + Y² <=
r², is the mixed second difference of the corner function,

    x_r(i, j) = A(i + 1/2, j + 1/2) - A(i - 1/2, j + 1/2)
                - A(i + 1/2, j - 1/2) + A(i - 1/2, j - 1/2).

A is odd in x and in y; for x, y >= 0 it is the area of [0, x] × [0, y] inside the disk, with x and
y cut at r

    xy                                                        for x² + y² <= r²,
    (x√(r² - x²) + y√(r² - y²) + r²(asin(x/r) + asin(y/r) - π/2))/2    beyond.

The sum over all pixels telescopes to 4A(r, r) = πr².  Hence a network without σ answers c + θπr²,
whatever its filters, and its loss is at least the variance of r that r² does not explain.
Derivation: docs/disk/disk.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol

import sympy as sp
from sympy.polys.domains import QQ
from sympy.polys.fields import field

from theory.claim import Claim, Proof, Step, Wrong
from theory.disk.arithmetic import Circle
from theory.pulse.signal import HALF
from theory.types import Scalar

__all__ = ["CLAIM", "LAW", "Disk", "arc", "corner", "least", "limit", "pixel"]


def arc(x: Scalar, y: Scalar, r: Scalar, f: Circle = sp) -> Any:
    """A(x, y) for 0 <= x, y <= r and x² + y² >= r²; ``f`` brings sqrt, asin and pi."""
    angle = f.asin(x / r) + f.asin(y / r) - f.pi / 2
    return (x * f.sqrt(r * r - x * x) + y * f.sqrt(r * r - y * y) + r * r * angle) / 2


def corner(x: Scalar, y: Scalar, r: Scalar, f: Circle = sp) -> Any:
    """A(x, y) for any numbers x, y and r > 0, in the arithmetic of ``f``."""
    sign = 1 if (x >= 0) == (y >= 0) else -1
    x, y = min(abs(x), r), min(abs(y), r)
    return sign * (x * y if x * x + y * y <= r * r else arc(x, y, r, f))


def pixel(i: Scalar, j: Scalar, r: Scalar, f: Circle = sp) -> Any:
    """x_r(i, j), the mixed second difference."""
    half = r / (2 * r)  # in the arithmetic of r
    upper = corner(i + half, j + half, r, f) - corner(i - half, j + half, r, f)
    return upper - (corner(i + half, j - half, r, f) - corner(i - half, j - half, r, f))


def least(low: Scalar, high: Scalar, count: Scalar) -> Any:
    """s⁴(q² - 1)(q² - 4)/(12(60μ² + s²(q² - 4))): the least E(c + βr² - r)² over q equidistant
    radii, mean μ, spacing s.
    """
    mean, spacing = (low + high) / 2, (high - low) / (count - 1)
    rest = spacing**2 * (count**2 - 4)
    return spacing**2 * (count**2 - 1) * rest / (12 * (60 * mean**2 + rest))


def limit(low: Scalar, high: Scalar) -> Any:
    """d⁴/(3(15μ² + d²)): the same for r uniform on [μ - d, μ + d]."""
    mean, half = (low + high) / 2, (high - low) / 2
    return half**4 / (3 * (15 * mean**2 + half**2))


class Pixel(Protocol):
    """A pixel's place, the radius and the arithmetic -> the area of the pixel inside the disk."""

    def __call__(self, i: Scalar, j: Scalar, r: Scalar, f: Circle = sp, /) -> Any: ...


@dataclass(frozen=True)
class Disk:
    """The law: the pixels, and the least loss on a grid of radii and on an interval."""

    pixel: Pixel
    least: Callable[[Scalar, Scalar, Scalar], Any]
    limit: Callable[[Scalar, Scalar], Any]


LAW = Disk(pixel, least, limit)
"""The law as derived here."""

PROVED_TAPS = (1, 3, 5)
RADII = tuple(
    map(
        sp.Rational,
        ("1/3", "1/2", "65/128", "3/5", "2/3", "1", "5/4", "3/2", "20/13", "7/4", "28/11", "8/3"),
    )
)
"""Every way in which a circle can meet a pixel occurs; at 20/13 and 28/11 it cuts edges twice.
From 1/2 to 65/128 four arcs, each nearly a quarter turn, lie in one pixel: none is a larger part of
its circle."""


def prove(law: Disk) -> Proof:
    """The corner function from its slope, pixels from the definition, their sum, and the regression
    on r².
    """
    covers = (
        "the corner function for all x, y and r; pixels with i, j >= -1, and the sum of all, at"
        f" the radii {', '.join(map(str, RADII))}; networks with n × n taps, n = 1, 3, 5, K = 2,"
        " any signal whose border is dark; the regression for 2 to 7 radii, any mean and spacing,"
        " and for every interval"
    )
    return Proof(_steps(law), covers)


def _steps(law: Disk) -> Iterator[Step]:
    """First the sums, which most mistakes in a pixel change."""
    yield from _prove_sum(law)
    yield from _prove_least(law)
    yield from _prove_pixels(law)
    yield from _prove_corner()
    yield from map(_prove_network, PROVED_TAPS)


# ------------------------------------------------------------------------------------- the corner


def _vanishes(expression: sp.Expr) -> bool:
    return bool(sp.simplify(expression) == 0)


def _prove_corner() -> Iterator[Step]:
    """A(0, y) = 0, A is continuous in x, and ∂A/∂x is the length of {0 <= Y <= y,
    x² + Y² <= r²}.
    """
    x, y, r, v = sp.symbols("x y r v", positive=True)
    root = sp.sqrt(1 - v**2)
    meeting = arc(r * root, r * v, r) - r**2 * v * root  # y = rv, and x on the circle
    yield Step("below the arc ∂A/∂x = y", sp.diff(x * y, x) == y)
    yield Step(
        "beyond it ∂A/∂x = √(r² - x²)", _vanishes(sp.diff(arc(x, y, r), x) - sp.sqrt(r**2 - x**2))
    )
    yield Step("A(0, y) = 0 for y = r, on", _vanishes(arc(sp.Integer(0), r, r)))
    yield Step(
        "A is continuous where the arc begins: its jump has slope 0 along the arc",
        _vanishes(sp.diff(meeting, v)),
    )
    yield Step("and is 0 at one end", _vanishes(meeting.subs(v, 1)))
    yield Step("a quarter of the disk", _vanishes(4 * arc(r, r, r) - sp.pi * r**2))
    grown = r * (sp.asin(x / r) + sp.asin(y / r) - sp.pi / 2)
    yield Step("∂A/∂r is the arc's length", _vanishes(sp.diff(arc(x, y, r), r) - grown))


# ------------------------------------------------------------------------------------- the pixels


def _primitive(t: sp.Expr, height: sp.Expr | None, r: sp.Rational) -> sp.Expr:
    """An antiderivative of √(r² - t²), odd; at t = ±√(r² - y²), where asin(t/r) = ±(π/2 -
    asin(y/r)), with height = y >= 0.
    """
    angle = sp.asin(t / r) if height is None else sp.sign(t) * (sp.pi / 2 - sp.asin(height / r))
    return (t * sp.sqrt(r**2 - t**2) + r**2 * angle) / 2


def _area(i: int, j: int, r: sp.Rational) -> sp.Expr:
    """The definition: ∫ |[j - 1/2, j + 1/2] ∩ [-√(r² - t²), √(r² - t²)]| dt over |t - i| <= 1/2,
    |t| <= r, piece by piece.
    """
    bottom, top = j - HALF, j + HALF
    ends: dict[sp.Expr, sp.Expr | None] = {}
    for height in {abs(bottom), abs(top)}:
        if height <= r:
            root = sp.sqrt(r**2 - height**2)
            ends |= {root: height, -root: height}
    ends |= dict.fromkeys((i - HALF, i + HALF, r, -r))
    low, high = max(i - HALF, -r), min(i + HALF, r)
    places = sorted(t for t in ends if low <= t <= high) if low < high else []
    total = sp.Integer(0)
    for start, end in pairwise(places):
        root = sp.sqrt(r**2 - ((start + end) / 2) ** 2)
        if min(top, root) <= max(bottom, -root):
            continue
        # The length is min(top, root) - max(bottom, -root), and which of them is the same on the
        # whole piece.
        bent = bool(root < top) + bool(-root > bottom)
        flat = (0 if root < top else top) - (0 if -root > bottom else bottom)
        curved = _primitive(end, ends[end], r) - _primitive(start, ends[start], r)
        total += flat * (end - start) + bent * curved
    return total


def _prove_pixels(law: Disk) -> Iterator[Step]:
    v = sp.Symbol("v", positive=True)
    other = sp.asin(sp.sqrt(1 - v**2)) + sp.asin(v) - sp.pi / 2
    yield Step(
        "asin √(1 - v²) = π/2 - asin v", _vanishes(sp.diff(other, v)) and other.subs(v, 1) == 0
    )
    t, r = sp.symbols("t r", positive=True)
    slope = sp.diff((t * sp.sqrt(r**2 - t**2) + r**2 * sp.asin(t / r)) / 2, t)
    yield Step("the antiderivative of √(r² - t²)", _vanishes(slope - sp.sqrt(r**2 - t**2)))
    for radius in RADII:
        pixels = range(-1, _reach(radius) + 2)  # a quarter, and a row and a column beyond its axes
        same = all(
            sp.expand(law.pixel(i, j, radius) - _area(i, j, radius)) == 0
            for i in pixels
            for j in pixels
        )
        yield Step(f"pixels at r = {radius}", same)


def _reach(r: Scalar) -> int:
    """The least L with L + 1/2 >= r."""
    return max(0, int(sp.ceiling(r - HALF)))


def _prove_sum(law: Disk) -> Iterator[Step]:
    for radius in RADII:
        pixels = range(-_reach(radius), _reach(radius) + 1)
        total = sp.Add(*(law.pixel(i, j, radius) for i in pixels for j in pixels))
        yield Step(f"sum is πr² at r = {radius}", sp.expand(total - sp.pi * radius**2) == 0)
    area = sp.Function("A")
    for reach in range(3):
        half, ends = sp.Rational(2 * reach + 1, 2), range(-reach, reach + 1)
        total = sp.Add(
            *(
                s * t * area(i + s * HALF, j + t * HALF)
                for i in ends for j in ends for s in (-1, 1) for t in (-1, 1)
            )
        )  # fmt: skip
        border = sp.Add(*(s * t * area(s * half, t * half) for s in (-1, 1) for t in (-1, 1)))
        yield Step(f"second differences telescope, L = {reach}", sp.expand(total - border) == 0)


# ------------------------------------------------------------------------------------ the network


def _prove_network(n: int) -> Step:
    """Σ over all positions of the correlations of a 2 × 2 block, the border dark, with two
    channels: c + Σ a_k(S_k Σx + N²b_k).
    """
    h, size = n // 2, 2 * (n // 2) + 2
    x = {(i, j): sp.Symbol(f"x{i}{j}") for i in (h, h + 1) for j in (h, h + 1)}
    answer = claimed = sp.Symbol("c")
    for k in range(2):
        w = [[sp.Symbol(f"w{k}_{u}_{v}") for v in range(n)] for u in range(n)]
        a, b = sp.symbols(f"a{k} b{k}")
        pooled = [
            w[u][v] * x.get((i + u - h, j + v - h), 0)
            for i in range(size) for j in range(size) for u in range(n) for v in range(n)
        ]  # fmt: skip
        answer += a * (sp.Add(*pooled) + size**2 * b)
        claimed += a * (
            sp.Add(*(tap for row in w for tap in row)) * sp.Add(*x.values()) + size**2 * b
        )
    return Step(f"no filter sees more than the sum, n = {n}", sp.expand(answer - claimed) == 0)


def _unexplained(power: Sequence[Any]) -> Any:
    """Var r - Cov(r, r²)²/Var r² from E r, ..., E r⁴: what the normal equations of r on 1 and r²
    leave.
    """
    first, second, third, fourth = power
    return second - first**2 - (third - first * second) ** 2 / (fourth - second**2)


def _prove_least(law: Disk) -> Iterator[Step]:
    """In the field of the rational functions of all that is free."""
    mean, spacing, half, one_over = field(["mu", "s", "d", "t"], QQ)[1:]
    for count in range(2, 8):
        radii = [mean + spacing * QQ(2 * t - count + 1, 2) for t in range(count)]
        power = [sum(r**k for r in radii) / count for k in range(1, 5)]
        gap = _unexplained(power) - law.least(radii[0], radii[-1], count)
        yield Step(f"the least loss on {count} radii", gap == 0)
    low, high = mean - half, mean + half
    power = [(high ** (k + 1) - low ** (k + 1)) / ((k + 1) * 2 * half) for k in range(1, 5)]
    yield Step("the least loss on an interval", _unexplained(power) - law.limit(low, high) == 0)
    grid = law.least(low, high, 1 / one_over)
    ends = [part.compose(one_over.numer, 0) for part in (grid.numer, grid.denom)]
    gap = grid.field(ends[0]) - law.limit(low, high) * grid.field(ends[1])
    yield Step("the interval is the limit of the grids", gap == 0 and ends[1] != 0)
    r, c, beta, first, second, third, fourth = field(
        ["r", "c", "b", *(f"m{k}" for k in range(1, 5))], QQ
    )[1:]
    loss = ((c + beta * r**2 - r) ** 2).numer
    means = enumerate((1, first, second, third, fourth))
    value = sum(r.field(loss.coeff_wrt(0, k)) * power for k, power in means)
    spread, both = fourth - second**2, third - first * second
    square = (c + beta * second - first) ** 2 + spread * (beta - both / spread) ** 2
    remainder = value - square - _unexplained((first, second, third, fourth))
    yield Step("a completed square: nothing is below", remainder == 0)


# ----------------------------------------------------------------------------------- wrong versions


def _sampled(i: Scalar, j: Scalar, r: Scalar, f: Circle = sp) -> Any:
    """Wrong: the pixel's centre decides."""
    return (r - r) + (1 if i * i + j * j <= r * r else 0)


def _no_cap(i: Scalar, j: Scalar, r: Scalar, f: Circle = sp) -> Any:
    """Wrong: a pixel without a corner in the disk is dark (a case is missing)."""
    half = r / (2 * r)  # in the arithmetic of r
    nearest = [max(abs(k) - half, half) for k in (i, j)]
    return pixel(i, j, r, f) if sum(k * k for k in nearest) <= r * r else r - r


SHORT = 8
"""Terms of the series of a circular segment: enough for all but the longest arcs."""


def _long_arcs(i: Scalar, j: Scalar, r: Scalar, f: Circle = sp) -> Any:
    """Wrong: asin s - s√(1 - s²) by the first terms of its series, also where s is
    more than 1/2.
    """
    value = pixel(i, j, r, f)
    half = r / (2 * r)  # in the arithmetic of r
    if i or j or not half < r or not 2 * r * r < 1:
        return value
    gap = half - f.sqrt(r * r - half * half)
    s = f.sqrt(2 * gap * gap) / (2 * r)  # the arc's chord is 2rs
    if 2 * s <= 1:
        return value
    terms = (
        2 * math.comb(2 * k, k) * s ** (2 * k + 3) / (4**k * (2 * k + 3)) for k in range(SHORT)
    )
    remainder = f.asin(s) - s * f.sqrt(1 - s * s) - sum(terms)
    return value - 4 * r * r * remainder


def _straight(low: Scalar, high: Scalar, count: Scalar) -> Any:
    """Wrong: as if the sum of the pixels were a line in r."""
    return 0 * (low + high + count)


def _every_grid(low: Scalar, high: Scalar, count: Scalar) -> Any:
    """Wrong: the value of the interval on every grid."""
    return limit(low, high) + 0 * count


CLAIM: Claim[Disk] = Claim(
    id="disk",
    title="The disk: every pixel in closed form, and the least loss of a network without σ",
    statement=(
        r"x_r(i, j) = A(i + \tfrac12, j + \tfrac12) - A(i - \tfrac12, j + \tfrac12) - A(i +"
        r" \tfrac12, j - \tfrac12) + A(i - \tfrac12, j - \tfrac12), \qquad"
        r" A(x, y) = \begin{cases} xy & x^2 + y^2 \le r^2 \\ \tfrac12\left(x\sqrt{r^2 - x^2} +"
        r" y\sqrt{r^2 - y^2} + r^2\left(\arcsin\tfrac xr + \arcsin\tfrac yr -"
        r" \tfrac\pi2\right)\right) & \text{else} \end{cases}, \qquad"
        r" \sum_{i,j} x_r(i, j) = \pi r^2, \qquad"
        r" \min_{c, \theta} \operatorname{E}\left(c + \theta\pi r^2 - r\right)^2 = \frac{s^4 (q^2 -"
        r" 1)(q^2 - 4)}{12\left(60\mu^2 + s^2(q^2 - 4)\right)} \to \frac{d^4}{3\left(15\mu^2 +"
        r" d^2\right)}"
    ),
    assumptions=(
        r"$A$ is odd in $x$ and in $y$, which are cut at $r > 0$; the disk lies inside the signal",
        (
            r"identity activation, any filters, zero padding, the disk farther from the border than"
            r" half a filter: $\hat r = c + \theta\pi r^2$"
        ),
        (
            r"$q$ equidistant radii with mean $\mu$ and spacing $s$; as $q \to \infty$, $r$ uniform"
            r" on $[\mu - d, \mu + d]$"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("the pixel's centre decides", replace(LAW, pixel=_sampled)),
        Wrong("a pixel without a corner in the disk is dark", replace(LAW, pixel=_no_cap)),
        Wrong("the series of short arcs for the longest", replace(LAW, pixel=_long_arcs)),
        Wrong("the sum of the pixels is a line in r", replace(LAW, least=_straight)),
        Wrong("the value of the interval on every grid", replace(LAW, least=_every_grid)),
    ),
    requires=("signal",),
)
