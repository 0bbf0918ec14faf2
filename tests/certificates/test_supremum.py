"""The enclosed worst error: against the exact one, and against enclosures from the definition."""

from __future__ import annotations

from fractions import Fraction

import pytest
from flint import ctx, fmpq
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.arithmetic.numbers import dyadic
from numerics.arithmetic.piecewise import exact_activation
from numerics.certificates.supremum import supremum
from numerics.pulse.domain import Domain
from numerics.pulse.error_enclosure import error_ball
from numerics.pulse.exact_error import exact_net, summary
from tests.paddings import domain_of, paddings
from tests.strategies import few
from theory.expressions.activation import ACTIVATIONS
from theory.pulse.network import Network

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
def nets(draw: st.DrawFn, names: tuple[str, ...]) -> Network[float]:
    n, channels = draw(st.sampled_from((1, 3, 5))), draw(st.integers(1, 2))

    def row(size: int) -> tuple[float, ...]:
        return tuple(draw(st.lists(floats, min_size=size, max_size=size)))

    return Network(
        tuple(row(n) for _ in range(channels)),
        row(channels),
        row(channels),
        draw(floats),
        sigma=draw(st.sampled_from(names)),
    )


@few
@given(nets(SMOOTH), st.integers(0, 10), st.integers(0, 10))
@example(Network(((1.0, -2.0, 0.5),), (0.0,), (1.0,), 0.0, sigma="elu"), 0, 10)
def test_no_radius_beats_the_enclosure(net: Network[float], one: int, other: int) -> None:
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


@few
@given(nets(POLYNOMIAL), paddings(5, 5))
def test_it_holds_the_exact_supremum(net: Network[float], padding: str) -> None:
    domain = domain_of(5, fmpq(1, 2), fmpq(11, 2), padding)
    found = supremum(net, domain)
    exact = summary(exact_net(net.sigma, net.w, net.b, net.a, net.c), domain).worst
    low, high = (F(int(end.p), int(end.q)) for end in (exact.low, exact.high))
    assert found.low <= high and low <= found.high


@pytest.mark.parametrize(("name", "c", "end"), [("softplus", -4.0, F(3, 2)), ("gelu", -4.0, F(7))])
def test_an_error_that_grows_towards_an_end_is_largest_there(name: str, c: float, end: F) -> None:
    """Bisection stopped within 10^-12 of the end, at a radius of many digits."""
    w = (0.5, 0.25, 0.75) if name == "gelu" else (0.5, -0.25, 0.75)
    net = Network((w,), (0.5,), (0.5,), c, sigma=name)
    found = supremum(net, Domain(8, fmpq(3, 2), fmpq(7)))
    assert found.radius == end and found.high - found.low < F(1, 10**18)


def test_when_the_intervals_run_out_the_enclosure_is_only_wider() -> None:
    net = Network(((1.0, -2.0, 0.5),), (0.25,), (1.0,), 0.0, sigma="tanh")
    domain = Domain(8, fmpq(1, 2), fmpq(13, 2))
    short, long = supremum(net, domain, most=20), supremum(net, domain)
    assert short.low <= long.low and long.high <= short.high
    assert short.high - short.low > F(1, 10**12)


def test_the_precision_of_the_caller_is_left_alone() -> None:
    before = ctx.prec
    supremum(
        Network(((1.0,),), (0.0,), (1.0,), 0.0, sigma="tanh"), Domain(3, fmpq(1, 2), fmpq(5, 2))
    )
    assert ctx.prec == before


def test_what_cannot_be_enclosed_is_refused() -> None:
    domain = Domain(3, fmpq(1, 2), fmpq(5, 2))
    with pytest.raises(ValueError, match="jumps"):
        supremum(Network(((1.0,),), (0.0,), (1.0,), 0.0, sigma="hardshrink"), domain)
    with pytest.raises(ValueError, match="readout bias"):
        supremum(Network(((1.0,),), (0.0,), (1.0,), sigma="tanh"), domain)


@pytest.mark.parametrize("name", ["softplus", "gelu", "silu", "logsigmoid"])
def test_what_mirror_images_cancel_costs_no_intervals(name: str) -> None:
    """A pair is exact up to the rounding of its weights, though each channel bends by much more:
    seen to 1e-12 at once.
    """
    w = (0.3, 0.7, -0.2)
    pair = Network((w, tuple(-x for x in w)), (0.4, -0.4), (0.625, -0.625), 0.0, sigma=name)
    low, high = fmpq(3, 2), fmpq(11, 2)
    start = supremum(pair, Domain(7, low, low))
    exact = Network(pair.w, pair.b, pair.a, _offset(pair), sigma=name)
    found = supremum(exact, Domain(7, low, high))
    assert start.high > 1e-3
    assert found.high < F(1, 10**12) and found.intervals < 100


def _offset(net: Network[float]) -> F:
    """The readout bias that takes away the error at r = 3/2, to a rounding."""
    return -F(float(error_ball(net, F(3, 2), 7).mid()))


@few
@given(st.sampled_from(SMOOTH), nets(SMOOTH))
@example("elu", Network(((1.0, -2.0, 0.5),), (0.0,), (1.0,), 0.0, sigma="elu"))
def test_taylor_encloses_the_error_on_every_interval(name: str, net: Network[float]) -> None:
    """The worst error of a short stretch, which is one interval at first, against enclosures at
    radii inside.
    """
    net = Network(net.w, net.b, net.a, net.c, sigma=name)
    domain = Domain(6, fmpq(9, 4), fmpq(9, 4) + fmpq(1, 8))
    found = supremum(net, domain, width=F(10), most=1)
    for t in range(9):
        ball = error_ball(net, F(9, 4) + F(t, 64), 6)
        assert dyadic(ball.abs_lower()) <= found.high


@pytest.mark.parametrize(
    "name", ["softplus", "logsigmoid", "silu", "mish", "gelu", "gelu_tanh", "tanh"]
)
@pytest.mark.parametrize("reach", [1e6, -1e12])
def test_steep_and_flat_ends_are_enclosed(name: str, reach: float) -> None:
    """Cause: 1 + exp(u) on a wide ball reached below 0, and a tail e^(-10^12) was turned into a
    fraction of as many digits.
    """
    net = Network(
        ((0.25 * reach, -0.5 * reach, 0.5 * reach),),
        (0.1 * reach,),
        (1 / abs(reach),),
        0.0,
        sigma=name,
    )
    domain = Domain(5, fmpq(3, 2), fmpq(4))
    found = supremum(net, domain, most=600)
    errors = [error_ball(net, Fraction(3, 2) + Fraction(k, 16), 5) for k in range(41)]
    assert max(float(abs(e).lower()) for e in errors) <= float(found.high) * (1 + 1e-15)
    assert found.high - found.low <= found.high / 1000
