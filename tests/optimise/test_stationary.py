"""Stationary points on kinks: whether anything descends."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from verify.models.problem import NetworkBatch, Setting
from verify.optimise import stationary as stationary_module
from verify.optimise.ensemble import train_ensemble
from verify.optimise.residuals import loss_gradient
from verify.optimise.stationary import descent, signs


@given(st.data(), st.integers(0, 3))
def test_multipliers_decide_whether_anything_descends(data: st.DataObject, held: int) -> None:
    """Independent normals, g = -Σ λ n: f'(d) = g·d + Σ γ|n·d| >= 0 for all d iff |λ| <= γ, face by
    face.
    """
    ints = st.integers(-3, 3)
    normals = np.array(
        data.draw(st.lists(st.lists(ints, min_size=4, max_size=4), min_size=held, max_size=held))
    ).reshape(held, 4)
    assume(np.linalg.matrix_rank(normals) == held)
    gamma, multiplier = (
        np.array(data.draw(st.lists(ints, min_size=held, max_size=held)), dtype=float) for _ in "γλ"
    )
    gradient = -multiplier @ normals

    def slope(d: np.ndarray) -> float:
        return gradient @ d + gamma @ np.abs(normals @ d)

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


def test_a_descent_step_finds_what_descent_reports() -> None:
    """Where the steepest slope is negative, the loss falls along some direction; where not, along
    none.
    """
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
                        moved = NetworkBatch(
                            one.w + step[..., :3], one.b + step[..., 3], one.a, one.c
                        )
                        there = loss_gradient(setting, moved)[0][0]
                        assert there >= here - 1e-5 * 4 * way.noise - 1e-13
