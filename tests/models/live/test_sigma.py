"""σ as people write it in torch, read from traced functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from numerics.arithmetic.walk import compiled
from theory.expressions.spelling import spelled
from verify.models.live.sigma import activation_text
from verify.models.networks import TENSORS


class Traced(nn.Module):
    """A function or layer as a module, with parameters of its own."""

    def __init__(self, function: Callable[..., Tensor], **parameters: Tensor) -> None:
        super().__init__()
        self.function = function
        for name, value in parameters.items():
            self.register_parameter(name, nn.Parameter(value))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self._parameters.values())


def text_of(module: nn.Module) -> str:
    """What is read of a module in evaluation mode."""
    graph = fx.symbolic_trace(module.eval())
    run = fx.Interpreter(graph, garbage_collect_values=False)
    run.run(torch.zeros(1, 2, 5))
    first, *_, output = graph.graph.nodes
    last = output.args[0]
    assert isinstance(last, fx.Node)
    return activation_text(last, first, dict(graph.named_modules()), run.env)


SPELLINGS: dict[str, tuple[Any, str]] = {
    "torch.relu": (torch.relu, "relu"),
    "F.relu": (F.relu, "relu"),
    "F.relu in its place": (lambda x: F.relu(x, inplace=True), "relu"),
    "x.relu": (lambda x: x.relu(), "relu"),
    "x.relu_": (lambda x: x.relu_(), "relu"),
    "nn.ReLU": (nn.ReLU(inplace=True), "relu"),
    "clamp": (lambda x: x.clamp(min=0), "relu"),
    "clamp of torch": (lambda x: torch.clamp(x, 0, None), "relu"),
    "maximum": (lambda x: torch.maximum(x, torch.zeros_like(x)), "relu"),
    "where": (lambda x: torch.where(x > 0, x, torch.zeros_like(x)), "relu"),
    "abs": (abs, "abs"),
    "x.abs": (lambda x: x.abs(), "abs"),
    "leaky": (lambda x: F.leaky_relu(x, 0.2), "leaky_relu(negative_slope=0.2)"),
    "nn.LeakyReLU": (nn.LeakyReLU(0.2), "leaky_relu(negative_slope=0.2)"),
    "learned slope": (nn.PReLU(init=0.375), "prelu(weight=0.375)"),
    "hardtanh": (lambda x: F.hardtanh(x, -2, 2), "hardtanh(min_val=-2, max_val=2)"),
    "softplus": (lambda x: F.softplus(x, beta=5), "softplus(beta=5)"),
    "gelu": (lambda x: F.gelu(x, approximate="tanh"), "gelu_tanh"),
    "nn.GELU": (nn.GELU("tanh"), "gelu_tanh"),
    "silu": (lambda x: x * x.sigmoid(), "silu"),
    "quick": (lambda x: x * torch.sigmoid(1.702 * x), "z/(1 + exp(-851*z/500))"),
    "square": (lambda x: x * x, "square"),
    "cube": (lambda x: torch.pow(x, 3), "cube"),
    "hardswish": (lambda x: x * F.relu6(x + 3) / 6, "z*max(0, min(6, 3 + z))/6"),
    "a size": (lambda x: (y := x + 0).relu_().view(y.shape), "relu"),
    "dropout": (nn.Sequential(nn.Dropout(0.5), nn.ReLU(), nn.Identity()), "relu"),
    "F.dropout": (lambda x: F.dropout(F.relu(x), 0.5, training=False), "relu"),
    "nothing": (lambda x: x, "identity"),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_spellings(name: str) -> None:
    function, row = SPELLINGS[name]
    module = function if isinstance(function, nn.Module) else Traced(function)
    assert spelled(text_of(module)).name == row
    z = torch.linspace(-3, 3, 25, dtype=torch.float64)
    meant = compiled(spelled(row).expression, TENSORS)(z)
    answered = module.double().eval()(z.reshape(1, 1, -1).clone()).flatten()
    torch.testing.assert_close(answered, meant, rtol=1e-12, atol=1e-12)


def test_a_learned_number_is_exact() -> None:
    swish = Traced(lambda x, beta: x * torch.sigmoid(beta * x), beta=torch.tensor(0.1))
    # float32 has no 0.1: 13421773/2^27 is what stands there.
    assert "13421773/134217728" in text_of(swish)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.PReLU(2), None),
        (Traced(lambda x, a: a * x, a=torch.tensor([[1.0], [2.0]])), "a has 2 different numbers"),
        (Traced(lambda x, a: a * x, a=torch.tensor(1j)), "a, which is no number"),
        (Traced(lambda x: x * x.sum((1, 2))), r"stands '\(1, 2\)', which is no number"),
        (Traced(lambda x: (y := x + 1).relu_() + y), "writes over"),
        (Traced(lambda x: ((y := x + 1)[0].relu_(), 2 * y)[1]), "writes over"),
        (Traced(lambda x: (y := x + 1).view(1, -1).relu_().view(1, 2, 5) + y), "writes over"),
    ],
)
def test_what_is_no_function_of_one_number(module: nn.Module, words: str | None) -> None:
    if isinstance(module, nn.PReLU):
        # The same slope for all channels is one σ.
        assert text_of(module) == "prelu(1/4)"
        nn.init.constant_(module.weight[1:], 0.5)
        words = "has 2 different numbers"
    with pytest.raises(ValueError, match=words):
        text_of(module)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.softmax(x, 1),
        lambda x: F.dropout(x, 0.5, training=True),
        lambda x: x.cumsum(-1),
        lambda x: torch.add(x, x, alpha=2),
        lambda x: x.roll(1),
        lambda x: F.rrelu(x, training=True),
    ],
)
def test_the_grammar_refuses_the_rest(function: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(ValueError, match=r"character|function|parameter"):
        spelled(text_of(Traced(function)))
