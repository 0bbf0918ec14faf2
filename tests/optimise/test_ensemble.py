"""The batched trainer: its Jacobian, its bookkeeping, and an independent look at every ending."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.pulse.sample import pulse
from tests.gradients import gradient_rounding
from theory.expressions.activation import ACTIVATIONS
from verify.models.problem import Ensemble, NetworkBatch, Setting, initial
from verify.optimise import ensemble as ensemble_module
from verify.optimise.ensemble import fit, train_ensemble
from verify.optimise.residuals import loss_gradient, rounding, task

EPS = np.finfo(float).eps
HOMOGENEOUS = ("identity", "relu", "leaky_relu", "abs")
SLOW = {
    "identity": lambda z: z,
    "relu": lambda z: max(z, 0.0),
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "abs": abs,
}


def one(weights: NetworkBatch, j: int) -> NetworkBatch:
    return weights[np.array([j])]


def slow_errors(setting: Setting, at: NetworkBatch, j: int) -> list[float]:
    """r̂ - r by loops over radii, positions and taps, on the signals themselves."""
    radii, n = setting.radii, setting.taps
    length = radii.half_length(n)
    sigma = SLOW[setting.activation]
    errors = []
    for r in radii.r:
        signal = pulse(float(r), length)
        total = float(at.c[j])
        for k in range(setting.channels):
            for i in range(len(signal)):
                z = float(at.b[j, k])
                for u in range(n):
                    position = i + u - n // 2
                    if 0 <= position < len(signal):
                        z += at.w[j, k, u] * signal[position]
                total += at.a[j, k] * sigma(z)
        errors.append(total - float(r))
    return errors


@pytest.mark.parametrize("activation", HOMOGENEOUS)
@pytest.mark.parametrize("first", [0, 1])
def test_returned_loss_is_that_of_the_signals(activation: str, first: int) -> None:
    setting = Setting(activation, 2, 3, first, 3, 4)
    ensemble = train_ensemble(setting, 6, 1)
    bound = rounding(setting, ensemble.weights)
    for j in range(6):
        slow = np.array(slow_errors(setting, ensemble.weights, j))
        off = float(np.sqrt(np.mean(bound[j] ** 2)))
        loss = float(np.mean(slow**2))
        assert abs(ensemble.loss[j] - loss) <= 4 * (np.sqrt(loss) * off + off**2)


def test_same_seed_same_networks_whatever_their_number() -> None:
    setting = Setting("abs", 2, 5)
    few, many = train_ensemble(setting, 3, 7), train_ensemble(setting, 20, 7)
    for name in ("w", "b", "a", "c", "loss", "pattern", "steps"):
        assert np.array_equal(getattr(few, name), getattr(many, name)[:3]), name
    assert few.held == many.held[:3]
    other = initial(setting, 3, 8)
    assert not np.array_equal(other.w, few.start.w)


FIELDS = ("w", "b", "a", "c", "loss", "gradient", "pattern", "stationary", "steps")


def same(one: Ensemble, other: Ensemble) -> None:
    """Every bit."""
    for name in FIELDS:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert one.held == other.held
    assert all(map(np.array_equal, one.multipliers, other.multipliers))


@given(
    st.sampled_from([Setting("relu", 1, 5), Setting("abs", 2, 3), Setting("leaky_relu", 2, 5)]),
    st.integers(1, 20),
    st.integers(0, 1000),
)
@settings(max_examples=20)
def test_the_same_networks_whatever_the_chunk(setting: Setting, size: int, seed: int) -> None:
    whole = train_ensemble(setting, 17, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ensemble_module, "CHUNK", size)
        same(train_ensemble(setting, 17, seed), whole)


def test_the_same_networks_whoever_trains_the_chunks() -> None:
    setting = Setting("relu", 2, 3)
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(3) as executor:
        patch.setattr(ensemble_module, "CHUNK", 4)
        same(train_ensemble(setting, 20, 0, executor), train_ensemble(setting, 20, 0))


@given(st.sampled_from(["tanh", "softplus", "gelu", "selu", "mish"]), st.integers(1, 2), st.data())
@settings(max_examples=20)
def test_smooth_fits_do_not_see_their_neighbours(
    name: str, channels: int, data: st.DataObject
) -> None:
    setting = Setting(name, channels, 3, 0, 2, 4)
    start = initial(setting, 9, data.draw(st.integers(0, 1000)))
    some = np.array(data.draw(st.lists(st.integers(0, 8), min_size=1, max_size=9)))
    whole, part = fit(setting, start, 40), fit(setting, start[some], 40)
    assert np.array_equal(part.points, whole.points[some])


def exact(ensemble: Ensemble) -> np.ndarray:
    """Networks whose every error is rounding."""
    off = rounding(ensemble.setting, ensemble.weights)
    return ensemble.loss <= np.mean(off**2, axis=1)


def climbs_everywhere(ensemble: Ensemble, j: int, rng: np.random.Generator) -> bool:
    """No direction descends from network j: tried on the loss itself, along 400 directions.

    Along d the loss is quadratic but for crossings, so a step t sees the slope up to curvature: a
    descent steeper than the rounding of the loss over t, plus t times the curvature, would show.
    """
    setting, at = ensemble.setting, one(ensemble.weights, j)
    here = ensemble.loss[j]
    off = float(np.sqrt(np.mean(rounding(setting, at) ** 2)))
    noise = 8 * (np.sqrt(here) * off + off**2)
    count = 400
    shapes = [at.w.shape[1:], at.b.shape[1:], at.a.shape[1:], ()]
    scale = max(1.0, float(np.max(np.abs(at.w))), float(np.max(np.abs(at.a))))
    for step in (1e-5, 1e-3):
        w, b, a, c = (rng.standard_normal((count, *shape)) * step * scale for shape in shapes)
        moved = NetworkBatch(at.w + w, at.b + b, at.a + a, at.c + c)
        loss, _ = loss_gradient(setting, moved)
        # Second-order terms in (a, v) leave the cell's convex quadratic: |e| |da| |dF| at most.
        d_feature = np.abs(w).sum(axis=2) + np.abs(b)
        positions = setting.pixels
        bilinear = 2 * np.sqrt(here) * positions * np.sum(np.abs(a) * d_feature, axis=1)
        if np.any(loss < here - noise - bilinear):
            return False
    return True


@pytest.mark.parametrize("activation", HOMOGENEOUS)
@pytest.mark.parametrize(
    ("channels", "taps", "first"), [(1, 3, 0), (1, 5, 1), (2, 3, 0), (2, 7, 0)]
)
def test_every_network_is_exact_or_stationary(
    activation: str, channels: int, taps: int, first: int
) -> None:
    setting = Setting(activation, channels, taps, first, 8 if first else 4, 4)
    ensemble = train_ensemble(setting, 40, 2)
    assert ensemble.stationary.all()
    assert np.all(ensemble.gradient <= gradient_rounding(setting, ensemble.weights))
    rng = np.random.default_rng(0)
    for j in np.nonzero(~exact(ensemble))[0]:
        assert climbs_everywhere(ensemble, int(j), rng), j


def test_a_network_that_is_not_at_its_end_is_noticed() -> None:
    setting = Setting("relu", 1, 3, 0, 4, 4)
    ensemble = train_ensemble(setting, 40, 2)
    rng = np.random.default_rng(0)
    start = ensemble.start
    loss, gradient = loss_gradient(setting, start)
    plain = Ensemble(**{**vars(ensemble), **vars(start), "loss": loss})
    caught = [not climbs_everywhere(plain, j, rng) for j in range(40)]
    moving = np.linalg.norm(gradient, axis=1) > gradient_rounding(setting, start)
    assert np.array_equal(caught, moving)
    assert np.sum(moving) >= 30


def test_held_faces_are_zero_and_keep_their_multipliers() -> None:
    found = 0
    for activation in ("relu", "leaky_relu", "abs"):
        setting = Setting(activation, 1, 3, 1, 8, 4)
        ensemble = train_ensemble(setting, 100, 0)
        extended = task(setting).view.rows
        for j, (faces, table) in enumerate(zip(ensemble.held, ensemble.multipliers, strict=True)):
            assert set(faces) == {
                (int(k), int(s)) for k, s in np.argwhere(ensemble.pattern[j] == 0)
            }
            for (k, s), (force, gamma) in zip(faces, table, strict=True):
                v = np.append(ensemble.w[j, k], ensemble.b[j, k])
                assert abs(extended[s] @ v) <= 8 * len(v) * EPS * np.sum(np.abs(v))
                if len(faces) == 1 and gamma:
                    # The one-sided slopes, measured: both sides climb, by γ - λ and γ + λ.
                    normal = extended[s] / (extended[s] @ extended[s])
                    for side in (1.0, -1.0):
                        slope = side * 1e-7 * normal
                        at = one(ensemble.weights, j)
                        moved = NetworkBatch(at.w + slope[:-1], at.b + slope[-1], at.a, at.c)
                        rise = (loss_gradient(setting, moved)[0][0] - ensemble.loss[j]) / 1e-7
                        curve = 1e-7 * np.sum(task(setting).view.counts) ** 2 * at.a[0, 0] ** 2
                        assert abs(rise - (gamma - side * force)) <= curve + 1e-7
                        assert rise > 0
                    found += 1
    assert found >= 5


def test_faces_are_closed_under_dependence() -> None:
    problem = task(Setting("relu", 1, 3, 0, 4, 4))
    rows = problem.view.windows
    between = np.all(rows[:, [0, 1]] == [0.0, 0.0], axis=1)
    assert sorted(rows[between][:, 2]) == [0, 0.25, 0.5, 0.75, 1]
    # Two windows of one staircase segment at 0 make its tap 0, and with it the whole segment.
    held = np.isin(np.arange(len(rows)), np.nonzero(between)[0][:2])
    implied, free, across = problem.face(held[None])
    assert np.array_equal(implied, between[None])
    assert (free.shape, across.shape) == ((5, 3), (5, 2))
    assert np.max(np.abs(problem.normals[0, between] @ free)) <= 16 * EPS


@pytest.mark.parametrize("activation", ["tanh", "softplus", "hardtanh", "square"])
def test_other_activations_descend_too(activation: str) -> None:
    ensemble = train_ensemble(Setting(activation, 1, 3, 0, 4, 4), 5, 0)
    before, _ = loss_gradient(ensemble.setting, ensemble.start)
    assert not ACTIVATIONS[activation].homogeneous
    assert np.all(ensemble.loss <= before)
    assert all(faces == () for faces in ensemble.held)
