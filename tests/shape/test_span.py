"""The span condition: the law as a derivative, copies as channels, jumps, and
networks it decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import exact_law
from numerics.pulse.channel import exact_quantities
from numerics.pulse.sample import Radii
from tests.columns import hold_and_reject
from tests.strategies import (
    RATIONAL,
    Case,
    Exact,
    cases,
    filters,
    linear_exact,
    rationals,
    unit,
    widths,
)
from theory.expressions.activation import ACTIVATIONS
from theory.shape.span import CLAIM, Jump, copies, leaps, response_rate, unrolled
from verify.models.networks import load
from verify.models.problem import Setting, initial
from verify.shape.claims.span import PIECEWISE, Piecewise, rate, rate_bound, torch_rate

F = Fraction
HALF = F(1, 2)
POLYNOMIALS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "square": (lambda v: v**2, lambda v: 2 * v),
    "quartic": (lambda v: v**4 - v, lambda v: 4 * v**3 - 1),
}


def response(w: Sequence[Any], b: Any, sigma: Callable[[Any], Any], phi: Any, m: int = 0) -> Any:
    """The pooled response on the cell of m (the first plateau cell), simulated."""
    m = m or len(w) // 2 + 1
    return oracle.pooled(w, b, sigma, oracle.overlap_pulse(m - HALF + phi, m + len(w)))


def stated(w: Sequence[Any], b: Any, slope: Callable[[Any], Any], phi: Any) -> Any:
    return exact_law(response_rate(len(w)), len(w))(w, 0, phi, oracle.shifted(slope, b))


# --- the law is the derivative ----------------------------------------------------------------


@given(cases(most=9), st.sampled_from(sorted(POLYNOMIALS)))
def test_law_is_the_derivative_of_the_simulation(case: Case, name: str) -> None:
    """Five points give the derivative of a quartic in the middle exactly."""
    sigma, slope = POLYNOMIALS[name]
    h = F(1, 8)
    assume(2 * h <= case.phi <= 1 - 2 * h)
    values = [response(case.w, case.b, sigma, case.phi + k * h, case.m) for k in (-2, -1, 1, 2)]
    derivative = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
    assert stated(case.w, case.b, slope, case.phi) == derivative


@given(cases(most=9), st.sampled_from(sorted(PIECEWISE)))
def test_law_integrates_to_the_simulation(case: Case, name: str) -> None:
    """Jumps included: what the law gains on the pieces, and the leaps between them."""
    sigma = PIECEWISE[name]
    met = leaps(case.w, case.b, sigma.jumps)
    ends = {F(0), F(1)} | {
        (t - beta) / alpha for alpha, beta in copies(case.w, case.b) if alpha for t in sigma.breaks
    }
    ordered = sorted(phi for phi in ends if 0 <= phi <= 1)
    total = F(0)
    for low, high in pairwise(ordered):
        total += sum((leap.leave for leap in met if leap.star == low), F(0))
        # Simpson's open rule, exact for the quadratic slope of a cubic.
        a, b, c = (
            stated(case.w, case.b, sigma.slope, low + (high - low) * F(k, 4)) for k in (1, 2, 3)
        )
        total += (high - low) * (2 * a - b + 2 * c) / 3
        total += sum((leap.arrive for leap in met if leap.star == high), F(0))
    values = [response(case.w, case.b, sigma.value, end) for end in (F(0), F(1))]
    assert total == values[1] - values[0]


@given(cases(most=9), st.sampled_from(RATIONAL))
def test_a_cell_gains_twice_the_slope(case: Case, name: str) -> None:
    gain = [response(case.w, case.b, oracle.RATIONAL[name], end) for end in (F(0), F(1))]
    found = exact_quantities(case.w, oracle.shifted(oracle.RATIONAL[name], case.b), [])
    assert gain[1] - gain[0] == 2 * found.slope


@given(st.data(), widths(9))
def test_law_does_not_change_when_a_filter_is_reversed(data: st.DataObject, n: int) -> None:
    w, b, phi = data.draw(filters(n)), data.draw(rationals()), data.draw(unit())
    slope = POLYNOMIALS["quartic"][1]
    assert stated(w, b, slope, phi) == stated(w[::-1], b, slope, phi)


def test_law_at_one_tap() -> None:
    from theory.pulse.network import g, taps
    from theory.pulse.signal import phi

    (w,) = taps(1)
    assert sp.expand(response_rate(1) - 2 * w * g(phi * w)) == 0


@given(cases(most=9), unit())
def test_only_positions_at_the_edges_depend_on_the_fraction(case: Case, other: Fraction) -> None:
    h, length = len(case.w) // 2, case.half_length + 1
    found = [
        oracle.preactivations(case.w, case.b, oracle.overlap_pulse(case.m - HALF + phi, length))
        for phi in (case.phi, other)
    ]
    moved = {i - length for i, (p, q) in enumerate(zip(*found, strict=True)) if p != q}
    assert moved <= {s * (case.m + u) for s in (-1, 1) for u in range(-h, h + 1)}
    assert len(moved) <= 2 * len(case.w)


@given(
    st.lists(st.tuples(filters(3), rationals(), rationals()), min_size=1, max_size=2), st.booleans()
)
@example([((F(0), F(1), F(0)), F(0), F(1))], True)
@example([((F(1), F(-2), F(2)), F(0), F(1)), ((F(1), F(0), F(0)), F(1), F(2))], True)
def test_exact_iff_the_sum_of_copies_is_one(channels: list[Any], mend: bool) -> None:
    """|z| on two cells: the law, between its breaks, against the answers at all breaks; ``mend``
    rescales a to what may be exact.
    """

    def slope(v: F) -> F:
        return F(1) if v > 0 else F(-1)

    breaks = {F(0), F(1)} | {
        -beta / alpha for w, b, _ in channels for alpha, beta in copies(w, b) if alpha
    }
    ordered = sorted(phi for phi in breaks if 0 <= phi <= 1)
    middles = [(low + high) / 2 for low, high in pairwise(ordered)]
    rates = [sum(a * stated(w, b, slope, phi) for w, b, a in channels) for phi in middles]
    if mend and rates[0]:
        channels = [(w, b, a / rates[0]) for w, b, a in channels]
        rates = [each / rates[0] for each in rates]
    errors = {
        sum(
            a * (oracle.pooled(w, b, abs, oracle.overlap_pulse(r, 6)) + 13 * abs(b))
            for w, b, a in channels
        )
        - r
        for r in (m - HALF + phi for m in (2, 3) for phi in ordered)
    }
    assert (len(errors) == 1) == all(rate == 1 for rate in rates)


# --- copies -----------------------------------------------------------------------------------


@given(st.data(), widths(11))
def test_copies_are_the_steps_of_both_staircases(data: st.DataObject, n: int) -> None:
    w, b = data.draw(filters(n)), data.draw(rationals())
    found = copies(w, b)
    assert [alpha for alpha, _ in found] == [*w, *w[::-1]]
    assert [beta for _, beta in found] == [b + sum(w[:j], F(0)) for j in range(n)] + [
        b + sum(w[n - j :], F(0)) for j in range(n)
    ]


@given(cases(most=7), rationals(), st.sampled_from(RATIONAL))
def test_unrolled_channels_answer_alike(case: Case, a: Fraction, name: str) -> None:
    """Up to a constant: 2n channels of one tap for one of n taps."""
    sigma = oracle.RATIONAL[name]
    parts = unrolled(case.w, case.b, a)
    assert len(parts) == 2 * sum(tap != 0 for tap in case.w)

    def gain(phi: Fraction) -> Fraction:
        return sum(
            (
                half
                * (response((alpha,), beta, sigma, phi) - response((alpha,), beta, sigma, F(0)))
                for alpha, beta, half in parts
            ),
            F(0),
        )

    due = response(case.w, case.b, sigma, case.phi) - response(case.w, case.b, sigma, F(0))
    assert gain(case.phi) == a * due


@given(rationals().filter(bool), rationals(), rationals().filter(bool), rationals(), rationals())
def test_a_constant_in_the_span_makes_one_tap_exact(
    alpha: Fraction, beta: Fraction, other: Fraction, level: Fraction, start: Fraction
) -> None:
    """σ = z²: the copies 2 (αx + β) of two channels span 1 on any interval iff they are no
    multiples of each other.
    """
    turned = alpha * level - other * beta
    assume(turned != 0)
    square, length = POLYNOMIALS["square"][0], F(3, 2)
    parts = ((alpha, beta, -other / (2 * turned)), (other, level, alpha / (2 * turned)))
    assert all(sum(2 * c * (p * x + q) for p, q, c in parts) == 1 for x in (start, start + length))

    def gain(phi: F) -> F:
        return sum(
            c / (2 * p * length) * response((p * length,), q + p * start, square, phi, 2)
            for p, q, c in parts
        )

    assert [gain(phi) - gain(F(0)) for phi in (F(1, 3), F(1))] == [F(1, 3), F(1)]


@given(linear_exact())
def test_exact_networks_have_a_law_of_one(found: Exact) -> None:
    channel = found.net[0]
    sigma = oracle.RATIONAL[found.name]  # positively homogeneous: two slopes

    def slope(v: Fraction) -> Fraction:
        return sigma(F(1)) if v > 0 else -sigma(F(-1))

    for phi in (F(1, 7), F(1, 2), F(5, 6)):
        at_kink = any(
            alpha and beta + phi * alpha == 0 for alpha, beta in copies(channel.w, channel.b)
        )
        assume(not at_kink)
        assert channel.a * stated(channel.w, channel.b, slope, phi) == 1


# --- jumps ------------------------------------------------------------------------------------

SAW = (
    lambda v: v - (v.numerator // v.denominator),
    lambda v: F(1),
    [Jump(F(k), F(-1), F(0)) for k in range(-3, 4)],
)
"""z - floor(z): slope 1 wherever it has one, and a jump of -1 at every integer."""


def test_the_derivative_alone_does_not_decide_where_sigma_jumps() -> None:
    sigma, slope, jumps = SAW
    w, b, a = (F(1),), HALF, HALF
    assert all(a * stated(w, b, slope, phi) == 1 for phi in (F(1, 5), F(3, 5)))
    assert a * (response(w, b, sigma, F(3, 4)) - response(w, b, sigma, F(0))) != F(3, 4)
    assert [(leap.star, leap.arrive, leap.leave) for leap in leaps(w, b, jumps)] == [
        (HALF, F(-1), F(0))
    ] * 2
    # Away from its jumps it is exact.
    inside = [response((HALF,), F(1, 4), sigma, phi) for phi in (F(0), F(3, 4))]
    assert inside[1] - inside[0] == F(3, 4)
    assert leaps((HALF,), F(1, 4), jumps) == []


def test_a_rising_and_a_falling_copy_cancel_a_jump() -> None:
    """hardshrink: the copies (1, 0) and (-1, 1) pass 1/2 at the same φ, in opposite directions."""
    sigma = PIECEWISE["hardshrink"]
    met = [leaps((F(1),), F(0), sigma.jumps), leaps((F(-1),), F(1), sigma.jumps)]
    assert [leap.star for leap in met[0]] == [HALF, HALF] == [leap.star for leap in met[1]]
    limits = [sum((leap.arrive + leap.leave for leap in each), F(0)) for each in met]
    assert sum(limits) == 0
    # The value at the jump itself is not cancelled: there the network is wrong, at a single φ.
    values = [response(w, b, sigma.value, HALF) for w, b in (((F(1),), F(0)), ((F(-1),), F(1)))]
    assert sum(leap.arrive for leap in met[0]) == 0 and sum(leap.arrive for leap in met[1]) != 0
    assert values[0] != values[1]


@given(cases(most=7))
def test_leaps_are_the_jumps_of_the_response(case: Case) -> None:
    sigma = PIECEWISE["hardshrink"]
    met = leaps(case.w, case.b, sigma.jumps)
    stars = {leap.star for leap in met if 0 < leap.star < 1}
    near = F(1, 10**9)
    for star in stars:
        here = response(case.w, case.b, sigma.value, star)
        left, right = (response(case.w, case.b, sigma.value, star + d) for d in (-near, near))
        arrive = sum((leap.arrive for leap in met if leap.star == star), F(0))
        leave = sum((leap.leave for leap in met if leap.star == star), F(0))
        reach = 4 * len(case.w) * 3 * near
        assert abs(here - left - arrive) <= reach and abs(right - here - leave) <= reach


@pytest.mark.parametrize("name", sorted(set(PIECEWISE) & set(oracle.RATIONAL)))
def test_the_activations_of_the_check_are_those_of_the_oracle(name: str) -> None:
    sigma: Piecewise = PIECEWISE[name]
    for k in range(-40, 41):
        v = F(k, 13)
        assert sigma.value(v) == oracle.RATIONAL[name](v)


@pytest.mark.parametrize("name", sorted(PIECEWISE))
def test_the_slopes_of_the_check(name: str) -> None:
    sigma = PIECEWISE[name]
    near = F(1, 10**6)
    for k in range(-40, 41):
        v = F(k, 13)
        quotient = (sigma.value(v + near) - sigma.value(v - near)) / (2 * near)
        if v not in sigma.breaks:
            assert abs(quotient - sigma.slope(v)) <= near


# --- torch ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tanh", "silu", "identity"])
def test_law_is_what_autograd_says(name: str) -> None:
    setting = Setting(name, 2, 5)
    weights = initial(setting, 3, 0)
    radii = Radii(3, 2, 8)
    law = rate(response_rate, setting, weights, radii.phi)
    bound = rate_bound(setting, weights, radii.phi, 2 * radii.half_length(5) + 1)
    for j in range(3):
        found = torch_rate(load(setting, weights, j), radii, 5)
        assert found.shape == (16,)
        assert np.all(np.abs(found - law[j]) <= bound[j])
    assert torch.is_grad_enabled() and not ACTIVATIONS[name].kinks


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_check_and_training_reject_every_wrong_law(seed: int) -> None:
    hold_and_reject(CLAIM, seed)
