"""One channel before one pulse, by plain loops: activations, paddings, what a filter sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from numerics.arithmetic import oracle
from numerics.pulse.channel import exact_quantities
from verify.counterexamples.search import Case, Hypothesis, ordered

__all__ = [
    "BORDERS",
    "CUT",
    "HALF",
    "KINKS",
    "NARROW",
    "PADDED",
    "SIGMAS",
    "SLOPES",
    "Filter",
    "Several",
    "channels",
    "cut",
    "error_law",
    "narrow",
    "padded",
    "pooled",
    "valid",
]

HALF = Fraction(1, 2)
"""In exact arithmetic."""
NARROW = "the pulse is narrower than the filter"
"""Breaks r >= n/2."""
CUT = "windows at the border see the edge of the pulse"
"""Breaks r <= N/2 - h."""
Function = Callable[[Any], Any]

SIGMAS: dict[str, Function] = {
    **oracle.RATIONAL,
    "2z": lambda z: 2 * z,
    "z + [z > 0]": lambda z: z + int(z > 0),
    "z [2z ≥ 1]": lambda z: z if 2 * z >= 1 else 0 * z,
}
"""By the names that tables show."""
SLOPES: dict[str, Function] = {
    "identity": lambda z: 1,
    "relu": lambda z: int(z > 0),
    "abs": lambda z: (z > 0) - (z < 0),
    "hardtanh": lambda z: int(-1 < z < 1),
    "hardshrink": lambda z: int(2 * abs(z) > 1),
    "square": lambda z: 2 * z,
    "2z": lambda z: 2,
    "z + [z > 0]": lambda z: 1,
}
"""σ', where it is."""
KINKS: dict[str, list[tuple[Any, Any]]] = {
    "relu": [(0, 1)],
    "hardtanh": [(-1, 1), (1, -1)],
    "hardshrink": [(-HALF, -1), (HALF, 1)],
    "square": [],
}
"""Places and jumps of the slope; a jump of σ itself is none."""

Border = Callable[[Sequence[Any], Any, Sequence[Any]], list[Any]]


def valid(w: Sequence[Any], b: Any, x: Sequence[Any]) -> list[Any]:
    """The pre-activations where the whole filter lies inside the signal: w (n,), x (N,) ->
    (N - n + 1,).
    """
    h = len(w) // 2
    return oracle.preactivations(w, b, x)[h : len(x) - h]


def _extended(index: Callable[[int, int], int]) -> Border:
    """The signal goes on beyond its border with the pixel of this index."""

    def border(w: Sequence[Any], b: Any, x: Sequence[Any]) -> list[Any]:
        h, size = len(w) // 2, len(x)
        return valid(w, b, [x[index(i, size)] for i in range(-h, size + h)])

    return border


BORDERS: dict[str, Border] = {
    "zeros": oracle.preactivations,
    "a ring": oracle.ring,
    "replicate": _extended(lambda i, size: min(max(i, 0), size - 1)),
    "reflect": _extended(lambda i, size: size - 1 - abs(size - 1 - abs(i))),
    "none": valid,
}
"""The pre-activations, by what a window sees beyond the border: with none there are no such
windows.
"""
PADDED = {
    "zeros": "zeros beyond the border",
    "a ring": "the signal is closed to a ring",
    "replicate": "the border pixel is repeated",
    "reflect": "the signal is reflected at its border",
    "none": "no padding: only windows inside the signal",
    "zeros on the left": "all zeros on the left",
}
"""In words."""


def pooled(sigma: str, padding: str, w: Sequence[Any], b: Any, x: Sequence[Any]) -> Any:
    """Σ_i σ((w ⋆ x)_i + b)."""
    return sum(map(SIGMAS[sigma], BORDERS[padding](w, b, x)))


class Filter(Case):
    """A channel (w, b, sigma) and a pulse of radius r on N pixels with a padding."""

    b: Any = 0
    padding: str = "zeros"

    @property
    def h(self) -> int:
        """n = 2h + 1 taps."""
        return len(self.w) // 2

    @property
    def m(self) -> int:
        """r = m - 1/2 + φ with 0 <= φ < 1."""
        return int(self.r + HALF)

    @property
    def phi(self) -> Fraction:
        """φ."""
        return Fraction(self.r + HALF - self.m)

    @property
    def g(self) -> Function:
        """g(z) = σ(z + b)."""
        return oracle.shifted(SIGMAS[self.sigma], self.b)

    @property
    def span(self) -> tuple[Fraction, Fraction]:
        """The least and the largest radius."""
        return self.r, self.r

    @property
    def plateau(self) -> bool:
        """r >= n/2."""
        return self.span[0] >= Fraction(len(self.w), 2)

    @property
    def clear(self) -> bool:
        """m + h <= L with φ <= 1, that is r <= N/2 - h."""
        return self.span[1] <= Fraction(self.N, 2) - self.h

    @property
    def x(self) -> list[Any]:
        """The pulse (N,); whole pixels as integers, which are faster."""
        x = oracle.overlap_pulse(self.r, self.N // 2)
        return [int(v) if v.denominator == 1 else v for v in x]

    @property
    def pooled(self) -> Any:
        """Σ_i σ(z_i), by the definition."""
        return pooled(self.sigma, self.padding, self.w, self.b, self.x)

    @property
    def lifted(self) -> Any:
        """Σ_i [g(z_i) - g(0)], by the definition."""
        z = BORDERS[self.padding](self.w, self.b, self.x)
        return sum(map(SIGMAS[self.sigma], z)) - len(z) * SIGMAS[self.sigma](self.b)


class Several(Filter):
    """A channel at several radii."""

    @property
    def at(self) -> list[Filter]:
        """The channel at each of them."""
        return [Filter(**vars(self), r=r) for r in self.radii]

    @property
    def span(self) -> tuple[Fraction, Fraction]:
        """The least and the largest radius."""
        return min(self.radii), max(self.radii)

    @property
    def pooled(self) -> list[Any]:
        """Σ_i σ(z_i) at each radius."""
        return [f.pooled for f in self.at]


def error_law(f: Filter, a: Any, c: Any, phi: Sequence[Any] = ()) -> tuple[Any, Any, list[Any]]:
    """α, β and a D at each φ, by the laws: the error of a readout is α r + β + a D."""
    q = exact_quantities(f.w, f.g, phi)
    offset = c + a * (f.N * q.background + q.kappa)
    return 2 * a * q.slope - 1, offset, [a * d for d in q.deviation]


def channels(
    sizes: Iterable[tuple[int, int]], most: int | Mapping[int, int], kind: type[Filter] = Filter
) -> Iterator[Any]:
    """Each (N, n), with all weights of :func:`ordered`; ``most`` may depend on n."""
    for size, n in sizes:
        for *w, b in ordered(n + 1, most if isinstance(most, int) else most[n]):
            yield kind(N=size, w=tuple(w), b=b)


def narrow(words: str) -> Hypothesis:
    """r >= n/2, dropped."""
    return Hypothesis(words, NARROW, lambda c: c.plateau)


def cut(words: str) -> Hypothesis:
    """r <= N/2 - h, dropped."""
    return Hypothesis(words, CUT, lambda c: c.clear)


def padded(words: str, padding: str) -> Hypothesis:
    """Another padding."""
    return Hypothesis(words, PADDED[padding], lambda c: c.padding != padding)
