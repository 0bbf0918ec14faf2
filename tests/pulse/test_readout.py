"""The optimal readout: against normal equations solved elsewhere, and by its
optimality conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.pulse.channel import exact_quantities
from tests.strategies import (
    RATIONAL,
    answer,
    cases,
    channels,
    filters,
    rationals,
    sigma_at,
    unit,
    widths,
)
from theory.pulse.readout import CLAIM, exact_readout, least_squares
from theory.pulse.symmetry import Channel

ZERO = Fraction(0)


def mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, ZERO) / len(values)


def dot(x: Sequence[Fraction], y: Sequence[Fraction]) -> Fraction:
    return sum((p * q for p, q in zip(x, y, strict=True)), ZERO)


def covariance(x: Sequence[Fraction], y: Sequence[Fraction]) -> Fraction:
    return dot(x, y) / len(x) - mean(x) * mean(y)


# --- exact at half-integers -------------------------------------------------------------------


@given(st.data(), widths(9), st.sampled_from(RATIONAL), st.integers(1, 3), st.integers(0, 2))
def test_exact_readout_has_no_error_at_half_integers(
    data: st.DataObject, n: int, name: str, count: int, spare: int
) -> None:
    found = [data.draw(channels(n)) for _ in range(count)]
    each = [exact_quantities(one.w, sigma_at(name, one.b), []) for one in found]
    assume(any(q.slope != 0 for q in each))
    half_length = n // 2 + 4 + n // 2 + spare
    offsets = [(2 * half_length + 1) * q.background + q.kappa for q in each]
    a, c = exact_readout([q.slope for q in each], offsets)
    net = [replace(one, a=weight) for one, weight in zip(found, a, strict=True)]
    for step in range(5):
        r = Fraction(n, 2) + step
        assert answer(net, c, name, r, half_length) == r


@given(st.lists(rationals(), min_size=1, max_size=5), st.data())
def test_no_other_exact_readout_has_shorter_weights(
    slopes: list[Fraction], data: st.DataObject
) -> None:
    assume(any(slopes))
    a, _ = exact_readout(slopes, [ZERO] * len(slopes))
    assert 2 * dot(a, slopes) == 1
    # Any other solution: a random vector moved onto 2 Σ aΔ = 1.
    other = data.draw(st.lists(rationals(), min_size=len(slopes), max_size=len(slopes)))
    short = (Fraction(1, 2) - dot(other, slopes)) / dot(slopes, slopes)
    other = [x + short * s for x, s in zip(other, slopes, strict=True)]
    assert 2 * dot(other, slopes) == 1
    assert dot(other, other) >= dot(a, a)
    assert (dot(other, other) == dot(a, a)) == (other == a)


@given(rationals().filter(bool), rationals())
def test_one_channel(slope: Fraction, offset: Fraction) -> None:
    assert exact_readout([slope], [offset]) == ([1 / (2 * slope)], -offset / (2 * slope))


# --- least squares ----------------------------------------------------------------------------


@st.composite
def problems(draw: st.DrawFn) -> tuple[Channel, str, list[tuple[int, Fraction]], int]:
    """A channel whose response is not constant on some plateau radii; blind filters come up."""
    n = draw(widths(9))
    name = draw(st.sampled_from(RATIONAL))
    w = draw(filters(n))
    if draw(st.booleans()) and n > 1:
        w = (*w[:-1], -sum(w[:-1], ZERO))  # S = 0: blind
    sample = draw(st.lists(st.tuples(st.integers(1, 4), unit()), min_size=1, max_size=6))
    sample = [(n // 2 + above, phi) for above, phi in sample]
    return Channel(ZERO, draw(rationals()), w), name, sample, n // 2 + 4 + n // 2


BLIND = (
    Channel(ZERO, ZERO, (Fraction(1), Fraction(-2), Fraction(1))),
    "abs",
    [(2, Fraction(0)), (2, Fraction(1, 2)), (3, Fraction(1, 3))],
    5,
)


@given(problems(), rationals(), rationals())
@example(BLIND, Fraction(1), Fraction(0))
def test_least_squares_solves_the_normal_equations(
    problem: tuple[Channel, str, list[tuple[int, Fraction]], int], da: Fraction, dc: Fraction
) -> None:
    channel, name, sample, half_length = problem
    r = [m - Fraction(1, 2) + phi for m, phi in sample]
    unit_weight = replace(channel, a=Fraction(1))
    feature = [answer([unit_weight], ZERO, name, x, half_length) for x in r]
    # Σ (a f + c - r) f = 0 and Σ (a f + c - r) = 0, by Cramer's rule, from simulated features.
    count, s, ff, fr = len(r), sum(feature), dot(feature, feature), dot(feature, r)
    determinant = count * ff - s * s
    assume(determinant != 0)
    a = (count * fr - s * sum(r)) / determinant
    c = (ff * sum(r) - s * fr) / determinant

    q = exact_quantities(channel.w, sigma_at(name, channel.b), [phi for _, phi in sample])
    offset = (2 * half_length + 1) * q.background + q.kappa
    d = q.deviation
    fit = least_squares(
        q.slope, offset, mean(r), covariance(r, r), mean(d), covariance(r, d), covariance(d, d)
    )
    assert (fit.a, fit.c) == (a, c)

    def loss(weight: Fraction, bias: Fraction) -> Fraction:
        return mean([(weight * f + bias - x) ** 2 for f, x in zip(feature, r, strict=True)])

    assert fit.level == loss(a, c)
    assert loss(a + da, c + dc) >= fit.level
    assert (loss(a + da, c + dc) == fit.level) == (da == dc == 0)
    assert 0 <= fit.level <= covariance(r, r)
    if q.slope == 0:
        assert fit.level == covariance(r, r) - covariance(r, d) ** 2 / covariance(d, d)


@given(cases(most=9), st.sampled_from(RATIONAL))
def test_without_deviation_nothing_remains(case: Any, name: str) -> None:
    q = exact_quantities(case.w, sigma_at(name, case.b), [])
    assume(q.slope != 0)
    offset = (2 * case.half_length + 1) * q.background + q.kappa
    fit = least_squares(q.slope, offset, case.r, Fraction(5), ZERO, ZERO, ZERO)
    assert ([fit.a], fit.c) == exact_readout([q.slope], [offset])
    assert fit.level == 0


@given(st.integers(1, 4), st.lists(st.tuples(unit(), rationals()), min_size=1, max_size=5))
def test_only_the_fraction_correlates_with_the_deviation(
    cells: int, pairs: list[tuple[Fraction, Fraction]]
) -> None:
    phi, d = [x for x, _ in pairs], [y for _, y in pairs]
    r = [m - Fraction(1, 2) + x for m in range(1, cells + 1) for x in phi]
    assert covariance(r, d * cells) == covariance(phi, d)


# --- every sign counts ------------------------------------------------------------------------


# One proof takes a second or two: signs one by one are left to the slow tests.
@pytest.mark.parametrize(("place", "factor"), [("a", -1), ("level", 2)])
def test_every_part_of_the_fit_counts(place: str, factor: int) -> None:
    def mutant(*values: Any) -> Any:
        fit = least_squares(*values)
        return replace(fit, **{place: factor * getattr(fit, place)})

    assert not CLAIM.prove(replace(CLAIM.law, least_squares=mutant)).holds


@pytest.mark.slow
@pytest.mark.parametrize("argument", range(7))
def test_every_sign_in_the_fit_counts(argument: int) -> None:
    def mutant(*values: Any) -> Any:
        return least_squares(*values[:argument], -values[argument], *values[argument + 1 :])

    assert not CLAIM.prove(replace(CLAIM.law, least_squares=mutant)).holds


@pytest.mark.parametrize("place", ["a", "c"])
def test_every_part_of_the_exact_readout_counts(place: str) -> None:
    def mutant(*values: Any) -> Any:
        a, c = exact_readout(*values)
        return ([-x for x in a], c) if place == "a" else (a, -c)

    assert not CLAIM.prove(replace(CLAIM.law, exact=mutant)).holds


def test_proof_rejects_a_longer_exact_readout() -> None:
    """All weight on the last channel: exact, but not of smallest norm."""

    def mutant(slopes: Sequence[Any], offsets: Sequence[Any]) -> Any:
        a = [0 * s for s in slopes[:-1]] + [1 / (2 * slopes[-1])]
        return a, -a[-1] * offsets[-1]

    steps = CLAIM.prove(replace(CLAIM.law, exact=mutant)).open
    assert [step.name for step in steps] == ["smallest norm for K = 2", "smallest norm for K = 3"]


def test_oracle_has_every_rational_row() -> None:
    assert set(RATIONAL) == set(oracle.RATIONAL)
