"""Filters side by side: each with its own activation, and sums over disks that
need the edge only.
"""

from __future__ import annotations

from math import pi

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.arithmetic.compile import activation
from numerics.arithmetic.rounding import UNIT
from numerics.disk.disk import ring
from tests.disks import around
from verify.disk.filters import Filters

seeds = st.integers(0, 2**32 - 1)


@given(
    seeds, st.floats(1.6, 9), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.sampled_from([1, 3])
)
@example(0, 2.0, 0.0, 0.0, 3)
def test_the_edge_is_all_that_a_sum_needs(seed: int, r: float, x: float, y: float, n: int) -> None:
    """Windows at the edge and the lit ones beside them, against every position of the signal."""
    rng = np.random.default_rng(seed)
    w, b = rng.normal(size=(2, n, n)), rng.uniform(-1, 1, 2)
    whole = np.lib.stride_tricks.sliding_window_view(np.pad(around(r, (x, y), 12), 1), (n, n))
    z = np.einsum("ijuv,kuv->kij", whole, w) + b[:, None, None]
    total = np.sum(np.tanh(z) - np.tanh(b)[:, None, None], axis=(1, 2))
    slack = 2 * np.abs(w).sum(axis=(1, 2)) * z[0].size * 64 * (r * r + 1) * UNIT
    assert np.all(np.abs(Filters(w, b, ("tanh",), (2,)).summed(r, (x, y)) - total) <= slack + 1e-12)
    windows, lit, _, _ = ring(r, (x, y), n)
    middle = windows[:, n // 2, n // 2]
    assert abs(float(middle.sum()) + lit - pi * r * r) <= z[0].size * 64 * (r * r + 1) * UNIT


@given(seeds, st.integers(1, 3), st.integers(1, 3))
def test_every_filter_has_its_own_activation(seed: int, some: int, others: int) -> None:
    rng = np.random.default_rng(seed)
    w, b = rng.normal(size=(some + others, 3, 3)), rng.normal(size=some + others)
    mixed = Filters(w, b, ("tanh", "abs"), (some, others))
    parts = (
        Filters(w[:some], b[:some], ("tanh",), (some,)),
        Filters(w[some:], b[some:], ("abs",), (others,)),
    )
    for k in (0, 1):
        value = mixed.sigma(b) if not k else mixed.slope(b)
        alone = [activation(name)[k](x) for name, x in (("tanh", b[:some]), ("abs", b[some:]))]
        assert np.array_equal(value, np.concatenate(alone))
    assert np.array_equal(mixed.steep, np.concatenate([part.steep for part in parts]))
    together = np.concatenate([part.summed(5.3, (0.2, -0.1)) for part in parts])
    assert np.allclose(mixed.summed(5.3, (0.2, -0.1)), together, rtol=1e-12)
