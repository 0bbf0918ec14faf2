"""What each weight does: dead and free ones move no answer, derived values do what they say."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from flint import fmpq
from hypothesis import example, given
from hypothesis import strategies as st

from tests.accounts import (
    RATIONAL,
    SETUP,
    SMOOTH,
    TOLERANCE,
    account_of,
    document_of,
    error_of,
    label,
    networks,
    readout_of,
    replaced,
)
from tests.stored import answered, count, dotted, fraction, moved, q, views
from tests.strategies import handful
from verify.explain.value import SignalExplanation, document

F = Fraction


LINEAR = ([[0.5, 0.25, 0.25]], [0.5], [0.5], -3.25)


def _errors(net: Any, name: str) -> Sequence[Fraction]:
    w, b, a, c = net
    return [error_of(w, b, a, c, name, F(3, 2) + F(k, 8), 6) for k in range(29)]


@handful
@given(
    st.lists(st.integers(-40, 40), min_size=4, max_size=4), st.fractions(0, 1, max_denominator=8)
)
@example([-8, -8, -8, -8], F(1))
@example([0, 0, 0, 0], F(0))
def test_free_and_dead_weights_go_anywhere(other: Any, share: Fraction) -> None:
    """Beside a linear channel that is exact: what a second one's free and dead weights do is
    nothing.
    """
    *taps, bias = (k / 8 for k in other)
    net = ([[0.5, 0.25, 0.25], taps], [0.5, bias], [0.5, 1.0], -3.25)
    document = document_of(*net, SETUP)
    if not document["explained"]:
        return
    before = _errors(net, "relu")
    for one in document["weights"]:
        if one["role"] not in ("free", "dead") or one["interval"] is None:
            continue
        low, high = one["interval"]
        low = low if low is not None else min(one["value"], high if high is not None else 0) - 4
        high = high if high is not None else max(one["value"], low) + 8
        assert low <= one["value"] <= high
        moved = replaced(net, label(one), float(low + F(share) * F(high - low)))
        assert _errors(moved, "relu") == before, label(one)


@handful
@given(st.integers(-64, 64))
def test_the_derived_value_sets_the_slope_right(k: int) -> None:
    """Whatever a_0 was, and in a domain whose radii meet the border too."""
    w, b, _, c = LINEAR
    for more in ({}, {"r_max": "6.5"}, {"padding": "valid"}, {"r_min": "0.5"}):
        net = (w, b, [k / 64], c)
        one = readout_of(account_of(*net, {**SETUP, **more}))
        if one["role"] != "sets the slope":
            continue
        moved = document_of(*replaced(net, label(one), one["derived"]), {**SETUP, **more})
        assert abs(moved["residuals"]["slope"]) < 1e-12


OFF_HALF_INTEGERS = (
    ([[4.0, -1.0, -3.0]], [0.0], [1.0], None),
    {"activation": "hardtanh", "length": "13"},
)


AT_SMALL_RADII = (([[-1.0, 1.0, -1.0]], [0.0], [1.0], None), {**SETUP, "r_min": "0.5"})


NEARLY_DEAD = (([[0.5, 0.25, 0.25], [-1.0, -1.0, -1.0]], [0.5, 1e-9], [0.5, 1.0], -3.25), SETUP)


@handful
@given(networks((*RATIONAL, *SMOOTH)), st.sampled_from((TOLERANCE, F(1))), st.data())
@example(OFF_HALF_INTEGERS, TOLERANCE, None)
@example(AT_SMALL_RADII, TOLERANCE, None)
@example(NEARLY_DEAD, TOLERANCE, None)
def test_nothing_that_moves_an_answer_is_dead_or_free(
    case: Any, tolerance: Fraction, data: Any
) -> None:
    """And a dead or free weight may go anywhere in its interval: no answer changes, at radii on and
    off half-integers.

    Cause: a readout weight was asked for the two laws at plateau half-integers alone.  Siblings:
        taps and biases that
    were read off the pattern that the network is next to, not off the network; what is dead where
    no law holds.
    """
    net, told = case
    said = account_of(*net, told, tolerance)
    stored, domain = said.stored, said.setup.domain
    idle = {
        place: one
        for place, one in enumerate(document(said)["weights"])
        if one["role"] in ("dead", "free")
    }
    assert all(one["sensitivity"] == 0 and one["gradient"] == [0, 0] for one in idle.values())
    if told["activation"] in SMOOTH:
        return
    low, high = fraction(domain.low), fraction(domain.high)
    radii = [low, high, (2 * low + high) / 3, low + (high - low) * F(7, 11)]
    radii += [F(2 * m + 1, 2) for m in range(4) if low <= F(2 * m + 1, 2) <= high]
    before = [answered(stored, told["activation"], domain, r) for r in radii]
    for place, one in idle.items():
        start, end = one["interval"]
        assert (start is None or start <= one["value"]) and (end is None or one["value"] <= end)
        share = data.draw(st.fractions(0, 1, max_denominator=8)) if data is not None else F(1)
        first = F(start) if start is not None else F(one["value"]) - 1000
        last = F(end) if end is not None else F(one["value"]) + 1000
        by = [fmpq(0)] * count(stored)
        by[place] = q(first + share * (last - first) - F(one["value"]))
        after = [answered(moved(stored, by), told["activation"], domain, r) for r in radii]
        assert after == before, label(one)


KINKS = {
    "relu": (0,),
    "abs": (0,),
    "leaky_relu": (0,),
    "hardtanh": (-1, 1),
    "softshrink": (F(-1, 2), F(1, 2)),
}


CROSSED = (
    ([[-2.5, -4.0, -2.5, -4.0, 0.5]], [0.0], [4.0], None),
    {"activation": "softshrink", "length": "15"},
)


@handful
@given(networks(tuple(KINKS)), st.sampled_from((TOLERANCE, F(1))), st.data())
@example(CROSSED, TOLERANCE, None)
def test_within_its_interval_a_weight_meets_no_kink(
    case: Any, tolerance: Fraction, data: Any
) -> None:
    """No window that sees it passes a kink on its way through a cell; idle weights are tested
    above.

    Cause: the interval was that of the pattern with every crossing put right, told of a network
        that still crosses.
    """
    net, told = case
    said = account_of(*net, told, tolerance)
    for place, one in enumerate(document(said)["weights"]):
        if one["interval"] is None or one["role"] in ("dead", "free") or "conv" not in one["name"]:
            continue
        low, high = one["interval"]
        ends = [F(low) if low is not None else F(high or 0) - 9]
        ends.append(F(high) if high is not None else ends[0] + 18)
        share = data.draw(st.fractions(0, 1, max_denominator=8)) if data is not None else F(1, 2)
        by = [fmpq(0)] * count(said.stored)
        by[place] = q(ends[0] + share * (ends[1] - ends[0]) - F(one["value"]))
        entry = one["index"][2] if one["name"] == "conv.weight" else len(net[0][0])
        assert not _crosses(
            moved(said.stored, by), told["activation"], said, one["index"][0], entry
        )


def _crosses(stored: Any, name: str, said: SignalExplanation, k: int, entry: int) -> bool:
    """Some window that sees this entry of (w_k, b_k) passes a kink between two half-integers, by
    plain loops.
    """
    *w, b = map(fraction, stored.vector(k))
    domain, n = said.setup.domain, len(w)
    low, high = fraction(domain.low), fraction(domain.high)
    halves = (F(2 * m + 1, 2) for m in range(domain.half_length + 1))
    for p, r in pairwise([low, *(x for x in halves if low < x < high), high]):
        for x, y in zip(views(domain, n, p), views(domain, n, r), strict=True):
            first, last = dotted(w, x) + b, dotted(w, y) + b
            lit = entry == n or x[entry] or y[entry]
            if lit and any((first - kink) * (last - kink) < 0 for kink in KINKS[name]):
                return True
    return False


def test_what_a_weight_moves_that_no_law_knows_of() -> None:
    """Both move answers: the first between half-integers only, the second at small radii only."""
    for (net, told), radii in (
        (OFF_HALF_INTEGERS, (F(13, 8), F(7, 4), F(9, 4))),
        (AT_SMALL_RADII, (F(3, 4),)),
    ):
        said = account_of(*net, told)
        one = readout_of(said)
        assert one["role"] == "serves other radii" and one["sensitivity"] > 0
        answers = [answered(said.stored, told["activation"], said.setup.domain, r) for r in radii]
        assert all(answers)


def test_a_channel_that_is_dead_but_for_a_crossing() -> None:
    """Cause: dead weights were said to be those of channels that answer 0.  This one answers 1e-9
    wherever it is dark; with its bias at 0 it is silent, and its middle tap moves no answer either
    way.  Its readout weight moves both laws, by 1e-9.
    """
    net, told = NEARLY_DEAD
    w, b, *_ = net
    roles = {label(one): one for one in document_of(*net, told)["weights"]}
    assert roles["conv.weight 1,0,1"]["role"] == "dead"
    assert roles["readout.weight 0,1"]["role"] == "serves other radii"
    assert roles["readout.weight 0,1"]["sensitivity"] > 0
    for bias, silent in ((b[1], False), (0.0, True)):
        alone = [
            error_of(w[1:], [bias], [1.0], 0.0, "relu", F(k, 2), 6) + F(k, 2) for k in (5, 7, 9)
        ]
        assert (alone == [0, 0, 0]) is silent
        moved = [
            error_of([[-1, 0.5, -1]], [bias], [1.0], 0.0, "relu", F(k, 2), 6) + F(k, 2)
            for k in (5, 7, 9)
        ]
        assert moved == alone
