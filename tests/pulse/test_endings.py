"""The endings: levels from signs alone, and a classification that has teeth."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.pulse.least_loss import dead_level, level
from numerics.pulse.sample import Radii, pulse, windows
from theory.pulse.endings import CLAIM, LAW, blind_floor, tilt
from verify.pulse.claims.endings import check
from verify.report.lab import TINY, Lab


@pytest.mark.thorough
@pytest.mark.parametrize("wrong", CLAIM.wrong, ids=lambda wrong: wrong.name)
def test_check_rejects_wrong_laws(wrong) -> None:
    lab = Lab(TINY, 3)
    assert check(LAW, lab).status == "holds"
    assert check(wrong.law, lab).status == "fails"


@given(st.integers(1, 12), st.integers(1, 4), st.data())
def test_no_function_of_the_fraction_is_below_the_blind_floor(cells, fractions, data) -> None:
    """For any answers f(φ): mean (f - r)² >= Var m, with equality iff f = φ + mean m - 1/2 on the
    sample.
    """
    values = st.fractions(-20, 20, max_denominator=60)
    f = data.draw(st.lists(values, min_size=fractions, max_size=fractions))
    phis = [Fraction(t, fractions) for t in range(fractions)]
    floor = blind_floor(Fraction(cells))

    def loss(answers: list[Fraction]) -> Fraction:
        errors = [
            (x - (m - Fraction(1, 2) + p)) ** 2
            for m in range(1, cells + 1)
            for x, p in zip(answers, phis, strict=True)
        ]
        return sum(errors, Fraction(0)) / len(errors)

    middle = Fraction(cells + 1, 2) - Fraction(1, 2)
    assert loss(f) >= floor
    assert (loss(f) == floor) == (f == [p + middle for p in phis])
    assert loss([p + middle for p in phis]) == floor


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9), st.integers(-3, 3))
def test_tilt_is_the_slope_times_window_and_one(window, slope) -> None:
    assert tilt(window, slope) == [slope * x for x in window] + [slope]


@given(st.integers(1, 5), st.sampled_from([1, 2, 4, 8]), st.integers(2, 5))
def test_silent_pattern_has_the_dead_level(first, per_cell, cells) -> None:
    """A ReLU network without any positive pre-activation answers a constant: Var r, exactly."""
    radii = Radii(max(first, 2), cells, per_cell)
    seen = windows(pulse(radii.r, radii.half_length(3)), 3)
    silent = -np.ones((1, len(seen.windows)), dtype=np.int8)
    variance = Fraction(cells**2 - 1, 12) + Fraction(per_cell**2 - 1, 12 * per_cell**2)
    assert level(radii, 3, "relu", silent) == dead_level(radii) == variance


@given(st.sampled_from(("relu", "abs", "leaky_relu")), st.integers(1, 2), st.data())
def test_no_level_is_above_the_dead_one(name: str, channels: int, data: st.DataObject) -> None:
    """The constants are among the answers of every cell and face, blind ones too."""
    radii = Radii(2, 2, 2)
    seen = windows(pulse(radii.r, radii.half_length(3)), 3)
    quarters = st.lists(st.integers(-8, 8), min_size=4, max_size=4)
    v = np.array(data.draw(st.lists(quarters, min_size=channels, max_size=channels)))
    pre = v[:, :3] @ seen.windows.T + v[:, 3:]
    pattern = np.sign(pre).astype(np.int8)
    assert level(radii, 3, name, pattern) <= dead_level(radii)
    turned = level(
        radii, 3, name, pattern[::-1]
    )  # neither the order nor anything else of the weights counts
    assert turned == level(radii, 3, name, pattern)
