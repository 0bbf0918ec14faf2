"""What would explain a network: the setting that is wrong is found, and nothing else is told."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from numerics.arithmetic.compile import activation
from tests.accounts import RATIONAL, SMOOTH, account_of, networks
from tests.disk_accounts import STEP
from tests.disk_accounts import explained as image_of
from tests.strategies import handful
from verify.explain import alternatives
from verify.explain.text import alternative_in_words
from verify.explain.value import document
from verify.models.setup import setup_of

F = Fraction
TOLD = {"activation": "relu", "length": "17"}
W, B, A, C = [[0.5, -0.25, 0.75]], [0.5], [0.5], -4.25
"""Exact by hand: 2 a S = 1, and c takes away the 17 background positions, less
what the edges add.
"""
TWO = ([*W, [0.25, 0.25, 0.5]], [0.5, 0.5], [0.25, 0.25], C)


@pytest.mark.parametrize("net", [(W, B, A, C), TWO], ids=["one", "two"])
def test_an_exact_network_has_no_alternatives(net: Any) -> None:
    explanation = account_of(*net, TOLD)
    assert (explanation.grade, explanation.alternatives) == ("exact", ())
    assert explanation.tolerance_needed == 0 and "certificate" in explanation.next_step


# (weights, settings as asked, what the first alternative says, what to do next)
WRONG: dict[str, tuple[Any, dict[str, str], str, str]] = {
    "padding": (
        (W, B, A, C + 0.5),
        {},
        "with --padding valid it is exact",
        "run it again with --padding valid",
    ),
    "pooling": (
        (W, B, [17 * 0.5], C),
        {},
        "with --pooling mean it is exact",
        "run it again with --pooling mean",
    ),
    "pooling, said": (
        (W, B, [17 * 0.5], C),
        {"pooling": "sum"},
        "with --pooling mean it is exact",
        "run it again with --pooling mean",
    ),
    "pooling and padding": (
        (W, B, [15 * 0.5], C + 0.5),
        {},
        "with --pooling mean --padding valid it is exact",
        "run it again with --pooling mean --padding valid",
    ),
    "sum, not mean": (
        (W, B, A, C),
        {"pooling": "mean"},
        "with --pooling sum it is exact",
        "run it again with --pooling sum",
    ),
    "same, not valid": (
        (W, B, A, C),
        {"padding": "valid"},
        "it is exact",
        "run it again with --padding",
    ),
    "activation": (
        (W, B, A, C),
        {"activation": "tanh"},
        "with --activation relu it is exact",
        "run it again with --activation relu",
    ),
    "a bent activation": (
        ([[-1, 1, 1]], [0], [0.5], -0.5),
        {"activation": "elu"},
        "with --activation relu it is exact",
        "run it again with --activation relu",
    ),
    "all of them": (
        ([[-1, 1, 1]], [0], [15 * 0.5], -0.5),
        {"activation": "elu"},
        "with --pooling mean --padding valid --activation relu it is exact",
        "run it again with",
    ),
    "diameters": (
        (W, B, [1.0], 2 * C),
        {},
        "its answer is 2r: 0.5 times it is exact",
        "multiply the readout's weight and bias by 0.5",
    ),
    "r over the length": (
        (W, B, [0.5 / 17], C / 17),
        {},
        "its answer is about r/17: 17 times it errs by",
        "multiply the readout's weight and bias by 17",
    ),
    "from 0 to 1": (
        (W, B, [0.5 / 5.5], (C - 1.5) / 5.5),
        {"r_max": "7"},
        "its answer is about (r - 1.5)/5.5: 5.5 times it plus 1.5 errs by",
        "multiply",
    ),
    "standardised": (
        (W, B, [0.5 / 3], (C - 5) / 3),
        {},
        "its answer is about (r - 5)/3: 3 times it plus 5 errs by",
        "multiply the readout's weight and bias by 3 and add 5 to its bias",
    ),
    "four fifths": (
        (W, B, [0.625], C / 0.8),
        {},
        "its answer is about r/0.8: 0.8 times it errs by",
        "multiply the readout's weight and bias by 0.8: then",
    ),
    "mean of r over 17": (
        (W, B, [0.5], C / 17),
        {"pooling": "mean"},
        "its answer is r/17: 17 times it is exact",
        "multiply",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_wrong_setting_is_found(name: str) -> None:
    net, given_, words, step = WRONG[name]
    explanation = account_of(*net, {**TOLD, **given_})
    assert not explanation.explained and 1 <= len(explanation.alternatives) <= 3
    said = [alternative_in_words(other) for other in explanation.alternatives]
    assert words in said[0] and explanation.next_step.startswith(step)
    assert all(other.error < 1e-12 for other in explanation.alternatives)
    (first, *_) = document(explanation)["alternatives"]
    assert set(first) == {"options", "scale", "offset", "error", "exact"}


def test_what_is_told_need_not_explain_all() -> None:
    """With the mean it is 1/2 off, which padding explains, and then 0.1; no other activation is
    told.
    """
    (other,) = account_of(W, B, [17 * 0.5], C + 0.4, TOLD).alternatives
    assert other.options == {"pooling": "mean"} and abs(other.error - 0.4) < 1e-12


def test_an_alternative_errs_as_it_does_when_it_is_asked_for() -> None:
    """float32 weights beside the exact ones: the error that is promised is the one that the next
    run finds.
    """
    w, a = np.float32(W) * np.float32(1.01), [np.float32(17 * 0.5)]
    told = {**TOLD, "pooling": "sum"}
    (other,) = account_of(w, B, a, C, told).alternatives
    again = account_of(w, B, a, C, {**told, **other.options})
    assert other.options == {"pooling": "mean"} and not other.exact
    assert again.worst_error.about <= other.error <= again.worst_error.about * (1 + 1e-12)


@pytest.mark.parametrize(
    ("net", "told"),
    [
        ((W, B, A, C + 0.05), TOLD),  # only the offset is wrong
        ((W, B, A, C + 3), TOLD),
        (([[1, 0, -1]], [-0.5], [1], 0), TOLD),  # blind
        (([[-1, -1, -1]], [-1], [1], 2), TOLD),  # dead
        (
            ([[-1, -1, -1]], [-1], [1], 2.05),
            {**TOLD, "r_min": "2", "r_max": "2.1"},
        ),  # a constant does
    ],
)
def test_nothing_is_told_where_nothing_is_clearly_better(net: Any, told: Any) -> None:
    explanation = account_of(*net, told)
    assert not explanation.explained and explanation.alternatives == ()


@handful
@given(networks((*RATIONAL, *SMOOTH)))
def test_what_is_told_is_much_better(case: Any) -> None:
    """Whatever the network: at most three, each at most a tenth of the error, counted by a plain
    sum at some radii.
    """
    (w, b, a, c), told = case
    explanation = account_of(w, b, a, c, told)
    assert len(explanation.alternatives) <= 3
    assert not (explanation.explained and explanation.alternatives)
    for other in explanation.alternatives:
        assert other.error <= explanation.worst_error.about / 9.9
        spread = float(explanation.setup.domain.high - explanation.setup.domain.low)
        assert other.error <= (0.1 if "activation" in other.options else spread / 4)
        given_ = {**told, **other.options}
        if given_["padding"] != "zeros" or {"r_min", "r_max"} & set(given_):
            continue
        half = int(given_["length"]) // 2
        for r in (F(len(w[0]), 2), F(half - len(w[0]) // 2)):
            error = other.scale * _answer(w, b, a, c, given_, r, half) + other.offset - float(r)
            assert abs(error) <= other.error + 1e-9


def _answer(w: Any, b: Any, a: Any, c: Any, told: dict[str, str], r: Fraction, half: int) -> float:
    """r̂ by plain loops, with zeros outside."""
    sigma, taps = activation(told["activation"])[0], len(w[0])

    def pixel(i: int) -> float:
        return float(min(max(r + F(1, 2) - abs(i), 0), 1)) if abs(i) <= half else 0.0

    total, share = c or 0.0, 2 * half + 1 if told["pooling"] == "mean" else 1
    for row, bias, weight in zip(w, b or [0.0] * len(a), a, strict=True):
        for i in range(-half, half + 1):
            z = sum(row[u] * pixel(i + u - taps // 2) for u in range(taps)) + bias
            total += weight / share * float(sigma(np.array(z)))
    assert floor(r) <= half
    return total


# --- images -------------------------------------------------------------------------------------

PIXELS = 25 * 25
IMAGES: dict[str, tuple[float, float, dict[str, str], str]] = {
    "pooling": (0.25 * PIXELS, 0.0073, {}, "with --pooling mean it errs by 0.00"),
    "activation": (0.25, 0.0073, {"activation": "relu"}, "with --activation abs it errs by 0.00"),
    "half of it": (0.5, 2 * 0.0073, {}, "with --activation relu it errs by 0.01"),
    "r over the length": (
        0.25 / 25,
        0.0073 / 25,
        {},
        "its answer is about r/25: 25 times it errs by 0.00",
    ),
}


@pytest.mark.parametrize("name", IMAGES)
def test_of_images_too(name: str) -> None:
    """The width of a disk by one difference; a = 1/(4|m|)."""
    a, c, other, words = IMAGES[name]
    explanation = image_of(STEP[None], np.array([a]), None, c, **other)
    assert not explanation.explained and "its training" not in explanation.next_step
    said = [alternative_in_words(x, sampled=True) for x in explanation.alternatives]
    assert said[0].startswith(words) and all(x.endswith("at the sampled radii") for x in said)
    assert image_of(STEP[None], np.array([0.25]), None, 0.0073).alternatives == ()


def test_as_many_radii_are_looked_at_as_the_interval_is_long() -> None:
    """So many for each pixel, whether it lies near the centre or far from it."""
    w, b = np.array([[1.0, 0.0, -1.0]]), np.zeros(1)
    for low in (2, 6):
        told = {"activation": "relu", "length": "31", "r_min": str(low), "r_max": str(low + 3)}
        light = alternatives._light(setup_of(told, 3), w, b)
        assert len(light.r) == 3 * alternatives.PER_PIXEL + 1
        assert (light.r[0], light.r[-1]) == (low, low + 3)
