r"""An exact network whose weights are floats, float64 numbers or those of a smaller type.

An exact network in rational numbers is no longer exact once its weights are rounded.  For a
positively homogeneous σ there is a way: the scale of a channel is free, so every readout weight
becomes ± a power of two (times the odd part of σ's denominators), and the conditions of the pattern
are then linear in (w, b, c) with integer coefficients M y = d.  On a grid of multiples of 2^-g, y
is rounded, and the integer residual is taken away by a small integer solution, from the Hermite
normal form of M.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import frexp, lcm

from flint import fmpq, fmpz, fmpz_mat

from numerics.arithmetic.numbers import to_float
from numerics.certificates.conditions import Condition, Pattern, Stored, dot, holds, violated
from numerics.certificates.nearest import Nearest
from numerics.certificates.projection import solved

__all__ = ["TYPES", "dyadic", "rounded"]

TYPES = {"float64": (53, -1021), "float32": (24, -125), "float16": (11, -13), "bfloat16": (8, -125)}
"""Digits of a normal number 2^e x, 1/2 <= x < 1, and its least exponent e."""
BITS = {
    "float64": (44, 36, 28),
    "float32": (20, 18, 16, 14, 12),
    "float16": (8, 6, 4),
    "bfloat16": (5, 3),
}
"""Of the largest tap, tried in turn; the rest of the digits is room for c and
for the correction.
"""
ROUNDS = 8
"""So often windows are put on the ends of their branches."""
ZERO = fmpq(0)


def rounded(value: fmpq, dtype: str) -> fmpq:
    """The number of a type that is nearest; there is no largest one."""
    digits, least = TYPES[dtype]
    step = fmpq(2) ** (max(frexp(to_float(value))[1], least) - digits)
    whole = value / step
    floor = whole.floor()
    half = whole - floor - fmpq(1, 2)
    return (floor + (half > 0 or (half == 0 and floor % 2 == 1))) * step


def dyadic(near: Nearest, *, homogeneous: bool, dtype: str = "float64") -> Stored | None:
    """An exact network with weights of a type next to ``near``, up to the scale of its channels;
    None where none is found.

    The answer has been tested exactly: it meets all conditions, and every weight is a number of the
    type.
    """
    pattern = near.pattern
    if not homogeneous or pattern is None:
        return None
    for whole in (False, True):
        net = _rescaled(near, whole=whole)
        largest = max(map(abs, net.flat[:-1]))
        for bits in BITS[dtype] if largest else ():
            exact = _settled(near.conditions, pattern, net, _power(largest) / fmpq(2) ** bits)
            if exact is not None and all(rounded(x, dtype) == x for x in (*exact.flat, *exact.a)):
                return exact
    return None


def _settled(met: Sequence[Condition], pattern: Pattern, net: Stored, step: fmpq) -> Stored | None:
    """On multiples of ``step``; windows that rounding moves off their branch are put on its end."""
    conditions = [*met, *_standing(pattern, net)]
    for _ in range(ROUNDS):
        start = solved(conditions, net)
        rounded = None if start is None else _on_grid(conditions, start, step)
        if rounded is None or holds(pattern, rounded):
            return rounded
        gone = violated(pattern, rounded)
        if not gone:
            return None
        conditions += [Condition(plain={end.k: end.form}, value=kink) for end, kink in gone]
    return None


def _standing(pattern: Pattern, net: Stored) -> Iterator[Condition]:
    """Windows that are at the end of their branch."""
    for end in pattern.ends:
        value = dot(end.form, net.vector(end.k))
        if value in (end.branch.low, end.branch.high):
            yield Condition(plain={end.k: end.form}, value=value)


def _rescaled(near: Nearest, *, whole: bool) -> Stored:
    """Every a_k ± 2^j D_k with the nearest j; D_k is the odd part of the denominators of its
    coefficients, or 1 if ``whole``.
    """
    flat, a = [], []
    for k, old in enumerate(near.net.a):
        odd = lcm(
            *(int(fmpq(y).q) for x in near.conditions if k in x.product for y in x.product[k][0]), 1
        )
        while odd % 2 == 0:
            odd //= 2
        new = _power(abs(old) / odd) * odd * (1 if old > 0 else -1) if old else ZERO
        factor = old / new if old else fmpq(1)
        flat += [factor * x for x in near.net.vector(k)]
        a.append(new)
    return near.net.with_flat([*flat, near.net.offset], a=tuple(a))


def _power(value: fmpq) -> fmpq:
    """The power of two nearest to a positive number, by ratio."""
    j = int(value.p).bit_length() - int(value.q).bit_length()
    near = (fmpq(2) ** i for i in (j - 1, j, j + 1))
    return min(near, key=lambda power: max(power / value, value / power))


def _on_grid(conditions: Sequence[Condition], net: Stored, step: fmpq) -> Stored | None:
    """The network on multiples of ``step``, rounded and put right; None where the conditions have
    no solution there.
    """
    grid = net.with_flat([fmpq((x / step + fmpq(1, 2)).floor()) * step for x in net.flat])
    rows, right = [], []
    for x in conditions:
        row = x.row(net)
        scale = lcm(*(int(y.q) for y in row))
        if any(row):
            rows.append([int((y * scale).p) for y in row])
            right.append(-x.residual(grid) * scale / step)
    correction = _integers(rows, right)
    if correction is None:
        return None
    return grid.with_flat([x + y * step for x, y in zip(grid.flat, correction, strict=True)])


def _integers(rows: list[list[int]], right: list[fmpq]) -> list[fmpz] | None:
    """Integers X with M X = right, or None where there are none."""
    if any(value.q != 1 for value in right):
        return None
    # H = T Mᵀ is upper triangular with its zero rows last: with X = Tᵀ t, Hᵀ t = right from the
    # top.
    columns = fmpz_mat(rows).transpose()
    form, transform = columns.hnf(True)
    height, width = len(rows[0]), len(rows)
    t = [fmpz(0)] * height
    used = 0
    for i in range(width):
        value = fmpz(right[i].p) - sum((form[j, i] * t[j] for j in range(used)), fmpz(0))
        pivot = form[used, i] if used < height else fmpz(0)
        if pivot == 0:
            if value != 0:
                return None
            continue
        if value % pivot != 0:
            return None
        t[used] = value // pivot
        used += 1
    return [
        sum((transform[j, place] * t[j] for j in range(used)), fmpz(0)) for place in range(height)
    ]
