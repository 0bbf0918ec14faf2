"""The nearest exact network in the user's own module or names, and in its type."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune, weight_norm

from tests.modules import B2, Net, sequential
from verify.network import explain

OFF = torch.tensor([[[0.003, -0.002, 0.001]], [[0.0, 0.001, 0.0]]])


def moved(dtype: torch.dtype = torch.float32, **options: Any) -> Net:
    """B2 with taps that are a little off."""
    module = Net(B2, dtype, **options)
    with torch.no_grad():
        module.conv.weight.add_(OFF)
    return module


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_exact_in_the_type_of_the_module(dtype: torch.dtype) -> None:
    module = moved(dtype)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    found = explain(module, length=17)
    assert not found.explained
    repaired = found.repair()
    assert isinstance(repaired, Net) and repaired is not module
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(value.dtype == dtype for value in repaired.parameters())
    again: Any = explain(repaired, length=17, tolerance="1e-20")
    assert again.explained and again.worst_error.value == 0
    state = explain(module.state_dict(), 17, activation="relu").repair()
    assert isinstance(state, dict)
    assert all(torch.equal(value, repaired.state_dict()[name]) for name, value in state.items())
    Net(B2, dtype).load_state_dict(state)


def test_rounded_where_it_has_to_be_and_said() -> None:
    """Hardtanh is not homogeneous: no scale is free."""
    module = Net(B2, torch.float32, sigma=nn.Hardtanh(-3, 3))
    with torch.no_grad():
        module.conv.weight.add_(0.001)
    found = explain(module, length=17)
    with pytest.warns(UserWarning, match="rounded to float32 from an exact one, it errs by"):
        repaired = found.repair()
    again: Any = explain(repaired, length=17)
    assert again.explained and 0 < again.worst_error.about < 1e-5


@pytest.mark.parametrize("kind", ["weight norm", "old weight norm", "pruning"])
def test_layers_that_compute_their_weights_become_plain(kind: str) -> None:
    module = moved()
    if kind == "weight norm":
        parametrizations.weight_norm(module.conv)
        parametrizations.weight_norm(module.readout)
    elif kind == "pruning":
        prune.l1_unstructured(module.conv, "weight", amount=1)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            weight_norm(module.conv)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    light = torch.rand(1, 1, 17)
    answer = module(light).item()
    repaired: Any = explain(module, length=17).repair()
    assert set(dict(repaired.named_parameters())) == set(B2)
    assert explain(repaired, length=17).explained
    # The user's own is as it was, its class included.
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert set(module.state_dict()) == set(before) and module(light).item() == answer


def test_a_batch_norm_is_gone() -> None:
    norm = nn.BatchNorm1d(2)
    with torch.no_grad():
        norm.running_mean.fill_(0.01)
    module = nn.Sequential(*sequential(B2, torch.float32))
    module.insert(1, norm)
    repaired: Any = explain(module, length=17).repair()
    assert isinstance(repaired[1], nn.Identity) and isinstance(module[1], nn.BatchNorm1d)
    again: Any = explain(repaired, length=17)
    assert again.explained and again.worst_error.value == 0


def test_where_there_is_none() -> None:
    found = explain(moved(sigma=torch.tanh), length=17)
    with (
        warnings.catch_warnings(),
        pytest.raises(ValueError, match="^asymptotes: an exact"),
    ):
        warnings.simplefilter("error")
        found.repair()


def test_a_module_that_cannot_be_copied() -> None:
    module: Any = moved()
    module.lock = threading.Lock()
    with pytest.raises(ValueError, match=r"^the module cannot be copied \(cannot pickle '_thread"):
        explain(module, length=17).repair()


def test_learned_slopes() -> None:
    one, two = nn.PReLU(), nn.PReLU(2)
    nn.init.constant_(two.weight[1:], 0.5)
    repaired: Any = explain(moved(sigma=one), length=17).repair()
    assert explain(repaired, length=17).explained and torch.equal(repaired.sigma.weight, one.weight)
    with pytest.raises(ValueError, match="the exact network has more channels"):
        explain(moved(sigma=two), length=17).repair()
