"""Pre-activations between two radii: straight lines that are those of the simulation."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from numerics.pulse.preactivations import edges
from tests.strategies import filters, widths
from theory.certificates.extremes import lines

taps = widths(5).flatmap(filters)


@given(taps, st.integers(1, 6))
def test_the_lines_are_those_of_the_path(w: Sequence[Fraction], m: int) -> None:
    """Two programs for the same windows; beyond the plateau the path counts from m = h + 1."""
    h = len(w) // 2
    rational = tuple(fmpq(x.numerator, x.denominator) for x in w)
    found = sorted(
        (Fraction(int(x.start.p), int(x.start.q)), Fraction(int(x.slope.p), int(x.slope.q)))
        for x in edges(rational, m)
    )
    assert found == sorted(lines(w, min(m, h + 1)))
