"""A network explained: verdict, cell, roles, loss, residuals and distance are what theory and plain simulation say they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from flint import fmpq
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.certificates.reduction import reduced
from numerics.pulse.exact_error import summary
from tests.stored import answered, count, dotted, fraction, moved, q, stored, views
from tests.strategies import Exact, balanced_exact, linear_exact, threshold_exact
from theory.expressions.activation import ACTIVATIONS
from verify.explain.account import Account, account, too_much
from verify.models.checkpoint import Checkpoint
from verify.models.setup import setup_of

F = Fraction
TOLERANCE = F(1, 1000)
TOLD = {"activation": "relu", "length": "13"}
few = settings(max_examples=10)
exacts = st.one_of(linear_exact(), threshold_exact(), balanced_exact().map(lambda pair: pair[0]))


def found(w: Any, b: Any, a: Any, c: Any, told: Any, tolerance: Fraction = TOLERANCE) -> Account:
    """The account of a network; b and c may be None."""

    def array(values: Any) -> Any:
        return None if values is None else np.array(values, dtype=float)

    kept = Checkpoint(np.array(w, dtype=float), np.array(a, dtype=float), array(b), array(None if c is None else [c]), {})  # fmt: skip
    return account(kept, setup_of(told, kept.w.shape[1]), tolerance)


def derived(exact: Exact) -> Account:
    """That of a derived network: exact but for the rounding of its weights to float64."""
    net = exact.net
    assume(max(abs(x) for each in net for x in (each.a, each.b, *each.w)) < 1000)
    told = {**TOLD, "activation": exact.name, "length": str(2 * exact.half_length + 1)}
    return found([x.w for x in net], [x.b for x in net], [x.a for x in net], exact.bias(), told)


def error(w: Any, b: Any, a: Any, c: Any, name: str, r: Fraction, half: int) -> Fraction:
    """r̂ - r by plain loops on Fractions, with zeros outside and sum pooling."""
    sigma, x = oracle.RATIONAL[name], oracle.overlap_pulse(r, half)
    each = (F(y) * sum(sigma(z) for z in oracle.preactivations([F(t) for t in row], F(s), x)) for row, s, y in zip(w, b, a, strict=True))  # fmt: skip
    return F(c) + sum(each, F(0)) - r


def at(one: dict[str, Any]) -> str:
    """conv.weight 0,0,2"""
    return f"{one['name']} {','.join(map(str, one['index']))}"


# --- verdict and cell -------------------------------------------------------------------------


@few
@given(exacts)
def test_derived_networks_are_explained(exact: Exact) -> None:
    document = derived(exact).document
    assert document["explained"] is True and document["failing"] == []
    assert document["worst_error"]["about"] < 1e-9
    assert document["nearest"]["distance"][1] < 1e-9
    low, high = document["nearest"]["distance"]
    assert low <= high and document["nearest"]["anywhere"] <= high
    assert document["cell"] in ("linear", "threshold", "balanced", "copied")
    for one in document["weights"]:
        if one["residual"] is not None:
            assert abs(one["residual"]) < 1e-6
    shares = document["loss"]["exact_parts"].values()
    assert sum(map(F, shares)) == F(document["loss"]["exact"])


LINEAR = ([[0.5, 0.25, 0.25]], [0.5], [0.5], -3.25)
CASES: dict[str, tuple[Any, dict[str, str], str]] = {
    "linear": (LINEAR, {}, "linear"),
    "linear, no bias": (([[0.5, 0.25, 0.25]], None, [0.5], None), {}, "linear"),
    "mean": (([[0.5, 0.25, 0.25]], None, [6.5], None), {"pooling": "mean"}, "linear"),
    "threshold": (([[-1.0, 1.0, 1.0]], [0.0], [0.5], -0.5), {}, "threshold"),
    "one channel silent": (([[1.0], [5.0]], [0.0, 1.0], [0.5, 0.0], None), {}, "linear"),
    "softplus": (([[1.0, 0.5, 0.25], [-1.0, -0.5, -0.25]], [0.5, -0.5], [2 / 7, -2 / 7], -13 / 7), {"activation": "softplus"}, "paired"),
    "gelu": (([[1.0, 0.5, 0.5], [-0.5, -0.5, -1.0]], None, [0.25, -0.25], None), {"activation": "gelu"}, "paired"),
    "square": (([[1.0], [1.0]], [1.0, -1.0], [0.125, -0.125], 0.0), {"activation": "square"}, "polynomial"),
    "cube": (([[1.0]] * 3, [1.0, -1.0, 0.0], [1 / 12, 1 / 12, -1 / 6], 0.0), {"activation": "cube"}, "polynomial"),
    "one square": (([[1.0]], [1.0], [0.25], 0.0), {"activation": "square"}, "curved"),
    "dead": (([[-1.0, -1.0, -1.0]], [-1.0], [1.0], 2.0), {}, "dead"),
    "the same at all radii": (([[1.0, 0.0, -1.0]], [2.0], [1.0], 0.0), {}, "dead"),
    "blind": (([[1.0, 0.0, -1.0]], [-0.5], [1.0], 0.0), {}, "blind"),
    "crossed": (([[1.0, 1.0, 1.0]], [-0.5], [0.2], 0.0), {}, "crossed"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_cells_by_name(name: str) -> None:
    net, more, cell = CASES[name]
    document = found(*net, {**TOLD, **more}).document
    assert document["explained"] is (
        name not in ("dead", "the same at all radii", "blind", "crossed", "one square")
    )
    assert document["cell"] == cell


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "arctan"])
def test_never_explained_where_no_network_is_exact(name: str) -> None:
    """Not even with a tolerance that the error meets."""
    told = {**TOLD, "activation": name, "r_min": "2.5", "r_max": "2.625"}
    document = found([[0.25]], [0.1], [0.5], 2.0, told, F(100)).document
    assert document["network"]["class"] == "impossible" and document["worst_error"]["about"] < 100
    assert document["explained"] is False and document["nearest"]["exists"] is False


def test_the_tolerance_decides() -> None:
    """c off by t: it errs by t at every radius; both the error and the distance have to be within the tolerance."""
    w, b, a, c = LINEAR
    for shift, tolerance, explained in ((0.25, F(1, 4), True), (0.25, F(249, 1000), False)):
        document = found(w, b, a, c + shift, TOLD, tolerance).document
        assert (document["explained"], F(document["worst_error"]["value"])) == (explained, F(shift))
        assert document["failing"] == ([] if explained else ["offset"])


@st.composite
def relu_like(draw: st.DrawFn) -> tuple[Any, str]:
    """Any small network on multiples of 1/8."""
    number = st.integers(-16, 16).map(lambda k: k / 8)
    channels = draw(st.integers(1, 2))
    each = st.lists(number, min_size=channels, max_size=channels)
    w = draw(st.lists(st.lists(number, min_size=3, max_size=3), min_size=channels, max_size=channels))  # fmt: skip
    name = draw(st.sampled_from(("relu", "abs", "leaky_relu", "hardtanh", "identity")))
    return (w, draw(each), draw(each), draw(number)), name


@few
@given(relu_like())
@example((([[0.0, 0.0, 0.0]], [0.0], [0.0], 0.0), "relu"))
@example((LINEAR, "abs"))
def test_numbers_are_those_of_a_simulation(case: Any) -> None:
    """On the plateau of 13 pixels, r = 2.5, 3.5, 4.5 are cell ends, where D is 0: the error is α r + β."""
    net, name = case
    told = {**TOLD, "activation": name}
    said = found(*net, told)
    document = said.document
    values = [error(*net, name, F(k, 2), 6) for k in (5, 7, 9)]
    slope = values[1] - values[0]
    assert values[2] - values[1] == slope
    assert abs(document["residuals"]["slope"] - float(slope)) < 1e-12
    assert abs(document["residuals"]["offset"] - float(values[0] - slope * F(5, 2))) < 1e-12
    inside = [error(*net, name, F(5, 2) + F(k, 16), 6) - values[0] - slope * F(k, 16) for k in range(16)]  # fmt: skip
    assert max(map(abs, inside)) <= F(document["residuals"]["subpixel"]) + F(1, 10**12)
    worst = document["worst_error"]
    assert all(abs(error(*net, name, F(3, 2) + F(k, 8), 6)) <= F(worst["value"]) for k in range(29))
    assert abs(error(*net, name, F(worst["radius"]), 6)) == F(worst["value"])
    loss = document["loss"]
    assert said.net is not None
    mean = summary(said.net, said.setup.domain).mean_square
    assert sum(map(F, loss["exact_parts"].values())) == F(loss["exact"]) == F(int(mean.p), int(mean.q))  # fmt: skip


@pytest.mark.parametrize("name", ["relu", "hardshrink", "cube", "elu"])
@pytest.mark.parametrize("size", [1e-100, 1e30])
def test_weights_of_these_sizes_have_an_account(name: str, size: float) -> None:
    """Where nothing grows exponentially; the next float beyond either end is refused."""
    setup = setup_of({**TOLD, "activation": name}, 3)
    for w, b in ((size, -size), (-size, size), (1.0, -size)):
        kept = Checkpoint(np.array([[w, 0.5, w]]), np.array([size]), np.array([b]), None, {})
        assert not too_much(kept, setup)
        document = account(kept, setup, TOLERANCE).document
        assert document["worst_error"]["about"] >= 0 and len(document["weights"]) == 5
    beyond = np.nextafter(size, 0 if size < 1 else np.inf)
    kept = Checkpoint(np.array([[beyond, 0.5, 1.0]]), np.ones(1), None, None, {})
    assert "a weight of size" in too_much(kept, setup)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_only_waves_and_what_grows_have_a_limit_of_their_own(name: str) -> None:
    """|w| + |b| up to 300 for sin; exp on its side where it grows; for all others 1e30."""
    setup = setup_of({**TOLD, "activation": name}, 1)
    for side in (1, -1):
        for reach, refused in ((300.0, False), (300.5, True), (1e30, True)):
            kept = Checkpoint(np.array([[side * reach / 2]]), np.ones(1), np.array([side * reach / 2]), None, {})  # fmt: skip
            limited = name == "sin" or (name == "exp" and side > 0)
            assert bool(too_much(kept, setup)) is (refused and limited), (side, reach)
    both = Checkpoint(np.array([[299.0]]), np.array([np.exp(2.0)]), None, None, {})
    assert bool(too_much(both, setup)) is (name == "exp")


def test_a_smooth_response_is_known_to_be_constant_only_where_it_is_0() -> None:
    """Idle: taps, bias and σ(0) all 0, or an odd filter under an odd σ without a bias; of all else nothing is known."""
    odd, even = ([0.5, 0.0, -0.5], [0.5, 0.0, 0.5])
    for name, w, b, idle in (
        ("tanh", [0.0] * 3, 0.0, True), ("silu", [0.0] * 3, 0.0, True), ("sigmoid", [0.0] * 3, 0.0, False),
        ("tanh", [0.0] * 3, 0.5, False), ("tanh", odd, 0.0, True), ("tanh", odd, 0.5, False),
        ("tanh", even, 0.0, False), ("silu", odd, 0.0, False), ("erf", odd, 0.0, True),
    ):  # fmt: skip
        net = stored([w, [1, 2, 3]], [b, 0], [1, 1], 0)
        domain = setup_of({**TOLD, "activation": name}, 3).domain
        assert (reduced(net, name, domain).place[0] is None) is idle, (name, w, b)


def _readout(said: Account) -> Any:
    return next(one for one in said.document["weights"] if at(one) == "readout.weight 0,0")


@few
@given(linear_exact(), st.integers(1, 64))
def test_a_change_of_the_readout_costs_its_sensitivity(exact: Exact, k: int) -> None:
    """J(a_k + t) = J + t gradient + t² sensitivity, nothing else: the loss is a square in the readout."""
    before = derived(exact)
    net = before.net
    assert net is not None
    t = k / 64
    a, c = [float(F(int(x.p), int(x.q))) for x in net.a], float(F(int(net.c.p), int(net.c.q)))
    w, b = ([[float(F(int(x.p), int(x.q))) for x in row] for row in rows] for rows in (net.w, [net.b]))  # fmt: skip
    after = found(w, b[0], [a[0] + t, *a[1:]], c, before.setup.as_dict())
    change = F(after.document["loss"]["exact"]) - F(before.document["loss"]["exact"])
    one = _readout(before)
    step = F(a[0] + t) - F(a[0])
    expected = step * F(one["gradient"][0]) + step**2 * F(one["sensitivity"])
    assert abs(change - expected) <= F(1, 10**12) * (abs(change) + 1)


def put(net: Any, place: str, value: float) -> Any:
    """The network with one weight replaced."""
    w, b, a, c = [[list(row) for row in net[0]], *(x if x is None or isinstance(x, float) else list(x) for x in net[1:])]  # fmt: skip
    name, index = place.split()
    at = [int(x) for x in index.split(",")]
    if name == "conv.weight":
        w[at[0]][at[2]] = value
    elif name == "readout.bias":
        c = value
    else:
        (b if name == "conv.bias" else a)[at[-1]] = value
    return w, b, a, c


def _errors(net: Any, name: str) -> Sequence[Fraction]:
    w, b, a, c = net
    return [error(w, b, a, c, name, F(3, 2) + F(k, 8), 6) for k in range(29)]


@few
@given(st.lists(st.integers(-40, 40), min_size=4, max_size=4), st.fractions(0, 1, max_denominator=8))  # fmt: skip
@example([-8, -8, -8, -8], F(1))
@example([0, 0, 0, 0], F(0))
def test_free_and_dead_weights_go_anywhere(other: Any, share: Fraction) -> None:
    """Beside a linear channel that is exact: what a second one's free and dead weights do is nothing."""
    *taps, bias = (k / 8 for k in other)
    net = ([[0.5, 0.25, 0.25], taps], [0.5, bias], [0.5, 1.0], -3.25)
    document = found(*net, TOLD).document
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
        moved = put(net, at(one), float(low + F(share) * F(high - low)))
        assert _errors(moved, "relu") == before, at(one)


@few
@given(st.integers(-64, 64))
def test_the_derived_value_sets_the_slope_right(k: int) -> None:
    """Whatever a_0 was, and in a domain whose radii meet the border too."""
    w, b, _, c = LINEAR
    for more in ({}, {"r_max": "6.5"}, {"padding": "valid"}, {"r_min": "0.5"}):
        net = (w, b, [k / 64], c)
        one = _readout(found(*net, {**TOLD, **more}))
        if one["role"] != "sets the slope":
            continue
        moved = found(*put(net, at(one), one["derived"]), {**TOLD, **more}).document
        assert abs(moved["residuals"]["slope"]) < 1e-12


# --- nothing that matters is dead ---------------------------------------------------------------

RATIONAL = ("relu", "abs", "leaky_relu", "hardtanh", "softshrink", "square", "hardswish", "hardshrink", "threshold")  # fmt: skip
SMOOTH = ("softplus", "silu", "tanh", "elu")


@st.composite
def networks(draw: st.DrawFn, names: Sequence[str] = RATIONAL) -> tuple[Any, dict[str, str]]:
    """Networks of every cell: sums of 0, mirror images, silent and saturated channels, exact ones with others beside them; any
    radii from 1/2 on."""
    name, n = draw(st.sampled_from(names)), draw(st.sampled_from((1, 3, 3, 5)))
    number = st.integers(-8, 8).map(lambda k: k / 4)
    rows, b, a = [], [], []
    c = draw(st.none() | number)
    if draw(st.booleans()):  # linear wherever it is positive, exact if nothing else is there
        row = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n).filter(any))
        size = 2.0 ** -draw(st.integers(2, 6))
        rows, b, a = [[size * x for x in row]], [0.0], [1 / (2 * size * sum(row))]
    for _ in range(draw(st.integers(not rows, 2))):
        row = draw(st.lists(number, min_size=n, max_size=n))
        if draw(st.booleans()):
            row[-1] = -sum(row[:-1])
        rows.append(row)
        b.append(draw(st.sampled_from((0.0, 0.0, -20.0, 20.0)) | number))
        a.append(draw(st.just(0.0) | number))
    told = {
        "activation": name,
        "length": str(2 * n + 5),
        "padding": draw(st.sampled_from(("zeros", "zeros", "circular", "valid"))),
        "pooling": draw(st.sampled_from(("sum", "mean"))),
    }
    ends = draw(st.lists(st.integers(2, 2 * n + 5), min_size=2, max_size=2, unique=True))
    if draw(st.booleans()):
        told |= {key: str(F(k, 4)) for key, k in zip(("r_min", "r_max"), sorted(ends), strict=True)}
    return (rows, draw(st.sampled_from((None, b))), a, c), told


OFF_HALF_INTEGERS = (([[4.0, -1.0, -3.0]], [0.0], [1.0], None), {"activation": "hardtanh", "length": "13"})  # fmt: skip
AT_SMALL_RADII = (([[-1.0, 1.0, -1.0]], [0.0], [1.0], None), {**TOLD, "r_min": "0.5"})
NEARLY_DEAD = (([[0.5, 0.25, 0.25], [-1.0, -1.0, -1.0]], [0.5, 1e-9], [0.5, 1.0], -3.25), TOLD)


@settings(max_examples=25)
@given(networks((*RATIONAL, *SMOOTH)), st.sampled_from((TOLERANCE, F(1))), st.data())
@example(OFF_HALF_INTEGERS, TOLERANCE, None)
@example(AT_SMALL_RADII, TOLERANCE, None)
@example(NEARLY_DEAD, TOLERANCE, None)
def test_nothing_that_moves_an_answer_is_dead_or_free(case: Any, tolerance: Fraction, data: Any) -> None:  # fmt: skip
    """And a dead or free weight may go anywhere in its interval: no answer changes, at radii on and off half-integers.

    Cause: a readout weight was asked for the two laws at plateau half-integers alone.  Siblings: taps and biases that
    were read off the pattern that the network is next to, not off the network; what is dead where no law holds.
    """
    net, told = case
    said = found(*net, told, tolerance)
    stored, domain = said.stored, said.setup.domain
    idle = {
        place: one
        for place, one in enumerate(said.document["weights"])
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
        assert after == before, at(one)


KINKS = {"relu": (0,), "abs": (0,), "leaky_relu": (0,), "hardtanh": (-1, 1), "softshrink": (F(-1, 2), F(1, 2))}  # fmt: skip
CROSSED = (([[-2.5, -4.0, -2.5, -4.0, 0.5]], [0.0], [4.0], None), {"activation": "softshrink", "length": "15"})  # fmt: skip


@settings(max_examples=25)
@given(networks(tuple(KINKS)), st.sampled_from((TOLERANCE, F(1))), st.data())
@example(CROSSED, TOLERANCE, None)
def test_within_its_interval_a_weight_meets_no_kink(case: Any, tolerance: Fraction, data: Any) -> None:  # fmt: skip
    """No window that sees it passes a kink on its way through a cell; idle weights are tested above.

    Cause: the interval was that of the pattern with every crossing put right, told of a network that still crosses.
    """
    net, told = case
    said = found(*net, told, tolerance)
    for place, one in enumerate(said.document["weights"]):
        if one["interval"] is None or one["role"] in ("dead", "free") or "conv" not in one["name"]:
            continue
        low, high = one["interval"]
        ends = [F(low) if low is not None else F(high or 0) - 9]
        ends.append(F(high) if high is not None else ends[0] + 18)
        share = data.draw(st.fractions(0, 1, max_denominator=8)) if data is not None else F(1, 2)
        by = [fmpq(0)] * count(said.stored)
        by[place] = q(ends[0] + share * (ends[1] - ends[0]) - F(one["value"]))
        entry = one["index"][2] if one["name"] == "conv.weight" else len(net[0][0])
        assert not _crosses(moved(said.stored, by), told["activation"], said, one["index"][0], entry)  # fmt: skip


def _crosses(stored: Any, name: str, said: Account, k: int, entry: int) -> bool:
    """Some window that sees this entry of (w_k, b_k) passes a kink between two half-integers, by plain loops."""
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
    for (net, told), radii in ((OFF_HALF_INTEGERS, (F(13, 8), F(7, 4), F(9, 4))), (AT_SMALL_RADII, (F(3, 4),))):  # fmt: skip
        said = found(*net, told)
        one = _readout(said)
        assert one["role"] == "serves other radii" and one["sensitivity"] > 0
        answers = [answered(said.stored, told["activation"], said.setup.domain, r) for r in radii]
        assert all(answers)


def test_a_channel_that_is_dead_but_for_a_crossing() -> None:
    """Cause: dead weights were said to be those of channels that answer 0.  This one answers 1e-9 wherever it is dark; with its
    bias at 0 it is silent, and its middle tap moves no answer either way.  Its readout weight moves both laws, by 1e-9."""
    net, told = NEARLY_DEAD
    w, b, *_ = net
    roles = {at(one): one for one in found(*net, told).document["weights"]}
    assert roles["conv.weight 1,0,1"]["role"] == "dead"
    assert roles["readout.weight 0,1"]["role"] == "serves other radii"
    assert roles["readout.weight 0,1"]["sensitivity"] > 0
    for bias, silent in ((b[1], False), (0.0, True)):
        alone = [error(w[1:], [bias], [1.0], 0.0, "relu", F(k, 2), 6) + F(k, 2) for k in (5, 7, 9)]
        assert (alone == [0, 0, 0]) is silent
        moved = [error([[-1, 0.5, -1]], [bias], [1.0], 0.0, "relu", F(k, 2), 6) + F(k, 2) for k in (5, 7, 9)]  # fmt: skip
        assert moved == alone


# --- one verdict for all that answer the same ---------------------------------------------------

DEGREE = {"relu": 1, "abs": 1, "leaky_relu": 1, "square": 2}


@st.composite
def twins(draw: st.DrawFn, net: Any, told: dict[str, str]) -> Any:
    """A network with the same answers: any symmetries, channels in any order, split, added that idle or cancel."""
    name, (w, b, a, c) = told["activation"], net
    n, bias = len(w[0]), b is not None
    degree, parity = DEGREE.get(name, 0), ACTIVATIONS[name].parity
    rows = [(list(row), y, x) for row, y, x in zip(w, b if bias else [0.0] * len(a), a, strict=True)]  # fmt: skip
    number = st.integers(-8, 8).map(lambda k: k / 4)
    for _ in range(draw(st.integers(1, 5))):
        k = draw(st.integers(0, len(rows) - 1))
        row, y, x = rows[k]
        kind = draw(st.sampled_from(("turn", "scale", "sign", "split", "silent", "cancel", "idle")))
        more = draw(st.lists(number, min_size=n, max_size=n))
        if kind == "turn":
            rows[k] = row[::-1], y, x
        elif kind == "scale" and degree:
            t = 2.0 ** draw(st.integers(-10, 10))
            rows[k] = [t * tap for tap in row], t * y, x / t**degree
        elif kind == "sign" and parity:
            rows[k] = [-tap for tap in row], -y, -x if parity == "odd" else x
        elif kind == "split":
            rows[k] = row, y, x / 4
            rows.append((row[::-1], y, x * 3 / 4))
        elif kind == "silent":
            rows.append((more, draw(st.sampled_from((-200.0, 1.0))) if bias else 0.0, 0.0))
        elif kind == "cancel":
            rows += [(more, y, 2.0), (more[::-1], y, -2.0)]
        elif name == "relu" and bias:
            rows.append((draw(st.sampled_from(([0.0] * n, [-1.0] * n))), -200.0, 3.0))
        elif name == "hardtanh" and bias and c is not None and told["pooling"] == "mean":
            rows.append(([0.25] * n, 20.0, 0.5))
            c -= 0.5
    w, b, a = map(list, zip(*draw(st.permutations(rows)), strict=True))
    return w, b if bias else None, a, c


def _of_the_answers(document: dict[str, Any]) -> dict[str, Any]:
    """All that names no stored weight and no rounding of one."""
    keys = ("explained", "verdict", "failing", "cell", "residuals", "loss", "canonical")
    worst, near = document["worst_error"], document["nearest"]
    return {
        **{key: document[key] for key in keys},
        "class": document["network"]["class"],
        "worst": {key: worst[key] for key in ("value", "about", "radius", "attained")},
        "near": {key: value for key, value in near.items() if key != "weights"},
    }


def _rounded(net: Any) -> Any:
    """On a grid on which every step of :func:`twins` is exact."""
    w, b, a, c = net
    return w, b, [round(x * 2**24) / 2**24 for x in a], c


@settings(max_examples=25)
@given(networks((*RATIONAL, *SMOOTH)), st.sampled_from((TOLERANCE, F(1))), st.data())
def test_networks_that_answer_the_same_have_one_account(case: Any, tolerance: Fraction, data: Any) -> None:  # fmt: skip
    """Bit for bit, but for what names a weight.

    Cause: the distance was measured in stored weights, against their length, and both change under (w, b, a) ->
    (tw, tb, a/t).  Siblings: idle and split channels, channels that are constant or cancel, t² and t³ for square and cube, mean
    and sum pooling, and weights that scale though σ is not homogeneous (inside the linear piece of hardtanh).
    """
    net, told = _rounded(case[0]), case[1]
    other = data.draw(twins(net, told))
    one, two = (found(*each, told, tolerance).document for each in (net, other))
    assert _of_the_answers(one) == _of_the_answers(two)


NARROW = {**TOLD, "r_min": "0.5", "r_max": "0.6", "length": "9"}
"""Radii at which a slope that is wrong by 0.015 goes unnoticed: accurate, and not next to an exact network."""


@pytest.mark.parametrize("t", [1.0, 1 / 1024, 1024.0])
@pytest.mark.parametrize("name", ["relu", "hardtanh", "elu", "leaky_relu"])
@pytest.mark.parametrize("pooling", ["sum", "mean"])
def test_an_interpolating_network_is_never_explained(t: float, name: str, pooling: str) -> None:
    """Whatever the units, and whatever idles beside it; t > 1 leaves the linear piece of hardtanh."""
    if t > 1 and name == "hardtanh":
        return
    told = {**NARROW, "activation": name, "pooling": pooling}
    size = 9 if pooling == "mean" else 1
    w, b, a, c = [[t]], [0.0], [size * 0.5075 / t], -0.00825
    for more in ([], [([0.0], -200.0, 0.0)], [([1e4 * t], 7.0, 1.0), ([1e4 * t], 7.0, -1.0)]):
        rows, biases, weights = ([*x, *y] for x, y in zip((w, b, a), zip(*more, strict=True) if more else ([], [], []), strict=True))  # fmt: skip
        document = found(rows, biases, weights, c, told).document
        assert document["worst_error"]["about"] < 0.001 and document["explained"] is False
        assert document["failing"] == ["distance"]
        assert document["nearest"]["relative"] > 0.005


# --- jumps --------------------------------------------------------------------------------------


def test_a_jump_by_hand() -> None:
    """Every lit pixel answers 1/2, but the two at the edge nothing until 0.9 φ > 1/2: D = -φ for φ <= s = 5/9, then 0."""
    told = {"activation": "hardshrink", "length": "9", "r_max": "4.5"}
    document = found([[0.9]], [0.0], [0.5 / 0.9], 0.0, told).document
    s = 5 / 9
    assert document["loss"]["value"] == pytest.approx(s**3 / 3, rel=1e-12)
    assert document["residuals"]["subpixel"] == pytest.approx(s, rel=1e-12)
    assert document["worst_error"]["about"] == pytest.approx(s, rel=1e-12)
    tap, bias = document["weights"][:2]
    # With w the answer beyond φ* = 1/(2w) is a w φ on both sides, and φ* moves by -φ*/w.
    a, w = 0.5 / 0.9, 0.9
    jump = (2 * a * w * s - s) ** 2 - s**2
    assert tap["sensitivity"] is None and bias["sensitivity"] is None
    assert jump < 0 and tap["gradient"][0] == tap["gradient"][1]


# Cause: only structure was asked for (patterns, copies, Newton steps that need a break-free way), never the network itself.
# Siblings: jumps, crossings of kinks and curvatures that cancel; each also one rounding away from exact.
UNPATTERNED: dict[str, tuple[Any, dict[str, str], str]] = {
    "jumps on top of each other": (([[0.25], [0.5]], [0.5, 0.5], [-2.0, 2.0], 0.0), {"activation": "hardshrink", "r_min": "3/2"}, "balanced"),
    "a window on a jump": (([[-0.25, 0, 0], [-0.25, 0, 0], [0, -0.25, -0.25]], [-0.5, 0.0, -0.5], [2.0, 2.0, -2.0], -1.0), {"activation": "hardshrink", "r_min": "1", "length": "11"}, "balanced"),
    "crossings": (([[0, 0.25, 0.25, -0.25, 0.5, -0.25, 0.25], [0, 0.25, 0.5, 0.5, -0.25, 0, 0.25]], [-1.0, -0.5], [0.8, 0.8], 3.9), {"activation": "softshrink", "length": "17", "padding": "valid", "r_min": "3/2", "r_max": "17/4"}, "balanced"),
    "a kink at the end of a curve": (([[-1, 1, 0], [1, 1, 1]], [2.0, 2.0], [-0.825, 1.65], -1.45), {"activation": "hardswish", "padding": "valid", "pooling": "mean", "r_min": "1"}, "polynomial"),
    "squares, exact as they are": (([[2, -1, -1], [2, 2, -2]], [-5.0, -2.0], [0.25, -0.125], -98.25), {"activation": "square", "length": "17", "r_min": "1"}, "polynomial"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNPATTERNED)
def test_an_exact_network_is_next_to_itself(name: str) -> None:
    weights, told, cell = UNPATTERNED[name]
    document = found(*weights, {**TOLD, **told}).document
    assert document["explained"] is True and document["cell"] == cell
    near = document["nearest"]
    assert near["exists"] is True and near["distance"][1] < 1e-15
    if document["worst_error"]["value"] == "0":
        assert near["distance"] == [0.0, 0.0]
    assert all(abs(one["residual"] or 0) < 1e-12 for one in document["weights"])


def test_an_error_at_single_radii_fails_by_name() -> None:
    """Cause: where no term of the loss was to blame nothing failed, and the sentence said "explained".  A dark window rests on
    a jump: it passes it just where r̂ is wrong."""
    net = ([[0.25, -0.25, 0.5]], [0.75], [1.0], -8.25)
    told = {"activation": "hardshrink", "length": "11", "padding": "circular", "r_min": "1/2"}
    document = found(*net, told).document
    assert document["explained"] is False and document["failing"] == ["jump"]
    assert document["worst_error"]["value"] == "1/2"
    assert document["verdict"].startswith("not explained") and "jump" in document["verdict"]


# Cause: of a network whose channels all idle a network was made of one channel of zeros, and what lies next to that one was told of
# the given one: weights that are not exact, at a relative distance of infinity, which no JSON holds.  Sibling: a smooth σ, all w = 0.
SILENT: dict[str, tuple[Any, dict[str, str]]] = {
    "silent": (([[0.5, 0, -1, 0.5, 0]], [1.5], [1.25], 1.5), {"activation": "softshrink"}),
    "no readout": (([[0, -1, 1]], [1.5], [0.0], -2.0), {"activation": "hardshrink", "padding": "valid"}),
    "no light": (([[0, 0, 0], [0, 0, 0]], [1.0, 2.0], [1.0, -0.5], 0.0), {"activation": "softplus"}),
}  # fmt: skip


@pytest.mark.parametrize("name", SILENT)
def test_nothing_is_next_to_a_network_that_sees_nothing(name: str) -> None:
    weights, told = SILENT[name]
    document = found(*weights, {**TOLD, **told}).document
    assert document["explained"] is False and document["cell"] in ("dead", "curved")
    assert document["nearest"]["relative"] is None
    if name != "no light":
        assert document["nearest"]["exists"] is None and document["nearest"]["weights"] is None
    json.dumps(document, allow_nan=False)


def test_exponentials_cancel_where_a_window_stands_on_a_kink() -> None:
    """Cause: Newton's steps moved the filters too, past the kink, and had to end at 1e-55.  Sibling: celu, selu."""
    w = [[1, -1, 1], [-1, 1, -1], [1, -1, 1], [-1, 1, -1]]
    a = [5.5, 13.590344419879088, -2.2328546175636071e-10, -4.9996083102797035]
    net = (w, [6.0, -6.0, -6.0, -5.0], a, -24.409263890636986)
    told = {"activation": "elu", "padding": "valid", "pooling": "mean", "r_min": "7/10", "r_max": "4"}  # fmt: skip
    document = found(*net, {**TOLD, **told}).document
    assert document["explained"] is True and document["nearest"]["exists"] is None
    assert document["nearest"]["distance"][1] < 1e-8
