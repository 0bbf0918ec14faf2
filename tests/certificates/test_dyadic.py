"""Exact networks whose weights are float64 numbers."""

from __future__ import annotations

from fractions import Fraction as F
from typing import Any

import numpy as np
from flint import fmpq
from hypothesis import assume, given
from hypothesis import strategies as st

from numerics.certificates.conditions import Stored
from numerics.certificates.dyadic import dyadic
from numerics.certificates.nearest import nearest
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import summary
from tests.stored import as_net, count, fraction, from_exact, moved, stored
from tests.strategies import Exact, few, linear_exact, threshold_exact

TINY = fmpq(1, 2**40)


def _weights(net: Stored) -> list[fmpq]:
    values = [x for row in net.w for x in row] + list(net.a) + list(net.b or ())
    return [*values, *([net.c] if net.c is not None else [])]


@few
@given(st.one_of(linear_exact(), threshold_exact()), st.data())
def test_exact_in_float64(exact: Exact, data: Any) -> None:
    """What comes back is exact by the certificate's own computation, and its weights are floats."""
    net, domain = from_exact(exact)
    shifts = data.draw(st.lists(st.integers(-99, 99), min_size=count(net), max_size=count(net)))
    near = nearest(exact.name, moved(net, [TINY * k for k in shifts]), domain)
    assert near is not None
    found = dyadic(near, homogeneous=True)
    if found is None:
        assert exact.name in ("leaky_relu", "prelu", "rrelu")  # slopes with odd denominators
        return
    assert all(fraction(x) == float(fraction(x)) for x in _weights(found))
    assert summary(as_net(found, exact.name), domain).worst.high == 0
    # The scale of a channel is what changed, by less than a factor of 2 for dyadic slopes.
    for old, new in zip(near.net.a, found.a, strict=True):
        if exact.name in ("identity", "relu", "abs"):
            assert 1 / 2 <= fraction(new / old) <= 2
            assert abs(np.frexp(float(fraction(new)))[0]) == 0.5


def test_a_mean_over_thirteen_positions_has_readout_weights_with_a_factor_13() -> None:
    """Not every readout weight is a power of two: 2 S a/13 = 1 has no such solution in float64."""
    net = stored([[0.5, 0.3, 0.2]], [0.1], [8], 0, 13)
    near = nearest("relu", net, Domain(6, fmpq(3, 2), fmpq(5)))
    assert near is not None
    found = dyadic(near, homogeneous=True)
    assert found is not None and fraction(found.a[0]) / 13 in (F(1, 2), F(1), F(1, 4))


@few
@given(linear_exact())
def test_relu_and_abs_never_fail(exact: Exact) -> None:
    assume(exact.name in ("identity", "relu", "abs"))
    net, domain = from_exact(exact)
    near = nearest(exact.name, net, domain)
    assert near is not None and dyadic(near, homogeneous=True) is not None


def test_the_scale_is_free_for_homogeneous_activations_only() -> None:
    near = nearest("hardtanh", stored([[0.25]], [0], [2], 0), Domain(4, fmpq(1, 2), fmpq(3)))
    assert near is not None and dyadic(near, homogeneous=False) is None
