"""Idle, mirrored and copied channels: what is left of a network answers the same."""

from __future__ import annotations

from fractions import Fraction
from math import inf, log2, sqrt

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from numerics.arithmetic.numbers import fraction
from numerics.certificates.reduction import apart, reduced
from numerics.pulse.domain import Domain
from tests.stored import PIECEWISE, answered, cases, count, moved, stored
from theory.pulse.network import Network
from verify.models.setup import setup_of

TOLD = {"activation": "relu", "length": "13"}


def test_a_smooth_response_is_known_to_be_constant_only_where_it_is_0() -> None:
    """Idle: taps, bias and σ(0) all 0, or an odd filter under an odd σ without a bias; of all else
    nothing is known.
    """
    odd, even = ([0.5, 0.0, -0.5], [0.5, 0.0, 0.5])
    for name, w, b, idle in (
        ("tanh", [0.0] * 3, 0.0, True),
        ("silu", [0.0] * 3, 0.0, True),
        ("sigmoid", [0.0] * 3, 0.0, False),
        ("tanh", [0.0] * 3, 0.5, False),
        ("tanh", odd, 0.0, True),
        ("tanh", odd, 0.5, False),
        ("tanh", even, 0.0, False),
        ("silu", odd, 0.0, False),
        ("erf", odd, 0.0, True),
    ):
        net = stored([w, [1, 2, 3]], [b, 0], [1, 1], 0)
        domain = setup_of({**TOLD, "activation": name}, 3).domain
        assert (reduced(net, name, domain).place[0] is None) is idle, (name, w, b)


def test_origins_make_the_reduced_channels() -> None:
    """Order, reversal, scale and sign: from the given channels by what is said of them."""
    net = stored([[1, 2, 4], [0, 0, 0], [4, 2, 1], [-3, 1, 5]], [1, 0, 1, -2], [2, 1, 3, -4], 0)
    for name in ("relu", "softplus", "abs", "cube"):
        reduction = reduced(net, name, setup_of({**TOLD, "activation": name}, 3).domain)
        origins = reduction.origins(net)
        kept = [k for k, place in enumerate(reduction.place) if place is not None]
        assert sorted(origin.channel for each in origins for origin in each) == kept
        for channel, each in zip(reduction.channels, origins, strict=True):
            for origin in each:
                w = net.w[origin.channel][:: -1 if origin.turned else 1]
                assert tuple(origin.factor * x for x in w) == channel.w
                assert origin.factor * net.biases[origin.channel] == channel.b


HOMOGENEOUS = {"identity": 1, "relu": 1, "leaky_relu": 1, "abs": 1, "square": 2}
"""d, where σ(tz) = t^d σ(z) for t > 0."""


@given(cases((*PIECEWISE, "square")), st.data())
def test_what_is_left_answers_the_same(
    case: tuple[str, Network[fmpq], Domain], data: st.DataObject
) -> None:
    """With the scale at which both sides of a channel weigh about the same, and channels in the
    given shape again.
    """
    name, net, domain = case
    least = reduced(net, name, domain)
    radii = [fraction(domain.low), fraction(domain.high), fraction(domain.low + domain.high) / 2]
    for r in radii:
        assert answered(least.net, name, domain, r) == answered(net, name, domain, r)
        back = least.restored(net, least.net)
        assert answered(back, name, domain, r) == answered(net, name, domain, r)
    assert len(least.net.a) == max(len(least.channels), 1) <= max(net.channels, 1)
    assert sorted({j for j in least.place if j is not None}) == list(range(len(least.channels)))
    if degree := HOMOGENEOUS.get(name, 0):
        for k, a in enumerate(least.net.a if least.channels else ()):
            square = sum(x * x for x in least.net.vector(k))
            ratio = Fraction(fraction(degree * a * a / square))
            assert abs(log2(ratio)) <= degree + 1 + 1e-9


@pytest.mark.parametrize(("name", "degree"), [("relu", 1), ("abs", 1), ("square", 2)])
def test_copies_of_a_channel_are_one(name: str, degree: int) -> None:
    """At any scale, and mirrored: a σ(tz) + a' σ(z) = (a t^d + a') σ(z)."""
    domain, w = Domain(6, fmpq(3, 2), fmpq(4)), (1, 2, 4)
    scales = (3, Fraction(1, 5))
    rows = [w, *(tuple(t * x for x in w) for t in scales), w[::-1]]
    biases, readout = [1, *scales, 1], [1, 2, 5, 3]
    net = stored(rows, biases, readout, 0)
    least = reduced(net, name, domain)
    assert least.place == (0, 0, 0, 0) and len(least.channels) == 1
    total = 1 + 2 * Fraction(3) ** degree + 5 * Fraction(1, 5) ** degree + 3
    [a], [taps] = least.net.a, least.net.w
    scale = fraction(max(taps)) / 4
    assert sorted(map(fraction, taps)) == [scale * x for x in w]
    assert fraction(a) * scale**degree == total


def test_how_far_apart_is_counted_in_shares_of_the_length() -> None:
    """By hand: |w| = 5, |a| = 2, so that Σ 2 |a| |w| = 20."""
    net = stored([[3, 4, 0]], [0], [2], 1)
    moves = {(0, 0, 1, 0, 0, 0): 2 / 5, (0, 0, 0, 2, 0, 0): 8 / 5, (0, 0, 0, 0, 1, 0): 5 / 2}
    for by, square in ({**moves, (0, 0, 0, 0, 0, 3): 9.0, (0,) * 6: 0.0}).items():
        assert apart(net, moved(net, [fmpq(x) for x in by])) == pytest.approx(sqrt(square / 20))
    both = moved(net, [fmpq(x) for x in (0, 0, 1, 0, 1, 3)])
    assert apart(net, both) == pytest.approx(sqrt((2 / 5 + 5 / 2 + 9) / 20))


def test_a_channel_that_idles_has_no_length_and_units_do_not_matter() -> None:
    idle = stored([[3, 4, 0], [1, 1, 1], [0, 0, 0]], [12, 0, 0], [2, 0, 5], 1, 8)
    near = moved(idle, [fmpq(k, 100) for k in range(count(idle))])
    tall = stored([[27, 36, 0], [1, 1, 1], [0, 0, 0]], [108, 0, 0], [Fraction(2, 9), 0, 5], 1, 8)
    w, b, a = near.w, near.b, near.a
    assert b is not None
    other = stored(
        [[9 * fraction(x) for x in w[0]], *([fraction(x) for x in row] for row in w[1:])],
        [9 * fraction(b[0]), *map(fraction, b[1:])],
        [fraction(a[0]) / 9, *map(fraction, a[1:])],
        fraction(near.offset),
        8,
    )
    assert apart(idle, near) == pytest.approx(apart(tall, other)) != 0
    alone = stored([[3, 4, 0]], [12], [2], 1, 8)
    first = stored(
        [map(fraction, w[0])], [fraction(b[0])], [fraction(a[0])], fraction(near.offset), 8
    )
    assert apart(idle, near) == pytest.approx(apart(alone, first))
    nothing = stored([[0, 0, 0], [1, 2, 3]], [0, 0], [1, 0], 1)
    assert apart(nothing, nothing) == inf
