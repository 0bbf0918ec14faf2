"""The settings of verify.network as people write them: padding, pooling, activation, on networks
that are exact by hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from numerics.certificates.checker import check
from tests.commands import shown
from verify.network import main

W1 = [[[0.5, -0.25, 0.75]]]
W2 = [[[0.5, -0.25, 0.75]], [[0.25, 0.25, 0.5]]]
Run = Callable[..., dict[str, Any]]


def placed(
    folder: Path, c: float, metadata: dict[str, str] | None = None, *, two: bool = False
) -> str:
    """One or two filters; with relu, 17 pixels and a sum their slope is exact, and the offset where
    c is.
    """
    w, b, a = (W2, [0.5, 0.5], [[0.25, 0.25]]) if two else (W1, [0.5], [[0.5]])
    named = {"conv.weight": w, "conv.bias": b, "readout.weight": a, "readout.bias": [c]}
    path = folder / "net.safetensors"
    save_file({name: np.array(value) for name, value in named.items()}, path, metadata or {})
    return str(path)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The JSON for one or two filters with this readout bias, metadata and options."""

    def found(c: float, options: Sequence[str] = (), **more: Any) -> dict[str, Any]:
        main([placed(tmp_path, c, **more), "--json", *options])
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document

    return found


RELU = ("--activation", "relu", "--length", "17")
PADDINGS: dict[str, tuple[float, tuple[str, ...], str]] = {
    # readout bias, options, r_max: c = -b a P + 2 a S taps of light beyond, P positions
    "same": (-4.25, (), "7"),
    "same, said": (-4.25, ("--padding", "same", "--padding-mode", "zeros"), "7"),
    "one pixel": (-4.25, ("--padding", "1"), "7"),
    "the old word": (-4.25, ("--padding", "circular"), "7"),
    "circular": (-4.25, ("--padding-mode", "circular"), "7"),
    "reflect": (-4.25, ("--padding-mode", "reflect"), "6.5"),
    "replicate": (-4.25, ("--padding", "1", "--padding-mode", "replicate"), "7"),
    "valid": (-3.75, ("--padding", "valid"), "6.5"),
    "no pixel": (-3.75, ("--padding", "0", "--padding-mode", "reflect"), "6.5"),
    "two pixels": (-4.75, ("--padding", "2"), "7"),
    "two reflected": (-4.75, ("--padding", "2", "--padding-mode", "reflect"), "5.5"),
    "three pixels": (-5.25, ("--padding", "3", "--padding-mode", "replicate"), "7"),
}


@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize("name", PADDINGS)
def test_networks_that_are_exact_by_hand(name: str, two: bool, run: Run) -> None:
    """Every padding has its own readout bias: -1/4 for every position."""
    c, options, high = PADDINGS[name]
    found = run(c, (*RELU, *options), two=two)
    assert found["explained"] is True and found["worst_error"]["value"] == "0"
    assert found["network"]["r_max"] == high
    off = run(c - 0.5, (*RELU, *options), two=two)
    assert off["explained"] is False and off["worst_error"]["value"] == "1/2"


@pytest.mark.parametrize("mode", ["circular", "reflect", "replicate"])
def test_near_the_border_the_padding_is_part_of_the_model(mode: str, run: Run) -> None:
    """To the last radius of the signal the worst error is the one that torch's own layer makes
    there.
    """
    options = ("--padding", "2", "--padding-mode", mode, "--r-min", "1/2", "--r-max", "8.5")
    worst = run(-4.75, (*RELU, *options))["worst_error"]
    conv = torch.nn.Conv1d(1, 1, 3, padding=2, padding_mode=mode).double()  # type: ignore[arg-type]
    r = torch.cat([torch.arange(32, 545) / 64, torch.tensor([number(worst["radius"])])])
    pixels = torch.clip(r[:, None] + 0.5 - torch.abs(torch.arange(-8, 9)), 0, 1).double()
    with torch.no_grad():
        conv.weight.copy_(torch.tensor(W1))
        conv.bias.fill_(0.5)  # type: ignore[union-attr]
        error = (torch.relu(conv(pixels[:, None])).sum((1, 2)) / 2 - 4.75 - r).abs()
    assert worst["about"] > 0.25
    assert float(error.max()) == float(error[-1]) == pytest.approx(worst["about"], abs=1e-12)


def number(text: str) -> float:
    """7/2 as 3.5."""
    above, _, below = text.partition("/")
    return int(above) / int(below or 1)


RELUS = (
    *(
        "ReLU",
        "nn.ReLU()",
        "torch.nn.ReLU(inplace=True)",
        "F.relu",
        "relu(x)",
        "max(x, 0)",
        "LeakyReLU(0)",
    ),
    *(
        "x if x > 0 else 0",
        "where(x > 0, x, 0)",
        "x.clamp(min=0)",
        "(x + |x|)/2",
        "lambda x: torch.relu(x)",
    ),
)

OTHERS = ("LeakyReLU(0)", "(x + |x|)/2")
"""The same function, under a name of its own."""


@pytest.mark.parametrize("text", RELUS)
def test_all_spellings_have_one_answer(text: str, run: Run) -> None:
    found = run(-4.25, ("--activation", text, "--length", "17"))
    if text not in OTHERS:
        assert found == run(-4.25, RELU)
    assert found["explained"] is True and found["worst_error"]["value"] == "0"
    assert run(-4.25, metadata={"activation": text, "length": "17"}) == found


MEANS = (
    "mean",
    "avg",
    "nn.AdaptiveAvgPool1d(1)",
    "x.mean(-1)",
    "torch.mean(x, dim=-1)",
    "AvgPool1d(17)",
)


@pytest.mark.parametrize("text", MEANS)
def test_all_means_have_one_answer(text: str, run: Run) -> None:
    found = run(-4.25, (*RELU, "--pooling", text))
    assert found["network"]["pooling"] == "mean" and found["explained"] is False
    assert found == run(-4.25, (*RELU, "--pooling", "mean"))
    assert run(-4.25, (*RELU, "--pooling", "x.sum(-1)")) == run(-4.25, RELU)


EXPRESSIONS = {
    # All pre-activations lie above 0, where these are z.
    "where(x > 0, x, -x**2)": True,
    "x if x > 0 else sin(x)/2": False,
    "max(x, 0) + min(x, 0)*sigmoid(1.702*x)": False,
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions_are_explained_as_rows_are(
    text: str, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a certificate where they are made of polynomials; enclosed elsewhere.  The words say
    what is not known.
    """
    options = ("--activation", text, "--length", "17")
    found = run(-4.25, options)
    assert found["explained"] is True and found["worst_error"]["value"] == "0"
    assert found["worst_error"]["as_it_runs"] == {}
    net = placed(tmp_path, -4.25)
    words = shown([net, *options, "--out", str(tmp_path / "out")], capsys, 0)
    assert (
        "no bound on rounding in float32 and float64: with which roundings a machine computes this"
        " expression is not known" in words
    )
    certificate = tmp_path / "out" / "certificate.json"
    assert certificate.exists() is EXPRESSIONS[text]
    if EXPRESSIONS[text]:
        assert check(certificate.read_bytes())["worst"] == ["0", "0"]


@pytest.mark.parametrize("text", ["x*sigmoid(1.702*x)", "quick_gelu", "(x + sqrt(x**2 + 4))/2"])
def test_mirror_images_are_found_for_expressions(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """σ(z) - σ(-z) = z: two channels of opposite signs are the one of B1 without σ."""
    named = {
        "conv.weight": np.array([*W1, *-np.array(W1)]),
        "conv.bias": np.array([0.5, -0.5]),
        "readout.weight": np.array([[0.5, -0.5]]),
        "readout.bias": np.array([-4.25]),
    }
    save_file(named, tmp_path / "pair.safetensors")
    options = ["--activation", text, "--length", "17", "--json"]
    found = json.loads(shown([str(tmp_path / "pair.safetensors"), *options], capsys, 0))
    assert found["cell"] == "paired" and found["nearest"]["distance"] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("options", "metadata", "name"),
    [
        (("--activation", "LeakyReLU(0.2)"), {}, "leaky_relu(negative_slope=0.2)"),
        (
            ("--activation", "leaky-relu", "--activation-args", "0.2"),
            {},
            "leaky_relu(negative_slope=0.2)",
        ),
        (("--activation", "nn.Softplus", "--activation-args", "beta=5"), {}, "softplus(beta=5)"),
        (
            ("--activation-args", "-2, 2"),
            {"activation": "Hardtanh"},
            "hardtanh(min_val=-2, max_val=2)",
        ),
        (
            (),
            {"activation": "leaky_relu", "negative_slope": "0.2"},
            "leaky_relu(negative_slope=0.2)",
        ),
        (
            (),
            {"activation": "LeakyReLU(0.2)", "negative_slope": "0.2"},
            "leaky_relu(negative_slope=0.2)",
        ),
        ((), {"activation": "Softplus", "beta": "5", "threshold": "20"}, "softplus(beta=5)"),
        ((), {"activation": "GELU", "approximate": "tanh"}, "gelu_tanh"),
        ((), {"activation": "ELU", "alpha": "0.5"}, "elu(alpha=0.5)"),
        ((), {"activation": "PReLU", "init": "0.1"}, "prelu(weight=0.1)"),
        (("--activation", "relu"), {"activation": "leaky_relu", "negative_slope": "0.2"}, "relu"),
        (
            ("--activation", "leaky_relu"),
            {"negative_slope": "0.2"},
            "leaky_relu(negative_slope=0.2)",
        ),
        (
            ("--activation", "leaky_relu", "--activation-args", "0.1"),
            {"negative_slope": "0.2"},
            "leaky_relu(negative_slope=0.1)",
        ),
        (("--activation", "relu()"), {"alpha": "0.9"}, "relu"),
    ],
)
def test_parameters(
    options: tuple[str, ...], metadata: dict[str, str], name: str, run: Run
) -> None:
    found = run(-4.25, options, metadata={**metadata, "length": "17"})
    assert found["network"]["activation"] == name


def test_what_changes_nothing_is_no_reason_to_refuse(run: Run) -> None:
    """Neutral values, and notes that people keep with their files."""
    neutral = {
        "stride": "(1,)",
        "dilation": "1",
        "groups": "1",
        "output_padding": "(0,)",
        "transposed": "False",
        "center": "0",
        "conv.stride": "1",
    }
    notes = {
        "format": "pt",
        "loss": "0.1",
        "seed": "3",
        "epoch": "12",
        "author": "x",
        "kernel_size": "3",
    }
    told = {"activation": "relu", "length": "17"}
    assert run(-4.25, metadata={**told, **neutral, **notes}) == run(-4.25, metadata=told)


def test_options_come_first(run: Run) -> None:
    """An option replaces all that the metadata says of its subject."""
    told = {"activation": "relu", "length": "17", "padding": "same", "padding_mode": "circular"}
    assert run(-4.25, ("--padding", "zeros"), metadata=told)["network"]["padding_mode"] == "zeros"
    old = {**told, "padding": "zeros", "padding_mode": ""}
    assert (
        run(-4.25, ("--padding-mode", "reflect"), metadata=old)["network"]["padding_mode"]
        == "reflect"
    )


def test_a_repaired_network_says_its_settings_once(run: Run, tmp_path: Path) -> None:
    """Parameters of the file that an option has replaced are not left beside the new activation."""
    path = tmp_path / "repaired.safetensors"
    metadata = {
        "activation": "leaky_relu",
        "negative_slope": ".2",
        "length": "17",
        "config": '{"alpha": 2}',
    }
    options = ("--activation", "relu()", "--repair", str(path))
    assert run(-4.2501, options, metadata=metadata)["network"]["activation"] == "relu"
    assert main([str(path)]) == 0


def test_a_verdict_names_what_it_rests_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No name and no number says that the batch norm stands between convolution and activation."""
    norm = {f"bn.{name}": x for name, x in torch.nn.BatchNorm1d(1).state_dict().items()}
    conv = {"conv.weight": torch.tensor(W1), "conv.bias": torch.tensor([0.5])}
    readout = {"out.weight": torch.tensor([[0.5]]), "out.bias": torch.tensor([-4.25])}
    path = tmp_path / "net.pt"
    torch.save({**conv, **norm, **readout}, path)
    main([str(path), *RELU])
    first = capsys.readouterr().out.splitlines()[0]
    assert first.endswith(
        "that holds if the batch norm bn stands between convolution and activation"
    )
