"""The expansion of a short staircase: against exact deviations of polynomials and of a signed
square.
"""

from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from numerics.pulse.channel import exact_quantities
from tests.strategies import filters, rationals, widths
from theory.shape.rates.expansion import (
    basis,
    centre,
    chord_slope,
    components,
    kinked_deviation,
    moments,
)

F = Fraction
FRACTIONS = [F(t, 5) for t in range(5)]


def polynomial(s: list[Fraction], x: Fraction) -> Fraction:
    return sum((c * x ** (k + 1) for k, c in enumerate(s)), F(0))


def moved(s: list[Fraction], c: Fraction) -> list[Fraction]:
    """The coefficients of x, ..., x⁵ of the polynomial at c + x."""
    terms = range(1, len(s) + 1)
    return [
        sum((math.comb(j, k) * s[j - 1] * c ** (j - k) for j in terms if j >= k), F(0))
        for k in terms
    ]


@given(st.data(), widths(9), st.lists(rationals(), min_size=5, max_size=5), rationals())
def test_polynomials_of_degree_five_have_no_further_terms(data, n, s, b) -> None:
    w = data.draw(filters(n))
    height = sum(w, F(0))
    at = moved(s, centre(b, height))
    exact = exact_quantities(w, lambda x: polynomial(s, x + b), FRACTIONS)
    bends = components(at, moments(w))
    stated = [sum(x * f for x, f in zip(bends, basis(phi), strict=True)) for phi in FRACTIONS]
    assert exact.deviation == stated
    assert exact.slope == chord_slope(at, height)


@given(st.data(), widths(9), rationals())
def test_a_signed_square_bends_step_by_step(data, n, b) -> None:
    w = data.draw(filters(n))
    exact = exact_quantities(w, lambda x: (x + b) * abs(x + b), FRACTIONS)
    c = centre(b, sum(w, F(0)))
    assert exact.deviation == [kinked_deviation(w, c, phi) for phi in FRACTIONS]


@given(st.data(), widths(15))
def test_moments_of_mirrored_and_negated_filters(data, n) -> None:
    w = data.draw(filters(n))
    of, mirrored, negated = moments(w), moments(w[::-1]), moments([-tap for tap in w])
    assert of == mirrored
    assert (negated.S, negated.p3, negated.p5, negated.m23) == (-of.S, -of.p3, -of.p5, -of.m23)
    assert (negated.p2, negated.p4, negated.m22) == (of.p2, of.p4, of.m22)


@given(st.data(), widths(9), st.lists(rationals(), min_size=3, max_size=3))
def test_an_odd_activation_about_the_centre_bends_oddly(data, n, odd) -> None:
    """Background and plateau at the same distance from the inflection: S + 2β = 0."""
    bends = components([odd[0], F(0), odd[1], F(0), odd[2]], moments(data.draw(filters(n))))
    assert bends[0] == bends[2] == 0
