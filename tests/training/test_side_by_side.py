"""The values that verify.predict prints: their order is torch's, and a weight outside its bound is
seen.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from numerics.training.reduced import Problem, Weights
from theory.training.reduced import Sgd
from verify.models.problem import Model
from verify.training.side_by_side import (
    Task,
    Weight,
    bounds,
    flat,
    kept,
    leaves,
    saddle,
    settings,
    table,
)

START = Weights(np.array([[1.0, 2.0, 3.0]]), np.array([4.0]), np.array([5.0]), 6.0)


@pytest.fixture
def task() -> Task:
    """One channel with both biases."""
    radii = Model("identity", 1, 3).radii
    problem = Problem(radii.r, 2 * radii.half_length(3) + 1, 3)
    return Task(Model("identity", 1, 3, True, True), START, problem, "float64")


def test_weights_are_in_the_order_of_torch(task: Task) -> None:
    assert flat(START) == [1.0, 2.0, 3.0, 5.0, 4.0, 6.0]
    module = torch.nn.Sequential(torch.nn.Conv1d(1, 1, 3), torch.nn.Linear(1, 1))
    rows = table(task, START, START)
    assert [len(x.index) for x in rows] == [
        x.ndim for x in module.parameters() for _ in range(x.numel())
    ]
    off = np.array([0.4, 0.3, 0.5, 0.6, 0.01])  # a, S, b, c, deviations
    assert bounds(task, off) == pytest.approx([0.11, 0.11, 0.11, 0.5, 0.4, 0.6])


def test_no_step_changes_nothing(task: Task) -> None:
    still = partial(torch.optim.SGD, lr=0.0)
    path, end = task.trained(1, still)
    assert flat(end) == flat(START)
    assert path.losses[0, 0] == pytest.approx(task.problem.loss(START.numbers))
    bare = replace(task, model=Model("identity", 1, 3), start=Weights(START.w, START.a))
    assert flat(bare.trained(1, still)[1]) == [1.0, 2.0, 3.0, 4.0]


def test_a_run_draws_nothing(task: Task) -> None:
    before = torch.get_rng_state()
    task.trained(1, partial(torch.optim.SGD, lr=0.0))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_type_names_its_end() -> None:
    assert (
        "at step 6 a weight, a gradient or the loss may leave float32, which ends at 3.4e+38"
        in leaves(6, "float32")
    )


def test_a_weight_outside_a_bound_does_not_agree() -> None:
    good = Weight("conv.bias", (0,), 1.0, 2.0, 2.5, 0.5, 0.6)
    assert good.agrees
    assert not replace(good, bound=0.4).agrees
    assert not replace(good, beyond=0.2, beyond_bound=0.1).agrees
    assert replace(good, bound=None).agrees


def test_deviations_and_settings(task: Task) -> None:
    halved = replace(START, w=START.w.mean() + START.deviations / 2)
    assert kept(task, halved, 0.5, 1e-9)["difference"] == pytest.approx(0.0, abs=1e-15)
    assert kept(task, halved, 1.0, 1e-9)["difference"] == pytest.approx(0.5)
    assert settings("sgd", Sgd(0.1))["name"] == "sgd"
    assert saddle(task) == []
    bare = replace(task, model=Model("identity", 1, 3), start=Weights(START.w, START.a))
    assert saddle(bare)[0].value == pytest.approx((4 + 6 / np.sqrt(3)) ** 2)
