"""Small radii: every cell from r = 1/2 to past the plateau, and when a network is exact there."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given
from hypothesis import strategies as st

import theory.pulse.small_radius as theory
from numerics.arithmetic import oracle
from numerics.arithmetic.compile import activation
from numerics.arithmetic.rounding import response_bound
from tests.strategies import (
    RATIONAL,
    SMOOTH,
    Case,
    Exact,
    answer,
    cases,
    direct,
    exactly,
    few,
    filters,
    floating,
    floats,
    linear_exact,
    sigma_at,
    threshold_exact,
    unit,
    widths,
)
from theory.pulse.plateau import plateau_response
from theory.pulse.small_radius import (
    CLAIM,
    LAW,
    conditions,
    defect,
    sliding_deviation,
    small_response,
)
from theory.pulse.subpixel import subpixel_response
from theory.pulse.symmetry import Channel
from verify.pulse.claims.small_radius import check
from verify.report.lab import PROFILES, Lab

TERMS = {m: sp.Add.make_args(sp.expand(small_response(5, m))) for m in (1, 2, 3)}


def defects(w: tuple[Fraction, ...], b: Fraction, name: str) -> dict[int, Fraction]:
    n = len(w)
    g = sigma_at(name, b)
    return {lit: exactly(defect, n, lit)(w, 0, 0, g) for lit in range(1, n, 2)}


@few
@given(cases(plateau=False, most=15), st.sampled_from(RATIONAL))
def test_law_is_the_direct_sum(case: Case, name: str) -> None:
    n = len(case.w)
    law = exactly(small_response, n, case.m)
    assert law(case.w, case.r, case.phi, sigma_at(name, case.b)) == direct(case, name)


@pytest.mark.parametrize("n", [1, 3, 5, 7, 15])
def test_every_cell_of_one_filter(n: int) -> None:
    w = tuple(Fraction((7 * u * u + 3 * u) % 11 - 5, 4) for u in range(n))
    b = Fraction(1, 3)
    for m in range(1, n // 2 + 4):
        for phi in (Fraction(0), Fraction(1, 3), Fraction(1)):
            case = Case(w, b, m, phi, m + n // 2)
            law = exactly(small_response, n, m)
            assert law(w, case.r, phi, sigma_at("abs", b)) == direct(case, "abs")


@few
@given(widths(9), st.integers(1, 4))
def test_on_the_plateau_nothing_is_added(n: int, above: int) -> None:
    m = n // 2 + above
    difference = small_response(n, m) - subpixel_response(n)
    assert sp.expand(theory.to_taps(difference, n)) == 0


@given(cases(plateau=False, half_integer=True, most=15), st.sampled_from(RATIONAL))
def test_defect_is_the_departure_from_the_plateau_law(case: Case, name: str) -> None:
    n, lit = len(case.w), 2 * case.m - 1
    g = sigma_at(name, case.b)
    plateau = exactly(plateau_response, n)(case.w, case.r, Fraction(0), g)
    assert exactly(defect, n, lit)(case.w, 0, 0, g) == direct(case, name) - plateau


@few
@given(cases(plateau=False, most=15))
def test_a_straight_activation_has_no_small_radii(case: Case) -> None:
    assert set(defects(case.w, case.b, "identity").values()) <= {0}


@few
@given(cases(plateau=False, most=9), st.sampled_from(RATIONAL))
def test_sliding_deviation_vanishes_at_both_ends(case: Case, name: str) -> None:
    n = len(case.w)
    law = exactly(sliding_deviation, n, case.m)
    g = sigma_at(name, case.b)
    assert [law(case.w, 0, end, g) for end in (Fraction(0), Fraction(1))] == [0, 0]


@few
@given(st.data(), widths(15), st.sampled_from(SMOOTH))
def test_smooth_activations_within_rounding(data: st.DataObject, n: int, name: str) -> None:
    w, b = np.array(data.draw(filters(n, floats()))), data.draw(floats())
    m, phi = data.draw(st.integers(1, n // 2 + 1)), data.draw(st.integers(0, 64)) / 64
    r, half_length = m - 0.5 + phi, m + n // 2
    sigma = activation(name)[0]
    stated = floating(small_response, name, n, m)(w, b, [r], [phi])[0]
    simulated = oracle.pooled(
        w.tolist(), b, lambda v: float(sigma(v)), oracle.overlap_pulse(r, half_length)
    )
    bound = response_bound(w, np.array(b), np.array([r]), 2 * half_length + 1, name)[0]
    assert abs(stated - simulated) <= bound


def test_the_proof_of_five_taps_alone_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What rejects the mutants below accepts the law."""
    monkeypatch.setattr(theory, "PROVED_TAPS", (5,))
    assert CLAIM.prove(LAW).holds


@pytest.mark.parametrize("missing", range(4))
def test_no_condition_can_be_left_out(missing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """ε_1, ε_3, D_1, D_2 of five taps.  Only "the laws hold, so exact" was tested: a law too many
    or too few passed.
    """
    monkeypatch.setattr(theory, "PROVED_TAPS", (5,))

    def fewer(n: int, first: int) -> list[sp.Expr]:
        left = conditions(5, 1)[missing]
        return [x for x in conditions(n, first) if x != left]

    other = replace(LAW, conditions=fewer)
    assert CLAIM.prove(other).refuted
    assert check(other, Lab(PROFILES["quick"])).status == "fails"


@few
@given(linear_exact() | threshold_exact(), unit())
def test_exact_down_to_a_half_integer_iff_the_extra_laws_hold(found: Exact, phi: Fraction) -> None:
    """An exact plateau network errs at a half-integer r < n/2 by a ε, and between by its mixture
    and D_m.
    """
    channel, n, c = found.net[0], found.n, found.bias()
    assume(n > 1)
    epsilon = defects(channel.w, channel.b, found.name) | {n: Fraction(0)}
    g = sigma_at(found.name, channel.b)
    for lit in range(1, n, 2):
        m = (lit + 1) // 2
        r = Fraction(lit, 2)
        error = answer(found.net, c, found.name, r, found.half_length) - r
        assert error == channel.a * epsilon[lit]
        bent = exactly(sliding_deviation, n, m)(channel.w, 0, phi, g)
        between = answer(found.net, c, found.name, r + phi, found.half_length) - r - phi
        mixed = (1 - phi) * epsilon[lit] + phi * epsilon[lit + 2]
        assert between == channel.a * (mixed + bent)


def test_between_half_integers_the_law_below_still_counts() -> None:
    """ε_1 ≠ 0 is felt at r = 5/4 too, where 2r > 1: laws are added at
    half-integers, cell by cell.
    """
    w, b = (Fraction(-3), Fraction(-3), Fraction(3)), Fraction(3)
    g = sigma_at("relu", b)
    found = Exact("relu", (Channel(Fraction(-1, 6), b, w),), 6)
    c = found.bias()
    for k in range(40):
        r = Fraction(3, 2) + Fraction(k, 9)
        assert answer(found.net, c, "relu", r, 6) == r
    assert defects(w, b, "relu") == {1: -3}
    bent = exactly(sliding_deviation, 3, 1)
    assert {bent(w, 0, Fraction(k, 24), g) for k in range(25)} == {0}
    assert answer(found.net, c, "relu", Fraction(5, 4), 6) - Fraction(5, 4) == Fraction(1, 8)
    assert answer(found.net, c, "relu", Fraction(1, 2), 6) - Fraction(1, 2) == Fraction(1, 2)


@pytest.mark.parametrize("lit", [0, 2, -1])
def test_a_half_integer_pulse_lights_an_odd_number(lit: int) -> None:
    with pytest.raises(ValueError, match="odd number of pixels"):
        defect(5, lit)


@pytest.mark.parametrize(
    ("m", "term"),
    [(m, term) for m, terms in TERMS.items() for term in terms],
    ids=lambda value: str(value),
)
def test_every_sign_counts(m: int, term: sp.Expr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theory, "PROVED_TAPS", (5,))

    def mutant(n: int, cell: int) -> sp.Expr:
        return small_response(n, cell) - (2 * term if cell == m else 0)

    assert CLAIM.prove(replace(LAW, response=mutant)).refuted
