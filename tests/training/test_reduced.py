"""The reduced dynamics: the laws from the double sum, the iteration against torch, and wrong laws
that are caught.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import given
from hypothesis import strategies as st

from numerics.pulse.sample import Radii, pulse
from numerics.training import reduced
from numerics.training.forward_error import enclosed
from numerics.training.reduced import Adam, Problem, Weights, adam, descend, sharpness
from theory.pulse.network import taps
from theory.pulse.signal import pulse as exact_pulse
from theory.training.invariants import answer, field
from theory.training.reduced import Sgd, couplings, pulls, slopes
from verify.training.prediction import prediction
from verify.training.side_by_side import OutsideTheorem


@pytest.mark.parametrize(("n", "channels"), [(1, 1), (3, 1), (3, 2), (5, 1)])
def test_the_gradient_is_that_of_the_double_sum(n: int, channels: int) -> None:
    """On two radii with any shares, biases and all; and in (a, s, b) it is the symmetric matrix."""
    w = [taps(n, str(k)) for k in range(1, channels + 1)]
    a, b = (sp.symbols(f"{x}1:{channels + 1}", real=True) for x in "ab")
    c, share, h = sp.Symbol("c", real=True), sp.Symbol("p", positive=True), n // 2
    variables = [*(tap for row in w for tap in row), *b, *a, c]
    size, gradient = 2 * (3 * h + 3) + 1, [sp.Integer(0)] * len(variables)
    second = mean = sp.Integer(0)
    for weight, (m, part) in zip(
        (share, 1 - share), ((h + 1, sp.Rational(1, 4)), (h + 2, sp.Rational(1, 2))), strict=True
    ):
        r = m - sp.Rational(1, 2) + part
        x = exact_pulse(m, part, 3 * h + 3)
        assert len(x) == size
        found = answer(w, b, a, c, x)
        gradient = [
            g + 2 * weight * (found - r) * d
            for g, d in zip(gradient, field(found, variables), strict=True)
        ]
        second, mean = second + weight * r**2, mean + weight * r
    sums = [sum(row) for row in w]
    theta = sum(x * s for x, s in zip(a, sums, strict=True))
    level = c + size * sum(x * y for x, y in zip(a, b, strict=True))
    p, q = pulls(theta, level, second, mean)
    by_a, by_tap, by_b, by_c = slopes(a, sums, b, p, q, size)
    claimed = [*(by_tap[k] for k in range(channels) for _ in range(n)), *by_b, *by_a, by_c]
    assert all(sp.expand(x - y) == 0 for x, y in zip(gradient, claimed, strict=True))
    root = sp.sqrt(n)
    by_s, along_b = couplings(p, q, root, size)
    for k in range(channels):
        matrix = sp.Matrix([[0, by_s, along_b], [by_s, 0, 0], [along_b, 0, 0]])
        moved = matrix * sp.Matrix([a[k], sums[k] / root, b[k]])
        wanted = [by_a[k], root * by_tap[k], by_b[k]]
        assert all(sp.expand(x - y) == 0 for x, y in zip(moved, wanted, strict=True))


def drawn(seed: int, channels: int, n: int, *, biases: tuple[bool, bool], kind: str) -> Weights:
    """Small random weights, exact in the type."""
    rng = np.random.default_rng(seed)

    def number(*shape: int) -> np.ndarray:
        return np.asarray(rng.uniform(-1, 1, shape), kind).astype(float) / 2

    b = number(channels) if biases[0] else None
    return Weights(
        number(channels, n), number(channels), b, float(number(1)[0]) if biases[1] else None
    )


def trained(
    start: Weights, problem: Problem, make: Callable[..., Any], steps: int, kind: str
) -> Weights:
    """The weights after torch's steps: Conv1d, sum, Linear as a user writes them; nothing of this
    package trains.
    """
    channels, n = start.w.shape
    dtype = getattr(torch, kind)
    conv = torch.nn.Conv1d(1, channels, n, padding=n // 2, bias=start.b is not None, dtype=dtype)
    readout = torch.nn.Linear(channels, 1, bias=start.c is not None, dtype=dtype)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor(start.w[:, None]))
        readout.weight.copy_(torch.tensor(start.a[None]))
        if conv.bias is not None:
            conv.bias.copy_(torch.tensor(start.b))
        if readout.bias is not None:
            readout.bias.copy_(torch.tensor([start.c], dtype=dtype))
    x = torch.tensor(pulse(problem.r, problem.pixels // 2), dtype=dtype)[:, None]
    r = torch.tensor(problem.r, dtype=dtype)
    optimizer = make([*conv.parameters(), *readout.parameters()])
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(readout(conv(x).sum(-1))[:, 0], r).backward()
        optimizer.step()

    def numbers(value: torch.Tensor) -> np.ndarray:
        return value.detach().double().numpy().copy()

    return Weights(
        numbers(conv.weight)[:, 0],
        numbers(readout.weight)[0],
        None if conv.bias is None else numbers(conv.bias),
        None if start.c is None else readout.bias.item(),
    )


def problem_of(n: int) -> Problem:
    """Eight plateau radii on the fewest pixels."""
    radii = Radii(n // 2 + 1, 4, 2)
    return Problem(radii.r, 2 * radii.half_length(n) + 1, n)


def ratio(start: Weights, problem: Problem, rule: Sgd, steps: int, kind: str) -> float:
    """The largest distance of torch's weights from the iteration, in units of its proved bound."""
    last = next(islice(enclosed(start, problem, rule, kind), steps, None))

    def make(weights: Any) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            weights,
            lr=rule.lr,
            momentum=rule.momentum,
            weight_decay=rule.weight_decay,
            dampening=rule.dampening,
            nesterov=rule.nesterov,
        )

    end, want = trained(start, problem, make, steps, kind), start.at(last.x)
    k = len(start.a)
    off = last.run[0]
    ratios = [
        np.abs(end.w - want.w) / (off[k : 2 * k] / problem.taps + off[-1])[:, None],
        np.abs(end.a - want.a) / off[:k],
    ]
    if end.b is not None and want.b is not None:
        ratios.append(np.abs(end.b - want.b) / off[2 * k : 3 * k])
    if end.c is not None and want.c is not None:
        ratios.append(np.array(abs(end.c - want.c) / off[3 * k]))
    assert np.all(last.exact <= last.run)
    assert np.all(np.isfinite(off))
    return max(float(np.max(x)) for x in ratios)


RULES = (
    Sgd(0.02),
    Sgd(0.02, momentum=0.9),
    Sgd(0.02, weight_decay=0.01),
    Sgd(0.01, momentum=0.9, weight_decay=0.01),
    Sgd(0.02, momentum=0.5, dampening=0.3),
    Sgd(0.02, dampening=0.3),
    Sgd(0.01, momentum=0.9, weight_decay=0.01, nesterov=True),
)
"""lr in units of 1/sharpness of the start."""
SHAPES = ((1, 1), (1, 3), (2, 5), (3, 3), (4, 7), (6, 3))
"""(K, n); with more than four channels they are rotated."""


@pytest.mark.parametrize("biases", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("rule", RULES)
def test_torch_lies_within_the_bound(rule: Sgd, biases: tuple[bool, bool]) -> None:
    for seed, (channels, n) in list(enumerate(SHAPES))[biases[0] :: 2]:
        kind = ("float64", "float32")[seed // 2 % 2]
        start, problem = drawn(seed, channels, n, biases=biases, kind=kind), problem_of(n)
        scaled = replace(rule, lr=rule.lr / sharpness(start, problem))
        assert ratio(start, problem, scaled, 60, kind) <= 1


def test_the_bound_is_of_use_in_float32_with_momentum() -> None:
    """Below a hundredth of the weights after hundreds of steps, and torch within it."""
    start, problem = drawn(0, 2, 5, biases=(True, True), kind="float32"), problem_of(5)
    rule = Sgd(0.02 / sharpness(start, problem), momentum=0.9, weight_decay=0.01)
    last = next(islice(enclosed(start, problem, rule, "float32"), 400, None))
    assert np.max(last.run[0]) < 0.01 * np.max(np.abs(last.x[:-1]))
    assert np.max(last.exact[0]) < 1e-11
    assert ratio(start, problem, rule, 400, "float32") <= 1


@given(
    st.integers(0, 10**6),
    st.integers(1, 4),
    st.sampled_from([1, 3, 5, 7]),
    st.booleans(),
    st.booleans(),
    st.floats(0.001, 1.2),
    st.sampled_from([0.0, 0.5, 0.9]),
    st.sampled_from([0.0, 0.01, 1.0]),
    st.integers(1, 12),
)
def test_a_few_steps_of_any_kind(
    seed: int,
    channels: int,
    n: int,
    conv: bool,
    readout: bool,
    fraction: float,
    momentum: float,
    decay: float,
    steps: int,
) -> None:
    start, problem = drawn(seed, channels, n, biases=(conv, readout), kind="float64"), problem_of(n)
    rule = Sgd(fraction / sharpness(start, problem), momentum, decay)
    assert ratio(start, problem, rule, steps, "float64") <= 1


def _forgets_n(law: Callable[..., Any]) -> Callable[..., Any]:
    def wrong(*numbers: Any) -> Any:
        by_a, by_tap, by_b, by_c = law(*numbers)
        return by_a, [x / 3 for x in by_tap], by_b, by_c

    return wrong


def _no_background(law: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, sums, b, p, q, pixels: law(a, sums, [0 * y for y in b], p, q, pixels)


@pytest.mark.parametrize("wrong", [_forgets_n, _no_background])
def test_a_wrong_law_is_caught(wrong: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduced, "slopes", wrong(slopes))
    start, problem = drawn(0, 2, 3, biases=(True, True), kind="float64"), problem_of(3)
    rule = Sgd(0.02 / sharpness(start, problem))
    assert ratio(start, problem, rule, 3, "float64") > 1e6


def test_decay_after_the_step_is_caught() -> None:
    class Late(Sgd):
        def step(self, x: Any, buffer: Any, slope: Any, *, first: bool) -> tuple[Any, Any]:
            after, buffer = Sgd(self.lr).step(x, buffer, slope, first=first)
            return (1 - self.lr * self.weight_decay) * after, buffer

    start, problem = drawn(0, 2, 3, biases=(True, True), kind="float64"), problem_of(3)
    lr = 0.02 / sharpness(start, problem)
    assert ratio(start, problem, Sgd(lr, 0.0, 1.0), 20, "float64") <= 1
    assert ratio(start, problem, Late(lr, 0.0, 1.0), 20, "float64") > 1e3


def test_without_biases_it_is_the_turn_of_steps() -> None:
    """u and v are multiplied by one factor each, as the claim on steps says."""
    start, problem = drawn(3, 2, 5, biases=(False, False), kind="float64"), problem_of(5)
    root = np.sqrt(5)
    x = next(islice(descend(start, problem, Sgd(0.5 / sharpness(start, problem))), 40, None))[0]
    first, last = ((y[:2] + y[2:4] / root, y[:2] - y[2:4] / root) for y in (start.numbers, x))
    for old, new in zip(first, last, strict=True):
        assert np.ptp(new / old) < 1e-12


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("kind", ["float64", "float32"])
def test_adam_keeps_the_deviations(kind: str, decay: float) -> None:
    """Its simulation meets torch, the deviations lie within the estimate; with L2 in the gradient
    they do not stay.
    """
    start, problem = drawn(1, 2, 5, biases=(True, True), kind=kind), problem_of(5)
    name = "adamw" if decay else "adam"
    found = prediction(
        start.w,
        start.a,
        start.b,
        start.c,
        optimizer=name,
        weight_decay=decay,
        steps=150,
        dtype=kind,
    )
    assert (found.method, found.agrees) == ("simulated", True)
    assert found.kept["factor"] == pytest.approx((1 - 0.001 * decay) ** 150, abs=1e-12)
    assert found.kept["bound"] < (1e-9 if kind == "float64" else 1e-2)
    assert max(abs(weight.difference) for weight in found.weights) < (
        1e-9 if kind == "float64" else 1e-2
    )
    x = next(islice(adam(start, problem, Adam(0.001, weight_decay=decay)), 150, None)).x
    assert np.allclose(
        start.at(x).w.ravel(), [one.predicted for one in found.weights[:10]], atol=1e-12
    )
    # With L2 in the gradient they are not even proportional.
    end = trained(start, problem, lambda x: torch.optim.Adam(x, weight_decay=0.1), 150, kind)
    factor = np.sum(end.deviations * start.deviations) / np.sum(start.deviations**2)
    assert np.max(np.abs(end.deviations - factor * start.deviations)) > 1e-4


def test_a_conv_bias_has_its_own_end() -> None:
    """The law conv_bias says where flow ends; a small step ends there but for its size."""
    w, a, b = np.array([[0.3, 0.2, -0.1]]), np.array([0.9]), np.array([0.2])
    far = []
    for step in (0.04, 0.02):
        found = prediction(w, a, b, step=step, momentum=0.9, steps=round(40 / step))
        assert (found.method, found.law, found.agrees) == ("reduced dynamics", "conv_bias", True)
        ends = np.array([(x.end, x.predicted) for x in found.weights], dtype=float)
        far.append(float(np.max(np.abs(ends[:, 0] - ends[:, 1]))))
    assert far[0] < 0.05
    assert 1.8 < far[0] / far[1] < 2.2


def test_a_readout_bias_ends_with_the_flow() -> None:
    start = drawn(4, 2, 3, biases=(False, True), kind="float64")
    found = prediction(start.w, start.a, None, start.c, lr=2e-3, momentum=0.9, steps=800)
    assert (found.law, found.agrees) == ("flow", True)
    assert max(abs(x.predicted - (x.end or 0.0)) for x in found.weights) < 0.02


def test_relu_is_followed_to_the_step_at_which_it_bends() -> None:
    """Positive taps and bias: the same as the identity; then b falls below 0, and the step is
    named.
    """
    w, a, b = np.array([[0.2, 0.3, 0.1]]), np.array([0.4]), np.array([0.5])
    same = prediction(w, a, b, activation="relu", step=0.01, steps=20)
    linear = prediction(w, a, b, step=0.01, steps=20)
    assert same.agrees
    assert [x.predicted for x in same.weights] == [x.predicted for x in linear.weights]
    assert min(x.value for x in same.conditions if x.name == "linear cell") > 0
    with pytest.raises(OutsideTheorem, match=r"channel 0 .* so ReLU bends at step 0"):
        prediction(w, a, -b, activation="relu", steps=20)
    low = np.array([0.001])
    with pytest.raises(OutsideTheorem, match="at step [1-9]"):
        prediction(w, np.array([-0.4]), low, activation="relu", lr=1e-3, steps=500)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_with_decay_the_end_is_the_box(momentum: float) -> None:
    """The law ridge, E[r²] in the place of Var r without readout bias, however large the steps."""
    start = drawn(2, 2, 3, biases=(False, False), kind="float64")
    found = prediction(start.w, start.a, weight_decay=20.0, momentum=momentum, step=0.1)
    assert (found.law, found.agrees) == ("ridge", True)
    assert max(abs(weight.predicted - (weight.end or 0.0)) for weight in found.weights) < 1e-6
