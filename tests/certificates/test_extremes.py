"""Where the error can be largest: against the exact summary, on any cell."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from flint import fmpq
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import error_on, exact_net, summary
from tests.strategies import few, filters, widths
from theory.certificates.extremes import LAW
from verify.certificates.claims.extremes import _places

F = Fraction
taps = widths(5).flatmap(filters)


@given(
    taps,
    st.fractions(-2, 2, max_denominator=8),
    st.integers(1, 5),
    st.sampled_from(("relu", "leaky_relu", "abs", "hardtanh")),
)
@example([Fraction(1), Fraction(-1), Fraction(2)], Fraction(-1, 2), 1, "relu")
def test_the_worst_radius_is_one_of_the_places(
    w: Sequence[Fraction], b: Fraction, m: int, name: str
) -> None:
    """The exact summary, which does not know the law, finds nothing worse and nothing better."""
    half_length = m + len(w)
    net = exact_net(name, [w], [b], [Fraction(1)], Fraction(1, 3))
    low = fmpq(2 * m - 1, 2)
    domain = Domain(half_length, low, low + 1)
    error = error_on(net, m, domain)
    values = [abs(error(fmpq(x.numerator, x.denominator))) for x in _places(LAW, name, [w], [b], m)]
    assert max(values) == summary(net, domain).worst.high


eighths = st.fractions(-2, 2, max_denominator=8)
nets = st.sampled_from((1, 3, 5)).flatmap(
    lambda n: st.lists(
        st.tuples(st.lists(eighths, min_size=n, max_size=n), eighths, eighths),
        min_size=1,
        max_size=3,
    )
)


@few
@given(
    nets,
    st.lists(st.fractions(F(1, 2), 5, max_denominator=12), min_size=2, max_size=2, unique=True),
    st.sampled_from(("relu", "leaky_relu", "abs", "hardtanh", "softshrink")),
)
def test_over_an_interval_its_ends_count_too(
    net: list[tuple[list[F], F, F]], ends: list[F], name: str
) -> None:
    """Several channels, several cells, and ends at any rational radius: the places inside, and the
    two ends.
    """
    w, b, a = ([channel[part] for channel in net] for part in range(3))
    low, high = sorted(ends)
    exact, half_length = exact_net(name, w, b, a, F(1, 3)), 6 + len(w[0])
    domain = Domain(half_length, *(fmpq(r.numerator, r.denominator) for r in (low, high)))
    values = []
    for m in range(1, 7):
        start = m - F(1, 2)
        if not (start < high and low < start + 1):
            continue
        error = error_on(exact, m, domain)
        inside = [x for x in _places(LAW, name, w, b, m) if low <= start + x <= high]
        inside += [r - start for r in (low, high) if 0 <= r - start <= 1]
        values += [abs(error(fmpq(x.numerator, x.denominator))) for x in inside]
    assert max(values) == summary(exact, domain).worst.high
