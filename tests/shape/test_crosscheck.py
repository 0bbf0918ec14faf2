"""The checks by evaluation: each says yes where it is so, and no where one thing is changed.

Cause: every step of an obstruction was ``True``, written by the rule that it should check.
Siblings: the pieces, the number of channels of the cubic construction, and the families of other
weights rested on one computation each.
"""

from __future__ import annotations

import pytest
import sympy as sp

from theory.expressions import pieces, signs
from theory.expressions.pieces import Piece, Pieces, z
from theory.shape import classify as classes
from theory.shape import crosscheck, impossible
from theory.shape.classify import classify

E, T = sp.exp(z), sp.tanh(z)
SOFTPLUS = sp.log(1 + E)
GELU = z / 2 * (1 + sp.erf(z / sp.sqrt(2)))


@pytest.mark.parametrize(
    ("f", "left", "right"),
    [
        (SOFTPLUS, 0, 1), (GELU, 0, 1), (T, 0, 0), (z + sp.sin(z), 1, 1),
        (z * T, -1, 1), (sp.sqrt(1 + z**2), -1, 1),
        (SOFTPLUS + T, 0, 1), (z + sp.exp(-(z**2)), 1, 1),
        (sp.log(1 + z**2), 0, 0), (2 * z + SOFTPLUS, 2, 3),
    ],
)  # fmt: skip
def test_slopes(f: sp.Expr, left: int, right: int) -> None:
    assert crosscheck.slopes_are(f, sp.Integer(left), sp.Integer(right))
    assert not crosscheck.slopes_are(f, sp.Integer(left), sp.Integer(right + 1))
    assert not crosscheck.slopes_are(f, sp.Integer(left) + sp.Rational(1, 10), sp.Integer(right))
    assert crosscheck.slopes_cancel(f) == (left + right == 0)
    assert crosscheck.slopes_differ(f) == (left != right)


@pytest.mark.parametrize("f", [z**2, sp.exp(sp.exp(z)), z**3 + z])
def test_slopes_that_grow_are_none(f: sp.Expr) -> None:
    assert not crosscheck.slopes_cancel(f) and not crosscheck.slopes_differ(f)
    assert not crosscheck.slopes_are(f, sp.Integer(0), sp.Integer(1))


def test_fading() -> None:
    assert crosscheck.fades(1 / (1 + z**2)) and crosscheck.fades(sp.Integer(0))
    assert not crosscheck.fades(1 + 1 / (1 + z**2)) and not crosscheck.fades(z)
    for f in (1 / z, sp.log(z), sp.sqrt(z), sp.tan(z), z ** sp.Rational(9, 10)):
        assert crosscheck.fades_vertically(sp.diff(f, z))
    for f in (z, z + 1 / z, z + sp.tan(z), z * sp.log(z), sp.sqrt(z) * z):
        assert not crosscheck.fades_vertically(sp.diff(f, z))


def test_regularity() -> None:
    for f in (
        SOFTPLUS,
        GELU,
        1 / (1 + z**2),
        sp.sqrt(1 + z**2),
        sp.log(2 + sp.sin(z)),
        1 / (E + E**2),
    ):
        assert crosscheck.regular(f)
    for f in (1 / z, sp.log(z**2 - 2), 1 / (z - sp.sqrt(2)) ** 2, sp.sqrt(z + 3), 1 / (E - 3)):
        assert not crosscheck.regular(f)


@pytest.mark.parametrize(
    ("f", "place"),
    [
        (T, sp.I * sp.pi / 2), (SOFTPLUS, sp.I * sp.pi), (sp.atan(z), sp.I),
        (z * sp.tanh(SOFTPLUS), sp.log(2) / 2 + sp.I * sp.pi * 3 / 4),
        (2 * z + sp.tanh(3 * z - 1), sp.Rational(1, 3) + sp.I * sp.pi / 6),
    ],
)  # fmt: skip
def test_the_nearest_pole(f: sp.Expr, place: sp.Expr) -> None:
    slope = sp.diff(f, z)
    assert crosscheck.only_nearest_pole(slope, place)
    assert not crosscheck.only_nearest_pole(slope, place + sp.Rational(1, 10))
    nearer = 1 / ((z - 5) ** 2 + sp.im(place) ** 2 * sp.Rational(81, 100))
    assert not crosscheck.only_nearest_pole(slope + nearer, place)
    as_near = 1 / ((z + 2) ** 2 + sp.im(place) ** 2)
    assert not crosscheck.only_nearest_pole(slope + as_near, place)


def test_the_highest_coefficient() -> None:
    mish = z * sp.tanh(SOFTPLUS)
    place = sp.log(2) / 2 + sp.I * sp.pi * 3 / 4
    assert crosscheck.oblique(sp.diff(mish, z), place)
    assert not crosscheck.oblique(sp.diff(T, z), sp.I * sp.pi / 2)
    assert not crosscheck.oblique(sp.diff(z * T, z), sp.I * sp.pi / 2)


def test_mirrors_bends_and_quotients() -> None:
    assert crosscheck.mirrored(T**2, sp.Integer(0), 1) and crosscheck.mirrored(T, sp.Integer(0), -1)
    assert not crosscheck.mirrored(SOFTPLUS, sp.Integer(0), 1)
    assert crosscheck.mirrored(sp.exp(-((z - 1) ** 2)), sp.Integer(1), 1)
    assert crosscheck.convex(z**2, 1) and crosscheck.convex(z + E, 1) and crosscheck.convex(-E, -1)
    assert crosscheck.convex(sp.Integer(3), 1) and not crosscheck.convex(z, 1)
    assert not crosscheck.convex(z**3, 1) and not crosscheck.convex(z**2, -1)
    assert crosscheck.keeps_quotient(2 * E, E) and not crosscheck.keeps_quotient(z * E, E)
    assert crosscheck.same_off_the_line(T, (E**2 - 1) / (E**2 + 1))
    assert not crosscheck.same_off_the_line(T, (E**2 + 1) / (E**2 - 1))


@pytest.mark.parametrize(
    "f", [sp.Max(T, 0), sp.Abs(z**2 - 2), sp.Max(T, 2) + z, sp.Min(GELU, 5), sp.Max(sp.sin(z), 0)]
)
def test_pieces_are_looked_at_everywhere(f: sp.Expr) -> None:
    parts = pieces.pieces(f)
    assert crosscheck.misplaced(f, parts) is None
    for k, part in enumerate(parts.parts):
        for wrong in (part.expression + sp.Rational(1, 1000), -part.expression - 1):
            changed = (*parts.parts[:k], Piece(part.low, part.high, wrong), *parts.parts[k + 1 :])
            assert crosscheck.misplaced(f, Pieces(changed, parts.complete, parts.branches))


def test_a_narrow_piece_is_seen_by_its_switch() -> None:
    """max turns twice between two points of any grid; its arguments cross there."""
    f = sp.Max(sp.Rational(1, 10**6) - (z - 3) ** 2, 0)
    assert len(pieces.pieces(f).parts) == 3
    level = Pieces((Piece(-sp.oo, sp.oo, sp.Integer(0)),), True, (sp.Integer(0),))
    assert crosscheck.misplaced(sp.Max(sp.Rational(1, 16) - (z - 3) ** 2, 0), level)


def test_networks_are_run_on_pulses() -> None:
    half = sp.Rational(1, 2)
    w, ramp = (half / 2, half, half / 2), sp.Max(z, 0)
    assert crosscheck.measures_radius(ramp, [(w, sp.Integer(1), half)])
    assert not crosscheck.measures_radius(ramp, [(w, sp.Integer(1), half + sp.Rational(1, 10**40))])
    assert not crosscheck.measures_radius(ramp, [(w, -half, half)])
    cube = [
        (
            (sp.Integer(1), sp.Integer(1), -sp.cbrt(2)),
            -1 + sp.cbrt(2) / 2,
            2 / (2 - sp.cbrt(2)) ** 3,
        )
    ]
    for digits in (0, 30):
        assert crosscheck.measures_radius(z**3, cube, digits)
        assert not crosscheck.measures_radius(z**3 - z, cube, digits)


# --- mistakes of the classifier ---------------------------------------------------------------


def test_slopes_that_agree_do_not_make_two_the_fewest(monkeypatch: pytest.MonkeyPatch) -> None:
    """needs_two without asking whether the slopes differ: they are measured to agree."""
    monkeypatch.setattr(classes, "vanishes", lambda value: False)
    found = classify.__wrapped__(z + sp.exp(-(z**2)))
    assert found.kind == "undecided" and "slopes 1 and 1 differ" in found.reason


def test_slopes_must_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theorem 1 without s₋ + s₊ = 0 would call softplus + tanh impossible."""
    monkeypatch.setattr(impossible, "vanishes", lambda value: True)
    found = classify.__wrapped__(SOFTPLUS + T)
    assert found.kind == "undecided" and "add up to 0" in found.reason


def test_the_nearest_pole_must_be_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """z + z/(4 + z⁴) + z²/(4 + z⁴) has four nearest poles, of which only one is shown."""
    f = z + (z + z**2) / (4 + z**4)
    everything = impossible.poles
    monkeypatch.setattr(impossible, "poles", lambda slope: (everything(slope) or [])[:1])
    found = classify.__wrapped__(f)
    assert found.kind == "undecided" and "only nearest pole" in found.reason


@pytest.mark.parametrize(
    "f",
    [
        sp.Max(T, 2) + z,
        sp.Max(sp.atan(z), 2) + z,
        sp.Max(sp.erf(z), 1) + z,
        sp.Min(T, -2) + z,
        sp.Min(sp.atan(z), -2) + z,
    ],
)
def test_a_flipped_sign_of_the_inverse_names_no_class(
    f: sp.Expr, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where y lies beyond all values of h; with the other sign of h - y max(tanh z, 2) + z is tanh
    z + z.
    """
    true = signs._level

    def flipped(h: sp.Expr, level: sp.Expr, low: sp.Expr, high: sp.Expr, depth: int):
        found = true(h, level, low, high, depth)
        whole = h.func in signs.INVERSE and found is not None and len(found) == 1
        return ((low, high, -found[0][2]),) if whole else found

    forget()
    monkeypatch.setattr(signs, "_level", flipped)
    try:
        found = classify.__wrapped__(f)
        assert found.kind == "undecided" and "is no value of" in found.reason
    finally:
        monkeypatch.undo()
        forget()
    assert classify.__wrapped__(f).kind == "affine_piece"


def forget() -> None:
    """Nothing that was found with other rules is kept."""
    for function in (signs.signs, pieces._resolve):
        function.cache_clear()
