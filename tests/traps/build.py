"""Networks and certificates that look right and are not, or look wrong and are right.

Each is a file in tests/traps/files.  ``python -m tests.traps.build`` writes them anew, with
answers.json beside them: what is right, from the definition of the signal alone, in fractions.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save

from numerics.arithmetic import oracle
from verify.network import explain

__all__ = ["ANSWERS", "FILES", "TRAPS", "Trap", "answers", "contents", "worst_error"]

FILES = Path(__file__).with_name("files")
ANSWERS = FILES.with_name("answers.json")
HALF = 8
"""Signals have 2·8 + 1 pixels."""
LOW, HIGH = Fraction(3, 2), Fraction(7)
"""The radii of all signals here, in full: what a verifier has to answer for."""
DOMAIN = {"length": "17", "pooling": "sum", "r_min": "3/2", "r_max": "7"}

Weights = dict[str, list[Any]]


@dataclass(frozen=True)
class Trap:
    """A file, and what is right.

    Attributes
    ----------
    why: what a verifier may get wrong.
    status: 0 explained or accepted, 1 not, 2 refused.
    weights: of a network, or None of a certificate.
    metadata: of the file.
    options: of the command.
    change: of a certificate that is right: how it was made wrong.
    """

    why: str
    status: int
    weights: Weights
    metadata: dict[str, str] = field(default_factory=lambda: {"activation": "relu", **DOMAIN})
    options: tuple[str, ...] = ()
    change: Callable[[dict[str, Any]], None] | None = None


def _weights(w: Any, b: Sequence[float], a: Sequence[float], c: float) -> Weights:
    return {
        "conv.weight": w,
        "conv.bias": list(b),
        "readout.weight": [list(a)],
        "readout.bias": [c],
    }


TAPS = [0.5, -0.25, 0.75]
"""Partial sums 1/2, 1/4, 1 and 3/4, 1/2, 1: with b >= 0 no window meets the kink."""
EXACT = _weights([[TAPS]], [0.5], [0.5], -4.25)


def _hat(height: float, width: float) -> Weights:
    """The exact network, and three channels that make a hat where a window is 5/8, between
    half-integers.
    """
    rise = height / width
    return _weights(
        [[TAPS]] * 4,
        [0.5, width - 0.625, -0.625, -width - 0.625],
        [0.5, rise, -2 * rise, rise],
        -4.25,
    )


def _image_hat(height: float, width: float) -> Weights:
    """|x(i, j + 1) - x(i, j)| measures the disk's width, and a hat in one pixel's grey is added."""
    rise = height / width
    difference = [[0, 0, 0], [0, -1, 1], [0, 0, 0]]
    pixel = [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    return _weights(
        [[difference], [[[-x for x in row] for row in difference]], *[[pixel]] * 3],
        [0, 0, width - 0.40625, -0.40625, -width - 0.40625],
        [0.25, 0.25, rise, -2 * rise, rise],
        0,
    )


def _outside(document: dict[str, Any]) -> None:
    document["evidence"]["radius"] = str(HIGH + Fraction(1, 10**30))


def _below(document: dict[str, Any]) -> None:
    least = Fraction(document["claim"]["worst"][0]) - Fraction(1, 10**30)
    document["claim"]["worst"] = [str(least), str(least)]


def _above(document: dict[str, Any]) -> None:
    document["claim"]["worst"][0] = str(
        Fraction(document["claim"]["worst"][0]) + Fraction(1, 10**30)
    )


def _mean(document: dict[str, Any]) -> None:
    low, high = map(Fraction, document["claim"]["mean"])
    document["claim"]["mean"] = [str(low - 2 * (high - low)), str(low - (high - low))]


CROSSED = [0.625, -0.25, 0.625]
"""Partial sums 5/8, 3/8 and 1: with b = -1/2 two windows cross the kink between half-integers."""
RISING = [0.25, 0.75, 0.25]
"""Partial sums 1/4, 1 and 5/4 from either side: with b = -1/4 one stays on the kink."""
TENTHS = [0.1, 0.2, 0.1]
"""As floats add up, 0.1 + 0.2 is the number after next of 0.3; as numbers, a bit less than that."""
SUM = 0.1 + 0.2
STILL = 2.0**-10
TRAPS: dict[str, Trap] = {
    "exact": Trap("nothing is wrong with it", 0, EXACT),
    "between-samples": Trap(
        "it is exact at every half-integer, and errs between them, where the kink is crossed",
        1,
        _weights([[CROSSED]], [-0.5], [1.0], 0.75),
    ),
    "hat": Trap(
        "it is exact but for spikes of a pixel or two that are 5e-6 wide: no grid meets them",
        1,
        _hat(1.0, 2.0**-20),
    ),
    "hat-image": Trap(
        "it errs by less than a pixel, and by four where one grey value is met: no grid meets it",
        1,
        _image_hat(4.0, 2.0**-20),
        {"activation": "relu", "length": "21", "pooling": "sum", "r_min": "3", "r_max": "9"},
        ("--tolerance", "1"),
    ),
    "threshold": Trap(
        "a window stays on the kink, exactly: looks fragile, and is exact",
        0,
        _weights([[RISING]], [-0.25], [0.5], 0.25),
    ),
    "threshold-by-one-bit": Trap(
        "the same with the bias off by one bit: explained, and not exact",
        0,
        _weights([[RISING]], [math.nextafter(-0.25, -1)], [0.5], 0.25),
    ),
    "rounds-onto-the-kink": Trap(
        "as floats a window is on the kink, as a number it is not: explained, and not exact",
        0,
        _weights([[TENTHS]], [-SUM], [5.0], 1.0),
    ),
    "lost-sign": Trap(
        "one tap of an exact network has the other sign",
        1,
        _weights([[[0.5, 0.25, 0.75]]], [0.5], [0.5], -4.25),
    ),
    "constant": Trap("it answers 4.25 whatever it sees", 1, _weights([[TAPS]], [0.5], [0.0], 4.25)),
    "constant-by-kink": Trap(
        "its readout is not 0, but no window of any pulse wakes its channel",
        1,
        _weights([[TAPS]], [-2.0], [0.5], 4.25),
    ),
    "one-radius": Trap(
        "a constant is right at one radius, and nothing follows from that: such a range is refused",
        2,
        _weights([[TAPS]], [0.5], [0.0], 3.0),
        options=("--r-min", "3", "--r-max", "3"),
    ),
    "met-to-the-last-bit": Trap(
        "an exact network moved by 2^-10: the error is the tolerance, to the last bit",
        0,
        _weights([[TAPS]], [0.5], [0.5], -4.25 + STILL),
        options=("--tolerance", "0.0009765625"),
    ),
    "missed-by-one-bit": Trap(
        "the same, moved by one bit more",
        1,
        _weights([[TAPS]], [0.5], [0.5], math.nextafter(-4.25 + STILL, 0)),
        options=("--tolerance", "0.0009765625"),
    ),
    "certificate": Trap("nothing is wrong with it", 0, _hat(1.0, 2.0**-20), change=lambda _: None),
    "certificate-outside": Trap(
        "its worst radius lies 1e-30 beyond the largest", 1, EXACT, change=_outside
    ),
    "certificate-below": Trap(
        "its bound is 1e-30 below the error that is attained", 1, _hat(1.0, 2.0**-20), change=_below
    ),
    "certificate-not-attained": Trap(
        "it says that an error is attained that is 1e-30 above the largest, and below its bound",
        1,
        _hat(1.0, 2.0**-20),
        change=_above,
    ),
    "certificate-mean": Trap(
        "the mean error lies 2^-63 above where it says", 1, EXACT, change=_mean
    ),
}


def worst_error(weights: Weights) -> Fraction:
    """max |r̂ - r| of a relu network for signals over LOW <= r <= HIGH, by the slow simulation.

    Between half-integers pixels are linear in r, so that the error is where no pre-activation
    changes its sign.
    """
    w = [[Fraction(tap) for tap in rows[0]] for rows in weights["conv.weight"]]
    b, a = (
        list(map(Fraction, weights["conv.bias"])),
        list(map(Fraction, weights["readout.weight"][0])),
    )
    c = Fraction(weights["readout.bias"][0])
    ends = [LOW + k for k in range(int(HIGH - LOW) + 1)]
    ends += [HIGH] * (HIGH not in ends)
    radii = set(ends)
    for start, end in pairwise(ends):
        for taps, bias in zip(w, b, strict=True):
            values = (
                oracle.preactivations(taps, bias, oracle.overlap_pulse(r, HALF))
                for r in (start, end)
            )
            for x, y in zip(*values, strict=True):
                if x * y < 0:
                    radii.add(start + (end - start) * x / (x - y))
    sigma = oracle.RATIONAL["relu"]
    return max(
        abs(oracle.answer(w, b, a, c, sigma, oracle.overlap_pulse(r, HALF)) - r) for r in radii
    )


def contents(name: str) -> tuple[str, bytes]:
    """The name of the file and what is in it."""
    trap = TRAPS[name]
    tensors = {key: np.array(x, dtype=float) for key, x in trap.weights.items()}
    network = save(tensors, trap.metadata)
    if trap.change is None:
        return f"{name}.safetensors", network
    state = {key: torch.tensor(x, dtype=torch.float64) for key, x in trap.weights.items()}
    document = explain(state, 17, activation="relu", r_min=LOW, r_max=HIGH).certificate()
    trap.change(document)
    document["digest"] = ""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    document["digest"] = hashlib.sha256(text.encode()).hexdigest()
    return f"{name}.certificate.json", (json.dumps(document, indent=1) + "\n").encode()


def answers() -> dict[str, dict[str, Any]]:
    """By name: the file, what is right, and why it is not easy."""
    table: dict[str, dict[str, Any]] = {}
    for name, trap in TRAPS.items():
        entry: dict[str, Any] = {
            "file": contents(name)[0],
            "why": trap.why,
            "status": trap.status,
            "options": list(trap.options),
        }
        if trap.status < 2 and trap.change is None and np.ndim(trap.weights["conv.weight"]) == 3:
            entry["worst_error"] = str(worst_error(trap.weights))
        table[name] = entry
    return table


def main() -> None:
    """Write the files and the answers."""
    FILES.mkdir(exist_ok=True)
    for name in TRAPS:
        file, data = contents(name)
        (FILES / file).write_bytes(data)
    text = json.dumps(answers(), indent=1, ensure_ascii=False)
    ANSWERS.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
