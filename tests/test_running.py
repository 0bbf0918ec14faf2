"""The network as it runs: torch's answers in float32 and float64 against exact ones."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from flint import arb, fmpq
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.ball import Net, error_ball
from numerics.certificate import Domain, error_on, exact_net
from numerics.running import UNITS, assumed_error, running_error
from numerics.sample import pulse
from theory.activation import ACTIVATIONS
from verify.nets import Network

NAMES = ("identity", "relu", "leaky_relu", "abs", "relu6", "hardtanh", "hardsigmoid", "hardswish",
         "softshrink", "prelu", "rrelu", "square", "cube")  # fmt: skip
TYPES = {"float32": torch.float32, "float64": torch.float64}


def _exact(r: Fraction, net: object, domain: Domain) -> Fraction:
    """r̂(r), exactly."""
    m = int(r + Fraction(1, 2))
    m = min(m, domain.half_length)
    phi = r - m + Fraction(1, 2)
    error = error_on(net, m, domain)(fmpq(phi.numerator, phi.denominator))  # type: ignore[arg-type]
    return Fraction(int(error.p), int(error.q)) + r


@given(
    st.sampled_from(NAMES),
    st.sampled_from(sorted(TYPES)),
    st.sampled_from(("sum", "mean")),
    st.integers(0, 2**32 - 1),
    st.integers(1, 3),
    st.integers(0, 2),
)
@example("leaky_relu", "float32", "sum", 0, 1, 0)
def test_torch_stays_within_the_bound(
    name: str, kind: str, pooling: str, seed: int, channels: int, h: int
) -> None:
    rng = np.random.default_rng(seed)
    n, half_length = 2 * h + 1, 9
    number = np.float32 if kind == "float32" else np.float64
    w, b, a = (rng.normal(size=s).astype(number) for s in ((channels, n), channels, channels))
    c = number(rng.normal())
    torch.manual_seed(0)
    module = Network(name, channels, n, pooling).to(TYPES[kind])
    with torch.no_grad():
        module.conv.weight.copy_(torch.tensor(w)[:, None, :])
        module.conv.bias.copy_(torch.tensor(b))
        module.readout.weight.copy_(torch.tensor(a)[None, :])
        module.readout.bias.fill_(float(c))
    module.eval()
    share = 2 * half_length + 1 if pooling == "mean" else 1
    weights = [Fraction(float(x)) / share for x in a]
    net = exact_net(name, w.astype(float).tolist(), b.astype(float).tolist(), weights, float(c))
    domain = Domain(half_length, fmpq(1, 2), fmpq(15, 2))
    radii = rng.integers(32, 480, size=12) / 64  # their pulses are exact in both types
    x = torch.tensor(pulse(radii, half_length), dtype=TYPES[kind])
    with torch.no_grad():
        found = module(x).double().numpy()
    bound = running_error(net, domain, kind)
    for r, value in zip(radii, found, strict=True):
        off = abs(Fraction(float(value)) - _exact(Fraction(float(r)), net, domain))
        assert off <= bound


def test_the_bound_is_of_use() -> None:
    """A trained-size network: a hundred-thousandth of a pixel in float32, 1e-13 in float64."""
    net = exact_net("relu", [[0.25, 0.5, 0.25]], [0.0], [0.5], 0.0)
    domain = Domain(12, fmpq(1, 2), fmpq(10))
    found = {kind: float(running_error(net, domain, kind)) for kind in UNITS}
    assert 1e-7 < found["float32"] < 1e-4
    assert 1e-16 < found["float64"] < 2e-13


def test_jumps_have_no_bound() -> None:
    net = exact_net("threshold", [[0.25]], [0.0], [0.5], 0.0)
    with pytest.raises(ValueError, match="jump"):
        running_error(net, Domain(3, fmpq(1, 2), fmpq(2)))
    with pytest.raises(KeyError):
        running_error(net, Domain(3, fmpq(1, 2), fmpq(2)), "float16")


def test_the_names_are_rows() -> None:
    assert set(NAMES) <= set(ACTIVATIONS)


SMOOTH = ("tanh", "sigmoid", "softplus", "logsigmoid", "gelu", "gelu_tanh", "silu", "mish", "elu", "selu", "celu",
          "softsign", "tanhshrink", "arctan", "erf", "sin", "exp")  # fmt: skip


@given(
    st.sampled_from(SMOOTH),
    st.sampled_from(sorted(TYPES)),
    st.sampled_from(("sum", "mean")),
    st.integers(0, 2**32 - 1),
    st.sampled_from((1.0, 20.0)),
)
@example("softplus", "float64", "sum", 0, 20.0)
@example("exp", "float32", "sum", 1, 1.0)
def test_smooth_activations_stay_within_the_assumed_bound(
    name: str, kind: str, pooling: str, seed: int, scale: float
) -> None:
    """Against enclosures of the exact answer.  That torch's functions are as good as assumed is what is tested."""
    rng = np.random.default_rng(seed)
    number = np.float32 if kind == "float32" else np.float64
    scale = 1.0 if name == "exp" else scale
    w, b, a = ((scale * rng.normal(size=s)).astype(number) for s in ((2, 3), 2, 2))
    c = number(rng.normal())
    module = Network(name, 2, 3, pooling).to(TYPES[kind])
    with torch.no_grad():
        module.conv.weight.copy_(torch.tensor(w)[:, None, :])
        module.conv.bias.copy_(torch.tensor(b))
        module.readout.weight.copy_(torch.tensor(a)[None, :])
        module.readout.bias.fill_(float(c))
    share = 19 if pooling == "mean" else 1
    net = Net(
        name,
        tuple(tuple(map(float, row)) for row in w),
        tuple(map(float, b)),
        tuple(Fraction(float(x)) / share for x in a),
        float(c),
    )
    bound = assumed_error(net, Domain(9, fmpq(1, 2), fmpq(15, 2)), kind)
    radii = rng.integers(32, 480, size=6) / 64
    with torch.no_grad():
        found = module(torch.tensor(pulse(radii, 9), dtype=TYPES[kind])).double().numpy()
    for r, value in zip(radii, found, strict=True):
        exact = error_ball(net, Fraction(float(r)), 9)
        off = abs(arb(float(value)) - arb(float(r)) - exact)
        assert off < arb(fmpq(bound.numerator, bound.denominator))


def test_the_assumed_bound_is_of_use_and_has_its_limits() -> None:
    net = Net("tanh", ((0.25, 0.5, 0.25),), (0.0,), (0.5,), 0.0)
    assert assumed_error(net, Domain(12, fmpq(1, 2), fmpq(10))) < Fraction(1, 10**12)
    with pytest.raises(ValueError, match="jump"):
        assumed_error(Net("threshold", ((0.25,),), (0.0,), (0.5,), 0.0), Domain(3, fmpq(1, 2), fmpq(2)))  # fmt: skip
    with pytest.raises(ValueError, match="overflows"):
        assumed_error(Net("exp", ((800.0,),), (0.0,), (0.5,), 0.0), Domain(3, fmpq(1, 2), fmpq(2)))
    with pytest.raises(ValueError, match="readout bias"):
        assumed_error(Net("tanh", ((0.25,),), (0.0,), (0.5,), None), Domain(3, fmpq(1, 2), fmpq(2)))
