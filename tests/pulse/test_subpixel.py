"""The sub-pixel law: every real plateau radius, every width, against the direct simulation."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given
from hypothesis import strategies as st

import theory.pulse.subpixel as theory
from numerics.arithmetic import oracle
from numerics.arithmetic.compile import activation
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
    unit,
    widths,
)
from theory.pulse.subpixel import CLAIM, chord_deviation, deviation, subpixel_response

TERMS = sp.Add.make_args(sp.expand(subpixel_response(5)))


@few
@given(cases(), st.sampled_from(RATIONAL))
@example(Case((Fraction(1), Fraction(0), Fraction(-1)), Fraction(0), 2, Fraction(1), 3), "relu")
@example(Case((Fraction(1),), Fraction(-1, 3), 1, Fraction(1, 3), 1), "hardtanh")
def test_law_is_the_direct_sum(case: Case, name: str) -> None:
    n = len(case.w)
    law = exactly(subpixel_response, n)
    assert law(case.w, case.r, case.phi, sigma_at(name, case.b)) == direct(case, name)


@few
@given(cases(), st.sampled_from(RATIONAL), st.integers(1, 4))
def test_deviation_does_not_know_the_integer_part(case: Case, name: str, more: int) -> None:
    g = sigma_at(name, case.b)
    found = exact_quantities(case.w, g, [case.phi])
    for m in (case.m, case.m + more):
        further = Case(case.w, case.b, m, case.phi, m + len(case.w))
        rest = direct(further, name) - 2 * further.r * found.slope - found.kappa
        assert rest == found.deviation[0]


@given(cases(), st.sampled_from(RATIONAL))
def test_deviation_vanishes_at_both_ends(case: Case, name: str) -> None:
    g = sigma_at(name, case.b)
    assert exact_quantities(case.w, g, [Fraction(0), Fraction(1)]).deviation == [0, 0]


@given(cases(), unit())
def test_a_straight_activation_never_deviates(case: Case, phi: Fraction) -> None:
    assert exact_quantities(case.w, sigma_at("identity", case.b), [phi]).deviation == [0]


@given(cases(), st.sampled_from(["relu", "leaky_relu", "abs"]))
def test_a_convex_activation_stays_below_its_chord(case: Case, name: str) -> None:
    assert exact_quantities(case.w, sigma_at(name, case.b), [case.phi]).deviation[0] <= 0


@given(cases(), st.sampled_from(RATIONAL))
def test_reversal_leaves_the_deviation(case: Case, name: str) -> None:
    g = sigma_at(name, case.b)
    first, second = (exact_quantities(w, g, [case.phi]) for w in (case.w, case.w[::-1]))
    assert first.deviation == second.deviation


@given(rationals(), rationals(), unit(), st.sampled_from(RATIONAL))
def test_a_step_deviates_the_same_both_ways(
    p: Fraction, q: Fraction, phi: Fraction, name: str
) -> None:
    sigma = oracle.RATIONAL[name]

    def delta(start: Fraction, end: Fraction, t: Fraction) -> Fraction:
        return sigma(start + t * (end - start)) - (1 - t) * sigma(start) - t * sigma(end)

    assert delta(p, q, phi) == delta(q, p, 1 - phi)
    n = 1  # the same step as the only one of a one-tap filter, twice
    found = exact_quantities((q - p,), sigma_at(name, p), [phi])
    assert found.deviation == [2 * n * delta(p, q, phi)]


@few
@given(st.data(), widths(), st.integers(1, 5), st.sampled_from(SMOOTH))
def test_smooth_activations_within_rounding(
    data: st.DataObject, n: int, above: int, name: str
) -> None:
    w, b = np.array(data.draw(filters(n, floats()))), data.draw(floats())
    phi = data.draw(st.integers(0, 64)) / 64
    m = n // 2 + above
    r, half_length = m - 0.5 + phi, m + n // 2
    sigma = activation(name)[0]
    stated = floating(subpixel_response, name, n)(w, b, [r], [phi])[0]
    x = oracle.overlap_pulse(r, half_length)
    simulated = oracle.pooled(w.tolist(), b, lambda v: float(sigma(v)), x)
    bound = response_bound(w, np.array(b), np.array([r]), 2 * half_length + 1, name)[0]
    assert abs(stated - simulated) <= bound


@given(st.data(), widths(15), st.sampled_from((*RATIONAL, *SMOOTH)))
def test_quantities_hold_the_deviation(data: st.DataObject, n: int, name: str) -> None:
    w = np.array([data.draw(filters(n, floats())) for _ in range(2)])
    b, phi = np.array([data.draw(floats()) for _ in range(2)]), np.arange(5) / 4
    found = quantities(w, b, name, phi).deviation
    assert found.shape == (2, 5)
    assert np.array_equal(found, floating(deviation, name, n)(w, b, 0.0, phi))


def test_chord_deviation_of_a_square() -> None:
    p, q = sp.symbols("p q", real=True)
    phi = theory.phi
    expected = -phi * (1 - phi) * (q - p) ** 2
    assert sp.expand(chord_deviation(p, q, lambda v: v**2) - expected) == 0


@pytest.mark.parametrize("term", TERMS, ids=str)
def test_every_sign_counts(term: sp.Expr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theory, "PROVED_TAPS", (5,))
    assert CLAIM.prove(subpixel_response).holds
    assert not CLAIM.prove(lambda n: subpixel_response(n) - 2 * term).holds
    assert not CLAIM.prove(lambda n: subpixel_response(n) - term).holds


def test_a_hundred_and_one_taps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theory, "PROVED_TAPS", (101,))
    assert CLAIM.prove(subpixel_response).holds
    assert not CLAIM.prove(CLAIM.wrong[1].law).holds
