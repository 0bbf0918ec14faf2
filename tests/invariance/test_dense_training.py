"""Readouts with a weight per position, trained: each ends where the law says, and no other law is
that near.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from theory.invariance.dense import CLAIM, LAW
from verify.invariance.dense_training import (
    TASKS,
    Task,
    predicted_weights,
    trained,
    weight_tolerance,
)
from verify.report.lab import TINY, Lab


def test_every_task_is_there_once() -> None:
    assert len({task.name for task in TASKS}) == len(TASKS)
    assert all(task.length >= max(task.radii) + Fraction(3, 2) for task in TASKS)


@pytest.mark.parametrize("accelerated", [False, True])
def test_every_weight_ends_at_the_projection(accelerated: bool) -> None:
    task = Task("made", (6, 8, 10), "identity", True, accelerated)
    run = trained(Lab(TINY), task)
    tolerance = weight_tolerance(task, run)
    assert np.max(tolerance) < 1e-6
    off = np.max(np.abs(run.end - predicted_weights(LAW, task, run)), axis=1)
    assert np.all(off <= tolerance)
    elsewhere = [predicted_weights(wrong.law, task, run) for wrong in CLAIM.wrong]
    assert any(np.max(np.abs(run.end - claimed)) > np.max(tolerance) for claimed in elsewhere)


def test_one_lab_trains_a_task_once() -> None:
    lab, task = Lab(TINY), Task("made", (6, 8), "relu", False, accelerated=True)
    assert trained(lab, task) is trained(lab, task)
    assert not np.array_equal(trained(Lab(TINY, 1), task).start, trained(lab, task).start)
