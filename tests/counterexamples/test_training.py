"""The gradients and flows of the searches on training, against torch's."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from numerics.arithmetic import oracle
from verify.counterexamples.training import UNSETTLED, Start, gradient, settles

START = Start(
    N=5,
    w=((2, -1, 1), (1, 1, 0)),
    a=(1, -2),
    b=1,
    c=1,
    sigma="relu",
    pooling="mean",
    loss="fourth powers",
    radii=(Fraction(3, 4), Fraction(2)),
)


@pytest.mark.parametrize("sigma", ["identity", "relu", "hardtanh"])
def test_the_gradient_is_that_of_torch(sigma: str) -> None:
    case = START.but(sigma=sigma)
    flat = [Fraction(v) for v in case.flat]
    pulses = [(r, oracle.overlap_pulse(r, 2)) for r in case.radii]
    y = torch.tensor([float(v) for v in flat], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([[[float(v) for v in row]] for _, row in pulses], dtype=torch.float64)
    r = torch.tensor([float(v) for v in case.radii], dtype=torch.float64)
    act = {"identity": lambda z: z, "relu": torch.relu, "hardtanh": torch.nn.functional.hardtanh}
    z = torch.nn.functional.conv1d(x, y[:6].reshape(2, 1, 3), y[8:10], padding=1)
    error = y[10] + act[sigma](z).mean(-1) @ y[6:8] - r
    (error**4).mean().backward()
    assert y.grad is not None
    exact = [float(v) for v in gradient(case, flat, pulses)]
    np.testing.assert_allclose(exact, y.grad.numpy(), atol=1e-12)


def test_what_is_not_trained_has_no_gradient() -> None:
    case = START.but(b=None, c=None)
    pulses = [(r, oracle.overlap_pulse(r, 2)) for r in case.radii]
    assert gradient(case, [Fraction(v) for v in case.flat], pulses)[-3:] == [0, 0, 0]


def test_a_flow_that_has_not_settled_decides_nothing() -> None:
    assert settles((1.0, 2.0), (1.0, 2.0 + 1e-9))
    assert not settles((1.0, 2.0), (1.0, 2.1))
    assert settles((1.0, 2.0), UNSETTLED)
    assert not settles("1/0", (0.0, 0.0))
