"""All pairs of two ReLU channels with small integer staircases whose kinks cancel, and the rings on
which they are exact.

A channel's kinks, as backgrounds, lie on two curves of n steps: from p to p - 1, and the same
turned over, 2p - 1 - (reversed).  Two channels with opposite readout weights leave no bend for
backgrounds between 0 and 1 if the numbers of windows that cross that interval on each line are in
one ratio λ.  Nothing slopes if the numbers of windows above the kink have it, too.  A channel is
*on*, with all windows but a few at the edges above the kink, if p <= 0, and *off* if p - 1 >= 1:

    one on, one off:  N - mute = λ active;    both on:  N - mute = λ (N - silent), λ < 1.

Plain enumeration, without any theorem on how large N can be.  Derivation: docs/invariance/pair.md.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise, product

__all__ = ["curves", "rings"]

Line = tuple[int, int]
Shape = frozenset[tuple[Line, int]]
Kept = dict[Shape, set[tuple[int, int]]]


def curves(p: int, between: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The levels at which the windows of the two edges meet the kink at a half-integer radius, with
    both ends.
    """
    curve = (p, *between, p - 1)
    return curve, tuple(2 * p - 1 - level for level in reversed(curve))


@cache
def rings(n: int, height: int, both: bool = False) -> frozenset[int]:
    """Every N that some pair of channels with n taps asks for, their levels integers in [-height,
    height + 1].

    ``both``: only of pairs of which both are on.
    """
    on, off = _channels(n, height)
    sizes = _sizes(on, {} if both else off)
    return frozenset(int(size) for size in sizes if size.denominator == 1 and size > 0)


@cache
def _channels(n: int, height: int) -> tuple[Kept, Kept]:
    """The channels that are on and those that are off, by the lines on which they bend."""
    on: Kept = defaultdict(set)
    off: Kept = defaultdict(set)
    for p in (*range(-height, 1), *range(2, height + 2)):
        for between in product(range(-height, height + 2), repeat=n - 1):
            lines, above = _crossed(p, between)
            if lines:
                common = math.gcd(*lines.values())
                shape = frozenset((line, count // common) for line, count in lines.items())
                if p <= 0:
                    on[shape].add((common, above))
                else:
                    off[shape].add((common, 2 * n - above))
    return on, off


def _crossed(p: int, between: Sequence[int]) -> tuple[Counter[Line], int]:
    """(the windows on every line across the interval, how many windows of the two edges meet the
    kink above it).
    """
    lines: Counter[Line] = Counter()
    above = 0
    for curve in curves(p, between):
        for here, there in pairwise(curve):
            above += here > 0
            if (here > 0) != (there > 0):
                lines[here, there] += 1
    return lines, above


def _sizes(on: Kept, off: Kept) -> Iterator[Fraction]:
    for shape, channels in on.items():
        for count, mute in channels:
            for other, active in off.get(shape, ()):
                yield mute + Fraction(count, other) * active
            for other, silent in channels:
                if count < other:
                    ratio = Fraction(count, other)
                    yield (mute - ratio * silent) / (1 - ratio)
