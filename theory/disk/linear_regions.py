r"""What a pattern of pieces leaves of a loss: a linear regression.

Let σ be continuous and piecewise linear, σ(z) = s z + o on a piece.  In a channel put V = a (w, b).
A window U (with a final 1) on that piece contributes

    a σ(U·v) = s (U·V) + o a,

linear in (V, a); on a kink t both pieces say the same, and U·V = t a.  So with the pieces and the
held kinks of all windows fixed, r̂ is linear in x = (V_1, a_1, ..., c), on a subspace, and the loss
is |Mx - r|²/R.  Where no a_k is 0 the weights are stationary along their facet if and only if x is;
then the loss is the least value of that regression, whatever the weights.
Derivation: docs/disk/shares.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import sympy as sp
from sympy.polys.domains import QQ
from sympy.polys.rings import PolyElement, ring

from theory.claim import Step
from theory.expressions.activation import ACTIVATIONS
from theory.expressions.pieces import z
from theory.types import Scalar

__all__ = ["Part", "part", "pieces", "prove_facets", "rows"]

Part = Callable[[Scalar, Scalar, Scalar, Scalar], Any]
"""A piece's slope and intercept, U·V and a -> a σ(U·v)."""


def part(slope: Scalar, intercept: Scalar, response: Scalar, read: Scalar) -> Any:
    """a σ(U·v) from ``response`` = U·V and ``read`` = a, on the piece σ(z) =
    slope·z + intercept.
    """
    return slope * response + intercept * read


def pieces(name: str) -> tuple[tuple[Any, Any], ...]:
    """(slope, intercept) of a row's pieces, from left to right.

    Raises
    ------
    ValueError: the row is not piecewise linear.
    """
    row = ACTIVATIONS[name]
    if not row.piecewise_linear:
        raise ValueError(f"{name} is not piecewise linear")
    return tuple((piece[2], piece[3]) for piece in row.affine_pieces)


@cache
def rows() -> tuple[str, ...]:
    """The activations that are piecewise linear."""
    return tuple(name for name, row in ACTIVATIONS.items() if row.piecewise_linear)


def prove_facets(law: Part) -> Iterator[Step]:
    """Pieces and kinks of every row; the gradient by the chain rule; and that a quadratic is least
    where its gradient is 0.
    """
    a = sp.Symbol("a", real=True)
    for name in rows():
        row, lines = ACTIVATIONS[name], pieces(name)
        kinks = [kink.location for kink in row.kinks]
        inside = (
            [kinks[0] - 1, *((x + y) / 2 for x, y in pairwise(kinks)), kinks[-1] + 1]
            if kinks
            else [sp.Integer(2)]
        )
        same = all(
            sp.expand(law(s, o, a * x, a) - a * row.expression.xreplace({z: x})) == 0
            for x in inside
            for s, o in [lines[inside.index(x)]]
        )
        yield Step(f"{name}: every piece", same and len(lines) == len(inside))
        met = zip(kinks, pairwise(lines), strict=True)
        yield Step(
            f"{name}: both sides of a kink",
            all(
                sp.expand(law(*before, t * a, a) - law(*after, t * a, a)) == 0
                for t, (before, after) in met
            ),
        )
    for channels in (1, 2):
        yield from _prove_gradient(law, channels)
    x, d, r = (
        sp.symbols("x:2", real=True),
        sp.symbols("d:2", real=True),
        sp.symbols("r:3", real=True),
    )
    m = [[sp.Symbol(f"m{i}{j}", real=True) for j in range(2)] for i in range(3)]
    error = [sp.Add(*(m[i][j] * x[j] for j in range(2))) - r[i] for i in range(3)]
    moved = [sp.Add(*(m[i][j] * d[j] for j in range(2))) for i in range(3)]
    mixed = sp.Add(*(2 * e * f for e, f in zip(error, moved, strict=True)))
    gap = sp.Add(*((e + f) ** 2 - e**2 - f**2 for e, f in zip(error, moved, strict=True))) - mixed
    by_x = sp.Add(*(d[j] * sp.diff(sp.Add(*(e**2 for e in error)), x[j]) for j in range(2)))
    yield Step(
        "a quadratic is least where its gradient is 0",
        sp.expand(gap) == 0 and sp.expand(mixed - by_x) == 0,
    )


def _prove_gradient(law: Part, channels: int) -> Iterator[Step]:
    """∂/∂v = a ∂/∂V and ∂/∂a = ∂/∂a + v·∂/∂V, the loss written with σ's pieces, the quadratic with
    the law; three windows, two radii.
    """
    radii, windows, size = range(2), range(3), range(2)
    names = [f"u{s}{i}" for s in windows for i in size] + [
        f"n{j}{s}" for j in radii for s in windows
    ]
    own = ("v0", "v1", "V0", "V1", "a", "s0", "s1", "s2", "o0", "o1", "o2")
    names += [f"{name}_{k}" for k in range(channels) for name in own]
    every = iter(ring(["c", "r0", "r1", *names], QQ)[1:])

    def take(count: int) -> list[PolyElement]:
        return [next(every) for _ in range(count)]

    (c,), r = take(1), take(2)
    u, n = [take(2) for _ in windows], [take(3) for _ in radii]
    v, big, a, s, o = zip(
        *([take(2), take(2), *take(1), take(3), take(3)] for _ in range(channels)), strict=True
    )

    def dot(left: Sequence[PolyElement], right: Sequence[PolyElement]) -> PolyElement:
        return sum(x * y for x, y in zip(left, right, strict=True))

    def answer(j: int, term: Callable[[int, int], PolyElement]) -> PolyElement:
        return c + sum(n[j][i] * term(k, i) for k in range(channels) for i in windows)

    answers = [answer(j, lambda k, i: a[k] * (s[k][i] * dot(u[i], v[k]) + o[k][i])) for j in radii]
    linear = [answer(j, lambda k, i: law(s[k][i], o[k][i], dot(u[i], big[k]), a[k])) for j in radii]
    loss, quadratic = (
        sum((y - x) ** 2 for y, x in zip(each, r, strict=True)) for each in (answers, linear)
    )
    products = [(big[k][i], a[k] * v[k][i]) for k in range(channels) for i in size]

    def slope(x: PolyElement) -> PolyElement:
        return quadratic.diff(x).compose(products)

    gaps = [loss.diff(v[k][i]) - a[k] * slope(big[k][i]) for k in range(channels) for i in size]
    gaps += [
        loss.diff(a[k]) - slope(a[k]) - dot(v[k], [slope(x) for x in big[k]])
        for k in range(channels)
    ]
    gaps += [loss.diff(c) - slope(c), loss - quadratic.compose(products)]
    yield Step(f"stationary in the weights and in the products, K = {channels}", not any(gaps))
