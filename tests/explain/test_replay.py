"""The worst radius on the user's own module: the same number, or a loud word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from flint import fmpq
from torch import nn

from numerics.pulse.sample import pulse
from tests.modules import B1, B2, Net
from verify.explain.replay import FileNetwork, confirmed, neighbour_replayed
from verify.explain.text import replay_in_words
from verify.network import explain

MOST = {torch.float64: 1e-12, torch.float32: 1e-3, torch.float16: 1.0, torch.bfloat16: 5.0}
"""Pixels that rounding may add here, in order of size."""


@pytest.mark.parametrize("dtype", MOST, ids=str)
def test_the_module_errs_as_is_certified(dtype: torch.dtype) -> None:
    module = Net(B2, dtype)
    with torch.no_grad():
        module.conv.weight.add_(torch.tensor([0.003, -0.002, 0.001]))
    found: Any = explain(module, length=17)
    replay = found.replay
    light = torch.tensor(pulse(np.array(replay.radius), 8)).to(dtype)
    assert replay.error == module(light.reshape(1, 1, -1)).item() - replay.radius
    assert replay.agrees and replay.dtype == str(dtype).removeprefix("torch.")
    assert abs(abs(replay.error) - found.worst_error.about) <= replay.allowed
    assert replay.allowed < MOST[dtype]
    assert found.text().splitlines()[-2] == replay_in_words(replay)
    assert "rounding allows" in replay_in_words(replay)


@pytest.mark.parametrize("sigma", ["relu", "expression"])
def test_a_module_that_is_not_what_was_read(sigma: str) -> None:
    """A hook that the trace does not see."""
    module = Net(B2, sigma=torch.relu if sigma == "relu" else lambda x: x * torch.sigmoid(9 * x))
    module.conv.register_forward_hook(lambda layer, inputs, answer: 1.5 * answer)
    with pytest.warns(UserWarning, match="the module is not what was read of it"):
        found: Any = explain(module, length=17)
    assert found.replay.agrees is False
    assert found.text().startswith("WARNING: at r = ") and "WARNING" in found._repr_html_()
    assert (found.replay.allowed is None) == (sigma == "expression")
    assert ("of which no bound is known" in found.text()) == (sigma == "expression")


def _clamped(module: nn.Module) -> nn.Module:
    """What the Linear sees ends at 20, which no trace shows."""
    module.readout.register_forward_pre_hook(lambda layer, inputs: inputs[0].clamp(max=20))
    return module


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_a_module_that_is_another_one_at_other_radii(dtype: torch.dtype) -> None:
    """At the worst radius it answers as it was read; at large ones it does not."""
    assert explain(Net(B1, dtype), length=17).explained
    module = _clamped(Net(B1, dtype))
    with pytest.warns(
        UserWarning, match=r"at r = 7 .* errs by 1.25 pixel; what was read of it by 0"
    ):
        found: Any = explain(module, length=17)
    assert found.worst_error.value == 0 and found.worst_error.radius != 7
    assert not found.explained and found.failing == ("replay",) and found.grade == "off"
    assert found.tolerance_needed is None and not found.to_dict()["explained"]
    assert found.verdict.startswith(
        "not explained: the module answers otherwise than what was read of it, at r = 7 by 1.25"
    )
    assert (found.replay.radius, found.replay.error, found.replay.apart) == (7, -1.25, 1.25)
    assert found.replay.agrees is False and "hook" in found.next_step
    for method in (found.certificate, found.repair):  # of another network than the user's
        with pytest.raises(ValueError, match="not what was read of it"):
            method()


def test_images_that_are_others_at_other_radii() -> None:
    layers = nn.Conv2d(1, 1, 3, padding=1), nn.Linear(1, 1)
    module: Any = Net(None, layers=layers, pool=lambda x: x.sum((2, 3)), sigma=torch.abs)
    with torch.no_grad():
        layers[0].weight.copy_(torch.tensor([[[[0, 0, 0], [0, -1, 1], [0, 0, 0.0]]]]))
        layers[1].weight.fill_(0.25)
        layers[1].bias.zero_()
    assert explain(module.double(), length=21, tolerance=10).explained
    with pytest.warns(UserWarning, match="the module is not what was read of it"):
        found = explain(_clamped(module), length=21, tolerance=1)
    assert "replay" in found.failing and found.verdict.startswith("not explained: the module")


@pytest.mark.parametrize("mode", ["zeros", "circular", "reflect", "replicate", "valid"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("sigma", [torch.relu, torch.tanh, nn.Hardshrink(0.5), torch.sign])
def test_a_module_that_is_as_it_was_read(mode: str, dtype: torch.dtype, sigma: Any) -> None:
    """Far from exact, and beside jumps: at all radii it answers as it was read."""
    torch.manual_seed(0)
    padding: Any = {} if mode == "valid" else {"padding": 1, "padding_mode": mode}
    layers = nn.Conv1d(1, 3, 3, **padding), nn.Linear(3, 1)
    with torch.no_grad():
        layers[0].weight[0], layers[0].bias[0] = 0.125, 0.125  # on the jump of hardshrink
    module = Net(None, layers=layers, sigma=sigma, pool=lambda x: x.mean(-1)).to(dtype)
    found: Any = explain(module, length=17)
    assert found.replay.agrees is not False and "replay" not in found.failing


def test_a_module_that_overflows() -> None:
    """Exact in its weights, and of no use in float16."""
    module = Net(B2, torch.float16)
    with torch.no_grad():
        module.conv.weight.mul_(2**13)
        module.conv.bias.mul_(2**13)
        module.readout.weight.mul_(2**-13)
    with pytest.warns(UserWarning, match="errs by inf pixel"):
        found: Any = explain(module, length=17)
    assert found.worst_error.value == 0 and found.replay.agrees is False


def test_with_folded_layers_the_tolerance_decides() -> None:
    norm = nn.BatchNorm1d(2)
    norm(torch.randn(8, 2, 17, generator=torch.Generator().manual_seed(0)))
    module = Net(B2, torch.float32, sigma=nn.Sequential(norm, nn.ReLU()))
    found: Any = explain(module, length=17)
    assert found.replay.allowed is None and found.replay.agrees
    assert abs(abs(found.replay.error) - found.worst_error.about) < 1e-5
    assert "the tolerance" in found.text().splitlines()[-2]


def test_beside_a_jump() -> None:
    """The worst error, 21/8, is approached, and not attained: there the module errs by less."""
    module = Net(B1, sigma=nn.Hardshrink(0.5))
    with torch.no_grad():
        module.conv.weight.copy_(torch.tensor([[[0.25, -0.5, -1]]]))
        module.readout.weight.fill_(-0.5)
        module.readout.bias.fill_(0)
    found: Any = explain(module, length=17)
    assert not found.worst_error.attained
    assert (found.worst_error.about, found.replay.error) == (2.625, -2.375)
    assert found.replay.agrees is None and "only approached" in found.text()


# --- files ------------------------------------------------------------------------------------


def _file_explained(weights: Any, activation: str = "relu") -> Any:
    return explain(dict(weights), length=17, activation=activation)


def test_a_file_is_run_again() -> None:
    found = _file_explained(B2)
    assert found.replay.agrees and found.replay.subject == "the state_dict itself, in torch"
    assert abs(found.replay.error) <= found.replay.allowed < 1e-12


def test_a_file_that_was_read_as_another_network() -> None:
    """Control: pixels repeated at the ends, where zeros were read; a wide pulse shows it."""
    found: Any = explain(dict(B2), length=17, activation="relu", r_max=8)
    replicated = replace(found.setup, domain=replace(found.setup.domain, padding="replicate"))
    caught = confirmed(found, FileNetwork(found.checkpoint, replicated))
    assert caught.failing[-1] == "replay" and caught.grade == "off" and not caught.explained
    assert caught.verdict.startswith("not explained: the file answers otherwise")
    assert "WARNING" in caught.text().splitlines()[0]


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_a_nearest_network_that_is_not_exact(activation: str) -> None:
    """Control: one that errs by a millionth of a pixel."""
    w, half = [[[0.5, -0.25, 0.75]], [[-0.5, 0.25, -0.75]]], [[0.5, -0.5]]
    odd = {"conv.weight": w, "readout.weight": half, "readout.bias": [0.0]}
    weights = B2 if activation == "relu" else {k: torch.tensor(x).double() for k, x in odd.items()}
    found = _file_explained(weights, activation)
    beside = neighbour_replayed(found)
    assert beside is not None and beside.agrees and beside.allowed < 1e-12
    exact = replace(found.exact, c=found.exact.c + fmpq(1, 10**6))
    caught = confirmed(replace(found, exact=exact), FileNetwork(found.checkpoint, found.setup))
    assert caught.failing[-1] == "replay" and caught.replay.apart == pytest.approx(1e-6)
    assert "the nearest exact network answers otherwise" in caught.verdict


def test_beside_a_jump_the_nearest_network_is_not_run() -> None:
    """There the smallest rounding of a weight may decide."""
    found = _file_explained(B1, "hardshrink")
    assert neighbour_replayed(found) is None and found.replay.agrees is not False
