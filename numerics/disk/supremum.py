r"""The largest error of a network for images over every radius in an interval, found and bounded.

A pixel's area inside the disk grows with r by the arc that it holds: x' = ℓ(r), the length of the
circle in the pixel, which rises until the second nearest corner is reached and falls from there on.
So between r₁ and r₂ = r₁ + δ a pixel leaves its chord by

    -E <= x(r) - chord <= 0 before that corner,   0 <= x(r) - chord <= E after it,

with E = |ℓ₂ - ℓ₁| δ/4, and by (max ℓ - min ℓ) δ/4 where the corner lies between.  A window's
pre-activation leaves its chord by ε, |ε| <= e = Σ|w| E; on all that it answers let s bound |σ''|,
J the bends, Z its length, and V = s Z + J.  With the slope σ' in the middle

    |σ(z(r)) - chord - σ' ε| <= s (z₂ - z₁)²/8 + J |z₂ - z₁|/4 + V e.

The terms σ' ε of all windows and channels add up to Σ C_q (x_q - chord), C_q what the answer
changes with a pixel; where the slopes of neighbouring windows agree, the taps cancel in it.  All of
it falls as δ² over the whole ring, so halving the worst intervals ends soon.  Where σ jumps the
same holds without its steps, and those that may be passed are added on one side or taken off on the
other.  Derivation: docs/network.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, pi

import numpy as np
from scipy.sparse import csr_array

from numerics.arithmetic.compile import activation
from numerics.arithmetic.derivatives import Derivatives
from numerics.arithmetic.rounding import UNIT, gamma
from numerics.arithmetic.types import Array, Indices
from numerics.disk.disk import arcs, disk_bound, pixels
from numerics.disk.perimeter_enclosure import Filter, derivatives_of

__all__ = ["DiskSupremum", "disk_supremum"]

CLOSE = 1.02
"""The bound that is aimed at, over the largest error found."""
BLOCK = 1 << 18
"""Windows that are held at a time."""
HALVINGS = 30
"""How often an interval is halved at most."""
TIE = 1e-11
"""Pre-activations as near to a jump as this may be on either side: far above their rounding."""


@dataclass(frozen=True)
class DiskSupremum:
    """sup |r̂(r) - r|.

    Attributes
    ----------
    r, error: where it was computed, increasing, and r̂ - r there (R,); empty where there was too
        much to do.
    bound: no radius between the first and the last has a larger error, rounding included; None
        where there was too much to do.
    """

    r: Array
    error: Array
    bound: float | None


@dataclass(frozen=True)
class _Network:
    """K channels, what is known of σ on all that each answers, and r̂ - r = offset - r + Σ_p
    a·(σ(z_p + b) - σ(b)).
    """

    filters: tuple[Filter, ...]
    a: Array
    offset: float
    known: tuple[Derivatives, ...]


@dataclass(frozen=True)
class _Band:
    """The windows that see the edge of some disk in a range of radii, up to ``high``.

    Attributes
    ----------
    i, j: their pixels up to the symmetries of the square (U,).
    sees: what each channel's filter answers at the windows, from the pixels, less b (W, U).
    lit: how many windows see the inside of all these disks only.
    """

    high: float
    i: Indices
    j: Indices
    sees: tuple[csr_array, ...]
    lit: int

    @property
    def windows(self) -> int:
        """W."""
        return int(self.sees[0].shape[0])


def _band(low: float, high: float, filters: Sequence[Array]) -> _Band:
    taps = len(filters[0])
    half, h = ceil(high + taps), taps // 2
    p = np.arange(-half, half + 1)
    near, far = np.maximum(np.abs(p) - h - 0.5, 0), np.abs(p) + h + 0.5
    meets = (np.hypot(near[:, None], near) < high) & (np.hypot(far[:, None], far) > low)
    lit = int(np.sum(np.hypot(far[:, None], far) <= low))
    x, y = np.nonzero(meets)
    u = np.arange(-h, h + 1)
    row = np.abs(x[:, None, None] - half + u[:, None])
    column = np.abs(y[:, None, None] - half + u)
    side = half + h + 1
    code = np.maximum(row, column) * side + np.minimum(row, column)
    codes, place = np.unique(code, return_inverse=True)
    window, shape = np.repeat(np.arange(len(x)), taps**2), (len(x), len(codes))
    # Equal pixels of a window are summed.
    sees = [
        csr_array((np.tile(w.ravel(), len(x)), (window, place.ravel())), shape) for w in filters
    ]
    return _Band(high, codes // side, codes % side, tuple(sees), lit)


def _rounding(net: _Network, band: _Band, parts: float) -> float:
    """How far the errors of a band may be from exact ones: sums of W windows and K channels, of σ
    at rounded places.
    """
    windows, taps = band.windows, net.filters[0].w.size
    pixel = float(disk_bound(band.high)) + float(gamma(taps + 2))
    total = float(gamma(windows + len(net.a) + 8)) * (parts + band.high)
    for filter_, a, known in zip(net.filters, np.abs(net.a), net.known, strict=True):
        most, tall = (
            float(np.sum(np.abs(filter_.w))) + abs(filter_.b),
            known.sizes[0] + abs(filter_.rise),
        )
        each = known.sizes[1] * most * pixel + 8 * UNIT * (1 + most + 2 * tall)
        whole = windows * (each + 2 * float(gamma(windows)) * tall) + band.lit * 4 * UNIT * tall
        total += float(a) * whole
    return 2 * total


def _intervals(
    net: _Network, band: _Band, r1: Array, r2: Array
) -> tuple[Array, Array, Array, Array]:
    """The errors at r₁ and at r₂, and the least and the greatest that it may be between: each
    (B,).
    """
    step = max(1, BLOCK // band.windows)
    parts = [_some(net, band, r1[k : k + step], r2[k : k + step]) for k in range(0, len(r1), step)]
    e1, e2, least, most = (np.concatenate(part) for part in zip(*parts, strict=True))
    return e1, e2, least, most


def _some(net: _Network, band: _Band, r1: Array, r2: Array) -> tuple[Array, Array, Array, Array]:
    i, j = band.i[:, None], band.j[:, None]
    x1, x2, l1, l2 = (rule(r, i, j) for rule in (pixels, arcs) for r in (r1, r2))
    corner = np.hypot(np.maximum(i - 0.5, 0), j + 0.5)
    longest = np.maximum(l1, l2)
    between = (r1 < corner) & (corner < r2)
    longest = np.where(between, np.maximum(longest, arcs(corner, i, j)), longest)
    leaves = (longest - np.minimum(l1, l2)) * ((r2 - r1) / 4)
    e1, e2, moved = net.offset - r1, net.offset - r2, np.zeros(len(r1))
    rise, fall, passed = np.zeros_like(moved), np.zeros_like(moved), np.zeros_like(moved)
    changes = np.zeros_like(x1)
    for filter_, a, known, sees in zip(
        net.filters, net.a.tolist(), net.known, band.sees, strict=True
    ):
        z1, z2, off = sees @ x1 + filter_.b, sees @ x2 + filter_.b, abs(sees) @ leaves
        low = np.clip(np.minimum(z1, z2) - off, known.cuts[0], known.cuts[-1])
        high = np.clip(np.maximum(z1, z2) + off, known.cuts[0], known.cuts[-1])
        curved, bends = 2 * known.over(low, high, slice(2, 3))[0], known.bent(low, high)
        length = np.abs(z2 - z1)
        strays = length * (curved * length / 8 + bends / 4) + (curved * (high - low) + bends) * off
        moved += abs(a) * np.sum(strays, axis=0)
        for jump, height in known.jumps:
            step = a * height
            slack = TIE * (1 + abs(jump))
            may = (low - slack <= jump) & (jump <= high + slack)
            # An end on the jump itself: rounding tells on which side it is.
            ties = np.sum((np.abs(z1 - jump) <= slack) | (np.abs(z2 - jump) <= slack), axis=0)
            change = np.where(z1 > jump, -step, step) * may
            rise += np.sum(np.maximum(change, 0), axis=0) + 2 * ties * abs(step)
            fall += np.sum(np.minimum(change, 0), axis=0) - 2 * ties * abs(step)
            passed += step * (np.sum(z2 > jump, axis=0) - np.sum(z1 > jump, axis=0))
        sigma, slope = activation(filter_.name)
        changes += a * (sees.T @ slope((low + high) / 2))
        dark = float(sigma(np.array(filter_.b)))
        for error, z in ((e1, z1), (e2, z2)):
            error += a * (np.sum(sigma(z) - dark, axis=0) + band.lit * filter_.rise)
    sway = changes * leaves
    # A convex stretch lies below its chord, a concave one above it.
    convex, concave = np.where(r1 < corner, sway, 0), np.where(corner < r2, sway, 0)
    above = np.maximum(np.maximum(-convex, concave), 0)
    below = np.maximum(np.maximum(convex, -concave), 0)
    last = e2 - passed
    least = np.minimum(e1, last) - moved - np.sum(below, axis=0) + fall
    return e1, e2, least, np.maximum(e1, last) + moved + np.sum(above, axis=0) + rise


def disk_supremum(
    filters: tuple[Filter, ...], a: Array, offset: float, r: Array, tolerance: float, work: float
) -> DiskSupremum:
    """The error of r̂(r) = offset + Σ_k a_k Σ_p [g_k(z_p) - g_k(0)] , a (K,), between the first
    and the last of the radii r (R,), which are among its places.

    Intervals are halved until the bound is at most 1.02 times what was found, or tells on which
    side of ``tolerance`` the error is; or until ``work`` products of a tap and a pixel are spent.
    """
    net = _Network(filters, a, offset, tuple(derivatives_of(filter_) for filter_ in filters))
    low, high = float(r[0]), float(r[-1])
    cuts = [low, *range(floor(low) + 1, ceil(high)), high]
    places: dict[float, float] = {}
    active: list[tuple[_Band, Array, Array, Array, float]] = []
    parts = float(np.sum(np.abs(a))) + abs(offset)
    # About 2πr(1 + √2 n) windows each; where that is too much no band is looked for.
    around = 2 * pi * (1 + 2**0.5 * len(filters[0].w)) * (float(np.sum(r)) + high * len(cuts))
    if 2 * len(a) * filters[0].w.size * around > work:
        return DiskSupremum(np.empty(0), np.empty(0), None)
    for left, right in pairwise(cuts):
        inside = np.unique([left, *r[(left < r) & (r < right)], right])
        band = _band(left, right, [filter_.w for filter_ in filters])
        unknown = np.full(len(inside) - 1, np.inf)
        active.append((band, inside[:-1], inside[1:], unknown, _rounding(net, band, parts)))
    settled, bound = 0.0, None
    for _ in range(HALVINGS):
        work -= (
            2 * len(a) * filters[0].w.size * sum(band.windows * len(r1) for band, r1, *_ in active)
        )
        if work < 0:
            break
        bounds = []
        for band, r1, r2, known, rounded in active:
            e1, e2, least, most = _intervals(net, band, r1, r2)
            places |= dict(
                zip([*r1.tolist(), *r2.tolist()], [*e1.tolist(), *e2.tolist()], strict=True)
            )
            bounds.append(np.minimum(known, np.maximum(np.abs(most), np.abs(least)) + rounded))
        worst = max(abs(x) for x in places.values())
        goal = tolerance if worst <= tolerance < CLOSE * worst else CLOSE * worst
        bound = max(settled, *(float(np.max(limits)) for limits in bounds))
        following = []
        for (band, r1, r2, _, rounded), most in zip(active, bounds, strict=True):
            wide = most - rounded > goal
            settled = max(settled, float(np.max(most[~wide], initial=0.0)))
            if np.any(wide):
                middle = (r1[wide] + r2[wide]) / 2
                halves = np.concatenate([r1[wide], middle]), np.concatenate([middle, r2[wide]])
                following.append((band, *halves, np.tile(most[wide], 2), rounded))
        active = following
        if not active:
            break
    if bound is None:
        return DiskSupremum(np.empty(0), np.empty(0), None)
    radii = np.array(sorted(places))
    return DiskSupremum(radii, np.array([places[x] for x in radii.tolist()]), bound)
