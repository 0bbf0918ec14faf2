"""explain() from Python: one answer for a module, its file and its state_dict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.modules import B1, B2, Net, sequential
from verify.network import explain, main


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("weights", [B1, B2], ids=["B1", "B2"])
@pytest.mark.parametrize("made", [sequential, Net])
def test_module_file_and_state_dict_say_the_same(
    made: Any,
    weights: Mapping[str, Tensor],
    dtype: torch.dtype,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = made(weights, dtype).eval()
    live = explain(module, length=17)
    assert live.explained and live.verdict.startswith("explained: it errs by 0 pixel")
    assert live.file == made.__name__.replace("sequential", "Sequential")
    torch.save(module.state_dict(), tmp_path / "net.pt")
    save_file(module.state_dict(), tmp_path / "net.safetensors")
    options: Any = {"length": 17, "activation": "relu", "padding": 1}
    others = [
        explain(network, **options)
        for network in (
            module.state_dict(),
            tmp_path / "net.pt",
            str(tmp_path / "net.pt"),
            tmp_path / "net.safetensors",
        )
    ]
    for other in others:
        assert {**other.to_dict(), "file": ""} == {**live.to_dict(), "file": ""}
    assert [other.file for other in others] == ["state_dict", "net.pt", "net.pt", "net.safetensors"]
    # And as the command has it.
    file = str(tmp_path / "net.pt")
    assert main([file, "--activation", "relu", "--length", "17", "--json"]) == 0
    told, step = json.loads(capsys.readouterr().out), others[1].next_step
    assert {**told, "next_step": step} == others[1].to_dict()
    assert "with --out DIR" in told["next_step"] and "with certificate()" in step
    main([file, "--activation", "relu", "--length", "17"])
    assert capsys.readouterr().out.replace(told["next_step"], step) == others[1].text()
    assert f"{others[1]}\n" == others[1].text()
    for other, subject in zip(
        (live, *others), ("module", "state_dict", *["file"] * 3), strict=True
    ):
        assert other.replay is not None and other.replay.agrees
        assert other.text().count(f"the {subject} itself") == 1


def test_images_from_python() -> None:
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 1, 3, padding=1), nn.Linear(1, 1)
    module = Net(None, layers=layers, pool=lambda x: x.sum((2, 3)), sigma=torch.abs)
    with torch.no_grad():
        layers[0].weight.copy_(torch.tensor([[[[0, 0, 0], [0, -1, 1], [0, 0, 0.0]]]]))
    found = explain(module.eval(), length=21, tolerance=10)
    state = explain(module.state_dict(), 21, activation="abs", tolerance=10)
    assert {**found.to_dict(), "file": "state_dict"} == state.to_dict()
    assert found.replay is not None and found.replay.agrees
    assert found.text().count("replayed") == 1
    assert found._repr_html_().count("<svg") == 2 and len(found.plot().axes) == 1
    for wanted in (found.repair, found.certificate):
        with pytest.raises(ValueError, match="for images"):
            wanted()


def test_the_padding_of_torch_s_default_layer() -> None:
    """15 windows of 17 pixels: -3.75 takes the background away, and r ends where a window is
    missing.
    """
    layers = nn.Conv1d(1, 1, 3), nn.Linear(1, 1)
    module = Net(None, layers=layers)
    module.load_state_dict({**B1, "readout.bias": torch.tensor([-3.75])})
    found = explain(module, length=17)
    assert found.explained and found.setup.as_dict()["padding"] == "valid"
    assert found.setup.as_dict()["r_max"] == "6.5"


def test_the_next_step_is_one_of_python() -> None:
    """The mean of the same weights is no option of a module that adds up."""
    module = Net(B1)
    with torch.no_grad():
        module.readout.weight.mul_(17)
    state = explain(module.state_dict(), 17, activation="relu")
    assert state.next_step == "run it again with pooling=mean"
    assert explain(module, 17).next_step != state.next_step
    with torch.no_grad():
        module.readout.weight.div_(17.1)
    assert explain(module, 17).next_step.endswith("with repair()")


def test_settings_in_numbers_and_words() -> None:
    state = Net(B1).state_dict()
    first = explain(
        state, 17, activation="nn.ReLU()", r_min=2.5, r_max=Fraction(9, 2), tolerance=0.5
    )
    again = explain(state, 17, activation="relu", r_min="5/2", r_max="4.5", tolerance="1/2")
    assert first.to_dict() == again.to_dict() and first.tolerance == 0.5
    assert explain(Net(B1), 17, activation="ReLU()", pooling="sum", padding="same").explained


@pytest.mark.parametrize(
    ("network", "options", "error", "words"),
    [
        (Net(B1), {}, ValueError, "give length="),
        (Net(B1), {"length": 17, "key": "ema"}, ValueError, "one network: leave key= out"),
        (
            nn.Sequential(
                nn.Conv2d(1, 2, 3, padding=(1, 2)),
                nn.ReLU(),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Linear(2, 1),
            ),
            {"length": 17},
            ValueError,
            "its convolution 0 has padding = (1, 2): the same for all sides is explained",
        ),
        (Net(B1), {"length": 17.0}, TypeError, "length is an odd number of pixels, not float"),
        (
            Net(B1),
            {"length": 10**9},
            ValueError,
            "length is a positive odd number of pixels up to 20001",
        ),
        (Net(B1), {"length": 16}, ValueError, "length is an odd number of pixels, not 16"),
        (
            Net(B1),
            {"length": 17, "pooling": "mean"},
            ValueError,
            "the module itself says pooling = sum: leave pooling= out",
        ),
        (
            Net(B1),
            {"length": 17, "padding": "valid"},
            ValueError,
            "the module itself says padding = same: leave padding= out",
        ),
        (
            Net(B1),
            {"length": 17, "tolerance": 0},
            ValueError,
            "tolerance is a number of pixels above 0, up to 100, not 0",
        ),
        (Net(B1), {"length": 17, "tolerance": "small"}, ValueError, "tolerance is a number"),
        (Net(B1), {"length": 17, "r_min": 6, "r_max": 5}, ValueError, "the radii run from 6 to 5"),
        (Net(B1), {"length": 17, "r_min": [1]}, TypeError, "r_min is text or a number, not list"),
        (Net(B1), {"length": 17, "r_max": True}, TypeError, "r_max is text or a number, not bool"),
        (
            Net(B1).state_dict(),
            {},
            ValueError,
            "state_dict does not say its activation and length: give activation=, length=",
        ),
        (Net(B1).state_dict(), {"length": 17, "activation": "rely"}, ValueError, "did you mean"),
        (
            {name: 1e31 * x.double() for name, x in B1.items()},
            {"length": 17, "activation": "relu"},
            ValueError,
            "a weight of size 5e+30: weights of 1e-100 to 1e+30, and 0, are explained",
        ),
        ({}, {"length": 17}, ValueError, ""),
        ({"a": 3}, {"length": 17}, ValueError, ""),
        (17, {"length": 17}, TypeError, "a module, a path or a state_dict is explained, not int"),
        (Net, {"length": 17}, TypeError, "not type"),
        ("absent.pt", {"length": 17}, ValueError, ""),
    ],
    ids=range(21),
)
def test_refused_in_one_sentence(
    network: Any, options: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as raised:
        explain(network, **options)
    sentence = str(raised.value)
    assert words in sentence and sentence and "\n" not in sentence
