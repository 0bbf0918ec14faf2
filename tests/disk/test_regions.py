"""Descent over kinks on disks: it never climbs, ends where nothing descends, and at the level of
the pieces.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from numerics.arithmetic.compile import activation
from numerics.disk.linear_regions import level
from theory.disk.linear_regions import part
from verify.disk.ensemble import disk_windows, state, train_networks
from verify.disk.regions import PROMISE, Finished, finish
from verify.models.problem import NetworkBatch, NetworkShape
from verify.optimise.regions import Point, Task

R = np.linspace(3, 10, 29)
SEEN = disk_windows(R, 3, 13)
MANY = {("abs", 1), ("relu", 1)}


@cache
def _finished(name: str, channels: int) -> Finished:
    """24 networks of abs and of ReLU with one channel, six of all others: once for all tests."""
    shape, networks = NetworkShape(name, channels), 24 if (name, channels) in MANY else 6
    nets = train_networks(shape, SEEN, R, networks, np.random.default_rng(0), 60)
    return finish(name, nets, SEEN, R, 80)


def _conv(found: Finished) -> np.ndarray:
    nets = found.nets
    return np.concatenate([nets.w.reshape(*nets.b.shape, -1), nets.b[..., None]], axis=2)


@pytest.mark.parametrize(
    ("name", "channels"),
    [("abs", 1), ("relu", 2), ("softshrink", 1), ("hardtanh", 2), ("hardswish", 1)],
)
def test_it_never_climbs_and_says_what_it_did(name: str, channels: int) -> None:
    found = _finished(name, channels)
    assert np.all(found.loss <= found.stalled * (1 + 1e-9))
    again = state(_conv(found), SEEN, R, activation(name)[0])
    # Windows on kinks are put there to rounding, which a may enlarge.
    assert np.allclose(again.loss, found.loss, rtol=1e-6, atol=1e-18)
    answers = found.nets.c[:, None] + np.einsum("bk,bkr->br", found.nets.a, again.features)
    assert np.allclose(np.mean((answers - R) ** 2, axis=1), found.loss, rtol=1e-5, atol=1e-15)
    assert np.all(found.single >= 0)
    assert np.all(found.steps <= 80)


def test_stalled_networks_come_free() -> None:
    """Of 24 networks of abs and of ReLU, some of those that stopped fall by orders of magnitude,
    and nearly all come to rest.
    """
    for name in ("abs", "relu"):
        found = _finished(name, 1)
        alive = found.stalled < 0.99 * np.var(R)
        assert np.sum(found.loss[alive] < 0.5 * found.stalled[alive]) >= 3
        assert np.min(found.loss[alive] / found.stalled[alive]) < 1e-2
        assert np.mean(found.ended) > 0.8


@pytest.mark.parametrize("name", ["abs", "relu", "softshrink"])
def test_where_it_ends_nothing_descends(name: str) -> None:
    """Short steps in many directions, none of which the descent knows: none gains what it would not
    promise.

    Longer ones may: beyond the next kinks there are other minima.
    """
    found = _finished(name, 1)
    rng = np.random.default_rng(1)
    sigma = activation(name)[0]
    for conv in _conv(found)[found.ended][:8]:
        here = state(conv[None], SEEN, R, sigma).loss[0]
        ways = np.concatenate(
            [rng.normal(size=(60, 1, 10)), np.eye(10)[:, None], -np.eye(10)[:, None]]
        )
        for size in (1e-6, 1e-8, 1e-10):
            there = state(conv + size * np.abs(conv).max() * ways, SEEN, R, sigma).loss
            assert np.min(there) >= here * (1 - 100 * PROMISE) - 1e-18


@pytest.mark.parametrize(("name", "channels"), [("abs", 1), ("relu", 2), ("hardtanh", 2)])
def test_it_ends_at_the_level_of_the_pieces(name: str, channels: int) -> None:
    found = _finished(name, channels)
    assert np.any(found.ended)
    for conv, loss, ended in zip(_conv(found), found.loss, found.ended, strict=True):
        low, high = level(part, name, conv, SEEN, R)
        assert low <= loss * (1 + 1e-6) + 1e-18
        assert not ended or loss <= high + 1e-6 * loss + 1e-18


@pytest.mark.parametrize("name", ["tanh", "identity", "hardshrink", "threshold"])
def test_what_has_no_kinks_or_jumps_stays(name: str) -> None:
    found = _finished(name, 1)
    assert np.array_equal(found.loss, found.stalled)
    assert not np.any(found.ended)


def test_a_start_on_the_dark_face_is_left_when_the_multiplier_says_so() -> None:
    """The difference of two neighbours with b = 0 and too large a sum: the descent has to leave b =
    0 or move along it.
    """
    r = np.linspace(3, 10, 36)
    seen = disk_windows(r, 3, 13)
    shape = NetworkShape("abs", 1)
    nets = train_networks(shape, seen, r, 1, np.random.default_rng(0), 0)
    w = np.zeros((1, 1, 3, 3))
    w[0, 0, 1, 1], w[0, 0, 2, 1] = -1, 1.2
    start = NetworkBatch(w, np.zeros((1, 1)), nets.a, nets.c)
    found = finish("abs", start, seen, r, 120)
    assert found.stalled[0] > 1e-4
    assert found.loss[0] < 1e-2 * found.stalled[0]


def test_a_channel_without_readout_weight_adds_nothing() -> None:
    """Its filter is lost with its weight: where σ bends between kinks it was divided by 0."""
    task = Task(SEEN, R, "hardswish")
    v = np.zeros((2, 11))
    v[0] = np.append(np.linspace(-0.3, 0.7, 10), 1.0)
    point = Point(task, np.ones(2), v, 0.5, np.sign(task.onto(v)).astype(np.int8))
    with np.errstate(all="raise"):
        alone = point.added(v)
    assert np.all(np.isfinite(point.by_v)) and np.all(alone[1] == 0) and np.any(alone[0])
