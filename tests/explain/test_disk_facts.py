"""What filters see of disks: the sums of the definition, also between the sampled radii."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from numerics.disk.disk import disk
from tests.disk_accounts import STEP, account_of
from verify.explain.disk_facts import features, measured
from verify.explain.images import too_much
from verify.models.checkpoint import Checkpoint
from verify.models.setup import setup_of

Array = NDArray[np.float64]


def hats(
    r: Array, seed: int, steep: float = 4.0, name: str = "hardtanh"
) -> tuple[Array, Array, Array, float]:
    """w, b, a, c of a width, and two channels that answer only while a pixel holds what it holds at
    none of these radii.
    """
    held = np.unique(np.round(disk(r, int(r[-1]) + 1).ravel(), 12))
    held = held[(held > 0.1) & (held < 0.9)]
    place = np.argsort(np.diff(held))[-1 - np.random.default_rng(seed).integers(20)]
    low, high = held[place] + 1e-4, held[place + 1] - 1e-4
    one = np.zeros((3, 3))
    one[1, 1] = steep / (high - low)
    b = np.array([-1.0, -one[1, 1] * low - 1, -one[1, 1] * high + 1])
    w, a = np.stack([STEP, one, one]), np.array([0.5, 1.0, -1.0])
    answers = features(w, b, name, r) @ a - r
    dark = np.clip(b, -1, 1)
    return w, b, a, float(-np.mean(answers) - 625 * (a @ dark))


@pytest.mark.parametrize("seed", range(4))
def test_what_happens_between_the_sampled_radii(seed: int) -> None:
    """A network that errs by 0.008 at 225 radii, and by 16 pixels between two of them.

    All that was known of the error were its values on the grid, and the headline did not say so.
    Now every interval has a bound.
    """
    r = np.linspace(3, 10, 225)
    w, b, a, c = hats(r, seed)
    found = account_of(w, a, b, c, Fraction(1, 50), activation="hardtanh")
    offset = c + 625 * float(a @ np.clip(b, -1, 1))
    grid = np.max(np.abs(features(w, b, "hardtanh", r) @ a + offset - r))
    worst = found["worst_error"]
    assert grid < 0.02 and worst["value"] > 7 and worst["certified"] is True
    assert found["failing"] == ["between"] and not found["explained"]
    assert "at every radius" in found["verdict"] and "between (on an even grid" in found["verdict"]
    near = np.clip(worst["radius"] + np.linspace(-1, 1, 4001) / 32, 3, 10)
    near = np.unique(near)
    dense = np.max(np.abs(features(w, b, "hardtanh", near) @ a + offset - near))
    assert dense <= worst["bound"] <= 1.03 * dense


def test_features_are_the_sums_of_the_definition() -> None:
    w, b = np.random.default_rng(8).normal(size=(2, 3, 3)), np.array([0.25, -0.5])
    r = np.array([0.5, 1.75, 5.3])
    found = features(w, b, "relu", r)
    for radius, row in zip(r.tolist(), found.tolist(), strict=True):
        x = np.pad(disk([radius], 8)[0], 1)
        for k in range(2):
            z = sum(w[k, u, v] * x[u : u + 17, v : v + 17] for u in range(3) for v in range(3))
            direct = np.sum(np.maximum(z + b[k], 0) - max(b[k], 0))
            assert row[k] == pytest.approx(direct, rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("pooling", ["sum", "mean"])
@pytest.mark.parametrize(
    ("padding", "mode"),
    [("same", "zeros"), ("0", "zeros"), ("2", "reflect"), ("3", "replicate"), ("1", "circular")],
)
def test_answers_are_those_of_torch(padding: str, mode: str, pooling: str) -> None:
    """Padding adds dark windows, and a mean is over so many more."""
    rng = np.random.default_rng(3)
    w, b, a, c = rng.normal(size=(2, 3, 3)), rng.normal(size=2), rng.normal(size=2), 0.25
    told = {
        "activation": "softplus",
        "length": "21",
        "pooling": pooling,
        "padding": padding,
        "padding_mode": mode,
    }
    setup = setup_of(told, 3, images=True)
    facts = measured(Checkpoint(w, a, b, np.array([c]), {}), setup)
    pixels = 1 if padding == "same" else int(padding)
    conv = torch.nn.Conv2d(1, 2, 3, padding=pixels, padding_mode=mode).double()  # type: ignore[arg-type]
    with torch.no_grad():
        conv.weight.copy_(torch.tensor(w)[:, None])
        conv.bias.copy_(torch.tensor(b))  # type: ignore[union-attr]
        responses = torch.nn.functional.softplus(conv(torch.tensor(disk(facts.r, 10))[:, None]))
        pooled = responses.mean((2, 3)) if pooling == "mean" else responses.sum((2, 3))
    theirs = pooled.numpy() @ a + c
    assert np.allclose(facts.answers, theirs, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("name", "power"), [("square", 2), ("cube", 3), ("tanh", 0)])
def test_polynomials_and_flat_tails_have_no_limit(name: str, power: int) -> None:
    """Pre-activations of 1000, on both sides: answers are those of fractions, or the tail's ±1."""
    w = np.array([[[100, -30, 7], [60, -250, 11], [3, 90, -5.0]]])
    b = np.array([1000.0 if power == 0 else 400.0])
    found = Checkpoint(w, np.array([2.0**-20]), b, np.array([0.25]), {})
    setup = setup_of({"activation": name, "length": "15"}, 3, images=True)
    assert not too_much(found, setup)
    facts = measured(found, setup)
    x = np.pad(disk(facts.r[10:11], 7)[0], 1)
    total = Fraction(0)
    for i, j in np.ndindex(15, 15):
        z = Fraction(b[0])
        for u, v in np.ndindex(3, 3):
            z += Fraction(w[0, u, v]) * Fraction(x[i + u, j + v])
        assert power or z > 500
        total += z**power if power else 1
    exact = float(total / 2**20 + Fraction(1, 4))
    assert facts.answers[10] == pytest.approx(exact, rel=1e-12)
