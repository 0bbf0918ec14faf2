"""Obstructions: each theorem where it applies, and silence where an exact network exists."""

from __future__ import annotations

import pytest
import sympy as sp

from theory.expressions.pieces import pieces, z
from theory.shape.classify import classify
from theory.shape.impossible import OBSTRUCTIONS, obstructions

APPLY = {
    "asymptotes": (
        sp.tanh(z),
        sp.sin(z),
        z * sp.tanh(z),
        sp.sqrt(1 + z**2),
        z / (1 + sp.Abs(z)),
        sp.Max(sp.tanh(z), 0),
        sp.atan(z),
    ),
    "exponentials": (
        sp.exp(z),
        sp.sin(z),
        sp.erf(z),
        z * sp.exp(-z),
        z / (1 + sp.Abs(z)),
        sp.exp(-(z**2)),
        sp.cosh(z),
    ),
    "verticals": (
        sp.tan(z),
        sp.sqrt(sp.Abs(z)),
        sp.log(z),
        1 / z,
        sp.cbrt(z),
        sp.sqrt(sp.Max(z, 0)),
        sp.sqrt(z) * z / (1 + z),
    ),
    "one exponential": (
        z + sp.erf(z),
        z + z * sp.exp(-(z**2)),
        z + sp.exp(z**3),
        z + (z + 1) * sp.exp(-(z**2)),
    ),
    "nearest pole": (
        z - sp.tanh(z),
        z + sp.tanh(z),
        z + sp.atan(z),
        z * sp.tanh(sp.log(1 + sp.exp(z))),
        sp.tanh(z),
        2 * z + sp.tanh(3 * z - 1),
    ),
}


@pytest.mark.parametrize(
    ("name", "f"), [(name, f) for name, all_of in APPLY.items() for f in all_of], ids=str
)
def test_obstructions_apply(name: str, f: sp.Expr) -> None:
    found = {one.theorem: one for one in obstructions(pieces(f).branches)}
    assert name in found
    assert (
        found[name].steps and all(step.holds for step in found[name].steps) and found[name].reason
    )


POSSIBLE = (
    z,
    sp.Max(z, 0),
    sp.log(1 + sp.exp(z)),
    z / (1 + sp.exp(-z)),
    z / 2 * (1 + sp.erf(z)),
    z + sp.exp(-(z**2)),
    z + sp.sin(z),
    z**2,
    z**3,
    z + sp.exp(z),
    z + 1 / z,
    z + sp.sqrt(sp.Abs(z)),
    z + z * sp.tanh(z),
    z * (1 + sp.tanh(z)),
    z + 1 / (1 + z**2),
    sp.tanh(z) + z**2,
    z + sp.log(z),
    z * sp.Abs(z),
    sp.Max(z, 0) ** 2,
    sp.atan(z) * z + z,
    sp.sqrt(1 + z**2) + z / 3,
    z + sp.cosh(z),
    z - sp.exp(-(z**2) + z),
    sp.log(sp.cosh(z)) + z,
    z + sp.sin(z) * sp.exp(z),
    z**2 + sp.sin(z),
)
"""Functions with an exact network, by a construction that can be checked by hand."""


@pytest.mark.parametrize("f", POSSIBLE, ids=str)
@pytest.mark.parametrize("test", OBSTRUCTIONS, ids=lambda test: test.__name__)
def test_no_obstruction_where_a_network_exists(test: object, f: sp.Expr) -> None:
    assert test(pieces(f).branches) is None  # type: ignore[operator]


def test_two_nearest_poles_are_not_one() -> None:
    """GELU's tanh form has poles at ±x + iρ; a pair of nearest poles is outside the theorem."""
    cubic = z + sp.Rational(44715, 10**6) * z**3
    f = z / 2 * (1 + sp.tanh(sp.sqrt(2 / sp.pi) * cubic))
    assert tuple(obstructions(pieces(f).branches)) == ()
    assert not [one for one in obstructions((z + z / (4 + z**4),)) if one.theorem == "nearest pole"]


def test_every_branch_has_to_obey() -> None:
    """One branch with a slope is enough to lift an obstruction."""
    assert tuple(obstructions((sp.tanh(z), z))) == ()
    assert tuple(obstructions((sp.tanh(z), sp.Integer(0))))
    # |z|, hardtanh and ReLU6 have slopes at ±∞ that add up to 0, and are exact: their branches are
    # lines.
    for f in (sp.Abs(z), sp.Max(-1, sp.Min(z, 1)), sp.Min(sp.Max(z, 0), 6)):
        assert tuple(obstructions(pieces(f).branches)) == ()
        assert abs(sum(f.subs(z, far) / far for far in (10**9, -(10**9)))) < sp.Rational(1, 10**8)
        assert classify(f).kind == "affine_piece"
