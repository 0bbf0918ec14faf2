"""What is left beyond the leading order."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from theory.shape.rates import LAW
from verify.shape.rates.height import ROWS, measured
from verify.shape.rates.remainder import root_of, stated


@given(
    st.sampled_from(ROWS),
    st.sampled_from((1, 3, 5)),
    st.floats(0.02, 0.6),
    st.floats(-3, 3),
    st.data(),
)
def test_any_network_is_within_the_bound(name, n, height, b, data) -> None:
    """Untrained: the torch loss of random filters of a given height, against the law at their
    weights.
    """
    shape = np.array(data.draw(st.lists(st.floats(-1.5, 1.5), min_size=n, max_size=n)))
    shape = shape + (1 - shape.sum()) / n
    w, bias, s = height * shape[None], np.array([b]), np.array([height])
    net = measured(name, s, w, bias, np.zeros(1))
    found = stated(LAW, name, w, bias)
    assert abs(root_of(net.loss) - found.root) <= found.tolerance + net.rounding
