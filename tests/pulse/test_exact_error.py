"""The error over all real radii: exact, against the slow simulation in rational numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from flint import fmpq
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import Summary, error_on, exact_net, summary
from tests.paddings import domain_of, paddings, windows
from tests.stored import fraction, q
from tests.strategies import few
from theory.pulse.network import Network

F = Fraction
SIGMAS = {name: sigma for name, sigma in oracle.RATIONAL.items() if name != "softsign"}
"""The piecewise polynomials, written a second time: nothing is taken from the catalogue."""


def _simulated(
    sigma: Callable[[Any], Any],
    w: list[list[Fraction]],
    b: list[Fraction],
    a: list[Fraction],
    c: Fraction,
    r: Fraction,
    half_length: int,
    padding: str,
) -> Fraction:
    """r̂(r) - r by the double sum over positions and taps."""
    x = [max(min(r + F(1, 2) - abs(i), F(1)), F(0)) for i in range(-half_length, half_length + 1)]
    total = c - r
    for taps, bias, weight in zip(w, b, a, strict=True):
        for seen in windows(x, padding, len(taps), F(0)):
            z = bias
            for tap, pixel in zip(taps, seen, strict=True):
                z += tap * pixel
            total += weight * sigma(z)
    return total


numbers = st.fractions(-2, 2, max_denominator=8)


@st.composite
def networks(draw: st.DrawFn) -> tuple[str, str, int, list[Any], Any]:
    name = draw(st.sampled_from(sorted(SIGMAS)))
    n, channels = draw(st.sampled_from((1, 3, 5))), draw(st.integers(1, 2))
    half_length = draw(st.integers(n // 2 + 1, 6))
    padding = draw(paddings(half_length, n))

    def lists(size: int) -> st.SearchStrategy[list[Any]]:
        return st.lists(numbers, min_size=size, max_size=size)

    w = draw(st.lists(lists(n), min_size=channels, max_size=channels))
    return (
        name,
        padding,
        half_length,
        [w, draw(lists(channels)), draw(lists(channels))],
        draw(numbers),
    )


def _made(
    case: tuple[str, str, int, list[Any], Any],
) -> tuple[Network[fmpq], Callable[[Fraction], Fraction]]:
    name, padding, half_length, (w, b, a), c = case
    net = exact_net(name, w, b, a, c)
    return net, lambda r: _simulated(SIGMAS[name], w, b, a, c, r, half_length, padding)


THREE = [[[F(1), F(-1), F(2)]], [F(-1, 2)], [F(1)]]


@given(networks(), st.integers(1, 6), st.fractions(0, 1, max_denominator=24))
@example(("hardshrink", "valid", 3, THREE, F(0)), 3, F(1, 4))
@example(("relu", "circular", 2, THREE, F(0)), 2, F(1, 3))
def test_error_is_the_simulated_one(case: Any, m: int, phi: Fraction) -> None:
    net, simulated = _made(case)
    m = min(m, case[2])
    error = error_on(net, m, domain_of(case[2], fmpq(1, 2), fmpq(1, 2), case[1]))
    assert error(q(phi)) == q(simulated(m - F(1, 2) + phi))


@few
@given(networks(), st.lists(st.fractions(0, 1, max_denominator=12), min_size=2, max_size=2))
@example(("cube", "zeros", 3, THREE, F(0)), [F(0), F(1)])
@example(("threshold", "zeros", 3, THREE, F(0)), [F(1, 3), F(1, 3)])
def test_no_radius_is_worse_than_the_worst(case: Any, ends: list[Fraction]) -> None:
    net, simulated = _made(case)
    low, high = (F(1, 2) + end * case[2] for end in sorted(ends))
    worst = summary(net, domain_of(case[2], q(low), q(high), case[1])).worst
    radii = [low + (high - low) * F(t, 60) for t in range(61)]
    assert all(q(abs(simulated(r))) <= worst.high for r in radii)
    where = fraction(worst.radius)
    assert low <= where <= high
    there = abs(simulated(where))
    assert worst.attained or not net.sigma.continuous
    if worst.attained and worst.exact:
        assert q(there) == worst.high
    else:
        # Enclosed, or only approached: one step away.  The slope of these networks (K <= 2, |a|,
        # |w| <= 2, n <= 5) is below 1 + 2·2·20 between jumps, and 0 where a cubic has its extremum;
        # a step is at most 6e-6.
        near = [where + F(s, 10**6) * (high - low) for s in (-1, 1)]
        values = [abs(simulated(r)) for r in near if low <= r <= high] + [there]
        assert min(abs(float(v) - float(fraction(worst.high))) for v in values) <= 1e-3
    assert float(fraction(worst.high - worst.low)) <= 1e-30


@few
@given(
    networks(),
    st.lists(st.fractions(0, 1, max_denominator=12), min_size=2, max_size=2, unique=True),
)
def test_means_are_integrals(case: Any, ends: list[Fraction]) -> None:
    """Between neighbouring cuts the error is a polynomial of degree <= 3, so Boole's rule is exact
    for its square.
    """
    net, simulated = _made(case)
    low, high = (F(1, 2) + end * case[2] for end in sorted(ends))
    domain = domain_of(case[2], q(low), q(high), case[1])
    found = summary(net, domain)
    cuts = {low, high}
    for m in range(1, case[2] + 1):
        for cut in error_on(net, m, domain).cuts:
            r = m - F(1, 2) + fraction(cut)
            cuts |= {r} if low < r < high else set()
    first = second = F(0)
    places = sorted(cuts)
    for start, end in itertools.pairwise(places):
        # A polynomial of degree 3 from four inner points: a jump at a cut does not matter.
        at = [start + (end - start) * F(t, 5) for t in (1, 2, 3, 4)]
        values = [simulated(r) for r in at]
        first += (end - start) * _open_rule(values)
        second += (end - start) * _open_rule_of_square(values)
    assert found.mean == q(first / (high - low))
    assert found.mean_square == q(second / (high - low))


def _coefficients(values: list[Fraction]) -> list[Fraction]:
    """The cubic through (1/5, v0) .. (4/5, v3), by Newton's divided differences, in powers of t."""
    at = [F(t, 5) for t in (1, 2, 3, 4)]
    table = list(values)
    for order in range(1, 4):
        for k in range(3, order - 1, -1):
            table[k] = (table[k] - table[k - 1]) / (at[k] - at[k - order])
    powers = [table[3]]
    for k in (2, 1, 0):
        powers = [F(0), *powers]
        for j in range(len(powers) - 1):
            powers[j] -= at[k] * powers[j + 1]
        powers[0] += table[k]
    return powers


def _open_rule(values: list[Fraction]) -> Fraction:
    return sum((p / (k + 1) for k, p in enumerate(_coefficients(values))), F(0))


def _open_rule_of_square(values: list[Fraction]) -> Fraction:
    p = _coefficients(values)
    return sum((x * y / (j + k + 1) for j, x in enumerate(p) for k, y in enumerate(p)), F(0))


def test_an_exact_network_is_exact_over_all_radii() -> None:
    net = exact_net("relu", [[F(1, 2), F(1, 4), F(1, 4)]], [F(1, 2)], [F(1, 2)], F(-21, 4))
    found = summary(net, Domain(10, fmpq(3, 2), fmpq(19, 2)))
    assert found.worst.high == found.mean == found.mean_square == 0


def test_a_single_radius_is_its_own_mean() -> None:
    net = exact_net("abs", [[1.0, -0.5, 0.25]], [0.125], [0.75], 0.5)
    found = summary(net, Domain(4, fmpq(7, 3), fmpq(7, 3)))
    assert found.breaks == 0
    assert found.mean**2 == found.mean_square == found.worst.high**2


def test_floats_are_taken_as_the_dyadic_numbers_they_are() -> None:
    net = exact_net("relu", [[0.1]], [0.2], [0.3], 0.4)
    assert net.w[0][0] == q(Fraction(0.1)) != fmpq(1, 10)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_weight_that_is_no_number_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="not finite|NaN"):
        exact_net("relu", [[bad]], [0.0], [1.0], 0.0)


def test_domains_that_do_not_exist_are_refused() -> None:
    for low, high in ((fmpq(0), fmpq(1)), (fmpq(2), fmpq(1)), (fmpq(1), fmpq(6))):
        with pytest.raises(ValueError, match="do not lie in"):
            Domain(5, low, high)
    with pytest.raises(ValueError, match="padding is one of"):
        Domain(5, fmpq(1, 2), fmpq(5), "mirror")
    for pixels in (-1, 12):
        with pytest.raises(ValueError, match="can be padded with 0 to 11"):
            Domain(5, fmpq(1, 2), fmpq(5), "circular", pixels)
    with pytest.raises(ValueError, match="can be padded with 0 to 10"):
        Domain(5, fmpq(1, 2), fmpq(5), "reflect", 11)
    with pytest.raises(ValueError, match="do not fit"):
        summary(exact_net("relu", [[1.0] * 5], [0.0], [1.0], 0.0), Domain(1, fmpq(1, 2), fmpq(1)))


def test_the_summary_knows_when_it_is_exact() -> None:
    def of(name: str) -> Summary:
        return summary(
            exact_net(name, [[1.0, -2.0] + [0.5]], [0.3], [0.7], 0.0),
            Domain(5, fmpq(1, 2), fmpq(9, 2)),
        )

    assert of("relu").worst.exact and of("square").worst.exact
    assert of("cube").worst.high - of("cube").worst.low < fmpq(1, 2**200)
