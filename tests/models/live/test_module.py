"""Live modules: read as they are written, left as they were, and refused by the name of what is in
the way.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune, weight_norm

from tests.modules import B1, B2, Net, sequential
from verify.models.live.module import live
from verify.models.tensors import CheckpointError

WEIGHTS = {"B1": B1, "B2": B2}
TYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("name", WEIGHTS)
def test_sequential_and_custom_modules_say_the_same(name: str, dtype: torch.dtype) -> None:
    for module, conv, readout in (
        (sequential(WEIGHTS[name], dtype), "0", "4"),
        (Net(WEIGHTS[name], dtype), "conv", "readout"),
    ):
        found = live(module, 17)
        kept = found.checkpoint
        assert kept.metadata == {
            "activation": "relu",
            "pooling": "sum",
            "padding": "1",
            "padding_mode": "zeros",
        }
        assert (found.conv, found.readout, found.shape) == (conv, readout, (1, 1, 17))
        assert list(kept.names.values()) == [
            f"{conv}.weight",
            f"{readout}.weight",
            f"{conv}.bias",
            f"{readout}.bias",
        ]
        assert kept.dtype == str(dtype).removeprefix("torch.")
        assert kept.w.tolist() == [row[0] for row in WEIGHTS[name]["conv.weight"].tolist()]
        assert (kept.offset, kept.biases.tolist()) == (-4.25, [0.5] * len(kept.a))


POOLINGS: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "x.mean": (lambda x: x.mean(-1), "mean"),
    "dim": (lambda x: x.mean(dim=2), "mean"),
    "keepdim": (lambda x: x.mean(2, keepdim=True).squeeze(-1), "mean"),
    "torch.mean": (lambda x: torch.mean(x, 2), "mean"),
    "view": (lambda x: x.mean(2, keepdim=True).view(x.size(0), -1), "mean"),
    "adaptive": (lambda x: F.adaptive_avg_pool1d(x, 1).flatten(1), "mean"),
    "layer": (nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Flatten()), "mean"),
    "whole": (nn.Sequential(nn.AvgPool1d(17), nn.Flatten()), "mean"),
    "avg_pool1d": (lambda x: F.avg_pool1d(x, x.shape[-1])[:, :, 0], "mean"),
    "transposed": (lambda x: x.transpose(1, 2).mean(1), "mean"),
    "divided": (lambda x: x.sum(-1) / x.shape[-1], "mean"),
    "matrix": (lambda x: x @ torch.full((17,), 1 / 17, dtype=torch.float64), "mean"),
    "x.sum": (lambda x: x.sum(-1), "sum"),
    "torch.sum": (lambda x: torch.sum(x, dim=2), "sum"),
    "einsum": (lambda x: torch.einsum("bkp->bk", x), "sum"),
    "halves": (lambda x: x[..., :9].sum(-1) + x[..., 9:].sum(-1), "sum"),
    "dropped": (
        nn.Sequential(nn.Dropout(0.5), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Dropout()),
        "mean",
    ),
}


@pytest.mark.parametrize("name", POOLINGS)
def test_pooling_in_every_spelling(name: str) -> None:
    pool, word = POOLINGS[name]
    assert live(Net(B2, pool=pool), 17).checkpoint.metadata["pooling"] == word


def test_images() -> None:
    layers = nn.Conv2d(1, 2, 3, padding="same"), nn.Linear(2, 1)
    pools: dict[str, Any] = {
        "mean": lambda x: x.mean((2, 3)),
        "sum": lambda x: x.flatten(2).sum(-1),
    }
    for word, pool in pools.items():
        module = Net(None, pool=pool, layers=layers)
        found = live(module, 9)
        assert found.checkpoint.w.shape == (2, 3, 3) and found.shape == (1, 1, 9, 9)
        assert found.checkpoint.metadata["pooling"] == word
        assert found.checkpoint.metadata["padding"] == "same"


class Padded(Net):
    """It pads the signal itself."""

    def __init__(self, mode: str, by: int = 1) -> None:
        super().__init__(None, layers=(nn.Conv1d(1, 2, 3), nn.Linear(2, 1)))
        self.mode, self.by = mode, by

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, (self.by, self.by), mode=self.mode))


@pytest.mark.parametrize("mode", ["zeros", "circular", "reflect", "replicate"])
def test_padding_of_the_layer_or_before_it(mode: str) -> None:
    conv = nn.Conv1d(1, 2, 3, padding=1, padding_mode=mode)
    own = live(Net(None, layers=(conv, nn.Linear(2, 1))), 9).checkpoint.metadata
    before = live(Padded("constant" if mode == "zeros" else mode), 9).checkpoint.metadata
    assert own == before
    assert (own["padding"], own["padding_mode"]) == ("1", mode)
    plain = live(Net(None, layers=(nn.Conv1d(1, 2, 3), nn.Linear(2, 1))), 9)
    assert plain.checkpoint.metadata["padding"] == "0"


class Optional(Net):
    """Further inputs have defaults, and one of its numbers is no parameter."""

    def forward(self, x: Tensor, scale: float = 1.0, features: bool = False) -> Any:
        values = self.conv(x).relu() * torch.tensor(2.0) * scale
        return values if features else self.readout(values.sum(-1))


def test_defaults_are_taken_and_nothing_is_left_behind() -> None:
    module = Optional(B1)
    before = set(vars(module))
    found = live(module, 17)
    assert found.checkpoint.metadata["activation"] == "2*max(0, z)"
    assert found.conv == "conv" and set(vars(module)) == before


def test_a_compiled_module_is_not_compiled_for_this() -> None:
    def backend(graph: Any, inputs: Any) -> Any:
        raise AssertionError

    module = torch.compile(sequential(B1), backend=backend)
    assert isinstance(module, nn.Module)
    found = live(module, 17)
    assert found.conv == "_orig_mod.0"
    assert found.answer(torch.zeros(17)) == sequential(B1).eval()(torch.zeros(1, 1, 17).double())


class Divided(Net):
    """The number of positions is asked of the signal."""

    def forward(self, x: Tensor) -> Tensor:
        answers = self.conv(x)
        return self.readout(answers.relu().sum(-1) / x.shape[-1] * (answers.size(2) / 17))


def test_sizes_are_numbers() -> None:
    assert live(Divided(B2), 17).checkpoint.metadata["pooling"] == "mean"


class Outside(Net):
    """It takes (batch, pixels) and answers (batch)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.unsqueeze(1)).squeeze(-1)


def test_other_shapes_outside() -> None:
    module = Outside(B1)
    found = live(module, 17)
    light = torch.ones(17, dtype=torch.float64)
    assert found.shape == (1, 17)
    assert found.answer(light) == module(light[None]).item()


def test_wrappers_and_weights_that_are_computed() -> None:
    plain = sequential(B2, torch.float32)
    kept = live(plain, 17).checkpoint
    for wrapped in (nn.DataParallel(plain), torch.optim.swa_utils.AveragedModel(plain)):
        found = live(wrapped, 17)
        assert found.conv == "module.0" and found.checkpoint.names["conv.bias"] == "module.0.bias"
        assert found.checkpoint.w.tolist() == kept.w.tolist()
    parametrizations.weight_norm(plain[0])
    assert live(plain, 17).checkpoint.w.tolist() == plain[0].weight[:, 0].tolist()
    old = sequential(B2, torch.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        weight_norm(old[0])
    with torch.no_grad():
        old[0].weight_g.mul_(2)  # what is stored as the weight is stale until the next call
    assert live(old, 17).checkpoint.w[0, 0] == pytest.approx(1.0)
    pruned = sequential(B2)
    prune.l1_unstructured(pruned[0], "weight", amount=2)
    assert (live(pruned, 17).checkpoint.w == 0).sum() == 2


def test_layers_that_are_folded() -> None:
    """As from a file: PReLU's slopes are weights, and a batch norm is a part of the convolution,
    with its own eps.
    """
    found = live(Net(B2, sigma=_slopes()), 17).checkpoint
    assert found.metadata["activation"] == "relu" and found.a.tolist() == [
        0.25,
        0.25,
        -0.0625,
        -0.125,
    ]
    assert "sigma.weight" in found.notes[0]
    norm = nn.BatchNorm1d(2, eps=0.25, dtype=torch.float64)
    with torch.no_grad():
        norm.running_var.fill_(0.75)
        norm.running_mean.fill_(0.5)
    module = Net(B2, layers=(nn.Sequential(Net(B2).conv, norm), Net(B2).readout))
    found = live(module, 17).checkpoint
    assert found.biases.tolist() == [0.0, 0.0] and found.w.tolist()[0] == [0.5, -0.25, 0.75]
    assert found.names["conv.bias"] == "conv.0.bias"


def test_the_module_is_left_as_it_was() -> None:
    module = nn.Sequential(nn.Sequential(sequential(B2, torch.float32).train()))
    module[0][0][1].eval()
    weights = {name: value.clone() for name, value in module.state_dict().items()}
    modes = [part.training for part in module.modules()]
    module(torch.rand(1, 1, 17)).sum().backward()
    slopes = [weight.grad.clone() for weight in module.parameters() if weight.grad is not None]
    random = torch.random.get_rng_state()
    found = live(module, 17)
    assert "evaluation mode" in found.checkpoint.notes[-1]
    assert [part.training for part in module.modules()] == modes
    assert all(torch.equal(module.state_dict()[name], value) for name, value in weights.items())
    assert all(weight.requires_grad for weight in module.parameters())
    now = [weight.grad for weight in module.parameters()]
    assert all(torch.equal(x, y) for x, y in zip(slopes, now, strict=True) if y is not None)
    assert torch.equal(torch.random.get_rng_state(), random)
    assert live(module.eval(), 17).checkpoint.notes == ()
    assert live(Net(B1), 17).checkpoint.notes == ()  # its mode makes no difference


class Dropping(Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.dropout(x, 0.5, self.training))


def test_a_mode_that_makes_a_difference_is_named() -> None:
    (note,) = live(Dropping(B1), 17).checkpoint.notes
    assert "evaluation mode is explained" in note


# ---------------------------------------------------------------------------------- what is refused


class Joined(Net):
    """The signal is added to what the convolution answers."""

    def forward(self, x: Tensor) -> Tensor:
        return self.readout((torch.relu(self.conv(x)) + x).sum(-1))


class Beside(Net):
    """The signal reaches the readout on a second way."""

    def forward(self, x: Tensor) -> Tensor:
        return self.readout(torch.relu(self.conv(x)).sum(-1) + x.sum(-1))


class Prepared(Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(2 * x - 1)


class Shifted(Net):
    """It changes its input in its place."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.sub_(0.5))


class Scaled(Net):
    def forward(self, x: Tensor) -> Tensor:
        return 10 * super().forward(x)


class Pair(Net):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x), x


class TwoInputs(Net):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x) + y


class Branching(Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if x.sum() > 0 else self.readout(self.conv(x).sum(-1))


class Functional(Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.readout(F.conv1d(x, self.conv.weight, self.conv.bias, padding=1).relu().sum(-1))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.readout = nn.LSTM(1, 4, batch_first=True), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.rnn(x.transpose(1, 2))
        answer: Tensor = self.readout(states[:, -1])
        return answer


def _layers(conv: nn.Module, *behind: nn.Module) -> nn.Module:
    return nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), *behind)


CONV = (1, 2, 3)
REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "max pooling": (
        lambda: Net(B2, pool=lambda x: x.amax(-1)),
        "its pooling is amax: sum and mean over all positions are explained",
    ),
    "max of x": (lambda: Net(B2, pool=lambda x: x.max(-1)[0]), "its pooling is max: sum and"),
    "max pooling layer": (
        lambda: nn.Sequential(
            nn.Conv1d(*CONV),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
            nn.Linear(2, 1),
        ),
        "its pooling is MaxPool1d:",
    ),
    "log-sum-exp": (
        lambda: Net(B2, pool=lambda x: torch.logsumexp(x, -1)),
        "its pooling is logsumexp:",
    ),
    "mean and max": (
        lambda: Net(B2, pool=lambda x: x.mean(-1) + x.amax(-1)),
        "its pooling is amax:",
    ),
    "part of the positions": (
        lambda: Net(B2, pool=lambda x: x[..., 1:].sum(-1)),
        "its pooling is neither the sum nor the mean over all 17 positions (getitem, sum)",
    ),
    "twice the mean": (
        lambda: Net(B2, pool=lambda x: 2 * x.mean(-1)),
        "its pooling is neither the sum nor the mean",
    ),
    "a weight for every position": (
        lambda: nn.Sequential(
            nn.Conv1d(*CONV, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(34, 1)
        ),
        "its Linear sees 1 × 34 numbers, not the sum or mean of each of 2 channels (Flatten)",
    ),
    "two convolutions": (
        lambda: _layers(nn.Sequential(nn.Conv1d(*CONV), nn.Conv1d(2, 2, 3)), nn.Linear(2, 1)),
        "it calls 2 layers Conv1d or Conv2d (0.0, 0.1);",
    ),
    "no convolution": (
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(17, 1)),
        "it calls no layers Conv1d or Conv2d;",
    ),
    "a function": (
        lambda: Functional(B2),
        (
            "it calls no layers Conv1d or Conv2d (functions such as conv1d are not read: give its"
            " state_dict(), with activation, pooling and padding as options);"
        ),
    ),
    "two Linear": (
        lambda: _layers(nn.Conv1d(*CONV), nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)),
        "it calls 2 layers Linear (4, 6);",
    ),
    "no Linear": (
        lambda: nn.Sequential(nn.Conv1d(1, 1, 3), nn.AdaptiveAvgPool1d(1)),
        "it calls no layers Linear;",
    ),
    "Linear first": (
        lambda: nn.Sequential(nn.Linear(17, 1), nn.Conv1d(1, 1, 1)),
        "its Linear 0 comes before its convolution;",
    ),
    "stride": (
        lambda: _layers(nn.Conv1d(*CONV, stride=2), nn.Linear(2, 1)),
        "its convolution 0 has stride = (2,): 1 is explained",
    ),
    "dilation": (
        lambda: _layers(nn.Conv1d(*CONV, dilation=2), nn.Linear(2, 1)),
        "its convolution 0 has dilation = (2,): 1 is explained",
    ),
    "groups": (
        lambda: _layers(nn.Conv1d(2, 2, 3, groups=2), nn.Linear(2, 1)),
        "its convolution 0 has in_channels = 2: 1 is explained",
    ),
    "three outputs": (
        lambda: _layers(nn.Conv1d(*CONV), nn.Linear(2, 3)),
        "its Linear 4 has 3 outputs:",
    ),
    "even taps": (
        lambda: _layers(nn.Conv1d(1, 2, 4), nn.Linear(2, 1)),
        "the filters of 0.weight have 4 taps; an odd number is needed",
    ),
    "residual": (
        lambda: Joined(B2),
        "the signal is joined to what the convolution answers (a residual connection)",
    ),
    "second way": (
        lambda: Beside(B2),
        "what its Linear sees does not come through the activation alone (a residual connection)",
    ),
    "prepared signal": (lambda: Prepared(B2), "its forward calls mul before its convolution;"),
    "changed in its place": (lambda: Shifted(B2), "its forward calls sub_ before its convolution;"),
    "uneven padding": (
        lambda: nn.Sequential(
            nn.ConstantPad1d((1, 2), 0.0), _layers(nn.Conv1d(*CONV), nn.Linear(2, 1))
        ),
        "its convolution does not see the signal as it is (ConstantPad1d)",
    ),
    "scaled answer": (lambda: Scaled(B2), "its forward calls mul behind its Linear;"),
    "two answers": (lambda: Pair(B2), "its forward returns several values;"),
    "two inputs": (
        lambda: TwoInputs(B2),
        (
            "its forward cannot be traced (TwoInputs.forward() missing 1 required positional"
            " argument: 'y')"
        ),
    ),
    "control flow": (
        lambda: Branching(B2),
        (
            "its forward cannot be traced (symbolically traced variables cannot be used as inputs"
            " to control flow): give its state_dict()"
        ),
    ),
    "TorchScript": (
        lambda: torch.jit.trace(sequential(B2).eval(), torch.zeros(1, 1, 17, dtype=torch.float64)),
        "its forward cannot be traced (it is TorchScript): give its state_dict()",
    ),
    "LSTM": (Recurrent, "its layer rnn is of the kind LSTM;"),
    "LayerNorm": (
        lambda: _layers(nn.Sequential(nn.Conv1d(*CONV), nn.LayerNorm(15)), nn.Linear(2, 1)),
        "its layer 0.1 is of the kind LayerNorm;",
    ),
    "softmax": (
        lambda: Net(B2, sigma=lambda x: x.softmax(1)),
        "between its convolution and its pooling stands 'softmax(x, 1)', which is no activation:",
    ),
    "a slope for each channel": (
        lambda: Net(B2, sigma=nn.Sequential(_slopes(), nn.Tanh())),
        "sigma.0.weight has 2 different numbers",
    ),
    "another length": (
        lambda: nn.Sequential(
            nn.Flatten(), nn.Unflatten(1, (1, 9)), _layers(nn.Conv1d(*CONV), nn.Linear(2, 1))
        ),
        "it does not take a signal of 1 × 1 × 17 numbers",
    ),
    "no values": (
        lambda: _layers(nn.Conv1d(*CONV, device="meta"), nn.Linear(2, 1, device="meta")),
        "the weights of its layer 0 have no values yet",
    ),
    "lazy": (
        lambda: _layers(nn.LazyConv1d(2, 3), nn.LazyLinear(1)),
        "the weights of its layer 0 have no values yet",
    ),
    "norm elsewhere": (
        lambda: nn.Sequential(
            nn.Conv1d(*CONV),
            nn.ReLU(),
            nn.BatchNorm1d(2),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
            nn.Linear(2, 1),
        ),
        "its batch norm 2 does not stand right behind the convolution, where it can be folded",
    ),
    "norm of the batch": (
        lambda: _layers(
            nn.Sequential(nn.Conv1d(*CONV), nn.BatchNorm1d(2, track_running_stats=False)),
            nn.Linear(2, 1),
        ),
        "its batch norm 0.1 keeps no running statistics",
    ),
}


def _slopes() -> nn.Module:
    layer = nn.PReLU(2, dtype=torch.float64)
    nn.init.constant_(layer.weight[1:], 0.5)
    return layer


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore:Lazy modules", r"ignore:.*torch\.jit:DeprecationWarning")
def test_refused_by_its_own_name(name: str) -> None:
    made, words = REFUSED[name]
    module = made()
    modes = [part.training for part in module.modules()]
    with pytest.raises(CheckpointError) as error:
        live(module, 17)
    sentence = str(error.value)
    assert words in sentence and "\n" not in sentence
    assert [part.training for part in module.modules()] == modes
