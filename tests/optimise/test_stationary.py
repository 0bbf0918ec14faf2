"""Stationary points on kinks: whether anything descends."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from numerics.pulse.sample import pulse
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
    assume(held == 0 or np.linalg.matrix_rank(normals) == held)
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
    assert stationary_module.MOST_EDGES == 2 * 10**6
    monkeypatch.setattr(stationary_module, "MOST_EDGES", 3)
    assert stationary_module._by_edges(np.zeros(3), normals, bends) >= 0
    monkeypatch.setattr(stationary_module, "MOST_EDGES", 2)
    assert stationary_module._by_edges(np.zeros(3), normals, bends) == -np.inf


def test_a_sign_is_held_up_to_the_rounding_of_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """(n + 1)^(3/2) γ_{2n+2} |(w, b)| = 8 · 5 γ_8 for w = (3, 0, 0) and b = -4: just 1 with this γ.

    Where all is lit the pre-activation is -1, or a bit less, or a bit more.
    """
    monkeypatch.setattr(stationary_module, "accumulated", lambda terms: terms / 320)
    lit = stationary_module._view(Setting("relu", 3)).windows.min(axis=1) == 1
    b = -4 + np.array([[0.0, -(2.0**-20), 2.0**-20]])
    batch = NetworkBatch(np.tile([3.0, 0, 0], (1, 3, 1)), b, np.ones((1, 3)), np.zeros(1))
    assert signs(Setting("relu", 3), batch)[0][:, lit].T.tolist() == [[0, -1, 0]] * sum(lit)
    assert np.all(signs(Setting("tanh", 3), batch) == 1)


def _by_loops(
    setting: Setting, net: Any, gamma: float, terms: int
) -> tuple[float, float, list[Any]]:
    """What descends by c and a, and the rounding of all; for each channel g, n_s and γ_s.

    Plain loops, on windows that are nothing but 0, 1 and a fraction.
    """
    w, b, a, c = (np.asarray(part)[0].tolist() for part in (net.w, net.b, net.a, net.c))
    low, high = {"relu": (0, 1), "leaky_relu(3)": (3, 1), "abs": (-1, 1)}[setting.activation]
    radii = setting.radii
    half = radii.half_length(setting.taps)
    signals = [pulse(r, half + setting.taps // 2).tolist() for r in radii.r]
    seen = [
        [tuple(x[i : i + setting.taps]) for i in range(2 * half + 1)] for x in signals
    ]  # zeros outside are there already

    def dot(u: Iterable[float], v: Iterable[float]) -> float:
        return sum(x * y for x, y in zip(u, v, strict=True))

    def held(k: int, u: Iterable[float]) -> bool:
        return abs(dot(w[k], u) + b[k]) < 1e-9

    def slope(z: float) -> float:
        return high if z > 0 else low

    share, channels = 2 / len(signals), range(setting.channels)
    features, masses, errors, offs = [], [], [], []
    for r, positions in zip(radii.r, seen, strict=True):
        z = [[dot(w[k], u) + b[k] for u in positions] for k in channels]
        features.append([sum(0 if abs(v) < 1e-9 else slope(v) * v for v in z[k]) for k in channels])
        masses.append(
            [sum(dot(map(abs, w[k]), u) + abs(b[k]) for u in positions) for k in channels]
        )
        errors.append(c + dot(a, features[-1]) - r)
        size = dot(map(abs, a), masses[-1]) + abs(c) + r
        offs.append(gamma * terms * (2 * size + abs(errors[-1])))
    lowest, noise, parts = -abs(share * sum(errors)), share * sum(offs), []
    for k in channels:
        lowest -= abs(share * sum(e * f[k] for e, f in zip(errors, features, strict=True)))
        noise += share * sum(o * m[k] for o, m in zip(offs, masses, strict=True))
        gradient, normals = np.zeros(setting.taps + 1), {}
        for e, o, positions in zip(errors, offs, seen, strict=True):
            for u in positions:
                row, force = np.array([*u, 1.0]), share * a[k] * e
                off = share * abs(a[k]) * o * max(abs(low), abs(high))
                noise += off * sum(row)
                if held(k, u):
                    gradient += force * (low + high) / 2 * row
                    bend, reach = normals.get(u, (0.0, 0.0))
                    normals[u] = bend + force * (high - low) / 2, reach + off
                else:
                    gradient += force * slope(dot(w[k], u) + b[k]) * row
        parts.append((gradient, normals))
    return lowest, noise, parts


@pytest.mark.parametrize("name", ["relu", "leaky_relu(3)", "abs"])
@pytest.mark.parametrize("gamma", [2.0**-52, 2.0**-20, 2.0**-12, 2.0**-9, 1.0])
def test_the_way_down_is_that_of_plain_loops(
    name: str, gamma: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dark windows are held in one channel, lit ones in the other; a larger γ drops faint kinks."""
    setting = Setting(name, 2)
    net = NetworkBatch(
        np.array([[[0.5, -0.25, 0.75], [1.0, 0.5, 0.25]]]),
        np.array([[0.0, -1.75]]),
        np.array([[0.5, 0.125]]),
        np.array([-0.5]),
    )
    asked: list[int] = []
    monkeypatch.setattr(
        stationary_module, "accumulated", lambda terms: asked.append(terms) or gamma * terms
    )
    monkeypatch.setattr(stationary_module, "_least", lambda *parts: given.append(parts) or -1 / 8)
    given: list[Any] = []
    pattern = signs(setting, net)[0] if gamma < 2.0**-50 else _pattern(setting, net)
    asked.clear()
    way = descent(setting, net, 0, pattern)
    positions = 2 * setting.radii.half_length(setting.taps) + 1
    assert asked == [positions + 2 * setting.taps + 8]
    lowest, noise, parts = _by_loops(setting, net, gamma, asked[0])
    strongest = 0.0
    for (gradient, normals, bends, _), (expected, found) in zip(given, parts, strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-9)
        kept = {u: bend for u, (bend, reach) in found.items() if abs(bend) > reach}
        lowest -= sum(abs(found[u][0]) * (sum(u) + 1) for u in found if u not in kept)
        strongest = max([strongest, *map(abs, kept.values())])
        assert {tuple(row[:-1]) for row in normals} == set(kept)
        np.testing.assert_allclose(bends, [kept[tuple(row[:-1])] for row in normals], rtol=1e-9)
    assert way.held == (strongest > 0)
    np.testing.assert_allclose((way.slope, way.noise), (lowest - 1 / 4, 2 * noise), rtol=1e-9)


def _pattern(setting: Setting, net: NetworkBatch) -> Any:
    view = stationary_module._view(setting)
    return np.sign(net.w @ view.windows.T + net.b[..., None])[0].astype(np.int8)


def test_the_cheapest_bound_that_suffices_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """By size, here -4, unless that is below -noise/2; then a certificate, of faces if there are
    some; then all edges.
    """
    asked: list[str] = []
    for name, answer in {"_certified": -3.0, "_by_edges": -7.0}.items():
        monkeypatch.setattr(
            stationary_module, name, lambda *_, n=name, a=answer: asked.append(n) or a
        )
    face = np.array([1.0, 2.0]), np.array([[1.0, -1.0]]), np.array([-0.5])
    none = np.array([-1.0, 3.0]), np.zeros((0, 2)), np.zeros(0)
    for problem, noise, answer, names in (
        (face, 8.0, -4.0, []),
        (face, 7.9, -3.0, ["_certified"]),
        (face, 6.0, -3.0, ["_certified"]),
        (face, 5.9, -7.0, ["_certified", "_by_edges"]),
        (none, 8.0, -4.0, []),
        (none, 7.9, -7.0, ["_by_edges"]),
    ):
        asked.clear()
        assert (stationary_module._least(*problem, noise), asked) == (answer, names)


def test_a_certificate_is_as_good_as_its_programme() -> None:
    """Where upward faces outweigh gradient and downward faces the bound is 0, else below every
    f'(d), and not far.
    """
    rng = np.random.default_rng(0)
    for scale in (1.0, 4.0, 0.25):
        normals = np.vstack([np.eye(3), [[1.0, 1.0, 0.0], [0.0, 2.0, -1.0]]])
        bends = scale * np.array([4.0, 5.0, 6.0, -1.0, -2.0])
        gradient = scale * np.array([3.0, 0.0, -4.0])
        # |g_u| + Σ |γ_s| |M_su| for e_1, e_2, e_3: 3 + 1, 0 + 1 + 4, 4 + 2.
        assert abs(stationary_module._certified(gradient, normals, bends)) < 1e-12 * scale
        bends[:3] *= 0.5  # too little by 2, 2.5 and 3
        found = stationary_module._certified(gradient, normals, bends)
        ways = rng.uniform(-1, 1, (4000, 3))
        assert found <= np.min(ways @ gradient + np.abs(ways @ normals.T) @ bends)
        np.testing.assert_allclose(found, -7.5 * scale)
        flat = stationary_module._certified(gradient, normals[:3], bends[:3])
        np.testing.assert_allclose(flat, -(1 + 0 + 1) * scale)
        none = stationary_module._certified(gradient, normals, -np.abs(bends))
        assert none == -np.inf


@pytest.mark.parametrize("scale", [1.0, 4.0, 0.25])
def test_the_best_multipliers_are_found_among_many(scale: float) -> None:
    """(3, 3) = 1 e_1 + 1 e_2 + 2 (1, 1), and no other multipliers are as small as these bends."""
    normals = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    gradient, bends = scale * np.array([3.0, 3.0]), scale * np.array([1.0, 1.0, 2.0])
    assert abs(stationary_module._certified(gradient, normals, bends)) < 1e-9 * scale
    assert abs(stationary_module._by_edges(gradient, normals, bends)) < 1e-9 * scale


def test_a_face_that_does_not_bend_is_no_help() -> None:
    normals, bends = np.eye(2), np.array([0.5, 0.0])
    assert stationary_module._certified(np.array([0.75, 0.0]), normals, bends) == -0.25
    assert stationary_module._certified(np.array([0.25, 0.125]), normals, bends) == -np.inf
    wide, steep = np.diag([2.0, 3.0]), np.array([2.0, 0.0])
    assert stationary_module._by_edges(steep, wide, bends) == pytest.approx(-1.0)  # at d = (-1, 0)
    nowhere = np.zeros((2, 2))
    assert stationary_module._by_edges(np.array([1.0, -2.0]), nowhere, bends) == -3.0
    assert len(stationary_module._edges(np.array([[[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]]), 3)) == 0


def test_edges_of_a_fan_by_their_minors() -> None:
    """Lines orthogonal to all but one of some vectors; dependent ones cut out none."""
    chosen = np.array([[[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]], [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]])
    [line] = stationary_module._edges(chosen, 3)
    np.testing.assert_allclose(line / line[2], np.cross(*chosen[0]))
    assert np.allclose(chosen[0] @ line, 0)
    for scale in (1e6, 1e-6):
        assert len(stationary_module._edges(scale * chosen, 3)) == 1


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
