"""Disks: the closed form against subdivision and limits, floats against the law, symmetries, order,
and the networks.
"""

from __future__ import annotations

from fractions import Fraction
from math import pi

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, example, given
from hypothesis import strategies as st

from numerics.arithmetic.rounding import UNIT, gamma
from numerics.disk.disk import arcs, disk, disk_bound, pixels
from theory.disk.disk import RADII, arc, corner, least, limit, pixel
from verify.disk.claims import disk as evidence
from verify.disk.networks import disks, drawn, loss
from verify.report.lab import TINY, Lab

radii = st.floats(2.0**-6, 24)
places = st.integers(-25, 25)


def _exact(i: int, j: int, r: float) -> mpmath.mpf:
    """The law in the precision at hand; floats are exact there."""
    return pixel(mpmath.mpf(i), mpmath.mpf(j), mpmath.mpf(r), mpmath)


def test_every_way_of_meeting_a_pixel_is_proved_and_checked() -> None:
    proved, checked = (
        {
            evidence.kind(i, j, Fraction(str(r)))
            for r in some
            for i in range(-1, 6)
            for j in range(-1, 6)
        }
        for some in (RADII, evidence.FIXED)
    )
    assert len(proved) == len(checked) == evidence.KINDS
    assert proved == checked


@given(radii, places, places)
@example(0.5, 0, 0)
@example(float(np.nextafter(0.5, 1)), 1, 0)
@example(float(np.sqrt(0.5)), 0, 0)
@example(float(np.nextafter(np.sqrt(0.5), 0)), 0, 1)
@example(1.5, 1, 1)
@example(float(np.sqrt(2.5)), 1, 1)
@example(float(np.nextafter(np.sqrt(2.5), 4)), 2, 0)
@example(9.5 + 1 / 128, 10, 0)
def test_floats_stay_within_their_bound(r: float, i: int, j: int) -> None:
    x = disk([r], 25)[0]
    with mpmath.workdps(40):
        assert abs(_exact(i, j, r) - float(x[i + 25, j + 25])) <= float(disk_bound(r))


CORNERS = sorted({float(np.hypot(i + 0.5, j + 0.5)) for i in range(3) for j in range(i + 1)})
SWITCHES = (0.5, 1.5, 2.5, 3.5, *CORNERS, 0.517638)
"""Radii beside which another formula computes some pixel: an edge or a corner comes into the disk;
at the last one the longest arcs, those in the middle pixel, pass from arcsin to its series."""


@pytest.mark.parametrize("switch", SWITCHES)
@given(st.integers(1, 52), st.sampled_from((-1, 1)))
@example(1, 1)
@example(9, 1)
@example(12, 1)
@example(52, 1)
def test_floats_stay_within_their_bound_beside_every_switch(
    switch: float, digits: int, way: int
) -> None:
    """No radius was tried in (0.5, 0.51): a series used up to s = 0.7 was 8311 bounds off there.

    Siblings: every edge and every corner at which a pixel's formula changes.
    """
    r = switch * (1 + way * 2.0**-digits)
    x, reach = disk([r], 6)[0], min(int(r + 0.5), 6)
    with mpmath.workdps(40):
        for i in range(reach + 1):
            for j in range(i + 1):
                assert abs(_exact(i, j, r) - float(x[i + 6, j + 6])) <= float(disk_bound(r))


@given(st.floats(100, 10**5), st.floats(0, 1), st.integers(-1, 1))
@example(10.0**5, 0.5, 0)
def test_large_disks_lose_radii_not_areas(r: float, turn: float, step: int) -> None:
    """One pixel near the circle, far from the centre: r units in the last place, not r²."""
    i, j = int(r * np.cos(turn * pi / 4)) + step, int(r * np.sin(turn * pi / 4))
    found = float(pixels(r, i, j))
    with mpmath.workdps(40):
        assert abs(_exact(i, j, r) - found) <= float(disk_bound(r))


def test_the_bound_is_tight_to_a_small_factor() -> None:
    with mpmath.workdps(40):
        x = disk([33.7], 35)[0]
        gaps = [
            abs(_exact(i, j, 33.7) - float(x[i + 35, j + 35]))
            for i in range(36)
            for j in range(i + 1)
        ]
    assert float(disk_bound(33.7)) / 50 < max(gaps) < float(disk_bound(33.7))


@given(radii)
@example(0.5)
@example(24.0)
def test_the_sum_is_the_area(r: float) -> None:
    total = float(np.sum(disk([r], 24)))
    allowed = (8 * r + 4) * float(disk_bound(r)) + gamma(49**2) * pi * r * r
    assert abs(total - pi * r * r) <= allowed


@pytest.mark.parametrize("half", [0, 1, 3])
def test_all_corners_but_the_outermost_four_cancel(half: int) -> None:
    """Twice with each sign inside, once with each on the border: it had been said of all."""
    signs: dict[tuple[float, float], list[int]] = {}
    for i in range(-half, half + 1):
        for j in range(-half, half + 1):
            for a in (-1, 1):
                for b in (-1, 1):
                    signs.setdefault((i + a / 2, j + b / 2), []).append(a * b)
    for (x, y), found in signs.items():
        outermost = abs(x) == abs(y) == half + 0.5
        assert sum(found) == (x * y > 0) - (x * y < 0) if outermost else sum(found) == 0


@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 5]))
def test_farther_from_the_border_than_half_a_filter_every_tap_sees_every_pixel(
    seed: int, n: int
) -> None:
    """Zero padding: up to that radius the pooled sum is S times the area, beyond it is not."""
    w = np.random.default_rng(seed).uniform(0.5, 1, (n, n))
    for r, whole in ((6.5 - n / 2, True), (6.5 - n // 2, True), (6.75 - n // 2, False)):
        x = disk([r], 6)[0]
        seen = np.lib.stride_tricks.sliding_window_view(np.pad(x, n // 2), (n, n))
        total, stated = float(np.einsum("ijuv,uv->", seen, w)), float(w.sum()) * pi * r * r
        slack = float(w.sum()) * (x.size * float(disk_bound(r)) + gamma(x.size * n * n) * 200)
        assert (abs(total - stated) <= slack) == whole


@given(st.lists(radii, min_size=1, max_size=4))
def test_the_eight_symmetries_are_exact(some: list[float]) -> None:
    x = disk(some, 25)
    assert np.array_equal(x, x.transpose(0, 2, 1))
    assert np.array_equal(x, x[:, ::-1])
    assert np.array_equal(x, np.rot90(x, axes=(1, 2)))


@given(radii, radii)
@example(0.5, float(np.nextafter(0.5, 0)))
@example(2.5, float(np.nextafter(2.5, 3)))
def test_larger_disks_hold_smaller_ones_and_pixels_are_continuous(one: float, two: float) -> None:
    """dx/dr is the length of arc in the pixel, which bounds a convex set inside it: 0 to 4."""
    small, large = sorted((one, two))
    below, above = disk([small, large], 25)
    slack = float(disk_bound(large))
    assert np.all(above - below >= -2 * slack)
    assert np.all(above - below <= 4 * (large - small) * (1 + 8 * UNIT) + 2 * slack)
    assert np.all((below >= -slack) & (above <= 1 + slack))


@given(st.fractions(Fraction(1, 8), 6, max_denominator=64), st.integers(2, 4))
def test_a_finer_grid_shows_the_same_disk(r: Fraction, t: int) -> None:
    """The average over odd blocks t × t of the disk of radius tr is the disk of radius r."""
    t = 2 * t - 1
    fine = disk([float(t * r)], 7 * t + t // 2)[0].reshape(15, t, 15, t).mean(axis=(1, 3))
    allowed = float(disk_bound(t * float(r))) + gamma(t * t + 2) + 8 * t * float(r) * UNIT
    assert np.max(np.abs(fine - disk([float(r)], 7)[0])) <= 2 * allowed


@given(
    st.fractions(0, 4, max_denominator=9),
    st.fractions(0, 4, max_denominator=9),
    st.fractions(Fraction(1, 9), 3, max_denominator=9),
)
def test_the_corner_function_is_odd_symmetric_and_grows(
    x: Fraction, y: Fraction, r: Fraction
) -> None:
    with mpmath.workdps(30):
        x, y, r = (mpmath.mpf(v.numerator) / v.denominator for v in (x, y, r))
        value = corner(x, y, r, mpmath)
        tiny = mpmath.mpf(10) ** -27
        assert abs(corner(-x, y, r, mpmath) + value) < tiny or not x
        assert abs(corner(y, x, r, mpmath) - value) < tiny
        assert abs(corner(3 * x, 3 * y, 3 * r, mpmath) - 9 * value) < 100 * tiny
        assert -tiny < value < min(x * y, mpmath.pi * r * r / 4) + tiny


@given(st.floats(0.01, 0.49))
def test_a_small_disk_lies_in_one_pixel(r: float) -> None:
    x = disk([r], 1)[0]
    assert abs(x[1, 1] - pi * r * r) <= float(disk_bound(r)) + 4 * UNIT
    assert np.sum(x) == x[1, 1]


@given(st.integers(20, 10**4), st.floats(0.05, 0.95))
def test_far_away_the_circle_is_a_pulse(m: int, phi: float) -> None:
    """On the axis the mean of √(r² - y²) over |y| <= 1/2: φ - 1/(24r), and at most
    1/(320r³) less.
    """
    r = m - 0.5 + phi
    fraction = r - (m - 0.5)
    assume(fraction > 1 / (8 * r - 1))
    found = float(pixels(r, m, 0))
    rest = fraction - 1 / (24 * r) - found
    assert -float(disk_bound(r)) <= rest <= 1 / (320 * r**3) + float(disk_bound(r))


@pytest.mark.parametrize("r", [0.0, -1.0, 4.0, float("nan")])
def test_radii_outside_the_signal_are_refused(r: float) -> None:
    with pytest.raises(ValueError, match="radii must lie in"):
        disk([r], 3)


def test_no_radii_no_disks() -> None:
    assert disk([], 2).shape == (0, 5, 5)


@given(st.floats(2.0**-6, 30) | st.floats(0.4, 0.6), st.integers(0, 30), st.integers(0, 30))
@example(0.5, 0, 0)
@example(0.5176, 0, 0)
@example(0.5177, 0, 0)
@example(float(np.sqrt(2.5)), 1, 1)
def test_long_arcs_are_those_in_the_middle_pixel(r: float, i: int, j: int) -> None:
    """s > 1/2 is an arc of more than 60 degrees in a pixel, or in its half or quarter on an axis;
    at r <= 1/2 it is 90.
    """
    i, j = max(i, j), min(i, j)
    turn = float(arcs(np.array(r), np.array(i), np.array(j))) / r / (1 + (i == 0)) / (1 + (j == 0))
    bound = 0.5 / np.cos(pi / 12)
    assume(abs(r - bound) > 1e-9)
    assert (turn > pi / 3 * (1 + 1e-9)) == (i == j == 0 and r < bound)
    assert turn <= pi / 2 * (1 + 1e-12)


def test_half_a_quarter_of_the_disk() -> None:
    """Up to x = r/√2 the corner function has the triangle and the eighth that the diagonal cuts
    off.
    """
    x = 3 / sp.sqrt(2)
    assert sp.simplify(arc(x, sp.Integer(3), sp.Integer(3)) - (x * x / 2 + 9 * sp.pi / 8)) == 0


@given(
    st.fractions(0, 5, max_denominator=8),
    st.fractions(Fraction(1, 8), 5, max_denominator=8),
    st.integers(3, 40),
)
def test_more_radii_leave_less_between_them(low: Fraction, width: Fraction, count: int) -> None:
    """Two radii are fitted exactly; the floor tends to that of the interval from above."""
    high = low + width
    assert least(low, high, Fraction(2)) == 0
    floor = least(low, high, Fraction(count))
    assert floor > 0
    assert 0 < limit(low, high) < width**2 / 12
    assert abs(least(low, high, Fraction(10**6)) / limit(low, high) - 1) < Fraction(1, 10**5)


def test_the_floor_on_three_to_ten() -> None:
    assert limit(Fraction(3), Fraction(10)) == Fraction(2401, 31008)
    assert float(least(Fraction(3), Fraction(10), Fraction(15))) == pytest.approx(0.0995, abs=1e-4)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3]), st.sampled_from([1, 3, 5]))
def test_networks_without_sigma_see_the_area_only(seed: int, channels: int, taps: int) -> None:
    """Random ones: the answer is a line in πr²; no loss is below the floor."""
    net = drawn("identity", channels, taps, np.random.default_rng(seed))
    grid = evidence.GRIDS[0]
    x = disks(grid.r, evidence.HALF_LENGTH)
    measured = evidence._measured(net, grid, x)
    floor = float(least(Fraction(3), Fraction(10), Fraction(15)))
    area = np.stack([pi * grid.r**2, np.ones_like(grid.r)])
    solving = 64 * UNIT * float(np.linalg.cond(area @ area.T)) * measured.excess
    assert abs(measured.loss - floor - measured.excess) <= measured.bound + solving
    assert loss(net, x, *(x.new_tensor(v) for v in (grid.r, grid.share))).item() == measured.loss


@pytest.mark.thorough
def test_the_figure_is_drawn() -> None:
    assert [figure.id for figure in evidence.figures(Lab(TINY))] == ["disk-parabola"]
