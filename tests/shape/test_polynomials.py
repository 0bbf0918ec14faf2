"""How many channels a polynomial needs."""

from __future__ import annotations

import pytest
import sympy as sp

from numerics.arithmetic import oracle
from theory.expressions.pieces import Piece, z
from theory.pulse.kinks import segments
from theory.shape import polynomials
from theory.shape.classify import classify
from theory.shape.polynomials import affine, polynomial, polynomial_channels

ONE_TAP = (sp.Integer(0), sp.Integer(1), sp.Integer(0))


@pytest.mark.parametrize("text", ["z**3", "z**3 + z**2", "z**5 + z**4", "z**4 - z"])
def test_the_cubic_construction_is_the_shortest(text: str) -> None:
    """A wrong shift leaves the differences, which need more channels: the count is part of the
    claim.
    """
    f = sp.sympify(text, {"z": z})
    whole = Piece(-sp.oo, sp.oo, f)
    fewest = min(len(channels) for channels, _, _ in polynomial_channels(f, whole))
    assert fewest == max(1, sp.degree(f, z) - 2) == classify(f).channels


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2*z - 1", 0, 1),
        ("z**2 - z", 0, 1),
        ("z**3", -sp.oo, sp.oo),
        ("z**3 + 3*z**2 - z", -2, 1),
        ("2*z**3 - 3*z**2", 3, 4),
        ("2*z**3 + z**2", -sp.oo, sp.oo),
        ("z**4 - 5*z**3 + 1", -sp.oo, 2),
        ("z**5 + z**4", 0, sp.oo),
    ],
)
def test_every_construction_is_exact_and_stays_on_its_piece(
    text: str, low: sp.Expr, high: sp.Expr
) -> None:
    """By the slow simulation of pulses: σ is asked on the piece alone, and r̂ - r is the same at
    all radii.
    """
    f = sp.sympify(text, {"z": z})
    piece = Piece(sp.sympify(low), sp.sympify(high), f)
    kinds, degree = 0, int(sp.degree(f, z))

    def sigma(value: sp.Expr) -> sp.Expr:
        assert low <= sp.N(value, 30) <= high
        return f.xreplace({z: value})

    for channels, how, others in polynomial_channels(f, piece):
        kinds += 1
        assert how and len(channels) <= degree
        family = others.members[::7] if others else ()
        assert "cubic" not in how or bool(others) == (degree == 3)
        for member in (channels, *family):
            w, b, a = zip(*member, strict=True)
            zero = sp.Integer(0)
            errors = set()
            for r in map(sp.Rational, ("15/2", "23/3", "31/4")):
                x = oracle.overlap_pulse(r, 12)
                parts = (
                    readout * oracle.pooled(taps, bias, sigma, x)
                    for taps, bias, readout in zip(w, b, a, strict=True)
                )
                errors.add(sp.N(sum(parts, zero) - r, 30).round(20))
            assert len(errors) == 1 and errors.pop().is_finite
        if "cubic" not in how and degree > 1:
            assert how == f"the {degree - 1}-fold difference in b is affine"
            if others and piece.high != sp.oo:  # so that the last channel stays on the piece
                last = piece.high - channels[-1][1] + channels[0][1]
                assert f"< {last}:" in others.words or f"({low}, {last})" in others.words
    assert kinds == 1 + (degree >= 3 and _room_for_a_cubic(f, piece))


def _room_for_a_cubic(f: sp.Expr, piece: Piece) -> bool:
    """Whether the centroid of the roots of f lies inside the piece."""
    poly = sp.Poly(f, z)
    centroid = -poly.all_coeffs()[1] / (poly.degree() * poly.LC())
    return bool(piece.low < centroid < piece.high)


def test_a_constant_needs_none() -> None:
    assert list(polynomial_channels(sp.Integer(3), Piece(-sp.oo, sp.oo, sp.Integer(3)))) == []
    assert list(polynomial(Piece(-sp.oo, sp.oo, sp.exp(z)))) == []
    assert list(polynomial(Piece(-sp.oo, sp.oo, 2 * z))) == []
    assert list(affine(Piece(-sp.oo, sp.oo, sp.Integer(3)))) == []
    [falling] = affine(Piece(sp.Integer(0), sp.oo, -2 * z))
    assert falling.reason == "σ is affine with slope s = -2 on (0, oo)"
    [line] = affine(Piece(sp.Integer(0), sp.oo, 2 * z))
    assert line.reason == "σ is affine with slope s = 2 on (0, oo)"


def _scale(f: sp.Expr, half: sp.Expr) -> sp.Expr | None:
    """The first tap of the filter that makes a cubic exact on (-half, half)."""
    found = polynomial_channels(f, Piece(-half, half, f))
    taps = [channels[0][0] for channels, how, _ in found if "cubic" in how]
    return taps[0][0] if taps else None


def test_a_cubic_is_made_as_wide_as_its_piece_allows() -> None:
    """The largest of five sizes of one filter that stays on the piece, if there is one."""
    [(w, b, _)] = next(polynomial_channels(z**3, Piece(-sp.oo, sp.oo, z**3)))[0]
    widest = max((abs(b + end) for pair in segments(w) for end in pair), key=sp.N)
    sizes = [sp.Rational(1, k) for k in (1, 2, 4, 16, 64)]
    assert _scale(z**3, widest * sp.Rational(101, 100)) == 1
    for size, smaller in zip(sizes, [*sizes[1:], None], strict=True):
        assert _scale(z**3, widest * size * sp.Rational(99, 100)) == smaller


def test_a_filter_that_sees_no_change_gives_way_to_the_next() -> None:
    total = 2 - sp.cbrt(2)
    assert _scale(z**3 - z * total**2 / 4, sp.oo) == sp.Rational(1, 2)
    assert _scale(z**3 - z, sp.oo) == 1


def test_which_degrees_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    proposed = ([(ONE_TAP, sp.Integer(0), sp.Integer(1))], "so", None)
    monkeypatch.setattr(polynomials, "polynomial_channels", lambda f, piece: iter([proposed]))
    for degree, tried in ((1, 0), (2, 1), (3, 1), (64, 1), (65, 0)):
        made = list(polynomial(Piece(sp.Integer(0), sp.Integer(1), z**degree)))
        reasons = [f"σ is a polynomial of degree {degree} on (0, 1): so"] * tried
        assert [each.reason for each in made] == reasons
