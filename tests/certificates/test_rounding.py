"""Sums in every order: each tree of additions comes once."""

from __future__ import annotations

from fractions import Fraction

from theory.certificates.rounding import Computed, in_every_order, in_order
from theory.certificates.running import gamma


def test_every_tree_once() -> None:
    """(2k-3)!! trees; of equal terms the row is the worst."""
    unit = Fraction(1, 32)
    for k, count in ((1, 1), (2, 1), (3, 3), (4, 15), (5, 105)):
        terms = [Computed(Fraction(1), Fraction(0))] * k
        found = [one.error for one in in_every_order(terms, unit)]
        assert len(found) == count
        assert max(found) == in_order(terms, unit).error
        assert max(found) <= gamma(max(k - 1, 0), unit) * k
