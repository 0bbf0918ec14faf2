"""Flows whose end is known: linear decay, a stop on the way, and one that leaves every bound."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import pytest

from verify.optimise.flow import flow

RATES = np.array([1.0, 50.0])


@pytest.mark.parametrize("method", ["LSODA", "Radau"])
def test_linear_decay_at_the_times_asked_for(method: str) -> None:
    times = np.array([0.0, 0.5, 2.0])
    y, evaluations = flow(lambda y: -RATES * y, np.ones(2), times, 1e-10, method)
    assert np.allclose(y, np.exp(-times[:, None] * RATES), rtol=0, atol=1e-8)
    assert evaluations > len(times)


def test_it_stops_where_it_has_settled() -> None:
    y, _ = flow(lambda y: -y, np.ones(1), 100.0, settled=lambda y: y[0] - 0.25)
    assert y[-1, 0] <= 0.25 < y[-2, 0]
    assert len(y) > 2 and y[0, 0] == 1


def test_a_stop_that_is_seen_once() -> None:
    """scipy's events ask again on an interpolant, where rounding may say otherwise, and raised."""
    asked = count()
    y, _ = flow(lambda y: -y, np.ones(1), 100.0, settled=lambda y: 4.5 - next(asked))
    assert len(y) == 6


@pytest.mark.parametrize(
    ("times", "method", "reason"),
    [
        (2.0, "DOP853", "Required step size is less than spacing between numbers"),
        (np.array([0.5, 2.0]), "DOP853", "Required step size is less than spacing between numbers"),
        (np.array([0.5, 2.0]), "LSODA", "."),
    ],
)
def test_what_grows_beyond_bounds_is_an_error(times: Any, method: str, reason: str) -> None:
    with pytest.raises(RuntimeError, match=reason):
        flow(lambda y: y**2, np.ones(1), times, method=method)
