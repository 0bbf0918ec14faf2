"""The network as it runs: torch in float32 and float64, emulated types of few bits, and two
programs for one bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb, ctx, fmpq
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import activation
from numerics.arithmetic.softfloat import (
    POLYNOMIALS,
    answer,
    random_order_sum,
    rounded,
    sequential_sum,
    worst_order_sum,
)
from numerics.certificates.running import FORMATS, assumed_error, computed, running_error
from numerics.pulse.domain import Domain
from numerics.pulse.error_enclosure import error_ball
from numerics.pulse.exact_error import error_on, exact_net
from numerics.pulse.sample import pulse
from tests.strategies import few
from theory.certificates.running import CLAIM, LAW, bound, gamma, lit
from theory.certificates.running import answer as answered
from theory.expressions.activation import ACTIVATIONS
from theory.pulse.network import Network
from verify.certificates.claims.running import _rows, sizes_of
from verify.models.networks import Network as Module
from verify.models.networks import elementwise

NAMES = (
    "identity",
    "relu",
    "leaky_relu",
    "abs",
    "relu6",
    "hardtanh",
    "hardsigmoid",
    "hardswish",
    "softshrink",
    "prelu",
    "rrelu",
    "square",
    "cube",
)
TYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}


def floats(values: Any, kind: str) -> Any:
    """The nearest floats of a type, in float64."""
    return torch.as_tensor(values).to(TYPES[kind]).double().numpy()


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
    w, b, a = (floats(rng.normal(size=s), kind) for s in ((channels, n), channels, channels))
    c = float(floats(rng.normal(), kind))
    torch.manual_seed(0)
    module = Module(name, channels, n, pooling).to(TYPES[kind])
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
    radii = rng.integers(32, 480, size=12) / 64  # their pulses are exact in all types
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
    found = {kind: float(running_error(net, domain, kind)) for kind in FORMATS}
    assert 1e-7 < found["float32"] < 1e-4
    assert 1e-16 < found["float64"] < 2e-13


def test_jumps_have_no_bound() -> None:
    net = exact_net("threshold", [[0.25]], [0.0], [0.5], 0.0)
    with pytest.raises(ValueError, match="jump"):
        running_error(net, Domain(3, fmpq(1, 2), fmpq(2)))
    with pytest.raises(KeyError):
        running_error(net, Domain(3, fmpq(1, 2), fmpq(2)), "float8")


def test_half_of_the_least_number_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pixels of 1/2 under the least tap of float16: their products become 0, which no relative
    bound allows.
    """
    tap, domain = 2.0**-24, Domain(3, fmpq(1, 2), fmpq(2))
    module = Module("identity", 1, 1).to(torch.float16)
    with torch.no_grad():
        module.conv.weight.fill_(tap)
        module.conv.bias.fill_(0)
        module.readout.weight.fill_(1024)
        module.readout.bias.fill_(0)
        answer = float(module(torch.tensor(pulse(np.ones(1), 3)).half())[0])
    off = abs(Fraction(answer) - 2 * 1024 * Fraction(tap))
    net = exact_net("identity", [[tap]], [0.0], [1024.0], 0.0)
    assert off == Fraction(1024 * tap) <= running_error(net, domain, "float16")
    without = replace(FORMATS["float16"], tiny=Fraction(0))
    monkeypatch.setitem(FORMATS, "float16", without)
    assert running_error(net, domain, "float16") < off


def test_what_may_overflow_has_no_bound() -> None:
    tall = exact_net("relu", [[1024.0]], [0.0], [1.0], 0.0)
    wide = Domain(63, fmpq(1, 2), fmpq(60))
    with pytest.raises(ValueError, match="overflow: values may reach"):
        running_error(tall, wide, "float16")
    assert running_error(tall, wide, "float32") < 2
    with pytest.raises(ValueError, match="operations are too many"):
        running_error(tall, Domain(127, fmpq(1, 2), fmpq(60)), "bfloat16")
    smooth = Network(((300.0,),), (0.0,), (0.5,), 0.0, sigma="silu")
    assert assumed_error(smooth, Domain(3, fmpq(1, 2), fmpq(2)), "float16") > 0
    with pytest.raises(ValueError, match="overflow"):
        assumed_error(smooth, Domain(300, fmpq(1, 2), fmpq(290)), "float16")


def test_the_names_are_rows() -> None:
    assert set(NAMES) <= set(ACTIVATIONS)


SMOOTH = (
    "tanh",
    "sigmoid",
    "softplus",
    "logsigmoid",
    "gelu",
    "gelu_tanh",
    "silu",
    "mish",
    "elu",
    "selu",
    "celu",
    "softsign",
    "tanhshrink",
    "arctan",
    "erf",
    "sin",
    "exp",
)


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
    """Against enclosures of the exact answer.  That torch's functions are as good as assumed is
    what is tested.
    """
    rng = np.random.default_rng(seed)
    scale = 1.0 if name == "exp" else scale
    w, b, a = (floats(scale * rng.normal(size=s), kind) for s in ((2, 3), 2, 2))
    c = float(floats(rng.normal(), kind))
    module = Module(name, 2, 3, pooling).to(TYPES[kind])
    with torch.no_grad():
        module.conv.weight.copy_(torch.tensor(w)[:, None, :])
        module.conv.bias.copy_(torch.tensor(b))
        module.readout.weight.copy_(torch.tensor(a)[None, :])
        module.readout.bias.fill_(float(c))
    share = 19 if pooling == "mean" else 1
    net = Network(
        tuple(tuple(map(float, row)) for row in w),
        tuple(map(float, b)),
        tuple(Fraction(float(x)) / share for x in a),
        float(c),
        sigma=name,
    )
    try:
        bound = assumed_error(net, Domain(9, fmpq(1, 2), fmpq(15, 2)), kind)
    except ValueError as error:  # float16 ends at 65504
        assert kind == "float16" and "it may overflow" in str(error)
        return
    radii = rng.integers(32, 480, size=6) / 64
    with torch.no_grad():
        found = module(torch.tensor(pulse(radii, 9), dtype=TYPES[kind])).double().numpy()
    for r, value in zip(radii, found, strict=True):
        exact = error_ball(net, Fraction(float(r)), 9)
        with ctx.workprec(128):  # the difference is as fine as the enclosure
            off = abs(arb(float(value)) - arb(float(r)) - exact)
            assert off < arb(fmpq(bound.numerator, bound.denominator))


def test_parameters_and_expressions() -> None:
    """Softplus(beta=5) is cut where 5 z > 20, and off by e^-20/5; how an expression is computed
    nobody knows.
    """
    domain = Domain(9, fmpq(1, 2), fmpq(15, 2))
    net = Network(((1.5, 1.5, 1.5),), (0.0,), (0.5,), 0.0, sigma="Softplus(beta=5)")
    bound = assumed_error(net, domain)
    sigma = elementwise("Softplus(beta=5)")
    value = torch.tensor([4.05], dtype=torch.float64)
    off = float(activation("softplus(beta=5)")[0](4.05)) - float(sigma(value)[0])
    assert 1e-11 < off < float(bound)
    assert computed("LeakyReLU(0.2)") and computed("cube") and not computed("quick_gelu")
    with pytest.raises(ValueError, match="not known"):
        assumed_error(replace(net, sigma="quick_gelu"), domain)


def test_the_assumed_bound_is_of_use_and_has_its_limits() -> None:
    net = Network(((0.25, 0.5, 0.25),), (0.0,), (0.5,), 0.0, sigma="tanh")
    assert assumed_error(net, Domain(12, fmpq(1, 2), fmpq(10))) < Fraction(1, 10**12)
    with pytest.raises(ValueError, match="jump"):
        assumed_error(
            Network(((0.25,),), (0.0,), (0.5,), 0.0, sigma="threshold"),
            Domain(3, fmpq(1, 2), fmpq(2)),
        )
    with pytest.raises(ValueError, match="overflows"):
        assumed_error(
            Network(((800.0,),), (0.0,), (0.5,), 0.0, sigma="exp"), Domain(3, fmpq(1, 2), fmpq(2))
        )
    with pytest.raises(ValueError, match="readout bias"):
        assumed_error(
            Network(((0.25,),), (0.0,), (0.5,), sigma="tanh"), Domain(3, fmpq(1, 2), fmpq(2))
        )


# --- the law and its two programs -------------------------------------------------------------

small = st.integers(-40, 40).map(lambda k: Fraction(k, 16))


@st.composite
def networks(
    draw: st.DrawFn,
) -> tuple[str, list[list[Fraction]], list[Fraction], list[Fraction], Fraction]:
    n, channels = draw(st.sampled_from((1, 3, 5))), draw(st.integers(1, 3))
    row = st.lists(small, min_size=n, max_size=n)
    each = st.lists(small, min_size=channels, max_size=channels)
    w = draw(st.lists(row, min_size=channels, max_size=channels))
    return draw(st.sampled_from(sorted(POLYNOMIALS))), w, draw(each), draw(each), draw(small)


@given(networks(), st.sampled_from(("float32", "float64")), st.integers(2, 22), st.integers(6, 12))
@example(
    ("hardswish", [[Fraction(1)]], [Fraction(-1)], [Fraction(2)], Fraction(0)), "float32", 3, 9
)
def test_the_bound_of_numerics_is_the_law(
    net: tuple[str, list[list[Fraction]], list[Fraction], list[Fraction], Fraction],
    kind: str,
    quarters: int,
    half_length: int,
) -> None:
    """The same number, exactly."""
    name, w, b, a, c = net
    domain = Domain(half_length, fmpq(1, 2), fmpq(quarters, 4))
    sizes = sizes_of(name, w, b, a, c, domain.positions, Fraction(quarters, 4))
    claimed = bound(LAW, sizes, lambda k: gamma(k, FORMATS[kind].unit))
    assert running_error(exact_net(name, w, b, a, c), domain, kind) == claimed


@given(
    st.lists(st.tuples(st.integers(-64, 64), st.booleans()), min_size=1, max_size=20),
    st.integers(1, 6),
)
@example([(64, False)] * 8 + [(-64, True)] * 8, 1)
def test_factors_stay_within_gamma(parts: list[tuple[int, bool]], scale: int) -> None:
    """Products and quotients of 1 + δ in any mixture."""
    unit = Fraction(1, 16 * scale * len(parts))
    total = Fraction(1)
    for part, turned in parts:
        factor = 1 + unit * Fraction(part, 64)
        total = total / factor if turned else total * factor
    assert abs(total - 1) <= gamma(len(parts), unit)


@given(st.integers(1, 6), st.integers(0, 60), st.sampled_from((1, 3, 5, 9)))
@example(1, 1, 1)
def test_no_more_positions_see_light(extra: int, eighths: int, n: int) -> None:
    radius = Fraction(1, 2) + Fraction(eighths, 8)
    x = oracle.overlap_pulse(radius, int(radius) + 1 + extra)
    seen = sum(any(x[max(i - n // 2, 0) : i + n // 2 + 1]) for i in range(len(x)))
    assert seen <= lit(len(x), radius, n)


Layer = dict[str, Callable[..., Any]]
SMALLER: dict[str, tuple[Layer, bool]] = {
    "n + 1": ({"argument": lambda n, reach, g: g(n + 1) * reach}, True),
    "K": (
        {
            "answer": lambda sizes, values, offs, g: answered(
                sizes, values, offs, lambda k: g(k - 1)
            )
        },
        True,
    ),
    "7": ({"response": lambda size, g: g(7) * size}, False),
    "P": ({"pooled": lambda count, size, off, g: off + g(count) * (count * size + off)}, False),
}
"""An index of a γ smaller by one, and whether rows of numbers are built that need the right one."""


def test_rows_of_numbers_stay_within_the_law() -> None:
    assert max(_rows(LAW)) < 1


@pytest.mark.parametrize("index", SMALLER)
def test_no_index_can_be_smaller(index: str) -> None:
    """γ_{K+4} in the readout was three more than needed, and with γ_{K+1} proof, columns and tests
    were the same.

    Siblings: n + 2, 8, and P, which left out a mean formed as a product with a rounded 1/P.
    """
    layer, built = SMALLER[index]
    other = replace(LAW, **layer)  # type: ignore[arg-type]
    assert CLAIM.prove(other).refuted
    assert (max(_rows(other)) > 1) == built


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_in_the_dark_nothing_is_rounded(kind: str) -> None:
    """Bit by bit the bias, whatever the taps."""
    module = Module("identity", 3, 5).to(TYPES[kind])
    with torch.no_grad():
        found = module.conv(torch.zeros(1, 1, 9, dtype=TYPES[kind]))[0]
    assert torch.equal(found, module.conv.bias[:, None].expand(3, 9))


def test_every_tap_of_the_page_s_example_rounds_up() -> None:
    """u + 2u² on a bias of 1 with six digits, whose last is 2u: each addition ends u - 2u² too
    high.
    """
    u = Fraction(1, 64)
    tap, total = u * (1 + 2 * u), Fraction(1)
    assert rounded(tap, 6) == tap
    for _ in range(5):
        after = rounded(total + tap, 6)
        assert after - (total + tap) == u - 2 * u * u > 0
        total = after


@given(st.lists(st.tuples(small, small), min_size=1, max_size=5), small, st.integers(6, 12))
def test_a_fused_product_and_sum_stays_within_the_bound(
    pairs: list[tuple[Fraction, Fraction]], b: Fraction, bits: int
) -> None:
    """One rounding where the proof allows two: Σ w x + b in a row, every product fused with its
    addition.
    """
    w = [rounded(tap, bits) for tap, _ in pairs]
    x = [rounded(abs(pixel) / 4, bits) for _, pixel in pairs]
    b = rounded(b, bits)
    total = b
    for tap, pixel in zip(w, x, strict=True):
        total = rounded(total + tap * pixel, bits)
    exact = b + sum(tap * pixel for tap, pixel in zip(w, x, strict=True))
    size = abs(b) + sum(abs(tap * pixel) for tap, pixel in zip(w, x, strict=True))
    assert abs(total - exact) <= gamma(len(w) + 1, Fraction(1, 2**bits)) * size


# --- the emulator -----------------------------------------------------------------------------


@few
@given(networks(), st.integers(6, 12), st.integers(2, 16), st.booleans(), st.integers(0, 99))
@example(
    ("relu", [[Fraction(1, 64)] * 5], [Fraction(1)], [Fraction(1)], Fraction(0)), 6, 16, False, 0
)
def test_no_order_of_summation_leaves_the_bound(
    net: tuple[str, list[list[Fraction]], list[Fraction], list[Fraction], Fraction],
    bits: int,
    quarters: int,
    mean: bool,
    seed: int,
) -> None:
    name, w, b, a, c = net

    def few(row: list[Fraction]) -> list[Fraction]:
        return [rounded(x, bits) for x in row]

    w, b, a, c = [few(row) for row in w], few(b), few(a), rounded(c, bits)
    radius = Fraction(quarters, 4) + Fraction(1, 12)
    x = oracle.overlap_pulse(radius, 7)
    share = len(x) if mean else 1
    sigma = oracle.RATIONAL[name]
    exact = c
    for row, bias, y in zip(w, b, a, strict=True):
        exact += y * sum(map(sigma, oracle.preactivations(row, bias, x)), Fraction(0)) / share
    sizes = sizes_of(name, w, b, [y / share for y in a], c, len(x), radius)
    allowed = bound(LAW, sizes, lambda k: gamma(k, Fraction(1, 2**bits)))
    for add in (
        sequential_sum,
        worst_order_sum(1),
        worst_order_sum(-1),
        random_order_sum(np.random.default_rng(seed)),
    ):
        found = answer(POLYNOMIALS[name], (w, b, a, c), x, bits, add, mean=mean)
        assert abs(found - exact) <= allowed
