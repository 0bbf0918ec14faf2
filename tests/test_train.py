"""The command verify.train: files, table, going on after an interruption, and what it refuses."""

from __future__ import annotations

import csv
import json
import socket
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from numerics.pulse.sample import pulse, windows
from tests.commands import help_without_torch
from verify import network, train
from verify.models.checkpoint import read
from verify.models.problem import Setting, initial
from verify.optimise.ensemble import train_from


def run(folder: Path, *more: str) -> int:
    """Six small networks into a folder, three at a time."""
    return train.main(["--out", str(folder), "--seeds", "6", "--executor", "serial", *more])


@pytest.fixture(autouse=True)
def blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "BLOCK", 3)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_files_and_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path) == 0
    out, err = capsys.readouterr()
    assert err == "" and out.startswith(f"6 networks in {tmp_path}: ")
    with (tmp_path / "table.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == train.COLUMNS
    want = train_from(Setting("relu", 1, 3), initial(Setting("relu", 1, 3), 6, 0))
    for j, row in enumerate(rows):
        found = read(tmp_path / row["file"])
        assert np.allclose(found.w, want.w[j], atol=1e-9) and found.b is not None
        assert float(row["loss"]) == pytest.approx(want.loss[j], abs=1e-12)
        assert (float(row["worst"]) < 1e-9) == (row["kind"] == "exact")
        with safe_open(tmp_path / row["file"], "numpy") as file:
            told = file.metadata()
        assert told["activation"] == "relu" and told["padding"] == "same"
        assert (told["r_min"], told["r_max"]) == ("1.5", "5.5")


def test_worst_is_over_every_real_radius(tmp_path: Path) -> None:
    """No answer on a grid 256 times as fine as a pixel is worse, from the first to the last
    training radius.
    """
    assert run(tmp_path, "--activation", "hardtanh", "--channels", "2") == 0
    with (tmp_path / "table.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        path = tmp_path / row["file"]
        net = read(path)
        with safe_open(path, "numpy") as file:
            told = file.metadata()
        fine = np.arange(float(told["r_min"]), float(told["r_max"]) + 1 / 512, 1 / 256)
        seen = windows(pulse(fine, int(told["length"]) // 2), 3)
        pre = seen.windows @ np.asarray(net.w).T + np.asarray(net.b)
        error = seen.counts @ np.clip(pre, -1, 1) @ np.asarray(net.a) + net.c - fine
        most, worst = float(np.max(np.abs(error))), float(row["worst"])
        assert most <= worst + 1e-9
        # Between two radii of the grid an error moves by 1/512 of its slope.
        slope = 2 * np.abs(net.a) @ np.abs(net.w).sum(axis=1) + 1
        assert worst <= most + slope / 512 + 1e-9


def test_an_interrupted_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "whole") == 0
    put_all = train.put_all

    def interrupted(files: dict[Path, bytes]) -> None:
        """The first block is kept, and one network of the second."""
        first, *others = files.items()
        put_all(dict([first] if first[0].name == "net-00003.safetensors" else files))
        if len(others) == 2 and first[0].name == "net-00003.safetensors":
            raise KeyboardInterrupt

    monkeypatch.setattr(train, "put_all", interrupted)
    assert run(tmp_path / "parts") == 130
    assert "goes on from here" in capsys.readouterr().err
    done = contents(tmp_path / "parts")
    assert len(done) == 5 and "table.csv" not in done  # four networks and run.json
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").iterdir()}
    assert run(tmp_path / "parts") == 0
    # Nothing is done twice, nothing is missing, and it is the same as without the interruption.
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_files_are_the_same_whatever_the_blocks(
    activation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / name for name in "abc"]
    for block, folder in zip((6, 4, 1), folders, strict=True):
        monkeypatch.setattr(train, "BLOCK", block)
        assert run(folder, "--channels", "2", "--activation", activation) == 0
    first, *others = map(contents, folders)
    assert len(first) == 8 and all(other == first for other in others)


def test_files_are_the_same_from_other_processes(tmp_path: Path) -> None:
    other = ["--executor", "processes", "--jobs", "1"]
    assert run(tmp_path / "here") == run(tmp_path / "there", *other) == 0
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_a_run_that_was_killed_before_it_had_begun_goes_on(tmp_path: Path) -> None:
    (tmp_path / ".unfinished-1").write_bytes(b"{")
    assert run(tmp_path) == 0


def test_more_seeds_are_added(tmp_path: Path) -> None:
    assert run(tmp_path) == 0
    before = contents(tmp_path)
    assert run(tmp_path, "--seeds", "8") == 0
    after = contents(tmp_path)
    assert len(after) == len(before) + 2
    assert all(after[name] == before[name] for name in before if name != "table.csv")


def test_other_activations_have_no_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--activation", "gelu", "--channels", "2", "--seeds", "2", "--json"]
    assert run(tmp_path, *arguments) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["kind"], row["worst"]) for row in rows] == [("", "")] * 2


@pytest.mark.parametrize(
    ("activation", "name"),
    [
        (["nn.LeakyReLU(0.2)"], "leaky_relu(negative_slope=0.2)"),
        (["elu", "--activation-args", "0.5"], "elu(alpha=0.5)"),
        (["x*sigmoid(1.702*x)"], "z/(1 + exp(-851*z/500))"),
    ],
)
def test_any_activation_is_trained_and_kept_by_its_name(
    activation: list[str], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "--seeds", "1", "--activation", *activation) == 0
    assert json.loads((tmp_path / "run.json").read_text("utf-8"))["activation"] == name
    net = str(tmp_path / "net-00000.safetensors")
    capsys.readouterr()
    network.main([net, "--json"])
    assert json.loads(capsys.readouterr().out)["network"]["activation"] == name


def test_a_run_goes_on_under_another_spelling(tmp_path: Path) -> None:
    assert run(tmp_path) == 0
    before = contents(tmp_path)
    assert run(tmp_path, "--activation", "nn.ReLU()") == 0
    assert contents(tmp_path) == before


def test_what_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other"
    assert run(other) == 0
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("kept", "utf-8")
    plain = tmp_path / "plain"
    plain.write_text("kept", "utf-8")
    capsys.readouterr()
    cases = [
        [],
        ["--out", str(other), "--taps", "5"],
        ["--out", str(full)],
        ["--out", str(plain)],
        ["--out", str(tmp_path / "new"), "--activation", "nothing"],
        ["--out", str(tmp_path / "new"), "--taps", "4"],
        ["--out", str(tmp_path / "new"), "--seeds", "0"],
        ["--out", str(tmp_path / "new"), "--seeds", "-3"],
        ["--out", str(tmp_path / "new"), "--jobs", "0"],
        ["--out", str(tmp_path / "new"), "--scheduler", "tcp://127.0.0.1:8786"],
        ["--out", str(tmp_path / "new"), "--executor", "dask", "--scheduler", "127.0.0.1"],
    ]
    before = contents(other)
    for arguments in cases:
        with pytest.raises(SystemExit) as end:
            train.main(arguments)
        out, err = capsys.readouterr()
        assert (end.value.code, out, err.count("\n")) == (2, "", 1), arguments
    assert contents(other) == before and not (tmp_path / "new").exists()
    assert contents(full) == {"mine.txt": b"kept"} and plain.read_text("utf-8") == "kept"


def test_a_damaged_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path) == 0
    (tmp_path / "net-00002.safetensors").write_bytes(b"damaged")
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        run(tmp_path)
    assert end.value.code == 2
    assert "net-00002.safetensors is damaged" in capsys.readouterr().err


def test_a_scheduler_that_does_not_answer_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("verify.work.cluster.WAIT", 0.2)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(SystemExit) as end:
            run(tmp_path / "new", "--executor", "dask", "--scheduler", address)
    assert end.value.code == 2
    assert capsys.readouterr().err == f"{train.PROGRAM}: no scheduler answers at {address}\n"
    assert not (tmp_path / "new").exists()


def test_help_needs_no_torch() -> None:
    assert help_without_torch("train")


def test_networks_that_ran_out_of_steps_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"kind": "dead", "converged": x} for x in ("true", "false", "false")]
    for kept, words in ((rows, "; 1 converged"), (rows[1:], "; none converged"), (rows[:1], "")):
        monkeypatch.setattr(train, "_trained", lambda *_, kept=kept: kept)
        assert train.main(["--out", str(tmp_path)]) == 0
        assert capsys.readouterr().out.endswith(f": {len(kept)} dead{words}\n")


def test_a_library_that_is_missing_is_no_fault_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(*_: object) -> None:
        raise OSError("libtorch.so: cannot open shared object file")

    monkeypatch.setattr(train, "_trained", lacking)
    with pytest.raises(OSError, match="cannot open shared object file"):
        run(tmp_path)
