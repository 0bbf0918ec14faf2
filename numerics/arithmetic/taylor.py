r"""Taylor coefficients of the catalogue's rows, enclosed: s_k = σ⁽ᵏ⁾/k! for k = 0, ..., 12.

σ is evaluated from its expression on power series x + ε, with balls (Arb) as coefficients:

    σ(x + ε) = s_0 + s_1 ε + ... + s_12 ε¹² + O(ε¹³),        x a number or an interval.

On an interval each ball holds s_k at all of its points, so the twelfth bounds what a polynomial of
degree 11 leaves out.  A sign of s_2 that its ball decides is certain; between two opposite ones
lies an inflection.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, reduce
from itertools import pairwise

import numpy as np
import sympy as sp
from flint import arb, arb_series, ctx

from numerics.arithmetic.ball import constant_ball
from numerics.arithmetic.types import Array
from numerics.arithmetic.walk import Arithmetic, compiled, expression_of

__all__ = [
    "TERMS",
    "Kinked",
    "at_inflection",
    "coefficients_at",
    "expanding",
    "inflections",
    "last_bound",
    "series",
    "taylor",
]

TERMS = 12
"""The last order."""


@contextmanager
def expanding(bits: int = 128) -> Iterator[None]:
    """Within it flint's series have :data:`TERMS` + 1 terms, and its numbers so many bits."""
    cap, ctx.cap = ctx.cap, TERMS + 1
    try:
        with ctx.workprec(bits):
            yield
    finally:
        ctx.cap = cap


def taylor(name: str, centre: float, radius: float = 0.0) -> Array:
    """Bounds (2, 13): the least and the greatest value of s_k = σ⁽ᵏ⁾/k! on [centre - radius, centre
    + radius].

    Where σ is not smooth there, the bounds are -inf and inf.
    """
    try:
        with expanding():
            expansion = series(name)(arb_series([arb(centre, radius), 1], prec=TERMS + 1))
            coefficients = [expansion[k] for k in range(TERMS + 1)]
            ends = [(float(x.lower()), float(x.upper())) for x in coefficients]
    except Kinked:
        ends = [(-np.inf, np.inf)] * (TERMS + 1)
    return np.array(ends).T


class Kinked(Exception):
    """|x| or 1/x was asked for around 0, or the larger of two that meet."""


def series(sigma: str | sp.Expr) -> Callable[[arb_series], arb_series]:
    """σ on power series, for a row of the catalogue or an expression in z.

    To be called within :func:`expanding`; raises :class:`Kinked` where σ is not smooth.  Constants
    are enclosed once, at the precision of the first call.

    Raises
    ------
    ValueError: the expression holds a function without a series here.
    """
    return compiled(expression_of(sigma), SERIES)


def _constant(expression: sp.Expr) -> Callable[[], arb_series] | None:
    if expression.free_symbols:
        return None
    constant = arb_series([constant_ball(expression)], prec=TERMS + 1)
    return lambda: constant


def _power(base: arb_series, n: int) -> arb_series:
    return reduce(operator.mul, [base] * n)


def _quotient(over: arb_series, under: arb_series) -> arb_series:
    if 0 in under[0]:
        raise Kinked
    return over / under


def _extreme(first: arb_series, second: arb_series, *, larger: bool) -> arb_series:
    """The larger or smaller of two, which must not meet."""
    if first[0] > second[0]:
        return first if larger else second
    if first[0] < second[0]:
        return second if larger else first
    raise Kinked


def _absolute(x: arb_series) -> arb_series:
    if 0 in x[0]:
        raise Kinked
    return x if x[0] > 0 else -x


def _over_ends(rising: Callable[[arb], arb], x: arb) -> arb:
    """A monotone function on a ball: exp of a wide one would hold 0 and less."""
    return rising(arb(x.lower())).union(rising(arb(x.upper())))


def _steps(u: arb_series) -> tuple[list[arb], list[arb]]:
    """y = 1/(1 + exp -u) and (u'y)_k, k < 12, from y' = y(1 - y)u'; 1 - y by itself, so that it is
    small where y nears 1.
    """
    y = [_over_ends(lambda t: 1 / (1 + (-t).exp()), u[0])]
    other = [_over_ends(lambda t: 1 / (1 + t.exp()), u[0])]
    # u' ends where u does: for the line that supremum.py asks for it is one number.
    rise = [k * u[k] for k in range(1, len(u))]
    q, slope = list[arb](), list[arb]()
    for k in range(TERMS):
        q.append(_coefficient(y, other))
        slope.append(_coefficient(rise, y))
        y.append(_coefficient(rise, q) / (k + 1))
        other.append(-y[-1])
    return y, slope


def _coefficient(f: list[arb], g: list[arb]) -> arb:
    """The coefficient (f g)_k, where g ends with g_k, and f there or before."""
    return sum(map(operator.mul, f, reversed(g)), arb(0))


def _logistic(u: arb_series) -> arb_series:
    return arb_series(_steps(u)[0], prec=TERMS + 1)


def _softplus(u: arb_series) -> arb_series:
    """log(1 + exp u), whose derivative is u' times the logistic function."""
    first = _over_ends(lambda t: (1 + t.exp()).log(), u[0])
    coefficients = [value / (k + 1) for k, value in enumerate(_steps(u)[1])]
    return arb_series([first, *coefficients], prec=TERMS + 1)


SERIES = Arithmetic(
    constant=_constant,
    functions={
        sp.exp: arb_series.exp,
        sp.log: arb_series.log,
        sp.sin: arb_series.sin,
        sp.atan: arb_series.atan,
        sp.erf: arb_series.erf,
        sp.tanh: lambda u: 2 * _logistic(2 * u) - 1,
        sp.Abs: _absolute,
    },
    joins={
        sp.Add: operator.add,
        sp.Mul: operator.mul,
        sp.Max: lambda first, second: _extreme(first, second, larger=True),
        sp.Min: lambda first, second: _extreme(first, second, larger=False),
    },
    power=_power,
    divide=_quotient,
    logistic=_logistic,
    softplus=_softplus,
)
"""Power series with balls as coefficients."""


@cache
def coefficients_at(name: str, centre: float) -> Array:
    """s_0, ..., s_12 at a point: (13,), the middles of their enclosures, 0 where that holds 0."""
    low, high = taylor(name, centre)
    return _middle(low, high)


def _middle(low: Array, high: Array) -> Array:
    """The middle of an enclosure, and 0 where it holds 0."""
    holds = (low <= 0) & (high >= 0)
    return np.where(holds, 0.0, np.where(holds, 0.0, low) / 2 + np.where(holds, 0.0, high) / 2)


@cache
def last_bound(name: str, c: float, reach: float) -> float:
    """A bound on |s_12| over [c ± reach], from enclosures on short pieces; inf where σ is not
    smooth there.
    """
    pieces = max(1, int(np.ceil(16 * reach)))
    middles = c - reach + (2 * np.arange(pieces) + 1) * (reach / pieces)
    return max(float(np.max(np.abs(taylor(name, m, reach / pieces)[:, TERMS]))) for m in middles)


@cache
def inflections(name: str) -> tuple[float, ...]:
    """The places in [-7, 7] where σ'' changes its sign, by bisection; exact where
    that is a float.
    """
    grid = 0.1 * np.arange(-70, 71) - 0.05
    signs = [np.sign(coefficients_at(name, float(x))[2]) for x in grid]
    places = []
    for (low, before), (high, after) in pairwise(zip(grid.tolist(), signs, strict=True)):
        if before * after < 0:
            middle = round(low + high, 9) / 2
            while low < middle < high and (value := np.sign(coefficients_at(name, middle)[2])) != 0:
                low, high = (middle, high) if value == before else (low, middle)
                middle = (low + high) / 2
            places.append(middle)
    return tuple(places)


@cache
def at_inflection(name: str, t: float) -> tuple[float, ...]:
    """s_1, ..., s_5 at an inflection, which is known to a few units in the last place: 0 where it
    may be 0.
    """
    low, high = taylor(name, t, 2.0**-45)
    return tuple(_middle(low, high)[1:6].tolist())
