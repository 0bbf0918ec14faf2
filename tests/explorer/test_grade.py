"""The grade in the page is the package's, of the same networks, and so is the tolerance needed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import fmpq

from numerics.certificates.nearest import nearest
from numerics.certificates.reduction import reduced
from numerics.pulse.domain import Domain
from tests.accounts import account_of
from tests.explorer.states import state_of
from tests.stored import stored

pytestmark = pytest.mark.browser
HALF = 9
GRADE = """
async ([state]) => {
  const {gradeOf} = await import("grade");
  const {name, needed, worst, words} = gradeOf(state);
  return [name, needed, worst, words];
}
"""


def _both(page: Any, name: str, w: Any, b: Any, a: Any, c: Any) -> tuple[Any, Any]:
    """What the page says of a network, and what the package says."""
    w, b, a = (np.array(x, dtype=float) for x in (w, b, a))
    exact = [[[Fraction(x) for x in row] for row in w], [*map(Fraction, b)], [*map(Fraction, a)]]
    state = state_of(name, *exact, Fraction(float(c)), HALF)
    n = w.shape[1]
    told = {"activation": name, "length": str(2 * HALF + 1), "r_max": str(HALF - n // 2 + 0.5)}
    return page.evaluate(GRADE, [state]), account_of(w, b, a, float(c), told)


def _exact(name: str, seed: int) -> tuple[Any, Any, Any, Any]:
    """An exact network, its weights rounded to float64."""
    rng = np.random.default_rng(seed)
    channels, n = int(rng.integers(1, 4)), int(rng.choice([1, 3, 5]))
    draw = rng.integers(-12, 13, (channels, n + 2)) / 8
    net = stored(draw[:, :n], draw[:, n], draw[:, -1], float(rng.integers(-12, 13) / 8))
    near = nearest(name, net, Domain(HALF, fmpq(n, 2), fmpq(2 * HALF - n + 2, 2)))
    assert near is not None and near.net.b is not None and near.net.c is not None
    rows = [[float(x) for x in row] for row in near.net.w]
    return rows, [*map(float, near.net.b)], [*map(float, near.net.a)], float(near.net.c)


@pytest.mark.parametrize("off", [0.0, 3e-15, 1e-9, 1e-4, 3e-3, 0.5])
@pytest.mark.parametrize("name", ["relu", "abs", "hardtanh", "leaky_relu"])
def test_a_network_off_by_this_has_the_grade_of_the_package(
    page: Any, name: str, off: float
) -> None:
    graded = set()
    for seed in range(4):
        w, b, a, c = _exact(name, seed)
        moved = np.array(w) + off * np.random.default_rng(seed).choice([-1, 1], np.shape(w))
        (grade, needed, worst, words), explained = _both(page, name, moved, b, a, c)
        assert grade == explained.grade and words.startswith(grade.capitalize())
        assert worst == pytest.approx(explained.worst_error.about, rel=1e-6, abs=1e-18)
        if grade in ("exact", "near exact"):
            assert needed == pytest.approx(explained.tolerance_needed, rel=1e-2, abs=1e-18)
        graded.add(grade)
    assert graded <= {"exact", "near exact"} if off < 1e-3 else "exact" not in graded


@pytest.mark.parametrize(
    ("name", "net", "grade"),
    [
        ("gelu", ([[0.25, 0.5, 0.125], [-0.25, -0.5, -0.125]], [0, 0], [4 / 7, -4 / 7], 0), ""),
        ("gelu", ([[0.25, 0.5, 0.25], [-0.25, -0.5, -0.25]], [0, 0], [0.5, -0.5], 0), "exact"),
        ("gelu", ([[0.25, 0.5, 0.25], [-0.25, -0.5, -0.2]], [0, 0], [0.5, -0.5], 0), ""),
        ("relu", ([[0.0, 0.0, 0.0]], [0], [0.5], 0), "off"),
        ("tanh", ([[0.25, 0.5, 0.25]], [0], [0.5], 0), "off"),
        # Copies, symmetric images and idle channels change nothing.
        ("relu", ([[1, 1, 0]] * 2 + [[0, 1, 1]], [0] * 3, [1 / 16, 1 / 16, 1 / 8], 0), "exact"),
        ("relu", ([[0.5, 0.5, 1e-9], [0, 0.5, 0.5]], [0, 0], [0.25, 0.25], 0), "near exact"),
        ("abs", ([[0.25, 0.5, 0.25], [-0.25, -0.5, -0.25]], [0, 0], [0.25, 0.25], 1e-3), ""),
        ("relu", ([[0.25, 0.5, 0.25], [0, 0, 0]], [0, 1], [0.5, 0.25], -4.75), "exact"),
        ("relu", ([[0.25, 0.5, 0.25], [0.25, -0.5, 0.25]], [0, -1], [0.5, 3], 0.001), ""),
    ],
)  # fmt: skip
def test_symmetries_and_smooth_activations(page: Any, name: str, net: Any, grade: Any) -> None:
    (told, needed, *_), explained = _both(page, name, *net)
    assert told == explained.grade and grade in ("", told)
    if told in ("exact", "near exact"):
        # Of a smooth σ the page samples in float64: rounding is all that is left.
        least = 1e-14 if name == "gelu" else 1e-18
        assert needed == pytest.approx(explained.tolerance_needed, rel=1e-2, abs=least)


REDUCED = """
async ([state]) => {
  const {reduced} = await import("grade");
  const least = reduced(state);
  return least && [least.w, least.b, least.a, least.c];
}
"""


@pytest.mark.parametrize("seed", range(24))
def test_the_reduced_network_is_that_of_the_package(page: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    name = ("relu", "abs", "hardtanh", "leaky_relu", "identity", "relu6")[seed % 6]
    n = int(rng.choice([1, 3]))
    rows = rng.integers(-2, 3, (3, n + 2)).tolist()
    w, b, a = [row[:n] for row in rows], [row[n] for row in rows], [row[-1] for row in rows]
    domain = Domain(HALF, fmpq(n, 2), fmpq(2 * HALF - n + 2, 2))
    wanted = reduced(stored(w, b, a, 1), name, domain)
    told = page.evaluate(REDUCED, [state_of(name, w, b, a, 1, HALF)])
    if not wanted.channels:
        assert told is None
        return
    least = wanted.net
    assert told == [
        [[str(x) for x in row] for row in least.w],
        [str(x) for x in least.b or ()],
        [str(x) for x in least.a],
        str(least.c),
    ]
