"""Patterns: found near a network, and left where they may be."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from numerics.certificates import patterns
from numerics.certificates.conditions import Branch, holds, violated
from numerics.certificates.patterns import (
    branches_of,
    linear_pattern,
    paired_pattern,
    snapped_pattern,
)
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import summary
from tests.stored import as_net, cases, count, moved, stored

F = Fraction


DOMAIN = Domain(6, fmpq(3, 2), fmpq(5))


def test_branches() -> None:
    one = fmpq(1)
    assert branches_of("relu") == (
        Branch(None, fmpq(0), fmpq(0), fmpq(0)),
        Branch(fmpq(0), None, one, fmpq(0)),
    )
    assert [x.slope for x in branches_of("hardtanh")] == [0, 1, 0]
    assert branches_of("elu") == (Branch(fmpq(0), None, one, fmpq(0)),)
    assert branches_of("tanh") == ()
    low, flat, high = branches_of("hardshrink")  # each stays off the jumps at ±1/2
    assert low.high < -fmpq(1, 2) < flat.low and flat.high < fmpq(1, 2) < high.low
    assert [x.slope for x in (low, flat, high)] == [1, 0, 1]
    assert [x.slope for x in branches_of("abs")] == [-1, 1]


@given(cases(), st.data())
def test_conditions_are_linear_in_each_weight_and_couple_a_readout_with_its_filter(
    case: Any, data: Any
) -> None:
    """Second differences in one weight are 0, and so are mixed ones, but of a_k with (w_k, b_k)."""
    name, net, domain = case
    pattern = snapped_pattern(net, domain, branches_of(name))
    if pattern is None:
        return
    channels, n, size = len(net.a), len(net.w[0]), count(net)
    taps = [k for k in range(channels) for _ in range(n)]
    owner = taps + list(range(channels)) * (1 + (net.b is not None)) + [-1] * (net.c is not None)
    reads = range(size - channels - (net.c is not None), size - (net.c is not None))
    i, j = (data.draw(st.integers(0, size - 1)) for _ in range(2))
    if i != j and owner[i] == owner[j] and (i in reads) != (j in reads):
        return

    def put(*places: int) -> Any:
        by = [fmpq(0)] * size
        for place in places:
            by[place] += 1
        return moved(net, by)

    for x in pattern.conditions:
        one, two, both, none = (x.residual(put(*at)) for at in ((i,), (j,), (i, j), ()))
        assert both - one - two + none == 0


def test_held_windows_stand_on_the_kink() -> None:
    net = stored([[F(-1), F(1, 2), F(3, 4)]], [F(1, 8)], [1], 0)
    pattern = snapped_pattern(net, DOMAIN, branches_of("relu"))
    assert pattern is not None and pattern.held and all(at == 0 for _, _, at in pattern.held)
    assert not holds(pattern, net)


def test_silent_channels_must_have_no_readout() -> None:
    net = stored([[1, 1, 1], [5, -7, 3]], [0, 1], [F(1, 6), F(1, 10**9)], 0)
    pattern = snapped_pattern(net, DOMAIN, branches_of("relu"), silent=frozenset({1}))
    assert pattern is not None and pattern.kinds == ("linear", "silent")
    assert not holds(pattern, net)
    quiet = moved(net, [fmpq(0)] * 9 + [fmpq(-1, 10**9), fmpq(0)])
    assert holds(pattern, quiet) and summary(as_net(quiet, "relu"), DOMAIN).worst.high == 0


@pytest.mark.parametrize("turned", [False, True])
def test_pairs_are_exact_for_a_linear_odd_part(turned: bool) -> None:
    """σ(z) - σ(-z) = z for ReLU, too: there the certificate sees it."""
    w = [F(1, 2), F(-1), F(1, 4)]
    other = [-x for x in (reversed(w) if turned else w)]
    net = stored([w, other], [F(1, 3), F(-1, 3)], [-2, 2], 0)
    pattern = paired_pattern(net, DOMAIN, [(0, 1, turned)], fmpq(1))
    assert pattern.kinds == ("paired", "paired") and not holds(pattern, net)
    error = pattern.errors[0].residual(net)
    put_right = stored([w, other], [F(1, 3), F(-1, 3)], [-2, 2], F(-int(error.p), int(error.q)))
    assert holds(pattern, put_right)
    assert summary(as_net(put_right, "relu"), DOMAIN).worst.high == 0
    broken = stored([w, [-1, 1, 1]], [F(1, 3), F(-1, 3)], [-2, 2], put_right.c and F(0))
    assert not holds(pattern, broken)


def test_a_linear_pattern_may_be_left() -> None:
    net = stored([[1, -2, 3]], [0], [F(1, 4)], 0)
    ramp = branches_of("relu")[1]
    pattern = linear_pattern(net, DOMAIN, [ramp])
    assert all(condition.residual(net) == 0 for condition in pattern.conditions)
    assert violated(pattern, net) and not holds(pattern, net)


def test_what_crosses_a_kink_at_nearly_the_same_place_is_one_group() -> None:
    """Each within 2^-8 of the last, three or more, and bends that nearly add up to 0."""

    def groups(*crossings: tuple[Any, int]) -> list[list[Any]]:
        crossed = [
            patterns._Crossing(
                k, patterns.Window((), (), 1), fmpq(0), fmpq(1), fmpq(star), fmpq(bend)
            )
            for k, (star, bend) in enumerate(crossings)
        ]
        return [sorted(x.k for x in group) for group in patterns._groups(crossed)]

    near, far = fmpq(255, 2**16), fmpq(1, 2**8)
    at = fmpq(1, 3)
    assert groups((at, 2), (at + near, -1), (at + 2 * near, -1)) == [[0, 1, 2]]
    assert groups((at, 2), (at + far, -1), (at + 2 * far, -1)) == []
    assert groups((at, 2), (at + near, -2)) == []
    assert groups((at, 2), (at, -1), (at, -1), (0, 5), (0, -5)) == [[3, 4], [0, 1, 2]]
    assert groups((at, 8), (at, -3), (at, -3)) == [] != groups((at, 8), (at, -3), (at, -4))
