"""The computed numbers of smooth activations: against the exact ones where both exist, and against
torch.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
import torch
from flint import fmpq
from hypothesis import given

from numerics.arithmetic.numbers import rational
from numerics.pulse.attribution import NAMES, attribute
from numerics.pulse.domain import Domain
from numerics.pulse.quadrature import loss_quadrature
from numerics.pulse.sensitivity import sensitivities
from tests.paddings import domain_of
from tests.stored import as_net, cases
from theory.expressions.activation import ACTIVATIONS
from theory.pulse.network import Network


def _stored(w: Any, b: Any, a: Any, c: float) -> Any:
    return Network(tuple(map(tuple, w.tolist())), tuple(b.tolist()), tuple(a.tolist()), c).mapped(
        rational
    )


@given(cases(("square", "cube", "identity")))
def test_polynomials_are_integrated_exactly(case: Any) -> None:
    """16 nodes are exact up to degree 31: only rounding is left, of a size that grows with the
    terms that cancel.
    """
    name, stored, domain = case
    net = as_net(stored, name)
    found, exact = loss_quadrature(name, net, domain), attribute(net, domain)

    def number(x: Any) -> float:
        return float(Fraction(int(x.p), int(x.q)))

    # Cubes of up to 5 taps of size 2 plus a bias, on up to 20 positions and 3 channels of size 2.
    size = (3 * 2 * 20 * 12.0**3 + 20) ** 2
    assert abs(found.loss - number(exact.loss)) <= 1e-13 * size
    assert tuple(found.parts) == NAMES
    for one in NAMES:
        assert abs(found.parts[one] - number(exact.parts[one])) <= 1e-12 * size
    assert abs(sum(found.parts.values()) - found.loss) <= 1e-12 * size
    for change, one in zip(found.changes, sensitivities(net, domain), strict=True):
        for side in (0, 1):
            assert abs(change.gradient[side] - number(one.gradient[side])) <= 1e-12 * size
            assert abs(change.curvature[side] - number(one.curvature[side])) <= 1e-12 * size


@pytest.mark.parametrize("padding", ["zeros", "circular", "valid", "reflect 2", "replicate 3"])
@pytest.mark.parametrize("name", ["tanh", "softplus", "gelu"])
def test_gradients_are_those_of_torch(name: str, padding: str) -> None:
    """Automatic differentiation of the same mean over the same kind of nodes."""
    rng = np.random.default_rng(5)
    w, b, a, c = rng.normal(size=(2, 3)), rng.normal(size=2), rng.normal(size=2), 0.3
    domain = domain_of(5, fmpq(1), fmpq(9, 2), padding)
    found = loss_quadrature(name, _stored(w, b, a, c), domain)
    x, share = np.polynomial.legendre.leggauss(24)
    cells = [(1.0, 1.5), (1.5, 2.5), (2.5, 3.5), (3.5, 4.5)]
    r = np.concatenate([p + (q - p) * (x + 1) / 2 for p, q in cells])
    weight = np.concatenate([share * (q - p) / 2 for p, q in cells]) / 3.5
    pixels = np.clip(r[:, None] + 0.5 - np.abs(np.arange(-5, 6)), 0, 1)
    mode, _, number = padding.replace("valid", "zeros 0").partition(" ")
    conv = torch.nn.Conv1d(1, 2, 3, padding=int(number or 1), padding_mode=mode).double()  # type: ignore[arg-type]
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
    assert np.allclose(
        got, [change.gradient[0] for change in found.changes[:-1]], rtol=1e-8, atol=1e-8
    )


def test_one_radius_is_refused() -> None:
    with pytest.raises(ValueError, match="interval"):
        one = _stored(np.ones((1, 1)), np.zeros(1), np.ones(1), 0.0)
        loss_quadrature("tanh", one, Domain(3, fmpq(1), fmpq(1)))


@pytest.mark.parametrize("reach", [100.0, 1e8])
@pytest.mark.parametrize("name", ["tanh", "silu", "selu", "softsign", "exp", "sin"])
def test_steep_and_bent_ones_too(name: str, reach: float) -> None:
    """The loss against mpmath, on stretches that end where a pre-activation is 0 or ±4^j/8.

    Cause: 16 points on a whole cell, whatever σ did there (tanh at 100: 0.2 % off).  Siblings: the
        bends of elu and selu.
    """
    if name == "sin":
        reach = min(reach, 200.0)
    w, b, a, c = (
        np.array([[0.25, -0.55, 0.45]]) * reach,
        np.array([0.1]) * reach,
        np.array([0.3]),
        1.0,
    )
    if name == "exp":  # its flat side
        w, b = -np.abs(w), -b
    domain = Domain(4, fmpq(3, 2), fmpq(5, 2))
    found = loss_quadrature(name, _stored(w, b, a, c), domain).loss
    sigma = sp.lambdify(sp.Symbol("z", real=True), ACTIVATIONS[name].expression, "mpmath")
    taps, bias = [mpmath.mpf(float(x)) for x in w[0]], mpmath.mpf(float(b[0]))

    def pre(r: Any) -> list[Any]:
        x = {i: min(1, max(0, r - abs(i) + mpmath.mpf(1) / 2)) for i in range(-4, 5)}
        return [
            sum((taps[u + 1] * x.get(i + u, 0) for u in (-1, 0, 1)), bias) for i in range(-4, 5)
        ]

    def square(r: Any) -> Any:
        return (mpmath.mpf(0.3) * sum(map(sigma, pre(r))) + c - r) ** 2

    with mpmath.workprec(70):
        levels = [0.0, *(side * 4.0**j / 8 for side in (1, -1) for j in range(16))]
        if name == "sin":
            levels = [4.0 * j for j in range(-50, 51)]
        first, last = pre(mpmath.mpf(1.5)), pre(mpmath.mpf(2.5))
        cuts = {mpmath.mpf(1.5), mpmath.mpf(2.5)}
        for p, q in zip(first, last, strict=True):
            if p != q:
                cuts |= {1.5 + t for t in ((x - p) / (q - p) for x in levels) if 0 < t < 1}
        ends = sorted(cuts)
        exact = sum(
            mpmath.quad(square, stretch, maxdegree=4, method="gauss-legendre")
            for stretch in pairwise(ends)
        )
    assert abs(found / float(exact) - 1) < 1e-12
