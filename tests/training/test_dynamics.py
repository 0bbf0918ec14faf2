"""Gradient flow, integrated: it finds the path and the end in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from numerics.pulse.sample import Radii
from numerics.training.linear_cell import coordinates
from numerics.training.steps import sharpness
from tests.cells import drawn
from theory.training.flow import LAW
from theory.training.trajectory import LAW as PATH
from verify.models.problem import Model
from verify.report.lab import TINY, Lab
from verify.training.claims.flow import predicted
from verify.training.claims.trajectory import along
from verify.training.dynamics import integrate, second_moment, starts

seeds = st.integers(0, 2**32 - 1)


def _integrated(seed: int, channels: int, h: int, method: str) -> None:
    """The end and ten points of the path, every weight to 1e-10, against scipy's integrator."""
    n = 2 * h + 1
    w, a = drawn(seed, channels, n)
    radii = Radii(h + 1, 2 + seed % 3, 2)
    moment = second_moment(radii)
    at = coordinates(w[None], a[None])
    rate = float(sharpness(at, moment)[0])
    stop = (60 + 4 * abs(math.log(float(at.big_u[0])))) / rate
    times = np.concatenate([np.linspace(0, 1, 11) * 6 / rate, [stop]])
    found_w, found_a, _ = integrate(w, a, radii, times, method=method)
    want_w, want_a = along(PATH, w[None], a[None], moment, times)
    assert np.max(np.abs(found_w - want_w[:, 0])) < 1e-10
    assert np.max(np.abs(found_a - want_a[:, 0])) < 1e-10
    end_w, end_a = predicted(LAW, w[None], a[None])
    assert np.max(np.abs(found_w[-1] - end_w[0])) < 1e-10
    assert np.max(np.abs(found_a[-1] - end_a[0])) < 1e-10


@settings(max_examples=60)
@given(seeds, st.integers(1, 8), st.integers(0, 15))
@example(1, 8, 15)
def test_the_integrator_finds_the_path_and_the_end(seed: int, channels: int, h: int) -> None:
    _integrated(seed, channels, h, "LSODA")


@pytest.mark.thorough
@settings(max_examples=600)
@given(seeds, st.integers(1, 8), st.integers(0, 15))
def test_the_integrator_finds_the_path_and_the_end_many_times(
    seed: int, channels: int, h: int
) -> None:
    _integrated(seed, channels, h, "LSODA")


def test_starts_depend_on_the_seed_and_are_torch_s_own() -> None:
    model = Model("identity", 2, 5)
    one, other, again = (starts(Lab(TINY, seed), model, 40) for seed in (0, 1, 0))
    assert np.array_equal(one.w, again.w) and not np.array_equal(one.w, other.w)
    assert np.max(np.abs(one.w)) <= 1 / math.sqrt(5) and np.max(np.abs(one.a)) <= 1 / math.sqrt(2)
    assert not one.b.any() and not one.c.any()
