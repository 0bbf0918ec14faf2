"""The paddings and the cases of one channel, against numpy's; slopes and kinks of each σ."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import numpy as np
import pytest

from numerics.arithmetic import oracle
from verify.counterexamples.search import text
from verify.counterexamples.signals import BORDERS, KINKS, SIGMAS, SLOPES, Filter, Several, channels

X = [3, 1, 4, 1, 5, 9, 2]
W = [2, 7, 1, 8, 2]


@pytest.mark.parametrize(
    ("name", "mode"),
    [("replicate", "edge"), ("reflect", "reflect"), ("a ring", "wrap"), ("zeros", "constant")],
)
def test_paddings_are_those_of_numpy(
    name: str, mode: Literal["edge", "reflect", "wrap", "constant"]
) -> None:
    padded = np.pad(X, 2, mode=mode)
    assert BORDERS[name](W, 1, X) == (np.correlate(padded, W, "valid") + 1).tolist()


def test_without_padding_the_filter_lies_inside() -> None:
    assert BORDERS["none"](W, 0, X) == np.correlate(X, W, "valid").tolist()


def test_a_filter_knows_its_cell() -> None:
    case = Filter(N=7, w=(1, 0, 2), b=-1, sigma="relu", r=Fraction(7, 4))
    assert (case.h, case.m, case.phi) == (1, 2, Fraction(1, 4))
    assert case.g(3) == 2
    assert oracle.overlap_pulse(case.r, 3)[1] == case.phi
    assert text(case) == "N = 7, w = (1, 0, 2), b = -1, σ = relu, r = 7/4"
    assert (case.plateau, case.clear) == (True, True)
    assert (case.but(r=Fraction(5, 4)).plateau, case.but(r=Fraction(11, 4)).clear) == (False, False)
    assert case.lifted == case.pooled - 7 * case.g(0)


def test_several_radii_are_on_the_plateau_if_all_are() -> None:
    case = Several(N=7, w=(1, 0, 2), sigma="relu", radii=(Fraction(3, 2), Fraction(5, 2)))
    assert (case.plateau, case.clear) == (True, True)
    assert case.pooled == [3 * 2 * r for r in case.radii]
    assert not case.but(radii=(Fraction(1), Fraction(5, 2))).plateau
    assert not case.but(radii=(Fraction(3, 2), Fraction(3))).clear


@pytest.mark.parametrize("sigma", SLOPES)
def test_slopes_are_those_of_the_function(sigma: str) -> None:
    step = Fraction(1, 10**9)
    for z in (Fraction(-7, 3), Fraction(-1, 5), Fraction(1, 7), Fraction(9, 4)):
        rise = (SIGMAS[sigma](z + step) - SIGMAS[sigma](z)) / step
        assert abs(rise - SLOPES[sigma](z)) < 10 * step


@pytest.mark.parametrize("sigma", KINKS)
def test_slopes_jump_at_the_kinks(sigma: str) -> None:
    step = Fraction(1, 10**9)
    for t, jump in KINKS[sigma]:
        right = SIGMAS[sigma](t + 2 * step) - SIGMAS[sigma](t + step)
        left = SIGMAS[sigma](t - step) - SIGMAS[sigma](t - 2 * step)
        assert (right - left) / step == jump


def test_channels_come_by_size_then_by_their_sum() -> None:
    cases = list(channels(((3, 1), (5, 3)), {1: 1, 3: 0}))
    assert [(c.N, c.w, c.b) for c in cases] == [
        (3, (0,), 0),
        (3, (-1,), 0),
        (3, (0,), -1),
        (3, (0,), 1),
        (3, (1,), 0),
        (5, (0, 0, 0), 0),
    ]
