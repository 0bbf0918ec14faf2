"""Δ, g(0), κ and D of a channel, compiled and exact."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.pulse.channel import exact_quantities, quantities
from tests.strategies import few

TAPS = st.sampled_from([1, 3, 5, 7])
NUMBERS = st.integers(-16, 16).map(lambda value: Fraction(value, 8))


@given(st.sampled_from(sorted(oracle.RATIONAL)), TAPS, st.data())
def test_exact_quantities_rebuild_the_response(name, n, data) -> None:
    w = data.draw(st.lists(NUMBERS, min_size=n, max_size=n))
    b = data.draw(NUMBERS)
    phi = data.draw(st.fractions(0, 1, max_denominator=20))
    sigma = oracle.RATIONAL[name]
    q = exact_quantities(w, oracle.shifted(sigma, b), [phi])
    m = n // 2 + 1
    r = m - Fraction(1, 2) + phi
    direct = oracle.pooled(w, b, sigma, oracle.overlap_pulse(r, m + n // 2))
    assert direct == 2 * r * q.slope + q.kappa + q.deviation[0]
    assert q.background == sigma(b)


@few
@given(st.sampled_from(["relu", "leaky_relu", "abs", "identity"]), TAPS, st.data())
def test_float_quantities_agree_with_exact_ones(name, n, data) -> None:
    """Eighths are exact in binary, so only the leak and the sums can round."""
    w = data.draw(st.lists(NUMBERS, min_size=n, max_size=n))
    b = data.draw(NUMBERS)
    phi = np.array([0.0, 0.25, 0.5])
    exact = exact_quantities(
        w, oracle.shifted(oracle.RATIONAL[name], b), [Fraction(float(p)) for p in phi]
    )
    found = quantities(np.array([float(v) for v in w]), np.array(float(b)), name, phi)
    size = 1 + sum(map(abs, w)) + abs(b)
    for ours, theirs in (
        (found.slope, exact.slope),
        (found.background, exact.background),
        (found.kappa, exact.kappa),
    ):
        assert abs(float(ours) - float(theirs)) <= 1e-13 * float(size) * n
    deviation = np.array([float(d) for d in exact.deviation])
    assert np.all(np.abs(found.deviation - deviation) <= 1e-13 * float(size) * n)
