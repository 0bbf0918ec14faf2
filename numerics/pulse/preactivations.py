r"""The pre-activations along r: on every cell m - 1/2 <= r <= m + 1/2 each is a line in φ, exactly.

Between two half-integers only the pixels ±m change, x_r(±m) = φ, so at position i

    z_i(φ) = Σ_{|i+u| < m} w_u + φ Σ_{|i+u| = m} w_u.

Most positions see darkness or light only: they are counted, not listed.  Where the pulse is wider
than the filter (m > h) and far from the border, the lines at its two edges are the same for every
m.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from flint import fmpq

from numerics.pulse.domain import HALF, Domain

__all__ = ["Line", "dark_and_lit", "edges", "far_from_border", "last_plateau_radius", "lines"]


@dataclass(frozen=True)
class Line:
    """The pre-activation (without bias) ``start`` + φ ``slope`` at ``count`` positions."""

    start: fmpq
    slope: fmpq
    count: int


def far_from_border(taps: int, m: int, domain: Domain) -> bool:
    """No window holds the pulse's edge together with the border, so all lines follow from m alone.

    Raises
    ------
    ValueError: 1 <= m <= L does not hold, or the filter is longer than the signal.
    """
    if not 1 <= m <= domain.half_length:
        raise ValueError(f"m must lie in 1..{domain.half_length}, not {m}")
    if taps > domain.positions:
        raise ValueError(f"{taps} taps do not fit into {domain.positions} pixels")
    return m <= domain.last_plateau(taps)


def last_plateau_radius(taps: int, domain: Domain) -> fmpq:
    """The largest r up to which no window holds the pulse's edge together with the border.

    With N = h zeros that is L - h + 1/2, and L - 2h + 1/2 for ``valid``, whose last window is
    centred on L - h.
    """
    return domain.last_plateau(taps) + HALF


@lru_cache(maxsize=4096)
def edges(w: tuple[fmpq, ...], m: int) -> tuple[Line, ...]:
    """The windows that hold pixel m or -m, far from the border; from m = h + 1 on they do not
    depend on m.
    """
    h = len(w) // 2
    m = min(m, h + 1)
    sums = [fmpq(0)]
    for tap in w:
        sums.append(sums[-1] + tap)
    runs = []
    for i in sorted({e + u for e in (-m, m) for u in range(-h, h + 1)}):
        # Lit are the taps u with |i + u| < m; in the list of taps u stands at place u + h.
        low, high = max(-h, 1 - m - i), min(h, m - 1 - i)
        start = sums[high + h + 1] - sums[low + h] if low <= high else fmpq(0)
        slope = sum((w[e - i + h] for e in (-m, m) if abs(e - i) <= h), fmpq(0))
        runs.append(Line(start, slope, 1))
    return tuple(runs)


def dark_and_lit(taps: int, m: int, domain: Domain) -> tuple[int, int]:
    """How many positions, far from the border, see no light at all, and how many
    nothing but light.
    """
    h = taps // 2
    lit = max(2 * (m - h) - 1, 0)
    at_edges = 2 * taps if m > h else 2 * (m + h) + 1
    return domain.windows(taps) - lit - at_edges, lit


def lines(w: Sequence[fmpq], m: int, domain: Domain) -> tuple[Line, ...]:
    """All lines of one filter on the cell of m; of the domain its pixels and padding count, not its
    radii.

    Raises
    ------
    ValueError: as :func:`far_from_border`.
    """
    taps = tuple(w)
    if not far_from_border(len(taps), m, domain):
        return _at_border(taps, m, domain)
    dark, lit = dark_and_lit(len(taps), m, domain)
    zero = fmpq(0)
    flat = (Line(zero, zero, dark), Line(sum(taps, zero), zero, lit))
    return edges(taps, m) + tuple(line for line in flat if line.count)


def _at_border(w: tuple[fmpq, ...], m: int, domain: Domain) -> tuple[Line, ...]:
    """Position by position, tap by tap."""
    h, reach = len(w) // 2, domain.reach(len(w))
    runs = []
    for i in range(-reach, reach + 1):
        start, slope = fmpq(0), fmpq(0)
        for u in range(-h, h + 1):
            pixel = abs(domain.pixel(i + u))
            if pixel < m:
                start += w[u + h]
            elif pixel == m:
                slope += w[u + h]
        runs.append(Line(start, slope, 1))
    return tuple(runs)
