"""Products of irreducible parts: they multiply back, and real roots are all there."""

from __future__ import annotations

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from theory.expressions.factors import affine, factored, real_roots
from theory.expressions.pieces import z

PRODUCTS = [
    z**2 - 1,
    (z + 1) / (z - 2),
    sp.exp(z) - 1,
    sp.exp(2 * z) - sp.exp(-2 * z),
    sp.sqrt(z + 3) * z - 1,
    z * sp.tanh(z) + sp.pi,
]


@pytest.mark.parametrize("f", PRODUCTS, ids=str)
def test_the_factors_multiply_back(f: sp.Expr) -> None:
    constant, factors, names = factored(f)
    product = constant * sp.Mul(*(factor.xreplace(names) ** power for factor, power in factors))
    for value in (sp.Rational(5, 2), sp.Rational(31, 10)):
        assert abs(sp.N((product - f).subs(z, value), 30)) < 1e-20


@pytest.mark.parametrize(
    "f", [(z + 1) ** 2 - z**2 - 2 * z - 1, (sp.exp(z) + 1) ** 2 - sp.exp(2 * z) - 2 * sp.exp(z) - 1]
)
def test_a_hidden_zero_is_seen(f: sp.Expr) -> None:
    assert f != 0 and factored(f)[0] == 0


@given(st.lists(st.integers(-6, 6), max_size=4), st.integers(1, 3))
def test_real_roots_come_in_order_with_their_multiplicity(roots: list[int], lead: int) -> None:
    p = sp.Poly(lead * sp.Mul(*(2 * z - r for r in roots)) * (z**2 + 1), z)
    assert real_roots(p) == sorted(sp.Rational(r, 2) for r in roots)


def test_roots_that_are_not_rational() -> None:
    assert real_roots(sp.Poly(z**2 - sp.sqrt(2), z)) == [
        -(2 ** sp.Rational(1, 4)),
        2 ** sp.Rational(1, 4),
    ]
    assert real_roots(sp.Poly(z**2 + sp.sqrt(2), z)) == []
    assert real_roots(sp.Poly(z**3 - sp.sqrt(2), z)) is None


def test_affine_means_visibly_so() -> None:
    assert affine(3 * z - sp.pi) == (3, -sp.pi)
    assert affine(sp.sqrt(2) * z) == (sp.sqrt(2), 0)
    assert affine(z**2) is None and affine(sp.Abs(z)) is None
