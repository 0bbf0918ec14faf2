"""Patterns: what holds in exact numbers is exact by an independent computation, and nothing else
holds.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from flint import fmpq
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.certificates.conditions import holds, violated
from numerics.certificates.patterns import branches_of, snapped_pattern
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import summary
from tests.stored import as_net, cases, from_exact, stored
from tests.strategies import Exact, balanced_exact, few, linear_exact, threshold_exact

F = Fraction
DOMAIN = Domain(6, fmpq(3, 2), fmpq(5))


@given(linear_exact())
def test_exact_networks_of_a_linear_cell_hold(exact: Exact) -> None:
    net, domain = from_exact(exact)
    pattern = snapped_pattern(net, domain, branches_of(exact.name))
    assert pattern is not None and holds(pattern, net)
    assert summary(as_net(net, exact.name), domain).worst.high == 0


@given(threshold_exact())
def test_exact_networks_of_a_threshold_cell_hold(exact: Exact) -> None:
    net, domain = from_exact(exact)
    pattern = snapped_pattern(net, domain, branches_of(exact.name))
    assert pattern is not None and holds(pattern, net)
    assert pattern.kinds == ("threshold",)
    assert summary(as_net(net, exact.name), domain).worst.high == 0


@given(balanced_exact())
def test_exact_networks_that_balance_hold(found: tuple[Exact, Any]) -> None:
    net, domain = from_exact(found[0])
    branches = branches_of(found[0].name)
    plain = snapped_pattern(net, domain, branches)
    balanced = snapped_pattern(net, domain, branches, balance="pairs")
    assert any(pattern is not None and holds(pattern, net) for pattern in (plain, balanced))


@given(cases(), st.sampled_from(("", "pairs", "groups")))
@example(("relu", stored([[1, 1, 1]], [0], [F(1, 6)], 0), DOMAIN), "")
@example(("relu", stored([[1, 1, 1]], [0], [F(1, 6)], F(1, 8)), DOMAIN), "")
def test_what_holds_is_exact(case: Any, balance: bool) -> None:
    """Both ways: a pattern that holds has no error, and where its own pattern fails by an equation
    there is some.
    """
    name, net, domain = case
    pattern = snapped_pattern(net, domain, branches_of(name), balance=balance)
    if pattern is None:
        return
    worst = summary(as_net(net, name), domain).worst.high
    if holds(pattern, net):
        assert worst == 0
    elif not pattern.bends and not violated(pattern, net):
        assert worst > 0


@few
@given(cases(), st.data())
def test_the_conditions_are_the_error(case: Any, data: Any) -> None:
    """In the network's own pattern the residuals at the ends of the cells are the errors there."""
    name, net, domain = case
    pattern = snapped_pattern(net, domain, branches_of(name))
    if pattern is None or pattern.bends:
        return
    k = data.draw(st.integers(0, len(pattern.errors) - 1))
    condition = pattern.errors[k]
    here = replace(domain, low=condition.value, high=condition.value)
    found = summary(as_net(net, name), here)
    assert condition.residual(net) == found.mean
