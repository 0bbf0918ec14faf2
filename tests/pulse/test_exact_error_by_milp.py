"""The exact worst error against a verifier of another kind: mixed-integer programming, by HiGHS, a
public solver (benchmarks/milp.py).
"""

from __future__ import annotations

from fractions import Fraction

import pytest
from flint import fmpq
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.milp import worst_error
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import exact_net, summary
from tests.strategies import few

F = Fraction
SOLVED = 1e-5
"""The solver's feasibility tolerance is 1e-6, that of integrality, too; big-M is below 10 here."""


numbers = st.integers(-16, 16).map(lambda k: F(k, 8))


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[list[F]], list[F], list[F], F]:
    n, channels = draw(st.sampled_from((1, 3, 5))), draw(st.integers(1, 3))

    def row(size: int) -> list[F]:
        return draw(st.lists(numbers, min_size=size, max_size=size))

    return [row(n) for _ in range(channels)], row(channels), row(channels), draw(numbers)


@few
@given(networks(), st.integers(1, 4))
@example(([[F(1), F(-1), F(2)]], [F(-1, 2)], [F(1)], F(0)), 2)
@example(([[F(1), F(1), F(1)]], [F(0)], [F(1, 6)], F(0)), 1)
def test_an_independent_verifier_finds_the_same_worst_error(
    net: tuple[list[list[F]], list[F], list[F], F], first: int
) -> None:
    w, b, a, c = net
    half_length = first + 2 + len(w[0])
    low = fmpq(2 * first - 1, 2)
    exact = summary(exact_net("relu", w, b, a, c), Domain(half_length, low, low + 2)).worst
    assert exact.exact
    found = worst_error(w, b, a, c, half_length, first, 2)
    value = int(exact.high.p) / int(exact.high.q)
    assert found == pytest.approx(value, abs=SOLVED * (1 + value))
