"""Roles: a weight moved to its derived value fulfils its law; a free or dead one may go anywhere in
its interval.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flint import fmpq
from hypothesis import assume, example, given
from hypothesis import strategies as st

from numerics.certificates.conditions import Stored, holds
from numerics.certificates.patterns import branches_of, paired_pattern, snapped_pattern
from numerics.certificates.roles import ROLES, Role, roles
from numerics.pulse.attribution import attribute
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import summary
from numerics.pulse.preactivations import last_plateau_radius
from tests.stored import as_net, cases, count, from_exact, moved, stored
from tests.strategies import Exact, few, linear_exact, threshold_exact

F = Fraction
NAMES = ("identity", "relu", "leaky_relu", "abs", "hardtanh")
DOMAIN = Domain(6, fmpq(3, 2), fmpq(5))


def _roles(net: Stored, name: str, domain: Domain) -> tuple[Any, list[Role]]:
    pattern = snapped_pattern(net, domain, branches_of(name))
    if pattern is None:
        return None, []
    found = attribute(as_net(net, name), domain)
    return pattern, roles(net, pattern, (found.alpha, found.beta))


def _with(net: Stored, place: int, value: fmpq, old: fmpq) -> Stored:
    step = [fmpq(0)] * count(net)
    step[place] = value - old
    return moved(net, step)


@st.composite
def plateau_cases(draw: st.DrawFn) -> tuple[str, Stored, Domain]:
    name, net, domain = draw(cases(NAMES))
    n, half = len(net.w[0]), domain.half_length
    assume(half > n // 2 + n)
    domain = Domain(half, fmpq(n, 2), fmpq(n + 2, 2), domain.padding, domain.pixels)
    assume(domain.high <= last_plateau_radius(n, domain))
    return name, net, domain


@few
@given(plateau_cases(), st.data())
@example(("relu", stored([[1, 1, 1]], [1], [F(1, 4)], 0), DOMAIN), None)
def test_a_derived_value_fulfils_its_law(case: Any, data: Any) -> None:
    name, net, domain = case
    pattern, found = _roles(net, name, domain)
    assume(pattern is not None)
    assert len(found) == count(net) and all(
        one.role in ROLES or one.role.startswith("mirrors") for one in found
    )
    place = data.draw(st.integers(0, len(found) - 1)) if data is not None else 0
    one = found[place]
    if one.derived is None:
        return
    put = _with(net, place, one.derived, one.value)
    if one.role == "puts a partial sum on the kink":
        k, u = _entry(one, net)
        assert any(x.residual(put) == 0 for x in pattern.bends if k in x.plain and x.plain[k][u])
        return
    inside = one.interval is None or all(
        end is None or (one.derived - end) * sign >= 0
        for end, sign in zip(one.interval, (1, -1), strict=True)
    )
    if inside and not pattern.bends:
        laws = attribute(as_net(put, name), domain)
        assert (laws.alpha if one.role == "sets the slope" else laws.beta) == 0


def _entry(one: Role, net: Stored) -> tuple[int, int]:
    if one.name == "conv.weight":
        return one.index[0], one.index[2]
    return one.index[0], len(net.w[0])


@few
@given(cases(NAMES), st.data(), st.fractions(0, 1, max_denominator=8))
@example(("relu", stored([[-1, -1, -1]], [-1], [1], 0), DOMAIN), None, F(1, 2))
def test_free_and_dead_weights_change_nothing(case: Any, data: Any, share: Fraction) -> None:
    name, net, domain = case
    pattern, found = _roles(net, name, domain)
    assume(pattern is not None)
    before = summary(as_net(net, name), domain)
    free = [j for j, one in enumerate(found) if one.role in ("dead", "free")]
    for place in free:
        one = found[place]
        if one.interval is None or pattern.bends:
            continue
        low, high = one.interval
        low = low if low is not None else (high if high is not None else one.value) - 9
        high = high if high is not None else low + 9
        value = low + (high - low) * fmpq(share.numerator, share.denominator)
        after = summary(as_net(_with(net, place, value, one.value), name), domain)
        assert (after.mean, after.mean_square) == (before.mean, before.mean_square)


@few
@given(st.one_of(linear_exact(), threshold_exact()))
def test_an_exact_network_has_no_residuals(exact: Exact) -> None:
    net, domain = from_exact(exact)
    pattern, found = _roles(net, exact.name, domain)
    assert pattern is not None and holds(pattern, net)
    assert all(one.derived is None or one.derived == one.value for one in found)
    inside = [one for one in found if one.interval is not None]
    for one in inside:
        assert one.interval is not None
        low, high = one.interval
        assert (low is None or low <= one.value) and (high is None or one.value <= high)


def test_by_name() -> None:
    """One channel that counts, one that is dead, one that is silent."""
    net = stored(
        [[1, 1, 1], [-1, -1, -1], [5, -7, 3]], [1, -1, 1], [F(1, 6), 1, F(1, 10**6)], F(-13, 6)
    )
    pattern = snapped_pattern(net, DOMAIN, branches_of("relu"), silent=frozenset({2}))
    assert pattern is not None
    told = {(one.name, *one.index): one.role for one in roles(net, pattern, (fmpq(0), fmpq(0)))}
    assert [told["conv.weight", 0, 0, u] for u in range(3)] == ["sets the slope"] * 3
    assert [told["conv.weight", 1, 0, u] for u in range(3)] == ["dead"] * 3
    assert [told["conv.weight", 2, 0, u] for u in range(3)] == ["free"] * 3
    assert [told["conv.bias", k] for k in range(3)] == ["moves the offset", "dead", "free"]
    assert [told["readout.weight", 0, k] for k in range(3)] == [
        "sets the slope",
        "dead",
        "silences its channel",
    ]
    assert told["readout.bias", 0] == "moves the offset"


def test_mirror_images() -> None:
    net = stored([[1, 2, 3], [-3, -2, -1]], [1, -1], [1, -1], 0)
    pattern = paired_pattern(net, DOMAIN, [(0, 1, True)], fmpq(1))
    found = roles(net, pattern, (fmpq(11), fmpq(0)))
    second = [one for one in found if one.role == "mirrors channel 0"]
    assert [one.name for one in second] == ["conv.weight"] * 3 + ["conv.bias", "readout.weight"]
    assert all(one.derived == one.value for one in second)


def test_a_tap_that_only_small_radii_see() -> None:
    """With an interval of the threshold cell, a tap whose windows are mute on the plateau serves
    none of its laws.
    """
    net = stored([[-1, F(1, 2), -1]], [1], [F(-1, 4)], 0)
    domain = Domain(6, fmpq(1, 2), fmpq(5))
    pattern = snapped_pattern(net, domain, branches_of("relu"))
    if pattern is not None and not pattern.bends:
        found = roles(net, pattern, (fmpq(0), fmpq(0)))
        assert any(one.role == "serves other radii" for one in found)
