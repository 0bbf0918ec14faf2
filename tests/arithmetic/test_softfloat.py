"""Floats of few bits, emulated: what the machine does at 53 bits, and the catalogue's shapes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.arithmetic.softfloat import POLYNOMIALS, answer, rounded, sequential_sum
from numerics.pulse.sample import pulse


@given(st.fractions(max_denominator=10**6), st.integers(2, 60))
@example(Fraction(3, 2), 1)
@example(Fraction(2**24 + 1), 24)
@example(Fraction(0), 4)
def test_rounded_is_near_and_has_few_digits(x: Fraction, bits: int) -> None:
    near = rounded(x, bits)
    assert abs(near - x) <= abs(x) / 2**bits
    odd = abs(near.numerator)
    assert near.denominator.bit_count() == 1
    assert not odd or odd >> ((odd & -odd).bit_length() - 1) < 2**bits
    assert rounded(near, bits) == near


@given(st.fractions(-(10**6), 10**6, max_denominator=10**6))
@example(Fraction(1) + Fraction(1, 2**24))
@example(Fraction(1) + Fraction(3, 2**24))
def test_rounded_is_what_the_machine_does(x: Fraction) -> None:
    assert rounded(x, 53) == Fraction(float(x))
    once = rounded(x, 40)  # twice rounded is not once rounded: a number that float64 holds
    assert rounded(once, 24) == Fraction(float(np.float32(float(once))))


@given(st.integers(0, 2**32 - 1), st.sampled_from(("identity", "relu", "abs", "square")))
def test_53_bits_are_float64(seed: int, name: str) -> None:
    """The same order of operations in Python's own floats: the same number."""
    rng = np.random.default_rng(seed)
    w, b, a, c = rng.normal(size=3).tolist(), *rng.normal(size=3).tolist()
    x = pulse(float(rng.integers(32, 96)) / 64, 3).tolist()
    sigma = {
        "identity": lambda z: z,
        "relu": lambda z: max(z, 0.0),
        "abs": abs,
        "square": lambda z: z * z,
    }[name]
    total = 0.0
    for i in range(len(x)):
        z = b
        for u in range(3):
            if 0 <= i + u - 1 < len(x):
                z += w[u] * x[i + u - 1]
        total += sigma(z)
    exact = ([list(map(Fraction, w))], [Fraction(b)], [Fraction(a)], Fraction(c))
    found = answer(POLYNOMIALS[name], exact, list(map(Fraction, x)), 53, sequential_sum)
    assert found == Fraction(a * total + c)


def test_the_emulated_shapes_are_the_catalogue() -> None:
    for name, shape in POLYNOMIALS.items():
        for k in range(-70, 71):
            z = Fraction(k, 16)
            value = sum((s * z**j for j, s in enumerate(shape.piece(z))), Fraction(0))
            assert value == oracle.RATIONAL[name](z)
