"""Refinement of smooth networks: to nothing beside an exact one, and to no more than that elsewhere."""

from __future__ import annotations

from fractions import Fraction

import pytest

from numerics.pulse.error_enclosure import error_ball, largest_error
from theory.pulse.network import Network
from verify.optimise.refine import GOAL, refine

RADII = [Fraction(3, 2) + Fraction(t, 24) for t in range(24)] + [Fraction(5, 2), Fraction(7, 2)]


def test_beside_an_exact_network_the_error_falls_to_nothing() -> None:
    w, b = (0.3, -0.2, 0.5), 0.25
    a = 1 / (2 * 0.6)
    pair = Network((w, tuple(-x for x in w)), (b, -b), (a, -a), 0.0, sigma="silu")
    c = -float(error_ball(pair, Fraction(3, 2), 5).mid())
    found = refine(Network(pair.w, pair.b, pair.a, c, sigma=pair.sigma), RADII, 5)
    assert found.exact and found.error <= GOAL and found.moved < 1e-12
    fresh = [Fraction(3, 2) + Fraction(t, 17) for t in range(30)]
    assert largest_error(found.net, fresh, 5)[0] < Fraction(1, 10**40)


def test_what_only_approaches_exactness_does_not_pass() -> None:
    size = 2.0**-12
    small = Network(((size, size, size),), (-1.5 * size,), (1 / (6 * size),), 0.0, sigma="tanh")
    c = -float(error_ball(small, Fraction(3, 2), 5).mid())
    found = refine(Network(small.w, small.b, small.a, c, sigma=small.sigma), RADII, 5)
    assert not found.exact and found.error > 1e-20


def test_refine_needs_a_bias() -> None:
    with pytest.raises(ValueError, match="bias"):
        refine(Network(((1, 1, 1),), (0,), (1,), sigma="relu"), RADII, 5)
