"""The staircase: the multiset of pre-activations, for every width, by direct simulation."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import theory.pulse.staircase as theory
from numerics.arithmetic import oracle
from numerics.arithmetic.compile import compile_values, exact_values
from numerics.arithmetic.rounding import preactivation_bound
from tests.strategies import Case, cases, few, filters, floats, widths
from theory.pulse.network import taps
from theory.pulse.signal import phi
from theory.pulse.staircase import (
    CLAIM,
    C,
    S,
    T,
    dark_beyond,
    definitions,
    preactivation_counts,
    to_taps,
)
from verify.pulse.claims.staircase import check
from verify.report.lab import TINY, Lab


def multiset(case: Case) -> Counter[Fraction]:
    counts = preactivation_counts(len(case.w), case.m, case.half_length)
    values = exact_values(list(counts), len(case.w))(case.w, case.phi)
    stated: Counter[Fraction] = Counter()
    for value, count in zip(values, counts.values(), strict=True):
        stated[value + case.b] += count
    return +stated


@few
@given(cases())
def test_law_is_the_direct_multiset(case: Case) -> None:
    x = oracle.overlap_pulse(case.r, case.half_length)
    assert multiset(case) == Counter(oracle.preactivations(case.w, case.b, x))


@few
@given(cases())
def test_a_ring_and_repeated_border_pixels_show_the_same(case: Case) -> None:
    x, h = oracle.overlap_pulse(case.r, case.half_length), len(case.w) // 2
    repeated = oracle.preactivations(case.w, case.b, [x[0]] * h + x + [x[-1]] * h)
    assert multiset(case) == Counter(oracle.ring(case.w, case.b, x))
    assert multiset(case) == Counter(repeated[h : len(repeated) - h])


def test_a_border_that_the_pulse_reaches_is_not_dark() -> None:
    assert dark_beyond(3, 2, phi, 3).holds
    assert not dark_beyond(3, 3, phi, 3).holds


@given(widths(), st.integers(1, 5), st.integers(0, 3))
def test_every_position_is_counted_once(n: int, above: int, spare: int) -> None:
    m = n // 2 + above
    counts = preactivation_counts(n, m, m + n // 2 + spare)
    assert sum(counts.values()) == 2 * (m + n // 2 + spare) + 1
    assert min(counts.values()) >= 0


@given(cases())
def test_the_right_staircase_is_the_left_one_reflected(case: Case) -> None:
    n, h = len(case.w), len(case.w) // 2
    left = exact_values([C(j, n) for j in range(-h - 1, h + 1)], n)(case.w, 0)
    right = exact_values([T(j, n) for j in range(-h, h + 2)], n)(case.w, 0)
    assert right == [sum(case.w) - value for value in left]


@given(st.data(), widths())
def test_symbols_are_sums_of_taps(data: st.DataObject, n: int) -> None:
    h, w = n // 2, taps(n)
    j = data.draw(st.integers(-h, h))
    assert to_taps(C(j, n), n) == sp.Add(*w[: j + h + 1])
    assert to_taps(T(j, n), n) == sp.Add(*w[j + h :])
    assert to_taps(S, n) == sp.Add(*w)
    assert C(-h - 1, n) == T(h + 1, n) == 0
    assert C(h, n) == T(-h, n) == S


@given(widths())
def test_definitions_come_in_order(n: int) -> None:
    known: set[sp.Symbol] = set(taps(n))
    for symbol, value in definitions(n):
        assert value.free_symbols <= known
        known.add(symbol)
        assert to_taps(value, n) == to_taps(symbol, n)


@pytest.mark.parametrize(("j", "n"), [(-3, 3), (2, 3), (1, 1)])
def test_there_are_no_further_partial_sums(j: int, n: int) -> None:
    with pytest.raises(ValueError, match="no partial sum"):
        C(j, n)
    with pytest.raises(ValueError, match="no partial sum"):
        T(-j, n)


@few
@given(st.data(), widths())
def test_float_values_stay_within_the_bound(data: st.DataObject, n: int) -> None:
    w = np.array(data.draw(filters(n, floats())))
    phi = data.draw(st.floats(0, 1, allow_subnormal=False))
    h, m = n // 2, n // 2 + 1
    counts = preactivation_counts(n, m, m + h)
    found = compile_values(list(counts), n)(w, phi)
    x = [*([0.0] * h), phi, *([1.0] * (2 * m - 1)), phi, *([0.0] * h)]
    direct = sorted(oracle.preactivations(w.tolist(), 0.0, x))
    stated = sorted(np.repeat(found, list(counts.values())))
    gap = np.abs(np.array(stated) - np.array(direct))
    assert np.max(gap) <= preactivation_bound(w, np.array(0.0))


@given(st.data())
def test_no_count_may_change(data: st.DataObject) -> None:
    """One position too many or too few, for any value of the staircase, is rejected."""
    changed = list(preactivation_counts(5, 3, 5))
    value = data.draw(st.sampled_from(changed))
    step = data.draw(st.sampled_from([-1, 1]))

    def mutant(n: int, m: int, half_length: int) -> Counter[sp.Expr]:
        counts = preactivation_counts(n, m, half_length)
        if n == 5:
            counts[value] += step
        return counts

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(theory, "PROVED_TAPS", (5,))
        assert CLAIM.prove(preactivation_counts).holds
        assert not CLAIM.prove(mutant).holds


@pytest.mark.thorough
def test_check_accepts_the_law_and_rejects_wrong_ones() -> None:
    lab = Lab(TINY)
    assert check(CLAIM.law, lab).status == "holds"
    for wrong in CLAIM.wrong:
        assert check(wrong.law, lab).status == "fails", wrong.name
