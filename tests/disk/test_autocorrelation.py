"""What squares see of disks: lags, their spectrum, and the floor of one sign."""

from __future__ import annotations

from math import pi

import numpy as np
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from numerics.arithmetic.rounding import gamma
from numerics.disk.autocorrelation import (
    correlations,
    lags_within,
    least_loss,
    least_loss_of_one_sign,
    spectrum,
)
from numerics.disk.disk import disk, disk_bound
from theory.disk.shares import lags, orbit

seeds = st.integers(0, 2**32 - 1)


R = np.linspace(3, 10, 15)


def _taps(w: np.ndarray) -> dict[tuple[int, int], float]:
    h = len(w) // 2
    return {(u - h, v - h): float(w[u, v]) for u in range(len(w)) for v in range(len(w))}


@given(seeds, st.sampled_from([1, 3, 5]), st.floats(0.5, 9))
@example(0, 3, 0.5)
def test_squares_see_lags_of_disks(seed: int, n: int, r: float) -> None:
    rng = np.random.default_rng(seed)
    w, b, h = rng.normal(size=(n, n)), rng.normal(), n // 2
    x = disk([r], 14)
    z = b + sum(
        w[u, v] * np.roll(x[0], (h - u, h - v), axis=(0, 1)) for u in range(n) for v in range(n)
    )
    of = lags(_taps(w))
    stated = (
        correlations(x, n)[0] @ np.array([of[d] for d in lags_within(n)])
        + 2 * b * w.sum() * pi * r * r
    )
    level = np.abs(w).sum() + abs(b)
    slack = level**2 * x.size * (4 * gamma(n**4 + x.size + 20) + 2 * n * n * float(disk_bound(r)))
    assert abs(np.sum(z**2 - b**2) - stated) <= slack
    assert set(of) == set(lags_within(n))


@given(seeds, st.sampled_from([3, 5]), st.floats(-4, 4), st.floats(-4, 4))
def test_lags_are_a_spectrum_of_one_sign(seed: int, n: int, one: float, two: float) -> None:
    w = np.random.default_rng(seed).normal(size=(n, n))
    of = lags(_taps(w))
    value = spectrum(n, np.array([[one, two]]))[0] @ np.array([of[d] for d in lags_within(n)])
    assert value >= -1e-10
    assert abs(sum(of.values()) - w.sum() ** 2) < 1e-9
    assert sum(len(orbit(d)) for d in lags_within(n)) == (2 * n - 1) ** 2


def _columns(taps: int) -> tuple[np.ndarray, np.ndarray]:
    x = disk(R, 13)
    return np.stack([np.ones(len(R)), pi * R**2], axis=1), correlations(x, taps)


@given(seeds, st.integers(1, 4), st.sampled_from([1, -1]))
@settings(max_examples=25)
def test_no_squares_of_one_sign_go_below_their_floor(seed: int, channels: int, sign: int) -> None:
    """Random filters, all readouts of one sign, the area and the common scale free."""
    rng = np.random.default_rng(seed)
    always, cone = _columns(3)
    total = np.zeros(len(R))
    for _ in range(channels):
        of = lags(_taps(rng.normal(size=(3, 3)) - rng.uniform(-1, 1)))
        total += cone @ np.array([of[d] for d in lags_within(3)])
    columns = np.column_stack([always, total])
    scale = np.linalg.lstsq(columns, R, rcond=None)[0][-1]
    assume(sign * scale > 0)
    floor = least_loss_of_one_sign(always, cone, 3, R, sign)
    assert least_loss(columns, R) >= floor * (1 - 1e-9)
    assert floor >= least_loss(np.hstack([always, cone]), R)
