"""What stands around σ is known by what it is, not by what it answers to a few numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from tests.modules import B1, Net
from verify.models.live.flow import carriers, holds
from verify.models.live.module import live
from verify.models.tensors import CheckpointError

WHERE = ("before its convolution", "between its activation and its Linear", "behind its Linear")


class Around(Net):
    """The three places around convolution, σ and Linear."""

    def __init__(self, *places: Callable[[Tensor], Any]) -> None:
        super().__init__(B1)
        self.before, self.between, self.behind = places

    def forward(self, x: Tensor) -> Any:
        pooled = self.between(torch.relu(self.conv(self.before(x))).sum(-1))
        return self.behind(self.readout(pooled))


def around(place: int, function: Callable[[Tensor], Any]) -> Around:
    """A module with a function in one of the places."""
    places: list[Callable[[Tensor], Any]] = [lambda x: x] * 3
    places[place] = function
    return Around(*places)


def _written(x: Tensor) -> Tensor:
    x.clamp_(max=20)
    return x


CHANGES: dict[str, Callable[[Tensor], Any]] = {
    "clamp": lambda x: x.clamp(max=20),
    "clamp_": _written,
    "round": lambda x: x.round(decimals=1),
    "floor": torch.floor,
    "half": lambda x: x.half().double(),
    "float": lambda x: x.float().double(),
    "to": lambda x: x.to(torch.bfloat16).double(),
    "int": lambda x: x.int().double(),
    "ReLU": nn.ReLU(),
    "Hardtanh": nn.Hardtanh(-1000, 1000),
    "threshold": lambda x: F.threshold(x, -1000, 0),
    "lt": lambda x: torch.where(x < 1000, x, torch.zeros_like(x)),
    "mul": lambda x: x * x,
    "add": lambda x: x + 1e-30,
    "nan_to_num": lambda x: x.nan_to_num(),
    "item": lambda x: x.sum().item() * x,
}
"""Most of them show nothing to small whole numbers."""


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("place", range(3))
def test_a_change_is_refused_by_its_name(place: int, name: str) -> None:
    with pytest.raises(CheckpointError) as error:
        live(around(place, CHANGES[name]), 17)
    sentence = str(error.value)
    assert sentence.startswith("its forward calls ") and f" {WHERE[place]};" in sentence
    assert name in sentence or name == "item"


def test_an_activation_in_another_shape_is_refused_in_true_words() -> None:
    module = Net(B1, sigma=lambda x: x.squeeze(1).relu(), pool=lambda x: x.sum(-1, keepdim=True))
    with pytest.raises(CheckpointError, match="calls relu between its convolution and its Linear"):
        live(module, 17)


DIVISIONS: dict[str, Callable[[Tensor], Any]] = {
    "by itself": lambda x: x / x,
    "one by it": lambda x: 1 / x,
    "floored": lambda x: torch.div(x, 17, rounding_mode="floor"),
    "product": lambda x: torch.einsum("bk,bk->bk", x, x),
    "a count of it": lambda x: x.sum(-1, dtype=torch.float32)[:, None].double(),
}


@pytest.mark.parametrize("name", DIVISIONS)
def test_what_is_linear_in_one_place_only(name: str) -> None:
    with pytest.raises(CheckpointError, match="its forward calls"):
        live(around(1, DIVISIONS[name]), 17)


PASSED: dict[str, Callable[[Tensor], Any]] = {
    "view": lambda x: x.view(x.size(0), -1).view_as(x),
    "squeezed": lambda x: x.unsqueeze(0)[0],
    "double": lambda x: x.double(),
    "its own type": lambda x: x.to(x.dtype).type_as(x).to(x.device),
    "contiguous": lambda x: x.contiguous().clone(),
    "dropout": nn.Sequential(nn.Dropout(0.5), nn.Identity()),
    "F.dropout": lambda x: F.dropout(x, 0.5, training=False),
    "reshape": lambda x: x.reshape(x.shape),
}


@pytest.mark.parametrize("name", PASSED)
@pytest.mark.parametrize("place", range(3))
def test_what_only_passes_the_signal_on(place: int, name: str) -> None:
    metadata = live(around(place, PASSED[name]), 17).checkpoint.metadata
    assert metadata["activation"] == "relu" and metadata["pooling"] == "sum"


class Wider(Net):
    """It computes in a wider type, and comes back to that of its weights."""

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.relu(self.conv(x)).double().sum(-1)
        answer: Tensor = self.readout(pooled.to(x.dtype)).double()
        return answer


def test_a_wider_type_and_back() -> None:
    assert live(Wider(B1, torch.float32), 17).checkpoint.metadata["activation"] == "relu"


READINGS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "size": lambda net, x: F.relu(net.conv(x)).view(x.size(0), 1, -1).sum(2),
    "shape": lambda net, x: F.relu(net.conv(x)).view(x.shape[0], 1, x.shape[-1]).sum(2),
    "len": lambda net, x: F.relu(net.conv(x)).view(len(x), 1, -1).sum(2),
    "dtype": lambda net, x: net.conv(x).to(x.dtype).relu().to(x.device).sum(2),
    "new_zeros": lambda net, x: torch.maximum(net.conv(x), x.new_zeros(())).sum(2),
    "new_full": lambda net, x: net.conv(x).clamp(min=0).sum(2) * x.new_ones(1),
    "before": lambda net, x: (
        net.conv(x.view(x.size(0), 1, -1)).view(x.size(0), 1, -1).relu().sum(2)
    ),
}


class Read(Net):
    def __init__(self, function: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__(B1)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.readout(self.function(self, x))
        return answer


@pytest.mark.parametrize("name", READINGS)
def test_reading_a_size_is_no_flow(name: str) -> None:
    assert live(Read(READINGS[name]), 17).checkpoint.metadata["activation"] == "relu"


RANDOM: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "a drawn constant": (lambda x: x * torch.randn(1, dtype=torch.float64), "randn"),
    "of its size": (lambda x: x + torch.randn(x.shape), "randn"),
    "randn_like": (lambda x: x + torch.randn_like(x), "randn_like"),
    "rand": (lambda x: x * torch.rand(()), "rand"),
    "bernoulli": (lambda x: torch.bernoulli(x.sigmoid()), "bernoulli"),
    "dropout": (lambda x: F.dropout(x, 0.5, training=True), "dropout"),
    "dropout by default": (lambda x: F.dropout(x), "dropout"),
    "rrelu": (lambda x: F.rrelu(x, training=True), "rrelu"),
}  # fmt: skip


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.parametrize("place", range(4))
def test_random_numbers_are_refused_and_not_drawn(place: int, name: str) -> None:
    function, words = RANDOM[name]
    module = around(place, function) if place < 3 else Net(B1, sigma=function)
    state = torch.random.get_rng_state()
    # torch 2.7's randn takes no size that is traced, and is refused by its own sentence.
    reasons = rf"draws random numbers \({words}\)|cannot be traced \({words}\(\): argument 'size'"
    with pytest.raises(CheckpointError, match=reasons):
        live(module, 17)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("kind", ["tuple", "list", "dict", "nested"])
def test_one_entry_is_the_answer(kind: str) -> None:
    entries: Mapping[str, Callable[[Tensor], Any]] = {
        "tuple": lambda y: (y,),
        "list": lambda y: [y],
        "dict": lambda y: {"radius": y},
        "nested": lambda y: {"radius": (y.squeeze(-1),)},
    }
    found = live(around(2, entries[kind]), 17)
    light = torch.ones(17, dtype=torch.float64)
    assert found.answer(light) == Net(B1)(light[None, None]).item()


def test_two_entries_are_several() -> None:
    with pytest.raises(CheckpointError, match="its forward returns several values"):
        live(around(2, lambda y: {"radius": y, "twice": 2 * y}), 17)


class Shapes(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.new_full((), 2.0) * x.sum() + x.new_full((), x.max().item()) + x.shape[0]


def test_carriers() -> None:
    graph = fx.symbolic_trace(Shapes()).graph
    carrying = {node.name for node in carriers(graph)}
    assert {"x", "sum_1", "max_1", "new_full_1"} <= carrying
    assert carrying.isdisjoint({"new_full", "getattr_1", "getitem"})


def test_types_that_hold_all_numbers() -> None:
    double, half = torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float16)
    assert holds(double, torch.float16) and holds((double, 3), torch.float32)
    assert not holds(half, torch.bfloat16) and not holds([double, half], torch.float32)
    assert not holds(torch.zeros(1, dtype=torch.int64), torch.float16)
