"""Laplacians: mean distances, classes and their symmetries, P against quadrature, the bound for
every filter, and what training runs.
"""

from __future__ import annotations

from fractions import Fraction
from math import asinh, hypot, pi, sqrt
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
import torch
from flint import arb
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from numerics.disk.closed_form import AFFINE, ODD, Balls, closed_form, rational
from numerics.disk.perimeter_enclosure import (
    Filter,
    difference_of,
    filter_of,
    quadrature_of,
    strength_of,
)
from tests.disks import known, one_tap
from theory.disk.laplacian import across, distance, strength, turned
from theory.disk.perimeter import edge as half_plane
from theory.disk.zero_lines import Crossing, crossing
from verify.disk.claims import laplacian as evidence
from verify.disk.claims.laplacian import KINDS, SADDLES, SECONDS, Digits, sampled
from verify.disk.networks import combination, disks
from verify.report.lab import TINY, Lab

Array = NDArray[np.float64]
FEW = 4096
ORIGIN = (Fraction(0), Fraction(0))
seeds = st.integers(0, 2**32 - 1)
IMAGES = [lambda w, k=k, t=t: np.rot90(w.T if t else w, k) for k in range(4) for t in (0, 1)]


def within(edge: Filter, value: float, error: float = 0.0) -> bool:
    """Whether the quadrature's enclosure meets the closed form's."""
    by = quadrature_of(edge, most=FEW)
    assert by.error is not None
    return abs(by.value - value) <= by.error + error


def even(seed: int, n: int = 3) -> Array:
    """Whole taps, even about the middle."""
    w = np.random.default_rng(seed).integers(-3, 4, (n, n)).astype(float)
    return np.asarray(w + w[::-1, ::-1])


def _wrongly_classed(w: Array, level: float) -> bool:
    return bool(np.any(w)) and evidence._wrongly_classed(known(w, level), w, level)


# --- distances --------------------------------------------------------------------------------


@given(st.floats(-4, 4), st.floats(-4, 4))
@example(0.0, 0.0)
@example(0.5, -0.5)
@example(-1.0, 0.0)
def test_distances_are_those_along_rays(x: float, y: float) -> None:
    found = distance(mpmath.mpf(x), mpmath.mpf(y), Digits)
    assert abs(found - evidence._by_rays(x, y)) < 1e-9
    assert hypot(x, y) - 1e-12 <= found <= hypot(x, y) + 0.4  # convex; at most D(0) more
    for other in ((y, x), (-x, y)):
        assert abs(found - distance(*map(mpmath.mpf, other), Digits)) < 1e-12


def test_the_mean_distance_of_a_square_from_its_middle() -> None:
    assert float(distance(arb(0), arb(0), Balls)) == pytest.approx(
        (sqrt(2) + asinh(1)) / 6, rel=1e-15
    )


# --- classes ----------------------------------------------------------------------------------


@settings(max_examples=20)
@given(seeds, st.booleans(), st.sampled_from(IMAGES), st.sampled_from([(1, 0), (0, 1), (1, 1)]))
def test_classes_have_the_symmetries_of_the_square(
    seed: int, balanced: bool, image: Any, by: tuple[int, int]
) -> None:
    w = even(seed)
    w[1, 1] -= w.sum() * balanced
    b = -float(w.sum()) / 2
    found, turned_ = known(w, b), known(image(w), b)
    assert (found.kind, found.turns) == (turned_.kind, turned_.turns)
    large = np.zeros((5, 5))
    large[1 + by[0] : 4 + by[0], 1 + by[1] : 4 + by[1]] = w
    moved = known(large, b)
    assert (found.kind, found.turns) == (moved.kind, moved.turns)
    if found.centre is not None:
        assert moved.centre == (found.centre[0] + by[0], found.centre[1] + by[1])
    for size in (-1.0, 0.25):
        assert known(size * w, size * b).kind == found.kind


@settings(max_examples=30)
@given(seeds, st.booleans())
@example(0, True)
def test_classes_are_what_is_seen(seed: int, differences: bool) -> None:
    rng = np.random.default_rng(seed)
    w = evidence._difference(rng) if differences else evidence._even(rng)
    assert not _wrongly_classed(w, 0.0 if differences else -float(w.sum()) / 2)


def test_a_small_tap_of_the_other_sign_does_not_show() -> None:
    """Class dipole, although no smoothed difference with one sign: P = 4|m| all the same; a larger
    one shows.
    """
    for tap, kind in ((-0.125, "dipole"), (-4.0, "other")):
        w = np.zeros((3, 3))
        kappa = np.array([[1, tap, 1], [1, 1, 1.0]])
        w[1:] += kappa
        w[:2] -= kappa
        assert difference_of(w) is None and known(w).kind == kind
        edge = filter_of(w, 0.0, "abs")
        found = strength_of(edge)
        assert (found.law == "4|m|") == (kind == "dipole")
        assert within(edge, found.value, found.error or 0.0)
        assert sampled(w, 0.0, None) == (kind == "other")


def test_a_sign_that_shows_inside_one_triangle_only() -> None:
    """Its extreme is in no corner and on no edge, and one side of the trapezoid has no length."""
    w = np.array([[5.0, 1, -2], [-2, 6, -2], [-2, 1, 5]])
    assert sampled(w, -5.0, (0.0, 0.0)) and evidence._shown(w, -5.0, (0.0, 0.0))
    assert known(w, -5.0).kind == "other"


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(4))
def test_classes_are_what_is_seen_of_many(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for k in range(400):
        w = evidence._difference(rng) if k % 4 == 0 else evidence._even(rng)
        assert not _wrongly_classed(w, 0.0 if k % 4 == 0 else -float(w.sum()) / 2)


# --- P ----------------------------------------------------------------------------------------


@settings(max_examples=8)
@given(seeds, st.sampled_from(["abs", "relu", "leaky_relu"]), st.sampled_from([3, 5]))
@example(0, "abs", 3)
def test_sums_of_second_differences(seed: int, name: str, n: int) -> None:
    rng = np.random.default_rng(seed)
    w = rng.integers(0, 9, (n, n)) * rng.integers(0, 2, (n, n)) / 8.0
    w = w + w[::-1, ::-1]
    w[n // 2, n // 2] = 0
    w[n // 2, n // 2] = -w.sum()
    assume(np.any(w))
    edge = filter_of(w, 0.0, name)
    found = strength_of(edge)
    assert found.turns == 0 and found.error is not None and found.error <= 1e-15 * found.value
    assert within(edge, found.value, found.error)
    whole = strength_of(filter_of(w, 0.0, "abs")).value
    assert found.value == pytest.approx({"abs": 1, "relu": 0.5, "leaky_relu": 0.495}[name] * whole)


@settings(max_examples=15)
@given(seeds, st.sampled_from(["abs", "relu"]))
def test_a_threshold_at_half_a_blur(seed: int, name: str) -> None:
    w = np.random.default_rng(seed).integers(0, 9, (3, 3)) / 8.0
    w = w + w[::-1, ::-1]
    assume(np.any(w))
    edge = filter_of(w, -float(w.sum()) / 2, name)
    found = strength_of(edge)
    assert found.turns == 0 and found.value < 0 and "Σ w D" in found.law
    assert within(edge, found.value, found.error or 0.0)
    # At any other level there is none.
    assert closed_form(w, -float(w.sum()) * 0.375, name) is None


@pytest.mark.parametrize("k", [0, 1])
@pytest.mark.parametrize("name", ["abs", "relu"])
def test_saddles(k: int, name: str) -> None:
    edge = filter_of(SADDLES[k], 0.0, name)
    found = strength_of(edge)
    assert known(SADDLES[k]).turns and "∮|M|dθ" in found.law
    assert within(edge, found.value, found.error or 0.0)
    # Added to a second difference that is large enough they do not turn any more.
    assert known(SADDLES[k] + 2 * SECONDS.sum(axis=0)) == Crossing("centre", ORIGIN, False)


@settings(max_examples=10)
@given(seeds)
@example(34773)
@example(1)
def test_arcs_and_distances_are_one_number(seed: int) -> None:
    """Where S = 0 and the sides do not turn; ∮ |M| dθ is larger where they do, and with S ≠ 0 it
    may be: M can have both signs then.
    """
    w = rational(even(seed))
    w[0, 0] -= sum(w.values()) * (seed % 2)
    level = -sum(w.values()) / 2
    found = crossing(w, level)
    assume(found.kind == "centre")
    assert found.centre is not None
    arcs, by = turned(w, found.centre, Balls), strength(w, found.centre, Balls)
    if found.turns:
        assert not level and float(arcs) > abs(float(by))
    elif level:
        assert arcs >= abs(by) or arcs.overlaps(abs(by))
    else:
        assert arcs.overlaps(abs(by)) and float(arcs.rad()) < 1e-10


@given(seeds, st.floats(0.01, 1.56), st.booleans())
def test_one_direction_is_a_moment(seed: int, turn: float, back: bool) -> None:
    """Σ d_v |v·n|³/(6cs) against ∫ W |y·n| dy by a midpoint rule on every pixel."""
    w = rational(even(seed))
    c, s = Fraction(float(np.cos(turn))), Fraction(float(np.sin(turn))) * (-1 if back else 1)
    at = (np.arange(200) + 0.5) / 200 - 0.5

    def pixel(i: int, j: int) -> float:
        return np.mean(np.abs((i + at[:, None]) * float(c) + (j + at) * float(s)))

    slow = sum(float(tap) * pixel(i, j) for (i, j), tap in w.items())
    size = sum(abs(float(tap)) for tap in w.values())
    assert abs(float(across(w, ORIGIN, c, s)) - slow) <= size * 2e-4


@settings(max_examples=10)
@given(seeds, st.floats(-3, 3), st.floats(-3, 3))
def test_no_filter_has_less(seed: int, x: float, y: float) -> None:
    """P >= 4 |Σ w D(u - c)| for every filter with S = 0 and every point c."""
    w = np.random.default_rng(seed).integers(-8, 9, (3, 3)) / 8.0
    w[1, 1] -= w.sum()
    by = quadrature_of(filter_of(w, 0.0, "abs"), most=FEW)
    assert by.error is not None
    least = 4 * abs(
        sum(float(w[i, j]) * evidence._by_rays(i - 1 - x, j - 1 - y) for i, j in np.ndindex(3, 3))
    )
    assert by.value + by.error >= least - 1e-8


def test_equality_only_where_the_sign_changes_at_the_point() -> None:
    """P = 4 |Σ w D(u - c)|: for one-signed sides about c; about no other point, for no dipole, and
    for no side that turns.
    """
    moved, dipole = np.roll(SECONDS[0], (1, 0), axis=(0, 1)), np.zeros((3, 3))
    dipole[1, :2] = -1, 1
    for w, c, equal in (
        (SECONDS[0] + SECONDS[2], (0, 0), True),
        (SECONDS[0] + SECONDS[2], (0.25, 0), False),
        (moved, (0, 0), False),
        (SADDLES[0], (0, 0), False),
        (dipole, (0, -0.5), False),
        (dipole, (0, 3), False),
        (SADDLES[0] + 2 * SECONDS.sum(axis=0), (0, 0), True),
    ):
        by = quadrature_of(filter_of(w, 0.0, "abs"), most=FEW)
        assert by.error is not None
        least = 4 * abs(
            sum(
                float(w[i, j]) * evidence._by_rays(i - 1 - c[0], j - 1 - c[1])
                for i, j in np.ndindex(3, 3)
            )
        )
        assert strength_of(filter_of(0 * w, 0.0, "abs")).value == 0
        assert (
            abs(by.value - least) <= by.error + 1e-8
        ) is equal and by.value > least - by.error - 1e-8


@settings(max_examples=20)
@given(
    seeds,
    st.sampled_from([(3, 3), (3, 2), (2, 3), (2, 2)]),
    st.fractions(-2, 2, max_denominator=12),
    st.fractions(-1, 1, max_denominator=9),
)
def test_about_the_centre_the_response_is_odd(
    seed: int, size: tuple[int, int], tau: Fraction, k: Fraction
) -> None:
    """p_θ(-τ) = S - p_θ(τ), the centre being the middle of a pixel, of two, or of four; in rational
    numbers.
    """
    part = np.random.default_rng(seed).integers(-3, 4, size)
    w = {(i, j): Fraction(int(tap)) for (i, j), tap in np.ndenumerate(part + part[::-1, ::-1])}
    c, s = (1 - k * k) / (1 + k * k), 2 * k / (1 + k * k)
    at = Fraction(size[0] - 1, 2) * c + Fraction(size[1] - 1, 2) * s

    def p(t: Fraction) -> Fraction:
        return sum(tap * half_plane(t - at + i * c + j * s, c, s) for (i, j), tap in w.items())

    assert p(-tau) == sum(w.values()) - p(tau)


def test_odd_taps_do_not_cross_at_the_middle() -> None:
    """The four odd filters of 3 × 3 answer independent values at t = 0 in four directions: with S/2
    for all only even ones are left.
    """
    rows = []
    for k in (Fraction(1, 9), Fraction(1, 3), Fraction(2, 3), Fraction(5, 6)):
        c, s = (1 - k * k) / (1 + k * k), 2 * k / (1 + k * k)
        pairs = ((1, 0), (0, 1), (1, 1), (1, -1))
        rows.append([2 * half_plane(i * c + j * s, c, s) - 1 for i, j in pairs])
    assert sp.Matrix([[sp.Rational(x.numerator, x.denominator) for x in row] for row in rows]).det()


# --- kinks ------------------------------------------------------------------------------------


def test_kinks_that_are_not_met_or_cancel() -> None:
    blur, laplacian = np.ones((3, 3)), SECONDS[0] + SECONDS[1]

    def told(w: np.ndarray, b: float, name: str) -> Any:
        return strength_of(filter_of(w, b, name))

    assert told(-laplacian / 4, 1.5, "hardtanh").law in (
        AFFINE,
        "0, as σ is affine on all that it answers",
    )
    # About 3 = S/2 + b the two kinks of ReLU6 lie symmetrically; about 0 all odd activations do.
    assert (
        told(blur, -1.5, "relu6") == told(blur, -1.5, "relu6")
        and told(blur, -1.5, "relu6").law == ODD
    )
    for name in ("hardtanh", "softshrink", "tanh", "sin", "erf"):
        w = np.random.default_rng(1).integers(-8, 9, (3, 3)) / 8.0
        assert told(w, -float(w.sum()) / 2, name).law == ODD
        assert within(filter_of(w, -float(w.sum()) / 2, name), 0.0)
    # One kink at the half, the other out of reach: ReLU's closed form.
    assert told(blur / 9, -0.5, "relu6").value == pytest.approx(
        told(blur / 9, -0.5, "relu").value, rel=1e-14
    )
    assert told(blur / 9, -0.5, "tanh").turns and not told(blur / 9, -0.5, "tanh").law


@settings(max_examples=3)
@given(st.floats(0.05, 0.5))
def test_one_tap_at_a_level_is_an_elliptic_integral(level: float) -> None:
    tap = np.zeros((3, 3))
    tap[1, 1] = 1
    assert within(filter_of(tap, -level, "relu"), one_tap(level), 1e-9)


# --- training ---------------------------------------------------------------------------------


@given(seeds, st.sampled_from(range(len(KINDS))))
def test_the_module_is_the_filter(seed: int, k: int) -> None:
    """Weights on filtered images are one filter, its bias at -S/2."""
    rng = np.random.default_rng(seed)
    kind = KINDS[k]
    net = combination("abs", kind.start(rng), rng)
    x = disks([2.3], 5)
    with torch.no_grad():
        z = net.conv(evidence._filtered(x, kind.filters))[0, 0].numpy()
    w = np.tensordot(net.conv.weight.detach().numpy()[0, :, 0, 0], kind.filters, axes=1)
    padded = np.pad(x[0].numpy(), 1)
    slow = sum(w[i, j] * padded[i : i + 11, j : j + 11] for i, j in np.ndindex(3, 3)) - w.sum() / 2
    assert np.allclose(z, slow, rtol=0, atol=1e-13)


def test_a_turn_of_the_circle_adds_up_to_the_perimeter() -> None:
    """torch's P of an untrained second difference, within the bound that training uses."""
    net = combination("abs", [1.0, 0, 0, 0], np.random.default_rng(0))
    seen = evidence._torch_strength(net, evidence._filtered(evidence._windows(), SECONDS, "valid"))
    stated = strength_of(filter_of(SECONDS[0], 0.0, "abs")).value
    assert abs(seen - stated) <= evidence._bound(SECONDS[0], 0.0, "abs") < 0.05 * stated
    assert stated == pytest.approx(
        8 * float(distance(arb(1), arb(0), Balls) - distance(arb(0), arb(0), Balls))
    )
    assert stated < 2 * pi


@pytest.mark.thorough
def test_the_figure_is_drawn() -> None:
    assert [figure.id for figure in evidence.figures(Lab(TINY))] == ["laplacian-directions"]
