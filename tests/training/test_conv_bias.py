"""A bias in the convolution: what is kept, where it ends, and when the data decide the sign."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.pulse.sample import Radii
from theory.training.conv_bias import LAW, balance, end, readout_squared, sign_is_kept
from verify.training.claims.conv_bias import NEAR_SADDLE, _loss, integrate
from verify.training.dynamics import second_moment

F = Fraction
numbers = st.floats(-2, 2)
exact = st.fractions(-2, 2, max_denominator=9)


@given(st.sampled_from((1, 3, 5)), st.integers(2, 20), st.data())
def test_no_answer_moves_h(n: int, quarters: int, data: st.DataObject) -> None:
    """The gradient of r̂, by differences of simulated answers, at any radius with the border dark:
    ∇h · ∇r̂ = 0.
    """
    r = F(quarters, 4)
    point = data.draw(st.lists(exact, min_size=n + 2, max_size=n + 2))
    x = oracle.overlap_pulse(r, math.ceil(r - F(1, 2)) + n // 2)

    def answer(p: list[F]) -> F:
        return p[n + 1] * sum(oracle.preactivations(p[:n], p[n], x))

    def slopes(value: Callable[[list[F]], F]) -> list[F]:
        moved = [
            [y + side * (i == j) for i, y in enumerate(point)]
            for j in range(n + 2)
            for side in (1, -1)
        ]
        up, down = moved[::2], moved[1::2]
        return [(value(p) - value(q)) / 2 for p, q in zip(up, down, strict=True)]

    h = slopes(lambda p: balance(p[:n], p[n], p[n + 1]))
    assert sum(x * y for x, y in zip(h, slopes(answer), strict=True)) == 0


@given(st.data(), st.sampled_from((1, 3, 5)), exact, exact, st.integers(1, 8), st.booleans())
def test_a_step_moves_h_at_second_order(
    data: st.DataObject, n: int, b: F, a: F, thirds: int, whole: bool
) -> None:
    """By 4η²[(2Sp + Nbq)² - 4na²p² - N²a²q²], p = E e r, q = E e, exactly; and that is within the
    bound of the losses.
    """
    w, rate = data.draw(st.lists(exact, min_size=n, max_size=n)), F(thirds, 3)
    radii = [F(2), F(9, 4)] if whole else [F(5, 2)]
    size, total = 2 * (3 + n) + 1, sum(w)
    e = [a * (2 * r * total + size * b) - r for r in radii]

    def mean(values: Iterable[Any]) -> Any:
        return sum(values) / len(radii)

    p, q = mean([x * r for x, r in zip(e, radii, strict=True)]), mean(e)
    assert p**2 <= mean([r * r for r in radii]) * mean([x * x for x in e])
    assert q**2 <= mean([x * x for x in e])
    new_w = [tap - rate * 4 * a * p for tap in w]
    new_b, new_a = b - rate * 2 * size * a * q, a - rate * 2 * (2 * total * p + size * b * q)
    change = (
        4
        * rate**2
        * ((2 * total * p + size * b * q) ** 2 - 4 * n * a**2 * p**2 - size**2 * a**2 * q**2)
    )
    assert balance(new_w, new_b, new_a) - balance(w, b, a) == change


@given(st.lists(numbers, min_size=3, max_size=3), st.floats(0.1, 2), numbers)
def test_a_bias_moves_the_end_of_every_weight(w: list[float], b: float, a: float) -> None:
    """h is less with it than without: |a| ends lower, and every tap elsewhere."""
    with_w, with_a = end(LAW, w, b, a, 1, math.sqrt)
    bare_w, bare_a = end(LAW, w, 0.0, a, 1, math.sqrt)
    assert 0 < with_a < bare_a
    assert all(one > other for one, other in zip(with_w, bare_w, strict=True))


def test_an_exact_network_has_no_bias() -> None:
    """a (2rS + Nb) = r at two radii: whatever N and the two radii, b = 0 and aS = 1/2."""
    a = sp.Symbol("a", nonzero=True)
    b, total = sp.symbols("b S", real=True)
    size, r, more = sp.symbols("N r d", positive=True)
    equations = [a * (2 * x * total + size * b) - x for x in (r, r + more)]
    assert sp.solve(equations, [total, b], dict=True) == [{total: 1 / (2 * a), b: 0}]


@given(st.floats(-20, 20), st.sampled_from((1, 3, 9, 31)))
@example(0.0, 1)
def test_the_end_is_exact_and_keeps_h(h: float, n: int) -> None:
    square = readout_squared(h, n, math.sqrt)
    assert square > 0
    total = 1 / (2 * math.sqrt(square))
    assert square - total**2 / n == pytest.approx(h, abs=1e-9 * (1 + abs(h)) / square)


@given(st.lists(numbers, min_size=3, max_size=3), numbers, numbers, st.sampled_from((-1, 1)))
def test_the_end_from_any_start(w: list[float], b: float, a: float, sign: int) -> None:
    new_w, new_a = end(LAW, w, b, a, sign, math.sqrt)
    assert math.copysign(1, new_a) == sign
    assert new_a * sum(new_w) == pytest.approx(0.5)
    assert balance(new_w, 0.0, new_a) == pytest.approx(balance(w, b, a), abs=1e-6)
    assert np.allclose(np.diff(new_w), np.diff(w), atol=1e-9)


@given(st.integers(0, 2**32 - 1))
@example(0)
def test_a_promised_sign_is_kept_by_the_flow(seed: int) -> None:
    rng = np.random.default_rng(seed)
    w, b, a = rng.normal(size=1) / 2, float(rng.normal()) / 2, float(rng.normal()) / 2
    radii = Radii(1, 2, 2)
    loss = _loss(w, b, a, radii)
    if not sign_is_kept(balance(list(w), b, a), loss, second_moment(radii)):
        return
    found, stretched, _ = integrate(w, b, a, radii)
    if stretched < math.log(NEAR_SADDLE):
        assert found[2] * a > 0


def test_the_data_can_choose_the_sign() -> None:
    """h < 0 and a loss above E r² for both: the same start ends at (a, S) or at (-a, -S)."""
    w, b, a = np.array([0.2]), 1.2, -1.1
    assert balance(list(w), b, a) < 0
    ends = [integrate(w, b, a, radii)[0] for radii in (Radii(1, 1, 2), Radii(4, 3, 2))]
    assert ends[0][2] > 0 > ends[1][2]
    assert np.allclose(ends[0][[0, 2]], -ends[1][[0, 2]], atol=1e-9)


def test_every_network_without_readout_has_the_same_loss() -> None:
    radii = Radii(2, 3, 4)
    for w, b in (([1.0, 2.0, 3.0], 0.3), ([-1.0, 0.0, 0.5], -2.0)):
        assert _loss(np.array(w), b, 0.0, radii) == second_moment(radii)
