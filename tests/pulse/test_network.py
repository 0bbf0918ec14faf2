"""The symbols of a network, and how far its laws reach."""

from __future__ import annotations

import pickle
from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from theory.pulse.network import Network, assembled, last_radius, readout_bias, taps


@pytest.mark.parametrize("n", [0, -1, 2])
def test_filters_have_odd_widths(n: int) -> None:
    with pytest.raises(ValueError, match="odd number of taps"):
        taps(n)


HALF = Fraction(1, 2)


@given(st.integers(0, 3), st.data())
def test_no_window_meets_both_grey_pixels_up_to_the_last_radius(h: int, data) -> None:
    """The windows themselves: on a ring none holds both, with zeros beyond every tap finds the grey
    pixel.
    """
    length = data.draw(st.integers(h + 1, h + 6))
    m, size = data.draw(st.integers(h + 1, length)), 2 * length + 1
    inside = m + HALF <= last_radius(2 * h + 1, Fraction(size))
    windows = [{(i + u) % size for u in range(-h, h + 1)} for i in range(size)]
    assert any({m, size - m} <= window for window in windows) == (not inside)
    assert (size - 2 * m > 2 * h) == inside == (m + h <= length)
    assert all(abs(m - u) <= length for u in range(-h, h + 1)) == inside


ONE, TWO = Fraction(1), Fraction(2)
NET = Network(((ONE, TWO, ONE), (TWO, ONE, ONE)), (ONE, TWO), (ONE / 3, TWO), ONE / 7, 5, "relu")
BARE = replace(NET, b=None, c=None)
"""Without biases."""


def test_what_is_not_stored_is_0_and_stays_away() -> None:
    assert BARE.biases == (0, 0) and BARE.offset == 0
    assert BARE.vectors == [(1, 2, 1, 0), (2, 1, 1, 0)]
    assert BARE.changed(a=NET.b, b=NET.b, c=ONE) == replace(BARE, a=NET.b)
    assert BARE.with_flat([TWO] * 9) == replace(BARE, w=((TWO,) * 3,) * 2)
    floats = BARE.mapped(float)
    assert (floats.b, floats.c, floats.a) == (None, None, (1 / 3, 2.0))


def test_the_flat_weights_are_all_but_the_readout() -> None:
    assert NET.flat == [1, 2, 1, 1, 2, 1, 1, 2, ONE / 7]
    assert NET.with_flat(NET.flat) == NET
    moved = NET.with_flat([x + 1 for x in NET.flat], a=(TWO, ONE))
    assert (moved.vector(1), moved.a, moved.offset) == ((3, 2, 2, 3), (2, 1), ONE / 7 + 1)


def test_the_share_divides_the_readout() -> None:
    assert NET.readout == (ONE / 15, TWO / 5)
    assert NET.listed == (((1, 2, 1), 1, ONE / 15), ((2, 1, 1), 2, TWO / 5))
    assert (NET.channels, NET.taps, NET.open) == (2, 3, False)


def test_an_offset_left_open_stays_so() -> None:
    net = assembled([((ONE,), TWO, ONE), ((TWO,), ONE, ONE)])
    assert net.open and net.offset == readout_bias and net.mapped(float).open
    assert replace(net, c=ONE) == Network(((ONE,), (TWO,)), (TWO, ONE), (ONE, ONE), ONE)


def test_equal_networks_are_one_key_in_every_process() -> None:
    symbolic = NET.mapped(lambda x: sp.Rational(x.numerator, x.denominator) * sp.Symbol("s"))
    for net in (NET, symbolic):
        assert hash(net) == hash(replace(net)) and len({net, replace(net)}) == 1
        assert pickle.loads(pickle.dumps(net)) == net
        assert "_hash" not in net.__getstate__()
