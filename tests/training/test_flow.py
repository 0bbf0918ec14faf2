"""The end of every weight: exact, unique, the same for all data, and what happens where the law
does not reach.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from flint import arb, ctx
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.pulse.sample import Radii
from numerics.training.linear_cell import coordinates, weights_at
from numerics.training.steps import sharpness
from tests.cells import drawn
from tests.columns import hold_and_reject
from theory.training.flow import CLAIM, LAW, end
from verify.models.networks import data, load
from verify.models.problem import Model, NetworkBatch
from verify.optimise.sgd import descend
from verify.training.claims.flow import figures, predicted
from verify.training.dynamics import integrate

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(1, 8), st.integers(0, 15))
@example(0, 1, 0)
@example(7, 8, 15)
def test_the_end_is_exact_to_a_hundred_bits(seed: int, channels: int, h: int) -> None:
    """In ball arithmetic Σ a_k S_k contains 1/2, and is known to 2^-80."""
    w, a = drawn(seed, channels, 2 * h + 1)
    with ctx.workprec(160):
        taps = [[arb(float(x)) for x in row] for row in w]
        new_w, new_a = end(
            LAW, taps, [arb(float(x)) for x in a], arb(2 * h + 1).sqrt(), lambda x: x.sqrt()
        )
        theta = sum((y * sum(row, arb(0)) for row, y in zip(new_w, new_a, strict=True)), arb(0))
        assert theta.contains(arb(0.5)) and theta.rad() < arb(2) ** -80


@given(seeds, st.integers(1, 4), st.integers(0, 4), st.floats(-1, 1))
def test_any_point_of_the_path_has_the_same_end(
    seed: int, channels: int, h: int, tau: float
) -> None:
    w, a = (x[None] for x in drawn(seed, channels, 2 * h + 1))
    later = weights_at(w, a, np.full(1, math.exp(tau)), np.full(1, math.exp(-tau)))
    for one, other in zip(predicted(LAW, w, a), predicted(LAW, *later), strict=True):
        assert np.allclose(one, other, rtol=1e-9, atol=1e-9)


@given(seeds, st.integers(1, 4), st.integers(0, 4))
def test_an_exact_network_stays(seed: int, channels: int, h: int) -> None:
    w, a = predicted(LAW, *(x[None] for x in drawn(seed, channels, 2 * h + 1)))
    for one, other in zip((w, a), predicted(LAW, w, a), strict=True):
        assert np.allclose(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("first", [1, 2, 3])
@pytest.mark.parametrize("c", [None, 0.3, -4.0])
def test_neither_data_nor_readout_bias_move_the_end(first: int, c: float | None) -> None:
    """Nor do they leave the curve: at any time all u_k have grown by one factor, all v_k by its
    inverse.
    """
    w, a = drawn(5, 2, 3)
    radii = Radii(first, 2, 2)
    times = np.array([0.0, 0.01, 0.05, 0.2, 1.0, 400.0])
    found_w, found_a, _ = integrate(w, a, radii, times, c)
    path, start = coordinates(found_w, found_a), coordinates(w[None], a[None])
    factor = path.u[:, :1] / start.u[:, :1]
    assert np.allclose(path.u, factor * start.u, rtol=0, atol=1e-9)
    assert np.allclose(path.v, start.v / factor, rtol=0, atol=1e-9)
    want_w, want_a = predicted(LAW, w[None], a[None])
    assert np.max(np.abs(found_w[-1] - want_w[0])) < 1e-9
    assert np.max(np.abs(found_a[-1] - want_a[0])) < 1e-9


# --- where U = 0 ------------------------------------------------------------------------------


def test_without_u_every_step_keeps_the_symmetry_and_leads_to_the_saddle() -> None:
    """a = -w in rational steps: exactly kept, and both shrink; nothing leads away."""
    w, a, moment, rate = Fraction(3, 4), Fraction(-3, 4), Fraction(7), Fraction(1, 200)
    for _ in range(8):  # the number of digits triples with every step
        before = abs(a)
        pull = 4 * rate * moment * (1 - 2 * a * w)
        w, a = w + pull * a, a + pull * w
        assert a == -w and abs(a) < before


def test_torch_leaves_the_saddle_by_rounding_alone() -> None:
    """The same start in floating point: first it comes close to the saddle, then a rounding error
    grows.
    """
    model = Model("identity", 1, 1)
    x, r = data(model)
    start = NetworkBatch(np.array([[[0.75]]]), np.zeros((1, 1)), np.array([[-0.75]]), np.zeros(1))
    path = descend(load(model, start), x, r, 400, 0.01, look=range(400))
    sizes = [abs(float(at.a[0, 0])) for at in path.kept.values()]
    near = int(np.argmin(sizes))
    assert sizes[near] < 1e-4
    assert path.losses[near, 0] == pytest.approx(float(torch.mean(r**2)), rel=1e-6)
    assert path.end.a[0, 0] * path.end.w[0, 0, 0] == pytest.approx(0.5)


def test_a_start_just_beside_it_ends_as_predicted() -> None:
    w, a = np.array([[[0.75]]]), np.array([[-0.75 + 1e-9]])
    want_w, want_a = predicted(LAW, w, a)
    assert float(want_w[0, 0, 0] * want_a[0, 0]) == pytest.approx(0.5)
    at = coordinates(w, a)
    stop = 200 / float(sharpness(at, 5.0)[0])
    found_w, found_a, _ = integrate(w[0], a[0], Radii(1, 3, 2), np.array([0.0, stop * 4]))
    assert np.max(np.abs(found_a[-1] - want_a[0])) < 1e-5
    assert np.max(np.abs(found_w[-1] - want_w[0])) < 1e-5


def test_balanced_starts_are_no_exception() -> None:
    """W = 0, a_k = s_k: Q = 2|P|, and the law holds."""
    w, a = np.array([[[0.2, 0.2, 0.2, 0.2]]])[..., :1], np.array([[0.2]])
    at = coordinates(w, a)
    assert at.big_w[0] == 0
    want_w, want_a = predicted(LAW, w, a)
    assert want_w[0, 0, 0] == pytest.approx(want_a[0, 0]) == pytest.approx(math.sqrt(0.5))


# --- shapes and columns -----------------------------------------------------------------------


@pytest.mark.thorough
def test_columns_hold_and_reject_the_wrong_laws() -> None:
    lab = hold_and_reject(CLAIM)
    assert [figure.id for figure in figures(lab)] == ["flow-weights"]
