"""Random expressions in z, and their values over the reals, written apart from the package."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import mpmath
import sympy as sp
from flint import arb
from hypothesis import strategies as st

from tests.strategies import rationals
from theory.expressions.enclosure import z

oo, half = sp.oo, sp.Rational(1, 2)


def exact(x: Fraction) -> sp.Rational:
    """The same number for sympy."""
    return sp.Rational(x.numerator, x.denominator)


def contains(ball: arb, value: Fraction) -> bool:
    """Without rounding the value: arb's own test would enclose it first."""
    return bool((ball * value.denominator - value.numerator).contains(0))


def H(f: sp.Expr) -> sp.Expr:
    """The step that is 0 at 0."""
    return sp.Heaviside(f, 0)


# --- values -----------------------------------------------------------------------------------


class Undefined(ValueError):
    """The expression has no real value here."""


class OutOfReach(ArithmeticError):
    """A number too large for the working precision to tell 1 - exp(-x) from 1."""


ELEMENTARY = {
    sp.exp: (mpmath.exp, 1000),
    sp.sinh: (mpmath.sinh, 1000),
    sp.cosh: (mpmath.cosh, 1000),
    sp.tanh: (mpmath.tanh, 1000),
    sp.erf: (mpmath.erf, 30),
    sp.atan: (mpmath.atan, 10**30),
    sp.sin: (mpmath.sin, 10**30),
    sp.cos: (mpmath.cos, 10**30),
    sp.tan: (mpmath.tan, 10**30),
}
"""The real functions, and the largest arguments: beyond, 2,000 digits might not do."""


def evaluate(f: sp.Expr, x: mpmath.mpf) -> mpmath.mpf:
    """f(x) over the reals in mpmath's current precision, node by node."""
    if f == z:
        return x
    if f.is_Rational:
        return mpmath.mpf(int(f.p)) / int(f.q)
    if not f.args or isinstance(f, sp.CRootOf):
        return mpmath.mpf(str(sp.N(f, mpmath.mp.dps + 5)))
    a = [evaluate(arg, x) for arg in f.args]
    if f.func in ELEMENTARY:
        function, largest = ELEMENTARY[f.func]
        if abs(a[0]) > largest:
            raise OutOfReach
        return function(a[0])
    if f.is_Pow:
        if (a[0] == 0 and f.exp.is_negative) or (a[0] < 0 and not f.exp.is_Integer):
            raise Undefined
        return a[0] ** (int(f.exp) if f.exp.is_Integer else a[1])
    if f.func is sp.log and a[0] <= 0:
        raise Undefined
    rules: dict[type, Callable] = {
        sp.Add: lambda *t: mpmath.fsum(t),
        sp.Mul: lambda *t: mpmath.fprod(t),
        sp.log: mpmath.log,
        sp.Abs: abs,
        sp.Max: max,
        sp.Min: min,
        sp.sign: mpmath.sign,
        sp.Heaviside: lambda t, middle: middle if t == 0 else mpmath.mpf(t > 0),
    }
    return rules[f.func](*a)


def number(end: sp.Expr) -> Fraction:
    """A finite end as a fraction, to 60 digits."""
    return Fraction(str(sp.N(end, 60)))


def points_inside(low: sp.Expr, high: sp.Expr) -> list[Fraction]:
    """Rational points inside an interval, some close to its ends; half-lines are cut after 100."""
    a = number(low) if low.is_finite else number(high) - 100 if high.is_finite else Fraction(-100)
    b = number(high) if high.is_finite else a + (100 if low.is_finite else 200)
    shares = (Fraction(1, 10**6), Fraction(1, 50), *(Fraction(k, 7) for k in range(1, 7)))
    # the 60 digits of an irrational end leave room for far more than 10^-6 of the interval
    return [a + (b - a) * t for share in shares for t in (share, 1 - share)]


# --- random trees -----------------------------------------------------------------------------


def _real(build: Callable, *args: sp.Expr) -> sp.Expr | None:
    """The expression, or None where sympy finds that it is infinite or not real."""
    try:
        f = build(*args)
    except (ValueError, TypeError):  # Max and Min of arguments that sympy knows not to be real
        return None
    return None if f.has(sp.zoo, sp.nan, oo, -oo, sp.I, sp.AccumBounds) else f


UNARY = [
    sp.Abs,
    sp.sign,
    H,
    sp.exp,
    sp.log,
    sp.sin,
    sp.cos,
    sp.tan,
    sp.tanh,
    sp.atan,
    sp.erf,
    sp.sqrt,
    sp.sinh,
    sp.cosh,
    lambda f: f**2,
    lambda f: f**3,
    lambda f: 1 / f,
    lambda f: f ** sp.Rational(2, 3),
    lambda f: f**-half,
    lambda f: 1 / (1 + sp.exp(-f)),
    lambda f: sp.Max(f, 0),
]
BINARY = [
    sp.Max, sp.Min, sp.Add, sp.Mul, sp.Add, sp.Mul, lambda f, g: f - g, lambda f, g: f / g,
]  # fmt: skip


def grown(unary: list, binary: list) -> st.SearchStrategy[sp.Expr]:
    """Random trees."""
    leaf = st.just(z) | st.just(z) | rationals().map(exact)
    return st.recursive(
        leaf,
        lambda inner: (
            st.builds(_real, st.sampled_from(unary), inner)
            | st.builds(_real, st.sampled_from(binary), inner, inner)
        ).filter(lambda f: f is not None),
        max_leaves=6,
    )
