"""Facets: what a piece contributes, the level of a network's pieces, and networks that contain
others.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import activation
from numerics.disk.linear_regions import _least, level
from theory.disk.disk import least
from theory.disk.linear_regions import part, pieces, prove_facets, rows
from theory.expressions.activation import ACTIVATIONS
from verify.disk.ensemble import disk_windows, features_of, state

seeds = st.integers(0, 2**32 - 1)
R = np.linspace(3, 10, 15)
SEEN = disk_windows(R, 3, 13)
LINEAR = [name for name in rows() if name != "identity"]


def _level(name: str, conv: np.ndarray) -> float:
    low, high = level(part, name, conv, SEEN, R)
    assert low <= high
    return low


def _lost(name: str, conv: np.ndarray, a: np.ndarray, c: float) -> float:
    answers = c + a @ features_of(conv[None], SEEN, activation(name)[0])[0]
    return float(np.mean((answers - R) ** 2))


@given(
    st.sampled_from(rows()),
    st.fractions(-9, 9, max_denominator=12),
    st.fractions(-3, 3, max_denominator=8),
)
@example("hardtanh", Fraction(1), Fraction(2))
@example("softshrink", Fraction(-5), Fraction(1))
def test_a_piece_is_linear_in_the_products(name: str, pre: Fraction, a: Fraction) -> None:
    kinks = [Fraction(int(k.location.p), int(k.location.q)) for k in ACTIVATIONS[name].kinks]
    slope, intercept = (
        Fraction(int(x.p), int(x.q)) for x in pieces(name)[sum(pre > k for k in kinks)]
    )
    assert part(slope, intercept, a * pre, a) == a * oracle.RATIONAL[name](pre)


def test_other_rows_have_no_pieces() -> None:
    for name in ("tanh", "hardswish", "hardshrink", "selu"):
        with pytest.raises(ValueError, match="not piecewise linear"):
            pieces(name)


def test_the_proof_knows_every_row_and_needs_the_intercepts() -> None:
    steps = list(prove_facets(part))
    assert all(step.holds for step in steps)
    assert all(any(step.name.startswith(f"{name}:") for step in steps) for name in rows())
    assert not all(step.holds for step in prove_facets(lambda s, o, y, a: s * y))


@given(seeds, st.sampled_from(LINEAR), st.integers(1, 2))
@settings(max_examples=25)
@example(3, "hardtanh", 2)
def test_no_network_with_the_same_pieces_is_below_its_level(
    seed: int, name: str, channels: int
) -> None:
    """Moved as long as no window leaves its piece, with the best readout or any other."""
    rng = np.random.default_rng(seed)
    conv = rng.uniform(-1, 1, (channels, 10))
    told = _level(name, conv)
    kinks = np.array([float(k.location) for k in ACTIVATIONS[name].kinks])
    pattern = np.searchsorted(kinks, conv @ SEEN.rows.T)
    sigma = activation(name)[0]
    for scale in (0, 1e-5, 1e-4, 1e-3):
        moved = conv + scale * rng.normal(size=conv.shape)
        if not np.array_equal(np.searchsorted(kinks, moved @ SEEN.rows.T), pattern):
            continue
        best = state(moved[None], SEEN, R, sigma)
        assert best.loss[0] >= told * (1 - 1e-9)
        a = best.a[0] * (1 + rng.normal(size=channels) / 10)
        assert _lost(name, moved, a, float(rng.normal())) >= told * (1 - 1e-9)


@given(seeds, st.sampled_from(["relu", "abs", "leaky_relu"]))
@settings(max_examples=20)
def test_the_level_knows_signs_only(seed: int, name: str) -> None:
    """Homogeneous rows: the channels' scales and, with them, all weights may change."""
    rng = np.random.default_rng(seed)
    conv = rng.uniform(-1, 1, (2, 10))
    scaled = conv * rng.uniform(0.1, 10, (2, 1))
    assert abs(_level(name, scaled) / _level(name, conv) - 1) < 1e-9


def test_a_held_kink_is_a_constraint() -> None:
    """On the dark face of a difference under abs: above the level of either side, and attained by
    no other readout.
    """
    conv = np.zeros((1, 10))
    conv[0, [3, 4]] = -1, 1
    on = _level("abs", conv)
    conv[0, -1] = 1e-3
    beside = _level("abs", conv)
    assert (
        beside
        < on
        <= state(np.array([[[0, 0, 0, -1, 1, 0, 0, 0, 0, 0]]], dtype=float), SEEN, R, np.abs).loss[
            0
        ]
        * (1 + 1e-9)
    )


def test_on_one_piece_a_channel_counts_pixels_and_on_flat_ones_it_is_dead() -> None:
    """The level is that of a regression on r², by its formula; or the variance of the radii."""
    parabola = float(least(Fraction(3), Fraction(10), Fraction(15)))
    one = np.append(np.full(9, 0.25), 1.0)[None]
    for name in ("relu", "leaky_relu", "abs", "relu6"):
        assert _level(name, one) == pytest.approx(parabola, rel=1e-6)
    for name in ("relu", "relu6", "hardtanh", "hardsigmoid"):
        assert _level(name, one - 40) == pytest.approx(float(np.var(R)), rel=1e-9)
    assert _level("abs", one * [[-1.0] * 9 + [9.0]]) == pytest.approx(parabola, rel=1e-6)


@given(st.sampled_from(LINEAR), st.fractions(-1, 1, max_denominator=12), st.integers(0, 3))
def test_a_kink_is_an_absolute_value_with_some_area(name: str, z: Fraction, which: int) -> None:
    """σ(t + z) - σ(t) = (s₊ + s₋)/2 z + (s₊ - s₋)/2 |z| as long as no other kink is met."""
    kinks = [Fraction(int(k.location.p), int(k.location.q)) for k in ACTIVATIONS[name].kinks]
    k = which % len(kinks)
    low, high = (Fraction(int(s.p), int(s.q)) for s, _ in pieces(name)[k : k + 2])
    sigma = oracle.RATIONAL[name]
    assert sigma(kinks[k] + z) - sigma(kinks[k]) == (high + low) / 2 * z + (high - low) / 2 * abs(z)


def test_what_rounding_makes_is_no_direction() -> None:
    """Of two columns that are one but for the rounding of a large constant in them, one stands out;
    a regression on both would know too much.
    """
    rng = np.random.default_rng(0)
    r = np.linspace(3, 10, 71)
    one = 1e3 + 1e-4 * np.sqrt(r)
    low, high = _least(np.stack([one, one + 1e-12 * rng.normal(size=71)], axis=1), r, 800.0)
    alone = np.stack([np.ones(71), np.sqrt(r)], axis=1)
    left = r - alone @ np.linalg.lstsq(alone, r, rcond=None)[0]
    assert low < high and abs(high / float(np.mean(left**2)) - 1) < 1e-6


# ------------------------------------------------------------------------- networks inside others

CONTAINS = {
    "relu6": (0, 1, 6),
    "hardtanh": (-1, 1, 2),
    "hardsigmoid": (-3, Fraction(1, 6), 6),
    "softshrink": (Fraction(1, 2), 1, None),
}
"""A kink, the slope behind it, and how far it goes; before it, for 1/2 at least, the slope is 0."""


@given(st.sampled_from(sorted(CONTAINS)), st.fractions(-100, 100, max_denominator=9))
def test_a_kink_with_a_flat_side_contains_every_network_of_relu(name: str, pre: Fraction) -> None:
    kink, slope, far = CONTAINS[name]
    small = Fraction(1, 200)  # so that no other kink is met
    assert far is None or 100 * small < far
    sigma = oracle.RATIONAL[name]
    assert (sigma(Fraction(kink) + small * pre) - sigma(Fraction(kink))) / (slope * small) == max(
        pre, 0
    )


BENDS = {
    "softplus": np.log(2),
    "silu": 0.2785,
    "gelu": 0.17,
    "elu": 1.0,
    "celu": 1.0,
    "mish": 0.31,
    "hardswish": 0.375,
}
"""A bound on |σ(z) - max(z, 0)|."""


@given(st.sampled_from(sorted(BENDS)), st.floats(-50, 50), st.floats(1, 1e4))
@example("hardswish", -1.5, 1.0)
def test_soft_bends_tend_to_relu(name: str, z: float, t: float) -> None:
    assert abs(activation(name)[0](t * z) / t - max(z, 0)) <= BENDS[name] / t * (
        1 + 1e-9
    ) + 1e-12 * abs(z)


@given(seeds, st.sampled_from(["tanh", "arctan", "erf", "softsign"]))
@settings(max_examples=20)
def test_an_odd_activation_turns_into_a_gate(seed: int, name: str) -> None:
    """w odd under the point reflection, moved by εu: the features over ε tend to Σ σ'(z)(u ⋆ x +
    β).
    """
    rng = np.random.default_rng(seed)
    sigma, slope = activation(name)
    w, u = rng.normal(size=(2, 9))
    conv, way = np.append(w - w[::-1], 0), np.append(u, rng.normal())
    assume(np.linalg.norm(conv) > 1)
    limit = SEEN.summed(slope(SEEN.rows @ conv) * (SEEN.rows @ way))
    # Taylor's rest, with |σ''| <= 2 in all of these rows.
    rest = SEEN.summed((SEEN.rows @ way) ** 2)
    for scale in (1e-2, 1e-3):
        features = features_of((conv + scale * way)[None, None], SEEN, sigma)[0, 0]
        assert np.all(np.abs(features / scale - limit) <= scale * rest + 1e-9)
    assert np.max(np.abs(features_of(conv[None, None], SEEN, sigma))) < 1e-9


def test_pieces_are_exact() -> None:
    assert pieces("relu6") == ((0, 0), (1, 0), (0, 6))
    assert pieces("hardsigmoid")[1] == (sp.Rational(1, 6), sp.Rational(1, 2))
