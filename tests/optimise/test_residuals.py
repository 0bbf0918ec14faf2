"""The error of networks, its derivatives and its largest value: torch and plain sums as judges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from numerics.pulse.sample import pulse
from tests.gradients import gradient_rounding
from tests.optimise.test_ensemble import SLOW, exact, one
from verify.models.problem import NetworkBatch, Setting, initial
from verify.optimise.ensemble import train_ensemble, train_from
from verify.optimise.residuals import biases, loss_gradient, packed, rounding, task, unpacked, worst

TORCH = {
    "identity": lambda x: x,
    "relu": torch.relu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "abs": torch.abs,
    "tanh": torch.tanh,
    "softplus": torch.nn.functional.softplus,
    "square": torch.square,
}


def torch_loss(setting: Setting, at: NetworkBatch) -> tuple[float, np.ndarray]:
    """Loss and gradient of one network by autograd on Conv1d, sum pooling and a linear readout."""
    parts = [
        torch.tensor(np.ascontiguousarray(x[0]), requires_grad=True)
        for x in (at.w, at.b, at.a, np.atleast_2d(at.c))
    ]
    w, b, a, c = parts
    radii = setting.radii
    x = torch.tensor(pulse(radii.r, radii.half_length(setting.taps)))[:, None]
    z = torch.nn.functional.conv1d(x, w[:, None], b, padding=setting.taps // 2)
    output = TORCH[setting.activation](z).sum(dim=2) @ a + c
    loss = torch.mean((output - torch.tensor(radii.r)) ** 2)
    gradient = torch.autograd.grad(loss, parts)
    return loss.item(), np.concatenate([part.numpy().ravel() for part in gradient])


@given(
    st.sampled_from(sorted(TORCH)),
    st.integers(1, 3),
    st.sampled_from([1, 3, 5, 7]),
    st.integers(0, 3),
    st.integers(0, 10_000),
)
def test_loss_and_gradient_are_those_of_torch(
    activation: str, channels: int, taps: int, first: int, seed: int
) -> None:
    setting = Setting(activation, channels, taps, first, 3, 4)
    at = initial(setting, 1, seed)
    loss, gradient = loss_gradient(setting, at)
    loss_torch, gradient_torch = torch_loss(setting, at)
    # Both sides keep the bound; smooth σ add a few roundings per value, within the factor 4.
    off = float(np.sqrt(np.mean(rounding(setting, at) ** 2)))
    assert abs(loss[0] - loss_torch) <= 4 * (2 * np.sqrt(loss_torch) * off + off**2)
    scale = gradient_rounding(setting, at)[0]
    if activation == "square":
        # Its slope is not bounded by 1 but by twice the largest pre-activation.
        top = np.abs(at.w).sum(axis=2).max() + np.abs(at.b).max()
        scale *= max(1.0, 2 * top) ** 2
    assert np.linalg.norm(gradient[0] - gradient_torch) <= 4 * scale


def test_a_point_holds_the_weights_in_their_order() -> None:
    setting = Setting("relu", 2, 3)
    weights = initial(setting, 4, 0)
    points = packed(weights)
    again = unpacked(setting, points)
    assert all(np.array_equal(getattr(weights, name), getattr(again, name)) for name in "wbac")
    assert np.array_equal(points[:, biases(setting)], weights.b)


DENSE = 256
"""Radii per cell of a grid that stands for all radii."""
SLACK = 1e-11
"""Above the rounding bound of any r̂ here: 30 terms, of at most 1e3 in sum."""


def dense_errors(setting: Setting, at: NetworkBatch, j: int) -> np.ndarray:
    """r̂ - r of network j on the fine grid."""
    dense = replace(setting, per_cell=DENSE)
    problem = task(dense)
    assert np.max(rounding(dense, one(at, j))) <= SLACK
    pre = at.w[j] @ problem.view.windows.T + at.b[j][:, None]
    features = np.vectorize(SLOW[setting.activation])(pre) @ problem.view.counts.T
    return at.a[j] @ features + at.c[j] - problem.radii


def speed(at: NetworkBatch, j: int) -> float:
    """Bound of |d(r̂ - r)/dr|: two edges, each tap once."""
    return float(1 + 2 * np.sum(np.abs(at.a[j]) * np.abs(at.w[j]).sum(axis=1)))


def test_going_on_from_coarse_radii() -> None:
    coarse, fine = Setting("leaky_relu", 2, 3, 0, 4, 2), Setting("leaky_relu", 2, 3, 0, 4, 32)
    first = train_ensemble(coarse, 20, 0)
    second = train_from(fine, first.weights)
    assert exact(first).all()
    between = worst(fine, first.weights)
    after = worst(fine, second.weights)
    for j in range(20):
        dense = np.max(np.abs(dense_errors(coarse, first.weights, j)))
        assert dense <= between[j] + SLACK
        assert between[j] <= dense + speed(first.weights, j) / DENSE + SLACK
    # Some networks meet every coarse radius and err in between; the finer grid sees it.
    assert np.max(between) > 1e-3
    assert np.max(after) < np.max(between) / 2


@given(st.sampled_from(["relu", "leaky_relu", "abs"]), st.integers(0, 100_000))
def test_worst_error_bounds_any_radius(activation: str, seed: int) -> None:
    setting = Setting(activation, 2, 5, 0, 2, 2)
    at = initial(setting, 1, seed)
    dense = np.max(np.abs(dense_errors(setting, at, 0)))
    limit = worst(setting, at)[0]
    assert dense <= limit + SLACK
    assert limit <= dense + speed(at, 0) / DENSE + SLACK
