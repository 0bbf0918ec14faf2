"""Shares: edges from both sides, P from half a turn, squares and their lags, floors by duality, and
the trainer.
"""

from __future__ import annotations

from fractions import Fraction
from math import pi

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import activation
from numerics.arithmetic.rounding import gamma, lipschitz
from numerics.disk.disk import disk
from numerics.disk.perimeter import Midpoints, edge_response, reach, strength, strength_bound
from theory.disk.perimeter import lack
from theory.disk.shares import CLAIM, LAW, opposite, share
from verify.disk.claims import shares as evidence
from verify.report.lab import TINY, Lab

seeds = st.integers(0, 2**32 - 1)
R = np.linspace(3, 10, 15)
FEW = Midpoints(3, 192, 96)


@given(seeds, st.sampled_from([1, 3, 5]), st.floats(0.05, 1.5), st.floats(-4, 4))
@example(0, 3, pi / 4, 0.0)
def test_an_edge_from_the_other_side(seed: int, n: int, angle: float, t: float) -> None:
    w = np.random.default_rng(seed).normal(size=(1, n, n))
    c, s = float(np.cos(angle)), float(np.sin(angle))
    here = edge_response(w, np.array([t]), c, s)[0, 0]
    back = edge_response(w, np.array([-t]), -c, -s)[0, 0]
    slack = 8 * gamma(60) * np.abs(w).sum() * (abs(t) + reach(n) + 2) ** 2 / (c * s)
    assert abs(opposite(here, w.sum()) - back) <= slack


@given(seeds, st.sampled_from(["tanh", "arctan", "erf", "softsign"]))
def test_an_odd_activation_in_the_middle_has_no_perimeter(seed: int, name: str) -> None:
    """b = -S/2: g is odd about S/2, so P = 0 whatever the filter; with S = 0 too, this is b = 0."""
    w = np.random.default_rng(seed).normal(size=(2, 3, 3))
    w[1] -= w[1].mean()
    found = strength(w, -w.sum(axis=(1, 2)) / 2, activation(name)[0], FEW)
    assert np.max(np.abs(found)) < 1e-10
    moved = strength(w, -w.sum(axis=(1, 2)) / 2 + 0.7, activation(name)[0], FEW)
    assert np.min(np.abs(moved)) > 1e-6


@pytest.mark.parametrize("name", ["tanh", "softplus", "leaky_relu", "sigmoid", "elu", "identity"])
@given(st.floats(-2, 2), st.floats(-1, 1))
@example(0.0, 0.3)
@example(2.0**-20, -1.0)
def test_a_strictly_monotone_channel_has_no_area_only_without_a_sum(
    name: str, total: float, b: float
) -> None:
    sigma = activation(name)[0]
    rise = float(sigma(np.array(total + b)) - sigma(np.array(b)))
    assume(not total or abs(total) > 2.0**-24)
    assert (rise == 0) == (total == 0)


def test_a_difference_without_a_bias_is_nothing_to_odd_rows_only() -> None:
    """Cause: it had been said of all strictly monotone rows; softplus and the leaky ReLU see its
    perimeter.
    """
    w = np.zeros((1, 3, 3))
    w[0, 1, 1], w[0, 2, 1] = -1, 1
    for name, odd in (
        ("tanh", True),
        ("softsign", True),
        ("softplus", False),
        ("leaky_relu", False),
        ("elu", False),
    ):
        found = strength(w, 0.0, activation(name)[0], FEW)[0]
        assert (abs(found) < 1e-10) == odd and (abs(found) > 0.1) == (not odd)


@given(st.fractions(-3, 3, max_denominator=8), st.fractions(-3, 3, max_denominator=8))
@example(Fraction(1), Fraction(-1, 2))
@example(Fraction(0), Fraction(1))
def test_the_area_of_squares_cancels_in_two_ways(total: Fraction, b: Fraction) -> None:
    rise = oracle.RATIONAL["square"](total + b) - oracle.RATIONAL["square"](b)
    assert (rise == 0) == (total == 0 or b == -total / 2)


@given(seeds, st.integers(1, 6), st.integers(1, 6))
def test_a_multiplier_with_a_pull_bounds_from_below(seed: int, rows: int, columns: int) -> None:
    """|u|² >= (h·λ)²/|Gᵀλ|² where Gu >= h, λ >= 0 and h·λ > 0; without the last, u = 0 may do."""
    rng = np.random.default_rng(seed)
    g, u, multiplier = (
        rng.normal(size=(rows, columns)),
        rng.normal(size=columns),
        rng.uniform(0, 1, rows),
    )
    h = g @ u - rng.uniform(0, 0.3, rows)
    pull = float(h @ multiplier)
    if pull > 0:
        assert u @ u >= pull**2 / float(np.sum((g.T @ multiplier) ** 2)) * (1 - 1e-9)
    assert np.all(g @ np.zeros(columns) >= -np.abs(h)) and (np.abs(h) @ multiplier) ** 2 > 0


@pytest.mark.parametrize("taps", [1, 3, 5])
def test_a_saturated_unit_counts_a_disk_grown_by_6_over_pi(taps: int) -> None:
    """Cause: only edges across an axis had been looked at, where a window reaches n/2 beyond;
    across a diagonal it is n/√2.

    σ steps as soon as a window touches the disk.  A place on the grid is off by a half of its step,
    in every direction.
    """
    w, on = np.ones((1, taps, taps)), lambda z: (z > 1e-9) * 1.0
    near = 2 * reach(taps) / 480 + 1e-3
    assert abs(strength(w, 0.0, on)[0] / (2 * pi) - 2 * taps / pi) <= near
    t = np.linspace(-4, 0, 8001)
    for c, s in ((1.0, 0.0), (0.6, 0.8), (0.5**0.5, 0.5**0.5)):
        first = float(t[np.argmax(edge_response(w, t, c, s)[0] > 1e-9)])
        assert abs(-first - taps / 2 * (c + s)) < 1e-3
    assert abs(6 / pi - 1.9099) < 1e-4


@given(
    seeds,
    st.sampled_from(
        [
            ("relu6", 0.0, 1.0),
            ("hardtanh", -1.0, 1.0),
            ("hardsigmoid", -3.0, 1 / 6),
            ("softshrink", 0.5, 1.0),
        ]
    ),
)
@example(704, ("softshrink", 0.5, 1.0))
@settings(max_examples=12)
def test_a_kink_with_a_flat_side_contains_relu(seed: int, kind: tuple[str, float, float]) -> None:
    """Cause: the page said w/ε for w, which meets every other kink.  It is εw, t + εb and a/(εs),
    the constant in c.
    """
    (name, t, slope), rng, eps = kind, np.random.default_rng(seed), 2.0**-6
    w, b, a = rng.normal(size=(3, 3)), float(rng.normal()), float(rng.normal())
    windows = np.lib.stride_tricks.sliding_window_view(disk([3.4, 5.2], 8), (3, 3), axis=(1, 2))
    z = np.einsum("rijuv,uv->rij", windows, w)
    sigma, flat = activation(name)[0], float(activation(name)[0](np.array(t)))
    there = a / (eps * slope) * (sigma(eps * z + (t + eps * b)) - flat)
    stated = a * np.maximum(z + b, 0)
    assert eps * (np.abs(w).sum() + abs(b)) < 0.9
    assert np.max(np.abs(there - stated)) < 1e-10 * (1 + abs(a)) / slope
    # Between its kinks softshrink shows the mistake only where the unit is dark.
    high, low = float(np.max(z + b)), float(np.min(z + b))
    assume(abs(a) > 0.03 and high > 0.3 and -low > 0.2 * high)
    wrong = a * eps / slope * (sigma(z / eps + (t + b / eps)) - flat)
    assert np.max(np.abs(wrong - stated)) > 0.1 * np.max(np.abs(stated))


@pytest.mark.parametrize("name", ["abs", "tanh", "softplus"])
def test_half_a_turn_gives_the_whole_perimeter(name: str) -> None:
    """The same midpoints, seen edge by edge on all of the turn."""
    rng = np.random.default_rng(5)
    w, b = rng.normal(size=(3, 3, 3)), rng.normal(size=3)
    sigma, whole = activation(name)[0], np.zeros(3)
    dark, full = sigma(b)[:, None], sigma(w.sum(axis=(1, 2)) + b)[:, None]
    for angle in FEW.turn.tolist():
        p = edge_response(w, FEW.t, float(np.cos(angle)), float(np.sin(angle)))
        whole += np.sum(lack(sigma(p + b[:, None]), dark, full, (FEW.t > 0) * 1.0), axis=1)
    found = strength(w, b, sigma, FEW)
    assert found == pytest.approx(FEW.weight * whole, rel=1e-9, abs=1e-9)
    steep = lipschitz(name, np.abs(w).sum(axis=(1, 2)) + np.abs(b))
    fine = strength(w, b, sigma)
    assert np.all(np.abs(found - fine) <= strength_bound(w, steep, FEW) + strength_bound(w, steep))
    assert np.all(np.abs(found - fine) <= 0.01 * np.abs(w).sum(axis=(1, 2)))


@given(st.floats(0.1, 3), st.sampled_from([3, 5]))
@example(1.0, 3)
def test_differences_have_four_moments(across: float, n: int) -> None:
    w = np.zeros((1, n, n))
    w[0, n // 2 + 1, n // 2], w[0, n // 2, n // 2] = across, -across
    rule = Midpoints(n, 192, 96)
    found = strength(w, 0.0, np.abs, rule)[0]
    assert abs(found - 4 * across) <= strength_bound(w, 1.0, rule)[0]
    half = strength(w, 0.0, lambda z: np.maximum(z, 0), rule)[0]
    assert abs(2 * half - found) <= 1e-9


@given(seeds, st.integers(1, 4), st.integers(2, 20))
def test_the_shares_of_any_network(seed: int, channels: int, count: int) -> None:
    """Also with features that come from nowhere, and P and Δ that mean nothing."""
    rng = np.random.default_rng(seed)
    r = np.linspace(3, 10, count)
    f, a, c = rng.normal(size=(channels, count)), rng.normal(size=channels), rng.normal()
    length, area = rng.normal(size=(2, channels))
    error, spread = a @ f + c - r, float(np.var(r))
    left = sum(2 * np.mean(error * f[k]) * a[k] for k in range(channels))
    left += (c - 6.5) * 2 * np.mean(error)
    rest = f - area[:, None] * r**2 - length[:, None] * r
    stated = share(a, length, area, rest @ (r - 6.5) / (count * spread), 6.5)
    assert abs(stated - (1 - np.mean(error**2) / spread + left / (2 * spread))) < 1e-9


@pytest.mark.parametrize(
    ("name", "b"),
    [("tanh", 0.6), ("softplus", 0.0), ("silu", -0.7), ("gelu", 0.3), ("sigmoid", 1.0)],
)
def test_small_weights_turn_every_bent_activation_into_a_square(name: str, b: float) -> None:
    """σ(b + εz) with S = 0: less its constant, over ε²σ''(b)/2, the features tend to Σ z²; ε² on
    each tap adds area.
    """
    rng = np.random.default_rng(1)
    (sigma, slope), w = activation(name), rng.normal(size=(3, 3))
    w -= w.mean()
    x = disk(R, 13)
    z, seen = (
        sum(one[u, v] * np.roll(x, (1 - u, 1 - v), axis=(1, 2)) for u in range(3) for v in range(3))
        for one in (w, np.ones((3, 3)))
    )
    here = np.array([b - 1e-4, b, b + 1e-4])
    bend, steep = float(np.diff(slope(here)[::2])[0]) / 2e-4 / 2, float(slope(here)[1])
    for more, stated in (
        (0.0, np.sum(z * z, axis=(1, 2))),
        (0.3, np.sum(z * z, axis=(1, 2)) + 9 * 0.3 * steep / bend * pi * R**2),
    ):
        gaps = []
        for scale in (0.1, 0.01):
            inside = b + scale * z + scale**2 * more * seen
            features = np.sum(sigma(inside) - sigma(np.array(b)), axis=(1, 2)) / (scale**2 * bend)
            gaps.append(np.max(np.abs(features - stated)))
        assert gaps[1] < 0.2 * gaps[0]
        assert gaps[1] < 0.05 * np.max(np.abs(stated))


# --------------------------------------------------------------------------------------- evidence


@pytest.mark.thorough
@pytest.mark.parametrize("wrong", CLAIM.wrong, ids=lambda wrong: wrong.name)
def test_wrong_laws_are_rejected_by_every_column(wrong) -> None:
    lab = Lab(TINY)
    assert not CLAIM.prove(wrong.law).holds
    assert evidence.check(wrong.law, lab).status == "fails"


@pytest.mark.thorough
def test_the_law_holds_on_few_cases() -> None:
    assert evidence.check(LAW, Lab(TINY)).status == "holds"


@pytest.mark.thorough
def test_the_figures_are_drawn() -> None:
    assert [one.id for one in evidence.figures(Lab(TINY))] == [
        "shares-losses",
        "shares-beyond",
        "shares-freed",
        "shares-filters",
    ]
