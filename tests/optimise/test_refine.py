"""Refinement of smooth networks: to nothing beside an exact one, and to no more than that
elsewhere.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from numerics.pulse.error_enclosure import error_ball, largest_error
from theory.pulse.network import Network
from verify.optimise.refine import EXACT, refine

RADII = [Fraction(3, 2) + Fraction(t, 24) for t in range(24)] + [Fraction(5, 2), Fraction(7, 2)]
OTHERS = [Fraction(3, 2) + Fraction(t, 17) for t in range(30)]


def test_beside_an_exact_network_the_error_falls_to_nothing() -> None:
    w, b = (0.3, -0.2, 0.5), 0.25
    a = 1 / (2 * 0.6)
    pair = Network((w, tuple(-x for x in w)), (b, -b), (a, -a), 0.0, sigma="silu")
    c = -float(error_ball(pair, Fraction(3, 2), 5).mid())
    end = refine(Network(pair.w, pair.b, pair.a, c, sigma=pair.sigma), RADII, OTHERS, 5)
    assert end is not None and end.error <= EXACT and end.moved < 1e-12
    fresh = [Fraction(3, 2) + Fraction(t, 19) for t in range(30)]
    assert largest_error(end.net, fresh, 5)[0] < Fraction(1, 10**50)


def test_what_is_exact_on_the_radii_alone_does_not_pass() -> None:
    """As many radii as weights can be met by any network; the others tell."""
    few = [Fraction(3, 2) + Fraction(t, 4) for t in range(3)]
    net = Network(((0.25, 0.125, 0.25),), (-0.25,), (0.875,), 2.0, sigma="tanh")
    met = refine(net, few, [], 5)
    assert met is not None and met.error <= EXACT
    assert refine(net, few, OTHERS, 5) is None


def test_what_only_approaches_exactness_does_not_pass() -> None:
    size = 2.0**-12
    small = Network(((size, size, size),), (-1.5 * size,), (1 / (6 * size),), 0.0, sigma="tanh")
    c = -float(error_ball(small, Fraction(3, 2), 5).mid())
    assert (
        refine(Network(small.w, small.b, small.a, c, sigma=small.sigma), RADII, OTHERS, 5) is None
    )


def test_refine_needs_a_bias() -> None:
    with pytest.raises(ValueError, match="bias"):
        refine(Network(((1, 1, 1),), (0,), (1,), sigma="relu"), RADII, OTHERS, 5)
