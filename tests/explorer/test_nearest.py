"""The nearest exact network in the page: exact by the package, and no nearer than the bound."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import fmpq

from numerics.certificates.nearest import distance_bound, nearest
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import exact_net, summary
from numerics.pulse.preactivations import lines
from tests.explorer.states import state_of
from tests.stored import stored

pytestmark = pytest.mark.browser
HALF = 9
NEARER_IN_THE_PAGE = {9, 10}
"""Of the twenty networks drawn: neither search is proved to find the nearest."""
NEAREST = """
async ([state]) => {
  const {exact, floats, leastDistance, weights} = await import("network");
  const {nearest} = await import("nearest");
  const {piecesOf} = await import("known");
  const pieces = piecesOf(state.sigma);
  const text = (x) => Array.isArray(x) ? x.map(text) : String(x);
  for (const {w, b, a, c, distance} of nearest({...floats(state), ...weights(state)}, pieces)) {
    const bound = leastDistance(floats(state), pieces.branches);
    return [text(w), text(b), text(a), text(c), distance, bound];
  }
  return null;
}
"""
SIGMAS = ("relu", "abs", "hardtanh", "leaky_relu(x, 1/4)", "max(x, -1) + min(x, 2)")


def _fractions(texts: Any) -> Any:
    return list(map(_fractions, texts)) if isinstance(texts, list) else Fraction(texts)


@pytest.mark.parametrize("seed", range(20))
def test_it_is_exact_and_as_far_as_it_says(page: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    name = SIGMAS[seed % len(SIGMAS)]
    channels, taps = int(rng.integers(1, 4)), int(rng.choice([1, 3, 5]))

    def draw() -> Fraction:
        return Fraction(int(rng.integers(-12, 13)), 8)

    w, b = (
        [[draw() for _ in range(taps)] for _ in range(channels)],
        [draw() for _ in range(channels)],
    )
    a, c = [draw() for _ in w], draw()
    state = state_of(name, w, b, a, c, HALF)
    *texts, distance, bound = page.evaluate(NEAREST, [state])
    other = list(map(_fractions, texts))
    domain = _domain(taps)
    assert summary(exact_net(name, *other), domain).worst.high == 0

    def flat(w: Any, b: Any, a: Any, c: Any) -> list[Any]:
        return [*np.ravel(w), *b, *a, c]

    square = sum((x - y) ** 2 for x, y in zip(flat(w, b, a, c), flat(*other), strict=True))
    assert abs(distance - float(square) ** 0.5) <= 1e-12 * (1 + distance)
    near = nearest(name, stored(w, b, a, c), domain)
    whole = Domain(HALF, fmpq(1, 2), domain.high)
    assert bound == pytest.approx(_bound(exact_net(name, w, b, a, c), stored(w, b, a, c), whole))
    assert bound <= distance
    assert near is not None
    assert (near.high > distance * (1 + 1e-6)) == (seed in NEARER_IN_THE_PAGE)


def test_without_mixtures_the_package_is_farther(
    page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the same comparison, of a search that mixes nothing."""
    w, b = [[Fraction(-3, 8)], [Fraction(-9, 8)]], [Fraction(1, 2), Fraction(1, 8)]
    a, c = [Fraction(-9, 8), Fraction(-11, 8)], Fraction(-11, 8)
    distance = page.evaluate(NEAREST, [state_of("abs", w, b, a, c, HALF)])[4]
    search = ("abs", stored(w, b, a, c), _domain(1))
    assert (found := nearest(*search)) is not None and found.high <= distance * (1 + 1e-6)
    monkeypatch.setattr("numerics.certificates.nearest._mixed", lambda *_: iter(()))
    assert (poorer := nearest(*search)) is not None and poorer.high > 1.01 * distance


def _domain(taps: int) -> Domain:
    return Domain(HALF, fmpq(taps, 2), fmpq(2 * HALF - taps + 2, 2))


def _bound(net: Any, weights: Any, domain: Domain) -> float:
    worst = summary(net, domain).worst
    m = min(int((worst.radius + fmpq(1, 2)).floor()), domain.half_length - len(net.w[0]) // 2)
    phi = worst.radius - m + fmpq(1, 2)
    pooled = [
        sum(
            (x.count * net.sigma(x.start + phi * x.slope + b) for x in lines(w, m, domain)), fmpq(0)
        )
        for w, b in zip(net.w, net.b, strict=True)
    ]
    steepest = max(abs(piece[1]) for piece in net.sigma.pieces)
    return distance_bound(weights, domain, steepest, pooled, worst.low, worst.radius)


def test_a_smooth_activation_has_pairs(page: Any) -> None:
    w = [["1/4", "1/2", "1/8"], ["-1/4", "-3/8", "-1/4"]]
    state = state_of("gelu", w, ["0", "1/9"], ["1/2", "-1/3"])
    w, b, a, _, distance, bound = page.evaluate(NEAREST, [state])
    assert [Fraction(x) for x in w[0]] == [-Fraction(x) for x in w[1]]
    assert (Fraction(b[0]), Fraction(a[0])) == (-Fraction(b[1]), -Fraction(a[1]))
    assert 2 * sum(map(Fraction, w[0])) * Fraction(a[0]) == 1
    assert 0 < distance < 1 and bound is None
