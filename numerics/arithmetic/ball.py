r"""Enclosures of a network's error: what r̂(r) - r is, to any precision, with the rounding accounted for.

    r̂(r) - r = c - r + Σ_k a_k Σ_i σ(b_k + Σ_u w_{k,u} x_r(i + u)),

summed over every position in ball arithmetic (Arb), from the definition: none of the laws enters.  Weights are
exact: floats are dyadic rationals, and a derived weight may hold sqrt, π or log.  Each ball contains the true
value; a ball that excludes 0 proves that the network errs at that radius, however small the error is.

σ is evaluated from its expression, node by node.  Where an argument's ball meets a jump, the value's ball holds
both sides: no value is assumed at the jump itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias

import sympy as sp
from flint import arb, ctx, fmpq

from numerics.arithmetic import oracle
from numerics.arithmetic.types import Rational
from theory.expressions.activation import ACTIVATIONS, z

__all__ = [
    "PRECISIONS",
    "Certified",
    "Net",
    "Number",
    "certified_error",
    "constant_ball",
    "dyadic",
    "error_ball",
    "expression_of",
    "largest_error",
    "responses",
    "sigma_ball",
    "window_counts",
]

PRECISIONS = (64, 128, 256, 512)
"""Bits that are tried in turn until a sign is decided."""

Function = Callable[[arb], arb]
Number: TypeAlias = "Rational | sp.Expr"
"""An exact number: rational, or with sqrt, π, log and the like."""


# ------------------------------------------------------------------------------------ activations


def expression_of(sigma: str | sp.Expr) -> sp.Expr:
    """σ(z) in the symbol z: that of a row of the catalogue, or the expression itself."""
    return ACTIVATIONS[sigma].expression if isinstance(sigma, str) else sigma


def sigma_ball(sigma: str | sp.Expr) -> Function:
    """x -> an enclosure of σ(x), for a row of the catalogue or an expression in z.

    The precision is flint's current one.  A ball that meets a jump is sent to the hull of both sides; where
    σ is not defined (a logarithm of 0, say) the value is not a number.

    Raises
    ------
    KeyError: no row has that name.
    ValueError: the expression holds a function that has no enclosure here.
    """
    return _compiled(expression_of(sigma))


def constant_ball(number: Number) -> arb:
    """An enclosure of an exact number, at flint's current precision.

    Floats are taken as the dyadic rationals they are; sympy numbers may hold sqrt, π, log and the like.

    Raises
    ------
    ValueError: a symbolic number with a function that has no enclosure here, or with a free symbol.
    """
    if isinstance(number, Fraction):
        return arb(fmpq(number.numerator, number.denominator))
    if isinstance(number, sp.Basic):
        if number.free_symbols:
            raise ValueError(f"not a number: {number}")
        return _compiled(number)(arb(0))
    return arb(number) if isinstance(number, int) else arb(float(number))


@lru_cache(maxsize=4096)
def _compiled(expression: sp.Expr) -> Function:
    """A closure per node; constants are enclosed when called, at the precision of the call."""
    if expression == z:
        return lambda x: x
    if expression.is_Rational:
        value = fmpq(int(expression.p), int(expression.q))
        return lambda x: arb(value)
    if expression in _CONSTANTS:
        make = _CONSTANTS[expression]
        return lambda x: make()
    if not expression.args or expression.func not in _NODES:
        raise ValueError(f"no enclosure for {expression.func.__name__}: {expression}")
    return _NODES[expression.func](expression)


def _sum(expression: sp.Expr) -> Function:
    first, *others = map(_compiled, expression.args)

    def value(x: arb) -> arb:
        total = first(x)
        for term in others:
            total = total + term(x)
        return total

    return value


def _product(expression: sp.Expr) -> Function:
    """Negative powers as one division: a/b is tighter than a · b⁻¹, and by one rounding cheaper."""
    over, under = sp.fraction(expression)
    if (inner := _logistic(under)) is not None:
        above, exponent = _compiled(over), _compiled(-inner)
        return lambda x: above(x) * _sigmoid(exponent(x))
    if under != 1:
        above, below = _compiled(over), _compiled(under)
        return lambda x: above(x) / below(x)
    first, *others = map(_compiled, expression.args)

    def value(x: arb) -> arb:
        result = first(x)
        for factor in others:
            result = result * factor(x)
        return result

    return value


def _power(expression: sp.Expr) -> Function:
    base, exponent = expression.args
    if exponent == -1 and (argument := _logistic(base)) is not None:
        outwards = _compiled(-argument)
        return lambda x: _sigmoid(outwards(x))
    inner = _compiled(base)
    if exponent.is_Integer:
        n = int(exponent)
        return lambda x: _whole_power(inner(x), n)
    if exponent == sp.S.Half:
        return lambda x: inner(x).sqrt()
    if exponent == -sp.S.Half:
        return lambda x: 1 / inner(x).sqrt()
    outer = _compiled(exponent)
    return lambda x: inner(x) ** outer(x)


def _whole_power(x: arb, n: int) -> arb:
    """x^n by squaring; an even power is taken of |x|, so that its ball does not reach below 0."""
    base, left, result = abs(x) if n % 2 == 0 else x, abs(n), arb(1)
    while left:
        if left % 2:
            result = result * base
        left //= 2
        if left:
            base = base * base
    return result if n >= 0 else 1 / result


def _logistic(expression: sp.Expr) -> sp.Expr | None:
    """u of 1 + exp(u)."""
    exponential = expression - 1 if expression.is_Add else None
    return exponential.args[0] if isinstance(exponential, sp.exp) else None


def _rising(apply: Callable[[arb], arb]) -> Callable[[arb], arb]:
    """A function that increases, on wide balls from its values at both ends."""

    def value(x: arb) -> arb:
        if x.rad() < NARROW or not x.is_finite():
            return apply(x)
        return apply(arb(x.lower())).union(apply(arb(x.upper())))

    return value


NARROW = 2**-4
"""Balls with a smaller radius are sent through a formula as they are."""


@_rising
def _sigmoid(x: arb) -> arb:
    """1/(1 + exp(-x)); the exponential is never large."""
    small = (-abs(x)).exp()
    return small / (1 + small) if x < 0 else 1 / (1 + small) if x > 0 else 1 / (1 + (-x).exp())


@_rising
def _softplus(x: arb) -> arb:
    """log(1 + exp(x)), likewise."""
    if x > 0:
        return x + (-x).exp().log1p()
    return x.exp().log1p()


def _logarithm(expression: sp.Expr) -> Function:
    if (inner := _logistic(expression.args[0])) is None:
        return _elementary(arb.log)(expression)
    exponent = _compiled(inner)
    return lambda x: _softplus(exponent(x))


def _sides(x: arb) -> arb:
    """The sign of every number in the ball but 0; both signs when 0 is in it."""
    if x > 0:
        return arb(1)
    return arb(-1) if x < 0 else arb(0, 1)


def _step(x: arb) -> arb:
    """The Heaviside step; [0, 1] when 0 is in the ball."""
    if x > 0:
        return arb(1)
    return arb(0) if x < 0 else arb(fmpq(1, 2), fmpq(1, 2))


def _elementary(apply: Callable[[arb], arb]) -> Callable[[sp.Expr], Function]:
    def make(expression: sp.Expr) -> Function:
        inner = _compiled(expression.args[0])
        return lambda x: apply(inner(x))

    return make


def _extreme(choose: Callable[[arb, arb], arb]) -> Callable[[sp.Expr], Function]:
    def make(expression: sp.Expr) -> Function:
        first, *others = map(_compiled, expression.args)

        def value(x: arb) -> arb:
            best = first(x)
            for other in others:
                best = choose(best, other(x))
            return best

        return value

    return make


_CONSTANTS: dict[sp.Expr, Callable[[], arb]] = {sp.pi: arb.pi, sp.E: arb.const_e}
_NODES: dict[Any, Callable[[sp.Expr], Function]] = {
    sp.Add: _sum,
    sp.Mul: _product,
    sp.Pow: _power,
    sp.Max: _extreme(arb.max),
    sp.Min: _extreme(arb.min),
    sp.Abs: _elementary(abs),
    sp.sign: _elementary(_sides),
    sp.Heaviside: _elementary(_step),
    sp.exp: _elementary(arb.exp),
    sp.log: _logarithm,
    sp.sin: _elementary(arb.sin),
    sp.cos: _elementary(arb.cos),
    sp.tan: _elementary(arb.tan),
    sp.sinh: _elementary(arb.sinh),
    sp.cosh: _elementary(arb.cosh),
    sp.tanh: _elementary(_rising(arb.tanh)),
    sp.atan: _elementary(_rising(arb.atan)),
    sp.erf: _elementary(_rising(arb.erf)),
    sp.erfc: _elementary(arb.erfc),
}


# --------------------------------------------------------------------------------------- networks


@dataclass(frozen=True)
class Net:
    """A network with exact weights: ints, floats (taken as dyadic), Fractions or sympy numbers.

    Attributes
    ----------
    sigma: a row of the catalogue, or an expression in z.
    w: K filters of n taps each.  b, a: K numbers each.
    c: the readout bias; None stands for c = -Σ a_k (N g_k(0) + κ_k), which removes the error at half-integers.
    """

    sigma: str | sp.Expr
    w: tuple[tuple[Number, ...], ...]
    b: tuple[Number, ...]
    a: tuple[Number, ...]
    c: Number | None = None

    @property
    def taps(self) -> int:
        """n."""
        return len(self.w[0])


@lru_cache(maxsize=4096)
def window_counts(
    r: Fraction, half_length: int, n: int
) -> tuple[tuple[tuple[Fraction, ...], int], ...]:
    """Every window that a filter of n taps sees of the pulse, and at how many positions; same padding."""
    h = n // 2
    padded = [Fraction(0)] * h + oracle.overlap_pulse(r, half_length) + [Fraction(0)] * h
    windows = (tuple(padded[i : i + n]) for i in range(2 * half_length + 1))
    return tuple(Counter(windows).items())


@dataclass(frozen=True)
class _Balls:
    """The weights of a network enclosed at one precision."""

    sigma: Function
    w: list[list[arb]]
    b: list[arb]
    a: list[arb]

    def response(self, windows: Iterable[tuple[tuple[Fraction, ...], int]]) -> arb:
        """Σ_k a_k Σ count σ(b_k + w_k · window)."""
        total = arb(0)
        for window, count in windows:
            for w, b, a in zip(self.w, self.b, self.a, strict=True):
                value = b
                for weight, x in zip(w, window, strict=True):
                    if x == 1:
                        value = value + weight
                    elif x:
                        value = value + weight * arb(fmpq(x.numerator, x.denominator))
                total = total + a * count * self.sigma(value)
        return total


def _balls(net: Net) -> _Balls:
    return _Balls(
        sigma_ball(net.sigma),
        [[constant_ball(value) for value in row] for row in net.w],
        [constant_ball(value) for value in net.b],
        [constant_ball(value) for value in net.a],
    )


def _background(balls: _Balls, n: int, half_length: int) -> arb:
    """Σ_k a_k (N g_k(0) + κ_k): the pulse of radius n/2 answers 2rΔ + κ + N g(0) with r = n/2.

    κ = Σ_{j=-h}^{h-1} [g(C_j) + g(T_{j+1}) - g(0) - g(S)], a window (1..1, 0..0) or (0..0, 1..1) for each term.
    """
    zero, full = (Fraction(0),) * n, (Fraction(1),) * n
    steps: list[tuple[tuple[Fraction, ...], int]] = [(zero, 2 * half_length + 1)]
    for lit in range(1, n):
        steps += [(full[:lit] + zero[lit:], 1), (zero[lit:] + full[:lit], 1)]
    steps += [(zero, 1 - n), (full, 1 - n)]
    return balls.response(steps)


def responses(
    sigma: str | sp.Expr,
    w: Sequence[Number],
    b: Number,
    radii: Sequence[Fraction],
    half_length: int,
) -> list[arb]:
    """Σ_i σ(b + (w ⋆ x_r)_i) for each radius, enclosed at flint's current precision."""
    balls = _balls(Net(sigma, (tuple(w),), (b,), (1,)))
    return [balls.response(window_counts(r, half_length, len(w))) for r in radii]


def error_ball(net: Net, r: Fraction, half_length: int, precision: int = 128) -> arb:
    """An enclosure of r̂(r) - r on the signal i = -L..L, L = ``half_length``, at ``precision`` bits.

    Raises
    ------
    ValueError: the pulse would leave the signal.
    """
    if not Fraction(1, 2) <= r <= half_length + Fraction(1, 2):
        raise ValueError(f"the radius {r} does not lie in [1/2, {half_length} + 1/2]")
    with ctx.workprec(precision):
        balls = _balls(net)
        known = net.c is not None
        c = constant_ball(net.c) if known else -_background(balls, net.taps, half_length)
        return c + balls.response(window_counts(r, half_length, net.taps)) - constant_ball(r)


@dataclass(frozen=True)
class Certified:
    """What is proved of |r̂ - r| over some radii.

    Attributes
    ----------
    radius: where the error is proved to be nonzero; None: the sign of no error was decided.
    bound: a lower bound of |r̂ - r| there, exact, > 0 when decided, else 0.
    precision: the bits it took, or the last that were tried.
    """

    radius: Fraction | None
    bound: Fraction
    precision: int

    @property
    def decided(self) -> bool:
        """The error is proved to be nonzero at some radius."""
        return self.radius is not None


def certified_error(
    net: Net,
    radii: Sequence[Fraction],
    half_length: int,
    precisions: Sequence[int] = PRECISIONS,
) -> Certified:
    """The largest lower bound of |r̂ - r| over the radii that is proved to exceed 0.

    The precision is raised until one sign is decided.  When it ends first, nothing is said: the network may
    be exact, or wrong by less than the last precision shows.

    Raises
    ------
    ValueError: no radius, no precision, or a pulse would leave the signal.
    """
    if not radii or not precisions:
        raise ValueError("a radius and a precision are needed")
    for precision in precisions:
        best = Certified(None, Fraction(0), precision)
        for r in radii:
            ball = error_ball(net, r, half_length, precision)
            if ball.is_finite() and dyadic(ball.abs_lower()) > best.bound:
                best = Certified(r, dyadic(ball.abs_lower()), precision)
        if best.decided:
            return best
    return best


def largest_error(
    net: Net, radii: Iterable[Fraction], half_length: int, precision: int = 256
) -> tuple[Fraction, bool]:
    """(an upper bound of max |r̂ - r| over the radii, whether every enclosure contains 0).

    Raises
    ------
    ValueError: some error has no finite enclosure, or a pulse would leave the signal.
    """
    most, inside = Fraction(0), True
    for r in radii:
        ball = error_ball(net, r, half_length, precision)
        if not ball.is_finite():
            raise ValueError(f"the error at {r} has no finite enclosure")
        most = max(most, dyadic(ball.abs_upper()))
        inside = inside and ball.contains(0)
    return most, inside


def dyadic(x: arb) -> Fraction:
    """The midpoint of a finite ball, as the dyadic rational it is."""
    mantissa, exponent = x.mid().man_exp()
    return int(mantissa) * Fraction(2) ** int(exponent)
