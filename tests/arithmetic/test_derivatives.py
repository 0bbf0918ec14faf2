"""Bounds on derivatives contain what Taylor coefficients say."""

from __future__ import annotations

import numpy as np
import pytest

from numerics.arithmetic.derivatives import derivatives
from numerics.arithmetic.taylor import taylor
from theory.expressions.activation import ACTIVATIONS


@pytest.mark.parametrize("name", [name for name, row in ACTIVATIONS.items() if not row.jumps])
def test_bounds_on_derivatives(name: str) -> None:
    """On random intervals no derivative is larger than its bound, and the bound is not much larger
    than the derivative.
    """
    rng = np.random.default_rng(5)
    far = 30.0 if name == "exp" else 400.0
    known = derivatives(name, -far, far)
    middle = rng.choice([-1, 1], 60) * far ** rng.uniform(-1, 0.98, 60)
    half = np.abs(middle) * rng.uniform(0, 0.1, 60)
    half = np.where(
        [
            np.any(np.abs(np.array(known.breaks) - m) <= h)
            for m, h in zip(middle, half, strict=True)
        ],
        0,
        half,
    )
    bound = known.over(middle - half, middle + half)
    whole = np.array([taylor(name, m, 0.0) for m in middle])
    for order in (1, 2, 12):
        size = np.max(np.abs(whole[:, :, order]), axis=1)
        assert np.all((size <= bound[order]) | ~np.isfinite(size))
    line = np.isfinite(whole[:, 0, 1])
    tight = bound[1][line] <= 1.6 * (np.max(np.abs(whole[line, :, 1]), axis=1) + 0.1)
    assert np.all(tight) or name in ("exp", "sin", "square", "cube", "hardswish")
