"""Enclosures of a network's error hold it, and are tight; networks are summed
from the definition.
"""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy as sp
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.pulse.error_enclosure import (
    PRECISIONS,
    certified_error,
    error_ball,
    largest_error,
    responses,
    window_counts,
)
from tests.formulas import contains
from theory.expressions.activation import z
from theory.pulse.network import Network


def _direct(net: Network[Fraction], c: Fraction, r: Fraction, half_length: int) -> Fraction:
    sigma = oracle.RATIONAL[str(net.sigma)]
    x = oracle.overlap_pulse(r, half_length)
    answer = c
    for w, b, a in zip(net.w, net.b, net.a, strict=True):
        answer += a * sum((sigma(v) for v in oracle.preactivations(w, b, x)), Fraction(0))
    return answer - r


RATIONALS = st.fractions(-3, 3, max_denominator=64)


@given(
    name=st.sampled_from(sorted(set(oracle.RATIONAL) - {"hardshrink", "threshold"})),
    w=st.lists(st.tuples(RATIONALS, RATIONALS, RATIONALS), min_size=2, max_size=2),
    rest=st.lists(RATIONALS, min_size=5, max_size=5),
    r=st.fractions(Fraction(1, 2), 5, max_denominator=30),
)
def test_error_of_a_rational_network(
    name: str, w: list[tuple[Fraction, ...]], rest: list[Fraction], r: Fraction
) -> None:
    net = Network(tuple(w), tuple(rest[:2]), tuple(rest[2:4]), rest[4], sigma=name)
    exact = _direct(net, rest[4], r, 6)
    for bits in (64, 256):
        ball = error_ball(net, r, 6, bits)
        assert contains(ball, exact)
        assert float(ball.rad()) < 2.0 ** (20 - bits)


def test_windows_are_those_of_the_definition() -> None:
    r, half_length = Fraction(7, 3), 5
    padded = [Fraction(0), *oracle.overlap_pulse(r, half_length), Fraction(0)]
    direct = sorted(tuple(padded[i : i + 3]) for i in range(11))
    counted = sorted(w for w, count in window_counts(r, half_length, 3) for _ in range(count))
    assert counted == direct


def test_missing_readout_bias_is_the_one_that_the_laws_give() -> None:
    w, b = (Fraction(1, 4), Fraction(1, 2), Fraction(1, 4)), Fraction(1, 3)
    pair = Network(
        (w, tuple(-x for x in w)), (b, -b), (Fraction(1, 2), Fraction(-1, 2)), sigma="softplus"
    )
    radii = [Fraction(3, 2) + Fraction(t, 7) for t in range(15)]
    for half_length in (4, 6):
        error, holds = largest_error(pair, radii, half_length)
        assert holds and error < Fraction(1, 10**60)
    bent = Network(((1, 2, 1),), (0,), (Fraction(1, 32),), sigma="square")
    # Wrong between half-integers only: that is what c removes.
    assert error_ball(bent, Fraction(5, 2), 5).contains(0)
    assert not error_ball(bent, Fraction(9, 4), 5).contains(0)


def test_responses_are_the_pooled_values() -> None:
    w, b, radii = (Fraction(1), Fraction(-1, 2), Fraction(2)), Fraction(1, 5), [Fraction(9, 4)]
    (ball,) = responses("relu", w, b, radii, 5)
    x = oracle.overlap_pulse(radii[0], 5)
    exact = sum((max(v, Fraction(0)) for v in oracle.preactivations(w, b, x)), Fraction(0))
    assert contains(ball, exact)


def test_a_tiny_error_is_certified_and_an_exact_network_is_not() -> None:
    exact = Network(((1, 2, 3),), (0,), (Fraction(1, 12),), sigma="relu")
    radii = [Fraction(5, 2) + Fraction(t, 7) for t in range(7)]
    found = certified_error(exact, radii, 6)
    assert (found.decided, found.radius, found.bound, found.precision) == (
        False,
        None,
        0,
        PRECISIONS[-1],
    )
    for size in (10, 30, 60, 100):
        off = Network(((1, 2, 3),), (0,), (Fraction(1, 12) + Fraction(1, 10**size),), sigma="relu")
        found = certified_error(off, radii, 6)
        assert found.decided and found.radius in radii
        # c leaves the slope error: (2aΔ - 1) r with Δ = 6.
        true = Fraction(12, 10**size) * found.radius
        # A lower bound, and close: the largest over the radii.
        assert 0 < found.bound <= true < 2 * found.bound
        assert found.precision >= size * 3.3 or found.precision == PRECISIONS[0]


def test_floats_are_taken_as_they_are() -> None:
    a = 1 / 12  # not 1/12
    net = Network(((1.0, 2.0, 3.0),), (0.0,), (a,), 0.0, sigma="identity")
    r = Fraction(9, 4)
    exact = 12 * Fraction(a) * r - r
    assert exact and error_ball(net, r, 5).contains(fmpq(exact.numerator, exact.denominator))
    assert certified_error(net, [r], 5).decided


def test_bad_input() -> None:
    net = Network(((1, 2, 3),), (0,), (1,), 0, sigma="relu")
    for r in (Fraction(1, 4), Fraction(11, 2) + Fraction(1, 100)):
        with pytest.raises(ValueError, match="does not lie"):
            error_ball(net, r, 5)
    with pytest.raises(ValueError, match="needed"):
        certified_error(net, [], 5)
    undefined = Network(((1, 1, 1),), (-1,), (1,), 0, sigma=sp.log(z))
    with pytest.raises(ValueError, match="no finite enclosure"):
        largest_error(undefined, [Fraction(2)], 5)
