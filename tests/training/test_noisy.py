"""Networks trained on noisy pulses: the interval of an average."""

from __future__ import annotations

import numpy as np

from verify.training.noisy import interval


def test_the_interval_of_an_average() -> None:
    """A linear recursion with known noise: q' = q - η(Hq + g)."""
    rng = np.random.default_rng(1)
    hessian, steps, rate = np.array([[2.0, 0.5], [0.5, 1.0]]), 4000, 0.2
    noise = rng.normal(size=(300, steps, 2)) @ np.array([[1.0, 0.0], [0.7, 0.3]])
    q, total = np.zeros((300, 2)), np.zeros((300, 2))
    for t in range(steps):
        q = q - rate * (q @ hessian + noise[:, t])
        total += q
    found = np.std(total / steps, axis=0)
    assert np.allclose(found, interval(hessian, noise[0], steps), rtol=0.15)
