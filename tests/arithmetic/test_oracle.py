"""The oracle itself, against values worked out by hand and against numpy's correlation."""

from __future__ import annotations

import ast
import inspect
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.arithmetic.rounding import preactivation_bound
from tests.strategies import RATIONAL, Case, cases, filters, grid, rationals, widths

F = Fraction


def test_it_shares_no_code() -> None:
    """Its own imports: the standard library's typing helpers, nothing else."""
    found = {
        name
        for node in ast.walk(ast.parse(inspect.getsource(oracle)))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert found <= {"__future__", "collections.abc", "typing"}


@pytest.mark.parametrize(
    ("r", "pixels"),
    [
        (F(0), [0, 0, 0, 0, 0]),
        (F(1, 2), [0, 0, 1, 0, 0]),
        (F(3, 4), [0, F(1, 4), 1, F(1, 4), 0]),
        (F(3, 2), [0, 1, 1, 1, 0]),
        (F(7, 3), [F(5, 6), 1, 1, 1, F(5, 6)]),
        (F(9), [1, 1, 1, 1, 1]),
    ],
)
def test_pulses_by_hand(r: Fraction, pixels: list[Fraction]) -> None:
    assert oracle.overlap_pulse(r, 2) == pixels


def test_response_by_hand() -> None:
    # x = 0 1 1 1 0, w = (1, 2, 4): z_i = x(i-1) + 2x(i) + 4x(i+1) = 4 6 7 3 1
    x = oracle.overlap_pulse(F(3, 2), 2)
    w = [F(1), F(2), F(4)]
    assert oracle.preactivations(w, F(0), x) == [4, 6, 7, 3, 1]
    assert oracle.preactivations(w, F(-5), x) == [-1, 1, 2, -2, -4]
    assert oracle.pooled(w, F(-5), oracle.RATIONAL["relu"], x) == 3
    assert oracle.pooled(w, F(-5), oracle.RATIONAL["abs"], x) == 10 - 5 * 5
    two = oracle.answer([w, w], [F(-5), F(0)], [F(2), F(-1)], F(1), oracle.RATIONAL["relu"], x)
    assert two == 1 + 2 * 3 - 21


@given(st.data(), widths(), st.integers(0, 5), rationals())
def test_preactivations_are_numpys_correlation(
    data: st.DataObject, n: int, half_length: int, b: Fraction
) -> None:
    size = 2 * half_length + 1
    w = data.draw(filters(n, grid()))
    x = data.draw(st.lists(grid(), min_size=size, max_size=size))
    b = F(round(8 * b), 8)
    padded = np.pad(np.array(x, dtype=float), n // 2)
    expected = np.correlate(padded, np.array(w, dtype=float), "valid") + float(b)
    # Multiples of 1/64 below 2**10: no sum or product is rounded.
    assert [float(v) for v in oracle.preactivations(w, b, x)] == expected.tolist()


@given(cases(plateau=False, most=15), st.sampled_from(RATIONAL))
def test_floats_and_fractions_agree(case: Case, name: str) -> None:
    x = oracle.overlap_pulse(case.r, case.half_length)
    exact = oracle.preactivations(case.w, case.b, x)
    numbers = oracle.preactivations(
        [float(v) for v in case.w], float(case.b), [float(v) for v in x]
    )
    # Taps, bias and pixels were rounded as well, once each: three more roundings per term.
    bound = 2 * preactivation_bound(np.array(case.w, dtype=float), np.array(float(case.b)))
    assert max(abs(F(p) - q) for p, q in zip(numbers, exact, strict=True)) <= bound


@given(st.data(), widths(), st.integers(1, 4), rationals())
def test_a_ring_is_the_middle_of_three_signals(
    data: st.DataObject, n: int, half_length: int, b: Fraction
) -> None:
    size = 2 * max(half_length, n // 2) + 1
    w = data.draw(filters(n, grid()))
    x = data.draw(st.lists(grid(), min_size=size, max_size=size))
    assert oracle.ring(w, b, x) == oracle.preactivations(w, b, 3 * x)[size : 2 * size]


PLACES = [F(z) for z in ["-8", "-1", "-1/2", "0", "1/2", "1", "3/2", "8"]]
VALUES = {
    "identity": "-8 -1 -1/2 0 1/2 1 3/2 8",
    "relu": "0 0 0 0 1/2 1 3/2 8",
    "leaky_relu": "-2/25 -1/100 -1/200 0 1/2 1 3/2 8",
    "abs": "8 1 1/2 0 1/2 1 3/2 8",
    "hardtanh": "-1 -1 -1/2 0 1/2 1 1 1",
    "prelu": "-2 -1/4 -1/8 0 1/2 1 3/2 8",
    "rrelu": "-11/6 -11/48 -11/96 0 1/2 1 3/2 8",
    "relu6": "0 0 0 0 1/2 1 3/2 6",
    "hardsigmoid": "0 1/3 5/12 1/2 7/12 2/3 3/4 1",
    "softshrink": "-15/2 -1/2 0 0 0 1/2 1 15/2",
    "hardshrink": "-8 -1 0 0 0 1 3/2 8",
    "threshold": "1/2 1/2 1/2 1/2 1/2 1/2 3/2 8",
    "hardswish": "0 -1/3 -5/24 0 7/24 2/3 9/8 8",
    "square": "64 1 1/4 0 1/4 1 9/4 64",
    "cube": "-512 -1 -1/8 0 1/8 1 27/8 512",
    "softsign": "-8/9 -1/2 -1/3 0 1/3 1/2 3/5 8/9",
}


@pytest.mark.parametrize("name", oracle.RATIONAL)
def test_activations_by_hand(name: str) -> None:
    """On both sides of every border, and on it."""
    values = [F(value) for value in VALUES[name].split()]
    assert [oracle.RATIONAL[name](z) for z in PLACES] == values
    shifted = oracle.shifted(oracle.RATIONAL[name], F(1, 3))
    assert [shifted(z - F(1, 3)) for z in PLACES] == values


@given(rationals(), st.sampled_from(RATIONAL))
def test_activations_keep_the_kind_of_number(value: Fraction, name: str) -> None:
    sigma = oracle.RATIONAL[name]
    assert type(sigma(value)) is Fraction
    assert type(sigma(float(value))) is float


@given(cases(plateau=False, most=9), st.sampled_from(RATIONAL), st.integers(1, 4))
def test_more_background_adds_nothing(case: Case, name: str, more: int) -> None:
    sigma = oracle.RATIONAL[name]
    first, second = (
        oracle.pooled(case.w, case.b, sigma, oracle.overlap_pulse(case.r, case.half_length + extra))
        for extra in (0, more)
    )
    assert first == second
