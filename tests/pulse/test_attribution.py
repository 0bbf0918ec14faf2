"""The parts of the loss over every real radius: they add up, and each is what it says."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from flint import fmpq
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.pulse.attribution import NAMES, attribute
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import error_on, exact_net, largest, summary
from tests.paddings import domain_of
from tests.pulse.test_exact_error import THREE, networks
from tests.stored import answered, as_net, cases, fraction, straight
from tests.strategies import few


def _q(x: Fraction) -> fmpq:
    return fmpq(x.numerator, x.denominator)


@few
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
    domain = domain_of(half_length, _q(low), _q(high), padding)
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
    domain = domain_of(4 * h + 5, fmpq(2 * h + 1, 2), fmpq(2 * h + 5, 2), padding)
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
    relu = exact_net("relu", [[1]], [0], [1], 0)
    with pytest.raises(ValueError, match="one radius"):
        attribute(relu, Domain(3, fmpq(1), fmpq(1)))


@few
@given(cases(("hardshrink", "threshold", "relu")))
def test_the_loss_and_the_deviation_of_a_jumping_activation(case: Any) -> None:
    """Against straight lines between the jumps, from the definitions, on Fractions.

    Cause: quadrature of 16 points per cell, and the largest |D| at its nodes, for whatever jumps
        (hardshrink printed a
    loss of 0.0716 for 0.0572).  Siblings: |D| at 64 places where D is curved; α and β from rounded
    arguments.
    """
    name, net, domain = case
    found = attribute(as_net(net, name), domain)
    total = sum((q - p) * (e * e + e * f + f * f) / 3 for p, q, e, f in straight(net, name, domain))
    assert fraction(found.loss) == total / fraction(domain.high - domain.low)
    # On a whole plateau cell e = α r + β + D, and D is 0 at both of its ends.
    m = len(net.w[0]) // 2 + 1
    cell = Domain(3 * m, m - fmpq(1, 2), m + fmpq(1, 2))
    alone = replace(net, share=1)
    low, high = (Fraction(2 * m + s, 2) for s in (-1, 1))
    first, last = (answered(alone, name, cell, r) - r for r in (low, high))
    most = max(
        abs(error - first - (last - first) * (r - low))
        for *ends, e, f in straight(alone, name, cell)
        for r, side in zip(ends, (e, f), strict=True)
        for error in (side, answered(alone, name, cell, r) - r)
    )
    part = attribute(as_net(alone, name), cell).deviation
    assert fraction(largest(part, fmpq(0), fmpq(0), fmpq(1)).high) == most
