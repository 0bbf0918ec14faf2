"""The linear cell of ReLU: floors, lowest sums, and torch's own starts."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.pulse.sample import pulse
from numerics.training.active import cells, lowest_sum, margins, stays
from numerics.training.linear_cell import coordinates, weights_at
from tests.strategies import rationals
from theory.training.active import CLAIM, floors
from verify.models.networks import Network


@given(
    st.sampled_from((1, 3, 5, 7)).flatmap(lambda n: st.lists(rationals(), min_size=n, max_size=n))
)
@example([Fraction(1), Fraction(-2), Fraction(3)])
def test_the_floors_say_when_all_partial_sums_are_positive(w: list[Fraction]) -> None:
    total = sum(w)
    sums = [sum(row[: j + 1]) for row in (w, w[::-1]) for j in range(len(w))]
    assert (total > max(floors(w))) == all(s > 0 for s in sums)


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(0, 3))
def test_the_lowest_sum_is_the_lowest_of_the_way(seed: int, channels: int, h: int) -> None:
    rng = np.random.default_rng(seed)
    w, a = rng.normal(size=(1, channels, 2 * h + 1)), rng.normal(size=(1, channels))
    c = coordinates(w, a)
    e = (1 + np.sqrt(1 + c.root**2 * c.big_u * c.big_w)) / (c.root * c.big_u)
    stretches = np.exp(np.linspace(0, 1, 400)[:, None] * np.log(e) / 2)
    sums = weights_at(w, a, stretches, 1 / stretches)[0].sum(axis=3)
    lowest = lowest_sum(w, a)
    assert np.all(lowest <= np.min(sums, axis=0) + 1e-9)
    # The grid misses its lowest point by at most half a step: s'' = s in log E / 2.
    step = abs(float(np.log(e)[0])) / 2 / 399
    assert np.all(lowest >= np.min(sums, axis=0) - step**2 * np.max(np.abs(sums)) - 1e-9)


@given(st.data(), st.floats(-3, 3))
def test_a_channel_with_u_below_and_v_above_zero_is_outside(
    data: st.DataObject, tau: float
) -> None:
    """u < 0 < v, at any time before or after: S < 0."""
    n, parts = data.draw(st.sampled_from((1, 3, 5))), st.floats(0.01, 4)
    u, v = -data.draw(parts), data.draw(parts)
    w = np.full((1, 1, n), (u - v) / 2 / np.sqrt(n))
    e = np.full(1, np.exp(tau))
    total = weights_at(w, np.full((1, 1), (u + v) / 2), e, 1 / e)[0].sum()
    assert total < 0 and cells(w)[0, 0] != "active"


def test_a_channel_that_ends_on_its_wall_does_not_stay() -> None:
    """Cause: "stays if and only if min S > S_min" left out the end: there S = S_min, and S > S_min
    at all times before.

    Two channels of one tap with (u, v) = (-1/4, -1) and (3/4, -1), every number exact: E = 4 at the
    end.
    """
    w, a = np.array([[[3 / 8], [7 / 8]]]), np.array([[-5 / 8, -1 / 8]])
    assert margins(w, a)[0, 0] == 0 and not stays(w, a)[0]
    stretches = np.linspace(1, 2, 50)[:-1, None]
    assert np.all(weights_at(w, a, stretches, 1 / stretches)[0] > 0)
    assert weights_at(w, a, np.full(1, 2.0), np.full(1, 0.5))[0][0, 0, 0] == 0


def test_cells_are_named() -> None:
    w = np.array([[[1.0, 2.0, 1.0], [-1.0, -2.0, -1.0], [1.0, -2.0, 3.0]]])
    assert cells(w).tolist() == [["active", "silent", "crossed"]]


@given(st.integers(0, 2**32 - 1), st.integers(0, 2), st.integers(1, 3))
def test_a_silent_channel_has_no_gradient(seed: int, h: int, channels: int) -> None:
    """All partial sums negative: torch's gradient of its taps and of its readout weight is 0, at
    every plateau radius.
    """
    rng, n = np.random.default_rng(seed), 2 * h + 1
    w, a = rng.normal(size=(1, channels, n)), rng.normal(size=(1, channels))
    while cells(w)[0, 0] != "silent":  # single taps may be positive
        w[0, 0] = rng.normal(size=n) - 0.5
    module = Network("relu", channels, n).double()
    r = h + 0.5 + np.arange(17) / 8
    with torch.no_grad():
        module.conv.weight.copy_(torch.tensor(w[0])[:, None])
        module.conv.bias.zero_()
        module.readout.weight.copy_(torch.tensor(a))
    torch.mean((module(torch.tensor(pulse(r, 2 * h + 4))) - torch.tensor(r)) ** 2).backward()
    assert not torch.any(module.conv.weight.grad[0]) and not torch.any(
        module.readout.weight.grad[:, 0]
    )


def test_a_drift_without_bound_promises_nothing() -> None:
    w, a = np.ones((1, 1, 3)), np.ones((1, 1))
    assert stays(w, a)[0] and not stays(w, a, np.array([np.inf]))[0]
    assert margins(w, a, 0.1)[0, 0] <= margins(w, a)[0, 0]


@pytest.mark.parametrize("law", [w.law for w in CLAIM.wrong])
def test_wrong_laws_fail_in_the_proof(law: object) -> None:
    assert CLAIM.prove(law).open
