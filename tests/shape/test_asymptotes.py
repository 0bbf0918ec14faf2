"""The asymptotes theorem: exact networks obey it, symmetries leave it, and it reads off both ends
of the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import pytest
from flint import arb
from hypothesis import assume, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import activation
from tests.strategies import filters, rationals, widths
from theory.shape.asymptotes import CLAIM, ENDS, Channel, Ends, balance
from theory.shape.span import unrolled
from verify.report.lab import TINY, Lab, TrainingError
from verify.shape.claims.asymptotes import ODD_PART, PAIRS, SIGMA, check
from verify.shape.pairs import trained

F = Fraction
HALF = F(1, 2)
ANY = Ends(F(5, 3), F(-1, 4), F(2), F(1, 7))
"""No activation has these; the identities do not mind."""


@st.composite
def channels(draw: st.DrawFn, n: int) -> Channel:
    return draw(filters(n)), draw(rationals()), draw(rationals())


def negated(channel: Channel) -> Channel:
    w, b, a = channel
    return tuple(-tap for tap in w), -b, -a


def plus(*residuals: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    """The residuals of several networks together."""
    x, y, t = (sum(parts) for parts in zip(*residuals, strict=True))
    return x + len(residuals) - 1, y, t


@pytest.mark.parametrize("name", SIGMA)
def test_each_activation_is_known_on_a_ball_around_0(name: str) -> None:
    """Where rational taps add up to 0 in balls, the ball is not a point."""
    with flint.ctx.workprec(256):
        around, at = SIGMA[name](arb(0, arb(2) ** -250)), SIGMA[name](arb(0))
        assert around.is_finite() and around.contains(at) and around.rad() < arb(2) ** -240


@pytest.mark.parametrize("wrong", [lambda v: v * v.tanh(), lambda v: v * arb("nan")])
def test_a_sum_of_pairs_that_is_not_exact_judges_nothing(
    wrong: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SIGMA, ODD_PART[0], wrong)
    with pytest.raises(TrainingError, match="a sum of pairs of softplus errs by"):
        check(CLAIM.law, Lab(TINY))


# --- both ends of the continued sum, with σ that meet their asymptotes ------------------------


def continued(sigma: Callable[[Any], Any], net: Sequence[Channel], phi: Any) -> Any:
    """Σ_k a_k Σ_i [σ(z_i) - σ(b)] with the pixels of the first plateau cell continued to any real
    φ.
    """
    h = len(net[0][0]) // 2
    low, high = (oracle.overlap_pulse(h + HALF + end, 2 * h + 1) for end in (F(0), F(1)))
    x = [p + (q - p) * phi for p, q in zip(low, high, strict=True)]
    return sum((a * oracle.pooled(w, b, sigma, x) for w, b, a in net), F(0))


EXACT_ENDS = {
    "relu": Ends(1, 0, 0, 0),
    "leaky_relu": Ends(1, F(1, 100), 0, 0),
    "abs": Ends(1, -1, 0, 0),
    "hardtanh": Ends(0, 0, 1, -1),
}
"""They reach their asymptotes at finite z: no limit is needed, and everything is rational."""


@given(st.data(), widths(5), st.integers(1, 3), st.sampled_from(sorted(EXACT_ENDS)))
def test_law_is_what_both_ends_of_the_sum_say(
    data: st.DataObject, n: int, count: int, name: str
) -> None:
    net = [data.draw(channels(n)) for _ in range(count)]
    far, sigma = F(10**5), oracle.RATIONAL[name]
    right, left = (
        [continued(sigma, net, side * far + step) for step in (F(0), F(1))] for side in (1, -1)
    )
    up, down = right[1] - right[0], left[1] - left[0]
    gap = (right[0] - far * up) - (left[0] + far * down)
    assert balance(net, EXACT_ENDS[name]) == ((up + down) / 2 - 1, (up - down) / 2, gap)


# --- exact networks ---------------------------------------------------------------------------


@given(st.data(), widths(7), st.sampled_from(ODD_PART))
def test_pairs_obey_the_law(data: st.DataObject, n: int, name: str) -> None:
    net = [data.draw(channels(n)) for _ in range(data.draw(st.integers(1, 3)))]
    slope = 2 * sum((a * sum(w) for w, _, a in net), F(0))
    assume(slope != 0)
    scaled = [(w, b, a / slope) for w, b, a in net]
    assert balance([*scaled, *map(negated, scaled)], ENDS[name]) == (0, 0, 0)


@given(st.data(), st.sampled_from(ODD_PART))
def test_a_zero_tap_may_move(data: st.DataObject, name: str) -> None:
    """(x, 0, y) beside (-x, -y, 0), which is no negative of it: the copies cancel all the same."""
    x, y, b = (data.draw(rationals()) for _ in range(3))
    assume(x + y != 0)
    a = 1 / (2 * (x + y))
    net: list[Channel] = [((x, F(0), y), b, a), ((-x, -y, F(0)), -b, -a)]
    assert balance(net, ENDS[name]) == (0, 0, 0)
    with flint.ctx.workprec(200):
        balls = [(tuple(map(_ball, w)), _ball(b), _ball(a)) for w, b, a in net]
        sigma = SIGMA[name]

        def at(phi: Fraction) -> arb:
            x = [_ball(v) for v in oracle.overlap_pulse(F(3, 2) + phi, 4)]
            return sum((a * oracle.pooled(w, b, sigma, x) for w, b, a in balls), arb(0))

        error = at(F(2, 7)) - at(F(0)) - _ball(F(2, 7))
        assert error.contains(0) and error.rad() < 1e-40


def _ball(value: Fraction) -> arb:
    return arb(value.numerator) / value.denominator


# --- symmetries -------------------------------------------------------------------------------


@given(st.data(), widths(7))
def test_symmetries_leave_the_law(data: st.DataObject, n: int) -> None:
    net = [data.draw(channels(n)) for _ in range(3)]
    found = balance(net, ANY)
    assert balance(net[::-1], ANY) == found
    assert balance([(w[::-1], b, a) for w, b, a in net], ANY) == found
    (w, b, a), *rest = net
    assert balance([(w, b, a / 3), (w, b, 2 * a / 3), *rest], ANY) == found
    assert balance([*net, (w, b, F(0))], ANY) == found
    assert plus(*(balance([channel], ANY) for channel in net)) == found


@given(st.data(), widths(7))
def test_unrolling_leaves_the_law(data: st.DataObject, n: int) -> None:
    net = [data.draw(channels(n)) for _ in range(2)]
    single: list[Channel] = [((w,), b, a) for each in net for w, b, a in unrolled(*each)]
    assert balance(single, ANY) == balance(net, ANY)


@given(st.data(), widths(7), rationals().filter(bool))
def test_scaling_an_activation(data: st.DataObject, n: int, s: Fraction) -> None:
    """σ -> sσ with a -> a/s is the same network."""
    net = [data.draw(channels(n)) for _ in range(2)]
    scaled = Ends(s * ANY.right, s * ANY.left, s * ANY.above, s * ANY.below)
    assert balance([(w, b, a / s) for w, b, a in net], scaled) == balance(net, ANY)


# --- corollaries ------------------------------------------------------------------------------


@given(st.data(), widths(7), rationals(), st.integers(1, 4))
def test_opposite_slopes_allow_nothing(
    data: st.DataObject, n: int, s: Fraction, count: int
) -> None:
    net = [data.draw(channels(n)) for _ in range(count)]
    assert balance(net, Ends(s, -s, F(0), F(0)))[0] == -1


@pytest.mark.parametrize("name", ["tanh", "arctan", "erf", "sin"])
def test_over_an_interval_the_infimum_is_only_approached(name: str) -> None:
    """Cause: "the infimum of the loss is not attained" was said of every loss; on the fractions 0
    and 1/2 it is.

    One tap w, b = -w/2 of an odd σ: D = 0 at φ = 0, 1/2, 1, never between, and ever smaller as w ->
    0.
    """
    sigma = activation(name)[0]
    phi = np.linspace(0, 1, 9)
    worst = []
    for w in (1.0, 0.5, 0.25):
        rise = sigma(w * (phi - 0.5))
        error = (rise - rise[0]) / (rise[-1] - rise[0]) - phi
        assert np.all(np.abs(error[[0, 4, 8]]) < 1e-14)
        assert np.all(np.abs(error[[1, 2, 3, 5, 6, 7]]) > 1e-5)
        worst.append(float(np.max(np.abs(error))))
    assert worst[1] < worst[0] / 3 and worst[2] < worst[1] / 3


@given(st.data(), widths(7), st.sampled_from(ODD_PART))
def test_one_channel_never_obeys(data: st.DataObject, n: int, name: str) -> None:
    x, y, _ = balance([data.draw(channels(n))], ENDS[name])
    assert abs(x + 1) <= abs(y)  # so both cannot vanish
    assert (x, y) != (0, 0)


@pytest.mark.parametrize("name", sorted(ENDS))
def test_limits_are_seen_in_numbers(name: str) -> None:
    """At z = ±2^20: what is left is the tail of arctan, 1/z, or rounding."""
    sigma, ends = activation(name)[0], ENDS[name]
    size = 2.0**20
    for z, s, d in ((size, ends.right, ends.above), (-size, ends.left, ends.below)):
        with np.errstate(over="ignore"):
            value = float(sigma(z))
        assert abs(value - float(s) * z - float(d)) <= 2 / size


# --- training ---------------------------------------------------------------------------------


def test_trained_networks_are_accounted_for() -> None:
    batch = trained(PAIRS[0], TINY.networks, 0)
    assert batch.rounded.shape == batch.exact.shape == (TINY.networks,)
    assert np.all(batch.rounded[batch.exact]) and np.all(batch.loss >= 0)
    assert np.all(batch.loss[~batch.rounded] > 0)
