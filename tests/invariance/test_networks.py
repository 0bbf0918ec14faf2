"""The exact networks of the atlas, run in fractions."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exact_networks import answer, signal
from verify.invariance import atlas, networks
from verify.invariance.atlas import AtlasEntry, Place

HALF = Fraction(1, 2)


FEASIBLE = [row for row in atlas.entries() if row.net is not None]


DISTINCT = {
    (row.net, row.place.unknown, row.place.padding, row.place.radii): row for row in FEASIBLE
}
"""Networks shared by several kinds once."""


@settings(max_examples=40)
@given(
    st.sampled_from(list(DISTINCT.values())),
    st.fractions(0, 1, max_denominator=7),
    st.fractions(0, 1, max_denominator=7),
    st.integers(2, 8),
    st.fractions(0, 1, max_denominator=9),
    st.integers(-7, 7),
)
def test_networks_are_exact_anywhere_inside(
    row: AtlasEntry, shade: Fraction, light: Fraction, m: int, phi: Fraction, s: int
) -> None:
    net, place = row.net, row.place
    assert net is not None
    r = m - HALF + (phi if place.radii == "real" else 0)
    beta = (
        (networks.LOW + shade * (networks.HIGH - networks.LOW))
        if place.unknown in ("background", "both")
        else Fraction(0)
    )
    alpha = (
        (networks.LEAST + light * (networks.MOST - networks.LEAST))
        if place.unknown in ("contrast", "both")
        else Fraction(1)
    )
    x = signal(r, beta, alpha, s if place.unknown == "place" and abs(s) + r <= atlas.LAST else 0)
    assert answer(net, x, place.padding) == r == networks.answer(net, x, place.padding)


def test_networks_are_right_up_to_their_last_radius() -> None:
    """At 17/2 on 19 pixels all are; at the full ring those with sums that meet a background at an
    edge are not.
    """
    shades = {"background": networks.HIGH, "both": networks.HIGH}
    for row in DISTINCT.values():
        net, place = row.net, row.place
        assert net is not None
        padding = "ring" if place.padding == "any" else place.padding
        for r in (
            atlas.LAST,
            atlas.LAST - 1,
            *([atlas.LAST - HALF / 2] if place.radii == "real" else []),
        ):
            x = signal(r, shades.get(place.unknown, Fraction(0)), Fraction(1), 0)
            assert answer(net, x, padding) == r
        if place.unknown == "background" and place.readout == "sum":
            full = atlas.LAST + 1
            assert answer(net, signal(full, networks.HIGH, Fraction(1), 0), padding) != full


def test_networks_that_promise_nothing_there_are_not() -> None:
    """Off its interval, between half-integers or elsewhere, a network of the atlas errs: the grids
    are no idle test.
    """
    by_place = {row.place: row.net for row in FEASIBLE}
    lone = by_place[Place("background", "sum", "half", "ring", "any")]
    leg = by_place[Place("both", "dense", "half", "ring", "relu 1")]
    quiet = by_place[Place("contrast", "sum", "half", "any", "relu 1")]
    assert lone and leg and quiet
    assert lone.channels == 1
    one = Fraction(1)
    for net, r, beta, alpha, s in (
        (lone, Fraction(5, 2), networks.HIGH + 1, one, 0),
        (lone, Fraction(8, 3), HALF, one, 0),
        (quiet, Fraction(5, 2), Fraction(0), HALF, 0),
        (quiet, Fraction(8, 3), Fraction(0), Fraction(2), 0),
        (leg, Fraction(5, 2), HALF, one, 1),
    ):
        assert answer(net, signal(r, beta, alpha, s), "ring") != r


def test_channels_that_are_no_mirror_images_are_not_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    law = networks.three_channels

    def wrong(*numbers: Any) -> Any:
        net = law(*numbers)
        return replace(net, a=(*net.a[:2], net.a[1]))

    monkeypatch.setattr(networks, "three_channels", wrong)
    with pytest.raises(ValueError, match="the two channels at the edge are no mirror images"):
        networks.merged_channels()
