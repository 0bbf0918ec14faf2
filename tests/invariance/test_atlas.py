"""The atlas of invariance: every network is exact by other code, no loss is beaten, and every cell
is there once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product
from operator import mul
from typing import Any

import pytest
from flint import fmpq
from hypothesis import example, given, settings
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.invariance.gram_schmidt import Vector, dot, orthogonal, residual
from tests.exact_networks import answer, signal, windows
from theory.invariance.background import three_channels, two_channels
from theory.invariance.nuisances import border_network
from verify.invariance import atlas, networks
from verify.invariance.atlas import AtlasEntry, Place

HALF = Fraction(1, 2)
FEASIBLE = [row for row in atlas.entries() if row.net is not None]
INFEASIBLE = [row for row in atlas.entries() if row.status == "infeasible"]
PRICED = [row for row in INFEASIBLE if row.loss is not None]
DISTINCT = {
    (row.net, row.place.unknown, row.place.padding, row.place.radii): row for row in FEASIBLE
}
"""Networks shared by several kinds once."""


def named(row: Any) -> str:
    return "-".join(vars(row.place).values())


# ------------------------------------------------------------------------------------------ cells


def test_every_cell_is_there_once() -> None:
    places = [row.place for row in atlas.entries()]
    unknown = {
        "nothing": ["any"],
        "place": ["any"],
        "background": ["ring", "zeros"],
        "contrast": ["any"],
        "both": ["ring", "zeros"],
    }
    wanted = {
        Place(name, readout, radii, padding, kind)
        for name, paddings in unknown.items()
        for padding, readout, radii, kind in product(
            paddings, ("sum", "dense"), ("half", "real"), atlas.KINDS
        )
    }
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
            assert row.net.channels <= int(row.place.kind[-1])
        if row.place.kind == "linear":
            assert row.net is None or not row.net.sigma.bends
        if row.place.kind == "linear" and row.status == "infeasible":
            assert row.loss is not None


def test_what_is_harder_is_not_easier() -> None:
    """Feasible cells stay so with more channels, fewer radii, more readout
    weights, and with any σ.
    """
    can = {row.place: row.status == "feasible" for row in atlas.entries()}
    cannot = {row.place: row.status == "infeasible" for row in atlas.entries()}
    for place, feasible in can.items():
        base = dict(vars(place))
        easier = [{**base, "readout": "dense"}, {**base, "radii": "half"}, {**base, "kind": "any"}]
        if place.kind in ("relu 1", "relu 2"):
            easier.append({**base, "kind": f"relu {int(place.kind[-1]) + 1}"})
        if place.unknown == "both":
            easier += [
                {**base, "unknown": "background"},
                {**base, "unknown": "contrast", "padding": "any"},
            ]
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
    radii = [Fraction(k, 2) for k in (3, 7)] + [Fraction(k, 5) for k in (9, 18)] * (
        place.radii == "real"
    )
    for padding in ("ring", "zeros") if place.padding == "any" else (place.padding,):
        for r, beta, alpha, s in product(radii, shades, lights, moves):
            assert answer(net, signal(r, beta, alpha, s), padding) == r


def test_the_page_runs_every_network_at_its_last_radius() -> None:
    """All are right; one that is changed at a pixel that only the last radius lights is not."""
    assert {atlas.largest_error(row) for row in FEASIBLE} == {0}
    row = next(
        row
        for row in FEASIBLE
        if row.place.unknown == "nothing"
        and row.place.radii == "half"
        and row.net
        and isinstance(row.net.a[0], tuple)
    )
    (weights,) = row.net.a
    v = tuple(value + (j == networks.HALF_LENGTH + 8) for j, value in enumerate(weights))
    assert atlas.largest_error(replace(row, net=replace(row.net, a=(v,)))) > 0


@given(
    st.integers(7, 40),
    st.fractions(-3, 3, max_denominator=4),
    st.fractions(0, 5, max_denominator=4),
)
@example(8, Fraction(0), Fraction(0))
def test_slopes_at_which_a_channel_drops_out(size: int, low: Fraction, length: Fraction) -> None:
    n, one = Fraction(size), Fraction(1)
    assert two_channels(low, low + length, -low, n, -1 / (n - 1), one).a[0] == 0
    found = three_channels(low, low + length, -low, n, -2 / (n - 2), one)
    assert found.a[0] == 0 and found.a[1] == -found.a[2]
    assert found.w[2] == tuple(-tap for tap in found.w[1][::-1])
    assert two_channels(low, low + length, -low, n, -1 / n, one).a[0] != 0


@given(
    st.integers(3, 9),
    st.fractions(-3, 3, max_denominator=4),
    st.fractions(0, 5, max_denominator=4),
    st.fractions(0, 1, max_denominator=5),
    st.fractions(0, 1, max_denominator=9),
    st.fractions(-2, Fraction(4, 5), max_denominator=30),
)
def test_with_its_slope_one_channel_is_enough(
    half_length: int, low: Fraction, length: Fraction, share: Fraction, part: Fraction, p: Fraction
) -> None:
    """On every interval and ring: one PReLU at half-integers, two or one made of them at every
    radius; a_1 = 0 at no other p.
    """
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

    def made(y: Fraction) -> Fraction:
        return sigma(y + b2) - sigma(b3 - y)

    assert net.c + net.a[1] * sum(map(made, oracle.ring(w, Fraction(0), x))) == radius
    for y, wanted in ((low - 1, 1 + slope), ((low + high) / 2, 2 * slope), (high + 2, 1 + slope)):
        assert 64 * (made(y + Fraction(1, 64)) - made(y)) == wanted


@given(
    st.sampled_from([1, 3]),
    st.lists(st.fractions(-3, 3, max_denominator=3), min_size=3, max_size=3),
    st.fractions(-3, 3, max_denominator=3),
    st.fractions(-2, 2, max_denominator=12),
)
@example(3, [Fraction(2), Fraction(-1), Fraction(0)], Fraction(-2), Fraction(-1, 12))
@example(1, [Fraction(1)] * 3, Fraction(0), Fraction(1))
def test_one_kink_is_not_enough_between_half_integers(
    n: int, w: list[Fraction], b: Fraction, p: Fraction
) -> None:
    """Whatever the slopes, the best readout of one channel errs somewhere on two cells, backgrounds
    from 0 to 1.
    """
    w, sigma = w[:n], lambda z: z if z > 0 else p * z
    scenes = list(
        product([3 * HALF + Fraction(k, 4) for k in range(9)], [Fraction(k, 4) for k in range(5)])
    )
    seen = [
        sum(map(sigma, windows(w, b, [beta + v for v in oracle.overlap_pulse(r, 6)], "ring")))
        for r, beta in scenes
    ]
    assert _left([r for r, _ in scenes], [seen]) > 0


@given(st.integers(1, 6), st.integers(1, 3), st.integers(1, 8))
def test_which_intervals_of_backgrounds_sums_can_ignore(least: int, more: int, reach: int) -> None:
    """f(β + α) = f(β) + 1/2 on backgrounds 0..reach and contrasts least..least + more: solvable iff
    reach < least.
    """
    levels = range(reach + least + more + 1)
    pairs = list(product(range(reach + 1), range(least, least + more + 1)))
    columns = [[Fraction((j == b + a) - (j == b)) for b, a in pairs] for j in levels]
    assert (not any(residual([HALF] * len(pairs), orthogonal(columns)))) == (reach < least)


# ---------------------------------------------------------------------------------- least losses


EIGHTHS = tuple(1 + Fraction(t, 8) for t in range(9))
"""Contrasts in [1, 2]: on one cell more scenes than three dense channels have functions."""


def _scenes(row: AtlasEntry) -> list[tuple[Fraction, Fraction, Fraction]]:
    """The (r, β, α) of a stated loss; one cell and more contrasts where a dense readout may fit
    all of those: ReLU on three taps passed through twelve radii at two contrasts.
    """
    place = row.place
    shades = atlas.LOSS_BACKGROUNDS if place.unknown in ("background", "both") else (Fraction(0),)
    lights = atlas.LOSS_CONTRASTS if place.unknown in ("contrast", "both") else (Fraction(1),)
    if row.loss is None and place.readout == "dense":
        return list(product(atlas.RADII["real"][:4], shades, EIGHTHS))
    return list(product(atlas.RADII[place.radii], shades, lights))


def _left(target: Vector, columns: list[Vector]) -> Fraction:
    """The mean square that the best readout of these features leaves: the target's entry of the
    Gram matrix once all features are eliminated.
    """
    vectors = [[Fraction(1)] * len(target), *columns, target]
    exact = [[fmpq(x.numerator, x.denominator) for x in vector] for vector in vectors]
    gram = [[sum(map(mul, u, v), fmpq(0)) for v in exact] for u in exact]
    for k, row in enumerate(gram[:-1]):
        if row[k]:  # else the feature depends on those before it, and its row is 0
            for below in gram[k + 1 :]:
                factor = below[k] / row[k]
                below[k:] = [x - factor * y for x, y in zip(below[k:], row[k:], strict=True)]
    left = gram[-1][-1] / len(target)
    return Fraction(int(left.p), int(left.q))


def _features(
    row: AtlasEntry, filters: list[tuple[Vector, Fraction]], sigma: Callable[[Fraction], Fraction]
) -> tuple[Vector, list[Vector]]:
    place, scenes = row.place, _scenes(row)
    columns: list[Vector] = []
    for w, b in filters:
        seen = [
            [sigma(z) for z in windows(w, b, signal(r, beta, alpha, 0), place.padding)]
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


SQUARED = next(
    row for row in INFEASIBLE if row.place == Place("contrast", "dense", "real", "any", "any")
)
taps = st.lists(st.fractions(-3, 3, max_denominator=3), min_size=3, max_size=3)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(INFEASIBLE),
    st.lists(st.tuples(taps, st.fractions(-3, 3, max_denominator=3)), min_size=3, max_size=3),
    st.sampled_from(["relu", "abs", "hardtanh", "prelu", "square"]),
)
@example(SQUARED, [([Fraction(-1), Fraction(1), Fraction(1)], Fraction(1))], "square")
def test_no_random_network_is_better(
    row: AtlasEntry, filters: list[tuple[Vector, Fraction]], name: str
) -> None:
    """Random filters with the best readout there is for them: not below the loss, and where none is
    known not exact.

    Cause: squares that are read at every position can be exact at two contrasts, not at three.
    """
    kind, loss = row.place.kind, row.loss
    name = {"linear": "identity", "any": name}.get(kind, "relu")
    count = int(kind[-1]) if kind.startswith("relu") else 1 if row.place.readout == "dense" else 3
    target, columns = _features(row, filters[:count], oracle.RATIONAL[name])
    left = _left(target, columns)
    assert left > 0 if loss is None else left >= loss.value


@pytest.mark.parametrize("row", [row for row in PRICED if row.place.kind == "linear"], ids=named)
def test_linear_losses_are_attained(row: AtlasEntry) -> None:
    """One tap on the ring or on every position; with zeros beyond, the filter that a background
    does not reach.
    """
    w = (
        list(border_network(networks.PIXELS, Fraction(0)).w[0])
        if row.place.padding == "zeros"
        else [Fraction(1)]
    )
    if row.place.readout == "dense":
        w = [Fraction(1)]
    target, columns = _features(row, [(w, Fraction(0))], oracle.RATIONAL["identity"])
    assert row.loss is not None and _left(target, columns) == row.loss.value


@pytest.mark.parametrize("padding", ["ring", "zeros"])
def test_the_price_of_both_is_attained(padding: str) -> None:
    """σ given at the points where it is evaluated: levels 0, 1, 2, 3, and for each pair a window of
    its own.
    """
    w = [Fraction(1, 5), Fraction(6, 11), Fraction(14, 55)]
    row = next(row for row in PRICED if row.place == Place("both", "sum", "half", padding, "any"))
    scenes = _scenes(row)
    step = Fraction(1, 6)
    f0, f1 = Fraction(0), HALF - step
    values = {
        Fraction(0): f0,
        Fraction(1): f1,
        Fraction(2): f0 + HALF + step,
        Fraction(3): f1 + HALF,
    }
    own = {(beta, alpha): beta + alpha * w[0] for _, beta, alpha in scenes}
    assert len(set(own.values()) | set(values)) == 8

    def sigma(z: Fraction) -> Fraction:
        return values.get(z, Fraction(0))

    def total(r: Fraction, beta: Fraction, alpha: Fraction) -> Fraction:
        return sum(
            (sigma(z) for z in windows(w, Fraction(0), signal(r, beta, alpha, 0), padding)),
            Fraction(0),
        )

    # One window for each edge may hold β + α w: the value there shifts the error of that pair
    # alone.
    mean = {
        pair: sum(total(r, *pair) - r for r in atlas.RADII["half"]) / len(atlas.RADII["half"])
        for pair in own
    }
    for pair, point in own.items():
        hits = {
            sum(z == point for z in windows(w, Fraction(0), signal(r, *pair, 0), padding))
            for r in atlas.RADII["half"]
        }
        (count,) = hits
        assert count
        values[point] = -mean[pair] / count
    errors = [total(r, beta, alpha) - r for r, beta, alpha in scenes]
    assert row.loss is not None and row.loss.attained
    assert dot(errors, errors) / len(errors) == row.loss.value


# ------------------------------------------------------------------------------------- rendering


def test_a_cell_without_a_network_has_no_error() -> None:
    with pytest.raises(ValueError, match="no network"):
        atlas.largest_error(INFEASIBLE[0])
