"""Layers that are folded are known by torch's own names; the others are refused by theirs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from verify.models.checkpoint import Checkpoint, network_of
from verify.models.parametrizations import BatchNorm, normalised, plain, sloped
from verify.models.tensors import CheckpointError, tensors_of

Layers = Callable[[nn.Sequential], object]


def sequential(
    sigma: nn.Module | None = None, *before: nn.Module, channels: int = 2
) -> nn.Sequential:
    """Conv1d, the layers between, activation, Flatten for the pooling, Linear."""
    torch.manual_seed(1)
    layers = nn.Conv1d(1, channels, 3), *before, sigma or nn.ReLU(), nn.Flatten()
    return nn.Sequential(*layers, nn.Linear(channels, 1)).double().eval()


def old(normalise: Any, layer: nn.Module) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch has a newer spelling
        normalise(layer)


def answers(net: nn.Sequential, x: torch.Tensor) -> torch.Tensor:
    """What the module answers with a sum over positions."""
    with torch.no_grad():
        return torch.as_tensor(net[-1](net[:-2](x).sum(-1)))[:, 0]


def again(found: Checkpoint, sigma: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The same by the weights that were read."""
    z = torch.conv1d(x, torch.tensor(found.w)[:, None], torch.tensor(found.biases))
    with torch.no_grad():
        return torch.as_tensor(sigma(z).sum(-1) @ torch.tensor(found.a) + found.offset)


def trained(norm: nn.Module) -> nn.Module:
    """A batch norm that has seen something."""
    norm.double()(torch.randn(64, norm.num_features, 9, dtype=torch.float64) * 3 + 1)  # type: ignore[operator]
    with torch.no_grad():
        for parameter in norm.parameters():
            parameter.uniform_(0.5, 2)
    return norm


FOLDED: dict[str, tuple[Callable[[], nn.Sequential], Layers, str]] = {
    "weight norm": (
        sequential,
        lambda net: parametrizations.weight_norm(net[0]),
        (
            "0.weight is made of 0.parametrizations.weight.original0 and"
            " 0.parametrizations.weight.original1 (weight norm), off by"
        ),
    ),
    "old weight norm": (
        sequential,
        lambda net: old(nn.utils.weight_norm, net[0]),
        "0.weight is made of 0.weight_g and 0.weight_v (weight norm), off by",
    ),
    "of the readout": (
        sequential,
        lambda net: parametrizations.weight_norm(net[3]),
        "3.weight is made of",
    ),
    "one length": (
        sequential,
        lambda net: parametrizations.weight_norm(net[0], dim=None),
        "(weight norm), off by",
    ),
    "other axis": (
        sequential,
        lambda net: parametrizations.weight_norm(net[0], dim=2),
        "(weight norm), off by",
    ),
    "pruning": (
        sequential,
        lambda net: prune.l1_unstructured(net[0], "weight", 3),
        "0.weight is made of 0.weight_orig and 0.weight_mask (pruning), exactly",
    ),
    "pruned bias": (
        sequential,
        lambda net: prune.random_unstructured(net[0], "bias", 1),
        "0.bias is made of 0.bias_orig and 0.bias_mask (pruning), exactly",
    ),
    "batch norm": (
        lambda: sequential(nn.ReLU(), trained(nn.BatchNorm1d(2))),
        lambda net: None,
        "the batch norm 1, with eps = 1e-05, is part of 0, off by",
    ),
    "not affine": (
        lambda: sequential(nn.ReLU(), trained(nn.BatchNorm1d(2, affine=False))),
        lambda net: None,
        "the batch norm 1, with eps",
    ),
    "PReLU": (
        lambda: sequential(nn.PReLU(init=0.125)),
        lambda net: None,
        "the activation is PReLU with the learned slope 1.weight = 0.125",
    ),
    "batch norm and PReLU": (
        lambda: sequential(nn.PReLU(init=0.125), trained(nn.BatchNorm1d(2))),
        lambda net: None,
        "the batch norm 1",
    ),
}


@pytest.mark.parametrize("name", FOLDED)
def test_folded_layers_answer_the_same(name: str) -> None:
    make, change, note = FOLDED[name]
    net = make()
    change(net)
    net.eval()
    found = network_of(net.state_dict(), {})
    assert any(note in said for said in found.notes)
    x = torch.rand(7, 1, 17, dtype=torch.float64)
    sigma = nn.PReLU(init=0.125).double() if "PReLU" in name else nn.ReLU()
    assert torch.allclose(again(found, sigma, x), answers(net, x), rtol=1e-12)
    exactly = "prun" in name or name == "PReLU"
    assert all(said.endswith("exactly") or "0.125" in said for said in found.notes) == exactly


def test_a_slope_per_channel_is_two_channels_of_relu() -> None:
    net = sequential(nn.PReLU(2))
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor([0.3, -0.7]))
    found = network_of(net.state_dict(), {"length": "17", "init": "0.25"})
    assert found.w.shape == (4, 3) and found.metadata == {"length": "17", "activation": "relu"}
    assert found.slopes is None and found.names["activation.weight"] == "1.weight"
    x = torch.rand(7, 1, 17, dtype=torch.float64) * 4 - 2
    assert torch.allclose(again(found, nn.ReLU(), x), answers(net, x), rtol=1e-12)
    with torch.no_grad():
        net[1].weight.fill_(0.3)
    found = network_of(net.state_dict(), {})
    assert found.w.shape == (2, 3) and found.slopes is not None
    assert found.metadata == {
        "activation": "prelu(5404319552844595/18014398509481984)"
    }  # the float 0.3


def test_what_runs_is_what_was_folded() -> None:
    """Weights under a mask are computed without rounding; a batch norm is not, so the bound is that
    of the folded network.
    """
    net = sequential().float()
    prune.l1_unstructured(net[0], "weight", 3)
    assert network_of(net.state_dict(), {}).dtype == "float32"
    parametrizations.weight_norm(net[3])
    assert network_of(net.state_dict(), {}).dtype == "float64"
    assert (
        network_of(sequential(None, nn.BatchNorm1d(2)).float().state_dict(), {}).dtype == "float64"
    )


def test_eps_may_be_said() -> None:
    net = sequential(nn.ReLU(), nn.BatchNorm1d(2, eps=0.25))
    assert np.allclose(
        network_of(net.state_dict(), {}, eps=0.25).w, net[0].weight[:, 0].detach() / np.sqrt(1.25)
    )


def test_names_that_say_no_place_are_noted() -> None:
    norm = BatchNorm("bn", *(np.ones(1) for _ in range(4)))
    given = np.ones((1, 3)), None, norm, "conv", 1e-5
    _, note, assumed = normalised(*given, ("conv.weight", "bn.weight", "bn.bias"))
    assert "the batch norm bn, taken to stand between convolution and activation, with eps" in note
    assert assumed == "the batch norm bn stands between convolution and activation"
    _, note, assumed = normalised(*given, None)  # a module says where it stands
    assert note.startswith("the batch norm bn, with eps") and assumed == ""


class Named(nn.Module):
    """Layers by name, in the order of their registration."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        layers = {
            "conv": nn.Conv1d(1, 1, 3),
            "bn": trained(nn.BatchNorm1d(1)),
            "lin": nn.Linear(1, 1),
        }
        for name in names:
            self.add_module(name, layers[name].double())


def test_a_batch_norm_in_front_of_the_convolution_is_refused_by_the_order() -> None:
    """The order of registration, where it is torch's; that of the alphabet, as safetensors has it,
    says nothing.
    """
    state = Named("bn", "conv", "lin").state_dict()
    with pytest.raises(CheckpointError, match="bn stands in front of the convolution conv"):
        network_of(state, {})
    behind = network_of(Named("conv", "bn", "lin").state_dict(), {})
    assert "bn stands between" in behind.assumed
    sorted_ = network_of({name: state[name] for name in sorted(state)}, {})
    assert sorted_.assumed == behind.assumed
    assert sorted_.supposing("exact") == f"exact; that holds if {behind.assumed}"
    assert network_of(sequential(nn.ReLU(), nn.BatchNorm1d(2)).state_dict(), {}).assumed == ""


REFUSED: dict[str, tuple[Callable[[], nn.Sequential], Layers, str]] = {
    "spectral norm": (
        sequential,
        lambda net: parametrizations.spectral_norm(net[0]),
        "0.parametrizations.weight.0._u belongs to spectral norm: remove it",
    ),
    "old spectral norm": (
        sequential,
        lambda net: old(nn.utils.spectral_norm, net[0]),
        "0.weight_u belongs to spectral norm: remove it",
    ),
    "orthogonal": (
        sequential,
        lambda net: parametrizations.orthogonal(net[0]),
        "belongs to a parametrization that is not known: remove it",
    ),
    "layer norm": (
        lambda: sequential(nn.ReLU(), nn.GroupNorm(1, 2)),
        lambda net: None,
        (
            "1.weight and 1.bias scale and shift what is normalised by the input itself (layer"
            " norm, group norm, batch norm without running averages); that is not explained"
        ),
    ),
    "no averages": (
        lambda: sequential(nn.ReLU(), nn.BatchNorm1d(2, track_running_stats=False)),
        lambda net: None,
        "1.weight and 1.bias scale and shift what is normalised by the input itself",
    ),
    "other size": (
        lambda: sequential(nn.ReLU(), nn.BatchNorm1d(3)),
        lambda net: None,
        (
            "the batch norm 1 has 3 channels, and the convolution 0 2; one between convolution and"
            " activation is folded"
        ),
    ),
    "shapes": (
        lambda: sequential(nn.ReLU(), nn.BatchNorm1d(2)),
        lambda net: setattr(net[1], "running_var", torch.ones(3)),
        "the tensors of the batch norm 1 have different shapes",
    ),
    "behind": (
        lambda: nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU(), nn.BatchNorm1d(2), nn.Linear(2, 1)),
        lambda net: None,
        "the batch norm 2 does not follow the convolution 0 at once; only there it is folded",
    ),
    "before": (
        lambda: nn.Sequential(nn.BatchNorm1d(1), nn.Conv1d(1, 1, 3), nn.ReLU(), nn.Linear(1, 1)),
        lambda net: None,
        "the batch norm 0 does not follow the convolution 1 at once",
    ),
    "two": (
        lambda: sequential(nn.ReLU(), nn.BatchNorm1d(2), nn.BatchNorm1d(2)),
        lambda net: None,
        "it has 2 batch norms, 1 and 2; networks with one are explained",
    ),
    "two slopes": (
        lambda: sequential(nn.PReLU(), nn.PReLU()),
        lambda net: None,
        "it has 2 slopes of PReLU, 1.weight and 2.weight; networks with one are explained",
    ),
    "slopes": (
        lambda: sequential(nn.PReLU(3)),
        lambda net: None,
        "1.weight has 3 slopes for 2 channels; PReLU has one, or one per channel",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_folded_is_refused_by_its_name(name: str) -> None:
    make, change, sentence = REFUSED[name]
    net = make()
    change(net)
    with pytest.raises(CheckpointError) as error:
        network_of(net.state_dict(), {})
    assert sentence in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (
            ("0.lora_A.weight", "0.lora_B.weight"),
            (
                "0.lora_A.weight belongs to LoRA: merge it into its layer (merge_and_unload) and"
                " store that"
            ),
        ),
        (
            ("0.scale", "0.zero_point"),
            "0.zero_point belongs to a quantised layer: store the network before it was quantised",
        ),
        (("0.weight.absmax",), "belongs to a quantised layer"),
        (
            ("0.bias_orig", "0.bias_mask"),
            "0.bias is there beside 0.bias_orig and 0.bias_mask (pruning)",
        ),
        (("0.weight_g",), "it holds '0.weight_g', which this model does not have"),
    ],
)
def test_tensors_of_other_libraries(names: tuple[str, ...], sentence: str) -> None:
    state = {**sequential().state_dict(), **{name: torch.ones(4) for name in names}}
    with pytest.raises(CheckpointError) as error:
        network_of(state, {})
    assert sentence in str(error.value)


def test_metadata_does_not_contradict_a_slope() -> None:
    state = sequential(nn.PReLU()).state_dict()
    assert network_of(state, {"activation": "PReLU"}).metadata["activation"].startswith("prelu(")
    with pytest.raises(
        CheckpointError, match=r"its metadata says relu, and 1\.weight is a slope of PReLU"
    ):
        network_of(state, {"activation": "relu"})


def test_plain_tensors_stay() -> None:
    tensors = tensors_of(sequential().state_dict())
    found = plain(tensors)
    assert found.tensors == tensors and (found.norm, found.slope, found.notes, found.same) == (
        None,
        None,
        (),
        True,
    )
    (w, b, a), activation, _ = sloped(np.ones((1, 3)), None, np.ones(1), ("p", np.array([0.5])))
    assert (w.shape, b, a.tolist(), activation) == ((1, 3), None, [1.0], "prelu(1/2)")
