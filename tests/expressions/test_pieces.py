"""Pieces: exact intervals and formulas against direct evaluation."""

from __future__ import annotations

import itertools
from fractions import Fraction

import mpmath
import pytest
import sympy as sp
from hypothesis import example, given
from hypothesis import strategies as st

from tests.formulas import (
    BINARY,
    UNARY,
    H,
    OutOfReach,
    Undefined,
    evaluate,
    exact,
    grown,
    number,
    points_inside,
)
from tests.strategies import rationals
from theory.expressions import pieces as pieces_module
from theory.expressions.pieces import Pieces, TooManyPieces, pieces, z

oo, half = sp.oo, sp.Rational(1, 2)


def agree(f: sp.Expr, g: sp.Expr, at: Fraction) -> bool:
    """f and g have the same value at a rational point; near a switch 2,000 digits decide."""
    for digits in (40, 2000):
        with mpmath.workdps(digits):
            x = mpmath.mpf(at.numerator) / at.denominator
            a, b = evaluate(f, x), evaluate(g, x)
            # 40 digits, of which cancellations and large intermediate numbers may cost half
            if abs(a - b) <= mpmath.mpf(10) ** -20 * (1 + abs(a)):
                return True
    return False


def check_shape(found: Pieces) -> None:
    """Increasing, disjoint, switch-free, and complete only without gaps."""
    ends = [end for part in found.parts for end in (part.low, part.high)]
    assert all(end.is_finite for end in ends[1:-1])
    values = [number(end) for end in ends[1:-1]]
    assert values == sorted(values)
    assert all(part.low != part.high for part in found.parts)
    switches = (sp.Abs, sp.Max, sp.Min, sp.sign, sp.Heaviside, sp.Piecewise)
    assert not any(f.has(*switches) for f in found.branches)
    assert {part.expression for part in found.parts} <= set(found.branches) or not found.complete
    if found.complete:
        assert (ends[0], ends[-1]) == (-oo, oo)
        assert all(part.high == after.low for part, after in itertools.pairwise(found.parts))


# --- known answers ----------------------------------------------------------------------------

e = sp.exp(z)
KNOWN: dict[sp.Expr, list[tuple]] = {
    z: [(-oo, oo, z)],
    sp.Max(z, 0) ** 2: [(-oo, 0, 0), (0, oo, z**2)],
    z * sp.Abs(z): [(-oo, 0, -(z**2)), (0, oo, z**2)],
    sp.Mul(sp.Abs(z), sp.Abs(z), evaluate=False): [(-oo, oo, z**2)],
    sp.Max(z, 0) + sp.Min(e - 1, 0): [(-oo, 0, e - 1), (0, oo, z)],
    sp.exp(sp.Min(z, 0)) - 1 + sp.Max(z, 0): [(-oo, 0, e - 1), (0, oo, z)],
    sp.Max(z, 0) + sp.Min(2 * (sp.exp(z / 2) - 1), 0): [
        (-oo, 0, 2 * sp.exp(z / 2) - 2),
        (0, oo, z),
    ],
    sp.Max(z, sp.tanh(z)): [(-oo, 0, sp.tanh(z)), (0, oo, z)],
    sp.Max(z, sp.sinh(z)): [(-oo, 0, z), (0, oo, sp.sinh(z))],
    sp.Max(z, e - 1): [(-oo, oo, e - 1)],
    sp.Max(sp.tanh(z), sp.Rational(1, 3)): [
        (-oo, sp.log(2) / 2, sp.Rational(1, 3)),
        (sp.log(2) / 2, oo, sp.tanh(z)),
    ],
    sp.sqrt(sp.Abs(z)): [(-oo, 0, sp.sqrt(-z)), (0, oo, sp.sqrt(z))],
    sp.Max(sp.sqrt(sp.Abs(z)), sp.Abs(z)): [
        (-oo, -1, -z),
        (-1, 0, sp.sqrt(-z)),
        (0, 1, sp.sqrt(z)),
        (1, oo, z),
    ],
    sp.log(1 + sp.Abs(z)): [(-oo, 0, sp.log(1 - z)), (0, oo, sp.log(1 + z))],
    sp.Min(z, z**2): [(-oo, 0, z), (0, 1, z**2), (1, oo, z)],
    z * sp.Min(sp.Max(z + 3, 0), 6) / 6: [(-oo, -3, 0), (-3, 3, z**2 / 6 + z / 2), (3, oo, z)],
    z * H(sp.Abs(z) - half): [(-oo, -half, z), (-half, half, 0), (half, oo, z)],
    sp.sign(z) * sp.Max(sp.Abs(z) - half, 0): [
        (-oo, -half, z + half),
        (-half, half, 0),
        (half, oo, z - half),
    ],
    z / (1 + sp.Abs(z)): [(-oo, 0, z / (1 - z)), (0, oo, z / (1 + z))],
    z * sp.tanh(sp.log(1 + e)): [(-oo, oo, z * sp.tanh(sp.log(1 + e)))],
    z * (1 + sp.erf(z / sp.sqrt(2))) / 2: [(-oo, oo, z * (1 + sp.erf(z / sp.sqrt(2))) / 2)],
    1 / z: [(-oo, 0, 1 / z), (0, oo, 1 / z)],
    sp.Abs(1 / (z**2 - 2)): [
        (-oo, -sp.sqrt(2), 1 / (z**2 - 2)),
        (-sp.sqrt(2), sp.sqrt(2), 1 / (2 - z**2)),
        (sp.sqrt(2), oo, 1 / (z**2 - 2)),
    ],
    sp.Abs(z**3 - z - 1): [
        (-oo, sp.CRootOf(z**3 - z - 1, 0), -(z**3) + z + 1),
        (sp.CRootOf(z**3 - z - 1, 0), oo, z**3 - z - 1),
    ],
    sp.Abs(sp.exp(2 * z) - 3 * e + 2): [
        (-oo, 0, sp.exp(2 * z) - 3 * e + 2),
        (0, sp.log(2), -sp.exp(2 * z) + 3 * e - 2),
        (sp.log(2), oo, sp.exp(2 * z) - 3 * e + 2),
    ],
    # a value at one point only, and a pole where the denominator touches 0, keep the pieces apart
    sp.sign(z) ** 2: [(-oo, 0, 1), (0, oo, 1)],
    1 / (e - 1 - z): [(-oo, 0, 1 / (e - 1 - z)), (0, oo, 1 / (e - 1 - z))],
    1 / (1 - sp.cos(sp.tanh(z))): [
        (-oo, 0, 1 / (1 - sp.cos(sp.tanh(z)))),
        (0, oo, 1 / (1 - sp.cos(sp.tanh(z)))),
    ],
    sp.Piecewise((e - 1, z < 0), (z, z <= 1), (1, True)): [(-oo, 0, e - 1), (0, 1, z), (1, oo, 1)],
    sp.tan(sp.tanh(z)): [(-oo, oo, sp.tan(sp.tanh(z)))],
}


@pytest.mark.parametrize("expression", KNOWN, ids=str)
def test_known(expression: sp.Expr) -> None:
    found = pieces(expression)
    assert [(part.low, part.high, part.expression) for part in found.parts] == KNOWN[expression]
    assert found.complete
    check_shape(found)


def test_undefined_half_lines_and_far_periods_are_left_out() -> None:
    for expression, low, high in (
        (sp.log(z), 0, oo),
        (sp.sqrt(1 - z), -oo, 1),
        (sp.sqrt(1 - z**2), -1, 1),
        (sp.tan(z), -sp.pi / 2, sp.pi / 2),
        (sp.atan(sp.tan(z)), -sp.pi / 2, sp.pi / 2),
    ):
        found = pieces(expression)
        assert [(part.low, part.high) for part in found.parts] == [(low, high)]
        assert not found.complete
        assert found.branches == (expression,)


def test_infinitely_many_pieces_are_incomplete_with_all_branches() -> None:
    found = pieces(sp.Abs(sp.sin(z)))
    assert not found.complete
    assert set(found.branches) == {sp.sin(z), -sp.sin(z)}
    assert (0, sp.pi, sp.sin(z)) in [(p.low, p.high, p.expression) for p in found.parts]


def test_a_transcendental_boundary_is_bracketed_never_stated() -> None:
    """softplus(z) = z + 1/2 at -log(sqrt(e) - 1), for which there is no rule: a narrow gap around
    it.
    """
    found = pieces(sp.Max(sp.log(1 + e), z + half))
    first, last = found.parts
    boundary = -sp.log(sp.exp(half) - 1)
    assert (first.expression, last.expression) == (sp.log(1 + e), z + half)
    assert first.high < boundary < last.low
    assert last.low - first.high < sp.Rational(1, 10**4)
    assert not found.complete


def test_conditions_are_decided_by_signs() -> None:
    above, below = [(-oo, 0, False), (0, oo, True)], [(-oo, 0, True), (0, oo, False)]
    zero = sp.Integer(0)
    for condition, cells in (
        (z > 0, above),
        (z <= 0, below),
        (sp.Not(z > 0, evaluate=False), below),
        (sp.Not(sp.Not(z > 0, evaluate=False), evaluate=False), above),
        (sp.And(z > 0, z < 5), [(-oo, 0, False), (0, 5, True), (5, oo, False)]),
        (sp.Or(z < 0, z > 5), [(-oo, 0, True), (0, 5, False), (5, oo, True)]),
        (sp.Ne(z, 0), [(-oo, 0, True), (0, oo, True)]),
        (sp.true, [(-oo, oo, True)]),
        (sp.false, [(-oo, oo, False)]),
    ):
        assert pieces_module._truth(condition, -oo, oo) == cells, condition
    assert pieces_module._truth(z > 0, zero, zero + 1) == [(0, 1, True)]


def test_too_many() -> None:
    many = sp.Add(*(k * sp.Max(sp.sin(k * z), sp.Rational(k, 99)) for k in range(1, 12)))
    with pytest.raises(TooManyPieces, match="more than 256 branches"):
        pieces(many)


@pytest.mark.parametrize("levels", [3, 5])
def test_too_many_parts(levels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folded so often z has 8 or 32 parts: counted at the end, and stopped on the way."""
    folded = z
    for level in range(levels):
        folded = sp.Abs(folded) - 2 ** (levels - level)
    assert len(pieces(folded).parts) == 2**levels
    monkeypatch.setattr("theory.expressions.pieces.MOST", 4)
    with pytest.raises(TooManyPieces, match="more than 4 pieces"):
        pieces(folded + 1)


@pytest.mark.parametrize("bad", [sp.Symbol("y") + z, z + sp.Float("0.5")], ids=str)
def test_other_symbols_and_floats_are_refused(bad: sp.Expr) -> None:
    with pytest.raises(ValueError, match="exact"):
        pieces(bad)


def test_huge_exponents_end() -> None:
    power = z ** (10**9 + 1)
    assert [(p.low, p.expression) for p in pieces(sp.Abs(power)).parts] == [
        (-oo, -power),
        (0, power),
    ]
    assert not pieces(sp.Abs((z + 1) ** 10**9 - 3)).complete


# --- piecewise-linear functions ---------------------------------------------------------------


@given(st.lists(rationals(), max_size=10, unique=True), rationals(), rationals(), st.data())
def test_hinges(
    kinks: list[Fraction], slope: Fraction, value: Fraction, data: st.DataObject
) -> None:
    """A sum of hinges, each written in one of three ways: the parts are the affine
    pieces, no more.
    """
    jumps = [data.draw(rationals().filter(bool)) for _ in kinks]
    f = exact(slope) * z + exact(value)
    for kink, jump in zip(kinks, jumps, strict=True):
        k = exact(kink)
        f += exact(jump) * data.draw(
            st.sampled_from(
                [
                    sp.Max(z, k) - k,
                    (sp.Abs(z - k) + z - k) / 2,
                    z - sp.Min(z, k),
                    (z - k) * H(z - k),
                ]
            )
        )
    found = pieces(f)
    check_shape(found)
    assert found.complete
    # (z - k) H(z - k) is 0 at k as the hinge is; so every kink is a boundary, and nothing else is.
    assert [part.high for part in found.parts[:-1]] == [exact(k) for k in sorted(kinks)]
    for part in found.parts:
        assert sp.Poly(part.expression, z).degree() <= 1
        for x in points_inside(part.low, part.high):
            direct = slope * x + value
            direct += sum(j * max(x - k, Fraction(0)) for k, j in zip(kinks, jumps, strict=True))
            assert part.expression.xreplace({z: exact(x)}) == exact(direct)


lines = st.tuples(rationals(), rationals())
nests = st.recursive(
    lines,
    lambda inner: st.tuples(st.sampled_from([max, min]), st.lists(inner, min_size=2, max_size=3)),
    max_leaves=6,
)


def _built(tree: tuple) -> sp.Expr:
    if tree[0] in (max, min):
        return (sp.Max if tree[0] is max else sp.Min)(*map(_built, tree[1]))
    return exact(tree[0]) * z + exact(tree[1])


def _direct(tree: tuple, x: Fraction) -> Fraction:
    if tree[0] in (max, min):
        return tree[0](_direct(part, x) for part in tree[1])
    return tree[0] * x + tree[1]


@given(nests)
def test_nested_max_and_min(tree: tuple) -> None:
    found = pieces(_built(tree))
    check_shape(found)
    assert found.complete
    for part in found.parts:
        for x in points_inside(part.low, part.high):
            assert part.expression.xreplace({z: exact(x)}) == exact(_direct(tree, x))
    for part, after in itertools.pairwise(found.parts):
        assert part.expression != after.expression, "parts are maximal"


# --- the whole grammar ------------------------------------------------------------------------


@given(grown(UNARY, BINARY), st.lists(st.integers(-80, 80), min_size=5, max_size=5))
@example(sp.sign(sp.log(sp.tanh(sp.tan(z)))), [1])
@example(sp.sqrt(sp.sin(sp.sin(z) * sp.tan(z))), [1])
@example(sp.Max(sp.sin(z), z / 2), [1, 19])
def test_any_expression(f: sp.Expr, numerators: list[int]) -> None:
    """In the parts the expression is defined and equals the formula; elsewhere it
    equals a branch.
    """
    try:
        found = pieces(f)
    except TooManyPieces:
        return
    check_shape(found)
    for part in found.parts:
        for x in points_inside(part.low, part.high):
            try:
                assert agree(f, part.expression, x), (part, x)
            except OutOfReach:
                continue
    for x in (Fraction(k, 10) + Fraction(1, 9973) for k in numerators):  # hardly ever a boundary
        if any(bool(part.low < exact(x)) and bool(exact(x) < part.high) for part in found.parts):
            continue
        assert not found.complete
        try:
            evaluate(f, mpmath.mpf(x.numerator) / x.denominator)
            assert any(_agrees_where_defined(f, branch, x) for branch in found.branches), x
        except (Undefined, OutOfReach):
            continue


def _agrees_where_defined(f: sp.Expr, branch: sp.Expr, x: Fraction) -> bool:
    try:
        return agree(f, branch, x)
    except Undefined:
        return False
