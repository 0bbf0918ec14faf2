"""The plateau law: for every width, bias and activation, against the direct simulation."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given
from hypothesis import strategies as st

import theory.pulse.plateau as theory
from numerics.arithmetic import oracle
from numerics.arithmetic.compile import activation, compile_law, exact_law
from numerics.arithmetic.rounding import response_bound
from numerics.pulse.channel import exact_quantities, quantities
from tests.strategies import (
    RATIONAL,
    SMOOTH,
    Case,
    cases,
    direct,
    exactly,
    few,
    filters,
    floating,
    floats,
    rationals,
    sigma_at,
    widths,
)
from theory.pulse.plateau import CLAIM, kappa, plateau_response, slope

LAW = plateau_response(5)
TERMS = sp.Add.make_args(sp.expand(LAW))


@few
@given(cases(half_integer=True), st.sampled_from(RATIONAL))
@example(Case((Fraction(0),), Fraction(0), 1, Fraction(0), 1), "relu")
@example(Case((Fraction(2), Fraction(-5), Fraction(2)), Fraction(0), 2, Fraction(0), 3), "abs")
def test_law_is_the_direct_sum(case: Case, name: str) -> None:
    n = len(case.w)
    g = sigma_at(name, case.b)
    assert exactly(plateau_response, n)(case.w, case.r, Fraction(0), g) == direct(case, name)


@given(cases(half_integer=True), st.sampled_from(RATIONAL))
def test_one_more_half_integer_adds_two_deltas(case: Case, name: str) -> None:
    n = len(case.w)
    further = Case(case.w, case.b, case.m + 1, Fraction(0), case.half_length + 1)
    delta = exact_law(slope(), n)(case.w, 0, 0, sigma_at(name, case.b))
    assert direct(further, name) - direct(case, name) == 2 * delta


@few
@given(st.data(), cases(half_integer=True), st.sampled_from(RATIONAL))
def test_order_of_the_taps_enters_the_offset_only(
    data: st.DataObject, case: Case, name: str
) -> None:
    shuffled = tuple(data.draw(st.permutations(case.w)))
    g = sigma_at(name, case.b)
    first, second = (exact_quantities(w, g, []) for w in (case.w, shuffled))
    assert first.slope == second.slope
    other = Case(shuffled, case.b, case.m, case.phi, case.half_length)
    assert direct(case, name) - direct(other, name) == first.kappa - second.kappa


@few
@given(cases(half_integer=True), st.sampled_from(RATIONAL))
def test_reversal_leaves_kappa(case: Case, name: str) -> None:
    g = sigma_at(name, case.b)
    assert exact_quantities(case.w, g, []).kappa == exact_quantities(case.w[::-1], g, []).kappa


@few
@given(st.data(), widths(), st.integers(1, 5), st.sampled_from(SMOOTH))
def test_smooth_activations_within_rounding(
    data: st.DataObject, n: int, above: int, name: str
) -> None:
    w, b = np.array(data.draw(filters(n, floats()))), data.draw(floats())
    m = n // 2 + above
    r, half_length = m - 0.5, m + n // 2
    sigma = activation(name)[0]
    stated = floating(plateau_response, name, n)(w, b, [r], [0.0])[0]
    x = oracle.overlap_pulse(r, half_length)
    simulated = oracle.pooled(w.tolist(), b, lambda v: float(sigma(v)), x)
    bound = response_bound(w, np.array(b), np.array([r]), 2 * half_length + 1, name)[0]
    assert abs(stated - simulated) <= bound


@given(st.data(), widths(15), st.sampled_from((*RATIONAL, *SMOOTH)))
def test_quantities_are_the_laws(data: st.DataObject, n: int, name: str) -> None:
    w = np.array([data.draw(filters(n, floats())) for _ in range(3)])
    b = np.array([data.draw(floats()) for _ in range(3)])
    found = quantities(w, b, name, np.array([0.25]))
    assert found.slope.shape == found.kappa.shape == found.background.shape == (3,)
    assert np.array_equal(found.slope, compile_law(slope(), n, name)(w, b, [0.0], [0.0])[:, 0])
    assert np.array_equal(found.kappa, floating(kappa, name, n)(w, b, [0.0], [0.0])[:, 0])
    assert np.array_equal(found.background, activation(name)[0](b))


@given(rationals(), rationals(), st.sampled_from(RATIONAL))
def test_one_tap_has_no_offset(tap: Fraction, b: Fraction, name: str) -> None:
    assert exact_quantities((tap,), sigma_at(name, b), []).kappa == 0


@pytest.mark.parametrize("term", TERMS, ids=str)
def test_every_sign_counts(term: sp.Expr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theory, "PROVED_TAPS", (5,))
    assert CLAIM.prove(plateau_response).holds
    assert not CLAIM.prove(lambda n: plateau_response(n) - 2 * term).holds
    assert not CLAIM.prove(lambda n: plateau_response(n) - term).holds


def test_one_wrong_width_is_enough() -> None:
    last = TERMS[-1]
    assert not CLAIM.prove(lambda n: plateau_response(n) - (2 * last if n == 5 else 0)).holds


def test_a_hundred_and_one_taps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theory, "PROVED_TAPS", (101,))
    proof = CLAIM.prove(plateau_response)
    assert proof.holds
    assert {step.name.split(",")[0] for step in proof.steps} == {"n = 101"}
    assert not CLAIM.prove(CLAIM.wrong[0].law).holds
