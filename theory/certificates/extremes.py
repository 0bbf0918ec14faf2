r"""Where the error can be largest: for a piecewise-linear σ at half-integers and where a window
meets a kink, nowhere else.

On the cell r = m - 1/2 + φ every pre-activation is a line in φ,

    z_i = Σ_{|i+u| < m} w_u + φ Σ_{|i+u| = m} w_u + b,

and meets the kink t at φ = (t - b - start)/slope.  Between these places r̂ - r is a line, so |r̂ -
r| is convex there: the worst error over *every* real radius is the largest of finitely many.  That
is why it can be computed exactly, and what a certificate says.  Derivation:
docs/certificates/extremes.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.pulse.network import preactivations, taps
from theory.pulse.signal import phi, pulse
from theory.types import Scalar, Vector

__all__ = ["CLAIM", "LAW", "Extremes", "lines", "places"]


def lines(w: Vector, m: int) -> Iterator[tuple[Any, Any]]:
    """(start, slope in φ) of every window that holds a border pixel m or -m, without the bias."""
    h = len(w) // 2
    zero = w[0] - w[0]
    for i in range(-m - h, m + h + 1):
        lit = [w[u + h] for u in range(-h, h + 1) if abs(i + u) < m]
        border = [w[u + h] for u in range(-h, h + 1) if abs(i + u) == m]
        if border:
            yield sum(lit, zero), sum(border, zero)


def places(w: Vector, b: Scalar, t: Scalar, m: int) -> list[Any]:
    """The φ at which a window of the taps w (n,) and bias b meets the kink t on the cell of m, also
    those outside [0, 1].
    """
    return [(t - b - start) / slope for start, slope in lines(w, m) if slope != 0]


@dataclass(frozen=True)
class Extremes:
    """The law: where to look, beside the half-integers."""

    places: Callable[[Vector, Scalar, Scalar, int], list[Any]]


LAW = Extremes(places)
"""The law as derived here."""
PROVED_TAPS = (1, 3, 5)


def prove(law: Extremes) -> Proof:
    """The windows of the double sum, one by one, against the places; and that a convex function is
    largest at an end.
    """
    covers = (
        "every window for n = 1, 3, 5 on the cells m = 1 to h + 2, the border dark, and with zero"
        " padding on every shorter signal that holds the pulse; any taps, bias and kink, every"
        " radius on the cell"
    )
    return Proof(_steps(law), covers)


def _steps(law: Extremes) -> Iterator[Step]:
    for n in PROVED_TAPS:
        yield from (_cell(law, n, m) for m in range(1, n // 2 + 3))
        for m in range(1, n // 2 + 3):
            yield from (_cut(n, m, half_length) for half_length in range(m, m + n))
    start, slope, other = sp.symbols("p q r", real=True)
    square = (start + phi * slope) ** 2
    chord = (1 - phi) * square.subs(phi, 0) + phi * square.subs(phi, 1)
    gap = sp.factor(sp.expand(chord - square))
    below = sp.expand(gap - phi * (1 - phi) * slope**2) == 0
    yield Step("a line's square lies below its chord", below)
    lines = start + phi * slope + other * phi
    yield Step("sums of lines are lines", sp.diff(lines, phi, 2) == 0)


def _moving(w: Vector, m: int, half_length: int) -> list[Any]:
    """The pre-activations that change with φ."""
    return [z for z in preactivations(w, pulse(m, phi, half_length)) if z.has(phi)]


def _cell(law: Extremes, n: int, m: int) -> Step:
    w = taps(n)
    b, t = sp.symbols("b t", real=True)
    met = []
    straight = True
    for z in _moving(w, m, m + n):
        slope = sp.diff(z, phi)
        straight = straight and not slope.has(phi)
        met.append(sp.cancel((t - b - z.subs(phi, 0)) / slope))
    claimed = [sp.cancel(place) for place in law.places(w, b, t, m)]
    return Step(
        f"the windows that move and where they meet the kink, n = {n}, m = {m}",
        straight and sorted(map(str, met)) == sorted(map(str, claimed)),
    )


def _cut(n: int, m: int, half_length: int) -> Step:
    """With zero padding no window near the border of a shorter signal moves otherwise."""
    shorter, longer = (Counter(_moving(taps(n), m, size)) for size in (half_length, m + n))
    name = f"the windows that move are among them, n = {n}, m = {m}, N = {2 * half_length + 1}"
    return Step(name, shorter <= longer)


def _half_integers(w: Vector, b: Scalar, t: Scalar, m: int) -> list[Any]:
    """Wrong: half-integers are enough."""
    return []


def _one_side(w: Vector, b: Scalar, t: Scalar, m: int) -> list[Any]:
    """Wrong: as if the pulse had one edge: every other window."""
    return places(w, b, t, m)[::2]


def _without_bias(w: Vector, b: Scalar, t: Scalar, m: int) -> list[Any]:
    """Wrong: the bias moves no kink."""
    return places(w, 0 * b, t, m)


CLAIM: Claim[Extremes] = Claim(
    id="extremes",
    title="Where the error can be largest, over every real radius",
    statement=(
        r"\sup_{r} |\hat r - r| = \max \text{ over } r = m - \tfrac12 \text{ and } r = m - \tfrac12"
        r" + \varphi, \quad \varphi = \frac{t - b_k - \sum_{|i+u| < m} w_{k,u}}{\sum_{|i+u| = m}"
        r" w_{k,u}} \in (0, 1)"
    ),
    assumptions=(
        (
            r"$\sigma$ continuous and piecewise linear with kinks $t$; any $K$, $n$; over an"
            r" interval of radii, whose ends count, too"
        ),
        (
            r"the pulse lies inside the signal; with a padding other than zeros the filter's"
            r" windows around its edges do, too"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("half-integers are enough", Extremes(_half_integers)),
        Wrong("one edge of the pulse", Extremes(_one_side)),
        Wrong("the bias moves no kink", Extremes(_without_bias)),
    ),
    requires=("kinks",),
)
