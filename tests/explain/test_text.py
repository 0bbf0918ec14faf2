"""An explained network in words."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.accounts import SETUP, account_of
from tests.disk_accounts import STEP, explained
from verify.explain.repair import repaired
from verify.explain.text import laws_in_words

ONES = np.ones((3, 3))


@pytest.mark.parametrize(
    ("w", "a", "b", "words"),
    [
        ([STEP], [0.5], [0], ("No filter measures the area", "The perimeter remains")),
        ([np.eye(3), ONES / 3], [0.5, -0.5], [-1, -1], ("The area cancels", "The perimeter")),
        ([ONES], [0.01], [0], ("The area does not cancel: it gives 3.68", "The perimeter gives 0")),
        ([ONES, STEP], [0.001, 0.2], [0, 0], ("The area does not cancel", "The perimeter")),
    ],
)  # fmt: skip
def test_the_area_cancels_only_where_it_does(
    w: Any, a: Any, b: Any, words: tuple[str, str]
) -> None:
    """The page said it of every network; so it did of the perimeter that it remains."""
    found = explained(np.stack(w), np.array(a), np.array(b, float), activation="relu")
    assert all(
        text.startswith(word) for text, word in zip(laws_in_words(found), words, strict=True)
    )


# --- the next step: what it says to do can be done, and the page that it names exists
# --------------

ROOT = Path(__file__).parents[2]
F = Fraction
LINEAR = ([[0.5, 0.25, 0.25]], [0.5], [0.5])
# (network, settings, tolerance, grade, what the step begins with)
CASES: dict[str, tuple[Any, dict[str, str], Fraction, str, str]] = {
    "exact": ((*LINEAR, -3.25), {}, F(1, 1000), "exact", "write a certificate"),
    "exact, smooth": (
        ([[1, 0.5, 0.5], [-0.5, -0.5, -1]], None, [0.25, -0.25], None),
        {"activation": "gelu"},
        F(1, 1000),
        "exact",
        "write this as a page",
    ),
    "within the tolerance": (
        (*LINEAR, -3.2499),
        {},
        F(1, 1000),
        "near exact",
        "write the exact network",
    ),
    "near": ((*LINEAR, -3.2), {}, F(1, 1000), "near exact", "write the exact network"),
    "an offset of 0.4": ((*LINEAR, -2.85), {}, F(1, 1000), "off", "write the exact network"),
    "no readout bias": (
        ([[0.5, -0.25, 0.75]], [0.5], [0.5], 0.0),
        {"length": "17", "r_max": "7"},
        F(1, 1000),
        "off",
        "subtract 4.25 from readout.bias: nothing but the offset fails",
    ),
    "never exact": (
        ([[0.25, -0.5, 0.125]], [0.1], [0.5], 2.0),
        {"activation": "tanh"},
        F(1, 1000),
        "off",
        "read which activations",
    ),
    "dead": (([[-1, -1, -1]], [-1], [1], 2), {}, F(1, 1000), "off", "read where training ends"),
    "blind": (([[1, 0, -1]], [-0.5], [1], 0), {}, F(1, 1000), "off", "read where training ends"),
    "small radii": (
        ([[0, -2, 0, 2, 1]], [0], [0.5], -2.0),
        {"r_min": "0.5"},
        F(1, 1000),
        "off",
        "ask from r = 2.5 on",
    ),
    "border": (
        ([[0.5, 0.25, 0.25]], [0.5], [0.5], -2.75),
        {"padding": "valid", "r_max": "6.5"},
        F(1, 1000),
        "off",
        "ask up to r = 4.5",
    ),
    "far": (([[1, 1, 1]], [-0.5], [0.2], 0.0), {}, F(1, 1000), "off", "check that"),
    "two channels": (
        ([[-0.3, 0.2, -0.4]], [-0.5], [0.5], 3.0),
        {"activation": "gelu"},
        F(1, 1000),
        "off",
        "train it with two channels: gelu is exact with two channels, not with one",
    ),
    "accurate by chance": (
        ([[0.25]], [0.1], [0.5], 1.3),
        {"activation": "tanh", "r_min": "2.5", "r_max": "2.55"},
        F(1, 1000),
        "accurate",
        "read which activations",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_step_of_a_network_for_signals(name: str) -> None:
    net, told, tolerance, grade, words = CASES[name]
    explanation = account_of(*net, {**SETUP, **told}, tolerance)
    assert explanation.grade == grade
    assert explanation.next_step.startswith(words) and "\n" not in explanation.next_step
    if "--repair" in explanation.next_step:
        assert repaired(explanation) is not None
    for page in re.findall(r"docs/[\w/]+\.md", explanation.next_step):
        assert (ROOT / page).is_file()


def test_the_section_that_is_named_exists() -> None:
    assert "\n## When it is not explained\n" in (ROOT / "docs/network.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("c", "tolerance", "radii", "words"),
    [
        (0.0073, F(1, 100), ("3", "10"), "see every filter"),
        (0.0073, F(1, 1000), ("3", "10"), "say how much you need: --tolerance 0.00"),
        (1.0, F(1, 100), ("3", "10"), "check that"),
        (0.0, F(1), ("1", "2"), "read what straight edges"),
    ],
)
def test_one_step_of_a_network_for_images(
    c: float, tolerance: Fraction, radii: tuple[str, str], words: str
) -> None:
    net, ends = (
        (STEP[None], np.array([0.25]), None, c),
        dict(zip(("r_min", "r_max"), radii, strict=True)),
    )
    explanation = explained(*net, tolerance, **ends)
    assert explanation.next_step.startswith(words)
    for page in re.findall(r"docs/[\w/]+\.md", explanation.next_step):
        assert (ROOT / page).is_file()
    enough = re.search(r"--tolerance (\S+)", explanation.next_step)
    if enough:
        assert explained(*net, F(enough[1]), **ends).explained
