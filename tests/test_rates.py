"""Rates: the bound against random networks, the minimum against small moves, and the columns of the claim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.taylor import inflections
from tests.columns import hold_and_reject
from theory.rates import CLAIM, LAW
from verify.height import ROWS, measured
from verify.minima import Place, predicted
from verify.remainder import root_of, stated


@given(
    st.sampled_from(ROWS),
    st.sampled_from((1, 3, 5)),
    st.floats(0.02, 0.6),
    st.floats(-3, 3),
    st.data(),
)
def test_any_network_is_within_the_bound(name, n, height, b, data) -> None:
    """Untrained: the torch loss of random filters of a given height, against the law at their weights."""
    shape = np.array(data.draw(st.lists(st.floats(-1.5, 1.5), min_size=n, max_size=n)))
    shape = shape + (1 - shape.sum()) / n
    w, bias, s = height * shape[None], np.array([b]), np.array([height])
    net = measured(name, s, w, bias, np.zeros(1))
    found = stated(LAW, name, w, bias)
    assert abs(root_of(net.loss) - found.root) <= found.tolerance + net.rounding


@pytest.mark.parametrize("name", ("tanh", "gelu", "exp"))
def test_the_predicted_minimum_is_one(name: str) -> None:
    """No small move of the bias or the filter leads below it, by the law itself."""
    place = Place(inflections(name)[-1] if name != "exp" else 0.0, -1, 1 / 16)
    w, b = predicted(LAW, name, 3, [place])
    least = stated(LAW, name, w, b).root[0]
    rng = np.random.default_rng(0)
    for _ in range(20):
        step = rng.normal(size=3) * 1e-4
        other = stated(LAW, name, w + step - step.mean(), b + rng.normal(size=1) * 1e-4)
        assert other.root[0] >= least * (1 - 1e-12)


@pytest.mark.slow
def test_columns_hold_and_reject_every_wrong_law() -> None:
    hold_and_reject(CLAIM, 3)
