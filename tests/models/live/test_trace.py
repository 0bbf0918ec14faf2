"""A traced module: its own names, every value, and nothing left behind."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from verify.models.live.trace import Drawing, Recorded, evaluated, traced
from verify.models.tensors import CheckpointError


class Noisy(nn.Module):
    """Adds a random number to twice its input."""

    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.Linear(1, 1)
        self.drop = nn.Dropout()

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.twice(x)) + torch.randn(1)


def test_modes_and_random_numbers_are_as_before() -> None:
    module = Noisy()
    module.drop.eval()
    state = torch.get_rng_state()
    with evaluated(module):
        assert not module.training and not torch.is_grad_enabled()
        module(torch.ones(1))
    assert module.training and not module.drop.training and torch.is_grad_enabled()
    assert torch.equal(state, torch.get_rng_state())


def test_a_graph_has_the_names_of_the_module_and_every_value() -> None:
    module = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU())
    nn.init.constant_(module[0].weight, -2)
    graph = traced(module)
    assert [node.target for node in graph.graph.nodes if node.op == "call_module"] == ["0", "1"]
    run = Recorded(graph)
    run.run(torch.ones(1))
    first, second = (node for node in graph.graph.nodes if node.op == "call_module")
    assert (run.env[first].item(), run.env[second].item()) == (-2, 0)
    assert run.again(first, torch.tensor(5.0), second).item() == 5
    assert set(vars(module)) == set(vars(nn.Sequential()))


def test_random_numbers_are_named() -> None:
    with evaluated(Noisy()), Drawing() as drawing:
        torch.randn(1)
    with pytest.raises(CheckpointError, match=r"draws random numbers \(randn\)"):
        drawing.refuse()
    with Drawing() as drawing:
        torch.ones(1).relu()
    drawing.refuse()
