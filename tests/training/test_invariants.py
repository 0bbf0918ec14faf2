"""The procedure that finds conserved quantities, on systems whose answer is known."""

from __future__ import annotations

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from theory.pulse.network import taps
from theory.pulse.signal import pulse
from theory.training.invariants import (
    answer,
    field,
    invariants,
    jacobian_rank,
    orbit_dimension,
    same_span,
)

x, y, z = sp.symbols("x y z", real=True)
POINT = {x: sp.Rational(2), y: sp.Rational(3), z: sp.Rational(5)}


def test_a_rotation_keeps_the_circle() -> None:
    found = invariants([(-y, x, sp.Integer(0))], [x, y, z])
    assert same_span(found, [x**2 + y**2, z, z**2], [x, y, z])


def test_two_rotations_generate_the_third() -> None:
    fields = [(-y, x, sp.Integer(0)), (sp.Integer(0), -z, y)]
    assert orbit_dimension(fields, [x, y, z], POINT) == 2
    assert same_span(invariants(fields, [x, y, z]), [x**2 + y**2 + z**2], [x, y, z])


def test_brackets_are_needed() -> None:
    """x ∂y and ∂x: their bracket is ∂y, so nothing is conserved, although at x = 0 they span one
    direction.
    """
    fields = [(sp.Integer(0), x), (sp.Integer(1), sp.Integer(0))]
    assert orbit_dimension(fields, [x, y], {x: sp.Integer(0), y: sp.Integer(0)}) == 2
    assert invariants(fields, [x, y]) == []


def test_a_stretch_has_no_polynomial_invariant_but_room_for_one() -> None:
    """x ∂x + y ∂y keeps y/x, which no polynomial is: the rank says so."""
    fields = [(x, y)]
    assert invariants(fields, [x, y], degree=3) == []
    assert 2 - orbit_dimension(fields, [x, y], {x: sp.Integer(1), y: sp.Integer(1)}) == 1


def test_fields_that_are_not_affine_are_refused() -> None:
    with pytest.raises(ValueError, match="not affine"):
        orbit_dimension([(x**2, y)], [x, y], {x: sp.Integer(1), y: sp.Integer(1)})


def test_same_span() -> None:
    assert same_span([x + y, x - y], [x, y], [x, y])
    assert not same_span([x], [x, y], [x, y])
    assert not same_span([x, y], [x], [x, y])
    assert not same_span([], [x], [x])


def test_jacobian_rank_counts_independent_functions() -> None:
    quantities = [x, x**2, x * y]
    assert jacobian_rank(quantities, [x, y, z], POINT) == 2


@given(st.sampled_from((1, 3, 5)), st.integers(1, 3))
def test_answer_of_the_identity_is_twice_the_radius_times_the_sum(n: int, m: int) -> None:
    w, a = taps(n), sp.Symbol("a", real=True)
    part = sp.Rational(1, 3)
    found = answer([w], [sp.Integer(0)], [a], sp.Integer(0), pulse(m, part, m + n))
    assert sp.expand(found - a * (2 * m - 1 + 2 * part) * sp.Add(*w)) == 0


def test_a_point_on_a_wall_is_refused() -> None:
    w = taps(3)
    on = dict(zip(w, (sp.Integer(1), sp.Integer(-1), sp.Integer(1)), strict=True))
    with pytest.raises(ValueError, match="wall"):
        answer([w], [sp.Integer(0)], [x], sp.Integer(0), pulse(2, sp.Integer(0), 5), on)


def test_field_is_the_gradient() -> None:
    assert field(x * y + z, [x, y, z]) == (y, x, sp.Integer(1))
