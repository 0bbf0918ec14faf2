"""Exact networks over pieces of higher degree: exact by numerics.pulse.exact_error, and as near as
a general minimiser gets.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import fmpq
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import minimize

from numerics.certificates.conditions import Stored
from numerics.certificates.nearest import nearest
from numerics.certificates.refit import refitted
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import error_on, summary
from tests.stored import as_net, count, moved, square, stored
from tests.strategies import few, handful

F = Fraction
DOMAIN = Domain(7, fmpq(3, 2), fmpq(6))


def _by_hand() -> Stored:
    """Σ a_k 2(S_k² + 2 S_k b_k) = 2 - 1 = 1 and Σ a_k |w_k|² = 0; c takes away what is left, the
    same at all radii.
    """
    w, b, a = [[1, 0, 0], [0, 1, 0]], [F(1, 2), 0], [F(1, 2), F(-1, 2)]
    left = error_on(as_net(stored(w, b, a, 0), "square"), 3, DOMAIN)(fmpq(1, 3))
    return stored(w, b, a, F(int(-left.p), int(left.q)))


EXACT = _by_hand()
numbers = st.integers(-12, 12).map(lambda k: F(k, 8))


def _exact(name: str, net: Stored, domain: Domain) -> bool:
    return summary(as_net(net, name), domain).worst.high == 0


@st.composite
def networks(draw: st.DrawFn, names: tuple[str, ...]) -> tuple[str, Stored]:
    n, channels = draw(st.sampled_from((1, 3))), draw(st.integers(2, 3))

    def row(size: int) -> list[F]:
        return draw(st.lists(numbers, min_size=size, max_size=size))

    net = stored(
        [row(n) for _ in range(channels)],
        draw(st.none() | st.just(row(channels))),
        row(channels),
        draw(st.none() | numbers),
        draw(st.sampled_from((1, 15))),
    )
    return draw(st.sampled_from(names)), net


@few
@given(networks(("square", "cube", "hardswish")))
@example(("square", stored([[1, 0, 0], [0, 1, 0]], [0, 0], [1, 1], 0)))
def test_what_is_found_is_exact_and_of_the_same_kind(case: tuple[str, Stored]) -> None:
    name, net = case
    found = refitted(name, net, DOMAIN)
    if found is not None:
        assert _exact(name, found, DOMAIN)
        assert (found.b is None, found.c is None, found.share) == (
            net.b is None,
            net.c is None,
            net.share,
        )


@few
@given(st.lists(st.integers(-99, 99), min_size=11, max_size=11).filter(any))
def test_next_to_an_exact_network_one_is_found_at_no_more_than_that_distance(by: list[int]) -> None:
    """Moved by about 1e-9 from a network that is exact by hand."""
    assert _exact("square", EXACT, DOMAIN) and refitted("square", EXACT, DOMAIN) == EXACT
    away = moved(EXACT, [fmpq(k, 2**36) for k in by])
    near = nearest("square", away, DOMAIN)
    assert near is not None and near.pattern is None and near.low is None
    assert _exact("square", near.net, DOMAIN)
    assert square(away, near.net) <= square(away, EXACT) * (1 + F(1, 2**10))


def test_the_distance_is_that_of_a_general_minimiser() -> None:
    """SLSQP on the same equations, evaluated by numerics.pulse.exact_error instead."""
    rng = np.random.default_rng(5)
    compared = 0
    for _ in range(6):
        exact = refitted(
            "square",
            stored(
                rng.normal(size=(2, 3)).round(2).tolist(),
                rng.normal(size=2).round(2).tolist(),
                rng.normal(size=2).round(2).tolist(),
                0.0,
            ),
            DOMAIN,
        )
        if exact is None:
            continue
        away = moved(exact, [fmpq(int(k), 64) for k in rng.integers(-3, 4, count(exact))])
        near = nearest("square", away, DOMAIN)
        assert near is not None

        def error(x: Any, away: Stored = away) -> Any:
            net = as_net(moved(away, [fmpq(*float(y).as_integer_ratio()) for y in x]), "square")
            at = (fmpq(3, 2), fmpq(2), fmpq(5, 2))
            values = [
                error_on(net, int(r + fmpq(1, 2)), DOMAIN)(r - int(r + fmpq(1, 2)) + fmpq(1, 2))
                for r in at
            ]
            return [float(F(int(v.p), int(v.q))) for v in values]

        found = minimize(
            lambda x: x @ x,
            np.zeros(count(away)),
            jac=lambda x: 2 * x,
            method="SLSQP",
            constraints={"type": "eq", "fun": error},
            options={"ftol": 1e-13, "maxiter": 200},
        )
        if found.success and max(map(abs, error(found.x))) < 1e-8:
            assert near.high <= float(np.sqrt(found.fun)) * (1 + 1e-3)
            compared += 1
    assert compared >= 3


@pytest.mark.parametrize("name", ["relu", "identity", "tanh", "hardshrink"])
def test_other_activations_are_not_its_business(name: str) -> None:
    assert refitted(name, stored([[1, 1, 1]], [0], [1], 0), DOMAIN) is None


@handful
@given(networks(("square",)))
def test_one_square_is_never_exact(case: tuple[str, Stored]) -> None:
    """Its bend has one sign."""
    net = case[1]
    single = stored([[F(int(x.p), int(x.q)) for x in net.w[0]]], None, [1], 0)
    assert refitted("square", single, DOMAIN) is None
