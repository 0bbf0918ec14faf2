"""The parts of the loss over every real radius: they add up, and each is what it says."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from flint import fmpq
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.attribution import NAMES, attribute
from numerics.certificate import Domain, error_on, exact_net, summary
from tests.test_certificate import THREE, networks


def _q(x: Fraction) -> fmpq:
    return fmpq(x.numerator, x.denominator)


@given(
    networks(),
    st.lists(st.fractions(0, 1, max_denominator=12), min_size=2, max_size=2, unique=True),
)
@example(("cube", "zeros", 3, THREE, Fraction(0)), [Fraction(0), Fraction(1)])
@example(("relu", "valid", 4, THREE, Fraction(1)), [Fraction(0), Fraction(1)])
def test_the_parts_add_up_to_the_exact_loss(case: Any, ends: list[Fraction]) -> None:
    name, padding, half_length, (w, b, a), c = case
    net = exact_net(name, w, b, a, c)
    if not net.sigma.continuous:
        return
    low, high = (Fraction(1, 2) + end * half_length for end in sorted(ends))
    domain = Domain(half_length, _q(low), _q(high), padding)
    found = attribute(net, domain)
    assert tuple(found.parts) == NAMES
    assert sum(found.parts.values(), fmpq(0)) == found.loss == summary(net, domain).mean_square


@given(networks())
def test_on_plateau_radii_inside_nothing_is_left_over(case: Any) -> None:
    """α and β come from the laws, the error from the path: on plateau radii they agree exactly."""
    name, padding, _, (w, b, a), c = case
    net = exact_net(name, w, b, a, c)
    if not net.sigma.continuous:
        return
    h = len(w[0]) // 2
    domain = Domain(4 * h + 5, fmpq(2 * h + 1, 2), fmpq(2 * h + 5, 2), padding)
    found = attribute(net, domain)
    assert found.parts["small radii"] == 0
    for m in (h + 1, h + 2):
        for phi in (fmpq(0), fmpq(1, 3), fmpq(1)):
            r = m - fmpq(1, 2) + phi
            assert error_on(net, m, domain)(phi) == found.alpha * r + found.beta + found.deviation(
                phi
            )


def test_an_exact_network_has_no_loss() -> None:
    net = exact_net(
        "relu",
        [[Fraction(1, 4), Fraction(1, 2), Fraction(1, 4)]],
        [Fraction(0)],
        [Fraction(1, 2)],
        Fraction(0),
    )
    found = attribute(net, Domain(6, fmpq(1, 2), fmpq(5)))
    assert found.loss == found.alpha == found.beta == 0 and set(found.parts.values()) == {fmpq(0)}


def test_what_has_no_parts() -> None:
    jumps = exact_net("threshold", [[1]], [0], [1], 0)
    with pytest.raises(ValueError, match="jumps"):
        attribute(jumps, Domain(3, fmpq(1, 2), fmpq(2)))
    relu = exact_net("relu", [[1]], [0], [1], 0)
    with pytest.raises(ValueError, match="one radius"):
        attribute(relu, Domain(3, fmpq(1), fmpq(1)))
