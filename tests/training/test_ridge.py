"""Weight decay: the bound for every network, the box that attains it, and the columns."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from numerics.arithmetic.compile import activation
from numerics.pulse.sample import pulse, windows
from theory.training.ridge import angle, box, collapse, least
from verify.models.networks import data, load
from verify.models.problem import Model
from verify.optimise.sgd import descend
from verify.report.lab import TINY, Lab
from verify.training.claims.ridge import BOUNDED, decaying, figures
from verify.training.dynamics import starts

Array = NDArray[np.float64]
seeds = st.integers(0, 2**32 - 1)
shares = st.floats(0, 0.999)


def _objective(
    name: str, w: Array, b: Array, a: Array, r: Array, penalty: float, length: int
) -> float:
    """J with the best readout bias, from the signal."""
    seen = windows(pulse(r, length), w.shape[1])
    answer = seen.counts @ activation(name)[0](seen.windows @ w.T + b) @ a
    return float(np.var(answer - r) + penalty * (np.sum(w**2) + np.sum(a**2)))


@given(
    seeds,
    st.sampled_from(BOUNDED),
    st.integers(1, 3),
    st.integers(0, 3),
    st.floats(0, 3),
    st.integers(0, 4),
)
@example(0, "relu", 1, 1, 0.5, 0)
def test_no_network_lies_below_the_bound(
    seed: int, name: str, channels: int, h: int, share: float, room_left: int
) -> None:
    """Also where the pulse touches the border: zero padding only loses light."""
    rng = np.random.default_rng(seed)
    n = 2 * h + 1
    r = np.sort(rng.uniform(0.5, 6, size=int(rng.integers(2, 9))))
    spread = float(np.var(r))
    limit = collapse(spread, math.sqrt(n))
    penalty = share * limit
    scale = 10 ** rng.uniform(-2, 1)
    w, a = scale * rng.normal(size=(channels, n)), scale * rng.normal(size=channels)
    b = rng.normal(size=channels)
    value = _objective(name, w, b, a, r, penalty, 6 + room_left)
    assert value >= least(min(penalty, limit), spread, math.sqrt(n)) * (1 - 1e-9) - 1e-12


@given(
    seeds,
    st.sampled_from(BOUNDED),
    st.sampled_from(("wrap", "valid")),
    st.integers(1, 3),
    st.integers(0, 3),
    st.floats(0, 3),
)
def test_no_padding_lies_below_the_bound(
    seed: int, name: str, padding: str, channels: int, h: int, share: float
) -> None:
    """A ring, and no padding at all: each tap sees each pixel at most once."""
    rng = np.random.default_rng(seed)
    n, length = 2 * h + 1, int(rng.integers(6, 9))
    r = np.sort(rng.uniform(0.5, 6, size=int(rng.integers(2, 9))))
    spread = float(np.var(r))
    limit = collapse(spread, math.sqrt(n))
    scale = 10 ** rng.uniform(-2, 1)
    w, a = scale * rng.normal(size=(channels, n)), scale * rng.normal(size=channels)
    x = pulse(r, length)
    x = np.pad(x, ((0, 0), (h, h)), mode="wrap") if padding == "wrap" else x
    seen = np.lib.stride_tricks.sliding_window_view(x, n, axis=1)
    answer = activation(name)[0](seen @ w.T + rng.normal(size=channels)).sum(axis=1) @ a
    value = np.var(answer - r) + share * limit * (np.sum(w**2) + np.sum(a**2))
    assert value >= least(min(share * limit, limit), spread, math.sqrt(n)) * (1 - 1e-9) - 1e-12


@given(st.floats(0.5, 6), st.floats(0.5, 6))
def test_the_pulse_only_grows(one: float, other: float) -> None:
    low, high = sorted((one, other))
    change = pulse(high, 6) - pulse(low, 6)
    assert np.all(change >= 0)
    assert float(np.sum(change)) == pytest.approx(2 * (high - low), abs=1e-12)


def test_where_tanh_and_sigmoid_attain_it() -> None:
    """Cause: "as steep as 1 at one point only" was said of both; sigmoid is at most 1/4 steep, and
    w = a = 0 attains it.

    Below the collapse slope 1 is asked for on an interval of arguments.
    """
    z = np.linspace(-4, 4, 8001)
    tanh, sigmoid = (activation(name)[1](z) for name in ("tanh", "sigmoid"))
    assert np.argmax(tanh) == 4000 and np.sum(tanh >= 1) == 1 and np.max(tanh) == 1
    assert np.max(sigmoid) <= 0.25
    r = np.linspace(0.5, 4, 8)
    spread = float(np.var(r))
    for name in ("tanh", "sigmoid"):
        for share in (0.0, 0.5, 0.9):
            penalty = share * collapse(spread, 1.0)
            bound = least(penalty, spread, 1.0)
            for size in (0.05, 0.3, 1.0):
                (a,), (tap,) = box([1.0], angle(penalty, spread, 1.0), 1.0, math.sqrt)
                w, b = np.array([[tap * size]]), np.zeros(1)
                value = _objective(name, w, b, np.array([a / size]), r, penalty, 6)
                assert value > bound * (1 + 1e-9) + 1e-9
        zero = np.zeros((1, 1))
        value = _objective(name, zero, np.zeros(1), zero[0], r, collapse(spread, 1.0), 6)
        assert (
            value
            == pytest.approx(spread)
            == pytest.approx(least(collapse(spread, 1.0), spread, 1.0))
        )


@given(seeds, st.sampled_from(("identity", "relu")), st.integers(1, 4), st.integers(0, 4), shares)
def test_box_filters_attain_it(seed: int, name: str, channels: int, h: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    n = 2 * h + 1
    r = np.sort(rng.uniform(0.5, 6, size=5))
    spread, root = float(np.var(r)), math.sqrt(n)
    penalty = share * collapse(spread, root)
    u = np.abs(rng.normal(size=channels)) + 1e-3
    a, flat = box(list(u), angle(penalty, spread, root), root, math.sqrt)
    w = np.repeat(np.array(flat)[:, None], n, axis=1)
    value = _objective(name, w, np.zeros(channels), np.array(a), r, penalty, 6 + h)
    assert value == pytest.approx(least(penalty, spread, root), rel=1e-9, abs=1e-12)


@given(st.floats(0.01, 10), st.sampled_from((1, 3, 9)), shares, shares)
def test_more_decay_never_helps(spread: float, n: int, one: float, two: float) -> None:
    root = math.sqrt(n)
    low, high = sorted((one, two))
    limit = collapse(spread, root)
    assert (
        least(low * limit, spread, root)
        <= least(high * limit, spread, root)
        <= spread * (1 + 1e-12)
    )
    assert 0 <= angle(high * limit, spread, root) <= angle(low * limit, spread, root) <= 0.5


def test_without_decay_it_is_the_exact_network_of_least_norm() -> None:
    """θ = 1/2: S² = √n/2 and a² = 1/(2√n); every other exact network has a larger norm."""
    for n in (1, 3, 9):
        root = math.sqrt(n)
        (a,), (tap,) = box([2.0], angle(0.0, 1.0, root), root, math.sqrt)
        assert (n * tap) ** 2 == pytest.approx(root / 2)
        assert a**2 == pytest.approx(1 / (2 * root))
        for total in (0.3, 1.0, 4.0):
            assert total**2 / n + 1 / (4 * total**2) >= 1 / root - 1e-12


def test_torch_weight_decay_is_twice_the_penalty_and_spares_the_biases() -> None:
    """One step from given weights against w - η(∇L + 2λw), by hand."""
    model = Model("identity", 2, 3, conv_bias=True, readout_bias=True)
    start = starts(Lab(TINY, 0), model, 1)
    penalty, rate = 0.25, 0.01
    plain = descend(load(model, start), *data(model), 1, rate).end
    decayed = descend(load(model, start), *data(model), 1, rate, decaying(2 * penalty * rate)).end
    for name in ("w", "a"):
        want = getattr(plain, name) - 2 * penalty * rate * getattr(start, name)
        assert np.allclose(getattr(decayed, name), want, rtol=0, atol=1e-15)
    assert np.array_equal(decayed.b, plain.b) and np.array_equal(decayed.c, plain.c)


@pytest.mark.thorough
def test_the_figure_is_drawn() -> None:
    assert [figure.id for figure in figures(Lab(TINY))] == ["ridge-path"]
