"""Networks whose explanations are kept: every cell, paddings, pooling, smooth σ, images, a refused
file.

tests/explain/examples.json holds for each what ``python -m verify.network`` prints, as JSON and as
text, and how it ends.
"""

from __future__ import annotations

import io
import json
import math
import re
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from verify.network import main

KEPT = Path(__file__).with_name("examples.json")


@dataclass(frozen=True)
class Example:
    """A file and the options that it is asked with.

    Attributes
    ----------
    w, b, a, c: the tensors; None is left out.
    metadata: of the file.
    options: of the command.
    exact: all that is printed is exact or its rounding: σ is made of polynomials, and so is the
        nearest exact network of a pattern (that of cubes is found by Newton's steps).
    """

    w: Any
    b: Any
    a: Any
    c: Any
    metadata: dict[str, str]
    options: tuple[str, ...] = ()
    exact: bool = True

    def file(self) -> bytes:
        """The safetensors file."""
        tensors = {
            "conv.weight": np.expand_dims(np.array(self.w, dtype=float), 1),
            "readout.weight": np.array([self.a], dtype=float),
        }
        if self.b is not None:
            tensors["conv.bias"] = np.array(self.b, dtype=float)
        if self.c is not None:
            tensors["readout.bias"] = np.array([self.c], dtype=float)
        return save(tensors, self.metadata)


def _of(activation: str, length: int, **more: str) -> dict[str, str]:
    return {"activation": activation, "length": str(length), **more}


STEP = [[0, 0, 0], [0, -1, 1], [0, 0, 0]]
SPOT = [[0.1, 0.2, 0.1], [0.2, 0.4, 0.2], [0.1, 0.2, 0.0]]
EXAMPLES = {
    "the page's": Example([[0.5, -0.25, 0.75]], [0.5], [0.5], -4.2, _of("relu", 17)),
    "linear": Example([[0.5, 0.25, 0.25]], [0.5], [0.5], -3.25, _of("relu", 13)),
    "mean": Example([[0.5, 0.25, 0.25]], None, [6.5], None, _of("relu", 13, pooling="mean")),
    "threshold": Example(
        [[-1, 1, 1]], [0], [0.5], -0.5, _of("relu", 13, padding="circular", r_max="5")
    ),
    "balanced": Example(
        [[0.25], [0.5]], [0.5, 0.5], [-2, 2], 0, _of("hardshrink", 13, r_min="3/2")
    ),
    "balanced kinks": Example(
        [[4 / 15, -169 / 60, 671 / 180, 0, 7 / 45], [-16 / 45, -169 / 60, 671 / 180, 0, -7 / 15]],
        [-1 / 3, 13 / 45],
        [45 / 112, -45 / 112],
        17 / 4,
        _of("hardtanh", 17),
    ),
    "paired": Example(
        [[1, 0.5, 0.25], [-1, -0.5, -0.25]],
        [0.5, -0.5],
        [2 / 7, -2 / 7],
        -13 / 7,
        _of("softplus", 13),
        exact=False,
    ),
    "copied": Example(
        [[0.5, 0.25, 0.25], [2, 0, -0.5], [2, -0.5, 0]],
        [1, 0.25, 0.25],
        [0.5, 1, -1],
        -8.528800783071407,
        _of("elu", 17),
        exact=False,
    ),
    "polynomial": Example(
        [[1], [1], [1]], [1, -1, 0], [1 / 12, 1 / 12, -1 / 6], 0, _of("cube", 13), exact=False
    ),
    "crossed": Example(
        [[1, 1, 1], [0, 0, 0]], [-0.5, 1], [0.2, 2.0], None, _of("relu", 13, padding="valid")
    ),
    "dead": Example([[-1, -1, -1]], [-1], [1], 2, _of("relu", 13, r_min="2", r_max="5/2")),
    "blind": Example([[1, 0, -1]], [-0.5], [1], 0, _of("relu", 13)),
    "curved": Example([[1]], [1], [0.25], 0, _of("square", 9)),
    "never exact": Example([[0.25, 0.5, 0.25]], None, [0.5], None, _of("tanh", 13), exact=False),
    "jump": Example(
        [[0.25, -0.25, 0.5]],
        [0.75],
        [1],
        -8.25,
        _of("hardshrink", 11, padding="circular", r_min="1/2"),
    ),
    "image": Example(
        [STEP],
        [0],
        [0.25],
        0.0073,
        _of("abs", 25, r_min="3", r_max="10"),
        ("--tolerance", "0.01"),
        exact=False,
    ),
    "image, two filters": Example(
        [STEP, SPOT],
        [0, -0.25],
        [60.0, -8.0],
        0.5,
        _of("relu", 15, pooling="mean", r_max="6"),
        exact=False,
    ),
    "refused": Example([[0.5, 0.25]], [0.5], [0.5], 0, _of("relu", 13)),
    "refused image": Example([STEP], [0], [1], 0, _of("abs", 25, padding="left")),
}


def printed(example: Example, folder: Path) -> dict[str, Any]:
    """What the command says of an example: its status, its JSON, the lines of its text and of its
    errors.
    """
    path = folder / "net.safetensors"
    path.write_bytes(example.file())
    outputs, errors, status = [], "", 0
    for options in ((*example.options, "--json"), example.options):
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            try:
                status = main([str(path), *options])
            except SystemExit as end:
                status = int(str(end.code))
        outputs.append(out.getvalue())
        errors = err.getvalue().replace(str(path), path.name)
    document, text = outputs
    return {
        "status": status,
        "json": json.loads(document) if document else None,
        "text": text.splitlines(),
        "errors": errors.splitlines(),
    }


NUMBER = re.compile(r"(?<![\w.])-?\d+\.?\d*(?:e[-+]\d+)?(?![\w.])")


def _close(value: float, kept: float, share: float) -> bool:
    """Equal to a share of it; rounding errors are about 0."""
    return math.isclose(value, kept, rel_tol=share, abs_tol=1e-12)


def differences(value: Any, kept: Any, place: str, *, exact: bool) -> list[str]:
    """Where two JSON documents differ: floats that are not exact to 1e-9, all else, and the order
    of keys, at all.
    """
    if isinstance(value, dict) and isinstance(kept, dict):
        if list(value) != list(kept):
            return [f"{place}: keys {list(value)}, not {list(kept)}"]
        # How near an exact network is, and which one, is found in floats and proved in fractions.
        return [
            line
            for key in value
            for line in differences(
                value[key], kept[key], f"{place}.{key}", exact=exact and key != "nearest"
            )
        ]
    if isinstance(value, list) and isinstance(kept, list) and len(value) == len(kept):
        return [
            line
            for j, (x, y) in enumerate(zip(value, kept, strict=True))
            for line in differences(x, y, f"{place}[{j}]", exact=exact)
        ]
    if isinstance(value, float) and isinstance(kept, float) and not exact:
        same = _close(value, kept, 1e-9)
    elif isinstance(value, str) and isinstance(kept, str) and not exact:
        same = not lines_differ([value], [kept])
    else:
        same = type(value) is type(kept) and value == kept
    return [] if same else [f"{place}: {value!r}, not {kept!r}"]


ROUNDING = re.compile(r"^(loss: [\d.]+e-(?:2[4-9]|[3-9]\d)) = .*")
"""A loss that is rounding has no parts that are more."""


def lines_differ(lines: list[str], kept: list[str]) -> list[str]:
    """Where two texts differ, but for the last of three printed digits, and widths of columns."""
    lines, kept = ([ROUNDING.sub(r"\1", line) for line in text] for text in (lines, kept))
    words = [[NUMBER.sub("#", line).split() for line in text] for text in (lines, kept)]
    numbers = [[list(map(float, NUMBER.findall(line))) for line in text] for text in (lines, kept)]
    if len(lines) != len(kept):
        return [f"{len(lines)} lines, not {len(kept)}"]
    return [
        f"{line!r}, not {other!r}"
        for line, other, *found in zip(lines, kept, *words, *numbers, strict=True)
        if found[0] != found[1]
        or not all(_close(x, y, 1e-2) for x, y in zip(found[2], found[3], strict=True))
    ]


@pytest.mark.parametrize("name", EXAMPLES)
def test_explanations_are_kept(name: str, tmp_path: Path) -> None:
    example = EXAMPLES[name]
    kept = json.loads(KEPT.read_text(encoding="utf-8"))[name]
    said = printed(example, tmp_path)
    assert (said["status"], said["errors"]) == (kept["status"], kept["errors"])
    assert differences(said["json"], kept["json"], name, exact=example.exact) == []
    lines = said["text"]
    replays = [line for line in lines if line.startswith("replayed: at r = ")]
    assert len(replays) == (said["status"] < 2)
    text = [line for line in lines if line not in replays]
    if example.exact:
        assert text == kept["text"]
    else:
        assert lines_differ(text, kept["text"]) == []


def test_every_cell_is_among_them() -> None:
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    assert set(kept) == set(EXAMPLES)
    said = [example["json"] for example in kept.values() if example["status"] < 2]
    signals = [document for document in said if "cell" in document]
    assert {document["cell"] for document in signals} == {
        "linear",
        "threshold",
        "balanced",
        "paired",
        "polynomial",
        "crossed",
        "dead",
        "blind",
        "curved",
    }
    # A network has this cell where its copies leave nothing to c; here its channels have it.
    assert any("copied" in (document["nearest"]["cells"] or ()) for document in signals)
