"""predict() on a live module: what it and its optimizer say, and what torch then does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn, optim

from numerics.pulse.sample import Radii, pulse
from tests.modules import B1, Net, Sum
from verify.predict import predict


def net(bias: bool = False, dtype: torch.dtype = torch.float64) -> nn.Sequential:
    """Conv1d, sum, Linear, from torch's own random weights."""
    torch.manual_seed(4)
    return nn.Sequential(
        nn.Conv1d(1, 2, 3, padding=1, bias=bias, dtype=dtype),
        Sum(),
        nn.Linear(2, 1, bias=bias, dtype=dtype),
    )


def trained(module: nn.Module, optimizer: optim.Optimizer, steps: int) -> dict[str, Any]:
    """The weights after steps on full batches of plateau radii, by plain torch."""
    radii = Radii(2, 4, 2)
    weight = next(module.parameters())
    r = torch.tensor(radii.r).to(weight)
    x = torch.tensor(pulse(radii.r, radii.half_length(3)))[:, None].to(weight)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.mean((module(x)[:, 0] - r) ** 2).backward()
        optimizer.step()
    return {name: value.detach().double().numpy() for name, value in module.named_parameters()}


MADE: dict[str, tuple[bool, Callable[[Any], optim.Optimizer]]] = {
    "plain": (False, lambda weights: optim.SGD(weights, lr=0.0002)),
    "momentum": (False, lambda weights: optim.SGD(weights, lr=0.0002, momentum=0.5)),
    "nesterov": (True, lambda weights: optim.SGD(weights, lr=0.0001, momentum=0.5, nesterov=True)),
    "decay": (True, lambda weights: optim.SGD(weights, lr=torch.tensor(0.0002), weight_decay=0.01)),
    "adam": (True, lambda weights: optim.Adam(weights, lr=0.01)),
    "adamw": (True, lambda weights: optim.AdamW(weights, lr=0.01, betas=(0.8, 0.99))),
}


@pytest.mark.parametrize("name", MADE)
def test_settings_of_the_optimizer_are_those_of_training(name: str) -> None:
    bias, made = MADE[name]
    module = net(bias)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    optimizer = made(module.parameters())
    found = predict(module, optimizer, steps=50)
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert not optimizer.state
    ends = trained(module, optimizer, 50)
    for weight in found.weights:
        assert weight.name in ends
        assert weight.trained == pytest.approx(float(ends[weight.name][weight.index]), abs=1e-12)
        if weight.bound is not None:
            assert abs(weight.difference) <= weight.bound
    assert found.agrees


def test_the_generator_of_the_caller_stays() -> None:
    module = net(True)
    drops = nn.Sequential(nn.Conv1d(1, 2, 3, padding=1), nn.Dropout(0.5), Sum(), nn.Linear(2, 1))
    before = torch.get_rng_state()
    predict(module, lr=1e-4, steps=3)
    predict(module, optim.Adam(module.parameters()), steps=3)
    with pytest.raises(ValueError, match="dropout"):
        predict(drops, lr=1e-4)
    assert torch.equal(torch.get_rng_state(), before)


def test_arguments_instead_of_an_optimizer() -> None:
    module = net()
    by_hand = predict(module, lr=0.0002, momentum=0.5, steps=20)
    assert by_hand == predict(
        module, optim.SGD(module.parameters(), lr=0.0002, momentum=0.5), steps=20
    )
    assert predict(module, step=0.25).method == "closed form"


def _frozen() -> tuple[nn.Module, optim.Optimizer]:
    module = net(True)
    return module, optim.SGD([value for key, value in module.named_parameters() if key != "0.bias"])


def _stepped() -> tuple[nn.Module, optim.Optimizer]:
    module = net()
    optimizer = optim.SGD(module.parameters(), lr=1e-4, momentum=0.9)
    trained(module, optimizer, 1)
    return module, optimizer


def _with(made: Callable[[Any], optim.Optimizer], module: nn.Module | None = None) -> Any:
    module = module or net()
    return module, made(module)


REFUSED: dict[str, tuple[Callable[[], tuple[nn.Module, Any]], str]] = {
    "maximize": (
        lambda: _with(lambda m: optim.SGD(m.parameters(), maximize=True)),
        "its optimizer has maximize",
    ),
    "amsgrad": (
        lambda: _with(lambda m: optim.Adam(m.parameters(), amsgrad=True)),
        "its optimizer has amsgrad",
    ),
    "another": (
        lambda: _with(lambda m: optim.RMSprop(m.parameters())),
        "its optimizer is RMSprop: Adam, AdamW, SGD are predicted",
    ),
    "groups": (
        lambda: _with(
            lambda m: optim.SGD(
                [{"params": m[0].parameters()}, {"params": m[2].parameters(), "lr": 0.1}]
            )
        ),
        "2 groups",
    ),
    "frozen": (_frozen, "its optimizer does not train 0.bias"),
    "of another module": (
        lambda: (net(), optim.SGD(net().parameters())),
        "its optimizer does not train 0.weight",
    ),
    "stepped": (_stepped, "has taken steps already"),
    "mean": (lambda: (Net(B1, pool=lambda x: x.mean(-1)), None), "its pooling is the mean"),
    "valid": (
        lambda: (Net(None, layers=(nn.Conv1d(1, 1, 3), nn.Linear(1, 1))), None),
        "its padding is 0",
    ),
    "images": (
        lambda: (
            Net(
                None,
                pool=lambda x: x.sum((2, 3)),
                layers=(nn.Conv2d(1, 1, 3, padding=1), nn.Linear(1, 1)),
            ),
            None,
        ),
        "for images",
    ),
    "slopes": (
        lambda: (Net(B1, sigma=nn.PReLU(dtype=torch.float64)), None),
        "its activation is prelu(1/4): training with identity or relu is predicted",
    ),
    "norm": (
        lambda: (
            Net(
                None,
                layers=(
                    nn.Sequential(nn.Conv1d(1, 1, 3, padding=1), nn.BatchNorm1d(1)),
                    nn.Linear(1, 1),
                ),
            ),
            None,
        ),
        "it trains conv.1.weight, conv.1.bias: training of",
    ),
    "dropout": (
        lambda: (Net(B1, sigma=nn.Sequential(nn.ReLU(), nn.Dropout())), None),
        "it answers otherwise in training mode",
    ),
    "two convolutions": (
        lambda: (nn.Sequential(nn.Conv1d(1, 1, 1), net()), None),
        "it calls 2 layers",
    ),
    "tanh": (lambda: (Net(B1, sigma=torch.tanh), None), "tanh"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_its_own_name(name: str) -> None:
    made, words = REFUSED[name]
    module, optimizer = made()
    with pytest.raises(ValueError, match=".") as error:
        predict(module, optimizer)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_an_argument_beside_the_optimizer() -> None:
    module = net()
    with pytest.raises(ValueError, match="the optimizer says its lr: leave lr= out"):
        predict(module, optim.SGD(module.parameters(), lr=0.1), lr=0.2)
