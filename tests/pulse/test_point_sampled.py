"""Point-sampled pulses: what they hide, what that costs, and which networks pay no more."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.pulse.channel import exact_quantities
from numerics.pulse.sample import pulse, sampled_pulse
from theory.pulse.point_sampled import best_answer, grid_risk
from theory.pulse.readout import exact_readout

NUMBERS = st.integers(-12, 12).map(lambda value: Fraction(value, 4))


@given(st.floats(0, 20.999, allow_nan=False))
def test_sampled_pulse_is_the_half_integer_pulse(r) -> None:
    k = int(np.floor(r))
    assert np.array_equal(sampled_pulse(r, 21), pulse(float(best_answer(Fraction(k))), 21))


@pytest.mark.parametrize("r", [-0.5, 4.0, float("nan")])
def test_sampled_pulse_refuses_radii_outside_the_signal(r) -> None:
    with pytest.raises(ValueError, match="radii must lie in"):
        sampled_pulse(r, 3)


@given(
    st.integers(1, 12), st.lists(st.fractions(-9, 9, max_denominator=30), min_size=1, max_size=5)
)
def test_no_function_of_the_pixels_beats_the_risk(q, answers) -> None:
    """The loss of any answers f(k) is the risk plus the mean square distance from k + 1/2."""
    errors = [
        (f - k - Fraction(2 * t + 1, 2 * q)) ** 2 for k, f in enumerate(answers) for t in range(q)
    ]
    loss = sum(errors, Fraction(0)) / len(errors)
    apart = sum(((f - best_answer(Fraction(k))) ** 2 for k, f in enumerate(answers)), Fraction(0))
    assert loss == grid_risk(Fraction(q)) + apart / len(answers)
    assert 0 <= grid_risk(Fraction(q)) < Fraction(1, 12)


@given(st.sampled_from(sorted(oracle.RATIONAL)), st.sampled_from([1, 3, 5, 7]), st.data())
def test_every_filter_with_a_slope_attains_the_risk(name, n, data) -> None:
    """The exact readout answers k + 1/2 to point-sampled pulses, however the filter bends in
    between.
    """
    w = data.draw(st.lists(NUMBERS, min_size=n, max_size=n))
    b = data.draw(NUMBERS)
    sigma, h = oracle.RATIONAL[name], n // 2
    q = exact_quantities(w, oracle.shifted(sigma, b), [])
    assume(q.slope != 0)
    half_length = 2 * h + 6
    size = 2 * half_length + 1
    (a,), c = exact_readout([q.slope], [size * q.background + q.kappa])
    k = data.draw(st.integers(h, h + 5))
    r = k + data.draw(st.fractions(0, 1, max_denominator=50).filter(lambda value: value < 1))
    x = [Fraction(int(abs(i) <= r)) for i in range(-half_length, half_length + 1)]
    answer = c + a * (oracle.pooled(w, b, sigma, x) + size * sigma(b))
    assert answer == best_answer(Fraction(k))
