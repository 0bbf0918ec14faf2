"""Conserved quantities: exactly, for random networks and data, and that no step of SGD moves them
at first order.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from tests.strategies import HOMOGENEOUS, rationals
from theory.training.conserved import CLAIM, LAW, deviations, everywhere, products
from verify.models.networks import Bundle, data
from verify.models.problem import Model
from verify.optimise.sgd import descend
from verify.report.lab import TINY, Lab
from verify.training.claims.conserved import check, figures, train
from verify.training.dynamics import starts

Row = list[Fraction]


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[Row], Row]:
    n, channels = draw(st.sampled_from((1, 3, 5, 7))), draw(st.integers(1, 4))
    row = st.lists(rationals(), min_size=n, max_size=n)
    w = draw(st.lists(row, min_size=channels, max_size=channels))
    return w, draw(st.lists(rationals(), min_size=channels, max_size=channels))


def _step(w: list[Row], a: Row, pull: Fraction) -> tuple[list[Row], Row]:
    """One gradient step of the linear cell: a_k <- a_k + pull S_k, w_{k,u} <-
    w_{k,u} + pull a_k.
    """
    new = [[tap + pull * weight for tap in row] for row, weight in zip(w, a, strict=True)]
    return new, [weight + pull * sum(row) for row, weight in zip(w, a, strict=True)]


@given(networks(), rationals())
@example(([[Fraction(1)]], [Fraction(-1)]), Fraction(1, 2))
def test_a_step_of_any_size_shrinks_all_products_alike(
    net: tuple[list[Row], Row], pull: Fraction
) -> None:
    """Deviations stay; every product is multiplied by 1 - n pull², whatever the data: first order
    is 0.
    """
    w, a = net
    new_w, new_a = _step(w, a, pull)
    assert deviations(new_w) == deviations(w)
    factor = 1 - len(w[0]) * pull * pull
    assert products(new_w, new_a) == [factor * value for value in products(w, a)]


@given(networks(), st.integers(2, 60), st.integers(0, 3))
@example(([[Fraction(1), Fraction(-2), Fraction(5)]], [Fraction(1)]), 2, 0)
def test_one_direction_at_any_radius(net: tuple[list[Row], Row], quarters: int, room: int) -> None:
    """Σ_i z_i = 2rS from r = 1/2 on, below the plateau too, as long as the border stays dark under
    the filter.
    """
    r = Fraction(quarters, 4)
    for row in net[0]:
        x = oracle.overlap_pulse(r, math.ceil(r - Fraction(1, 2)) + len(row) // 2 + room)
        assert sum(oracle.preactivations(row, Fraction(0), x)) == 2 * r * sum(row)


@given(st.integers(1, 3), st.data())
def test_balanced_monomials_alone_are_conserved(channels: int, data: st.DataObject) -> None:
    """Along u -> u, v -> -v a polynomial of any degree is constant iff each monomial has as many u
    as v.
    """
    u, v = sp.symbols(f"u:{channels}"), sp.symbols(f"v:{channels}")
    powers = st.lists(st.integers(0, 3), min_size=2 * channels, max_size=2 * channels)
    numbers = st.integers(-3, 3).filter(bool)
    terms = data.draw(st.dictionaries(powers.map(tuple), numbers, max_size=4))
    one = sp.Poly.from_dict(terms, *u, *v) if terms else sp.Poly(0, *u, *v)
    moved = sum((x * one.diff(x) for x in u), sp.Poly(0, *u, *v)) - sum(
        (x * one.diff(x) for x in v), sp.Poly(0, *u, *v)
    )
    balanced = all(sum(key[:channels]) == sum(key[channels:]) for key in terms)
    assert moved.is_zero == balanced


@given(st.data(), st.sampled_from(HOMOGENEOUS), st.sampled_from((1, 3, 5)), st.integers(1, 12))
def test_every_channel_of_a_homogeneous_activation_keeps_its_balance(
    data: st.DataObject, name: str, n: int, quarters: int
) -> None:
    """a ∂/∂a = w·∂/∂w + b ∂/∂b on every answer, at any radius and at the border: a² - |w|² - b² has
    no slope.

    Away from the kinks, where a difference of the answer, which is linear in each weight there, is
    its derivative.
    """
    numbers = st.fractions(-2, 2, max_denominator=7)
    row = data.draw(st.lists(numbers, min_size=n, max_size=n))
    b, r = data.draw(numbers), Fraction(1, 2) + Fraction(quarters, 4)
    x, sigma = oracle.overlap_pulse(r, math.ceil(r - Fraction(1, 2))), oracle.RATIONAL[name]
    assume(0 not in oracle.preactivations(row, b, x))
    step = Fraction(1, 10**6)

    def pooled(*point: Fraction) -> Fraction:
        return sum(map(sigma, oracle.preactivations(list(point[:-1]), point[-1], x)), Fraction(0))

    point = [*row, b]
    slopes = [
        (pooled(*(y + step * (i == j) for i, y in enumerate(point))) - pooled(*point)) / step
        for j in range(n + 1)
    ]
    a = data.draw(numbers)
    slopes, read = [a * d for d in slopes], pooled(*point)

    def along(side: int) -> Fraction:
        moved = [y + side * d for y, d in zip(point, slopes, strict=True)]
        return everywhere(moved[:-1], moved[-1], a + side * read)

    # Of a quadratic form, the slope along the gradient is half this difference.
    assert along(1) == along(-1)


@given(networks())
def test_numbers_of_quantities(net: tuple[list[Row], Row]) -> None:
    w, a = net
    n, channels = len(w[0]), len(w)
    assert len(deviations(w)) == channels * (n - 1)
    assert len(products(w, a)) == channels**2


@given(networks(), rationals())
def test_one_channel_agrees_in_both_forms(net: tuple[list[Row], Row], b: Fraction) -> None:
    """a² - |w|² is a² - S²/n less the squares of the deviations."""
    w, a = net
    row, mean = w[0], sum(w[0], Fraction(0)) / len(w[0])
    spread = sum(((tap - mean) ** 2 for tap in row), Fraction(0))
    assert everywhere(row, b, a[0]) == products([row], [a[0]])[0] - spread - b * b


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "abs"])
def test_relu_across_walls_keeps_its_balance_and_loses_its_deviations(name: str) -> None:
    model = Model(name, 1, 5, readout_bias=True)
    start = starts(Lab(TINY, 3), model, 20)
    x, r = data(model)
    drift, lost = [], []
    for rate in (1e-4, 5e-5):
        end = descend(Bundle(model, start), x, r, int(0.1 / rate), rate).end
        balance = [everywhere(list(at.w[:, 0].T), 0, at.a[:, 0]) for at in (start, end)]
        drift.append(np.mean(np.abs(balance[1] - balance[0])))
        spread = [at.w[:, 0] - at.w[:, 0].mean(axis=1, keepdims=True) for at in (start, end)]
        lost.append(np.mean(np.abs(spread[1] - spread[0])))
    assert 1.5 < drift[0] / drift[1] < 2.5  # falls linearly with the step
    assert 0.75 < lost[0] / lost[1] < 1.25  # does not fall: the flow itself changes it


def test_a_law_that_claims_nothing_is_rejected() -> None:
    lab = Lab(TINY)
    for empty in (
        replace(LAW, deviations=lambda w: [], products=lambda w, a: []),
        replace(LAW, everywhere=lambda w, b, a: 0 * a),
    ):
        assert not CLAIM.prove(empty).holds
        assert check(empty, lab).status == "fails"
    nothing = replace(LAW, deviations=lambda w: [], products=lambda w, a: [])
    assert train(nothing, lab).status == "fails"


def test_figures_are_drawn() -> None:
    assert [figure.id for figure in figures(Lab(TINY))] == ["conserved-hyperbolas"]
