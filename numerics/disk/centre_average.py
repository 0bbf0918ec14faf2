r"""The mean response to a disk over its centre within a pixel, and the error of n × n centres.

The mean over n × n centres is a midpoint rule for F̄ = ∫ [g(Z(y)) - g(0)] dy with the step 1/n in
both directions.  On a line the pixel's area A has the slope f(y + 1/2) - f(y - 1/2), f the length
of a segment of the disk, which rises once, to 1 at most, and
falls: the slope is at most 1, varies by 4 and has 2 as the integral of its size.  So on the lines
    that meet it g(Z) has a slope that
varies by

    V = 4 Λ|w|₁ + 2 Λ₂|w|₁²,

Λ and Λ₂ bounds on |g'| and |g''|, and the mean is off by V(2(2r + 1) + 1/n)/8n² at most, wherever
the grid lies.  A grid that lies at random has F̄ as its mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from numerics.arithmetic.types import Array
from numerics.disk.disk import disk_bound, ring

__all__ = ["Centres", "centres", "centres_bound", "variation"]


@dataclass(frozen=True)
class Centres:
    """All windows of a disk at parts² centres: those that may meet its edge, and the number of
    those that are lit.

    Attributes
    ----------
    r, parts: the radius, and n.
    windows: (W, taps²).
    lit: how many of all windows are inside.
    error: no pixel of a window is farther from its area.
    """

    r: float
    parts: int
    windows: Array
    lit: int
    error: float

    def mean(self, edge: Array, rise: float) -> Array:
        """The mean of Σ_p [g(z_p) - g(0)], less πr²Δ, from g(z) - g(0) at the windows (..., W) and
        Δ: (...).
        """
        count = self.parts**2
        return np.asarray(
            np.sum(edge, axis=-1) / count + (self.lit / count - np.pi * self.r**2) * rise
        )


def centres(r: float, parts: int, taps: int, shift: tuple[float, float] = (0.0, 0.0)) -> Centres:
    """The windows of ``taps`` × ``taps`` pixels that the disk of radius r shows at parts² centres,
    from ``shift``/parts on.
    """
    windows, lit = [], 0
    for (k, j), images in _orbits(parts) if shift == (0.0, 0.0) else _alone(parts):
        edge, inside, _, _ = ring(r, (-(k + shift[0]) / parts, -(j + shift[1]) / parts), taps)
        for turned, up, along in images:
            image = np.swapaxes(edge, 1, 2) if turned else edge
            windows.append(image[:, ::up, ::along].reshape(-1, taps * taps))
        lit += inside * len(images)
    return Centres(r, parts, np.concatenate(windows), lit, float(disk_bound(max(r, 3.0))))


Image = tuple[bool, int, int]
"""Whether rows become columns, and then the directions of both: a symmetry of the square."""


def _alone(parts: int) -> Iterator[tuple[tuple[int, int], tuple[Image, ...]]]:
    """All places (k, j) of a grid, each with itself."""
    for place in np.ndindex(parts, parts):
        yield place, ((False, 1, 1),)


def _orbits(parts: int) -> Iterator[tuple[tuple[int, int], tuple[Image, ...]]]:
    """One place of each orbit under the symmetries of the square, modulo ``parts``, with those that
    bring the others.
    """
    for k in range(parts // 2 + 1):
        for j in range(k + 1):
            images: dict[tuple[int, int], Image] = {}
            for turned, up, along in product((False, True), (1, -1), (1, -1)):
                x, y = (j, k) if turned else (k, j)
                images.setdefault((up * x % parts, along * y % parts), (turned, up, along))
            yield (k, j), tuple(images.values())


def variation(weight: float, steep: float, bent: float) -> float:
    """V for |w|₁, Λ and Λ₂."""
    return 4 * steep * weight + 2 * bent * weight**2


def centres_bound(varies: float, r: float, parts: int) -> float:
    """How far the mean over parts² centres is from F̄ at most, for V = ``varies``."""
    return varies * (2 * (2 * r + 1) + 1 / parts) / (8 * parts**2)
