"""The disk: pixels against rigorous integrals, and networks without σ that reach their least loss
and go no lower.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import torch
from flint import acb, arb, ctx, fmpq

from numerics.arithmetic.numbers import rational
from numerics.arithmetic.rounding import gamma
from numerics.arithmetic.types import Array
from numerics.disk.disk import disk, disk_bound
from theory.disk.disk import Disk
from verify.disk import figures as draw
from verify.disk.networks import ARRIVED, disks, drawn, excess, loss_with_gradient
from verify.disk.networks import train as train_one
from verify.models.networks import Network
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.figures import figure
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "figures", "kind", "train"]


# ------------------------------------------------------------------------------------------ check

FIXED = tuple(
    map(
        Fraction,
        (
            "1/4",
            "1/2",
            "2049/4096",
            "65/128",
            "33/64",
            "67/128",
            "5/8",
            "45/64",
            "23/32",
            "1",
            "3/2",
            "97/64",
            "5/2",
            "321/128",
            "4",
        ),
    )
)
"""Among them a disk inside one pixel, circles that touch an edge, and circles that cut one twice.
Just beyond 1/2 the arcs are the longest of all, nearly quarter turns; numpy's own formula for an
arc changes between 33/64 and 67/128."""
KINDS = 7
LARGE = Fraction(128047, 128)
DIGITS, TIGHT = 40, 1e-30
"""Of the law's arithmetic; and the width below which an enclosure must be."""
PRECISION = 192
"""Bits of the enclosures."""


def kind(i: int, j: int, r: Fraction) -> str:
    """How the circle meets a pixel: the number of its corners inside, and whether without a corner
    there is an area.
    """
    corners = [
        (i + s, j + t)
        for s in (-Fraction(1, 2), Fraction(1, 2))
        for t in (-Fraction(1, 2), Fraction(1, 2))
    ]
    inside = sum(x * x + y * y <= r * r for x, y in corners)
    if inside or max(abs(i), abs(j)) - Fraction(1, 2) >= r or (i and j):
        return f"{inside} corners inside"
    return "an edge cut twice" if i or j else "the disk inside the pixel, or cutting all its edges"


def enclosed(i: int, j: int, r: Fraction) -> arb:
    """The definition, rigorously: ∫ |[j - 1/2, j + 1/2] ∩ [-√(r² - t²), √(r² - t²)]| dt over the
    pixel's width.
    """
    radius, bottom, top = rational(r), fmpq(2 * j - 1, 2), fmpq(2 * j + 1, 2)
    left, right = max(fmpq(2 * i - 1, 2), -radius), min(fmpq(2 * i + 1, 2), radius)
    total = acb(0)
    if left >= right:
        return total.real
    bends = [arb(left), arb(right)]
    for edge in (bottom, top):
        if edge * edge <= radius * radius:
            root = arb(radius * radius - edge * edge).sqrt()
            bends += [x for x in (-root, root) if x > left and x < right]
    bends.sort(key=float)
    for start, end in pairwise(bends):
        middle = (start + end) / 2
        height = (radius * radius - middle * middle).sqrt()
        upper, lower = top < height, bottom > -height
        straight = arb(top if upper else 0) - arb(bottom if lower else 0)
        curved = (not upper) + (not lower)
        if start < end and (height if not upper else arb(top)) > (
            arb(bottom) if lower else -height
        ):
            total += straight * (end - start)
            if curved:
                total += curved * acb.integral(
                    lambda z, analytic: (radius * radius - z * z).sqrt(analytic=analytic),
                    acb(start),
                    acb(end),
                    abs_tol=arb(2) ** -120,
                )
    return total.real


def _pixels(r: Fraction, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """All pixels around a small circle; of a large one some that it meets or nearly meets."""
    reach = int(r + Fraction(3, 2))
    if r < 13:
        yield from (
            (i, j)
            for i in range(-1, reach + 1)
            for j in range(reach + 1)
            if abs(i * i + j * j - r * r) <= 4 * r + 4
        )
        return
    for i in rng.integers(-reach, reach + 1, 24):
        high = int(max(float(r * r) - float(i) ** 2, 0.0) ** 0.5)
        yield from ((int(i), j) for j in range(high - 1, high + 3) if j <= reach)


@dataclass(frozen=True)
class _Pixel:
    """A pixel of a disk, its area enclosed, and whether numpy's lies within its bound of that."""

    i: int
    j: int
    r: Fraction
    area: arb
    near: bool


@dataclass(frozen=True)
class _Grid:
    """Equidistant radii and the interval from the first to the last, with the loss at the solution
    of the normal equations of each.
    """

    low: Fraction
    high: Fraction
    count: int
    losses: tuple[Fraction, Fraction]


def _cases(lab: Lab) -> tuple[tuple[_Pixel, ...], tuple[_Grid, ...]]:
    rng, pixels = lab.rng("disk"), []
    drawn = [Fraction(int(rng.integers(16, 12 * 128)), 128) for _ in range(lab.profile.draws // 10)]
    with ctx.workprec(PRECISION):
        for r in (*FIXED, *drawn, LARGE):
            half_length = int(r + Fraction(1, 2)) + 1
            x, bound = disk([float(r)], half_length)[0], float(disk_bound(float(r)))
            for i, j in _pixels(r, rng):
                area = enclosed(i, j, r)
                here = arb(float(x[i + half_length, j + half_length]))
                pixels.append(_Pixel(i, j, r, area, bool(abs(here - area) < bound)))
    return tuple(pixels), tuple(_grid(rng) for _ in range(20))


def _agrees(law: Disk, pixel: _Pixel) -> bool:
    """Whether the law leaves, in 40 digits, an enclosure that is narrow."""
    i, j, r = (mpmath.mpf(x.numerator) / x.denominator for x in (pixel.i, pixel.j, pixel.r))
    # Four corner functions of at most 8r², each of some ten operations in 40 digits.
    allowed = 10.0 ** (2 - DIGITS) * float(pixel.r**2 + 1)
    claimed = arb(mpmath.nstr(law.pixel(i, j, r, mpmath), DIGITS))
    inside = float(abs(claimed - pixel.area).lower()) <= allowed
    return inside and float(pixel.area.rad()) < TIGHT and pixel.near


def check(law: Disk, lab: Lab) -> Column:
    """The regression in rationals; pixels in 40 digits against enclosures of the integral that
    defines them, and numpy's; up to the first that differs.
    """
    pixels, grids = lab.once("disk/cases", _cases, lab)
    for grid in grids:
        ends = grid.low, grid.high
        if grid.losses != (law.least(*ends, Fraction(grid.count)), law.limit(*ends)):
            return column(
                1,
                0,
                f"another residual variance on {grid.count} radii from {grid.low} to {grid.high}",
            )
    with mpmath.workdps(DIGITS), ctx.workprec(PRECISION):
        for pixel in pixels:
            if not _agrees(law, pixel):
                return column(1, 0, f"the pixel {pixel.i, pixel.j} at r = {pixel.r} differs")
    ways = Counter(kind(pixel.i, pixel.j, pixel.r) for pixel in pixels)
    detail = (
        f"none of {len(pixels)} pixels, in which the law (40 digits) or numpy (to its bound) leaves"
        f" the enclosure of the area, and none of {len(grids)} grids and intervals of radii with"
        f" another residual variance; pixels met in {len(ways)} ways: "
        + ", ".join(f"{count} {name}" for name, count in sorted(ways.items()))
    )
    return column(0 if len(ways) == KINDS else float("nan"), 0, detail)


def _unexplained(mean: Callable[[int], Fraction]) -> Fraction:
    """The loss E(c + βr² - r)² at the solution of the normal equations, from E rᵏ, k = 1 to 4, in
    fractions.
    """
    first, second, third, fourth = (mean(k) for k in range(1, 5))
    beta = (third - first * second) / (fourth - second * second)
    c = first - beta * second
    return (
        c * c
        + 2 * c * beta * second
        - 2 * c * first
        + beta * beta * fourth
        - 2 * beta * third
        + second
    )


def _on_interval(low: Fraction, high: Fraction) -> Callable[[int], Fraction]:
    return lambda k: (high ** (k + 1) - low ** (k + 1)) / ((k + 1) * (high - low))


def _grid(rng: np.random.Generator) -> _Grid:
    """Sums over a grid, integrals over the interval."""
    low = Fraction(int(rng.integers(1, 40)), 8)
    high = low + Fraction(int(rng.integers(1, 60)), 8)
    count = int(rng.integers(2, 12))
    radii = [low + (high - low) * t / (count - 1) for t in range(count)]
    grid = _unexplained(lambda k: sum((r**k for r in radii), Fraction(0)) / count)
    return _Grid(low, high, count, (grid, _unexplained(_on_interval(low, high))))


# --------------------------------------------------------------------------------------- training

LOW, HIGH, HALF_LENGTH = 3, 10, 13
"""The radii, and disks that stay farther than half a filter from the border."""
SHAPES = tuple((channels, taps) for channels in (1, 2) for taps in (3, 5))
STEPS = 60


@dataclass(frozen=True)
class Grid:
    """Radii with shares that add up to 1: ``count`` equidistant ones, or the nodes that integrate
    polynomials of r exactly.
    """

    r: Array
    share: Array
    count: int | None

    @property
    def slack(self) -> float:
        """How far rounded nodes and shares move the residual variance: both in fractions."""
        nodes = [
            (Fraction(r), Fraction(p))
            for r, p in zip(self.r.tolist(), self.share.tolist(), strict=True)
        ]
        rounded = _unexplained(lambda k: sum((p * r**k for r, p in nodes), Fraction(0)))
        steps = range(self.count or 0)
        radii = [LOW + Fraction((HIGH - LOW) * t, len(steps) - 1) for t in steps]

        def even(k: int) -> Fraction:
            return sum((r**k for r in radii), Fraction(0)) / len(radii)

        meant = _unexplained(even if radii else _on_interval(Fraction(LOW), Fraction(HIGH)))
        return float(abs(rounded - meant))


def _grids() -> tuple[Grid, Grid]:
    even = np.linspace(LOW, HIGH, 15)
    node, weight = np.polynomial.legendre.leggauss(12)
    middle, half = (LOW + HIGH) / 2, (HIGH - LOW) / 2
    return Grid(even, np.full(15, 1 / 15), 15), Grid(middle + half * node, weight / 2, None)


GRIDS = _grids()
FRESH = np.array([0.5078125, 3.75, 6.0, 8.3125, *(m - 0.5 + 1 / 128 for m in range(4, 11))])
"""Radii that no network is trained on; just beyond a half-integer the circle cuts edges twice, and
just beyond 1/2 its arcs are the longest."""


@dataclass(frozen=True)
class TrainedLinear:
    """A network at its end.

    Attributes
    ----------
    net, grid: what was trained on what.
    loss: as torch has it; ``bound``: how far rounding may have moved it.
    excess: gᵀH⁻¹g/2, how far a quadratic function with this gradient g, by (θ, c), lies above its
        minimum.
    """

    net: Network
    grid: Grid
    loss: float
    bound: float
    excess: float


def _bound(net: Network, r: Array) -> Array:
    """How far two float64 evaluations of r̂ may be apart: chains of n² + N² + K + 4 operations, and
    the pixels' own bound.
    """
    w, b, a, c = net.weights.network()
    size, n = (2 * HALF_LENGTH + 1) ** 2, w.shape[-1]
    weight = float(np.abs(a) @ np.abs(w).sum(axis=(1, 2)))
    terms = abs(c) + size * float(np.abs(a) @ np.abs(b)) + weight * np.pi * r**2 + r
    # A circle crosses at most 2(2r + 1) lines of the grid, each twice, so it meets at most 8r + 4
    # pixels.
    pixels = weight * (8 * r + 4) * disk_bound(r)
    return np.asarray(2 * gamma(n * n + size + len(a) + 4) * terms + pixels)


def _measured(net: Network, grid: Grid, x: torch.Tensor) -> TrainedLinear:
    """The gradient is torch's own: ∂L/∂w_k = a_k ∂L/∂θ for every tap, and the loss is quadratic in
    (θ, c).
    """
    value = loss_with_gradient(net, x, grid.r, grid.share)
    by_w, _, _, by_c = (p.grad.numpy() for p in net.parameters() if p.grad is not None)
    _, _, a, _ = net.weights.network()
    g = np.array([np.sum(a * by_w.mean(axis=(1, 2, 3))) / np.sum(a * a), by_c[0]])
    area = np.stack([np.pi * grid.r**2, np.ones_like(grid.r)])
    with torch.no_grad():
        error = np.abs(net(x).numpy() - grid.r)
    slack = _bound(net, grid.r)
    bound = grid.share @ (2 * error * slack + slack**2) + gamma(len(grid.r) + 4) * value
    left = excess(area, grid.share, g)
    return TrainedLinear(net, grid, value, float(bound + grid.slack), left)


def _trained(lab: Lab) -> tuple[TrainedLinear, ...]:
    """A few networks of every shape on both grids."""
    return lab.once("disk/without activation", _train, lab)


def _train(lab: Lab) -> tuple[TrainedLinear, ...]:
    rng, nets = lab.rng("disk/without activation"), []
    for grid in GRIDS:
        x = disks(grid.r, HALF_LENGTH)
        for channels, taps in SHAPES:
            for _ in range(max(lab.profile.networks // 6, 2)):
                net = drawn("identity", channels, taps, rng)
                train_one(net, x, grid.r, grid.share, STEPS)
                nets.append(_measured(net, grid, x))
    return tuple(nets)


def _total(law: Disk, r: float) -> float:
    """The sum of the law's pixels, in 40 digits, by a quarter of them."""
    with mpmath.workdps(DIGITS):
        exact, reach = mpmath.mpf(r), int(r + 1)
        copies = (1, *[2] * reach)
        quarter = (
            copies[i] * copies[j] * law.pixel(mpmath.mpf(i), mpmath.mpf(j), exact, mpmath)
            for i in range(reach + 1)
            for j in range(reach + 1)
        )
        return float(sum(quarter, mpmath.mpf(0)))


def train(law: Disk, lab: Lab) -> Column:
    """torch's loss against the least loss and what its own gradient says is left; torch's answers
    against the sum of the pixels.
    """
    nets = _trained(lab)
    totals = np.array([_total(law, r) for r in FRESH.tolist()])
    low, high = Fraction(LOW), Fraction(HIGH)
    fresh, size = disks(FRESH, HALF_LENGTH), (2 * HALF_LENGTH + 1) ** 2
    scores: list[float] = []
    above, below, late = 0.0, 0.0, 0
    for linear in nets:
        count = linear.grid.count
        floor = float(law.least(low, high, Fraction(count)) if count else law.limit(low, high))
        w, b, a, c = linear.net.weights.network()
        claimed = c + size * (a @ b) + (a @ w.sum(axis=(1, 2))) * totals
        with torch.no_grad():
            gap = np.abs(linear.net(fresh).numpy() - claimed) / _bound(linear.net, FRESH)
        scores += [*gap, abs(linear.loss - floor - linear.excess) / linear.bound]
        above, below = max(above, linear.loss - floor), max(below, floor - linear.loss)
        late += linear.excess > ARRIVED * linear.loss
    detail = (
        f"{len(nets)} networks without σ, K = 1 and 2, 3 × 3 and 5 × 5 taps, on 15 radii from {LOW}"
        f" to {HIGH} and on the whole interval, {late} of which had not arrived (six digits);"
        " largest distance from the law, in units of the rounding bound, of their answers to"
        f" {len(FRESH)} new radii and of their losses, less what torch's gradient says is left; no"
        f" loss is more than {above:.1e} above the floor or {below:.1e} below it"
    )
    return column(float(np.max(scores)) if not late else float("nan"), 1.0, detail)


# ---------------------------------------------------------------------------------------- figures


def figures(lab: Lab) -> tuple[Figure, ...]:
    """A disk as pixels, and the parabola that every network without σ ends at."""
    shown = 3.3
    on_interval = [linear for linear in _trained(lab) if linear.grid.count is None]
    shown_nets = on_interval[:: max(len(on_interval) // 8, 1)]
    fine = np.linspace(2, 11, 181)
    x = disks(fine, HALF_LENGTH)
    with torch.no_grad():
        errors = [linear.net(x).numpy() - fine for linear in shown_nets]
    drawing = draw.pixels_and_errors(shown, disk([shown], 4)[0], fine, errors, (LOW, HIGH))
    caption = (
        f"Left: a disk of radius {shown}, each pixel as grey as its part inside the circle. Right:"
        f" the errors of {len(errors)} trained networks without σ, of different sizes; all end at"
        f" the same parabola in r, the best one on [{LOW}, {HIGH}]."
    )
    return (
        figure("disk-parabola", "A disk, and what an area says of its radius", caption, drawing),
    )


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "the integral that defines a pixel, and the normal equations",
            ("theory.disk.disk._area", "theory.disk.disk._unexplained"),
        ),
        check=Judge(
            "the integral that defines a pixel, enclosed by flint; normal equations in fractions",
            (f"{__name__}.enclosed", f"{__name__}._unexplained"),
        ),
        training=Judge(
            "losses, gradients and answers of torch.nn.Conv2d without σ",
            ("verify.disk.networks", "verify.models.networks"),
        ),
    ),
    figures=figures,
)
"""What the claim rests on."""
