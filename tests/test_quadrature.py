"""The computed numbers of smooth activations: against the exact ones where both exist, and against torch."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from flint import fmpq
from hypothesis import given

from numerics.attribution import NAMES, attribute
from numerics.certificate import Domain
from numerics.quadrature import measured
from numerics.sensitivity import sensitivities
from tests.stored import as_net, cases


def _floats(net: Any) -> tuple[Any, Any, Any, float]:
    number = lambda x: float(Fraction(int(x.p), int(x.q)))
    w = np.array([[number(x) for x in row] for row in net.w])
    return w, np.array([number(x) for x in net.b]), np.array([number(x) for x in net.a]), number(net.c)  # fmt: skip


@given(cases(("square", "cube", "identity")))
def test_polynomials_are_integrated_exactly(case: Any) -> None:
    """16 nodes are exact up to degree 31: only rounding is left, of a size that grows with the terms that cancel."""
    name, stored, domain = case
    net = as_net(stored, name)
    w, b, a, c = _floats(net)
    found, exact = measured(name, w, b, a, c, domain), attribute(net, domain)
    number = lambda x: float(Fraction(int(x.p), int(x.q)))
    # Cubes of up to 5 taps of size 2 plus a bias, on up to 20 positions and 3 channels of size 2.
    size = (3 * 2 * 20 * 12.0**3 + 20) ** 2
    assert abs(found.loss - number(exact.loss)) <= 1e-13 * size
    assert tuple(found.parts) == NAMES
    for one in NAMES:
        assert abs(found.parts[one] - number(exact.parts[one])) <= 1e-12 * size
    assert abs(sum(found.parts.values()) - found.loss) <= 1e-12 * size
    each = sensitivities(net, domain)
    flat = [*(x for row in each.w for x in row), *each.b, *each.a, each.c]
    for side in (0, 1):
        for g, h, one in zip(found.gradient[side], found.curvature[side], flat, strict=True):
            assert abs(g - number(one.gradient[side])) <= 1e-12 * size
            assert abs(h - number(one.curvature[side])) <= 1e-12 * size


@pytest.mark.parametrize("padding", ["zeros", "circular", "valid"])
@pytest.mark.parametrize("name", ["tanh", "softplus", "gelu"])
def test_gradients_are_those_of_torch(name: str, padding: str) -> None:
    """Automatic differentiation of the same mean over the same kind of nodes."""
    rng = np.random.default_rng(5)
    w, b, a, c = rng.normal(size=(2, 3)), rng.normal(size=2), rng.normal(size=2), 0.3
    domain = Domain(5, fmpq(1), fmpq(9, 2), padding)
    found = measured(name, w, b, a, c, domain)
    x, share = np.polynomial.legendre.leggauss(24)
    cells = [(1.0, 1.5), (1.5, 2.5), (2.5, 3.5), (3.5, 4.5)]
    r = np.concatenate([p + (q - p) * (x + 1) / 2 for p, q in cells])
    weight = np.concatenate([share * (q - p) / 2 for p, q in cells]) / 3.5
    pixels = np.clip(r[:, None] + 0.5 - np.abs(np.arange(-5, 6)), 0, 1)
    conv = torch.nn.Conv1d(1, 2, 3, padding=0 if padding == "valid" else 1,
                           padding_mode="circular" if padding == "circular" else "zeros").double()  # fmt: skip
    conv.weight.data, conv.bias.data = torch.tensor(w)[:, None], torch.tensor(b)  # type: ignore[union-attr]
    read = torch.tensor(a, requires_grad=True)
    sigma = {"tanh": torch.nn.Tanh(), "softplus": torch.nn.Softplus(), "gelu": torch.nn.GELU()}[
        name
    ]
    error = sigma(conv(torch.tensor(pixels)[:, None])).sum(2) @ read + c - torch.tensor(r)
    loss = (torch.tensor(weight) * error**2).sum()
    loss.backward()
    assert abs(float(loss.detach()) - found.loss) < 1e-9 * (1 + found.loss)
    got = torch.cat([conv.weight.grad.flatten(), conv.bias.grad, read.grad]).numpy()  # type: ignore[union-attr]
    assert np.allclose(got, found.gradient[0, :-1], rtol=1e-8, atol=1e-8)


def test_one_radius_is_refused() -> None:
    with pytest.raises(ValueError, match="interval"):
        measured("tanh", np.ones((1, 1)), np.zeros(1), np.ones(1), 0.0, Domain(3, fmpq(1), fmpq(1)))
