"""P of a filter: the symmetries of the square, what closed forms say, a slow half square, and disks
themselves.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from math import pi
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from flint import arb
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from numerics.arithmetic.compile import activation
from numerics.disk.closed_form import closed_form
from numerics.disk.disk import disk
from numerics.disk.perimeter import difference, edge_response, reach, strength, strength_bound
from numerics.disk.perimeter_enclosure import (
    MOST,
    Strength,
    by_direction,
    derivatives_of,
    difference_of,
    filter_of,
    quadrature_of,
    strength_of,
)
from tests.disk.elliptic import enclosed
from tests.disk.filters import FILTERS, KnownFilter
from theory.expressions.activation import ACTIVATIONS, z

Array = NDArray[np.float64]
FEW = 4096
"""Directions: the bound then says less, and the quadrature is as fast as a test has to be."""
NAMES = ("abs", "relu", "hardtanh", "tanh", "elu", "square", "gelu")
names, seeds = st.sampled_from(NAMES), st.integers(0, 2**32 - 1)


def drawn(seed: int, n: int = 3) -> Array:
    """Taps in eighths."""
    found: Array = np.random.default_rng(seed).integers(-8, 9, (n, n)) / 8
    return found


def p_of(w: Array, b: float, name: str, most: int = FEW) -> Strength:
    return strength_of(filter_of(w, b, name), most=most)


def same(one: Strength, two: Strength, factor: float = 1.0) -> bool:
    """Whether both enclosures meet, the second times ``factor``."""
    assert one.error is not None and two.error is not None
    return abs(one.value - factor * two.value) <= one.error + factor * two.error


@pytest.mark.parametrize("known", FILTERS, ids=str)
def test_filters_whose_perimeter_is_known(known: KnownFilter) -> None:
    """One table for all: the midpoint rule, the enclosure, the closed form where there is one, and
    elliptic integrals in balls.
    """
    value, edge = known.formula(), filter_of(known.w, known.b, known.name)
    close = 1e-12 * (1 + float(np.abs(known.w).sum()))
    sums = strength(known.w[None], known.b, activation(known.name)[0])[0]
    assert abs(sums - value) <= strength_bound(known.w[None])[0]
    by = quadrature_of(edge, most=FEW)
    assert by.error is not None and abs(by.value - value) <= by.error + close
    closed, ball = closed_form(known.w, known.b, known.name), enclosed(known.w, known.b, known.name)
    straight = ACTIVATIONS[known.name].piecewise_linear
    assert (closed is None) == (not straight or known.b == -0.25)
    if closed is not None:
        assert abs(closed.value - value) <= closed.error + close and closed.error < 1e-14
        assert strength_of(edge).turns == 0
    assert (ball is None) == (not straight)
    if ball is not None:
        assert float(ball.rad()) < close and abs(float(ball) - value) <= close
        assert closed is None or ball.overlaps(arb(closed.value, closed.error))


SQUARE = [lambda w, k=k, t=t: np.rot90(w.T if t else w, k) for k in range(4) for t in (0, 1)]


@settings(max_examples=8)
@given(seeds, names, st.floats(-1, 1), st.sampled_from(SQUARE))
@example(0, "relu", 0.0, SQUARE[3])
def test_the_symmetries_of_the_square(seed: int, name: str, b: float, turned: Any) -> None:
    w = drawn(seed)
    assert same(p_of(w, b, name), p_of(turned(w), b, name))


@pytest.mark.parametrize("alike", [1, 2, 4])
def test_a_filter_that_turns_leave_alone(alike: int) -> None:
    """Of the quarters of a turn that are alike one is taken: all directions give the same."""
    w = sum((np.rot90(drawn(7), 4 // alike * k) for k in range(alike)), np.zeros((3, 3)))
    edge = filter_of(w, 0.125, "hardtanh")
    every, _ = by_direction(edge, (np.arange(FEW) + 0.5) * (2 * pi / FEW))
    found = quadrature_of(edge, most=FEW)
    assert found.turns == FEW
    assert abs(found.value - 2 * pi * float(np.mean(every))) <= 1e-12 * abs(found.value)


@settings(max_examples=8)
@given(seeds, names, st.floats(-1, 1), st.integers(-1, 1), st.integers(-1, 1))
def test_a_filter_moved_in_a_larger_one(seed: int, name: str, b: float, i: int, j: int) -> None:
    w, large = drawn(seed), np.zeros((5, 5))
    large[1 + i : 4 + i, 1 + j : 4 + j] = w
    assert same(p_of(w, b, name), p_of(large, b, name))


@settings(max_examples=8)
@given(seeds, st.sampled_from(("abs", "relu", "leaky_relu")), st.floats(-1, 1), st.floats(0.1, 9))
def test_homogeneous_activations_scale(seed: int, name: str, b: float, size: float) -> None:
    w = drawn(seed)
    assert same(p_of(size * w, size * b, name), p_of(w, b, name), size)


@settings(max_examples=8)
@given(seeds)
@example(3)
def test_at_least_four_dipoles_and_half_for_relu(seed: int) -> None:
    w = drawn(seed)
    w[1, 1] -= w.sum()
    whole, half = p_of(w, 0.0, "abs"), p_of(w, 0.0, "relu")
    assert whole.error is not None
    assert whole.value + whole.error >= 4 * filter_of(w, 0.0, "abs").moment
    assert same(half, whole, 0.5)


@pytest.mark.parametrize("step", [(1, 0), (0, 2), (1, 1), (1, -1), (2, 1)])
def test_one_sign_is_found_and_its_closed_form_is_the_quadrature(step: tuple[int, int]) -> None:
    w = difference(np.array([[0.5, 0.0, 1.0], [0.25, 2.0, 0.125], [0.0, 1.0, 0.5]]), step)
    for name in ("abs", "relu", "leaky_relu"):
        closed = p_of(w, 0.0, name)
        assert closed.turns == 0 and closed.step is not None
        # A tap beyond the filter's reach of one sign, so small that P does not notice: no closed
        # form any more.
        off = w.copy()
        off[len(w) // 2, len(w) // 2] += 2.0**-40
        found = p_of(off, 0.0, name)
        assert found.turns and same(found, closed)
    assert p_of(w, 0.0, "abs").value == pytest.approx(
        4 * filter_of(w, 0.0, "abs").moment, rel=1e-15
    )


def test_no_second_difference_has_one_sign() -> None:
    assert difference_of(np.array([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])) is None
    assert difference_of(np.array([[0.0] * 3, [1.0, -2.0, 1.0], [0.0] * 3])) is None
    assert difference_of(np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])) == (0, 1)
    assert difference_of(np.zeros((3, 3))) is None


def rows(t: Any, c: Any, s: Any) -> Any:
    """H_θ by 32 rows instead of an integral: a row's length rises or falls with y, so it is off by
    at most 1/64.
    """
    places = np.atleast_1d(t)
    y = ((2 * np.arange(32) + 1) / 64 - 0.5).reshape(-1, *[1] * places.ndim)
    return np.mean(np.clip((places - abs(s) * y) / abs(c) + 0.5, 0, 1), axis=0)


@settings(max_examples=2)
@given(seeds, names, st.floats(-1, 1))
def test_a_slow_computation(seed: int, name: str, b: float) -> None:
    """Pixels cut into rows, then a midpoint rule in both variables, which shares nothing but the
    definition.
    """
    w = drawn(seed)
    sigma = activation(name)[0]
    high = float(np.abs(w).sum()) + abs(b)
    steep = {"square": 2 * high, "gelu": 1.13}.get(name, 1.0)
    slow = float(strength(w[None], b, sigma, law=rows)[0])
    found = p_of(w, b, name)
    assert found.error is not None
    allowed = float(strength_bound(w[None], steep)[0])
    allowed += 2 * pi * 2 * reach(3) * steep * float(np.abs(w).sum()) / 64
    assert abs(found.value - slow) <= found.error + allowed
    assert abs(found.value - slow) <= 0.01 * steep * float(np.abs(w).sum())  # as seen, far less


@pytest.mark.parametrize("name", ["abs", "relu", "tanh"])
def test_large_disks(name: str) -> None:
    """Pooled features of exact disks grow by 2πrΔ + P per unit of r, when a pixel's worth of radii
    is averaged (seen, not proved).
    """
    w = np.array([[0.5, -0.25, 0.125], [1.0, -0.75, -0.5], [0.25, -0.5, 0.25]])
    edge = filter_of(w, 0.125, name)
    sigma = activation(name)[0]
    means = []
    for big in (40, 120):
        radii, total = big + (np.arange(16) + 0.5) / 16, 0.0
        for r in radii.tolist():
            x = np.pad(disk([r], big + 1)[0], 1)
            size = len(x) - 2
            z = sum(w[u, v] * x[u : u + size, v : v + size] for u in range(3) for v in range(3))
            total += float(np.sum(sigma(z + 0.125) - sigma(0.125))) - pi * r * r * edge.rise
        means.append(total / 16)
    assert (means[1] - means[0]) / 80 == pytest.approx(strength_of(edge).value, abs=0.02)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_row(name: str) -> None:
    """An enclosure from few directions holds the value of many; rows that jump have none."""
    w = drawn(1) / 2
    one, two = p_of(w, 0.25, name, 16), p_of(w, 0.25, name)
    if ACTIVATIONS[name].jumps:
        assert one.error is None
        return
    assert one.error is not None and two.error is not None
    assert same(one, two) and two.error <= one.error


def test_what_is_reached() -> None:
    """1e-6 where P is not small against the filter."""
    for n in (3, 5):
        w = np.random.default_rng(n).normal(size=(n, n))
        found = p_of(w - w.mean(), 0.0, "abs", MOST)
        assert found.error is not None and found.error <= 1e-6 * abs(found.value)


def test_one_direction() -> None:
    """A column's difference at 30 degrees: ∫ |p| dt = |cos θ|."""
    edge = filter_of(difference(np.ones((1, 1)), (1, 0)), 0.0, "abs")
    value, error = by_direction(edge, np.array([pi / 6, 2.0]))
    assert (
        value == pytest.approx(np.abs(np.cos([pi / 6, 2.0])), abs=1e-13) and np.max(error) < 1e-13
    )


@cache
def _levels(even: bool) -> tuple[tuple[Any, Any, Any], ...]:
    """Nodes v in (0, 1/2), weights, and T(v) = ∫ t dθ over an octant, t the distance at which one
    pixel's H_θ is v, to 20 digits.

    t = √(v sin 2θ) - (cos θ + sin θ)/2 where v < tan(θ)/2, else cos θ (v - 1/2); panels shrink
    towards 0, where steep σ bend,
    or are ``even``.
    """
    node, share = np.polynomial.legendre.leggauss(12)
    ends, found = [mp.mpf(0)] + [mp.mpf(2) ** -k for k in range(20, 0, -1)], []
    if even:
        ends = [(mp.mpf(k) / 64) ** 2 / 2 for k in range(65)]
    with mp.workdps(20):
        for low, high in pairwise(map(mp.sqrt, ends)):
            # v = y², for the root at 0.
            for x, weight in zip(node.tolist(), share.tolist(), strict=True):
                y = low + (high - low) * (1 + mp.mpf(x)) / 2
                v = y * y
                turn = mp.atan(2 * v)
                root = mp.quad(lambda at, v=v: mp.sqrt(v * mp.sin(2 * at)), [turn, mp.pi / 4])
                corner = (mp.sin(mp.pi / 4) - mp.cos(mp.pi / 4) - mp.sin(turn) + mp.cos(turn)) / 2
                found.append(
                    (
                        v,
                        (high - low) * weight * y,
                        root - corner + mp.sin(turn) * (v - mp.mpf(1) / 2),
                    )
                )
    return tuple(found)


def of_one_tap(steep: int, b: float, name: str) -> float:
    """P of one tap: -8 ∫ steep σ'(steep v + b) T(v) dv, by parts, T odd about 1/2."""
    slope = sp.lambdify(z, ACTIVATIONS[name].derivative, "mpmath")
    total = mp.mpf(0)
    with mp.workdps(20):
        for v, weight, turned in _levels(name == "sin"):
            total += weight * turned * (slope(steep * v + b) - slope(steep * (1 - v) + b))
        return float(-8 * steep * total)


SMOOTH = [
    name for name, row in ACTIVATIONS.items()
    if not (row.piecewise_linear or row.jumps or name in ("exp", "hardswish"))
]  # fmt: skip


@pytest.mark.parametrize("steep", [1, -20, 140, -300])
@pytest.mark.parametrize("name", SMOOTH)
def test_steep_activations(name: str, steep: int) -> None:
    """Against 20 digits from another formula, and to 1e-6 of P, or of what the taps could make of
    σ.

    One bound on σ⁽¹²⁾ for all of the range, and at most 32 parts to a piece: softplus at 140 was
    272.255 ± 886643.  Balls that lost all digits
    in the tails of σ, and a bound on σ'' for all directions where σ' varies little, did the rest.
    exp has no such bound on its range.
    """
    edge = filter_of(steep * np.ones((1, 1)), 0.0, name)
    found, stated = quadrature_of(edge), of_one_tap(steep, 0.0, name)
    assert found.error is not None
    assert abs(found.value - stated) <= found.error + 1e-9 * abs(steep) ** POWERS.get(name, 1)
    scale = max(abs(found.value), abs(steep) * derivatives_of(edge).sizes[1])
    assert found.error <= 1.2e-6 * scale


POWERS = {"square": 2, "cube": 3}


@pytest.mark.parametrize("name", ["softplus", "tanhshrink", "gelu_tanh", "selu"])
def test_a_steep_difference_nears_the_steep_kink(name: str) -> None:
    """σ(140 z)/140 is within 1/140 of max(z, 0), or of z and its mirror: so is P, up to the length
    of what it is integrated over.
    """
    slopes = {"tanhshrink": 0.0, "selu": 2 * 1.0507009873554805}.get(name, 2.0)
    edge = filter_of(140 * difference(np.ones((1, 1)), (0, 1)), 0.0, name)
    found = strength_of(edge)
    assert found.error is not None and found.error <= 1e-6 * 280
    assert abs(found.value / 140 - slopes) <= 2 * 2 * pi * 2 * reach(3) / 140


@pytest.mark.parametrize(
    "name", ["abs", "relu", "hardtanh", "hardswish", "elu", "selu", "tanh", "cube"]
)
def test_one_direction_by_very_many_places(name: str) -> None:
    """Roots of quadratics and all: a midpoint rule over t, whose error falls as the square of its
    step.
    """
    edge = filter_of(drawn(11), 0.125, name)
    theta, rho, count = np.array([0.4, 2.2]), reach(3), 300_000
    t = rho * ((2 * np.arange(count) + 1) / count - 1)
    sigma, value = activation(name)[0], by_direction(edge, theta)[0]
    for turn, found in zip(theta.tolist(), value.tolist(), strict=True):
        p = edge_response(edge.w[None], t, float(np.cos(turn)), float(np.sin(turn)))[0]
        slow = np.sum(sigma(p + 0.125) - sigma(0.125) - edge.rise * (t > 0)) * 2 * rho / count
        assert found == pytest.approx(slow, abs=1e-9)
