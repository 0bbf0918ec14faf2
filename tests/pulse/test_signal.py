"""The pulse: law, definition, oracle and numpy arrays are one and the same thing."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.arithmetic.rounding import UNIT
from numerics.pulse.sample import pulse as sampled
from tests.formulas import exact
from tests.strategies import unit
from theory.pulse.signal import CLAIM, overlap, pixel, pulse, radius
from verify.pulse.claims.signal import check
from verify.report.lab import TINY, Lab

M = st.integers(1, 24)


def fraction(value: sp.Rational) -> Fraction:
    return Fraction(int(value.p), int(value.q))


@given(M, unit(), st.integers(0, 3))
@example(1, Fraction(0), 0)  # r = 1/2: one pixel exactly, in the smallest signal
@example(1, Fraction(1), 0)
def test_law_is_the_definition(m: int, phi: Fraction, spare: int) -> None:
    direct = oracle.overlap_pulse(m - Fraction(1, 2) + phi, m + spare)
    stated = [fraction(x) for x in pulse(m, exact(phi), m + spare)]
    assert stated == direct
    r = radius(m, exact(phi))
    assert [fraction(overlap(i, r)) for i in range(-m - spare, m + spare + 1)] == direct


@given(M, unit(), st.integers(0, 3))
def test_sum_is_twice_the_radius(m: int, phi: Fraction, spare: int) -> None:
    assert sum(pulse(m, exact(phi), m + spare)) == 2 * radius(m, exact(phi))
    r = m - Fraction(1, 2) + phi
    assert sum(oracle.overlap_pulse(r, m + spare)) == 2 * r


@given(M, st.integers(-30, 30))
def test_cells_meet_at_half_integers(m: int, i: int) -> None:
    assert pixel(i, m, sp.Integer(1)) == pixel(i, m + 1, sp.Integer(0))


@given(M, unit())
def test_pulse_is_the_chord_of_its_neighbours(m: int, phi: Fraction) -> None:
    low, high, between = (
        oracle.overlap_pulse(m - Fraction(1, 2) + t, m + 1) for t in (Fraction(0), Fraction(1), phi)
    )
    chord = [(1 - phi) * x + phi * y for x, y in zip(low, high, strict=True)]
    assert between == chord


@given(M, st.integers(0, 64), st.integers(0, 3))
def test_dyadic_arrays_are_exact(m: int, t: int, spare: int) -> None:
    r = m - Fraction(1, 2) + Fraction(t, 64)
    array = sampled(float(r), m + spare)
    assert [Fraction(x) for x in array] == oracle.overlap_pulse(r, m + spare)


@given(st.floats(0.5, 40.5))
def test_float_arrays_round_twice(r: float) -> None:
    # r + 1/2 and its difference to |i| are rounded once each: at most u(r + 1/2) and u · 1 where
    # the result is not clipped.
    exact = oracle.overlap_pulse(Fraction(r), 41)
    off = [abs(Fraction(x) - y) for x, y in zip(sampled(r, 41), exact, strict=True)]
    assert max(off) <= UNIT * (r + 1.5)


@given(st.lists(st.floats(0.5, 9.5), max_size=5))
def test_arrays_are_vectorised(radii: list[float]) -> None:
    together = sampled(np.array(radii), 9)
    assert together.shape == (len(radii), 19)
    for r, row in zip(radii, together, strict=True):
        assert np.array_equal(row, sampled(r, 9))


@pytest.mark.parametrize("m", [0, -1, 4])
def test_pulse_must_stay_in_the_signal(m: int) -> None:
    with pytest.raises(ValueError, match="m must lie in"):
        pulse(m, sp.Integer(0), 3)


@pytest.mark.parametrize("r", [0.25, 4.0])
def test_array_must_stay_in_the_signal(r: float) -> None:
    with pytest.raises(ValueError, match="radii must lie in"):
        sampled(r, 3)


@pytest.mark.parametrize("wrong", CLAIM.wrong, ids=lambda wrong: wrong.name)
def test_check_rejects_the_wrong_pulse(wrong: object) -> None:
    assert check(wrong.law, Lab(TINY)).status == "fails"


def test_check_accepts_the_pulse() -> None:
    assert check(CLAIM.law, Lab(TINY)).status == "holds"


@pytest.mark.parametrize("change", ["sign", "half", "shift"])
@pytest.mark.parametrize("i", [-2, 0, 1])
def test_no_pixel_may_change(i: int, change: str) -> None:
    """The proof rejects the law as soon as one pixel of one cell is changed."""

    def mutant(j: int, m: int, phi: sp.Expr) -> sp.Expr:
        right = pixel(j, m, phi)
        if (j, m) != (i, 2):
            return right
        return {"sign": -right, "half": right / 2, "shift": right + 1}[change]

    assert not CLAIM.prove(mutant).holds
