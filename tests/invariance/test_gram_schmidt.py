"""Orthogonal vectors in fractions: the remainder is orthogonal to all, and nothing is lost."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from numerics.invariance.gram_schmidt import dot, orthogonal, residual

vectors = st.lists(
    st.lists(st.fractions(-3, 3, max_denominator=6), min_size=4, max_size=4), max_size=6
)
vector = st.lists(st.fractions(-3, 3, max_denominator=6), min_size=4, max_size=4)


@given(vectors, vector)
def test_what_is_left_is_orthogonal_to_all(given_: list[list[Fraction]], y: list[Fraction]) -> None:
    basis = orthogonal(given_)
    assert len(basis) <= 4
    assert all(dot(p, q) == 0 for i, p in enumerate(basis) for q in basis[:i])
    left = residual(y, basis)
    assert all(dot(left, v) == 0 for v in given_)
    assert dot(y, y) >= dot(left, left)


@given(vectors)
def test_they_span_the_same_space(given_: list[list[Fraction]]) -> None:
    basis = orthogonal(given_)
    assert all(not any(residual(v, basis)) for v in given_)
    assert len(orthogonal([*basis, *given_])) == len(basis)
