"""Edges and crests: half squares, their moment, the bound on P, sums over disks, and what a square
does instead.
"""

from __future__ import annotations

from fractions import Fraction
from math import hypot, pi

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from numerics.arithmetic.compile import activation
from numerics.arithmetic.rounding import gamma
from numerics.disk.disk import disk, disk_bound, pixels
from numerics.disk.perimeter import (
    Midpoints,
    difference,
    edge_response,
    reach,
    strength,
    strength_bound,
)
from numerics.disk.perimeter_enclosure import filter_of, quadrature_of
from tests.disks import direction
from theory.disk.perimeter import STEPS, crest, edge, gap, lack, width
from verify.disk.claims import perimeter as evidence
from verify.disk.networks import Difference, across, disks
from verify.report.lab import TINY, Lab

slopes = st.fractions(-3, 3, max_denominator=12)
distances = st.fractions(-1, 1, max_denominator=60)


@given(distances, distances, slopes)
def test_half_squares_grow_by_the_chord(one: Fraction, two: Fraction, k: Fraction) -> None:
    c, s = direction(k)
    low, high = sorted((one, two))
    gain = edge(high, c, s) - edge(low, c, s)
    assert 0 <= gain <= (high - low) / max(abs(c), abs(s))


@given(st.floats(-6, 6), st.floats(-1.5, 1.5))
def test_arrays_are_numbers(turn: float, t: float) -> None:
    c, s = float(np.cos(turn)), float(np.sin(turn))
    many = edge(np.array([t, -t, 9.0]), c, s)
    assert many.tolist() == [edge(t, c, s), edge(-t, c, s), edge(9.0, c, s)]


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 1.5), st.sampled_from([3, 5]))
def test_the_moment_of_an_edge(seed: int, turn: float, n: int) -> None:
    """∫ [p - S1] dt = m·n; a midpoint rule, whose error is a quarter of step times slope times
    length.
    """
    w = np.random.default_rng(seed).normal(size=(1, n, n))
    c, s, rho, count = float(np.cos(turn)), float(np.sin(turn)), reach(n), 4000
    t = rho * ((2 * np.arange(count) + 1) / count - 1)
    p = edge_response(w, t, c, s)[0]
    step = 2 * rho / count
    total = float(np.sum(p - w.sum() * (t > 0))) * step
    place = np.arange(-(n // 2), n // 2 + 1)
    moment = float(np.einsum("fij,i->", w, place)) * c + float(np.einsum("fij,j->", w, place)) * s
    assert abs(total - moment) <= float(np.abs(w).sum()) * 2**0.5 * step * 2 * rho / 4


@given(st.integers(0, 2**32 - 1), st.floats(0, 2 * pi), st.floats(-3, 3))
def test_windows_of_a_huge_disk_are_straight(seed: int, turn: float, inside: float) -> None:
    r, w = 1e5, np.random.default_rng(seed).normal(size=(1, 3, 3))
    x, y = (round((r - inside) * f(turn)) for f in (np.cos, np.sin))
    length, offset = hypot(x, y), np.arange(-1, 2)
    seen = float(np.sum(w[0] * pixels(r, x + offset[:, None], y + offset)))
    c, s = -x / length, -y / length
    assume(min(abs(c), abs(s)) > 1e-3 or c * s == 0)
    stated = float(edge_response(w, np.array([r - length]), c, s)[0, 0])
    rounding = float(disk_bound(r) + gamma(60) * (reach(3) + 1) ** 2 * 1e3)
    assert abs(seen - stated) <= float(np.abs(w).sum()) * (2**0.5 * reach(3) ** 2 / r + rounding)


def test_no_filter_has_less_than_four_moments() -> None:
    """Random filters with sum 0; and a second difference, whose m is 0, has a perimeter all the
    same.
    """
    w = np.random.default_rng(0).normal(size=(20, 3, 3))
    w -= w.mean(axis=(1, 2), keepdims=True)
    place = np.arange(-1, 2)
    moment = np.hypot(np.einsum("fij,i->f", w, place), np.einsum("fij,j->f", w, place))
    assert np.all(strength(w, 0.0, np.abs) + strength_bound(w) >= 4 * moment)
    second = np.array([[[0, 0, 0], [1, -2, 1], [0, 0, 0]]], dtype=float)
    assert strength(second, 0.0, np.abs)[0] - strength_bound(second)[0] > 4


@given(st.lists(st.integers(-4, 4), min_size=3, max_size=5))
@example([1, -2, 1])
@example([-1, 1, 0])
def test_both_signs_cost_twice_the_smaller_part(taps: list[int]) -> None:
    """Cause: only P >= 4|m| had been judged, so that P = 4|m| for every filter was accepted.  Now
    by a fine sum over a polygon.
    """
    taps[-1] -= sum(taps)
    corners = np.array([sum(taps[k:]) for k in range(len(taps) + 1)], dtype=float)
    places = (np.arange(60_000 * (len(corners) - 1)) + 0.5) / 60_000
    p = np.interp(places, np.arange(len(corners)), corners)
    up, down = float(np.sum(p[p > 0])) / 60_000, float(-np.sum(p[p < 0])) / 60_000
    moment = sum(k * tap for k, tap in enumerate(taps))
    close = 1e-6 * (1 + sum(map(abs, taps)))
    assert abs(float(np.mean(np.abs(p))) * (len(corners) - 1) - abs(moment) - gap(up, down)) < close
    assert (gap(up, down) > close) == (min(corners) < 0 < max(corners))


@pytest.mark.parametrize(("name", "b"), [("relu", 0.3), ("tanh", -0.2), ("relu", -0.4)])
def test_the_midpoint_rule_with_an_area_is_that_of_splines(name: str, b: float) -> None:
    """Cause: filters with S = 0 were the only ones of which P was compared, and a mutant of the
    rest survived.
    """
    w, sigma = np.random.default_rng(5).normal(size=(3, 3, 3)), activation(name)[0]
    found = strength(w, b, sigma)
    left = strength(w, b, sigma, add=lambda value, dark, full, lit: value - dark)
    for one, seen, wrong, bound in zip(w, found, left, strength_bound(w), strict=True):
        exact = filter_of(one, b, name)
        known = quadrature_of(exact, most=1 << 12)
        assert known.error is not None
        assert abs(seen - known.value) <= bound + known.error
        assert abs(wrong - known.value) > bound + known.error or abs(exact.rise) < 0.2
    assert lack(5, 2, 4, 1) == 1 and lack(5, 2, 4, 0) == 3


@given(st.floats(0.5, 9), st.sampled_from(STEPS), st.integers(0, 2**32 - 1))
@example(0.5, (1, 1), 0)
@example(1.5, (2, 0), 1)
def test_sums_over_disks_are_twice_the_crest(r: float, step: tuple[int, int], seed: int) -> None:
    """Also for ReLU, which has half; the crest is the largest pixel of its chain."""
    kappa = np.random.default_rng(seed).uniform(0, 1, (3, 3)) * across(step)
    x = disk([r], 14)[0]
    w = difference(kappa, step)
    k, z = len(w) // 2, np.zeros_like(x)
    for u in range(len(w)):
        for v in range(len(w)):
            z += w[u, v] * np.roll(x, (k - u, k - v), axis=(0, 1))
    weight = float(kappa.sum())
    stated = weight * float(width(step, r, 10, np_functions))
    slack = 2 * weight * (x.size * gamma(40) + evidence._slack(1.0, r, x.size, 5))
    assert abs(float(np.sum(np.abs(z))) - stated) <= slack
    assert abs(float(np.sum(np.maximum(z, 0))) - stated / 2) <= slack
    for i, j in crest(step, 10):
        others = [x[14 + i + t * step[0], 14 + j + t * step[1]] for t in (-1, 1)]
        assert x[14 + i, 14 + j] >= max(others) - 2 * float(disk_bound(r))


class np_functions:
    """sqrt, asin and pi of floats."""

    sqrt, asin, pi = np.sqrt, np.arcsin, pi


@given(st.floats(1, 300), st.sampled_from(STEPS))
def test_the_crest_is_as_long_as_the_disk(r: float, step: tuple[int, int]) -> None:
    found = float(width(step, r, int(r + 1), np_functions))
    assert abs(found - 4 * hypot(*step) * r) <= evidence._straight(r)


def test_another_step_has_no_crest() -> None:
    with pytest.raises(ValueError, match="the crest is known"):
        list(crest((2, 1), 3))


def test_the_sum_of_squares_fluctuates_with_the_root_of_the_radius() -> None:
    """For a centred disk the rest is O(1) for abs of a row difference, not for every σ: four times
    the radius, twice the spread.
    """
    spread = {"square": [], "abs": []}
    for big in (25, 100, 400):
        radii = big + np.arange(24) / 24
        found = {"square": [], "abs": []}
        for r in radii.tolist():
            x = disk([r], big + 3)[0]
            d = x[1:] - x[:-1]
            found["square"].append(np.sum(d * d))
            found["abs"].append(np.sum(np.abs(d)))
        for name, values in found.items():
            line = np.polyfit(radii, values, 1)
            spread[name].append(np.std(values - np.polyval(line, radii)))
    assert spread["square"][0] > 0.5
    assert all(
        1.5 < b / a < 3.5 for a, b in zip(spread["square"], spread["square"][1:], strict=False)
    )
    assert max(spread["abs"]) < 1e-3


def _mean_over_centres(w: np.ndarray, g, r: float, parts: int = 5) -> float:
    """Σ [g(z) - g(0)] averaged over parts² positions of the centre: a disk of radius parts·r, seen
    through a box.
    """
    half = int(r + 4) * parts + parts // 2
    total = np.pad(
        np.cumsum(np.cumsum(disk([parts * r], half)[0], axis=0), axis=1), ((1, 0), (1, 0))
    )
    t = parts
    box = (total[t:, t:] - total[:-t, t:] - total[t:, :-t] + total[:-t, :-t]) / t**2
    z = sum(
        w[u + 1, v + 1] * np.roll(box, (-u * t, -v * t), axis=(0, 1))
        for u in (-1, 0, 1)
        for v in (-1, 0, 1)
    )
    return float(np.sum(g(z) - g(np.zeros(1)))) / t**2


@pytest.mark.parametrize(
    ("name", "g", "steepest"), [("abs", np.abs, 1), ("tanh", lambda z: np.tanh(2 * z + 0.3), 2)]
)
def test_the_mean_over_centres_follows_area_and_perimeter(name: str, g, steepest: int) -> None:
    """The rest keeps to the theorem's bound and settles: it changes less from r to 2r than from r/2
    to r.
    """
    w = np.random.default_rng(3).normal(size=(3, 3))
    w -= w.mean() * (name == "abs")
    full, dark = g(np.array([w.sum(), 0.0]))
    length, rho, weight = strength(w[None], 0.0, g)[0], reach(3), float(np.abs(w).sum())
    rest = []
    for r in (rho, 10.3, 20.6, 41.2):
        rest.append(_mean_over_centres(w, g, r) - pi * r * r * (full - dark) - length * r)
        bound = 2 * pi * steepest * weight * rho**2 * (1 + 2 * 2**0.5 * rho * (1 + rho / r))
        assert abs(rest[-1]) <= bound
    assert abs(rest[3] - rest[2]) < abs(rest[2] - rest[1]) < 0.5 * weight


@given(st.integers(0, 2**32 - 1))
def test_what_the_area_and_the_perimeter_add_up_to(seed: int) -> None:
    """aP + 2μaπΔ = 1 - L/Var r - a times the slope of the rest, whenever the readout is the best
    one.
    """
    w = np.random.default_rng(seed).normal(size=(3, 3))
    r = np.linspace(3, 10, 15)
    x = disk(r, 12)
    z = sum(
        w[u + 1, v + 1] * np.roll(x, (-u, -v), axis=(1, 2)) for u in (-1, 0, 1) for v in (-1, 0, 1)
    )
    seen = np.sum(np.abs(z), axis=(1, 2))
    spread = float(np.var(r))

    def slope(f: np.ndarray) -> float:
        return float(np.mean((r - 6.5) * f)) / spread

    assume(np.var(seen) > 1e-6)
    a = slope(seen) * spread / float(np.var(seen))
    loss = float(np.var(a * seen - r))
    length, area = strength(w[None], 0.0, np.abs, Midpoints(3, 16))[0], pi * abs(w.sum())
    rest = seen - area * r**2 - length * r
    left = a * length + 13 * a * area
    scale = 1 + abs(a) * (float(np.max(seen)) + 100 * area + 10 * abs(length))
    assert abs(left - (1 - loss / spread - a * slope(rest))) <= gamma(2000) * scale


@given(st.integers(0, 2**32 - 1), st.sampled_from(STEPS), st.sampled_from(["abs", "relu"]))
def test_the_module_is_the_filter(seed: int, step: tuple[int, int], name: str) -> None:
    """Difference and κ make the filter that numerics says; taps under a zero of the mask stay 0 in
    training.
    """
    net = Difference(name, step, across(step), np.random.default_rng(seed))
    kappa = net.conv.weight.detach().numpy()[0, 0]
    assert np.all((kappa == 0) == (across(step) == 0))
    x = disks([2.3], 7)
    w = difference(kappa, step)
    k = len(w) // 2
    z = sum(
        w[u, v] * np.roll(x[0].numpy(), (k - u, k - v), axis=(0, 1))
        for u in range(len(w))
        for v in range(len(w))
    )
    assert np.allclose(net.preactivation(x).detach().numpy()[0, 0], z, rtol=0, atol=1e-13)
    net(x).sum().backward()
    assert net.conv.weight.grad is not None
    assert np.all(net.conv.weight.grad.numpy()[0, 0][kappa == 0] == 0)


@pytest.mark.thorough
def test_the_figure_is_drawn() -> None:
    assert [figure.id for figure in evidence.figures(Lab(TINY))] == [
        "perimeter-width",
        "perimeter-or-area",
    ]
