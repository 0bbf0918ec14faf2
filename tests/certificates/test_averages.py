"""The loss over every real radius: against exact integrals of the pieces, which know neither kinks
nor kernels.
"""

from __future__ import annotations

from fractions import Fraction

import pytest
from flint import fmpq
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.pulse.channel import exact_quantities
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import exact_net, summary
from tests.strategies import few
from theory.certificates.averages import CLAIM, LAW, moments
from theory.expressions.activation import ACTIVATIONS
from theory.pulse.kinks import crossings
from theory.pulse.loss import attribution, residuals

F = Fraction
numbers = st.fractions(-2, 2, max_denominator=8)


@st.composite
def networks(draw: st.DrawFn) -> tuple[str, list[list[F]], list[F], list[F], F]:
    name = draw(st.sampled_from(("relu", "leaky_relu", "abs", "hardtanh", "softshrink")))
    n, channels = draw(st.sampled_from((1, 3, 5))), draw(st.integers(1, 3))

    def row(size: int) -> list[F]:
        return draw(st.lists(numbers, min_size=size, max_size=size))

    return name, [row(n) for _ in range(channels)], row(channels), row(channels), draw(numbers)


@few
@given(networks(), st.integers(0, 3), st.integers(1, 4))
@example(("relu", [[F(1), F(-1), F(2)]], [F(-1, 2)], [F(1)], F(0)), 0, 1)
@example(("abs", [[F(1)], [F(-1)]], [F(-1, 2), F(1, 2)], [F(1), F(-1)], F(0)), 0, 2)
def test_the_law_is_the_exact_integral(
    net: tuple[str, list[list[F]], list[F], list[F], F], beyond: int, cells: int
) -> None:
    name, w, b, a, c = net
    first = len(w[0]) // 2 + 1 + beyond
    half_length = first + cells + len(w[0])
    low = fmpq(2 * first - 1, 2)
    found = summary(exact_net(name, w, b, a, c), Domain(half_length, low, low + cells))

    sigma = oracle.RATIONAL[name]
    kinks = [
        (F(int(k.location.p), int(k.location.q)), F(int(k.jump.p), int(k.jump.q)))
        for k in ACTIVATIONS[name].kinks
    ]
    bends = [
        (y * x.jump, x.star)
        for row, bias, y in zip(w, b, a, strict=True)
        for x in crossings(row, bias, kinks)
    ]
    each = [
        exact_quantities(row, oracle.shifted(sigma, bias), [])
        for row, bias in zip(w, b, strict=True)
    ]
    alpha, beta, _ = residuals(
        a,
        c,
        2 * half_length + 1,
        [q.slope for q in each],
        [q.background for q in each],
        [q.kappa for q in each],
        [F(0) for _ in each],
    )
    mean = moments(LAW, bends, first, cells)
    exact = F(int(found.mean_square.p), int(found.mean_square.q))
    assert sum(attribution(alpha, beta, mean)) == exact
    assert alpha * mean.r + beta + mean.d == F(int(found.mean.p), int(found.mean.q))


places = st.fractions(0, 1, max_denominator=60).filter(lambda s: 0 < s < 1)


@given(places, places)
def test_bends_of_one_sign_make_each_other_worse(s: F, t: F) -> None:
    """0 < H(s, t)² <= H(s, s) H(t, t): a Gram matrix of positive functions."""
    low, high = min(s, t), max(s, t)
    overlap = LAW.overlap(low, high)
    assert overlap > 0
    assert overlap**2 <= LAW.overlap(s, s) * LAW.overlap(t, t)
    # Seen in a mirror, φ -> 1 - φ, it is the same.
    assert overlap == LAW.overlap(1 - high, 1 - low)


@few
@given(st.lists(st.tuples(numbers, places), max_size=4), st.integers(1, 6), st.integers(1, 6))
def test_the_variance_of_the_bends_is_not_negative(
    bends: list[tuple[F, F]], first: int, cells: int
) -> None:
    mean = moments(LAW, bends, first, cells)
    assert mean.d2 >= mean.d**2
    assert mean.r2 - mean.r**2 == F(cells**2, 12)
    assert (mean.rd - mean.r * mean.d) ** 2 <= (mean.r2 - mean.r**2) * (mean.d2 - mean.d**2)


@pytest.mark.thorough
@pytest.mark.parametrize("wrong", CLAIM.wrong, ids=lambda wrong: wrong.name)
def test_a_wrong_law_leaves_a_step_open(wrong: object) -> None:
    assert CLAIM.prove(wrong.law).open  # type: ignore[attr-defined]
