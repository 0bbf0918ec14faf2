"""The worst radius on the user's own module: the same number, or a loud word."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from numerics.pulse.sample import pulse
from tests.modules import B1, B2, Net
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
