r"""Bounds on the Taylor coefficients of a row of the catalogue, s_k = σ⁽ᵏ⁾/k!, on any interval.

The line is cut into cells, at the breaks of σ and on a grid that is fine around 0 and grows by a
part of |z| beyond.  Every s_k is enclosed once on each cell (:mod:`numerics.arithmetic.taylor`); on
an interval it is at most the largest bound of the cells that it meets.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from math import inf, isnan

import numpy as np
import sympy as sp
from flint import arb, arb_series

from numerics.arithmetic.piecewise import exact_activation
from numerics.arithmetic.rounding import UNIT
from numerics.arithmetic.taylor import TERMS, expanding, series
from numerics.arithmetic.types import Array
from theory.expressions.pieces import Piece, pieces, z
from theory.expressions.spelling import spelled

__all__ = ["Derivatives", "derivatives"]

GRID = ((1 / 16, 4), (1 / 4, 16), (1 / 2, 64))
"""Widths of cells, and up to which |z|."""
RATIO = 9 / 8
"""Beyond, neighbouring ends have this ratio."""
APART = 2.0**-40
"""Cells are wider by this part of |z| + 1 at both ends, and intervals that meet less of a cell do
not count it.
"""


@dataclass(frozen=True, eq=False)
class Derivatives:
    """σ on [low, high].

    Attributes
    ----------
    breaks: places where one formula takes over from another.
    kinks, bends: places where the slope jumps, and |jump| of each.
    jumps: places where σ jumps, and by how much.
    points: of Gauss' rule, exact for polynomials of σ's degree in a quadratic, TERMS/2 where σ is
        no polynomial.
    cuts: the ends of the cells (M + 1,).
    cells: bounds on |s_k| in them, k = 0, ..., 12 (13, M).
    """

    breaks: tuple[float, ...]
    kinks: tuple[float, ...]
    bends: tuple[float, ...]
    jumps: tuple[tuple[float, float], ...]
    points: int
    cuts: Array
    cells: Array

    @cached_property
    def sizes(self) -> tuple[float, ...]:
        """Bounds on |s_k| on the whole range, k = 0, ..., 12."""
        return tuple(np.max(self.cells, axis=1).tolist())

    @cached_property
    def bend(self) -> float:
        """A bound on ∫ |σ''| dz between the breaks."""
        return float(2 * np.sum(np.diff(self.cuts) * self.cells[2])) * (1 + 1e-9)

    @cached_property
    def _doubled(self) -> list[Array]:
        """The largest of 1, 2, 4, ... neighbours."""
        tables = [self.cells]
        while 2 << (len(tables) - 1) <= self.cells.shape[1]:
            last, step = tables[-1], 1 << (len(tables) - 1)
            tables.append(np.maximum(last[:, :-step], last[:, step:]))
        return tables

    def over(self, low: Array, high: Array, orders: slice = slice(None)) -> Array:
        """Bounds on |s_k| on the intervals [low, high] between breaks, for some k: (k, ...)."""
        slack = APART * (1 + np.maximum(np.abs(low), np.abs(high)))
        last = len(self.cuts) - 2
        first = np.clip(np.searchsorted(self.cuts, low + slack, "right") - 1, 0, last)
        stop = np.clip(np.searchsorted(self.cuts, high - slack, "left") - 1, first, last)
        level = np.frexp(stop - first + 1)[1] - 1
        bounds = np.empty((len(range(*orders.indices(TERMS + 1))), *np.shape(low)))
        for k in np.unique(level).tolist():
            here, table = level == k, self._doubled[k][orders]
            bounds[:, here] = np.maximum(table[:, first[here]], table[:, stop[here] + 1 - (1 << k)])
        return bounds

    def bent(self, low: Array, high: Array) -> Array:
        """Σ |jump of the slope| at the kinks in [low, high], of the shape of both."""
        upto = np.concatenate([[0.0], np.cumsum(self.bends)])
        place = np.searchsorted(self.kinks, high, "right"), np.searchsorted(self.kinks, low, "left")
        return np.asarray(upto[place[0]] - upto[place[1]])


def _grid(most: float) -> list[float]:
    """Ends of cells >= 0, up to one beyond ``most``."""
    ends = [0.0]
    for width, up_to in GRID:
        while ends[-1] < up_to:
            ends.append(ends[-1] + width)
    while ends[-1] <= most:
        ends.append(ends[-1] * RATIO)
    return ends


@lru_cache(maxsize=1 << 14)
def _cell(expression: sp.Expr, low: float, high: float) -> tuple[float, ...]:
    with expanding():
        ends = [end + side * 2 * APART * (1 + abs(end)) for end, side in ((low, -1), (high, 1))]
        coefficients = series(expression)(
            arb_series([arb(ends[0]).union(arb(ends[1])), 1], prec=TERMS + 1)
        )
        bounds = [float(coefficients[j].abs_upper()) * (1 + 4 * UNIT) for j in range(TERMS + 1)]
        return tuple(inf if isnan(x) else x for x in bounds)


def _bend(parts: Sequence[Piece], place: sp.Expr) -> float:
    """The slope after a break less that before it."""
    left, right = (
        next(part for part in parts if getattr(part, end) == place) for end in ("high", "low")
    )
    return float(sp.diff(right.expression - left.expression, z).subs(z, place))


@lru_cache(maxsize=64)
def derivatives(name: str, low: float, high: float) -> Derivatives:
    """What is known of a row of the catalogue on [low, high]."""
    row = spelled(name)
    parts = pieces(row.expression).parts

    def inside(x: sp.Expr) -> bool:
        return low <= float(x) <= high

    breaks = tuple(float(part.low) for part in parts[1:] if inside(part.low))
    places = [x.location for x in row.kinks] + [x.location for x in row.jumps]
    kinks = sorted((float(x), abs(_bend(parts, x)) * (1 + 4 * UNIT)) for x in places if inside(x))
    right = _grid(max(abs(low), abs(high)))
    grid = np.array([-x for x in right[:0:-1]] + right)
    cuts = sorted({low, *grid[(low < grid) & (grid < high)].tolist(), *breaks, high})
    stops = [float(part.high) for part in parts]
    cells = [
        _cell(parts[bisect_left(stops, (a + b) / 2)].expression, a, b) for a, b in pairwise(cuts)
    ]
    exact = exact_activation(name)
    degree = None if exact is None else max(piece.degree() for piece in exact.pieces)
    # Of a polynomial of degree d in a quadratic the degree is 2d, and m points are exact up to 2m -
    # 1.
    points = TERMS // 2 if degree is None else max(degree, 0) + 1
    jumps = tuple(
        (float(jump.location), float(jump.height)) for jump in row.jumps if inside(jump.location)
    )
    return Derivatives(
        breaks,
        tuple(x for x, _ in kinks),
        tuple(x for _, x in kinks),
        jumps,
        points,
        np.array(cuts),
        np.array(cells).T,
    )
