"""How many channels a polynomial needs."""

from __future__ import annotations

import pytest
import sympy as sp

from numerics.arithmetic import oracle
from theory.expressions.pieces import Piece, z
from theory.shape.classify import classify
from theory.shape.polynomials import affine, polynomial, polynomial_channels


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

    for channels, how, _ in polynomial_channels(f, piece):
        kinds += 1
        assert how and len(channels) <= degree
        w, b, a = zip(*channels, strict=True)
        zero = sp.Integer(0)
        errors = set()
        for r in map(sp.Rational, ("5/2", "8/3", "15/4")):
            x = oracle.overlap_pulse(r, 5)
            parts = (
                readout * oracle.pooled(taps, bias, sigma, x)
                for taps, bias, readout in zip(w, b, a, strict=True)
            )
            errors.add(sp.N(sum(parts, zero) - r, 30).round(20))
        assert len(errors) == 1
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
    [line] = affine(Piece(sp.Integer(0), sp.oo, 2 * z))
    assert line.reason == "σ is affine with slope s = 2 on (0, oo)"
