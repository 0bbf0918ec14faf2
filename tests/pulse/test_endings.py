"""The endings: levels from signs alone, and a classification that has teeth."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from numerics.pulse.least_loss import dead_level, level
from numerics.pulse.sample import Radii, pulse, windows
from theory.pulse.endings import CLAIM, LAW, blind_floor, tilt
from verify.models.ensemble import Ensemble, Setting, Weights, initial
from verify.models.networks import measure
from verify.optimise import stationary as stationary_module
from verify.optimise.least_squares import gradient_rounding, loss_gradient, train_ensemble
from verify.optimise.stationary import descent, signs
from verify.pulse.claims.endings import check
from verify.pulse.classify import KINDS, classify, wilson
from verify.pulse.settings import CENSUS
from verify.report.lab import TINY, Lab

RELU = Setting("relu", 1, 5)


@pytest.fixture(scope="module")
def trained() -> Ensemble:
    return train_ensemble(RELU, 40, 0)


def test_proof_holds_and_wrong_laws_are_open() -> None:
    assert CLAIM.prove(CLAIM.law).holds
    assert all(not CLAIM.prove(wrong.law).holds for wrong in CLAIM.wrong)


@pytest.mark.parametrize("wrong", CLAIM.wrong, ids=lambda wrong: wrong.name)
def test_check_rejects_wrong_laws(wrong) -> None:
    lab = Lab(TINY, 3)
    assert check(LAW, lab).status == "holds"
    assert check(wrong.law, lab).status == "fails"


@given(st.integers(1, 12), st.integers(1, 4), st.data())
def test_no_function_of_the_fraction_is_below_the_blind_floor(cells, fractions, data) -> None:
    """For any answers f(φ): mean (f - r)² >= Var m, with equality iff f = φ + mean m - 1/2 on the sample."""
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


@given(st.data(), st.integers(0, 3))
def test_multipliers_decide_whether_anything_descends(data: st.DataObject, held: int) -> None:
    """Independent normals, g = -Σ λ n: f'(d) = g·d + Σ γ|n·d| >= 0 for all d iff |λ| <= γ, face by face."""
    ints = st.integers(-3, 3)
    normals = np.array(
        data.draw(st.lists(st.lists(ints, min_size=4, max_size=4), min_size=held, max_size=held))
    ).reshape(held, 4)
    assume(np.linalg.matrix_rank(normals) == held)
    gamma, multiplier = (
        np.array(data.draw(st.lists(ints, min_size=held, max_size=held)), dtype=float) for _ in "γλ"
    )
    gradient = -multiplier @ normals
    slope = lambda d: gradient @ d + gamma @ np.abs(normals @ d)
    # The dual basis moves one held pre-activation at a time.
    dual = np.linalg.pinv(normals.astype(float))
    alone = [side * dual[:, s] for s in range(held) for side in (-1, 1)]
    stationary = bool(np.all(np.abs(multiplier) <= gamma))
    assert all(slope(d) >= -1e-9 for d in alone) == stationary
    if stationary:
        others = np.random.default_rng(0).normal(size=(50, 4))
        assert min(slope(d) for d in others) >= -1e-9
    assert (
        stationary_module._by_edges(gradient, normals.astype(float), gamma) >= -1e-9
    ) == stationary


@given(st.lists(st.integers(-3, 3), min_size=5, max_size=5))
def test_the_edges_decide_for_dependent_normals_too(numbers: list[int]) -> None:
    """Three normals in a plane: f' at the edges of the fan against f' all around."""
    normals = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    gradient, bends = np.array(numbers[:2], dtype=float), np.array(numbers[2:], dtype=float)
    around = 2 * np.pi * np.arange(720) / 720
    ways = np.stack([np.cos(around), np.sin(around)], axis=1)
    lowest = np.min(ways @ gradient + np.abs(ways @ normals.T) @ bends)
    found = stationary_module._by_edges(gradient, normals, bends)
    assert (found >= -1e-9) == (lowest >= -1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_the_programme_s_bound_holds_whatever_it_answers(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Multipliers at random, or nearly right: still below every f'(d) with |d| <= 1."""
    rng = np.random.default_rng(seed)
    normals, bends = rng.integers(-2, 3, (5, 4)).astype(float), rng.integers(-2, 4, 5).astype(float)
    bends[0] = 1.0
    gradient = rng.integers(-2, 3, 4).astype(float)
    ways = rng.uniform(-1, 1, (4000, 4))
    ways /= np.max(np.abs(ways), axis=1, keepdims=True)
    lowest = np.min(ways @ gradient + np.abs(ways @ normals.T) @ bends)
    right = stationary_module.linprog
    for noise in (0.0, 1e-3, 1.0):

        def inaccurate(cost, noise=noise, **given):
            answer = right(cost, **given)
            x = np.zeros(len(cost)) if answer.x is None else answer.x
            return SimpleNamespace(x=np.abs(x + noise * rng.normal(size=len(cost))))

        monkeypatch.setattr(stationary_module, "linprog", inaccurate)
        assert stationary_module._certified(gradient, normals, bends) <= lowest + 1e-12


def test_too_many_edges_are_no_convergence(monkeypatch: pytest.MonkeyPatch) -> None:
    normals, bends = np.eye(3), np.ones(3)
    assert stationary_module._by_edges(np.zeros(3), normals, bends) >= 0
    monkeypatch.setattr(stationary_module, "MOST_EDGES", 2)
    assert stationary_module._by_edges(np.zeros(3), normals, bends) == -np.inf


def test_every_start_has_one_explained_ending(trained) -> None:
    endings = classify(trained)
    assert len(endings) == 40
    assert {ending.kind for ending in endings} <= set(KINDS)
    assert all(ending.explained for ending in endings)
    # The two most frequent endings of one ReLU channel.
    assert {"exact", "dead"} <= {ending.kind for ending in endings}


def test_exact_and_dead_networks_are_what_their_names_say(trained) -> None:
    measured = measure(trained)
    r = RELU.radii.r
    for j, ending in enumerate(classify(trained)):
        if ending.kind == "exact":
            assert ending.level == 0
            assert np.allclose(measured.prediction[j], r, rtol=0, atol=1e-9)
            assert ending.cell in ("linear", "threshold")
        if ending.kind == "dead":
            assert ending.level == dead_level(RELU.radii)
            assert np.ptp(measured.prediction[j]) < 1e-9


def test_single_channels_never_interpolate_nor_balance() -> None:
    """With one channel all bends have one sign: right on the samples is right everywhere."""
    for name in ("relu", "leaky_relu", "abs"):
        endings = classify(train_ensemble(Setting(name, 1, 3), 60, 5))
        assert not [e for e in endings if e.kind == "interpolating" or e.cell == "balanced"]


def _as_ensemble(setting: Setting, weights: Weights, like: Ensemble) -> Ensemble:
    """Weights presented as if the trainer had ended there: it says converged, whatever they are."""
    seen = windows(pulse(setting.radii.r, setting.radii.half_length(setting.taps)), setting.taps)
    pattern = np.sign(weights.w @ seen.windows.T + weights.b[..., None]).astype(np.int8)
    return replace(like, w=weights.w, b=weights.b, a=weights.a, c=weights.c, pattern=pattern)


def test_an_unfinished_trainer_is_caught(trained) -> None:
    """Random starts with the gradient and the signs that they really have are not explained."""
    start = initial(RELU, 40, 0)
    fake = _as_ensemble(RELU, start, trained)
    assert sum(not ending.explained for ending in classify(fake)) >= 35


def test_a_slightly_wrong_weight_is_caught(trained) -> None:
    exact = [j for j, ending in enumerate(classify(trained)) if ending.kind == "exact"]
    weights = trained.weights
    moved = Weights(weights.w, weights.b, weights.a * (1 + 1e-7), weights.c)
    endings = classify(_as_ensemble(RELU, moved, trained))
    assert exact
    assert all(not endings[j].explained for j in exact)


def test_gradient_bound_is_small(trained) -> None:
    """The bound that separates converged from not converged is far below any real gradient."""
    assert np.max(gradient_rounding(RELU, trained.weights)) < 1e-6


def test_a_ridge_is_no_ending() -> None:
    """abs at w = b = 0: both sides descend, though Clarke's subdifferential contains 0."""
    setting = Setting("abs", 1, 3)
    like = train_ensemble(setting, 1, 0)
    ridge = Weights(
        np.zeros((1, 1, 3)), np.zeros((1, 1)), np.ones((1, 1)), np.array([np.mean(setting.radii.r)])
    )
    (ending,) = classify(_as_ensemble(setting, ridge, like))
    assert ending.kind == "not converged"
    assert not ending.explained


def test_huge_weights_that_cancel_are_not_judged() -> None:
    """A constant answer made of 1e13 - 1e13: its rounding exceeds any loss."""
    setting = Setting("relu", 2, 3)
    like = train_ensemble(setting, 1, 0)
    huge = Weights(
        np.zeros((1, 2, 3)), np.full((1, 2), 1e13), np.array([[1.0, -1.0]]), np.array([3.5])
    )
    (ending,) = classify(_as_ensemble(setting, huge, like))
    assert not ending.explained


def test_what_the_trainer_says_is_not_used(trained) -> None:
    """Other signs, other held kinks, no convergence: the classification stays the same."""
    liar = replace(
        trained,
        pattern=-trained.pattern,
        held=tuple(() for _ in trained.held),
        stationary=~trained.stationary,
        gradient=trained.gradient + 1,
    )
    assert classify(liar) == classify(trained)


def test_a_descent_step_finds_what_descent_reports() -> None:
    """Where the steepest slope is negative, the loss falls along some direction; where not, along none."""
    rng = np.random.default_rng(0)
    for name in ("relu", "abs"):
        setting = Setting(name, 1, 3)
        ensemble = train_ensemble(setting, 10, 1)
        for weights, ended in ((ensemble.weights, True), (ensemble.start, False)):
            pattern = signs(setting, weights)
            for j in range(10):
                way = descent(setting, weights, j, pattern[j])
                assert (way.slope >= -way.noise) == ended or name == "relu"
                if way.slope >= -way.noise:
                    one = weights[np.array([j])]
                    here = loss_gradient(setting, one)[0][0]
                    for _ in range(50):
                        step = 1e-5 * rng.normal(size=(1, 1, 4))
                        moved = Weights(one.w + step[..., :3], one.b + step[..., 3], one.a, one.c)
                        there = loss_gradient(setting, moved)[0][0]
                        assert there >= here - 1e-5 * 4 * way.noise - 1e-13


@given(st.integers(1, 500), st.data())
def test_wilson_interval_contains_the_share(total, data) -> None:
    count = data.draw(st.integers(0, total))
    low, high = wilson(count, total)
    assert 0 <= low <= count / total + 1e-12
    assert count / total - 1e-12 <= high <= 1
    assert low < high


@pytest.mark.slow
@pytest.mark.parametrize("setting", CENSUS, ids=str)
def test_census_leaves_nothing_unexplained(setting) -> None:
    """Two hundred starts of a seed that no report uses."""
    endings = classify(train_ensemble(setting, 200, 20260))
    floor = float(blind_floor(Fraction(setting.cells)))
    assert [e for e in endings if not e.explained] == []
    assert all(e.loss >= floor - e.tolerance for e in endings if e.kind == "blind")
