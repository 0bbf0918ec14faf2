"""Kink balance: exact networks drawn from every cell, the same ones pushed off it, and D crossing
by crossing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp
from hypothesis import assume, example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.pulse.channel import exact_quantities
from tests.strategies import (
    HOMOGENEOUS,
    KINKED,
    KINKS,
    PIECEWISE_LINEAR,
    Case,
    Exact,
    Path,
    answer,
    balanced_exact,
    cases,
    crosses,
    few,
    filters,
    grid,
    linear_exact,
    linear_paths,
    plateau_radii,
    positive,
    rationals,
    sigma_at,
    threshold_exact,
    threshold_paths,
    unit,
    widths,
    worst_error,
)
from theory.expressions.activation import ACTIVATIONS
from theory.pulse.kinks import CLAIM, LAW, KinkLaw, bend, bridge, cell, crossings, segments
from theory.pulse.symmetry import Channel

F = Fraction


def bent(found: Sequence[Any], phi: Fraction) -> Fraction:
    """D(φ) as the theorem states it, for one channel with a = 1."""
    return -sum((each.jump * bridge(phi, each.star) for each in found), F(0))


def jumps(net: Sequence[Channel], name: str) -> dict[Fraction, Fraction]:
    """Σ_k a_k J |w_u| at every φ* where it is not 0."""
    total: dict[Fraction, Fraction] = {}
    for one in net:
        for found in crossings(one.w, one.b, KINKS[name]):
            total[found.star] = total.get(found.star, F(0)) + one.a * found.jump
    return {star: jump for star, jump in total.items() if jump != 0}


# --- D from its crossings ---------------------------------------------------------------------


@given(cases(), st.sampled_from(PIECEWISE_LINEAR))
@example(Case((F(2),), F(-1), 1, F(1, 2), 1), "hardtanh")
@example(Case((F(0), F(0), F(0)), F(0), 2, F(1, 2), 3), "abs")
def test_crossings_reproduce_the_deviation(case: Case, name: str) -> None:
    stated = bent(crossings(case.w, case.b, KINKS[name]), case.phi)
    assert exact_quantities(case.w, sigma_at(name, case.b), [case.phi]).deviation == [stated]


@given(cases(most=9), st.sampled_from(PIECEWISE_LINEAR))
def test_crossings_reproduce_the_simulation(case: Case, name: str) -> None:
    """The same without any law: the pooled response bends away from its chord by D."""
    low, high, between = (
        oracle.pooled(
            case.w, case.b, oracle.RATIONAL[name],
            oracle.overlap_pulse(case.m - F(1, 2) + t, case.half_length),
        )
        for t in (F(0), F(1), case.phi)
    )  # fmt: skip
    stated = bent(crossings(case.w, case.b, KINKS[name]), case.phi)
    assert between - (1 - case.phi) * low - case.phi * high == stated


@given(st.data(), widths())
def test_segments_are_the_two_staircases(data: st.DataObject, n: int) -> None:
    w = data.draw(filters(n))
    found = segments(w)
    assert len(found) == 2 * n
    assert [q - p for p, q in found] == [*w, *w[::-1]]
    assert [p for p, _ in found] == [sum(w[:j], F(0)) for j in range(n)] + [
        sum(w[n - j :], F(0)) for j in range(n)
    ]


@given(rationals(), rationals(), rationals())
def test_one_step_meets_a_kink_where_it_says(p: Fraction, q: Fraction, t: Fraction) -> None:
    assume(p != q)
    star, size = bend(p, q, t)
    assert p + star * (q - p) == t
    assert size == max(q - p, p - q)


@given(unit(), unit())
def test_bridge_is_a_tent(phi: Fraction, star: Fraction) -> None:
    assert bridge(phi, star) == bridge(star, phi) == bridge(1 - phi, 1 - star)
    assert 0 <= bridge(phi, star) <= star * (1 - star)
    assert bridge(star, star) == star * (1 - star)
    assert bridge(F(0), star) == bridge(F(1), star) == 0


@given(st.sets(unit().filter(lambda t: 0 < t < 1), min_size=1, max_size=5))
def test_bridges_are_independent(stars: set[Fraction]) -> None:
    """det G = ψ_1 (ψ_2 - ψ_1) ... (1 - ψ_r), so no combination of different tents vanishes."""
    ordered = sorted(stars)
    gram = sp.Matrix([[sp.Rational(str(bridge(x, y))) for y in ordered] for x in ordered])
    product = F(1)
    for low, high in zip([F(0), *ordered], [*ordered, F(1)], strict=True):
        product *= high - low
    assert gram.det() == sp.Rational(str(product)) > 0


# --- exact cells ------------------------------------------------------------------------------


@given(st.data(), linear_exact())
def test_linear_cell_is_exact(data: st.DataObject, found: Exact) -> None:
    channel = found.net[0]
    assert cell(channel.w, channel.b).kind == "linear"
    radii = data.draw(plateau_radii(found.n))
    assert worst_error(found.net, found.bias(), found.name, radii, found.half_length) == 0


def _named(w: Sequence[Fraction], b: Fraction, name: str = "relu") -> Exact:
    delta = oracle.RATIONAL[name](sum(w, F(0)) + b) - oracle.RATIONAL[name](b)
    return Exact(name, (Channel(1 / (2 * delta), b, tuple(w)),), len(w) // 2 * 2 + 4)


# -b is the first partial sum of C and of T; the two outer taps are w = -b.
PUBLISHED = _named([F(-1234, 1000), F(0), F(0), F(-252, 1000), F(-1234, 1000)], F(1234, 1000))
# C runs + 0 - - 0 +: below the kink and back, entering and leaving on partial sums; T likewise.
DIPS = _named([F(-1), F(-1), F(1), F(4), F(0)], F(1), "abs")


@given(st.data(), threshold_exact())
@example(None, PUBLISHED)
@example(None, DIPS)
def test_threshold_cells_are_exact(data: st.DataObject | None, found: Exact) -> None:
    channel = found.net[0]
    assert cell(channel.w, channel.b).kind == "threshold"
    n = found.n
    radii = data.draw(plateau_radii(n)) if data else [F(n, 2) + F(k, 7) for k in range(28)]
    assert worst_error(found.net, found.bias(), found.name, radii, found.half_length) == 0


@given(st.data(), threshold_paths(), st.sampled_from(KINKED), rationals(1).filter(bool))
def test_pushed_off_its_cell_a_solution_errs(
    data: st.DataObject, path: Path, name: str, push: Fraction
) -> None:
    """A partial sum that sat on the kink, between both sides, is moved: b and S, hence α and β,
    stay.
    """
    top = path.u[0] + path.u[-1]
    turning = [
        j
        for j in range(1, len(path.u) - 1)
        for level in (F(0), top)
        if path.u[j] == level and crosses(path.u[j - 1], path.u[j + 1], level)
    ]
    delta = path.delta(name)
    assume(turning and delta != 0)
    j = data.draw(st.sampled_from(turning))
    moved = Path((*path.u[:j], path.u[j] + push, *path.u[j + 1 :]))
    channel = Channel(1 / (2 * delta), moved.b, moved.w)
    assert cell(moved.w, moved.b).kind == "crossed"
    found = Exact(name, (channel,), len(moved.w) // 2 * 2 + 4)
    c, n = found.bias(), found.n
    halves = [F(n, 2) + k for k in range(4)]
    assert worst_error(found.net, c, name, halves, found.half_length) == 0
    stars = [each.star for each in crossings(moved.w, moved.b, KINKS[name])]
    for star in stars:  # all jumps have one sign: the error is largest at some φ*, and 0 at none
        r = halves[0] + star
        assert answer(found.net, c, name, r, found.half_length) != r


@given(st.data(), linear_paths(1), st.sampled_from(KINKED), rationals())
def test_a_bias_below_the_kink_leaves_the_linear_cell(
    data: st.DataObject, path: Path, name: str, weight: Fraction
) -> None:
    """Lowered until the kink is inside a step of C: no readout at all is exact then."""
    rising = [(p, q) for p, q in zip(path.u, path.u[1:], strict=False) if p != q]
    p, q = data.draw(st.sampled_from(rising))
    t = data.draw(unit().filter(lambda t: 0 < t < 1))
    b = path.b - (p + t * (q - p))
    n = len(path.w)
    assert cell(path.w, b).kind == "crossed"
    stars = [each.star for each in crossings(path.w, b, KINKS[name])]
    assert t in stars
    # Whatever a and c: at two half-integers and between, at φ* = t, some answer is wrong.
    net = (Channel(weight, b, path.w),)
    half_length = n // 2 * 2 + 4
    first = F(n, 2)
    c = first - answer(net, F(0), name, first, half_length)
    assert worst_error(net, c, name, [first, first + 1, first + t], half_length) > 0


@few
@given(widths(), st.data(), st.sampled_from(KINKED))
def test_exact_iff_no_open_step_holds_the_kink(n: int, data: st.DataObject, name: str) -> None:
    """K = 1 and one kink, with a ≠ 0: cells are decided by signs, D by the law at all φ*."""
    w, b = data.draw(filters(n, grid(2, 1))), data.draw(grid(2, 2))
    inside = any((p + b) * (q + b) < 0 for p, q in segments(w))
    found = crossings(w, b, KINKS[name])
    assert (cell(w, b).kind == "crossed") == inside == bool(found)
    stars = sorted({each.star for each in found}) or [F(1, 3)]
    deviation = exact_quantities(w, sigma_at(name, b), stars).deviation
    assert any(deviation) == inside


@given(threshold_paths(), st.sampled_from(KINKED))
def test_threshold_cells_have_codimension_two(path: Path, name: str) -> None:
    """At least two different partial sums lie on the kink: two independent equations in (w, b)."""
    found = cell(path.w, path.b)
    n = len(path.w)
    rows = []
    for j in range(n + 1):
        if found.left[j] == "0":
            rows.append([1] * j + [0] * (n - j) + [1])
        if found.right[j] == "0":
            rows.append([0] * (n - j) + [1] * j + [1])
    assert sp.Matrix(rows).rank() >= 2


@given(st.data(), widths(15))
def test_cells_are_named_by_signs(data: st.DataObject, n: int) -> None:
    w, b = data.draw(filters(n)), data.draw(rationals())
    found, mirrored = cell(w, b), cell(w[::-1], b)
    assert (found.left, found.right) == (mirrored.right, mirrored.left)
    assert found.kind == mirrored.kind
    negative = cell(tuple(-tap for tap in w), -b)
    assert negative.kind == found.kind
    assert negative.left == found.left.translate(str.maketrans("+-", "-+"))


def test_floats_that_absorb_a_step_do_not_cross() -> None:
    """p ≠ q, but p + b = q + b once rounded: such a step contains no kink."""
    assert crossings((1e-20,), 1.0, [(0.0, 1.0)]) == []
    assert crossings((1e-20, 0.0, -3.0), 1.0, [(0.0, 1.0)]) == crossings(
        (0.0, 0.0, -3.0), 1.0, [(0.0, 1.0)]
    )


def test_tolerance_counts_as_zero() -> None:
    assert cell((-1.0, 2.0, -1.0), 1.0 + 1e-12).kind == "linear"
    assert cell((-1.0, -1.0, -1.0), 1.0 + 1e-12).kind == "crossed"
    assert cell((-1.0, -1.0, -1.0), 1.0 + 1e-12, 1e-9).kind == "threshold"
    assert cell((-1.0, -1.0, -1.0), 1.0 + 1e-12, 1e-9).left == "+0--"


# --- balance ----------------------------------------------------------------------------------


@given(st.data(), balanced_exact())
def test_balanced_kinks_are_exact(
    data: st.DataObject, drawn: tuple[Exact, tuple[Path, Path]]
) -> None:
    found, _ = drawn
    assert jumps(found.net, found.name) == {}
    radii = data.draw(plateau_radii(found.n))
    assert worst_error(found.net, found.bias(), found.name, radii, found.half_length) == 0


@given(balanced_exact(), rationals(1).filter(bool))
def test_unbalanced_kinks_are_not(drawn: tuple[Exact, tuple[Path, Path]], push: Fraction) -> None:
    """The second channel answers by another weight: what is left of the jumps bends r̂."""
    found, _ = drawn
    first, second = found.net
    net = (first, replace(second, a=second.a + push))
    left = jumps(net, found.name)
    assume(left)
    n, half_length = found.n, found.half_length
    start = F(n, 2)
    c = start - answer(net, F(0), found.name, start, half_length)
    radii = [start, start + 1, *(start + star for star in left)]
    assert worst_error(net, c, found.name, radii, half_length) > 0


@given(st.data(), widths(9), st.sampled_from(("identity", "relu", "leaky_relu")))
def test_odd_part_of_one_filter(data: st.DataObject, n: int, name: str) -> None:
    """σ(z) - σ(-z) is a multiple of z: any filter with S ≠ 0, twice, is exact, crossings or not."""
    w, b = data.draw(filters(n)), data.draw(rationals())
    total, sigma = sum(w, F(0)), oracle.RATIONAL[name]
    assume(total != 0)
    a = 1 / (2 * (sigma(F(1)) - sigma(F(-1))) * total)
    net = (Channel(a, b, w), Channel(-a, -b, tuple(-tap for tap in w)))
    found = Exact(name, net, n // 2 * 2 + 4)
    radii = data.draw(plateau_radii(n))
    assert worst_error(net, found.bias(), name, radii, found.half_length) == 0


@few
@given(positive(2), positive())
@example(F(1), F(1))
def test_one_hardtanh_balances_its_own_two_kinks(rise: Fraction, out: Fraction) -> None:
    """Crossed, and exact with K = 1: S = -2b mirrors C onto -T, and what goes out comes back.

    C crosses 1 at φ* and, coming back, at 1 - φ*; T crosses -1 at the same two places.
    """
    w, b = (rise, out, -out), -rise / 2
    delta = exact_quantities(w, sigma_at("hardtanh", b), []).slope
    found = Exact("hardtanh", (Channel(1 / (2 * delta), b, w),), 6)
    crossed = crossings(w, b, KINKS["hardtanh"])
    assert jumps(found.net, "hardtanh") == {}
    radii = [F(3, 2) + F(k, 13) for k in range(40)]
    assert bool(crossed) == (rise / 2 + out > 1 and rise < 2)
    assert worst_error(found.net, found.bias(), "hardtanh", radii, 6) == 0


def test_an_unequal_excursion_does_not_balance() -> None:
    w, b = (F(1), F(9, 8), F(-1)), F(-9, 16)
    assert set(jumps((Channel(F(1), b, w),), "hardtanh").values()) == {F(-1), F(1)}
    delta = exact_quantities(w, sigma_at("hardtanh", b), []).slope
    found = Exact("hardtanh", (Channel(1 / (2 * delta), b, w),), 6)
    radii = [F(3, 2) + F(k, 16) for k in range(40)]
    assert worst_error(found.net, found.bias(), "hardtanh", radii, 6) > 0


@pytest.mark.parametrize("name", PIECEWISE_LINEAR)
def test_kinks_of_the_catalogue(name: str) -> None:
    row = ACTIVATIONS[name]
    stated = tuple(
        (F(int(k.location.p), int(k.location.q)), F(int(k.jump.p), int(k.jump.q)))
        for k in row.kinks
    )
    assert stated == KINKS[name]
    assert row.piecewise_linear


# --- every sign counts ------------------------------------------------------------------------

MUTANTS: dict[str, KinkLaw] = {
    "star": KinkLaw(segments, lambda p, q, t: (-bend(p, q, t)[0], bend(p, q, t)[1])),
    "size": KinkLaw(segments, lambda p, q, t: (bend(p, q, t)[0], -bend(p, q, t)[1])),
    "kink": KinkLaw(segments, lambda p, q, t: bend(p, q, -t)),
    "double": KinkLaw(segments, lambda p, q, t: (bend(p, q, t)[0], 2 * bend(p, q, t)[1])),
    "taps": KinkLaw(lambda w: segments([-tap for tap in w]), bend),
    "first step": KinkLaw(lambda w: segments(w)[1:], bend),
    "last step": KinkLaw(lambda w: segments(w)[:-1], bend),
    "twice": KinkLaw(lambda w: [*segments(w), segments(w)[0]], bend),
    "C twice": KinkLaw(lambda w: segments(w)[: len(w)] * 2, bend),
}


@pytest.mark.parametrize("key", MUTANTS)
def test_every_sign_and_step_counts(key: str) -> None:
    assert not CLAIM.prove(MUTANTS[key]).holds


@given(cases(most=9), st.sampled_from(KINKED), st.sampled_from(sorted(set(MUTANTS) - {"C twice"})))
def test_mutants_do_not_reproduce_the_deviation(case: Case, name: str, key: str) -> None:
    """Where a mutant finds other crossings, its D differs from the simulated one at some φ*."""

    def merged(law: KinkLaw) -> dict[Fraction, Fraction]:
        total: dict[Fraction, Fraction] = {}
        for each in crossings(case.w, case.b, KINKS[name], law):
            total[each.star] = total.get(each.star, F(0)) + each.jump
        return total

    right, wrong = merged(LAW), merged(MUTANTS[key])
    assume(right != wrong)
    phis = sorted({*right, *wrong})
    true = exact_quantities(case.w, sigma_at(name, case.b), phis).deviation
    found = crossings(case.w, case.b, KINKS[name], MUTANTS[key])
    assert [bent(found, phi) for phi in phis] != true


def test_a_homogeneous_row_has_one_kink_at_zero() -> None:
    steps = [name for name in PIECEWISE_LINEAR if all(t == 0 for t, _ in KINKS[name])]
    assert steps == list(HOMOGENEOUS)
