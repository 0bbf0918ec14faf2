"""Least losses and two exact networks of the atlas."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.invariance.gram_schmidt import dot, orthogonal, residual
from tests.exact_networks import windows
from theory.invariance.nuisances import (
    background_contrast_risk,
    border_network,
    dense_risk,
    right_edge_network,
    sum_risk,
)

HALF = Fraction(1, 2)


@given(st.integers(7, 30), st.fractions(-4, 4, max_denominator=5))
def test_the_border_as_an_edge(size: int, bias: Fraction) -> None:
    net = border_network(Fraction(size), bias)
    ones = oracle.preactivations(list(net.w[0]), Fraction(0), [Fraction(1)] * size)
    assert sum(ones) == 0 and sum(net.w[0]) == 1


@given(
    st.fractions(1, 5, max_denominator=4),
    st.fractions(1, 9, max_denominator=4),
    st.fractions(-5, 5, max_denominator=4),
    st.integers(0, 6),
)
def test_one_leg_is_enough(share: Fraction, gain: Fraction, beta: Fraction, k: int) -> None:
    net = right_edge_network(gain, range(-8, 9))
    (w,), (b,), (v,) = net.w, net.biases, net.a
    x = [beta + share / gain * (abs(i) <= k) for i in range(-8, 9)]
    for padding in ("ring", "zeros"):
        seen = [max(z, Fraction(0)) for z in windows(list(w), b, x, padding)]
        assert net.c + dot(list(v), seen) == k + HALF


def test_least_losses_from_their_definitions() -> None:
    """Squares completed with symbols for all moments."""
    v, a, b = sp.symbols("V A B", positive=True)
    m, mu, nu, lift, c, theta = sp.symbols("m mu nu T c theta", real=True)
    r, e, d = sp.symbols("r e d", real=True)
    moments = {0: 1, 1: 0, 2: 1}

    def mean(error: sp.Expr) -> sp.Expr:
        """E over r = m + √V r', α = μ + √A e', β = ν + √B d', independent, with means 0 and
        variances 1.
        """
        poly = sp.Poly(sp.expand(error), r, e, d)
        return sp.Add(*(k * sp.Mul(*(moments[p] for p in powers)) for powers, k in poly.terms()))

    radius, alpha, beta = m + sp.sqrt(v) * r, mu + sp.sqrt(a) * e, nu + sp.sqrt(b) * d
    answer = c + theta * (2 * alpha * radius + lift * beta)
    loss = mean((answer - radius) ** 2)
    best = sp.solve([sp.diff(loss, c), sp.diff(loss, theta)], [c, theta], dict=True)[0]
    assert sp.simplify(loss.subs(best) - sum_risk(v, m, a, mu, b, lift)) == 0
    # Dense: h(r) for each r by itself, then c.
    h = sp.Symbol("h", real=True)
    inner = sp.Symbol("r0", real=True)
    given_r = mean((c + (mu + sp.sqrt(a) * e) * h - inner) ** 2)
    t = sp.Symbol("t", real=True)
    more = mean((c - t * nu + (mu + sp.sqrt(a) * e) * h + t * beta - inner) ** 2)
    assert sp.expand(more - given_r - t**2 * b) == 0
    left = sp.factor(given_r.subs(h, sp.solve(sp.diff(given_r, h), h)[0]))
    outer = mean(left.subs(inner, radius))
    assert sp.simplify(outer.subs(c, sp.solve(sp.diff(outer, c), c)[0]) - dense_risk(v, a, mu)) == 0


def test_the_price_of_both_is_a_least_square() -> None:
    """f at four levels: the rows (β, α), (β, 2α), (β + α, α), (β + α, 2α) of the
    errors in slope.
    """
    spread = Fraction(5, 4)
    columns = [
        [Fraction(k) for k in row]
        for row in ((-1, -1, 0, 0), (1, 0, -1, -1), (0, 1, 1, 0), (0, 0, 0, 1))
    ]
    left = residual([HALF] * 4, orthogonal(columns))
    assert 4 * spread * dot(left, left) / 4 == background_contrast_risk(spread)
