"""One's own network in the page: its laws and roles are those of the package, with more channels
and taps than can be dragged.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import fmpq

from numerics.certificates.conditions import exact_of
from numerics.certificates.nearest import nearest
from numerics.certificates.patterns import branches_of, snapped_pattern
from numerics.certificates.roles import roles
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import summary
from tests.explorer.states import state_of
from tests.stored import stored
from verify.explorer.laws import LARGE, TAPS

pytestmark = pytest.mark.browser
DOMAIN = Domain(9, fmpq(5, 2), fmpq(15, 2))
TOLD = """
async ([state]) => {
  const {lawsOf, rolesOf} = await import("account");
  const laws = lawsOf(state);
  const {isExact, alpha, beta, most} = laws;
  const text = (x) => x === null ? null : String(x);
  const size = most && Number(most.size);
  const rows = rolesOf(state, laws).map(([name, value, role, derived, low, high]) =>
    [role, ...[value, derived, low, high].map(text)]);
  return [isExact, String(alpha), String(beta), size, rows];
}
"""


def _fraction(number: Any) -> str | None:
    return None if number is None else str(number)


@pytest.mark.parametrize("seed", range(12))
def test_roles_are_those_of_the_package(page: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    name = ("relu", "abs", "hardtanh", "leaky_relu")[seed % 4]
    channels, n, half = int(rng.integers(1, 6)), int(rng.choice([1, 3, 5])), 9

    def draw() -> Fraction:
        return Fraction(int(rng.integers(-12, 13)), 8)

    start = stored(
        [[draw() for _ in range(n)] for _ in range(channels)],
        [draw() for _ in range(channels)],
        [draw() or Fraction(1) for _ in range(channels)],
        draw(),
    )
    domain = Domain(half, fmpq(n, 2), fmpq(2 * half - n + 2, 2))
    near = nearest(name, start, domain)
    assert near is not None
    # The readout off by something: the laws are not met, and each weight has its value by them.
    for net in (near.net, near.net.changed(a=tuple(x + fmpq(1, 9) for x in near.net.a))):
        pattern = snapped_pattern(net, domain, branches_of(name))
        exact = exact_of(net, name)
        if pattern is None or pattern.held or exact is None:
            continue
        told = page.evaluate(TOLD, [state_of(name, net.w, net.b or (), net.a, net.c, half)])
        is_exact, alpha, beta, size, rows = told
        worst = summary(exact, domain).worst
        assert is_exact == (worst.high == 0)
        assert abs(size - float(Fraction(str(worst.high)))) <= 1e-9
        residuals = (fmpq(*map(int, (x + "/1").split("/")[:2])) for x in (alpha, beta))
        wanted = [
            [
                x.role,
                str(x.value),
                _fraction(x.derived),
                *map(_fraction, x.interval or (None, None)),
            ]
            for x in roles(net, pattern, tuple(residuals))
        ]
        assert sorted(rows, key=str) == sorted(wanted, key=str)


@pytest.mark.parametrize("taps", [n for n in LARGE if n not in TAPS])
def test_a_large_network_is_exact_where_it_is(page: Any, taps: int) -> None:
    rng = np.random.default_rng(taps)
    w = rng.integers(1, 9, (12, taps))
    a = [Fraction(1, int(24 * sum(row))) for row in w]
    is_exact, *_, size, rows = page.evaluate(TOLD, [state_of("relu", w, [0] * 12, a, 0, 20)])
    assert is_exact and size < 1e-12 and len(rows) == 12 * (taps + 2) + 1
    is_exact, *_, size, _ = page.evaluate(TOLD, [state_of("relu", w - 4, [0] * 12, a, 0, 20)])
    assert not is_exact and size > 1e-3


def test_a_slope_that_is_0_but_for_rounding_sets_nothing(page: Any) -> None:
    """Its readout weight "set the slope", at a value of 10^17."""
    w = [[Fraction(x) for x in (0.1, 0.2, -0.3, 0.0, 0.0)], [Fraction(1, 8)] * 5]
    assert 0 < abs(sum(w[0])) < Fraction(1, 10**16)
    b, a = [1, 1], [Fraction(1, 3), Fraction(4, 5)]
    state = state_of("relu", w, b, a, 0)
    rows = page.evaluate(TOLD, [state])[-1]
    pattern = snapped_pattern(net := stored(w, b, a, 0), DOMAIN, branches_of("relu"))
    assert pattern is not None
    wanted = [x.role for x in roles(net, pattern, None) if x.name == "readout.weight"]
    assert [row[0] for row in rows[-3:-1]] == wanted == ["moves the offset", "sets the slope"]
