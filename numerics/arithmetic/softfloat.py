"""Floating point of any precision, in exact fractions: round to nearest, ties to even, exponents
without end.

The slow, obvious simulation of a network as a machine runs it: with few bits its roundings are
large and can be seen, and sums can be taken in an order that makes them add up.  It shares no code
with :mod:`theory`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

__all__ = [
    "POLYNOMIALS",
    "PiecewisePolynomial",
    "Sum",
    "answer",
    "random_order_sum",
    "rounded",
    "sequential_sum",
    "worst_order_sum",
]

ZERO = Fraction(0)
Sum = Callable[[Sequence[Fraction], int], Fraction]
"""(terms, bits) -> their sum as computed, in some order."""


def rounded(x: Fraction, bits: int) -> Fraction:
    """The nearest number with ``bits`` significant binary digits: off by at most 2^-bits of it."""
    if not x:
        return ZERO
    exponent = x.numerator.bit_length() - x.denominator.bit_length() - bits
    if abs(x) >= Fraction(2) ** (exponent + bits):
        exponent += 1
    step = Fraction(2) ** exponent
    return round(x / step) * step


def sequential_sum(terms: Sequence[Fraction], bits: int) -> Fraction:
    """From the first to the last."""
    total = ZERO
    for term in terms:
        total = rounded(total + term, bits)
    return total


def random_order_sum(rng: np.random.Generator) -> Sum:
    """Any two that are left are added, until one is left."""

    def add(terms: Sequence[Fraction], bits: int) -> Fraction:
        left = list(terms)
        while len(left) > 1:
            first, second = (left.pop(int(rng.integers(len(left)))) for _ in range(2))
            left.append(rounded(first + second, bits))
        return left[0]

    return add


def worst_order_sum(sign: int) -> Sum:
    """The next term is the one whose rounding errs most upwards (1) or downwards (-1)."""

    def add(terms: Sequence[Fraction], bits: int) -> Fraction:
        left = list(terms)
        total = left.pop(0)
        while left:
            errors = [sign * (rounded(total + x, bits) - total - x) for x in left]
            total = rounded(total + left.pop(errors.index(max(errors))), bits)
        return total

    return add


@dataclass(frozen=True)
class PiecewisePolynomial:
    """σ made of polynomials: one more than there are kinks, each from its constant upwards."""

    kinks: tuple[Fraction, ...]
    pieces: tuple[tuple[Fraction, ...], ...]

    def piece(self, z: Fraction) -> tuple[Fraction, ...]:
        """The polynomial on which z lies."""
        return self.pieces[sum(z > kink for kink in self.kinks)]


def _polynomials(
    kinks: Sequence[int | Fraction], *pieces: Sequence[int | Fraction]
) -> PiecewisePolynomial:
    return PiecewisePolynomial(
        tuple(map(Fraction, kinks)), tuple(tuple(map(Fraction, row)) for row in pieces)
    )


POLYNOMIALS = {
    "identity": _polynomials((), (0, 1)),
    "relu": _polynomials((0,), (0,), (0, 1)),
    "leaky_relu": _polynomials((0,), (0, Fraction(1, 100)), (0, 1)),
    "abs": _polynomials((0,), (0, -1), (0, 1)),
    "hardtanh": _polynomials((-1, 1), (-1,), (0, 1), (1,)),
    "hardswish": _polynomials((-3, 3), (0,), (0, Fraction(1, 2), Fraction(1, 6)), (0, 1)),
    "square": _polynomials((), (0, 0, 1)),
    "cube": _polynomials((), (0, 0, 0, 1)),
}
"""Rows of the catalogue as polynomials, written a second time."""


def _response(sigma: PiecewisePolynomial, z: Fraction, bits: int) -> Fraction:
    """Horner's rule, with rounded constants."""
    *lower, total = (rounded(x, bits) for x in sigma.piece(z))
    for x in reversed(lower):
        total = rounded(rounded(total * z, bits) + x, bits)
    return total


def answer(
    sigma: PiecewisePolynomial,
    net: tuple[Sequence[Sequence[Fraction]], Sequence[Fraction], Sequence[Fraction], Fraction],
    x: Sequence[Fraction],
    bits: int,
    add: Sum,
    *,
    mean: bool = False,
) -> Fraction:
    """r̂ of the network (w, b, a, c) on the pixels x as computed: zero padding, sum or mean
    pooling.
    """
    filters, biases, readout, c = net
    pixels = [rounded(value, bits) for value in x]
    terms = []
    for w, b, a in zip(filters, biases, readout, strict=True):
        h, responses = len(w) // 2, []
        for i in range(len(pixels)):
            inside = [u for u in range(len(w)) if 0 <= i + u - h < len(pixels)]
            z = add([b, *(rounded(w[u] * pixels[i + u - h], bits) for u in inside)], bits)
            responses.append(_response(sigma, z, bits))
        total = add(responses, bits)
        if mean:
            total = rounded(total / len(pixels), bits)
        terms.append(rounded(a * total, bits))
    return add([*terms, c], bits)
