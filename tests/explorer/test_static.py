"""What the page's own modules compute, against the package: disks, perimeters, errors of networks,
gradients.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from flint import fmpq

from numerics.arithmetic.compile import activation
from numerics.disk.disk import disk
from numerics.disk.perimeter import Midpoints, strength, strength_bound
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import exact_net, summary
from numerics.training import steps
from numerics.training.linear_cell import coordinates
from tests.explorer.states import state_of
from theory.training import conv_bias

pytestmark = pytest.mark.browser

DISK = """
async ([r, w, b, name]) => {
  const {image, byDirection} = await import("disk");
  const {activationOf} = await import("expression");
  const directions = byDirection(w, b, activationOf(name).sigma);
  const total = directions.reduce((sum, [, x]) => sum + x, 0);
  return [Array.from(image(r, 0, 0)), total * 2 * Math.PI / directions.length];
}
"""


@pytest.mark.parametrize("name", ["abs", "relu", "tanh", "square"])
def test_disks_and_perimeters(page: Any, name: str) -> None:
    rng = np.random.default_rng(3)
    w, b, r = rng.normal(size=(3, 3)), 0.3, 6.4
    # Row by row of the picture: its first coordinate runs to the right.
    pixels, perimeter = page.evaluate(DISK, [r, w.T.ravel().tolist(), b, name])
    assert np.allclose(np.reshape(pixels, (31, 31)), disk([r], 15)[0], rtol=0, atol=1e-12)
    rule = Midpoints(3, 144, 120)
    sigma = activation(name)[0]
    assert abs(perimeter - strength(w[None], [b], sigma, rule)[0]) < 1e-9
    fine = strength(w[None], [b], sigma)[0]
    steepest = float(np.max(np.abs(activation(name)[1](np.linspace(-10, 10, 999)))))
    assert abs(perimeter - fine) <= 2 * strength_bound(w[None], steepest, rule)[0]


WORST = """
async ([state]) => {
  const {exact, worst} = await import("network");
  const {size, radius} = worst(exact(state));
  return [String(size), String(radius)];
}
"""


@pytest.mark.parametrize("seed", range(6))
def test_the_worst_error_is_that_of_the_package(page: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    channels, taps, half = int(rng.integers(1, 4)), int(rng.choice([1, 3, 5])), 9

    def draw() -> Fraction:
        return Fraction(int(rng.integers(-12, 13)), 8)

    w = [[draw() for _ in range(taps)] for _ in range(channels)]
    b, a, c = [draw() for _ in w], [draw() for _ in w], draw()
    name = ["relu", "abs", "hardtanh", "leaky_relu(x, 1/4)"][seed % 4]
    state = {
        "sigma": name,
        "w": [list(map(str, row)) for row in w],
        "b": list(map(str, b)),
        "a": list(map(str, a)),
        "c": str(c),
        "half": half,
    }
    size, radius = page.evaluate(WORST, [state])
    high = fmpq(2 * (half - taps // 2) + 1, 2)
    exact = summary(exact_net(name, w, b, a, c), Domain(half, fmpq(1, 2), high)).worst
    assert Fraction(size) == Fraction(str(exact.high)) and exact.exact
    assert Fraction(1, 2) <= Fraction(radius) <= Fraction(str(high))


STEP = """
async ([state]) => {
  const {floats} = await import("network");
  const {dataOf, descent} = await import("training");
  const net = floats(state);
  const {loss, gradient} = descent(net, dataOf(net), net.slope);
  return [loss, gradient.w.flat(), gradient.b, gradient.a, gradient.c];
}
"""


@pytest.mark.parametrize("name", ["relu", "tanh", "x*sigmoid(1.702*x)"])
def test_gradients_are_those_of_torch(page: Any, name: str) -> None:
    rng = np.random.default_rng(1)
    w, b, a, c, half = rng.normal(size=(2, 3)), rng.normal(size=2), rng.normal(size=2), 0.2, 8
    state = {
        "sigma": name,
        "w": [list(map(repr, row)) for row in w.tolist()],
        "b": list(map(repr, b.tolist())),
        "a": list(map(repr, a.tolist())),
        "c": repr(c),
        "half": half,
    }
    loss, *gradient = page.evaluate(STEP, [state])
    tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (w, b, a, c)]
    sigma = {"relu": torch.relu, "tanh": torch.tanh}.get(
        name, lambda z: z * torch.sigmoid(1.702 * z)
    )
    radii = [m - 0.5 + k / 4 for m in range(2, half) for k in range(4)]
    i = np.arange(-half, half + 1)
    x = torch.tensor(
        np.array(
            [np.clip(np.minimum(i + 0.5, r) - np.maximum(i - 0.5, -r), 0, None) for r in radii]
        )
    )
    z = torch.nn.functional.conv1d(x[:, None], tensors[0][:, None], tensors[1], padding=1)
    answer = tensors[3] + sigma(z).sum(dim=2) @ tensors[2]
    wanted = ((answer - torch.tensor(radii)) ** 2).mean()
    wanted.backward()
    assert math.isclose(loss, wanted.item(), rel_tol=1e-12)
    for ours, theirs in zip(gradient, tensors, strict=True):
        assert theirs.grad is not None
        assert np.allclose(np.ravel(ours), theirs.grad.numpy().ravel(), rtol=1e-10, atol=1e-10)


PREDICTED = """
async ([state, step]) => {
  const {floats} = await import("network");
  const {dataOf, predicted} = await import("training");
  const net = floats(state);
  const {bound, end} = predicted(net, dataOf(net));
  const within = bound(step);
  return [end.w, end.a, within?.w ?? null, within?.a ?? null];
}
"""


@pytest.mark.parametrize("seed", range(8))
def test_the_end_and_its_bound_are_those_of_the_package(page: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    channels, taps, half = int(rng.integers(1, 4)), int(rng.choice([1, 3, 5])), 8
    w, a = rng.normal(0, 0.3, (channels, taps)), rng.normal(0, 0.3, channels)
    state = state_of("identity", w.tolist(), [0] * channels, a.tolist(), half=half)
    radii = np.array(
        [m - 0.5 + k / 4 for m in range(taps // 2 + 1, half - taps // 2 + 1) for k in range(4)]
    )
    second = float(np.mean(radii**2))
    cone = coordinates(w[None], a[None])
    for share in (0.01, 0.2, 0.9):
        step = share * 2 / steps.sharpness(cone, second)[0]
        end_w, end_a, within_w, within_a = page.evaluate(PREDICTED, [state, step])
        wanted_w, wanted_a = steps.end_at(w[None], a[None], 0.0)
        assert np.allclose(end_w, wanted_w[0], rtol=1e-12, atol=1e-13)
        assert np.allclose(end_a, wanted_a[0], rtol=1e-12, atol=1e-13)
        high = steps.drift_bound(cone, second, step)
        taps_within, readout_within = steps.change_bound(cone, np.zeros(1), high)
        assert (within_a is None) == (not np.isfinite(high[0]))
        if within_a is not None:
            assert np.allclose(within_a, readout_within[0], rtol=1e-9, atol=1e-14)
            assert np.allclose(within_w, taps_within[0], rtol=1e-9, atol=1e-14)


BIASED = """
async ([state, loss]) => {
  const {floats} = await import("network");
  const {dataOf, predictedWithBias} = await import("training");
  const net = floats(state);
  const answer = predictedWithBias(net, dataOf(net), loss);
  return answer && [answer.end.w[0], answer.end.a[0]];
}
"""


def test_the_end_with_a_bias_is_that_of_the_law(page: Any) -> None:
    w, b, a = [0.1, 0.2, 0.05], 0.1, -0.4
    state = state_of("identity", [w], [b], [a], half=8)
    taps, readout = conv_bias.end(conv_bias.LAW, w, b, a, -1, math.sqrt)
    answer = page.evaluate(BIASED, [state, 0.0])
    assert np.allclose(answer[0], taps, rtol=1e-13) and math.isclose(answer[1], readout)
    assert page.evaluate(BIASED, [{**state, "a": ["0.01"]}, 1e9]) is None
