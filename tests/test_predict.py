"""The command verify.predict: what it prints, that it judges, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.commands import help_without_torch
from theory.process import run
from theory.training import linear_cell
from verify import predict
from verify.models.problem import Model
from verify.report.lab import TINY, Lab
from verify.training.dynamics import starts

W = np.array([[[0.5, 0.1, 0.3]], [[-0.2, 0.4, 0.1]]])
A = np.array([[0.4, -0.3]])


def saved(path: Path, w: Any = W, a: Any = A, **more: Any) -> str:
    """A checkpoint with these weights."""
    save_file({"conv.weight": np.asarray(w), "readout.weight": np.asarray(a), **more}, path)
    return str(path)


def shown(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The JSON printed for these arguments, which must succeed."""
    assert predict.main([*arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return dict(json.loads(out))


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr with which these arguments are refused."""
    with pytest.raises(SystemExit) as end:
        predict.main(arguments)
    out, err = capsys.readouterr()
    assert (end.value.code, out, err.count("\n")) == (2, "", 1)
    return err


def test_json_names_every_weight(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = shown(["--init", saved(tmp_path / "x.safetensors"), "--step", "0.05"], capsys)
    assert list(found) == [
        "model",
        "conditions",
        "sharpness",
        "step",
        "drift",
        "loss",
        "weights",
        "agrees",
        "method",
        "law",
        "dtype",
        "optimizer",
        "kept",
    ]
    places = [(one["name"], tuple(one["index"])) for one in found["weights"]]
    assert places == [("conv.weight", (k, 0, u)) for k in range(2) for u in range(3)] + [
        ("readout.weight", (0, k)) for k in range(2)
    ]
    initial = [one["initial"] for one in found["weights"]]
    assert initial == [*W.ravel(), *A.ravel()]
    for one in found["weights"]:
        assert one["difference"] == one["trained"] - one["predicted"]
        assert abs(one["difference"]) <= one["bound"]
        assert abs(one["beyond"]) <= one["beyond_bound"]
    assert found["agrees"] is True
    assert [one["name"] for one in found["conditions"]] == ["U > 0", "step"]
    # The predicted weights are exact: Σ a_k S_k = 1/2; so are the trained ones, but for rounding.
    for key, allowed in (("predicted", 1e-14), ("trained", 1e-12)):
        value = np.array([one[key] for one in found["weights"]])
        w, a = value[:6].reshape(2, 3), value[6:]
        assert abs(a @ w.sum(axis=1) - 0.5) < allowed


def test_half_the_step_halves_the_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path / "x.safetensors")
    far, near = (
        np.array(
            [one["difference"] for one in shown(["--init", path, "--step", s], capsys)["weights"]]
        )
        for s in ("0.04", "0.02")
    )
    factor = np.linalg.norm(far) / np.linalg.norm(near)
    assert 1.9 < factor < 2.1


@pytest.mark.parametrize("activation", ["identity", "relu"])
def test_torch_starts_are_predicted(activation: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--activation", activation, "--step", "0.1", "--taps", "1", "--channels", "2"]
    for seed in range(6):
        try:
            found = shown([*arguments, "--seed", str(seed)], capsys)
        except SystemExit:  # ReLU outside its linear cell
            assert activation == "relu"
            assert "condition" not in capsys.readouterr().out
            continue
        assert found["model"]["activation"] == activation
        assert found["loss"]["final"] < 1e-20


def test_the_table_shows_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--step", "0.1", "--seed", "3"]
    found = shown(arguments, capsys)
    assert predict.main(arguments) == 0
    out, err = capsys.readouterr()
    for one in found["weights"]:
        assert f"{one['trained']:.9f}" in out
    assert (err, out.count("condition ")) == ("", 2)
    assert "every weight within its bound" in out


def test_a_wrong_prediction_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = linear_cell.stretch
    monkeypatch.setattr(
        "numerics.training.steps.linear_cell.stretch", lambda *given: right(*given) * (1 + 1e-3)
    )
    assert predict.main(["--step", "0.01", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["agrees"] is False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--taps", "4"], "odd"),
        (["--taps", "0"], "from 1 to 127"),
        (["--channels", "x"], "whole number"),
        (["--step", "20"], "0.0001 to 10"),
        (["--step", "nan"], "0.0001 to 10"),
        (["--activation", "tanh"], "identity and relu, not tanh"),
        (["--seed", "-1"], "whole number"),
        (["--steps", "0"], "from 1 to 100000"),
        (["--lr", "0"], "1e-12 to 1000"),
        (["--lr", "0.1", "--step", "0.1"], "not allowed with"),
        (["--momentum", "1"], "0 to 0.9999"),
        (["--weight-decay", "-1"], "0 to 1000"),
        (["--dtype", "float16"], "invalid choice"),
        (["--bias", "linear"], "invalid choice"),
        (["--bias", "--init", "x.pt"], "give one of the two"),
        (["--optimizer", "adam", "--momentum", "0.9"], "belong to SGD"),
        (["--optimizer", "adam", "--weight-decay", "0.1"], "with adamw"),
        (["--init", "absent.safetensors"], "no such file"),
        (["--init", "absent.safetensors", "--seed", "1"], "give one of the two"),
    ],
)
def test_bad_usage(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert words in refused(arguments, capsys)


def test_starts_outside_the_theorem_name_the_condition(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.safetensors"
    saddle = saved(path, [[[1.0]]], [[-1.0]])
    assert "U > 0" in refused(["--init", saddle], capsys)
    nothing = saved(path, np.zeros((1, 1, 3)), np.zeros((1, 1)))
    assert "U > 0" in refused(["--init", nothing], capsys)
    bent = saved(path, [[[-0.5, 1.0, 0.5]]], [[1.0]])
    assert "linear cell" in refused(["--init", bent, "--activation", "relu"], capsys)
    huge = saved(path, [[[1e200]]], [[1e200]])
    assert "overflow" in refused(["--init", huge], capsys)
    averaged = tmp_path / "mean.safetensors"
    save_file({"conv.weight": W, "readout.weight": A}, averaged, {"pooling": "mean"})
    assert "sum pooling" in refused(["--init", str(averaged)], capsys)
    assert "--taps 5" in refused(["--init", saved(path), "--taps", "5"], capsys)


def test_a_bad_drawn_start_comes_with_a_seed_that_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = Model("relu", 1, 3)
    bad = next(s for s in range(50) if np.min(starts(Lab(TINY, s), model, 1).w) < -0.3)
    line = refused(["--activation", "relu", "--seed", str(bad)], capsys)
    assert "linear cell" in line
    other = line.rsplit("--seed ", 1)[1].split()[0]
    assert shown(["--activation", "relu", "--seed", other, "--step", "0.1"], capsys)["agrees"]


def test_help_needs_no_torch() -> None:
    text = help_without_torch("predict")
    options = (
        "--channels",
        "--taps",
        "--seed",
        "--bias",
        "--init",
        "--activation",
        "--optimizer",
        "--step",
        "--lr",
        "--momentum",
        "--weight-decay",
        "--steps",
        "--dtype",
        "--json",
    )
    for option in options:
        assert option in text


def test_an_interrupt_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("verify.training.prediction.prediction", interrupted)
    assert run(predict.PROGRAM, lambda: predict.main([])) == 130
    assert capfd.readouterr().err == "python -m verify.predict: interrupted\n"


def test_default_layers_are_followed_step_by_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(
        tmp_path / "x.safetensors",
        **{"conv.bias": np.array([0.3, -0.1]), "readout.bias": np.array([0.2])},
    )
    arguments = ["--init", path, "--momentum", "0.9", "--weight-decay", "0.01", "--steps", "120"]
    found = shown(arguments, capsys)
    assert (found["method"], found["law"], found["step"]["steps"]) == (
        "reduced dynamics",
        None,
        120,
    )
    assert found["model"] == {
        "activation": "identity", "channels": 2, "taps": 3, "conv_bias": True, "readout_bias": True,
        "radii": {"first": 1.5, "last": 5.0, "number": 8, "per_pixel": 2}, "length": 13,
    }  # fmt: skip
    assert [one["name"] for one in found["weights"]][6:] == [
        "conv.bias", "conv.bias", "readout.weight", "readout.weight", "readout.bias",
    ]  # fmt: skip
    for one in found["weights"]:
        assert abs(one["difference"]) <= one["bound"] < 1e-10
        assert 0 < one["rounding"] <= one["bound"]
    assert found["kept"]["difference"] <= found["kept"]["bound"]
    assert found["kept"]["factor"] < 1
    small = shown([*arguments, "--dtype", "float32"], capsys)
    assert max(one["bound"] for one in small["weights"]) > 1e-6
    assert predict.main(arguments) == 0
    out = capsys.readouterr().out
    assert "method: reduced dynamics; sgd, float64" in out
    assert "activation: identity, since no activation was given" in out
    assert "condition settled: does not hold" in out


def test_a_step_that_is_not_shown_to_shrink_is_followed_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path / "x.safetensors")
    found = shown(["--init", path, "--step", "1.5", "--steps", "60"], capsys)
    assert found["method"] == "reduced dynamics"
    held = {one["name"]: one["holds"] for one in found["conditions"]}
    assert (held["step"], held["threshold"]) == (False, True)
    line = refused(["--init", path, "--step", "9"], capsys)
    assert "at step" in line
    shorter = line.rsplit("--steps ", 1)[1].split(",")[0]
    found = shown(["--init", path, "--step", "9", "--steps", shorter], capsys)
    assert found["step"]["steps"] == int(shorter)


def test_adam_says_what_it_simulates(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--bias",
        "--optimizer",
        "adamw",
        "--weight-decay",
        "0.1",
        "--steps",
        "50",
        "--taps",
        "5",
    ]
    found = shown(arguments, capsys)
    assert found["method"] == "simulated"
    assert {one["bound"] for one in found["weights"]} == {None}
    assert abs(found["kept"]["factor"] - (1 - 0.1 * 0.001) ** 50) < 1e-12
    assert predict.main(arguments) == 0
    assert "simulated, and have none" in capsys.readouterr().out


RUNAWAY = [
    "--bias",
    "--channels",
    "2",
    "--lr",
    "0.01",
    "--momentum",
    "0.9",
    "--weight-decay",
    "0.1",
    "--dtype",
    "float32",
    "--steps",
]


@pytest.mark.parametrize("arguments", [
    [*RUNAWAY, "7"],
    ["--lr", "1", "--steps", "4", "--dtype", "float32"],
    ["--lr", "1000", "--steps", "3", "--dtype", "float32"],
    ["--lr", "1000", "--steps", "3", "--dtype", "float32", "--json"],
])  # fmt: skip
def test_what_leaves_its_type_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(arguments, capsys)
    assert "at step" in line
    assert "leave float32" in line


def test_the_way_out_of_the_type_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    line = refused([*RUNAWAY, "7"], capsys)
    shorter = line.rsplit("--steps ", 1)[1].split(",")[0]
    assert shown([*RUNAWAY, shorter], capsys)["agrees"]


def test_large_weights_have_nine_digits(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--lr", "1000", "--steps", "2", "--dtype", "float32"]
    found = shown(arguments, capsys)
    assert predict.main(arguments) == 0
    out = capsys.readouterr().out
    for heading in ("initial", "predicted", "trained", "difference", "bound", "flow ends"):
        assert heading in out
    for one in found["weights"]:
        assert abs(one["trained"]) > 1e15
        assert f"  {one['trained']:.9g}" in out
        assert f"  {one['initial']:.9f}" in out
    assert "…" not in out
    assert "trained on 8 plateau radii from 1.5 to 5, 13 pixels, full batches" in out
