"""The nearest exact network as a file: it is exact, it is never put over anything, and no weight of
it has to move.
"""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.certificates.conditions import exact_of
from numerics.pulse.exact_error import summary
from tests.accounts import SETUP, account_of, document_of, error_of, label, replaced
from tests.strategies import handful
from verify.explain.repair import Repaired, repaired
from verify.models.checkpoint import Checkpoint, encoded, read
from verify.network import main

F = Fraction
NETS: dict[str, Any] = {
    "one": ([[0.5, 0.3, 0.2]], [0.1], [0.6], 0.0),
    "two": ([[0.5, 0.3, 0.2], [0.1, -0.2, 0.7]], [0.1, 0.4], [0.6, -0.1], 1.0),
    "no biases": ([[0.3, 0.3, 0.3]], None, [0.4], None),
}
BIG = ([[2.5], [2.5]], [-1.75, -2.0], [1.75, -1.75], 0.0)
BENT = ([[1.75, -2.5, -1.5], [1.25, -4.5, 0.75]], [-1.25, 0.25], [-0.0, 0.25], 0.0)
SMALL = (
    [[-0.1876609626058674, -0.1876609626058674, 0.8131975046254254]],
    [0.0],
    [0.6148567809862006],
    None,
)
WIDE = ([[0.25, 0.25, 0.25]], [0.125], [0.5], 0.0)
EVEN = (
    [[0.0, 1 / 3600, 59 / 3600], [-1 / 120, 1 / 3600, 29 / 3600]],
    [0.0, 1 / 120],
    [30.0, -30.0],
    3.25,
)
"""The second filter sums to 0 but for rounding, so that its readout weight
does not set the slope.
"""
NARROW = {"r_min": "0.5", "r_max": "1.5"}


def put_down(folder: Path, made: Repaired | None) -> tuple[str, Any]:
    """The file, and the weights in it as lists."""
    assert made is not None and made.text.count("\n") == 0
    path = folder / "new.safetensors"
    path.write_bytes(made.content)
    kept = read(path)
    return str(path), (
        kept.w,
        np.zeros(len(kept.a)) if kept.b is None else kept.b,
        kept.a,
        0.0 if kept.c is None else kept.c[0],
    )


@pytest.mark.parametrize("activation", ["relu", "abs", "identity", "leaky_relu"])
@pytest.mark.parametrize("name", NETS)
def test_homogeneous_ones_are_exact_in_float64(
    activation: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = repaired(account_of(*NETS[name], {**SETUP, "activation": activation}))
    path, weights = put_down(tmp_path, made)
    assert made is not None and "its certificate says 0" in made.text
    assert all(error_of(*weights, activation, F(3, 2) + F(k, 8), 6) == 0 for k in range(29))
    assert main([path, "--json", "--tolerance", "1e-20"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["explained"] is True and again["worst_error"]["value"] == "0"
    assert (read(Path(path)).b is None) == (NETS[name][1] is None)


@pytest.mark.parametrize("activation", ["hardtanh", "softshrink", "softplus", "gelu"])
def test_others_err_by_no_more_than_the_sentence_says(activation: str, tmp_path: Path) -> None:
    pair = ([[0.25, 0.1, 0.2], [-0.25, -0.1, -0.25]], [0.1, -0.1], [1.0, -1.0], 0.0)
    shift = 1.0 if activation == "softshrink" else 0.0
    net = (
        pair
        if activation in ("softplus", "gelu")
        else ([[0.2, 0.1, 0.3]], [0.1 + shift], [0.8], 0.0)
    )
    made = repaired(account_of(*net, {**SETUP, "activation": activation}))
    _, weights = put_down(tmp_path, made)
    assert made is not None and "rounded to float64" in made.text
    most = float(made.text.split("errs by ")[1].split()[0])
    assert most < 1e-12
    if activation in oracle.RATIONAL:  # three digits are printed
        worst = max(abs(error_of(*weights, activation, F(3, 2) + F(k, 8), 6)) for k in range(29))
        assert worst <= F(most) * F(1005, 1000)
    told = {**SETUP, "activation": activation}
    assert document_of(*weights, told)["worst_error"]["about"] <= most * 1.005


def test_there_is_none_to_write() -> None:
    assert repaired(account_of([[0.5]], [0.1], [0.5], 0.0, {**SETUP, "activation": "tanh"})) is None


def test_how_far_it_lies_is_said_in_both_places_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dead network: nothing exact is next to it, and what is written lies far away."""
    w, b = np.array([[-0.25, -0.5, -0.125]]), np.array([-0.5])
    dead = Checkpoint(w, b, np.array([-0.5]), np.array([3.5]), {**SETUP, "padding_mode": "zeros"})
    path = tmp_path / "dead.safetensors"
    path.write_bytes(encoded(dead))
    main([str(path), "--repair", str(tmp_path / "new")])
    out = capsys.readouterr().out
    shares = re.findall(r"(\S+ %) of this network's length away", out)
    assert "no exact network was found next to this one; the nearest that was found is" in out
    assert len(shares) == 2 and len(set(shares)) == 1


def test_never_over_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path, _ = put_down(tmp_path, repaired(account_of(*NETS["one"], SETUP)))
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "empty").mkdir()
    before = {one.name for one in tmp_path.iterdir()}, Path(path).read_bytes()
    for target in ("dangling", "empty", path):
        with pytest.raises(SystemExit) as end:
            main([path, "--repair", target])
        assert end.value.code == 2 and "not written over" in capsys.readouterr().err
    assert ({one.name for one in tmp_path.iterdir()}, Path(path).read_bytes()) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["--repair", "absent/new"],
        ["--repair", "absent/new", "--out", "out"],
        ["--repair", "new.safetensors/new"],
        ["--repair", "x" * 300],
        ["--repair", "loop/new"],
        ["--repair", "nul\0byte"],
        ["--out", "new.safetensors"],
        ["--out", "x" * 300],
        ["--out", "loop/new"],
        ["--out", "nul\0byte"],
        ["--out", "out", "--repair", "out/network.json"],
    ],
)
def test_where_nothing_can_be_put_nothing_is(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    path, _ = put_down(tmp_path, repaired(account_of(*NETS["one"], SETUP)))
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(SystemExit) as end:
        main([path, *arguments])
    out, err = capsys.readouterr()
    assert (end.value.code, out, len(err.splitlines())) == (2, "", 1)
    assert {one.name for one in tmp_path.rglob("*") if not one.is_dir()} == {
        "new.safetensors",
        "loop",
    }


@pytest.mark.parametrize("name", ["exp", "softplus", "sin", "cube", "hardswish"])
def test_large_weights_end_in_a_sentence(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {**SETUP, "activation": name}
    kept = Checkpoint(np.full((1, 3), 800.0), np.ones(1), None, None, told)
    net = tmp_path / "net.safetensors"
    net.write_bytes(encoded(kept))
    try:
        status = main([str(net), "--repair", str(tmp_path / "new")])
    except SystemExit as end:
        status = int(str(end.code))
    assert status in (1, 2) and len(capsys.readouterr().err.splitlines()) <= 1


@pytest.mark.parametrize(
    ("net", "more"),
    [
        (BIG, {**NARROW, "activation": "softshrink", "length": "5"}),
        (BENT, {**NARROW, "activation": "hardtanh", "length": "7"}),
        (NETS["two"], {}),
    ],
)
def test_the_nearest_exact_network_is_exact(net: Any, more: dict[str, str]) -> None:
    """By numerics.pulse.exact_error.  The first two run over both kinks of σ in one window."""
    said = account_of(*net, {**SETUP, **more})
    if said.exact is None:
        return
    exact = exact_of(said.exact, said.setup.activation)
    assert exact is not None and summary(exact, said.setup.domain).worst.high == 0


@pytest.mark.parametrize(
    ("net", "more"),
    [
        (SMALL, {"activation": "abs", "r_min": "0.8", "r_max": "0.9"}),
        (WIDE, {"length": "7", "r_min": "3.1", "r_max": "3.3"}),
        (WIDE, {"length": "7", "r_min": "2.6", "r_max": "3.5", "padding": "valid"}),
        (WIDE, {}),
        (EVEN, {}),
    ],
)
def test_no_weight_of_an_exact_network_has_to_move(net: Any, more: dict[str, str]) -> None:
    """Also where no radius is on the plateau far from the border, and where a sum is 0 but for
    rounding.
    """
    told = {**SETUP, **more}
    for one in document_of(*net, told)["nearest"]["weights"]:
        net = replaced(net, label(one), one["value"])
    document = document_of(*net, told)
    assert document["explained"] is True
    large = {
        label(one): one["residual"]
        for one in document["weights"]
        if abs(one["residual"] or 0) > 1e-6
    }
    assert not large


@handful
@given(st.lists(st.integers(-8, 8), min_size=5, max_size=5))
@example([0, 0, 0, 0, 0])
@example([8, 8, 8, 0, 8])
def test_any_network_repaired_is_exact(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int]
) -> None:
    """Whatever the start: exact by plain simulation, and the same again when it is repaired once
    more.
    """
    *w, b, a = (k / 8 for k in numbers)
    said = account_of([w], [b], [a], 0.0, SETUP)
    made = repaired(said)
    # A network whose channels all idle is next to none, but its stored weights may be.
    assert made is not None or said.exact is None
    if made is not None:
        folder = tmp_path_factory.getbasetemp()
        _, weights = put_down(folder, made)
        assert all(error_of(*weights, "relu", F(3, 2) + F(k, 8), 6) == 0 for k in range(29))
        assert document_of(*weights, SETUP)["nearest"]["distance"] == [0, 0]


@pytest.mark.parametrize(
    "net", [([[-4.0]], [2.0], [0.5], 0.0), ([[2.0, -2.75, 1.0]], [0.0], [0.5], 0.0)]
)
def test_softsign_has_an_account(net: Any) -> None:
    """Its pre-activations run over 0, where |z| has its kink."""
    document = document_of(*net, {**SETUP, "activation": "softsign"})
    worst = max(abs(error_of(*net, "softsign", F(3, 2) + F(k, 8), 6)) for k in range(29))
    assert document["explained"] is False
    assert float(worst) <= document["worst_error"]["about"] * (1 + 1e-12)
