"""The enclosed worst error: against the exact one, and against enclosures from the definition."""

from __future__ import annotations

from fractions import Fraction

import pytest
from flint import ctx, fmpq
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.ball import Net, dyadic, error_ball
from numerics.certificate import Domain, exact_net, summary
from numerics.path import PADDINGS
from numerics.piecewise import exact_activation
from numerics.supremum import supremum
from theory.activation import ACTIVATIONS

F = Fraction
SMOOTH = (
    "tanh",
    "sigmoid",
    "softplus",
    "gelu",
    "silu",
    "mish",
    "elu",
    "selu",
    "softsign",
    "exp",
    "sin",
)
floats = st.floats(-2, 2, allow_subnormal=False)


@st.composite
def nets(draw: st.DrawFn, names: tuple[str, ...]) -> Net:
    n, channels = draw(st.sampled_from((1, 3, 5))), draw(st.integers(1, 2))
    row = lambda size: tuple(draw(st.lists(floats, min_size=size, max_size=size)))
    return Net(
        draw(st.sampled_from(names)),
        tuple(row(n) for _ in range(channels)),
        row(channels),
        row(channels),
        draw(floats),
    )


@given(nets(SMOOTH), st.integers(0, 10), st.integers(0, 10))
@example(Net("elu", ((1.0, -2.0, 0.5),), (0.0,), (1.0,), 0.0), 0, 10)
def test_no_radius_beats_the_enclosure(net: Net, one: int, other: int) -> None:
    low, high = (F(1, 2) + F(end, 2) for end in sorted((one, other)))
    half_length = 6
    found = supremum(net, Domain(half_length, fmpq(int(2 * low), 2), fmpq(int(2 * high), 2)))
    assert F(0) <= found.low <= found.high <= found.low + F(1, 10**12)
    assert low <= found.radius <= high
    radii = [low + (high - low) * F(t, 16) for t in range(17)]
    for r in radii:
        assert dyadic(error_ball(net, r, half_length).abs_lower()) <= found.high
    assert dyadic(error_ball(net, found.radius, half_length).abs_upper()) >= found.low


POLYNOMIAL = tuple(
    name
    for name in ACTIVATIONS
    if (sigma := exact_activation(name)) is not None and sigma.continuous
)


@given(nets(POLYNOMIAL), st.sampled_from(PADDINGS))
def test_it_holds_the_exact_supremum(net: Net, padding: str) -> None:
    domain = Domain(5, fmpq(1, 2), fmpq(11, 2), padding)
    found = supremum(net, domain)
    exact = summary(exact_net(net.sigma, net.w, net.b, net.a, net.c), domain).worst
    low, high = (F(int(end.p), int(end.q)) for end in (exact.low, exact.high))
    assert found.low <= high and low <= found.high


def test_when_the_intervals_run_out_the_enclosure_is_only_wider() -> None:
    net = Net("tanh", ((1.0, -2.0, 0.5),), (0.25,), (1.0,), 0.0)
    domain = Domain(8, fmpq(1, 2), fmpq(13, 2))
    short, long = supremum(net, domain, most=20), supremum(net, domain)
    assert short.low <= long.low and long.high <= short.high
    assert short.high - short.low > F(1, 10**12)


def test_the_precision_of_the_caller_is_left_alone() -> None:
    before = ctx.prec
    supremum(Net("tanh", ((1.0,),), (0.0,), (1.0,), 0.0), Domain(3, fmpq(1, 2), fmpq(5, 2)))
    assert ctx.prec == before


def test_what_cannot_be_enclosed_is_refused() -> None:
    domain = Domain(3, fmpq(1, 2), fmpq(5, 2))
    with pytest.raises(ValueError, match="jumps"):
        supremum(Net("hardshrink", ((1.0,),), (0.0,), (1.0,), 0.0), domain)
    with pytest.raises(ValueError, match="readout bias"):
        supremum(Net("tanh", ((1.0,),), (0.0,), (1.0,)), domain)
