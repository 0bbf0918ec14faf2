"""The command verify.network: what it prints and writes, how it ends, and that whatever it is given
it never ends in a traceback.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from numerics.certificates.checker import check
from tests.commands import Bomb, placed, refused, safetensors, shown, tree
from verify.network import FILES, IMAGE_FILES, main

EXACT = {
    "conv.weight": np.array([[[0.5, 0.25, 0.125]]]),
    "conv.bias": np.array([0.125]),
    "readout.weight": np.array([[4 / 7]]),
    "readout.bias": np.array([0.0]),
}
TOLD = {"activation": "relu", "length": "9"}


encoded = partial(safetensors, EXACT, TOLD)


def good(c: float = -9 * 0.125 * 4 / 7) -> bytes:
    """Exact but for rounding: 2 a S = 1, and c takes away the background a N b; κ is 0 here."""
    return encoded(readout_bias=np.array([c]))


def test_explained_and_not(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = placed(folder, good())
    assert "\nnearest exact network found" in shown([net], capsys, 0)
    off = placed(folder, good(0.0), "off.safetensors")
    text = shown([off], capsys, 1)
    assert text.startswith("not explained by these laws") and "offset (β = 0.643)" in text
    assert tree(folder) == {"net.safetensors", "off.safetensors"}
    # It errs by 9/14 at every radius; a tolerance of a pixel is more, and so is the way to the next
    # exact network.
    assert json.loads(shown([off, "--json", "--tolerance", "1"], capsys, 0))["explained"] is True


def test_what_was_just_done_is_no_next_step(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was asked to write, has written, and says what to do with that."""
    linear = {"conv_weight": [[[0.5, 0.25, 0.25]]], "conv_bias": [0.5], "readout_weight": [[0.5]]}
    net = placed(folder, encoded(**linear, readout_bias=[-2.25]))
    off = placed(folder, encoded(**linear, readout_bias=[-2.2]), "off.safetensors")
    assert "\nnext: write a certificate of that with --out DIR" in shown([net], capsys, 0)
    text = shown([net, "--out", "a b"], capsys, 0)
    assert "\nnext: check it: python -m verify.certificate 'a b/certificate.json'" in text
    assert json.loads((folder / "a b/network.json").read_text("utf-8"))["next_step"] in text
    assert "--repair OUT" in shown([off], capsys, 1)
    text = shown([off, "--repair", "new.safetensors"], capsys, 1)
    assert "\nnext: explain what was written: python -m verify.network new.safetensors\n" in text
    assert shown(["new.safetensors"], capsys, 0).startswith("explained: ")


def test_default_radii_are_named_where_it_errs_most_at_their_end(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trained from 2 to 3 it need not be right at 1.5: the command says what it asked for."""
    tilted = placed(folder, encoded(readout_weight=np.array([[0.6]])))
    note = "it errs most at r = 3, an end of the default radii"
    assert note in shown([tilted], capsys, 1)
    assert note not in shown([tilted, "--r-max", "3"], capsys, 1)
    assert note not in shown([tilted, "--tolerance", "2"], capsys, 0)


def test_bounds_are_rounded_up(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """-4.2 is no decimal number in float64: no digits are exact, and none are too few."""
    net = placed(folder, good(-0.6))
    found = json.loads(shown([net, "--json"], capsys, 1))
    exact, text = Fraction(found["worst_error"]["value"]), shown([net], capsys, 1)
    printed = re.findall(r"(?:at most|within) ([\d.e-]+)", text)
    assert len(printed) >= 3 and all(Fraction(each) >= exact for each in printed)
    assert "worst error: exactly" not in text
    low = re.findall(r"nearer than ([\d.e-]+)", text)
    distance, anywhere = found["nearest"]["distance"][0], found["nearest"]["anywhere"]
    assert all(Fraction(x) <= y for x, y in zip(low, (distance, anywhere), strict=True))


def test_one_status_for_all_that_answer_the_same(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A network that is right in a narrow interval by chance: in any units, and with a dead channel
    beside it.
    """
    told = {"activation": "relu", "length": "9", "r_min": "0.5", "r_max": "0.6"}
    one, dead = np.ones((1, 1, 1)), np.zeros((1, 1, 1))
    for name, t, more in (("one", 1.0, 0), ("large", 1024.0, 0), ("two", 1.0, 1)):
        content = encoded(
            told,
            conv_weight=np.concatenate([t * one, *[dead] * more]),
            conv_bias=np.array([0.0, *[-200.0] * more]),
            readout_weight=np.array([[0.5075 / t, *[0.0] * more]]),
            readout_bias=np.array([-0.00825]),
        )
        text = shown([placed(folder, content, name)], capsys, 1)
        assert text.startswith(
            "near an exact network: within 0.000751 pixel and 0.88 % of its length; not"
            " explained at"
        )
        assert "\ngrade: near exact; the smallest tolerance that would do: 0.00871\n" in text


def test_json_is_what_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = placed(folder, good())
    text = shown([net, "--json", "--out", "here/there"], capsys, 0)
    out = folder / "here/there"
    assert tree(out) == set(FILES)
    assert (out / "network.json").read_text(encoding="utf-8") == text
    found = json.loads(text)
    assert found["file"] == "net.safetensors" and found["explained"] is True
    assert set(found["residuals"]) == {"slope", "offset", "subpixel"}
    places = [(one["name"], one["index"]) for one in found["weights"]]
    assert places[:3] == [("conv.weight", [0, 0, u]) for u in range(3)] and len(places) == 6
    # By hand: r̂ - r = (2 a S - 1) r + c + 9 a b, largest at an end of the radii.
    a, c = (Fraction(float(x)) for x in (EXACT["readout.weight"][0, 0], -9 * 0.125 * 4 / 7))
    slope, offset = 2 * a * Fraction(7, 8) - 1, c + 9 * a / 8
    worst = max(abs(slope * r + offset) for r in (Fraction(3, 2), Fraction(3)))
    assert Fraction(found["worst_error"]["value"]) == worst
    claim = check((out / "certificate.json").read_bytes())
    assert [Fraction(x) for x in claim["worst"]] == [worst, worst]


def test_a_certificate_that_is_too_large_to_check_is_not_written(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("numerics.certificates.checker.WORK", 100)
    shown([placed(folder, good()), "--out", "out"], capsys, 0)
    assert tree(folder / "out") == set(IMAGE_FILES)


def test_the_page_needs_nothing_from_elsewhere(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = placed(folder, good(), "<b>&'\".safetensors")
    shown([net, "--out", "."], capsys, 0)
    page = (folder / "network.html").read_text(encoding="utf-8")
    addresses = re.findall(r"[\w:]*=?[\"']?https?://[^\"'\s]*", page)
    assert all(one.startswith("xmlns") for one in addresses)
    assert "<script" not in page and not re.search(r"\s(src|onload|onerror)=", page)
    assert "<b>&" not in page and "&lt;b&gt;&amp;" in page
    assert page.count("<svg") == 2


def test_the_first_eight_filters_have_pictures(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nine = encoded(
        conv_weight=np.ones((9, 1, 1)), conv_bias=None, readout_weight=np.full((1, 9), 1 / 18)
    )
    shown([placed(folder, nine), "--out", "."], capsys, 0)
    page = (folder / "network.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 8 + 1 and "The first 8 of 9" in page


ONE = np.ones((1, 1, 3))
BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "0 bytes"),
    "text": (b"hello", "neither a torch nor a safetensors file"),
    "2D": (encoded(conv_weight=np.ones((1, 1, 3, 3))), "images"),
    "even": (encoded(conv_weight=np.ones((1, 1, 4))), "odd"),
    "no conv": (encoded(conv_weight=None), "no tensor of filters"),
    "eighth": (encoded(conv_weight=ONE.astype(np.int8)), "I8"),
    "NaN": (encoded(conv_bias=np.array([np.nan])), "not finite"),
    "infinite": (encoded(readout_weight=np.array([[np.inf]])), "not finite"),
    "huge": (encoded(conv_weight=1e300 * ONE), "1e+300"),
    "denormal": (encoded(conv_weight=1e-310 * ONE), "1e-310"),
    "no metadata": (encoded({}), "activation"),
    "no length": (encoded({"activation": "relu"}), "length"),
    "even length": (encoded({**TOLD, "length": "12"}), "length"),
    "length": (encoded({**TOLD, "length": "13.5"}), "length"),
    "activation": (encoded({**TOLD, "activation": "relu\n\x1b[31m"}), "activation"),
    "padding": (encoded({**TOLD, "padding": "around"}), "padding"),
    "pooling": (encoded({**TOLD, "pooling": "max"}), "pooling"),
    "large radii": (encoded({**TOLD, "r_max": "99"}), "radii"),
    "no radii": (encoded({**TOLD, "r_min": "3", "r_max": "3"}), "radii"),
    "radius": (encoded({**TOLD, "r_min": "1/0"}), "r_min"),
    "many taps": (encoded(conv_weight=np.ones((1, 1, 11))), "do not fit"),
    "too much": (encoded({**TOLD, "length": "2001"}, conv_weight=np.ones((1, 1, 401))), "too many"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, words = BAD[name]
    net = placed(folder, content)
    assert words in refused([net, "--out", "out", "--repair", "new"], capsys)
    assert tree(folder) == {"net.safetensors"}


def test_files_that_are_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "dangling").symlink_to("nowhere")
    placed(folder, pickle.dumps(Bomb()), "pickle")
    torch.save({"conv.weight": Bomb()}, folder / "bomb.pt")
    torch.save({"conv.weight": torch.ones(1, 1, 3, 3)}, folder / "image.pt")
    torch.save({name: torch.tensor(x) for name, x in EXACT.items()}, folder / "untold.pt")
    before = tree(folder)
    for name in (
        "a folder",
        "pipe",
        "dangling",
        "pickle",
        "bomb.pt",
        "image.pt",
        "untold.pt",
        "absent",
        "nul\0byte",
    ):
        refused(["--out", "out", "--length", "9", name], capsys)
    assert tree(folder) == before


@pytest.mark.parametrize("name", ["two\nlines", "red\x1b[31m", "\udcff", "bell\a\r"])
def test_odd_names(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They name files like any other, and cannot write on the terminal."""
    placed(folder, encoded({}), name)
    refused([name], capsys)
    placed(folder, good(), name)
    text = shown([name, "--activation", "relu", "--out", "out"], capsys, 0)
    assert "\x1b" not in text and set(tree(folder / "out")) == set(FILES)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["net.safetensors", "more"],
        ["net.safetensors", "two\nlines"],
        ["net.safetensors", "--verbose"],
        *(
            ["net.safetensors", "--tolerance", x]
            for x in ("nan", "inf", "0", "-1", "101", "1e9", "x\ny")
        ),
        *(["net.safetensors", "--length", x] for x in ("8", "1", "x\ny", "-9")),
        ["net.safetensors", "--activation", "max"],
    ],
)
def test_bad_usage(arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    placed(folder, good())
    refused(arguments, capsys)
    assert tree(folder) == {"net.safetensors"}


def test_as_a_program(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({name: torch.tensor(x) for name, x in EXACT.items()}, "net.pt")
    command = [sys.executable, "-m", "verify.network", "--activation", "relu", "--length", "9"]
    given = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    found = subprocess.run(
        [*command, "net.pt"], capture_output=True, text=True, check=False, env=given
    )
    assert (found.returncode, found.stderr) == (1, "") and "offset" in found.stdout
    refused(["--length", "9", "net.pt"], capsys)


torch_file = io.BytesIO()
torch.save({name: torch.tensor(x) for name, x in EXACT.items()}, torch_file)
WHOLE = (good(), torch_file.getvalue())


@settings(max_examples=60)
@given(st.sampled_from(WHOLE), st.integers(0, 2**20), st.none() | st.binary(max_size=200))
@example(WHOLE[0], 0, b"\xff" * 9)
@example(WHOLE[1], 0, b"PK\x03\x04")
def test_damaged_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, bit: int, other: bytes | None
) -> None:
    """One bit turned over, or any bytes at all."""
    content = bytearray(whole)
    content[bit // 8 % len(whole)] ^= 1 << bit % 8
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content if other is None else other)
    with redirect_stderr(io.StringIO()) as err, redirect_stdout(io.StringIO()) as out:
        try:
            status: object = main([str(path), "--activation", "relu", "--length", "9"])
        except SystemExit as end:
            status = end.code
    lines = err.getvalue().splitlines()
    assert status in (0, 1, 2) and len(lines) == (status == 2)
    assert bool(out.getvalue()) is (status != 2)
