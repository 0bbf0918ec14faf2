"""Means over the centres of disks: every centre shows the whole disk."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.disk.centre_average import centres
from numerics.disk.disk import disk


@settings(max_examples=20)
@given(st.floats(1, 9), st.integers(1, 4), st.floats(0, 0.999), st.floats(0, 0.999))
def test_every_centre_shows_the_whole_disk(r: float, parts: int, x: float, y: float) -> None:
    """The identity on one pixel: the areas at each centre add up to πr²."""
    seen = centres(r, parts, 1, (x, y))
    total = float(seen.mean(seen.windows[:, 0], 1.0))
    assert abs(total) <= len(seen.windows) / parts**2 * seen.error + 1e-12 * r * r
    assert np.min(seen.windows) >= -seen.error
    assert np.max(seen.windows) <= 1 + seen.error


@pytest.mark.parametrize("parts", [3, 4])
def test_centres_are_blocks_of_a_finer_disk(parts: int) -> None:
    """Of the radius nr, added up over n × n: the same windows, at centres half a
    fine pixel beside.
    """
    r, half = 5.3, 9
    fine = disk([parts * r], half * parts)[0]
    size = len(fine) // parts * parts
    found = []
    for i in range(parts):
        for j in range(parts):
            cut = fine[i : i + size - parts, j : j + size - parts]
            found.append(
                cut.reshape(size // parts - 1, parts, size // parts - 1, parts).sum(axis=(1, 3))
                / parts**2
            )
    shift = (parts - 1) / 2 % 1
    seen = centres(r, parts, 1, (shift, shift))
    squares = sum(float(np.sum(one**2)) for one in found) / parts**2
    assert abs(squares - pi * r * r - float(seen.mean(seen.windows[:, 0] ** 2, 1.0))) < 1e-9
