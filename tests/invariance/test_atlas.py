"""The atlas of invariance: every network is exact by other code, no loss is beaten, and every cell is there once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product

import pytest
import sympy as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.invariance.gram_schmidt import Vector, dot, orthogonal, residual
from theory.invariance.background import three_channels, two_channels
from theory.invariance.nuisances import (
    background_contrast_risk,
    border_network,
    dense_risk,
    right_edge_network,
    sum_risk,
)
from verify.invariance import atlas, figures, networks, table
from verify.invariance.atlas import AtlasEntry, Place
from verify.invariance.networks import Net
from verify.invariance.table import TrainingOutcome

HALF = Fraction(1, 2)
FEASIBLE = [row for row in atlas.entries() if row.net is not None]
INFEASIBLE = [row for row in atlas.entries() if row.status == "infeasible"]
PRICED = [row for row in INFEASIBLE if row.loss is not None]
DISTINCT = {(row.net, row.place.unknown, row.place.padding, row.place.radii): row for row in FEASIBLE}  # fmt: skip
"""Networks shared by several kinds once."""
named = lambda row: "-".join(vars(row.place).values())


def _sigma(net: Net) -> Callable[[Fraction], Fraction]:
    """σ a second time: torch's by the oracle, others from their values at two bends."""
    name = net.sigma.name
    if name in oracle.RATIONAL:
        return oracle.RATIONAL[name]
    if name.startswith("prelu"):
        slope = Fraction(name[6:-1])
        return lambda z: z if z > 0 else slope * z
    (low, _), (high, _) = net.sigma.bends
    outer, inner = net.sigma.slope, net.sigma.slope + net.sigma.bends[0][1]
    at = net.sigma.level + outer * low
    return lambda z: at + (outer * (z - low) if z < low else inner * (min(z, high) - low) + outer * max(z - high, 0))  # fmt: skip


def _windows(w: Vector, b: Fraction, x: Vector, padding: str) -> Vector:
    return (oracle.ring if padding == "ring" else oracle.preactivations)(w, b, x)


def _answer(net: Net, x: Vector, padding: str) -> Fraction:
    sigma, value = _sigma(net), net.c
    for channel in net.channels:
        values = [sigma(z) for z in _windows(list(channel.w), channel.b, x, padding)]
        weights = channel.v if len(channel.v) > 1 else channel.v * len(values)
        value += dot(list(weights), values)
    return value


def _signal(r: Fraction, beta: Fraction, alpha: Fraction, s: int) -> Vector:
    pulse = oracle.overlap_pulse(r, networks.HALF_LENGTH)
    moved = (
        [Fraction(0)] * s + pulse[: len(pulse) - s] if s >= 0 else pulse[-s:] + [Fraction(0)] * -s
    )
    return [beta + alpha * value for value in moved]


# ------------------------------------------------------------------------------------------ cells


def test_every_cell_is_there_once() -> None:
    places = [row.place for row in atlas.entries()]
    unknown = {"nothing": ["any"], "place": ["any"], "background": ["ring", "zeros"], "contrast": ["any"], "both": ["ring", "zeros"]}  # fmt: skip
    wanted = {
        Place(name, readout, radii, padding, kind)
        for name, paddings in unknown.items()
        for padding, readout, radii, kind in product(paddings, ("sum", "dense"), ("half", "real"), atlas.KINDS)
    }  # fmt: skip
    assert len(places) == len(set(places)) == len(wanted)
    assert set(places) == wanted


def test_a_cell_shows_what_its_status_asks_for() -> None:
    for row in atlas.entries():
        assert row.status in ("feasible", "infeasible")
        assert (row.net is not None) == (row.status == "feasible")
        assert row.loss is None or row.status == "infeasible"
        assert row.reason.name and row.reason.page.partition("#")[0].endswith(".md")
        if row.net is not None and row.place.kind.startswith("relu"):
            assert row.net.sigma.name == "relu"
            assert len(row.net.channels) <= int(row.place.kind[-1])
        if row.place.kind == "linear":
            assert row.net is None or not row.net.sigma.bends
        if row.place.kind == "linear" and row.status == "infeasible":
            assert row.loss is not None


def test_what_is_harder_is_not_easier() -> None:
    """Feasible cells stay so with more channels, fewer radii, more readout weights, and with any σ."""
    can = {row.place: row.status == "feasible" for row in atlas.entries()}
    cannot = {row.place: row.status == "infeasible" for row in atlas.entries()}
    for place, feasible in can.items():
        base = dict(vars(place))
        easier = [{**base, "readout": "dense"}, {**base, "radii": "half"}, {**base, "kind": "any"}]
        if place.kind in ("relu 1", "relu 2"):
            easier.append({**base, "kind": f"relu {int(place.kind[-1]) + 1}"})
        if place.unknown == "both":
            easier += [{**base, "unknown": "background"}, {**base, "unknown": "contrast", "padding": "any"}]  # fmt: skip
        for one in easier:
            assert can[Place(**one)] >= feasible
            assert cannot[place] >= cannot[Place(**one)]


# ------------------------------------------------------------------------------- exact networks


@pytest.mark.parametrize("row", DISTINCT.values(), ids=named)
def test_every_network_is_exact(row: AtlasEntry) -> None:
    """At the ends of its intervals, by the oracle; where the padding does not matter, with both."""
    net, place = row.net, row.place
    assert net is not None
    shades = (
        (networks.LOW, networks.HIGH) if place.unknown in ("background", "both") else (Fraction(0),)
    )
    lights = (
        (networks.LEAST, networks.MOST) if place.unknown in ("contrast", "both") else (Fraction(1),)
    )
    moves = (0, 2, 4) if place.unknown == "place" else (0,)
    radii = [Fraction(k, 2) for k in (3, 7)] + [Fraction(k, 5) for k in (9, 18)] * (place.radii == "real")  # fmt: skip
    for padding in ("ring", "zeros") if place.padding == "any" else (place.padding,):
        for r, beta, alpha, s in product(radii, shades, lights, moves):
            assert _answer(net, _signal(r, beta, alpha, s), padding) == r


@settings(max_examples=40)
@given(
    st.sampled_from(list(DISTINCT.values())), st.fractions(0, 1, max_denominator=7), st.fractions(0, 1, max_denominator=7),
    st.integers(2, 8), st.fractions(0, 1, max_denominator=9), st.integers(-7, 7),
)  # fmt: skip
def test_networks_are_exact_anywhere_inside(
    row: AtlasEntry, shade: Fraction, light: Fraction, m: int, phi: Fraction, s: int
) -> None:
    net, place = row.net, row.place
    assert net is not None
    r = m - HALF + (phi if place.radii == "real" else 0)
    beta = (networks.LOW + shade * (networks.HIGH - networks.LOW)) if place.unknown in ("background", "both") else Fraction(0)  # fmt: skip
    alpha = (networks.LEAST + light * (networks.MOST - networks.LEAST)) if place.unknown in ("contrast", "both") else Fraction(1)  # fmt: skip
    x = _signal(r, beta, alpha, s if place.unknown == "place" and abs(s) + r <= atlas.LAST else 0)
    assert _answer(net, x, place.padding) == r == networks.answer(net, x, place.padding)


def test_networks_are_right_up_to_their_last_radius() -> None:
    """At 17/2 on 19 pixels all are; at the full ring those with sums that meet a background at an edge are not."""
    shades = {"background": networks.HIGH, "both": networks.HIGH}
    for row in DISTINCT.values():
        net, place = row.net, row.place
        assert net is not None
        padding = "ring" if place.padding == "any" else place.padding
        for r in (atlas.LAST, atlas.LAST - 1, *([atlas.LAST - HALF / 2] if place.radii == "real" else [])):  # fmt: skip
            x = _signal(r, shades.get(place.unknown, Fraction(0)), Fraction(1), 0)
            assert _answer(net, x, padding) == r
        if place.unknown == "background" and place.readout == "sum":
            full = atlas.LAST + 1
            assert _answer(net, _signal(full, networks.HIGH, Fraction(1), 0), padding) != full


def test_the_page_runs_every_network_at_its_last_radius() -> None:
    """All are right; one that is changed at a pixel that only the last radius lights is not."""
    assert {atlas.largest_error(row) for row in FEASIBLE} == {0}
    row = next(row for row in FEASIBLE if row.place.unknown == "nothing" and row.place.radii == "half"
               and row.net and len(row.net.channels[0].v) > 1)  # fmt: skip
    (channel,) = row.net.channels
    v = tuple(value + (j == networks.HALF_LENGTH + 8) for j, value in enumerate(channel.v))
    assert atlas.largest_error(replace(row, net=replace(row.net, channels=(replace(channel, v=v),)))) > 0  # fmt: skip


def test_networks_that_promise_nothing_there_are_not() -> None:
    """Off its interval, between half-integers or elsewhere, a network of the atlas errs: the grids are no idle test."""
    by_place = {row.place: row.net for row in FEASIBLE}
    lone = by_place[Place("background", "sum", "half", "ring", "any")]
    leg = by_place[Place("both", "dense", "half", "ring", "relu 1")]
    quiet = by_place[Place("contrast", "sum", "half", "any", "relu 1")]
    assert lone and leg and quiet
    assert len(lone.channels) == 1
    one = Fraction(1)
    for net, r, beta, alpha, s in (
        (lone, Fraction(5, 2), networks.HIGH + 1, one, 0),
        (lone, Fraction(8, 3), HALF, one, 0),
        (quiet, Fraction(5, 2), Fraction(0), HALF, 0),
        (quiet, Fraction(8, 3), Fraction(0), Fraction(2), 0),
        (leg, Fraction(5, 2), HALF, one, 1),
    ):
        assert _answer(net, _signal(r, beta, alpha, s), "ring") != r


@given(st.integers(7, 40), st.fractions(-3, 3, max_denominator=4), st.fractions(0, 5, max_denominator=4))  # fmt: skip
@example(8, Fraction(0), Fraction(0))
def test_slopes_at_which_a_channel_drops_out(size: int, low: Fraction, length: Fraction) -> None:
    n, one = Fraction(size), Fraction(1)
    assert two_channels(low, low + length, -low, n, -1 / (n - 1), one).a[0] == 0
    found = three_channels(low, low + length, -low, n, -2 / (n - 2), one)
    assert found.a[0] == 0 and found.a[1] == -found.a[2]
    assert found.w[2] == tuple(-tap for tap in found.w[1][::-1])
    assert two_channels(low, low + length, -low, n, -1 / n, one).a[0] != 0


@given(st.integers(3, 9), st.fractions(-3, 3, max_denominator=4), st.fractions(0, 5, max_denominator=4),
       st.fractions(0, 1, max_denominator=5), st.fractions(0, 1, max_denominator=9),
       st.fractions(-2, Fraction(4, 5), max_denominator=30))  # fmt: skip
def test_with_its_slope_one_channel_is_enough(
    half_length: int, low: Fraction, length: Fraction, share: Fraction, part: Fraction, p: Fraction
) -> None:
    """On every interval and ring: one PReLU at half-integers, two or one made of them at every radius; a_1 = 0 at no other p."""
    size, one, high = 2 * half_length + 1, Fraction(1), low + length
    n, beta = Fraction(size), low + share * length
    assert (two_channels(low, high, -low, n, p, one).a[0] == 0) == (p == -1 / (n - 1))
    assert (three_channels(low, high, -low, n, p, one).a[0] == 0) == (p == -2 / (n - 2))
    last = n / 2 - 1
    r = last - part * (last - 3 * HALF)
    for make, slope, radius in (
        (two_channels, -1 / (n - 1), r // 1 + HALF),
        (three_channels, -2 / (n - 2), r),
    ):
        radius = min(radius, last)
        net, sigma = make(low, high, -low, n, slope, one), lambda z, s=slope: max(z, s * z)
        x = [beta + value for value in oracle.overlap_pulse(radius, half_length)]
        seen = [sum(map(sigma, oracle.ring(w, b, x))) for w, b in zip(net.w, net.b, strict=True)]
        assert net.c + dot(list(net.a[1:]), seen[1:]) == radius
    (_, w, _), (_, b2, b3) = net.w, net.b
    made = lambda y: sigma(y + b2) - sigma(b3 - y)
    assert net.c + net.a[1] * sum(map(made, oracle.ring(w, Fraction(0), x))) == radius
    for y, wanted in ((low - 1, 1 + slope), ((low + high) / 2, 2 * slope), (high + 2, 1 + slope)):
        assert 64 * (made(y + Fraction(1, 64)) - made(y)) == wanted


@given(st.sampled_from([1, 3]), st.lists(st.fractions(-3, 3, max_denominator=3), min_size=3, max_size=3),
       st.fractions(-3, 3, max_denominator=3), st.fractions(-2, 2, max_denominator=12))  # fmt: skip
@example(3, [Fraction(2), Fraction(-1), Fraction(0)], Fraction(-2), Fraction(-1, 12))
@example(1, [Fraction(1)] * 3, Fraction(0), Fraction(1))
def test_one_kink_is_not_enough_between_half_integers(
    n: int, w: list[Fraction], b: Fraction, p: Fraction
) -> None:
    """Whatever the slopes, the best readout of one channel errs somewhere on two cells, backgrounds from 0 to 1."""
    w, sigma = w[:n], lambda z: z if z > 0 else p * z
    scenes = list(product([3 * HALF + Fraction(k, 4) for k in range(9)], [Fraction(k, 4) for k in range(5)]))  # fmt: skip
    seen = [sum(map(sigma, _windows(w, b, [beta + v for v in oracle.overlap_pulse(r, 6)], "ring"))) for r, beta in scenes]  # fmt: skip
    assert _left([r for r, _ in scenes], [seen]) > 0


@given(st.integers(1, 6), st.integers(1, 3), st.integers(1, 8))
def test_which_intervals_of_backgrounds_sums_can_ignore(least: int, more: int, reach: int) -> None:
    """f(β + α) = f(β) + 1/2 on backgrounds 0..reach and contrasts least..least + more: solvable iff reach < least."""
    levels = range(reach + least + more + 1)
    pairs = list(product(range(reach + 1), range(least, least + more + 1)))
    columns = [[Fraction((j == b + a) - (j == b)) for b, a in pairs] for j in levels]
    assert (not any(residual([HALF] * len(pairs), orthogonal(columns)))) == (reach < least)


@given(st.integers(7, 30), st.fractions(-4, 4, max_denominator=5))
def test_the_border_as_an_edge(size: int, bias: Fraction) -> None:
    net = border_network(Fraction(size), bias)
    ones = oracle.preactivations(list(net.w[0]), Fraction(0), [Fraction(1)] * size)
    assert sum(ones) == 0 and sum(net.w[0]) == 1


@given(st.fractions(1, 5, max_denominator=4), st.fractions(1, 9, max_denominator=4),
       st.fractions(-5, 5, max_denominator=4), st.integers(0, 6))  # fmt: skip
def test_one_leg_is_enough(share: Fraction, gain: Fraction, beta: Fraction, k: int) -> None:
    net = right_edge_network(gain, range(-8, 9))
    x = [beta + share / gain * (abs(i) <= k) for i in range(-8, 9)]
    for padding in ("ring", "zeros"):
        seen = [max(z, Fraction(0)) for z in _windows(list(net.w), net.b, x, padding)]
        assert net.c + dot(list(net.v), seen) == k + HALF


# ---------------------------------------------------------------------------------- least losses


def _scenes(place: Place) -> list[tuple[Fraction, Fraction, Fraction]]:
    shades = atlas.LOSS_BACKGROUNDS if place.unknown in ("background", "both") else (Fraction(0),)
    lights = atlas.LOSS_CONTRASTS if place.unknown in ("contrast", "both") else (Fraction(1),)
    return list(product(atlas.RADII[place.radii], shades, lights))


def _left(target: Vector, columns: list[Vector]) -> Fraction:
    """The mean square that the best readout of these features leaves."""
    left = residual(target, orthogonal([[Fraction(1)] * len(target), *columns]))
    return dot(left, left) / len(left)


def _features(row: AtlasEntry, filters: list[tuple[Vector, Fraction]], sigma: Callable[[Fraction], Fraction]) -> tuple[Vector, list[Vector]]:  # fmt: skip
    place, scenes = row.place, _scenes(row.place)
    columns: list[Vector] = []
    for w, b in filters:
        seen = [
            [sigma(z) for z in _windows(w, b, _signal(r, beta, alpha, 0), place.padding)]
            for r, beta, alpha in scenes
        ]
        if place.readout == "sum":
            columns.append([sum(values, Fraction(0)) for values in seen])
        else:
            columns += [list(column) for column in zip(*seen, strict=True)]
    return [r for r, _, _ in scenes], columns


def test_losses_are_positive() -> None:
    assert PRICED
    for row in PRICED:
        assert row.loss is not None and row.loss.value > 0
        spread = atlas.moments(atlas.RADII[row.place.radii])[1]
        assert row.loss.value < spread


taps = st.lists(st.fractions(-3, 3, max_denominator=3), min_size=3, max_size=3)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(INFEASIBLE), st.lists(st.tuples(taps, st.fractions(-3, 3, max_denominator=3)), min_size=3, max_size=3),
       st.sampled_from(["relu", "abs", "hardtanh", "prelu", "square"]))  # fmt: skip
def test_no_random_network_is_better(row: AtlasEntry, filters: list[tuple[Vector, Fraction]], name: str) -> None:  # fmt: skip
    """Random filters with the best readout there is for them: not below the loss, and where none is known not exact."""
    kind, loss = row.place.kind, row.loss
    name = {"linear": "identity", "any": name}.get(kind, "relu")
    count = int(kind[-1]) if kind.startswith("relu") else 1 if row.place.readout == "dense" else 3
    target, columns = _features(row, filters[:count], oracle.RATIONAL[name])
    left = _left(target, columns)
    assert left > 0 if loss is None else left >= loss.value


@pytest.mark.parametrize("row", [row for row in PRICED if row.place.kind == "linear"], ids=named)
def test_linear_losses_are_attained(row: AtlasEntry) -> None:
    """One tap on the ring or on every position; with zeros beyond, the filter that a background does not reach."""
    w = list(border_network(networks.PIXELS, Fraction(0)).w[0]) if row.place.padding == "zeros" else [Fraction(1)]  # fmt: skip
    if row.place.readout == "dense":
        w = [Fraction(1)]
    target, columns = _features(row, [(w, Fraction(0))], oracle.RATIONAL["identity"])
    assert row.loss is not None and _left(target, columns) == row.loss.value


@pytest.mark.parametrize("padding", ["ring", "zeros"])
def test_the_price_of_both_is_attained(padding: str) -> None:
    """σ given at the points where it is evaluated: levels 0, 1, 2, 3, and for each pair a window of its own."""
    w = [Fraction(1, 5), Fraction(6, 11), Fraction(14, 55)]
    row = next(row for row in PRICED if row.place == Place("both", "sum", "half", padding, "any"))
    scenes = _scenes(row.place)
    step = Fraction(1, 6)
    f0, f1 = Fraction(0), HALF - step
    values = {Fraction(0): f0, Fraction(1): f1, Fraction(2): f0 + HALF + step, Fraction(3): f1 + HALF}  # fmt: skip
    own = {(beta, alpha): beta + alpha * w[0] for _, beta, alpha in scenes}
    assert len(set(own.values()) | set(values)) == 8
    sigma = lambda z: values.get(z, Fraction(0))
    total = lambda r, beta, alpha: sum((sigma(z) for z in _windows(w, Fraction(0), _signal(r, beta, alpha, 0), padding)), Fraction(0))  # fmt: skip
    # One window for each edge may hold β + α w: the value there shifts the error of that pair alone.
    mean = {
        pair: sum(total(r, *pair) - r for r in atlas.RADII["half"]) / len(atlas.RADII["half"])
        for pair in own
    }
    for pair, point in own.items():
        hits = {
            sum(z == point for z in _windows(w, Fraction(0), _signal(r, *pair, 0), padding))
            for r in atlas.RADII["half"]
        }
        (count,) = hits
        assert count
        values[point] = -mean[pair] / count
    errors = [total(r, beta, alpha) - r for r, beta, alpha in scenes]
    assert row.loss is not None and row.loss.attained
    assert dot(errors, errors) / len(errors) == row.loss.value


def test_least_losses_from_their_definitions() -> None:
    """Squares completed with symbols for all moments."""
    v, a, b = sp.symbols("V A B", positive=True)
    m, mu, nu, lift, c, theta = sp.symbols("m mu nu T c theta", real=True)
    r, e, d = sp.symbols("r e d", real=True)
    moments = {0: 1, 1: 0, 2: 1}

    def mean(error: sp.Expr) -> sp.Expr:
        """E over r = m + √V r', α = μ + √A e', β = ν + √B d', independent, with means 0 and variances 1."""
        poly = sp.Poly(sp.expand(error), r, e, d)
        return sp.Add(*(k * sp.Mul(*(moments[p] for p in powers)) for powers, k in poly.terms()))

    radius, alpha, beta = m + sp.sqrt(v) * r, mu + sp.sqrt(a) * e, nu + sp.sqrt(b) * d
    answer = c + theta * (2 * alpha * radius + lift * beta)
    loss = mean((answer - radius) ** 2)
    best = sp.solve([sp.diff(loss, c), sp.diff(loss, theta)], [c, theta], dict=True)[0]
    assert sp.simplify(loss.subs(best) - sum_risk(v, m, a, mu, b, lift)) == 0
    # Dense: h(r) for each r by itself, then c.
    h = sp.Symbol("h", real=True)
    inner = sp.Symbol("r0", real=True)
    given_r = mean((c + (mu + sp.sqrt(a) * e) * h - inner) ** 2)
    t = sp.Symbol("t", real=True)
    more = mean((c - t * nu + (mu + sp.sqrt(a) * e) * h + t * beta - inner) ** 2)
    assert sp.expand(more - given_r - t**2 * b) == 0
    left = sp.factor(given_r.subs(h, sp.solve(sp.diff(given_r, h), h)[0]))
    outer = mean(left.subs(inner, radius))
    assert sp.simplify(outer.subs(c, sp.solve(sp.diff(outer, c), c)[0]) - dense_risk(v, a, mu)) == 0


def test_the_price_of_both_is_a_least_square() -> None:
    """f at four levels: the rows (β, α), (β, 2α), (β + α, α), (β + α, 2α) of the errors in slope."""
    spread = Fraction(5, 4)
    columns = [[Fraction(k) for k in row] for row in ((-1, -1, 0, 0), (1, 0, -1, -1), (0, 1, 1, 0), (0, 0, 0, 1))]  # fmt: skip
    left = residual([HALF] * 4, orthogonal(columns))
    assert 4 * spread * dot(left, left) / 4 == background_contrast_risk(spread)


# ------------------------------------------------------------------------------------- rendering


def test_every_network_seen_is_accounted_for() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        TrainingOutcome("some", 3, (("exact", 1), ("not", 1)))
    place = Place("nothing", "dense", "real", "any", "linear")
    html = table.section({place: [TrainingOutcome("some <b>", 3, (("exact", 1), ("not", 2)))]}).html
    assert "of 3, 1 exact, 2 not" in html and "some &lt;b&gt;" in html
    with pytest.raises(ValueError, match="no such cells"):
        table.section({Place("nothing", "sum", "half", "ring", "linear"): []})


def test_a_cell_without_a_network_has_no_error() -> None:
    with pytest.raises(ValueError, match="no network"):
        atlas.largest_error(INFEASIBLE[0])


def test_the_matrix_shows_every_cell() -> None:
    axes = figures.matrix().axes[0]
    squares = len(axes.patches)
    dots = sum(line.get_marker() == "o" for line in axes.lines)
    crosses = sum(line.get_marker() == "x" for line in axes.lines)
    count = lambda status: sum(row.status == status for row in atlas.entries())
    assert (squares, dots, crosses) == (
        len(atlas.entries()),
        count("feasible"),
        count("infeasible"),
    )


def test_the_edge_and_the_ruler_are_drawn() -> None:
    panels = figures.compass().axes
    assert len(panels) == 4
    edge = panels[2]
    above = [max(line.get_ydata()) for line in edge.lines[:3]]
    assert [float(y) for y in above] == [0.0, 1.0, 2.0]
    assert all(sum(y > 0 for y in line.get_ydata()) <= 1 for line in edge.lines[:3])
    assert math.isclose(sum(panels[3].get_ylim()), 0.2)
