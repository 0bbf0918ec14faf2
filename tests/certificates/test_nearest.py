"""The nearest exact network: exact, at the stated distance, and no exact network is nearer than the
bounds.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from flint import arb, ctx, fmpq
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy.optimize import minimize

from numerics.arithmetic import oracle
from numerics.certificates.conditions import Stored, holds
from numerics.certificates.nearest import distance_bound, nearest
from numerics.certificates.patterns import branches_of, mixed_patterns, snapped_pattern
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import error_on, summary
from numerics.pulse.preactivations import lines
from tests.stored import as_net, cases, count, fraction, from_exact, moved, square, stored, views
from tests.strategies import Exact, few, handful, linear_exact, threshold_exact
from theory.certificates.nearest import CLAIM, LAW, Facts, distance
from verify.certificates.claims.nearest import STRAIGHT, check
from verify.report.lab import TINY, Lab

F = Fraction
DOMAIN = Domain(6, fmpq(3, 2), fmpq(5))


@few
@given(cases())
@example(("relu", stored([[-1, -1, -1]], [-1], [1], 0), DOMAIN))
@example(("abs", stored([[1, 0, -1]], None, [1], None), DOMAIN))
def test_it_is_exact_and_as_far_as_it_says(case: Any) -> None:
    """By numerics.pulse.exact_error, which knows nothing of patterns."""
    name, net, domain = case
    near = nearest(name, net, domain)
    if near is None:
        return
    assert summary(as_net(near.net, name), domain).worst.high == 0
    assert (near.net.b is None, near.net.c is None) == (net.b is None, net.c is None)
    distance = square(net, near.net)
    assert near.low <= near.high
    assert distance <= F(near.high) ** 2
    assert F(near.high) ** 2 <= distance * (1 + F(1, 2**40))


@few
@given(st.one_of(linear_exact(), threshold_exact()), st.data())
def test_never_farther_than_a_network_that_is_known(exact: Exact, data: Any) -> None:
    """A derived network moved a little: it stays where it was, at that distance or nearer, and all
    bounds are below.
    """
    net, domain = from_exact(exact)
    size = count(net)
    shifts = data.draw(st.lists(st.integers(-99, 99), min_size=size, max_size=size).filter(any))
    away = moved(net, [fmpq(k, 2**50) for k in shifts])
    near = nearest(exact.name, away, domain)
    assert near is not None
    distance = square(away, net)
    # Its pattern may be another one, of codimension lower or equal: never a farther one.
    assert F(near.high) ** 2 <= distance * (1 + F(1, 2**20))
    if holds(near.pattern, net):
        assert F(near.low) ** 2 <= distance
    bound = _bound(exact.name, away, domain)
    assert F(bound) ** 2 <= distance


def _bound(name: str, net: Stored, domain: Domain) -> float:
    """distance_bound with everything it needs from the exact summary."""
    exact = as_net(net, name)
    worst = summary(exact, domain).worst
    m = min(int((worst.radius + fmpq(1, 2)).floor()), domain.half_length)
    phi = worst.radius - m + fmpq(1, 2)
    pooled = []
    for w, b in zip(exact.w, exact.b, strict=True):
        seen = lines(w, m, domain)
        values = [x.count * exact.sigma(x.start + phi * x.slope + b) for x in seen]
        pooled.append(sum(values, fmpq(0)) / net.share)
    steepest = max(abs(piece[1]) for piece in exact.sigma.pieces)
    return distance_bound(net, domain, steepest, pooled, worst.low, worst.radius)


@handful
@given(cases(("relu", "abs", "leaky_relu", "hardtanh")), st.data())
def test_no_exact_network_is_nearer_than_the_bound(case: Any, data: Any) -> None:
    """Any weights whatever that are exact, found from another start with the same shape."""
    name, net, domain = case
    size = count(net)
    shifts = data.draw(st.lists(st.integers(-8, 8), min_size=size, max_size=size))
    other = nearest(name, moved(net, [fmpq(k, 8) for k in shifts]), domain)
    assume(other is not None)
    assert other is not None
    distance = square(net, other.net)
    assert F(_bound(name, net, domain)) ** 2 <= distance
    near = nearest(name, net, domain)
    if near is not None and holds(near.pattern, other.net):
        assert F(near.low) ** 2 <= distance


def _searched(net: Stored, name: str, domain: Domain) -> float | None:
    """The distance by a general constrained minimiser, from the conditions of the network's own
    pattern; None where it does not converge.
    """
    pattern = snapped_pattern(net, domain, branches_of(name))
    assert pattern is not None
    start = np.zeros(count(net))

    def shifted(x: Any) -> Stored:
        return moved(net, [fmpq(*float(y).as_integer_ratio()) for y in x])

    def equations(x: Any) -> Any:
        return [float(fraction(c.residual(shifted(x)))) for c in pattern.conditions]

    found = minimize(
        lambda x: x @ x,
        start,
        jac=lambda x: 2 * x,
        constraints={"type": "eq", "fun": equations},
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 300},
    )
    good = found.success and max(map(abs, equations(found.x))) < 1e-7
    return float(np.sqrt(found.fun)) if good else None


def test_the_distance_is_that_of_a_general_minimiser() -> None:
    rng = np.random.default_rng(3)
    compared = 0
    for _ in range(40):
        n = int(rng.choice([3, 5]))
        channels = int(rng.integers(1, 3))
        w = np.abs(rng.normal(size=(channels, n))).round(3)
        b = np.abs(rng.normal(size=channels)).round(3)
        a = rng.normal(size=channels).round(3)
        net = stored(w.tolist(), b.tolist(), a.tolist(), float(rng.normal()))
        domain = Domain(n + 3, fmpq(n, 2), fmpq(n + 6, 2))
        near = nearest("relu", net, domain)
        own = snapped_pattern(net, domain, branches_of("relu"))
        # Where no window stands at the end of its branch the two ask the same question.
        if near is None or own is None or near.pattern != own or len(near.conditions) != 2:
            continue
        found = _searched(net, "relu", domain)
        if found is None:
            continue
        assert found >= near.low * (1 - 1e-6)
        if near.high <= near.low * (1 + 1e-9):
            assert abs(found - near.high) <= 1e-5 * near.high
            compared += 1
    assert compared >= 10


def test_the_enclosure_is_tight_near_exact_networks() -> None:
    """Weak duality leaves no gap where the network is nearly exact."""
    net = stored([[0.5, 0.3, 0.2]], [0.1], [0.5000001], -0.65)
    near = nearest("relu", net, Domain(6, fmpq(3, 2), fmpq(5)))
    assert near is not None and near.high - near.low <= 1e-9 * near.high


def test_one_channel_of_identity_by_hand() -> None:
    """w = (1), a = 1/2, c = 1: only c is wrong, and b cannot help: the distance is that to the
    plane c + a N b = 0.
    """
    net = stored([[1]], [0], [F(1, 2)], F(1, 100))
    near = nearest("identity", net, Domain(4, fmpq(1, 2), fmpq(3)))
    assert near is not None
    # About a = 1/2 the condition c + 9 a b = 0 is c + 4.5 b = 0, at the distance 0.01 / sqrt(1 +
    # 4.5²).
    assert abs(near.high - 0.01 / np.sqrt(1 + 4.5**2)) < 1e-6


def test_where_no_exact_network_is_found() -> None:
    domain = Domain(4, fmpq(1, 2), fmpq(3))
    assert nearest("tanh", stored([[1]], [0], [1], 0), domain) is None
    # Without readout bias and conv bias hardsigmoid's background cannot be taken away.
    assert nearest("hardsigmoid", stored([[1]], None, [1], None), domain) is None


def test_smooth_activations_by_their_affine_piece_and_by_mirror_images() -> None:
    domain = Domain(6, fmpq(3, 2), fmpq(5))
    line = nearest("elu", stored([[0.4, 0.3, 0.4]], [0.1], [0.5], 0), domain)
    assert line is not None and line.pattern.kinds == ("linear",) and line.high < 0.2
    pair = stored([[0.4, 0.3, 0.4], [-0.4, -0.3, -0.5]], [0.1, -0.1], [0.5, -0.5], 0)
    mirrored = nearest("softplus", pair, domain)
    assert mirrored is not None and mirrored.pattern.kinds == ("paired", "paired")
    first, second = mirrored.net.w
    assert all(x == -y for x, y in zip(first, second, strict=True))
    assert mirrored.net.a[0] == -mirrored.net.a[1]


@pytest.mark.parametrize(("name", "b"), [("hardshrink", 1), ("hardshrink", -4), ("threshold", 2)])
def test_a_sigma_that_jumps_is_exact_on_an_affine_piece(name: str, b: int) -> None:
    """Cause: such a σ had no branches at all, so its exact networks were never found."""
    domain = Domain(6, fmpq(3, 2), fmpq(5))
    pooled = [F(13) * b, F(1, 2)]
    net = stored([[0.5, 0.25, 0.25]], [b], pooled[1:], -pooled[0] / 2)
    near = nearest(name, net, domain)
    assert near is not None and near.high == 0 and near.pattern.kinds == ("linear",)


# --- the law ----------------------------------------------------------------------------------


def _root(value: Any) -> arb:
    return arb(value).sqrt()


def _facts(name: str, net: Stored, domain: Domain, radius: fmpq, error: fmpq) -> Facts:
    """As balls, at any radius."""
    exact = as_net(net, name)
    m = min(int((radius + fmpq(1, 2)).floor()), domain.half_length)
    phi = radius - m + fmpq(1, 2)
    pooled = []
    for w, b in zip(exact.w, exact.b, strict=True):
        seen = lines(w, m, domain)
        total = sum((x.count * exact.sigma(x.start + phi * x.slope + b) for x in seen), fmpq(0))
        pooled.append(arb(total / net.share))
    n = len(net.w[0])
    positions = len(views(domain, n, Fraction(1)))
    # What the padding mirrors is more light.
    light = arb(radius) + arb(domain.mirrored(n)) / 2
    steepest = max(abs(piece[1]) for piece in exact.sigma.pieces)
    return Facts(
        n,
        positions,
        net.share,
        light,
        arb(error),
        arb(steepest),
        tuple(pooled),
        tuple(map(arb, net.a)),
        int(net.b is not None),
        int(net.c is not None),
    )


@given(cases())
@example(("hardtanh", stored([[F(1, 2)]], None, [F(3)], None, 9), Domain(4, fmpq(1, 2), fmpq(3))))
def test_the_bound_of_numerics_is_the_law(case: Any) -> None:
    """The same number, less a rounding: two programs cannot drift apart."""
    name, net, domain = case
    worst = summary(as_net(net, name), domain).worst
    assume(worst.low > 0)
    with ctx.workprec(128):
        law = distance(LAW, _facts(name, net, domain, worst.radius, worst.low), _root)
        if not law.is_finite():
            return
        found = _bound(name, net, domain)
        assert arb(found) <= law
        assert arb(found) >= law * (1 - arb(2) ** -50)


@few
@given(cases(), st.data())
def test_no_two_networks_differ_by_more(case: Any, data: Any) -> None:
    """Whatever is exact or not: with the difference of two answers in place of the error, at any
    radius.

    Where the bound is reached, balls cannot tell: it must not lie above for certain.
    """
    name, net, domain = case
    size = count(net)
    shifts = data.draw(st.lists(st.integers(-8, 8), min_size=size, max_size=size).filter(any))
    other = moved(net, [fmpq(k, data.draw(st.sampled_from((4, 64, 1024)))) for k in shifts])
    eighths = data.draw(st.integers(4, 8 * domain.half_length + 4))
    radius = fmpq(eighths, 8)
    m = min(int((radius + fmpq(1, 2)).floor()), domain.half_length)
    phi = radius - m + fmpq(1, 2)
    answers = [error_on(as_net(each, name), m, domain)(phi) for each in (net, other)]
    apart = abs(answers[0] - answers[1])
    assume(apart > 0)
    with ctx.workprec(128):
        law = distance(LAW, _facts(name, net, domain, radius, apart), _root)
        far = square(net, other)
        assert not (law.is_finite() and law > arb(fmpq(far.numerator, far.denominator)).sqrt())


def test_by_hand() -> None:
    """One tap of identity at r = 1, wrong by 3 through c alone: A² = 1 + 2² + 1², B = 2."""
    facts = Facts(1, 9, 1, F(1), F(3), F(1), (F(2),), (F(1, 2),), 0, 1)
    assert distance(LAW, facts, lambda x: float(x) ** 0.5) == pytest.approx(6 / (6**0.5 + 18**0.5))


def test_by_hand_with_another_slope() -> None:
    """The same tap of 3z, a = 1/6: A² = 1 + (3·2)² + (3·2/6)², B = 6.

    Only Λ = 1 was ever put in, so Λ for Λ² (or 1) passed the proof, both columns and these tests.
    """
    facts = Facts(1, 9, 1, F(1), F(3), F(3), (F(6),), (F(1, 6),), 0, 1)
    found = distance(LAW, facts, lambda x: float(x) ** 0.5)
    assert found == pytest.approx(6 / (38**0.5 + 74**0.5))


def test_the_largest_slope_of_every_trained_activation_is_one() -> None:
    for name in {setting.activation for setting in STRAIGHT}:
        sigma, z = oracle.RATIONAL[name], [F(k, 8) for k in range(-40, 41)]
        slopes = [abs(sigma(y) - sigma(x)) * 8 for x, y in itertools.pairwise(z)]
        assert max(slopes) == 1, name


@pytest.mark.parametrize("power", [0, 1, 3])
def test_no_other_power_of_the_slope(power: int) -> None:
    """Too small a power passes the bound for Λ > 1, too large a one for Λ < 1."""
    other = replace(LAW, spread=lambda steepest, wide: steepest**power * wide)
    assert CLAIM.prove(other).refuted
    assert check(other, Lab(TINY)).status == "fails"


def test_with_its_own_power_the_check_holds() -> None:
    assert check(LAW, Lab(TINY)).status == "holds"


def test_from_nothing_the_bound_is_reached_exactly() -> None:
    """w = a = 0 without biases, A = 0: moved to w = a = 1/4 the answer of one identity tap at r = 1
    becomes 1/8.
    """
    facts = Facts(1, 5, 1, F(1), F(1, 8), F(1), (F(0),), (F(0),), 0, 0)
    assert distance(LAW, facts, sp.sqrt) ** 2 == F(1, 8)


def test_along_the_gradient_of_identity_the_bound_is_reached() -> None:
    """w = (1/4, 1/4, 1/2), a = 1/2, b = c = 0, moved by a little along the gradient at r = 2."""
    w, a, r = [F(1, 4), F(1, 4), F(1, 2)], F(1, 2), F(2)
    x = oracle.overlap_pulse(r, 5)
    step = F(1, 2**20)
    moved_w = [tap + step * a * 2 * r for tap in w]
    b, p = step * a * len(x), sum(oracle.preactivations(w, F(0), x))
    moved_a, c = a + step * p, step
    pooled = sum(oracle.preactivations(moved_w, b, x))
    error = c + moved_a * pooled - r
    far = sum((x - y) ** 2 for x, y in zip(moved_w, w, strict=True)) + b**2 + (step * p) ** 2 + c**2
    facts = Facts(3, len(x), 1, r, error, F(1), (pooled,), (moved_a,))
    ratio = distance(LAW, facts, lambda x: float(x) ** 0.5) / float(far) ** 0.5
    assert 1 - 1e-4 < ratio <= 1


MIXTURES = [
    ("relu", [[F(1, 2)], [-1]], [F(-1, 8), F(3, 4)], [F(1, 2), F(-1, 2)], 1),
    ("leaky_relu", [[F(5, 8)], [F(-7, 8)]], [F(-3, 8), F(1, 2)], [F(-1, 2), F(3, 4)], F(1, 4)),
    ("hardtanh", [[F(3, 2)], [F(1, 4)]], [F(1, 8), F(-5, 4)], [F(5, 8), F(-9, 8)], 0),
    ("abs", [[F(3, 4)]], [F(-1, 2)], [F(-5, 4)], F(1, 2)),
]


@pytest.mark.parametrize(("name", "w", "b", "a", "c"), MIXTURES, ids=[x[0] for x in MIXTURES])
def test_no_exact_network_of_one_tap_is_nearer(name: str, w: Any, b: Any, a: Any, c: Any) -> None:
    """Filters of one tap, from a thousand starts: exact where both ends of each channel lie on one
    branch, and the readout follows from the laws.
    """
    net, size = stored(w, b, a, c), 2 * DOMAIN.half_length + 1
    domain = Domain(DOMAIN.half_length, fmpq(1, 2), fmpq(13, 2))
    near = nearest(name, net, domain)
    assert near is not None
    start = np.array([*np.ravel(w), *b, *a, c], dtype=float)
    k = len(a)
    rng, nearest_seen = np.random.default_rng(3), np.inf
    for chosen in itertools.product(branches_of(name), repeat=k):
        slopes, levels = (
            np.array([float(F(str(getattr(x, key)))) for x in chosen])
            for key in ("slope", "constant")
        )

        def laws(x: Any, slopes: Any = slopes, levels: Any = levels) -> Any:
            w, b, a = x[:k], x[k : 2 * k], x[2 * k : 3 * k]
            offset = x[-1] + size * np.sum(a * (slopes * b + levels))
            return [2 * np.sum(a * slopes * w) - 1, offset]

        def inside(x: Any, chosen: Any = chosen) -> Any:
            ends = [
                (z, each) for each, w, b in zip(chosen, x, x[k:], strict=False) for z in (b, w + b)
            ]
            rooms = [z - float(F(str(e.low))) for z, e in ends if e.low is not None]
            return [*rooms, *(float(F(str(e.high))) - z for z, e in ends if e.high is not None), 0]

        for _ in range(12):
            answer = minimize(
                lambda x: np.sum((x - start) ** 2),
                start + rng.normal(size=len(start)),
                constraints=[{"type": "eq", "fun": laws}, {"type": "ineq", "fun": inside}],
            )
            if (
                answer.success
                and max(np.abs(laws(answer.x))) < 1e-8
                and min(inside(answer.x)) > -1e-8
            ):
                nearest_seen = min(nearest_seen, float(np.sqrt(answer.fun)))
    assert nearest_seen < np.inf and near.high <= nearest_seen * (1 + 1e-5)


@few
@given(cases())
def test_no_network_of_a_mixture_is_nearer_than_it_says(case: Any) -> None:
    """Mixtures come in the order of a length that no network within them is nearer than."""
    name, net, domain = case
    mixtures = list(itertools.islice(mixed_patterns(net, domain, branches_of(name)), 8))
    assert [least for least, _ in mixtures] == sorted(least for least, _ in mixtures)
    near = nearest(name, net, domain)
    for least, pattern in mixtures:
        if near is not None and holds(pattern, near.net):
            assert least <= near.high * (1 + 1e-12)
