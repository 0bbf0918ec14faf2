"""The loss of the best readout against least squares, and its leading terms against regression and
search.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given
from hypothesis import strategies as st

from numerics.arithmetic.taylor import taylor
from tests.strategies import rationals
from theory.expressions.activation import z
from theory.shape.rates.expansion import basis
from theory.shape.rates.leading import (
    CUBIC_FREE,
    CURVATURES,
    Spread,
    after_radius,
    cubic_free_rate,
    curved_rate,
    inflection_rate,
    kink_rate,
    loss,
    remaining,
    spread,
    uniform_spread,
)

F = Fraction
OVER = spread([F(t, 8) for t in range(8)], F(5, 4))


# --- the loss ---------------------------------------------------------------------------------


@given(
    st.tuples(*[rationals()] * 4), rationals().filter(bool), st.integers(1, 5), st.integers(1, 7)
)
def test_loss_is_that_of_least_squares(bends, delta, cells, count) -> None:
    """On the radii themselves: cells × count of them, fitted by a and c."""
    fractions = [F(t, count) for t in range(count)]
    pairs = [
        (
            m + phi,
            2 * delta * (m + phi) + sum(x * f for x, f in zip(bends, basis(phi), strict=True)),
        )
        for m in range(cells)
        for phi in fractions
    ]
    mean_r, mean_f = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
    v, cov, var = (
        sum(term(r - mean_r, f - mean_f) for r, f in pairs) / len(pairs)
        for term in (lambda r, f: r * r, lambda r, f: r * f, lambda r, f: f * f)
    )
    assume(v != 0 and var != 0)
    found = loss(delta, bends, spread(fractions, v))
    assert found == v - cov**2 / var
    assert 0 <= found <= v


def test_spread_is_a_covariance() -> None:
    assert isinstance(OVER, Spread)
    assert np.all(np.linalg.eigvalsh(np.array(after_radius(OVER), dtype=float)) > 0)


@given(st.integers(5, 12), st.floats(0.2, 9))
def test_remaining_is_a_residual_variance(count, variance) -> None:
    """N_j by regressing the samples on r and the functions before: normal
    equations against pivots.
    """
    over = spread([t / count for t in range(count)], variance)
    left = np.array(after_radius(over))
    for j in range(4):
        rest = left[j, j]
        if j:
            rest = rest - left[j, :j] @ np.linalg.solve(left[:j, :j], left[:j, j])
        assert remaining(left.tolist(), j) == pytest.approx(rest, rel=1e-6)


def test_uniform_averages_are_the_limit_of_sampled_ones() -> None:
    """The midpoint-free samples t/q differ from the integral by O(1/q)."""
    exact, q = uniform_spread(), 4000
    sampled = spread([Fraction(t, q) for t in range(q)], Fraction(1))
    for row, also in zip(exact.gram, sampled.gram, strict=True):
        assert [float(x) for x in row] == pytest.approx([float(x) for x in also], abs=2 / q)
    assert (exact.gram[0][0], exact.gram[1][1], exact.cov[0]) == (
        sp.Rational(1, 180),
        sp.Rational(1, 210),
        0,
    )


def test_uniform_constants() -> None:
    """q -> oo and V -> oo: 1/180, 1/210, 1/44100 and, E² left out, 1/83160."""
    q = 4096
    left = after_radius(spread([t / q for t in range(q)], 1e12))
    for j, value in enumerate((1 / 180, 1 / 210, 1 / 44100)):
        assert remaining(left, j) == pytest.approx(value, rel=1e-5)
    kept = [[left[i][j] for j in (0, 1, 3)] for i in (0, 1, 3)]
    assert remaining(kept, 2) == pytest.approx(1 / 83160, rel=1e-5)


@pytest.mark.parametrize("n", [1, 3, 5, 9])
def test_where_the_bias_goes_for_uniform_fractions(n: int) -> None:
    """S + 2β = 2 (c - t) has no first order, and -s_4/(3γ) at the second, whatever n is."""
    s = sp.symbols("s1 s2 s3 s4 s5", nonzero=True)
    first, second = inflection_rate((s[0], 0, *s[2:]), n, uniform_spread()).offset
    assert first == 0 and sp.simplify(2 * second + s[3] / (3 * s[2])) == 0


# --- closed forms -----------------------------------------------------------------------------


def test_rates_scale_as_they_say() -> None:
    s = [F(2), F(3), F(5), F(7), F(11)]
    flat = [F(2), F(0), F(5), F(7), F(11)]
    assert curved_rate(s, 3, OVER).constant * 9 == curved_rate(s, 1, OVER).constant
    assert inflection_rate(flat, 3, OVER).constant * 81 == inflection_rate(flat, 1, OVER).constant
    assert [cubic_free_rate([F(2), F(0), F(5), x, F(11)], OVER).exponent for x in (F(7), F(0))] == [
        6,
        8,
    ]
    fractions = [F(t, 8) for t in range(8)]
    assert kink_rate((1, -1), fractions, F(5, 4)) == kink_rate((-3, 3), fractions, F(5, 4))


@given(st.floats(-20, 20))
def test_no_cubic_free_filter_is_smaller(ratio) -> None:
    """Three real taps with sum 1 and Σ ω³ = 0 have Σ ω² >= that of the closed form."""
    third = -np.cbrt(1 + ratio**3)
    taps = np.array([1.0, ratio, third])
    assume(abs(taps.sum()) > 1e-3)
    least = float(sum(tap**2 for tap in CUBIC_FREE))
    found = np.sum((taps / taps.sum()) ** 2)
    assert found >= least * (1 - 1e-9)
    # Equal for two equal taps only, and -∛2 times them.
    if min(abs(ratio - equal) for equal in (1, -np.cbrt(2), -1 / np.cbrt(2))) > 1e-2:
        assert found > least * (1 + 1e-6)


def test_the_smallest_cubic_free_filter() -> None:
    assert [sp.minimal_polynomial(sum(t**k for t in CUBIC_FREE), z) for k in (1, 3)] == [z - 1, z]


@pytest.mark.parametrize("name", CURVATURES)
def test_curvatures(name: str) -> None:
    low, high = taylor(name, 0.7)
    s = (low + high) / 2
    assert float(CURVATURES[name].subs(z, sp.Rational(7, 10))) == pytest.approx(2 * s[2] / s[1])
